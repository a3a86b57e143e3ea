//! What a department's administrator tells its people and officers while something does
//! not work: shown in both languages before it is published, listed with author and date,
//! taken back by a button. What the operator tells the whole country is listed too, and
//! theirs to take back.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono_tz::Tz;
use serde::Deserialize;

use super::all_units_of;
use super::coverage::department_of;
use super::desks::{Errors, Field};
use super::empowerments::actor_in_words;
use super::looked_at::mark;
use crate::app::App;
use crate::audit::Actor;
use crate::calendar::recurrence::{day_of, instant_of};
use crate::calendar::{hours, wall};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Fault, PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::SignedInOfficer;
use crate::incidents::{self, Audience, Incident, MESSAGE_CHARS, MOST_DAYS, Plan, PlanError};
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

const PAGE: &str = "/administration/incidents";
/// Messages shown.
const HISTORY: i64 = 30;

pub(super) fn router() -> Routes {
    Routes::new()
        .route(PAGE, get(show).post(publish))
        .route("/administration/incidents/{id}/retrait", post(withdraw))
}

struct Choice {
    value: &'static str,
    label: String,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "admin/incidents.html")]
struct IncidentsPage {
    ctx: Ctx,
    zone: String,
    audiences: Vec<Choice>,
    form: IncidentForm,
    errors: Errors,
    done: String,
    /// What would be published; none unless it is looked at.
    preview: Option<Preview>,
    incidents: Vec<IncidentView>,
}

/// A message as people would read it, and when.
struct Preview {
    message_fr: String,
    message_en: String,
    when: String,
}

