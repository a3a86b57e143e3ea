//! What only the demonstration has: a key with a known secret, and the way back to an
//! empty calendar. The production build holds neither.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;

use super::errors::ApiError;
use super::guard::Caller;
use super::keys;
use crate::app::App;
use crate::audit::Actor;
use crate::booking::{self, anonymous};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::routes::Routes;
use crate::{execute, fetch_all};

/// The secret of the demonstration's key.
pub const SECRET: &str = "cle-du-bac-a-sable";
/// The unit it books for.
const UNIT: &str = "u-78-gendarmerie";

pub(super) fn router() -> Routes {
    Routes::new().route("/api/visioplainte/reset", post(reset))
}

/// Adds the demonstration's key, unless there is one: revoked, it stays revoked.
///
/// # Errors
/// When the database fails.
pub async fn seed(tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
    let id = Id::from("demonstration");
    execute!(
        tx,
        "insert into scheduling_keys (id, unit_id, name, created_at, created_by)
         values ($1, $2, 'Démonstration', $3, 'system') on conflict do nothing",
        &id,
        UNIT,
        now
    )?;
    keys::write_secret(tx, &id, &id, SECRET, &Actor::System, now).await?;
    Ok(())
}

/// `POST /api/visioplainte/reset`: erases what this interface booked in the key's unit.
async fn reset(State(app): State<App>, caller: Caller) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin().await?;
    let ids = fetch_all!(
        &mut tx,
        (Id,),
        "select n.appointment_id from anonymous_appointments n join appointments a on a.id = n.appointment_id
         where a.unit_id = $1",
        &caller.unit.id
    )?;
    let (actor, keys) = (caller.key.actor(), &app.keys);
    for (id,) in ids {
        if let Some(appointment) = booking::find(&mut tx, &id).await? {
            anonymous::erase_anonymous(&mut tx, keys, &appointment, &actor, caller.now).await?;
        }
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
