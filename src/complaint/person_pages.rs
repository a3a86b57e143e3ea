//! The person reads the procès-verbal as it is written, asks for changes,
//! agrees or refuses. Reading is open to the seat of this browser; a decision
//! takes a live session, of FranceConnect or, where an officer wrote the person down, by code.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use super::lifecycle::RecordState;
use super::record::{self, Change, Decided, RecordError};
use super::store::{self, Decision, Record};
use super::{act, space};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::{self, Appointment};
use crate::calendar;
use crate::calendar::wall;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::hearings::{self, SeatRole};
use crate::identity::{SignedInCitizen, Who};
use crate::page::{Ctx, render};
use crate::path::PathId;

/// A change request as shown.
pub struct ShownChange {
    /// Key.
    pub id: Id,
    /// Hour it was asked at.
    pub at: String,
    /// In the person's words.
    pub text: String,
    /// The officer's answer; empty while there is none.
    pub answer: String,
}

/// Changes as a page shows them.
#[must_use]
pub fn shown(changes: Vec<Change>, unit: &calendar::Unit, ctx: &Ctx) -> Vec<ShownChange> {
    changes
        .into_iter()
        .map(|change| ShownChange {
            at: wall::time(ctx.lang, change.requested_at, unit.zone()),
            id: change.id,
            text: change.text,
            answer: change.answer,
        })
        .collect()
}

/// What an act says besides the text, in the act's own words, which are French.
pub struct ShownAct {
    /// Who complains: labels and texts.
    pub person: Vec<(String, String)>,
    /// The facts in short.
    pub facts: Vec<(String, String)>,
}

