//! Desks: what is open, opening one, giving it hours, closing it. A change
//! that would cost people their appointment is shown before, and refused.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::empowerments::actor_in_words;
use super::{desk_of, unit_of, units_of};
use crate::app::App;
use crate::audit::{self, Actor, Line};
use crate::booking;
use crate::calendar::hours::{
    AskedHours, HoursError, HoursPlan, LABEL_CHARS, WEEKDAYS, label_of, weekdays_of,
};
use crate::calendar::recurrence::day_of;
use crate::calendar::{self, Desk, OpeningHours, Unit, hours, wall};
use crate::db::Tx;
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::{Role, SignedInOfficer};
use crate::page::{Ctx, render, render_with};
use crate::path::{self, PathId};
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/guichets", get(list))
        .route("/administration/guichets/nouveau", get(ask_open).post(open))
        .route(
            "/administration/guichets/{id}/plages",
            get(ask_hours).post(add_hours),
        )
        .route(
            "/administration/guichets/{id}/fermeture",
            get(ask_close).post(close),
        )
}

#[derive(Template)]
#[template(path = "admin/desks.html")]
struct DesksPage {
    ctx: Ctx,
    units: Vec<UnitView>,
    /// Whether this person decides on the department's coverage.
    departmental: bool,
    done: String,
    /// A range that was just taken back, to give it again; empty for none.
    undo: String,
}

struct UnitView {
    unit: Unit,
    rules: String,
    desks: Vec<DeskView>,
}

struct DeskView {
    id: String,
    label: String,
    opened: String,
    hours: Vec<HoursView>,
    /// How many people still expect a hearing there.
    expected: i64,
    history: Vec<String>,
}

/// A recurring range, with the way to take it back.
struct HoursView {
    id: String,
    words: String,
}

#[derive(Template)]
#[template(path = "admin/hours.html")]
struct HoursPage {
    ctx: Ctx,
    title: String,
    action: String,
    unit: Unit,
    zone: String,
    asks_label: bool,
    weekdays: Vec<Weekday>,
    form: HoursForm,
    errors: Errors,
}

/// A weekday's box.
struct Weekday {
    code: &'static str,
    label: String,
    checked: bool,
}

/// A field and what is wrong with it, for the summary of errors.
pub(super) struct Field {
    pub(super) field: &'static str,
    pub(super) text: String,
}

#[derive(Default)]
pub(super) struct Errors(pub(super) Vec<Field>);

impl Errors {
    pub(super) fn of(&self, field: &str) -> String {
        self.0
            .iter()
            .find(|error| error.field == field)
            .map_or_else(String::new, |error| error.text.clone())
    }
}

#[derive(Template)]
#[template(path = "admin/close.html")]
struct ClosePage {
    ctx: Ctx,
    desk: Desk,
    unit: Unit,
    expected: i64,
    refused: bool,
}

/// The desks of every unit this person may set up.
async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let mut views = Vec::new();
    for unit in units_of(&mut tx, &officer).await? {
        let hours = calendar::list_opening_hours(&mut tx, &unit.id).await?;
        let mut desks = Vec::new();
        for desk in calendar::list_desks(&mut tx, &unit.id).await? {
            desks.push(desk_view(&mut tx, &desk, &unit, &hours, &ctx).await?);
        }
        views.push(UnitView {
            rules: ctx.t2(
                "admin-unit-rules",
                "slot",
                unit.slot_minutes,
                "days",
                unit.horizon_days,
            ),
            desks,
            unit,
        });
    }
    let done = match query.get("fait").map(String::as_str) {
        Some("ouvert") => ctx.t("admin-done-opened"),
        Some("plages") => ctx.t("admin-done-hours"),
        Some("ferme") => ctx.t("admin-done-closed"),
        Some("plage-retiree") => ctx.t("admin-done-hours-removed"),
        _ => String::new(),
    };
    let undo = query.get("plage").and_then(|id| path::parse(id));
    render(&DesksPage {
        undo: undo.map_or_else(String::new, |id| id.to_string()),
        ctx,
        units: views,
        departmental: officer.role == Role::DepartmentAdmin,
        done,
    })
}

async fn desk_view(
    tx: &mut Tx,
    desk: &Desk,
    unit: &Unit,
    hours: &[OpeningHours],
    ctx: &Ctx,
) -> Result<DeskView, Fault> {
    let lines = audit::lines_about(tx, &format!("desk/{}", desk.id)).await?;
    Ok(DeskView {
        id: desk.id.to_string(),
        label: desk.label.clone(),
        opened: wall::day(ctx.lang, day_of(desk.opened_at, unit.zone())),
        hours: hours
            .iter()
            .filter(|hours| hours.desk_id == desk.id)
            .map(|hours| HoursView {
                id: hours.id.to_string(),
                words: hours_in_words(hours, ctx),
            })
            .collect(),
        expected: booking::count_expected(tx, desk, ctx.now).await?,
        history: lines_in_words(tx, &lines, unit, ctx).await?,
    })
}

