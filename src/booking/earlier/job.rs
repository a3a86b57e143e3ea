//! Passes on what was offered and not answered in time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{lapse, store};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Id;
use crate::error::Fault;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks until `shutdown`. Several processes may: each offer ends once.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(fault) = look(&app, app.clock.now()).await {
            tracing::error!(%fault, "waiting list: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn look(app: &App, now: Timestamp) -> Result<(), Fault> {
    let due = {
        let mut tx = app.db.read().await?;
        store::list_due(&mut tx, now).await?
    };
    for (id,) in due {
        // One that cannot be passed on must not keep the others waiting.
        if let Err(fault) = pass(app, &id, now).await {
            tracing::error!(appointment = %id, %fault, "an offer is not passed on: {fault}");
        }
    }
    Ok(())
}

async fn pass(app: &App, id: &Id, now: Timestamp) -> Result<(), Fault> {
    let mut tx = app.db.begin().await?;
    let Some(appointment) = crate::booking::find(&mut tx, id).await? else {
        return Ok(());
    };
    if lapse(&mut tx, &app.keys, &appointment, now).await? {
        tx.commit().await?;
        app.live.changed(format!("appointment/{id}"));
        app.live.changed(format!("unit/{}", appointment.unit_id));
    }
    Ok(())
}
