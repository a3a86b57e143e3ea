//! The appointment as an iCalendar object (RFC 5545). Times are in UTC, so it
//! needs no table of zones; it says nothing of a complaint, because calendars
//! are shared, synchronised and read aloud by cars. In a mail it is an invitation
//! (RFC 5546), which the calendar of whoever reads it takes over, and takes back
//! when it is called off; the words `{organizer}` and `{attendee}` in it are
//! replaced by their addresses when the mail is sent.

use icalendar::{Calendar, Component, Event, EventLike, EventStatus, Property};

use super::Appointment;
use crate::clock::Timestamp;
use crate::db::Id;
use crate::messages::{Lang, text, text_with};

/// What happened to the appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was confirmed: what the person takes from its page.
    Booked,
    /// It was confirmed: the invitation in the mail that tells so.
    Invited,
    /// It was called off.
    Cancelled,
}

/// An appointment as one of those who come to it has it in their calendar.
#[derive(Clone, Debug)]
pub struct Occasion<'a> {
    /// Which event it is: the same as long as it is the same invitation.
    pub uid: String,
    /// How often it was changed: RFC 5545 counts every change of the same event.
    pub sequence: i64,
    /// What the appointment is called on the telephone, for whom that concerns.
    pub reference: Option<&'a str>,
    /// Start.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
}

impl<'a> Occasion<'a> {
    /// For the person whose appointment it is.
    #[must_use]
    pub fn own(appointment: &'a Appointment) -> Self {
        Occasion {
            uid: format!("{}@visioplainte", appointment.id),
            sequence: appointment.sequence,
            reference: Some(&appointment.reference),
            starts_at: appointment.starts_at,
            ends_at: appointment.ends_at,
        }
    }

    /// For a guest: an event of their own, which every link of theirs changes.
    #[must_use]
    pub fn of_guest(appointment: &'a Appointment, guest: &Id, generation: i64) -> Self {
        Occasion {
            uid: format!("{}-{guest}@visioplainte", appointment.id),
            sequence: generation,
            reference: None,
            ..Occasion::own(appointment)
        }
    }
}

/// The object as text. `address` is where the person goes at the hour: a page
/// of ours, or the word `{link}` that the outbox replaces.
#[must_use]
pub fn render(
    occasion: &Occasion<'_>,
    happening: Happening,
    address: &str,
    lang: Lang,
    now: Timestamp,
) -> String {
    let sequence = u32::try_from(occasion.sequence).unwrap_or(u32::MAX - 1);
    let mut event = Event::new();
    event
        .uid(&occasion.uid)
        .timestamp(now.utc())
        .summary(&text(lang, "booking-ics-summary"))
        .location(&text(lang, "booking-ics-location"))
        .starts(occasion.starts_at.utc())
        .ends(occasion.ends_at.utc());
    let mut calendar = Calendar::new();
    match happening {
        Happening::Booked | Happening::Invited => {
            let description = match occasion.reference.map(one_line) {
                Some(reference) => {
                    let reference = [("reference", reference.as_str())];
                    text_with(lang, "booking-ics-description", &reference)
                }
                None => text(lang, "guest-ics-description"),
            };
            event
                .description(&description)
                .append_property(Property::new("URL", one_line(address)))
                .sequence(sequence)
                .status(EventStatus::Confirmed);
            let method = match happening {
                Happening::Invited => "REQUEST",
                _ => "PUBLISH",
            };
            calendar.append_property(("METHOD", method));
        }
        Happening::Cancelled => {
            event.sequence(sequence + 1).status(EventStatus::Cancelled);
            calendar.append_property(("METHOD", "CANCEL"));
        }
    }
    if happening != Happening::Booked {
        // An invitation has somebody who invites and somebody who is invited; no
        // answer is asked for, since the person chose the hour.
        event
            .append_property(Property::new("ORGANIZER", "mailto:{organizer}"))
            .append_multi_property(
                Property::new("ATTENDEE", "mailto:{attendee}")
                    .add_parameter("PARTSTAT", "ACCEPTED")
                    .add_parameter("RSVP", "FALSE")
                    .done(),
            );
    }
    calendar.push(event.done()).to_string()
}

/// An appointment as a subscribed calendar tells it: when, where in the unit, and by
/// which reference it is found.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct FeedEntry {
    /// The appointment.
    pub id: Id,
    /// What is read aloud.
    pub reference: String,
    /// The desk's label.
    pub desk: String,
    /// Start.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// How often it was moved.
    pub sequence: i64,
    /// When its state or hour last changed.
    pub changed_at: Timestamp,
}

