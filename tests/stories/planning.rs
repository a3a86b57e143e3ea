//! The unit's calendar: who holds which hearing, who takes over from whom, what paper
//! and the week ahead may show, and what a person hears when the unit is late.

use reqwest::StatusCode;

use crate::support::messages::{mail_to, sms_to};
use crate::support::people::{EMAIL, PHONE_DIALLED};
use crate::support::{Citizen, Officer, Page, TestApp};

/// Monday, nine o'clock in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";
const HALF_HOUR: i64 = 30 * 60_000;
const POLICE: &str = "u-78-police";
const DESK: &str = "d-78-police-1";
const SARAH: &str = "o-78-police";
const NADIA: &str = "o-admin-78";
const OFFICERS_MAIL: &str = "sarah.delmas@interieur.example";

async fn books_in(app: &TestApp, key: &'static str, half_hours: i64) -> (Citizen, String) {
    let person = app.citizen(key);
    let slots = person.declares("Versailles").await;
    let start = app.clock.now().0 + half_hours * HALF_HOUR;
    let id = person.books(&slots, start).await;
    (person, id)
}

async fn officer_of(app: &TestApp, id: &str) -> String {
    let officer = app.appointment(id).await.officer_id;
    officer.map_or_else(|| "-".to_owned(), |id| id.to_string())
}

