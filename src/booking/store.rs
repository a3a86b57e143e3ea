//! SQL of appointments and of the time they take of a desk.

use super::{Appointment, Reason, State};
use crate::audit::Actor;
use crate::calendar::recurrence::Range;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

pub(super) async fn find(tx: &mut Tx, id: &Id) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments where id = $1",
        id
    )
}

/// The appointment of a case that is not over, expired holds included as long
/// as nobody has marked them.
pub(super) async fn find_live(tx: &mut Tx, case_id: &Id) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments
         where case_id = $1 and state in ('held', 'booked', 'open', 'in_hearing')",
        case_id
    )
}

pub(super) async fn list_of_citizen(
    tx: &mut Tx,
    citizen_id: &Id,
) -> Result<Vec<Appointment>, Fault> {
    fetch_all!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments where citizen_id = $1 order by created_at desc, id",
        citizen_id
    )
}

/// The citizen's latest case none of whose appointments stands or was held:
/// [`State::frees_case`] in SQL.
pub(super) async fn find_case_without_appointment(
    tx: &mut Tx,
    citizen_id: &Id,
) -> Result<Option<(Id,)>, Fault> {
    fetch_optional!(
        tx,
        (Id,),
        "select case_id from appointments where citizen_id = $1
         group by case_id
         having sum(case when state in ('held', 'expired', 'cancelled_by_citizen', 'cancelled_by_unit', 'no_show',
                              'transferred')
                    then 0 else 1 end) = 0
         order by max(created_at) desc, case_id
         limit 1",
        citizen_id
    )
}

/// Appointments of a unit that start in a window and were confirmed.
pub(super) async fn list_of_unit(
    tx: &mut Tx,
    unit_id: &Id,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Appointment>, Fault> {
    fetch_all!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments
         where unit_id = $1 and starts_at >= $2 and starts_at < $3 and state not in ('held', 'expired')
         order by starts_at, reference",
        unit_id,
        from,
        to
    )
}

/// Gives whether the row was written; not so when its reference is taken, or its
/// case or its facts have a live appointment already.
pub(super) async fn insert_held(
    tx: &mut Tx,
    appointment: &Appointment,
    facts_mark: Option<&str>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into appointments (id, reference, unit_id, desk_id, case_id, citizen_id, starts_at, ends_at,
             state, held_until, created_at, facts_mark)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'held', $9, $10, $11)
         on conflict do nothing",
        &appointment.id,
        &appointment.reference,
        &appointment.unit_id,
        &appointment.desk_id,
        &appointment.case_id,
        &appointment.citizen_id,
        appointment.starts_at,
        appointment.ends_at,
        appointment.held_until,
        now,
        facts_mark
    )?;
    Ok(rows == 1)
}

pub(super) async fn set_desk(tx: &mut Tx, id: &Id, desk_id: &Id) -> Result<(), Fault> {
    execute!(
        tx,
        "update appointments set desk_id = $2 where id = $1",
        id,
        desk_id
    )?;
    Ok(())
}

/// Takes the five-minute pieces of a desk from `first` to `last`; gives how many
/// of them were still free and are now taken.
pub(super) async fn insert_occupancy(
    tx: &mut Tx,
    desk_id: &Id,
    first: i64,
    last: i64,
    appointment_id: &Id,
    expires_at: Option<Timestamp>,
) -> Result<u64, Fault> {
    execute!(
        tx,
        "insert into desk_occupancy (desk_id, quantum, appointment_id, expires_at)
         with recursive pieces (quantum) as (
             select cast($2 as bigint)
             union all
             select quantum + 1 from pieces where quantum < $3
         )
         select cast($1 as text), quantum, cast($4 as text), cast($5 as bigint) from pieces where true
         on conflict (desk_id, quantum) do nothing",
        desk_id,
        first,
        last,
        appointment_id,
        expires_at
    )
}

/// Gives back the desk's time, and the person's.
pub(super) async fn delete_occupancy(tx: &mut Tx, appointment_id: &Id) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from desk_occupancy where appointment_id = $1",
        appointment_id
    )?;
    delete_own_time(tx, appointment_id).await
}

/// Gives back the person's own time, and the officer's: whoever is not expected any
/// more may be expected elsewhere, although the desk's time is spent.
pub(super) async fn delete_own_time(tx: &mut Tx, appointment_id: &Id) -> Result<(), Fault> {
    super::assignment::release(tx, appointment_id).await?;
    execute!(
        tx,
        "delete from citizen_occupancy where appointment_id = $1",
        appointment_id
    )?;
    Ok(())
}

