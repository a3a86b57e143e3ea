//! Finding a commune by name or postal code, and who receives its residents.

use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::fetch_all;
use crate::information::search::folded;

/// Most communes offered at once; a longer list helps nobody.
pub const MOST: usize = 20;

/// A commune as offered to a person.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Commune {
    /// INSEE code.
    pub insee_code: String,
    /// Name as printed.
    pub name: String,
    /// Postal code.
    pub postal_code: String,
    /// Unit that receives its residents; none where nobody does by video.
    pub unit_id: Option<Id>,
}

impl Commune {
    /// What a person recognises it by, and may type to find it again.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.postal_code)
    }
}

/// What a person typed, as a start of name and a start of postal code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Query {
    name: String,
    postal_code: String,
}

fn query_of(typed: &str) -> Query {
    let typed: String = typed.chars().take(100).collect();
    let mut query = Query::default();
    let mut words = Vec::new();
    for word in folded(&typed).split(' ') {
        if !word.is_empty() && word.chars().all(|one| one.is_ascii_digit()) {
            query.postal_code = word.chars().take(5).collect();
        } else {
            words.push(match word {
                "st" => "saint".to_owned(),
                "ste" => "sainte".to_owned(),
                _ => word.to_owned(),
            });
        }
    }
    query.name = words.join(" ").trim().to_owned();
    query
}

/// Communes whose name or postal code starts with what was typed, exact names
/// first, [`MOST`] at most. A commune with several postal codes is shown with the
/// one that was typed.
///
/// # Errors
/// When the database fails.
pub async fn search(tx: &mut Tx, typed: &str) -> Result<Vec<Commune>, Fault> {
    let query = query_of(typed);
    if query.name.chars().count() < 2 && query.postal_code.len() < 2 {
        return Ok(Vec::new());
    }
    // The postal code to show is looked up for what is shown only, not for every
    // commune. The folded words hold neither `%` nor `_`. Hyphens and apostrophes in the
    // stored name count as spaces, so that either spelling finds it.
    fetch_all!(
        tx,
        Commune,
        "select f.insee_code, f.name,
                coalesce((select min(p.postal_code) from commune_postal_codes p
                          where p.insee_code = f.insee_code and p.postal_code like $2 || '%'), f.postal_code)
                    as postal_code,
                f.unit_id
         from (select c.insee_code, c.name, c.postal_code, c.search_name,
                      case when d.coverage_open and c.coverage_open then c.unit_id end as unit_id,
                      case when replace(replace(c.search_name, '-', ' '), '''', ' ') = $1 then 0 else 1 end
                          as inexact
               from communes c join departments d on d.code = c.department
               where replace(replace(c.search_name, '-', ' '), '''', ' ') like $1 || '%'
                 and (c.postal_code like $2 || '%'
                      or c.insee_code in (select insee_code from commune_postal_codes
                                          where postal_code like $2 || '%'))
               order by inexact, c.search_name, c.postal_code, c.insee_code
               limit 20) f
         order by f.inexact, f.search_name, f.postal_code, f.insee_code",
        &query.name,
        &query.postal_code
    )
}

/// What the search and the person's choice amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing was typed.
    Nothing,
    /// No commune is called so.
    NotFound,
    /// Several are: the person chooses.
    Several(Vec<Commune>),
    /// This one.
    One(Commune),
}

/// Settles on one commune. A chosen code counts only among the communes that
/// what was typed finds, so a code made up or left over from an earlier search
/// never wins over the words on the screen.
///
/// # Errors
/// When the database fails.
pub async fn choose(tx: &mut Tx, typed: &str, code: &str) -> Result<Choice, Fault> {
    if typed.trim().is_empty() {
        return Ok(Choice::Nothing);
    }
    let found = search(tx, typed).await?;
    Ok(settle(found, &query_of(typed).name, code))
}

fn settle(mut found: Vec<Commune>, name: &str, code: &str) -> Choice {
    if let Some(at) = found.iter().position(|commune| commune.insee_code == code) {
        return Choice::One(found.swap_remove(at));
    }
    let exact: Vec<_> = found
        .iter()
        .filter(|commune| folded(&commune.name) == name)
        .collect();
    if let [only] = exact[..] {
        return Choice::One(only.clone());
    }
    match found.len() {
        0 => Choice::NotFound,
        1 => Choice::One(found.swap_remove(0)),
        _ => Choice::Several(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_a_name_a_postal_code_or_both() {
        for (typed, name, postal_code) in [
            ("Élancourt", "elancourt", ""),
            ("78990", "", "78990"),
            ("Élancourt (78990)", "elancourt", "78990"),
            ("st denis", "saint denis", ""),
            ("Ste-Suzanne 97441", "sainte suzanne", "97441"),
            ("97", "", "97"),
            ("1234567890", "", "12345"),
        ] {
            let query = query_of(typed);
            assert_eq!(
                (query.name.as_str(), query.postal_code.as_str()),
                (name, postal_code)
            );
        }
    }

    #[test]
    fn one_commune_is_settled_on_or_the_person_chooses() {
        let commune = |code: &str, name: &str| Commune {
            insee_code: code.into(),
            name: name.into(),
            postal_code: "00000".into(),
            unit_id: None,
        };
        let (paris, parisot, other) = (
            commune("1", "Paris"),
            commune("2", "Parisot"),
            commune("3", "Paris"),
        );
        let several = vec![paris.clone(), parisot.clone()];
        for (found, name, code, expected) in [
            (vec![], "x", "", Choice::NotFound),
            (vec![], "x", "1", Choice::NotFound),
            (
                vec![parisot.clone()],
                "paris",
                "",
                Choice::One(parisot.clone()),
            ),
            (several.clone(), "paris", "", Choice::One(paris.clone())),
            (several.clone(), "paris", "2", Choice::One(parisot.clone())),
            (several.clone(), "par", "", Choice::Several(several.clone())),
            (
                several.clone(),
                "par",
                "99",
                Choice::Several(several.clone()),
            ),
            (
                vec![paris.clone(), other.clone()],
                "paris",
                "",
                Choice::Several(vec![paris.clone(), other.clone()]),
            ),
        ] {
            assert_eq!(settle(found, name, code), expected, "{name} {code}");
        }
    }
}
