//! What can be wrong between a provider and us. Each case asserts the status,
//! the words, a way out, and that no session was given.

use super::Site;
use super::browser::{Answer, Browser};
use super::liar::{Liar, Lie};
use crate::identity::login::ATTEMPT_MINUTES;
use crate::identity::session::Subject;
use crate::identity::{Who, notes, session};
use crate::{audit, fetch_optional};

const CALLBACK: &str = "/connexion/franceconnect/retour";
const OFFICERS: &str = "/agent/connexion/proconnect";
const OFFICERS_CALLBACK: &str = "/agent/connexion/proconnect/retour";

async fn site_of(liar: &Liar) -> Site {
    let issuer = liar.issuer();
    Site::start(|config| {
        config.franceconnect_issuer = issuer;
        config.franceconnect_client_secret = "known-to-both".into();
    })
    .await
}

/// Leaves for the provider; gives the state.
async fn depart(browser: &mut Browser, liar: &Liar) -> String {
    depart_from(browser, liar, "/connexion/franceconnect", "/espace").await
}

async fn depart_from(browser: &mut Browser, liar: &Liar, button: &str, wanted: &str) -> String {
    let left = browser.post(button, &[("retour", wanted)]).await;
    assert_eq!(left.status, 303, "{}", left.body);
    liar.heard(left.sent("nonce"));
    left.sent("state")
}

async fn come_back(browser: &mut Browser, query: &[(&str, &str)]) -> Answer {
    come_back_to(browser, CALLBACK, query).await
}

async fn come_back_to(browser: &mut Browser, callback: &str, query: &[(&str, &str)]) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    browser.get(&format!("{callback}?{query}")).await
}

async fn sessions(site: &Site) -> i64 {
    let mut tx = site.app.db.read().await.unwrap();
    let row = fetch_optional!(&mut tx, (i64,), "select count(*) from sessions").unwrap();
    row.unwrap().0
}

/// What either provider can be made to say, and what whoever waits for it is told.
const LIES: &[(Lie, u16, &str)] = &[
    (Lie::CodeRefused, 400, "login-code-refused"),
    (Lie::TokenNotJson, 502, "login-token-unreadable"),
    (Lie::TokenEndless, 503, "login-provider-down"),
    (Lie::TokenRedirects, 502, "login-token-unreadable"),
    (Lie::NoIdToken, 502, "login-token-unreadable"),
    (Lie::WrongNonce, 403, "login-wrong-nonce"),
    (Lie::NoNonce, 403, "login-wrong-nonce"),
    (Lie::WrongIssuer, 403, "login-wrong-issuer"),
    (Lie::WrongAudience, 403, "login-wrong-audience"),
    (Lie::SecondAudience, 403, "login-wrong-audience"),
    (Lie::Expired, 403, "login-token-expired"),
    (Lie::IssuedLongAgo, 403, "login-token-expired"),
    (Lie::IssuedInFuture, 403, "login-token-expired"),
    (Lie::WrongLevel, 403, "login-level-too-low"),
    (Lie::NoLevel, 403, "login-level-too-low"),
    (Lie::AlgNone, 403, "login-bad-signature"),
    (Lie::Hs256WithPublicPoint, 403, "login-bad-signature"),
    (Lie::Hs256WithPublicJwk, 403, "login-bad-signature"),
    (Lie::Hs256WithClientSecret, 403, "login-bad-signature"),
    (Lie::OtherKey, 403, "login-bad-signature"),
    (Lie::UnknownKeyId, 403, "login-bad-signature"),
    (Lie::CriticalHeader, 502, "login-token-unreadable"),
    (Lie::UserinfoUnsigned, 403, "login-userinfo-refused"),
    (Lie::UserinfoMislabelled, 403, "login-userinfo-refused"),
    (Lie::UserinfoAlgNone, 403, "login-userinfo-refused"),
    (Lie::UserinfoHs256, 403, "login-userinfo-refused"),
    (Lie::UserinfoOtherKey, 403, "login-userinfo-refused"),
    (Lie::UserinfoUnknownKeyId, 403, "login-userinfo-refused"),
    (Lie::UserinfoOtherSubject, 403, "login-userinfo-refused"),
    (Lie::UserinfoWrongIssuer, 403, "login-userinfo-refused"),
    (Lie::UserinfoWrongAudience, 403, "login-userinfo-refused"),
    (Lie::UserinfoNoAudience, 403, "login-userinfo-refused"),
    (Lie::UserinfoExpired, 403, "login-userinfo-refused"),
    (Lie::UserinfoGarbage, 403, "login-userinfo-refused"),
    (Lie::UserinfoRefused, 503, "login-provider-down"),
];

