//! Dates, hours and numbers as a French act writes them. Pure; knows no zone names.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Timelike};

const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const WEEKDAYS: [&str; 7] = [
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
];

/// `22 novembre 2026`, `1er mars 2026`; no line breaks between day and month.
pub(crate) fn date(date: NaiveDate) -> String {
    format!("{}\u{A0}{} {}", day(date), month(date.month()), date.year())
}

/// `dimanche 22 novembre 2026`.
pub(crate) fn long_date(moment: DateTime<FixedOffset>) -> String {
    let weekday = WEEKDAYS[moment.weekday().num_days_from_monday() as usize];
    format!("{weekday} {}", date(moment.date_naive()))
}

/// `14 h 05`.
pub(crate) fn time(moment: DateTime<FixedOffset>) -> String {
    format!("{}\u{A0}h\u{A0}{:02}", moment.hour(), moment.minute())
}

/// The hour alone for something of the same day as `reference`, else the whole moment.
pub(crate) fn time_on(at: DateTime<FixedOffset>, reference: DateTime<FixedOffset>) -> String {
    if at.date_naive() == reference.date_naive() {
        time(at)
    } else {
        moment(at)
    }
}

/// `14 h 05 min 09 s`, for technical incidents.
pub(crate) fn precise_time(moment: DateTime<FixedOffset>) -> String {
    format!(
        "{}\u{A0}min\u{A0}{:02}\u{A0}s",
        time(moment),
        moment.second()
    )
}

/// `22 novembre 2026 à 14 h 05`.
pub(crate) fn moment(moment: DateTime<FixedOffset>) -> String {
    format!("{} à {}", date(moment.date_naive()), time(moment))
}

/// `UTC+1`, `UTC−4`, `UTC+5 h 30`, `UTC`.
pub(crate) fn offset(moment: DateTime<FixedOffset>) -> String {
    let minutes = moment.offset().local_minus_utc() / 60;
    let sign = if minutes < 0 { '−' } else { '+' };
    match (minutes.abs() / 60, minutes.abs() % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}\u{A0}h\u{A0}{minutes:02}"),
    }
}

/// `L’an deux mille vingt-six, le vingt-deux novembre, à quatorze heures cinq`: the
/// traditional opening of a procès-verbal, in words because digits are easily altered.
pub(crate) fn opening(moment: DateTime<FixedOffset>) -> String {
    let day = match moment.day() {
        1 => "premier".to_owned(),
        day => in_words(day, false),
    };
    let hour = match moment.hour() {
        0 => "zéro heure".to_owned(),
        1 => "une heure".to_owned(),
        hour => format!("{} heures", in_words(hour, true)),
    };
    let minute = match moment.minute() {
        0 => String::new(),
        minute => format!(" {}", in_words(minute, true)),
    };
    let year = u32::try_from(moment.year()).unwrap_or(0);
    format!(
        "L’an {}, le {day} {}, à {hour}{minute}",
        in_words(year, false),
        month(moment.month())
    )
}

/// The name of a month counted from one; empty outside the calendar.
pub(crate) fn month(number: u32) -> &'static str {
    usize::try_from(number)
        .ok()
        .and_then(|number| MONTHS.get(number.checked_sub(1)?))
        .copied()
        .unwrap_or("")
}

fn day(date: NaiveDate) -> String {
    match date.day() {
        1 => "1er".to_owned(),
        day => day.to_string(),
    }
}

