//! `journal`: checks the journal in its database or as a file, writes it as a
//! file, and prints the key such a file is checked with.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::app::App;
use crate::audit::memory::Remembered;
use crate::audit::verify::{self, Broken};
use crate::audit::{export, file};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{hex, unhex};
use crate::error::Fault;
use crate::keys::journal::PUBLIC_LENGTH;
use crate::keys::{Keys, Masters};

/// Verifies every chain and root of the database.
pub(super) async fn verify(config: Config) -> Result<ExitCode, Fault> {
    let app = App::open(config, Clock::System).await?;
    // Before the database: what is remembered was in it by then.
    let remembered = Remembered::read(&app.config.data_dir)?;
    let mut tx = app.db.read().await?;
    let checked = match remembered {
        Some(root) if !root.is_held(&mut tx).await? => Err(Broken::Forgotten(root.seq)),
        _ => verify::verify_all(&mut tx, app.keys.journal_public()).await?,
    };
    Ok(match checked {
        Ok(read) => {
            println!(
                "journal: {} lines, {} signed roots, every chain is whole",
                read.lines, read.roots
            );
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("journal: {broken}");
            ExitCode::FAILURE
        }
    })
}

/// Verifies an exported file; needs no database and no secret.
pub(super) fn verify_file(path: &Path, key: &str) -> Result<ExitCode, Fault> {
    let key = unhex(key)
        .filter(|keys| !keys.is_empty() && keys.len() % PUBLIC_LENGTH == 0)
        .ok_or_else(|| {
            Fault::other("the journal's key is 64 hexadecimal digits, or as many for each key that signed it, as `visioplainte journal key` says them")
        })?;
    let opened =
        File::open(path).map_err(|error| Fault::other(format!("{}: {error}", path.display())))?;
    Ok(match file::check(BufReader::new(opened), &key) {
        Ok(found) => {
            println!(
                "journal: {} chains, {} lines, {} signed roots, written on {}: whole",
                found.chains,
                found.lines,
                found.roots,
                found.written_at.utc().to_rfc3339()
            );
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("journal: {broken}");
            ExitCode::FAILURE
        }
    })
}

/// Writes every chain and root to standard output.
pub(super) async fn export(config: Config) -> Result<ExitCode, Fault> {
    let app = App::open(config, Clock::System).await?;
    let mut pieces = export::begin(app, export::Scope::Everything);
    let mut out = std::io::stdout().lock();
    while let Some(piece) = pieces.recv().await {
        out.write_all(&piece?).map_err(Fault::other)?;
    }
    out.flush().map_err(Fault::other)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the public key.
pub(super) fn key(config: &Config) -> Result<ExitCode, Fault> {
    let keys = Keys::from_masters(&Masters::of(config)?);
    println!("{}", hex(keys.journal_public()));
    Ok(ExitCode::SUCCESS)
}
