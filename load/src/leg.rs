//! One client's transport: an address, ICE, DTLS, SRTP, and what it received.
//!
//! A participant of ours has one leg; a participant of Janus has two, because
//! there publishing and subscribing are two peer connections.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::OnceLock;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rtc::rtp::Header;
use tokio::sync::oneshot;

use crate::arrivals::{Received, TransportFeedback};
use crate::clock::{ms, unix_ns};
use crate::dtls::{Dtls, Identity};
use crate::ice::{Credentials, Heard, Ice};
use crate::sdp::Format;
use crate::shape::Kind;
use crate::srtp::Srtp;

/// As browsers pace their checks while nothing is connected.
const CHECK_AGAIN_NS: u64 = ms(50);
/// Clients in one third octet of the address.
const IN_A_BLOCK: usize = 250;

/// The first two octets of everybody's address: of loopback, or of the network
/// that a benchmark makes for itself (bench.sh).
pub const NETWORK_VARIABLE: &str = "LOAD_NETWORK";

fn network() -> [u8; 2] {
    static NETWORK: OnceLock<[u8; 2]> = OnceLock::new();
    *NETWORK.get_or_init(|| {
        std::env::var(NETWORK_VARIABLE)
            .ok()
            .and_then(|text| {
                let (first, second) = text.split_once('.')?;
                Some([first.parse().ok()?, second.parse().ok()?])
            })
            .unwrap_or([127, 1])
    })
}

/// The server's address, beyond every leg's.
pub fn server_address() -> Ipv4Addr {
    let [first, second] = network();
    Ipv4Addr::new(first, second, 255, 254)
}

/// The address of a leg.
pub fn address_of(leg: usize) -> Ipv4Addr {
    let [first, second] = network();
    let (block, place) = (leg / IN_A_BLOCK, leg % IN_A_BLOCK + 1);
    Ipv4Addr::new(first, second, block as u8, place as u8)
}

/// The leg with that address, if it can be one's.
pub fn leg_at(address: Ipv4Addr) -> Option<usize> {
    let [first, second, block, place] = address.octets();
    if [first, second] != network() {
        return None;
    }
    Some(usize::from(block) * IN_A_BLOCK + usize::from(place.checked_sub(1)?))
}

/// What a leg is made with, once the server's description is known.
pub struct LegPlan {
    /// Which one.
    pub leg: usize,
    /// Whose media it sends, if anybody's.
    pub publisher: Option<usize>,
    /// The server's address.
    pub server: SocketAddrV4,
    /// The server's ICE side.
    pub remote: Credentials,
    /// The server's certificate.
    pub fingerprint: String,
    /// This side's ICE.
    pub local: Credentials,
    /// Whether this side nominates.
    pub controlling: bool,
    /// How packets of each kind look, both ways.
    pub formats: [Option<Format>; 2],
    /// When the server's description came.
    pub described_ns: u64,
    /// Whether the others' media should follow at once.
    pub timed: bool,
    /// Told when media can flow.
    pub connected: oneshot::Sender<()>,
}

impl Stream {
    /// Notes that a number came; false when it had come before.
    ///
    /// A bit each: an hour of image is 58 kB.
    pub fn note(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1_u64 << (number % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        let is_new = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        is_new
    }
}

/// How a leg protects its packets.
pub enum Protection {
    /// As everywhere.
    Srtp(Box<Srtp>),
    /// Not at all: the relay floor without cryptography.
    Plain,
}

impl Protection {
    /// Protects a packet.
    pub fn protect(&mut self, packet: &[u8], header: &Header) -> Option<BytesMut> {
        match self {
            Protection::Srtp(srtp) => srtp.protect(packet, header).ok(),
            Protection::Plain => Some(BytesMut::from(packet)),
        }
    }

    /// Opens a packet.
    pub fn open(&mut self, packet: &[u8], header: &Header) -> Option<BytesMut> {
        match self {
            Protection::Srtp(srtp) => srtp.open(packet, header).ok(),
            Protection::Plain => Some(BytesMut::from(packet)),
        }
    }
}

/// One publisher's sound or image, as a leg receives it.
pub struct Stream {
    /// Twice the publisher, plus the kind.
    pub id: usize,
    /// Its SSRC here.
    pub received: Received,
    /// The numbers that came, one bit each.
    pub seen: Vec<u64>,
    /// How many of them were of the window.
    pub in_window: u32,
}

/// One client's transport.
pub struct Leg {
    /// Its address.
    pub address: Ipv4Addr,
    /// The server's.
    pub server: SocketAddrV4,
    /// Whose media it sends.
    pub publisher: Option<usize>,
    /// None on the relay floor.
    pub ice: Option<Ice>,
    dtls: Option<Dtls>,
    fingerprint: String,
    /// Once keys are known.
    pub protection: Option<Protection>,
    /// How packets look.
    pub formats: [Option<Format>; 2],
    /// What it receives.
    pub streams: Vec<Stream>,
    /// For the sender's congestion control.
    pub feedback: TransportFeedback,
    /// The next transport-wide sequence number of its own packets.
    pub transport_sequence: u16,
    /// In the list of those that ask for missing packets.
    pub asking: bool,
    /// When the server's description came.
    pub described_ns: u64,
    /// Whether the time to the first packet means something.
    pub timed: bool,
    /// When media could flow.
    pub connected_ns: Option<u64>,
    /// When the first packet of media came.
    pub first_media_ns: Option<u64>,
    check_at_ns: u64,
    connected: Option<oneshot::Sender<()>>,
}

impl Leg {
    /// A leg that begins to connect.
    pub fn new(plan: LegPlan, identity: &Identity) -> Self {
        let ice = Ice::new(
            plan.local,
            plan.remote,
            plan.controlling,
            identity.provider.clone(),
        );
        Self {
            address: address_of(plan.leg),
            server: plan.server,
            publisher: plan.publisher,
            ice: Some(ice),
            dtls: None,
            fingerprint: plan.fingerprint,
            protection: None,
            formats: plan.formats,
            streams: Vec::new(),
            feedback: TransportFeedback::default(),
            transport_sequence: 0,
            asking: false,
            described_ns: plan.described_ns,
            timed: plan.timed,
            connected_ns: None,
            first_media_ns: None,
            check_at_ns: 0,
            connected: Some(plan.connected),
        }
    }

