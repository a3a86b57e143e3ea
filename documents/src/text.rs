//! Text written by people, made safe to print without changing what it says.
//!
//! Everything that reaches a template passes through [`printable`]. It never fails and
//! never hides a character: what has no visible form is written as its code point, so
//! that an officer signs what a reader can see. The names of scripts, fonts and layouts
//! are of no concern here, except for the question whether a character can be drawn.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use crate::fonts::FONTS;

/// Longest run of European letters or digits without a place to break the line.
const LONGEST_RUN: usize = 24;
/// The same for other scripts, where words are short or carry marks that count for nothing.
const LONGEST_FOREIGN_RUN: usize = 30;

const ZERO_WIDTH_SPACE: char = '\u{200B}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Combining class of the signs that join a consonant to the next (Unicode, 4.3).
const VIRAMA: u8 = 9;
const NO_BREAK_SPACE: char = '\u{00A0}';

/// The characters of `text` that no embedded font can draw, each once, in order.
///
/// A form may call it while a person types; rendering refuses such a text with
/// [`RenderError::UnsupportedCharacters`](crate::RenderError::UnsupportedCharacters).
pub fn unsupported_characters(text: &str) -> Vec<char> {
    let missing: BTreeSet<char> = printable(text)
        .chars()
        .filter(|&c| !c.is_whitespace() && !is_invisible_joiner(c) && !FONTS.can_draw(c))
        .collect();
    missing.into_iter().collect()
}

/// The text as it is printed: composed characters, one kind of line end, visible code
/// points for what cannot be seen, French no-break spaces, and places to break very long
/// words so that nothing runs off the page.
pub(crate) fn printable(text: &str) -> String {
    let visible: String = text
        .replace("\r\n", "\n")
        .chars()
        .map(visible_form)
        .collect();
    let composed: String = visible.nfc().collect();
    break_long_runs(&french_spaces(&composed))
}

/// Paragraphs of a free text: blank lines and line ends both part them.
pub(crate) fn paragraphs(text: &str) -> Vec<String> {
    text.split([
        '\n', '\r', '\u{2028}', '\u{2029}', '\u{0B}', '\u{0C}', '\u{85}',
    ])
    .map(str::trim)
    .filter(|line| !line.is_empty())
    .map(str::to_owned)
    .collect()
}

/// A character, or its code point in brackets when it has no honest visible form:
/// controls, private use, and the marks that reorder or hide their neighbours.
fn visible_form(character: char) -> String {
    match character {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{0B}' | '\u{0C}' | '\u{85}' => "\n".to_owned(),
        '\t' => " ".to_owned(),
        '\u{FEFF}' => String::new(),
        c if c.is_control() || is_treacherous(c) => format!("[U+{:04X}]", u32::from(c)),
        c => c.to_string(),
    }
}

fn is_treacherous(character: char) -> bool {
    matches!(u32::from(character),
        // Embeddings, overrides and isolates make text read otherwise than it is stored.
        0x202A..=0x202E | 0x2066..=0x2069 | 0x206A..=0x206F
        // Invisible operators and fillers.
        | 0x2061..=0x2064 | 0x115F | 0x1160 | 0x3164 | 0xFFA0 | 0x180E
        // Interlinear annotations and the object replacement character.
        | 0xFFF9..=0xFFFC
        // Private use: no agreed meaning. Non-characters. Tags.
        | 0xE000..=0xF8FF | 0xF0000.. | 0xFDD0..=0xFDEF | 0xE0000..=0xE0FFF)
        || u32::from(character) & 0xFFFE == 0xFFFE
}

/// Characters that shape their neighbours and have no drawing of their own.
fn is_invisible_joiner(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{034F}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}')
}

/// Keeps French punctuation with its word: only an existing space becomes a no-break one.
fn french_spaces(text: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let before_mark = matches!(
            characters.peek(),
            Some(':' | ';' | '!' | '?' | '»' | '%' | '€')
        );
        let after_mark = printed.ends_with('«') || ends_with_article_letter(&printed);
        if character == ' ' && (before_mark || after_mark) {
            printed.push(NO_BREAK_SPACE);
        } else {
            printed.push(character);
        }
    }
    printed
}

