//! The RTP header (RFC 3550 section 5.1) and its extensions (RFC 8285), read
//! where they lie and written in front of a payload. Total on any input, and
//! nothing is allocated.

use bytes::Bytes;
use rtc_rtp::header::{Extension, Header};

/// Numbers of the header extensions in every offer.
pub(crate) mod extension {
    /// Which m-line a packet is for (RFC 9143).
    pub(crate) const MID: u8 = 1;
    /// Which packet of the whole transport it is, for congestion control.
    pub(crate) const TRANSPORT_CC: u8 = 2;
    /// Which layer of a simulcast image a packet is for (RFC 8852).
    pub(crate) const RID: u8 = 3;
    /// The same, of the packet that a retransmission repeats.
    pub(crate) const REPAIRED_RID: u8 = 4;
}

const FIXED: usize = 12;
const ONE_BYTE: u16 = 0xbede;
/// The fixed header and one extension of two bytes, padded.
pub(super) const SENT: usize = FIXED + 4 + 4;

/// What matters of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub padding: bool,
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// Where the payload begins.
    pub length: usize,
    csrcs: usize,
    /// Where the extensions begin and end, and in which form they are.
    extensions: Option<(u16, usize, usize)>,
}

impl RtpHeader {
    /// Reads a header; none if the bytes are not one.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let fixed = packet.get(..FIXED)?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let csrcs = usize::from(fixed[0] & 0x0f);
        let mut length = FIXED + 4 * csrcs;
        let mut extensions = None;
        if fixed[0] & 0x10 != 0 {
            let head = packet.get(length..length + 4)?;
            let form = u16::from_be_bytes([head[0], head[1]]);
            let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let start = length + 4;
            length = start + 4 * words;
            extensions = Some((form, start, length));
        }
        if packet.len() < length {
            return None;
        }
        Some(Self {
            padding: fixed[0] & 0x20 != 0,
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            length,
            csrcs,
            extensions,
        })
    }

    /// The value of an extension; `packet` is the one that the header was read from.
    pub fn extension<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        let (form, start, end) = self.extensions?;
        let mut rest = packet.get(start..end)?;
        let short = form == ONE_BYTE;
        if !short && form & 0xfff0 != 0x1000 {
            return None;
        }
        while let Some((first, after)) = rest.split_first() {
            // Padding between elements.
            if *first == 0 {
                rest = after;
                continue;
            }
            let (found, length, value) = if short {
                // 15 ends the elements.
                if first >> 4 == 15 {
                    return None;
                }
                (first >> 4, usize::from(first & 0x0f) + 1, after)
            } else {
                let (length, value) = after.split_first()?;
                (*first, usize::from(*length), value)
            };
            if found == id {
                return value.get(..length);
            }
            rest = value.get(length..)?;
        }
        None
    }

    /// Describes the header to the SRTP context, which reads the SSRC, the
    /// sequence number and the length, and reuses `described`.
    pub fn describe(&self, described: &mut Header) {
        // Any form but the two of RFC 8285 counts the bytes as they are.
        const FORM: u16 = 0;
        static NOTHING: [u8; 4 * 0xffff] = [0; 4 * 0xffff];
        described.version = 2;
        described.ssrc = self.ssrc;
        described.sequence_number = self.sequence;
        described.csrc.resize(self.csrcs, 0);
        described.extension = self.extensions.is_some();
        described.extension_profile = FORM;
        described.extensions.clear();
        if let Some((_, start, end)) = self.extensions {
            described.extensions.push(Extension {
                id: 0,
                payload: Bytes::from_static(&NOTHING[..end - start]),
            });
        }
    }

    /// The payload without its padding; none if the padding is longer than it.
    pub fn payload_end(&self, packet: &[u8]) -> Option<usize> {
        if !self.padding {
            return Some(packet.len());
        }
        let padding = usize::from(*packet.last()?);
        let end = packet.len().checked_sub(padding)?;
        (padding > 0 && end >= self.length).then_some(end)
    }
}

/// What a packet that leaves says in its header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgoing {
    pub padding: bool,
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub transport_sequence: u16,
}

impl Outgoing {
    /// Writes the header at the end of `packet`.
    pub fn write(&self, packet: &mut Vec<u8>) {
        let [sequence, timestamp] = [
            u32::from(self.sequence).to_be_bytes(),
            self.timestamp.to_be_bytes(),
        ];
        let ssrc = self.ssrc.to_be_bytes();
        let transport = self.transport_sequence.to_be_bytes();
        let header: [u8; SENT] = [
            0x90 | u8::from(self.padding) << 5,
            u8::from(self.marker) << 7 | self.payload_type,
            sequence[2],
            sequence[3],
            timestamp[0],
            timestamp[1],
            timestamp[2],
            timestamp[3],
            ssrc[0],
            ssrc[1],
            ssrc[2],
            ssrc[3],
            0xbe,
            0xde,
            0,
            1,
            extension::TRANSPORT_CC << 4 | 1,
            transport[0],
            transport[1],
            0,
        ];
        packet.extend_from_slice(&header);
    }

