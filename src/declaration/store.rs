//! The slice's SQL.

use super::Declaration;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_optional};

pub(super) async fn find(tx: &mut Tx, case_id: &Id) -> Result<Option<Declaration>, Fault> {
    fetch_optional!(
        tx,
        Declaration,
        "select case_id, citizen_id, unit_id, received_for, commune_code, offence, catalogue_version, language,
                rights_version, rights_seen_at, terms_version, terms_accepted_at, updated_at, submitted_at
         from declarations where case_id = $1",
        case_id
    )
}

pub(super) async fn find_draft(tx: &mut Tx, citizen: &Id) -> Result<Option<Declaration>, Fault> {
    fetch_optional!(
        tx,
        Declaration,
        "select case_id, citizen_id, unit_id, received_for, commune_code, offence, catalogue_version, language,
                rights_version, rights_seen_at, terms_version, terms_accepted_at, updated_at, submitted_at
         from declarations where citizen_id = $1 and submitted_at is null",
        citizen
    )
}

/// Finds the draft and keeps others from changing it until the transaction
/// ends: an update takes the row's lock on both engines, a read does not.
pub(super) async fn lock_draft(
    tx: &mut Tx,
    citizen: &Id,
    now: Timestamp,
) -> Result<Option<Declaration>, Fault> {
    fetch_optional!(
        tx,
        Declaration,
        "update declarations set updated_at = $2
         where citizen_id = $1 and submitted_at is null
         returning case_id, citizen_id, unit_id, received_for, commune_code, offence, catalogue_version, language,
                   rights_version, rights_seen_at, terms_version, terms_accepted_at, updated_at, submitted_at",
        citizen,
        now
    )
}

/// What a new draft starts with.
pub(super) struct NewDraft<'a> {
    pub case_id: &'a Id,
    pub citizen_id: &'a Id,
    pub offence: &'a str,
    pub catalogue_version: &'a str,
    pub language: &'a str,
    pub sealed_content: Vec<u8>,
}

/// Writes a draft; false when the citizen has one already.
pub(super) async fn insert_draft(
    tx: &mut Tx,
    draft: NewDraft<'_>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into declarations (case_id, citizen_id, offence, catalogue_version, language,
             sealed_content, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)
         on conflict do nothing",
        draft.case_id,
        draft.citizen_id,
        draft.offence,
        draft.catalogue_version,
        draft.language,
        draft.sealed_content,
        now
    )?;
    Ok(rows == 1)
}

/// Forgets the key of a case that was not born after all.
pub(super) async fn delete_unused_key(tx: &mut Tx, case_id: &Id) -> Result<(), Fault> {
    execute!(tx, "delete from case_keys where case_id = $1", case_id)?;
    Ok(())
}

pub(super) async fn find_sealed_content(
    tx: &mut Tx,
    case_id: &Id,
) -> Result<Option<Vec<u8>>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "select sealed_content from declarations where case_id = $1",
        case_id
    )?;
    Ok(row.map(|(sealed,)| sealed))
}

pub(super) async fn update_content(
    tx: &mut Tx,
    case_id: &Id,
    sealed: Vec<u8>,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update declarations set sealed_content = $2 where case_id = $1 and submitted_at is null",
        case_id,
        sealed
    )?;
    Ok(())
}

pub(super) async fn update_offence(
    tx: &mut Tx,
    case_id: &Id,
    offence: &str,
    catalogue_version: &str,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update declarations set offence = $2, catalogue_version = $3
         where case_id = $1 and submitted_at is null",
        case_id,
        offence,
        catalogue_version
    )?;
    Ok(())
}

pub(super) async fn mark_rights_seen(
    tx: &mut Tx,
    case_id: &Id,
    language: &str,
    rights_version: &str,
    terms_version: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update declarations set language = $2, rights_version = $3, rights_seen_at = $5,
             terms_version = $4, terms_accepted_at = $5
         where case_id = $1 and submitted_at is null",
        case_id,
        language,
        rights_version,
        terms_version,
        now
    )?;
    Ok(())
}

pub(super) async fn update_commune(
    tx: &mut Tx,
    case_id: &Id,
    commune_code: &str,
    unit_id: Option<&Id>,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update declarations set commune_code = $2, unit_id = $3
         where case_id = $1 and submitted_at is null",
        case_id,
        commune_code,
        unit_id
    )?;
    Ok(())
}

/// Gives whether the case was the former unit's until now.
pub(super) async fn update_unit(
    tx: &mut Tx,
    case_id: &Id,
    from: &Id,
    to: &Id,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update declarations set unit_id = $3, received_for = null where case_id = $1 and unit_id = $2",
        case_id,
        from,
        to
    )?;
    Ok(rows == 1)
}

/// The unit that receives a case, and for which one where it is another: its own people
/// are received for nobody else.
pub(super) async fn update_receiver(tx: &mut Tx, case_id: &Id, unit_id: &Id) -> Result<(), Fault> {
    execute!(
        tx,
        "update declarations set unit_id = $2,
             received_for = case when coalesce(received_for, unit_id) = $2 then null
                                 else coalesce(received_for, unit_id) end
         where case_id = $1 and unit_id <> $2",
        case_id,
        unit_id
    )?;
    Ok(())
}

/// The unit that receives a case from now on, as its own, when the unit `closing` does not
/// any more: that of the case's own people where another one received it for them.
pub(super) async fn update_home(
    tx: &mut Tx,
    case_id: &Id,
    closing: &Id,
    heir: Option<&Id>,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update declarations set received_for = null,
             unit_id = case when received_for is not null and received_for <> $2 then received_for
                            else cast($3 as text) end
         where case_id = $1",
        case_id,
        closing,
        heir
    )?;
    Ok(())
}

/// Marks a draft submitted, once; gives whose it is and the unit it goes to.
pub(super) async fn mark_submitted(
    tx: &mut Tx,
    case_id: &Id,
    now: Timestamp,
) -> Result<Option<(Id, Option<Id>)>, Fault> {
    fetch_optional!(
        tx,
        (Id, Option<Id>),
        "update declarations set submitted_at = $2, updated_at = $2
         where case_id = $1 and submitted_at is null
         returning citizen_id, unit_id",
        case_id,
        now
    )
}
