//! Who receives which packet: a pure table from a publisher to the lines of its
//! subscribers, and the header arithmetic that lets a line change publisher.
//!
//! Two facts meet here: what the room document *allows*, and which lines are
//! *negotiated*. A packet leaves only where both hold, and the lookup itself
//! checks it, so that a new document silences somebody with the very next
//! packet, before any renegotiation. Nothing here knows sockets or payloads.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::protocol::MediaKind;
use crate::transport::{PairId, RtpPacket};

/// A seat of one room, numbered by that room when it first sees it and never again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeatIndex(pub u32);

/// The table of one room.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    allowed: BTreeSet<(SeatIndex, SeatIndex)>,
    lines: Vec<Line>,
}

/// A negotiated pair on which `subscriber` may receive `publisher`.
#[derive(Debug)]
struct Line {
    subscriber: SeatIndex,
    /// None while the pair is closed. It is remembered all the same: the pair
    /// keeps its SSRCs, and the subscriber's browser refuses, as a replay, every
    /// number below the highest that it decrypted on them (RFC 3711 section 3.3.2).
    publisher: Option<SeatIndex>,
    pair: PairId,
    audio: Rewrite,
    video: Rewrite,
}

/// Where one packet goes, and how it must look there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub subscriber: SeatIndex,
    pub pair: PairId,
    pub packet: RtpPacket,
}

impl Forwarding {
    /// Replaces who may hear whom, as (subscriber, publisher). Answers the
    /// publishers whose image somebody newly receives: they owe a keyframe.
    pub fn allow(&mut self, allowed: BTreeSet<(SeatIndex, SeatIndex)>) -> BTreeSet<SeatIndex> {
        let fresh = self
            .lines
            .iter()
            .filter_map(|line| line.publisher.map(|publisher| (line.subscriber, publisher)))
            .filter(|pair| allowed.contains(pair) && !self.allowed.contains(pair))
            .map(|(_, publisher)| publisher)
            .collect();
        self.allowed = allowed;
        fresh
    }

    /// Whether media of `publisher` may reach `subscriber` at this moment.
    pub fn allows(&self, subscriber: SeatIndex, publisher: SeatIndex) -> bool {
        self.allowed.contains(&(subscriber, publisher))
    }

    /// Replaces the negotiated lines of a subscriber, as (publisher, pair).
    ///
    /// A pair keeps its numbering, even under another publisher and after a time
    /// without any; on a fresh connection (`fresh`) every browser-side memory is
    /// gone and numbering starts anew. Answers the publishers that are newly received.
    pub fn connect(
        &mut self,
        subscriber: SeatIndex,
        wanted: &[(SeatIndex, PairId)],
        fresh: bool,
    ) -> BTreeSet<SeatIndex> {
        if fresh {
            self.lines.retain(|line| line.subscriber != subscriber);
        }
        let mut new = BTreeSet::new();
        for line in &mut self.lines {
            if line.subscriber != subscriber {
                continue;
            }
            let publisher = wanted
                .iter()
                .find(|(_, pair)| *pair == line.pair)
                .map(|(publisher, _)| *publisher);
            if line.publisher != publisher {
                line.publisher = publisher;
                line.audio.change_source();
                line.video.change_source();
                new.extend(publisher);
            }
        }
        for (publisher, pair) in wanted {
            let held = self
                .lines
                .iter()
                .any(|line| line.subscriber == subscriber && line.pair == *pair);
            if !held {
                new.insert(*publisher);
                self.lines.push(Line {
                    subscriber,
                    publisher: Some(*publisher),
                    pair: *pair,
                    audio: Rewrite::default(),
                    video: Rewrite::default(),
                });
            }
        }
        new
    }

    /// A publisher starts over with a new connection: its numbering has nothing
    /// to do with the former one.
    pub fn restart_source(&mut self, publisher: SeatIndex) {
        for line in &mut self.lines {
            if line.publisher == Some(publisher) {
                line.audio.change_source();
                line.video.change_source();
            }
        }
    }

