//! The proof of agreement: how and when the complainant said that the text is faithful,
//! for the hand-off package (R. 2-29).

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::french;
use crate::people::{Complainant, Unit};
use crate::proces_verbal::grouped_hash;
use crate::text::paragraphs;
use crate::typesetting::{self, RenderError, Template};

/// Everything the proof says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementProof {
    /// Number of the procedure.
    pub number: String,
    /// The unit in charge.
    pub unit: Unit,
    /// Who agreed.
    pub complainant: Complainant,
    /// Which version, counted from one.
    pub version: u32,
    /// SHA-256 of that version, in hexadecimal.
    pub version_hash: String,
    /// Agreement was asked.
    pub requested_at: DateTime<FixedOffset>,
    /// The person answered; also the date inside the file.
    pub answered_at: DateTime<FixedOffset>,
    /// The words that the person confirmed.
    pub statement: String,
    /// How the person was known when answering: provider, level, time of the login.
    pub session: String,
    /// Head of the unit's journal right after the answer, in hexadecimal.
    pub journal_head: String,
}

/// Typesets the proof to PDF/A-2a and PDF/UA-1.
///
/// # Errors
/// When the text has characters that no font draws or is too long; see [`RenderError`].
pub fn render_agreement_proof(proof: &AgreementProof) -> Result<Vec<u8>, RenderError> {
    let values = json!({
        "title": "Preuve d’accord du plaignant",
        "subtitle": "Annexe au procès-verbal",
        "short_title": "Preuve d’accord",
        "number": proof.number,
        "unit": proof.unit.values(),
        "complainant_name": proof.complainant.full_name(),
        "date": french::long_date(proof.answered_at),
        "offset": french::offset(proof.answered_at),
        "statement": paragraphs(&proof.statement),
        "entries": [
            { "label": "Personne", "text": proof.complainant.full_name() },
            { "label": "Version relue", "text": format!("version {}", proof.version) },
            { "label": "Accord demandé", "text": format!("le {}", french::moment(proof.requested_at)) },
            { "label": "Réponse reçue", "text": format!("le {}", french::moment(proof.answered_at)) },
            { "label": "Identification", "text": proof.session },
        ],
        "version_hash": grouped_hash(&proof.version_hash),
        "journal_head": grouped_hash(&proof.journal_head),
    });
    typesetting::render(
        Template::AgreementProof,
        &proof.number,
        proof.answered_at,
        values,
    )
}
