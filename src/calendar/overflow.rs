//! Which neighbour units may receive a unit's people, and from which wait on: what an
//! administrator of the department decides, kept version by version. The complaint is
//! the same in law wherever it is received (article 15-3 of the Code de procédure
//! pénale); a person may always wait for their own unit instead.
//!
//! The rule is pure; slots are looked for in [`super::department`]. Nothing here knows
//! who books.

use std::collections::HashSet;

use chrono::Days;
use chrono_tz::Tz;

use super::recurrence::{day_of, instant_of};
use super::{Slot, Unit, store};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// The longest wait that can be asked for before neighbours are offered, in days.
pub const MOST_DAYS: i64 = 90;
/// How many neighbours can be named in order of preference.
pub const MOST_NAMED: usize = 5;
/// How many neighbours' slots a person is offered at once.
pub const MOST_OFFERS: usize = 3;

/// Who may receive a unit's people, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverflowRule {
    /// Neighbours are offered once the unit itself has no slot in so many days; none:
    /// never.
    pub after_days: Option<i64>,
    /// Whether every other unit of the department may, after those named.
    pub everybody: bool,
    /// Units by preference.
    pub neighbours: Vec<Id>,
}

/// A version of a unit's rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverflowPlan {
    /// 1 for the first; 0 where none was ever set.
    pub version: i64,
    /// The rule.
    pub rule: OverflowRule,
    /// When it was set.
    pub set_at: Timestamp,
    /// By whom, as the journal names them.
    pub set_by: String,
    /// The version that it took back.
    pub undoes: Option<i64>,
}

/// A rule that cannot be as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverflowError {
    /// Not 0 to [`MOST_DAYS`] days.
    #[error("not a number of days")]
    Days,
    /// A named unit is not another unit of the department.
    #[error("not a neighbour")]
    Neighbour,
    /// A unit is named twice.
    #[error("named twice")]
    Twice,
    /// Days are given, and nobody to receive.
    #[error("nobody would receive")]
    Nobody,
}

