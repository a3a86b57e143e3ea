//! An auditor takes a unit's journal away and has it checked by whoever holds
//! nothing but the file and the public key.

use reqwest::StatusCode;

use crate::support::TestApp;
use crate::support::people::together;

const MONDAY: &str = "2026-11-23T08:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_takes_the_journal_away_and_the_file_is_checked_without_the_service() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        together::signed(&app, &camille, &sarah).await;

        let auditor = app.officer("auditor");
        let journal = auditor.logs_in("/administration/journal").await.ok();
        let form = journal
            .form("main form[role='search']")
            .with("motif", "court");
        let journal = auditor.submit(&form).await.ok();
        for (act, words) in [
            ("record.sign", "Procès-verbal signé"),
            ("appointment.book", "Rendez-vous confirmé"),
            ("journal.read", "Journal consulté"),
        ] {
            let address = format!("/administration/journal?motif=court&acte={act}");
            let found = auditor.get(&address).await.ok();
            assert!(found.text().contains(words), "{act}: {found:.2000}");
            for told in ["BERTHELOT", "Berthelot", "Camille", "vélo"] {
                assert!(!found.text().contains(told), "{act} tells {told}");
            }
        }
        let form = journal
            .form("form[action='/administration/journal/export']")
            .with("format", "chaine");
        let taken = auditor.submit(&form).await.ok().text();

        let key = app.command(&["journal", "key"]);
        let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
        let file = app.folder().join("journal.jsonl");
        let verify = |text: &str| {
            std::fs::write(&file, text).unwrap();
            app.command(&["journal", "verify", file.to_str().unwrap(), "--key", &key])
        };
        let whole = verify(&taken);
        let said = String::from_utf8_lossy(&whole.stdout).into_owned();
        assert!(whole.status.success() && said.contains("whole"), "{said}");
        let forged = taken.replacen("record.sign", "record.read", 1);
        let found = verify(&forged);
        let said = String::from_utf8_lossy(&found.stdout).into_owned();
        assert!(
            !found.status.success() && said.contains("the content was changed"),
            "{said}"
        );
        let everything = app.command(&["journal", "export"]);
        assert!(
            verify(&String::from_utf8(everything.stdout).unwrap())
                .status
                .success()
        );

        // Whoever works in the unit does not read what is written about it.
        let page = sarah.get_here("/administration/journal").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        app.journal_holds();
    }
}
