//! kill -9: the service, and apart from it its media child, are killed at
//! random instants of the journey; people try again; nothing confirmed is lost.
//! And calls that move from a media node that ends to another.
//!
//! The seed is printed and can be given: `VISIOPLAINTE_KILL_SEED`. So can the
//! number of kills: `VISIOPLAINTE_KILLS`.

#![allow(clippy::unwrap_used, missing_docs)]

mod chance;
mod confined;
mod many_messages;
mod media;
mod messages_killed;
mod moves;
mod opened;
mod persistence;
mod service;
mod service_killed;
mod suppliers;
#[path = "../stories/support/mod.rs"]
mod support;