/// Gives one appointment to somebody from its own page.
async fn assigns(officer: &Officer, id: &str, to: &str) -> Page {
    let path = format!("/agent/rendez-vous/{id}/affectation");
    let page = officer.get(&path).await.ok();
    let form = page.form("form[action$='/affectation']").with("agent", to);
    officer.submit(&form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_names_people_and_a_week_a_month_and_paper_do_not() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let (_, id) = books_in(&app, "camille", 4).await;
        let (_, other) = books_in(&app, "amina", 6).await;
        let reference = app.appointment(&id).await.reference;
        let lines = app.journal_of_unit(POLICE).await;
        for path in [
            "/agent?vue=semaine",
            "/agent?vue=mois",
            "/agent/feuille?jour=2026-11-23",
        ] {
            let page = sarah.get(path).await.ok();
            assert!(!page.text().contains("BERTHELOT"), "{path}");
            assert!(!page.text().contains("Vol"), "{path}");
            assert_eq!(
                page.text().contains(&reference),
                !path.contains("mois"),
                "{path}"
            );
        }
        assert_eq!(app.journal_of_unit(POLICE).await, lines, "no name was read");
        let day = sarah.get("/agent?jour=2026-11-23").await.ok();
        assert!(day.text().contains("BERTHELOT"));
        assert_eq!(app.journal_of_unit(POLICE).await, lines + 1);

        let month = sarah.get("/agent?vue=mois").await.ok();
        assert!(
            month.text().contains("Rendez-vous du mois : 2"),
            "{month:.3000}"
        );
        assert!(month.text().contains("Lundi 23 novembre : rendez-vous 2"));
        let october = sarah.get("/agent?vue=mois&jour=2026-10-31").await.ok();
        assert!(october.text().contains("Rendez-vous du mois : 0"));

        // One's own calendar holds what one is to hold.
        let own = "/agent?vue=semaine&qui=moi";
        assert_eq!(sarah.get(own).await.ok().count("[data-entry]"), 0);
        assigns(&sarah, &other, SARAH).await.ok();
        let page = sarah.get(own).await.ok();
        assert_eq!(
            page.attributes("[data-entry]", "data-entry"),
            [other.as_str()]
        );
        assert_eq!(
            page.attribute("[data-entry]", "data-starts").unwrap(),
            "2026-11-23T12:00:00",
            "the unit's wall"
        );
        // Nonsense in an address shows today.
        for path in [
            "/agent?vue=siecle&qui=eux&jour=hier",
            "/agent?jour=2026-02-30&vue=mois",
        ] {
            sarah.get(path).await.ok();
        }
        // What was called off takes no place on paper.
        let cancel = sarah
            .get(&format!("/agent/rendez-vous/{id}/annuler"))
            .await
            .ok();
        let form = cancel
            .form("form[action$='/annuler']")
            .with("motif", "technical");
        sarah.submit(&form).await.ok();
        let sheet = sarah.get("/agent/feuille?jour=2026-11-23").await.ok();
        assert!(!sheet.text().contains(&reference));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_takes_a_hearing_and_an_administrator_gives_a_whole_desk() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (sarah, nadia) = (app.officer("78-police"), app.officer("admin-78"));
        sarah.logs_in("/agent").await.ok();
        nadia.logs_in("/agent").await.ok();
        let (_, first) = books_in(&app, "camille", 2).await;
        let (_, second) = books_in(&app, "amina", 4).await;
        let told = async || {
            let mut tx = app.read().await;
            let row = visioplainte::fetch_optional!(
                &mut tx,
                (i64,),
                "select count(*) from messages where event like $1",
                format!("appointment/{first}/%")
            );
            row.unwrap().unwrap().0
        };
        let before = told().await;

        // An officer chooses among nobody but themselves.
        let path = format!("/agent/rendez-vous/{first}/affectation");
        let page = sarah.get(&path).await.ok();
        assert_eq!(
            page.attributes("#agent option[value^='o-']", "value"),
            [SARAH]
        );
        for _ in 0..2 {
            let done = assigns(&sarah, &first, SARAH).await.ok();
            assert!(done.text().contains("RIO 9078001"), "{done:.2000}");
        }
        let form = page.form("form[action$='/affectation']");
        for forged in [NADIA, "o-974-police", "personne-ici", ""] {
            let refused = sarah.submit(&form.clone().forge("agent", forged)).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{forged}");
            assert_eq!(officer_of(&app, &first).await, SARAH);
        }
        assert_eq!(
            sarah.get("/agent/affectations").await.status,
            StatusCode::FORBIDDEN
        );

        // A whole desk at once.
        let path = format!("/agent/affectations?jour=2026-11-23&guichet={DESK}");
        let page = nadia.get(&path).await.ok();
        assert_eq!(page.count("input[name='rendez_vous']"), 2);
        let form = page.form("form[method='post'][action='/agent/affectations']");
        let refused = nadia.submit(&form.clone().with("agent", NADIA)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("Cochez au moins un rendez-vous"));
        let done = nadia
            .submit(&form.clone().with("agent", NADIA).forge("tout", "1"))
            .await
            .ok();
        assert!(done.text().contains("Les affectations sont enregistrées"));
        for id in [&first, &second] {
            assert_eq!(officer_of(&app, id).await, NADIA);
        }
        // Nobody is expected twice at once: a second desk at the same hour.
        nadia.opens_a_desk(POLICE, "Guichet 2").await.ok();
        let (_, third) = books_in(&app, "lisandru", 4).await;
        let refused = assigns(&nadia, &third, NADIA).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("une autre audition à cette heure"));
        assert_eq!(officer_of(&app, &third).await, "-");
        // All or none, and the page says which.
        let page = nadia.get("/agent/affectations?jour=2026-11-23").await.ok();
        let form = page.form("form[method='post'][action='/agent/affectations']");
        let refused = nadia
            .submit(&form.clone().with("agent", SARAH).forge("tout", "1"))
            .await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            refused.count(".fr-checkbox-group--error"),
            1,
            "{refused:.4000}"
        );
        for (id, officer) in [(&first, NADIA), (&second, NADIA), (&third, "-")] {
            assert_eq!(officer_of(&app, id).await, officer);
        }
        // Whoever opens the room holds the hearing; the other is free then.
        assigns(&sarah, &third, SARAH).await.ok();
        app.pass_minutes(95);
        // An hour unused ends a session.
        sarah.logs_in("/agent").await.ok();
        nadia.logs_in("/agent").await.ok();
        nadia.opens(&third).await;
        assert_eq!(officer_of(&app, &third).await, NADIA);
        assigns(&sarah, &second, SARAH).await.ok();
        // Nobody outside was told anything.
        assert_eq!((before, told().await), (2, 2), "the confirmation, twice");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_goes_with_a_moved_appointment_only_if_they_are_free_then() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in("/agent").await.ok();
        nadia.opens_a_desk(POLICE, "Guichet 2").await.ok();
        let (camille, first) = books_in(&app, "camille", 2).await;
        let (_, second) = books_in(&app, "amina", 6).await;
        for id in [&first, &second] {
            assigns(&nadia, id, NADIA).await.ok();
        }
        let start = app.clock.now().0;
        let moves_to = async |half_hours: i64| {
            let path = format!("/rendez-vous/{first}/deplacer/confirmer");
            let slot = start + half_hours * HALF_HOUR;
            let review = camille.get(&format!("{path}?creneau={slot}")).await.ok();
            camille
                .submit(&review.form("form[action$='/deplacer']"))
                .await
                .ok();
        };
        moves_to(4).await;
        assert_eq!(officer_of(&app, &first).await, NADIA);
        // The former hour is free again: another may be given it.
        let (_, third) = books_in(&app, "lisandru", 2).await;
        assigns(&nadia, &third, NADIA).await.ok();
        moves_to(6).await;
        assert_eq!(officer_of(&app, &first).await, "-");
        assert_eq!(officer_of(&app, &second).await, NADIA);
        app.journal_holds();
    }
}

