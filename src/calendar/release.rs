//! How a unit lets go of its slots, so that whoever takes everything at the horizon's
//! edge cannot starve the others: a share of each desk's slots is offered at once, a
//! second some days before, the rest on the evening before. Pure: which slot belongs to
//! which share follows from its desk and its start alone, so nothing is stored, every
//! process says the same, and what was released stays so.
//!
//! It is off (everything at once) unless an administrator sets it: where nobody hoards,
//! it only hides times that people could have had. It makes taking everything slower, not
//! impossible: how much one identity may book is [`crate::booking`]'s affair.

use chrono::Days;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::recurrence::{day_of, instant_of};
use super::slots::Slot;
use crate::clock::Timestamp;
use crate::db::Id;

/// The hour of the evening before, in minutes of the day.
const EVENING_MINUTE: i64 = 18 * 60;
/// The hour of the second release.
const SECOND_MINUTE: i64 = 12 * 60;
/// What is released last can still be booked for so long, whatever notice the unit asks.
const LEAST_MINUTES: i64 = 12 * 60;

/// A unit's shares. The rest, on the evening before, is what they leave of a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct ReleaseRule {
    /// Percent of each desk's slots that are offered at the horizon's edge.
    #[sqlx(rename = "release_first")]
    pub first_percent: i64,
    /// Percent that are offered some days before.
    #[sqlx(rename = "release_second")]
    pub second_percent: i64,
    /// How many days before that is.
    #[sqlx(rename = "release_days")]
    pub second_days: i64,
}

impl Default for ReleaseRule {
    /// Everything at once.
    fn default() -> Self {
        ReleaseRule {
            first_percent: 100,
            second_percent: 0,
            second_days: 7,
        }
    }
}

/// In which share a slot of a desk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// Offered at the horizon's edge.
    First,
    /// Offered some days before.
    Second,
    /// Offered on the evening before.
    Last,
}

/// What of a unit's other rules decides about the release.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The unit's zone.
    pub zone: Tz,
    /// Slot and buffer together.
    pub step_minutes: i64,
    /// The unit's notice.
    pub notice_minutes: i64,
}

impl ReleaseRule {
    /// Whether everything is offered at once.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.first_percent >= 100
    }

    /// The share of a desk's slot. Slots that follow one another are spread over the
    /// shares as evenly as can be (multiples of the golden ratio), so that every day has
    /// some of each, wherever it begins.
    #[must_use]
    pub fn share(&self, desk_id: &Id, starts_at: Timestamp, step_minutes: i64) -> Share {
        let place = starts_at.0.div_euclid(step_minutes.max(1) * 60_000);
        // 2^64 divided by the golden ratio: the fraction of its multiples is what the
        // lower 64 bits of the product are.
        let turned = place.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let turned = turned.wrapping_add(hash(desk_id));
        let percent = i64::try_from((u128::from(turned) * 100) >> 64).unwrap_or(0);
        if percent < self.first_percent {
            Share::First
        } else if percent < self.first_percent + self.second_percent {
            Share::Second
        } else {
            Share::Last
        }
    }

    /// From which instant on a slot of a share is offered; none for the first, which is as
    /// soon as the horizon reaches it. Whatever the unit's notice, there is time to book it.
    #[must_use]
    pub fn released_at(
        &self,
        share: Share,
        starts_at: Timestamp,
        setting: Setting,
    ) -> Option<Timestamp> {
        let zone = setting.zone;
        let day = day_of(starts_at, zone);
        let before = |days: i64, minute| {
            let days = u64::try_from(days).unwrap_or_default();
            let earlier = day.checked_sub_days(Days::new(days)).unwrap_or(day);
            instant_of(earlier, minute, zone)
        };
        let latest = starts_at.plus_minutes(-setting.notice_minutes - LEAST_MINUTES);
        let last = before(1, EVENING_MINUTE).min(latest);
        match share {
            Share::First => None,
            Share::Second => Some(before(self.second_days, SECOND_MINUTE).min(last)),
            Share::Last => Some(last),
        }
    }

    /// Whether a desk's slot is offered by now.
    #[must_use]
    pub fn is_released(
        &self,
        desk_id: &Id,
        starts_at: Timestamp,
        setting: Setting,
        now: Timestamp,
    ) -> bool {
        let share = self.share(desk_id, starts_at, setting.step_minutes);
        let at = self.released_at(share, starts_at, setting);
        at.is_none_or(|at| at <= now)
    }

    /// What of free slots is offered by now: desks whose slot is not are left out.
    #[must_use]
    pub fn released(&self, slots: Vec<Slot>, setting: Setting, now: Timestamp) -> Vec<Slot> {
        if self.is_off() {
            return slots;
        }
        slots
            .into_iter()
            .map(|mut slot| {
                let starts_at = slot.starts_at;
                slot.desks
                    .retain(|desk_id| self.is_released(desk_id, starts_at, setting, now));
                slot
            })
            .filter(|slot| !slot.desks.is_empty())
            .collect()
    }
}

