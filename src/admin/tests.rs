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
        assert!(list.text.contains("par RIO "));
        assert!(!list.text.contains(&format!("officer/{}", admin.id)));
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

const JOURNAL: &str = "/administration/journal";

#[tokio::test]
async fn an_auditor_searches_the_journal_and_every_look_is_written_in_it() {
    for app in on_every_engine(MONDAY).await {
        let admin = app.officer(Role::UnitAdmin, POLICE).await;
        app.post(&admin, "/administration/guichets/nouveau", EVENING)
            .await;
        let auditor = app.officer(Role::Auditor, POLICE).await;
        let blank = app.get(&auditor, JOURNAL).await;
        assert_eq!(blank.status, StatusCode::OK);
        assert!(
            !blank.text.contains("desk.open"),
            "read before a reason is given"
        );
        let page = app
            .get(&auditor, &format!("{JOURNAL}?motif=incident"))
            .await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("Modification – Gérer les unités"));
        let officer = format!("officer/{}", admin.id);
        for shown in ["Guichet ouvert", "desk.open", &officer, "Journal consulté"] {
            assert!(page.text.contains(shown), "{shown}");
        }
        let address = format!("{JOURNAL}?motif=control&acte=desk&acteur={officer}");
        let found = app.get(&auditor, &address).await;
        assert!(found.text.contains("desk.open") && !found.text.contains("journal.read"));
        let none = app
            .get(
                &auditor,
                &format!("{JOURNAL}?motif=control&objet=desk/nothing"),
            )
            .await;
        assert!(none.text.contains("Aucune ligne"));
        // Before the demonstration began there is nothing.
        let before = app
            .get(
                &auditor,
                &format!("{JOURNAL}?motif=control&du=2020-01-01&au=2020-01-02"),
            )
            .await;
        assert!(before.text.contains("Aucune ligne"));

        let mut tx = app.db.read().await.unwrap();
        let lines = crate::audit::lines_about(&mut tx, &format!("journal/{POLICE}"))
            .await
            .unwrap();
        drop(tx);
        assert_eq!(lines.len(), 4);
        assert!(
            lines.iter().all(|line| line.act == "journal.read"
                && line.actor == format!("officer/{}", auditor.id))
        );
        assert!(lines[0].detail.starts_with("reason=incident from="));
        assert!(
            lines[1]
                .detail
                .contains(&format!("act=desk actor={officer}"))
        );
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn names_and_nonsense_are_not_searched_for_and_leave_no_trace() {
    let app = on_sqlite(MONDAY).await;
    let auditor = app.officer(Role::Auditor, POLICE).await;
    for (query, said) in [
        (
            "acteur=Ang%C3%A8le",
            "Un nom de personne ne se cherche pas ici",
        ),
        ("objet=%27--", "Un nom de personne ne se cherche pas ici"),
        ("acte=Vol", "Indiquez un code d’acte"),
        ("acte=desk.open", "Choisissez pourquoi"),
        ("motif=curiosite", "Choisissez pourquoi"),
        ("du=2026-02-30", "Indiquez un jour qui existe"),
        ("du=2026-03-02&au=2026-03-01", "ne précède pas le premier"),
    ] {
        let page = app.get(&auditor, &format!("{JOURNAL}?{query}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(page.text.contains(said), "{query}");
    }
    let mut tx = app.db.read().await.unwrap();
    let lines = crate::audit::lines_about(&mut tx, &format!("journal/{POLICE}"))
        .await
        .unwrap();
    assert!(lines.is_empty());
}

#[tokio::test]
async fn a_journal_longer_than_a_page_is_read_page_by_page_to_its_end() {
    let app = on_sqlite(MONDAY).await;
    let auditor = app.officer(Role::Auditor, POLICE).await;
    let mut tx = app.db.begin().await.unwrap();
    for number in 0..120 {
        crate::audit::append(
            &mut tx,
            POLICE,
            app.clock.now(),
            &crate::audit::Actor::System,
            "test.count",
            &format!("test/{number}"),
            "",
        )
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let mut address = format!("{JOURNAL}?motif=control&acte=test.count");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let page = app.get(&auditor, &address).await;
        let document = scraper::Html::parse_document(&page.text);
        let link = scraper::Selector::parse("a[rel=next]").unwrap();
        let object = scraper::Selector::parse("dd a[href*='objet=']").unwrap();
        seen.extend(
            document
                .select(&object)
                .map(|found| found.text().collect::<String>())
                .filter(|text| text.starts_with("test/")),
        );
        address = document
            .select(&link)
            .next()
            .map_or_else(String::new, |link| link.attr("href").unwrap().to_owned());
    }
    assert_eq!(address, "", "a fourth page");
    let expected: Vec<String> = (0..120)
        .rev()
        .map(|number| format!("test/{number}"))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_journal_is_for_auditors_of_its_department() {
    let app = on_sqlite(MONDAY).await;
    for (role, own, neighbour, foreign) in [
        (Role::Officer, 403, 403, 403),
        (Role::UnitAdmin, 403, 403, 403),
        (Role::DepartmentAdmin, 403, 403, 403),
        (Role::Auditor, 200, 200, 404),
    ] {
        let person = app.officer(role, POLICE).await;
        for (unit, expected) in [
            (POLICE, own),
            ("u-78-gendarmerie", neighbour),
            ("u-974-police", foreign),
            ("service", if own == 403 { 403 } else { 404 }),
        ] {
            let page = app.get(&person, &format!("{JOURNAL}?unite={unit}")).await;
            assert_eq!(page.status.as_u16(), expected, "{role} {unit}");
            let fields = [("unite", unit), ("motif", "court"), ("format", "chaine")];
            let taken = app
                .post(&person, &format!("{JOURNAL}/export"), &fields)
                .await;
            assert_eq!(taken.status.as_u16(), expected, "{role} {unit}");
        }
    }
    let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
    assert_eq!(
        app.get(&angele, JOURNAL).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn the_journal_is_taken_away_as_a_table_as_lines_and_as_a_chain_that_can_be_checked() {
    for app in on_every_engine(MONDAY).await {
        let auditor = app.officer(Role::Auditor, POLICE).await;
        let export = format!("{JOURNAL}/export");
        let table = app
            .post(&auditor, &export, &[("motif", "court"), ("format", "csv")])
            .await;
        assert_eq!(table.kind, "text/csv; charset=utf-8");
        assert!(table.text.starts_with("\u{feff}Ligne,Instant (UTC),Auteur"));
        assert!(table.text.contains("unit.add,change,administration,unit/"));
        let lines = app
            .post(
                &auditor,
                &export,
                &[("motif", "court"), ("format", "jsonl")],
            )
            .await;
        let read: Vec<crate::audit::Line> = lines
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read.last().unwrap().act, "journal.export");
        assert!(
            lines
                .text
                .contains("\"operation\":\"communication\",\"purpose\":\"oversight\"")
        );
        assert!(read.iter().all(|line| line.chain == POLICE));
        let chain = app
            .post(
                &auditor,
                &export,
                &[("motif", "court"), ("format", "chaine")],
            )
            .await;
        let found =
            crate::audit::file::check(chain.text.as_bytes(), app.keys.journal_public()).unwrap();
        assert_eq!((found.chains, found.roots), (1, 1));
        assert_eq!(found.lines, read.len() + 1, "its own line is in it");
        for wrong in [
            &[("motif", "court"), ("format", "exe")][..],
            &[("format", "csv")],
        ] {
            let wrong = app.post(&auditor, &export, wrong).await;
            assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
        }
        assert_eq!(
            app.post_raw(&auditor, &export, "format=csv").await.status,
            StatusCode::FORBIDDEN
        );
        app.journal_holds().await;
    }
}

#[tokio::test]
async fn hours_are_taken_back_once_every_appointment_has_another_desk_and_given_again() {
    for app in on_every_engine(MONDAY).await {
        let admin = app.officer(Role::UnitAdmin, POLICE).await;
        let stranger = app.officer(Role::UnitAdmin, "u-78-gendarmerie").await;
        let (angele, _) = app.citizen_with_case("Angèle", POLICE).await;
        let start = at("2026-03-02T10:00:00Z").0.to_string();
        let held = app
            .post(&angele, "/rendez-vous/creneaux", &[("creneau", &start)])
            .await;
        app.post(&angele, &held.location, &[]).await;
        let hours = {
            let mut tx = app.db.read().await.unwrap();
            crate::calendar::list_opening_hours(&mut tx, &POLICE.into())
                .await
                .unwrap()
        };
        let path = format!("/administration/plages/{}/retrait", hours[0].id);
        assert_eq!(
            app.get(&stranger, &path).await.status,
            StatusCode::NOT_FOUND
        );
        // She has nowhere to go: nothing is offered, and nothing done.
        let page = app.get(&admin, &path).await;
        assert!(
            page.text.contains("À déplacer ou à annuler : 1"),
            "{}",
            page.text
        );
        assert!(!page.text.contains("Oui, retirer"));
        let refused = app.post(&admin, &path, &[]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);

        // Another desk takes her over.
        let fields = [
            ("unite", POLICE),
            ("libelle", "Guichet 2"),
            ("jour", "MO"),
            ("debut", "11:00"),
            ("fin", "12:00"),
            ("premier_jour", "2026-03-02"),
        ];
        app.post(&admin, "/administration/guichets/nouveau", &fields)
            .await;
        let page = app.get(&admin, &path).await;
        assert!(
            page.text.contains("de Guichet 1 à Guichet 2"),
            "{}",
            page.text
        );
        let done = app.post(&admin, &path, &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER);
        assert_eq!(app.post(&admin, &path, &[]).await.location, done.location);
        let morning = at("2026-03-03T08:00:00Z").0.to_string();
        let (jean, _) = app.citizen_with_case("Jean", POLICE).await;
        let slots = app.get(&jean, "/rendez-vous/creneaux").await;
        assert!(!slots.text.contains(&morning));
        let moved = {
            let mut tx = app.db.read().await.unwrap();
            crate::booking::list_of_citizen(&mut tx, &angele.id)
                .await
                .unwrap()
                .remove(0)
        };
        assert_ne!(moved.desk_id.as_str(), "d-78-police-1");
        assert_eq!(moved.starts_at, at("2026-03-02T10:00:00Z"));

        // Undone from the page that says it was done.
        let list = app.get(&admin, &done.location).await;
        assert!(list.text.contains("Rétablir les horaires retirés"));
        let undo = format!("/administration/plages/{}/retablissement", hours[0].id);
        for _ in 0..2 {
            let undone = app.post(&admin, &undo, &[]).await;
            assert_eq!(undone.status, StatusCode::SEE_OTHER);
        }
        let slots = app.get(&jean, "/rendez-vous/creneaux").await;
        assert!(slots.text.contains(&morning));
        let list = app.get(&admin, "/administration/guichets").await;
        assert!(list.text.contains("rétablissement d’horaires"));
        app.journal_holds().await;
    }
}
