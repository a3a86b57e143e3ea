//! What time brings: seats given up, media that stays away, offers without an
//! answer, measures.

use super::layers::Flow;
use super::negotiation::{ANSWER_WITHIN, CONNECT_WITHIN, Restart};
use super::{Action, LastPacket, Moment, PeerId, Room};
use crate::protocol::{MediaKind, Quality, ServerMessage};
use crate::room_document::{Fact, IncidentKind, LeftReason, ParticipantId, RoomState};
use crate::watchdog::Change;

impl Room {
    pub(super) fn measure(
        &mut self,
        peer: PeerId,
        quality: Quality,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
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

    pub(super) fn tick(
        &mut self,
        last_packets: &[LastPacket],
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
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

        for last in last_packets {
            if let Some(peer) = self.peer_mut(last.peer) {
                peer.flow = Flow {
                    layers: last.layers,
                    estimate_down: last.estimate_down,
                };
            }
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

    pub(super) fn tell_change(
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
}
