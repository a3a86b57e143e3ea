//! How the clients of a run come into their rooms: the signaling of each server,
//! on a thread of its own beside the generator's.

pub mod janus;
pub mod node;

use std::net::SocketAddrV4;
use std::sync::mpsc::Sender;

use futures_util::{SinkExt, StreamExt};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

use crate::clients::Command;
use crate::generator::Ports;
use crate::ice::Credentials;
use crate::leg::{LegPlan, address_of};
use crate::sdp::{Format, Local, Remote, Ssrcs};
use crate::shape::Kind;

/// What joining needs of the generator.
#[derive(Clone)]
pub struct Joiner {
    /// Where legs are asked for.
    pub commands: Sender<Command>,
    /// Where legs send from.
    pub ports: Ports,
    /// Every client's certificate.
    pub fingerprint: String,
    /// Ends keep-alives at the end of a run.
    pub shutdown: CancellationToken,
}

/// Who joins where.
#[derive(Debug, Clone, Copy)]
pub struct Rooms {
    /// How many rooms.
    pub rooms: usize,
    /// Participants in each.
    pub people: usize,
    /// Joining at the same moment.
    pub at_once: usize,
    /// In the waiting room, where nobody hears anybody.
    pub waiting: bool,
}

impl Rooms {
    /// Everybody.
    pub fn everyone(self) -> usize {
        self.rooms * self.people
    }
}

impl Joiner {
    fn local(&self, leg: usize, credentials: Credentials, publisher: Option<usize>) -> Local {
        Local {
            credentials,
            fingerprint: self.fingerprint.clone(),
            address: SocketAddrV4::new(address_of(leg), self.ports.of(leg)),
            sends: publisher.map(Ssrcs::of),
        }
    }

    /// Asks for a leg; the receiver hears when media can flow.
    fn connect(&self, wish: Wish<'_>) -> Result<oneshot::Receiver<()>, String> {
        let server = wish.remote.address.ok_or("the server names no address")?;
        let (connected, wait) = oneshot::channel();
        let mut formats: [Option<Format>; 2] = [None; 2];
        for line in &wish.remote.lines {
            formats[line.kind.index()].get_or_insert(line.format);
        }
        if formats[Kind::Audio.index()].is_none() || formats[Kind::Video.index()].is_none() {
            return Err("the server's description lacks Opus or VP8".to_owned());
        }
        self.commands
            .send(Command::Connect(Box::new(LegPlan {
                leg: wish.leg,
                publisher: wish.publisher,
                server,
                remote: wish.remote.credentials.clone(),
                fingerprint: wish.remote.fingerprint.clone(),
                local: wish.local,
                controlling: wish.controlling,
                formats,
                described_ns: wish.described_ns,
                timed: wish.timed,
                connected,
            })))
            .map_err(|_| "the generator has ended".to_owned())?;
        Ok(wait)
    }
}

/// A leg to connect.
struct Wish<'a> {
    leg: usize,
    publisher: Option<usize>,
    remote: &'a Remote,
    local: Credentials,
    controlling: bool,
    described_ns: u64,
    timed: bool,
}

/// Fresh ICE credentials.
pub fn credentials() -> Credentials {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = [0_u8; 32];
    // The system's randomness does not fail once the system runs.
    let _ = SystemRandom::new().fill(&mut random);
    let letters: String = random
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 64)]))
        .collect();
    Credentials {
        ufrag: letters[..8].to_owned(),
        password: letters[8..].to_owned(),
    }
}

/// A WebSocket to a server.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A WebSocket whose subprotocol the server took.
pub async fn open(address: &str, subprotocol: &'static str) -> Result<Socket, String> {
    let mut request = address.into_client_request().map_err(|e| e.to_string())?;
    request.headers_mut().insert(
        "Sec-WebSocket-Protocol",
        HeaderValue::from_static(subprotocol),
    );
    let (socket, _) = tokio_tungstenite::connect_async(request)
        .await
        .map_err(|error| format!("{address}: {error}"))?;
    Ok(socket)
}

/// Sends a message.
pub async fn say(
    socket: &mut (impl SinkExt<Message> + Unpin),
    message: &serde_json::Value,
) -> Result<(), String> {
    socket
        .send(Message::text(message.to_string()))
        .await
        .map_err(|_| "a WebSocket broke".to_owned())
}

/// The next message; an error when there will be none.
pub async fn hear<S>(socket: &mut S) -> Result<serde_json::Value, String>
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map_err(|error| error.to_string());
            }
            Some(Ok(Message::Close(frame))) => {
                return Err(format!("closed by the server: {frame:?}"));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("the server hung up".to_owned()),
        }
    }
}
