//! Articles of law as dated data: which number an article has on a day, and
//! how a page quotes it. It knows nothing of what the articles say.

use std::sync::LazyLock;

use chrono::NaiveDate;
use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;

use crate::clock::Timestamp;
use crate::messages::{self, Lang};
use crate::orientation::catalogue::Texts;

static LEGAL: LazyLock<Legal> = LazyLock::new(|| {
    Legal::parse(include_str!("legal_references.toml"))
        .expect("the references are compiled in, and a test of this file parses and checks them")
});

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Legal {
    version: String,
    #[serde(rename = "code")]
    codes: Vec<Code>,
    #[serde(rename = "reference")]
    references: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    key: String,
    name: Texts,
    /// When every article of this code changes its number.
    #[serde(default)]
    renumbered_on: Option<NaiveDate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    key: String,
    code: String,
    numbers: Vec<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    from: NaiveDate,
    number: String,
}

impl Legal {
    fn parse(text: &str) -> Result<Self, String> {
        let legal: Legal = Figment::from(Toml::string(text))
            .extract()
            .map_err(|error| error.to_string())?;
        for reference in &legal.references {
            let key = &reference.key;
            if legal
                .references
                .iter()
                .filter(|one| one.key == *key)
                .count()
                > 1
            {
                return Err(format!("{key} stands twice"));
            }
            if !legal.codes.iter().any(|code| code.key == reference.code) {
                return Err(format!("{key} names an unknown code"));
            }
            let dates: Vec<_> = reference.numbers.iter().map(|number| number.from).collect();
            if dates.is_empty() || !dates.is_sorted_by(|one, next| one < next) {
                return Err(format!(
                    "the numbers of {key} are not in the order of their dates"
                ));
            }
        }
        Ok(legal)
    }
}

/// Version of the references' file.
#[must_use]
pub fn version() -> &'static str {
    &LEGAL.version
}

/// Whether a key exists.
#[must_use]
pub fn exists(key: &str) -> bool {
    LEGAL
        .references
        .iter()
        .any(|reference| reference.key == key)
}

/// How a page quotes an article at that instant, e.g. "article 10-2 du code de
/// procédure pénale". An unknown key gives the empty string; the tests refuse it.
#[must_use]
pub fn cite(lang: Lang, key: &str, now: Timestamp) -> String {
    let today = now.in_zone(chrono_tz::Europe::Paris).date_naive();
    let Some(reference) = LEGAL.references.iter().find(|one| one.key == key) else {
        return String::new();
    };
    let Some(code) = LEGAL.codes.iter().find(|code| code.key == reference.code) else {
        return String::new();
    };
    let number = reference
        .numbers
        .iter()
        .rev()
        .find(|number| number.from <= today)
        .or(reference.numbers.first());
    let Some(number) = number else {
        return String::new();
    };
    let renumbered = code
        .renumbered_on
        .is_some_and(|day| day <= today && number.from < day);
    let message = if renumbered {
        "legal-article-former"
    } else {
        "legal-article"
    };
    messages::text_with(
        lang,
        message,
        &[
            ("number", &number.number),
            ("code", code.name.in_lang(lang)),
        ],
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono::{TimeZone, Utc};

    fn at(year: i32, month: u32, day: u32) -> Timestamp {
        Utc.with_ymd_and_hms(year, month, day, 12, 0, 0)
            .unwrap()
            .into()
    }

    #[test]
    fn an_article_has_the_number_of_the_day() {
        Legal::parse(include_str!("legal_references.toml")).unwrap();
        for (key, now, expected) in [
            (
                "interpreter",
                at(2026, 11, 22),
                "article\u{a0}10-3 du code de procédure pénale",
            ),
            (
                "interpreter",
                at(2028, 12, 31),
                "article\u{a0}10-3 du code de procédure pénale",
            ),
            (
                "interpreter",
                at(2029, 1, 1),
                "article\u{a0}L. 1421-3 du code de procédure pénale",
            ),
            (
                "victim-rights",
                at(2029, 1, 1),
                "article\u{a0}10-2 (ancienne numérotation) du code de procédure pénale",
            ),
            (
                "false-report",
                at(2030, 1, 1),
                "article\u{a0}434-26 du code pénal",
            ),
            ("nothing", at(2026, 1, 1), ""),
        ] {
            assert_eq!(cite(Lang::Fr, key, now), expected);
        }
    }

    #[test]
    fn unsound_references_are_refused() {
        let sound = include_str!("legal_references.toml");
        for (from, to) in [
            ("key = \"receipt\"", "key = \"complaint\""),
            (
                "from = \"2029-01-01\", number = \"L. 1411-2\"",
                "from = \"1900-01-01\", number = \"L. 1411-2\"",
            ),
            ("code = \"cp\"\n", "code = \"zz\"\n"),
        ] {
            assert!(sound.contains(from), "{from}");
            assert!(
                Legal::parse(&sound.replacen(from, to, 1)).is_err(),
                "{from}"
            );
        }
    }
}
