//! SQL of the calendar. It also reads `desk_occupancy`, which only `booking`
//! writes: a slot cannot be computed without knowing what is given away.

use super::coverage::{Closed, Coverage};
use super::coverage_changes::{self, Change, PlaceChange, Standing};
use super::national_list::NationalCommune;
use super::rules::UnitRules;
use super::sheet::Sheet;
use super::units::UnitChangeRow;
use super::{Absence, Desk, OpeningHours, Unit};
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

pub(super) async fn find_unit(tx: &mut Tx, id: &Id) -> Result<Option<Unit>, Fault> {
    fetch_optional!(
        tx,
        Unit,
        "select id, department, kind, name, address, postal_code, city, phone, email, time_zone,
                slot_minutes, buffer_minutes, notice_minutes, horizon_days, opens_on_holidays,
                release_first, release_second, release_days, public_hours, accessibility, languages, closed_at
         from units where id = $1",
        id
    )
}

pub(super) async fn list_units(tx: &mut Tx, department: &str) -> Result<Vec<Unit>, Fault> {
    fetch_all!(
        tx,
        Unit,
        "select id, department, kind, name, address, postal_code, city, phone, email, time_zone,
                slot_minutes, buffer_minutes, notice_minutes, horizon_days, opens_on_holidays,
                release_first, release_second, release_days, public_hours, accessibility, languages, closed_at
         from units where department = $1 order by name, id",
        department
    )
}

pub(super) async fn insert_department(tx: &mut Tx, code: &str, name: &str) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into departments (code, name, coverage_open) values ($1, $2, true)
         on conflict (code) do nothing",
        code,
        name
    )?;
    Ok(rows == 1)
}

pub(super) async fn insert_unit(tx: &mut Tx, unit: &Unit) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into units (id, department, kind, name, address, postal_code, city, phone, email, time_zone,
             slot_minutes, buffer_minutes, notice_minutes, horizon_days, opens_on_holidays,
             release_first, release_second, release_days, public_hours, accessibility, languages)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
         on conflict (id) do nothing",
        &unit.id,
        &unit.department,
        unit.kind,
        &unit.name,
        &unit.address,
        &unit.postal_code,
        &unit.city,
        &unit.phone,
        &unit.email,
        &unit.time_zone,
        unit.slot_minutes,
        unit.buffer_minutes,
        unit.notice_minutes,
        unit.horizon_days,
        unit.opens_on_holidays,
        unit.release.first_percent,
        unit.release.second_percent,
        unit.release.second_days,
        &unit.facts.public_hours,
        &unit.facts.accessibility,
        &unit.facts.languages
    )?;
    Ok(rows == 1)
}

pub(super) async fn insert_commune(
    tx: &mut Tx,
    commune: &super::Commune,
    search_name: &str,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into communes (insee_code, name, search_name, postal_code, department, unit_id)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (insee_code) do nothing",
        &commune.insee_code,
        &commune.name,
        search_name,
        &commune.postal_code,
        &commune.department,
        &commune.unit_id
    )?;
    Ok(rows == 1)
}

pub(super) async fn find_desk(tx: &mut Tx, id: &Id) -> Result<Option<Desk>, Fault> {
    fetch_optional!(
        tx,
        Desk,
        "select id, unit_id, label, opened_at, closed_at from desks where id = $1",
        id
    )
}

pub(super) async fn list_open_desks(tx: &mut Tx, unit_id: &Id) -> Result<Vec<Desk>, Fault> {
    fetch_all!(
        tx,
        Desk,
        "select id, unit_id, label, opened_at, closed_at from desks
         where unit_id = $1 and closed_at is null order by id",
        unit_id
    )
}

pub(super) async fn insert_desk(tx: &mut Tx, desk: &Desk, actor: &Actor) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into desks (id, unit_id, label, opened_at, opened_by)
         select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint), cast($5 as text)
         where exists (select 1 from units where id = $2 and closed_at is null)
         on conflict (id) do nothing",
        &desk.id,
        &desk.unit_id,
        &desk.label,
        desk.opened_at,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

