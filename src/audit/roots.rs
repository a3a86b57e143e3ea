//! Heads gathered in signed trees. A root holds the heads of the chains that
//! moved since the root before, as leaves of an RFC 6962 tree (library
//! `ct-merkle`), so that a short proof shows one unit's head in it without
//! telling those of others; and the root of a second tree, over the last signed head of
//! every chain there is, so that none is left out. It is signed with a key that signs nothing else
//! and names the root before it: what a root holds cannot be changed, nor a root be
//! taken out between two others, by whoever has the database alone. That the newest
//! are all there, only a [memory](super::memory) outside the database can tell.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{InclusionProof, RootHash};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use sha2::digest::Output;

use super::chain::{FIRST, framed};
use super::memory::{self, Remembered};
use super::retention;
use crate::clock::Timestamp;
use crate::db::{Tx, hex, unhex};
use crate::error::Fault;
use crate::keys::journal::signer;
use crate::keys::{JournalKey, sha256_hex};
use crate::{execute, fetch_all, fetch_optional};

/// The head a chain had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Head {
    /// Unit id, or [`SERVICE_CHAIN`](super::SERVICE_CHAIN).
    pub chain: String,
    /// Its last line.
    pub seq: i64,
    /// Hash of that line.
    pub hash: String,
}

impl Head {
    fn leaf(&self) -> String {
        framed(&[&self.chain, &self.seq.to_string(), &self.hash])
    }
}

/// A signed root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct SignedRoot {
    /// Position among the roots, from 1.
    pub seq: i64,
    /// When the heads were gathered.
    pub at: Timestamp,
    /// How many heads it holds.
    pub size: i64,
    /// Root of the tree, hexadecimal.
    pub root: String,
    /// Hash of the root before.
    pub previous: String,
    /// Root of the tree over the last signed head of every chain, this root's
    /// included, hexadecimal; empty in roots from before there was one.
    #[serde(default)]
    pub standing: String,
    /// Hash of all the above.
    pub hash: String,
    /// Ed25519 over the hash, base64url.
    pub signature: String,
}

impl SignedRoot {
    fn hash_of(&self) -> String {
        let (seq, at, size) = (
            self.seq.to_string(),
            self.at.0.to_string(),
            self.size.to_string(),
        );
        let mut parts = vec!["journal-root", &seq, &at, &size, &self.root, &self.previous];
        if !self.standing.is_empty() {
            parts.push(&self.standing);
        }
        let text = framed(&parts);
        sha256_hex(text.as_bytes())
    }

    /// Whether the root says what was signed with one of these keys (public halves of 32
    /// bytes, the newest first).
    #[must_use]
    pub fn is_signed_by(&self, keys: &[u8]) -> bool {
        self.signer(keys).is_some()
    }

    /// Which of the keys signed what the root says.
    #[must_use]
    pub fn signer(&self, keys: &[u8]) -> Option<usize> {
        signer_of(keys, &self.hash, &self.signature).filter(|_| self.hash == self.hash_of())
    }

    /// Whether its tree is the one over these heads, in their order.
    #[must_use]
    pub fn is_over(&self, heads: &[Head]) -> bool {
        i64::try_from(heads.len()).is_ok_and(|size| size == self.size)
            && root_over(heads) == self.root
    }

    /// Whether a head stands in the tree, by its place and the path of hashes
    /// from there to the root.
    #[must_use]
    pub fn holds(&self, head: &Head, position: u64, path: &[String]) -> bool {
        let (Some(root), Ok(size)) = (unhex(&self.root), u64::try_from(self.size)) else {
            return false;
        };
        let path: Option<Vec<u8>> = path
            .iter()
            .map(|hash| unhex(hash).filter(|bytes| bytes.len() == 32))
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat());
        // A tree of more leaves than there can be units is no tree of ours.
        let (Some(path), Ok(root)) = (path, <[u8; 32]>::try_from(root)) else {
            return false;
        };
        if size > u64::from(u32::MAX) {
            return false;
        }
        let Ok(proof) = InclusionProof::<Sha256>::try_from_bytes(path) else {
            return false;
        };
        RootHash::<Sha256>::new(Output::<Sha256>::from(root), size)
            .verify_inclusion(&head.leaf(), position, &proof)
            .is_ok()
    }
}

