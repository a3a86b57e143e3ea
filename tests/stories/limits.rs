//! Too many requests: what a person, a script and the people beside them see, and
//! that it is over when it is said to be.

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};

use crate::support::{Browser, Citizen, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";
const STATION: &str = "192.0.2.7";

/// Somebody signed in, behind an address.
async fn signed_in(app: &TestApp, key: &'static str, address: &str) -> (Citizen, String) {
    let citizen = Citizen::new(key, app.browser().behind(address));
    let space = citizen.logs_in("/espace").await.ok();
    let csrf = space
        .form("form[action='/deconnexion']")
        .field("csrf")
        .to_owned();
    (citizen, csrf)
}

/// Presses a button that sends messages, of an appointment that is not there: what
/// is refused for other reasons counts as well.
async fn calls_off(browser: &Browser, csrf: &str) -> Page {
    browser
        .post(
            &format!("/rendez-vous/{}/annuler", "0".repeat(32)),
            &[("csrf", csrf)],
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_refused_in_words_and_is_over_when_it_is_said_to_be() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, csrf) = signed_in(&app, "camille", STATION).await;
        let (amina, other_csrf) = signed_in(&app, "amina", STATION).await;
        for _ in 0..40 {
            calls_off(&camille, &csrf).await.is(StatusCode::NOT_FOUND);
        }
        let page = calls_off(&camille, &csrf)
            .await
            .refused(StatusCode::TOO_MANY_REQUESTS, "Trop de demandes à la fois");
        assert_eq!(page.header(RETRY_AFTER), "60");
        assert_eq!(page.words("main strong"), ["Réessayez dans 1 min."]);
        assert!(page.has("main a[href='/en-personne']"));

        // Another browser of the same person is the same person.
        let (twin, twin_csrf) = signed_in(&app, "camille", "192.0.2.99").await;
        calls_off(&twin, &twin_csrf)
            .await
            .is(StatusCode::TOO_MANY_REQUESTS);
        // The colleague at the next desk is not, nor is another button.
        calls_off(&amina, &other_csrf)
            .await
            .is(StatusCode::NOT_FOUND);
        let hold = camille
            .post("/rendez-vous/creneaux", &[("csrf", &csrf)])
            .await;
        assert_ne!(hold.status, StatusCode::TOO_MANY_REQUESTS, "{hold:.200}");

        // In English, and for a script.
        camille.get("/langue/en?retour=%2Fespace").await.ok();
        let page = calls_off(&camille, &csrf)
            .await
            .refused(StatusCode::TOO_MANY_REQUESTS, "Too many requests at once");
        assert!(page.text().contains("Try again in 1 min."), "{page:.500}");
        let address = format!("/rendez-vous/{}/annuler", "0".repeat(32));
        let json = camille.ask_json(&address, &csrf).await.unwrap();
        assert_eq!(json.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(json.header(RETRY_AFTER), "60");
        let json = json.json();
        assert_eq!(json["code"], "refusal-too-many");
        assert_eq!(json["retry_after"], 60);
        let message = json["message"].as_str().unwrap();
        assert!(message.ends_with("Try again in 1 min."), "{message}");
        assert_eq!(json["title"], "Too many requests at once");

        app.clock.set(app.clock.now().plus_seconds(59));
        let page = calls_off(&camille, &csrf).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(page.header(RETRY_AFTER), "1");
        assert!(page.text().contains("Try again in 1 s."), "{page:.500}");
        app.clock.set(app.clock.now().plus_seconds(1));
        calls_off(&camille, &csrf).await.is(StatusCode::NOT_FOUND);
        // Leaving is always possible.
        let space = camille.get("/espace").await.ok();
        for _ in 0..400 {
            camille
                .post("/espace/sessions/les-autres/fermer", &[])
                .await;
        }
        camille
            .post("/espace/sessions/les-autres/fermer", &[("csrf", &csrf)])
            .await
            .is(StatusCode::TOO_MANY_REQUESTS);
        let left = camille
            .submit(&space.form("form[action='/deconnexion']"))
            .await
            .ok();
        assert!(left.address.starts_with("/deconnexion/retour"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_share_what_their_address_may_do_and_nobody_invents_another_address() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let knock = async |from: &str| {
            let (method, address) = (Method::GET, "/lien/0123456789abcdef");
            let headers = [("x-forwarded-for", from)];
            let browser = app.browser();
            let asked = browser.send(method, address, &headers, Vec::new());
            asked.await.unwrap()
        };
        for _ in 0..300 {
            knock(STATION).await.is(StatusCode::NOT_FOUND);
        }
        let page = knock(STATION).await.refused(
            StatusCode::TOO_MANY_REQUESTS,
            "Trop de demandes depuis votre réseau",
        );
        assert_eq!(page.header(RETRY_AFTER), "1");
        // The proxy appends what it saw to what the client invented.
        let invented = format!("203.0.113.77, {STATION}");
        knock(&invented).await.is(StatusCode::TOO_MANY_REQUESTS);
        knock("192.0.2.8").await.is(StatusCode::NOT_FOUND);
        // Two addresses of one IPv6 connection are one client.
        for tail in 0..300 {
            knock(&format!("2001:db8::{tail:x}"))
                .await
                .is(StatusCode::NOT_FOUND);
        }
        knock("2001:db8::ffff:1")
            .await
            .is(StatusCode::TOO_MANY_REQUESTS);
        knock("2001:db8:0:1::1").await.is(StatusCode::NOT_FOUND);
        // Without the proxy's header there is no address to count for.
        let unseen = app.browser();
        for _ in 0..310 {
            unseen
                .get_here("/lien/0123456789abcdef")
                .await
                .is(StatusCode::NOT_FOUND);
        }
        app.pass_minutes(1);
        knock(STATION).await.is(StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_an_address_that_somebody_floods_whoever_is_signed_in_goes_on() {
    for app in TestApp::on_every_engine(MONDAY).await {
        // A mobile network: Camille has an appointment, Amina is signed in.
        let camille = Citizen::new("camille", app.browser().behind(STATION));
        let id = camille.has_an_appointment().await;
        camille.enters(&id).await;
        let (amina, csrf) = signed_in(&app, "amina", STATION).await;
        // Somebody else there invents sessions and seats, one for each request.
        let flood = async |turn: usize| {
            let stranger = app.browser().behind(STATION);
            for cookie in ["vp_session", "vp_seat"] {
                stranger.set_cookie(cookie, &format!("{turn:064x}"));
            }
            stranger.get_here("/lien/0123456789abcdef").await
        };
        let mut turn = 0;
        let refused = loop {
            let page = flood(turn).await;
            if page.status != StatusCode::NOT_FOUND {
                break page;
            }
            turn += 1;
        };
        assert_eq!(turn, 300);
        refused.refused(
            StatusCode::TOO_MANY_REQUESTS,
            "Trop de demandes depuis votre réseau",
        );
        let link = amina.get_here("/lien/0123456789abcdef").await;
        link.is(StatusCode::NOT_FOUND);
        calls_off(&amina, &csrf).await.is(StatusCode::NOT_FOUND);
        // Camille's session runs out; her seat alone still opens her door.
        let mut tx = app.db.begin().await.unwrap();
        visioplainte::execute!(&mut tx, "update sessions set last_seen_at = 0").unwrap();
        tx.commit().await.unwrap();
        let room = camille.get_here(&format!("/audition/{id}")).await.ok();
        assert!(room.has("[data-call]"));
        let link = camille.get_here("/lien/0123456789abcdef").await;
        link.is(StatusCode::NOT_FOUND);
        flood(turn).await.is(StatusCode::TOO_MANY_REQUESTS);
    }
}
