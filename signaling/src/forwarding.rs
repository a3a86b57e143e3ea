//! Who receives which packet: a pure table from a published track to the lines of its
//! subscribers, and the header arithmetic that lets a line change publisher.
//!
//! Two facts meet here: what the room document *allows*, and which lines are
//! *negotiated*. A packet leaves only where both hold, and the lookup itself
//! checks it, so that a new document silences somebody with the very next
//! packet, before any renegotiation. Nothing here knows sockets or payloads.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::protocol::MediaKind;
use crate::transport::{LineId, RtpPacket, SenderClock};

/// A seat of one room, numbered by that room when it first sees it and never again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeatIndex(pub u32);

/// One track of one seat: what a line may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Source {
    pub seat: SeatIndex,
    pub kind: MediaKind,
}

/// The table of one room.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    allowed: BTreeSet<(SeatIndex, Source)>,
    lines: Vec<Line>,
    clocks: Vec<(Source, u8, SenderClock)>,
}

/// A negotiated line on which `subscriber` may receive `source`.
#[derive(Debug)]
struct Line {
    subscriber: SeatIndex,
    /// None while the line is closed. Its numbering is remembered all the same: a
    /// browser refuses, as a replay, every number below the highest that it
    /// decrypted from the line's source (RFC 3711 section 3.3.2).
    source: Option<Source>,
    line: LineId,
    /// Whether the document lets the subscriber hear the publisher, so that the
    /// lookup of a packet need not search for it.
    allowed: bool,
    /// The layer that the line carries, and the one that it should.
    layer: u8,
    wanted: u8,
    /// Nothing leaves although it might: the subscriber's way is too narrow.
    withheld: bool,
    rewrite: Rewrite,
}

/// What a line carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub line: LineId,
    pub source: Source,
    /// The layer that it should carry.
    pub wanted: u8,
    pub withheld: bool,
}

/// Where one packet goes, and how it must be numbered there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub subscriber: SeatIndex,
    pub line: LineId,
    pub sequence: u16,
    pub timestamp: u32,
    /// The publisher's clock in the line's own timestamps, when it changed.
    pub clock: Option<SenderClock>,
}

impl Forwarding {
    /// Replaces who may receive what, as (subscriber, track). Answers the
    /// images that somebody newly receives: they owe a keyframe.
    pub fn allow(&mut self, allowed: BTreeSet<(SeatIndex, Source)>) -> BTreeSet<Source> {
        self.allowed = allowed;
        let mut owed = BTreeSet::new();
        for line in &mut self.lines {
            let allowed = line.is_allowed(&self.allowed);
            if allowed && !line.allowed {
                owed.extend(line.source);
            }
            line.allowed = allowed;
        }
        owed.retain(|source| source.kind.is_image());
        owed
    }

    /// Whether a track may reach `subscriber` at this moment.
    pub fn allows(&self, subscriber: SeatIndex, source: Source) -> bool {
        self.allowed.contains(&(subscriber, source))
    }

    /// Replaces the negotiated lines of a subscriber.
    ///
    /// A line keeps its numbering, even under another source and after a time
    /// without any; on a fresh connection (`fresh`) every browser-side memory is
    /// gone and numbering starts anew. Answers the images that are newly received.
    pub fn connect(
        &mut self,
        subscriber: SeatIndex,
        wanted: &[(Source, LineId)],
        fresh: bool,
    ) -> BTreeSet<Source> {
        if fresh {
            self.lines.retain(|line| line.subscriber != subscriber);
        }
        let mut new = BTreeSet::new();
        for line in &mut self.lines {
            if line.subscriber != subscriber {
                continue;
            }
            let source = wanted
                .iter()
                .find(|(_, id)| *id == line.line)
                .map(|(source, _)| *source);
            if line.source != source {
                line.source = source;
                line.layer = 0;
                line.wanted = 0;
                line.withheld = false;
                line.rewrite.change_source();
                new.extend(source);
            }
        }
        for (source, id) in wanted {
            let held = self
                .lines
                .iter()
                .any(|line| line.subscriber == subscriber && line.line == *id);
            if !held {
                new.insert(*source);
                self.lines.push(Line {
                    subscriber,
                    source: Some(*source),
                    line: *id,
                    allowed: false,
                    layer: 0,
                    wanted: 0,
                    withheld: false,
                    rewrite: Rewrite::default(),
                });
            }
        }
        for line in &mut self.lines {
            line.allowed = line.is_allowed(&self.allowed);
        }
        new.retain(|source| source.kind.is_image());
        new
    }

