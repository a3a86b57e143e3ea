//! The three steps before the slot, each a page and its form, and the pages
//! for those who cannot go on. A step is saved when it is sent, then the
//! person is redirected, so that going back and reloading repeat nothing.

mod abroad;
mod codes;
mod contact;
mod facts;
mod rights;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};

use super::{Age, Content, Declaration, MissingStep, SaveError, find_draft, open_content, rules};
use crate::app::App;
use crate::calendar;
use crate::clock::Timestamp;
use crate::error::{PageError, Refusal};
use crate::identity::SignedInCitizen;
use crate::messages::Lang;
use crate::orientation::{self, FieldError, Offence};
use crate::page::{Ctx, render};
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/declaration", get(resume))
        .route("/declaration/droits", get(rights::show).post(rights::save))
        .route(
            "/declaration/coordonnees",
            get(contact::show).post(contact::save),
        )
        .route(
            "/declaration/verification",
            get(codes::show).post(codes::confirm),
        )
        .route("/declaration/verification/renvoyer", post(codes::resend))
        .route("/declaration/hors-zone", get(not_covered))
        .route(abroad::PATH, get(abroad::show).post(abroad::save))
        .route("/declaration/faits", get(facts::show).post(facts::save))
}

/// Where the slice hands over: the booking slice lists the slots.
const SLOTS: &str = "/rendez-vous/creneaux";

/// The five steps a person sees; the last two belong to the booking slice.
struct Stepper {
    current: usize,
    label: String,
    title: String,
    next_label: String,
    next: String,
}

impl Stepper {
    const NAMES: [&'static str; 5] = ["rights", "contact", "facts", "slot", "confirm"];

    fn at(ctx: &Ctx, current: usize) -> Self {
        let name = |step: usize| {
            Self::NAMES.get(step - 1).map_or_else(String::new, |name| {
                ctx.t(&format!("declaration-step-{name}"))
            })
        };
        Stepper {
            current,
            label: ctx.t2(
                "declaration-step-of",
                "current",
                current,
                "total",
                Self::NAMES.len(),
            ),
            title: name(current),
            next_label: ctx.t("declaration-step-next"),
            next: name(current + 1),
        }
    }
}

/// The errors of a form: kept by field, listed for the summary.
#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, field: &'static str, text: String) {
        self.0.push(FieldError { field, text });
    }

    fn of(&self, field: &str) -> &str {
        self.0
            .iter()
            .find(|error| error.field == field)
            .map_or("", |error| error.text.as_str())
    }

    /// The summary follows the page, so that its links lead down and not up.
    fn in_order(&mut self, fields: &[&str]) {
        self.0
            .sort_by_key(|error| fields.iter().position(|field| *field == error.field));
    }

    fn list(&self) -> &[FieldError] {
        &self.0
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The draft of the person who is signed in, with what they told.
async fn draft_of(
    app: &App,
    citizen: &SignedInCitizen,
) -> Result<Option<(Declaration, Content)>, PageError> {
    let mut tx = app.db.read().await?;
    let Some(draft) = find_draft(&mut tx, &citizen.id).await? else {
        return Ok(None);
    };
    let content = open_content(&mut tx, &app.keys, &draft.case_id).await?;
    Ok(Some((draft, content)))
}

/// The draft, once everything before a step is done; else the way to what is missing.
async fn draft_ready_for(
    app: &App,
    citizen: &SignedInCitizen,
    step: MissingStep,
) -> Result<(Declaration, Content), PageError> {
    let Some((draft, content)) = draft_of(app, citizen).await? else {
        return Err(PageError::Redirect("/declaration/droits".into()));
    };
    match super::ready_for_slot(&draft, &content) {
        Err(missing) if missing < step => {
            Err(PageError::Redirect(super::path_of_step(missing).into()))
        }
        _ => Ok((draft, content)),
    }
}

/// "Where was I?": the first step that is missing, or the slots.
async fn resume(State(app): State<App>, citizen: SignedInCitizen) -> Result<Redirect, PageError> {
    let Some((draft, content)) = draft_of(&app, &citizen).await? else {
        return Ok(Redirect::to("/orientation"));
    };
    Ok(Redirect::to(
        match super::ready_for_slot(&draft, &content) {
            Ok(()) => SLOTS,
            Err(missing) => super::path_of_step(missing),
        },
    ))
}

/// What a refused save becomes. No draft means that it was submitted in
/// another tab, or never begun: the account or the first step shows which.
fn refused(error: SaveError, offence: Option<&Offence>) -> PageError {
    match (error, offence) {
        (SaveError::Minor, _) => minor(),
        (SaveError::VideoClosed, Some(offence)) => {
            PageError::Redirect(orientation::path_of_outcome(offence))
        }
        (SaveError::VideoClosed, None) => PageError::Redirect("/orientation".into()),
        (SaveError::NoDraft, _) => PageError::Redirect("/declaration/droits".into()),
        (SaveError::Fault(fault), _) => PageError::Fault(fault),
    }
}

fn minor() -> PageError {
    Refusal::new(StatusCode::FORBIDDEN, "refusal-minor")
        .way_out("/en-personne", "way-out-in-person")
        .way_out("/aide#mineur", "declaration-minor-help")
        .into()
}

/// Refuses somebody under eighteen before anything is asked of them.
fn adults_only(citizen: &SignedInCitizen, now: Timestamp) -> Result<(), PageError> {
    match rules::age(&citizen.identity.birthdate, super::today_in_france(now)) {
        Age::Adult => Ok(()),
        Age::Minor => Err(minor()),
    }
}

/// Whoever an officer wrote down declares other facts once FranceConnect knows them: a
/// code says that they are reached, not who they are.
fn vouched_only(citizen: &SignedInCitizen) -> Result<(), PageError> {
    if citizen.identity.is_declared() {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-declared-only")
            .way_out("/espace", "way-out-space")
            .way_out("/en-personne", "way-out-in-person")
            .into());
    }
    Ok(())
}