/// A calendar to subscribe to (no METHOD: nobody is invited), the same text as long as
/// nothing changes. It is asked for again every quarter of an hour (RFC 7986).
#[must_use]
pub fn feed(unit: &str, entries: &[FeedEntry]) -> String {
    let mut calendar = Calendar::new();
    // Officers work in French; the name is all the words there are.
    let name = text_with(Lang::Fr, "feed-name", &[("unit", unit)]);
    calendar
        .name(&one_line(&name))
        .append_property(
            Property::new("REFRESH-INTERVAL", "PT15M")
                .add_parameter("VALUE", "DURATION")
                .done(),
        )
        .append_property(("X-PUBLISHED-TTL", "PT15M"));
    for entry in entries {
        let mut event = Event::new();
        event
            // Another object than the person's own invitation to the same hour.
            .uid(&format!("{}-unite@visioplainte", entry.id))
            .timestamp(entry.changed_at.utc())
            .summary(&one_line(&format!("{} – {}", entry.reference, entry.desk)))
            .starts(entry.starts_at.utc())
            .ends(entry.ends_at.utc())
            .sequence(u32::try_from(entry.sequence).unwrap_or(u32::MAX))
            .status(EventStatus::Confirmed);
        calendar.push(event.done());
    }
    calendar.to_string()
}

/// Words with one space between them. The library writes the value of a URI as it
/// is, so that an end of line in it would begin a property of somebody else's; and
/// it never ends folding a line of many spaces after letters of several bytes.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text
        .split(|char: char| char.is_whitespace() || char.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::booking::State;

    #[test]
    fn the_calendar_file_says_when_and_nothing_of_the_case() {
        let at = |text: &str| {
            Timestamp(
                chrono::DateTime::parse_from_rfc3339(text)
                    .unwrap()
                    .timestamp_millis(),
            )
        };
        let appointment = Appointment {
            id: "a1".into(),
            reference: "VP-7K3M-92QX".into(),
            unit_id: "u".into(),
            desk_id: "d".into(),
            case_id: "c".into(),
            citizen_id: "p".into(),
            officer_id: None,
            starts_at: at("2026-07-15T06:00:00Z"),
            ends_at: at("2026-07-15T06:30:00Z"),
            state: State::Booked,
            held_until: None,
            sequence: 0,
            late_at: None,
        };
        for lang in [Lang::Fr, Lang::En] {
            let own = Occasion::own(&appointment);
            let text = render(&own, Happening::Booked, "{link}", lang, Timestamp(0));
            for line in [
                "BEGIN:VCALENDAR",
                "VERSION:2.0",
                "METHOD:PUBLISH",
                "UID:a1@visioplainte",
                "DTSTART:20260715T060000Z",
                "DTEND:20260715T063000Z",
                "DTSTAMP:19700101T000000Z",
                "URL:{link}",
                "STATUS:CONFIRMED",
                "END:VCALENDAR",
            ] {
                assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
            }
            assert!(text.lines().all(|line| line.len() <= 75), "{text}");
            let lower = text.to_lowercase();
            for word in [
                "plainte:",
                "police",
                "gendarm",
                "victim",
                "complaint",
                "plainte ",
            ] {
                assert!(!lower.contains(word), "{word}");
            }
            let cancelled = render(&own, Happening::Cancelled, "", lang, Timestamp(0));
            for line in [
                "METHOD:CANCEL",
                "UID:a1@visioplainte",
                "SEQUENCE:1",
                "STATUS:CANCELLED",
            ] {
                assert!(
                    cancelled.contains(&format!("{line}\r\n")),
                    "{line} in {cancelled}"
                );
            }
            assert!(!cancelled.contains("URL:"));
            let invited = render(&own, Happening::Invited, "{link}", lang, Timestamp(0));
            for line in [
                "METHOD:REQUEST",
                "UID:a1@visioplainte",
                "SEQUENCE:0",
                "ORGANIZER:mailto:{organizer}",
            ] {
                assert!(
                    invited.contains(&format!("{line}\r\n")),
                    "{line} in {invited}"
                );
            }
            assert!(
                invited.contains("ATTENDEE;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:{attendee}"),
                "{invited}"
            );
            assert!(!text.contains("ATTENDEE"), "{text}");

            let guest = Occasion::of_guest(&appointment, &"g1".into(), 3);
            let guest = render(&guest, Happening::Invited, "{link}", lang, Timestamp(0));
            for line in ["UID:a1-g1@visioplainte", "SEQUENCE:3", "URL:{link}"] {
                assert!(guest.contains(&format!("{line}\r\n")), "{line} in {guest}");
            }
            assert!(
                !guest.contains("VP-7K3M-92QX"),
                "whose it is is not said: {guest}"
            );
        }
    }
}
