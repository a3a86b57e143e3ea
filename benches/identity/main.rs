//! What a login costs, what keeping a journal costs, whether units wait for each
//! other, and how the outbox keeps up while its workers die. Figures are lines
//! `bench: name value unit`; `make bench-identity` runs it against a PostgreSQL
//! of its own.

#![allow(clippy::unwrap_used, missing_docs)]

mod journal;
#[path = "../support/kit.rs"]
mod kit;
mod login;
mod messages;
#[path = "../../tests/stories/support/mod.rs"]
mod support;

use visioplainte::app::App;
use visioplainte::clock::Clock;
use visioplainte::config::Config;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let Ok(server) = std::env::var("VISIOPLAINTE_TEST_POSTGRES") else {
        panic!("VISIOPLAINTE_TEST_POSTGRES names no server: run make bench-identity");
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let taken: messages::Taken = messages::Taken::default();
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = listener.local_addr().unwrap();
    let config = Config {
        listen,
        public_url: format!("http://{listen}"),
        proxies: vec!["127.0.0.1/32".to_owned()],
        data_dir: folder.path().to_owned(),
        database_url: kit::fresh_database(&server).await,
        sms_url: messages::gateway(taken.clone()).await,
        ..Config::default()
    };
    let app = App::open(config.completed().unwrap(), Clock::System)
        .await
        .unwrap();
    app.db.migrate().await.unwrap();
    visioplainte::seed::seed(&app).await.unwrap();
    login::measure(&app, listener).await;
    journal::measure(&app).await;
    messages::measure(&app, &taken).await;
}
