//! What an officer may do with an appointment of the unit before its hearing: move
//! it, call it off, note that nobody came, give it to another unit. Each act is asked first and done by one
//! form. The pages name the appointment by its reference and hold no name.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::pages::tell_pages;
use super::reasons::{self, Reason};
use super::reschedule_pages::{SlotForm, Slots, taken, wanted_slot};
use super::view::{AppointmentView, Field, SlotView};
use super::{
    Appointment, CancelError, MoveError, NO_SHOW_MINUTES, NoShowError, RescheduleError, State,
    meeting_link, unit_of,
};
use crate::app::App;
use crate::audit::Actor;
use crate::calendar::recurrence::{day_of, instant_of};
use crate::calendar::{Unit, hours, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::notes::{self, ShownNotes};
use crate::identity::{SignedInOfficer, empowerments, people};
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/agent/rendez-vous/{id}", get(show))
        .route(
            "/agent/rendez-vous/{id}/transfert",
            get(ask_transfer).post(transfer),
        )
        .route("/agent/rendez-vous/{id}/deplacer", get(choose).post(act))
        .route("/agent/rendez-vous/{id}/deplacer/confirmer", get(review))
        .route(
            "/agent/rendez-vous/{id}/annuler",
            get(ask_cancel).post(cancel),
        )
        .route(
            "/agent/rendez-vous/{id}/absence",
            get(ask_absence).post(note_absence),
        )
}

#[derive(Template)]
#[template(path = "agenda/appointment.html")]
struct AppointmentPage {
    ctx: Ctx,
    appointment: AppointmentView,
    day: String,
    state: String,
    reason: String,
    done: String,
    /// When it is to begin, where the unit said that it is late.
    begins: String,
    /// Administrative number of whoever is to hold it.
    rio: String,
    /// Their page, for those who administer the unit; empty otherwise.
    officer_page: String,
    may_change: bool,
    may_note_absence: bool,
    /// Of a hearing to which nobody has come yet: from when on the unit may end it, and
    /// why not before; empty otherwise.
    wait: String,
    /// Whether the unit may tell that it is late.
    may_delay: bool,
    /// Another service's front end booked it for somebody unknown here.
    anonymous: bool,
    /// An officer wrote its person down, and nobody vouches for who they are.
    declared: bool,
    /// What to know of how its person signed in.
    notes: ShownNotes,
    /// Whether its person may be sent another link.
    may_relink: bool,
    may_note_heard: bool,
}

#[derive(Template)]
#[template(path = "agenda/move.html")]
struct MovePage {
    ctx: Ctx,
    appointment: AppointmentView,
    unit: Unit,
    slots: Slots,
}

#[derive(Template)]
#[template(path = "agenda/move_confirm.html")]
struct MoveConfirmPage {
    ctx: Ctx,
    appointment: AppointmentView,
    slot: SlotView,
}

/// One radio button.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: String,
    pub(super) hint: &'static str,
}

/// The reasons of a list in the reader's words.
pub(super) fn choices(list: &[Reason], ctx: &Ctx) -> Vec<Choice> {
    list.iter()
        .map(|reason| Choice {
            value: reason.as_str(),
            label: ctx.t(&words_of(*reason)),
            hint: "",
        })
        .collect()
}

fn words_of(reason: Reason) -> String {
    format!("booking-reason-{}", reason.as_str().replace('_', "-"))
}

#[derive(Template)]
#[template(path = "agenda/cancel.html")]
struct CancelPage {
    ctx: Ctx,
    appointment: AppointmentView,
    choices: Vec<Choice>,
    chosen: String,
    error: String,
    errors: Vec<Field>,
}

#[derive(Template)]
#[template(path = "agenda/absence.html")]
struct AbsencePage {
    ctx: Ctx,
    appointment: AppointmentView,
}

#[derive(Template)]
#[template(path = "agenda/transfer.html")]
struct TransferPage {
    ctx: Ctx,
    appointment: AppointmentView,
    units: Vec<UnitChoice>,
    chosen: String,
    error: String,
    errors: Vec<Field>,
}

/// One radio button: a unit that may receive the case.
struct UnitChoice {
    value: String,
    label: String,
    hint: String,
}

