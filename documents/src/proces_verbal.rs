//! The procès-verbal of a complaint heard by videoconference.
//!
//! It is rendered twice with the same type: as the draft that the complainant reads
//! before anything is signed ([`Consent::Awaited`]) and as the act that the officer signs.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::french;
use crate::legal::LegalReference;
use crate::people::{Complainant, Officer, Unit};
use crate::text::paragraphs;
use crate::typesetting::{self, RenderError, Template};

/// Everything the act says. Instants carry the offset of the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcesVerbal {
    /// Number of the procedure and act.
    pub number: String,
    /// The unit that hears the complainant.
    pub unit: Unit,
    /// Who hears the complainant and signs.
    pub officer: Officer,
    /// The hearing began.
    pub started_at: DateTime<FixedOffset>,
    /// The hearing ended; absent in a draft read during the hearing.
    #[serde(default)]
    pub ended_at: Option<DateTime<FixedOffset>>,
    /// This version was drawn up; also the date inside the file.
    pub drafted_at: DateTime<FixedOffset>,
    /// The person heard.
    pub complainant: Complainant,
    /// The code that bare article numbers belong to: `code de procédure pénale`.
    pub code: String,
    /// What the act rests on.
    pub legal_references: Vec<LegalReference>,
    /// Others in the hearing, with their quality: `Avocat`, `Interprète`, `Accompagnant`.
    #[serde(default)]
    pub present: Vec<Entry>,
    /// What the officer verified: identity seen, language understood, alone and at ease.
    pub checks: Vec<Check>,
    /// What the complainant was told, and when.
    pub rights: Vec<RightTold>,
    /// The written rights document was made available.
    #[serde(default)]
    pub rights_document_at: Option<DateTime<FixedOffset>>,
    /// Technical incidents that disturbed the transmission.
    pub incidents: Vec<Incident>,
    /// The facts in short: `Nature`, `Date`, `Lieu`, `Préjudice`.
    pub facts: Vec<Entry>,
    /// The declaration; each line is a paragraph.
    pub narrative: String,
    /// Changes asked by the complainant and the officer's answers.
    pub change_requests: Vec<ChangeRequest>,
    /// What the complainant said of the final text.
    pub consent: Consent,
}

/// A label and its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// A few words.
    pub label: String,
    /// The text.
    pub text: String,
}

/// Something that the officer verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was verified.
    pub label: String,
    /// When.
    pub at: DateTime<FixedOffset>,
    /// What came out.
    pub result: String,
}

/// Something that the complainant was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightTold {
    /// Its title.
    pub label: String,
    /// The article it comes from.
    pub article: String,
    /// When it was told.
    pub at: DateTime<FixedOffset>,
}

/// Something that disturbed the transmission (R. 2-28).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// It began.
    pub from: DateTime<FixedOffset>,
    /// It ended; absent if the transmission did not come back.
    #[serde(default)]
    pub to: Option<DateTime<FixedOffset>>,
    /// What happened.
    pub label: String,
}

/// A change asked by the complainant; the officer has to answer each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRequest {
    /// When it was asked.
    pub requested_at: DateTime<FixedOffset>,
    /// In the person's words.
    pub text: String,
    /// The officer's answer.
    pub answer: String,
}

/// What the complainant said of the final text. Nobody signs before agreement or refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Consent {
    /// The text is a draft sent for reading; nothing is signed.
    Awaited,
    /// The person agreed expressly that the text is faithful.
    Agreed {
        /// When.
        at: DateTime<FixedOffset>,
        /// SHA-256 of the version agreed to, in hexadecimal.
        version_hash: String,
        /// How the person was known: `session FranceConnect (eIDAS faible)`.
        session: String,
    },
    /// The person refused; the refusal is recorded.
    Refused {
        /// When.
        at: DateTime<FixedOffset>,
        /// SHA-256 of the version refused, in hexadecimal.
        version_hash: String,
        /// The reason, if given.
        reason: String,
    },
}

/// Typesets the act to PDF/A-2a and PDF/UA-1.
///
/// # Errors
/// When the text has characters that no font draws or is too long; see [`RenderError`].
pub fn render_proces_verbal(act: &ProcesVerbal) -> Result<Vec<u8>, RenderError> {
    let consent = match &act.consent {
        Consent::Awaited => json!({ "state": "awaited" }),
        Consent::Agreed {
            at,
            version_hash,
            session,
        } => json!({
            "state": "agreed",
            "at": french::moment(*at),
            "version_hash": grouped_hash(version_hash),
            "session": session,
        }),
        Consent::Refused {
            at,
            version_hash,
            reason,
        } => json!({
            "state": "refused",
            "at": french::moment(*at),
            "version_hash": grouped_hash(version_hash),
            "reason": paragraphs(reason),
        }),
    };
    let values = json!({
        "title": "Procès-verbal de plainte",
        "subtitle": "Audition par visioconférence",
        "short_title": "Procès-verbal",
        "number": act.number,
        "unit": act.unit.values(),
        "officer": act.officer.values(),
        "opening": french::opening(act.started_at),
        "offset": french::offset(act.started_at),
        "started_at": french::moment(act.started_at),
        "ended_at": act.ended_at.map(french::moment),
        "drafted_at": french::moment(act.drafted_at),
        "date": french::long_date(act.started_at),
        "complainant": act.complainant.values(),
        "complainant_name": act.complainant.full_name(),
        "code": act.code,
        "legal_references": act.legal_references,
        "present": act.present,
        "rights_document_at": act.rights_document_at.map(french::moment),
        "checks": act.checks.iter().map(|check| json!({
            "label": check.label, "result": check.result, "at": french::time_on(check.at, act.started_at),
        })).collect::<Vec<_>>(),
        "rights": act.rights.iter().map(|right| json!({
            "label": right.label, "article": right.article, "at": french::time_on(right.at, act.started_at),
        })).collect::<Vec<_>>(),
        "incidents": act.incidents.iter().map(|incident| json!({
            "label": incident.label,
            "from": french::precise_time(incident.from),
            "to": incident.to.map_or_else(|| "non rétabli".to_owned(), french::precise_time),
        })).collect::<Vec<_>>(),
        "facts": act.facts,
        "narrative": paragraphs(&act.narrative),
        "change_requests": act.change_requests.iter().map(|request| json!({
            "requested_at": french::moment(request.requested_at),
            "text": paragraphs(&request.text),
            "answer": paragraphs(&request.answer),
        })).collect::<Vec<_>>(),
        "consent": consent,
    });
    typesetting::render(Template::ProcesVerbal, &act.number, act.drafted_at, values)
}

/// A hash in groups of eight digits, which people can compare and lines can break.
pub(crate) fn grouped_hash(hash: &str) -> String {
    let characters: Vec<char> = hash.chars().collect();
    characters
        .chunks(8)
        .map(|group| group.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}
