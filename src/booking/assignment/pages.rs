//! Saying who holds which hearing: one appointment, or several of a day at once. An
//! officer takes hearings for themselves and gives their own back; whoever administers
//! the unit gives them to anybody. The pages name appointments by their references.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::NaiveDate;
use serde::Deserialize;

use super::{AssignError, Colleague, assign, assign_all, list_colleagues};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::unit_pages::{back_to, changeable, no_longer, of_unit};
use crate::booking::view::{AppointmentView, Field};
use crate::booking::{self, Appointment, State, unit_of};
use crate::calendar::recurrence::{day_of, whole_day};
use crate::calendar::{self, Desk, Unit, hours, wall};
use crate::db::{Id, Tx};
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

/// What the form sends for "nobody".
const NOBODY: &str = "personne";

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/agent/rendez-vous/{id}/affectation", get(ask).post(give))
        .route("/agent/affectations", get(list).post(give_all))
}

/// An entry of a list to choose from.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
}

#[derive(Template)]
#[template(path = "agenda/assign.html")]
struct AssignPage {
    ctx: Ctx,
    appointment: AppointmentView,
    present: String,
    choices: Vec<Choice>,
    chosen: String,
    error: String,
    errors: Vec<Field>,
}

#[derive(Template)]
#[template(path = "agenda/assignments.html")]
struct AssignmentsPage {
    ctx: Ctx,
    unit: Unit,
    zone_note: String,
    /// "Mardi 3 mars 2026".
    title: String,
    day: String,
    desk: String,
    desks: Vec<Choice>,
    rows: Vec<Row>,
    choices: Vec<Choice>,
    chosen: String,
    done: bool,
    error: String,
    errors: Vec<Field>,
}

/// An appointment that may be given to somebody.
struct Row {
    id: String,
    time: String,
    reference: String,
    desk: String,
    /// "RIO 1234567", or that nobody holds it yet.
    officer: String,
    ticked: bool,
    error: String,
}

/// "RIO 1234567 – Camille AGENT".
pub(super) fn named(colleague: &Colleague, ctx: &Ctx) -> String {
    ctx.t2(
        "assign-officer",
        "rio",
        &colleague.rio,
        "name",
        &colleague.name,
    )
}

/// Whom a person may choose: an officer only themselves, an administrator anybody;
/// and nobody, where it is theirs to give back.
fn choices_of(
    officer: &SignedInOfficer,
    unit: &Unit,
    colleagues: &[Colleague],
    present: Option<&Id>,
    ctx: &Ctx,
) -> Vec<Choice> {
    let all = officer.may_administer(&unit.id, &unit.department);
    let mut choices: Vec<Choice> = colleagues
        .iter()
        .filter(|colleague| all || colleague.id == officer.id)
        .map(|colleague| Choice {
            value: colleague.id.to_string(),
            label: named(colleague, ctx),
        })
        .collect();
    if all || present == Some(&officer.id) {
        choices.push(Choice {
            value: NOBODY.to_owned(),
            label: ctx.t("assign-nobody"),
        });
    }
    choices
}

/// Whom a form means, if it offered them.
fn wanted(choices: &[Choice], text: &str) -> Option<Option<Id>> {
    let found = choices.iter().find(|choice| choice.value == text)?;
    Some((found.value != NOBODY).then(|| Id::from(found.value.as_str())))
}

/// Why it was refused, in words.
pub(super) fn words_of(error: &AssignError) -> &'static str {
    match error {
        AssignError::WrongState(_) => "assign-error-state",
        AssignError::NotOfUnit => "assign-error-unit",
        AssignError::Busy => "assign-error-busy",
        AssignError::Away | AssignError::Fault(_) => "assign-error-away",
    }
}

async fn assign_page(
    tx: &mut Tx,
    app: &App,
    ctx: Ctx,
    officer: &SignedInOfficer,
    (appointment, unit): (&Appointment, &Unit),
    chosen: String,
    error: String,
) -> Result<AssignPage, PageError> {
    let colleagues = list_colleagues(tx, &app.keys, &unit.id).await?;
    let present = appointment.officer_id.as_ref();
    let rio = colleagues
        .iter()
        .find(|colleague| Some(&colleague.id) == present);
    let errors = Field::only("agent", &error);
    Ok(AssignPage {
        present: rio.map_or_else(
            || ctx.t("assign-nobody"),
            |colleague| ctx.t1("assign-rio", "rio", &colleague.rio),
        ),
        choices: choices_of(officer, unit, &colleagues, present, &ctx),
        chosen,
        error,
        errors,
        appointment: AppointmentView::new(appointment, unit, &ctx),
        ctx,
    })
}

