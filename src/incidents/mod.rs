//! What people and officers are told while something does not work: a message in both
//! languages with a beginning and an end, for a department or the whole country. A
//! department's administrator writes for theirs, the operator for the country. It stands
//! above the pages of those it concerns from its beginning on and until its end, or until
//! somebody takes it back; what a process remembers of it is never older than half a
//! minute. It decides nothing and closes nothing: that is coverage and absences.

mod banner;
mod store;

use std::sync::Mutex;

use crate::audit::{self, Actor, SERVICE_CHAIN};
use crate::clock::Timestamp;
use crate::db::{Db, Id, Tx};
use crate::error::Fault;
use crate::messages::Lang;
use crate::text_enum;

pub use banner::announce;

/// Longest message, in characters.
pub const MESSAGE_CHARS: usize = 300;
/// Longest time a message may stand, in days.
pub const MOST_DAYS: i64 = 31;
/// For so long a process may remember which messages stand.
const REMEMBERED_MS: i64 = 30_000;

text_enum! {
    /// On whose pages it stands.
    Audience {
        /// On everybody's.
        Everybody = "everybody",
        /// On those of citizens and of whoever is not signed in.
        Citizens = "citizens",
        /// On those of officers and administrators.
        Officers = "officers",
    }
}

/// A message known to be sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// INSEE code; none for the whole country.
    pub department: Option<String>,
    /// Who reads it.
    pub audience: Audience,
    /// In French.
    pub message_fr: String,
    /// In English.
    pub message_en: String,
    /// From when on.
    pub begins_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing, or too much, in French.
    #[error("not a message in French")]
    French,
    /// The same in English.
    #[error("not a message in English")]
    English,
    /// No beginning.
    #[error("no beginning")]
    Begin,
    /// No end, or before the beginning, over already, or too far from the beginning.
    #[error("no end")]
    End,
}

impl Plan {
    /// Checks a message.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(
        (department, audience): (Option<&str>, Audience),
        (french, english): (&str, &str),
        (begins_at, ends_at): (Option<Timestamp>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Plan, Vec<PlanError>> {
        let mut errors = Vec::new();
        let mut read = |text: &str, error| {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let length = text.chars().count();
            if length == 0 || length > MESSAGE_CHARS || text.chars().any(char::is_control) {
                errors.push(error);
            }
            text
        };
        let message_fr = read(french, PlanError::French);
        let message_en = read(english, PlanError::English);
        if begins_at.is_none() {
            errors.push(PlanError::Begin);
        }
        let begins_at = begins_at.unwrap_or(now);
        let ends_at = ends_at.filter(|end| {
            *end > begins_at && *end > now && *end <= begins_at.plus_minutes(MOST_DAYS * 24 * 60)
        });
        let Some(ends_at) = ends_at else {
            errors.push(PlanError::End);
            return Err(errors);
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Plan {
            department: department.map(ToOwned::to_owned),
            audience,
            message_fr,
            message_en,
            begins_at,
            ends_at,
        })
    }
}

/// A message as it was published.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Incident {
    /// Key.
    pub id: Id,
    /// INSEE code; none for the whole country.
    pub department: Option<String>,
    /// Who reads it.
    pub audience: Audience,
    /// In French.
    pub message_fr: String,
    /// In English.
    pub message_en: String,
    /// From when on.
    pub begins_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// By whom, as an actor.
    pub created_by: String,
    /// When it was taken back.
    pub withdrawn_at: Option<Timestamp>,
    /// By whom, as an actor.
    pub withdrawn_by: Option<String>,
}

impl Incident {
    /// Whether it stands at an instant.
    #[must_use]
    pub fn stands_at(&self, now: Timestamp) -> bool {
        self.withdrawn_at.is_none() && self.begins_at <= now && now < self.ends_at
    }

    /// Whether it stands at an instant or will later.
    #[must_use]
    pub fn is_coming_at(&self, now: Timestamp) -> bool {
        self.withdrawn_at.is_none() && now < self.ends_at
    }

    /// Its words in a language.
    #[must_use]
    pub fn words(&self, lang: Lang) -> &str {
        match lang {
            Lang::Fr => &self.message_fr,
            Lang::En => &self.message_en,
        }
    }
}

