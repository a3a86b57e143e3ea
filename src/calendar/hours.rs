//! The opening hours an administrator asks for, checked. Pure.

use chrono::{Days, NaiveDate, Weekday};

/// Longest label of a desk, in characters.
pub const LABEL_CHARS: usize = 60;
/// A desk may be planned this far ahead, in days.
pub const PLAN_DAYS: u64 = 732;

/// Weekdays in the order of the week, with their RFC 5545 codes.
pub const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Mon, "MO"),
    (Weekday::Tue, "TU"),
    (Weekday::Wed, "WE"),
    (Weekday::Thu, "TH"),
    (Weekday::Fri, "FR"),
    (Weekday::Sat, "SA"),
    (Weekday::Sun, "SU"),
];

/// What is wrong with hours as asked for; one for each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// No weekday, or one that does not exist.
    #[error("no weekday")]
    Weekdays,
    /// The start is no time of day in steps of five minutes.
    #[error("not a start")]
    Start,
    /// The end is none, or does not come after the start.
    #[error("not an end after the start")]
    End,
    /// The first day is no date, past, or too far ahead.
    #[error("not a first day")]
    FirstDay,
    /// The last day is no date or comes before the first.
    #[error("not a last day")]
    LastDay,
}

/// One recurring range of a desk, known to be sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoursPlan {
    /// RFC 5545 rule that chooses the days.
    pub rrule: String,
    /// First day it may hold.
    pub first_day: NaiveDate,
    /// Last day, included; none while open-ended.
    pub last_day: Option<NaiveDate>,
    /// Start, in minutes of the day.
    pub start_minute: i64,
    /// End, in minutes of the day; 1440 is midnight.
    pub end_minute: i64,
}

/// Hours as a person typed them.
#[derive(Clone, Copy, Debug)]
pub struct AskedHours<'a> {
    /// RFC 5545 codes of weekdays.
    pub weekdays: &'a [String],
    /// `HH:MM`.
    pub start: &'a str,
    /// `HH:MM`; `24:00` is midnight at the end of the day.
    pub end: &'a str,
    /// `YYYY-MM-DD`.
    pub first_day: &'a str,
    /// `YYYY-MM-DD`, or empty while open-ended.
    pub last_day: &'a str,
}

impl HoursPlan {
    /// Checks hours against the unit's present day.
    ///
    /// # Errors
    /// Everything that is wrong, so that the form can show it all at once.
    pub fn check(asked: AskedHours<'_>, today: NaiveDate) -> Result<Self, Vec<HoursError>> {
        let mut errors = Vec::new();
        let rrule = rule_of(asked.weekdays).unwrap_or_else(|| {
            errors.push(HoursError::Weekdays);
            String::new()
        });
        let start_minute = minute_of(asked.start).filter(|&minute| minute < 1440);
        if start_minute.is_none() {
            errors.push(HoursError::Start);
        }
        let end_minute =
            minute_of(asked.end).filter(|&minute| minute > start_minute.unwrap_or_default());
        if end_minute.is_none() {
            errors.push(HoursError::End);
        }
        let horizon = today.checked_add_days(Days::new(PLAN_DAYS));
        let first_day = day_of(asked.first_day)
            .filter(|day| *day >= today && horizon.is_some_and(|horizon| *day <= horizon));
        if first_day.is_none() {
            errors.push(HoursError::FirstDay);
        }
        let last_day = match asked.last_day.trim() {
            "" => None,
            text => {
                let day = day_of(text).filter(|day| first_day.is_none_or(|first| *day >= first));
                if day.is_none() {
                    errors.push(HoursError::LastDay);
                }
                day
            }
        };
        match (start_minute, end_minute, first_day) {
            (Some(start_minute), Some(end_minute), Some(first_day)) if errors.is_empty() => {
                Ok(HoursPlan {
                    rrule,
                    first_day,
                    last_day,
                    start_minute,
                    end_minute,
                })
            }
            _ => Err(errors),
        }
    }
}

fn rule_of(codes: &[String]) -> Option<String> {
    let known = |code: &&String| WEEKDAYS.iter().any(|(_, known)| known == *code);
    if codes.is_empty() || !codes.iter().all(|code| known(&code)) {
        return None;
    }
    let chosen: Vec<&str> = WEEKDAYS
        .iter()
        .map(|(_, code)| *code)
        .filter(|code| codes.iter().any(|asked| asked == code))
        .collect();
    Some(if chosen.len() == WEEKDAYS.len() {
        "FREQ=DAILY".to_owned()
    } else {
        format!("FREQ=WEEKLY;BYDAY={}", chosen.join(","))
    })
}

/// The weekdays a stored rule chooses, when it is one of ours; for pages.
#[must_use]
pub fn weekdays_of(rrule: &str) -> Option<Vec<Weekday>> {
    if rrule == "FREQ=DAILY" {
        return Some(WEEKDAYS.iter().map(|(day, _)| *day).collect());
    }
    rrule
        .strip_prefix("FREQ=WEEKLY;BYDAY=")?
        .split(',')
        .map(|code| {
            WEEKDAYS
                .iter()
                .find(|(_, known)| *known == code)
                .map(|(day, _)| *day)
        })
        .collect()
}

