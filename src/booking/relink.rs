//! Another personal link for whoever lost theirs, or showed it to somebody: the former
//! opens nothing from then on. The person asks for it on the page of their appointment,
//! and the unit for them when they call. It goes where their messages go, never to the
//! page: a link says which hearing, not who, and who asks may look over a shoulder.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::view::AppointmentView;
use super::{Appointment, State, declaration_of, meeting_link, messages, unit_of, unit_pages};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::declaration::{self, contact_codes};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::{SignedInCitizen, SignedInOfficer};
use crate::keys::Keys;
use crate::notifications::Channel;
use crate::page::{Ctx, render};
use crate::path::PathId;
use crate::routes::Routes;

/// Between two links of the same person: most messages arrive later than people hope.
const PAUSE_SECONDS: i64 = 60;

/// Why no other link was sent. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum RelinkError {
    /// There is no hearing to come, or nobody's link.
    #[error("no hearing to come")]
    Over,
    /// One was sent a moment ago.
    #[error("another link may be sent in a minute")]
    TooSoon,
    /// The day's messages to this address are spent.
    #[error("no more messages today")]
    TooOften,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Whether an appointment has a hearing to come that a link opens.
#[must_use]
pub fn is_possible(appointment: &Appointment, now: Timestamp) -> bool {
    matches!(
        appointment.state,
        State::Booked | State::Open | State::InHearing
    ) && !appointment.is_anonymous()
        && now
            < appointment
                .ends_at
                .plus_minutes(meeting_link::OVERRUN_MINUTES)
}

/// Gives the person who comes another link, and sends it to them.
///
/// # Errors
/// [`RelinkError`].
pub async fn relink(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), RelinkError> {
    let appointment = &super::lock(tx, appointment).await?;
    if !is_possible(appointment, now) {
        return Err(RelinkError::Over);
    }
    let citizen_id = &appointment.citizen_id;
    let person = Actor::Citizen(citizen_id.clone()).to_string();
    let role = meeting_link::LinkRole::Citizen;
    let before = now.plus_seconds(-PAUSE_SECONDS);
    let link = meeting_link::reissue(tx, &appointment.id, role, &person, before, now)
        .await?
        .ok_or(RelinkError::TooSoon)?;
    let content = declaration::open_content(tx, keys, &appointment.case_id).await?;
    for channel in [Channel::Email, Channel::Sms] {
        if let Some(address) = content.reachable_by(channel) {
            let mark = contact_codes::mark(keys, channel, address);
            let spender = (channel == Channel::Email).then_some(citizen_id);
            if !contact_codes::spend_message(tx, &mark, spender, now).await? {
                return Err(RelinkError::TooOften);
            }
        }
    }
    let declaration = declaration_of(tx, &appointment.case_id).await?;
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        actor,
        "link.reissue",
        &format!("appointment/{}", appointment.id),
        &format!("link={} generation={}", link.0, link.1),
    )
    .await?;
    messages::relinked(tx, keys, appointment, &declaration, link, now).await?;
    Ok(())
}

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/rendez-vous/{id}/lien", get(ask).post(act))
        .route(
            "/agent/rendez-vous/{id}/lien",
            get(ask_for_person).post(act_for_person),
        )
}

#[derive(Template)]
#[template(path = "booking/relink.html")]
struct RelinkPage {
    ctx: Ctx,
    appointment: AppointmentView,
    sent: bool,
}

#[derive(Template)]
#[template(path = "agenda/relink.html")]
struct RelinkForPersonPage {
    ctx: Ctx,
    appointment: AppointmentView,
}

/// A form that holds nothing but the anti-forgery token.
#[derive(Debug, Deserialize)]
struct Nothing {}

fn refusal_of(error: RelinkError, back: &str) -> PageError {
    let (status, name) = match error {
        RelinkError::Over => (StatusCode::CONFLICT, "refusal-relink-over"),
        RelinkError::TooSoon => (StatusCode::TOO_MANY_REQUESTS, "refusal-relink-too-soon"),
        RelinkError::TooOften => (StatusCode::TOO_MANY_REQUESTS, "refusal-relink-too-often"),
        RelinkError::Fault(fault) => return fault.into(),
    };
    Refusal::new(status, name)
        .way_out(back.to_owned(), "booking-way-out-appointment")
        .into()
}

async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let appointment = super::find_of_citizen(&mut tx, &id, &citizen.id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    if !is_possible(&appointment, ctx.now) {
        return Err(refusal_of(RelinkError::Over, &format!("/rendez-vous/{id}")));
    }
    let unit = unit_of(&mut tx, &appointment.unit_id).await?;
    render(&RelinkPage {
        sent: query.get("fait").is_some_and(|done| done == "envoye"),
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx: ctx.with_quick_exit(),
    })
}

async fn act(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let appointment = super::find_of_citizen(&mut tx, &id, &citizen.id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let actor = Actor::Citizen(citizen.id);
    relink(&mut tx, &app.keys, &appointment, &actor, ctx.now)
        .await
        .map_err(|error| refusal_of(error, &format!("/rendez-vous/{id}")))?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/rendez-vous/{id}/lien?fait=envoye")).into_response())
}

async fn ask_for_person(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = unit_pages::of_unit(&mut tx, &id, &officer).await?;
    if !is_possible(&appointment, ctx.now) {
        return Err(refusal_of(RelinkError::Over, &unit_pages::path_of(&id)));
    }
    render(&RelinkForPersonPage {
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx,
    })
}

async fn act_for_person(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, _) = unit_pages::of_unit(&mut tx, &id, &officer).await?;
    let actor = Actor::Officer(officer.id);
    relink(&mut tx, &app.keys, &appointment, &actor, ctx.now)
        .await
        .map_err(|error| refusal_of(error, &unit_pages::path_of(&id)))?;
    tx.commit().await?;
    Ok(unit_pages::back_to(&id, "lien"))
}