async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, unit) = changeable(&mut tx, &id, &officer).await?;
    let chosen = appointment
        .officer_id
        .as_ref()
        .map_or("", Id::as_str)
        .to_owned();
    let about = (&appointment, &unit);
    render(&assign_page(&mut tx, &app, ctx, &officer, about, chosen, String::new()).await?)
}

#[derive(Deserialize)]
struct OfficerForm {
    #[serde(default)]
    agent: String,
}

async fn give(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<OfficerForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, unit) = of_unit(&mut tx, &id, &officer).await?;
    let appointment = booking::lock(&mut tx, &appointment).await?;
    let colleagues = list_colleagues(&mut tx, &app.keys, &unit.id).await?;
    let present = appointment.officer_id.as_ref();
    let choices = choices_of(&officer, &unit, &colleagues, present, &ctx);
    let actor = Actor::Officer(officer.id.clone());
    let error = match wanted(&choices, &form.agent) {
        None => "assign-error-none",
        Some(wanted) => {
            match assign(&mut tx, &app.keys, &id, wanted.as_ref(), &actor, ctx.now).await {
                Ok(_) => {
                    tx.commit().await?;
                    app.live.changed(format!("unit/{}", unit.id));
                    return Ok(back_to(&id, "affecte"));
                }
                Err(AssignError::WrongState(_)) => return Err(no_longer(&id).into()),
                Err(AssignError::Fault(fault)) => return Err(fault.into()),
                Err(error) => words_of(&error),
            }
        }
    };
    drop(tx);
    let mut tx = app.db.read().await?;
    let error = ctx.t(error);
    let about = (&appointment, &unit);
    let page = assign_page(&mut tx, &app, ctx, &officer, about, form.agent, error).await?;
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// The unit of somebody who gives hearings to others.
pub(in crate::booking) async fn unit_of_admin(
    tx: &mut Tx,
    officer: &SignedInOfficer,
) -> Result<Unit, PageError> {
    let unit = unit_of(tx, &officer.unit_id).await?;
    if !officer.may_administer(&unit.id, &unit.department) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "assign-not-for-role")
            .way_out("/agent", "way-out-agenda")
            .into());
    }
    Ok(unit)
}

/// The booked appointments of a day that are still to come, of one desk or of all.
async fn assignable(
    tx: &mut Tx,
    unit: &Unit,
    day: NaiveDate,
    desk: &str,
    ctx: &Ctx,
) -> Result<Vec<Appointment>, PageError> {
    let whole = whole_day(day, unit.zone());
    let found = booking::list_of_unit(tx, &unit.id, whole.from, whole.to).await?;
    Ok(found
        .into_iter()
        .filter(|appointment| appointment.state == State::Booked && appointment.ends_at > ctx.now)
        .filter(|appointment| desk.is_empty() || appointment.desk_id.as_str() == desk)
        .collect())
}

/// What the page shows, as an address or a form asks for it.
struct Asked {
    unit: Unit,
    day: NaiveDate,
    desk: String,
    desks: Vec<Desk>,
    colleagues: Vec<Colleague>,
    appointments: Vec<Appointment>,
}

impl Asked {
    async fn read(
        tx: &mut Tx,
        app: &App,
        officer: &SignedInOfficer,
        (day, desk): (&str, &str),
        ctx: &Ctx,
    ) -> Result<Self, PageError> {
        let unit = unit_of_admin(tx, officer).await?;
        let day = hours::day_of(day).unwrap_or_else(|| day_of(ctx.now, unit.zone()));
        let desks = calendar::list_desks(tx, &unit.id).await?;
        let desk = desks.iter().find(|known| known.id.as_str() == desk);
        let desk = desk.map_or_else(String::new, |desk| desk.id.to_string());
        Ok(Asked {
            colleagues: list_colleagues(tx, &app.keys, &unit.id).await?,
            appointments: assignable(tx, &unit, day, &desk, ctx).await?,
            unit,
            day,
            desk,
            desks,
        })
    }

    fn address(&self) -> String {
        format!(
            "/agent/affectations?jour={}&guichet={}",
            self.day, self.desk
        )
    }

