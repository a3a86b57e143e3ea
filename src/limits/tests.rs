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
use axum::http::{Method, Request, StatusCode, header};
use signaling::Visitor;
use tower::ServiceExt;

use super::counters::{MOST, TooMuch};
use super::{Entry, Limits, TABLE, entry_of, seconds};
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
        let by_identity = (Some("citizen/1"), None, entry.identity);
        let by_address = (None, Some(address()), entry.address);
        for (identity, from, budget) in [by_identity, by_address] {
            let clock = clock();
            let limits = limits(&clock);
            let spend = || limits.spend(index, identity, from);
            for turn in 0..budget.at_once.get() {
                assert_eq!(spend(), Ok(()), "{}: {turn}", entry.name);
            }
            let wait = Duration::from_millis(budget.one_more_ms);
            let refused = match identity {
                Some(_) => TooMuch::Identity(wait),
                None => TooMuch::Address(wait),
            };
            assert_eq!(spend(), Err(refused), "{}", entry.name);
            // Being refused costs nothing: the wait stays what was told.
            assert_eq!(spend(), Err(refused), "{}", entry.name);
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
fn a_flood_of_one_leaves_the_others_behind_the_same_address_what_the_budget_says() {
    for (index, entry) in TABLE.iter().enumerate() {
        let limits = limits(&clock());
        let (own, shared) = (entry.identity.at_once.get(), entry.address.at_once.get());
        let floods = 10 * shared;
        let passed = (0..floods)
            .filter(|_| limits.spend(index, Some("flood"), Some(address())).is_ok())
            .count();
        assert_eq!(passed, usize::try_from(own).unwrap(), "{}", entry.name);
        let colleagues = (0..floods)
            .take_while(|colleague| {
                let name = format!("colleague/{colleague}");
                limits.spend(index, Some(&name), Some(address())).is_ok()
            })
            .count();
        assert_eq!(
            colleagues,
            usize::try_from(shared - own).unwrap(),
            "{}",
            entry.name
        );
        // Neither another address nor another entry is touched.
        let other = address_of("192.0.2.8");
        assert_eq!(limits.spend(index, None, Some(other)), Ok(()));
        let next = (index + 1) % TABLE.len();
        assert_eq!(limits.spend(next, Some("flood"), Some(address())), Ok(()));
    }
}

#[test]
fn a_station_behind_one_address_and_its_change_of_shift_are_let_through() {
    for (name, at_once) in [
        // Three hundred officers, each there and back.
        ("login_departure", 300),
        ("login_return", 300),
        // Fifty hearings, whose officers' pages ask thirty times.
        ("join_token", 50 * 30),
        // A hundred officers who tick a check list of thirty.
        ("form", 100 * 30),
    ] {
        let limits = limits(&clock());
        for turn in 0..at_once {
            let who = format!("officer/{}", turn % 300);
            let spent = limits.spend(index_of(name), Some(&who), Some(address()));
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
        assert_eq!(limits.spend(index, Some(&name), None), Ok(()));
    }
    assert_eq!(limits.counted(index).0, MOST);
    let entry = &TABLE[index];
    pass_ms(&clock, 3 * entry.identity.one_more_ms);
    assert_eq!(limits.spend(index, Some("stranger/0"), None), Ok(()));
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

#[tokio::test]
async fn neither_log_nor_metrics_say_who_came_too_often_or_from_where() {
    let app = testing::on_sqlite(NOW).await;
    let (camille, case) = app.citizen_with_case("Camille", "u-78-police").await;
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
