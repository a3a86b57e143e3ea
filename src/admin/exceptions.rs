//! Days on which a desk's recurring hours do not hold (EXDATE of RFC 5545). A day on
//! which people are expected is no exception but an absence, which sees to them.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::desk_of;
use super::desks::{Errors, Field, hours_in_words};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking;
use crate::calendar::recurrence::whole_day;
use crate::calendar::{self, Desk, Unit, hours, wall};
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new().route(
        "/administration/guichets/{id}/exceptions",
        get(show).post(change),
    )
}

#[derive(Template)]
#[template(path = "admin/exceptions.html")]
struct ExceptionsPage {
    ctx: Ctx,
    unit: Unit,
    desk: Desk,
    ranges: Vec<RangeView>,
    form: ExceptionForm,
    errors: Errors,
}

/// A recurring range, as a radio button and as a title of its exceptions.
struct RangeView {
    value: String,
    label: String,
    hint: &'static str,
    days: Vec<DayView>,
}

struct DayView {
    value: String,
    label: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ExceptionForm {
    plage: String,
    jour: String,
    /// `retirer`, or anything else to add.
    acte: String,
}

async fn page(
    tx: &mut Tx,
    ctx: Ctx,
    (desk, unit): (Desk, Unit),
    form: ExceptionForm,
    errors: Errors,
) -> Result<ExceptionsPage, Fault> {
    let exceptions = calendar::list_exceptions(tx, &unit.id).await?;
    let day = |text: &str| {
        let words = hours::day_of(text).map(|day| wall::capitalised(&wall::day(ctx.lang, day)));
        words.unwrap_or_else(|| text.to_owned())
    };
    let ranges = calendar::list_opening_hours(tx, &unit.id)
        .await?
        .into_iter()
        .filter(|hours| hours.desk_id == desk.id)
        .map(|hours| RangeView {
            label: hours_in_words(&hours, &ctx),
            hint: "",
            days: exceptions
                .iter()
                .filter(|(hours_id, _)| *hours_id == hours.id)
                .map(|(_, text)| DayView {
                    label: day(text),
                    value: text.clone(),
                })
                .collect(),
            value: hours.id.to_string(),
        })
        .collect();
    Ok(ExceptionsPage {
        ctx,
        unit,
        desk,
        ranges,
        form,
        errors,
    })
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let found = desk_of(&mut tx, &officer, &id).await?;
    let (form, errors) = (ExceptionForm::default(), Errors::default());
    render(&page(&mut tx, ctx, found, form, errors).await?)
}

/// Adds an exception or takes it back; the same one twice is one.
async fn change(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<ExceptionForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (desk, unit) = desk_of(&mut tx, &officer, &id).await?;
    audit::lock(&mut tx, unit.id.as_str()).await?;
    let ranges = calendar::list_opening_hours(&mut tx, &unit.id).await?;
    let range = ranges
        .iter()
        .find(|hours| hours.id.as_str() == form.plage && hours.desk_id == desk.id);
    let day = hours::day_of(&form.jour);
    let adds = form.acte != "retirer";
    let mut errors = Errors::default();
    let mut add = |field, text: &str| {
        errors.0.push(Field {
            field,
            text: ctx.t(text),
        });
    };
    if range.is_none() {
        add("plage", "admin-exception-error-range");
    }
    match day {
        None => add("jour", "admin-exception-error-day"),
        Some(day) if adds => {
            let whole = whole_day(day, unit.zone());
            let expected =
                booking::list_displaced(&mut tx, &unit, Some(&desk.id), whole, ctx.now).await?;
            if !expected.is_empty() {
                add("jour", "admin-exception-error-expected");
            }
        }
        Some(_) => {}
    }
    let (Some(range), Some(day)) = (range, day.filter(|_| errors.0.is_empty())) else {
        let page = page(&mut tx, ctx, (desk, unit), form, errors).await?;
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let (hours_id, actor): (Id, Actor) = (range.id.clone(), Actor::Officer(officer.id));
    if adds {
        calendar::add_exception(&mut tx, &desk, &hours_id, day, &actor, ctx.now).await?;
    } else {
        calendar::remove_exception(&mut tx, &desk, &hours_id, day, &actor, ctx.now).await?;
    }
    tx.commit().await?;
    app.live.changed(format!("unit/{}", unit.id));
    Ok(Redirect::to(&format!("/administration/guichets/{id}/exceptions")).into_response())
}
