//! Receivers that take, refuse, hang, lead astray, vanish and come back.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::Value;

use super::delivery::{Carrier, deliver_next};
use super::outbox::{self, Outcome};
use super::reach::Reach;
use crate::audit::Actor;
use crate::db::Id;
use crate::scheduling::keys::{self, Key};
use crate::testing::{TestApp, on_every_engine, on_sqlite};

/// Monday 2 March 2026, 09:00 in Paris.
const MONDAY: &str = "2026-03-02T08:00:00Z";
const TEN: &str = "2026-03-02T10:00:00%2B01:00";
const ELEVEN: &str = "2026-03-02T11:00:00%2B01:00";

/// What a receiver does with the next delivery; at the end of its part it takes all.
#[derive(Clone, Copy)]
enum Does {
    Answers(u16),
    Hangs,
    LeadsAstray,
}

/// A receiver, and all that it was sent.
#[derive(Clone, Default)]
struct Receiver {
    part: Arc<Mutex<VecDeque<Does>>>,
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Receiver {
    /// Starts one; gives its address.
    async fn start(part: &[Does]) -> (Self, String) {
        let receiver = Receiver::default();
        receiver.part.lock().unwrap().extend(part);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/retours", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .fallback(take)
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, address)
    }

    fn last(&self) -> (HeaderMap, String) {
        self.got.lock().unwrap().last().unwrap().clone()
    }

