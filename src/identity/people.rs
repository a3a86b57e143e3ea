//! Reading who somebody is, for those who may know it. The caller has checked
//! that, and writes the consultation in the journal.

use super::PivotIdentity;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::fetch_optional;
use crate::keys::Keys;

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