    /// A publisher starts over with a new connection: its numbering has nothing
    /// to do with the former one.
    pub fn restart_source(&mut self, publisher: SeatIndex) {
        self.clocks.retain(|(source, ..)| source.seat != publisher);
        for line in &mut self.lines {
            if line.source.is_some_and(|source| source.seat == publisher) {
                line.layer = 0;
                line.wanted = 0;
                line.rewrite.change_source();
            }
        }
    }

    /// Every destination of a packet of `source` that came at `now`, numbered for
    /// each. `keyframe` says that the packet begins a keyframe; it matters to
    /// layers only.
    pub fn route(
        &mut self,
        source: Source,
        layer: u8,
        packet: &RtpPacket,
        keyframe: bool,
        now: Instant,
        mut send: impl FnMut(Destination),
    ) {
        for line in &mut self.lines {
            if line.source != Some(source) {
                continue;
            }
            if !line.allowed || line.withheld {
                // What is withheld leaves no gap that the browser would ask for.
                line.rewrite.change_source();
                continue;
            }
            if layer != line.layer {
                // A layer can be taken up only where its image begins; any will do
                // while nothing is shown yet.
                if !keyframe || (layer != line.wanted && line.rewrite.offsets.is_some()) {
                    continue;
                }
                line.layer = layer;
                line.rewrite.change_source();
            }
            let starts = line.rewrite.offsets.is_none();
            let Some((sequence, timestamp)) =
                line.rewrite
                    .apply(packet.sequence, packet.timestamp, source.kind, now)
            else {
                continue;
            };
            let clock = if starts {
                self.clocks
                    .iter()
                    .find(|(of, on, _)| *of == source && *on == layer)
                    .and_then(|(.., clock)| line.rewrite.clock(*clock))
            } else {
                None
            };
            send(Destination {
                subscriber: line.subscriber,
                line: line.line,
                sequence,
                timestamp,
                clock,
            });
        }
    }

    /// A publisher told which wall clock goes with which timestamp. Answers the
    /// same for every line that carries it, so that the subscribers' browsers
    /// keep sound and image together.
    pub fn set_clock(
        &mut self,
        source: Source,
        layer: u8,
        clock: SenderClock,
        mut send: impl FnMut(SeatIndex, LineId, SenderClock),
    ) {
        match self
            .clocks
            .iter_mut()
            .find(|(of, on, _)| *of == source && *on == layer)
        {
            Some((.., held)) => *held = clock,
            None => self.clocks.push((source, layer, clock)),
        }
        for line in &self.lines {
            if line.source == Some(source)
                && line.layer == layer
                && line.allowed
                && let Some(clock) = line.rewrite.clock(clock)
            {
                send(line.subscriber, line.line, clock);
            }
        }
    }

    /// Says which layer of a simulcast image a line should carry; it changes with
    /// that layer's next keyframe. Answers whose keyframe that needs.
    pub fn want_layer(
        &mut self,
        subscriber: SeatIndex,
        id: LineId,
        layer: u8,
    ) -> Option<(Source, u8)> {
        let line = self.line_mut(subscriber, id)?;
        line.wanted = layer;
        (line.layer != layer)
            .then_some(line.source)
            .flatten()
            .map(|source| (source, layer))
    }

    /// Holds a line's packets back, or lets them go again. Answers whose keyframe
    /// that needs.
    pub fn withhold(
        &mut self,
        subscriber: SeatIndex,
        id: LineId,
        withheld: bool,
    ) -> Option<(Source, u8)> {
        let line = self.line_mut(subscriber, id)?;
        let released = std::mem::replace(&mut line.withheld, withheld) && !withheld;
        let layer = line.layer;
        released
            .then_some(line.source)
            .flatten()
            .map(|source| (source, layer))
    }

    /// What a subscriber may receive at this moment, line by line.
    pub fn lines_of(&self, subscriber: SeatIndex) -> Vec<Carried> {
        self.lines
            .iter()
            .filter(|line| line.subscriber == subscriber && line.allowed)
            .filter_map(|line| {
                Some(Carried {
                    line: line.line,
                    source: line.source?,
                    wanted: line.wanted,
                    withheld: line.withheld,
                })
            })
            .collect()
    }

