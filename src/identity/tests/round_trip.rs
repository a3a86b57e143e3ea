//! Every demonstration person logs in and out at the sandbox's provider.

use super::Site;
use super::browser::{Answer, Browser};
use crate::clock::Timestamp;
use crate::identity::{Who, session};
use crate::messages::{Lang, text};
use crate::sandbox::people::{Birthdate, CITIZENS, OFFICERS};
use crate::{audit, fetch_all};

const AS_CITIZEN: (&str, &str) = ("/connexion/franceconnect", "franceconnect");
const AS_OFFICER: (&str, &str) = ("/agent/connexion/proconnect", "proconnect");

/// Goes to the provider and chooses a person; gives the service's answer to
/// what the provider sent back.
async fn log_in(
    browser: &mut Browser,
    (action, face): (&str, &str),
    person: &str,
    return_to: &str,
) -> Answer {
    let left = browser.post(action, &[("retour", return_to)]).await;
    assert_eq!(left.status, 303, "{}", left.body);
    let page = browser.get(&left.location).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let back = browser
        .post(
            &format!("/bac-a-sable/{face}/api/v2/identite"),
            &[("demande", &page.field("demande")), ("personne", person)],
        )
        .await;
    assert_eq!(back.status, 303, "{}", back.body);
    browser.get(&back.location).await
}

async fn who_is(site: &Site, browser: &Browser) -> Who {
    let Some(cookie) = browser.session() else {
        return Who::Nobody;
    };
    who_has(site, cookie).await
}

async fn who_has(site: &Site, cookie: &str) -> Who {
    let mut tx = site.app.db.read().await.unwrap();
    let now = site.app.clock.now();
    session::find(&mut tx, &site.app.keys, cookie, now)
        .await
        .unwrap()
        .0
}

#[tokio::test]
async fn every_demonstration_citizen_logs_in_and_is_known_as_they_are() {
    let site = Site::start(|_| {}).await;
    for demo in CITIZENS {
        let mut browser = Browser::at(&site.address);
        let answer = log_in(
            &mut browser,
            AS_CITIZEN,
            demo.key,
            "/declaration/droits?nature=vol",
        )
        .await;
        assert_eq!(answer.status, 303, "{}: {}", demo.key, answer.body);
        assert_eq!(answer.location, "/declaration/droits?nature=vol");
        assert!(answer.gives_session);
        let Who::Citizen(citizen) = who_is(&site, &browser).await else {
            panic!("{} is not signed in", demo.key);
        };
        let identity = &citizen.identity;
        assert_eq!(citizen.acr, "eidas1");
        assert_eq!(identity.given_name, demo.given_name);
        assert_eq!(identity.family_name, demo.family_name);
        assert_eq!(identity.gender, demo.gender);
        assert_eq!(identity.birthplace, demo.birthplace.unwrap_or_default());
        assert_eq!(identity.birthcountry, demo.birthcountry);
        assert_eq!(
            identity.preferred_username,
            demo.preferred_username.unwrap_or_default()
        );
        assert_eq!(identity.email, demo.email);
        match demo.birthdate {
            Birthdate::Day(day) => assert_eq!(identity.birthdate, day),
            Birthdate::YearsAgo(_) => assert_eq!(identity.birthdate, "2011-06-15"),
        }
    }
}

