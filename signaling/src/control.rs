//! The control channel: the service pushes room documents and receives events.
//!
//! Several may be open at once; every event goes to all of them. One that does
//! not keep up is closed, and learns what it missed from `presence` when it
//! comes back. Rooms themselves live in the workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{broadcast, oneshot};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::connection::{Socket, close, code_of};
use crate::doorway::Place;
use crate::join_token::verify_control;
use crate::protocol::{CloseCode, ParseError, to_json};
use crate::room_document::{NodeMessage, RoomDocument, ServiceMessage};
use crate::server::{Shared, unix_seconds};
use crate::worker::commands::Command;

/// How often the node says how it is doing.
const STATUS: Duration = Duration::from_secs(1);

/// Serves one control connection until it ends.
pub(crate) async fn serve(
    socket: Socket,
    place: Option<Place>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    let (mut sink, mut stream) = socket.split();
    let given_away = async {
        match &place {
            Some(place) => place.given_away().await,
            None => std::future::pending().await,
        }
    };
    let greeted = tokio::select! {
        () = shutdown.cancelled() => Err(Some(CloseCode::GoingAway)),
        () = given_away => return,
        greeted = timeout(shared.limits.join_within, hello(&mut stream, &shared)) => {
            greeted.unwrap_or(Err(Some(CloseCode::HeartbeatLost)))
        }
    };
    if let Some(place) = &place {
        match greeted {
            Ok(()) => {
                // Too late or not: whoever shows a control token stays.
                place.joined();
            }
            Err(Some(CloseCode::TokenRefused | CloseCode::Malformed)) => {
                place.failed(Instant::now());
            }
            Err(_) => {}
        }
    }
    let code = match greeted {
        Ok(()) => tokio::select! {
            () = shutdown.cancelled() => Some(CloseCode::GoingAway),
            code = converse(&mut sink, &mut stream, &shared) => code,
        },
        Err(code) => code,
    };
    if let Some(code) = code {
        close(&mut sink, &mut stream, code).await;
    }
}

async fn hello(stream: &mut SplitStream<Socket>, shared: &Shared) -> Result<(), Option<CloseCode>> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                let Ok(ServiceMessage::Hello { token }) = ServiceMessage::parse(&text) else {
                    return Err(Some(CloseCode::Malformed));
                };
                return match verify_control(&token, &shared.token_key, unix_seconds()) {
                    Ok(claims) => {
                        tracing::info!(service = %claims.sub, "the service is connected");
                        Ok(())
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a control connection was refused");
                        Err(Some(CloseCode::TokenRefused))
                    }
                };
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Ok(_)) => return Err(Some(CloseCode::Malformed)),
            Some(Err(error)) => return Err(code_of(&error)),
        }
    }
}

/// Carries documents one way and events the other; answers the code to close with.
async fn converse(
    sink: &mut SplitSink<Socket, Message>,
    stream: &mut SplitStream<Socket>,
    shared: &Shared,
) -> Option<CloseCode> {
    // Subscribed before the snapshot is taken, so that nothing falls between.
    let mut events = shared.events.subscribe();
    let ready = NodeMessage::Ready {
        node: shared.node.clone(),
        udp: shared.workers.iter().map(|worker| worker.udp).collect(),
    };
    let status = NodeMessage::Status(shared.status());
    for message in [ready, presence(shared).await, status] {
        if sink.send(Message::text(to_json(&message))).await.is_err() {
            return None;
        }
    }
    let mut heard_at = Instant::now();
    let mut heartbeat = tokio::time::interval(shared.limits.heartbeat / 3);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut status = tokio::time::interval(STATUS);
    status.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let draining = shared.draining.cancelled();
    tokio::pin!(draining);
    let mut told_draining = false;
    loop {
        let outgoing = tokio::select! {
            event = events.recv() => match event {
                Ok(event) => Message::text(to_json(&event)),
                Err(broadcast::error::RecvError::Lagged(_)) => return Some(CloseCode::TooMany),
                Err(broadcast::error::RecvError::Closed) => return Some(CloseCode::GoingAway),
            },
            incoming = stream.next() => {
                heard_at = Instant::now();
                match incoming {
                    Some(Ok(Message::Text(text))) => match ServiceMessage::parse(&text) {
                        Ok(ServiceMessage::Room(document)) => {
                            let applied = apply(shared, document).await?;
                            if let NodeMessage::RoomRefused { reason, .. } = &applied {
                                shared.metrics.room_refused(reason.as_str());
                            }
                            Message::text(to_json(&applied))
                        }
                        Err(ParseError::UnknownType) => continue,
                        Ok(ServiceMessage::Hello { .. }) | Err(ParseError::Malformed) => {
                            return Some(CloseCode::Malformed);
                        }
                    },
                    Some(Ok(Message::Close(_))) | None => return None,
                    Some(Ok(Message::Binary(_))) => return Some(CloseCode::Malformed),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return code_of(&error),
                }
            }
            _ = status.tick() => Message::text(to_json(&NodeMessage::Status(shared.status()))),
            () = &mut draining, if !told_draining => {
                told_draining = true;
                Message::text(to_json(&NodeMessage::Status(shared.status())))
            }
            _ = heartbeat.tick() => {
                if heard_at.elapsed() >= shared.limits.heartbeat {
                    return Some(CloseCode::HeartbeatLost);
                }
                Message::Ping(Vec::new().into())
            }
        };
        match timeout(shared.limits.heartbeat, sink.send(outgoing)).await {
            Ok(Ok(())) => {}
            _ => return None,
        }
    }
}

async fn presence(shared: &Shared) -> NodeMessage {
    let mut rooms = Vec::new();
    for worker in &shared.workers {
        let (reply, answer) = oneshot::channel();
        if worker.send(Command::Presence { reply }).await
            && let Ok(mut held) = answer.await
        {
            rooms.append(&mut held);
        }
    }
    NodeMessage::Presence { rooms }
}

/// None when the worker has ended, which means that the node is stopping.
async fn apply(shared: &Shared, document: RoomDocument) -> Option<NodeMessage> {
    let (reply, answer) = oneshot::channel();
    let worker = shared.worker_of(&document.room);
    if !worker.send(Command::Document { document, reply }).await {
        return None;
    }
    answer.await.ok()
}
