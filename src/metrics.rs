//! What the service counts, in Prometheus's text format, on a listener of its own
//! that is off unless it is set: numbers of things, never a person, a hearing or
//! an address. Supervised media nodes have no address of their own to be asked
//! at, so the same listener passes the question on.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::Fault;
use crate::notifications::Channel;
use crate::notifications::upkeep::{self, Standing};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds that an answer takes: a page from memory to one that people give up.
const ANSWERS: [f64; 8] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limited {
    entry: &'static str,
    by: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outbox {
    channel: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Node {
    node: String,
}

/// Everything counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Status, Counter>,
    answers: Histogram,
    limited: Family<Limited, Counter>,
    tokens: Family<Outcome, Counter>,
    facts: Family<Kind, Counter>,
    moves: Counter,
    losses: Counter,
    provider_up: Family<Provider, Gauge>,
    provider_age: Family<Provider, Gauge>,
    node_up: Family<Node, Gauge>,
    node_load: Family<Node, Gauge<f64, AtomicU64>>,
    node_rooms: Family<Node, Gauge>,
    messages: Family<Outbox, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("visioplainte");
        let metrics = Metrics {
            requests: Family::default(),
            answers: Histogram::new(ANSWERS),
            limited: Family::default(),
            tokens: Family::default(),
            facts: Family::default(),
            moves: Counter::default(),
            losses: Counter::default(),
            provider_up: Family::default(),
            provider_age: Family::default(),
            node_up: Family::default(),
            node_load: Family::default(),
            node_rooms: Family::default(),
            messages: Family::default(),
            registry: Registry::default(),
        };
        registry.register(
            "requests",
            "Requests of pages, by status of the answer",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "answer",
            "How long answers took",
            Unit::Seconds,
            metrics.answers.clone(),
        );
        registry.register(
            "limited",
            "Requests refused because there were too many, by entry point and by whose budget was used up",
            metrics.limited.clone(),
        );
        registry.register(
            "join_tokens",
            "Join tokens asked for: granted, or no media node had a place",
            metrics.tokens.clone(),
        );
        registry.register(
            "hearing_facts",
            "Facts that media nodes told, by kind",
            metrics.facts.clone(),
        );
        registry.register(
            "room_moves",
            "Rooms that this process moved to another media node",
            metrics.moves.clone(),
        );
        registry.register(
            "node_losses",
            "Media nodes that this process found gone",
            metrics.losses.clone(),
        );
        registry.register(
            "provider_up",
            "1 for an identity provider that answered when it was last asked about itself, 0 otherwise",
            metrics.provider_up.clone(),
        );
        registry.register_with_unit(
            "provider_age",
            "How old what an identity provider says about itself is; believed for a day at most",
            Unit::Seconds,
            metrics.provider_age.clone(),
        );
        registry.register(
            "node_up",
            "1 for a media node that takes rooms, 0 for one that drains or is not heard",
            metrics.node_up.clone(),
        );
        registry.register(
            "node_load",
            "Share of its time that a media node's busiest worker works",
            metrics.node_load.clone(),
        );
        registry.register(
            "node_rooms",
            "Rooms that a media node says it has",
            metrics.node_rooms.clone(),
        );
        registry.register(
            "messages",
            "Messages to people that wait, that are late by five minutes, or that were given up within a day",
            metrics.messages.clone(),
        );
        Metrics {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// A request was answered.
    pub fn answered(&self, status: StatusCode, took: Duration) {
        let status = status.as_u16();
        self.requests.get_or_create(&Status { status }).inc();
        self.answers.observe(took.as_secs_f64());
    }

    /// A request was refused because there were too many.
    pub fn limited(&self, entry: &'static str, by_identity: bool) {
        let by = if by_identity { "identity" } else { "address" };
        self.limited.get_or_create(&Limited { entry, by }).inc();
    }

    /// A join token was asked for.
    pub fn token(&self, granted: bool) {
        let outcome = if granted { "granted" } else { "no_place" };
        self.tokens.get_or_create(&Outcome { outcome }).inc();
    }

    /// A media node told a fact.
    pub fn fact(&self, kind: &'static str) {
        self.facts.get_or_create(&Kind { kind }).inc();
    }

    /// A room moved.
    pub fn moved(&self) {
        self.moves.inc();
    }

    /// A media node is gone.
    pub fn lost(&self) {
        self.losses.inc();
    }

    fn outbox(&self, standing: &[Standing]) {
        for channel in [Channel::Email, Channel::Sms].map(Channel::as_str) {
            let of = standing.iter().find(|found| found.channel == channel);
            for (state, count) in [
                ("pending", of.map_or(0, |of| of.pending)),
                ("late", of.map_or(0, |of| of.late)),
                ("dead", of.map_or(0, |of| of.dead)),
            ] {
                let label = Outbox { channel, state };
                self.messages.get_or_create(&label).set(count);
            }
        }
    }

    /// Everything, as a scrape reads it.
    #[must_use]
    pub fn text(&self, app: &App) -> String {
        let now = app.clock.now();
        for provider in [&app.providers.franceconnect, &app.providers.proconnect] {
            if let Some((up, age)) = provider.state(now) {
                let provider = provider.name().as_str();
                let label = Provider { provider };
                let up = i64::from(u8::from(up));
                self.provider_up.get_or_create(&label).set(up);
                self.provider_age.get_or_create(&label).set(age);
            }
        }
        let known = app.media.nodes();
        for (name, node) in known.borrow().iter() {
            let label = Node { node: name.clone() };
            let status = node.heard.as_ref().filter(|_| node.is_heard());
            let status = status.map(|(_, status)| status);
            let ready = status
                .is_some_and(|status| status.state == signaling::room_document::NodeState::Ready);
            self.node_up
                .get_or_create(&label)
                .set(i64::from(u8::from(ready)));
            let load = status.map_or(0.0, |status| {
                status.load.iter().copied().fold(0.0, f32::max)
            });
            self.node_load.get_or_create(&label).set(f64::from(load));
            self.node_rooms
                .get_or_create(&label)
                .set(status.map_or(0, |status| i64::from(status.rooms)));
        }
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Answers scrapes until `shutdown`, if the settings name an address for it.
///
/// # Errors
/// When the address is taken.
pub async fn serve(app: &App, shutdown: &CancellationToken) -> Result<(), Fault> {
    let Some(listen) = app.config.metrics_listen else {
        return Ok(());
    };
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(|error| Fault::other(format!("{listen}: {error}")))?;
    let router = router().with_state(app.clone());
    let ended = shutdown.clone().cancelled_owned();
    tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(ended)
            .await
    });
    Ok(())
}

/// `/metrics` of the service, `/metrics/NODE` of a media node.
pub fn router() -> Router<App> {
    Router::new()
        .route("/metrics", get(own))
        .route("/metrics/{node}", get(of_node))
}

async fn own(State(app): State<App>) -> Response {
    match upkeep::standing(&app.db, app.clock.now()).await {
        Ok(standing) => app.metrics.outbox(&standing),
        // The rest is worth reading all the same, then more than ever.
        Err(fault) => tracing::error!(%fault, "the outbox is not counted: {fault}"),
    }
    let text = app.metrics.text(&app);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

async fn of_node(State(app): State<App>, Path(node): Path<String>) -> Response {
    let known = app.media.nodes();
    let address = known.borrow().get(&node).map(|node| node.address.clone());
    let Some(address) = address else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(address) = address else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let asked = reqwest::Client::new()
        .get(format!("http://{address}{}", signaling::METRICS_PATH))
        .timeout(Duration::from_secs(5))
        .send()
        .await;
    let text = match asked.and_then(reqwest::Response::error_for_status) {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::warn!(node, error = %error.without_url(), "media node {node} tells no metrics");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}
