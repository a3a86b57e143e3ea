//! The subcommands.

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::error::Fault;
use crate::fetch_optional;

/// Whether this process can serve: the database answers.
pub async fn ready(State(app): State<App>) -> Result<&'static str, StatusCode> {
    async fn ask(app: &App) -> Result<(), Fault> {
        let mut tx = app.db.read().await?;
        fetch_optional!(&mut tx, (i64,), "select count(*) from units")?;
        Ok(())
    }
    match ask(&app).await {
        Ok(()) => Ok("ready\n"),
        Err(fault) => {
            tracing::warn!(%fault, "not ready: {fault}");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