/// Gives whether it was open until now.
pub(super) async fn mark_desk_closed(
    tx: &mut Tx,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update desks set closed_at = $2, closed_by = $3 where id = $1 and closed_at is null",
        id,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

pub(super) async fn insert_opening_hours(
    tx: &mut Tx,
    hours: &OpeningHours,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into opening_hours (id, desk_id, rrule, first_day, last_day, start_minute, end_minute,
             created_at, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &hours.id,
        &hours.desk_id,
        &hours.rrule,
        &hours.first_day,
        &hours.last_day,
        hours.start_minute,
        hours.end_minute,
        now,
        actor.to_string()
    )?;
    Ok(())
}

/// Hours of a unit's open desks.
pub(super) async fn list_opening_hours(
    tx: &mut Tx,
    unit_id: &Id,
) -> Result<Vec<OpeningHours>, Fault> {
    fetch_all!(
        tx,
        OpeningHours,
        "select h.id, h.desk_id, h.rrule, h.first_day, h.last_day, h.start_minute, h.end_minute
         from opening_hours h join desks d on d.id = h.desk_id
         where d.unit_id = $1 and d.closed_at is null and h.removed_at is null
         order by h.desk_id, h.first_day, h.start_minute, h.id",
        unit_id
    )
}

pub(super) async fn list_absences(
    tx: &mut Tx,
    unit_id: &Id,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Absence>, Fault> {
    fetch_all!(
        tx,
        Absence,
        "select id, unit_id, desk_id, from_at, to_at, reason, removed_at from absences
         where unit_id = $1 and to_at > $2 and from_at < $3 and removed_at is null",
        unit_id,
        from,
        to
    )
}

/// Five-minute pieces given away at a unit's open desks, holds that ran out left out.
pub(super) async fn list_occupied(
    tx: &mut Tx,
    unit_id: &Id,
    first_quantum: i64,
    last_quantum: i64,
    now: Timestamp,
) -> Result<Vec<(Id, i64)>, Fault> {
    fetch_all!(
        tx,
        (Id, i64),
        "select o.desk_id, o.quantum
         from desks d join desk_occupancy o on o.desk_id = d.id
         where d.unit_id = $1 and d.closed_at is null
           and o.quantum >= $2 and o.quantum <= $3
           and (o.expires_at is null or o.expires_at > $4)
         order by o.desk_id, o.quantum",
        unit_id,
        first_quantum,
        last_quantum,
        now
    )
}

/// Absences of a unit that are not over, in order of their start.
pub(super) async fn list_coming_absences(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Vec<Absence>, Fault> {
    fetch_all!(
        tx,
        Absence,
        "select id, unit_id, desk_id, from_at, to_at, reason, removed_at from absences
         where unit_id = $1 and to_at > $2 and removed_at is null order by from_at, id",
        unit_id,
        now
    )
}

pub(super) async fn find_absence(tx: &mut Tx, id: &Id) -> Result<Option<Absence>, Fault> {
    fetch_optional!(
        tx,
        Absence,
        "select id, unit_id, desk_id, from_at, to_at, reason, removed_at from absences where id = $1",
        id
    )
}

/// Gives whether it was written: not so when the very same one is there already.
pub(super) async fn insert_absence(
    tx: &mut Tx,
    absence: &Absence,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into absences (id, unit_id, desk_id, from_at, to_at, reason, created_at, created_by)
         select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint), cast($5 as bigint),
                cast($6 as text), cast($7 as bigint), cast($8 as text)
         where not exists (select 1 from absences where unit_id = $2 and coalesce(desk_id, '') = coalesce($3, '')
                           and from_at = $4 and to_at = $5 and removed_at is null)",
        &absence.id,
        &absence.unit_id,
        &absence.desk_id,
        absence.from_at,
        absence.to_at,
        &absence.reason,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

pub(super) async fn mark_absence_removed(
    tx: &mut Tx,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update absences set removed_at = $2, removed_by = $3 where id = $1 and removed_at is null",
        id,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

/// Days left out of a unit's recurring ranges.
pub(super) async fn list_exceptions(tx: &mut Tx, unit_id: &Id) -> Result<Vec<(Id, String)>, Fault> {
    fetch_all!(
        tx,
        (Id, String),
        "select e.hours_id, e.day from opening_exceptions e
         join opening_hours h on h.id = e.hours_id join desks d on d.id = h.desk_id
         where d.unit_id = $1 and d.closed_at is null and h.removed_at is null
         order by e.hours_id, e.day",
        unit_id
    )
}

pub(super) async fn insert_exception(
    tx: &mut Tx,
    hours_id: &Id,
    day: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into opening_exceptions (hours_id, day, created_at, created_by) values ($1, $2, $3, $4)
         on conflict do nothing",
        hours_id,
        day,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

pub(super) async fn delete_exception(tx: &mut Tx, hours_id: &Id, day: &str) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "delete from opening_exceptions where hours_id = $1 and day = $2",
        hours_id,
        day
    )?;
    Ok(rows == 1)
}

pub(super) async fn update_rules(
    tx: &mut Tx,
    unit_id: &Id,
    rules: &UnitRules,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update units set slot_minutes = $2, buffer_minutes = $3, notice_minutes = $4, horizon_days = $5,
             opens_on_holidays = $6, release_first = $7, release_second = $8, release_days = $9
         where id = $1",
        unit_id,
        rules.slot_minutes,
        rules.buffer_minutes,
        rules.notice_minutes,
        rules.horizon_days,
        rules.opens_on_holidays,
        rules.release.first_percent,
        rules.release.second_percent,
        rules.release.second_days
    )?;
    Ok(())
}

/// Adds a department of the national list, or brings its name up to date.
pub(super) async fn upsert_department(tx: &mut Tx, code: &str, name: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into departments (code, name, coverage_open) values ($1, $2, true)
         on conflict (code) do update set name = excluded.name",
        code,
        name
    )?;
    Ok(())
}

/// Adds a commune of the national list, or brings it up to date; who receives its
/// residents stays as it is.
pub(super) async fn upsert_commune(
    tx: &mut Tx,
    commune: &NationalCommune,
    search_name: &str,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into communes (insee_code, name, search_name, postal_code, department)
         values ($1, $2, $3, $4, $5)
         on conflict (insee_code) do update set name = excluded.name, search_name = excluded.search_name,
             postal_code = excluded.postal_code, department = excluded.department",
        &commune.insee_code,
        &commune.name,
        search_name,
        commune.postal_codes.first(),
        &commune.department
    )?;
    Ok(())
}

