//! Appointments whose desk will be away: which they are, and giving them to another
//! desk of the unit at the same time. Nobody has to be told of that, since a desk is
//! no person and no place. What no other desk can take stays where it is and is
//! listed until somebody moves it or calls it off: nothing is ever called off by a
//! closure alone.

use super::anonymous::{self, Change};
use super::{Appointment, State, claim, store};
use crate::audit::{self, Actor};
use crate::calendar::hours_removal::Without;
use crate::calendar::recurrence::Range;
use crate::calendar::{self, OpeningHours, Slot, Unit, slots};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// An appointment that an absence would leave without its desk.
#[derive(Clone, Debug)]
pub struct Displaced {
    /// The appointment.
    pub appointment: Appointment,
    /// A desk that could take it at the same time; none where somebody must decide.
    pub to: Option<Id>,
}

/// Whom an absence of a desk, or of the whole unit, would leave without a desk.
///
/// # Errors
/// When the database fails.
pub async fn list_displaced(
    tx: &mut Tx,
    unit: &Unit,
    desk_id: Option<&Id>,
    range: Range,
    now: Timestamp,
) -> Result<Vec<Displaced>, Fault> {
    let mut displaced = Vec::new();
    for appointment in store::list_expected_within(tx, &unit.id, range, now).await? {
        if desk_id.is_some_and(|desk_id| *desk_id != appointment.desk_id) {
            continue;
        }
        // With the whole unit away there is no other desk.
        let to = match desk_id {
            None => None,
            Some(_) => elsewhere(tx, unit, &appointment, now).await?,
        };
        displaced.push(Displaced {
            to: to.and_then(|slot| slot.desks.into_iter().next()),
            appointment,
        });
    }
    Ok(displaced)
}

/// Whom a desk could not receive any more once one of its ranges is taken back.
///
/// # Errors
/// When the database fails.
pub async fn list_displaced_without(
    tx: &mut Tx,
    unit: &Unit,
    hours: &OpeningHours,
    now: Timestamp,
) -> Result<Vec<Displaced>, Fault> {
    let without = Without::read(tx, unit, &hours.id).await?;
    // Whatever was booked lies within the horizon of its day, a year at most.
    let ahead = Range {
        from: now,
        to: now.plus_minutes(400 * 24 * 60),
    };
    let mut displaced = Vec::new();
    for appointment in store::list_expected_within(tx, &unit.id, ahead, now).await? {
        let time = Range {
            from: appointment.starts_at,
            to: appointment.ends_at,
        };
        if appointment.desk_id != hours.desk_id
            || !without.needs_it(unit, &appointment.desk_id, time)
        {
            continue;
        }
        let to = elsewhere(tx, unit, &appointment, now).await?;
        displaced.push(Displaced {
            to: to.and_then(|slot| slot.desks.into_iter().next()),
            appointment,
        });
    }
    Ok(displaced)
}

/// The appointments of a unit that stand within an absence of their desk.
///
/// # Errors
/// When the database fails.
pub async fn list_uncovered(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Vec<Appointment>, Fault> {
    store::list_uncovered(tx, unit_id, now).await
}

/// Gives a booked appointment to another desk at the same time, if one is free; gives
/// whether it was. The caller holds the lock of the unit.
///
/// # Errors
/// When the database fails.
pub async fn reassign(
    tx: &mut Tx,
    unit: &Unit,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(slot) = elsewhere(tx, unit, appointment, now).await? else {
        return Ok(false);
    };
    let id = &appointment.id;
    let Some(desk_id) = claim::take_desk(tx, id, unit, &slot, None, now).await? else {
        return Ok(false);
    };
    let former = &appointment.desk_id;
    // Everything from its start on is its own, however long the pause was when it was
    // booked; what lies before is an earlier time that it is being offered.
    let (first, _) = slots::quanta(slot.starts_at, slot.ends_at, 0);
    store::delete_desk_pieces(tx, id, former, first, i64::MAX).await?;
    if !store::mark_reassigned(tx, id, former, &desk_id).await? {
        return Err(Fault::other(format!(
            "appointment {id} changed under its unit's lock"
        )));
    }
    audit::append(
        tx,
        unit.id.as_str(),
        now,
        actor,
        "appointment.reassign",
        &format!("appointment/{id}"),
        &format!("desk={desk_id} former-desk={former}"),
    )
    .await?;
    if appointment.is_anonymous() {
        anonymous::note(tx, appointment, Change::Moved, now).await?;
    }
    Ok(true)
}

/// The other desks that are open and free for the whole of an appointment. Neither
/// notice nor horizon counts: the hour stays what was agreed.
async fn elsewhere(
    tx: &mut Tx,
    unit: &Unit,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Option<Slot>, Fault> {
    if appointment.state != State::Booked {
        return Ok(None);
    }
    let lenient = Unit {
        notice_minutes: 0,
        horizon_days: 366,
        ..unit.for_officers()
    };
    let slot = calendar::offered_at(tx, &lenient, appointment.starts_at, now).await?;
    Ok(slot
        .filter(|slot| slot.ends_at >= appointment.ends_at)
        .map(|slot| Slot {
            ends_at: appointment.ends_at,
            desks: slot
                .desks
                .into_iter()
                .filter(|desk_id| *desk_id != appointment.desk_id)
                .collect(),
            ..slot
        })
        .filter(|slot| !slot.desks.is_empty()))
}
