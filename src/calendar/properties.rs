//! What must hold of the calendar whatever administrators and people do, tried on
//! hundreds of made-up days and weeks.

#![allow(clippy::unwrap_used)]

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::recurrence::{Range, instant_of, whole_day};
use super::slots::{DeskTimes, QUANTUM_MS, SlotRules, offered, quanta};
use super::*;

const ZONES: [&str; 10] = [
    "Europe/Paris",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "Indian/Reunion",
    "Indian/Mayotte",
    "America/Miquelon",
    "Pacific/Noumea",
    "Pacific/Tahiti",
    "Pacific/Wallis",
];

fn first_of_2026() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
}

/// Ranges of a few hours within two days, in steps of five minutes.
fn ranges(most: usize) -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0_i64..576, 1_i64..150), 0..most)
}

fn unit(zone: &str, notice_minutes: i64, opens_on_holidays: bool) -> Unit {
    Unit {
        id: "u".into(),
        department: "67".into(),
        kind: UnitKind::Police,
        name: String::new(),
        address: String::new(),
        postal_code: String::new(),
        city: String::new(),
        phone: String::new(),
        email: String::new(),
        time_zone: zone.into(),
        slot_minutes: 30,
        buffer_minutes: 0,
        notice_minutes,
        horizon_days: 31,
        opens_on_holidays,
        release: ReleaseRule::default(),
        facts: PublicFacts::default(),
        closed_at: None,
    }
}

