//! One room as a value: an event in, actions out. Who waits, who is in, which
//! connection holds which seat, when to negotiate, and what to tell whom.
//!
//! After every event the room *settles*: it compares what should be (its
//! document) with what is (seats, connections, transports) and asks for the
//! difference. So no order of events needs a special case, and a lost message is
//! mended by the next. Nothing here touches sockets, threads, clocks or packets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use self::occupant::Occupant;
use self::sealing::Sealing;
use crate::forwarding::{Forwarding, SeatIndex, Source};
use crate::protocol::{Can, ClientMessage, CloseCode, MediaKind, Quality, ServerMessage};
use crate::rate::Bucket;
use crate::room_document::{
    Fact, LeftReason, ParticipantId, ParticipantPresence, RoomDocument, RoomEvent, RoomPresence,
    RoomRefusal, RoomState,
};
use crate::transport::{Codecs, LAYERS, LineId};

pub(crate) use self::layers::Demand;

mod clock;
mod layers;
mod negotiation;
mod occupant;
mod sealing;
mod view;

/// One WebSocket connection of this node, numbered as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub u64);

/// One transport: a seat, and which transport of this room. Numbers are never
/// used again, so that what is said late of a former one is not taken for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerId {
    pub seat: SeatIndex,
    pub turn: u32,
}

/// The two clocks at one moment: one to measure with, one to tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub instant: Instant,
    pub unix_ms: i64,
}

impl Moment {
    /// The wall clock at an earlier instant.
    fn unix_ms_at(self, earlier: Instant) -> i64 {
        let ago = self.instant.saturating_duration_since(earlier).as_millis();
        self.unix_ms
            .saturating_sub(i64::try_from(ago).unwrap_or(i64::MAX))
    }
}

/// What happens to a room.
#[derive(Debug)]
pub(crate) enum Event {
    /// A connection shows a valid token for a seat. `secret` is fresh randomness.
    Arrived {
        connection: ConnectionId,
        participant: ParticipantId,
        generation: u32,
        resume: Option<String>,
        can: Can,
        secret: String,
    },
    /// A connection says something after its `join`.
    Said {
        connection: ConnectionId,
        message: ClientMessage,
    },
    /// A connection ended by itself, or was ended for breaking a limit.
    Gone {
        connection: ConnectionId,
        refused: bool,
    },
    /// The last offer was answered; these lines now carry these tracks.
    Answered {
        peer: PeerId,
        lines: Vec<(Source, LineId)>,
    },
    /// The answer was not one.
    AnswerRefused { peer: PeerId },
    /// Media can flow.
    PeerConnected { peer: PeerId },
    /// The transport cannot go on.
    PeerFailed { peer: PeerId },
    /// The browser needs a keyframe on that line.
    KeyframeWanted { peer: PeerId, line: LineId },
    /// New measures of a participant's transport.
    Quality { peer: PeerId, quality: Quality },
    /// A participant should send no more of a kind than that, or anything again.
    Limit {
        peer: PeerId,
        kind: MediaKind,
        bits_per_second: Option<u32>,
    },
    /// The way down to a participant carries no image, or may carry one again.
    Narrow { peer: PeerId, narrow: bool },
    /// Time passes; with when each transport last received each kind.
    Tick { last_packets: Vec<LastPacket> },
}

/// When a transport last received something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastPacket {
    pub peer: PeerId,
    /// By the kind's index.
    pub at: [Option<Instant>; MediaKind::ALL.len()],
    /// Of the camera, by layer.
    pub layers: [Option<Instant>; LAYERS],
    /// What the way to the participant carries, in bits a second.
    pub estimate_down: Option<u32>,
}

/// What a room asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Send a message.
    Send(ConnectionId, ServerMessage),
    /// Say why, and close.
    Close(ConnectionId, CloseCode),
    /// Make a transport.
    OpenPeer {
        peer: PeerId,
        publish: Vec<MediaKind>,
        codecs: Codecs,
        simulcast: bool,
    },
    /// Offer the participant what they send and what they should receive.
    Negotiate(Negotiation),
    /// Give the answer to the transport.
    Answer { peer: PeerId, sdp: String },
    /// End a transport.
    ClosePeer { peer: PeerId },
    /// Ask a publisher for a keyframe of a layer, at the usual pace.
    Keyframe { source: Source, layer: u8 },
    /// Report a fact to the service.
    Tell(RoomEvent),
    /// Count a candidate that was not taken.
    CandidateDropped,
}

/// An offer to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Negotiation {
    pub peer: PeerId,
    pub connection: ConnectionId,
    pub negotiation: u32,
    /// The first offer of a transport.
    pub fresh: bool,
    /// With new ICE credentials. A transport that cannot is answered as failed.
    pub restart_ice: bool,
    /// The codecs that everybody in the same place has. A transport that cannot
    /// change them is answered as failed.
    pub codecs: Codecs,
    /// What the participant may send.
    pub publish: Vec<MediaKind>,
    /// What the participant should receive.
    pub receive: Vec<Source>,
}

/// The limits that matter to a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoomLimits {
    /// How long a seat is kept for a lost connection.
    pub grace: Duration,
    /// How long media may stay away.
    pub media_silence: Duration,
}

/// A room.
pub(crate) struct Room {
    document: RoomDocument,
    limits: RoomLimits,
    occupants: BTreeMap<ParticipantId, Occupant>,
    numbers: BTreeMap<ParticipantId, SeatIndex>,
    /// How often each seat may still be taken, by whoever holds a token for it.
    visits: BTreeMap<ParticipantId, Bucket>,
    next_number: u32,
    next_turn: u32,
    /// The number of the last offer; of all seats, so that a page that comes back
    /// cannot take one offer for another.
    last_negotiation: u32,
    forwarding: Forwarding,
    sealing: Sealing,
}

