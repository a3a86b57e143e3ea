//! The one look past the RTP header: whether a VP8 packet begins a keyframe.
//!
//! It is needed to change between the layers of a simulcast image without a
//! freeze, and only there: other payloads are never looked into. What is read is
//! the payload descriptor (RFC 7741 section 4.2), which the browser writes in the
//! clear even when the image is end-to-end encrypted, and the first bit of the
//! image, which says what kind of frame it is.

use crate::transport::RtpPacket;
use crate::transport::payload_type::VP8;

/// Whether the packet begins a keyframe.
pub(crate) fn begins_keyframe(packet: &RtpPacket) -> bool {
    packet.payload_type == VP8 && descriptor_and_frame(&packet.payload).unwrap_or(false)
}

fn descriptor_and_frame(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    // The start of the first partition.
    if first & 0x10 == 0 || first & 0x07 != 0 {
        return Some(false);
    }
    let mut length = 1;
    if first & 0x80 != 0 {
        let more = *payload.get(length)?;
        length += 1;
        if more & 0x80 != 0 {
            // A picture identifier of one byte or two.
            length += if *payload.get(length)? & 0x80 != 0 {
                2
            } else {
                1
            };
        }
        length += usize::from(more & 0x40 != 0);
        length += usize::from(more & 0x30 != 0);
    }
    Some(payload.get(length)? & 1 == 0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn keyframes_are_told_by_their_first_bit() {
        for (case, payload, keyframe) in [
            ("empty", &[][..], false),
            ("bare key", &[0x10, 0x00], true),
            ("bare delta", &[0x10, 0x01], false),
            ("not the start", &[0x00, 0x00], false),
            ("second partition", &[0x11, 0x00], false),
            ("short picture id", &[0x90, 0x80, 0x7f, 0x00], true),
            ("long picture id", &[0x90, 0x80, 0x81, 0x01, 0x00], true),
            ("everything", &[0x90, 0xf0, 0x81, 0, 0, 0, 0x01], false),
            ("descriptor only", &[0x90, 0xf0, 0x81, 0, 0, 0], false),
            ("cut", &[0x90], false),
        ] {
            let packet = RtpPacket {
                payload_type: VP8,
                marker: false,
                sequence: 0,
                timestamp: 0,
                payload: Bytes::copy_from_slice(payload),
            };
            assert_eq!(begins_keyframe(&packet), keyframe, "{case}");
        }
    }
}
