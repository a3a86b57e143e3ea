//! What the rest of the crate asks of a WebRTC stack: one participant's
//! encrypted transport, as a value driven by datagrams and time.
//!
//! The trait is narrow on purpose, so that a second implementation can be
//! measured beside the first. Nothing here knows rooms, participants or sockets.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::protocol::MediaKind;

/// What a transport is made with.
#[derive(Debug, Clone)]
pub(crate) struct TransportConfig {
    /// The address that browsers send to; it is the only candidate offered.
    pub candidate: SocketAddr,
    /// The ICE user fragment, by which datagrams of unknown addresses are told apart.
    pub ufrag: String,
    /// The ICE password.
    pub password: String,
    /// What the participant may send: one m-line each.
    pub publish: Vec<MediaKind>,
    /// Whether to put up with old ways of encryption, after the best one failed.
    pub compatible: bool,
}

/// A pair of m-lines, sound and image, that carries one remote participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PairId(pub u16);

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

/// What a transport has to tell after it was driven.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TransportEvent {
    /// The participant sent this.
    Rtp(MediaKind, RtpPacket),
    /// The participant's browser cannot show that pair's image without a keyframe.
    KeyframeWanted(PairId),
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
    /// The mids of what the participant receives.
    pub pairs: Vec<(String, PairId, MediaKind)>,
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

    /// Adds a pair of sending lines, or takes one that was closed. The next offer shows it.
    fn open_pair(&mut self) -> Result<PairId, TransportError>;

    /// Stops sending on a pair. The next offer shows it.
    fn close_pair(&mut self, pair: PairId);

    /// Makes an offer of the lines as they now are.
    fn offer(&mut self, now: Instant) -> Result<Offer, TransportError>;

    /// Takes the answer to the last offer.
    fn answer(&mut self, sdp: &str, now: Instant) -> Result<(), TransportError>;

    /// Takes a datagram that arrived from `from`.
    fn handle_datagram(&mut self, from: SocketAddr, datagram: BytesMut, now: Instant);

    /// Lets time pass.
    fn handle_deadline(&mut self, now: Instant);

    /// The next thing to tell, until there is none.
    fn next_event(&mut self) -> Option<TransportEvent>;

    /// The next datagram to send and where to, until there is none.
    fn next_datagram(&mut self) -> Option<(SocketAddr, BytesMut)>;

    /// When time must pass at the latest.
    fn deadline(&mut self) -> Option<Instant>;

    /// Sends a packet on a pair. The line's SSRC is the transport's affair.
    fn write_rtp(&mut self, pair: PairId, kind: MediaKind, packet: RtpPacket, now: Instant);

    /// Asks the participant's browser for a keyframe.
    fn request_keyframe(&mut self, now: Instant);

    /// The counters.
    fn stats(&self) -> TransportStats;

    /// Says goodbye to the browser; datagrams to send remain to be taken.
    fn close(&mut self, now: Instant);
}