/// A lie gives no session, and what answered by it is used up.
async fn is_seen_through(
    browser: &mut Browser,
    liar: &Liar,
    (callback, state): (&str, &str),
    lie: Lie,
    (status, name): (u16, &str),
) {
    liar.tells(lie);
    let issuer = liar.issuer();
    let query = [("code", "any"), ("state", state), ("iss", &issuer)];
    let answer = come_back_to(browser, callback, &query).await;
    answer.is_refused(status, name, &format!("{lie:?} at {callback}"));
    assert!(browser.session().is_none(), "{lie:?} at {callback}");
    // A failed answer is used up all the same.
    liar.tells(Lie::None);
    let again = come_back_to(browser, callback, &query).await;
    again.is_refused(409, "login-used", &format!("{lie:?} at {callback}, again"));
}

#[tokio::test]
async fn a_lying_provider_never_gets_an_officer_in() {
    let liar = Liar::of_officers().await;
    let issuer = liar.issuer();
    let site = Site::start(|config| {
        config.proconnect_issuer = issuer;
        config.proconnect_client_id = "visioplainte".into();
        config.proconnect_client_secret = "known-to-both".into();
    })
    .await;
    is_empowered(&site, "somebody", "one-of-them").await;
    let own = [
        (Lie::OfficerNameless, 403, "login-identity-unusable"),
        (Lie::OfficerOfNoProvider, 403, "login-identity-unusable"),
    ];
    for (lie, status, name) in LIES.iter().copied().chain(own) {
        let mut browser = Browser::at(&site.address);
        let state = depart_from(&mut browser, &liar, OFFICERS, "/agent").await;
        let at = (OFFICERS_CALLBACK, &*state);
        is_seen_through(&mut browser, &liar, at, lie, (status, name)).await;
    }
    assert_eq!(sessions(&site).await, 0);
    // The very same officer comes in as soon as nothing is a lie.
    let mut browser = Browser::at(&site.address);
    let state = depart_from(&mut browser, &liar, OFFICERS, "/agent").await;
    let issuer = liar.issuer();
    let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
    let mut stranger = Browser::at(&site.address);
    let answer = come_back_to(&mut stranger, OFFICERS_CALLBACK, &query).await;
    answer.is_refused(403, "login-other-browser", "no cookie");
    // What one provider answered is not taken by the other's callback.
    let answer = come_back(&mut browser, &query).await;
    answer.is_refused(400, "login-state-unknown", "at the other callback");
    let answer = come_back_to(&mut browser, OFFICERS_CALLBACK, &query).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/agent"));
    assert!(answer.gives_session);
    assert_eq!(sessions(&site).await, 1);
}

