//! Who holds a seat: taking it, coming back to it, saying something from it, and
//! losing it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::layers::Ladder;
use super::negotiation::{MOST_CANDIDATES, Peer, RESTART_PAUSE, Restart, close_peer};
use super::sealing::Sealing;
use super::{Action, ConnectionId, Moment, PeerId, Room};
use crate::forwarding::{SeatIndex, Source};
use crate::protocol::{Can, ClientMessage, CloseCode, MediaKind, RoomView, ServerMessage};
use crate::rate::Bucket;
use crate::room_document::{Fact, IncidentKind, LeftReason, ParticipantId};
use crate::watchdog::Watchdog;

/// Who holds a seat, or held it a moment ago.
pub(super) struct Occupant {
    pub(super) index: SeatIndex,
    pub(super) generation: u32,
    pub(super) resume: String,
    pub(super) connection: Option<ConnectionId>,
    pub(super) lost_at: Option<Moment>,
    /// What the connection was last told: waiting or in.
    pub(super) greeted: Option<Greeting>,
    pub(super) can: Can,
    pub(super) audio: bool,
    pub(super) video: bool,
    /// They asked to share their screen, and may.
    pub(super) screen: bool,
    /// How high their page shows whose image.
    pub(super) wants: BTreeMap<(ParticipantId, MediaKind), u32>,
    pub(super) ladders: BTreeMap<Source, Ladder>,
    pub(super) peer: Option<Peer>,
    /// When another path was last given: a fresh transport, or new ICE credentials.
    pub(super) restarted_at: Option<Instant>,
    pub(super) restart_wanted: Option<Restart>,
    pub(super) view: Option<RoomView>,
    pub(super) audio_watch: Watchdog,
    pub(super) video_watch: Watchdog,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    Waiting,
    Joined,
}

impl Occupant {
    /// The kinds that should come and do not.
    pub(super) fn silent(&self) -> Vec<MediaKind> {
        [
            (MediaKind::Audio, &self.audio_watch),
            (MediaKind::Video, &self.video_watch),
        ]
        .into_iter()
        .filter(|(_, watch)| watch.is_stopped())
        .map(|(kind, _)| kind)
        .collect()
    }

    /// Whether another path may be given again.
    pub(super) fn rested(&self, now: Moment) -> bool {
        self.restarted_at
            .is_none_or(|at| now.instant.saturating_duration_since(at) >= RESTART_PAUSE)
    }
}

/// How often one seat may be taken: a page comes back with back-off, a person
/// who reloads it in anger a few times in a row.
const VISITS_PER_SECOND: u32 = 1;
const VISITS_AT_ONCE: u32 = 20;

impl Room {
    pub(super) fn is_connected(&self, participant: &ParticipantId) -> bool {
        self.occupants
            .get(participant)
            .is_some_and(|occupant| occupant.connection.is_some())
    }

    pub(super) fn occupant_of(&self, peer: PeerId) -> Option<&Occupant> {
        self.occupants
            .values()
            .find(|occupant| occupant.peer.as_ref().is_some_and(|held| held.id == peer))
    }

    pub(super) fn occupant_of_mut(&mut self, peer: PeerId) -> Option<&mut Occupant> {
        self.occupants
            .values_mut()
            .find(|occupant| occupant.peer.as_ref().is_some_and(|held| held.id == peer))
    }

    pub(super) fn peer_mut(&mut self, peer: PeerId) -> Option<&mut Peer> {
        self.occupant_of_mut(peer)
            .and_then(|occupant| occupant.peer.as_mut())
    }

    pub(super) fn number(&mut self, participant: &ParticipantId) -> SeatIndex {
        if let Some(number) = self.numbers.get(participant) {
            return *number;
        }
        let number = SeatIndex(self.next_number);
        self.next_number += 1;
        self.numbers.insert(participant.clone(), number);
        number
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn arrive(
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
        if let Some((code, _)) = self.farewell(now) {
            actions.push(Action::Close(connection, code));
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
        // Each visit may cost a transport and a message to everybody in the room.
        let visits = self
            .visits
            .entry(participant.clone())
            .or_insert_with(|| Bucket::new(VISITS_PER_SECOND, VISITS_AT_ONCE, now.instant));
        if !visits.take(now.instant) {
            actions.push(Action::Close(connection, CloseCode::TooMany));
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
                    screen: false,
                    wants: BTreeMap::new(),
                    ladders: BTreeMap::new(),
                    peer: None,
                    restarted_at: None,
                    restart_wanted: None,
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
            // A page that begins anew shares nothing yet.
            occupant.screen = false;
            occupant.wants.clear();
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

    /// Whose connection that is.
    fn on(&mut self, connection: ConnectionId) -> Option<(&ParticipantId, &mut Occupant)> {
        self.occupants
            .iter_mut()
            .find(|(_, occupant)| occupant.connection == Some(connection))
    }

    pub(super) fn listen(
        &mut self,
        connection: ConnectionId,
        message: ClientMessage,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Some((participant, occupant)) = self.on(connection) else {
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
            // The browser comes to the node, so its candidates are not needed; too
            // many of them, or any without an offer, say that something is wrong there.
            ClientMessage::Candidate { .. } => match &mut occupant.peer {
                Some(peer) if peer.candidates < MOST_CANDIDATES => peer.candidates += 1,
                _ => actions.push(Action::CandidateDropped),
            },
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
            ClientMessage::Publish { kind, on } => {
                if kind == MediaKind::Screen {
                    occupant.screen = on;
                }
            }
            ClientMessage::Want {
                participant: of,
                kind,
                height,
            } => {
                let participant = participant.clone();
                self.want(&participant, of, kind, height);
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
    pub(super) fn lose(
        &mut self,
        connection: ConnectionId,
        refused: bool,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Some((participant, occupant)) = self.on(connection) else {
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

    pub(super) fn vacate(
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

    /// Nobody stays whom the document does not seat.
    pub(super) fn settle_seats(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let farewell = self.farewell(now);
        for participant in self.present() {
            let occupant = &self.occupants[&participant];
            let verdict = farewell.or_else(|| match self.document.seat(&participant) {
                None => Some((CloseCode::NotInRoom, LeftReason::Removed)),
                Some(seat) if seat.generation > occupant.generation => {
                    Some((CloseCode::Replaced, LeftReason::Removed))
                }
                Some(_) => None,
            });
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
        self.visits
            .retain(|participant, _| seated.contains(participant));
    }
}
