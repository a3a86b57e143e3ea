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

/// No word stands outside the page's text area, to a point or two of hanging punctuation.
pub fn assert_inside_margins(pdf: &[u8]) {
    let file = TemporaryFile::new(pdf, "pdf");
    let outcome = run("pdftotext", &["-bbox", file.path(), "-"]);
    assert!(outcome.success, "{}", outcome.text);
    let words: Vec<(&str, f64, f64)> = outcome
        .text
        .lines()
        .filter(|line| line.contains("<word"))
        .map(|line| (line, attribute(line, "xMin"), attribute(line, "xMax")))
        .collect();
    assert!(!words.is_empty());
    for (word, left, right) in words {
        // 22 mm on each side of 210 mm.
        assert!(
            left > 60.0 && right < 536.0,
            "a word runs from {left} to {right}: {word}"
        );
    }
}

fn attribute(line: &str, name: &str) -> f64 {
    let start = line.find(name).unwrap() + name.len() + 2;
    let length = line[start..].find('"').unwrap();
    line[start..start + length].parse().unwrap()
}
