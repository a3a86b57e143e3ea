//! Stories of administrators.

#![allow(clippy::unwrap_used)]

use axum::http::StatusCode;

use crate::identity::Role;
use crate::testing::{TestApp, at, on_every_engine, on_sqlite};

/// Monday 2 March 2026, 09:00 in Paris, noon in Réunion.
const MONDAY: &str = "2026-03-02T08:00:00Z";
const POLICE: &str = "u-78-police";

const EVENING: &[(&str, &str)] = &[
    ("unite", POLICE),
    ("libelle", "Guichet du soir"),
    ("jour", "MO"),
    ("jour", "TU"),
    ("debut", "21:00"),
    ("fin", "22:00"),
    ("premier_jour", "2026-03-02"),
    ("dernier_jour", ""),
];

async fn desks(app: &TestApp, unit: &str) -> Vec<crate::calendar::Desk> {
    let mut tx = app.db.read().await.unwrap();
    crate::calendar::list_desks(&mut tx, &unit.into())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_desk_that_an_administrator_opens_offers_its_slots_to_the_public() {
    for app in on_every_engine(MONDAY).await {
        let admin = app.officer(Role::UnitAdmin, POLICE).await;
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let nine_in_the_evening = at("2026-03-02T20:00:00Z").0.to_string();
        let before = app.get(&angele, "/rendez-vous/creneaux").await;
        assert!(!before.text.contains(&nine_in_the_evening));

        assert_eq!(
            app.get(&admin, "/administration/guichets/nouveau")
                .await
                .status,
            StatusCode::OK
        );
        let opened = app
            .post(&admin, "/administration/guichets/nouveau", EVENING)
            .await;
        assert_eq!(
            (opened.status, opened.location.as_str()),
            (
                StatusCode::SEE_OTHER,
                "/administration/guichets?fait=ouvert"
            )
        );
        let after = app.get(&angele, "/rendez-vous/creneaux").await;
        assert!(after.text.contains(&nine_in_the_evening));

        let list = app
            .get(&admin, "/administration/guichets?fait=ouvert")
            .await;
        assert!(list.text.contains("Guichet du soir"));
        assert!(
            list.text
                .contains("Lundi, mardi, 21\u{a0}h\u{a0}00 – 22\u{a0}h\u{a0}00"),
            "{}",
            list.text
        );
        assert!(list.text.contains(&format!("par officer/{}", admin.id)));
        assert!(
            !list.text.contains("Valombreuse"),
            "another unit's desks are shown"
        );

        let desk = desks(&app, POLICE)
            .await
            .into_iter()
            .find(|desk| desk.label == "Guichet du soir")
            .unwrap();
        let path = format!("/administration/guichets/{}/plages", desk.id);
        let fields = [
            ("jour", "WE"),
            ("debut", "21:00"),
            ("fin", "24:00"),
            ("premier_jour", "2026-03-03"),
        ];
        assert_eq!(
            app.post(&admin, &path, &fields).await.status,
            StatusCode::SEE_OTHER
        );
        let after = app.get(&angele, "/rendez-vous/creneaux").await;
        assert!(
            after
                .text
                .contains(&at("2026-03-04T22:30:00Z").0.to_string())
        );
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn a_desk_where_people_are_expected_is_not_closed() {
    for app in on_every_engine(MONDAY).await {
        let admin = app.officer(Role::UnitAdmin, POLICE).await;
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let start = at("2026-03-02T09:00:00Z").0.to_string();
        let held = app
            .post(&angele, "/rendez-vous/creneaux", &[("creneau", &start)])
            .await;
        let path = "/administration/guichets/d-78-police-1/fermeture";
        assert!(
            app.get(&admin, path)
                .await
                .text
                .contains("annulerait des rendez-vous\u{a0}: 1")
        );
        let refused = app.post(&admin, path, &[]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text.contains("Le guichet reste ouvert"));
        app.post(&angele, &held.location, &[]).await;
        assert_eq!(
            app.post(&admin, path, &[]).await.status,
            StatusCode::CONFLICT
        );

        let id = held.location.split('/').nth(2).unwrap();
        app.post(&angele, &format!("/rendez-vous/{id}/annuler"), &[])
            .await;
        assert!(
            app.get(&admin, path)
                .await
                .text
                .contains("aucun rendez-vous")
        );
        assert_eq!(
            app.post(&admin, path, &[]).await.status,
            StatusCode::SEE_OTHER
        );
        assert!(desks(&app, POLICE).await.is_empty());
        assert_eq!(app.get(&admin, path).await.status, StatusCode::NOT_FOUND);
        let none = app.get(&angele, "/rendez-vous/creneaux").await;
        assert!(
            none.text
                .contains("Aucun créneau n’est libre pour le moment")
        );
        let taken = app
            .post(&angele, "/rendez-vous/creneaux", &[("creneau", &start)])
            .await;
        assert_eq!(taken.status, StatusCode::CONFLICT);
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn rights_end_at_the_unit_the_department_and_the_role() {
    let app = on_sqlite(MONDAY).await;
    let foreign_desk = "/administration/guichets/d-974-police-1";
    let neighbour_desk = "/administration/guichets/d-78-gendarmerie-1";
    for (role, neighbour, foreign) in [
        (Role::Officer, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (Role::Auditor, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (
            Role::UnitAdmin,
            StatusCode::NOT_FOUND,
            StatusCode::NOT_FOUND,
        ),
        (Role::DepartmentAdmin, StatusCode::OK, StatusCode::NOT_FOUND),
    ] {
        let person = app.officer(role, POLICE).await;
        for end in ["plages", "fermeture"] {
            assert_eq!(
                app.get(&person, &format!("{neighbour_desk}/{end}"))
                    .await
                    .status,
                neighbour,
                "{role} {end}"
            );
            assert_eq!(
                app.get(&person, &format!("{foreign_desk}/{end}"))
                    .await
                    .status,
                foreign,
                "{role} {end}"
            );
            let posted = app
                .post(&person, &format!("{foreign_desk}/{end}"), EVENING)
                .await;
            assert_eq!(posted.status, foreign, "{role} {end}");
        }
        let mut fields = EVENING.to_vec();
        fields[0] = ("unite", "u-974-police");
        assert_eq!(
            app.post(&person, "/administration/guichets/nouveau", &fields)
                .await
                .status,
            foreign,
            "{role}"
        );
        let agenda = app.get(&person, "/agent").await;
        let expected = if role == Role::Auditor {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::OK
        };
        assert_eq!(agenda.status, expected, "{role}");
    }
    let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
    assert_eq!(
        app.get(&angele, "/administration/guichets").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        app.get(&angele, "/agent").await.status,
        StatusCode::FORBIDDEN
    );
    for unit in ["u-974-police", "u-974-gendarmerie", "u-78-gendarmerie"] {
        assert_eq!(desks(&app, unit).await.len(), 1);
    }
}

#[tokio::test]
async fn a_form_that_cannot_be_read_changes_nothing_and_says_what_to_mend() {
    let app = on_sqlite(MONDAY).await;
    let admin = app.officer(Role::UnitAdmin, POLICE).await;
    let path = "/administration/guichets/nouveau";
    for (name, value, said) in [
        ("libelle", "", "Donnez un nom au guichet"),
        ("jour", "XX", "Cochez au moins un jour"),
        ("debut", "9h", "Indiquez l’heure de début"),
        ("fin", "20:00", "Indiquez une heure de fin"),
        ("premier_jour", "2026-02-30", "Indiquez un premier jour"),
        ("dernier_jour", "2025-01-01", "Indiquez un dernier jour"),
    ] {
        let fields: Vec<(&str, &str)> = EVENING
            .iter()
            .map(|&(field, sound)| (field, if field == name { value } else { sound }))
            .collect();
        let answer = app.post(&admin, path, &fields).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}={value:?}"
        );
        assert!(answer.text.contains(said), "{name}={value:?}");
        assert!(answer.text.contains("Le guichet n’a pas été enregistré"));
    }
    assert_eq!(
        app.post(&admin, path, &[]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let unit = [("unite", "'; drop table units;--")];
    assert_eq!(
        app.post(&admin, path, &unit).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        app.post_raw(&admin, path, "libelle=x").await.status,
        StatusCode::FORBIDDEN
    );
    // What was typed comes back as text, never as markup.
    let mut fields = EVENING.to_vec();
    fields[1] = ("libelle", "<script>alert(1)</script>");
    fields[4] = ("debut", "\"><b>");
    let answer = app.post(&admin, path, &fields).await;
    assert!(!answer.text.contains("<script>alert") && !answer.text.contains("\"><b>"));
    assert_eq!(desks(&app, POLICE).await.len(), 1);
}

#[tokio::test]
async fn the_officers_day_shows_the_units_appointments_and_notes_who_read_them() {
    for app in on_every_engine(MONDAY).await {
        let officer = app.officer(Role::Officer, POLICE).await;
        let other = app.officer(Role::Officer, "u-78-gendarmerie").await;
        assert!(
            app.get(&officer, "/agent")
                .await
                .text
                .contains("Aucun rendez-vous ce jour-là")
        );
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let start = at("2026-03-02T09:00:00Z").0.to_string();
        let held = app
            .post(&angele, "/rendez-vous/creneaux", &[("creneau", &start)])
            .await;
        assert!(
            !app.get(&officer, "/agent").await.text.contains("Angèle"),
            "a hold is no appointment"
        );
        app.post(&angele, &held.location, &[]).await;

        let page = app.get(&officer, "/agent").await;
        for shown in [
            "Angèle ESSAI",
            "Vol de vélo",
            "Prochaine audition",
            "10\u{a0}h\u{a0}00 – 10\u{a0}h\u{a0}30",
            "/agent/audition/",
        ] {
            assert!(page.text.contains(shown), "{shown}");
        }
        assert!(
            !app.get(&officer, "/agent?jour=2026-03-03")
                .await
                .text
                .contains("Angèle")
        );
        assert!(
            app.get(&officer, "/agent?jour=2026-03-02")
                .await
                .text
                .contains("Angèle")
        );
        assert!(!app.get(&other, "/agent").await.text.contains("Angèle"));
        for wrong in ["x", "9999-12-31", "0000-01-01", "%00", ""] {
            assert_eq!(
                app.get(&officer, &format!("/agent?jour={wrong}"))
                    .await
                    .status,
                StatusCode::OK,
                "{wrong}"
            );
        }
        let mut tx = app.db.read().await.unwrap();
        let lines = crate::audit::lines_about(&mut tx, &format!("unit/{POLICE}"))
            .await
            .unwrap();
        let readings: Vec<_> = lines
            .iter()
            .filter(|line| line.act == "agenda.read")
            .collect();
        assert!(readings.len() >= 2);
        let id = held.location.split('/').nth(2).unwrap();
        assert!(readings.iter().all(
            |line| line.actor == format!("officer/{}", officer.id) && line.detail.contains(id)
        ));
        drop(tx);
        app.journal_holds().await;
    }
}
