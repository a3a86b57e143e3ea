//! Texts derived by a key (HMAC-SHA256): the secrets of links, codes to type, tokens of
//! forms. They are stored nowhere; what somebody shows is compared with what each key of
//! the ring derives, in a time that does not tell how much of it is right.

use ring::hmac;
use subtle::{Choice, ConstantTimeEq};

/// A key that derives texts, and recognises what its predecessors derived.
#[derive(Debug)]
pub struct MacKey(Vec<hmac::Key>);

impl MacKey {
    /// Derives with the first of a ring.
    pub(super) fn of_ring(ring: &[[u8; 32]]) -> Self {
        let key = |bytes: &[u8; 32]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        MacKey(ring.iter().map(key).collect())
    }

    /// What the present key makes of a text, by way of `form`.
    pub fn derive(&self, text: &str, form: impl Fn(&[u8]) -> String) -> String {
        self.0
            .first()
            .map(|key| form(hmac::sign(key, text.as_bytes()).as_ref()))
            .expect("a ring has a first key")
    }

    /// What each key of the ring makes of a text, the present one first.
    pub fn derive_all(&self, text: &str, form: impl Fn(&[u8]) -> String) -> Vec<String> {
        let tag = |key| form(hmac::sign(key, text.as_bytes()).as_ref());
        self.0.iter().map(tag).collect()
    }

    /// Whether some key of the ring makes `shown` of that text.
    pub fn recognises(&self, text: &str, form: impl Fn(&[u8]) -> String, shown: &str) -> bool {
        is_one_of(&self.derive_all(text, form), shown)
    }
}

/// Whether `shown` is one of these, in a time that tells of none how much is right.
#[must_use]
pub fn is_one_of(expected: &[String], shown: &str) -> bool {
    let mut equal = Choice::from(0);
    for expected in expected {
        equal |= expected.as_bytes().ct_eq(shown.as_bytes());
    }
    equal.into()
}
