//! What nodes say of people, written down. Only the node that a room was given
//! to is believed: what a former one still says is about people who have left it.

use std::collections::BTreeSet;

use ring::digest::{SHA256, digest};
use signaling::room_document::{Fact, IncidentKind, RoomEvent, RoomPresence};
use tokio::sync::mpsc;

use super::nodes;
use super::quality::{self, Minutes};
use crate::app::App;
use crate::booking;
use crate::clock::Timestamp;
use crate::db::{Id, Tx, hex};
use crate::error::Fault;
use crate::hearings::{store, tell};

/// Something that a node said of people.
pub enum Told {
    /// Who is connected, in every room that it holds.
    Presence(Vec<RoomPresence>),
    /// Something happened.
    Event(RoomEvent),
}

/// Writes everything down, in the order in which it comes.
pub async fn write_down(app: App, node: String, mut told: mpsc::Receiver<Told>) {
    let mut minutes = Minutes::default();
    while let Some(fact) = told.recv().await {
        let written = match &fact {
            Told::Presence(rooms) => presence(&app, &node, rooms).await,
            Told::Event(event) => {
                app.metrics.fact(event.fact.as_str());
                match measures(&app, &node, event, &mut minutes).await {
                    Ok(()) => record(&app, &node, event).await,
                    fault => fault,
                }
            }
        };
        if let Err(fault) = written {
            tracing::error!(node, %fault, "a fact of media node {node} is not written down: {fault}");
        }
    }
}

/// The appointment whose room a node carries; none when it carries no such room.
async fn carried(tx: &mut Tx, node: &str, room: &str) -> Result<Option<Id>, Fault> {
    let Some(id) = store::find_appointment_of_room(tx, room).await? else {
        return Ok(None);
    };
    let carrier = nodes::find_node_of(tx, &id).await?;
    Ok((carrier.as_deref() == Some(node)).then_some(id))
}

async fn presence(app: &App, node: &str, rooms: &[RoomPresence]) -> Result<(), Fault> {
    let now = app.clock.now();
    let since = now.plus_minutes(-super::FORGET_MINUTES);
    let mut changed = BTreeSet::new();
    let mut tx = app.db.begin().await?;
    for room in rooms {
        let Some(id) = carried(&mut tx, node, room.room.as_str()).await? else {
            continue;
        };
        let seats = store::list_seats(&mut tx, &id).await?;
        for told in &room.participants {
            let seat = Id::from(told.participant.as_str());
            let known = seats.iter().find(|other| other.id == seat);
            if known.is_some_and(|known| known.is_connected() != told.connected) {
                store::mark_presence(&mut tx, &seat, told.connected, now).await?;
                changed.insert(id.clone());
            }
        }
    }
    // A node that was started again knows nobody.
    for live in nodes::list_live(&mut tx, since).await? {
        let held = rooms
            .iter()
            .any(|room| room.room.as_str() == live.hearing.room);
        let id = live.hearing.appointment_id;
        if live.node.as_deref() == Some(node)
            && !held
            && nodes::disconnect_all(&mut tx, &id, now).await?
        {
            changed.insert(id);
        }
    }
    let mut appointments = Vec::new();
    for id in changed {
        appointments.extend(booking::find(&mut tx, &id).await?);
    }
    tx.commit().await?;
    for appointment in appointments {
        tell(app, &appointment);
    }
    Ok(())
}

/// Gathers measures, and writes a minute of them down when it is over.
async fn measures(
    app: &App,
    node: &str,
    event: &RoomEvent,
    minutes: &mut Minutes,
) -> Result<(), Fault> {
    let room = event.room.as_str();
    let seat = event
        .participant
        .as_ref()
        .map(|seat| Id::from(seat.as_str()));
    let whole = match (&event.fact, &seat) {
        (Fact::Quality { quality }, Some(seat)) => minutes.add(room, seat, event.at_ms, quality),
        (Fact::Left { .. }, Some(seat)) => minutes.so_far(room, seat),
        (Fact::RoomEmptied {}, _) => {
            minutes.forget(room);
            None
        }
        _ => None,
    };
    let Some(whole) = whole else {
        return Ok(());
    };
    let mut tx = app.db.begin().await?;
    if carried(&mut tx, node, room).await?.is_some() {
        quality::write_minute(&mut tx, &whole).await?;
    }
    tx.commit().await
}

/// Writes one fact down. Every process of the service hears it; the first one
/// writes, because a fact's key follows from what it says.
async fn record(app: &App, node: &str, event: &RoomEvent) -> Result<(), Fault> {
    let at = Timestamp(event.at_ms);
    let seat = event
        .participant
        .as_ref()
        .map(|participant| Id::from(participant.as_str()));
    let room = event.room.as_str();
    let (kind, from, until, connected) = match &event.fact {
        Fact::Joined { .. } => ("joined", at, None, Some(true)),
        Fact::Left { .. } => ("left_connection", at, None, Some(false)),
        Fact::Incident {
            kind,
            from_ms,
            to_ms,
        } => {
            let name = match kind {
                IncidentKind::Audio => "incident_audio",
                IncidentKind::Video => "incident_video",
                IncidentKind::Signaling => "incident_signaling",
            };
            (name, Timestamp(*from_ms), Some(Timestamp(*to_ms)), None)
        }
        Fact::MediaStarted { .. }
        | Fact::MediaStopped { .. }
        | Fact::MediaResumed { .. }
        | Fact::Quality { .. }
        | Fact::RoomEmptied {} => return Ok(()),
    };
    let mut tx = app.db.begin().await?;
    let Some(appointment_id) = carried(&mut tx, node, room).await? else {
        return Ok(());
    };
    let known = store::list_seats(&mut tx, &appointment_id).await?;
    let seat = seat.filter(|id| known.iter().any(|seat| seat.id == *id));
    if let (Some(seat), Some(connected)) = (&seat, connected) {
        store::mark_presence(&mut tx, seat, connected, at).await?;
    }
    let written = store::insert_fact(
        &mut tx,
        &key_of(event),
        &appointment_id,
        seat.as_ref(),
        kind,
        from,
        until,
    )
    .await?;
    let appointment = booking::find(&mut tx, &appointment_id).await?;
    tx.commit().await?;
    if written {
        tracing::info!(room, kind, "hearing fact {kind} in room {room}");
    }
    if let Some(appointment) = appointment {
        tell(app, &appointment);
    }
    Ok(())
}

/// The same in every process, and another for every fact.
fn key_of(event: &RoomEvent) -> Id {
    let text = serde_json::to_vec(event).unwrap_or_default();
    Id(hex(&digest(&SHA256, &text).as_ref()[..16]))
}
