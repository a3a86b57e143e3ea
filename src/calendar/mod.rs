//! Units, their desks (*guichets*) and what makes a desk bookable. Slots are
//! computed from these and from the occupancy of desks; they are never stored.
//! It knows nothing of who books or why.

pub mod away;
pub mod commune_map;
pub mod communes;
pub mod coverage;
pub mod coverage_changes;
pub mod department;
pub mod holidays;
pub mod hours;
pub mod hours_removal;
pub mod national_list;
pub mod overflow;
mod places;
#[cfg(test)]
mod properties;
pub mod recurrence;
pub mod release;
pub mod rules;
pub mod sheet;
pub mod slots;
mod store;
#[cfg(test)]
mod tests;
pub mod units;
pub mod wall;

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::routes::Routes;
use crate::text_enum;

use away::AwayPlan;
pub use communes::{Commune, find_commune, search_communes, search_name};
use hours::HoursPlan;
pub use places::places_on;
use recurrence::{DayRule, Range, day_of, instant_of, whole_day};
use release::{ReleaseRule, Setting};
use rules::{RulesChange, UnitRules};
use sheet::PublicFacts;
pub use slots::Slot;
use slots::{DeskTimes, QUANTUM_MS, SlotRules};

text_enum! {
    /// Which force a unit belongs to.
    UnitKind {
        /// National police (*commissariat*).
        Police = "police",
        /// National gendarmerie (*brigade*).
        Gendarmerie = "gendarmerie",
    }
}

/// Where complaints are taken.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Unit {
    /// Key.
    pub id: Id,
    /// INSEE code of the department.
    pub department: String,
    /// Police or gendarmerie.
    pub kind: UnitKind,
    /// Full name.
    pub name: String,
    /// Street address.
    pub address: String,
    /// Postal code.
    pub postal_code: String,
    /// Town.
    pub city: String,
    /// Telephone, as printed.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// IANA time zone name.
    pub time_zone: String,
    /// Length of a hearing's slot.
    pub slot_minutes: i64,
    /// Pause kept after each slot.
    pub buffer_minutes: i64,
    /// Shortest notice for booking, moving or cancelling.
    pub notice_minutes: i64,
    /// How far ahead slots are offered.
    pub horizon_days: i64,
    /// Whether its desks open on public holidays as on other days.
    pub opens_on_holidays: bool,
    /// How it lets go of its slots.
    #[sqlx(flatten)]
    pub release: ReleaseRule,
    /// What people read of it besides where it is.
    #[sqlx(flatten)]
    pub facts: PublicFacts,
    /// When it was closed; none while it receives.
    pub closed_at: Option<Timestamp>,
}

impl Unit {
    /// The unit as its own officers book there: what is not released yet is theirs to give.
    #[must_use]
    pub fn for_officers(&self) -> Self {
        Unit {
            release: ReleaseRule::default(),
            ..self.clone()
        }
    }

    /// The unit's zone; a name that is no zone falls back to Paris.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Europe::Paris)
    }
}

/// Bookable capacity of a unit; an officer is assigned late.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Desk {
    /// Key.
    pub id: Id,
    /// Unit.
    pub unit_id: Id,
    /// What administrators call it.
    pub label: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed for good.
    pub closed_at: Option<Timestamp>,
}

/// One recurring range of a desk, in the unit's local time.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct OpeningHours {
    /// Key.
    pub id: Id,
    /// Desk.
    pub desk_id: Id,
    /// RFC 5545 rule that chooses the days.
    pub rrule: String,
    /// First day it may hold, `YYYY-MM-DD`.
    pub first_day: String,
    /// Last day, included; none while open-ended.
    pub last_day: Option<String>,
    /// Start, in minutes of the day.
    pub start_minute: i64,
    /// End, in minutes of the day; 1440 is midnight.
    pub end_minute: i64,
}

