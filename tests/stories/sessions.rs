//! Seeing where one is signed in, and ending what one does not want: what the
//! list shows, whom the act concerns, and that it reaches pages that stay open
//! and a hearing under way.

use reqwest::{Method, StatusCode};
use visioplainte::audit;
use visioplainte::fetch_all;

use crate::support::people::together;
use crate::support::{Browser, Citizen, Page, TestApp, until};

const MONDAY: &str = "2026-11-23T08:00:00Z";

const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
     (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

/// The same person with a browser that says of itself what it is.
fn with(app: &TestApp, key: &'static str, agent: &str) -> Citizen {
    Citizen::new(key, app.browser().calls_itself(agent))
}

/// The handles that a list names, its own session's not among them.
fn others(list: &Page) -> Vec<String> {
    list.attributes("main a[href$='/fermer']", "href")
        .into_iter()
        .filter(|address| !address.contains("/les-autres/"))
        .map(|address| address.split('/').nth(3).unwrap().to_owned())
        .collect()
}

/// Somebody is still signed in there.
async fn is_signed_in(browser: &Browser, home: &str) -> bool {
    browser.get(home).await.address == home
}

/// The journal's lines about a session: who did what, and from where.
async fn journal_of(app: &TestApp, handle: &str) -> Vec<(String, String, String)> {
    let mut tx = app.read().await;
    audit::lines_about(&mut tx, &format!("session/{handle}"))
        .await
        .unwrap()
        .into_iter()
        .map(|line| (line.actor, line.act, line.detail))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_where_they_are_signed_in_and_ends_one_of_it() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let desk = with(&app, "camille", FIREFOX);
        let space = desk.logs_in("/espace").await.ok();
        let address = space
            .attribute("main a[href='/espace/sessions']", "href")
            .unwrap();
        let alone = desk.get(&address).await.ok();
        assert_eq!(
            alone.words("main li h2"),
            ["Firefox sur Windows ce navigateur"]
        );
        assert!(alone.has("main .vp-empty"), "{alone:.500}");
        assert!(others(&alone).is_empty(), "nothing to end");

        let phone = with(&app, "camille", IPHONE);
        phone.logs_in("/espace").await.ok();
        let forgotten = app.citizen("camille");
        forgotten.logs_in("/espace").await.ok();
        // What nobody used for an hour is over by itself, and is not listed.
        app.pass_minutes(55);
        for used in [&desk, &phone] {
            assert!(is_signed_in(used, "/espace").await);
        }
        app.pass_minutes(12);
        let list = desk.get(&address).await.ok();
        assert_eq!(
            list.words("main li h2"),
            [
                "Firefox sur Windows ce navigateur",
                "Safari sur iPhone ou iPad"
            ]
        );
        assert!(
            list.words("main li p")[1].contains("Dernière activité il y a 12 min"),
            "{:?}",
            list.words("main li p")
        );
        assert!(!list.has("main .vp-empty"));

        // In English, by the page's own switch.
        let english = desk
            .get("/langue/en?retour=%2Fespace%2Fsessions")
            .await
            .ok();
        assert_eq!(english.title(), "My sessions");
        assert_eq!(english.words("main li h2")[1], "Safari on iPhone or iPad");
        assert!(english.words("main li p")[1].contains("Last active 12 min ago"));
        desk.get("/langue/fr?retour=%2Fespace%2Fsessions")
            .await
            .ok();

        let handle = others(&list).remove(0);
        let question = desk
            .get(&format!("/espace/sessions/{handle}/fermer"))
            .await
            .ok();
        assert_eq!(question.title(), "Fermer cette session ?");
        assert!(question.words("main li")[0].contains("Safari sur iPhone ou iPad"));
        assert!(question.has("main a[href='/espace/sessions']"));
        assert!(is_signed_in(&phone, "/espace").await, "asking ends nothing");
        let form = question.form("main form[action$='/fermer']");
        let done = desk.submit(&form).await.ok();
        assert_eq!(done.address, "/espace/sessions?fait=une");
        assert_eq!(
            done.words("main .fr-alert--success"),
            ["La session est fermée. Ce navigateur n’ouvre plus rien."]
        );
        assert!(done.has("main .vp-empty"));
        assert!(!is_signed_in(&phone, "/espace").await);
        assert!(is_signed_in(&desk, "/espace").await);
        // Twice ends it once.
        let again = desk.submit(&form).await.ok();
        assert_eq!(
            again.words("main .fr-alert--success"),
            ["Cette session était déjà fermée."]
        );
        let lines = journal_of(&app, &handle).await;
        let [(actor, act, by)] = lines.as_slice() else {
            panic!("one line, not {lines:?}");
        };
        assert!(actor.starts_with("citizen/"), "{actor}");
        assert_eq!(act, "session.revoke");
        assert!(
            by.starts_with("by=session/") && !by.contains(&handle),
            "{by}"
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_the_others_end_at_once_and_nobody_elses_and_not_ones_own() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let here = app.citizen("camille");
        here.logs_in("/espace").await.ok();
        let elsewhere = [here.elsewhere(), here.elsewhere(), here.elsewhere()];
        for other in &elsewhere {
            other.logs_in("/espace").await.ok();
        }
        let amina = app.citizen("amina");
        amina.logs_in("/espace").await.ok();
        let list = here.get("/espace/sessions").await.ok();
        assert_eq!(others(&list).len(), 3);

        // Somebody else's handle, and one's own, name nothing that could end.
        let own_of_amina = {
            let twin = amina.elsewhere();
            twin.logs_in("/espace").await.ok();
            others(&twin.get("/espace/sessions").await.ok()).remove(0)
        };
        let csrf = list
            .form("form[action='/deconnexion']")
            .field("csrf")
            .to_owned();
        let own = {
            let list = elsewhere[0].get("/espace/sessions").await.ok();
            let mut known = others(&list);
            let seen_here = others(&here.get("/espace/sessions").await.ok());
            known.retain(|handle| !seen_here.contains(handle));
            known.remove(0)
        };
        for handle in [own_of_amina.as_str(), own.as_str(), "0", "%00", "é"] {
            let address = format!("/espace/sessions/{handle}/fermer");
            let page = here.post(&address, &[("csrf", &csrf)]).await;
            assert!(!page.status.is_server_error(), "{handle}: {page:.200}");
            assert!(
                page.status.is_client_error() || page.location.ends_with("?fait=deja"),
                "{handle}: {page:.200}"
            );
        }
        // Nor does a page that is not ours end anything.
        let forged = here.post("/espace/sessions/les-autres/fermer", &[]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        for browser in [&here.browser, &amina.browser, &elsewhere[0].browser] {
            assert!(is_signed_in(browser, "/espace").await);
        }

        let question = here.get("/espace/sessions/les-autres/fermer").await.ok();
        assert_eq!(question.count("main ul:first-of-type > li"), 3 + 2);
        let form = question.form("main form[action$='/les-autres/fermer']");
        let done = here.submit(&form).await.ok();
        assert_eq!(done.address, "/espace/sessions?fait=autres");
        assert!(done.has("main .vp-empty"));
        for other in &elsewhere {
            assert!(!is_signed_in(other, "/espace").await);
        }
        assert!(is_signed_in(&here, "/espace").await);
        assert!(is_signed_in(&amina, "/espace").await);
        // A question about nothing leads back to the list.
        let nothing = here.get("/espace/sessions/les-autres/fermer").await.ok();
        assert_eq!(nothing.address, "/espace/sessions?fait=deja");
        app.journal_holds();

        // What browsers said of themselves was not kept, nor is a key shown.
        let mut tx = app.read().await;
        let kinds = fetch_all!(
            &mut tx,
            (String, String, String),
            "select id, browser, device from sessions"
        )
        .unwrap();
        assert!(kinds.len() >= 6);
        for (key, browser, device) in kinds {
            assert_eq!((browser.as_str(), device.as_str()), ("other", "other"));
            assert!(!done.text().contains(&key) && !question.text().contains(&key));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_have_their_own_list_with_what_each_session_acts_for() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        let agenda = sarah.logs_in("/agent").await.ok();
        assert!(agenda.has("main a[href='/agent/sessions']"));
        let twin = app.officer("78-police");
        twin.logs_in("/agent").await.ok();
        let list = sarah.get("/agent/sessions").await.ok();
        assert_eq!(list.count("main li h2"), 2);
        let texts = list.words("main li p");
        assert!(
            texts[0].contains("Enquêteur – Commissariat") && texts[1].contains("Enquêteur"),
            "{texts:?}"
        );
        let handle = others(&list).remove(0);
        let question = sarah
            .get(&format!("/agent/sessions/{handle}/fermer"))
            .await
            .ok();
        let done = sarah
            .submit(&question.form("main form[action$='/fermer']"))
            .await
            .ok();
        assert_eq!(done.address, "/agent/sessions?fait=une");
        assert!(!is_signed_in(&twin, "/agent").await);
        assert!(journal_of(&app, &handle).await[0].0.starts_with("officer/"));

        // The two lists are not each other's, and a stranger has none.
        let camille = app.citizen("camille");
        camille.logs_in("/espace").await.ok();
        for (browser, address) in [
            (&camille.browser, "/agent/sessions"),
            (&sarah.browser, "/espace/sessions"),
        ] {
            let page = browser.get_here(address).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{address}: {page:.200}");
        }
        for (address, login) in [
            ("/espace/sessions", "/connexion?"),
            ("/agent/sessions", "/agent/connexion?"),
        ] {
            let page = app.browser().get_here(address).await;
            assert!(
                page.location.starts_with(login),
                "{address}: {}",
                page.location
            );
        }
        app.journal_holds();
    }
}

/// Ends every other session of somebody, from a browser they just signed in with.
async fn ends_all_others(browser: &Browser, base: &str) {
    let question = browser.get(&format!("{base}/les-autres/fermer")).await.ok();
    let form = question.form("main form[action$='/les-autres/fermer']");
    browser.submit(&form).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_session_ends_the_pages_it_keeps_fed_and_its_seat() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_hearing(&app, &camille, &sarah).await;
        let room = camille.get(&format!("/audition/{id}")).await.ok();
        assert!(room.has("[data-call]"));
        let fed = camille
            .open_stream(&format!("/audition/{id}/evenements"))
            .await;
        let officers = sarah
            .open_stream(&format!("/agent/audition/{id}/evenements"))
            .await;

        let at_home = camille.elsewhere();
        at_home.logs_in("/espace").await.ok();
        ends_all_others(&at_home, "/espace/sessions").await;
        // Ends by itself: the story would wait for ever otherwise.
        fed.bytes().await.unwrap();
        // The seat's cookie, which outlasts a session, opens nothing either.
        assert!(camille.cookie("vp_seat").is_some());
        let room = camille.get_here(&format!("/audition/{id}")).await;
        assert!(room.location.starts_with("/connexion"), "{room:.200}");
        let token = camille
            .ask_json(&format!("/audition/{id}/jeton"), "")
            .await
            .unwrap();
        assert_eq!(token.status, StatusCode::FORBIDDEN);
        let act = camille
            .get_here(&format!("/audition/{id}/proces-verbal"))
            .await;
        assert!(!act.status.is_success(), "{act:.200}");
        let events = format!("/audition/{id}/evenements");
        let again = camille.send(Method::GET, &events, &[], Vec::new()).await;
        assert_eq!(again.unwrap().status, StatusCode::NOT_FOUND);
        place_becomes(&app, &id, "citizen", "left").await;

        // Where the person is signed in they sit down again, and wait.
        at_home.enters(&id).await;
        place_becomes(&app, &id, "citizen", "waiting").await;

        let station = app.officer("78-police");
        station.logs_in("/agent").await.ok();
        ends_all_others(&station, "/agent/sessions").await;
        officers.bytes().await.unwrap();
        place_becomes(&app, &id, "officer", "left").await;
        station.opens(&id).await;
        place_becomes(&app, &id, "officer", "in").await;
        app.journal_holds();
    }
}

/// Waits until the seat of a role is in a place.
async fn place_becomes(app: &TestApp, id: &str, role: &str, place: &str) {
    until(&format!("the {role}'s seat {place}"), async || {
        let mut tx = app.read().await;
        let seats = visioplainte::hearings::store::list_seats(&mut tx, &id.into())
            .await
            .unwrap();
        let seat = seats.iter().find(|seat| seat.role.as_str() == role)?;
        (seat.place.as_str() == place).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_session_ends_its_call_and_one_that_runs_out_does_not() {
    for app in TestApp::live_on_every_engine().await {
        let app = app.with_media().await;
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        nadia.opens_a_desk("u-78-police", "Guichet").await.ok();
        let camille = app.citizen("camille");
        let id = camille.has_an_appointment().await;
        let room = camille.enters(&id).await;
        let mut call = camille.joins(&room).await.unwrap();
        call.expect("waiting").await;

        // Run out long ago: the seat's cookie alone still buys a token.
        let mut tx = app.db.begin().await.unwrap();
        visioplainte::execute!(&mut tx, "update sessions set last_seen_at = 0").unwrap();
        tx.commit().await.unwrap();
        let (url, _) = crate::support::people::token_of(&room);
        camille.ask_json(&url, "").await.unwrap().ok();

        // A session that lives again, only to be ended from elsewhere.
        let mut tx = app.db.begin().await.unwrap();
        visioplainte::execute!(&mut tx, "update sessions set last_seen_at = started_at").unwrap();
        tx.commit().await.unwrap();
        let at_home = camille.elsewhere();
        at_home.logs_in("/espace").await.ok();
        ends_all_others(&at_home, "/espace/sessions").await;
        assert_eq!(call.closed().await, 4403, "{:?}", call.heard);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_only_stays_open_keeps_no_session_alive_and_is_one_consultation() {
    for app in TestApp::on_every_engine("2026-11-23T08:00:00Z").await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_hearing(&app, &camille, &sarah).await;
        let path = format!("/agent/audition/{id}");
        let before = app.journal_lines("record.read").await;
        for _ in 0..59 {
            app.clock.set(app.clock.now().plus_minutes(1));
            let headers = [("x-refresh", "1")];
            let page = sarah
                .send(Method::GET, &path, &headers, Vec::new())
                .await
                .unwrap();
            assert_eq!(page.status, StatusCode::OK);
        }
        let read = app.journal_lines("record.read").await - before;
        assert!(
            (3..=5).contains(&read),
            "one each quarter of an hour: {read}"
        );
        app.clock.set(app.clock.now().plus_minutes(2));
        let over = sarah.get(&path).await;
        assert!(over.address.starts_with("/agent/connexion"), "{over:.300}");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_left_in_a_shared_browser_is_not_for_whoever_signs_in_next() {
    for app in TestApp::live_on_every_engine().await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        nadia
            .opens_a_desk("u-78-police", "Guichet de nuit")
            .await
            .ok();
        let id = camille.has_an_appointment().await;
        sarah.logs_in("/agent").await.ok();
        sarah.opens(&id).await;
        let room = camille.enters(&id).await;
        let (token, _) = crate::support::people::token_of(&room);
        // The browser was closed: the session's cookie is gone, the seat's is not.
        let amina = Citizen::new("amina", camille.after_a_crash(&["vp_seat"]));
        let back = amina.get(&format!("/audition/{id}")).await.ok();
        assert!(back.has("[data-call]"), "the person themselves comes back");
        let space = amina.logs_in("/espace").await.ok();
        for path in [
            format!("/audition/{id}"),
            format!("/audition/{id}/proces-verbal"),
        ] {
            let page = amina.get(&path).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        }
        let csrf = space.form("form[action='/deconnexion']");
        let refused = amina.ask_json(&token, csrf.field("csrf")).await.unwrap();
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
}
