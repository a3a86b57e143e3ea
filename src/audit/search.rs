//! What an auditor asks of a chain: a period, an act, who, on what. Answers come
//! newest first and in pages; an export reads them oldest first.

use super::Line;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::fetch_all;

/// Lines shown on one page.
pub const PAGE: i64 = 50;

/// What is looked for in one chain. Empty texts look for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criteria {
    /// Unit id.
    pub chain: String,
    /// From this instant on.
    pub from: Timestamp,
    /// Before this instant.
    pub to: Timestamp,
    /// An act such as `appointment.book`, or how one begins.
    pub act: String,
    /// An actor, as `kind/id`.
    pub actor: String,
    /// An object, as `noun/id`.
    pub object: String,
}

impl Criteria {
    /// Every line of a chain.
    #[must_use]
    pub fn everything_in(chain: &str) -> Self {
        Criteria {
            chain: chain.to_owned(),
            from: Timestamp(i64::MIN),
            to: Timestamp(i64::MAX),
            act: String::new(),
            actor: String::new(),
            object: String::new(),
        }
    }
}

/// The newest lines before a position, one more than a page: whoever shows them
/// knows then whether there are more.
///
/// # Errors
/// When the database fails.
pub async fn newest(tx: &mut Tx, asked: &Criteria, before: i64) -> Result<Vec<Line>, Fault> {
    fetch_all!(
        tx,
        Line,
        "select chain, seq, at, actor, act, object, detail, previous, hash from journal
         where chain = $1 and at >= $2 and at < $3 and substr(act, 1, length($4)) = $4
           and ($5 = '' or actor = $5) and ($6 = '' or object = $6) and seq < $7
         order by seq desc limit $8",
        &asked.chain,
        asked.from,
        asked.to,
        &asked.act,
        &asked.actor,
        &asked.object,
        before,
        PAGE + 1
    )
}

/// The oldest lines after a position, at most `most`.
///
/// # Errors
/// When the database fails.
pub async fn oldest(
    tx: &mut Tx,
    asked: &Criteria,
    after: i64,
    most: i64,
) -> Result<Vec<Line>, Fault> {
    fetch_all!(
        tx,
        Line,
        "select chain, seq, at, actor, act, object, detail, previous, hash from journal
         where chain = $1 and at >= $2 and at < $3 and substr(act, 1, length($4)) = $4
           and ($5 = '' or actor = $5) and ($6 = '' or object = $6) and seq > $7
         order by seq limit $8",
        &asked.chain,
        asked.from,
        asked.to,
        &asked.act,
        &asked.actor,
        &asked.object,
        after,
        most
    )
}

/// The lines of a chain after a position, in order, at most `most`.
pub(super) async fn after(
    tx: &mut Tx,
    chain: &str,
    after: i64,
    most: i64,
) -> Result<Vec<Line>, Fault> {
    fetch_all!(
        tx,
        Line,
        "select chain, seq, at, actor, act, object, detail, previous, hash from journal
         where chain = $1 and seq > $2 order by seq limit $3",
        chain,
        after,
        most
    )
}
