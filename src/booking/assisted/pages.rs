//! The officer's way: a free slot of the unit, then what the person says of themselves
//! and of the facts, then it is booked. Only the last form changes anything. Whatever is
//! refused there gives back what was typed, beside why.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

use super::form::{self, AssistedForm, Errors};
use crate::app::App;
use crate::audit::Actor;
use crate::booking::pages::tell_pages;
use crate::booking::reschedule_pages::{Slots, wanted_slot};
use crate::booking::unit_pages::back_to;
use crate::booking::view::{SlotView, zone_note};
use crate::booking::{HoldError, nearest_slots, unit_of};
use crate::calendar::recurrence::day_of;
use crate::calendar::{self, Unit};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration::communes::{self, Commune};
use crate::declaration::languages;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::messages::Lang;
use crate::orientation::{Choice, offence_choices};
use crate::page::{Ctx, render, render_with};
use crate::path;
use crate::routes::Routes;

const PATH: &str = "/agent/rendez-vous/nouveau";
/// Slots offered in place of one that is gone.
const NEAREST: usize = 6;

pub(in crate::booking) fn router() -> Routes {
    Routes::new()
        .route(PATH, get(choose).post(book))
        .route("/agent/rendez-vous/nouveau/confirmer", get(fill_in))
}

#[derive(Template)]
#[template(path = "agenda/assisted_slots.html")]
struct SlotsPage {
    ctx: Ctx,
    unit: Unit,
    slots: Slots,
}

#[derive(Template)]
#[template(path = "agenda/assisted.html")]
struct AssistedPage {
    ctx: Ctx,
    unit: Unit,
    zone_note: String,
    /// The slot that was chosen; none once it is gone.
    slot: Option<SlotView>,
    /// Where it is gone: others near it.
    nearest: Vec<Choice>,
    form: AssistedForm,
    genders: Vec<Choice>,
    natures: Vec<Choice>,
    languages: Vec<Choice>,
    tongues: Vec<Choice>,
    communes: Vec<Choice>,
    errors: Errors,
}

impl AssistedPage {
    fn new(
        ctx: Ctx,
        unit: Unit,
        (slot, nearest): (Option<SlotView>, Vec<SlotView>),
        form: AssistedForm,
        communes: Vec<Commune>,
        errors: Errors,
    ) -> Self {
        let choice = |value: &str, label: String| Choice {
            value: value.to_owned(),
            label,
            hint: String::new(),
        };
        AssistedPage {
            zone_note: zone_note(&unit, &ctx),
            nearest: nearest
                .into_iter()
                .map(|slot| Choice {
                    value: slot.value,
                    label: slot.label,
                    hint: slot.hint,
                })
                .collect(),
            slot,
            genders: ["female", "male", "unspecified"]
                .iter()
                .map(|one| choice(one, ctx.t(&format!("assisted-gender-{one}"))))
                .collect(),
            natures: offence_choices(ctx.lang, true),
            languages: Lang::ALL
                .iter()
                .map(|lang| choice(lang.as_str(), lang.own_name().to_owned()))
                .collect(),
            tongues: languages::all()
                .map(|(tag, own)| choice(tag, own.to_owned()))
                .collect(),
            communes: communes
                .into_iter()
                .map(|commune| choice(&commune.insee_code, commune.label()))
                .collect(),
            form,
            errors,
            unit,
            ctx,
        }
    }
}

/// The unit whose desks this officer may book.
async fn own_unit(tx: &mut Tx, officer: &SignedInOfficer) -> Result<Unit, PageError> {
    if !officer.serves(&officer.unit_id) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "agenda-not-for-role")
            .way_out("/administration/journal", "way-out-journal")
            .into());
    }
    // What is not released yet is the unit's own to give.
    Ok(unit_of(tx, &officer.unit_id).await?.for_officers())
}

async fn choose(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = own_unit(&mut tx, &officer).await?;
    render(&SlotsPage {
        slots: Slots::read(&mut tx, &unit, &query, PATH.to_owned(), &ctx).await?,
        unit,
        ctx,
    })
}

async fn fill_in(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = own_unit(&mut tx, &officer).await?;
    let slot = wanted_slot(&mut tx, &unit, query.get("creneau"), PATH, &ctx).await?;
    let form = AssistedForm {
        demande: Id::random().0,
        creneau: slot.value.clone(),
        ..AssistedForm::default()
    };
    let slots = (Some(slot), Vec::new());
    render(&AssistedPage::new(
        ctx,
        unit,
        slots,
        form,
        Vec::new(),
        Errors::default(),
    ))
}

