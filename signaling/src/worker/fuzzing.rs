//! A worker in the hands of a fuzzer: rooms, pages, datagrams and time in any
//! order. Whatever comes, its tables agree with each other and stay small.
//!
//! Nothing reaches a network: what would be sent is thrown away, and when a whole
//! batch is ready, every address of it is of a family that the worker's socket
//! cannot send to, which the worker must bear as well.

pub(super) mod still;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};

use tokio::sync::mpsc;

use self::still::Still;
use super::*;
use crate::fuzzing::input::Input;
use crate::join_token::JoinClaims;
#[cfg(test)]
use crate::lean::LeanTransport;
use crate::protocol::{Can, ClientMessage, MediaKind, ServerMessage};
use crate::room_document::{Place, Role, RoomDocument, RoomState, Seat};

const ROOMS: [&str; 2] = ["r", "s"];
const PEOPLE: [&str; 3] = ["angele", "jean", "avocate"];
/// Steps of one input; more teach nothing new.
const STEPS: usize = 32;

thread_local! {
    /// Sockets and descriptors are dear, and the same serve every input.
    static SOCKET: RefCell<Option<BatchedSocket>> = const { RefCell::new(None) };
    static WAKE: Arc<EventFd> = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK)
        .map(Arc::new)
        .expect("a descriptor");
}

/// Transports that do nothing.
pub(crate) fn demux(data: &[u8]) {
    drive::<Still>((), data);
}

/// The transports of production, which take most of it for noise: what comes past
/// their encryption is for the fuzzer in `lean/fuzzing.rs`.
#[cfg(test)]
pub(crate) fn transport(data: &[u8]) {
    thread_local! {
        static SHARED: <LeanTransport as Transport>::Shared =
            LeanTransport::share().expect("a certificate can be made");
    }
    drive::<LeanTransport>(SHARED.with(Clone::clone), data);
}

fn drive<T: Transport>(shared: T::Shared, data: &[u8]) {
    let mut driver = Driver::<T>::new(shared);
    let mut input = Input::new(data);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        driver.step(&mut input);
        driver.settle();
    }
    SOCKET.set(Some(driver.worker.socket));
}

fn worker<T: Transport>(shared: T::Shared) -> Worker<T> {
    let socket = SOCKET.take().unwrap_or_else(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        BatchedSocket::new(socket).expect("a fresh socket can be used")
    });
    let (_commands, inbox) = sync_channel(1);
    let (events, _) = broadcast::channel(16);
    let candidate = "192.0.2.1:9".parse().expect("an address");
    Worker::<T>::new(
        socket,
        vec![candidate],
        shared,
        Limits::default(),
        inbox,
        WAKE.with(Clone::clone),
        events,
    )
}

/// A page, and what it was offered last.
struct Page {
    connection: ConnectionId,
    room: usize,
    inbox: mpsc::Receiver<Outgoing>,
    negotiation: u32,
}

pub(super) struct Driver<T: Transport> {
    pub(super) worker: Worker<T>,
    pages: Vec<Page>,
    version: u64,
    connections: u64,
    /// How far time has been let pass.
    ahead: Duration,
}

pub(super) fn somewhere(number: u8) -> SocketAddr {
    let ip = IpAddr::V6(Ipv6Addr::LOCALHOST);
    SocketAddr::new(ip, 1000 + u16::from(number & 31))
}

impl<T: Transport> Driver<T> {
    pub(super) fn new(shared: T::Shared) -> Self {
        Self {
            worker: worker(shared),
            pages: Vec::new(),
            version: 0,
            connections: 0,
            ahead: Duration::ZERO,
        }
    }