impl ShownAct {
    fn of(act: &documents::ProcesVerbal) -> Self {
        let facts = act.facts.iter();
        ShownAct {
            person: act.complainant.entries(),
            facts: facts
                .map(|fact| (fact.label.clone(), fact.text.clone()))
                .collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "complaint/person_record.html")]
struct RecordPage {
    ctx: Ctx,
    id: Id,
    state: String,
    /// Said aloud when it changes.
    announce: String,
    paragraphs: Vec<String>,
    version: i64,
    hash: String,
    checks: Vec<String>,
    incidents: Vec<String>,
    changes: Vec<ShownChange>,
    /// What else the act says, once a version was sent.
    act: Option<ShownAct>,
    /// The person may ask for changes and decide.
    decidable: bool,
    agreeable: bool,
    /// A decision needs a login first.
    login_needed: bool,
    /// Where whoever has no FranceConnect is sent a code instead; else empty.
    own_link: String,
    done: bool,
}

/// Who reads: the seat of this browser, or the person in their own space.
async fn reader(
    tx: &mut Tx,
    app: &App,
    jar: &CookieJar,
    ctx: &Ctx,
    id: &Id,
) -> Result<Appointment, PageError> {
    let seat = hearings::seat_of_browser(tx, app, jar, &ctx.who, id).await?;
    let appointment = booking::find(tx, id).await?;
    // A seat opens the text while the room is open, no longer.
    let seated = seat.is_some_and(|seat| seat.role == SeatRole::Citizen)
        && appointment
            .as_ref()
            .is_some_and(|appointment| hearings::check_window(appointment, ctx.now).is_ok());
    let own = match (&ctx.who, &appointment) {
        (Who::Citizen(citizen), Some(appointment)) => appointment.citizen_id == citizen.id,
        _ => false,
    };
    match appointment {
        Some(appointment) if seated || own => Ok(appointment),
        _ if matches!(ctx.who, Who::Nobody) => Err(PageError::Redirect(format!(
            "/connexion?retour=%2Faudition%2F{id}%2Fproces-verbal"
        ))),
        _ => Err(Refusal::not_found().into()),
    }
}

/// GET `/audition/ID/proces-verbal`: the text as it stands, alone or as a
/// region of the hearing's page.
pub async fn show(
    State(app): State<App>,
    PathId(id): PathId,
    jar: CookieJar,
    ctx: Ctx,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let appointment = reader(&mut tx, &app, &jar, &ctx, &id).await?;
    let unit = calendar::find_unit(&mut tx, &appointment.unit_id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let record = store::find_record(&mut tx, &appointment.case_id).await?;
    let own_link = hearings::own_link(&mut tx, &app.keys, &appointment).await?;
    let mut page = RecordPage {
        own_link: own_link.unwrap_or_default(),
        id,
        state: ctx.t("record-state-none"),
        announce: String::new(),
        paragraphs: Vec::new(),
        version: 0,
        hash: String::new(),
        checks: Vec::new(),
        incidents: Vec::new(),
        changes: Vec::new(),
        act: None,
        decidable: false,
        agreeable: false,
        login_needed: !ctx.is_citizen(),
        done: false,
        ctx: ctx.with_quick_exit(),
    };
    if let Some(record) = record {
        fill(&mut tx, &app, &mut page, &record, &unit).await?;
    }
    render(&page)
}

async fn fill(
    tx: &mut Tx,
    app: &App,
    page: &mut RecordPage,
    record: &Record,
    unit: &calendar::Unit,
) -> Result<(), PageError> {
    let state = record.state;
    page.state = page.ctx.t(&format!(
        "record-state-{}",
        state.as_str().replace('_', "-")
    ));
    page.changes = shown(
        record::read_changes(tx, &app.keys, &record.case_id).await?,
        unit,
        &page.ctx,
    );
    let last = record::read_last_version(tx, &app.keys, &record.case_id).await?;
    let narrative = match (state, last) {
        // While the officer writes, the person reads along.
        (RecordState::Drafting | RecordState::ChangesRequested, _) | (_, None) => {
            record::read_draft(tx, &app.keys, &record.case_id)
                .await?
                .0
                .narrative
        }
        (_, Some((version, hash))) => {
            page.version = version.version;
            page.hash = hash;
            page.incidents = version
                .incidents
                .iter()
                .map(|incident| {
                    format!(
                        "{} – {}",
                        wall::second(incident.from, unit.zone()),
                        page.ctx.t(&incident.kind.replace('_', "-"))
                    )
                })
                .collect();
            page.checks = version
                .noted
                .iter()
                .filter(|noted| !noted.item.starts_with(hearings::checks::RIGHT))
                .map(|noted| {
                    format!(
                        "{} : {}",
                        page.ctx.t(&format!("check-{}", noted.item)),
                        page.ctx
                            .t(&format!("check-{}-{}", noted.item, noted.result))
                    )
                })
                .collect();
            page.act = Some(ShownAct::of(&version.act));
            version.act.narrative
        }
    };
    page.paragraphs = narrative
        .split('\n')
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    page.decidable = matches!(state, RecordState::InReview | RecordState::ChangesRequested);
    page.agreeable = state == RecordState::InReview;
    page.done = matches!(
        state,
        RecordState::Signed
            | RecordState::HandedOff
            | RecordState::Acknowledged
            | RecordState::Rejected
    );
    page.announce = match state {
        RecordState::InReview => page.ctx.t("record-announce-review"),
        RecordState::Signed => page.ctx.t("record-announce-signed"),
        _ => String::new(),
    };
    Ok(())
}

/// GET `/audition/ID/droits.pdf`: the rights document of the unit, to keep or
/// print, from the moment the appointment exists.
pub async fn rights(
    State(app): State<App>,
    PathId(id): PathId,
    jar: CookieJar,
    ctx: Ctx,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let appointment = reader(&mut tx, &app, &jar, &ctx, &id).await?;
    let unit = calendar::find_unit(&mut tx, &appointment.unit_id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let document = act::rights_document(&unit, ctx.now)?;
    audit::append(
        &mut tx,
        appointment.unit_id.as_str(),
        ctx.now,
        &Actor::Citizen(appointment.citizen_id.clone()),
        "rights.give",
        &format!("appointment/{}", appointment.id),
        "",
    )
    .await?;
    tx.commit().await?;
    let pdf = tokio::task::spawn_blocking(move || documents::render_rights_document(&document))
        .await
        .map_err(Fault::other)?
        .map_err(Fault::other)?;
    Ok(space::pdf(pdf, "vos-droits"))
}

/// A change request.
#[derive(Debug, Deserialize)]
pub struct ChangeForm {
    texte: String,
}

/// POST `/audition/ID/modification`.
pub async fn request_change(
    State(app): State<App>,
    PathId(id): PathId,
    citizen: SignedInCitizen,
    Form(form): Form<ChangeForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, record) = own_record(&mut tx, &id, &citizen).await?;
    record::request_change(&mut tx, &app.keys, &record, &citizen, &form.texte, now)
        .await
        .map_err(|error| refusal(error, &appointment))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

/// A decision on a version.
#[derive(Debug, Deserialize)]
pub struct DecisionForm {
    /// Hash of the version on the person's screen.
    empreinte: String,
    /// `agreed` or `refused`.
    decision: Decision,
    /// Why not, in the person's words.
    #[serde(default)]
    motif: String,
}

/// POST `/audition/ID/accord`: the person's express decision.
pub async fn decide(
    State(app): State<App>,
    PathId(id): PathId,
    citizen: SignedInCitizen,
    Form(form): Form<DecisionForm>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (appointment, record) = own_record(&mut tx, &id, &citizen).await?;
    let decided = Decided {
        decision: form.decision,
        seen_hash: &form.empreinte,
        reason: &form.motif,
    };
    record::decide(&mut tx, &app.keys, &record, &citizen, decided, now)
        .await
        .map_err(|error| refusal(error, &appointment))?;
    tx.commit().await?;
    hearings::tell(&app, &appointment);
    Ok(back(&appointment))
}

async fn own_record(
    tx: &mut Tx,
    id: &Id,
    citizen: &SignedInCitizen,
) -> Result<(Appointment, Record), PageError> {
    let appointment = booking::find(tx, id)
        .await?
        .filter(|appointment| appointment.citizen_id == citizen.id)
        .ok_or_else(Refusal::not_found)?;
    // Two submissions of one act meet here; the second sees what the first did.
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let record = store::find_record(tx, &appointment.case_id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    Ok((appointment, record))
}

fn back(appointment: &Appointment) -> Redirect {
    Redirect::to(&format!("/audition/{}/proces-verbal", appointment.id))
}

/// What the person is told when an act on the record does not take place.
pub fn refusal(error: RecordError, appointment: &Appointment) -> PageError {
    let (status, name) = match error {
        RecordError::Fault(fault) => return fault.into(),
        RecordError::NotTheirs => return Refusal::not_found().into(),
        RecordError::WrongState(_) => (StatusCode::CONFLICT, "refusal-record-state"),
        RecordError::Conflict => (StatusCode::CONFLICT, "refusal-record-conflict"),
        RecordError::StaleVersion => (StatusCode::CONFLICT, "refusal-record-stale"),
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
        .way_out(
            format!("/audition/{}/proces-verbal", appointment.id),
            "way-out-back",
        )
        .into()
}

/// Writes that somebody read a record; used where a page is opened, not at
/// every refresh of a region.
///
/// # Errors
/// When the database fails.
pub async fn note_reading(
    tx: &mut Tx,
    appointment: &Appointment,
    actor: &Actor,
    now: crate::clock::Timestamp,
) -> Result<(), PageError> {
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        actor,
        "record.read",
        &format!("record/{}", appointment.case_id),
        "",
    )
    .await?;
    Ok(())
}
