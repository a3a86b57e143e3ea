//! Every target on its seeds, on changes of them and on any bytes, without a
//! fuzzer.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::TARGETS;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = entries
        .map(|entry| fs::read(entry.expect("a folder can be read").path()).expect("a seed"))
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

/// A seed, part of which is replaced by any bytes.
fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::collection::vec(any::<u8>(), 0..40);
    (
        prop::sample::select(seeds),
        any::<prop::sample::Index>(),
        0_usize..40,
        piece,
    )
        .prop_map(|(mut data, at, gone, piece)| {
            let at = at.index(data.len() + 1);
            let end = (at + gone).min(data.len());
            data.splice(at..end, piece);
            data
        })
}

#[test]
fn whatever_strangers_send_is_borne() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        for seed in &seeds {
            target(seed);
        }
        proptest!(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() }, |(data in changed(seeds))| {
            target(&data);
        });
    }
}
