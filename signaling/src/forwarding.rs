//! Who receives which packet: a pure table from a published track to the lines of its
//! subscribers, and the header arithmetic that lets a line change publisher.
//!
//! Two facts meet here: what the room document *allows*, and which lines are
//! *negotiated*. A packet leaves only where both hold, and the lookup itself
//! checks it, so that a new document silences somebody with the very next
//! packet, before any renegotiation. Nothing here knows sockets or payloads.
//! `rewrite` is the arithmetic of one line, `arrivals` what came of one source.

mod arrivals;
mod rewrite;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Instant;

pub(crate) use self::arrivals::Arrivals;
use self::rewrite::Rewrite;
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

    /// A publisher sends a track's layer from another source: its numbering has
    /// nothing to do with the former one.
    pub fn restart_layer(&mut self, source: Source, layer: u8) {
        self.clocks
            .retain(|(of, on, _)| (*of, *on) != (source, layer));
        for line in &mut self.lines {
            if line.source == Some(source) && line.layer == layer {
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

/// Whether `a` comes before `b` on the circle of 16-bit numbers (RFC 1982).
fn is_before(a: u16, b: u16) -> bool {
    a != b && b.wrapping_sub(a) < 0x8000
}