pub(super) async fn delete_postal_codes(tx: &mut Tx, insee_code: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from commune_postal_codes where insee_code = $1",
        insee_code
    )?;
    Ok(())
}

pub(super) async fn insert_postal_code(
    tx: &mut Tx,
    postal_code: &str,
    insee_code: &str,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into commune_postal_codes (postal_code, insee_code) values ($1, $2)
         on conflict do nothing",
        postal_code,
        insee_code
    )?;
    Ok(())
}

pub(super) async fn find_coverage(
    tx: &mut Tx,
    department: &str,
) -> Result<Option<Coverage>, Fault> {
    fetch_optional!(
        tx,
        Coverage,
        "select d.code, d.name, d.coverage_open, d.coverage_message,
                (select count(*) from communes c where c.department = d.code) as communes,
                (select count(*) from communes c where c.department = d.code and c.unit_id is not null
                    and c.coverage_open) as received
         from departments d where d.code = $1",
        department
    )
}

pub(super) async fn list_closed_communes(
    tx: &mut Tx,
    department: &str,
) -> Result<Vec<Closed>, Fault> {
    fetch_all!(
        tx,
        Closed,
        "select insee_code, name, coverage_message from communes
         where department = $1 and not coverage_open order by search_name, insee_code",
        department
    )
}

