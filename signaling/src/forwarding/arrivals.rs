//! Each packet of a source is forwarded once, and counted: what came, and what
//! should have come.

use super::is_before;

/// Which packets of one source were already seen, in a window of 1024, so that
/// a packet repaired twice is forwarded once; and how many should have come.
#[derive(Debug)]
pub(crate) struct Arrivals {
    window: [u64; Self::WORDS],
    highest: Option<u16>,
    expected: u64,
    received: u64,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            window: [0; Self::WORDS],
            highest: None,
            expected: 0,
            received: 0,
        }
    }
}

impl Arrivals {
    const WORDS: usize = 16;
    /// A packet may be late by fewer than so many others.
    pub(super) const SIZE: u16 = 1024;

    /// Notes a packet; false if it was here before or is too old to tell.
    pub fn note(&mut self, sequence: u16) -> bool {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            self.expected += 1;
            self.received += 1;
            self.set(sequence);
            return true;
        };
        if is_before(highest, sequence) {
            let ahead = sequence.wrapping_sub(highest);
            if ahead >= Self::SIZE {
                // The source jumped: what came before says nothing any more.
                self.window = [0; Self::WORDS];
                self.expected += 1;
            } else {
                for step in 1..=ahead {
                    self.clear(highest.wrapping_add(step));
                }
                self.expected += u64::from(ahead);
            }
            self.highest = Some(sequence);
        } else if highest.wrapping_sub(sequence) >= Self::SIZE || self.is_set(sequence) {
            return false;
        }
        self.set(sequence);
        self.received += 1;
        true
    }

    /// Another source follows. What was counted stays.
    pub fn change_source(&mut self) {
        self.window = [0; Self::WORDS];
        self.highest = None;
    }

    /// (expected, received) since the beginning; received may be the larger one
    /// for a moment when a source starts out of order.
    pub fn totals(&self) -> (u64, u64) {
        (self.expected, self.received)
    }

    fn place(sequence: u16) -> (usize, u64) {
        let bit = usize::from(sequence % Self::SIZE);
        (bit / 64, 1 << (bit % 64))
    }

    fn set(&mut self, sequence: u16) {
        let (word, mask) = Self::place(sequence);
        self.window[word] |= mask;
    }

    fn clear(&mut self, sequence: u16) {
        let (word, mask) = Self::place(sequence);
        self.window[word] &= !mask;
    }

    fn is_set(&self, sequence: u16) -> bool {
        let (word, mask) = Self::place(sequence);
        self.window[word] & mask != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_counts_once() {
        for (case, sequences, fresh, totals) in [
            ("in order", vec![1, 2, 3], vec![true, true, true], (3, 3)),
            ("twice", vec![1, 1], vec![true, false], (1, 1)),
            (
                "repaired, then again",
                vec![1, 3, 2, 2],
                vec![true, true, true, false],
                (3, 3),
            ),
            ("lost", vec![1, 4], vec![true, true], (4, 2)),
            (
                "around the corner",
                vec![65_535, 0, 65_535, 1],
                vec![true, true, false, true],
                (3, 3),
            ),
            ("far too old", vec![5_000, 3_000], vec![true, false], (1, 1)),
            ("a jump", vec![1, 9_000], vec![true, true], (2, 2)),
        ] {
            let mut arrivals = Arrivals::default();
            let noted: Vec<bool> = sequences.iter().map(|s| arrivals.note(*s)).collect();
            assert_eq!(noted, fresh, "{case}");
            assert_eq!(arrivals.totals(), totals, "{case}");
        }
    }

    #[test]
    fn what_a_former_source_sent_does_not_count_against_the_next() {
        let mut arrivals = Arrivals::default();
        assert!(arrivals.note(30_000) && arrivals.note(30_002));
        arrivals.change_source();
        assert!(arrivals.note(28_000), "far behind the former");
        assert!(arrivals.note(28_001) && !arrivals.note(28_000));
        assert!(arrivals.note(30_002), "the same number as the former's");
        assert_eq!(arrivals.totals(), (3 + 3, 5));
    }
}
