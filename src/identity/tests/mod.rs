//! Logins told through HTTP: a real listener, a browser with cookies, and a
//! provider, honest (the sandbox's, and one that is none of ours) or not.
//!
//! What the real providers are known for, and where it is tried:
//! - levels are always asked for, as each wants it, and checked again, closed by
//!   default; no parameter more than named: `the_departure_carries_exactly…`,
//!   `WrongLevel`, `NoLevel`, `level.rs`;
//! - exact callback, secret in the body, code of 30 s and tokens of 60 s:
//!   `the_sandbox_gives_tokens_as_strictly…`, `independent.rs`;
//! - ES256 or RS256, new keys fetched once, never HS256 or none: `attacks.rs`,
//!   `independent.rs`;
//! - `iss` in the answer, errors instead of a code: `what_the_callback_says…`;
//! - user information is a signed JWT about the same subject: `Userinfo…` in `liar.rs`;
//! - shapes of names, dates and places: `every_demonstration_citizen…`, `claims.rs`;
//! - the identity is never edited here: `a_citizen_keeps_the_identity…`;
//! - a helper with a mandate is told apart: `who_hears_a_citizen_is_told…`;
//! - an officer is subject and provider, never an address; no siret is no harm:
//!   `reconciliation.rs`;
//! - twelve hours of single sign-on on a shared station: whoever comes authenticates
//!   anew, `an_officer_is_let_in_at_once…`; leaving ends it there too, also for whoever
//!   was turned away: `a_login_replaces_the_session…`,
//!   `every_demonstration_officer…`, `independent.rs`.
#![allow(clippy::unwrap_used)]

mod attacks;
mod browser;
mod independent;
mod liar;
mod lifetimes;
mod reconciliation;
mod round_trip;

use std::net::SocketAddr;

use tokio::task::JoinHandle;

use crate::app::App;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::execute;

/// A Monday morning.
const NOW: Timestamp = Timestamp(1_772_438_400_000);

/// The service on a port of its own, with its own database and a clock that stands still.
struct Site {
    app: App,
    address: String,
    server: JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    /// Starts the service; `change` sets what the test needs.
    async fn start(change: impl FnOnce(&mut Config)) -> Site {
        Site::start_on(listen().await, change).await
    }

    /// The same on a port that is known beforehand.
    async fn start_on(listener: tokio::net::TcpListener, change: impl FnOnce(&mut Config)) -> Site {
        let address = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let app = open(&address, &folder, change).await;
        seed_units(&app).await;
        let router = app.router();
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Site {
            app,
            address,
            server,
            folder,
        }
    }

    /// The same over TLS, with a certificate that nobody else knows of, named
    /// in the settings or not; gives the certificate's PEM too.
    async fn start_tls(named: bool) -> (Site, String) {
        // Whoever came first in this process chose the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let pem = made.cert.pem();
        let tls = axum_server::tls_rustls::RustlsConfig::from_pem(
            pem.clone().into_bytes(),
            made.signing_key.serialize_pem().into_bytes(),
        )
        .await
        .unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        std::fs::write(&roots, &pem).unwrap();
        let app = open(&address, &folder, |config| {
            if named {
                config.provider_roots = roots;
            }
        })
        .await;
        seed_units(&app).await;
        let router = app.router().into_make_service();
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        let server = tokio::spawn(async move {
            server.serve(router).await.unwrap();
        });
        let site = Site {
            app,
            address,
            server,
            folder,
        };
        (site, pem)
    }

    /// Ends the service without a word and starts it anew on the same port,
    /// with what it had written.
    async fn dies_and_comes_back(mut self) -> Site {
        self.server.abort();
        let _ = (&mut self.server).await;
        let port = url::Url::parse(&self.address).unwrap().port().unwrap();
        let app = open(&self.address, &self.folder, |_| {}).await;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
            .await
            .unwrap();
        let router = app.router();
        self.server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        self.app = app;
        self
    }

    /// Moves the clock.
    fn wait_seconds(&self, seconds: i64) {
        let now = self.app.clock.now();
        self.app.clock.set(now.plus_seconds(seconds));
    }
}

async fn listen() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap()
}

/// The anti-forgery token of a session, as its pages hold it.
fn csrf_of(app: &App, cookie: &str) -> String {
    crate::page::csrf_token(app, &crate::keys::sha256_hex(cookie.as_bytes()))
}

async fn open(address: &str, folder: &tempfile::TempDir, change: impl FnOnce(&mut Config)) -> App {
    let mut config = Config {
        public_url: address.to_owned(),
        data_dir: folder.path().to_owned(),
        ..Config::default()
    };
    change(&mut config);
    let app = App::open(config.completed().unwrap(), Clock::fixed(NOW))
        .await
        .unwrap();
    app.db.migrate().await.unwrap();
    app
}

async fn seed_units(app: &App) {
    let mut tx = app.db.begin().await.unwrap();
    for (department, zone) in [("78", "Europe/Paris"), ("974", "Indian/Reunion")] {
        execute!(
            &mut tx,
            "insert into departments (code, name, coverage_open) values ($1, $1, $2)",
            department,
            true
        )
        .unwrap();
        for kind in ["police", "gendarmerie"] {
            execute!(
                &mut tx,
                "insert into units (id, department, kind, name, address, postal_code, city, phone,
                     email, time_zone, slot_minutes, buffer_minutes, notice_minutes, horizon_days)
                 values ($1, $2, $3, $1, '', '', '', '', '', $4, 30, 0, 0, 31)",
                format!("u-{department}-{kind}"),
                department,
                kind,
                zone
            )
            .unwrap();
        }
    }
    for _ in 0..2 {
        crate::sandbox::seed_officers(&mut tx, &app.keys, NOW)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}
