//! Errors as the interface writes them: `{"errors": ["…"]}`, in French, whoever asks.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::db::random_hex;
use crate::error::Fault;
use crate::limits;
use crate::messages::{Lang, text, text_with};

/// Why a call is not answered as asked.
#[derive(Debug)]
pub enum ApiError {
    /// An expected "no", in words.
    Refused(StatusCode, String),
    /// Too many requests; how long to wait.
    TooMany(Duration),
    /// The world failed.
    Fault(Fault),
}

impl ApiError {
    /// A refusal in the words of a message.
    #[must_use]
    pub fn of(status: StatusCode, message: &str) -> Self {
        ApiError::Refused(status, text(Lang::Fr, message))
    }

    /// A 400 about one parameter.
    #[must_use]
    pub fn parameter(message: &str, name: &str) -> Self {
        let words = text_with(Lang::Fr, message, &[("name", name)]);
        ApiError::Refused(StatusCode::BAD_REQUEST, words)
    }

    /// There is none of that number, or it is another unit's.
    #[must_use]
    pub fn not_found() -> Self {
        ApiError::of(StatusCode::NOT_FOUND, "scheduling-error-not-found")
    }
}

impl<T: Into<Fault>> From<T> for ApiError {
    fn from(fault: T) -> Self {
        ApiError::Fault(fault.into())
    }
}

fn answer(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "errors": [words] }))).into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            ApiError::Refused(status, words) => answer(status, &words),
            ApiError::TooMany(wait) => {
                let seconds = limits::seconds(wait);
                let values = [("seconds", seconds.to_string())];
                let values = values
                    .each_ref()
                    .map(|(name, value)| (*name, value.as_str()));
                let words = text_with(Lang::Fr, "scheduling-error-too-many", &values);
                let mut response = answer(StatusCode::TOO_MANY_REQUESTS, &words);
                let wait = HeaderValue::from(seconds);
                response.headers_mut().insert(header::RETRY_AFTER, wait);
                response
            }
            ApiError::Fault(fault) => {
                let reference = random_hex::<4>();
                tracing::error!(reference, %fault, "fault {reference}: {fault}");
                let values = [("reference", reference.as_str())];
                let words = text_with(Lang::Fr, "scheduling-error-fault", &values);
                answer(StatusCode::INTERNAL_SERVER_ERROR, &words)
            }
        }
    }
}
