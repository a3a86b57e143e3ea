//! What becomes of messages that nobody waits for any more: an address is kept no longer
//! than somebody may send the message again, and the row, which holds pseudonyms and
//! hours alone, until the documents of its case are gone too.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{FORGOTTEN, dead_letters};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::Fault;
use crate::{execute, fetch_all};

/// How long the row of a message is kept after it ended, in days: the six months of a
/// person's space (R. 2-29-2), and the longest month.
pub const ROW_DAYS: i64 = 6 * 31 + 31;
const DAY_MINUTES: i64 = 24 * 60;
/// Rows that one transaction touches.
const BATCH: i64 = 1000;
const PAUSE: Duration = Duration::from_secs(3600);

/// Forgets, once an hour, until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(fault) = forget(&app.db, app.clock.now()).await {
            tracing::error!(%fault, "messages' upkeep: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Forgets what is not needed any more at `now`; a thousand rows at a time, so that
/// nobody waits behind it.
///
/// # Errors
/// When the database fails.
pub async fn forget(db: &Db, now: Timestamp) -> Result<(), Fault> {
    loop {
        let mut tx = db.begin().await?;
        let emptied = execute!(
            &mut tx,
            "update messages set sealed_values = $1
             where id in (select id from messages
                          where state in ('dead', 'expired', 'sent') and length(sealed_values) > 0
                            and coalesce(ended_at, expires_at) <= $2 limit $3)",
            FORGOTTEN,
            now.plus_minutes(-dead_letters::DAYS * DAY_MINUTES),
            BATCH
        )?;
        // A row that another one stands in for goes before it.
        let deleted = execute!(
            &mut tx,
            "delete from messages
             where id in (select id from messages m
                          where state <> 'pending' and expires_at <= $1 and created_at <= $1
                            and coalesce(sent_at, ended_at, expires_at) <= $1
                            and not exists (select 1 from messages other where other.instead_of = m.id)
                          limit $2)",
            now.plus_minutes(-ROW_DAYS * DAY_MINUTES),
            BATCH
        )?;
        tx.commit().await?;
        if emptied == 0 && deleted == 0 {
            return Ok(());
        }
    }
}

/// How many messages of a channel wait, should have gone, or were given up within a day.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// `email` or `sms`.
    pub channel: String,
    /// Written, and not sent yet; also what is due at another hour.
    pub pending: i64,
    /// Due five minutes ago and not tried, or tried in vain so far.
    pub late: i64,
    /// Given up within a day.
    pub dead: i64,
}

/// How the outbox stands, for each channel that has rows.
///
/// # Errors
/// When the database fails.
pub async fn standing(db: &Db, now: Timestamp) -> Result<Vec<Standing>, Fault> {
    let mut tx = db.read().await?;
    fetch_all!(
        &mut tx,
        Standing,
        "select channel,
                cast(sum(case when state = 'pending' then 1 else 0 end) as bigint) as pending,
                cast(sum(case when state = 'pending' and created_at <= $1
                               and (attempts > 0 or next_attempt_at <= $1) then 1 else 0 end) as bigint) as late,
                cast(sum(case when state in ('dead', 'expired') and ended_at > $2 then 1 else 0 end) as bigint) as dead
         from messages where state = 'pending' or (state in ('dead', 'expired') and ended_at > $2)
         group by channel",
        now.plus_minutes(-5),
        now.plus_minutes(-DAY_MINUTES)
    )
}
