//! The rules of a unit's slots: length, pause, notice, horizon, public holidays, and how
//! slots are let go of. What other rules would change today is shown before they are set,
//! and never after; the former rules come back by one button.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::Days;
use serde::Deserialize;

use super::desks::{Errors, Field};
use super::empowerments::actor_in_words;
use super::looked_at::mark;
use super::unit_of;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking;
use crate::calendar::recurrence::day_of;
use crate::calendar::release::ReleaseRule;
use crate::calendar::rules::{AskedRelease, AskedRules, RulesChange, RulesError, UnitRules};
use crate::calendar::{self, Unit, holidays, wall};
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

/// Changes shown.
const HISTORY: i64 = 20;

pub(super) fn router() -> Routes {
    Routes::new().route("/administration/unites/{id}/regles", get(show).post(save))
}

#[derive(Template)]
#[template(path = "admin/rules.html")]
struct RulesPage {
    ctx: Ctx,
    unit: Unit,
    zone: String,
    form: RulesForm,
    errors: Errors,
    /// What was just done, in words; empty otherwise.
    done: String,
    /// What the rules asked for would do today; empty unless they are looked at.
    preview: Vec<String>,
    /// "Vendredi 1er mai 2026 – Fête du travail", a year ahead.
    holidays: Vec<String>,
    history: Vec<ChangeView>,
    /// The change that can be taken back; 0 for none.
    undo: i64,
}

/// One change in words.
struct ChangeView {
    line: String,
    /// "Durée d’un créneau : « 30 » devient « 45 »".
    details: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RulesForm {
    creneau: String,
    pause: String,
    preavis: String,
    horizon: String,
    feries: String,
    etapes: String,
    premiere_part: String,
    deuxieme_part: String,
    jours_avant: String,
    /// The mark of what was looked at.
    vu: String,
    /// The change to take back.
    version: i64,
    /// `enregistrer`, `annuler`, or anything else to look only.
    acte: String,
}

impl RulesForm {
    fn of(unit: &Unit) -> Self {
        RulesForm {
            creneau: unit.slot_minutes.to_string(),
            pause: unit.buffer_minutes.to_string(),
            preavis: unit.notice_minutes.to_string(),
            horizon: unit.horizon_days.to_string(),
            feries: if unit.opens_on_holidays { "oui" } else { "" }.to_owned(),
            etapes: if unit.release.is_off() { "" } else { "oui" }.to_owned(),
            // What the boxes propose where nothing is held back yet.
            premiere_part: if unit.release.is_off() {
                "50".to_owned()
            } else {
                unit.release.first_percent.to_string()
            },
            deuxieme_part: if unit.release.is_off() {
                "30".to_owned()
            } else {
                unit.release.second_percent.to_string()
            },
            jours_avant: unit.release.second_days.to_string(),
            ..RulesForm::default()
        }
    }

