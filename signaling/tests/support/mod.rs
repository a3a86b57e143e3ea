//! What the tests of a node share: a node on loopback, tokens minted with a key
//! of the test, and the service's end of the control channel.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;
use serde_json::Value;
use signaling::join_token::{CONTROL_AUDIENCE, ControlClaims, JOIN_AUDIENCE, JoinClaims};
use signaling::protocol::{MediaKind, SIGNALING_SUBPROTOCOL};
use signaling::room_document::{
    CONTROL_SUBPROTOCOL, NodeMessage, NodeStatus, ParticipantId, Place, Role, RoomDocument,
    RoomEvent, RoomState, Seat, ServiceMessage,
};
use signaling::{Limits, Node, NodeConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

/// Far longer than anything takes: a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub type ClientSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A node and the key that signs its tokens.
pub struct TestNode {
    pub listen: SocketAddr,
    pub udp: Vec<SocketAddr>,
    /// Cancelled, it makes the node end once nobody needs it.
    pub draining: CancellationToken,
    key: EncodingKey,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl TestNode {
    pub async fn start() -> Self {
        Self::with(Limits::default(), &["127.0.0.1:0"]).await
    }

    pub async fn with(limits: Limits, udp: &[&str]) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Node::start(
            listener,
            NodeConfig {
                node: "test".into(),
                udp: udp.iter().map(|address| address.parse().unwrap()).collect(),
                announce: None,
                token_key: pair.public_key().as_ref().try_into().unwrap(),
                limits,
            },
        )
        .unwrap();
        let ready = node.ready().clone();
        let draining = node.draining();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { node.run(shutdown).await.unwrap() }
        });
        Self {
            listen: ready.listen,
            udp: ready.udp,
            draining,
            key: EncodingKey::from_ed_der(pkcs8.as_ref()),
            shutdown,
            running,
        }
    }

    /// Stops the node and waits until it has.
    pub async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }

    /// Waits until the node has ended by itself.
    pub async fn ended(self) {
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }

    pub fn begin_stop(&self) {
        self.shutdown.cancel();
    }

    fn sign<C: Serialize>(&self, claims: &C) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &self.key).unwrap()
    }

    pub fn join_token(&self, room: &str, participant: &str, generation: u32) -> String {
        let now = unix_seconds();
        self.sign(&JoinClaims {
            aud: JOIN_AUDIENCE.into(),
            room: room.into(),
            sub: participant.into(),
            role: Role::Citizen,
            jti: format!("{room}-{participant}-{generation}"),
            generation,
            iat: now,
            exp: now + 300,
        })
    }

    pub fn control_token(&self) -> String {
        let now = unix_seconds();
        self.sign(&ControlClaims {
            aud: CONTROL_AUDIENCE.into(),
            sub: "test-service".into(),
            iat: now,
            exp: now + 300,
        })
    }

    pub async fn socket(&self, path: &str, subprotocol: &str) -> ClientSocket {
        connect(self.listen, path, subprotocol).await.unwrap()
    }

    pub async fn signaling(&self) -> Client {
        Client(self.socket("/signaling", SIGNALING_SUBPROTOCOL).await)
    }

    /// A participant's connection that has said `join`.
    /// A signaling connection that a proxy of this machine brings from an address.
    pub async fn signaling_from(&self, address: &str) -> Client {
        let path = signaling::protocol::SIGNALING_PATH;
        let subprotocol = signaling::protocol::SIGNALING_SUBPROTOCOL;
        let connected = connect_from(self.listen, path, subprotocol, Some(address)).await;
        Client(connected.unwrap())
    }

    pub async fn join(&self, room: &str, participant: &str) -> Client {
        let mut client = self.signaling().await;
        let token = self.join_token(room, participant, 1);
        client
            .say(&serde_json::json!({"type": "join", "token": token}))
            .await;
        client
    }

    /// The service's end of the control channel, after `ready` and `presence`.
    pub async fn control(&self) -> Control {
        let mut socket = self.socket("/control", CONTROL_SUBPROTOCOL).await;
        let hello = ServiceMessage::Hello {
            token: self.control_token(),
        };
        let hello = serde_json::to_string(&hello).unwrap();
        socket.send(Message::text(hello)).await.unwrap();
        let mut control = Control(socket);
        assert!(matches!(control.next().await, NodeMessage::Ready { .. }));
        assert!(matches!(control.next().await, NodeMessage::Presence { .. }));
        control
    }
}

