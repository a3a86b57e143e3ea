//! Something does not work, and those it concerns read it above their pages.

use reqwest::StatusCode;

use crate::support::TestApp;

const MONDAY: &str = "2026-11-23T08:00:00Z";
const PAGE: &str = "/administration/incidents";
const STRIP: &str = ".vp-incident";

#[tokio::test(flavor = "multi_thread")]
async fn a_department_tells_its_people_and_takes_it_back() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        camille.declares("Saint-Denis").await;
        let amina = app.citizen("amina");
        amina.declares("Versailles").await;
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let jerome = app.officer("admin-974");
        let page = jerome.logs_in(PAGE).await.ok();
        // Noon on Réunion is eight in the morning of the world's clock: now.
        let form = page
            .form(&format!("form[action='{PAGE}']"))
            .with("message_fr", "Vidéo coupée\r\njusqu’à midi.")
            .with("message_en", "Video is down until noon.")
            .with("debut_heure", "12:00")
            .with("fin_heure", "12:20");
        for (field, wrong, words) in [
            ("message_fr", "", "300 caractères"),
            ("message_en", &"x".repeat(301), "300 caractères"),
            ("public", "personne", "Choisissez qui lit"),
            ("debut_heure", "midi", "heure de début"),
            ("fin_heure", "11:00", "Indiquez une fin à venir"),
            ("fin_jour", "2027-11-23", "Indiquez une fin à venir"),
        ] {
            let told = jerome.submit(&form.clone().forge(field, wrong)).await;
            assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
            assert!(told.text().contains(words), "{field}: {told:.3000}");
        }
        let look = jerome
            .submit(&form.clone().forge("acte", "publier"))
            .await
            .ok();
        assert!(look.has("#apercu"), "nothing is published unseen");
        assert!(look.text().contains("Vidéo coupée jusqu’à midi."));
        assert!(!camille.get("/espace").await.ok().has(STRIP));
        let shown = look
            .form(&format!("form[action='{PAGE}']"))
            .forge("acte", "publier");
        let done = jerome.submit(&shown).await.ok();
        assert!(done.text().contains("Affiché"), "{done:.3000}");
        let history = done.words(".vp-incident-past");
        assert!(history[0].contains("par RIO 9974003"), "{history:?}");

        // The department's own people and officers, in their language; nobody else.
        let space = camille.get("/espace").await.ok();
        assert_eq!(space.words(STRIP), ["Vidéo coupée jusqu’à midi."]);
        camille.get("/langue/en?retour=/espace").await.ok();
        let space = camille.get("/espace").await.ok();
        assert_eq!(space.words(STRIP), ["Video is down until noon."]);
        assert!(jerome.get("/agent").await.ok().has(STRIP));
        for page in [
            amina.get("/espace").await.ok(),
            sarah.get("/agent").await.ok(),
            app.browser().get("/").await.ok(),
        ] {
            assert!(!page.has(STRIP), "{page:.1000}");
        }
        // Over on its own at its end.
        app.pass_minutes(21);
        assert!(!camille.get("/espace").await.ok().has(STRIP));

        // Another, for officers alone and from later on; taken back before its end.
        let page = jerome.get(PAGE).await.ok();
        let form = page
            .form(&format!("form[action='{PAGE}']"))
            .with("message_fr", "Mise à jour à 14 heures.")
            .with("message_en", "Update at 14:00.")
            .with("public", "officers")
            .with("debut_heure", "12:30")
            .with("fin_heure", "13:00");
        let look = jerome.submit(&form.forge("acte", "verifier")).await.ok();
        let shown = look
            .form(&format!("form[action='{PAGE}']"))
            .forge("acte", "publier");
        jerome.submit(&shown).await.ok();
        assert!(!jerome.get("/agent").await.ok().has(STRIP), "not yet");
        app.pass_minutes(10);
        assert!(jerome.get("/agent").await.ok().has(STRIP));
        assert!(!camille.get("/espace").await.ok().has(STRIP));
        let page = jerome.get(PAGE).await.ok();
        let back = page.form("form[action$='/retrait']");
        let done = jerome.submit(&back).await.ok();
        assert!(!done.has(STRIP));
        jerome.submit(&back).await.ok();
        assert_eq!(app.journal_lines("incident.withdraw").await, 1);
        // Another department's message is none of theirs, nor is a unit's administrator one.
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        assert_eq!(nadia.get(PAGE).await.status, StatusCode::FORBIDDEN);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_tells_the_whole_country() {
    // The command has the machine's clock; the story's stands where that one does.
    let now = chrono::Utc::now();
    for app in TestApp::on_every_engine(&now.to_rfc3339()).await {
        let at = |minutes: i64| (now + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
        let publish = |from: &str, to: &str| {
            let words = ["FranceConnect est en panne.", "FranceConnect is down."];
            app.command(&[
                "incident", "publish", "--fr", words[0], "--en", words[1], "--from", from, "--to",
                to,
            ])
        };
        let home = app.browser().get("/").await.ok();
        assert!(!home.has(STRIP));
        for (from, to) in [("hier".to_owned(), at(60)), (at(-90), at(-60))] {
            let wrong = publish(&from, &to);
            assert!(!wrong.status.success(), "{wrong:?}");
        }
        let done = publish(&at(-5), &at(600));
        assert!(done.status.success(), "{done:?}");
        // What this process remembers is never a minute old.
        app.pass_minutes(1);
        let home = app.browser().get("/").await.ok();
        assert_eq!(home.words(STRIP), ["FranceConnect est en panne."]);
        let list = app.command(&["incident", "list"]);
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        assert!(list.contains("stands country everybody"), "{list}");
        let id = list.split(' ').next().unwrap();
        // It is the operator's to take back, not an administrator's.
        let jerome = app.officer("admin-974");
        let page = jerome.logs_in(PAGE).await.ok();
        assert!(page.text().contains("Tout le pays, par l’exploitant"));
        assert_eq!(page.count("form[action$='/retrait']"), 0);
        assert!(app.command(&["incident", "withdraw", id]).status.success());
        assert!(!app.command(&["incident", "withdraw", id]).status.success());
        app.pass_minutes(1);
        assert!(!app.browser().get("/").await.ok().has(STRIP));
        app.journal_holds();
    }
}
