//! An absence of a desk, or a closure of the whole unit, as an administrator asks
//! for it, checked. Pure.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::hours::{day_of, minute_of};
use super::recurrence::{Range, instant_of};
use crate::clock::Timestamp;
use crate::text_enum;

/// Longest absence, in days: what never ends is a desk that closes.
pub const LONGEST_DAYS: i64 = 366;

text_enum! {
    /// Why a desk or unit takes nobody: a code, never words about a person.
    AwayReason {
        /// Leave.
        Leave = "leave",
        /// The officer is on another mission, or in training.
        Duty = "duty",
        /// Nobody is told why.
        Unforeseen = "unforeseen",
        /// Works, breakdown.
        Technical = "technical",
        /// The unit is closed.
        Closure = "closure",
    }
}

/// What is wrong with an absence as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwayError {
    /// The start is no day and time in steps of five minutes.
    #[error("not a start")]
    Start,
    /// The end is none, is past, does not come after the start, or is too far from it.
    #[error("not an end after the start")]
    End,
    /// None of the reasons there are.
    #[error("no reason")]
    Reason,
}

/// An absence as a person typed it.
#[derive(Clone, Copy, Debug)]
pub struct AskedAway<'a> {
    /// `YYYY-MM-DD`.
    pub first_day: &'a str,
    /// `HH:MM`; empty for the beginning of the day.
    pub start: &'a str,
    /// `YYYY-MM-DD`; empty for the first day.
    pub last_day: &'a str,
    /// `HH:MM`; empty for the end of the day.
    pub end: &'a str,
    /// A code of [`AwayReason`].
    pub reason: &'a str,
}

/// An absence known to be sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwayPlan {
    /// From when to when.
    pub range: Range,
    /// Why.
    pub reason: AwayReason,
}

impl AwayPlan {
    /// Checks an absence against the present instant, on the unit's clock.
    ///
    /// # Errors
    /// Everything that is wrong, so that the form can show it all at once.
    pub fn check(asked: AskedAway<'_>, zone: Tz, now: Timestamp) -> Result<Self, Vec<AwayError>> {
        let mut errors = Vec::new();
        let first_day = day_of(asked.first_day);
        let from = first_day.and_then(|day| instant(day, asked.start, 0, zone));
        if from.is_none() {
            errors.push(AwayError::Start);
        }
        let last_day = match asked.last_day.trim() {
            "" => first_day,
            text => day_of(text),
        };
        let to = last_day
            .and_then(|day| instant(day, asked.end, 1440, zone))
            .filter(|to| *to > now && from.is_none_or(|from| *to > from))
            .filter(|to| from.is_none_or(|from| *to <= from.plus_minutes(LONGEST_DAYS * 1440)));
        if to.is_none() {
            errors.push(AwayError::End);
        }
        let reason = AwayReason::parse(asked.reason);
        if reason.is_none() {
            errors.push(AwayError::Reason);
        }
        match (from, to, reason) {
            (Some(from), Some(to), Some(reason)) => Ok(AwayPlan {
                range: Range { from, to },
                reason,
            }),
            _ => Err(errors),
        }
    }
}

/// The instant of a time of day as typed; of another one where nothing was.
fn instant(day: NaiveDate, typed: &str, otherwise: i64, zone: Tz) -> Option<Timestamp> {
    let minute = match typed.trim() {
        "" => Some(otherwise),
        text => minute_of(text),
    };
    minute.map(|minute| instant_of(day, minute, zone))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono_tz::{Europe, Pacific};

    fn asked<'a>(first: &'a str, start: &'a str, last: &'a str, end: &'a str) -> AskedAway<'a> {
        AskedAway {
            first_day: first,
            start,
            last_day: last,
            end,
            reason: "leave",
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(
            chrono::DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_millis(),
        )
    }

    #[test]
    fn an_absence_is_read_on_the_units_clock() {
        let now = at("2026-03-02T08:00:00Z");
        for (form, zone, from, to) in [
            (
                asked("2026-03-03", "", "", ""),
                Europe::Paris,
                "2026-03-02T23:00:00Z",
                "2026-03-03T23:00:00Z",
            ),
            (
                asked("2026-03-03", "09:00", "2026-03-05", "12:30"),
                Europe::Paris,
                "2026-03-03T08:00:00Z",
                "2026-03-05T11:30:00Z",
            ),
            // Begun already, and not over: somebody fell ill this morning.
            (
                asked("2026-03-02", "", "", ""),
                Europe::Paris,
                "2026-03-01T23:00:00Z",
                "2026-03-02T23:00:00Z",
            ),
            // The night the clock jumps: the day has 23 hours.
            (
                asked("2026-03-29", "", "", ""),
                Europe::Paris,
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                asked("2026-03-03", "08:00", "", "24:00"),
                Pacific::Noumea,
                "2026-03-02T21:00:00Z",
                "2026-03-03T13:00:00Z",
            ),
        ] {
            let plan = AwayPlan::check(form, zone, now).unwrap();
            let expected = Range {
                from: at(from),
                to: at(to),
            };
            assert_eq!(plan.range, expected, "{form:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_field_by_field() {
        use AwayError::{End, Start};
        let now = at("2026-03-02T08:00:00Z");
        for (form, expected) in [
            (asked("", "", "", ""), vec![Start, End]),
            (asked("hier", "", "", ""), vec![Start, End]),
            (asked("2026-03-03", "9h", "", ""), vec![Start]),
            (asked("2026-03-03", "09:01", "", ""), vec![Start]),
            (asked("2026-03-03", "", "", "25:00"), vec![End]),
            (asked("2026-03-03", "12:00", "", "12:00"), vec![End]),
            (asked("2026-03-03", "", "2026-03-02", ""), vec![End]),
            (asked("2026-02-01", "", "2026-02-02", ""), vec![End]),
            (asked("2026-03-03", "", "2027-03-04", ""), vec![End]),
            (asked("2026-03-03", "", "9999-12-31", ""), vec![End]),
        ] {
            let errors = AwayPlan::check(form, Europe::Paris, now).unwrap_err();
            assert_eq!(errors, expected, "{form:?}");
        }
        let form = AskedAway {
            reason: "grippe",
            ..asked("2026-03-03", "", "", "")
        };
        let errors = AwayPlan::check(form, Europe::Paris, now).unwrap_err();
        assert_eq!(errors, [AwayError::Reason]);
    }
}