pub(super) async fn find_coverage_message(
    tx: &mut Tx,
    insee_code: &str,
) -> Result<Option<(String,)>, Fault> {
    fetch_optional!(
        tx,
        (String,),
        "select case when not c.coverage_open and c.coverage_message <> '' then c.coverage_message
                     when not d.coverage_open then d.coverage_message
                     else '' end
         from communes c join departments d on d.code = c.department
         where c.insee_code = $1",
        insee_code
    )
}

/// A range of an open desk, taken back or not.
pub(super) async fn find_opening_hours(
    tx: &mut Tx,
    id: &Id,
) -> Result<Option<OpeningHours>, Fault> {
    fetch_optional!(
        tx,
        OpeningHours,
        "select h.id, h.desk_id, h.rrule, h.first_day, h.last_day, h.start_minute, h.end_minute
         from opening_hours h join desks d on d.id = h.desk_id
         where h.id = $1 and d.closed_at is null",
        id
    )
}

pub(super) async fn find_hours_removed_at(
    tx: &mut Tx,
    id: &Id,
) -> Result<Option<(Option<Timestamp>,)>, Fault> {
    fetch_optional!(
        tx,
        (Option<Timestamp>,),
        "select removed_at from opening_hours where id = $1",
        id
    )
}

pub(super) async fn mark_hours_removed(
    tx: &mut Tx,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update opening_hours set removed_at = $2, removed_by = $3 where id = $1 and removed_at is null",
        id,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

pub(super) async fn mark_hours_restored(tx: &mut Tx, id: &Id) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update opening_hours set removed_at = null, removed_by = null where id = $1 and removed_at is not null",
        id
    )?;
    Ok(rows == 1)
}

/// Open desks of a whole department.
pub(super) async fn list_open_desks_of_department(
    tx: &mut Tx,
    department: &str,
) -> Result<Vec<Desk>, Fault> {
    fetch_all!(
        tx,
        Desk,
        "select d.id, d.unit_id, d.label, d.opened_at, d.closed_at
         from units u join desks d on d.unit_id = u.id
         where u.department = $1 and d.closed_at is null order by d.id",
        department
    )
}

/// Hours of a whole department's open desks.
pub(super) async fn list_opening_hours_of_department(
    tx: &mut Tx,
    department: &str,
) -> Result<Vec<OpeningHours>, Fault> {
    fetch_all!(
        tx,
        OpeningHours,
        "select h.id, h.desk_id, h.rrule, h.first_day, h.last_day, h.start_minute, h.end_minute
         from units u join desks d on d.unit_id = u.id join opening_hours h on h.desk_id = d.id
         where u.department = $1 and d.closed_at is null and h.removed_at is null
         order by h.desk_id, h.first_day, h.start_minute, h.id",
        department
    )
}

/// Days left out of a whole department's recurring ranges.
pub(super) async fn list_exceptions_of_department(
    tx: &mut Tx,
    department: &str,
) -> Result<Vec<(Id, String)>, Fault> {
    fetch_all!(
        tx,
        (Id, String),
        "select e.hours_id, e.day
         from units u join desks d on d.unit_id = u.id join opening_hours h on h.desk_id = d.id
             join opening_exceptions e on e.hours_id = h.id
         where u.department = $1 and d.closed_at is null and h.removed_at is null
         order by e.hours_id, e.day",
        department
    )
}

