//! How a node is set up, and what it says once it is.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Announced;
use crate::visitor::Network;

/// How one media node is set up.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The node's name, told to the service.
    pub node: String,
    /// Where media arrives: one UDP address, one worker. Port 0 lets the system choose.
    pub udp: Vec<SocketAddr>,
    /// The addresses that browsers see when the node is behind a 1:1 NAT; the
    /// bound ones when absent. A wildcard bound address needs some.
    pub announce: Option<Vec<Announced>>,
    /// The Ed25519 public key that join and control tokens are verified with.
    pub token_key: [u8; 32],
    /// What the node refuses to go beyond.
    pub limits: Limits,
}

/// What the node refuses to go beyond. Every limit has a close code or a refusal.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at the same moment, joined or not. When all places are taken,
    /// the oldest connection that has not joined makes room.
    pub connections: usize,
    /// Connections at the same moment from one address (IPv6: one /64). Many
    /// people may stand behind one, in an office or at a provider.
    pub connections_per_address: usize,
    /// Joins a second of one address that may fail, on average.
    pub failed_joins_per_second: u32,
    /// Failed joins of one address at once, beyond the average.
    pub failed_join_burst: u32,
    /// Proxies that are believed about whom they speak for, besides those on the
    /// same machine.
    pub proxies: Vec<Network>,
    /// Rooms at the same moment on one worker.
    pub rooms: usize,
    /// Share of its time above which a worker takes no new room; benchmarks of
    /// capacity set it beyond reach.
    pub busy: f32,
    /// Seats in one room.
    pub seats: usize,
    /// Bytes in one message of a participant.
    pub message_bytes: usize,
    /// Bytes in one message of the service.
    pub control_message_bytes: usize,
    /// Messages a second of one participant, on average.
    pub messages_per_second: u32,
    /// Messages of one participant at once, beyond the average.
    pub message_burst: u32,
    /// Messages that may wait to be read by one participant.
    pub queue: usize,
    /// How long a new connection may stay without a valid first message.
    pub join_within: Duration,
    /// How long a connection may stay silent; pages ping every third of it.
    pub heartbeat: Duration,
    /// How long a seat is kept for a participant whose connection was lost.
    pub grace: Duration,
    /// How long media that should come may stay away before it is said to have stopped.
    pub media_silence: Duration,
    /// Datagrams a second that one participant may send, checked before any cryptography.
    pub datagrams_per_second: u32,
    /// How long a node that was told to drain waits for its hearings to end or move.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            failed_joins_per_second: 1,
            failed_join_burst: 120,
            proxies: Vec::new(),
            rooms: 1024,
            busy: 0.8,
            seats: 6,
            message_bytes: 64 * 1024,
            control_message_bytes: 256 * 1024,
            messages_per_second: 20,
            message_burst: 100,
            queue: 64,
            join_within: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            grace: Duration::from_secs(20),
            media_silence: Duration::from_secs(1),
            datagrams_per_second: 4000,
            drain: Duration::from_secs(60 * 60),
        }
    }
}

/// What a node prints, as one line of JSON, once it can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Where signaling and control listen.
    pub listen: SocketAddr,
    /// Where media arrives, one address a worker.
    pub udp: Vec<SocketAddr>,
}

impl Ready {
    /// The line to print, without its end.
    pub fn line(&self) -> String {
        crate::protocol::to_json(self)
    }

    /// Reads the line that a node printed; none if it is not one.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line.trim()).ok()
    }
}
