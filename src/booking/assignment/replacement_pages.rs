//! Replacing an officer who is away: who and when, then what of theirs falls into it
//! and who is free to take it over, then it is done in one go. Only the last step and
//! taking an absence back change anything.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::absences::{self, Handover, NewAbsence};
use super::pages::{Choice, named, unit_of_admin, words_of};
use super::{AssignError, Colleague, list_colleagues, store};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::view::{self, Field};
use crate::calendar::away::{AskedAway, AwayError, AwayPlan, AwayReason};
use crate::calendar::recurrence::{Range, day_of};
use crate::calendar::{Unit, wall};
use crate::db::Id;
use crate::error::{PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::{self, PathId};
use crate::routes::Routes;

const PAGE: &str = "/agent/remplacements";

pub(super) fn router() -> Routes {
    Routes::new()
        .route(PAGE, get(list).post(enter))
        .route("/agent/remplacements/apercu", get(preview))
        .route("/agent/remplacements/{id}/retrait", post(take_back))
}

#[derive(Template)]
#[template(path = "agenda/replacements.html")]
struct ListPage {
    ctx: Ctx,
    unit: Unit,
    zone: String,
    done: String,
    absences: Vec<AbsenceView>,
    officers: Vec<Choice>,
    form: AwayForm,
    errors: Vec<Field>,
}

impl ListPage {
    fn error(&self, field: &str) -> &str {
        let found = self.errors.iter().find(|error| error.field == field);
        found.map_or("", |error| &error.text)
    }
}

struct AbsenceView {
    id: String,
    who: String,
    when: String,
}

#[derive(Template)]
#[template(path = "agenda/replacement_preview.html")]
struct PreviewPage {
    ctx: Ctx,
    who: String,
    when: String,
    rows: Vec<Row>,
    form: AwayForm,
    errors: Vec<Field>,
}

/// An appointment of the officer who is away.
struct Row {
    id: String,
    reference: String,
    moment: String,
    choices: Vec<Choice>,
    chosen: String,
    error: String,
}

/// Who is away and when, as it comes from the form or its address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AwayForm {
    agent: String,
    premier_jour: String,
    debut: String,
    dernier_jour: String,
    fin: String,
}

impl AwayForm {
    /// Who is meant and when, or what is wrong with it.
    fn check<'a>(
        &self,
        unit: &Unit,
        colleagues: &'a [Colleague],
        ctx: &Ctx,
    ) -> Result<(&'a Colleague, Range), Vec<Field>> {
        let plan = AwayPlan::check(
            AskedAway {
                first_day: &self.premier_jour,
                start: &self.debut,
                last_day: &self.dernier_jour,
                end: &self.fin,
                // Nobody asks why a person is away.
                reason: AwayReason::Unforeseen.as_str(),
            },
            unit.zone(),
            ctx.now,
        );
        let away = colleagues
            .iter()
            .find(|known| known.id.as_str() == self.agent);
        let mut errors = Vec::new();
        let mut add = |field: &str, words: &str| errors.extend(Field::only(field, &ctx.t(words)));
        if away.is_none() {
            add("agent", "replace-error-officer");
        }
        for error in plan.as_ref().err().into_iter().flatten() {
            match error {
                AwayError::Start => add("premier_jour", "replace-error-start"),
                AwayError::End | AwayError::Reason => add("dernier_jour", "replace-error-end"),
            }
        }
        match (away, plan) {
            (Some(away), Ok(plan)) => Ok((away, plan.range)),
            _ => Err(errors),
        }
    }
}

fn when(range: Range, unit: &Unit, ctx: &Ctx) -> String {
    let moment = |at| wall::moment(ctx.lang, at, unit.zone());
    ctx.t2(
        "replace-when",
        "from",
        moment(range.from),
        "to",
        moment(range.to),
    )
}

async fn list_page(
    app: &App,
    ctx: Ctx,
    officer: &SignedInOfficer,
    form: Option<AwayForm>,
    errors: Vec<Field>,
) -> Result<ListPage, PageError> {
    let mut tx = app.db.read().await?;
    let unit = unit_of_admin(&mut tx, officer).await?;
    let colleagues = list_colleagues(&mut tx, &app.keys, &unit.id).await?;
    let absences = store::list_absences(&mut tx, &unit.id, ctx.now).await?;
    let absences = absences.into_iter().map(|absence| {
        let who = colleagues
            .iter()
            .find(|known| known.id == absence.officer_id);
        let range = Range {
            from: absence.from_at,
            to: absence.to_at,
        };
        AbsenceView {
            id: absence.id.to_string(),
            who: who.map_or_else(|| ctx.t("replace-former-officer"), |who| named(who, &ctx)),
            when: when(range, &unit, &ctx),
        }
    });
    Ok(ListPage {
        zone: ctx.t1("admin-zone", "zone", wall::zone_name(ctx.lang, unit.zone())),
        absences: absences.collect(),
        officers: colleagues
            .iter()
            .map(|colleague| Choice {
                value: colleague.id.to_string(),
                label: named(colleague, &ctx),
            })
            .collect(),
        form: form.unwrap_or_else(|| AwayForm {
            premier_jour: day_of(ctx.now, unit.zone()).to_string(),
            ..AwayForm::default()
        }),
        done: String::new(),
        errors,
        unit,
        ctx,
    })
}

