//! One media thread: its UDP port, its rooms, and every packet of them.
//!
//! A room lives on one worker, so nothing on the media path is shared or locked.
//! Commands come from signaling over a bounded queue with a wake-up descriptor;
//! answers leave over each connection's own bounded queue. The worker decides
//! nothing about rooms (`room.rs`) or encryption (`peer.rs`): it carries events
//! to the one and datagrams to the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::forwarding::{Arrivals, Destination, KeyframeThrottle, SeatIndex};
use crate::gauge::Gauge;
use crate::join_token::JoinClaims;
use crate::node::Limits;
use crate::protocol::{
    ClientMessage, CloseCode, MediaKind, Quality, ServerMessage, Track, to_json,
};
use crate::rate::Bucket;
use crate::room::{
    Action, ConnectionId, Event, LastPacket, Moment, PeerId, Room, RoomLimits, check,
};
use crate::room_document::{
    NodeMessage, RoomDocument, RoomId, RoomPresence, RoomRefusal, RoomState,
};
use crate::secret;
use crate::stun;
use crate::transport::{
    PairId, RtpPacket, Transport, TransportConfig, TransportEvent, TransportStats,
};
use crate::udp::BatchedSocket;

/// Commands that may wait for a worker.
const QUEUE: usize = 1024;
/// How often rooms look at their clocks.
const TICK: Duration = Duration::from_millis(250);
/// How often participants' connections are measured.
const MEASURE: Duration = Duration::from_secs(5);
/// Batches received before timers and commands get their turn.
const BATCHES_IN_A_ROW: usize = 8;
/// Share of its time above which a worker takes no new room.
const BUSY: f32 = 0.8;

/// What signaling asks of a worker.
pub(crate) enum Command {
    /// The service pushes a room.
    Document {
        document: RoomDocument,
        reply: oneshot::Sender<NodeMessage>,
    },
    /// A connection shows a verified token.
    Arrive {
        connection: ConnectionId,
        claims: JoinClaims,
        resume: Option<String>,
        outbox: Outbox,
    },
    /// A connection says something.
    Say {
        connection: ConnectionId,
        room: RoomId,
        message: ClientMessage,
    },
    /// A connection is gone.
    Gone {
        connection: ConnectionId,
        room: RoomId,
        refused: bool,
    },
    /// Who is connected.
    Presence {
        reply: oneshot::Sender<Vec<RoomPresence>>,
    },
    /// Say goodbye to everyone and end.
    Stop,
}

/// What leaves for one connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// A message.
    Text(String),
    /// The end.
    Close(CloseCode),
}

/// One connection's way out. A reader too slow for its queue is dropped, so
/// that nobody waits for it.
#[derive(Clone)]
pub(crate) struct Outbox {
    pub queue: mpsc::Sender<Outgoing>,
    /// Cancelled when the queue is full.
    pub overflow: CancellationToken,
}

impl Outbox {
    fn send(&self, outgoing: Outgoing) {
        if self.queue.try_send(outgoing).is_err() {
            self.overflow.cancel();
        }
    }
}

/// How signaling reaches a worker.
#[derive(Clone)]
pub(crate) struct WorkerHandle {
    commands: SyncSender<Command>,
    wake: Arc<EventFd>,
    /// Where browsers send their media.
    pub udp: SocketAddr,
    /// How the worker is doing.
    pub gauge: Arc<Gauge>,
}

