//! Transports and their offers: whoever is in has a transport, and every offer
//! names exactly what its participant sends and may receive.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::layers::Flow;
use super::occupant::{Greeting, Occupant};
use super::{Action, Moment, Negotiation, PeerId, Room};
use crate::forwarding::{Forwarding, Source};
use crate::protocol::{CloseCode, MediaKind, ServerMessage};
use crate::room_document::{ParticipantId, Place, Seat};
use crate::transport::{Codecs, LineId};

/// A browser answers within milliseconds; after this its page is stuck and a
/// fresh offer is the best that can be done.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A path is found and keys are agreed within a second or two; after this
/// something is wrong that a fresh attempt may put right.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Another path costs checks or a handshake: at most one a second for each participant.
pub(super) const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Candidates of a page that are taken for one offer. A browser has a few for each
/// network of its computer.
pub(super) const MOST_CANDIDATES: u32 = 64;

/// What mends a participant's path; the second is wanted where the first did not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Restart {
    /// New ICE credentials for the same transport.
    Ice,
    /// A fresh transport.
    Fresh,
}

/// A seat's transport, as the room knows it.
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) publish: Vec<MediaKind>,
    pub(super) connected: bool,
    pub(super) answered_once: bool,
    /// When it should have begun to connect.
    pub(super) answered_at: Option<Instant>,
    /// The offer without an answer yet.
    pub(super) awaiting: Option<(u32, Instant)>,
    /// The candidates that the page named since the last offer.
    pub(super) candidates: u32,
    /// The last offer was of another path: the first one, or with new ICE credentials.
    pub(super) mends: bool,
    pub(super) flow: Flow,
    /// Its way down carries no image at present.
    pub(super) narrow: bool,
    /// What the last offer said.
    pub(super) offered: Option<Lines>,
}

/// What an offer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    codecs: Codecs,
    publish: Vec<MediaKind>,
    receive: Vec<Source>,
}

impl Room {
    /// The last offer was answered: its lines carry what it named.
    pub(super) fn take_lines(
        &mut self,
        peer: PeerId,
        lines: &[(Source, LineId)],
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Some(held) = self.peer_mut(peer) else {
            return;
        };
        let fresh = !held.answered_once;
        held.answered_once = true;
        held.answered_at.get_or_insert(now.instant);
        held.awaiting = None;
        let connected = held.connected;
        let new = self.forwarding.connect(peer.seat, lines, fresh);
        if connected {
            actions.extend(
                new.into_iter()
                    .filter(|source| self.forwarding.allows(peer.seat, *source))
                    .map(|source| Action::Keyframe { source, layer: 0 }),
            );
        }
    }

    /// What was said to be an answer was none: a defect of the page.
    pub(super) fn refuse_answer(&mut self, peer: PeerId, now: Moment, actions: &mut Vec<Action>) {
        if let Some(connection) = self.occupant_of(peer).and_then(|o| o.connection) {
            actions.push(Action::Close(connection, CloseCode::Malformed));
            self.lose(connection, true, now, actions);
        }
    }

    /// Media can flow: every image owes a keyframe, since nothing was shown yet.
    pub(super) fn begin_media(&mut self, peer: PeerId, actions: &mut Vec<Action>) {
        if let Some(held) = self.peer_mut(peer) {
            held.connected = true;
            let sources = self.forwarding.images_of(peer.seat);
            actions.extend(sources.map(|(source, layer)| Action::Keyframe { source, layer }));
        }
    }

    /// A browser cannot show what a line carries.
    pub(super) fn relay_keyframe(&mut self, peer: PeerId, line: LineId, actions: &mut Vec<Action>) {
        if self.peer_mut(peer).is_some()
            && let Some((source, layer)) = self.forwarding.source_of(peer.seat, line)
        {
            actions.push(Action::Keyframe { source, layer });
        }
    }

    /// A transport cannot go on.
    pub(super) fn replace_peer(&mut self, peer: PeerId) {
        let Some(occupant) = self.occupant_of_mut(peer) else {
            return;
        };
        occupant.restart_wanted = Some(Restart::Fresh);
        let restarting = occupant
            .peer
            .as_ref()
            .is_some_and(|held| held.answered_once && held.awaiting.is_some() && held.mends);
        if restarting {
            // It could not take new ICE credentials: the same try goes on.
            occupant.restarted_at = None;
        }
    }

