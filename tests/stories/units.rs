//! A department adds a unit, writes its sheet, closes one, and opens it again.

use reqwest::StatusCode;

use crate::support::page::Form;
use crate::support::{Officer, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";
const LIST: &str = "/administration/unites";
const NEW: &str = "/administration/unites/nouvelle";
const POLICE: &str = "Commissariat du Port-aux-Filaos (unité fictive)";
const CLOSING: &str = "/administration/unites/u-974-gendarmerie/fermeture";
const OPENING: &str = "/administration/unites/u-974-gendarmerie/reouverture";
const SHEET: &str = "/administration/unites/u-974-gendarmerie/fiche";

fn filled(page: &Page) -> Form {
    page.form(&format!("form[action='{NEW}']"))
        .with("nom", "Brigade de la Ravine (unité fictive)")
        .with("genre", "gendarmerie")
        .with("adresse", "4 rue de l’Exemple")
        .with("code_postal", "97426")
        .with("ville", "La Ravine")
        .with("telephone", "02 61 91 97 43")
        .with("courriel", "brigade-ravine@visioplainte.example")
        .with("horaires", "Du lundi au vendredi, 8 h – 18 h")
        .with("accessibilite", "Rampe à gauche de l’entrée")
        .with("langues", "français, anglais")
}

/// Gives a commune to a unit, as a table of one line.
async fn gives(jerome: &Officer, commune: &str, unit: &str) -> Page {
    let page = jerome.get("/administration/couverture").await.ok();
    let form = page
        .form("form[action$='/couverture/unites']")
        .with("tableau", &format!("code_insee;unite\n{commune};{unit}\n"));
    jerome.looks_and_saves(&form).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_is_added_and_whoever_it_receives_reads_its_sheet() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let jerome = app.officer("admin-974");
        let page = jerome.logs_in(NEW).await.ok();
        let form = filled(&page);
        assert_eq!(
            form.field("fuseau"),
            "Indian/Reunion",
            "the department's zone"
        );
        for (field, wrong, words) in [
            ("nom", "", "Donnez un nom"),
            ("genre", "armée", "Choisissez police ou gendarmerie"),
            ("code_postal", "974", "code postal de 5 chiffres"),
            ("telephone", "<script>", "des chiffres, des espaces"),
            ("courriel", "nulle part", "adresse de courriel"),
            ("fuseau", "Mars/Olympus", "fuseau dans la liste"),
        ] {
            let told = jerome.submit(&form.clone().forge(field, wrong)).await;
            assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
            assert!(told.text().contains(words), "{field}: {told:.3000}");
        }
        let unseen = jerome
            .submit(&form.clone().forge("acte", "enregistrer"))
            .await
            .ok();
        assert!(unseen.has("#apercu"), "{unseen:.3000}");
        let list = jerome.get(LIST).await.ok();
        assert_eq!(list.count(".vp-unit"), 2, "looking adds nothing");
        let list = jerome.looks_and_saves(&form).await.ok();
        assert_eq!(list.count(".vp-unit"), 3, "{list:.3000}");
        let href = list.attributes("main a[href$='/fiche']", "href");
        let known = ["u-974-police", "u-974-gendarmerie"];
        let sheet = href
            .iter()
            .find(|href| !known.iter().any(|unit| href.contains(unit)))
            .unwrap();
        let unit = sheet.split('/').nth(3).unwrap();

        // It receives once it has a desk and a commune.
        jerome.opens_a_desk(unit, "Guichet 1").await.ok();
        gives(&jerome, "97421", unit).await;
        let camille = app.citizen("camille");
        let slots = camille.declares("Salazie").await;
        let facts = [
            "Brigade de la Ravine (unité fictive)",
            "Accueil du public : Du lundi au vendredi, 8 h – 18 h",
            "Accessibilité : Rampe à gauche de l’entrée",
            "Langues parlées : français, anglais",
            "02 61 91 97 43",
        ];
        let appointment = camille.books_the_next_slot(&slots).await;
        let page = camille
            .get(&format!("/rendez-vous/{appointment}"))
            .await
            .ok();
        let in_person = camille
            .get(&format!("/en-personne?unite={unit}"))
            .await
            .ok();
        for (name, page) in [
            ("slots", &slots),
            ("appointment", &page),
            ("in person", &in_person),
        ] {
            for words in facts {
                assert!(page.text().contains(words), "{name}, {words}: {page:.4000}");
            }
        }
        for nobody in ["none", "<b>", "u-0"] {
            let page = camille
                .get(&format!("/en-personne?unite={nobody}"))
                .await
                .ok();
            assert!(!page.has(".vp-unit-sheet"));
        }

        // Another telephone, shown before it is saved; the history names who and what.
        let page = jerome.get(sheet).await.ok();
        let form = page
            .form(&format!("form[action='{sheet}']"))
            .with("telephone", "02 61 91 97 44");
        let done = jerome.looks_and_saves(&form).await.ok();
        let history = done.words(".vp-history > li");
        for words in [
            "RIO 9974003",
            "Téléphone : « 02 61 91 97 43 » devient « 02 61 91 97 44 »",
        ] {
            assert!(history[0].contains(words), "{words}: {history:?}");
        }
        let page = camille
            .get(&format!("/rendez-vous/{appointment}"))
            .await
            .ok();
        assert!(page.text().contains("02 61 91 97 44"));
        // A form filled before that comes too late, also once it was looked at.
        let late = form.with("telephone", "02 61 91 97 45");
        let look = jerome.submit(&late.forge("acte", "verifier")).await.ok();
        let save = look.form(&format!("form[action='{sheet}']:has([name='vu'])"));
        let late = jerome.submit(&save.forge("acte", "enregistrer")).await;
        late.refused(
            StatusCode::CONFLICT,
            "Quelqu’un a changé cette unité entre-temps",
        );
        // The clock stays while somebody is expected.
        let form = done
            .form(&format!("form[action='{sheet}']"))
            .with("fuseau", "Europe/Paris");
        let told = jerome.submit(&form).await;
        assert_eq!(told.status, StatusCode::CONFLICT);
        assert!(
            told.text()
                .contains("tant que des personnes sont attendues")
        );
        let undo = done.form("form.vp-undo").forge("acte", "annuler");
        let undone = jerome.submit(&undo).await.ok();
        assert!(!undone.has("form.vp-undo"));
        let page = camille
            .get(&format!("/rendez-vous/{appointment}"))
            .await
            .ok();
        assert!(page.text().contains("02 61 91 97 43"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_closes_whole_or_not_at_all_and_opens_again() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let jerome = app.officer("admin-974");
        let camille = app.citizen("camille");
        let slots = camille.declares("Saint-Leu").await;
        let appointment = camille.books_the_next_slot(&slots).await;
        let amina = app.citizen("amina");
        amina.declares("Salazie").await;
        let page = jerome.logs_in(CLOSING).await.ok();
        for words in [
            "Personnes encore attendues : 1",
            "Guichets fermés : 1",
            "Plus personne ne reçoit par vidéo les habitants de : Les Avirons",
            "Dossiers commencés, sans rendez-vous : 1",
        ] {
            assert!(page.text().contains(words), "{words}: {page:.4000}");
        }
        let close = page.form(&format!("form[action='{CLOSING}']"));
        let refused = jerome.submit(&close.forge("acte", "fermer")).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text().contains("L’unité reste ouverte"));
        let still = amina.get("/rendez-vous/creneaux").await.ok();
        assert!(still.text().contains("Brigade de l’Anse-aux-Palmes"));

        // Nobody is expected any more: shown with its heir, then done.
        let ask = camille
            .get(&format!("/rendez-vous/{appointment}/annuler"))
            .await
            .ok();
        camille
            .submit(&ask.form("form[action$='/annuler']"))
            .await
            .ok();
        let page = jerome.get(CLOSING).await.ok();
        let heir = page
            .form(&format!("form[action='{CLOSING}']"))
            .with("reprise", "u-974-police");
        let unseen = jerome
            .submit(&heir.clone().forge("acte", "fermer"))
            .await
            .ok();
        assert_eq!(unseen.address, CLOSING, "another heir than was shown");
        let look = jerome.submit(&heir.forge("acte", "verifier")).await.ok();
        for words in [
            format!("Passent à {POLICE} : Les Avirons"),
            format!("Dossiers commencés, sans rendez-vous : 2. Ils passent à {POLICE}"),
        ] {
            assert!(look.text().contains(&words), "{words}: {look:.4000}");
        }
        let close = look
            .form(&format!("form[action='{CLOSING}']"))
            .forge("acte", "fermer");
        let list = jerome.submit(&close).await.ok();
        assert_eq!(list.address, format!("{LIST}?fait=fermee"));
        assert!(list.text().contains("Fermée"), "{list:.3000}");
        let again = jerome.submit(&close).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "it is closed");
        // Both go on with the unit that took over; the closed one offers and opens nothing.
        for person in [&camille, &amina] {
            let slots = person.get("/rendez-vous/creneaux").await.ok();
            assert!(slots.text().contains(POLICE), "{slots:.2000}");
        }
        let desks = jerome.get("/administration/guichets").await.ok();
        assert!(!desks.text().contains("Brigade de l’Anse-aux-Palmes"));
        let nothing = jerome
            .get("/administration/guichets/nouveau?unite=u-974-gendarmerie")
            .await;
        assert_eq!(nothing.status, StatusCode::NOT_FOUND);
        let coverage = jerome.get("/administration/couverture").await.ok();
        let history = coverage.words(".vp-history > li");
        for words in ["fermeture de « Brigade", "RIO 9974003", "Saint-Leu (97413)"] {
            assert!(history[0].contains(words), "{words}: {history:?}");
        }
        assert!(
            !coverage.has("form.vp-undo"),
            "it is reopened on its own page"
        );

        // One commune goes to nobody meanwhile: it does not come back with the others.
        gives(&jerome, "97421", "").await;
        let page = jerome.get(OPENING).await.ok();
        for words in ["Guichets rouverts, avec leurs horaires : 1", "Saint-Leu"] {
            assert!(page.text().contains(words), "{words}: {page:.3000}");
        }
        assert!(page.text().contains("qui ne lui reviennent pas : 1"));
        let open = page.form(&format!("form[action='{OPENING}']"));
        let unseen = jerome.submit(&open.clone().forge("vu", "")).await.ok();
        assert_eq!(unseen.address, OPENING);
        let list = jerome.submit(&open).await.ok();
        assert!(!list.text().contains("Fermée"), "{list:.3000}");
        let lisandru = app.citizen("lisandru");
        let slots = lisandru.declares("Saint-Leu").await;
        assert!(slots.text().contains("Brigade de l’Anse-aux-Palmes"));
        lisandru.books_the_next_slot(&slots).await;
        let sheet = jerome.get(SHEET).await.ok();
        let history = sheet.words(".vp-history > li");
        assert!(history[0].contains("unité rouverte, par RIO 9974003"));
        assert!(history[1].contains("unité fermée, par RIO 9974003"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_of_one_unit_writes_its_sheet_and_closes_nothing() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        let list = nadia.logs_in(LIST).await.ok();
        assert_eq!(list.count(".vp-unit"), 1);
        assert_eq!(list.count("main a[href$='/fermeture']"), 0);
        assert_eq!(list.count(&format!("main a[href='{NEW}']")), 0);
        let own = "/administration/unites/u-78-police";
        nadia.get(&format!("{own}/fiche")).await.ok();
        for path in [
            NEW.to_owned(),
            format!("{own}/fermeture"),
            format!("{own}/reouverture"),
        ] {
            assert_eq!(
                nadia.get(&path).await.status,
                StatusCode::FORBIDDEN,
                "{path}"
            );
        }
        let other = "/administration/unites/u-78-gendarmerie/fiche";
        assert_eq!(nadia.get(other).await.status, StatusCode::NOT_FOUND);
    }
}
