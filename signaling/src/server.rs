//! The node: binds its ports, starts its workers, accepts connections and
//! leaves each to its own task, until it is told to stop.
//!
//! It knows paths, subprotocols and limits; messages are for `connection.rs`
//! and `control.rs`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast};
use tokio::time::timeout;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::address::candidates;
use crate::connection;
use crate::control;
use crate::doorway::{Doorway, Place};
use crate::http;
use crate::join_token::TokenKey;
use crate::lean::LeanTransport;
use crate::metrics::Metrics;
use crate::node::{Limits, NodeConfig, Ready};
use crate::protocol::{CloseCode, SIGNALING_PATH, SIGNALING_SUBPROTOCOL};
use crate::room::ConnectionId;
use crate::room_document::{
    CONTROL_PATH, CONTROL_SUBPROTOCOL, NodeMessage, NodeState, NodeStatus, RoomId,
};
use crate::visitor::{self, FORWARDED_FOR, Visitor};
use crate::worker;
use crate::worker::commands::{Command, WorkerHandle};

/// Events that a slow control connection may lag behind.
const EVENTS: usize = 4096;
/// How long an HTTP upgrade may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long connections may take to say goodbye when the node stops.
const DRAIN: Duration = Duration::from_secs(3);
/// Bytes read from a socket at once: more than most messages have.
const SOCKET_BUFFER: usize = 4096;
/// Connections beyond the limit that are told so; more are dropped unheard.
const REFUSED_POLITELY: usize = 64;

