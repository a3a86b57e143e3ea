//! VisioPlainte: a person lodges a complaint with an officer by video.
//!
//! Code map. Each slice is a folder: pure rules, `store` (SQL) and pages (HTTP)
//! apart; its `mod.rs` holds the nouns and the operations. A slice may call
//! those to its right, never the reverse:
//!
//! ```text
//! admin → complaint → hearings → booking → declaration → orientation · calendar → identity
//!   │           └─────────┴─────────┴→ notifications (calls nobody)
//!   └→ scheduling (the interface other services book by) → hearings · booking · calendar
//! every slice → db · clock · error · config · audit · page · routes
//! incidents (what is told while something does not work) ← admin; its strip stands above every page
//! information (home, help, rights, legal pages) ← declaration
//! sandbox (feature): the demonstration's provider, mailbox, receiver of packages
//! ```
//!
//! The media plane is the crate `signaling`, which knows no appointment; the
//! typesetting and signature of documents is the crate `documents`, which
//! knows neither HTTP nor SQL.

pub mod admin;
pub mod app;
pub mod assets;
pub mod audit;
pub mod booking;
pub mod calendar;
pub mod clock;
pub mod codes;
pub mod commands;
pub mod complaint;
pub mod config;
pub mod db;
pub mod declaration;
pub mod error;
pub mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod hearings;
pub mod identity;
pub mod incidents;
pub mod information;
pub mod keys;
pub mod limits;
pub mod live;
pub mod media;
pub mod messages;
pub mod metrics;
pub mod notifications;
pub mod orientation;
pub mod page;
pub mod path;
pub mod routes;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod scheduling;
pub mod seed;
#[cfg(test)]
mod testing;
