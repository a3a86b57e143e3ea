//! Step 1: information and rights, language, terms.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Errors, Stepper, adults_only, draft_of, refused, saved_line, vouched_only};
use crate::app::App;
use crate::declaration::{RightsAnswers, languages, save_rights};
use crate::error::PageError;
use crate::form::{Asked, Form};
use crate::identity::SignedInCitizen;
use crate::information::rights::{self, Group, Item};
use crate::orientation::{self, Choice, Offence, catalogue};
use crate::page::{Ctx, render, render_with};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    nature: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RightsForm {
    nature: String,
    version: String,
    francais: String,
    langue: String,
    interprete: String,
    droits: String,
    cgu: String,
}

/// One group of rights on the page.
struct Section {
    title: String,
    items: Vec<Line>,
}

struct Line {
    title: String,
    text: String,
    citation: String,
}

#[derive(Template)]
#[template(path = "declaration/rights.html")]
struct RightsPage {
    ctx: Ctx,
    stepper: Stepper,
    saved: String,
    resumed: bool,
    nature_label: String,
    notices: Vec<Line>,
    sections: Vec<Section>,
    warning: Vec<Line>,
    version: &'static str,
    form: RightsForm,
    speaks: Vec<Choice>,
    languages: Vec<Choice>,
    errors: Errors,
}

impl RightsPage {
    fn new(ctx: Ctx, offence: &Offence, form: RightsForm, errors: Errors, saved: String) -> Self {
        let line = |item: &&Item| Line {
            title: item.title(ctx.lang),
            text: item.text(ctx.lang),
            citation: item.citation(ctx.lang, ctx.now),
        };
        let lines = |group| rights::items_of(group).iter().map(line).collect::<Vec<_>>();
        let choice = |value: &str, label: &str| Choice {
            value: value.into(),
            label: ctx.t(label),
            hint: String::new(),
        };
        RightsPage {
            stepper: Stepper::at(&ctx, 1),
            resumed: !saved.is_empty(),
            saved,
            nature_label: offence.label.in_lang(ctx.lang).to_owned(),
            notices: lines(Group::Notice),
            sections: vec![
                Section {
                    title: ctx.t("declaration-rights-yours"),
                    items: lines(Group::Rights),
                },
                Section {
                    title: ctx.t("declaration-rights-after"),
                    items: lines(Group::After),
                },
            ],
            warning: lines(Group::Warning),
            version: rights::version(),
            form,
            speaks: vec![
                choice("oui", "declaration-french-yes"),
                choice("non", "declaration-french-no"),
            ],
            languages: languages::all()
                .filter(|(tag, _)| *tag != "fr")
                .map(|(tag, own)| Choice {
                    value: tag.into(),
                    label: own.into(),
                    hint: String::new(),
                })
                .collect(),
            errors,
            ctx: ctx.with_quick_exit(),
        }
    }
}

pub(super) async fn show(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Asked(asked): Asked<Address>,
) -> Result<Html<String>, PageError> {
    vouched_only(&citizen)?;
    adults_only(&citizen, ctx.now)?;
    let draft = draft_of(&app, &citizen).await?;
    let code = match &draft {
        Some((draft, _)) if asked.nature.is_empty() => &draft.offence,
        _ => &asked.nature,
    };
    let Some(offence) = catalogue().offence(code) else {
        return Err(PageError::Redirect("/orientation".into()));
    };
    if !orientation::allows_video(catalogue(), offence) {
        return Err(PageError::Redirect(orientation::path_of_outcome(offence)));
    }
    let mut form = RightsForm {
        nature: offence.code.clone(),
        ..RightsForm::default()
    };
    let mut saved = String::new();
    if let Some((draft, content)) = &draft {
        form.francais = if content.spoken_language == "fr" {
            "oui"
        } else {
            "non"
        }
        .into();
        form.langue.clone_from(&content.spoken_language);
        if content.interpreter {
            form.interprete = "oui".into();
        }
        saved = saved_line(&app, &ctx, draft).await?;
    }
    render(&RightsPage::new(
        ctx,
        offence,
        form,
        Errors::default(),
        saved,
    ))
}

pub(super) async fn save(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Form(form): Form<RightsForm>,
) -> Result<Response, PageError> {
    vouched_only(&citizen)?;
    let Some(offence) = catalogue().offence(&form.nature) else {
        return Err(PageError::Redirect("/orientation".into()));
    };
    let answers = match read(&ctx, &form, offence) {
        Ok(answers) => answers,
        Err(errors) => {
            let page = RightsPage::new(ctx, offence, form, errors, String::new());
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let mut tx = app.db.begin().await?;
    save_rights(&mut tx, &app.keys, &citizen, ctx.lang, &answers, ctx.now)
        .await
        .map_err(|error| refused(error, Some(offence)))?;
    tx.commit().await?;
    Ok(Redirect::to("/declaration/coordonnees").into_response())
}

fn read<'a>(
    ctx: &Ctx,
    form: &RightsForm,
    offence: &'a Offence,
) -> Result<RightsAnswers<'a>, Errors> {
    let mut errors = Errors::default();
    if form.version != rights::version() {
        errors.add("droits", ctx.t("declaration-rights-changed"));
    } else if form.droits != "oui" {
        errors.add("droits", ctx.t("declaration-rights-unread"));
    }
    let spoken_language = match form.francais.as_str() {
        "oui" => "fr",
        "non" => form.langue.as_str(),
        _ => {
            errors.add("francais", ctx.t("declaration-french-error"));
            "fr"
        }
    };
    let speaks_french = form.francais != "non";
    if !speaks_french && (!languages::exists(spoken_language) || spoken_language == "fr") {
        errors.add("langue", ctx.t("declaration-language-error"));
    }
    if form.cgu != "oui" {
        errors.add("cgu", ctx.t("declaration-terms-error"));
    }
    if errors.is_empty() {
        Ok(RightsAnswers {
            offence,
            spoken_language: spoken_language.to_owned(),
            interpreter: !speaks_french && form.interprete == "oui",
        })
    } else {
        Err(errors)
    }
}
