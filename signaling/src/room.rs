//! One room as a value: an event in, actions out. Who waits, who is in, which
//! connection holds which seat, when to negotiate, and what to tell whom.
//!
//! After every event the room *settles*: it compares what should be (its
//! document) with what is (seats, connections, transports) and asks for the
//! difference. So no order of events needs a special case, and a lost message is
//! mended by the next. Nothing here touches sockets, threads, clocks or packets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::forwarding::{Forwarding, SeatIndex, Source};
use crate::protocol::{
    Can, ClientMessage, CloseCode, MediaKind, ParticipantView, Quality, RoomView, ServerMessage,
};
use crate::room_document::{
    Fact, IncidentKind, LeftReason, ParticipantId, ParticipantPresence, Place, RoomDocument,
    RoomEvent, RoomPresence, RoomRefusal, RoomState, Seat,
};
use crate::transport::{Codecs, LineId};
use crate::watchdog::{Change, Watchdog};
use sealing::Sealing;

mod sealing;

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
    /// Time passes; with when each transport last received each kind.
    Tick { last_packets: Vec<LastPacket> },
}

/// When a transport last received something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastPacket {
    pub peer: PeerId,
    /// By the kind's index.
    pub at: [Option<Instant>; MediaKind::ALL.len()],
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
        compatible: bool,
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

/// A browser answers within milliseconds; after this its page is stuck and a
/// fresh offer is the best that can be done.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A path is found and keys are agreed within a second or two; after this
/// something is wrong that a fresh attempt may put right.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Another path costs checks or a handshake: at most one a second for each participant.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// A room.
pub(crate) struct Room {
    document: RoomDocument,
    limits: RoomLimits,
    occupants: BTreeMap<ParticipantId, Occupant>,
    numbers: BTreeMap<ParticipantId, SeatIndex>,
    next_number: u32,
    next_turn: u32,
    /// The number of the last offer; of all seats, so that a page that comes back
    /// cannot take one offer for another.
    last_negotiation: u32,
    forwarding: Forwarding,
    sealing: Sealing,
}

/// Who holds a seat, or held it a moment ago.
struct Occupant {
    index: SeatIndex,
    generation: u32,
    resume: String,
    connection: Option<ConnectionId>,
    lost_at: Option<Moment>,
    /// What the connection was last told: waiting or in.
    greeted: Option<Greeting>,
    can: Can,
    audio: bool,
    video: bool,
    peer: Option<Peer>,
    /// When another path was last given: a fresh transport, or new ICE credentials.
    restarted_at: Option<Instant>,
    restart_wanted: Option<Restart>,
    /// The last transport was answered and never connected: the next one puts up
    /// with older encryption.
    compatible: bool,
    view: Option<RoomView>,
    audio_watch: Watchdog,
    video_watch: Watchdog,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greeting {
    Waiting,
    Joined,
}

/// What mends a participant's path; the second is wanted where the first did not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Restart {
    /// New ICE credentials for the same transport.
    Ice,
    /// A fresh transport.
    Fresh,
}

/// A seat's transport, as the room knows it.
struct Peer {
    id: PeerId,
    publish: Vec<MediaKind>,
    connected: bool,
    answered_once: bool,
    /// When it should have begun to connect.
    answered_at: Option<Instant>,
    /// The offer without an answer yet.
    awaiting: Option<(u32, Instant)>,
    /// The last offer was of another path: the first one, or with new ICE credentials.
    mends: bool,
    /// Whom the last offer lets the participant receive.
    offered: Option<Vec<SeatIndex>>,
}

