//! What became of appointments, counted: by day, week or month, by unit or by whole
//! department. One read of an index brings back how many there were in each quarter of
//! an hour and state, which is never more rows than a year has quarters of an hour,
//! however many people came; days and weeks are made of them here, on the units' wall.
//!
//! No number tells of a person: few are shown as few ([`Shown`]). It does not know who
//! may read them.

mod periods;
mod places;
mod shown;
mod store;

use std::collections::BTreeMap;

pub use periods::{LONGEST_DAYS, MOST_PERIODS, Period, Step, periods};
pub use places::{count, opened, run};
pub use shown::{FEW, Shown, column};

pub use super::view::monday_of;

use crate::booking::State;
use crate::calendar::recurrence::{Range, whole_day};
use crate::calendar::{self, Unit};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// What became of the confirmed appointments of a time and place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub booked: i64,
    /// Heard to the end.
    pub held: i64,
    /// The person did not come.
    pub no_show: i64,
    /// Called off by the person.
    pub by_citizen: i64,
    /// Called off by the unit, or left unopened.
    pub by_unit: i64,
    /// Goes on in person.
    pub in_person: i64,
    /// Given to another unit.
    pub transferred: i64,
    /// Still to come, or under way.
    pub expected: i64,
    /// Milliseconds between confirmation and start, of all of them together.
    pub waited_ms: i64,
}

impl Tally {
    fn add(&mut self, state: State, count: i64, waited_ms: i64) {
        let counter = match state {
            State::Booked | State::Open | State::InHearing => &mut self.expected,
            State::Closed => &mut self.held,
            State::CancelledByCitizen => &mut self.by_citizen,
            State::CancelledByUnit => &mut self.by_unit,
            State::NoShow => &mut self.no_show,
            State::Transferred => &mut self.transferred,
            State::ConvertedInPerson => &mut self.in_person,
            // Never confirmed.
            State::Held | State::Expired => return,
        };
        *counter += count;
        self.booked += count;
        self.waited_ms += waited_ms;
    }

    /// Days between confirmation and start on average, in tenths; none where few
    /// appointments would make it tell of one person.
    #[must_use]
    pub fn mean_wait_tenths(&self) -> Option<i64> {
        let tenth = 8_640_000;
        (self.booked >= FEW).then(|| (self.waited_ms / self.booked + tenth / 2) / tenth)
    }
}

/// What a department's or one unit's desks offer at this moment.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The unit.
    pub unit: Unit,
    /// The next free slot; none within the horizon.
    pub next: Option<Timestamp>,
    /// Free places of desks within seven days.
    pub within_a_week: usize,
    /// Free places of desks within the unit's horizon.
    pub within_horizon: usize,
}

/// Counts the appointments that start in some periods, for the units of a department
/// or for one of them; all keep the time of `zone_of`.
///
/// # Errors
/// When the database fails.
pub async fn tallies(
    tx: &mut Tx,
    zone_of: &Unit,
    unit_id: Option<&Id>,
    periods: &[Period],
) -> Result<Vec<Tally>, Fault> {
    let zone = zone_of.zone();
    let ranges: Vec<Range> = periods
        .iter()
        .map(|period| Range {
            from: whole_day(period.first, zone).from,
            to: whole_day(period.end, zone).from,
        })
        .collect();
    let mut tallies = vec![Tally::default(); periods.len()];
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else {
        return Ok(tallies);
    };
    let rows = store::count(tx, &zone_of.department, unit_id, first.from, last.to).await?;
    for row in rows {
        let at = Timestamp(row.quarter * store::QUARTER_MS);
        // Periods follow one another without a gap.
        let index = ranges.partition_point(|range| range.to <= at);
        if let Some(tally) = tallies.get_mut(index) {
            tally.add(row.state, row.count, row.waited_ms);
        }
    }
    Ok(tallies)
}

/// The same for each unit of a department, over one whole time.
///
/// # Errors
/// When the database fails.
pub async fn tallies_by_unit(
    tx: &mut Tx,
    department: &str,
    range: Range,
) -> Result<BTreeMap<Id, Tally>, Fault> {
    let mut tallies: BTreeMap<Id, Tally> = BTreeMap::new();
    for row in store::count_by_unit(tx, department, range.from, range.to).await? {
        let tally = tallies.entry(row.unit_id).or_default();
        tally.add(row.state, row.count, row.waited_ms);
    }
    Ok(tallies)
}

/// What a unit offers now.
///
/// # Errors
/// When the database fails.
pub async fn offer(tx: &mut Tx, unit: &Unit, now: Timestamp) -> Result<Offer, Fault> {
    let end = calendar::end_of_horizon(unit, now);
    let slots = calendar::offered_slots(tx, unit, now, end, now).await?;
    let week = now.plus_minutes(7 * 24 * 60);
    let places = |to: Timestamp| {
        let before = slots.iter().filter(|slot| slot.starts_at < to);
        before.map(calendar::Slot::capacity).sum()
    };
    Ok(Offer {
        next: slots.first().map(|slot| slot.starts_at),
        within_a_week: places(week),
        within_horizon: places(end),
        unit: unit.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_counted_once_and_what_was_never_confirmed_is_not() {
        for &state in State::ALL {
            let mut tally = Tally::default();
            tally.add(state, 7, 70);
            let parts = tally.held
                + tally.no_show
                + tally.by_citizen
                + tally.by_unit
                + tally.in_person
                + tally.transferred
                + tally.expected;
            let confirmed = !matches!(state, State::Held | State::Expired);
            let expected = if confirmed { 7 } else { 0 };
            assert_eq!((tally.booked, parts), (expected, expected), "{state}");
        }
    }

    #[test]
    fn a_mean_of_few_is_not_told() {
        let day = 86_400_000;
        for (booked, waited_ms, expected) in [
            (0, 0, None),
            (4, 4 * day, None),
            (5, 5 * day, Some(10)),
            (10, 25 * day, Some(25)),
            (6, 6 * day + 6 * 4_320_000, Some(11)),
        ] {
            let tally = Tally {
                booked,
                waited_ms,
                ..Tally::default()
            };
            assert_eq!(tally.mean_wait_tenths(), expected, "{booked}");
        }
    }
}
