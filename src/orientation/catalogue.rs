//! The offence catalogue and the orientation's rules, read from
//! `catalogue.toml`: dated data that an administrator may come to edit. It
//! says what exists and checks itself; it decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;

use super::rules::{Answer, Answers, Outcome};
use crate::messages::Lang;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(include_str!("catalogue.toml"))
        .expect("the catalogue is compiled in, and a test of this file parses and checks it")
});

/// The catalogue in force.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

/// A text in each language of the interface.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Texts(BTreeMap<String, String>);

impl Texts {
    /// The text in a language, in French where that language lacks it.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &str {
        self.0
            .get(lang.as_str())
            .or_else(|| self.0.get(Lang::Fr.as_str()))
            .map_or("", String::as_str)
    }
}

/// One nature of facts a person can choose.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offence {
    /// What the database and addresses call it.
    pub code: String,
    /// The family that rules may name.
    pub group: String,
    /// `contravention`, `delit` or `unknown`: what may be said of prescription.
    pub level: String,
    /// Names of the advice messages worth reading before the hearing.
    pub advice: Vec<String>,
    /// Its name in plain words.
    pub label: Texts,
    /// An example in plain words.
    pub hint: Texts,
    /// Where its presence comes from.
    pub source: String,
}

/// The answers a rule asks for; an absent one may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    danger: Option<Vec<Answer>>,
    group: Option<Vec<String>>,
    offence: Option<Vec<String>>,
    online: Option<Vec<Answer>>,
    author: Option<Vec<Answer>>,
    card: Option<Vec<Answer>>,
}

impl When {
    /// Whether these answers are what the rule asks for.
    #[must_use]
    pub fn holds(&self, answers: &Answers<'_>) -> bool {
        let allows = |allowed: &Option<Vec<Answer>>, given| {
            allowed.as_ref().is_none_or(|list| list.contains(&given))
        };
        let names = |allowed: &Option<Vec<String>>, given: Option<&str>| {
            allowed
                .as_ref()
                .is_none_or(|list| given.is_some_and(|given| list.iter().any(|one| one == given)))
        };
        allows(&self.danger, answers.danger)
            && names(&self.group, answers.offence.map(|one| one.group.as_str()))
            && names(&self.offence, answers.offence.map(|one| one.code.as_str()))
            && allows(&self.online, answers.online)
            && allows(&self.author, answers.author)
            && allows(&self.card, answers.card)
    }
}

/// One line of the decision table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, for the tests and the administrator.
    pub id: String,
    /// Where it leads.
    pub outcome: Outcome,
    /// When it applies.
    pub when: When,
    /// Where it comes from.
    pub source: String,
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Date of this state of the file; kept with every declaration.
    pub version: String,
    /// What a person can choose, in the order shown.
    #[serde(rename = "offence")]
    pub offences: Vec<Offence>,
    /// The decision table; the first rule that matches decides.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    /// Address of the service an outcome recommends.
    pub service: BTreeMap<String, String>,
}

impl Catalogue {
    /// Reads and checks a catalogue.
    ///
    /// # Errors
    /// What is wrong with it, in words for an administrator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let catalogue: Catalogue = Figment::from(Toml::string(text))
            .extract()
            .map_err(|error| error.to_string())?;
        catalogue.check()?;
        Ok(catalogue)
    }

    /// Refuses a catalogue whose rules name what does not exist, or that
    /// would leave somebody without an answer.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn check(&self) -> Result<(), String> {
        let mut codes = BTreeSet::new();
        for offence in &self.offences {
            if !codes.insert(offence.code.as_str()) {
                return Err(format!("offence {} stands twice", offence.code));
            }
            for lang in Lang::ALL {
                if !offence.label.0.contains_key(lang.as_str())
                    || !offence.hint.0.contains_key(lang.as_str())
                {
                    return Err(format!("offence {} has no words in {lang}", offence.code));
                }
            }
        }
        let groups: BTreeSet<_> = self.offences.iter().map(|one| one.group.as_str()).collect();
        let mut ids = BTreeSet::new();
        for rule in &self.rules {
            if !ids.insert(rule.id.as_str()) {
                return Err(format!("rule {} stands twice", rule.id));
            }
            for code in rule.when.offence.iter().flatten() {
                if !codes.contains(code.as_str()) {
                    return Err(format!("rule {} names the unknown offence {code}", rule.id));
                }
            }
            for group in rule.when.group.iter().flatten() {
                if !groups.contains(group.as_str()) {
                    return Err(format!("rule {} names the unknown group {group}", rule.id));
                }
            }
        }
        match self.rules.last() {
            Some(rule) if rule.when == When::default() => Ok(()),
            _ => Err("the last rule must match every answer".into()),
        }
    }

    /// The offence a code stands for.
    #[must_use]
    pub fn offence(&self, code: &str) -> Option<&Offence> {
        self.offences.iter().find(|offence| offence.code == code)
    }

    /// Address of the service an outcome recommends, if it recommends one.
    #[must_use]
    pub fn service_of(&self, outcome: Outcome) -> Option<&str> {
        self.service.get(outcome.as_str()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::messages;

    #[test]
    fn the_catalogue_that_is_compiled_in_is_sound() {
        let catalogue = Catalogue::parse(include_str!("catalogue.toml")).unwrap();
        for (outcome, address) in &catalogue.service {
            assert!(Outcome::parse(outcome).is_some(), "{outcome}");
            assert!(address.starts_with("https://"), "{address}");
        }
        for offence in &catalogue.offences {
            assert!(!offence.source.is_empty());
            for advice in &offence.advice {
                for &lang in Lang::ALL {
                    let id = format!("orientation-advice-{advice}");
                    assert!(messages::has(lang, &id), "{lang}: {id}");
                }
            }
        }
    }

    #[test]
    fn an_unsound_catalogue_is_refused() {
        let sound = include_str!("catalogue.toml");
        for (from, to, expected) in [
            ("code = \"vol\"", "code = \"cambriolage\"", "stands twice"),
            (
                "offence = [\"vol-vehicule\"]",
                "offence = [\"zzz\"]",
                "unknown offence zzz",
            ),
            (
                "group = [\"family\"]",
                "group = [\"zzz\"]",
                "unknown group zzz",
            ),
            ("id = \"danger\"", "id = \"sexual\"", "stands twice"),
            ("when = {}", "when = { online = [\"no\"] }", "last rule"),
            (
                "outcome = \"video\"",
                "outcome = \"nowhere\"",
                "unknown word",
            ),
            (", en = \"Theft\"", "", "no words in en"),
        ] {
            assert!(sound.contains(from), "{from}");
            let error = Catalogue::parse(&sound.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(expected), "{from}: {error}");
        }
    }
}
