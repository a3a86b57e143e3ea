//! Joining our own node, over its real signaling: room documents on the control
//! channel, a WebSocket and a join token for each participant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;
use serde_json::{Value, json};
use signaling::join_token::{CONTROL_AUDIENCE, ControlClaims, JOIN_AUDIENCE, JoinClaims};
use signaling::protocol::{MediaKind, SIGNALING_SUBPROTOCOL};
use signaling::room_document::{
    CONTROL_SUBPROTOCOL, ParticipantId, Place, Role, RoomDocument, RoomState, Seat, ServiceMessage,
};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Joiner, Rooms, Wish, credentials, hear, open, say};
use crate::clock::unix_ns;
use crate::ice::Credentials;
use crate::sdp;

/// Pages ping every five seconds at least.
const PING: Duration = Duration::from_secs(4);

/// The key that signs tokens for one node.
pub struct TokenKey {
    signing: EncodingKey,
    /// What the node is started with.
    pub public: Vec<u8>,
}

fn unix_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

impl TokenKey {
    /// A fresh one.
    pub fn generate() -> Result<Self, String> {
        let pkcs8 =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|e| e.to_string())?;
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(|e| e.to_string())?;
        Ok(Self {
            signing: EncodingKey::from_ed_der(pkcs8.as_ref()),
            public: pair.public_key().as_ref().to_vec(),
        })
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, String> {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &self.signing)
            .map_err(|error| error.to_string())
    }

    /// A token for a seat.
    pub fn join_token(&self, room: &str, participant: &str) -> Result<String, String> {
        let now = unix_seconds();
        self.sign(&JoinClaims {
            aud: JOIN_AUDIENCE.into(),
            room: room.into(),
            sub: participant.into(),
            role: Role::Citizen,
            jti: format!("{room}-{participant}"),
            generation: 1,
            iat: now,
            exp: now + 300,
        })
    }

    fn control_token(&self) -> Result<String, String> {
        let now = unix_seconds();
        self.sign(&ControlClaims {
            aud: CONTROL_AUDIENCE.into(),
            sub: "load".into(),
            iat: now,
            exp: now + 300,
        })
    }
}

fn room_name(room: usize) -> String {
    format!("load-{room}")
}

fn participant_name(number: usize) -> String {
    format!("p{number}")
}

fn document(room: usize, rooms: Rooms) -> RoomDocument {
    let people: Vec<ParticipantId> = (0..rooms.people)
        .map(|seat| participant_name(room * rooms.people + seat).into())
        .collect();
    let place = if rooms.waiting {
        Place::Waiting
    } else {
        Place::In
    };
    of_people(&room_name(room), &people, place)
}

fn of_people(room: &str, people: &[ParticipantId], place: Place) -> RoomDocument {
    RoomDocument {
        room: room.into(),
        version: 1,
        expires_at_ms: (unix_seconds() + 3600) * 1000,
        state: RoomState::Open,
        seats: people
            .iter()
            .map(|participant| Seat {
                participant: participant.clone(),
                role: Role::Citizen,
                generation: 1,
                place,
                label: "Participant".to_owned(),
                publish: vec![MediaKind::Audio, MediaKind::Video],
                hears: people
                    .iter()
                    .filter(|other| *other != participant)
                    .cloned()
                    .collect(),
            })
            .collect(),
    }
}

/// Brings everybody in; answers once everybody is connected and offered everybody
/// else. The connections stay until the shutdown.
pub async fn join(
    listen: SocketAddr,
    key: Arc<TokenKey>,
    rooms: Rooms,
    joiner: Joiner,
) -> Result<(), String> {
    push_documents(listen, &key, rooms, &joiner).await?;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let places = Arc::new(Semaphore::new(rooms.at_once));
    let joining = joiner.clone();
    tokio::spawn(async move {
        for number in 0..rooms.everyone() {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let (key, joiner, arrived) = (Arc::clone(&key), joining.clone(), arrived.clone());
            tokio::spawn(async move {
                let mut participant = Participant {
                    number,
                    rooms,
                    joiner,
                    local: credentials(),
                    remote_ufrag: None,
                    connected: None,
                    complete: rooms.people == 1,
                };
                let shutdown = participant.joiner.shutdown.clone();
                let life = participant.live(listen, &key, Some(place), &arrived);
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    Err(error) = life => {
                        let _ = arrived.send(Err(format!("participant {number}: {error}")));
                    }
                }
            });
        }
    });
    for _ in 0..rooms.everyone() {
        arrivals.recv().await.ok_or("joining ended early")??;
    }
    Ok(())
}

