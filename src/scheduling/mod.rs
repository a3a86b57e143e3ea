//! The interface by which the front end of another service books hearings here: the
//! eight calls that the real Visioplainte's front ends already speak (feature F133), so
//! that they change nothing but an address and a key.
//!
//! A key belongs to one unit, since the interface has one zone, one length of hearing
//! and one list of desks. It books anonymous appointments of that unit's own calendar
//! (`booking::anonymous`), on the same desks as the citizens', sees those of the unit
//! that came by this interface, whichever of its keys made them, and never a citizen's.
//!
//! | file | is |
//! |---|---|
//! | [`keys`] | who may ask: keys, their secrets, rotation |
//! | [`guard`](fn@guard) | what each request passes: key, budgets, log; errors as JSON |
//! | [`asked`] | reading what is asked; pure |
//! | [`numbers`] | the integers beside our ids |
//! | [`rdv`] | an appointment as the interface writes it |
//! | [`slots`], [`appointments`] | the calls |
//! | [`webhooks`] | telling the other side what changed |
//! | [`description`] | all of it in OpenAPI 3.1 |
//!
//! It knows no person, page or hearing.

pub mod appointments;
pub mod asked;
pub mod description;
mod errors;
mod guard;
pub mod keys;
pub mod numbers;
pub mod rdv;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod slots;
#[cfg(all(test, feature = "sandbox"))]
mod tests;
pub mod webhooks;

use axum::routing::{delete, get, put};

pub use errors::ApiError;
pub use guard::{Caller, guard};

use crate::routes::Routes;

/// The calls, which all go through [`guard`](fn@guard).
pub fn router() -> Routes {
    let routes = Routes::new()
        .route("/api/visioplainte/creneaux", get(slots::list))
        .route("/api/visioplainte/creneaux/prochain", get(slots::next))
        .route("/api/visioplainte/guichets", get(slots::desks))
        .route("/api/visioplainte/plages_ouverture", get(slots::openings))
        .route(
            "/api/visioplainte/rdvs",
            get(appointments::list).post(appointments::book),
        )
        .route("/api/visioplainte/rdvs/{id}", delete(appointments::erase))
        .route(
            "/api/visioplainte/rdvs/{id}/cancel",
            put(appointments::cancel),
        );
    #[cfg(feature = "sandbox")]
    let routes = routes.merge(sandbox::router());
    routes
}