/// Absences of a whole department that touch a window.
pub(super) async fn list_absences_of_department(
    tx: &mut Tx,
    department: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Absence>, Fault> {
    fetch_all!(
        tx,
        Absence,
        "select a.id, a.unit_id, a.desk_id, a.from_at, a.to_at, a.reason, a.removed_at
         from units u join absences a on a.unit_id = u.id
         where u.department = $1 and a.to_at > $2 and a.from_at < $3 and a.removed_at is null",
        department,
        from,
        to
    )
}

/// Five-minute pieces given away at a whole department's open desks, first and last
/// included, holds that ran out left out.
pub(super) async fn list_occupied_of_department(
    tx: &mut Tx,
    department: &str,
    (first_quantum, last_quantum): (i64, i64),
    now: Timestamp,
) -> Result<Vec<(Id, i64)>, Fault> {
    fetch_all!(
        tx,
        (Id, i64),
        "select o.desk_id, o.quantum
         from units u join desks d on d.unit_id = u.id join desk_occupancy o on o.desk_id = d.id
         where u.department = $1 and d.closed_at is null
           and o.quantum >= $2 and o.quantum <= $3
           and (o.expires_at is null or o.expires_at > $4)
         order by o.desk_id, o.quantum",
        department,
        first_quantum,
        last_quantum,
        now
    )
}

/// A version of a unit's overflow rule, without the units it names.
#[derive(sqlx::FromRow)]
pub(super) struct OverflowRow {
    pub version: i64,
    pub after_days: Option<i64>,
    pub everybody: bool,
    pub set_at: Timestamp,
    pub set_by: String,
    pub undoes: Option<i64>,
}

/// The latest versions, the latest first.
pub(super) async fn list_overflow_plans(
    tx: &mut Tx,
    unit_id: &Id,
    most: i64,
) -> Result<Vec<OverflowRow>, Fault> {
    fetch_all!(
        tx,
        OverflowRow,
        "select version, after_days, everybody, set_at, set_by, undoes
         from overflow_plans where unit_id = $1 order by version desc limit $2",
        unit_id,
        most
    )
}

pub(super) async fn list_overflow_neighbours(
    tx: &mut Tx,
    unit_id: &Id,
    version: i64,
) -> Result<Vec<(Id,)>, Fault> {
    fetch_all!(
        tx,
        (Id,),
        "select neighbour_id from overflow_neighbours where unit_id = $1 and version = $2 order by rank",
        unit_id,
        version
    )
}

/// Gives whether it was written: not so unless it follows the version that stands.
pub(super) async fn insert_overflow_plan(
    tx: &mut Tx,
    unit_id: &Id,
    row: &OverflowRow,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into overflow_plans (unit_id, version, after_days, everybody, set_at, set_by, undoes)
         select cast($1 as text), cast($2 as bigint), cast($3 as bigint), cast($4 as boolean),
                cast($5 as bigint), cast($6 as text), cast($7 as bigint)
         where (select coalesce(max(version), 0) from overflow_plans where unit_id = $1) = $2 - 1
         on conflict do nothing",
        unit_id,
        row.version,
        row.after_days,
        row.everybody,
        row.set_at,
        &row.set_by,
        row.undoes
    )?;
    Ok(rows == 1)
}

pub(super) async fn insert_overflow_neighbour(
    tx: &mut Tx,
    unit_id: &Id,
    version: i64,
    rank: i64,
    neighbour_id: &Id,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into overflow_neighbours (unit_id, version, rank, neighbour_id) values ($1, $2, $3, $4)",
        unit_id,
        version,
        rank,
        neighbour_id
    )?;
    Ok(())
}

/// The communes of a department, by code.
pub(super) async fn list_communes_of_department(
    tx: &mut Tx,
    department: &str,
) -> Result<Vec<coverage_changes::Commune>, Fault> {
    fetch_all!(
        tx,
        coverage_changes::Commune,
        "select insee_code, name, coverage_open, coverage_message, unit_id
         from communes where department = $1 order by insee_code",
        department
    )
}

/// The latest changes of a department's coverage, the latest first.
pub(super) async fn list_coverage_changes(
    tx: &mut Tx,
    department: &str,
    most: i64,
) -> Result<Vec<Change>, Fault> {
    fetch_all!(
        tx,
        Change,
        "select version, act, unit_id, set_at, set_by, undoes
         from coverage_changes where department = $1 order by version desc limit $2",
        department,
        most
    )
}

