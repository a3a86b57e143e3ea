//! A unit without a slot soon, and the neighbours that its department lets help out.

use reqwest::StatusCode;
use visioplainte::audit::Actor;
use visioplainte::calendar;
use visioplainte::calendar::away::{AwayPlan, AwayReason};
use visioplainte::calendar::recurrence::Range;
use visioplainte::db::Id;

use crate::support::messages::mail_to;
use crate::support::people::email_of;
use crate::support::{Officer, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";
const PAGE: &str = "/administration/unites/u-974-police/voisines";
const POLICE: &str = "Commissariat du Port-aux-Filaos (unité fictive)";
const BRIGADE: &str = "Brigade de l’Anse-aux-Palmes (unité fictive)";
const NEXT: &str = "section[aria-labelledby='voisines'] form";

/// The unit takes nobody for some days from now on.
async fn is_away(app: &TestApp, unit: &str, days: i64) {
    let now = app.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    let unit = calendar::find_unit(&mut tx, &Id::from(unit))
        .await
        .unwrap()
        .unwrap();
    let plan = AwayPlan {
        range: Range {
            from: now,
            to: now.plus_minutes(days * 24 * 60),
        },
        reason: AwayReason::Technical,
    };
    visioplainte::audit::lock(&mut tx, unit.id.as_str())
        .await
        .unwrap();
    calendar::add_absence(&mut tx, &unit, None, &plan, &Actor::System, now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn sets(officer: &Officer, page: &Page, days: &str, first: &str) -> Page {
    let form = page
        .form(&format!("form[action='{PAGE}']"))
        .with("jours", days)
        .with("rang_1", first);
    let look = officer.submit(&form.forge("acte", "verifier")).await.ok();
    assert!(look.text().contains("Effet aujourd’hui"), "{look:.3000}");
    let save = look
        .form(&format!("form[action='{PAGE}']"))
        .forge("acte", "enregistrer");
    officer.submit(&save).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_lets_a_neighbour_help_out_and_takes_it_back() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let jerome = app.officer("admin-974");
        let page = jerome.logs_in(PAGE).await.ok();
        assert!(
            page.text().contains("Personne n’est envoyé"),
            "{page:.3000}"
        );
        for (days, unit, words) in [
            ("91", "u-974-gendarmerie", "de 0 à 90 jours"),
            ("3", "", "Nommez au moins une unité"),
        ] {
            let form = page
                .form(&format!("form[action='{PAGE}']"))
                .with("jours", days)
                .with("rang_1", unit);
            let told = jerome.submit(&form.forge("acte", "enregistrer")).await;
            assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(told.text().contains(words), "{told:.3000}");
        }
        // A unit of another department is none of theirs, whatever the form says.
        let forged = page
            .form(&format!("form[action='{PAGE}']"))
            .with("jours", "3")
            .forge("rang_1", "u-78-police")
            .forge("acte", "enregistrer");
        let told = jerome.submit(&forged).await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);

        // What it would do is shown first: nothing today, since the unit has a slot.
        let form = page
            .form(&format!("form[action='{PAGE}']"))
            .with("jours", "3")
            .with("rang_1", "u-974-gendarmerie");
        let look = jerome
            .submit(&form.clone().forge("acte", "verifier"))
            .await
            .ok();
        assert!(
            look.text().contains("aucune voisine ne serait proposée"),
            "{look:.3000}"
        );
        let again = jerome.get(PAGE).await.ok();
        assert!(
            again.text().contains("Personne n’est envoyé"),
            "looking changes nothing"
        );
        is_away(&app, "u-974-police", 10).await;
        let look = jerome
            .submit(&form.clone().forge("acte", "verifier"))
            .await
            .ok();
        let offer = format!("Serait proposé : {BRIGADE}");
        assert!(look.text().contains(&offer), "{look:.4000}");

        // Saved once; the same form sent again comes too late, as would a colleague's.
        let done = sets(&jerome, &page, "3", "u-974-gendarmerie").await.ok();
        assert!(
            done.text().contains("Le relais est enregistré"),
            "{done:.3000}"
        );
        let late = jerome.submit(&form.forge("acte", "enregistrer")).await;
        late.refused(
            StatusCode::CONFLICT,
            "Quelqu’un a changé ce relais entre-temps",
        );
        let list = done.words(".vp-history li");
        assert_eq!(list.len(), 1);
        assert!(list[0].contains("RIO 9974003"), "{list:?}");

        // Taken back, and set once more: the history has all three.
        let undo = done.form("form.vp-undo").forge("acte", "annuler");
        let undone = jerome.submit(&undo).await.ok();
        assert!(
            undone.text().contains("Personne n’est envoyé"),
            "{undone:.3000}"
        );
        assert!(!undone.has("form.vp-undo"), "what was taken back stays so");
        let twice = jerome.submit(&undo).await;
        assert_eq!(twice.status, StatusCode::CONFLICT);
        let done = sets(&jerome, &undone, "0", "u-974-gendarmerie").await.ok();
        assert_eq!(done.words(".vp-history li").len(), 3);

        // Only the department's administrator, and in their department.
        for (key, status) in [
            ("admin-78", StatusCode::FORBIDDEN),
            ("974-police", StatusCode::FORBIDDEN),
        ] {
            let officer = app.officer(key);
            officer.logs_in("/agent").await;
            assert_eq!(officer.get(PAGE).await.status, status, "{key}");
        }
        let elsewhere = PAGE.replace("974-police", "78-police");
        assert_eq!(jerome.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_received_sooner_by_a_neighbour_that_every_page_names() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let jerome = app.officer("admin-974");
        let page = jerome.logs_in(PAGE).await.ok();
        sets(&jerome, &page, "3", "u-974-gendarmerie").await.ok();
        let camille = app.citizen("camille");
        let slots = camille.declares("Saint-Denis").await;
        assert!(!slots.has(NEXT), "the unit has a slot today");
        let own_slot = slots.form("form.vp-own-next").field("creneau").to_owned();
        // A neighbour's slot cannot be had by asking for it.
        let forged = slots
            .form("form.vp-own-next")
            .forge("unite", "u-974-gendarmerie");
        camille.submit(&forged).await.refused(
            StatusCode::CONFLICT,
            "Cette autre unité n’est plus proposée",
        );

        is_away(&app, "u-974-police", 10).await;
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        for words in [
            "Prochain créneau libre dans votre département",
            BRIGADE,
            "article 15-3",
            "Attendre un créneau de votre unité",
        ] {
            assert!(slots.text().contains(words), "{words}: {slots:.4000}");
        }
        let offer = slots.form(NEXT);
        for unit in ["u-78-police", "u-974-nulle-part", "'; --"] {
            let page = camille.submit(&offer.clone().forge("unite", unit)).await;
            assert_eq!(page.status, StatusCode::CONFLICT, "{unit}");
        }
        let review = camille.submit(&offer).await.ok();
        let instead = format!("{BRIGADE} vous reçoit à la place de votre unité, {POLICE}");
        assert!(review.text().contains(&instead), "{review:.4000}");
        let same = camille.submit(&offer).await.ok();
        assert_eq!(same.address, review.address, "pressed twice, one hold");
        let id = camille.confirms(&review).await;
        let appointment = app.appointment(&id).await;
        assert_eq!(appointment.unit_id.as_str(), "u-974-gendarmerie");
        let page = camille.get(&format!("/rendez-vous/{id}")).await.ok();
        assert!(page.text().contains(&instead), "{page:.4000}");
        let letter = mail_to(&app.site, &email_of("camille"), "est confirmé").await;
        assert!(letter.text.contains(BRIGADE), "{}", letter.text);

        // The neighbour's day has it, one's own unit's has not.
        let agent = app.officer("974-gendarmerie");
        let day = agent.logs_in("/agent").await.ok();
        assert!(day.text().contains(&appointment.reference), "{day:.4000}");
        let agent = app.officer("974-police");
        let day = agent.logs_in("/agent").await.ok();
        assert!(!day.text().contains(&appointment.reference), "{day:.4000}");

        // Called off, the case is its own unit's people's again, which may be waited for.
        let ask = camille
            .get(&format!("/rendez-vous/{id}/annuler"))
            .await
            .ok();
        camille
            .submit(&ask.form("form[action$='/annuler']"))
            .await
            .ok();
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        assert!(slots.has(NEXT), "{slots:.4000}");
        assert!(slots.text().contains(POLICE), "{slots:.4000}");
        let later = slots.form("form.vp-own-next");
        assert_ne!(later.field("creneau"), own_slot);
        let review = camille.submit(&later).await.ok();
        assert!(!review.has(".vp-instead-of"), "{review:.4000}");
        let id = camille.confirms(&review).await;
        let appointment = app.appointment(&id).await;
        assert_eq!(appointment.unit_id.as_str(), "u-974-police");
        let mut tx = app.read().await;
        let declaration = visioplainte::declaration::find(&mut tx, &appointment.case_id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(declaration.unit_id, Some(Id::from("u-974-police")));
        assert_eq!(declaration.received_for, None);
        drop(tx);
        app.journal_holds();
    }
}