    fn check(&self, ctx: &Ctx) -> Result<UnitRules, Errors> {
        let asked = AskedRules {
            slot: &self.creneau,
            buffer: &self.pause,
            notice: &self.preavis,
            horizon: &self.horizon,
            opens_on_holidays: self.feries == "oui",
            release: (self.etapes == "oui").then_some(AskedRelease {
                first: &self.premiere_part,
                second: &self.deuxieme_part,
                days: &self.jours_avant,
            }),
        };
        UnitRules::check(asked).map_err(|errors| {
            let field = |error| match error {
                RulesError::Slot => ("creneau", "admin-rules-error-slot"),
                RulesError::Buffer => ("pause", "admin-rules-error-buffer"),
                RulesError::Notice => ("preavis", "admin-rules-error-notice"),
                RulesError::Horizon => ("horizon", "admin-rules-error-horizon"),
                RulesError::ReleaseFirst => ("premiere_part", "admin-rules-error-first"),
                RulesError::ReleaseSecond => ("deuxieme_part", "admin-rules-error-second"),
                RulesError::ReleaseDays => ("jours_avant", "admin-rules-error-days"),
            };
            let fields = errors.into_iter().map(field);
            let told = fields.map(|(field, text)| Field {
                field,
                text: ctx.t(text),
            });
            Errors(told.collect())
        })
    }
}

async fn page(
    tx: &mut Tx,
    ctx: Ctx,
    unit: Unit,
    form: RulesForm,
    errors: Errors,
    done: &str,
) -> Result<RulesPage, Fault> {
    let today = day_of(ctx.now, unit.zone());
    let in_a_year = today.checked_add_days(Days::new(365)).unwrap_or(today);
    let changes = calendar::list_rule_changes(tx, &unit.id, HISTORY).await?;
    let mut history = Vec::with_capacity(changes.len());
    for change in &changes {
        history.push(change_view(tx, &ctx, &unit, change).await?);
    }
    let last = changes.first();
    let undo = last.filter(|last| last.undoes.is_none() && last.rules == UnitRules::of(&unit));
    Ok(RulesPage {
        undo: undo.map_or(0, |last| last.version),
        history,
        zone: ctx.t1("admin-zone", "zone", wall::zone_name(ctx.lang, unit.zone())),
        holidays: holidays::between(&unit.department, today, in_a_year)
            .into_iter()
            .map(|(day, holiday)| {
                let day = wall::capitalised(&wall::day(ctx.lang, day));
                format!("{day} – {}", ctx.t(&format!("holiday-{holiday}")))
            })
            .collect(),
        preview: Vec::new(),
        form,
        errors,
        done: done.to_owned(),
        unit,
        ctx,
    })
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = unit_of(&mut tx, &officer, &id).await?;
    let done = match query.get("fait").map(String::as_str) {
        Some("oui") => ctx.t("admin-rules-done"),
        Some("annule") => ctx.t("rules-done-undone"),
        _ => String::new(),
    };
    let form = RulesForm::of(&unit);
    render(&page(&mut tx, ctx, unit, form, Errors::default(), &done).await?)
}

/// Shows what the rules asked for would do, sets them, or takes the last change back.
/// Slots follow them from then on; what is booked stays as it is.
async fn save(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<RulesForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = unit_of(&mut tx, &officer, &id).await?;
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let unit = unit_of(&mut tx, &officer, &id).await?;
    let actor = Actor::Officer(officer.id);
    if form.acte == "annuler" {
        let last = calendar::list_rule_changes(&mut tx, &unit.id, 1)
            .await?
            .pop();
        let last = last.filter(|last| last.undoes.is_none() && last.version == form.version);
        let last = last.filter(|last| last.rules == UnitRules::of(&unit));
        let last = last.ok_or_else(|| changed_meanwhile(&id))?;
        let undone = Some(last.version);
        calendar::set_rules(&mut tx, &unit.id, &last.former, undone, &actor, ctx.now).await?;
        tx.commit().await?;
        app.live.changed(format!("unit/{id}"));
        return Ok(Redirect::to(&format!("{}?fait=annule", path_of(&id))).into_response());
    }
    let rules = match form.check(&ctx) {
        Ok(rules) => rules,
        Err(errors) => {
            let page = page(&mut tx, ctx, unit, form, errors, "").await?;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    // The effect counts free places, which people take all the time: what must not have
    // changed since it was looked at are the rules asked for and those that stand.
    let seen = mark(&[format!("{:?}", UnitRules::of(&unit)), format!("{rules:?}")]);
    if form.acte != "enregistrer" || form.vu != seen {
        let mut preview = differences(&ctx, &UnitRules::of(&unit), &rules);
        preview.extend(dry_run(&mut tx, &unit, &rules, &ctx).await?);
        let form = RulesForm { vu: seen, ..form };
        let mut page = page(&mut tx, ctx, unit, form, Errors::default(), "").await?;
        page.preview = preview;
        return Ok(render(&page)?.into_response());
    }
    calendar::set_rules(&mut tx, &unit.id, &rules, None, &actor, ctx.now).await?;
    tx.commit().await?;
    app.live.changed(format!("unit/{id}"));
    Ok(Redirect::to(&format!("{}?fait=oui", path_of(&id))).into_response())
}

fn path_of(id: &Id) -> String {
    format!("/administration/unites/{id}/regles")
}

/// Somebody changed the rules since this page was read.
fn changed_meanwhile(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "rules-meanwhile").way_out(path_of(id), "rules-way-out")
}

/// "Durée d’un créneau : « 30 » devient « 45 »", for every rule that differs.
fn differences(ctx: &Ctx, former: &UnitRules, rules: &UnitRules) -> Vec<String> {
    let minutes = |count: i64| ctx.t1("rules-minutes", "count", count);
    let release = |rule: ReleaseRule| {
        if rule.is_off() {
            return ctx.t("rules-release-off");
        }
        let shares = format!("{} %, {} %", rule.first_percent, rule.second_percent);
        ctx.t2(
            "rules-release-steps",
            "shares",
            shares,
            "days",
            rule.second_days,
        )
    };
    let yes_no = |yes: bool| {
        ctx.t(if yes {
            "admin-coverage-yes"
        } else {
            "admin-coverage-no"
        })
    };
    let words = |rules: &UnitRules| {
        [
            ("admin-rules-slot", minutes(rules.slot_minutes)),
            ("admin-rules-buffer", minutes(rules.buffer_minutes)),
            ("admin-rules-notice", minutes(rules.notice_minutes)),
            (
                "admin-rules-horizon",
                ctx.t1("rules-days", "count", rules.horizon_days),
            ),
            ("admin-rules-holidays", yes_no(rules.opens_on_holidays)),
            ("admin-rules-release", release(rules.release)),
        ]
    };
    let pairs = words(former).into_iter().zip(words(rules));
    let changed = pairs.filter(|((_, former), (_, now))| former != now);
    let lines = changed.map(|((label, former), (_, now))| {
        let what = ctx.t2("unit-field-changes", "former", former, "now", now);
        ctx.t2("unit-field-line", "field", ctx.t(label), "what", what)
    });
    lines.collect()
}

async fn change_view(
    tx: &mut Tx,
    ctx: &Ctx,
    unit: &Unit,
    change: &RulesChange,
) -> Result<ChangeView, Fault> {
    let when = wall::capitalised(&wall::moment(ctx.lang, change.set_at, unit.zone()));
    let what = ctx.t(match change.undoes {
        Some(_) => "rules-act-undone",
        None => "admin-act-rules",
    });
    let who = actor_in_words(tx, ctx, &change.set_by).await?;
    let line = ctx.t2("admin-act-by", "act", what, "who", who);
    Ok(ChangeView {
        line: ctx.t2("unit-history-line", "when", when, "what", line),
        details: differences(ctx, &change.former, &change.rules),
    })
}

/// What people could choose today by the rules that stand, and by those asked for.
async fn dry_run(
    tx: &mut Tx,
    unit: &Unit,
    rules: &UnitRules,
    ctx: &Ctx,
) -> Result<Vec<String>, Fault> {
    let asked = Unit {
        slot_minutes: rules.slot_minutes,
        buffer_minutes: rules.buffer_minutes,
        notice_minutes: rules.notice_minutes,
        horizon_days: rules.horizon_days,
        opens_on_holidays: rules.opens_on_holidays,
        release: rules.release,
        ..unit.clone()
    };
    let mut lines = Vec::new();
    for (unit, words) in [
        (unit, "admin-rules-offered-now"),
        (&asked, "admin-rules-offered-then"),
    ] {
        let offer = booking::counters::offer(tx, unit, ctx.now).await?;
        let first = offer.next.map_or_else(
            || ctx.t("admin-rules-no-slot"),
            |at| wall::moment(ctx.lang, at, unit.zone()),
        );
        lines.push(ctx.t2(words, "count", offer.within_horizon, "first", first));
    }
    if !asked.release.is_off() {
        let all = booking::counters::offer(tx, &asked.for_officers(), ctx.now).await?;
        let offered = booking::counters::offer(tx, &asked, ctx.now).await?;
        let held_back = all.within_horizon.saturating_sub(offered.within_horizon);
        lines.push(ctx.t1("admin-rules-held-back", "count", held_back));
    }
    lines.push(ctx.t("admin-rules-booked-stay"));
    Ok(lines)
}
