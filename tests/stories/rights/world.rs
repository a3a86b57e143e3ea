//! The people of the table and one case, kept at every stage of its life, so
//! that each question is asked of the same ground.

use std::collections::BTreeMap;

use visioplainte::audit::Actor;
use visioplainte::db::{Id, Tx, random_bytes};
use visioplainte::identity::session::{self, Subject};
use visioplainte::identity::{OfficerIdentity, Origin, PivotIdentity, Role, people};
use visioplainte::keys::sha256_hex;
use visioplainte::notifications::Values;
use visioplainte::page::csrf_token;
use visioplainte::scheduling::{keys, webhooks};

use crate::support::app::Kept;
use crate::support::messages::mail_to;
use crate::support::page::Form;
use crate::support::people::EMAIL;
use crate::support::people::together::NARRATIVE;
use crate::support::{Browser, Citizen, Officer, Page, TestApp};

pub const MONDAY: &str = "2026-11-23T08:00:00Z";
const UNIT: &str = "u-78-police";
const DEAD_LETTER: &str = "dead-letter";
const KEY: &str = "scheduling-key";
const HOURS: &str = "sunday-hours";

/// Who asks, in the order of the table's columns. The case is the `owner`'s and
/// lies with the police of Fontclaire, in the Yvelines.
pub const ACTORS: [&str; 15] = [
    // Not signed in.
    "nobody",
    // The citizen whose case it is.
    "owner",
    // Another citizen.
    "citizen",
    // The officer who holds the hearing.
    "seated",
    // A colleague of the same unit.
    "officer",
    // An officer of another unit of the same department.
    "officer_else",
    // The unit's administrator.
    "unit_admin",
    // The administrator of another unit of the same department.
    "unit_adm_else",
    // The department's administrator, empowered in another of its units.
    "dept_admin",
    // The administrator of another department.
    "dept_adm_else",
    // An auditor of the unit.
    "auditor",
    // An auditor of another department.
    "auditor_else",
    // A companion of the owner, who sits in the hearing once its door is open. Whoever
    // comes by a link and a code has a seat and no session; a lawyer's and an
    // interpreter's are no other.
    "guest",
    // Somebody for whom no provider vouches, signed in by link and code, about another
    // case.
    "declared",
    // A browser whose session of the owner was ended.
    "ended",
];

/// How far the case is, in the order of its life.
pub const STAGES: [&str; 10] = [
    "told",
    "held",
    "booked",
    "open",
    "in_hearing",
    "written",
    "in_review",
    "changes",
    "agreed",
    "signed",
];

pub struct World {
    kept: BTreeMap<&'static str, Kept>,
    browsers: BTreeMap<&'static str, Browser>,
    /// What stands for `{…}` in a path, by path or by the parameter alone.
    parameters: BTreeMap<&'static str, String>,
    /// What the pages' own forms send, by the address they send it to.
    forms: BTreeMap<String, Vec<(String, String)>>,
}

/// The anti-forgery token that pages of this browser hold.
pub fn csrf_of(app: &TestApp, browser: &Browser) -> String {
    browser.cookie(session::COOKIE).map_or_else(
        || "0".repeat(64),
        |cookie| csrf_token(app, &sha256_hex(cookie.as_bytes())),
    )
}

