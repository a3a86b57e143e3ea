//! Codes that make sure of an address before anything else is sent there: whoever
//! mistypes a digit would else tell a stranger that they have to do with the police,
//! and never get their own link. A code lives ten minutes and may be typed five times;
//! three are sent an hour to one address of one person, fewer where the budgets of the
//! day are spent. What FranceConnect says of an e-mail address is what its provider was
//! once told: offered as a first text, and sent a code like any other.
//!
//! Whoever confirmed an address is not asked again for a month, also in another case;
//! another address is another row.

#[cfg(test)]
mod tests;

use ring::hmac;

use super::{Content, Declaration, SaveError, seal_content, store};
use crate::audit;
use crate::clock::Timestamp;
use crate::codes::{self, Purpose, TRIES};
use crate::db::{Id, Tx, hex};
use crate::error::Fault;
use crate::keys::Keys;
use crate::notifications::{self, Channel, Outgoing, Values};
use crate::{execute, fetch_optional};

/// A code is good for this long.
pub const MINUTES: i64 = 10;
/// Codes sent to one address of one person in an hour.
pub const SENDINGS: i64 = 3;
/// Between two codes to the same address: most arrive later than people hope.
pub const PAUSE_SECONDS: i64 = 60;
/// Codes one person may have sent in a day, to whatever addresses.
const PERSON_A_DAY: i64 = 12;
/// Codes an address may be sent in a day, by whatever persons: a telephone is
/// nobody's to fill.
const ADDRESS_A_DAY: i64 = 6;
/// A confirmed address is not asked about again for this long.
const REMEMBERED_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

/// The last code sent to an address.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ContactCode {
    /// Key; with the generation what the code is derived from.
    pub id: Id,
    /// How many codes were sent to this address so far.
    pub generation: i64,
    /// How many of them within an hour of `first_sent_at`.
    pub sendings: i64,
    /// When that hour began.
    pub first_sent_at: Timestamp,
    /// When the last one was sent.
    pub sent_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// How often it was typed.
    pub tries: i64,
    /// When it was typed right.
    pub confirmed_at: Option<Timestamp>,
}

impl ContactCode {
    /// Whether it can still be typed.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.confirmed_at.is_none() && self.tries < TRIES && self.expires_at > now
    }

    /// From when on another may be sent.
    #[must_use]
    pub fn again_at(&self) -> Timestamp {
        let pause = self.sent_at.plus_seconds(PAUSE_SECONDS);
        let hour = self.first_sent_at.plus_minutes(60);
        if self.sendings < SENDINGS || hour <= pause {
            pause
        } else {
            hour
        }
    }

    fn event(&self) -> String {
        format!("{}/{}", subject(&self.id), self.generation)
    }
}

/// Why no code was sent. What the transaction did before stands.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// One was sent a moment ago, or three within the hour.
    #[error("another code may be sent later")]
    TooSoon {
        /// From when on.
        again_at: Timestamp,
    },
    /// The day's budget of the person or the address is spent.
    #[error("no more codes today")]
    TooMany,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What came of a typed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It was the right one: the address is confirmed.
    Right,
    /// It was not.
    Wrong {
        /// How often it may still be typed.
        left: i64,
    },
    /// There is none to type: too old, typed too often, or never sent.
    Over,
}

/// The last code sent to an address of a person.
///
/// # Errors
/// When the database fails.
pub async fn find(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    (channel, address): (Channel, &str),
) -> Result<Option<ContactCode>, Fault> {
    fetch_optional!(
        tx,
        ContactCode,
        "select id, generation, sendings, first_sent_at, sent_at, expires_at, tries, confirmed_at
         from contact_codes where citizen_id = $1 and channel = $2 and address_mark = $3",
        citizen_id,
        channel,
        mark(keys, channel, address)
    )
}

/// Whether an address of a person was confirmed lately.
///
/// # Errors
/// When the database fails.
pub async fn is_confirmed(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    to: (Channel, &str),
    now: Timestamp,
) -> Result<bool, Fault> {
    let code = find(tx, keys, citizen_id, to).await?;
    let since = now.plus_minutes(-REMEMBERED_DAYS * 24 * 60);
    Ok(code.is_some_and(|code| code.confirmed_at.is_some_and(|at| at > since)))
}

/// Whether the last code could not be delivered at all, as far as is known.
///
/// # Errors
/// When the database fails.
pub async fn was_refused(
    tx: &mut Tx,
    citizen_id: &Id,
    channel: Channel,
    code: &ContactCode,
) -> Result<bool, Fault> {
    let recipient = format!("citizen/{citizen_id}");
    notifications::was_refused(tx, &code.event(), &recipient, channel).await
}

