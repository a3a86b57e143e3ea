//! Forms, bodies and addresses that no page of ours would send. Each is answered
//! with a page that says what to do, nothing is written, and nothing breaks.

use reqwest::{Method, StatusCode};

use crate::support::people::STATEMENT;
use crate::support::people::together::{self, NARRATIVE};
use crate::support::{Browser, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

const CITIZEN_POSTS: &[&str] = &[
    "/connexion/franceconnect",
    "/declaration/droits",
    "/declaration/coordonnees",
    "/declaration/faits",
    "/rendez-vous/creneaux",
    "/rendez-vous/ID/confirmer",
    "/rendez-vous/ID/annuler",
    "/lien/SECRET",
    "/audition/ID/entrer",
    "/audition/ID/modification",
    "/audition/ID/accord",
    "/deconnexion",
];

const OFFICER_POSTS: &[&str] = &[
    "/agent/connexion/proconnect",
    "/agent/habilitation",
    "/agent/audition/ID/ouvrir",
    "/agent/audition/ID/jeton",
    "/agent/audition/ID/admettre",
    "/agent/audition/ID/renvoyer",
    "/agent/audition/ID/constat",
    "/agent/audition/ID/texte",
    "/agent/audition/ID/relecture",
    "/agent/audition/ID/reponse",
    "/agent/audition/ID/signature",
    "/agent/audition/ID/terminer",
    "/administration/guichets/nouveau",
    "/administration/guichets/d-78-police-1/plages",
    "/administration/guichets/d-78-police-1/fermeture",
];

const GETS: &[&str] = &[
    "/rendez-vous/ID",
    "/rendez-vous/creneaux?semaine=VALUE",
    "/audition/VALUE",
    "/audition/VALUE/proces-verbal",
    "/lien/VALUE",
    "/espace/documents/VALUE",
    "/agent?jour=VALUE",
    "/agent/audition/VALUE",
    "/agent/documents/VALUE",
    "/administration/guichets/nouveau?unite=VALUE",
    "/administration/guichets/VALUE/plages",
    "/connexion?retour=VALUE",
    "/connexion/franceconnect/retour?state=VALUE&code=VALUE&iss=VALUE",
    "/agent/connexion/proconnect/retour?error=VALUE&state=VALUE",
    "/deconnexion/retour?state=VALUE",
    "/langue/VALUE",
    "/langue/fr?retour=VALUE",
    "/orientation/resultat?danger=VALUE&nature=VALUE",
    "/declaration/droits?nature=VALUE",
    "/bac-a-sable/courrier/VALUE",
    "/en-personne?commune=VALUE",
    "/aide?q=VALUE",
];

const VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "%00",
    "%0d%0aSet-Cookie:+x=y",
    "%ff%fe",
    "%",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%27+or+1=1--",
    "<script>alert(1)</script>",
    "9999-99-99",
    "-262144-01-01",
    "262142-12-31",
    "0000-00-00",
    "99999999999999999999999999",
    "%F0%9F%92%A9",
    "javascript:alert(1)",
    "%2f%2fevil.example",
    "a&semaine=b&jour=c&retour=d",
];