/// Declares somebody away for a day, as the forms lead.
async fn replaces(nadia: &Officer, who: &str, day: &str) -> Page {
    let page = nadia.get("/agent/remplacements").await.ok();
    let form = page
        .form("form[action='/agent/remplacements/apercu']")
        .with("agent", who)
        .with("premier_jour", day);
    nadia
        .get(&format!("/agent/remplacements/apercu?{}", form.encoded()))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_is_replaced_in_one_go_by_colleagues_who_are_free() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in("/agent").await.ok();
        nadia.opens_a_desk(POLICE, "Guichet 2").await.ok();
        let (_, first) = books_in(&app, "camille", 2).await;
        let (_, second) = books_in(&app, "amina", 4).await;
        let (_, nadias) = books_in(&app, "lisandru", 4).await;
        for id in [&first, &second] {
            assigns(&nadia, id, SARAH).await.ok();
        }
        assigns(&nadia, &nadias, NADIA).await.ok();
        for (who, day, words) in [
            ("", "2026-11-23", "Choisissez l’enquêteur absent"),
            (SARAH, "", "Indiquez le premier jour"),
            (SARAH, "2026-11-20", "Indiquez une fin à venir"),
        ] {
            let page = replaces(&nadia, who, day).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
            assert!(page.text().contains(words), "{words}");
        }
        let preview = replaces(&nadia, SARAH, "2026-11-23").await.ok();
        let offered = |id: &str| {
            preview.attributes(
                &format!("select[name='rdv-{id}'] option[value^='o-']"),
                "value",
            )
        };
        assert!(offered(&first).contains(&NADIA.to_owned()));
        assert!(
            !offered(&second).contains(&NADIA.to_owned()),
            "she has her own then"
        );
        assert!(!offered(&first).contains(&SARAH.to_owned()));
        let form = preview.form("form[action='/agent/remplacements']");
        // Who is not free is refused, and nothing of it happens.
        let wrong = form
            .clone()
            .forge(&format!("rdv-{first}"), NADIA)
            .forge(&format!("rdv-{second}"), NADIA);
        let refused = nadia.submit(&wrong).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{refused:.2000}"
        );
        assert_eq!(refused.count(".fr-select-group--error"), 1);
        for id in [&first, &second] {
            assert_eq!(officer_of(&app, id).await, SARAH);
        }
        let form = form
            .forge(&format!("rdv-{first}"), NADIA)
            .forge(&format!("rdv-{second}"), "");
        for _ in 0..2 {
            let done = nadia.submit(&form).await.ok();
            assert_eq!(
                done.count("form[action$='/retrait']"),
                1,
                "sent twice, it is one"
            );
        }
        assert_eq!(officer_of(&app, &first).await, NADIA);
        assert_eq!(officer_of(&app, &second).await, "-");
        // Nothing is given to whoever is away, until the absence is taken back.
        let refused = assigns(&nadia, &second, SARAH).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("est absent à cette heure"));
        let list = nadia.get("/agent/remplacements").await.ok();
        let remove = list.form("form[action$='/retrait']");
        for _ in 0..2 {
            let done = nadia.submit(&remove).await.ok();
            assert_eq!(done.count("form[action$='/retrait']"), 0);
        }
        assigns(&nadia, &second, SARAH).await.ok();
        let jerome = app.officer("admin-974");
        jerome.logs_in("/agent").await.ok();
        let csrf = jerome.get("/agent/sessions").await.ok();
        let csrf = csrf
            .form("form[action='/deconnexion']")
            .field("csrf")
            .to_owned();
        let foreign = jerome.submit(&remove.clone().forge("csrf", &csrf)).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_is_late_says_so_once_and_calls_nobody_absent_before() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let (camille, id) = books_in(&app, "camille", 2).await;
        let path = format!("/agent/rendez-vous/{id}/retard");
        let form = sarah.get(&path).await.ok().form("form[action$='/retard']");
        for minutes in ["", "7", "-15", "90", "99999999999999999999"] {
            let refused = sarah.submit(&form.clone().forge("minutes", minutes)).await;
            assert_eq!(
                refused.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{minutes}"
            );
        }
        let form = form.with("minutes", "45");
        for _ in 0..2 {
            let done = sarah.submit(&form).await.ok();
            assert!(done.text().contains("La personne est prévenue du retard"));
        }
        let letter = mail_to(&app.site, EMAIL, "commencera plus tard").await;
        assert!(
            letter.text.replace('\u{a0}', " ").contains("10 h 45"),
            "{}",
            letter.text
        );
        sms_to(&app.site, PHONE_DIALLED, "commencera").await;
        let until = app.appointment(&id).await.starts_at.plus_minutes(45).0;
        let event = format!("appointment/{id}/delayed/{until}");
        assert_eq!(
            app.count_messages(&event).await,
            2,
            "one by mail, one by SMS"
        );

        // A quarter past the agreed hour nobody is absent; a quarter past the told one.
        app.pass_minutes(80);
        sarah.logs_in("/agent").await.ok();
        let absence = format!("/agent/rendez-vous/{id}/absence");
        assert_eq!(sarah.get(&absence).await.status, StatusCode::CONFLICT);
        // Who waits reads it, and is written to no more.
        camille.logs_in("/espace").await.ok();
        let room = camille.enters(&id).await;
        assert!(
            room.text()
                .replace('\u{a0}', " ")
                .contains("commencera vers 10 h 45"),
            "{room:.3000}"
        );
        let later = sarah.get(&path).await.ok();
        let form = later.form("form[action$='/retard']").with("minutes", "60");
        sarah.submit(&form).await.ok();
        let until = app.appointment(&id).await.starts_at.plus_minutes(60).0;
        let event = format!("appointment/{id}/delayed/{until}");
        assert_eq!(app.count_messages(&event).await, 0);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_an_officer_says_what_comes_next() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (sarah, nadia) = (app.officer("78-police"), app.officer("admin-78"));
        sarah.logs_in("/agent").await.ok();
        nadia.logs_in("/agent").await.ok();
        assert!(!sarah.get("/agent/sessions").await.ok().has(".vp-upcoming"));
        let (_, id) = books_in(&app, "camille", 4).await;
        let banner = async |officer: &Officer, path: &str| {
            let page = officer.get(path).await.ok();
            let words = page
                .words(".vp-upcoming time")
                .join(" ")
                .replace('\u{a0}', " ");
            (
                words,
                page.attribute(".vp-upcoming a", "href").unwrap_or_default(),
            )
        };
        let see = format!("/agent/rendez-vous/{id}");
        let hearing = format!("/agent/audition/{id}");
        for path in ["/agent/sessions", "/agent?vue=mois", &see] {
            let said = banner(&sarah, path).await;
            assert_eq!(
                said,
                ("Prochaine audition à 11 h 00".into(), see.clone()),
                "{path}"
            );
        }
        // Given to a colleague, it is theirs to hear of.
        assigns(&nadia, &id, NADIA).await.ok();
        assert_eq!(banner(&sarah, "/agent").await.0, "");
        app.pass_minutes(90);
        nadia.logs_in("/agent").await.ok();
        let said = banner(&nadia, "/administration/guichets").await;
        let words = "Prochaine audition à 11 h 00, la salle peut être ouverte";
        assert_eq!(said, (words.into(), hearing.clone()));
        assert_eq!(banner(&nadia, &hearing).await.0, "", "not on its own page");
        nadia.opens(&id).await;
        let said = banner(&nadia, "/agent").await;
        assert_eq!(said, ("Audition de 11 h 00, salle ouverte".into(), hearing));
        app.journal_holds();
    }
}