    /// Whoever is in has a transport; whoever waits has none.
    pub(super) fn settle_peer(
        &mut self,
        participant: &ParticipantId,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let codecs = self.codecs_of(participant);
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
        // A screen is shared only by whoever is in and may, and not again by itself.
        occupant.screen &=
            seat.publish.contains(&MediaKind::Screen) && greeting == Greeting::Joined;
        let publish = publish_of(seat, occupant);
        if let Some(peer) = &mut occupant.peer {
            peer.publish.clone_from(&publish);
        }
        let fresh_wanted = occupant.restart_wanted == Some(Restart::Fresh);
        if greeting == Greeting::Waiting
            || (fresh_wanted && occupant.rested(now) && occupant.connection.is_some())
        {
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
                candidates: 0,
                mends: false,
                flow: Flow::default(),
                narrow: false,
                offered: None,
            });
            actions.push(Action::OpenPeer {
                peer: id,
                publish,
                codecs,
                simulcast: occupant.can.simulcast == Some(1),
            });
        }
    }

    /// Every transport offers exactly whom its participant should hear.
    pub(super) fn settle_negotiation(
        &mut self,
        participant: &ParticipantId,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        // Lines follow places and presence, not pauses: a pause is only silence.
        let Some(seat) = self.document.seat(participant) else {
            return;
        };
        let receive: Vec<Source> = self
            .occupants
            .iter()
            .filter(|(other, _)| {
                *other != participant
                    && seat.hears.contains(other)
                    && self
                        .document
                        .seat(other)
                        .is_some_and(|other| other.place == seat.place)
            })
            .filter_map(|(_, occupant)| Some((occupant.index, occupant.peer.as_ref()?)))
            .flat_map(|(seat, peer)| {
                let source = move |kind: &MediaKind| Source { seat, kind: *kind };
                peer.publish.iter().map(source)
            })
            .collect();
        let codecs = self.codecs_of(participant);
        let Some(occupant) = self.occupants.get_mut(participant) else {
            return;
        };
        let restart_ice = occupant.restart_wanted == Some(Restart::Ice) && occupant.rested(now);
        let (Some(connection), Some(peer)) = (occupant.connection, occupant.peer.as_mut()) else {
            return;
        };
        let lines = Lines {
            codecs,
            publish: peer.publish.clone(),
            receive,
        };
        let nothing_to_offer =
            lines.publish.is_empty() && lines.receive.is_empty() && peer.offered.is_none();
        let as_offered = peer.offered.as_ref() == Some(&lines) && !restart_ice;
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
        peer.candidates = 0;
        peer.mends = fresh || restart_ice;
        peer.offered = Some(lines.clone());
        actions.push(Action::Negotiate(Negotiation {
            peer: peer.id,
            connection,
            negotiation,
            fresh,
            restart_ice,
            codecs: lines.codecs,
            publish: lines.publish,
            receive: lines.receive,
        }));
    }

    /// The codecs that everybody in a participant's place has: a packet reaches
    /// all of them as it came. Opus and VP8 go without saying.
    fn codecs_of(&self, participant: &ParticipantId) -> Codecs {
        let place = |of| self.document.seat(of).map(|seat| seat.place);
        let here = place(participant);
        let everyone = self
            .occupants
            .iter()
            .filter(|(other, _)| place(other) == here)
            .map(|(_, occupant)| occupant.can);
        everyone
            .map(|can| Codecs {
                vp9: can.codecs.vp9,
                av1: can.codecs.av1,
                h264: can.codecs.h264,
                red: can.redundancy == Some(1),
            })
            .reduce(|all, one| Codecs {
                vp9: all.vp9 && one.vp9,
                av1: all.av1 && one.av1,
                h264: all.h264 && one.h264,
                red: all.red && one.red,
            })
            .unwrap_or_default()
    }

    pub(super) fn settle_forwarding(&mut self, actions: &mut Vec<Action>) {
        let mut allowed = BTreeSet::new();
        for (subscriber, hearing) in &self.occupants {
            for (publisher, heard) in &self.occupants {
                if let Some(seat) = self.document.seat(publisher)
                    && self.document.hears(subscriber, publisher)
                {
                    allowed.extend(publish_of(seat, heard).into_iter().map(|kind| {
                        let seat = heard.index;
                        (hearing.index, Source { seat, kind })
                    }));
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
}

/// What somebody may send at this moment, each kind once, sound first.
fn publish_of(seat: &Seat, occupant: &Occupant) -> Vec<MediaKind> {
    let kinds: BTreeSet<MediaKind> = seat
        .publish
        .iter()
        .copied()
        .filter(|kind| *kind != MediaKind::Screen || occupant.screen)
        .collect();
    kinds.into_iter().collect()
}

pub(super) fn close_peer(
    occupant: &mut Occupant,
    forwarding: &mut Forwarding,
    actions: &mut Vec<Action>,
) {
    if let Some(peer) = occupant.peer.take() {
        forwarding.connect(peer.id.seat, &[], true);
        actions.push(Action::ClosePeer { peer: peer.id });
    }
}
