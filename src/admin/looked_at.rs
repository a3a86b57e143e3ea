//! Nothing is saved that was not shown first. A preview carries the mark of what was
//! asked for and of what it would do; saving gives the mark back. Where either is another
//! by then, the preview comes again and nothing is done. Pure.

use crate::keys::sha256_hex;

/// The mark of a preview: of every value asked for and every effect shown.
pub(super) fn mark<T: AsRef<str>>(parts: &[T]) -> String {
    let mut text = String::new();
    for part in parts {
        let part = part.as_ref();
        // The lengths keep two lists apart that read alike one after the other.
        text.push_str(&format!("{}:{part};", part.len()));
    }
    sha256_hex(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn another_value_another_effect_or_another_place_is_another_mark() {
        let lists: [&[&str]; 6] = [
            &[],
            &[""],
            &["a", "b"],
            &["ab"],
            &["b", "a"],
            &["a", "b", ""],
        ];
        for (index, list) in lists.iter().enumerate() {
            for (other, another) in lists.iter().enumerate() {
                assert_eq!(mark(list) == mark(another), index == other);
            }
        }
    }
}