    /// What a subscriber sees on a line and on which layer, if they may.
    pub fn source_of(&self, subscriber: SeatIndex, id: LineId) -> Option<(Source, u8)> {
        self.lines
            .iter()
            .find(|line| line.subscriber == subscriber && line.line == id && line.allowed)
            .and_then(|line| Some((line.source?, line.layer)))
    }

    /// The images that a subscriber receives, and on which layer.
    pub fn images_of(&self, subscriber: SeatIndex) -> impl Iterator<Item = (Source, u8)> {
        self.lines
            .iter()
            .filter(move |line| line.subscriber == subscriber && line.allowed)
            .filter_map(|line| Some((line.source?, line.layer)))
            .filter(|(source, _)| source.kind.is_image())
    }

    /// The lines on which a subscriber receives images.
    pub fn images_on_lines(&self, subscriber: SeatIndex) -> impl Iterator<Item = (LineId, Source)> {
        self.lines
            .iter()
            .filter(move |line| line.subscriber == subscriber && line.allowed)
            .filter_map(|line| Some((line.line, line.source?)))
            .filter(|(_, source)| source.kind.is_image())
    }

    fn line_mut(&mut self, subscriber: SeatIndex, id: LineId) -> Option<&mut Line> {
        self.lines
            .iter_mut()
            .find(|line| line.subscriber == subscriber && line.line == id)
    }
}

impl Line {
    fn is_allowed(&self, allowed: &BTreeSet<(SeatIndex, Source)>) -> bool {
        self.source
            .is_some_and(|source| allowed.contains(&(self.subscriber, source)))
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
    /// The highest numbers sent on this line, and when.
    sent: Option<(u16, u32, Instant)>,
}

/// A longer silence of a line says no more about its timestamps, which go round.
const LONGEST_SILENCE: Duration = Duration::from_secs(3 * 60 * 60);

impl Rewrite {
    fn change_source(&mut self) {
        self.offsets = None;
    }

    /// The source's clock in the timestamps of the line.
    fn clock(&self, clock: SenderClock) -> Option<SenderClock> {
        let (_, by_timestamp) = self.offsets?;
        Some(SenderClock {
            timestamp: clock.timestamp.wrapping_add(by_timestamp),
            ..clock
        })
    }

