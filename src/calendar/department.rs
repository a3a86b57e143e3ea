//! The next free slots of several units at once, such as those of a department: what
//! decides is read for all of them together, and time is looked through in steps that
//! grow, so that a department with a free slot tomorrow never computes its month.
//!
//! It offers what [`super::offered_slots`] would for each unit, and nothing else; which
//! units are asked is the caller's affair.

use std::collections::HashMap;

use super::recurrence::Range;
use super::slots::QUANTUM_MS;
use super::{
    Absence, Desk, OpeningHours, Plan, Slot, Unit, bookable, end_of_horizon, free_slots, store,
};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// Where the steps end, in days from now; the last one goes to the end of the horizon.
const STEPS_DAYS: &[i64] = &[2, 5, 10, 20, 40, 80, 160];
const DAY_MINUTES: i64 = 24 * 60;

/// A unit with all that decides when its desks are open.
struct Asked<'a> {
    unit: &'a Unit,
    desks: Vec<Desk>,
    hours: Vec<OpeningHours>,
    exceptions: Vec<(Id, String)>,
}

/// The first free slot of each of some units of one department, as far as they have one
/// in the step in which the first of them has; the earliest first, and at the same
/// instant in the order given. Nothing that starts from `until` on is looked for.
///
/// # Errors
/// When the database fails.
pub async fn next_slots(
    tx: &mut Tx,
    units: &[Unit],
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<(Unit, Slot)>, Fault> {
    let Some(first) = units.first() else {
        return Ok(Vec::new());
    };
    let department = first.department.as_str();
    let asked = read(tx, department, units).await?;
    let ends = asked.iter().map(|one| end_of_horizon(one.unit, now));
    let end = ends.max().unwrap_or(now);
    let end = until.map_or(end, |until| end.min(until));
    let longest = asked
        .iter()
        .map(|one| one.unit.slot_minutes + one.unit.buffer_minutes)
        .max()
        .unwrap_or_default();
    let mut from = now;
    let steps = STEPS_DAYS
        .iter()
        .map(|days| now.plus_minutes(days * DAY_MINUTES));
    for to in steps.chain([end]) {
        let to = to.min(end);
        if from >= to {
            continue;
        }
        let covered = to.plus_minutes(longest);
        let absences = store::list_absences_of_department(tx, department, from, covered).await?;
        let absences = by_unit(absences, |absence: &Absence| absence.unit_id.clone());
        let quanta = (
            from.0.div_euclid(QUANTUM_MS),
            covered.0.div_euclid(QUANTUM_MS),
        );
        let mut occupied: HashMap<Id, Vec<i64>> = HashMap::new();
        for (desk_id, quantum) in
            store::list_occupied_of_department(tx, department, quanta, now).await?
        {
            occupied.entry(desk_id).or_default().push(quantum);
        }
        let mut found: Vec<(Unit, Slot)> = asked
            .iter()
            .filter_map(|one| {
                let window = bookable(one.unit, Range { from, to }, now);
                let plan = Plan {
                    hours: &one.hours,
                    exceptions: &one.exceptions,
                    absences: absences.get(&one.unit.id).map_or(&[], Vec::as_slice),
                };
                let slots = free_slots(one.unit, &one.desks, plan, &mut occupied, window, now);
                let first = slots.into_iter().next()?;
                Some((one.unit.clone(), first))
            })
            .collect();
        if !found.is_empty() {
            found.sort_by_key(|(_, slot)| slot.starts_at);
            return Ok(found);
        }
        from = to;
    }
    Ok(Vec::new())
}

/// Reads what decides for a whole department, and keeps what belongs to the units asked.
async fn read<'a>(
    tx: &mut Tx,
    department: &str,
    units: &'a [Unit],
) -> Result<Vec<Asked<'a>>, Fault> {
    let desks = store::list_open_desks_of_department(tx, department).await?;
    let unit_of: HashMap<Id, Id> = desks
        .iter()
        .map(|desk| (desk.id.clone(), desk.unit_id.clone()))
        .collect();
    let hours = store::list_opening_hours_of_department(tx, department).await?;
    let of_hours: HashMap<Id, Id> = hours
        .iter()
        .filter_map(|row| Some((row.id.clone(), unit_of.get(&row.desk_id)?.clone())))
        .collect();
    let exceptions = store::list_exceptions_of_department(tx, department).await?;
    let mut desks = by_unit(desks, |desk| desk.unit_id.clone());
    let nobody = Id(String::new());
    let owner = |known: &HashMap<Id, Id>, id: &Id| known.get(id).unwrap_or(&nobody).clone();
    let mut hours = by_unit(hours, |row| owner(&unit_of, &row.desk_id));
    let mut exceptions = by_unit(exceptions, |(hours_id, _)| owner(&of_hours, hours_id));
    Ok(units
        .iter()
        .map(|unit| Asked {
            desks: desks.remove(&unit.id).unwrap_or_default(),
            hours: hours.remove(&unit.id).unwrap_or_default(),
            exceptions: exceptions.remove(&unit.id).unwrap_or_default(),
            unit,
        })
        .filter(|asked| !asked.desks.is_empty())
        .collect())
}

fn by_unit<T>(rows: Vec<T>, unit: impl Fn(&T) -> Id) -> HashMap<Id, Vec<T>> {
    let mut grouped: HashMap<Id, Vec<T>> = HashMap::new();
    for row in rows {
        grouped.entry(unit(&row)).or_default().push(row);
    }
    grouped
}
