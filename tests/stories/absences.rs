//! What an administrator closes: shown before it is done, and nobody is called off
//! by it.

use reqwest::StatusCode;

use crate::support::{Citizen, Officer, Page, TestApp};

/// Monday, nine o'clock in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";
const HALF_HOUR: i64 = 30 * 60_000;
const POLICE: &str = "u-78-police";
const DESK: &str = "d-78-police-1";

async fn books_in(app: &TestApp, key: &'static str, half_hours: i64) -> (Citizen, String) {
    let person = app.citizen(key);
    let slots = person.declares("Versailles").await;
    let start = app.clock.now().0 + half_hours * HALF_HOUR;
    let id = person.books(&slots, start).await;
    (person, id)
}

/// From the form to the page that says what it would cost.
async fn asks(nadia: &Officer, desk: &str, day: &str, from: &str, to: &str) -> Page {
    let form = nadia
        .get(&format!("/administration/absences/nouvelle?unite={POLICE}"))
        .await
        .ok()
        .form("form[action='/administration/absences/apercu']")
        .with("guichet", desk)
        .with("premier_jour", day)
        .with("debut", from)
        .with("fin", to)
        .with("motif", "leave");
    let query = form.encoded();
    nadia
        .get(&format!("/administration/absences/apercu?{query}"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absence_shows_what_it_costs_and_gives_appointments_to_a_free_desk() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        let (_, first) = books_in(&app, "camille", 2).await;
        let (amina, second) = books_in(&app, "amina", 4).await;
        // With one desk, nobody can take over.
        let page = asks(&nadia, DESK, "2026-11-23", "09:30", "12:00")
            .await
            .ok();
        assert!(
            page.text()
                .contains("Guichets fermés : 1. Rendez-vous concernés : 2.")
        );
        assert!(
            page.text().contains("À déplacer ou à annuler : 2"),
            "{page:.3000}"
        );
        // A second desk takes both; a third person books it at the first hour meanwhile.
        nadia.opens_a_desk(POLICE, "Guichet 2").await.ok();
        let (_, third) = books_in(&app, "lisandru", 2).await;
        let page = asks(&nadia, DESK, "2026-11-23", "09:30", "12:00")
            .await
            .ok();
        assert!(
            page.text().contains("par un autre guichet : 1"),
            "{page:.3000}"
        );
        assert!(page.text().contains("À déplacer ou à annuler : 1"));
        for id in [&first, &second] {
            assert_eq!(
                app.appointment(id).await.desk_id.as_str(),
                DESK,
                "looking changes nothing"
            );
        }
        let confirm = page.form("form[action='/administration/absences']");
        for _ in 0..2 {
            let done = nadia.submit(&confirm).await.ok();
            assert!(done.text().contains("L’absence est enregistrée"));
            assert_eq!(
                done.count("form[action$='/retrait']"),
                1,
                "sent twice, it is one"
            );
        }
        let other = app.appointment(&third).await.desk_id;
        assert_ne!(other.as_str(), DESK);
        let moved = app.appointment(&second).await;
        assert_eq!((moved.desk_id, moved.sequence), (other, 0));
        // Nobody is called off: the other one stands, and stands on the list.
        let left = app.appointment(&first).await;
        assert_eq!(
            (left.state.as_str(), left.desk_id.as_str()),
            ("booked", DESK)
        );
        let list = nadia
            .get(&format!("/administration/absences?unite={POLICE}"))
            .await
            .ok();
        assert!(list.text().contains(&left.reference), "{list:.3000}");
        assert!(
            !list
                .text()
                .contains(&app.appointment(&second).await.reference)
        );
        // Its desk offers nothing during the absence; the other one does.
        let slots = amina
            .get(&format!("/rendez-vous/{second}/deplacer"))
            .await
            .ok();
        let offered = slots.attributes("input[name='creneau']", "value");
        let start = app.clock.now().0;
        assert!(!offered.contains(&(start + 2 * HALF_HOUR).to_string()));
        assert!(offered.contains(&(start + 3 * HALF_HOUR).to_string()));
        // Moved by the unit, it leaves the list; taken back, the desk is open again.
        let review = nadia
            .get(&format!(
                "/agent/rendez-vous/{first}/deplacer/confirmer?creneau={}",
                start + 3 * HALF_HOUR
            ))
            .await
            .ok();
        nadia
            .submit(&review.form("form[action$='/deplacer']"))
            .await
            .ok();
        let list = nadia
            .get(&format!("/administration/absences?unite={POLICE}"))
            .await
            .ok();
        assert!(
            !list.text().contains("Rendez-vous à traiter"),
            "{list:.3000}"
        );
        let remove = list.form("form[action$='/retrait']");
        for _ in 0..2 {
            let done = nadia.submit(&remove).await.ok();
            assert_eq!(done.count("form[action$='/retrait']"), 0);
        }
        let slots = amina
            .get(&format!("/rendez-vous/{second}/deplacer"))
            .await
            .ok();
        let offered = slots.attributes("input[name='creneau']", "value");
        assert!(offered.contains(&(start + 2 * HALF_HOUR).to_string()));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_of_the_whole_unit_offers_nothing_and_calls_nobody_off() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        let (camille, id) = books_in(&app, "camille", 4).await;
        nadia.opens_a_desk(POLICE, "Guichet 2").await.ok();
        let page = asks(&nadia, "", "2026-11-23", "", "").await.ok();
        assert!(
            page.text()
                .contains("Guichets fermés : 2. Rendez-vous concernés : 1.")
        );
        nadia
            .submit(&page.form("form[action='/administration/absences']"))
            .await
            .ok();
        assert_eq!(app.appointment(&id).await.state.as_str(), "booked");
        let slots = camille
            .get(&format!("/rendez-vous/{id}/deplacer"))
            .await
            .ok();
        let midnight = monday_is_over();
        for slot in slots.attributes("input[name='creneau']", "value") {
            assert!(slot.parse::<i64>().unwrap() >= midnight, "{slot}");
        }
        app.journal_holds();
    }
}

/// The pause of ten o'clock was booked with the appointment of half past nine, and no
/// longer is one when another desk takes it over.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_gives_an_appointment_up_keeps_nothing_of_it() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        let rules = format!("/administration/unites/{POLICE}/regles");
        let sets_pause = async |minutes: &str| {
            let page = nadia.get(&rules).await.ok();
            let form = page.form("form[action$='/regles']").with("pause", minutes);
            nadia.looks_and_saves(&form).await.ok();
        };
        sets_pause("15").await;
        let (_, id) = books_in(&app, "camille", 1).await;
        sets_pause("0").await;
        nadia.opens_a_desk(POLICE, "Guichet 2").await.ok();
        let page = asks(&nadia, DESK, "2026-11-23", "09:30", "10:00")
            .await
            .ok();
        let confirm = page.form("form[action='/administration/absences']");
        let done = nadia.submit(&confirm).await.ok();
        assert_ne!(app.appointment(&id).await.desk_id.as_str(), DESK);
        nadia.submit(&done.form("form[action$='/retrait']")).await;
        // Both desks are free at ten.
        let (_, second) = books_in(&app, "amina", 2).await;
        let (_, third) = books_in(&app, "lisandru", 2).await;
        let desks = [
            app.appointment(&second).await.desk_id,
            app.appointment(&third).await.desk_id,
        ];
        assert_ne!(desks[0], desks[1]);
        app.journal_holds();
    }
}

