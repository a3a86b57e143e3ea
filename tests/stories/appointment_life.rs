//! What becomes of an appointment between its confirmation and its hearing: moved
//! or called off by either side, missed by one of them, taken twice by nobody.

use reqwest::StatusCode;

use crate::support::messages::{mail_to, sms_to};
use crate::support::people::{EMAIL, PHONE_DIALLED};
use crate::support::{Citizen, Page, TestApp, until};

/// Monday, nine o'clock in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";
const HALF_HOUR: i64 = 30 * 60_000;

/// An appointment some half-hours from now; gives its id and its start.
async fn in_half_hours(app: &TestApp, person: &Citizen, count: i64) -> (String, i64) {
    let slots = person.declares("Versailles").await;
    let start = app.clock.now().0 + count * HALF_HOUR;
    (person.books(&slots, start).await, start)
}

/// Chooses a slot on the page of free ones, and confirms it on the next.
async fn moves(browser: &crate::support::Browser, path: &str, start: i64) -> (Page, Page) {
    let choice = browser.get(path).await.ok();
    let offered = choice.attributes("main input[name='creneau']", "value");
    assert!(offered.contains(&start.to_string()), "{choice:.2000}");
    let review = format!("{path}/confirmer?creneau={start}");
    let review = browser.get(&review).await.ok();
    let form = review.form("form[action$='/deplacer']");
    let done = browser.submit(&form).await.ok();
    // Pressed twice, it is the same page and nothing more happens.
    let again = browser.submit(&form).await.ok();
    assert_eq!(done.address, again.address);
    (done, again)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_moves_their_appointment_and_only_the_new_link_opens() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let (id, start) = in_half_hours(&app, &camille, 4).await;
        let first = mail_to(&app.site, EMAIL, "est confirmé").await;
        let before = app.appointment(&id).await;
        let later = start + 3 * HALF_HOUR;
        let (done, _) = moves(
            &camille.browser,
            &format!("/rendez-vous/{id}/deplacer"),
            later,
        )
        .await;
        assert!(
            done.text().contains("Votre rendez-vous est déplacé"),
            "{done:.2000}"
        );

        let moved = app.appointment(&id).await;
        assert_eq!((moved.starts_at.0, moved.sequence), (later, 1));
        assert_eq!(moved.reference, before.reference);
        let letter = mail_to(&app.site, EMAIL, "est déplacé").await;
        assert!(
            letter.calendar.contains("SEQUENCE:1"),
            "{}",
            letter.calendar
        );
        assert!(letter.text.contains("à 11 h 00") || letter.text.contains("11\u{a0}h\u{a0}00"));
        sms_to(&app.site, PHONE_DIALLED, "déplacé").await;
        let unit = "commissariat-fontclaire@visioplainte.example";
        let told = mail_to(&app.site, unit, "déplacé par l’usager").await;
        assert!(!told.text.contains("Camille") && !told.text.contains("BERTHELOT"));
        assert_eq!(
            app.count_messages(&format!("appointment/{id}/moved/1"))
                .await,
            2
        );

        // The link of the former hour is dead, the new one names the hearing.
        let (old, new) = (first.link.unwrap(), letter.link.unwrap());
        assert_ne!(old, new);
        app.browser().get(&old).await.is(StatusCode::GONE);
        app.browser().get(&new).await.ok();
        // The former slot is for others again, the new one is not.
        let amina = app.citizen("amina");
        let offered = amina
            .declares("Versailles")
            .await
            .attributes("input[name='creneau']", "value");
        assert!(offered.contains(&start.to_string()));
        assert!(!offered.contains(&later.to_string()));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_cannot_be_leaves_the_appointment_where_it_is_and_says_so() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, amina) = (app.citizen("camille"), app.citizen("amina"));
        let (id, start) = in_half_hours(&app, &camille, 1).await;
        let (_, taken) = in_half_hours(&app, &amina, 4).await;
        let path = format!("/rendez-vous/{id}/deplacer");
        let review = camille
            .get(&format!("{path}/confirmer?creneau={}", start + HALF_HOUR))
            .await
            .ok();
        let form = review.form("form[action$='/deplacer']");
        let day = 24 * 3_600_000;
        for (what, slot) in [
            ("another's", taken),
            ("yesterday", start - day),
            ("off the grid", start + 7 * 60_000),
            ("beyond the horizon", start + 90 * day),
            ("the end of time", i64::MAX),
        ] {
            let form = form.clone().forge("creneau", &slot.to_string());
            let page = camille.submit(&form).await;
            assert_eq!(page.status, StatusCode::CONFLICT, "{what}");
            assert!(
                page.text().contains("Ce créneau n’est plus libre"),
                "{what}"
            );
            let now = app.appointment(&id).await;
            assert_eq!((now.starts_at.0, now.sequence), (start, 0), "{what}");
        }
        // What is no instant leads back to the list; another's appointment is none.
        for nonsense in ["", "demain", "99999999999999999999"] {
            let page = camille
                .submit(&form.clone().forge("creneau", nonsense))
                .await;
            assert_eq!(page.address, path, "{nonsense}");
        }
        amina.get(&path).await.is(StatusCode::NOT_FOUND);
        // Its desk's time is still its own.
        let amina_wants = amina.get("/rendez-vous/creneaux").await;
        assert!(!amina_wants.text().contains(&start.to_string()));
        // Past the limit it is too late.
        app.pass_minutes(31);
        camille.get(&path).await.refused(
            StatusCode::CONFLICT,
            "Ce rendez-vous ne peut plus être déplacé ici",
        );
        camille.submit(&form).await.refused(
            StatusCode::CONFLICT,
            "Ce rendez-vous ne peut plus être déplacé ici",
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unit_moves_and_calls_off_and_the_person_is_told_why() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let (id, start) = in_half_hours(&app, &camille, 4).await;
        let own = format!("/agent/rendez-vous/{id}");
        // Another unit's officer, an auditor, the person: nobody else acts for the unit.
        let mathieu = app.officer("78-gendarmerie");
        mathieu.logs_in("/agent").await.ok();
        for path in ["", "/deplacer", "/annuler", "/absence"] {
            let address = format!("{own}{path}");
            mathieu.get(&address).await.is(StatusCode::NOT_FOUND);
            camille.get(&address).await.is(StatusCode::FORBIDDEN);
        }
        sarah.logs_in("/agent").await.ok();
        let agenda = sarah.get("/agent").await.ok();
        assert!(agenda.has(&format!("a[href='{own}']")), "{agenda:.3000}");
        let later = start + 2 * HALF_HOUR;
        let (done, _) = moves(&sarah.browser, &format!("{own}/deplacer"), later).await;
        assert!(done.text().contains("Le rendez-vous est déplacé"));
        assert_eq!(app.appointment(&id).await.starts_at.0, later);
        let letter = mail_to(&app.site, EMAIL, "L’unité a déplacé").await;
        assert!(letter.link.is_some());

        let ask = sarah.get(&format!("{own}/annuler")).await.ok();
        let form = ask.form("form[action$='/annuler']");
        for wrong in ["", "unsaid", "parce que"] {
            let page = sarah.submit(&form.clone().forge("motif", wrong)).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
            assert!(page.text().contains("Choisissez le motif"), "{wrong}");
        }
        assert_eq!(app.appointment(&id).await.state.as_str(), "booked");
        let form = form.with("motif", "no_officer");
        for _ in 0..2 {
            let done = sarah.submit(&form).await.ok();
            assert!(
                done.text().contains("Aucun enquêteur disponible"),
                "{done:.2000}"
            );
        }
        assert_eq!(
            app.appointment(&id).await.state.as_str(),
            "cancelled_by_unit"
        );
        let told = mail_to(&app.site, EMAIL, "L’unité a annulé").await;
        assert!(told.text.contains("aucun enquêteur ne peut vous recevoir"));
        assert!(told.calendar.contains("STATUS:CANCELLED"));
        assert!(told.calendar.contains("SEQUENCE:2"), "{}", told.calendar);
        let event = format!("appointment/{id}/cancelled-by-unit/1");
        assert_eq!(app.count_messages(&event).await, 2);

        // Nothing is to be told again: the person takes another slot at once.
        let page = camille.get(&format!("/rendez-vous/{id}")).await.ok();
        assert!(page.text().contains("L’unité a dû annuler"));
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        let other = camille.books_the_next_slot(&slots).await;
        assert_ne!(other, id);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_called_off_at_once_and_each_person_is_told_and_chooses_again() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, amina) = (app.citizen("camille"), app.citizen("amina"));
        let nadia = app.officer("admin-78");
        nadia.logs_in("/agent").await.ok();
        nadia.opens_a_desk("u-78-police", "Guichet 2").await.ok();
        let slots = camille.declares("Versailles").await;
        let first = slots.form("form.vp-next-slot").field("creneau").to_owned();
        let one = camille.books(&slots, first.parse().unwrap()).await;
        let slots = amina.declares("Versailles").await;
        let two = amina.books(&slots, first.parse().unwrap()).await;

        let list = nadia.get("/agent/annulations?jour=2026-11-23").await.ok();
        let form = list.form("form[method='post'][action='/agent/annulations']");
        let nothing = nadia.submit(&form).await;
        assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
        let reason = form.choices("motif").remove(0);
        let both = form.also("rendez_vous", &one).also("rendez_vous", &two);
        let shown = nadia.submit(&both.with("motif", &reason)).await.ok();
        assert!(
            shown.text().contains("Rendez-vous annulés : 2"),
            "{shown:.3000}"
        );
        for id in [&one, &two] {
            assert_eq!(
                app.appointment(id).await.state.as_str(),
                "booked",
                "only shown"
            );
        }
        let yes = shown.form("form[method='post'][action='/agent/annulations']");
        let done = nadia.submit(&yes).await.ok();
        assert!(
            done.text().contains("Les personnes sont prévenues"),
            "{done:.2000}"
        );
        for id in [&one, &two] {
            let state = app.appointment(id).await.state;
            assert_eq!(state.as_str(), "cancelled_by_unit");
            let event = format!("appointment/{id}/cancelled-by-unit");
            assert_eq!(app.count_messages(&event).await, 2);
        }
        // Said twice, nothing is left to call off and nobody is told twice.
        let again = nadia.submit(&yes).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        let event = format!("appointment/{one}/cancelled-by-unit");
        assert_eq!(app.count_messages(&event).await, 2);
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        camille.books_the_next_slot(&slots).await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_come_is_told_and_takes_another_slot() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let (id, _) = in_half_hours(&app, &camille, 0).await;
        sarah.logs_in("/agent").await.ok();
        let absence = format!("/agent/rendez-vous/{id}/absence");
        let early = "Il est trop tôt pour noter une absence";
        sarah
            .get(&absence)
            .await
            .refused(StatusCode::CONFLICT, early);
        app.pass_minutes(10);
        sms_to(&app.site, PHONE_DIALLED, "a commencé").await;
        let agenda = sarah.get("/agent").await.ok();
        assert!(agenda.text().contains("en retard"), "{agenda:.3000}");
        sarah
            .get(&absence)
            .await
            .refused(StatusCode::CONFLICT, early);
        app.pass_minutes(5);
        let form = sarah
            .get(&absence)
            .await
            .ok()
            .form("form[action$='/absence']");
        for _ in 0..2 {
            let done = sarah.submit(&form).await.ok();
            assert!(done.text().contains("L’absence est notée"), "{done:.2000}");
        }
        assert_eq!(app.appointment(&id).await.state.as_str(), "no_show");
        let told = mail_to(&app.site, EMAIL, "n’a pas eu lieu").await;
        assert!(told.text.contains("/rendez-vous/creneaux"));
        assert_eq!(
            app.count_messages(&format!("appointment/{id}/no-show"))
                .await,
            2
        );
        camille
            .get(&format!("/audition/{id}"))
            .await
            .refused(StatusCode::GONE, "Cette audition n’est plus ouverte");

        // The next one nobody notes: the job closes it once the door is shut.
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        let second = camille.books_the_next_slot(&slots).await;
        let ends = app.appointment(&second).await.ends_at;
        app.clock.set(ends.plus_minutes(60));
        until("an appointment closed by the job", async || {
            let state = app.appointment(&second).await.state;
            (state.as_str() == "no_show").then_some(())
        })
        .await;
        let event = format!("appointment/{second}/no-show");
        assert_eq!(app.count_messages(&event).await, 2);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waited_for_an_officer_in_vain_is_not_called_absent() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let (id, _) = in_half_hours(&app, &camille, 0).await;
        camille.enters(&id).await;
        app.pass_minutes(20);
        sarah.logs_in("/agent").await.ok();
        let ask = sarah
            .get(&format!("/agent/rendez-vous/{id}/absence"))
            .await
            .ok();
        sarah
            .submit(&ask.form("form[action$='/absence']"))
            .await
            .refused(StatusCode::CONFLICT, "La personne est là");
        app.pass_minutes(70);
        until("an appointment closed by the job", async || {
            let state = app.appointment(&id).await.state;
            (state.as_str() == "cancelled_by_unit").then_some(())
        })
        .await;
        let told = mail_to(&app.site, EMAIL, "L’unité a annulé").await;
        assert!(told.text.contains("nous vous présentons nos excuses"));
        // Nobody told them that they were late, or absent.
        for what in ["late", "no-show"] {
            assert_eq!(
                app.count_messages(&format!("appointment/{id}/{what}"))
                    .await,
                0
            );
        }
        // An hour and a half later the session is over.
        let page = camille.logs_in(&format!("/rendez-vous/{id}")).await.ok();
        assert!(page.text().contains("L’audition n’a pas été ouverte"));
        assert!(page.has("main a[href='/rendez-vous/creneaux']"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_is_never_expected_twice_at_once_nor_for_the_same_facts() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let (first, start) = in_half_hours(&app, &camille, 4).await;
        // The same facts told again, in other words of the same place.
        let slots = camille.declares("Versailles").await;
        let form = slots.form("form.vp-next-slot");
        let page = camille.submit(&form).await.refused(
            StatusCode::CONFLICT,
            "Un rendez-vous est déjà pris pour ces faits",
        );
        assert!(page.has(&format!("main a[href='/rendez-vous/{first}']")));

        // Other facts may have their own hour, but not the same one: a second desk is free then.
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        nadia.opens_a_desk("u-78-police", "Guichet 2").await.ok();
        let facts = camille.get("/declaration/faits").await.ok();
        let told = facts
            .form("form[action='/declaration/faits']")
            .with("lieu", "Trappes, devant la gare");
        let slots = camille.submit(&told).await.ok();
        let same_hour = slots
            .form("form.vp-next-slot")
            .forge("creneau", &start.to_string());
        camille.submit(&same_hour).await.refused(
            StatusCode::CONFLICT,
            "La personne est déjà attendue à cette heure",
        );
        let second = camille.books(&slots, start + HALF_HOUR).await;
        // Moving is no way around it.
        let review = camille
            .get(&format!(
                "/rendez-vous/{second}/deplacer/confirmer?creneau={start}"
            ))
            .await
            .ok();
        camille
            .submit(&review.form("form[action$='/deplacer']"))
            .await
            .refused(
                StatusCode::CONFLICT,
                "La personne est déjà attendue à cette heure",
            );
        assert_eq!(
            app.appointment(&second).await.starts_at.0,
            start + HALF_HOUR
        );
        // Once the first is called off, its hour is free for the second.
        let ask = camille
            .get(&format!("/rendez-vous/{first}/annuler"))
            .await
            .ok();
        let form = ask
            .form("form[action$='/annuler']")
            .with("motif", "unavailable");
        camille.submit(&form).await.ok();
        moves(
            &camille.browser,
            &format!("/rendez-vous/{second}/deplacer"),
            start,
        )
        .await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_given_back_is_kept_for_the_first_who_asked_then_for_the_next() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let [camille, amina, other] = ["camille", "amina", "lisandru"].map(|key| app.citizen(key));
        let (early, start) = in_half_hours(&app, &camille, 6).await;
        let (second, later) = in_half_hours(&app, &amina, 8).await;
        let (third, _) = in_half_hours(&app, &other, 9).await;
        // Amina asks first, twice by mistake; then the other one.
        for (person, id) in [(&amina, &second), (&other, &third)] {
            let page = person.get(&format!("/rendez-vous/{id}")).await.ok();
            let form = page.form("form[action$='/plus-tot/demande']");
            person.submit(&form).await.ok();
            let page = person.submit(&form).await.ok();
            assert!(page.text().contains("Ne plus me prévenir"), "{page:.2000}");
            app.clock.set(app.clock.now().plus_seconds(1));
        }
        calls_off(&camille, &early).await;

        // Nobody else sees the slot, not even the second on the list.
        let everybody = camille.get("/rendez-vous/creneaux").await.ok();
        let offered = everybody.attributes("input[name='creneau']", "value");
        assert!(!offered.contains(&start.to_string()));
        let none = other
            .get(&format!("/rendez-vous/{third}/plus-tot"))
            .await
            .ok();
        assert_eq!(none.address, format!("/rendez-vous/{third}"));
        let event = format!("appointment/{second}/earlier/{start}");
        assert_eq!(app.count_messages(&event).await, 2);
        let offer = amina
            .get(&format!("/rendez-vous/{second}/plus-tot"))
            .await
            .ok();
        let answer = offer.form("form[action$='/plus-tot']");

        // Without an answer in time it goes to the next, and the late answer is refused.
        for _ in 0..5 {
            app.pass_minutes(25);
            for person in [&amina, &other] {
                // Whoever does nothing for an hour is signed out.
                person.get("/espace").await.ok();
            }
        }
        let event = format!("appointment/{third}/earlier/{start}");
        until("an offer to the next one", async || {
            (app.count_messages(&event).await == 2).then_some(())
        })
        .await;
        amina
            .submit(&answer.clone().forge("choix", "prendre"))
            .await
            .refused(StatusCode::GONE, "Ce créneau n’est plus gardé pour vous");
        assert_eq!(app.appointment(&second).await.starts_at.0, later);
        let offer = other
            .get(&format!("/rendez-vous/{third}/plus-tot"))
            .await
            .ok();
        let take = offer
            .form("form[action$='/plus-tot']")
            .forge("choix", "prendre");
        for _ in 0..2 {
            let page = other.submit(&take).await.ok();
            assert!(
                page.text().contains("Votre rendez-vous est déplacé"),
                "{page:.2000}"
            );
        }
        let moved = app.appointment(&third).await;
        assert_eq!((moved.starts_at.0, moved.sequence), (start, 1));
        // What the third had is later than what Amina has: nobody is asked.
        let mut tx = app.read().await;
        let offers = visioplainte::fetch_all!(
            &mut tx,
            (String, Option<String>),
            "select appointment_id, outcome from earlier_offers order by offered_at"
        );
        let expected = [(second, "lapsed"), (third, "taken")];
        assert_eq!(
            offers.unwrap(),
            expected.map(|(id, outcome)| (id, Some(outcome.to_owned())))
        );
        drop(tx);
        app.journal_holds();
    }
}

