//! What keeping a journal costs, whether units wait for each other, and how the
//! outbox keeps up while its workers die. Figures are lines `bench: name value
//! unit`; `make bench-identity` runs it against a PostgreSQL of its own.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures_util::future::join_all;
use sqlx::Connection;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use visioplainte::app::App;
use visioplainte::audit::{self, Actor};
use visioplainte::clock::Clock;
use visioplainte::config::Config;
use visioplainte::db::{Db, random_hex};
use visioplainte::notifications::{Channel, Outgoing, Values, enqueue, outbox};
use visioplainte::{execute, fetch_optional};

/// Appends of one unit in one measured piece.
const APPENDS: usize = 200;
/// Units side by side.
const UNITS: usize = 8;
/// Interleaved pieces; their medians are told.
const ROUNDS: usize = 7;
/// Messages of one run of the outbox.
const MESSAGES: usize = 600;
/// Workers of the outbox.
const WORKERS: usize = 3;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let Ok(server) = std::env::var("VISIOPLAINTE_TEST_POSTGRES") else {
        panic!("VISIOPLAINTE_TEST_POSTGRES names no server: run make bench-identity");
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let taken: Taken = Arc::default();
    let gateway = gateway(taken.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data_dir: folder.path().to_owned(),
        database_url: fresh_database(&server).await,
        sms_url: gateway,
        ..Config::default()
    };
    let app = App::open(config.completed().unwrap(), Clock::System)
        .await
        .unwrap();
    app.db.migrate().await.unwrap();
    journal(&app).await;
    messages(&app, &taken).await;
}

async fn fresh_database(server: &str) -> String {
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    let name = format!("vp_bench_{}", random_hex::<6>());
    // The name is ours, of hexadecimal digits: nothing to escape.
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    url.to_string()
}

fn tell(name: &str, value: f64, unit: &str) {
    println!("bench: {name} {value:.2} {unit}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

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

/// Waits for tasks that run side by side; the end of one is the end of all.
async fn together(tasks: impl Iterator<Item = JoinHandle<()>>) {
    for done in join_all(tasks).await {
        done.unwrap();
    }
}

async fn seconds(work: impl Future<Output = ()>) -> f64 {
    let began = Instant::now();
    work.await;
    began.elapsed().as_secs_f64()
}

async fn journal(app: &App) {
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

/// How often the gateway took each message.
type Taken = Arc<Mutex<BTreeMap<String, usize>>>;

async fn take(State(taken): State<Taken>, headers: HeaderMap) -> StatusCode {
    let id = headers["idempotency-key"].to_str().unwrap().to_owned();
    *taken.lock().unwrap().entry(id).or_default() += 1;
    StatusCode::ACCEPTED
}

async fn gateway(taken: Taken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/sms", post(take))
        .with_state(taken);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn write(app: &App, run: &str) {
    let now = app.clock.now();
    for number in 0..MESSAGES {
        let mut tx = app.db.begin().await.unwrap();
        let values = Values {
            address: "+33639980001".into(),
            values: [("reference".to_owned(), "VP-7K3M-92QX".to_owned())].into(),
            ..Values::default()
        };
        let outgoing = Outgoing {
            event: &format!("bench/{run}/{number}"),
            recipient: "citizen/bench",
            unit: None,
            channel: Channel::Sms,
            template: "cancelled",
            language: "fr",
            values: &values,
            expires_at: now.plus_minutes(60),
            due_at: now,
        };
        enqueue(&mut tx, &app.keys, &outgoing, now).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn pending(db: &Db) -> i64 {
    let mut tx = db.read().await.unwrap();
    let count = fetch_optional!(
        &mut tx,
        (i64,),
        "select count(*) from messages where state = 'pending'"
    );
    count.unwrap().unwrap().0
}

async fn messages(app: &App, taken: &Taken) {
    write(app, "calm").await;
    let stop = CancellationToken::new();
    let spent = seconds(async {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| tokio::spawn(outbox::run(app.clone(), stop.clone())))
            .collect();
        while pending(&app.db).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
        together(workers.into_iter()).await;
    })
    .await;
    tell(
        "messages.per_s",
        MESSAGES as f64 / spent,
        "messages a second (3 workers)",
    );

    // Workers are ended in the middle of whatever they do, again and again.
    write(app, "storm").await;
    let mut ended = 0;
    let stop = CancellationToken::new();
    while pending(&app.db).await > 0 {
        let worker = tokio::spawn(outbox::run(app.clone(), stop.clone()));
        tokio::time::sleep(Duration::from_millis(60)).await;
        worker.abort();
        let _ = worker.await;
        ended += 1;
    }
    let taken = taken.lock().unwrap();
    let copies: usize = taken.values().map(|count| count - 1).sum();
    let lost = 2 * MESSAGES - taken.len();
    tell(
        "messages.lost",
        lost as f64,
        &format!("messages of {} ({ended} workers ended)", 2 * MESSAGES),
    );
    tell(
        "messages.copies",
        copies as f64,
        "messages taken twice, under the same id",
    );
    assert_eq!(lost, 0, "messages were lost");
}
