//! Stories: people with browsers and the whole service, on every engine.
//!
//! PostgreSQL joins in when `VISIOPLAINTE_TEST_POSTGRES` names a server, e.g.
//! the one that `tests/postgres.sh start` gives.

#![allow(clippy::unwrap_used, missing_docs)]

mod absences;
mod appointment_life;
mod assisted;
mod booking;
mod calendar;
mod call;
mod contact_codes;
mod counters;
mod coverage;
mod empowerments;
mod feeds;
mod guests;
mod headers;
mod helped;
mod hoarding;
mod hostile;
mod incidents;
mod journal;
mod journey;
mod keys;
mod limits;
mod login;
mod meeting_link;
mod neighbours;
mod planning;
mod privacy;
mod record;
mod release;
mod rights;
mod scheduling;
mod sessions;
mod support;
mod units;
