//! What changed between two measures of a participant's connection, as the
//! quality that they and the service are told.

use std::time::{Duration, Instant};

use crate::protocol::Quality;
use crate::transport::TransportStats;

/// The counters at the last measure.
pub(super) struct Measured {
    pub at: Instant,
    stats: TransportStats,
    expected: u64,
    received: u64,
}

impl Measured {
    pub fn new(now: Instant) -> Self {
        Self {
            at: now,
            stats: TransportStats::default(),
            expected: 0,
            received: 0,
        }
    }

    /// What was asked for again, sent again, and came after all, since the last measure.
    pub fn repairs(&self, stats: &TransportStats) -> [u64; 3] {
        [
            stats.nacks.saturating_sub(self.stats.nacks),
            stats.resends.saturating_sub(self.stats.resends),
            stats.repaired.saturating_sub(self.stats.repaired),
        ]
    }

    /// Takes new counters, and answers the quality since the last ones.
    pub fn take(
        &mut self,
        stats: TransportStats,
        (expected, received): (u64, u64),
        now: Instant,
    ) -> Quality {
        let elapsed = now
            .saturating_duration_since(self.at)
            .max(Duration::from_millis(1));
        let newly_expected = expected.saturating_sub(self.expected);
        let newly_received = received.saturating_sub(self.received);
        let loss_up = if newly_expected == 0 {
            0.0
        } else {
            newly_expected.saturating_sub(newly_received) as f32 / newly_expected as f32
        };
        let rate = |now: u64, before: u64| {
            let bits = now.saturating_sub(before) as f64 * 8.0 / elapsed.as_secs_f64();
            bits.min(f64::from(u32::MAX)) as u32
        };
        let quality = Quality {
            rtt_ms: stats.rtt_ms,
            loss_up,
            loss_down: stats.loss_down,
            bitrate_up: rate(stats.bytes_up, self.stats.bytes_up),
            bitrate_down: rate(stats.bytes_down, self.stats.bytes_down),
        };
        *self = Self {
            at: now,
            stats,
            expected,
            received,
        };
        quality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_tells_what_changed_since_the_last() {
        let start = Instant::now();
        let mut measured = Measured::new(start);
        let mut stats = TransportStats {
            bytes_up: 1_000,
            ..TransportStats::default()
        };
        let quality = measured.take(stats, (100, 99), start + Duration::from_secs(1));
        assert_eq!((quality.bitrate_up, quality.bitrate_down), (8_000, 0));
        assert!((quality.loss_up - 0.01).abs() < 1e-6);
        stats.bytes_up = 3_000;
        stats.resends = 7;
        assert_eq!(measured.repairs(&stats), [0, 7, 0]);
        // Repairs may bring more than was newly expected.
        let quality = measured.take(stats, (200, 200), start + Duration::from_secs(3));
        assert_eq!((quality.bitrate_up, quality.loss_up), (8_000, 0.0));
    }
}
