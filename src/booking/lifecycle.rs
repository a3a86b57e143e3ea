//! Along which steps an appointment may move, and who may take each: one table,
//! and nothing else decides. Pure.

use super::State::{
    self, Booked, CancelledByCitizen, CancelledByUnit, Closed, ConvertedInPerson, Expired, Held,
    InHearing, NoShow, Open, Transferred,
};
use crate::audit::Actor;

/// On whose side somebody stands who changes an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The person who booked.
    Citizen,
    /// An officer of the unit.
    Unit,
    /// The service itself, by a job.
    Service,
}

impl Party {
    /// Every party.
    pub const ALL: &'static [Party] = &[Party::Citizen, Party::Unit, Party::Service];

    /// The side an actor stands on; a guest of a hearing changes no appointment.
    #[must_use]
    pub fn of(actor: &Actor) -> Option<Self> {
        match actor {
            // The front end of another service speaks for the person who uses it.
            Actor::Citizen(_) | Actor::SchedulingKey(_) => Some(Party::Citizen),
            Actor::Officer(_) => Some(Party::Unit),
            Actor::System => Some(Party::Service),
            Actor::Guest(_) => None,
        }
    }
}

use Party::{Citizen, Service, Unit};

/// Every step that exists, with those who may take it. From booked to booked it
/// moves to another slot.
pub const STEPS: &[(State, State, &[Party])] = &[
    // The unit books for whoever has no FranceConnect.
    (Held, Booked, &[Citizen, Unit]),
    // A hold is given up by its owner, or found run out by whoever wants its time.
    (Held, Expired, &[Citizen, Service]),
    (Booked, Booked, &[Citizen, Unit]),
    (Booked, Open, &[Unit]),
    (Booked, CancelledByCitizen, &[Citizen]),
    // The service calls off what the unit left unopened although the person came.
    (Booked, CancelledByUnit, &[Unit, Service]),
    (Booked, NoShow, &[Unit, Service]),
    (Booked, Transferred, &[Unit]),
    (Booked, ConvertedInPerson, &[Unit]),
    // Heard elsewhere than in a room of ours: only an anonymous appointment can be.
    (Booked, Closed, &[Unit]),
    (Open, InHearing, &[Unit]),
    (Open, CancelledByUnit, &[Unit, Service]),
    (Open, NoShow, &[Unit, Service]),
    (Open, Closed, &[Unit]),
    (Open, ConvertedInPerson, &[Unit]),
    (InHearing, Closed, &[Unit]),
    (InHearing, ConvertedInPerson, &[Unit]),
];

/// Whether somebody may take an appointment from one state to another.
#[must_use]
pub fn allows(from: State, to: State, party: Party) -> bool {
    STEPS
        .iter()
        .any(|step| (step.0, step.1) == (from, to) && step.2.contains(&party))
}

/// The same for an actor.
#[must_use]
pub fn allows_actor(from: State, to: State, actor: &Actor) -> bool {
    Party::of(actor).is_some_and(|party| allows(from, to, party))
}

impl State {
    /// Whether the appointment still takes its desk's time.
    #[must_use]
    pub fn occupies_desk(self) -> bool {
        matches!(self, Held | Booked | Open | InHearing | Closed)
    }

    /// Whether the person is still expected, or being heard.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Held | Booked | Open | InHearing)
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !STEPS.iter().any(|(from, _, _)| *from == self)
    }

    /// Whether its case may take another slot.
    #[must_use]
    pub fn frees_case(self) -> bool {
        matches!(
            self,
            CancelledByCitizen | CancelledByUnit | NoShow | Expired | Transferred
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: from; columns: to; in the order of `State::ALL`. A cell names who
    /// may: c the citizen, u the unit, s the service; a point: nobody.
    #[rustfmt::skip]
    const EXPECTED: [(State, &str); 11] = [
        //                    held bkd open hear clsd cit unit nosh exp tran pers
        (Held,               " .   cu    .    .    .   .   .    .   cs   .    . "),
        (Booked,             " .   cu    u    .    u   c  us   us    .   u    u "),
        (Open,               " .    .    .    u    u   .  us   us    .   .    u "),
        (InHearing,          " .    .    .    .    u   .   .    .    .   .    u "),
        (Closed,             " .    .    .    .    .   .   .    .    .   .    . "),
        (CancelledByCitizen, " .    .    .    .    .   .   .    .    .   .    . "),
        (CancelledByUnit,    " .    .    .    .    .   .   .    .    .   .    . "),
        (NoShow,             " .    .    .    .    .   .   .    .    .   .    . "),
        (Expired,            " .    .    .    .    .   .   .    .    .   .    . "),
        (Transferred,        " .    .    .    .    .   .   .    .    .   .    . "),
        (ConvertedInPerson,  " .    .    .    .    .   .   .    .    .   .    . "),
    ];

    fn letter(party: Party) -> char {
        match party {
            Citizen => 'c',
            Unit => 'u',
            Service => 's',
        }
    }

    #[test]
    fn every_pair_of_states_is_allowed_to_those_and_only_those_the_table_says() {
        assert_eq!(EXPECTED.len(), State::ALL.len());
        for (row, &from) in EXPECTED.iter().zip(State::ALL) {
            assert_eq!(row.0, from);
            let cells: Vec<&str> = row.1.split_whitespace().collect();
            assert_eq!(cells.len(), State::ALL.len(), "{from}");
            for (cell, &to) in cells.iter().zip(State::ALL) {
                for &party in Party::ALL {
                    let expected = cell.contains(letter(party));
                    assert_eq!(
                        allows(from, to, party),
                        expected,
                        "{from} to {to}: {party:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_actor_stands_on_one_side_and_a_guest_on_none() {
        for (actor, party) in [
            (Actor::Citizen("a".into()), Some(Citizen)),
            (Actor::SchedulingKey("a".into()), Some(Citizen)),
            (Actor::Officer("a".into()), Some(Unit)),
            (Actor::System, Some(Service)),
            (Actor::Guest("a".into()), None),
        ] {
            assert_eq!(Party::of(&actor), party, "{actor}");
            for &from in State::ALL {
                for &to in State::ALL {
                    let expected = party.is_some_and(|party| allows(from, to, party));
                    assert_eq!(allows_actor(from, to, &actor), expected);
                }
            }
        }
    }

    #[test]
    fn no_step_stands_in_the_table_twice_or_for_nobody() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(!step.2.is_empty(), "{} to {}", step.0, step.1);
            let again = STEPS[index + 1..]
                .iter()
                .any(|other| (other.0, other.1) == (step.0, step.1));
            assert!(!again, "{} to {}", step.0, step.1);
        }
    }

    #[test]
    fn every_state_is_reached_from_held_and_ends_somewhere() {
        let mut reached = vec![Held];
        let mut index = 0;
        while index < reached.len() {
            let from = reached[index];
            for (_, to, _) in STEPS.iter().filter(|step| step.0 == from) {
                if !reached.contains(to) {
                    reached.push(*to);
                }
            }
            index += 1;
        }
        assert_eq!(reached.len(), State::ALL.len());
        for &state in State::ALL {
            // What is over and took no hearing gives its time back.
            assert_eq!(
                state.is_final() && state != Closed,
                !state.occupies_desk(),
                "{state}"
            );
            assert_eq!(state.is_live(), !state.is_final(), "{state}");
            assert!(!state.frees_case() || state.is_final(), "{state}");
        }
    }
}
