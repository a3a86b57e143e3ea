//! Bots that hoard slots against people who need one, day by day, on the service's own
//! rules: slots as they are computed and released, and how many appointments one identity
//! may confirm. No network and no clock; the same seed gives the same figures.
//!
//! Bots are faster than anybody: whenever they come, they come before the people. They
//! never appear at what they book, so what they have is lost.

use visioplainte::booking::{ALLOWANCE_DAYS, ALLOWED_BOOKINGS};
use visioplainte::calendar::Slot;
use visioplainte::calendar::recurrence::{Range, day_of, instant_of};
use visioplainte::calendar::release::{ReleaseRule, Setting};
use visioplainte::calendar::slots::{self, DeskTimes, SlotRules};
use visioplainte::clock::Timestamp;
use visioplainte::db::Id;

/// A share of half at the edge, of a third a week before, of the rest the evening before.
pub const STAGED: ReleaseRule = ReleaseRule {
    first_percent: 50,
    second_percent: 30,
    second_days: 7,
};

/// When bots come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// At midnight, for the day that the horizon has just reached.
    AtTheEdge,
    /// Every hour, for whatever is offered.
    Always,
}

/// A fleet of bots.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// How many people's identities they have.
    pub identities: i64,
    /// When they come.
    pub habit: Habit,
}

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// A Monday at midnight in Paris.
const BEGIN: Timestamp = Timestamp(1_772_406_000_000);
const HORIZON_DAYS: i64 = 31;
const NOTICE: i64 = 2 * HOUR;
/// Days before people are counted: bots and calendar have settled by then.
const WARM_UP: i64 = 35;
const COUNTED: i64 = 56;
const DESKS: usize = 3;
/// People who come on a day, more than half of what the desks can take on one.
const PEOPLE_A_DAY: u64 = 20;
/// How long somebody can wait for their hearing, and on how many days they look again.
const PATIENCE_DAYS: i64 = 14;
const TRIES: i64 = 5;
const RULES: SlotRules = SlotRules {
    slot_minutes: 30,
    buffer_minutes: 0,
};
const ZONE: chrono_tz::Tz = chrono_tz::Europe::Paris;

struct World {
    desks: Vec<DeskTimes>,
    release: ReleaseRule,
    /// When each of the fleet's places is free again.
    places: Vec<Timestamp>,
}

struct Person {
    next_try: Timestamp,
    tries_left: i64,
    counted: bool,
}

/// The share of people who had an appointment within their patience, from 0 to 1.
pub fn served(seed: u64, release: ReleaseRule, fleet: Fleet) -> f64 {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let places = usize::try_from(fleet.identities * ALLOWED_BOOKINGS).unwrap_or_default();
    let mut world = World {
        desks: (0..DESKS).map(desk).collect(),
        release,
        places: vec![BEGIN; places],
    };
    let mut waiting: Vec<Person> = Vec::new();
    let (mut came, mut had) = (0_u64, 0_u64);
    for hour in 0..(WARM_UP + COUNTED) * 24 {
        let now = BEGIN.plus_minutes(hour * HOUR);
        world.bots_come(fleet.habit, hour % 24 == 0, hour == 0, now);
        if hour % 24 == 0 {
            let today = hour / 24;
            let counted = (WARM_UP..WARM_UP + COUNTED - TRIES).contains(&today);
            came += if counted { PEOPLE_A_DAY } else { 0 };
            waiting.extend((0..PEOPLE_A_DAY).map(|_| Person {
                // Between eight in the morning and ten in the evening.
                next_try: now.plus_minutes((8 + dice.below(14)) * HOUR),
                tries_left: TRIES,
                counted,
            }));
        }
        let mut still = Vec::new();
        for mut person in waiting {
            if person.next_try > now {
                still.push(person);
            } else if world.takes_the_first(now) {
                had += u64::from(person.counted);
            } else if person.tries_left > 1 {
                person.tries_left -= 1;
                person.next_try = now.plus_minutes(DAY);
                still.push(person);
            }
        }
        waiting = still;
    }
    had as f64 / came as f64
}

/// A desk that is open on weekdays, from nine to twelve and from two to six.
fn desk(number: usize) -> DeskTimes {
    let mut openings = Vec::new();
    for day in 0..WARM_UP + COUNTED + HORIZON_DAYS + 2 {
        let date = day_of(BEGIN.plus_minutes(day * DAY + 12 * HOUR), ZONE);
        if day % 7 < 5 {
            for (from, to) in [(9, 12), (14, 18)] {
                openings.push(Range {
                    from: instant_of(date, from * HOUR, ZONE),
                    to: instant_of(date, to * HOUR, ZONE),
                });
            }
        }
    }
    DeskTimes {
        desk_id: Id(format!("desk-{number}")),
        openings,
        absences: Vec::new(),
        occupied: Vec::new(),
    }
}

impl World {
    /// What is offered from some instant on and before another.
    fn offered(&self, from: Timestamp, to: Timestamp, now: Timestamp) -> Vec<Slot> {
        let horizon = day_of(now.plus_minutes((HORIZON_DAYS + 1) * DAY), ZONE);
        let window = Range {
            from: from.max(now.plus_minutes(NOTICE)),
            to: to.min(instant_of(horizon, 0, ZONE)),
        };
        let setting = Setting {
            zone: ZONE,
            step_minutes: RULES.slot_minutes + RULES.buffer_minutes,
            notice_minutes: NOTICE,
        };
        let free = slots::offered(RULES, &self.desks, window);
        self.release.released(free, setting, now)
    }

    fn take(&mut self, slot: &Slot, desk_id: &Id) {
        let (first, last) = slots::quanta(slot.starts_at, slot.ends_at, RULES.buffer_minutes);
        let desk = self.desks.iter_mut().find(|desk| desk.desk_id == *desk_id);
        if let Some(desk) = desk {
            let at = desk.occupied.partition_point(|&quantum| quantum < first);
            desk.occupied.splice(at..at, first..=last);
        }
    }

    fn takes_the_first(&mut self, now: Timestamp) -> bool {
        let until = now.plus_minutes(PATIENCE_DAYS * DAY);
        let slot = self.offered(now, until, now).into_iter().next();
        if let Some(slot) = &slot {
            self.take(slot, &slot.desks[0]);
        }
        slot.is_some()
    }

    /// Bots take what they can, as long as some identity of theirs still may.
    fn bots_come(&mut self, habit: Habit, midnight: bool, first: bool, now: Timestamp) {
        let edge = now.plus_minutes(HORIZON_DAYS * DAY - 2 * HOUR);
        let from = match habit {
            Habit::AtTheEdge if !midnight => return,
            // On the first day the whole horizon is new.
            Habit::AtTheEdge if !first => edge,
            Habit::AtTheEdge | Habit::Always => now,
        };
        if !self.places.iter().any(|free| *free <= now) {
            return;
        }
        for slot in self.offered(from, now.plus_minutes(2 * HORIZON_DAYS * DAY), now) {
            for desk_id in &slot.desks {
                let Some(place) = self.places.iter_mut().find(|free| **free <= now) else {
                    return;
                };
                *place = now.plus_minutes(ALLOWANCE_DAYS * DAY);
                self.take(&slot, desk_id);
            }
        }
    }
}

/// A small generator of its own (xorshift), so that a run can be replayed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.unsigned_abs()).cast_signed()
    }
}
