//! What every participant sends: Opus-shaped sound and VP8-shaped image, as
//! numbers, and the payload that carries them.

/// Packets of sound: one each 20 ms, 80 bytes.
pub const AUDIO_INTERVAL_NS: u64 = 20_000_000;
const AUDIO_BYTES: usize = 80;
/// Frames of image: 30 a second, 4 or 5 packets of 1100 bytes, 130 packets a second.
pub const VIDEO_INTERVAL_NS: u64 = 33_333_333;
const VIDEO_BYTES: usize = 1100;
const FRAME_PACKETS: [usize; 3] = [4, 4, 5];

/// Sound or image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opus.
    Audio,
    /// VP8.
    Video,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Audio, Kind::Video];

    /// Its place in arrays of two.
    pub fn index(self) -> usize {
        match self {
            Kind::Audio => 0,
            Kind::Video => 1,
        }
    }

    /// Bytes in a payload.
    pub fn bytes(self) -> usize {
        match self {
            Kind::Audio => AUDIO_BYTES,
            Kind::Video => VIDEO_BYTES,
        }
    }

    /// How much the RTP timestamp grows from one to the next.
    pub fn timestamp_step(self) -> u32 {
        match self {
            Kind::Audio => 960,
            Kind::Video => 3000,
        }
    }
}

/// Packets in the frame of that number.
pub fn packets_in_frame(frame: u64) -> usize {
    FRAME_PACKETS[(frame % FRAME_PACKETS.len() as u64) as usize]
}

/// What a payload says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Whose packet.
    pub publisher: u32,
    /// Sound or image.
    pub kind: Kind,
    /// Counted up by the publisher for each kind.
    pub number: u32,
    /// When it was sent first, in nanoseconds since the Unix epoch.
    pub sent_ns: u64,
}

/// The length of a label in a payload.
const LABEL: usize = 20;
/// A VP8 payload descriptor of the start of a partition, then a key frame's first byte.
const FIRST_BYTES: [u8; 2] = [0x10, 0x00];
const MARK: u8 = 0xa7;

impl Label {
    /// Writes a whole payload.
    pub fn write(&self, payload: &mut Vec<u8>) {
        let start = payload.len();
        payload.extend(FIRST_BYTES);
        payload.push(MARK);
        payload.push(self.kind.index() as u8);
        payload.extend(self.publisher.to_be_bytes());
        payload.extend(self.number.to_be_bytes());
        payload.extend(self.sent_ns.to_be_bytes());
        payload.resize(start + self.kind.bytes(), 0x55);
    }

    /// Reads a payload; none if it is not one of ours.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let label: &[u8; LABEL] = payload.first_chunk()?;
        if label[..2] != FIRST_BYTES || label[2] != MARK {
            return None;
        }
        let kind = *Kind::ALL.get(usize::from(label[3]))?;
        if payload.len() != kind.bytes() {
            return None;
        }
        let word = |at: usize| {
            u32::from_be_bytes([label[at], label[at + 1], label[at + 2], label[at + 3]])
        };
        Some(Self {
            publisher: word(4),
            kind,
            number: word(8),
            sent_ns: u64::from(word(12)) << 32 | u64::from(word(16)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_frames_are_one_hundred_and_thirty_packets() {
        assert_eq!((0..30).map(packets_in_frame).sum::<usize>(), 130);
    }

    #[test]
    fn a_label_is_read_as_it_was_written_and_nothing_else_is() {
        for kind in Kind::ALL {
            let label = Label {
                publisher: 70_000,
                kind,
                number: 4_000_000_000,
                sent_ns: 1_790_000_000_123_456_789,
            };
            let mut payload = Vec::new();
            label.write(&mut payload);
            assert_eq!(payload.len(), kind.bytes());
            assert_eq!(Label::read(&payload), Some(label));
            payload.push(0);
            assert_eq!(Label::read(&payload), None);
            assert_eq!(Label::read(&payload[..10]), None);
        }
        assert_eq!(Label::read(&[0; 80]), None);
    }
}
