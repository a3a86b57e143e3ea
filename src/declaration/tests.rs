//! The steps as a person walks them: requests through the whole router, on a
//! real SQLite file.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt;

use super::{Content, Declaration, MissingStep};
use crate::app::App;
use crate::audit;
use crate::clock::{Clock, Timestamp};
use crate::codes::{self, Purpose};
use crate::config::Config;
use crate::db::Id;
use crate::identity::PivotIdentity;
use crate::identity::session::{self, Subject};
use crate::information::rights;
use crate::keys::sha256_hex;
use crate::notifications::Channel;
use crate::page::csrf_token;
use crate::{execute, fetch_all, fetch_optional};

/// 22 November 2026, 22:30 UTC: the 22nd in Paris, the 23rd on Réunion.
const NOW: i64 = 1_795_386_600_000;

struct TestApp {
    app: App,
    _folder: tempfile::TempDir,
}

struct Person {
    id: Id,
    cookie: String,
    csrf: String,
}

struct Answer {
    status: StatusCode,
    location: String,
    text: String,
}

impl TestApp {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: folder.path().to_owned(),
            ..Config::default()
        };
        let clock = Clock::fixed(Timestamp(NOW));
        let app = App::open(config.completed().unwrap(), clock).await.unwrap();
        app.db.migrate().await.unwrap();
        let mut tx = app.db.begin().await.unwrap();
        for (code, open) in [("78", true), ("974", true), ("93", true), ("13", false)] {
            execute!(
                &mut tx,
                "insert into departments (code, name, coverage_open) values ($1, $1, $2)",
                code,
                open
            )
            .unwrap();
        }
        for (id, department, zone) in [
            ("u-78", "78", "Europe/Paris"),
            ("u-974", "974", "Indian/Reunion"),
            ("u-13", "13", "Europe/Paris"),
        ] {
            execute!(
                &mut tx,
                "insert into units (id, department, kind, name, address, postal_code, city, phone, email,
                     time_zone, slot_minutes, buffer_minutes, notice_minutes, horizon_days)
                 values ($1, $2, 'police', $1, 'rue', '00000', 'ville', '', '', $3, 30, 0, 0, 31)",
                id,
                department,
                zone
            )
            .unwrap();
        }
        for (code, name, folded, postal_code, department, unit) in [
            (
                "78208",
                "Élancourt",
                "elancourt",
                "78990",
                "78",
                Some("u-78"),
            ),
            (
                "78356",
                "Magny-les-Hameaux",
                "magny les hameaux",
                "78114",
                "78",
                Some("u-78"),
            ),
            (
                "78545",
                "Saint-Cyr-l’École",
                "saint cyr l ecole",
                "78210",
                "78",
                Some("u-78"),
            ),
            ("93066", "Saint-Denis", "saint denis", "93200", "93", None),
            (
                "97411",
                "Saint-Denis",
                "saint denis",
                "97400",
                "974",
                Some("u-974"),
            ),
            (
                "13055",
                "Marseille",
                "marseille",
                "13001",
                "13",
                Some("u-13"),
            ),
        ] {
            execute!(
                &mut tx,
                "insert into communes (insee_code, name, search_name, postal_code, department, unit_id)
                 values ($1, $2, $3, $4, $5, $6)",
                code,
                name,
                folded,
                postal_code,
                department,
                unit
            )
            .unwrap();
        }
        tx.commit().await.unwrap();
        TestApp {
            app,
            _folder: folder,
        }
    }

    async fn citizen(&self, name: &str, birthdate: &str) -> Person {
        let id = Id::random();
        let identity = PivotIdentity {
            given_name: name.into(),
            family_name: "ESSAI".into(),
            gender: "female".into(),
            birthdate: birthdate.into(),
            birthplace: "2A115".into(),
            birthcountry: "99100".into(),
            preferred_username: String::new(),
            email: "compte@exemple.fr".into(),
            origin: crate::identity::Origin::FranceConnect,
        };
        let mut tx = self.app.db.begin().await.unwrap();
        let sealed = self
            .app
            .keys
            .service
            .seal_json(&format!("citizen/{id}"), &identity);
        execute!(
            &mut tx,
            "insert into citizens (id, issuer, sub, sealed_identity, created_at)
             values ($1, 'test', $2, $3, $4)",
            &id,
            id.as_str(),
            sealed,
            Timestamp(NOW)
        )
        .unwrap();
        tx.commit().await.unwrap();
        self.signed_in(id).await
    }

    async fn signed_in(&self, id: Id) -> Person {
        let mut tx = self.app.db.begin().await.unwrap();
        let subject = Subject::Citizen(&id);
        let now = self.app.clock.now();
        let cookie = session::start(&mut tx, &self.app.keys, subject, "eidas1", "", "t", now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let csrf = csrf_token(&self.app, &sha256_hex(cookie.as_bytes()));
        Person { id, cookie, csrf }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            location: parts
                .headers
                .get(header::LOCATION)
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default(),
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, person: Option<&Person>, path: &str) -> Answer {
        let mut request = Request::get(path);
        if let Some(person) = person {
            request = request.header(
                header::COOKIE,
                format!("{}={}", session::COOKIE, person.cookie),
            );
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &person.csrf)
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header(
                header::COOKIE,
                format!("{}={}", session::COOKIE, person.cookie),
            )
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    async fn draft(&self, person: &Person) -> Option<(Declaration, Content)> {
        let mut tx = self.app.db.read().await.unwrap();
        let draft = super::find_draft(&mut tx, &person.id).await.unwrap()?;
        let content = super::open_content(&mut tx, &self.app.keys, &draft.case_id)
            .await
            .unwrap();
        Some((draft, content))
    }

    async fn begin(&self, person: &Person) {
        let answer = self
            .post(person, "/declaration/droits", &rights_form())
            .await;
        assert_eq!(
            answer.location, "/declaration/coordonnees",
            "{}",
            answer.text
        );
    }

    async fn begin_and_reach(&self, person: &Person, commune: &str) {
        self.begin(person).await;
        let answer = self
            .post(
                person,
                "/declaration/coordonnees",
                &with(&contact_form(), "commune", commune),
            )
            .await;
        assert_eq!(
            answer.location, "/declaration/verification",
            "{}",
            answer.text
        );
        self.confirm(person).await;
    }

    /// Types every code that was sent to the person.
    async fn confirm(&self, person: &Person) {
        let mut tx = self.app.db.read().await.unwrap();
        let sent = fetch_all!(
            &mut tx,
            (Channel, Id, i64),
            "select channel, id, generation from contact_codes where citizen_id = $1",
            &person.id
        )
        .unwrap();
        drop(tx);
        let codes: Vec<(&str, String)> = sent
            .iter()
            .map(|(channel, id, generation)| {
                let field = match channel {
                    Channel::Email => "code_courriel",
                    Channel::Sms => "code_telephone",
                };
                let keys = &self.app.keys;
                let code = codes::of(keys, Purpose::Contact, id.as_str(), *generation);
                (field, code)
            })
            .collect();
        let form: Vec<(&str, &str)> = codes
            .iter()
            .map(|(field, code)| (*field, code.as_str()))
            .collect();
        let answer = self.post(person, "/declaration/verification", &form).await;
        assert_eq!(answer.location, "/declaration", "{}", answer.text);
    }
}

fn rights_form() -> Vec<(&'static str, &'static str)> {
    vec![
        ("nature", "vol"),
        ("version", rights::version()),
        ("francais", "oui"),
        ("droits", "oui"),
        ("cgu", "oui"),
    ]
}

fn contact_form() -> Vec<(&'static str, &'static str)> {
    vec![
        ("courriel", "jeanne@exemple.fr"),
        ("telephone", "06 12 34 56 78"),
        ("adresse", "1 rue de la Paix"),
        ("commune", "élancourt"),
    ]
}

fn facts_form() -> Vec<(&'static str, &'static str)> {
    vec![
        ("nature", "vol"),
        ("date", "2026-11-20"),
        ("heure", "vers 18 h"),
        ("lieu", "Gare"),
        ("auteur", "non"),
        ("faits", "On m’a pris mon sac.\r\nIl était bleu."),
    ]
}

/// A form with one field changed, or added.
fn with<'a>(
    form: &[(&'a str, &'a str)],
    field: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut form: Vec<_> = form
        .iter()
        .copied()
        .filter(|(name, _)| *name != field)
        .collect();
    form.push((field, value));
    form
}

