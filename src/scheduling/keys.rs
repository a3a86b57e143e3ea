//! Keys of the scheduling interface. A secret is shown once, when it is made; kept is
//! its hash, of 256 bits drawn at random, so that it needs no salt and no slow hash. Who
//! asks by a key is found by that hash: what can be timed says nothing of the secret.
//!
//! A key is rotated by a second secret beside the first, which ends after an overlap.
//! Everything done to a key is a line in the journal of its unit.

use subtle::ConstantTimeEq;

use crate::app::App;
use crate::audit::{self, Actor};
use crate::calendar::Unit;
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_hex};
use crate::error::Fault;
use crate::keys::sha256_hex;
use crate::{execute, fetch_all, fetch_optional};

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Key {
    /// Key of the row; no secret.
    pub id: Id,
    /// The unit it books for.
    pub unit_id: Id,
    /// Which front end, in the administrator's words.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom, as a journal actor.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When a secret of its was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Key {
    /// Whether it lets anybody in.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    /// What the journal calls it.
    #[must_use]
    pub fn object(&self) -> String {
        format!("scheduling-key/{}", self.id)
    }

    /// The same as who acts.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::SchedulingKey(self.id.clone())
    }
}

/// A secret of a key, without what it is.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Secret {
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it ends, once it was replaced.
    pub until_at: Option<Timestamp>,
}

/// A key to be made. The ids are those of the form that asks for it: sent twice, it
/// makes one key.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// Id of the key.
    pub id: &'a Id,
    /// Its name.
    pub name: &'a str,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key with its first secret; gives the secret, to be shown once. None when the
/// form was sent before.
///
/// # Errors
/// When the database fails.
pub async fn create(
    tx: &mut Tx,
    unit: &Unit,
    new: NewKey<'_>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    audit::lock(tx, unit.id.as_str()).await?;
    let rows = execute!(
        tx,
        "insert into scheduling_keys (id, unit_id, name, created_at, created_by, expires_at)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        new.id,
        &unit.id,
        new.name,
        now,
        actor.to_string(),
        new.expires_at
    )?;
    if rows == 0 {
        return Ok(None);
    }
    let secret = insert_secret(tx, new.id, new.id, actor, now).await?;
    let ends = new
        .expires_at
        .map_or_else(|| "-".to_owned(), |end| end.0.to_string());
    note(
        tx,
        (&unit.id, new.id),
        "scheduling_key.create",
        &format!("ends={ends}"),
        actor,
        now,
    )
    .await?;
    Ok(secret)
}

/// Gives a key a new secret and lets the others end after an overlap; gives the new one,
/// to be shown once. None when the form was sent before, or the key does not stand.
///
/// # Errors
/// When the database fails.
pub async fn rotate(
    tx: &mut Tx,
    key: &Key,
    form: &Id,
    overlap_minutes: i64,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    audit::lock(tx, key.unit_id.as_str()).await?;
    let stands = find(tx, &key.id).await?.is_some_and(|key| key.stands(now));
    if !stands {
        return Ok(None);
    }
    let Some(secret) = insert_secret(tx, form, &key.id, actor, now).await? else {
        return Ok(None);
    };
    let until = now.plus_minutes(overlap_minutes);
    execute!(
        tx,
        "update scheduling_key_secrets set until_at = $3
         where key_id = $1 and id <> $2 and (until_at is null or until_at > $3)",
        &key.id,
        form,
        until
    )?;
    let (place, detail) = ((&key.unit_id, &key.id), format!("until={}", until.0));
    note(tx, place, "scheduling_key.rotate", &detail, actor, now).await?;
    Ok(Some(secret))
}

/// Takes a key back, with all its secrets; gives whether it stood until now.
///
/// # Errors
/// When the database fails.
pub async fn revoke(tx: &mut Tx, key: &Key, actor: &Actor, now: Timestamp) -> Result<bool, Fault> {
    audit::lock(tx, key.unit_id.as_str()).await?;
    let rows = execute!(
        tx,
        "update scheduling_keys set revoked_at = $2, revoked_by = $3 where id = $1 and revoked_at is null",
        &key.id,
        now,
        actor.to_string()
    )?;
    if rows == 1 {
        let place = (&key.unit_id, &key.id);
        note(tx, place, "scheduling_key.revoke", "", actor, now).await?;
    }
    Ok(rows == 1)
}

