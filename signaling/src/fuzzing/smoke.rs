//! Every target on its seeds and on many changes of them, without a fuzzer: the
//! same changes in every run.

use std::fs;
use std::path::{Path, PathBuf};

use super::TARGETS;

/// Changes tried for each target. `make fuzz` tries millions.
const CHANGES: usize = 2_000;
/// Where every step may make a transport.
const DEAR_CHANGES: usize = 60;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder can be read").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("a seed can be read"))
        .collect()
}

/// Numbers that look random and are the same each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

fn change(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(data.len());
        let end = at + dice.roll(data.len() - at.min(data.len()) + 1);
        let end = end.min(data.len());
        match dice.roll(7) {
            0 if !data.is_empty() => data[at] ^= 1 << dice.roll(8),
            1 if !data.is_empty() => data[at] = [0, 1, 0x7f, 0x80, 0xff, b'-'][dice.roll(6)],
            2 => data.truncate(at),
            3 => drop(data.drain(at..end)),
            4 => {
                let again = data[at..end].to_vec();
                data.splice(at..at, again);
            }
            5 => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len());
                data.truncate(at);
                data.extend(&other[from..]);
            }
            _ => data.insert(at, dice.roll(256) as u8),
        }
        data.truncate(16 * 1024);
    }
    data
}

fn play(name: &str, changes: usize) {
    let (_, target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("the target is in the list");
    play_with(name, *target, changes);
}

fn play_with(name: &str, target: fn(&[u8]), changes: usize) {
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for seed in &seeds {
        target(seed);
    }
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for number in 0..changes {
        let data = change(&mut dice, &seeds);
        if let Err(panic) = std::panic::catch_unwind(|| target(&data)) {
            eprintln!("{name}, change {number}: {data:02x?}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn stun_bears_anything() {
    play("stun", CHANGES);
}

#[test]
fn whose_a_datagram_is_bears_anything() {
    play("demux", CHANGES);
}

#[test]
fn rtp_bears_anything() {
    play("rtp", CHANGES);
}

#[test]
fn rtcp_bears_anything() {
    play("rtcp", CHANGES);
}

#[test]
fn an_answer_bears_anything() {
    play("sdp_answer", CHANGES);
}

#[test]
fn messages_of_a_page_bear_anything() {
    play("client_json", CHANGES);
}

#[test]
fn messages_of_a_service_bear_anything() {
    play("control_json", CHANGES);
}

#[test]
fn a_transport_bears_anything() {
    play("transport", CHANGES);
}

#[test]
fn a_worker_on_such_transports_bears_anything() {
    play_with("demux", crate::worker::fuzzing::transport, DEAR_CHANGES);
}
