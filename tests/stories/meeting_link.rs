//! The personal link: it says which hearing, never who. Whatever is done to it
//! by others, its owner still comes in, and nobody else does.

use reqwest::{Method, StatusCode};
use visioplainte::booking::meeting_link;
use visioplainte::fetch_all;

use crate::support::messages::mail_to;
use crate::support::people::EMAIL;
use crate::support::{Browser, Citizen, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

/// An appointment two and a half hours ahead, and the path of its link.
async fn appointment_with_link(app: &TestApp, camille: &Citizen) -> (String, String) {
    let slots = camille.declares("Versailles").await;
    let soon: i64 = slots
        .form("form.vp-next-slot")
        .field("creneau")
        .parse()
        .unwrap();
    let id = camille.books(&slots, soon + 5 * 30 * 60_000).await;
    let reference = app.appointment(&id).await.reference;
    let mail = mail_to(&app.site, EMAIL, &reference).await;
    let path = mail
        .link
        .unwrap()
        .strip_prefix(&app.site)
        .unwrap()
        .to_owned();
    (id, path)
}

/// The same at the hour of the hearing.
async fn at_the_hour(app: &TestApp, camille: &Citizen) -> (String, String) {
    let (id, path) = appointment_with_link(app, camille).await;
    app.clock.set(app.appointment(&id).await.starts_at);
    // Nobody stays logged in that long.
    camille.logs_in("/espace").await.ok();
    (id, path)
}

/// Everything a link's use could change.
async fn traces(
    app: &TestApp,
) -> (
    Vec<(i64, Option<i64>, Option<i64>)>,
    Vec<(String, i64)>,
    i64,
) {
    let mut tx = app.read().await;
    let links = fetch_all!(
        &mut tx,
        (i64, Option<i64>, Option<i64>),
        "select generation, used_at, revoked_at from meeting_links order by id"
    );
    let seats = fetch_all!(
        &mut tx,
        (String, i64),
        "select role, generation from seats order by id"
    );
    let rooms = fetch_all!(&mut tx, (i64,), "select count(*) from hearings");
    (links.unwrap(), seats.unwrap(), rooms.unwrap()[0].0)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_looks_at_a_link_change_nothing_and_it_still_opens() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let (id, path) = at_the_hour(&app, &camille).await;
        let before = traces(&app).await;
        assert_eq!(before.0, [(1, None, None)]);
        for look in 0..50 {
            // Mail scanners, previews, another telephone, the owner; by GET and by HEAD.
            let browser = if look % 5 == 0 {
                camille.browser.clone()
            } else {
                app.browser()
            };
            let method = if look % 7 == 0 {
                Method::HEAD
            } else {
                Method::GET
            };
            let page = browser
                .send(method, &path, &[], Vec::new())
                .await
                .unwrap()
                .ok();
            let own = look % 5 == 0;
            assert!(
                own || !page.text().contains("BERTHELOT"),
                "the link says who"
            );
        }
        assert_eq!(traces(&app).await, before);
        let door = camille.get(&path).await.ok();
        let room = camille
            .submit(&door.form(&format!("form[action='{path}']")))
            .await
            .ok();
        assert_eq!(room.address, format!("/audition/{id}"));
        assert!(
            traces(&app).await.0[0].1.is_some(),
            "coming in uses the link"
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_presses_every_button_neither_enters_nor_burns_the_link() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let (id, path) = at_the_hour(&app, &camille).await;
        let before = traces(&app).await;
        let scanner = app.browser();
        let page = scanner.get(&path).await.ok();
        for form in page.forms("form") {
            scanner.submit(&form).await;
        }
        for address in [
            path.clone(),
            format!("/audition/{id}/entrer"),
            format!("/audition/{id}/jeton"),
        ] {
            for body in [&[][..], &[("csrf", "")][..], &[("csrf", "0000")][..]] {
                let answer = scanner.post(&address, body).await;
                let turned_away = answer.status.is_redirection()
                    && answer.location.starts_with("/connexion")
                    || answer.status.is_client_error();
                assert!(turned_away, "{address}: {answer:.300} {}", answer.location);
            }
        }
        assert_eq!(traces(&app).await, before);
        let door = camille.get(&path).await.ok();
        camille
            .submit(&door.form(&format!("form[action='{path}']")))
            .await
            .ok();
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_open_nothing_say_why_and_what_to_do() {
    let app = TestApp::at(MONDAY).await;
    let camille = app.citizen("camille");
    let (id, path) = appointment_with_link(&app, &camille).await;
    let secret = path.strip_prefix("/lien/").unwrap().to_owned();

    // Unknown: cut, mistyped, invented, of another service.
    let cut = &secret[..secret.len() - 1];
    let other_end = format!("{cut}{}", if secret.ends_with('0') { '1' } else { '0' });
    let next_generation = secret.replacen(".1.", ".2.", 1);
    let hostile = ["x", "a.1.b", "..%2f..%2fetc", "%c3%a9", "1.1.1.1.1", "%zz"];
    for mangled in ["%00", "%ff%fe"] {
        let page = app.browser().get(&format!("/lien/{mangled}")).await;
        page.refused(StatusCode::NOT_FOUND, "Page introuvable");
    }
    for wrong in [cut, other_end.as_str(), next_generation.as_str()]
        .into_iter()
        .chain(hostile)
    {
        let stranger = app.browser();
        let page = stranger.get(&format!("/lien/{wrong}")).await;
        page.refused(StatusCode::NOT_FOUND, "Ce lien n’est pas valable");
    }
    let long = "a".repeat(4000);
    app.browser()
        .get(&format!("/lien/{long}"))
        .await
        .refused(StatusCode::NOT_FOUND, "Ce lien n’est pas valable");

    // Too early: the page says from when on; pressing all the same is refused.
    let early = camille.get(&path).await.ok();
    assert!(
        early.count("main form[method='post']") == 0,
        "no door before its time: {early:.600}"
    );
    let csrf = csrf_of(&camille).await;
    let page = camille.post(&path, &[("csrf", &csrf)]).await;
    page.refused(StatusCode::FORBIDDEN, "Il est trop tôt pour entrer");

    // Re-issued: the former one says so, the new one opens.
    app.clock.set(app.appointment(&id).await.starts_at);
    camille.logs_in("/espace").await.ok();
    let csrf = csrf_of(&camille).await;
    let mut tx = app.db.begin().await.unwrap();
    let appointment = app.appointment(&id).await;
    let person = format!("citizen/{}", appointment.citizen_id);
    let role = meeting_link::LinkRole::Citizen;
    let (link, generation) =
        meeting_link::issue(&mut tx, &appointment, role, &person, app.clock.now())
            .await
            .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(generation, 2);
    let reissued = format!(
        "/lien/{}",
        meeting_link::secret(&app.keys, link.as_str(), 2)
    );
    for browser in [&app.browser(), &camille.browser] {
        browser
            .get(&path)
            .await
            .refused(StatusCode::GONE, "Ce lien a été remplacé");
    }
    let page = camille.post(&path, &[("csrf", &csrf)]).await;
    page.refused(StatusCode::GONE, "Ce lien a été remplacé");
    assert_eq!(traces(&app).await.0, [(2, None, None)]);
    camille.get(&reissued).await.ok();

    // Somebody else's: says so, changes nothing, and the owner still comes in.
    let amina = app.citizen("amina");
    amina.logs_in("/espace").await.ok();
    amina
        .get(&reissued)
        .await
        .refused(StatusCode::FORBIDDEN, "Ce lien n’est pas le vôtre");
    let theirs = csrf_of(&amina).await;
    let page = amina.post(&reissued, &[("csrf", &theirs)]).await;
    page.refused(StatusCode::FORBIDDEN, "Ce lien n’est pas le vôtre");
    let sarah = app.officer("78-police");
    sarah.logs_in("/agent").await.ok();
    assert_eq!(sarah.get(&reissued).await.status, StatusCode::FORBIDDEN);
    assert_eq!(traces(&app).await.0, [(2, None, None)]);
    let door = camille.get(&reissued).await.ok();
    camille
        .submit(&door.form(&format!("form[action='{reissued}']")))
        .await
        .ok();

    // Over: the hour has passed.
    app.clock.set(appointment.ends_at.plus_minutes(61));
    let latecomer = camille.elsewhere();
    latecomer.logs_in("/espace").await.ok();
    latecomer
        .get(&reissued)
        .await
        .refused(StatusCode::GONE, "Cette audition n’est plus ouverte");
    let csrf = csrf_of(&latecomer).await;
    let page = latecomer.post(&reissued, &[("csrf", &csrf)]).await;
    page.refused(StatusCode::GONE, "Cette audition n’est plus ouverte");
    app.journal_holds();
}

/// The anti-forgery token of somebody's session, as every page of theirs holds it.
async fn csrf_of(browser: &Browser) -> String {
    let page = browser.get("/").await.ok();
    page.attribute("input[name='csrf']:not([value=''])", "value")
        .expect("a form of somebody signed in")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_browser_comes_back_after_a_crash_without_a_second_login() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let (id, path) = at_the_hour(&app, &camille).await;
        let door = camille.get(&path).await.ok();
        camille
            .submit(&door.form(&format!("form[action='{path}']")))
            .await
            .ok();
        let before = traces(&app).await;

        // The browser died: its session is gone, the seat's cookie stayed.
        let back = camille.after_a_crash(&["vp_seat"]);
        for address in [path.clone(), format!("/audition/{id}")] {
            let room = back.get(&address).await.ok();
            assert_eq!(room.address, format!("/audition/{id}"));
            assert!(room.has("[data-call]"), "{room:.500}");
        }
        let token = back
            .ask_json(&format!("/audition/{id}/jeton"), "")
            .await
            .unwrap();
        // The seat is good; this story has no media node to sit at.
        let answer = token.is(StatusCode::SERVICE_UNAVAILABLE).json();
        assert_eq!(answer["code"], "refusal-no-media-place");
        assert_eq!(traces(&app).await, before, "the seat is the same");
        // Without that cookie the link alone opens nothing.
        let other = camille.after_a_crash(&[]);
        let page = other.get(&path).await.ok();
        assert!(!page.has("[data-call]") && page.has("form[action='/connexion/franceconnect']"));
        let refused = other
            .ask_json(&format!("/audition/{id}/jeton"), "")
            .await
            .unwrap();
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(
            refused.json()["message"]
                .as_str()
                .unwrap()
                .contains("FranceConnect")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_browser_takes_the_seat_only_with_a_login_and_the_first_is_told() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let (id, path) = at_the_hour(&app, &camille).await;
        let door = camille.get(&path).await.ok();
        camille
            .submit(&door.form(&format!("form[action='{path}']")))
            .await
            .ok();
        let jeton = format!("/audition/{id}/jeton");
        let seated = camille.ask_json(&jeton, "").await.unwrap();
        assert_eq!(seated.json()["code"], "refusal-no-media-place");

        // The telephone's own browser, from the same message.
        let telephone = camille.elsewhere();
        let door = telephone.get(&path).await.ok();
        let door = telephone.identify(&door).await.ok();
        assert!(
            door.text().contains("appareil"),
            "moving is announced: {door:.600}"
        );
        assert_eq!(
            traces(&app).await.1,
            [("citizen".to_owned(), 1)],
            "looking moves nothing"
        );
        let room = telephone
            .submit(&door.form("main form[method='post']"))
            .await
            .ok();
        assert!(room.has("[data-call]"));
        assert_eq!(traces(&app).await.1, [("citizen".to_owned(), 2)]);
        let seated = telephone.ask_json(&jeton, "").await.unwrap();
        assert_eq!(seated.json()["code"], "refusal-no-media-place");
        let former = camille.ask_json(&jeton, "").await.unwrap();
        assert_eq!(former.status, StatusCode::FORBIDDEN);
        assert!(
            former.json()["message"]
                .as_str()
                .unwrap()
                .contains("autre appareil"),
            "{former:.300}"
        );

        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let workspace = sarah.workspace(&id).await;
        assert!(
            workspace.count("ul.vp-people .fr-badge--info") == 1,
            "the officer sees that the seat moved"
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_is_replaced_and_the_former_opens_nothing() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let (id, first) = appointment_with_link(&app, &camille).await;
        let again = format!("/rendez-vous/{id}/lien");
        let ask = format!("form[action='{again}']");

        // Nobody needs a third copy within a minute of the first.
        let page = camille.get(&again).await.ok();
        let early = camille.submit(&page.form(&ask)).await;
        assert_eq!(early.status, StatusCode::TOO_MANY_REQUESTS);
        app.pass_minutes(2);
        let sent = camille.submit(&page.form(&ask)).await.ok();
        assert!(
            sent.words("h2")
                .iter()
                .any(|words| words.contains("en route"))
        );
        assert!(
            !sent.has("main a[href*='/lien/'], main form"),
            "the page holds no link"
        );
        assert_eq!(app.journal_lines("link.reissue").await, 1);
        let mail = mail_to(&app.site, EMAIL, "nouveau lien").await;
        let second = mail
            .link
            .unwrap()
            .strip_prefix(&app.site)
            .unwrap()
            .to_owned();
        assert_ne!(first, second);
        let unfolded = mail.calendar.replace("\r\n ", "");
        assert!(unfolded.contains(&second), "{unfolded}");
        app.browser()
            .get(&first)
            .await
            .refused(StatusCode::GONE, "Ce lien a été remplacé");

        // The unit does the same for whoever calls; that keeps nobody out who is in.
        app.clock.set(app.appointment(&id).await.starts_at);
        camille.logs_in("/espace").await.ok();
        let door = camille.get(&second).await.ok();
        let enter = door.form(&format!("form[action='{second}']"));
        let room = camille.submit(&enter).await.ok();
        assert_eq!(room.address, format!("/audition/{id}"));
        let officer = app.officer("78-police");
        let page = officer
            .logs_in(&format!("/agent/rendez-vous/{id}/lien"))
            .await
            .ok();
        let form = page.form(&format!("form[action='/agent/rendez-vous/{id}/lien']"));
        officer.submit(&form).await.ok();
        app.browser().get(&second).await.is(StatusCode::GONE);
        assert_eq!(
            camille.get(&room.address).await.ok().address,
            room.address,
            "who is in stays in"
        );
        assert_eq!(app.journal_lines("link.reissue").await, 2);

        // What is over has no link.
        let other = app.officer("78-gendarmerie");
        let page = other
            .logs_in(&format!("/agent/rendez-vous/{id}/lien"))
            .await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_reminded_twice_by_the_link_that_works_then() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let slots = camille.declares("Versailles").await;
        let soon: i64 = slots
            .form("form.vp-next-slot")
            .field("creneau")
            .parse()
            .unwrap();
        let id = camille.books(&slots, soon + 4 * 24 * 3_600_000).await;
        let starts_at = app.appointment(&id).await.starts_at;
        for about in ["days", "hour"] {
            let event = format!("appointment/{id}/reminder/{about}");
            assert_eq!(app.count_messages(&event).await, 2, "{about}");
        }
        app.pass_minutes(2);
        let page = camille.get(&format!("/rendez-vous/{id}/lien")).await.ok();
        camille
            .submit(&page.form(&format!("form[action='/rendez-vous/{id}/lien']")))
            .await
            .ok();
        let newest = mail_to(&app.site, EMAIL, "nouveau lien")
            .await
            .link
            .unwrap();

        app.clock.set(starts_at.plus_minutes(-48 * 60));
        let mail = mail_to(&app.site, EMAIL, "Rappel").await;
        assert_eq!(mail.link.unwrap(), newest, "written before, sent after");
        app.outbox_is_empty().await;

        // Moved, they are reminded of the new hour alone.
        camille.logs_in("/espace").await.ok();
        let later = starts_at.plus_minutes(5 * 24 * 60).0;
        let path = format!("/rendez-vous/{id}/deplacer");
        let review = camille
            .get(&format!("{path}/confirmer?creneau={later}"))
            .await
            .ok();
        camille
            .submit(&review.form("form[action$='/deplacer']"))
            .await
            .ok();
        app.clock.set(starts_at.plus_minutes(-30));
        app.outbox_is_empty().await;
        let mut tx = app.read().await;
        let reminded = fetch_all!(
            &mut tx,
            (String, String),
            "select event, state from messages where template = 'reminder' and channel = 'email' order by event"
        )
        .unwrap();
        let known = |event: &str, state: &str| {
            (
                format!("appointment/{id}/reminder{event}"),
                state.to_owned(),
            )
        };
        assert_eq!(
            reminded,
            [
                known("/1/days", "pending"),
                known("/1/hour", "pending"),
                known("/days", "sent"),
                known("/hour", "expired"),
            ]
        );
    }
}
