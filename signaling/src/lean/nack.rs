//! Which packets are missing and when to ask for them again: one request for
//! each loss, repeated only when a round trip has passed in vain.
//!
//! Pure: sequence numbers and instants in, sequence numbers out.

use std::time::{Duration, Instant};

/// Packets that merely overtook each other are given this long.
const PATIENCE: Duration = Duration::from_millis(10);
/// Requests are gathered for this long.
pub(crate) const PACE: Duration = Duration::from_millis(20);
/// Asking more often does not bring it.
const TRIES: u32 = 8;
/// Later than this, a decoder has given the image up.
const HOPELESS: Duration = Duration::from_secs(2);
/// A larger gap is a new beginning, and a keyframe mends it better.
const WIDEST_GAP: u16 = 256;

/// The missing packets of one source.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    highest: Option<u16>,
    packets: Vec<Packet>,
    repaired: u64,
}

#[derive(Debug)]
struct Packet {
    sequence: u16,
    since: Instant,
    asked: Option<Instant>,
    tries: u32,
}

impl Missing {
    /// Notes a packet that came. Answers how long ago it was asked for, if it was
    /// asked for exactly once.
    pub fn note(&mut self, sequence: u16, now: Instant) -> Option<Duration> {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return None;
        };
        let ahead = sequence.wrapping_sub(highest);
        if ahead == 0 {
            return None;
        }
        if ahead < 0x8000 {
            self.highest = Some(sequence);
            if ahead > WIDEST_GAP {
                self.packets.clear();
                return None;
            }
            // Room for all at once: a sender that skips on purpose must cost no more.
            let held = self.packets.len() + usize::from(ahead - 1);
            let outlived = held.saturating_sub(usize::from(WIDEST_GAP));
            self.packets.drain(..outlived.min(self.packets.len()));
            for step in 1..ahead {
                self.packets.push(Packet {
                    sequence: highest.wrapping_add(step),
                    since: now,
                    asked: None,
                    tries: 0,
                });
            }
            return None;
        }
        let place = self
            .packets
            .iter()
            .position(|missing| missing.sequence == sequence)?;
        let found = self.packets.remove(place);
        let asked = found.asked?;
        self.repaired += 1;
        (found.tries == 1).then(|| now.saturating_duration_since(asked))
    }

    /// The packets to ask for now.
    pub fn due(&mut self, now: Instant, round_trip: Duration, ask: &mut Vec<u16>) {
        self.packets.retain(|missing| {
            missing.tries < TRIES && now.saturating_duration_since(missing.since) < HOPELESS
        });
        for missing in &mut self.packets {
            let due = match missing.asked {
                None => missing.since + PATIENCE,
                Some(asked) => asked + pause(round_trip, missing.tries),
            };
            if due <= now {
                missing.asked = Some(now);
                missing.tries += 1;
                ask.push(missing.sequence);
            }
        }
    }

    /// Whether anything may have to be asked for.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many came after they were asked for.
    pub fn repaired(&self) -> u64 {
        self.repaired
    }
}

/// How long to wait for an answer: the round trip and half of it, doubled from
/// the third request on.
fn pause(round_trip: Duration, tries: u32) -> Duration {
    let once = (round_trip + round_trip / 2 + PATIENCE).max(2 * PACE);
    once * (1 << tries.saturating_sub(1).min(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(missing: &mut Missing, now: Instant, rtt_ms: u64) -> Vec<u16> {
        let mut ask = Vec::new();
        missing.due(now, Duration::from_millis(rtt_ms), &mut ask);
        ask
    }

    #[test]
    fn a_loss_is_asked_for_once_within_a_round_trip() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut missing = Missing::default();
        for sequence in [65_533, 65_534, 1] {
            missing.note(sequence, start);
        }
        assert_eq!(
            asked(&mut missing, at(5), 100),
            [0_u16; 0],
            "it may only be late"
        );
        assert_eq!(asked(&mut missing, at(20), 100), [65_535, 0]);
        for ms in (40..180).step_by(20) {
            assert_eq!(asked(&mut missing, at(ms), 100), [0_u16; 0], "at {ms}");
        }
        let waited = missing.note(65_535, at(120));
        assert_eq!(waited, Some(Duration::from_millis(100)));
        assert_eq!(
            asked(&mut missing, at(180), 100),
            [0],
            "once more after a round trip"
        );
        assert_eq!(
            missing.note(0, at(200)),
            None,
            "of two requests, which was answered?"
        );
        assert!(missing.is_empty());
        assert_eq!(missing.repaired(), 2);
    }

    #[test]
    fn a_sender_that_skips_is_asked_for_its_last_gap_only() {
        let start = Instant::now();
        let mut missing = Missing::default();
        for step in 0..20_u16 {
            missing.note(step * WIDEST_GAP, start);
        }
        let asked = asked(&mut missing, start + PACE, 50);
        assert_eq!(asked.len(), usize::from(WIDEST_GAP));
        assert_eq!(asked.last(), Some(&(19 * WIDEST_GAP - 1)));
    }

    #[test]
    fn requests_end() {
        let start = Instant::now();
        let mut missing = Missing::default();
        missing.note(1, start);
        missing.note(3, start);
        let mut requests = 0;
        for ms in (0..5_000).step_by(20) {
            requests += asked(&mut missing, start + Duration::from_millis(ms), 1).len();
        }
        assert_eq!(requests, TRIES as usize);
        assert!(missing.is_empty());
    }

    #[test]
    fn what_only_overtook_is_not_asked_for_and_a_jump_is_a_new_beginning() {
        let start = Instant::now();
        let later = start + Duration::from_millis(20);
        for (case, came, expected) in [
            ("in order", vec![1, 2, 3], vec![]),
            ("overtaken", vec![1, 3, 2], vec![]),
            ("twice", vec![1, 1, 2], vec![]),
            ("lost", vec![1, 4], vec![2, 3]),
            ("jump", vec![1, 900], vec![]),
            ("back", vec![40_000, 30_000, 40_001], vec![]),
        ] {
            let mut missing = Missing::default();
            for sequence in came {
                missing.note(sequence, start);
            }
            assert_eq!(asked(&mut missing, later, 50), expected, "{case}");
        }
    }
}