#[tokio::test]
async fn jeanne_declares_from_her_rights_to_the_slots() {
    let test = TestApp::start().await;
    let jeanne = test.citizen("Jeanne", "1962-08-24").await;

    let rights_page = test
        .get(Some(&jeanne), "/declaration/droits?nature=vol")
        .await;
    assert_eq!(rights_page.status, StatusCode::OK);
    for told in [
        "116\u{a0}006",
        "procureur général",
        "7\u{a0}500\u{a0}€",
        "/en-personne",
        "Vol",
    ] {
        assert!(rights_page.text.contains(told), "{told}");
    }
    assert!(
        test.draft(&jeanne).await.is_none(),
        "looking creates nothing"
    );

    test.begin(&jeanne).await;
    let (draft, content) = test.draft(&jeanne).await.unwrap();
    assert_eq!(draft.rights_version.as_deref(), Some(rights::version()));
    assert_eq!(draft.rights_seen_at, Some(Timestamp(NOW)));
    assert_eq!(draft.terms_accepted_at, Some(Timestamp(NOW)));
    assert_eq!(
        (
            content.offence_label.as_str(),
            content.spoken_language.as_str()
        ),
        ("Vol", "fr")
    );
    assert_eq!(
        super::ready_for_slot(&draft, &content),
        Err(MissingStep::Contact)
    );

    let contact = test.get(Some(&jeanne), "/declaration/coordonnees").await;
    assert!(
        contact.text.contains("compte@exemple.fr"),
        "the provider's e-mail is offered"
    );
    assert!(contact.text.contains("24/08/1962"));
    test.begin_and_reach(&jeanne, "78990").await;
    let (draft, content) = test.draft(&jeanne).await.unwrap();
    assert_eq!(draft.unit_id, Some("u-78".into()));
    assert_eq!(
        (content.phone.as_str(), content.city.as_str()),
        ("+33612345678", "Élancourt")
    );

    let saved = test
        .post(&jeanne, "/declaration/faits", &facts_form())
        .await;
    assert_eq!(
        (saved.status, saved.location.as_str()),
        (StatusCode::SEE_OTHER, "/rendez-vous/creneaux")
    );
    let (draft, content) = test.draft(&jeanne).await.unwrap();
    assert_eq!(content.statement, "On m’a pris mon sac.\nIl était bleu.");
    assert_eq!(super::ready_for_slot(&draft, &content), Ok(()));

    // What was typed is shown again, on another device, after a new login.
    let again = test.signed_in(jeanne.id.clone()).await;
    let resumed = test.get(Some(&again), "/declaration").await;
    assert_eq!(resumed.location, "/rendez-vous/creneaux");
    let facts = test.get(Some(&again), "/declaration/faits").await;
    assert!(facts.text.contains("Il était bleu.") && facts.text.contains("enregistré"));
    let contact = test.get(Some(&again), "/declaration/coordonnees").await;
    assert!(
        contact.text.contains("+33 6 12 34 56 78") && contact.text.contains("Élancourt (78990)")
    );

    // Submitted once; then there is no draft, and a new one is a new case.
    let mut tx = test.app.db.begin().await.unwrap();
    assert!(
        super::submit(&mut tx, &draft.case_id, Timestamp(NOW))
            .await
            .unwrap()
    );
    assert!(
        !super::submit(&mut tx, &draft.case_id, Timestamp(NOW))
            .await
            .unwrap()
    );
    let lines = audit::lines_about(&mut tx, &format!("declaration/{}", draft.case_id))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let acts: Vec<_> = lines.iter().map(|line| line.act.as_str()).collect();
    for act in [
        "declaration.begin",
        "declaration.rights_seen",
        "declaration.save_contact",
        "declaration.save_facts",
        "declaration.submit",
    ] {
        assert!(acts.contains(&act), "{act} in {acts:?}");
    }
    for line in &lines {
        for secret in ["Jeanne", "exemple", "sac", "Paix"] {
            assert!(!line.detail.contains(secret) && !line.object.contains(secret));
        }
    }
    assert!(test.draft(&jeanne).await.is_none());
    let late = test
        .post(&jeanne, "/declaration/faits", &facts_form())
        .await;
    assert_eq!(
        late.location, "/declaration/droits",
        "a second tab cannot change what was submitted"
    );
    test.begin(&jeanne).await;
    assert_ne!(test.draft(&jeanne).await.unwrap().0.case_id, draft.case_id);
}

