//! The world around a room in the random lives: it does what workers and
//! browsers do, and after every step holds the room against the model.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::model::{Consequences, GRACE_MS, Model};
use crate::forwarding::{SeatIndex, Source};
use crate::protocol::{Can, ClientMessage, MediaKind, Quality, SealKind, ServerMessage};
use crate::room::{
    Action, ConnectionId, Event, LastPacket, Moment, Negotiation, PeerId, Room, RoomLimits,
};
use crate::room_document::{Fact, Place, RoomDocument};
use crate::transport::{Codecs, LineId, RtpPacket};

/// What the stack makes of the next answer it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    Refused,
}

/// A transport as a worker keeps it.
struct Transport {
    who: String,
    /// By line, its kind and what it carries as last offered.
    offer: Vec<(MediaKind, Option<Source>)>,
    /// What the last answer made of it.
    lines: BTreeMap<Source, LineId>,
    offered: bool,
    /// The offer that the page has not answered.
    awaiting: Option<(ConnectionId, u32)>,
    answered: bool,
    connected: bool,
    /// Offers got lost on the way, and only a fresh transport will help.
    deaf: bool,
    /// Codecs cannot be changed, as in stacks that fix them at the start.
    fixed: bool,
    codecs: Codecs,
    /// No path is found.
    cut_off: bool,
    /// What the browser numbered last.
    count: u16,
}

pub(super) struct World {
    room: Room,
    start: Instant,
    pub ms: u64,
    pub model: Model,
    open: BTreeSet<ConnectionId>,
    /// The newest connection of each, even if it is closed.
    newest: BTreeMap<String, ConnectionId>,
    /// Secrets given to pages.
    secrets: BTreeMap<String, String>,
    next_connection: u64,
    transports: BTreeMap<PeerId, Transport>,
    former: Vec<PeerId>,
    seats: BTreeMap<SeatIndex, String>,
    negotiations: BTreeMap<String, u32>,
    verdict: Verdict,
    /// The next transport cannot be made.
    pub fail_to_open: bool,
    told: BTreeMap<ConnectionId, Value>,
    done: Consequences,
    keyframes: BTreeSet<Source>,
    /// Whose sealed message reached whom, and must have.
    sealed: BTreeSet<(String, String)>,
    seals_due: BTreeSet<(String, String)>,
    /// Who was received, by a connected transport, after the last step.
    received: BTreeSet<(PeerId, LineId, PeerId, MediaKind)>,
    senders: BTreeSet<PeerId>,
    /// The last numbers that each line carried.
    numbers: BTreeMap<(PeerId, LineId), u16>,
    offers_made: usize,
}

impl World {
    pub fn new(document: RoomDocument) -> Self {
        let limits = RoomLimits {
            grace: Duration::from_millis(GRACE_MS),
            media_silence: Duration::from_secs(1),
        };
        Self {
            room: Room::new(document.clone(), limits),
            start: Instant::now(),
            ms: 0,
            model: Model::new(document),
            open: BTreeSet::new(),
            newest: BTreeMap::new(),
            secrets: BTreeMap::new(),
            next_connection: 0,
            transports: BTreeMap::new(),
            former: Vec::new(),
            seats: BTreeMap::new(),
            negotiations: BTreeMap::new(),
            verdict: Verdict::Fits,
            fail_to_open: false,
            told: BTreeMap::new(),
            done: Consequences::default(),
            keyframes: BTreeSet::new(),
            sealed: BTreeSet::new(),
            seals_due: BTreeSet::new(),
            received: BTreeSet::new(),
            senders: BTreeSet::new(),
            numbers: BTreeMap::new(),
            offers_made: 0,
        }
    }

    fn now(&self) -> Moment {
        Moment {
            instant: self.start + Duration::from_millis(self.ms),
            unix_ms: i64::try_from(self.ms).unwrap(),
        }
    }

    // What happens to the room.

    pub fn apply(&mut self, document: RoomDocument) {
        self.model.apply(&document, self.ms);
        let now = self.now();
        let (version, actions) = self.room.apply(document, now);
        assert_eq!(version, self.model.document.version);
        self.perform(actions);
        self.check();
    }

