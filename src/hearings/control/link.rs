//! The control connection to one node: kept up, listened to, and written to. It
//! decides nothing: what the node says of itself goes to the table of nodes,
//! and what it says of people to `facts`.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use signaling::room_document::{CONTROL_SUBPROTOCOL, NodeMessage, RoomRefusal, ServiceMessage};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_util::sync::CancellationToken;

use super::{facts, nodes};
use crate::app::App;
use crate::error::Fault;
use crate::media::{self, LEASE};

/// Documents that may wait to be written; more wait for the next look.
const OUTGOING: usize = 1024;
/// Facts that may wait to be written down. A node that is further ahead is
/// listened to afresh, from its presence.
const FACTS: usize = 4096;
/// Pause before the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// How a connection ended.
enum End {
    /// Nothing listens there.
    Refused,
    /// It was there, and is not any more.
    Lost,
    /// It went wrong.
    Failed(Fault),
}

fn failed(error: WsError) -> End {
    match error {
        WsError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => End::Refused,
        // A process that was killed says no farewell.
        WsError::Io(_) | WsError::Protocol(_) | WsError::ConnectionClosed => End::Lost,
        error => End::Failed(Fault::other(format!("control channel: {error}"))),
    }
}

/// Keeps a connection to a node until `shutdown`.
pub async fn keep(app: App, name: String, shutdown: CancellationToken) {
    let address_of = |nodes: &std::collections::BTreeMap<String, media::MediaNode>| {
        nodes.get(&name).and_then(|node| node.address.clone())
    };
    let mut known = app.media.nodes();
    let mut was_there = false;
    loop {
        let address = address_of(&known.borrow());
        let mut pause = PAUSE;
        let is_there = address.is_some();
        if was_there && !is_there {
            // The supervisor saw the process end.
            lost(&app, &name).await;
        }
        was_there = is_there;
        if let Some(address) = &address {
            let began = Instant::now();
            let end = tokio::select! {
                () = shutdown.cancelled() => return,
                end = converse(&app, &name, address) => end,
            };
            app.media.end_control(&name);
            match end {
                // Somebody who was there a moment ago is looked for at once.
                End::Lost if began.elapsed() > PAUSE => pause = Duration::ZERO,
                End::Lost => {}
                End::Refused => lost(&app, &name).await,
                End::Failed(fault) => {
                    tracing::warn!(node = name, %fault, "media control of {name}: {fault}");
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = known.wait_for(|nodes| address_of(nodes) != address) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Nothing listens at the node's address: its lease ends now.
async fn lost(app: &App, name: &str) {
    if let Err(fault) = mark_lost(app, name).await {
        tracing::error!(%fault, "media control: {fault}");
    }
}

async fn mark_lost(app: &App, name: &str) -> Result<(), Fault> {
    let mut tx = app.db.read().await?;
    let rows = nodes::list_nodes(&mut tx).await?;
    drop(tx);
    if rows
        .iter()
        .any(|row| row.name == name && row.heard_at.0 > 0)
    {
        let mut tx = app.db.begin().await?;
        nodes::mark_lost(&mut tx, name, app.clock.now()).await?;
        tx.commit().await?;
        tracing::warn!(
            node = name,
            "media node {name} is lost: nothing listens there"
        );
        app.metrics.lost();
        app.media.stir();
    }
    Ok(())
}

async fn converse(app: &App, name: &str, address: &str) -> End {
    match try_converse(app, name, address).await {
        Ok(()) => End::Lost,
        Err(end) => end,
    }
}

async fn try_converse(app: &App, name: &str, address: &str) -> Result<(), End> {
    let mut request = format!("ws://{address}/control")
        .into_client_request()
        .map_err(failed)?;
    request.headers_mut().insert(
        "sec-websocket-protocol",
        HeaderValue::from_static(CONTROL_SUBPROTOCOL),
    );
    let connected = timeout(LEASE, tokio_tungstenite::connect_async(request)).await;
    let (socket, _) = connected.map_err(|_| End::Lost)?.map_err(failed)?;
    let (mut out, mut incoming) = socket.split();
    let hello = ServiceMessage::Hello {
        token: media::control_token(app).map_err(End::Failed)?,
    };
    out.send(json(&hello)?).await.map_err(failed)?;
    tracing::info!(node = name, "media control of {name} is connected");
    let (outgoing, mut documents) = mpsc::channel(OUTGOING);
    app.media.begin_control(name, outgoing);
    // Written down apart: a slow database must not make a node look lost.
    let (facts, waiting) = mpsc::channel(FACTS);
    let writing = tokio::spawn(facts::write_down(app.clone(), name.to_owned(), waiting));
    let _end_writing = AbortOnDrop(writing);
    loop {
        tokio::select! {
            message = timeout(LEASE, incoming.next()) => match message {
                Err(_) | Ok(None | Some(Ok(Message::Close(_)))) => return Ok(()),
                Ok(Some(Err(error))) => return Err(failed(error)),
                Ok(Some(Ok(Message::Text(text)))) => {
                    let message = serde_json::from_str(text.as_str()).map_err(|error| {
                        End::Failed(Fault::other(format!("a node's message cannot be read: {error}")))
                    })?;
                    if let Some(fact) = hear(app, name, message)
                        && facts.try_send(fact).is_err()
                    {
                        return Err(End::Failed(Fault::other("facts come faster than they can be written down")));
                    }
                }
                Ok(Some(Ok(_))) => {}
            },
            document = documents.recv() => match document {
                Some(document) => out.send(json(&document)?).await.map_err(failed)?,
                // Another connection to the same node took over.
                None => return Ok(()),
            },
        }
    }
}

/// Asks a node who it is and how it does, for an examination of a deployment.
///
/// # Errors
/// In words for the operator.
pub async fn examine(app: &App, address: &str) -> Result<String, String> {
    let asked = timeout(LEASE, async {
        let failed = |error: WsError| match error {
            WsError::Io(error) => format!("{address}: {error}"),
            error => format!("{address} answers, but not as a media node: {error}"),
        };
        let mut request = address.into_client_request().map_err(failed)?;
        request.headers_mut().insert(
            "sec-websocket-protocol",
            HeaderValue::from_static(CONTROL_SUBPROTOCOL),
        );
        let (mut socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .map_err(failed)?;
        let token = media::control_token(app).map_err(|fault| fault.to_string())?;
        let hello = json(&ServiceMessage::Hello { token })
            .map_err(|_| "no hello can be written".to_owned())?;
        socket.send(hello).await.map_err(failed)?;
        let mut candidates = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            match serde_json::from_str(text.as_str()) {
                Ok(NodeMessage::Ready { udp, .. }) => candidates = udp,
                Ok(NodeMessage::Status(status)) => {
                    let state = super::state_of(&status);
                    return Ok(format!(
                        "{address} is {state}, {} rooms, media at {candidates:?}",
                        status.rooms
                    ));
                }
                _ => {}
            }
        }
        Err(format!(
            "{address} closed: was it started with the key that `visioplainte keys` prints?"
        ))
    });
    asked
        .await
        .unwrap_or_else(|_| Err(format!("{address} does not answer")))
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn json(message: &ServiceMessage) -> Result<Message, End> {
    serde_json::to_string(message)
        .map(Message::text)
        .map_err(|error| End::Failed(Fault::other(error)))
}

/// Takes what a node says of itself; gives back what it says of people.
fn hear(app: &App, name: &str, message: NodeMessage) -> Option<facts::Told> {
    let version = |version: u64| i64::try_from(version).unwrap_or(i64::MAX);
    match message {
        NodeMessage::Ready { node, udp } => {
            tracing::info!(
                node = name,
                called = node,
                ?udp,
                "media node {name} answers"
            );
            None
        }
        NodeMessage::Status(status) => {
            app.media.set_heard(name, status);
            None
        }
        NodeMessage::Applied { room, version: of } => {
            app.media.set_follows(name, room.as_str(), version(of));
            None
        }
        NodeMessage::RoomRefused { room, reason } => {
            if reason == RoomRefusal::BadSeats {
                tracing::error!(node = name, %room, "media node {name} cannot read the seats of room {room}");
            } else {
                tracing::warn!(node = name, %room, ?reason, "media node {name} has no place for room {room}");
            }
            app.media.set_refused(name, room.as_str());
            None
        }
        NodeMessage::Presence { rooms } => {
            app.media.change(name, |node| {
                for room in &rooms {
                    let held = (room.room.as_str().to_owned(), version(room.version));
                    node.sent.insert(held.0.clone(), held.1);
                    node.follows.insert(held.0, held.1);
                }
            });
            Some(facts::Told::Presence(rooms))
        }
        NodeMessage::Event(event) => Some(facts::Told::Event(event)),
    }
}
