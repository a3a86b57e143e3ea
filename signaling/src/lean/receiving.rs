//! The sources that a participant sends on: which line and layer each is for,
//! what is missing of it, and what is reported of it.
//!
//! Browsers name most sources in their answers; those of layers they name only
//! in their packets. Everybody's count of sources is bounded, because each costs
//! memory before it is known to be good.

use std::time::{Duration, Instant};

use super::header::{RtpHeader, extension};
use super::nack::Missing;
use super::reception::Reception;
use super::sdp::{self, AnsweredLine, RIDS};
use crate::protocol::MediaKind;
use crate::transport::Codecs;
use crate::transport::payload_type::repair_of;

/// Sources that one participant may have at the same moment.
const MOST: usize = 24;
/// Sources that nobody announced, since the transport was made.
const MOST_STRANGERS: u32 = 1024;

/// A line on which the participant may send.
pub(super) struct PublishedLine {
    pub kind: MediaKind,
    pub mid: String,
    pub open: bool,
    pub simulcast: bool,
}

/// One source of packets.
pub(super) struct Stream {
    pub ssrc: u32,
    pub kind: MediaKind,
    pub layer: u8,
    /// It repeats packets of the source of the same kind and layer.
    pub repair: bool,
    pub missing: Missing,
    pub reception: Reception,
    pub last: Instant,
}

/// Every source of a participant.
#[derive(Default)]
pub(super) struct Streams {
    pub all: Vec<Stream>,
    /// The tracks and layers whose source was replaced and nobody was told yet.
    pub changed: Vec<(MediaKind, u8)>,
    strangers: u32,
    /// The place of the source found last: packets come in rows.
    last: usize,
}

impl Streams {
    /// The place of a source.
    pub fn find(&mut self, ssrc: u32) -> Option<usize> {
        if self
            .all
            .get(self.last)
            .is_some_and(|last| last.ssrc == ssrc)
        {
            return Some(self.last);
        }
        self.last = self.all.iter().position(|stream| stream.ssrc == ssrc)?;
        Some(self.last)
    }

    /// The place of the source of a kind and layer, or of its repairs.
    pub fn of(&self, kind: MediaKind, layer: u8, repair: bool) -> Option<usize> {
        self.all.iter().position(|stream| {
            stream.kind == kind && stream.layer == layer && stream.repair == repair
        })
    }

    /// Whether one more unknown source may be looked into. Each may cost memory.
    pub fn may_meet(&mut self) -> bool {
        if self.strangers == MOST_STRANGERS {
            return false;
        }
        self.strangers += 1;
        true
    }

    /// Takes the sources that an answer names.
    pub fn announce(&mut self, line: &PublishedLine, answered: &AnsweredLine, now: Instant) {
        let media = |source: &&sdp::Source| source.repairs.is_none();
        let sources: Vec<&sdp::Source> = answered.sources.iter().filter(media).collect();
        for (layer, source) in (0..RIDS.len() as u8).zip(sources) {
            self.add(source.ssrc, line.kind, layer, false, now);
            let repair = answered
                .sources
                .iter()
                .find(|other| other.repairs == Some(source.ssrc));
            if let Some(repair) = repair {
                self.add(repair.ssrc, line.kind, layer, true, now);
            }
            // Without simulcast, one source is what a line is for.
            if !line.simulcast {
                break;
            }
        }
    }

    /// Makes room for a source whose first packet was authenticated. Answers its place.
    pub fn meet(
        &mut self,
        lines: &[PublishedLine],
        codecs: Codecs,
        header: &RtpHeader,
        packet: &[u8],
        now: Instant,
    ) -> Option<usize> {
        let is_repair = |line: &PublishedLine| {
            let codecs = codecs.of(line.kind);
            if codecs.contains(&header.payload_type) {
                Some(false)
            } else {
                let repairs = |codec: &u8| repair_of(*codec) == header.payload_type;
                (line.kind.is_image() && codecs.iter().any(repairs)).then_some(true)
            }
        };
        let mid = header.extension(packet, extension::MID);
        let (line, repair) = lines
            .iter()
            .filter(|line| line.open && mid.is_none_or(|mid| mid == line.mid.as_bytes()))
            .find_map(|line| Some((line, is_repair(line)?)))?;
        let layer = if line.simulcast {
            let id = if repair {
                extension::REPAIRED_RID
            } else {
                extension::RID
            };
            let rid = header.extension(packet, id)?;
            let layer = RIDS.iter().position(|known| known.as_bytes() == rid)?;
            u8::try_from(layer).ok()?
        } else {
            0
        };
        self.add(header.ssrc, line.kind, layer, repair, now)
    }

    fn add(
        &mut self,
        ssrc: u32,
        kind: MediaKind,
        layer: u8,
        repair: bool,
        now: Instant,
    ) -> Option<usize> {
        if let Some(place) = self.all.iter().position(|stream| stream.ssrc == ssrc) {
            let held = &self.all[place];
            let same = (held.kind, held.layer, held.repair) == (kind, layer, repair);
            return same.then_some(place);
        }
        let clock_rate = kind.clock_rate();
        let stream = Stream {
            ssrc,
            kind,
            layer,
            repair,
            missing: Missing::default(),
            reception: Reception::new(clock_rate),
            last: now,
        };
        // One source of each: a new one takes the place of the former.
        if let Some(place) = self.of(kind, layer, repair) {
            self.all[place] = stream;
            if !repair {
                self.changed.push((kind, layer));
            }
            return Some(place);
        }
        if self.all.len() == MOST {
            return None;
        }
        self.all.push(stream);
        Some(self.all.len() - 1)
    }

