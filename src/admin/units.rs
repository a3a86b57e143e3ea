//! The units of a department: the list, one more, the sheet of each with its history.
//! What people would read is shown before it is saved, and the last change of a sheet can
//! be taken back. The administrator of a unit writes its sheet; only that of the
//! department adds one.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::all_units_of;
use super::coverage::department_of;
use super::desks::{Errors, Field};
use super::empowerments::actor_in_words;
use super::looked_at::mark;
use crate::app::App;
use crate::audit::Actor;
use crate::booking::unit_closing;
use crate::calendar::sheet::{ADDRESS_CHARS, AskedSheet, NAME_CHARS, Sheet, SheetField, ZONES};
use crate::calendar::units::{self, UnitAct, UnitChange};
use crate::calendar::{self, Unit, UnitKind, coverage_changes, wall};
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::{Role, SignedInOfficer};
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

/// Versions shown.
const HISTORY: i64 = 30;
pub(super) const LIST: &str = "/administration/unites";

pub(super) fn router() -> Routes {
    Routes::new()
        .route(LIST, get(list))
        .route("/administration/unites/nouvelle", get(ask).post(create))
        .route("/administration/unites/{id}/fiche", get(show).post(change))
}

#[derive(Template)]
#[template(path = "admin/units.html")]
struct UnitsPage {
    ctx: Ctx,
    units: Vec<UnitView>,
    /// Whether this person adds, closes and reopens units.
    departmental: bool,
    done: String,
}

struct UnitView {
    unit: Unit,
    kind: String,
    desks: usize,
    communes: usize,
    /// "Fermée le 2 mars 2026"; empty while open.
    closed: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Done {
    fait: String,
}

async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(asked): Asked<Done>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let mut views = Vec::new();
    let found = all_units_of(&mut tx, &officer).await?;
    let ground = coverage_changes::ground(&mut tx, &officer.department).await?;
    for unit in found {
        let communes = ground.iter().flat_map(|ground| ground.communes.values());
        let of_unit = communes.filter(|commune| commune.unit_id.as_ref() == Some(&unit.id));
        views.push(UnitView {
            kind: ctx.t(&kind_words(unit.kind)),
            desks: calendar::list_desks(&mut tx, &unit.id).await?.len(),
            communes: of_unit.count(),
            closed: unit.closed_at.map_or_else(String::new, |at| {
                ctx.t1(
                    "unit-closed-at",
                    "when",
                    wall::moment(ctx.lang, at, unit.zone()),
                )
            }),
            unit,
        });
    }
    let done = match asked.fait.as_str() {
        "creee" => ctx.t("unit-done-created"),
        "fermee" => ctx.t("unit-done-closed"),
        "rouverte" => ctx.t("unit-done-reopened"),
        _ => String::new(),
    };
    render(&UnitsPage {
        ctx,
        units: views,
        departmental: officer.role == Role::DepartmentAdmin,
        done,
    })
}

fn kind_words(kind: UnitKind) -> String {
    format!("unit-kind-{kind}")
}

/// A choice of the form.
struct Choice {
    value: String,
    label: String,
    hint: &'static str,
}

/// One version in words.
struct ChangeView {
    /// "Mardi 3 mars 2026 à 10 h 00 : fiche modifiée, par RIO 9078003".
    line: String,
    /// "Téléphone : « … » devient « … »".
    details: Vec<String>,
}

