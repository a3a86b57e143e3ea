//! The worker's side of the journal: gathers heads every minute in which
//! something was written, and lets leave what was kept for three years.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::memory::Remembered;
use super::{retention, roots};
use crate::app::App;
use crate::clock::Timestamp;
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
/// When the database fails, another process gathers at this moment, or roots that
/// were signed are gone: then nothing is signed and nothing leaves.
pub async fn keep(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    gather(app, now).await?;
    let mut tx = app.db.read().await?;
    let due = retention::chains_due(&mut tx, now).await?;
    let ripe = if due.is_empty() {
        None
    } else {
        retention::ripe_root(&mut tx, app.keys.journal_public(), now).await?
    };
    drop(tx);
    let Some(ripe) = ripe else {
        return Ok(());
    };
    let mut whole = true;
    for chain in due {
        let mut tx = app.db.begin().await?;
        match retention::purge(&mut tx, &app.keys.journal, &chain, &ripe, now).await? {
            Ok(_) => tx.commit().await?,
            Err(broken) => {
                whole = false;
                tracing::error!(
                    chain,
                    %broken,
                    "journal: nothing of chain {chain} leaves: {broken}"
                );
            }
        }
    }
    if !whole {
        // The roots are what it is found by.
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    retention::purge_roots(&mut tx, &ripe).await?;
    tx.commit().await
}

/// Gathers heads into a signed root, if what was signed before is still there.
///
/// # Errors
/// When the database fails, another process gathers at this moment, or roots that
/// were signed are gone.
pub(super) async fn gather(app: &App, now: Timestamp) -> Result<(), Fault> {
    let folder = &app.config.data_dir;
    let remembered = Remembered::read(folder)?;
    let mut tx = app.db.begin().await?;
    roots::continues(&mut tx, remembered.as_ref()).await?;
    let gathered = roots::gather(&mut tx, &app.keys.journal, now).await?;
    let last = roots::last(&mut tx).await?;
    tx.commit().await?;
    if let Some(root) = gathered.root {
        // The operator's log is a memory too, and one that whoever has the
        // database does not reach.
        tracing::info!(
            seq = root.seq,
            hash = root.hash,
            heads = root.size,
            "journal root {} is {}",
            root.seq,
            root.hash
        );
    }
    // Another process's root as well: its own would in time be too old to be held.
    let last = last
        .filter(|root| root.is_signed_by(app.keys.journal_public()))
        .map(|root| Remembered::from(&root));
    if let Some(last) = last.filter(|last| remembered.as_ref() != Some(last)) {
        last.write(folder)?;
    }
    for chain in gathered.contradicted {
        tracing::error!(
            chain,
            "journal: chain {chain} was changed in the database after it was signed"
        );
    }
    Ok(())
}
