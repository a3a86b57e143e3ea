//! The line to the media node: fetches a join token, opens the WebSocket, joins,
//! keeps the line alive and takes it up again when it breaks. The twin of
//! `web/src/call/connection.ts`, rule for rule; `PROTOCOL.md` has the rules.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use signaling::protocol::{Can, ClientMessage, SIGNALING_SUBPROTOCOL, ServerMessage};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::backoff::retry_delay;
use crate::grant::{GrantError, Grants};

/// Participants ping at least every third of the node's patience (15 s).
const PING_EVERY: Duration = Duration::from_secs(4);
/// A line on which nothing comes for so long is broken, whatever TCP says.
const SILENCE: Duration = Duration::from_secs(6);
/// How long the answer to a probe may take at least, and at most.
const PROBE_LEAST: Duration = Duration::from_millis(400);
const PROBE_MOST: Duration = Duration::from_secs(2);
/// How long a try may take from the token to the seat; later ones are given the last.
const OPENING: [Duration; 3] = [
    Duration::from_secs(4),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where the line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The first try.
    Connecting,
    /// The line is open and the node has answered `waiting` or `joined`.
    Seated,
    /// The line broke; so many tries have failed since.
    Reconnecting(u32),
    /// It will not come back by itself: the close code, 1000 after `leave`, or
    /// the status of a refused token.
    Over(u16),
}

/// What is asked of the line.
#[derive(Debug)]
pub(crate) enum ToLine {
    Say(ClientMessage),
    /// Find out now whether the line still holds.
    Probe,
    /// End the line without a word, as a reloaded page does, and forget the secret.
    Forget,
}

/// What the line tells.
#[derive(Debug)]
pub(crate) enum FromLine {
    Phase(Phase),
    Message(ServerMessage),
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How a try ended.
enum End {
    Broken { seated: bool },
    Over(u16),
}

pub(crate) struct Line {
    pub grants: Grants,
    pub orders: mpsc::UnboundedReceiver<ToLine>,
    pub news: mpsc::UnboundedSender<FromLine>,
    pub resume: Option<String>,
}

impl Line {
    /// Lives until the line is over, or nobody listens.
    pub async fn live(mut self) {
        self.tell(FromLine::Phase(Phase::Connecting));
        let mut attempt = 0;
        loop {
            match self.hold(attempt).await {
                End::Over(code) => {
                    self.tell(FromLine::Phase(Phase::Over(code)));
                    return;
                }
                End::Broken { seated } => {
                    if self.orders.is_closed() {
                        return;
                    }
                    if seated {
                        attempt = 0;
                    }
                    self.tell(FromLine::Phase(Phase::Reconnecting(attempt)));
                    let delay = retry_delay(attempt, rand::rng().random());
                    attempt += 1;
                    if let Some(code) = self.rest(delay).await {
                        self.tell(FromLine::Phase(Phase::Over(code)));
                        return;
                    }
                }
            }
        }
    }

    fn tell(&self, news: FromLine) {
        // Nobody listens once the participant is dropped; this task ends soon after.
        let _ = self.news.send(news);
    }

