//! What a participant's page and the media node say to each other: one JSON
//! object per WebSocket message, told apart by its `type`.
//!
//! Only the shapes live here. This file knows neither WebSocket, nor WebRTC, nor
//! whether a message is allowed at a given moment: `room.rs` decides that.
//! Unknown fields are ignored so that an older node serves a newer page; an
//! unknown type is told apart from a malformed message for the same reason.
//! `PROTOCOL.md` tells the same story in words, and every fixture in
//! `tests/fixtures/protocol` is read by Rust and by TypeScript.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::room_document::{ParticipantId, Place, Role, RoomState};

/// The WebSocket subprotocol of participants, at the path [`SIGNALING_PATH`].
pub const SIGNALING_SUBPROTOCOL: &str = "visioplainte.v1";

/// Where participants connect.
pub const SIGNALING_PATH: &str = "/signaling";

/// What a participant's page says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message, and only the first. `resume` is the secret of an
    /// earlier `joined` or `waiting`; it says "I still hold my peer connection".
    Join {
        /// The join token, minted by the service.
        token: String,
        /// The secret that the node gave with the previous connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<String>,
        /// What the browser can do beyond the basics.
        #[serde(default, skip_serializing_if = "Can::is_empty")]
        can: Can,
    },
    /// The answer to the offer with the same `negotiation` number.
    Answer {
        /// Which offer is answered; an answer to an older one is ignored.
        negotiation: u32,
        /// The session description.
        sdp: String,
    },
    /// An ICE candidate of the page; an empty `candidate` ends them.
    Candidate {
        /// The attribute's value, as `RTCIceCandidate.candidate` gives it.
        candidate: String,
        /// The m-line it belongs to.
        #[serde(default)]
        mid: Option<String>,
        /// The same, by index.
        #[serde(default)]
        index: Option<u16>,
    },
    /// Asks for another path, because the network changed or media stopped.
    RestartIce {
        /// Another path for the same peer connection did not help, or it is gone:
        /// asks for a fresh one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        fresh: bool,
    },
    /// Whether the participant now means to send sound and image.
    Media {
        /// False while the microphone is muted.
        audio: bool,
        /// False while the camera is off.
        video: bool,
    },
    /// Something for the end-to-end encryption of the others in the same place.
    /// The node relays it and understands nothing of it but `kind`, `group` and
    /// `epoch`, by which it lets one commit an epoch pass.
    Seal {
        /// Addressed to one participant; to all of the place otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<ParticipantId>,
        /// What is relayed.
        #[serde(flatten)]
        sealed: Sealed,
    },
    /// Asks to send a track beyond sound and camera, or to stop. Only `screen` can
    /// be asked for, by a seat that may publish it; an offer follows then.
    Publish {
        /// What to send.
        kind: MediaKind,
        /// Whether to send it from now on.
        on: bool,
    },
    /// How high the page shows somebody's image, so that no more is sent than
    /// serves.
    Want {
        /// Whose image.
        participant: ParticipantId,
        /// Camera or screen.
        kind: MediaKind,
        /// In pixels of the screen; 0 when it is hidden.
        height: u32,
    },
    /// The participant goes away on purpose.
    Leave {},
    /// Heartbeat; the same `t` comes back in `pong`.
    Ping {
        /// Any number that the page finds useful.
        t: serde_json::Number,
    },
}

/// What the node says to a participant's page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The participant has a seat and is not let in yet: no media, no data.
    Waiting {
        /// Who this connection is.
        participant: ParticipantId,
        /// To be sent in the `join` of a later connection.
        resume: String,
    },
    /// The participant is in; an offer follows.
    Joined {
        /// Who this connection is.
        participant: ParticipantId,
        /// To be sent in the `join` of a later connection.
        resume: String,
    },
    /// Only the node offers. The page answers with the same `negotiation`.
    Offer {
        /// Grows with every offer of this room.
        negotiation: u32,
        /// The node's peer connection is new: the page builds a new one too.
        fresh: bool,
        /// The session description.
        sdp: String,
        /// What each m-line carries, by mid. A track of the page's own
        /// participant is one that the page sends.
        tracks: BTreeMap<String, Track>,
    },
    /// The whole state of the room as this participant may see it.
    State(RoomView),
    /// How the participant's own connection is doing.
    Quality(Quality),
    /// How much the page should send at most, so that voices pass before images.
    Limit {
        /// Of which kind.
        kind: MediaKind,
        /// Bits a second; none when there is no limit any more.
        bits_per_second: Option<u32>,
    },
    /// The node will not serve this connection and closes it with the same code.
    Refused {
        /// A close code of [`CloseCode`].
        code: u16,
        /// Whether trying again, with back-off, may help.
        retry: bool,
    },
    /// What another participant sealed; a commit also comes back to its author,
    /// which says that it was the first of its epoch.
    Seal {
        /// Whose words the node says these are. Only the seal itself proves it.
        from: ParticipantId,
        /// What was relayed.
        #[serde(flatten)]
        sealed: Sealed,
    },
    /// A commit came after another of the same epoch, and reached nobody.
    SealRefused {
        /// The group of the refused commit.
        group: String,
        /// The epoch that already has its commit.
        epoch: u64,
    },
    /// The hearing is over; the connection closes.
    Ended {},
    /// The answer to `ping`.
    Pong {
        /// The `t` of the ping.
        t: serde_json::Number,
    },
}