    /// The same to the SRTP context.
    pub fn describe(&self, described: &mut Header) {
        described.ssrc = self.ssrc;
        described.sequence_number = self.sequence;
        if described.extensions.is_empty() {
            described.version = 2;
            described.extension = true;
            described.extensions.push(Extension {
                id: 0,
                payload: Bytes::from_static(&[0; 4]),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rtc_shared::marshal::MarshalSize;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let outgoing = Outgoing {
            padding: false,
            marker: true,
            payload_type: 96,
            sequence: 0xfedc,
            timestamp: 0x0102_0304,
            ssrc: 0xa0b0_c0d0,
            transport_sequence: 0x1234,
        };
        let mut packet = Vec::new();
        outgoing.write(&mut packet);
        packet.extend([7, 8, 9]);
        let header = RtpHeader::parse(&packet).unwrap();
        assert!(header.marker && !header.padding);
        assert_eq!(header.payload_type, 96);
        assert_eq!(header.sequence, 0xfedc);
        assert_eq!(header.timestamp, 0x0102_0304);
        assert_eq!(header.ssrc, 0xa0b0_c0d0);
        assert_eq!(header.length, SENT);
        let value = header.extension(&packet, extension::TRANSPORT_CC);
        assert_eq!(value, Some(&[0x12, 0x34][..]));
        assert_eq!(header.extension(&packet, extension::MID), None);

        for describe in [
            &(|to: &mut Header| header.describe(to)) as &dyn Fn(&mut Header),
            &|to: &mut Header| outgoing.describe(to),
        ] {
            let mut described = Header::default();
            describe(&mut described);
            assert_eq!(described.marshal_size(), SENT);
            assert_eq!(
                (described.ssrc, described.sequence_number),
                (0xa0b0_c0d0, 0xfedc)
            );
        }
    }

    #[test]
    fn headers_of_every_shape_are_read_or_refused() {
        let fixed = |first: u8| {
            let mut packet = vec![first, 96];
            packet.extend([0; 10]);
            packet
        };
        let with = |first: u8, more: &[u8]| [fixed(first), more.to_vec()].concat();
        let two_byte = [0x10, 0, 0, 2, 0, 3, 2, 7, 7, 0, 0, 0];
        for (case, packet, length) in [
            ("empty", vec![], None),
            ("version 1", fixed(0x40), None),
            ("short", fixed(0x80)[..11].to_vec(), None),
            ("bare", fixed(0x80), Some(12)),
            ("sources", with(0x82, &[0; 8]), Some(20)),
            ("sources cut", with(0x82, &[0; 7]), None),
            ("extension cut", with(0x90, &[0xbe, 0xde, 0, 1]), None),
            ("no extensions", with(0x90, &[0xbe, 0xde, 0, 0]), Some(16)),
            ("two-byte form", with(0x90, &two_byte), Some(24)),
        ] {
            let header = RtpHeader::parse(&packet);
            assert_eq!(header.map(|header| header.length), length, "{case}");
            if let Some(header) = header {
                let mut described = Header::default();
                header.describe(&mut described);
                assert_eq!(Some(described.marshal_size()), length, "{case}");
            }
        }
        let packet = with(0x90, &two_byte);
        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!(header.extension(&packet, 3), Some(&[7, 7][..]));
        // An element that claims more than there is.
        let packet = with(0x90, &[0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3]);
        assert_eq!(
            RtpHeader::parse(&packet).unwrap().extension(&packet, 1),
            None
        );
    }

    #[test]
    fn padding_is_never_more_than_the_payload() {
        let packet = |tail: &[u8]| {
            let mut packet = vec![0xa0, 96];
            packet.extend([0; 10]);
            packet.extend(tail);
            packet
        };
        for (tail, end) in [
            (&[1, 2, 3, 1][..], Some(15)),
            (&[0, 0, 3], Some(12)),
            (&[1, 2, 4], None),
            (&[0], None),
        ] {
            let packet = packet(tail);
            let header = RtpHeader::parse(&packet).unwrap();
            assert_eq!(header.payload_end(&packet), end, "{tail:?}");
        }
    }
}
