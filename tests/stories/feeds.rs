//! Calendars that officers subscribe to: what a secret address tells, and when it stops.
//! That another program reads them as RFC 5545 is `tests/browser/feeds.test.mjs`'s.

use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Client, StatusCode};

use crate::support::{Officer, Page, TestApp};

/// Monday, nine o'clock in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";
const PAGE: &str = "/agent/calendriers";

/// Makes an address; gives the page that shows it and the address's path.
async fn subscribes(app: &TestApp, officer: &Officer, scope: &str) -> (Page, String) {
    let page = officer.get(PAGE).await.ok();
    let form = page
        .form("form[action='/agent/calendriers']")
        .forge("portee", scope);
    let shown = officer.submit(&form).await.ok();
    let address = shown.attribute("#adresse", "value").unwrap();
    let path = address.strip_prefix(app.site.as_str()).unwrap().to_owned();
    (shown, path)
}

/// Asks as a calendar program does: no cookie, perhaps a tag it knows.
async fn asks(app: &TestApp, path: &str, tag: &str) -> reqwest::Response {
    let mut request = Client::new().get(format!("{}{path}", app.site));
    if !tag.is_empty() {
        request = request.header(IF_NONE_MATCH, tag);
    }
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_address_tells_hours_references_and_desks_and_dies_when_taken_back() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let (shown, whole) = subscribes(&app, &sarah, "unite").await;
        let (_, own) = subscribes(&app, &sarah, "moi").await;
        let again = sarah.get(PAGE).await.ok();
        let secret = whole.rsplit('/').next().unwrap();
        assert_eq!(secret.len(), 64);
        assert!(!again.text().contains(secret), "shown once");
        assert!(shown.text().contains("Elle ne sera plus montrée"));

        let empty = asks(&app, &whole, "").await;
        assert_eq!(empty.status(), StatusCode::OK);
        assert_eq!(
            empty.headers()[CONTENT_TYPE],
            "text/calendar; charset=utf-8"
        );
        assert_eq!(empty.headers()[CACHE_CONTROL], "private, max-age=300");
        let tag = empty.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(
            asks(&app, &whole, &tag).await.status(),
            StatusCode::NOT_MODIFIED
        );

        let camille = app.citizen("camille");
        let id = camille.has_an_appointment().await;
        let appointment = app.appointment(&id).await;
        let full = asks(&app, &whole, &tag).await;
        assert_eq!(full.status(), StatusCode::OK, "something changed");
        let tag = full.headers()[ETAG].to_str().unwrap().to_owned();
        let text = full.text().await.unwrap();
        for line in [
            "BEGIN:VCALENDAR".to_owned(),
            format!("UID:{id}-unite@visioplainte"),
            format!("SUMMARY:{} – Guichet 1", appointment.reference),
            format!(
                "DTSTART:{}",
                appointment.starts_at.utc().format("%Y%m%dT%H%M%SZ")
            ),
            format!(
                "DTEND:{}",
                appointment.ends_at.utc().format("%Y%m%dT%H%M%SZ")
            ),
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
        }
        for secret in [
            "BERTHELOT",
            "Camille",
            "Vol",
            "vélo",
            "exemple.example",
            "rue Royale",
            "+33",
        ] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        // One's own holds what one is to hold.
        assert!(
            !asks(&app, &own, "")
                .await
                .text()
                .await
                .unwrap()
                .contains("BEGIN:VEVENT")
        );
        let page = sarah
            .get(&format!("/agent/rendez-vous/{id}/affectation"))
            .await
            .ok();
        let form = page
            .form("form[action$='/affectation']")
            .with("agent", "o-78-police");
        sarah.submit(&form).await.ok();
        assert!(
            asks(&app, &own, "")
                .await
                .text()
                .await
                .unwrap()
                .contains(&appointment.reference)
        );
        assert_eq!(
            asks(&app, &whole, &tag).await.status(),
            StatusCode::NOT_MODIFIED,
            "who holds it is not told"
        );

        // A new address takes the former one's place; taken back, none works.
        let (_, second) = subscribes(&app, &sarah, "unite").await;
        assert_eq!(asks(&app, &whole, "").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(asks(&app, &second, "").await.status(), StatusCode::OK);
        let list = sarah.get(PAGE).await.ok();
        let forms = list.forms("form[action$='/revocation']");
        assert_eq!(forms.len(), 2);
        for form in &forms {
            for _ in 0..2 {
                sarah.submit(form).await.ok();
            }
        }
        for path in [&own, &second] {
            assert_eq!(asks(&app, path, &tag).await.status(), StatusCode::NOT_FOUND);
        }
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_dies_with_its_owners_right_and_is_nobody_elses_to_take_back() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (sarah, nadia) = (app.officer("78-police"), app.officer("admin-78"));
        sarah.logs_in("/agent").await.ok();
        nadia.logs_in("/agent").await.ok();
        let (shown, path) = subscribes(&app, &sarah, "unite").await;
        let revoke = shown.form("form[action$='/revocation']");
        let csrf = nadia.get(PAGE).await.ok();
        let csrf = csrf
            .form("form[action='/agent/calendriers']")
            .field("csrf")
            .to_owned();
        let foreign = nadia.submit(&revoke.forge("csrf", &csrf)).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        assert_eq!(asks(&app, &path, "").await.status(), StatusCode::OK);

        let list = "/administration/habilitations/e-78-police-u-78-police-officer/retrait";
        let page = nadia.get(list).await.ok();
        nadia
            .submit(&page.form("form[action$='/retrait']"))
            .await
            .ok();
        assert_eq!(asks(&app, &path, "").await.status(), StatusCode::NOT_FOUND);
        // What is no secret opens nothing.
        for guess in [
            "",
            "%00",
            "a",
            &"0".repeat(64),
            &"é".repeat(40),
            &"a".repeat(4000),
        ] {
            let status = asks(&app, &format!("/calendrier/{guess}"), "")
                .await
                .status();
            assert_eq!(status, StatusCode::NOT_FOUND, "{guess:.20}");
        }
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_at_addresses_is_told_to_wait() {
    let app = TestApp::at(MONDAY).await;
    let mut refused = 0;
    for number in 0..700 {
        let guess = format!("/calendrier/{number:064}");
        // As a proxy on this machine tells where it comes from.
        let request = Client::new().get(format!("{}{guess}", app.site));
        let request = request.header("x-forwarded-for", "203.0.113.9");
        let status = request.send().await.unwrap().status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            refused += 1;
        } else {
            assert_eq!(status, StatusCode::NOT_FOUND);
        }
    }
    assert!(refused >= 90, "{refused} of 700");
}
