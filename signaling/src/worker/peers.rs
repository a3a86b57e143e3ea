//! The transports of a worker: how they are found, when they are due, and how
//! their lines are negotiated.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slab::Slab;

use super::Worker;
use super::keyframes::KeyframeThrottle;
use super::measured::Measured;
use super::rooms::RoomKey;
use super::yielding::{Limit, Withholding};
use crate::forwarding::{Arrivals, Source};
use crate::protocol::{MediaKind, ServerMessage, Track};
use crate::rate::Bucket;
use crate::room::{Event, LastPacket, Negotiation, PeerId};
use crate::secret;
use crate::transport::{Codecs, LAYERS, LineId, Transport, TransportConfig};

/// How often participants' connections are measured.
const MEASURE: Duration = Duration::from_secs(5);
/// A layer without packets for so long is not sent at present.
const ALIVE: Duration = Duration::from_secs(1);
/// Addresses that belong to one transport: the present one, and those from
/// which packets may still be under way.
pub(super) const ADDRESSES: usize = 4;

/// For so long after its last packet of media an address is its participant's,
/// whoever shows another's password from there: senders' addresses can be forged,
/// and a participant could silence another that way.
const SPEAKING: Duration = Duration::from_secs(3);

/// Where a transport was last heard with media or RTCP, proven by its keys.
#[derive(Debug, Default)]
pub(super) struct Voice(Option<(SocketAddr, Instant)>);

impl Voice {
    /// Something proven came.
    pub fn note(&mut self, from: SocketAddr, now: Instant) {
        self.0 = Some((from, now));
    }

    /// Whether the transport is heard from there at present.
    fn is_at(&self, address: SocketAddr, now: Instant) -> bool {
        self.0.is_some_and(|(from, at)| {
            from == address && now.saturating_duration_since(at) < SPEAKING
        })
    }
}

/// Tables of a participant have a place for each kind of media.
const KINDS: usize = MediaKind::ALL.len();

/// A transport of a worker. The number of one that is gone is given again, so
/// whoever remembers a number must do no harm with it.
pub(super) type PeerKey = usize;

pub(super) struct PeerEntry<T> {
    pub transport: T,
    pub room: RoomKey,
    pub id: PeerId,
    pub connected: bool,
    pub bucket: Bucket,
    pub voice: Voice,
    /// The present user fragment and, after an ICE restart, the former one.
    ufrags: Vec<String>,
    addresses: VecDeque<SocketAddr>,
    /// Which line carries what, as last offered.
    lines: BTreeMap<Source, LineId>,
    arrivals: [[Arrivals; LAYERS]; KINDS],
    last_packet: [Option<Instant>; KINDS],
    last_layers: [Option<Instant>; LAYERS],
    keyframes: [[KeyframeThrottle; LAYERS]; KINDS],
    deadline: Option<Instant>,
    touched: bool,
    measured: Measured,
    /// By kind, what the participant is asked to send at most.
    pub limits: [Limit; KINDS],
    pub withholding: Withholding,
}

impl<T> PeerEntry<T> {
    /// Notes a packet; false if it was here before.
    pub fn note_arrival(
        &mut self,
        kind: MediaKind,
        layer: u8,
        sequence: u16,
        now: Instant,
    ) -> bool {
        let Some(arrivals) = self.arrivals[kind.index()].get_mut(usize::from(layer)) else {
            return false;
        };
        if !arrivals.note(sequence) {
            return false;
        }
        self.last_packet[kind.index()] = Some(now);
        if kind == MediaKind::Video {
            self.last_layers[usize::from(layer)] = Some(now);
        }
        true
    }

    /// Another source sends on a track and layer: what came of the former does not
    /// say which of its packets are repeated.
    pub fn forget_arrivals(&mut self, kind: MediaKind, layer: u8) {
        if let Some(arrivals) = self.arrivals[kind.index()].get_mut(usize::from(layer)) {
            arrivals.change_source();
        }
    }

    /// Whether the camera comes in several sizes at present.
    pub fn sends_layers(&self, now: Instant) -> bool {
        let alive = |last: &&Option<Instant>| {
            last.is_some_and(|last| now.saturating_duration_since(last) < ALIVE)
        };
        self.last_layers.iter().filter(alive).count() > 1
    }

