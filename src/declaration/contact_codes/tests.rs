//! What a guesser, a flood and a slow network meet, on every engine.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::{Person, TestApp, on_every_engine};
use crate::{execute, fetch_all};

const MONDAY: &str = "2026-03-02T08:00:00Z";
const POLICE: &str = "u-78-police";
const MAIL: &str = "jeanne@exemple.example";

/// A person whose draft awaits the code of an e-mail address.
async fn awaiting(app: &TestApp, name: &str, address: &str) -> Person {
    let (person, _) = app.citizen_with_case(name, POLICE).await;
    gives(app, &person, address).await;
    person
}

async fn gives(app: &TestApp, person: &Person, address: &str) {
    let form = [
        ("courriel", address),
        ("adresse", "1 rue de l’Essai"),
        ("commune", "Versailles"),
    ];
    let answer = app.post(person, "/declaration/coordonnees", &form).await;
    assert_eq!(
        answer.location, "/declaration/verification",
        "{}",
        answer.text
    );
}

/// The code that was sent last to an address.
async fn code_of(app: &TestApp, person: &Person, address: &str) -> String {
    let mut tx = app.db.read().await.unwrap();
    let sent = find(&mut tx, &app.keys, &person.id, (Channel::Email, address));
    let sent = sent.await.unwrap().unwrap();
    codes::of(
        &app.keys,
        Purpose::Contact,
        sent.id.as_str(),
        sent.generation,
    )
}

async fn tries(app: &TestApp, person: &Person, code: &str) -> Tried {
    let mut tx = app.db.begin().await.unwrap();
    let typed = [(Channel::Email, code.to_owned())];
    let now = app.clock.now();
    let told = confirm(&mut tx, &app.keys, &person.id, &typed, now).await;
    tx.commit().await.unwrap();
    told.unwrap()[0].1
}

async fn sends(app: &TestApp, person: &Person) -> Result<(), SendError> {
    let mut tx = app.db.begin().await.unwrap();
    let now = app.clock.now();
    let sent = send_again(&mut tx, &app.keys, &person.id, Channel::Email, now).await;
    if sent.is_ok() {
        tx.commit().await.unwrap();
    }
    sent
}

fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

fn pass(app: &TestApp, seconds: i64) {
    app.clock.set(app.clock.now().plus_seconds(seconds));
}

