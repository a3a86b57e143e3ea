//! The links of a chain: each line's hash covers its content and the hash of
//! the line before. Pure; it knows neither database nor file.

use std::collections::BTreeMap;

use super::Line;
use crate::keys::sha256_hex;

/// What the first line of a chain names as the line before it.
pub const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Fields as one text, each with its length before it: no two different lists
/// of fields have the same text.
#[must_use]
pub fn framed(fields: &[&str]) -> String {
    use std::fmt::Write;
    fields.iter().fold(String::new(), |mut text, field| {
        let _ = write!(text, "{}:{field},", field.len());
        text
    })
}

/// The hash a line has by its content and place.
#[must_use]
pub fn hash_of(line: &Line) -> String {
    let text = framed(&[
        &line.chain,
        &line.seq.to_string(),
        &line.at.0.to_string(),
        &line.actor,
        &line.act,
        &line.object,
        &line.detail,
        &line.previous,
    ]);
    sha256_hex(text.as_bytes())
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
    /// A line is not the one whose hash was signed.
    #[error("chain {0}, line {1}: it and what it follows were written anew after they were signed")]
    Rewritten(String, i64),
    /// A line that was signed is not there.
    #[error("chain {0}: the last lines were removed, up to line {1} they were signed")]
    Cut(String, i64),
    /// The head names another last line.
    #[error("chain {0}: the last lines were removed, or the head was changed")]
    Headless(String),
}

/// Checks the lines of one chain, given in order, one at a time.
#[derive(Debug)]
pub struct ChainCheck {
    chain: String,
    seq: i64,
    previous: String,
    signed: BTreeMap<i64, String>,
}

impl ChainCheck {
    /// Begins after a checkpoint (last line that left, and its hash), if the
    /// chain has one. `signed` are heads that signed roots hold of this chain.
    ///
    /// # Errors
    /// When checkpoint and signed heads contradict each other.
    pub fn new(
        chain: &str,
        checkpoint: Option<(i64, &str)>,
        mut signed: BTreeMap<i64, String>,
    ) -> Result<Self, BrokenChain> {
        let (seq, previous) = checkpoint.unwrap_or((0, FIRST));
        // What was signed of lines that left stands in the checkpoint's own hash.
        signed = signed.split_off(&seq);
        if signed.remove(&seq).is_some_and(|hash| hash != previous) {
            return Err(BrokenChain::Rewritten(chain.to_owned(), seq));
        }
        Ok(ChainCheck {
            chain: chain.to_owned(),
            seq,
            previous: previous.to_owned(),
            signed,
        })
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn push(&mut self, line: &Line) -> Result<(), BrokenChain> {
        let broken = |kind: fn(String, i64) -> BrokenChain| kind(self.chain.clone(), line.seq);
        let follows = self.seq.checked_add(1) == Some(line.seq);
        if !follows || line.previous != self.previous || line.chain != self.chain {
            return Err(broken(BrokenChain::Parted));
        }
        if hash_of(line) != line.hash {
            return Err(broken(BrokenChain::Changed));
        }
        if self
            .signed
            .remove(&line.seq)
            .is_some_and(|hash| hash != line.hash)
        {
            return Err(broken(BrokenChain::Rewritten));
        }
        self.seq = line.seq;
        self.previous.clone_from(&line.hash);
        Ok(())
    }

    /// Ends at the head that was kept of the chain.
    ///
    /// # Errors
    /// When lines are missing at the end.
    pub fn finish(self, head: (i64, &str)) -> Result<(), BrokenChain> {
        if let Some((&seq, _)) = self.signed.last_key_value() {
            return Err(BrokenChain::Cut(self.chain, seq));
        }
        if head != (self.seq, self.previous.as_str()) {
            return Err(BrokenChain::Headless(self.chain));
        }
        Ok(())
    }
}
