//! The empty case of an appointment whose person is unknown here: another service
//! keeps what they told. It has a key and a unit like any other, so that nothing that
//! reads cases needs to know of it, and it is forgotten with its appointment.

use super::Content;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::execute;
use crate::keys::Keys;
use crate::messages::Lang;

/// Opens such a case, complete from the start. Gives its id.
///
/// # Errors
/// When the database fails.
pub async fn open_anonymous(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Id, Fault> {
    let case_id = Id::random();
    let key = keys.create_case_key(tx, &case_id, now).await?;
    let sealed = key.seal_json(&format!("declaration/{case_id}"), &Content::default());
    execute!(
        tx,
        "insert into declarations (case_id, citizen_id, unit_id, offence, catalogue_version, language,
             sealed_content, created_at, updated_at, submitted_at)
         values ($1, $2, $3, '', '', $4, $5, $6, $6, $6)",
        &case_id,
        citizen_id,
        unit_id,
        Lang::Fr,
        sealed,
        now
    )?;
    Ok(case_id)
}

/// Forgets such a case and its key. Its appointment is gone already.
///
/// # Errors
/// When the database fails.
pub async fn forget_anonymous(tx: &mut Tx, case_id: &Id) -> Result<(), Fault> {
    execute!(tx, "delete from declarations where case_id = $1", case_id)?;
    execute!(tx, "delete from case_keys where case_id = $1", case_id)?;
    Ok(())
}
