//! The worker's side of the outbox: claims a due message by a lease, renders
//! it, hands it to a supplier and notes the outcome.
//!
//! A message is sent at least once. The only window for a duplicate is a crash
//! between the supplier's acceptance and our commit; both copies then carry
//! the same Message-ID or idempotency key, which is the row's id.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::suppliers::{Parcel, Refused, Suppliers};
use super::{Channel, FORGOTTEN, Outgoing, Reason, Values, insert, templates};
use crate::app::App;
use crate::booking::meeting_link;
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_bytes};
use crate::error::Fault;
use crate::{execute, fetch_optional};

/// A claimed message is another worker's again after this long. Longer than
/// every supplier of a channel together may take.
const LEASE_SECONDS: i64 = 25;
/// Pause between two looks at an empty outbox.
const IDLE: Duration = Duration::from_millis(500);

#[derive(Debug, sqlx::FromRow)]
struct Claimed {
    id: Id,
    event: String,
    recipient: String,
    unit_id: Option<Id>,
    channel: Channel,
    template: String,
    language: String,
    sealed_values: Vec<u8>,
    attempts: i64,
    expires_at: Timestamp,
}

/// Sends what is due until `shutdown`, each channel for itself: texts do not wait
/// behind a mail server that hangs.
pub async fn run(app: App, shutdown: CancellationToken) {
    let suppliers = Suppliers::new(&app);
    tokio::join!(
        carry(&app, &suppliers, Channel::Email, &shutdown),
        carry(&app, &suppliers, Channel::Sms, &shutdown),
    );
}

