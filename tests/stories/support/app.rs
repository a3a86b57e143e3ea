//! The whole service for one story, on a port of its own: pages, background
//! work, and a media node where the story needs one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use visioplainte::app::App;
use visioplainte::clock::{Clock, Timestamp};
use visioplainte::commands::background;
use visioplainte::config::Config;
use visioplainte::db::{Db, Id, Tx, random_hex};

use super::{Browser, Citizen, Officer, until};

/// Names the PostgreSQL server of the tests, e.g. `postgres://user@host/postgres`.
const POSTGRES: &str = "VISIOPLAINTE_TEST_POSTGRES";

/// A service of its own, gone with its folder.
pub struct TestApp {
    pub app: App,
    pub site: String,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl std::ops::Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What is left of a service to start others from.
pub struct Kept {
    folder: tempfile::TempDir,
    /// Its database on PostgreSQL; none: a file in the folder.
    database: Option<String>,
}

impl Kept {
    /// Takes it away.
    pub async fn ends_for_good(self) {
        if let Some(url) = &self.database {
            let name = name_of(url);
            on_the_server(&[format!("drop database {name} with (force)")]).await;
        }
    }
}

/// Asks the PostgreSQL server, by a connection to none of the tests' databases.
async fn on_the_server(statements: &[String]) {
    use sqlx::Connection;
    let server = std::env::var(POSTGRES).unwrap();
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    for statement in statements {
        // Names of databases are ours, of letters, digits and hyphens.
        sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

fn name_of(database_url: &str) -> String {
    let url = url::Url::parse(database_url).unwrap();
    url.path().trim_start_matches('/').to_owned()
}

/// Another database that holds what one holds now. Whoever is connected to that one is
/// sent away for the moment, since PostgreSQL copies nothing that is in use.
async fn copy_of_database(database_url: &str) -> String {
    let (from, to) = (
        name_of(database_url),
        format!("vp_story_{}", random_hex::<6>()),
    );
    on_the_server(&[
        format!("alter database {from} with allow_connections false"),
        format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{from}'"),
        format!("create database {to} template {from}"),
        format!("alter database {from} with allow_connections true"),
    ])
    .await;
    let mut url = url::Url::parse(database_url).unwrap();
    url.set_path(&to);
    url.to_string()
}

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// An instant as RFC 3339.
pub fn at(text: &str) -> Timestamp {
    Timestamp(
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_millis(),
    )
}

/// A new, empty database on the PostgreSQL server, if the environment names one.
pub async fn fresh_postgres() -> Option<String> {
    use sqlx::Connection;
    let server = std::env::var(POSTGRES).ok()?;
    let mut connection = sqlx::PgConnection::connect(&server)
        .await
        .unwrap_or_else(|error| {
            panic!("{POSTGRES} is set but its server does not answer: {error}")
        });
    let name = format!("vp_story_{}", random_hex::<6>());
    // The name is ours, of hexadecimal digits: nothing to escape.
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{POSTGRES} is set but no database can be made: {error}"));
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    Some(url.to_string())
}

impl TestApp {
    /// On SQLite, at an instant that stands still.
    pub async fn at(now: &str) -> Self {
        Self::start(String::new(), Clock::fixed(at(now))).await
    }

    /// On every engine there is, at an instant that stands still: SQLite
    /// always, PostgreSQL when the environment names a server.
    pub async fn on_every_engine(now: &str) -> Vec<Self> {
        Self::each_with(|| Clock::fixed(at(now))).await
    }

    /// On every engine, by the machine's clock, as media tokens need it.
    pub async fn live_on_every_engine() -> Vec<Self> {
        Self::each_with(|| Clock::System).await
    }

    async fn each_with(clock: impl Fn() -> Clock) -> Vec<Self> {
        let mut apps = vec![Self::start(String::new(), clock()).await];
        if let Some(url) = fresh_postgres().await {
            apps.push(Self::start(url, clock()).await);
        }
        apps
    }

    async fn start(database_url: String, clock: Clock) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), database_url, clock).await
    }

    /// A service as another one stood when it was kept.
    pub async fn like(kept: &Kept, now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(kept.folder.path(), folder.path());
        let database = match &kept.database {
            Some(url) => copy_of_database(url).await,
            None => String::new(),
        };
        Self::start_in(folder, database, Clock::fixed(at(now))).await
    }

