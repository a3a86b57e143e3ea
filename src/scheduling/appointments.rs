//! The calls about appointments: list, book, call off, erase.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::asked::{self, Asked};
use super::errors::ApiError;
use super::guard::Caller;
use super::numbers;
use super::rdv::{self, Rdv, Row};
use crate::app::App;
use crate::booking::anonymous::{self, book_anonymous, cancel_anonymous, erase_anonymous};
use crate::booking::{Appointment, HoldError, MoveError};
use crate::calendar;
use crate::db::Tx;
use crate::error::Fault;
use crate::hearings;

/// Farthest apart the two instants of a list may be, in days. The interface names no
/// limit; without one, a single call could ask for everything there ever was.
const MOST_DAYS: i64 = 366;

/// A list of appointments.
#[derive(Debug, Serialize)]
pub struct Rdvs {
    rdvs: Vec<Rdv>,
}

/// `GET /api/visioplainte/rdvs`.
///
/// # Errors
/// 400, or a fault.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Rdvs>, ApiError> {
    let asked = Asked::of(query.as_deref())?;
    let zone = caller.unit.zone();
    let from = asked.instant("date_debut", zone)?;
    let to = asked.instant("date_fin", zone)?;
    let (ids, desks) = (asked.numbers("ids[]")?, asked.numbers("guichet_ids[]")?);
    let unit = &caller.unit;
    let numbers = numbers::of_desks(&app, &unit.id).await?;
    let mut tx = app.db.read().await?;
    let mut rows = match (from, to) {
        (Some(from), Some(to)) if to > from.plus_minutes(MOST_DAYS * 24 * 60) => {
            let message = "scheduling-error-long-range";
            return Err(ApiError::of(StatusCode::BAD_REQUEST, message));
        }
        (Some(from), Some(to)) => rdv::list(&mut tx, &unit.id, from, to).await?,
        _ if ids.is_empty() => {
            let message = "scheduling-error-ids-or-dates";
            return Err(ApiError::of(StatusCode::BAD_REQUEST, message));
        }
        _ => of_numbers(&mut tx, &caller, &ids).await?,
    };
    rows.retain(|row| ids.is_empty() || ids.contains(&row.number));
    // One date alone bounds its side.
    rows.retain(|row| from.is_none_or(|from| row.starts_at >= from));
    rows.retain(|row| to.is_none_or(|to| row.starts_at <= to));
    let rdvs: Result<Vec<Rdv>, Fault> = rows
        .into_iter()
        .filter(|row| {
            let desk = numbers.get(&row.desk_id);
            desks.is_empty() || desk.is_some_and(|desk| desks.contains(desk))
        })
        .map(|row| row.written(unit, &numbers))
        .collect();
    Ok(Json(Rdvs { rdvs: rdvs? }))
}

/// Few enough to be read one by one.
async fn of_numbers(tx: &mut Tx, caller: &Caller, ids: &[i64]) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for number in ids {
        rows.extend(rdv::find(tx, &caller.unit.id, *number).await?);
    }
    rows.sort_by_key(|row| (row.starts_at, row.number));
    Ok(rows)
}

/// `POST /api/visioplainte/rdvs`.
///
/// # Errors
/// 400, 422 when no desk is free at that start, or a fault.
pub async fn book(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<(StatusCode, Json<Rdv>), ApiError> {
    let (unit, now) = (&caller.unit, caller.now);
    let starts_at = Asked::of(query.as_deref())?
        .instant("starts_at", unit.zone())?
        .ok_or_else(|| ApiError::parameter("scheduling-error-missing", "starts_at"))?;
    let taken = || ApiError::of(StatusCode::UNPROCESSABLE_ENTITY, "scheduling-error-taken");
    // Whoever asks for what is not offered uses up no number and waits for nobody.
    let mut tx = app.db.read().await?;
    let offered = calendar::offered_at(&mut tx, unit, starts_at, now).await?;
    drop(tx);
    offered.ok_or_else(taken)?;
    let numbers = numbers::for_appointment(&app).await?;
    let mut tx = app.db.begin().await?;
    let actor = caller.key.actor();
    let keys = &app.keys;
    let booked = book_anonymous(&mut tx, keys, unit, starts_at, numbers, &actor, now).await;
    let booked = match booked {
        Ok(booked) => booked,
        Err(HoldError::Fault(fault)) => return Err(fault.into()),
        Err(_) => return Err(taken()),
    };
    tx.commit().await?;
    hearings::tell(&app, &booked);
    let written = written(&app, &caller, numbers.appointment).await?;
    Ok((StatusCode::CREATED, Json(written)))
}

/// `PUT /api/visioplainte/rdvs/{id}/cancel`.
///
/// # Errors
/// 404, 422 when it was held, missed or called off by the unit before, or a fault.
pub async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Rdv>, ApiError> {
    let mut tx = app.db.begin().await?;
    let (number, appointment) = found(&mut tx, &caller, &id).await?;
    let (actor, keys) = (caller.key.actor(), &app.keys);
    match cancel_anonymous(&mut tx, keys, &appointment, &actor, caller.now).await {
        Ok(cancelled) => {
            tx.commit().await?;
            hearings::tell(&app, &cancelled);
            Ok(Json(written(&app, &caller, number).await?))
        }
        Err(MoveError::NotFound) => Err(ApiError::not_found()),
        Err(MoveError::NotAllowed { .. }) => {
            let message = "scheduling-error-over";
            Err(ApiError::of(StatusCode::UNPROCESSABLE_ENTITY, message))
        }
        Err(MoveError::Fault(fault)) => Err(fault.into()),
    }
}

/// `DELETE /api/visioplainte/rdvs/{id}`.
///
/// # Errors
/// 404, or a fault.
pub async fn erase(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin().await?;
    let (_, appointment) = found(&mut tx, &caller, &id).await?;
    let (actor, keys) = (caller.key.actor(), &app.keys);
    erase_anonymous(&mut tx, keys, &appointment, &actor, caller.now).await?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's appointment of a number; what cannot be a number names none.
async fn found(tx: &mut Tx, caller: &Caller, text: &str) -> Result<(i64, Appointment), ApiError> {
    let number = asked::number(text).ok_or_else(ApiError::not_found)?;
    let appointment = anonymous::find_by_number(tx, &caller.unit.id, number)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok((number, appointment))
}

async fn written(app: &App, caller: &Caller, number: i64) -> Result<Rdv, ApiError> {
    let desks = numbers::of_desks(app, &caller.unit.id).await?;
    let mut tx = app.db.read().await?;
    let row = rdv::find(&mut tx, &caller.unit.id, number)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(row.written(&caller.unit, &desks)?)
}
