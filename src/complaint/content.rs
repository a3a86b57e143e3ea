//! What a record holds: the officer's working text, and a version as it was
//! sent: the whole act with who complains, facts, text, checks, rights told,
//! incidents, and the changes asked for with their answers, frozen together, so
//! that the person agrees to all that the act will say.

use documents::ProcesVerbal;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::keys::sha256_hex;

/// Longest text of a procès-verbal, in characters.
pub const MAX_TEXT: usize = 60_000;

/// The officer's working text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The declaration as the officer writes it.
    pub narrative: String,
}

/// Something established or told, frozen in a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Key in the check list.
    pub item: String,
    /// What came out.
    pub result: String,
    /// When.
    pub at: Timestamp,
}

/// Something that disturbed the transmission, frozen in a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// `incident_audio`, `incident_video` or `incident_signaling`.
    pub kind: String,
    /// Role of the person whose side it was.
    pub role: String,
    /// Start.
    pub from: Timestamp,
    /// End.
    pub to: Option<Timestamp>,
}

/// A version as it was sent to the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// From 1.
    pub version: i64,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The act, but for what comes after: the decision, the end of the hearing, who
    /// signs and when.
    pub act: ProcesVerbal,
    /// Checks and rights, by their keys: the person reads them in their language.
    pub noted: Vec<Noted>,
    /// Incidents so far.
    pub incidents: Vec<Incident>,
}

impl Version {
    /// The bytes that are kept and hashed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a version is plain structs and strings")
    }

    /// SHA-256 of [`Version::bytes`], in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&self.bytes())
    }
}
