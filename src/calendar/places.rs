//! How much a unit's desks could take on a day, whether it was taken or not: what a
//! past day is counted by, since its slots are nowhere written.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::recurrence::whole_day;
use super::slots::{self, SlotRules};
use super::{Plan, Unit, desk_times, store};
use crate::db::Tx;
use crate::error::Fault;

/// How many hearings the unit's open desks could begin on a day of its wall: absences,
/// closures and holidays are taken off, bookings, notice and horizon are not looked at.
///
/// # Errors
/// When the database fails.
pub async fn places_on(tx: &mut Tx, unit: &Unit, day: NaiveDate) -> Result<usize, Fault> {
    let window = whole_day(day, unit.zone());
    let end = window
        .to
        .plus_minutes(unit.slot_minutes + unit.buffer_minutes);
    let desks = store::list_open_desks(tx, &unit.id).await?;
    let hours = store::list_opening_hours(tx, &unit.id).await?;
    let exceptions = store::list_exceptions(tx, &unit.id).await?;
    let absences = store::list_absences(tx, &unit.id, window.from, end).await?;
    let plan = Plan {
        hours: &hours,
        exceptions: &exceptions,
        absences: &absences,
    };
    let times = desk_times(unit, &desks, plan, &mut HashMap::new(), window);
    let rules = SlotRules {
        slot_minutes: unit.slot_minutes,
        buffer_minutes: unit.buffer_minutes,
    };
    let slots = slots::offered(rules, &times, window);
    Ok(slots.iter().map(slots::Slot::capacity).sum())
}
