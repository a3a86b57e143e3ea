//! One media thread: its UDP port, its rooms, and every packet of them.
//!
//! A room lives on one worker, so nothing on the media path is shared or locked.
//! Commands come from signaling over a bounded queue with a wake-up descriptor;
//! answers leave over each connection's own bounded queue. The worker decides
//! nothing about rooms (`room.rs`) or encryption (`transport.rs`): it carries
//! events to the one and datagrams to the other. `commands` is how signaling speaks
//! to it, `packets` the path of every datagram, `rooms` what happens in rooms,
//! `peers` the transports and their negotiation, `yielding` who gives way on a
//! narrow path, `measured` and `load` the figures.

pub(crate) mod commands;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod keyframes;
#[cfg(test)]
mod limits;
mod load;
mod measured;
mod packets;
mod peers;
mod rooms;
mod yielding;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use slab::Slab;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use self::commands::{Command, Outbox, Outgoing, WorkerHandle};
use self::load::Load;
use self::peers::{PeerKey, Peers};
use self::rooms::{RoomEntry, RoomKey, moment};
use crate::forwarding::Destination;
use crate::gauge::Gauge;
use crate::metrics::{Counted, Metrics};
use crate::node::Limits;
use crate::protocol::CloseCode;
use crate::room::{ConnectionId, Event, PeerId};
use crate::room_document::{NodeMessage, RoomId};
use crate::transport::Transport;
use crate::udp::BatchedSocket;

/// Commands that may wait for a worker.
const QUEUE: usize = 1024;
/// How often rooms look at their clocks.
const TICK: Duration = Duration::from_millis(250);
/// Batches received before timers and commands get their turn.
const BATCHES_IN_A_ROW: usize = 8;

/// Starts a worker on a bound socket. It takes no new room once `draining`.
pub(crate) fn spawn<T: Transport + 'static>(
    socket: UdpSocket,
    candidates: Vec<SocketAddr>,
    limits: Limits,
    events: broadcast::Sender<NodeMessage>,
    metrics: Arc<Metrics>,
    draining: CancellationToken,
) -> io::Result<(WorkerHandle, std::thread::JoinHandle<()>)>
where
    T::Shared: Send,
{
    let Some(udp) = candidates.first().copied() else {
        return Err(io::Error::other("a worker needs an address to announce"));
    };
    let (commands, inbox) = sync_channel(QUEUE);
    let wake = Arc::new(EventFd::from_value_and_flags(
        0,
        EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC,
    )?);
    let shared = T::share().map_err(io::Error::other)?;
    let handle = WorkerHandle {
        commands,
        wake: Arc::clone(&wake),
        udp,
        gauge: Arc::default(),
    };
    let gauge = Arc::clone(&handle.gauge);
    let thread = std::thread::Builder::new()
        .name(format!("media-{}", udp.port()))
        .spawn(move || match BatchedSocket::new(socket) {
            Ok(socket) => {
                let mut worker =
                    Worker::<T>::new(socket, candidates, shared, limits, inbox, wake, events);
                worker.gauge = gauge;
                worker.metrics = metrics;
                worker.draining = draining;
                worker.run();
            }
            Err(error) => tracing::error!(%error, "a media worker could not use its socket"),
        })?;
    Ok((handle, thread))
}

struct Worker<T: Transport> {
    socket: BatchedSocket,
    candidates: Vec<SocketAddr>,
    shared: T::Shared,
    limits: Limits,
    inbox: Receiver<Command>,
    wake: Arc<EventFd>,
    events: broadcast::Sender<NodeMessage>,
    rooms: Slab<RoomEntry>,
    room_keys: HashMap<RoomId, RoomKey>,
    connections: HashMap<ConnectionId, Outbox>,
    peers: Peers<T>,
    /// The transport being driven, to know whom a panic comes from.
    driving: Option<PeerKey>,
    /// Where one packet goes; kept so that forwarding allocates nothing.
    destinations: Vec<Destination>,
    load: Load,
    gauge: Arc<Gauge>,
    metrics: Arc<Metrics>,
    /// Counted since it was last handed over.
    counted: Counted,
    draining: CancellationToken,
    stopping: bool,
}

