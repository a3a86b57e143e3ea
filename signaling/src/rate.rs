//! A token bucket: so many a second on average, so many at once.

use std::time::Instant;

/// The bucket. Time is an argument.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    most: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self {
            per_second: f64::from(per_second),
            most: f64::from(burst),
            tokens: f64::from(burst),
            at: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.most);
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        if self.is_empty(now) {
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    /// Whether there is none to take.
    pub fn is_empty(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens < 1.0
    }

    /// Whether all that was taken is there again.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.is_untouched()
    }

    /// Whether nothing was missing when it was last looked at.
    pub fn is_untouched(&self) -> bool {
        self.tokens >= self.most
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_the_average() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 3, start);
        for (ms, granted) in [
            (0, true),
            (0, true),
            (0, true),
            (0, false),
            (99, false),
            (100, true),
            (100, false),
            (10_000, true),
            (10_000, true),
            (10_000, true),
            (10_000, false),
        ] {
            assert_eq!(
                bucket.take(start + Duration::from_millis(ms)),
                granted,
                "at {ms}"
            );
        }
    }
}