#[derive(Template)]
#[template(path = "admin/unit_sheet.html")]
struct SheetPage {
    ctx: Ctx,
    title: String,
    action: String,
    kinds: Vec<Choice>,
    zones: Vec<Choice>,
    form: SheetForm,
    errors: Errors,
    /// What was just done, in words; empty otherwise.
    done: String,
    /// What saving would do; empty unless it is looked at.
    preview: Vec<String>,
    history: Vec<ChangeView>,
    /// The version that can be taken back; 0 for none.
    undo: i64,
    /// Of a closed unit: when it was closed.
    closed: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SheetForm {
    /// The version that the form was filled from, as text: what is flattened beside it
    /// has only texts.
    version: String,
    #[serde(flatten)]
    sheet: AskedSheet,
    /// The mark of what was looked at.
    vu: String,
    /// `enregistrer`, `annuler`, or anything else to look only.
    acte: String,
}

/// What a field of the sheet is called.
fn label(ctx: &Ctx, field: SheetField) -> String {
    ctx.t(&format!("unit-field-{}", field.as_str().replace('_', "-")))
}

/// A line of a sheet as people read it.
fn in_words(ctx: &Ctx, sheet: &Sheet, field: SheetField) -> String {
    match field {
        SheetField::Kind => ctx.t(&kind_words(sheet.kind)),
        SheetField::Zone => sheet.time_zone.parse().map_or_else(
            |_| sheet.time_zone.clone(),
            |zone| wall::zone_name(ctx.lang, zone),
        ),
        _ if sheet.text(field).is_empty() => ctx.t("unit-field-empty"),
        _ => sheet.text(field).to_owned(),
    }
}

/// "Téléphone : « … » devient « … »", for every line that differs.
fn differences(ctx: &Ctx, former: &Sheet, sheet: &Sheet) -> Vec<String> {
    let fields = former.differences(sheet).into_iter();
    let lines = fields.map(|field| {
        let what = ctx.t2(
            "unit-field-changes",
            "former",
            in_words(ctx, former, field),
            "now",
            in_words(ctx, sheet, field),
        );
        ctx.t2("unit-field-line", "field", label(ctx, field), "what", what)
    });
    lines.collect()
}

fn errors_of(ctx: &Ctx, wrong: &[SheetField]) -> Errors {
    let told = wrong.iter().map(|field| Field {
        field: field.as_str(),
        text: match field {
            SheetField::Name => ctx.t1("unit-error-nom", "most", NAME_CHARS),
            SheetField::Address | SheetField::City => ctx.t1(
                &format!("unit-error-{}", field.as_str()),
                "most",
                ADDRESS_CHARS,
            ),
            other => ctx.t(&format!("unit-error-{}", other.as_str().replace('_', "-"))),
        },
    });
    Errors(told.collect())
}

impl SheetPage {
    fn new(ctx: Ctx, unit: Option<&Unit>, form: SheetForm) -> Self {
        let kinds = UnitKind::ALL.iter().map(|kind| Choice {
            value: kind.to_string(),
            label: ctx.t(&kind_words(*kind)),
            hint: "",
        });
        let zones = ZONES.iter().map(|zone| Choice {
            value: zone.name().to_owned(),
            label: wall::capitalised(&wall::zone_name(ctx.lang, *zone)),
            hint: "",
        });
        SheetPage {
            title: unit.map_or_else(|| ctx.t("unit-new"), |unit| unit.name.clone()),
            action: unit.map_or_else(|| format!("{LIST}/nouvelle"), |unit| path_of(&unit.id)),
            kinds: kinds.collect(),
            zones: zones.collect(),
            form,
            errors: Errors::default(),
            done: String::new(),
            preview: Vec::new(),
            history: Vec::new(),
            undo: 0,
            closed: unit
                .and_then(|unit| Some((unit.closed_at?, unit.zone())))
                .map_or_else(String::new, |(at, zone)| {
                    ctx.t1("unit-closed-at", "when", wall::moment(ctx.lang, at, zone))
                }),
            ctx,
        }
    }
}

fn path_of(id: &Id) -> String {
    format!("{LIST}/{id}/fiche")
}

/// What is asked for, the version it was asked on, and what it would do.
fn mark_of(form: &SheetForm, sheet: &Sheet, effect: &[String]) -> String {
    let mut parts = vec![form.version.clone()];
    parts.extend(
        SheetField::ALL
            .iter()
            .map(|field| sheet.text(*field).to_owned()),
    );
    parts.extend(effect.iter().cloned());
    mark(&parts)
}

async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
) -> Result<Html<String>, PageError> {
    department_of(&officer)?;
    let mut tx = app.db.read().await?;
    // A department lies in one zone: the first unit's is proposed.
    let units = calendar::list_units(&mut tx, &officer.department).await?;
    let zone = units.first().map(|unit| unit.time_zone.clone());
    let sheet = AskedSheet {
        fuseau: zone.unwrap_or_else(|| ZONES[0].name().to_owned()),
        ..AskedSheet::default()
    };
    let form = SheetForm {
        sheet,
        ..SheetForm::default()
    };
    render(&SheetPage::new(ctx, None, form))
}

