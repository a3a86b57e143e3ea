//! The days, weeks or months of a time. Pure.

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::booking::view::monday_of;
use crate::text_enum;

/// Longest time that is counted at once, in days.
pub const LONGEST_DAYS: i64 = 366;
/// Most periods that a page shows.
pub const MOST_PERIODS: usize = 62;

text_enum! {
    /// What is counted together.
    Step {
        /// Each day.
        Day = "jour",
        /// Monday to Sunday.
        Week = "semaine",
        /// Each month of the calendar.
        Month = "mois",
    }
}

/// Some days in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first.
    pub first: NaiveDate,
    /// The first one after it.
    pub end: NaiveDate,
}

/// The periods from one day to another, both included; the outer ones are cut where the
/// time begins and ends. None where that is no time, too long, or too many periods.
#[must_use]
pub fn periods(first: NaiveDate, last: NaiveDate, step: Step) -> Option<Vec<Period>> {
    let length = (last - first).num_days() + 1;
    if !(1..=LONGEST_DAYS).contains(&length) {
        return None;
    }
    let end = last.checked_add_days(Days::new(1))?;
    let mut periods = Vec::new();
    let mut from = first;
    while from < end {
        let next = next_after(from, step)?.min(end);
        periods.push(Period {
            first: from,
            end: next,
        });
        from = next;
    }
    (periods.len() <= MOST_PERIODS).then_some(periods)
}

fn next_after(day: NaiveDate, step: Step) -> Option<NaiveDate> {
    match step {
        Step::Day => day.checked_add_days(Days::new(1)),
        Step::Week => monday_of(day).checked_add_days(Days::new(7)),
        Step::Month => day.with_day(1)?.checked_add_months(Months::new(1)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_time_is_cut_into_periods_without_gap_or_overlap() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (first, last, step, expected) in [
            (
                "2026-03-01",
                "2026-03-01",
                Step::Day,
                Some((1, "2026-03-02")),
            ),
            (
                "2026-03-01",
                "2026-03-31",
                Step::Day,
                Some((31, "2026-03-02")),
            ),
            (
                "2026-03-01",
                "2026-03-31",
                Step::Week,
                Some((6, "2026-03-02")),
            ),
            (
                "2026-03-02",
                "2026-03-08",
                Step::Week,
                Some((1, "2026-03-09")),
            ),
            (
                "2026-01-15",
                "2026-03-02",
                Step::Month,
                Some((3, "2026-02-01")),
            ),
            (
                "2026-01-01",
                "2027-01-01",
                Step::Month,
                Some((13, "2026-02-01")),
            ),
            (
                "2026-01-01",
                "2027-01-01",
                Step::Week,
                Some((53, "2026-01-05")),
            ),
            ("2026-01-01", "2027-01-02", Step::Month, None),
            ("2026-01-01", "2026-03-04", Step::Day, None),
            ("2026-03-02", "2026-03-01", Step::Day, None),
        ] {
            let found = periods(day(first), day(last), step);
            let name = format!("{first} {last} {step}");
            let Some(periods) = found else {
                assert!(expected.is_none(), "{name}");
                continue;
            };
            let (count, next) = expected.unwrap_or_else(|| panic!("{name}"));
            assert_eq!(periods.len(), count, "{name}");
            assert_eq!(
                (periods[0].first, periods[0].end),
                (day(first), day(next).min(day(last).succ_opt().unwrap())),
                "{name}"
            );
            for pair in periods.windows(2) {
                assert_eq!(pair[0].end, pair[1].first, "{name}");
            }
            assert_eq!(
                periods.last().unwrap().end,
                day(last).succ_opt().unwrap(),
                "{name}"
            );
        }
    }
}
