//! Taking a recurring range of a desk back: what it would cost is shown first. Other
//! desks take over what they can at the same time; while an appointment is left that
//! none can take, nothing is changed. Undone, the range opens again.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::desk_of;
use super::desks::hours_in_words;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::{self, Displaced};
use crate::calendar::hours_removal::{find_hours, remove_hours, restore_hours};
use crate::calendar::{self, Desk, OpeningHours, Unit, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/plages/{id}/retrait", get(ask).post(remove))
        .route("/administration/plages/{id}/retablissement", post(restore))
}

#[derive(Template)]
#[template(path = "admin/hours_removal.html")]
struct RemovalPage {
    ctx: Ctx,
    unit: Unit,
    desk: Desk,
    hours_id: Id,
    hours: String,
    moved: Vec<Row>,
    left: Vec<Row>,
}

/// An appointment as a line of a list.
struct Row {
    reference: String,
    moment: String,
    /// The desk that takes it over; empty where somebody must decide.
    to: String,
}

/// A range of one of this administrator's desks; another's does not exist.
async fn hours_of(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
) -> Result<(OpeningHours, Option<Timestamp>, Desk, Unit), PageError> {
    let found = find_hours(tx, id).await?;
    // Who may not administer anything is told so before what exists is.
    super::units_of(tx, officer).await?;
    let (hours, removed_at) = found.ok_or_else(Refusal::not_found)?;
    let (desk, unit) = desk_of(tx, officer, &hours.desk_id).await?;
    Ok((hours, removed_at, desk, unit))
}

impl RemovalPage {
    async fn read(
        tx: &mut Tx,
        ctx: Ctx,
        (desk, unit): (Desk, Unit),
        hours: &OpeningHours,
        displaced: &[Displaced],
    ) -> Result<Self, PageError> {
        let desks = calendar::list_desks(tx, &unit.id).await?;
        let row = |one: &Displaced| Row {
            reference: one.appointment.reference.clone(),
            moment: wall::capitalised(&wall::moment(
                ctx.lang,
                one.appointment.starts_at,
                unit.zone(),
            )),
            to: desks
                .iter()
                .find(|desk| Some(&desk.id) == one.to.as_ref())
                .map_or_else(String::new, |desk| desk.label.clone()),
        };
        let (moved, left) = displaced
            .iter()
            .map(row)
            .partition(|row| !row.to.is_empty());
        Ok(RemovalPage {
            hours_id: hours.id.clone(),
            hours: hours_in_words(hours, &ctx),
            moved,
            left,
            desk,
            unit,
            ctx,
        })
    }
}

/// What it would cost. Changes nothing.
async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (hours, removed_at, desk, unit) = hours_of(&mut tx, &officer, &id).await?;
    if removed_at.is_some() {
        return Err(Refusal::not_found().into());
    }
    let displaced = booking::list_displaced_without(&mut tx, &unit, &hours, ctx.now).await?;
    render(&RemovalPage::read(&mut tx, ctx, (desk, unit), &hours, &displaced).await?)
}

#[derive(Deserialize)]
struct NoFields {}

/// Takes the range back and gives other desks what was expected in it. The journal's
/// lock keeps bookings of the unit out until the end of the transaction.
async fn remove(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (hours, removed_at, desk, unit) = hours_of(&mut tx, &officer, &id).await?;
    if removed_at.is_some() {
        // Pressed twice: the same page.
        return Ok(back(&id));
    }
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let displaced = booking::list_displaced_without(&mut tx, &unit, &hours, ctx.now).await?;
    let actor = Actor::Officer(officer.id);
    let mut all_moved = true;
    for one in &displaced {
        // Two of them may want the same desk: what was foreseen is tried.
        all_moved &= booking::reassign(&mut tx, &unit, &one.appointment, &actor, ctx.now).await?;
    }
    if !all_moved {
        drop(tx);
        let mut tx = app.db.read().await?;
        let page = RemovalPage::read(&mut tx, ctx, (desk, unit), &hours, &displaced).await?;
        return render_with(StatusCode::CONFLICT, &page);
    }
    remove_hours(&mut tx, &desk, &id, &actor, ctx.now).await?;
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(back(&id))
}

fn back(id: &Id) -> Response {
    Redirect::to(&format!(
        "/administration/guichets?fait=plage-retiree&plage={id}"
    ))
    .into_response()
}

/// Undoes it: the range opens again. What other desks took over stays with them.
async fn restore(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Redirect, PageError> {
    let mut tx = app.db.begin().await?;
    let (_, _, desk, unit) = hours_of(&mut tx, &officer, &id).await?;
    let actor = Actor::Officer(officer.id);
    restore_hours(&mut tx, &desk, &id, &actor, ctx.now).await?;
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(Redirect::to("/administration/guichets?fait=plages"))
}