#[tokio::test]
async fn every_step_asks_who_is_there_and_comes_back() {
    let test = TestApp::start().await;
    for path in [
        "/declaration",
        "/declaration/droits?nature=vol",
        "/declaration/coordonnees",
        "/declaration/faits",
        "/declaration/hors-zone",
    ] {
        let answer = test.get(None, path).await;
        let expected = url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.location, format!("/connexion?retour={expected}"));
    }
}

#[tokio::test]
async fn a_step_before_its_turn_leads_to_the_missing_one() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    for path in [
        "/declaration/coordonnees",
        "/declaration/faits",
        "/declaration/hors-zone",
    ] {
        assert_eq!(
            test.get(Some(&jean), path).await.location,
            "/declaration/droits",
            "{path}"
        );
        assert_eq!(
            test.post(&jean, path, &facts_form()).await.status.as_u16() / 100,
            if path.ends_with("zone") { 4 } else { 3 }
        );
    }
    assert_eq!(
        test.get(Some(&jean), "/declaration").await.location,
        "/orientation"
    );
    assert_eq!(
        test.get(Some(&jean), "/declaration/droits").await.location,
        "/orientation"
    );
    test.begin(&jean).await;
    assert_eq!(
        test.get(Some(&jean), "/declaration").await.location,
        "/declaration/coordonnees"
    );
    assert_eq!(
        test.get(Some(&jean), "/declaration/faits").await.location,
        "/declaration/coordonnees"
    );
    let skipped = test.post(&jean, "/declaration/faits", &facts_form()).await;
    assert_eq!(skipped.location, "/declaration/coordonnees");
    assert!(test.draft(&jean).await.unwrap().1.statement.is_empty());
}

