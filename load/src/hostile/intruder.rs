//! Somebody with a valid token: comes into a room of their own as any page does,
//! up to the keys of their media.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signaling::protocol::SIGNALING_SUBPROTOCOL;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::attacks::sources;
use crate::dtls::{Dtls, Identity};
use crate::ice::{Heard, Ice};
use crate::join::node::{TokenKey, push_room};
use crate::join::{Socket, credentials, hear, open, say};
use crate::sdp::{self, Local, Remote, Ssrcs};
use crate::srtp::Srtp;

/// The room of the attackers.
pub const ROOM: &str = "hostile";
/// The one who attacks, and the one who gives them something to ask for.
pub const MALLORY: &str = "mallory";
pub const TRUDY: &str = "trudy";

const CONNECTING: Duration = Duration::from_secs(10);

/// Whom to attack, and how hard.
pub struct Target {
    pub listen: SocketAddr,
    pub key: Arc<TokenKey>,
    /// Datagrams a second.
    pub rate: u32,
    pub stop: Arc<AtomicBool>,
    /// How much was sent: datagrams or messages or connections.
    pub sent: Arc<AtomicU64>,
}

impl Target {
    pub fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    pub fn note(&self, sent: u64) {
        self.sent.fetch_add(sent, Ordering::Relaxed);
    }

    /// The attackers' room, open for both.
    pub async fn open_room(&self) -> Result<(), String> {
        push_room(self.listen, &self.key, ROOM, &[MALLORY, TRUDY]).await
    }

    pub async fn knock(&self) -> Result<Socket, String> {
        open(
            &format!("ws://{}/signaling", self.listen),
            SIGNALING_SUBPROTOCOL,
        )
        .await
    }

    /// A connection that has said `join`.
    pub async fn join(&self, name: &str) -> Result<Socket, String> {
        let mut socket = self.knock().await?;
        let token = self.key.join_token(ROOM, name)?;
        say(&mut socket, &json!({"type": "join", "token": token})).await?;
        Ok(socket)
    }
}

/// An attacker who is in.
pub struct Intruder {
    pub socket: Socket,
    pub udp: UdpSocket,
    pub server: SocketAddrV4,
    pub ice: Ice,
    local: Local,
    pub srtp: Srtp,
    pub sends: Ssrcs,
    /// What the node sends on, as its offer says.
    pub receives: Vec<u32>,
}

/// The offer, of a connection that has joined.
pub async fn offer(socket: &mut Socket) -> Result<(Value, Remote), String> {
    loop {
        let message = timeout(CONNECTING, hear(socket))
            .await
            .map_err(|_| "no offer came")??;
        if message["type"] == "offer" {
            let remote = message["sdp"].as_str().and_then(sdp::parse);
            return Ok((message, remote.ok_or("an offer that cannot be read")?));
        }
    }
}

impl Intruder {
    /// Comes in.
    pub async fn enter(target: &Target, name: &str, number: usize) -> Result<Self, String> {
        let identity = Identity::new().map_err(|error| error.to_string())?;
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| error.to_string())?;
        let SocketAddr::V4(address) = udp.local_addr().map_err(|error| error.to_string())? else {
            return Err("an IPv4 socket has another address".to_owned());
        };
        let mut socket = target.join(name).await?;
        let (message, remote) = offer(&mut socket).await?;
        let local = Local {
            credentials: credentials(),
            fingerprint: identity.fingerprint.clone(),
            address,
            sends: Some(Ssrcs::of(number)),
        };
        let sdp = sdp::answer(&remote, &local);
        let negotiation = &message["negotiation"];
        say(
            &mut socket,
            &json!({"type": "answer", "negotiation": negotiation, "sdp": sdp}),
        )
        .await?;
        let server = remote.address.ok_or("the node names no address")?;
        let mut ice = Ice::new(
            local.credentials.clone(),
            remote.credentials.clone(),
            true,
            identity.provider.clone(),
        );
        let receives = sources(message["sdp"].as_str().unwrap_or_default());
        let srtp = timeout(
            CONNECTING,
            agree(&udp, server, &identity, &remote.fingerprint, &mut ice),
        )
        .await
        .map_err(|_| "the attacker could not connect")??;
        Ok(Self {
            socket,
            udp,
            server,
            ice,
            local,
            srtp,
            sends: Ssrcs::of(number),
            receives,
        })
    }

    /// The answer to an offer.
    pub fn description(&self, offer: &str) -> Result<String, String> {
        let remote = sdp::parse(offer).ok_or("an offer that cannot be read")?;
        Ok(sdp::answer(&remote, &self.local))
    }

    pub async fn send(&self, datagram: &[u8]) {
        // A full buffer is the attacker's own trouble.
        let _ = self.udp.send_to(datagram, self.server).await;
    }
}

async fn agree(
    udp: &UdpSocket,
    server: SocketAddrV4,
    identity: &Identity,
    fingerprint: &str,
    ice: &mut Ice,
) -> Result<Srtp, String> {
    let local = udp.local_addr().map_err(|error| error.to_string())?;
    let mut buffer = [0; 2048];
    let mut dtls: Option<Dtls> = None;
    loop {
        if !ice.answered {
            let check = ice.check().ok_or("a check cannot be made")?;
            let _ = udp.send_to(&check, server).await;
        } else if dtls.is_none() {
            let begun = Dtls::begin(identity, local, server.into(), fingerprint, Instant::now());
            dtls = Some(begun.map_err(|error| error.to_string())?);
        }
        if let Some(dtls) = &mut dtls {
            let _ = dtls.pass(Instant::now());
            while let Some(datagram) = dtls.next_datagram() {
                let _ = udp.send_to(&datagram, server).await;
            }
        }
        let Ok(Ok((length, _))) =
            timeout(Duration::from_millis(50), udp.recv_from(&mut buffer)).await
        else {
            continue;
        };
        let datagram = &buffer[..length];
        match (datagram.first(), &mut dtls) {
            (Some(0..4), _) => {
                let SocketAddr::V4(own) = local else {
                    continue;
                };
                if let Heard::Reply(reply) = ice.hear(datagram, own) {
                    let _ = udp.send_to(&reply, server).await;
                }
            }
            (Some(20..64), Some(dtls)) => {
                if let Ok(Some(srtp)) = dtls.read(datagram, Instant::now()) {
                    while let Some(datagram) = dtls.next_datagram() {
                        let _ = udp.send_to(&datagram, server).await;
                    }
                    return Ok(srtp);
                }
            }
            _ => {}
        }
    }
}
