//! The service's side of the media plane: supervised child processes (or nodes
//! run apart), what this process knows of each, and the WebSockets passed
//! through to them on the one HTTP port. What a room is, `hearings` knows.

mod children;
mod passage;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, Header};
use signaling::join_token::{CONTROL_AUDIENCE, ControlClaims};
use signaling::room_document::{NodeStatus, ServiceMessage};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use children::{Child, children, supervise};
pub use passage::router;

use crate::app::App;
use crate::config::Config;
use crate::error::Fault;

/// A node that has said nothing for so long is lost. It speaks every second.
pub const LEASE: Duration = Duration::from_secs(3);
/// How long a node that would not take a room is not asked again.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// What this process knows of the media nodes, by name.
#[derive(Debug)]
pub struct Media {
    nodes: watch::Sender<BTreeMap<String, MediaNode>>,
    /// Something changed that may move rooms.
    stirred: Notify,
    draining: CancellationToken,
}

/// One node, as this process knows it.
#[derive(Clone, Debug, Default)]
pub struct MediaNode {
    /// Where signaling and control listen, as `host:port`; none while a
    /// supervised node is not running.
    pub address: Option<String>,
    /// What the node last said of itself, and when; none while no control
    /// connection stands.
    pub heard: Option<(Instant, NodeStatus)>,
    /// The way out to the node.
    outgoing: Option<mpsc::Sender<ServiceMessage>>,
    /// The version of each room's document that the node was sent.
    pub sent: HashMap<String, i64>,
    /// The version of each room's document that the node says it holds.
    pub follows: HashMap<String, i64>,
    /// The rooms that the node had no place for, and when it said so.
    refuses: HashMap<String, Instant>,
}

impl MediaNode {
    /// Whether the node lives, as far as this process can tell.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.heard
            .as_ref()
            .is_some_and(|(at, _)| at.elapsed() < LEASE)
    }

    /// Whether the node had no place for a room a moment ago.
    #[must_use]
    pub fn refuses(&self, room: &str) -> bool {
        self.refuses
            .get(room)
            .is_some_and(|at| at.elapsed() < REFUSED_FOR)
    }
}