/// Somebody whom the sandbox does not have, signed in under one empowerment.
async fn empowered(tx: &mut Tx, app: &TestApp, role: Role, unit: &str) -> Browser {
    let (now, officer, empowerment) = (app.clock.now(), Id::random(), Id::random());
    let identity = OfficerIdentity {
        given_name: "Dominique".into(),
        usual_name: "Agent".into(),
        email: "dominique.agent@interieur.example".into(),
    };
    let sealed = app
        .keys
        .service
        .seal_json(&format!("officer/{officer}"), &identity);
    visioplainte::execute!(
        tx,
        "insert into officers (id, sub, idp_id, sealed_identity, rio, created_at)
         values ($1, $2, 'table', $3, $4, $5)",
        &officer,
        officer.as_str(),
        sealed,
        // Nobody else's.
        format!(
            "{:010}",
            u64::from_be_bytes(random_bytes::<8>()) % 10_000_000_000
        ),
        now
    )
    .unwrap();
    visioplainte::execute!(
        tx,
        "insert into empowerments (id, officer_id, unit_id, role, granted_at, granted_by)
         values ($1, $2, $3, $4, $5, 'system')",
        &empowerment,
        &officer,
        unit,
        role,
        now
    )
    .unwrap();
    let subject = Subject::Officer(&officer, &empowerment);
    let cookie = session::start(tx, &app.keys, subject, "eidas1-mfa", "pwd", "", now)
        .await
        .unwrap();
    let browser = app.browser();
    browser.set_cookie(session::COOKIE, &cookie);
    browser
}

/// Somebody whom an officer wrote down, signed in by the code of their message.
async fn declared(tx: &mut Tx, app: &TestApp) -> Browser {
    let now = app.clock.now();
    let identity = PivotIdentity {
        given_name: "Lucie".into(),
        family_name: "BÉNARD".into(),
        gender: "female".into(),
        birthdate: "1951-06-02".into(),
        birthplace: "Oran".into(),
        birthcountry: "Algérie".into(),
        origin: Origin::Declared,
        ..PivotIdentity::default()
    };
    let addresses = ["lucie@courriel.example", ""];
    let citizen = people::ensure_declared(tx, &app.keys, &identity, addresses, now)
        .await
        .unwrap();
    let subject = Subject::Citizen(&citizen);
    let cookie = session::start(tx, &app.keys, subject, session::BY_CODE, "", "", now)
        .await
        .unwrap();
    let browser = app.browser();
    browser.set_cookie(session::COOKIE, &cookie);
    browser
}

/// Ends a session by itself; the browser keeps its cookie.
async fn ends(app: &TestApp, browser: &Browser) {
    let cookie = browser.cookie(session::COOKIE).unwrap();
    let id = sha256_hex(cookie.as_bytes());
    let mut tx = app.db.begin().await.unwrap();
    let ended = session::end(&mut tx, &app.keys, &id, app.clock.now()).await;
    assert!(ended.unwrap().is_some());
    tx.commit().await.unwrap();
}

/// A message of the unit that could not be delivered.
async fn a_dead_letter(tx: &mut Tx, app: &TestApp) {
    let now = app.clock.now();
    let values = Values {
        address: EMAIL.to_owned(),
        ..Values::default()
    };
    visioplainte::execute!(
        tx,
        "insert into messages (id, event, recipient, unit_id, channel, template, language, sealed_values, state,
             reason, attempts, next_attempt_at, expires_at, created_at, ended_at)
         values ($1, 'record/1/ready', 'citizen/1', $2, 'email', 'ready', 'fr', $3, 'dead',
             'recipient', 1, $4, $5, $4, $4)",
        DEAD_LETTER,
        UNIT,
        app.keys
            .service
            .seal_json(&format!("message/{DEAD_LETTER}"), &values),
        now,
        now.plus_minutes(24 * 60)
    )
    .unwrap();
}

/// A second range of the unit's desk.
async fn sunday_hours(tx: &mut Tx, app: &TestApp) {
    visioplainte::execute!(
        tx,
        "insert into opening_hours (id, desk_id, rrule, first_day, start_minute, end_minute, created_at, created_by)
         values ($1, 'd-78-police-1', 'FREQ=WEEKLY;BYDAY=SU', '2026-11-23', 1260, 1320, $2, 'system')",
        HOURS,
        app.clock.now()
    )
    .unwrap();
}

