//! A call between two participants of an independent WebRTC stack: they join,
//! hear and see each other, one leaves and comes back, lines break and media stays.

#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use participant::control::Control;
use participant::grant::{Grants, Mint};
use participant::{Noticed, Participant, Phase, Settings, Speech};
use signaling::protocol::{ClientMessage, MediaKind, ServerMessage};
use signaling::room_document::{Place, Role, RoomDocument, RoomState, Seat};
use signaling::{Limits, Node, NodeConfig};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far longer than anything takes: a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Hall {
    listen: SocketAddr,
    mint: Arc<Mint>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    _control: Control,
}

/// A node with one open room of two.
async fn hall() -> Hall {
    let mint = Arc::new(Mint::new().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Node::start(
        listener,
        NodeConfig {
            node: "story".into(),
            udp: vec!["127.0.0.1:0".parse().unwrap()],
            announce: None,
            token_key: mint.public_key(),
            limits: Limits::default(),
        },
    )
    .unwrap();
    let listen = node.ready().listen;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { node.run(shutdown).await.unwrap() }
    });
    let mut control = Control::open(listen, &mint).await.unwrap();
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
        listen,
        mint,
        shutdown,
        running,
        _control: control,
    }
}

impl Hall {
    fn enters(&self, name: &str) -> Person {
        Person {
            name: name.to_owned(),
            participant: Participant::join(Settings {
                grants: Grants::Minted {
                    mint: Arc::clone(&self.mint),
                    room: "r".into(),
                    participant: name.into(),
                    node: self.listen,
                },
                bind: "127.0.0.1:0".parse().unwrap(),
                speech: Speech {
                    packets_per_frame: 2,
                },
            }),
        }
    }

    async fn closes(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }
}

struct Person {
    name: String,
    participant: Participant,
}

impl Person {
    async fn until<T>(&mut self, what: &str, mut fits: impl FnMut(Noticed) -> Option<T>) -> T {
        let name = self.name.clone();
        let search = async {
            loop {
                let noticed = self.participant.next().await;
                let noticed = noticed.unwrap_or_else(|| panic!("{name} is gone, not {what}"));
                if let Some(found) = fits(noticed) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("{name} waited in vain: {what}"))
    }

    /// Waits until voice and image numbered at least so have come.
    async fn hears(&mut self, other: &Person) {
        let wanted = [MediaKind::Audio, MediaKind::Video].map(|kind| other.participant.said(kind));
        let mut heard = [false, false];
        self.until(&format!("to hear {}", other.name), |noticed| {
            if let Noticed::Heard { from, kind, words } = noticed {
                assert_eq!(from.as_str(), other.name);
                heard[kind as usize] |= words.number > wanted[kind as usize];
            }
            (heard == [true, true]).then_some(())
        })
        .await;
    }
}

async fn hear_each_other(one: &mut Person, two: &mut Person) {
    one.hears(two).await;
    two.hears(one).await;
}

#[tokio::test]
async fn two_join_hear_each_other_leave_and_come_back() {
    let hall = hall().await;
    let mut angele = hall.enters("angele");
    let mut jean = hall.enters("jean");
    hear_each_other(&mut angele, &mut jean).await;

    angele.participant.leave();
    let end = angele
        .until("the end of the line", |noticed| match noticed {
            Noticed::Phase(Phase::Over(code)) => Some(code),
            _ => None,
        })
        .await;
    assert_eq!(end, 1000);
    jean.until("to be told that she left", |noticed| match noticed {
        Noticed::Message(ServerMessage::State(room)) => room
            .participants
            .iter()
            .any(|other| other.participant.as_str() == "angele" && !other.connected)
            .then_some(()),
        _ => None,
    })
    .await;

    let mut angele = hall.enters("angele");
    hear_each_other(&mut angele, &mut jean).await;

    // A page loaded anew comes back without its secret, to a fresh connection.
    angele.participant.reload();
    let fresh = angele
        .until("another offer", |noticed| match noticed {
            Noticed::Message(ServerMessage::Offer { fresh, .. }) => Some(fresh),
            _ => None,
        })
        .await;
    assert!(fresh);
    hear_each_other(&mut angele, &mut jean).await;
    hall.closes().await;
}

#[tokio::test]
async fn another_path_on_the_same_connection_is_given_when_asked_for() {
    let hall = hall().await;
    let mut angele = hall.enters("angele");
    let mut jean = hall.enters("jean");
    hear_each_other(&mut angele, &mut jean).await;
    angele
        .participant
        .say(ClientMessage::RestartIce { fresh: false });
    angele
        .until("another offer", |noticed| match noticed {
            Noticed::Message(ServerMessage::Offer { fresh, .. }) => Some(fresh),
            _ => None,
        })
        .await;
    hear_each_other(&mut angele, &mut jean).await;
    hall.closes().await;
}