    pub fn arrive(&mut self, who: &str, generation: u32, resume: Option<String>, can: Can) {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.open.insert(connection);
        let secret = format!("secret {}", connection.0);
        let held = self.model.sitting.get(who);
        let transport = self.transport_of(who).map(|peer| &self.transports[&peer]);
        let resumes = held.is_some_and(|held| {
            resume.as_ref() == Some(&held.secret) && generation == held.generation
        }) && transport.is_none_or(|transport| transport.awaiting.is_none());
        self.model.arrive(
            who,
            connection.0,
            generation,
            &secret,
            can,
            resumes,
            self.ms,
        );
        self.newest.insert(who.to_owned(), connection);
        self.happen(Event::Arrived {
            connection,
            participant: who.into(),
            generation,
            resume,
            can,
            secret,
        });
    }

    /// The secret that somebody's page was given last.
    pub fn secret_of(&self, who: &str) -> Option<String> {
        self.secrets.get(who).cloned()
    }

    /// The connection that holds somebody's seat, or else the last one that did not.
    fn connection_of(&self, who: &str) -> ConnectionId {
        let held = self.model.sitting.get(who).and_then(|held| held.connection);
        held.map(ConnectionId)
            .or_else(|| self.newest.get(who).copied())
            .unwrap_or(ConnectionId(u64::MAX))
    }

    /// Something late on a connection that is closed must do nothing.
    pub fn hear_of_a_closed_connection(&mut self, which: u64, message: ClientMessage) {
        let connection = ConnectionId(which % self.next_connection.max(1));
        if self.open.contains(&connection) {
            return;
        }
        self.model.settle(self.ms);
        for event in [
            Event::Said {
                connection,
                message,
            },
            Event::Gone {
                connection,
                refused: true,
            },
        ] {
            self.happen(event);
        }
    }

    pub fn lose(&mut self, who: &str, refused: bool) {
        let connection = self.connection_of(who);
        if refused {
            // Whoever carries the connection closes it, not the room.
            self.model.broke_a_limit(connection.0, self.ms);
        } else {
            self.model.lose(connection.0, self.ms);
        }
        self.open.remove(&connection);
        self.happen(Event::Gone {
            connection,
            refused,
        });
    }

    pub fn say(&mut self, who: &str, message: ClientMessage) {
        let connection = self.connection_of(who);
        match &message {
            ClientMessage::Join { .. } => self.model.misbehave(connection.0, self.ms),
            ClientMessage::Want {
                participant,
                kind,
                height,
            } => {
                let of = participant.as_str();
                self.model.show(connection.0, of, *kind, *height, self.ms);
            }
            ClientMessage::Publish { kind, on } if *kind == MediaKind::Screen => {
                self.model.share_screen(connection.0, *on, self.ms);
            }
            ClientMessage::Seal { to, sealed } => {
                self.model.settle(self.ms);
                let to = to.as_ref().map(ToString::to_string);
                let is_commit = sealed.kind == SealKind::Commit;
                if let Some(from) = self.model.holder(connection.0).filter(|_| !is_commit) {
                    let due = self.model.sealed_for(&from, to.as_deref());
                    self.seals_due = due.into_iter().map(|to| (from.clone(), to)).collect();
                }
            }
            ClientMessage::Leave {} => self.model.leave(connection.0, self.ms),
            ClientMessage::Media { audio, video } => {
                self.model
                    .mean_to_send(connection.0, *audio, *video, self.ms);
            }
            _ => self.model.settle(self.ms),
        }
        self.happen(Event::Said {
            connection,
            message,
        });
    }

    fn transport_of(&self, who: &str) -> Option<PeerId> {
        self.transports
            .iter()
            .find(|(_, transport)| transport.who == who)
            .map(|(peer, _)| *peer)
    }

    /// Somebody's page answers: the offer that waits, `late` numbers before it.
    pub fn answer(&mut self, who: &str, late: u32, verdict: Verdict) {
        let transport = self.transport_of(who).map(|peer| &self.transports[&peer]);
        if transport.is_some_and(|transport| transport.deaf) {
            return;
        }
        let awaited = transport.and_then(|transport| transport.awaiting);
        let negotiation = awaited.map_or(1, |(_, negotiation)| negotiation);
        self.verdict = verdict;
        let answer = ClientMessage::Answer {
            negotiation: negotiation.wrapping_sub(late),
            sdp: "v=0".to_owned(),
        };
        self.say(who, answer);
    }

