//! What one participant sends, packet by packet, and what is kept of it to
//! repair it when the server asks.

use bytes::{Bytes, BytesMut};
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp::Header;
use rtc::rtp::header::Extension;

use crate::leg::Protection;
use crate::sdp::{Format, Ssrcs};
use crate::shape::{Kind, Label};

/// Packets kept for repair: two seconds of image.
const KEPT: usize = 256;
/// The header extension's profile for one-byte numbers (RFC 8285).
const ONE_BYTE: u16 = 0xbede;
/// Between the epochs of NTP and Unix.
const NTP_OFFSET: u64 = 2_208_988_800;

/// One participant's sound and image.
pub struct Publisher {
    number: u32,
    ssrcs: Ssrcs,
    tracks: [Track; 2],
    repair: Track,
    kept: Vec<Option<Kept>>,
    scratch: Vec<u8>,
    /// Frames sent.
    pub frame: u64,
}

/// One SSRC on its way out.
struct Track {
    header: Header,
    packets: u32,
    octets: u32,
    /// Of the next label.
    number: u32,
}

#[derive(Clone, Copy)]
struct Kept {
    sequence: u16,
    timestamp: u32,
    marker: bool,
    label: Label,
}

fn track(ssrc: u32, format: Option<Format>, payload_type: Option<u8>, sequence: u16) -> Track {
    let mut header = Header {
        version: 2,
        payload_type: payload_type.unwrap_or_default(),
        sequence_number: sequence,
        timestamp: ssrc.wrapping_mul(2_654_435_761),
        ssrc,
        ..Header::default()
    };
    if let Some(id) = format.and_then(|format| format.transport_cc) {
        header.extension = true;
        header.extension_profile = ONE_BYTE;
        header.extensions = vec![Extension {
            id,
            payload: Bytes::from_static(&[0, 0]),
        }];
        // Three bytes, padded to four.
        header.extensions_padding = 1;
    }
    Track {
        header,
        packets: 0,
        octets: 0,
        number: 0,
    }
}

impl Publisher {
    /// Begins at low sequence numbers, as browsers do: a wrap within the first
    /// packets could cost the receiver its count of wraps.
    pub fn new(number: usize, formats: [Option<Format>; 2]) -> Self {
        let ssrcs = Ssrcs::of(number);
        let main = |kind: Kind, sequence| {
            let format = formats[kind.index()];
            let payload_type = format.map(|format| format.payload_type);
            track(ssrcs.media[kind.index()], format, payload_type, sequence)
        };
        let video = formats[Kind::Video.index()];
        Self {
            number: number as u32,
            ssrcs,
            tracks: [main(Kind::Audio, 1_000), main(Kind::Video, 2_000)],
            repair: track(ssrcs.rtx, video, video.and_then(|format| format.rtx), 1),
            kept: vec![None; KEPT],
            scratch: Vec::with_capacity(1500),
            frame: 0,
        }
    }

    /// The number of the next packet of a kind.
    pub fn next_number(&self, kind: Kind) -> u32 {
        self.tracks[kind.index()].number
    }

    /// Lets the clock of a kind go on by one packet of sound or one frame.
    pub fn advance(&mut self, kind: Kind) {
        let header = &mut self.tracks[kind.index()].header;
        header.timestamp = header.timestamp.wrapping_add(kind.timestamp_step());
    }

    /// The next packet.
    pub fn next(
        &mut self,
        kind: Kind,
        marker: bool,
        now_ns: u64,
        transport_sequence: &mut u16,
        protection: &mut Protection,
    ) -> Option<BytesMut> {
        let track = &mut self.tracks[kind.index()];
        let label = Label {
            publisher: self.number,
            kind,
            number: track.number,
            sent_ns: now_ns,
        };
        track.number += 1;
        track.header.marker = marker;
        if kind == Kind::Video {
            let sequence = track.header.sequence_number;
            self.kept[usize::from(sequence) % KEPT] = Some(Kept {
                sequence,
                timestamp: track.header.timestamp,
                marker,
                label,
            });
        }
        track.packet(
            None,
            label,
            transport_sequence,
            &mut self.scratch,
            protection,
        )
    }

    /// A packet again, in the repair format (RFC 4588); none if it is too old.
    pub fn again(
        &mut self,
        sequence: u16,
        transport_sequence: &mut u16,
        protection: &mut Protection,
    ) -> Option<BytesMut> {
        let kept = self.kept[usize::from(sequence) % KEPT]?;
        if kept.sequence != sequence || self.repair.header.payload_type == 0 {
            return None;
        }
        self.repair.header.timestamp = kept.timestamp;
        self.repair.header.marker = kept.marker;
        let scratch = &mut self.scratch;
        self.repair.packet(
            Some(sequence),
            kept.label,
            transport_sequence,
            scratch,
            protection,
        )
    }

