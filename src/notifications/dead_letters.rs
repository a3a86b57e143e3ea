//! Messages that were given up, for the administrators of their unit: what they
//! told, by which channel, when and why they were given up, never to whom. Sent
//! again, one keeps its id, so that whoever got it after all sees the same message.

use super::{Channel, Reason, Values};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;
use crate::{execute, fetch_all, fetch_optional};

/// How long a dead letter is shown, in days.
pub const DAYS: i64 = 30;

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DeadLetter {
    /// The message.
    pub id: Id,
    /// Unit it is about.
    pub unit_id: Id,
    /// What happened, such as `appointment/…/booked`.
    pub event: String,
    /// Channel.
    pub channel: Channel,
    /// Template.
    pub template: String,
    /// Why it was given up.
    pub reason: Reason,
    /// What the supplier answered, without any address.
    pub last_error: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was given up.
    pub ended_at: Timestamp,
    /// Until when sending it again makes sense.
    pub expires_at: Timestamp,
}

impl DeadLetter {
    /// Whether it can be sent again: its time is not over.
    #[must_use]
    pub fn can_be_resent(&self, now: Timestamp) -> bool {
        self.expires_at > now
    }
}

/// A unit's dead letters of the last [`DAYS`], newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx, unit_id: &Id, now: Timestamp) -> Result<Vec<DeadLetter>, Fault> {
    fetch_all!(
        tx,
        DeadLetter,
        "select id, unit_id, event, channel, template, reason, last_error, attempts, ended_at, expires_at
         from messages where unit_id = $1 and ended_at > $2 and state in ('dead', 'expired')
         order by ended_at desc, id limit 500",
        unit_id,
        now.plus_minutes(-DAYS * 24 * 60)
    )
}

/// One dead letter of whatever unit; the caller checks whether it is theirs.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, id: &Id) -> Result<Option<DeadLetter>, Fault> {
    fetch_optional!(
        tx,
        DeadLetter,
        "select id, unit_id, event, channel, template, reason, last_error, attempts, ended_at, expires_at
         from messages where id = $1 and state in ('dead', 'expired') and unit_id is not null
           and reason is not null and ended_at is not null",
        id
    )
}

/// Sends one again, perhaps to a corrected address. False when it was sent again
/// before, or its time is over.
///
/// # Errors
/// When the database fails.
pub async fn resend(
    tx: &mut Tx,
    keys: &Keys,
    letter: &DeadLetter,
    corrected: Option<&str>,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, letter.unit_id.as_str()).await?;
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "update messages set state = 'pending', attempts = 0, next_attempt_at = $2, resent_at = $2,
             reason = null, ended_at = null
         where id = $1 and state in ('dead', 'expired') and expires_at > $2 and length(sealed_values) > 0
         returning sealed_values",
        &letter.id,
        now
    )?;
    let Some((sealed,)) = row else {
        return Ok(false);
    };
    if let Some(address) = corrected {
        let place = format!("message/{}", letter.id);
        let values: Values = keys.service.open_json(&place, &sealed)?;
        let values = Values {
            address: address.to_owned(),
            ..values
        };
        execute!(
            tx,
            "update messages set sealed_values = $2 where id = $1",
            &letter.id,
            keys.service.seal_json(&place, &values)
        )?;
    }
    audit::append(
        tx,
        letter.unit_id.as_str(),
        now,
        actor,
        "message.resend",
        &format!("message/{}", letter.id),
        &format!(
            "channel={} corrected={}",
            letter.channel,
            corrected.is_some()
        ),
    )
    .await?;
    Ok(true)
}
