//! The journal: every act appends one line, in its own transaction, to the
//! hash chain of its unit. A line holds ids and numbers, never personal data.
//!
//! Chains are per unit so that units never wait for each other. `verify` walks
//! a chain and finds the first line that was changed, removed, inserted or moved.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::sha256_hex;
use crate::{execute, fetch_all, fetch_optional};

/// The chain of acts that belong to no unit (logins, configuration).
pub const SERVICE_CHAIN: &str = "service";

const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Who acts. Written in the journal as `kind/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A citizen.
    Citizen(Id),
    /// An officer or administrator.
    Officer(Id),
    /// Somebody with a seat in a hearing but no account (lawyer, companion, interpreter).
    Guest(Id),
    /// The service itself (jobs, media node).
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actor::Citizen(id) => write!(formatter, "citizen/{id}"),
            Actor::Officer(id) => write!(formatter, "officer/{id}"),
            Actor::Guest(id) => write!(formatter, "guest/{id}"),
            Actor::System => formatter.write_str("system"),
        }
    }
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
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

fn hash_of(line: &Line) -> String {
    // Length-prefixed fields: no two different lines have the same text.
    let mut text = String::new();
    let (seq, at) = (line.seq.to_string(), line.at.0.to_string());
    for field in [
        &line.chain,
        &seq,
        &at,
        &line.actor,
        &line.act,
        &line.object,
        &line.detail,
        &line.previous,
    ] {
        text.push_str(&format!("{}:{field},", field.len()));
    }
    sha256_hex(text.as_bytes())
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
        FIRST
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
    line.hash = hash_of(&line);
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

/// What is wrong with a chain.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A line's content does not give its hash.
    #[error("chain {0}, line {1}: the content was changed")]
    Changed(String, i64),
    /// A line does not follow the one before it.
    #[error("chain {0}, line {1}: a line before it was removed, inserted or moved")]
    Parted(String, i64),
    /// The head names another last line.
    #[error("chain {0}: the last lines were removed, or the head was changed")]
    Headless(String),
}

/// Checks lines given in order against the head that was kept of their chain.
///
/// # Errors
/// The first thing found wrong.
pub fn verify(chain: &str, lines: &[Line], head: (i64, &str)) -> Result<(), BrokenChain> {
    let mut previous = FIRST.to_owned();
    let mut seq = 0;
    for line in lines {
        if line.seq != seq + 1 || line.previous != previous || line.chain != chain {
            return Err(BrokenChain::Parted(chain.to_owned(), line.seq));
        }
        if hash_of(line) != line.hash {
            return Err(BrokenChain::Changed(chain.to_owned(), line.seq));
        }
        seq = line.seq;
        previous.clone_from(&line.hash);
    }
    if head != (seq, previous.as_str()) {
        return Err(BrokenChain::Headless(chain.to_owned()));
    }
    Ok(())
}

/// Verifies every chain of the database; gives how many lines were read.
///
/// # Errors
/// When the database fails; what is wrong with a chain is in the inner result.
pub async fn verify_all(tx: &mut Tx) -> Result<Result<usize, BrokenChain>, Fault> {
    let heads = fetch_all!(
        tx,
        (String, i64, String),
        "select chain, seq, hash from journal_heads order by chain"
    )?;
    let mut read = 0;
    for (chain, seq, hash) in heads {
        let lines = fetch_all!(
            tx,
            Line,
            "select chain, seq, at, actor, act, object, detail, previous, hash from journal
             where chain = $1 order by seq",
            &chain
        )?;
        read += lines.len();
        if let Err(broken) = verify(&chain, &lines, (seq, &hash)) {
            return Ok(Err(broken));
        }
    }
    Ok(Ok(read))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain_of(count: i64) -> Vec<Line> {
        let mut previous = FIRST.to_owned();
        (1..=count)
            .map(|seq| {
                let mut line = Line {
                    chain: "unit".into(),
                    seq,
                    at: Timestamp(seq * 1000),
                    actor: "system".into(),
                    act: "test.act".into(),
                    object: format!("test/{seq}"),
                    detail: String::new(),
                    previous: previous.clone(),
                    hash: String::new(),
                };
                line.hash = hash_of(&line);
                previous.clone_from(&line.hash);
                line
            })
            .collect()
    }

    #[test]
    fn every_edit_removal_insertion_and_swap_is_found() {
        let whole = chain_of(6);
        let head_hash = whole[5].hash.clone();
        let head = (6, head_hash.as_str());
        assert_eq!(verify("unit", &whole, head), Ok(()));
        for index in 0..6 {
            let mut edited = whole.clone();
            edited[index].detail = "x".into();
            assert!(verify("unit", &edited, head).is_err());
            let mut removed = whole.clone();
            removed.remove(index);
            assert!(verify("unit", &removed, head).is_err());
            let mut inserted = whole.clone();
            inserted.insert(index, whole[index].clone());
            assert!(verify("unit", &inserted, head).is_err());
            if index < 5 {
                let mut swapped = whole.clone();
                swapped.swap(index, index + 1);
                assert!(verify("unit", &swapped, head).is_err());
            }
        }
    }
}
