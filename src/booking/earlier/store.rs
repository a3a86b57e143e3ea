//! SQL of the waiting list.

use super::Offer;
use crate::booking::Appointment;
use crate::calendar::slots::QUANTUM_MS;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

/// What became of a wish.
pub(super) enum Asked {
    /// It is on the list from now on.
    Now,
    /// It was on the list.
    Before,
    /// The appointment is not booked.
    Never,
}

pub(super) async fn insert_wish(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Asked, Fault> {
    // Whoever left the list and asks again stands at its end.
    let rows = execute!(
        tx,
        "insert into earlier_wishes (appointment_id, unit_id, asked_at)
         select id, unit_id, cast($2 as bigint) from appointments where id = $1 and state = 'booked'
         on conflict (appointment_id) do update
             set asked_at = excluded.asked_at, unit_id = excluded.unit_id, ended_at = null
             where earlier_wishes.ended_at is not null",
        appointment_id,
        now
    )?;
    if rows == 1 {
        return Ok(Asked::Now);
    }
    Ok(if is_waiting(tx, appointment_id).await? {
        Asked::Before
    } else {
        Asked::Never
    })
}

pub(super) async fn is_waiting(tx: &mut Tx, appointment_id: &Id) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select count(*) from earlier_wishes where appointment_id = $1 and ended_at is null",
        appointment_id
    )?;
    Ok(row.is_some_and(|(count,)| count > 0))
}

pub(super) async fn mark_wish_ended(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update earlier_wishes set ended_at = $2 where appointment_id = $1 and ended_at is null",
        appointment_id,
        now
    )?;
    Ok(rows == 1)
}

/// The first who asked among those whom a slot helps: their appointment is later,
/// they were not offered it before, have no other offer open, and are not expected
/// elsewhere at that time.
pub(super) async fn find_next(
    tx: &mut Tx,
    unit_id: &Id,
    starts_at: Timestamp,
    (first, last): (i64, i64),
) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "select a.id, a.reference, a.unit_id, a.desk_id, a.case_id, a.citizen_id, a.officer_id, a.starts_at,
                a.ends_at, a.state, a.held_until, a.sequence, a.late_at
         from earlier_wishes w join appointments a on a.id = w.appointment_id
         where w.unit_id = $1 and w.ended_at is null and a.unit_id = $1 and a.state = 'booked' and a.starts_at > $2
           and not exists (select 1 from earlier_offers o
                           where o.appointment_id = a.id and (o.starts_at = $2 or o.outcome is null))
           and not exists (select 1 from citizen_occupancy c
                           where c.citizen_id = a.citizen_id and c.appointment_id <> a.id
                             and c.quantum >= $3 and c.quantum <= $4)
         order by w.asked_at, a.id limit 1",
        unit_id,
        starts_at,
        first,
        last
    )
}

/// Gives whether the row was written.
pub(super) async fn insert_offer(
    tx: &mut Tx,
    offer: &Offer,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into earlier_offers (appointment_id, starts_at, desk_id, offered_at, until_at)
         values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        &offer.appointment_id,
        offer.starts_at,
        &offer.desk_id,
        now,
        offer.until_at
    )?;
    Ok(rows == 1)
}

pub(super) async fn find_open(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Option<Offer>, Fault> {
    fetch_optional!(
        tx,
        Offer,
        "select appointment_id, starts_at, desk_id, until_at from earlier_offers
         where appointment_id = $1 and outcome is null and until_at > $2",
        appointment_id,
        now
    )
}

/// The answer in time, once.
pub(super) async fn mark_offer_taken(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Option<Offer>, Fault> {
    fetch_optional!(
        tx,
        Offer,
        "update earlier_offers set outcome = 'taken', ended_at = $2
         where appointment_id = $1 and outcome is null and until_at > $2
         returning appointment_id, starts_at, desk_id, until_at",
        appointment_id,
        now
    )
}

/// The slot that an appointment took last from the list.
pub(super) async fn was_taken(
    tx: &mut Tx,
    appointment_id: &Id,
) -> Result<Option<Timestamp>, Fault> {
    let row = fetch_optional!(
        tx,
        (Timestamp,),
        "select starts_at from earlier_offers where appointment_id = $1 and outcome = 'taken'
         order by ended_at desc limit 1",
        appointment_id
    )?;
    Ok(row.map(|(starts_at,)| starts_at))
}

pub(super) async fn mark_offer_ended(
    tx: &mut Tx,
    appointment_id: &Id,
    outcome: &str,
    now: Timestamp,
) -> Result<Option<Offer>, Fault> {
    fetch_optional!(
        tx,
        Offer,
        "update earlier_offers set outcome = $2, ended_at = $3
         where appointment_id = $1 and outcome is null
         returning appointment_id, starts_at, desk_id, until_at",
        appointment_id,
        outcome,
        now
    )
}

pub(super) async fn mark_offer_lapsed(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Option<Offer>, Fault> {
    fetch_optional!(
        tx,
        Offer,
        "update earlier_offers set outcome = 'lapsed', ended_at = $2
         where appointment_id = $1 and outcome is null and until_at <= $2
         returning appointment_id, starts_at, desk_id, until_at",
        appointment_id,
        now
    )
}

pub(super) async fn list_due(tx: &mut Tx, now: Timestamp) -> Result<Vec<(Id,)>, Fault> {
    fetch_all!(
        tx,
        (Id,),
        "select appointment_id from earlier_offers where outcome is null and until_at <= $1
         order by until_at limit 200",
        now
    )
}

/// Gives back the desk's time that an offer holds; what the appointment itself has
/// of a desk has no end and is left alone.
pub(super) async fn delete_held(tx: &mut Tx, offer: &Offer) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from desk_occupancy
         where appointment_id = $1 and desk_id = $2 and quantum >= $3 and expires_at is not null",
        &offer.appointment_id,
        &offer.desk_id,
        offer.starts_at.0.div_euclid(QUANTUM_MS)
    )?;
    Ok(())
}
