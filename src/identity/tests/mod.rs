//! Logins told through HTTP: a real listener, a browser with cookies, and a
//! provider, honest (the sandbox's) or not.
#![allow(clippy::unwrap_used)]

mod attacks;
mod browser;
mod liar;
#[cfg(feature = "sandbox")]
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
    _folder: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    /// Starts the service; `change` sets what the test needs.
    async fn start(change: impl FnOnce(&mut Config)) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut config = Config {
            public_url: address.clone(),
            data_dir: folder.path().to_owned(),
            ..Config::default()
        };
        change(&mut config);
        let app = App::open(config.completed().unwrap(), Clock::fixed(NOW))
            .await
            .unwrap();
        app.db.migrate().await.unwrap();
        seed_units(&app).await;
        let router = app.router();
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Site {
            app,
            address,
            server,
            _folder: folder,
        }
    }

    /// Moves the clock.
    fn wait_seconds(&self, seconds: i64) {
        let now = self.app.clock.now();
        self.app.clock.set(now.plus_seconds(seconds));
    }
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
    #[cfg(feature = "sandbox")]
    for _ in 0..2 {
        crate::sandbox::seed_officers(&mut tx, &app.keys, NOW)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}
