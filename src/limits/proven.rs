//! Cookies that the database vouched for lately. A cookie is a text that anybody
//! can invent; until it was looked up once, its request is its address's. Only
//! hashes are kept, under a key that ends with the process.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many cookies half of the memory holds.
const HALF: usize = 25_000;

/// What a cookie is for; the same text proves only one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A session of somebody signed in.
    Session,
    /// A seat in a hearing.
    Seat,
    /// A key of the scheduling interface, by its hash.
    SchedulingKey,
}

/// The memory, in two halves: when the younger is full, the older is forgotten.
/// Whoever still comes moves to the younger one with each look into the database.
#[derive(Debug, Default)]
pub struct Proven {
    hash: RandomState,
    halves: Mutex<Halves>,
}

#[derive(Debug, Default)]
struct Halves {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Proven {
    /// What the database said of a cookie.
    pub fn note(&self, kind: Kind, cookie: &str, stands: bool) {
        let key = self.hash.hash_one((kind, cookie));
        let mut halves = self.halves();
        halves.old.remove(&key);
        if !stands {
            halves.young.remove(&key);
            return;
        }
        if halves.young.len() >= HALF {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(key);
    }

    /// Whether the database vouched for a cookie, as far as is remembered.
    #[must_use]
    pub fn knows(&self, kind: Kind, cookie: &str) -> bool {
        let key = self.hash.hash_one((kind, cookie));
        let halves = self.halves();
        halves.young.contains(&key) || halves.old.contains(&key)
    }

    /// A set has no state in between that a panic could leave behind.
    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{HALF, Kind, Proven};

    #[test]
    fn a_cookie_is_known_for_what_it_was_proven_and_until_it_is_disproved() {
        let proven = Proven::default();
        assert!(!proven.knows(Kind::Session, "a"));
        proven.note(Kind::Session, "a", true);
        assert!(proven.knows(Kind::Session, "a"));
        assert!(!proven.knows(Kind::Seat, "a"));
        assert!(!proven.knows(Kind::Session, "b"));
        proven.note(Kind::Session, "a", false);
        assert!(!proven.knows(Kind::Session, "a"));
        // An invented one leaves nothing behind.
        proven.note(Kind::Session, "b", false);
        assert!(!proven.knows(Kind::Session, "b"));
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_those_who_came_first() {
        let proven = Proven::default();
        for number in 0..=2 * HALF {
            proven.note(Kind::Session, &number.to_string(), true);
            // One who keeps coming.
            if number % 1_000 == 0 {
                proven.note(Kind::Session, "faithful", true);
            }
            let halves = proven.halves();
            assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
        }
        assert!(!proven.knows(Kind::Session, "0"));
        assert!(proven.knows(Kind::Session, &(2 * HALF).to_string()));
        assert!(proven.knows(Kind::Session, "faithful"));
    }
}
