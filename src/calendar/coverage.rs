//! Where video is offered: a department or a commune is open or closed, with words
//! for the people who live there; and which unit receives the residents of which
//! commune. A case that has a slot already keeps its unit.

use std::collections::BTreeSet;

use super::commune_map::Assignments;
use super::store;
use crate::audit::{self, Actor, SERVICE_CHAIN};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;

/// Longest message to the people a place is closed to, in characters.
pub const MESSAGE_CHARS: usize = 300;

/// How a department stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Coverage {
    /// INSEE code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Whether video is offered there at all.
    pub coverage_open: bool,
    /// What people are told while it is not.
    pub coverage_message: String,
    /// How many communes it has.
    pub communes: i64,
    /// How many of them a unit receives.
    pub received: i64,
}

/// A commune closed for a while.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Closed {
    /// INSEE code.
    pub insee_code: String,
    /// Name.
    pub name: String,
    /// What its people are told.
    pub coverage_message: String,
}

/// What is opened or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A department, by its INSEE code.
    Department(&'a str),
    /// A commune, by its INSEE code.
    Commune(&'a str),
}

/// A message as typed, on one line, if it can be one; it may be empty.
#[must_use]
pub fn message_of(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let sound = line.chars().count() <= MESSAGE_CHARS && !line.chars().any(char::is_control);
    sound.then_some(line)
}

/// How a department stands.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, department: &str) -> Result<Option<Coverage>, Fault> {
    store::find_coverage(tx, department).await
}

/// The communes of a department that are closed, by name.
///
/// # Errors
/// When the database fails.
pub async fn list_closed(tx: &mut Tx, department: &str) -> Result<Vec<Closed>, Fault> {
    store::list_closed_communes(tx, department).await
}

/// The INSEE codes of a department's communes.
///
/// # Errors
/// When the database fails.
pub async fn communes_of(tx: &mut Tx, department: &str) -> Result<BTreeSet<String>, Fault> {
    let rows = store::list_commune_codes(tx, department).await?;
    Ok(rows.into_iter().map(|(code,)| code).collect())
}

/// What people of a commune are told where nobody receives them by video: the
/// commune's own words, else the department's; empty where there are none.
///
/// # Errors
/// When the database fails.
pub async fn message_to(tx: &mut Tx, insee_code: &str) -> Result<String, Fault> {
    let row = store::find_coverage_message(tx, insee_code).await?;
    Ok(row.map_or_else(String::new, |(message,)| message))
}

/// Opens or closes a place.
///
/// # Errors
/// When the database fails.
pub async fn set(
    tx: &mut Tx,
    place: Place<'_>,
    open: bool,
    message: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::lock(tx, SERVICE_CHAIN).await?;
    // Words belong to a closure: an open place says nothing.
    let message = if open { "" } else { message };
    let object = match place {
        Place::Department(code) => {
            store::update_department_coverage(tx, code, open, message).await?;
            format!("department/{code}")
        }
        Place::Commune(code) => {
            store::update_commune_coverage(tx, code, open, message).await?;
            format!("commune/{code}")
        }
    };
    let act = if open {
        "coverage.open"
    } else {
        "coverage.close"
    };
    audit::append(tx, SERVICE_CHAIN, now, actor, act, &object, "").await
}

/// Says which unit receives the residents of which commune of a department.
///
/// # Errors
/// When the database fails.
pub async fn assign(
    tx: &mut Tx,
    department: &str,
    assignments: &Assignments,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::lock(tx, SERVICE_CHAIN).await?;
    for (code, unit) in assignments {
        store::update_commune_unit(tx, code, department, unit.as_deref()).await?;
    }
    let object = format!("department/{department}");
    let detail = format!("communes={}", assignments.len());
    audit::append(
        tx,
        SERVICE_CHAIN,
        now,
        actor,
        "communes.assign",
        &object,
        &detail,
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_and_not_too_long() {
        for (typed, expected) in [
            ("", Some(String::new())),
            (
                "  Travaux\r\n jusqu’au 3 mars ",
                Some("Travaux jusqu’au 3 mars".to_owned()),
            ),
            ("\u{7}", None),
        ] {
            assert_eq!(message_of(typed), expected, "{typed:?}");
        }
        assert!(message_of(&"é".repeat(MESSAGE_CHARS)).is_some());
        assert!(message_of(&"é".repeat(MESSAGE_CHARS + 1)).is_none());
    }
}
