//! The procès-verbal: nothing is signed that the person has not decided on, and
//! nobody's words are lost or overwritten on the way.

use std::process::Command;

use reqwest::{Method, StatusCode};
use visioplainte::complaint::store::DocumentKind;
use visioplainte::db::Id;
use visioplainte::execute;

use crate::support::people::together::{self, NARRATIVE};
use crate::support::{Citizen, Officer, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

async fn csrf_of(officer: &Officer, id: &str) -> String {
    officer
        .workspace(id)
        .await
        .attribute("input[name='csrf']", "value")
        .unwrap()
}

async fn count_signatures(app: &TestApp) -> i64 {
    let mut tx = app.read().await;
    let rows = visioplainte::fetch_optional!(&mut tx, (i64,), "select count(*) from signatures");
    rows.unwrap().unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_before_the_person_agrees_whatever_is_pressed() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_hearing(&app, &camille, &sarah).await;
        let sign = format!("/agent/audition/{id}/signature");
        let csrf = csrf_of(&sarah, &id).await;
        let pressed = async |what: &str| {
            let page = sarah.post(&sign, &[("csrf", &csrf)]).await;
            assert_eq!(page.status, StatusCode::CONFLICT, "{what}: {page:.300}");
            assert!(
                page.count("main a[href]") > 0,
                "{what}: a refusal without a way out"
            );
            assert_eq!(count_signatures(&app).await, 0, "{what}");
        };
        pressed("while drafting").await;
        let page = sarah.ticks_everything(&sarah.workspace(&id).await).await;
        let page = sarah.writes(&page, NARRATIVE).await.ok();
        sarah
            .submit(&page.form("form[action$='/relecture']"))
            .await
            .ok();
        pressed("in review").await;
        let review = camille.reads_the_act(&id).await;
        let change = review
            .form("form[action$='/modification']")
            .with("texte", "Pas onze heures.");
        camille.submit(&change).await.ok();
        pressed("with a change asked for").await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_refuses_a_signature_without_a_decision_on_that_very_text() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_review(&app, &camille, &sarah).await;
        let case = app.appointment(&id).await.case_id;
        let review = camille.reads_the_act(&id).await;
        let hash = review
            .form("form[action$='/accord']")
            .field("empreinte")
            .to_owned();
        let other = "0".repeat(64);
        for (what, hash, allowed) in [
            ("undecided", hash.as_str(), false),
            ("of no version", other.as_str(), false),
            ("decided", hash.as_str(), true),
        ] {
            if allowed {
                camille.agrees(&id).await.ok();
            }
            let mut tx = app.db.begin().await.unwrap();
            let inserted = execute!(
                &mut tx,
                "insert into signatures (case_id, document, version_hash, sealed_prepared, prepared_at, officer_id)
                 values ($1, $2, $3, $4, 0, 'o-78-police')",
                &case,
                DocumentKind::ProcesVerbal,
                hash,
                Vec::<u8>::new()
            );
            assert_eq!(inserted.is_ok(), allowed, "{what}: {inserted:?}");
        }
        // Nor is a decision taken on a text that was never sent.
        let mut tx = app.db.begin().await.unwrap();
        let invented = execute!(
            &mut tx,
            "insert into agreements (case_id, version, version_hash, decision, decided_at, session_id, acr)
             values ($1, 1, $2, 'agreed', 0, 's', 'eidas1')",
            &case,
            &other
        );
        assert!(invented.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_to_a_text_that_has_changed_meanwhile_does_not_count() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_review(&app, &camille, &sarah).await;
        let stale = camille
            .reads_the_act(&id)
            .await
            .form("form[action$='/accord']")
            .with("decision", "agreed");
        // While the page is open, the officer sends another text.
        let page = sarah.workspace(&id).await;
        let page = sarah.writes(&page, "Le vélo a disparu à midi.").await.ok();
        sarah
            .submit(&page.form("form[action$='/relecture']"))
            .await
            .ok();

        let refused = camille.submit(&stale).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:.300}");
        assert!(refused.count("main a[href]") > 0);
        for forged in ["", "0", "é", "agreed"] {
            let page = camille
                .submit(&stale.clone().forge("empreinte", forged))
                .await;
            assert_eq!(page.status, StatusCode::CONFLICT, "{forged}: {page:.300}");
        }
        let page = camille
            .submit(&stale.clone().forge("decision", "perhaps"))
            .await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{page:.300}");
        let page = camille.reads_the_act(&id).await;
        assert!(
            page.text().contains("à midi"),
            "the new text is what is shown"
        );
        camille.agrees(&id).await.ok();
        // Decided once: pressed again, nothing moves.
        let again = page
            .form("form[action$='/accord']")
            .with("decision", "refused");
        assert_eq!(camille.submit(&again).await.status, StatusCode::CONFLICT);
        app.record_becomes(&id, "agreed").await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_takes_a_live_login_while_reading_along_takes_only_the_seat() {
    let app = TestApp::at(MONDAY).await;
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    let id = together::in_review(&app, &camille, &sarah).await;
    let form = camille
        .reads_the_act(&id)
        .await
        .form("form[action$='/accord']")
        .with("decision", "agreed");
    let crashed = camille.after_a_crash(&["vp_seat"]);
    let page = crashed
        .get(&format!("/audition/{id}/proces-verbal"))
        .await
        .ok();
    assert!(
        page.text().contains(NARRATIVE),
        "the seat reads along: {page:.500}"
    );
    assert!(!page.has("form[action$='/accord']"));
    let sent = crashed
        .send(Method::POST, &form.action, &[], form.encoded().into_bytes())
        .await
        .unwrap();
    assert!(
        sent.status.is_redirection() && sent.location.starts_with("/connexion"),
        "{sent:.300}"
    );
    app.record_becomes(&id, "in_review").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_typed_on_an_older_one_does_not_overwrite_it() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_hearing(&app, &camille, &sarah).await;
        let open = sarah.workspace(&id).await;
        sarah.writes(&open, "Le premier texte.").await.ok();
        // The page that was open before, in another tab.
        let late = sarah.writes(&open, "Le second texte.").await;
        assert_eq!(late.status, StatusCode::CONFLICT, "{late:.300}");
        let page = sarah.workspace(&id).await;
        assert_eq!(
            page.form("form[action$='/texte']").field("texte"),
            "Le premier texte."
        );
        // By script the answer is a revision, or a refusal in JSON.
        let form = page
            .form("form[action$='/texte']")
            .with("texte", "Le troisième texte.");
        let accept = [("accept", "application/json")];
        let post = async |form: &crate::support::page::Form| {
            sarah
                .send(
                    Method::POST,
                    &form.action,
                    &accept,
                    form.encoded().into_bytes(),
                )
                .await
                .unwrap()
        };
        let saved = post(&form).await.ok();
        assert_eq!(saved.json()["version"], 2);
        let refused = post(&form).await.is(StatusCode::CONFLICT);
        assert!(!refused.json()["message"].as_str().unwrap().is_empty());
        // Of fifty saves typed on the same text, one is kept.
        let base = sarah.workspace(&id).await.form("form[action$='/texte']");
        let saves: Vec<_> = (0..50)
            .map(|number| {
                let (browser, form) = (
                    sarah.browser.clone(),
                    base.clone().with("texte", &format!("Texte {number}.")),
                );
                tokio::spawn(async move { browser.submit(&form).await.status })
            })
            .collect();
        let mut kept = 0;
        for save in saves {
            match save.await.unwrap() {
                StatusCode::OK => kept += 1,
                status => assert_eq!(status, StatusCode::CONFLICT),
            }
        }
        assert_eq!(kept, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_holds_the_record_back_even_when_the_button_is_forged() {
    let app = TestApp::at(MONDAY).await;
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    let id = together::in_hearing(&app, &camille, &sarah).await;
    let csrf = csrf_of(&sarah, &id).await;
    let send = format!("/agent/audition/{id}/relecture");
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let pressed = async || sarah.post(&send, &[("csrf", &csrf)]).await.status;
    assert_eq!(pressed().await, unprocessable, "no text");
    sarah
        .writes(&sarah.workspace(&id).await, NARRATIVE)
        .await
        .ok();
    assert_eq!(pressed().await, unprocessable, "no checks");
    // A right that is not on the list, a result that is not offered.
    for (item, result) in [
        ("right.unknown", "told"),
        ("identity", "certain"),
        ("", ""),
        ("right.", "told"),
    ] {
        let fields = [
            ("csrf", csrf.as_str()),
            ("element", item),
            ("resultat", result),
        ];
        let page = sarah
            .post(&format!("/agent/audition/{id}/constat"), &fields)
            .await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{item} {result}");
    }
    sarah.ticks_everything(&sarah.workspace(&id).await).await;
    assert_eq!(pressed().await, StatusCode::SEE_OTHER);
    // Nobody waits any more: admitting again is refused with words.
    let seat = Id::random();
    for place in [seat.as_str(), "", "x"] {
        let fields = [("csrf", csrf.as_str()), ("place", place)];
        let page = sarah
            .post(&format!("/agent/audition/{id}/admettre"), &fields)
            .await;
        page.refused(StatusCode::CONFLICT, &title_of_nobody_waits());
    }
    app.journal_holds();
}

fn title_of_nobody_waits() -> String {
    visioplainte::messages::text(
        visioplainte::messages::Lang::Fr,
        "refusal-nobody-waits-title",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_who_refuses_is_recorded_as_refusing_and_the_officer_may_sign_that() {
    let app = TestApp::at(MONDAY).await;
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    let id = together::in_review(&app, &camille, &sarah).await;
    let form = camille
        .reads_the_act(&id)
        .await
        .form("form[action$='/accord']")
        .with("motif", "L’heure n’est pas celle que j’ai dite.")
        .forge("decision", "refused");
    camille.submit(&form).await.ok();
    app.record_becomes(&id, "refused").await;
    let page = sarah.workspace(&id).await;
    sarah
        .submit(&page.form("form[action$='/signature']"))
        .await
        .ok();
    app.record_becomes(&id, "acknowledged").await;
    // Signed twice: refused with words, and still two documents.
    let csrf = csrf_of(&sarah, &id).await;
    let again = sarah
        .post(
            &format!("/agent/audition/{id}/signature"),
            &[("csrf", &csrf)],
        )
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{again:.300}");
    let space = camille.get("/espace").await.ok();
    assert_eq!(space.count("a[href^='/espace/documents/']"), 2);
    let words = printed(&app, &camille).await;
    assert!(words.contains("n’est pas celle que j’ai dite"), "{words}");
    app.journal_holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pressed_again_because_its_answer_was_lost_happens_once() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_hearing(&app, &camille, &sarah).await;
        let case = app.appointment(&id).await.case_id;
        let page = sarah.ticks_everything(&sarah.workspace(&id).await).await;
        let page = sarah.writes(&page, NARRATIVE).await.ok();
        let send = page.form("form[action$='/relecture']");
        for _ in 0..3 {
            sarah.submit(&send).await.ok();
        }
        assert_eq!(
            app.count_messages(&format!("record/{case}/version/1"))
                .await,
            1
        );
        assert_eq!(
            app.count_messages(&format!("record/{case}/version/2"))
                .await,
            0
        );

        let review = camille.reads_the_act(&id).await;
        let change = review
            .form("form[action$='/modification']")
            .with("texte", "Pas onze heures.");
        for _ in 0..3 {
            camille.submit(&change).await.ok();
        }
        let page = sarah.workspace(&id).await;
        assert_eq!(page.count("form[action$='/reponse']"), 1);
        let answer = page
            .form("form[action$='/reponse']")
            .with("reponse", "Vérifié.");
        sarah.submit(&answer).await.ok();
        // The same text is meant this time: it goes back with its answer.
        sarah.submit(&send).await.ok();
        assert_eq!(
            app.count_messages(&format!("record/{case}/version/2"))
                .await,
            1
        );

        let review = camille.reads_the_act(&id).await;
        let decision = review
            .form("form[action$='/accord']")
            .with("decision", "agreed");
        for _ in 0..3 {
            camille.submit(&decision).await.ok();
        }
        let other = decision.with("decision", "refused");
        assert_eq!(camille.submit(&other).await.status, StatusCode::CONFLICT);
        app.record_becomes(&id, "agreed").await;
        app.journal_holds();
    }
}

/// The words of the person's documents.
async fn printed(app: &TestApp, camille: &Citizen) -> String {
    let space = camille.get("/espace").await.ok();
    let mut words = String::new();
    for (index, path) in space
        .attributes("a[href^='/espace/documents/']", "href")
        .iter()
        .enumerate()
    {
        let file = app.folder().join(format!("lu-{index}.pdf"));
        std::fs::write(&file, camille.get(path).await.ok().bytes).unwrap();
        let output = Command::new("pdftotext").arg(&file).arg("-").output();
        words.push_str(&String::from_utf8_lossy(&output.unwrap().stdout));
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_is_what_the_person_agreed_to_whatever_changed_since() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_review(&app, &camille, &sarah).await;
        // All that the act will say is before them when they decide.
        let case = app.appointment(&id).await.case_id;
        let mut tx = app.db.begin().await.unwrap();
        let mut content = visioplainte::declaration::open_content(&mut tx, &app.keys, &case)
            .await
            .unwrap();
        let act = camille.reads_the_act(&id).await;
        for said in [
            &content.facts_place,
            &content.address,
            &content.offence_label,
        ] {
            assert!(act.text().contains(said.as_str()), "{said}: {act:.3000}");
        }
        assert!(act.text().contains("BERTHELOT"), "{act:.3000}");
        let place = std::mem::replace(&mut content.facts_place, "Place des Inconnus".to_owned());
        let key = app.keys.case_key(&mut tx, &case).await.unwrap();
        let sealed = key.seal_json(&format!("declaration/{case}"), &content);
        execute!(
            &mut tx,
            "update declarations set sealed_content = $1 where case_id = $2",
            sealed,
            &case
        )
        .unwrap();
        tx.commit().await.unwrap();
        camille.agrees(&id).await.ok();
        let page = sarah.workspace(&id).await;
        sarah
            .submit(&page.form("form[action$='/signature']"))
            .await
            .ok();
        app.record_becomes(&id, "acknowledged").await;
        let words = printed(&app, &camille).await;
        assert!(
            words.contains(&place) && !words.contains("Inconnus"),
            "{words}"
        );
    }
}
