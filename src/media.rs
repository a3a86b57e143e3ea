//! The service's side of the media plane: a supervised child or nodes apart,
//! the control channel to them, and the WebSocket passed through to them.

use axum::Router;

use crate::app::App;

/// The media nodes this process talks to.
#[derive(Debug, Default)]
pub struct Media {}

/// The signaling address on the one HTTP port.
pub fn router() -> Router<App> {
    Router::new()
}
