//! The complaint record (*dossier de plainte*): the procès-verbal as it is
//! written, read and agreed to, its signature, the documents that come out and
//! their hand-off. It decides nothing about rooms or slots.
//!
//! The database keeps the order of things: a version is append-only, a
//! decision is bound to a version's hash, a signature needs a decision on the
//! very same hash.

pub mod act;
pub mod content;
mod guest_pages;
pub mod handoff;
pub mod lifecycle;
mod officer_pages;
pub mod package;
mod person_pages;
pub mod record;
pub mod signing;
mod space;
pub mod store;
pub mod vault;
mod workspace;

use axum::routing::{get, post};

use crate::routes::Routes;

/// The slice's routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/espace", get(space::show))
        .route("/espace/documents/{id}", get(space::download))
        .route("/audition/{id}/proces-verbal", get(person_pages::show))
        .route("/audition/{id}/droits.pdf", get(person_pages::rights))
        .route(
            "/audition/{id}/modification",
            post(person_pages::request_change),
        )
        .route("/audition/{id}/accord", post(person_pages::decide))
        .route("/agent/audition/{id}", get(workspace::show))
        .route("/agent/audition/{id}/ouvrir", post(workspace::open))
        .route("/agent/audition/{id}/jeton", post(workspace::token))
        .route("/agent/audition/{id}/evenements", get(workspace::events))
        .route("/agent/audition/{id}/admettre", post(workspace::admit))
        .route("/agent/audition/{id}/renvoyer", post(workspace::send_back))
        .route("/agent/audition/{id}/invites", post(guest_pages::invite))
        .route(
            "/agent/audition/{id}/invites/renvoyer",
            post(guest_pages::send_again),
        )
        .route(
            "/agent/audition/{id}/invites/retirer",
            post(guest_pages::revoke),
        )
        .route("/agent/audition/{id}/constat", post(workspace::check))
        .route("/agent/audition/{id}/terminer", post(workspace::close))
        .route("/agent/audition/{id}/texte", post(officer_pages::save))
        .route("/agent/audition/{id}/relecture", post(officer_pages::send))
        .route("/agent/audition/{id}/reponse", post(officer_pages::answer))
        .route("/agent/audition/{id}/signature", post(officer_pages::sign))
        .route("/agent/documents/{id}", get(officer_pages::download))
}
