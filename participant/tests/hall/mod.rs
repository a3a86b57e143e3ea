//! A media node with one open room of two, for tests that call through it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use participant::control::Control;
use participant::grant::{Grants, Mint};
use participant::{Participant, Settings, Speech};
use signaling::protocol::MediaKind;
use signaling::room_document::{Place, Role, RoomDocument, RoomState, Seat};
use signaling::{Announced, Limits, Node, NodeConfig, Ready};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far longer than anything takes: a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Hall {
    pub ready: Ready,
    mint: Arc<Mint>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    _control: Control,
}

impl Hall {
    /// Opens one whose media is bound and announced like this.
    pub async fn opens(udp: &str, announce: Option<Vec<Announced>>) -> Self {
        let mint = Arc::new(Mint::new().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = NodeConfig {
            node: "hall".into(),
            udp: vec![udp.parse().unwrap()],
            announce,
            token_key: mint.public_key(),
            limits: Limits::default(),
        };
        let node = Node::start(listener, config).unwrap();
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
        Self {
            ready,
            mint,
            shutdown,
            running,
            _control: control,
        }
    }

    /// Lets somebody in, from that address of theirs.
    pub fn enters(&self, name: &str, bind: &str, packets_per_frame: u32) -> Participant {
        Participant::join(Settings {
            grants: Grants::Minted {
                mint: Arc::clone(&self.mint),
                room: "r".into(),
                participant: name.into(),
                node: self.ready.listen,
            },
            bind: bind.parse::<SocketAddr>().unwrap(),
            speech: Speech { packets_per_frame },
        })
    }

    pub async fn closes(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }
}
