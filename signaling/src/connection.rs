//! One participant's WebSocket: the first message must be a `join` with a valid
//! token; after that messages go to the room's worker and come back from it.
//!
//! Everything is bounded here: sizes, rates, queues and silences. What a message
//! means is the room's affair; this file reads only `join`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use crate::doorway::Place;
use crate::join_token::verify_join;
use crate::metrics::Metrics;
use crate::protocol::{Can, ClientMessage, CloseCode, ParseError, ServerMessage, to_json};
use crate::rate::Bucket;
use crate::room::ConnectionId;
use crate::room_document::RoomId;
use crate::server::{Shared, unix_seconds};
use crate::worker::commands::{Command, Outbox, Outgoing, WorkerHandle};

/// A WebSocket of this node.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves one participant until the connection ends.
pub(crate) async fn serve(
    socket: Socket,
    id: ConnectionId,
    place: Place,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    let (mut sink, mut stream) = socket.split();
    let metrics = Arc::clone(&shared.metrics);
    let joined = tokio::select! {
        () = shutdown.cancelled() => Err(Some(CloseCode::GoingAway)),
        () = place.given_away() => return make_room(sink, &metrics).await,
        joined = timeout(shared.limits.join_within, first_message(&mut stream, shared.limits.message_bytes)) => {
            joined.unwrap_or(Err(Some(CloseCode::HeartbeatLost)))
        }
    };
    let code = match joined {
        Ok((token, resume, can)) => match verify_join(&token, &shared.token_key, unix_seconds()) {
            Ok(_) if !place.joined() => return make_room(sink, &metrics).await,
            Ok(claims) => {
                let worker = shared.worker_of(&claims.room).clone();
                let room = claims.room.clone();
                let (queue, outgoing) = mpsc::channel(shared.limits.queue);
                let outbox = Outbox {
                    queue,
                    overflow: CancellationToken::new(),
                };
                let mut participant = Participant {
                    id,
                    room,
                    worker,
                    outgoing,
                    overflow: outbox.overflow.clone(),
                    shared,
                };
                let arrive = Command::Arrive {
                    connection: id,
                    claims,
                    resume,
                    can,
                    outbox,
                };
                if participant.worker.send(arrive).await {
                    participant.converse(&mut sink, &mut stream).await
                } else {
                    Some(CloseCode::GoingAway)
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a join was refused");
                place.failed(Instant::now());
                say_refused(&mut sink, CloseCode::TokenRefused).await;
                Some(CloseCode::TokenRefused)
            }
        },
        Err(code) => {
            // Who stays silent is slow, or a network that broke; who says
            // something else than a token tries the door.
            if matches!(code, Some(CloseCode::Malformed | CloseCode::TooLarge)) {
                place.failed(Instant::now());
            }
            if let Some(code) = code {
                say_refused(&mut sink, code).await;
            }
            code
        }
    };
    if let Some(code) = code {
        metrics.closed(code);
    }
    match code {
        Some(code) => close(&mut sink, &mut stream, code).await,
        // The answer to the page's own farewell, if it said one.
        None => drop(timeout(FAREWELL, sink.close()).await),
    }
}

/// Gives the place to somebody else at once: what does not go into the socket's
/// buffer is not said, or those who read nothing would be as many as they like.
async fn make_room(mut sink: SplitSink<Socket, Message>, metrics: &Metrics) {
    metrics.closed(CloseCode::Full);
    let farewell = async {
        say_refused(&mut sink, CloseCode::Full).await;
        let _ = sink.send(close_frame(CloseCode::Full)).await;
    };
    let _ = timeout(Duration::ZERO, farewell).await;
}

/// Refuses a connection that there is no place for.
pub(crate) async fn refuse(socket: Socket, code: CloseCode) {
    let (mut sink, mut stream) = socket.split();
    say_refused(&mut sink, code).await;
    close(&mut sink, &mut stream, code).await;
}

/// The token, the resume secret and the abilities of a `join`; otherwise the code to close
/// with, or none when there is nobody left to tell.
async fn first_message(
    stream: &mut SplitStream<Socket>,
    most_bytes: usize,
) -> Result<(String, Option<String>, Can), Option<CloseCode>> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) if text.len() > most_bytes => {
                return Err(Some(CloseCode::TooLarge));
            }
            Some(Ok(Message::Text(text))) => {
                return match ClientMessage::parse(&text) {
                    Ok(ClientMessage::Join { token, resume, can }) => Ok((token, resume, can)),
                    _ => Err(Some(CloseCode::Malformed)),
                };
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Ok(_)) => return Err(Some(CloseCode::Malformed)),
            Some(Err(error)) => return Err(code_of(&error)),
        }
    }
}

/// What a broken frame deserves.
pub(crate) fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(_) => Some(CloseCode::TooLarge),
        // A network that goes away says no farewell; that is nobody's fault.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) | Error::Utf8(_) => Some(CloseCode::Malformed),
        _ => None,
    }
}

