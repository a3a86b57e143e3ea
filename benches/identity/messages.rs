//! How fast the outbox is, and that it loses nothing while its workers are ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use visioplainte::app::App;
use visioplainte::db::Db;
use visioplainte::fetch_optional;
use visioplainte::notifications::{Channel, Outgoing, Values, enqueue, outbox};

use crate::kit::{seconds, tell, together};

/// Messages of one run of the outbox.
const MESSAGES: usize = 600;
/// Workers of the outbox.
const WORKERS: usize = 3;

/// How often the gateway took each message.
pub type Taken = Arc<Mutex<BTreeMap<String, usize>>>;

async fn take(State(taken): State<Taken>, headers: HeaderMap) -> StatusCode {
    let id = headers["idempotency-key"].to_str().unwrap().to_owned();
    *taken.lock().unwrap().entry(id).or_default() += 1;
    StatusCode::ACCEPTED
}

/// A supplier that takes everything at once.
pub async fn gateway(taken: Taken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/sms", post(take))
        .with_state(taken);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn write(app: &App, run: &str) {
    let now = app.clock.now();
    for number in 0..MESSAGES {
        let mut tx = app.db.begin().await.unwrap();
        let values = Values {
            address: "+33639980001".into(),
            values: [("reference".to_owned(), "VP-7K3M-92QX".to_owned())].into(),
            ..Values::default()
        };
        let outgoing = Outgoing {
            event: &format!("bench/{run}/{number}"),
            recipient: "citizen/bench",
            unit: None,
            channel: Channel::Sms,
            template: "cancelled",
            language: "fr",
            values: &values,
            expires_at: now.plus_minutes(60),
            due_at: now,
        };
        enqueue(&mut tx, &app.keys, &outgoing, now).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn pending(db: &Db) -> i64 {
    let mut tx = db.read().await.unwrap();
    let count = fetch_optional!(
        &mut tx,
        (i64,),
        "select count(*) from messages where state = 'pending'"
    );
    count.unwrap().unwrap().0
}

/// A calm run, then one in which workers are ended.
pub async fn measure(app: &App, taken: &Taken) {
    write(app, "calm").await;
    let stop = CancellationToken::new();
    let spent = seconds(async {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| tokio::spawn(outbox::run(app.clone(), stop.clone())))
            .collect();
        while pending(&app.db).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
        together(workers.into_iter()).await;
    })
    .await;
    tell(
        "messages.per_s",
        MESSAGES as f64 / spent,
        "messages a second (3 workers)",
    );

    // Workers are ended in the middle of whatever they do, again and again.
    write(app, "storm").await;
    let mut ended = 0;
    let stop = CancellationToken::new();
    while pending(&app.db).await > 0 {
        let worker = tokio::spawn(outbox::run(app.clone(), stop.clone()));
        tokio::time::sleep(Duration::from_millis(60)).await;
        worker.abort();
        let _ = worker.await;
        ended += 1;
    }
    let taken = taken.lock().unwrap();
    let copies: usize = taken.values().map(|count| count - 1).sum();
    let lost = 2 * MESSAGES - taken.len();
    tell(
        "messages.lost",
        lost as f64,
        &format!("messages of {} ({ended} workers ended)", 2 * MESSAGES),
    );
    tell(
        "messages.copies",
        copies as f64,
        "messages taken twice, under the same id",
    );
    assert_eq!(lost, 0, "messages were lost");
}