/// The version in which a unit was closed last.
pub(super) async fn find_last_closing(
    tx: &mut Tx,
    department: &str,
    unit_id: &Id,
) -> Result<Option<(i64,)>, Fault> {
    fetch_optional!(
        tx,
        (i64,),
        "select version from coverage_changes
         where department = $1 and unit_id = $2 and act = 'unit_closed' order by version desc limit 1",
        department,
        unit_id
    )
}

#[derive(sqlx::FromRow)]
struct PlaceRow {
    place: String,
    former_open: bool,
    former_message: String,
    former_unit: Option<Id>,
    is_open: bool,
    message: String,
    unit_id: Option<Id>,
}

pub(super) async fn list_coverage_places(
    tx: &mut Tx,
    department: &str,
    version: i64,
) -> Result<Vec<PlaceChange>, Fault> {
    let rows = fetch_all!(
        tx,
        PlaceRow,
        "select place, former_open, former_message, former_unit, is_open, message, unit_id
         from coverage_change_places where department = $1 and version = $2 order by place",
        department,
        version
    )?;
    let read = rows.into_iter().map(|row| PlaceChange {
        place: row.place,
        former: Standing {
            open: row.former_open,
            message: row.former_message,
            unit_id: row.former_unit,
        },
        then: Standing {
            open: row.is_open,
            message: row.message,
            unit_id: row.unit_id,
        },
    });
    Ok(read.collect())
}

/// Gives whether it was written: not so unless it follows the change that was the last.
pub(super) async fn insert_coverage_change(
    tx: &mut Tx,
    department: &str,
    change: &Change,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into coverage_changes (department, version, act, unit_id, set_at, set_by, undoes)
         select cast($1 as text), cast($2 as bigint), cast($3 as text), cast($4 as text),
                cast($5 as bigint), cast($6 as text), cast($7 as bigint)
         where (select coalesce(max(version), 0) from coverage_changes where department = $1) = $2 - 1
         on conflict do nothing",
        department,
        change.version,
        change.act,
        &change.unit_id,
        change.set_at,
        &change.set_by,
        change.undoes
    )?;
    Ok(rows == 1)
}

pub(super) async fn insert_coverage_place(
    tx: &mut Tx,
    department: &str,
    version: i64,
    change: &PlaceChange,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into coverage_change_places (department, version, place, former_open, former_message,
             former_unit, is_open, message, unit_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        department,
        version,
        &change.place,
        change.former.open,
        &change.former.message,
        &change.former.unit_id,
        change.then.open,
        &change.then.message,
        &change.then.unit_id
    )?;
    Ok(())
}

/// Gives whether the department stood as the change says.
pub(super) async fn update_department_standing(
    tx: &mut Tx,
    department: &str,
    change: &PlaceChange,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update departments set coverage_open = $2, coverage_message = $3
         where code = $1 and coverage_open = $4 and coverage_message = $5",
        department,
        change.then.open,
        &change.then.message,
        change.former.open,
        &change.former.message
    )?;
    Ok(rows == 1)
}

/// Gives whether the commune stood as the change says, and the unit it goes to receives.
pub(super) async fn update_commune_standing(
    tx: &mut Tx,
    department: &str,
    change: &PlaceChange,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update communes set coverage_open = $3, coverage_message = $4, unit_id = cast($5 as text)
         where insee_code = $1 and department = $2 and coverage_open = $6 and coverage_message = $7
           and coalesce(unit_id, '') = coalesce(cast($8 as text), '')
           and (cast($5 as text) is null or exists (
               select 1 from units where units.id = cast($5 as text) and units.closed_at is null))",
        &change.place,
        department,
        change.then.open,
        &change.then.message,
        &change.then.unit_id,
        change.former.open,
        &change.former.message,
        &change.former.unit_id
    )?;
    Ok(rows == 1)
}

/// The latest changes of a unit's sheet, the latest first.
pub(super) async fn list_unit_changes(
    tx: &mut Tx,
    unit_id: &Id,
    most: i64,
) -> Result<Vec<UnitChangeRow>, Fault> {
    fetch_all!(
        tx,
        UnitChangeRow,
        "select version, act, former, sheet, set_at, set_by, undoes
         from unit_changes where unit_id = $1 order by version desc limit $2",
        unit_id,
        most
    )
}

