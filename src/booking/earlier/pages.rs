//! Asking for an earlier slot, and answering an offer.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::{Offer, TakeError, ask, decline, find_offer, may_wait, renounce, store, take};
use crate::app::App;
use crate::booking::pages::{own, tell_pages};
use crate::booking::reschedule_pages::{own_time, taken};
use crate::booking::view::AppointmentView;
use crate::booking::{Appointment, RescheduleError};
use crate::calendar::{Unit, wall};
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInCitizen;
use crate::page::{Ctx, render};
use crate::path::PathId;
use crate::routes::Routes;

pub(in crate::booking) fn router() -> Routes {
    Routes::new()
        .route("/rendez-vous/{id}/plus-tot", get(show).post(answer))
        .route("/rendez-vous/{id}/plus-tot/demande", post(wish))
}

/// What an appointment's page shows of the waiting list.
pub(in crate::booking) struct EarlierView {
    /// Whether the list may be asked for or left.
    pub(in crate::booking) offered: bool,
    /// Whether the appointment is on it.
    pub(in crate::booking) waiting: bool,
    /// "mardi 3 mars 2026 à 10 h 00": the slot held for it; empty for none.
    pub(in crate::booking) moment: String,
    /// "11 h 30": until when.
    pub(in crate::booking) until: String,
}

impl EarlierView {
    pub(in crate::booking) async fn read(
        tx: &mut Tx,
        appointment: &Appointment,
        unit: &Unit,
        ctx: &Ctx,
    ) -> Result<Self, Fault> {
        let offer = find_offer(tx, &appointment.id, ctx.now).await?;
        let moment = |offer: &Offer| wall::moment(ctx.lang, offer.starts_at, unit.zone());
        let until = |offer: &Offer| wall::moment(ctx.lang, offer.until_at, unit.zone());
        Ok(EarlierView {
            offered: may_wait(appointment, unit, ctx.now),
            waiting: store::is_waiting(tx, &appointment.id).await?,
            moment: offer.as_ref().map_or_else(String::new, moment),
            until: offer.as_ref().map_or_else(String::new, until),
        })
    }
}

#[derive(Template)]
#[template(path = "booking/earlier.html")]
struct OfferPage {
    ctx: Ctx,
    appointment: AppointmentView,
    earlier: EarlierView,
}

fn back(id: &Id) -> Response {
    Redirect::to(&format!("/rendez-vous/{id}")).into_response()
}

/// The offer beside the appointment as it is; without one, the appointment.
async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = own(&mut tx, &id, &citizen).await?;
    let earlier = EarlierView::read(&mut tx, &appointment, &unit, &ctx).await?;
    if earlier.moment.is_empty() {
        return Ok(back(&id));
    }
    let page = OfferPage {
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        earlier,
        ctx: ctx.with_quick_exit(),
    };
    Ok(render(&page)?.into_response())
}

#[derive(Deserialize)]
struct AnswerForm {
    #[serde(default)]
    choix: String,
}

async fn answer(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(form): Form<AnswerForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, _) = own(&mut tx, &id, &citizen).await?;
    match form.choix.as_str() {
        "garder" => {
            decline(&mut tx, &app.keys, &appointment, ctx.now).await?;
            tx.commit().await?;
            tell_pages(&app, &appointment);
            Ok(back(&id))
        }
        "prendre" => match take(&mut tx, &app.keys, &appointment, ctx.now).await {
            Ok(moved) => {
                tx.commit().await?;
                tell_pages(&app, &moved);
                Ok(Redirect::to(&format!("/rendez-vous/{id}?fait=deplace")).into_response())
            }
            Err(TakeError::NotMoved(RescheduleError::OwnTime(other))) => {
                Err(own_time(&other, format!("/rendez-vous/{id}/deplacer")).into())
            }
            Err(TakeError::NotMoved(RescheduleError::SlotTaken)) => {
                Err(taken(format!("/rendez-vous/{id}/deplacer")).into())
            }
            Err(TakeError::Over | TakeError::NotMoved(_)) => {
                Err(Refusal::new(StatusCode::GONE, "booking-earlier-over")
                    .way_out(format!("/rendez-vous/{id}"), "booking-way-out-appointment")
                    .way_out(
                        format!("/rendez-vous/{id}/deplacer"),
                        "booking-way-out-other-slot",
                    )
                    .into())
            }
            Err(TakeError::Fault(fault)) => Err(fault.into()),
        },
        _ => Ok(Redirect::to(&format!("/rendez-vous/{id}/plus-tot")).into_response()),
    }
}

#[derive(Deserialize)]
struct WishForm {
    #[serde(default)]
    souhait: String,
}

/// On the list, or off it; pressed twice it is the same.
async fn wish(
    Shared(app): Shared<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    PathId(id): PathId,
    Form(form): Form<WishForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, _) = own(&mut tx, &id, &citizen).await?;
    if form.souhait == "non" {
        renounce(&mut tx, &app.keys, &appointment, ctx.now).await?;
    } else if !ask(&mut tx, &appointment, ctx.now).await? {
        return Err(
            Refusal::new(StatusCode::CONFLICT, "booking-earlier-too-late")
                .way_out(format!("/rendez-vous/{id}"), "booking-way-out-appointment")
                .into(),
        );
    }
    tx.commit().await?;
    Ok(back(&id))
}
