//! Runs the independent programs.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A file of this test run, removed with the value.
pub struct TemporaryFile(pub PathBuf);

impl TemporaryFile {
    pub fn new(bytes: &[u8], extension: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(
            "documents-{}-{number}.{extension}",
            std::process::id()
        ));
        std::fs::File::create(&path)
            .unwrap()
            .write_all(bytes)
            .unwrap();
        Self(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What a program wrote, and whether it succeeded.
pub struct Outcome {
    pub success: bool,
    pub text: String,
}

pub fn run(program: &str, arguments: &[&str]) -> Outcome {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("this test needs `{program}` (Debian: poppler-utils, qpdf, openssl): {error}")
        });
    Outcome {
        success: output.status.success(),
        text: String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
    }
}

/// The text of a PDF on one line, with plain spaces and no soft breaks.
pub fn text_of(pdf: &[u8]) -> String {
    let file = TemporaryFile::new(pdf, "pdf");
    let outcome = run("pdftotext", &["-enc", "UTF-8", file.path(), "-"]);
    assert!(outcome.success, "{}", outcome.text);
    outcome
        .text
        .replace(['\u{200B}', '\u{AD}'], "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What `pdfinfo` says of the file.
pub fn info_of(pdf: &[u8], option: &str) -> String {
    let file = TemporaryFile::new(pdf, "pdf");
    let outcome = run("pdfinfo", &[option, file.path()]);
    assert!(outcome.success, "{}", outcome.text);
    outcome.text
}

/// `qpdf --check` finds no error.
pub fn assert_well_formed(pdf: &[u8]) {
    let file = TemporaryFile::new(pdf, "pdf");
    let outcome = run("qpdf", &["--check", file.path()]);
    assert!(outcome.success, "{}", outcome.text);
    assert!(
        outcome
            .text
            .contains("No syntax or stream encoding errors found"),
        "{}",
        outcome.text
    );
}
