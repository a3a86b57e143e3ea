//! An address is written to only after the code sent there was typed: nobody's
//! appointment is told to a stranger, and nobody's link is lost to a slip.

use reqwest::StatusCode;
use visioplainte::fetch_all;

use crate::support::messages::{code_in, mail_to, sms_to};
use crate::support::people::{EMAIL, PHONE_DIALLED};
use crate::support::{Citizen, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";
const TYPE: &str = "form[action='/declaration/verification']";

/// Signed in, rights read; the page of the contact details.
async fn at_the_contact_step(camille: &Citizen) -> Page {
    let rights = camille.identify(&camille.is_oriented().await).await.ok();
    camille.reads_rights(&rights).await
}

/// Gives what they want to be reached by; lands where that leads.
async fn gives(camille: &Citizen, email: &str, phone: &str) -> Page {
    let page = camille.get("/declaration/coordonnees").await.ok();
    let form = page
        .form("form[action='/declaration/coordonnees']")
        .with("courriel", email)
        .with("telephone", phone)
        .with("adresse", "12 rue des Lilas")
        .with("commune", "Versailles");
    camille.submit(&form).await
}

/// A code that is not the one of a letter.
fn another(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_channel_asks_for_one_code_and_is_told_everything_from_then_on() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        at_the_contact_step(&camille).await;
        let page = gives(&camille, EMAIL, "").await.ok();
        assert_eq!(page.address, "/declaration/verification");
        assert!(page.has("#code_courriel") && !page.has("#code_telephone"));
        for (attribute, value) in [("autocomplete", "one-time-code"), ("inputmode", "numeric")] {
            assert_eq!(
                page.attribute("#code_courriel", attribute).as_deref(),
                Some(value)
            );
        }
        // Nobody gets further without it, whatever address they type.
        for address in [
            "/declaration/faits",
            "/rendez-vous/creneaux",
            "/declaration",
        ] {
            let there = camille.get(address).await.ok();
            assert_eq!(there.address, "/declaration/verification", "{address}");
        }
        let letter = mail_to(&app.site, EMAIL, "code").await;
        let code = code_in(&letter.text);
        assert!(
            !letter.subject.contains(&code),
            "a subject is seen on locked screens"
        );
        let wrong = page.form(TYPE).with("code_courriel", &another(&code));
        let refused = camille.submit(&wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            refused.text().contains("essais restants"),
            "{refused:.2000}"
        );
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        let right = refused.form(TYPE).with("code_courriel", &spaced);
        let facts = camille.submit(&right).await.ok();
        assert_eq!(facts.address, "/declaration/faits");
        let slots = camille.tells_facts(&facts).await;
        camille.books_the_next_slot(&slots).await;
        mail_to(&app.site, EMAIL, "est confirmé").await;
        app.outbox_is_empty().await;
        let mut tx = app.read().await;
        let told = fetch_all!(
            &mut tx,
            (String, String),
            "select template, channel from messages order by template"
        );
        let expected = [("booked", "email"), ("contact-code", "email")];
        assert_eq!(
            told.unwrap(),
            expected.map(|(template, channel)| (template.to_owned(), channel.to_owned()))
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_channels_one_is_enough_and_the_other_is_told_nothing() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        at_the_contact_step(&camille).await;
        let page = gives(&camille, EMAIL, PHONE_DIALLED).await.ok();
        let code = code_in(&sms_to(&app.site, PHONE_DIALLED, "code").await.text);
        let form = page.form(TYPE).with("code_telephone", &code);
        let facts = camille.submit(&form).await.ok();
        assert_eq!(facts.address, "/declaration/faits");
        let slots = camille.tells_facts(&facts).await;
        let id = camille.books_the_next_slot(&slots).await;
        let reference = app.appointment(&id).await.reference;
        sms_to(&app.site, PHONE_DIALLED, &reference).await;
        app.outbox_is_empty().await;
        let mut tx = app.read().await;
        let told = fetch_all!(
            &mut tx,
            (String,),
            "select channel from messages where template = 'booked'"
        );
        assert_eq!(told.unwrap(), [("sms".to_owned(),)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_asks_again_and_a_known_one_does_not() {
    let app = TestApp::at(MONDAY).await;
    let camille = app.citizen("camille");
    let contact = at_the_contact_step(&camille).await;
    let facts = camille.tells_contact(&contact, "Versailles").await;
    assert_eq!(facts.address, "/declaration/faits");
    // Saved again as it was: nothing to confirm.
    let same = gives(&camille, EMAIL, PHONE_DIALLED).await.ok();
    assert_eq!(same.address, "/declaration/faits");
    let other = gives(&camille, "autre@courriel.example", "").await.ok();
    assert_eq!(other.address, "/declaration/verification");
    let code = code_in(
        &mail_to(&app.site, "autre@courriel.example", "code")
            .await
            .text,
    );
    // The code of one address confirms no other.
    let before = code_in(&mail_to(&app.site, EMAIL, "code").await.text);
    let wrong = other.form(TYPE).with("code_courriel", &before);
    assert_eq!(
        camille.submit(&wrong).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let right = other.form(TYPE).with("code_courriel", &code);
    let facts = camille.submit(&right).await.ok();
    assert_eq!(facts.address, "/declaration/faits");
    let back = gives(&camille, EMAIL, "").await.ok();
    assert_eq!(back.address, "/declaration/faits", "confirmed a moment ago");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_not_confirmed_once_another_tab_took_the_address_away() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let camille = app.citizen("camille");
        let slots = camille.declares("Versailles").await;
        let review = camille.submit(&slots.form("form.vp-next-slot")).await.ok();
        // In another tab, meanwhile.
        gives(&camille, "autre@courriel.example", "").await.ok();
        let asked = camille
            .submit(&review.form("form[action$='/confirmer']"))
            .await
            .ok();
        assert_eq!(asked.address, "/declaration/verification");
        let code = code_in(
            &mail_to(&app.site, "autre@courriel.example", "code")
                .await
                .text,
        );
        let form = asked.form(TYPE).with("code_courriel", &code);
        let slots = camille.submit(&form).await.ok();
        assert!(
            slots.address.starts_with("/rendez-vous/creneaux"),
            "{slots:.500}"
        );
        // The slot is still kept, and can now be confirmed.
        let review = slots.attribute("a[href$='/confirmer']", "href").unwrap();
        let review = camille.get(&review).await.ok();
        camille.confirms(&review).await;
        mail_to(&app.site, "autre@courriel.example", "est confirmé").await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_nothing_is_told_why_when_and_what_else() {
    let app = TestApp::at(MONDAY).await;
    let camille = app.citizen("camille");
    at_the_contact_step(&camille).await;
    // Nobody is at that address: the sandbox's supplier says so.
    let page = gives(&camille, "inconnu@simulateur.example", "").await.ok();
    let again = "form[action='/declaration/verification/renvoyer']";
    assert!(
        !page.has(again),
        "a moment after a code no other is offered"
    );
    assert!(page.text().contains("à partir de"), "{page:.2000}");
    app.outbox_is_empty().await;
    let page = camille.get("/declaration/verification").await.ok();
    assert!(
        page.text().contains("semble ne pas exister"),
        "{page:.2000}"
    );
    let soon = camille
        .post(
            "/declaration/verification/renvoyer",
            &[
                ("csrf", page.form(TYPE).field("csrf")),
                ("canal", "courriel"),
            ],
        )
        .await;
    assert_eq!(soon.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(soon.text().contains("attendez-le"), "{soon:.2000}");
    app.pass_minutes(1);
    let page = camille.get("/declaration/verification").await.ok();
    let sent = camille.submit(&page.form(again)).await.ok();
    assert!(sent.text().contains("Un nouveau code part"), "{sent:.2000}");
}
