//! What an officer is told of how a person signed in: by a helper with a mandate, or as
//! somebody whom FranceConnect describes otherwise than it first did.

use visioplainte::db::Id;
use visioplainte::identity::{PivotIdentity, people};

use crate::support::{Citizen, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";

/// The officer's three pages of an appointment: its day in the agenda, itself, the hearing.
async fn pages_of(app: &TestApp, id: &str) -> [Page; 3] {
    let sarah = app.officer("78-police");
    sarah.logs_in("/agent").await.ok();
    let entry = sarah.get(&format!("/agent/rendez-vous/{id}")).await.ok();
    let day = entry.attribute("main a[href^='/agent?jour=']", "href");
    let day = sarah.get(&day.unwrap()).await.ok();
    [day, entry, sarah.workspace(id).await]
}

async fn books(person: &Citizen) -> String {
    let slots = person.declares("Versailles").await;
    person.books_the_next_slot(&slots).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_reads_that_a_helper_signed_the_person_in() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (lucette, camille) = (app.citizen("lucette"), app.citizen("camille"));
        for (person, helped) in [(&lucette, true), (&camille, false)] {
            let id = books(person).await;
            let told = "Accompagné par un aidant (Aidants Connect)";
            let [day, entry, hearing] = pages_of(&app, &id).await;
            let row = day.words("main tbody tr");
            let row = row.iter().find(|row| {
                let name = if helped { "MARCHADIER" } else { "BERTHELOT" };
                row.contains(name)
            });
            assert_eq!(row.unwrap().contains(told), helped, "{row:?}");
            for page in [entry, hearing] {
                assert_eq!(page.text().contains(told), helped, "{page:.3000}");
                // With what to do about it.
                let what_to_do = page.text().contains("Assurez-vous que la personne est là");
                assert_eq!(what_to_do, helped);
            }
        }
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_reads_what_franceconnect_says_otherwise_now_and_what_to_do() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let id = books(&camille).await;
        let citizen = app.appointment(&id).await.citizen_id;
        let told = "L’identité transmise a changé";
        for page in pages_of(&app, &id).await {
            assert!(!page.text().contains(told), "{page:.3000}");
        }
        // She first came under a name that was corrected since.
        came_first_as(&app, &citizen, "BERTELOT").await;
        camille.elsewhere().logs_in("/espace").await.ok();
        let [day, entry, hearing] = pages_of(&app, &id).await;
        let row = day.words("main tbody tr").join(" ");
        assert!(row.contains("Identité changée, à vérifier"), "{row}");
        for page in [entry, hearing] {
            let text = page.text();
            assert!(text.contains(told), "{page:.3000}");
            assert!(text.contains("BERTELOT → BERTHELOT"), "{page:.3000}");
            assert!(text.contains("Comparez avec le document d’identité"));
        }
        // Until a login brings the first identity again.
        came_first_as(&app, &citizen, "BERTHELOT").await;
        camille.elsewhere().logs_in("/espace").await.ok();
        for page in pages_of(&app, &id).await {
            assert!(!page.text().contains(told), "{page:.3000}");
        }
        app.journal_holds();
    }
}

/// Writes down that somebody was first told of under another name.
async fn came_first_as(app: &TestApp, citizen: &Id, family_name: &str) {
    let mut tx = app.db.begin().await.unwrap();
    let known = people::citizen_identity(&mut tx, &app.keys, citizen).await;
    let first = PivotIdentity {
        family_name: family_name.to_owned(),
        ..known.unwrap().unwrap()
    };
    visioplainte::execute!(
        &mut tx,
        "update citizens set sealed_identity = $2 where id = $1",
        citizen,
        app.keys
            .service
            .seal_json(&format!("citizen/{citizen}"), &first)
    )
    .unwrap();
    tx.commit().await.unwrap();
}
