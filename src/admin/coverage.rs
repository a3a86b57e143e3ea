//! Where video is offered: a department as a whole, a commune, each with words for
//! the people it is closed to; and which unit receives whom, from a table. Only the
//! administrator of a department may.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::desks::{Errors, Field};
use super::units_of;
use crate::app::App;
use crate::audit::Actor;
use crate::calendar::Unit;
use crate::calendar::commune_map::{self, LineError};
use crate::calendar::coverage::{self, Closed, Coverage, MESSAGE_CHARS, Place};
use crate::db::Tx;
use crate::error::{PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::{Role, SignedInOfficer};
use crate::page::{Ctx, render, render_with};
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/couverture", get(show).post(switch))
        .route("/administration/couverture/unites", post(assign))
}

#[derive(Template)]
#[template(path = "admin/coverage.html")]
struct CoveragePage {
    ctx: Ctx,
    department: Coverage,
    units: Vec<Unit>,
    closed: Vec<Closed>,
    done: String,
    form: SwitchForm,
    table: String,
    errors: Errors,
    /// "Ligne 3 (99999) : …".
    wrong: Vec<String>,
    /// How many communes the table gives to whom, before it is done; empty otherwise.
    preview: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Done {
    fait: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SwitchForm {
    /// INSEE code of a commune; empty for the whole department.
    commune: String,
    /// `oui` or `non`.
    ouverte: String,
    message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TableForm {
    tableau: String,
    /// `enregistrer`, or anything else to look only.
    acte: String,
}

/// The department of an administrator, which must be theirs as a whole.
pub(super) fn department_of(officer: &SignedInOfficer) -> Result<&str, PageError> {
    if officer.role == Role::DepartmentAdmin {
        return Ok(&officer.department);
    }
    Err(
        Refusal::new(StatusCode::FORBIDDEN, "admin-coverage-not-for-role")
            .way_out("/administration", "admin-way-out")
            .into(),
    )
}

async fn page(tx: &mut Tx, ctx: Ctx, officer: &SignedInOfficer) -> Result<CoveragePage, PageError> {
    let code = department_of(officer)?;
    let department = coverage::find(tx, code)
        .await?
        .ok_or_else(Refusal::not_found)?;
    Ok(CoveragePage {
        closed: coverage::list_closed(tx, code).await?,
        units: units_of(tx, officer).await?,
        done: String::new(),
        form: SwitchForm::default(),
        table: String::new(),
        errors: Errors::default(),
        wrong: Vec::new(),
        preview: Vec::new(),
        department,
        ctx,
    })
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(asked): Asked<Done>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let mut page = page(&mut tx, ctx, &officer).await?;
    page.done = match asked.fait.as_str() {
        "couverture" => page.ctx.t("admin-coverage-done"),
        "unites" => page.ctx.t("admin-coverage-done-units"),
        _ => String::new(),
    };
    render(&page)
}

/// Opens or closes a place; done twice, it is the same.
async fn switch(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<SwitchForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let department = department_of(&officer)?.to_owned();
    let commune = form.commune.trim().to_uppercase();
    let known = commune.is_empty()
        || coverage::communes_of(&mut tx, &department)
            .await?
            .contains(&commune);
    let message = coverage::message_of(&form.message);
    let open = match form.ouverte.as_str() {
        "oui" => Some(true),
        "non" => Some(false),
        _ => None,
    };
    let (Some(open), Some(message), true) = (open, message, known) else {
        let mut page = page(&mut tx, ctx, &officer).await?;
        let mut add = |field, text: String| page.errors.0.push(Field { field, text });
        if !known {
            add("commune", page.ctx.t("admin-coverage-error-commune"));
        }
        if coverage::message_of(&form.message).is_none() {
            let text = page
                .ctx
                .t1("admin-coverage-error-message", "most", MESSAGE_CHARS);
            add("message", text);
        }
        if open.is_none() {
            add("ouverte", page.ctx.t("admin-coverage-error-open"));
        }
        page.form = form;
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let place = if commune.is_empty() {
        Place::Department(&department)
    } else {
        Place::Commune(&commune)
    };
    let actor = Actor::Officer(officer.id);
    coverage::set(&mut tx, place, open, &message, &actor, ctx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/administration/couverture?fait=couverture").into_response())
}

/// Reads a table of communes and units: looks, or does it, whole or not at all.
async fn assign(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<TableForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let mut page = page(&mut tx, ctx, &officer).await?;
    let communes = coverage::communes_of(&mut tx, &officer.department).await?;
    let units: BTreeSet<&str> = page.units.iter().map(|unit| unit.id.as_str()).collect();
    let read = commune_map::read(
        &form.tableau,
        |code| communes.contains(code),
        |unit| units.contains(unit),
    );
    match read {
        Err(wrong) => {
            page.wrong = wrong
                .iter()
                .map(|line| {
                    let what = page.ctx.t(words_of(line.error));
                    let named = format!("{} {}", line.code, line.unit);
                    page.ctx.t2(
                        "admin-coverage-line",
                        "line",
                        format!("{} ({})", line.line, named.trim()),
                        "what",
                        what,
                    )
                })
                .collect();
            page.table = form.tableau;
            render_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Ok(assignments) if form.acte == "enregistrer" => {
            let actor = Actor::Officer(officer.id);
            let department = &officer.department;
            coverage::assign(&mut tx, department, &assignments, &actor, page.ctx.now).await?;
            tx.commit().await?;
            Ok(Redirect::to("/administration/couverture?fait=unites").into_response())
        }
        Ok(assignments) => {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for unit in assignments.values() {
                *counts.entry(unit.as_deref().unwrap_or("")).or_default() += 1;
            }
            page.preview = counts
                .iter()
                .map(|(id, count)| {
                    let unit = page.units.iter().find(|unit| unit.id.as_str() == *id);
                    let name = unit.map_or_else(
                        || page.ctx.t("admin-coverage-nobody"),
                        |unit| unit.name.clone(),
                    );
                    page.ctx
                        .t2("admin-coverage-given", "unit", name, "count", count)
                })
                .collect();
            page.table = form.tableau;
            Ok(render(&page)?.into_response())
        }
    }
}

fn words_of(error: LineError) -> &'static str {
    match error {
        LineError::Titles => "admin-coverage-wrong-titles",
        LineError::Unreadable => "admin-coverage-wrong-unreadable",
        LineError::Commune => "admin-coverage-wrong-commune",
        LineError::Unit => "admin-coverage-wrong-unit",
        LineError::Twice => "admin-coverage-wrong-twice",
        LineError::TooMany => "admin-coverage-wrong-many",
    }
}
