//! Days and times as people read them: in a language and a zone.

use chrono::{Datelike, NaiveDate, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::messages::{Lang, text, text_with};

/// "mardi 3 mars 2026".
#[must_use]
pub fn day(lang: Lang, date: NaiveDate) -> String {
    text_with(
        lang,
        "calendar-day",
        &[
            ("weekday", &weekday(lang, date.weekday())),
            ("day", &day_number(lang, date)),
            ("month", &month(lang, date)),
            ("year", &date.year().to_string()),
        ],
    )
}

/// "mardi 3 mars", where the year goes without saying.
#[must_use]
pub fn short_day(lang: Lang, date: NaiveDate) -> String {
    text_with(
        lang,
        "calendar-short-day",
        &[
            ("weekday", &weekday(lang, date.weekday())),
            ("day", &day_number(lang, date)),
            ("month", &month(lang, date)),
        ],
    )
}

/// "mars 2026".
#[must_use]
pub fn month_of_year(lang: Lang, date: NaiveDate) -> String {
    format!("{} {}", month(lang, date), date.year())
}

/// The weekday's name.
#[must_use]
pub fn weekday(lang: Lang, weekday: chrono::Weekday) -> String {
    text(
        lang,
        &format!("calendar-weekday-{}", weekday.number_from_monday()),
    )
}

/// "10 h 00" on the wall of a zone. In the hour that comes twice in autumn the
/// offset from UTC is said too, since the wall alone does not tell which.
#[must_use]
pub fn time(lang: Lang, at: Timestamp, zone: Tz) -> String {
    let wall = at.in_zone(zone);
    let shown = clock_time(lang, wall.hour(), wall.minute());
    let twice = zone
        .from_local_datetime(&wall.naive_local())
        .single()
        .is_none();
    if twice {
        let offset = wall.format("%:z").to_string();
        text_with(
            lang,
            "calendar-time-twice",
            &[("time", &shown), ("offset", &offset)],
        )
    } else {
        shown
    }
}

/// "10:00:07" on the wall of a zone, for what is measured.
#[must_use]
pub fn second(at: Timestamp, zone: Tz) -> String {
    at.in_zone(zone).format("%H:%M:%S").to_string()
}

/// "20 h 00" for a minute of the day; 1440 reads "24 h 00".
#[must_use]
pub fn minute_of_day(lang: Lang, minute: i64) -> String {
    let minute = u32::try_from(minute).unwrap_or_default();
    clock_time(lang, minute / 60, minute % 60)
}

/// "mardi 3 mars 2026 à 10 h 00".
#[must_use]
pub fn moment(lang: Lang, at: Timestamp, zone: Tz) -> String {
    text_with(
        lang,
        "calendar-moment",
        &[
            ("day", &day(lang, at.in_zone(zone).date_naive())),
            ("time", &time(lang, at, zone)),
        ],
    )
}

/// Name of a zone of the Republic as people say it; another zone says its own.
#[must_use]
pub fn zone_name(lang: Lang, zone: Tz) -> String {
    let id = match zone.name() {
        "Europe/Paris" => "calendar-zone-paris",
        "Indian/Reunion" => "calendar-zone-reunion",
        "Indian/Mayotte" => "calendar-zone-mayotte",
        "America/Guadeloupe" => "calendar-zone-guadeloupe",
        "America/Martinique" => "calendar-zone-martinique",
        "America/Cayenne" => "calendar-zone-guyane",
        "America/Miquelon" => "calendar-zone-miquelon",
        "Pacific/Noumea" => "calendar-zone-noumea",
        "Pacific/Tahiti" => "calendar-zone-tahiti",
        "Pacific/Wallis" => "calendar-zone-wallis",
        other => return other.to_owned(),
    };
    text(lang, id)
}

/// A text that begins a line.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

fn clock_time(lang: Lang, hour: u32, minute: u32) -> String {
    let hour = match lang {
        Lang::Fr => hour.to_string(),
        Lang::En => format!("{hour:02}"),
    };
    let minute = format!("{minute:02}");
    text_with(
        lang,
        "calendar-time",
        &[("hour", &hour), ("minute", &minute)],
    )
}

fn day_number(lang: Lang, date: NaiveDate) -> String {
    if date.day() == 1 {
        text(lang, "calendar-first")
    } else {
        date.day().to_string()
    }
}

fn month(lang: Lang, date: NaiveDate) -> String {
    text(lang, &format!("calendar-month-{}", date.month()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono_tz::{Europe, Indian};

    #[test]
    fn moments_read_as_people_say_them() {
        for (at, zone, french, english) in [
            (
                "2026-03-03T09:00:00Z",
                Europe::Paris,
                "mardi 3 mars 2026 à 10 h 00",
                "Tuesday 3 March 2026 at 10:00",
            ),
            (
                "2026-05-01T06:05:00Z",
                Europe::Paris,
                "vendredi 1er mai 2026 à 8 h 05",
                "Friday 1 May 2026 at 08:05",
            ),
            (
                "2026-03-03T20:00:00Z",
                Indian::Reunion,
                "mercredi 4 mars 2026 à 0 h 00",
                "Wednesday 4 March 2026 at 00:00",
            ),
            (
                "2026-10-25T00:30:00Z",
                Europe::Paris,
                "dimanche 25 octobre 2026 à 2 h 30 (UTC+02:00)",
                "Sunday 25 October 2026 at 02:30 (UTC+02:00)",
            ),
            (
                "2026-10-25T01:30:00Z",
                Europe::Paris,
                "dimanche 25 octobre 2026 à 2 h 30 (UTC+01:00)",
                "Sunday 25 October 2026 at 02:30 (UTC+01:00)",
            ),
        ] {
            let at = Timestamp(
                chrono::DateTime::parse_from_rfc3339(at)
                    .unwrap()
                    .timestamp_millis(),
            );
            let plain = |text: String| text.replace('\u{a0}', " ");
            assert_eq!(plain(moment(Lang::Fr, at, zone)), french);
            assert_eq!(plain(moment(Lang::En, at, zone)), english);
        }
        assert_eq!(capitalised("été"), "Été");
        assert_eq!(capitalised(""), "");
    }
}
