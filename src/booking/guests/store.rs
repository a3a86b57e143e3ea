//! The guests' SQL.

use crate::audit::Actor;
use crate::booking::meeting_link::LinkRole;
use crate::clock::Timestamp;
use crate::codes::TRIES;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

/// A guest as stored.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub id: Id,
    pub role: LinkRole,
    pub sealed_identity: Vec<u8>,
    pub language: String,
    pub tries: i64,
    pub invited_by: String,
}

pub(super) async fn list(tx: &mut Tx, appointment_id: &Id) -> Result<Vec<Row>, Fault> {
    fetch_all!(
        tx,
        Row,
        "select id, role, sealed_identity, language, tries, invited_by from guests
         where appointment_id = $1 and revoked_at is null order by invited_at, id",
        appointment_id
    )
}

/// What a new row holds.
pub(super) struct New<'a> {
    pub id: &'a Id,
    pub appointment_id: &'a Id,
    pub role: LinkRole,
    pub sealed_identity: Vec<u8>,
    pub address_mark: String,
    pub language: &'a str,
}

/// Writes a guest; false where that address is invited in that role already.
pub(super) async fn insert(
    tx: &mut Tx,
    new: New<'_>,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into guests (id, appointment_id, role, sealed_identity, address_mark, language, tries,
             invited_at, invited_by)
         values ($1, $2, $3, $4, $5, $6, 0, $7, $8)
         on conflict do nothing",
        new.id,
        new.appointment_id,
        new.role,
        new.sealed_identity,
        new.address_mark,
        new.language,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

/// Counts a try where one is left; gives how many there were.
pub(super) async fn count_try(tx: &mut Tx, id: &Id) -> Result<Option<i64>, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "update guests set tries = tries + 1
         where id = $1 and revoked_at is null and tries < $2 returning tries",
        id,
        TRIES
    )?;
    Ok(row.map(|(tries,)| tries))
}

pub(super) async fn forget_tries(tx: &mut Tx, id: &Id) -> Result<(), Fault> {
    execute!(tx, "update guests set tries = 0 where id = $1", id)?;
    Ok(())
}

/// Takes an invitation back, once.
pub(super) async fn mark_revoked(
    tx: &mut Tx,
    appointment_id: &Id,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update guests set revoked_at = $3, revoked_by = $4
         where appointment_id = $1 and id = $2 and revoked_at is null",
        appointment_id,
        id,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}