    fn kinds(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        got.iter()
            .map(|(_, body)| {
                let body: Value = serde_json::from_str(body).unwrap();
                body["type"].as_str().unwrap().to_owned()
            })
            .collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
    let does = receiver.part.lock().unwrap().pop_front();
    receiver.got.lock().unwrap().push((headers, body));
    match does {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Does::Answers(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Does::Hangs) => std::future::pending().await,
        Some(Does::LeadsAstray) => {
            (StatusCode::FOUND, [(header::LOCATION, "/ailleurs")]).into_response()
        }
    }
}

/// Whether a header of signatures holds one by that secret, computed by hand as the
/// specification words it.
fn signed_by(secret: &str, headers: &HeaderMap, body: &str) -> bool {
    let header = |name: &str| headers[name].to_str().unwrap();
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let text = format!(
        "{}.{}.{body}",
        header("webhook-id"),
        header("webhook-timestamp")
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let wanted = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    header("webhook-signature")
        .split(' ')
        .any(|signature| signature == format!("v1,{wanted}"))
}

fn patient() -> Carrier {
    Carrier::new(Reach::Anything, Duration::from_secs(10)).unwrap()
}

/// The demonstration's key, told at an address from now on; gives its secret too.
async fn told_at(app: &TestApp, address: &str) -> (Key, String) {
    let mut tx = app.db.begin().await.unwrap();
    let key = keys::find(&mut tx, &"demonstration".into())
        .await
        .unwrap()
        .unwrap();
    let now = app.clock.now();
    super::set(&mut tx, &key, address, &Actor::System, now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let secret = renewed(app, &key, "first").await.unwrap();
    (key, secret)
}

async fn renewed(app: &TestApp, key: &Key, form: &str) -> Option<String> {
    let mut tx = app.db.begin().await.unwrap();
    let (form, now) = (Id::from(form), app.clock.now());
    let made = super::rotate(&mut tx, &app.keys, key, &form, &Actor::System, now).await;
    tx.commit().await.unwrap();
    made.unwrap()
}

async fn undelivered(app: &TestApp, key: &Key) -> Vec<outbox::Undelivered> {
    let mut tx = app.db.read().await.unwrap();
    outbox::list_undelivered(&mut tx, &key.id).await.unwrap()
}

async fn all(app: &TestApp) -> Vec<Outcome> {
    let carrier = patient();
    let mut outcomes = Vec::new();
    while let Some(outcome) = deliver_next(app, &carrier).await.unwrap() {
        outcomes.push(outcome);
    }
    outcomes
}

#[tokio::test]
async fn every_change_is_told_once_signed_and_as_it_stood_then() {
    for app in on_every_engine(MONDAY).await {
        // What happened before there was anybody to tell is told to nobody.
        app.books("2026-03-05T10:00:00Z").await;
        app.clock.set(app.clock.now().plus_minutes(1));
        let (receiver, address) = Receiver::start(&[]).await;
        let (_, secret) = told_at(&app, &address).await;
        let first = app.books(TEN).await;
        app.asks(
            "PUT",
            &format!("rdvs/{first}/cancel"),
            super::super::sandbox::SECRET,
        )
        .await;
        app.asks(
            "DELETE",
            &format!("rdvs/{first}"),
            super::super::sandbox::SECRET,
        )
        .await;
        assert_eq!(all(&app).await, vec![Outcome::Delivered; 3]);
        assert_eq!(
            receiver.kinds(),
            ["rdv.created", "rdv.cancelled", "rdv.deleted"]
        );
        assert_eq!(all(&app).await, []);

        let got = receiver.got.lock().unwrap().clone();
        let ids: std::collections::BTreeSet<_> = got
            .iter()
            .map(|(headers, _)| headers["webhook-id"].clone())
            .map(|id| id.to_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 3);
        for (headers, body) in &got {
            assert!(signed_by(&secret, headers, body));
            assert!(!signed_by(&secret, headers, &body.replace("rdv.", "rdw.")));
            assert_eq!(
                headers["webhook-timestamp"],
                app.clock.now().seconds().to_string()
            );
            assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        }
        let body: Value = serde_json::from_str(&got[0].1).unwrap();
        let expected = serde_json::json!({
            "type": "rdv.created",
            "timestamp": "2026-03-02T09:01:00+01:00",
            "data": {
                "id": first, "created_at": "2026-03-02 09:01:00 +0100",
                "starts_at": "2026-03-02 10:00:00 +0100", "ends_at": "2026-03-02 10:30:00 +0100",
                "duration_in_min": 30, "status": "unknown", "user_id": first,
                "guichet": {"id": 1, "name": "Guichet 1"},
            },
        });
        assert_eq!(body, expected, "and nothing else: no name, no address");
        let statuses: Vec<Value> = got[1..]
            .iter()
            .map(|(_, body)| serde_json::from_str::<Value>(body).unwrap()["data"]["status"].clone())
            .collect();
        assert_eq!(statuses, ["excused", "excused"]);
        app.journal_holds().await;
    }
}

#[test]
fn the_specification_s_own_example_is_signed_as_it_says() {
    // The example of the format's reference library.
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let signer = standardwebhooks::Webhook::new(secret).unwrap();
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    let signature = signer.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
    assert_eq!(
        signature.unwrap(),
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
    );
}

#[tokio::test]
async fn a_receiver_that_does_not_take_it_is_asked_again_later_under_the_same_id() {
    for app in on_every_engine(MONDAY).await {
        let part = [
            Does::Answers(500),
            Does::LeadsAstray,
            Does::Answers(404),
            Does::Hangs,
        ];
        let (receiver, address) = Receiver::start(&part).await;
        let (key, _) = told_at(&app, &address).await;
        app.books(TEN).await;
        let hasty = Carrier::new(Reach::Anything, Duration::from_millis(200)).unwrap();
        let mut ids = Vec::new();
        let mut waits = Vec::new();
        for why in [
            "500",
            "302, and redirects are not followed",
            "404",
            "no answer in time",
        ] {
            let carrier = if why == "no answer in time" {
                &hasty
            } else {
                &patient()
            };
            let before = app.clock.now();
            let outcome = deliver_next(&app, carrier).await.unwrap().unwrap();
            let Outcome::Later(said, next) = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(said, why);
            waits.push(next.0 - before.0);
            ids.push(receiver.last().0["webhook-id"].clone());
            assert_eq!(
                undelivered(&app, &key).await[0].last_error.as_deref(),
                Some(why)
            );
            // Not before its time.
            assert_eq!(deliver_next(&app, &patient()).await.unwrap(), None);
            app.clock.set(next);
        }
        for (wait, least, most) in [
            (waits[0], 5_000, 10_000),
            (waits[1], 10_000, 20_000),
            (waits[2], 20_000, 40_000),
            (waits[3], 40_000, 80_000),
        ] {
            assert!((least..=most).contains(&wait), "{waits:?}");
        }
        assert_eq!(all(&app).await, [Outcome::Delivered]);
        ids.push(receiver.last().0["webhook-id"].clone());
        assert!(ids.iter().all(|id| *id == ids[0]));
        assert_eq!(
            receiver.got.lock().unwrap().len(),
            5,
            "the redirect was not followed"
        );
        assert!(undelivered(&app, &key).await.is_empty());
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_given_up_and_sent_again_by_hand() {
    for app in on_every_engine(MONDAY).await {
        // Nobody listens there.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let (key, _) = told_at(&app, &address).await;
        app.books(TEN).await;
        let carrier = patient();
        let mut tries = 0;
        let given_up = loop {
            match deliver_next(&app, &carrier).await.unwrap().unwrap() {
                Outcome::Later(why, next) => {
                    assert_eq!(why, "no connection");
                    tries += 1;
                    app.clock.set(next);
                }
                other => break other,
            }
        };
        assert_eq!(given_up, Outcome::Dead("no connection".into()));
        assert!(tries > 60, "{tries}: about every hour for three days");
        let dead = undelivered(&app, &key).await;
        assert!(dead[0].ended_at.is_some());
        assert_eq!(deliver_next(&app, &carrier).await.unwrap(), None);

        let (receiver, address) = Receiver::start(&[]).await;
        let mut tx = app.db.begin().await.unwrap();
        let now = app.clock.now();
        super::set(&mut tx, &key, &address, &Actor::System, now)
            .await
            .unwrap();
        assert!(
            outbox::resend(&mut tx, &key, &dead[0].id, &Actor::System, now)
                .await
                .unwrap()
        );
        assert!(
            !outbox::resend(&mut tx, &key, &dead[0].id, &Actor::System, now)
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        assert_eq!(all(&app).await, [Outcome::Delivered]);
        assert_eq!(receiver.last().0["webhook-id"], dead[0].id.as_str());

        // 410 says that this one is wanted no more, at once.
        let (_, address) = Receiver::start(&[Does::Answers(410)]).await;
        let mut tx = app.db.begin().await.unwrap();
        super::set(&mut tx, &key, &address, &Actor::System, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let start = "2026-03-10T10:00:00Z";
        app.books(start).await;
        assert_eq!(all(&app).await, [Outcome::Dead("410".into())]);
    }
}

#[tokio::test]
async fn for_a_day_after_its_secret_is_replaced_both_sign() {
    for app in on_every_engine(MONDAY).await {
        let (receiver, address) = Receiver::start(&[]).await;
        let (key, first) = told_at(&app, &address).await;
        let second = renewed(&app, &key, "second").await.unwrap();
        assert_eq!(renewed(&app, &key, "second").await, None);
        for (minutes, start, by_first) in [
            (0, TEN, true),
            (24 * 60 - 1, "2026-03-03T10:00:00Z", true),
            (1, "2026-03-03T11:00:00Z", false),
        ] {
            app.clock.set(app.clock.now().plus_minutes(minutes));
            app.books(start).await;
            assert_eq!(all(&app).await, [Outcome::Delivered]);
            let (headers, body) = receiver.last();
            assert!(signed_by(&second, &headers, &body));
            assert_eq!(signed_by(&first, &headers, &body), by_first, "{minutes}");
        }
        // Neither stands in the database as it is.
        let mut tx = app.db.read().await.unwrap();
        let sealed = crate::fetch_all!(
            &mut tx,
            (Vec<u8>,),
            "select sealed_secret from scheduling_webhook_secrets"
        )
        .unwrap();
        for secret in [first, second] {
            assert!(sealed.iter().all(|(bytes,)| {
                !bytes
                    .windows(secret.len())
                    .any(|part| part == secret.as_bytes())
            }));
        }
    }
}

#[tokio::test]
async fn nothing_is_told_without_a_secret_after_removal_or_by_a_revoked_key() {
    for app in on_every_engine(MONDAY).await {
        let (receiver, address) = Receiver::start(&[]).await;
        let mut tx = app.db.begin().await.unwrap();
        let key = keys::find(&mut tx, &"demonstration".into())
            .await
            .unwrap()
            .unwrap();
        let (now, system) = (app.clock.now(), Actor::System);
        super::set(&mut tx, &key, &address, &system, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        app.books(TEN).await;
        let outcome = deliver_next(&app, &patient()).await.unwrap().unwrap();
        assert!(
            matches!(&outcome, Outcome::Later(why, _) if why.contains("no secret")),
            "{outcome:?}"
        );
        let mut tx = app.db.begin().await.unwrap();
        super::remove(&mut tx, &key, &system, now).await.unwrap();
        tx.commit().await.unwrap();
        app.books(ELEVEN).await;
        app.clock.set(app.clock.now().plus_minutes(60));
        assert_eq!(deliver_next(&app, &patient()).await.unwrap(), None);
        let (key, _) = told_at(&app, &address).await;
        let mut tx = app.db.begin().await.unwrap();
        keys::revoke(&mut tx, &key, &system, app.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        // The unit goes on, and the revoked key's receiver hears nothing of it.
        let admin = app
            .officer(crate::identity::Role::Officer, "u-78-gendarmerie")
            .await;
        app.get(&admin, "/agent").await;
        assert_eq!(deliver_next(&app, &patient()).await.unwrap(), None);
        assert!(receiver.got.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_keeps_no_other_waiting() {
    for app in on_every_engine(MONDAY).await {
        let (_hanging, hangs) = Receiver::start(&[Does::Hangs]).await;
        let (key, _) = told_at(&app, &hangs).await;
        app.books(TEN).await;
        app.books(ELEVEN).await;
        outbox::deal(&app).await.unwrap();
        let (parcel, _) = outbox::claim(&app, 25).await.unwrap().unwrap();
        // One at a time to each receiver: its second change waits.
        assert!(outbox::claim(&app, 25).await.unwrap().is_none());
        // Whoever had it ended: after the lease it is somebody else's.
        app.clock.set(app.clock.now().plus_seconds(25));
        let (again, _) = outbox::claim(&app, 25).await.unwrap().unwrap();
        assert_ne!(again.id, parcel.id, "what waited longer comes first");
        outbox::release(&app, &again, &Outcome::Delivered)
            .await
            .unwrap();
        let (last, _) = outbox::claim(&app, 25).await.unwrap().unwrap();
        assert_eq!((last.id.clone(), last.attempts), (parcel.id, 2));
        outbox::release(&app, &last, &Outcome::Delivered)
            .await
            .unwrap();
        assert!(undelivered(&app, &key).await.is_empty());
    }
}

#[tokio::test]
async fn outside_the_sandbox_no_private_address_is_asked_even_if_it_was_kept() {
    let app = on_sqlite(MONDAY).await;
    let (receiver, address) = Receiver::start(&[]).await;
    told_at(&app, &address).await;
    app.books(TEN).await;
    let strict = Carrier::new(Reach::Public, Duration::from_secs(10)).unwrap();
    let outcome = deliver_next(&app, &strict).await.unwrap().unwrap();
    assert!(
        matches!(&outcome, Outcome::Later(why, _) if why == "the address is not_https"),
        "{outcome:?}"
    );
    assert!(receiver.got.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_over_is_forgotten_after_a_month() {
    for app in on_every_engine(MONDAY).await {
        let (_receiver, address) = Receiver::start(&[]).await;
        told_at(&app, &address).await;
        app.books(TEN).await;
        assert_eq!(all(&app).await, [Outcome::Delivered]);
        let rows = async || {
            let mut tx = app.db.read().await.unwrap();
            let rows = crate::fetch_all!(
                &mut tx,
                (i64,),
                "select (select count(*) from scheduling_deliveries) + (select count(*) from anonymous_changes)"
            );
            rows.unwrap()[0].0
        };
        outbox::forget(&app).await.unwrap();
        assert_eq!(rows().await, 2);
        app.clock
            .set(app.clock.now().plus_minutes(30 * 24 * 60 + 1));
        outbox::forget(&app).await.unwrap();
        assert_eq!(rows().await, 0);
    }
}
