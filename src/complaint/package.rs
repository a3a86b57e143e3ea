//! The hand-off package: a folder with the signed documents, the proof of the
//! person's decision, structured data, the journal's extract, and a list of
//! the hash of every file. Anybody can check it without this service.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::keys::sha256_hex;

/// Name of the list of hashes.
pub const MANIFEST: &str = "manifest.json";
/// Format of the package.
pub const FORMAT: &str = "visioplainte-package/1";

/// The list of hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Identifier of the package; a repeated delivery has the same.
    pub package: String,
    /// Number of the procedure.
    pub number: String,
    /// File names and the SHA-256 of their content, in hexadecimal.
    pub files: BTreeMap<String, String>,
}

/// What is wrong with a package.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPackage {
    /// There is no readable list of hashes.
    #[error("the list of hashes cannot be read")]
    Manifest,
    /// A file is missing.
    #[error("{0} is missing")]
    Missing(String),
    /// A file is not the one that was listed.
    #[error("{0} was changed")]
    Changed(String),
    /// A file is not listed.
    #[error("{0} is not listed")]
    Unlisted(String),
}

/// Writes a package under its final name only once it is whole.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_folder(
    inbox: &Path,
    package: &str,
    number: &str,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<String, Fault> {
    let target = inbox.join(package);
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        package: package.to_owned(),
        number: number.to_owned(),
        files: files
            .iter()
            .map(|(name, bytes)| (name.clone(), sha256_hex(bytes)))
            .collect(),
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(Fault::other)?;
    if target.exists() {
        // Delivered before a crash kept us from noting it: that one counts.
        let delivered = fs::read(target.join(MANIFEST)).map_err(Fault::other)?;
        return Ok(sha256_hex(&delivered));
    }
    let partial = inbox.join(format!(".{package}.part"));
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(Fault::other)?;
    }
    fs::create_dir_all(&partial).map_err(Fault::other)?;
    for (name, bytes) in files {
        write_durably(&partial.join(name), bytes)?;
    }
    write_durably(&partial.join(MANIFEST), &text)?;
    fs::rename(&partial, &target).map_err(Fault::other)?;
    Ok(sha256_hex(&text))
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    use std::io::Write;
    let mut file = fs::File::create(path).map_err(Fault::other)?;
    file.write_all(bytes).map_err(Fault::other)?;
    file.sync_all().map_err(Fault::other)
}

/// Checks a delivered folder against its own list; gives how many files it lists.
///
/// # Errors
/// The first thing found wrong.
pub fn verify_folder(folder: &Path) -> Result<usize, BadPackage> {
    let text = fs::read(folder.join(MANIFEST)).map_err(|_| BadPackage::Manifest)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| BadPackage::Manifest)?;
    if manifest.format != FORMAT {
        return Err(BadPackage::Manifest);
    }
    for (name, expected) in &manifest.files {
        if name.contains(['/', '\\']) {
            return Err(BadPackage::Manifest);
        }
        let bytes = fs::read(folder.join(name)).map_err(|_| BadPackage::Missing(name.clone()))?;
        if sha256_hex(&bytes) != *expected {
            return Err(BadPackage::Changed(name.clone()));
        }
    }
    let entries = fs::read_dir(folder).map_err(|_| BadPackage::Manifest)?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != MANIFEST && !manifest.files.contains_key(&name) {
            return Err(BadPackage::Unlisted(name));
        }
    }
    Ok(manifest.files.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_whole_or_found_out() {
        let inbox = tempfile::tempdir().unwrap();
        let files = BTreeMap::from([
            ("a.pdf".to_owned(), b"un".to_vec()),
            ("b.json".to_owned(), b"deux".to_vec()),
        ]);
        let first = write_folder(inbox.path(), "p1", "2026/1", &files).unwrap();
        assert_eq!(
            write_folder(inbox.path(), "p1", "2026/1", &files).unwrap(),
            first
        );
        let folder = inbox.path().join("p1");
        assert_eq!(verify_folder(&folder), Ok(2));
        fs::write(folder.join("a.pdf"), b"autre").unwrap();
        assert_eq!(
            verify_folder(&folder),
            Err(BadPackage::Changed("a.pdf".into()))
        );
        fs::write(folder.join("a.pdf"), b"un").unwrap();
        fs::write(folder.join("c"), b"").unwrap();
        assert_eq!(
            verify_folder(&folder),
            Err(BadPackage::Unlisted("c".into()))
        );
        fs::remove_file(folder.join("c")).unwrap();
        fs::remove_file(folder.join("b.json")).unwrap();
        assert_eq!(
            verify_folder(&folder),
            Err(BadPackage::Missing("b.json".into()))
        );
        fs::write(folder.join(MANIFEST), b"{").unwrap();
        assert_eq!(verify_folder(&folder), Err(BadPackage::Manifest));
    }
}
