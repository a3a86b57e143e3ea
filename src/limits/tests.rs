//! The table, its budgets by a clock that stands still, and what the log says of
//! whoever comes too often.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, Response, StatusCode, header};
use signaling::Visitor;
use tower::ServiceExt;

use super::counters::MOST;
use super::{Entry, Kind, Limits, TABLE, entry_of, seconds};
use crate::clock::Clock;
use crate::config::Config;
use crate::testing::{self, at};

const NOW: &str = "2026-03-02T08:00:00Z";
const STATION: &str = "192.0.2.7";

fn address_of(text: &str) -> Visitor {
    signaling::visitor(text.parse().unwrap(), std::iter::empty(), &[]).unwrap()
}

fn address() -> Visitor {
    address_of(STATION)
}

fn limits(clock: &Clock) -> Limits {
    Limits::new(&Config::default(), clock).unwrap()
}

fn clock() -> Clock {
    Clock::fixed(at(NOW))
}

fn pass_ms(clock: &Clock, ms: u64) {
    clock.set(clock.now().plus_millis(i64::try_from(ms).unwrap()));
}

fn index_of(name: &str) -> usize {
    TABLE.iter().position(|entry| entry.name == name).unwrap()
}

#[test]
fn every_budget_lets_through_what_it_says_and_fills_up_at_its_pace() {
    for (index, entry) in TABLE.iter().enumerate() {
        for (by_identity, budget) in [(true, entry.identity), (false, entry.address)] {
            let clock = clock();
            let limits = limits(&clock);
            let spend = || match by_identity {
                true => limits.spend_identity(index, "citizen/1"),
                false => limits.spend_address(index, address()),
            };
            for turn in 0..budget.at_once.get() {
                assert_eq!(spend(), Ok(()), "{}: {turn}", entry.name);
            }
            let refused = Err(Duration::from_millis(budget.one_more_ms));
            assert_eq!(spend(), refused, "{}", entry.name);
            // Being refused costs nothing: the wait stays what was told.
            assert_eq!(spend(), refused, "{}", entry.name);
            pass_ms(&clock, budget.one_more_ms - 1);
            assert!(spend().is_err(), "{}: too early", entry.name);
            pass_ms(&clock, 1);
            assert_eq!(spend(), Ok(()), "{}: one more", entry.name);
            assert!(spend().is_err(), "{}: and no other", entry.name);
            pass_ms(&clock, budget.one_more_ms * u64::from(budget.at_once.get()));
            for turn in 0..budget.at_once.get() {
                assert_eq!(spend(), Ok(()), "{}, full again: {turn}", entry.name);
            }
            assert!(spend().is_err(), "{}: full and no more", entry.name);
        }
    }
}

#[test]
fn a_budget_is_one_persons_or_one_addresss_on_one_entry() {
    for (index, entry) in TABLE.iter().enumerate() {
        let limits = limits(&clock());
        while limits.spend_identity(index, "flood").is_ok() {}
        while limits.spend_address(index, address()).is_ok() {}
        // Neither a colleague, nor another address, nor another entry is touched.
        let other = address_of("192.0.2.8");
        let next = (index + 1) % TABLE.len();
        for spent in [
            limits.spend_identity(index, "colleague"),
            limits.spend_address(index, other),
            limits.spend_identity(next, "flood"),
            limits.spend_address(next, address()),
        ] {
            assert_eq!(spent, Ok(()), "{}", entry.name);
        }
    }
}

#[test]
fn a_station_behind_one_address_and_its_change_of_shift_are_let_through() {
    for (name, at_once) in [
        // Three hundred officers, each there and back, whom nobody knows yet.
        ("login_departure", 300),
        ("login_return", 300),
        // Fifty hearings, whose pages ask thirty times after a restart.
        ("join_token", 50 * 30),
        // A hundred officers who tick a check list of thirty after a restart.
        ("form", 100 * 30),
    ] {
        let limits = limits(&clock());
        for turn in 0..at_once {
            let spent = limits.spend_address(index_of(name), address());
            assert_eq!(spent, Ok(()), "{name}: {turn}");
        }
    }
}

#[test]
fn what_is_counted_stays_bounded_and_is_forgotten_when_budgets_are_full_again() {
    let clock = clock();
    let limits = limits(&clock);
    let index = index_of("message");
    for stranger in 0..MOST + 100 {
        // Once as many are known as fit, nobody is refused for it.
        let name = format!("stranger/{stranger}");
        assert_eq!(limits.spend_identity(index, &name), Ok(()));
    }
    assert_eq!(limits.counted(index).0, MOST);
    let entry = &TABLE[index];
    pass_ms(&clock, 3 * entry.identity.one_more_ms);
    assert_eq!(limits.spend_identity(index, "stranger/0"), Ok(()));
    assert_eq!(limits.counted(index).0, 1);
}

