//! What identity forgets: a job deletes what was kept to let somebody in, once it can let
//! nobody in any more. It knows neither people's identities nor the journal's lines, which
//! are kept for longer and elsewhere.
//!
//! Kept on purpose: `citizens` and `officers`, as long as a case or an empowerment names
//! them; `empowerments`, taken back or not, since they say who could do what at a time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::execute;

/// A session is forgotten this long after the last moment it could have lived: whoever
/// comes back to a browser that still has its cookie leaves their provider too, and a
/// hearing it sat down in is long over.
pub const SESSION_KEPT_DAYS: i64 = 7;
/// A departure to a provider is forgotten this long after it expired: whoever reloads the
/// page they came back to is told that it has served.
pub const ATTEMPT_KEPT_HOURS: i64 = 24;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(3600);

/// What one look forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Sessions, those in which somebody never answered among them.
    pub sessions: u64,
    /// Departures to a provider.
    pub attempts: u64,
    /// Officers who asked to be empowered, and were not in time.
    pub requests: u64,
}

/// Forgets until `shutdown`. Several processes may: what is gone is gone.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(fault) = look(&app, app.clock.now()).await {
            tracing::error!(%fault, "forgetting sessions: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Forgets everything that is due at an instant, and writes how much in the journal.
///
/// # Errors
/// When the database fails.
pub async fn look(app: &App, now: Timestamp) -> Result<Forgotten, Fault> {
    let mut tx = app.db.begin().await?;
    audit::lock(&mut tx, audit::SERVICE_CHAIN).await?;
    let forgotten = forget(&mut tx, now).await?;
    if forgotten == Forgotten::default() {
        return Ok(forgotten);
    }
    audit::append(
        &mut tx,
        audit::SERVICE_CHAIN,
        now,
        &Actor::System,
        "identity.forget",
        "sessions",
        &format!(
            "sessions={} attempts={} requests={}",
            forgotten.sessions, forgotten.attempts, forgotten.requests
        ),
    )
    .await?;
    tx.commit().await?;
    Ok(forgotten)
}

async fn forget(tx: &mut Tx, now: Timestamp) -> Result<Forgotten, Fault> {
    let before = now.plus_minutes(-SESSION_KEPT_DAYS * 24 * 60);
    // A seat is lost with the session it was taken with. Without the row that says so, the
    // browser that took it would find it again.
    execute!(
        tx,
        "update seats set browser_hash = ''
         where session_id in (select id from sessions where expires_at < $1)",
        before
    )?;
    Ok(Forgotten {
        sessions: execute!(tx, "delete from sessions where expires_at < $1", before)?,
        attempts: execute!(
            tx,
            "delete from login_attempts where expires_at < $1",
            now.plus_minutes(-ATTEMPT_KEPT_HOURS * 60)
        )?,
        requests: execute!(
            tx,
            "delete from empowerment_requests where expires_at < $1",
            now
        )?,
    })
}
