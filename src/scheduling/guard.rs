//! What every call passes: the key, the budgets, one line of the log; and whatever the
//! framework refuses by itself gets the interface's own words. Cookies are never looked
//! at, so a page elsewhere cannot make a browser ask on somebody's behalf.

use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::errors::ApiError;
use super::keys::{self, Key};
use crate::app::App;
use crate::calendar::{self, Unit};
use crate::clock::Timestamp;
use crate::db::random_hex;
use crate::error::Fault;
use crate::limits::{self, Kind};

/// The header that carries the key.
pub const HEADER: &str = "x-visioplainte-api-key";

/// The methods that calls take; a handler of another one would find no [`Caller`].
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
];

/// Who asks: the key, its unit, and the instant it is answered at.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key.
    pub key: Key,
    /// The unit it books for.
    pub unit: Unit,
    /// Now.
    pub now: Timestamp,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let found = parts.extensions.get::<Caller>().cloned();
        found.ok_or_else(|| Fault::other("a call of the scheduling interface has no guard").into())
    }
}

/// Middleware around the calls.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = random_hex::<6>();
    let method = request.method().clone();
    // The route, not the path: the log holds no number of an appointment.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let mut key_id = "-".to_owned();
    let admitted = match knock(&app, &request) {
        // What no call takes at all is answered alike to everybody, with what it does take.
        _ if !METHODS.contains(&method) => Ok(None),
        Ok((hash, budget)) => admit(&app, &hash, budget).await.map(Some),
        Err(error) => Err(error),
    };
    let response = match admitted {
        Ok(caller) => {
            if let Some(caller) = caller {
                caller.key.id.as_str().clone_into(&mut key_id);
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    let mut response = worded(response);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    app.metrics.answered(response.status(), started.elapsed());
    tracing::info!(
        request_id,
        %method,
        route,
        key = key_id,
        status = response.status().as_u16(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request {request_id}"
    );
    response
}

/// The hash of a request's key and the budget it draws on, once that lets it knock.
fn knock(app: &App, request: &Request) -> Result<(String, Option<usize>), ApiError> {
    let secret = secret_of(request.headers());
    // No key at all is asked for at its address's expense too, as the key of nobody.
    let hash = keys::hash_of(secret.unwrap_or_default());
    let budget = limits::key_knocks(app, request, &hash).map_err(ApiError::TooMany)?;
    secret.ok_or_else(unknown)?;
    Ok((hash, budget))
}

fn unknown() -> ApiError {
    ApiError::of(StatusCode::UNAUTHORIZED, "scheduling-error-key")
}

async fn admit(app: &App, hash: &str, budget: Option<usize>) -> Result<Caller, ApiError> {
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let found = keys::find_by_hash(&mut tx, hash, now).await?;
    app.limits
        .proven
        .note(Kind::SchedulingKey, hash, found.is_some());
    let key = found.ok_or_else(unknown)?;
    limits::key_pays(app, budget, &key.id).map_err(ApiError::TooMany)?;
    let unit = calendar::find_unit(&mut tx, &key.unit_id)
        .await?
        .ok_or_else(|| Fault::other(format!("unit {} is missing", key.unit_id)))?;
    drop(tx);
    keys::note_use(app, &key, hash, now).await?;
    Ok(Caller { key, unit, now })
}

/// The key of a request that carries exactly one.
fn secret_of(headers: &HeaderMap) -> Option<&str> {
    let mut told = headers.get_all(HEADER).iter();
    let secret = told.next()?.to_str().ok()?;
    told.next().is_none().then_some(secret)
}

/// Gives what the framework refused by itself, or a panic, the form of an error.
fn worded(response: Response) -> Response {
    let status = response.status();
    let json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let message = match status {
        StatusCode::NOT_FOUND => "scheduling-error-not-found",
        StatusCode::METHOD_NOT_ALLOWED => "scheduling-error-method",
        _ if status.is_server_error() => "scheduling-error-fault-unnamed",
        _ => "scheduling-error-unreadable",
    };
    let mut worded = ApiError::of(status, message).into_response();
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        worded.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    worded
}
