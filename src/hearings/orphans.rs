//! Seats that no session answers for any more: their person ended the session
//! they were taken with, from another browser or by signing out. Such a seat is
//! given up, which is a new version of the room document, so that the media
//! node lets go of whoever sits there. A session that merely runs out leaves its
//! seat alone: a hearing may outlast it.

use super::{store, tell};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking;
use crate::clock::Timestamp;
use crate::error::Fault;

/// Gives up the orphaned seats of hearings whose appointment ends after `since`.
///
/// # Errors
/// When the database fails.
pub async fn give_up(app: &App, since: Timestamp, now: Timestamp) -> Result<(), Fault> {
    let orphans = {
        let mut tx = app.db.read().await?;
        store::list_orphans(&mut tx, since).await?
    };
    for orphan in orphans {
        let mut tx = app.db.begin().await?;
        let Some(appointment) = booking::find(&mut tx, &orphan.appointment_id).await? else {
            continue;
        };
        let unit = appointment.unit_id.as_str();
        // First the chain, then the seat, as whoever sits down does.
        audit::lock(&mut tx, unit).await?;
        if !store::give_up_seat(&mut tx, &orphan).await? {
            continue;
        }
        let (id, seat) = (&appointment.id, &orphan.seat_id);
        store::raise_version(&mut tx, id, &Actor::System, now).await?;
        store::insert_event(
            &mut tx,
            id,
            Some(seat),
            "session_ended",
            now,
            None,
            &Actor::System,
        )
        .await?;
        audit::append(
            &mut tx,
            unit,
            now,
            &Actor::System,
            "seat.give_up",
            &format!("appointment/{id}"),
            &format!("seat={seat} session-ended"),
        )
        .await?;
        tx.commit().await?;
        tell(app, &appointment);
    }
    Ok(())
}
