//! The main job: a citizen and an officer hold a hearing, and a signed
//! procès-verbal comes out and is handed over.

use std::process::Command;

use reqwest::StatusCode;
use serde_json::json;
use visioplainte::clock::Timestamp;

use crate::support::call::Call;
use crate::support::messages::{Letter, mail_to, sms_to};
use crate::support::people::{EMAIL, FACTS_OF_THE_CASE, PHONE_DIALLED, STATEMENT};
use crate::support::{Citizen, Officer, Page, TestApp, until};

const UNIT: &str = "u-78-police";

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_and_an_officer_hold_a_hearing_and_a_signed_proces_verbal_comes_out() {
    for app in TestApp::live_on_every_engine().await {
        let app = app.with_media().await;
        let camille = app.citizen("camille");
        let sarah = app.officer("78-police");

        a_desk_is_opened(&app).await;
        let (id, link) = an_appointment_is_made(&app, &camille).await;
        let (citizen_call, officer_call) = both_meet(&app, &camille, &sarah, &id, &link).await;
        the_record_is_written_and_agreed(&camille, &sarah, &id).await;
        it_is_signed_downloaded_and_handed_over(&app, &camille, &sarah, &id).await;
        the_hearing_ends(&camille, &sarah, &id, citizen_call, officer_call).await;
        app.outbox_is_empty().await;
        app.journal_holds();
    }
}

/// The administrator opens a desk; its hours are offered to the public.
async fn a_desk_is_opened(app: &TestApp) {
    let nadia = app.officer("admin-78");
    nadia.logs_in("/administration").await.ok();
    let done = nadia.opens_a_desk(UNIT, "Guichet du parcours").await.ok();
    assert!(done.text().contains("Guichet du parcours"), "{done:.2000}");
}

/// From the home page to a confirmed appointment and its messages.
async fn an_appointment_is_made(app: &TestApp, camille: &Citizen) -> (String, String) {
    let id = camille.has_an_appointment().await;
    let appointment = camille.get(&format!("/rendez-vous/{id}")).await.ok();
    let reference = appointment.words(".vp-reference").remove(0);
    let booked = app.appointment(&id).await;
    assert_eq!(booked.reference, reference);
    assert_eq!(booked.unit_id.as_str(), UNIT);

    let mail = mail_to(&app.site, EMAIL, &reference).await;
    let sms = sms_to(&app.site, PHONE_DIALLED, &reference).await;
    for letter in [&mail, &sms] {
        tells_only_what_it_may(letter);
    }
    let link = mail.link.clone().expect("the mail holds a personal link");
    assert_eq!(
        sms.link.as_deref(),
        Some(link.as_str()),
        "one link in every message"
    );
    assert!(link.starts_with(&format!("{}/lien/", app.site)));
    // Day, hour and place stand in the mail as they stand on the page.
    for words in [
        "Commissariat de Fontclaire",
        "1 place de l’Exemple",
        "01 99 00 78 01",
    ] {
        assert!(
            mail.text.contains(words),
            "{words} is missing in {}",
            mail.text
        );
    }
    let time = booked
        .starts_at
        .in_zone(chrono_tz::Europe::Paris)
        .format("%-H")
        .to_string();
    assert!(
        mail.text.contains(&time) && sms.text.contains(&time),
        "the hour {time} is missing"
    );
    is_a_calendar_entry(&mail.calendar, booked.starts_at, &link);
    let own = camille
        .get(&format!("/rendez-vous/{id}/calendrier.ics"))
        .await
        .ok();
    let page = format!("{}/rendez-vous/{id}", app.site);
    is_a_calendar_entry(&own.text(), booked.starts_at, &page);
    assert!(
        !own.text().contains("/lien/"),
        "a downloaded entry holds no secret"
    );
    assert_eq!(
        app.count_messages(&format!("appointment/{id}/booked"))
            .await,
        2
    );
    (id, link)
}

fn tells_only_what_it_may(letter: &Letter) {
    let whole = format!("{}\n{}\n{}", letter.subject, letter.text, letter.calendar);
    for fact in FACTS_OF_THE_CASE {
        assert!(!whole.contains(fact), "{fact:?} stands in {whole}");
    }
    for hole in ["{$", "{ $", "⟦", "{link}"] {
        assert!(!whole.contains(hole), "a value is missing in {whole}");
    }
}

/// A calendar object as RFC 5545 wants it, of that instant, leading there.
fn is_a_calendar_entry(text: &str, starts_at: Timestamp, leads_to: &str) {
    assert!(
        text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"),
        "{text}"
    );
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "a line of {} octets: {line}", line.len());
    }
    let unfolded = text.replace("\r\n ", "");
    let start = starts_at.utc().format("DTSTART:%Y%m%dT%H%M%SZ").to_string();
    assert!(
        unfolded.contains(&start),
        "{start} is missing in {unfolded}"
    );
    assert!(
        unfolded.contains(leads_to),
        "{leads_to} is missing in {unfolded}"
    );
}

