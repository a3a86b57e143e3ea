//! Sealing: AES-256-GCM with a random nonce. The place a value belongs to is bound in as
//! associated data, so a sealed value moved to another row does not open.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::random_bytes;
use crate::error::Fault;

/// A key that seals values, and opens them; one of a ring also opens what its
/// predecessors sealed.
pub struct SealingKey {
    current: LessSafeKey,
    former: Vec<LessSafeKey>,
}

fn key_of(bytes: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(
        UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are the length of an AES-256 key"),
    )
}

impl SealingKey {
    /// A key of its own.
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self::of_ring(&[bytes])
    }

    /// Seals with the first of a ring.
    pub(super) fn of_ring(ring: &[[u8; 32]]) -> Self {
        let mut keys = ring.iter().map(key_of);
        SealingKey {
            current: keys.next().expect("a ring has a first key"),
            former: keys.collect(),
        }
    }

    /// Seals bytes for the place `belongs_to`.
    #[must_use]
    pub fn seal(&self, belongs_to: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = random_bytes::<12>();
        let mut sealed = plain.to_vec();
        self.current
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(belongs_to.as_bytes()),
                &mut sealed,
            )
            .expect("nothing kept in this service comes near the 64 GiB limit of GCM");
        let mut out = nonce.to_vec();
        out.extend_from_slice(&sealed);
        out
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// When it was changed, sealed with another key or for another place.
    pub fn open(&self, belongs_to: &str, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        std::iter::once(&self.current)
            .chain(&self.former)
            .find_map(|key| open_with(key, belongs_to, sealed))
            .ok_or_else(|| Fault::other(format!("a sealed value of {belongs_to} does not open")))
    }

    /// The same value sealed with the first key of the ring; none where it is already.
    ///
    /// # Errors
    /// When no key of the ring opens it.
    pub fn reseal(&self, belongs_to: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        if open_with(&self.current, belongs_to, sealed).is_some() {
            return Ok(None);
        }
        let plain = self.open(belongs_to, sealed)?;
        Ok(Some(self.seal(belongs_to, &plain)))
    }

    /// Seals a value as JSON.
    #[must_use]
    pub fn seal_json<T: Serialize>(&self, belongs_to: &str, value: &T) -> Vec<u8> {
        let plain = serde_json::to_vec(value)
            .expect("the values sealed here are plain structs with string keys");
        self.seal(belongs_to, &plain)
    }

    /// Opens a value sealed as JSON.
    ///
    /// # Errors
    /// When it does not open, or is not such a value.
    pub fn open_json<T: DeserializeOwned>(
        &self,
        belongs_to: &str,
        sealed: &[u8],
    ) -> Result<T, Fault> {
        serde_json::from_slice(&self.open(belongs_to, sealed)?)
            .map_err(|_| Fault::other(format!("a sealed value of {belongs_to} cannot be read")))
    }
}

fn open_with(key: &LessSafeKey, belongs_to: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_at_checked(12)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut buffer = rest.to_vec();
    let plain = key.open_in_place(nonce, Aad::from(belongs_to.as_bytes()), &mut buffer);
    plain.ok().map(|plain| plain.to_vec())
}
