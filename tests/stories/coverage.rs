//! The national list of communes, and where a department offers video.

use reqwest::StatusCode;

use crate::support::{Citizen, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

/// A piece of the package, with one commune of each kind that matters here.
const DEPARTMENTS: &str = r#"[{"code":"974","nom":"La Réunion"},{"code":"78","nom":"Yvelines"},{"code":"75","nom":"Paris"}]"#;
const COMMUNES: &str = r#"[
    {"code":"97411","nom":"Saint-Denis","type":"commune-actuelle","departement":"974","codesPostaux":["97400","97417","97490"]},
    {"code":"97416","nom":"Saint-Pierre","type":"commune-actuelle","departement":"974","codesPostaux":["97410","97432"]},
    {"code":"97423","nom":"Les Trois-Bassins","type":"commune-actuelle","departement":"974","codesPostaux":["97426"]},
    {"code":"75056","nom":"Paris","type":"commune-actuelle","departement":"75","codesPostaux":["75001","75011"]}
]"#;

async fn load(app: &TestApp) {
    let folder = app.folder().join("communes");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("departements.json"), DEPARTMENTS).unwrap();
    std::fs::write(folder.join("communes.json"), COMMUNES).unwrap();
    for _ in 0..2 {
        let done = app.command(&["communes", folder.to_str().unwrap()]);
        assert!(done.status.success(), "{done:?}");
    }
}

