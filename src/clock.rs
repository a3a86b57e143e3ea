//! Time as an argument. Operations receive `now`; only the edges ask the
//! [`Clock`]. Instants are milliseconds since 1970 in UTC, in the database and
//! in memory; zones belong to units and are applied when a person reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant moved by a number of minutes, which may be negative.
    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Self {
        Timestamp(self.0.saturating_add(minutes.saturating_mul(60_000)))
    }

    /// This instant moved by a number of seconds, which may be negative.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }

    /// This instant moved by a number of milliseconds, which may be negative.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Timestamp(self.0.saturating_add(millis))
    }

    /// Seconds since the epoch, as JWT and OpenID Connect count them.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The instant as a UTC date-time; instants out of chrono's range become the epoch.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// The instant as a clock on the wall of that zone shows it.
    #[must_use]
    pub fn in_zone(self, zone: Tz) -> DateTime<Tz> {
        self.utc().with_timezone(&zone)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(value: DateTime<Utc>) -> Self {
        Timestamp(value.timestamp_millis())
    }
}

/// Where `now` comes from: the machine, or a test that sets it by hand.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is set.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Clock::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Utc::now().into(),
            Clock::Fixed(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Sets a fixed clock; the machine's clock cannot be set and stays as it is.
    pub fn set(&self, to: Timestamp) {
        if let Clock::Fixed(at) = self {
            at.store(to.0, Ordering::SeqCst);
        }
    }
}
