//! What administrators count: numbers that fit what happened, and none that tells of a
//! person.

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use visioplainte::db::Id;

use crate::support::TestApp;

/// Monday, nine o'clock in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";
const POLICE: &str = "u-78-police";
const PAGE: &str = "/administration/compteurs";

/// Appointments as they were, without what led to them: `count` of each state that
/// began on a day, confirmed two and a half days before.
async fn a_past(app: &TestApp, like: &str, unit: &str, day: &str, outcomes: &[(&str, usize)]) {
    let starts_at = crate::support::app::at(&format!("{day}T10:00:00Z"));
    let mut tx = app.db.begin().await.unwrap();
    let mut number = 0;
    for (state, count) in outcomes {
        for _ in 0..*count {
            number += 1;
            let id = Id::random();
            visioplainte::execute!(
                &mut tx,
                "insert into appointments (id, reference, unit_id, desk_id, case_id, citizen_id, starts_at, ends_at,
                     state, booked_at, created_at)
                 select $1, $1, cast($2 as text), desk_id, case_id, citizen_id, cast($3 as bigint),
                     cast($3 as bigint) + 1800000, cast($4 as text), cast($3 as bigint) - 216000000,
                     cast($3 as bigint) - 216000000
                 from appointments where id = $5",
                &id,
                unit,
                starts_at.plus_minutes(number * 5),
                *state,
                like
            )
            .unwrap();
        }
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_fit_what_happened_and_few_are_shown_as_few() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        let id = app.citizen("camille").has_an_appointment().await;
        let outcomes = [
            ("closed", 12),
            ("no_show", 3),
            ("cancelled_by_citizen", 5),
            ("cancelled_by_unit", 1),
            ("converted_in_person", 6),
            ("expired", 9),
        ];
        a_past(&app, &id, POLICE, "2026-11-10", &outcomes).await;
        a_past(&app, &id, POLICE, "2026-11-17", &[("closed", 7)]).await;
        a_past(
            &app,
            &id,
            "u-78-gendarmerie",
            "2026-11-17",
            &[("closed", 40)],
        )
        .await;

        let page = nadia
            .get(&format!("{PAGE}?par=semaine&du=2026-11-09&au=2026-11-22"))
            .await
            .ok();
        let numbers = |row: usize| page.words(&format!(".vp-numbers tbody tr:nth-child({row}) td"));
        assert_eq!(
            numbers(1),
            ["27", "12", "< 5", "5", "< 5", "6", "0", "0", "2,5"],
            "{page:.4000}"
        );
        assert_eq!(numbers(2), ["7", "7", "0", "0", "0", "0", "0", "0", "2,5"]);
        assert_eq!(
            numbers(3),
            ["34", "19", "< 5", "5", "< 5", "6", "0", "0", "2,5"]
        );
        assert!(page.count(".vp-plot rect") > 5);
        // What is free now, and how far the next slot is.
        assert!(page.text().contains("Prochain créneau"));
        let free = page.words("main table")[0].clone();
        assert!(free.contains("Lundi 23 novembre 2026"), "{free}");

        // By day and month the same people are counted; by day on the unit's wall.
        let days = nadia
            .get(&format!("{PAGE}?par=jour&du=2026-11-10&au=2026-11-11"))
            .await
            .ok();
        assert_eq!(days.words(".vp-numbers tbody tr:nth-child(1) td")[0], "27");
        let months = nadia
            .get(&format!("{PAGE}?par=mois&du=2026-10-01&au=2026-11-22"))
            .await
            .ok();
        assert_eq!(
            months.words(".vp-numbers tbody tr:nth-child(2) td")[0],
            "34"
        );

        let file = nadia
            .get(&format!(
                "{PAGE}/fichier?par=semaine&du=2026-11-09&au=2026-11-22"
            ))
            .await
            .ok();
        assert_eq!(file.header(CONTENT_TYPE), "text/csv; charset=utf-8");
        let text = file.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("place,first_day,last_day,booked,held,no_show,"));
        assert!(
            lines[1].contains(",2026-11-09,2026-11-15,27,12,< 5,5,< 5,6,0,0,"),
            "{text}"
        );
        let reference = app.appointment(&id).await.reference;
        for secret in [reference.as_str(), "BERTHELOT", "Vol"] {
            assert!(
                !text.contains(secret) && !page.text().contains(secret),
                "{secret}"
            );
        }
        // What was open on a day is counted once the day is over, and once only.
        let opened = |page: &crate::support::Page| page.words(".vp-opened tbody td");
        let today = format!("{PAGE}?par=jour&du=2026-11-23&au=2026-11-23");
        assert!(opened(&nadia.get(&today).await.ok()).is_empty());
        let evening = crate::support::app::at("2026-11-23T22:30:00Z");
        visioplainte::booking::counters::count(&app, evening)
            .await
            .unwrap();
        let yesterday = format!("{PAGE}?par=jour&du=2026-11-22&au=2026-11-23");
        assert!(opened(&nadia.get(&today).await.ok()).is_empty());
        let night = crate::support::app::at("2026-11-23T23:30:00Z");
        for _ in 0..2 {
            visioplainte::booking::counters::count(&app, night)
                .await
                .unwrap();
        }
        // From eight to eight by half hours; the one that Camille has counts too.
        assert_eq!(opened(&nadia.get(&today).await.ok()), ["24"]);
        // The day before, nothing was open yet.
        assert_eq!(opened(&nadia.get(&yesterday).await.ok()), ["0", "24"]);
        let file = nadia
            .get(&format!(
                "{PAGE}/fichier?par=jour&du=2026-11-23&au=2026-11-23"
            ))
            .await
            .ok();
        assert!(file.text().trim_end().ends_with(",24"), "{}", file.text());
        // A unit's administrator counts their unit and no other.
        for other in ["u-78-gendarmerie", "departement", "u-974-police", "'--"] {
            let foreign = nadia.get(&format!("{PAGE}?unite={other}")).await;
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{other}");
            let foreign = nadia.get(&format!("{PAGE}/fichier?unite={other}")).await;
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{other}");
        }
        // No time to count is told, and nonsense shows the last weeks.
        for query in [
            "du=2026-11-22&au=2026-11-09",
            "par=jour&du=2026-01-01&au=2026-11-09",
            "du=2020-01-01",
        ] {
            let page = nadia.get(&format!("{PAGE}?{query}")).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
            nadia.get(&format!("{PAGE}/fichier?{query}")).await;
        }
        nadia
            .get(&format!("{PAGE}?par=siecle&du=hier&au=2026-02-30"))
            .await
            .ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_is_counted_whole_and_unit_by_unit() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let jerome = app.officer("admin-974");
        jerome.logs_in("/administration").await.ok();
        let id = app.citizen("camille").has_an_appointment().await;
        // Ten in the morning UTC is two in the afternoon there.
        a_past(
            &app,
            &id,
            "u-974-police",
            "2026-11-18",
            &[("closed", 8), ("no_show", 2)],
        )
        .await;
        a_past(
            &app,
            &id,
            "u-974-gendarmerie",
            "2026-11-18",
            &[("closed", 5)],
        )
        .await;
        a_past(&app, &id, POLICE, "2026-11-18", &[("closed", 50)]).await;
        let query = "unite=departement&par=semaine&du=2026-11-16&au=2026-11-22";
        let page = jerome.get(&format!("{PAGE}?{query}")).await.ok();
        let tables = page.count(".vp-numbers");
        assert_eq!(tables, 2);
        let total = page.words(".vp-numbers__total td");
        assert_eq!(total[..3], ["15", "13", "< 5"]);
        let file = jerome.get(&format!("{PAGE}/fichier?{query}")).await.ok();
        let text = file.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines
                .iter()
                .any(|line| line.contains("Brigade de l’Anse-aux-Palmes"))
        );
    }
}
