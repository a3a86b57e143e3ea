//! One participant's WebRTC transport on the component crates of the `webrtc`
//! project: no more than an SFU needs, and nothing done twice.
//!
//! The way of a packet: its address names the transport (`worker/packets.rs`),
//! SRTP opens it, its source names the line and layer (`receiving`), the table of
//! the room says who receives it (`forwarding.rs`), a header is written in front
//! of the payload, SRTP seals it, and a batch takes it along. Payloads are never
//! looked into; the one exception is named in `vp8`.
//!
//! - `ice` answers the browser's checks, `dtls` agrees on keys (`handshake` bounds
//!   what it reads), `sdp` writes
//!   offers and reads answers;
//! - `header` reads and writes RTP headers; `receiving`, `reception`, `nack` and
//!   `arrivals` are what a receiver owes its sender: which source is which,
//!   reports, requests for what is missing, and times of arrival;
//! - `sending`, `resend` and `estimate` are what a sender owes its receiver:
//!   sender reports, packets again, and no more than the way can carry;
//! - `datagrams` takes what comes and seals what leaves, `feedback` reads and
//!   writes RTCP.
//!
//! Everything here is a value driven by datagrams and instants. What strangers
//! send is bounded before it costs memory, and parsed without panics.

pub(crate) mod arrivals;
#[cfg(test)]
mod budgets;
mod datagrams;
pub(crate) mod dtls;
pub(crate) mod estimate;
mod feedback;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub(crate) mod handshake;
pub(crate) mod header;
pub(crate) mod ice;
pub(crate) mod nack;
mod receiving;
pub(crate) mod reception;
pub(crate) mod resend;
pub(crate) mod sdp;
mod sending;
pub(crate) mod vp8;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_rtp::header::Header;

use self::arrivals::Arrivals;
use self::datagrams::outgoing;
use self::dtls::{Dtls, Fingerprint, Identity, Keys};
use self::estimate::Estimate;
use self::ice::{Ice, PathState};
use self::receiving::{PublishedLine, Streams};
use self::sdp::{Content, OfferedLine, Session};
use self::sending::SendingLine;
use crate::protocol::MediaKind;
use crate::rate::Bucket;
use crate::transport::{
    Codecs, LineId, Offer, RtpPacket, SenderClock, Transport, TransportConfig, TransportError,
    TransportEvent, TransportStats,
};

/// Reports every second are enough for lip synchronisation and a quality display.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Before the first measure: a path within the country.
const USUAL_ROUND_TRIP: Duration = Duration::from_millis(80);
/// Lines of one transport, both ways.
const MOST_LINES: usize = 64;
/// RTCP packets of one participant, those of compounds counted singly. Browsers
/// send about fifty; each may cost as much as a hundred packets of media.
const RTCP_PER_SECOND: u32 = 200;
const RTCP_AT_ONCE: u32 = 64;
/// Packets that one participant is sent again, whatever they ask for.
const RESENDS_PER_SECOND: u32 = 500;
/// The tag of the longest profile.
const TAG: usize = 16;