impl Occupant {
    /// Whether another path may be given again.
    fn rested(&self, now: Moment) -> bool {
        self.restarted_at
            .is_none_or(|at| now.instant.saturating_duration_since(at) >= RESTART_PAUSE)
    }
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
                if let Some(held) = self.peer_mut(peer) {
                    let fresh = !held.answered_once;
                    held.answered_once = true;
                    held.answered_at.get_or_insert(now.instant);
                    held.awaiting = None;
                    let connected = held.connected;
                    let new = self.forwarding.connect(peer.seat, &lines, fresh);
                    if connected {
                        actions.extend(
                            new.into_iter()
                                .filter(|source| self.forwarding.allows(peer.seat, source.seat))
                                .map(|source| Action::Keyframe { source, layer: 0 }),
                        );
                    }
                }
            }
            Event::AnswerRefused { peer } => {
                if let Some(connection) = self.occupant_of(peer).and_then(|o| o.connection) {
                    actions.push(Action::Close(connection, CloseCode::Malformed));
                    self.lose(connection, true, now, &mut actions);
                }
            }
            Event::PeerConnected { peer } => {
                if let Some(held) = self.peer_mut(peer) {
                    held.connected = true;
                    let sources = self.forwarding.images_of(peer.seat);
                    actions
                        .extend(sources.map(|(source, layer)| Action::Keyframe { source, layer }));
                }
            }
            Event::PeerFailed { peer } => {
                if let Some(occupant) = self.occupant_of_mut(peer) {
                    let restarting = occupant.peer.as_ref().is_some_and(|peer| {
                        peer.answered_once && peer.awaiting.is_some() && peer.mends
                    });
                    if restarting {
                        // Another path was not to be had that way: this is the same try.
                        occupant.restarted_at = None;
                    }
                    occupant.restart_wanted = Some(Restart::Fresh);
                }
            }
            Event::KeyframeWanted { peer, line } => {
                if self.peer_mut(peer).is_some()
                    && let Some((source, layer)) = self.forwarding.source_of(peer.seat, line)
                {
                    actions.push(Action::Keyframe { source, layer });
                }
            }
            Event::Quality { peer, quality } => self.measure(peer, quality, now, &mut actions),
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

    /// Whether the hearing is over, by its document or by its time.
    pub fn is_over(&self, now: Moment) -> bool {
        self.document.state == RoomState::Ended || now.unix_ms >= self.document.expires_at_ms
    }

    /// Whether nothing is lost by forgetting the room. A room that ended is kept
    /// until it expires, so that a late, older document cannot open it again.
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

    fn is_connected(&self, participant: &ParticipantId) -> bool {
        self.occupants
            .get(participant)
            .is_some_and(|occupant| occupant.connection.is_some())
    }

    fn occupant_of(&self, peer: PeerId) -> Option<&Occupant> {
        self.occupants
            .values()
            .find(|occupant| occupant.peer.as_ref().is_some_and(|held| held.id == peer))
    }

    fn occupant_of_mut(&mut self, peer: PeerId) -> Option<&mut Occupant> {
        self.occupants
            .values_mut()
            .find(|occupant| occupant.peer.as_ref().is_some_and(|held| held.id == peer))
    }

    fn peer_mut(&mut self, peer: PeerId) -> Option<&mut Peer> {
        self.occupant_of_mut(peer)
            .and_then(|occupant| occupant.peer.as_mut())
    }

    fn number(&mut self, participant: &ParticipantId) -> SeatIndex {
        if let Some(number) = self.numbers.get(participant) {
            return *number;
        }
        let number = SeatIndex(self.next_number);
        self.next_number += 1;
        self.numbers.insert(participant.clone(), number);
        number
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

    #[allow(clippy::too_many_arguments)]
    fn arrive(
        &mut self,
        connection: ConnectionId,
        participant: ParticipantId,
        generation: u32,
        resume: Option<&str>,
        can: Can,
        secret: String,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        if self.is_over(now) {
            actions.push(Action::Close(connection, CloseCode::Ended));
            return;
        }
        let Some(seat) = self.document.seat(&participant) else {
            actions.push(Action::Close(connection, CloseCode::NotInRoom));
            return;
        };
        let held = self.occupants.get(&participant);
        let oldest = held.map_or(seat.generation, |held| held.generation.max(seat.generation));
        if generation < oldest {
            actions.push(Action::Close(connection, CloseCode::Replaced));
            return;
        }
        let index = self.number(&participant);
        let Some(occupant) = self.occupants.get_mut(&participant) else {
            self.occupants.insert(
                participant.clone(),
                Occupant {
                    index,
                    generation,
                    resume: secret,
                    connection: Some(connection),
                    lost_at: None,
                    greeted: None,
                    can,
                    audio: true,
                    video: true,
                    peer: None,
                    restarted_at: None,
                    restart_wanted: None,
                    compatible: false,
                    view: None,
                    audio_watch: Watchdog::default(),
                    video_watch: Watchdog::default(),
                },
            );
            self.tell(
                Some(&participant),
                Fact::Joined { resumed: false },
                now,
                actions,
            );
            return;
        };
        if let Some(former) = occupant.connection.replace(connection) {
            actions.push(Action::Close(former, CloseCode::Replaced));
        }
        // The secret proves that the page still holds its end of the transport.
        // Even then an unanswered offer may have gone down with the old
        // connection, and only a fresh one settles that.
        let resumes = resume == Some(occupant.resume.as_str())
            && generation == occupant.generation
            && occupant
                .peer
                .as_ref()
                .is_none_or(|peer| peer.awaiting.is_none());
        if !resumes {
            close_peer(occupant, &mut self.forwarding, actions);
        }
        occupant.generation = generation;
        occupant.resume = secret;
        occupant.can = can;
        occupant.greeted = None;
        occupant.view = None;
        if let Some(lost_at) = occupant.lost_at.take() {
            self.tell(
                Some(&participant),
                Fact::Incident {
                    kind: IncidentKind::Signaling,
                    from_ms: lost_at.unix_ms,
                    to_ms: now.unix_ms,
                },
                now,
                actions,
            );
        }
        self.tell(
            Some(&participant),
            Fact::Joined { resumed: true },
            now,
            actions,
        );
    }

    fn listen(
        &mut self,
        connection: ConnectionId,
        message: ClientMessage,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Some((participant, occupant)) = self
            .occupants
            .iter_mut()
            .find(|(_, occupant)| occupant.connection == Some(connection))
        else {
            // A message that crossed our own closing of the connection.
            return;
        };
        match message {
            ClientMessage::Join { .. } => {
                actions.push(Action::Close(connection, CloseCode::Malformed));
                self.lose(connection, true, now, actions);
            }
            ClientMessage::Answer { negotiation, sdp } => {
                if let Some(peer) = &occupant.peer
                    && peer
                        .awaiting
                        .is_some_and(|(awaited, _)| awaited == negotiation)
                {
                    actions.push(Action::Answer { peer: peer.id, sdp });
                }
            }
            // The browser comes to the node, so its candidates are not needed.
            ClientMessage::Candidate { .. } => {}
            ClientMessage::RestartIce { fresh } => {
                let wanted = match &occupant.peer {
                    _ if fresh => Some(Restart::Fresh),
                    // The offer under way is of another path already.
                    Some(peer) if peer.awaiting.is_some() && peer.mends => None,
                    // What never connected has no path that could be replaced.
                    Some(peer) if !peer.connected => Some(Restart::Fresh),
                    _ => Some(Restart::Ice),
                };
                occupant.restart_wanted = occupant.restart_wanted.max(wanted);
            }
            ClientMessage::Media { audio, video } => {
                occupant.audio = audio;
                occupant.video = video;
            }
            ClientMessage::Seal { to, sealed } => {
                let participant = participant.clone();
                self.relay(&participant, connection, to.as_ref(), sealed, actions);
            }
            ClientMessage::Leave {} => {
                let participant = participant.clone();
                actions.push(Action::Close(connection, CloseCode::Normal));
                self.vacate(&participant, LeftReason::Left, now, actions);
            }
            ClientMessage::Ping { t } => {
                actions.push(Action::Send(connection, ServerMessage::Pong { t }));
            }
        }
    }

    /// A connection is gone. Somebody who broke a limit loses the seat at once;
    /// anybody else keeps it for a while, and their media goes on meanwhile.
    fn lose(
        &mut self,
        connection: ConnectionId,
        refused: bool,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Some((participant, occupant)) = self
            .occupants
            .iter_mut()
            .find(|(_, occupant)| occupant.connection == Some(connection))
        else {
            return;
        };
        if refused {
            let participant = participant.clone();
            self.vacate(&participant, LeftReason::Refused, now, actions);
        } else {
            occupant.connection = None;
            occupant.lost_at = Some(now);
        }
    }

    fn vacate(
        &mut self,
        participant: &ParticipantId,
        reason: LeftReason,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Some(mut occupant) = self.occupants.remove(participant) else {
            return;
        };
        close_peer(&mut occupant, &mut self.forwarding, actions);
        self.tell(Some(participant), Fact::Left { reason }, now, actions);
        if self.occupants.is_empty() {
            self.sealing = Sealing::default();
            self.tell(None, Fact::RoomEmptied {}, now, actions);
        }
    }

    fn measure(&mut self, peer: PeerId, quality: Quality, now: Moment, actions: &mut Vec<Action>) {
        let Some((participant, connection)) = self
            .occupants
            .iter()
            .find(|(_, occupant)| occupant.peer.as_ref().is_some_and(|held| held.id == peer))
            .map(|(participant, occupant)| (participant.clone(), occupant.connection))
        else {
            return;
        };
        if let Some(connection) = connection {
            actions.push(Action::Send(connection, ServerMessage::Quality(quality)));
        }
        self.tell(Some(&participant), Fact::Quality { quality }, now, actions);
    }

    fn tick(&mut self, last_packets: &[LastPacket], now: Moment, actions: &mut Vec<Action>) {
        let lost: Vec<ParticipantId> = self
            .occupants
            .iter()
            .filter(|(_, occupant)| {
                occupant.lost_at.is_some_and(|lost_at| {
                    now.instant.saturating_duration_since(lost_at.instant) >= self.limits.grace
                })
            })
            .map(|(participant, _)| participant.clone())
            .collect();
        for participant in lost {
            self.vacate(&participant, LeftReason::Lost, now, actions);
        }

        let mut told = Vec::new();
        let open = self.document.state == RoomState::Open;
        for (participant, occupant) in &mut self.occupants {
            let last = occupant
                .peer
                .as_ref()
                .and_then(|peer| last_packets.iter().find(|last| last.peer == peer.id));
            let publishes = |kind| {
                occupant
                    .peer
                    .as_ref()
                    .is_some_and(|peer| peer.publish.contains(&kind))
            };
            for (kind, meant, last, watch) in [
                (
                    MediaKind::Audio,
                    occupant.audio && publishes(MediaKind::Audio),
                    last.and_then(|last| last.at[MediaKind::Audio.index()]),
                    &mut occupant.audio_watch,
                ),
                (
                    MediaKind::Video,
                    occupant.video && publishes(MediaKind::Video),
                    last.and_then(|last| last.at[MediaKind::Video.index()]),
                    &mut occupant.video_watch,
                ),
            ] {
                let silence = self.limits.media_silence;
                if let Some(change) = watch.observe(now.instant, last, meant && open, silence) {
                    told.push((participant.clone(), kind, change));
                }
            }
        }
        for (participant, kind, change) in told {
            self.tell_change(&participant, kind, change, now, actions);
        }

        for occupant in self.occupants.values_mut() {
            let since = |instant| now.instant.saturating_duration_since(instant);
            if occupant.peer.as_ref().is_some_and(|peer| {
                let unanswered = peer
                    .awaiting
                    .is_some_and(|(_, offered_at)| since(offered_at) >= ANSWER_WITHIN);
                let unconnected = peer
                    .answered_at
                    .is_some_and(|answered_at| since(answered_at) >= CONNECT_WITHIN);
                unanswered || (unconnected && !peer.connected)
            }) {
                occupant.restart_wanted = Some(Restart::Fresh);
            }
        }
    }

    fn tell_change(
        &self,
        participant: &ParticipantId,
        kind: MediaKind,
        change: Change,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        match change {
            Change::Started => {
                self.tell(Some(participant), Fact::MediaStarted { kind }, now, actions);
            }
            Change::Stopped { .. } => {
                self.tell(Some(participant), Fact::MediaStopped { kind }, now, actions);
            }
            Change::Resumed { since } => {
                self.tell(Some(participant), Fact::MediaResumed { kind }, now, actions);
                let incident = Fact::Incident {
                    kind: match kind {
                        MediaKind::Audio => IncidentKind::Audio,
                        MediaKind::Video | MediaKind::Screen => IncidentKind::Video,
                    },
                    from_ms: now.unix_ms_at(since),
                    to_ms: now.unix_ms,
                };
                self.tell(Some(participant), incident, now, actions);
            }
        }
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
        for participant in self.present() {
            self.settle_view(&participant, actions);
        }
    }

    fn present(&self) -> Vec<ParticipantId> {
        self.occupants.keys().cloned().collect()
    }

    /// Nobody stays whom the document does not seat.
    fn settle_seats(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let over = self.is_over(now);
        for participant in self.present() {
            let occupant = &self.occupants[&participant];
            let verdict = if over {
                Some((CloseCode::Ended, LeftReason::Ended))
            } else {
                match self.document.seat(&participant) {
                    None => Some((CloseCode::NotInRoom, LeftReason::Removed)),
                    Some(seat) if seat.generation > occupant.generation => {
                        Some((CloseCode::Replaced, LeftReason::Removed))
                    }
                    Some(_) => None,
                }
            };
            if let Some((code, reason)) = verdict {
                if let Some(connection) = occupant.connection {
                    actions.push(Action::Close(connection, code));
                }
                self.vacate(&participant, reason, now, actions);
            }
        }
        let seated: BTreeSet<&ParticipantId> = self
            .document
            .seats
            .iter()
            .map(|seat| &seat.participant)
            .collect();
        self.numbers
            .retain(|participant, _| seated.contains(participant));
    }

    /// Whoever is in has a transport; whoever waits has none.
    fn settle_peer(&mut self, participant: &ParticipantId, now: Moment, actions: &mut Vec<Action>) {
        let (Some(occupant), Some(seat)) = (
            self.occupants.get_mut(participant),
            self.document.seat(participant),
        ) else {
            return;
        };
        let greeting = match seat.place {
            Place::Waiting => Greeting::Waiting,
            Place::In | Place::Aside => Greeting::Joined,
        };
        let publish = publish_of(seat);
        let outdated = occupant
            .peer
            .as_ref()
            .is_some_and(|peer| peer.publish != publish);
        let fresh_wanted = occupant.restart_wanted == Some(Restart::Fresh);
        if greeting == Greeting::Waiting
            || outdated
            || (fresh_wanted && occupant.rested(now) && occupant.connection.is_some())
        {
            if let Some(peer) = &occupant.peer
                && fresh_wanted
            {
                occupant.compatible |= peer.answered_once && !peer.connected;
            }
            occupant.restart_wanted = None;
            close_peer(occupant, &mut self.forwarding, actions);
        }
        let Some(connection) = occupant.connection else {
            return;
        };
        if occupant.greeted != Some(greeting) {
            occupant.greeted = Some(greeting);
            let (participant, resume) = (participant.clone(), occupant.resume.clone());
            let message = match greeting {
                Greeting::Waiting => ServerMessage::Waiting {
                    participant,
                    resume,
                },
                Greeting::Joined => ServerMessage::Joined {
                    participant,
                    resume,
                },
            };
            actions.push(Action::Send(connection, message));
        }
        if greeting == Greeting::Joined && occupant.peer.is_none() {
            let id = PeerId {
                seat: occupant.index,
                turn: self.next_turn,
            };
            self.next_turn = self.next_turn.wrapping_add(1);
            occupant.restart_wanted = None;
            occupant.restarted_at = Some(now.instant);
            self.forwarding.restart_source(id.seat);
            occupant.peer = Some(Peer {
                id,
                publish: publish.clone(),
                connected: false,
                answered_once: false,
                answered_at: None,
                awaiting: None,
                mends: false,
                offered: None,
            });
            actions.push(Action::OpenPeer {
                peer: id,
                publish,
                codecs: Codecs::default(),
                simulcast: false,
                compatible: occupant.compatible,
            });
        }
    }

    /// Every transport offers exactly whom its participant should hear.
    fn settle_negotiation(
        &mut self,
        participant: &ParticipantId,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        // Lines follow places and presence, not pauses: a pause is only silence.
        let Some(seat) = self.document.seat(participant) else {
            return;
        };
        let hears: Vec<SeatIndex> = self
            .occupants
            .iter()
            .filter(|(other, occupant)| {
                *other != participant
                    && occupant.peer.is_some()
                    && seat.hears.contains(other)
                    && self
                        .document
                        .seat(other)
                        .is_some_and(|other| other.place == seat.place)
            })
            .map(|(_, occupant)| occupant.index)
            .collect();
        let Some(occupant) = self.occupants.get_mut(participant) else {
            return;
        };
        let restart_ice = occupant.restart_wanted == Some(Restart::Ice) && occupant.rested(now);
        let (Some(connection), Some(peer)) = (occupant.connection, occupant.peer.as_mut()) else {
            return;
        };
        let nothing_to_offer =
            peer.publish.is_empty() && hears.is_empty() && peer.offered.is_none();
        let as_offered = peer.offered.as_ref() == Some(&hears) && !restart_ice;
        if peer.awaiting.is_some() || nothing_to_offer || as_offered {
            return;
        }
        if restart_ice {
            occupant.restart_wanted = None;
            occupant.restarted_at = Some(now.instant);
        }
        self.last_negotiation = self.last_negotiation.wrapping_add(1);
        let negotiation = self.last_negotiation;
        let fresh = peer.offered.is_none();
        peer.awaiting = Some((negotiation, now.instant));
        peer.mends = fresh || restart_ice;
        peer.offered = Some(hears.clone());
        let receive = hears
            .into_iter()
            .flat_map(|seat| [MediaKind::Audio, MediaKind::Video].map(|kind| Source { seat, kind }))
            .collect();
        actions.push(Action::Negotiate(Negotiation {
            peer: peer.id,
            connection,
            negotiation,
            fresh,
            restart_ice,
            publish: peer.publish.clone(),
            receive,
        }));
    }

    fn settle_forwarding(&mut self, actions: &mut Vec<Action>) {
        let mut allowed = BTreeSet::new();
        for (subscriber, hearing) in &self.occupants {
            for (publisher, heard) in &self.occupants {
                if self.document.hears(subscriber, publisher) {
                    allowed.insert((hearing.index, heard.index));
                }
            }
        }
        actions.extend(
            self.forwarding
                .allow(allowed)
                .into_iter()
                .map(|source| Action::Keyframe { source, layer: 0 }),
        );
    }

    fn settle_view(&mut self, participant: &ParticipantId, actions: &mut Vec<Action>) {
        let Some(view) = self.view_of(participant) else {
            return;
        };
        let Some(occupant) = self.occupants.get_mut(participant) else {
            return;
        };
        let Some(connection) = occupant.connection else {
            return;
        };
        if occupant.view.as_ref() != Some(&view) {
            occupant.view = Some(view.clone());
            actions.push(Action::Send(connection, ServerMessage::State(view)));
        }
    }

    /// What a participant may know: in the waiting room, only of themselves.
    fn view_of(&self, participant: &ParticipantId) -> Option<RoomView> {
        let own = self.document.seat(participant)?;
        let participants = self
            .document
            .seats
            .iter()
            .filter(|seat| own.place != Place::Waiting || seat.participant == *participant)
            .map(|seat| {
                let occupant = self.occupants.get(&seat.participant);
                ParticipantView {
                    participant: seat.participant.clone(),
                    role: seat.role,
                    label: seat.label.clone(),
                    place: seat.place,
                    connected: self.is_connected(&seat.participant),
                    audio: occupant.is_some_and(|occupant| occupant.audio)
                        && seat.publish.contains(&MediaKind::Audio),
                    video: occupant.is_some_and(|occupant| occupant.video)
                        && seat.publish.contains(&MediaKind::Video),
                    encryption: occupant.map(|occupant| occupant.can.encryption.is_some()),
                }
            })
            .collect();
        let hears = self
            .document
            .seats
            .iter()
            .map(|seat| &seat.participant)
            .filter(|other| self.document.hears(participant, other))
            .cloned()
            .collect();
        Some(RoomView {
            version: self.document.version,
            state: self.document.state,
            place: own.place,
            participants,
            hears,
        })
    }
}

/// What a seat may send, each kind once, sound first.
fn publish_of(seat: &Seat) -> Vec<MediaKind> {
    let kinds: BTreeSet<MediaKind> = seat.publish.iter().copied().collect();
    kinds.into_iter().collect()
}

fn close_peer(occupant: &mut Occupant, forwarding: &mut Forwarding, actions: &mut Vec<Action>) {
    if let Some(peer) = occupant.peer.take() {
        forwarding.connect(peer.id.seat, &[], true);
        actions.push(Action::ClosePeer { peer: peer.id });
    }
}

#[cfg(test)]
mod lives;
#[cfg(test)]
mod tests;