#[tokio::test]
async fn somebody_under_eighteen_is_told_what_to_do_instead() {
    let test = TestApp::start().await;
    let minor = test.citizen("Léa", "2008-11-23").await;
    let page = test
        .get(Some(&minor), "/declaration/droits?nature=vol")
        .await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    for told in ["Un de vos parents", "/en-personne", "119"] {
        assert!(page.text.contains(told), "{told}");
    }
    let sent = test
        .post(&minor, "/declaration/droits", &rights_form())
        .await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    assert!(test.draft(&minor).await.is_none());
    // Eighteen today; and a presumed date counts from the first of January.
    for birthdate in ["2008-11-22", "2008-01-01"] {
        let adult = test.citizen("Léo", birthdate).await;
        test.begin(&adult).await;
    }
}

#[tokio::test]
async fn sexual_violence_goes_to_people_and_not_to_a_form() {
    let test = TestApp::start().await;
    let person = test.citizen("Anne", "1990-05-05").await;
    let away = "/orientation/resultat?danger=non&nature=violences-sexuelles";
    let page = test
        .get(
            Some(&person),
            "/declaration/droits?nature=violences-sexuelles",
        )
        .await;
    assert_eq!(page.location, away);
    let form = with(&rights_form(), "nature", "violences-sexuelles");
    assert_eq!(
        test.post(&person, "/declaration/droits", &form)
            .await
            .location,
        away
    );
    assert!(test.draft(&person).await.is_none());
    test.begin_and_reach(&person, "78990").await;
    let form = with(&facts_form(), "nature", "violences-sexuelles");
    assert_eq!(
        test.post(&person, "/declaration/faits", &form)
            .await
            .location,
        away
    );
    assert_eq!(test.draft(&person).await.unwrap().0.offence, "vol");
    let outcome = test.get(None, away).await;
    assert_eq!(outcome.status, StatusCode::OK);
    for told in [
        "arretonslesviolences",
        "tel:3919",
        "tel:116006",
        "tel:119",
        "tel:17",
        "/en-personne",
    ] {
        assert!(outcome.text.contains(told), "{told}");
    }
    assert!(!outcome.text.contains("/declaration/"));
}

#[tokio::test]
async fn the_rights_screen_says_what_is_missing() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    for (field, value, anchor) in [
        ("droits", "", "#droits"),
        ("version", "1999-01-01", "#droits"),
        ("cgu", "", "#cgu"),
        ("francais", "", "#francais"),
        ("francais", "non", "#langue"),
    ] {
        let answer = test
            .post(
                &jean,
                "/declaration/droits",
                &with(&rights_form(), field, value),
            )
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{field}={value}"
        );
        assert!(
            answer.text.contains(&format!("href=\"{anchor}\"")),
            "{field}={value}"
        );
    }
    let mut form = with(&rights_form(), "francais", "non");
    form.push(("langue", "<script>"));
    assert_eq!(
        test.post(&jean, "/declaration/droits", &form).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert!(test.draft(&jean).await.is_none());
    let mut form = with(&with(&rights_form(), "francais", "non"), "langue", "fsl");
    form.push(("interprete", "oui"));
    assert_eq!(
        test.post(&jean, "/declaration/droits", &form).await.status,
        StatusCode::SEE_OTHER
    );
    let (_, content) = test.draft(&jean).await.unwrap();
    assert_eq!(
        (content.spoken_language.as_str(), content.interpreter),
        ("fsl", true)
    );
    for nature in ["", "zzz", "' or 1=1 --"] {
        let answer = test
            .post(
                &jean,
                "/declaration/droits",
                &with(&rights_form(), "nature", nature),
            )
            .await;
        assert_eq!(answer.location, "/orientation", "{nature}");
    }
}