/// A transport.
pub(crate) struct LeanTransport {
    identity: Arc<Identity>,
    candidates: Vec<SocketAddr>,
    codecs: Codecs,
    simulcast: bool,
    session: u64,
    version: u64,
    ice: Ice,
    dtls: Dtls,
    /// Keys that were agreed before the answer told whose they should be.
    unproven: Option<(Box<Keys>, Vec<u8>)>,
    keys: Option<Box<Keys>>,
    fingerprint: Option<Fingerprint>,
    /// In the order of the offer.
    lines: Vec<Line>,
    /// How many of the lines the last offer had.
    offered: usize,
    streams: Streams,
    /// The sources that sent RTCP.
    speakers: Vec<u32>,
    arrivals: Arrivals,
    estimate: Estimate,
    round_trip: Option<Duration>,
    /// RTCP packets that are still taken, and packets still sent again: much
    /// more than a browser needs, and far less than would keep a worker busy.
    rtcp_budget: Bucket,
    resend_budget: Bucket,
    /// By how much the participant's clock is ahead of the node's, as their first
    /// sender report told. What is told on tells the node's clock, so that a line
    /// whose publisher changes does not jump between the clocks of two computers.
    clock_ahead: Option<u64>,
    /// The clocks of sent reports, by which browsers answer.
    sent_reports: VecDeque<(u32, Instant)>,
    /// The SSRC that reports and requests of the node come from.
    own_ssrc: u32,
    events: VecDeque<TransportEvent>,
    outgoing: VecDeque<(SocketAddr, BytesMut)>,
    scratch: Scratch,
    next_report: Option<Instant>,
    next_request: Option<Instant>,
    next_feedback: Option<Instant>,
    stats: TransportStats,
    /// Datagrams that SRTP or SRTCP opened.
    authenticated: u64,
    failed: bool,
    closed: bool,
}

/// Kept so that a packet allocates nothing.
#[derive(Default)]
struct Scratch {
    packet: Vec<u8>,
    opened: Header,
    sealed: Header,
}

/// One m-line.
enum Line {
    Receiving(PublishedLine),
    Sending(Box<SendingLine>),
}

impl Line {
    fn mid(&self) -> &str {
        match self {
            Self::Receiving(line) => &line.mid,
            Self::Sending(line) => &line.mid,
        }
    }
}

fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    crate::secret::fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

fn line_id(place: usize) -> LineId {
    LineId(u16::try_from(place).expect("lines are counted before they are made"))
}

impl LeanTransport {
    fn sending(&mut self, line: LineId) -> Option<&mut SendingLine> {
        match self.lines.get_mut(usize::from(line.0))? {
            Line::Sending(line) => Some(line),
            Line::Receiving(_) => None,
        }
    }

    fn sending_lines(&mut self) -> impl Iterator<Item = (LineId, &mut SendingLine)> {
        self.lines
            .iter_mut()
            .enumerate()
            .filter_map(|(place, line)| match line {
                Line::Sending(line) => Some((line_id(place), line.as_mut())),
                Line::Receiving(_) => None,
            })
    }

    fn next_mid(&self) -> Result<String, TransportError> {
        if self.lines.len() == MOST_LINES {
            return Err(TransportError::Stack("too many lines".to_owned()));
        }
        Ok(self.lines.len().to_string())
    }

    fn look_at_path(&mut self, now: Instant) {
        match self.ice.look(now) {
            Some(PathState::Silent) => self.events.push_back(TransportEvent::Disconnected),
            Some(PathState::Lost) => self.fail(),
            Some(PathState::Alive) | None => {}
        }
    }
}

impl Transport for LeanTransport {
    type Shared = Arc<Identity>;

    fn share() -> Result<Arc<Identity>, TransportError> {
        Identity::new().map(Arc::new)
    }

    fn open(
        identity: &Arc<Identity>,
        config: TransportConfig,
        now: Instant,
    ) -> Result<Self, TransportError> {
        let mut transport = Self {
            identity: Arc::clone(identity),
            candidates: config.candidates,
            codecs: config.codecs,
            simulcast: config.simulcast,
            // As a positive 63-bit number (RFC 9429 section 5.2.1).
            session: u64::from(random_u32()) << 16,
            version: 0,
            ice: Ice::new(Arc::clone(&identity.crypto), config.ufrag, config.password),
            dtls: Dtls::new(Arc::clone(identity)),
            unproven: None,
            keys: None,
            fingerprint: None,
            lines: Vec::new(),
            offered: 0,
            streams: Streams::default(),
            speakers: Vec::new(),
            arrivals: Arrivals::new(now),
            estimate: Estimate::new(),
            round_trip: None,
            rtcp_budget: Bucket::new(RTCP_PER_SECOND, RTCP_AT_ONCE, now),
            resend_budget: Bucket::new(RESENDS_PER_SECOND, RESENDS_PER_SECOND, now),
            clock_ahead: None,
            sent_reports: VecDeque::new(),
            own_ssrc: random_u32(),
            events: VecDeque::new(),
            outgoing: VecDeque::new(),
            scratch: Scratch::default(),
            next_report: Some(now + REPORT_INTERVAL),
            next_request: None,
            next_feedback: None,
            stats: TransportStats::default(),
            authenticated: 0,
            failed: false,
            closed: false,
        };
        transport.set_publish(&config.publish)?;
        Ok(transport)
    }

