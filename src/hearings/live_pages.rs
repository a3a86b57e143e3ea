//! Server-sent events: an open page is told which of its regions to fetch
//! again. An event carries the name of a region and nothing else.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::CookieJar;
use tokio::sync::broadcast::error::RecvError;

use super::{entry, topic};
use crate::app::App;
use crate::error::{PageError, Refusal};
use crate::path::PathId;

/// Regions are fetched again this often even without a notice, so that a
/// change made by another process of the service is seen too.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Events for whoever holds a seat in this browser.
pub async fn citizen_events(
    State(app): State<App>,
    PathId(id): PathId,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    if entry::seat_of_browser(&mut tx, &app, &jar, &id)
        .await?
        .is_none()
    {
        return Err(Refusal::not_found().into());
    }
    Ok(changes(&app, topic(&id), &["record", "people"]))
}

/// A stream that names `regions` whenever `topic` changes.
pub fn changes(app: &App, topic: String, regions: &'static [&'static str]) -> Response {
    let listener = app.live.listen();
    let waiting: Vec<&'static str> = Vec::new();
    let stream = futures_util::stream::unfold(
        (listener, topic, waiting),
        move |(mut listener, topic, mut waiting)| async move {
            while waiting.is_empty() {
                let changed = tokio::select! {
                    notice = listener.recv() => match notice {
                        Ok(told) => told == topic,
                        Err(RecvError::Lagged(_)) => true,
                        Err(RecvError::Closed) => return None,
                    },
                    () = tokio::time::sleep(LOOK_AGAIN) => true,
                };
                if changed {
                    waiting.extend(regions);
                }
            }
            let region = waiting.remove(0);
            let event = Event::default()
                .event("region")
                .data(serde_json::json!({ "id": region }).to_string());
            Some((Ok::<_, Infallible>(event), (listener, topic, waiting)))
        },
    );
    let events = Sse::new(stream).keep_alive(KeepAlive::default());
    // Stronger than the `no-cache` that comes with server-sent events.
    ([(header::CACHE_CONTROL, "no-store")], events).into_response()
}
