//! Slots as the database gives them, on every engine.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::execute;
use crate::testing::{TestApp, at, on_every_engine};

/// Monday 2 March 2026, 09:00 in Paris.
const MONDAY: &str = "2026-03-02T08:00:00Z";

async fn starts(app: &TestApp, unit: &Unit, from: &str, to: &str) -> Vec<String> {
    let mut tx = app.db.read().await.unwrap();
    let now = app.clock.now();
    let slots = offered_slots(&mut tx, unit, at(from), at(to), now)
        .await
        .unwrap();
    slots
        .iter()
        .map(|slot| slot.starts_at.utc().format("%dT%H:%M").to_string())
        .collect()
}

#[tokio::test]
async fn seeding_again_adds_nothing() {
    for app in on_every_engine(MONDAY).await {
        crate::seed::seed(&app).await.unwrap();
        let mut tx = app.db.read().await.unwrap();
        for department in ["78", "974"] {
            let units = list_units(&mut tx, department).await.unwrap();
            assert_eq!(units.len(), 2);
            for unit in units {
                assert!(unit.name.contains("(unité fictive)"));
                assert_eq!(list_desks(&mut tx, &unit.id).await.unwrap().len(), 1);
                let hours = list_opening_hours(&mut tx, &unit.id).await.unwrap();
                assert_eq!(hours.len(), 1);
            }
        }
        let found = search_communes(&mut tx, "st rémy").await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].unit_id, Some("u-78-gendarmerie".into()));
        assert_eq!(search_communes(&mut tx, "974").await.unwrap().len(), 11);
        assert!(search_communes(&mut tx, "%").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn notice_horizon_absences_and_unreadable_rules_are_respected() {
    for app in on_every_engine(MONDAY).await {
        let mut unit = app.unit("u-78-police").await;
        let day = ("2026-03-02T00:00:00Z", "2026-03-02T23:00:00Z");
        let all = starts(&app, &unit, day.0, day.1).await;
        assert_eq!((all.len(), all[0].as_str()), (22, "02T08:00"));
        unit.notice_minutes = 121;
        let later = starts(&app, &unit, day.0, day.1).await;
        assert_eq!(later[0], "02T10:30");
        unit.notice_minutes = 0;

        // The last day of the horizon is offered whole, in summer time by then.
        let far = ("2026-03-01T00:00:00Z", "2027-03-01T00:00:00Z");
        let horizon = starts(&app, &unit, far.0, far.1).await;
        assert_eq!(horizon.last().unwrap(), "02T17:30");
        assert_eq!(horizon.len(), 22 + 31 * 24);

        let mut tx = app.db.begin().await.unwrap();
        for (id, desk, from, to) in [
            (
                "desk",
                Some("d-78-police-1"),
                "2026-03-02T09:00:00Z",
                "2026-03-02T10:00:00Z",
            ),
            ("unit", None, "2026-03-02T11:00:00Z", "2026-03-02T18:00:00Z"),
            (
                "other",
                Some("d-974-police-1"),
                "2026-03-02T08:00:00Z",
                "2026-03-02T09:00:00Z",
            ),
        ] {
            execute!(
                &mut tx,
                "insert into absences (id, unit_id, desk_id, from_at, to_at, reason, created_at, created_by)
                 values ($1, 'u-78-police', $2, $3, $4, 'test', 0, 'system')",
                id,
                desk,
                at(from),
                at(to)
            )
            .unwrap();
        }
        execute!(
            &mut tx,
            "insert into opening_hours (id, desk_id, rrule, first_day, start_minute, end_minute, created_at, created_by)
             values ('broken', 'd-78-police-1', 'FREQ=EVER', '2026-03-02', 0, 1440, 0, 'system')"
        )
        .unwrap();
        tx.commit().await.unwrap();
        let left = starts(&app, &unit, day.0, "2026-03-02T19:00:00Z").await;
        assert_eq!(
            left,
            [
                "02T08:00", "02T08:30", "02T10:00", "02T10:30", "02T18:00", "02T18:30"
            ]
        );
    }
}

#[tokio::test]
async fn a_department_is_offered_what_each_of_its_units_is_and_the_earliest_first() {
    for app in on_every_engine(MONDAY).await {
        let now = app.clock.now();
        let mut units = Vec::new();
        for id in ["u-78-police", "u-78-gendarmerie"] {
            units.push(app.unit(id).await);
        }
        units[0].notice_minutes = 45;
        // Each row takes away more of what comes first, until nothing is left.
        let away = |unit: &'static str, desk: Option<&'static str>, days: i64| (unit, desk, days);
        for (step, (unit, desk, days)) in [
            away("u-78-gendarmerie", None, 0),
            away("u-78-gendarmerie", None, 1),
            away("u-78-police", Some("d-78-police-1"), 3),
            away("u-78-gendarmerie", Some("d-78-gendarmerie-1"), 8),
            away("u-78-police", None, 30),
            away("u-78-gendarmerie", None, 40),
            away("u-78-police", None, 40),
        ]
        .into_iter()
        .enumerate()
        {
            let mut tx = app.db.begin().await.unwrap();
            execute!(
                &mut tx,
                "insert into absences (id, unit_id, desk_id, from_at, to_at, reason, created_at, created_by)
                 values ($1, $2, $3, 0, $4, 'test', 0, 'system')",
                format!("away-{step}"),
                unit,
                desk,
                now.plus_minutes(days * 24 * 60)
            )
            .unwrap();
            let mut firsts = Vec::new();
            for unit in &units {
                let end = end_of_horizon(unit, now);
                let slots = offered_slots(&mut tx, unit, now, end, now).await.unwrap();
                firsts.extend(slots.into_iter().next().map(|slot| (slot, unit.id.clone())));
            }
            firsts.sort_by_key(|(slot, _)| slot.starts_at);
            let found = department::next_slots(&mut tx, &units, None, now)
                .await
                .unwrap();
            let found: Vec<(Slot, Id)> = found
                .into_iter()
                .map(|(unit, slot)| (slot, unit.id))
                .collect();
            // All that are found are right, and the earliest is among them.
            assert_eq!(found, firsts[..found.len()], "step {step}");
            assert_eq!(found.is_empty(), firsts.is_empty(), "step {step}");
            if let Some((first, _)) = firsts.first() {
                let until = Some(first.starts_at);
                let none = department::next_slots(&mut tx, &units, until, now)
                    .await
                    .unwrap();
                assert!(none.is_empty(), "step {step}");
                // Whoever is not asked is not offered.
                let alone = department::next_slots(&mut tx, &units[..1], None, now)
                    .await
                    .unwrap();
                assert!(alone.iter().all(|(unit, _)| unit.id == units[0].id));
            }
            tx.commit().await.unwrap();
        }
    }
}
