//! Which levels of assurance are good enough. Closed by default: a level that
//! is absent, unknown or misspelt is refused.

/// Levels of FranceConnect, weakest first.
const EIDAS: [&str; 3] = ["eidas1", "eidas2", "eidas3"];

/// What is asked of a provider, and what is accepted from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Levels {
    /// One level asked by `acr_values`; a stronger one is accepted too.
    AtLeast(String),
    /// A list asked as an essential claim; one of the list is accepted.
    OneOf(Vec<String>),
}

impl Levels {
    /// Whether the level a provider vouched for is accepted.
    #[must_use]
    pub fn accept(&self, got: Option<&str>) -> bool {
        let Some(got) = got else { return false };
        match self {
            Levels::AtLeast(asked) => rank(got)
                .zip(rank(asked))
                .is_some_and(|(got, asked)| got >= asked),
            Levels::OneOf(levels) => levels.iter().any(|level| level == got),
        }
    }
}

fn rank(level: &str) -> Option<usize> {
    EIDAS.iter().position(|known| *known == level)
}

#[cfg(test)]
mod tests {
    use super::Levels;

    #[test]
    fn a_level_is_accepted_only_when_it_is_known_and_strong_enough() {
        let one = |level: &str| Levels::AtLeast(level.into());
        let list = Levels::OneOf(vec!["eidas1-mfa".into(), "eidas2".into()]);
        for (levels, got, accepted) in [
            (one("eidas1"), Some("eidas1"), true),
            (one("eidas1"), Some("eidas3"), true),
            (one("eidas2"), Some("eidas1"), false),
            (one("eidas2"), Some("eidas2"), true),
            (one("eidas1"), Some("eidas0"), false),
            (one("eidas1"), Some("EIDAS1"), false),
            (one("eidas1"), Some(""), false),
            (one("eidas1"), None, false),
            (one("typo"), Some("eidas3"), false),
            (one("typo"), Some("typo"), false),
            (list.clone(), Some("eidas2"), true),
            (list.clone(), Some("eidas3"), false),
            (list.clone(), Some("eidas1"), false),
            (list.clone(), None, false),
            (Levels::OneOf(Vec::new()), Some("eidas3"), false),
        ] {
            assert_eq!(levels.accept(got), accepted, "{levels:?} {got:?}");
        }
    }
}