/// A place in the grid is an hour on the unit's wall, and nothing moves before the form.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_the_grid_leads_to_the_form_that_asks() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let (_, id) = books_in(&app, "camille", 2).await;
        let before = app.appointment(&id).await.starts_at;
        let path = format!("/agent/rendez-vous/{id}/deplacer/confirmer");
        let review = sarah
            .get(&format!("{path}?heure=2026-11-24T14:30"))
            .await
            .ok();
        assert!(
            review.text().replace('\u{a0}', " ").contains("14 h 30"),
            "{review:.2000}"
        );
        assert_eq!(app.appointment(&id).await.starts_at, before);
        let off = sarah.get(&format!("{path}?heure=2026-11-24T14:35")).await;
        assert_eq!(off.status, StatusCode::CONFLICT);
        // What names no place leads back to the slots.
        for nonsense in [
            "hier",
            "2026-11-24",
            "2026-02-30T10:00",
            "2026-11-24T25:00",
            "T",
        ] {
            let page = sarah.get(&format!("{path}?heure={nonsense}")).await.ok();
            assert!(
                page.address.ends_with("/deplacer"),
                "{nonsense}: {}",
                page.address
            );
        }
        sarah
            .submit(&review.form("form[action$='/deplacer']"))
            .await
            .ok();
        let moved = app.appointment(&id).await.starts_at;
        assert_eq!(moved, crate::support::app::at("2026-11-24T13:30:00Z"));
        app.journal_holds();
    }
}