async fn carry(app: &App, suppliers: &Suppliers, channel: Channel, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        let pause = match send_next(app, suppliers, channel).await {
            Ok(true) => continue,
            Ok(false) => IDLE,
            Err(fault) => {
                tracing::error!(%fault, %channel, "outbox: {fault}");
                IDLE * 4
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Sends one due message of a channel; tells whether there was one.
///
/// # Errors
/// When the database fails; a supplier's failure is an outcome, not an error.
pub async fn send_next(app: &App, suppliers: &Suppliers, channel: Channel) -> Result<bool, Fault> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(claimed) = claim(&mut tx, channel, now).await? else {
        return Ok(false);
    };
    if claimed.expires_at <= now {
        execute!(
            &mut tx,
            "update messages set state = 'expired', reason = 'expired', ended_at = $2
             where id = $1 and state = 'pending'",
            &claimed.id,
            now
        )?;
        tx.commit().await?;
        tracing::warn!(message_id = %claimed.id, "message {} expired unsent", claimed.id);
        return Ok(true);
    }
    let place = format!("message/{}", claimed.id);
    let opened = app.keys.service.open_json(&place, &claimed.sealed_values);
    let mut values: Values = match opened {
        Ok(values) => values,
        // Perhaps somebody who was started later, with another master key, opens it.
        Err(fault) => {
            tx.commit().await?;
            return leave_unopened(app, &claimed, &fault).await;
        }
    };
    // Another link may have been issued while it waited: the former opens nothing.
    if let Some((id, generation)) = &mut values.link
        && let Some(current) = meeting_link::current_generation(&mut tx, id).await?
    {
        *generation = current;
    }
    tx.commit().await?;

    let text = templates::render(
        app,
        claimed.channel,
        &claimed.template,
        &claimed.language,
        &values,
    );
    let parcel = Parcel {
        id: &claimed.id,
        channel: claimed.channel,
        address: &values.address,
        text: &text,
        attempts: claimed.attempts,
    };
    let outcome = suppliers.send(app, parcel).await;

    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    match outcome {
        Ok(supplier) => note_sent(&mut tx, &claimed, supplier, now).await?,
        Err(refused) => match refused.for_good {
            Some(reason) => note_dead(&mut tx, app, &claimed, values, &refused, reason).await?,
            None => note_refused(&mut tx, &claimed, &refused, now).await?,
        },
    }
    tx.commit().await?;
    Ok(true)
}

async fn leave_unopened(app: &App, claimed: &Claimed, fault: &Fault) -> Result<bool, Fault> {
    tracing::error!(message_id = %claimed.id, %fault, "message {} does not open", claimed.id);
    let refused = Refused {
        for_good: None,
        supplier: "none",
        why: "the message does not open".to_owned(),
    };
    let mut tx = app.db.begin().await?;
    note_refused(&mut tx, claimed, &refused, app.clock.now()).await?;
    tx.commit().await?;
    Ok(true)
}

async fn note_sent(
    tx: &mut Tx,
    claimed: &Claimed,
    supplier: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    // Withdrawn while the supplier had it, it went all the same: that is the truth. Where
    // it went is nobody's to know any more.
    execute!(
        tx,
        "update messages set state = 'sent', sent_at = $2, supplier = $3, last_error = null,
             reason = null, ended_at = null, sealed_values = $4
         where id = $1 and state in ('pending', 'expired')",
        &claimed.id,
        now,
        supplier,
        FORGOTTEN
    )?;
    tracing::info!(message_id = %claimed.id, channel = %claimed.channel, template = claimed.template, supplier,
        "message {} sent", claimed.id);
    Ok(())
}

async fn note_refused(
    tx: &mut Tx,
    claimed: &Claimed,
    refused: &Refused,
    now: Timestamp,
) -> Result<(), Fault> {
    let chance = u16::from_be_bytes(random_bytes());
    // Not beyond its end: it is given up then, not at some later look.
    let next = now
        .plus_millis(back_off_ms(claimed.attempts, chance))
        .min(claimed.expires_at);
    // Where the lease ran out meanwhile it is another worker's, who knows more.
    execute!(
        tx,
        "update messages set next_attempt_at = $2, last_error = $3, supplier = $4
         where id = $1 and state = 'pending' and attempts = $5",
        &claimed.id,
        next,
        &refused.why,
        refused.supplier,
        claimed.attempts
    )?;
    tracing::warn!(message_id = %claimed.id, why = refused.why, supplier = refused.supplier,
        "message {} will be tried again", claimed.id);
    Ok(())
}

/// Gives a message up; what it told goes by the other channel, where one is known
/// and nothing went by it.
async fn note_dead(
    tx: &mut Tx,
    app: &App,
    claimed: &Claimed,
    values: Values,
    refused: &Refused,
    reason: Reason,
) -> Result<(), Fault> {
    let now = app.clock.now();
    let ended = execute!(
        tx,
        "update messages set state = 'dead', reason = $2, last_error = $3, supplier = $4, ended_at = $5
         where id = $1 and state = 'pending' and attempts = $6",
        &claimed.id,
        reason,
        &refused.why,
        refused.supplier,
        now,
        claimed.attempts
    )?;
    tracing::warn!(message_id = %claimed.id, why = refused.why, supplier = refused.supplier, %reason,
        "message {} is dead", claimed.id);
    let other = claimed.channel.other();
    if ended == 0 || values.fallback.is_empty() || !templates::speaks(other, &claimed.template) {
        return Ok(());
    }
    let values = Values {
        address: values.fallback,
        fallback: String::new(),
        calendar: String::new(),
        ..values
    };
    let outgoing = Outgoing {
        event: &claimed.event,
        recipient: &claimed.recipient,
        unit: claimed.unit_id.as_ref(),
        channel: other,
        template: &claimed.template,
        language: &claimed.language,
        values: &values,
        expires_at: claimed.expires_at,
        due_at: now,
    };
    insert(tx, &app.keys, &outgoing, Some(&claimed.id), now).await
}

/// Takes the oldest due message of a channel by moving its next attempt one lease ahead.
/// Two workers that pick the same row meet at its lock; the second finds it no
/// longer due.
async fn claim(tx: &mut Tx, channel: Channel, now: Timestamp) -> Result<Option<Claimed>, Fault> {
    fetch_optional!(
        tx,
        Claimed,
        "update messages set attempts = attempts + 1, next_attempt_at = $2
         where id = (select id from messages where state = 'pending' and channel = $3 and next_attempt_at <= $1
                     order by next_attempt_at, id limit 1)
           and state = 'pending' and next_attempt_at <= $1
         returning id, event, recipient, unit_id, channel, template, language, sealed_values, attempts, expires_at",
        now,
        now.plus_seconds(LEASE_SECONDS),
        channel
    )
}

/// Milliseconds until the next attempt after `attempts` failed: doubling from ten
/// seconds to an hour, the second half of it by chance, so that what failed
/// together does not come back together. `chance` is any number.
#[must_use]
pub fn back_off_ms(attempts: i64, chance: u16) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 10) - 1).unwrap_or(9);
    let whole = (10_000 * 2_i64.pow(doublings)).min(3_600_000);
    let half = whole / 2;
    half + half * i64::from(chance) / i64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::back_off_ms;

    #[test]
    fn attempts_are_spaced_further_and_further_and_never_all_alike() {
        for (attempts, least, most) in [
            (0, 5_000, 10_000),
            (1, 5_000, 10_000),
            (2, 10_000, 20_000),
            (5, 80_000, 160_000),
            (9, 1_280_000, 2_560_000),
            (10, 1_800_000, 3_600_000),
            (99, 1_800_000, 3_600_000),
        ] {
            assert_eq!(back_off_ms(attempts, 0), least, "{attempts}");
            assert_eq!(back_off_ms(attempts, u16::MAX), most, "{attempts}");
            let middle = back_off_ms(attempts, u16::MAX / 2);
            assert!(least < middle && middle < most, "{attempts}");
        }
    }
}