/// A time at which a desk, or the whole unit, takes nobody.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Absence {
    /// Key.
    pub id: Id,
    /// Unit.
    pub unit_id: Id,
    /// The desk; none for the whole unit.
    pub desk_id: Option<Id>,
    /// Start.
    pub from_at: Timestamp,
    /// End.
    pub to_at: Timestamp,
    /// Why, as a code.
    pub reason: String,
    /// When it was taken back.
    pub removed_at: Option<Timestamp>,
}

/// Reads a unit.
///
/// # Errors
/// When the database fails.
pub async fn find_unit(tx: &mut Tx, id: &Id) -> Result<Option<Unit>, Fault> {
    store::find_unit(tx, id).await
}

/// The units of a department, closed ones included, by name.
///
/// # Errors
/// When the database fails.
pub async fn list_units(tx: &mut Tx, department: &str) -> Result<Vec<Unit>, Fault> {
    store::list_units(tx, department).await
}

/// The units of a department that receive people, by name.
///
/// # Errors
/// When the database fails.
pub async fn list_open_units(tx: &mut Tx, department: &str) -> Result<Vec<Unit>, Fault> {
    let mut units = store::list_units(tx, department).await?;
    units.retain(|unit| unit.closed_at.is_none());
    Ok(units)
}

/// The open desks of a unit.
///
/// # Errors
/// When the database fails.
pub async fn list_desks(tx: &mut Tx, unit_id: &Id) -> Result<Vec<Desk>, Fault> {
    store::list_open_desks(tx, unit_id).await
}

/// Reads a desk, open or closed.
///
/// # Errors
/// When the database fails.
pub async fn find_desk(tx: &mut Tx, id: &Id) -> Result<Option<Desk>, Fault> {
    store::find_desk(tx, id).await
}

/// The opening hours of a unit's open desks.
///
/// # Errors
/// When the database fails.
pub async fn list_opening_hours(tx: &mut Tx, unit_id: &Id) -> Result<Vec<OpeningHours>, Fault> {
    store::list_opening_hours(tx, unit_id).await
}

/// The slots of a unit that start from `from` on and before `to`, and that can
/// still be booked `now`: within the unit's notice and horizon.
///
/// # Errors
/// When the database fails.
pub async fn offered_slots(
    tx: &mut Tx,
    unit: &Unit,
    from: Timestamp,
    to: Timestamp,
    now: Timestamp,
) -> Result<Vec<Slot>, Fault> {
    let window = bookable(unit, Range { from, to }, now);
    if window.from >= window.to {
        return Ok(Vec::new());
    }
    let desks = store::list_open_desks(tx, &unit.id).await?;
    let hours = store::list_opening_hours(tx, &unit.id).await?;
    let exceptions = store::list_exceptions(tx, &unit.id).await?;
    // What a slot that starts at the window's very end still covers.
    let end = window
        .to
        .plus_minutes(unit.slot_minutes + unit.buffer_minutes);
    let absences = store::list_absences(tx, &unit.id, window.from, end).await?;
    let occupied = store::list_occupied(
        tx,
        &unit.id,
        window.from.0.div_euclid(QUANTUM_MS),
        end.0.div_euclid(QUANTUM_MS),
        now,
    )
    .await?;
    let plan = Plan {
        hours: &hours,
        exceptions: &exceptions,
        absences: &absences,
    };
    let mut given: HashMap<Id, Vec<i64>> = HashMap::new();
    for (desk_id, quantum) in occupied {
        given.entry(desk_id).or_default().push(quantum);
    }
    Ok(free_slots(unit, &desks, plan, &mut given, window, now))
}