impl OverflowRule {
    /// Reads a rule as a person typed it; `others` are the other units of the department.
    ///
    /// # Errors
    /// Everything that is wrong, so that the form can show it all at once.
    pub fn check(
        days: &str,
        everybody: bool,
        named: &[String],
        others: &[Unit],
    ) -> Result<Self, Vec<OverflowError>> {
        let days = days.trim();
        if days.is_empty() {
            return Ok(OverflowRule::default());
        }
        let mut errors = Vec::new();
        let after_days = days.parse::<i64>().ok();
        let after_days = after_days.filter(|days| (0..=MOST_DAYS).contains(days));
        if after_days.is_none() {
            errors.push(OverflowError::Days);
        }
        let mut neighbours: Vec<Id> = Vec::new();
        for name in named.iter().map(|name| name.trim()) {
            if name.is_empty() {
                continue;
            }
            match others.iter().find(|unit| unit.id.as_str() == name) {
                Some(unit) if neighbours.contains(&unit.id) => errors.push(OverflowError::Twice),
                Some(unit) if neighbours.len() < MOST_NAMED => neighbours.push(unit.id.clone()),
                _ => errors.push(OverflowError::Neighbour),
            }
        }
        if neighbours.is_empty() && !everybody && errors.is_empty() {
            errors.push(OverflowError::Nobody);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(OverflowRule {
            after_days,
            everybody,
            neighbours,
        })
    }

    /// The first instant at which a slot of the unit's own is so late that neighbours
    /// are offered: the end of the last day on which people wait for their unit. None
    /// where they always do.
    #[must_use]
    pub fn late_from(&self, now: Timestamp, zone: Tz) -> Option<Timestamp> {
        let days = u64::try_from(self.after_days?).ok()?;
        let first_late = day_of(now, zone).checked_add_days(Days::new(days.checked_add(1)?))?;
        Some(instant_of(first_late, 0, zone))
    }

    /// Whether neighbours are offered, given the unit's own first free slot.
    #[must_use]
    pub fn is_due(&self, own_first: Option<Timestamp>, now: Timestamp, zone: Tz) -> bool {
        self.late_from(now, zone)
            .is_some_and(|late| own_first.is_none_or(|first| first >= late))
    }

    /// The units that may receive, by preference, out of those of a department. The unit
    /// itself, and units of elsewhere, never may.
    #[must_use]
    pub fn receivers(&self, unit: &Unit, of_department: &[Unit]) -> Vec<Unit> {
        let others = || {
            of_department
                .iter()
                .filter(|other| other.id != unit.id && other.department == unit.department)
        };
        let named = self
            .neighbours
            .iter()
            .filter_map(|id| others().find(|other| other.id == *id));
        let rest = others().filter(|_| self.everybody);
        let mut seen = HashSet::new();
        named
            .chain(rest)
            .filter(|other| seen.insert(other.id.clone()))
            .cloned()
            .collect()
    }
}

/// What a person is offered: the earliest slots of those that may receive, at most one
/// of each unit, and none that is later than the first of their own unit. Of two at the
/// same instant, the preferred unit's comes first.
#[must_use]
pub fn offers(found: Vec<(Unit, Slot)>, own_first: Option<Timestamp>) -> Vec<(Unit, Slot)> {
    let mut offers: Vec<(Unit, Slot)> = found
        .into_iter()
        .filter(|(_, slot)| own_first.is_none_or(|own| slot.starts_at < own))
        .collect();
    offers.sort_by_key(|(_, slot)| slot.starts_at);
    offers.truncate(MOST_OFFERS);
    offers
}

/// The slots that neighbours would take a unit's people at, as [`offers`] has them;
/// nothing where the rule does not ask them yet.
///
/// # Errors
/// When the database fails.
pub async fn find_offers(
    tx: &mut Tx,
    unit: &Unit,
    rule: &OverflowRule,
    own_first: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<(Unit, Slot)>, Fault> {
    if !rule.is_due(own_first, now, unit.zone()) {
        return Ok(Vec::new());
    }
    let of_department = super::list_open_units(tx, &unit.department).await?;
    let receivers = rule.receivers(unit, &of_department);
    let found = super::department::next_slots(tx, &receivers, own_first, now).await?;
    Ok(offers(found, own_first))
}

/// The unit of that key, if it may receive a unit's people at this instant.
///
/// # Errors
/// When the database fails.
pub async fn find_receiver(
    tx: &mut Tx,
    unit: &Unit,
    wanted: &Id,
    now: Timestamp,
) -> Result<Option<Unit>, Fault> {
    let rule = find(tx, &unit.id).await?.rule;
    let Some(late) = rule.late_from(now, unit.zone()) else {
        return Ok(None);
    };
    let own = super::offered_slots(tx, unit, now, late, now).await?;
    if !rule.is_due(own.first().map(|slot| slot.starts_at), now, unit.zone()) {
        return Ok(None);
    }
    let of_department = super::list_open_units(tx, &unit.department).await?;
    let mut receivers = rule.receivers(unit, &of_department).into_iter();
    Ok(receivers.find(|receiver| receiver.id == *wanted))
}

/// A unit's rule as it stands; version 0, which sends nobody away, where none was set.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, unit_id: &Id) -> Result<OverflowPlan, Fault> {
    let latest = list(tx, unit_id, 1).await?.into_iter().next();
    Ok(latest.unwrap_or_else(|| OverflowPlan {
        version: 0,
        rule: OverflowRule::default(),
        set_at: Timestamp(0),
        set_by: String::new(),
        undoes: None,
    }))
}

/// The latest versions of a unit's rule, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx, unit_id: &Id, most: i64) -> Result<Vec<OverflowPlan>, Fault> {
    let mut plans = Vec::new();
    for row in store::list_overflow_plans(tx, unit_id, most).await? {
        let neighbours = store::list_overflow_neighbours(tx, unit_id, row.version).await?;
        plans.push(OverflowPlan {
            version: row.version,
            rule: OverflowRule {
                after_days: row.after_days,
                everybody: row.everybody,
                neighbours: neighbours.into_iter().map(|(id,)| id).collect(),
            },
            set_at: row.set_at,
            set_by: row.set_by,
            undoes: row.undoes,
        });
    }
    Ok(plans)
}