/// Gives whether it was written: not so unless it follows the change that was the last.
pub(super) async fn insert_unit_change(
    tx: &mut Tx,
    unit_id: &Id,
    row: &UnitChangeRow,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into unit_changes (unit_id, version, act, former, sheet, set_at, set_by, undoes)
         select cast($1 as text), cast($2 as bigint), cast($3 as text), cast($4 as text), cast($5 as text),
                cast($6 as bigint), cast($7 as text), cast($8 as bigint)
         where (select coalesce(max(version), 0) from unit_changes where unit_id = $1) = $2 - 1
         on conflict do nothing",
        unit_id,
        row.version,
        row.act,
        &row.former,
        &row.sheet,
        row.set_at,
        &row.set_by,
        row.undoes
    )?;
    Ok(rows == 1)
}

pub(super) async fn update_sheet(tx: &mut Tx, unit_id: &Id, sheet: &Sheet) -> Result<(), Fault> {
    execute!(
        tx,
        "update units set kind = $2, name = $3, address = $4, postal_code = $5, city = $6, phone = $7,
             email = $8, time_zone = $9, public_hours = $10, accessibility = $11, languages = $12
         where id = $1",
        unit_id,
        sheet.kind,
        &sheet.name,
        &sheet.address,
        &sheet.postal_code,
        &sheet.city,
        &sheet.phone,
        &sheet.email,
        &sheet.time_zone,
        &sheet.public_hours,
        &sheet.accessibility,
        &sheet.languages
    )?;
    Ok(())
}

/// Gives whether it was open until now.
pub(super) async fn mark_unit_closed(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update units set closed_at = $2 where id = $1 and closed_at is null",
        unit_id,
        now
    )?;
    Ok(rows == 1)
}

/// Gives whether it was closed until now.
pub(super) async fn mark_unit_reopened(tx: &mut Tx, unit_id: &Id) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update units set closed_at = null where id = $1 and closed_at is not null",
        unit_id
    )?;
    Ok(rows == 1)
}

/// The desks that were closed at one instant: with their unit.
pub(super) async fn list_desks_closed_at(
    tx: &mut Tx,
    unit_id: &Id,
    closed_at: Timestamp,
) -> Result<Vec<Desk>, Fault> {
    fetch_all!(
        tx,
        Desk,
        "select id, unit_id, label, opened_at, closed_at from desks
         where unit_id = $1 and closed_at = $2 order by id",
        unit_id,
        closed_at
    )
}

pub(super) async fn mark_desk_reopened(tx: &mut Tx, id: &Id) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update desks set closed_at = null, closed_by = null where id = $1 and closed_at is not null",
        id
    )?;
    Ok(rows == 1)
}

/// A version of a unit's rules, as stored.
#[derive(sqlx::FromRow)]
pub(super) struct RulesRow {
    pub version: i64,
    pub former: String,
    pub rules: String,
    pub set_at: Timestamp,
    pub set_by: String,
    pub undoes: Option<i64>,
}

/// The latest changes of a unit's rules, the latest first.
pub(super) async fn list_rule_changes(
    tx: &mut Tx,
    unit_id: &Id,
    most: i64,
) -> Result<Vec<RulesRow>, Fault> {
    fetch_all!(
        tx,
        RulesRow,
        "select version, former, rules, set_at, set_by, undoes
         from rule_changes where unit_id = $1 order by version desc limit $2",
        unit_id,
        most
    )
}

pub(super) async fn insert_rule_change(
    tx: &mut Tx,
    unit_id: &Id,
    row: &RulesRow,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into rule_changes (unit_id, version, former, rules, set_at, set_by, undoes)
         values ($1, $2, $3, $4, $5, $6, $7)",
        unit_id,
        row.version,
        &row.former,
        &row.rules,
        row.set_at,
        &row.set_by,
        row.undoes
    )?;
    Ok(())
}