/// The free slots of a unit that start within a window and are released, from what
/// decides: its open desks, their plan, and the five minutes that each has given away,
/// sorted, which are taken out of `given`.
fn free_slots(
    unit: &Unit,
    desks: &[Desk],
    plan: Plan<'_>,
    given: &mut HashMap<Id, Vec<i64>>,
    window: Range,
    now: Timestamp,
) -> Vec<Slot> {
    if window.from >= window.to {
        return Vec::new();
    }
    let times = desk_times(unit, desks, plan, given, window);
    let rules = SlotRules {
        slot_minutes: unit.slot_minutes,
        buffer_minutes: unit.buffer_minutes,
    };
    let setting = Setting {
        zone: unit.zone(),
        step_minutes: unit.slot_minutes + unit.buffer_minutes,
        notice_minutes: unit.notice_minutes,
    };
    let free = slots::offered(rules, &times, window);
    unit.release.released(free, setting, now)
}

/// Every opening of a unit's open desks on some days (both included), in order of their
/// start: absences, holidays and what is booked are not taken off.
///
/// # Errors
/// When the database fails.
pub async fn list_openings(
    tx: &mut Tx,
    unit: &Unit,
    days: (NaiveDate, NaiveDate),
) -> Result<Vec<(OpeningHours, Range)>, Fault> {
    let exceptions = store::list_exceptions(tx, &unit.id).await?;
    let mut found = Vec::new();
    for hours in store::list_opening_hours(tx, &unit.id).await? {
        let ranges = openings(&hours, &exceptions, unit.zone(), days);
        found.extend(ranges.into_iter().map(|range| (hours.clone(), range)));
    }
    found.sort_by_key(|(_, range)| *range);
    Ok(found)
}

/// The slot of a unit that starts at that very instant, if it can still be booked.
///
/// # Errors
/// When the database fails.
pub async fn offered_at(
    tx: &mut Tx,
    unit: &Unit,
    starts_at: Timestamp,
    now: Timestamp,
) -> Result<Option<Slot>, Fault> {
    let slots = offered_slots(tx, unit, starts_at, starts_at.plus_millis(1), now).await?;
    Ok(slots.into_iter().next())
}

/// The part of a window in which a slot may start: not before the notice, not
/// after the horizon.
fn bookable(unit: &Unit, window: Range, now: Timestamp) -> Range {
    Range {
        from: window.from.max(now.plus_minutes(unit.notice_minutes)),
        to: window.to.min(end_of_horizon(unit, now)),
    }
}

/// The end of the last local day on which the unit takes bookings.
#[must_use]
pub fn end_of_horizon(unit: &Unit, now: Timestamp) -> Timestamp {
    let zone = unit.zone();
    let days = u64::try_from(unit.horizon_days).unwrap_or_default();
    let last = day_of(now, zone).checked_add_days(Days::new(days + 1));
    last.map_or(now, |day| instant_of(day, 0, zone))
}

/// What decides when a unit's desks are open.
#[derive(Clone, Copy)]
struct Plan<'a> {
    hours: &'a [OpeningHours],
    /// Days left out of them.
    exceptions: &'a [(Id, String)],
    absences: &'a [Absence],
}

/// The public holidays that a unit does not open on, from midnight to midnight.
fn closed_holidays(unit: &Unit, (from, to): (NaiveDate, NaiveDate)) -> Vec<Range> {
    if unit.opens_on_holidays {
        return Vec::new();
    }
    holidays::between(&unit.department, from, to)
        .into_iter()
        .map(|(day, _)| whole_day(day, unit.zone()))
        .collect()
}

fn desk_times(
    unit: &Unit,
    desks: &[Desk],
    plan: Plan<'_>,
    given: &mut HashMap<Id, Vec<i64>>,
    window: Range,
) -> Vec<DeskTimes> {
    let zone = unit.zone();
    let days = (day_of(window.from, zone), day_of(window.to, zone));
    let holidays = closed_holidays(unit, days);
    desks
        .iter()
        .map(|desk| DeskTimes {
            openings: plan
                .hours
                .iter()
                .filter(|hours| hours.desk_id == desk.id)
                .flat_map(|hours| openings(hours, plan.exceptions, zone, days))
                .collect(),
            absences: plan
                .absences
                .iter()
                .filter(|absence| absence.desk_id.as_ref().is_none_or(|id| *id == desk.id))
                .map(|absence| Range {
                    from: absence.from_at,
                    to: absence.to_at,
                })
                .chain(holidays.iter().copied())
                .collect(),
            occupied: given.remove(&desk.id).unwrap_or_default(),
            desk_id: desk.id.clone(),
        })
        .collect()
}