/// Midnight at the end of that Monday, in Paris.
fn monday_is_over() -> i64 {
    crate::support::app::at("2026-11-23T23:00:00Z").0
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_exceptions_are_followed_at_once_and_wrong_ones_change_nothing() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        let camille = app.citizen("camille");
        camille.declares("Versailles").await;
        let path = format!("/administration/unites/{POLICE}/regles");
        let page = nadia.get(&path).await.ok();
        assert!(
            page.text().contains("Vendredi 25 décembre 2026 – Noël"),
            "{page:.3000}"
        );
        let form = page.form("form[action$='/regles']");
        for (field, wrong) in [
            ("creneau", "7"),
            ("pause", "-5"),
            ("preavis", "demain"),
            ("horizon", "0"),
        ] {
            let page = nadia.submit(&form.clone().forge(field, wrong)).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        }
        let form = form
            .with("creneau", "45")
            .with("preavis", "120")
            .with("horizon", "40")
            .forge("feries", "");
        // Nothing is saved that was not looked at, whatever the form says.
        let look = nadia
            .submit(&form.clone().forge("acte", "enregistrer"))
            .await
            .ok();
        assert!(!look.text().contains("Les règles sont enregistrées"));
        let effect = look.words("#apercu li").join("\n");
        assert!(effect.contains("« 30 min » devient « 45 min »"), "{effect}");
        let save = look
            .form("form[action$='/regles']")
            .forge("acte", "enregistrer");
        let other = nadia.submit(&save.clone().with("creneau", "60")).await.ok();
        assert!(
            other.has("#apercu"),
            "other rules than those looked at: {other:.3000}"
        );
        let done = nadia.submit(&save).await.ok();
        assert!(done.text().contains("Les règles sont enregistrées"));
        let late = nadia.submit(&save).await.ok();
        assert!(
            late.has("#apercu"),
            "the rules that stand are others by now"
        );
        let history = done.words(".vp-history > li");
        assert!(history[0].contains("RIO 9078003"), "{history:?}");
        // The former ones come back by one button, once; then again the new ones.
        let undo = done.form("form.vp-undo").forge("acte", "annuler");
        let undone = nadia.submit(&undo).await.ok();
        assert_eq!(
            undone.form("form[action$='/regles']").field("creneau"),
            "30"
        );
        assert!(!undone.has("form.vp-undo"));
        assert_eq!(nadia.submit(&undo).await.status, StatusCode::CONFLICT);
        nadia.looks_and_saves(&form).await.ok();
        let offered = async |week: &str| -> Vec<i64> {
            let page = camille
                .get(&format!("/rendez-vous/creneaux?semaine={week}"))
                .await
                .ok();
            let slots = page.attributes("fieldset input[name='creneau']", "value");
            slots.iter().map(|slot| slot.parse().unwrap()).collect()
        };
        let at = |text: &str| crate::support::app::at(text).0;
        let monday = offered("2026-11-23").await;
        assert_eq!(monday[0], at("2026-11-23T10:00:00Z"), "two hours of notice");
        assert_eq!(monday[1] - monday[0], 45 * 60_000);
        // Christmas is closed now, the day before is not.
        let christmas = offered("2026-12-21").await;
        let on = |slots: &[i64], from: i64| {
            slots
                .iter()
                .any(|slot| (from..from + 86_400_000).contains(slot))
        };
        assert!(on(&christmas, at("2026-12-23T23:00:00Z")));
        assert!(!on(&christmas, at("2026-12-24T23:00:00Z")));

        // A single day without hours; not one on which somebody is expected.
        let exceptions = format!("/administration/guichets/{DESK}/exceptions");
        let page = nadia.get(&exceptions).await.ok();
        let form = page.form("form[action$='/exceptions']");
        let range = form.choices("plage").remove(0);
        let form = form.with("plage", &range).with("jour", "2026-11-25");
        nadia.submit(&form).await.ok();
        let page = nadia.submit(&form).await.ok();
        assert_eq!(page.count("input[name='acte'][value='retirer']"), 1);
        let week = offered("2026-11-23").await;
        assert!(!on(&week, at("2026-11-24T23:00:00Z")), "the exception");
        assert!(on(&week, at("2026-11-25T23:00:00Z")));
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        camille.books(&slots, monday[0]).await;
        let refused = nadia.submit(&form.clone().with("jour", "2026-11-23")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("déclarez plutôt une absence"));
        let back = nadia
            .get(&exceptions)
            .await
            .ok()
            .forms("form[action$='/exceptions']")
            .remove(0);
        nadia.submit(&back).await.ok();
        let slots = camille
            .get("/rendez-vous/creneaux?semaine=2026-11-23")
            .await
            .ok();
        assert!(slots.status.is_success());
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_closes_what_is_not_theirs_and_nonsense_is_told_field_by_field() {
    let app = TestApp::at(MONDAY).await;
    let (sarah, nadia, jerome) = (
        app.officer("78-police"),
        app.officer("admin-78"),
        app.officer("admin-974"),
    );
    sarah.logs_in("/agent").await.ok();
    nadia.logs_in("/administration").await.ok();
    jerome.logs_in("/administration").await.ok();
    let page = asks(&nadia, DESK, "2026-11-24", "", "").await.ok();
    let confirm = page.form("form[action='/administration/absences']");
    for (officer, status) in [
        (&sarah, StatusCode::FORBIDDEN),
        (&jerome, StatusCode::NOT_FOUND),
    ] {
        for path in [
            format!("/administration/absences?unite={POLICE}"),
            format!("/administration/absences/nouvelle?unite={POLICE}"),
            format!("/administration/absences/apercu?unite={POLICE}"),
            format!("/administration/unites/{POLICE}/regles"),
            format!("/administration/guichets/{DESK}/exceptions"),
        ] {
            assert_eq!(officer.get(&path).await.status, status, "{path}");
        }
        let csrf = officer
            .get("/agent/sessions")
            .await
            .ok()
            .form("form[action='/deconnexion']")
            .field("csrf")
            .to_owned();
        let forged = officer.submit(&confirm.clone().forge("csrf", &csrf)).await;
        assert_eq!(forged.status, status);
    }
    for (desk, day, from, to, words) in [
        (
            "d-974-police-1",
            "2026-11-24",
            "",
            "",
            "Ce guichet n’est plus ouvert",
        ),
        (DESK, "2026-02-30", "", "", "Indiquez le premier jour"),
        (DESK, "2026-11-24", "9h", "", "Indiquez le premier jour"),
        (
            DESK,
            "2026-11-24",
            "12:00",
            "11:00",
            "Indiquez une fin à venir",
        ),
        (DESK, "2026-11-20", "", "", "Indiquez une fin à venir"),
    ] {
        let forged = confirm
            .clone()
            .forge("guichet", desk)
            .forge("premier_jour", day)
            .forge("debut", from)
            .forge("fin", to);
        let page = nadia.submit(&forged).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        assert!(page.text().contains(words), "{words}: {page:.2000}");
    }
    let list = nadia
        .get(&format!("/administration/absences?unite={POLICE}"))
        .await
        .ok();
    assert_eq!(list.count("form[action$='/retrait']"), 0);
}