struct Participant {
    id: ConnectionId,
    room: RoomId,
    worker: WorkerHandle,
    outgoing: mpsc::Receiver<Outgoing>,
    overflow: CancellationToken,
    shared: Arc<Shared>,
}

/// How a conversation ended.
enum End {
    /// The worker closed it, and knows.
    ByNode(CloseCode),
    /// A limit was broken: the worker is told, and the participant too.
    Refused(CloseCode),
    /// It is lost, or the page closed it.
    Lost(Option<CloseCode>),
}

impl Participant {
    /// Carries messages both ways; answers the code to close with.
    async fn converse(
        &mut self,
        sink: &mut SplitSink<Socket, Message>,
        stream: &mut SplitStream<Socket>,
    ) -> Option<CloseCode> {
        let end = self.carry(sink, stream).await;
        let (code, refused) = match end {
            End::ByNode(code) => return Some(code),
            End::Refused(code) => (Some(code), true),
            End::Lost(code) => (code, false),
        };
        self.worker
            .send(Command::Gone {
                connection: self.id,
                room: self.room.clone(),
                refused,
            })
            .await;
        if let Some(code) = code {
            say_refused(sink, code).await;
        }
        code
    }

    async fn carry(
        &mut self,
        sink: &mut SplitSink<Socket, Message>,
        stream: &mut SplitStream<Socket>,
    ) -> End {
        let limits = &self.shared.limits;
        let mut bucket = Bucket::new(
            limits.messages_per_second,
            limits.message_burst,
            Instant::now(),
        );
        let mut heard_at = Instant::now();
        let mut heartbeat = tokio::time::interval(limits.heartbeat / 3);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let outgoing = tokio::select! {
                biased;
                () = self.overflow.cancelled() => return self.reads_too_slowly(),
                outgoing = self.outgoing.recv() => match outgoing {
                    Some(Outgoing::Text(text)) => Message::text(text),
                    Some(Outgoing::Close(code)) => return End::ByNode(code),
                    // The worker ended without a word.
                    None => return End::ByNode(CloseCode::GoingAway),
                },
                incoming = stream.next() => {
                    heard_at = Instant::now();
                    match incoming {
                        Some(Ok(Message::Close(_))) | None => return End::Lost(None),
                        Some(Err(error)) => return match code_of(&error) {
                            Some(code) => End::Refused(code),
                            None => End::Lost(None),
                        },
                        Some(Ok(message)) => {
                            if !bucket.take(heard_at) {
                                return End::Refused(CloseCode::TooMany);
                            }
                            match message {
                                // The socket's own limit is that of the larger control messages.
                                Message::Text(text) if text.len() > limits.message_bytes => {
                                    return End::Refused(CloseCode::TooLarge);
                                }
                                Message::Text(text) => match ClientMessage::parse(&text) {
                                    Ok(message) => self.pass(message).await,
                                    Err(ParseError::UnknownType) => {}
                                    Err(ParseError::Malformed) => {
                                        return End::Refused(CloseCode::Malformed);
                                    }
                                },
                                Message::Binary(_) => return End::Refused(CloseCode::Malformed),
                                _ => {}
                            }
                        }
                    }
                    continue;
                }
                _ = heartbeat.tick() => {
                    if heard_at.elapsed() >= limits.heartbeat {
                        return End::Lost(Some(CloseCode::HeartbeatLost));
                    }
                    Message::Ping(Vec::new().into())
                }
            };
            // A reader that takes nothing must not keep us from noticing that
            // its queue is full.
            let sent = tokio::select! {
                () = self.overflow.cancelled() => return self.reads_too_slowly(),
                sent = sink.send(outgoing) => sent,
            };
            if sent.is_err() {
                return End::Lost(None);
            }
        }
    }

    fn reads_too_slowly(&self) -> End {
        self.shared.metrics.reads_too_slowly();
        End::Lost(Some(CloseCode::TooMany))
    }

    async fn pass(&self, message: ClientMessage) {
        self.worker
            .send(Command::Say {
                connection: self.id,
                room: self.room.clone(),
                message,
            })
            .await;
    }
}

async fn say_refused(sink: &mut SplitSink<Socket, Message>, code: CloseCode) {
    let refused = ServerMessage::Refused {
        code: code.number(),
        retry: code.retry(),
    };
    let _ = timeout(FAREWELL, sink.send(Message::text(to_json(&refused)))).await;
}

fn close_frame(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame {
        code: WireCode::from(code.number()),
        reason: "".into(),
    }))
}

/// Closes with a code, and waits a little for the other side to have read it.
pub(crate) async fn close(
    sink: &mut SplitSink<Socket, Message>,
    stream: &mut SplitStream<Socket>,
    code: CloseCode,
) {
    let farewell = async {
        if sink.send(close_frame(code)).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    let _ = timeout(FAREWELL, farewell).await;
}