/// Gives back what of a desk's pieces is this appointment's.
pub(super) async fn delete_desk_pieces(
    tx: &mut Tx,
    appointment_id: &Id,
    desk_id: &Id,
    first: i64,
    last: i64,
) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from desk_occupancy
         where appointment_id = $1 and desk_id = $2 and quantum >= $3 and quantum <= $4",
        appointment_id,
        desk_id,
        first,
        last
    )?;
    Ok(())
}

/// Lets go of the pieces of a desk that an offer held and nobody answered in time.
pub(super) async fn delete_lapsed_pieces(
    tx: &mut Tx,
    desk_id: &Id,
    first: i64,
    last: i64,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from desk_occupancy
         where desk_id = $1 and quantum >= $2 and quantum <= $3 and expires_at <= $4",
        desk_id,
        first,
        last,
        now
    )?;
    Ok(())
}

/// Takes the five-minute pieces of a person's own time from `first` to `last`;
/// gives how many of them were still free and are now taken.
pub(super) async fn insert_own_time(
    tx: &mut Tx,
    citizen_id: &Id,
    first: i64,
    last: i64,
    appointment_id: &Id,
) -> Result<u64, Fault> {
    execute!(
        tx,
        "insert into citizen_occupancy (citizen_id, quantum, appointment_id)
         with recursive pieces (quantum) as (
             select cast($2 as bigint)
             union all
             select quantum + 1 from pieces where quantum < $3
         )
         select cast($1 as text), quantum, cast($4 as text) from pieces where true
         on conflict (citizen_id, quantum) do nothing",
        citizen_id,
        first,
        last,
        appointment_id
    )
}

/// The appointment in which a person is expected at that time already.
pub(super) async fn find_at_own_time(
    tx: &mut Tx,
    citizen_id: &Id,
    first: i64,
    last: i64,
    but_not: &Id,
) -> Result<Option<(Id,)>, Fault> {
    fetch_optional!(
        tx,
        (Id,),
        "select appointment_id from citizen_occupancy
         where citizen_id = $1 and quantum >= $2 and quantum <= $3 and appointment_id <> $4
         order by quantum limit 1",
        citizen_id,
        first,
        last,
        but_not
    )
}

/// The live appointment of a person for the same facts.
pub(super) async fn find_live_for_facts(
    tx: &mut Tx,
    citizen_id: &Id,
    facts_mark: Option<&str>,
) -> Result<Option<(Id,)>, Fault> {
    fetch_optional!(
        tx,
        (Id,),
        "select id from appointments
         where citizen_id = $1 and facts_mark = $2 and state in ('held', 'booked', 'open', 'in_hearing')",
        citizen_id,
        facts_mark
    )
}

/// The units in which a person has a hold that ran out.
pub(super) async fn list_units_of_lapsed(
    tx: &mut Tx,
    citizen_id: &Id,
    now: Timestamp,
) -> Result<Vec<(Id,)>, Fault> {
    fetch_all!(
        tx,
        (Id,),
        "select unit_id from appointments where citizen_id = $1 and state = 'held' and held_until <= $2",
        citizen_id,
        now
    )
}

/// Marks every hold of a person that ran out; gives which, and of which unit.
pub(super) async fn mark_lapsed_of_citizen(
    tx: &mut Tx,
    citizen_id: &Id,
    now: Timestamp,
) -> Result<Vec<(Id, Id)>, Fault> {
    fetch_all!(
        tx,
        (Id, Id),
        "update appointments set state = 'expired', facts_mark = null
         where citizen_id = $1 and state = 'held' and held_until <= $2
         returning id, unit_id",
        citizen_id,
        now
    )
}

/// Moves a booked appointment to another time and desk, if it still is at the
/// time it is moved from; gives it as it is then.
pub(super) async fn mark_rescheduled(
    tx: &mut Tx,
    appointment: &Appointment,
    desk_id: &Id,
    starts_at: Timestamp,
    ends_at: Timestamp,
) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "update appointments set desk_id = $3, starts_at = $4, ends_at = $5, sequence = sequence + 1, late_at = null
         where id = $1 and state = 'booked' and sequence = $2
         returning id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                   state, held_until, sequence, late_at",
        &appointment.id,
        appointment.sequence,
        desk_id,
        starts_at,
        ends_at
    )
}