/// A station's browser that ProConnect may still know somebody in.
#[tokio::test]
async fn an_officer_is_let_in_at_once_only_if_they_authenticated_for_it() {
    let liar = Liar::of_officers().await;
    let issuer = liar.issuer();
    let site = Site::start(|config| {
        config.proconnect_issuer = issuer;
        config.proconnect_client_id = "visioplainte".into();
        config.proconnect_client_secret = "known-to-both".into();
    })
    .await;
    is_empowered(&site, "somebody", "one-of-them").await;
    let issuer = liar.issuer();
    let out = format!("{issuer}/session/end?");
    for (lie, leads_to, session) in [
        (Lie::None, "/agent", true),
        // Clocks differ by a minute at most.
        (Lie::AuthenticatedAt(-59), "/agent", true),
        (Lie::AuthenticatedAt(-60), "/agent", true),
        (Lie::AuthenticatedAt(-61), &*out, false),
        (Lie::AuthenticatedAt(-12 * 3600), &*out, false),
        (Lie::AuthenticatedAt(60), "/agent", true),
        (Lie::AuthenticatedWhenever, "/agent/habilitation", false),
    ] {
        let mut browser = Browser::at(&site.address);
        let state = depart_from(&mut browser, &liar, OFFICERS, "").await;
        liar.tells(lie);
        let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
        let answer = come_back_to(&mut browser, OFFICERS_CALLBACK, &query).await;
        let led = if leads_to == out {
            answer.location.starts_with(leads_to)
        } else {
            answer.location == leads_to
        };
        assert!(led, "{lie:?}: {} {}", answer.status, answer.location);
        assert_eq!(browser.session().is_some(), session, "{lie:?}");
        if leads_to == out {
            // Back from there, the login page says what happened.
            let back = format!("/deconnexion/retour?state={}", answer.sent("state"));
            let home = browser.get(&back).await;
            assert_eq!(home.location, "/agent/connexion?sortie=1");
            let button = browser.get(&home.location).await;
            assert_eq!(button.status, 200, "nobody is signed in here either");
        }
    }
}

/// Somebody has given this subject of this provider a right.
async fn is_empowered(site: &Site, sub: &str, idp_id: &str) {
    let keys = &site.app.keys;
    let identity = crate::identity::OfficerIdentity {
        given_name: "Angèle".into(),
        usual_name: "DUPRÉ".into(),
        email: "angele.dupre@interieur.example".into(),
    };
    let mut tx = site.app.db.begin().await.unwrap();
    crate::execute!(
        &mut tx,
        "insert into officers (id, sub, idp_id, sealed_identity, rio, created_at)
         values ('o-liar', $1, $2, $3, '5511001', 0)",
        sub,
        idp_id,
        keys.service.seal_json("officer/o-liar", &identity)
    )
    .unwrap();
    crate::execute!(
        &mut tx,
        "insert into empowerments (id, officer_id, unit_id, role, granted_at, granted_by)
         select 'e-liar', 'o-liar', min(id), 'officer', 0, 'system' from units"
    )
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_lying_provider_never_gets_anybody_in() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let own = [(Lie::IdentityIncomplete, 403, "login-identity-unusable")];
    for (lie, status, name) in LIES.iter().copied().chain(own) {
        let mut browser = Browser::at(&site.address);
        let state = depart(&mut browser, &liar).await;
        is_seen_through(&mut browser, &liar, (CALLBACK, &state), lie, (status, name)).await;
    }
    assert_eq!(sessions(&site).await, 0);
}

#[tokio::test]
async fn an_honest_answer_gets_in_once_and_only_in_its_browser() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let mut browser = Browser::at(&site.address);
    let state = depart(&mut browser, &liar).await;
    let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];

    let mut stranger = Browser::at(&site.address);
    let answer = come_back(&mut stranger, &query).await;
    answer.is_refused(403, "login-other-browser", "no cookie");
    // A browser that left by itself is still another browser.
    stranger.post("/connexion/franceconnect", &[]).await;
    let answer = come_back(&mut stranger, &query).await;
    answer.is_refused(403, "login-other-browser", "another's cookie");

    let answer = come_back(&mut browser, &query).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/espace"));
    assert!(answer.gives_session);
    let replay = come_back(&mut browser, &query).await;
    replay.is_refused(409, "login-used", "replayed by the same browser");
    let replay = come_back(&mut stranger, &query).await;
    replay.is_refused(403, "login-other-browser", "replayed by another");
    assert_eq!(sessions(&site).await, 1);
}