/// The ranges of one row of opening hours on some days. A row that cannot be
/// read opens nothing and is told to the operator; the other desks still open.
fn openings(
    hours: &OpeningHours,
    exceptions: &[(Id, String)],
    zone: Tz,
    days: (NaiveDate, NaiveDate),
) -> Vec<Range> {
    let left_out: Vec<NaiveDate> = exceptions
        .iter()
        .filter(|(hours_id, _)| *hours_id == hours.id)
        .filter_map(|(_, day)| hours::day_of(day))
        .collect();
    let read = || -> Option<Vec<NaiveDate>> {
        let rule = DayRule::parse(&hours.rrule).ok()?;
        let first = hours::day_of(&hours.first_day)?;
        let last = match &hours.last_day {
            Some(text) => Some(hours::day_of(text)?),
            None => None,
        };
        rule.days(first, last, days).ok()
    };
    let Some(chosen) = read() else {
        tracing::error!(opening_hours = %hours.id, "opening hours {} cannot be read", hours.id);
        return Vec::new();
    };
    chosen
        .into_iter()
        .filter(|day| !left_out.contains(day))
        .map(|day| Range {
            from: instant_of(day, hours.start_minute, zone),
            to: instant_of(day, hours.end_minute, zone),
        })
        .collect()
}

