//! What an officer notes of an anonymous appointment besides what can be done with any
//! other: that the person was heard, by whatever way the other service connected them.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;

use super::MoveError;
use super::anonymous;
use super::pages::tell_pages;
use super::unit_pages::no_longer;
use crate::app::App;
use crate::audit::Actor;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::Ctx;
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new().route("/agent/rendez-vous/{id}/entendu", post(note_heard))
}

#[derive(Deserialize)]
struct NoFields {}

async fn note_heard(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let appointment = super::find(&mut tx, &id)
        .await?
        .filter(|appointment| officer.serves(&appointment.unit_id))
        .ok_or_else(Refusal::not_found)?;
    let actor = Actor::Officer(officer.id);
    match anonymous::note_heard(&mut tx, &appointment, &actor, ctx.now).await {
        Ok(heard) => {
            tx.commit().await?;
            tell_pages(&app, &heard);
            Ok(Redirect::to(&format!("/agent/rendez-vous/{id}?fait=entendu")).into_response())
        }
        Err(MoveError::NotFound) => Err(Refusal::not_found().into()),
        Err(MoveError::NotAllowed { .. }) => Err(no_longer(&id).into()),
        Err(MoveError::Fault(fault)) => Err(fault.into()),
    }
}