impl WorkerHandle {
    /// Hands a command over, waiting while the worker's queue is full. False
    /// when the worker has ended.
    pub async fn send(&self, command: Command) -> bool {
        let mut command = command;
        loop {
            match self.commands.try_send(command) {
                Ok(()) => {
                    // A full counter wakes the worker as well as a new one.
                    let _ = self.wake.write(1);
                    return true;
                }
                Err(TrySendError::Full(back)) => {
                    command = back;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
    }
}

/// Starts a worker on a bound socket. It takes no new room once `draining`.
pub(crate) fn spawn<T: Transport + 'static>(
    socket: UdpSocket,
    candidate: SocketAddr,
    limits: Limits,
    events: broadcast::Sender<NodeMessage>,
    draining: CancellationToken,
) -> io::Result<(WorkerHandle, std::thread::JoinHandle<()>)>
where
    T::Shared: Send,
{
    let (commands, inbox) = sync_channel(QUEUE);
    let wake = Arc::new(EventFd::from_value_and_flags(
        0,
        EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC,
    )?);
    let shared = T::share().map_err(io::Error::other)?;
    let handle = WorkerHandle {
        commands,
        wake: Arc::clone(&wake),
        udp: candidate,
        gauge: Arc::default(),
    };
    let gauge = Arc::clone(&handle.gauge);
    let thread = std::thread::Builder::new()
        .name(format!("media-{}", candidate.port()))
        .spawn(move || match BatchedSocket::new(socket) {
            Ok(socket) => {
                let mut worker =
                    Worker::<T>::new(socket, candidate, shared, limits, inbox, wake, events);
                worker.gauge = gauge;
                worker.draining = draining;
                worker.run();
            }
            Err(error) => tracing::error!(%error, "a media worker could not use its socket"),
        })?;
    Ok((handle, thread))
}

/// A transport of this worker, numbered as they come.
type PeerKey = u64;

struct Worker<T: Transport> {
    socket: BatchedSocket,
    candidate: SocketAddr,
    shared: T::Shared,
    limits: Limits,
    inbox: Receiver<Command>,
    wake: Arc<EventFd>,
    events: broadcast::Sender<NodeMessage>,
    rooms: HashMap<RoomId, RoomEntry>,
    connections: HashMap<ConnectionId, Outbox>,
    peers: HashMap<PeerKey, PeerEntry<T>>,
    next_peer: PeerKey,
    by_ufrag: HashMap<String, PeerKey>,
    by_address: HashMap<SocketAddr, PeerKey>,
    deadlines: BTreeSet<(Instant, PeerKey)>,
    /// Transports that may have datagrams to send.
    touched: BTreeSet<PeerKey>,
    /// The transport being driven, to know whom a panic comes from.
    driving: Option<PeerKey>,
    destinations: Vec<Destination>,
    load: Load,
    gauge: Arc<Gauge>,
    draining: CancellationToken,
    stopping: bool,
}

struct RoomEntry {
    room: Room,
    /// The present transport of each seat.
    by_seat: HashMap<SeatIndex, PeerKey>,
}

struct PeerEntry<T> {
    transport: T,
    room: RoomId,
    id: PeerId,
    ufrag: String,
    connected: bool,
    /// Which pair carries whom, as last offered.
    pairs: BTreeMap<SeatIndex, PairId>,
    arrivals: [Arrivals; 2],
    last_packet: [Option<Instant>; 2],
    keyframes: KeyframeThrottle,
    bucket: Bucket,
    deadline: Option<Instant>,
    measured: Measured,
}

/// The counters at the last measure.
struct Measured {
    at: Instant,
    stats: TransportStats,
    expected: u64,
    received: u64,
}

fn place(kind: MediaKind) -> usize {
    match kind {
        MediaKind::Audio => 0,
        MediaKind::Video => 1,
    }
}

fn moment() -> Moment {
    let unix_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        });
    Moment {
        instant: Instant::now(),
        unix_ms,
    }
}

impl<T: Transport> Worker<T> {
    fn new(
        socket: BatchedSocket,
        candidate: SocketAddr,
        shared: T::Shared,
        limits: Limits,
        inbox: Receiver<Command>,
        wake: Arc<EventFd>,
        events: broadcast::Sender<NodeMessage>,
    ) -> Self {
        Self {
            socket,
            candidate,
            shared,
            limits,
            inbox,
            wake,
            events,
            rooms: HashMap::new(),
            connections: HashMap::new(),
            peers: HashMap::new(),
            next_peer: 0,
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            deadlines: BTreeSet::new(),
            touched: BTreeSet::new(),
            driving: None,
            destinations: Vec::new(),
            load: Load::new(Instant::now()),
            gauge: Arc::default(),
            draining: CancellationToken::new(),
            stopping: false,
        }
    }

