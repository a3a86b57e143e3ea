//! Logging in and out through the providers' own pages, also when something on
//! the way is not as it should be. The identity slice tests every lie a
//! provider could tell; here are the ones that a browser can bring back.

use reqwest::{Method, StatusCode};

use crate::support::{Citizen, Officer, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

/// The provider's answer as an address, not followed yet.
async fn answer_of(camille: &Citizen) -> String {
    let page = camille.get("/connexion?retour=/espace").await.ok();
    let provider = camille
        .submit(&page.form("form[action='/connexion/franceconnect']"))
        .await
        .ok();
    let form = provider
        .form("main form[method='post']")
        .with("personne", camille.key);
    let answer = camille
        .send(Method::POST, &form.action, &[], form.encoded().into_bytes())
        .await
        .unwrap();
    assert!(
        answer.location.contains("/connexion/franceconnect/retour?"),
        "{}",
        answer.location
    );
    answer.location
}

fn with(address: &str, name: &str, value: &str) -> String {
    let mut url = url::Url::parse(address).unwrap();
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(key, old)| {
            let new = if key == name {
                value.to_owned()
            } else {
                old.into_owned()
            };
            (key.into_owned(), new)
        })
        .collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.to_string()
}

/// Refused with a way to start again, and nobody is logged in.
async fn is_turned_away(camille: &Citizen, page: Page, what: &str) {
    assert!(page.status.is_client_error(), "{what}: {page:.300}");
    assert!(
        page.count("main a[href]") > 0,
        "{what}: no way out: {page:.300}"
    );
    let home = camille.get("/espace").await;
    assert!(
        home.address.starts_with("/connexion"),
        "{what}: somebody is logged in"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_ours_not_whole_or_not_new_logs_nobody_in() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let wrong = "0".repeat(64);
        for (name, value) in [
            ("state", wrong.as_str()),
            ("state", ""),
            ("iss", "https://ailleurs.example"),
            ("code", "x"),
            ("code", ""),
        ] {
            let camille = app.citizen("camille");
            let answer = with(&answer_of(&camille).await, name, value);
            let page = camille.get(&answer).await;
            is_turned_away(&camille, page, &format!("{name}={value}")).await;
        }
        // Somebody else's answer, brought to this browser: login forced on a victim.
        let (camille, attacker) = (app.citizen("camille"), app.citizen("amina"));
        let stolen = answer_of(&attacker).await;
        answer_of(&camille).await;
        let page = camille.get(&stolen).await;
        is_turned_away(&camille, page, "another browser's answer").await;
        // Nor does that use it up for the one it belongs to; twice, it is used.
        let space = attacker.get(&stolen).await.ok();
        assert_eq!(space.address, "/espace");
        let again = attacker.get(&stolen).await;
        assert!(again.status.is_client_error(), "{again:.300}");
        // Too late.
        let late = app.citizen("zoe");
        let answer = answer_of(&late).await;
        app.pass_minutes(16);
        let page = late.get(&answer).await;
        is_turned_away(&late, page, "after a quarter of an hour").await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_at_the_provider_leads_back_with_words() {
    let app = TestApp::at(MONDAY).await;
    let camille = app.citizen("camille");
    let page = camille.get("/connexion?retour=/espace").await.ok();
    let provider = camille
        .submit(&page.form("form[action='/connexion/franceconnect']"))
        .await
        .ok();
    let cancel = provider
        .form("main form[method='post']")
        .with("personne", "");
    let page = camille.submit(&cancel).await;
    is_turned_away(&camille, page, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_ends_our_session_and_the_providers_and_an_old_cookie_opens_nothing() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let space = camille.logs_in("/espace").await.ok();
        let copied = camille.cookie("vp_session").unwrap();
        let left = camille
            .submit(&space.form("form[action='/deconnexion']"))
            .await
            .ok();
        assert!(
            left.address.starts_with("/deconnexion/retour"),
            "{}",
            left.address
        );
        assert!(
            left.via.iter().any(|step| step.contains("/session/end")),
            "{:?}",
            left.via
        );
        let thief = app.browser();
        thief.set_cookie("vp_session", &copied);
        assert!(thief.get("/espace").await.address.starts_with("/connexion"));
        // A login starts a session of its own, whatever cookie was there before.
        let planted = app.citizen("amina");
        planted.set_cookie("vp_session", &copied);
        planted.logs_in("/espace").await.ok();
        assert_ne!(planted.cookie("vp_session").unwrap(), copied);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_without_an_empowerment_gets_words_and_one_with_two_a_choice() {
    let app = TestApp::at(MONDAY).await;
    let paul = app.officer("stranger");
    let page = paul.logs_in("/agent").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:.300}");
    assert!(page.has("main a[href='/agent/connexion/autre-compte']"));
    assert!(
        paul.get("/agent")
            .await
            .address
            .starts_with("/agent/connexion")
    );

    let thomas = app.officer("two-roles");
    let choice = thomas.logs_in("/administration").await.ok();
    assert_eq!(
        choice.count("form[action='/agent/habilitation']"),
        2,
        "{choice:.500}"
    );
    assert!(
        thomas
            .get("/agent")
            .await
            .address
            .starts_with("/agent/connexion"),
        "a choice opens nothing yet"
    );
    let forged = choice
        .form("form[action='/agent/habilitation']")
        .forge("habilitation", "e-admin-974-u-974-police-department_admin");
    assert!(thomas.submit(&forged).await.status.is_client_error());
    let choice = thomas.logs_in("/administration").await.ok();
    let admin = choice
        .forms("form[action='/agent/habilitation']")
        .into_iter()
        .find(|form| form.field("habilitation").contains("unit_admin"))
        .unwrap();
    let page = thomas.submit(&admin).await.ok();
    assert_eq!(page.address, "/administration/guichets");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_after_their_session_ran_out_leaves_the_provider_too() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let pages = [
            (
                &*camille,
                camille.logs_in("/espace").await.ok(),
                "franceconnect",
            ),
            (&*sarah, sarah.logs_in("/agent").await.ok(), "proconnect"),
        ];
        app.clock.set(app.clock.now().plus_minutes(61));
        for (browser, page, provider) in pages {
            let form = page.form("form[action='/deconnexion']");
            let left = browser
                .send(Method::POST, &form.action, &[], form.encoded().into_bytes())
                .await
                .unwrap();
            assert!(
                left.location.contains(&format!("/bac-a-sable/{provider}/"))
                    && left.location.contains("id_token_hint"),
                "{provider}: {} {}",
                left.status,
                left.location
            );
            // Once: pressed again, there is nothing left to leave.
            let again = browser
                .send(Method::POST, &form.action, &[], form.encoded().into_bytes())
                .await
                .unwrap();
            assert_eq!(again.location, "/deconnexion/retour");
        }
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_nobody_made_is_not_the_next_officers_to_make() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let thomas = app.officer("two-roles");
        let choice = thomas.logs_in("/agent").await.ok();
        let rights = choice.form("form[action='/agent/habilitation']");
        // A colleague signs in at the same station, without leaving for them.
        let station = thomas.after_a_crash(&["vp_choice", "vp_session", "vp_login"]);
        let kept = thomas.after_a_crash(&["vp_choice"]);
        let sarah = Officer::new("78-police", station);
        let page = sarah.logs_in("/agent").await.ok();
        assert!(
            page.address.starts_with("/agent/habilitation"),
            "{page:.500}"
        );
        assert_ne!(sarah.cookie("vp_choice"), kept.cookie("vp_choice"));
        assert!(page.text().contains("Sarah Delmas"), "{page:.500}");
        assert!(
            !page.text().contains(rights.field("habilitation")),
            "{page:.500}"
        );
        // Nor is it of any use to who copied it.
        let copied = kept.get("/agent/habilitation").await;
        assert_eq!(copied.status, StatusCode::GONE, "{copied:.500}");
    }
}

/// Longer than a session lives that nobody uses; the browser keeps its cookies.
fn an_hour_passes(app: &TestApp) {
    app.pass_minutes(61);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_shared_station_an_officer_first_says_that_it_is_them() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        let copied = {
            sarah.logs_in("/agent").await.ok();
            sarah.cookie("vp_session").unwrap()
        };
        // She goes without leaving, and a colleague of another unit sits down later.
        an_hour_passes(&app);
        let mathieu = Officer::new("78-gendarmerie", sarah.browser.clone());
        let question = mathieu.logs_in("/agent").await.ok();
        assert!(
            question.address.starts_with("/agent/habilitation"),
            "{question:.500}"
        );
        let words = question.text();
        assert!(
            words.contains("Mathieu Korbut") && words.contains("Est-ce bien vous"),
            "{question:.500}"
        );
        assert!(!words.contains("Delmas"), "{question:.500}");
        // Nothing is shown before the answer, nor does her session live on.
        let agenda = mathieu.get("/agent").await;
        assert!(agenda.address.starts_with("/agent/connexion"));
        let thief = app.browser();
        for name in ["vp_session", "vp_choice"] {
            let value = mathieu.cookie(name).unwrap_or_else(|| copied.clone());
            thief.set_cookie("vp_session", &value);
            let agenda = thief.get("/agent").await;
            assert!(agenda.address.starts_with("/agent/connexion"), "{name}");
        }
        // It is not him: out here, out at ProConnect, and to the button again.
        let login = mathieu
            .submit(&question.form("form[action='/deconnexion']:has(input[name='suite'])"))
            .await
            .ok();
        assert_eq!(login.address, "/agent/connexion?sortie=1");
        assert!(
            login.via.iter().any(|step| step.contains("/session/end")),
            "{:?}",
            login.via
        );
        assert!(login.text().contains("compte précédent"), "{login:.500}");
        let yes = question.form("form[action='/agent/habilitation']");
        assert_eq!(mathieu.submit(&yes).await.status, StatusCode::GONE);
        // Nobody else is known here any more: the next one is let in at once.
        let anew = mathieu.logs_in("/agent").await.ok();
        assert_eq!(anew.address, "/agent");
        // And where it is whoever sits there, one press is enough.
        an_hour_passes(&app);
        let anais = Officer::new("974-police", mathieu.browser.clone());
        let question = anais.logs_in("/agent").await.ok();
        let agenda = anais
            .submit(&question.form("form[action='/agent/habilitation']"))
            .await
            .ok();
        assert_eq!(agenda.address, "/agent");
        // Who comes back to what is theirs is not asked.
        an_hour_passes(&app);
        assert_eq!(anais.logs_in("/agent").await.ok().address, "/agent");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_an_officer_was_turned_away_for_is_not_who_signs_in_next_unasked() {
    let app = TestApp::at(MONDAY).await;
    let paul = app.officer("stranger");
    let refused = paul.logs_in("/agent").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let sarah = Officer::new("78-police", paul.browser.clone());
    let question = sarah.logs_in("/agent").await.ok();
    assert!(
        question.address.starts_with("/agent/habilitation"),
        "{question:.500}"
    );
    assert!(question.text().contains("Sarah Delmas"), "{question:.500}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_else_was_signed_in_a_citizen_first_says_that_it_is_them() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        camille.logs_in("/espace").await.ok();
        an_hour_passes(&app);
        let amina = Citizen::new("amina", camille.browser.clone());
        let question = amina.logs_in("/espace/sessions").await.ok();
        assert!(
            question.address.starts_with("/connexion/personne"),
            "{question:.500}"
        );
        let words = question.text();
        assert!(words.contains("BENHADDOU"), "{question:.500}");
        assert!(!words.contains("BERTHELOT"), "{question:.500}");
        let space = amina.get("/espace").await;
        assert!(space.address.starts_with("/connexion"), "{space:.500}");
        let (thief, asked) = (app.browser(), amina.cookie("vp_choice").unwrap());
        thief.set_cookie("vp_session", &asked);
        let space = thief.get("/espace").await;
        assert!(space.address.starts_with("/connexion"), "{space:.500}");
        // Yes: on to where she wanted to go, once.
        let yes = question.form("form[action='/connexion/personne']");
        let wanted = amina.submit(&yes).await.ok();
        assert_eq!(wanted.address, "/espace/sessions");
        thief.set_cookie("vp_choice", &asked);
        assert_eq!(thief.submit(&yes).await.status, StatusCode::GONE);
        // No: out of both, and to the button.
        an_hour_passes(&app);
        let zoe = Citizen::new("zoe", amina.browser.clone());
        let question = zoe.logs_in("/espace").await.ok();
        let login = zoe
            .submit(&question.form("form[action='/deconnexion']:has(input[name='suite'])"))
            .await
            .ok();
        assert_eq!(login.address, "/connexion?sortie=1");
        assert!(
            login.via.iter().any(|step| step.contains("/session/end")),
            "{:?}",
            login.via
        );
        let space = zoe.identify(&login).await.ok();
        assert_eq!(space.address, "/espace");
        // Too late to answer.
        an_hour_passes(&app);
        let question = amina.logs_in("/espace").await.ok();
        assert!(question.address.starts_with("/connexion/personne"));
        app.pass_minutes(10);
        let yes = question.form("form[action='/connexion/personne']");
        assert_eq!(amina.submit(&yes).await.status, StatusCode::GONE);
        app.journal_holds();
    }
}
