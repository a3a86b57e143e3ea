//! Absences of a desk and closures of a unit. What one would cost is shown before
//! it is done: which desks, which appointments another desk takes over, and which
//! ones somebody must move or call off. Those stay listed here until it is done.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::desks::{Errors, Field, wanted_unit};
use super::units_of;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::{self, Appointment};
use crate::calendar::away::{AskedAway, AwayError, AwayPlan, AwayReason};
use crate::calendar::recurrence::day_of;
use crate::calendar::{self, Absence, Desk, Unit, wall};
use crate::db::Tx;
use crate::error::{Fault, PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/absences", get(list).post(add))
        .route("/administration/absences/nouvelle", get(ask))
        .route("/administration/absences/apercu", get(preview))
        .route("/administration/absences/{id}/retrait", post(remove))
}

#[derive(Template)]
#[template(path = "admin/absences.html")]
struct AbsencesPage {
    ctx: Ctx,
    unit: Unit,
    /// Every unit of this person, to go from one to another.
    units: Vec<Unit>,
    zone: String,
    done: String,
    absences: Vec<AbsenceView>,
    uncovered: Vec<Row>,
    /// Whether this person may go to the appointments themselves.
    serves: bool,
}

struct AbsenceView {
    id: String,
    who: String,
    when: String,
    reason: String,
    history: Vec<String>,
}

/// An appointment as a line of a list.
struct Row {
    id: String,
    reference: String,
    moment: String,
    desk: String,
    /// The desk that takes it over; empty where somebody must decide.
    to: String,
}

#[derive(Template)]
#[template(path = "admin/absence_form.html")]
struct FormPage {
    ctx: Ctx,
    unit: Unit,
    zone: String,
    desks: Vec<Choice>,
    reasons: Vec<Choice>,
    form: AwayForm,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "admin/absence_preview.html")]
struct PreviewPage {
    ctx: Ctx,
    unit: Unit,
    form: AwayForm,
    who: String,
    when: String,
    desks: usize,
    moved: Vec<Row>,
    left: Vec<Row>,
}

struct Choice {
    value: String,
    label: String,
    hint: &'static str,
}

/// An absence as it comes from the form or its address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AwayForm {
    unite: String,
    /// Empty for the whole unit.
    guichet: String,
    premier_jour: String,
    debut: String,
    dernier_jour: String,
    fin: String,
    motif: String,
}

impl AwayForm {
    fn check(&self, unit: &Unit, desks: &[Desk], ctx: &Ctx) -> Result<AwayPlan, Errors> {
        let asked = AskedAway {
            first_day: &self.premier_jour,
            start: &self.debut,
            last_day: &self.dernier_jour,
            end: &self.fin,
            reason: &self.motif,
        };
        let known = self.guichet.is_empty() || self.desk(desks).is_some();
        let plan = AwayPlan::check(asked, unit.zone(), ctx.now);
        if known && let Ok(plan) = plan {
            return Ok(plan);
        }
        let mut errors = Errors::default();
        let mut add = |field, text: &str| {
            errors.0.push(Field {
                field,
                text: ctx.t(text),
            });
        };
        if !known {
            add("guichet", "admin-away-error-desk");
        }
        for error in plan.err().unwrap_or_default() {
            match error {
                AwayError::Start => add("premier_jour", "admin-away-error-start"),
                AwayError::End => add("dernier_jour", "admin-away-error-end"),
                AwayError::Reason => add("motif", "admin-away-error-reason"),
            }
        }
        Err(errors)
    }

    fn desk<'a>(&self, desks: &'a [Desk]) -> Option<&'a Desk> {
        desks.iter().find(|desk| desk.id.as_str() == self.guichet)
    }
}

fn reason_words(reason: &str) -> String {
    format!("admin-away-reason-{reason}")
}

fn zone_of(unit: &Unit, ctx: &Ctx) -> String {
    ctx.t1("admin-zone", "zone", wall::zone_name(ctx.lang, unit.zone()))
}