    /// Whether an SSRC is this publisher's image.
    pub fn is_video(&self, ssrc: u32) -> bool {
        self.ssrcs.media[Kind::Video.index()] == ssrc
    }

    /// Its sender reports.
    pub fn reports(&self, now_ns: u64) -> [SenderReport; 2] {
        let seconds = now_ns / 1_000_000_000 + NTP_OFFSET;
        let fraction = ((now_ns % 1_000_000_000) << 32) / 1_000_000_000;
        [0, 1].map(|at| SenderReport {
            ssrc: self.ssrcs.media[at],
            ntp_time: seconds << 32 | fraction,
            rtp_time: self.tracks[at].header.timestamp,
            packet_count: self.tracks[at].packets,
            octet_count: self.tracks[at].octets,
            ..SenderReport::default()
        })
    }
}

impl Track {
    /// Writes the packet by hand, since the header's form never changes, and protects it.
    fn packet(
        &mut self,
        original: Option<u16>,
        label: Label,
        transport_sequence: &mut u16,
        scratch: &mut Vec<u8>,
        protection: &mut Protection,
    ) -> Option<BytesMut> {
        let header = &self.header;
        scratch.clear();
        scratch.push(0x80 | u8::from(header.extension) << 4);
        scratch.push(u8::from(header.marker) << 7 | header.payload_type);
        scratch.extend(header.sequence_number.to_be_bytes());
        scratch.extend(header.timestamp.to_be_bytes());
        scratch.extend(header.ssrc.to_be_bytes());
        if let Some(extension) = header.extensions.first() {
            scratch.extend(ONE_BYTE.to_be_bytes());
            scratch.extend([0, 1, extension.id << 4 | 1]);
            scratch.extend(transport_sequence.to_be_bytes());
            scratch.push(0);
            *transport_sequence = transport_sequence.wrapping_add(1);
        }
        if let Some(original) = original {
            scratch.extend(original.to_be_bytes());
        }
        label.write(scratch);
        let packet = protection.protect(scratch, header);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(label.kind.bytes() as u32);
        self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
        packet
    }
}

#[cfg(test)]
mod tests {
    use rtc::shared::marshal::{MarshalSize, Unmarshal};

    use super::*;

    #[test]
    fn packets_are_what_the_library_reads_and_repairs_repeat_them() {
        for transport_cc in [None, Some(5)] {
            let format = |payload_type, rtx| {
                Some(Format {
                    payload_type,
                    rtx,
                    transport_cc,
                })
            };
            let mut publisher = Publisher::new(9, [format(111, None), format(96, Some(97))]);
            let (mut transport, mut plain) = (700, Protection::Plain);
            let mut sent = Vec::new();
            for number in 0..300_u64 {
                let packet = publisher
                    .next(
                        Kind::Video,
                        number % 5 == 4,
                        number,
                        &mut transport,
                        &mut plain,
                    )
                    .unwrap();
                let header = Header::unmarshal(&mut &packet[..]).unwrap();
                assert_eq!(
                    header.marshal_size(),
                    publisher.tracks[1].header.marshal_size()
                );
                assert_eq!(header.marker, number % 5 == 4);
                let label = Label::read(&packet[header.marshal_size()..]).unwrap();
                assert_eq!((label.publisher, u64::from(label.number)), (9, number));
                if let Some(id) = transport_cc {
                    let extension = header.get_extension(id).unwrap();
                    assert_eq!(extension[..], (700 + number as u16).to_be_bytes());
                }
                sent.push((header, label));
            }
            let (header, label) = sent.last().unwrap();
            let again = publisher
                .again(header.sequence_number, &mut transport, &mut plain)
                .unwrap();
            let repair = Header::unmarshal(&mut &again[..]).unwrap();
            assert_eq!(
                (repair.payload_type, repair.timestamp),
                (97, header.timestamp)
            );
            let payload = &again[repair.marshal_size()..];
            assert_eq!(payload[..2], header.sequence_number.to_be_bytes());
            assert_eq!(Label::read(&payload[2..]), Some(*label));
            let old = sent[0].0.sequence_number;
            assert!(publisher.again(old, &mut transport, &mut plain).is_none());
        }
    }
}
