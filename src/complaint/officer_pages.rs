//! What the officer does with the text: saves it, sends it, answers, signs,
//! reads the documents.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::record::{self, RecordError};
use super::signing::{self, SignError};
use super::space::deliver;
use super::store::{self, Record};
use super::workspace::held_by;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::Appointment;
use crate::calendar::Unit;
use crate::db::{Id, Tx};
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::hearings;
use crate::identity::SignedInOfficer;
use crate::page::Ctx;
use crate::path::PathId;

async fn record_of(
    tx: &mut Tx,
    id: &Id,
    officer: &SignedInOfficer,
) -> Result<(Appointment, Unit, Record), PageError> {
    let (appointment, unit) = held_by(tx, id, officer).await?;
    // Who hears the person writes and signs; a colleague first takes the hearing
    // over, by opening it.
    if appointment.officer_id.as_ref() != Some(&officer.id) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-officer-seat")
            .way_out(format!("/agent/audition/{id}"), "way-out-back")
            .into());
    }
    let record = record::find_for_officer(tx, &appointment, officer)
        .await
        .map_err(|error| refusal(error, id))?;
    Ok((appointment, unit, record))
}

/// The same, once nobody else is acting on a record of this unit: two
/// submissions of one act meet here, and the second sees what the first did.
async fn locked_record_of(
    tx: &mut Tx,
    id: &Id,
    officer: &SignedInOfficer,
) -> Result<(Appointment, Unit, Record), PageError> {
    audit::lock(tx, officer.unit_id.as_str()).await?;
    record_of(tx, id, officer).await
}

fn refusal(error: RecordError, id: &Id) -> PageError {
    let (status, name) = match error {
        RecordError::Fault(fault) => return fault.into(),
        RecordError::NotTheirs => {
            return Refusal::not_found()
                .way_out("/agent", "way-out-agenda")
                .into();
        }
        RecordError::WrongState(_) => (StatusCode::CONFLICT, "refusal-officer-record-state"),
        RecordError::Conflict | RecordError::StaleVersion => {
            (StatusCode::CONFLICT, "refusal-record-conflict")
        }
        RecordError::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "refusal-record-empty"),
        RecordError::TooLong => (StatusCode::UNPROCESSABLE_ENTITY, "refusal-record-too-long"),
        RecordError::MissingChecks(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "refusal-record-checks")
        }
        RecordError::Unanswered => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "refusal-record-unanswered",
        ),
    };
    Refusal::new(status, name)
        .way_out(format!("/agent/audition/{id}"), "way-out-back")
        .into()
}

/// The working text and the revision it was typed on.
#[derive(Debug, Deserialize)]
pub struct TextForm {
    version: i64,
    texte: String,
}

/// POST `…/texte`: saves the working text; a script gets the new revision.
pub async fn save(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    headers: axum::http::HeaderMap,
    Form(form): Form<TextForm>,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _, record) = locked_record_of(&mut tx, &id, &officer).await?;
    let narrative = form.texte.replace("\r\n", "\n");
    let revision = record::save_draft(
        &mut tx,
        &app.keys,
        &record,
        &officer,
        form.version,
        narrative,
        now,
    )
    .await
    .map_err(|error| refusal(error, &id))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    let script = headers
        .get("accept")
        .is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    Ok(if script {
        Json(serde_json::json!({ "version": revision })).into_response()
    } else {
        back(&id).into_response()
    })
}

fn back(id: &Id) -> Redirect {
    Redirect::to(&format!("/agent/audition/{id}"))
}

/// A form that holds nothing but the anti-forgery token.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// POST `…/relecture`: sends the text to the person.
pub async fn send(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, unit, record) = locked_record_of(&mut tx, &id, &officer).await?;
    let space = format!("{}/espace", app.config.public_url);
    record::send(&mut tx, &app.keys, &record, &unit, &officer, &space, now)
        .await
        .map_err(|error| refusal(error, &id))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&id))
}

/// An answer to a change request.
#[derive(Debug, Deserialize)]
pub struct AnswerForm {
    demande: Id,
    reponse: String,
}

/// POST `…/reponse`.
pub async fn answer(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(form): Form<AnswerForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, _, record) = locked_record_of(&mut tx, &id, &officer).await?;
    let (change, text) = (&form.demande, form.reponse.as_str());
    record::answer_change(&mut tx, &app.keys, &record, &officer, change, text, now)
        .await
        .map_err(|error| refusal(error, &id))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&id))
}

/// POST `…/signature`: makes the documents and signs them.
pub async fn sign(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit, record) = record_of(&mut tx, &id, &officer).await?;
    drop(tx);
    signing::sign(&app, &record, &appointment, &unit, &officer)
        .await
        .map_err(|error| not_signed(error, &id))?;
    hearings::tell(&app, &appointment);
    Ok(back(&id))
}

fn not_signed(error: SignError, id: &Id) -> PageError {
    let name = match error {
        SignError::Fault(fault) => return fault.into(),
        SignError::Record(error) => return refusal(error, id),
        SignError::NoKey => "refusal-sign-no-key",
        SignError::Typesetting(_) => "refusal-sign-characters",
    };
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, name)
        .way_out(format!("/agent/audition/{id}"), "way-out-back")
        .into()
}

/// GET `/agent/documents/ID`: a document of this officer's unit.
pub async fn download(
    State(app): State<App>,
    PathId(id): PathId,
    officer: SignedInOfficer,
    _ctx: Ctx,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (row, _, unit_id) = store::find_document(&mut tx, &id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    if !officer.serves(&unit_id) {
        return Err(Refusal::not_found().into());
    }
    deliver(&app, tx, &row, &unit_id, Actor::Officer(officer.id)).await
}
