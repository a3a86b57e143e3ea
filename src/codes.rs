//! Six digits that prove something: that a person reads what is sent to an address,
//! or that somebody told a guest whom they let in. Like the secret of a meeting link
//! they are derived, from an id and its generation, at the moment they are said, and
//! stored nowhere: a stolen database tells none.
//!
//! It does not know how often one may guess. Six digits are few, so whoever asks for
//! them counts the tries in the statement that allows one, up to [`TRIES`].

use crate::keys::Keys;

/// How often a code may be typed before it is worth nothing.
pub const TRIES: i64 = 5;
/// How many digits a code has.
const DIGITS: usize = 6;

/// What a code proves. A code of one purpose is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// That messages to an address or number are read by the person.
    Contact,
    /// That a guest was told it by whoever invited them.
    Guest,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Contact => "contact",
            Purpose::Guest => "guest",
        }
    }
}

fn text_of(purpose: Purpose, id: &str, generation: i64) -> String {
    format!("{}/{id}.{generation}", purpose.as_str())
}

/// The code of one generation of something.
#[must_use]
pub fn of(keys: &Keys, purpose: Purpose, id: &str, generation: i64) -> String {
    let text = text_of(purpose, id, generation);
    keys.code.derive(&text, digits)
}

/// The six digits that a tag stands for.
fn digits(tag: &[u8]) -> String {
    // Sixteen bytes are so many more than a million values that the remainder
    // favours none of them in a way that anybody could use.
    let number = tag.iter().take(16).fold(0_u32, |rest, byte| {
        (rest * 256 + u32::from(*byte)) % 1_000_000
    });
    format!("{number:06}")
}

/// What a person typed, if it can be a code: six digits, with whatever they put
/// between them for reading.
#[must_use]
pub fn read(typed: &str) -> Option<String> {
    let digits: String = typed
        .chars()
        .filter(|one| !one.is_whitespace() && !matches!(one, '-' | '.' | '\u{a0}' | '\u{202f}'))
        .collect();
    let whole = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    whole.then_some(digits)
}

/// Whether a code is the right one, in a time that does not tell how much of it is.
#[must_use]
pub fn matches(keys: &Keys, purpose: Purpose, id: &str, generation: i64, code: &str) -> bool {
    let text = text_of(purpose, id, generation);
    keys.code.recognises(&text, digits, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_of_one_purpose_thing_and_generation() {
        let keys = Keys::from_master(&[1; 32]);
        let others = Keys::from_master(&[2; 32]);
        let code = of(&keys, Purpose::Contact, "a", 1);
        assert!(matches(&keys, Purpose::Contact, "a", 1, &code));
        for (keys, purpose, id, generation) in [
            (&others, Purpose::Contact, "a", 1),
            (&keys, Purpose::Guest, "a", 1),
            (&keys, Purpose::Contact, "b", 1),
            (&keys, Purpose::Contact, "a", 2),
        ] {
            assert!(
                !matches(keys, purpose, id, generation, &code),
                "{id} {generation}"
            );
        }
        assert!(!matches(&keys, Purpose::Contact, "a", 1, ""));
    }

    #[test]
    fn codes_are_six_digits_spread_over_all_there_are() {
        let keys = Keys::from_master(&[1; 32]);
        let codes: Vec<String> = (0..2_000)
            .map(|generation| of(&keys, Purpose::Contact, "a", generation))
            .collect();
        assert!(codes.iter().all(|code| read(code).as_ref() == Some(code)));
        for first in '0'..='9' {
            let share = codes.iter().filter(|code| code.starts_with(first)).count();
            // Two hundred are expected; seven standard deviations are about a hundred.
            assert!((100..300).contains(&share), "{first}: {share}");
        }
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        for (typed, expected) in [
            ("012345", Some("012345")),
            (" 012 345 ", Some("012345")),
            ("012\u{202f}345", Some("012345")),
            ("012-345", Some("012345")),
            ("01 23 45", Some("012345")),
            ("", None),
            ("12345", None),
            ("1234567", None),
            ("12345a", None),
            ("٠١٢٣٤٥", None),
            ("０１２３４５", None),
        ] {
            assert_eq!(read(typed).as_deref(), expected, "{typed:?}");
        }
    }
}