/// What a browser can do beyond what every browser must. A number is the newest
/// version of the ability that it knows; one that is absent is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Can {
    /// Codecs of images besides VP8, which every browser has.
    #[serde(default, skip_serializing_if = "VideoCodecs::is_empty")]
    pub codecs: VideoCodecs,
    /// Redundant sound: 1 is RFC 2198 around Opus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redundancy: Option<u32>,
    /// Cameras in several sizes at once: 1 is two layers by rid (RFC 8853), which
    /// the page starts and stops itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulcast: Option<u32>,
    /// End-to-end encryption: 1 is MLS group keys and SFrame frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<u32>,
}

/// Codecs of images besides VP8, as their names in a list; names of codecs that
/// this version does not know are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct VideoCodecs {
    /// `vp9`
    pub vp9: bool,
    /// `h264`
    pub h264: bool,
    /// `av1`
    pub av1: bool,
}

impl VideoCodecs {
    /// Only VP8.
    #[allow(clippy::trivially_copy_pass_by_ref)] // The signature that serde asks for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Vec<String>> for VideoCodecs {
    fn from(names: Vec<String>) -> Self {
        let has = |name| names.iter().any(|held| held == name);
        Self {
            vp9: has("vp9"),
            h264: has("h264"),
            av1: has("av1"),
        }
    }
}

impl From<VideoCodecs> for Vec<String> {
    fn from(codecs: VideoCodecs) -> Self {
        [
            ("vp9", codecs.vp9),
            ("h264", codecs.h264),
            ("av1", codecs.av1),
        ]
        .into_iter()
        .filter(|(_, has)| *has)
        .map(|(name, _)| name.to_owned())
        .collect()
    }
}

impl Can {
    /// Nothing beyond the basics.
    #[allow(clippy::trivially_copy_pass_by_ref)] // The signature that serde asks for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One message of the end-to-end encryption, opaque to the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// What it is for.
    pub kind: SealKind,
    /// The group's own name, chosen by its founder; empty without a group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The group's epoch in which the message was made.
    pub epoch: u64,
    /// The message, in base64.
    pub payload: String,
    /// With a commit: what those that it adds need, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub welcome: Option<String>,
}

/// What a sealed message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    /// Keys by which somebody asks to be added to the group.
    KeyPackage,
    /// The step into the next epoch.
    Commit,
    /// Something said inside the group.
    Application,
    /// Which group and epoch somebody holds, after a broken line.
    Status,
}

/// What one m-line carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Whose sound or image.
    pub participant: ParticipantId,
    /// Sound, image or screen.
    pub kind: MediaKind,
}

/// Sound, image or screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// The image of a camera.
    Video,
    /// The image of a screen that is shared.
    Screen,
}

impl MediaKind {
    /// Every kind, in the order of their lines.
    pub const ALL: [Self; 3] = [Self::Audio, Self::Video, Self::Screen];

    /// Its place in a table of all kinds.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Audio => 0,
            Self::Video => 1,
            Self::Screen => 2,
        }
    }

    /// Units of its RTP timestamps in a second (RFC 7587, RFC 7741).
    pub(crate) const fn clock_rate(self) -> u32 {
        if self.is_image() { 90_000 } else { 48_000 }
    }

    /// Whether keyframes mean anything to it.
    pub(crate) const fn is_image(self) -> bool {
        !matches!(self, Self::Audio)
    }
}