#[tokio::test]
async fn of_many_copies_of_one_answer_that_arrive_together_one_gets_in() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let mut browser = Browser::at(&site.address);
    let state = depart(&mut browser, &liar).await;
    let copies = (0..20).map(|_| {
        let mut copy = Browser::at(&site.address);
        copy.cookies = browser.cookies.clone();
        let (state, issuer) = (state.clone(), issuer.clone());
        async move {
            let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
            come_back(&mut copy, &query).await
        }
    });
    let answers = futures_util::future::join_all(copies).await;
    let (inside, outside): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.gives_session);
    assert_eq!((inside.len(), outside.len()), (1, 19));
    for answer in outside {
        answer.is_refused(409, "login-used", "a copy");
    }
    assert_eq!(sessions(&site).await, 1);
}

#[tokio::test]
async fn an_answer_that_was_never_asked_for_is_refused() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let issuer = issuer.as_str();
    let unknown = "0".repeat(64);
    for (query, status, name) in [
        (vec![], 400, "login-state-unknown"),
        (vec![("state", "")], 400, "login-state-unknown"),
        (
            vec![("state", &*unknown), ("code", "a"), ("iss", issuer)],
            400,
            "login-state-unknown",
        ),
        (
            vec![("state", "é\u{0}'; drop table sessions")],
            400,
            "login-state-unknown",
        ),
        (vec![("error", "access_denied")], 400, "login-state-unknown"),
        (
            vec![("state", "a"), ("state", "b")],
            400,
            "refusal-malformed",
        ),
        (vec![("code", "a"), ("code", "b")], 400, "refusal-malformed"),
    ] {
        let mut browser = Browser::at(&site.address);
        depart(&mut browser, &liar).await;
        let answer = come_back(&mut browser, &query).await;
        answer.is_refused(status, name, &format!("{query:?}"));
    }
    // A state of one provider says nothing at the other's callback.
    let mut browser = Browser::at(&site.address);
    let state = depart(&mut browser, &liar).await;
    let other = browser
        .get(&format!(
            "/agent/connexion/proconnect/retour?code=a&state={state}&iss={issuer}"
        ))
        .await;
    other.is_refused(400, "login-state-unknown", "the other provider's callback");
    assert_eq!(sessions(&site).await, 0);
}

#[tokio::test]
async fn what_the_callback_says_is_checked_before_it_is_believed() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let issuer = issuer.as_str();
    let other = "https://ailleurs.example/api/v2";
    for (query, status, name) in [
        (
            vec![("code", "a"), ("iss", other)],
            403,
            "login-wrong-issuer",
        ),
        (vec![("code", "a"), ("iss", "")], 403, "login-wrong-issuer"),
        (vec![("code", "a")], 403, "login-wrong-issuer"),
        (
            vec![("error", "access_denied"), ("iss", other)],
            403,
            "login-wrong-issuer",
        ),
        (
            vec![("error", "access_denied"), ("iss", issuer)],
            403,
            "login-cancelled",
        ),
        (
            vec![("error", "access_denied"), ("code", "a"), ("iss", issuer)],
            403,
            "login-cancelled",
        ),
        (
            vec![("error", "server_error"), ("iss", issuer)],
            502,
            "login-provider-refused",
        ),
        (
            vec![("error", "<script>"), ("iss", issuer)],
            502,
            "login-provider-refused",
        ),
        (vec![("iss", issuer)], 502, "login-provider-refused"),
    ] {
        let mut browser = Browser::at(&site.address);
        let state = depart(&mut browser, &liar).await;
        let mut whole = query.clone();
        whole.push(("state", &state));
        whole.push(("error_description", "<script>alert(1)</script>"));
        let answer = come_back(&mut browser, &whole).await;
        answer.is_refused(status, name, &format!("{query:?}"));
        assert!(
            !answer.body.contains("alert(1)"),
            "the provider's words are not ours"
        );
    }
    assert_eq!(sessions(&site).await, 0);
}

