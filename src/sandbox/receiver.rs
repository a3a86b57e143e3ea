//! The sandbox's receiving software: takes packages from the inbox, checks
//! them and answers, as a unit's registry would. It knows the package's format
//! and nothing else of this service.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::complaint::package::{MANIFEST, verify_folder};
use crate::error::Fault;
use crate::keys::sha256_hex;

const PAUSE: Duration = Duration::from_millis(700);

/// Answers every package that has no answer yet, until `shutdown`.
pub async fn run(handoff_dir: PathBuf, shutdown: CancellationToken) {
    let inbox = handoff_dir.join("inbox");
    while !shutdown.is_cancelled() {
        let folder = inbox.clone();
        match tokio::task::spawn_blocking(move || answer_all(&folder)).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::error!(%fault, "sandbox receiver: {fault}"),
            Err(error) => tracing::error!(%error, "sandbox receiver: {error}"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn answer_all(inbox: &Path) -> Result<(), Fault> {
    let Ok(entries) = fs::read_dir(inbox) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let folder = entry.path();
        let answer = inbox.join(format!("{name}.answer.json"));
        if name.starts_with('.') || !folder.is_dir() || answer.exists() {
            continue;
        }
        let manifest = fs::read(folder.join(MANIFEST)).unwrap_or_default();
        let (accepted, reason) = match verify_folder(&folder) {
            Ok(_) => (true, String::new()),
            Err(wrong) => (false, wrong.to_string()),
        };
        let text = serde_json::json!({
            "package": name,
            "manifest_sha256": sha256_hex(&manifest),
            "accepted": accepted,
            "reason": reason,
        });
        // Under its final name only when whole: the other side may be reading.
        let partial = inbox.join(format!(".{name}.answer.part"));
        fs::write(&partial, text.to_string()).map_err(Fault::other)?;
        fs::rename(&partial, &answer).map_err(Fault::other)?;
    }
    Ok(())
}
