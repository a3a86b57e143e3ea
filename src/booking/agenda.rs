//! The officer's day: the unit's appointments, in order, with who comes and
//! about what. Names and facts are unsealed for this page only, and every
//! reading of them is a line of the journal.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use chrono::{Days, NaiveDate};

use super::{Appointment, State};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::calendar::recurrence::{day_of, whole_day};
use crate::calendar::{self, Unit, hours, wall};
use crate::db::Tx;
use crate::declaration;
use crate::error::{Fault, PageError, Refusal};
use crate::identity::{SignedInOfficer, people};
use crate::page::{Ctx, render};
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new().route("/agent", get(agenda))
}

#[derive(Template)]
#[template(path = "agenda/day.html")]
struct DayPage {
    ctx: Ctx,
    unit: Unit,
    /// "Mardi 3 mars 2026".
    title: String,
    is_today: bool,
    zone_note: String,
    previous: String,
    next: String,
    day: String,
    upcoming: Option<Row>,
    rows: Vec<Row>,
}

/// Where an appointment stands at this very minute, for a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Later today or another day.
    Expected,
    /// The slot has begun and nobody opened the room.
    Due,
    /// The person had not come some minutes after the start.
    Late,
    /// The room is open.
    Open,
    /// The person is heard.
    InHearing,
    /// Over.
    Closed,
    /// Called off by either side.
    Cancelled,
    /// The person did not come.
    NoShow,
    /// Goes on elsewhere.
    Elsewhere,
}

impl Standing {
    fn of(appointment: &Appointment, ctx: &Ctx) -> Self {
        match appointment.state {
            State::Booked | State::Open if appointment.late_at.is_some() => Standing::Late,
            State::Held | State::Booked if appointment.starts_at <= ctx.now => Standing::Due,
            State::Held | State::Booked => Standing::Expected,
            State::Open => Standing::Open,
            State::InHearing => Standing::InHearing,
            State::Closed => Standing::Closed,
            State::CancelledByCitizen | State::CancelledByUnit | State::Expired => {
                Standing::Cancelled
            }
            State::NoShow => Standing::NoShow,
            State::Transferred | State::ConvertedInPerson => Standing::Elsewhere,
        }
    }

    /// Message of the badge.
    fn words(self) -> &'static str {
        match self {
            Standing::Expected => "agenda-standing-expected",
            Standing::Due => "agenda-standing-due",
            Standing::Late => "agenda-standing-late",
            Standing::Open => "agenda-standing-open",
            Standing::InHearing => "agenda-standing-in-hearing",
            Standing::Closed => "agenda-standing-closed",
            Standing::Cancelled => "agenda-standing-cancelled",
            Standing::NoShow => "agenda-standing-no-show",
            Standing::Elsewhere => "agenda-standing-elsewhere",
        }
    }

    /// Colour of the badge; the words say it too.
    fn kind(self) -> &'static str {
        match self {
            Standing::Expected | Standing::Closed | Standing::Elsewhere => "",
            Standing::Due | Standing::Late | Standing::NoShow => "warning",
            Standing::Open => "info",
            Standing::InHearing => "success",
            Standing::Cancelled => "error",
        }
    }
}

#[derive(Clone)]
struct Row {
    id: String,
    /// "10 h 00 – 10 h 30".
    time: String,
    instant: String,
    reference: String,
    name: String,
    facts: String,
    standing: String,
    kind: &'static str,
    /// Whether the hearing can be opened or gone back to.
    can_open: bool,
    /// Whether another service connects its person: there is no hearing here.
    anonymous: bool,
}