/// Why a node cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No UDP address at all.
    #[error("a media node needs at least one UDP address")]
    NoUdp,
    /// Browsers cannot be told to send to a wildcard address.
    #[error("{0} is a wildcard address: the node needs to know which address to announce")]
    Wildcard(SocketAddr),
    /// A port that cannot be had.
    #[error("the UDP address {0} cannot be bound")]
    Bind(SocketAddr, #[source] io::Error),
    /// A thread that cannot be started.
    #[error("a media worker cannot be started")]
    Worker(#[source] io::Error),
    /// The listener has no address, or broke.
    #[error("the listener failed")]
    Listener(#[source] io::Error),
}

/// Runs one media node until `shutdown` is cancelled.
///
/// `listener` takes participants at `/signaling`, the service at `/control` and
/// probes at `/health`, all in plain HTTP: TLS ends in front of the node.
pub async fn serve(
    listener: TcpListener,
    config: NodeConfig,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    Node::start(listener, config)?.run(shutdown).await
}

/// A node whose ports are bound and whose workers run.
pub struct Node {
    listener: TcpListener,
    shared: Arc<Shared>,
    threads: Vec<std::thread::JoinHandle<()>>,
    ready: Ready,
}

/// What every connection needs of its node.
pub(crate) struct Shared {
    pub node: String,
    pub limits: Limits,
    pub token_key: TokenKey,
    pub workers: Vec<WorkerHandle>,
    pub events: broadcast::Sender<NodeMessage>,
    pub metrics: Arc<Metrics>,
    pub doorway: Arc<Doorway>,
    /// Cancelled when the node takes no new room and waits for its last ones.
    pub draining: CancellationToken,
}

impl Shared {
    /// The worker on which a room lives.
    pub fn worker_of(&self, room: &RoomId) -> &WorkerHandle {
        // The same in every process and at every start: the hasher has no random key.
        let mut hasher = DefaultHasher::new();
        room.as_str().hash(&mut hasher);
        let workers = self.workers.len() as u64;
        &self.workers[(hasher.finish() % workers) as usize]
    }

    /// A place for a connection from an address, or why there is none.
    fn place_for(&self, peer: IpAddr) -> Result<Place, CloseCode> {
        let mut place = self.doorway.enter().ok_or(CloseCode::Full)?;
        match visitor::direct(peer, &self.limits.proxies) {
            Some(visitor) if !place.belongs_to(visitor, Instant::now()) => Err(CloseCode::TooMany),
            // Behind a proxy: the request will tell.
            _ => Ok(place),
        }
    }

    /// Connections at this moment.
    pub fn connections(&self) -> usize {
        self.doorway.taken()
    }

    /// How many more rooms like the present ones the workers would take.
    pub fn admissible(&self) -> u32 {
        let limit = u32::try_from(self.limits.rooms).unwrap_or(u32::MAX);
        self.workers
            .iter()
            .map(|worker| worker.gauge.admissible(limit, self.limits.busy.min(1.0)))
            .fold(0, u32::saturating_add)
    }

    /// How the node is doing.
    pub fn status(&self) -> NodeStatus {
        let gauges = || self.workers.iter().map(|worker| &worker.gauge);
        NodeStatus {
            state: if self.draining.is_cancelled() {
                NodeState::Draining
            } else {
                NodeState::Ready
            },
            rooms: gauges().map(|gauge| gauge.rooms()).sum(),
            participants: gauges().map(|gauge| gauge.participants()).sum(),
            load: gauges().map(|gauge| gauge.load()).collect(),
        }
    }
}

/// The wall clock, in seconds since the Unix epoch.
pub(crate) fn unix_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

impl Node {
    /// Binds the UDP ports and starts the workers.
    pub fn start(listener: TcpListener, config: NodeConfig) -> Result<Self, ServeError> {
        if config.udp.is_empty() {
            return Err(ServeError::NoUdp);
        }
        let (events, _) = broadcast::channel(EVENTS);
        let draining = CancellationToken::new();
        let metrics = Arc::new(Metrics::default());
        let mut workers = Vec::new();
        let mut threads = Vec::new();
        for address in config.udp {
            let socket = UdpSocket::bind(address).map_err(|e| ServeError::Bind(address, e))?;
            let bound = socket
                .local_addr()
                .map_err(|e| ServeError::Bind(address, e))?;
            let announced = config.announce.as_deref().unwrap_or_default();
            let candidates = candidates(bound, announced);
            if candidates.is_empty() {
                return Err(ServeError::Wildcard(bound));
            }
            let (handle, thread) = worker::spawn::<LeanTransport>(
                socket,
                candidates,
                config.limits.clone(),
                events.clone(),
                Arc::clone(&metrics),
                draining.clone(),
            )
            .map_err(ServeError::Worker)?;
            workers.push(handle);
            threads.push(thread);
        }
        let ready = Ready {
            listen: listener.local_addr().map_err(ServeError::Listener)?,
            udp: workers.iter().map(|worker| worker.udp).collect(),
        };
        Ok(Self {
            listener,
            shared: Arc::new(Shared {
                node: config.node,
                doorway: Doorway::new(&config.limits),
                metrics,
                limits: config.limits,
                token_key: TokenKey::new(&config.token_key),
                workers,
                events,
                draining,
            }),
            threads,
            ready,
        })
    }

    /// Where the node can be reached.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// To be cancelled when the node should end as soon as nobody needs it: it
    /// takes no new room, tells the service so, and [`run`](Self::run) returns
    /// once its hearings have ended or moved, or after [`Limits::drain`].
    pub fn draining(&self) -> CancellationToken {
        self.shared.draining.clone()
    }

    /// Accepts connections until `shutdown` is cancelled, or the node is drained,
    /// then says goodbye.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ServeError> {
        let refusals = Arc::new(Semaphore::new(REFUSED_POLITELY));
        let numbers = Arc::new(AtomicU64::new(0));
        let tasks = TaskTracker::new();
        let stop = shutdown.child_token();
        let drained = drained(Arc::clone(&self.shared));
        tokio::pin!(drained);
        loop {
            let (stream, peer) = tokio::select! {
                () = stop.cancelled() => break,
                () = &mut drained => break,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Too many open files, mostly: it passes when others leave.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let place = self.shared.place_for(peer.ip());
            let refusal = match &place {
                Ok(_) => None,
                Err(_) => match Arc::clone(&refusals).try_acquire_owned() {
                    Ok(refusal) => Some(refusal),
                    Err(_) => continue,
                },
            };
            let shared = Arc::clone(&self.shared);
            let stop = stop.clone();
            let id = ConnectionId(numbers.fetch_add(1, Ordering::Relaxed));
            tasks.spawn(async move {
                accept(stream, peer.ip(), id, place, shared, stop).await;
                drop(refusal);
            });
        }
        stop.cancel();
        for worker in &self.shared.workers {
            worker.send(Command::Stop).await;
        }
        tasks.close();
        let _ = timeout(DRAIN, tasks.wait()).await;
        let threads = self.threads;
        let _ = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        })
        .await;
        Ok(())
    }
}

