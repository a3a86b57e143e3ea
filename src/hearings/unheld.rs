//! Hearings that do not take place (anonymous appointments have none here): a job tells who has not come some minutes after
//! the start, and closes, once the door is shut, what nobody held. Which of the
//! two sides was missing, and what people are told, is `booking`'s affair.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{store, tell};
use crate::app::App;
use crate::audit::Actor;
use crate::booking::meeting_link::OVERRUN_MINUTES;
use crate::booking::{self, Appointment, LATE_MINUTES, State};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::fetch_all;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// Most appointments seen to in one look; the next one sees to the others.
const MOST: i64 = 200;

/// Looks until `shutdown`. Several processes may: each act is done once.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(fault) = look(&app, app.clock.now()).await {
            tracing::error!(%fault, "hearings not held: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Sees to everything that is due at an instant.
///
/// # Errors
/// When the database fails.
pub async fn look(app: &App, now: Timestamp) -> Result<(), Fault> {
    let (late, unheld) = {
        let mut tx = app.db.read().await?;
        (
            list_late(&mut tx, now).await?,
            list_unheld(&mut tx, now).await?,
        )
    };
    // One that cannot be seen to must not keep the others waiting.
    for (id,) in late {
        if let Err(fault) = tell_late(app, &id, now).await {
            tracing::error!(appointment = %id, %fault, "a late person is not told: {fault}");
        }
    }
    for (id,) in unheld {
        if let Err(fault) = close_unheld(app, &id, now).await {
            tracing::error!(appointment = %id, %fault, "a hearing not held is not closed: {fault}");
        }
    }
    Ok(())
}

async fn tell_late(app: &App, id: &Id, now: Timestamp) -> Result<(), Fault> {
    let mut tx = app.db.begin().await?;
    let Some(appointment) = booking::find(&mut tx, id).await? else {
        return Ok(());
    };
    if let Some(late) = booking::note_late(&mut tx, &app.keys, &appointment, now).await? {
        tx.commit().await?;
        tell(app, &late);
    }
    Ok(())
}

async fn close_unheld(app: &App, id: &Id, now: Timestamp) -> Result<(), Fault> {
    let mut tx = app.db.begin().await?;
    let Some(appointment) = booking::find(&mut tx, id).await? else {
        return Ok(());
    };
    if let Some(closed) = close(&mut tx, app, &appointment, now).await? {
        tx.commit().await?;
        tell(app, &closed);
    }
    Ok(())
}

async fn close(
    tx: &mut Tx,
    app: &App,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Option<Appointment>, Fault> {
    let closed = booking::note_unheld(tx, &app.keys, appointment, now).await?;
    if closed.is_some()
        && appointment.state == State::Open
        && store::mark_ended(tx, &appointment.id, &Actor::System, now).await?
    {
        let (id, by) = (&appointment.id, &Actor::System);
        store::insert_event(tx, id, None, "closed", now, None, by).await?;
    }
    Ok(closed)
}

/// Those whose start is past and who have not come; each is listed until it is noted.
async fn list_late(tx: &mut Tx, now: Timestamp) -> Result<Vec<(Id,)>, Fault> {
    fetch_all!(
        tx,
        (Id,),
        "select a.id from appointments a
         where a.state in ('booked', 'open') and a.late_at is null and a.starts_at <= $1 and a.ends_at > $2
           and a.citizen_id <> 'anonymous'
           and not exists (select 1 from meeting_links l
                           where l.appointment_id = a.id and l.role = 'citizen' and l.used_at is not null)
           and not exists (select 1 from seats s
                           where s.appointment_id = a.id and s.role = 'citizen' and s.place <> 'left'
                             and s.connected_at is not null
                             and (s.disconnected_at is null or s.disconnected_at <= s.connected_at))
         order by a.starts_at limit $3",
        now.plus_minutes(-LATE_MINUTES),
        now,
        MOST
    )
}

/// Those whose door is shut and whose hearing never began.
async fn list_unheld(tx: &mut Tx, now: Timestamp) -> Result<Vec<(Id,)>, Fault> {
    fetch_all!(
        tx,
        (Id,),
        "select id from appointments
         where state in ('booked', 'open') and ends_at <= $1 and citizen_id <> 'anonymous'
         order by starts_at limit $2",
        now.plus_minutes(-OVERRUN_MINUTES),
        MOST
    )
}
