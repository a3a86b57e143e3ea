//! The master secrets: the setting `master_key`, or else the file `master.key` of the
//! data folder, made the first time. To replace one, `visioplainte keys rotate` writes
//! another first line; the former stays below it until `keys reseal` has sealed
//! everything anew, and `keys forget` takes it out. Of a former one that is gone its
//! public journal key stays, by which old roots are still checked, and the keys of its
//! marks, by which equal things are recognised unread: what was marked stays marked.
//!
//! ```text
//! 0f…e1 2026-11-23T08:00:00Z     the present one, and since when it is
//! 77…02                          the former, which still opens what it sealed
//! journal 9a…4c                  public journal key of one that is forgotten
//! marks 5d…0b c3…88 e2…71        keys of the marks, of the very first one
//! ```

use std::path::Path;

use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::{hex, random_bytes, unhex};
use crate::error::Fault;

const FILE: &str = "master.key";

/// One master secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Master {
    /// 256 random bits.
    pub secret: [u8; 32],
    /// Since when it is the present one; not known of the first.
    pub since: Option<Timestamp>,
}

impl std::fmt::Debug for Master {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Master")
    }
}

/// The present secret and those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masters {
    current: Master,
    former: Vec<Master>,
    journal_publics: Vec<[u8; 32]>,
    marks: Option<Marks>,
}

/// Keys of the marks of facts, addresses and people.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Marks(pub [[u8; 32]; 3]);

impl std::fmt::Debug for Marks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Marks")
    }
}

impl Marks {
    /// Reads three keys with spaces between them.
    fn parse(text: &str) -> Result<Self, Fault> {
        let keys: Vec<[u8; 32]> = text
            .split_whitespace()
            .map(parse_master)
            .collect::<Result<_, Fault>>()?;
        <[[u8; 32]; 3]>::try_from(keys)
            .map(Marks)
            .map_err(|_| Fault::other("the keys of the marks are three of 64 digits"))
    }
}

impl std::fmt::Display for Marks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.map(|key| hex(&key)).join(" "))
    }
}

impl Masters {
    /// One secret, which has no predecessor.
    #[must_use]
    pub fn only(secret: [u8; 32]) -> Self {
        Masters {
            current: Master {
                secret,
                since: None,
            },
            former: Vec::new(),
            journal_publics: Vec::new(),
            marks: None,
        }
    }

    /// The master secrets of a deployment: its settings, else the data folder's file.
    ///
    /// # Errors
    /// When they cannot be read, or are not what they should be.
    pub fn of(config: &Config) -> Result<Self, Fault> {
        if config.master_key.is_empty() {
            return Self::in_folder(&config.data_dir);
        }
        let secrets = std::iter::once(&config.master_key)
            .chain(&config.former_master_keys)
            .map(|line| parse_line(line))
            .collect::<Result<Vec<Master>, Fault>>()?;
        let publics = config
            .former_journal_keys
            .iter()
            .map(|key| parse_master(key));
        let publics = publics.collect::<Result<_, Fault>>()?;
        let marks = match config.mark_keys.trim() {
            "" => None,
            keys => Some(Marks::parse(keys)?),
        };
        Self::of_lines(secrets, publics, marks)
    }

    fn of_lines(
        secrets: Vec<Master>,
        journal_publics: Vec<[u8; 32]>,
        marks: Option<Marks>,
    ) -> Result<Self, Fault> {
        let mut secrets = secrets.into_iter();
        let current = secrets
            .next()
            .ok_or_else(|| Fault::other("there is no master secret"))?;
        Ok(Masters {
            current,
            former: secrets.collect(),
            journal_publics,
            marks,
        })
    }