    /// Every destination of a packet of `publisher`, rewritten for each.
    pub fn route(
        &mut self,
        publisher: SeatIndex,
        kind: MediaKind,
        packet: &RtpPacket,
        mut send: impl FnMut(Destination),
    ) {
        for line in &mut self.lines {
            if line.publisher != Some(publisher) {
                continue;
            }
            let rewrite = match kind {
                MediaKind::Audio => &mut line.audio,
                MediaKind::Video => &mut line.video,
            };
            if !self.allowed.contains(&(line.subscriber, publisher)) {
                // What is withheld leaves no gap that the browser would ask for.
                rewrite.change_source();
                continue;
            }
            let Some((sequence, timestamp)) =
                rewrite.apply(packet.sequence, packet.timestamp, kind)
            else {
                continue;
            };
            send(Destination {
                subscriber: line.subscriber,
                pair: line.pair,
                packet: RtpPacket {
                    sequence,
                    timestamp,
                    ..packet.clone()
                },
            });
        }
    }

    /// Whom a subscriber sees on a pair, if they may.
    pub fn publisher_of(&self, subscriber: SeatIndex, pair: PairId) -> Option<SeatIndex> {
        self.lines
            .iter()
            .find(|line| line.subscriber == subscriber && line.pair == pair)
            .and_then(|line| line.publisher)
            .filter(|publisher| self.allowed.contains(&(subscriber, *publisher)))
    }
}

/// Keeps sequence numbers and timestamps of one line continuous while what
/// stands behind it changes.
#[derive(Debug, Default)]
struct Rewrite {
    /// Added to the source's numbers; none until the next packet fixes it.
    offsets: Option<(u16, u32)>,
    /// The first source number since the offsets were fixed.
    start: u16,
    /// The highest numbers sent on this line.
    sent: Option<(u16, u32)>,
}

impl Rewrite {
    fn change_source(&mut self) {
        self.offsets = None;
    }

    /// The numbers to send with; none for a packet from before the source was taken.
    fn apply(&mut self, sequence: u16, timestamp: u32, kind: MediaKind) -> Option<(u16, u32)> {
        let (by_sequence, by_timestamp) = *self.offsets.get_or_insert_with(|| {
            self.start = sequence;
            match self.sent {
                None => (0, 0),
                Some((last_sequence, last_timestamp)) => {
                    // One frame further: 20 ms of sound at 48 kHz, 33 ms of image at 90 kHz.
                    let step = match kind {
                        MediaKind::Audio => 960,
                        MediaKind::Video => 3_000,
                    };
                    (
                        last_sequence.wrapping_add(1).wrapping_sub(sequence),
                        last_timestamp.wrapping_add(step).wrapping_sub(timestamp),
                    )
                }
            }
        });
        if is_before(sequence, self.start) && self.sent.is_some() {
            let behind_start = self.start.wrapping_sub(sequence);
            // Only near the switch can a late packet belong to before it.
            if behind_start < 512 {
                return None;
            }
        }
        let out = (
            sequence.wrapping_add(by_sequence),
            timestamp.wrapping_add(by_timestamp),
        );
        if self
            .sent
            .is_none_or(|(highest, _)| is_before(highest, out.0))
        {
            self.sent = Some(out);
            // Once far from the start, the guard above would wrap around.
            if sequence.wrapping_sub(self.start) > 0x4000 {
                self.start = sequence.wrapping_sub(0x2000);
            }
        }
        Some(out)
    }
}

/// Whether `a` comes before `b` on the circle of 16-bit numbers (RFC 1982).
fn is_before(a: u16, b: u16) -> bool {
    a != b && b.wrapping_sub(a) < 0x8000
}

/// Which packets of one source were already seen, in a window of 1024, so that
/// a packet repaired twice is forwarded once; and how many should have come.
#[derive(Debug)]
pub(crate) struct Arrivals {
    window: [u64; Self::WORDS],
    highest: Option<u16>,
    expected: u64,
    received: u64,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            window: [0; Self::WORDS],
            highest: None,
            expected: 0,
            received: 0,
        }
    }
}

impl Arrivals {
    const WORDS: usize = 16;
    const SIZE: u16 = 1024;