/// An appointment of the officer's unit that was confirmed; another does not exist
/// for this officer.
pub(super) async fn of_unit(
    tx: &mut Tx,
    id: &Id,
    officer: &SignedInOfficer,
) -> Result<(Appointment, Unit), PageError> {
    let appointment = super::find(tx, id)
        .await?
        .filter(|appointment| officer.serves(&appointment.unit_id))
        .filter(|appointment| !matches!(appointment.state, State::Held | State::Expired))
        .ok_or_else(Refusal::not_found)?;
    let unit = unit_of(tx, &appointment.unit_id).await?;
    Ok((appointment, unit))
}

/// The same, as long as nobody opened its room.
pub(super) async fn changeable(
    tx: &mut Tx,
    id: &Id,
    officer: &SignedInOfficer,
) -> Result<(Appointment, Unit), PageError> {
    let (appointment, unit) = of_unit(tx, id, officer).await?;
    if appointment.state != State::Booked {
        return Err(no_longer(id).into());
    }
    Ok((appointment, unit))
}

pub(super) fn path_of(id: &Id) -> String {
    format!("/agent/rendez-vous/{id}")
}

pub(super) fn no_longer(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "agenda-no-longer")
        .way_out(path_of(id), "booking-way-out-appointment")
        .way_out("/agent", "way-out-agenda")
}

pub(super) fn back_to(id: &Id, done: &str) -> Response {
    Redirect::to(&format!("{}?fait={done}", path_of(id))).into_response()
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = of_unit(&mut tx, &id, &officer).await?;
    let came = meeting_link::citizen_came(&mut tx, &id).await?;
    let reason = super::cancellation::last_reason(&mut tx, &id).await?;
    let no_show_from = no_show_from(&mut tx, &appointment).await?;
    let due = ctx.now >= no_show_from;
    let delay = super::find_delay(&mut tx, &appointment).await?;
    let done = match query.get("fait").map(String::as_str) {
        Some("deplace") => ctx.t("agenda-done-moved"),
        Some("annule") => ctx.t("agenda-done-cancelled"),
        Some("transfere") => ctx.t("agenda-done-transferred"),
        Some("absent") => ctx.t("agenda-done-absent"),
        Some("affecte") => ctx.t("assign-done"),
        Some("retard") => ctx.t("delay-done"),
        Some("pris") => ctx.t("agenda-done-assisted"),
        Some("entendu") => ctx.t("agenda-done-heard"),
        Some("lien") => ctx.t("relink-done"),
        _ => String::new(),
    };
    let state = format!(
        "agenda-state-{}",
        appointment.state.as_str().replace('_', "-")
    );
    let person = &appointment.citizen_id;
    let first = people::citizen_identity(&mut tx, &app.keys, person).await?;
    let first = first.unwrap_or_default();
    let signed_in = notes::find(&mut tx, &app.keys, person, ctx.now).await?;
    render(&AppointmentPage {
        day: day_of(appointment.starts_at, unit.zone()).to_string(),
        state: ctx.t(&state),
        reason: reason.map_or_else(String::new, |reason| ctx.t(&words_of(reason))),
        done,
        may_change: appointment.state == State::Booked && ctx.now <= appointment.ends_at,
        may_note_absence: appointment.state == State::Booked && due && !came,
        wait: if came {
            String::new()
        } else {
            wait_in_words(&appointment, no_show_from, &unit, &ctx)
        },
        may_delay: matches!(appointment.state, State::Booked | State::Open)
            && !appointment.is_anonymous()
            && ctx.now < super::delay::last_hour(&appointment),
        begins: delay.map_or_else(String::new, |delay| {
            wall::time(ctx.lang, delay.until_at, unit.zone())
        }),
        rio: match &appointment.officer_id {
            Some(officer_id) => {
                let actor = Actor::Officer(officer_id.clone()).to_string();
                let rio = empowerments::rio_of_actor(&mut tx, &actor).await?;
                rio.unwrap_or_default()
            }
            None => String::new(),
        },
        officer_page: match &appointment.officer_id {
            Some(officer_id) if ctx.is_admin() => format!("/administration/agents/{officer_id}"),
            _ => String::new(),
        },
        anonymous: appointment.is_anonymous(),
        may_relink: super::relink::is_possible(&appointment, ctx.now),
        declared: first.is_declared(),
        notes: ShownNotes::new(&ctx, &signed_in, &first, |at| {
            wall::moment(ctx.lang, at, unit.zone())
        }),
        may_note_heard: appointment.is_anonymous()
            && appointment.state == State::Booked
            && ctx.now >= appointment.starts_at,
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx,
    })
}

