//! On which days a desk opens, and between which instants. Pure.
//!
//! A rule (RFC 5545) is read on the unit's own calendar of days, as floating
//! time; only then is a clock on the wall of the unit turned into an instant.
//! So a zone's change of hour cannot move a rule to another day, and the two
//! nights a year where an hour is missing or comes twice are decided in one
//! place, [`instant_of`].

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

use crate::clock::Timestamp;

/// From an instant (included) to another (excluded).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// First instant.
    pub from: Timestamp,
    /// First instant that is no longer in it.
    pub to: Timestamp,
}

impl Range {
    /// Whether the two share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Range) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// Why a rule of recurrence is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It is not written as RFC 5545 wants.
    #[error("not an RFC 5545 rule: {0}")]
    Unreadable(String),
    /// Desks open on days: hours and minutes have columns of their own, and
    /// the last day too.
    #[error("a desk's rule may only choose days")]
    NotOfDays,
}

/// A rule that chooses days.
#[derive(Clone, Debug)]
pub struct DayRule(RRule<Unvalidated>);

/// More days than this are never asked for at once: a year and its margins.
const MOST_DAYS: u16 = 400;

impl DayRule {
    /// Reads a rule such as `FREQ=WEEKLY;BYDAY=MO,TU`.
    ///
    /// # Errors
    /// When it cannot be read, or chooses more than days.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let rule: RRule<Unvalidated> = text
            .parse()
            .map_err(|error: rrule::RRuleError| RuleError::Unreadable(error.to_string()))?;
        let of_days = matches!(
            rule.get_freq(),
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly
        ) && rule.get_by_hour().is_empty()
            && rule.get_by_minute().is_empty()
            && rule.get_by_second().is_empty()
            && rule.get_until().is_none();
        if !of_days {
            return Err(RuleError::NotOfDays);
        }
        let rule = DayRule(rule);
        // What the library only finds when it runs the rule is found here.
        let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default();
        rule.days(first, None, (first, first))?;
        Ok(rule)
    }

    /// The days it chooses from `first_day` to `last_day` (both included) that
    /// also lie in the window (both included), in order.
    ///
    /// # Errors
    /// When the rule cannot hold from that first day.
    pub fn days(
        &self,
        first_day: NaiveDate,
        last_day: Option<NaiveDate>,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<Vec<NaiveDate>, RuleError> {
        let to = last_day.map_or(to, |last| last.min(to));
        let from = from.max(first_day);
        if from > to {
            return Ok(Vec::new());
        }
        // A rule that neither counts nor skips gives the same days whichever
        // day it is read from; reading from the window keeps the cost flat
        // however long ago the desk opened.
        let start = if self.restartable() { from } else { first_day };
        let floating =
            |day: NaiveDate| rrule::Tz::UTC.from_utc_datetime(&day.and_time(NaiveTime::MIN));
        let rule = self
            .0
            .clone()
            .validate(floating(start))
            .map_err(|error| RuleError::Unreadable(error.to_string()))?;
        let result = RRuleSet::new(floating(start))
            .rrule(rule)
            .after(floating(from))
            .before(floating(to))
            .all(MOST_DAYS);
        Ok(result
            .dates
            .into_iter()
            .map(|date| date.naive_utc().date())
            .filter(|day| (from..=to).contains(day))
            .collect())
    }

    fn restartable(&self) -> bool {
        let rule = &self.0;
        rule.get_count().is_none()
            && rule.get_interval() <= 1
            && match rule.get_freq() {
                Frequency::Daily => true,
                Frequency::Weekly => !rule.get_by_weekday().is_empty(),
                _ => false,
            }
    }
}

/// The instant at which a clock on the wall of that zone first shows that
/// minute of that day.
///
/// When the hour comes twice it is the first time; when it does not exist that
/// night, it is the instant the clock jumps. So the mapping never goes back:
/// ranges that touch on the wall touch in time, without a missing or a doubled
/// hour between them. Minute 1440 is the next day's midnight.
#[must_use]
pub fn instant_of(day: NaiveDate, minute: i64, zone: Tz) -> Timestamp {
    let wall = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute);
    for later in 0..=1440 {
        let moved = wall + TimeDelta::minutes(later);
        if let Some(found) = zone.from_local_datetime(&moved).earliest() {
            return Timestamp(found.timestamp_millis());
        }
    }
    // No zone has ever skipped a whole day and more; read it as UTC then.
    Timestamp(wall.and_utc().timestamp_millis())
}

/// The day a clock and calendar on the wall of that zone show at an instant.
#[must_use]
pub fn day_of(at: Timestamp, zone: Tz) -> NaiveDate {
    at.in_zone(zone).date_naive()
}

