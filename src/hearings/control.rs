//! The control channel to the media node: pushes every live room's document,
//! again after each change and each reconnection, and writes down the facts
//! that come back. Losing the channel loses nothing: the next connection
//! starts from the whole truth on both sides.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use signaling::room_document::{
    CONTROL_PATH, CONTROL_SUBPROTOCOL, Fact, IncidentKind, NodeMessage, RoomEvent, ServiceMessage,
};
use tokio::sync::broadcast::error::RecvError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_util::sync::CancellationToken;

use super::{room_document, store, tell};
use crate::app::App;
use crate::audit::Actor;
use crate::booking;
use crate::clock::Timestamp;
use crate::db::Id;
use crate::error::Fault;
use crate::media;

/// Rooms are compared with the database this often besides every notice, so
/// that a change made by another process is seen too.
const RECONCILE: Duration = Duration::from_secs(1);
/// Rooms of appointments that ended longer ago than this are forgotten.
const FORGET_MINUTES: i64 = 120;

/// Keeps a control connection to the node until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut listen = app.media.listen();
    loop {
        let address = match app.config.media_nodes.first() {
            Some(address) => Some(address.clone()),
            None => listen
                .borrow_and_update()
                .map(|listen| format!("ws://{listen}{CONTROL_PATH}")),
        };
        if let Some(address) = address {
            tokio::select! {
                () = shutdown.cancelled() => return,
                outcome = connection(&app, &address) => {
                    app.media.set_controlled(false);
                    if let Err(fault) = outcome {
                        tracing::warn!(%fault, "media control: {fault}");
                    }
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = listen.changed() => {}
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

async fn connection(app: &App, address: &str) -> Result<(), Fault> {
    let failed = |error: WsError| Fault::other(format!("control channel: {error}"));
    let mut request = address.into_client_request().map_err(failed)?;
    request.headers_mut().insert(
        "sec-websocket-protocol",
        HeaderValue::from_static(CONTROL_SUBPROTOCOL),
    );
    let (socket, _) = tokio_tungstenite::connect_async(request)
        .await
        .map_err(failed)?;
    let (mut out, mut incoming) = socket.split();
    let hello = ServiceMessage::Hello {
        token: media::control_token(app)?,
    };
    out.send(Message::text(json(&hello)?))
        .await
        .map_err(failed)?;
    tracing::info!("media control is connected");
    app.media.set_controlled(true);

    let mut notices = app.live.listen();
    let mut pushed = HashMap::new();
    let mut tick = tokio::time::interval(RECONCILE);
    loop {
        let look = tokio::select! {
            message = incoming.next() => match message {
                None | Some(Ok(Message::Close(_))) => return Ok(()),
                Some(Err(error)) => return Err(failed(error)),
                Some(Ok(Message::Text(text))) => {
                    if let Err(fault) = receive(app, text.as_str(), &mut pushed).await {
                        tracing::error!(%fault, "media event: {fault}");
                    }
                    false
                }
                Some(Ok(_)) => false,
            },
            notice = notices.recv() => match notice {
                Ok(topic) => topic.starts_with("appointment/"),
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = tick.tick() => true,
        };
        if look {
            for document in changed_documents(app, &mut pushed).await? {
                out.send(Message::text(json(&document)?))
                    .await
                    .map_err(failed)?;
            }
        }
    }
}

fn json(message: &ServiceMessage) -> Result<String, Fault> {
    serde_json::to_string(message).map_err(Fault::other)
}

/// The documents whose version the node has not been sent yet.
async fn changed_documents(
    app: &App,
    pushed: &mut HashMap<String, i64>,
) -> Result<Vec<ServiceMessage>, Fault> {
    let since = app.clock.now().plus_minutes(-FORGET_MINUTES);
    let mut tx = app.db.read().await?;
    let mut documents = Vec::new();
    let live = store::list_live(&mut tx, since).await?;
    pushed.retain(|room, _| live.iter().any(|hearing| hearing.room == *room));
    for hearing in live {
        if pushed.get(&hearing.room) == Some(&hearing.version) {
            continue;
        }
        let Some(appointment) = booking::find(&mut tx, &hearing.appointment_id).await? else {
            continue;
        };
        let seats = store::list_seats(&mut tx, &hearing.appointment_id).await?;
        pushed.insert(hearing.room.clone(), hearing.version);
        documents.push(ServiceMessage::Room(room_document(
            &appointment,
            &hearing,
            &seats,
        )));
    }
    Ok(documents)
}

async fn receive(app: &App, text: &str, pushed: &mut HashMap<String, i64>) -> Result<(), Fault> {
    let message: NodeMessage = serde_json::from_str(text)
        .map_err(|error| Fault::other(format!("the node's message cannot be read: {error}")))?;
    match message {
        NodeMessage::Ready { node, udp } => {
            tracing::info!(node, ?udp, "media node answers");
            Ok(())
        }
        NodeMessage::Applied { room, version } => {
            let version = i64::try_from(version).unwrap_or(i64::MAX);
            app.media.set_follows(room.as_str(), version);
            Ok(())
        }
        NodeMessage::RoomRefused { room, reason } => {
            // Sent again at the next look, in case the node has room by then.
            pushed.remove(room.as_str());
            tracing::error!(%room, ?reason, "media node refuses room {room}");
            Ok(())
        }
        NodeMessage::Presence { rooms } => {
            let now = app.clock.now();
            for room in rooms {
                for seat in room.participants {
                    let id = Id::from(seat.participant.as_str());
                    set_presence(app, room.room.as_str(), &id, seat.connected, now).await?;
                }
            }
            Ok(())
        }
        NodeMessage::Status(_) => Ok(()),
        NodeMessage::Event(event) => record(app, &event).await,
    }
}

/// Writes one fact that the node reported.
async fn record(app: &App, event: &RoomEvent) -> Result<(), Fault> {
    let at = Timestamp(event.at_ms);
    let seat = event
        .participant
        .as_ref()
        .map(|participant| Id::from(participant.as_str()));
    let room = event.room.as_str();
    let (kind, from, until) = match &event.fact {
        Fact::Joined { .. } => {
            if let Some(seat) = &seat {
                set_presence(app, room, seat, true, at).await?;
            }
            ("joined", at, None)
        }
        Fact::Left { .. } => {
            if let Some(seat) = &seat {
                set_presence(app, room, seat, false, at).await?;
            }
            ("left_connection", at, None)
        }
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
            (name, Timestamp(*from_ms), Some(Timestamp(*to_ms)))
        }
        Fact::MediaStarted { .. }
        | Fact::MediaStopped { .. }
        | Fact::MediaResumed { .. }
        | Fact::Quality { .. }
        | Fact::RoomEmptied {} => return Ok(()),
    };
    let mut tx = app.db.begin().await?;
    let Some(appointment_id) = store::find_appointment_of_room(&mut tx, room).await? else {
        return Ok(());
    };
    let known = store::list_seats(&mut tx, &appointment_id).await?;
    let seat = seat.filter(|id| known.iter().any(|seat| seat.id == *id));
    store::insert_event(
        &mut tx,
        &appointment_id,
        seat.as_ref(),
        kind,
        from,
        until,
        &Actor::System,
    )
    .await?;
    let appointment = booking::find(&mut tx, &appointment_id).await?;
    tx.commit().await?;
    tracing::info!(room, kind, "hearing fact {kind} in room {room}");
    if let Some(appointment) = appointment {
        tell(app, &appointment);
    }
    Ok(())
}

async fn set_presence(
    app: &App,
    room: &str,
    seat: &Id,
    connected: bool,
    at: Timestamp,
) -> Result<(), Fault> {
    let mut tx = app.db.begin().await?;
    let Some(appointment_id) = store::find_appointment_of_room(&mut tx, room).await? else {
        return Ok(());
    };
    store::mark_presence(&mut tx, seat, connected, at).await?;
    let appointment = booking::find(&mut tx, &appointment_id).await?;
    tx.commit().await?;
    if let Some(appointment) = appointment {
        tell(app, &appointment);
    }
    Ok(())
}
