//! The join token: what a page shows to the media node. Minted here, minutes
//! long, for one seat; the node verifies it and cannot mint one.

use axum::http::StatusCode;
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use signaling::join_token::{JOIN_AUDIENCE, JoinClaims};
use signaling::turn;

use super::room::signaling_role;
use super::{Hearing, Seat, control};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Id;
use crate::error::{Fault, PageError, Refusal};
use crate::media::signaling_url;

/// How long a token may be shown, in seconds. A page that loses its connection
/// fetches a fresh one by its cookie.
const LIFETIME_SECONDS: i64 = 5 * 60;
/// How long relay credentials last: longer than any hearing.
const RELAY_SECONDS: i64 = 6 * 60 * 60;

/// What a page needs to join.
#[derive(Debug, Serialize)]
pub struct Grant {
    /// The join token.
    pub token: String,
    /// Where signaling listens: a path of this site, or an address.
    pub url: String,
    /// `RTCIceServer` dictionaries.
    pub ice_servers: Vec<serde_json::Value>,
}

/// Why a page gets no token now.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// No media node has a place for the room. The page tries again by itself.
    #[error("no media node has a place for the room")]
    NoPlace,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<GrantError> for PageError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::NoPlace => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "refusal-no-media-place").into()
            }
            GrantError::Fault(fault) => fault.into(),
        }
    }
}

/// Mints the token of a seat, once a media node awaits whoever sits there.
///
/// # Errors
/// When there is no such node, or the token cannot be signed.
pub async fn grant(
    app: &App,
    hearing: &Hearing,
    seat: &Seat,
    now: Timestamp,
) -> Result<Grant, GrantError> {
    let node = control::place_of(app, hearing).await?;
    app.metrics.token(node.is_some());
    let node = node.ok_or(GrantError::NoPlace)?;
    let seconds = now.seconds();
    let claims = JoinClaims {
        aud: JOIN_AUDIENCE.to_owned(),
        room: hearing.room.as_str().into(),
        sub: seat.id.as_str().into(),
        role: signaling_role(seat.role),
        jti: Id::random().0,
        generation: u32::try_from(seat.generation).map_err(Fault::other)?,
        iat: seconds,
        exp: seconds + LIFETIME_SECONDS,
    };
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &app.keys.join)
        .map_err(Fault::other)?;
    let config = &app.config;
    let ice_servers = if config.turn_urls.is_empty() {
        Vec::new()
    } else {
        let made = turn::credentials(
            config.turn_secret.as_bytes(),
            seat.id.as_str(),
            seconds + RELAY_SECONDS,
        );
        vec![serde_json::json!({
            "urls": config.turn_urls,
            "username": made.username,
            "credential": made.credential,
        })]
    };
    Ok(Grant {
        token,
        url: signaling_url(config, &node),
        ice_servers,
    })
}
