//! What the tests of slices share: a service on each engine, people with a
//! session, and requests through the whole router.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use sqlx::Connection;
use tower::ServiceExt;

use crate::app::App;
use crate::calendar::{self, Unit};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::{Db, Id, random_hex};
use crate::declaration::Content;
use crate::execute;
use crate::identity::session::{self, Subject};
use crate::identity::{OfficerIdentity, PivotIdentity, Role};
use crate::information::rights;
use crate::keys::sha256_hex;
use crate::notifications::templates::{self, Rendered};
use crate::notifications::{Channel, Values};
use crate::page::csrf_token;

/// Names the PostgreSQL server of the tests, e.g. `postgres://user@host/postgres`.
const POSTGRES: &str = "VISIOPLAINTE_TEST_POSTGRES";

/// A service of its own for one test, gone with its folder.
pub(crate) struct TestApp {
    pub(crate) app: App,
    _folder: tempfile::TempDir,
}

impl std::ops::Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// An instant as RFC 3339.
pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp(
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_millis(),
    )
}

/// A seeded service on every engine there is: SQLite always, PostgreSQL when
/// the environment names a server, which then must work.
pub(crate) async fn on_every_engine(now: &str) -> Vec<TestApp> {
    on_every_engine_with(now, |_| {}).await
}

/// The same with some settings of its own.
pub(crate) async fn on_every_engine_with(
    now: &str,
    settings: impl Fn(&mut Config),
) -> Vec<TestApp> {
    let mut apps = vec![start(String::new(), now, &settings).await];
    if let Ok(server) = std::env::var(POSTGRES) {
        apps.push(start(fresh_postgres(&server).await, now, &settings).await);
    }
    apps
}

/// A seeded service on SQLite.
pub(crate) async fn on_sqlite(now: &str) -> TestApp {
    start(String::new(), now, |_| {}).await
}

/// A new, empty database on a PostgreSQL server.
pub(crate) async fn fresh_postgres(server: &str) -> String {
    let mut connection = sqlx::PgConnection::connect(server)
        .await
        .unwrap_or_else(|error| {
            panic!("{POSTGRES} is set but its server does not answer: {error}")
        });
    let name = format!("vp_test_{}", random_hex::<6>());
    // The name is ours, of hexadecimal digits: nothing to escape.
    let create = sqlx::AssertSqlSafe(format!("create database {name}"));
    sqlx::query(create)
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{POSTGRES} is set but no database can be made: {error}"));
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    url.to_string()
}

async fn start(database_url: String, now: &str, settings: impl Fn(&mut Config)) -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config {
        data_dir: folder.path().to_owned(),
        database_url,
        ..Config::default()
    };
    settings(&mut config);
    let app = App::open(config.completed().unwrap(), Clock::fixed(at(now)))
        .await
        .unwrap();
    app.db.migrate().await.unwrap();
    crate::seed::seed(&app).await.unwrap();
    TestApp {
        app,
        _folder: folder,
    }
}

/// An administrative number that no other officer has.
fn a_number_of_nobody() -> String {
    let bytes = crate::db::random_bytes::<8>();
    format!("{:010}", u64::from_be_bytes(bytes) % 10_000_000_000)
}

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: Id,
    cookie: String,
    csrf: String,
}

impl Person {
    /// What the person's browser sends with each request.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }
}

/// What a page answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) kind: String,
    pub(crate) text: String,
}

impl TestApp {
    pub(crate) async fn unit(&self, id: &str) -> Unit {
        let mut tx = self.db.read().await.unwrap();
        calendar::find_unit(&mut tx, &id.into())
            .await
            .unwrap()
            .unwrap()
    }