/// Opens one room more, for those named, who all hear each other.
pub async fn push_room(
    listen: SocketAddr,
    key: &TokenKey,
    room: &str,
    names: &[&str],
) -> Result<(), String> {
    let mut control = open(&format!("ws://{listen}/control"), CONTROL_SUBPROTOCOL).await?;
    let hello = json!({"type": "hello", "token": key.control_token()?});
    say(&mut control, &hello).await?;
    let people: Vec<ParticipantId> = names.iter().map(|name| (*name).into()).collect();
    let room = of_people(room, &people, Place::In);
    let message =
        serde_json::to_value(ServiceMessage::Room(room)).map_err(|error| error.to_string())?;
    say(&mut control, &message).await?;
    loop {
        let answer = hear(&mut control).await?;
        match answer["type"].as_str() {
            Some("applied") => return Ok(()),
            Some("room_refused") => return Err(format!("the room was refused: {answer}")),
            _ => {}
        }
    }
}

async fn push_documents(
    listen: SocketAddr,
    key: &TokenKey,
    rooms: Rooms,
    joiner: &Joiner,
) -> Result<(), String> {
    let mut control = open(&format!("ws://{listen}/control"), CONTROL_SUBPROTOCOL).await?;
    say(
        &mut control,
        &json!({"type": "hello", "token": key.control_token()?}),
    )
    .await?;
    for room in 0..rooms.rooms {
        let message = serde_json::to_value(ServiceMessage::Room(document(room, rooms)))
            .map_err(|error| error.to_string())?;
        say(&mut control, &message).await?;
        loop {
            let answer = hear(&mut control).await?;
            match answer["type"].as_str() {
                Some("applied") => break,
                Some("room_refused") => return Err(format!("room {room} was refused: {answer}")),
                _ => {}
            }
        }
    }
    let shutdown = joiner.shutdown.clone();
    // Read for as long as the run lasts, as the service does.
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = async { while hear(&mut control).await.is_ok() {} } => {}
        }
    });
    Ok(())
}

struct Participant {
    number: usize,
    rooms: Rooms,
    joiner: Joiner,
    local: Credentials,
    /// Of the peer connection being built or in use.
    remote_ufrag: Option<String>,
    connected: Option<oneshot::Receiver<()>>,
    /// Offered everybody else.
    complete: bool,
}

impl Participant {
    /// Says `join`, then answers every offer, until the connection ends.
    async fn live(
        &mut self,
        listen: SocketAddr,
        key: &TokenKey,
        mut place: Option<tokio::sync::OwnedSemaphorePermit>,
        arrived: &mpsc::UnboundedSender<Result<(), String>>,
    ) -> Result<(), String> {
        let mut socket = open(&format!("ws://{listen}/signaling"), SIGNALING_SUBPROTOCOL).await?;
        let token = key.join_token(
            &room_name(self.number / self.rooms.people),
            &participant_name(self.number),
        )?;
        say(&mut socket, &json!({"type": "join", "token": token})).await?;
        let mut pings = tokio::time::interval(PING);
        let (mut is_connected, mut has_arrived) = (false, false);
        loop {
            let connecting = async {
                match &mut self.connected {
                    Some(connected) => connected.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                heard = hear(&mut socket) => {
                    let message = heard?;
                    match message["type"].as_str() {
                        Some("offer") => {
                            let answer = self.answer(&message)?;
                            say(&mut socket, &answer).await?;
                        }
                        Some("waiting") if self.rooms.waiting => {
                            drop(place.take());
                            is_connected = true;
                            self.complete = true;
                        }
                        Some("refused" | "ended") => return Err(message.to_string()),
                        _ => {}
                    }
                }
                connected = connecting => {
                    self.connected = None;
                    if connected.is_ok() {
                        is_connected = true;
                        drop(place.take());
                    }
                }
                _ = pings.tick() => say(&mut socket, &json!({"type": "ping", "t": 1})).await?,
            }
            if is_connected && self.complete && !has_arrived {
                has_arrived = true;
                let _ = arrived.send(Ok(()));
            }
        }
    }

    fn answer(&mut self, offer: &Value) -> Result<Value, String> {
        let described_ns = unix_ns();
        let remote = offer["sdp"]
            .as_str()
            .and_then(sdp::parse)
            .ok_or("an offer that cannot be read")?;
        let own = participant_name(self.number);
        let others = offer["tracks"].as_object().map_or(0, |tracks| {
            tracks
                .values()
                .filter(|track| track["participant"] != own.as_str())
                .count()
        });
        let everybody = others == 2 * (self.rooms.people - 1);
        self.complete |= everybody;
        let is_new = self.remote_ufrag.as_ref() != Some(&remote.credentials.ufrag);
        if is_new {
            if self.remote_ufrag.is_some() {
                self.local = credentials();
            }
            self.remote_ufrag = Some(remote.credentials.ufrag.clone());
            self.connected = Some(self.joiner.connect(Wish {
                leg: self.number,
                publisher: Some(self.number),
                remote: &remote,
                local: self.local.clone(),
                controlling: true,
                described_ns,
                timed: everybody,
            })?);
        }
        let local = self
            .joiner
            .local(self.number, self.local.clone(), Some(self.number));
        Ok(json!({
            "type": "answer",
            "negotiation": offer["negotiation"],
            "sdp": sdp::answer(&remote, &local),
        }))
    }
}