/// Signs a text with the journal's key.
pub(super) fn signed(key: &JournalKey, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(text))
}

/// Which of these keys (their public halves, the newest first) signed a text.
pub(super) fn signer_of(keys: &[u8], text: &str, signature: &str) -> Option<usize> {
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    signer(keys, text, &signature)
}

fn tree_of(heads: &[Head]) -> MemoryBackedTree<Sha256, String> {
    let mut tree = MemoryBackedTree::new();
    for head in heads {
        tree.push(head.leaf());
    }
    tree
}

/// Root of the tree over these heads, in their order, hexadecimal.
#[must_use]
pub fn root_over(heads: &[Head]) -> String {
    hex(tree_of(heads).root().as_bytes())
}

/// The path from the head at `position` to the root over these heads; none when
/// there is no such head.
#[must_use]
pub fn path_to(heads: &[Head], position: usize) -> Option<Vec<String>> {
    (position < heads.len()).then(|| {
        let proof = tree_of(heads).prove_inclusion(position);
        proof.as_bytes().chunks(32).map(hex).collect()
    })
}

/// What came of gathering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// The new root; none when no chain moved.
    pub root: Option<SignedRoot>,
    /// Chains that no longer hold the head they were last signed with: somebody
    /// changed them in the database. They are not signed again.
    pub contradicted: Vec<String>,
}

/// The head each chain was last signed with, in the order of their names.
pub(super) async fn standing(tx: &mut Tx) -> Result<Vec<Head>, Fault> {
    let mut heads = fetch_all!(tx, Head, "select chain, seq, hash from journal_standing")?;
    // Not by the database, whose collations differ.
    heads.sort_by(|one, other| one.chain.cmp(&other.chain));
    Ok(heads)
}

/// Gathers the heads of the chains that moved since they were last gathered. Of two
/// processes that gather at once, the second is refused by the root's number, and what it saw is gathered by the next.
///
/// # Errors
/// When the database fails, or another process was faster
/// ([`Fault::is_unique_violation`]); when what the last root was signed over is not
/// what the database holds: then nothing is signed any more.
pub async fn gather(tx: &mut Tx, key: &JournalKey, now: Timestamp) -> Result<Gathered, Fault> {
    let before = last(tx).await?;
    let mut standing: BTreeMap<String, Head> = standing(tx)
        .await?
        .into_iter()
        .map(|head| (head.chain.clone(), head))
        .collect();
    if let Some(root) = before.as_ref().filter(|root| !root.standing.is_empty()) {
        let held: Vec<Head> = standing.values().cloned().collect();
        if !root.is_signed_by(key.publics()) || root_over(&held) != root.standing {
            return Err(Fault::other(format!(
                "root {} was signed over other heads than the database holds: nothing is \
                 signed any more. Put journal_standing and journal_roots back from a copy \
                 of the database",
                root.seq
            )));
        }
    }
    let contradicted: Vec<String> = fetch_all!(
        tx,
        (String,),
        "select s.chain from journal_standing s
         where not exists (select 1 from journal j
               where j.chain = s.chain and j.seq = s.seq and j.hash = s.hash)
           and not exists (select 1 from journal_checkpoints c
               where c.chain = s.chain and c.through_seq = s.seq and c.hash = s.hash)
         order by s.chain"
    )?
    .into_iter()
    .map(|(chain,)| chain)
    .collect();
    let mut heads = fetch_all!(
        tx,
        Head,
        "select h.chain, h.seq, h.hash from journal_heads h
         where h.seq > 0 and not exists
             (select 1 from journal_leaves l where l.chain = h.chain and l.seq >= h.seq)"
    )?;
    heads.retain(|head| !contradicted.contains(&head.chain));
    if heads.is_empty() {
        return Ok(Gathered {
            root: None,
            contradicted,
        });
    }
    // Not by the database, whose collations differ.
    heads.sort_by(|one, other| one.chain.cmp(&other.chain));
    // The first root of a new key: what the former signed in place of lines is signed
    // by this one too, since from now on nothing of the former's counts there.
    let takes_over = before
        .as_ref()
        .is_some_and(|root| root.signer(key.publics()) != Some(0));
    let (seq, previous) =
        before.map_or_else(|| (0, FIRST.to_owned()), |root| (root.seq, root.hash));
    for head in &heads {
        standing.insert(head.chain.clone(), head.clone());
    }
    let standing: Vec<Head> = standing.into_values().collect();
    let mut root = SignedRoot {
        seq: seq + 1,
        at: now,
        size: i64::try_from(heads.len()).map_err(Fault::other)?,
        root: root_over(&heads),
        previous,
        standing: root_over(&standing),
        hash: String::new(),
        signature: String::new(),
    };
    root.hash = root.hash_of();
    root.signature = signed(key, &root.hash);
    if takes_over {
        retention::sign_anew(tx, key).await?;
    }
    execute!(
        tx,
        "insert into journal_roots (seq, at, size, root, previous, standing, hash, signature)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        root.seq,
        root.at,
        root.size,
        &root.root,
        &root.previous,
        &root.standing,
        &root.hash,
        &root.signature
    )?;
    for (position, head) in (0_i64..).zip(&heads) {
        execute!(
            tx,
            "insert into journal_leaves (root_seq, position, chain, seq, hash) values ($1, $2, $3, $4, $5)",
            root.seq,
            position,
            &head.chain,
            head.seq,
            &head.hash
        )?;
        execute!(
            tx,
            "insert into journal_standing (chain, seq, hash) values ($1, $2, $3)
             on conflict (chain) do update set seq = excluded.seq, hash = excluded.hash",
            &head.chain,
            head.seq,
            &head.hash
        )?;
    }
    Ok(Gathered {
        root: Some(root),
        contradicted,
    })
}