#[tokio::test]
async fn a_departure_lives_a_quarter_of_an_hour() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    for (seconds, status) in [(ATTEMPT_MINUTES * 60 - 1, 403), (ATTEMPT_MINUTES * 60, 410)] {
        let mut browser = Browser::at(&site.address);
        let state = depart(&mut browser, &liar).await;
        site.wait_seconds(seconds);
        let query = [
            ("error", "access_denied"),
            ("state", &*state),
            ("iss", &*issuer),
        ];
        let answer = come_back(&mut browser, &query).await;
        let name = if status == 410 {
            "login-expired"
        } else {
            "login-cancelled"
        };
        answer.is_refused(status, name, &format!("after {seconds} s"));
        assert!(
            answer.body.contains("retour=%2Fespace"),
            "the way back is kept"
        );
    }
}

#[tokio::test]
async fn a_rotated_key_is_fetched_once_and_nobody_notices() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let mut browser = Browser::at(&site.address);
    let state = depart(&mut browser, &liar).await;
    assert_eq!(liar.key_sets(), 1);
    liar.tells(Lie::KeyRotated);
    let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
    let answer = come_back(&mut browser, &query).await;
    assert!(answer.gives_session, "{}", answer.body);
    assert_eq!(liar.key_sets(), 2);
    // The second login of the hour asks nothing again.
    let state = depart(&mut Browser::at(&site.address), &liar).await;
    assert_eq!((state.len(), liar.key_sets()), (64, 2));
}

#[tokio::test]
async fn a_provider_whose_clock_is_almost_a_minute_behind_is_believed() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let mut browser = Browser::at(&site.address);
    let state = depart(&mut browser, &liar).await;
    liar.tells(Lie::AMinuteSlow);
    let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
    let answer = come_back(&mut browser, &query).await;
    assert!(answer.gives_session, "{}", answer.body);
}

/// The citizens' door and the officers' differ in nothing that an attacker could use.
#[tokio::test]
async fn hostile_answers_are_refused_alike_at_both_doors() {
    let (citizens, officers) = (Liar::start().await, Liar::of_officers().await);
    let (theirs, ours) = (citizens.issuer(), officers.issuer());
    let site = Site::start(|config| {
        config.franceconnect_issuer = theirs;
        config.franceconnect_client_secret = "known-to-both".into();
        config.proconnect_issuer = ours;
        config.proconnect_client_id = "visioplainte".into();
        config.proconnect_client_secret = "known-to-both".into();
    })
    .await;
    is_empowered(&site, "somebody", "one-of-them").await;
    let doors = [
        (&citizens, &officers, "/connexion/franceconnect", CALLBACK),
        (&officers, &citizens, OFFICERS, OFFICERS_CALLBACK),
    ];
    for (own, other, button, callback) in doors {
        for (query, status, name) in [
            ("", 400, "login-state-unknown"),
            ("code=a&iss={own}", 400, "login-state-unknown"),
            ("code=a&state=&iss={own}", 400, "login-state-unknown"),
            ("code=a&state={s}%20&iss={own}", 400, "login-state-unknown"),
            ("code=a&state=%00{s}&iss={own}", 400, "login-state-unknown"),
            ("code=a&state=%ff%fe&iss={own}", 400, "login-state-unknown"),
            ("code=a&STATE={s}&iss={own}", 400, "login-state-unknown"),
            (
                "code=a&state={s}&state={s}&iss={own}",
                400,
                "refusal-malformed",
            ),
            (
                "code=a&code=a&state={s}&iss={own}",
                400,
                "refusal-malformed",
            ),
            (
                "code=a&state={s}&iss={own}&iss={own}",
                400,
                "refusal-malformed",
            ),
            (
                "error=a&error=b&state={s}&iss={own}",
                400,
                "refusal-malformed",
            ),
            // The two providers mixed up, and names that only look like the one.
            ("code=a&state={s}&iss={other}", 403, "login-wrong-issuer"),
            ("code=a&state={s}&iss={own}/", 403, "login-wrong-issuer"),
            ("code=a&state={s}&iss={own}%00", 403, "login-wrong-issuer"),
            ("code=a&state={s}&iss=", 403, "login-wrong-issuer"),
            ("code=a&state={s}", 403, "login-wrong-issuer"),
            // Tokens brought by the browser itself are not looked at.
            (
                "id_token=a.b.c&access_token=a&state={s}&iss={own}",
                502,
                "login-provider-refused",
            ),
            (
                "error=%3Cscript%3E&code=a&state={s}&iss={own}",
                502,
                "login-provider-refused",
            ),
            (
                "error=access_denied&code=a&state={s}&iss={own}",
                403,
                "login-cancelled",
            ),
        ] {
            let mut browser = Browser::at(&site.address);
            let state = depart_from(&mut browser, own, button, "").await;
            let asked = query
                .replace("{s}", &state)
                .replace("{own}", &own.issuer())
                .replace("{other}", &other.issuer());
            let answer = browser.get(&format!("{callback}?{asked}")).await;
            answer.is_refused(status, name, &format!("{callback}?{query}"));
            assert!(!answer.body.contains("<script>alert"), "{query}");
            for cookie in [session::COOKIE, session::CHOICE_COOKIE] {
                assert!(!browser.cookies.contains_key(cookie), "{cookie}: {query}");
            }
        }
    }
    assert_eq!(sessions(&site).await, 0);
}

