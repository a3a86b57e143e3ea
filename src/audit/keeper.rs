//! The worker's side of the journal: gathers heads every minute in which
//! something was written, and lets leave what was kept for three years.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{retention, roots};
use crate::app::App;
use crate::error::Fault;

/// Between two looks. What happens within it can be rewritten unseen by whoever
/// has the database; so it is short.
const EVERY: Duration = Duration::from_secs(60);

/// Keeps the journal until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    loop {
        match keep(&app).await {
            Ok(()) => {}
            Err(fault) if fault.is_unique_violation() => {
                tracing::debug!("another process gathers the journal's heads");
            }
            Err(fault) => tracing::error!(%fault, "journal: {fault}"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Gathers, then lets leave what is due, each in a transaction of its own.
///
/// # Errors
/// When the database fails, or another process gathers at this moment.
pub async fn keep(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let gathered = roots::gather(&mut tx, &app.keys.journal, now).await?;
    tx.commit().await?;
    if let Some(root) = gathered.root {
        tracing::info!(
            seq = root.seq,
            heads = root.size,
            "journal root {}",
            root.seq
        );
    }
    for chain in gathered.contradicted {
        tracing::error!(
            chain,
            "journal: chain {chain} was changed in the database after it was signed"
        );
    }
    let mut tx = app.db.read().await?;
    let due = retention::chains_due(&mut tx, now).await?;
    drop(tx);
    if due.is_empty() {
        return Ok(());
    }
    for chain in due {
        let mut tx = app.db.begin().await?;
        retention::purge(&mut tx, &app.keys.journal, &chain, now).await?;
        tx.commit().await?;
    }
    let mut tx = app.db.begin().await?;
    retention::purge_roots(&mut tx, now).await?;
    tx.commit().await
}
