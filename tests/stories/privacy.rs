//! What is mine is nobody else's: appointment, room, act, documents. For whoever
//! has no right to it, it does not exist.

use reqwest::StatusCode;

use crate::support::people::together;
use crate::support::{Browser, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

/// Everything about an appointment that a citizen can look at.
fn looked_at(id: &str, document: &str) -> Vec<String> {
    vec![
        format!("/rendez-vous/{id}"),
        format!("/rendez-vous/{id}/confirmer"),
        format!("/rendez-vous/{id}/annuler"),
        format!("/rendez-vous/{id}/calendrier.ics"),
        format!("/audition/{id}"),
        format!("/audition/{id}/proces-verbal"),
        format!("/audition/{id}/evenements"),
        document.to_owned(),
    ]
}

/// Everything about it that a citizen can do.
fn done(id: &str) -> Vec<String> {
    vec![
        format!("/rendez-vous/{id}/confirmer"),
        format!("/rendez-vous/{id}/annuler"),
        format!("/audition/{id}/entrer"),
        format!("/audition/{id}/modification"),
        format!("/audition/{id}/accord"),
    ]
}

const OFFICER_ACTS: &[&str] = &[
    "ouvrir",
    "jeton",
    "admettre",
    "renvoyer",
    "constat",
    "terminer",
    "texte",
    "relecture",
    "reponse",
    "signature",
];

/// Fields that make every form readable, so that rights alone decide.
fn fields(csrf: &str) -> Vec<(&str, &str)> {
    vec![
        ("csrf", csrf),
        ("texte", "Texte"),
        ("version", "1"),
        ("place", "0"),
        ("element", "identity"),
        ("resultat", "seen"),
        ("demande", "0"),
        ("reponse", "Réponse"),
        ("empreinte", "0"),
        ("decision", "agreed"),
    ]
}

async fn csrf_of(browser: &Browser, page: &str) -> String {
    let page = browser.get(page).await.ok();
    page.attribute("input[name='csrf']:not([value=''])", "value")
        .expect("a form of somebody signed in")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_citizen_finds_nothing_of_my_appointment_room_act_or_documents() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::signed(&app, &camille, &sarah).await;
        let space = camille.get("/espace").await.ok();
        let document = space
            .attributes("a[href^='/espace/documents/']", "href")
            .remove(0);
        camille.get(&document).await.ok();

        let amina = app.citizen("amina");
        amina.logs_in("/espace").await.ok();
        let csrf = csrf_of(&amina, "/espace").await;
        for address in looked_at(&id, &document) {
            let page = amina.get_here(&address).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{address}: {page:.200}");
            assert_eq!(
                page.text(),
                amina
                    .get_here(&address.replace(&id, &"0".repeat(32)))
                    .await
                    .text()
                    .replace(&"0".repeat(32), &id),
                "{address}: what is not mine and what is not at all differ"
            );
        }
        for address in done(&id) {
            let page = amina.post(&address, &fields(&csrf)).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{address}: {page:.200}");
        }
        let token = amina
            .ask_json(&format!("/audition/{id}/jeton"), &csrf)
            .await
            .unwrap();
        assert_eq!(token.status, StatusCode::FORBIDDEN);
        assert!(!amina.get("/espace").await.ok().text().contains(&id));

        // Nobody at all is sent to the login, or refused, and learns nothing.
        let nobody = app.browser();
        for address in looked_at(&id, &document) {
            let page = nobody.get_here(&address).await;
            let login = page.status.is_redirection() && page.location.starts_with("/connexion");
            assert!(
                login || page.status == StatusCode::NOT_FOUND,
                "{address}: {page:.200}"
            );
        }
        for address in done(&id) {
            let page = nobody.post(&address, &fields("")).await;
            assert!(
                !page.status.is_success() && !page.status.is_server_error(),
                "{address}: {page:.200}"
            );
            assert!(
                !page.status.is_redirection() || page.location.starts_with("/connexion"),
                "{address}"
            );
        }
        // Nor is a citizen an officer.
        for act in OFFICER_ACTS {
            let page = camille
                .post(
                    &format!("/agent/audition/{id}/{act}"),
                    &fields(&csrf_of(&camille, "/espace").await),
                )
                .await;
            assert!(page.status.is_client_error(), "{act}: {page:.200}");
        }
        assert_eq!(
            app.appointment(&id).await.state.as_str(),
            "in_hearing",
            "nothing was changed by all this"
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_of_another_unit_finds_nothing_of_the_hearing_or_its_documents() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::signed(&app, &camille, &sarah).await;
        let workspace = sarah.workspace(&id).await;
        let document = workspace
            .attributes("a[href^='/agent/documents/']", "href")
            .remove(0);
        sarah.get(&document).await.ok();
        app.record_becomes(&id, "acknowledged").await;
        let before = app.journal_of_unit("u-78-police").await;

        for key in ["78-gendarmerie", "974-police"] {
            let other = app.officer(key);
            other.logs_in("/agent").await.ok();
            let csrf = csrf_of(&other, "/agent").await;
            let events = format!("/agent/audition/{id}/evenements");
            for address in [format!("/agent/audition/{id}"), events, document.clone()] {
                let page = other.get_here(&address).await;
                assert_eq!(
                    page.status,
                    StatusCode::NOT_FOUND,
                    "{key} {address}: {page:.200}"
                );
            }
            for act in OFFICER_ACTS {
                let page = other
                    .post(&format!("/agent/audition/{id}/{act}"), &fields(&csrf))
                    .await;
                assert_eq!(
                    page.status,
                    StatusCode::NOT_FOUND,
                    "{key} {act}: {page:.200}"
                );
            }
            assert!(!other.get("/agent").await.ok().text().contains(&id));
            // The citizens' side of it is no way in either.
            for address in looked_at(&id, &document.replace("/agent/", "/espace/")) {
                let page = other.get_here(&address).await;
                assert!(
                    !page.status.is_success() && !page.status.is_server_error(),
                    "{key} {address}: {page:.200}"
                );
            }
        }
        // An auditor of the unit reads journals, not hearings.
        let auditor = app.officer("auditor");
        auditor.logs_in("/agent").await;
        let page = auditor.get_here(&format!("/agent/audition/{id}")).await;
        assert!(page.status.is_client_error(), "{page:.200}");
        assert!(auditor.get_here(&document).await.status.is_client_error());
        assert_eq!(
            app.journal_of_unit("u-78-police").await,
            before,
            "a refusal leaves no act behind"
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_of_the_unit_reads_and_does_nothing_of_its_work() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::signed(&app, &camille, &sarah).await;
        let workspace = sarah.workspace(&id).await;
        let document = workspace
            .attributes("a[href^='/agent/documents/']", "href")
            .remove(0);
        app.record_becomes(&id, "acknowledged").await;
        let before = app.journal_of_unit("u-78-police").await;

        let auditor = app.officer("auditor");
        auditor.logs_in("/agent/sessions").await.ok();
        let csrf = csrf_of(&auditor, "/agent/sessions").await;
        for (address, status) in [
            ("/agent".to_owned(), StatusCode::FORBIDDEN),
            ("/agent?jour=2026-11-23".to_owned(), StatusCode::FORBIDDEN),
            (format!("/agent/audition/{id}"), StatusCode::NOT_FOUND),
            (
                format!("/agent/audition/{id}/evenements"),
                StatusCode::NOT_FOUND,
            ),
            (document, StatusCode::NOT_FOUND),
            ("/administration/guichets".to_owned(), StatusCode::FORBIDDEN),
            (
                "/administration/guichets/nouveau?unite=u-78-police".to_owned(),
                StatusCode::FORBIDDEN,
            ),
            ("/espace".to_owned(), StatusCode::FORBIDDEN),
        ] {
            let page = auditor.get_here(&address).await;
            assert_eq!(page.status, status, "{address}: {page:.200}");
            // The switch of languages leads back to the page, by its address.
            let text = page.text().replace(&address.replace('/', "%2F"), "");
            for told in [id.as_str(), "BERTHELOT", "Berthelot"] {
                assert!(!text.contains(told), "{address} tells {told}");
            }
        }
        for act in OFFICER_ACTS {
            let page = auditor
                .post(&format!("/agent/audition/{id}/{act}"), &fields(&csrf))
                .await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{act}: {page:.200}");
        }
        assert_eq!(
            app.journal_of_unit("u-78-police").await,
            before,
            "a refusal leaves no act behind"
        );
        app.journal_holds();
    }
}
