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

    /// Share of its time that the worker works.
    pub fn load(&self) -> f32 {
        f32::from_bits(self.load.load(Ordering::Relaxed))
    }
}
