//! What each act is in the law's words, and what it is done for: an operation on data
//! (article 101 of the loi no 78-17: collection, modification, consultation,
//! communication, deletion) and a purpose. Both follow from the act alone, so that no
//! line can say otherwise; a line's own reason, where somebody gave one, is in its detail.

use Operation::{Access, Change, Collection, Communication, Consultation, Erasure};
use Purpose::{
    Access as WhoIsWho, Administration, Appointment, Hearing, Oversight, Reception, Record,
};

use crate::text_enum;

text_enum! {
    /// What is done with data.
    Operation {
        /// Data comes in.
        Collection = "collection",
        /// Somebody reads it.
        Consultation = "consultation",
        /// It becomes something else.
        Change = "change",
        /// It goes to somebody.
        Communication = "communication",
        /// It is gone.
        Erasure = "erasure",
        /// Somebody shows who they are, or is turned away.
        Access = "access",
    }
}

text_enum! {
    /// What it is done for.
    Purpose {
        /// To receive a complaint before the hearing.
        Reception = "reception",
        /// To keep an appointment.
        Appointment = "appointment",
        /// To hear the person.
        Hearing = "hearing",
        /// To draw up, sign and hand over the record.
        Record = "record",
        /// To know who is who.
        Access = "access",
        /// To run units, desks and rights.
        Administration = "administration",
        /// To oversee all this.
        Oversight = "oversight",
    }
}

/// Every act that the journal knows, in order of its name.
pub const ACTS: &[(&str, Operation, Purpose)] = &[
    ("absence.add", Change, Administration),
    ("absence.remove", Change, Administration),
    ("agenda.read", Consultation, Appointment),
    ("appointment.ask_earlier", Change, Appointment),
    ("appointment.assign", Change, Appointment),
    ("appointment.book", Collection, Appointment),
    ("appointment.delay", Communication, Appointment),
    ("appointment.erase", Erasure, Appointment),
    ("appointment.expire", Change, Appointment),
    ("appointment.hold", Change, Appointment),
    ("appointment.late", Communication, Appointment),
    ("appointment.leave_earlier", Change, Appointment),
    ("appointment.move", Change, Appointment),
    ("appointment.offer_earlier", Communication, Appointment),
    ("appointment.reassign", Change, Appointment),
    ("appointment.reschedule", Change, Appointment),
    ("appointment.stop_earlier", Change, Appointment),
    ("calendar-feed.issue", Communication, Administration),
    ("calendar-feed.revoke", Change, Administration),
    ("case.receive", Communication, Reception),
    ("citizen.ask", Access, WhoIsWho),
    ("citizen.sign_in", Access, WhoIsWho),
    ("communes.assign", Change, Administration),
    ("communes.load", Change, Administration),
    ("coverage.close", Change, Administration),
    ("coverage.open", Change, Administration),
    ("declaration.begin", Collection, Reception),
    ("declaration.choose_unit", Collection, Reception),
    ("declaration.confirm_contact", Collection, Reception),
    ("declaration.rights_seen", Communication, Reception),
    ("declaration.save_contact", Collection, Reception),
    ("declaration.save_facts", Collection, Reception),
    ("declaration.send_code", Communication, Reception),
    ("declaration.submit", Collection, Reception),
    ("declaration.write_down", Collection, Reception),
    ("desk.add_exception", Change, Administration),
    ("desk.add_hours", Change, Administration),
    ("desk.close", Change, Administration),
    ("desk.open", Change, Administration),
    ("desk.remove_exception", Change, Administration),
    ("desk.remove_hours", Change, Administration),
    ("desk.reopen", Change, Administration),
    ("desk.restore_hours", Change, Administration),
    ("document.read", Consultation, Record),
    ("empowerment.ask", Collection, Administration),
    ("empowerment.grant", Change, Administration),
    ("empowerment.revoke", Change, Administration),
    ("guest.invite", Communication, Hearing),
    ("guest.lock", Change, Hearing),
    ("guest.revoke", Change, Hearing),
    ("guest.send_again", Communication, Hearing),
    ("hearing.check", Collection, Hearing),
    ("hearing.close", Change, Hearing),
    ("hearing.open", Change, Hearing),
    ("identity.forget", Erasure, WhoIsWho),
    ("incident.publish", Communication, Administration),
    ("incident.withdraw", Change, Administration),
    ("journal.export", Communication, Oversight),
    ("journal.purge", Erasure, Oversight),
    ("journal.read", Consultation, Oversight),
    ("link.reissue", Communication, Appointment),
    ("message.resend", Communication, Appointment),
    ("officer-absence.add", Change, Administration),
    ("officer-absence.remove", Change, Administration),
    ("officer.refuse", Access, WhoIsWho),
    ("officer.sign_in", Access, WhoIsWho),
    ("record.acknowledged", Communication, Record),
    ("record.agreed", Collection, Record),
    ("record.answer_change", Change, Record),
    ("record.hand_off", Communication, Record),
    ("record.open", Collection, Record),
    ("record.read", Consultation, Record),
    ("record.refused", Collection, Record),
    ("record.rejected", Communication, Record),
    ("record.request_change", Collection, Record),
    ("record.send", Communication, Record),
    ("record.sign", Change, Record),
    ("rights.give", Communication, Reception),
    ("scheduling_key.create", Change, Administration),
    ("scheduling_key.revoke", Change, Administration),
    ("scheduling_key.rotate", Change, Administration),
    ("scheduling_webhook.remove", Change, Administration),
    ("scheduling_webhook.resend", Communication, Administration),
    ("scheduling_webhook.rotate", Change, Administration),
    ("scheduling_webhook.set", Change, Administration),
    ("seat.admitted", Change, Hearing),
    ("seat.entered", Access, Hearing),
    ("seat.give_up", Change, Hearing),
    ("seat.moved", Access, Hearing),
    ("seat.returned", Access, Hearing),
    ("seat.sent_back", Change, Hearing),
    ("seat.take_away", Change, Hearing),
    ("session.end", Access, WhoIsWho),
    ("session.revoke", Access, WhoIsWho),
    ("unit.add", Change, Administration),
    ("unit.close", Change, Administration),
    ("unit.edit", Change, Administration),
    ("unit.reopen", Change, Administration),
    ("unit.send_on", Communication, Administration),
    ("unit.set_overflow", Change, Administration),
    ("unit.set_rules", Change, Administration),
];

/// What an act is and what it is for; none for an act that an older version wrote.
#[must_use]
pub fn meaning_of(act: &str) -> Option<(Operation, Purpose)> {
    let found = ACTS.binary_search_by(|(name, ..)| name.cmp(&act)).ok()?;
    ACTS.get(found)
        .map(|(_, operation, purpose)| (*operation, *purpose))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Lang, has};

    #[test]
    fn every_act_is_found_and_has_words_in_both_languages() {
        assert!(ACTS.is_sorted_by(|(one, ..), (other, ..)| one < other));
        for (act, operation, purpose) in ACTS {
            assert_eq!(meaning_of(act), Some((*operation, *purpose)), "{act}");
            for lang in [Lang::Fr, Lang::En] {
                for id in [
                    format!("act-{}", act.replace(['.', '_'], "-")),
                    format!("journal-operation-{operation}"),
                    format!("journal-purpose-{purpose}"),
                ] {
                    assert!(has(lang, &id), "{id}");
                }
            }
        }
        assert_eq!(meaning_of("appointment"), None);
    }
}