    /// Sends what is to be sent, and looks whether all is in order.
    pub(super) fn settle(&mut self) {
        self.worker.send_touched();
        self.worker.socket.discard();
        self.check();
    }

    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    pub(super) fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 9 {
            0 => self.document(input),
            1 => self.arrive(input),
            2 => self.say(input),
            3 => {
                if let Some(page) = pick(&mut self.pages, input.byte()) {
                    let page = self.pages.swap_remove(page);
                    self.worker.connections.remove(&page.connection);
                    let gone = Event::Gone {
                        connection: page.connection,
                        refused: input.byte() & 1 == 0,
                    };
                    if let Some(room) = self.worker.room_keys.get(&RoomId::from(ROOMS[page.room])) {
                        self.worker.handle(*room, gone);
                    }
                }
            }
            4 => self.check_of_ice(input),
            5 => {
                self.ahead += Duration::from_millis(u64::from(input.number()));
                let now = self.now();
                while let Some(key) = self.worker.peers.pop_due(now) {
                    if let Some(entry) = self.worker.peers.get_mut(key) {
                        entry.transport.handle_deadline(now);
                        self.worker.peers.touch(key);
                    }
                }
                self.worker.tick();
            }
            _ => {
                let from = somewhere(input.byte());
                let mut datagram = input.piece().to_vec();
                let now = self.now();
                self.worker.take_datagram(from, &mut datagram, now);
            }
        }
    }

    fn document(&mut self, input: &mut Input<'_>) {
        let (room, places, publish) = (input.byte(), input.byte(), input.byte());
        self.version += 1;
        let seats = PEOPLE
            .iter()
            .enumerate()
            .filter_map(|(index, name)| {
                let place = match places >> (2 * index) & 3 {
                    0 => return None,
                    1 => Place::Waiting,
                    2 => Place::In,
                    _ => Place::Aside,
                };
                Some(Seat {
                    participant: (*name).into(),
                    role: Role::Citizen,
                    generation: 1,
                    place,
                    label: String::new(),
                    publish: MediaKind::ALL
                        .into_iter()
                        .filter(|kind| publish >> kind.index() & 1 == 0)
                        .collect(),
                    hears: PEOPLE.iter().map(|name| (*name).into()).collect(),
                })
            })
            .collect();
        self.worker.take_document(RoomDocument {
            room: ROOMS[usize::from(room & 1)].into(),
            version: self.version,
            expires_at_ms: i64::MAX,
            state: match room >> 1 & 7 {
                0 => RoomState::Paused,
                1 => RoomState::Ended,
                _ => RoomState::Open,
            },
            seats,
        });
    }

    fn arrive(&mut self, input: &mut Input<'_>) {
        let who = input.byte();
        let room = usize::from(who & 1);
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let (queue, inbox) = mpsc::channel(self.worker.limits.queue);
        let outbox = Outbox {
            queue,
            overflow: CancellationToken::new(),
        };
        let participant = PEOPLE[usize::from(who >> 1) % PEOPLE.len()].into();
        let claims = JoinClaims {
            aud: String::new(),
            room: ROOMS[room].into(),
            sub: participant,
            role: Role::Citizen,
            jti: String::new(),
            generation: 1,
            iat: 0,
            exp: 0,
        };
        self.worker
            .arrive(connection, claims, None, Can::default(), outbox);
        self.pages.push(Page {
            connection,
            room,
            inbox,
            negotiation: 0,
        });
    }

    /// A page speaks: an answer to its last offer, or anything that is a message.
    fn say(&mut self, input: &mut Input<'_>) {
        let which = input.byte();
        let Some(index) = pick(&mut self.pages, which) else {
            return;
        };
        let page = &mut self.pages[index];
        while let Ok(outgoing) = page.inbox.try_recv() {
            if let Outgoing::Text(text) = outgoing
                && let Ok(ServerMessage::Offer { negotiation, .. }) = serde_json::from_str(&text)
            {
                page.negotiation = negotiation;
            }
        }
        let text = String::from_utf8_lossy(input.piece());
        let message = if which & 0x80 == 0 {
            Ok(ClientMessage::Answer {
                negotiation: page.negotiation,
                sdp: text.into_owned(),
            })
        } else {
            ClientMessage::parse(&text)
        };
        if let Ok(message) = message
            && self.worker.connections.contains_key(&page.connection)
            && let Some(room) = self.worker.room_keys.get(&RoomId::from(ROOMS[page.room]))
        {
            let said = Event::Said {
                connection: page.connection,
                message,
            };
            self.worker.handle(*room, said);
        }
    }

    /// A check that names one of the transports, followed by anything.
    fn check_of_ice(&mut self, input: &mut Input<'_>) {
        let from = somewhere(input.byte());
        let ufrags = self.worker.peers.ufrags();
        let which = usize::from(input.byte());
        let Some(ufrag) = (!ufrags.is_empty()).then(|| &ufrags[which % ufrags.len()]) else {
            return;
        };
        let username = format!("{ufrag}:page");
        let mut attributes = vec![0, 6];
        attributes.extend((username.len() as u16).to_be_bytes());
        attributes.extend(username.as_bytes());
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        attributes.extend(input.piece().iter().take(600));
        let mut datagram = vec![0, 1];
        datagram.extend((attributes.len() as u16).to_be_bytes());
        datagram.extend([0x21, 0x12, 0xa4, 0x42]);
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        let now = self.now();
        self.worker.take_datagram(from, &mut datagram, now);
    }

    fn check(&self) {
        self.worker.peers.check();
        let seats: usize = self
            .worker
            .rooms
            .iter()
            .map(|(_, room)| room.by_seat.len())
            .sum();
        assert_eq!(
            seats,
            self.worker.peers.keys().len(),
            "a transport without a seat"
        );
        assert!(seats <= ROOMS.len() * PEOPLE.len());
        assert!(self.worker.connections.len() <= ROOMS.len() * PEOPLE.len());
    }
}

fn pick<P>(pages: &mut [P], which: u8) -> Option<usize> {
    (!pages.is_empty()).then(|| usize::from(which & 0x7f) % pages.len())
}