/// Around its start a hearing to which nobody came is neither absence nor over: the
/// person may come at any moment. From when on it can be ended, and how until then.
fn wait_in_words(
    appointment: &Appointment,
    no_show_from: Timestamp,
    unit: &Unit,
    ctx: &Ctx,
) -> String {
    let opens = appointment
        .starts_at
        .plus_minutes(-meeting_link::OPENS_MINUTES_BEFORE);
    // An open room is closed by its officer, whom a delay does not keep longer.
    let (id, from) = match appointment.state {
        State::Open => (
            "agenda-wait-open",
            appointment.starts_at.plus_minutes(NO_SHOW_MINUTES),
        ),
        State::Booked if ctx.now >= opens => ("agenda-wait-booked", no_show_from),
        _ => return String::new(),
    };
    if ctx.now >= from {
        return String::new();
    }
    ctx.t1(id, "from", wall::time(ctx.lang, from, unit.zone()))
}

async fn no_show_from(tx: &mut Tx, appointment: &Appointment) -> Result<Timestamp, Fault> {
    let start = super::delay::expected_start(tx, appointment).await?;
    Ok(start.plus_minutes(NO_SHOW_MINUTES))
}

async fn choose(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = changeable(&mut tx, &id, &officer).await?;
    let path = format!("{}/deplacer", path_of(&id));
    render(&MovePage {
        slots: Slots::read(&mut tx, &unit.for_officers(), &query, path, &ctx).await?,
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        unit,
        ctx,
    })
}

async fn review(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = changeable(&mut tx, &id, &officer).await?;
    let path = format!("{}/deplacer", path_of(&id));
    let on_wall = query
        .get("heure")
        .and_then(|text| instant_on_wall(text, &unit));
    let wanted = on_wall.map(|at| at.0.to_string());
    let wanted = wanted.as_ref().or_else(|| query.get("creneau"));
    let slot = wanted_slot(&mut tx, &unit.for_officers(), wanted, &path, &ctx).await?;
    render(&MoveConfirmPage {
        slot,
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx,
    })
}

/// "2026-03-03T10:00" on the unit's wall, as the week's grid names a place in it.
fn instant_on_wall(text: &str, unit: &Unit) -> Option<Timestamp> {
    let (day, time) = text.split_once('T')?;
    let minute = hours::minute_of(time)?;
    Some(instant_of(hours::day_of(day)?, minute, unit.zone()))
}

async fn act(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<SlotForm>,
) -> Result<Response, PageError> {
    let path = format!("{}/deplacer", path_of(&id));
    let mut tx = app.db.begin().await?;
    of_unit(&mut tx, &id, &officer).await?;
    let Ok(starts_at) = form.creneau.parse().map(Timestamp) else {
        return Ok(Redirect::to(&path).into_response());
    };
    let actor = Actor::Officer(officer.id);
    let done = super::reschedule(&mut tx, &app.keys, &id, starts_at, None, &actor, ctx.now).await;
    match done {
        Ok(moved) => {
            tx.commit().await?;
            tell_pages(&app, &moved);
            Ok(back_to(&id, "deplace"))
        }
        Err(RescheduleError::NotFound) => Err(Refusal::not_found().into()),
        Err(RescheduleError::TooLate) => Err(no_longer(&id).into()),
        Err(RescheduleError::SlotTaken) => Err(taken(path).into()),
        Err(RescheduleError::OwnTime(_)) => {
            Err(Refusal::new(StatusCode::CONFLICT, "agenda-own-time")
                .way_out(path, "booking-way-out-other-slot")
                .into())
        }
        Err(RescheduleError::Fault(fault)) => Err(fault.into()),
    }
}

async fn ask_cancel(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = changeable(&mut tx, &id, &officer).await?;
    render(&CancelPage {
        choices: choices(reasons::OF_UNIT, &ctx),
        chosen: String::new(),
        error: String::new(),
        errors: Vec::new(),
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx,
    })
}

#[derive(Deserialize)]
struct ReasonForm {
    #[serde(default)]
    motif: String,
}

