//! Says when to ask the node for another path, from what was received. The twin
//! of `web/src/call/recovery.ts`, rule for rule; `PROTOCOL.md` has the rules.
//! Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use signaling::protocol::MediaKind;

/// Nothing at all from the node for so long: time to ask on the line whether it
/// is still there, so that the answer is known when patience ends.
const DOUBT: Duration = Duration::from_millis(400);
/// Nothing at all from the node for so long: our own way to it is broken.
const TRANSPORT_SILENCE: Duration = Duration::from_millis(1000);
/// The same, once the system said that the network changed.
const SUSPECT_SILENCE: Duration = Duration::from_millis(300);
/// How long a hint of the system is remembered.
const SUSPECT_FOR: Duration = Duration::from_secs(3);
/// The transport lives but a line is silent: slower to judge, since the fault may
/// be the other's, and slower for images, which a poor network may hold back.
const AUDIO_SILENCE: Duration = Duration::from_secs(3);
const VIDEO_SILENCE: Duration = Duration::from_secs(6);
/// How long another path on the same peer connection is given to work.
const ICE_GRACE: Duration = Duration::from_secs(2);
/// How long a fresh peer connection is given; it doubles each time in vain.
const FIRST_REST: Duration = Duration::from_secs(3);
const LONGEST_REST: Duration = Duration::from_secs(48);
/// Once every line has flowed for so long after a step, the next break is a new one.
const FORGIVEN: Duration = Duration::from_secs(3);

/// What to ask the node for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another path for the same peer connection.
    Ice,
    /// A fresh peer connection.
    Fresh,
}

/// What was received so far.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Bytes of everything but connectivity checks.
    pub transport: u64,
    /// Bytes of media, by line.
    pub by_line: BTreeMap<String, u64>,
}

/// The rule.
#[derive(Debug, Default)]
pub struct Recovery {
    transport: Option<(u64, Instant)>,
    /// When something last came, expected or not.
    byte_at: Option<Instant>,
    lines: BTreeMap<String, (u64, Instant)>,
    /// Lines on which something came since the last step.
    flowed: Vec<String>,
    suspect_until: Option<Instant>,
    doubted: bool,
    asked: Option<(Step, Instant)>,
    rest: Duration,
}

impl Recovery {
    /// The step to ask for now, again and again until [`Recovery::asked`] says
    /// that it was.
    pub fn observe(
        &mut self,
        now: Instant,
        expected: &BTreeMap<String, MediaKind>,
        received: &Received,
    ) -> Option<Step> {
        let transport = self.transport.get_or_insert((received.transport, now));
        if received.transport > transport.0 {
            self.byte_at = Some(now);
        }
        // Another path counts from nought: less is not more.
        if received.transport > transport.0 || expected.is_empty() {
            transport.1 = now;
        }
        transport.0 = received.transport;
        let silent_for = now.saturating_duration_since(transport.1);
        let suspect = self.suspect_until.is_some_and(|until| now < until);
        let patience = if suspect {
            SUSPECT_SILENCE
        } else {
            TRANSPORT_SILENCE
        };
        let path_lost = silent_for >= patience;
        if silent_for < DOUBT {
            self.doubted = false;
        }

        self.lines.retain(|mid, _| expected.contains_key(mid));
        let mut line_lost = false;
        for (mid, kind) in expected {
            let bytes = received.by_line.get(mid).copied().unwrap_or(0);
            let line = self.lines.entry(mid.clone()).or_insert((bytes, now));
            if bytes > line.0 {
                *line = (bytes, now);
                if !self.flowed.contains(mid) {
                    self.flowed.push(mid.clone());
                }
            }
            line.0 = bytes;
            let limit = match kind {
                MediaKind::Audio => AUDIO_SILENCE,
                MediaKind::Video | MediaKind::Screen => VIDEO_SILENCE,
            };
            line_lost |= now.saturating_duration_since(line.1) >= limit;
        }

        let since_asked = self.asked.map(|(_, at)| now.saturating_duration_since(at));
        if !path_lost && !line_lost {
            let healthy =
                !expected.is_empty() && expected.keys().all(|mid| self.flowed.contains(mid));
            if healthy && since_asked.is_some_and(|since| since >= FORGIVEN) {
                self.asked = None;
                self.rest = Duration::ZERO;
            }
            return None;
        }
        match (self.asked, since_asked) {
            // Another path does not mend a line that is silent on a living one.
            (None, _) | (_, None) => Some(if path_lost { Step::Ice } else { Step::Fresh }),
            (Some((Step::Ice, _)), Some(since)) => (since >= ICE_GRACE).then_some(Step::Fresh),
            (Some((Step::Fresh, _)), Some(since)) => (since >= self.rest).then_some(Step::Fresh),
        }
    }

    /// A step was asked for, by this rule or for another reason: leave it time.
    pub fn asked(&mut self, step: Step, now: Instant) {
        if step == Step::Fresh {
            self.rest = if self.rest.is_zero() {
                FIRST_REST
            } else {
                (self.rest * 2).min(LONGEST_REST)
            };
        }
        self.asked = Some((step, now));
        self.lines.clear();
        self.flowed.clear();
    }

    /// Whether to believe that the path is lost when somebody else says so: no
    /// step is under way, and nothing came lately that proves the contrary.
    pub fn believes(&self, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        self.asked.is_none_or(|(_, at)| since(at) >= ICE_GRACE)
            && self.byte_at.is_none_or(|at| since(at) >= DOUBT)
    }

