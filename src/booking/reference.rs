//! What a person reads aloud to say which appointment: `VP-7K3M-92QX`. Digits
//! and letters that are taken for each other (0 and O, 1, I and L, U and V) are
//! left out. It opens nothing: it is no secret.

use crate::db::random_bytes;

const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A reference that nobody has yet, as far as chance goes: one in 656 thousand
/// million. The database refuses the second of two equal ones.
#[must_use]
pub fn random() -> String {
    let mut letters = String::with_capacity(8);
    while letters.len() < 8 {
        for byte in random_bytes::<16>() {
            // 240 is 8 × 30: every letter is as likely as the others.
            if byte < 240 && letters.len() < 8 {
                letters.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            }
        }
    }
    format!("VP-{}-{}", &letters[..4], &letters[4..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn references_are_readable_and_differ() {
        let many: BTreeSet<String> = (0..2_000).map(|_| random()).collect();
        assert_eq!(many.len(), 2_000);
        let mut letters = BTreeSet::new();
        for reference in &many {
            assert_eq!(reference.len(), 12);
            assert!(reference.starts_with("VP-") && reference.as_bytes()[7] == b'-');
            letters.extend(reference[3..].bytes().filter(|byte| *byte != b'-'));
        }
        assert_eq!(letters, ALPHABET.iter().copied().collect());
    }
}
