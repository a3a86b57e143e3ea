//! Closing a unit of the department, and opening it again. Closing shows first what it
//! does: desks closed, communes that go to another unit or to nobody, cases that still
//! look for a time. It is refused while anybody is expected there, and done whole
//! otherwise. Opening again gives back the desks that were closed with it and the
//! communes that still stand as the closing left them.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::coverage::department_of;
use super::looked_at::mark;
use super::units::{LIST, any_unit_of};
use super::units_of;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::unit_closing;
use crate::calendar::coverage_changes::{self, Act, Ground, PlaceChange, Plan};
use crate::calendar::{self, Desk, Unit, units, wall};
use crate::db::{Id, Tx};
use crate::error::{PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

/// Communes named one by one; of more only how many.
const NAMED: usize = 20;

pub(super) fn router() -> Routes {
    Routes::new()
        .route(
            "/administration/unites/{id}/fermeture",
            get(ask_close).post(close),
        )
        .route(
            "/administration/unites/{id}/reouverture",
            get(ask_reopen).post(reopen),
        )
}

struct Choice {
    value: String,
    label: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct CloseForm {
    /// The unit that receives its communes; empty: nobody.
    reprise: String,
    /// The mark of what was looked at.
    vu: String,
    /// `fermer`, or anything else to look only.
    acte: String,
}

#[derive(Template)]
#[template(path = "admin/unit_close.html")]
struct ClosePage {
    ctx: Ctx,
    unit: Unit,
    heirs: Vec<Choice>,
    form: CloseForm,
    /// "Mardi 3 mars à 10 h 00 · VP-7K3M-92QX", whoever is still expected.
    expected: Vec<String>,
    effect: Vec<String>,
    /// Whether closing was asked for and did not happen.
    refused: bool,
    /// Whether this officer sees the unit's calendar.
    serves: bool,
}

/// What closing does.
struct Closing {
    desks: Vec<Desk>,
    communes: Vec<PlaceChange>,
    expected: Vec<String>,
    effect: Vec<String>,
    mark: String,
}

/// "Guyancourt, Plaisir, Trappes", or how many where they are too many to name.
fn named(ctx: &Ctx, ground: &Ground, places: &[PlaceChange]) -> String {
    if places.len() > NAMED {
        return ctx.t1("unit-communes-count", "count", places.len());
    }
    let names = places.iter().map(|change| ground.name(&change.place));
    names.collect::<Vec<_>>().join(", ")
}

async fn ground_of(tx: &mut Tx, unit: &Unit) -> Result<Ground, PageError> {
    let ground = coverage_changes::ground(tx, &unit.department).await?;
    ground.ok_or_else(|| Refusal::not_found().into())
}

async fn closing(
    tx: &mut Tx,
    ctx: &Ctx,
    unit: &Unit,
    ground: &Ground,
    heir: Option<&Unit>,
) -> Result<Closing, PageError> {
    let desks = calendar::list_desks(tx, &unit.id).await?;
    let communes = ground.hand_over(&unit.id, heir.map(|heir| &heir.id));
    let expected = unit_closing::list_expected_in(tx, &unit.id, ctx.now).await?;
    let cases = unit_closing::count_waiting_cases(tx, &unit.id).await?;
    let mut effect = vec![ctx.t1("unit-close-desks", "count", desks.len())];
    effect.push(match (communes.is_empty(), heir) {
        (true, _) => ctx.t("unit-close-no-commune"),
        (false, Some(heir)) => ctx.t2(
            "unit-close-communes-to",
            "communes",
            named(ctx, ground, &communes),
            "unit",
            &heir.name,
        ),
        (false, None) => ctx.t1(
            "unit-close-communes-nobody",
            "communes",
            named(ctx, ground, &communes),
        ),
    });
    if cases > 0 {
        effect.push(match heir {
            Some(heir) => ctx.t2("unit-close-cases-to", "count", cases, "unit", &heir.name),
            None => ctx.t1("unit-close-cases-nobody", "count", cases),
        });
    }
    let mut parts = vec![heir.map_or_else(String::new, |heir| heir.id.to_string())];
    parts.extend(effect.iter().cloned());
    Ok(Closing {
        expected: expected
            .iter()
            .map(|appointment| {
                let when = wall::moment(ctx.lang, appointment.starts_at, unit.zone());
                format!("{} · {}", wall::capitalised(&when), appointment.reference)
            })
            .collect(),
        mark: mark(&parts),
        desks,
        communes,
        effect,
    })
}

/// The open unit to close, and the others that could take its communes over.
async fn units_for(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
) -> Result<(Unit, Vec<Unit>), PageError> {
    department_of(officer)?;
    let mut units = units_of(tx, officer).await?;
    let at = units.iter().position(|unit| unit.id == *id);
    let unit = units.remove(at.ok_or_else(Refusal::not_found)?);
    Ok((unit, units))
}

fn close_page(
    ctx: Ctx,
    officer: &SignedInOfficer,
    unit: Unit,
    others: &[Unit],
    closing: Closing,
    form: CloseForm,
) -> ClosePage {
    ClosePage {
        heirs: others
            .iter()
            .map(|other| Choice {
                value: other.id.to_string(),
                label: other.name.clone(),
            })
            .collect(),
        form: CloseForm {
            vu: closing.mark,
            ..form
        },
        serves: officer.serves(&unit.id),
        expected: closing.expected,
        effect: closing.effect,
        refused: false,
        unit,
        ctx,
    }
}

async fn ask_close(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Asked(form): Asked<CloseForm>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (unit, others) = units_for(&mut tx, &officer, &id).await?;
    let ground = ground_of(&mut tx, &unit).await?;
    let heir = others.iter().find(|unit| unit.id.as_str() == form.reprise);
    let closing = closing(&mut tx, &ctx, &unit, &ground, heir).await?;
    render(&close_page(ctx, &officer, unit, &others, closing, form))
}

/// Closes the unit, if nobody is expected there and all is as it was shown. The locks
/// keep bookings of the unit and changes of coverage out until the end.
async fn close(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<CloseForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    units_for(&mut tx, &officer, &id).await?;
    audit::lock(&mut tx, id.as_str()).await?;
    coverage_changes::lock(&mut tx).await?;
    let (unit, others) = units_for(&mut tx, &officer, &id).await?;
    let ground = ground_of(&mut tx, &unit).await?;
    let heir = others.iter().find(|unit| unit.id.as_str() == form.reprise);
    let closing = closing(&mut tx, &ctx, &unit, &ground, heir).await?;
    let shown = form.vu == closing.mark && form.acte == "fermer";
    if !shown || !closing.expected.is_empty() {
        let refused = form.acte == "fermer" && !closing.expected.is_empty();
        let mut page = close_page(ctx, &officer, unit, &others, closing, form);
        page.refused = refused;
        let status = if refused {
            StatusCode::CONFLICT
        } else {
            StatusCode::OK
        };
        return render_with(status, &page);
    }
    let (actor, now) = (Actor::Officer(officer.id), ctx.now);
    units::close(&mut tx, &unit, &closing.desks, &actor, now).await?;
    let heir_id = heir.map(|heir| &heir.id);
    let cases = unit_closing::send_on_waiting_cases(&mut tx, &unit.id, heir_id).await?;
    if cases > 0 {
        let (object, detail) = (
            format!("unit/{}", unit.id),
            format!("count={cases} to={}", heir_id.map_or("-", Id::as_str)),
        );
        let chain = unit.id.as_str();
        audit::append(
            &mut tx,
            chain,
            now,
            &actor,
            "unit.send_on",
            &object,
            &detail,
        )
        .await?;
    }
    let plan = Plan {
        act: Act::UnitClosed,
        unit_id: Some(&unit.id),
        undoes: None,
        places: &closing.communes,
    };
    if !coverage_changes::apply(&mut tx, &ground, &plan, &actor, now).await? {
        return Err(meanwhile(&id).into());
    }
    tx.commit().await?;
    app.live.changed(format!("unit/{id}"));
    Ok(Redirect::to(&format!("{LIST}?fait=fermee")).into_response())
}

fn meanwhile(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "unit-meanwhile")
        .way_out(format!("{LIST}/{id}/fiche"), "unit-way-out")
}

#[derive(Template)]
#[template(path = "admin/unit_reopen.html")]
struct ReopenPage {
    ctx: Ctx,
    unit: Unit,
    effect: Vec<String>,
    vu: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ReopenForm {
    /// The mark of what was looked at.
    vu: String,
}

/// What opening again gives back.
struct Reopening {
    desks: Vec<Desk>,
    communes: Vec<PlaceChange>,
    effect: Vec<String>,
    mark: String,
}

async fn reopening(
    tx: &mut Tx,
    ctx: &Ctx,
    unit: &Unit,
    ground: &Ground,
) -> Result<Reopening, PageError> {
    let desks = units::list_desks_closed_with(tx, unit).await?;
    let given = coverage_changes::last_closing(tx, &unit.department, &unit.id).await?;
    let given = given.unwrap_or_default();
    let communes = ground.take_back(&given);
    let mut effect = vec![ctx.t1("unit-reopen-desks", "count", desks.len())];
    effect.push(if communes.is_empty() {
        ctx.t("unit-reopen-no-commune")
    } else {
        ctx.t1(
            "unit-reopen-communes",
            "communes",
            named(ctx, ground, &communes),
        )
    });
    if communes.len() < given.len() {
        let changed = given.len() - communes.len();
        effect.push(ctx.t1("unit-reopen-changed", "count", changed));
    }
    Ok(Reopening {
        mark: mark(&effect),
        desks,
        communes,
        effect,
    })
}

/// The closed unit to open again.
async fn closed_unit(tx: &mut Tx, officer: &SignedInOfficer, id: &Id) -> Result<Unit, PageError> {
    department_of(officer)?;
    let unit = any_unit_of(tx, officer, id).await?;
    if unit.closed_at.is_none() {
        return Err(PageError::Redirect(LIST.to_owned()));
    }
    Ok(unit)
}

async fn ask_reopen(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = closed_unit(&mut tx, &officer, &id).await?;
    let ground = ground_of(&mut tx, &unit).await?;
    let reopening = reopening(&mut tx, &ctx, &unit, &ground).await?;
    render(&ReopenPage {
        ctx,
        unit,
        effect: reopening.effect,
        vu: reopening.mark,
    })
}

async fn reopen(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<ReopenForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    closed_unit(&mut tx, &officer, &id).await?;
    audit::lock(&mut tx, id.as_str()).await?;
    coverage_changes::lock(&mut tx).await?;
    let unit = closed_unit(&mut tx, &officer, &id).await?;
    let ground = ground_of(&mut tx, &unit).await?;
    let reopening = reopening(&mut tx, &ctx, &unit, &ground).await?;
    if form.vu != reopening.mark {
        let page = ReopenPage {
            ctx,
            unit,
            effect: reopening.effect,
            vu: reopening.mark,
        };
        return Ok(render(&page)?.into_response());
    }
    let actor = Actor::Officer(officer.id);
    units::reopen(&mut tx, &unit, &reopening.desks, &actor, ctx.now).await?;
    let plan = Plan {
        act: Act::UnitReopened,
        unit_id: Some(&unit.id),
        undoes: None,
        places: &reopening.communes,
    };
    if !coverage_changes::apply(&mut tx, &ground, &plan, &actor, ctx.now).await? {
        return Err(meanwhile(&id).into());
    }
    tx.commit().await?;
    app.live.changed(format!("unit/{id}"));
    Ok(Redirect::to(&format!("{LIST}?fait=rouverte")).into_response())
}