/// Sets a unit's rule, if `former` is still its version; gives whether it was set.
/// Where it takes a version back, `undoes` is that version.
///
/// # Errors
/// When the database fails.
pub async fn set(
    tx: &mut Tx,
    unit: &Unit,
    former: i64,
    rule: &OverflowRule,
    undoes: Option<i64>,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, unit.id.as_str()).await?;
    let row = store::OverflowRow {
        version: former + 1,
        after_days: rule.after_days,
        everybody: rule.everybody,
        set_at: now,
        set_by: actor.to_string(),
        undoes,
    };
    if !store::insert_overflow_plan(tx, &unit.id, &row).await? {
        return Ok(false);
    }
    for (rank, neighbour) in (1_i64..).zip(&rule.neighbours) {
        store::insert_overflow_neighbour(tx, &unit.id, row.version, rank, neighbour).await?;
    }
    let named: Vec<&str> = rule.neighbours.iter().map(Id::as_str).collect();
    let detail = format!(
        "version={} days={} everybody={} neighbours={} undoes={}",
        row.version,
        rule.after_days
            .map_or_else(|| "-".to_owned(), |days| days.to_string()),
        rule.everybody,
        named.join(","),
        undoes.map_or_else(|| "-".to_owned(), |version| version.to_string()),
    );
    let (chain, object) = (unit.id.as_str(), format!("unit/{}", unit.id));
    audit::append(tx, chain, now, actor, "unit.set_overflow", &object, &detail).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::calendar::UnitKind;
    use crate::testing::at;

    fn unit(id: &str, department: &str) -> Unit {
        Unit {
            id: id.into(),
            department: department.to_owned(),
            kind: UnitKind::Police,
            name: id.to_owned(),
            address: String::new(),
            postal_code: String::new(),
            city: String::new(),
            phone: String::new(),
            email: String::new(),
            time_zone: "Europe/Paris".to_owned(),
            slot_minutes: 30,
            buffer_minutes: 0,
            notice_minutes: 0,
            horizon_days: 31,
            opens_on_holidays: false,
            release: crate::calendar::release::ReleaseRule::default(),
            facts: crate::calendar::sheet::PublicFacts::default(),
            closed_at: None,
        }
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_rule_names_other_units_of_the_department_once_each() {
        use OverflowError::{Days, Neighbour, Nobody, Twice};
        let others = [unit("b", "78"), unit("c", "78")];
        for (days, everybody, names, expected) in [
            ("", false, &["b"][..], vec![]),
            ("7", false, &["b", "", "c"], vec![]),
            (" 0 ", true, &[], vec![]),
            ("90", true, &["c"], vec![]),
            ("91", true, &["c"], vec![Days]),
            ("-1", true, &[], vec![Days]),
            ("bientôt", true, &[], vec![Days]),
            ("7", false, &[], vec![Nobody]),
            ("7", true, &["b", "b"], vec![Twice]),
            ("7", true, &["a"], vec![Neighbour]),
            ("x", false, &["a", "b", "b"], vec![Days, Neighbour, Twice]),
        ] {
            let read = OverflowRule::check(days, everybody, &named(names), &others);
            let errors = read.clone().err().unwrap_or_default();
            assert_eq!(errors, expected, "{days} {everybody} {names:?}");
            if let (Ok(rule), false) = (read, days.is_empty()) {
                let known = names.iter().filter(|name| !name.is_empty()).count();
                assert_eq!(rule.neighbours.len(), known);
            }
        }
    }

    #[test]
    fn neighbours_are_asked_once_the_own_first_slot_is_later_than_the_last_day_to_wait() {
        // Monday noon in Paris.
        let now = at("2026-03-02T11:00:00Z");
        for (after_days, own_first, expected) in [
            (None, None, false),
            (None, Some("2026-06-01T08:00:00Z"), false),
            (Some(0), None, true),
            (Some(0), Some("2026-03-02T15:00:00Z"), false),
            // The day ends at midnight in Paris, an hour before that of UTC.
            (Some(0), Some("2026-03-02T22:59:00Z"), false),
            (Some(0), Some("2026-03-02T23:00:00Z"), true),
            (Some(7), Some("2026-03-09T15:00:00Z"), false),
            (Some(7), Some("2026-03-10T08:00:00Z"), true),
            (Some(90), None, true),
        ] {
            let rule = OverflowRule {
                after_days,
                everybody: true,
                neighbours: Vec::new(),
            };
            let own_first = own_first.map(at);
            let due = rule.is_due(own_first, now, chrono_tz::Europe::Paris);
            assert_eq!(due, expected, "{after_days:?} {own_first:?}");
        }
    }

    #[test]
    fn those_named_come_first_and_nobody_of_elsewhere_ever_receives() {
        let own = unit("a", "78");
        let all = [
            own.clone(),
            unit("b", "78"),
            unit("c", "78"),
            unit("d", "92"),
        ];
        for (names, everybody, expected) in [
            (&["c", "b"][..], false, &["c", "b"][..]),
            (&["c"], true, &["c", "b"]),
            (&["c"], false, &["c"]),
            (&[], true, &["b", "c"]),
            // A unit that has moved to another department, or is the unit itself.
            (&["d", "a", "b"], false, &["b"]),
        ] {
            let rule = OverflowRule {
                after_days: Some(3),
                everybody,
                neighbours: names.iter().map(|name| Id::from(*name)).collect(),
            };
            let found = rule.receivers(&own, &all);
            let ids: Vec<&str> = found.iter().map(|unit| unit.id.as_str()).collect();
            assert_eq!(ids, expected, "{names:?} {everybody}");
        }
    }

    #[test]
    fn the_earliest_are_offered_the_preferred_first_and_none_later_than_ones_own() {
        let slot = |text: &str| Slot {
            starts_at: at(text),
            ends_at: at(text).plus_minutes(30),
            desks: vec!["d".into()],
        };
        let found = vec![
            (unit("b", "78"), slot("2026-03-03T09:00:00Z")),
            (unit("c", "78"), slot("2026-03-03T09:00:00Z")),
            (unit("d", "78"), slot("2026-03-02T09:00:00Z")),
            (unit("e", "78"), slot("2026-03-05T09:00:00Z")),
        ];
        for (own, expected) in [
            (None, &["d", "b", "c"][..]),
            (Some("2026-03-04T09:00:00Z"), &["d", "b", "c"]),
            (Some("2026-03-03T09:00:00Z"), &["d"]),
            (Some("2026-03-02T09:00:00Z"), &[]),
        ] {
            let offered = offers(found.clone(), own.map(at));
            let ids: Vec<&str> = offered.iter().map(|(unit, _)| unit.id.as_str()).collect();
            assert_eq!(ids, expected, "{own:?}");
        }
    }
}