#[tokio::test]
async fn every_demonstration_officer_gets_exactly_what_they_are_empowered_for() {
    let site = Site::start(|_| {}).await;
    for demo in OFFICERS {
        let mut browser = Browser::at(&site.address);
        let answer = log_in(&mut browser, AS_OFFICER, demo.key, "").await;
        match demo.empowerments {
            [] => {
                answer.is_refused(403, "login-not-empowered", demo.key);
                assert!(matches!(who_is(&site, &browser).await, Who::Nobody));
                // The other account: out of ProConnect first, without a session of ours.
                let out = browser.get("/agent/connexion/autre-compte").await;
                assert!(out.location.contains("/session/end?"), "{}", out.location);
                assert_eq!(browser.get(&out.location).await.status, 303);
            }
            [(unit, role)] => {
                assert_eq!((answer.status, answer.location.as_str()), (303, "/agent"));
                let Who::Officer(officer) = who_is(&site, &browser).await else {
                    panic!("{} is not signed in", demo.key);
                };
                assert_eq!((officer.unit_id.as_str(), officer.role), (*unit, *role));
                assert_eq!(officer.rio, demo.rio);
                assert_eq!(officer.identity.usual_name, demo.usual_name);
            }
            several => {
                assert!(!answer.gives_session, "nothing is open before the choice");
                let page = browser.get(&answer.location).await;
                assert_eq!(page.status, 200);
                let (_, last) = several.last().unwrap();
                let id = format!("e-{}-u-78-police-{last}", demo.key);
                let chosen = browser
                    .post("/agent/habilitation", &[("habilitation", &id)])
                    .await;
                assert_eq!((chosen.status, chosen.location.as_str()), (303, "/agent"));
                let Who::Officer(officer) = who_is(&site, &browser).await else {
                    panic!("{} is not signed in", demo.key);
                };
                assert_eq!(officer.role, *last);
            }
        }
    }
}

#[tokio::test]
async fn an_empowerment_is_chosen_once_in_time_and_among_ones_own() {
    let site = Site::start(|_| {}).await;
    let own = "e-two-roles-u-78-police-officer";
    let mut browser = Browser::at(&site.address);
    log_in(&mut browser, AS_OFFICER, "two-roles", "").await;
    let choice = browser.cookies.clone();
    let foreign = browser
        .post(
            "/agent/habilitation",
            &[("habilitation", "e-auditor-u-78-police-auditor")],
        )
        .await;
    foreign.is_refused(403, "login-not-empowered", "another's empowerment");
    let chosen = browser
        .post("/agent/habilitation", &[("habilitation", own)])
        .await;
    assert!(chosen.gives_session);
    let mut replay = Browser::at(&site.address);
    replay.cookies = choice;
    let again = replay
        .post("/agent/habilitation", &[("habilitation", own)])
        .await;
    again.is_refused(410, "login-choice-over", "a second choice");
    let mut late = Browser::at(&site.address);
    log_in(&mut late, AS_OFFICER, "two-roles", "").await;
    site.wait_seconds(session::CHOICE_MINUTES * 60);
    let refused = late
        .post("/agent/habilitation", &[("habilitation", own)])
        .await;
    refused.is_refused(410, "login-choice-over", "a late choice");
    let nobody = Browser::at(&site.address).get("/agent/habilitation").await;
    nobody.is_refused(410, "login-choice-over", "no choice at all");
}

#[tokio::test]
async fn a_revoked_empowerment_closes_the_session_at_once_and_the_next_login() {
    let site = Site::start(|_| {}).await;
    let mut browser = Browser::at(&site.address);
    log_in(&mut browser, AS_OFFICER, "78-police", "").await;
    assert!(matches!(who_is(&site, &browser).await, Who::Officer(_)));
    let mut tx = site.app.db.begin().await.unwrap();
    crate::execute!(
        &mut tx,
        "update empowerments set revoked_at = $1, revoked_by = 'test' where officer_id = 'o-78-police'",
        Timestamp(1)
    )
    .unwrap();
    crate::sandbox::seed_officers(&mut tx, &site.app.keys, super::NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(who_is(&site, &browser).await, Who::Nobody));
    let answer = log_in(&mut browser, AS_OFFICER, "78-police", "").await;
    answer.is_refused(403, "login-not-empowered", "revoked");
}

