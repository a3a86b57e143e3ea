//! What the service pushes to a node, and what the node reports back, over the
//! control channel: versioned room documents one way, facts the other way.
//!
//! A room document is the whole truth about one room, so applying it twice does
//! no harm and losing one is mended by the next. This file knows neither
//! connections nor packets, and nothing of appointments.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::protocol::{MediaKind, ParseError, Quality, parse};

/// The WebSocket subprotocol of the service, at the path [`CONTROL_PATH`].
pub const CONTROL_SUBPROTOCOL: &str = "visioplainte.control.v1";

/// Where the service connects.
pub const CONTROL_PATH: &str = "/control";

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// A room, as the service names it; opaque here.
    RoomId
}
identifier! {
    /// A seat in a room, as the service names it; opaque here.
    ParticipantId
}

/// Who may be in a room, where, and who hears whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomDocument {
    /// Which room.
    pub room: RoomId,
    /// Only grows; the node keeps the highest it has seen.
    pub version: u64,
    /// When the room ends by itself, in milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
    /// Open, paused or ended.
    pub state: RoomState,
    /// Everyone who may be connected; whoever is absent is removed.
    pub seats: Vec<Seat>,
}

/// Whether a room lets media through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomState {
    /// Media flows as the seats say.
    Open,
    /// Everyone stays connected, nothing is forwarded.
    Paused,
    /// Everyone is told so and disconnected.
    Ended,
    /// The room lives on another node now: everyone is sent away to come back
    /// there, and only a newer document opens it here again.
    Moved,
}

/// One person's place in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Whose seat.
    pub participant: ParticipantId,
    /// In which quality they attend.
    pub role: Role,
    /// The oldest generation of join token that still opens this seat.
    pub generation: u32,
    /// Waiting, in or aside.
    pub place: Place,
    /// The words to show for them.
    pub label: String,
    /// What they may send.
    pub publish: Vec<MediaKind>,
    /// Whose media they receive, if the places allow it.
    pub hears: Vec<ParticipantId>,
}

/// In which quality somebody attends. The node shows it and decides nothing by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Usager.
    Citizen,
    /// OPJ or APJ.
    Officer,
    /// Avocat.
    Lawyer,
    /// Accompagnant.
    Companion,
    /// Interprète.
    Interpreter,
    /// Somebody of the unit who attends for training or supervision.
    Supervisor,
}

/// Where in the room somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the waiting room: connected, receives nothing.
    Waiting,
    /// In the hearing.
    In,
    /// Apart with others aside, for a confidential talk.
    Aside,
}

impl RoomDocument {
    /// The seat of a participant, if they have one.
    pub fn seat(&self, participant: &ParticipantId) -> Option<&Seat> {
        self.seats
            .iter()
            .find(|seat| &seat.participant == participant)
    }

    /// Whether media of `publisher` may reach `subscriber`.
    ///
    /// This is the only rule about who hears whom: the subscriber's list names
    /// the publisher, both are in the same place and it is not the waiting room,
    /// and the room is open.
    pub fn hears(&self, subscriber: &ParticipantId, publisher: &ParticipantId) -> bool {
        if self.state != RoomState::Open || subscriber == publisher {
            return false;
        }
        let (Some(hearing), Some(heard)) = (self.seat(subscriber), self.seat(publisher)) else {
            return false;
        };
        hearing.place != Place::Waiting
            && hearing.place == heard.place
            && hearing.hears.contains(publisher)
    }
}

/// What the service says to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServiceMessage {
    /// First, and only first.
    Hello {
        /// A control token.
        token: String,
    },
    /// A room as it should now be.
    Room(RoomDocument),
}

impl ServiceMessage {
    /// The types that the service may send.
    pub const TYPES: &[&str] = &["hello", "room"];

    /// Reads what the service sent.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse(text, Self::TYPES)
    }
}