    pub fn connect(&mut self, who: &str) {
        let Some(peer) = self.transport_of(who) else {
            return;
        };
        let transport = self.transports.get_mut(&peer).unwrap();
        if transport.answered && !transport.cut_off {
            transport.connected = true;
            self.model.settle(self.ms);
            self.happen(Event::PeerConnected { peer });
        }
    }

    /// From now on this transport's page gets no offer, or finds no path.
    pub fn disturb(&mut self, who: &str, deaf: bool) {
        if let Some(peer) = self.transport_of(who) {
            let transport = self.transports.get_mut(&peer).unwrap();
            transport.deaf |= deaf && transport.awaiting.is_some();
            transport.cut_off |= !deaf && !transport.connected;
        }
    }

    pub fn fail(&mut self, who: &str) {
        if let Some(peer) = self.transport_of(who) {
            self.model.settle(self.ms);
            self.happen(Event::PeerFailed { peer });
        }
    }

    /// Something late about a transport that is gone must do nothing.
    pub fn hear_of_a_former_transport(&mut self, which: usize) {
        let Some(peer) = self.former.get(which % self.former.len().max(1)).copied() else {
            return;
        };
        self.model.settle(self.ms);
        for event in [
            Event::PeerFailed { peer },
            Event::PeerConnected { peer },
            Event::KeyframeWanted {
                peer,
                line: LineId(0),
            },
            Event::Answered {
                peer,
                lines: (0..2)
                    .map(|seat| {
                        let seat = SeatIndex(seat);
                        let kind = MediaKind::Video;
                        (Source { seat, kind }, LineId(0))
                    })
                    .collect(),
            },
            Event::AnswerRefused { peer },
        ] {
            self.happen(event);
        }
    }

    pub fn want_keyframe(&mut self, who: &str, line: u16) {
        let Some(peer) = self.transport_of(who) else {
            return;
        };
        let line = LineId(line);
        self.model.settle(self.ms);
        let now = self.now();
        let actions = self.room.handle(Event::KeyframeWanted { peer, line }, now);
        let asked = actions
            .iter()
            .any(|action| matches!(action, Action::Keyframe { .. }));
        let owed = self.transports[&peer].lines.iter().any(|(source, held)| {
            let other = &self.seats[&source.seat];
            let sits = self.model.sitting.contains_key(other);
            let sent = self.model.sends(other).contains(&source.kind);
            *held == line && sits && sent && self.model.may_hear(who, other)
        });
        assert_eq!(asked, owed, "{who} wants a keyframe on {line:?}");
        self.perform(actions);
        self.check();
    }

    pub fn measure(&mut self, who: &str) {
        if let Some(peer) = self.transport_of(who) {
            self.model.settle(self.ms);
            self.happen(Event::Quality {
                peer,
                quality: Quality::default(),
            });
        }
    }

    /// Time passes, with or without packets meanwhile.
    pub fn wait(&mut self, ms: u64, flowing: bool) {
        self.ms += ms;
        self.model.tick(self.ms);
        let now = self.now().instant;
        let last_packets = self
            .transports
            .iter()
            .filter(|(_, transport)| flowing && transport.connected)
            .map(|(peer, _)| LastPacket {
                peer: *peer,
                at: [Some(now); MediaKind::ALL.len()],
                layers: [Some(now), None],
                estimate_down: None,
            })
            .collect();
        self.happen(Event::Tick { last_packets });
    }

    /// Everything that can still come comes: answers, connections, time.
    pub fn calm_down(&mut self) {
        self.fail_to_open = false;
        let mut offers = self.offers_made;
        // Longer than any seat is kept and any answer awaited.
        for round in 0..25 {
            offers = self.offers_made;
            let everyone: Vec<String> = self.model.sitting.keys().cloned().collect();
            // An answer may bring a further offer.
            for _ in 0..3 {
                for who in &everyone {
                    self.answer(who, 0, Verdict::Fits);
                    self.connect(who);
                }
            }
            self.wait(1_100, true);
            if round == 24 {
                assert_eq!(offers, self.offers_made, "offers without an end");
            }
        }
        let _ = offers;
        for transport in self.transports.values() {
            let connected = self.model.sitting[&transport.who].connection.is_some();
            let offered = transport.offered && connected;
            assert!(!offered || transport.codecs == self.model.codecs(&transport.who));
        }
        let here: Vec<String> = self
            .model
            .sitting
            .iter()
            .filter(|(_, sitting)| sitting.connection.is_some())
            .map(|(who, _)| who.clone())
            .collect();
        for who in &here {
            for other in &here {
                if self.model.may_hear(who, other) {
                    let peer = self.transport_of(other).expect("whoever is in has one");
                    let heard = |kind| {
                        self.received.iter().any(|(to, _, from, carried)| {
                            self.transports[to].who == *who && *from == peer && *carried == kind
                        })
                    };
                    let shown = |kind: &MediaKind| !self.model.hides(who, other, *kind);
                    let all = self.model.sends(other).into_iter().filter(shown).all(heard);
                    assert!(all, "{who} should come to hear {other}");
                }
            }
        }
    }

