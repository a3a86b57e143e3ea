//! Calendar files: whatever an address, a reference or a desk's label holds, the file is one event
//! with the lines it always has, none much longer than RFC 5545 wishes, and nothing
//! of it becomes a line of its own.

use crate::booking::calendar_file::{FeedEntry, Happening, Occasion, feed, render};
use crate::booking::{Appointment, State};
use crate::clock::Timestamp;
use crate::messages::Lang;

/// Every property that there may be.
const NAMES: &[&str] = &[
    "BEGIN",
    "END",
    "VERSION",
    "PRODID",
    "CALSCALE",
    "METHOD",
    "UID",
    "DTSTAMP",
    "DTSTART",
    "DTEND",
    "SUMMARY",
    "LOCATION",
    "DESCRIPTION",
    "URL",
    "SEQUENCE",
    "STATUS",
    "ORGANIZER",
    "ATTENDEE",
    "NAME",
    "X-WR-CALNAME",
    "REFRESH-INTERVAL",
    "X-PUBLISHED-TTL",
];

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (address, reference) = text.split_once('\u{1f}').unwrap_or((&text, ""));
    let number = |at: usize| i64::from(data.get(at).copied().unwrap_or_default());
    let appointment = Appointment {
        id: "a1".into(),
        reference: reference.to_owned(),
        unit_id: "u".into(),
        desk_id: "d".into(),
        case_id: "c".into(),
        citizen_id: "p".into(),
        officer_id: None,
        starts_at: Timestamp(number(0) * 86_400_000),
        ends_at: Timestamp(number(0) * 86_400_000 + number(1) * 60_000),
        state: State::Booked,
        held_until: None,
        sequence: number(2),
        late_at: None,
    };
    for happening in [Happening::Booked, Happening::Invited, Happening::Cancelled] {
        for lang in [Lang::Fr, Lang::En] {
            let own = Occasion::own(&appointment);
            let guest = Occasion::of_guest(&appointment, &"g1".into(), number(2));
            for occasion in [own, guest] {
                let now = Timestamp(number(3));
                read(&render(&occasion, happening, address, lang, now));
            }
        }
    }
    let entry = FeedEntry {
        id: "a1".into(),
        reference: reference.to_owned(),
        desk: address.to_owned(),
        starts_at: Timestamp(number(0) * 86_400_000),
        ends_at: Timestamp(number(0) * 86_400_000 + number(1) * 60_000),
        sequence: number(2),
        changed_at: Timestamp(number(3)),
    };
    read(&feed(address, &[entry]));
}

fn read(file: &str) {
    let body = file.strip_suffix("\r\n").expect("every line ends");
    for line in body.split("\r\n") {
        // RFC 5545 wishes 75 at most; the library forgets the space in front of a last piece.
        assert!(line.len() <= 76, "a line of {} octets", line.len());
        assert!(
            !line.contains(['\r', '\n']),
            "an end of line of its own: {line:?}"
        );
    }
    // RFC 5545 section 3.1: a line that begins with a space goes on with the one before.
    let unfolded = body.replace("\r\n ", "");
    let mut events = 0;
    for line in unfolded.split("\r\n") {
        let name = line.split([':', ';']).next().unwrap_or_default();
        assert!(NAMES.contains(&name), "a property from outside: {line:?}");
        events += usize::from(line == "BEGIN:VEVENT");
    }
    assert_eq!(events, 1);
}