    fn run(mut self) {
        let mut next_tick = Instant::now() + TICK;
        let mut received = Vec::new();
        while !self.stopping {
            let now = Instant::now();
            let wake_at = self
                .deadlines
                .first()
                .map_or(next_tick, |(deadline, _)| next_tick.min(*deadline));
            self.wait(wake_at.saturating_duration_since(now));
            self.load.wake(Instant::now());

            self.guarded(Self::take_commands);
            for _ in 0..BATCHES_IN_A_ROW {
                let more = match self.socket.receive(&mut received) {
                    Ok(more) => more,
                    Err(error) => {
                        tracing::warn!(%error, "a batch could not be received");
                        false
                    }
                };
                let now = Instant::now();
                for (from, datagram) in received.drain(..) {
                    self.guarded(|worker| worker.take_datagram(from, datagram, now));
                }
                if !more {
                    break;
                }
            }
            self.guarded(Self::take_deadlines);
            if Instant::now() >= next_tick {
                next_tick = Instant::now() + TICK;
                self.guarded(Self::tick);
            }
            self.guarded(Self::send_touched);
            self.socket.flush();
            self.load.rest(Instant::now());
        }
    }

    /// Waits for a datagram, a command or the time.
    fn wait(&self, at_most: Duration) {
        // Rounded up, or the last millisecond before a deadline would be spent spinning.
        let millis = u16::try_from(at_most.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let mut descriptors = [
            PollFd::new(self.socket.descriptor(), PollFlags::POLLIN),
            PollFd::new(std::os::fd::AsFd::as_fd(&*self.wake), PollFlags::POLLIN),
        ];
        // An interruption is a wake-up like any other.
        let _ = poll(&mut descriptors, PollTimeout::from(millis));
        let _ = self.wake.read();
    }

    /// Does one step of the loop.
    fn guarded(&mut self, step: impl FnOnce(&mut Self)) {
        if let Err(Some((room, peer))) = self.guard(step) {
            self.handle(&room, Event::PeerFailed { peer });
        }
    }

    /// Does something. A panic in a transport, which parses what strangers send,
    /// ends that transport and nothing else; it is answered whose it was.
    fn guard<R>(
        &mut self,
        step: impl FnOnce(&mut Self) -> R,
    ) -> Result<R, Option<(RoomId, PeerId)>> {
        self.driving = None;
        if let Ok(done) = catch_unwind(AssertUnwindSafe(|| step(self))) {
            return Ok(done);
        }
        let Some(entry) = self.driving.take().and_then(|key| self.forget_peer(key)) else {
            tracing::error!("a step of a media worker failed outside any transport");
            return Err(None);
        };
        tracing::error!(room = %entry.room, "a transport failed and was ended");
        let whose = (entry.room.clone(), entry.id);
        // What is broken is not to be touched again, not even to free it.
        std::mem::forget(entry);
        Err(Some(whose))
    }

    fn take_commands(&mut self) {
        while let Ok(command) = self.inbox.try_recv() {
            match command {
                Command::Document { document, reply } => {
                    let answer = self.take_document(document);
                    // The control connection may have gone meanwhile.
                    let _ = reply.send(answer);
                }
                Command::Arrive {
                    connection,
                    claims,
                    resume,
                    outbox,
                } => self.arrive(connection, claims, resume, outbox),
                Command::Say {
                    connection,
                    room,
                    message,
                } => {
                    if self.connections.contains_key(&connection) {
                        self.handle(
                            &room,
                            Event::Said {
                                connection,
                                message,
                            },
                        );
                    }
                }
                Command::Gone {
                    connection,
                    room,
                    refused,
                } => {
                    if self.connections.remove(&connection).is_some() {
                        self.handle(
                            &room,
                            Event::Gone {
                                connection,
                                refused,
                            },
                        );
                    }
                }
                Command::Presence { reply } => {
                    let rooms = self
                        .rooms
                        .values()
                        .map(|entry| entry.room.presence())
                        .collect();
                    let _ = reply.send(rooms);
                }
                Command::Stop => self.stop(),
            }
        }
    }

    fn take_document(&mut self, document: RoomDocument) -> NodeMessage {
        let id = document.room.clone();
        if let Err(reason) = check(&document, self.limits.seats) {
            return NodeMessage::RoomRefused { room: id, reason };
        }
        let now = moment();
        if !self.rooms.contains_key(&id) {
            // A document that only ends or moves a room opens none.
            let opens = !matches!(document.state, RoomState::Ended | RoomState::Moved);
            if opens && self.draining.is_cancelled() {
                return NodeMessage::RoomRefused {
                    room: id,
                    reason: RoomRefusal::Draining,
                };
            }
            let full = self.rooms.len() >= self.limits.rooms || self.load.share() > BUSY;
            if opens && full {
                return NodeMessage::RoomRefused {
                    room: id,
                    reason: RoomRefusal::Full,
                };
            }
            let version = document.version;
            let limits = RoomLimits {
                grace: self.limits.grace,
                media_silence: self.limits.media_silence,
            };
            let room = Room::new(document, limits);
            if !room.may_be_forgotten(now) {
                let by_seat = HashMap::new();
                self.rooms.insert(id.clone(), RoomEntry { room, by_seat });
            }
            return NodeMessage::Applied { room: id, version };
        }
        let Some(entry) = self.rooms.get_mut(&id) else {
            unreachable!("the room was found a moment ago on this very thread");
        };
        let (version, actions) = entry.room.apply(document, now);
        self.perform(&id, actions.into());
        NodeMessage::Applied { room: id, version }
    }

    fn arrive(
        &mut self,
        connection: ConnectionId,
        claims: JoinClaims,
        resume: Option<String>,
        outbox: Outbox,
    ) {
        if !self.rooms.contains_key(&claims.room) {
            refuse(&outbox, CloseCode::UnknownRoom);
            return;
        }
        self.connections.insert(connection, outbox);
        self.handle(
            &claims.room,
            Event::Arrived {
                connection,
                participant: claims.sub,
                generation: claims.generation,
                resume,
                secret: secret::token(),
            },
        );
    }

    fn stop(&mut self) {
        for outbox in self.connections.values() {
            outbox.send(Outgoing::Close(CloseCode::GoingAway));
        }
        let now = Instant::now();
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        for key in keys {
            self.close_peer(key, now);
        }
        self.stopping = true;
    }

    fn take_datagram(&mut self, from: SocketAddr, datagram: BytesMut, now: Instant) {
        // A check names the transport it is for, even from an address that
        // another one used a moment ago.
        let key = match stun::binding_request_ufrag(&datagram) {
            Some(ufrag) => self.by_ufrag.get(ufrag).copied(),
            None => self.by_address.get(&from).copied(),
        };
        let Some(key) = key else {
            return;
        };
        let Some(entry) = self.peers.get_mut(&key) else {
            return;
        };
        if !entry.bucket.take(now) {
            return;
        }
        self.driving = Some(key);
        entry.transport.handle_datagram(from, datagram, now);
        self.driving = None;
        self.touched.insert(key);
        self.take_events(key, now);
    }

    fn take_deadlines(&mut self) {
        let now = Instant::now();
        while let Some((deadline, key)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            if let Some(entry) = self.peers.get_mut(&key) {
                entry.deadline = None;
                self.driving = Some(key);
                entry.transport.handle_deadline(now);
                self.driving = None;
                self.touched.insert(key);
                self.take_events(key, now);
            }
        }
    }

    /// Takes everything that a transport has to tell.
    fn take_events(&mut self, key: PeerKey, now: Instant) {
        loop {
            let Some(entry) = self.peers.get_mut(&key) else {
                return;
            };
            self.driving = Some(key);
            let event = entry.transport.next_event();
            self.driving = None;
            let Some(event) = event else {
                return;
            };
            let (room, peer) = (entry.room.clone(), entry.id);
            match event {
                TransportEvent::Rtp(kind, packet) => {
                    if entry.arrivals[place(kind)].note(packet.sequence) {
                        entry.last_packet[place(kind)] = Some(now);
                        self.forward(&room, peer.seat, kind, &packet, now);
                    }
                }
                TransportEvent::KeyframeWanted(pair) => {
                    self.handle(&room, Event::KeyframeWanted { peer, pair });
                }
                TransportEvent::Connected => {
                    entry.connected = true;
                    self.handle(&room, Event::PeerConnected { peer });
                }
                TransportEvent::Disconnected => {
                    tracing::debug!(%room, "a participant's path is silent");
                }
                TransportEvent::Failed => self.handle(&room, Event::PeerFailed { peer }),
            }
        }
    }

    fn forward(
        &mut self,
        room: &RoomId,
        publisher: SeatIndex,
        kind: MediaKind,
        packet: &RtpPacket,
        now: Instant,
    ) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        let destinations = &mut self.destinations;
        entry
            .room
            .forwarding()
            .route(publisher, kind, packet, |destination| {
                destinations.push(destination);
            });
        for destination in self.destinations.drain(..) {
            let Some(key) = entry.by_seat.get(&destination.subscriber) else {
                continue;
            };
            let Some(subscriber) = self.peers.get_mut(key).filter(|peer| peer.connected) else {
                continue;
            };
            self.driving = Some(*key);
            subscriber
                .transport
                .write_rtp(destination.pair, kind, destination.packet, now);
            self.driving = None;
            self.touched.insert(*key);
        }
    }