struct IncidentView {
    id: String,
    message_fr: String,
    message_en: String,
    when: String,
    audience: String,
    /// Where it stands: "Tout le pays".
    place: String,
    /// "Publié … par …", "Retiré … par …".
    history: Vec<String>,
    stands: bool,
    /// Whether this administrator may take it back.
    withdrawable: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct IncidentForm {
    message_fr: String,
    message_en: String,
    public: String,
    debut_jour: String,
    debut_heure: String,
    fin_jour: String,
    fin_heure: String,
    /// The mark of what was looked at.
    vu: String,
    /// `publier`, or anything else to look only.
    acte: String,
}

impl IncidentForm {
    fn check(&self, department: &str, zone: Tz, ctx: &Ctx) -> Result<Plan, Errors> {
        let audience = Audience::parse(&self.public);
        let begins_at = instant(&self.debut_jour, &self.debut_heure, zone);
        let ends_at = instant(&self.fin_jour, &self.fin_heure, zone);
        let read = Plan::check(
            (Some(department), audience.unwrap_or(Audience::Everybody)),
            (&self.message_fr, &self.message_en),
            (begins_at, ends_at),
            ctx.now,
        );
        let mut errors = Errors::default();
        if audience.is_none() {
            let text = ctx.t("incident-error-audience");
            errors.0.push(Field {
                field: "public",
                text,
            });
        }
        let wrong = match read {
            Ok(plan) if errors.0.is_empty() => return Ok(plan),
            Ok(_) => Vec::new(),
            Err(wrong) => wrong,
        };
        for error in wrong {
            let (field, text) = match error {
                PlanError::French => (
                    "message_fr",
                    ctx.t1("incident-error-message", "most", MESSAGE_CHARS),
                ),
                PlanError::English => (
                    "message_en",
                    ctx.t1("incident-error-message", "most", MESSAGE_CHARS),
                ),
                PlanError::Begin => ("debut_jour", ctx.t("incident-error-begin")),
                PlanError::End => ("fin_jour", ctx.t1("incident-error-end", "most", MOST_DAYS)),
            };
            errors.0.push(Field { field, text });
        }
        Err(errors)
    }
}

/// A day and an hour on a wall.
fn instant(day: &str, hour: &str, zone: Tz) -> Option<Timestamp> {
    let minute = hours::minute_of(hour)?;
    Some(instant_of(hours::day_of(day)?, minute, zone))
}

/// The clock of a department: that of its units.
async fn zone_of(tx: &mut Tx, officer: &SignedInOfficer) -> Result<Tz, PageError> {
    let units = all_units_of(tx, officer).await?;
    Ok(units
        .first()
        .map_or(chrono_tz::Europe::Paris, |unit| unit.zone()))
}

fn when_of(ctx: &Ctx, begins_at: Timestamp, ends_at: Timestamp, zone: Tz) -> String {
    let moment = |at| wall::moment(ctx.lang, at, zone);
    let (from, to) = (moment(begins_at), moment(ends_at));
    wall::capitalised(&ctx.t2("admin-away-when", "from", from, "to", to))
}

async fn page(
    tx: &mut Tx,
    ctx: Ctx,
    officer: &SignedInOfficer,
    form: Option<IncidentForm>,
) -> Result<IncidentsPage, PageError> {
    let zone = zone_of(tx, officer).await?;
    let mut views = Vec::new();
    for incident in incidents::list(tx, &officer.department, HISTORY).await? {
        views.push(view(tx, &ctx, &incident, zone).await?);
    }
    let today = day_of(ctx.now, zone).to_string();
    let form = form.unwrap_or_else(|| IncidentForm {
        public: Audience::Everybody.to_string(),
        debut_jour: today.clone(),
        fin_jour: today,
        ..IncidentForm::default()
    });
    Ok(IncidentsPage {
        zone: ctx.t1("admin-zone", "zone", wall::zone_name(ctx.lang, zone)),
        audiences: Audience::ALL
            .iter()
            .map(|audience| Choice {
                value: audience.as_str(),
                label: ctx.t(&format!("incident-audience-{audience}")),
                hint: "",
            })
            .collect(),
        form,
        errors: Errors::default(),
        done: String::new(),
        preview: None,
        incidents: views,
        ctx,
    })
}

async fn view(
    tx: &mut Tx,
    ctx: &Ctx,
    incident: &Incident,
    zone: Tz,
) -> Result<IncidentView, Fault> {
    let mut acts = vec![(
        "incident-published",
        incident.created_at,
        &incident.created_by,
    )];
    if let (Some(at), Some(by)) = (incident.withdrawn_at, &incident.withdrawn_by) {
        acts.push(("incident-withdrawn", at, by));
    }
    let mut history = Vec::with_capacity(acts.len());
    for (id, at, by) in acts {
        let who = actor_in_words(tx, ctx, by).await?;
        let when = wall::moment(ctx.lang, at, zone);
        history.push(ctx.t2(id, "when", when, "who", who));
    }
    Ok(IncidentView {
        id: incident.id.to_string(),
        message_fr: incident.message_fr.clone(),
        message_en: incident.message_en.clone(),
        when: when_of(ctx, incident.begins_at, incident.ends_at, zone),
        audience: ctx.t(&format!("incident-audience-{}", incident.audience)),
        place: match &incident.department {
            Some(code) => ctx.t1("incident-department", "code", code),
            None => ctx.t("incident-country"),
        },
        history,
        stands: incident.stands_at(ctx.now),
        withdrawable: incident.department.is_some() && incident.is_coming_at(ctx.now),
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Done {
    fait: String,
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(asked): Asked<Done>,
) -> Result<Html<String>, PageError> {
    department_of(&officer)?;
    let mut tx = app.db.read().await?;
    let mut page = page(&mut tx, ctx, &officer, None).await?;
    page.done = match asked.fait.as_str() {
        "publie" => page.ctx.t("incident-done"),
        "retire" => page.ctx.t("incident-done-withdrawn"),
        _ => String::new(),
    };
    render(&page)
}

/// Shows a message as it would stand, then publishes it.
async fn publish(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<IncidentForm>,
) -> Result<Response, PageError> {
    let department = department_of(&officer)?.to_owned();
    let mut tx = app.db.begin().await?;
    let zone = zone_of(&mut tx, &officer).await?;
    let plan = match form.check(&department, zone, &ctx) {
        Ok(plan) => plan,
        Err(errors) => {
            let mut page = page(&mut tx, ctx, &officer, Some(form)).await?;
            page.errors = errors;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let when = when_of(&ctx, plan.begins_at, plan.ends_at, zone);
    let seen = mark(&[
        plan.message_fr.as_str(),
        plan.message_en.as_str(),
        plan.audience.as_str(),
        when.as_str(),
    ]);
    if form.acte != "publier" || form.vu != seen {
        let form = IncidentForm { vu: seen, ..form };
        let mut page = page(&mut tx, ctx, &officer, Some(form)).await?;
        page.preview = Some(Preview {
            message_fr: plan.message_fr,
            message_en: plan.message_en,
            when,
        });
        return Ok(render(&page)?.into_response());
    }
    let actor = Actor::Officer(officer.id);
    incidents::publish(&mut tx, &plan, &actor, ctx.now).await?;
    tx.commit().await?;
    app.notices.forget();
    Ok(Redirect::to(&format!("{PAGE}?fait=publie")).into_response())
}

#[derive(Deserialize)]
struct NoFields {}

/// Takes a message of the department back; taken back before, nothing happens.
async fn withdraw(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Redirect, PageError> {
    let department = department_of(&officer)?.to_owned();
    let mut tx = app.db.begin().await?;
    incidents::find(&mut tx, &id)
        .await?
        .filter(|incident| incident.department.as_ref() == Some(&department))
        .ok_or_else(Refusal::not_found)?;
    let actor = Actor::Officer(officer.id);
    incidents::withdraw(&mut tx, &id, &actor, ctx.now).await?;
    tx.commit().await?;
    app.notices.forget();
    Ok(Redirect::to(&format!("{PAGE}?fait=retire")))
}