/// "Lundi, mardi, 08 h 00 – 20 h 00, à partir du 2 mars 2026".
pub(super) fn hours_in_words(hours: &OpeningHours, ctx: &Ctx) -> String {
    let days = match weekdays_of(&hours.rrule) {
        Some(days) if days.len() == WEEKDAYS.len() => ctx.t("admin-every-day"),
        Some(days) => days
            .into_iter()
            .map(|day| wall::weekday(ctx.lang, day))
            .collect::<Vec<_>>()
            .join(", "),
        None => hours.rrule.clone(),
    };
    let time = ctx.t2(
        "admin-from-to",
        "from",
        wall::minute_of_day(ctx.lang, hours.start_minute),
        "to",
        wall::minute_of_day(ctx.lang, hours.end_minute),
    );
    let day = |text: &str| {
        hours::day_of(text).map_or_else(|| text.to_owned(), |day| wall::day(ctx.lang, day))
    };
    let since = ctx.t1("admin-since", "day", day(&hours.first_day));
    let until = hours
        .last_day
        .as_deref()
        .map(|last| ctx.t1("admin-until", "day", day(last)));
    let mut parts = vec![wall::capitalised(&days), time, since];
    parts.extend(until);
    parts.join(", ")
}

/// "Mardi 3 mars 2026 à 10 h 00 : ouverture, par RIO 9078003", for each line.
pub(super) async fn lines_in_words(
    tx: &mut Tx,
    lines: &[Line],
    unit: &Unit,
    ctx: &Ctx,
) -> Result<Vec<String>, Fault> {
    let mut words = Vec::with_capacity(lines.len());
    for line in lines {
        let who = actor_in_words(tx, ctx, &line.actor).await?;
        words.push(line_in_words(line, &who, unit, ctx));
    }
    Ok(words)
}

fn line_in_words(line: &Line, who: &str, unit: &Unit, ctx: &Ctx) -> String {
    let act = match line.act.as_str() {
        "desk.open" => ctx.t("admin-act-open"),
        "desk.add_hours" => ctx.t("admin-act-hours"),
        "desk.close" => ctx.t("admin-act-close"),
        "desk.reopen" => ctx.t("admin-act-reopen"),
        "desk.remove_hours" => ctx.t("admin-act-hours-removed"),
        "desk.restore_hours" => ctx.t("admin-act-hours-restored"),
        "desk.add_exception" => ctx.t("admin-act-exception"),
        "desk.remove_exception" => ctx.t("admin-act-no-exception"),
        "absence.add" => ctx.t("admin-act-absence"),
        "absence.remove" => ctx.t("admin-act-no-absence"),
        "unit.set_rules" => ctx.t("admin-act-rules"),
        "scheduling_key.create" => ctx.t("scheduling-act-create"),
        "scheduling_key.rotate" => ctx.t("scheduling-act-rotate"),
        "scheduling_key.revoke" => ctx.t("scheduling-act-revoke"),
        "scheduling_webhook.set" => ctx.t("scheduling-act-webhook-set"),
        "scheduling_webhook.remove" => ctx.t("scheduling-act-webhook-remove"),
        "scheduling_webhook.rotate" => ctx.t("scheduling-act-webhook-rotate"),
        "scheduling_webhook.resend" => ctx.t("scheduling-act-webhook-resend"),
        other => other.to_owned(),
    };
    let when = wall::moment(ctx.lang, line.at, unit.zone());
    let act = ctx.t2("admin-act-by", "act", act, "who", who);
    ctx.t2(
        "unit-history-line",
        "when",
        wall::capitalised(&when),
        "what",
        act,
    )
}

/// Hours as they come from the form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct HoursForm {
    unite: String,
    libelle: String,
    jour: Vec<String>,
    debut: String,
    fin: String,
    premier_jour: String,
    dernier_jour: String,
}

impl HoursForm {
    /// What the empty form proposes.
    fn proposed(unit: &Unit, ctx: &Ctx) -> Self {
        HoursForm {
            unite: unit.id.to_string(),
            jour: WEEKDAYS[..5]
                .iter()
                .map(|(_, code)| (*code).to_owned())
                .collect(),
            debut: "09:00".into(),
            fin: "17:00".into(),
            premier_jour: day_of(ctx.now, unit.zone()).to_string(),
            ..HoursForm::default()
        }
    }

    fn check(&self, unit: &Unit, ctx: &Ctx) -> Result<HoursPlan, Errors> {
        let asked = AskedHours {
            weekdays: &self.jour,
            start: &self.debut,
            end: &self.fin,
            first_day: &self.premier_jour,
            last_day: &self.dernier_jour,
        };
        HoursPlan::check(asked, day_of(ctx.now, unit.zone())).map_err(|errors| {
            Errors(
                errors
                    .into_iter()
                    .map(|error| {
                        let (field, text) = match error {
                            HoursError::Weekdays => ("jour", ctx.t("admin-error-weekdays")),
                            HoursError::Start => ("debut", ctx.t("admin-error-start")),
                            HoursError::End => ("fin", ctx.t("admin-error-end")),
                            HoursError::FirstDay => {
                                ("premier_jour", ctx.t("admin-error-first-day"))
                            }
                            HoursError::LastDay => ("dernier_jour", ctx.t("admin-error-last-day")),
                        };
                        Field { field, text }
                    })
                    .collect(),
            )
        })
    }
}