    fn tick(&mut self) {
        let now = moment();
        let lost = self.socket.take_lost();
        if lost > 0 {
            tracing::warn!(
                lost,
                "the system did not take datagrams: this worker is overloaded"
            );
        }
        let ids: Vec<RoomId> = self.rooms.keys().cloned().collect();
        for id in ids {
            let last_packets = match self.rooms.get(&id) {
                Some(entry) => entry
                    .by_seat
                    .values()
                    .filter_map(|key| self.peers.get(key))
                    .map(|peer| LastPacket {
                        peer: peer.id,
                        audio: peer.last_packet[0],
                        video: peer.last_packet[1],
                    })
                    .collect(),
                None => continue,
            };
            self.handle(&id, Event::Tick { last_packets });
            if self
                .rooms
                .get(&id)
                .is_some_and(|entry| entry.room.may_be_forgotten(now))
            {
                self.rooms.remove(&id);
            }
        }
        self.gauge.set(
            self.rooms
                .values()
                .filter(|entry| entry.room.is_held(now))
                .count(),
            self.rooms
                .values()
                .map(|entry| entry.room.occupants())
                .sum(),
            self.load.share(),
        );
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        for key in keys {
            self.ask_keyframe(key, now.instant);
            self.measure(key, now.instant);
        }
    }

