//! The rooms of a worker: what happens is told to one (`room.rs`), and what it
//! asks for in answer is done.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::Worker;
use super::commands::{Outbox, Outgoing, refuse};
use super::peers::PeerKey;
use crate::forwarding::SeatIndex;
use crate::join_token::JoinClaims;
use crate::protocol::{Can, CloseCode, ServerMessage, to_json};
use crate::room::{Action, ConnectionId, Event, Moment, PeerId, Room, RoomLimits, check};
use crate::room_document::{
    Fact, NodeMessage, RoomDocument, RoomEvent, RoomId, RoomRefusal, RoomState,
};
use crate::secret;
use crate::transport::Transport;

/// A room of this worker. The number of a room that is gone is given again.
pub(super) type RoomKey = usize;

pub(super) struct RoomEntry {
    pub id: RoomId,
    pub room: Room,
    /// The present transport of each seat: few enough to be searched.
    pub by_seat: Vec<(SeatIndex, PeerKey)>,
}

impl RoomEntry {
    pub fn peer_on(&self, seat: SeatIndex) -> Option<PeerKey> {
        self.by_seat
            .iter()
            .find(|(held, _)| *held == seat)
            .map(|(_, key)| *key)
    }
}

pub(super) fn moment() -> Moment {
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
    pub(super) fn take_document(&mut self, document: RoomDocument) -> NodeMessage {
        let id = document.room.clone();
        if let Err(reason) = check(&document, self.limits.seats) {
            return NodeMessage::RoomRefused { room: id, reason };
        }
        let now = moment();
        let Some(key) = self.room_keys.get(&id).copied() else {
            // A document that only ends or moves a room opens none.
            let opens = !matches!(document.state, RoomState::Ended | RoomState::Moved);
            if opens && self.draining.is_cancelled() {
                return NodeMessage::RoomRefused {
                    room: id,
                    reason: RoomRefusal::Draining,
                };
            }
            let full =
                self.rooms.len() >= self.limits.rooms || self.load.share() > self.limits.busy;
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
                let key = self.rooms.insert(RoomEntry {
                    id: id.clone(),
                    room,
                    by_seat: Vec::new(),
                });
                self.room_keys.insert(id.clone(), key);
            }
            return NodeMessage::Applied { room: id, version };
        };
        let (version, actions) = self.rooms[key].room.apply(document, now);
        self.perform(key, actions.into());
        NodeMessage::Applied { room: id, version }
    }

    pub(super) fn arrive(
        &mut self,
        connection: ConnectionId,
        claims: JoinClaims,
        resume: Option<String>,
        can: Can,
        outbox: Outbox,
    ) {
        let Some(room) = self.room_keys.get(&claims.room).copied() else {
            refuse(&outbox, CloseCode::UnknownRoom);
            return;
        };
        self.connections.insert(connection, outbox);
        self.handle(
            room,
            Event::Arrived {
                connection,
                participant: claims.sub,
                generation: claims.generation,
                resume,
                can,
                secret: secret::token(),
            },
        );
    }

    /// Lets something happen in a room, and does what follows from it.
    pub(super) fn handle(&mut self, room: RoomKey, event: Event) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        let actions = entry.room.handle(event, moment());
        self.perform(room, actions.into());
    }

    pub(super) fn perform(&mut self, room: RoomKey, mut actions: VecDeque<Action>) {
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
    fn act(&mut self, room: RoomKey, action: Action) -> Option<Event> {
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
                codecs,
                simulcast,
            } => self.open_peer(room, peer, publish, codecs, simulcast),
            Action::Negotiate(negotiation) => self.negotiate(room, &negotiation),
            Action::Answer { peer, sdp } => self.answer(room, peer, &sdp),
            Action::ClosePeer { peer } => {
                if let Some(key) = self.key_of(room, peer) {
                    self.close_peer(key, Instant::now());
                }
                None
            }
            Action::Keyframe { source, layer } => {
                let key = self.rooms.get(room)?.peer_on(source.seat)?;
                self.want_keyframe(key, source.kind, layer, Instant::now());
                None
            }
            Action::CandidateDropped => {
                self.counted.candidates_dropped += 1;
                None
            }
            Action::Tell(event) => {
                match event.fact {
                    // Every five seconds of everybody: the service keeps the sums.
                    Fact::Quality { .. } => {}
                    Fact::Joined { resumed } => {
                        self.metrics.joined(resumed);
                        log(&event);
                    }
                    _ => log(&event),
                }
                // Nobody listening is no fault: presence tells all on the next connection.
                let _ = self.events.send(NodeMessage::Event(event));
                None
            }
        }
    }

    /// A message that finds no way out needs nothing more here: the connection's
    /// own task ends, by itself or because its queue overflowed, and says `Gone`.
    pub(super) fn send(&self, connection: ConnectionId, message: &ServerMessage) {
        if let Some(outbox) = self.connections.get(&connection) {
            outbox.send(Outgoing::Text(to_json(message)));
        }
    }

    pub(super) fn key_of(&self, room: RoomKey, peer: PeerId) -> Option<PeerKey> {
        let key = self.rooms.get(room)?.peer_on(peer.seat)?;
        (self.peers.get(key)?.id == peer).then_some(key)
    }
}

/// One line for each change in a room, which it names and nobody in it.
fn log(event: &RoomEvent) {
    let (room, fact) = (&event.room, event.fact.as_str());
    tracing::info!(%room, fact, "room {room}: {fact}");
}