fn hours_page(
    ctx: Ctx,
    unit: Unit,
    desk: Option<&Desk>,
    form: HoursForm,
    errors: Errors,
) -> HoursPage {
    HoursPage {
        title: match desk {
            Some(desk) => ctx.t1("admin-hours-title", "label", &desk.label),
            None => ctx.t("admin-open-title"),
        },
        action: match desk {
            Some(desk) => format!("/administration/guichets/{}/plages", desk.id),
            None => "/administration/guichets/nouveau".to_owned(),
        },
        zone: ctx.t1("admin-zone", "zone", wall::zone_name(ctx.lang, unit.zone())),
        asks_label: desk.is_none(),
        weekdays: WEEKDAYS
            .iter()
            .map(|&(day, code)| Weekday {
                code,
                label: wall::capitalised(&wall::weekday(ctx.lang, day)),
                checked: form.jour.iter().any(|asked| asked == code),
            })
            .collect(),
        ctx,
        unit,
        form,
        errors,
    }
}

async fn ask_open(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = wanted_unit(
        &mut tx,
        &officer,
        query.get("unite").map_or("", String::as_str),
    )
    .await?;
    let form = HoursForm::proposed(&unit, &ctx);
    render(&hours_page(ctx, unit, None, form, Errors::default()))
}

/// Opens a desk with its first hours; its slots are offered from then on.
async fn open(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<HoursForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = wanted_unit(&mut tx, &officer, &form.unite).await?;
    let label = label_of(&form.libelle);
    let plan = form.check(&unit, &ctx);
    let (label, plan) = match (label, plan) {
        (Some(label), Ok(plan)) => (label, plan),
        (label, plan) => {
            let mut errors = plan.err().unwrap_or_default();
            if label.is_none() {
                let text = ctx.t1("admin-error-label", "most", LABEL_CHARS);
                errors.0.insert(
                    0,
                    Field {
                        field: "libelle",
                        text,
                    },
                );
            }
            let page = hours_page(ctx, unit, None, form, errors);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let actor = Actor::Officer(officer.id);
    let opened = calendar::open_desk(&mut tx, &unit, &label, &plan, &actor, ctx.now).await?;
    if opened.is_none() {
        // It was closed since this page was read.
        return Err(Refusal::not_found().into());
    }
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(Redirect::to("/administration/guichets?fait=ouvert").into_response())
}

async fn ask_hours(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (desk, unit) = desk_of(&mut tx, &officer, &id).await?;
    let form = HoursForm::proposed(&unit, &ctx);
    render(&hours_page(ctx, unit, Some(&desk), form, Errors::default()))
}

async fn add_hours(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<HoursForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (desk, unit) = desk_of(&mut tx, &officer, &id).await?;
    let plan = match form.check(&unit, &ctx) {
        Ok(plan) => plan,
        Err(errors) => {
            let page = hours_page(ctx, unit, Some(&desk), form, errors);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let actor = Actor::Officer(officer.id);
    calendar::add_opening_hours(&mut tx, &desk, &plan, &actor, ctx.now).await?;
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(Redirect::to("/administration/guichets?fait=plages").into_response())
}

/// What closing would cost, before anything is done.
async fn ask_close(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (desk, unit) = desk_of(&mut tx, &officer, &id).await?;
    let expected = booking::count_expected(&mut tx, &desk, ctx.now).await?;
    render(&ClosePage {
        ctx,
        desk,
        unit,
        expected,
        refused: false,
    })
}

#[derive(Deserialize)]
struct NoFields {}

/// Closes a desk nobody is expected at. The journal's lock keeps bookings of
/// the unit out between the count and the end of the transaction.
async fn close(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (desk, unit) = desk_of(&mut tx, &officer, &id).await?;
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let expected = booking::count_expected(&mut tx, &desk, ctx.now).await?;
    if expected > 0 {
        let page = ClosePage {
            ctx,
            desk,
            unit,
            expected,
            refused: true,
        };
        return render_with(StatusCode::CONFLICT, &page);
    }
    let actor = Actor::Officer(officer.id);
    calendar::close_desk(&mut tx, &desk, &actor, ctx.now).await?;
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(Redirect::to("/administration/guichets?fait=ferme").into_response())
}

/// The unit a form or address names; the only one when it names none.
pub(super) async fn wanted_unit(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    text: &str,
) -> Result<Unit, PageError> {
    let id = if text.is_empty() {
        officer.unit_id.clone()
    } else {
        path::parse(text).ok_or_else(Refusal::not_found)?
    };
    unit_of(tx, officer, &id).await
}
