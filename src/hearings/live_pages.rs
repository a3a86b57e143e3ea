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

use super::seat_cookie::SeatCookie;
use super::{store, topic};
use crate::app::App;
use crate::db::Id;
use crate::error::{Fault, PageError, Refusal};
use crate::identity::{own_sessions, session};
use crate::path::PathId;

/// Regions are fetched again this often even without a notice, so that a
/// change made by another process of the service is seen too.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Who a page is kept fed for, asked again before every event: the right to a
/// page may end while the page stays open.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Whoever holds a seat of an appointment with a browser (by the hashes of its
    /// seats' secrets).
    Seat(Id, Vec<String>),
    /// An officer, for as long as their session lives.
    Session(String),
}

impl Audience {
    async fn may_still(&self, app: &App) -> Result<bool, Fault> {
        let mut tx = app.db.read().await?;
        match self {
            Audience::Seat(appointment, browser) => {
                for hash in browser {
                    let seat = store::find_seat_of_browser(&mut tx, appointment, hash).await?;
                    if seat.is_some() {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Audience::Session(session) => session::is_live(&mut tx, session, app.clock.now()).await,
        }
    }
}

/// Events for whoever holds a seat in this browser.
pub async fn citizen_events(
    State(app): State<App>,
    PathId(id): PathId,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let browser = SeatCookie::of(&app, &jar).hashes();
    let (topic, audience) = (topic(&id), Audience::Seat(id, browser));
    if !audience.may_still(&app).await? {
        return Err(Refusal::not_found().into());
    }
    Ok(changes(
        &app,
        topic,
        audience,
        &["record", "people", "delay"],
    ))
}

/// A stream that names `regions` whenever `topic` changes, and ends when its
/// audience may not look any more.
pub fn changes(
    app: &App,
    topic: String,
    audience: Audience,
    regions: &'static [&'static str],
) -> Response {
    let (app, listener) = (app.clone(), app.live.listen());
    let waiting: Vec<&'static str> = Vec::new();
    let stream = futures_util::stream::unfold(
        (app, listener, topic, audience, waiting),
        move |(app, mut listener, topic, audience, mut waiting)| async move {
            while waiting.is_empty() {
                // Of sessions that ended the audience alone is asked: nothing
                // that a page shows has changed.
                let (changed, ended) = tokio::select! {
                    notice = listener.recv() => match notice {
                        Ok(told) => (told == topic, told == own_sessions::TOPIC),
                        Err(RecvError::Lagged(_)) => (true, true),
                        Err(RecvError::Closed) => return None,
                    },
                    () = tokio::time::sleep(LOOK_AGAIN) => (true, true),
                };
                // A database that fails ends the stream too; the browser asks
                // for it again by itself.
                if (changed || ended) && !matches!(audience.may_still(&app).await, Ok(true)) {
                    return None;
                }
                if changed {
                    waiting.extend(regions);
                }
            }
            let region = waiting.remove(0);
            let event = Event::default()
                .event("region")
                .data(serde_json::json!({ "id": region }).to_string());
            Some((
                Ok::<_, Infallible>(event),
                (app, listener, topic, audience, waiting),
            ))
        },
    );
    let events = Sse::new(stream).keep_alive(KeepAlive::default());
    // Stronger than the `no-cache` that comes with server-sent events.
    ([(header::CACHE_CONTROL, "no-store")], events).into_response()
}
