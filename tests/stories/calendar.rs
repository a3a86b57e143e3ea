//! Administrators set what the public is offered.

use reqwest::StatusCode;

use crate::support::TestApp;

const MONDAY: &str = "2026-11-23T08:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_opens_a_desk_and_its_slots_appear_to_the_public() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, nadia) = (app.citizen("camille"), app.officer("admin-78"));
        let before = camille.declares("Versailles").await;
        let next = |page: &crate::support::Page| {
            page.form("form.vp-next-slot").field("creneau").to_owned()
        };
        let soon: i64 = next(&before).parse().unwrap();
        // Seeded hours end at 20:00; half past eight in the evening is not theirs.
        let evening = soon - soon.rem_euclid(24 * 3_600_000) + 19 * 3_600_000 + 1_800_000;
        let offered = |page: &crate::support::Page| {
            page.attributes("input[name='creneau']", "value")
                .contains(&evening.to_string())
        };
        assert!(!offered(&before));

        nadia.logs_in("/administration").await.ok();
        let done = nadia
            .opens_a_desk("u-78-police", "Guichet du soir")
            .await
            .ok();
        assert!(done.text().contains("Guichet du soir"));
        let after = camille.get("/rendez-vous/creneaux").await.ok();
        assert!(offered(&after), "{after:.2000}");
        let id = camille.books(&after, evening).await;
        assert_eq!(app.appointment(&id).await.starts_at.0, evening);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_overseas_offers_its_own_hours_and_says_so() {
    let app = TestApp::at(MONDAY).await;
    let charlie = app.citizen("charlie");
    let page = charlie.declares("Saint-Denis").await;
    assert!(
        page.text().contains("La Réunion") || page.text().contains("Réunion"),
        "{page:.1500}"
    );
    let slots: Vec<i64> = page
        .attributes("fieldset input[name='creneau']", "value")
        .iter()
        .map(|slot| slot.parse().unwrap())
        .collect();
    assert!(!slots.is_empty());
    for slot in slots {
        let local = visioplainte::clock::Timestamp(slot).in_zone(chrono_tz::Indian::Reunion);
        let hour: u32 = local.format("%H").to_string().parse().unwrap();
        assert!(
            (8..20).contains(&hour),
            "{local} is not within the desk's hours"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_set_desks_and_only_of_their_own_units() {
    let app = TestApp::at(MONDAY).await;
    let (sarah, nadia, camille) = (
        app.officer("78-police"),
        app.officer("admin-78"),
        app.citizen("camille"),
    );
    sarah.logs_in("/agent").await.ok();
    camille.logs_in("/espace").await.ok();
    nadia.logs_in("/administration").await.ok();
    for browser in [&sarah.browser, &camille.browser] {
        let page = browser.get("/administration/guichets").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:.300}");
    }
    let foreign = nadia
        .get("/administration/guichets/nouveau?unite=u-974-police")
        .await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{foreign:.300}");
    let form = nadia
        .get("/administration/guichets/nouveau?unite=u-78-police")
        .await
        .ok()
        .form("form[action='/administration/guichets/nouveau']")
        .with("libelle", "Guichet d’ailleurs")
        .forge("unite", "u-974-police");
    let forged = nadia.submit(&form).await;
    assert_eq!(forged.status, StatusCode::NOT_FOUND, "{forged:.300}");
}