    /// A leg towards the relay floor, which needs no connecting.
    pub fn for_floor(leg: usize, server: SocketAddrV4, protection: Protection) -> Self {
        let format = Format {
            payload_type: 96,
            rtx: None,
            transport_cc: None,
        };
        let sound = Format {
            payload_type: 111,
            ..format
        };
        Self {
            address: address_of(leg),
            server,
            publisher: Some(leg),
            ice: None,
            dtls: None,
            fingerprint: String::new(),
            protection: Some(protection),
            formats: [Some(sound), Some(format)],
            streams: Vec::new(),
            feedback: TransportFeedback::default(),
            transport_sequence: 0,
            asking: false,
            described_ns: unix_ns(),
            timed: false,
            connected_ns: Some(unix_ns()),
            first_media_ns: None,
            check_at_ns: 0,
            connected: None,
        }
    }

    /// Whether media can flow.
    pub fn is_connected(&self) -> bool {
        self.protection.is_some()
    }

    /// The payload type and extension with which a packet of that type came.
    pub fn is_repair(&self, payload_type: u8) -> bool {
        self.formats[Kind::Video.index()].is_some_and(|format| format.rtx == Some(payload_type))
    }

    /// The number of the transport-wide sequence extension.
    pub fn transport_cc(&self) -> Option<u8> {
        self.formats
            .iter()
            .flatten()
            .find_map(|format| format.transport_cc)
    }

    /// Lets time pass while connecting; what to send goes into `out`.
    pub fn pass(
        &mut self,
        local_port: u16,
        identity: &Identity,
        now_ns: u64,
        out: &mut Vec<Bytes>,
    ) {
        let Some(ice) = &self.ice else { return };
        if !ice.answered {
            if now_ns >= self.check_at_ns {
                self.check_at_ns = now_ns + CHECK_AGAIN_NS;
                out.extend(ice.check().map(Bytes::from));
            }
            return;
        }
        let now = Instant::now();
        if self.dtls.is_none() {
            let local = SocketAddr::from((self.address, local_port));
            self.dtls =
                Dtls::begin(identity, local, self.server.into(), &self.fingerprint, now).ok();
        }
        if let Some(dtls) = &mut self.dtls {
            let _ = dtls.pass(now);
            while let Some(datagram) = dtls.next_datagram() {
                out.push(datagram.freeze());
            }
        }
    }

    /// Takes a STUN message; true when something changed.
    pub fn hear_stun(&mut self, datagram: &[u8], from: SocketAddrV4, out: &mut Vec<Bytes>) -> bool {
        let Some(ice) = &mut self.ice else {
            return false;
        };
        let before = ice.answered;
        if let Heard::Reply(reply) = ice.hear(datagram, from) {
            out.push(Bytes::from(reply));
        }
        ice.answered != before
    }

    /// Takes a DTLS record; true when media can flow from now on.
    pub fn hear_dtls(&mut self, datagram: &[u8], out: &mut Vec<Bytes>) -> bool {
        let Some(dtls) = &mut self.dtls else {
            return false;
        };
        let srtp = dtls.read(datagram, Instant::now()).ok().flatten();
        while let Some(datagram) = dtls.next_datagram() {
            out.push(datagram.freeze());
        }
        let Some(srtp) = srtp else { return false };
        self.protection = Some(Protection::Srtp(Box::new(srtp)));
        self.connected_ns = Some(unix_ns());
        if let Some(connected) = self.connected.take() {
            // Nobody waits any more when a run is given up.
            let _ = connected.send(());
        }
        true
    }

    /// The stream of that publisher and kind, from its first packet on.
    pub fn stream(&mut self, id: usize, ssrc: u32, sequence: u16) -> (&mut Stream, bool) {
        let found = self.streams.iter().position(|stream| stream.id == id);
        let (at, fresh) = match found {
            Some(at) => (at, self.streams[at].received.ssrc != ssrc),
            None => {
                self.streams.push(Stream {
                    id,
                    received: Received::new(ssrc, sequence),
                    seen: Vec::new(),
                    in_window: 0,
                });
                (self.streams.len() - 1, true)
            }
        };
        let stream = &mut self.streams[at];
        if fresh && stream.received.ssrc != ssrc {
            stream.received = Received::new(ssrc, sequence);
        }
        (stream, fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leg_has_an_address_of_its_own() {
        let mut last = None;
        for leg in 0..5000 {
            assert_eq!(leg_at(address_of(leg)), Some(leg));
            assert!(last < Some(address_of(leg)));
            last = Some(address_of(leg));
        }
        for address in [[127, 0, 0, 1], [127, 1, 0, 0], [10, 1, 0, 1]] {
            assert_eq!(leg_at(address.into()), None);
        }
    }
}