/// Whether a room document can be held at all.
pub(crate) fn check(document: &RoomDocument, most_seats: usize) -> Result<(), RoomRefusal> {
    let distinct: BTreeSet<&ParticipantId> = document
        .seats
        .iter()
        .map(|seat| &seat.participant)
        .collect();
    if document.seats.len() > most_seats || distinct.len() != document.seats.len() {
        return Err(RoomRefusal::BadSeats);
    }
    Ok(())
}

impl Room {
    pub fn new(document: RoomDocument, limits: RoomLimits) -> Self {
        Self {
            document,
            limits,
            occupants: BTreeMap::new(),
            numbers: BTreeMap::new(),
            visits: BTreeMap::new(),
            next_number: 0,
            next_turn: 0,
            last_negotiation: 0,
            forwarding: Forwarding::default(),
            sealing: Sealing::default(),
        }
    }

    /// Takes a newer document; an older one changes nothing. Answers the version held.
    pub fn apply(&mut self, document: RoomDocument, now: Moment) -> (u64, Vec<Action>) {
        let mut actions = Vec::new();
        if document.version > self.document.version {
            self.document = document;
            self.settle(now, &mut actions);
        }
        (self.document.version, actions)
    }

    /// Lets something happen.
    pub fn handle(&mut self, event: Event, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Arrived {
                connection,
                participant,
                generation,
                resume,
                can,
                secret,
            } => self.arrive(
                connection,
                participant,
                generation,
                resume.as_deref(),
                can,
                secret,
                now,
                &mut actions,
            ),
            Event::Said {
                connection,
                message,
            } => self.listen(connection, message, now, &mut actions),
            Event::Gone {
                connection,
                refused,
            } => self.lose(connection, refused, now, &mut actions),
            Event::Answered { peer, lines } => {
                self.take_lines(peer, &lines, now, &mut actions);
            }
            Event::AnswerRefused { peer } => self.refuse_answer(peer, now, &mut actions),
            Event::PeerConnected { peer } => self.begin_media(peer, &mut actions),
            Event::PeerFailed { peer } => self.replace_peer(peer),
            Event::KeyframeWanted { peer, line } => self.relay_keyframe(peer, line, &mut actions),
            Event::Quality { peer, quality } => self.measure(peer, quality, now, &mut actions),
            Event::Limit {
                peer,
                kind,
                bits_per_second,
            } => {
                if let Some(connection) = self.occupant_of(peer).and_then(|o| o.connection) {
                    let limit = ServerMessage::Limit {
                        kind,
                        bits_per_second,
                    };
                    actions.push(Action::Send(connection, limit));
                }
            }
            Event::Narrow { peer, narrow } => {
                if let Some(held) = self.peer_mut(peer) {
                    held.narrow = narrow;
                }
            }
            Event::Tick { last_packets } => self.tick(&last_packets, now, &mut actions),
        }
        self.settle(now, &mut actions);
        actions
    }

    /// The table, for packets. It changes only through events.
    pub fn forwarding(&mut self) -> &mut Forwarding {
        &mut self.forwarding
    }

    /// Who sits on a numbered seat.
    pub fn participant(&self, seat: SeatIndex) -> Option<&ParticipantId> {
        self.numbers
            .iter()
            .find(|(_, number)| **number == seat)
            .map(|(participant, _)| participant)
    }

    /// What to tell everybody when the hearing is over, by its document or by
    /// its time, or goes on at another node.
    fn farewell(&self, now: Moment) -> Option<(CloseCode, LeftReason)> {
        if self.document.state == RoomState::Ended || now.unix_ms >= self.document.expires_at_ms {
            Some((CloseCode::Ended, LeftReason::Ended))
        } else if self.document.state == RoomState::Moved {
            Some((CloseCode::GoingAway, LeftReason::Moved))
        } else {
            None
        }
    }

    /// Whether people may be here at all.
    pub fn is_held(&self, now: Moment) -> bool {
        self.farewell(now).is_none()
    }

    /// How many people hold a seat, connected or coming back.
    pub fn occupants(&self) -> usize {
        self.occupants.len()
    }

    /// Whether nothing is lost by forgetting the room. A room that ended or moved
    /// is kept until it expires, so that a late, older document cannot open it again.
    pub fn may_be_forgotten(&self, now: Moment) -> bool {
        self.occupants.is_empty() && now.unix_ms >= self.document.expires_at_ms
    }

    /// The room in a presence message.
    pub fn presence(&self) -> RoomPresence {
        RoomPresence {
            room: self.document.room.clone(),
            version: self.document.version,
            participants: self
                .document
                .seats
                .iter()
                .map(|seat| ParticipantPresence {
                    participant: seat.participant.clone(),
                    connected: self.is_connected(&seat.participant),
                })
                .collect(),
        }
    }

    fn tell(
        &self,
        participant: Option<&ParticipantId>,
        fact: Fact,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        actions.push(Action::Tell(RoomEvent {
            room: self.document.room.clone(),
            participant: participant.cloned(),
            at_ms: now.unix_ms,
            fact,
        }));
    }

    /// Compares what should be with what is, and asks for the difference.
    fn settle(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.settle_seats(now, actions);
        for participant in self.present() {
            self.settle_peer(&participant, now, actions);
        }
        for participant in self.present() {
            self.settle_negotiation(&participant, now, actions);
        }
        self.settle_forwarding(actions);
        self.settle_layers(now, actions);
        for participant in self.present() {
            self.settle_view(&participant, actions);
        }
    }

    fn present(&self) -> Vec<ParticipantId> {
        self.occupants.keys().cloned().collect()
    }
}

#[cfg(test)]
mod lives;
#[cfg(test)]
mod tests;
