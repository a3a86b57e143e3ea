//! How much of its time a worker works, over the last seconds: what admission
//! of new rooms goes by.

use std::time::{Duration, Instant};

/// The meter. Time is an argument.
pub(super) struct Load {
    since: Instant,
    woke_at: Instant,
    worked: Duration,
    share: f32,
}

impl Load {
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            woke_at: now,
            worked: Duration::ZERO,
            share: 0.0,
        }
    }

    /// Work begins.
    pub fn wake(&mut self, now: Instant) {
        self.woke_at = now;
    }

    /// Work ends.
    pub fn rest(&mut self, now: Instant) {
        self.worked += now.saturating_duration_since(self.woke_at);
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed >= Duration::from_secs(1) {
            let last = self.worked.as_secs_f32() / elapsed.as_secs_f32();
            self.share = self.share * 0.5 + last * 0.5;
            self.worked = Duration::ZERO;
            self.since = now;
        }
    }

    /// The share of time spent working, 0 to 1.
    pub fn share(&self) -> f32 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_follows_the_last_seconds() {
        let start = Instant::now();
        let mut load = Load::new(start);
        for (second, worked_ms, share) in [(1, 1000, 0.5), (2, 1000, 0.75), (3, 0, 0.375)] {
            let end = start + Duration::from_secs(second);
            load.wake(end - Duration::from_millis(worked_ms));
            load.rest(end);
            assert!((load.share() - share).abs() < 0.01, "{second}");
        }
    }
}
