//! Who an officer is: the subject at one of ProConnect's providers, and never an
//! e-mail address, which may pass from one person to the next.

use serde_json::json;

use super::Site;
use crate::fetch_optional;
use crate::identity::LoginError;
use crate::identity::login::{Former, Freshness, sign_in_officer};
use crate::identity::provider::Verified;

#[tokio::test]
async fn an_officer_is_their_subject_at_their_provider_whatever_their_address() {
    let site = Site::start(|_| {}).await;
    let mut tx = site.app.db.read().await.unwrap();
    let known = fetch_optional!(
        &mut tx,
        (String, String),
        "select sub, idp_id from officers where id = 'o-78-police'"
    );
    let (sub, idp_id) = known.unwrap().unwrap();
    drop(tx);
    let (same, other) = (
        "sarah.delmas@interieur.example",
        "s.martin@interieur.example",
    );
    let elsewhere = "00000000-0000-4000-8000-000000000000";
    for (sub, idp_id, email, gets_in) in [
        (&*sub, &*idp_id, same, true),
        (&*sub, &*idp_id, other, true),
        (&*sub, elsewhere, same, false),
        ("somebody-else", &*idp_id, same, false),
        ("somebody-else", elsewhere, same, false),
    ] {
        let claims = json!({
            "usual_name": "Delmas", "given_name": "Sarah", "email": email, "idp_id": idp_id,
            // Some providers send no siret, others what nobody asked for.
            "siret": null, "chorusdt": "x",
        });
        let verified = Verified {
            subject: sub.to_owned(),
            acr: "eidas1-mfa".into(),
            amr: "pwd mfa".into(),
            authenticated_at: None,
            id_token: String::new(),
            claims: claims.as_object().unwrap().clone(),
        };
        let mut tx = site.app.db.begin().await.unwrap();
        let now = site.app.clock.now();
        let signed_in = sign_in_officer(
            &mut tx,
            &site.app.keys,
            &verified,
            Freshness::Fresh,
            &Former::default(),
            now,
        )
        .await;
        match signed_in {
            Ok(_) => assert!(gets_in, "{sub} of {idp_id}"),
            Err(LoginError::NotEmpowered) => assert!(!gets_in, "{sub} of {idp_id}"),
            Err(error) => panic!("{sub} of {idp_id}: {error}"),
        }
    }
}