/// "Draft saved on 22/11/2026 at 07:32", on the wall clock of the unit.
async fn saved_line(app: &App, ctx: &Ctx, draft: &Declaration) -> Result<String, PageError> {
    let at = draft.updated_at.in_zone(zone_of(app, draft).await?);
    let (day, hour) = match ctx.lang {
        Lang::Fr => (at.format("%d/%m/%Y"), at.format("%H\u{a0}h\u{a0}%M")),
        Lang::En => (at.format("%-d %B %Y"), at.format("%H:%M")),
    };
    Ok(ctx.t2("declaration-saved", "day", day, "hour", hour))
}

/// The clock of the unit, where it is known.
async fn zone_of(app: &App, draft: &Declaration) -> Result<chrono_tz::Tz, PageError> {
    let Some(unit_id) = &draft.unit_id else {
        return Ok(chrono_tz::Europe::Paris);
    };
    let mut tx = app.db.read().await?;
    let unit = calendar::find_unit(&mut tx, unit_id).await?;
    Ok(unit.map_or(chrono_tz::Europe::Paris, |unit| unit.zone()))
}

#[derive(Template)]
#[template(path = "declaration/not_covered.html")]
struct NotCoveredPage {
    ctx: Ctx,
    commune: String,
    /// The department's own words; empty for none.
    message: String,
}

async fn not_covered(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
) -> Result<Html<String>, PageError> {
    let (draft, content) = draft_ready_for(&app, &citizen, MissingStep::Coverage).await?;
    if draft.unit_id.is_some() {
        return Err(PageError::Redirect("/declaration/faits".into()));
    }
    if abroad::asks(&draft) {
        return Err(PageError::Redirect(abroad::PATH.into()));
    }
    let mut tx = app.db.read().await?;
    let code = draft.commune_code.as_deref().unwrap_or_default();
    let message = calendar::coverage::message_to(&mut tx, code).await?;
    render(&NotCoveredPage {
        message,
        commune: format!("{} ({})", content.city, content.postal_code),
        ctx: ctx.with_quick_exit(),
    })
}
