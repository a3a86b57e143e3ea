//! The counting itself, in the memory of this process.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{RateLimiter, clock};
use signaling::{Network, Visitor};

use super::budget::Budget;
use super::proven::Proven;
use super::{Entry, TABLE};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Fault;

/// Most identities or addresses counted for one budget at a time. Beyond it
/// nobody is counted for that budget: memory has an end, and refusing somebody
/// who did nothing would be worse.
pub const MOST: usize = 50_000;

/// Those whose budget is full again are forgotten this often.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// What everybody has done lately.
#[derive(Debug)]
pub struct Limits {
    ticks: Ticks,
    proxies: Vec<Network>,
    /// Nobody finds out by trying which others share their place in a table.
    hash: RandomState,
    /// Whom the database knows.
    pub(crate) proven: Proven,
    /// One for each entry of the table: by identity, by address.
    counters: Vec<(Counter, Counter)>,
}

impl Limits {
    /// Nobody has done anything yet. Time is that of `clock`, but does not jump
    /// when somebody sets the machine's.
    ///
    /// # Errors
    /// When a proxy of the settings is none.
    pub fn new(config: &Config, clock: &Clock) -> Result<Self, Fault> {
        let proxies = config.proxies.iter().map(|proxy| proxy.parse());
        let proxies = proxies.collect::<Result<_, _>>().map_err(Fault::other)?;
        let ticks = Ticks {
            clock: clock.clone(),
            began: Instant::now(),
        };
        Ok(Limits {
            proxies,
            proven: Proven::default(),
            counters: TABLE
                .iter()
                .map(
                    |Entry {
                         identity, address, ..
                     }| {
                        (
                            Counter::new(*identity, &ticks),
                            Counter::new(*address, &ticks),
                        )
                    },
                )
                .collect(),
            hash: RandomState::new(),
            ticks,
        })
    }

    /// Who is believed about the address of somebody else, besides this machine.
    pub(super) fn proxies(&self) -> &[Network] {
        &self.proxies
    }

    /// Counts one request of an identity on an entry of the table. What it refuses
    /// costs an address nothing.
    ///
    /// # Errors
    /// How long until there is one more.
    pub fn spend_identity(&self, entry: usize, identity: &str) -> Result<(), Duration> {
        let Some((identities, _)) = self.counters.get(entry) else {
            return Ok(());
        };
        identities.spend(self.hash.hash_one(identity), &self.ticks)
    }

    /// Counts one request from an address on an entry of the table.
    ///
    /// # Errors
    /// How long until there is one more.
    pub fn spend_address(&self, entry: usize, address: Visitor) -> Result<(), Duration> {
        let Some((_, addresses)) = self.counters.get(entry) else {
            return Ok(());
        };
        addresses.spend(self.hash.hash_one(address), &self.ticks)
    }

    /// How many identities and addresses are counted for an entry.
    #[must_use]
    pub fn counted(&self, entry: usize) -> (usize, usize) {
        self.counters
            .get(entry)
            .map_or((0, 0), |(identities, addresses)| {
                (identities.limiter.len(), addresses.limiter.len())
            })
    }
}

type Limiter = RateLimiter<u64, HashMapStateStore<u64>, Ticks, NoOpMiddleware<Duration>>;

#[derive(Debug)]
struct Counter {
    limiter: Limiter,
    /// When the forgetting was last done, in milliseconds of [`Ticks`].
    forgot_at_ms: AtomicU64,
}

impl Counter {
    fn new(budget: Budget, ticks: &Ticks) -> Self {
        let quota = budget.quota();
        Counter {
            limiter: RateLimiter::hashmap_with_clock(quota, ticks.clone()),
            forgot_at_ms: AtomicU64::new(ticks.now_ms()),
        }
    }

    fn spend(&self, key: u64, ticks: &Ticks) -> Result<(), Duration> {
        self.forget(ticks);
        if self.limiter.len() >= MOST {
            return Ok(());
        }
        self.limiter
            .check_key(&key)
            .map_err(|until| until.wait_time_from(ticks.now()))
    }

    /// One request in a while pays for forgetting those whose budget is full.
    fn forget(&self, ticks: &Ticks) {
        let now = ticks.now_ms();
        let before = self.forgot_at_ms.load(Ordering::Relaxed);
        let every = u64::try_from(FORGET_EVERY.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(before) < every {
            return;
        }
        let mine =
            self.forgot_at_ms
                .compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_ok() {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

/// Time as the library asks for it: since this process began, or that of a
/// clock which a test sets by hand.
#[derive(Clone, Debug)]
struct Ticks {
    clock: Clock,
    began: Instant,
}

impl Ticks {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }
}

impl clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        match &self.clock {
            Clock::System => self.began.elapsed(),
            fixed @ Clock::Fixed(_) => {
                Duration::from_millis(u64::try_from(fixed.now().0).unwrap_or_default())
            }
        }
    }
}
