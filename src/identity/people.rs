//! Reading who somebody is, for those who may know it. The caller has checked
//! that, and writes the consultation in the journal.

use super::PivotIdentity;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;
use crate::{execute, fetch_optional};

/// The identity FranceConnect vouched for.
///
/// # Errors
/// When the database fails or the sealed identity does not open.
pub async fn citizen_identity(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
) -> Result<Option<PivotIdentity>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "select sealed_identity from citizens where id = $1",
        citizen_id
    )?;
    row.map(|(sealed,)| {
        keys.service
            .open_json(&format!("citizen/{citizen_id}"), &sealed)
    })
    .transpose()
}

/// Makes sure that there is the one citizen who stands for everybody unknown: without
/// a name, and without an account at any provider, so that nobody signs in as them.
///
/// # Errors
/// When the database fails.
pub async fn ensure_anonymous(
    tx: &mut Tx,
    keys: &Keys,
    id: &Id,
    now: Timestamp,
) -> Result<(), Fault> {
    let identity = PivotIdentity::default();
    execute!(
        tx,
        "insert into citizens (id, issuer, sub, sealed_identity, created_at)
         values ($1, 'scheduling-interface', 'anonymous', $2, $3) on conflict do nothing",
        id,
        keys.service.seal_json(&format!("citizen/{id}"), &identity),
        now
    )?;
    Ok(())
}