/// The right to answer one question is none to answer the other, nor a session.
#[tokio::test]
async fn a_question_is_answered_at_its_own_door_alone() {
    let site = Site::start(|_| {}).await;
    let (keys, now) = (&site.app.keys, site.app.clock.now());
    let mut tx = site.app.db.begin().await.unwrap();
    crate::execute!(
        &mut tx,
        "insert into citizens (id, issuer, sub, sealed_identity, created_at)
         values ('c-door', 'test', 'door', $1, 0)",
        keys.service
            .seal_json("citizen/c-door", &crate::identity::PivotIdentity::default())
    )
    .unwrap();
    let (citizen, officer) = ("c-door".into(), "o-two-roles".into());
    let mut cookies = Vec::new();
    for subject in [Subject::Unconfirmed(&citizen), Subject::Choosing(&officer)] {
        let cookie = session::start(&mut tx, keys, subject, "", "", "", now).await;
        cookies.push(cookie.unwrap());
    }
    tx.commit().await.unwrap();
    let own = "e-two-roles-u-78-police-officer";
    let doors = [
        ("/connexion/personne", "retour", ""),
        ("/agent/habilitation", "habilitation", own),
    ];
    for (cookie, (theirs, ..)) in std::iter::zip(&cookies, doors) {
        for (door, name, value) in doors {
            for holder in [session::COOKIE, session::CHOICE_COOKIE] {
                let mut browser = Browser::at(&site.address);
                browser.cookies.insert(holder.to_owned(), cookie.clone());
                let asked = browser.get(door).await;
                let let_in = door == theirs && holder == session::CHOICE_COOKIE;
                let what = format!("{theirs} at {door} as {holder}");
                if let_in {
                    assert_eq!(asked.status, 200, "{what}: {}", asked.body);
                    continue;
                }
                asked.is_refused(410, "login-choice-over", &what);
                let answered = browser.post(door, &[(name, value)]).await;
                answered.is_refused(410, "login-choice-over", &what);
                assert!(!answered.gives_session, "{what}");
            }
        }
    }
}

