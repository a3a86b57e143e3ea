//! Where video is offered: a department as a whole, a commune, each with words for
//! the people it is closed to; and which unit receives whom, from a table. What a change
//! would do is shown before it is made; every change stays with its author, date and
//! communes, and the last one can be taken back. Only the administrator of a department
//! may.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::desks::{Errors, Field};
use super::empowerments::actor_in_words;
use super::looked_at::mark;
use super::{all_units_of, units_of};
use crate::app::App;
use crate::audit::Actor;
use crate::booking::unit_closing;
use crate::calendar::commune_map::{self, LineError};
use crate::calendar::coverage::{self, Closed, Coverage, MESSAGE_CHARS};
use crate::calendar::coverage_changes::{self, Act, Change, Ground, PlaceChange, Plan};
use crate::calendar::{Unit, wall};
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::{Role, SignedInOfficer};
use crate::page::{Ctx, render, render_with};
use crate::routes::Routes;

/// Changes shown.
const HISTORY: i64 = 20;
/// Communes named one by one; of more only how many.
const NAMED: usize = 30;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/couverture", get(show).post(switch))
        .route("/administration/couverture/unites", post(assign))
        .route("/administration/couverture/annulation", post(take_back))
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
    table: TableForm,
    errors: Errors,
    /// "Ligne 3 (99999) : …".
    wrong: Vec<String>,
    /// What the switch asked for would do; empty unless it is looked at.
    effect: Vec<String>,
    /// How many communes the table gives to whom, and what that would do; empty unless it
    /// is looked at.
    preview: Vec<String>,
    history: Vec<ChangeView>,
    /// The change that can be taken back, and what that would do; none where none can.
    undo: Option<Undo>,
}

/// One change in words.
struct ChangeView {
    line: String,
    /// The communes it was about, and what became of each.
    places: Vec<String>,
}

