//! Keys derived from the master secret, and what they do.
//!
//! Every purpose has its own key (HKDF-SHA256 with a label), so one leaked
//! purpose tells nothing of another. All primitives are ring's.
//!
//! The master secret can be replaced ([`master`]): then a ring of secrets is known, the
//! first of which seals, signs and derives, while the others open and recognise what was
//! made before, until everything is [sealed anew](reseal) and the links that were sent
//! have had their day. Marks alone, which find equal things unread, keep the keys of the
//! very first one.
//!
//! | file | is |
//! |---|---|
//! | [`master`] | where the master secrets are, and how another takes their place |
//! | [`mac`] | texts and codes derived by a key of a ring |
//! | [`sealing`] | values that only this service reads |
//! | [`journal`] | what signs the journal, and all that ever signed it |
//! | [`reseal`] | everything in the database sealed with the newest key |
//! | [`running`] | which processes run, and with which key |

pub mod journal;
pub mod mac;
pub mod master;
pub mod reseal;
pub mod running;
pub mod sealing;

use jsonwebtoken::EncodingKey;
use ring::signature::{Ed25519KeyPair, KeyPair};
use ring::{digest, hkdf, hmac};

pub use journal::JournalKey;
pub use mac::MacKey;
pub use master::{Masters, parse_master};
pub use sealing::SealingKey;

use crate::db::{Id, Tx, hex, random_bytes};
use crate::error::Fault;
use crate::{clock::Timestamp, execute, fetch_optional};

/// All keys of the service.
pub struct Keys {
    /// Derives the secrets of meeting links.
    pub link: MacKey,
    /// Derives the anti-forgery token of a session.
    pub csrf: MacKey,
    /// Marks what a case is about, so that the same facts are recognised unread.
    pub facts: hmac::Key,
    /// Derives the codes that a person types to prove something.
    pub code: MacKey,
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
    pub journal: JournalKey,
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

fn extract(secret: &[u8; 32]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"visioplainte").extract(secret)
}

/// The keys of the marks: those of the very first master secret, so that what was marked
/// is still recognised when another took its place.
fn marks_of(masters: &Masters) -> master::Marks {
    masters.marks().unwrap_or_else(|| {
        let first = masters.ring().last().unwrap_or(masters.current());
        let prk = extract(&first.secret);
        master::Marks(
            ["facts-mark", "address-mark", "person-mark"].map(|label| derive(&prk, label)),
        )
    })
}

/// Where a case's wrapped key belongs.
fn case_key_place(case: &str) -> String {
    format!("case-key/{case}")
}

impl Keys {
    /// Derives every key from one master secret.
    #[must_use]
    pub fn from_master(master: &[u8; 32]) -> Self {
        Self::from_masters(&Masters::only(*master))
    }

    /// Derives every key from the master secrets.
    #[must_use]
    pub fn from_masters(masters: &Masters) -> Self {
        let ring: Vec<hkdf::Prk> = masters
            .ring()
            .map(|master| extract(&master.secret))
            .collect();
        let each =
            |label: &str| -> Vec<[u8; 32]> { ring.iter().map(|prk| derive(prk, label)).collect() };
        let first = |label: &str| -> [u8; 32] { each(label)[0] };
        let [facts, address, person] = marks_of(masters)
            .0
            .map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key));
        let seed = first("join-token");
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
            link: MacKey::of_ring(&each("meeting-link")),
            csrf: MacKey::of_ring(&each("csrf")),
            code: MacKey::of_ring(&each("typed-code")),
            facts,
            address,
            person,
            service: SealingKey::of_ring(&each("service-seal")),
            wrapping: SealingKey::of_ring(&each("case-key-wrap")),
            join: EncodingKey::from_ed_der(&pkcs8),
            join_public,
            journal: JournalKey::of_ring(&each("journal"), masters.journal_publics()),
            signing_seed: first("sandbox-signature"),
        }
    }

    /// What an auditor checks the journal with: the public keys, 32 bytes each, of all
    /// that ever signed it, the newest first.
    #[must_use]
    pub fn journal_public(&self) -> &[u8] {
        self.journal.publics()
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
        let wrapped = self.wrapping.seal(&case_key_place(case.as_str()), &key);
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
        let key = self
            .wrapping
            .open(&case_key_place(case.as_str()), &wrapped)?;
        let key = <[u8; 32]>::try_from(key.as_slice())
            .map_err(|_| Fault::other("a case key is not 32 bytes"))?;
        Ok(SealingKey::new(key))
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
}
