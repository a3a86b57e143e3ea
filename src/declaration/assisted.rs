//! The case of a person without FranceConnect, as an officer writes it down: what the
//! person would have told in the three steps, at once and complete. The rights are told
//! at the hearing, where the procès-verbal says so; no screen has shown them before.

use super::{Content, Declaration, note_by, seal_content};
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::execute;
use crate::keys::Keys;
use crate::messages::Lang;
use crate::orientation::{self, Offence};

/// What an officer wrote down.
#[derive(Clone, Debug)]
pub struct Assisted<'a> {
    /// Whose case.
    pub citizen_id: &'a Id,
    /// The unit that receives it.
    pub unit_id: &'a Id,
    /// Commune of residence (INSEE code).
    pub commune_code: &'a str,
    /// Nature of the facts.
    pub offence: &'a Offence,
    /// Language of messages and pages.
    pub language: Lang,
    /// The rest, read and found good.
    pub content: &'a Content,
}

/// Opens such a case, complete from the start.
///
/// # Errors
/// When the database fails.
pub async fn open_assisted(
    tx: &mut Tx,
    keys: &Keys,
    assisted: Assisted<'_>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Declaration, Fault> {
    let case_id = Id::random();
    let key = keys.create_case_key(tx, &case_id, now).await?;
    execute!(
        tx,
        "insert into declarations (case_id, citizen_id, unit_id, commune_code, offence, catalogue_version, language,
             sealed_content, created_at, updated_at, submitted_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9)",
        &case_id,
        assisted.citizen_id,
        assisted.unit_id,
        assisted.commune_code,
        &assisted.offence.code,
        &orientation::catalogue().version,
        assisted.language,
        seal_content(&key, &case_id, assisted.content),
        now
    )?;
    note_by(
        tx,
        Some(assisted.unit_id),
        actor,
        "declaration.write_down",
        &case_id,
        "",
        now,
    )
    .await?;
    super::find(tx, &case_id)
        .await?
        .ok_or_else(|| Fault::other("a declaration vanished within a transaction"))
}