    /// Notes a packet; false if it was here before or is too old to tell.
    pub fn note(&mut self, sequence: u16) -> bool {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            self.expected = 1;
            self.received = 1;
            self.set(sequence);
            return true;
        };
        if is_before(highest, sequence) {
            let ahead = sequence.wrapping_sub(highest);
            if ahead >= Self::SIZE {
                // The source jumped: what came before says nothing any more.
                self.window = [0; Self::WORDS];
                self.expected += 1;
            } else {
                for step in 1..=ahead {
                    self.clear(highest.wrapping_add(step));
                }
                self.expected += u64::from(ahead);
            }
            self.highest = Some(sequence);
        } else if highest.wrapping_sub(sequence) >= Self::SIZE || self.is_set(sequence) {
            return false;
        }
        self.set(sequence);
        self.received += 1;
        true
    }

    /// (expected, received) since the beginning; received may be the larger one
    /// for a moment when a source starts out of order.
    pub fn totals(&self) -> (u64, u64) {
        (self.expected, self.received)
    }

    fn place(sequence: u16) -> (usize, u64) {
        let bit = usize::from(sequence % Self::SIZE);
        (bit / 64, 1 << (bit % 64))
    }

    fn set(&mut self, sequence: u16) {
        let (word, mask) = Self::place(sequence);
        self.window[word] |= mask;
    }

    fn clear(&mut self, sequence: u16) {
        let (word, mask) = Self::place(sequence);
        self.window[word] &= !mask;
    }

    fn is_set(&self, sequence: u16) -> bool {
        let (word, mask) = Self::place(sequence);
        self.window[word] & mask != 0
    }
}

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
    use bytes::Bytes;

    use super::*;

    const A: SeatIndex = SeatIndex(0);
    const B: SeatIndex = SeatIndex(1);
    const C: SeatIndex = SeatIndex(2);

    fn packet(sequence: u16, timestamp: u32) -> RtpPacket {
        RtpPacket {
            payload_type: 96,
            marker: false,
            sequence,
            timestamp,
            payload: Bytes::from_static(b"x"),
        }
    }

    fn routed(table: &mut Forwarding, publisher: SeatIndex, sequence: u16) -> Vec<(u32, u16, u16)> {
        let mut out = Vec::new();
        table.route(
            publisher,
            MediaKind::Video,
            &packet(sequence, u32::from(sequence) * 10),
            |to| out.push((to.subscriber.0, to.pair.0, to.packet.sequence)),
        );
        out
    }

    #[test]
    fn a_packet_leaves_only_where_it_is_allowed_and_negotiated() {
        for (case, allowed, negotiated, reaches) in [
            ("both", true, true, true),
            ("allowed only", true, false, false),
            ("negotiated only", false, true, false),
            ("neither", false, false, false),
        ] {
            let mut table = Forwarding::default();
            if allowed {
                table.allow(BTreeSet::from([(B, A)]));
            }
            if negotiated {
                table.connect(B, &[(A, PairId(0))], true);
            }
            let expected = if reaches { vec![(1, 0, 5)] } else { vec![] };
            assert_eq!(routed(&mut table, A, 5), expected, "{case}");
            assert_eq!(
                table.publisher_of(B, PairId(0)),
                reaches.then_some(A),
                "{case}"
            );
        }
    }

    #[test]
    fn a_new_document_silences_with_the_next_packet_and_leaves_no_gap() {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(B, A), (C, A)]));
        table.connect(B, &[(A, PairId(0))], true);
        table.connect(C, &[(A, PairId(3))], true);
        assert_eq!(routed(&mut table, A, 100), [(1, 0, 100), (2, 3, 100)]);

        table.allow(BTreeSet::from([(C, A)]));
        assert_eq!(routed(&mut table, A, 101), [(2, 3, 101)]);

        let owed = table.allow(BTreeSet::from([(B, A), (C, A)]));
        assert_eq!(owed, BTreeSet::from([A]));
        assert_eq!(routed(&mut table, A, 102), [(1, 0, 101), (2, 3, 102)]);
        // Late, from while B heard nothing: it must not come out as a number already used.
        assert_eq!(routed(&mut table, A, 101), [(2, 3, 101)]);
    }

    #[test]
    fn a_line_stays_continuous_when_its_publisher_changes() {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(C, A), (C, B)]));
        assert_eq!(
            table.connect(C, &[(A, PairId(0))], true),
            BTreeSet::from([A])
        );
        assert_eq!(routed(&mut table, A, 65_535), [(2, 0, 65_535)]);
        assert_eq!(
            table.connect(C, &[(B, PairId(0))], false),
            BTreeSet::from([B])
        );
        assert_eq!(routed(&mut table, A, 0), []);
        assert_eq!(routed(&mut table, B, 9_000), [(2, 0, 0)]);
        assert_eq!(routed(&mut table, B, 9_002), [(2, 0, 2)]);
        assert_eq!(routed(&mut table, B, 9_001), [(2, 0, 1)]);

        table.restart_source(B);
        assert_eq!(routed(&mut table, B, 17), [(2, 0, 3)]);
        // A fresh connection of the subscriber remembers nothing.
        table.connect(C, &[(B, PairId(0))], true);
        assert_eq!(routed(&mut table, B, 18), [(2, 0, 18)]);
    }

    #[test]
    fn a_pair_that_was_closed_goes_on_where_it_stopped() {
        // Whoever comes back numbers from a place of their own: below, above, far
        // around the corner.
        for start in [5, 30_001, 62_000] {
            let mut table = Forwarding::default();
            table.allow(BTreeSet::from([(B, A)]));
            table.connect(B, &[(A, PairId(0))], true);
            assert_eq!(routed(&mut table, A, 30_000), [(1, 0, 30_000)]);
            assert_eq!(table.connect(B, &[], false), BTreeSet::new());
            assert_eq!(routed(&mut table, A, 30_001), []);
            assert_eq!(table.publisher_of(B, PairId(0)), None);

            assert_eq!(
                table.connect(B, &[(A, PairId(0))], false),
                BTreeSet::from([A])
            );
            assert_eq!(routed(&mut table, A, start), [(1, 0, 30_001)], "{start}");
            assert_eq!(table.publisher_of(B, PairId(0)), Some(A));

            // Nothing is left of a connection that is gone.
            table.connect(B, &[], true);
            assert!(table.lines.is_empty());
        }
    }

    #[test]
    fn timestamps_move_on_by_a_frame_at_a_change() {
        let mut rewrite = Rewrite::default();
        assert_eq!(rewrite.apply(1, 1_000, MediaKind::Audio), Some((1, 1_000)));
        rewrite.change_source();
        assert_eq!(rewrite.apply(500, 77, MediaKind::Audio), Some((2, 1_960)));
        assert_eq!(
            rewrite.apply(501, 77 + 960, MediaKind::Audio),
            Some((3, 2_920))
        );
    }

    #[test]
    fn a_long_stream_is_never_cut_by_the_guard_against_late_packets() {
        let mut rewrite = Rewrite::default();
        let mut sequence = 65_000_u16;
        for step in 0..200_000_u32 {
            assert!(rewrite.apply(sequence, step, MediaKind::Video).is_some());
            sequence = sequence.wrapping_add(1);
        }
    }

    #[test]
    fn each_packet_counts_once() {
        for (case, sequences, fresh, totals) in [
            ("in order", vec![1, 2, 3], vec![true, true, true], (3, 3)),
            ("twice", vec![1, 1], vec![true, false], (1, 1)),
            (
                "repaired, then again",
                vec![1, 3, 2, 2],
                vec![true, true, true, false],
                (3, 3),
            ),
            ("lost", vec![1, 4], vec![true, true], (4, 2)),
            (
                "around the corner",
                vec![65_535, 0, 65_535, 1],
                vec![true, true, false, true],
                (3, 3),
            ),
            ("far too old", vec![5_000, 3_000], vec![true, false], (1, 1)),
            ("a jump", vec![1, 9_000], vec![true, true], (2, 2)),
        ] {
            let mut arrivals = Arrivals::default();
            let noted: Vec<bool> = sequences.iter().map(|s| arrivals.note(*s)).collect();
            assert_eq!(noted, fresh, "{case}");
            assert_eq!(arrivals.totals(), totals, "{case}");
        }
    }

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
