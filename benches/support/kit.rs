//! What the measurements share.

use std::time::Instant;

use futures_util::future::join_all;
use sqlx::Connection;
use tokio::task::JoinHandle;
use visioplainte::db::random_hex;

/// A new, empty database on the server.
pub async fn fresh_database(server: &str) -> String {
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    let name = format!("vp_bench_{}", random_hex::<6>());
    // The name is ours, of hexadecimal digits: nothing to escape.
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    url.to_string()
}

/// Prints a figure.
pub fn tell(name: &str, value: f64, unit: &str) {
    println!("bench: {name} {value:.2} {unit}");
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Waits for tasks that run side by side; the end of one is the end of all.
pub async fn together(tasks: impl Iterator<Item = JoinHandle<()>>) {
    for done in join_all(tasks).await {
        done.unwrap();
    }
}

/// How long a piece of work takes.
pub async fn seconds(work: impl Future<Output = ()>) -> f64 {
    let began = Instant::now();
    work.await;
    began.elapsed().as_secs_f64()
}
