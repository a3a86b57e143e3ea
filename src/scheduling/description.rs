//! The interface described in OpenAPI 3.1, for whoever writes a front end: served to
//! anybody at one address. The file is written by hand, since eight calls are read more
//! easily than annotations; tests hold it against the routes, and `tests/schemathesis.sh`
//! holds every answer of the service against it.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::routes::Routes;

/// Where it is served.
pub const PATH: &str = "/api/visioplainte/openapi.json";

/// The description itself.
pub const TEXT: &str = include_str!("openapi.json");

/// The route, which asks for no key.
pub fn router() -> Routes {
    Routes::new().route(PATH, get(show))
}

async fn show() -> Response {
    let mut response = TEXT.into_response();
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