    fn set_publish(&mut self, kinds: &[MediaKind]) -> Result<(), TransportError> {
        for line in &mut self.lines {
            if let Line::Receiving(line) = line {
                line.open = kinds.contains(&line.kind);
            }
        }
        for kind in kinds {
            let there = self
                .lines
                .iter()
                .any(|line| matches!(line, Line::Receiving(line) if line.kind == *kind));
            if !there {
                let mid = self.next_mid()?;
                let simulcast = self.is_simulcast(*kind);
                self.lines.push(Line::Receiving(PublishedLine {
                    kind: *kind,
                    mid,
                    open: true,
                    simulcast,
                }));
            }
        }
        Ok(())
    }

    fn set_codecs(&mut self, codecs: Codecs) {
        self.codecs = codecs;
    }

    fn open_line(&mut self, kind: MediaKind, group: u32) -> Result<LineId, TransportError> {
        let free = self
            .sending_lines()
            .find(|(_, line)| !line.open && line.kind.is_image() == kind.is_image());
        if let Some((id, line)) = free {
            // Under sources of its own: what a browser keeps of the former ones, their
            // numbering and their clocks, says nothing of who comes next.
            let mid = std::mem::take(&mut line.mid);
            *line = SendingLine::new(kind, mid, group, random_u32);
            return Ok(id);
        }
        let mid = self.next_mid()?;
        let line = SendingLine::new(kind, mid, group, random_u32);
        self.lines.push(Line::Sending(Box::new(line)));
        Ok(line_id(self.lines.len() - 1))
    }

    fn close_line(&mut self, line: LineId) {
        if let Some(line) = self.sending(line) {
            line.open = false;
        }
    }

    fn restart_ice(&mut self, ufrag: &str, password: &str) -> bool {
        if self.failed {
            return false;
        }
        self.ice.restart(ufrag, password);
        true
    }

    fn offer(&mut self, _now: Instant) -> Result<Offer, TransportError> {
        self.version += 1;
        self.offered = self.lines.len();
        let mut publish = Vec::new();
        let mut lines = Vec::new();
        let mut offered = Vec::new();
        for (place, line) in self.lines.iter().enumerate() {
            let (kind, content) = match line {
                Line::Receiving(line) if line.open => {
                    publish.push((line.mid.clone(), line.kind));
                    let simulcast = line.simulcast;
                    (line.kind, Content::Receive { simulcast })
                }
                Line::Receiving(line) => (line.kind, Content::Nothing),
                Line::Sending(line) => {
                    if line.open {
                        lines.push((line.mid.clone(), line_id(place)));
                    }
                    let content = Content::Send {
                        open: line.open,
                        group: line.group,
                        ssrc: line.ssrc,
                        repair: line.repair_ssrc,
                    };
                    (line.kind, content)
                }
            };
            offered.push(OfferedLine {
                kind,
                content,
                mid: line.mid().to_owned(),
            });
        }
        let (ufrag, password) = self.ice.credentials();
        let session = Session {
            id: self.session,
            version: self.version,
            ufrag,
            password,
            fingerprint: self.identity.fingerprint(),
            candidates: &self.candidates,
            codecs: self.codecs,
        };
        Ok(Offer {
            sdp: sdp::offer(&session, &offered),
            publish,
            lines,
        })
    }

