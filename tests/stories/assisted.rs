//! Lucie has no FranceConnect. An officer books for her; she comes by the link of her
//! message and the codes that are sent to her, and goes the whole way: who she is stays
//! said to be her own word, up to what the unit receives.

use reqwest::StatusCode;
use visioplainte::fetch_all;

use crate::support::messages::{code_in, mail_to};
use crate::support::page::Form;
use crate::support::people::together::NARRATIVE;
use crate::support::{Browser, Citizen, Officer, Page, TestApp, until};

const MONDAY: &str = "2026-11-23T08:00:00Z";
const EMAIL: &str = "lucie@courriel.example";
const NUMBER: &str = "06 39 98 40 40";
const DIALLED: &str = "+33639984040";
/// Words of her case that no message may hold.
const HERS: &[&str] = &[
    "Lucie",
    "BÉNARD",
    "Oran",
    "Lilas",
    "sac",
    "Versailles",
    "FranceConnect",
];

/// The form, once a slot some hours after the page's first is chosen.
async fn form_of(sarah: &Officer) -> Form {
    let agenda = sarah.get("/agent").await.ok();
    let way = agenda.attribute("main a[href='/agent/rendez-vous/nouveau']", "href");
    let slots = sarah.get(&way.unwrap()).await.ok();
    let first = slots.attribute("main a[href*='/confirmer?creneau=']", "href");
    let (path, soon) = first.as_deref().unwrap().split_once('=').unwrap();
    let later = soon.parse::<i64>().unwrap() + 5 * 30 * 60_000;
    filled(&sarah.get(&format!("{path}={later}")).await.ok())
}

/// What Lucie says of herself and of the facts.
fn filled(page: &Page) -> Form {
    page.form("form[action='/agent/rendez-vous/nouveau']")
        .with("nom", "BÉNARD")
        .with("prenoms", "Lucie Anne")
        .with("sexe", "female")
        .with("naissance", "02/06/1951")
        .with("lieu_naissance", "Oran")
        .with("pays_naissance", "Algérie")
        .with("courriel", EMAIL)
        .with("telephone", NUMBER)
        .with("adresse", "3 rue des Lilas")
        .with("commune", "Versailles")
        .with("nature", "vol")
        .with("lieu", "Versailles, marché Notre-Dame")
        .with("faits", "On m’a pris mon sac.")
}

fn id_of(page: &Page) -> String {
    let path = page.address.split('?').next().unwrap();
    path.rsplit('/').next().unwrap().to_owned()
}

async fn booked(sarah: &Officer) -> String {
    let page = sarah.submit(&form_of(sarah).await).await.ok();
    assert!(page.address.ends_with("?fait=pris"), "{page:.3000}");
    assert!(page.text().contains("Identité déclarée, non vérifiée"));
    id_of(&page)
}

/// The path of the link in her newest message about something.
async fn link_about(app: &TestApp, about: &str) -> String {
    let mail = mail_to(&app.site, EMAIL, about).await;
    let whole = format!("{} {} {}", mail.subject, mail.text, mail.calendar);
    for word in HERS {
        assert!(!whole.contains(word), "{word} stands in {whole}");
    }
    for hole in ["{$", "{ $", "{link}"] {
        assert!(!whole.contains(hole), "a value is missing in {whole}");
    }
    mail.link
        .unwrap()
        .strip_prefix(&app.site)
        .unwrap()
        .to_owned()
}

/// The codes that her telephone shows, the newest first.
async fn codes(app: &TestApp) -> Vec<String> {
    let list = app.browser().get("/bac-a-sable/sms").await.ok();
    let (numbers, texts) = (list.words("main li h2"), list.words("main li .vp-message"));
    std::iter::zip(numbers, texts)
        .filter(|(to, text)| to == DIALLED && text.contains("code d'entrée"))
        .map(|(_, text)| code_in(&text))
        .collect()
}

/// Asks for a code at the link, and gives what her telephone shows.
async fn asks_for_a_code(app: &TestApp, lucie: &Browser, link: &str) -> String {
    let before = codes(app).await;
    let door = lucie.get(link).await.ok();
    let form = door.form("form[action$='/code']");
    assert_eq!(
        form.field("canal"),
        "sms",
        "not to the mailbox that has the link"
    );
    let sent = lucie.submit(&form).await.ok();
    assert!(sent.has("#code"), "{sent:.2000}");
    until("another code", async || {
        let now = codes(app).await;
        (now.len() > before.len()).then(|| now[0].clone())
    })
    .await
}

