//! The calls that only read the calendar: free slots, desks, when they are open.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::asked::Asked;
use super::errors::ApiError;
use super::guard::Caller;
use super::numbers;
use super::rdv::{Guichet, iso};
use crate::app::App;
use crate::calendar::recurrence::whole_day;
use crate::calendar::{self, Slot, Unit};

/// Farthest apart the two days of a list of slots may be.
const MOST_DAYS_OF_SLOTS: i64 = 31;
/// How far ahead the next slot is looked for.
const DAYS_TO_NEXT: u64 = 60;
/// Farthest apart the two days of a list of openings may be. The interface names no
/// limit; without one, a single call could ask for centuries.
const MOST_DAYS_OF_OPENINGS: i64 = 366;

/// A free slot, however many desks could take it.
#[derive(Debug, Serialize)]
pub struct Creneau {
    starts_at: String,
    duration_in_min: i64,
}

impl Creneau {
    fn of(slot: &Slot, unit: &Unit) -> Self {
        Creneau {
            starts_at: iso(slot.starts_at, unit.zone()),
            duration_in_min: (slot.ends_at.0 - slot.starts_at.0) / 60_000,
        }
    }
}

/// A list of slots.
#[derive(Debug, Serialize)]
pub struct Creneaux {
    creneaux: Vec<Creneau>,
}

/// `GET /api/visioplainte/creneaux`.
///
/// # Errors
/// 400, or a fault.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Creneaux>, ApiError> {
    let days = days_of(&Asked::of(query.as_deref())?, MOST_DAYS_OF_SLOTS)?;
    let slots = offered(&app, &caller, days).await?;
    Ok(Json(Creneaux {
        creneaux: slots
            .iter()
            .map(|slot| Creneau::of(slot, &caller.unit))
            .collect(),
    }))
}

/// `GET /api/visioplainte/creneaux/prochain`.
///
/// # Errors
/// 400, 404 when there is none, or a fault.
pub async fn next(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Creneau>, ApiError> {
    let first = Asked::of(query.as_deref())?.day("date_debut")?;
    let last = first.checked_add_days(Days::new(DAYS_TO_NEXT));
    let slots = offered(&app, &caller, (first, last.unwrap_or(first))).await?;
    let slot = slots
        .first()
        .ok_or_else(|| ApiError::of(StatusCode::NOT_FOUND, "scheduling-error-no-slot"))?;
    Ok(Json(Creneau::of(slot, &caller.unit)))
}

async fn offered(
    app: &App,
    caller: &Caller,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<Vec<Slot>, ApiError> {
    let zone = caller.unit.zone();
    let (from, to) = (whole_day(first, zone).from, whole_day(last, zone).to);
    let mut tx = app.db.read().await?;
    Ok(calendar::offered_slots(&mut tx, &caller.unit, from, to, caller.now).await?)
}

/// `date_debut` and `date_fin`, both included.
fn days_of(asked: &Asked, most: i64) -> Result<(NaiveDate, NaiveDate), ApiError> {
    let days = (asked.day("date_debut")?, asked.day("date_fin")?);
    if (days.1 - days.0).num_days() > most {
        let words = crate::messages::text_with(
            crate::messages::Lang::Fr,
            "scheduling-error-range",
            &[("days", &most.to_string())],
        );
        return Err(ApiError::Refused(StatusCode::BAD_REQUEST, words));
    }
    Ok(days)
}

/// A list of desks.
#[derive(Debug, Serialize)]
pub struct Guichets {
    guichets: Vec<Guichet>,
}

/// `GET /api/visioplainte/guichets`.
///
/// # Errors
/// A fault.
pub async fn desks(State(app): State<App>, caller: Caller) -> Result<Json<Guichets>, ApiError> {
    let numbers = numbers::of_desks(&app, &caller.unit.id).await?;
    let mut tx = app.db.read().await?;
    let desks = calendar::list_desks(&mut tx, &caller.unit.id).await?;
    let mut guichets: Vec<Guichet> = desks
        .into_iter()
        .filter_map(|desk| {
            let id = numbers.get(&desk.id).copied()?;
            Some(Guichet {
                id,
                name: desk.label,
            })
        })
        .collect();
    guichets.sort_by_key(|desk| desk.id);
    Ok(Json(Guichets { guichets }))
}

/// One occurrence of a recurring opening.
#[derive(Debug, Serialize)]
pub struct PlageOuverture {
    id: i64,
    starts_at: String,
    ends_at: String,
    guichet_id: i64,
}

/// A list of openings.
#[derive(Debug, Serialize)]
pub struct PlagesOuverture {
    plages_ouverture: Vec<PlageOuverture>,
}

/// `GET /api/visioplainte/plages_ouverture`.
///
/// # Errors
/// 400, or a fault.
pub async fn openings(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<PlagesOuverture>, ApiError> {
    let asked = Asked::of(query.as_deref())?;
    let days = days_of(&asked, MOST_DAYS_OF_OPENINGS)?;
    let wanted = asked.numbers("guichet_ids[]")?;
    let (unit, zone) = (&caller.unit, caller.unit.zone());
    let desks = numbers::of_desks(&app, &unit.id).await?;
    let hours = numbers::of_hours(&app, &unit.id).await?;
    let mut tx = app.db.read().await?;
    let openings = calendar::list_openings(&mut tx, unit, days).await?;
    // What was opened since the numbers were read has none yet; the next call shows it.
    let plages_ouverture = openings
        .into_iter()
        .filter_map(|(opening, range)| {
            let guichet_id = desks.get(&opening.desk_id).copied()?;
            let id = hours.get(&opening.id).copied()?;
            let shown = wanted.is_empty() || wanted.contains(&guichet_id);
            shown.then(|| PlageOuverture {
                id,
                starts_at: iso(range.from, zone),
                ends_at: iso(range.to, zone),
                guichet_id,
            })
        })
        .collect();
    Ok(Json(PlagesOuverture { plages_ouverture }))
}
