//! A lawyer, a companion, an interpreter: each comes by a link that was sent and a code
//! that was told, waits, and is let in by the officer. Neither alone opens anything.

use reqwest::{Method, StatusCode};
use visioplainte::clock::Timestamp;
use visioplainte::fetch_all;

use crate::support::messages::{mail_to, sms_to};
use crate::support::people::together;
use crate::support::{Browser, Citizen, Officer, Page, TestApp};

const MONDAY: &str = "2026-11-23T08:00:00Z";
const LAWYER: &str = "maitre.durand@barreau.example";

/// An appointment two and a half hours ahead, and the officer at the workspace.
async fn booked(camille: &Citizen, sarah: &Officer) -> String {
    let slots = camille.declares("Versailles").await;
    let form = slots.form("form.vp-next-slot");
    let soon: i64 = form.field("creneau").parse().unwrap();
    let id = camille.books(&slots, soon + 5 * 30 * 60_000).await;
    sarah.logs_in("/agent").await.ok();
    id
}

/// A hearing that begins within half an hour, on the machine's clock.
async fn at_the_door(app: &TestApp) -> (Citizen, Officer, String) {
    let nadia = app.officer("admin-78");
    nadia.logs_in("/administration").await.ok();
    nadia
        .opens_a_desk("u-78-police", "Guichet de nuit")
        .await
        .ok();
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    let id = camille.has_an_appointment().await;
    sarah.logs_in("/agent").await.ok();
    (camille, sarah, id)
}

/// The hour of the hearing has come: everybody signs in again.
async fn the_hour_comes(app: &TestApp, id: &str, camille: &Citizen, sarah: &Officer) {
    app.clock.set(app.appointment(id).await.starts_at);
    camille.logs_in("/espace").await.ok();
    sarah.logs_in("/agent").await.ok();
}

async fn invites(sarah: &Officer, id: &str, role: &str, name: &str, contact: &str) -> Page {
    let page = sarah.workspace(id).await;
    let form = page
        .form("form[action$='/invites']")
        .with("qualite", role)
        .with("nom", name)
        .with("contact", contact);
    sarah.submit(&form).await
}

/// The codes that the officer's page shows, in the order of inviting.
async fn codes(sarah: &Officer, id: &str) -> Vec<String> {
    sarah.workspace(id).await.words(".vp-code")
}

/// The path of the link in the newest message to an address.
async fn link_to(app: &TestApp, address: &str) -> String {
    let mail = mail_to(&app.site, address, "Invitation à").await;
    path_of(app, &mail.link.unwrap())
}

fn path_of(app: &TestApp, link: &str) -> String {
    link.strip_prefix(&app.site).unwrap().to_owned()
}

async fn types(guest: &Browser, path: &str, code: &str) -> Page {
    let door = guest.get(path).await.ok();
    let form = door
        .form(&format!("form[action='{path}']"))
        .with("code", code);
    guest.submit(&form).await
}