    /// The sources whose packets are missing, asked for now.
    pub fn ask(
        &mut self,
        now: Instant,
        round_trip: Duration,
        mut ask: impl FnMut(u32, &[u16]),
    ) -> bool {
        let mut due = Vec::new();
        let mut left = false;
        for stream in &mut self.all {
            if stream.missing.is_empty() {
                continue;
            }
            due.clear();
            stream.missing.due(now, round_trip, &mut due);
            if !due.is_empty() {
                ask(stream.ssrc, &due);
            }
            left |= !stream.missing.is_empty();
        }
        left
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::lean::sdp::Source;

    fn lines(simulcast: bool) -> Vec<PublishedLine> {
        [MediaKind::Audio, MediaKind::Video, MediaKind::Screen]
            .into_iter()
            .zip(["0", "1", "2"])
            .map(|(kind, mid)| PublishedLine {
                kind,
                mid: mid.to_owned(),
                open: true,
                simulcast: simulcast && kind == MediaKind::Video,
            })
            .collect()
    }

    fn packet(ssrc: u8, payload_type: u8, extensions: &[(u8, &str)]) -> Vec<u8> {
        let mut elements = Vec::new();
        for (id, value) in extensions {
            elements.push(id << 4 | (value.len() as u8 - 1));
            elements.extend(value.as_bytes());
        }
        elements.resize(elements.len().next_multiple_of(4), 0);
        let mut packet = vec![0x90, payload_type, 0, 1, 0, 0, 0, 0, 0, 0, 0, ssrc];
        packet.extend([0xbe, 0xde, 0, (elements.len() / 4) as u8]);
        packet.extend(elements);
        packet
    }

    #[test]
    fn sources_are_told_apart_by_what_their_packets_say() {
        for (case, simulcast, packet, known) in [
            (
                "sound",
                false,
                packet(1, 111, &[]),
                Some((MediaKind::Audio, 0, false)),
            ),
            (
                "image",
                false,
                packet(1, 96, &[]),
                Some((MediaKind::Video, 0, false)),
            ),
            (
                "repairs",
                false,
                packet(1, 97, &[]),
                Some((MediaKind::Video, 0, true)),
            ),
            (
                "screen by its line",
                false,
                packet(1, 96, &[(1, "2")]),
                Some((MediaKind::Screen, 0, false)),
            ),
            ("no such line", false, packet(1, 96, &[(1, "9")]), None),
            ("not on that line", false, packet(1, 111, &[(1, "1")]), None),
            ("not offered", false, packet(1, 98, &[]), None),
            (
                "large layer",
                true,
                packet(1, 96, &[(1, "1"), (3, "h")]),
                Some((MediaKind::Video, 1, false)),
            ),
            (
                "repairs of the small one",
                true,
                packet(1, 97, &[(4, "l"), (1, "1")]),
                Some((MediaKind::Video, 0, true)),
            ),
            (
                "no such layer",
                true,
                packet(1, 96, &[(1, "1"), (3, "x")]),
                None,
            ),
            ("no layer", true, packet(1, 96, &[(1, "1")]), None),
        ] {
            let mut streams = Streams::default();
            let header = RtpHeader::parse(&packet).unwrap();
            let now = Instant::now();
            let place = streams.meet(&lines(simulcast), Codecs::default(), &header, &packet, now);
            let found = place.map(|place| {
                let stream = &streams.all[place];
                (stream.kind, stream.layer, stream.repair)
            });
            assert_eq!(found, known, "{case}");
        }
    }

    #[test]
    fn an_answer_announces_and_a_new_source_replaces_the_former() {
        let now = Instant::now();
        let mut streams = Streams::default();
        let answered = AnsweredLine {
            taken: true,
            sources: vec![
                Source {
                    ssrc: 1,
                    repairs: None,
                },
                Source {
                    ssrc: 2,
                    repairs: Some(1),
                },
                Source {
                    ssrc: 3,
                    repairs: None,
                },
            ],
        };
        streams.announce(&lines(false)[1], &answered, now);
        assert_eq!(streams.all.len(), 2);
        assert_eq!(streams.changed, []);
        let place = streams.find(2).unwrap();
        assert!(streams.all[place].repair);
        let packet = packet(9, 96, &[]);
        let header = RtpHeader::parse(&packet).unwrap();
        streams.meet(&lines(false), Codecs::default(), &header, &packet, now);
        assert_eq!(streams.all.len(), 2);
        assert_eq!(streams.find(1), None);
        assert_eq!(streams.find(9), streams.of(MediaKind::Video, 0, false));
        assert_eq!(streams.changed, [(MediaKind::Video, 0)]);
    }

    #[test]
    fn strangers_are_few() {
        let mut streams = Streams::default();
        let met = (0..3_000).filter(|_| streams.may_meet()).count();
        assert_eq!(met, MOST_STRANGERS as usize);
    }
}
