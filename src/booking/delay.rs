//! "We are running late": the hour at which the unit now expects to begin. It is shown
//! to whoever waits, and sent to whoever has not come; until then nobody is called
//! late, or absent. The appointment stays at its hour, and so does its link.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::pages::tell_pages;
use super::unit_pages::{back_to, no_longer, of_unit};
use super::view::{AppointmentView, Field};
use super::{Appointment, State, declaration_of, lock, meeting_link, messages};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::calendar::{Unit, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::fetch_optional;
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::keys::Keys;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

/// How many minutes after the agreed hour a hearing may be told to begin. More than
/// that is another appointment.
pub const MINUTES: &[i64] = &[5, 10, 15, 20, 30, 45, 60];

/// A delay as told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Delay {
    /// When the hearing is to begin.
    pub until_at: Timestamp,
}

/// Why no delay is told. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
enum DelayError {
    /// The person is heard, or it is over.
    #[error("the appointment is {0}")]
    WrongState(State),
    /// Not an hour to come.
    #[error("not an hour to come")]
    NotToCome,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The delay told for the hour an appointment is set for now, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn find_delay(tx: &mut Tx, appointment: &Appointment) -> Result<Option<Delay>, Fault> {
    fetch_optional!(
        tx,
        Delay,
        "select until_at from appointment_delays where appointment_id = $1 and sequence = $2",
        &appointment.id,
        appointment.sequence
    )
}

/// When a hearing is expected to begin: at its hour, or as late as was told.
///
/// # Errors
/// When the database fails.
pub(super) async fn expected_start(
    tx: &mut Tx,
    appointment: &Appointment,
) -> Result<Timestamp, Fault> {
    let delay = find_delay(tx, appointment).await?;
    Ok(delay.map_or(appointment.starts_at, |delay| delay.until_at))
}

/// The last hour that can be told.
#[must_use]
pub(super) fn last_hour(appointment: &Appointment) -> Timestamp {
    let longest = MINUTES.last().copied().unwrap_or_default();
    appointment.starts_at.plus_minutes(longest)
}

/// Tells that a hearing begins so many minutes after its hour. Told the same twice,
/// nobody hears of it twice.
async fn tell(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    minutes: i64,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), DelayError> {
    let appointment = lock(tx, appointment).await?;
    if !matches!(appointment.state, State::Booked | State::Open) {
        return Err(DelayError::WrongState(appointment.state));
    }
    let until_at = appointment.starts_at.plus_minutes(minutes);
    if until_at <= now || !MINUTES.contains(&minutes) {
        return Err(DelayError::NotToCome);
    }
    if !upsert(tx, &appointment, until_at, actor, now).await? {
        return Ok(());
    }
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        actor,
        "appointment.delay",
        &format!("appointment/{}", appointment.id),
        &format!("minutes={minutes}"),
    )
    .await?;
    // Whoever waits reads it on the page in front of them.
    if !meeting_link::citizen_came(tx, &appointment.id).await? {
        let declaration = declaration_of(tx, &appointment.case_id).await?;
        messages::delayed(tx, keys, &appointment, &declaration, until_at, now).await?;
    }
    Ok(())
}

async fn upsert(
    tx: &mut Tx,
    appointment: &Appointment,
    until_at: Timestamp,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (Id,),
        "insert into appointment_delays (appointment_id, sequence, until_at, told_at, told_by)
         values ($1, $2, $3, $4, $5)
         on conflict (appointment_id) do update set sequence = excluded.sequence,
             until_at = excluded.until_at, told_at = excluded.told_at, told_by = excluded.told_by
         where appointment_delays.until_at <> excluded.until_at
            or appointment_delays.sequence <> excluded.sequence
         returning appointment_id",
        &appointment.id,
        appointment.sequence,
        until_at,
        now,
        actor.to_string()
    )?;
    Ok(row.is_some())
}

pub(super) fn router() -> Routes {
    Routes::new().route("/agent/rendez-vous/{id}/retard", get(ask).post(act))
}

#[derive(Template)]
#[template(path = "agenda/delay.html")]
struct DelayPage {
    ctx: Ctx,
    appointment: AppointmentView,
    choices: Vec<Choice>,
    chosen: String,
    error: String,
    errors: Vec<Field>,
}

struct Choice {
    value: String,
    label: String,
    hint: &'static str,
}

fn page(
    (appointment, unit): (&Appointment, &Unit),
    chosen: String,
    error: String,
    ctx: Ctx,
) -> DelayPage {
    let to_come = MINUTES.iter().filter_map(|minutes| {
        let until = appointment.starts_at.plus_minutes(*minutes);
        (until > ctx.now).then(|| Choice {
            value: minutes.to_string(),
            label: ctx.t2(
                "delay-choice",
                "time",
                wall::time(ctx.lang, until, unit.zone()),
                "minutes",
                minutes,
            ),
            hint: "",
        })
    });
    DelayPage {
        choices: to_come.collect(),
        chosen,
        errors: Field::only("minutes", &error),
        error,
        appointment: AppointmentView::new(appointment, unit, &ctx),
        ctx,
    }
}

/// An appointment of the unit whose person is not heard yet.
async fn waiting(
    tx: &mut Tx,
    id: &Id,
    officer: &SignedInOfficer,
) -> Result<(Appointment, Unit), PageError> {
    let (appointment, unit) = of_unit(tx, id, officer).await?;
    // Another service's front end connects its person: here is nobody to tell.
    if appointment.is_anonymous() {
        return Err(Refusal::not_found().into());
    }
    if !matches!(appointment.state, State::Booked | State::Open) {
        return Err(no_longer(id).into());
    }
    Ok((appointment, unit))
}

async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = waiting(&mut tx, &id, &officer).await?;
    render(&page(
        (&appointment, &unit),
        String::new(),
        String::new(),
        ctx,
    ))
}

#[derive(Deserialize)]
struct MinutesForm {
    #[serde(default)]
    minutes: String,
}

async fn act(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<MinutesForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, unit) = waiting(&mut tx, &id, &officer).await?;
    let actor = Actor::Officer(officer.id);
    let minutes = form.minutes.parse().unwrap_or_default();
    match tell(&mut tx, &app.keys, &appointment, minutes, &actor, ctx.now).await {
        Ok(()) => {
            tx.commit().await?;
            tell_pages(&app, &appointment);
            Ok(back_to(&id, "retard").into_response())
        }
        Err(DelayError::NotToCome) => {
            let error = ctx.t("delay-error");
            let page = page((&appointment, &unit), form.minutes, error, ctx);
            render_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(DelayError::WrongState(_)) => Err(no_longer(&id).into()),
        Err(DelayError::Fault(fault)) => Err(fault.into()),
    }
}