/// The way back from the last change.
struct Undo {
    version: i64,
    effect: Vec<String>,
    vu: String,
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
    /// The mark of what was looked at.
    vu: String,
    /// `enregistrer`, or anything else to look only.
    acte: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TableForm {
    tableau: String,
    /// The mark of what was looked at.
    vu: String,
    /// `enregistrer`, or anything else to look only.
    acte: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct UndoForm {
    /// The change that is taken back.
    version: i64,
    /// The mark of what was looked at.
    vu: String,
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

async fn ground_of(tx: &mut Tx, code: &str) -> Result<Ground, PageError> {
    let ground = coverage_changes::ground(tx, code).await?;
    ground.ok_or_else(|| Refusal::not_found().into())
}

async fn page(tx: &mut Tx, ctx: Ctx, officer: &SignedInOfficer) -> Result<CoveragePage, PageError> {
    let code = department_of(officer)?;
    let ground = ground_of(tx, code).await?;
    let all_units = all_units_of(tx, officer).await?;
    let changes = coverage_changes::list(tx, code, HISTORY).await?;
    let mut history = Vec::with_capacity(changes.len());
    for (change, places) in &changes {
        history.push(change_view(tx, &ctx, &ground, &all_units, change, places).await?);
    }
    let undo = match undoable(&ground, &changes) {
        Some((change, back)) => {
            let effect = effect_in_words(tx, &ctx, &ground, &back).await?;
            Some(Undo {
                version: change.version,
                vu: mark_of(&ground, &["annuler"], &effect),
                effect,
            })
        }
        None => None,
    };
    Ok(CoveragePage {
        closed: coverage::list_closed(tx, code).await?,
        units: units_of(tx, officer).await?,
        done: String::new(),
        form: SwitchForm::default(),
        table: TableForm::default(),
        errors: Errors::default(),
        wrong: Vec::new(),
        effect: Vec::new(),
        preview: Vec::new(),
        department: ground.department,
        history,
        undo,
        ctx,
    })
}

/// The last change and its way back, where every place still stands as it left it. A unit
/// that was closed or reopened is put right on its own page; what was taken back stays so.
fn undoable<'a>(
    ground: &Ground,
    changes: &'a [(Change, Vec<PlaceChange>)],
) -> Option<(&'a Change, Vec<PlaceChange>)> {
    let (change, places) = changes.first()?;
    let own_page = matches!(change.act, Act::UnitClosed | Act::UnitReopened);
    if own_page || change.undoes.is_some() {
        return None;
    }
    let back = ground.take_back(places);
    (!back.is_empty() && back.len() == places.len()).then_some((change, back))
}

fn name_of(units: &[Unit], id: Option<&Id>, ctx: &Ctx) -> String {
    let Some(id) = id else {
        return ctx.t("admin-coverage-nobody");
    };
    let unit = units.iter().find(|unit| unit.id == *id);
    unit.map_or_else(|| id.to_string(), |unit| unit.name.clone())
}

async fn change_view(
    tx: &mut Tx,
    ctx: &Ctx,
    ground: &Ground,
    units: &[Unit],
    change: &Change,
    places: &[PlaceChange],
) -> Result<ChangeView, Fault> {
    let opens = places.iter().all(|place| place.then.open);
    let what = match change.act {
        Act::Department if opens => ctx.t("coverage-act-department-open"),
        Act::Department => ctx.t("coverage-act-department-close"),
        Act::Commune => {
            let id = if opens {
                "coverage-act-commune-open"
            } else {
                "coverage-act-commune-close"
            };
            let place = places.first().map_or("", |place| place.place.as_str());
            ctx.t2(id, "name", ground.name(place), "code", place)
        }
        Act::Communes => ctx.t1("coverage-act-communes", "count", places.len()),
        Act::UnitClosed | Act::UnitReopened => {
            let id = format!("coverage-act-{}", change.act.as_str().replace('_', "-"));
            let unit = name_of(units, change.unit_id.as_ref(), ctx);
            ctx.t2(&id, "unit", unit, "count", places.len())
        }
    };
    let what = match change.undoes {
        Some(_) => ctx.t1("coverage-act-undone", "what", what),
        None => what,
    };
    let zone = units.first().map_or(chrono_tz::Europe::Paris, Unit::zone);
    let when = wall::capitalised(&wall::moment(ctx.lang, change.set_at, zone));
    let who = actor_in_words(tx, ctx, &change.set_by).await?;
    let line = ctx.t2("admin-act-by", "act", what, "who", who);
    let given = places
        .iter()
        .filter(|place| place.former.unit_id != place.then.unit_id);
    let given = given.map(|place| {
        let units = ctx.t2(
            "coverage-from-to",
            "from",
            name_of(units, place.former.unit_id.as_ref(), ctx),
            "to",
            name_of(units, place.then.unit_id.as_ref(), ctx),
        );
        let name = format!("{} ({})", ground.name(&place.place), place.place);
        ctx.t2("unit-field-line", "field", name, "what", units)
    });
    Ok(ChangeView {
        line: ctx.t2("unit-history-line", "when", when, "what", line),
        places: given.collect(),
    })
}

/// What was asked for, on which ground, and what it would do.
fn mark_of(ground: &Ground, asked: &[&str], effect: &[String]) -> String {
    let mut parts = vec![ground.version.to_string()];
    parts.extend(asked.iter().map(|part| (*part).to_owned()));
    parts.extend(effect.iter().cloned());
    mark(&parts)
}

/// "Trappes, Plaisir", or how many where they are too many to name.
fn named(ctx: &Ctx, ground: &Ground, codes: &[String]) -> String {
    if codes.len() > NAMED {
        return ctx.t1("unit-communes-count", "count", codes.len());
    }
    let names = codes.iter().map(|code| ground.name(code));
    names.collect::<Vec<_>>().join(", ")
}

/// What changes would do to people who come from then on, and to those who have an
/// appointment.
async fn effect_in_words(
    tx: &mut Tx,
    ctx: &Ctx,
    ground: &Ground,
    changes: &[PlaceChange],
) -> Result<Vec<String>, Fault> {
    let effect = ground.effect(changes);
    let mut lines = Vec::new();
    for (id, codes) in [
        ("coverage-turned-off", &effect.turned_off),
        ("coverage-turned-on", &effect.turned_on),
        ("coverage-given", &effect.given),
    ] {
        if !codes.is_empty() {
            let names = named(ctx, ground, codes);
            lines.push(ctx.t2(id, "count", codes.len(), "communes", names));
        }
    }
    if lines.is_empty() {
        let id = if changes.is_empty() {
            "unit-nothing-changes"
        } else {
            "coverage-nobody-touched"
        };
        lines.push(ctx.t(id));
    }
    let kept = unit_closing::count_kept(tx, &ground.department.code).await?;
    let touched = effect.touched();
    let people: i64 = touched.iter().filter_map(|code| kept.get(*code)).sum();
    lines.push(ctx.t1("coverage-kept", "count", people));
    Ok(lines)
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
        "annule" => page.ctx.t("admin-neighbours-done-undone"),
        _ => String::new(),
    };
    render(&page)
}

/// Shows what opening or closing a place would do, then does it.
async fn switch(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<SwitchForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let department = department_of(&officer)?.to_owned();
    coverage_changes::lock(&mut tx).await?;
    let ground = ground_of(&mut tx, &department).await?;
    let commune = form.commune.trim().to_uppercase();
    let message = coverage::message_of(&form.message);
    let open = match form.ouverte.as_str() {
        "oui" => Some(true),
        "non" => Some(false),
        _ => None,
    };
    let known = ground.standing(&commune).is_some();
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
    let places = ground.switch(&commune, open, &message).unwrap_or_default();
    let effect = effect_in_words(&mut tx, &ctx, &ground, &places).await?;
    let seen = mark_of(&ground, &[&commune, &form.ouverte, &message], &effect);
    if form.acte != "enregistrer" || form.vu != seen {
        let mut page = page(&mut tx, ctx, &officer).await?;
        page.form = SwitchForm { vu: seen, ..form };
        page.effect = effect;
        return Ok(render(&page)?.into_response());
    }
    let act = if commune.is_empty() {
        Act::Department
    } else {
        Act::Commune
    };
    let (actor, now) = (Actor::Officer(officer.id), ctx.now);
    make(&mut tx, &ground, act, None, &places, &actor, now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/administration/couverture?fait=couverture").into_response())
}

/// Makes a change, unless there is none to make.
async fn make(
    tx: &mut Tx,
    ground: &Ground,
    act: Act,
    undoes: Option<i64>,
    places: &[PlaceChange],
    actor: &Actor,
    now: crate::clock::Timestamp,
) -> Result<(), PageError> {
    let plan = Plan {
        act,
        unit_id: None,
        undoes,
        places,
    };
    if places.is_empty() || coverage_changes::apply(tx, ground, &plan, actor, now).await? {
        return Ok(());
    }
    Err(meanwhile().into())
}

/// Somebody changed the coverage since this page was read.
fn meanwhile() -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "coverage-meanwhile")
        .way_out("/administration/couverture", "coverage-way-out")
}