/// A key of the scheduling interface, with a webhook.
async fn a_scheduling_key(tx: &mut Tx, app: &TestApp) {
    let (id, now) = (Id::from(KEY), app.clock.now());
    let unit = visioplainte::calendar::find_unit(tx, &UNIT.into()).await;
    let new = keys::NewKey {
        id: &id,
        name: "Autre service",
        expires_at: None,
    };
    let (unit, system) = (unit.unwrap().unwrap(), Actor::System);
    keys::create(tx, &unit, new, &system, now).await.unwrap();
    let key = keys::find(tx, &id).await.unwrap().unwrap();
    let url = "https://planning.example/retours";
    webhooks::set(tx, &key, url, &system, now).await.unwrap();
}

/// The handle of the one other session of a list.
fn other_session(list: &Page) -> String {
    list.attributes("main a[href$='/fermer']", "href")
        .into_iter()
        .find(|address| !address.contains("/les-autres/"))
        .and_then(|address| address.split('/').nth(3).map(ToOwned::to_owned))
        .unwrap()
}

impl World {
    /// The world on a service that nobody has used.
    pub async fn on(app: TestApp) -> Self {
        let (camille, amina) = (app.citizen("camille"), app.citizen("amina"));
        let sarah = app.officer("78-police");
        let mut world = World {
            kept: BTreeMap::new(),
            browsers: BTreeMap::new(),
            parameters: BTreeMap::new(),
            forms: BTreeMap::new(),
        };
        let ended = camille.elsewhere();
        ended.logs_in("/espace").await.ok();
        ends(&app, &ended).await;
        world.meet(&app, &camille, &amina, &sarah).await;
        let (appointment, slot) = world.book(&app, &camille).await;
        world.hear(&app, &camille, &sarah, &appointment).await;
        world.settle(&app, &camille, &sarah, &appointment).await;
        world.parameters.extend([
            ("id", appointment),
            ("lang", "fr".to_owned()),
            ("face", "proconnect".to_owned()),
            ("node", "node-1".to_owned()),
            ("*path", "rien.css".to_owned()),
            (
                "/administration/guichets/{id}/plages",
                "d-78-police-1".to_owned(),
            ),
            (
                "/administration/guichets/{id}/fermeture",
                "d-78-police-1".to_owned(),
            ),
            (
                "/administration/guichets/{id}/exceptions",
                "d-78-police-1".to_owned(),
            ),
            ("/administration/unites/{id}/regles", UNIT.to_owned()),
            ("/administration/unites/{id}/voisines", UNIT.to_owned()),
            ("/administration/unites/{id}/fiche", UNIT.to_owned()),
            ("/administration/unites/{id}/fermeture", UNIT.to_owned()),
            ("/administration/unites/{id}/reouverture", UNIT.to_owned()),
            ("/administration/agents/{id}", "o-78-police".to_owned()),
            ("/administration/plages/{id}/retrait", HOURS.to_owned()),
            (
                "/administration/plages/{id}/retablissement",
                HOURS.to_owned(),
            ),
            (
                "/administration/messages/{id}/renvoyer",
                DEAD_LETTER.to_owned(),
            ),
            ("/administration/planification/{id}", KEY.to_owned()),
            (
                "/administration/planification/{id}/rotation",
                KEY.to_owned(),
            ),
            (
                "/administration/planification/{id}/revocation",
                KEY.to_owned(),
            ),
            ("/administration/planification/{id}/webhook", KEY.to_owned()),
            (
                "/administration/planification/{id}/webhook/secret",
                KEY.to_owned(),
            ),
            ("/administration/planification/{id}/renvoi", KEY.to_owned()),
            (
                "/administration/habilitations/{id}/retrait",
                "e-78-police-u-78-police-officer".to_owned(),
            ),
        ]);
        world.forms.insert(
            "/rendez-vous/creneaux".to_owned(),
            vec![("creneau".to_owned(), slot)],
        );
        world.browsers.extend([
            ("nobody", app.browser()),
            ("ended", ended.browser),
            ("owner", camille.browser),
            ("citizen", amina.browser),
            ("seated", sarah.browser),
        ]);
        world
    }