/// The officer finds the appointment and opens; the citizen comes by the link,
/// waits, is admitted; each sees the other in the room.
async fn both_meet(
    app: &TestApp,
    camille: &Citizen,
    sarah: &Officer,
    id: &str,
    link: &str,
) -> (Call, Call) {
    let agenda = sarah.logs_in("/agent").await.ok();
    let workspace = format!("/agent/audition/{id}");
    let opened = agenda.attributes("main a", "href").contains(&workspace);
    assert!(
        opened,
        "the appointment stands in the day's agenda: {agenda:.2000}"
    );
    let dossier = sarah.get(&workspace).await.ok();
    assert!(
        dossier.text().contains("vélo attaché"),
        "the officer reads the statement"
    );

    // Another day, another browser: the link, a login, the door.
    let path = link.strip_prefix(&app.site).unwrap();
    let stranger = camille.elsewhere();
    let door = stranger.get(path).await.ok();
    assert!(
        !door.text().contains("BERTHELOT"),
        "the link does not say who"
    );
    let entry = stranger.identify(&door).await.ok();
    assert!(entry.has("form[action$='/entrer']"), "{entry:.2000}");
    // This story goes on in the first browser, by the link itself.
    let door = camille.get(path).await.ok();
    let room = camille
        .submit(&door.form(&format!("form[action='{path}']")))
        .await
        .ok();
    assert_eq!(room.address, format!("/audition/{id}"));
    let mut citizen_call = camille.joins(&room).await.unwrap();
    citizen_call.expect("waiting").await;

    let mine = sarah
        .submit(&dossier.form("form[action$='/ouvrir']"))
        .await
        .ok();
    let mut officer_call = sarah.joins(&mine).await.unwrap();
    officer_call.expect("joined").await;
    officer_call.expect("offer").await;
    let arrived = until("the citizen shown as arrived", async || {
        let page = sarah.get(&workspace).await.ok();
        page.has("ul.vp-people .fr-badge--success").then_some(page)
    })
    .await;
    sarah
        .submit(&arrived.form("form[action$='/admettre']"))
        .await
        .ok();
    citizen_call.expect("joined").await;
    let offer = citizen_call.expect("offer").await;
    assert!(offer["sdp"].as_str().unwrap().contains("a=ice-lite"));
    let state = until_heard(&mut citizen_call).await;
    assert_eq!(state["place"], json!("in"));
    (citizen_call, officer_call)
}

/// The room's state once each of the two reaches the other.
async fn until_heard(call: &mut Call) -> serde_json::Value {
    loop {
        let state = call.expect("state").await;
        let everybody_in = state["participants"].as_array().unwrap().len() == 2;
        if everybody_in && state["hears"].as_array().unwrap().len() == 1 {
            return state;
        }
    }
}

/// Checks, text, reading along, review, one change, the answer, agreement.
async fn the_record_is_written_and_agreed(camille: &Citizen, sarah: &Officer, id: &str) {
    let workspace = format!("/agent/audition/{id}");
    let reading = format!("/audition/{id}/proces-verbal");
    let page = sarah.get(&workspace).await.ok();
    assert!(
        !sendable(&page),
        "nothing is sent before the checks are made"
    );
    let page = sarah.ticks_everything(&page).await;
    let saved = sarah
        .writes(&page, "Le vélo a disparu à dix heures.")
        .await
        .ok();
    let along = camille.get(&reading).await.ok();
    assert!(
        along.text().contains("disparu à dix heures"),
        "the citizen reads along"
    );
    assert!(
        !along.has("form[action$='/accord']"),
        "a draft is not to be agreed to"
    );

    assert!(sendable(&saved), "{saved:.3000}");
    sarah
        .submit(&saved.form("form[action$='/relecture']"))
        .await
        .ok();
    let review = camille.get(&reading).await.ok();
    let first_hash = review
        .form("form[action$='/accord']")
        .field("empreinte")
        .to_owned();
    let change = review
        .form("form[action$='/modification']")
        .with("texte", "C’était à onze heures.");
    let asked = camille.submit(&change).await.ok();
    assert!(
        !asked.has("form[action$='/accord']"),
        "a version under change is not to be agreed to"
    );

    let page = sarah.get(&workspace).await.ok();
    assert!(page.text().contains("onze heures"));
    assert!(
        !sendable(&page),
        "a change without an answer holds the record back"
    );
    let answer = page
        .form("form[action$='/reponse']")
        .with("reponse", "Corrigé.");
    let page = sarah.submit(&answer).await.ok();
    let page = sarah
        .writes(&page, "Le vélo a disparu à onze heures.")
        .await
        .ok();
    sarah
        .submit(&page.form("form[action$='/relecture']"))
        .await
        .ok();

    let review = camille.get(&reading).await.ok();
    for words in ["disparu à onze heures", "Corrigé."] {
        assert!(
            review.text().contains(words),
            "{words} is missing: {review:.2000}"
        );
    }
    let agreement = review
        .form("form[action$='/accord']")
        .with("decision", "agreed");
    assert_ne!(
        agreement.field("empreinte"),
        first_hash,
        "a new text has a new hash"
    );
    let page = sarah.get(&workspace).await.ok();
    assert!(
        !page.has("form[action$='/signature']"),
        "nothing is signed before the agreement"
    );
    camille.submit(&agreement).await.ok();
}

