//! Articles and wordings as dated data (`data/legal-*.json`), never in code or templates.
//!
//! The code of criminal procedure is rewritten with effect on 1 January 2029
//! (ordonnance 2025-1091): a new edition is then a new file. The wordings are plain-words
//! summaries of our own; an operator has them read by a lawyer before production.

use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// An article that an act rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalReference {
    /// What it is about.
    pub label: String,
    /// The article or articles, as they are cited.
    pub article: String,
}

/// Something that the complainant has to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// Stable name of it, for the officer's ticks.
    pub id: String,
    /// A short title.
    pub title: String,
    /// Plain words.
    pub text: String,
    /// The article it comes from.
    pub article: String,
}

/// How long the prosecution of a kind of offence stays possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prescription {
    /// Kind of offence: `Contravention`, `Délit`, `Crime`.
    pub offence: String,
    /// The period, in words.
    pub period: String,
    /// The article.
    pub article: String,
}

/// A service that helps, with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Help {
    /// Who it is.
    pub name: String,
    /// Number or address.
    pub contact: String,
    /// When and for what.
    pub text: String,
}

/// Every legal wording that documents print, for one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalTexts {
    /// First day of its use.
    pub in_force_from: NaiveDate,
    /// Day before which it is used; open when absent.
    pub in_force_before: Option<NaiveDate>,
    /// The code that bare article numbers belong to.
    pub code: String,
    /// What a procès-verbal by videoconference rests on.
    pub proces_verbal: Vec<LegalReference>,
    /// What a récépissé rests on.
    pub recepisse: Vec<LegalReference>,
    /// What the complainant is told, in order.
    pub rights: Vec<Right>,
    /// Periods of prescription.
    pub prescription: Vec<Prescription>,
    /// Where those periods start and how a civil-party complaint interrupts them.
    pub prescription_notes: Vec<String>,
    /// Services that help.
    pub helps: Vec<Help>,
}

impl LegalTexts {
    /// The wordings in force on a day, if an edition covers it.
    pub fn in_force_on(day: NaiveDate) -> Option<&'static Self> {
        EDITIONS.iter().find(|edition| {
            edition.in_force_from <= day && edition.in_force_before.is_none_or(|end| day < end)
        })
    }
}

static EDITIONS: LazyLock<Vec<LegalTexts>> = LazyLock::new(|| {
    [include_str!("../data/legal-2026-01-01.json")]
        .into_iter()
        .map(|edition| {
            serde_json::from_str(edition)
                .expect("the editions are files of this crate, read by a test")
        })
        .collect()
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn an_edition_is_found_by_its_days_only() {
        assert!(LegalTexts::in_force_on(day("2025-12-31")).is_none());
        assert!(LegalTexts::in_force_on(day("2026-01-01")).is_some());
        assert!(LegalTexts::in_force_on(day("2028-12-31")).is_some());
        assert!(
            LegalTexts::in_force_on(day("2029-01-01")).is_none(),
            "the code is rewritten that day"
        );
    }

    #[test]
    fn the_edition_names_every_right_of_r_2_27_and_10_2_once() {
        let texts = LegalTexts::in_force_on(day("2026-11-22")).unwrap();
        let ids: Vec<&str> = texts.rights.iter().map(|right| right.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "optional",
                "heard_again",
                "compensation",
                "civil_party",
                "lawyer",
                "victim_support",
                "civi",
                "protection",
                "interpreter",
                "accompanied",
                "third_party_address",
                "medical_certificate",
                "outcome",
                "contest_closing",
                "medical_and_psychological_help",
                "copy",
            ]
        );
        assert_eq!(texts.prescription.len(), 3);
        assert!(texts.helps.iter().any(|help| help.contact == "116 006"));
        for right in &texts.rights {
            assert!(
                !right.title.is_empty() && !right.text.is_empty() && !right.article.is_empty(),
                "{}",
                right.id
            );
        }
    }
}
