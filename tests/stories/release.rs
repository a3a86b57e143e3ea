//! A unit lets go of its slots in steps.

use reqwest::StatusCode;

use crate::support::{Page, TestApp};

/// A Monday morning in Paris.
const MONDAY: &str = "2026-11-23T08:00:00Z";
const RULES: &str = "/administration/unites/u-78-police/regles";

/// The starts that a page offers.
fn starts(page: &Page) -> Vec<String> {
    page.attributes("input[name='creneau'][type='radio']", "value")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_each_day_is_kept_for_later_and_officers_may_give_it_all_the_same() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        camille.declares("Versailles").await;
        let week = "/rendez-vous/creneaux?semaine=2026-12-07";
        let all = starts(&camille.get(week).await.ok());

        let admin = app.officer("admin-78");
        let page = admin.logs_in(RULES).await.ok();
        let form = page
            .form(&format!("form[action='{RULES}']"))
            .with("etapes", "oui")
            .with("premiere_part", "60")
            .with("deuxieme_part", "50");
        let told = admin.submit(&form).await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(told.text().contains("ne dépasse pas 100"), "{told:.3000}");
        let form = form
            .with("premiere_part", "40")
            .with("deuxieme_part", "30")
            .with("jours_avant", "7");
        let look = admin
            .submit(&form.clone().forge("acte", "verifier"))
            .await
            .ok();
        assert!(
            look.text().contains("Places gardées pour plus tard"),
            "{look:.4000}"
        );
        let still = starts(&camille.get(week).await.ok());
        assert_eq!(still, all, "looking changes nothing");
        let done = admin.looks_and_saves(&form).await.ok();
        assert!(
            done.text().contains("Les règles sont enregistrées"),
            "{done:.3000}"
        );

        // Two weeks ahead: the first share alone, spread over every day.
        let first = starts(&camille.get(week).await.ok());
        let percent = 100 * first.len() / all.len();
        assert!(
            (30..=50).contains(&percent),
            "{percent} percent of {}",
            all.len()
        );
        let kept = all.iter().find(|start| !first.contains(start)).unwrap();
        let slots = camille.get(week).await.ok();
        let forged = slots.form("form.vp-next-slot").forge("creneau", kept);
        let refused = camille.submit(&forged).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:.1000}");
        let id = camille.books_the_next_slot(&slots).await;

        // The unit's officer gives it; the person could not have chosen it.
        let own = format!("/rendez-vous/{id}/deplacer/confirmer?creneau={kept}");
        assert_eq!(camille.get(&own).await.status, StatusCode::CONFLICT);
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let path = format!("/agent/rendez-vous/{id}/deplacer?semaine=2026-12-07");
        let offered = starts(&sarah.get(&path).await.ok());
        assert_eq!(offered.len(), all.len());
        assert!(offered.contains(kept));

        // On the Sunday before, at one, the second share of the whole week is there; the
        // last is not, and nothing that was offered is gone.
        app.pass_minutes((13 * 24 + 4) * 60);
        let amina = app.citizen("amina");
        amina.declares("Versailles").await;
        let second = starts(&amina.get(week).await.ok());
        assert!(first.iter().all(|start| second.contains(start)));
        let percent = 100 * second.len() / all.len();
        assert!((55..=90).contains(&percent), "{percent} percent");

        // All at once again.
        let admin = app.officer("admin-78");
        let page = admin.logs_in(RULES).await.ok();
        let form = page.form(&format!("form[action='{RULES}']"));
        admin.looks_and_saves(&form.forge("etapes", "")).await.ok();
        assert_eq!(starts(&amina.get(week).await.ok()), all);
        app.journal_holds();
    }
}
