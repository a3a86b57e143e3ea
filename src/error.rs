//! A refusal, a fault or a bug.
//!
//! A [`Refusal`] is an expected answer, worded for a person by message
//! identifiers and carrying what they can do next. A [`Fault`] is the world
//! failing: logged once, here, and shown as an apology with a reference. A bug
//! is an `expect` whose text is the reason it cannot happen.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::db::random_hex;

/// The world failed: database, disk, network, a provider.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Anything else, in words for the operator; never with personal data.
    #[error("{0}")]
    Other(String),
}

impl Fault {
    /// A fault told in words for the operator.
    pub fn other(what: impl std::fmt::Display) -> Self {
        Fault::Other(what.to_string())
    }

    /// Whether the database refused because a key is already taken.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Fault::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

/// A way out offered on a refusal page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayOut {
    /// Where the link leads; a path of this site.
    pub href: String,
    /// Message identifier of its label.
    pub label: &'static str,
}

/// An expected "no", told to a person: what happened and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// Prefix of the message identifiers `NAME-title` and `NAME-text`.
    pub name: &'static str,
    /// What the person can do now, best first.
    pub ways_out: Vec<WayOut>,
    /// How long to wait before trying again, where waiting is what helps.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal whose title and text are the messages `NAME-title` and `NAME-text`.
    #[must_use]
    pub fn new(status: StatusCode, name: &'static str) -> Self {
        Refusal {
            status,
            name,
            ways_out: Vec::new(),
            retry_after: None,
        }
    }

    /// Adds a way out.
    #[must_use]
    pub fn way_out(mut self, href: impl Into<String>, label: &'static str) -> Self {
        self.ways_out.push(WayOut {
            href: href.into(),
            label,
        });
        self
    }

    /// Says how long to wait before trying again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The thing does not exist, or not for this person: the two are not told apart.
    #[must_use]
    pub fn not_found() -> Self {
        Refusal::new(StatusCode::NOT_FOUND, "refusal-not-found").way_out("/", "way-out-home")
    }

    /// The form or request could not be read.
    #[must_use]
    pub fn malformed() -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, "refusal-malformed").way_out("/", "way-out-home")
    }
}

/// What a page answers when it does not answer as asked.
#[derive(Debug)]
pub enum PageError {
    /// An expected answer.
    Refusal(Box<Refusal>),
    /// The world failed.
    Fault(Fault),
    /// Not a failure: go there instead (login needed, step missing).
    Redirect(String),
}

impl From<Refusal> for PageError {
    fn from(refusal: Refusal) -> Self {
        PageError::Refusal(Box::new(refusal))
    }
}

impl<T: Into<Fault>> From<T> for PageError {
    fn from(fault: T) -> Self {
        PageError::Fault(fault.into())
    }
}

/// Marks a response as a fault with the reference the person is shown.
#[derive(Clone, Debug)]
pub struct FaultReference(pub String);

impl IntoResponse for PageError {
    /// The body is written by `page::prepare`, which knows the language.
    fn into_response(self) -> Response {
        match self {
            PageError::Redirect(to) => axum::response::Redirect::to(&to).into_response(),
            PageError::Refusal(refusal) => {
                let mut response = refusal.status.into_response();
                response.extensions_mut().insert(*refusal);
                response
            }
            PageError::Fault(fault) => {
                let reference = random_hex::<4>();
                tracing::error!(reference, %fault, "fault {reference}: {fault}");
                let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
                response.extensions_mut().insert(FaultReference(reference));
                response
            }
        }
    }
}
