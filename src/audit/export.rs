//! Writes chains as a [`file`](mod@super::file) that can be checked without
//! the database. It is written in pieces, so that neither the whole of it nor
//! one long transaction is held: a chain only grows, and what is read is bounded
//! by the head that stood when the file was begun.

use bytes::Bytes;
use ring::digest;
use tokio::sync::mpsc;

use super::file::{Entry, ProvenHead, VERSION, end_text};
use super::roots::{self, Head};
use super::{keeper, retention, search};
use crate::app::App;
use crate::db::{Tx, hex};
use crate::error::Fault;
use crate::fetch_all;

/// Lines read at once.
const BATCH: i64 = 1000;
/// Pieces that may wait for a slow reader.
const WAITING: usize = 4;

/// The pieces of a file. A fault ends it: what was written until then lacks the
/// signed end, and is refused by the checker.
pub type Pieces = mpsc::Receiver<Result<Bytes, Fault>>;

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One chain, with the last root that covers it.
    Chain(String),
    /// Every chain and every root.
    Everything,
}

/// Begins to write a file; reading the pieces makes it go on. Heads are gathered
/// first, so that a signed root covers all that was written until now.
#[must_use]
pub fn begin(app: App, scope: Scope) -> Pieces {
    let (pieces, received) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut writer = Writer::new(pieces.clone());
        if let Err(fault) = write(&app, &scope, &mut writer).await {
            tracing::error!(%fault, "export of the journal: {fault}");
            // Nobody may be there to hear it.
            let _ = pieces.send(Err(fault)).await;
        }
    });
    received
}

async fn write(app: &App, scope: &Scope, writer: &mut Writer) -> Result<(), Fault> {
    let now = app.clock.now();
    gather(app).await?;
    let mut tx = app.db.read().await?;
    let heads = heads_in(&mut tx, scope).await?;
    writer.add(&Entry::Journal {
        version: VERSION,
        at: now,
        every_root: *scope == Scope::Everything,
    })?;
    write_roots(&mut tx, scope, &heads, writer).await?;
    drop(tx);
    for head in heads {
        write_chain(app, head, writer).await?;
    }
    let hash = hex(writer.hash.clone().finish().as_ref());
    let entries = writer.entries;
    let signature = roots::signed(&app.keys.journal, &end_text(entries, &hash));
    writer.add(&Entry::End {
        entries,
        hash,
        signature,
    })?;
    writer.flush().await
}

/// Another process may be gathering at this moment; then its root is waited for
/// by trying again. What the keeper refuses to sign is not signed here either.
async fn gather(app: &App) -> Result<(), Fault> {
    let mut tries = 0;
    loop {
        match keeper::gather(app, app.clock.now()).await {
            Ok(()) => return Ok(()),
            Err(fault) if fault.is_unique_violation() && tries < 10 => tries += 1,
            Err(fault) => return Err(fault),
        }
    }
}

/// The heads as far as signed roots cover them, in the order of their chains.
async fn heads_in(tx: &mut Tx, scope: &Scope) -> Result<Vec<Head>, Fault> {
    let mut heads = match scope {
        Scope::Chain(chain) => fetch_all!(
            tx,
            Head,
            "select chain, seq, hash from journal_standing where chain = $1",
            chain
        ),
        Scope::Everything => fetch_all!(tx, Head, "select chain, seq, hash from journal_standing"),
    }?;
    heads.sort_by(|one, other| one.chain.cmp(&other.chain));
    Ok(heads)
}

async fn write_roots(
    tx: &mut Tx,
    scope: &Scope,
    heads: &[Head],
    writer: &mut Writer,
) -> Result<(), Fault> {
    if let Scope::Chain(chain) = scope {
        if let Some(root) = roots::last_of(tx, chain, i64::MAX).await? {
            let heads = proven(tx, root.seq, heads).await?;
            writer.add(&Entry::Root { root, heads })?;
        }
        return Ok(());
    }
    let mut after = 0;
    loop {
        let batch = roots::list_after(tx, after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(());
        };
        after = last.seq;
        for root in batch {
            let heads = proven(tx, root.seq, heads).await?;
            writer.add(&Entry::Root { root, heads })?;
        }
        writer.flush().await?;
    }
}

/// Those of the heads that a root holds, with their way to it.
async fn proven(tx: &mut Tx, root_seq: i64, heads: &[Head]) -> Result<Vec<ProvenHead>, Fault> {
    let leaves = roots::heads_of(tx, root_seq).await?;
    let mut proven = Vec::new();
    for (position, leaf) in leaves.iter().enumerate() {
        if !heads.contains(leaf) {
            continue;
        }
        let path = roots::path_to(&leaves, position)
            .ok_or_else(|| Fault::other("a leaf lies outside its tree"))?;
        proven.push(ProvenHead {
            head: leaf.clone(),
            position: u64::try_from(position).map_err(Fault::other)?,
            path,
        });
    }
    Ok(proven)
}

async fn write_chain(app: &App, head: Head, writer: &mut Writer) -> Result<(), Fault> {
    let mut tx = app.db.read().await?;
    let checkpoint = retention::checkpoint_of(&mut tx, &head.chain).await?;
    drop(tx);
    let (chain, last) = (head.chain.clone(), head.seq);
    let mut after = checkpoint
        .as_ref()
        .map_or(0, |checkpoint| checkpoint.through_seq);
    writer.add(&Entry::Chain { head, checkpoint })?;
    while after < last {
        let mut tx = app.db.read().await?;
        let batch = search::after(&mut tx, &chain, after, BATCH.min(last - after)).await?;
        drop(tx);
        let Some(end) = batch.last() else {
            return Err(Fault::other(format!(
                "chain {chain} has no line after {after}"
            )));
        };
        after = end.seq;
        for line in batch {
            writer.add(&Entry::Line(line))?;
        }
        writer.flush().await?;
    }
    Ok(())
}

/// Entries as bytes, counted and hashed.
struct Writer {
    pieces: mpsc::Sender<Result<Bytes, Fault>>,
    pending: Vec<u8>,
    hash: digest::Context,
    entries: u64,
}

impl Writer {
    fn new(pieces: mpsc::Sender<Result<Bytes, Fault>>) -> Self {
        Writer {
            pieces,
            pending: Vec::new(),
            hash: digest::Context::new(&digest::SHA256),
            entries: 0,
        }
    }

    fn add(&mut self, entry: &Entry) -> Result<(), Fault> {
        let mut bytes = serde_json::to_vec(entry).map_err(Fault::other)?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        self.entries += 1;
        self.pending.extend_from_slice(&bytes);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        let piece = Bytes::from(std::mem::take(&mut self.pending));
        self.pieces
            .send(Ok(piece))
            .await
            .map_err(|_| Fault::other("whoever wanted the export is gone"))
    }
}