#[test]
fn routes_draw_on_the_budgets_they_should() {
    for (method, route, expected) in [
        (Method::POST, "/connexion/franceconnect", "login_departure"),
        (
            Method::POST,
            "/agent/connexion/proconnect",
            "login_departure",
        ),
        (
            Method::GET,
            "/connexion/franceconnect/retour",
            "login_return",
        ),
        (Method::GET, "/lien/{secret}", "meeting_link"),
        (Method::HEAD, "/lien/{secret}", "meeting_link"),
        (Method::POST, "/rendez-vous/creneaux", "booking_hold"),
        (Method::POST, "/rendez-vous/{id}/confirmer", "message"),
        (Method::POST, "/audition/{id}/jeton", "join_token"),
        (Method::POST, "/agent/audition/{id}/texte", "form"),
        (Method::POST, "/espace/sessions/{id}/fermer", "form"),
        (Method::DELETE, "/a/route/of/tomorrow", "form"),
    ] {
        let entry = &TABLE[entry_of(&method, route).unwrap()];
        assert_eq!(entry.name, expected, "{method} {route}");
    }
    for (method, route) in [
        (Method::GET, "/"),
        (Method::HEAD, "/espace"),
        (Method::GET, "/rendez-vous/creneaux"),
        (Method::GET, "/connexion"),
        (Method::POST, "/deconnexion"),
    ] {
        assert_eq!(entry_of(&method, route), None, "{method} {route}");
    }
}

#[test]
fn the_table_names_routes_that_exist_once_and_ends_with_all_the_others() {
    let paths = crate::app::paths();
    let mut seen = BTreeSet::new();
    let mut names = BTreeSet::new();
    for Entry { name, routes, .. } in TABLE {
        assert!(names.insert(name), "{name} twice");
        for route in *routes {
            assert!(seen.insert(route), "{route:?} stands twice");
            assert!(paths.contains(route.1), "no route {}", route.1);
        }
        assert_eq!(routes.is_empty(), *name == TABLE[TABLE.len() - 1].name);
    }
    for Entry {
        name,
        identity,
        address,
        ..
    } in TABLE
    {
        assert!(
            identity.at_once < address.at_once && identity.one_more_ms >= address.one_more_ms,
            "{name}: one person may not use up what an address has"
        );
    }
}

#[test]
fn waits_are_told_in_whole_seconds_that_are_long_enough() {
    for (ms, expected) in [
        (0, 1),
        (1, 1),
        (999, 1),
        (1_000, 1),
        (1_001, 2),
        (120_000, 120),
    ] {
        assert_eq!(seconds(Duration::from_millis(ms)), expected, "{ms} ms");
    }
}

/// A log that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A request for a link as a browser with such cookies sends it from an address.
async fn knocks(app: &testing::TestApp, from: &str, cookies: &str) -> StatusCode {
    let link = (Method::GET, "/lien/0123456789abcdef");
    asks(app, link, from, cookies).await.status()
}

async fn asks(
    app: &testing::TestApp,
    (method, address): (Method, &str),
    from: &str,
    cookies: &str,
) -> Response<Body> {
    let request = Request::builder()
        .method(method)
        .uri(address)
        .header(header::COOKIE, cookies)
        .header("x-forwarded-for", from)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000))))
        .body(Body::empty())
        .unwrap();
    app.router().oneshot(request).await.unwrap()
}

fn invented(turn: u32) -> String {
    format!("vp_session={turn:064x}; vp_seat={turn:064x}; vp_choice={turn:064x}")
}