/// Sends codes to the addresses of a draft that await one and were sent none yet; the
/// same step saved again sends none again.
///
/// # Errors
/// When the database fails.
pub(super) async fn send_first(
    tx: &mut Tx,
    keys: &Keys,
    draft: &Declaration,
    content: &Content,
    now: Timestamp,
) -> Result<(), Fault> {
    for &channel in Channel::ALL {
        let to = (channel, content.address_of(channel));
        if !content.awaits_code(channel) {
            continue;
        }
        let sent = find(tx, keys, &draft.citizen_id, to).await?;
        if sent.is_some_and(|code| code.is_live(now)) {
            continue;
        }
        match send(tx, keys, draft, to, now).await {
            // The page of codes says when another may be asked for.
            Ok(()) | Err(SendError::TooSoon { .. } | SendError::TooMany) => {}
            Err(SendError::Fault(fault)) => return Err(fault),
        }
    }
    Ok(())
}

/// Sends another code to an address of the citizen's draft that awaits one.
///
/// # Errors
/// [`SendError`]; none either where nothing awaits a code there.
pub async fn send_again(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    channel: Channel,
    now: Timestamp,
) -> Result<(), SendError> {
    let Some(draft) = store::lock_draft(tx, citizen_id, now).await? else {
        return Ok(());
    };
    let content = super::open_content(tx, keys, &draft.case_id).await?;
    if !content.awaits_code(channel) {
        return Ok(());
    }
    let to = (channel, content.address_of(channel));
    send(tx, keys, &draft, to, now).await
}

/// Sends the code by which the person of a case told to an officer shows that they are
/// the one who is reached there.
///
/// # Errors
/// [`SendError`].
pub async fn send_for_entry(
    tx: &mut Tx,
    keys: &Keys,
    case: &Declaration,
    to: (Channel, &str),
    now: Timestamp,
) -> Result<(), SendError> {
    // One person's sendings follow one another, as a draft's lock makes them elsewhere.
    audit::lock(tx, super::chain_of(case.unit_id.as_ref())).await?;
    send_as(tx, keys, case, "entry-code", to, now).await
}

async fn send(
    tx: &mut Tx,
    keys: &Keys,
    draft: &Declaration,
    to: (Channel, &str),
    now: Timestamp,
) -> Result<(), SendError> {
    send_as(tx, keys, draft, "contact-code", to, now).await
}

/// Sends a code. The draft's lock is held, so that one person's sendings follow one
/// another; the journal's is taken before the address's budget, which others share.
async fn send_as(
    tx: &mut Tx,
    keys: &Keys,
    draft: &Declaration,
    template: &str,
    (channel, address): (Channel, &str),
    now: Timestamp,
) -> Result<(), SendError> {
    let before = find(tx, keys, &draft.citizen_id, (channel, address)).await?;
    if let Some(again_at) = before.map(|code| code.again_at()).filter(|at| *at > now) {
        return Err(SendError::TooSoon { again_at });
    }
    audit::lock(tx, super::chain_of(draft.unit_id.as_ref())).await?;
    let mark = mark(keys, channel, address);
    let person = format!("citizen/{}", draft.citizen_id);
    if !spend_message(tx, &mark, Some(&draft.citizen_id), now).await? {
        return Err(SendError::TooMany);
    }
    let code = raise(tx, &draft.citizen_id, channel, &mark, now).await?;
    notifications::withdraw(tx, &subject(&code.id), now).await?;
    let values = Values {
        address: address.to_owned(),
        code: Some((code.id.0.clone(), code.generation)),
        ..Values::default()
    };
    let outgoing = Outgoing {
        event: &code.event(),
        recipient: &person,
        // A code that is not delivered is asked for again by who waits for it; no
        // administrator can mend it.
        unit: None,
        channel,
        template,
        language: &draft.language,
        values: &values,
        expires_at: code.expires_at,
        due_at: now,
    };
    notifications::enqueue(tx, keys, &outgoing, now).await?;
    super::note(
        tx,
        draft.unit_id.as_ref(),
        &draft.citizen_id,
        "declaration.send_code",
        &draft.case_id,
        &format!("channel={channel} sending={}", code.sendings),
        now,
    )
    .await?;
    Ok(())
}

/// A new generation of the code of an address; the former one is worth nothing.
async fn raise(
    tx: &mut Tx,
    citizen_id: &Id,
    channel: Channel,
    mark: &str,
    now: Timestamp,
) -> Result<ContactCode, Fault> {
    fetch_optional!(
        tx,
        ContactCode,
        "insert into contact_codes (id, citizen_id, channel, address_mark, generation, sendings, first_sent_at,
             sent_at, expires_at, tries)
         values ($1, $2, $3, $4, 1, 1, $5, $5, $6, 0)
         on conflict (citizen_id, channel, address_mark) do update set
             generation = contact_codes.generation + 1,
             sendings = case when contact_codes.first_sent_at <= $7 then 1 else contact_codes.sendings + 1 end,
             first_sent_at = case when contact_codes.first_sent_at <= $7 then excluded.sent_at
                 else contact_codes.first_sent_at end,
             sent_at = excluded.sent_at, expires_at = excluded.expires_at, tries = 0, confirmed_at = null
         returning id, generation, sendings, first_sent_at, sent_at, expires_at, tries, confirmed_at",
        Id::random(),
        citizen_id,
        channel,
        mark,
        now,
        now.plus_minutes(MINUTES),
        now.plus_minutes(-60)
    )?
    .ok_or_else(|| Fault::other("a code was neither written nor raised"))
}