    // What the room asks for.

    fn happen(&mut self, event: Event) {
        let now = self.now();
        let actions = self.room.handle(event, now);
        self.perform(actions);
        self.check();
    }

    /// As a worker does: what comes of an action is heard after the others.
    fn perform(&mut self, actions: Vec<Action>) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            if let Some(event) = self.act(action) {
                if let Event::AnswerRefused { peer } = event {
                    let who = self.transports[&peer].who.clone();
                    if let Some(connection) = self.model.sitting[&who].connection {
                        self.model.misbehave(connection, self.ms);
                    }
                }
                let now = self.now();
                actions.extend(self.room.handle(event, now));
            }
        }
    }

    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Send(connection, message) => self.note_message(connection, &message),
            Action::Close(connection, code) => {
                assert!(self.open.remove(&connection), "closed twice");
                self.done.closed.push((connection.0, code.number()));
            }
            Action::OpenPeer {
                peer,
                publish,
                codecs,
                ..
            } => {
                let who = self.room.participant(peer.seat).unwrap().to_string();
                let known = self.seats.insert(peer.seat, who.clone());
                assert!(
                    known.is_none_or(|known| known == who),
                    "a seat's number is never given again"
                );
                assert!(
                    matches!(self.model.place(&who), Some(Place::In | Place::Aside)),
                    "{who} is not in and gets a transport"
                );
                assert_eq!(self.transport_of(&who), None, "one transport each");
                assert!(
                    !self.former.contains(&peer),
                    "{peer:?} names two transports"
                );
                assert_eq!(publish, self.model.sends(&who));
                self.transports.insert(
                    peer,
                    Transport {
                        who,
                        offer: Vec::new(),
                        lines: BTreeMap::new(),
                        offered: false,
                        awaiting: None,
                        answered: false,
                        connected: false,
                        deaf: false,
                        fixed: peer.turn % 2 == 0,
                        codecs,
                        cut_off: false,
                        // Browsers number from a place of their own.
                        count: (peer.turn as u16).wrapping_mul(40_503),
                    },
                );
                if std::mem::take(&mut self.fail_to_open) {
                    return Some(Event::PeerFailed { peer });
                }
            }
            Action::ClosePeer { peer } => {
                assert!(self.transports.remove(&peer).is_some(), "{peer:?} is open");
                self.former.push(peer);
            }
            Action::Negotiate(wanted) => return self.note_offer(&wanted),
            Action::Answer { peer, sdp } => {
                assert_eq!(sdp, "v=0");
                let transport = self.transports.get_mut(&peer).unwrap();
                assert!(transport.awaiting.take().is_some(), "nothing was offered");
                if self.verdict == Verdict::Refused {
                    return Some(Event::AnswerRefused { peer });
                }
                transport.answered = true;
                transport.lines = (0..)
                    .map(LineId)
                    .zip(&transport.offer)
                    .filter_map(|(line, (_, source))| source.map(|source| (source, line)))
                    .collect();
                let lines = transport.lines.iter();
                return Some(Event::Answered {
                    peer,
                    lines: lines.map(|(source, line)| (*source, *line)).collect(),
                });
            }
            Action::Keyframe { source, layer } => {
                assert_eq!(layer, 0, "nobody sends layers");
                self.keyframes.insert(source);
            }
            Action::CandidateDropped => {}
            Action::Tell(event) => {
                assert_eq!(event.at_ms, i64::try_from(self.ms).unwrap());
                let who = event.participant.map(|who| who.to_string());
                match (event.fact, who) {
                    (Fact::Left { reason }, Some(who)) => self.done.left.push((who, reason)),
                    // Who is told of in the very tick that ends the room sits no more.
                    (Fact::MediaStopped { kind }, Some(who)) => {
                        if let Some(seat) = self.model.sitting.get_mut(&who) {
                            seat.silent.insert(kind);
                        }
                    }
                    (Fact::MediaResumed { kind }, Some(who)) => {
                        if let Some(seat) = self.model.sitting.get_mut(&who) {
                            seat.silent.remove(&kind);
                        }
                    }
                    (Fact::RoomEmptied {}, None) => self.done.emptied += 1,
                    (Fact::RoomEmptied {}, Some(_)) | (_, None) => {
                        panic!("only the emptied room is nobody's event")
                    }
                    _ => {}
                }
            }
        }
        None
    }

    fn note_message(&mut self, connection: ConnectionId, message: &ServerMessage) {
        assert!(self.open.contains(&connection), "{message:?} to nobody");
        let message = serde_json::to_value(message).unwrap();
        let kind = message["type"].as_str().unwrap();
        let Some(who) = self.model.holder(connection.0) else {
            // What was under way when the hearing ended.
            assert!(matches!(kind, "pong" | "quality"), "{kind} to whom?");
            return;
        };
        match kind {
            "waiting" | "joined" => {
                assert_eq!(message["participant"], who.as_str());
                let secret = self.model.sitting[&who].secret.as_str();
                assert_eq!(message["resume"], secret);
                let waits = self.model.place(&who) == Some(Place::Waiting);
                assert_eq!(message["type"] == "waiting", waits, "{who}");
                self.secrets.insert(who, secret.to_owned());
            }
            "state" => {
                self.told.insert(connection, message);
            }
            "seal" => {
                let from = message["from"].as_str().unwrap();
                assert!(
                    self.model.may_seal_for(from, &who),
                    "{from} seals for {who}"
                );
                self.sealed.insert((from.to_owned(), who));
            }
            "pong" | "seal_refused" => {}
            "quality" => assert_ne!(self.model.place(&who), Some(Place::Waiting)),
            other => panic!("the room itself says {other}"),
        }
    }

    fn note_offer(&mut self, wanted: &Negotiation) -> Option<Event> {
        let (peer, connection) = (wanted.peer, wanted.connection);
        assert!(self.open.contains(&connection), "an offer to nobody");
        let transport = self.transports.get_mut(&peer).unwrap();
        let who = transport.who.as_str();
        assert_eq!(self.model.holder(connection.0).as_deref(), Some(who));
        assert_ne!(self.model.place(who), Some(Place::Waiting), "{who} waits");
        assert_eq!(transport.awaiting, None, "one offer at a time");
        assert_eq!(
            wanted.fresh, !transport.offered,
            "a new transport is told as such"
        );
        for source in &wanted.receive {
            let other = &self.seats[&source.seat];
            assert!(self.model.may_meet(who, other), "{who} offered {other}");
            assert!(self.model.sends(other).contains(&source.kind));
        }
        let number = self.negotiations.entry(who.to_owned()).or_default();
        assert!(*number < wanted.negotiation, "the numbers of {who} grow");
        *number = wanted.negotiation;
        assert_eq!(wanted.publish, self.model.sends(who));
        assert_eq!(wanted.codecs, self.model.codecs(who), "{who}");
        self.offers_made += 1;
        transport.offered = true;
        transport.awaiting = Some((connection, wanted.negotiation));
        if std::mem::replace(&mut transport.codecs, wanted.codecs) != wanted.codecs
            && transport.fixed
        {
            // No offer is made of it, so nobody will answer.
            transport.deaf = true;
            return Some(Event::PeerFailed { peer });
        }
        for (_, source) in &mut transport.offer {
            *source = source.filter(|source| wanted.receive.contains(source));
        }
        for source in &wanted.receive {
            let offer = &mut transport.offer;
            if offer.iter().any(|(_, held)| *held == Some(*source)) {
                continue;
            }
            let free = (source.kind, None);
            match offer.iter_mut().find(|line| **line == free) {
                Some((_, carried)) => *carried = Some(*source),
                None => offer.push((source.kind, Some(*source))),
            }
        }
        None
    }

    // What must hold after every step.

    fn check(&mut self) {
        let mut again = Vec::new();
        let now = self.now();
        self.room.settle(now, &mut again);
        assert_eq!(again, [], "a settled room asks for nothing more");
        self.check_consequences();
        self.check_seats();
        self.check_packets();
        assert!(self.sealed.is_superset(&self.seals_due));
        self.sealed.clear();
        self.seals_due.clear();
        self.keyframes.clear();
    }

    fn check_consequences(&mut self) {
        let mut due = std::mem::take(&mut self.model.due);
        let mut done = std::mem::take(&mut self.done);
        for all in [&mut due, &mut done] {
            all.closed.sort_unstable();
            all.left.sort_by(|a, b| a.0.cmp(&b.0));
        }
        assert_eq!(done, due);
    }

    fn check_seats(&self) {
        for connection in &self.open {
            let who = self.model.holder(connection.0);
            assert!(who.is_some(), "{connection:?} is open and has no seat");
        }
        for (who, sitting) in &self.model.sitting {
            let place = self.model.place(who).unwrap();
            let has_transport = self.transport_of(who).is_some();
            if place == Place::Waiting {
                assert!(!has_transport, "{who} waits with a transport");
            }
            if let Some(connection) = sitting.connection {
                let connection = ConnectionId(connection);
                assert!(self.open.contains(&connection));
                assert_eq!(has_transport, place != Place::Waiting, "{who}");
                assert_eq!(self.told[&connection], self.model.view(who), "{who}");
            }
        }
        for transport in self.transports.values() {
            assert!(self.model.sitting.contains_key(&transport.who));
        }
        let presence = self.room.presence();
        for seat in presence.participants {
            let sitting = self.model.sitting.get(seat.participant.as_str());
            let connected = sitting.is_some_and(|sitting| sitting.connection.is_some());
            assert_eq!(seat.connected, connected, "{:?}", seat.participant);
        }
    }

    /// Everybody sends a packet: it reaches those who may hear it and negotiated
    /// a line for it, nobody else, and no line misses or repeats a number.
    fn check_packets(&mut self) {
        let mut received = BTreeSet::new();
        let senders: BTreeSet<PeerId> = self.transports.keys().copied().collect();
        for sender in senders.iter().copied() {
            let transport = self.transports.get_mut(&sender).unwrap();
            transport.count = transport.count.wrapping_add(1);
            let (who, count) = (transport.who.clone(), transport.count);
            for kind in MediaKind::ALL {
                let source = Source {
                    seat: sender.seat,
                    kind,
                };
                let expected: BTreeSet<(PeerId, LineId)> = self
                    .transports
                    .iter()
                    .filter(|(_, to)| self.model.may_hear(&to.who, &who))
                    .filter(|(_, to)| !self.model.hides(&to.who, &who, kind))
                    .filter(|_| self.model.sends(&who).contains(&kind))
                    .filter_map(|(to, held)| Some((*to, *held.lines.get(&source)?)))
                    .collect();
                let seen = self.route(source, count);
                assert_eq!(seen, expected, "whom {kind:?} of {who} reaches");
                received.extend(
                    expected
                        .into_iter()
                        .filter(|(to, _)| self.transports[to].connected)
                        .map(|(to, line)| (to, line, sender, kind)),
                );
            }
        }
        for (_, _, sender, kind) in received.difference(&self.received) {
            let (seat, kind) = (sender.seat, *kind);
            // A browser's new connection begins with a keyframe by itself.
            assert!(
                kind == MediaKind::Audio
                    || self.keyframes.contains(&Source { seat, kind })
                    || !self.senders.contains(sender),
                "{sender:?} is newly received and owes a keyframe"
            );
        }
        self.received = received;
        self.senders = senders;
    }

    /// Sends a packet; answers which lines it reached.
    fn route(&mut self, source: Source, count: u16) -> BTreeSet<(PeerId, LineId)> {
        let packet = RtpPacket {
            payload_type: 96,
            marker: false,
            sequence: count,
            timestamp: u32::from(count) * 960,
            payload: Bytes::new(),
        };
        let mut reached = Vec::new();
        let table = self.room.forwarding();
        table.route(source, 0, &packet, false, std::time::Instant::now(), |to| {
            reached.push((to.subscriber, to.line, to.sequence));
        });
        let mut seen = BTreeSet::new();
        for (subscriber, line, sequence) in reached {
            let to = self
                .transports
                .keys()
                .find(|peer| peer.seat == subscriber)
                .copied()
                .expect("packets go to transports");
            assert!(seen.insert((to, line)), "twice on one line");
            if let Some(before) = self.numbers.insert((to, line), sequence) {
                assert_eq!(sequence, before.wrapping_add(1), "{to:?} {line:?}");
            }
        }
        seen
    }
}