/// Clocks are never quite the same: a minute is believed either way, five are not.
#[tokio::test]
async fn a_clock_that_is_a_minute_off_is_believed_and_one_that_is_five_is_not() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    for (lie, taken) in [
        (Lie::Skewed(0), true),
        (Lie::Skewed(-59), true),
        (Lie::Skewed(59), true),
        (Lie::Skewed(-60), true),
        (Lie::Skewed(60), true),
        (Lie::Skewed(61), false),
        // What it signs lives a minute, and the leeway is another.
        (Lie::Skewed(-119), true),
        (Lie::Skewed(-120), false),
        (Lie::Skewed(-300), false),
        (Lie::Skewed(300), false),
        (Lie::Skewed(-86_400), false),
        (Lie::Skewed(86_400), false),
        // However long it says that it is good for.
        (Lie::IssuedAt(-299), true),
        (Lie::IssuedAt(-300), false),
        (Lie::IssuedAt(60), true),
        (Lie::IssuedAt(61), false),
        (Lie::IssuedAt(300), false),
    ] {
        let mut browser = Browser::at(&site.address);
        let state = depart(&mut browser, &liar).await;
        liar.tells(lie);
        let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
        let answer = come_back(&mut browser, &query).await;
        if taken {
            assert!(answer.gives_session, "{lie:?}: {}", answer.body);
        } else {
            answer.is_refused(403, "login-token-expired", &format!("{lie:?}"));
        }
        assert_eq!(browser.session().is_some(), taken, "{lie:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_gets_a_page_and_is_asked_again_later() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    for lie in [Lie::Down, Lie::DiscoveryOfAnother] {
        liar.tells(lie);
        let before = liar.discoveries();
        for _ in 0..3 {
            let mut browser = Browser::at(&site.address);
            let answer = browser
                .post("/connexion/franceconnect", &[("retour", "/espace")])
                .await;
            answer.is_refused(503, "login-provider-down", &format!("{lie:?}"));
        }
        assert_eq!(
            liar.discoveries(),
            before + 1,
            "a provider in trouble is left alone"
        );
        site.wait_seconds(5);
    }
    liar.tells(Lie::None);
    depart(&mut Browser::at(&site.address), &liar).await;
}

#[tokio::test]
async fn a_provider_that_dies_is_believed_for_a_day_and_asked_until_it_comes_back() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let told = |up: u8| {
        let text = site.app.metrics.text(&site.app);
        let line = format!("visioplainte_provider_up{{provider=\"franceconnect\"}} {up}");
        assert!(text.contains(&line), "{text}");
    };
    depart(&mut Browser::at(&site.address), &liar).await;
    told(1);
    liar.tells(Lie::Down);
    for (minutes, asked) in [(59, 0), (1, 1), (23 * 60 - 1, 1)] {
        site.wait_seconds(minutes * 60);
        let before = liar.discoveries();
        for _ in 0..3 {
            let mut browser = Browser::at(&site.address);
            let state = depart(&mut browser, &liar).await;
            // Its answers are read by what it said before.
            let query = [("error", "access_denied"), ("state", &*state)];
            let answer = come_back(&mut browser, &query).await;
            answer.is_refused(403, "login-wrong-issuer", "it promised to name itself");
        }
        assert_eq!(liar.discoveries(), before + asked, "asked once each time");
        told(u8::from(asked == 0));
    }
    // For a day, and not for ever.
    site.wait_seconds(60);
    let button = "/connexion/franceconnect";
    let refused = Browser::at(&site.address).post(button, &[]).await;
    refused.is_refused(503, "login-provider-down", "a day later");
    // Back again: asked anew, and kept anew; the job asks before a login has to.
    liar.tells(Lie::None);
    site.wait_seconds(5);
    let mut browser = Browser::at(&site.address);
    let state = depart(&mut browser, &liar).await;
    told(1);
    for (minutes, asked) in [(44, 0), (1, 1)] {
        site.wait_seconds(minutes * 60);
        let before = liar.discoveries();
        let now = site.app.clock.now();
        site.app.providers.franceconnect.refresh(now).await;
        assert_eq!(liar.discoveries(), before + asked);
    }
    let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
    let late = come_back(&mut browser, &query).await;
    late.is_refused(410, "login-expired", "the departure itself lives no longer");
}