/// From midnight to midnight of that zone; 23 or 25 hours twice a year.
#[must_use]
pub fn whole_day(day: NaiveDate, zone: Tz) -> Range {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    Range {
        from: instant_of(day, 0, zone),
        to: instant_of(next, 0, zone),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono_tz::{America, Europe, Indian, Pacific};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn check(rule: &str, first: &str, last: Option<&str>, window: (&str, &str), expected: &[&str]) {
        let days = DayRule::parse(rule)
            .unwrap()
            .days(day(first), last.map(day), (day(window.0), day(window.1)))
            .unwrap();
        let expected: Vec<_> = expected.iter().map(|text| day(text)).collect();
        assert_eq!(days, expected, "{rule} from {first}");
    }

    #[test]
    fn rules_choose_days_within_first_day_last_day_and_window() {
        // Every day; the first and last days count.
        check(
            "FREQ=DAILY",
            "2026-03-02",
            None,
            ("2026-03-01", "2026-03-04"),
            &["2026-03-02", "2026-03-03", "2026-03-04"],
        );
        check(
            "FREQ=DAILY",
            "2020-01-01",
            Some("2026-03-02"),
            ("2026-03-01", "2026-03-09"),
            &["2026-03-01", "2026-03-02"],
        );
        check(
            "FREQ=DAILY",
            "2026-04-01",
            None,
            ("2026-03-01", "2026-03-09"),
            &[],
        );
        check(
            "FREQ=DAILY",
            "2026-03-01",
            Some("2026-02-01"),
            ("2026-01-01", "2026-12-31"),
            &[],
        );
        // The first day is no opening when the rule does not choose it.
        check(
            "FREQ=WEEKLY;BYDAY=TU,TH",
            "2026-03-02",
            None,
            ("2026-03-02", "2026-03-12"),
            &["2026-03-03", "2026-03-05", "2026-03-10", "2026-03-12"],
        );
        // Without BYDAY the first day's weekday is meant, years later too.
        check(
            "FREQ=WEEKLY",
            "2020-01-01",
            None,
            ("2026-03-02", "2026-03-12"),
            &["2026-03-04", "2026-03-11"],
        );
        // Every second week keeps its parity; a count keeps counting.
        check(
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
            "2026-03-02",
            None,
            ("2026-03-09", "2026-03-31"),
            &["2026-03-16", "2026-03-30"],
        );
        check(
            "FREQ=DAILY;COUNT=3",
            "2026-03-01",
            None,
            ("2026-03-02", "2026-03-31"),
            &["2026-03-02", "2026-03-03"],
        );
        // Last Friday of the month; the 29th of February.
        check(
            "FREQ=MONTHLY;BYDAY=-1FR",
            "2026-01-01",
            None,
            ("2026-02-01", "2026-03-31"),
            &["2026-02-27", "2026-03-27"],
        );
        check(
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
            "2024-01-01",
            None,
            ("2026-01-01", "2028-12-31"),
            &["2028-02-29"],
        );
    }

    #[test]
    fn a_rule_of_hours_or_nonsense_is_not_taken() {
        for wrong in [
            "",
            "FREQ",
            "FREQ=",
            "FREQ=HOURLY",
            "FREQ=SECONDLY;COUNT=5",
            "FREQ=DAILY;BYHOUR=9",
            "FREQ=DAILY;UNTIL=20260301T000000Z",
            "FREQ=WEEKLY;BYDAY=XX",
            "DTSTART:20260101",
            "FREQ=DAILY;INTERVAL=-1",
            "FREQ=MONTHLY;BYMONTHDAY=77",
            "é",
            "FREQ=DAILY\r\nFREQ=DAILY",
            "FREQ=DAILY;COUNT=99999999999999999999",
        ] {
            assert!(DayRule::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_rule_that_never_comes_ends() {
        check(
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
            "2026-01-01",
            None,
            ("2026-01-01", "2026-12-31"),
            &[],
        );
        check(
            "FREQ=DAILY;INTERVAL=65535",
            "2000-01-01",
            None,
            ("2026-01-01", "2026-12-31"),
            &[],
        );
    }

    fn utc(text: &str) -> Timestamp {
        Timestamp(
            chrono::DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_millis(),
        )
    }

    #[test]
    fn a_wall_clock_becomes_one_instant_in_every_zone() {
        for (date, minute, zone, expected) in [
            ("2026-01-15", 600, Europe::Paris, "2026-01-15T09:00:00Z"),
            ("2026-07-15", 600, Europe::Paris, "2026-07-15T08:00:00Z"),
            // Spring: 02:00 to 03:00 does not exist in Paris on 29 March 2026.
            ("2026-03-29", 119, Europe::Paris, "2026-03-29T00:59:00Z"),
            ("2026-03-29", 120, Europe::Paris, "2026-03-29T01:00:00Z"),
            ("2026-03-29", 150, Europe::Paris, "2026-03-29T01:00:00Z"),
            ("2026-03-29", 180, Europe::Paris, "2026-03-29T01:00:00Z"),
            ("2026-03-29", 210, Europe::Paris, "2026-03-29T01:30:00Z"),
            // Autumn: 02:00 to 03:00 comes twice on 25 October 2026; the first is meant.
            ("2026-10-25", 120, Europe::Paris, "2026-10-25T00:00:00Z"),
            ("2026-10-25", 150, Europe::Paris, "2026-10-25T00:30:00Z"),
            ("2026-10-25", 180, Europe::Paris, "2026-10-25T02:00:00Z"),
            ("2026-10-25", 1440, Europe::Paris, "2026-10-25T23:00:00Z"),
            // Overseas.
            ("2026-07-15", 600, Indian::Reunion, "2026-07-15T06:00:00Z"),
            ("2026-07-15", 600, Indian::Mayotte, "2026-07-15T07:00:00Z"),
            (
                "2026-07-15",
                600,
                America::Martinique,
                "2026-07-15T14:00:00Z",
            ),
            ("2026-07-15", 600, America::Cayenne, "2026-07-15T13:00:00Z"),
            ("2026-07-15", 600, America::Miquelon, "2026-07-15T12:00:00Z"),
            ("2026-01-15", 600, America::Miquelon, "2026-01-15T13:00:00Z"),
            ("2026-07-15", 600, Pacific::Noumea, "2026-07-14T23:00:00Z"),
            ("2026-07-15", 600, Pacific::Tahiti, "2026-07-15T20:00:00Z"),
            ("2026-07-15", 600, Pacific::Wallis, "2026-07-14T22:00:00Z"),
            // Saint-Pierre changes too: 02:00 to 03:00 is missing on 8 March 2026.
            ("2026-03-08", 150, America::Miquelon, "2026-03-08T05:00:00Z"),
        ] {
            assert_eq!(
                instant_of(day(date), minute, zone),
                utc(expected),
                "{date} {minute} {zone}"
            );
        }
    }

    /// The whole Republic, each zone at the edges of its own year. Only Paris and
    /// Saint-Pierre change their clocks; the others stand still all year.
    #[test]
    fn every_zone_of_the_republic_has_its_hours_in_winter_and_summer() {
        for (zone, winter, summer) in [
            ("Europe/Paris", 60, 120),
            ("America/Guadeloupe", -240, -240),
            ("America/Martinique", -240, -240),
            ("America/Cayenne", -180, -180),
            ("Indian/Reunion", 240, 240),
            ("Indian/Mayotte", 180, 180),
            ("America/Miquelon", -180, -120),
            ("Pacific/Noumea", 660, 660),
            ("Pacific/Tahiti", -600, -600),
            ("Pacific/Wallis", 720, 720),
        ] {
            let zone: Tz = zone.parse().unwrap();
            for (date, offset) in [
                ("2026-01-15", winter),
                ("2026-02-28", winter),
                ("2026-05-15", summer),
                ("2026-07-15", summer),
                ("2026-10-15", summer),
                ("2026-12-15", winter),
            ] {
                let noon = day(date).and_hms_opt(12, 0, 0).unwrap().and_utc();
                let expected = Timestamp(noon.timestamp_millis()).plus_minutes(-offset);
                assert_eq!(instant_of(day(date), 720, zone), expected, "{zone} {date}");
                assert_eq!(day_of(expected, zone), day(date), "{zone}");
            }
        }
        // The nights of change: last Sunday of March and October in Paris, second
        // Sunday of March and first of November in Saint-Pierre; 23 and 25 hours.
        for (zone, date, hours) in [
            (Europe::Paris, "2026-03-29", 23),
            (Europe::Paris, "2026-10-25", 25),
            (America::Miquelon, "2026-03-08", 23),
            (America::Miquelon, "2026-11-01", 25),
            (America::Miquelon, "2026-03-29", 24),
            (Europe::Paris, "2026-11-01", 24),
        ] {
            let whole = whole_day(day(date), zone);
            assert_eq!(
                (whole.to.0 - whole.from.0) / 3_600_000,
                hours,
                "{zone} {date}"
            );
        }
    }

    #[test]
    fn the_mapping_never_goes_back_and_days_are_23_24_or_25_hours() {
        for zone in [
            Europe::Paris,
            America::Miquelon,
            Indian::Reunion,
            Pacific::Noumea,
        ] {
            let mut hours = std::collections::BTreeSet::new();
            let mut date = day("2026-01-01");
            let mut last = Timestamp(i64::MIN);
            while date < day("2027-01-01") {
                for minute in (0..1440).step_by(30) {
                    let at = instant_of(date, minute, zone);
                    assert!(at >= last, "{zone} {date} {minute}");
                    last = at;
                }
                let whole = whole_day(date, zone);
                hours.insert((whole.to.0 - whole.from.0) / 3_600_000);
                assert_eq!(day_of(whole.from, zone), date);
                date = date + Days::new(1);
            }
            let expected: Vec<i64> = if matches!(zone, Europe::Paris | America::Miquelon) {
                vec![23, 24, 25]
            } else {
                vec![24]
            };
            assert_eq!(hours.into_iter().collect::<Vec<_>>(), expected, "{zone}");
        }
    }
}