    /// The service as it was at a stage.
    pub async fn at(&self, stage: &str) -> TestApp {
        TestApp::like(&self.kept[stage], MONDAY).await
    }

    /// Takes away what was kept.
    pub async fn ends(self) {
        for (_, kept) in self.kept {
            kept.ends_for_good().await;
        }
    }

    pub fn browser(&self, actor: &str, site: &str) -> Browser {
        self.browsers[actor].at(site)
    }

    /// The address a route has for what is the owner's and their unit's.
    pub fn address(&self, path: &str) -> String {
        let mut address = path.to_owned();
        while let Some((before, rest)) = address.split_once('{') {
            let (name, after) = rest.split_once('}').unwrap();
            let value = self.parameters.get(path);
            let value = value.or_else(|| self.parameters.get(name));
            let value = value.unwrap_or_else(|| panic!("what stands for {name} in {path}?"));
            address = format!("{before}{value}{after}");
        }
        if [
            "/administration/guichets/nouveau",
            "/administration/habilitations/nouvelle",
            "/administration/planification/nouvelle",
            "/administration/journal",
        ]
        .contains(&path)
        {
            address = format!("{address}?unite={UNIT}");
        }
        address
    }

    /// What the form sends that leads to an address, but for the token.
    pub fn fields(&self, path: &str, address: &str) -> Vec<(String, String)> {
        if let Some(fields) = self.forms.get(address) {
            return fields.clone();
        }
        let fields: &[(&str, &str)] = match path {
            "/declaration/verification/renvoyer" => &[("canal", "courriel")],
            "/administration/guichets/nouveau" => &[
                ("unite", UNIT),
                ("libelle", "Guichet 2"),
                ("jour", "MO"),
                ("debut", "09:00"),
                ("fin", "17:00"),
                ("premier_jour", "2026-11-23"),
            ],
            "/administration/journal/export" => {
                &[("unite", UNIT), ("motif", "control"), ("format", "csv")]
            }
            "/administration/guichets/{id}/plages" => &[
                ("jour", "SU"),
                ("debut", "20:00"),
                ("fin", "21:00"),
                ("premier_jour", "2026-11-23"),
            ],
            "/administration/planification/nouvelle" => &[
                ("unite", UNIT),
                ("cle", "another-key"),
                ("nom", "Un autre encore"),
            ],
            "/administration/planification/{id}/rotation" => {
                &[("secret", "another-secret"), ("delai", "7")]
            }
            "/administration/planification/{id}/webhook" => &[("adresse", "planning.example")],
            "/administration/planification/{id}/webhook/secret" => &[("secret", "another-secret")],
            "/administration/planification/{id}/renvoi" => &[("livraison", "msg_none")],
            "/agent/habilitation" => &[("habilitation", "e-78-police-u-78-police-officer")],
            "/administration/habilitations" | "/administration/habilitations/nouvelle" => &[
                ("unite", UNIT),
                ("agent", "9974001"),
                ("role", "officer"),
                ("personne", "officer/o-974-police"),
            ],
            _ => &[],
        };
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    fn remember(&mut self, form: &Form) {
        let mut fields = form.fields.clone();
        fields.retain(|(name, _)| name != "csrf");
        self.forms.insert(form.action.clone(), fields);
    }

    async fn keep(&mut self, app: &TestApp, stage: &'static str) {
        self.kept.insert(stage, app.keep().await);
    }

    /// Everybody signs in, the owner and the seated officer twice.
    async fn meet(&mut self, app: &TestApp, camille: &Citizen, amina: &Citizen, sarah: &Officer) {
        amina.logs_in("/espace").await.ok();
        camille.logs_in("/espace").await.ok();
        sarah.logs_in("/agent").await.ok();
        camille.elsewhere().logs_in("/espace").await.ok();
        app.officer("78-police").logs_in("/agent").await.ok();
        let list = camille.get("/espace/sessions").await.ok();
        self.parameters
            .insert("/espace/sessions/{id}/fermer", other_session(&list));
        let list = sarah.get("/agent/sessions").await.ok();
        self.parameters
            .insert("/agent/sessions/{id}/fermer", other_session(&list));
        let mut tx = app.db.begin().await.unwrap();
        for (actor, role, unit) in [
            ("officer", Role::Officer, UNIT),
            ("officer_else", Role::Officer, "u-78-gendarmerie"),
            ("unit_admin", Role::UnitAdmin, UNIT),
            ("unit_adm_else", Role::UnitAdmin, "u-78-gendarmerie"),
            ("dept_admin", Role::DepartmentAdmin, "u-78-gendarmerie"),
            ("dept_adm_else", Role::DepartmentAdmin, "u-974-police"),
            ("auditor", Role::Auditor, UNIT),
            ("auditor_else", Role::Auditor, "u-974-police"),
        ] {
            let browser = empowered(&mut tx, app, role, unit).await;
            self.browsers.insert(actor, browser);
        }
        let declared = declared(&mut tx, app).await;
        self.browsers.insert("declared", declared);
        a_dead_letter(&mut tx, app).await;
        a_scheduling_key(&mut tx, app).await;
        sunday_hours(&mut tx, app).await;
        tx.commit().await.unwrap();
    }

    /// From the first page to the appointment; gives it and its slot.
    async fn book(&mut self, app: &TestApp, camille: &Citizen) -> (String, String) {
        let slots = camille.declares("Versailles").await;
        self.keep(app, "told").await;
        for step in ["droits", "coordonnees", "faits"] {
            let address = format!("/declaration/{step}");
            let page = camille.get(&address).await.ok();
            let mut form = page.form(&format!("main form[action='{address}']"));
            if step == "droits" {
                for name in ["francais", "droits", "cgu"] {
                    form = form.forge(name, "oui");
                }
            }
            self.remember(&form);
        }
        let form = slots.form("form.vp-next-slot");
        let review = camille.submit(&form).await.ok();
        self.keep(app, "held").await;
        let appointment = camille.confirms(&review).await;
        let page = camille
            .get(&format!("/rendez-vous/{appointment}/invites"))
            .await
            .ok();
        let invite = page
            .form("form[action$='/invites']")
            .with("qualite", "companion")
            .with("nom", "Dominique")
            .with("contact", "dominique@courriel.example");
        let page = camille.submit(&invite).await.ok();
        self.remember(&page.form("form[action$='/invites/retirer']"));
        // Somebody is invited once.
        self.remember(&invite.with("contact", "autre@courriel.example"));
        app.outbox_is_empty().await;
        self.keep(app, "booked").await;
        // Later messages bring no link and no calendar.
        let last = |address: &str| address.rsplit('/').next().unwrap().to_owned();
        let link = mail_to(&app.site, EMAIL, "est confirmé").await.link;
        let list = app.browser().get("/bac-a-sable/courrier").await.ok();
        let confirmation = std::iter::zip(
            list.words("main li"),
            list.attributes("main li a[href^='/bac-a-sable/courrier/']", "href"),
        )
        .find(|(card, _)| card.contains("est confirmé"));
        let (link, mail) = (link.unwrap(), last(&confirmation.unwrap().1));
        self.parameters.extend([
            ("secret", last(&link)),
            ("/bac-a-sable/courrier/{id}", mail.clone()),
            ("/bac-a-sable/courrier/{id}/calendrier.ics", mail),
        ]);
        (appointment, form.field("creneau").to_owned())
    }

    /// The companion whom the owner invited comes by their link and the code they were told.
    async fn companion_enters(&self, app: &TestApp, camille: &Citizen, id: &str) -> Browser {
        let page = camille
            .get(&format!("/rendez-vous/{id}/invites"))
            .await
            .ok();
        let code = page.words(".vp-code").remove(0);
        let mail = mail_to(&app.site, "dominique@courriel.example", "Invitation à").await;
        let path = mail.link.unwrap();
        let path = path.strip_prefix(&app.site).unwrap();
        let guest = app.browser();
        let door = guest.get(path).await.ok();
        let form = door
            .form(&format!("form[action='{path}']"))
            .with("code", &code);
        let room = guest.submit(&form).await.ok();
        assert_eq!(room.address, format!("/audition/{id}"));
        guest
    }

    /// From the door to the text.
    async fn hear(&mut self, app: &TestApp, camille: &Citizen, sarah: &Officer, id: &str) {
        camille.enters(id).await;
        let room = sarah.opens(id).await;
        let guest = self.companion_enters(app, camille, id).await;
        self.browsers.insert("guest", guest);
        self.remember(&room.form("form[action$='/admettre']"));
        let invite = room
            .form("form[action$='/invites']")
            .with("qualite", "interpreter")
            .with("nom", "Ines Traductrice")
            .with("contact", "interprete@courriel.example");
        let room = sarah.submit(&invite).await.ok();
        self.remember(&room.form("form[action$='/invites/renvoyer']"));
        self.remember(&room.form("form[action$='/invites/retirer']"));
        // Somebody is invited once.
        let another = invite.with("contact", "autre.interprete@courriel.example");
        self.remember(&another);
        self.keep(app, "open").await;
        let room = sarah.admits(id).await;
        self.remember(&room.form("form[action$='/renvoyer']"));
        let check = room.form("form[action$='/constat']");
        let result = check.choices("resultat").into_iter().next();
        let check = match result {
            Some(result) => check.with("resultat", &result),
            None => check,
        };
        self.remember(&check);
        self.remember(&room.form("form[action$='/texte']").with("texte", NARRATIVE));
        self.keep(app, "in_hearing").await;
        let room = sarah.ticks_everything(&room).await;
        let room = sarah.writes(&room, NARRATIVE).await.ok();
        self.keep(app, "written").await;
        sarah
            .submit(&room.form("form[action$='/relecture']"))
            .await
            .ok();
        self.keep(app, "in_review").await;
    }

    /// From the reading to the documents; the change asked for is another branch.
    async fn settle(&mut self, app: &TestApp, camille: &Citizen, sarah: &Officer, id: &str) {
        let act = camille.reads_the_act(id).await;
        let change = act
            .form("form[action$='/modification']")
            .with("texte", "Il était midi.");
        self.remember(&change);
        let agreement = act
            .form("form[action$='/accord']")
            .with("decision", "agreed");
        self.remember(&agreement);
        let branch = self.at("in_review").await;
        let there = Citizen::new(camille.key, camille.browser.at(&branch.site));
        there
            .submit(&change.forge("csrf", &csrf_of(&branch, &there)))
            .await
            .ok();
        self.keep(&branch, "changes").await;
        let sarah_there = Officer::new(sarah.key, sarah.browser.at(&branch.site));
        let room = sarah_there.workspace(id).await;
        let answer = room
            .form("form[action$='/reponse']")
            .with("reponse", "C’est corrigé.");
        self.remember(&answer);

        camille.submit(&agreement).await.ok();
        self.keep(app, "agreed").await;
        let room = sarah.workspace(id).await;
        sarah
            .submit(&room.form("form[action$='/signature']"))
            .await
            .ok();
        self.keep(app, "signed").await;
        let space = camille.get("/espace").await.ok();
        let document = space
            .attribute("main a[href^='/espace/documents/']", "href")
            .unwrap();
        let document = document.rsplit('/').next().unwrap().to_owned();
        for path in ["/espace/documents/{id}", "/agent/documents/{id}"] {
            self.parameters.insert(path, document.clone());
        }
    }
}