    fn totals(&self) -> (u64, u64) {
        self.arrivals
            .iter()
            .flatten()
            .map(Arrivals::totals)
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

/// Every transport of a worker.
pub(super) struct Peers<T> {
    entries: Slab<PeerEntry<T>>,
    by_ufrag: HashMap<String, PeerKey>,
    by_address: HashMap<SocketAddr, PeerKey>,
    /// Soonest first. One that no longer holds is passed over when its time comes.
    deadlines: BinaryHeap<Reverse<(Instant, PeerKey)>>,
    /// Transports that may have datagrams to send, each once.
    touched: VecDeque<PeerKey>,
}

impl<T> Default for Peers<T> {
    fn default() -> Self {
        Self {
            entries: Slab::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            deadlines: BinaryHeap::new(),
            touched: VecDeque::new(),
        }
    }
}

impl<T> Peers<T> {
    pub fn get(&self, key: PeerKey) -> Option<&PeerEntry<T>> {
        self.entries.get(key)
    }

    pub fn get_mut(&mut self, key: PeerKey) -> Option<&mut PeerEntry<T>> {
        self.entries.get_mut(key)
    }

    pub fn keys(&self) -> Vec<PeerKey> {
        self.entries.iter().map(|(key, _)| key).collect()
    }

    pub fn by_ufrag(&self, ufrag: &str) -> Option<PeerKey> {
        self.by_ufrag.get(ufrag).copied()
    }

    pub fn by_address(&self, address: SocketAddr) -> Option<PeerKey> {
        self.by_address.get(&address).copied()
    }

    /// Whether another transport than this one is heard from an address.
    pub fn is_anothers(&self, address: SocketAddr, key: PeerKey, now: Instant) -> bool {
        self.by_address(address)
            .filter(|holder| *holder != key)
            .and_then(|holder| self.get(holder))
            .is_some_and(|holder| holder.voice.is_at(address, now))
    }

    /// Datagrams from this address are for that transport from now on.
    pub fn belongs(&mut self, address: SocketAddr, key: PeerKey) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let former = self.by_address.insert(address, key);
        if former == Some(key) {
            return;
        }
        entry.addresses.push_back(address);
        let outlived = (entry.addresses.len() > ADDRESSES)
            .then(|| entry.addresses.pop_front())
            .flatten();
        if let Some(outlived) = outlived
            && self.by_address.get(&outlived) == Some(&key)
        {
            self.by_address.remove(&outlived);
        }
        if let Some(entry) = former.and_then(|former| self.entries.get_mut(former)) {
            entry.addresses.retain(|held| *held != address);
        }
    }

    /// The transport may have something to send.
    pub fn touch(&mut self, key: PeerKey) {
        if let Some(entry) = self.entries.get_mut(key)
            && !entry.touched
        {
            entry.touched = true;
            self.touched.push_back(key);
        }
    }

    pub fn pop_touched(&mut self) -> Option<PeerKey> {
        while let Some(key) = self.touched.pop_front() {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.touched = false;
                return Some(key);
            }
        }
        None
    }

    /// Notes when a transport must be driven at the latest.
    pub fn schedule(&mut self, key: PeerKey, deadline: Option<Instant>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if entry.deadline == deadline {
            return;
        }
        entry.deadline = deadline;
        if let Some(deadline) = deadline {
            self.deadlines.push(Reverse((deadline, key)));
        }
    }

    /// When somebody is due next; perhaps too early, never too late.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines
            .peek()
            .map(|Reverse((deadline, _))| *deadline)
    }

    /// The next transport that is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<PeerKey> {
        while let Some(Reverse((deadline, key))) = self.deadlines.peek().copied() {
            if deadline > now {
                return None;
            }
            self.deadlines.pop();
            if let Some(entry) = self.entries.get_mut(key)
                && entry.deadline == Some(deadline)
            {
                entry.deadline = None;
                return Some(key);
            }
        }
        None
    }

    /// A user fragment that nobody has.
    fn fresh_ufrag(&self) -> String {
        loop {
            let ufrag = secret::ice_chars(8);
            if !self.by_ufrag.contains_key(&ufrag) {
                return ufrag;
            }
        }
    }

    fn remove(&mut self, key: PeerKey) -> Option<PeerEntry<T>> {
        let entry = self.entries.try_remove(key)?;
        for ufrag in &entry.ufrags {
            self.by_ufrag.remove(ufrag);
        }
        for address in &entry.addresses {
            if self.by_address.get(address) == Some(&key) {
                self.by_address.remove(address);
            }
        }
        Some(entry)
    }
}