#[tokio::test]
async fn invented_cookies_are_their_addresss_and_beyond_its_budget_look_nothing_up() {
    let app = testing::on_sqlite(NOW).await;
    let (camille, _) = app.citizen_with_case("Camille", "u-78-police").await;
    let at_once = TABLE[index_of("meeting_link")].address.at_once.get();
    for turn in 0..at_once {
        let status = knocks(&app, STATION, &invented(turn)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{turn}");
    }
    // Nobody knows her yet in this process, so she is her address's as well.
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(knocks(&app, STATION, camille.cookie()).await, too_many);
    // Any page that has no budget tells who she is.
    assert_eq!(app.get(&camille, "/espace").await.status, StatusCode::OK);
    let known = knocks(&app, STATION, camille.cookie()).await;
    assert_eq!(known, StatusCode::NOT_FOUND);

    // Without a database, whoever is looked up is told of a fault; a flood is not
    // looked up.
    let crate::db::Db::Lite { reader, .. } = &app.db else {
        panic!("this test is about a file");
    };
    reader.close().await;
    let fault = StatusCode::INTERNAL_SERVER_ERROR;
    assert_eq!(knocks(&app, STATION, camille.cookie()).await, fault);
    let elsewhere = knocks(&app, "192.0.2.8", &invented(0)).await;
    assert_eq!(elsewhere, fault, "within its budget an address is served");
    for turn in 0..3 {
        let refused = knocks(&app, STATION, &invented(at_once + turn)).await;
        assert_eq!(refused, too_many);
    }
}

#[tokio::test]
async fn a_flood_of_departures_and_of_answers_nobody_asked_for_ends_at_its_address() {
    let app = testing::on_sqlite(NOW).await;
    let answer = "retour?state=0123456789abcdef&code=x&iss=y";
    let (citizens, officers) = (
        format!("/connexion/franceconnect/{answer}"),
        format!("/agent/connexion/proconnect/{answer}"),
    );
    for (number, (method, address, entry)) in [
        (Method::GET, citizens.as_str(), "login_return"),
        (Method::GET, officers.as_str(), "login_return"),
        (Method::POST, "/agent/habilitation", "login_return"),
        (Method::POST, "/connexion/franceconnect", "login_departure"),
        (
            Method::POST,
            "/agent/connexion/proconnect",
            "login_departure",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let from = format!("198.51.100.{number}");
        let at_once = TABLE[index_of(entry)].address.at_once.get();
        let ask = async |turn| {
            let asked = (method.clone(), address);
            asks(&app, asked, &from, &invented(turn)).await
        };
        for turn in 0..at_once {
            let status = ask(turn).await.status();
            assert_ne!(status, StatusCode::TOO_MANY_REQUESTS, "{address} {turn}");
        }
        let refused = ask(at_once).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{address}");
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1", "{address}");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_pays_no_more_and_a_seat_without_one_still_does() {
    let app = testing::on_sqlite(NOW).await;
    let (camille, _) = app.citizen_with_case("Camille", "u-78-police").await;
    app.get(&camille, "/espace").await;
    let (_, cookie) = camille.cookie().split_once('=').unwrap();
    assert!(app.limits.proven.knows(Kind::Session, cookie));
    while knocks(&app, STATION, "").await == StatusCode::NOT_FOUND {}
    assert_eq!(
        knocks(&app, STATION, camille.cookie()).await,
        StatusCode::NOT_FOUND
    );
    let mut tx = app.db.begin().await.unwrap();
    crate::execute!(&mut tx, "update sessions set ended_at = 1").unwrap();
    tx.commit().await.unwrap();
    // The first one finds out, the second one is not even looked up.
    for _ in 0..2 {
        let status = knocks(&app, STATION, camille.cookie()).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert!(!app.limits.proven.knows(Kind::Session, cookie));
    }
    let seat = "5".repeat(64);
    app.limits.proven.note(Kind::Seat, &seat, true);
    let own = TABLE[index_of("meeting_link")].identity.at_once.get();
    for turn in 0..own {
        let status = knocks(
            &app,
            STATION,
            &format!("vp_session={turn}; vp_seat={seat}.{turn:064x}"),
        )
        .await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{turn}");
    }
    let flood = knocks(&app, STATION, &format!("vp_seat={seat}")).await;
    assert_eq!(flood, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn neither_log_nor_metrics_say_who_came_too_often_or_from_where() {
    let app = testing::on_sqlite(NOW).await;
    let (camille, case) = app.citizen_with_case("Camille", "u-78-police").await;
    // She is known from here on.
    app.get(&camille, "/espace").await;
    // While there is one listener alone, a test on another thread that is the first
    // to come by a log line settles for everybody that nobody listens to it.
    let _company = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _logged_here = tracing::subscriber::set_default(subscriber);
    let secret = "0123456789abcdef";
    let mut last = StatusCode::OK;
    for _ in 0..=TABLE[index_of("meeting_link")].identity.at_once.get() {
        let request = Request::get(format!("/lien/{secret}"))
            .header(header::COOKIE, camille.cookie())
            .header("x-forwarded-for", STATION)
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000))))
            .body(Body::empty())
            .unwrap();
        last = app.router().oneshot(request).await.unwrap().status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("status=429") && log.contains("/lien/{secret}"),
        "{log}"
    );
    let metrics = app.metrics.text(&app);
    assert!(
        metrics.contains("visioplainte_limited_total{entry=\"meeting_link\",by=\"identity\"} 1"),
        "{metrics}"
    );
    for kept_back in [
        STATION,
        secret,
        camille.id.as_str(),
        case.as_str(),
        "Camille",
    ] {
        assert!(!log.contains(kept_back), "{kept_back} is in the log: {log}");
        assert!(!metrics.contains(kept_back), "{kept_back}: {metrics}");
    }
}