#[tokio::test]
async fn a_code_is_good_for_five_tries_and_ten_minutes_and_one_address() {
    for app in on_every_engine(MONDAY).await {
        let jeanne = awaiting(&app, "Jeanne", MAIL).await;
        let code = code_of(&app, &jeanne, MAIL).await;
        for left in [4, 3, 2, 1] {
            assert_eq!(
                tries(&app, &jeanne, &wrong(&code)).await,
                Tried::Wrong { left }
            );
        }
        assert_eq!(tries(&app, &jeanne, &wrong(&code)).await, Tried::Over);
        assert_eq!(tries(&app, &jeanne, &code).await, Tried::Over, "even right");

        pass(&app, PAUSE_SECONDS);
        sends(&app, &jeanne).await.unwrap();
        let former = code;
        let code = code_of(&app, &jeanne, MAIL).await;
        assert_ne!(former, code);
        assert_eq!(
            tries(&app, &jeanne, &former).await,
            Tried::Wrong { left: 4 }
        );
        pass(&app, MINUTES * 60);
        assert_eq!(tries(&app, &jeanne, &code).await, Tried::Over, "too old");

        sends(&app, &jeanne).await.unwrap();
        let code = code_of(&app, &jeanne, MAIL).await;
        pass(&app, MINUTES * 60 - 1);
        assert_eq!(
            tries(&app, &jeanne, &code).await,
            Tried::Right,
            "just in time"
        );
        // Sent twice by a nervous finger: the same answer.
        assert_eq!(tries(&app, &jeanne, &code).await, Tried::Right);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn another_person_and_another_address_gain_nothing_from_a_code() {
    for app in on_every_engine(MONDAY).await {
        let jeanne = awaiting(&app, "Jeanne", MAIL).await;
        let mallory = awaiting(&app, "Mallory", MAIL).await;
        let code = code_of(&app, &jeanne, MAIL).await;
        assert!(matches!(
            tries(&app, &mallory, &code).await,
            Tried::Wrong { .. }
        ));
        assert_eq!(tries(&app, &jeanne, &code).await, Tried::Right);
        // Confirmed under one spelling of its letters, known under every other.
        gives_known(&app, &jeanne, "Jeanne@Exemple.example").await;
        gives(&app, &jeanne, "autre@exemple.example").await;
        assert!(matches!(
            tries(&app, &jeanne, &code).await,
            Tried::Wrong { .. }
        ));
        // A month later the old address may be somebody else's.
        let month = REMEMBERED_DAYS * 24 * 60 * 60;
        pass(&app, month);
        let mut tx = app.db.begin().await.unwrap();
        let far = app.clock.now().plus_minutes(60);
        execute!(
            &mut tx,
            "update sessions set expires_at = $1, last_seen_at = $2",
            far,
            app.clock.now()
        )
        .unwrap();
        tx.commit().await.unwrap();
        gives(&app, &jeanne, MAIL).await;
    }
}

async fn gives_known(app: &TestApp, person: &Person, address: &str) {
    let form = [
        ("courriel", address),
        ("adresse", "1 rue de l’Essai"),
        ("commune", "Versailles"),
    ];
    let answer = app.post(person, "/declaration/coordonnees", &form).await;
    assert_eq!(answer.location, "/declaration/faits", "{}", answer.text);
}

#[tokio::test]
async fn sendings_wait_and_end() {
    for app in on_every_engine(MONDAY).await {
        let jeanne = awaiting(&app, "Jeanne", MAIL).await;
        let began = app.clock.now();
        // Saving the step again sends nothing again.
        gives(&app, &jeanne, MAIL).await;
        assert_eq!(app.letters().await.len(), 1);
        assert!(matches!(
            sends(&app, &jeanne).await,
            Err(SendError::TooSoon { again_at }) if again_at == began.plus_seconds(PAUSE_SECONDS)
        ));
        for _ in 0..2 {
            pass(&app, PAUSE_SECONDS);
            sends(&app, &jeanne).await.unwrap();
        }
        pass(&app, PAUSE_SECONDS);
        assert!(matches!(
            sends(&app, &jeanne).await,
            Err(SendError::TooSoon { again_at }) if again_at == began.plus_minutes(60)
        ));
        app.clock.set(began.plus_minutes(60));
        for _ in 0..3 {
            sends(&app, &jeanne).await.unwrap();
            pass(&app, PAUSE_SECONDS);
        }
        // Six in a day: the address has had enough, whoever asks.
        app.clock.set(began.plus_minutes(121));
        assert!(matches!(
            sends(&app, &jeanne).await,
            Err(SendError::TooMany)
        ));
        let mallory = awaiting(&app, "Mallory", MAIL).await;
        assert_eq!(app.letters().await.len(), 6, "nothing more goes there");
        assert!(matches!(
            sends(&app, &mallory).await,
            Err(SendError::TooMany)
        ));
        let page = app.get(&mallory, "/declaration/verification").await;
        assert!(page.text.contains("courriel"), "{}", page.text);
        // The next day is another.
        app.clock.set(began.plus_minutes(24 * 60));
        sends(&app, &jeanne).await.unwrap();
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn a_person_cannot_fill_strangers_mailboxes() {
    for app in on_every_engine(MONDAY).await {
        let (mallory, _) = app.citizen_with_case("Mallory", POLICE).await;
        for number in 0..20 {
            gives(&app, &mallory, &format!("victime{number}@exemple.example")).await;
        }
        let sent = app.letters().await.len();
        assert_eq!(i64::try_from(sent).unwrap(), PERSON_A_DAY);
    }
}

#[tokio::test]
async fn neither_code_nor_address_stands_anywhere_in_clear() {
    for app in on_every_engine(MONDAY).await {
        let jeanne = awaiting(&app, "Jeanne", MAIL).await;
        let code = code_of(&app, &jeanne, MAIL).await;
        let letters = app.letters().await;
        assert!(letters[0].1.text.contains(&code) && !letters[0].1.subject.contains(&code));
        let mut tx = app.db.read().await.unwrap();
        let rows = fetch_all!(
            &mut tx,
            (String, String, String, String),
            "select c.address_mark, m.event, m.recipient, b.subject
             from contact_codes c, messages m, code_budgets b"
        );
        for row in rows.unwrap() {
            let text = format!("{row:?}");
            assert!(!text.contains("jeanne") && !text.contains(&code), "{text}");
        }
        let lines = fetch_all!(
            &mut tx,
            (String, String),
            "select object, detail from journal"
        );
        for (object, detail) in lines.unwrap() {
            assert!(
                !detail.contains(&code) && !detail.contains("exemple"),
                "{object} {detail}"
            );
        }
    }
}
