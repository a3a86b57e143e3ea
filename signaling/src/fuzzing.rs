//! A door for fuzzers: everything of a node that reads what strangers send, as
//! functions of bytes.
//!
//! Each target may be called with anything and must return: a panic, an endless
//! loop or unbounded memory is a defect of the node. Besides, each holds what it
//! drives against a few promises. `fuzz/` runs them under libFuzzer (`make
//! fuzz`), and the test below plays the seeds and many changes of them on every
//! run of the tests. Nothing here is part of a node: the module exists for tests
//! and under the feature `fuzzing` only.

pub(crate) mod input;
mod json;
mod packets;
mod sdp;
#[cfg(test)]
mod smoke;

/// A target: its name, which is also that of its seeds, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("stun", packets::stun),
    ("demux", demux),
    ("rtp", packets::rtp),
    ("rtcp", packets::rtcp),
    ("sdp_answer", sdp::answer),
    ("client_json", json::client),
    ("control_json", json::control),
    ("transport", crate::lean::fuzzing::drive),
];

/// Runs the target of that name.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a fuzzer names a target of this list");
    target(data);
}

/// A worker on transports that do nothing: whose a datagram is.
fn demux(data: &[u8]) {
    crate::worker::fuzzing::demux(data);
}
