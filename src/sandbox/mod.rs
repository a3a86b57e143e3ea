//! sandbox
pub mod receiver;

use axum::Router;

use crate::app::App;

/// The slice's routes.
pub fn router() -> Router<App> {
    Router::new()
}