/// `R. 2-27` and the like stay on one line.
fn ends_with_article_letter(text: &str) -> bool {
    let mut last = text.chars().rev();
    last.next() == Some('.')
        && matches!(last.next(), Some('A' | 'D' | 'L' | 'R'))
        && last.next().is_none_or(|before| !before.is_alphanumeric())
}

/// Never between a letter and its marks, nor where two letters make one sign.
fn break_long_runs(text: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    let mut run = 0;
    let mut bound_to_next = false;
    for character in text.chars() {
        if character.is_whitespace() && character != NO_BREAK_SPACE {
            run = 0;
        } else if !is_combining_mark(character) && !is_invisible_joiner(character) {
            let limit = if u32::from(character) < 0x0590 {
                LONGEST_RUN
            } else {
                LONGEST_FOREIGN_RUN
            };
            if run >= limit && !bound_to_next {
                printed.push(ZERO_WIDTH_SPACE);
                run = 0;
            }
            run += 1;
        }
        bound_to_next =
            character == ZERO_WIDTH_JOINER || canonical_combining_class(character) == VIRAMA;
        printed.push(character);
    }
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_printed_as_it_reads() {
        for (written, printed) in [
            ("plain", "plain"),
            ("E\u{301}tienne", "Étienne"),
            ("a\r\nb\rc\td", "a\nb\nc d"),
            ("a\u{0}b\u{1B}[31m", "a[U+0000]b[U+001B][31m"),
            ("abc\u{202E}fdp.exe", "abc[U+202E]fdp.exe"),
            ("\u{FEFF}début", "début"),
            (
                "\u{E000} \u{FFFE} \u{10FFFF}",
                "[U+E000] [U+FFFE] [U+10FFFF]",
            ),
            ("Quoi ? Non !", "Quoi\u{A0}? Non\u{A0}!"),
            ("« oui » : 12 €", "«\u{A0}oui\u{A0}»\u{A0}: 12\u{A0}€"),
            (
                "article R. 2-27, fin. D. 8",
                "article R.\u{A0}2-27, fin. D.\u{A0}8",
            ),
            ("LAR. 2", "LAR. 2"),
            ("http://x.fr", "http://x.fr"),
            ("می\u{200C}خواهم", "می\u{200C}خواهم"),
        ] {
            assert_eq!(printable(written), printed, "{written:?}");
        }
    }

    #[test]
    fn long_words_can_be_broken_and_keep_their_letters() {
        let word = "x".repeat(100);
        let printed = printable(&word);
        assert!(
            printed
                .split(ZERO_WIDTH_SPACE)
                .all(|piece| piece.len() <= LONGEST_RUN)
        );
        assert_eq!(printed.replace(ZERO_WIDTH_SPACE, ""), word);
        let conjuncts = "क\u{94D}".repeat(100);
        assert!(
            !printable(&conjuncts).contains(ZERO_WIDTH_SPACE),
            "no conjunct is cut"
        );
        assert!(!printable("anticonstitutionnelles et autres mots").contains(ZERO_WIDTH_SPACE));
    }

    #[test]
    fn unsupported_characters_are_named_once() {
        assert_eq!(
            unsupported_characters("Zoë, 漢字漢 et 한"),
            ['字', '漢', '한']
        );
        assert_eq!(
            unsupported_characters("Ελένη Нина 😀 👨\u{200D}👩 محمد"),
            Vec::<char>::new()
        );
        assert_eq!(
            unsupported_characters("\u{0}\u{202E}\u{E000}"),
            Vec::<char>::new()
        );
    }

    #[test]
    fn lines_are_paragraphs() {
        assert_eq!(paragraphs("a\n\n b \r\nc\u{2029}d"), ["a", "b", "c", "d"]);
        assert!(paragraphs(" \n ").is_empty());
    }
}