    fn ask_keyframe(&mut self, key: PeerKey, now: Instant) {
        if let Some(entry) = self.peers.get_mut(&key)
            && entry.connected
            && entry.keyframes.take(now)
        {
            self.driving = Some(key);
            entry.transport.request_keyframe(now);
            self.driving = None;
            self.touched.insert(key);
        }
    }

    fn measure(&mut self, key: PeerKey, now: Instant) {
        let Some(entry) = self.peers.get_mut(&key) else {
            return;
        };
        let elapsed = now.saturating_duration_since(entry.measured.at);
        if !entry.connected || elapsed < MEASURE {
            return;
        }
        self.driving = Some(key);
        let stats = entry.transport.stats();
        self.driving = None;
        let (expected, received) = entry
            .arrivals
            .iter()
            .map(Arrivals::totals)
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let quality = entry.measured.quality(stats, expected, received, elapsed);
        entry.measured = Measured {
            at: now,
            stats,
            expected,
            received,
        };
        let (room, peer) = (entry.room.clone(), entry.id);
        self.handle(&room, Event::Quality { peer, quality });
    }

    fn send_touched(&mut self) {
        while let Some(key) = self.touched.pop_first() {
            self.send_datagrams(key);
        }
    }

    /// Sends what a transport has ready, and notes when it must be driven again.
    fn send_datagrams(&mut self, key: PeerKey) {
        let Some(entry) = self.peers.get_mut(&key) else {
            return;
        };
        self.driving = Some(key);
        while let Some((to, datagram)) = entry.transport.next_datagram() {
            // The transport speaks only to addresses that proved the ICE
            // password, so what it answers to is its own.
            if stun::is_stun(&datagram) {
                self.by_address.insert(to, key);
            }
            self.socket.send(to, datagram);
        }
        let deadline = entry.transport.deadline();
        self.driving = None;
        if entry.deadline != deadline {
            if let Some(former) = entry.deadline {
                self.deadlines.remove(&(former, key));
            }
            if let Some(deadline) = deadline {
                self.deadlines.insert((deadline, key));
            }
            entry.deadline = deadline;
        }
    }

