//! A journal as a file, one JSON object a line, and the checker that needs
//! nothing but the file and the journal's public key.
//!
//! ```text
//! {"type":"journal", …}   what the file holds, and when it was written
//! {"type":"root", …}      a signed root, with the heads it holds of these chains
//! {"type":"chain", …}     a chain begins: its head, its checkpoint
//! {"type":"line", …}      its lines
//! {"type":"end", …}       how many entries there are and the hash of all their
//!                         bytes, signed: a file that was cut has no such end
//! ```
//!
//! Whoever changes the file after it was written needs the key for the end;
//! whoever changed the database before needed it for the roots.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use ring::digest;
use serde::{Deserialize, Serialize};

use super::Line;
use super::chain::{BrokenChain, ChainCheck, FIRST, framed};
use super::retention::{Checkpoint, is_by};
use super::roots::{Head, SignedRoot, signer_of};
use crate::clock::Timestamp;
use crate::db::hex;

/// Version of the format.
pub const VERSION: u32 = 1;

/// Longest entry read, in bytes.
const LONGEST: u64 = 1 << 20;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// What the file holds.
    Journal {
        /// [`VERSION`].
        version: u32,
        /// When it was written.
        at: Timestamp,
        /// Whether every root that there is stands in it.
        every_root: bool,
    },
    /// A signed root.
    Root {
        /// The root.
        #[serde(flatten)]
        root: SignedRoot,
        /// Heads it holds of the file's chains.
        heads: Vec<ProvenHead>,
    },
    /// A chain begins.
    Chain {
        /// Its head when the file was written.
        head: Head,
        /// What stands in place of its lines that left.
        checkpoint: Option<Checkpoint>,
    },
    /// A line of the chain that began last.
    Line(Line),
    /// The file is whole.
    End {
        /// Entries before this one.
        entries: u64,
        /// SHA-256 of all bytes before this line, hexadecimal.
        hash: String,
        /// Ed25519 over both, base64url.
        signature: String,
    },
}

/// A head with its way to the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenHead {
    /// The head.
    pub head: Head,
    /// Its place among the leaves.
    pub position: u64,
    /// The hashes from there to the root.
    pub path: Vec<String>,
}

/// What the end signs.
pub(super) fn end_text(entries: u64, hash: &str) -> String {
    framed(&["journal-file", &entries.to_string(), hash])
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenFile {
    /// The file cannot be read.
    #[error("the file cannot be read at entry {0}: {1}")]
    Unreadable(u64, String),
    /// An entry is none of ours, or stands where it cannot.
    #[error("entry {0} is no entry of a journal, or stands where none can")]
    Foreign(u64),
    /// A signature of a root or checkpoint.
    #[error("entry {0}: its signature does not fit what it says")]
    Signature(u64),
    /// Roots do not follow each other.
    #[error("entry {0}: a root before it was removed, inserted or moved")]
    RootsParted(u64),
    /// A head does not stand in the tree of its root.
    #[error("entry {0}: the root does not hold the head of chain {1}")]
    NotInTree(u64, String),
    /// A chain.
    #[error(transparent)]
    Chain(#[from] BrokenChain),
    /// No signed root covers a chain that has lines.
    #[error("chain {0}: no signed root covers it")]
    Uncovered(String),
    /// The end is missing.
    #[error("the file was cut: its signed end is missing after entry {0}")]
    Cut(u64),
    /// The end does not fit.
    #[error("the file was changed after it was written: its signed end does not fit")]
    End,
}

/// What was found good in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// When it was written.
    pub written_at: Timestamp,
    /// Chains.
    pub chains: usize,
    /// Lines of all of them.
    pub lines: usize,
    /// Signed roots.
    pub roots: usize,
}

/// Checks a file with the public halves (32 bytes each) of the journal's keys, the newest
/// first.
///
/// # Errors
/// The first thing found wrong.
pub fn check(mut file: impl BufRead, key: &[u8]) -> Result<Found, BrokenFile> {
    let mut state = Reading::new(key);
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut ended = false;
    for number in 1.. {
        let mut bytes = Vec::new();
        let unreadable = |why: &dyn ToString| BrokenFile::Unreadable(number, why.to_string());
        file.by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| unreadable(&error))?;
        if bytes.is_empty() {
            break;
        }
        if ended {
            return Err(BrokenFile::Foreign(number));
        }
        let Some(text) = bytes.strip_suffix(b"\n") else {
            // A whole last line ends like every other.
            return Err(BrokenFile::Cut(number - 1));
        };
        let entry: Entry = serde_json::from_slice(text).map_err(|_| BrokenFile::Foreign(number))?;
        match entry {
            Entry::End {
                entries,
                hash: told,
                signature,
            } => {
                let found = hex(hash.clone().finish().as_ref());
                let fits = entries == number - 1
                    && told == found
                    && is_by(
                        signer_of(key, &end_text(entries, &told), &signature),
                        state.newest_signer,
                    );
                // What is wrong inside is said first: it names the place.
                state.end_chain()?;
                if !fits {
                    return Err(BrokenFile::End);
                }
                ended = true;
            }
            entry => state.take(number, entry)?,
        }
        hash.update(&bytes);
        state.entries = number;
    }
    let entries = state.entries;
    match (ended, state.found) {
        (true, Some(found)) => Ok(found),
        _ => Err(BrokenFile::Cut(entries)),
    }
}

