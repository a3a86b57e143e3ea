//! Tells whether media that should come does come: the pure rule behind
//! `media_started`, `media_stopped` and `media_resumed`.
//!
//! Mute is not silence: somebody who muted is not expected, and nothing is said
//! of them. This file knows neither packets nor people, only instants.

use std::time::{Duration, Instant};

/// What there is to tell about one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The first packet came.
    Started,
    /// Nothing came for too long; `since` is the last packet.
    Stopped { since: Instant },
    /// Packets come again, or are no longer expected, after a stop at `since`.
    Resumed { since: Instant },
}

/// One track of one participant.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    started: bool,
    /// When packets became expected, or last came, whichever is later.
    alive_at: Option<Instant>,
    stopped_since: Option<Instant>,
}

impl Watchdog {
    /// Whether the track stays away.
    pub fn is_stopped(&self) -> bool {
        self.stopped_since.is_some()
    }

    /// Looks at a track: when its last packet came, and whether it is expected.
    pub fn observe(
        &mut self,
        now: Instant,
        last_packet: Option<Instant>,
        expected: bool,
        silence: Duration,
    ) -> Option<Change> {
        if !self.started {
            if last_packet.is_some() {
                self.started = true;
                self.alive_at = last_packet;
                return Some(Change::Started);
            }
            return None;
        }
        if !expected {
            self.alive_at = None;
            return self
                .stopped_since
                .take()
                .map(|since| Change::Resumed { since });
        }
        // Unmuting gives the browser the same time as silence does.
        let alive_at = *self.alive_at.get_or_insert(now);
        let alive_at = last_packet.map_or(alive_at, |last| last.max(alive_at));
        self.alive_at = Some(alive_at);
        let silent = now.saturating_duration_since(alive_at) >= silence;
        match (silent, self.stopped_since) {
            (true, None) => {
                self.stopped_since = Some(alive_at);
                Some(Change::Stopped { since: alive_at })
            }
            (false, Some(since)) => {
                self.stopped_since = None;
                Some(Change::Resumed { since })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_once_and_mute_is_not_silence() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let silence = Duration::from_secs(1);
        let mut watchdog = Watchdog::default();
        for (now, last, expected, told) in [
            (0, None, true, None),
            (5_000, None, true, None),
            (5_100, Some(5_090), true, Some(Change::Started)),
            (6_000, Some(5_090), true, None),
            (
                6_090,
                Some(5_090),
                true,
                Some(Change::Stopped { since: at(5_090) }),
            ),
            (7_000, Some(5_090), true, None),
            (
                7_250,
                Some(7_240),
                true,
                Some(Change::Resumed { since: at(5_090) }),
            ),
            // Muted: silence means nothing.
            (7_500, Some(7_240), false, None),
            (60_000, Some(7_240), false, None),
            // Unmuted: the browser gets its second.
            (60_500, Some(7_240), true, None),
            (61_000, Some(7_240), true, None),
            (
                61_500,
                Some(7_240),
                true,
                Some(Change::Stopped { since: at(60_500) }),
            ),
            // Muting while stopped ends the interruption.
            (
                62_000,
                Some(7_240),
                false,
                Some(Change::Resumed { since: at(60_500) }),
            ),
        ] {
            assert_eq!(
                watchdog.observe(at(now), last.map(at), expected, silence),
                told,
                "at {now}"
            );
        }
    }
}
