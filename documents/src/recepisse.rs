//! The récépissé: proof that the complaint was lodged, with the periods of prescription
//! and the way to interrupt them (CPP 15-3).

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::french;
use crate::legal::{Help, LegalReference, Prescription};
use crate::people::{Complainant, Officer, Unit};
use crate::typesetting::{self, RenderError, Template};

/// Everything the récépissé says. It tells no fact of the case beyond the offence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recepisse {
    /// Number of the procedure.
    pub number: String,
    /// The unit that received the complaint.
    pub unit: Unit,
    /// Who received it.
    pub officer: Officer,
    /// Who complained.
    pub complainant: Complainant,
    /// The complaint was received.
    pub received_at: DateTime<FixedOffset>,
    /// The récépissé was drawn up; also the date inside the file.
    pub drafted_at: DateTime<FixedOffset>,
    /// The offence as qualified at this stage.
    pub offence: String,
    /// The code that bare article numbers belong to.
    pub code: String,
    /// What the récépissé rests on.
    pub legal_references: Vec<LegalReference>,
    /// Periods of prescription, as [`LegalTexts::prescription`](crate::LegalTexts::prescription).
    pub prescription: Vec<Prescription>,
    /// Where they start and what interrupts them.
    pub prescription_notes: Vec<String>,
    /// Services that help.
    pub helps: Vec<Help>,
}

/// Typesets the récépissé to PDF/A-2a and PDF/UA-1.
///
/// # Errors
/// When the text has characters that no font draws or is too long; see [`RenderError`].
pub fn render_recepisse(recepisse: &Recepisse) -> Result<Vec<u8>, RenderError> {
    let values = json!({
        "title": "Récépissé de dépôt de plainte",
        "subtitle": "Plainte reçue par visioconférence",
        "short_title": "Récépissé",
        "number": recepisse.number,
        "unit": recepisse.unit.values(),
        "officer": recepisse.officer.values(),
        "complainant": recepisse.complainant.values(),
        "complainant_name": recepisse.complainant.full_name(),
        "date": french::long_date(recepisse.received_at),
        "received_at": french::moment(recepisse.received_at),
        "drafted_at": french::moment(recepisse.drafted_at),
        "offset": french::offset(recepisse.received_at),
        "offence": recepisse.offence,
        "code": recepisse.code,
        "legal_references": recepisse.legal_references,
        "prescription": recepisse.prescription,
        "prescription_notes": recepisse.prescription_notes,
        "helps": recepisse.helps,
    });
    typesetting::render(
        Template::Recepisse,
        &recepisse.number,
        recepisse.drafted_at,
        values,
    )
}
