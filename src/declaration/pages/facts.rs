//! Step 3: what happened, in few words. The officer asks the rest.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use serde::Deserialize;

use super::{Errors, SLOTS, Stepper, draft_ready_for, refused, saved_line};
use crate::app::App;
use crate::calendar;
use crate::declaration::rules::{self, DateError, MAX_LINE, MAX_STATEMENT};
use crate::declaration::{Declaration, Facts, MissingStep, save_facts};
use crate::error::PageError;
use crate::form::Form;
use crate::identity::SignedInCitizen;
use crate::messages::Lang;
use crate::orientation::{Answer, Choice, catalogue, offence_choices};
use crate::page::{Ctx, render, render_with};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FactsForm {
    nature: String,
    date: String,
    date_inconnue: String,
    heure: String,
    lieu: String,
    auteur: String,
    faits: String,
}

#[derive(Template)]
#[template(path = "declaration/facts.html")]
struct FactsPage {
    ctx: Ctx,
    stepper: Stepper,
    saved: String,
    form: FactsForm,
    natures: Vec<Choice>,
    authors: Vec<Choice>,
    most: String,
    errors: Errors,
}

impl FactsPage {
    fn new(ctx: Ctx, form: FactsForm, mut errors: Errors, saved: String) -> Self {
        errors.in_order(&["nature", "date", "heure", "lieu", "auteur", "faits"]);
        FactsPage {
            stepper: Stepper::at(&ctx, 3),
            saved,
            form,
            natures: offence_choices(ctx.lang, true),
            authors: Answer::ALL
                .iter()
                .map(|answer| Choice {
                    value: answer.in_french().into(),
                    label: ctx.t(&format!("declaration-author-{answer}")),
                    hint: String::new(),
                })
                .collect(),
            most: readable_number(ctx.lang, MAX_STATEMENT),
            errors,
            ctx: ctx.with_quick_exit(),
        }
    }
}

pub(super) async fn show(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
) -> Result<Html<String>, PageError> {
    let (draft, content) = draft_ready_for(&app, &citizen, MissingStep::Facts).await?;
    let told = !content.statement.is_empty();
    let form = FactsForm {
        nature: draft.offence.clone(),
        date_inconnue: if told && content.facts_date.is_empty() {
            "oui".into()
        } else {
            String::new()
        },
        date: content.facts_date,
        heure: content.facts_time,
        lieu: content.facts_place,
        auteur: Answer::parse(&content.author_known)
            .map(|answer| answer.in_french().to_owned())
            .unwrap_or_default(),
        faits: content.statement,
    };
    let saved = saved_line(&app, &ctx, &draft).await?;
    render(&FactsPage::new(ctx, form, Errors::default(), saved))
}

pub(super) async fn save(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Form(form): Form<FactsForm>,
) -> Result<Response, PageError> {
    let (draft, _) = draft_ready_for(&app, &citizen, MissingStep::Facts).await?;
    let today = today_at(&app, &ctx, &draft).await?;
    let (facts, mut errors) = read(&ctx, &form, today);
    let offence = catalogue().offence(&form.nature);
    if offence.is_none() {
        errors.add("nature", ctx.t("declaration-nature-error"));
    }
    let Some(offence) = offence.filter(|_| errors.is_empty()) else {
        let page = FactsPage::new(ctx, form, errors, String::new());
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let mut tx = app.db.begin().await?;
    save_facts(&mut tx, &app.keys, &citizen.id, offence, facts, ctx.now)
        .await
        .map_err(|error| refused(error, Some(offence)))?;
    tx.commit().await?;
    Ok(Redirect::to(SLOTS).into_response())
}

/// A number with its thousands parted as the language does.
fn readable_number(lang: Lang, number: usize) -> String {
    let digits = number.to_string();
    let mark = match lang {
        Lang::Fr => '\u{202f}',
        Lang::En => ',',
    };
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// The day where the person lives: on Réunion it begins before Paris's.
async fn today_at(app: &App, ctx: &Ctx, draft: &Declaration) -> Result<NaiveDate, PageError> {
    let mut zone = chrono_tz::Europe::Paris;
    if let Some(unit_id) = &draft.unit_id {
        let mut tx = app.db.read().await?;
        if let Some(unit) = calendar::find_unit(&mut tx, unit_id).await? {
            zone = unit.zone();
        }
    }
    Ok(ctx.now.in_zone(zone).date_naive())
}

fn read(ctx: &Ctx, form: &FactsForm, today: NaiveDate) -> (Facts, Errors) {
    let mut errors = Errors::default();
    let date = match (form.date.trim().is_empty(), form.date_inconnue == "oui") {
        // The box wins over a day left in the field.
        (_, true) => String::new(),
        (true, false) => {
            errors.add("date", ctx.t("declaration-date-missing"));
            String::new()
        }
        (false, false) => rules::facts_date(&form.date, today).unwrap_or_else(|error| {
            errors.add(
                "date",
                ctx.t(match error {
                    DateError::Unreadable => "declaration-date-unreadable",
                    DateError::Future => "declaration-date-future",
                    DateError::TooOld => "declaration-date-too-old",
                }),
            );
            String::new()
        }),
    };
    let facts = Facts {
        date,
        time: rules::line(&form.heure),
        place: rules::line(&form.lieu),
        author_known: Answer::parse_french(&form.auteur)
            .map(|answer| answer.as_str().to_owned())
            .unwrap_or_default(),
        statement: rules::paragraphs(&form.faits),
    };
    if rules::too_long(&facts.time, MAX_LINE) {
        errors.add("heure", ctx.t1("declaration-too-long", "most", MAX_LINE));
    }
    if facts.place.is_empty() {
        errors.add("lieu", ctx.t("declaration-place-error"));
    } else if rules::too_long(&facts.place, MAX_LINE) {
        errors.add("lieu", ctx.t1("declaration-too-long", "most", MAX_LINE));
    }
    if facts.author_known.is_empty() {
        errors.add("auteur", ctx.t("declaration-author-error"));
    }
    if facts.statement.is_empty() {
        errors.add("faits", ctx.t("declaration-statement-error"));
    } else if rules::too_long(&facts.statement, MAX_STATEMENT) {
        errors.add(
            "faits",
            ctx.t2(
                "declaration-statement-too-long",
                "most",
                readable_number(ctx.lang, MAX_STATEMENT),
                "typed",
                readable_number(ctx.lang, facts.statement.chars().count()),
            ),
        );
    }
    (facts, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        for (number, french, english) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (2_000, "2\u{202f}000", "2,000"),
            (1_234_567, "1\u{202f}234\u{202f}567", "1,234,567"),
        ] {
            assert_eq!(readable_number(Lang::Fr, number), french);
            assert_eq!(readable_number(Lang::En, number), english);
        }
    }
}
