//! Keys derived from one master secret, and sealing.
//!
//! Every purpose has its own key (HKDF-SHA256 with a label), so one leaked
//! purpose tells nothing of another. Sealing is AES-256-GCM with a random
//! nonce; the place a value belongs to is bound in as associated data, so a
//! sealed value moved to another row does not open. All primitives are ring's.

use std::path::Path;

use jsonwebtoken::EncodingKey;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::signature::{Ed25519KeyPair, KeyPair};
use ring::{digest, hkdf, hmac};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::db::{Id, Tx, hex, random_bytes, unhex};
use crate::error::Fault;
use crate::{clock::Timestamp, execute, fetch_optional};

/// All keys of the service.
pub struct Keys {
    /// Derives the secrets of meeting links.
    pub link: hmac::Key,
    /// Derives the anti-forgery token of a session.
    pub csrf: hmac::Key,
    /// Marks what a case is about, so that the same facts are recognised unread.
    pub facts: hmac::Key,
    /// Derives the codes that a person types to prove something.
    pub code: hmac::Key,
    /// Marks an e-mail address or number, so that equal ones are recognised unread.
    pub address: hmac::Key,
    /// Marks a person who was written down by an officer, so that they are recognised unread.
    pub person: hmac::Key,
    /// Seals what belongs to no case (identities, outgoing messages).
    pub service: SealingKey,
    /// Wraps the per-case keys.
    wrapping: SealingKey,
    /// Signs join and control tokens.
    pub join: EncodingKey,
    /// What the media node verifies them with.
    pub join_public: [u8; 32],
    /// Signs what the journal's chains rest on, and nothing else.
    pub journal: Ed25519KeyPair,
    /// Secret of the sandbox officer's signing key.
    pub signing_seed: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keys")
    }
}

struct Length32;
impl hkdf::KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

fn derive(prk: &hkdf::Prk, label: &str) -> [u8; 32] {
    let mut out = [0_u8; 32];
    prk.expand(&[label.as_bytes()], Length32)
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 bytes are within what HKDF-SHA256 can give");
    out
}

impl Keys {
    /// Derives every key from the master secret.
    #[must_use]
    pub fn from_master(master: &[u8; 32]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"visioplainte").extract(master);
        let seed = derive(&prk, "join-token");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .expect("32 bytes are the length of an Ed25519 seed");
        let mut join_public = [0_u8; 32];
        join_public.copy_from_slice(pair.public_key().as_ref());
        // PKCS #8 v1 around an Ed25519 seed (RFC 8410 section 7): a fixed prefix.
        let mut pkcs8 = vec![
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ];
        pkcs8.extend_from_slice(&seed);
        Keys {
            link: hmac::Key::new(hmac::HMAC_SHA256, &derive(&prk, "meeting-link")),
            csrf: hmac::Key::new(hmac::HMAC_SHA256, &derive(&prk, "csrf")),
            facts: hmac::Key::new(hmac::HMAC_SHA256, &derive(&prk, "facts-mark")),
            code: hmac::Key::new(hmac::HMAC_SHA256, &derive(&prk, "typed-code")),
            address: hmac::Key::new(hmac::HMAC_SHA256, &derive(&prk, "address-mark")),
            person: hmac::Key::new(hmac::HMAC_SHA256, &derive(&prk, "person-mark")),
            service: SealingKey::new(derive(&prk, "service-seal")),
            wrapping: SealingKey::new(derive(&prk, "case-key-wrap")),
            join: EncodingKey::from_ed_der(&pkcs8),
            join_public,
            journal: Ed25519KeyPair::from_seed_unchecked(&derive(&prk, "journal"))
                .expect("32 bytes are the length of an Ed25519 seed"),
            signing_seed: derive(&prk, "sandbox-signature"),
        }
    }

    /// What an auditor checks the journal with.
    #[must_use]
    pub fn journal_public(&self) -> &[u8] {
        self.journal.public_key().as_ref()
    }

    /// The master secret of a deployment: its setting, else the data folder's file.
    ///
    /// # Errors
    /// When it cannot be read, or is not 32 bytes of hexadecimal.
    pub fn master_of(config: &Config) -> Result<[u8; 32], Fault> {
        if config.master_key.is_empty() {
            Self::master_in(&config.data_dir)
        } else {
            parse_master(&config.master_key)
        }
    }

    /// Reads the master secret of a data folder, creating it (owner-readable
    /// only) the first time.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not 32 bytes of hexadecimal.
    pub fn master_in(folder: &Path) -> Result<[u8; 32], Fault> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = folder.join("master.key");
        std::fs::create_dir_all(folder).map_err(Fault::other)?;
        // Written beside and linked into place: a crash never leaves half a key,
        // and of two processes starting together one wins.
        if !path.exists() {
            let fresh = folder.join(format!("master.{}.new", crate::db::random_hex::<4>()));
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&fresh)
                .map_err(Fault::other)?;
            file.write_all(hex(&random_bytes::<32>()).as_bytes())
                .map_err(Fault::other)?;
            file.sync_all().map_err(Fault::other)?;
            let _ = std::fs::hard_link(&fresh, &path);
            std::fs::remove_file(&fresh).map_err(Fault::other)?;
        }
        let text = std::fs::read_to_string(&path).map_err(Fault::other)?;
        parse_master(text.trim())
    }

    /// Creates a case's key and stores it wrapped.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_case_key(
        &self,
        tx: &mut Tx,
        case: &Id,
        now: Timestamp,
    ) -> Result<SealingKey, Fault> {
        let key = random_bytes::<32>();
        let wrapped = self.wrapping.seal(&format!("case-key/{case}"), &key);
        execute!(
            tx,
            "insert into case_keys (case_id, wrapped_key, created_at) values ($1, $2, $3)",
            case,
            wrapped,
            now
        )?;
        Ok(SealingKey::new(key))
    }

    /// Reads a case's key.
    ///
    /// # Errors
    /// When the case has none (it was erased) or it does not unwrap.
    pub async fn case_key(&self, tx: &mut Tx, case: &Id) -> Result<SealingKey, Fault> {
        let row: Option<(Vec<u8>,)> = fetch_optional!(
            tx,
            (Vec<u8>,),
            "select wrapped_key from case_keys where case_id = $1",
            case
        )?;
        let (wrapped,) = row.ok_or_else(|| Fault::other(format!("case {case} has no key")))?;
        let key = self.wrapping.open(&format!("case-key/{case}"), &wrapped)?;
        let key = <[u8; 32]>::try_from(key.as_slice())
            .map_err(|_| Fault::other("a case key is not 32 bytes"))?;
        Ok(SealingKey::new(key))
    }
}

