//! How a worker is doing, as it last said: read by other threads without asking
//! it anything.

use std::sync::atomic::{AtomicU32, Ordering};

/// The few numbers that decide about a node's rooms.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    rooms: AtomicU32,
    participants: AtomicU32,
    /// The bits of an f32.
    load: AtomicU32,
}

impl Gauge {
    pub fn set(&self, rooms: usize, participants: usize, load: f32) {
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        self.rooms.store(count(rooms), Ordering::Relaxed);
        self.participants
            .store(count(participants), Ordering::Relaxed);
        self.load.store(load.to_bits(), Ordering::Relaxed);
    }

    /// Rooms that are neither over nor elsewhere.
    pub fn rooms(&self) -> u32 {
        self.rooms.load(Ordering::Relaxed)
    }

    /// People who hold a seat, connected or coming back.
    pub fn participants(&self) -> u32 {
        self.participants.load(Ordering::Relaxed)
    }

    /// How many more rooms like the present ones fit, up to a number of rooms
    /// and a share of the worker's time.
    pub fn admissible(&self, limit: u32, busy: f32) -> u32 {
        let (rooms, load) = (self.rooms(), self.load());
        let left = limit.saturating_sub(rooms);
        if load >= busy {
            0
        } else if rooms == 0 || load <= 0.0 {
            left
        } else {
            let fit = f64::from(rooms) * f64::from(busy / load);
            // A float that does not fit becomes the largest number.
            (fit as u32).saturating_sub(rooms).min(left)
        }
    }

    /// Share of its time that the worker works.
    pub fn load(&self) -> f32 {
        f32::from_bits(self.load.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_fits_follows_from_what_is_there() {
        for (rooms, load, expected) in [
            (0, 0.0, 1024),
            (100, 0.4, 100),
            (100, 0.8, 0),
            (100, 0.9, 0),
            (1000, 0.1, 24),
            (2000, 0.1, 0),
        ] {
            let gauge = Gauge::default();
            gauge.set(rooms, 2 * rooms, load);
            let fit = gauge.admissible(1024, 0.8);
            assert_eq!(fit, expected, "{rooms} rooms at {load}");
        }
    }
}