async fn types(lucie: &Browser, link: &str, code: &str) -> Page {
    let door = lucie.get(link).await.ok();
    let form = door
        .form(&format!("form[action='{link}']"))
        .with("code", code);
    lucie.submit(&form).await
}

/// By link and code, wherever that leads.
async fn comes(app: &TestApp, lucie: &Browser, link: &str) -> Page {
    let code = asks_for_a_code(app, lucie, link).await;
    types(lucie, link, &code).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_franceconnect_is_booked_for_heard_and_has_her_documents() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let form = form_of(&sarah).await;
        let done = sarah.submit(&form).await.ok();
        let id = id_of(&done);
        let again = sarah.submit(&form).await.ok();
        assert_eq!(id_of(&again), id, "sent twice, booked once");
        assert_eq!(
            app.count_messages(&format!("appointment/{id}/booked"))
                .await,
            2
        );

        // The link alone shows the hour, and neither who nor what.
        let lucie = app.browser();
        let link = link_about(&app, "est confirmé").await;
        let door = lucie.get(&link).await.ok();
        for word in ["Lucie", "BÉNARD", EMAIL, NUMBER] {
            assert!(!door.text().contains(word), "the door tells {word}");
        }
        lucie.get("/espace").await;
        let right = asks_for_a_code(&app, &lucie, &link).await;
        let wrong = format!("{:06}", (right.parse::<u32>().unwrap() + 1) % 1_000_000);
        let refused = types(&lucie, &link, &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = types(&lucie, &link, &right).await.ok();
        assert_eq!(page.address, format!("/rendez-vous/{id}"));
        assert!(!page.text().contains("FranceConnect"), "{page:.4000}");
        // A code is good once.
        let other = app.browser();
        let late = other.post(&link, &[("code", &right)]).await;
        assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
        // She is reached, not vouched for: other facts need FranceConnect.
        let more = lucie.get("/declaration/droits?nature=vol").await;
        more.refused(
            StatusCode::FORBIDDEN,
            "Pour d’autres faits, il faut FranceConnect",
        );

        let link = she_moves_it(&app, &lucie, &id, &link).await;
        it_is_held(&app, &lucie, &sarah, &id, &link).await;
        it_is_handed_over(&app, &lucie, &sarah, &id, &link).await;
        app.journal_holds();
    }
}

/// To the latest slot of the page; the former link is worth nothing.
async fn she_moves_it(app: &TestApp, lucie: &Browser, id: &str, former: &str) -> String {
    let slots = lucie.get(&format!("/rendez-vous/{id}/deplacer")).await.ok();
    let wanted = slots.form("main form[action$='/deplacer/confirmer']");
    let latest = wanted.choices("creneau").pop().unwrap();
    let address = format!("/rendez-vous/{id}/deplacer/confirmer?creneau={latest}");
    let review = lucie.get(&address).await.ok();
    let moved = lucie
        .submit(&review.form("form[action$='/deplacer']"))
        .await
        .ok();
    assert!(moved.address.contains("deplace"), "{moved:.2000}");
    assert_eq!(app.appointment(id).await.starts_at.0.to_string(), latest);
    app.browser().get(former).await.is(StatusCode::GONE);
    link_about(app, "est déplacé").await
}

/// At the hour she comes by her link and a new code, reads and agrees.
async fn it_is_held(app: &TestApp, lucie: &Browser, sarah: &Officer, id: &str, link: &str) {
    app.clock.set(app.appointment(id).await.starts_at);
    sarah.logs_in("/agent").await.ok();
    let agenda = sarah.get("/agent").await.ok();
    assert!(
        agenda.text().contains("Identité déclarée, non vérifiée"),
        "{agenda:.3000}"
    );
    let room = comes(app, lucie, link).await;
    assert_eq!(room.address, format!("/audition/{id}"));
    assert!(room.has("[data-call]"), "{room:.1000}");
    let workspace = sarah.opens(id).await;
    assert!(workspace.text().contains("Identité déclarée, non vérifiée"));
    sarah.admits(id).await;
    assert_eq!(app.appointment(id).await.state.as_str(), "in_hearing");
    let page = sarah.workspace(id).await;
    let page = sarah.ticks_everything(&page).await;
    let page = sarah.writes(&page, NARRATIVE).await.ok();
    sarah
        .submit(&page.form("form[action$='/relecture']"))
        .await
        .ok();
    // On a browser that forgot her session, a code makes her decide again.
    let forgetful = lucie.after_a_crash(&["vp_seat"]);
    let review = forgetful
        .get(&format!("/audition/{id}/proces-verbal"))
        .await
        .ok();
    let way = review.attribute("main a[href*='/lien/']", "href").unwrap();
    assert!(forgetful.get(&way).await.ok().has("form[action$='/code']"));
    Citizen::new("lucie", lucie.clone()).agrees(id).await.ok();
}

