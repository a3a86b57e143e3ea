//! A line is kept for three years, whatever becomes of what it tells of; then
//! it leaves. In its place stays a signed checkpoint, by which the rest of the
//! chain can still be checked. Only lines leave that hold when they are checked, and
//! that a root covers which was itself signed three years ago; that they left is a
//! line itself.

use serde::{Deserialize, Serialize};

use super::chain::framed;
use super::roots::{self, Head, SignedRoot, signed, signer_of};
use super::verify::{Broken, verify_lines};
use super::{Actor, append, lock};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::keys::JournalKey;
use crate::{execute, fetch_all, fetch_optional};

/// How long a line is kept (R. 2-29-x of the code de procédure pénale): three
/// years, with the leap day that three years may have.
pub const DAYS: i64 = 3 * 365 + 1;

/// Days that count at most between two roots. A living service signs one each minute
/// in which something is done; one that stood still for longer keeps its lines for
/// so much longer.
pub const STILL_DAYS: i64 = 31;

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

    /// Whether it says what was signed with one of these keys (public halves, 32 bytes each).
    #[must_use]
    pub fn is_signed_by(&self, key: &[u8]) -> bool {
        self.signer(key).is_some()
    }

    /// Which of the keys signed what it says.
    #[must_use]
    pub fn signer(&self, keys: &[u8]) -> Option<usize> {
        signer_of(keys, &self.text(), &self.signature)
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

/// The chains to let lines leave from: all of them, once some line was kept a day
/// longer than it has to be, and at most once a day, because leaving is a line itself.
/// All at once, so that the roots that cover what left can leave with it.
///
/// # Errors
/// When the database fails.
pub async fn chains_due(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, Fault> {
    let rows = fetch_all!(
        tx,
        (String,),
        "select chain from journal_heads
         where exists (select 1 from journal_heads h
               where exists (select 1 from journal j where j.chain = h.chain and j.at < $1))
           and not exists (select 1 from journal_checkpoints c where c.at > $2)",
        oldest_kept(now).plus_minutes(-24 * 60),
        now.plus_minutes(-24 * 60)
    )?;
    Ok(rows.into_iter().map(|(chain,)| chain).collect())
}

fn oldest_kept(now: Timestamp) -> Timestamp {
    now.plus_minutes(-DAYS * 24 * 60)
}

/// The newest root that was signed long enough ago for what it covers to leave; none
/// when there is no such root, or it is not ours. Its own signed time counts, not
/// what the lines' rows say; and of the time that passed since, no more than
/// [`STILL_DAYS`] between two roots: a clock that jumps ahead is no three years.
///
/// # Errors
/// When the database fails.
pub async fn ripe_root(
    tx: &mut Tx,
    key: &[u8],
    now: Timestamp,
) -> Result<Option<SignedRoot>, Fault> {
    let day = 24 * 60 * 60 * 1000_i64;
    let ripe = fetch_optional!(
        tx,
        SignedRoot,
        "select r.seq, r.at, r.size, r.root, r.previous, r.standing, r.hash, r.signature
         from journal_roots r join (
             select seq, cast(sum(case when pause < 0 then 0 when pause > $2 then $2 else pause end)
                 over (order by seq desc) as bigint) as lived
             from (select seq, lead(at, 1, $1) over (order by seq) - at as pause from journal_roots) pauses
         ) ages on ages.seq = r.seq
         where ages.lived > $3 and r.at < $4 order by r.seq desc limit 1",
        now,
        STILL_DAYS * day,
        DAYS * day,
        oldest_kept(now)
    )?;
    Ok(ripe.filter(|root| {
        let ours = root.is_signed_by(key) && root.at < oldest_kept(now);
        if !ours {
            tracing::error!(
                seq = root.seq,
                "journal: root {} is not ours: nothing leaves",
                root.seq
            );
        }
        ours
    }))
}

/// Lets the lines of a chain leave that the ripe root, or one before it, covers;
/// none when it covers none. They are checked before they leave, as far as that
/// root: what was changed stays, as the proof that it was.
///
/// # Errors
/// When the database fails; what is wrong with the chain is in the inner result, and
/// nothing was written.
pub async fn purge(
    tx: &mut Tx,
    key: &JournalKey,
    chain: &str,
    ripe: &SignedRoot,
    now: Timestamp,
) -> Result<Result<Option<Checkpoint>, Broken>, Fault> {
    lock(tx, chain).await?;
    let public = key.publics();
    let Some(root) = roots::last_of(tx, chain, ripe.seq).await? else {
        return Ok(Ok(None));
    };
    if !root.is_signed_by(public) {
        return Ok(Err(Broken::Signature(root.seq)));
    }
    let heads = roots::heads_of(tx, root.seq).await?;
    if !root.is_over(&heads) {
        return Ok(Err(Broken::Tree(root.seq)));
    }
    let former = checkpoint_of(tx, chain).await?;
    let newest = roots::last(tx).await?.and_then(|root| root.signer(public));
    if former
        .as_ref()
        .is_some_and(|former| !is_by(former.signer(public), newest.unwrap_or(usize::MAX)))
    {
        return Ok(Err(Broken::Checkpoint(chain.to_owned())));
    }
    let gone = former.as_ref().map_or(0, |former| former.through_seq);
    let Some(end) = heads
        .into_iter()
        .find(|head| head.chain == chain && head.seq > gone)
    else {
        return Ok(Ok(None));
    };
    if let Err(broken) = verify_lines(tx, &end, former.as_ref(), end.seq).await? {
        return Ok(Err(broken));
    }
    let Head { seq, hash, .. } = end;
    let lines = execute!(
        tx,
        "delete from journal where chain = $1 and seq <= $2",
        chain,
        seq
    )?;
    let mut checkpoint = Checkpoint {
        chain: chain.to_owned(),
        through_seq: seq,
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
        seq,
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
        &format!("through={seq} lines={lines}"),
    )
    .await?;
    Ok(Ok(Some(checkpoint)))
}

/// Whether a signer is one whose signature counts beside roots of `newest`: that key, or
/// one that came after it.
pub(super) fn is_by(signer: Option<usize>, newest: usize) -> bool {
    signer.is_some_and(|signer| signer <= newest)
}

/// Signs every checkpoint with the key that takes over; one that is none of ours stays
/// as it is, and is found.
pub(super) async fn sign_anew(tx: &mut Tx, key: &JournalKey) -> Result<(), Fault> {
    let all = fetch_all!(
        tx,
        Checkpoint,
        "select chain, through_seq, hash, lines, at, signature from journal_checkpoints"
    )?;
    for checkpoint in all {
        if checkpoint.is_signed_by(key.publics()) {
            execute!(
                tx,
                "update journal_checkpoints set signature = $3 where chain = $1 and through_seq = $2",
                &checkpoint.chain,
                checkpoint.through_seq,
                signed(key, &checkpoint.text())
            )?;
        }
    }
    Ok(())
}

/// Lets the roots before the ripe one leave: they cover nothing but lines that left.
/// A chain that stood still since then is gathered again by the next root.
///
/// # Errors
/// When the database fails.
pub async fn purge_roots(tx: &mut Tx, ripe: &SignedRoot) -> Result<(), Fault> {
    execute!(
        tx,
        "delete from journal_leaves where root_seq < $1",
        ripe.seq
    )?;
    execute!(tx, "delete from journal_roots where seq < $1", ripe.seq)?;
    Ok(())
}
