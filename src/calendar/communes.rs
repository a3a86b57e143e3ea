//! Communes: which unit receives their residents, and finding one by name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{fetch_all, fetch_optional};

/// A commune as the national list names it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Commune {
    /// INSEE code: five characters, may hold a letter (`2A004`).
    pub insee_code: String,
    /// Official name.
    pub name: String,
    /// Main postal code.
    pub postal_code: String,
    /// INSEE code of its department.
    pub department: String,
    /// The unit that receives its residents.
    pub unit_id: Option<Id>,
}

/// The form in which names are compared: lower case without accents, words
/// parted by single spaces, "St" and "Ste" written out, postal codes kept.
/// Only `a-z`, `0-9` and spaces come out, so it is safe in a `like` pattern.
#[must_use]
pub fn search_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .take(100)
        .flat_map(char::to_lowercase)
        .nfd()
        .filter(|character| !is_combining_mark(*character))
        .flat_map(|character| match character {
            'œ' => vec!['o', 'e'],
            'æ' => vec!['a', 'e'],
            'a'..='z' | '0'..='9' => vec![character],
            _ => vec![' '],
        })
        .collect();
    plain
        .split_whitespace()
        .map(|word| match word {
            "st" => "saint",
            "ste" => "sainte",
            other => other,
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Reads a commune by its INSEE code.
///
/// # Errors
/// When the database fails.
pub async fn find_commune(tx: &mut Tx, insee_code: &str) -> Result<Option<Commune>, Fault> {
    fetch_optional!(
        tx,
        Commune,
        "select insee_code, name, postal_code, department, unit_id from communes where insee_code = $1",
        insee_code
    )
}

/// Communes whose name, a word of it, or postal code begins so; at most twenty,
/// names that begin so first.
///
/// # Errors
/// When the database fails.
pub async fn search_communes(tx: &mut Tx, text: &str) -> Result<Vec<Commune>, Fault> {
    let wanted = search_name(text);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    fetch_all!(
        tx,
        Commune,
        "select insee_code, name, postal_code, department, unit_id from communes
         where search_name like $1 || '%' or search_name like '% ' || $1 || '%' or postal_code like $1 || '%'
         order by case when search_name = $1 then 0 when search_name like $1 || '%' then 1 else 2 end,
                  search_name, insee_code
         limit 20",
        wanted
    )
}

#[cfg(test)]
mod tests {
    use super::search_name;

    #[test]
    fn names_compare_as_people_type_them() {
        for (name, expected) in [
            ("Élancourt", "elancourt"),
            ("L’Étang-Salé", "l etang sale"),
            ("L'Étang-Salé", "l etang sale"),
            ("Saint-Rémy-lès-Chevreuse", "saint remy les chevreuse"),
            ("St Remy les chevreuse", "saint remy les chevreuse"),
            ("STE-ROSE", "sainte rose"),
            ("  Œting ", "oeting"),
            ("Plaine-des-Palmistes (La)", "plaine des palmistes la"),
            ("78990", "78990"),
            ("100%_", "100"),
            ("\u{45}\u{301}lan", "elan"),
            ("", ""),
            ("東京", ""),
        ] {
            assert_eq!(search_name(name), expected, "{name}");
        }
        assert!(search_name(&"é".repeat(100_000)).len() <= 100);
    }
}