/// What the unit receives says whose word her identity is, and how she agreed.
async fn it_is_handed_over(app: &TestApp, lucie: &Browser, sarah: &Officer, id: &str, link: &str) {
    let page = sarah.workspace(id).await;
    sarah
        .submit(&page.form("form[action$='/signature']"))
        .await
        .ok();
    app.record_becomes(id, "acknowledged").await;
    let packages: Vec<_> = std::fs::read_dir(app.handoff_inbox())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("dossier.json").exists())
        .collect();
    assert_eq!(packages.len(), 1, "{packages:?}");
    let dossier = std::fs::read_to_string(packages[0].join("dossier.json")).unwrap();
    let dossier: serde_json::Value = serde_json::from_str(&dossier).unwrap();
    let identity = &dossier["complainant"]["identity"];
    assert_eq!(identity["origin"], "declared");
    assert_eq!(identity["family_name"], "BÉNARD");
    assert_eq!(identity["birthplace"], "Oran");
    assert_eq!(dossier["decision"]["acr"], "declared");

    let page = sarah.workspace(id).await;
    sarah
        .submit(&page.form("form[action$='/terminer']"))
        .await
        .ok();
    app.pass_minutes(24 * 60);
    let own = app.browser();
    assert_eq!(link_about(app, "sont disponibles").await, link);
    let space = comes(app, &own, link).await;
    assert_eq!(space.address, "/espace");
    let document = space.attribute("main a[href^='/espace/documents/']", "href");
    own.get(&document.unwrap()).await.ok();
    // Signing out has no provider to go to.
    let left = own
        .submit(&space.form("form[action='/deconnexion']"))
        .await
        .ok();
    assert_eq!(left.address, "/deconnexion/retour");
    assert!(lucie.get("/espace").await.address.starts_with("/connexion"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_to_an_officer_gives_back_what_was_typed() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let form = form_of(&sarah).await;
        for (field, value, wrong) in [
            ("nom", "", "nom de naissance"),
            ("naissance", "2012-01-01", "moins de 18 ans"),
            ("naissance", "demain", "date de naissance"),
            ("courriel", "lucie", "adresse électronique"),
            ("commune", "Nullepart", "cette commune"),
            ("commune", "Chevreuse", "sont reçus par"),
            ("nature", "inconnue", "Choisissez dans la liste"),
            ("date", "2027-01-01", "pas encore arrivé"),
        ] {
            let page = sarah.submit(&form.clone().forge(field, value)).await;
            assert_eq!(
                page.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{field} {value}"
            );
            let summary = page.words("#erreurs").join(" ");
            assert!(summary.contains(wrong), "{field} {value}: {summary}");
            let kept = page.form("form[action='/agent/rendez-vous/nouveau']");
            assert_eq!(kept.field("adresse"), "3 rue des Lilas");
        }
        let nobody = form.clone().with("courriel", "").with("telephone", "");
        let page = sarah.submit(&nobody).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);

        // Somebody else has the slot meanwhile: others are offered on the same page.
        let first = form_of(&sarah).await;
        let paul = first.clone().with("prenoms", "Paul").with("sexe", "male");
        sarah
            .submit(&paul.with("courriel", "paul@courriel.example"))
            .await
            .ok();
        let page = sarah.submit(&form).await;
        assert_eq!(page.status, StatusCode::CONFLICT, "{page:.3000}");
        let kept = page.form("form[action='/agent/rendez-vous/nouveau']");
        assert_eq!(kept.field("nom"), "BÉNARD");
        let other = kept.choices("creneau").remove(0);
        let done = sarah.submit(&kept.with("creneau", &other)).await.ok();
        let id = id_of(&done);
        assert_eq!(app.appointment(&id).await.starts_at.0.to_string(), other);

        // She is expected once at a time, and once for the same facts.
        let nadia = app.officer("admin-78");
        nadia.logs_in("/administration").await.ok();
        nadia.opens_a_desk("u-78-police", "Guichet 2").await.ok();
        let again = form_of(&sarah).await;
        let page = sarah.submit(&again.clone().forge("creneau", &other)).await;
        assert_eq!(page.status, StatusCode::CONFLICT);
        let summary = page.words("#erreurs").join(" ");
        assert!(summary.contains("déjà un rendez-vous"), "{summary}");
        let elsewhere = again.with("lieu", "Versailles, gare");
        let page = sarah
            .submit(&elsewhere.clone().forge("creneau", &other))
            .await;
        let summary = page.words("#erreurs").join(" ");
        assert!(summary.contains("à cette heure"), "{summary}");
        sarah.submit(&elsewhere).await.ok();
        let mut tx = app.read().await;
        let people = fetch_all!(
            &mut tx,
            (String, i64),
            "select citizen_id, count(*) from appointments where state = 'booked'
             group by citizen_id order by count(*)"
        );
        let counts: Vec<i64> = people
            .unwrap()
            .into_iter()
            .map(|(_, count)| count)
            .collect();
        assert_eq!(counts, [1, 2], "Paul has one, Lucie two");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn called_off_by_the_unit_she_chooses_again_by_her_link_and_calls_off_herself() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (sarah, lucie) = (app.officer("78-police"), app.browser());
        sarah.logs_in("/agent").await.ok();
        let id = booked(&sarah).await;
        let ask = sarah
            .get(&format!("/agent/rendez-vous/{id}/annuler"))
            .await
            .ok();
        let form = ask.form("form[action$='/annuler']");
        let reason = form.choices("motif").remove(0);
        sarah.submit(&form.with("motif", &reason)).await.ok();

        // Her link opens no hearing any more, but her page, once she is known.
        let link = link_about(&app, "a annulé").await;
        let page = comes(&app, &lucie, &link).await;
        assert_eq!(page.address, format!("/rendez-vous/{id}"));
        lucie
            .get(&format!("/audition/{id}"))
            .await
            .is(StatusCode::GONE);
        let again = page
            .attribute("main a[href='/rendez-vous/creneaux']", "href")
            .unwrap();
        let slots = lucie.get(&again).await.ok();
        let person = Citizen::new("lucie", lucie.clone());
        let second = person.books_the_next_slot(&slots).await;
        assert_ne!(second, id);
        link_about(&app, "est confirmé").await;

        let ask = lucie
            .get(&format!("/rendez-vous/{second}/annuler"))
            .await
            .ok();
        lucie
            .submit(&ask.form("form[action$='/annuler']"))
            .await
            .ok();
        let state = app.appointment(&second).await.state;
        assert_eq!(state.as_str(), "cancelled_by_citizen");
        let told = app
            .count_messages(&format!("appointment/{second}/unit-cancelled"))
            .await;
        assert_eq!(told, 1, "the unit is told");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_by_her_link_without_her_codes() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (sarah, amina) = (app.officer("78-police"), app.citizen("amina"));
        sarah.logs_in("/agent").await.ok();
        let id = booked(&sarah).await;
        let link = link_about(&app, "est confirmé").await;

        // Somebody whom FranceConnect knows is somebody else.
        amina.logs_in("/espace").await.ok();
        amina.get(&link).await.is(StatusCode::FORBIDDEN);
        amina
            .get(&format!("/rendez-vous/{id}"))
            .await
            .is(StatusCode::NOT_FOUND);
        // A scanner that presses every button sends codes and opens nothing.
        let scanner = app.browser();
        scanner
            .post(&link, &[])
            .await
            .is(StatusCode::UNPROCESSABLE_ENTITY);
        scanner
            .post(&link, &[("code", "123456")])
            .await
            .is(StatusCode::UNPROCESSABLE_ENTITY);
        let right = asks_for_a_code(&app, &scanner, &link).await;
        let soon = scanner
            .post(&format!("{link}/code"), &[("canal", "sms")])
            .await;
        assert_eq!(soon.status, StatusCode::TOO_MANY_REQUESTS);
        let wrong = format!("{:06}", (right.parse::<u32>().unwrap() + 7) % 1_000_000);
        for _ in 0..5 {
            types(&scanner, &link, &wrong)
                .await
                .is(StatusCode::UNPROCESSABLE_ENTITY);
        }
        // Typed wrong too often, the right one is worth nothing either.
        let late = scanner.post(&link, &[("code", &right)]).await;
        assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(late.text().contains("n’est plus valable"), "{late:.2000}");
        // A code sent before and not typed in time is over as well.
        app.pass_minutes(2);
        let old = asks_for_a_code(&app, &scanner, &link).await;
        app.pass_minutes(11);
        let late = scanner.post(&link, &[("code", &old)]).await;
        assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            scanner
                .get("/espace")
                .await
                .address
                .starts_with("/connexion")
        );
    }
}