    /// A citizen who is signed in and has told everything but the slot.
    pub(crate) async fn citizen_with_case(&self, name: &str, unit: &str) -> (Person, Id) {
        let now = self.clock.now();
        let id = Id::random();
        let identity = PivotIdentity {
            given_name: name.into(),
            family_name: "ESSAI".into(),
            gender: "female".into(),
            birthdate: "1980-01-01".into(),
            birthplace: "78646".into(),
            birthcountry: "99100".into(),
            preferred_username: String::new(),
            email: String::new(),
            origin: crate::identity::Origin::FranceConnect,
        };
        let mut tx = self.db.begin().await.unwrap();
        let sealed = self
            .keys
            .service
            .seal_json(&format!("citizen/{id}"), &identity);
        execute!(
            &mut tx,
            "insert into citizens (id, issuer, sub, sealed_identity, created_at) values ($1, 'test', $2, $3, $4)",
            &id,
            id.as_str(),
            sealed,
            now
        )
        .unwrap();
        let case_id = Id::random();
        let key = self
            .keys
            .create_case_key(&mut tx, &case_id, now)
            .await
            .unwrap();
        let content = Content {
            email: "personne@exemple.example".into(),
            phone: "+33639980001".into(),
            offence_label: "Vol de vélo".into(),
            statement: "On m’a pris mon vélo.".into(),
            address: "1 rue de l’Essai".into(),
            postal_code: "78000".into(),
            city: "Versailles".into(),
            facts_place: "Devant la gare".into(),
            author_known: "no".into(),
            ..Content::default()
        };
        let sealed = key.seal_json(&format!("declaration/{case_id}"), &content);
        execute!(
            &mut tx,
            "insert into declarations (case_id, citizen_id, unit_id, commune_code, offence, catalogue_version, language,
                 sealed_content, rights_version, rights_seen_at, terms_version, terms_accepted_at, created_at, updated_at)
             values ($1, $2, $3, '78646', 'vol', '1', 'fr', $4, $6, $5, $7, $5, $5, $5)",
            &case_id,
            &id,
            unit,
            sealed,
            now,
            rights::version(),
            rights::terms_version()
        )
        .unwrap();
        let cookie = session::start(
            &mut tx,
            &self.keys,
            Subject::Citizen(&id),
            "eidas1",
            "pwd",
            "",
            now,
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        (self.person(id, cookie), case_id)
    }

    /// An officer who is signed in under one empowerment.
    pub(crate) async fn officer(&self, role: Role, unit: &str) -> Person {
        let now = self.clock.now();
        let (id, empowerment) = (Id::random(), Id::random());
        let identity = OfficerIdentity {
            given_name: "Camille".into(),
            usual_name: "Agent".into(),
            email: "agent@exemple.example".into(),
        };
        let mut tx = self.db.begin().await.unwrap();
        let sealed = self
            .keys
            .service
            .seal_json(&format!("officer/{id}"), &identity);
        execute!(
            &mut tx,
            "insert into officers (id, sub, idp_id, sealed_identity, rio, created_at)
             values ($1, $2, 'test', $3, $4, $5)",
            &id,
            id.as_str(),
            sealed,
            a_number_of_nobody(),
            now
        )
        .unwrap();
        execute!(
            &mut tx,
            "insert into empowerments (id, officer_id, unit_id, role, granted_at, granted_by)
             values ($1, $2, $3, $4, $5, 'system')",
            &empowerment,
            &id,
            unit,
            role,
            now
        )
        .unwrap();
        let subject = Subject::Officer(&id, &empowerment);
        let cookie = session::start(&mut tx, &self.keys, subject, "eidas1", "pwd", "", now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.person(id, cookie)
    }

    fn person(&self, id: Id, cookie: String) -> Person {
        let csrf = csrf_token(self, &sha256_hex(cookie.as_bytes()));
        Person {
            id,
            cookie: format!("{}={cookie}", session::COOKIE),
            csrf,
        }
    }

    pub(crate) async fn get(&self, person: &Person, path: &str) -> Answer {
        let request = Request::get(path)
            .header(header::COOKIE, &person.cookie)
            .body(Body::empty())
            .unwrap();
        answer(self.router().oneshot(request).await.unwrap()).await
    }

    /// Submits a form with the person's anti-forgery token.
    pub(crate) async fn post(
        &self,
        person: &Person,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &person.csrf)
            .extend_pairs(fields)
            .finish();
        self.post_raw(person, path, body).await
    }

