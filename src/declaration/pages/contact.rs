//! Step 2: who to reach, and the commune that decides the unit.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Errors, Stepper, draft_ready_for, refused, saved_line};
use crate::app::App;
use crate::declaration::communes::{self, Commune};
use crate::declaration::rules::{self, MAX_LINE};
use crate::declaration::{Contact, MissingStep, phone, save_contact};
use crate::error::PageError;
use crate::form::{Asked, Form};
use crate::identity::{PivotIdentity, SignedInCitizen};
use crate::messages::Lang;
use crate::notifications::Channel;
use crate::orientation::Choice;
use crate::page::{Ctx, render, render_with};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    commune: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContactForm {
    nom_usage: String,
    courriel: String,
    telephone: String,
    adresse: String,
    commune: String,
    commune_code: String,
    profession: String,
}

/// What FranceConnect vouches for, to read and not to change.
struct Row {
    label: String,
    value: String,
    href: String,
    action: String,
}

#[derive(Template)]
#[template(path = "declaration/contact.html")]
struct ContactPage {
    ctx: Ctx,
    stepper: Stepper,
    saved: String,
    identity: Vec<Row>,
    form: ContactForm,
    communes: Vec<Choice>,
    errors: Errors,
}

impl ContactPage {
    fn new(
        ctx: Ctx,
        identity: &PivotIdentity,
        form: ContactForm,
        communes: Vec<Commune>,
        mut errors: Errors,
        saved: String,
    ) -> Self {
        errors.in_order(&[
            "nom_usage",
            "courriel",
            "telephone",
            "adresse",
            "commune",
            "commune_code",
            "profession",
        ]);
        ContactPage {
            stepper: Stepper::at(&ctx, 2),
            saved,
            identity: identity_rows(&ctx, identity),
            form,
            communes: communes
                .into_iter()
                .map(|commune| Choice {
                    label: commune.label(),
                    value: commune.insee_code,
                    hint: String::new(),
                })
                .collect(),
            errors,
            ctx: ctx.with_quick_exit(),
        }
    }
}

fn identity_rows(ctx: &Ctx, identity: &PivotIdentity) -> Vec<Row> {
    let row = |label: &str, value: String| Row {
        label: ctx.t(label),
        value,
        href: String::new(),
        action: String::new(),
    };
    let mut rows = vec![
        row("declaration-identity-given", identity.given_name.clone()),
        row("declaration-identity-family", identity.family_name.clone()),
    ];
    if !identity.birthdate.is_empty() {
        rows.push(row(
            "declaration-identity-birth",
            readable_date(ctx.lang, &identity.birthdate),
        ));
    }
    rows
}

/// A day for a person to read; what is no full date is shown as it was given.
pub(super) fn readable_date(lang: Lang, date: &str) -> String {
    chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").map_or_else(
        |_| date.to_owned(),
        |day| match lang {
            Lang::Fr => day.format("%d/%m/%Y").to_string(),
            Lang::En => day.format("%-d %B %Y").to_string(),
        },
    )
}

pub(super) async fn show(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Asked(asked): Asked<Address>,
) -> Result<Html<String>, PageError> {
    let (draft, content) = draft_ready_for(&app, &citizen, MissingStep::Contact).await?;
    let mut form = ContactForm {
        nom_usage: content.used_name,
        courriel: content.email,
        telephone: if content.phone.is_empty() {
            String::new()
        } else {
            phone::readable(&content.phone)
        },
        adresse: content.address,
        profession: content.profession,
        commune_code: draft.commune_code.clone().unwrap_or_default(),
        commune: if content.city.is_empty() {
            String::new()
        } else {
            format!("{} ({})", content.city, content.postal_code)
        },
    };
    let mut found = Vec::new();
    let mut errors = Errors::default();
    if !asked.commune.is_empty() {
        let mut tx = app.db.read().await?;
        found = communes::search(&mut tx, &asked.commune).await?;
        form.commune = rules::line(&asked.commune).chars().take(MAX_LINE).collect();
        form.commune_code.clear();
        if found.is_empty() {
            errors.add("commune", ctx.t("declaration-commune-not-found"));
        }
    }
    let saved = saved_line(&app, &ctx, &draft).await?;
    render(&ContactPage::new(
        ctx,
        &citizen.identity,
        form,
        found,
        errors,
        saved,
    ))
}

pub(super) async fn save(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Form(form): Form<ContactForm>,
) -> Result<Response, PageError> {
    draft_ready_for(&app, &citizen, MissingStep::Contact).await?;
    let (contact, mut errors) = read(&ctx, &form);
    let mut tx = app.db.begin().await?;
    let chosen = communes::choose(&mut tx, &form.commune, &form.commune_code).await?;
    let mut offered = Vec::new();
    let commune = match chosen {
        communes::Choice::One(commune) => Some(commune),
        communes::Choice::Several(found) => {
            errors.add("commune_code", ctx.t("declaration-commune-several"));
            offered = found;
            None
        }
        communes::Choice::NotFound => {
            errors.add("commune", ctx.t("declaration-commune-not-found"));
            None
        }
        communes::Choice::Nothing => {
            errors.add("commune", ctx.t("declaration-commune-missing"));
            None
        }
    };
    let Some(commune) = commune.filter(|_| errors.is_empty()) else {
        let page = ContactPage::new(ctx, &citizen.identity, form, offered, errors, String::new());
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let content = save_contact(&mut tx, &app.keys, &citizen.id, contact, &commune, ctx.now)
        .await
        .map_err(|error| refused(error, None))?;
    tx.commit().await?;
    let next = if commune.unit_id.is_none() {
        "/declaration/hors-zone"
    } else if Channel::ALL.iter().any(|one| content.awaits_code(*one)) {
        "/declaration/verification"
    } else {
        "/declaration/faits"
    };
    Ok(Redirect::to(next).into_response())
}

fn read(ctx: &Ctx, form: &ContactForm) -> (Contact, Errors) {
    let mut errors = Errors::default();
    let contact = Contact {
        used_name: rules::line(&form.nom_usage),
        email: rules::email(&form.courriel).unwrap_or_default(),
        phone: phone::e164(&form.telephone).unwrap_or_default(),
        address: rules::line(&form.adresse),
        profession: rules::line(&form.profession),
    };
    for (field, text) in [
        ("nom_usage", &contact.used_name),
        ("adresse", &contact.address),
        ("profession", &contact.profession),
    ] {
        if rules::too_long(text, MAX_LINE) {
            errors.add(field, ctx.t1("declaration-too-long", "most", MAX_LINE));
        }
    }
    let given = |text: &str| !text.trim().is_empty();
    if contact.email.is_empty() && given(&form.courriel) {
        errors.add("courriel", ctx.t("declaration-email-error"));
    }
    if contact.phone.is_empty() && given(&form.telephone) {
        errors.add("telephone", ctx.t("declaration-phone-error"));
    }
    if !given(&form.courriel) && !given(&form.telephone) {
        errors.add("courriel", ctx.t("declaration-reach-error"));
    }
    if contact.address.is_empty() {
        errors.add("adresse", ctx.t("declaration-address-error"));
    }
    (contact, errors)
}