/// Says where they live; gives the page that follows.
async fn lives_in(person: &Citizen, commune: &str) -> Page {
    let login = person.is_oriented().await;
    let rights = person.identify(&login).await.ok();
    let contact = person.reads_rights(&rights).await;
    person.tells_contact(&contact, commune).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commune_is_found_by_each_of_its_postal_codes_and_units_keep_theirs() {
    for app in TestApp::on_every_engine(MONDAY).await {
        load(&app).await;
        // The list brought names and codes; who receives whom is as it was seeded.
        let camille = app.citizen("camille");
        let facts = lives_in(&camille, "97490").await;
        assert_eq!(facts.address, "/declaration/faits", "{facts:.2000}");
        let contact = camille.get("/declaration/coordonnees").await.ok();
        let form = contact.form("form[action='/declaration/coordonnees']");
        assert_eq!(form.field("commune"), "Saint-Denis (97490)");
        // Where nobody receives, and abroad, people are told what they can do.
        for (commune, told) in [
            ("Les Trois-Bassins", "/declaration/hors-zone"),
            ("75011", "/declaration/hors-zone"),
            ("Étranger", "/declaration/etranger"),
        ] {
            let page = camille.tells_contact(&contact, commune).await;
            assert_eq!(page.address, told, "{commune}: {page:.2000}");
        }
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_says_who_receives_whom_and_where_video_is_closed() {
    for app in TestApp::on_every_engine(MONDAY).await {
        load(&app).await;
        let jerome = app.officer("admin-974");
        jerome.logs_in("/administration").await.ok();
        let page = jerome.get("/administration/couverture").await.ok();
        assert!(page.text().contains("La Réunion (974)"), "{page:.2000}");
        let form = page.form("form[action$='/couverture/unites']");
        let wrong = "code_insee;unite\n97423;u-974-police\n78646;u-974-police\n97416;u-78-police\n97423;\n97411\n";
        let told = jerome
            .submit(
                &form
                    .clone()
                    .with("tableau", wrong)
                    .forge("acte", "enregistrer"),
            )
            .await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
        for words in [
            "Ligne 3 (78646 u-974-police) : le département n’a pas de commune de ce code",
            "Ligne 4 (97416 u-78-police) : le département n’a pas d’unité de cet identifiant",
            "Ligne 5 (97423) : la commune est déjà sur une ligne plus haut",
            "Ligne 6 () : elle n’a pas le même nombre de cases que la première",
        ] {
            assert!(told.text().contains(words), "{words}: {told:.4000}");
        }
        let right = "code_insee;unite\n97423;u-974-gendarmerie\n97416;\n";
        let form = form.with("tableau", right);
        let look = jerome
            .submit(&form.clone().forge("acte", "verifier"))
            .await
            .ok();
        assert!(look.text().contains("Le tableau est juste"), "{look:.4000}");
        let amina = app.citizen("amina");
        let page = lives_in(&amina, "Les Trois-Bassins").await;
        assert_eq!(
            page.address, "/declaration/hors-zone",
            "looking changes nothing"
        );
        // What was not looked at is not saved, even where the table is right.
        let unseen = jerome
            .submit(&form.clone().forge("acte", "enregistrer"))
            .await
            .ok();
        assert!(unseen.has("#apercu") && !unseen.has(".fr-alert--success"));
        let done = jerome.looks_and_saves(&form).await.ok();
        let history = done.words(".vp-history > li");
        for words in [
            "RIO 9974003",
            "Les Trois-Bassins (97423) : de « Personne » à « Brigade de l’Anse-aux-Palmes",
            "Saint-Pierre (97416) : de « Commissariat du Port-aux-Filaos (unité fictive) » à « Personne »",
        ] {
            assert!(history[0].contains(words), "{words}: {history:?}");
        }
        let contact = amina.get("/declaration/coordonnees").await.ok();
        for (commune, next) in [
            ("Saint-Pierre", "/declaration/hors-zone"),
            ("Les Trois-Bassins", "/declaration/faits"),
        ] {
            let page = amina.tells_contact(&contact, commune).await;
            assert_eq!(page.address, next, "{commune}");
        }

        // One commune closed with words of its own, then the whole department.
        let switch = |page: &Page| page.form("form[action='/administration/couverture']");
        let page = jerome.get("/administration/couverture").await.ok();
        let close = switch(&page)
            .with("commune", "97423")
            .with("ouverte", "non")
            .with("message", "Travaux jusqu’au 15 décembre.");
        let look = jerome.submit(&close).await.ok();
        assert!(
            look.text()
                .contains("Communes où la vidéo n’est plus proposée : 1 (Les Trois-Bassins)"),
            "{look:.4000}"
        );
        let done = jerome.looks_and_saves(&close).await.ok();
        assert!(
            done.text().contains("Les Trois-Bassins (97423)"),
            "{done:.3000}"
        );
        let told = amina.tells_contact(&contact, "Les Trois-Bassins").await;
        assert!(
            told.text().contains("Travaux jusqu’au 15 décembre."),
            "{told:.2000}"
        );
        let page = amina.tells_contact(&contact, "Saint-Denis").await;
        assert_eq!(page.address, "/declaration/faits");
        let whole = switch(&done)
            .with("ouverte", "non")
            .with("message", "Reprise en janvier.");
        let done = jerome.looks_and_saves(&whole).await.ok();
        assert!(done.text().contains("vidéo fermée"));
        let told = amina.tells_contact(&contact, "Saint-Denis").await;
        assert!(told.text().contains("Reprise en janvier."), "{told:.2000}");
        jerome
            .looks_and_saves(&switch(&done).with("ouverte", "oui"))
            .await
            .ok();
        let page = amina.tells_contact(&contact, "Saint-Denis").await;
        assert_eq!(page.address, "/declaration/faits");
        for (field, value) in [
            ("commune", "78646"),
            ("ouverte", "peut-être"),
            ("message", &"x".repeat(301)),
        ] {
            let wrong = switch(&done).with("ouverte", "oui").forge(field, value);
            let page = jerome.submit(&wrong).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        }
        // An administrator of one unit, an officer: not theirs.
        for key in ["admin-78", "974-police"] {
            let officer = app.officer(key);
            officer.logs_in("/agent").await;
            let page = officer.get("/administration/couverture").await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{key}");
        }
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_coverage_names_who_keeps_an_appointment_and_the_last_is_taken_back() {
    for app in TestApp::on_every_engine(MONDAY).await {
        load(&app).await;
        let camille = app.citizen("camille");
        let slots = camille.declares("Saint-Denis").await;
        camille.books_the_next_slot(&slots).await;
        let jerome = app.officer("admin-974");
        let page = jerome.logs_in("/administration/couverture").await.ok();
        assert!(!page.has("form.vp-undo"), "nothing was changed yet");
        let switch = |page: &Page| page.form("form[action='/administration/couverture']");
        let close = switch(&page).with("ouverte", "non");
        let look = jerome.submit(&close).await.ok();
        for words in [
            "Communes où la vidéo n’est plus proposée : 11",
            "qui restent tels quels : 1.",
        ] {
            assert!(look.text().contains(words), "{words}: {look:.4000}");
        }
        // Somebody else changes a commune meanwhile: the same button shows it again.
        let colleague = app.officer("admin-974");
        let page = colleague.logs_in("/administration/couverture").await.ok();
        let commune = switch(&page)
            .with("commune", "97411")
            .with("ouverte", "non");
        colleague.looks_and_saves(&commune).await.ok();
        let save = switch(&look).forge("acte", "enregistrer");
        let again = jerome.submit(&save).await.ok();
        assert!(
            again
                .text()
                .contains("Communes où la vidéo n’est plus proposée : 10"),
            "{again:.4000}"
        );
        let save = switch(&again).forge("acte", "enregistrer");
        let done = jerome.submit(&save).await.ok();
        assert_eq!(done.words(".vp-history > li").len(), 2);
        assert!(done.text().contains("vidéo fermée"));

        // Taken back by one button; what was taken back stays so.
        let undo = done.form("form.vp-undo");
        let undone = jerome.submit(&undo).await.ok();
        assert!(undone.text().contains("vidéo ouverte"), "{undone:.3000}");
        assert!(!undone.has("form.vp-undo"));
        let twice = jerome.submit(&undo).await;
        twice.refused(
            StatusCode::CONFLICT,
            "Quelqu’un a changé la couverture entre-temps",
        );
        // The commune that the colleague closed is still closed; the person was not touched.
        assert!(undone.text().contains("Saint-Denis (97411)"));
        camille.get("/espace").await.ok();
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_abroad_is_received_where_it_happened_and_nowhere_for_facts_abroad() {
    for app in TestApp::on_every_engine(MONDAY).await {
        load(&app).await;
        let camille = app.citizen("camille");
        let ask = lives_in(&camille, "Étranger").await;
        assert_eq!(ask.address, "/declaration/etranger", "{ask:.2000}");
        let form = ask.form("form[action='/declaration/etranger']");
        for (place, commune, words) in [
            ("", "", "Dites où les faits ont eu lieu"),
            ("france", "", "Indiquez la commune des faits"),
            ("france", "Nulle-Part-sur-Mer", "commune"),
            ("france", "Étranger", "commune"),
        ] {
            let wrong = form.clone().forge("lieu", place).with("commune", commune);
            let told = camille.submit(&wrong).await;
            assert_eq!(
                told.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{place} {commune}"
            );
            assert!(told.text().contains(words), "{words}: {told:.2000}");
        }
        // Abroad: the consulate, and what video cannot do. Nothing is decided by it.
        let told = camille
            .submit(&form.clone().with("lieu", "etranger"))
            .await
            .ok();
        for words in ["consulat", "Ce que la vidéo ne peut pas", "112"] {
            assert!(told.text().contains(words), "{words}: {told:.3000}");
        }
        // Where nobody receives, that is said and another place may be told.
        let bassins = form
            .clone()
            .with("lieu", "france")
            .with("commune", "Les Trois-Bassins");
        let told = camille.submit(&bassins).await.ok();
        assert!(
            told.text()
                .contains("Personne ne reçoit par vidéo pour Les Trois-Bassins")
        );
        // In a commune that a unit receives: that unit's, and the case goes on.
        let denis = form.with("lieu", "france").with("commune", "Saint-Denis");
        let next = camille.submit(&denis).await.ok();
        assert_eq!(next.address, "/declaration/verification", "{next:.2000}");
        let facts = camille.types_the_codes(&next).await;
        let slots = camille.tells_facts(&facts).await;
        assert!(
            slots.text().contains("Commissariat du Port-aux-Filaos"),
            "{slots:.2000}"
        );
        let again = camille.get("/declaration/etranger").await.ok();
        assert_eq!(again.address, "/declaration/faits");
        app.journal_holds();
    }
}