impl<T: Transport> Peers<T> {
    /// When a transport last received each kind.
    pub fn last_packets(&self, key: PeerKey) -> Option<LastPacket> {
        let entry = self.entries.get(key)?;
        Some(LastPacket {
            peer: entry.id,
            at: entry.last_packet,
            layers: entry.last_layers,
            estimate_down: entry.transport.stats().estimate_down,
        })
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl<T> Peers<T> {
    /// Every user fragment, in the order of the transports.
    pub fn ufrags(&self) -> Vec<String> {
        self.entries
            .iter()
            .flat_map(|(_, entry)| entry.ufrags.clone())
            .collect()
    }

    /// Holds the tables against each other: whoever is found exists and knows of
    /// it, and nothing grows beyond what belongs to the transports there are.
    pub fn check(&self) {
        for (ufrag, key) in &self.by_ufrag {
            assert!(self.entries[*key].ufrags.contains(ufrag));
        }
        for (address, key) in &self.by_address {
            assert!(self.entries[*key].addresses.contains(address));
        }
        for (key, entry) in &self.entries {
            assert!(entry.ufrags.len() <= 2 && entry.addresses.len() <= ADDRESSES);
            for ufrag in &entry.ufrags {
                assert_eq!(self.by_ufrag.get(ufrag), Some(&key));
            }
            for address in &entry.addresses {
                assert_eq!(self.by_address.get(address), Some(&key));
            }
        }
        assert!(self.touched.len() <= 2 * self.entries.capacity());
    }
}

impl<T: Transport> Worker<T> {
    pub(super) fn open_peer(
        &mut self,
        room: RoomKey,
        peer: PeerId,
        publish: Vec<MediaKind>,
        codecs: Codecs,
        simulcast: bool,
    ) -> Option<Event> {
        let now = Instant::now();
        let ufrag = self.peers.fresh_ufrag();
        let config = TransportConfig {
            candidates: self.candidates.clone(),
            ufrag: ufrag.clone(),
            password: secret::ice_chars(24),
            publish,
            codecs,
            simulcast,
        };
        let room_entry = self.rooms.get_mut(room)?;
        let transport = match T::open(&self.shared, config, now) {
            Ok(transport) => transport,
            Err(error) => {
                tracing::error!(room = %room_entry.id, %error, "a transport could not be made");
                return Some(Event::PeerFailed { peer });
            }
        };
        let per_second = self.limits.datagrams_per_second;
        let key = self.peers.entries.insert(PeerEntry {
            transport,
            room,
            id: peer,
            connected: false,
            bucket: Bucket::new(per_second, per_second, now),
            voice: Voice::default(),
            ufrags: vec![ufrag.clone()],
            addresses: VecDeque::new(),
            lines: BTreeMap::new(),
            arrivals: Default::default(),
            last_packet: [None; KINDS],
            last_layers: [None; LAYERS],
            keyframes: Default::default(),
            deadline: None,
            touched: false,
            measured: Measured::new(now),
            limits: Default::default(),
            withholding: Withholding::default(),
        });
        self.peers.by_ufrag.insert(ufrag, key);
        room_entry.by_seat.retain(|(seat, _)| *seat != peer.seat);
        room_entry.by_seat.push((peer.seat, key));
        None
    }

    pub(super) fn negotiate(&mut self, room: RoomKey, wanted: &Negotiation) -> Option<Event> {
        let peer = wanted.peer;
        let key = self.key_of(room, peer)?;
        let room_entry = self.rooms.get(room)?;
        let credentials = wanted
            .restart_ice
            .then(|| (self.peers.fresh_ufrag(), secret::ice_chars(24)));
        let entry = self.peers.entries.get_mut(key)?;
        self.driving = Some(key);
        if let Some((ufrag, password)) = credentials {
            if !entry.transport.restart_ice(&ufrag, &password) {
                self.driving = None;
                return Some(Event::PeerFailed { peer });
            }
            // The former one holds until the browser comes with the new one; the
            // one before that is over.
            if entry.ufrags.len() > 1 {
                self.peers.by_ufrag.remove(&entry.ufrags.remove(0));
            }
            self.peers.by_ufrag.insert(ufrag.clone(), key);
            entry.ufrags.push(ufrag);
        }
        entry.transport.set_codecs(wanted.codecs);
        let gone: Vec<Source> = entry
            .lines
            .keys()
            .copied()
            .filter(|source| !wanted.receive.contains(source))
            .collect();
        for source in gone {
            if let Some(line) = entry.lines.remove(&source) {
                entry.transport.close_line(line);
            }
        }
        let mut done = entry.transport.set_publish(&wanted.publish);
        for source in &wanted.receive {
            if done.is_ok() && !entry.lines.contains_key(source) {
                done = entry
                    .transport
                    .open_line(source.kind, source.seat.0)
                    .map(|line| {
                        entry.lines.insert(*source, line);
                    });
            }
        }
        let offer = done.and_then(|()| entry.transport.offer(Instant::now()));
        self.driving = None;
        let lines = entry.lines.clone();
        self.peers.touch(key);
        let offer = match offer {
            Ok(offer) => offer,
            Err(error) => {
                tracing::error!(room = %room_entry.id, %error, "an offer could not be made");
                return Some(Event::PeerFailed { peer });
            }
        };
        let own = room_entry.room.participant(peer.seat)?.clone();
        let mut tracks = BTreeMap::new();
        for (mid, kind) in offer.publish {
            let participant = own.clone();
            tracks.insert(mid, Track { participant, kind });
        }
        for (mid, line) in offer.lines {
            let source = lines
                .iter()
                .find(|(_, held)| **held == line)
                .map(|(source, _)| *source);
            if let Some(source) = source
                && let Some(participant) = room_entry.room.participant(source.seat)
            {
                let participant = participant.clone();
                let kind = source.kind;
                tracks.insert(mid, Track { participant, kind });
            }
        }
        self.send(
            wanted.connection,
            &ServerMessage::Offer {
                negotiation: wanted.negotiation,
                fresh: wanted.fresh,
                sdp: offer.sdp,
                tracks,
            },
        );
        None
    }

    pub(super) fn answer(&mut self, room: RoomKey, peer: PeerId, sdp: &str) -> Option<Event> {
        let key = self.key_of(room, peer)?;
        let room_entry = self.rooms.get(room)?;
        let entry = self.peers.get_mut(key)?;
        self.driving = Some(key);
        let taken = entry.transport.answer(sdp, Instant::now());
        self.driving = None;
        let lines = entry
            .lines
            .iter()
            .map(|(source, line)| (*source, *line))
            .collect();
        self.peers.touch(key);
        match taken {
            Ok(()) => Some(Event::Answered { peer, lines }),
            Err(error) => {
                // What it says may quote the browser's addresses.
                tracing::info!(room = %room_entry.id, "an answer was refused");
                tracing::debug!(%error, "an answer was refused");
                Some(Event::AnswerRefused { peer })
            }
        }
    }

    /// Somebody needs a keyframe of this participant.
    pub(super) fn want_keyframe(&mut self, key: PeerKey, kind: MediaKind, layer: u8, now: Instant) {
        if let Some(entry) = self.peers.get_mut(key)
            && let Some(throttle) = entry.keyframes[kind.index()].get_mut(usize::from(layer))
        {
            throttle.want();
            self.ask_keyframes(key, now);
        }
    }

    /// Asks for the keyframes whose time has come.
    pub(super) fn ask_keyframes(&mut self, key: PeerKey, now: Instant) {
        let Some(entry) = self.peers.get_mut(key).filter(|entry| entry.connected) else {
            return;
        };
        let mut asked = false;
        self.driving = Some(key);
        for kind in [MediaKind::Video, MediaKind::Screen] {
            // Who has sent no image yet cannot be asked for one: the wish stays.
            if entry.last_packet[kind.index()].is_none() {
                continue;
            }
            for (layer, throttle) in (0..).zip(&mut entry.keyframes[kind.index()]) {
                if throttle.take(now) {
                    entry.transport.request_keyframe(kind, layer, now);
                    asked = true;
                }
            }
        }
        self.driving = None;
        if asked {
            self.peers.touch(key);
        }
    }

    pub(super) fn measure(&mut self, key: PeerKey, now: Instant) {
        let Some(entry) = self.peers.get_mut(key) else {
            return;
        };
        if !entry.connected || now.saturating_duration_since(entry.measured.at) < MEASURE {
            return;
        }
        self.driving = Some(key);
        let stats = entry.transport.stats();
        self.driving = None;
        let totals = entry.totals();
        let [nacks, resends, repaired] = entry.measured.repairs(&stats);
        let quality = entry.measured.take(stats, totals, now);
        let (room, peer) = (entry.room, entry.id);
        self.counted.nacks += nacks;
        self.counted.resends += resends;
        self.counted.repaired += repaired;
        self.metrics.measured(&quality);
        self.handle(room, Event::Quality { peer, quality });
    }

    pub(super) fn close_peer(&mut self, key: PeerKey, now: Instant) {
        if let Some(entry) = self.peers.get_mut(key) {
            self.driving = Some(key);
            entry.transport.close(now);
            self.driving = None;
            self.send_datagrams(key);
        }
        self.forget_peer(key);
    }

    pub(super) fn forget_peer(&mut self, key: PeerKey) -> Option<PeerEntry<T>> {
        let entry = self.peers.remove(key)?;
        if let Some(room) = self.rooms.get_mut(entry.room) {
            room.by_seat.retain(|(_, held)| *held != key);
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_is_whose_voice_comes_from_it_for_three_seconds() {
        let [here, there]: [SocketAddr; 2] =
            ["192.0.2.7:1", "192.0.2.7:2"].map(|address| address.parse().unwrap());
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut voice = Voice::default();
        assert!(!voice.is_at(here, start), "nobody spoke yet");
        voice.note(here, start);
        for (address, ms, held) in [
            (here, 0, true),
            (there, 0, false),
            (here, 2_999, true),
            (here, 3_000, false),
        ] {
            assert_eq!(voice.is_at(address, at(ms)), held, "{address} at {ms}");
        }
        voice.note(there, at(100));
        assert!(!voice.is_at(here, at(200)), "it moved on");
    }
}