#[tokio::test]
async fn a_citizen_keeps_the_identity_they_first_came_with() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let issuer = liar.issuer();
    let mut people = Vec::new();
    for lie in [Lie::None, Lie::RenamedSince, Lie::None] {
        let mut browser = Browser::at(&site.address);
        let state = depart(&mut browser, &liar).await;
        liar.tells(lie);
        let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
        assert!(come_back(&mut browser, &query).await.gives_session);
        let mut tx = site.app.db.read().await.unwrap();
        let cookie = browser.session().unwrap();
        let now = site.app.clock.now();
        let (who, _) = session::find(&mut tx, &site.app.keys, cookie, now)
            .await
            .unwrap();
        let Who::Citizen(citizen) = who else {
            panic!("not signed in");
        };
        assert_eq!(citizen.identity.family_name, "DUPRÉ");
        people.push(citizen.id);
    }
    people.dedup();
    let [citizen] = people.as_slice() else {
        panic!("one person became {people:?}");
    };
    let mut tx = site.app.db.read().await.unwrap();
    let lines = audit::lines_about(&mut tx, &format!("citizen/{citizen}"))
        .await
        .unwrap();
    let details: Vec<_> = lines.iter().map(|line| line.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "acr=eidas1 first",
            "acr=eidas1 identity-differs",
            "acr=eidas1"
        ]
    );
}

/// What the officer is told of a citizen after each login, in their order.
#[tokio::test]
async fn who_hears_a_citizen_is_told_of_a_helper_and_of_an_identity_that_changed() {
    let liar = Liar::start().await;
    let issuer = liar.issuer();
    let site = Site::start(|config| {
        config.franceconnect_issuer = issuer;
        config.franceconnect_client_secret = "known-to-both".into();
        config.franceconnect_helpers = vec!["aidants".into()];
    })
    .await;
    let issuer = liar.issuer();
    for (lie, helped, differs) in [
        (Lie::None, false, vec![]),
        (Lie::ByProviderOf("impots"), false, vec![]),
        (
            Lie::RenamedSince,
            false,
            vec![("pivot-family-name", "DUPRÉ", "MARTIN")],
        ),
        (Lie::ByHelper, true, vec![]),
        // The help is told of for a while, whoever comes next.
        (
            Lie::RenamedSince,
            true,
            vec![("pivot-family-name", "DUPRÉ", "MARTIN")],
        ),
        (Lie::ByProviderOf("aidants"), true, vec![]),
    ] {
        let mut browser = Browser::at(&site.address);
        let state = depart(&mut browser, &liar).await;
        liar.tells(lie);
        let query = [("code", "any"), ("state", &*state), ("iss", &*issuer)];
        let answer = come_back(&mut browser, &query).await;
        assert!(answer.gives_session, "{lie:?}: {}", answer.body);
        let mut tx = site.app.db.read().await.unwrap();
        let (keys, now) = (&site.app.keys, site.app.clock.now());
        let cookie = browser.session().unwrap();
        let (who, _) = session::find(&mut tx, keys, cookie, now).await.unwrap();
        let Who::Citizen(citizen) = who else {
            panic!("{lie:?}: not signed in");
        };
        let notes = notes::find(&mut tx, keys, &citizen.id, now).await.unwrap();
        assert_eq!(notes.helped_at.is_some(), helped, "{lie:?}");
        let now_said = notes.differs.map(|(_, identity)| identity);
        let now_said = now_said.unwrap_or_else(|| citizen.identity.clone());
        let found = notes::differences(&citizen.identity, &now_said);
        assert_eq!(found, differs, "{lie:?}");
        // Nothing of it can be read in the database.
        let row = fetch_optional!(
            &mut tx,
            (Option<Vec<u8>>,),
            "select sealed_differing from citizens where id = $1",
            &citizen.id
        );
        let sealed = row.unwrap().unwrap().0.unwrap_or_default();
        assert!(!String::from_utf8_lossy(&sealed).contains("MARTIN"));
        // A help of another season is nobody's business.
        let later = now.plus_minutes(90 * 24 * 60);
        let notes = notes::find(&mut tx, keys, &citizen.id, later).await;
        assert_eq!(notes.unwrap().helped_at, None, "{lie:?}");
    }
}

#[tokio::test]
async fn a_foreign_page_cannot_send_anybody_to_log_in() {
    let liar = Liar::start().await;
    let site = site_of(&liar).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://ailleurs.example"),
    ] {
        let answer = http
            .post(format!("{}/connexion/franceconnect", site.address))
            .header(name, value)
            .form(&[("retour", "/espace")])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 403, "{name}");
    }
    assert_eq!(liar.discoveries(), 0);
}