/// FNV-1a: the same in every process and for ever, which the library's hashers are not.
fn hash(desk_id: &Id) -> u64 {
    desk_id
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::at;
    use proptest::prelude::*;

    const STAGED: ReleaseRule = ReleaseRule {
        first_percent: 50,
        second_percent: 30,
        second_days: 7,
    };

    fn setting(notice_minutes: i64) -> Setting {
        Setting {
            zone: chrono_tz::Europe::Paris,
            step_minutes: 30,
            notice_minutes,
        }
    }

    #[test]
    fn shares_are_released_at_their_hour_and_in_time_to_be_booked() {
        for (share, starts_at, notice, expected) in [
            (Share::First, "2026-03-12T09:00:00Z", 0, None),
            // Noon in Paris, seven days before; six in the evening, the day before.
            (
                Share::Second,
                "2026-03-12T09:00:00Z",
                120,
                Some("2026-03-05T11:00:00Z"),
            ),
            (
                Share::Last,
                "2026-03-12T09:00:00Z",
                120,
                Some("2026-03-11T17:00:00Z"),
            ),
            // Summer time began in between.
            (
                Share::Second,
                "2026-03-31T08:00:00Z",
                0,
                Some("2026-03-24T11:00:00Z"),
            ),
            // A day of notice: the evening before would be too late for everybody.
            (
                Share::Last,
                "2026-03-12T09:00:00Z",
                1_440,
                Some("2026-03-10T21:00:00Z"),
            ),
            // Two weeks of notice reach behind the second release.
            (
                Share::Second,
                "2026-03-19T09:00:00Z",
                20_160,
                Some("2026-03-04T21:00:00Z"),
            ),
        ] {
            let found = STAGED.released_at(share, at(starts_at), setting(notice));
            assert_eq!(found, expected.map(at), "{share:?} {starts_at} {notice}");
        }
    }

    proptest! {
        /// Released and held back together are all the slots, at any instant; each slot is
        /// released once, stays so, and leaves time to be booked.
        #[test]
        fn every_slot_is_released_once_and_in_time(
            first in 0_i64..=100,
            second in 0_i64..=100,
            second_days in 1_i64..60,
            notice in 0_i64..20_160,
            step in 1_i64..48,
            begin in 1_760_000_000_000_i64..1_800_000_000_000,
            instants in prop::collection::vec(0_i64..50_000, 1..6),
        ) {
            let rule = ReleaseRule {
                first_percent: first,
                second_percent: second.min(100 - first),
                second_days,
            };
            let setting = Setting { step_minutes: step * 5, ..setting(notice) };
            let desks: Vec<Id> = ["a", "b"].into_iter().map(Id::from).collect();
            let all: Vec<Slot> = (0..40)
                .map(|place| {
                    let starts_at = Timestamp(begin).plus_minutes(place * step * 5);
                    let ends_at = starts_at.plus_minutes(step * 5);
                    Slot { starts_at, ends_at, desks: desks.clone() }
                })
                .collect();
            let mut instants = instants;
            instants.sort_unstable();
            let mut before: Vec<(Timestamp, Id)> = Vec::new();
            for minutes in instants {
                let now = Timestamp(begin).plus_minutes(minutes - 45_000);
                let released: Vec<(Timestamp, Id)> = rule
                    .released(all.clone(), setting, now)
                    .into_iter()
                    .flat_map(|slot| slot.desks.into_iter().map(move |desk| (slot.starts_at, desk)))
                    .collect();
                for slot in &all {
                    for desk in &slot.desks {
                        let told = released
                            .iter()
                            .filter(|(starts_at, one)| *starts_at == slot.starts_at && one == desk)
                            .count();
                        let is = rule.is_released(desk, slot.starts_at, setting, now);
                        prop_assert_eq!(told, usize::from(is));
                    }
                }
                prop_assert!(before.iter().all(|one| released.contains(one)), "taken back");
                before = released;
            }
            for slot in &all {
                let last = slot.starts_at.plus_minutes(-notice - 1);
                for desk in &slot.desks {
                    prop_assert!(rule.is_released(desk, slot.starts_at, setting, last), "never");
                }
            }
        }

        /// Any dozen slots of a desk that follow one another hold some of each share.
        #[test]
        fn shares_are_what_they_say_on_every_day(
            place in 0_i64..100_000,
            desk in "[a-z]{1,8}",
            first in 0_i64..=100,
            second in 0_i64..=100,
        ) {
            let rule = ReleaseRule {
                first_percent: first,
                second_percent: second.min(100 - first),
                second_days: 7,
            };
            let desk = Id(desk);
            let count = |many: i64, wanted: Share| {
                (place..place + many)
                    .filter(|place| rule.share(&desk, Timestamp(place * 1_800_000), 30) == wanted)
                    .count() as f64
            };
            for many in [12_i64, 16, 24, 48] {
                let due = |percent: i64| many as f64 * percent as f64 / 100.0;
                // Multiples of the golden ratio are never off by as much as three.
                prop_assert!((count(many, Share::First) - due(rule.first_percent)).abs() < 3.0);
                let second = rule.second_percent;
                prop_assert!((count(many, Share::Second) - due(second)).abs() < 3.0);
            }
        }
    }
}