impl<T: Transport> Worker<T> {
    fn new(
        socket: BatchedSocket,
        candidates: Vec<SocketAddr>,
        shared: T::Shared,
        limits: Limits,
        inbox: Receiver<Command>,
        wake: Arc<EventFd>,
        events: broadcast::Sender<NodeMessage>,
    ) -> Self {
        Self {
            socket,
            candidates,
            shared,
            limits,
            inbox,
            wake,
            events,
            rooms: Slab::new(),
            room_keys: HashMap::new(),
            connections: HashMap::new(),
            peers: Peers::default(),
            driving: None,
            destinations: Vec::new(),
            load: Load::new(Instant::now()),
            gauge: Arc::default(),
            metrics: Arc::default(),
            counted: Counted::default(),
            draining: CancellationToken::new(),
            stopping: false,
        }
    }

    fn run(mut self) {
        let mut next_tick = Instant::now() + TICK;
        while !self.stopping {
            let now = Instant::now();
            let wake_at = self
                .peers
                .next_deadline()
                .map_or(next_tick, |deadline| next_tick.min(deadline));
            self.wait(wake_at.saturating_duration_since(now));
            self.load.wake(Instant::now());

            self.guarded(Self::take_commands);
            for _ in 0..BATCHES_IN_A_ROW {
                let mut batch = match self.socket.receive() {
                    Ok(batch) => batch,
                    Err(error) => {
                        tracing::warn!(%error, "a batch could not be received");
                        break;
                    }
                };
                let now = Instant::now();
                while let Some((from, datagram)) = batch.next() {
                    self.guarded(|worker| worker.take_datagram(from, datagram, now));
                }
                let more = batch.is_full();
                self.socket.give_back(batch);
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
            self.handle(room, Event::PeerFailed { peer });
        }
    }

    /// Does something. A panic in a transport, which parses what strangers send,
    /// ends that transport and nothing else; it is answered whose it was.
    fn guard<R>(
        &mut self,
        step: impl FnOnce(&mut Self) -> R,
    ) -> Result<R, Option<(RoomKey, PeerId)>> {
        self.driving = None;
        if let Ok(done) = catch_unwind(AssertUnwindSafe(|| step(self))) {
            return Ok(done);
        }
        let Some(entry) = self.driving.take().and_then(|key| self.forget_peer(key)) else {
            tracing::error!("a step of a media worker failed outside any transport");
            return Err(None);
        };
        let whose = (entry.room, entry.id);
        if let Some(room) = self.rooms.get(entry.room) {
            tracing::error!(room = %room.id, "a transport failed and was ended");
        }
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
                    can,
                    outbox,
                } => self.arrive(connection, claims, resume, can, outbox),
                Command::Say {
                    connection,
                    room,
                    message,
                } => {
                    if self.connections.contains_key(&connection)
                        && let Some(room) = self.room_keys.get(&room)
                    {
                        self.handle(
                            *room,
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
                    if self.connections.remove(&connection).is_some()
                        && let Some(room) = self.room_keys.get(&room)
                    {
                        self.handle(
                            *room,
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
                        .iter()
                        .map(|(_, entry)| entry.room.presence())
                        .collect();
                    let _ = reply.send(rooms);
                }
                Command::Stop => self.stop(),
            }
        }
    }

    fn stop(&mut self) {
        for outbox in self.connections.values() {
            outbox.send(Outgoing::Close(CloseCode::GoingAway));
        }
        let now = Instant::now();
        let keys = self.peers.keys();
        for key in keys {
            self.close_peer(key, now);
        }
        self.stopping = true;
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
        let keys: Vec<RoomKey> = self.rooms.iter().map(|(key, _)| key).collect();
        for key in keys {
            let last_packets = match self.rooms.get(key) {
                Some(entry) => entry
                    .by_seat
                    .iter()
                    .filter_map(|(_, peer)| self.peers.last_packets(*peer))
                    .collect(),
                None => continue,
            };
            self.handle(key, Event::Tick { last_packets });
            self.yield_images(key, now.instant);
            if let Some(entry) = self.rooms.get(key)
                && entry.room.may_be_forgotten(now)
            {
                self.room_keys.remove(&entry.id);
                self.rooms.remove(key);
            }
        }
        self.counted.datagrams_dropped += lost;
        self.metrics.add(std::mem::take(&mut self.counted));
        self.gauge.set(
            self.rooms
                .iter()
                .filter(|(_, entry)| entry.room.is_held(now))
                .count(),
            self.rooms
                .iter()
                .map(|(_, entry)| entry.room.occupants())
                .sum(),
            self.load.share(),
        );
        for key in self.peers.keys() {
            self.ask_keyframes(key, now.instant);
            self.measure(key, now.instant);
        }
    }
}