fn another(code: &str) -> String {
    let number: u32 = code.replace(' ', "").parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

/// Everything that somebody's knocking could change.
async fn traces(
    app: &TestApp,
) -> (
    Vec<(String, i64, Option<Timestamp>)>,
    Vec<(String, String)>,
    Vec<(i64,)>,
) {
    let mut tx = app.read().await;
    let links = fetch_all!(
        &mut tx,
        (String, i64, Option<Timestamp>),
        "select role, generation, used_at from meeting_links order by role"
    );
    let seats = fetch_all!(
        &mut tx,
        (String, String),
        "select role, place from seats order by role"
    );
    let tries = fetch_all!(&mut tx, (i64,), "select tries from guests order by id");
    (links.unwrap(), seats.unwrap(), tries.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lawyer_comes_in_by_link_and_code_and_is_let_in_by_the_officer() {
    for app in TestApp::live_on_every_engine().await {
        let app = app.with_media().await;
        let (camille, sarah, id) = at_the_door(&app).await;
        invites(&sarah, &id, "lawyer", "Maître Durand", LAWYER)
            .await
            .ok();
        let path = link_to(&app, LAWYER).await;
        let letter = mail_to(&app.site, LAWYER, "Invitation à").await;
        for word in ["Camille", "BERTHELOT", "vélo", "Durand"] {
            assert!(!letter.text.contains(word), "the message tells {word}");
        }
        let code = codes(&sarah, &id).await.remove(0);
        assert!(
            !letter.text.contains(&code.replace(' ', "")),
            "told by the message too"
        );
        let list = sarah.workspace(&id).await;
        assert!(!list.text().contains("/lien/"), "the officer sees no link");

        let lawyer = app.browser();
        let room = camille.enters(&id).await;
        let workspace = sarah.opens(&id).await;
        sarah.admits(&id).await;

        let waiting = types(&lawyer, &path, &code).await.ok();
        assert_eq!(waiting.address, format!("/audition/{id}"));
        assert_eq!(
            waiting.attribute("[data-call]", "data-role").as_deref(),
            Some("lawyer")
        );
        assert!(
            !waiting.has("[data-live='record']"),
            "the record is the person's"
        );
        let mut line = join(&lawyer, &waiting).await;
        line.expect("waiting").await;

        // The officer sees who it is and lets them in; the others see them too.
        let seen = sarah.workspace(&id).await;
        assert!(seen.text().contains("Maître Durand"), "{seen:.3000}");
        let mut officer = sarah.joins(&workspace).await.unwrap();
        let mut citizen = camille.joins(&room).await.unwrap();
        officer.expect("joined").await;
        citizen.expect("joined").await;
        sarah.admits(&id).await;
        let joined = line.expect("joined").await;
        assert_eq!(joined["type"], "joined");
        for call in [&mut officer, &mut citizen, &mut line] {
            loop {
                let state = call.expect("state").await;
                let roles: Vec<&str> = state["participants"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|one| one["place"] == "in" && one["connected"] == true)
                    .filter_map(|one| one["role"].as_str())
                    .collect();
                if roles.contains(&"lawyer") && roles.len() == 3 {
                    break;
                }
            }
        }
        // The lawyer's cookie opens nothing of the person's.
        for address in [
            format!("/audition/{id}/proces-verbal"),
            format!("/rendez-vous/{id}"),
            "/espace".to_owned(),
            format!("/agent/audition/{id}"),
        ] {
            let page = lawyer.get(&address).await;
            assert!(!page.text().contains("BERTHELOT"), "{address}: {page:.500}");
            assert!(
                page.address.starts_with("/connexion")
                    || page.address.starts_with("/agent/connexion"),
                "{address} {}",
                page.address
            );
        }
        // Back after a crash, by the cookie alone.
        let back = lawyer.get(&format!("/audition/{id}")).await.ok();
        assert!(back.has("[data-call]"));
        app.journal_holds();
    }
}

async fn join(browser: &Browser, page: &Page) -> crate::support::call::Call {
    let (url, csrf) = crate::support::people::token_of(page);
    crate::support::call::Call::join(browser, &url, &csrf)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_fetches_and_presses_everything_neither_enters_nor_burns_a_guests_link() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = booked(&camille, &sarah).await;
        invites(&sarah, &id, "interpreter", "Ines", LAWYER)
            .await
            .ok();
        let path = link_to(&app, LAWYER).await;
        let code = codes(&sarah, &id).await.remove(0);
        let before = traces(&app).await;
        // Too early, a right code changes nothing and is no try.
        let early = app.browser().get(&path).await.ok();
        assert!(!early.has("main form"), "{early:.1000}");
        assert!(!early.text().contains("Ines") && !early.text().contains("BERTHELOT"));
        let early = app.browser().post(&path, &[("code", &code)]).await;
        assert_eq!(early.status, StatusCode::FORBIDDEN);
        the_hour_comes(&app, &id, &camille, &sarah).await;
        for _ in 0..20 {
            let scanner = app.browser();
            for method in [Method::HEAD, Method::GET] {
                scanner
                    .send(method, &path, &[], Vec::new())
                    .await
                    .unwrap()
                    .ok();
            }
            let page = scanner.get(&path).await.ok();
            for form in page.forms("form") {
                scanner.submit(&form).await;
            }
            for code in ["", "ok", "12345", "1234567", "abcdef"] {
                let page = scanner.post(&path, &[("code", code)]).await;
                assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{code}");
            }
        }
        assert_eq!(traces(&app).await, before);
        let code = codes(&sarah, &id).await.remove(0);
        let guest = app.browser();
        let room = types(&guest, &path, &code).await.ok();
        assert!(room.has("[data-call]"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_block_a_link_and_another_one_replaces_it() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = booked(&camille, &sarah).await;
        invites(&sarah, &id, "lawyer", "Maître Durand", "06 39 98 45 67")
            .await
            .ok();
        let text = sms_to(&app.site, "+33639984567", "invitation").await;
        let path = path_of(&app, &text.link.unwrap());
        the_hour_comes(&app, &id, &camille, &sarah).await;
        let code = codes(&sarah, &id).await.remove(0);
        let thief = app.browser();
        for left in ["4", "3", "2", "1"] {
            let page = types(&thief, &path, &another(&code)).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.text().contains(left), "{page:.1000}");
        }
        let page = types(&thief, &path, &another(&code)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.text().contains("bloqué"), "{page:.1000}");
        assert_eq!(app.journal_lines("guest.lock").await, 1);
        let page = types(&app.browser(), &path, &code).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "even the right one");
        let list = sarah.workspace(&id).await;
        assert!(list.text().contains("cinq codes faux") && !list.has(".vp-code"));

        let again = list.form("form[action$='/invites/renvoyer']");
        sarah.submit(&again).await.ok();
        let fresh = codes(&sarah, &id).await.remove(0);
        app.outbox_is_empty().await;
        let mut paths = Vec::new();
        let page = app.browser().get("/bac-a-sable/sms").await.ok();
        for link in page.attributes("main li .vp-message a[href*='/lien/']", "href") {
            let link = path_of(&app, &link);
            if link != path && app.browser().get(&link).await.text().contains("Votre code") {
                paths.push(link);
            }
        }
        assert_eq!(paths.len(), 1, "the new link alone opens");
        assert_eq!(
            app.browser().get(&path).await.status,
            StatusCode::GONE,
            "the former link"
        );
        // A former code is none of the new link's.
        if fresh != code {
            let page = types(&app.browser(), &paths[0], &code).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let room = types(&app.browser(), &paths[0], &fresh).await.ok();
        assert!(room.has("[data-call]"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lets_one_browser_in_and_twenty_at_once_are_one() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = booked(&camille, &sarah).await;
        invites(&sarah, &id, "companion", "Dominique", LAWYER)
            .await
            .ok();
        let path = link_to(&app, LAWYER).await;
        the_hour_comes(&app, &id, &camille, &sarah).await;
        let code = codes(&sarah, &id).await.remove(0);
        let knocks = (0..20).map(|_| {
            let (browser, path, code) = (app.browser(), path.clone(), code.clone());
            tokio::spawn(async move {
                let page = browser.post(&path, &[("code", &code)]).await;
                page.status.is_redirection() && page.location.starts_with("/audition/")
            })
        });
        let mut entered = 0;
        for knock in knocks.collect::<Vec<_>>() {
            entered += usize::from(knock.await.unwrap());
        }
        assert_eq!(entered, 1);
        let late = app.browser().get(&path).await;
        assert_eq!(late.status, StatusCode::GONE);
        assert!(late.text().contains("déjà servi"), "{late:.500}");
        let (links, seats, _) = traces(&app).await;
        assert!(
            links
                .iter()
                .any(|link| link.0 == "companion" && link.2.is_some())
        );
        assert_eq!(seats, [("companion".to_owned(), "waiting".to_owned())]);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_is_taken_back_ends_the_seat_at_once() {
    for app in TestApp::live_on_every_engine().await {
        let app = app.with_media().await;
        let (_camille, sarah, id) = at_the_door(&app).await;
        invites(&sarah, &id, "lawyer", "Maître Durand", LAWYER)
            .await
            .ok();
        let path = link_to(&app, LAWYER).await;
        sarah.opens(&id).await;
        let code = codes(&sarah, &id).await.remove(0);
        let lawyer = app.browser();
        let room = types(&lawyer, &path, &code).await.ok();
        // A lawyer who is let in before the person does not make it a hearing.
        sarah.admits(&id).await;
        assert_eq!(app.appointment(&id).await.state.as_str(), "open");
        let mut line = join(&lawyer, &room).await;
        line.expect("joined").await;
        let list = sarah.workspace(&id).await;
        sarah
            .submit(&list.form("form[action$='/invites/retirer']"))
            .await
            .ok();
        line.closed().await;
        let (url, csrf) = crate::support::people::token_of(&room);
        let refused = lawyer.ask_json(&url, &csrf).await.unwrap();
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(lawyer.get(&path).await.status, StatusCode::GONE);
        // A guest has no account: whoever reloads the room is told, not asked to log in.
        let out = lawyer.get(&format!("/audition/{id}")).await;
        assert_eq!(out.status, StatusCode::GONE);
        assert!(
            out.text().contains("plus dans ce rendez-vous"),
            "{out:.500}"
        );
        mail_to(&app.site, LAWYER, "Invitation annulée").await;
        assert!(!sarah.workspace(&id).await.text().contains("Durand"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_follow_the_appointment_when_it_moves_and_when_it_ends() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = booked(&camille, &sarah).await;
        invites(&sarah, &id, "interpreter", "Ines", LAWYER)
            .await
            .ok();
        let former = link_to(&app, LAWYER).await;
        let invited = mail_to(&app.site, LAWYER, "Invitation à").await;
        app.clock.set(app.clock.now().plus_seconds(1));
        let later = app.appointment(&id).await.starts_at.0 + 3 * 30 * 60_000;
        let review = format!("/rendez-vous/{id}/deplacer/confirmer?creneau={later}");
        let review = camille.get(&review).await.ok();
        camille
            .submit(&review.form("form[action$='/deplacer']"))
            .await
            .ok();
        app.outbox_is_empty().await;
        let moved = mail_to(&app.site, LAWYER, "Invitation à").await;
        assert_eq!(app.browser().get(&former).await.status, StatusCode::GONE);
        let page = camille
            .get(&format!("/rendez-vous/{id}/annuler"))
            .await
            .ok();
        camille
            .submit(&page.form("form[action$='/annuler']"))
            .await
            .ok();
        let ended = mail_to(&app.site, LAWYER, "Invitation annulée").await;
        // One event in the guest's calendar: entered, moved, taken out (RFC 5546), under
        // another name than the person's and without their reference.
        let told: Vec<_> = [&invited, &moved, &ended]
            .map(|letter| {
                let line = |name: &str| property(&letter.calendar, name);
                assert!(!letter.calendar.contains("VP-"), "{}", letter.calendar);
                (line("UID"), (line("METHOD"), line("SEQUENCE")))
            })
            .into();
        assert!(told.iter().all(|(uid, _)| *uid == told[0].0), "{told:?}");
        assert_ne!(told[0].0, format!("{id}@visioplainte"));
        let changes: Vec<_> = told
            .iter()
            .map(|(_, (method, sequence))| (method.as_str(), sequence.as_str()))
            .collect();
        assert_eq!(
            changes,
            [("REQUEST", "1"), ("REQUEST", "2"), ("CANCEL", "3")]
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_link_is_over_an_hour_after_the_hearings_end_and_their_seat_joins_no_more() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = booked(&camille, &sarah).await;
        let mut guests = Vec::new();
        for (role, address) in [
            ("lawyer", LAWYER),
            ("interpreter", "ines@interprete.example"),
            ("companion", "dominique@courriel.example"),
        ] {
            let page = invites(&sarah, &id, role, role, address).await.ok();
            let code = page.words(".vp-code").pop().unwrap();
            guests.push((app.browser(), link_to(&app, address).await, code));
        }
        let over = app.appointment(&id).await.ends_at.plus_minutes(60);
        // The second at which each of them comes first, and whether they come in.
        for ((guest, path, code), (seconds, let_in)) in
            std::iter::zip(&guests, [(-1, true), (0, false), (1, false)])
        {
            app.clock.set(over.plus_seconds(-1));
            let door = guest.get(path).await.ok();
            let form = door
                .form(&format!("form[action='{path}']"))
                .with("code", code);
            app.clock.set(over.plus_seconds(seconds));
            let before = traces(&app).await;
            let page = guest.submit(&form).await;
            let came_in = page.status == StatusCode::OK && page.address.starts_with("/audition/");
            assert_eq!(came_in, let_in, "{seconds}: {} {page:.500}", page.status);
            if !let_in {
                assert_eq!(page.status, StatusCode::GONE, "{page:.500}");
                assert_eq!(traces(&app).await, before, "no try is counted either");
            }
        }
        // Whoever came in joins no more.
        let guest = &guests[0].0;
        let token = guest.post(&format!("/audition/{id}/jeton"), &[]).await;
        assert_eq!(token.status, StatusCode::GONE, "{token:.500}");
        app.journal_holds();
    }
}

/// The value of a property of a calendar file.
fn property(calendar: &str, name: &str) -> String {
    let unfolded = calendar.replace("\r\n ", "");
    let line = unfolded.lines().find_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix(':')
            .map(str::to_owned)
    });
    line.unwrap_or_else(|| panic!("no {name} in {calendar}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_checked_bounded_and_only_the_units() {
    let app = TestApp::at(MONDAY).await;
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    let id = together::in_hearing(&app, &camille, &sarah).await;
    for (role, name, contact) in [
        ("citizen", "Durand", LAWYER),
        ("officer", "Durand", LAWYER),
        ("", "Durand", LAWYER),
        ("lawyer", " ", LAWYER),
        ("lawyer", &"x".repeat(101), LAWYER),
        ("lawyer", "Durand", "durand"),
        ("lawyer", "Durand", ""),
    ] {
        let csrf = sarah.workspace(&id).await;
        let csrf = csrf
            .form("form[action$='/invites']")
            .field("csrf")
            .to_owned();
        let fields = [
            ("csrf", csrf.as_str()),
            ("qualite", role),
            ("nom", name),
            ("contact", contact),
        ];
        let page = sarah
            .post(&format!("/agent/audition/{id}/invites"), &fields)
            .await;
        assert_eq!(
            page.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{role} {name} {contact}"
        );
    }
    for number in 0..4 {
        // They are listed in the order of inviting.
        app.clock.set(app.clock.now().plus_seconds(1));
        let contact = format!("invite{number}@courriel.example");
        invites(&sarah, &id, "companion", "Dominique", &contact)
            .await
            .ok();
    }
    let full = sarah.workspace(&id).await;
    assert!(!full.has("form[action$='/invites']"), "four are the most");
    let csrf = full
        .form("form[action$='/invites/retirer']")
        .field("csrf")
        .to_owned();
    let fields = [
        ("csrf", csrf.as_str()),
        ("qualite", "lawyer"),
        ("nom", "Durand"),
        ("contact", LAWYER),
    ];
    let page = sarah
        .post(&format!("/agent/audition/{id}/invites"), &fields)
        .await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    let taken = full.forms("form[action$='/invites/retirer']").remove(0);
    sarah.submit(&taken).await.ok();
    let page = sarah.submit(&taken).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "taken back twice");
    let page = invites(
        &sarah,
        &id,
        "companion",
        "Dominique",
        "INVITE3@courriel.example",
    )
    .await;
    assert_eq!(page.status, StatusCode::CONFLICT, "invited already");
    // An officer of another unit finds nothing.
    let other = app.officer("974-police");
    other.logs_in("/agent").await.ok();
    let page = other
        .post(&format!("/agent/audition/{id}/invites"), &fields)
        .await;
    assert!(page.status.is_client_error(), "{page:.300}");
    app.journal_holds();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_brings_their_lawyer_and_takes_only_their_own_invitations_back() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = booked(&camille, &sarah).await;
        invites(&sarah, &id, "interpreter", "Ines", "ines@courriel.example")
            .await
            .ok();
        let address = format!("/rendez-vous/{id}/invites");
        let appointment = camille.get(&format!("/rendez-vous/{id}")).await.ok();
        assert!(appointment.has(&format!("main a[href='{address}']")));
        let page = camille.get(&address).await.ok();
        assert!(
            !page.text().contains("Ines"),
            "the unit's guests are its own"
        );
        let form = page.form("form[action$='/invites']");
        for (role, name, contact, field) in [
            ("interpreter", "Durand", LAWYER, "qualite"),
            ("", "Durand", LAWYER, "qualite"),
            ("lawyer", "", LAWYER, "nom"),
            ("lawyer", "Durand", "durand", "contact"),
        ] {
            let sent = form
                .clone()
                .forge("qualite", role)
                .with("nom", name)
                .with("contact", contact);
            let wrong = camille.submit(&sent).await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
            assert!(
                wrong.has(&format!("#erreurs a[href='#{field}']")),
                "{field}"
            );
        }
        let sent = form
            .with("qualite", "lawyer")
            .with("nom", "Maître Durand")
            .with("contact", LAWYER);
        app.clock.set(app.clock.now().plus_seconds(1));
        let page = camille.submit(&sent).await.ok();
        let code = page.words(".vp-code").remove(0);
        let path = link_to(&app, LAWYER).await;
        let list = sarah.workspace(&id).await;
        assert!(
            list.text().contains("Maître Durand"),
            "the officer sees who comes"
        );
        // Neither another person nor a forged form reaches them.
        let forged = page.form("form[action$='/retirer']");
        let ines = list.forms("form[action$='/invites/retirer']").remove(0);
        let ines = ines.field("invite").to_owned();
        let refused = camille.submit(&forged.clone().forge("invite", &ines)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        let amina = app.citizen("amina");
        amina.logs_in("/espace").await.ok();
        assert_eq!(amina.get(&address).await.status, StatusCode::NOT_FOUND);

        the_hour_comes(&app, &id, &camille, &sarah).await;
        let lawyer = app.browser();
        let room = types(&lawyer, &path, &code).await.ok();
        assert!(room.has("[data-call]"));
        // Who came in is the officer's to send out.
        let late = camille.get(&address).await.ok();
        assert!(!late.has("form[action$='/retirer']") && !late.has(".vp-code"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_telephone_is_filled_by_inviting_them_again_and_again() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = booked(&camille, &sarah).await;
        let address = format!("/rendez-vous/{id}/invites");
        let mut sent = 0;
        let refused = loop {
            let page = camille.get(&address).await.ok();
            let form = page
                .form("form[action$='/invites']")
                .with("qualite", "companion")
                .with("nom", "Dominique")
                .with("contact", "06 39 98 45 99");
            let page = camille.submit(&form).await;
            if page.status != StatusCode::OK {
                break page;
            }
            sent += 1;
            assert!(sent < 20, "no end");
            camille
                .submit(&page.form("form[action$='/retirer']"))
                .await
                .ok();
        };
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            refused.text().contains("Trop de messages"),
            "{refused:.500}"
        );
        assert_eq!(sent, 6, "as many as codes to one address in a day");
        // Another address is still reached, and the day after this one again.
        let page = invites(&sarah, &id, "interpreter", "Ines", LAWYER).await;
        page.ok();
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lawyer_with_two_hearings_keeps_a_seat_in_each() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let amina = app.citizen("amina");
        let first = booked(&camille, &sarah).await;
        let slots = amina.declares("Versailles").await;
        let later = app.appointment(&first).await.starts_at.plus_minutes(30).0;
        let second = amina.books(&slots, later).await;
        // Both rooms are open then.
        the_hour_comes(&app, &first, &camille, &sarah).await;
        let lawyer = app.browser();
        for (id, address) in [
            (&first, "durand@barreau.example"),
            (&second, "maitre@durand.example"),
        ] {
            invites(&sarah, id, "lawyer", "Maître Durand", address)
                .await
                .ok();
            let path = link_to(&app, address).await;
            let code = codes(&sarah, id).await.remove(0);
            let room = types(&lawyer, &path, &code).await.ok();
            assert_eq!(room.address, format!("/audition/{id}"));
        }
        for id in [&first, &second] {
            let room = lawyer.get(&format!("/audition/{id}")).await.ok();
            assert_eq!(room.address, format!("/audition/{id}"), "{room:.500}");
        }
        // What the cookie holds of one opens nothing of the other's page for anybody else.
        let stranger = app.browser();
        stranger.set_cookie("vp_seat", &"0".repeat(64));
        let door = stranger.get_here(&format!("/audition/{first}")).await;
        assert!(door.location.starts_with("/connexion"), "{door:.300}");
    }
}
