//! What was read a moment ago. A page that follows a hearing fetches its parts again
//! every few seconds; in the journal that is one consultation a quarter of an hour, and
//! not a thousand lines in which the others drown. Kept in memory: a restart, or another
//! process, writes a line more, never one less.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;

/// A page that stays open is the same consultation for this long.
const MINUTES: i64 = 15;
/// Beyond so many, what is over is forgotten.
const MANY: usize = 10_000;

/// The consultations of this process.
#[derive(Debug, Default)]
pub struct Readings(Mutex<HashMap<(String, String), Timestamp>>);

impl Readings {
    /// Whether a session read that object a moment ago, and a line says so.
    #[must_use]
    pub fn is_noted(&self, session: &str, object: &str, now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&(session.to_owned(), object.to_owned()))
            .is_some_and(|at| now < at.plus_minutes(MINUTES))
    }

    /// A line that says so was committed.
    pub fn note(&self, session: &str, object: &str, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MANY {
            known.retain(|_, at| now < at.plus_minutes(MINUTES));
        }
        known.insert((session.to_owned(), object.to_owned()), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_stays_open_is_one_consultation_for_a_quarter_of_an_hour() {
        let readings = Readings::default();
        let at = |minutes| Timestamp(0).plus_minutes(minutes);
        assert!(!readings.is_noted("s", "record/1", at(0)));
        readings.note("s", "record/1", at(0));
        for (session, object, minutes, noted) in [
            ("s", "record/1", 0, true),
            ("s", "record/1", 14, true),
            ("s", "record/1", 15, false),
            ("t", "record/1", 1, false),
            ("s", "record/2", 1, false),
        ] {
            assert_eq!(
                readings.is_noted(session, object, at(minutes)),
                noted,
                "{session} {object} {minutes}"
            );
        }
    }
}