/// Notes that nobody had come at `now`, once for each time it is set for.
pub(super) async fn mark_late(
    tx: &mut Tx,
    id: &Id,
    now: Timestamp,
) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "update appointments set late_at = $2
         where id = $1 and late_at is null and state in ('booked', 'open')
         returning id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                   state, held_until, sequence, late_at",
        id,
        now
    )
}

/// Makes the time a hold took its own for good; gives how many pieces it had.
pub(super) async fn keep_occupancy(tx: &mut Tx, appointment_id: &Id) -> Result<u64, Fault> {
    execute!(
        tx,
        "update desk_occupancy set expires_at = null where appointment_id = $1",
        appointment_id
    )
}

/// Moves an appointment if it still is in that state; gives it as it is then.
pub(super) async fn mark_moved(
    tx: &mut Tx,
    id: &Id,
    from: State,
    to: State,
) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "update appointments set state = $3,
             facts_mark = case when $4 then facts_mark end
         where id = $1 and state = $2
         returning id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                   state, held_until, sequence, late_at",
        id,
        from,
        to,
        to.is_live()
    )
}

/// Confirms a hold that has not run out; gives the appointment if it was one.
pub(super) async fn mark_booked(
    tx: &mut Tx,
    id: &Id,
    citizen_id: &Id,
    now: Timestamp,
) -> Result<Option<Appointment>, Fault> {
    fetch_optional!(
        tx,
        Appointment,
        "update appointments set state = 'booked', held_until = null, booked_at = $3
         where id = $1 and citizen_id = $2 and state = 'held' and held_until > $3
         returning id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                   state, held_until, sequence, late_at",
        id,
        citizen_id,
        now
    )
}

/// Marks the holds that ran out and still lie on these pieces of a desk; gives
/// their ids. A hold is ended by its row, never by its pieces alone, so that a
/// confirmation and an expiry meet on one row.
pub(super) async fn mark_expired_at(
    tx: &mut Tx,
    desk_id: &Id,
    first: i64,
    last: i64,
    now: Timestamp,
) -> Result<Vec<(Id,)>, Fault> {
    fetch_all!(
        tx,
        (Id,),
        "update appointments set state = 'expired', facts_mark = null
         where id in (select appointment_id from desk_occupancy
                      where desk_id = $1 and quantum >= $2 and quantum <= $3 and expires_at <= $4)
           and state = 'held' and held_until <= $4
         returning id",
        desk_id,
        first,
        last,
        now
    )
}

pub(super) async fn insert_move(
    tx: &mut Tx,
    appointment_id: &Id,
    from: Option<State>,
    to: State,
    reason: Option<Reason>,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into appointment_moves (appointment_id, seq, from_state, to_state, at, actor, reason)
         select cast($1 as text), coalesce(max(seq), 0) + 1, cast($2 as text), cast($3 as text),
                cast($4 as bigint), cast($5 as text), cast($6 as text)
         from appointment_moves where appointment_id = $1",
        appointment_id,
        from,
        to,
        now,
        actor.to_string(),
        reason
    )?;
    Ok(())
}

/// Appointments of a unit that share time with a range and whose people are expected.
pub(super) async fn list_expected_within(
    tx: &mut Tx,
    unit_id: &Id,
    range: Range,
    now: Timestamp,
) -> Result<Vec<Appointment>, Fault> {
    fetch_all!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments
         where unit_id = $1 and starts_at < $3 and ends_at > $2 and ends_at > $4
           and (state in ('booked', 'open') or (state = 'held' and held_until > $4))
         order by starts_at, reference",
        unit_id,
        range.from,
        range.to,
        now
    )
}

/// Appointments of a unit whose desk is away for part of their time.
pub(super) async fn list_uncovered(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Vec<Appointment>, Fault> {
    fetch_all!(
        tx,
        Appointment,
        "select a.id, a.reference, a.unit_id, a.desk_id, a.case_id, a.citizen_id, a.officer_id, a.starts_at,
                a.ends_at, a.state, a.held_until, a.sequence, a.late_at
         from appointments a
         where a.unit_id = $1 and a.ends_at > $2 and a.state in ('booked', 'open')
           and exists (select 1 from absences b
                       where b.unit_id = a.unit_id and (b.desk_id is null or b.desk_id = a.desk_id)
                         and b.removed_at is null and b.from_at < a.ends_at and b.to_at > a.starts_at)
         order by a.starts_at, a.reference",
        unit_id,
        now
    )
}

/// Gives a booked appointment to another desk, if it still is at the former one.
pub(super) async fn mark_reassigned(
    tx: &mut Tx,
    id: &Id,
    from: &Id,
    to: &Id,
) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (Id,),
        "update appointments set desk_id = $3 where id = $1 and desk_id = $2 and state = 'booked'
         returning id",
        id,
        from,
        to
    )?;
    Ok(row.is_some())
}

