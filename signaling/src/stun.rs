//! As much of STUN (RFC 8489) as a UDP port needs to know whom a datagram is
//! for: whether it is STUN, and which user fragment a check names.
//!
//! Nothing is verified here; the ICE agent of the transport does that.

const HEADER: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const USERNAME: u16 = 0x0006;

/// Whether the first byte says STUN (RFC 7983).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
}

/// The receiver's user fragment in a binding request: the part of the USERNAME
/// before the colon (RFC 8445 section 7.2.2).
pub(crate) fn binding_request_ufrag(datagram: &[u8]) -> Option<&str> {
    if datagram.len() < HEADER || datagram[..2] != BINDING_REQUEST || datagram[4..8] != COOKIE {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
    let mut rest = datagram[HEADER..].get(..length)?;
    while rest.len() >= 4 {
        let kind = u16::from_be_bytes([rest[0], rest[1]]);
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            let end = value.iter().position(|byte| *byte == b':')?;
            return std::str::from_utf8(&value[..end]).ok();
        }
        // Values are padded to four bytes.
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, attributes.len() as u8];
        datagram.extend(COOKIE);
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn only_a_well_formed_check_names_somebody() {
        let username = [0, 6, 0, 7, b'n', b'o', b'd', b':', b'p', b'a', b'g', 0];
        let mut after_another = vec![0x80, 0x22, 0, 3, b'x', b'y', b'z', 0];
        after_another.extend(username);
        let mut response = request(&username);
        response[0] = 1;
        let mut cookie = request(&username);
        cookie[4] = 0;
        let mut short = request(&username);
        short.truncate(30);
        for (case, datagram, expected) in [
            ("plain", request(&username), Some("nod")),
            ("second attribute", request(&after_another), Some("nod")),
            ("no attribute", request(&[]), None),
            (
                "no colon",
                request(&[0, 6, 0, 4, b'n', b'o', b'd', b'e']),
                None,
            ),
            ("not UTF-8", request(&[0, 6, 0, 2, 0xff, b':', 0, 0]), None),
            (
                "longer than it is",
                request(&[0, 6, 0, 200, b'a', b':', 0, 0]),
                None,
            ),
            ("response", response, None),
            ("no cookie", cookie, None),
            ("cut", short, None),
            ("empty", vec![], None),
            ("DTLS", vec![22; 60], None),
        ] {
            assert_eq!(binding_request_ufrag(&datagram), expected, "{case}");
        }
        assert!(is_stun(&request(&[])));
        assert!(!is_stun(&[22]) && !is_stun(&[]));
    }
}