/// Sent in place of a form.
fn bodies(csrf: &str) -> Vec<(&'static str, Vec<u8>)> {
    let with = |rest: &str| format!("csrf={csrf}&{rest}").into_bytes();
    let many: String = (0..4_000).map(|number| format!("f{number}=1&")).collect();
    vec![
        ("nothing", Vec::new()),
        ("only the token", with("")),
        ("no UTF-8", with("nature=%ff%fe&texte=%c3%28&faits=%80")),
        (
            "NUL",
            with(
                "nature=a%00b&place=%00&demande=%00&element=identity%00&unite=%00&commune_code=%00&courriel=%00&texte=%00&empreinte=%00&decision=agreed&version=0&reponse=x&habilitation=%00&retour=%00&creneau=%00",
            ),
        ),
        (
            "names twice",
            with(
                "nature=vol&nature=vol&version=1&version=2&place=a&place=b&decision=agreed&decision=refused&creneau=1&creneau=2&element=identity&element=x&retour=/a&retour=/b&francais=oui&francais=non",
            ),
        ),
        (
            "wrong kinds",
            with(
                "version=abc&creneau=abc&decision=maybe&jour=XX&debut=99:99&fin=-1&premier_jour=hier",
            ),
        ),
        (
            "extremes",
            with(
                "version=9223372036854775807&creneau=-9223372036854775808&debut=00:00&fin=00:00&premier_jour=9999-12-31&dernier_jour=0001-01-01&jour=MO&libelle=x",
            ),
        ),
        ("nested names", with("a[b][c]=1&nature[]=vol&__proto__=x")),
        ("no pairs", b"&&&===&&%%%&=&".to_vec()),
        ("JSON", br#"{"csrf":"x","nature":["vol"]}"#.to_vec()),
        ("binary", (0..=255).cycle().take(4096).collect()),
        ("four thousand fields", with(&many)),
        (
            "markup",
            with(
                "texte=<script>alert(1)</script>&version=0&reponse=<img src=x onerror=alert(1)>&faits=<script>&lieu=%22%3E<svg/onload=alert(1)>",
            ),
        ),
    ]
}

/// Answered, in whatever words, but never with a fault, nor with bare words of
/// the framework.
#[track_caller]
fn is_answered(page: &Page, what: &str) {
    // These stories have no media node, which is said as such.
    let no_node = page.status == StatusCode::SERVICE_UNAVAILABLE && what.contains("/jeton");
    assert!(
        no_node || !page.status.is_server_error(),
        "{what}: {page:.300}"
    );
    if page.status.is_client_error() && page.bytes.len() > 2 {
        let page_of_ours =
            page.kind.starts_with("text/html") || page.kind.starts_with("application/json");
        assert!(page_of_ours, "{what}: {} {page:.300}", page.kind);
    }
    assert!(
        !page.text().contains("<script>alert(1)"),
        "{what}: markup comes back as markup"
    );
    if page.status.is_redirection() {
        let leaves = page.location.starts_with("//")
            || page.location.starts_with("/\\")
            || page.location.contains("evil.example\u{0}");
        assert!(!leaves, "{what}: led to {}", page.location);
    }
}

async fn csrf_of(browser: &Browser, page: &str) -> String {
    let page = browser.get(page).await.ok();
    page.attribute("input[name='csrf']:not([value=''])", "value")
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_and_no_address_however_wrong_breaks_a_page() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah, nadia) = (
            app.citizen("camille"),
            app.officer("78-police"),
            app.officer("admin-78"),
        );
        let id = together::in_review(&app, &camille, &sarah).await;
        nadia.logs_in("/administration").await.ok();
        let nobody = app.browser();
        let before = app.journal_of_unit("u-78-police").await;

        for (browser, home) in [
            (&nobody, "/connexion"),
            (&camille.browser, "/espace"),
            (&sarah.browser, "/agent"),
            (&nadia.browser, "/administration/guichets"),
        ] {
            for pattern in GETS {
                for value in VALUES {
                    let address = pattern.replace("ID", &id).replace("VALUE", value);
                    let what = format!("GET {address} from {home}");
                    let page = browser
                        .send(Method::GET, &address, &[], Vec::new())
                        .await
                        .unwrap();
                    is_answered(&page, &what);
                }
            }
            let csrf = csrf_of(browser, home).await;
            for pattern in CITIZEN_POSTS.iter().chain(OFFICER_POSTS) {
                // What ends a session or a hearing has its own stories.
                let ends = ["/deconnexion", "/terminer"]
                    .iter()
                    .any(|end| pattern.ends_with(end));
                let address = pattern.replace("ID", &id);
                for (kind, body) in bodies(&csrf) {
                    if ends && body.starts_with(b"csrf=") {
                        continue;
                    }
                    let what = format!("POST {address} with {kind} from {home}");
                    let page = browser.send(Method::POST, &address, &[], body).await;
                    let page = page.unwrap_or_else(|_| panic!("no answer to {what}"));
                    is_answered(&page, &what);
                }
            }
        }
        // Every one of them is still at home, and the record where it was.
        camille.get("/espace").await.ok();
        // A change request is free text: two of those bodies were good ones.
        let act = camille.reads_the_act(&id).await;
        assert!(act.text().contains(NARRATIVE), "{act:.500}");
        assert!(
            !act.has("main script"),
            "what a person types is never markup"
        );
        assert!(app.journal_of_unit("u-78-police").await >= before);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_not_from_our_pages_is_refused_with_words() {
    let app = TestApp::at(MONDAY).await;
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    let id = together::in_hearing(&app, &camille, &sarah).await;
    let workspace = sarah.workspace(&id).await;
    let form = workspace.form("form[action$='/texte']");

    // Larger than any form of ours.
    let huge = form.clone().with("texte", &"é".repeat(200_000));
    let page = sarah.submit(&huge).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE, "{page:.300}");
    assert!(page.count("main a[href]") > 0, "a way out");

    // Without its token, with another's, from another site.
    for forged in ["", "0", "a".repeat(64).as_str()] {
        let page = sarah.submit(&form.clone().forge("csrf", forged)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:.300}");
    }
    let theirs = csrf_of(&camille, "/espace").await;
    assert_eq!(
        sarah
            .submit(&form.clone().forge("csrf", &theirs))
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        let body = form.encoded().into_bytes();
        let page = sarah
            .send(Method::POST, &form.action, &headers, body)
            .await
            .unwrap();
        assert_eq!(
            page.status,
            StatusCode::FORBIDDEN,
            "{headers:?}: {page:.300}"
        );
    }
    let text = sarah
        .workspace(&id)
        .await
        .form("form[action$='/texte']")
        .field("texte")
        .to_owned();
    assert_eq!(text, "", "nothing of all this was written");

    // Methods that no route has.
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let page = sarah
            .send(method, &form.action, &[("origin", &app.site)], Vec::new())
            .await
            .unwrap();
        assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED, "{page:.300}");
        assert!(page.kind.starts_with("text/html"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_wrong_answers_comes_back_with_every_answer_and_says_what_is_wrong() {
    let app = TestApp::at(MONDAY).await;
    let camille = app.citizen("camille");
    let rights = camille.identify(&camille.is_oriented().await).await.ok();
    let contact = camille.reads_rights(&rights).await;
    let wrong = contact
        .form("form[action='/declaration/coordonnees']")
        .with("courriel", "camille@")
        .with("telephone", "06 12")
        .with("adresse", "12 rue des Lilas")
        .with("commune", "Nulleville-sur-Rien");
    let page = camille
        .submit(&wrong)
        .await
        .is(StatusCode::UNPROCESSABLE_ENTITY);
    let back = page.form("form[action='/declaration/coordonnees']");
    for (name, value) in [
        ("courriel", "camille@"),
        ("telephone", "06 12"),
        ("adresse", "12 rue des Lilas"),
    ] {
        assert_eq!(back.field(name), value);
    }
    assert_eq!(page.count("[aria-invalid='true']"), 3, "{page:.1000}");
    let facts = camille.tells_contact(&page, "Versailles").await;
    let long = facts
        .form("form[action='/declaration/faits']")
        .with("lieu", &"x".repeat(500))
        .with("auteur", "oui")
        .with("faits", &STATEMENT.repeat(100));
    let page = camille
        .submit(&long)
        .await
        .is(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        page.form("form[action='/declaration/faits']")
            .field("faits"),
        STATEMENT.repeat(100)
    );
    let slots = camille.tells_facts(&page).await;
    assert!(slots.has("form.vp-next-slot"));
}

/// Not hostile input but a hostile world: somebody signed in is told that we
/// failed, in their language and with a reference to give, not by a blank page.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_before_the_session_is_known_is_a_page_too() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        camille.logs_in("/espace").await.ok();
        let mut tx = app.db.begin().await.unwrap();
        visioplainte::execute!(&mut tx, "alter table sessions rename to sessions_away").unwrap();
        tx.commit().await.unwrap();
        let page = camille.browser.get("/espace").await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(page.has("html[lang='fr'] main h1"), "{page:.300}");
        assert!(page.has("main a[href='/']"), "{page:.300}");
    }
}