/// Whether roots go on from what was signed: refuses to sign when the remembered
/// root is not there, or when no root is although lines left under one.
///
/// # Errors
/// When the database fails; when roots were taken out, with what to do.
pub(super) async fn continues(tx: &mut Tx, remembered: Option<&Remembered>) -> Result<(), Fault> {
    if let Some(root) = remembered {
        if root.is_held(tx).await? {
            return Ok(());
        }
        return Err(Fault::other(format!(
            "root {} ({}) was signed and is not in the database: nothing is signed any more. \
             If you put back an older database yourself, compare its last root with your log, \
             then remove {} from the data folder",
            root.seq,
            root.hash,
            memory::FILE
        )));
    }
    let rootless = fetch_optional!(
        tx,
        (String,),
        "select chain from journal_checkpoints
         where not exists (select 1 from journal_roots) order by chain limit 1"
    )?;
    match rootless {
        Some((chain,)) => Err(Fault::other(format!(
            "lines of chain {chain} left under signed roots, and no root is in the database: \
             nothing is signed any more. Put the roots back from a copy of the database"
        ))),
        None => Ok(()),
    }
}

/// The newest root.
pub(super) async fn last(tx: &mut Tx) -> Result<Option<SignedRoot>, Fault> {
    fetch_optional!(
        tx,
        SignedRoot,
        "select seq, at, size, root, previous, standing, hash, signature from journal_roots
         order by seq desc limit 1"
    )
}

/// Roots after `seq`, in order, at most `most`.
pub(super) async fn list_after(tx: &mut Tx, seq: i64, most: i64) -> Result<Vec<SignedRoot>, Fault> {
    fetch_all!(
        tx,
        SignedRoot,
        "select seq, at, size, root, previous, standing, hash, signature from journal_roots
         where seq > $1 order by seq limit $2",
        seq,
        most
    )
}

/// The heads a root holds, in the order of its leaves.
pub(super) async fn heads_of(tx: &mut Tx, root_seq: i64) -> Result<Vec<Head>, Fault> {
    fetch_all!(
        tx,
        Head,
        "select chain, seq, hash from journal_leaves where root_seq = $1 order by position",
        root_seq
    )
}

/// The last root, no later than `through`, that holds a head of a chain.
pub(super) async fn last_of(
    tx: &mut Tx,
    chain: &str,
    through: i64,
) -> Result<Option<SignedRoot>, Fault> {
    fetch_optional!(
        tx,
        SignedRoot,
        "select r.seq, r.at, r.size, r.root, r.previous, r.standing, r.hash, r.signature
         from journal_roots r join journal_leaves l on l.root_seq = r.seq
         where l.chain = $1 and r.seq <= $2 order by r.seq desc limit 1",
        chain,
        through
    )
}
