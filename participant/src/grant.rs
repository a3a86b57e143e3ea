//! Where a participant gets its join token: minted with a key of the test, or
//! asked of a service over HTTP as the page does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use signaling::join_token::{CONTROL_AUDIENCE, ControlClaims, JOIN_AUDIENCE, JoinClaims};
use signaling::room_document::{ParticipantId, Role, RoomId};
use tokio::net::TcpStream;

/// An answer to a token request is a few hundred bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// What lets a participant in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The join token.
    pub token: String,
    /// The node's WebSocket address.
    pub url: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The service cannot be reached, or speaks nonsense: to be tried again.
    #[error("no token could be fetched: {0}")]
    Unreachable(String),
    /// The service says no, on purpose.
    #[error("the service refuses a token: {0}")]
    Refused(u16),
}

/// Signs tokens as the service does, with a key of the test.
pub struct Mint {
    key: EncodingKey,
    public: [u8; 32],
    number: AtomicU64,
}

impl Mint {
    /// A mint with a new key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self, ring::error::Unspecified> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?;
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref())?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(Self {
            key: EncodingKey::from_ed_der(pkcs8.as_ref()),
            public,
            number: AtomicU64::new(0),
        })
    }

    /// The key that nodes verify with.
    pub fn public_key(&self) -> [u8; 32] {
        self.public
    }

    /// A token for a seat, good for five minutes.
    ///
    /// # Panics
    /// Never: the key was made here, and the claims are plain.
    pub fn join_token(&self, room: &RoomId, participant: &ParticipantId) -> String {
        let now = unix_seconds();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.sign(&JoinClaims {
            aud: JOIN_AUDIENCE.into(),
            room: room.clone(),
            sub: participant.clone(),
            role: Role::Citizen,
            jti: format!("{number}"),
            generation: 1,
            iat: now,
            exp: now + 300,
        })
    }

    /// A token for the control channel, good for a minute.
    pub fn control_token(&self) -> String {
        let now = unix_seconds();
        self.sign(&ControlClaims {
            aud: CONTROL_AUDIENCE.into(),
            sub: "trials".into(),
            iat: now,
            exp: now + 60,
        })
    }

    fn sign<C: Serialize>(&self, claims: &C) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &self.key)
            .expect("claims of strings and numbers can be signed with a key made here")
    }
}

fn unix_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

/// Where tokens come from.
pub enum Grants {
    /// From a mint in this process.
    Minted {
        /// Who signs.
        mint: std::sync::Arc<Mint>,
        /// Which room.
        room: RoomId,
        /// Which seat.
        participant: ParticipantId,
        /// Where the node listens.
        node: SocketAddr,
    },
    /// From a service, by `POST`.
    Service {
        /// Where it listens.
        service: SocketAddr,
        /// Path and query of the request.
        path: String,
    },
}

impl Grants {
    /// A fresh token.
    pub(crate) async fn fetch(&self) -> Result<Grant, GrantError> {
        match self {
            Self::Minted {
                mint,
                room,
                participant,
                node,
            } => Ok(Grant {
                token: mint.join_token(room, participant),
                url: format!("ws://{node}/signaling"),
            }),
            Self::Service { service, path } => ask(*service, path).await,
        }
    }
}

/// One request on a connection of its own: a kept one may lead to an address
/// that is gone.
async fn ask(service: SocketAddr, path: &str) -> Result<Grant, GrantError> {
    fn unreachable(error: impl std::fmt::Display) -> GrantError {
        GrantError::Unreachable(error.to_string())
    }
    let stream = TcpStream::connect(service).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    let driver = tokio::spawn(connection);
    let request = hyper::Request::post(path)
        .header("host", service.to_string())
        .body(Empty::<bytes::Bytes>::new())
        .map_err(unreachable)?;
    let answer = sender.send_request(request).await.map_err(unreachable)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER)
        .collect()
        .await
        .map_err(unreachable)?
        .to_bytes();
    driver.abort();
    if status.is_success() {
        serde_json::from_slice(&body).map_err(unreachable)
    } else if status.is_client_error() {
        Err(GrantError::Refused(status.as_u16()))
    } else {
        Err(unreachable(status))
    }
}
