//! Looking for a slot and taking it, in a whole country. Figures are lines
//! `bench: name value unit`; `make bench-booking` runs it on SQLite and on a
//! PostgreSQL of its own.

#![allow(clippy::unwrap_used, missing_docs)]

mod contest;
mod country;
mod hoarding;
#[path = "../support/kit.rs"]
mod kit;
mod search;

use visioplainte::app::App;
use visioplainte::calendar::release::ReleaseRule;
use visioplainte::clock::{Clock, Timestamp};
use visioplainte::config::Config;

use kit::tell;

/// A Monday, eight o'clock in Paris in winter: slots are ahead on every desk.
const NOW: Timestamp = Timestamp(1_772_434_800_000);
/// Past appointments of a country that has just begun, and of one in full use.
const SHORT_PAST: i64 = 10_000;
const LONG_PAST: i64 = 1_000_000;

/// Whether a rough run is asked for: a short past, and few attempts.
pub fn quick() -> bool {
    std::env::var("BENCH_QUICK").is_ok_and(|quick| quick == "1")
}

/// A service with a country of its own.
pub struct Country {
    pub app: App,
    _folder: tempfile::TempDir,
}

async fn country(database_url: String, past: i64) -> (Country, f64) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data_dir: folder.path().to_owned(),
        database_url,
        ..Config::default()
    };
    let app = App::open(config.completed().unwrap(), Clock::fixed(NOW))
        .await
        .unwrap();
    app.db.migrate().await.unwrap();
    let took = kit::seconds(country::seed(&app, past)).await;
    (
        Country {
            app,
            _folder: folder,
        },
        took,
    )
}

/// The share of people whom bots leave a slot, with and without the release policy.
fn hoard() {
    for (habit, words) in [
        (hoarding::Habit::AtTheEdge, "bots at the horizon's edge"),
        (hoarding::Habit::Always, "bots that are always there"),
    ] {
        for (release, name) in [(ReleaseRule::default(), "off"), (hoarding::STAGED, "on")] {
            let fleet = hoarding::Fleet {
                identities: 200,
                habit,
            };
            let served = hoarding::served(1, release, fleet);
            let habit = if habit == hoarding::Habit::Always {
                ".always"
            } else {
                ""
            };
            tell(
                &format!("booking.people_served_share_policy_{name}{habit}"),
                served,
                &format!("of 1 ({words}, 200 identities)"),
            );
        }
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let Ok(server) = std::env::var("VISIOPLAINTE_TEST_POSTGRES") else {
        panic!("VISIOPLAINTE_TEST_POSTGRES names no server: run make bench-booking");
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    hoard();
    for engine in ["sqlite", "postgresql"] {
        let mut urls = [String::new(), String::new()];
        if engine == "postgresql" {
            urls = [
                kit::fresh_database(&server).await,
                kit::fresh_database(&server).await,
            ];
        }
        let [short, long] = urls;
        let (young, _) = country(short, SHORT_PAST).await;
        let past = if quick() { 2 * SHORT_PAST } else { LONG_PAST };
        let (old, took) = country(long, past).await;
        tell(&format!("booking.seed_s.{engine}"), took, "s");
        search::measure(&young, &old, engine).await;
        contest::confirm(&old, engine).await;
        contest::fight(&old, engine).await;
        search::measure_next(&old, engine).await;
    }
}
