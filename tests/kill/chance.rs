//! Chance that can be repeated: everything random in these tests follows from
//! one printed seed. What the machine does with it, of course, does not.

use std::sync::{Arc, Mutex};

/// A small generator (SplitMix64); nothing secret depends on it.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<u64>>);

impl Chance {
    /// From the environment, or from the clock; says which.
    pub fn new(test: &str) -> Self {
        let seed = std::env::var("VISIOPLAINTE_KILL_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                u64::from(since.unwrap().subsec_nanos())
            });
        println!("{test}: VISIOPLAINTE_KILL_SEED={seed}");
        Chance(Arc::new(Mutex::new(seed)))
    }

    /// A number below a bound.
    pub fn below(&self, bound: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    pub fn coin(&self) -> bool {
        self.below(2) == 0
    }
}

/// How many kills a test makes.
pub fn kills() -> u64 {
    let given = std::env::var("VISIOPLAINTE_KILLS").ok();
    given.and_then(|kills| kills.parse().ok()).unwrap_or(200)
}
