//! Latencies in buckets about three per cent apart, which is finer than the noise.

/// Buckets for each doubling.
const STEPS: u32 = 32;

/// Counts of durations in nanoseconds.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; (64 * STEPS) as usize],
            total: 0,
            largest: 0,
        }
    }
}

fn bucket(value: u64) -> usize {
    let value = value.max(u64::from(STEPS));
    let exponent = value.ilog2() - STEPS.ilog2();
    (exponent * STEPS) as usize + (value >> exponent) as usize - STEPS as usize
}

/// The lower end of a bucket.
fn start(bucket: usize) -> u64 {
    let (exponent, step) = (bucket as u32 / STEPS, bucket as u32 % STEPS);
    u64::from(STEPS + step) << exponent
}

impl Histogram {
    /// Counts one duration.
    pub fn note(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.largest = self.largest.max(nanoseconds);
    }

    /// The duration that this share of all stay below, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return (start(at + 1).min(self.largest)) as f64 / 1e6;
            }
        }
        0.0
    }

    /// The longest, in milliseconds.
    pub fn largest_ms(&self) -> f64 {
        self.largest as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_three_per_cent() {
        let mut all = Histogram::default();
        for value in 1..=100_000_u64 {
            all.note(value * 1_000);
        }
        for (share, expected) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            let found = all.quantile_ms(share);
            assert!((found / expected - 1.0).abs() < 0.04, "{share}: {found}");
        }
        assert_eq!(all.largest_ms(), 100.0);
        assert_eq!(Histogram::default().quantile_ms(0.99), 0.0);
    }
}
