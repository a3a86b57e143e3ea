//! The rules of a unit's slots as an administrator sets them, checked. Pure. The
//! bounds are those of the table `units`.

use serde::{Deserialize, Serialize};

use super::Unit;
use super::release::ReleaseRule;
use crate::clock::Timestamp;

/// Rules known to be sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRules {
    /// Length of a hearing, in minutes.
    pub slot_minutes: i64,
    /// Pause after each, in minutes.
    pub buffer_minutes: i64,
    /// Shortest notice for booking, moving or calling off, in minutes.
    pub notice_minutes: i64,
    /// How many days ahead slots are offered.
    pub horizon_days: i64,
    /// Whether desks open on public holidays as on other days.
    pub opens_on_holidays: bool,
    /// How slots are let go of.
    pub release: ReleaseRule,
}

/// A rule that cannot be as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Not 5 to 240 minutes in steps of five.
    #[error("not a length of slots")]
    Slot,
    /// Not 0 to 120 minutes in steps of five.
    #[error("not a pause")]
    Buffer,
    /// Not 0 to 14 days, in minutes.
    #[error("not a notice")]
    Notice,
    /// Not 1 to 366 days.
    #[error("not a horizon")]
    Horizon,
    /// Not 0 to 100 percent.
    #[error("not a first share")]
    ReleaseFirst,
    /// Not 0 to what the first share leaves.
    #[error("not a second share")]
    ReleaseSecond,
    /// Not 1 to 60 days.
    #[error("not a number of days before")]
    ReleaseDays,
}

/// A release as a person typed it.
#[derive(Clone, Copy, Debug)]
pub struct AskedRelease<'a> {
    /// Percent.
    pub first: &'a str,
    /// Percent.
    pub second: &'a str,
    /// Days.
    pub days: &'a str,
}

/// Rules as a person typed them.
#[derive(Clone, Copy, Debug)]
pub struct AskedRules<'a> {
    /// Minutes.
    pub slot: &'a str,
    /// Minutes.
    pub buffer: &'a str,
    /// Minutes.
    pub notice: &'a str,
    /// Days.
    pub horizon: &'a str,
    /// Whether the box was ticked.
    pub opens_on_holidays: bool,
    /// How slots are let go of; none for all at once.
    pub release: Option<AskedRelease<'a>>,
}

/// A change of a unit's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesChange {
    /// Its number, from 1.
    pub version: i64,
    /// The rules before.
    pub former: UnitRules,
    /// The rules since.
    pub rules: UnitRules,
    /// When.
    pub set_at: Timestamp,
    /// By whom, as an actor.
    pub set_by: String,
    /// The version that this one took back.
    pub undoes: Option<i64>,
}

impl UnitRules {
    /// The rules of a unit as they stand.
    #[must_use]
    pub fn of(unit: &Unit) -> Self {
        UnitRules {
            slot_minutes: unit.slot_minutes,
            buffer_minutes: unit.buffer_minutes,
            notice_minutes: unit.notice_minutes,
            horizon_days: unit.horizon_days,
            opens_on_holidays: unit.opens_on_holidays,
            release: unit.release,
        }
    }

    /// Checks rules.
    ///
    /// # Errors
    /// Everything that is wrong, so that the form can show it all at once.
    pub fn check(asked: AskedRules<'_>) -> Result<Self, Vec<RulesError>> {
        let mut errors = Vec::new();
        let mut read = |text: &str, (least, most, step): (i64, i64, i64), error| {
            let number = text.trim().parse::<i64>().ok();
            let sound = number.filter(|it| (least..=most).contains(it) && it % step == 0);
            if sound.is_none() {
                errors.push(error);
            }
            sound.unwrap_or_default()
        };
        let rules = UnitRules {
            slot_minutes: read(asked.slot, (5, 240, 5), RulesError::Slot),
            buffer_minutes: read(asked.buffer, (0, 120, 5), RulesError::Buffer),
            notice_minutes: read(asked.notice, (0, 14 * 1440, 1), RulesError::Notice),
            horizon_days: read(asked.horizon, (1, 366, 1), RulesError::Horizon),
            opens_on_holidays: asked.opens_on_holidays,
            release: asked.release.map_or_else(ReleaseRule::default, |release| {
                let first = read(release.first, (0, 100, 1), RulesError::ReleaseFirst);
                ReleaseRule {
                    first_percent: first,
                    second_percent: read(
                        release.second,
                        (0, 100 - first, 1),
                        RulesError::ReleaseSecond,
                    ),
                    second_days: read(release.days, (1, 60, 1), RulesError::ReleaseDays),
                }
            }),
        };
        if errors.is_empty() {
            Ok(rules)
        } else {
            Err(errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_taken_within_their_bounds_and_told_all_at_once_beyond() {
        use RulesError::{Buffer, Horizon, Notice, Slot};
        for (slot, buffer, notice, horizon, expected) in [
            ("30", "0", "120", "31", vec![]),
            (" 45 ", "5", "0", "366", vec![]),
            ("5", "120", "20160", "1", vec![]),
            ("0", "0", "0", "1", vec![Slot]),
            ("32", "3", "0", "1", vec![Slot, Buffer]),
            (
                "245",
                "125",
                "20161",
                "367",
                vec![Slot, Buffer, Notice, Horizon],
            ),
            ("-5", "-5", "-1", "0", vec![Slot, Buffer, Notice, Horizon]),
            (
                "",
                "x",
                "1.5",
                "99999999999999999999",
                vec![Slot, Buffer, Notice, Horizon],
            ),
        ] {
            let asked = AskedRules {
                slot,
                buffer,
                notice,
                horizon,
                opens_on_holidays: true,
                release: None,
            };
            let errors = UnitRules::check(asked).err().unwrap_or_default();
            assert_eq!(errors, expected, "{slot} {buffer} {notice} {horizon}");
        }
    }

    #[test]
    fn shares_are_percents_that_leave_something_or_nothing_for_the_last() {
        use RulesError::{ReleaseDays, ReleaseFirst, ReleaseSecond};
        for (first, second, days, expected) in [
            ("50", "30", "7", vec![]),
            ("0", "0", "1", vec![]),
            ("100", "0", "60", vec![]),
            ("60", "41", "7", vec![ReleaseSecond]),
            (
                "101",
                "x",
                "0",
                vec![ReleaseFirst, ReleaseSecond, ReleaseDays],
            ),
            (
                "-1",
                "-1",
                "61",
                vec![ReleaseFirst, ReleaseSecond, ReleaseDays],
            ),
        ] {
            let asked = AskedRules {
                slot: "30",
                buffer: "0",
                notice: "0",
                horizon: "31",
                opens_on_holidays: true,
                release: Some(AskedRelease {
                    first,
                    second,
                    days,
                }),
            };
            let errors = UnitRules::check(asked).err().unwrap_or_default();
            assert_eq!(errors, expected, "{first} {second} {days}");
        }
    }
}