async fn cancel(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<ReasonForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, unit) = of_unit(&mut tx, &id, &officer).await?;
    let Some(reason) = reasons::offered(reasons::OF_UNIT, &form.motif) else {
        let error = ctx.t("agenda-cancel-error");
        let page = CancelPage {
            choices: choices(reasons::OF_UNIT, &ctx),
            chosen: String::new(),
            errors: vec![Field {
                field: "motif".into(),
                text: error.clone(),
            }],
            error,
            appointment: AppointmentView::new(&appointment, &unit, &ctx),
            ctx,
        };
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let actor = Actor::Officer(officer.id);
    match super::cancel_by_unit(&mut tx, &app.keys, &appointment, reason, &actor, ctx.now).await {
        Ok(cancelled) => {
            tx.commit().await?;
            tell_pages(&app, &cancelled);
            Ok(back_to(&id, "annule"))
        }
        Err(CancelError::NotFound) => Err(Refusal::not_found().into()),
        Err(CancelError::TooLate) => Err(no_longer(&id).into()),
        Err(CancelError::Fault(fault)) => Err(fault.into()),
    }
}

async fn transfer_page(
    tx: &mut Tx,
    ctx: Ctx,
    appointment: &Appointment,
    unit: &Unit,
    error: String,
) -> Result<TransferPage, PageError> {
    let units = super::list_targets(tx, unit).await?;
    let errors = if error.is_empty() {
        Vec::new()
    } else {
        vec![Field {
            field: "unite".into(),
            text: error.clone(),
        }]
    };
    Ok(TransferPage {
        units: units
            .into_iter()
            .map(|unit| UnitChoice {
                value: unit.id.to_string(),
                hint: format!("{} {}", unit.postal_code, unit.city),
                label: unit.name,
            })
            .collect(),
        chosen: String::new(),
        error,
        errors,
        appointment: AppointmentView::new(appointment, unit, &ctx),
        ctx,
    })
}

async fn ask_transfer(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = changeable(&mut tx, &id, &officer).await?;
    render(&transfer_page(&mut tx, ctx, &appointment, &unit, String::new()).await?)
}

#[derive(Deserialize)]
struct UnitForm {
    #[serde(default)]
    unite: String,
}

async fn transfer(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<UnitForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, unit) = of_unit(&mut tx, &id, &officer).await?;
    // Pressed twice: the same page.
    if appointment.state == State::Transferred {
        return Ok(back_to(&id, "transfere"));
    }
    let targets = super::list_targets(&mut tx, &unit).await?;
    let target = targets
        .into_iter()
        .find(|unit| unit.id.as_str() == form.unite);
    let Some(target) = target else {
        let error = ctx.t("agenda-transfer-error");
        let page = transfer_page(&mut tx, ctx, &appointment, &unit, error).await?;
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let actor = Actor::Officer(officer.id);
    match super::transfer(&mut tx, &app.keys, &appointment, &target, &actor, ctx.now).await {
        Ok(given) => {
            tx.commit().await?;
            tell_pages(&app, &given);
            Ok(back_to(&id, "transfere"))
        }
        Err(MoveError::NotFound | MoveError::NotAllowed { .. }) => Err(no_longer(&id).into()),
        Err(MoveError::Fault(fault)) => Err(fault.into()),
    }
}

async fn ask_absence(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = changeable(&mut tx, &id, &officer).await?;
    if ctx.now < no_show_from(&mut tx, &appointment).await? {
        return Err(too_early(&id).into());
    }
    render(&AbsencePage {
        appointment: AppointmentView::new(&appointment, &unit, &ctx),
        ctx,
    })
}

fn too_early(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "agenda-absence-too-early")
        .way_out(path_of(id), "booking-way-out-appointment")
}

#[derive(Deserialize)]
struct NoFields {}

async fn note_absence(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, _) = of_unit(&mut tx, &id, &officer).await?;
    // A room that is open is closed from the hearing's own page.
    if !matches!(appointment.state, State::Booked | State::NoShow) {
        return Err(no_longer(&id).into());
    }
    let actor = Actor::Officer(officer.id);
    match super::note_no_show(&mut tx, &app.keys, &appointment, &actor, ctx.now).await {
        Ok(absent) => {
            tx.commit().await?;
            tell_pages(&app, &absent);
            Ok(back_to(&id, "absent"))
        }
        Err(NoShowError::TooEarly) => Err(too_early(&id).into()),
        Err(NoShowError::Came) => Err(Refusal::new(StatusCode::CONFLICT, "agenda-absence-came")
            .way_out(format!("/agent/audition/{id}"), "agenda-way-out-hearing")
            .into()),
        Err(NoShowError::WrongState(_)) => Err(no_longer(&id).into()),
        Err(NoShowError::Fault(fault)) => Err(fault.into()),
    }
}
