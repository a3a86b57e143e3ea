//! How many may stand in the door: sockets of the node in all, those that have
//! not joined yet, those of one visitor, and how often one visitor may fail to
//! join.
//!
//! When every place is taken, whoever has stood longest without joining makes
//! room for the next: somebody who only holds places costs the others nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::node::Limits;
use crate::rate::Bucket;
use crate::visitor::Visitor;

/// Visitors remembered for their failures once their sockets are gone.
const MOST_REMEMBERED: usize = 16 * 1024;

/// The door of a node.
pub(crate) struct Doorway {
    limits: DoorLimits,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct DoorLimits {
    places: usize,
    per_visitor: usize,
    failures_per_second: u32,
    failures_at_once: u32,
}

#[derive(Default)]
struct State {
    open: usize,
    next: u64,
    /// Who has not joined, the oldest first.
    waiting: BTreeMap<u64, CancellationToken>,
    visitors: HashMap<Visitor, Visits>,
}

struct Visits {
    sockets: usize,
    failures: Bucket,
}

/// A socket's place, given back when dropped.
pub(crate) struct Place {
    doorway: Arc<Doorway>,
    number: u64,
    visitor: Option<Visitor>,
    /// Cancelled when the place was given to somebody else.
    given_away: CancellationToken,
}

impl Doorway {
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limits: DoorLimits {
                places: limits.connections,
                per_visitor: limits.connections_per_address,
                failures_per_second: limits.failed_joins_per_second,
                failures_at_once: limits.failed_join_burst,
            },
            state: Mutex::default(),
        })
    }

    /// Nothing in here can be left half done, so a panic elsewhere changes nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sockets that have a place.
    pub fn taken(&self) -> usize {
        self.state().open
    }

    /// A place for one more; none if everybody who has one has joined.
    pub fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state();
        if state.open < self.limits.places {
            state.open += 1;
        } else {
            // Its place changes hands; the number of places stays.
            let (_, oldest) = state.waiting.pop_first()?;
            oldest.cancel();
        }
        let number = state.next;
        state.next += 1;
        let given_away = CancellationToken::new();
        state.waiting.insert(number, given_away.clone());
        Some(Place {
            doorway: Arc::clone(self),
            number,
            visitor: None,
            given_away,
        })
    }
}

impl State {
    /// Forgets whom nothing is held against.
    fn tidy(&mut self, now: Instant) {
        if self.visitors.len() < MOST_REMEMBERED {
            return;
        }
        self.visitors
            .retain(|_, visits| visits.sockets > 0 || !visits.failures.is_full(now));
        if self.visitors.len() >= MOST_REMEMBERED {
            self.visitors.retain(|_, visits| visits.sockets > 0);
        }
    }
}

impl Place {
    /// Counts the socket as this visitor's. False if they have too many, or
    /// failed too often.
    pub fn belongs_to(&mut self, visitor: Visitor, now: Instant) -> bool {
        if self.visitor.is_some() {
            return true;
        }
        let limits = self.doorway.limits;
        let mut state = self.doorway.state();
        state.tidy(now);
        let visits = state.visitors.entry(visitor).or_insert_with(|| Visits {
            sockets: 0,
            failures: Bucket::new(limits.failures_per_second, limits.failures_at_once, now),
        });
        if visits.sockets >= limits.per_visitor || visits.failures.is_empty(now) {
            return false;
        }
        visits.sockets += 1;
        self.visitor = Some(visitor);
        true
    }

    /// The visitor showed no token, or a wrong one.
    pub fn failed(&self, now: Instant) {
        if let Some(visitor) = self.visitor
            && let Some(visits) = self.doorway.state().visitors.get_mut(&visitor)
        {
            visits.failures.take(now);
        }
    }

    /// The visitor joined, and makes room for nobody any more. False if that came
    /// too late.
    pub fn joined(&self) -> bool {
        self.doorway.state().waiting.remove(&self.number).is_some()
    }

    /// Returns when the place was given to somebody else.
    pub async fn given_away(&self) {
        self.given_away.cancelled().await;
    }

