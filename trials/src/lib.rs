//! Trials of a call that is broken in every way: real participants in network
//! namespaces, real media nodes, and a link in between that loses what we say.
//!
//! Code map:
//! - [`namespace`] makes network namespaces; [`shaper`] joins two of them by a
//!   link with [`weather`], and tells what it did to packets;
//! - [`stage`] holds what all calls of a run share and plays the service:
//!   tokens, nodes and their supervisor; [`lane`] is one call on it;
//! - [`report`] is what a participant (`bin/talker.rs`) tells;
//! - [`figures`] are the percentiles that are printed.
//!
//! Needs the right to make network namespaces: root, or a container with
//! `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`.

pub mod figures;
pub mod lane;
pub mod namespace;
pub mod report;
pub mod shaper;
pub mod stage;
pub mod weather;
