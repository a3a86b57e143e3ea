//! The rules of a unit's slots: length, pause, notice, horizon, public holidays, and how
//! slots are let go of. What other rules would change today is shown before they are set.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::Days;
use serde::Deserialize;

use super::desks::{Errors, Field};
use super::unit_of;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking;
use crate::calendar::recurrence::day_of;
use crate::calendar::rules::{AskedRelease, AskedRules, RulesError, UnitRules};
use crate::calendar::{self, Unit, holidays, wall};
use crate::db::Tx;
use crate::error::{Fault, PageError};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

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
    done: bool,
    /// What the rules asked for would do today; empty unless they are looked at.
    preview: Vec<String>,
    /// "Vendredi 1er mai 2026 – Fête du travail", a year ahead.
    holidays: Vec<String>,
    history: Vec<String>,
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
    /// `verifier` to look only.
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
            acte: String::new(),
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
    done: bool,
) -> Result<RulesPage, Fault> {
    let today = day_of(ctx.now, unit.zone());
    let in_a_year = today.checked_add_days(Days::new(365)).unwrap_or(today);
    let lines = audit::lines_about(tx, &format!("unit/{}", unit.id)).await?;
    Ok(RulesPage {
        zone: ctx.t1("admin-zone", "zone", wall::zone_name(ctx.lang, unit.zone())),
        holidays: holidays::between(&unit.department, today, in_a_year)
            .into_iter()
            .map(|(day, holiday)| {
                let day = wall::capitalised(&wall::day(ctx.lang, day));
                format!("{day} – {}", ctx.t(&format!("holiday-{holiday}")))
            })
            .collect(),
        history: lines
            .iter()
            .filter(|line| line.act == "unit.set_rules")
            .map(|line| super::desks::line_in_words(line, &unit, &ctx))
            .collect(),
        preview: Vec::new(),
        form,
        errors,
        done,
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
    let (form, done) = (RulesForm::of(&unit), query.contains_key("fait"));
    render(&page(&mut tx, ctx, unit, form, Errors::default(), done).await?)
}

/// Sets the rules; slots follow them from then on, what is booked stays as it is.
async fn save(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<RulesForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = unit_of(&mut tx, &officer, &id).await?;
    let rules = match form.check(&ctx) {
        Ok(rules) => rules,
        Err(errors) => {
            let page = page(&mut tx, ctx, unit, form, errors, false).await?;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    if form.acte == "verifier" {
        let preview = dry_run(&mut tx, &unit, &rules, &ctx).await?;
        let mut page = page(&mut tx, ctx, unit, form, Errors::default(), false).await?;
        page.preview = preview;
        return Ok(render(&page)?.into_response());
    }
    let actor = Actor::Officer(officer.id);
    calendar::set_rules(&mut tx, &unit.id, &rules, &actor, ctx.now).await?;
    tx.commit().await?;
    app.live.changed(format!("unit/{id}"));
    Ok(Redirect::to(&format!("/administration/unites/{id}/regles?fait=oui")).into_response())
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
