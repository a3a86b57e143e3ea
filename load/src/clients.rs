//! Every client of a run, as one value: datagrams and time go in, datagrams come
//! out. It knows no socket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;
use rtc::rtcp::Packet;
use rtc::rtcp::packet::{marshal, unmarshal};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::rtp::Header;
use rtc::shared::marshal::{MarshalSize, Unmarshal};

use crate::clock::{ms, unix_ns};
use crate::dtls::Identity;
use crate::histogram::Histogram;
use crate::leg::{Leg, LegPlan, Protection, leg_at};
use crate::publisher::Publisher;
use crate::shape::{AUDIO_INTERVAL_NS, Kind, Label, VIDEO_INTERVAL_NS, packets_in_frame};
use crate::socket::Arrival;

const REPORT_NS: u64 = ms(1000);
const FEEDBACK_NS: u64 = ms(100);
const CONSENT_NS: u64 = ms(5000);
const CONNECTING_NS: u64 = ms(2);

/// What signaling asks of the generator.
pub enum Command {
    /// Connect a leg; one of that number is replaced.
    Connect(Box<LegPlan>),
}

/// What happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Audio(usize),
    Video(usize),
    Report(usize),
    Feedback(usize),
    Consent(usize),
}

/// Counts since the generator was made, but for those of the window.
#[derive(Default, Clone)]
pub struct Counts {
    /// Packets of media sent for the first time.
    pub sent: u64,
    /// Packets of media received for the first time.
    pub received: u64,
    /// Repairs sent because the server asked.
    pub repairs_sent: u64,
    /// Sequence numbers that the server asked for.
    pub asked_by_server: u64,
    /// Sequence numbers that clients asked for.
    pub asked_of_server: u64,
    /// Repairs received.
    pub repairs_received: u64,
    /// The same packet once more.
    pub duplicates: u64,
    /// Keyframes asked for by the server.
    pub keyframes: u64,
    /// Packets that could not be opened or were nobody's.
    pub refused: u64,
    /// Packets that this system did not take.
    pub unsent: u64,
}

impl Counts {
    /// What was counted since an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            received: self.received - before.received,
            repairs_sent: self.repairs_sent - before.repairs_sent,
            asked_by_server: self.asked_by_server - before.asked_by_server,
            asked_of_server: self.asked_of_server - before.asked_of_server,
            repairs_received: self.repairs_received - before.repairs_received,
            duplicates: self.duplicates - before.duplicates,
            keyframes: self.keyframes - before.keyframes,
            refused: self.refused - before.refused,
            unsent: self.unsent - before.unsent,
        }
    }
}

/// What was measured between the opening of the window and now.
#[derive(Default, Clone)]
pub struct Measured {
    /// From sending to the kernel's receiving, repairs included.
    pub latency: Histogram,
    /// How late packets were sent, by the generator's own fault.
    pub lateness: Histogram,
    /// Packets of the window that came without repair.
    pub came: u64,
    /// Packets of the window that came as repairs.
    pub repaired: u64,
}

struct Window {
    from: Vec<u32>,
    to: Option<Vec<u32>>,
    measured: Measured,
}

impl Window {
    fn contains(&self, stream: usize, number: u32) -> bool {
        self.from.get(stream).is_some_and(|from| number >= *from)
            && self
                .to
                .as_ref()
                .is_none_or(|to| to.get(stream).is_some_and(|to| number < *to))
    }
}

/// Every client of a run.
pub struct Clients {
    identity: Identity,
    legs: Vec<Option<Box<Leg>>>,
    publishers: Vec<Option<Publisher>>,
    due: BinaryHeap<Reverse<(u64, Due)>>,
    connecting: Vec<usize>,
    connecting_at_ns: u64,
    asking: Vec<usize>,
    /// Whether participants send as soon as they are connected.
    speaks_at_once: bool,
    /// What was counted.
    pub counts: Counts,
    window: Option<Window>,
    /// What waits to be sent, by leg.
    pub out: Vec<(usize, Bytes)>,
    scratch: Vec<Bytes>,
}