    fn page(self, officer: &SignedInOfficer, form: &AllForm, ctx: Ctx) -> AssignmentsPage {
        let every = Choice {
            value: String::new(),
            label: ctx.t("assign-every-desk"),
        };
        let desks = self.desks.iter().map(|desk| Choice {
            value: desk.id.to_string(),
            label: desk.label.clone(),
        });
        let rows = self
            .appointments
            .iter()
            .map(|appointment| self.row(appointment, form, &ctx));
        AssignmentsPage {
            zone_note: booking::view::zone_note(&self.unit, &ctx),
            title: wall::capitalised(&wall::day(ctx.lang, self.day)),
            day: self.day.to_string(),
            desks: std::iter::once(every).chain(desks).collect(),
            rows: rows.collect(),
            choices: choices_of(officer, &self.unit, &self.colleagues, None, &ctx),
            chosen: form.agent.clone(),
            done: false,
            error: String::new(),
            errors: Vec::new(),
            desk: self.desk,
            unit: self.unit,
            ctx,
        }
    }

    fn row(&self, appointment: &Appointment, form: &AllForm, ctx: &Ctx) -> Row {
        let desk = self
            .desks
            .iter()
            .find(|desk| desk.id == appointment.desk_id);
        let present = appointment.officer_id.as_ref();
        let holder = self
            .colleagues
            .iter()
            .find(|known| Some(&known.id) == present);
        Row {
            id: appointment.id.to_string(),
            time: booking::view::span(appointment, &self.unit, ctx),
            reference: appointment.reference.clone(),
            desk: desk.map_or_else(String::new, |desk| desk.label.clone()),
            officer: holder.map_or_else(
                || ctx.t("assign-nobody"),
                |colleague| ctx.t1("assign-rio", "rio", &colleague.rio),
            ),
            ticked: form
                .rendez_vous
                .iter()
                .any(|id| *id == appointment.id.as_str()),
            error: String::new(),
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
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let asked = Asked::read(
        &mut tx,
        &app,
        &officer,
        (word("jour"), word("guichet")),
        &ctx,
    )
    .await?;
    let mut page = asked.page(&officer, &AllForm::default(), ctx);
    page.done = word("fait") == "affecte";
    render(&page)
}

/// Several appointments and who is to hold them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AllForm {
    jour: String,
    guichet: String,
    agent: String,
    rendez_vous: Vec<String>,
    /// Everything that the page showed, instead of what was ticked.
    tout: String,
}

async fn give_all(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<AllForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = unit_of_admin(&mut tx, &officer).await?;
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let wish = (form.jour.as_str(), form.guichet.as_str());
    let asked = Asked::read(&mut tx, &app, &officer, wish, &ctx).await?;
    let all = !form.tout.is_empty();
    let meant: Vec<Appointment> = asked
        .appointments
        .iter()
        .filter(|appointment| {
            all || form
                .rendez_vous
                .iter()
                .any(|id| *id == appointment.id.as_str())
        })
        .cloned()
        .collect();
    let choices = choices_of(&officer, &asked.unit, &asked.colleagues, None, &ctx);
    let wanted = wanted(&choices, &form.agent);
    let mut refused = Vec::new();
    if let (Some(wanted), false) = (&wanted, meant.is_empty()) {
        let actor = Actor::Officer(officer.id.clone());
        refused = assign_all(&mut tx, &app.keys, &meant, wanted.as_ref(), &actor, ctx.now).await?;
        if refused.is_empty() {
            tx.commit().await?;
            app.live.changed(format!("unit/{}", asked.unit.id));
            let address = format!("{}&fait=affecte", asked.address());
            return Ok(Redirect::to(&address).into_response());
        }
    }
    drop(tx);
    let mut page = asked.page(&officer, &form, ctx);
    if meant.is_empty() {
        let first = page
            .rows
            .first()
            .map_or_else(|| "jour".to_owned(), |row| format!("rdv-{}", row.id));
        page.errors.push(Field {
            field: first,
            text: page.ctx.t("assign-error-no-appointment"),
        });
    }
    if wanted.is_none() {
        page.error = page.ctx.t("assign-error-none");
        page.errors.extend(Field::only("agent", &page.error));
    }
    for row in &mut page.rows {
        row.ticked |= all;
        if let Some((id, error)) = refused.iter().find(|(id, _)| id.as_str() == row.id) {
            row.error = page.ctx.t(words_of(error));
            page.errors.push(Field {
                field: format!("rdv-{id}"),
                text: page.ctx.t2(
                    "assign-error-row",
                    "reference",
                    &row.reference,
                    "why",
                    &row.error,
                ),
            });
        }
    }
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
