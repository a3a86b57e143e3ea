//! Taking time: the person's own, then that of the first desk that gives all of
//! it. Both are rows of five minutes under a primary key, so that neither a desk
//! nor a person is ever taken twice, whoever forgets to look before.

use super::{anonymous, note_expired, store};
use crate::audit;
use crate::audit::Actor;
use crate::calendar::{Slot, Unit, slots};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// What became of the attempt. Anything but [`Taken::Desk`] leaves rows behind
/// that only dropping the transaction removes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// This desk is now taken.
    Desk(Id),
    /// The person is expected elsewhere at that time: in this appointment.
    OwnTime(Id),
    /// Every desk was given away in between.
    Nothing,
}

/// Takes a slot's time for an appointment of a citizen. With `expires_at` the
/// desk's time is only held until then.
///
/// # Errors
/// When the database fails.
pub(super) async fn take(
    tx: &mut Tx,
    (appointment_id, citizen_id): (&Id, &Id),
    unit: &Unit,
    slot: &Slot,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Taken, Fault> {
    let (first, last) = slots::quanta(slot.starts_at, slot.ends_at, 0);
    // Those whom nobody knows are many people: none of them has a time of their own here.
    let unknown = citizen_id.as_str() == anonymous::PERSON;
    let own = if unknown {
        pieces(first, last)
    } else {
        store::insert_own_time(tx, citizen_id, first, last, appointment_id).await?
    };
    if own != pieces(first, last) {
        let other = store::find_at_own_time(tx, citizen_id, first, last, appointment_id).await?;
        return Ok(other.map_or(Taken::Nothing, |(id,)| Taken::OwnTime(id)));
    }
    let desk = take_desk(tx, appointment_id, unit, slot, expires_at, now).await?;
    Ok(desk.map_or(Taken::Nothing, Taken::Desk))
}

/// Takes the time of the first desk that gives all of a slot and its buffer.
///
/// # Errors
/// When the database fails.
pub(super) async fn take_desk(
    tx: &mut Tx,
    appointment_id: &Id,
    unit: &Unit,
    slot: &Slot,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Id>, Fault> {
    let (first, last) = slots::quanta(slot.starts_at, slot.ends_at, unit.buffer_minutes);
    for desk_id in &slot.desks {
        free_of_the_lapsed(tx, desk_id, first, last, unit, now).await?;
        let taken =
            store::insert_occupancy(tx, desk_id, first, last, appointment_id, expires_at).await?;
        if taken == pieces(first, last) {
            return Ok(Some(desk_id.clone()));
        }
        store::delete_desk_pieces(tx, appointment_id, desk_id, first, last).await?;
    }
    Ok(None)
}

/// Ends the holds that ran out and still lie on that time of a desk, and lets go of
/// what was offered there to somebody who did not answer in time.
async fn free_of_the_lapsed(
    tx: &mut Tx,
    desk_id: &Id,
    first: i64,
    last: i64,
    unit: &Unit,
    now: Timestamp,
) -> Result<(), Fault> {
    for (expired,) in store::mark_expired_at(tx, desk_id, first, last, now).await? {
        note_expired(tx, &expired, &unit.id, &Actor::System, now).await?;
    }
    store::delete_lapsed_pieces(tx, desk_id, first, last, now).await
}

fn pieces(first: i64, last: i64) -> u64 {
    u64::try_from(last - first + 1).unwrap_or_default()
}

/// Ends every hold of a person that ran out, so that none of them stands in the
/// way of a new one. The caller holds the locks of their units.
///
/// # Errors
/// When the database fails.
pub(super) async fn end_lapsed_holds(
    tx: &mut Tx,
    citizen_id: &Id,
    now: Timestamp,
) -> Result<(), Fault> {
    for (id, unit_id) in store::mark_lapsed_of_citizen(tx, citizen_id, now).await? {
        note_expired(tx, &id, &unit_id, &Actor::System, now).await?;
    }
    Ok(())
}

/// Locks the journals of several units, always in the same order, so that two
/// acts never wait for each other.
///
/// # Errors
/// When the database fails.
pub(super) async fn lock_units(tx: &mut Tx, mut units: Vec<Id>) -> Result<(), Fault> {
    units.sort();
    units.dedup();
    for unit in &units {
        audit::lock(tx, unit.as_str()).await?;
    }
    Ok(())
}