async fn book(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<AssistedForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = own_unit(&mut tx, &officer).await?;
    let Some(starts_at) = form.creneau.parse().ok().map(Timestamp) else {
        return Ok(Redirect::to(PATH).into_response());
    };
    let request = path::parse(&form.demande).ok_or_else(Refusal::malformed)?;
    let mut errors = Errors::default();
    let (commune, offered) = commune_of(&mut tx, &ctx, &unit, &form, &mut errors).await?;
    let today = day_of(ctx.now, unit.zone());
    let told = form::read(&ctx, &form, commune.as_ref(), today, &mut errors);
    let wish = Wish {
        starts_at,
        form,
        offered,
        errors,
    };
    let Some(told) = told else {
        return again(&app, tx, ctx, unit, wish, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let actor = Actor::Officer(officer.id);
    let at = (&unit, starts_at, &request);
    let refused = match super::book_for(&mut tx, &app.keys, at, &told, &actor, ctx.now).await {
        Ok(booked) => {
            tx.commit().await?;
            tell_pages(&app, &booked);
            return Ok(back_to(&booked.id, "pris"));
        }
        Err(HoldError::Fault(fault)) => return Err(fault.into()),
        Err(HoldError::SlotTaken) => "assisted-taken-error",
        // The case was opened by this very act: it is the person who is expected.
        Err(HoldError::OwnTime(_) | HoldError::AlreadyBooked(_)) => "assisted-own-time-error",
        Err(HoldError::SameFacts(_)) => "assisted-same-facts-error",
    };
    drop(tx);
    let mut wish = wish;
    wish.errors.add("creneau", ctx.t(refused));
    let tx = app.db.read().await?;
    again(&app, tx, ctx, unit, wish, StatusCode::CONFLICT).await
}

/// What was asked for and not done.
struct Wish {
    starts_at: Timestamp,
    form: AssistedForm,
    offered: Vec<Commune>,
    errors: Errors,
}

/// The form once more, as it was filled in, with the slot or what is free near it.
async fn again(
    app: &App,
    tx: Tx,
    ctx: Ctx,
    unit: Unit,
    wish: Wish,
    status: StatusCode,
) -> Result<Response, PageError> {
    drop(tx);
    let mut tx = app.db.read().await?;
    let free = calendar::offered_at(&mut tx, &unit, wish.starts_at, ctx.now).await?;
    let slot = free.map(|slot| SlotView::new(&slot, &unit, &ctx));
    let mut wish = wish;
    if slot.is_none() && wish.errors.of("creneau").is_empty() {
        wish.errors.add("creneau", ctx.t("assisted-taken-error"));
    }
    let nearest = if slot.is_some() && wish.errors.of("creneau").is_empty() {
        Vec::new()
    } else {
        nearest_slots(&mut tx, &unit, wish.starts_at, NEAREST, ctx.now)
            .await?
            .iter()
            .map(|slot| SlotView::with_day(slot, &unit, &ctx))
            .collect()
    };
    let slots = (slot, nearest);
    let page = AssistedPage::new(ctx, unit, slots, wish.form, wish.offered, wish.errors);
    render_with(status, &page)
}

/// The commune the person lives in, if this unit receives its residents; else why not,
/// and those to choose among.
async fn commune_of(
    tx: &mut Tx,
    ctx: &Ctx,
    unit: &Unit,
    form: &AssistedForm,
    errors: &mut Errors,
) -> Result<(Option<Commune>, Vec<Commune>), PageError> {
    let commune = match communes::choose(tx, &form.commune, &form.commune_code).await? {
        communes::Choice::One(commune) => commune,
        communes::Choice::Several(found) => {
            errors.add("commune_code", ctx.t("declaration-commune-several"));
            return Ok((None, found));
        }
        communes::Choice::NotFound => {
            errors.add("commune", ctx.t("declaration-commune-not-found"));
            return Ok((None, Vec::new()));
        }
        communes::Choice::Nothing => {
            errors.add("commune", ctx.t("declaration-commune-missing"));
            return Ok((None, Vec::new()));
        }
    };
    match &commune.unit_id {
        Some(id) if *id == unit.id => return Ok((Some(commune), Vec::new())),
        None => errors.add("commune", ctx.t("assisted-not-covered-error")),
        Some(id) => {
            let other = unit_of(tx, id).await?;
            let text = ctx.t2(
                "assisted-other-unit-error",
                "unit",
                other.name,
                "phone",
                other.phone,
            );
            errors.add("commune", text);
        }
    }
    Ok((None, Vec::new()))
}
