//! What the officer establishes and tells before the questions: the check
//! list. The checks are ours; the rights come from the dated legal texts that
//! the documents print, so that what was ticked and what is printed are one.

use chrono::NaiveDate;
use documents::LegalTexts;

use super::store::NotedCheck;

/// A check and the results it may have, as message suffixes.
#[derive(Debug)]
pub struct Check {
    /// Key; its label is the message `check-KEY`.
    pub key: &'static str,
    /// Results; labels are `check-KEY-RESULT`. The first is the usual one.
    pub results: &'static [&'static str],
}

/// The checks, in the order they are made. None can be skipped silently: the
/// procès-verbal cannot be sent for review while one has no result.
pub const CHECKS: &[Check] = &[
    Check {
        key: "identity",
        results: &["seen", "known", "doubtful"],
    },
    Check {
        key: "residence",
        results: &["confirmed", "other"],
    },
    Check {
        key: "language",
        results: &["french", "interpreter"],
    },
    Check {
        key: "setting",
        results: &["alone", "accompanied", "unsafe"],
    },
];

/// Prefix of the keys of rights, before the right's own id.
pub const RIGHT: &str = "right.";
/// Result of a right that was told.
pub const TOLD: &str = "told";

/// Whether an item of the list may have a result.
#[must_use]
pub fn is_valid(item: &str, result: &str, day: NaiveDate) -> bool {
    if let Some(id) = item.strip_prefix(RIGHT) {
        return result == TOLD
            && LegalTexts::in_force_on(day)
                .is_some_and(|texts| texts.rights.iter().any(|right| right.id == id));
    }
    CHECKS
        .iter()
        .any(|check| check.key == item && check.results.contains(&result))
}

/// What is still missing before the procès-verbal may be sent for review.
#[must_use]
pub fn missing(noted: &[NotedCheck], day: NaiveDate) -> Vec<String> {
    let is_noted = |item: &str| noted.iter().any(|check| check.item == item);
    let checks = CHECKS.iter().map(|check| check.key.to_owned());
    let rights = LegalTexts::in_force_on(day)
        .map(|texts| texts.rights.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|right| format!("{RIGHT}{}", right.id));
    checks
        .chain(rights)
        .filter(|item| !is_noted(item))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn nothing_can_be_ticked_that_is_not_on_the_list_and_nothing_is_forgotten() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        for (item, result, expected) in [
            ("identity", "seen", true),
            ("identity", "told", false),
            ("identity", "", false),
            ("right.lawyer", "told", true),
            ("right.lawyer", "seen", false),
            ("right.unknown", "told", false),
            ("", "", false),
        ] {
            assert_eq!(is_valid(item, result, day), expected, "{item} {result}");
        }
        let all = missing(&[], day);
        assert!(all.len() > CHECKS.len() + 10);
        let noted: Vec<NotedCheck> = all
            .iter()
            .skip(1)
            .map(|item| NotedCheck {
                item: item.clone(),
                result: TOLD.into(),
                noted_at: Timestamp(0),
            })
            .collect();
        assert_eq!(missing(&noted, day), vec![all[0].clone()]);
    }
}