    /// Does something as long as the place is held.
    pub async fn while_held<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            () = self.given_away() => None,
            done = future => Some(done),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.doorway.state();
        state.waiting.remove(&self.number);
        // Otherwise it is somebody else's by now.
        if !self.given_away.is_cancelled() {
            state.open = state.open.saturating_sub(1);
        }
        if let Some(visitor) = self.visitor
            && let Some(visits) = state.visitors.get_mut(&visitor)
        {
            visits.sockets = visits.sockets.saturating_sub(1);
            if visits.sockets == 0 && visits.failures.is_untouched() {
                state.visitors.remove(&visitor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::visitor::direct;

    fn visitor(text: &str) -> Visitor {
        direct(text.parse::<IpAddr>().unwrap(), &[]).unwrap()
    }

    fn doorway(connections: usize) -> Arc<Doorway> {
        Doorway::new(&Limits {
            connections,
            connections_per_address: 2,
            failed_joins_per_second: 1,
            failed_join_burst: 3,
            ..Limits::default()
        })
    }

    #[test]
    fn whoever_waited_longest_makes_room() {
        let doorway = doorway(3);
        let joined = doorway.enter().unwrap();
        let places = [doorway.enter().unwrap(), doorway.enter().unwrap()];
        assert!(joined.joined());
        let next = doorway.enter().unwrap();
        let held = |place: &Place| !place.given_away.is_cancelled();
        assert_eq!(
            (
                held(&joined),
                held(&places[0]),
                held(&places[1]),
                held(&next)
            ),
            (true, false, true, true)
        );
        assert!(!places[0].joined(), "too late");
        assert_eq!(doorway.taken(), 3);
        drop(places);
        assert_eq!(doorway.taken(), 2, "what was given away is not given back");
        let last = doorway.enter().unwrap();
        assert!(next.joined() && last.joined());
        assert!(doorway.enter().is_none(), "everybody has joined");
        drop((joined, next, last));
        assert_eq!(doorway.taken(), 0);
    }

    #[test]
    fn one_address_takes_some_places_and_no_more() {
        let doorway = doorway(100);
        let now = Instant::now();
        let mut places: Vec<Place> = (0..5).map(|_| doorway.enter().unwrap()).collect();
        let granted: Vec<bool> = [
            "203.0.113.7",
            "203.0.113.7",
            "203.0.113.7",
            "203.0.113.8",
            "2001:db8::1",
        ]
        .iter()
        .zip(&mut places)
        .map(|(address, place)| place.belongs_to(visitor(address), now))
        .collect();
        assert_eq!(granted, [true, true, false, true, true]);
        places.truncate(1);
        let mut again = doorway.enter().unwrap();
        assert!(again.belongs_to(visitor("203.0.113.7"), now));
        assert!(
            again.belongs_to(visitor("203.0.113.7"), now),
            "counted once"
        );
        drop((places, again));
        assert!(
            doorway.state().visitors.is_empty(),
            "nothing is left of them"
        );
    }

    #[test]
    fn who_fails_too_often_waits() {
        let doorway = doorway(100);
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let enter = |address: &str, ms| {
            let mut place = doorway.enter().unwrap();
            place.belongs_to(visitor(address), at(ms)).then_some(place)
        };
        for _ in 0..3 {
            enter("203.0.113.7", 0).unwrap().failed(at(0));
        }
        for (address, ms, granted) in [
            ("203.0.113.7", 0, false),
            ("203.0.113.8", 0, true),
            ("203.0.113.7", 999, false),
            ("203.0.113.7", 1_000, true),
            ("203.0.113.7", 1_001, true),
        ] {
            assert_eq!(enter(address, ms).is_some(), granted, "{address} at {ms}");
        }
    }

    #[test]
    fn failures_of_many_addresses_are_not_remembered_for_ever() {
        let doorway = doorway(10);
        let now = Instant::now();
        let mut staying = doorway.enter().unwrap();
        assert!(staying.belongs_to(visitor("203.0.113.7"), now));
        for number in 0..3 * MOST_REMEMBERED {
            let mut place = doorway.enter().unwrap();
            let address =
                IpAddr::from([10, (number >> 16) as u8, (number >> 8) as u8, number as u8]);
            assert!(place.belongs_to(direct(address, &[]).unwrap(), now));
            place.failed(now);
            drop(place);
            assert!(doorway.state().visitors.len() <= MOST_REMEMBERED);
        }
        let visitors = &doorway.state().visitors;
        assert_eq!(visitors[&visitor("203.0.113.7")].sockets, 1);
    }
}
