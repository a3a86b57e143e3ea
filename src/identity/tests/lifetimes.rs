//! How long a session lives and how long it is remembered, to the second, by a clock that
//! the test moves.

use crate::clock::Timestamp;
use crate::db::Id;
use crate::hearings::{Place, SeatRole, store};
use crate::identity::requests::{self, CODE_MINUTES, TurnedAway};
use crate::identity::session::{self, ABSOLUTE_MINUTES, CHOICE_MINUTES, IDLE_MINUTES, Subject};
use crate::identity::upkeep::{self, ATTEMPT_KEPT_HOURS, Forgotten, SESSION_KEPT_DAYS};
use crate::identity::{OfficerIdentity, ProviderName, Role, Who, login};
use crate::keys::sha256_hex;
use crate::testing::{TestApp, on_every_engine};
use crate::{audit, execute, fetch_all};

const MONDAY: &str = "2026-03-02T08:00:00Z";
const UNIT: &str = "u-78-police";
const DAY: i64 = 24 * 60 * 60;

/// The cookie of a fresh session of a citizen, and of an officer.
async fn two_sessions(app: &TestApp) -> [String; 2] {
    let (citizen, _) = app.citizen_with_case("Jeanne", UNIT).await;
    let officer = app.officer(Role::Officer, UNIT).await;
    [citizen, officer].map(|person| {
        let (_, cookie) = person.cookie().split_once('=').unwrap();
        cookie.to_owned()
    })
}

/// Whether a cookie stands for somebody at an instant; who comes is marked as seen, as
/// pages do.
async fn comes(app: &TestApp, cookie: &str, at: Timestamp) -> bool {
    let mut tx = app.db.begin().await.unwrap();
    let (who, due) = session::find(&mut tx, &app.keys, cookie, at).await.unwrap();
    let id = sha256_hex(cookie.as_bytes());
    let live = session::is_live(&mut tx, &id, at).await.unwrap();
    let known = !matches!(who, Who::Nobody);
    assert_eq!(
        known, live,
        "a page that is kept fed goes by the same rules"
    );
    if due {
        session::mark_seen(&mut tx, &id, at).await.unwrap();
    }
    tx.commit().await.unwrap();
    known
}

