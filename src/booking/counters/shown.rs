//! How a number of people is shown so that it tells of nobody: from one to four it is
//! "fewer than five", and a total over such numbers is rounded down to a multiple of
//! five, lest a subtraction give back what was hidden. Pure.

use std::fmt;

/// From this many on a number is shown.
pub const FEW: i64 = 5;

/// A number as a page or file shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Exactly(i64),
    /// Between one and four.
    Few,
    /// At least so many: some of its parts are few.
    AtLeast(i64),
}

impl Shown {
    /// A number that stands alone.
    #[must_use]
    pub fn of(count: i64) -> Self {
        if (1..FEW).contains(&count) {
            Shown::Few
        } else {
            Shown::Exactly(count)
        }
    }

    /// What a bar is drawn for: the same for every number that is few.
    #[must_use]
    pub fn drawn(self) -> i64 {
        match self {
            Shown::Exactly(count) | Shown::AtLeast(count) => count,
            Shown::Few => FEW / 2,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Exactly(count) => write!(formatter, "{count}"),
            Shown::Few => write!(formatter, "< {FEW}"),
            Shown::AtLeast(count) => write!(formatter, "≥ {count}"),
        }
    }
}

/// The numbers of a column, and their total.
#[must_use]
pub fn column(counts: &[i64]) -> (Vec<Shown>, Shown) {
    let cells: Vec<Shown> = counts.iter().map(|count| Shown::of(*count)).collect();
    let sum: i64 = counts.iter().sum();
    let total = match Shown::of(sum) {
        Shown::Exactly(sum) if cells.contains(&Shown::Few) => Shown::AtLeast(sum / FEW * FEW),
        total => total,
    };
    (cells, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_shown_as_few_and_no_total_gives_them_back() {
        for (counts, cells, total) in [
            (vec![], vec![], "0"),
            (vec![0, 0], vec!["0", "0"], "0"),
            (vec![1], vec!["< 5"], "< 5"),
            (vec![2, 2], vec!["< 5", "< 5"], "< 5"),
            (vec![4, 5], vec!["< 5", "5"], "≥ 5"),
            (vec![3, 12, 0], vec!["< 5", "12", "0"], "≥ 15"),
            (vec![5, 6], vec!["5", "6"], "11"),
        ] {
            let (shown, sum) = column(&counts);
            let shown: Vec<String> = shown.iter().map(ToString::to_string).collect();
            assert_eq!(
                (shown, sum.to_string()),
                (
                    cells.into_iter().map(ToOwned::to_owned).collect(),
                    total.to_owned()
                ),
                "{counts:?}"
            );
        }
        // Whatever few there were, what is drawn is the same.
        let drawn: Vec<i64> = (1..FEW).map(|count| Shown::of(count).drawn()).collect();
        assert!(drawn.iter().all(|bar| *bar == drawn[0]));
    }
}