    /// The numbers to send with; none for a packet from before the source was taken.
    ///
    /// At a change of source the timestamps move on by the time that passed: a
    /// browser plays sound and image together by how their timestamps and the
    /// clocks of sender reports go along, and would delay one of them by every
    /// second that a line's timestamps did not know of.
    fn apply(
        &mut self,
        sequence: u16,
        timestamp: u32,
        kind: MediaKind,
        now: Instant,
    ) -> Option<(u16, u32)> {
        let (by_sequence, by_timestamp) = *self.offsets.get_or_insert_with(|| {
            self.start = sequence;
            match self.sent {
                None => (0, 0),
                Some((last_sequence, last_timestamp, at)) => {
                    let rate = u64::from(kind.clock_rate());
                    // One frame further at least: 20 ms of sound, 33 ms of image.
                    let frame = if kind.is_image() {
                        rate / 30
                    } else {
                        rate / 50
                    };
                    let silence = now.saturating_duration_since(at).min(LONGEST_SILENCE);
                    let passed = silence.as_micros() as u64 * rate / 1_000_000;
                    let step = passed.max(frame) as u32;
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
            .is_none_or(|(highest, ..)| is_before(highest, out.0))
        {
            self.sent = Some((out.0, out.1, now));
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

    const fn image(seat: SeatIndex) -> Source {
        Source {
            seat,
            kind: MediaKind::Video,
        }
    }

    fn routed(table: &mut Forwarding, publisher: SeatIndex, sequence: u16) -> Vec<(u32, u16, u16)> {
        routed_on(table, image(publisher), 0, false, sequence)
    }

    fn routed_on(
        table: &mut Forwarding,
        source: Source,
        layer: u8,
        keyframe: bool,
        sequence: u16,
    ) -> Vec<(u32, u16, u16)> {
        let mut out = Vec::new();
        table.route(
            source,
            layer,
            &packet(sequence, u32::from(sequence) * 10),
            keyframe,
            Instant::now(),
            |to| out.push((to.subscriber.0, to.line.0, to.sequence)),
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
                table.allow(BTreeSet::from([(B, image(A))]));
            }
            if negotiated {
                table.connect(B, &[(image(A), LineId(0))], true);
            }
            let expected = if reaches { vec![(1, 0, 5)] } else { vec![] };
            assert_eq!(routed(&mut table, A, 5), expected, "{case}");
            assert_eq!(
                table.source_of(B, LineId(0)),
                reaches.then_some((image(A), 0)),
                "{case}"
            );
        }
    }

    #[test]
    fn a_new_document_silences_with_the_next_packet_and_leaves_no_gap() {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(B, image(A)), (C, image(A))]));
        table.connect(B, &[(image(A), LineId(0))], true);
        table.connect(C, &[(image(A), LineId(3))], true);
        assert_eq!(routed(&mut table, A, 100), [(1, 0, 100), (2, 3, 100)]);

        table.allow(BTreeSet::from([(C, image(A))]));
        assert_eq!(routed(&mut table, A, 101), [(2, 3, 101)]);

        let owed = table.allow(BTreeSet::from([(B, image(A)), (C, image(A))]));
        assert_eq!(owed, BTreeSet::from([image(A)]));
        assert_eq!(routed(&mut table, A, 102), [(1, 0, 101), (2, 3, 102)]);
        // Late, from while B heard nothing: it must not come out as a number already used.
        assert_eq!(routed(&mut table, A, 101), [(2, 3, 101)]);
    }

    #[test]
    fn a_line_stays_continuous_when_its_publisher_changes() {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(C, image(A)), (C, image(B))]));
        assert_eq!(
            table.connect(C, &[(image(A), LineId(0))], true),
            BTreeSet::from([image(A)])
        );
        assert_eq!(routed(&mut table, A, 65_535), [(2, 0, 65_535)]);
        assert_eq!(
            table.connect(C, &[(image(B), LineId(0))], false),
            BTreeSet::from([image(B)])
        );
        assert_eq!(routed(&mut table, A, 0), []);
        assert_eq!(routed(&mut table, B, 9_000), [(2, 0, 0)]);
        assert_eq!(routed(&mut table, B, 9_002), [(2, 0, 2)]);
        assert_eq!(routed(&mut table, B, 9_001), [(2, 0, 1)]);

        table.restart_source(B);
        assert_eq!(routed(&mut table, B, 17), [(2, 0, 3)]);
        // A fresh connection of the subscriber remembers nothing.
        table.connect(C, &[(image(B), LineId(0))], true);
        assert_eq!(routed(&mut table, B, 18), [(2, 0, 18)]);
    }

    #[test]
    fn a_line_that_was_closed_goes_on_where_it_stopped() {
        // Whoever comes back numbers from a place of their own: below, above, far
        // around the corner.
        for start in [5, 30_001, 62_000] {
            let mut table = Forwarding::default();
            table.allow(BTreeSet::from([(B, image(A))]));
            table.connect(B, &[(image(A), LineId(0))], true);
            assert_eq!(routed(&mut table, A, 30_000), [(1, 0, 30_000)]);
            assert_eq!(table.connect(B, &[], false), BTreeSet::new());
            assert_eq!(routed(&mut table, A, 30_001), []);
            assert_eq!(table.source_of(B, LineId(0)), None);

            assert_eq!(
                table.connect(B, &[(image(A), LineId(0))], false),
                BTreeSet::from([image(A)])
            );
            assert_eq!(routed(&mut table, A, start), [(1, 0, 30_001)], "{start}");
            assert_eq!(table.source_of(B, LineId(0)), Some((image(A), 0)));

            // Nothing is left of a connection that is gone.
            table.connect(B, &[], true);
            assert!(table.lines.is_empty());
        }
    }