/// Publishes a message; gives its key.
///
/// # Errors
/// When the database fails.
pub async fn publish(tx: &mut Tx, plan: &Plan, actor: &Actor, now: Timestamp) -> Result<Id, Fault> {
    let id = Id::random();
    store::insert(tx, &id, plan, actor, now).await?;
    let detail = format!(
        "department={} audience={} from={} to={}",
        plan.department.as_deref().unwrap_or("-"),
        plan.audience,
        plan.begins_at.0,
        plan.ends_at.0
    );
    let object = format!("incident/{id}");
    audit::append(
        tx,
        SERVICE_CHAIN,
        now,
        actor,
        "incident.publish",
        &object,
        &detail,
    )
    .await?;
    Ok(id)
}

/// Takes a message back; gives whether it stood or was to.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(tx: &mut Tx, id: &Id, actor: &Actor, now: Timestamp) -> Result<bool, Fault> {
    if !store::mark_withdrawn(tx, id, actor, now).await? {
        return Ok(false);
    }
    let object = format!("incident/{id}");
    audit::append(
        tx,
        SERVICE_CHAIN,
        now,
        actor,
        "incident.withdraw",
        &object,
        "",
    )
    .await?;
    Ok(true)
}

/// Reads a message.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, id: &Id) -> Result<Option<Incident>, Fault> {
    store::find(tx, id).await
}

/// The latest messages of a department and of the whole country, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx, department: &str, most: i64) -> Result<Vec<Incident>, Fault> {
    store::list(tx, department, most).await
}

/// The latest messages of all departments and of the country, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn list_all(tx: &mut Tx, most: i64) -> Result<Vec<Incident>, Fault> {
    store::list_all(tx, most).await
}

/// What a process remembers of the messages that stand or will.
#[derive(Debug, Default)]
pub struct Notices(Mutex<Option<(Timestamp, Vec<Incident>)>>);

impl Notices {
    /// The messages that stand at an instant, read again once what is remembered is half
    /// a minute old.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(&self, db: &Db, now: Timestamp) -> Result<Vec<Incident>, Fault> {
        let known = self.known(now);
        let coming = match known {
            Some(coming) => coming,
            None => {
                let mut tx = db.read().await?;
                let coming = store::list_coming(&mut tx, now).await?;
                *self.locked() = Some((now, coming.clone()));
                coming
            }
        };
        let standing = coming
            .into_iter()
            .filter(|incident| incident.stands_at(now));
        Ok(standing.collect())
    }

    /// Forgets, so that whoever just published or withdrew sees it at once.
    pub fn forget(&self) {
        *self.locked() = None;
    }

    fn known(&self, now: Timestamp) -> Option<Vec<Incident>> {
        let remembered = self.locked();
        let (since, coming) = remembered.as_ref()?;
        (0..REMEMBERED_MS)
            .contains(&(now.0 - since.0))
            .then(|| coming.clone())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Option<(Timestamp, Vec<Incident>)>> {
        // Whoever panicked while holding it left a list that is whole.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_words_in_both_languages_and_an_end_to_come() {
        let now = Timestamp(1_000_000_000);
        let at = |minutes: i64| Some(now.plus_minutes(minutes));
        let long = "é".repeat(MESSAGE_CHARS + 1);
        for (french, english, begin, end, expected) in [
            ("Panne", "Outage", at(0), at(60), vec![]),
            ("Panne", "Outage", at(-600), at(1), vec![]),
            ("Panne", "Outage", at(0), at(MOST_DAYS * 1440), vec![]),
            ("", "Outage", at(0), at(60), vec![PlanError::French]),
            ("Panne", " \n ", at(0), at(60), vec![PlanError::English]),
            (&long, "Outage", at(0), at(60), vec![PlanError::French]),
            ("a\u{7}", "Outage", at(0), at(60), vec![PlanError::French]),
            ("Panne", "Outage", None, at(60), vec![PlanError::Begin]),
            ("Panne", "Outage", at(0), None, vec![PlanError::End]),
            ("Panne", "Outage", at(60), at(60), vec![PlanError::End]),
            ("Panne", "Outage", at(-60), at(0), vec![PlanError::End]),
            (
                "Panne",
                "Outage",
                at(0),
                at(MOST_DAYS * 1440 + 1),
                vec![PlanError::End],
            ),
        ] {
            let read = Plan::check(
                (None, Audience::Everybody),
                (french, english),
                (begin, end),
                now,
            );
            assert_eq!(
                read.err().unwrap_or_default(),
                expected,
                "{french} {english} {begin:?} {end:?}"
            );
        }
    }
}