    /// Lets something happen in a room, and does what follows from it.
    fn handle(&mut self, room: &RoomId, event: Event) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        let actions = entry.room.handle(event, moment());
        self.perform(room, actions.into());
    }

    fn perform(&mut self, room: &RoomId, mut actions: VecDeque<Action>) {
        while let Some(action) = actions.pop_front() {
            let event = match self.guard(|worker| worker.act(room, action)) {
                Ok(event) => event,
                Err(failed) => failed.map(|(_, peer)| Event::PeerFailed { peer }),
            };
            if let Some(event) = event
                && let Some(entry) = self.rooms.get_mut(room)
            {
                actions.extend(entry.room.handle(event, moment()));
            }
        }
    }

    /// Does one thing; answers what came of it, if anything did.
    fn act(&mut self, room: &RoomId, action: Action) -> Option<Event> {
        match action {
            Action::Send(connection, message) => {
                self.send(connection, &message);
                None
            }
            Action::Close(connection, code) => {
                if let Some(outbox) = self.connections.remove(&connection) {
                    refuse(&outbox, code);
                }
                None
            }
            Action::OpenPeer {
                peer,
                publish,
                compatible,
            } => self.open_peer(room, peer, publish, compatible),
            Action::Negotiate {
                peer,
                connection,
                negotiation,
                fresh,
                hears,
            } => self.negotiate(room, peer, connection, negotiation, fresh, &hears),
            Action::Answer { peer, sdp } => self.answer(room, peer, &sdp),
            Action::ClosePeer { peer } => {
                if let Some(key) = self.key_of(room, peer) {
                    self.close_peer(key, Instant::now());
                }
                None
            }
            Action::Keyframe { publisher } => {
                let key = self.rooms.get(room)?.by_seat.get(&publisher).copied()?;
                self.peers.get_mut(&key)?.keyframes.want();
                self.ask_keyframe(key, Instant::now());
                None
            }
            Action::Tell(event) => {
                // Nobody listening is no fault: presence tells all on the next connection.
                let _ = self.events.send(NodeMessage::Event(event));
                None
            }
        }
    }

    /// A message that finds no way out needs nothing more here: the connection's
    /// own task ends, by itself or because its queue overflowed, and says `Gone`.
    fn send(&self, connection: ConnectionId, message: &ServerMessage) {
        if let Some(outbox) = self.connections.get(&connection) {
            outbox.send(Outgoing::Text(to_json(message)));
        }
    }

    fn key_of(&self, room: &RoomId, peer: PeerId) -> Option<PeerKey> {
        let key = *self.rooms.get(room)?.by_seat.get(&peer.seat)?;
        (self.peers.get(&key)?.id == peer).then_some(key)
    }

    fn open_peer(
        &mut self,
        room: &RoomId,
        peer: PeerId,
        publish: Vec<MediaKind>,
        compatible: bool,
    ) -> Option<Event> {
        let now = Instant::now();
        let ufrag = loop {
            let ufrag = secret::ice_chars(8);
            if !self.by_ufrag.contains_key(&ufrag) {
                break ufrag;
            }
        };
        let config = TransportConfig {
            candidate: self.candidate,
            ufrag: ufrag.clone(),
            password: secret::ice_chars(24),
            publish,
            compatible,
        };
        let transport = match T::open(&self.shared, config, now) {
            Ok(transport) => transport,
            Err(error) => {
                tracing::error!(%room, %error, "a transport could not be made");
                return Some(Event::PeerFailed { peer });
            }
        };
        let key = self.next_peer;
        self.next_peer += 1;
        self.by_ufrag.insert(ufrag.clone(), key);
        self.rooms.get_mut(room)?.by_seat.insert(peer.seat, key);
        self.peers.insert(
            key,
            PeerEntry {
                transport,
                room: room.clone(),
                id: peer,
                ufrag,
                connected: false,
                pairs: BTreeMap::new(),
                arrivals: Default::default(),
                last_packet: [None; 2],
                keyframes: KeyframeThrottle::default(),
                bucket: Bucket::new(
                    self.limits.datagrams_per_second,
                    self.limits.datagrams_per_second,
                    now,
                ),
                deadline: None,
                measured: Measured {
                    at: now,
                    stats: TransportStats::default(),
                    expected: 0,
                    received: 0,
                },
            },
        );
        None
    }

    fn negotiate(
        &mut self,
        room: &RoomId,
        peer: PeerId,
        connection: ConnectionId,
        negotiation: u32,
        fresh: bool,
        hears: &[SeatIndex],
    ) -> Option<Event> {
        let key = self.key_of(room, peer)?;
        let room_entry = self.rooms.get(room)?;
        let entry = self.peers.get_mut(&key)?;
        self.driving = Some(key);
        let gone: Vec<SeatIndex> = entry
            .pairs
            .keys()
            .copied()
            .filter(|seat| !hears.contains(seat))
            .collect();
        for seat in gone {
            if let Some(pair) = entry.pairs.remove(&seat) {
                entry.transport.close_pair(pair);
            }
        }
        let mut offer = Ok(());
        for seat in hears {
            if !entry.pairs.contains_key(seat) {
                match entry.transport.open_pair() {
                    Ok(pair) => {
                        entry.pairs.insert(*seat, pair);
                    }
                    Err(error) => offer = Err(error),
                }
            }
        }
        let offer = offer.and_then(|()| entry.transport.offer(Instant::now()));
        self.driving = None;
        self.touched.insert(key);
        let offer = match offer {
            Ok(offer) => offer,
            Err(error) => {
                tracing::error!(%room, %error, "an offer could not be made");
                return Some(Event::PeerFailed { peer });
            }
        };
        let own = room_entry.room.participant(peer.seat)?.clone();
        let mut tracks = BTreeMap::new();
        for (mid, kind) in offer.publish {
            let participant = own.clone();
            tracks.insert(mid, Track { participant, kind });
        }
        for (mid, pair, kind) in offer.pairs {
            let seat = entry
                .pairs
                .iter()
                .find(|(_, held)| **held == pair)
                .map(|(seat, _)| *seat);
            if let Some(participant) = seat.and_then(|seat| room_entry.room.participant(seat)) {
                let participant = participant.clone();
                tracks.insert(mid, Track { participant, kind });
            }
        }
        self.send(
            connection,
            &ServerMessage::Offer {
                negotiation,
                fresh,
                sdp: offer.sdp,
                tracks,
            },
        );
        None
    }

    fn answer(&mut self, room: &RoomId, peer: PeerId, sdp: &str) -> Option<Event> {
        let key = self.key_of(room, peer)?;
        let entry = self.peers.get_mut(&key)?;
        self.driving = Some(key);
        let taken = entry.transport.answer(sdp, Instant::now());
        self.driving = None;
        self.touched.insert(key);
        match taken {
            Ok(()) => Some(Event::Answered {
                peer,
                pairs: entry
                    .pairs
                    .iter()
                    .map(|(seat, pair)| (*seat, *pair))
                    .collect(),
            }),
            Err(error) => {
                tracing::info!(%room, %error, "an answer was refused");
                Some(Event::AnswerRefused { peer })
            }
        }
    }

    fn close_peer(&mut self, key: PeerKey, now: Instant) {
        if let Some(entry) = self.peers.get_mut(&key) {
            self.driving = Some(key);
            entry.transport.close(now);
            self.driving = None;
            self.send_datagrams(key);
        }
        self.forget_peer(key);
    }

    fn forget_peer(&mut self, key: PeerKey) -> Option<PeerEntry<T>> {
        let entry = self.peers.remove(&key)?;
        self.by_ufrag.remove(&entry.ufrag);
        self.by_address.retain(|_, held| *held != key);
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, key));
        }
        self.touched.remove(&key);
        if let Some(room) = self.rooms.get_mut(&entry.room)
            && room.by_seat.get(&entry.id.seat) == Some(&key)
        {
            room.by_seat.remove(&entry.id.seat);
        }
        Some(entry)
    }
}

