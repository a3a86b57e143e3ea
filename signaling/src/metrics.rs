//! What a node counts, in Prometheus's text format: numbers of things, never a
//! room, a person or an address.
//!
//! Workers count in plain numbers of their own and hand them over now and then,
//! so that counting a packet costs an addition.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::protocol::CloseCode;
use crate::server::Shared;

/// What the answer to a scrape is written in.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Round trips in seconds: from the same town to a satellite.
const ROUND_TRIPS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0];
/// Shares of packets lost: from nothing heard to nothing understood.
const LOSSES: [f64; 8] = [0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25];

/// One worker's numbers since they were last handed over.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counted {
    /// Datagrams received, whatever they were.
    pub datagrams_received: u64,
    /// Of nobody whom the worker knows.
    pub datagrams_unknown: u64,
    /// Beyond what one participant may send.
    pub datagrams_refused: u64,
    /// Checks for one participant from an address where another one is heard.
    pub datagrams_usurping: u64,
    /// Handed to the system.
    pub datagrams_sent: u64,
    /// Not taken by the system: its buffers were full.
    pub datagrams_dropped: u64,
    /// RTP packets of participants, each once.
    pub packets_received: u64,
    /// RTP packets that came more than once.
    pub packets_repeated: u64,
    /// RTP packets handed to participants' transports.
    pub packets_forwarded: u64,
    /// Bytes of datagrams received.
    pub bytes_received: u64,
    /// Bytes of datagrams sent.
    pub bytes_sent: u64,
    /// Packets that participants were asked to send again.
    pub nacks: u64,
    /// Packets that were sent again to participants.
    pub resends: u64,
    /// Missing packets that came after all.
    pub repaired: u64,
    /// Transports that were given up.
    pub transports_failed: u64,
    /// Candidates of pages beyond those of one offer.
    pub candidates_dropped: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Direction {
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Worker {
    worker: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Everything counted, and the way to write it down.
pub(crate) struct Metrics {
    registry: Registry,
    joins: Counter,
    returns: Counter,
    closes: Family<Code, Counter>,
    rooms_refused: Family<Reason, Counter>,
    round_trips: Histogram,
    losses: Family<Direction, Histogram>,
    datagrams: Family<Direction, Counter>,
    bytes: Family<Direction, Counter>,
    packets: Family<Direction, Counter>,
    datagrams_dropped: Family<Reason, Counter>,
    packets_repeated: Counter,
    repairs: Family<Reason, Counter>,
    slow_readers: Counter,
    transports_failed: Counter,
    candidates_dropped: Counter,
    rooms: Gauge,
    rooms_admissible: Gauge,
    participants: Gauge,
    connections: Gauge,
    draining: Gauge,
    load: Family<Worker, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("visioplainte_media");
        let metrics = Self {
            joins: Counter::default(),
            returns: Counter::default(),
            closes: Family::default(),
            rooms_refused: Family::default(),
            round_trips: Histogram::new(ROUND_TRIPS),
            losses: Family::new_with_constructor(|| Histogram::new(LOSSES)),
            datagrams: Family::default(),
            bytes: Family::default(),
            packets: Family::default(),
            datagrams_dropped: Family::default(),
            packets_repeated: Counter::default(),
            repairs: Family::default(),
            slow_readers: Counter::default(),
            transports_failed: Counter::default(),
            candidates_dropped: Counter::default(),
            rooms: Gauge::default(),
            rooms_admissible: Gauge::default(),
            participants: Gauge::default(),
            connections: Gauge::default(),
            draining: Gauge::default(),
            load: Family::default(),
            registry: Registry::default(),
        };
        for (name, help, gauge) in [
            (
                "rooms",
                "Rooms that are neither over nor elsewhere",
                &metrics.rooms,
            ),
            (
                "rooms_admissible",
                "Rooms like the present ones that the workers would still take",
                &metrics.rooms_admissible,
            ),
            (
                "participants",
                "People who hold a seat",
                &metrics.participants,
            ),
            (
                "connections",
                "Connections of people and of the service",
                &metrics.connections,
            ),
            (
                "draining",
                "1 while the node takes no new room",
                &metrics.draining,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "worker_load",
            "Share of its time that a worker works",
            metrics.load.clone(),
        );
        registry.register(
            "joins",
            "Participants who took a seat",
            metrics.joins.clone(),
        );
        registry.register(
            "returns",
            "Participants who came back to a seat that was kept for them",
            metrics.returns.clone(),
        );
        registry.register(
            "closes",
            "Signaling connections that the node closed, by code",
            metrics.closes.clone(),
        );
        registry.register(
            "rooms_refused",
            "Room documents that the node did not take",
            metrics.rooms_refused.clone(),
        );
        registry.register_with_unit(
            "round_trip",
            "Round trips to participants, measured every five seconds",
            Unit::Seconds,
            metrics.round_trips.clone(),
        );
        registry.register_with_unit(
            "loss",
            "Shares of packets lost, measured every five seconds for each participant",
            Unit::Ratios,
            metrics.losses.clone(),
        );
        registry.register(
            "datagrams",
            "UDP datagrams received and sent",
            metrics.datagrams.clone(),
        );
        registry.register_with_unit(
            "udp",
            "Bytes of UDP received and sent",
            Unit::Bytes,
            metrics.bytes.clone(),
        );
        registry.register(
            "packets",
            "RTP packets received from participants, and forwarded to them",
            metrics.packets.clone(),
        );
        registry.register(
            "datagrams_dropped",
            "Datagrams of nobody known, beyond a participant's rate, from another's address, or not taken by the system",
            metrics.datagrams_dropped.clone(),
        );
        registry.register(
            "packets_repeated",
            "RTP packets that came more than once",
            metrics.packets_repeated.clone(),
        );
        registry.register(
            "repairs",
            "Packets asked for again, sent again, and missing ones that came after all",
            metrics.repairs.clone(),
        );
        registry.register(
            "slow_readers",
            "Signaling connections dropped because their queue was full",
            metrics.slow_readers.clone(),
        );
        registry.register(
            "transports_failed",
            "Participants' transports that were given up",
            metrics.transports_failed.clone(),
        );
        registry.register(
            "candidates_dropped",
            "Candidates of pages beyond those of one offer",
            metrics.candidates_dropped.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Somebody took a seat; `returned` if it was kept for them.
    pub fn joined(&self, returned: bool) {
        if returned {
            self.returns.inc();
        } else {
            self.joins.inc();
        }
    }

    /// A signaling connection was closed.
    pub fn closed(&self, code: CloseCode) {
        let code = code.number();
        self.closes.get_or_create(&Code { code }).inc();
    }

    /// A connection did not read what it was sent, and was dropped.
    pub fn reads_too_slowly(&self) {
        self.slow_readers.inc();
    }

    /// A room was not taken.
    pub fn room_refused(&self, reason: &'static str) {
        self.rooms_refused.get_or_create(&Reason { reason }).inc();
    }

    /// A participant's connection was measured.
    pub fn measured(&self, quality: &crate::protocol::Quality) {
        if let Some(rtt_ms) = quality.rtt_ms {
            self.round_trips.observe(f64::from(rtt_ms) / 1000.0);
        }
        for (direction, loss) in [("up", quality.loss_up), ("down", quality.loss_down)] {
            self.losses
                .get_or_create(&Direction { direction })
                .observe(f64::from(loss));
        }
    }

    /// A worker hands its numbers over.
    pub fn add(&self, counted: Counted) {
        let directed = |family: &Family<Direction, Counter>, received, sent| {
            for (direction, number) in [("received", received), ("sent", sent)] {
                family
                    .get_or_create(&Direction { direction })
                    .inc_by(number);
            }
        };
        directed(
            &self.datagrams,
            counted.datagrams_received,
            counted.datagrams_sent,
        );
        directed(&self.bytes, counted.bytes_received, counted.bytes_sent);
        directed(
            &self.packets,
            counted.packets_received,
            counted.packets_forwarded,
        );
        let reasoned = |family: &Family<Reason, Counter>, numbers: &[(&'static str, u64)]| {
            for &(reason, number) in numbers {
                family.get_or_create(&Reason { reason }).inc_by(number);
            }
        };
        reasoned(
            &self.datagrams_dropped,
            &[
                ("unknown", counted.datagrams_unknown),
                ("rate", counted.datagrams_refused),
                ("usurping", counted.datagrams_usurping),
                ("system", counted.datagrams_dropped),
            ],
        );
        reasoned(
            &self.repairs,
            &[
                ("asked", counted.nacks),
                ("sent", counted.resends),
                ("came", counted.repaired),
            ],
        );
        self.packets_repeated.inc_by(counted.packets_repeated);
        self.transports_failed.inc_by(counted.transports_failed);
        self.candidates_dropped.inc_by(counted.candidates_dropped);
    }

    /// Everything, as a scrape reads it.
    pub fn text(&self, shared: &Shared) -> String {
        let status = shared.status();
        self.rooms.set(i64::from(status.rooms));
        self.participants.set(i64::from(status.participants));
        self.connections
            .set(i64::try_from(shared.connections()).unwrap_or(i64::MAX));
        self.rooms_admissible.set(i64::from(shared.admissible()));
        self.draining.set(i64::from(shared.draining.is_cancelled()));
        for (worker, load) in (0..).zip(status.load) {
            self.load
                .get_or_create(&Worker { worker })
                .set(f64::from(load));
        }
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
