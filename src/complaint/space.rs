//! The *espace usager*: the person's appointments, what waits for them, their
//! documents.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use super::lifecycle::RecordState;
use super::store::{self, DocumentRow};
use super::vault;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::State as AppointmentState;
use crate::booking::meeting_link::{OPENS_MINUTES_BEFORE, OVERRUN_MINUTES};
use crate::calendar::wall;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::identity::SignedInCitizen;
use crate::page::{Ctx, render};
use crate::path::PathId;

/// Documents can be downloaded for this many days (six months).
pub const KEEP_DAYS: i64 = 183;

struct Document {
    href: String,
    label: String,
    detail: String,
}

struct Entry {
    id: Id,
    reference: String,
    when: String,
    unit_name: String,
    state: String,
    /// The room is open to the person now.
    joinable: bool,
    /// Opens later: from when.
    opens_at: String,
    cancellable: bool,
    /// A version waits to be read.
    review: bool,
    documents: Vec<Document>,
    keep_until: String,
}

#[derive(Template)]
#[template(path = "complaint/space.html")]
struct SpacePage {
    ctx: Ctx,
    entries: Vec<Entry>,
}

/// GET `/espace`.
pub async fn show(
    State(app): State<App>,
    citizen: SignedInCitizen,
    ctx: Ctx,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let mut entries = Vec::new();
    for row in store::list_of_citizen(&mut tx, &citizen.id).await? {
        let zone = row.time_zone.parse().unwrap_or(chrono_tz::Europe::Paris);
        let live = matches!(
            row.state,
            AppointmentState::Booked | AppointmentState::Open | AppointmentState::InHearing
        );
        let opens_at = row.starts_at.plus_minutes(-OPENS_MINUTES_BEFORE);
        let open =
            live && ctx.now >= opens_at && ctx.now < row.ends_at.plus_minutes(OVERRUN_MINUTES);
        let documents = store::list_documents(&mut tx, &row.case_id).await?;
        entries.push(Entry {
            when: wall::moment(ctx.lang, row.starts_at, zone),
            state: ctx.t(&format!(
                "appointment-state-{}",
                row.state.as_str().replace('_', "-")
            )),
            joinable: open,
            opens_at: if live && ctx.now < opens_at {
                wall::moment(ctx.lang, opens_at, zone)
            } else {
                String::new()
            },
            cancellable: row.state == AppointmentState::Booked && ctx.now < row.starts_at,
            review: matches!(
                row.record_state,
                Some(RecordState::InReview | RecordState::ChangesRequested)
            ),
            keep_until: documents.first().map_or_else(String::new, |document| {
                let until = document.created_at.plus_minutes(KEEP_DAYS * 24 * 60);
                wall::day(ctx.lang, until.in_zone(zone).date_naive())
            }),
            documents: documents.iter().map(|row| listed(&ctx, row)).collect(),
            id: row.id,
            reference: row.reference,
            unit_name: row.unit_name,
        });
    }
    render(&SpacePage {
        ctx: ctx.with_quick_exit(),
        entries,
    })
}

fn listed(ctx: &Ctx, row: &DocumentRow) -> Document {
    Document {
        href: format!("/espace/documents/{}", row.id),
        label: ctx.t(&format!("document-{}", row.kind.as_str().replace('_', "-"))),
        detail: format!("PDF – {} ko", (row.bytes + 1023) / 1024),
    }
}

/// GET `/espace/documents/ID`: the person's own document.
pub async fn download(
    State(app): State<App>,
    PathId(id): PathId,
    citizen: SignedInCitizen,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (row, owner, unit_id) = store::find_document(&mut tx, &id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    if owner != citizen.id {
        return Err(Refusal::not_found().into());
    }
    deliver(&app, tx, &row, &unit_id, Actor::Citizen(citizen.id)).await
}

/// Sends a document to somebody who may have it, and writes that down.
///
/// # Errors
/// When the database or the store fails.
pub async fn deliver(
    app: &App,
    mut tx: Tx,
    row: &DocumentRow,
    unit_id: &Id,
    actor: Actor,
) -> Result<Response, PageError> {
    let key = app.keys.case_key(&mut tx, &row.case_id).await?;
    let bytes = vault::get(app, &key, &row.object_path, &row.sha256).await?;
    audit::append(
        &mut tx,
        unit_id.as_str(),
        app.clock.now(),
        &actor,
        "document.read",
        &format!("record/{}", row.case_id),
        &format!("document={}", row.kind),
    )
    .await?;
    tx.commit().await?;
    let name = format!(
        "attachment; filename=\"{}.pdf\"",
        row.kind.as_str().replace('_', "-")
    );
    let name = header::HeaderValue::from_str(&name).map_err(Fault::other)?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/pdf"),
    );
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