/// What is known so far.
struct Reading<'a> {
    key: &'a [u8],
    /// Which of the keys signed the root before; none is followed by an older one.
    newest_signer: usize,
    entries: u64,
    found: Option<Found>,
    every_root: bool,
    last_root: Option<(i64, String)>,
    signed: BTreeMap<String, BTreeMap<i64, String>>,
    chain: Option<(Head, ChainCheck)>,
    last_chain: String,
}

impl<'a> Reading<'a> {
    fn new(key: &'a [u8]) -> Self {
        Reading {
            key,
            newest_signer: usize::MAX,
            entries: 0,
            found: None,
            every_root: false,
            last_root: None,
            signed: BTreeMap::new(),
            chain: None,
            last_chain: String::new(),
        }
    }

    fn take(&mut self, number: u64, entry: Entry) -> Result<(), BrokenFile> {
        let foreign = BrokenFile::Foreign(number);
        match entry {
            Entry::Journal {
                version,
                at,
                every_root,
            } if number == 1 && version == VERSION => {
                self.every_root = every_root;
                self.found = Some(Found {
                    written_at: at,
                    chains: 0,
                    lines: 0,
                    roots: 0,
                });
                Ok(())
            }
            Entry::Root { root, heads } if self.last_chain.is_empty() => {
                self.take_root(number, root, heads)
            }
            Entry::Chain { head, checkpoint } => self.begin_chain(number, head, checkpoint),
            Entry::Line(line) => {
                let (_, check) = self.chain.as_mut().ok_or(foreign)?;
                check.push(&line)?;
                self.count(|found| found.lines += 1);
                Ok(())
            }
            _ => Err(foreign),
        }
    }

    fn count(&mut self, one: impl FnOnce(&mut Found)) {
        if let Some(found) = &mut self.found {
            one(found);
        }
    }

    fn take_root(
        &mut self,
        number: u64,
        root: SignedRoot,
        heads: Vec<ProvenHead>,
    ) -> Result<(), BrokenFile> {
        if self.found.is_none() {
            return Err(BrokenFile::Foreign(number));
        }
        // A key that was replaced signs nothing after.
        match root.signer(self.key) {
            Some(signer) if signer <= self.newest_signer => self.newest_signer = signer,
            _ => return Err(BrokenFile::Signature(number)),
        }
        let follows = match &self.last_root {
            None => root.seq > 1 || root.previous == FIRST,
            Some((seq, hash)) if seq.checked_add(1) == Some(root.seq) => root.previous == *hash,
            Some((seq, _)) => root.seq > *seq && !self.every_root,
        };
        if !follows {
            return Err(BrokenFile::RootsParted(number));
        }
        for proven in heads {
            if !root.holds(&proven.head, proven.position, &proven.path) {
                return Err(BrokenFile::NotInTree(number, proven.head.chain));
            }
            self.signed
                .entry(proven.head.chain)
                .or_default()
                .insert(proven.head.seq, proven.head.hash);
        }
        self.last_root = Some((root.seq, root.hash));
        self.count(|found| found.roots += 1);
        Ok(())
    }

    fn begin_chain(
        &mut self,
        number: u64,
        head: Head,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), BrokenFile> {
        self.end_chain()?;
        // In the order of their names, so that none stands twice.
        if self.found.is_none() || head.chain <= self.last_chain {
            return Err(BrokenFile::Foreign(number));
        }
        if let Some(checkpoint) = &checkpoint
            && (checkpoint.chain != head.chain
                || !is_by(checkpoint.signer(self.key), self.newest_signer))
        {
            return Err(BrokenFile::Signature(number));
        }
        let signed = self.signed.remove(&head.chain).unwrap_or_default();
        if signed.is_empty() {
            return Err(BrokenFile::Uncovered(head.chain));
        }
        let begin = checkpoint
            .as_ref()
            .map(|checkpoint| (checkpoint.through_seq, checkpoint.hash.as_str()));
        let check = ChainCheck::new(&head.chain, begin, signed)?;
        self.last_chain.clone_from(&head.chain);
        self.chain = Some((head, check));
        self.count(|found| found.chains += 1);
        Ok(())
    }

    fn end_chain(&mut self) -> Result<(), BrokenFile> {
        match self.chain.take() {
            Some((head, check)) => Ok(check.finish((head.seq, &head.hash))?),
            None => Ok(()),
        }
    }
}
