//! The journal: every act appends one line, in its own transaction, to the
//! hash chain of its unit. A line holds ids and numbers, never personal data.
//!
//! Chains are per unit so that units never wait for each other. What one chain
//! cannot show, that its end was not cut off or written anew from somewhere on,
//! the signed roots show: at intervals the heads of all chains are gathered in
//! one Merkle tree whose root is signed ([`roots`]).
//!
//! | file | is |
//! |---|---|
//! | [`acts`] | what each act is in the law's words, and what it is for |
//! | [`chain`] | the links of a chain, and what can be wrong with them; pure |
//! | [`roots`] | heads gathered in signed trees |
//! | [`memory`] | the last root, remembered outside the database |
//! | [`retention`] | what leaves after three years, and what stays in its place |
//! | [`search`] | what an auditor asks |
//! | [`export`], [`file`](mod@file) | a chain as a file, and its checker, which needs no database |
//! | [`verify`] | the same check on the database |
//!
//! It knows no pages.

pub mod acts;
pub mod chain;
pub mod export;
pub mod file;
pub mod keeper;
pub mod memory;
pub mod readings;
pub mod retention;
pub mod roots;
pub mod search;
#[cfg(test)]
mod tests;
pub mod verify;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

/// The chain of acts that belong to no unit (logins, configuration).
pub const SERVICE_CHAIN: &str = "service";

/// Who acts. Written in the journal as `kind/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A citizen.
    Citizen(Id),
    /// An officer or administrator.
    Officer(Id),
    /// Somebody with a seat in a hearing but no account (lawyer, companion, interpreter).
    Guest(Id),
    /// The front end of another service, by its key of the scheduling interface.
    SchedulingKey(Id),
    /// The service itself (jobs, media node).
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actor::Citizen(id) => write!(formatter, "citizen/{id}"),
            Actor::Officer(id) => write!(formatter, "officer/{id}"),
            Actor::Guest(id) => write!(formatter, "guest/{id}"),
            Actor::SchedulingKey(id) => write!(formatter, "scheduling-key/{id}"),
            Actor::System => formatter.write_str("system"),
        }
    }
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Line {
    /// Unit id, or [`SERVICE_CHAIN`].
    pub chain: String,
    /// Position in its chain, from 1.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who, as [`Actor`] writes itself.
    pub actor: String,
    /// What, as `noun.verb`.
    pub act: String,
    /// To what, as `noun/id`.
    pub object: String,
    /// Ids and numbers that complete it.
    pub detail: String,
    /// Hash of the line before.
    pub previous: String,
    /// Hash of this line.
    pub hash: String,
}

/// Takes the lock of a chain's head until the transaction ends, and gives the
/// head. Acts of one unit that must not meet half-way (booking, closing a desk)
/// take it first, look, then act.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, chain: &str) -> Result<(i64, String), Fault> {
    // The upsert locks the row; what it returns is the head as it stands.
    fetch_optional!(
        tx,
        (i64, String),
        "insert into journal_heads (chain, seq, hash) values ($1, 0, $2)
         on conflict (chain) do update set seq = journal_heads.seq
         returning seq, hash",
        chain,
        chain::FIRST
    )?
    .ok_or_else(|| Fault::other("the journal's head returned no row"))
}

/// Appends one line to a chain.
///
/// # Errors
/// When the database fails.
pub async fn append(
    tx: &mut Tx,
    chain: &str,
    now: Timestamp,
    actor: &Actor,
    act: &str,
    object: &str,
    detail: &str,
) -> Result<(), Fault> {
    // The three beginnings are of tests and benchmarks, which write acts of no meaning.
    debug_assert!(
        acts::meaning_of(act).is_some()
            || ["test.", "bench.", "fuzz."]
                .iter()
                .any(|own| act.starts_with(own)),
        "{act} is not among audit::acts, where each act says what it is for"
    );
    let (seq, previous) = lock(tx, chain).await?;
    let mut line = Line {
        chain: chain.to_owned(),
        seq: seq + 1,
        at: now,
        actor: actor.to_string(),
        act: act.to_owned(),
        object: object.to_owned(),
        detail: detail.to_owned(),
        previous,
        hash: String::new(),
    };
    line.hash = chain::hash_of(&line);
    execute!(
        tx,
        "insert into journal (chain, seq, at, actor, act, object, detail, previous, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &line.chain,
        line.seq,
        line.at,
        &line.actor,
        &line.act,
        &line.object,
        &line.detail,
        &line.previous,
        &line.hash
    )?;
    execute!(
        tx,
        "update journal_heads set seq = $2, hash = $3 where chain = $1",
        chain,
        line.seq,
        &line.hash
    )?;
    tx.note_act(format!("{act} {object} by {actor} {detail}"));
    Ok(())
}

/// The lines about one object, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn lines_about(tx: &mut Tx, object: &str) -> Result<Vec<Line>, Fault> {
    fetch_all!(
        tx,
        Line,
        "select chain, seq, at, actor, act, object, detail, previous, hash from journal
         where object = $1 order by at, chain, seq",
        object
    )
}
