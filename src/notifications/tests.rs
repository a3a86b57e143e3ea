//! Messages on their way, to recipients who are there, are not, or come back
//! later; by the sandbox's supplier and by a mail server that is not ours.

#![allow(clippy::unwrap_used)]

use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;

use super::segments::{Alphabet, size_of};
use super::suppliers::Suppliers;
use super::{
    Channel, Outgoing, Values, dead_letters, enqueue, outbox, templates, upkeep, withdraw,
};
use crate::audit::Actor;
use crate::db::Id;
use crate::identity::Role;
use crate::messages::Lang;
use crate::testing::{TestApp, on_every_engine, on_every_engine_with, on_sqlite};
use crate::{fetch_all, fetch_optional};

mod mail_server;

const MONDAY: &str = "2026-03-02T08:00:00Z";
const POLICE: &str = "u-78-police";
const NOBODY: &str = "+33639980090";
const NEVER: &str = "+33639980091";
const THIRD_TIME: &str = "+33639980092";

/// Writes one message for an hour, of the unit POLICE.
async fn write(app: &TestApp, event: &str, channel: Channel, values: &Values) {
    let now = app.clock.now();
    let unit = Id::from(POLICE);
    let outgoing = Outgoing {
        event,
        recipient: "citizen/1",
        unit: Some(&unit),
        channel,
        template: "ready",
        language: "fr",
        values,
        expires_at: now.plus_minutes(60),
        due_at: now,
    };
    let mut tx = app.db.begin().await.unwrap();
    enqueue(&mut tx, &app.keys, &outgoing, now).await.unwrap();
    tx.commit().await.unwrap();
}

fn to(address: &str) -> Values {
    Values {
        address: address.to_owned(),
        ..Values::default()
    }
}

/// Sends what is due at this instant; gives how many attempts that were.
async fn send(app: &TestApp, suppliers: &Suppliers) -> usize {
    let mut attempts = 0;
    loop {
        let before = attempts;
        for &channel in Channel::ALL {
            while outbox::send_next(app, suppliers, channel).await.unwrap() {
                attempts += 1;
            }
        }
        // What is dead by one channel may be due by the other.
        if attempts == before {
            return attempts;
        }
    }
}

#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
struct Row {
    event: String,
    channel: Channel,
    state: String,
    attempts: i64,
    reason: Option<String>,
    supplier: Option<String>,
}

async fn rows(app: &TestApp) -> Vec<Row> {
    let mut tx = app.db.read().await.unwrap();
    fetch_all!(
        &mut tx,
        Row,
        "select event, channel, state, attempts, reason, supplier from messages order by created_at, event, channel"
    )
    .unwrap()
}

/// Message id and recipient of everything the sandbox accepted.
async fn delivered(app: &TestApp) -> Vec<(String, String)> {
    let mut tx = app.db.read().await.unwrap();
    fetch_all!(
        &mut tx,
        (String, String),
        "select message_id, recipient from sandbox_deliveries order by accepted_at, message_id"
    )
    .unwrap()
}

#[tokio::test]
async fn a_message_that_does_not_open_waits_for_whoever_opens_it_and_the_next_one_goes() {
    for app in on_every_engine(MONDAY).await {
        let suppliers = Suppliers::new(&app);
        write(&app, "1", Channel::Email, &to("angele@exemple.example")).await;
        let mut tx = app.db.begin().await.unwrap();
        let spoilt = vec![1_u8; 60];
        crate::execute!(&mut tx, "update messages set sealed_values = $1", spoilt).unwrap();
        tx.commit().await.unwrap();
        write(&app, "2", Channel::Email, &to("angele@exemple.example")).await;
        assert_eq!(send(&app, &suppliers).await, 2);
        let found = rows(&app).await;
        assert_eq!((found[0].state.as_str(), found[0].attempts), ("pending", 1));
        assert_eq!(found[1].state, "sent");
        app.clock.set(app.clock.now().plus_minutes(61));
        send(&app, &suppliers).await;
        let found = &rows(&app).await[0];
        assert_eq!(
            (found.state.as_str(), found.reason.as_deref()),
            ("expired", Some("expired"))
        );
    }
}

