//! What stories share: a service with everything it has, people with browsers,
//! and the sandbox's mailbox. People see pages, fill the forms they find and
//! follow addresses; only checks look into the database.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs)]

pub mod app;
pub mod browser;
pub mod call;
pub mod messages;
pub mod page;
pub mod people;

pub use app::TestApp;
pub use browser::Browser;
pub use page::Page;
pub use people::{Citizen, Officer};

use std::time::{Duration, Instant};

/// Far longer than anything takes: a story that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until something is so; says what it was that never came.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
