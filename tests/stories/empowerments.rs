//! Rights given and taken back: by whom, to whom, and what a person sees of it.

use reqwest::StatusCode;
use visioplainte::audit;

use crate::support::people::together;
use crate::support::{Browser, Officer, Page, TestApp, until};

const MONDAY: &str = "2026-11-23T08:00:00Z";
const LIST: &str = "/administration/habilitations";
const SARAH: &str = "e-78-police-u-78-police-officer";

/// Fills the form for a unit; gives the page that asks whether it is right, or says
/// what is wrong.
async fn proposes(admin: &Officer, unit: &str, who: &str, rio: &str, role: &str) -> Page {
    let form = admin
        .get(&format!("{LIST}/nouvelle?unite={unit}"))
        .await
        .ok();
    let form = form
        .form("main form[action$='/nouvelle']")
        .with("agent", who)
        .with("rio", rio)
        .forge("role", role);
    admin.submit(&form).await
}

async fn confirms(admin: &Officer, question: &Page) -> Page {
    let form = question.form(&format!("main form[action='{LIST}']"));
    admin.submit(&form).await
}

async fn takes_back(admin: &Officer, empowerment: &str) -> Page {
    let question = admin
        .get(&format!("{LIST}/{empowerment}/retrait"))
        .await
        .ok();
    assert_eq!(question.title(), "Retirer cette habilitation ?");
    admin
        .submit(&question.form("main form[action$='/retrait']"))
        .await
        .ok()
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/agent").await.address == "/agent"
}

