//! Signaling and selective forwarding of a hearing's sound and image.
//!
//! A *media node* is one call of [`serve`]. It knows rooms, seats and packets;
//! it knows nothing of appointments, people or files, holds no secret but its
//! own ephemeral certificate, and never reads a payload.
//!
//! Code map, in the order of a call:
//! - `server` accepts connections, `connection` serves a participant's and
//!   `control` the service's;
//! - [`room_document`]: what the service pushes (who may be in, who hears whom)
//!   and what the node reports back;
//! - [`join_token`]: what a participant shows to take a seat;
//! - [`protocol`]: what a page and the node say to each other;
//! - `room` decides, as a pure value: an event in, actions out; `watchdog` is
//!   its rule about media that stays away;
//! - `worker` is one thread with one UDP port (`udp`, `stun`) and its rooms; it
//!   carries events to rooms and datagrams to transports;
//! - `forwarding` is the table that every packet is looked up in;
//! - `transport` is what we ask of a WebRTC stack; `lean` does it with the
//!   component crates of the `webrtc` project;
//! - `address` says where browsers send their media; `doorway` counts who stands
//!   in the door, `visitor` tells them apart;
//! - `metrics` is what the node counts, `http` answers whoever asks in plain HTTP;
//! - [`confine`] takes files and programs from the process, [`turn`] makes
//!   credentials for relays.
//!
//! Invariants: who hears whom is checked by the lookup of every packet; a room
//! lives on one worker and shares nothing; every queue is bounded; a panic in a
//! transport ends that transport only.
//!
//! `PROTOCOL.md` tells the protocol message by message.

pub mod confine;
pub mod join_token;
pub mod protocol;
pub mod room_document;
pub mod turn;

mod address;
mod connection;
mod control;
mod doorway;
mod forwarding;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gauge;
mod http;
mod lean;
mod metrics;
mod node;
mod rate;
mod room;
mod secret;
mod server;
mod stun;
mod transport;
mod udp;
mod visitor;
mod watchdog;
mod worker;

pub use address::Announced;
pub use http::{HEALTH_PATH, METRICS_PATH};
pub use node::{Limits, NodeConfig, Ready};
pub use server::{Node, ServeError, serve};
pub use visitor::{FORWARDED_FOR, Network, NoNetwork, Visitor, visitor};