    /// Keeps a service as it stands: its database, keys and documents.
    pub async fn keep(&self) -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let database = match &self.db {
            Db::Lite { writer, .. } => {
                let file = folder.path().join("visioplainte.sqlite");
                // The folder's name is ours and holds no quote.
                let copy_of_it = format!("vacuum into '{}'", file.display());
                sqlx::query(sqlx::AssertSqlSafe(copy_of_it))
                    .execute(writer)
                    .await
                    .unwrap();
                None
            }
            Db::Pg(_) => Some(copy_of_database(&self.config.database_url).await),
        };
        for name in ["master.key", "objects"] {
            copy(&self.folder.path().join(name), &folder.path().join(name));
        }
        Kept { folder, database }
    }

    /// Ends a service that was started from what was kept, and takes its database away:
    /// there are hundreds of them.
    pub async fn ends_for_good(self) {
        self.stop.cancel();
        if let Db::Pg(_) = &self.db {
            let name = name_of(&self.config.database_url);
            on_the_server(&[format!("drop database {name} with (force)")]).await;
        }
    }

    async fn start_in(folder: tempfile::TempDir, database_url: String, clock: Clock) -> Self {
        // Two TLS stacks could be asked for; as in the service, ring for all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let config = Config {
            listen,
            data_dir: folder.path().to_owned(),
            public_url: format!("http://{listen}"),
            database_url,
            ..Config::default()
        };
        let app = App::open(config.completed().unwrap(), clock).await.unwrap();
        app.db.migrate().await.unwrap();
        visioplainte::seed::seed(&app).await.unwrap();
        let stop = CancellationToken::new();
        let _tasks = background(&app, &stop);
        let router = app
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        let ended = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(ended)
                .await
        });
        let site = app.config.public_url.clone();
        TestApp {
            app,
            site,
            folder,
            stop,
        }
    }

    /// Starts a media node beside the service, as `serve` does in a process apart.
    pub async fn with_media(self) -> Self {
        let limits = signaling::Limits::default();
        self.with_media_node("node-1", limits).await
    }

    /// The same with a name and limits of its own.
    pub async fn with_media_node(self, name: &str, limits: signaling::Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let config = signaling::NodeConfig {
            node: "story".into(),
            udp: vec!["127.0.0.1:0".parse().unwrap()],
            announce: None,
            token_key: self.keys.join_public,
            limits,
        };
        let stop = self.stop.clone();
        tokio::spawn(async move { signaling::serve(listener, config, stop).await.unwrap() });
        self.media.set_address(name, Some(listen.to_string()));
        self
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.site)
    }

    /// Somebody of the sandbox's FranceConnect with a browser of their own.
    pub fn citizen(&self, key: &'static str) -> Citizen {
        Citizen::new(key, self.browser())
    }

    /// Somebody of the sandbox's ProConnect with a browser of their own.
    pub fn officer(&self, key: &'static str) -> Officer {
        Officer::new(key, self.browser())
    }

    /// Moves a clock that stands still.
    pub fn pass_minutes(&self, minutes: i64) {
        self.clock.set(self.clock.now().plus_minutes(minutes));
    }

    pub async fn read(&self) -> Tx {
        self.db.read().await.unwrap()
    }

    pub fn handoff_inbox(&self) -> PathBuf {
        PathBuf::from(&self.config.handoff_dir).join("inbox")
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Runs the real command-line program on this service's database.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_visioplainte"))
            .args(arguments)
            // Nothing of the tests' own environment is a setting of the service.
            .env_clear()
            .env("VISIOPLAINTE_DATA_DIR", self.folder.path())
            .env("VISIOPLAINTE_DATABASE_URL", &self.config.database_url)
            .env("VISIOPLAINTE_PUBLIC_URL", &self.site)
            .output()
            .unwrap()
    }

    /// Checks every chain of the journal with the real command.
    pub fn journal_holds(&self) {
        let verified = self.command(&["journal", "verify"]);
        let said = [&verified.stdout, &verified.stderr]
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .concat();
        assert!(
            verified.status.success() && said.contains("every chain is whole"),
            "{said}"
        );
    }

    /// How many rows a table has that matter to the reader.
    pub async fn count_messages(&self, event: &str) -> i64 {
        let mut tx = self.read().await;
        let rows = visioplainte::fetch_optional!(
            &mut tx,
            (i64,),
            "select count(*) from messages where event = $1",
            event
        );
        rows.unwrap().unwrap().0
    }

    /// How many lines of an act the journal holds.
    pub async fn journal_lines(&self, act: &str) -> i64 {
        let mut tx = self.read().await;
        let rows = visioplainte::fetch_optional!(
            &mut tx,
            (i64,),
            "select count(*) from journal where act = $1",
            act
        );
        rows.unwrap().unwrap().0
    }

    /// Waits until nothing in the outbox is due.
    pub async fn outbox_is_empty(&self) {
        until("an empty outbox", async || {
            let mut tx = self.read().await;
            let rows = visioplainte::fetch_optional!(
                &mut tx,
                (i64,),
                "select count(*) from messages
                 where state = 'pending' and (attempts > 0 or next_attempt_at <= $1)",
                self.clock.now()
            );
            (rows.unwrap().unwrap().0 == 0).then_some(())
        })
        .await;
    }

    pub async fn appointment(&self, id: &str) -> visioplainte::booking::Appointment {
        let mut tx = self.read().await;
        visioplainte::booking::find(&mut tx, &Id::from(id))
            .await
            .unwrap()
            .unwrap()
    }

    /// People signed in whose cases are as ready as an existing one: a crowd
    /// larger than the sandbox has accounts.
    pub async fn a_crowd_like(&self, case: &Id, size: usize) -> Vec<Browser> {
        use visioplainte::identity::PivotIdentity;
        use visioplainte::identity::session::{self, Subject};
        let now = self.clock.now();
        let mut tx = self.db.begin().await.unwrap();
        let content = visioplainte::declaration::open_content(&mut tx, &self.keys, case)
            .await
            .unwrap();
        let mut crowd = Vec::new();
        for number in 0..size {
            let (id, own_case) = (Id::random(), Id::random());
            let identity = PivotIdentity {
                given_name: format!("Numéro {number}"),
                family_name: "FOULE".into(),
                gender: "unspecified".into(),
                birthdate: "1980-01-01".into(),
                birthplace: "78646".into(),
                birthcountry: "99100".into(),
                preferred_username: String::new(),
                email: String::new(),
                origin: visioplainte::identity::Origin::FranceConnect,
            };
            let sealed = self
                .keys
                .service
                .seal_json(&format!("citizen/{id}"), &identity);
            visioplainte::execute!(
                &mut tx,
                "insert into citizens (id, issuer, sub, sealed_identity, created_at) values ($1, 'crowd', $2, $3, $4)",
                &id,
                id.as_str(),
                sealed,
                now
            )
            .unwrap();
            let key = self
                .keys
                .create_case_key(&mut tx, &own_case, now)
                .await
                .unwrap();
            visioplainte::execute!(
                &mut tx,
                "insert into declarations (case_id, citizen_id, unit_id, commune_code, offence, catalogue_version,
                     language, sealed_content, rights_version, rights_seen_at, terms_version, terms_accepted_at,
                     created_at, updated_at)
                 select cast($1 as text), cast($2 as text), unit_id, commune_code, offence, catalogue_version,
                     language, $3, rights_version, rights_seen_at, terms_version, terms_accepted_at,
                     created_at, updated_at
                 from declarations where case_id = $4",
                &own_case,
                &id,
                key.seal_json(&format!("declaration/{own_case}"), &content),
                case
            )
            .unwrap();
            let subject = Subject::Citizen(&id);
            let cookie = session::start(&mut tx, &self.keys, subject, "eidas1", "pwd", "", now)
                .await
                .unwrap();
            let browser = self.browser();
            browser.set_cookie(session::COOKIE, &cookie);
            crowd.push(browser);
        }
        tx.commit().await.unwrap();
        crowd
    }

    /// The case that a citizen of the sandbox is telling at this moment.
    pub async fn case_in_hand(&self) -> Id {
        let mut tx = self.read().await;
        let rows = visioplainte::fetch_all!(
            &mut tx,
            (Id,),
            "select case_id from declarations where submitted_at is null"
        );
        rows.unwrap().remove(0).0
    }

    /// How long a unit's journal is.
    pub async fn journal_of_unit(&self, unit: &str) -> i64 {
        let mut tx = self.read().await;
        let rows = visioplainte::fetch_optional!(
            &mut tx,
            (i64,),
            "select count(*) from journal where chain = $1",
            unit
        );
        rows.unwrap().unwrap().0
    }

    /// Waits until the record of an appointment is in a state.
    pub async fn record_becomes(&self, id: &str, state: &str) {
        let case = self.appointment(id).await.case_id;
        until(&format!("a record that is {state}"), async || {
            let mut tx = self.read().await;
            let record = visioplainte::complaint::store::find_record(&mut tx, &case)
                .await
                .unwrap()?;
            (record.state.as_str() == state).then_some(())
        })
        .await;
    }
}
