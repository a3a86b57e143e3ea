//! SQL of officers' time: what they are expected at, and when they are away.

use super::absences::AwayOfficer;
use crate::booking::Appointment;
use crate::calendar::recurrence::Range;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

/// Whether an officer is empowered to hold hearings of a unit.
pub(super) async fn serves(tx: &mut Tx, officer_id: &Id, unit_id: &Id) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select count(*) from empowerments
         where officer_id = $1 and unit_id = $2 and role <> 'auditor' and revoked_at is null",
        officer_id,
        unit_id
    )?;
    Ok(row.is_some_and(|(count,)| count > 0))
}

/// Who an officer is, as ProConnect last said, sealed.
pub(super) async fn find_sealed_identity(
    tx: &mut Tx,
    officer_id: &Id,
) -> Result<Option<Vec<u8>>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "select sealed_identity from officers where id = $1",
        officer_id
    )?;
    Ok(row.map(|(sealed,)| sealed))
}

/// Whether an officer is away for part of a time.
pub(super) async fn is_away(
    tx: &mut Tx,
    officer_id: &Id,
    from: Timestamp,
    to: Timestamp,
) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select count(*) from officer_absences
         where officer_id = $1 and removed_at is null and from_at < $3 and to_at > $2",
        officer_id,
        from,
        to
    )?;
    Ok(row.is_some_and(|(count,)| count > 0))
}

/// Takes the five-minute pieces of an officer's time from `first` to `last`; gives how
/// many of them were still free and are now taken.
pub(super) async fn insert_occupancy(
    tx: &mut Tx,
    officer_id: &Id,
    first: i64,
    last: i64,
    appointment_id: &Id,
) -> Result<u64, Fault> {
    execute!(
        tx,
        "insert into officer_occupancy (officer_id, quantum, appointment_id)
         with recursive pieces (quantum) as (
             select cast($2 as bigint)
             union all
             select quantum + 1 from pieces where quantum < $3
         )
         select cast($1 as text), quantum, cast($4 as text) from pieces where true
         on conflict (officer_id, quantum) do nothing",
        officer_id,
        first,
        last,
        appointment_id
    )
}

/// Gives back the time of whoever was to hold an appointment.
pub(in crate::booking) async fn release(tx: &mut Tx, appointment_id: &Id) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from officer_occupancy where appointment_id = $1",
        appointment_id
    )?;
    Ok(())
}

/// The same for everybody but the one who holds it now.
pub(in crate::booking) async fn release_others(
    tx: &mut Tx,
    appointment_id: &Id,
    officer_id: &Id,
) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from officer_occupancy where appointment_id = $1 and officer_id <> $2",
        appointment_id,
        officer_id
    )?;
    Ok(())
}

pub(super) async fn set_officer(
    tx: &mut Tx,
    appointment_id: &Id,
    officer_id: Option<&Id>,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update appointments set officer_id = $2 where id = $1 and state = 'booked'",
        appointment_id,
        officer_id
    )?;
    Ok(())
}

/// The booked appointments of a unit that an officer is to hold and that share time
/// with a range, in order.
pub(super) async fn list_of_officer(
    tx: &mut Tx,
    unit_id: &Id,
    officer_id: &Id,
    range: Range,
) -> Result<Vec<Appointment>, Fault> {
    fetch_all!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments
         where officer_id = $2 and unit_id = $1 and state = 'booked' and starts_at < $4 and ends_at > $3
         order by starts_at, reference",
        unit_id,
        officer_id,
        range.from,
        range.to
    )
}

/// The appointments of a unit that an officer is to hold or is holding, in order.
pub(super) async fn list_to_hold(
    tx: &mut Tx,
    unit_id: &Id,
    officer_id: &Id,
) -> Result<Vec<Appointment>, Fault> {
    fetch_all!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments
         where officer_id = $2 and unit_id = $1 and state in ('booked', 'open', 'in_hearing')
         order by starts_at, reference",
        unit_id,
        officer_id
    )
}

/// When an officer is expected somewhere or away, within a range and of any unit.
pub(super) async fn list_busy(
    tx: &mut Tx,
    officer_id: &Id,
    range: Range,
) -> Result<Vec<Range>, Fault> {
    let rows = fetch_all!(
        tx,
        (Timestamp, Timestamp),
        "select starts_at, ends_at from appointments
         where officer_id = $1 and state in ('booked', 'open', 'in_hearing') and starts_at < $3 and ends_at > $2
         union all
         select from_at, to_at from officer_absences
         where officer_id = $1 and removed_at is null and from_at < $3 and to_at > $2",
        officer_id,
        range.from,
        range.to
    )?;
    let ranges = rows.into_iter().map(|(from, to)| Range { from, to });
    Ok(ranges.collect())
}

/// The administrative numbers of the officers of appointments that start in a window.
pub(in crate::booking) async fn list_rio_of_unit(
    tx: &mut Tx,
    unit_id: &Id,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Id, String)>, Fault> {
    fetch_all!(
        tx,
        (Id, String),
        "select o.id, o.rio from officers o
         where o.id in (select officer_id from appointments
                        where unit_id = $1 and starts_at >= $2 and starts_at < $3 and officer_id is not null)",
        unit_id,
        from,
        to
    )
}

pub(super) async fn insert_absence(
    tx: &mut Tx,
    absence: &AwayOfficer,
    created_by: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into officer_absences (id, officer_id, unit_id, from_at, to_at, created_at, created_by)
         values ($1, $2, $3, $4, $5, $6, $7)",
        &absence.id,
        &absence.officer_id,
        &absence.unit_id,
        absence.from_at,
        absence.to_at,
        now,
        created_by
    )?;
    Ok(())
}

/// The absences of a unit's officers that are not over.
pub(super) async fn list_absences(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Vec<AwayOfficer>, Fault> {
    fetch_all!(
        tx,
        AwayOfficer,
        "select id, officer_id, unit_id, from_at, to_at from officer_absences
         where unit_id = $1 and removed_at is null and to_at > $2
         order by from_at, id",
        unit_id,
        now
    )
}

/// Takes an absence of a unit back; gives it if it stood.
pub(super) async fn mark_absence_removed(
    tx: &mut Tx,
    id: &Id,
    unit_id: &Id,
    removed_by: &str,
    now: Timestamp,
) -> Result<Option<AwayOfficer>, Fault> {
    fetch_optional!(
        tx,
        AwayOfficer,
        "update officer_absences set removed_at = $3, removed_by = $4
         where id = $1 and unit_id = $2 and removed_at is null
         returning id, officer_id, unit_id, from_at, to_at",
        id,
        unit_id,
        now,
        removed_by
    )
}

/// Whether an absence of a unit exists, taken back or not.
pub(super) async fn is_absence(tx: &mut Tx, id: &Id, unit_id: &Id) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select count(*) from officer_absences where id = $1 and unit_id = $2",
        id,
        unit_id
    )?;
    Ok(row.is_some_and(|(count,)| count > 0))
}
