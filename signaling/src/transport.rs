//! What the rest of the crate asks of a WebRTC stack: one participant's
//! encrypted transport, as a value driven by datagrams and time.
//!
//! The trait is narrow on purpose: `lean` stands behind it in a node, and one
//! without cryptography where workers are fuzzed. Nothing here knows rooms,
//! participants or sockets.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::protocol::MediaKind;

/// What a transport is made with.
#[derive(Debug, Clone)]
pub(crate) struct TransportConfig {
    /// The addresses that browsers send to, IPv4 or IPv6: the candidates offered.
    pub candidates: Vec<SocketAddr>,
    /// The ICE user fragment, by which datagrams of unknown addresses are told apart.
    pub ufrag: String,
    /// The ICE password.
    pub password: String,
    /// What the participant may send: one m-line each.
    pub publish: Vec<MediaKind>,
    /// The codecs that everybody who shares media with the participant has.
    pub codecs: Codecs,
    /// Whether the camera may be sent in several sizes at once, as layers.
    pub simulcast: bool,
}

/// Payload types are the node's choice, since only the node offers, and they
/// mean the same on every connection, so that packets pass through unchanged.
pub(crate) mod payload_type {
    pub(crate) const OPUS: u8 = 111;
    /// Redundant Opus (RFC 2198): each packet repeats the ones before.
    pub(crate) const RED: u8 = 63;
    pub(crate) const VP8: u8 = 96;
    pub(crate) const VP9: u8 = 98;
    pub(crate) const H264: u8 = 102;
    pub(crate) const AV1: u8 = 45;

    /// The retransmission format of a video codec (RFC 4588): the next number.
    pub(crate) const fn repair_of(codec: u8) -> u8 {
        codec + 1
    }
}

/// The codecs of an offer. Opus and VP8 are always among them, because every
/// browser has them (RFC 7874, RFC 7742); the others are named by the room, and
/// only where all who share media have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Codecs {
    pub vp9: bool,
    pub av1: bool,
    pub h264: bool,
    /// Redundant sound, which outlives the loss of single packets.
    pub red: bool,
}

impl Codecs {
    /// The payload types of a kind's codecs, the preferred one first.
    pub fn of(self, kind: MediaKind) -> Vec<u8> {
        let known: &[(bool, u8)] = match kind {
            MediaKind::Audio => &[(self.red, payload_type::RED), (true, payload_type::OPUS)],
            MediaKind::Video | MediaKind::Screen => &[
                (true, payload_type::VP8),
                (self.vp9, payload_type::VP9),
                (self.av1, payload_type::AV1),
                (self.h264, payload_type::H264),
            ],
        };
        known
            .iter()
            .filter(|(offered, _)| *offered)
            .map(|(_, codec)| *codec)
            .collect()
    }
}

/// An m-line that carries one track of one remote participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LineId(pub u16);

/// An RTP packet as the SFU forwards it: the header fields that matter, and a
/// payload that nobody here reads. Header extensions end at each hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RtpPacket {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Bytes,
}

/// Which wall clock goes with which timestamp, as a sender report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderClock {
    /// The publisher's clock, in the format of NTP.
    pub ntp: u64,
    pub timestamp: u32,
    /// When the report came.
    pub at: Instant,
}

/// Layers of one image that are told apart.
pub(crate) const LAYERS: usize = 2;

/// What a transport has to tell after it was driven.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TransportEvent {
    /// The participant sent this, on a layer if they send several (0 is the smallest).
    Rtp {
        kind: MediaKind,
        layer: u8,
        /// Begins a keyframe; told only where there are layers to change between.
        keyframe: bool,
        packet: RtpPacket,
    },
    /// What follows on a track and layer comes from another source than before: its
    /// numbers have nothing to do with the former's.
    SourceChanged(MediaKind, u8),
    /// The participant's clock, for one track and layer.
    Clock(MediaKind, u8, SenderClock),
    /// The participant's browser cannot show that line's image without a keyframe.
    KeyframeWanted(LineId),
    /// Media can flow.
    Connected,
    /// Nothing arrives any more; it may come back.
    Disconnected,
    /// It will not come back: a fresh transport is needed.
    Failed,
}