async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut page = list_page(&app, ctx, &officer, None, Vec::new()).await?;
    page.done = match query.get("fait").map(String::as_str) {
        Some("remplace") => page.ctx.t("replace-done"),
        Some("retire") => page.ctx.t("replace-done-removed"),
        _ => String::new(),
    };
    render(&page)
}

fn preview_page(
    handovers: &[Handover],
    colleagues: &[Colleague],
    unit: &Unit,
    (who, range): (&Colleague, Range),
    form: AwayForm,
    ctx: Ctx,
) -> PreviewPage {
    let rows = handovers.iter().map(|handover| {
        let nobody = Choice {
            value: String::new(),
            label: ctx.t("assign-nobody"),
        };
        let free = colleagues
            .iter()
            .filter(|known| handover.free.contains(&known.id));
        let appointment = &handover.appointment;
        Row {
            id: appointment.id.to_string(),
            reference: appointment.reference.clone(),
            moment: view::moment(appointment, unit, &ctx),
            choices: std::iter::once(nobody)
                .chain(free.map(|colleague| Choice {
                    value: colleague.id.to_string(),
                    label: named(colleague, &ctx),
                }))
                .collect(),
            chosen: handover
                .proposed
                .as_ref()
                .map_or_else(String::new, Id::to_string),
            error: String::new(),
        }
    });
    PreviewPage {
        rows: rows.collect(),
        who: named(who, &ctx),
        when: when(range, unit, &ctx),
        form,
        errors: Vec::new(),
        ctx,
    }
}

/// What is to be handed over, and to whom it could be. Changes nothing.
async fn preview(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(form): Asked<AwayForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let unit = unit_of_admin(&mut tx, &officer).await?;
    let colleagues = list_colleagues(&mut tx, &app.keys, &unit.id).await?;
    let (who, range) = match form.check(&unit, &colleagues, &ctx) {
        Ok(sound) => sound,
        Err(errors) => {
            drop(tx);
            let page = list_page(&app, ctx, &officer, Some(form), errors).await?;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let absence = NewAbsence {
        unit_id: &unit.id,
        officer_id: &who.id,
        range,
    };
    let handovers = absences::review(&mut tx, absence, &colleagues).await?;
    let page = preview_page(&handovers, &colleagues, &unit, (who, range), form, ctx);
    Ok(render(&page)?.into_response())
}

/// The absence and, for each appointment, `rdv-ID` with the key of a colleague.
type Fields = Vec<(String, String)>;

fn read(fields: &Fields) -> (AwayForm, Vec<(Id, Id)>) {
    let field = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name == wanted);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    let form = AwayForm {
        agent: field("agent"),
        premier_jour: field("premier_jour"),
        debut: field("debut"),
        dernier_jour: field("dernier_jour"),
        fin: field("fin"),
    };
    let to = fields.iter().filter_map(|(name, value)| {
        let id = path::parse(name.strip_prefix("rdv-")?)?;
        Some((id, path::parse(value)?))
    });
    (form, to.collect())
}

async fn enter(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let (form, to) = read(&fields);
    let mut tx = app.db.begin().await?;
    let unit = unit_of_admin(&mut tx, &officer).await?;
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let colleagues = list_colleagues(&mut tx, &app.keys, &unit.id).await?;
    let (who, range) = match form.check(&unit, &colleagues, &ctx) {
        Ok(sound) => sound,
        Err(errors) => {
            drop(tx);
            let page = list_page(&app, ctx, &officer, Some(form), errors).await?;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let absence = NewAbsence {
        unit_id: &unit.id,
        officer_id: &who.id,
        range,
    };
    let actor = Actor::Officer(officer.id.clone());
    let refused = match absences::enter(&mut tx, &app.keys, absence, &to, &actor, ctx.now).await {
        Ok(()) => {
            tx.commit().await?;
            app.live.changed(format!("unit/{}", unit.id));
            let address = format!("{PAGE}?fait=remplace");
            return Ok(Redirect::to(&address).into_response());
        }
        Err((_, AssignError::Fault(fault))) => return Err(fault.into()),
        Err(refused) => refused,
    };
    drop(tx);
    // Somebody took another hearing meanwhile: who is free is read again.
    let mut tx = app.db.read().await?;
    let handovers = absences::review(&mut tx, absence, &colleagues).await?;
    let mut page = preview_page(&handovers, &colleagues, &unit, (who, range), form, ctx);
    let (about, error) = refused;
    for row in &mut page.rows {
        if about
            .as_ref()
            .is_some_and(|appointment| appointment.id.as_str() == row.id)
        {
            row.error = page.ctx.t(words_of(&error));
            let text = page.ctx.t2(
                "assign-error-row",
                "reference",
                &row.reference,
                "why",
                &row.error,
            );
            page.errors
                .extend(Field::only(&format!("rdv-{}", row.id), &text));
        }
    }
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

#[derive(Deserialize)]
struct NoFields {}

async fn take_back(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = unit_of_admin(&mut tx, &officer).await?;
    let actor = Actor::Officer(officer.id);
    audit::lock(&mut tx, unit.id.as_str()).await?;
    if !absences::take_back(&mut tx, &id, &unit.id, &actor, ctx.now).await? {
        return Err(Refusal::not_found().into());
    }
    tx.commit().await?;
    Ok(Redirect::to(&format!("{PAGE}?fait=retire")).into_response())
}
