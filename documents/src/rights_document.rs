//! The rights document, downloadable and printable before the hearing ends (R. 2-27).

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::french;
use crate::legal::{Help, LegalTexts, Right};
use crate::people::Unit;
use crate::typesetting::{self, RenderError, Template};

/// Everything the document says. It names nobody, so that it may be printed anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsDocument {
    /// The unit that hears the complainant, with its number to call.
    pub unit: Unit,
    /// The document was made available; also the date inside the file.
    pub issued_at: DateTime<FixedOffset>,
    /// The code that bare article numbers belong to.
    pub code: String,
    /// The rights, in order.
    pub rights: Vec<Right>,
    /// Services that help.
    pub helps: Vec<Help>,
}

impl RightsDocument {
    /// The document of a unit with the wordings in force.
    pub fn new(unit: Unit, issued_at: DateTime<FixedOffset>, texts: &LegalTexts) -> Self {
        Self {
            unit,
            issued_at,
            code: texts.code.clone(),
            rights: texts.rights.clone(),
            helps: texts.helps.clone(),
        }
    }
}

/// Typesets the document to PDF/A-2a and PDF/UA-1.
///
/// # Errors
/// When the text has characters that no font draws or is too long; see [`RenderError`].
pub fn render_rights_document(document: &RightsDocument) -> Result<Vec<u8>, RenderError> {
    let values = json!({
        "title": "Vos droits",
        "subtitle": "Plainte par visioconférence",
        "short_title": "Vos droits",
        "number": null,
        "unit": document.unit.values(),
        "date": french::long_date(document.issued_at),
        "code": document.code,
        "rights": document.rights,
        "helps": document.helps,
    });
    typesetting::render(
        Template::Rights,
        &document.unit.name,
        document.issued_at,
        values,
    )
}
