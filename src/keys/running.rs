//! Which processes run, and with which master key: each writes so once a minute. A
//! former key is not forgotten while somebody still seals with it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Keys, sha256_hex};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all};

const PAUSE: Duration = Duration::from_secs(60);
/// Whoever has not been seen for so long does not run any more.
pub const GONE_MINUTES: i64 = 5;

/// What tells one master key from another, and nothing of either.
#[must_use]
pub fn mark_of(keys: &Keys) -> String {
    sha256_hex(&keys.join_public).chars().take(16).collect()
}

/// Says once a minute that this process runs, until `shutdown`; then takes it back.
pub async fn run(app: App, shutdown: CancellationToken) {
    let id = Id::random();
    while !shutdown.is_cancelled() {
        if let Err(fault) = say(&app, &id).await {
            tracing::error!(%fault, "which processes run: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    if let Err(fault) = take_back(&app, &id).await {
        tracing::error!(%fault, "which processes run: {fault}");
    }
}

async fn say(app: &App, id: &Id) -> Result<(), Fault> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    execute!(
        &mut tx,
        "insert into processes (id, key_mark, seen_at) values ($1, $2, $3)
         on conflict (id) do update set seen_at = excluded.seen_at",
        id,
        mark_of(&app.keys),
        now
    )?;
    execute!(
        &mut tx,
        "delete from processes where seen_at < $1",
        now.plus_minutes(-24 * 60)
    )?;
    tx.commit().await
}

async fn take_back(app: &App, id: &Id) -> Result<(), Fault> {
    let mut tx = app.db.begin().await?;
    execute!(&mut tx, "delete from processes where id = $1", id)?;
    tx.commit().await
}

/// How many processes run with another master key than this.
///
/// # Errors
/// When the database fails.
pub async fn others(tx: &mut Tx, keys: &Keys, now: Timestamp) -> Result<i64, Fault> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "select count(*) from processes where key_mark <> $1 and seen_at > $2",
        mark_of(keys),
        now.plus_minutes(-GONE_MINUTES)
    )?;
    Ok(rows.first().map_or(0, |(count,)| *count))
}