/// Says why, and closes.
fn refuse(outbox: &Outbox, code: CloseCode) {
    let farewell = match code {
        CloseCode::Normal | CloseCode::GoingAway => None,
        CloseCode::Ended => Some(ServerMessage::Ended {}),
        _ => Some(ServerMessage::Refused {
            code: code.number(),
            retry: code.retry(),
        }),
    };
    if let Some(farewell) = farewell {
        outbox.send(Outgoing::Text(to_json(&farewell)));
    }
    outbox.send(Outgoing::Close(code));
}

impl Measured {
    fn quality(
        &self,
        stats: TransportStats,
        expected: u64,
        received: u64,
        elapsed: Duration,
    ) -> Quality {
        let expected = expected.saturating_sub(self.expected);
        let received = received.saturating_sub(self.received);
        let loss_up = if expected == 0 {
            0.0
        } else {
            expected.saturating_sub(received) as f32 / expected as f32
        };
        let rate = |now: u64, before: u64| {
            let bits = now.saturating_sub(before) as f64 * 8.0 / elapsed.as_secs_f64();
            bits.min(f64::from(u32::MAX)) as u32
        };
        Quality {
            rtt_ms: stats.rtt_ms,
            loss_up,
            loss_down: stats.loss_down,
            bitrate_up: rate(stats.bytes_up, self.stats.bytes_up),
            bitrate_down: rate(stats.bytes_down, self.stats.bytes_down),
        }
    }
}

/// How much of its time a worker works, over the last seconds.
struct Load {
    since: Instant,
    woke_at: Instant,
    worked: Duration,
    share: f32,
}

impl Load {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            woke_at: now,
            worked: Duration::ZERO,
            share: 0.0,
        }
    }

    fn wake(&mut self, now: Instant) {
        self.woke_at = now;
    }

    fn rest(&mut self, now: Instant) {
        self.worked += now.saturating_duration_since(self.woke_at);
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed >= Duration::from_secs(1) {
            let last = self.worked.as_secs_f32() / elapsed.as_secs_f32();
            self.share = self.share * 0.5 + last * 0.5;
            self.worked = Duration::ZERO;
            self.since = now;
        }
    }

    fn share(&self) -> f32 {
        self.share
    }
}