fn who_of(desk: Option<&Desk>, ctx: &Ctx) -> String {
    desk.map_or_else(|| ctx.t("admin-away-whole-unit"), |desk| desk.label.clone())
}

fn when_of(
    absence: (crate::clock::Timestamp, crate::clock::Timestamp),
    unit: &Unit,
    ctx: &Ctx,
) -> String {
    let moment = |at| wall::moment(ctx.lang, at, unit.zone());
    ctx.t2(
        "admin-away-when",
        "from",
        moment(absence.0),
        "to",
        moment(absence.1),
    )
}

fn row(
    appointment: &Appointment,
    unit: &Unit,
    desks: &[Desk],
    to: Option<&Desk>,
    ctx: &Ctx,
) -> Row {
    let desk = desks.iter().find(|desk| desk.id == appointment.desk_id);
    Row {
        id: appointment.id.to_string(),
        reference: appointment.reference.clone(),
        moment: wall::capitalised(&wall::moment(ctx.lang, appointment.starts_at, unit.zone())),
        desk: desk.map_or_else(String::new, |desk| desk.label.clone()),
        to: to.map_or_else(String::new, |desk| desk.label.clone()),
    }
}

/// What is away at present or will be, and what it leaves to be done.
async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = asked_unit(&mut tx, &officer, &query).await?;
    let desks = calendar::list_desks(&mut tx, &unit.id).await?;
    let mut absences = Vec::new();
    for absence in calendar::list_coming_absences(&mut tx, &unit.id, ctx.now).await? {
        absences.push(absence_view(&mut tx, &absence, &unit, &desks, &ctx).await?);
    }
    let uncovered = booking::list_uncovered(&mut tx, &unit.id, ctx.now).await?;
    let done = match query.get("fait").map(String::as_str) {
        Some("ajoutee") => ctx.t("admin-away-done-added"),
        Some("retiree") => ctx.t("admin-away-done-removed"),
        _ => String::new(),
    };
    render(&AbsencesPage {
        zone: zone_of(&unit, &ctx),
        units: units_of(&mut tx, &officer).await?,
        uncovered: uncovered
            .iter()
            .map(|appointment| row(appointment, &unit, &desks, None, &ctx))
            .collect(),
        serves: officer.serves(&unit.id),
        absences,
        done,
        unit,
        ctx,
    })
}

async fn asked_unit(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    query: &HashMap<String, String>,
) -> Result<Unit, PageError> {
    let wanted = query.get("unite").map_or("", String::as_str);
    wanted_unit(tx, officer, wanted).await
}

async fn absence_view(
    tx: &mut Tx,
    absence: &Absence,
    unit: &Unit,
    desks: &[Desk],
    ctx: &Ctx,
) -> Result<AbsenceView, Fault> {
    let lines = audit::lines_about(tx, &format!("absence/{}", absence.id)).await?;
    let desk = desks
        .iter()
        .find(|desk| Some(&desk.id) == absence.desk_id.as_ref());
    Ok(AbsenceView {
        id: absence.id.to_string(),
        who: who_of(desk, ctx),
        when: wall::capitalised(&when_of((absence.from_at, absence.to_at), unit, ctx)),
        reason: ctx.t(&reason_words(&absence.reason)),
        history: super::desks::lines_in_words(tx, &lines, unit, ctx).await?,
    })
}

async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = asked_unit(&mut tx, &officer, &query).await?;
    let desks = calendar::list_desks(&mut tx, &unit.id).await?;
    let form = AwayForm {
        unite: unit.id.to_string(),
        guichet: query.get("guichet").cloned().unwrap_or_default(),
        premier_jour: day_of(ctx.now, unit.zone()).to_string(),
        ..AwayForm::default()
    };
    render(&form_page(ctx, unit, &desks, form, Errors::default()))
}

