//! How signaling and a worker speak: commands in, messages of each connection out.
//! Both queues are bounded: nobody waits for somebody slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use nix::sys::eventfd::EventFd;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::gauge::Gauge;
use crate::join_token::JoinClaims;
use crate::protocol::{Can, ClientMessage, CloseCode, ServerMessage, to_json};
use crate::room::ConnectionId;
use crate::room_document::{NodeMessage, RoomDocument, RoomId, RoomPresence};

/// What signaling asks of a worker.
pub(crate) enum Command {
    /// The service pushes a room.
    Document {
        document: RoomDocument,
        reply: oneshot::Sender<NodeMessage>,
    },
    /// A connection shows a verified token.
    Arrive {
        connection: ConnectionId,
        claims: JoinClaims,
        resume: Option<String>,
        can: Can,
        outbox: Outbox,
    },
    /// A connection says something.
    Say {
        connection: ConnectionId,
        room: RoomId,
        message: ClientMessage,
    },
    /// A connection is gone.
    Gone {
        connection: ConnectionId,
        room: RoomId,
        refused: bool,
    },
    /// Who is connected.
    Presence {
        reply: oneshot::Sender<Vec<RoomPresence>>,
    },
    /// Say goodbye to everyone and end.
    Stop,
}

/// What leaves for one connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// A message.
    Text(String),
    /// The end.
    Close(CloseCode),
}

/// One connection's way out. A reader too slow for its queue is dropped, so
/// that nobody waits for it.
#[derive(Clone)]
pub(crate) struct Outbox {
    pub queue: mpsc::Sender<Outgoing>,
    /// Cancelled when the queue is full.
    pub overflow: CancellationToken,
}

impl Outbox {
    pub(super) fn send(&self, outgoing: Outgoing) {
        if self.queue.try_send(outgoing).is_err() {
            self.overflow.cancel();
        }
    }
}

/// How signaling reaches a worker.
#[derive(Clone)]
pub(crate) struct WorkerHandle {
    pub(super) commands: SyncSender<Command>,
    pub(super) wake: Arc<EventFd>,
    /// Where browsers send their media.
    pub udp: SocketAddr,
    /// How the worker is doing.
    pub gauge: Arc<Gauge>,
}

impl WorkerHandle {
    /// Hands a command over, waiting while the worker's queue is full. False
    /// when the worker has ended.
    pub async fn send(&self, command: Command) -> bool {
        let mut command = command;
        loop {
            match self.commands.try_send(command) {
                Ok(()) => {
                    // A full counter wakes the worker as well as a new one.
                    let _ = self.wake.write(1);
                    return true;
                }
                Err(TrySendError::Full(back)) => {
                    command = back;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
    }
}

/// Says why, and closes.
pub(super) fn refuse(outbox: &Outbox, code: CloseCode) {
    let farewell = match code {
        CloseCode::Normal | CloseCode::GoingAway => None,
        CloseCode::Ended => Some(ServerMessage::Ended {}),
        _ => Some(ServerMessage::Refused {
            code: code.number(),
            retry: code.retry(),
        }),
    };
    if let Some(farewell) = farewell {
        outbox.send(Outgoing::Text(to_json(&farewell)));
    }
    outbox.send(Outgoing::Close(code));
}