#[tokio::test]
async fn a_login_replaces_the_session_and_logging_out_ends_it_everywhere() {
    let site = Site::start(|_| {}).await;
    let mut browser = Browser::at(&site.address);
    log_in(&mut browser, AS_CITIZEN, "camille", "").await;
    let first = browser.session().unwrap().clone();
    let csrf = browser.get("/deconnexion/retour").await.field("csrf");
    let left = browser
        .post("/connexion/franceconnect", &[("csrf", &csrf)])
        .await;
    let page = browser.get(&left.location).await;
    let back = browser
        .post(
            "/bac-a-sable/franceconnect/api/v2/identite",
            &[
                ("csrf", &csrf),
                ("demande", &page.field("demande")),
                ("personne", "camille"),
            ],
        )
        .await;
    let answer = browser.get(&back.location).await;
    assert_eq!(answer.location, "/espace");
    let second = browser.session().unwrap().clone();
    assert_ne!(first, second);
    assert!(matches!(who_has(&site, &first).await, Who::Nobody));
    let Who::Citizen(citizen) = who_has(&site, &second).await else {
        panic!("not signed in");
    };

    // Without the token nothing ends; with it, both sides do.
    assert_eq!(browser.post("/deconnexion", &[]).await.status, 403);
    let csrf = browser.get("/deconnexion/retour").await.field("csrf");
    let out = browser.post("/deconnexion", &[("csrf", &csrf)]).await;
    assert_eq!(out.status, 303);
    assert!(browser.session().is_none());
    assert!(matches!(who_has(&site, &second).await, Who::Nobody));
    for name in ["id_token_hint", "state", "post_logout_redirect_uri"] {
        assert!(!out.sent(name).is_empty(), "{name}");
    }
    let ended = browser.get(&out.location).await;
    assert_eq!(ended.status, 303, "{}", ended.body);
    let farewell = browser.get(&ended.location).await;
    assert_eq!(farewell.status, 200);
    assert!(farewell.body.contains(&text(Lang::Fr, "signed-out-text")));

    let mut tx = site.app.db.read().await.unwrap();
    let lines = audit::lines_about(&mut tx, &format!("citizen/{}", citizen.id))
        .await
        .unwrap();
    let acts: Vec<_> = lines
        .iter()
        .map(|line| (line.act.as_str(), line.detail.as_str()))
        .collect();
    assert_eq!(
        acts,
        [
            ("citizen.sign_in", "acr=eidas1 first"),
            ("citizen.sign_in", "acr=eidas1"),
            ("session.end", ""),
        ]
    );
    let everything = audit::search::Criteria::everything_in(audit::SERVICE_CHAIN);
    let lines = audit::search::newest(&mut tx, &everything, i64::MAX).await;
    assert_eq!(lines.unwrap().len(), 3);
}

#[tokio::test]
async fn a_forged_return_from_logout_confirms_nothing() {
    let site = Site::start(|_| {}).await;
    let mut browser = Browser::at(&site.address);
    log_in(&mut browser, AS_CITIZEN, "camille", "").await;
    let csrf = browser.get("/deconnexion/retour").await.field("csrf");
    browser.post("/deconnexion", &[("csrf", &csrf)]).await;
    let page = browser.get("/deconnexion/retour?state=other").await;
    assert!(
        page.body
            .contains(&text(Lang::Fr, "signed-out-unconfirmed-title"))
    );
}

#[tokio::test]
async fn giving_up_at_the_provider_leads_to_a_page_with_ways_out() {
    let site = Site::start(|_| {}).await;
    for face in [AS_CITIZEN, AS_OFFICER] {
        let mut browser = Browser::at(&site.address);
        let answer = log_in(&mut browser, face, "", "/espace").await;
        answer.is_refused(403, "login-cancelled", face.1);
        assert!(
            answer.body.contains("retour=%2Fespace"),
            "the way back is kept"
        );
    }
}

