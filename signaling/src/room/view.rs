//! What each participant is told of the room.

use super::occupant::Occupant;
use super::{Action, Room};
use crate::protocol::{MediaKind, ParticipantView, RoomView, ServerMessage};
use crate::room_document::{ParticipantId, Place};

impl Room {
    pub(super) fn settle_view(&mut self, participant: &ParticipantId, actions: &mut Vec<Action>) {
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
    pub(super) fn view_of(&self, participant: &ParticipantId) -> Option<RoomView> {
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
                    silent: occupant.map(Occupant::silent).unwrap_or_default(),
                    screen: occupant.is_some_and(|occupant| occupant.screen),
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
            narrow: self
                .occupants
                .get(participant)
                .and_then(|occupant| occupant.peer.as_ref())
                .is_some_and(|peer| peer.narrow),
        })
    }
}