/// The room as one participant may see it, always whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// The version of the room document that this view comes from.
    pub version: u64,
    /// Open, paused or ended.
    pub state: RoomState,
    /// Where the receiving participant is.
    pub place: Place,
    /// Everyone that the receiving participant may know of, themselves included.
    pub participants: Vec<ParticipantView>,
    /// Whose sound and image reach the receiving participant at this moment.
    pub hears: Vec<ParticipantId>,
    /// Images are held back from the receiving participant, because their way
    /// carries none beside the voices; absent when it does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub narrow: bool,
}

/// One participant, as the others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantView {
    /// Who.
    pub participant: ParticipantId,
    /// In which quality they attend.
    pub role: Role,
    /// The words to show for them.
    pub label: String,
    /// Waiting, in or aside.
    pub place: Place,
    /// Whether they have a live signaling connection.
    pub connected: bool,
    /// Whether they mean to send sound.
    pub audio: bool,
    /// Whether they mean to send image.
    pub video: bool,
    /// What they mean to send and does not reach the node: their own way to it
    /// is broken, not that of whoever waits for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<MediaKind>,
    /// Whether they share their screen; absent when they do not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub screen: bool,
    /// Whether their browser can encrypt end to end, by its own word; absent
    /// while they hold no seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<bool>,
}

/// How one participant's connection is doing, over the last few seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// Round trip between the browser and the node, in milliseconds, when known.
    pub rtt_ms: Option<u32>,
    /// Share of packets lost from the browser to the node, 0 to 1.
    pub loss_up: f32,
    /// Share of packets lost from the node to the browser, 0 to 1.
    pub loss_down: f32,
    /// Bits per second from the browser to the node.
    pub bitrate_up: u32,
    /// Bits per second from the node to the browser.
    pub bitrate_down: u32,
}

/// Why the node closes a WebSocket (RFC 6455 section 7.4.2, private range).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// A normal end, by `leave` (RFC 6455: 1000).
    Normal,
    /// The node is stopping; come back at once (RFC 6455: 1001).
    GoingAway,
    /// A message that is not of the protocol, or out of turn.
    Malformed,
    /// The token is missing, forged or expired: fetch another one.
    TokenRefused,
    /// The room exists and has no seat for this participant, or no longer.
    NotInRoom,
    /// No such room here, perhaps not yet: try again.
    UnknownRoom,
    /// Nothing was heard for too long.
    HeartbeatLost,
    /// A newer connection took the seat.
    Replaced,
    /// The hearing is over.
    Ended,
    /// A message is larger than allowed.
    TooLarge,
    /// Too many messages, or messages left unread for too long.
    TooMany,
    /// The node has no place left: try again, perhaps elsewhere.
    Full,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Malformed => 4400,
            Self::TokenRefused => 4401,
            Self::NotInRoom => 4403,
            Self::UnknownRoom => 4404,
            Self::HeartbeatLost => 4408,
            Self::Replaced => 4409,
            Self::Ended => 4410,
            Self::TooLarge => 4413,
            Self::TooMany => 4429,
            Self::Full => 4503,
        }
    }

    /// Whether the page should try again by itself, with back-off and a fresh token.
    pub const fn retry(self) -> bool {
        match self {
            Self::GoingAway
            | Self::TokenRefused
            | Self::UnknownRoom
            | Self::HeartbeatLost
            | Self::TooMany
            | Self::Full => true,
            Self::Normal
            | Self::Malformed
            | Self::NotInRoom
            | Self::Replaced
            | Self::Ended
            | Self::TooLarge => false,
        }
    }
}

/// Why a text is not a message of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Well formed, of a type this version does not know: ignored, for newer pages.
    #[error("unknown message type")]
    UnknownType,
    /// Not JSON, without a type, or with wrong fields.
    #[error("malformed message")]
    Malformed,
}

/// Reads a message by its `type`, whatever side speaks.
pub fn parse<'a, M: Deserialize<'a>>(text: &'a str, known: &[&str]) -> Result<M, ParseError> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| ParseError::Malformed)?;
    if !known.contains(&envelope.kind.as_ref()) {
        return Err(ParseError::UnknownType);
    }
    serde_json::from_str(text).map_err(|_| ParseError::Malformed)
}

impl ClientMessage {
    /// The types that a page may send.
    pub const TYPES: &[&str] = &[
        "join",
        "answer",
        "candidate",
        "restart_ice",
        "media",
        "seal",
        "publish",
        "want",
        "leave",
        "ping",
    ];

    /// Reads what a page sent.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse(text, Self::TYPES)
    }
}

/// Writes any message of the protocol as JSON.
pub(crate) fn to_json<M: Serialize>(message: &M) -> String {
    serde_json::to_string(message)
        .expect("messages hold only strings, finite numbers and maps keyed by strings")
}