/// A number up to 9999 in words; `feminine` makes `vingt et une` of hours and minutes.
fn in_words(number: u32, feminine: bool) -> String {
    const UNITS: [&str; 17] = [
        "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix",
        "onze", "douze", "treize", "quatorze", "quinze", "seize",
    ];
    const TENS: [&str; 10] = [
        "",
        "",
        "vingt",
        "trente",
        "quarante",
        "cinquante",
        "soixante",
        "soixante",
        "quatre-vingt",
        "quatre-vingt",
    ];
    match number {
        1 if feminine => "une".to_owned(),
        0..=16 => UNITS[number as usize].to_owned(),
        17..=19 => format!("dix-{}", UNITS[number as usize - 10]),
        20..=99 => {
            let base = TENS[number as usize / 10];
            // Seventy and ninety count on from sixty and eighty: soixante-dix, quatre-vingt-onze.
            let rest = match number / 10 {
                7 | 9 => number % 10 + 10,
                _ => number % 10,
            };
            match (number / 10, rest) {
                (8, 0) => "quatre-vingts".to_owned(),
                (_, 0) => base.to_owned(),
                (2..=6, 1) | (7, 11) => format!("{base} et {}", in_words(rest, feminine)),
                _ => format!("{base}-{}", in_words(rest, feminine)),
            }
        }
        100..=999 => {
            let hundreds = match number / 100 {
                1 => "cent".to_owned(),
                n if number.is_multiple_of(100) => format!("{} cents", in_words(n, false)),
                n => format!("{} cent", in_words(n, false)),
            };
            joined(hundreds, number % 100, feminine)
        }
        1000..=9999 => {
            let thousands = match number / 1000 {
                1 => "mille".to_owned(),
                n => format!("{} mille", in_words(n, false)),
            };
            joined(thousands, number % 1000, feminine)
        }
        _ => number.to_string(),
    }
}

fn joined(head: String, rest: u32, feminine: bool) -> String {
    match rest {
        0 => head,
        rest => format!("{head} {}", in_words(rest, feminine)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(text).unwrap()
    }

    #[test]
    fn numbers_are_written_in_words() {
        for (number, words) in [
            (0, "zéro"),
            (1, "un"),
            (16, "seize"),
            (17, "dix-sept"),
            (21, "vingt et un"),
            (22, "vingt-deux"),
            (60, "soixante"),
            (70, "soixante-dix"),
            (71, "soixante et onze"),
            (77, "soixante-dix-sept"),
            (80, "quatre-vingts"),
            (81, "quatre-vingt-un"),
            (91, "quatre-vingt-onze"),
            (99, "quatre-vingt-dix-neuf"),
            (100, "cent"),
            (200, "deux cents"),
            (201, "deux cent un"),
            (1999, "mille neuf cent quatre-vingt-dix-neuf"),
            (2000, "deux mille"),
            (2026, "deux mille vingt-six"),
            (2080, "deux mille quatre-vingts"),
        ] {
            assert_eq!(in_words(number, false), words);
        }
    }

    #[test]
    fn acts_open_with_the_moment_in_words() {
        for (moment, words) in [
            (
                "2026-11-22T14:05:00+01:00",
                "L’an deux mille vingt-six, le vingt-deux novembre, à quatorze heures cinq",
            ),
            (
                "2027-01-01T01:21:00+01:00",
                "L’an deux mille vingt-sept, le premier janvier, à une heure vingt et une",
            ),
            (
                "2026-08-31T00:00:00-04:00",
                "L’an deux mille vingt-six, le trente et un août, à zéro heure",
            ),
            (
                "2026-08-21T21:00:00+04:00",
                "L’an deux mille vingt-six, le vingt et un août, à vingt et une heures",
            ),
        ] {
            assert_eq!(opening(at(moment)), words);
        }
    }

    #[test]
    fn dates_hours_and_offsets() {
        assert_eq!(
            long_date(at("2026-03-01T09:00:00+01:00")),
            "dimanche 1er\u{A0}mars 2026"
        );
        assert_eq!(time(at("2026-03-01T09:05:00+01:00")), "9\u{A0}h\u{A0}05");
        for (moment, printed) in [
            ("2026-03-01T09:00:00+01:00", "UTC+1"),
            ("2026-03-01T09:00:00-04:00", "UTC−4"),
            ("2026-03-01T09:00:00-09:30", "UTC−9\u{A0}h\u{A0}30"),
            ("2026-03-01T09:00:00Z", "UTC"),
        ] {
            assert_eq!(offset(at(moment)), printed);
        }
        let noon = at("2026-03-01T12:00:00+01:00");
        assert_eq!(
            time_on(at("2026-03-01T23:59:00+01:00"), noon),
            "23\u{A0}h\u{A0}59"
        );
        assert_eq!(
            time_on(at("2026-03-02T00:01:00+01:00"), noon),
            "2\u{A0}mars 2026 à 0\u{A0}h\u{A0}01"
        );
        assert_eq!(month(0), "");
        assert_eq!(month(13), "");
    }
}