/// Opens a desk with its first hours. Gives its id; none where the unit is closed.
///
/// # Errors
/// When the database fails.
pub async fn open_desk(
    tx: &mut Tx,
    unit: &Unit,
    label: &str,
    plan: &HoursPlan,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<Id>, Fault> {
    let id = Id::random();
    let opened = open_desk_as(tx, &id, unit, label, plan, actor, now).await?;
    Ok(opened.then_some(id))
}

/// Opens a desk under a given key, unless there is one or the unit is closed; gives
/// whether it was opened.
///
/// # Errors
/// When the database fails.
pub async fn open_desk_as(
    tx: &mut Tx,
    id: &Id,
    unit: &Unit,
    label: &str,
    plan: &HoursPlan,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let desk = Desk {
        id: id.clone(),
        unit_id: unit.id.clone(),
        label: label.to_owned(),
        opened_at: now,
        closed_at: None,
    };
    // A unit that is being closed gets no desk meanwhile.
    audit::lock(tx, unit.id.as_str()).await?;
    if !store::insert_desk(tx, &desk, actor).await? {
        return Ok(false);
    }
    audit::append(
        tx,
        unit.id.as_str(),
        now,
        actor,
        "desk.open",
        &format!("desk/{id}"),
        "",
    )
    .await?;
    add_opening_hours(tx, &desk, plan, actor, now).await?;
    Ok(true)
}

/// Adds a recurring range to a desk.
///
/// # Errors
/// When the database fails.
pub async fn add_opening_hours(
    tx: &mut Tx,
    desk: &Desk,
    plan: &HoursPlan,
    actor: &Actor,
    now: Timestamp,
) -> Result<Id, Fault> {
    let hours = OpeningHours {
        id: Id::random(),
        desk_id: desk.id.clone(),
        rrule: plan.rrule.clone(),
        first_day: plan.first_day.to_string(),
        last_day: plan.last_day.map(|day| day.to_string()),
        start_minute: plan.start_minute,
        end_minute: plan.end_minute,
    };
    store::insert_opening_hours(tx, &hours, actor, now).await?;
    audit::append(
        tx,
        desk.unit_id.as_str(),
        now,
        actor,
        "desk.add_hours",
        &format!("desk/{}", desk.id),
        &format!(
            "hours={} rule={} from={} to={} minutes={}-{}",
            hours.id,
            hours.rrule,
            hours.first_day,
            hours.last_day.as_deref().unwrap_or("-"),
            hours.start_minute,
            hours.end_minute
        ),
    )
    .await?;
    Ok(hours.id)
}

/// Closes a desk for good; gives whether it was open. The caller has seen to
/// the appointments it still had: this slice knows none. The journal line comes
/// first, because it keeps the unit's other bookings waiting until the end of
/// the transaction.
///
/// # Errors
/// When the database fails.
pub async fn close_desk(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::append(
        tx,
        desk.unit_id.as_str(),
        now,
        actor,
        "desk.close",
        &format!("desk/{}", desk.id),
        "",
    )
    .await?;
    store::mark_desk_closed(tx, &desk.id, actor, now).await
}

/// The absences of a unit and its desks that are not over, in order.
///
/// # Errors
/// When the database fails.
pub async fn list_coming_absences(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Vec<Absence>, Fault> {
    store::list_coming_absences(tx, unit_id, now).await
}

/// Reads an absence.
///
/// # Errors
/// When the database fails.
pub async fn find_absence(tx: &mut Tx, id: &Id) -> Result<Option<Absence>, Fault> {
    store::find_absence(tx, id).await
}

/// Enters an absence of a desk, or of the whole unit; gives whether it was entered,
/// which it is not when the very same one stands. The caller has seen to the
/// appointments it touches: this slice knows none. The caller holds the lock of the
/// unit's journal.
///
/// # Errors
/// When the database fails.
pub async fn add_absence(
    tx: &mut Tx,
    unit: &Unit,
    desk_id: Option<&Id>,
    plan: &AwayPlan,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let absence = Absence {
        id: Id::random(),
        unit_id: unit.id.clone(),
        desk_id: desk_id.cloned(),
        from_at: plan.range.from,
        to_at: plan.range.to,
        reason: plan.reason.to_string(),
        removed_at: None,
    };
    if !store::insert_absence(tx, &absence, actor, now).await? {
        return Ok(false);
    }
    let detail = format!(
        "desk={} from={} to={} reason={}",
        desk_id.map_or("-", Id::as_str),
        absence.from_at.0,
        absence.to_at.0,
        absence.reason
    );
    let object = format!("absence/{}", absence.id);
    audit::append(
        tx,
        unit.id.as_str(),
        now,
        actor,
        "absence.add",
        &object,
        &detail,
    )
    .await?;
    Ok(true)
}

/// Takes an absence back: its desks are open again; gives whether it stood.
///
/// # Errors
/// When the database fails.
pub async fn remove_absence(
    tx: &mut Tx,
    absence: &Absence,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, absence.unit_id.as_str()).await?;
    let removed = store::mark_absence_removed(tx, &absence.id, actor, now).await?;
    if removed {
        let (chain, object) = (absence.unit_id.as_str(), format!("absence/{}", absence.id));
        audit::append(tx, chain, now, actor, "absence.remove", &object, "").await?;
    }
    Ok(removed)
}

/// The days left out of a unit's recurring ranges: range and `YYYY-MM-DD`.
///
/// # Errors
/// When the database fails.
pub async fn list_exceptions(tx: &mut Tx, unit_id: &Id) -> Result<Vec<(Id, String)>, Fault> {
    store::list_exceptions(tx, unit_id).await
}

/// Leaves a day out of a desk's recurring range (EXDATE of RFC 5545).
///
/// # Errors
/// When the database fails.
pub async fn add_exception(
    tx: &mut Tx,
    desk: &Desk,
    hours_id: &Id,
    day: NaiveDate,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    if store::insert_exception(tx, hours_id, &day.to_string(), actor, now).await? {
        note_exception(tx, desk, hours_id, day, "desk.add_exception", actor, now).await?;
    }
    Ok(())
}

/// Takes such an exception back.
///
/// # Errors
/// When the database fails.
pub async fn remove_exception(
    tx: &mut Tx,
    desk: &Desk,
    hours_id: &Id,
    day: NaiveDate,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    if store::delete_exception(tx, hours_id, &day.to_string()).await? {
        note_exception(tx, desk, hours_id, day, "desk.remove_exception", actor, now).await?;
    }
    Ok(())
}

async fn note_exception(
    tx: &mut Tx,
    desk: &Desk,
    hours_id: &Id,
    day: NaiveDate,
    act: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let (object, detail) = (
        format!("desk/{}", desk.id),
        format!("hours={hours_id} day={day}"),
    );
    audit::append(tx, desk.unit_id.as_str(), now, actor, act, &object, &detail).await
}

/// The latest changes of a unit's rules, the latest first.
///
/// # Errors
/// When the database fails, or rules do not read as such.
pub async fn list_rule_changes(
    tx: &mut Tx,
    unit_id: &Id,
    most: i64,
) -> Result<Vec<RulesChange>, Fault> {
    let read = |text: &str| {
        serde_json::from_str(text).map_err(|error| Fault::other(format!("rules: {error}")))
    };
    let rows = store::list_rule_changes(tx, unit_id, most).await?;
    rows.into_iter()
        .map(|row| {
            Ok(RulesChange {
                former: read(&row.former)?,
                rules: read(&row.rules)?,
                version: row.version,
                set_at: row.set_at,
                set_by: row.set_by,
                undoes: row.undoes,
            })
        })
        .collect()
}

/// Sets the rules of a unit's slots, as a version of their own. Slots follow them from
/// then on; what is booked stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn set_rules(
    tx: &mut Tx,
    unit_id: &Id,
    rules: &UnitRules,
    undoes: Option<i64>,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let written = |rules: &UnitRules| {
        serde_json::to_string(rules).map_err(|error| Fault::other(format!("rules: {error}")))
    };
    audit::lock(tx, unit_id.as_str()).await?;
    let Some(unit) = store::find_unit(tx, unit_id).await? else {
        return Ok(());
    };
    let last = store::list_rule_changes(tx, unit_id, 1).await?;
    let row = store::RulesRow {
        version: last.first().map_or(0, |row| row.version) + 1,
        former: written(&UnitRules::of(&unit))?,
        rules: written(rules)?,
        set_at: now,
        set_by: actor.to_string(),
        undoes,
    };
    store::insert_rule_change(tx, unit_id, &row).await?;
    store::update_rules(tx, unit_id, rules).await?;
    let detail = format!(
        "slot={} buffer={} notice={} horizon={} holidays={} release={}+{}@{}",
        rules.slot_minutes,
        rules.buffer_minutes,
        rules.notice_minutes,
        rules.horizon_days,
        rules.opens_on_holidays,
        rules.release.first_percent,
        rules.release.second_percent,
        rules.release.second_days
    );
    let (chain, object) = (unit_id.as_str(), format!("unit/{unit_id}"));
    audit::append(tx, chain, now, actor, "unit.set_rules", &object, &detail).await
}

/// Adds a department, unless there is one.
///
/// # Errors
/// When the database fails.
pub async fn add_department(tx: &mut Tx, code: &str, name: &str) -> Result<bool, Fault> {
    store::insert_department(tx, code, name).await
}

/// Adds a unit, unless there is one.
///
/// # Errors
/// When the database fails.
pub async fn add_unit(
    tx: &mut Tx,
    unit: &Unit,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let added = store::insert_unit(tx, unit).await?;
    if added {
        let object = format!("unit/{}", unit.id);
        audit::append(tx, unit.id.as_str(), now, actor, "unit.add", &object, "").await?;
    }
    Ok(added)
}

/// Adds a commune, unless there is one.
///
/// # Errors
/// When the database fails.
pub async fn add_commune(tx: &mut Tx, commune: &Commune) -> Result<bool, Fault> {
    store::insert_commune(tx, commune, &search_name(&commune.name)).await
}

/// The slice's routes.
pub fn router() -> Routes {
    Routes::new()
}
