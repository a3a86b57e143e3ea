//! How much may be done at once, and how fast that fills up again.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

/// A number of requests at once, then one more each time a period has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many at once.
    pub at_once: NonZeroU32,
    /// Milliseconds until there is one more.
    pub one_more_ms: u64,
}

impl Budget {
    /// A budget of the table, which is checked when the program is built.
    #[must_use]
    pub const fn new(at_once: u32, one_more_ms: u64) -> Self {
        assert!(one_more_ms > 0, "a budget fills up again");
        match NonZeroU32::new(at_once) {
            Some(at_once) => Budget {
                at_once,
                one_more_ms,
            },
            None => panic!("a budget lets something through"),
        }
    }

    /// The same as the library counts it.
    pub(super) fn quota(self) -> Quota {
        Quota::with_period(Duration::from_millis(self.one_more_ms))
            .expect("the constructor takes no period of zero")
            .allow_burst(self.at_once)
    }
}