/// What an officer was written about a hearing, in the order it was written.
async fn told_officer(app: &TestApp, officer: &str, appointment: &str) -> Vec<String> {
    let mut tx = app.read().await;
    let rows: Vec<(String,)> = visioplainte::fetch_all!(
        &mut tx,
        (String,),
        "select template from messages
         where recipient = $1 and substr(event, 1, length($2)) = $2
         order by created_at, template",
        format!("officer/{officer}"),
        format!("assignment/{appointment}/")
    )
    .unwrap();
    rows.into_iter().map(|(template,)| template).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_is_written_to_when_a_hearing_comes_moves_goes_or_is_called_off() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (sarah, nadia) = (app.officer("78-police"), app.officer("admin-78"));
        sarah.logs_in("/agent").await.ok();
        nadia.logs_in("/agent").await.ok();
        let (camille, id) = books_in(&app, "camille", 12).await;
        // One's own doing is no news.
        assigns(&sarah, &id, SARAH).await.ok();
        assert!(told_officer(&app, SARAH, &id).await.is_empty());
        assigns(&nadia, &id, "personne").await.ok();
        assert_eq!(told_officer(&app, SARAH, &id).await, ["officer-taken"]);
        app.pass_minutes(1);
        assigns(&nadia, &id, SARAH).await.ok();
        assert_eq!(
            told_officer(&app, SARAH, &id).await,
            ["officer-taken", "officer-given"]
        );
        let reference = app.appointment(&id).await.reference;
        let letter = mail_to(&app.site, OFFICERS_MAIL, "vous est confiée").await;
        assert!(letter.text.contains(&reference), "{letter:?}");
        for word in ["BERTHELOT", "Camille", "Vol", PHONE_DIALLED, EMAIL] {
            let said = [&letter.subject, &letter.text, &letter.calendar];
            assert!(said.iter().all(|text| !text.contains(word)), "{letter:?}");
        }
        // The person moves it: still hers, and said so once.
        app.pass_minutes(1);
        let start = app.clock.now().0 - 2 * 60_000 + 16 * HALF_HOUR;
        let path = format!("/rendez-vous/{id}/deplacer/confirmer?creneau={start}");
        let confirm = camille.get(&path).await.ok();
        let form = confirm.form("form[action$='/deplacer']");
        camille.submit(&form).await.ok();
        camille.submit(&form).await;
        assert_eq!(told_officer(&app, SARAH, &id).await[2..], ["officer-moved"]);
        // The unit calls it off, by a colleague; the mailbox of nobody else is written to.
        app.pass_minutes(1);
        let ask = nadia
            .get(&format!("/agent/rendez-vous/{id}/annuler"))
            .await
            .ok();
        let form = ask
            .form("form[action$='/annuler']")
            .with("motif", "technical");
        nadia.submit(&form).await.ok();
        nadia.submit(&form).await;
        assert_eq!(
            told_officer(&app, SARAH, &id).await[3..],
            ["officer-called-off"]
        );
        assert!(told_officer(&app, NADIA, &id).await.is_empty());
        let letter = mail_to(&app.site, OFFICERS_MAIL, "n’a pas lieu").await;
        assert!(letter.text.contains(&reference), "{letter:?}");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_reads_what_one_officer_has_to_do() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (sarah, nadia) = (app.officer("78-police"), app.officer("admin-78"));
        sarah.logs_in("/agent").await.ok();
        nadia.logs_in("/agent").await.ok();
        let (_, id) = books_in(&app, "camille", 4).await;
        assigns(&nadia, &id, SARAH).await.ok();
        let reference = app.appointment(&id).await.reference;
        let list = nadia.get("/administration/habilitations").await.ok();
        let path = format!("/administration/agents/{SARAH}");
        assert!(list.has(&format!("main a[href='{path}']")));
        let hearing = nadia.get(&format!("/agent/rendez-vous/{id}")).await.ok();
        assert!(hearing.has(&format!("main a[href='{path}']")));
        let page = nadia.get(&path).await.ok();
        for words in [
            "Sarah Delmas",
            "RIO 9078001",
            "sessions ouvertes : 1",
            "Aucune absence à venir",
            "Aucun calendrier n’est abonné",
        ] {
            assert!(page.text().contains(words), "{words}: {page:.3000}");
        }
        assert_eq!(page.count(".vp-hearings li"), 1);
        assert!(page.words(".vp-hearings li")[0].contains(&reference));
        assert!(
            !page.text().contains("BERTHELOT"),
            "nobody who comes is named"
        );
        // An officer, an administrator elsewhere, somebody who never was here.
        let own = sarah.get(&path).await;
        assert_eq!(own.status, StatusCode::FORBIDDEN);
        let jerome = app.officer("admin-974");
        jerome.logs_in("/administration").await.ok();
        assert_eq!(jerome.get(&path).await.status, StatusCode::NOT_FOUND);
        let nobody = nadia.get("/administration/agents/o-974-police").await;
        assert_eq!(nobody.status, StatusCode::NOT_FOUND);
        let page = sarah.get(&format!("/agent/rendez-vous/{id}")).await.ok();
        assert!(!page.has(&format!("main a[href='{path}']")));
    }
}
