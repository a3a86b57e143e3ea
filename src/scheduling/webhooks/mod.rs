//! Telling a front end what changed, as Standard Webhooks has it
//! (<https://www.standardwebhooks.com>): an HTTPS address of the key's, a signed `POST`
//! for each change, again until it is taken.
//!
//! | file | is |
//! |---|---|
//! | [`reach`] | which addresses are never asked; pure, and the resolver that holds to it |
//! | [`outbox`] | changes dealt out to receivers, what is due, what was given up |
//! | [`delivery`] | the worker: signs, sends, notes the outcome |
//!
//! This outbox is beside that of `notifications`, not in it: there, a message is words
//! for a person, rendered late in their language, withdrawn by newer news, carried by
//! one supplier for all. Here each receiver has an address, secrets and a pace of its
//! own, every change is told, and the body is fixed when it happens. They share how
//! attempts are spaced.

pub mod delivery;
pub mod outbox;
pub mod reach;
#[cfg(all(test, feature = "sandbox"))]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys::Key;
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_bytes};
use crate::error::Fault;
use crate::keys::Keys;
use crate::{execute, fetch_all, fetch_optional};

/// How long a secret that was replaced still signs beside the new one.
pub const OVERLAP_HOURS: i64 = 24;

/// Where the changes of a key's unit go.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Webhook {
    /// Whose.
    pub key_id: Id,
    /// Address.
    pub url: String,
    /// Since when it is told of changes.
    pub set_at: Timestamp,
}

/// The webhook of a key, if it has one.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, key_id: &Id) -> Result<Option<Webhook>, Fault> {
    fetch_optional!(
        tx,
        Webhook,
        "select key_id, url, set_at from scheduling_webhooks where key_id = $1 and removed_at is null",
        key_id
    )
}

/// Sets the address that a key's changes go to, from now on; the caller has checked it
/// ([`reach::check`]).
///
/// # Errors
/// When the database fails.
pub async fn set(
    tx: &mut Tx,
    key: &Key,
    url: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::lock(tx, key.unit_id.as_str()).await?;
    execute!(
        tx,
        "insert into scheduling_webhooks (key_id, url, set_at, set_by) values ($1, $2, $3, $4)
         on conflict (key_id) do update set url = excluded.url, set_by = excluded.set_by,
             set_at = case when scheduling_webhooks.removed_at is null then scheduling_webhooks.set_at
                           else excluded.set_at end,
             removed_at = null",
        &key.id,
        url,
        now,
        actor.to_string()
    )?;
    note(tx, key, "scheduling_webhook.set", "", actor, now).await
}

/// Takes the webhook of a key back, with what was not delivered yet.
///
/// # Errors
/// When the database fails.
pub async fn remove(tx: &mut Tx, key: &Key, actor: &Actor, now: Timestamp) -> Result<(), Fault> {
    audit::lock(tx, key.unit_id.as_str()).await?;
    let rows = execute!(
        tx,
        "update scheduling_webhooks set removed_at = $2 where key_id = $1 and removed_at is null",
        &key.id,
        now
    )?;
    if rows == 0 {
        return Ok(());
    }
    execute!(
        tx,
        "delete from scheduling_deliveries where key_id = $1 and state <> 'delivered'",
        &key.id
    )?;
    note(tx, key, "scheduling_webhook.remove", "", actor, now).await
}

/// Gives a webhook a new secret, to be shown once; former ones go on signing beside it
/// for [`OVERLAP_HOURS`]. None when the form was sent before.
///
/// # Errors
/// When the database fails.
pub async fn rotate(
    tx: &mut Tx,
    keys: &Keys,
    key: &Key,
    form: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    audit::lock(tx, key.unit_id.as_str()).await?;
    let secret = format!("whsec_{}", STANDARD.encode(random_bytes::<32>()));
    let rows = execute!(
        tx,
        "insert into scheduling_webhook_secrets (id, key_id, sealed_secret, created_at, created_by)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
        form,
        &key.id,
        keys.service.seal(&place(form), secret.as_bytes()),
        now,
        actor.to_string()
    )?;
    if rows == 0 {
        return Ok(None);
    }
    execute!(
        tx,
        "update scheduling_webhook_secrets set until_at = $3 where key_id = $1 and id <> $2 and until_at is null",
        &key.id,
        form,
        now.plus_minutes(OVERLAP_HOURS * 60)
    )?;
    note(tx, key, "scheduling_webhook.rotate", "", actor, now).await?;
    Ok(Some(secret))
}

/// The secrets that sign now, the newest first.
///
/// # Errors
/// When the database fails, or one does not open.
pub async fn secrets(
    tx: &mut Tx,
    keys: &Keys,
    key_id: &Id,
    now: Timestamp,
) -> Result<Vec<String>, Fault> {
    let rows = fetch_all!(
        tx,
        (Id, Vec<u8>),
        "select id, sealed_secret from scheduling_webhook_secrets
         where key_id = $1 and (until_at is null or until_at > $2)
         order by case when until_at is null then 0 else 1 end, until_at desc",
        key_id,
        now
    )?;
    rows.into_iter()
        .map(|(id, sealed)| {
            let plain = keys.service.open(&place(&id), &sealed)?;
            String::from_utf8(plain).map_err(Fault::other)
        })
        .collect()
}

fn place(secret_id: &Id) -> String {
    format!("scheduling-webhook-secret/{secret_id}")
}

async fn note(
    tx: &mut Tx,
    key: &Key,
    act: &str,
    detail: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let chain = key.unit_id.as_str();
    audit::append(tx, chain, now, actor, act, &key.object(), detail).await
}
