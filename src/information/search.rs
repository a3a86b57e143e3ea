//! Text as it is searched, so that "Elancourt" finds "Élancourt".

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents, words parted by one space whatever hyphen,
/// apostrophe or other mark stood between them.
#[must_use]
pub fn folded(text: &str) -> String {
    let plain: String = text
        .nfd()
        .filter(|one| !is_combining_mark(*one))
        .flat_map(char::to_lowercase)
        .map(|one| if one.is_alphanumeric() { one } else { ' ' })
        .collect();
    plain
        .replace('œ', "oe")
        .replace('æ', "ae")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether every word of a query begins a word of the text. A plural finds its
/// singular.
#[must_use]
pub fn matches(text: &str, query: &str) -> bool {
    let text = folded(text);
    folded(query).split_whitespace().all(|word| {
        let stem = match word.strip_suffix('s') {
            Some(stem) if stem.chars().count() >= 3 => stem,
            _ => word,
        };
        text.split(' ').any(|one| one.starts_with(stem))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded() {
        for (text, expected) in [
            ("Élancourt", "elancourt"),
            ("L’Haÿ-les-Roses", "l hay les roses"),
            ("L'Haÿ-les-Roses", "l hay les roses"),
            ("ŒUILLY", "oeuilly"),
            ("  a%_  b ", "a b"),
            ("\u{0}\u{7}", ""),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_found_by_their_beginning() {
        for (query, found) in [
            ("", true),
            ("camera", true),
            ("CAMÉRAS", true),
            ("d'une caméra", true),
            ("cam mic", true),
            ("amera", false),
            ("caméra zzz", false),
            ("%", true),
        ] {
            assert_eq!(
                matches("D’une caméra et d’un micro.", query),
                found,
                "{query}"
            );
        }
    }
}
