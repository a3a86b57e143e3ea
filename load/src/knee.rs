//! Looks for the largest number of rooms that a server keeps, with as few runs as
//! that takes: roughly first, then several runs on either side of the edge.

use std::collections::BTreeMap;

use crate::report::median;

/// Neighbouring numbers of rooms differ by so much.
const STEP: f64 = 1.05;
/// As far as anybody looks.
const MOST: f64 = 1000.0;

/// What decides about one run.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    /// Share of packets lost.
    pub loss: f64,
    /// 99 of 100 packets within so many milliseconds.
    pub p99_ms: f64,
}

/// Loss and latency that are still kept.
pub const MOST_LOSS: f64 = 0.001;
/// See [`MOST_LOSS`].
pub const MOST_P99_MS: f64 = 20.0;

impl Verdict {
    /// Whether the server kept what it must.
    pub fn keeps(&self) -> bool {
        self.loss < MOST_LOSS && self.p99_ms < MOST_P99_MS
    }
}

/// A search under way.
pub struct Knee {
    grid: Vec<usize>,
    start: usize,
    runs: BTreeMap<usize, Vec<Verdict>>,
    deciding: usize,
    most_runs: usize,
}

impl Knee {
    /// Begins near a guess; each side of the edge is run `deciding` times.
    pub fn new(guess: usize, deciding: usize, most_runs: usize) -> Self {
        let mut grid = Vec::new();
        let mut rooms = 10.0_f64;
        while rooms < MOST {
            grid.push(rooms.round() as usize);
            rooms = (rooms * STEP).max(rooms + 1.0);
        }
        let start = grid
            .partition_point(|rooms| *rooms < guess)
            .min(grid.len() - 1);
        Self {
            grid,
            start,
            runs: BTreeMap::new(),
            deciding,
            most_runs,
        }
    }

    /// Takes the outcome of a run of so many rooms; numbers that were not asked
    /// for count as well if they are of the grid.
    pub fn note(&mut self, rooms: usize, verdict: Verdict) {
        if let Ok(at) = self.grid.binary_search(&rooms) {
            self.runs.entry(at).or_default().push(verdict);
        }
    }

    fn keeps(&self, runs: &[Verdict]) -> bool {
        Verdict {
            loss: median(runs.iter().map(|run| run.loss).collect()),
            p99_ms: median(runs.iter().map(|run| run.p99_ms).collect()),
        }
        .keeps()
    }

    /// The lowest number that fails, and the highest below it that is kept.
    fn edge(&self) -> (Option<usize>, Option<usize>) {
        let failing = self
            .runs
            .iter()
            .find(|(_, runs)| !self.keeps(runs))
            .map(|(at, _)| *at);
        let kept = self
            .runs
            .keys()
            .copied()
            .filter(|at| failing.is_none_or(|failing| *at < failing))
            .max();
        (kept, failing)
    }

    /// How many rooms to run next; none once it is decided.
    pub fn next(&self) -> Option<usize> {
        let done: usize = self.runs.values().map(Vec::len).sum();
        if done >= self.most_runs {
            return None;
        }
        let last = self.grid.len() - 1;
        let at = match self.edge() {
            (None, None) => self.start,
            // Three steps are 16 per cent.
            (Some(kept), None) if kept < last => (kept + 3).min(last),
            (None, Some(failing)) if failing > 0 => failing.saturating_sub(3),
            (Some(kept), Some(failing)) if failing - kept > 1 => kept.midpoint(failing),
            (kept, failing) => [kept, failing]
                .into_iter()
                .flatten()
                .filter(|at| self.runs[at].len() < self.deciding)
                .min_by_key(|at| self.runs[at].len())?,
        };
        Some(self.grid[at])
    }

    /// The largest number that is kept.
    pub fn answer(&self) -> usize {
        self.edge().0.map_or(0, |at| self.grid[at])
    }

    /// Whether both sides of the edge were run as often as they should.
    pub fn is_decided(&self) -> bool {
        let enough = |at: usize| self.runs[&at].len() >= self.deciding;
        matches!(self.edge(), (Some(kept), Some(failing)) if failing == kept + 1 && enough(kept) && enough(failing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(guess: usize, verdict: impl Fn(usize, usize) -> Verdict) -> (Knee, usize) {
        let mut knee = Knee::new(guess, 3, 40);
        let mut runs = 0;
        while let Some(rooms) = knee.next() {
            knee.note(rooms, verdict(rooms, runs));
            runs += 1;
        }
        (knee, runs)
    }

    #[test]
    fn the_edge_is_found_from_any_guess() {
        for guess in [10, 80, 250, 420, 900] {
            let (knee, runs) = search(guess, |rooms, _| Verdict {
                loss: if rooms > 300 { 0.07 } else { 0.0 },
                p99_ms: 2.0,
            });
            let answer = knee.answer();
            assert!(
                answer <= 300 && answer as f64 * STEP * STEP > 300.0,
                "{answer}"
            );
            assert!(knee.is_decided());
            assert!(runs < 32, "{guess}: {runs} runs");
        }
    }

    #[test]
    fn one_bad_run_does_not_decide() {
        let (knee, _) = search(100, |rooms, run| Verdict {
            loss: 0.0,
            p99_ms: if rooms > 120 || run == 0 { 90.0 } else { 3.0 },
        });
        assert!((110..=120).contains(&knee.answer()), "{}", knee.answer());
    }

    #[test]
    fn what_keeps_nothing_has_no_edge() {
        let (knee, runs) = search(40, |_, _| Verdict {
            loss: 1.0,
            p99_ms: 0.0,
        });
        assert_eq!(knee.answer(), 0);
        assert!(!knee.is_decided());
        assert!(runs < 20);
    }
}