#[tokio::test]
async fn a_session_ends_after_an_hour_unused_and_after_twelve_in_use() {
    let (idle, absolute) = (IDLE_MINUTES * 60, ABSOLUTE_MINUTES * 60);
    assert_eq!((idle, absolute), (3600, 12 * 3600));
    // The seconds at which somebody comes, and whether they are let in the last time.
    let hourly: Vec<i64> = (1..=12).map(|hour| hour * 3599).collect();
    let until = |last: i64| [&*hourly, &[last]].concat();
    for (seconds, let_in) in [
        (vec![0], true),
        (vec![59 * 60 + 59], true),
        (vec![60 * 60], false),
        (vec![60 * 60 + 1], false),
        // Used in between, the hour begins anew.
        (vec![59 * 60 + 59, 59 * 60 + 59 + 59 * 60 + 59], true),
        (vec![59 * 60 + 59, 59 * 60 + 59 + 60 * 60], false),
        // However much it is used.
        (until(absolute - 1), true),
        (until(absolute), false),
        (until(absolute + 1), false),
    ] {
        for app in on_every_engine(MONDAY).await {
            let began = app.clock.now();
            for cookie in two_sessions(&app).await {
                let (last, before) = seconds.split_last().unwrap();
                for second in before {
                    assert!(comes(&app, &cookie, began.plus_seconds(*second)).await);
                }
                let came = comes(&app, &cookie, began.plus_seconds(*last)).await;
                assert_eq!(came, let_in, "{seconds:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_question_nobody_answers_is_over_after_ten_minutes_and_opens_nothing() {
    for app in on_every_engine(MONDAY).await {
        let now = app.clock.now();
        let (person, _) = app.citizen_with_case("Jeanne", UNIT).await;
        let mut tx = app.db.begin().await.unwrap();
        let subject = Subject::Unconfirmed(&person.id);
        let cookie = session::start(&mut tx, &app.keys, subject, "eidas1", "", "", now)
            .await
            .unwrap();
        for (seconds, asked) in [
            (0, true),
            (CHOICE_MINUTES * 60 - 1, true),
            (CHOICE_MINUTES * 60, false),
        ] {
            let at = now.plus_seconds(seconds);
            let found = session::find_unconfirmed(&mut tx, &cookie, at).await;
            assert_eq!(found.unwrap().is_some(), asked, "{seconds}");
            let (who, _) = session::find(&mut tx, &app.keys, &cookie, at)
                .await
                .unwrap();
            assert!(matches!(who, Who::Nobody), "{seconds}");
        }
        tx.commit().await.unwrap();
    }
}

/// How many rows there are of what is forgotten.
async fn rows(app: &TestApp) -> [i64; 3] {
    let mut tx = app.db.read().await.unwrap();
    let rows = fetch_all!(
        &mut tx,
        (i64,),
        "select count(*) from sessions
         union all select count(*) from login_attempts
         union all select count(*) from empowerment_requests"
    );
    let rows: Vec<i64> = rows.unwrap().into_iter().map(|(count,)| count).collect();
    rows.try_into().unwrap()
}

/// One session of each way to end, a departure and a request to be empowered.
async fn something_to_forget(app: &TestApp) {
    let now = app.clock.now();
    let [ended, _] = two_sessions(app).await;
    let (person, _) = app.citizen_with_case("Lucie", UNIT).await;
    let mut tx = app.db.begin().await.unwrap();
    let id = sha256_hex(ended.as_bytes());
    session::end(&mut tx, &app.keys, &id, now).await.unwrap();
    let subject = Subject::Unconfirmed(&person.id);
    session::start(&mut tx, &app.keys, subject, "eidas1", "", "", now)
        .await
        .unwrap();
    let provider = ProviderName::FranceConnect;
    login::depart(&mut tx, &app.keys, provider, "browser", "/", now)
        .await
        .unwrap();
    let turned_away = TurnedAway {
        sub: Id::random().to_string(),
        idp_id: "one-of-them".into(),
        identity: OfficerIdentity {
            given_name: "Paul".into(),
            usual_name: "Inconnu".into(),
            email: "paul@interieur.example".into(),
        },
        id_token: String::new(),
        at: now,
    };
    requests::ask(&mut tx, &app.keys, &turned_away, now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_can_let_nobody_in_any_more_is_forgotten_and_no_sooner() {
    let choice = CHOICE_MINUTES * 60 + SESSION_KEPT_DAYS * DAY;
    let session = ABSOLUTE_MINUTES * 60 + SESSION_KEPT_DAYS * DAY;
    let attempt = login::ATTEMPT_MINUTES * 60 + ATTEMPT_KEPT_HOURS * 3600;
    let request = CODE_MINUTES * 60;
    let mut edges = [
        (choice, "choice"),
        (session, "session"),
        (attempt, "attempt"),
        (request, "request"),
    ];
    edges.sort_unstable();
    for app in on_every_engine(MONDAY).await {
        let began = app.clock.now();
        something_to_forget(&app).await;
        let mut left = rows(&app).await;
        assert_eq!(left, [4, 1, 1]);
        for (seconds, what) in edges {
            let kept = upkeep::look(&app, began.plus_seconds(seconds)).await;
            assert_eq!(
                kept.unwrap(),
                Forgotten::default(),
                "{what} at its last second"
            );
            assert_eq!(rows(&app).await, left, "{what}");
            let at = began.plus_seconds(seconds + 1);
            let expected = match what {
                "choice" => Forgotten {
                    sessions: 1,
                    ..Forgotten::default()
                },
                "session" => Forgotten {
                    sessions: 3,
                    ..Forgotten::default()
                },
                "attempt" => Forgotten {
                    attempts: 1,
                    ..Forgotten::default()
                },
                _ => Forgotten {
                    requests: 1,
                    ..Forgotten::default()
                },
            };
            assert_eq!(upkeep::look(&app, at).await.unwrap(), expected, "{what}");
            // A second process that looks finds nothing more to do.
            let again = upkeep::look(&app, at).await.unwrap();
            assert_eq!(again, Forgotten::default(), "{what}");
            left = rows(&app).await;
        }
        assert_eq!(left, [0, 0, 0]);
        let mut tx = app.db.read().await.unwrap();
        let lines = audit::lines_about(&mut tx, "sessions").await.unwrap();
        assert_eq!(lines.len(), edges.len());
        assert!(lines.iter().all(|line| line.act == "identity.forget"));
        app.journal_holds().await;
    }
}

/// An appointment where a browser sat down with a session.
async fn a_seat(app: &TestApp, browser_hash: &str, session_id: &str) -> Id {
    let now = app.clock.now();
    let (person, case) = app.citizen_with_case("Angèle", UNIT).await;
    let id = Id::random();
    let mut tx = app.db.begin().await.unwrap();
    execute!(
        &mut tx,
        "insert into appointments (id, reference, unit_id, desk_id, case_id, citizen_id, starts_at, ends_at,
             state, booked_at, created_at)
         values ($1, 'VP-TEST-SEAT', $2, 'd-78-police-1', $3, $4, $5, $6, 'booked', $5, $5)",
        &id,
        UNIT,
        &case,
        &person.id,
        now,
        now.plus_minutes(45)
    )
    .unwrap();
    let (role, who) = (SeatRole::Citizen, format!("citizen/{}", person.id));
    store::take_seat(
        &mut tx,
        &id,
        role,
        &who,
        browser_hash,
        session_id,
        Place::Waiting,
        now,
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_seat_does_not_come_back_when_its_ended_session_is_forgotten() {
    for app in on_every_engine(MONDAY).await {
        let now = app.clock.now();
        let [cookie, _] = two_sessions(&app).await;
        let session_id = sha256_hex(cookie.as_bytes());
        let mut tx = app.db.begin().await.unwrap();
        session::end(&mut tx, &app.keys, &session_id, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let appointment = a_seat(&app, "seat-browser", &session_id).await;
        let seat = async || {
            let mut tx = app.db.read().await.unwrap();
            store::find_seat_of_browser(&mut tx, &appointment, "seat-browser")
                .await
                .unwrap()
        };
        assert!(seat().await.is_none(), "its session was ended");
        let later = now.plus_seconds(ABSOLUTE_MINUTES * 60 + SESSION_KEPT_DAYS * DAY + 1);
        let forgotten = upkeep::look(&app, later).await.unwrap();
        assert_eq!(forgotten.sessions, 3);
        assert!(seat().await.is_none(), "nor when nothing says so any more");
    }
}