pub async fn connect(
    listen: SocketAddr,
    path: &str,
    subprotocol: &str,
) -> Result<ClientSocket, tokio_tungstenite::tungstenite::Error> {
    connect_from(listen, path, subprotocol, None).await
}

async fn connect_from(
    listen: SocketAddr,
    path: &str,
    subprotocol: &str,
    forwarded: Option<&str>,
) -> Result<ClientSocket, tokio_tungstenite::tungstenite::Error> {
    let mut request = format!("ws://{listen}{path}").into_client_request()?;
    if !subprotocol.is_empty() {
        request.headers_mut().insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_str(subprotocol).unwrap(),
        );
    }
    if let Some(address) = forwarded {
        let address = HeaderValue::from_str(address).unwrap();
        request.headers_mut().insert("X-Forwarded-For", address);
    }
    let (socket, _) = timeout(PATIENCE, tokio_tungstenite::connect_async(request))
        .await
        .unwrap()?;
    Ok(socket)
}

pub fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// What a client saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Message(Value),
    Closed(u16),
}

/// A participant's WebSocket.
pub struct Client(pub ClientSocket);

impl Client {
    pub async fn say(&mut self, message: &Value) {
        self.text(&message.to_string()).await;
    }

    pub async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message, or the code of the end.
    pub async fn next(&mut self) -> Seen {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => {
                    return Seen::Message(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(frame))) => {
                    return Seen::Closed(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Seen::Closed(1006),
            }
        }
    }

    /// The next message of a type; others are passed over.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let search = async {
            loop {
                match self.next().await {
                    Seen::Message(message) if message["type"] == kind => return message,
                    Seen::Message(_) => {}
                    Seen::Closed(code) => panic!("closed with {code} while waiting for {kind}"),
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {kind}"))
    }

    /// The code of the end; messages before it are passed over.
    pub async fn closed(&mut self) -> u16 {
        let search = async {
            loop {
                if let Seen::Closed(code) = self.next().await {
                    return code;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .expect("the node closes the connection")
    }
}

/// The service's end of a control channel.
pub struct Control(pub ClientSocket);

impl Control {
    pub async fn next(&mut self) -> NodeMessage {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("the control channel ended: {other:?}"),
            }
        }
    }

    /// Pushes a document and answers what the node answers; events are passed over.
    pub async fn push(&mut self, document: &RoomDocument) -> NodeMessage {
        let message = serde_json::to_string(&ServiceMessage::Room(document.clone())).unwrap();
        self.0.send(Message::text(message)).await.unwrap();
        loop {
            match self.next().await {
                NodeMessage::Event(_) | NodeMessage::Status(_) => {}
                answer => return answer,
            }
        }
    }

    /// The next status that fits.
    pub async fn status(&mut self, fits: impl Fn(&NodeStatus) -> bool) -> NodeStatus {
        let search = async {
            loop {
                if let NodeMessage::Status(status) = self.next().await
                    && fits(&status)
                {
                    return status;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap()
    }

    /// The next event that fits.
    pub async fn event(&mut self, fits: impl Fn(&RoomEvent) -> bool) -> RoomEvent {
        let search = async {
            loop {
                if let NodeMessage::Event(event) = self.next().await
                    && fits(&event)
                {
                    return event;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap()
    }
}

/// An open room of citizens where everybody hears everybody, with a place each.
pub fn room(name: &str, version: u64, people: &[(&str, Place)]) -> RoomDocument {
    let everyone: Vec<ParticipantId> = people.iter().map(|(name, _)| (*name).into()).collect();
    RoomDocument {
        room: name.into(),
        version,
        expires_at_ms: (unix_seconds() + 3600) * 1000,
        state: RoomState::Open,
        seats: people
            .iter()
            .map(|(name, place)| Seat {
                participant: (*name).into(),
                role: Role::Citizen,
                generation: 1,
                place: *place,
                label: format!("Seat of {name}"),
                publish: vec![MediaKind::Audio, MediaKind::Video],
                hears: everyone
                    .iter()
                    .filter(|other| other.as_str() != *name)
                    .cloned()
                    .collect(),
            })
            .collect(),
    }
}