/// What a node says to the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NodeMessage {
    /// The control token was accepted.
    Ready {
        /// The node's name.
        node: String,
        /// Where it receives media, one address a worker.
        udp: Vec<SocketAddr>,
    },
    /// Who is connected at this moment, sent right after `ready`.
    Presence {
        /// Every room that the node holds.
        rooms: Vec<RoomPresence>,
    },
    /// The version that the node now holds: the one sent, or a higher one.
    Applied {
        /// Which room.
        room: RoomId,
        /// The version held.
        version: u64,
    },
    /// How the node is doing: every second, which is how the service knows that
    /// it lives, and at once when it begins to drain.
    Status(NodeStatus),
    /// A room document that the node does not take.
    RoomRefused {
        /// Which room.
        room: RoomId,
        /// Why.
        reason: RoomRefusal,
    },
    /// Something happened in a room.
    Event(RoomEvent),
}

/// Why a node does not take a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomRefusal {
    /// The node holds as many rooms as it may, or its workers are too busy.
    Full,
    /// The node is about to stop and takes no new room.
    Draining,
    /// More seats than a room may have, or two seats for one participant.
    BadSeats,
}

/// How a node is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Whether it takes new rooms.
    pub state: NodeState,
    /// Rooms that somebody is in, or that people are expected in.
    pub rooms: u32,
    /// People who hold a seat, connected or coming back.
    pub participants: u32,
    /// Share of its time that each worker works, from 0 to 1.
    pub load: Vec<f32>,
}

/// Whether a node takes new rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It does.
    Ready,
    /// It ends once its hearings have ended or moved.
    Draining,
}

impl RoomRefusal {
    /// The word for it, as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Draining => "draining",
            Self::BadSeats => "bad_seats",
        }
    }
}

/// One room in a `presence` message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPresence {
    /// Which room.
    pub room: RoomId,
    /// The version held.
    pub version: u64,
    /// Every seat.
    pub participants: Vec<ParticipantPresence>,
}

/// One seat in a `presence` message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantPresence {
    /// Who.
    pub participant: ParticipantId,
    /// Whether they have a live signaling connection.
    pub connected: bool,
}

/// A fact about a room, with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomEvent {
    /// Which room.
    pub room: RoomId,
    /// Whom it is about; none when it is about the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// When, in milliseconds since the Unix epoch, by the node's clock.
    pub at_ms: i64,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Fact {
    /// A participant's connection took its seat (waiting or in).
    Joined {
        /// True when the participant came back before their seat was given up.
        resumed: bool,
    },
    /// The participant is gone.
    Left {
        /// How.
        reason: LeftReason,
    },
    /// The first packet of that kind arrived.
    MediaStarted {
        /// Sound or image.
        kind: MediaKind,
    },
    /// Packets stopped although the participant is not muted.
    MediaStopped {
        /// Sound or image.
        kind: MediaKind,
    },
    /// Packets came again, or the participant muted.
    MediaResumed {
        /// Sound or image.
        kind: MediaKind,
    },
    /// Measures of the last seconds.
    Quality {
        /// The measures.
        quality: Quality,
    },
    /// An interruption, once it is over.
    Incident {
        /// What was interrupted.
        kind: IncidentKind,
        /// Its start, in milliseconds since the Unix epoch.
        from_ms: i64,
        /// Its end.
        to_ms: i64,
    },
    /// The last connected participant is gone.
    RoomEmptied {},
}

impl Fact {
    /// The word for it, as it is sent.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Joined { .. } => "joined",
            Self::Left { .. } => "left",
            Self::MediaStarted { .. } => "media_started",
            Self::MediaStopped { .. } => "media_stopped",
            Self::MediaResumed { .. } => "media_resumed",
            Self::Quality { .. } => "quality",
            Self::Incident { .. } => "incident",
            Self::RoomEmptied {} => "room_emptied",
        }
    }
}

/// How somebody left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftReason {
    /// They said `leave`.
    Left,
    /// Their connection was lost and did not come back in time.
    Lost,
    /// The room document no longer has their seat.
    Removed,
    /// The hearing ended.
    Ended,
    /// The room lives on another node now.
    Moved,
    /// They broke the protocol or a limit.
    Refused,
}

/// What was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// The sound of a participant.
    Audio,
    /// The image of a participant.
    Video,
    /// The signaling connection of a participant.
    Signaling,
}