#[tokio::test]
async fn contact_errors_are_said_beside_the_field_and_nothing_is_lost() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    test.begin(&jean).await;
    let long = "x".repeat(201);
    for (field, value) in [
        ("courriel", "jeanne@"),
        ("telephone", "12"),
        ("adresse", "  "),
        ("adresse", long.as_str()),
        ("nom_usage", long.as_str()),
        ("profession", long.as_str()),
        ("commune", ""),
        ("commune", "zzzz"),
        ("commune", "%"),
        ("commune", "1"),
    ] {
        let answer = test
            .post(
                &jean,
                "/declaration/coordonnees",
                &with(&contact_form(), field, value),
            )
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{field}={value}"
        );
        assert!(
            answer.text.contains(&format!("href=\"#{field}\"")),
            "{field}={value}"
        );
        assert!(answer.text.contains("1 rue de la Paix") || field == "adresse");
    }
    let nowhere = with(&with(&contact_form(), "courriel", ""), "telephone", " ");
    let answer = test.post(&jean, "/declaration/coordonnees", &nowhere).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("href=\"#courriel\""));
    assert!(test.draft(&jean).await.unwrap().1.phone.is_empty());
    let hostile = with(&contact_form(), "adresse", "<script>alert(1)</script>");
    let answer = test
        .post(
            &jean,
            "/declaration/coordonnees",
            &with(&hostile, "courriel", "x"),
        )
        .await;
    assert!(!answer.text.contains("<script>alert"));
}

#[tokio::test]
async fn two_communes_of_one_name_are_offered_and_a_made_up_code_is_not_taken() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    test.begin(&jean).await;
    let asked = with(&contact_form(), "commune", "St Denis");
    let answer = test.post(&jean, "/declaration/coordonnees", &asked).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("93066") && answer.text.contains("97411"));
    // 78208 exists but is not what the words on the screen find.
    for code in ["78208", "99999", "'"] {
        let answer = test
            .post(
                &jean,
                "/declaration/coordonnees",
                &with(&asked, "commune_code", code),
            )
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{code}");
    }
    assert_eq!(test.draft(&jean).await.unwrap().0.commune_code, None);
    let answer = test
        .post(
            &jean,
            "/declaration/coordonnees",
            &with(&asked, "commune_code", "97411"),
        )
        .await;
    assert_eq!(answer.location, "/declaration/verification");
    assert_eq!(
        test.draft(&jean).await.unwrap().0.unit_id,
        Some("u-974".into())
    );
    // The search also works as a plain address.
    let listed = test
        .get(Some(&jean), "/declaration/coordonnees?commune=saint")
        .await;
    assert!(listed.text.contains("78545") && listed.text.contains("97411"));
    let nothing = test
        .get(Some(&jean), "/declaration/coordonnees?commune=zzzz")
        .await;
    assert!(nothing.text.contains("Nous ne trouvons pas cette commune"));
}

#[tokio::test]
async fn a_commune_that_nobody_covers_gets_other_ways() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    test.begin(&jean).await;
    for commune in ["93200", "Marseille"] {
        let answer = test
            .post(
                &jean,
                "/declaration/coordonnees",
                &with(&contact_form(), "commune", commune),
            )
            .await;
        assert_eq!(answer.location, "/declaration/hors-zone", "{commune}");
        assert_eq!(
            test.get(Some(&jean), "/declaration/faits").await.location,
            "/declaration/hors-zone"
        );
        let page = test.get(Some(&jean), "/declaration/hors-zone").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("/en-personne") && page.text.contains("procureur"));
    }
    // Moving to a covered one opens the way again.
    let answer = test
        .post(&jean, "/declaration/coordonnees", &contact_form())
        .await;
    assert_eq!(answer.location, "/declaration/verification");
    assert_eq!(
        test.get(Some(&jean), "/declaration/hors-zone")
            .await
            .location,
        "/declaration/faits"
    );
}

