//! One day, in order, with who comes and about what. Names and facts are unsealed for
//! this page only, and every reading of them is a line of the journal.

use askama::Template;

use super::{Head, Names, Shown, Standing};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::{Appointment, view};
use crate::calendar::{Unit, wall};
use crate::db::Tx;
use crate::declaration;
use crate::error::{Fault, PageError};
use crate::identity::{SignedInOfficer, notes, people};
use crate::page::Ctx;

#[derive(Template)]
#[template(path = "agenda/day.html")]
pub(super) struct DayPage {
    ctx: Ctx,
    head: Head,
    /// "Mardi 3 mars 2026".
    title: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    /// "10 h 00 – 10 h 30".
    time: String,
    instant: String,
    reference: String,
    name: String,
    /// Whether an officer wrote the name down, and nobody vouches for it.
    declared: bool,
    /// Whether a helper with a mandate signed the person in.
    helped: bool,
    /// Whether FranceConnect says today something other than it first did.
    differs: bool,
    facts: String,
    standing: String,
    kind: &'static str,
    desk: String,
    /// Administrative number of whoever is to hold it; empty where nobody is.
    rio: String,
    /// Whether the hearing can be opened or gone back to.
    can_open: bool,
    /// Whether another service connects its person: there is no hearing here.
    anonymous: bool,
}

pub(super) async fn page(
    tx: &mut Tx,
    app: &App,
    shown: &Shown,
    officer: &SignedInOfficer,
    ctx: Ctx,
) -> Result<DayPage, PageError> {
    let range = shown.range(shown.days());
    let appointments = shown.appointments(tx, officer, range).await?;
    note_reading(tx, shown, officer, &appointments, &ctx).await?;
    let names = Names::read(tx, &shown.unit, range).await?;
    let mut rows = Vec::with_capacity(appointments.len());
    for appointment in &appointments {
        rows.push(row(tx, app, appointment, &shown.unit, &names, &ctx).await?);
    }
    Ok(DayPage {
        head: Head::new(shown, officer, &ctx),
        title: wall::capitalised(&wall::day(ctx.lang, shown.day)),
        rows,
        ctx,
    })
}

async fn note_reading(
    tx: &mut Tx,
    shown: &Shown,
    officer: &SignedInOfficer,
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
        shown.unit.id.as_str(),
        ctx.now,
        &Actor::Officer(officer.id.clone()),
        "agenda.read",
        &format!("unit/{}", shown.unit.id),
        &format!("day={} appointments={}", shown.day, ids.join(",")),
    )
    .await
}

async fn row(
    tx: &mut Tx,
    app: &App,
    appointment: &Appointment,
    unit: &Unit,
    names: &Names,
    ctx: &Ctx,
) -> Result<Row, Fault> {
    let anonymous = appointment.is_anonymous();
    let identity = people::citizen_identity(tx, &app.keys, &appointment.citizen_id).await?;
    let declared = identity
        .as_ref()
        .is_some_and(|identity| identity.is_declared());
    let name = identity.map_or_else(String::new, |identity| identity.display_name());
    let signed_in = notes::find(tx, &app.keys, &appointment.citizen_id, ctx.now).await?;
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
    let standing = Standing::of(appointment, ctx);
    Ok(Row {
        id: appointment.id.to_string(),
        time: view::span(appointment, unit, ctx),
        instant: appointment.starts_at.utc().to_rfc3339(),
        reference: appointment.reference.clone(),
        name: if anonymous {
            ctx.t("agenda-anonymous")
        } else {
            name
        },
        declared,
        helped: signed_in.helped_at.is_some(),
        differs: signed_in.differs.is_some(),
        facts,
        standing: ctx.t(standing.words()),
        kind: standing.kind(),
        desk: names.desk(appointment),
        rio: names.rio(appointment),
        can_open: !anonymous && standing.can_open(),
        anonymous,
    })
}
