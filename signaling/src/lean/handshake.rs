//! How much of a DTLS handshake is read from one participant.
//!
//! The library gathers the pieces of a message by a search through all of them,
//! and puts them together by a call within a call for each: thousands of pieces
//! of a byte would keep a worker busy for seconds, or end it. A browser needs a few
//! dozen, repeated ones included, so that a few hundred are all that is ever read.
//! Nothing here decrypts: what comes under keys is bounded by its bytes.

/// Pieces of messages in the clear, in the life of a transport.
pub(crate) const PIECES: u32 = 512;
/// Bytes of records under keys: the last message of a handshake, a few times, and
/// a goodbye. Media goes another way.
pub(crate) const SEALED_BYTES: usize = 4096;
/// The longest message of a handshake; a chain of certificates is shorter.
pub(crate) const LONGEST_MESSAGE: usize = 16 * 1024;

const RECORD_HEADER: usize = 13;
const PIECE_HEADER: usize = 12;
/// Kinds of records (RFC 5246 section 6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const APPLICATION_DATA: u8 = 23;
const HANDSHAKE: u8 = 22;

/// What may still come.
#[derive(Debug)]
pub(crate) struct Allowance {
    pieces: u32,
    sealed: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            pieces: PIECES,
            sealed: SEALED_BYTES,
        }
    }
}

impl Allowance {
    /// Whether a datagram is to be read: records of DTLS 1.2 one after the other
    /// (RFC 6347 section 4.1), with pieces that say the truth about themselves
    /// (section 4.2.2), and no more of them than a browser sends.
    pub fn admits(&mut self, datagram: &[u8]) -> bool {
        let mut rest = datagram;
        while !rest.is_empty() {
            let Some(record) = Record::take(&mut rest) else {
                return false;
            };
            let admitted = match record {
                Record {
                    sealed: true, body, ..
                } => self.take_sealed(body.len()),
                Record {
                    kind: HANDSHAKE,
                    body,
                    ..
                } => self.take_pieces(body),
                Record {
                    kind: CHANGE_CIPHER_SPEC..=APPLICATION_DATA,
                    ..
                } => self.take_piece(),
                _ => false,
            };
            if !admitted {
                return false;
            }
        }
        true
    }

    fn take_sealed(&mut self, bytes: usize) -> bool {
        let left = self.sealed.checked_sub(RECORD_HEADER + bytes);
        self.sealed = left.unwrap_or(0);
        left.is_some()
    }

    fn take_piece(&mut self) -> bool {
        let left = self.pieces.checked_sub(1);
        self.pieces = left.unwrap_or(0);
        left.is_some()
    }

    fn take_pieces(&mut self, mut body: &[u8]) -> bool {
        while !body.is_empty() {
            let Some((header, after)) = body.split_at_checked(PIECE_HEADER) else {
                return false;
            };
            let (whole, offset, length) = (
                number(&header[1..4]),
                number(&header[6..9]),
                number(&header[9..12]),
            );
            let inside = offset + length <= whole && whole <= LONGEST_MESSAGE;
            let Some((_, next)) = after.split_at_checked(length) else {
                return false;
            };
            // The library takes all that follows a piece for its own.
            let last = length == whole || next.is_empty();
            if !inside || length == 0 || !last || !self.take_piece() {
                return false;
            }
            body = next;
        }
        true
    }
}

struct Record<'a> {
    kind: u8,
    sealed: bool,
    body: &'a [u8],
}

impl<'a> Record<'a> {
    fn take(rest: &mut &'a [u8]) -> Option<Self> {
        let (header, after) = rest.split_at_checked(RECORD_HEADER)?;
        let (body, after) = after.split_at_checked(number(&header[11..13]))?;
        *rest = after;
        Some(Self {
            kind: header[0],
            sealed: header[3..5] != [0, 0],
            body,
        })
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 1];
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    }

    fn piece(whole: u16, offset: u16, length: u16, bytes: usize) -> Vec<u8> {
        let [whole, offset, length] = [whole, offset, length].map(u16::to_be_bytes);
        let mut piece = vec![1, 0, whole[0], whole[1], 0, 0, 0, offset[0], offset[1]];
        piece.extend([0, length[0], length[1]]);
        piece.extend(vec![7; bytes]);
        piece
    }

    #[test]
    fn what_browsers_send_is_read_and_what_lies_about_itself_is_not() {
        let two = [piece(50, 0, 50, 50), piece(60, 0, 60, 60)].concat();
        let flight = [
            record(22, 0, &two),
            record(20, 0, &[1]),
            record(22, 1, &[9; 40]),
        ]
        .concat();
        let cut = &flight[..flight.len() - 1];
        for (what, datagram, admitted) in [
            (
                "a whole message",
                record(22, 0, &piece(90, 0, 90, 90)),
                true,
            ),
            (
                "its first piece",
                record(22, 0, &piece(90, 0, 30, 30)),
                true,
            ),
            (
                "its last piece",
                record(22, 0, &piece(90, 30, 60, 60)),
                true,
            ),
            ("a flight", flight.clone(), true),
            ("an alert", record(21, 0, &[1, 0]), true),
            ("a sealed alert", record(21, 1, &[9; 26]), true),
            ("a record cut off", cut.to_vec(), false),
            ("another kind of record", record(24, 0, &[0; 20]), false),
            ("half a header", record(22, 0, &[1; 11]), false),
            (
                "nothing of a message",
                record(22, 0, &piece(90, 0, 0, 0)),
                false,
            ),
            (
                "more than there is",
                record(22, 0, &piece(90, 0, 90, 80)),
                false,
            ),
            (
                "beyond its end",
                record(22, 0, &piece(90, 80, 20, 20)),
                false,
            ),
            (
                "something behind a piece",
                record(22, 0, &piece(90, 0, 30, 31)),
                false,
            ),
            (
                "a message without end",
                record(22, 0, &piece(60_000, 0, 30, 30)),
                false,
            ),
        ] {
            assert_eq!(Allowance::default().admits(&datagram), admitted, "{what}");
        }
    }

    #[test]
    fn a_handshake_in_endless_pieces_is_read_no_further() {
        let mut allowance = Allowance::default();
        let piece = record(22, 0, &piece(9000, 1, 1, 1));
        let read = (0..2 * PIECES).filter(|_| allowance.admits(&piece)).count();
        assert_eq!(read, 512);
        let sealed = record(22, 1, &[9; 87]);
        let read = (0..100).filter(|_| allowance.admits(&sealed)).count();
        assert_eq!(read, SEALED_BYTES / 100);
    }
}
