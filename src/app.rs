//! What the whole service shares, and its router: every slice's routes behind
//! one set of headers and limits.

use std::any::Any;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::assets::{self, Assets};
use crate::audit::readings::Readings;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::error::{Fault, PageError, Refusal};
use crate::form::MAX_FORM_BYTES;
use crate::incidents::Notices;
use crate::keys::{Keys, Masters};
use crate::limits::{self, Limits};
use crate::live::Live;
use crate::media::Media;
use crate::metrics::Metrics;
use crate::routes::Routes;
use crate::{
    admin, booking, calendar, complaint, declaration, hearings, identity, incidents, information,
    orientation, page, scheduling,
};

/// How long a form or file may pause on its way.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// What every handler and job may use.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

/// The parts of [`App`].
#[derive(Debug)]
pub struct Shared {
    /// Settings.
    pub config: Config,
    /// Database.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// Keys.
    pub keys: Keys,
    /// Notices to open pages.
    pub live: Live,
    /// What was read a moment ago.
    pub readings: Arc<Readings>,
    /// Sealed documents and packages.
    pub store: Arc<dyn ObjectStore>,
    /// Built front end.
    pub assets: Arc<Assets>,
    /// Identity providers.
    pub providers: identity::Providers,
    /// Media nodes.
    pub media: Media,
    /// What is counted.
    pub metrics: Metrics,
    /// Who came how often lately.
    pub limits: Limits,
    /// What does not work at the moment.
    pub notices: Notices,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Opens database, keys and store. Migrates nothing and starts nothing.
    ///
    /// # Errors
    /// When one of them cannot be had.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, Fault> {
        std::fs::create_dir_all(&config.data_dir).map_err(Fault::other)?;
        let master = Masters::of(&config)?;
        let db = Db::connect(&config.database_url).await?;
        let store = local_store(&config.data_dir.join("objects"))?;
        Ok(App(Arc::new(Shared {
            providers: identity::Providers::new(&config)?,
            media: Media::new(&config),
            metrics: Metrics::default(),
            limits: Limits::new(&config, &clock)?,
            notices: Notices::default(),
            keys: Keys::from_masters(&master),
            live: Live::default(),
            readings: Arc::default(),
            assets: Arc::new(Assets::load()),
            config,
            db,
            clock,
            store,
        })))
    }

    /// The whole service as one router.
    pub fn router(&self) -> Router {
        // Browsers hold `form-action` against redirects too, so the login
        // forms need the providers' origins.
        // Signaling is named beside 'self' for browsers of before 2022, to whom
        // that meant no WebSocket.
        let csp = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
             font-src 'self'; connect-src 'self' {}; media-src 'self' blob:; worker-src 'self'; \
             manifest-src 'self'; form-action 'self' {} {}; frame-ancestors 'none'; base-uri 'none'",
            origin_of(&self.config.public_url).replacen("http", "ws", 1),
            origin_of(&self.config.franceconnect_issuer()),
            origin_of(&self.config.proconnect_issuer()),
        );
        let csp = HeaderValue::from_str(&csp)
            .expect("origins parsed from addresses hold only visible ASCII");
        page_routes()
            .into_router()
            .fallback(async || -> Result<(), PageError> { Err(Refusal::not_found().into()) })
            .layer(middleware::from_fn_with_state(
                self.clone(),
                booking::announce,
            ))
            .layer(middleware::from_fn_with_state(
                self.clone(),
                incidents::announce,
            ))
            .layer(middleware::from_fn_with_state(self.clone(), limits::hold))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn_with_state(self.clone(), page::prepare))
            .layer(RequestBodyTimeoutLayer::new(BODY_WITHIN))
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
            .layer(private_by_default())
            .merge(bare_routes().into_router())
            .merge(
                scheduling::router()
                    .into_router()
                    .layer(CatchPanicLayer::custom(panicked))
                    .layer(middleware::from_fn_with_state(
                        self.clone(),
                        scheduling::guard,
                    )),
            )
            .layer(CompressionLayer::new())
            .layer(SetResponseHeaderLayer::if_not_present(
                header::CONTENT_SECURITY_POLICY,
                csp,
            ))
            .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .layer(set(header::X_FRAME_OPTIONS, "DENY"))
            .layer(set(header::REFERRER_POLICY, "no-referrer"))
            .layer(set(
                HeaderName::from_static("permissions-policy"),
                "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
            ))
            .layer(set(
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            ))
            .layer(set(
                header::STRICT_TRANSPORT_SECURITY,
                "max-age=63072000; includeSubDomains",
            ))
            .with_state(self.clone())
    }
}

/// The patterns of all routes of the site. The port of the metrics is apart.
#[must_use]
pub fn paths() -> BTreeSet<String> {
    let (pages, bare) = (page_routes(), bare_routes());
    &(pages.paths() | bare.paths()) | scheduling::router().paths()
}

/// What answers with pages, to somebody in a language.
fn page_routes() -> Routes {
    let routes = Routes::new()
        .merge(admin::router())
        .merge(booking::router())
        .merge(calendar::router())
        .merge(complaint::router())
        .merge(declaration::router())
        .merge(hearings::router())
        .merge(identity::router())
        .merge(information::router())
        .merge(orientation::router());
    #[cfg(feature = "sandbox")]
    let routes = routes.merge(crate::sandbox::router());
    routes
}

/// What answers anybody alike, without a page around it.
fn bare_routes() -> Routes {
    Routes::new()
        .merge(crate::media::router())
        .merge(scheduling::description::router())
        .route("/static/{*path}", get(assets::serve))
        .route("/health", get(async || "ok\n"))
        .route("/ready", get(crate::commands::ready))
}

/// A panic is a fault like any other, with a page and a reference; the hook of
/// the standard library has said where.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    PageError::from(Fault::other("a handler panicked")).into_response()
}

/// Pages hold personal data: no cache keeps them, unless a handler says otherwise.
fn private_by_default() -> SetResponseHeaderLayer<HeaderValue> {
    set(header::CACHE_CONTROL, "no-store")
}

fn set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

fn local_store(folder: &Path) -> Result<Arc<dyn ObjectStore>, Fault> {
    std::fs::create_dir_all(folder).map_err(Fault::other)?;
    let store = LocalFileSystem::new_with_prefix(folder).map_err(Fault::other)?;
    Ok(Arc::new(store))
}

fn origin_of(address: &str) -> String {
    url::Url::parse(address)
        .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}
