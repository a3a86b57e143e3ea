//! How instants are written for a person: in a unit's zone, in their language.

use chrono::Locale;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::messages::Lang;

fn written(at: Timestamp, zone: Tz, lang: Lang, french: &str, english: &str) -> String {
    let at = at.in_zone(zone);
    match lang {
        Lang::Fr => at.format_localized(french, Locale::fr_FR).to_string(),
        Lang::En => at.format_localized(english, Locale::en_GB).to_string(),
    }
}

/// `lundi 2 mars 2026 à 10 h 00`.
#[must_use]
pub fn day_and_time(at: Timestamp, zone: Tz, lang: Lang) -> String {
    written(
        at,
        zone,
        lang,
        "%A %-d %B %Y à %-H h %M",
        "%A %-d %B %Y at %H:%M",
    )
}

/// `lundi 2 mars 2026`.
#[must_use]
pub fn day(at: Timestamp, zone: Tz, lang: Lang) -> String {
    written(at, zone, lang, "%A %-d %B %Y", "%A %-d %B %Y")
}

/// `10 h 00`.
#[must_use]
pub fn time(at: Timestamp, zone: Tz, lang: Lang) -> String {
    written(at, zone, lang, "%-H h %M", "%H:%M")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_the_zone_and_language_asked() {
        // 2026-03-02 09:05 UTC.
        let at = Timestamp(1_772_442_300_000);
        for (zone, lang, expected) in [
            (
                chrono_tz::Europe::Paris,
                Lang::Fr,
                "lundi 2 mars 2026 à 10 h 05",
            ),
            (
                chrono_tz::Indian::Reunion,
                Lang::Fr,
                "lundi 2 mars 2026 à 13 h 05",
            ),
            (
                chrono_tz::Europe::Paris,
                Lang::En,
                "Monday 2 March 2026 at 10:05",
            ),
        ] {
            assert_eq!(day_and_time(at, zone, lang), expected);
        }
        assert_eq!(time(at, chrono_tz::Europe::Paris, Lang::Fr), "10 h 05");
    }
}
