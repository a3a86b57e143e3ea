//! Along which steps an appointment may move: one table, and nothing else
//! decides. Pure.

use super::State::{
    self, Booked, CancelledByCitizen, CancelledByUnit, Closed, ConvertedInPerson, Expired, Held,
    InHearing, NoShow, Open, Transferred,
};

/// Every step that exists.
pub const STEPS: &[(State, State)] = &[
    (Held, Booked),
    (Held, Expired),
    (Booked, Open),
    (Booked, CancelledByCitizen),
    (Booked, CancelledByUnit),
    (Booked, NoShow),
    (Booked, Transferred),
    (Booked, ConvertedInPerson),
    (Open, InHearing),
    (Open, CancelledByUnit),
    (Open, NoShow),
    (Open, Closed),
    (Open, Transferred),
    (Open, ConvertedInPerson),
    (InHearing, Closed),
    (InHearing, ConvertedInPerson),
];

/// Whether an appointment may go from one state to another.
#[must_use]
pub fn allows(from: State, to: State) -> bool {
    STEPS.contains(&(from, to))
}

impl State {
    /// Whether the appointment still takes its desk's time.
    #[must_use]
    pub fn occupies_desk(self) -> bool {
        matches!(self, Held | Booked | Open | InHearing | Closed)
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !STEPS.iter().any(|(from, _)| *from == self)
    }

    /// Whether its case may take another slot.
    #[must_use]
    pub fn frees_case(self) -> bool {
        matches!(
            self,
            CancelledByCitizen | CancelledByUnit | NoShow | Expired
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: from; columns: to; in the order of `State::ALL`.
    #[rustfmt::skip]
    const EXPECTED: [(State, &str); 11] = [
        //                    held bkd open hear clsd cit unit nosh exp tran pers
        (Held,               " .    X    .    .    .   .   .    .    X   .    . "),
        (Booked,             " .    .    X    .    .   X   X    X    .   X    X "),
        (Open,               " .    .    .    X    X   .   X    X    .   X    X "),
        (InHearing,          " .    .    .    .    X   .   .    .    .   .    X "),
        (Closed,             " .    .    .    .    .   .   .    .    .   .    . "),
        (CancelledByCitizen, " .    .    .    .    .   .   .    .    .   .    . "),
        (CancelledByUnit,    " .    .    .    .    .   .   .    .    .   .    . "),
        (NoShow,             " .    .    .    .    .   .   .    .    .   .    . "),
        (Expired,            " .    .    .    .    .   .   .    .    .   .    . "),
        (Transferred,        " .    .    .    .    .   .   .    .    .   .    . "),
        (ConvertedInPerson,  " .    .    .    .    .   .   .    .    .   .    . "),
    ];

    #[test]
    fn every_pair_of_states_is_allowed_or_refused_as_the_table_says() {
        assert_eq!(EXPECTED.len(), State::ALL.len());
        for (row, &from) in EXPECTED.iter().zip(State::ALL) {
            assert_eq!(row.0, from);
            let cells: Vec<&str> = row.1.split_whitespace().collect();
            assert_eq!(cells.len(), State::ALL.len(), "{from}");
            for (cell, &to) in cells.iter().zip(State::ALL) {
                assert_eq!(allows(from, to), *cell == "X", "{from} to {to}");
            }
        }
    }

    #[test]
    fn every_state_is_reached_from_held_and_ends_somewhere() {
        let mut reached = vec![Held];
        let mut index = 0;
        while index < reached.len() {
            let from = reached[index];
            for &to in State::ALL {
                if allows(from, to) && !reached.contains(&to) {
                    reached.push(to);
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
            assert!(!state.frees_case() || state.is_final(), "{state}");
        }
    }
}
