//! The rights of victims and the notice of CPP R. 2-27, as a versioned list.
//! The declaration stamps the version a person was shown; the hearing ticks
//! the same items. The words are messages, so that each language has them.

use std::sync::LazyLock;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;

use super::legal;
use crate::clock::Timestamp;
use crate::messages::{self, Lang};
use crate::text_enum;

text_enum! {
    /// What an item is about.
    Group {
        /// Optional, and heard again if need be (R. 2-27 1° and 2°).
        Notice = "notice",
        /// The rights of article 10-2.
        Rights = "rights",
        /// What happens after the complaint.
        After = "after",
        /// What a false declaration costs.
        Warning = "warning",
    }
}

/// One thing a person must be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Stable name, also of the officer's tick in the hearing.
    pub name: String,
    /// What it is about.
    pub group: Group,
    /// Key of the article it comes from.
    pub reference: String,
}

impl Item {
    /// Its title in a language.
    #[must_use]
    pub fn title(&self, lang: Lang) -> String {
        messages::text(lang, &format!("rights-{}-title", self.name))
    }

    /// Its words in a language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        messages::text(lang, &format!("rights-{}", self.name))
    }

    /// The article it comes from, as quoted at that instant.
    #[must_use]
    pub fn citation(&self, lang: Lang, now: Timestamp) -> String {
        legal::cite(lang, &self.reference, now)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    terms_version: String,
    /// Only the test reads it.
    #[cfg_attr(not(test), allow(dead_code))]
    fingerprint: String,
    #[serde(rename = "item")]
    items: Vec<Item>,
}

static RIGHTS: LazyLock<File> = LazyLock::new(|| {
    Figment::from(Toml::string(include_str!("rights.toml")))
        .extract()
        .expect("the rights are compiled in, and a test of this file reads them")
});

/// Version of the rights in force, stamped on every declaration.
#[must_use]
pub fn version() -> &'static str {
    &RIGHTS.version
}

/// Version of the terms of use in force.
#[must_use]
pub fn terms_version() -> &'static str {
    &RIGHTS.terms_version
}

/// Everything to tell, in order.
#[must_use]
pub fn items() -> &'static [Item] {
    &RIGHTS.items
}

/// The items of one group, in order.
#[must_use]
pub fn items_of(group: Group) -> Vec<&'static Item> {
    items().iter().filter(|item| item.group == group).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::keys::sha256_hex;

    #[test]
    fn every_item_has_its_words_and_its_article() {
        let mut names = std::collections::BTreeSet::new();
        for item in items() {
            assert!(names.insert(&item.name), "{} stands twice", item.name);
            assert!(legal::exists(&item.reference), "{}", item.reference);
            for &lang in Lang::ALL {
                for id in [
                    format!("rights-{}", item.name),
                    format!("rights-{}-title", item.name),
                ] {
                    assert!(messages::has(lang, &id), "{lang}: {id}");
                }
            }
        }
    }

    #[test]
    fn words_that_change_raise_the_version() {
        let mut text = format!("{}\n", version());
        for &lang in Lang::ALL {
            for item in items() {
                text.push_str(&format!(
                    "{lang} {}\n{}\n",
                    item.title(lang),
                    item.text(lang)
                ));
            }
        }
        let fingerprint = sha256_hex(text.as_bytes());
        assert_eq!(
            RIGHTS.fingerprint, fingerprint,
            "the words shown as rights changed: raise `version` in rights.toml to today, then write this fingerprint"
        );
    }
}