/// An offer and the mids of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub sdp: String,
    /// The mids of what the participant sends.
    pub publish: Vec<(String, MediaKind)>,
    /// The mids of what the participant receives, of open lines only.
    pub lines: Vec<(String, LineId)>,
}

/// Counters since the transport was made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct TransportStats {
    /// Round trip as the last receiver report shows it, in milliseconds.
    pub rtt_ms: Option<u32>,
    /// Worst share of packets lost towards the participant, in their last reports, 0 to 1.
    pub loss_down: f32,
    /// Bytes of RTP payload received.
    pub bytes_up: u64,
    /// Bytes of RTP payload sent.
    pub bytes_down: u64,
    /// What the way to the participant can carry, in bits a second, once it is known.
    pub estimate_down: Option<u32>,
    /// Packets that the participant was asked to send again.
    pub nacks: u64,
    /// Packets that were sent again to the participant.
    pub resends: u64,
    /// Missing packets of the participant that came after all.
    pub repaired: u64,
}

/// Why a transport refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// The participant's description is not an answer to the offer.
    #[error("the answer does not fit the offer: {0}")]
    Answer(String),
    /// The stack could not do its part.
    #[error("the WebRTC stack failed: {0}")]
    Stack(String),
}

/// One participant's encrypted transport.
pub(crate) trait Transport: Sized {
    /// What every transport of a worker shares, such as its certificate.
    type Shared;

    /// Makes what transports share; called once a worker.
    fn share() -> Result<Self::Shared, TransportError>;

    /// A new transport with one receiving line for each kind published.
    fn open(
        shared: &Self::Shared,
        config: TransportConfig,
        now: Instant,
    ) -> Result<Self, TransportError>;

    /// Replaces what the participant may send. The next offer shows it.
    fn set_publish(&mut self, kinds: &[MediaKind]) -> Result<(), TransportError>;

    /// Replaces the codecs. The next offer shows it.
    fn set_codecs(&mut self, codecs: Codecs);

    /// Adds a sending line, or takes one of the same kind that was closed. Lines
    /// of the same `group` are kept in step by the browser, as sound and image of
    /// one person. The next offer shows it.
    fn open_line(&mut self, kind: MediaKind, group: u32) -> Result<LineId, TransportError>;

    /// Stops sending on a line. The next offer shows it.
    fn close_line(&mut self, line: LineId);

    /// Takes new ICE credentials, which the next offer shows; the former ones hold
    /// until a check comes with the new ones. False if this transport has failed,
    /// and a fresh one is needed.
    fn restart_ice(&mut self, ufrag: &str, password: &str) -> bool;

    /// Makes an offer of the lines as they now are.
    fn offer(&mut self, now: Instant) -> Result<Offer, TransportError>;

    /// Takes the answer to the last offer.
    fn answer(&mut self, sdp: &str, now: Instant) -> Result<(), TransportError>;

    /// Takes a datagram that arrived from `from`; what is left in it is of no use.
    fn handle_datagram(&mut self, from: SocketAddr, datagram: &mut [u8], now: Instant);

    /// How many datagrams of media or RTCP were proven to be the participant's.
    fn authenticated(&self) -> u64 {
        0
    }

    /// Lets time pass.
    fn handle_deadline(&mut self, now: Instant);

    /// The next thing to tell, until there is none.
    fn next_event(&mut self) -> Option<TransportEvent>;

    /// The next datagram to send and where to, until there is none.
    fn next_datagram(&mut self) -> Option<(SocketAddr, BytesMut)>;

    /// When time must pass at the latest.
    fn deadline(&mut self) -> Option<Instant>;

    /// Sends a packet on a line. The line's SSRC is the transport's affair.
    fn write_rtp(&mut self, line: LineId, packet: &RtpPacket, now: Instant);

    /// The clock of what a line carries, to be told to the participant's browser.
    fn set_clock(&mut self, line: LineId, clock: SenderClock);

    /// Asks the participant's browser for a keyframe of a layer.
    fn request_keyframe(&mut self, kind: MediaKind, layer: u8, now: Instant);

    /// Tells the participant's browser to send no more than this in all.
    fn set_send_limit(&mut self, bits_per_second: u32, now: Instant);

    /// The counters.
    fn stats(&self) -> TransportStats;

    /// Says goodbye to the browser; datagrams to send remain to be taken.
    fn close(&mut self, now: Instant);
}
