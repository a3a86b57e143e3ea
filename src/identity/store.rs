//! The SQL of identity, but for sessions, which have their own file.

use super::Role;
use super::provider::ProviderName;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

pub(super) async fn insert_attempt(
    tx: &mut Tx,
    state_hash: &str,
    provider: ProviderName,
    browser_hash: &str,
    sealed_request: Vec<u8>,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into login_attempts
             (state_hash, provider, browser_hash, sealed_request, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        state_hash,
        provider,
        browser_hash,
        sealed_request,
        now,
        expires_at
    )?;
    Ok(())
}

/// Uses a departure, once, from the browser that left; gives its sealed request.
pub(super) async fn use_attempt(
    tx: &mut Tx,
    state_hash: &str,
    provider: ProviderName,
    browser_hash: &str,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "update login_attempts set used_at = $4
         where state_hash = $1 and provider = $2 and browser_hash = $3
           and used_at is null and expires_at > $4
         returning sealed_request",
        state_hash,
        provider,
        browser_hash,
        now
    )?;
    Ok(row.map(|(sealed,)| sealed))
}

#[derive(sqlx::FromRow)]
pub(super) struct AttemptRow {
    pub browser_hash: String,
    pub used_at: Option<Timestamp>,
    pub sealed_request: Vec<u8>,
}

pub(super) async fn find_attempt(
    tx: &mut Tx,
    state_hash: &str,
    provider: ProviderName,
) -> Result<Option<AttemptRow>, Fault> {
    fetch_optional!(
        tx,
        AttemptRow,
        "select browser_hash, used_at, sealed_request from login_attempts
         where state_hash = $1 and provider = $2",
        state_hash,
        provider
    )
}

/// Whether the citizen is new. An existing one is left as first told.
pub(super) async fn insert_citizen(
    tx: &mut Tx,
    id: &Id,
    issuer: &str,
    sub: &str,
    sealed_identity: Vec<u8>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into citizens (id, issuer, sub, sealed_identity, created_at)
         values ($1, $2, $3, $4, $5)
         on conflict (issuer, sub) do nothing",
        id,
        issuer,
        sub,
        sealed_identity,
        now
    )?;
    Ok(rows == 1)
}

pub(super) async fn find_citizen(
    tx: &mut Tx,
    issuer: &str,
    sub: &str,
) -> Result<Option<(Id, Vec<u8>)>, Fault> {
    fetch_optional!(
        tx,
        (Id, Vec<u8>),
        "select id, sealed_identity from citizens where issuer = $1 and sub = $2",
        issuer,
        sub
    )
}

pub(super) async fn find_officer(
    tx: &mut Tx,
    sub: &str,
    idp_id: &str,
) -> Result<Option<Id>, Fault> {
    let row = fetch_optional!(
        tx,
        (Id,),
        "select id from officers where sub = $1 and idp_id = $2",
        sub,
        idp_id
    )?;
    Ok(row.map(|(id,)| id))
}

pub(super) async fn update_officer_identity(
    tx: &mut Tx,
    officer: &Id,
    sealed_identity: Vec<u8>,
) -> Result<(), Fault> {
    execute!(
        tx,
        "update officers set sealed_identity = $2 where id = $1",
        officer,
        sealed_identity
    )?;
    Ok(())
}

/// An empowerment an officer may choose.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Empowerment {
    /// Key.
    pub id: Id,
    /// Unit.
    pub unit_id: Id,
    /// Its name.
    pub unit_name: String,
    /// What it allows.
    pub role: Role,
}

pub(super) async fn list_live_empowerments(
    tx: &mut Tx,
    officer: &Id,
) -> Result<Vec<Empowerment>, Fault> {
    fetch_all!(
        tx,
        Empowerment,
        "select e.id, e.unit_id, u.name as unit_name, e.role
         from empowerments e join units u on u.id = e.unit_id
         where e.officer_id = $1 and e.revoked_at is null
         order by u.name, e.role, e.id",
        officer
    )
}