    pub(crate) async fn post_raw(
        &self,
        person: &Person,
        path: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::post(path)
            .header(header::COOKIE, &person.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into())
            .unwrap();
        answer(self.router().oneshot(request).await.unwrap()).await
    }

    /// Number of rows a query counts, by the name of what is counted.
    pub(crate) async fn counts(&self) -> BTreeMap<&'static str, i64> {
        let mut tx = self.db.read().await.unwrap();
        let mut counts = BTreeMap::new();
        for (name, rows) in [
            (
                "messages",
                crate::fetch_all!(
                    &mut tx,
                    (i64,),
                    "select count(*) from messages where template <> 'reminder'"
                )
                .unwrap(),
            ),
            (
                "occupancy",
                crate::fetch_all!(&mut tx, (i64,), "select count(*) from desk_occupancy").unwrap(),
            ),
            (
                "booked",
                crate::fetch_all!(
                    &mut tx,
                    (i64,),
                    "select count(*) from appointments where state = 'booked'"
                )
                .unwrap(),
            ),
            (
                "held",
                crate::fetch_all!(
                    &mut tx,
                    (i64,),
                    "select count(*) from appointments where state = 'held'"
                )
                .unwrap(),
            ),
            (
                "links",
                crate::fetch_all!(
                    &mut tx,
                    (i64,),
                    "select count(*) from meeting_links where revoked_at is null"
                )
                .unwrap(),
            ),
        ] {
            counts.insert(name, rows[0].0);
        }
        counts
    }

    /// Every message of the outbox that is due, as its recipient will read it.
    pub(crate) async fn letters(&self) -> Vec<(Channel, Rendered)> {
        let mut tx = self.db.read().await.unwrap();
        let rows = crate::fetch_all!(
            &mut tx,
            (Id, Channel, String, String, Vec<u8>),
            "select id, channel, template, language, sealed_values from messages
             where next_attempt_at <= $1 order by created_at, event, channel",
            self.clock.now()
        )
        .unwrap();
        rows.into_iter()
            .map(|(id, channel, template, language, sealed)| {
                let values: Values = self
                    .keys
                    .service
                    .open_json(&format!("message/{id}"), &sealed)
                    .unwrap();
                (
                    channel,
                    templates::render(self, channel, &template, &language, &values),
                )
            })
            .collect()
    }

    /// Checks that the journal's chains hold.
    pub(crate) async fn journal_holds(&self) {
        let mut tx = self.db.read().await.unwrap();
        let key = self.keys.journal_public();
        crate::audit::verify::verify_all(&mut tx, key)
            .await
            .unwrap()
            .unwrap();
    }
}

async fn answer(response: Response<Body>) -> Answer {
    let header = |name| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let (location, kind) = (header(header::LOCATION), header(header::CONTENT_TYPE));
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 4 << 20)
        .await
        .unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    // A page that shows a person something asks nothing unanswered.
    assert!(!text.contains('⟦'), "a message is missing: {text}");
    Answer {
        status,
        location,
        kind,
        text,
    }
}

/// Every statement the service can send, prepared on every engine: a misspelt
/// column or a word that one engine does not know is found here.
#[tokio::test]
async fn every_statement_prepares_on_every_engine() {
    use sqlx::{Executor, SqlSafeStr};
    let mut seen = 0;
    let mut broken = Vec::new();
    for app in on_every_engine("2026-03-02T08:00:00Z").await {
        for statement in inventory::iter::<crate::db::Statement> {
            let sql = statement.sql.into_sql_str();
            let result = match &app.db {
                Db::Lite { writer, .. } => writer.prepare(sql).await.map(|_| ()),
                Db::Pg(pool) => pool.prepare(sql).await.map(|_| ()),
            };
            seen += 1;
            if let Err(error) = result {
                broken.push(format!(
                    "{}, {}:{}: {error}",
                    app.db.engine(),
                    statement.file,
                    statement.line
                ));
            }
        }
    }
    assert!(seen > 30, "only {seen} statements were registered");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
