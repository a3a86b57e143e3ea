//! What signs the journal's roots (Ed25519). A root is signed once and read for years, so
//! the public halves of former keys are kept when the keys themselves are not any more.
//! Of two keys the newer is never followed by the older: whoever got hold of a former key
//! signs nothing after it was replaced.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// Bytes of a public key.
pub const PUBLIC_LENGTH: usize = 32;

/// The journal's key, with the public halves of all that signed before it.
pub struct JournalKey {
    pair: Ed25519KeyPair,
    publics: Vec<u8>,
}

impl std::fmt::Debug for JournalKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JournalKey")
    }
}

impl JournalKey {
    /// Signs with the first of a ring of seeds; knows the others, and those of which
    /// only the public half is left.
    pub(super) fn of_ring(seeds: &[[u8; 32]], former: &[[u8; PUBLIC_LENGTH]]) -> Self {
        let pair_of = |seed: &[u8; 32]| {
            Ed25519KeyPair::from_seed_unchecked(seed)
                .expect("32 bytes are the length of an Ed25519 seed")
        };
        let mut publics: Vec<u8> = seeds
            .iter()
            .flat_map(|seed| pair_of(seed).public_key().as_ref().to_vec())
            .collect();
        publics.extend(former.iter().flatten());
        JournalKey {
            pair: pair_of(seeds.first().expect("a ring has a first key")),
            publics,
        }
    }

    /// The public halves, the newest first, one after the other.
    #[must_use]
    pub fn publics(&self) -> &[u8] {
        &self.publics
    }

    /// Signs a text.
    #[must_use]
    pub fn sign(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }
}

/// Which of these public keys, one after the other, signed a text.
#[must_use]
pub fn signer(publics: &[u8], text: &str, signature: &[u8]) -> Option<usize> {
    publics.chunks_exact(PUBLIC_LENGTH).position(|key| {
        UnparsedPublicKey::new(&ED25519, key)
            .verify(text.as_bytes(), signature)
            .is_ok()
    })
}
