//! The calls, through the whole router, on both databases.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::description;
use super::keys::{self, NewKey};
use super::sandbox::SECRET;
use crate::audit::Actor;
use crate::booking::{self, State, anonymous};
use crate::db::Id;
use crate::identity::Role;
use crate::testing::{Person, TestApp, at, on_every_engine, on_sqlite};

/// Monday 2 March 2026, 09:00 in Paris.
const MONDAY: &str = "2026-03-02T08:00:00Z";
const UNIT: &str = "u-78-gendarmerie";
const DESK: &str = "d-78-gendarmerie-1";
const TEN: &str = "2026-03-02T10:00:00%2B01:00";

/// What a call answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) allow: String,
}

impl TestApp {
    /// A call with a key; an empty one is none.
    pub(super) async fn asks(&self, method: &str, path: &str, key: &str) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let address = format!("/api/visioplainte/{path}");
        let mut request = Request::builder().method(method).uri(address);
        if !key.is_empty() {
            request = request.header("X-VISIOPLAINTE-API-KEY", key);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router().oneshot(request).await.unwrap();
        let status = response.status();
        let header = |name| {
            let value = response.headers().get(name);
            value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let (kind, allow) = (header(header::CONTENT_TYPE), header(header::ALLOW));
        assert_eq!(header(header::CACHE_CONTROL), "no-store");
        let bytes = axum::body::to_bytes(response.into_body(), 4 << 20)
            .await
            .unwrap();
        let body = if status == StatusCode::NO_CONTENT {
            assert!(bytes.is_empty());
            Value::Null
        } else {
            assert!(kind.starts_with("application/json"), "{path}: {kind}");
            serde_json::from_slice(&bytes).unwrap()
        };
        assert!(
            !body.to_string().contains('⟦'),
            "a message is missing: {body}"
        );
        Answer {
            status,
            body,
            allow,
        }
    }

    async fn call(&self, method: &str, path: &str) -> (u16, Value) {
        let answer = self.asks(method, path, SECRET).await;
        (answer.status.as_u16(), answer.body)
    }

    /// A booking; gives its number.
    pub(super) async fn books(&self, starts_at: &str) -> i64 {
        let (status, rdv) = self
            .call("POST", &format!("rdvs?starts_at={starts_at}"))
            .await;
        assert_eq!(status, 201, "{rdv}");
        rdv["id"].as_i64().unwrap()
    }

    async fn key_of(&self, unit: &str) -> String {
        let unit = self.unit(unit).await;
        let id = Id::random();
        let new = NewKey {
            id: &id,
            name: "Essai",
            expires_at: None,
        };
        let mut tx = self.db.begin().await.unwrap();
        let now = self.clock.now();
        let secret = keys::create(&mut tx, &unit, new, &Actor::System, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        secret.unwrap()
    }

    /// The appointment behind a number.
    async fn behind(&self, number: i64) -> booking::Appointment {
        let mut tx = self.db.read().await.unwrap();
        let found = anonymous::find_by_number(&mut tx, &UNIT.into(), number)
            .await
            .unwrap();
        found.unwrap()
    }

    async fn statuses(&self) -> Vec<(i64, String)> {
        let week = "rdvs?date_debut=2026-03-01&date_fin=2026-03-08";
        let (_, body) = self.call("GET", week).await;
        let rdvs = body["rdvs"].as_array().unwrap();
        let pair = |rdv: &Value| {
            (
                rdv["id"].as_i64().unwrap(),
                rdv["status"].as_str().unwrap().to_owned(),
            )
        };
        rdvs.iter().map(pair).collect()
    }
}

fn starts(body: &Value) -> Vec<&str> {
    let slots = body["creneaux"].as_array().unwrap();
    slots
        .iter()
        .map(|slot| slot["starts_at"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_front_end_finds_books_calls_off_and_erases_as_the_contract_says() {
    for app in on_every_engine(MONDAY).await {
        let (status, body) = app.call("GET", "guichets").await;
        assert_eq!(
            (status, &body),
            (200, &json!({"guichets": [{"id": 1, "name": "Guichet 1"}]}))
        );

        let day = "creneaux?date_debut=2026-03-02&date_fin=2026-03-02";
        let (status, body) = app.call("GET", day).await;
        assert_eq!(status, 200);
        let slots = starts(&body);
        assert_eq!(slots.first(), Some(&"2026-03-02T09:00:00+01:00"));
        assert_eq!(slots.last(), Some(&"2026-03-02T19:30:00+01:00"));
        assert_eq!(body["creneaux"][0]["duration_in_min"], 30);
        assert_eq!(body["creneaux"][0].as_object().unwrap().len(), 2);

        let (status, body) = app
            .call("GET", "creneaux/prochain?date_debut=2026-03-03")
            .await;
        let next = json!({"starts_at": "2026-03-03T08:00:00+01:00", "duration_in_min": 30});
        assert_eq!((status, body), (200, next));

        let (status, rdv) = app.call("POST", &format!("rdvs?starts_at={TEN}")).await;
        let booked = json!({
            "id": 1,
            "created_at": "2026-03-02 09:00:00 +0100",
            "starts_at": "2026-03-02 10:00:00 +0100",
            "ends_at": "2026-03-02 10:30:00 +0100",
            "duration_in_min": 30,
            "status": "unknown",
            "user_id": 1,
            "guichet": {"id": 1, "name": "Guichet 1"},
        });
        assert_eq!((status, &rdv), (201, &booked));
        let (_, body) = app.call("GET", day).await;
        assert!(!starts(&body).contains(&"2026-03-02T10:00:00+01:00"));
        let again = app.call("POST", &format!("rdvs?starts_at={TEN}")).await;
        assert_eq!(again.0, 422);
        assert_eq!(
            again.1,
            json!({"errors": ["Aucun guichet n’est libre à cette heure : demandez les créneaux de nouveau."]})
        );

        let by_id = app.call("GET", "rdvs?ids[]=1&ids[]=99").await;
        assert_eq!(by_id, (200, json!({"rdvs": [booked]})));
        for (query, count) in [
            (
                "date_debut=2026-03-02T10:00:00%2B01:00&date_fin=2026-03-02T10:00:00%2B01:00",
                1,
            ),
            (
                "date_debut=2026-03-02T10:00:01%2B01:00&date_fin=2026-03-02T12:00:00%2B01:00",
                0,
            ),
            (
                "date_debut=2026-03-02T09:00:00Z&date_fin=2026-03-02T09:00:00Z",
                1,
            ),
            ("date_debut=2026-03-01&date_fin=2026-03-03", 1),
            (
                "date_debut=2026-03-01&date_fin=2026-03-03&guichet_ids[]=1",
                1,
            ),
            (
                "date_debut=2026-03-01&date_fin=2026-03-03&guichet_ids[]=2",
                0,
            ),
            ("date_debut=2026-03-01&date_fin=2026-03-03&ids[]=2", 0),
            ("ids[]=1&date_debut=2026-03-03", 0),
            ("date_debut=2026-03-03&date_fin=2026-03-01", 0),
        ] {
            let (status, body) = app.call("GET", &format!("rdvs?{query}")).await;
            assert_eq!(
                (status, body["rdvs"].as_array().unwrap().len()),
                (200, count),
                "{query}"
            );
        }

        let (status, cancelled) = app.call("PUT", "rdvs/1/cancel").await;
        let mut excused = booked.clone();
        excused["status"] = "excused".into();
        assert_eq!((status, &cancelled), (200, &excused));
        assert_eq!(app.call("PUT", "rdvs/1/cancel").await, (200, excused));
        assert_eq!(app.statuses().await, [(1, "excused".into())]);
        let (_, body) = app.call("GET", day).await;
        assert!(
            starts(&body).contains(&"2026-03-02T10:00:00+01:00"),
            "its desk is free again"
        );

        assert_eq!(
            app.asks("DELETE", "rdvs/1", SECRET).await.status,
            StatusCode::NO_CONTENT
        );
        assert!(app.statuses().await.is_empty());
        assert_eq!(app.call("GET", "rdvs?ids[]=1").await.1, json!({"rdvs": []}));
        for (method, path) in [("DELETE", "rdvs/1"), ("PUT", "rdvs/1/cancel")] {
            let (status, body) = app.call(method, path).await;
            assert_eq!(
                (status, body["errors"].as_array().unwrap().len()),
                (404, 1),
                "{path}"
            );
        }
        // The number is gone for good.
        assert!(app.books(TEN).await > 1);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn openings_come_with_numbers_that_stay_and_lose_only_the_days_left_out() {
    for app in on_every_engine(MONDAY).await {
        let path = "plages_ouverture?date_debut=2026-03-28&date_fin=2026-03-30";
        let (status, body) = app.call("GET", path).await;
        let opening = |from: &str, to: &str| json!({"id": 1, "starts_at": from, "ends_at": to, "guichet_id": 1});
        // The clock changes on the night of 29 March.
        let openings = [
            opening("2026-03-28T08:00:00+01:00", "2026-03-28T20:00:00+01:00"),
            opening("2026-03-29T08:00:00+02:00", "2026-03-29T20:00:00+02:00"),
            opening("2026-03-30T08:00:00+02:00", "2026-03-30T20:00:00+02:00"),
        ];
        assert_eq!(
            (status, &body),
            (200, &json!({"plages_ouverture": openings}))
        );
        let unit_admin = app.officer(Role::UnitAdmin, UNIT).await;
        let mut tx = app.db.read().await.unwrap();
        let hours = crate::calendar::list_opening_hours(&mut tx, &UNIT.into())
            .await
            .unwrap();
        drop(tx);
        let fields = [
            ("plage", hours[0].id.as_str()),
            ("jour", "2026-03-29"),
            ("act", "ajouter"),
        ];
        app.post(
            &unit_admin,
            &format!("/administration/guichets/{DESK}/exceptions"),
            &fields,
        )
        .await;
        let (_, body) = app.call("GET", path).await;
        assert_eq!(
            body["plages_ouverture"].as_array().unwrap().len(),
            2,
            "{body}"
        );
        let (_, none) = app.call("GET", &format!("{path}&guichet_ids[]=7")).await;
        assert_eq!(none, json!({"plages_ouverture": []}));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_name() {
    for app in on_every_engine(MONDAY).await {
        let many = vec!["ids[]=1"; 201].join("&");
        for (method, path, status, said) in [
            ("GET", "creneaux", 400, "date_debut est manquant"),
            (
                "GET",
                "creneaux?date_debut=2026-03-02",
                400,
                "date_fin est manquant",
            ),
            (
                "GET",
                "creneaux?date_debut=2026-03-02&date_fin=2026-04-02",
                200,
                "",
            ),
            (
                "GET",
                "creneaux?date_debut=2026-03-02&date_fin=2026-04-03",
                400,
                "31 jours",
            ),
            (
                "GET",
                "creneaux?date_debut=0001-01-01&date_fin=9999-12-31",
                400,
                "n’est pas une date",
            ),
            (
                "GET",
                "creneaux?date_debut=2026-03-09&date_fin=2026-03-02",
                200,
                "",
            ),
            (
                "GET",
                "creneaux?date_debut=hier&date_fin=2026-03-02",
                400,
                "n’est pas une date",
            ),
            (
                "GET",
                "creneaux?date_debut=2026-03-02&date_debut=2026-03-02&date_fin=2026-03-02",
                400,
                "plusieurs fois",
            ),
            (
                "GET",
                "creneaux?date_debut=%FF&date_fin=%00",
                400,
                "n’est pas une date",
            ),
            ("GET", "creneaux/prochain", 400, "date_debut est manquant"),
            (
                "GET",
                "creneaux/prochain?date_debut=2199-12-31",
                404,
                "60 jours",
            ),
            (
                "GET",
                "creneaux/prochain?date_debut=1970-01-01",
                404,
                "60 jours",
            ),
            (
                "GET",
                "plages_ouverture?date_debut=2026-01-01",
                400,
                "date_fin est manquant",
            ),
            (
                "GET",
                "plages_ouverture?date_debut=2026-01-01&date_fin=2027-01-02",
                200,
                "",
            ),
            (
                "GET",
                "plages_ouverture?date_debut=2026-01-01&date_fin=2027-01-03",
                400,
                "366 jours",
            ),
            (
                "GET",
                "plages_ouverture?date_debut=2026-01-01&date_fin=2026-01-02&guichet_ids[]=-1",
                400,
                "entier positif",
            ),
            ("GET", "rdvs", 400, "soit ids[]"),
            ("GET", "rdvs?date_debut=2026-03-02", 400, "soit ids[]"),
            (
                "GET",
                "rdvs?date_debut=1970-01-01&date_fin=2199-12-31",
                400,
                "366 jours",
            ),
            ("GET", "rdvs?ids[]=1;drop", 400, "entier positif"),
            ("GET", "rdvs?ids=1", 400, "soit ids[]"),
            ("GET", &format!("rdvs?{many}"), 400, "plus de 200"),
            ("POST", "rdvs", 400, "starts_at est manquant"),
            ("POST", "rdvs?starts_at=demain", 400, "ISO 8601"),
            (
                "POST",
                "rdvs?starts_at=2026-03-02T10:01:00%2B01:00",
                422,
                "Aucun guichet",
            ),
            (
                "POST",
                "rdvs?starts_at=2026-03-02T08:00:00%2B01:00",
                422,
                "Aucun guichet",
            ),
            (
                "POST",
                "rdvs?starts_at=2026-03-02T03:00:00%2B01:00",
                422,
                "Aucun guichet",
            ),
            ("PUT", "rdvs/-1/cancel", 404, "rien de tel"),
            ("PUT", "rdvs/9223372036854775808/cancel", 404, "rien de tel"),
            ("DELETE", "rdvs/x", 404, "rien de tel"),
            ("DELETE", "rdvs/%00", 404, "rien de tel"),
            ("DELETE", "rdvs/%FF", 400, "n’a pas pu être lue"),
            ("PATCH", "rdvs", 405, "cette méthode"),
        ] {
            let (got, body) = app.call(method, path).await;
            assert_eq!(got, status, "{method} {path}: {body}");
            if !said.is_empty() {
                let errors = body["errors"].as_array().unwrap();
                assert_eq!((errors.len(), body.as_object().unwrap().len()), (1, 1));
                assert!(errors[0].as_str().unwrap().contains(said), "{path}: {body}");
            }
        }
        let allowed = app.asks("PATCH", "rdvs", SECRET).await.allow;
        assert!(
            allowed.contains("GET") && allowed.contains("POST"),
            "{allowed}"
        );
        assert_eq!(app.counts().await["booked"], 0);
    }
}

#[tokio::test]
async fn without_a_key_that_stands_nothing_is_told_or_done() {
    for app in on_every_engine(MONDAY).await {
        let number = app.books(TEN).await;
        let other = app.key_of("u-78-police").await;
        let refused = json!({"errors": ["Clé d’authentification absente, inconnue, expirée ou révoquée. Demandez-la à l’administrateur de l’unité."]});
        for key in ["", "x", "cle-du-bac-a-sabl", "cle-du-bac-a-sable ", "é"] {
            for (method, path) in [
                ("GET", "creneaux?date_debut=2026-03-02&date_fin=2026-03-02"),
                ("GET", "creneaux/prochain?date_debut=2026-03-02"),
                ("GET", "guichets"),
                (
                    "GET",
                    "plages_ouverture?date_debut=2026-03-02&date_fin=2026-03-02",
                ),
                ("GET", "rdvs?ids[]=1"),
                ("POST", "rdvs?starts_at=2026-03-02T11:00:00Z"),
                ("PUT", "rdvs/1/cancel"),
                ("DELETE", "rdvs/1"),
                ("POST", "reset"),
                ("DELETE", "guichets"),
            ] {
                let answer = app.asks(method, path, key).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key:?} {path}");
                assert_eq!(answer.body, refused);
            }
        }
        // Another unit's key sees nothing of this one's.
        for (method, path, status) in [
            ("GET", format!("rdvs?ids[]={number}"), 200),
            (
                "GET",
                "rdvs?date_debut=2026-03-01&date_fin=2026-03-08".into(),
                200,
            ),
            ("PUT", format!("rdvs/{number}/cancel"), 404),
            ("DELETE", format!("rdvs/{number}"), 404),
        ] {
            let answer = app.asks(method, &path, &other).await;
            assert_eq!(answer.status.as_u16(), status, "{path}");
            assert!(status == 404 || answer.body == json!({"rdvs": []}));
        }
        assert_eq!(app.statuses().await, [(number, "unknown".into())]);
        // Two keys in one request are none.
        let request = Request::get("/api/visioplainte/guichets")
            .header("X-VISIOPLAINTE-API-KEY", SECRET)
            .header("X-VISIOPLAINTE-API-KEY", SECRET)
            .body(Body::empty())
            .unwrap();
        let response = app.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_key_ends_by_its_day_by_rotation_and_by_revocation() {
    for app in on_every_engine(MONDAY).await {
        let unit = app.unit(UNIT).await;
        let id = Id::random();
        let new = NewKey {
            id: &id,
            name: "Essai",
            expires_at: Some(at("2026-03-05T00:00:00Z")),
        };
        let system = Actor::System;
        let create = async || {
            let mut tx = app.db.begin().await.unwrap();
            let made = keys::create(&mut tx, &unit, new, &system, app.clock.now())
                .await
                .unwrap();
            tx.commit().await.unwrap();
            made
        };
        let first = create().await.unwrap();
        assert_eq!(create().await, None, "the same form again makes nothing");
        let status = async |key: &str| app.asks("GET", "guichets", key).await.status.as_u16();
        assert_eq!(status(&first).await, 200);

        let key = {
            let mut tx = app.db.read().await.unwrap();
            keys::find(&mut tx, &id).await.unwrap().unwrap()
        };
        assert_eq!(key.last_used_at, Some(app.clock.now()));
        let rotate = async |form: &str, overlap| {
            let mut tx = app.db.begin().await.unwrap();
            let (form, now) = (Id::from(form), app.clock.now());
            let made = keys::rotate(&mut tx, &key, &form, overlap, &system, now)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            made
        };
        let second = rotate("form-2", 24 * 60).await.unwrap();
        assert_eq!(rotate("form-2", 24 * 60).await, None);
        assert_eq!((status(&first).await, status(&second).await), (200, 200));
        app.clock.set(at("2026-03-03T07:59:59Z"));
        assert_eq!((status(&first).await, status(&second).await), (200, 200));
        app.clock.set(at("2026-03-03T08:00:00Z"));
        assert_eq!((status(&first).await, status(&second).await), (401, 200));
        let third = rotate("form-3", 0).await.unwrap();
        assert_eq!((status(&second).await, status(&third).await), (401, 200));
        app.clock.set(at("2026-03-05T00:00:00Z"));
        assert_eq!(status(&third).await, 401, "its day is over");
        assert_eq!(rotate("form-4", 0).await, None, "and nothing revives it");

        app.clock.set(at("2026-03-04T00:00:00Z"));
        assert_eq!(status(&third).await, 200);
        let mut tx = app.db.begin().await.unwrap();
        assert!(
            keys::revoke(&mut tx, &key, &system, app.clock.now())
                .await
                .unwrap()
        );
        assert!(
            !keys::revoke(&mut tx, &key, &system, app.clock.now())
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        assert_eq!(status(&third).await, 401);
        // A stolen database opens nothing: no secret stands in it.
        let mut tx = app.db.read().await.unwrap();
        let hashes = crate::fetch_all!(
            &mut tx,
            (String,),
            "select hash from scheduling_key_secrets"
        )
        .unwrap();
        for secret in [&first, &second, &third] {
            assert!(hashes.iter().all(|(hash,)| !hash.contains(&secret[3..])));
        }
        app.journal_holds().await;
    }
}

/// A citizen who has chosen and confirmed a slot.
async fn confirms(app: &TestApp, person: &Person, start: &str) -> StatusCode {
    let start = at(start).0.to_string();
    let held = app
        .post(person, "/rendez-vous/creneaux", &[("creneau", &start)])
        .await;
    if held.status != StatusCode::SEE_OTHER {
        return held.status;
    }
    app.post(person, &held.location, &[]).await.status
}

#[tokio::test]
async fn citizens_and_the_other_service_share_the_desks() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", UNIT).await;
        assert_eq!(
            confirms(&app, &angele, "2026-03-02T09:00:00Z").await,
            StatusCode::SEE_OTHER
        );
        // Her hour is taken, and nothing of her is shown.
        assert_eq!(
            app.call("POST", &format!("rdvs?starts_at={TEN}")).await.0,
            422
        );
        assert!(app.statuses().await.is_empty());
        let number = app.books("2026-03-02T11:00:00%2B01:00").await;
        let (jean, _) = app.citizen_with_case("Jean", UNIT).await;
        assert_eq!(
            confirms(&app, &jean, "2026-03-02T10:00:00Z").await,
            StatusCode::CONFLICT
        );
        // Several unknown people at once are several people.
        let mut tx = app.db.begin().await.unwrap();
        let unit = app.unit(UNIT).await;
        let plan = crate::calendar::hours::HoursPlan {
            rrule: "FREQ=DAILY".into(),
            first_day: chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap(),
            last_day: None,
            start_minute: 8 * 60,
            end_minute: 20 * 60,
        };
        let now = app.clock.now();
        crate::calendar::open_desk(&mut tx, &unit, "Guichet 2", &plan, &Actor::System, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let second = app.books("2026-03-02T11:00:00%2B01:00").await;
        assert_eq!(app.statuses().await.len(), 2);
        // Given back by the other service, it is Jean's to take.
        assert_eq!(
            app.asks("DELETE", &format!("rdvs/{second}"), SECRET)
                .await
                .status
                .as_u16(),
            204
        );
        assert_eq!(
            confirms(&app, &jean, "2026-03-02T10:00:00Z").await,
            StatusCode::SEE_OTHER
        );
        assert_eq!(app.behind(number).await.state, State::Booked);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn what_the_unit_does_shows_as_the_status_of_the_contract() {
    for app in on_every_engine(MONDAY).await {
        let officer = app.officer(Role::Officer, UNIT).await;
        let mut numbers = Vec::new();
        for hour in 9..13 {
            numbers.push(app.books(&format!("2026-03-02T{hour:02}:00:00Z")).await);
        }
        let path = async |number: i64, act: &str| {
            format!("/agent/rendez-vous/{}{act}", app.behind(number).await.id)
        };
        let day = app.get(&officer, "/agent").await;
        assert_eq!(
            day.text.matches("Personne inconnue de ce service").count(),
            4,
            "{}",
            day.text
        );
        // There is no room to open.
        let room = path(numbers[0], "")
            .await
            .replace("rendez-vous", "audition");
        assert_eq!(app.get(&officer, &room).await.status, StatusCode::NOT_FOUND);
        let heard = path(numbers[0], "/entendu").await;
        assert_eq!(
            app.post(&officer, &heard, &[]).await.status,
            StatusCode::NOT_FOUND,
            "too early"
        );
        let late = path(numbers[0], "/retard").await;
        for answer in [
            app.get(&officer, &late).await,
            app.post(&officer, &late, &[("minutes", "15")]).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "nobody to tell");
        }
        let revoked = path(numbers[2], "/annuler").await;
        let done = app
            .post(&officer, &revoked, &[("motif", "no_officer")])
            .await;
        let cancelled = app.behind(numbers[2]).await.state == State::CancelledByUnit;
        assert!(cancelled, "{} {}", done.status, done.text);
        let moved = path(numbers[3], "/deplacer").await;
        let start = at("2026-03-02T15:00:00Z").0.to_string();
        assert_eq!(
            app.post(&officer, &moved, &[("creneau", &start)])
                .await
                .status,
            StatusCode::SEE_OTHER
        );

        app.clock.set(at("2026-03-02T09:05:00Z"));
        // An hour later, everybody signs in anew.
        let officer = app.officer(Role::Officer, UNIT).await;
        let stranger = app.officer(Role::Officer, "u-78-police").await;
        assert_eq!(
            app.post(&stranger, &heard, &[]).await.status,
            StatusCode::NOT_FOUND
        );
        let page = app.get(&officer, &path(numbers[0], "").await).await;
        assert!(page.text.contains("Noter la personne entendue"));
        assert_eq!(
            app.post(&officer, &heard, &[]).await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(
            app.post(&officer, &heard, &[]).await.status,
            StatusCode::SEE_OTHER
        );
        app.clock.set(at("2026-03-02T10:20:00Z"));
        let officer = app.officer(Role::Officer, UNIT).await;
        let absent = path(numbers[1], "/absence").await;
        assert_eq!(
            app.post(&officer, &absent, &[]).await.status,
            StatusCode::SEE_OTHER
        );
        // The job that closes what was never held leaves them to whoever hears them.
        app.clock.set(at("2026-03-03T10:00:00Z"));
        crate::hearings::unheld::look(&app, app.clock.now())
            .await
            .unwrap();
        let statuses: Vec<String> = app
            .statuses()
            .await
            .into_iter()
            .map(|(_, status)| status)
            .collect();
        assert_eq!(statuses, ["seen", "noshow", "revoked", "unknown"]);
        let (_, body) = app.call("GET", &format!("rdvs?ids[]={}", numbers[3])).await;
        assert_eq!(body["rdvs"][0]["starts_at"], "2026-03-02 16:00:00 +0100");
        for number in &numbers[..3] {
            let (status, body) = app.call("PUT", &format!("rdvs/{number}/cancel")).await;
            assert_eq!(status, 422, "{body}");
        }
        // Nobody was written to: there is nobody to write to.
        assert!(app.letters().await.is_empty());
        for number in numbers {
            let answer = app.asks("DELETE", &format!("rdvs/{number}"), SECRET).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT);
        }
        let mut tx = app.db.read().await.unwrap();
        let left = crate::fetch_all!(
            &mut tx,
            (i64,),
            "select (select count(*) from appointments) + (select count(*) from declarations)
                  + (select count(*) from case_keys) + (select count(*) from desk_occupancy)"
        );
        assert_eq!(left.unwrap(), [(0,)]);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn a_closed_desk_hands_its_unknown_people_over_like_any_other() {
    for app in on_every_engine(MONDAY).await {
        let number = app.books(TEN).await;
        let admin = app.officer(Role::UnitAdmin, UNIT).await;
        let page = app
            .get(
                &admin,
                &format!("/administration/guichets/{DESK}/fermeture"),
            )
            .await;
        assert!(
            page.text.contains("annulerait des rendez-vous\u{a0}: 1"),
            "{}",
            page.text
        );
        let refused = app
            .post(
                &admin,
                &format!("/administration/guichets/{DESK}/fermeture"),
                &[],
            )
            .await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert_eq!(app.behind(number).await.desk_id.as_str(), DESK);
    }
}

#[tokio::test]
async fn one_start_is_given_to_one_of_many_who_ask_at_once() {
    for app in on_every_engine(MONDAY).await {
        let asks = (0..12).map(|_| app.call("POST", "rdvs?starts_at=2026-03-02T10:00:00%2B01:00"));
        let answers = futures_util::future::join_all(asks).await;
        let booked = answers.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!(booked, 1);
        assert!(
            answers
                .iter()
                .all(|(status, _)| [201, 422].contains(status))
        );
        assert_eq!(app.counts().await["occupancy"], 6);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_how_long_to_wait() {
    let app = on_sqlite(MONDAY).await;
    let index = crate::limits::TABLE
        .iter()
        .position(|entry| entry.name == "scheduling")
        .unwrap();
    let key = "scheduling-key/demonstration";
    while app.limits.spend_identity(index, key).is_ok() {}
    let request = Request::get("/api/visioplainte/guichets")
        .header("X-VISIOPLAINTE-API-KEY", SECRET)
        .body(Body::empty())
        .unwrap();
    let response = app.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    let other = app.key_of(UNIT).await;
    assert_eq!(
        app.asks("GET", "guichets", &other).await.status,
        StatusCode::OK
    );
    app.clock.set(app.clock.now().plus_seconds(1));
    assert_eq!(
        app.asks("GET", "guichets", SECRET).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_reset_brings_the_demonstration_back_to_an_empty_calendar() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", UNIT).await;
        assert_eq!(
            confirms(&app, &angele, "2026-03-02T09:00:00Z").await,
            StatusCode::SEE_OTHER
        );
        app.books("2026-03-02T12:00:00Z").await;
        app.books("2026-03-02T13:00:00Z").await;
        assert_eq!(
            app.asks("POST", "reset", SECRET).await.status,
            StatusCode::NO_CONTENT
        );
        assert!(app.statuses().await.is_empty());
        assert_eq!(app.counts().await["booked"], 1, "a citizen's stays");
        app.journal_holds().await;
    }
}

/// The description and the routes say the same; what an answer may be is in it.
#[test]
fn every_call_and_status_of_the_contract_is_described() {
    let text: Value = serde_json::from_str(description::TEXT).unwrap();
    assert_eq!(text["openapi"], "3.1.0");
    let paths = text["paths"].as_object().unwrap();
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, calls)| {
            let calls = calls.as_object().unwrap();
            calls
                .keys()
                .map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let budget = crate::limits::TABLE
        .iter()
        .find(|entry| entry.name == "scheduling")
        .unwrap();
    let told: BTreeSet<(String, String)> = budget
        .routes
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(described, told);
    let mut routes = super::router().paths().clone();
    assert!(
        routes.remove("/api/visioplainte/reset"),
        "only in the sandbox, and not described"
    );
    let described_paths: BTreeSet<String> = paths.keys().cloned().collect();
    assert_eq!(described_paths, routes);

    let base = ["401", "429", "500"];
    for (method, path, own) in [
        ("get", "creneaux", &["200", "400"][..]),
        ("get", "creneaux/prochain", &["200", "400", "404"]),
        ("get", "guichets", &["200"]),
        ("get", "plages_ouverture", &["200", "400"]),
        ("get", "rdvs", &["200", "400"]),
        ("post", "rdvs", &["201", "400", "422"]),
        ("put", "rdvs/{id}/cancel", &["200", "404", "422"]),
        ("delete", "rdvs/{id}", &["204", "404"]),
    ] {
        let responses = &text["paths"][format!("/api/visioplainte/{path}")][method]["responses"];
        let responses = responses.as_object().unwrap();
        let described: BTreeSet<&str> = responses.keys().map(String::as_str).collect();
        let expected: BTreeSet<&str> = own.iter().chain(&base).copied().collect();
        assert_eq!(described, expected, "{method} {path}");
    }
    let kinds = &text["components"]["schemas"]["Evenement"]["properties"]["type"]["enum"];
    let expected: Vec<String> = anonymous::Change::ALL
        .iter()
        .map(|kind| format!("rdv.{kind}"))
        .collect();
    assert_eq!(*kinds, json!(expected));
}

#[tokio::test]
async fn the_description_is_served_to_anybody() {
    let app = on_sqlite(MONDAY).await;
    let request = Request::get(description::PATH).body(Body::empty()).unwrap();
    let response = app.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/json; charset=utf-8"
    );
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    assert_eq!(bytes, description::TEXT.as_bytes());
}
