//! Relaying what the pages say to each other for their end-to-end encryption.
//!
//! The node is an untrusted delivery service of MLS (RFC 9750): it carries
//! messages among those who are in the same place, and lets one commit an epoch
//! pass, so that honest pages never disagree about the next epoch. It holds no
//! key and checks nothing else: a node that lied here would only be noticed by
//! the pages, which do not believe it.

use std::collections::BTreeMap;

use super::{Action, ConnectionId, Room};
use crate::protocol::{SealKind, Sealed, ServerMessage};
use crate::room_document::{ParticipantId, Place};

/// The last commit of each place's group.
#[derive(Debug, Default)]
pub(super) struct Sealing(BTreeMap<Place, (String, u64)>);

impl Sealing {
    /// Whether a commit is the first of its epoch; if so, it is the last from now on.
    fn accept(&mut self, place: Place, group: &str, epoch: u64) -> bool {
        let accepted = match self.0.get(&place) {
            // After a restart the node knows nothing, and the pages may well be far on.
            None => true,
            Some((last, of)) if last == group => Some(epoch) == of.checked_add(1),
            // Another group begins anew, for instance after everybody reloaded.
            Some(_) => epoch == 0,
        };
        if accepted {
            self.0.insert(place, (group.to_owned(), epoch));
        }
        accepted
    }
}

impl Room {
    /// Hands a sealed message to the others in the same place; nothing comes out
    /// of the waiting room, and nothing goes in.
    pub(super) fn relay(
        &mut self,
        from: &ParticipantId,
        connection: ConnectionId,
        to: Option<&ParticipantId>,
        sealed: Sealed,
        actions: &mut Vec<Action>,
    ) {
        let Some(place) = self.document.seat(from).map(|seat| seat.place) else {
            return;
        };
        if place == Place::Waiting {
            return;
        }
        let is_commit = sealed.kind == SealKind::Commit;
        if is_commit && !self.sealing.accept(place, &sealed.group, sealed.epoch) {
            let (group, epoch) = (sealed.group, sealed.epoch);
            let refused = ServerMessage::SealRefused { group, epoch };
            actions.push(Action::Send(connection, refused));
            return;
        }
        for (participant, occupant) in &self.occupants {
            let shares = self
                .document
                .seat(participant)
                .is_some_and(|seat| seat.place == place);
            let addressed =
                is_commit || (participant != from && to.is_none_or(|to| to == participant));
            if let Some(connection) = occupant.connection
                && shares
                && addressed
            {
                let message = ServerMessage::Seal {
                    from: from.clone(),
                    sealed: sealed.clone(),
                };
                actions.push(Action::Send(connection, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_commit_an_epoch() {
        use Place::{Aside, In};
        let mut sealing = Sealing::default();
        for (case, place, group, epoch, accepted) in [
            ("the node was restarted in the middle", In, "a", 4, true),
            ("the same again", In, "a", 4, false),
            ("the next", In, "a", 5, true),
            ("one that skips an epoch", In, "a", 7, false),
            ("an older one", In, "a", 3, false),
            ("another group in its middle", In, "b", 6, false),
            ("another group from its beginning", In, "b", 0, true),
            ("the former group goes on", In, "a", 6, false),
            ("the new group goes on", In, "b", 1, true),
            ("another place has its own", Aside, "c", 0, true),
            ("and the first keeps its own", In, "b", 2, true),
            (
                "the last epoch that can be counted",
                Aside,
                "d",
                u64::MAX,
                false,
            ),
        ] {
            assert_eq!(sealing.accept(place, group, epoch), accepted, "{case}");
        }
        let mut full = Sealing::default();
        assert!(full.accept(In, "a", u64::MAX));
        assert!(!full.accept(In, "a", 0), "nothing follows the last epoch");
    }
}
