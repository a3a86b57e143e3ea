//! Which slots are free. Pure: openings, absences and occupancy in, slots out.
//!
//! A slot starts at its opening's start or a whole number of steps (slot and
//! buffer) later, lies whole within the opening, touches no absence, and its
//! slot and buffer touch no five minutes that the desk has given away. Several
//! desks that are free at the same instant make one slot with a capacity.

use std::collections::BTreeMap;

use super::recurrence::Range;
use crate::clock::Timestamp;
use crate::db::Id;

/// A desk's time is given away by pieces of five minutes.
pub const QUANTUM_MS: i64 = 300_000;

/// What a unit's settings say of its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRules {
    /// Length of a hearing.
    pub slot_minutes: i64,
    /// Pause kept after each.
    pub buffer_minutes: i64,
}

/// A desk with all that decides when it is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskTimes {
    /// The desk.
    pub desk_id: Id,
    /// When it is open, in any order.
    pub openings: Vec<Range>,
    /// When it, or its whole unit, is away.
    pub absences: Vec<Range>,
    /// The five minutes given away, sorted.
    pub occupied: Vec<i64>,
}

/// A time at which a hearing can start, and the desks that could take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Start.
    pub starts_at: Timestamp,
    /// End of the hearing; the buffer comes after.
    pub ends_at: Timestamp,
    /// Desks that are free, in a fixed order; never empty.
    pub desks: Vec<Id>,
}

impl Slot {
    /// How many people can still take it.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.desks.len()
    }
}

/// The five-minute pieces that a slot and its buffer take of a desk: first and
/// last, both included.
#[must_use]
pub fn quanta(starts_at: Timestamp, ends_at: Timestamp, buffer_minutes: i64) -> (i64, i64) {
    let end = ends_at.plus_minutes(buffer_minutes);
    (
        starts_at.0.div_euclid(QUANTUM_MS),
        (end.0 - 1).div_euclid(QUANTUM_MS),
    )
}

/// Every slot that starts within the window, in order.
#[must_use]
pub fn offered(rules: SlotRules, desks: &[DeskTimes], window: Range) -> Vec<Slot> {
    let mut slots: BTreeMap<Timestamp, Slot> = BTreeMap::new();
    for desk in desks {
        for (starts_at, ends_at) in desk_starts(rules, desk, window) {
            slots
                .entry(starts_at)
                .or_insert_with(|| Slot {
                    starts_at,
                    ends_at,
                    desks: Vec::new(),
                })
                .desks
                .push(desk.desk_id.clone());
        }
    }
    slots.into_values().collect()
}

fn desk_starts(rules: SlotRules, desk: &DeskTimes, window: Range) -> Vec<(Timestamp, Timestamp)> {
    let step = rules.slot_minutes + rules.buffer_minutes;
    if rules.slot_minutes <= 0 || rules.buffer_minutes < 0 {
        return Vec::new();
    }
    let mut starts = Vec::new();
    for opening in merged(&desk.openings) {
        // The first step at or after the window, so that a window far into a
        // long opening costs nothing.
        let skipped = (window.from.0 - opening.from.0).max(0) as u64;
        let steps = skipped.div_ceil(step as u64 * 60_000) as i64;
        let mut starts_at = opening.from.plus_minutes(steps * step);
        loop {
            let ends_at = starts_at.plus_minutes(rules.slot_minutes);
            if ends_at > opening.to || starts_at >= window.to {
                break;
            }
            let slot = Range {
                from: starts_at,
                to: ends_at,
            };
            let (first, last) = quanta(starts_at, ends_at, rules.buffer_minutes);
            let next_taken = desk.occupied.partition_point(|&quantum| quantum < first);
            let free = desk
                .occupied
                .get(next_taken)
                .is_none_or(|&quantum| quantum > last);
            if free && !desk.absences.iter().any(|away| away.overlaps(&slot)) {
                starts.push((starts_at, ends_at));
            }
            starts_at = starts_at.plus_minutes(step);
        }
    }
    starts
}