#[tokio::test]
async fn the_departure_carries_exactly_what_each_provider_wants() {
    let site = Site::start(|_| {}).await;
    for ((action, _), expected) in [
        (
            AS_CITIZEN,
            "acr_values client_id nonce redirect_uri response_type scope state",
        ),
        (
            AS_OFFICER,
            "claims client_id nonce prompt redirect_uri response_type scope state",
        ),
    ] {
        let left = Browser::at(&site.address).post(action, &[]).await;
        let address = url::Url::parse(&left.location).unwrap();
        let mut names: Vec<_> = address
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect();
        names.sort();
        assert_eq!(names.join(" "), expected);
        if action == AS_OFFICER.0 {
            assert_eq!(
                left.sent("prompt"),
                "login",
                "whoever comes authenticates anew"
            );
        }
        for name in ["state", "nonce"] {
            let value = left.sent(name);
            assert_eq!(value.len(), 64, "{name}");
            assert!(value.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
}

#[tokio::test]
async fn nothing_that_was_remembered_of_a_departure_can_be_read_in_the_database() {
    let site = Site::start(|_| {}).await;
    let mut browser = Browser::at(&site.address);
    let left = browser
        .post(
            "/connexion/franceconnect",
            &[("retour", "/lien/very-secret")],
        )
        .await;
    let mut tx = site.app.db.read().await.unwrap();
    let rows = fetch_all!(
        &mut tx,
        (String, String, Vec<u8>),
        "select state_hash, browser_hash, sealed_request from login_attempts"
    )
    .unwrap();
    let shown = format!("{:?}", rows[0]);
    let sealed = String::from_utf8_lossy(&rows[0].2).into_owned();
    for secret in [left.sent("state"), browser.cookies["vp_login"].clone()] {
        assert!(!shown.contains(&secret));
    }
    assert!(!sealed.contains("very-secret") && !sealed.contains(&left.sent("nonce")));
}

/// Gets a code of the sandbox's provider without giving it to the service.
async fn code(site: &Site) -> String {
    let mut browser = Browser::at(&site.address);
    let left = browser.post("/connexion/franceconnect", &[]).await;
    let page = browser.get(&left.location).await;
    let back = browser
        .post(
            "/bac-a-sable/franceconnect/api/v2/identite",
            &[("demande", &page.field("demande")), ("personne", "camille")],
        )
        .await;
    back.sent("code")
}

#[tokio::test]
async fn the_sandbox_gives_tokens_as_strictly_as_the_real_providers() {
    let site = Site::start(|_| {}).await;
    let config = &site.app.config;
    let redirect = format!("{}/connexion/franceconnect/retour", site.address);
    let address = format!("{}/bac-a-sable/franceconnect/api/v2/token", site.address);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let honest = async |code: &str| {
        vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            (
                "client_id".to_owned(),
                config.franceconnect_client_id.clone(),
            ),
            (
                "client_secret".to_owned(),
                config.franceconnect_client_secret.clone(),
            ),
            ("redirect_uri".to_owned(), redirect.clone()),
            ("code".to_owned(), code.to_owned()),
        ]
    };
    let ask = async |fields: &[(String, String)], basic: bool| {
        let mut request = http.post(&address).form(fields);
        if basic {
            request = request.basic_auth("visioplainte", Some("x"));
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: serde_json::Value = answer.json().await.unwrap();
        (status, body["error"].as_str().unwrap_or("none").to_owned())
    };
    let fresh = code(&site).await;
    for (changed, value, basic, expected) in [
        ("client_secret", "wrong", false, (401, "invalid_client")),
        ("client_id", "other", false, (401, "invalid_client")),
        ("code", &*fresh, true, (401, "invalid_client")),
        (
            "grant_type",
            "password",
            false,
            (400, "unsupported_grant_type"),
        ),
        (
            "redirect_uri",
            "https://ailleurs.example",
            false,
            (400, "invalid_grant"),
        ),
        ("code", "forged", false, (400, "invalid_grant")),
        ("code", &*fresh, false, (200, "none")),
        ("code", &*fresh, false, (400, "invalid_grant")),
    ] {
        let mut fields = honest(&fresh).await;
        for field in &mut fields {
            if field.0 == changed {
                field.1 = value.to_owned();
            }
        }
        let (status, error) = ask(&fields, basic).await;
        assert_eq!((status, error.as_str()), expected, "{changed}={value}");
    }
    let old = code(&site).await;
    site.wait_seconds(30);
    let (status, error) = ask(&honest(&old).await, false).await;
    assert_eq!(
        (status, error.as_str()),
        (400, "invalid_grant"),
        "thirty seconds old"
    );
    let userinfo = format!("{}/bac-a-sable/franceconnect/api/v2/userinfo", site.address);
    let answer = http
        .get(userinfo)
        .bearer_auth("forged")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 401);
}

#[tokio::test]
async fn the_sandbox_ends_a_session_only_for_its_own_token_and_address() {
    let site = Site::start(|_| {}).await;
    let mut browser = Browser::at(&site.address);
    log_in(&mut browser, AS_CITIZEN, "camille", "").await;
    let csrf = browser.get("/deconnexion/retour").await.field("csrf");
    let out = browser.post("/deconnexion", &[("csrf", &csrf)]).await;
    let honest = url::Url::parse(&out.location).unwrap();
    for (name, value) in [
        ("id_token_hint", "a.b.c"),
        ("id_token_hint", ""),
        ("post_logout_redirect_uri", "https://ailleurs.example/"),
    ] {
        let mut changed = honest.clone();
        changed
            .query_pairs_mut()
            .clear()
            .extend_pairs(honest.query_pairs().map(|(key, old)| {
                let new = if key == name { value.into() } else { old };
                (key, new)
            }));
        assert_eq!(
            browser.get(changed.as_str()).await.status,
            400,
            "{name}={value}"
        );
    }
}

#[tokio::test]
async fn a_return_path_never_leads_away() {
    let site = Site::start(|_| {}).await;
    for (given, expected) in [
        ("", "/espace"),
        ("/rendez-vous/creneaux", "/rendez-vous/creneaux"),
        ("https://ailleurs.example/", "/espace"),
        ("//ailleurs.example", "/espace"),
        ("/\\ailleurs.example", "/espace"),
        ("javascript:alert(1)", "/espace"),
    ] {
        let mut browser = Browser::at(&site.address);
        let answer = log_in(&mut browser, AS_CITIZEN, "camille", given).await;
        assert_eq!(answer.location, expected, "{given}");
    }
}

#[tokio::test]
async fn a_login_goes_on_where_it_was_when_the_service_dies_between_two_steps() {
    let site = Site::start(|_| {}).await;
    let mut browser = Browser::at(&site.address);
    let left = browser
        .post("/connexion/franceconnect", &[("retour", "/espace")])
        .await;
    let site = site.dies_and_comes_back().await;
    let page = browser.get(&left.location).await;
    let site = site.dies_and_comes_back().await;
    let back = browser
        .post(
            "/bac-a-sable/franceconnect/api/v2/identite",
            &[("demande", &page.field("demande")), ("personne", "amina")],
        )
        .await;
    let site = site.dies_and_comes_back().await;
    let answer = browser.get(&back.location).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/espace"));
    let site = site.dies_and_comes_back().await;
    assert!(matches!(who_is(&site, &browser).await, Who::Citizen(_)));
    // The provider still knows the token it made before it died.
    let csrf = browser.get("/deconnexion/retour").await.field("csrf");
    let out = browser.post("/deconnexion", &[("csrf", &csrf)]).await;
    assert_eq!(browser.get(&out.location).await.status, 303);
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_where_it_is_named_and_cookies_are_bound_to_the_host()
{
    let (site, pem) = Site::start_tls(true).await;
    let mut browser = Browser::trusting(&site.address, &pem);
    let answer = log_in(&mut browser, AS_CITIZEN, "zoe", "").await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/espace"));
    assert!(matches!(who_is(&site, &browser).await, Who::Citizen(_)));
    let csrf = browser.get("/deconnexion/retour").await.field("csrf");
    let out = browser.post("/deconnexion", &[("csrf", &csrf)]).await;
    assert_eq!(out.status, 303);
    assert!(browser.session().is_none());
}

#[tokio::test]
async fn a_certificate_that_nobody_named_is_not_trusted() {
    let (site, pem) = Site::start_tls(false).await;
    let mut browser = Browser::trusting(&site.address, &pem);
    let answer = browser.post("/connexion/franceconnect", &[]).await;
    answer.is_refused(503, "login-provider-down", "unknown certificate");
}