/// Takes one message to an address nobody confirmed from the day's budgets of that
/// address and, where one is named, of the person who has it sent.
///
/// # Errors
/// When the database fails.
pub async fn spend_message(
    tx: &mut Tx,
    mark: &str,
    citizen_id: Option<&Id>,
    now: Timestamp,
) -> Result<bool, Fault> {
    if let Some(id) = citizen_id
        && !spend(tx, &format!("citizen/{id}"), PERSON_A_DAY, now).await?
    {
        return Ok(false);
    }
    spend(tx, &format!("address/{mark}"), ADDRESS_A_DAY, now).await
}

/// Takes one of a day's budget, unless it is spent.
async fn spend(tx: &mut Tx, subject: &str, budget: i64, now: Timestamp) -> Result<bool, Fault> {
    let day = now.0.div_euclid(DAY_MS);
    execute!(tx, "delete from code_budgets where day < $1", day)?;
    let row = fetch_optional!(
        tx,
        (i64,),
        "insert into code_budgets (subject, day, spent) values ($1, $2, 1)
         on conflict (subject, day) do update set spent = code_budgets.spent + 1
             where code_budgets.spent < $3
         returning spent",
        subject,
        day,
        budget
    )?;
    Ok(row.is_some())
}

/// The person types what they were sent. What comes of each is told; the transaction is
/// to be committed whatever it is, since a wrong one is counted.
///
/// # Errors
/// [`SaveError::NoDraft`], or a fault.
pub async fn confirm(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    typed: &[(Channel, String)],
    now: Timestamp,
) -> Result<Vec<(Channel, Tried)>, SaveError> {
    let draft = store::lock_draft(tx, citizen_id, now)
        .await?
        .ok_or(SaveError::NoDraft)?;
    let mut content = super::open_content(tx, keys, &draft.case_id).await?;
    let mut told = Vec::new();
    for (channel, code) in typed {
        let channel = *channel;
        // Sent twice, the second finds it done.
        let tried = if content.awaits_code(channel) {
            let to = (channel, content.address_of(channel));
            try_code(tx, keys, citizen_id, to, code, now).await?
        } else {
            Tried::Right
        };
        told.push((channel, tried));
        if tried == Tried::Right && content.awaits_code(channel) {
            content.note_confirmed(channel);
            super::note(
                tx,
                draft.unit_id.as_ref(),
                citizen_id,
                "declaration.confirm_contact",
                &draft.case_id,
                &format!("channel={channel}"),
                now,
            )
            .await?;
        }
    }
    let key = keys.case_key(tx, &draft.case_id).await?;
    store::update_content(
        tx,
        &draft.case_id,
        seal_content(&key, &draft.case_id, &content),
    )
    .await?;
    Ok(told)
}

/// Somebody types the code that was sent for entering. To be committed whatever comes of
/// it, since a wrong one is counted; the right one is good once.
///
/// # Errors
/// When the database fails.
pub async fn try_for_entry(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    to: (Channel, &str),
    typed: &str,
    now: Timestamp,
) -> Result<Tried, Fault> {
    try_code(tx, keys, citizen_id, to, typed, now).await
}

/// Counts a try and judges it. The count is raised where it still may be, by the one
/// statement that allows the try, so that tries side by side are counted too.
async fn try_code(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    (channel, address): (Channel, &str),
    typed: &str,
    now: Timestamp,
) -> Result<Tried, Fault> {
    let row = fetch_optional!(
        tx,
        (Id, i64, i64),
        "update contact_codes set tries = tries + 1
         where citizen_id = $1 and channel = $2 and address_mark = $3 and confirmed_at is null
           and tries < $4 and expires_at > $5
         returning id, generation, tries",
        citizen_id,
        channel,
        mark(keys, channel, address),
        TRIES,
        now
    )?;
    let Some((id, generation, tries)) = row else {
        return Ok(Tried::Over);
    };
    if !codes::matches(keys, Purpose::Contact, id.as_str(), generation, typed) {
        return Ok(match TRIES - tries {
            0 => Tried::Over,
            left => Tried::Wrong { left },
        });
    }
    execute!(
        tx,
        "update contact_codes set confirmed_at = $2 where id = $1",
        &id,
        now
    )?;
    Ok(Tried::Right)
}

fn subject(id: &Id) -> String {
    format!("contact-code/{id}")
}

/// By which an address is recognised without being read. Letters of either case are one:
/// no mail server in use tells them apart.
#[must_use]
pub fn mark(keys: &Keys, channel: Channel, address: &str) -> String {
    let text = format!("{channel}:{}", address.to_lowercase());
    let tag = hmac::sign(&keys.address, text.as_bytes());
    hex(&tag.as_ref()[..16])
}