impl Media {
    /// Knows the configured nodes by name; supervised ones are told later.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let nodes = config
            .media_nodes
            .iter()
            .filter_map(|address| Some((node_name(address)?, authority(address)?)))
            .map(|(name, address)| {
                let node = MediaNode {
                    address: Some(address),
                    ..MediaNode::default()
                };
                (name, node)
            })
            .collect();
        Media {
            nodes: watch::channel(nodes).0,
            stirred: Notify::new(),
            draining: CancellationToken::new(),
        }
    }

    /// Cancelled once this service was asked to end: its supervised nodes end
    /// with their last hearings, and it ends with them.
    #[must_use]
    pub fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Waits until something changed that may move rooms.
    pub async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Says that something changed that may move rooms.
    pub fn stir(&self) {
        self.stirred.notify_one();
    }

    /// Everything known, now and whenever it changes.
    #[must_use]
    pub fn nodes(&self) -> watch::Receiver<BTreeMap<String, MediaNode>> {
        self.nodes.subscribe()
    }

    /// Says where a supervised node listens; for the supervisor, and for tests
    /// that run nodes of their own.
    pub fn set_address(&self, name: &str, address: Option<String>) {
        self.nodes
            .send_modify(|nodes| nodes.entry(name.to_owned()).or_default().address = address);
        self.stir();
    }

    /// The node says how it is doing, and so that it lives.
    pub fn set_heard(&self, name: &str, status: NodeStatus) {
        let mut is_news = false;
        self.change(name, |node| {
            is_news = node
                .heard
                .as_ref()
                .is_none_or(|(_, before)| before.state != status.state);
            node.heard = Some((Instant::now(), status));
        });
        if is_news {
            self.stir();
        }
    }

    /// A control connection begins: nothing is known any more of what the node holds.
    pub fn begin_control(&self, name: &str, outgoing: mpsc::Sender<ServiceMessage>) {
        self.change(name, |node| {
            *node = MediaNode {
                address: node.address.take(),
                outgoing: Some(outgoing),
                ..MediaNode::default()
            };
        });
    }

    /// The control connection is gone.
    pub fn end_control(&self, name: &str) {
        self.change(name, |node| {
            node.heard = None;
            node.outgoing = None;
            node.sent.clear();
            node.follows.clear();
        });
        self.stir();
    }

    /// Changes what is known of a node, and tells whoever waits for it.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut MediaNode)) {
        self.nodes.send_modify(|nodes| {
            if let Some(node) = nodes.get_mut(name) {
                change(node);
            }
        });
    }

    /// The node holds a room's document of that version.
    pub fn set_follows(&self, name: &str, room: &str, version: i64) {
        self.change(name, |node| {
            node.follows.insert(room.to_owned(), version);
            node.refuses.remove(room);
        });
    }

    /// The node does not take a room.
    pub fn set_refused(&self, name: &str, room: &str) {
        self.change(name, |node| {
            node.sent.remove(room);
            node.refuses.retain(|_, at| at.elapsed() < REFUSED_FOR);
            node.refuses.insert(room.to_owned(), Instant::now());
        });
        self.stir();
    }

    /// Sends a room's document to a node; false when it cannot be sent now.
    pub fn send(&self, name: &str, room: &str, version: i64, message: ServiceMessage) -> bool {
        let outgoing = self
            .nodes
            .borrow()
            .get(name)
            .and_then(|node| node.outgoing.clone());
        let sent = outgoing.is_some_and(|outgoing| outgoing.try_send(message).is_ok());
        if sent {
            self.nodes.send_if_modified(|nodes| {
                if let Some(node) = nodes.get_mut(name) {
                    node.sent.insert(room.to_owned(), version);
                }
                // Nobody waits for what was only sent.
                false
            });
        }
        sent
    }

    /// Forgets that a node was sent a room, because it has none of it any more.
    pub fn forget_sent(&self, name: &str, gone: impl Fn(&str) -> bool) {
        self.nodes.send_if_modified(|nodes| {
            if let Some(node) = nodes.get_mut(name) {
                node.sent.retain(|room, _| !gone(room));
                node.follows.retain(|room, _| !gone(room));
            }
            false
        });
    }
}

/// The name of a configured node: host and port of its control address, in the
/// letters that a path may hold. It is the same in every process that has the
/// same setting, and says nothing about anybody.
#[must_use]
pub fn node_name(address: &str) -> Option<String> {
    let name: String = authority(address)?
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    Some(name.trim_matches('-').to_owned())
}

/// Host and port of a control address.
fn authority(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let port = url.port_or_known_default()?;
    Some(format!("{}:{port}", url.host_str()?))
}

/// Where a page reaches a node's signaling.
#[must_use]
pub fn signaling_url(config: &Config, node: &str) -> String {
    if config.media_signaling_url.is_empty() {
        format!("/signaling/{node}")
    } else {
        config.media_signaling_url.replace("{node}", node)
    }
}

/// A token that lets this service speak on the control channel for a minute.
///
/// # Errors
/// When it cannot be signed.
pub fn control_token(app: &App) -> Result<String, Fault> {
    let now = app.clock.now().seconds();
    let claims = ControlClaims {
        aud: CONTROL_AUDIENCE.to_owned(),
        sub: "service".to_owned(),
        iat: now,
        exp: now + 60,
    };
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &app.keys.join)
        .map_err(Fault::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_after_its_address() {
        for (address, name) in [
            ("ws://media:8090/control", Some("media-8090")),
            ("ws://10.0.0.7:8090/control", Some("10-0-0-7-8090")),
            ("ws://[2001:db8::7]:8090/control", Some("2001-db8--7--8090")),
            ("ws://Media.Exemple.fr/control", Some("media-exemple-fr-80")),
            ("media", None),
        ] {
            assert_eq!(node_name(address).as_deref(), name, "{address}");
        }
    }

    #[test]
    fn a_page_is_told_where_its_node_is() {
        let mut config = Config::default();
        assert_eq!(signaling_url(&config, "node-1"), "/signaling/node-1");
        config.media_signaling_url = "wss://exemple.fr/s/{node}".into();
        assert_eq!(signaling_url(&config, "m-80"), "wss://exemple.fr/s/m-80");
    }
}
