//! What the citizen tells before the slot: who they are to reach, where they
//! live, what happened. The case is born here; its key seals all of it.

use axum::Router;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::fetch_optional;
use crate::keys::Keys;

/// What was told, sealed with the case's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// Used name, if the person goes by another than the birth name.
    pub used_name: String,
    /// E-mail address the messages go to.
    pub email: String,
    /// Telephone in E.164, for SMS and call-back.
    pub phone: String,
    /// Number and street.
    pub address: String,
    /// Postal code.
    pub postal_code: String,
    /// Town, as the commune's list names it.
    pub city: String,
    /// Profession.
    pub profession: String,
    /// Nature of the facts, in the catalogue's words.
    pub offence_label: String,
    /// Day of the facts as `YYYY-MM-DD`; empty when unknown.
    pub facts_date: String,
    /// Approximate hour, free text; may be empty.
    pub facts_time: String,
    /// Place of the facts, free text.
    pub facts_place: String,
    /// Whether the person knows who did it: `yes`, `no`, `unsure`.
    pub author_known: String,
    /// Short statement of facts.
    pub statement: String,
    /// Language the person wants to be heard in, as a tag.
    pub spoken_language: String,
    /// Whether an interpreter is asked for.
    pub interpreter: bool,
}

/// A declaration as stored, without its sealed content.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Declaration {
    /// Key of the case.
    pub case_id: Id,
    /// Whose.
    pub citizen_id: Id,
    /// Unit that receives it; known once the commune is.
    pub unit_id: Option<Id>,
    /// Commune of residence (INSEE code).
    pub commune_code: Option<String>,
    /// Code of the offence catalogue.
    pub offence: String,
    /// Language of the interface, followed by messages and documents.
    pub language: String,
    /// Version of the rights screen that was shown.
    pub rights_version: Option<String>,
    /// When it was shown.
    pub rights_seen_at: Option<Timestamp>,
    /// When the terms were accepted.
    pub terms_accepted_at: Option<Timestamp>,
    /// When the appointment was confirmed with it.
    pub submitted_at: Option<Timestamp>,
}

/// Reads a declaration.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, case_id: &Id) -> Result<Option<Declaration>, Fault> {
    fetch_optional!(
        tx,
        Declaration,
        "select case_id, citizen_id, unit_id, commune_code, offence, language, rights_version,
                rights_seen_at, terms_accepted_at, submitted_at
         from declarations where case_id = $1",
        case_id
    )
}

/// Opens what was told in a case. The caller has checked who may read it and
/// writes the consultation in the journal.
///
/// # Errors
/// When the case has no key any more, or the content does not open.
pub async fn open_content(tx: &mut Tx, keys: &Keys, case_id: &Id) -> Result<Content, Fault> {
    let key = keys.case_key(tx, case_id).await?;
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "select sealed_content from declarations where case_id = $1",
        case_id
    )?;
    let (sealed,) = row.ok_or_else(|| Fault::other(format!("case {case_id} has no declaration")))?;
    key.open_json(&format!("declaration/{case_id}"), &sealed)
}

/// The slice's routes.
pub fn router() -> Router<App> {
    Router::new()
}