/// Openings that overlap are one opening; those that only touch stay two, each
/// with slots counted from its own start.
fn merged(openings: &[Range]) -> Vec<Range> {
    let mut sorted: Vec<Range> = openings
        .iter()
        .copied()
        .filter(|opening| opening.from < opening.to)
        .collect();
    sorted.sort();
    let mut merged: Vec<Range> = Vec::with_capacity(sorted.len());
    for opening in sorted {
        match merged.last_mut() {
            Some(last) if opening.from < last.to => last.to = last.to.max(opening.to),
            _ => merged.push(opening),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::calendar::recurrence::{instant_of, whole_day};
    use chrono::NaiveDate;
    use chrono_tz::{Europe, Indian, Tz};

    const HALF_HOURS: SlotRules = SlotRules {
        slot_minutes: 30,
        buffer_minutes: 0,
    };

    fn minute(text: &str) -> i64 {
        let (hours, minutes) = text.split_once(':').unwrap();
        hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap()
    }

    struct Day {
        date: NaiveDate,
        zone: Tz,
    }

    impl Day {
        fn new(date: &str, zone: Tz) -> Self {
            Day {
                date: date.parse().unwrap(),
                zone,
            }
        }

        fn range(&self, from: &str, to: &str) -> Range {
            Range {
                from: instant_of(self.date, minute(from), self.zone),
                to: instant_of(self.date, minute(to), self.zone),
            }
        }

        fn desk(
            &self,
            name: &str,
            openings: &[(&str, &str)],
            absences: &[(&str, &str)],
            taken: &[(&str, &str)],
        ) -> DeskTimes {
            let ranges = |list: &[(&str, &str)]| {
                list.iter()
                    .map(|(from, to)| self.range(from, to))
                    .collect::<Vec<_>>()
            };
            let mut occupied: Vec<i64> = ranges(taken)
                .iter()
                .flat_map(|range| {
                    let (first, last) = quanta(range.from, range.to, 0);
                    first..=last
                })
                .collect();
            occupied.sort_unstable();
            DeskTimes {
                desk_id: name.into(),
                openings: ranges(openings),
                absences: ranges(absences),
                occupied,
            }
        }

        /// Slots as "HH:MM" on the unit's wall, with the capacity where it is not one.
        fn shown(&self, slots: &[Slot]) -> Vec<String> {
            slots
                .iter()
                .map(|slot| {
                    let wall = slot
                        .starts_at
                        .in_zone(self.zone)
                        .format("%H:%M")
                        .to_string();
                    if slot.capacity() == 1 {
                        wall
                    } else {
                        format!("{wall}×{}", slot.capacity())
                    }
                })
                .collect()
        }

        fn check(&self, rules: SlotRules, desks: &[DeskTimes], expected: &[&str]) {
            let slots = offered(rules, desks, whole_day(self.date, self.zone));
            assert_eq!(self.shown(&slots), expected);
        }
    }

    #[test]
    fn slots_fill_openings_and_leave_absences_and_bookings_out() {
        let day = Day::new("2026-03-03", Europe::Paris);
        let with =
            |openings: &[(&str, &str)], absences: &[(&str, &str)], taken: &[(&str, &str)]| {
                [day.desk("a", openings, absences, taken)]
            };
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "11:00")], &[], &[]),
            &["09:00", "09:30", "10:00", "10:30"],
        );
        // The last slot lies whole within the opening.
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "10:20")], &[], &[]),
            &["09:00", "09:30"],
        );
        day.check(HALF_HOURS, &with(&[("09:00", "09:25")], &[], &[]), &[]);
        // Aligned from the opening's own start.
        day.check(
            HALF_HOURS,
            &with(&[("09:10", "10:30"), ("14:05", "15:05")], &[], &[]),
            &["09:10", "09:40", "14:05", "14:35"],
        );
        // Overlapping openings are one; touching ones are two.
        day.check(
            HALF_HOURS,
            &with(&[("09:45", "11:00"), ("09:00", "10:00")], &[], &[]),
            &["09:00", "09:30", "10:00", "10:30"],
        );
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "09:45"), ("09:45", "10:30")], &[], &[]),
            &["09:00", "09:45"],
        );
        // An absence takes every slot it touches, however little.
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "11:00")], &[("09:29", "09:31")], &[]),
            &["10:00", "10:30"],
        );
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "11:00")], &[("09:30", "10:00")], &[]),
            &["09:00", "10:00", "10:30"],
        );
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "11:00")], &[("00:00", "24:00")], &[]),
            &[],
        );
        // A booking takes its own time only.
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "11:00")], &[], &[("09:30", "10:00")]),
            &["09:00", "10:00", "10:30"],
        );
        // One that was made when slots were 45 minutes long takes what it covers.
        day.check(
            HALF_HOURS,
            &with(&[("09:00", "11:00")], &[], &[("09:00", "09:45")]),
            &["10:00", "10:30"],
        );
        day.check(HALF_HOURS, &with(&[], &[], &[]), &[]);
    }

    #[test]
    fn a_buffer_follows_every_slot_and_may_overhang_the_opening() {
        let day = Day::new("2026-03-03", Europe::Paris);
        let rules = SlotRules {
            slot_minutes: 45,
            buffer_minutes: 15,
        };
        day.check(
            rules,
            &[day.desk("a", &[("09:00", "11:45")], &[], &[])],
            &["09:00", "10:00", "11:00"],
        );
        // The buffer of 09:00 would cover 09:45, which is taken; 10:00 is after its own end.
        day.check(
            rules,
            &[day.desk("a", &[("09:00", "11:45")], &[], &[("09:45", "09:50")])],
            &["10:00", "11:00"],
        );
        // An absence may fall in the pause.
        day.check(
            rules,
            &[day.desk("a", &[("09:00", "11:45")], &[("09:45", "10:00")], &[])],
            &["09:00", "10:00", "11:00"],
        );
    }

    #[test]
    fn desks_that_are_free_together_make_one_slot() {
        let day = Day::new("2026-03-03", Europe::Paris);
        let desks = [
            day.desk("a", &[("09:00", "10:30")], &[], &[("09:30", "10:00")]),
            day.desk("b", &[("09:00", "10:30")], &[("10:00", "10:30")], &[]),
            day.desk("c", &[("09:15", "09:45")], &[], &[]),
        ];
        day.check(HALF_HOURS, &desks, &["09:00×2", "09:15", "09:30", "10:00"]);
        let slots = offered(HALF_HOURS, &desks, whole_day(day.date, day.zone));
        assert_eq!(slots[0].desks, [Id::from("a"), Id::from("b")]);
    }

    #[test]
    fn only_starts_within_the_window_are_given() {
        let day = Day::new("2026-03-03", Europe::Paris);
        let desks = [day.desk("a", &[("08:00", "20:00")], &[], &[])];
        for (from, to, expected) in [
            ("10:00", "11:00", vec!["10:00", "10:30"]),
            ("10:01", "11:00", vec!["10:30"]),
            ("09:59", "10:01", vec!["10:00"]),
            ("19:31", "24:00", vec![]),
            ("00:00", "08:00", vec![]),
            ("11:00", "10:00", vec![]),
        ] {
            let slots = offered(HALF_HOURS, &desks, day.range(from, to));
            assert_eq!(day.shown(&slots), expected, "{from} to {to}");
        }
    }

    #[test]
    fn a_night_that_changes_hour_has_neither_a_missing_nor_a_doubled_hour() {
        // Spring in Paris: five hours on the wall, four in fact.
        let spring = Day::new("2026-03-29", Europe::Paris);
        let hours = SlotRules {
            slot_minutes: 60,
            buffer_minutes: 0,
        };
        spring.check(
            hours,
            &[spring.desk("a", &[("00:00", "05:00")], &[], &[])],
            &["00:00", "01:00", "03:00", "04:00"],
        );
        // An opening that only exists on the wall is empty.
        spring.check(
            HALF_HOURS,
            &[spring.desk("a", &[("02:00", "03:00")], &[], &[])],
            &[],
        );
        // Openings that touch in the missing hour do not overlap.
        spring.check(
            HALF_HOURS,
            &[spring.desk("a", &[("01:00", "02:30"), ("02:30", "04:00")], &[], &[])],
            &["01:00", "01:30", "03:00", "03:30"],
        );
        // Autumn: five hours on the wall, six in fact.
        let autumn = Day::new("2026-10-25", Europe::Paris);
        autumn.check(
            hours,
            &[autumn.desk("a", &[("00:00", "05:00")], &[], &[])],
            &["00:00", "01:00", "02:00", "02:00", "03:00", "04:00"],
        );
        let split = autumn.desk("a", &[("01:00", "02:30"), ("02:30", "04:00")], &[], &[]);
        let slots = offered(HALF_HOURS, &[split], whole_day(autumn.date, autumn.zone));
        assert_eq!(slots.len(), 8);
        assert!(
            slots
                .windows(2)
                .all(|pair| pair[0].ends_at == pair[1].starts_at)
        );
        // Réunion never changes: the same night has plain hours.
        let overseas = Day::new("2026-10-25", Indian::Reunion);
        overseas.check(
            hours,
            &[overseas.desk("a", &[("00:00", "04:00")], &[], &[])],
            &["00:00", "01:00", "02:00", "03:00"],
        );
    }

    #[test]
    fn settings_that_cannot_be_offer_nothing() {
        let day = Day::new("2026-03-03", Europe::Paris);
        for (slot_minutes, buffer_minutes) in [(0, 0), (-30, 0), (30, -5), (0, 5)] {
            day.check(
                SlotRules {
                    slot_minutes,
                    buffer_minutes,
                },
                &[day.desk("a", &[("09:00", "11:00")], &[], &[])],
                &[],
            );
        }
    }

    /// A small generator of its own (xorshift), so that a failure can be replayed.
    fn dice(seed: &mut u64, sides: u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed % sides
    }

    #[test]
    fn no_offered_slot_ever_overlaps_anything_whatever_the_day() {
        for seed in 1..400_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let dates = ["2026-03-29", "2026-10-25", "2026-07-01"];
            let day = Day::new(dates[dice(&mut state, 3) as usize], Europe::Paris);
            let whole = whole_day(day.date, day.zone);
            let length = (whole.to.0 - whole.from.0) / QUANTUM_MS;
            let mut range = || {
                let from = dice(&mut state, length as u64) as i64;
                let to = from + 1 + dice(&mut state, 40) as i64;
                Range {
                    from: Timestamp(whole.from.0 + from * QUANTUM_MS),
                    to: Timestamp(whole.from.0 + to * QUANTUM_MS),
                }
            };
            let openings = vec![range(), range(), range()];
            let absences = vec![range()];
            let taken = [range(), range()];
            let mut occupied: Vec<i64> = taken
                .iter()
                .flat_map(|taken| {
                    let (first, last) = quanta(taken.from, taken.to, 0);
                    first..=last
                })
                .collect();
            occupied.sort_unstable();
            let rules = SlotRules {
                slot_minutes: 5 + 5 * dice(&mut state, 12) as i64,
                buffer_minutes: 5 * dice(&mut state, 4) as i64,
            };
            let desk = DeskTimes {
                desk_id: "a".into(),
                openings: openings.clone(),
                absences: absences.clone(),
                occupied,
            };
            let slots = offered(rules, &[desk], whole);
            for slot in &slots {
                let hearing = Range {
                    from: slot.starts_at,
                    to: slot.ends_at,
                };
                let claimed = Range {
                    from: slot.starts_at,
                    to: slot.ends_at.plus_minutes(rules.buffer_minutes),
                };
                assert_eq!(
                    slot.ends_at.0 - slot.starts_at.0,
                    rules.slot_minutes * 60_000
                );
                assert!(
                    !absences.iter().any(|away| away.overlaps(&hearing)),
                    "seed {seed}"
                );
                assert!(
                    !taken.iter().any(|taken| taken.overlaps(&claimed)),
                    "seed {seed}"
                );
                // Every minute of it lies in some opening.
                for minute in 0..rules.slot_minutes {
                    let at = slot.starts_at.plus_minutes(minute);
                    assert!(
                        openings.iter().any(|open| open.from <= at && at < open.to),
                        "seed {seed}"
                    );
                }
            }
            let ordered = slots
                .windows(2)
                .all(|pair| pair[0].ends_at <= pair[1].starts_at);
            assert!(
                ordered,
                "one desk never offers two slots at once, seed {seed}"
            );
        }
    }
}