    #[test]
    fn a_line_carries_one_layer_and_changes_where_an_image_begins() {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(B, image(A))]));
        table.connect(B, &[(image(A), LineId(0))], true);
        assert_eq!(routed_on(&mut table, image(A), 0, true, 10), [(1, 0, 10)]);
        assert_eq!(routed_on(&mut table, image(A), 1, true, 500), []);
        assert_eq!(
            table.want_layer(B, LineId(0), 1),
            Some((image(A), 1)),
            "its keyframe is needed"
        );
        for (case, layer, keyframe, sequence, expected) in [
            ("the old one goes on", 0, false, 11, Some(11)),
            ("not in the middle", 1, false, 501, None),
            ("changes", 1, true, 502, Some(12)),
            ("goes on", 1, false, 503, Some(13)),
            ("the old one is over", 0, true, 12, None),
        ] {
            let expected: Vec<_> = expected.map(|number| (1, 0, number)).into_iter().collect();
            assert_eq!(
                routed_on(&mut table, image(A), layer, keyframe, sequence),
                expected,
                "{case}"
            );
        }
        assert_eq!(table.want_layer(B, LineId(0), 1), None);
        assert_eq!(table.source_of(B, LineId(0)), Some((image(A), 1)));
    }

    #[test]
    fn what_is_withheld_leaves_no_gap_and_comes_back_with_a_keyframe() {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(B, image(A))]));
        table.connect(B, &[(image(A), LineId(0))], true);
        assert_eq!(routed(&mut table, A, 10), [(1, 0, 10)]);
        assert_eq!(table.withhold(B, LineId(0), true), None);
        assert_eq!(routed(&mut table, A, 11), []);
        assert_eq!(table.withhold(B, LineId(0), false), Some((image(A), 0)));
        assert_eq!(routed(&mut table, A, 12), [(1, 0, 11)]);
    }

    #[test]
    fn the_publishers_clock_follows_the_numbering_of_each_line() {
        let mut table = Forwarding::default();
        table.allow(BTreeSet::from([(C, image(A)), (C, image(B))]));
        table.connect(C, &[(image(A), LineId(0))], true);
        let start = Instant::now();
        table.route(image(A), 0, &packet(100, 1_000), false, start, |_| {});
        table.connect(C, &[(image(B), LineId(0))], false);
        let clock = SenderClock {
            ntp: 7,
            timestamp: 50_000,
            at: start,
        };
        let mut told = Vec::new();
        table.set_clock(image(B), 0, clock, |_, _, clock| told.push(clock.timestamp));
        assert_eq!(told, [0_u32; 0], "no packet has shown the offset yet");
        // 1000 becomes 100 * 10 + one frame.
        let mut clocks = Vec::new();
        table.route(image(B), 0, &packet(9, 1_000), false, start, |to| {
            clocks.push((to.timestamp, to.clock.map(|clock| clock.timestamp)));
        });
        assert_eq!(clocks, [(4_000, Some(53_000))]);
        table.set_clock(image(B), 0, clock, |seat, line, clock| {
            assert_eq!((seat, line), (C, LineId(0)));
            told.push(clock.timestamp);
        });
        assert_eq!(told, [53_000]);
    }

    #[test]
    fn timestamps_move_on_by_the_time_that_passed_at_a_change() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let audio = MediaKind::Audio;
        let mut rewrite = Rewrite::default();
        assert_eq!(
            rewrite.apply(1, 1_000, audio, at(0)),
            Some((1, 1_000)),
            "the first as it is"
        );
        for (case, sequence, timestamp, ms, expected) in [
            ("at once: by a frame", 500, 77, 5, (2, 1_960)),
            ("goes on", 501, 77 + 960, 25, (3, 2_920)),
        ] {
            if sequence == 500 {
                rewrite.change_source();
            }
            let numbers = rewrite.apply(sequence, timestamp, audio, at(ms));
            assert_eq!(numbers, Some(expected), "{case}");
        }
        rewrite.change_source();
        assert_eq!(
            rewrite.apply(9, 5, audio, at(25 + 8_000)),
            Some((4, 2_920 + 8 * 48_000)),
            "eight seconds later"
        );
        // A day of silence must not look like a step back.
        rewrite.change_source();
        let (_, timestamp) = rewrite
            .apply(10, 5, audio, at(25 + 8_000 + 86_400_000))
            .unwrap();
        assert!(timestamp.wrapping_sub(2_920 + 8 * 48_000) < 1 << 31);
    }

    #[test]
    fn a_long_stream_is_never_cut_by_the_guard_against_late_packets() {
        let mut rewrite = Rewrite::default();
        let mut sequence = 65_000_u16;
        let now = Instant::now();
        for step in 0..200_000_u32 {
            assert!(
                rewrite
                    .apply(sequence, step, MediaKind::Video, now)
                    .is_some()
            );
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