    /// The system says that the network changed, or that the page was asleep.
    pub fn suspect(&mut self, now: Instant) {
        self.suspect_until = Some(now + SUSPECT_FOR);
    }

    /// The line was taken up again: what was asked on the former one may be lost.
    pub fn seated(&mut self) {
        if matches!(self.asked, Some((Step::Ice, _))) {
            self.asked = None;
        }
    }

    /// Whether to ask on the line whether it is still there: once a silence.
    pub fn doubts(&mut self, now: Instant) -> bool {
        let silent = self
            .transport
            .is_some_and(|(_, at)| now.saturating_duration_since(at) >= DOUBT);
        silent && !std::mem::replace(&mut self.doubted, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a fifth of a second at a time; returns when which step was asked for.
    fn steps(
        seconds: u64,
        at: impl Fn(u64) -> (u64, Option<u64>, Option<u64>),
    ) -> Vec<(u64, Step)> {
        let start = Instant::now();
        let mut recovery = Recovery::default();
        let mut asked = Vec::new();
        for millis in (0..=seconds * 1000).step_by(200) {
            let (transport, audio, video) = at(millis);
            let mut expected = BTreeMap::new();
            let mut received = Received {
                transport,
                ..Received::default()
            };
            for (mid, kind, bytes) in [
                ("a", MediaKind::Audio, audio),
                ("v", MediaKind::Video, video),
            ] {
                if let Some(bytes) = bytes {
                    expected.insert(mid.to_owned(), kind);
                    received.by_line.insert(mid.to_owned(), bytes);
                }
            }
            let now = start + Duration::from_millis(millis);
            if let Some(step) = recovery.observe(now, &expected, &received) {
                recovery.asked(step, now);
                asked.push((millis, step));
            }
        }
        asked
    }

    #[test]
    fn a_second_of_silence_asks_for_a_path_then_for_fresh_ones_ever_more_patiently() {
        let stops = |now: u64| (now.min(5000), Some(now.min(5000)), None);
        assert_eq!(
            steps(40, stops),
            [
                (6000, Step::Ice),
                (8000, Step::Fresh),
                (11_000, Step::Fresh),
                (17_000, Step::Fresh),
                (29_000, Step::Fresh)
            ]
        );
    }

    #[test]
    fn mute_is_not_silence_and_a_healthy_call_is_left_alone() {
        assert_eq!(steps(60, |now| (now, Some(now), Some(now))), []);
        assert_eq!(steps(60, |_| (7, None, None)), []);
    }

    #[test]
    fn a_silent_line_on_a_living_path_asks_for_a_fresh_connection() {
        assert_eq!(
            steps(5, |now| (now, Some(100), Some(now))),
            [(3000, Step::Fresh)]
        );
        assert_eq!(
            steps(8, |now| (now, Some(now), Some(100))),
            [(6000, Step::Fresh)]
        );
    }

    #[test]
    fn the_line_is_asked_once_a_silence_and_before_patience_ends() {
        let start = Instant::now();
        let expected = BTreeMap::from([("a".to_owned(), MediaKind::Audio)]);
        let mut recovery = Recovery::default();
        let mut asked = Vec::new();
        for millis in (0..=4000).step_by(200) {
            // Silent from 1 s to 2 s, and from 3 s on.
            let bytes = match millis {
                ..1000 => millis,
                1000..2000 => 1000,
                _ => millis.min(3000),
            };
            let received = Received {
                transport: bytes,
                by_line: BTreeMap::from([("a".to_owned(), bytes)]),
            };
            let now = start + Duration::from_millis(millis);
            recovery.observe(now, &expected, &received);
            if recovery.doubts(now) {
                asked.push(millis);
            }
        }
        assert_eq!(asked, [1400, 3400]);
    }

    #[test]
    fn what_the_stack_says_of_a_path_is_believed_only_where_nothing_comes() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut recovery = Recovery::default();
        assert!(recovery.believes(start));
        // Nobody is expected to send, yet something comes until 1 s.
        for millis in (0..=2000).step_by(200) {
            let received = Received {
                transport: millis.min(1000),
                ..Received::default()
            };
            recovery.observe(at(millis), &BTreeMap::new(), &received);
            let silent = millis == 0 || millis >= 1400;
            assert_eq!(recovery.believes(at(millis)), silent, "{millis}");
        }
        recovery.asked(Step::Ice, at(2000));
        assert!(!recovery.believes(at(3999)));
        assert!(recovery.believes(at(4000)));
    }

    #[test]
    fn a_hint_of_the_system_shortens_the_patience() {
        let start = Instant::now();
        let expected = BTreeMap::from([("a".to_owned(), MediaKind::Audio)]);
        let mut recovery = Recovery::default();
        let observe = |recovery: &mut Recovery, millis: u64| {
            let received = Received {
                transport: millis.min(1000),
                by_line: BTreeMap::from([("a".to_owned(), millis.min(1000))]),
            };
            recovery.observe(start + Duration::from_millis(millis), &expected, &received)
        };
        for millis in (0..=1000).step_by(100) {
            assert_eq!(observe(&mut recovery, millis), None);
        }
        recovery.suspect(start + Duration::from_millis(1050));
        assert_eq!(observe(&mut recovery, 1200), None);
        assert_eq!(observe(&mut recovery, 1300), Some(Step::Ice));
        recovery.asked(Step::Ice, start + Duration::from_millis(1300));
        assert_eq!(observe(&mut recovery, 1500), None);
        // What was asked on a line that broke is asked anew on the next.
        recovery.seated();
        assert_eq!(observe(&mut recovery, 1600), Some(Step::Ice));
    }
}