async fn note(
    tx: &mut Tx,
    (unit_id, key_id): (&Id, &Id),
    act: &str,
    detail: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let object = format!("scheduling-key/{key_id}");
    audit::append(tx, unit_id.as_str(), now, actor, act, &object, detail).await
}

async fn insert_secret(
    tx: &mut Tx,
    id: &Id,
    key_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let secret = format!("vp_{}", random_hex::<32>());
    let made = write_secret(tx, id, key_id, &secret, actor, now).await?;
    Ok(made.then_some(secret))
}

/// Writes a secret that is known already: for seeds.
pub(super) async fn write_secret(
    tx: &mut Tx,
    id: &Id,
    key_id: &Id,
    secret: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into scheduling_key_secrets (id, key_id, hash, created_at, created_by)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
        id,
        key_id,
        hash_of(secret),
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

/// What is kept of a secret.
#[must_use]
pub fn hash_of(secret: &str) -> String {
    sha256_hex(secret.as_bytes())
}

#[derive(sqlx::FromRow)]
struct Found {
    hash: String,
    #[sqlx(flatten)]
    key: Key,
}

/// The key that stands and has a secret of that hash.
///
/// # Errors
/// When the database fails.
pub async fn find_by_hash(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<Option<Key>, Fault> {
    let found = fetch_optional!(
        tx,
        Found,
        "select s.hash, k.id, k.unit_id, k.name, k.created_at, k.created_by, k.expires_at, k.revoked_at,
                s.last_used_at
         from scheduling_key_secrets s join scheduling_keys k on k.id = s.key_id
         where s.hash = $1 and (s.until_at is null or s.until_at > $2)",
        hash,
        now
    )?;
    // The index compares as it likes; this decides, and takes as long for every hash.
    Ok(found
        .filter(|found| bool::from(found.hash.as_bytes().ct_eq(hash.as_bytes())))
        .map(|found| found.key)
        .filter(|key| key.stands(now)))
}

/// Notes that a secret is in use, at most once a minute.
///
/// # Errors
/// When the database fails.
pub async fn note_use(app: &App, key: &Key, hash: &str, now: Timestamp) -> Result<(), Fault> {
    let before = now.plus_minutes(-1);
    if key.last_used_at.is_some_and(|last| last > before) {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    execute!(
        &mut tx,
        "update scheduling_key_secrets set last_used_at = $2
         where hash = $1 and (last_used_at is null or last_used_at <= $3)",
        hash,
        now,
        before
    )?;
    tx.commit().await
}

/// The keys of a unit, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx, unit_id: &Id) -> Result<Vec<Key>, Fault> {
    fetch_all!(
        tx,
        Key,
        "select k.id, k.unit_id, k.name, k.created_at, k.created_by, k.expires_at, k.revoked_at,
                (select max(s.last_used_at) from scheduling_key_secrets s where s.key_id = k.id) as last_used_at
         from scheduling_keys k where k.unit_id = $1 order by k.created_at desc, k.id",
        unit_id
    )
}

/// Reads a key.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, id: &Id) -> Result<Option<Key>, Fault> {
    fetch_optional!(
        tx,
        Key,
        "select k.id, k.unit_id, k.name, k.created_at, k.created_by, k.expires_at, k.revoked_at,
                (select max(s.last_used_at) from scheduling_key_secrets s where s.key_id = k.id) as last_used_at
         from scheduling_keys k where k.id = $1",
        id
    )
}

/// The secrets of a key that hold, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_secrets(tx: &mut Tx, key_id: &Id, now: Timestamp) -> Result<Vec<Secret>, Fault> {
    fetch_all!(
        tx,
        Secret,
        "select created_at, last_used_at, until_at from scheduling_key_secrets
         where key_id = $1 and (until_at is null or until_at > $2)
         order by case when until_at is null then 0 else 1 end, until_at desc, created_at desc",
        key_id,
        now
    )
}