async fn acts_on(app: &TestApp, empowerment: &str) -> Vec<(String, String)> {
    let mut tx = app.read().await;
    audit::lines_about(&mut tx, &format!("empowerment/{empowerment}"))
        .await
        .unwrap()
        .into_iter()
        .map(|line| (line.actor, line.act))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_nobody_knew_is_empowered_by_the_code_they_tell_and_loses_it_again() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let paul = app.officer("stranger");
        let refused = paul.logs_in("/agent").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:.300}");
        let address = refused
            .attribute("main a[href='/agent/habilitation/demande']", "href")
            .unwrap();
        let asks = paul.get(&address).await.ok();
        assert!(asks.text().contains("paul.inconnu@interieur.example"));
        let given = paul
            .submit(&asks.form("main form[action$='/demande']"))
            .await
            .ok();
        let code = given.words("main .fr-alert__title").join("");
        let code = code.rsplit(' ').next().unwrap().to_owned();
        assert!(code.starts_with("D-"), "{code}");
        // Asking gives no right.
        assert_eq!(paul.logs_in("/agent").await.status, StatusCode::FORBIDDEN);

        let nadia = app.officer("admin-78");
        let list = nadia.logs_in(LIST).await.ok();
        assert_eq!(list.address, LIST);
        assert!(
            list.words("main h3")
                .contains(&"RIO 9078001 – Sarah Delmas".to_owned()),
            "{:?}",
            list.words("main h3")
        );
        assert!(!list.text().contains("Korbut"), "another unit's officer");
        // A newcomer's number is theirs to know, not the code's.
        let wrong = proposes(&nadia, "u-78-police", &code, "", "officer").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let taken = proposes(&nadia, "u-78-police", &code, "9078001", "officer").await;
        let taken = confirms(&nadia, &taken.ok()).await;
        assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(taken.text().contains("Ce RIO est déjà"), "{taken:.500}");

        let typed = code.to_lowercase();
        let question = proposes(&nadia, "u-78-police", &typed, "9078055", "officer").await;
        let question = question.ok();
        assert_eq!(question.title(), "Habiliter cet agent ?");
        let shown = question.words("main dd").join(" ");
        assert!(
            shown.contains("Paul Inconnu") && shown.contains("9078055"),
            "{shown}"
        );
        assert_eq!(
            paul.logs_in("/agent").await.status,
            StatusCode::FORBIDDEN,
            "a question gives nothing"
        );
        let done = confirms(&nadia, &question).await.ok();
        assert_eq!(done.address, format!("{LIST}?fait=donnee"));
        let names = done.words("main h3");
        assert!(
            names.contains(&"RIO 9078055 – Paul Inconnu".to_owned()),
            "{names:?}"
        );
        assert!(done.text().contains("par RIO 9078003"), "{done:.1500}");
        // A code serves once, and so does its confirmation.
        for again in [
            confirms(&nadia, &question).await,
            proposes(&nadia, "u-78-police", &code, "9078056", "officer").await,
        ] {
            assert_eq!(
                again.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{again:.300}"
            );
        }

        paul.logs_in("/agent").await.ok();
        assert!(is_signed_in(&paul).await);
        let empowerment = done
            .attributes("main a[href$='/retrait']", "href")
            .into_iter()
            .map(|address| address.split('/').nth(3).unwrap().to_owned())
            .find(|id| !id.starts_with("e-"))
            .unwrap();
        let done = takes_back(&nadia, &empowerment).await;
        assert_eq!(done.address, format!("{LIST}?fait=retiree"));
        let history = done.words("main details li").join(" ");
        assert!(
            history.contains("Paul Inconnu") && history.contains("Retirée"),
            "{history}"
        );
        assert!(!is_signed_in(&paul).await, "at once, not at the next login");
        assert_eq!(paul.logs_in("/agent").await.status, StatusCode::FORBIDDEN);
        let nadias = |act: &str| ("officer/o-admin-78".to_owned(), act.to_owned());
        assert_eq!(
            acts_on(&app, &empowerment).await,
            [nadias("empowerment.grant"), nadias("empowerment.revoke")]
        );
        // In English.
        let english = nadia
            .get("/langue/en?retour=%2Fadministration%2Fhabilitations")
            .await
            .ok();
        assert_eq!(english.title(), "Empowerments");
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_not_told_in_time_is_forgotten() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let paul = app.officer("stranger");
        paul.logs_in("/agent").await;
        let asks = paul.get("/agent/habilitation/demande").await.ok();
        let form = asks.form("main form[action$='/demande']");
        let given = paul.submit(&form).await.ok();
        let code = given.words("main .fr-alert__title").join("");
        let code = code.rsplit(' ').next().unwrap().to_owned();
        app.pass_minutes(16);
        let late = paul.submit(&form).await;
        assert_eq!(late.status, StatusCode::GONE, "{late:.300}");
        app.pass_minutes(7 * 24 * 60 - 16);
        let nadia = app.officer("admin-78");
        nadia.logs_in(LIST).await.ok();
        let over = proposes(&nadia, "u-78-police", &code, "9078055", "officer").await;
        assert_eq!(over.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_their_right_in_a_hearing_leaves_it_and_the_person_stays() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
        let id = together::in_hearing(&app, &camille, &sarah).await;
        let fed = sarah
            .open_stream(&format!("/agent/audition/{id}/evenements"))
            .await;
        let nadia = app.officer("admin-78");
        nadia.logs_in(LIST).await.ok();
        takes_back(&nadia, SARAH).await;
        // Ends by itself: the story would wait for ever otherwise.
        fed.bytes().await.unwrap();
        assert!(!is_signed_in(&sarah).await);
        until("the officer's seat given up", async || {
            let mut tx = app.read().await;
            let seats = visioplainte::hearings::store::list_seats(&mut tx, &id.as_str().into())
                .await
                .unwrap();
            let place = |role: &str| {
                let seat = seats.iter().find(|seat| seat.role.as_str() == role);
                seat.map(|seat| seat.place.as_str())
            };
            (place("officer") == Some("left") && place("citizen") == Some("in")).then_some(())
        })
        .await;
        let room = camille.get_here(&format!("/audition/{id}")).await.ok();
        assert!(room.has("[data-call]"));
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_empowers_themselves_or_beyond_what_they_hold() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let nadia = app.officer("admin-78");
        nadia.logs_in(LIST).await.ok();
        let invalid = StatusCode::UNPROCESSABLE_ENTITY;
        for (who, rio, role) in [
            ("9078003", "", "officer"),
            ("9078001", "", "department_admin"),
            ("9078001", "", "auditor"),
            ("9078001", "", ""),
            ("0000000", "", "officer"),
            ("D-22222-22222", "9078055", "officer"),
            ("", "", "officer"),
        ] {
            let page = proposes(&nadia, "u-78-police", who, rio, role).await;
            assert_eq!(page.status, invalid, "{who} {role}: {page:.300}");
            assert!(page.has("main .fr-alert--error"), "{page:.500}");
        }
        // Confirmed is whoever was shown, in the unit that was shown.
        let question = proposes(&nadia, "u-78-police", "9078002", "", "officer").await;
        let form = question.ok().form(&format!("main form[action='{LIST}']"));
        let other = form.clone().forge("agent", "9974001");
        assert_eq!(nadia.submit(&other).await.status, invalid);
        let beyond = form.clone().forge("role", "department_admin");
        assert_eq!(nadia.submit(&beyond).await.status, invalid);
        let elsewhere = form.clone().forge("unite", "u-78-gendarmerie");
        let refused = nadia.submit(&elsewhere).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
        // Her own is somebody else's to take back.
        let own = nadia
            .get(&format!("{LIST}/e-admin-78-u-78-police-unit_admin/retrait"))
            .await;
        own.refused(
            StatusCode::FORBIDDEN,
            "Vous ne pouvez pas retirer cette habilitation",
        );
        // The department's administrator appoints an auditor; she cannot dismiss them.
        let mut tx = app.read().await;
        let count = visioplainte::fetch_all!(
            &mut tx,
            (i64,),
            "select count(*) from empowerments where granted_by <> 'system' or revoked_at is not null"
        )
        .unwrap();
        assert_eq!(count[0].0, 0, "nothing was given or taken back");
        drop(tx);
        let auditor = format!("{LIST}/e-auditor-u-78-police-auditor/retrait");
        nadia.get(&auditor).await.refused(
            StatusCode::FORBIDDEN,
            "Vous ne pouvez pas retirer cette habilitation",
        );
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_right_is_chosen_at_the_next_login_and_changing_it_renews_the_session() {
    for app in TestApp::on_every_engine(MONDAY).await {
        let sarah = app.officer("78-police");
        sarah.logs_in("/agent").await.ok();
        let nadia = app.officer("admin-78");
        nadia.logs_in(LIST).await.ok();
        let question = proposes(&nadia, "u-78-police", "9078001", "", "unit_admin").await;
        let question = question.ok();
        confirms(&nadia, &question).await.ok();
        let again = confirms(&nadia, &question).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.text().contains("déjà cette habilitation"));
        // Her session goes on with the right it began with.
        assert!(is_signed_in(&sarah).await);
        let page = sarah.get("/administration/guichets").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:.300}");

        let sessions = sarah.get("/agent/sessions").await.ok();
        let address = sessions
            .attribute("main a[href='/agent/habilitation']", "href")
            .unwrap();
        let choice = sarah.get(&address).await.ok();
        let forms = choice.forms("main form[action='/agent/habilitation']");
        assert_eq!(forms.len(), 2);
        let before = sarah.cookie("vp_session").unwrap();
        app.pass_minutes(30);
        let admin = forms
            .iter()
            .find(|form| form.field("habilitation") != SARAH)
            .unwrap();
        sarah.submit(admin).await.ok();
        sarah.get("/administration/guichets").await.ok();
        let after = sarah.cookie("vp_session").unwrap();
        assert_ne!(before, after, "a change of rights changes the cookie");
        let thief = app.browser();
        thief.set_cookie("vp_session", &before);
        assert!(!is_signed_in(&thief).await);
        // Changing makes no session last longer than the login allows.
        let mut tx = app.read().await;
        let ends = visioplainte::fetch_all!(
            &mut tx,
            (i64, i64),
            "select expires_at, coalesce(ended_at, 0) from sessions where officer_id = 'o-78-police' order by started_at"
        )
        .unwrap();
        drop(tx);
        assert_eq!(ends.len(), 2);
        assert_eq!(ends[0].0, ends[1].0);
        assert!(ends[0].1 > 0 && ends[1].1 == 0, "{ends:?}");
        // The right she changed to is taken back: only that session ends with it.
        let twin = app.officer("78-police");
        let choice = twin.logs_in("/agent").await.ok();
        let officer = choice
            .forms("main form[action='/agent/habilitation']")
            .into_iter()
            .find(|form| form.field("habilitation") == SARAH)
            .unwrap();
        twin.submit(&officer).await.ok();
        takes_back(&nadia, admin.field("habilitation")).await;
        assert!(!is_signed_in(&sarah).await);
        assert!(is_signed_in(&twin).await);
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_is_empowered_by_whoever_runs_the_service() {
    // On the machine's clock, as the command is.
    for app in TestApp::live_on_every_engine().await {
        let paul = app.officer("stranger");
        paul.logs_in("/agent").await;
        let asks = paul.get("/agent/habilitation/demande").await.ok();
        let given = paul
            .submit(&asks.form("main form[action$='/demande']"))
            .await
            .ok();
        let code = given.words("main .fr-alert__title").join("");
        let code = code.rsplit(' ').next().unwrap().to_owned();
        let create = |code: &str, rio: &str, unit: &str, role: &str| {
            let arguments = [
                "admin", "create", "--code", code, "--rio", rio, "--unit", unit, "--role", role,
            ];
            let done = app.command(&arguments);
            let said = [done.stdout, done.stderr].concat();
            (
                done.status.success(),
                String::from_utf8_lossy(&said).into_owned(),
            )
        };
        for (code, rio, unit, role, why) in [
            (
                "D-AAAAA-AAAAA",
                "9974055",
                "u-974-police",
                "department_admin",
                "code",
            ),
            (&*code, "12", "u-974-police", "department_admin", "--rio"),
            (
                &*code,
                "9078001",
                "u-974-police",
                "department_admin",
                "--rio",
            ),
            (&*code, "9974055", "u-none", "department_admin", "unit"),
            (&*code, "9974055", "u-974-police", "officer", "--role"),
        ] {
            let (done, said) = create(code, rio, unit, role);
            assert!(!done && said.contains(why), "{why}: {said}");
            assert_eq!(paul.logs_in("/agent").await.status, StatusCode::FORBIDDEN);
        }
        let (done, said) = create(&code, "9974055", "u-974-police", "department_admin");
        assert!(done, "{said}");
        assert!(!said.contains("inconnu"), "no name is printed: {said}");
        let page = paul.logs_in("/administration/guichets").await.ok();
        assert_eq!(page.address, "/administration/guichets");
        let (again, said) = create(&code, "9974055", "u-974-police", "department_admin");
        assert!(!again, "a code is used once: {said}");
        let empowerment = said_id(&create("9974055", "9974055", "u-974-police", "unit_admin").1);
        assert_eq!(
            acts_on(&app, &empowerment).await,
            [("system".to_owned(), "empowerment.grant".to_owned())]
        );
        app.journal_holds();
    }
}

fn said_id(said: &str) -> String {
    let (_, rest) = said.split_once("empowerment ").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}
