//! The pace at which keyframes are asked of a publisher.

use std::time::{Duration, Instant};

/// Lets keyframe requests to one publisher through at a measured pace: the
/// first at once, the following together after [`KeyframeThrottle::PAUSE`].
#[derive(Debug, Default)]
pub(crate) struct KeyframeThrottle {
    last: Option<Instant>,
    wanted: bool,
}

impl KeyframeThrottle {
    /// A keyframe costs ten times an ordinary frame; two a second are plenty.
    pub const PAUSE: Duration = Duration::from_millis(500);

    /// Somebody wants a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether to ask the publisher now. Ask again after [`Self::PAUSE`] if not.
    pub fn take(&mut self, now: Instant) -> bool {
        let rested = self
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= Self::PAUSE);
        if !self.wanted || !rested {
            return false;
        }
        self.wanted = false;
        self.last = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframe_requests_are_gathered() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut throttle = KeyframeThrottle::default();
        assert!(!throttle.take(start), "nobody asked");
        throttle.want();
        assert!(throttle.take(start));
        throttle.want();
        throttle.want();
        assert!(!throttle.take(after(499)));
        assert!(throttle.take(after(500)));
        assert!(!throttle.take(after(1_500)), "already answered");
    }
}
