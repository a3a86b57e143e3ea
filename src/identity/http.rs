//! Asking a provider over HTTP: no redirects, a short time limit and bounded
//! answers, because a provider that misbehaves must not hang or fill us.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::error::Fault;

/// Longest answer read, in bytes.
const LONGEST: usize = 512 * 1024;

/// The client one provider is asked with.
#[derive(Clone, Debug)]
pub struct Http(reqwest::Client);

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Connection, TLS, time limit or protocol.
    #[error("{0}")]
    Reqwest(#[from] reqwest::Error),
    /// More bytes than any honest answer has.
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    /// An answer that cannot be represented.
    #[error("{0}")]
    Http(#[from] axum::http::Error),
}

impl Http {
    /// A client that also trusts the PEM certificates of `roots`, when given.
    /// `own_host` says that the provider runs in this very service, where no
    /// proxy of the environment may stand between.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(roots: Option<&Path>, own_host: bool) -> Result<Self, Fault> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10))
            .user_agent("visioplainte");
        if own_host {
            builder = builder.no_proxy();
        }
        if let Some(path) = roots {
            let pem = std::fs::read(path)
                .map_err(|error| Fault::other(format!("provider_roots: {error}")))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| Fault::other(format!("provider_roots: {error}")))?;
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let client = builder
            .build()
            .map_err(|error| Fault::other(format!("client of the identity providers: {error}")))?;
        Ok(Http(client))
    }

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer, or one too long.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut builder = axum::http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            builder = builder.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(builder.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