/// Returns once the node drains and nobody holds a seat any more, or some did
/// for too long.
async fn drained(shared: Arc<Shared>) {
    shared.draining.cancelled().await;
    tracing::info!("the node drains: no new rooms");
    let empty = async {
        loop {
            // A worker counts its people every 250 ms; who was coming in a moment
            // ago is seen at the second look.
            tokio::time::sleep(Duration::from_millis(500)).await;
            if shared.status().participants == 0 {
                return;
            }
        }
    };
    match timeout(shared.limits.drain, empty).await {
        Ok(()) => tracing::info!("the node is drained"),
        Err(_) => tracing::warn!(
            participants = shared.status().participants,
            "the node stops although hearings go on: it drained for too long"
        ),
    }
}

/// Whom a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Signaling,
    Control,
}

async fn accept(
    stream: TcpStream,
    peer: IpAddr,
    id: ConnectionId,
    place: Result<Place, CloseCode>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    // Small messages that somebody waits for.
    let _ = stream.set_nodelay(true);
    match while_held(&place, timeout(HANDSHAKE, http::asked(&stream))).await {
        Some(Ok(Ok(None))) => {}
        Some(Ok(Ok(Some(question)))) => {
            let answered = http::answer(stream, question, &shared);
            while_held(&place, answered).await;
            return;
        }
        _ => return,
    }
    let mut door = None;
    let mut visitor = None;
    let largest = shared
        .limits
        .message_bytes
        .max(shared.limits.control_message_bytes);
    // The library's own buffers are for bulk, and thousands may knock at once.
    let config = WebSocketConfig::default()
        .read_buffer_size(SOCKET_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    // The size of a refusal is the library's choice.
    #[allow(clippy::result_large_err)]
    let knock = |request: &Request, response: Response| {
        visitor = visitor_of(peer, request, &shared);
        open_door(request, response, &mut door)
    };
    let upgrade = timeout(
        HANDSHAKE,
        accept_hdr_async_with_config(stream, knock, Some(config)),
    );
    let Some(Ok(Ok(socket))) = while_held(&place, upgrade).await else {
        return;
    };
    let place = place.and_then(|mut place| match visitor {
        Some(visitor) if !place.belongs_to(visitor, Instant::now()) => Err(CloseCode::TooMany),
        _ => Ok(place),
    });
    match (door, place) {
        (Some(Door::Signaling), Ok(place)) => {
            connection::serve(socket, id, place, shared, shutdown).await;
        }
        (Some(Door::Signaling), Err(code)) => {
            shared.metrics.closed(code);
            connection::refuse(socket, code).await;
        }
        // The service is let in even where there is no place: it alone can end
        // what fills them.
        (Some(Door::Control), place) => {
            control::serve(socket, place.ok(), shared, shutdown).await;
        }
        (None, _) => {}
    }
}

/// Does something as long as the place is held, if it is one.
async fn while_held<F: Future>(place: &Result<Place, CloseCode>, future: F) -> Option<F::Output> {
    match place {
        Ok(place) => place.while_held(future).await,
        Err(_) => Some(future.await),
    }
}

/// Who asks, as far as it can be told.
fn visitor_of(peer: IpAddr, request: &Request, shared: &Shared) -> Option<Visitor> {
    let forwarded: Vec<&str> = request
        .headers()
        .get_all(FORWARDED_FOR)
        .iter()
        // What is no text is no address, and ends what is believed.
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    visitor::visitor(peer, forwarded.into_iter(), &shared.limits.proxies)
}

/// The path decides the subprotocol, and the request must name it.
#[allow(clippy::result_large_err)]
fn open_door(
    request: &Request,
    mut response: Response,
    door: &mut Option<Door>,
) -> Result<Response, ErrorResponse> {
    let (opened, subprotocol) = match request.uri().path() {
        SIGNALING_PATH => (Door::Signaling, SIGNALING_SUBPROTOCOL),
        CONTROL_PATH => (Door::Control, CONTROL_SUBPROTOCOL),
        _ => return Err(refusal(StatusCode::NOT_FOUND)),
    };
    let named = request
        .headers()
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim() == subprotocol);
    if !named {
        return Err(refusal(StatusCode::BAD_REQUEST));
    }
    response.headers_mut().insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(subprotocol),
    );
    *door = Some(opened);
    Ok(response)
}

fn refusal(status: StatusCode) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    response
}
