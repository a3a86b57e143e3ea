//! Why an appointment was called off, missed or moved, as codes: what is counted and
//! told, never free text, which would hold facts.

use crate::text_enum;

text_enum! {
    /// A reason.
    Reason {
        /// The person prefers not to say.
        Unsaid = "unsaid",
        /// The person is not available at that time.
        Unavailable = "unavailable",
        /// The person lodged, or will lodge, the complaint elsewhere.
        Elsewhere = "elsewhere",
        /// The person no longer wants to lodge it.
        Renounced = "renounced",
        /// No officer can hold the hearing.
        NoOfficer = "no_officer",
        /// The desk or the unit closes.
        Closure = "closure",
        /// The equipment does not work.
        Technical = "technical",
        /// The person asked the unit for it.
        AskedByPerson = "asked_by_person",
        /// Nobody of the unit opened the hearing although the person came.
        NotOpened = "not_opened",
        /// The person did not come.
        Absent = "absent",
        /// An earlier slot became free and the person took it.
        Earlier = "earlier",
    }
}

/// What a person may choose from when calling off, the default first.
pub const OF_CITIZEN: &[Reason] = &[
    Reason::Unsaid,
    Reason::Unavailable,
    Reason::Elsewhere,
    Reason::Renounced,
];

/// What an officer chooses from when calling off; one must be chosen.
pub const OF_UNIT: &[Reason] = &[
    Reason::NoOfficer,
    Reason::Closure,
    Reason::Technical,
    Reason::AskedByPerson,
];

/// What a form sent, if that list offers it.
#[must_use]
pub fn offered(list: &[Reason], text: &str) -> Option<Reason> {
    Reason::parse(text).filter(|reason| list.contains(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_chooses_only_from_its_own_list() {
        for (text, citizen, unit) in [
            ("unsaid", true, false),
            ("unavailable", true, false),
            ("no_officer", false, true),
            ("closure", false, true),
            ("not_opened", false, false),
            ("absent", false, false),
            ("", false, false),
            ("UNSAID", false, false),
            ("' or 1=1--", false, false),
        ] {
            assert_eq!(offered(OF_CITIZEN, text).is_some(), citizen, "{text}");
            assert_eq!(offered(OF_UNIT, text).is_some(), unit, "{text}");
        }
    }
}