impl Clients {
    /// With no client yet.
    pub fn new(identity: Identity, speaks_at_once: bool) -> Self {
        Self {
            identity,
            legs: Vec::new(),
            publishers: Vec::new(),
            due: BinaryHeap::new(),
            connecting: Vec::new(),
            connecting_at_ns: 0,
            asking: Vec::new(),
            speaks_at_once,
            counts: Counts::default(),
            window: None,
            out: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The legs.
    pub fn legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().flatten().map(|leg| &**leg)
    }

    /// Adds a client of the relay floor.
    pub fn add_floor_leg(&mut self, leg: usize, server: SocketAddrV4, protection: Protection) {
        self.put(leg, Leg::for_floor(leg, server, protection));
        self.connected(leg);
    }

    /// Lets everybody who is connected speak, unless they do already.
    pub fn speak(&mut self) {
        self.speaks_at_once = true;
        for leg in 0..self.legs.len() {
            self.speak_on(leg);
        }
    }

    /// From now on packets count.
    pub fn open_window(&mut self) {
        for leg in self.legs.iter_mut().flatten() {
            for stream in &mut leg.streams {
                stream.in_window = 0;
            }
        }
        self.window = Some(Window {
            from: self.numbers(),
            to: None,
            measured: Measured::default(),
        });
    }

    /// Packets sent from now on count no more; those under way still do. Answers
    /// how many packets of each publisher count.
    pub fn close_window(&mut self) -> Vec<u64> {
        let numbers = self.numbers();
        let Some(window) = &mut self.window else {
            return Vec::new();
        };
        let counted: Vec<u64> = numbers
            .iter()
            .zip(&window.from)
            .map(|(to, from)| u64::from(to - from))
            .collect();
        window.to = Some(numbers);
        counted.chunks(2).map(|kinds| kinds.iter().sum()).collect()
    }

    /// Streams of which something came in the window: sound, image.
    pub fn heard_streams(&self) -> [usize; 2] {
        let streams = || {
            self.legs()
                .flat_map(|leg| &leg.streams)
                .filter(|stream| stream.in_window > 0)
        };
        [0, 1].map(|kind| streams().filter(|stream| stream.id % 2 == kind).count())
    }

    /// What the window measured.
    pub fn measured(&self) -> Measured {
        self.window
            .as_ref()
            .map(|window| window.measured.clone())
            .unwrap_or_default()
    }

    /// A leg to which nothing came of what was sent since the window was opened.
    pub fn deaf_since_window(&self) -> Option<usize> {
        let window = self.window.as_ref()?;
        let hears = |leg: &Leg| {
            leg.streams.iter().any(|stream| {
                let from = window.from.get(stream.id).copied().unwrap_or_default() as usize;
                let mut words = stream.seen.iter().skip(from / 64);
                words.next().is_some_and(|word| word >> (from % 64) != 0)
                    || words.any(|word| *word != 0)
            })
        };
        self.legs
            .iter()
            .position(|leg| leg.as_ref().is_some_and(|leg| !hears(leg)))
    }

    fn numbers(&self) -> Vec<u32> {
        self.publishers
            .iter()
            .flat_map(|publisher| {
                Kind::ALL.map(|kind| publisher.as_ref().map_or(0, |one| one.next_number(kind)))
            })
            .collect()
    }

    /// A leg begins to connect.
    pub fn begin(&mut self, plan: LegPlan) {
        let leg = plan.leg;
        self.put(leg, Leg::new(plan, &self.identity));
        self.connecting.retain(|other| *other != leg);
        self.connecting.push(leg);
        self.connecting_at_ns = 0;
    }

    /// Where a leg's datagrams go from and to.
    pub fn route(&self, leg: usize) -> Option<(Ipv4Addr, SocketAddrV4)> {
        let leg = self.legs.get(leg)?.as_ref()?;
        Some((leg.address, leg.server))
    }

    /// Does the next thing that is due; false when nothing is.
    pub fn act_if_due(&mut self, now_ns: u64) -> bool {
        match self.due.peek().copied() {
            Some(Reverse((due_ns, due))) if due_ns <= now_ns => {
                self.due.pop();
                self.act(due_ns, due);
                true
            }
            _ => false,
        }
    }

    /// Lets those go on that are connecting; `port` is where each leg sends from.
    pub fn connect(&mut self, now_ns: u64, port: impl Fn(usize) -> u16) {
        if now_ns < self.connecting_at_ns {
            return;
        }
        self.connecting_at_ns = now_ns + CONNECTING_NS;
        let (legs, scratch, out) = (&mut self.legs, &mut self.scratch, &mut self.out);
        let identity = &self.identity;
        self.connecting.retain(|number| {
            let Some(Some(leg)) = legs.get_mut(*number) else {
                return false;
            };
            leg.pass(port(*number), identity, now_ns, scratch);
            out.extend(scratch.drain(..).map(|datagram| (*number, datagram)));
            !leg.is_connected()
        });
    }

    /// Asks for what is missing.
    pub fn ask(&mut self, now_ns: u64) {
        let asking = std::mem::take(&mut self.asking);
        for number in asking {
            let Some(Some(leg)) = self.legs.get_mut(number) else {
                continue;
            };
            let mut packets: Vec<Box<dyn Packet>> = Vec::new();
            leg.asking = false;
            for stream in &mut leg.streams {
                let due = stream.received.due_for_asking(now_ns);
                leg.asking |= stream.received.is_asking();
                if !due.is_empty() {
                    self.counts.asked_of_server += due.len() as u64;
                    packets.push(Box::new(TransportLayerNack {
                        sender_ssrc: own_ssrc(number),
                        media_ssrc: stream.received.ssrc,
                        nacks: nack_pairs_from_sequence_numbers(&due),
                    }));
                }
            }
            if leg.asking {
                self.asking.push(number);
            }
            if !packets.is_empty() {
                self.send_rtcp(number, &packets);
            }
        }
    }

    fn put(&mut self, leg: usize, made: Leg) {
        if self.legs.len() <= leg {
            self.legs.resize_with(leg + 1, || None);
        }
        self.legs[leg] = Some(Box::new(made));
    }

    /// A leg can carry media from now on.
    fn connected(&mut self, leg: usize) {
        let now = unix_ns();
        let Some(made) = self.legs.get(leg).and_then(Option::as_ref) else {
            return;
        };
        // Spread, so that not everybody reports at once.
        let spread = |interval: u64| now + interval + mix(leg as u64) % interval;
        if made.ice.is_some() {
            self.due
                .push(Reverse((spread(REPORT_NS), Due::Report(leg))));
            self.due
                .push(Reverse((spread(CONSENT_NS), Due::Consent(leg))));
            if made.transport_cc().is_some() {
                self.due
                    .push(Reverse((spread(FEEDBACK_NS), Due::Feedback(leg))));
            }
        }
        if self.speaks_at_once {
            self.speak_on(leg);
        }
    }

    fn speak_on(&mut self, leg: usize) {
        let Some(made) = self.legs.get(leg).and_then(Option::as_ref) else {
            return;
        };
        let Some(number) = made.publisher.filter(|_| made.is_connected()) else {
            return;
        };
        if self.publishers.len() <= number {
            self.publishers.resize_with(number + 1, || None);
        }
        if self.publishers[number].is_some() {
            return;
        }
        self.publishers[number] = Some(Publisher::new(number, made.formats));
        let (now, chance) = (unix_ns(), mix(number as u64));
        let audio = now + chance % AUDIO_INTERVAL_NS;
        let video = now + mix(chance) % VIDEO_INTERVAL_NS;
        self.due.push(Reverse((audio, Due::Audio(leg))));
        self.due.push(Reverse((video, Due::Video(leg))));
    }

    fn act(&mut self, due_ns: u64, due: Due) {
        let next = match due {
            Due::Audio(leg) => self
                .send_media(leg, Kind::Audio, due_ns)
                .then_some(AUDIO_INTERVAL_NS),
            Due::Video(leg) => self
                .send_media(leg, Kind::Video, due_ns)
                .then_some(VIDEO_INTERVAL_NS),
            Due::Report(leg) => self.report(leg).then_some(REPORT_NS),
            Due::Feedback(leg) => self.send_feedback(leg).then_some(FEEDBACK_NS),
            Due::Consent(leg) => self.consent(leg).then_some(CONSENT_NS),
        };
        if let Some(interval) = next {
            self.due.push(Reverse((due_ns + interval, due)));
        }
    }

    fn send_media(&mut self, leg_number: usize, kind: Kind, due_ns: u64) -> bool {
        let Some(Some(leg)) = self.legs.get_mut(leg_number) else {
            return false;
        };
        let Some(protection) = &mut leg.protection else {
            // Replaced by a fresh leg, which speaks again once it is connected.
            if let Some(number) = leg.publisher {
                self.publishers[number] = None;
            }
            return false;
        };
        let Some(Some(publisher)) = leg
            .publisher
            .and_then(|number| self.publishers.get_mut(number))
        else {
            return false;
        };
        let packets = match kind {
            Kind::Audio => 1,
            Kind::Video => {
                publisher.frame += 1;
                packets_in_frame(publisher.frame)
            }
        };
        publisher.advance(kind);
        let now_ns = unix_ns();
        if let Some(window) = self.window.as_mut().filter(|window| window.to.is_none()) {
            window.measured.lateness.note(now_ns.saturating_sub(due_ns));
        }
        for at in 0..packets {
            let marker = kind == Kind::Video && at + 1 == packets;
            let packet = publisher.next(
                kind,
                marker,
                unix_ns(),
                &mut leg.transport_sequence,
                protection,
            );
            self.out
                .extend(packet.map(|packet| (leg_number, packet.freeze())));
        }
        self.counts.sent += packets as u64;
        true
    }

    fn send_rtcp(&mut self, leg_number: usize, packets: &[Box<dyn Packet>]) {
        let Some(Some(leg)) = self.legs.get_mut(leg_number) else {
            return;
        };
        if let (Some(Protection::Srtp(srtp)), Ok(plain)) = (&mut leg.protection, marshal(packets))
            && let Ok(packet) = srtp.protect_rtcp(&plain)
        {
            self.out.push((leg_number, packet.freeze()));
        }
    }

    fn report(&mut self, leg_number: usize) -> bool {
        let Some(Some(leg)) = self.legs.get_mut(leg_number) else {
            return false;
        };
        if !leg.is_connected() {
            return false;
        }
        let mut packets: Vec<Box<dyn Packet>> = Vec::new();
        if let Some(Some(publisher)) = leg.publisher.and_then(|number| self.publishers.get(number))
        {
            for report in publisher.reports(unix_ns()) {
                packets.push(Box::new(report));
            }
        }
        let reports: Vec<_> = leg
            .streams
            .iter_mut()
            .map(|stream| stream.received.report())
            .collect();
        if !reports.is_empty() || packets.is_empty() {
            packets.push(Box::new(ReceiverReport {
                ssrc: own_ssrc(leg_number),
                reports,
                ..ReceiverReport::default()
            }));
        }
        self.send_rtcp(leg_number, &packets);
        true
    }

    fn send_feedback(&mut self, leg_number: usize) -> bool {
        let Some(Some(leg)) = self.legs.get_mut(leg_number) else {
            return false;
        };
        if !leg.is_connected() {
            return false;
        }
        let media = leg.streams.first().map_or(0, |stream| stream.received.ssrc);
        if let Some(feedback) = leg.feedback.take(own_ssrc(leg_number), media) {
            self.send_rtcp(leg_number, &[Box::new(feedback)]);
        }
        true
    }

    fn consent(&mut self, leg_number: usize) -> bool {
        let Some(Some(leg)) = self.legs.get_mut(leg_number) else {
            return false;
        };
        if !leg.is_connected() {
            return false;
        }
        if let Some(check) = leg.ice.as_ref().and_then(crate::ice::Ice::check) {
            self.out.push((leg_number, Bytes::from(check)));
        }
        true
    }

    /// Takes a datagram.
    pub fn take(&mut self, arrival: Arrival<'_>) {
        let Some(number) = leg_at(arrival.to) else {
            return;
        };
        let Some(Some(leg)) = self.legs.get_mut(number) else {
            return;
        };
        match (arrival.bytes.first(), arrival.bytes.get(1)) {
            (Some(0..4), _) => {
                if leg.hear_stun(arrival.bytes, arrival.from, &mut self.scratch) {
                    self.connecting_at_ns = 0;
                }
                self.send_scratch(number);
            }
            (Some(20..64), _) => {
                let connected = leg.hear_dtls(arrival.bytes, &mut self.scratch);
                self.send_scratch(number);
                if connected {
                    self.connected(number);
                }
            }
            (Some(128..192), Some(192..224)) => self.take_rtcp(number, &arrival),
            (Some(128..192), _) => self.take_rtp(number, &arrival),
            _ => self.counts.refused += 1,
        }
    }

    fn send_scratch(&mut self, leg: usize) {
        let datagrams = self.scratch.drain(..);
        self.out.extend(datagrams.map(|datagram| (leg, datagram)));
    }

    fn take_rtp(&mut self, number: usize, arrival: &Arrival<'_>) {
        let Some(Some(leg)) = self.legs.get_mut(number) else {
            return;
        };
        let (Some(protection), Ok(header)) =
            (&mut leg.protection, Header::unmarshal(&mut &*arrival.bytes))
        else {
            self.counts.refused += 1;
            return;
        };
        let Some(packet) = protection.open(arrival.bytes, &header) else {
            self.counts.refused += 1;
            return;
        };
        if let Some(id) = leg.transport_cc()
            && let Some([high, low]) = header.get_extension(id).as_deref()
        {
            leg.feedback
                .note(u16::from_be_bytes([*high, *low]), arrival.at_ns);
        }
        let mut payload = &packet[header.marshal_size()..];
        let repair = leg.is_repair(header.payload_type);
        let mut sequence = header.sequence_number;
        if repair {
            let Some((original, rest)) = payload.split_first_chunk() else {
                return;
            };
            sequence = u16::from_be_bytes(*original);
            payload = rest;
            if header.padding || payload.is_empty() {
                // A probe for bandwidth.
                return;
            }
        }
        let Some(label) = Label::read(payload) else {
            self.counts.refused += 1;
            return;
        };
        let publisher = label.publisher as usize;
        if leg.publisher == Some(publisher) {
            // Nobody hears themselves.
            self.counts.refused += 1;
            return;
        }
        leg.first_media_ns.get_or_insert(arrival.at_ns);
        let id = 2 * publisher + label.kind.index();
        let known = leg.streams.iter().any(|stream| stream.id == id);
        if repair && !known {
            return;
        }
        let ssrc = if repair {
            leg.streams
                .iter()
                .find(|stream| stream.id == id)
                .map_or(0, |stream| stream.received.ssrc)
        } else {
            header.ssrc
        };
        let (stream, fresh) = leg.stream(id, ssrc, sequence);
        let mut gap = false;
        if repair {
            stream.received.repaired(sequence);
            self.counts.repairs_received += 1;
        } else if !fresh {
            gap = stream
                .received
                .note(sequence, label.kind == Kind::Video, arrival.at_ns);
        }
        let is_new = stream.note(label.number);
        let counts = self
            .window
            .as_ref()
            .is_some_and(|window| window.contains(id, label.number));
        stream.in_window += u32::from(is_new && counts);
        let wants_keyframe = fresh && label.kind == Kind::Video;
        if gap && !leg.asking {
            leg.asking = true;
            self.asking.push(number);
        }
        if !is_new {
            self.counts.duplicates += 1;
            return;
        }
        self.counts.received += 1;
        if let Some(window) = self.window.as_mut().filter(|_| counts) {
            window
                .measured
                .latency
                .note(arrival.at_ns.saturating_sub(label.sent_ns));
            if repair {
                window.measured.repaired += 1;
            } else {
                window.measured.came += 1;
            }
        }
        if wants_keyframe {
            let request = PictureLossIndication {
                sender_ssrc: own_ssrc(number),
                media_ssrc: ssrc,
            };
            self.send_rtcp(number, &[Box::new(request)]);
        }
    }

    fn take_rtcp(&mut self, number: usize, arrival: &Arrival<'_>) {
        let Some(Some(leg)) = self.legs.get_mut(number) else {
            return;
        };
        let Some(Protection::Srtp(srtp)) = &mut leg.protection else {
            return;
        };
        let Ok(plain) = srtp.open_rtcp(arrival.bytes) else {
            self.counts.refused += 1;
            return;
        };
        let Ok(packets) = unmarshal(&mut plain.freeze()) else {
            self.counts.refused += 1;
            return;
        };
        for packet in packets {
            let packet = packet.as_any();
            if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                self.repair(number, nack);
            } else if packet.is::<PictureLossIndication>() || packet.is::<FullIntraRequest>() {
                self.counts.keyframes += 1;
            }
        }
    }

    /// Sends again what the server misses.
    fn repair(&mut self, number: usize, nack: &TransportLayerNack) {
        let Some(Some(leg)) = self.legs.get_mut(number) else {
            return;
        };
        let (Some(protection), Some(Some(publisher))) = (
            &mut leg.protection,
            leg.publisher
                .and_then(|publisher| self.publishers.get_mut(publisher)),
        ) else {
            return;
        };
        if !publisher.is_video(nack.media_ssrc) {
            return;
        }
        for sequence in nack.nacks.iter().flat_map(|pair| pair.into_iter()) {
            self.counts.asked_by_server += 1;
            let packet = publisher.again(sequence, &mut leg.transport_sequence, protection);
            if let Some(packet) = packet {
                self.counts.repairs_sent += 1;
                self.out.push((number, packet.freeze()));
            }
        }
    }
}

/// The SSRC of a leg's own reports.
fn own_ssrc(leg: usize) -> u32 {
    1 + leg as u32
}

/// A number that looks like chance and is the same in every run (SplitMix64).
fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