    fn answer(&mut self, sdp: &str, now: Instant) -> Result<(), TransportError> {
        let mids: Vec<&str> = self.lines[..self.offered].iter().map(Line::mid).collect();
        let answer = sdp::read_answer(sdp, &mids)?;
        let former = self
            .fingerprint
            .get_or_insert_with(|| answer.fingerprint.clone());
        if *former != answer.fingerprint {
            return Err(TransportError::Answer(
                "the certificate changed on the same transport".to_owned(),
            ));
        }
        for (line, answered) in self.lines.iter_mut().zip(&answer.lines) {
            match line {
                Line::Receiving(line) => {
                    if line.open && answered.taken {
                        self.streams.announce(line, answered, now);
                    }
                }
                Line::Sending(line) => line.taken = line.open && answered.taken,
            }
        }
        self.prove(now);
        Ok(())
    }

    fn handle_datagram(&mut self, from: SocketAddr, datagram: &mut [u8], now: Instant) {
        if self.closed {
            return;
        }
        // RFC 7983 section 7, and RFC 5761 section 4 for RTCP.
        match datagram {
            [0..=3, ..] => self.take_stun(from, datagram, now),
            [20..=63, ..] => self.take_dtls(datagram, now),
            [128..=191, 192..=223, ..] => self.take_rtcp(datagram, now),
            [128..=191, ..] => self.take_rtp(datagram, now),
            _ => {}
        }
    }

    fn authenticated(&self) -> u64 {
        self.authenticated
    }

    fn handle_deadline(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.dtls.deadline()) {
            if !self.dtls.handle_deadline(now) {
                self.fail();
            }
            self.send_dtls();
        }
        if due(self.next_request) {
            self.next_request = self.ask_again(now).then(|| now + nack::PACE);
        }
        if due(self.next_feedback) {
            self.next_feedback = None;
            self.tell_arrivals();
        }
        if due(self.next_report) {
            self.next_report = Some(now + REPORT_INTERVAL);
            self.report(now);
            self.look_at_path(now);
        }
    }

    fn next_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    fn next_datagram(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.outgoing.pop_front()
    }

    fn deadline(&mut self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        [
            self.dtls.deadline(),
            self.next_request,
            self.next_feedback,
            self.next_report,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn write_rtp(&mut self, line: LineId, packet: &RtpPacket, now: Instant) {
        let Some(line) = self.sending(line).filter(|line| line.taken) else {
            return;
        };
        line.last = Some((packet.timestamp, now));
        line.packets = line.packets.wrapping_add(1);
        line.octets = line.octets.wrapping_add(packet.payload.len() as u32);
        if line.kind.is_image() {
            line.kept.keep(packet, now);
        }
        let ssrc = line.ssrc;
        if self.send_rtp(outgoing(packet, ssrc), &[&packet.payload], now) {
            self.stats.bytes_down += packet.payload.len() as u64;
        }
    }

    fn set_clock(&mut self, line: LineId, clock: SenderClock) {
        if let Some(line) = self.sending(line) {
            line.set_clock(clock);
        }
    }

    fn request_keyframe(&mut self, kind: MediaKind, layer: u8, _now: Instant) {
        self.ask_for_keyframe(kind, layer);
    }

    fn set_send_limit(&mut self, bits_per_second: u32, _now: Instant) {
        self.tell_limit(bits_per_second);
    }

    fn stats(&self) -> TransportStats {
        let lost = self.lines.iter().filter_map(|line| match line {
            Line::Sending(line) if line.open => Some(line.lost),
            _ => None,
        });
        TransportStats {
            rtt_ms: self
                .round_trip
                .map(|round_trip| u32::try_from(round_trip.as_millis()).unwrap_or(u32::MAX)),
            loss_down: lost.fold(0.0, f32::max),
            estimate_down: self.estimate.bits_per_second(),
            ..self.stats
        }
    }

    fn close(&mut self, now: Instant) {
        self.dtls.close(now);
        self.send_dtls();
        self.closed = true;
    }
}

#[cfg(test)]
mod tests;
