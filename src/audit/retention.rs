//! A line is kept for three years, whatever becomes of what it tells of; then
//! it leaves. In its place stays a signed checkpoint, by which the rest of the
//! chain can still be checked. Only lines that a signed root covers leave, and
//! that they left is a line itself.

use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};

use super::chain::framed;
use super::roots::{is_signed, signed};
use super::{Actor, append, lock};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

/// How long a line is kept (R. 2-29-x of the code de procédure pénale): three
/// years, with the leap day that three years may have.
pub const DAYS: i64 = 3 * 365 + 1;

/// What stands in place of lines that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Checkpoint {
    /// Chain.
    pub chain: String,
    /// Last line that left.
    pub through_seq: i64,
    /// Its hash.
    pub hash: String,
    /// How many left at once.
    pub lines: i64,
    /// When.
    pub at: Timestamp,
    /// Ed25519 over all of it, base64url.
    pub signature: String,
}

impl Checkpoint {
    fn text(&self) -> String {
        framed(&[
            "journal-checkpoint",
            &self.chain,
            &self.through_seq.to_string(),
            &self.hash,
            &self.lines.to_string(),
            &self.at.0.to_string(),
        ])
    }

    /// Whether it says what was signed with that key (32 bytes, public).
    #[must_use]
    pub fn is_signed_by(&self, key: &[u8]) -> bool {
        is_signed(key, &self.text(), &self.signature)
    }
}

/// The checkpoint a chain begins after, if lines of it left.
///
/// # Errors
/// When the database fails.
pub async fn checkpoint_of(tx: &mut Tx, chain: &str) -> Result<Option<Checkpoint>, Fault> {
    fetch_optional!(
        tx,
        Checkpoint,
        "select chain, through_seq, hash, lines, at, signature from journal_checkpoints
         where chain = $1 order by through_seq desc limit 1",
        chain
    )
}

/// The chains that hold lines kept a day longer than they have to be: leaving is
/// a line itself, and is written once a day at most.
///
/// # Errors
/// When the database fails.
pub async fn chains_due(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, Fault> {
    let rows = fetch_all!(
        tx,
        (String,),
        "select h.chain from journal_heads h
         where exists (select 1 from journal j where j.chain = h.chain and j.at < $1)",
        oldest_kept(now).plus_minutes(-24 * 60)
    )?;
    Ok(rows.into_iter().map(|(chain,)| chain).collect())
}

fn oldest_kept(now: Timestamp) -> Timestamp {
    now.plus_minutes(-DAYS * 24 * 60)
}

/// Lets the lines of a chain leave that were kept long enough; none when no
/// line may leave yet.
///
/// # Errors
/// When the database fails.
pub async fn purge(
    tx: &mut Tx,
    key: &Ed25519KeyPair,
    chain: &str,
    now: Timestamp,
) -> Result<Option<Checkpoint>, Fault> {
    lock(tx, chain).await?;
    // Lines leave from the beginning on, without a gap: up to the first that is
    // kept, and no further than a signed root covers.
    let first_kept = fetch_optional!(
        tx,
        (i64,),
        "select seq from journal where chain = $1 and at >= $2 order by seq limit 1",
        chain,
        oldest_kept(now)
    )?;
    let last = fetch_optional!(
        tx,
        (i64, String),
        "select j.seq, j.hash from journal j join journal_leaves l on l.chain = j.chain and l.seq = j.seq
         where j.chain = $1 and j.seq < $2 order by j.seq desc limit 1",
        chain,
        first_kept.map_or(i64::MAX, |(seq,)| seq)
    )?;
    let Some((through_seq, hash)) = last else {
        return Ok(None);
    };
    let lines = execute!(
        tx,
        "delete from journal where chain = $1 and seq <= $2",
        chain,
        through_seq
    )?;
    let mut checkpoint = Checkpoint {
        chain: chain.to_owned(),
        through_seq,
        hash,
        lines: i64::try_from(lines).map_err(Fault::other)?,
        at: now,
        signature: String::new(),
    };
    checkpoint.signature = signed(key, &checkpoint.text());
    execute!(
        tx,
        "insert into journal_checkpoints (chain, through_seq, hash, lines, at, signature)
         values ($1, $2, $3, $4, $5, $6)",
        chain,
        through_seq,
        &checkpoint.hash,
        checkpoint.lines,
        now,
        &checkpoint.signature
    )?;
    append(
        tx,
        chain,
        now,
        &Actor::System,
        "journal.purge",
        &format!("chain/{chain}"),
        &format!("through={through_seq} lines={lines}"),
    )
    .await?;
    Ok(Some(checkpoint))
}

/// Lets roots leave that cover nothing but lines that left. A chain that stood
/// still since then is gathered again by the next root.
///
/// # Errors
/// When the database fails.
pub async fn purge_roots(tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
    let before = oldest_kept(now);
    execute!(
        tx,
        "delete from journal_leaves where root_seq in (select seq from journal_roots where at < $1)",
        before
    )?;
    execute!(tx, "delete from journal_roots where at < $1", before)?;
    Ok(())
}
