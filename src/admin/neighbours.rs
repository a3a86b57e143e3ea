//! Which neighbour units may receive a unit's people, and from which wait on. What a
//! change would do today is shown before it is made; every version stays with its author
//! and date, and the last one can be taken back. Only the administrator of the
//! department may: the units are not one administrator's alone.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::coverage::department_of;
use super::desks::{Errors, Field};
use super::empowerments::actor_in_words;
use super::{unit_of, units_of};
use crate::app::App;
use crate::audit::Actor;
use crate::calendar::overflow::{self, MOST_DAYS, MOST_NAMED, OverflowError, OverflowRule};
use crate::calendar::{self, Unit, wall};
use crate::db::Tx;
use crate::error::{Fault, PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

/// Versions shown.
const HISTORY: i64 = 20;

pub(super) fn router() -> Routes {
    Routes::new().route(
        "/administration/unites/{id}/voisines",
        get(show).post(change),
    )
}

struct Choice {
    value: String,
    label: String,
}

/// One select of the form.
struct Rank {
    name: String,
    label: String,
    value: String,
}

#[derive(Template)]
#[template(path = "admin/neighbours.html")]
struct NeighboursPage {
    ctx: Ctx,
    unit: Unit,
    /// The other units of the department.
    others: Vec<Choice>,
    form: RuleForm,
    ranks: Vec<Rank>,
    errors: Errors,
    /// What was just done, in words; empty otherwise.
    done: String,
    /// The rule as it stands.
    stands: String,
    /// What the rule asked for would do today; empty unless it is looked at.
    preview: Vec<String>,
    history: Vec<String>,
    /// Whether the last change can be taken back.
    can_undo: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RuleForm {
    /// The version that the form was filled from.
    version: i64,
    jours: String,
    toutes: String,
    rang_1: String,
    rang_2: String,
    rang_3: String,
    rang_4: String,
    rang_5: String,
    /// `enregistrer`, `annuler`, or anything else to look only.
    acte: String,
}

impl RuleForm {
    fn of(version: i64, rule: &OverflowRule) -> Self {
        let named = |rank: usize| {
            let unit = rule.neighbours.get(rank - 1);
            unit.map_or_else(String::new, ToString::to_string)
        };
        RuleForm {
            version,
            jours: rule
                .after_days
                .map_or_else(String::new, |days| days.to_string()),
            toutes: if rule.everybody { "oui" } else { "" }.to_owned(),
            rang_1: named(1),
            rang_2: named(2),
            rang_3: named(3),
            rang_4: named(4),
            rang_5: named(5),
            acte: String::new(),
        }
    }

    fn named(&self) -> [String; MOST_NAMED] {
        [
            self.rang_1.clone(),
            self.rang_2.clone(),
            self.rang_3.clone(),
            self.rang_4.clone(),
            self.rang_5.clone(),
        ]
    }

    fn check(&self, others: &[Unit], ctx: &Ctx) -> Result<OverflowRule, Errors> {
        let read = OverflowRule::check(&self.jours, self.toutes == "oui", &self.named(), others);
        read.map_err(|errors| {
            let told = errors.into_iter().map(|error| match error {
                OverflowError::Days => Field {
                    field: "jours",
                    text: ctx.t1("admin-neighbours-error-days", "most", MOST_DAYS),
                },
                OverflowError::Neighbour => Field {
                    field: "rang_1",
                    text: ctx.t("admin-neighbours-error-unit"),
                },
                OverflowError::Twice => Field {
                    field: "rang_1",
                    text: ctx.t("admin-neighbours-error-twice"),
                },
                OverflowError::Nobody => Field {
                    field: "rang_1",
                    text: ctx.t("admin-neighbours-error-nobody"),
                },
            });
            Errors(told.collect())
        })
    }
}

/// A unit of the department, with the others; only for who administers all of it.
async fn units(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &crate::db::Id,
) -> Result<(Unit, Vec<Unit>), PageError> {
    department_of(officer)?;
    let unit = unit_of(tx, officer, id).await?;
    let others = units_of(tx, officer).await?.into_iter();
    Ok((
        unit.clone(),
        others.filter(|other| other.id != unit.id).collect(),
    ))
}

/// "Après 7 jours : Brigade de Valombreuse, puis toutes les autres unités".
fn in_words(rule: &OverflowRule, others: &[Unit], ctx: &Ctx) -> String {
    let Some(days) = rule.after_days else {
        return ctx.t("admin-neighbours-never");
    };
    let mut names: Vec<String> = rule
        .neighbours
        .iter()
        .map(|id| {
            let unit = others.iter().find(|unit| unit.id == *id);
            unit.map_or_else(|| id.to_string(), |unit| unit.name.clone())
        })
        .collect();
    if rule.everybody {
        names.push(ctx.t("admin-neighbours-everybody-short"));
    }
    ctx.t2(
        "admin-neighbours-stands",
        "days",
        days,
        "units",
        names.join(", "),
    )
}

async fn page(
    tx: &mut Tx,
    ctx: Ctx,
    unit: Unit,
    others: &[Unit],
    form: Option<RuleForm>,
) -> Result<NeighboursPage, Fault> {
    let plans = overflow::list(tx, &unit.id, HISTORY).await?;
    let stands = overflow::find(tx, &unit.id).await?;
    let form = form.unwrap_or_else(|| RuleForm::of(stands.version, &stands.rule));
    let mut history = Vec::with_capacity(plans.len());
    for plan in &plans {
        let when = wall::capitalised(&wall::moment(ctx.lang, plan.set_at, unit.zone()));
        let mut what = in_words(&plan.rule, others, &ctx);
        if plan.undoes.is_some() {
            what = ctx.t1("admin-neighbours-undone", "what", what);
        }
        let who = actor_in_words(tx, &ctx, &plan.set_by).await?;
        let line = ctx.t2("admin-act-by", "act", what, "who", who);
        history.push(format!("{when} : {line}"));
    }
    let ranks = (1..).zip(form.named()).map(|(rank, value)| Rank {
        name: format!("rang_{rank}"),
        label: ctx.t1("admin-neighbours-rank", "rank", rank),
        value,
    });
    Ok(NeighboursPage {
        history,
        ranks: ranks.collect(),
        others: others
            .iter()
            .map(|other| Choice {
                value: other.id.to_string(),
                label: other.name.clone(),
            })
            .collect(),
        errors: Errors::default(),
        done: String::new(),
        stands: in_words(&stands.rule, others, &ctx),
        preview: Vec::new(),
        can_undo: stands.version > 0 && stands.undoes.is_none(),
        form,
        unit,
        ctx,
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
    PathId(id): PathId,
    Asked(asked): Asked<Done>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (unit, others) = units(&mut tx, &officer, &id).await?;
    let mut page = page(&mut tx, ctx, unit, &others, None).await?;
    page.done = match asked.fait.as_str() {
        "oui" => page.ctx.t("admin-neighbours-done"),
        "annule" => page.ctx.t("admin-neighbours-done-undone"),
        _ => String::new(),
    };
    render(&page)
}

/// Looks at a rule, sets it, or takes the last one back.
async fn change(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<RuleForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (unit, others) = units(&mut tx, &officer, &id).await?;
    let path = format!("/administration/unites/{id}/voisines");
    let actor = Actor::Officer(officer.id.clone());
    if form.acte == "annuler" {
        let plans = overflow::list(&mut tx, &unit.id, 2).await?;
        let former = plans.get(1).map(|plan| plan.rule.clone());
        let last = plans.first().filter(|plan| plan.undoes.is_none());
        let Some(last) = last.filter(|last| last.version == form.version) else {
            return Err(changed_meanwhile(path).into());
        };
        // The first of all is taken back to nobody's being sent away.
        let former = former.unwrap_or_default();
        let (version, now) = (last.version, ctx.now);
        if !overflow::set(&mut tx, &unit, version, &former, Some(version), &actor, now).await? {
            return Err(changed_meanwhile(path).into());
        }
        tx.commit().await?;
        return Ok(Redirect::to(&format!("{path}?fait=annule")).into_response());
    }
    let rule = match form.check(&others, &ctx) {
        Ok(rule) => rule,
        Err(errors) => {
            let mut page = page(&mut tx, ctx, unit, &others, Some(form)).await?;
            page.errors = errors;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    if form.acte == "enregistrer" {
        if !overflow::set(&mut tx, &unit, form.version, &rule, None, &actor, ctx.now).await? {
            return Err(changed_meanwhile(path).into());
        }
        tx.commit().await?;
        return Ok(Redirect::to(&format!("{path}?fait=oui")).into_response());
    }
    let preview = dry_run(&mut tx, &unit, &rule, &ctx).await?;
    let mut page = page(&mut tx, ctx, unit, &others, Some(form)).await?;
    page.preview = preview;
    Ok(render(&page)?.into_response())
}

/// What people of the unit would read today under a rule.
async fn dry_run(
    tx: &mut Tx,
    unit: &Unit,
    rule: &OverflowRule,
    ctx: &Ctx,
) -> Result<Vec<String>, Fault> {
    let moment = |at, unit: &Unit| wall::moment(ctx.lang, at, unit.zone());
    let end = calendar::end_of_horizon(unit, ctx.now);
    let own = calendar::offered_slots(tx, unit, ctx.now, end, ctx.now).await?;
    let own_first = own.first().map(|slot| slot.starts_at);
    let mut lines = vec![match own_first {
        Some(at) => ctx.t1("admin-neighbours-own-first", "moment", moment(at, unit)),
        None => ctx.t("admin-neighbours-own-none"),
    }];
    if rule.after_days.is_none() {
        lines.push(ctx.t("admin-neighbours-never"));
        return Ok(lines);
    }
    if !rule.is_due(own_first, ctx.now, unit.zone()) {
        lines.push(ctx.t("admin-neighbours-not-due"));
        return Ok(lines);
    }
    let offers = overflow::find_offers(tx, unit, rule, own_first, ctx.now).await?;
    if offers.is_empty() {
        lines.push(ctx.t("admin-neighbours-no-offer"));
    }
    lines.extend(offers.iter().map(|(other, slot)| {
        let at = moment(slot.starts_at, other);
        ctx.t2("admin-neighbours-offer", "unit", &other.name, "moment", at)
    }));
    Ok(lines)
}

/// Somebody changed the rule since this page was read.
fn changed_meanwhile(path: String) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "admin-neighbours-meanwhile")
        .way_out(path, "admin-neighbours-way-out")
}
