//! Signaling and selective forwarding of a hearing's sound and image.
//!
//! A *media node* is one call of [`serve`]. It knows rooms, seats and packets;
//! it knows nothing of appointments, people or files, holds no secret but its
//! own ephemeral certificates, and never reads a payload.
//!
//! Code map, in the order of a call:
//! - [`room_document`]: what the service pushes (who may be in, who hears whom)
//!   and what the node reports back;
//! - [`join_token`]: what a participant shows to take a seat;
//! - [`protocol`]: what a page and the node say to each other.
//!
//! `PROTOCOL.md` tells the protocol message by message.

pub mod join_token;
pub mod protocol;
pub mod room_document;
pub mod turn;

mod node;

pub use node::{Limits, NodeConfig, Ready};
