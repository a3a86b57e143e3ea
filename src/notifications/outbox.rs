//! The worker's side of the outbox: claims a due message by a lease, renders
//! it, hands it to a supplier and notes the outcome.
//!
//! A message is sent at least once. The only window for a duplicate is a crash
//! between the supplier's acceptance and our commit; both copies then carry
//! the same Message-ID or idempotency key, which is the row's id.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Channel, Values, suppliers, templates};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_optional};

/// A claimed message is another worker's again after this long.
const LEASE_SECONDS: i64 = 20;
/// Pause between two looks at an empty outbox.
const IDLE: Duration = Duration::from_millis(500);

#[derive(Debug, sqlx::FromRow)]
struct Claimed {
    id: Id,
    channel: Channel,
    template: String,
    language: String,
    sealed_values: Vec<u8>,
    attempts: i64,
    expires_at: Timestamp,
}

/// Sends what is due until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    let suppliers = suppliers::Suppliers::new(&app);
    while !shutdown.is_cancelled() {
        let pause = match send_next(&app, &suppliers).await {
            Ok(true) => continue,
            Ok(false) => IDLE,
            Err(fault) => {
                tracing::error!(%fault, "outbox: {fault}");
                IDLE * 4
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Sends one due message; tells whether there was one.
///
/// # Errors
/// When the database fails; a supplier's failure is an outcome, not an error.
pub async fn send_next(app: &App, suppliers: &suppliers::Suppliers) -> Result<bool, Fault> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(claimed) = claim(&mut tx, now).await? else {
        return Ok(false);
    };
    if claimed.expires_at <= now {
        execute!(
            &mut tx,
            "update messages set state = 'expired' where id = $1 and state = 'pending'",
            &claimed.id
        )?;
        tx.commit().await?;
        tracing::info!(message_id = %claimed.id, "message {} expired unsent", claimed.id);
        return Ok(true);
    }
    tx.commit().await?;

    let values: Values = app
        .keys
        .service
        .open_json(&format!("message/{}", claimed.id), &claimed.sealed_values)?;
    let text = templates::render(
        app,
        claimed.channel,
        &claimed.template,
        &claimed.language,
        &values,
    );
    let outcome = suppliers
        .send(app, &claimed.id, claimed.channel, &values.address, &text)
        .await;

    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    match outcome {
        Ok(()) => {
            execute!(
                &mut tx,
                "update messages set state = 'sent', sent_at = $2, last_error = null where id = $1 and state = 'pending'",
                &claimed.id,
                now
            )?;
            tracing::info!(message_id = %claimed.id, channel = %claimed.channel, template = claimed.template,
                "message {} sent", claimed.id);
        }
        Err(refused) if refused.permanent => {
            execute!(
                &mut tx,
                "update messages set state = 'dead', last_error = $2 where id = $1 and state = 'pending'",
                &claimed.id,
                &refused.reason
            )?;
            tracing::warn!(message_id = %claimed.id, reason = refused.reason, "message {} is dead", claimed.id);
        }
        Err(refused) => {
            let next = now.plus_seconds(back_off_seconds(claimed.attempts));
            execute!(
                &mut tx,
                "update messages set next_attempt_at = $2, last_error = $3 where id = $1 and state = 'pending'",
                &claimed.id,
                next,
                &refused.reason
            )?;
            tracing::warn!(message_id = %claimed.id, reason = refused.reason, "message {} will be tried again", claimed.id);
        }
    }
    tx.commit().await?;
    Ok(true)
}

/// Takes the oldest due message by moving its next attempt one lease ahead.
/// Two workers that pick the same row meet at its lock; the second finds it no
/// longer due.
async fn claim(tx: &mut Tx, now: Timestamp) -> Result<Option<Claimed>, Fault> {
    fetch_optional!(
        tx,
        Claimed,
        "update messages set attempts = attempts + 1, next_attempt_at = $2
         where id = (select id from messages where state = 'pending' and next_attempt_at <= $1
                     order by next_attempt_at, id limit 1)
           and state = 'pending' and next_attempt_at <= $1
         returning id, channel, template, language, sealed_values, attempts, expires_at",
        now,
        now.plus_seconds(LEASE_SECONDS)
    )
}

/// Seconds until the next attempt after `attempts` failed: doubling from 10 s to an hour.
fn back_off_seconds(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 10) - 1).unwrap_or(9);
    (10 * 2_i64.pow(doublings)).min(3600)
}

#[cfg(test)]
mod tests {
    use super::back_off_seconds;

    #[test]
    fn attempts_are_spaced_further_and_further() {
        for (attempts, seconds) in [
            (0, 10),
            (1, 10),
            (2, 20),
            (5, 160),
            (9, 2560),
            (10, 3600),
            (99, 3600),
        ] {
            assert_eq!(back_off_seconds(attempts), seconds, "{attempts}");
        }
    }
}