#[tokio::test]
async fn facts_are_checked_and_what_was_typed_comes_back() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    test.begin_and_reach(&jean, "78990").await;
    let long = "é".repeat(2_001);
    let line = "x".repeat(201);
    for (field, value) in [
        ("nature", "zzz"),
        ("date", ""),
        ("date", "hier"),
        ("date", "2026-11-23"),
        ("date", "1850-01-01"),
        ("heure", line.as_str()),
        ("lieu", ""),
        ("lieu", line.as_str()),
        ("auteur", ""),
        ("auteur", "toto"),
        ("faits", " \r\n "),
        ("faits", long.as_str()),
    ] {
        let answer = test
            .post(
                &jean,
                "/declaration/faits",
                &with(&facts_form(), field, value),
            )
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(
            answer.text.contains(&format!("href=\"#{field}\"")),
            "{field}={value}"
        );
        assert!(answer.text.contains("Il était bleu.") || field == "faits");
    }
    assert!(test.draft(&jean).await.unwrap().1.statement.is_empty());
    let just = "é".repeat(2_000);
    let mut form = with(&with(&facts_form(), "faits", &just), "date", "");
    form.push(("date_inconnue", "oui"));
    let answer = test.post(&jean, "/declaration/faits", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(test.draft(&jean).await.unwrap().1.facts_date.is_empty());
}

#[tokio::test]
async fn today_is_the_day_where_the_person_lives() {
    let test = TestApp::start().await;
    let marie = test.citizen("Marie", "1980-01-01").await;
    test.begin_and_reach(&marie, "97400").await;
    let form = with(&facts_form(), "date", "2026-11-23");
    assert_eq!(
        test.post(&marie, "/declaration/faits", &form).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn nobody_reads_or_changes_the_draft_of_another() {
    let test = TestApp::start().await;
    let (jean, anne) = (
        test.citizen("Jean", "1980-01-01").await,
        test.citizen("Anne", "1981-01-01").await,
    );
    test.begin_and_reach(&jean, "78990").await;
    test.begin_and_reach(&anne, "78990").await;
    let theirs = test.draft(&jean).await.unwrap().0.case_id;
    let mut form = facts_form();
    form.push(("case_id", theirs.as_str()));
    form.push(("citizen_id", jean.id.as_str()));
    let answer = test
        .post(
            &anne,
            &format!("/declaration/faits?case_id={theirs}"),
            &form,
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(test.draft(&jean).await.unwrap().1.statement.is_empty());
    assert!(!test.draft(&anne).await.unwrap().1.statement.is_empty());
    let page = test.get(Some(&jean), "/declaration/faits").await;
    assert!(!page.text.contains("Il était bleu."));
    // A token of Anne's session opens nothing in Jean's.
    let forged = Person {
        id: jean.id.clone(),
        cookie: jean.cookie.clone(),
        csrf: anne.csrf.clone(),
    };
    assert_eq!(
        test.post(&forged, "/declaration/faits", &facts_form())
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert!(test.draft(&jean).await.unwrap().1.statement.is_empty());
}

#[tokio::test]
async fn a_person_has_one_draft_however_often_they_send() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    let form = rights_form();
    let answers = futures_util::future::join_all(
        (0..8).map(|_| test.post(&jean, "/declaration/droits", &form)),
    )
    .await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == StatusCode::SEE_OTHER)
    );
    let mut tx = test.app.db.read().await.unwrap();
    let drafts = fetch_all!(&mut tx, (String,), "select case_id from declarations").unwrap();
    assert_eq!(drafts.len(), 1);
    let keys = fetch_optional!(&mut tx, (i64,), "select count(*) from case_keys").unwrap();
    assert_eq!(keys, Some((1,)));
}

#[tokio::test]
async fn what_was_told_is_sealed_in_the_database() {
    let test = TestApp::start().await;
    let jean = test.citizen("Jean", "1980-01-01").await;
    test.begin_and_reach(&jean, "78990").await;
    test.post(&jean, "/declaration/faits", &facts_form()).await;
    let mut tx = test.app.db.read().await.unwrap();
    let (sealed,) = fetch_optional!(
        &mut tx,
        (Vec<u8>,),
        "select sealed_content from declarations"
    )
    .unwrap()
    .unwrap();
    let text = String::from_utf8_lossy(&sealed);
    for secret in ["bleu", "+33612345678", "jeanne@exemple.fr", "Paix"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