fn sendable(page: &Page) -> bool {
    page.has("form[action$='/relecture'] button:not([disabled])")
}

/// Signature, download by both, hand-off with its acknowledgement.
async fn it_is_signed_downloaded_and_handed_over(
    app: &TestApp,
    camille: &Citizen,
    sarah: &Officer,
    id: &str,
) {
    let workspace = format!("/agent/audition/{id}");
    let page = sarah.get(&workspace).await.ok();
    let signed = sarah
        .submit(&page.form("form[action$='/signature']"))
        .await
        .ok();
    assert_eq!(signed.count("a[href^='/agent/documents/']"), 2);
    let reference = app.appointment(id).await.reference;
    let ready = mail_to(&app.site, EMAIL, &format!("Vos documents {reference}")).await;
    assert!(
        ready.link.is_none() && !ready.text.contains("vélo"),
        "{}",
        ready.text
    );

    let space = camille.get("/espace").await.ok();
    let documents = space.attributes("a[href^='/espace/documents/']", "href");
    assert_eq!(
        documents.len(),
        2,
        "récépissé and procès-verbal: {space:.1000}"
    );
    let mut texts = String::new();
    for (index, path) in documents.iter().enumerate() {
        let document = camille.get(path).await.ok();
        assert_eq!(document.kind, "application/pdf");
        assert!(document.bytes.starts_with(b"%PDF-"));
        let file = app.folder().join(format!("document-{index}.pdf"));
        std::fs::write(&file, &document.bytes).unwrap();
        let file = file.to_str().unwrap().to_owned();
        let signature = tool("pdfsig", &[&file]);
        assert!(signature.contains("Signature is Valid"), "{signature}");
        assert!(signature.contains("Total document signed"), "{signature}");
        // PDF/A-2a and PDF/UA-1, as the document itself claims (ISO 19005-2, 6.6.4).
        let claims = tool("pdfinfo", &["-meta", &file]);
        for claim in ["pdfaid:part>2<", "pdfaid:conformance>A<", "pdfuaid:part>1<"] {
            assert!(claims.contains(claim), "{claim} is missing in {claims}");
        }
        texts.push_str(&tool("pdftotext", &[&file, "-"]));
        // One flipped byte and the signature no longer holds.
        let mut forged = document.bytes.clone();
        let middle = forged.len() / 3;
        forged[middle] ^= 1;
        std::fs::write(&file, &forged).unwrap();
        let broken = Command::new("pdfsig").arg(&file).output().unwrap();
        assert!(!String::from_utf8_lossy(&broken.stdout).contains("Signature is Valid"));
    }
    assert!(
        texts.contains("onze heures"),
        "the agreed text is in the act"
    );
    assert!(texts.contains(&reference));
    let other = app.citizen("amina");
    other.logs_in("/espace").await.ok();
    assert_eq!(other.get(&documents[0]).await.status, StatusCode::NOT_FOUND);

    app.record_becomes(id, "acknowledged").await;
    let packages: Vec<_> = std::fs::read_dir(app.handoff_inbox())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert_eq!(packages.len(), 1, "{packages:?}");
    let folder = packages[0].to_str().unwrap();
    let verified = app.command(&["package", "verify", folder]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    let dossier = std::fs::read_to_string(packages[0].join("dossier.json")).unwrap();
    assert!(dossier.contains(STATEMENT) && dossier.contains("onze heures"));
    std::fs::write(
        packages[0].join("dossier.json"),
        dossier.replace("onze", "douze"),
    )
    .unwrap();
    let verified = app.command(&["package", "verify", folder]);
    assert!(!verified.status.success(), "a changed package passes");
}

/// The officer ends the video: both pages are told, and nobody comes back in.
async fn the_hearing_ends(
    camille: &Citizen,
    sarah: &Officer,
    id: &str,
    mut citizen_call: Call,
    mut officer_call: Call,
) {
    let page = sarah.get(&format!("/agent/audition/{id}")).await.ok();
    sarah
        .submit(&page.form("form[action$='/terminer']"))
        .await
        .ok();
    for call in [&mut citizen_call, &mut officer_call] {
        call.expect("ended").await;
        assert_eq!(call.closed().await, 4410);
    }
    let space = camille.get("/espace").await.ok();
    assert!(
        !space.has(&format!("a[href='/audition/{id}']")),
        "a hearing that is over is not joined"
    );
}

/// What a tool of the test machine says of a file.
fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{name} (Debian: poppler-utils) cannot be run: {error}"));
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
