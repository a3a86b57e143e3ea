//! The whole journal checked in its database: every chain, from its checkpoint
//! to its head, and every signed root.

use std::collections::BTreeMap;

use super::chain::{BrokenChain, ChainCheck, FIRST};
use super::retention::{self, Checkpoint};
use super::roots::{self, Head};
use super::search;
use crate::db::Tx;
use crate::error::Fault;
use crate::{fetch_all, fetch_optional};

/// Rows read at once.
const BATCH: i64 = 1000;

/// What is wrong with the journal.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A chain.
    #[error(transparent)]
    Chain(#[from] BrokenChain),
    /// A chain's head is gone, but not all its traces.
    #[error("chain {0}: its head was removed")]
    NoHead(String),
    /// A checkpoint is not ours.
    #[error("chain {0}: the checkpoint in place of old lines was not signed by this service")]
    Checkpoint(String),
    /// A root's signature.
    #[error("root {0}: its signature does not fit what it says")]
    Signature(i64),
    /// Roots do not follow each other.
    #[error("root {0}: a root before it was removed, inserted or moved")]
    RootsParted(i64),
    /// The newest roots are gone.
    #[error(
        "root {0}: it was signed here and is not in the database: the newest roots were removed"
    )]
    Forgotten(i64),
    /// What the newest root was signed over.
    #[error("root {0}: it was signed over other heads than those that stand")]
    Standing(i64),
    /// A root's tree.
    #[error("root {0}: the heads it holds were changed")]
    Tree(i64),
}

/// What was read of a whole journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Lines of all chains.
    pub lines: usize,
    /// Signed roots.
    pub roots: usize,
}

/// Verifies every chain and root of the database; `key` is the public halves (32 bytes
/// each) of the keys that signed them, the newest first.
///
/// # Errors
/// When the database fails; what is wrong with the journal is in the inner result.
pub async fn verify_all(tx: &mut Tx, key: &[u8]) -> Result<Result<Read, Broken>, Fault> {
    let mut read = Read::default();
    let newest_signer = match verify_roots(tx, key).await? {
        Ok((count, newest_signer)) => {
            read.roots = count;
            newest_signer
        }
        Err(broken) => return Ok(Err(broken)),
    };
    if let Some(root) = roots::last(tx).await?
        && !root.standing.is_empty()
        && roots::root_over(&roots::standing(tx).await?) != root.standing
    {
        return Ok(Err(Broken::Standing(root.seq)));
    }
    let lost = fetch_optional!(
        tx,
        (String,),
        "select chain from journal_leaves where chain not in (select chain from journal_heads)
         union select chain from journal_standing where chain not in (select chain from journal_heads)
         union select chain from journal where chain not in (select chain from journal_heads)
         order by chain limit 1"
    )?;
    if let Some((chain,)) = lost {
        return Ok(Err(Broken::NoHead(chain)));
    }
    let heads = fetch_all!(
        tx,
        Head,
        "select chain, seq, hash from journal_heads order by chain"
    )?;
    for head in heads {
        match verify_chain(tx, &head, (key, newest_signer)).await? {
            Ok(count) => read.lines += count,
            Err(broken) => return Ok(Err(broken)),
        }
    }
    Ok(Ok(read))
}

/// How many roots there are, and which key signed the newest.
async fn verify_roots(tx: &mut Tx, key: &[u8]) -> Result<Result<(usize, usize), Broken>, Fault> {
    let mut count = 0;
    let mut last: Option<(i64, String)> = None;
    let mut newest_signer = usize::MAX;
    loop {
        let after = last.as_ref().map_or(0, |(seq, _)| *seq);
        let batch = roots::list_after(tx, after, BATCH).await?;
        if batch.is_empty() {
            return Ok(Ok((count, newest_signer)));
        }
        for root in batch {
            // A key that was replaced signs nothing after.
            match root.signer(key) {
                Some(signer) if signer <= newest_signer => newest_signer = signer,
                _ => return Ok(Err(Broken::Signature(root.seq))),
            }
            // The first one there may follow others that were kept long enough.
            let follows = match &last {
                Some((seq, hash)) => root.seq == seq + 1 && root.previous == *hash,
                None => root.seq > 1 || root.previous == FIRST,
            };
            if !follows {
                return Ok(Err(Broken::RootsParted(root.seq)));
            }
            let heads = roots::heads_of(tx, root.seq).await?;
            if !root.is_over(&heads) {
                return Ok(Err(Broken::Tree(root.seq)));
            }
            count += 1;
            last = Some((root.seq, root.hash));
        }
    }
}

async fn verify_chain(
    tx: &mut Tx,
    head: &Head,
    (key, newest_signer): (&[u8], usize),
) -> Result<Result<usize, Broken>, Fault> {
    let checkpoint = retention::checkpoint_of(tx, &head.chain).await?;
    if checkpoint
        .as_ref()
        .is_some_and(|checkpoint| !retention::is_by(checkpoint.signer(key), newest_signer))
    {
        return Ok(Err(Broken::Checkpoint(head.chain.clone())));
    }
    verify_lines(tx, head, checkpoint.as_ref(), i64::MAX).await
}

/// Checks a chain's lines from its checkpoint to `end`, which is what stands at that
/// place; later lines and signed heads after `through` are left out.
pub(super) async fn verify_lines(
    tx: &mut Tx,
    end: &Head,
    checkpoint: Option<&Checkpoint>,
    through: i64,
) -> Result<Result<usize, Broken>, Fault> {
    let signed: BTreeMap<i64, String> = fetch_all!(
        tx,
        (i64, String),
        "select seq, hash from journal_leaves where chain = $1 and seq <= $2
         union select seq, hash from journal_standing where chain = $1 and seq <= $2",
        &end.chain,
        through
    )?
    .into_iter()
    .collect();
    let begin = checkpoint.map(|checkpoint| (checkpoint.through_seq, checkpoint.hash.as_str()));
    let mut check = match ChainCheck::new(&end.chain, begin, signed) {
        Ok(check) => check,
        Err(broken) => return Ok(Err(broken.into())),
    };
    let mut count = 0;
    // From the very beginning: what left before the checkpoint and stands there
    // again was put back by somebody.
    let mut after = i64::MIN;
    loop {
        let mut batch = search::after(tx, &end.chain, after, BATCH).await?;
        batch.retain(|line| line.seq <= through);
        let Some(last) = batch.last() else {
            break;
        };
        after = last.seq;
        for line in &batch {
            if let Err(broken) = check.push(line) {
                return Ok(Err(broken.into()));
            }
        }
        count += batch.len();
    }
    Ok(check
        .finish((end.seq, &end.hash))
        .map(|()| count)
        .map_err(Broken::from))
}