/// Minutes of the day of `HH:MM`, in steps of five up to `24:00`.
#[must_use]
pub fn minute_of(text: &str) -> Option<i64> {
    let bytes = text.trim().as_bytes();
    let [h1, h2, b':', m1, m2] = *bytes else {
        return None;
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    let minute = hours * 60 + minutes;
    (minutes < 60 && minutes % 5 == 0 && minute <= 1440).then_some(minute)
}

/// A day as browsers send it; nothing looser, since years of five digits and
/// signs parse too.
#[must_use]
pub fn day_of(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    (text.len() == 10)
        .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .flatten()
}

/// A desk's label as typed, if it can be one.
#[must_use]
pub fn label_of(text: &str) -> Option<String> {
    let text = text.trim();
    let sound = !text.is_empty()
        && text.chars().count() <= LABEL_CHARS
        && !text.chars().any(char::is_control);
    sound.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::HoursError::{End, FirstDay, LastDay, Start, Weekdays};
    use super::*;

    fn check(
        (weekdays, start, end, first_day, last_day): (&str, &str, &str, &str, &str),
    ) -> Result<HoursPlan, Vec<HoursError>> {
        let weekdays: Vec<String> = weekdays.split_whitespace().map(ToOwned::to_owned).collect();
        HoursPlan::check(
            AskedHours {
                weekdays: &weekdays,
                start,
                end,
                first_day,
                last_day,
            },
            "2026-03-02".parse().unwrap(),
        )
    }

    #[test]
    fn sound_hours_become_a_rule_of_days() {
        for (asked, rrule, minutes) in [
            (
                ("MO", "08:00", "20:00", "2026-03-02", ""),
                "FREQ=WEEKLY;BYDAY=MO",
                (480, 1200),
            ),
            (
                ("SU MO SU", "00:00", "24:00", "2026-03-02", "2026-03-02"),
                "FREQ=WEEKLY;BYDAY=MO,SU",
                (0, 1440),
            ),
            (
                ("MO TU WE TH FR SA SU", "09:05", "09:35", "2028-03-01", ""),
                "FREQ=DAILY",
                (545, 575),
            ),
        ] {
            let plan = check(asked).unwrap();
            assert_eq!(plan.rrule, rrule);
            assert_eq!((plan.start_minute, plan.end_minute), minutes);
            assert!(crate::calendar::recurrence::DayRule::parse(&plan.rrule).is_ok());
            assert!(weekdays_of(&plan.rrule).is_some());
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        for (asked, expected) in [
            (("", "", "", "", ""), vec![Weekdays, Start, End, FirstDay]),
            (
                ("MO XX", "08:00", "20:00", "2026-03-02", ""),
                vec![Weekdays],
            ),
            (
                ("MO;COUNT=1", "08:00", "20:00", "2026-03-02", ""),
                vec![Weekdays],
            ),
            (("MO", "8:00", "20:00", "2026-03-02", ""), vec![Start]),
            (("MO", "24:00", "24:00", "2026-03-02", ""), vec![Start]),
            (("MO", "08:01", "20:00", "2026-03-02", ""), vec![Start]),
            (("MO", "08:60", "20:00", "2026-03-02", ""), vec![Start]),
            (("MO", "08:00", "08:00", "2026-03-02", ""), vec![End]),
            (("MO", "08:00", "07:00", "2026-03-02", ""), vec![End]),
            (("MO", "08:00", "24:05", "2026-03-02", ""), vec![End]),
            (("MO", "08:00", "-1:00", "2026-03-02", ""), vec![End]),
            (("MO", "08:00", "20:00", "2026-03-01", ""), vec![FirstDay]),
            (("MO", "08:00", "20:00", "2026-02-30", ""), vec![FirstDay]),
            (("MO", "08:00", "20:00", "9999-12-31", ""), vec![FirstDay]),
            (("MO", "08:00", "20:00", "+12026-3-2", ""), vec![FirstDay]),
            (
                ("MO", "08:00", "20:00", "2026-03-02", "2026-03-01"),
                vec![LastDay],
            ),
            (
                ("MO", "08:00", "20:00", "2026-03-02", "hier"),
                vec![LastDay],
            ),
            (
                ("é", "é8:00", "２０:00", "２０２６", "x"),
                vec![Weekdays, Start, End, FirstDay, LastDay],
            ),
        ] {
            assert_eq!(check(asked).unwrap_err(), expected, "{asked:?}");
        }
    }

    #[test]
    fn a_label_is_short_and_printable() {
        assert_eq!(label_of("  Guichet 1 "), Some("Guichet 1".into()));
        assert_eq!(label_of("<b>é</b>"), Some("<b>é</b>".into()));
        for wrong in ["", "   ", "a\nb", "a\u{0}b", &"é".repeat(61)] {
            assert_eq!(label_of(wrong), None, "{wrong:?}");
        }
    }
}
