//! The last signed root, remembered in the data folder. Roots name the one before,
//! which shows any that were taken out of the middle; that the last ones, or all of
//! them, were taken out shows only to whoever remembers them. So the keeper does,
//! outside the database, and signs nothing that does not follow what it remembers.
//!
//! It does not know what a root holds.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::roots::SignedRoot;
use crate::db::Tx;
use crate::error::Fault;
use crate::fetch_optional;

/// The file, in the data folder.
pub const FILE: &str = "journal-root.json";

/// A root as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its number.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl From<&SignedRoot> for Remembered {
    fn from(root: &SignedRoot) -> Self {
        Remembered {
            seq: root.seq,
            hash: root.hash.clone(),
        }
    }
}

impl Remembered {
    /// Reads what a data folder remembers; none before the first root.
    ///
    /// # Errors
    /// When the file is there but cannot be read or understood: forgetting would
    /// be what somebody wants who spoilt it.
    pub fn read(folder: &Path) -> Result<Option<Self>, Fault> {
        let path = folder.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(told(&path, error)),
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| told(&path, error))
    }

    /// Remembers it in place of another; whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Fault> {
        let path = folder.join(FILE);
        // Two processes may share a folder.
        let fresh = folder.join(format!("{FILE}.{}", std::process::id()));
        let bytes = serde_json::to_vec(self).map_err(Fault::other)?;
        let written = File::create(&fresh).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        written
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|error| told(&path, error))
    }

    /// Whether the database still holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_held(&self, tx: &mut Tx) -> Result<bool, Fault> {
        let row = fetch_optional!(
            tx,
            (String,),
            "select hash from journal_roots where seq = $1",
            self.seq
        )?;
        Ok(row.is_some_and(|(hash,)| hash == self.hash))
    }
}

fn told(path: &Path, error: impl std::fmt::Display) -> Fault {
    let path: PathBuf = path.to_owned();
    Fault::other(format!("{}: {error}", path.display()))
}
