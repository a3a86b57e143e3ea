//! What keeping a journal costs, and whether units wait for each other.

use visioplainte::app::App;
use visioplainte::audit::{self, Actor};
use visioplainte::db::random_hex;
use visioplainte::execute;

use crate::kit::{median, seconds, tell, together};

/// Appends of one unit in one measured piece.
const APPENDS: usize = 200;
/// Units side by side.
const UNITS: usize = 8;
/// Interleaved pieces; their medians are told.
const ROUNDS: usize = 7;

/// A transaction of its own for each append, as an act of the service has it.
async fn append_to(app: &App, chain: &str, count: usize) {
    for number in 0..count {
        let mut tx = app.db.begin().await.unwrap();
        audit::append(
            &mut tx,
            chain,
            app.clock.now(),
            &Actor::System,
            "bench.act",
            &format!("bench/{number}"),
            "case=0123456789abcdef desk=0123456789abcdef",
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
}

/// What a line costs without a chain: the same row, hash included, inserted.
async fn insert_plainly(app: &App, count: usize) {
    for number in 0..count {
        let mut tx = app.db.begin().await.unwrap();
        let hash = visioplainte::keys::sha256_hex(number.to_string().as_bytes());
        execute!(
            &mut tx,
            "insert into journal (chain, seq, at, actor, act, object, detail, previous, hash)
             values ($1, $2, $3, 'system', 'bench.act', $4, $5, $6, $6)",
            format!("plain-{}", random_hex::<8>()),
            1_i64,
            app.clock.now(),
            format!("bench/{number}"),
            "case=0123456789abcdef desk=0123456789abcdef",
            hash
        )
        .unwrap();
        tx.commit().await.unwrap();
    }
}

/// Appends beside plain inserts, one unit beside eight.
pub async fn measure(app: &App) {
    let (mut ratios, mut parallel, mut shared) = (Vec::new(), Vec::new(), Vec::new());
    let mut one_after_other = Vec::new();
    for _ in 0..ROUNDS {
        let plain = seconds(insert_plainly(app, APPENDS)).await;
        let alone = seconds(append_to(app, "u-0", APPENDS)).await;
        let units: Vec<String> = (0..UNITS).map(|number| format!("u-{number}")).collect();
        let side_by_side = seconds(together(units.into_iter().map(|unit| {
            let app = app.clone();
            tokio::spawn(async move { append_to(&app, &unit, APPENDS).await })
        })))
        .await;
        let on_one = seconds(together((0..UNITS).map(|_| {
            let app = app.clone();
            tokio::spawn(async move { append_to(&app, "u-0", APPENDS / UNITS).await })
        })))
        .await;
        let unchained = seconds(together((0..UNITS).map(|_| {
            let app = app.clone();
            tokio::spawn(async move { insert_plainly(&app, APPENDS).await })
        })))
        .await;
        ratios.push(alone / plain);
        // Appends a second of eight units over those of one.
        parallel.push(alone * UNITS as f64 / side_by_side);
        shared.push(alone / on_one);
        one_after_other.push(plain * UNITS as f64 / unchained);
    }
    tell(
        "journal.append_ratio",
        median(ratios),
        "times a plain insert",
    );
    tell(
        "journal.parallel_ratio",
        median(parallel),
        "times one unit (8 units)",
    );
    tell(
        "journal.same_chain_ratio",
        median(shared),
        "times one writer (8 writers of one chain)",
    );
    tell(
        "journal.parallel_floor",
        median(one_after_other),
        "times one writer (8 plain writers)",
    );
}
