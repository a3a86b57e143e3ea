//! For somebody who lives abroad where no unit receives those: the place of the facts
//! decides. In France, the unit of that commune receives them; abroad, the page says what
//! a consulate does and what video cannot.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Errors, draft_ready_for, refused};
use crate::app::App;
use crate::calendar::national_list::ABROAD_COMMUNE;
use crate::declaration::communes;
use crate::declaration::{Declaration, MissingStep, save_place_of_facts};
use crate::error::PageError;
use crate::form::Form;
use crate::identity::SignedInCitizen;
use crate::notifications::Channel;
use crate::orientation::Choice;
use crate::page::{Ctx, render, render_with};

/// Where people abroad are asked.
pub(super) const PATH: &str = "/declaration/etranger";

/// Whether a draft is of somebody abroad whom no unit receives yet.
pub(super) fn asks(draft: &Declaration) -> bool {
    draft.unit_id.is_none() && draft.commune_code.as_deref() == Some(ABROAD_COMMUNE)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PlaceForm {
    /// `france` or `etranger`.
    lieu: String,
    commune: String,
    commune_code: String,
}

#[derive(Template)]
#[template(path = "declaration/abroad.html")]
struct AbroadPage {
    ctx: Ctx,
    places: Vec<Choice>,
    form: PlaceForm,
    communes: Vec<Choice>,
    errors: Errors,
    /// A commune whose people nobody receives by video; empty otherwise.
    not_received: String,
    /// Whether the facts were abroad: what to do instead.
    consulate: bool,
}

impl AbroadPage {
    fn new(ctx: Ctx, form: PlaceForm) -> Self {
        let places = ["france", "etranger"].map(|value| Choice {
            value: value.into(),
            label: ctx.t(&format!("abroad-place-{value}")),
            hint: String::new(),
        });
        AbroadPage {
            places: places.into(),
            form,
            communes: Vec::new(),
            errors: Errors::default(),
            not_received: String::new(),
            consulate: false,
            ctx: ctx.with_quick_exit(),
        }
    }
}

/// The draft of whoever is asked here; whoever is not goes on where they are.
async fn draft_abroad(app: &App, citizen: &SignedInCitizen) -> Result<(), PageError> {
    let (draft, _) = draft_ready_for(app, citizen, MissingStep::Coverage).await?;
    if asks(&draft) {
        return Ok(());
    }
    let next = if draft.unit_id.is_some() {
        "/declaration/faits"
    } else {
        "/declaration/hors-zone"
    };
    Err(PageError::Redirect(next.into()))
}

pub(super) async fn show(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
) -> Result<Html<String>, PageError> {
    draft_abroad(&app, &citizen).await?;
    render(&AbroadPage::new(ctx, PlaceForm::default()))
}

pub(super) async fn save(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Form(form): Form<PlaceForm>,
) -> Result<Response, PageError> {
    draft_abroad(&app, &citizen).await?;
    if form.lieu == "etranger" {
        let mut page = AbroadPage::new(ctx, form);
        page.consulate = true;
        return Ok(render(&page)?.into_response());
    }
    let mut page = AbroadPage::new(ctx, form.clone());
    if form.lieu != "france" {
        let text = page.ctx.t("abroad-error-place");
        page.errors.add("lieu", text);
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let mut tx = app.db.begin().await?;
    let chosen = communes::choose(&mut tx, &form.commune, &form.commune_code).await?;
    let commune = match chosen {
        // Abroad is no place in France.
        communes::Choice::One(commune) if commune.insee_code != ABROAD_COMMUNE => commune,
        communes::Choice::Several(found) => {
            let offered = found.into_iter().map(|commune| Choice {
                label: commune.label(),
                value: commune.insee_code,
                hint: String::new(),
            });
            page.communes = offered.collect();
            let text = page.ctx.t("declaration-commune-several");
            page.errors.add("commune_code", text);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        communes::Choice::Nothing => {
            let text = page.ctx.t("abroad-error-commune");
            page.errors.add("commune", text);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        communes::Choice::One(_) | communes::Choice::NotFound => {
            let text = page.ctx.t("declaration-commune-not-found");
            page.errors.add("commune", text);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let Some(unit_id) = &commune.unit_id else {
        page.not_received = commune.label();
        return Ok(render(&page)?.into_response());
    };
    let content = save_place_of_facts(&mut tx, &app.keys, &citizen.id, unit_id, page.ctx.now)
        .await
        .map_err(|error| refused(error, None))?;
    tx.commit().await?;
    let awaits = Channel::ALL.iter().any(|one| content.awaits_code(*one));
    let next = if awaits {
        "/declaration/verification"
    } else {
        "/declaration/faits"
    };
    Ok(Redirect::to(next).into_response())
}
