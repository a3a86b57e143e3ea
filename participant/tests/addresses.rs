//! The addresses that a node tells: both families on one port, and a public
//! address that is translated to the bound one.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use participant::control::Control;
use participant::grant::{Grants, Mint};
use participant::{Noticed, Participant, Settings, Speech};
use signaling::protocol::MediaKind;
use signaling::room_document::{Place, Role, RoomDocument, RoomState, Seat};
use signaling::{Announced, Limits, Node, NodeConfig};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far longer than anything takes: a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Hall {
    listen: SocketAddr,
    udp: SocketAddr,
    mint: Arc<Mint>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    _control: Control,
}

/// A node with an open room of two, bound and announced like this.
async fn hall(udp: &str, announce: &[&str]) -> Hall {
    let mint = Arc::new(Mint::new().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let announce: Vec<Announced> = announce.iter().map(|text| text.parse().unwrap()).collect();
    let node = Node::start(
        listener,
        NodeConfig {
            node: "hall".into(),
            udp: vec![udp.parse().unwrap()],
            announce: Some(announce),
            token_key: mint.public_key(),
            limits: Limits::default(),
        },
    )
    .unwrap();
    let ready = node.ready().clone();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { node.run(shutdown).await.unwrap() }
    });
    let mut control = Control::open(ready.listen, &mint).await.unwrap();
    let seat = |name: &str, hears: &str| Seat {
        participant: name.into(),
        role: Role::Citizen,
        generation: 1,
        place: Place::In,
        label: name.into(),
        publish: vec![MediaKind::Audio, MediaKind::Video],
        hears: vec![hears.into()],
    };
    let document = RoomDocument {
        room: "r".into(),
        version: 1,
        expires_at_ms: i64::MAX,
        state: RoomState::Open,
        seats: vec![seat("angele", "jean"), seat("jean", "angele")],
    };
    control.push(&document).await.unwrap();
    Hall {
        listen: ready.listen,
        udp: ready.udp[0],
        mint,
        shutdown,
        running,
        _control: control,
    }
}

impl Hall {
    fn enters(&self, name: &str, bind: &str) -> Participant {
        Participant::join(Settings {
            grants: Grants::Minted {
                mint: Arc::clone(&self.mint),
                room: "r".into(),
                participant: name.into(),
                node: self.listen,
            },
            bind: bind.parse().unwrap(),
            speech: Speech {
                packets_per_frame: 1,
            },
        })
    }

    async fn closes(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }
}

/// Waits until sound and image of the other come.
async fn hears(who: &mut Participant, what: &str) {
    let mut heard = [false; 2];
    let search = async {
        while heard != [true; 2] {
            if let Noticed::Heard { kind, .. } = who.next().await.unwrap() {
                heard[usize::from(kind == MediaKind::Video)] = true;
            }
        }
    };
    let found = timeout(PATIENCE, search).await;
    assert!(found.is_ok(), "{what}: nothing is heard");
}

#[tokio::test]
async fn one_port_serves_ipv4_and_ipv6() {
    let hall = hall("[::]:0", &["127.0.0.1", "::1"]).await;
    let mut angele = hall.enters("angele", "127.0.0.1:0");
    let mut jean = hall.enters("jean", "[::1]:0");
    hears(&mut angele, "over IPv4").await;
    hears(&mut jean, "over IPv6").await;
    hall.closes().await;
}

#[tokio::test]
async fn a_worker_may_have_ipv6_alone() {
    let hall = hall("[::1]:0", &[]).await;
    let mut angele = hall.enters("angele", "[::1]:0");
    let mut jean = hall.enters("jean", "[::1]:0");
    hears(&mut angele, "over IPv6").await;
    hears(&mut jean, "over IPv6").await;
    hall.closes().await;
}

#[tokio::test]
async fn media_comes_through_a_translated_address() {
    let hall = hall("127.0.0.1:0", &["127.0.0.1=127.0.0.42"]).await;
    assert_eq!(
        hall.udp.ip().to_string(),
        "127.0.0.42",
        "what browsers are told"
    );
    let inside = SocketAddr::new("127.0.0.1".parse().unwrap(), hall.udp.port());
    let outside = Arc::new(UdpSocket::bind(hall.udp).await.unwrap());
    let translated = tokio::spawn(translate(outside, inside));
    let mut angele = hall.enters("angele", "127.0.0.1:0");
    let mut jean = hall.enters("jean", "127.0.0.1:0");
    hears(&mut angele, "through the translation").await;
    hears(&mut jean, "through the translation").await;
    translated.abort();
    hall.closes().await;
}

/// A translator before the node: everybody who comes to the public address
/// comes to the node from a port of their own, and is answered from the public one.
async fn translate(outside: Arc<UdpSocket>, inside: SocketAddr) {
    let mut ways: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut datagram = [0; 2048];
    loop {
        let (length, from) = outside.recv_from(&mut datagram).await.unwrap();
        if let Entry::Vacant(unknown) = ways.entry(from) {
            let way = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
            way.connect(inside).await.unwrap();
            let (back, outside) = (Arc::clone(&way), Arc::clone(&outside));
            tokio::spawn(async move {
                let mut datagram = [0; 2048];
                while let Ok(length) = back.recv(&mut datagram).await {
                    let _ = outside.send_to(&datagram[..length], from).await;
                }
            });
            unknown.insert(way);
        }
        let _ = ways[&from].send(&datagram[..length]).await;
    }
}
