//! The questions of the help page and their search, which needs no script.

use super::search;
use crate::messages::{self, Lang};

/// Names of the questions, in order: messages `help-q-NAME` and `help-a-NAME`,
/// anchor `#NAME` of the page.
const QUESTIONS: &[&str] = &[
    "cout",
    "urgence",
    "obligatoire",
    "faits",
    "mineur",
    "franceconnect",
    "etranger",
    "materiel",
    "lieu",
    "identite",
    "enregistrement",
    "avocat",
    "interprete",
    "annuler",
    "lien",
    "coupure",
    "signature",
    "documents",
    "suite",
    "donnees",
    "mensonge",
];

/// Longest search read, in characters.
const MAX_QUERY: usize = 100;

/// A question with its answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) question: String,
    pub(super) answer: String,
}

/// What a person searched for, cut to a sensible length.
pub(super) fn query_of(typed: &str) -> String {
    typed
        .trim()
        .chars()
        .filter(|one| !one.is_control())
        .take(MAX_QUERY)
        .collect()
}

/// The questions that hold every word searched for; all of them for an empty search.
pub(super) fn find(lang: Lang, query: &str) -> Vec<Question> {
    QUESTIONS
        .iter()
        .map(|&name| Question {
            name,
            question: messages::text(lang, &format!("help-q-{name}")),
            answer: messages::text(lang, &format!("help-a-{name}")),
        })
        .filter(|one| search::matches(&format!("{} {}", one.question, one.answer), query))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_its_words() {
        for &lang in Lang::ALL {
            for name in QUESTIONS {
                assert!(
                    messages::has(lang, &format!("help-q-{name}")),
                    "{lang}: {name}"
                );
                assert!(
                    messages::has(lang, &format!("help-a-{name}")),
                    "{lang}: {name}"
                );
            }
        }
    }

    #[test]
    fn a_search_finds_what_a_person_looks_for() {
        for (lang, query, expected) in [
            (Lang::Fr, "camera", Some("materiel")),
            (Lang::Fr, "annuler rendez-vous", Some("annuler")),
            (Lang::Fr, "mineurs", Some("mineur")),
            (Lang::Fr, "114", Some("urgence")),
            (Lang::En, "lawyer", Some("avocat")),
            (Lang::Fr, "xyzzy", None),
        ] {
            let found = find(lang, query);
            match expected {
                Some(name) => assert!(found.iter().any(|one| one.name == name), "{query}"),
                None => assert!(found.is_empty(), "{query}"),
            }
        }
        assert_eq!(find(Lang::Fr, "").len(), QUESTIONS.len());
    }
}