/// Reads a master secret written as 64 hexadecimal digits.
///
/// # Errors
/// When it is anything else.
pub fn parse_master(text: &str) -> Result<[u8; 32], Fault> {
    unhex(text)
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .ok_or_else(|| Fault::other("the master secret is not 64 hexadecimal digits"))
}

/// A key that seals and opens values.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    fn new(bytes: [u8; 32]) -> Self {
        SealingKey(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, &bytes)
                .expect("32 bytes are the length of an AES-256 key"),
        ))
    }

    /// Seals bytes for the place `belongs_to`.
    #[must_use]
    pub fn seal(&self, belongs_to: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = random_bytes::<12>();
        let mut sealed = plain.to_vec();
        self.0
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
        let refuse = || Fault::other(format!("a sealed value of {belongs_to} does not open"));
        let (nonce, rest) = sealed.split_at_checked(12).ok_or_else(refuse)?;
        let mut buffer = rest.to_vec();
        let plain = self
            .0
            .open_in_place(
                Nonce::try_assume_unique_for_key(nonce).map_err(|_| refuse())?,
                Aad::from(belongs_to.as_bytes()),
                &mut buffer,
            )
            .map_err(|_| refuse())?;
        Ok(plain.to_vec())
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

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_unchanged_and_in_its_place() {
        let keys = Keys::from_master(&[7; 32]);
        let sealed = keys.service.seal("citizen/1", b"bonjour");
        assert_eq!(keys.service.open("citizen/1", &sealed).unwrap(), b"bonjour");
        assert!(keys.service.open("citizen/2", &sealed).is_err());
        assert!(keys.service.open("citizen/1", &sealed[..20]).is_err());
        assert!(keys.service.open("citizen/1", &[]).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(keys.service.open("citizen/1", &changed).is_err());
        }
        let others = Keys::from_master(&[8; 32]);
        assert!(others.service.open("citizen/1", &sealed).is_err());
    }

    #[test]
    fn a_master_secret_is_created_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::master_in(folder.path()).unwrap();
        assert_eq!(Keys::master_in(folder.path()).unwrap(), first);
        assert!(parse_master("zz").is_err());
    }
}