/// Calls an appointment off without saying why.
async fn calls_off(person: &Citizen, id: &str) {
    let ask = person.get(&format!("/rendez-vous/{id}/annuler")).await.ok();
    person
        .submit(&ask.form("form[action$='/annuler']"))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn keeping_ones_date_or_leaving_the_list_gives_the_held_slot_to_everybody() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, amina) = (app.citizen("camille"), app.citizen("amina"));
        let (early, start) = in_half_hours(&app, &camille, 6).await;
        let (second, later) = in_half_hours(&app, &amina, 8).await;
        let own = format!("/rendez-vous/{second}");
        let page = amina.get(&own).await.ok();
        let page = amina
            .submit(&page.form("form[action$='/demande']"))
            .await
            .ok();
        let leave = page.form("form[action$='/demande']");
        calls_off(&camille, &early).await;
        let offers = |page: &Page| {
            page.attributes("input[name='creneau']", "value")
                .contains(&start.to_string())
        };
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        assert!(!offers(&slots));
        let offer = amina.get(&format!("{own}/plus-tot")).await.ok();
        let keep = offer
            .form("form[action$='/plus-tot']")
            .forge("choix", "garder");
        for _ in 0..2 {
            let page = amina.submit(&keep).await.ok();
            assert!(!page.has("main a[href$='/plus-tot']"));
            assert!(page.text().contains("Ne plus me prévenir"));
        }
        assert_eq!(app.appointment(&second).await.starts_at.0, later);
        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        assert!(offers(&slots), "the slot is everybody's again");
        // Off the list, nothing is kept for her any more.
        let again = camille.books(&slots, start + HALF_HOUR).await;
        let page = amina.submit(&leave).await.ok();
        assert!(page.text().contains("Me prévenir si un créneau"));
        calls_off(&camille, &again).await;
        let page = amina.get(&own).await.ok();
        assert!(!page.has("main a[href$='/plus-tot']"), "{page:.2000}");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_to_another_unit_whole_and_the_person_chooses_a_slot_there() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let (id, _) = in_half_hours(&app, &camille, 4).await;
        sarah.logs_in("/agent").await.ok();
        let address = format!("/agent/rendez-vous/{id}/transfert");
        let form = sarah
            .get(&address)
            .await
            .ok()
            .form("form[action$='/transfert']");
        assert_eq!(form.choices("unite"), ["u-78-gendarmerie"]);
        for foreign in ["", "u-974-police", "u-78-police", "x"] {
            let page = sarah.submit(&form.clone().forge("unite", foreign)).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{foreign}");
        }
        let before = app.appointment(&id).await;
        let form = form.with("unite", "u-78-gendarmerie");
        for _ in 0..2 {
            let page = sarah.submit(&form).await.ok();
            assert!(
                page.text().contains("Le dossier est transféré"),
                "{page:.2000}"
            );
        }
        assert_eq!(app.appointment(&id).await.state.as_str(), "transferred");
        let told = mail_to(&app.site, EMAIL, "confié à une autre unité").await;
        assert!(told.text.contains("Brigade de Valombreuse"));
        let unit = "brigade-valombreuse@visioplainte.example";
        mail_to(&app.site, unit, "confié à votre unité").await;

        let slots = camille.get("/rendez-vous/creneaux").await.ok();
        assert!(
            slots.text().contains("Brigade de Valombreuse"),
            "{slots:.1500}"
        );
        let other = camille.books_the_next_slot(&slots).await;
        let after = app.appointment(&other).await;
        assert_eq!(after.case_id, before.case_id);
        assert_eq!(after.unit_id.as_str(), "u-78-gendarmerie");
        // The new unit sees it, the former one no longer does.
        let mathieu = app.officer("78-gendarmerie");
        mathieu.logs_in("/agent").await.ok();
        let agenda = mathieu.get("/agent").await.ok();
        assert!(agenda.text().contains(&after.reference), "{agenda:.3000}");
        sarah
            .get(&format!("/agent/rendez-vous/{other}"))
            .await
            .is(StatusCode::NOT_FOUND);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hearing_that_nobody_came_to_is_closed_in_time_and_its_record_goes_on_with_the_next() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let (first, _) = in_half_hours(&app, &camille, 2).await;
        sarah.logs_in("/agent").await.ok();
        let workspace = sarah.workspace(&first).await;
        let open = workspace.form("form[action$='/ouvrir']");
        let early = "Il est trop tôt pour ouvrir cette audition";
        sarah
            .submit(&open)
            .await
            .refused(StatusCode::CONFLICT, early);
        app.pass_minutes(45);
        // Around its start its page says from when on it can be ended, and how until then.
        let own = format!("/agent/rendez-vous/{first}");
        let page = sarah.get(&own).await.ok();
        let says = "l’absence se note à partir de 10 h 15";
        assert!(
            page.text().replace('\u{a0}', " ").contains(says),
            "{page:.2000}"
        );
        let workspace = sarah.opens(&first).await;
        let page = sarah.get(&own).await.ok();
        let says = "peut la fermer à partir de 10 h 15";
        assert!(
            page.text().replace('\u{a0}', " ").contains(says),
            "{page:.2000}"
        );
        // An open room is nobody else's.
        let give = sarah
            .browser
            .post(
                &format!("/agent/rendez-vous/{first}/transfert"),
                &[
                    (
                        "csrf",
                        &workspace.attribute("input[name='csrf']", "value").unwrap(),
                    ),
                    ("unite", "u-78-gendarmerie"),
                ],
            )
            .await;
        give.is(StatusCode::CONFLICT);
        sarah.writes(&workspace, "Ce qui fut dit.").await.ok();
        let workspace = sarah.workspace(&first).await;
        let close = workspace.form("form[action$='/terminer']");
        let may_come = "La personne peut encore arriver";
        sarah
            .submit(&close)
            .await
            .refused(StatusCode::CONFLICT, may_come);
        assert_eq!(app.appointment(&first).await.state.as_str(), "open");
        app.pass_minutes(30);
        let page = sarah.get(&own).await.ok();
        assert!(!page.text().contains("à partir de 10"), "{page:.2000}");
        sarah.submit(&close).await.ok();
        assert_eq!(app.appointment(&first).await.state.as_str(), "no_show");

        // What was typed stays; checks and number are the new hearing's.
        let slots = camille.logs_in("/rendez-vous/creneaux").await.ok();
        let second = camille.books_the_next_slot(&slots).await;
        camille.enters(&second).await;
        let page = sarah.opens(&second).await;
        assert!(page.text().contains("Ce qui fut dit."), "{page:.3000}");
        sarah.admits(&second).await;
        let page = sarah
            .ticks_everything(&sarah.workspace(&second).await)
            .await;
        let sent = sarah
            .submit(&page.form("form[action$='/relecture']"))
            .await
            .ok();
        assert!(!sent.has("form[action$='/relecture'] .fr-error-text"));
        app.record_becomes(&second, "in_review").await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_with_a_seat_from_before_a_move_is_not_called_absent() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let (id, start) = in_half_hours(&app, &camille, 0).await;
        let room = camille.enters(&id).await;
        let csrf = room.attribute("meta[name='csrf'], [data-csrf]", "data-csrf");
        sarah.logs_in("/agent").await.ok();
        let path = format!("/agent/rendez-vous/{id}/deplacer");
        moves(&sarah.browser, &path, start + HALF_HOUR).await;
        app.pass_minutes(30);
        let token = format!("/audition/{id}/jeton");
        drop(camille.browser.ask_json(&token, &csrf.unwrap()).await);
        app.pass_minutes(15);
        let absence = format!("/agent/rendez-vous/{id}/absence");
        let ask = sarah.get(&absence).await.ok();
        sarah
            .submit(&ask.form("form[action$='/absence']"))
            .await
            .refused(StatusCode::CONFLICT, "La personne est là");
        app.journal_holds();
    }
}
