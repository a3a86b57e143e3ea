//! Stories of booking, on every engine.

#![allow(clippy::unwrap_used)]

use axum::http::StatusCode;

use super::*;
use crate::identity::Role;
use crate::notifications::Channel;
use crate::testing::{Person, TestApp, at, on_every_engine, on_sqlite};

/// Monday 2 March 2026, 09:00 in Paris.
const MONDAY: &str = "2026-03-02T08:00:00Z";
const POLICE: &str = "u-78-police";

fn slot(text: &str) -> String {
    at(text).0.to_string()
}

/// Chooses a slot and gives the appointment it is held as.
async fn holds(app: &TestApp, person: &Person, start: &str) -> String {
    let answer = app
        .post(
            person,
            "/rendez-vous/creneaux",
            &[("creneau", &slot(start))],
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let id = answer.location.strip_prefix("/rendez-vous/").unwrap();
    id.strip_suffix("/confirmer").unwrap().to_owned()
}

#[tokio::test]
async fn a_citizen_chooses_confirms_and_is_told() {
    for app in on_every_engine(MONDAY).await {
        let (angele, case) = app.citizen_with_case("Angèle", POLICE).await;
        let page = app.get(&angele, "/rendez-vous/creneaux").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            page.text
                .contains("Commissariat de Fontclaire (unité fictive)")
        );
        assert!(
            page.text
                .contains(&format!("value=\"{}\"", slot("2026-03-02T09:00:00Z")))
        );
        assert!(
            !page.text.contains(&slot("2026-03-02T07:30:00Z")),
            "a past slot is offered"
        );

        let id = holds(&app, &angele, "2026-03-02T09:00:00Z").await;
        let review = app
            .get(&angele, &format!("/rendez-vous/{id}/confirmer"))
            .await;
        assert!(
            review
                .text
                .contains("gardé pour vous jusqu’à 9\u{a0}h\u{a0}05"),
            "{}",
            review.text
        );
        assert!(review.text.contains("personne@exemple.example"));
        assert_eq!(app.counts().await["messages"], 0);

        let path = format!("/rendez-vous/{id}/confirmer");
        for _ in 0..3 {
            let answer = app.post(&angele, &path, &[]).await;
            assert_eq!(
                (answer.status, answer.location),
                (StatusCode::SEE_OTHER, format!("/rendez-vous/{id}"))
            );
        }
        let counts = app.counts().await;
        assert_eq!(
            (counts["messages"], counts["booked"], counts["links"]),
            (2, 1, 1)
        );
        assert_eq!(counts["occupancy"], 6);

        for (channel, rendered) in app.letters().await {
            assert!(
                rendered.text.contains("lundi 2 mars 2026 à"),
                "{}",
                rendered.text
            );
            assert!(rendered.text.contains("/lien/") && rendered.text.contains("VP-"));
            assert!(
                !rendered.text.contains("{$") && !rendered.text.contains("{ $"),
                "{}",
                rendered.text
            );
            assert!(
                !rendered.text.to_lowercase().contains("vélo"),
                "a fact of the case is told"
            );
            if channel == Channel::Email {
                assert!(
                    rendered.calendar.contains("/lien/") && !rendered.calendar.contains("{link}")
                );
                assert!(rendered.text.contains("Commissariat de Fontclaire"));
            } else {
                assert!(!rendered.text.contains('\u{a0}'), "{}", rendered.text);
            }
        }

        let page = app.get(&angele, &format!("/rendez-vous/{id}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("Votre rendez-vous est confirmé"));
        assert!(
            page.text
                .contains("Lundi 2 mars 2026 à\u{a0}10\u{a0}h\u{a0}00")
        );
        let file = app
            .get(&angele, &format!("/rendez-vous/{id}/calendrier.ics"))
            .await;
        assert!(file.kind.starts_with("text/calendar"));
        assert!(file.text.contains("DTSTART:20260302T090000Z"));
        assert!(!file.text.contains("/lien/"));

        let mut tx = app.db.read().await.unwrap();
        let submitted = declaration::find(&mut tx, &case)
            .await
            .unwrap()
            .unwrap()
            .submitted_at;
        assert_eq!(submitted, Some(at(MONDAY)));
        drop(tx);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn two_hundred_people_confirm_the_last_desk_and_one_has_it() {
    for app in on_every_engine(MONDAY).await {
        let unit = std::sync::Arc::new(app.unit(POLICE).await);
        let mut people = Vec::new();
        for number in 0..200 {
            people.push(
                app.citizen_with_case(&format!("Personne {number}"), POLICE)
                    .await,
            );
        }
        let gate = std::sync::Arc::new(tokio::sync::Barrier::new(people.len()));
        let mut attempts = Vec::new();
        for (person, case) in people {
            let (app, unit, gate) = (app.app.clone(), unit.clone(), gate.clone());
            attempts.push(tokio::spawn(async move {
                gate.wait().await;
                let mut tx = app.db.begin().await.unwrap();
                let choice = Choice {
                    citizen_id: &person.id,
                    case_id: &case,
                    unit: &unit,
                    starts_at: at("2026-03-02T09:00:00Z"),
                };
                match book(&mut tx, &app.keys, choice, app.clock.now()).await {
                    Ok(booked) => {
                        tx.commit().await.unwrap();
                        Some(booked)
                    }
                    Err(HoldError::SlotTaken) => None,
                    Err(other) => panic!("{}: {other}", app.db.engine()),
                }
            }));
        }
        let mut winners = 0;
        for attempt in attempts {
            winners += usize::from(attempt.await.unwrap().is_some());
        }
        assert_eq!(winners, 1, "{}", app.db.engine());
        let counts = app.counts().await;
        assert_eq!(
            (counts["booked"], counts["held"], counts["occupancy"]),
            (1, 0, 6)
        );
        assert_eq!((counts["messages"], counts["links"]), (2, 1));
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn two_hundred_people_choose_the_last_desk_and_199_get_the_page_that_says_so() {
    for app in on_every_engine(MONDAY).await {
        let mut people = Vec::new();
        for number in 0..200 {
            people.push(
                app.citizen_with_case(&format!("Personne {number}"), POLICE)
                    .await
                    .0,
            );
        }
        let fields = [("creneau", slot("2026-03-02T09:00:00Z"))];
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let attempts = people
            .iter()
            .map(|person| app.post(person, "/rendez-vous/creneaux", &fields));
        let answers = futures_util::future::join_all(attempts).await;
        let kept = answers
            .iter()
            .filter(|answer| answer.status == StatusCode::SEE_OTHER)
            .count();
        assert_eq!(kept, 1, "{}", app.db.engine());
        for answer in answers
            .iter()
            .filter(|answer| answer.status != StatusCode::SEE_OTHER)
        {
            assert_eq!(answer.status, StatusCode::CONFLICT);
            assert!(answer.text.contains("Ce créneau vient d’être réservé"));
            assert_eq!(
                answer.text.matches("type=\"radio\" id=\"creneau-").count(),
                6
            );
            assert!(answer.text.contains(&slot("2026-03-02T09:30:00Z")));
        }
    }
}

#[tokio::test]
async fn a_hold_runs_out_and_the_slot_returns_to_the_list() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let (jean, _) = app.citizen_with_case("Jean", POLICE).await;
        let id = holds(&app, &angele, "2026-03-02T09:00:00Z").await;
        let taken = app
            .post(
                &jean,
                "/rendez-vous/creneaux",
                &[("creneau", &slot("2026-03-02T09:00:00Z"))],
            )
            .await;
        assert_eq!(taken.status, StatusCode::CONFLICT);

        // Choosing the same slot again does not prolong it.
        app.clock.set(at(MONDAY).plus_minutes(HOLD_MINUTES - 1));
        assert_eq!(holds(&app, &angele, "2026-03-02T09:00:00Z").await, id);
        app.clock.set(at(MONDAY).plus_minutes(HOLD_MINUTES));
        let late = app
            .post(&angele, &format!("/rendez-vous/{id}/confirmer"), &[])
            .await;
        assert_eq!(late.status, StatusCode::GONE);
        assert!(late.text.contains("Ce créneau n’est plus gardé"));
        assert!(
            late.text.contains(&slot("2026-03-02T09:00:00Z")),
            "the slot is free again and is offered"
        );
        let read = app
            .get(&angele, &format!("/rendez-vous/{id}/confirmer"))
            .await;
        assert_eq!(read.status, StatusCode::GONE);

        let other = holds(&app, &jean, "2026-03-02T09:00:00Z").await;
        let mut tx = app.db.read().await.unwrap();
        assert_eq!(
            find(&mut tx, &id.as_str().into())
                .await
                .unwrap()
                .unwrap()
                .state,
            State::Expired
        );
        drop(tx);
        let confirmed = app
            .post(&jean, &format!("/rendez-vous/{other}/confirmer"), &[])
            .await;
        assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
        assert_eq!(app.counts().await["occupancy"], 6);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn choosing_another_slot_gives_the_first_back() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let (jean, _) = app.citizen_with_case("Jean", POLICE).await;
        let first = holds(&app, &angele, "2026-03-02T09:00:00Z").await;
        let second = holds(&app, &angele, "2026-03-02T09:30:00Z").await;
        assert_ne!(first, second);
        let counts = app.counts().await;
        assert_eq!((counts["held"], counts["occupancy"]), (1, 6));
        holds(&app, &jean, "2026-03-02T09:00:00Z").await;
        // When the other slot is taken, the first one stays hers.
        let taken = app
            .post(
                &angele,
                "/rendez-vous/creneaux",
                &[("creneau", &slot("2026-03-02T09:00:00Z"))],
            )
            .await;
        assert_eq!(taken.status, StatusCode::CONFLICT);
        let confirmed = app
            .post(&angele, &format!("/rendez-vous/{second}/confirmer"), &[])
            .await;
        assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
        // A booked case takes no second slot.
        let again = app
            .post(
                &angele,
                "/rendez-vous/creneaux",
                &[("creneau", &slot("2026-03-02T11:00:00Z"))],
            )
            .await;
        assert_eq!(
            (again.status, again.location),
            (StatusCode::SEE_OTHER, format!("/rendez-vous/{second}"))
        );
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn calling_off_frees_the_desk_kills_the_link_and_lets_the_case_book_again() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let id = holds(&app, &angele, "2026-03-02T09:00:00Z").await;
        app.post(&angele, &format!("/rendez-vous/{id}/confirmer"), &[])
            .await;
        let path = format!("/rendez-vous/{id}/annuler");
        assert!(
            app.get(&angele, &path)
                .await
                .text
                .contains("Garder mon rendez-vous")
        );
        for _ in 0..2 {
            let answer = app.post(&angele, &path, &[]).await;
            assert_eq!(
                (answer.status, answer.location),
                (StatusCode::SEE_OTHER, format!("/rendez-vous/{id}"))
            );
        }
        let counts = app.counts().await;
        assert_eq!(
            (
                counts["booked"],
                counts["occupancy"],
                counts["links"],
                counts["messages"]
            ),
            // Two channels each time, and the unit's mailbox.
            (0, 0, 0, 5)
        );
        let page = app.get(&angele, &format!("/rendez-vous/{id}")).await;
        assert!(page.text.contains("Vous avez annulé ce rendez-vous"));
        assert_eq!(
            app.get(&angele, &format!("/rendez-vous/{id}/calendrier.ics"))
                .await
                .status,
            StatusCode::NOT_FOUND
        );

        let again = holds(&app, &angele, "2026-03-02T08:30:00Z").await;
        let answer = app
            .post(&angele, &format!("/rendez-vous/{again}/confirmer"), &[])
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        app.clock.set(at("2026-03-02T08:30:01Z"));
        let late = app
            .post(&angele, &format!("/rendez-vous/{again}/annuler"), &[])
            .await;
        assert_eq!(late.status, StatusCode::CONFLICT);
        assert!(late.text.contains("ne peut plus être annulé ici"));
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn anothers_appointment_does_not_exist() {
    let app = on_sqlite(MONDAY).await;
    let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
    let (jean, _) = app.citizen_with_case("Jean", POLICE).await;
    let id = holds(&app, &angele, "2026-03-02T09:00:00Z").await;
    for (state, confirm) in [("held", false), ("booked", true)] {
        if confirm {
            app.post(&angele, &format!("/rendez-vous/{id}/confirmer"), &[])
                .await;
        }
        for path in ["", "/confirmer", "/annuler", "/calendrier.ics"] {
            let answer = app.get(&jean, &format!("/rendez-vous/{id}{path}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{state} {path}");
            assert!(!answer.text.contains("Angèle"));
        }
        for path in ["/confirmer", "/annuler"] {
            let answer = app
                .post(&jean, &format!("/rendez-vous/{id}{path}"), &[])
                .await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{state} {path}");
        }
    }
    assert_eq!(app.counts().await["booked"], 1);
    let officer = app.officer(Role::Officer, POLICE).await;
    assert_eq!(
        app.get(&officer, &format!("/rendez-vous/{id}"))
            .await
            .status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn hostile_values_get_a_page_that_says_what_to_do() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        for wrong in [
            "",
            "x",
            "1.5",
            "99999999999999999999",
            "' or 1=1--",
            "<script>",
        ] {
            let answer = app
                .post(&angele, "/rendez-vous/creneaux", &[("creneau", wrong)])
                .await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
            assert!(answer.text.contains("Choisissez un créneau dans la liste"));
        }
        // Instants at which nothing is offered: past, off the grid, beyond the horizon, absurd.
        for start in [
            slot("2026-03-01T09:00:00Z"),
            slot("2026-03-02T09:10:00Z"),
            slot("2026-03-02T03:00:00Z"),
            slot("2027-03-02T09:00:00Z"),
            "0".into(),
            i64::MAX.to_string(),
            i64::MIN.to_string(),
        ] {
            let answer = app
                .post(&angele, "/rendez-vous/creneaux", &[("creneau", &start)])
                .await;
            assert_eq!(answer.status, StatusCode::CONFLICT, "{start}");
        }
        for week in [
            "",
            "x",
            "9999-12-31",
            "0001-01-01",
            "2026-03-99",
            "%00",
            "2026-03-09",
            "-9999-1-1",
        ] {
            let answer = app
                .get(
                    &angele,
                    &format!("/rendez-vous/creneaux?semaine={week}&semaine=2"),
                )
                .await;
            assert_eq!(answer.status, StatusCode::OK, "{week}");
        }
        for id in ["x", "%00", "%ff", "'", "a%2Fb", &"a".repeat(5_000)] {
            let answer = app.get(&angele, &format!("/rendez-vous/{id}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
            assert!(answer.text.contains("Page introuvable"));
        }
        let forged = app
            .post_raw(&angele, "/rendez-vous/creneaux", "csrf=x&creneau=1")
            .await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let huge = app
            .post_raw(&angele, "/rendez-vous/creneaux", vec![b'a'; 2 << 20])
            .await;
        assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
        let twice = app
            .post(
                &angele,
                "/rendez-vous/creneaux",
                &[("creneau", "1"), ("creneau", "2")],
            )
            .await;
        assert_eq!(twice.status, StatusCode::BAD_REQUEST);
        assert_eq!(app.counts().await["held"], 0);
    }
}

#[tokio::test]
async fn a_person_without_a_case_is_led_to_the_step_that_is_missing() {
    let app = on_sqlite(MONDAY).await;
    let (angele, case) = app.citizen_with_case("Angèle", POLICE).await;
    let mut tx = app.db.begin().await.unwrap();
    crate::execute!(
        &mut tx,
        "update declarations set unit_id = null, commune_code = null where case_id = $1",
        &case
    )
    .unwrap();
    tx.commit().await.unwrap();
    let answer = app.get(&angele, "/rendez-vous/creneaux").await;
    assert_eq!(
        (answer.status, answer.location.as_str()),
        (StatusCode::SEE_OTHER, "/declaration/coordonnees")
    );
}

#[tokio::test]
async fn overseas_slots_are_shown_on_the_units_clock_and_in_paris_time() {
    let app = on_sqlite(MONDAY).await;
    let (angele, _) = app.citizen_with_case("Angèle", "u-974-police").await;
    let page = app.get(&angele, "/rendez-vous/creneaux").await;
    assert!(page.text.contains("heure de La Réunion"));
    // 09:00 in Paris is noon in Réunion; the next slot starts there at 12:30... or right now.
    assert!(page.text.contains("12\u{a0}h\u{a0}30"), "{}", page.text);
    assert!(page.text.contains("9\u{a0}h\u{a0}30 à Paris"));
}

#[tokio::test]
async fn an_appointment_moves_only_along_the_table_and_leaves_a_trace() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let id = holds(&app, &angele, "2026-03-02T09:00:00Z").await;
        app.post(&angele, &format!("/rendez-vous/{id}/confirmer"), &[])
            .await;
        let (id, now) = (Id::from(id.as_str()), app.clock.now());
        let officer = Actor::Officer("o".into());
        for (to, allowed) in [
            (State::InHearing, false),
            (State::Open, true),
            (State::Open, false),
            (State::CancelledByCitizen, false),
            (State::InHearing, true),
            (State::NoShow, false),
            (State::Closed, true),
            (State::ConvertedInPerson, false),
        ] {
            let mut tx = app.db.begin().await.unwrap();
            let appointment = find(&mut tx, &id).await.unwrap().unwrap();
            match move_to(&mut tx, &appointment, to, &officer, now).await {
                Ok(moved) => {
                    assert!(allowed, "{to}");
                    assert_eq!(moved.state, to);
                    tx.commit().await.unwrap();
                }
                Err(MoveError::NotAllowed { .. }) => assert!(!allowed, "{to}"),
                Err(other) => panic!("{other}"),
            }
        }
        let mut tx = app.db.read().await.unwrap();
        let moves = crate::fetch_all!(
            &mut tx,
            (i64, String, String),
            "select seq, to_state, actor from appointment_moves where appointment_id = $1 order by seq",
            &id
        )
        .unwrap();
        let states: Vec<_> = moves.iter().map(|(_, state, _)| state.as_str()).collect();
        assert_eq!(states, ["held", "booked", "open", "in_hearing", "closed"]);
        assert_eq!(
            moves.iter().map(|(seq, _, _)| *seq).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        assert_eq!(moves[4].2, "officer/o");
    }
}

/// What became of each message, by what it told: `booked expired`.
async fn told(app: &TestApp) -> Vec<String> {
    let mut tx = app.db.read().await.unwrap();
    let rows = crate::fetch_all!(
        &mut tx,
        (String, String, String),
        "select template, channel, state from messages order by created_at, template, channel"
    )
    .unwrap();
    rows.into_iter()
        .map(|(template, channel, state)| format!("{template} {channel} {state}"))
        .collect()
}

#[tokio::test]
async fn old_news_of_an_appointment_is_withdrawn_when_it_moves_and_when_it_ends() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let id = holds(&app, &angele, "2026-03-02T09:00:00Z").await;
        app.post(&angele, &format!("/rendez-vous/{id}/confirmer"), &[])
            .await;
        assert_eq!(
            told(&app).await,
            ["booked email pending", "booked sms pending"]
        );
        let (id, officer) = (Id::from(id.as_str()), Actor::Officer("o".into()));
        app.clock.set(app.clock.now().plus_minutes(1));
        let mut tx = app.db.begin().await.unwrap();
        let moved = reschedule::reschedule(
            &mut tx,
            &app.keys,
            &id,
            at("2026-03-02T13:00:00Z"),
            Some(Reason::ALL[0]),
            &officer,
            app.clock.now(),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            told(&app).await,
            [
                "booked email expired",
                "booked sms expired",
                "moved-by-unit email pending",
                "moved-by-unit sms pending",
                "reminder email pending",
                "reminder sms pending"
            ]
        );
        let mut tx = app.db.begin().await.unwrap();
        let now = app.clock.now();
        let open = move_to(&mut tx, &moved, State::Open, &officer, now)
            .await
            .unwrap();
        move_to(&mut tx, &open, State::Closed, &officer, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let told = told(&app).await;
        assert!(
            told.len() == 6 && told.iter().all(|told| told.ends_with("expired")),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn one_identity_confirms_so_many_appointments_a_month_and_others_as_before() {
    for app in on_every_engine(MONDAY).await {
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let (jean, _) = app.citizen_with_case("Jean", POLICE).await;
        for _ in 0..ALLOWED_BOOKINGS {
            let id = holds(&app, &angele, "2026-03-03T09:00:00Z").await;
            let path = format!("/rendez-vous/{id}/confirmer");
            // Pressed twice, it counts once.
            for _ in 0..2 {
                let answer = app.post(&angele, &path, &[]).await;
                assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
            }
            let path = format!("/rendez-vous/{id}/annuler");
            let answer = app.post(&angele, &path, &[]).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        }
        let id = holds(&app, &angele, "2026-03-03T09:00:00Z").await;
        let path = format!("/rendez-vous/{id}/confirmer");
        let answer = app.post(&angele, &path, &[]).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.text.contains("dix rendez-vous"), "{}", answer.text);
        assert_eq!(app.counts().await["booked"], 0);
        let id = holds(&app, &jean, "2026-03-03T10:00:00Z").await;
        let path = format!("/rendez-vous/{id}/confirmer");
        let answer = app.post(&jean, &path, &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);

        // Each place is free again thirty days after it was used, and not a moment before.
        let citizen = store::find(&mut app.db.read().await.unwrap(), &Id(id))
            .await
            .unwrap()
            .unwrap()
            .citizen_id;
        let month = ALLOWANCE_DAYS * 24 * 60;
        let mut tx = app.db.begin().await.unwrap();
        let now = app.clock.now();
        for minute in 1..ALLOWED_BOOKINGS {
            let at = now.plus_minutes(minute);
            assert!(allowance::take(&mut tx, &citizen, at).await.unwrap());
        }
        for (minutes, expected) in [
            (month - 1, false),
            (month, true),
            (month, false),
            (month + 2, true),
            (month + 2, true),
            (month + 2, false),
        ] {
            let taken = allowance::take(&mut tx, &citizen, now.plus_minutes(minutes)).await;
            assert_eq!(taken.unwrap(), expected, "{minutes}");
        }
    }
}
