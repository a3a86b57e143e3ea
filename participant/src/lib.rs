//! A participant of a hearing made of Rust, on the `webrtc` crate, that behaves
//! as our page does: the tests' and the load generator's other end.
//!
//! Code map, each the twin of a file of `web/src/call`:
//! - [`Participant`] joins the parts, as `call.ts`;
//! - `line` is the WebSocket and its coming back, as `connection.ts`, with
//!   [`backoff`];
//! - `peer` is the peer connection, as `peer.ts`; `ear` hears below it;
//! - [`recovery`] is the rule that says when to ask for another path;
//! - [`grant`] is where join tokens come from, [`control`] the service's side of a node;
//! - [`voice`] is what participants say.
//!
//! Deliberately absent: the node's own transport. What is wrong on both sides
//! of a shared implementation is seen by neither.

pub mod backoff;
pub mod control;
pub mod grant;
pub mod recovery;
pub mod voice;

mod ear;
mod line;
mod participant;
mod peer;

pub use line::Phase;
pub use participant::{Noticed, Participant, Settings};
pub use peer::Speech;
