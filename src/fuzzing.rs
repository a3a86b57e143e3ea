//! A door for fuzzers: what the pages read of strangers before anybody is known,
//! as functions of bytes.
//!
//! Each target may be called with anything and must return: a panic, an endless
//! loop or unbounded memory is a defect. Besides, each holds what it drives
//! against a promise. `fuzz/` runs them under libFuzzer (`make fuzz`), and the
//! test below plays the seeds and changes of them on every run of the tests. It
//! exists for tests and under the feature `fuzzing` only.

mod calendar_file;
mod callback;
mod link;
#[cfg(test)]
mod smoke;
mod userinfo;

/// A target: its name, which is also that of its seeds, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("link", link::run),
    ("callback", callback::run),
    ("userinfo", userinfo::run),
    ("calendar_file", calendar_file::run),
];

/// Runs the target of that name.
///
/// # Panics
/// When there is none, or when a promise is broken.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a fuzzer names a target of this list");
    target(data);
}