    /// Reads the master secrets of a data folder, creating the first (owner-readable
    /// only) where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not what it should be.
    pub fn in_folder(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(FILE);
        std::fs::create_dir_all(folder).map_err(Fault::other)?;
        // Written beside and linked into place: a crash never leaves half a key,
        // and of two processes starting together one wins.
        if !path.exists() {
            let fresh = write_beside(folder, &hex(&random_bytes::<32>()))?;
            let _ = std::fs::hard_link(&fresh, &path);
            std::fs::remove_file(&fresh).map_err(Fault::other)?;
            sync(folder)?;
        }
        let text = std::fs::read_to_string(&path).map_err(Fault::other)?;
        let (mut secrets, mut publics, mut marks) = (Vec::new(), Vec::new(), None);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(key) = line.strip_prefix("journal ") {
                publics.push(parse_master(key.trim())?);
            } else if let Some(keys) = line.strip_prefix("marks ") {
                marks = Some(Marks::parse(keys)?);
            } else {
                secrets.push(parse_line(line)?);
            }
        }
        Self::of_lines(secrets, publics, marks)
    }

    /// Puts these in the place of a data folder's file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Fault> {
        let mut lines: Vec<String> = self.ring().map(line_of).collect();
        let publics = self.journal_publics.iter();
        lines.extend(publics.map(|key| format!("journal {}", hex(key))));
        lines.extend(self.marks.map(|marks| format!("marks {marks}")));
        let fresh = write_beside(folder, &lines.join("\n"))?;
        std::fs::rename(fresh, folder.join(FILE)).map_err(Fault::other)?;
        sync(folder)
    }

    /// Reads, changes and writes the file of a data folder, while nobody else does.
    ///
    /// # Errors
    /// When somebody else does at this moment, or a file cannot be read or written.
    pub fn replace(folder: &Path, change: impl FnOnce(&Self) -> Self) -> Result<Self, Fault> {
        use nix::fcntl::{Flock, FlockArg};
        let lock = std::fs::File::create(folder.join("master.lock")).map_err(Fault::other)?;
        let _held = Flock::lock(lock, FlockArg::LockExclusiveNonblock)
            .map_err(|_| Fault::other("somebody else replaces the master key at this moment"))?;
        let masters = change(&Self::in_folder(folder)?);
        masters.write(folder)?;
        Ok(masters)
    }

    /// Another secret in the place of the present one, which becomes the first of the
    /// former.
    #[must_use]
    pub fn rotated(&self, secret: [u8; 32], now: Timestamp) -> Self {
        let since = Some(now);
        Masters {
            current: Master { secret, since },
            former: self.ring().cloned().collect(),
            journal_publics: self.journal_publics.clone(),
            marks: self.marks,
        }
    }

    /// Without the former ones, of which the public journal keys and the marks stay.
    #[must_use]
    pub fn without_former(&self) -> Self {
        let keys = super::Keys::from_masters(self);
        let publics = keys.journal_public().chunks_exact(32).skip(1);
        Masters {
            current: self.current.clone(),
            former: Vec::new(),
            journal_publics: publics.filter_map(|key| key.try_into().ok()).collect(),
            marks: Some(super::marks_of(self)),
        }
    }

    /// All of them, the present one first.
    pub fn ring(&self) -> impl Iterator<Item = &Master> {
        std::iter::once(&self.current).chain(&self.former)
    }

    /// The present one.
    #[must_use]
    pub fn current(&self) -> &Master {
        &self.current
    }

    /// Whether there are former ones.
    #[must_use]
    pub fn has_former(&self) -> bool {
        !self.former.is_empty()
    }

    /// Keys of the marks, where those that they follow from are forgotten.
    #[must_use]
    pub fn marks(&self) -> Option<Marks> {
        self.marks
    }

    /// Public journal keys of those that are forgotten, the newest first.
    #[must_use]
    pub fn journal_publics(&self) -> &[[u8; 32]] {
        &self.journal_publics
    }
}

/// How a master secret is written in the file, and in settings.
#[must_use]
pub fn line_of(master: &Master) -> String {
    let secret = hex(&master.secret);
    match master.since {
        Some(since) => format!("{secret} {}", since.utc().to_rfc3339()),
        None => secret,
    }
}

fn parse_line(line: &str) -> Result<Master, Fault> {
    let (secret, since) = match line.trim().split_once(' ') {
        Some((secret, since)) => (secret, Some(since.trim())),
        None => (line.trim(), None),
    };
    let since = since
        .map(|since| {
            chrono::DateTime::parse_from_rfc3339(since)
                .map(|at| Timestamp(at.timestamp_millis()))
                .map_err(|_| Fault::other("the hour behind a master secret is none (RFC 3339)"))
        })
        .transpose()?;
    Ok(Master {
        secret: parse_master(secret)?,
        since,
    })
}

/// Makes what was done in a folder last through a power cut.
fn sync(folder: &Path) -> Result<(), Fault> {
    let opened = std::fs::File::open(folder).map_err(Fault::other)?;
    opened.sync_all().map_err(Fault::other)
}

/// Writes a file of a name of its own, which its owner alone reads.
fn write_beside(folder: &Path, text: &str) -> Result<std::path::PathBuf, Fault> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let fresh = folder.join(format!("master.{}.new", crate::db::random_hex::<4>()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(Fault::other)?;
    file.write_all(text.as_bytes()).map_err(Fault::other)?;
    file.sync_all().map_err(Fault::other)?;
    Ok(fresh)
}

/// Reads a key written as 64 hexadecimal digits.
///
/// # Errors
/// When it is anything else.
pub fn parse_master(text: &str) -> Result<[u8; 32], Fault> {
    unhex(text)
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .ok_or_else(|| Fault::other("the master secret is not 64 hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_master_secret_is_created_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = Masters::in_folder(folder.path()).unwrap();
        assert_eq!(Masters::in_folder(folder.path()).unwrap(), first);
        assert!(!first.has_former());
        for wrong in ["zz", "", "00", "00 2026-11-23T08:00:00Z"] {
            assert!(parse_line(wrong).is_err(), "{wrong}");
        }
        let secret = "11".repeat(32);
        assert!(parse_line(&format!("{secret} yesterday")).is_err());
    }

    #[test]
    fn another_takes_its_place_and_the_former_is_forgotten_later() {
        let folder = tempfile::tempdir().unwrap();
        let first = Masters::in_folder(folder.path()).unwrap();
        let since = Timestamp(1_790_000_000_000);
        first.rotated([7; 32], since).write(folder.path()).unwrap();
        let both = Masters::in_folder(folder.path()).unwrap();
        assert_eq!(both.current().secret, [7; 32]);
        assert_eq!(both.current().since, Some(since));
        assert_eq!(both.ring().nth(1), Some(first.current()));
        both.without_former().write(folder.path()).unwrap();
        let last = Masters::in_folder(folder.path()).unwrap();
        assert!(!last.has_former());
        let old = super::super::Keys::from_masters(&first);
        assert_eq!(last.journal_publics(), [old.journal_public()]);
        let mark = |masters: &Masters| super::super::marks_of(masters);
        assert!(mark(&last) == mark(&first) && mark(&both) == mark(&first));
        assert_eq!(
            super::super::Keys::from_masters(&last).journal_public(),
            super::super::Keys::from_masters(&both).journal_public()
        );
    }
}