/// The reason noted with the last step of an appointment.
pub(super) async fn find_last_reason(
    tx: &mut Tx,
    id: &Id,
) -> Result<Option<(Option<Reason>,)>, Fault> {
    fetch_optional!(
        tx,
        (Option<Reason>,),
        "select reason from appointment_moves where appointment_id = $1 order by seq desc limit 1",
        id
    )
}

/// How many people still expect a hearing at a desk, live holds included.
pub(super) async fn count_expected(
    tx: &mut Tx,
    desk_id: &Id,
    unit_id: &Id,
    now: Timestamp,
) -> Result<i64, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select count(*) from appointments
         where desk_id = $1 and unit_id = $2 and ends_at > $3
           and (state in ('booked', 'open', 'in_hearing') or (state = 'held' and held_until > $3))",
        desk_id,
        unit_id,
        now
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// The lowest place of a person that is free: used before an instant, or never yet, up to
/// a number of places.
pub(super) async fn find_place(
    tx: &mut Tx,
    citizen_id: &Id,
    free_since: Timestamp,
    most: i64,
) -> Result<Option<(i64,)>, Fault> {
    fetch_optional!(
        tx,
        (i64,),
        "select place from (
             select place from booking_allowances where citizen_id = $1 and used_at <= $2
             union all
             select coalesce(max(place), 0) + 1 as place from booking_allowances where citizen_id = $1
         ) as free
         where place <= $3 order by place limit 1",
        citizen_id,
        free_since,
        most
    )
}

/// Gives whether the place was still free.
pub(super) async fn take_place(
    tx: &mut Tx,
    citizen_id: &Id,
    place: i64,
    free_since: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into booking_allowances (citizen_id, place, used_at) values ($1, $2, $4)
         on conflict (citizen_id, place) do update set used_at = excluded.used_at
         where booking_allowances.used_at <= $3",
        citizen_id,
        place,
        free_since,
        now
    )?;
    Ok(rows == 1)
}

/// Appointments of a unit that are not over, holds that ran out left out.
pub(super) async fn list_expected_in(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Vec<Appointment>, Fault> {
    fetch_all!(
        tx,
        Appointment,
        "select id, reference, unit_id, desk_id, case_id, citizen_id, officer_id, starts_at, ends_at,
                state, held_until, sequence, late_at
         from appointments
         where unit_id = $1
           and (state in ('booked', 'open', 'in_hearing') or (state = 'held' and held_until > $2))
         order by starts_at, reference",
        unit_id,
        now
    )
}

/// Appointments that are not over, by the commune of the person, of one department.
pub(super) async fn count_live_by_commune(
    tx: &mut Tx,
    department: &str,
) -> Result<Vec<(String, i64)>, Fault> {
    fetch_all!(
        tx,
        (String, i64),
        "select c.insee_code, count(*)
         from communes c join declarations d on d.commune_code = c.insee_code
             join appointments a on a.case_id = d.case_id
         where c.department = $1 and a.state in ('booked', 'open', 'in_hearing')
         group by c.insee_code order by c.insee_code",
        department
    )
}

/// How many cases [`list_waiting_cases`] has.
pub(super) async fn count_waiting_cases(
    tx: &mut Tx,
    unit_id: &Id,
) -> Result<Option<(i64,)>, Fault> {
    fetch_optional!(
        tx,
        (i64,),
        "select count(*) from declarations d
         where (d.unit_id = $1 or d.received_for = $1) and d.commune_code is not null
           and not exists (select 1 from appointments a where a.case_id = d.case_id
                           and a.state in ('booked', 'open', 'in_hearing', 'closed', 'converted_in_person'))",
        unit_id
    )
}

/// Cases of a unit's people that have no appointment and were not heard either; those
/// that another service books for live elsewhere and have no commune.
pub(super) async fn list_waiting_cases(tx: &mut Tx, unit_id: &Id) -> Result<Vec<(Id,)>, Fault> {
    fetch_all!(
        tx,
        (Id,),
        "select d.case_id from declarations d
         where (d.unit_id = $1 or d.received_for = $1) and d.commune_code is not null
           and not exists (select 1 from appointments a where a.case_id = d.case_id
                           and a.state in ('booked', 'open', 'in_hearing', 'closed', 'converted_in_person'))
         order by d.case_id",
        unit_id
    )
}
