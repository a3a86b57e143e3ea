//! How long to wait before the next try: the twin of `web/src/call/backoff.ts`.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const MOST: Duration = Duration::from_millis(4000);

/// The wait before try number `attempt`; `chance` is in [0, 1). The first try
/// after a line that held is made at once: most breaks are short.
pub fn retry_delay(attempt: u32, chance: f64) -> Duration {
    let Some(doublings) = attempt.checked_sub(1) else {
        return Duration::ZERO;
    };
    let whole = FIRST.saturating_mul(1 << doublings.min(10)).min(MOST);
    whole / 2 + (whole / 2).mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_at_once_then_quickly_then_slowly() {
        for (attempt, chance, millis) in [
            (0, 0.9, 0),
            (1, 0.0, 100),
            (1, 1.0, 200),
            (2, 0.0, 200),
            (4, 0.5, 1200),
            (11, 0.0, 2000),
            (u32::MAX, 1.0, 4000),
        ] {
            assert_eq!(
                retry_delay(attempt, chance),
                Duration::from_millis(millis),
                "{attempt} {chance}"
            );
        }
    }
}
