//! Where video is offered: a department or a commune is open or closed, with words
//! for the people who live there. How that changes is [`super::coverage_changes`]'s affair.

use super::store;
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

/// What people of a commune are told where nobody receives them by video: the
/// commune's own words, else the department's; empty where there are none.
///
/// # Errors
/// When the database fails.
pub async fn message_to(tx: &mut Tx, insee_code: &str) -> Result<String, Fault> {
    let row = store::find_coverage_message(tx, insee_code).await?;
    Ok(row.map_or_else(String::new, |(message,)| message))
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
