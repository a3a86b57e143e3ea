//! The person's own pages for moving their appointment: the free slots, then the
//! old and the new hour side by side, then it is done. Addresses lead from one to
//! the next, so that the browser's arrow works; only the last step is a form that
//! changes something, and pressed twice it gives the same page.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::pages::{own, tell_pages};
use super::view::{AppointmentView, SlotView, Week, zone_note};
use super::{Appointment, RescheduleError, State, cancel_limit};
use crate::app::App;
use crate::audit::Actor;
use crate::calendar::{self, Unit, hours};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInCitizen;
use crate::page::{Ctx, render};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/rendez-vous/{id}/deplacer", get(choose).post(act))
        .route("/rendez-vous/{id}/deplacer/confirmer", get(review))
}

/// What both sides see of the slots an appointment could move to.
pub(super) struct Slots {
    pub(super) zone_note: String,
    pub(super) next: Option<SlotView>,
    pub(super) week: Week,
    /// The page itself, for the way to other weeks.
    pub(super) path: String,
}

impl Slots {
    /// Reads the free slots of a unit, a week at a time.
    pub(super) async fn read(
        tx: &mut Tx,
        unit: &Unit,
        query: &HashMap<String, String>,
        path: String,
        ctx: &Ctx,
    ) -> Result<Self, Fault> {
        let end = calendar::end_of_horizon(unit, ctx.now);
        let slots = calendar::offered_slots(tx, unit, ctx.now, end, ctx.now).await?;
        let wanted = query.get("semaine").and_then(|text| hours::day_of(text));
        Ok(Slots {
            zone_note: zone_note(unit, ctx),
            next: slots.first().map(|slot| SlotView::new(slot, unit, ctx)),
            week: Week::of(&slots, unit, wanted, ctx),
            path,
        })
    }
}

#[derive(Template)]
#[template(path = "booking/move.html")]
struct MovePage {
    ctx: Ctx,
    appointment: AppointmentView,
    unit: Unit,
    slots: Slots,
}

#[derive(Template)]
#[template(path = "booking/move_confirm.html")]
struct ConfirmPage {
    ctx: Ctx,
    appointment: AppointmentView,
    slot: SlotView,
}

/// The appointment, if its person may still move it.
async fn movable(
    tx: &mut Tx,
    id: &Id,
    citizen: &SignedInCitizen,
    now: Timestamp,
) -> Result<(Appointment, Unit), PageError> {
    let (appointment, unit) = own(tx, id, citizen).await?;
    if appointment.state != State::Booked || now > cancel_limit(&appointment, &unit) {
        return Err(too_late(id).into());
    }
    Ok((appointment, unit))
}

fn too_late(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "booking-move-too-late")
        .way_out(format!("/rendez-vous/{id}"), "booking-way-out-appointment")
        .way_out("/en-personne", "way-out-in-person")
}

/// The slot is gone: another one, on the page it was chosen from.
pub(super) fn taken(path: String) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "booking-move-taken")
        .way_out(path, "booking-way-out-other-slot")
}

async fn choose(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = movable(&mut tx, &id, &citizen, ctx.now).await?;
    let path = format!("/rendez-vous/{id}/deplacer");
    render(&MovePage {
        slots: Slots::read(&mut tx, &unit, &query, path, &ctx).await?,
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        unit,
        ctx: ctx.with_quick_exit(),
    })
}

/// The slot that an address or form names, if it is offered.
pub(super) async fn wanted_slot(
    tx: &mut Tx,
    unit: &Unit,
    text: Option<&String>,
    path: &str,
    ctx: &Ctx,
) -> Result<SlotView, PageError> {
    let starts_at = text.and_then(|text| text.parse().ok()).map(Timestamp);
    let Some(starts_at) = starts_at else {
        return Err(PageError::Redirect(path.to_owned()));
    };
    let slot = calendar::offered_at(tx, unit, starts_at, ctx.now).await?;
    let slot = slot.ok_or_else(|| taken(path.to_owned()))?;
    Ok(SlotView::new(&slot, unit, ctx))
}

async fn review(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = movable(&mut tx, &id, &citizen, ctx.now).await?;
    let path = format!("/rendez-vous/{id}/deplacer");
    let slot = wanted_slot(&mut tx, &unit, query.get("creneau"), &path, &ctx).await?;
    render(&ConfirmPage {
        slot,
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx: ctx.with_quick_exit(),
    })
}

#[derive(Deserialize)]
pub(super) struct SlotForm {
    #[serde(default)]
    pub(super) creneau: String,
}

async fn act(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(form): Form<SlotForm>,
) -> Result<Response, PageError> {
    let path = format!("/rendez-vous/{id}/deplacer");
    let mut tx = app.db.begin().await?;
    own(&mut tx, &id, &citizen).await?;
    let Ok(starts_at) = form.creneau.parse().map(Timestamp) else {
        return Ok(Redirect::to(&path).into_response());
    };
    let actor = Actor::Citizen(citizen.id);
    let done = super::reschedule(&mut tx, &app.keys, &id, starts_at, None, &actor, ctx.now).await;
    match done {
        Ok(moved) => {
            tx.commit().await?;
            tell_pages(&app, &moved);
            Ok(Redirect::to(&format!("/rendez-vous/{id}?fait=deplace")).into_response())
        }
        Err(RescheduleError::NotFound) => Err(Refusal::not_found().into()),
        Err(RescheduleError::TooLate) => Err(too_late(&id).into()),
        Err(RescheduleError::SlotTaken) => Err(taken(path).into()),
        Err(RescheduleError::OwnTime(other)) => Err(own_time(&other, path).into()),
        Err(RescheduleError::Fault(fault)) => Err(fault.into()),
    }
}

/// The person is expected elsewhere at that time.
pub(super) fn own_time(other: &Id, path: String) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "booking-own-time")
        .way_out(path, "booking-way-out-other-slot")
        .way_out(format!("/rendez-vous/{other}"), "booking-way-out-other")
}
