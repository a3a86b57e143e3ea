//! Choosing, holding, confirming and calling off, when others do the same.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use visioplainte::{fetch_all, fetch_optional};

use crate::support::{Page, TestApp};

/// Monday, nine o'clock in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_people_who_want_the_last_desk_one_gets_it_and_the_others_are_told() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let slots = camille.declares("Versailles").await;
        let wanted = slots.form("form.vp-next-slot").field("creneau").to_owned();
        let mut crowd = app.a_crowd_like(&app.case_in_hand().await, 199).await;
        crowd.push(camille.browser.clone());
        assert_eq!(crowd.len(), 200);

        // Everybody has the page open before anybody presses the button.
        let mut ready = Vec::new();
        for browser in crowd {
            let form = browser
                .get("/rendez-vous/creneaux")
                .await
                .ok()
                .form("form.vp-next-slot");
            assert_eq!(form.field("creneau"), wanted);
            ready.push((browser, form));
        }
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(ready.len()));
        let racing: Vec<_> = ready
            .into_iter()
            .map(|(browser, form)| {
                let start = start.clone();
                tokio::spawn(async move {
                    start.wait().await;
                    let page = browser.submit(&form).await;
                    if page.status == StatusCode::OK {
                        browser
                            .submit(&page.form("form[action$='/confirmer']"))
                            .await
                    } else {
                        page
                    }
                })
            })
            .collect();
        let mut outcomes: BTreeMap<u16, Vec<Page>> = BTreeMap::new();
        for race in racing {
            let page = race.await.unwrap();
            outcomes.entry(page.status.as_u16()).or_default().push(page);
        }
        let counts: Vec<_> = outcomes
            .iter()
            .map(|(status, pages)| (*status, pages.len()))
            .collect();
        assert_eq!(counts, [(200, 1), (409, 199)], "{}", app.db.engine());
        let won = &outcomes[&200][0];
        assert!(
            won.address.starts_with("/rendez-vous/") && won.has(".fr-alert--success"),
            "{won:.500}"
        );
        for lost in outcomes.remove(&409).unwrap() {
            let lost = lost.refused(StatusCode::CONFLICT, "Ce créneau vient d’être réservé");
            let nearest = lost.attributes("input[name='creneau']", "value");
            assert_eq!(nearest.len(), 6, "{lost:.500}");
            assert!(!nearest.contains(&wanted), "the lost slot is offered again");
        }

        let mut tx = app.read().await;
        let starts_at: i64 = wanted.parse().unwrap();
        let taken = fetch_all!(
            &mut tx,
            (String,),
            "select state from appointments where starts_at = $1",
            starts_at
        );
        assert_eq!(taken.unwrap(), [("booked".to_owned(),)]);
        drop(tx);
        app.outbox_is_empty().await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_presses_on_confirm_make_one_appointment_and_one_message_a_channel() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let slots = camille.declares("Versailles").await;
        let review = camille.submit(&slots.form("form.vp-next-slot")).await.ok();
        let form = review.form("form[action$='/confirmer']");
        let presses: Vec<_> = (0..30)
            .map(|_| {
                let (browser, form) = (camille.browser.clone(), form.clone());
                tokio::spawn(async move { browser.submit(&form).await })
            })
            .collect();
        let mut addresses = Vec::new();
        for press in presses {
            addresses.push(press.await.unwrap().ok().address);
        }
        addresses.dedup();
        assert_eq!(addresses.len(), 1, "{addresses:?}");
        let id = addresses[0].rsplit('/').next().unwrap();
        app.outbox_is_empty().await;
        assert_eq!(
            app.count_messages(&format!("appointment/{id}/booked"))
                .await,
            2
        );
        let mut tx = app.read().await;
        let delivered = fetch_optional!(
            &mut tx,
            (i64,),
            "select count(*) from sandbox_deliveries d join messages m on m.id = d.message_id
             where m.template <> 'contact-code'"
        );
        assert_eq!(delivered.unwrap(), Some((2,)));
        drop(tx);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ran_out_goes_to_the_next_person_and_the_first_is_told() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, amina) = (app.citizen("camille"), app.citizen("amina"));
        let slots = camille.declares("Versailles").await;
        let form = slots.form("form.vp-next-slot");
        let wanted: i64 = form.field("creneau").parse().unwrap();
        // Not the very next slot: it must still lie ahead when the hold is over.
        let wanted = wanted + 4 * 30 * 60_000;
        let own = form.clone().forge("creneau", &wanted.to_string());
        let review = camille.submit(&own).await.ok();

        let others = amina.declares("Versailles").await;
        let theirs = others
            .form("form.vp-next-slot")
            .forge("creneau", &wanted.to_string());
        amina
            .submit(&theirs)
            .await
            .refused(StatusCode::CONFLICT, "Ce créneau vient d’être réservé");
        app.pass_minutes(6);
        let held = amina.submit(&theirs).await.ok();
        // Both press the button at the same moment.
        let (first, second) = (
            review.form("form[action$='/confirmer']"),
            held.form("form[action$='/confirmer']"),
        );
        let (late, kept) = tokio::join!(camille.submit(&first), amina.submit(&second));
        let kept = kept.ok();
        assert!(kept.has(".fr-alert--success"), "{kept:.500}");
        let late = late.is(StatusCode::GONE);
        assert!(
            late.count("input[name='creneau']") > 0,
            "the nearest slots are offered: {late:.500}"
        );
        // What is offered can be taken at once.
        let nearest = late.attribute("input[name='creneau']", "value").unwrap();
        let again = late
            .form("form[action='/rendez-vous/creneaux']")
            .with("creneau", &nearest);
        let review = camille.submit(&again).await.ok();
        camille.confirms(&review).await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calling_off_gives_the_slot_back_and_tells_the_person() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let slots = camille.declares("Versailles").await;
        let soon: i64 = slots
            .form("form.vp-next-slot")
            .field("creneau")
            .parse()
            .unwrap();
        let wanted = soon + 4 * 30 * 60_000;
        let id = camille.books(&slots, wanted).await;
        let amina = app.citizen("amina");
        let offered = |page: &Page| {
            page.attributes("input[name='creneau']", "value")
                .contains(&wanted.to_string())
        };
        assert!(!offered(&amina.declares("Versailles").await));

        let ask = camille
            .get(&format!("/rendez-vous/{id}/annuler"))
            .await
            .ok();
        assert_eq!(
            app.appointment(&id).await.state.as_str(),
            "booked",
            "asking changes nothing"
        );
        let form = ask.form("form[action$='/annuler']");
        camille.submit(&form).await.ok();
        // Pressed twice: the same answer, one message a channel.
        camille.submit(&form).await.ok();
        assert_eq!(
            app.appointment(&id).await.state.as_str(),
            "cancelled_by_citizen"
        );
        app.outbox_is_empty().await;
        assert_eq!(
            app.count_messages(&format!("appointment/{id}/cancelled"))
                .await,
            2
        );
        let page = amina.get("/rendez-vous/creneaux").await.ok();
        assert!(offered(&page), "the slot is offered again");
        let other = amina.books(&page, wanted).await;
        assert_eq!(app.appointment(&other).await.state.as_str(), "booked");
        // The door of the cancelled hearing stays shut.
        camille
            .get(&format!("/audition/{id}"))
            .await
            .refused(StatusCode::GONE, "Cette audition n’est plus ouverte");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_was_never_offered_is_not_given() {
    let app = TestApp::at(MONDAY).await;
    let camille = app.citizen("camille");
    let slots = camille.declares("Versailles").await;
    let form = slots.form("form.vp-next-slot");
    let soon: i64 = form.field("creneau").parse().unwrap();
    let (minute, day) = (60_000, 24 * 60 * 60_000);
    for (words, slot, status) in [
        ("yesterday", (soon - day).to_string(), StatusCode::CONFLICT),
        (
            "between two slots",
            (soon + 7 * minute).to_string(),
            StatusCode::CONFLICT,
        ),
        (
            "in the night",
            (soon + 13 * 60 * minute).to_string(),
            StatusCode::CONFLICT,
        ),
        (
            "beyond the horizon",
            (soon + 90 * day).to_string(),
            StatusCode::CONFLICT,
        ),
        (
            "the beginning of time",
            i64::MIN.to_string(),
            StatusCode::CONFLICT,
        ),
        (
            "the end of time",
            i64::MAX.to_string(),
            StatusCode::CONFLICT,
        ),
        (
            "a number too large",
            "99999999999999999999".to_owned(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "no number",
            "demain".to_owned(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("nothing", String::new(), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let page = camille.submit(&form.clone().forge("creneau", &slot)).await;
        assert_eq!(page.status, status, "{words}: {page:.300}");
        assert!(
            page.count("input[name='creneau']") > 0,
            "{words}: no other slot is offered"
        );
    }
    let mut tx = app.read().await;
    let rows = fetch_optional!(&mut tx, (i64,), "select count(*) from appointments");
    assert_eq!(rows.unwrap(), Some((0,)));
}
