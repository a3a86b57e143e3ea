//! The states of a record and the only moves between them.

use crate::text_enum;

text_enum! {
    /// State of a record.
    RecordState {
        /// The officer writes.
        Drafting = "drafting",
        /// A version lies with the person.
        InReview = "in_review",
        /// The person asked for changes.
        ChangesRequested = "changes_requested",
        /// The person agreed to the last version.
        Agreed = "agreed",
        /// The person refused the last version.
        Refused = "refused",
        /// The officer signed.
        Signed = "signed",
        /// The package was delivered.
        HandedOff = "handed_off",
        /// The receiver acknowledged it.
        Acknowledged = "acknowledged",
        /// The receiver rejected it.
        Rejected = "rejected",
        /// Erased after six months.
        Erased = "erased",
    }
}

/// What happens to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A version is sent to the person.
    Send,
    /// The person asks for a change.
    RequestChange,
    /// The person agrees.
    Agree,
    /// The person refuses.
    Refuse,
    /// The officer's signature is complete.
    Sign,
    /// The package is delivered.
    Deliver,
    /// The receiver acknowledges.
    Acknowledge,
    /// The receiver rejects.
    Reject,
    /// The time of keeping is over.
    Erase,
}

impl RecordState {
    /// The state after a step, or none where the step is not allowed.
    #[must_use]
    pub fn after(self, step: Step) -> Option<RecordState> {
        use RecordState as S;
        match (self, step) {
            (S::Drafting | S::InReview | S::ChangesRequested, Step::Send) => Some(S::InReview),
            (S::InReview | S::ChangesRequested, Step::RequestChange) => Some(S::ChangesRequested),
            (S::InReview, Step::Agree) => Some(S::Agreed),
            (S::InReview | S::ChangesRequested, Step::Refuse) => Some(S::Refused),
            (S::Agreed | S::Refused, Step::Sign) => Some(S::Signed),
            (S::Signed | S::Rejected, Step::Deliver) => Some(S::HandedOff),
            (S::HandedOff, Step::Acknowledge) => Some(S::Acknowledged),
            (S::HandedOff, Step::Reject) => Some(S::Rejected),
            (S::Erased, _) => None,
            (_, Step::Erase) => Some(S::Erased),
            _ => None,
        }
    }

    /// Whether the officer may still change the text.
    #[must_use]
    pub fn is_writable(self) -> bool {
        matches!(
            self,
            RecordState::Drafting | RecordState::InReview | RecordState::ChangesRequested
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 9] = [
        Step::Send,
        Step::RequestChange,
        Step::Agree,
        Step::Refuse,
        Step::Sign,
        Step::Deliver,
        Step::Acknowledge,
        Step::Reject,
        Step::Erase,
    ];

    #[test]
    fn the_table_of_moves_is_exactly_this() {
        let mut table = String::new();
        for state in RecordState::ALL {
            for step in STEPS {
                if let Some(next) = state.after(step) {
                    table.push_str(&format!("{state} {step:?} {next}\n"));
                }
            }
        }
        let expected = "drafting Send in_review\n\
            drafting Erase erased\n\
            in_review Send in_review\n\
            in_review RequestChange changes_requested\n\
            in_review Agree agreed\n\
            in_review Refuse refused\n\
            in_review Erase erased\n\
            changes_requested Send in_review\n\
            changes_requested RequestChange changes_requested\n\
            changes_requested Refuse refused\n\
            changes_requested Erase erased\n\
            agreed Sign signed\n\
            agreed Erase erased\n\
            refused Sign signed\n\
            refused Erase erased\n\
            signed Deliver handed_off\n\
            signed Erase erased\n\
            handed_off Acknowledge acknowledged\n\
            handed_off Reject rejected\n\
            handed_off Erase erased\n\
            acknowledged Erase erased\n\
            rejected Deliver handed_off\n\
            rejected Erase erased\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn no_road_leads_to_a_signature_but_through_a_decision() {
        for state in RecordState::ALL {
            if state.after(Step::Sign).is_some() {
                assert!(matches!(state, RecordState::Agreed | RecordState::Refused));
            }
        }
    }
}