/// Shows the sheet that a new unit would have, then adds the unit.
async fn create(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<SheetForm>,
) -> Result<Response, PageError> {
    department_of(&officer)?;
    let sheet = match Sheet::check(&form.sheet) {
        Ok(sheet) => sheet,
        Err(wrong) => {
            let mut page = SheetPage::new(ctx, None, form);
            page.errors = errors_of(&page.ctx, &wrong);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let fields = SheetField::ALL.iter().map(|field| {
        let what = in_words(&ctx, &sheet, *field);
        ctx.t2(
            "unit-field-line",
            "field",
            label(&ctx, *field),
            "what",
            what,
        )
    });
    let mut preview: Vec<String> = fields.collect();
    preview.push(ctx.t("unit-new-effect"));
    let seen = mark_of(&form, &sheet, &preview);
    if form.acte != "enregistrer" || form.vu != seen {
        let form = SheetForm { vu: seen, ..form };
        let mut page = SheetPage::new(ctx, None, form);
        page.preview = preview;
        return Ok(render(&page)?.into_response());
    }
    let mut tx = app.db.begin().await?;
    let actor = Actor::Officer(officer.id);
    units::create(&mut tx, &officer.department, &sheet, &actor, ctx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("{LIST}?fait=creee")).into_response())
}

/// A unit of this administrator, open or closed.
pub(super) async fn any_unit_of(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
) -> Result<Unit, PageError> {
    let units = all_units_of(tx, officer).await?;
    let found = units.into_iter().find(|unit| unit.id == *id);
    found.ok_or_else(|| Refusal::not_found().into())
}

async fn page(
    tx: &mut Tx,
    ctx: Ctx,
    unit: &Unit,
    form: Option<SheetForm>,
) -> Result<SheetPage, Fault> {
    let changes = units::list_changes(tx, &unit.id, HISTORY).await?;
    let version = changes.first().map_or(0, |change| change.version);
    let form = form.unwrap_or_else(|| SheetForm {
        version: version.to_string(),
        sheet: AskedSheet::of(&Sheet::of(unit)),
        ..SheetForm::default()
    });
    let mut page = SheetPage::new(ctx, Some(unit), form);
    for change in &changes {
        page.history
            .push(change_view(tx, &page.ctx, unit, change).await?);
    }
    let last = changes.first().filter(|change| change.can_be_undone());
    page.undo = last.map_or(0, |change| change.version);
    Ok(page)
}

async fn change_view(
    tx: &mut Tx,
    ctx: &Ctx,
    unit: &Unit,
    change: &UnitChange,
) -> Result<ChangeView, Fault> {
    let when = wall::capitalised(&wall::moment(ctx.lang, change.set_at, unit.zone()));
    let what = match (change.act, change.undoes) {
        (UnitAct::Edit, Some(_)) => ctx.t("unit-act-undone"),
        (act, _) => ctx.t(&format!("unit-act-{act}")),
    };
    let who = actor_in_words(tx, ctx, &change.set_by).await?;
    let line = ctx.t2("admin-act-by", "act", what, "who", who);
    Ok(ChangeView {
        line: ctx.t2("unit-history-line", "when", when, "what", line),
        details: differences(ctx, &change.former, &change.sheet),
    })
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Asked(asked): Asked<Done>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = any_unit_of(&mut tx, &officer, &id).await?;
    let mut page = page(&mut tx, ctx, &unit, None).await?;
    page.done = match asked.fait.as_str() {
        "oui" => page.ctx.t("unit-done-edited"),
        "annule" => page.ctx.t("unit-done-undone"),
        _ => String::new(),
    };
    render(&page)
}

/// Shows what another sheet would change, sets it, or takes the last change back.
async fn change(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<SheetForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = any_unit_of(&mut tx, &officer, &id).await?;
    // Whoever books meanwhile waits, so that a clock changes under nobody.
    crate::audit::lock(&mut tx, unit.id.as_str()).await?;
    let unit = calendar::find_unit(&mut tx, &unit.id)
        .await?
        .unwrap_or(unit);
    let undoes = form.acte == "annuler";
    let version: i64 = form.version.parse().unwrap_or(-1);
    let sheet = if undoes {
        let last = units::list_changes(&mut tx, &unit.id, 1).await?.pop();
        let last = last.filter(|last| last.can_be_undone() && last.version == version);
        last.ok_or_else(|| changed_meanwhile(&id))?.former
    } else {
        match Sheet::check(&form.sheet) {
            Ok(sheet) => sheet,
            Err(wrong) => {
                let mut page = page(&mut tx, ctx, &unit, Some(form)).await?;
                page.errors = errors_of(&page.ctx, &wrong);
                return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
            }
        }
    };
    let mut preview = differences(&ctx, &Sheet::of(&unit), &sheet);
    if sheet.time_zone != unit.time_zone {
        let expected = unit_closing::list_expected_in(&mut tx, &unit.id, ctx.now).await?;
        if !expected.is_empty() {
            let mut page = page(&mut tx, ctx, &unit, Some(form)).await?;
            let text = page
                .ctx
                .t1("unit-error-zone-expected", "count", expected.len());
            page.errors.0.push(Field {
                field: SheetField::Zone.as_str(),
                text,
            });
            return render_with(StatusCode::CONFLICT, &page);
        }
        preview.push(ctx.t("unit-zone-effect"));
    }
    if preview.is_empty() {
        preview.push(ctx.t("unit-nothing-changes"));
    }
    let seen = mark_of(&form, &sheet, &preview);
    if !undoes && (form.acte != "enregistrer" || form.vu != seen) {
        let form = SheetForm { vu: seen, ..form };
        let mut page = page(&mut tx, ctx, &unit, Some(form)).await?;
        page.preview = preview;
        return Ok(render(&page)?.into_response());
    }
    let actor = Actor::Officer(officer.id);
    let version = (version, undoes.then_some(version));
    if !units::edit(&mut tx, &unit, version, &sheet, &actor, ctx.now).await? {
        return Err(changed_meanwhile(&id).into());
    }
    tx.commit().await?;
    app.live.changed(format!("unit/{id}"));
    let done = if undoes { "annule" } else { "oui" };
    Ok(Redirect::to(&format!("{}?fait={done}", path_of(&id))).into_response())
}

/// Somebody changed the unit since this page was read.
fn changed_meanwhile(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "unit-meanwhile").way_out(path_of(id), "unit-way-out")
}