fn form_page(ctx: Ctx, unit: Unit, desks: &[Desk], form: AwayForm, errors: Errors) -> FormPage {
    let whole = Choice {
        value: String::new(),
        label: ctx.t("admin-away-whole-unit"),
        hint: "",
    };
    FormPage {
        zone: zone_of(&unit, &ctx),
        desks: std::iter::once(whole)
            .chain(desks.iter().map(|desk| Choice {
                value: desk.id.to_string(),
                label: desk.label.clone(),
                hint: "",
            }))
            .collect(),
        reasons: AwayReason::ALL
            .iter()
            .map(|reason| Choice {
                value: reason.to_string(),
                label: ctx.t(&reason_words(reason.as_str())),
                hint: "",
            })
            .collect(),
        form,
        errors,
        unit,
        ctx,
    }
}

/// What an absence would cost. Changes nothing.
async fn preview(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(form): Asked<AwayForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let unit = wanted_unit(&mut tx, &officer, &form.unite).await?;
    let desks = calendar::list_desks(&mut tx, &unit.id).await?;
    let plan = match form.check(&unit, &desks, &ctx) {
        Ok(plan) => plan,
        Err(errors) => {
            let page = form_page(ctx, unit, &desks, form, errors);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let desk = form.desk(&desks);
    let desk_id = desk.map(|desk| &desk.id);
    let displaced = booking::list_displaced(&mut tx, &unit, desk_id, plan.range, ctx.now).await?;
    let (mut moved, mut left) = (Vec::new(), Vec::new());
    for one in &displaced {
        let to = desks.iter().find(|desk| Some(&desk.id) == one.to.as_ref());
        let row = row(&one.appointment, &unit, &desks, to, &ctx);
        if to.is_some() {
            moved.push(row);
        } else {
            left.push(row);
        }
    }
    let page = PreviewPage {
        who: who_of(desk, &ctx),
        when: when_of((plan.range.from, plan.range.to), &unit, &ctx),
        desks: desk.map_or(desks.len(), |_| 1),
        moved,
        left,
        form,
        unit,
        ctx,
    };
    Ok(render(&page)?.into_response())
}

/// Enters the absence, and gives other desks what they can take over. The journal's
/// lock keeps bookings of the unit out until the end of the transaction.
async fn add(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<AwayForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = wanted_unit(&mut tx, &officer, &form.unite).await?;
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let desks = calendar::list_desks(&mut tx, &unit.id).await?;
    let plan = match form.check(&unit, &desks, &ctx) {
        Ok(plan) => plan,
        Err(errors) => {
            let page = form_page(ctx, unit, &desks, form, errors);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let desk_id = form.desk(&desks).map(|desk| &desk.id);
    let displaced = booking::list_displaced(&mut tx, &unit, desk_id, plan.range, ctx.now).await?;
    let actor = Actor::Officer(officer.id);
    // The same absence sent twice is one.
    if calendar::add_absence(&mut tx, &unit, desk_id, &plan, &actor, ctx.now).await? {
        for one in displaced.iter().filter(|one| one.to.is_some()) {
            booking::reassign(&mut tx, &unit, &one.appointment, &actor, ctx.now).await?;
        }
    }
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(back(&unit, "ajoutee"))
}

fn back(unit: &Unit, done: &str) -> Response {
    let path = format!("/administration/absences?unite={}&fait={done}", unit.id);
    Redirect::to(&path).into_response()
}

#[derive(Deserialize)]
struct NoFields {}

/// Takes an absence back; taken back before, nothing happens.
async fn remove(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let units = units_of(&mut tx, &officer).await?;
    let absence = calendar::find_absence(&mut tx, &id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let unit = units
        .into_iter()
        .find(|unit| unit.id == absence.unit_id)
        .ok_or_else(Refusal::not_found)?;
    let actor = Actor::Officer(officer.id);
    calendar::remove_absence(&mut tx, &absence, &actor, ctx.now).await?;
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(back(&unit, "retiree"))
}