#[tokio::test]
async fn a_dead_number_is_not_tried_again_and_its_administrator_sends_it_to_another() {
    for app in on_every_engine(MONDAY).await {
        let suppliers = Suppliers::new(&app);
        write(&app, "record/1/ready", Channel::Sms, &to(NOBODY)).await;
        assert_eq!(send(&app, &suppliers).await, 1);
        app.clock.set(app.clock.now().plus_minutes(30));
        assert_eq!(send(&app, &suppliers).await, 0, "it is not tried again");
        let found = &rows(&app).await[0];
        assert_eq!(
            (
                found.state.as_str(),
                found.attempts,
                found.reason.as_deref()
            ),
            ("dead", 1, Some("recipient"))
        );

        let admin = app.officer(Role::UnitAdmin, POLICE).await;
        let page = app.get(&admin, "/administration/messages").await;
        for shown in [
            "Documents disponibles – SMS",
            "Le numéro n’existe pas",
            "record/1/ready",
        ] {
            assert!(page.text.contains(shown), "{shown}");
        }
        assert!(!page.text.contains("3998"), "the number is shown");
        let mut tx = app.db.read().await.unwrap();
        let (id,) = fetch_optional!(&mut tx, (String,), "select id from messages")
            .unwrap()
            .unwrap();
        drop(tx);
        let again = format!("/administration/messages/{id}/renvoyer");
        assert!(!app.get(&admin, &again).await.text.contains("3998"));
        let wrong = app.post(&admin, &again, &[("adresse", "06 39")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            wrong
                .text
                .contains("Indiquez un numéro de téléphone complet")
        );
        let right = [("adresse", "06 39 98 00 05")];
        let sent = app.post(&admin, &again, &right).await;
        assert_eq!(sent.location, "/administration/messages?fait=renvoye");
        // Pressed twice, it goes once.
        let twice = app.post(&admin, &again, &right).await;
        assert_eq!(twice.status, StatusCode::NOT_FOUND);
        assert_eq!(send(&app, &suppliers).await, 1);
        assert_eq!(
            delivered(&app).await,
            [(id.clone(), "+33639980005".to_owned())]
        );
        let mut tx = app.db.read().await.unwrap();
        let lines = crate::audit::lines_about(&mut tx, &format!("message/{id}"))
            .await
            .unwrap();
        drop(tx);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].detail, "channel=sms corrected=true");
        assert_eq!(lines[0].actor, format!("officer/{}", admin.id));
        let empty = app.get(&admin, "/administration/messages").await;
        assert!(empty.text.contains("Tout a été remis"));
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn what_was_told_by_a_dead_channel_alone_goes_by_the_other() {
    for app in on_every_engine(MONDAY).await {
        let suppliers = Suppliers::new(&app);
        let values = Values {
            fallback: "+33639980005".into(),
            ..to("inconnu@simulateur.example")
        };
        write(&app, "record/1/ready", Channel::Email, &values).await;
        assert_eq!(send(&app, &suppliers).await, 2);
        let deliveries = delivered(&app).await;
        assert_eq!(deliveries.len(), 1);
        assert_eq!(deliveries[0].1, "+33639980005");
        let states: Vec<_> = rows(&app)
            .await
            .into_iter()
            .map(|row| (row.channel, row.state))
            .collect();
        assert_eq!(
            states,
            [
                (Channel::Email, "dead".to_owned()),
                (Channel::Sms, "sent".to_owned())
            ]
        );
        // Where both were used from the beginning, nothing is told twice.
        write(&app, "record/2/ready", Channel::Email, &values).await;
        write(&app, "record/2/ready", Channel::Sms, &to("+33639980005")).await;
        send(&app, &suppliers).await;
        assert_eq!(delivered(&app).await.len(), 2);
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_until_it_works_or_its_time_is_over() {
    for app in on_every_engine(MONDAY).await {
        let suppliers = Suppliers::new(&app);
        write(&app, "record/1/ready", Channel::Sms, &to(THIRD_TIME)).await;
        write(&app, "record/2/ready", Channel::Sms, &to(NEVER)).await;
        let mut attempts = send(&app, &suppliers).await;
        assert_eq!(attempts, 2);
        assert_eq!(send(&app, &suppliers).await, 0, "not at once");
        for _ in 0..61 {
            app.clock.set(app.clock.now().plus_minutes(1));
            attempts += send(&app, &suppliers).await;
        }
        let found = rows(&app).await;
        assert_eq!((found[0].state.as_str(), found[0].attempts), ("sent", 3));
        assert_eq!(found[1].state, "expired");
        assert_eq!(found[1].reason.as_deref(), Some("expired"));
        // Spaced further and further: an hour has room for eight or so.
        assert!((7..=12).contains(&found[1].attempts), "{found:?}");
        assert_eq!(delivered(&app).await.len(), 1);
        assert!(attempts >= 3 + 7);
        // Its time is over: there is nothing to send again.
        let admin = app.officer(Role::DepartmentAdmin, POLICE).await;
        let page = app.get(&admin, "/administration/messages").await;
        assert!(
            page.text
                .contains("n’a pas pu partir tant qu’il était utile")
        );
        assert!(page.text.contains("il ne peut plus être renvoyé"));
        let mut tx = app.db.read().await.unwrap();
        let (id,) = fetch_optional!(
            &mut tx,
            (String,),
            "select id from messages where state = 'expired'"
        )
        .unwrap()
        .unwrap();
        drop(tx);
        let again = format!("/administration/messages/{id}/renvoyer");
        assert_eq!(app.get(&admin, &again).await.status, StatusCode::CONFLICT);
        assert_eq!(
            app.post(&admin, &again, &[]).await.status,
            StatusCode::CONFLICT
        );
    }
}

#[tokio::test]
async fn a_mail_server_that_hangs_does_not_keep_texts_from_going() {
    // It takes the connection and never says a word.
    let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", hangs.local_addr().unwrap());
    for app in on_every_engine_with(MONDAY, |config| config.smtp_url.clone_from(&url)).await {
        write(
            &app,
            "record/1/ready",
            Channel::Email,
            &to("a@exemple.example"),
        )
        .await;
        let stop = CancellationToken::new();
        let worker = tokio::spawn(outbox::run(app.app.clone(), stop.clone()));
        let _silent = hangs.accept().await.unwrap();
        write(&app, "record/2/ready", Channel::Sms, &to("+33639980005")).await;
        while delivered(&app).await.is_empty() {
            tokio::task::yield_now().await;
        }
        // The mail is still at its first try.
        let mut tx = app.db.read().await.unwrap();
        let (attempts, error) = fetch_optional!(
            &mut tx,
            (i64, Option<String>),
            "select attempts, last_error from messages where channel = 'email'"
        )
        .unwrap()
        .unwrap();
        assert_eq!((attempts, error), (1, None));
        worker.abort();
    }
}

#[tokio::test]
async fn what_was_told_before_newer_news_is_neither_sent_nor_sent_again() {
    for app in on_every_engine(MONDAY).await {
        let suppliers = Suppliers::new(&app);
        let old = "appointment/1/booked";
        write(&app, old, Channel::Sms, &to(NOBODY)).await;
        write(&app, "appointment/1/late", Channel::Sms, &to(NEVER)).await;
        // Others begin alike.
        write(&app, "appointment/12/booked", Channel::Sms, &to(NEVER)).await;
        assert_eq!(send(&app, &suppliers).await, 3);
        write(&app, old, Channel::Email, &to("a@exemple.example")).await;
        let mut tx = app.db.read().await.unwrap();
        let (id,) = fetch_optional!(
            &mut tx,
            (Id,),
            "select id from messages where state = 'dead'"
        )
        .unwrap()
        .unwrap();
        drop(tx);
        let now = app.clock.now();
        let mut tx = app.db.begin().await.unwrap();
        withdraw(&mut tx, "appointment/1", now).await.unwrap();
        tx.commit().await.unwrap();
        write(
            &app,
            "appointment/1/moved/1",
            Channel::Email,
            &to("a@exemple.example"),
        )
        .await;

        let states: Vec<_> = rows(&app)
            .await
            .into_iter()
            .map(|row| (row.event, row.channel, row.state))
            .collect();
        for (event, channel, state) in [
            (old, Channel::Sms, "dead"),
            (old, Channel::Email, "expired"),
            ("appointment/1/late", Channel::Sms, "expired"),
            ("appointment/12/booked", Channel::Sms, "pending"),
            ("appointment/1/moved/1", Channel::Email, "pending"),
        ] {
            let expected = (event.to_owned(), channel, state.to_owned());
            assert!(states.contains(&expected), "{expected:?} {states:?}");
        }
        app.clock.set(now.plus_minutes(1));
        assert_eq!(send(&app, &suppliers).await, 2, "the other's and the newer");
        assert_eq!(delivered(&app).await.len(), 1);

        // The administrator sees what failed, and cannot send it any more.
        let admin = app.officer(Role::UnitAdmin, POLICE).await;
        let page = app.get(&admin, "/administration/messages").await;
        assert!(page.text.contains("il ne peut plus être renvoyé"));
        assert!(page.text.contains("appointment/1/booked"));
        let again = format!("/administration/messages/{id}/renvoyer");
        let posted = app.post(&admin, &again, &[]).await;
        assert_eq!(posted.status, StatusCode::CONFLICT);
        let mut tx = app.db.begin().await.unwrap();
        let letters = dead_letters::list(&mut tx, &POLICE.into(), app.clock.now())
            .await
            .unwrap();
        assert_eq!(letters.len(), 2, "what was never tried is nobody's failure");
        for letter in letters {
            let actor = Actor::System;
            let sent = dead_letters::resend(&mut tx, &app.keys, &letter, None, &actor, now)
                .await
                .unwrap();
            assert!(!sent);
        }
    }
}

#[tokio::test]
async fn undelivered_messages_are_for_the_administrators_of_their_unit() {
    let app = on_sqlite(MONDAY).await;
    let suppliers = Suppliers::new(&app);
    write(&app, "record/1/ready", Channel::Sms, &to(NOBODY)).await;
    send(&app, &suppliers).await;
    let mut tx = app.db.read().await.unwrap();
    let (id,) = fetch_optional!(&mut tx, (String,), "select id from messages")
        .unwrap()
        .unwrap();
    drop(tx);
    let again = format!("/administration/messages/{id}/renvoyer");
    for (role, unit, list, letter) in [
        (Role::UnitAdmin, POLICE, 200, 200),
        (Role::DepartmentAdmin, "u-78-gendarmerie", 200, 200),
        (Role::UnitAdmin, "u-78-gendarmerie", 200, 404),
        (Role::DepartmentAdmin, "u-974-police", 200, 404),
        (Role::Officer, POLICE, 403, 403),
        (Role::Auditor, POLICE, 403, 403),
    ] {
        let person = app.officer(role, unit).await;
        let page = app.get(&person, "/administration/messages").await;
        assert_eq!(page.status.as_u16(), list, "{role} {unit}");
        assert_eq!(
            page.text.contains("record/1/ready"),
            letter == 200,
            "{role} {unit}"
        );
        let texts = app.get(&person, "/administration/messages/modeles").await;
        assert_eq!(texts.status.as_u16(), list, "{role} {unit}");
        assert_eq!(
            app.get(&person, &again).await.status.as_u16(),
            letter,
            "{role} {unit}"
        );
        if letter != 200 {
            let posted = app.post(&person, &again, &[]).await;
            assert_eq!(posted.status.as_u16(), letter, "{role} {unit}");
        }
    }
}

#[tokio::test]
async fn every_text_has_words_for_both_channels_and_an_sms_costs_what_is_said() {
    let app = on_sqlite(MONDAY).await;
    let link = templates::example_link(&app);
    for template in templates::ALL {
        for &lang in Lang::ALL {
            for channel in [Channel::Email, Channel::Sms] {
                assert!(templates::speaks(channel, template), "{template} {channel}");
            }
            let values = templates::example(lang, "https://visioplainte.example");
            let sms = templates::fill(Channel::Sms, template, lang, &values, &link);
            let size = size_of(&sms.text);
            assert_eq!(
                size.alphabet,
                Alphabet::Gsm7,
                "{template} {lang}: {}",
                sms.text
            );
            assert!(size.segments <= 2, "{template} {lang}: {size:?}");
            assert!(!sms.text.contains('{') && !sms.text.contains('⟦'));
        }
    }
    let admin = app.officer(Role::UnitAdmin, POLICE).await;
    let page = app.get(&admin, "/administration/messages/modeles").await;
    for shown in [
        "Confirmation de rendez-vous – English",
        "segments facturés",
        "centimes",
    ] {
        assert!(page.text.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn addresses_are_forgotten_and_rows_go_when_nobody_needs_them_any_more() {
    for app in on_every_engine(MONDAY).await {
        let suppliers = Suppliers::new(&app);
        let remembered = async || {
            let mut tx = app.db.read().await.unwrap();
            let rows = fetch_all!(
                &mut tx,
                (String, i64),
                "select event, cast(length(sealed_values) as bigint) from messages order by event"
            );
            let rows = rows.unwrap().into_iter();
            rows.map(|(event, length)| (event, length > 0))
                .collect::<Vec<_>>()
        };
        let know = |events: &[(&str, bool)]| {
            let events = events.iter();
            events
                .map(|(event, known)| ((*event).to_owned(), *known))
                .collect::<Vec<_>>()
        };
        write(&app, "1-sent", Channel::Sms, &to("+33639980001")).await;
        write(&app, "2-dead", Channel::Sms, &to(NOBODY)).await;
        write(&app, "3-retried", Channel::Sms, &to(NEVER)).await;
        send(&app, &suppliers).await;
        let standing = upkeep::standing(&app.db, app.clock.now()).await.unwrap();
        assert_eq!(
            (standing[0].pending, standing[0].late, standing[0].dead),
            (1, 0, 1)
        );
        assert_eq!(
            remembered().await,
            know(&[("1-sent", false), ("2-dead", true), ("3-retried", true)]),
            "where a message went is forgotten at once"
        );

        let start = app.clock.now();
        app.clock.set(start.plus_minutes(10));
        let standing = upkeep::standing(&app.db, app.clock.now()).await.unwrap();
        assert_eq!((standing[0].pending, standing[0].late), (1, 1));

        for (days, left) in [
            (
                29,
                &[("1-sent", false), ("2-dead", true), ("3-retried", true)][..],
            ),
            (
                31,
                &[("1-sent", false), ("2-dead", false), ("3-retried", true)][..],
            ),
            (upkeep::ROW_DAYS + 1, &[("3-retried", true)][..]),
        ] {
            let now = start.plus_minutes(days * 24 * 60);
            upkeep::forget(&app.db, now).await.unwrap();
            assert_eq!(remembered().await, know(left), "after {days} days");
        }
        // What still waits is nobody's to throw away.
        app.clock
            .set(start.plus_minutes(upkeep::ROW_DAYS * 24 * 60));
        send(&app, &suppliers).await;
        let now = app.clock.now().plus_minutes(upkeep::ROW_DAYS * 24 * 60);
        upkeep::forget(&app.db, now).await.unwrap();
        assert_eq!(remembered().await, know(&[]));
    }
}
