//! Messages to people: a row is written in the transaction of the act it
//! tells, a worker renders and sends it later, at least once. Given a
//! recipient, a template and values, it knows no other slice but how the secret
//! of a meeting link and a code to type are derived, which it does at the last moment.
//!
//! A row is `pending` until a supplier takes it (`sent`), or nobody ever will:
//! `dead` when the recipient or the content is refused for good, `expired` when
//! its time is over or [newer news](withdraw) took its place. What was given up is a [dead letter](dead_letters), seen by
//! the administrators of its unit. When the only channel an event was told by is
//! dead, the other one is tried. Address and values are forgotten once a message is sent,
//! and the row itself [after a while](upkeep).

pub mod dead_letters;
pub mod outbox;
pub mod segments;
pub mod suppliers;
pub mod templates;
#[cfg(all(test, feature = "sandbox"))]
mod tests;
pub mod upkeep;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;
use crate::{execute, fetch_optional, text_enum};

text_enum! {
    /// How a message travels.
    Channel {
        /// E-mail.
        Email = "email",
        /// SMS.
        Sms = "sms",
    }
}

impl Channel {
    /// The other way to somebody.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Channel::Email => Channel::Sms,
            Channel::Sms => Channel::Email,
        }
    }
}

text_enum! {
    /// Why a message was given up.
    Reason {
        /// Nobody is at that address or number.
        Recipient = "recipient",
        /// The supplier does not carry this text.
        Content = "content",
        /// It could not be sent while it mattered.
        Expired = "expired",
    }
}

/// What a template is filled with; sealed while it waits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Values {
    /// E-mail address or E.164 number.
    pub address: String,
    /// Where the same is told by the other channel if this one is dead and nothing
    /// goes by the other anyway; empty for nowhere.
    #[serde(default)]
    pub fallback: String,
    /// Values by name. Never a fact of the case.
    pub values: BTreeMap<String, String>,
    /// A meeting link (id, generation), derived only when the message is sent.
    pub link: Option<(String, i64)>,
    /// A code to type (id, generation), derived only when the message is sent.
    #[serde(default)]
    pub code: Option<(String, i64)>,
    /// An iCalendar object to attach to an e-mail; empty for none. The word
    /// `{link}` in it is replaced by the link when the message is sent.
    pub calendar: String,
}

/// What stands in place of an address and values that are not needed any more.
const FORGOTTEN: &[u8] = b"";

/// A message to write in the outbox.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// What happened; with recipient and channel it makes the message unique.
    pub event: &'a str,
    /// Pseudonym of the recipient, such as `citizen/ID`.
    pub recipient: &'a str,
    /// Unit whose administrators are told when it cannot be delivered.
    pub unit: Option<&'a Id>,
    /// Channel.
    pub channel: Channel,
    /// Template, such as `booked`: messages `mail-NAME-subject`, `mail-NAME-body`, `sms-NAME`.
    pub template: &'a str,
    /// Language, as a tag.
    pub language: &'a str,
    /// Address and values.
    pub values: &'a Values,
    /// After this instant the message is pointless and is not sent.
    pub expires_at: Timestamp,
    /// Not before this instant.
    pub due_at: Timestamp,
}

/// Writes a message in the outbox, in the transaction of the act it tells.
/// The same event to the same recipient by the same channel is written once.
///
/// # Errors
/// When the database fails.
pub async fn enqueue(
    tx: &mut Tx,
    keys: &Keys,
    outgoing: &Outgoing<'_>,
    now: Timestamp,
) -> Result<(), Fault> {
    insert(tx, keys, outgoing, None, now).await
}

/// Withdraws what a subject's messages told before: something newer is about to be
/// told of it, or nothing more is to tell. What still waits is not sent; what was
/// given up stays in sight but cannot be sent again. In the transaction of the
/// newer act, before its own messages are written.
///
/// `subject` is how the events of one thing begin, such as `appointment/ID`.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(tx: &mut Tx, subject: &str, now: Timestamp) -> Result<(), Fault> {
    let events = format!("{subject}/");
    // What was never tried is nobody's failure: no administrator is told of it.
    execute!(
        tx,
        "update messages set state = 'expired', expires_at = $2,
             reason = case when attempts > 0 then 'expired' end,
             ended_at = case when attempts > 0 then cast($2 as bigint) end
         where state = 'pending' and substr(event, 1, length($1)) = $1",
        &events,
        now
    )?;
    // The two texts differ so that each is answered by its own partial index.
    execute!(
        tx,
        "update messages set expires_at = $2
         where state in ('dead', 'expired') and unit_id is not null and ended_at > $3
           and expires_at > $2 and substr(event, 1, length($1)) = $1",
        &events,
        now,
        now.plus_minutes(-dead_letters::DAYS * 24 * 60)
    )?;
    Ok(())
}

/// Whether what an event told by a channel was refused for good: nobody is there, or
/// the supplier does not carry it.
///
/// # Errors
/// When the database fails.
pub async fn was_refused(
    tx: &mut Tx,
    event: &str,
    recipient: &str,
    channel: Channel,
) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (String,),
        "select state from messages
         where event = $1 and recipient = $2 and channel = $3 and state = 'dead'",
        event,
        recipient,
        channel
    )?;
    Ok(row.is_some())
}

/// The same, perhaps in place of a message whose channel was dead.
async fn insert(
    tx: &mut Tx,
    keys: &Keys,
    outgoing: &Outgoing<'_>,
    instead_of: Option<&Id>,
    now: Timestamp,
) -> Result<(), Fault> {
    let id = Id::random();
    let sealed = keys
        .service
        .seal_json(&format!("message/{id}"), outgoing.values);
    execute!(
        tx,
        "insert into messages (id, event, recipient, unit_id, channel, template, language, sealed_values, state,
             attempts, next_attempt_at, expires_at, created_at, instead_of)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', 0, $9, $10, $11, $12)
         on conflict (event, recipient, channel) do nothing",
        &id,
        outgoing.event,
        outgoing.recipient,
        outgoing.unit,
        outgoing.channel,
        outgoing.template,
        outgoing.language,
        sealed,
        outgoing.due_at,
        outgoing.expires_at,
        now,
        instead_of
    )?;
    Ok(())
}
