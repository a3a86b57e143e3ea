//! Another master key takes the place of one, while people have links, open pages and
//! documents that the former made.

use std::process::Output;

use reqwest::StatusCode;

use crate::support::messages::mail_to;
use crate::support::people::{email_of, together};
use crate::support::{Citizen, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .concat()
}

fn done(app: &TestApp, arguments: &[&str]) -> String {
    let output = app.command(arguments);
    let said = said(&output);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// The same service, started again on what it left.
async fn restarted(app: TestApp) -> TestApp {
    TestApp::like(&app.keep().await, MONDAY).await
}

async fn reads_documents(camille: &Citizen) {
    let space = camille.get("/espace").await.ok();
    let documents = space.attributes("main a[href^='/espace/documents/']", "href");
    assert_eq!(documents.len(), 2);
    for document in documents {
        let page = camille.get(&document).await.ok();
        assert!(page.bytes.starts_with(b"%PDF-"), "{document}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_takes_over_and_nobody_notices() {
    let app = TestApp::at(MONDAY).await;
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    together::signed(&app, &camille, &sarah).await;
    let zoe = app.citizen("zoe");
    let slots = zoe.declares("Versailles").await;
    let soon: i64 = slots
        .form("form.vp-next-slot")
        .field("creneau")
        .parse()
        .unwrap();
    let id = zoe.books(&slots, soon + 5 * 30 * 60_000).await;
    let reference = app.appointment(&id).await.reference;
    let mail = mail_to(&app.site, &email_of("zoe"), &reference).await;
    let link = mail
        .link
        .unwrap()
        .strip_prefix(&app.site)
        .unwrap()
        .to_owned();
    let open_page = zoe.get(&format!("/rendez-vous/{id}/annuler")).await.ok();
    let before = app.command(&["journal", "export"]).stdout;
    let first_key = done(&app, &["journal", "key"]);

    let told = done(&app, &["keys", "rotate"]);
    assert!(told.contains("there is a new master key"), "{told}");
    assert!(!app.command(&["keys", "rotate"]).status.success(), "twice");
    app.journal_holds();
    let app = restarted(app).await;
    let camille = Citizen::new("camille", camille.browser.at(&app.site));
    let zoe = Citizen::new("zoe", zoe.browser.at(&app.site));
    reads_documents(&camille).await;
    app.browser().get(&link).await.ok();
    let form = open_page.form("form[action$='/annuler']");
    zoe.submit(&form).await.ok();
    assert_eq!(
        app.appointment(&id).await.state,
        visioplainte::booking::State::CancelledByCitizen,
        "a page that was open still says what its person wants"
    );

    let told = done(&app, &["keys", "reseal"]);
    for column in ["case_keys.wrapped_key", "citizens.sealed_identity"] {
        let line = told.lines().find(|line| line.contains(column)).unwrap();
        assert!(!line.contains(" 0 sealed anew"), "{line}");
        assert!(line.ends_with(" 0 that no key opens"), "{line}");
    }
    let again = done(&app, &["keys", "reseal"]);
    let lines = again.lines().filter(|line| line.contains(" values, "));
    assert!(
        lines.clone().count() >= 8 && lines.clone().all(|line| line.contains(" 0 sealed anew")),
        "{again}"
    );
    // The process of before has ended; what was kept of it was written while it ran.
    let mut tx = app.db.begin().await.unwrap();
    let running = visioplainte::keys::running::mark_of(&app.keys);
    visioplainte::execute!(
        &mut tx,
        "delete from processes where key_mark <> $1",
        running
    )
    .unwrap();
    tx.commit().await.unwrap();
    done(&app, &["keys", "forget", "--with-links"]);
    let left = std::fs::read_to_string(app.folder().join("master.key")).unwrap();
    assert_eq!(left.lines().count(), 3, "one key, one public, the marks");

    let app = restarted(app).await;
    let camille = Citizen::new("camille", camille.browser.at(&app.site));
    reads_documents(&camille).await;
    let gone = app.browser().get(&link).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "{gone:.500}");
    // The journal goes on, and what was signed before is still checked, by its own key
    // and by both.
    app.journal_holds();
    let both = done(&app, &["journal", "key"]);
    assert!(both.trim().ends_with(first_key.trim()) && both.len() > first_key.len());
    let file = app.folder().join("before.jsonl");
    std::fs::write(&file, before).unwrap();
    for key in [&first_key, &both] {
        let told = done(
            &app,
            &[
                "journal",
                "verify",
                file.to_str().unwrap(),
                "--key",
                key.trim(),
            ],
        );
        assert!(told.contains("whole"), "{told}");
    }
    app.journal_holds();
}