proptest! {
    /// Any day of the year, in any zone, nights of change included.
    #[test]
    fn no_slot_offered_touches_what_is_given_away_or_away(
        day in 0_u64..365,
        zone in 0_usize..10,
        opened in ranges(4),
        away in ranges(4),
        taken in ranges(4),
        (slot, buffer) in (1_i64..24, 0_i64..6),
    ) {
        let zone: Tz = ZONES[zone].parse().unwrap();
        let date = first_of_2026().checked_add_days(Days::new(day)).unwrap();
        let midnight = instant_of(date, 0, zone);
        let range = |&(from, length): &(i64, i64)| Range {
            from: midnight.plus_minutes(from * 5),
            to: midnight.plus_minutes((from + length) * 5),
        };
        let openings: Vec<Range> = opened.iter().map(range).collect();
        let absences: Vec<Range> = away.iter().map(range).collect();
        let given: Vec<Range> = taken.iter().map(range).collect();
        let mut occupied: Vec<i64> = given
            .iter()
            .flat_map(|given| {
                let (first, last) = quanta(given.from, given.to, 0);
                first..=last
            })
            .collect();
        occupied.sort_unstable();
        occupied.dedup();
        let desk = DeskTimes {
            desk_id: "d".into(),
            openings: openings.clone(),
            absences: absences.clone(),
            occupied: occupied.clone(),
        };
        let rules = SlotRules { slot_minutes: slot * 5, buffer_minutes: buffer * 5 };
        let window = whole_day(date, zone);
        let found = offered(rules, &[desk], window);
        for slot in &found {
            prop_assert!(window.from <= slot.starts_at && slot.starts_at < window.to);
            prop_assert_eq!(slot.ends_at, slot.starts_at.plus_minutes(rules.slot_minutes));
            let hearing = Range { from: slot.starts_at, to: slot.ends_at };
            prop_assert!(!absences.iter().any(|away| away.overlaps(&hearing)));
            let with_buffer = Range {
                from: slot.starts_at,
                to: slot.ends_at.plus_minutes(rules.buffer_minutes),
            };
            let in_given = occupied.iter().any(|quantum| {
                let piece = Range {
                    from: Timestamp(quantum * QUANTUM_MS),
                    to: Timestamp((quantum + 1) * QUANTUM_MS),
                };
                piece.overlaps(&with_buffer)
            });
            prop_assert!(!in_given);
            // Every minute of it lies in some opening.
            let mut at = slot.starts_at;
            while at < slot.ends_at {
                let open = openings.iter().any(|open| open.from <= at && at < open.to);
                prop_assert!(open, "{:?} is closed", at);
                at = at.plus_minutes(5);
            }
        }
        for pair in found.windows(2) {
            prop_assert!(pair[0].starts_at < pair[1].starts_at);
        }
    }

    /// Notice, horizon, exceptions and holidays, through what the pages call.
    #[test]
    fn no_slot_is_offered_within_the_notice_on_an_exception_or_on_a_closed_holiday(
        day in 0_u64..365,
        minute in 0_i64..1440,
        zone in 0_usize..10,
        notice in 0_i64..4000,
        exception in 0_u64..8,
        opens_on_holidays: bool,
    ) {
        let unit = unit(ZONES[zone], notice, opens_on_holidays);
        let zone = unit.zone();
        let date = first_of_2026().checked_add_days(Days::new(day)).unwrap();
        let now = instant_of(date, minute, zone);
        let left_out = date.checked_add_days(Days::new(exception)).unwrap();
        let hours = [OpeningHours {
            id: "h".into(),
            desk_id: "d".into(),
            rrule: "FREQ=DAILY".into(),
            first_day: "2020-01-01".into(),
            last_day: None,
            start_minute: 0,
            end_minute: 1440,
        }];
        let exceptions = [(Id::from("h"), left_out.to_string())];
        let plan = Plan { hours: &hours, exceptions: &exceptions, absences: &[] };
        let wanted = Range { from: now, to: now.plus_minutes(8 * 1440) };
        let window = bookable(&unit, wanted, now);
        let desk = Desk {
            id: "d".into(),
            unit_id: "u".into(),
            label: String::new(),
            opened_at: now,
            closed_at: None,
        };
        let times = desk_times(&unit, &[desk], plan, &mut HashMap::new(), window);
        let rules = SlotRules { slot_minutes: 30, buffer_minutes: 0 };
        let found = offered(rules, &times, window);
        let last = date.checked_add_days(Days::new(9)).unwrap();
        let holidays = holidays::between(&unit.department, date, last);
        for slot in &found {
            let on = day_of(slot.starts_at, zone);
            prop_assert!(slot.starts_at >= now.plus_minutes(notice));
            prop_assert!(slot.starts_at < end_of_horizon(&unit, now));
            prop_assert_ne!(on, left_out);
            let holiday = holidays.iter().any(|(day, _)| *day == on);
            prop_assert!(unit.opens_on_holidays || !holiday, "{} is a holiday", on);
        }
        // And nothing else is left out: every other whole day has all its half-hours.
        let mut whole = day_of(window.from, zone).checked_add_days(Days::new(1)).unwrap();
        while whole_day(whole, zone).to <= window.to {
            let closed = whole == left_out
                || (!unit.opens_on_holidays && holidays.iter().any(|(day, _)| *day == whole));
            let span = whole_day(whole, zone);
            let half_hours = usize::try_from((span.to.0 - span.from.0) / 1_800_000).unwrap();
            let there = found
                .iter()
                .filter(|slot| day_of(slot.starts_at, zone) == whole)
                .count();
            prop_assert_eq!(there, if closed { 0 } else { half_hours }, "{}", whole);
            whole = whole.checked_add_days(Days::new(1)).unwrap();
        }
    }

    /// A desk open around the clock: over any night, of change or not, one hour
    /// follows another without a gap and without an hour that comes twice.
    #[test]
    fn over_any_night_no_hour_is_missing_and_none_comes_twice(
        day in 0_u64..363,
        zone in 0_usize..10,
    ) {
        let zone: Tz = ZONES[zone].parse().unwrap();
        let date = first_of_2026().checked_add_days(Days::new(day)).unwrap();
        let after = date.checked_add_days(Days::new(2)).unwrap();
        let hours = OpeningHours {
            id: "h".into(),
            desk_id: "d".into(),
            rrule: "FREQ=DAILY".into(),
            first_day: "2020-01-01".into(),
            last_day: None,
            start_minute: 0,
            end_minute: 1440,
        };
        let desk = DeskTimes {
            desk_id: "d".into(),
            openings: openings(&hours, &[], zone, (date, after)),
            absences: Vec::new(),
            occupied: Vec::new(),
        };
        let rules = SlotRules { slot_minutes: 60, buffer_minutes: 0 };
        let window = Range { from: whole_day(date, zone).from, to: whole_day(after, zone).from };
        let found = offered(rules, &[desk], window);
        let elapsed = (window.to.0 - window.from.0) / 3_600_000;
        prop_assert_eq!(i64::try_from(found.len()).unwrap(), elapsed);
        prop_assert_eq!(found[0].starts_at, window.from);
        for pair in found.windows(2) {
            prop_assert_eq!(pair[0].ends_at, pair[1].starts_at);
        }
    }
}
