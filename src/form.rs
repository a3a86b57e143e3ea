//! Reading a submitted form: bounded, with the anti-forgery token of the
//! session checked before anything else is looked at.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{PageError, Refusal};
use crate::identity::Who;
use crate::keys::mac;
use crate::page::Ctx;

/// A form has arrived by then, or it is let go: whoever sends one byte a minute keeps no
/// place, and no session is judged long before what it sends is done. Slow enough for the
/// longest text on a line of a few kilobits.
const WHOLE_BODY: Duration = Duration::from_secs(60);

/// Longest form read, in bytes.
pub const MAX_FORM_BYTES: usize = 256 * 1024;

/// A submitted form (`application/x-www-form-urlencoded`). Repeated names become lists.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<S, T> FromRequest<S> for Form<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let ctx = Ctx::from_request_parts(&mut parts, state).await?;
        let header_token = parts
            .headers
            .get("x-csrf")
            .and_then(|value| value.to_str().ok())
            .map(ToOwned::to_owned);
        let body = Bytes::from_request(Request::from_parts(parts, body), state);
        let bytes = tokio::time::timeout(WHOLE_BODY, body)
            .await
            .map_err(|_| {
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "refusal-too-slow")
                    .way_out(ctx.path.clone(), "way-out-back")
            })?
            .map_err(|_| {
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "refusal-too-large")
                    .way_out(ctx.path.clone(), "way-out-back")
            })?;
        if !matches!(ctx.who, Who::Nobody) {
            let token = header_token.unwrap_or_else(|| {
                url::form_urlencoded::parse(&bytes)
                    .find(|(name, _)| name == "csrf")
                    .map(|(_, value)| value.into_owned())
                    .unwrap_or_default()
            });
            if !mac::is_one_of(&ctx.csrf_accepted, &token) {
                return Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-forged")
                    .way_out(ctx.path.clone(), "way-out-back")
                    .into());
            }
        }
        let malformed = || Refusal::malformed().way_out(ctx.path.clone(), "way-out-back");
        // No keyboard types it, and PostgreSQL takes it in no text.
        let holds_nul = url::form_urlencoded::parse(&bytes)
            .any(|(name, value)| name.contains('\0') || value.contains('\0'));
        if holds_nul {
            return Err(malformed().into());
        }
        serde_html_form::from_bytes(&bytes)
            .map(Form)
            .map_err(|_| malformed().into())
    }
}

/// What a page's address asks for. An address that cannot be read (a name
/// twice, say) asks for nothing: a link mangled on its way still opens a page
/// that says what to do, not a bare error.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<S, T> FromRequestParts<S> for Asked<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Default,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Asked(
            Query::try_from_uri(&parts.uri).map_or_else(|_| T::default(), |Query(asked)| asked),
        ))
    }
}
