//! How long looking for slots takes over HTTP: beside a handler that reads one row
//! by its key, and with a long past beside a short one.

use std::time::Instant;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use visioplainte::app::App;
use visioplainte::calendar;
use visioplainte::db::Id;

use crate::Country;
use crate::country::{self, UNITS, unit};
use crate::kit::{median, tell};

/// Interleaved pieces; the medians of their ratios are told.
const ROUNDS: usize = 15;
/// Requests of each kind in a piece.
const REQUESTS: i64 = 40;

/// How many days of a full department are taken.
const DAYS_FULL: i64 = 10;

/// Every start of one unit in the 31 days to come.
async fn slots(
    State(app): State<App>,
    axum::extract::Path(id): axum::extract::Path<String>,
) -> Json<Vec<i64>> {
    let mut tx = app.db.read().await.unwrap();
    let unit = calendar::find_unit(&mut tx, &Id(id))
        .await
        .unwrap()
        .unwrap();
    let now = app.clock.now();
    let to = now.plus_minutes(31 * 24 * 60);
    let slots = calendar::offered_slots(&mut tx, &unit, now, to, now)
        .await
        .unwrap();
    Json(slots.iter().map(|slot| slot.starts_at.0).collect())
}

async fn one_row(
    State(app): State<App>,
    axum::extract::Path(id): axum::extract::Path<String>,
) -> String {
    let mut tx = app.db.read().await.unwrap();
    calendar::find_unit(&mut tx, &Id(id))
        .await
        .unwrap()
        .unwrap()
        .name
}

/// The next free slot among all units of a department.
async fn next(
    State(app): State<App>,
    axum::extract::Path(department): axum::extract::Path<String>,
) -> Json<Option<(String, i64)>> {
    let mut tx = app.db.read().await.unwrap();
    let now = app.clock.now();
    let units = calendar::list_units(&mut tx, &department).await.unwrap();
    let found = calendar::department::next_slots(&mut tx, &units, None, now)
        .await
        .unwrap();
    let first = found.first();
    Json(first.map(|(unit, slot)| (unit.id.to_string(), slot.starts_at.0)))
}

/// Serves the three; gives the address.
async fn serve(app: &App) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let measured = Router::new()
        .route("/bench/slots/{id}", get(slots))
        .route("/bench/row/{id}", get(one_row))
        .route("/bench/next/{id}", get(next))
        .with_state(app.clone());
    let router = app.router().merge(measured);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn ask(http: &reqwest::Client, address: &str, path: &str, round: usize) -> f64 {
    let began = Instant::now();
    for number in 0..REQUESTS {
        let id = unit((number * 67 + round as i64) % UNITS);
        let answer = http
            .get(format!("{address}{path}{id}"))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success());
        assert!(answer.bytes().await.unwrap().len() > 2, "nothing found");
    }
    began.elapsed().as_secs_f64()
}

pub async fn measure(young: &Country, old: &Country, engine: &str) {
    let (young, old) = (serve(&young.app).await, serve(&old.app).await);
    let http = reqwest::Client::new();
    let (mut over_row, mut growth, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let row = ask(&http, &old, "/bench/row/", round).await;
        let long = ask(&http, &old, "/bench/slots/", round).await;
        let short = ask(&http, &young, "/bench/slots/", round).await;
        over_row.push(long / row);
        growth.push(long / short);
        times.push(1_000.0 * long / REQUESTS as f64);
    }
    tell(
        &format!("booking.slot_search_ratio.{engine}"),
        median(over_row),
        "times one indexed read (31 days of one unit)",
    );
    tell(
        &format!("booking.history_growth.{engine}"),
        median(growth),
        "times the same with 10,000 past appointments",
    );
    tell(
        &format!("booking.slot_search_ms.{engine}"),
        median(times),
        "ms",
    );
}

/// How long "next free slot in my department" takes, all units of a department at
/// once: where some unit has a slot today, and where none has one for ten days.
pub async fn measure_next(country: &Country, engine: &str) {
    let address = serve(&country.app).await;
    let http = reqwest::Client::new();
    let departments = country::departments(&country.app).await;
    let mut free = Vec::new();
    for _ in 0..ROUNDS {
        for department in &departments {
            free.push(1_000.0 * next_in(&http, &address, department).await);
        }
    }
    let full = &departments[0];
    country::fill(&country.app, full, DAYS_FULL).await;
    let mut booked = Vec::new();
    for _ in 0..ROUNDS {
        booked.push(1_000.0 * next_in(&http, &address, full).await);
    }
    tell(
        &format!("booking.next_slot_ms.{engine}"),
        median(free),
        "ms (all units of a department over HTTP, a slot free today)",
    );
    tell(
        &format!("booking.next_slot_full_ms.{engine}"),
        median(booked),
        "ms (the same where every desk is taken for ten days)",
    );
}

/// Seconds.
async fn next_in(http: &reqwest::Client, address: &str, department: &str) -> f64 {
    let began = Instant::now();
    let answer = http
        .get(format!("{address}/bench/next/{department}"))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
    let found: Option<(String, i64)> = answer.json().await.unwrap();
    assert!(found.is_some(), "no slot in {department}");
    began.elapsed().as_secs_f64()
}