/// Reads a table of communes and units: looks, or does it, whole or not at all.
async fn assign(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<TableForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let department = department_of(&officer)?.to_owned();
    coverage_changes::lock(&mut tx).await?;
    let ground = ground_of(&mut tx, &department).await?;
    let mut page = page(&mut tx, ctx, &officer).await?;
    let units: BTreeSet<&str> = page.units.iter().map(|unit| unit.id.as_str()).collect();
    let read = commune_map::read(
        &form.tableau,
        |code| ground.communes.contains_key(code),
        |unit| units.contains(unit),
    );
    let assignments = match read {
        Ok(assignments) => assignments,
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
            page.table = form;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let places = ground.assign(&assignments);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for unit in assignments.values() {
        *counts.entry(unit.as_deref().unwrap_or("")).or_default() += 1;
    }
    let given = counts.iter().map(|(id, count)| {
        let id = (!id.is_empty()).then(|| Id::from(*id));
        let name = name_of(&page.units, id.as_ref(), &page.ctx);
        page.ctx
            .t2("admin-coverage-given", "unit", name, "count", count)
    });
    let mut preview: Vec<String> = given.collect();
    preview.extend(effect_in_words(&mut tx, &page.ctx, &ground, &places).await?);
    let seen = mark_of(&ground, &[&form.tableau], &preview);
    if form.acte != "enregistrer" || form.vu != seen {
        page.table = TableForm { vu: seen, ..form };
        page.preview = preview;
        return Ok(render(&page)?.into_response());
    }
    let (actor, now) = (Actor::Officer(officer.id), page.ctx.now);
    make(&mut tx, &ground, Act::Communes, None, &places, &actor, now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/administration/couverture?fait=unites").into_response())
}

/// Takes the last change back, if it is the one that was shown and every place still
/// stands as it left it.
async fn take_back(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<UndoForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let department = department_of(&officer)?.to_owned();
    coverage_changes::lock(&mut tx).await?;
    let ground = ground_of(&mut tx, &department).await?;
    let changes = coverage_changes::list(&mut tx, &department, 1).await?;
    let (change, back) = undoable(&ground, &changes).ok_or_else(meanwhile)?;
    let effect = effect_in_words(&mut tx, &ctx, &ground, &back).await?;
    let seen = mark_of(&ground, &["annuler"], &effect);
    if change.version != form.version || form.vu != seen {
        return Err(meanwhile().into());
    }
    let (actor, now) = (Actor::Officer(officer.id), ctx.now);
    let undone = Some(change.version);
    make(&mut tx, &ground, change.act, undone, &back, &actor, now).await?;
    tx.commit().await?;
    Ok(Redirect::to("/administration/couverture?fait=annule").into_response())
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
