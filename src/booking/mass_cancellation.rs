//! Calling off several appointments of a day at once: a desk that will not open, an
//! officer who is away with nobody in their place. What would be called off is shown
//! before; each person is told why and how to take another slot, as if theirs alone
//! had been called off. It is done whole or not at all.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::NaiveDate;
use serde::Deserialize;

use super::assignment::unit_of_admin;
use super::pages::tell_pages;
use super::reasons::{self, Reason};
use super::unit_pages::{Choice, choices};
use super::view::{self, Field};
use super::{Appointment, CancelError, State, cancel_by_unit, list_of_unit};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::calendar::recurrence::{day_of, whole_day};
use crate::calendar::{self, Desk, Unit, hours, wall};
use crate::db::Tx;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new().route("/agent/annulations", get(list).post(call_off))
}

struct DeskChoice {
    value: String,
    label: String,
}

struct Row {
    id: String,
    /// "10 h 00 – 10 h 30".
    time: String,
    reference: String,
    desk: String,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "agenda/mass_cancellation.html")]
struct MassPage {
    ctx: Ctx,
    unit: Unit,
    zone_note: String,
    title: String,
    day: String,
    desk: String,
    desks: Vec<DeskChoice>,
    rows: Vec<Row>,
    reasons: Vec<Choice>,
    chosen: String,
    /// How many were just called off, in words; empty for none.
    done: String,
    /// What would be done, in words, once everything is chosen; empty before.
    preview: String,
    error: String,
    errors: Vec<Field>,
}

/// What a day and desk hold that can still be called off.
struct Found {
    unit: Unit,
    day: NaiveDate,
    desk: String,
    desks: Vec<Desk>,
    appointments: Vec<Appointment>,
}

impl Found {
    async fn read(
        tx: &mut Tx,
        unit: Unit,
        (day, desk): (&str, &str),
        ctx: &Ctx,
    ) -> Result<Self, PageError> {
        let day = hours::day_of(day).unwrap_or_else(|| day_of(ctx.now, unit.zone()));
        let desks = calendar::list_desks(tx, &unit.id).await?;
        let desk = desks.iter().find(|known| known.id.as_str() == desk);
        let desk = desk.map_or_else(String::new, |desk| desk.id.to_string());
        let whole = whole_day(day, unit.zone());
        let appointments = list_of_unit(tx, &unit.id, whole.from, whole.to)
            .await?
            .into_iter()
            .filter(|one| one.state == State::Booked && one.ends_at > ctx.now)
            .filter(|one| desk.is_empty() || one.desk_id.as_str() == desk)
            .collect();
        Ok(Found {
            unit,
            day,
            desk,
            desks,
            appointments,
        })
    }

    fn page(self, form: &MassForm, ctx: Ctx) -> MassPage {
        let label_of = |appointment: &Appointment| {
            let desk = self
                .desks
                .iter()
                .find(|desk| desk.id == appointment.desk_id);
            desk.map_or_else(String::new, |desk| desk.label.clone())
        };
        let rows = self.appointments.iter().map(|appointment| Row {
            id: appointment.id.to_string(),
            time: view::span(appointment, &self.unit, &ctx),
            reference: appointment.reference.clone(),
            desk: label_of(appointment),
            ticked: form.means(appointment),
        });
        let rows: Vec<Row> = rows.collect();
        let every = DeskChoice {
            value: String::new(),
            label: ctx.t("assign-every-desk"),
        };
        let desks = self.desks.iter().map(|desk| DeskChoice {
            value: desk.id.to_string(),
            label: desk.label.clone(),
        });
        MassPage {
            zone_note: view::zone_note(&self.unit, &ctx),
            title: wall::capitalised(&wall::day(ctx.lang, self.day)),
            day: self.day.to_string(),
            desks: std::iter::once(every).chain(desks).collect(),
            rows,
            reasons: choices(reasons::OF_UNIT, &ctx),
            chosen: form.motif.clone(),
            done: String::new(),
            preview: String::new(),
            error: String::new(),
            errors: Vec::new(),
            desk: self.desk,
            unit: self.unit,
            ctx,
        }
    }
}

async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = unit_of_admin(&mut tx, &officer).await?;
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let found = Found::read(&mut tx, unit, (word("jour"), word("guichet")), &ctx).await?;
    let mut page = found.page(&MassForm::default(), ctx);
    if let Ok(count) = word("annules").parse::<u16>() {
        page.done = page.ctx.t1("mass-done", "count", count);
    }
    render(&page)
}

/// Several appointments and why they are called off.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MassForm {
    jour: String,
    guichet: String,
    motif: String,
    rendez_vous: Vec<String>,
    /// Said once it was shown what would be done.
    confirme: String,
}

impl MassForm {
    fn means(&self, appointment: &Appointment) -> bool {
        let id = appointment.id.as_str();
        self.rendez_vous.iter().any(|meant| meant == id)
    }
}

/// Shows what would be called off, then does it.
async fn call_off(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<MassForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = unit_of_admin(&mut tx, &officer).await?;
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let found = Found::read(&mut tx, unit, (&form.jour, &form.guichet), &ctx).await?;
    let meant = found.appointments.iter().filter(|one| form.means(one));
    let meant: Vec<Appointment> = meant.cloned().collect();
    let reason = reasons::offered(reasons::OF_UNIT, &form.motif);
    let confirmed = form.confirme == "oui";
    if let (Some(reason), true, false) = (reason, confirmed, meant.is_empty()) {
        let actor = Actor::Officer(officer.id);
        act(&app, tx, &meant, reason, &actor, &ctx).await?;
        let (day, desk, count) = (found.day, found.desk, meant.len());
        let to = format!("/agent/annulations?jour={day}&guichet={desk}&annules={count}");
        return Ok(Redirect::to(&to).into_response());
    }
    drop(tx);
    let mut page = found.page(&form, ctx);
    if meant.is_empty() {
        let first = page.rows.first();
        let first = first.map_or_else(|| "jour".to_owned(), |row| format!("rdv-{}", row.id));
        let text = page.ctx.t("assign-error-no-appointment");
        page.errors.push(Field { field: first, text });
    }
    if reason.is_none() {
        page.error = page.ctx.t("agenda-cancel-error");
        page.errors.extend(Field::only("motif", &page.error));
    }
    if !page.errors.is_empty() {
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    page.preview = page.ctx.t1("mass-preview", "count", meant.len());
    page.rows.retain(|row| row.ticked);
    Ok(render(&page)?.into_response())
}

async fn act(
    app: &App,
    mut tx: Tx,
    meant: &[Appointment],
    reason: Reason,
    actor: &Actor,
    ctx: &Ctx,
) -> Result<(), PageError> {
    for appointment in meant {
        match cancel_by_unit(&mut tx, &app.keys, appointment, reason, actor, ctx.now).await {
            Ok(_) => {}
            // The unit's lock is held since they were read, so none has moved on.
            Err(CancelError::NotFound | CancelError::TooLate) => {
                return Err(Refusal::new(StatusCode::CONFLICT, "agenda-no-longer")
                    .way_out("/agent/annulations", "way-out-back")
                    .into());
            }
            Err(CancelError::Fault(fault)) => return Err(fault.into()),
        }
    }
    tx.commit().await?;
    for appointment in meant {
        tell_pages(app, appointment);
    }
    Ok(())
}
