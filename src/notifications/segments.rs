//! How many SMS a text takes. Pure. A text of the alphabet of 3GPP TS 23.038
//! (GSM-7) has room for 160 characters, or 153 in each of several segments; one
//! character outside of it (ê, ç, a curly apostrophe) makes it UCS-2, with room
//! for 70 or 67.

use unicode_normalization::UnicodeNormalization;

use crate::text_enum;

text_enum! {
    /// How a text travels.
    Alphabet {
        /// Seven bits a character.
        Gsm7 = "gsm7",
        /// Sixteen bits a character.
        Ucs2 = "ucs2",
    }
}

/// Room of a single SMS and of each of several, in units of the alphabet.
const fn room(alphabet: Alphabet) -> (usize, usize) {
    match alphabet {
        Alphabet::Gsm7 => (160, 153),
        Alphabet::Ucs2 => (70, 67),
    }
}

/// The basic table: one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: an escape and a septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// What a text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its alphabet.
    pub alphabet: Alphabet,
    /// Septets, or UTF-16 units.
    pub units: usize,
    /// SMS that are billed.
    pub segments: usize,
}

/// What a text takes.
#[must_use]
pub fn size_of(text: &str) -> Size {
    let septets: Option<Vec<usize>> = text.chars().map(septets_of).collect();
    let (alphabet, widths) = match septets {
        Some(widths) => (Alphabet::Gsm7, widths),
        None => (Alphabet::Ucs2, text.chars().map(char::len_utf16).collect()),
    };
    let (single, each) = room(alphabet);
    let units: usize = widths.iter().sum();
    let segments = if units <= single {
        1
    } else {
        // Neither an escape nor a surrogate is parted from what follows it.
        let (mut segments, mut used) = (1, 0);
        for width in widths {
            if used + width > each {
                segments += 1;
                used = 0;
            }
            used += width;
        }
        segments
    };
    Size {
        alphabet,
        units,
        segments,
    }
}

fn septets_of(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else {
        EXTENSION.contains(character).then_some(2)
    }
}

/// The characters that make a text UCS-2, each once, in order.
#[must_use]
pub fn outsiders(text: &str) -> Vec<char> {
    let mut found = Vec::new();
    for character in text.chars() {
        if septets_of(character).is_none() && !found.contains(&character) {
            found.push(character);
        }
    }
    found
}

/// The text with what lies outside the alphabet put by what people write instead
/// (ê by e, a curly apostrophe by a straight one), so that one letter does not
/// make the whole text twice as dear. What has no such twin stays.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if septets_of(character).is_some() {
            out.push(character);
            continue;
        }
        match character {
            '\u{a0}' | '\u{202f}' => out.push(' '),
            '’' | '‘' => out.push('\''),
            '“' | '”' | '«' | '»' => out.push('"'),
            '–' | '—' | '‑' => out.push('-'),
            '…' => out.push_str("..."),
            'œ' => out.push_str("oe"),
            'Œ' => out.push_str("OE"),
            _ => {
                // Only marks are left off: a letter of another script stays itself.
                let base = character.nfd().next().filter(|&base| base != character);
                out.push(match base {
                    Some(base) if septets_of(base).is_some() => base,
                    _ => character,
                });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basic_table_has_its_hundred_and_twenty_seven_characters() {
        // The 128th is the escape.
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }

    #[test]
    fn texts_take_the_segments_that_operators_bill() {
        use Alphabet::{Gsm7, Ucs2};
        for (text, alphabet, units, segments) in [
            (String::new(), Gsm7, 0, 1),
            ("a".repeat(160), Gsm7, 160, 1),
            ("a".repeat(161), Gsm7, 161, 2),
            ("a".repeat(306), Gsm7, 306, 2),
            ("a".repeat(307), Gsm7, 307, 3),
            ("é".repeat(160), Gsm7, 160, 1),
            ("€".repeat(80), Gsm7, 160, 1),
            ("€".repeat(81), Gsm7, 162, 2),
            // An escape does not end a segment: 76 of them and one septet left.
            ("€".repeat(153), Gsm7, 306, 3),
            ("ê".repeat(70), Ucs2, 70, 1),
            ("ê".repeat(71), Ucs2, 71, 2),
            (format!("{}ç", "a".repeat(134)), Ucs2, 135, 3),
            ("🚲".repeat(35), Ucs2, 70, 1),
            ("🚲".repeat(36), Ucs2, 72, 2),
            // A surrogate pair is not parted: 33 a segment.
            ("🚲".repeat(67), Ucs2, 134, 3),
        ] {
            let found = size_of(&text);
            assert_eq!(
                (found.alphabet, found.units, found.segments),
                (alphabet, units, segments),
                "{text}"
            );
        }
        assert_eq!(outsiders("l’été, ça ira’"), ['’', 'ç']);
        assert!(outsiders("Été à 10 h, où ?").is_empty());
    }

    #[test]
    fn letters_that_would_double_the_price_are_written_as_people_do() {
        for (text, expected) in [
            ("mardi 4 août à 10\u{a0}h\u{a0}00", "mardi 4 aout à 10 h 00"),
            ("l’hôtel « Cœur »…", "l'hotel \" Coeur \"..."),
            ("ça reçoit – Noël", "ca recoit - Noel"),
            ("déjà plus de 1 €", "déjà plus de 1 €"),
            ("Ωδή 🚲", "Ωδή 🚲"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
