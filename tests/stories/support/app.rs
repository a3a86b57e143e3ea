//! The whole service for one story, on a port of its own: pages, background
//! work, and a media node where the story needs one.

use std::path::PathBuf;
use std::process::{Command, Output};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use visioplainte::app::App;
use visioplainte::clock::{Clock, Timestamp};
use visioplainte::commands::background;
use visioplainte::config::Config;
use visioplainte::db::{Id, Tx, random_hex};

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

/// An instant as RFC 3339.
pub fn at(text: &str) -> Timestamp {
    Timestamp(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

/// A new, empty database on the PostgreSQL server, if the environment names one.
async fn fresh_postgres() -> Option<String> {
    use sqlx::Connection;
    let server = std::env::var(POSTGRES).ok()?;
    let mut connection = sqlx::PgConnection::connect(&server)
        .await
        .unwrap_or_else(|error| panic!("{POSTGRES} is set but its server does not answer: {error}"));
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
        // Two TLS stacks could be asked for; as in the service, ring for all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
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
        let (router, ended) = (app.router(), stop.clone().cancelled_owned());
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(ended).await });
        let site = app.config.public_url.clone();
        TestApp { app, site, folder, stop }
    }

    /// Starts a media node beside the service, as `serve` does in a process apart.
    pub async fn with_media(self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let config = signaling::NodeConfig {
            node: "story".into(),
            udp: vec!["127.0.0.1:0".parse().unwrap()],
            announce: None,
            token_key: self.keys.join_public,
            limits: signaling::Limits::default(),
        };
        let stop = self.stop.clone();
        tokio::spawn(async move { signaling::serve(listener, config, stop).await.unwrap() });
        self.media.set_listen(Some(listen));
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
            .env("VISIOPLAINTE_DATA_DIR", self.folder.path())
            .env("VISIOPLAINTE_DATABASE_URL", &self.config.database_url)
            .env("VISIOPLAINTE_PUBLIC_URL", &self.site)
            .output()
            .unwrap()
    }

    /// Checks every chain of the journal with the real command.
    pub fn journal_holds(&self) {
        let verified = self.command(&["journal", "verify"]);
        let said = [&verified.stdout, &verified.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
        assert!(verified.status.success() && said.contains("every chain is whole"), "{said}");
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

    /// Waits until the outbox is empty.
    pub async fn outbox_is_empty(&self) {
        until("an empty outbox", async || {
            let mut tx = self.read().await;
            let rows = visioplainte::fetch_optional!(
                &mut tx,
                (i64,),
                "select count(*) from messages where state = 'pending'"
            );
            (rows.unwrap().unwrap().0 == 0).then_some(())
        })
        .await;
    }

    pub async fn appointment(&self, id: &str) -> visioplainte::booking::Appointment {
        let mut tx = self.read().await;
        visioplainte::booking::find(&mut tx, &Id::from(id)).await.unwrap().unwrap()
    }
}