    /// Waits before the next try; a probe means that the network is back.
    async fn rest(&mut self, delay: Duration) -> Option<u16> {
        let until = sleep(delay);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => return None,
                order = self.orders.recv() => match order {
                    Some(ToLine::Probe) => return None,
                    Some(ToLine::Say(ClientMessage::Leave {})) | None => return Some(1000),
                    Some(ToLine::Forget) => self.resume = None,
                    // Nothing is kept for later: whoever speaks sees the phase.
                    Some(ToLine::Say(_)) => {}
                }
            }
        }
    }

    /// One try, from the token to the end of the line.
    async fn hold(&mut self, attempt: u32) -> End {
        let patience = OPENING[usize::min(attempt as usize, OPENING.len() - 1)];
        let opened = {
            let resume = self.resume.clone();
            let opening = timeout(patience, open(&self.grants, resume));
            tokio::pin!(opening);
            loop {
                tokio::select! {
                    opened = &mut opening => break opened,
                    order = self.orders.recv() => match order {
                        Some(ToLine::Say(ClientMessage::Leave {})) | None => return End::Over(1000),
                        Some(ToLine::Forget) => {
                            self.resume = None;
                            return End::Broken { seated: false };
                        }
                        Some(_) => {}
                    }
                }
            }
        };
        match opened {
            Ok(Ok((socket, first))) => self.converse(socket, first).await,
            Ok(Err(NotOpened::Over(code))) => End::Over(code),
            Ok(Err(NotOpened::Again)) | Err(_) => End::Broken { seated: false },
        }
    }

    async fn converse(&mut self, mut socket: Socket, first: ServerMessage) -> End {
        self.note(first, true);
        let mut heard_at = Instant::now();
        let mut ping = tokio::time::interval(PING_EVERY);
        let mut probe: Option<Instant> = None;
        let mut pinged_at: Option<Instant> = None;
        let mut round_trip: Option<Duration> = None;
        loop {
            let silent_at = heard_at + SILENCE;
            let give_up = probe.map_or(silent_at, |probe| probe.min(silent_at));
            tokio::select! {
                incoming = socket.next() => {
                    heard_at = Instant::now();
                    probe = None;
                    match incoming {
                        Some(Ok(Message::Text(text))) => {
                            // A newer node may say what we do not know.
                            if let Ok(message) = serde_json::from_str(&text) {
                                if let ServerMessage::Pong { .. } = message
                                    && let Some(at) = pinged_at.take()
                                {
                                    round_trip = Some(at.elapsed());
                                }
                                self.note(message, false);
                            }
                        }
                        Some(Ok(Message::Close(frame))) => {
                            let code = frame.map_or(1005, |frame| frame.code.into());
                            let _ = timeout(FAREWELL, socket.close(None)).await;
                            return after_close(code, true);
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return End::Broken { seated: true },
                    }
                }
                order = self.orders.recv() => {
                    let said = match order {
                        Some(ToLine::Say(message)) => message,
                        Some(ToLine::Probe) => {
                            let now = Instant::now();
                            probe.get_or_insert(now + probe_patience(round_trip));
                            pinged_at = Some(now);
                            a_ping()
                        }
                        Some(ToLine::Forget) => {
                            self.resume = None;
                            return End::Broken { seated: true };
                        }
                        None => return End::Over(1000),
                    };
                    let leaves = matches!(said, ClientMessage::Leave {});
                    if !say(&mut socket, &said).await && !leaves {
                        return End::Broken { seated: true };
                    }
                    if leaves {
                        let _ = timeout(FAREWELL, async {
                            while let Some(Ok(_)) = socket.next().await {}
                        })
                        .await;
                        return End::Over(1000);
                    }
                }
                _ = ping.tick() => {
                    pinged_at.get_or_insert_with(Instant::now);
                    if !say(&mut socket, &a_ping()).await {
                        return End::Broken { seated: true };
                    }
                }
                () = sleep_until(give_up) => return End::Broken { seated: true },
            }
        }
    }

    fn note(&mut self, message: ServerMessage, opens: bool) {
        if let ServerMessage::Waiting { resume, .. } | ServerMessage::Joined { resume, .. } =
            &message
        {
            self.resume = Some(resume.clone());
        }
        if opens {
            self.tell(FromLine::Phase(Phase::Seated));
        }
        self.tell(FromLine::Message(message));
    }
}

enum NotOpened {
    Again,
    Over(u16),
}

/// Fetches a token, opens, joins, and waits for the seat.
async fn open(
    grants: &Grants,
    resume: Option<String>,
) -> Result<(Socket, ServerMessage), NotOpened> {
    let grant = grants.fetch().await.map_err(|error| match error {
        GrantError::Unreachable(_) => NotOpened::Again,
        GrantError::Refused(status) => NotOpened::Over(status),
    })?;
    let mut request = grant
        .url
        .into_client_request()
        .map_err(|_| NotOpened::Again)?;
    request.headers_mut().insert(
        "Sec-WebSocket-Protocol",
        HeaderValue::from_static(SIGNALING_SUBPROTOCOL),
    );
    let (mut socket, _) = tokio_tungstenite::connect_async_with_config(request, None, true)
        .await
        .map_err(|_| NotOpened::Again)?;
    let join = ClientMessage::Join {
        token: grant.token,
        resume,
        can: Can::default(),
    };
    if !say(&mut socket, &join).await {
        return Err(NotOpened::Again);
    }
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                if let Ok(message) = serde_json::from_str(&text)
                    && matches!(
                        message,
                        ServerMessage::Waiting { .. } | ServerMessage::Joined { .. }
                    )
                {
                    return Ok((socket, message));
                }
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(1005, |frame| frame.code.into());
                return Err(match after_close(code, false) {
                    End::Over(code) => NotOpened::Over(code),
                    End::Broken { .. } => NotOpened::Again,
                });
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(NotOpened::Again),
        }
    }
}

fn a_ping() -> ClientMessage {
    ClientMessage::Ping { t: 0.into() }
}

async fn say(socket: &mut Socket, message: &ClientMessage) -> bool {
    let Ok(text) = serde_json::to_string(message) else {
        return false;
    };
    match timeout(FAREWELL, socket.send(Message::text(text))).await {
        Ok(Ok(())) => true,
        // A full buffer of a line on which nothing moves is found out by silence.
        Ok(Err(Error::WriteBufferFull(_))) => true,
        Ok(Err(_)) | Err(_) => false,
    }
}

/// How long the answer to a probe may take: three times the usual, within bounds.
fn probe_patience(round_trip: Option<Duration>) -> Duration {
    round_trip.map_or(PROBE_MOST, |usual| {
        (usual * 3).clamp(PROBE_LEAST, PROBE_MOST)
    })
}

/// What a close code asks for.
fn after_close(code: u16, seated: bool) -> End {
    match code {
        1000 | 4400 | 4403 | 4409 | 4410 | 4413 => End::Over(code),
        _ => End::Broken { seated },
    }
}