/// The day of the officer's unit, on the unit's calendar.
async fn agenda(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    if !officer.serves(&officer.unit_id) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "agenda-not-for-role")
            .way_out("/administration/journal", "way-out-journal")
            .into());
    }
    let mut tx = app.db.begin().await?;
    let unit = calendar::find_unit(&mut tx, &officer.unit_id)
        .await?
        .ok_or_else(|| Fault::other(format!("unit {} is missing", officer.unit_id)))?;
    let zone = unit.zone();
    let today = day_of(ctx.now, zone);
    let day = query
        .get("jour")
        .and_then(|text| hours::day_of(text))
        .unwrap_or(today);
    let appointments = of_day(&mut tx, &unit, day).await?;
    note_reading(&mut tx, &unit, &officer, day, &appointments, &ctx).await?;
    let mut rows = Vec::with_capacity(appointments.len());
    let mut upcoming = None;
    for appointment in &appointments {
        let row = row(&mut tx, &app, appointment, &unit, &ctx).await?;
        let expected = matches!(
            appointment.state,
            State::Booked | State::Open | State::InHearing
        );
        if upcoming.is_none() && day == today && expected && appointment.ends_at > ctx.now {
            upcoming = Some(row.clone());
        }
        rows.push(row);
    }
    tx.commit().await?;
    let beside = |found: Option<NaiveDate>| found.unwrap_or(day).to_string();
    render(&DayPage {
        title: wall::capitalised(&wall::day(ctx.lang, day)),
        is_today: day == today,
        zone_note: super::view::zone_note(&unit, &ctx),
        previous: beside(day.checked_sub_days(Days::new(1))),
        next: beside(day.checked_add_days(Days::new(1))),
        day: day.to_string(),
        upcoming,
        rows,
        unit,
        ctx,
    })
}

async fn of_day(tx: &mut Tx, unit: &Unit, day: NaiveDate) -> Result<Vec<Appointment>, Fault> {
    let whole = whole_day(day, unit.zone());
    super::list_of_unit(tx, &unit.id, whole.from, whole.to).await
}

async fn note_reading(
    tx: &mut Tx,
    unit: &Unit,
    officer: &SignedInOfficer,
    day: NaiveDate,
    appointments: &[Appointment],
    ctx: &Ctx,
) -> Result<(), Fault> {
    let ids: Vec<&str> = appointments
        .iter()
        .map(|appointment| appointment.id.as_str())
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    audit::append(
        tx,
        unit.id.as_str(),
        ctx.now,
        &Actor::Officer(officer.id.clone()),
        "agenda.read",
        &format!("unit/{}", unit.id),
        &format!("day={day} appointments={}", ids.join(",")),
    )
    .await
}

async fn row(
    tx: &mut Tx,
    app: &App,
    appointment: &Appointment,
    unit: &Unit,
    ctx: &Ctx,
) -> Result<Row, Fault> {
    let anonymous = appointment.is_anonymous();
    let identity = people::citizen_identity(tx, &app.keys, &appointment.citizen_id).await?;
    let name = identity.map_or_else(String::new, |identity| identity.display_name());
    // A case whose key was destroyed keeps its line, without its facts.
    let facts = match declaration::open_content(tx, &app.keys, &appointment.case_id).await {
        Ok(_) if anonymous => ctx.t("agenda-anonymous-facts"),
        Ok(content) => content.offence_label,
        Err(Fault::Other(why)) => {
            tracing::warn!(appointment = %appointment.id, why, "facts of appointment {} are gone", appointment.id);
            ctx.t("agenda-facts-gone")
        }
        Err(fault) => return Err(fault),
    };
    let zone = unit.zone();
    let standing = Standing::of(appointment, ctx);
    Ok(Row {
        id: appointment.id.to_string(),
        time: ctx.t2(
            "agenda-time",
            "from",
            wall::time(ctx.lang, appointment.starts_at, zone),
            "to",
            wall::time(ctx.lang, appointment.ends_at, zone),
        ),
        instant: appointment.starts_at.utc().to_rfc3339(),
        reference: appointment.reference.clone(),
        name: if anonymous {
            ctx.t("agenda-anonymous")
        } else {
            name
        },
        anonymous,
        facts,
        standing: ctx.t(standing.words()),
        kind: standing.kind(),
        can_open: !anonymous
            && matches!(
                standing,
                Standing::Expected
                    | Standing::Due
                    | Standing::Late
                    | Standing::Open
                    | Standing::InHearing
            ),
    })
}
