//! What participants say: numbered and time-stamped payloads in the shape of
//! Opus and VP8, and what listeners conclude from the numbers.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};
use signaling::protocol::MediaKind;

/// Bytes of one packet of voice: 32 kbit/s of Opus, as browsers send speech.
pub const VOICE_BYTES: usize = 80;
/// Bytes of one packet of image.
pub const IMAGE_BYTES: usize = 1100;

/// What one packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Grows by one with every packet of this speaker and kind.
    pub number: u64,
    /// When it was sent, in microseconds since the Unix epoch.
    pub sent_us: u64,
}

/// What comes before the words, so that they have the shape of their codec:
/// Opus's table of contents (20 ms of mono speech), VP8's payload descriptor.
fn prefix(kind: MediaKind) -> [u8; 1] {
    match kind {
        MediaKind::Audio => [0x78],
        MediaKind::Video | MediaKind::Screen => [0x10],
    }
}

impl Words {
    /// The payload.
    pub fn payload(self, kind: MediaKind) -> Bytes {
        let length = match kind {
            MediaKind::Audio => VOICE_BYTES,
            MediaKind::Video | MediaKind::Screen => IMAGE_BYTES,
        };
        let mut payload = BytesMut::with_capacity(length);
        payload.put_slice(&prefix(kind));
        payload.put_u64(self.number);
        payload.put_u64(self.sent_us);
        payload.resize(length, 0);
        payload.freeze()
    }

    /// Reads a payload; none if a participant of this kind did not make it.
    pub fn read(kind: MediaKind, payload: &[u8]) -> Option<Self> {
        let words = payload.strip_prefix(&prefix(kind))?;
        let (number, rest) = words.split_first_chunk::<8>()?;
        let (sent_us, _) = rest.split_first_chunk::<8>()?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            sent_us: u64::from_be_bytes(*sent_us),
        })
    }
}

/// The wall clock in microseconds: the same for every process of one machine.
pub fn unix_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_their_payload_and_strangers_are_not_read() {
        let words = Words {
            number: 1 << 40,
            sent_us: 7,
        };
        for kind in [MediaKind::Audio, MediaKind::Video] {
            assert_eq!(Words::read(kind, &words.payload(kind)), Some(words));
        }
        assert_eq!(Words::read(MediaKind::Audio, &[0x78; 16]), None);
        assert_eq!(Words::read(MediaKind::Audio, &[]), None);
    }
}
