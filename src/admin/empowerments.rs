//! Who may do what in a unit: the list with its history, giving a right, taking
//! one back. Both are shown before they are done.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::{all_units_of, unit_of};
use crate::app::App;
use crate::calendar::{Unit, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::empowerments::{
    self, Candidate, GrantError, Held, RevokeError, find_candidate, grantable, is_rio,
};
use crate::identity::{Role, SignedInOfficer, own_sessions};
use crate::page::{Ctx, render, render_with};
use crate::path::{self, PathId};
use crate::routes::Routes;

const LIST: &str = "/administration/habilitations";

pub(super) fn router() -> Routes {
    Routes::new()
        .route(LIST, get(list).post(grant))
        .route(
            "/administration/habilitations/nouvelle",
            get(ask).post(check),
        )
        .route(
            "/administration/habilitations/{id}/retrait",
            get(ask_revoke).post(revoke),
        )
}

#[derive(Template)]
#[template(path = "admin/empowerments.html")]
struct ListPage {
    ctx: Ctx,
    units: Vec<UnitView>,
    done: String,
}

struct UnitView {
    unit: Unit,
    live: Vec<HeldView>,
    past: Vec<HeldView>,
}

/// An empowerment in words.
struct HeldView {
    id: Id,
    officer_id: Id,
    who: String,
    role: String,
    granted: String,
    revoked: String,
    revocable: bool,
}

async fn held_view(
    tx: &mut Tx,
    ctx: &Ctx,
    by: &SignedInOfficer,
    unit: &Unit,
    held: &Held,
) -> Result<HeldView, Fault> {
    let (granted_at, revoked) = (held.granted_at, held.revoked.clone());
    let granted = told(tx, ctx, unit, "admin-granted", granted_at, &held.granted_by).await?;
    let revoked = match &revoked {
        Some((at, actor)) => told(tx, ctx, unit, "admin-revoked", *at, actor).await?,
        None => String::new(),
    };
    Ok(HeldView {
        id: held.id.clone(),
        officer_id: held.officer_id.clone(),
        who: format!("RIO {} – {}", held.rio, held.name),
        role: ctx.t(held.role.label()),
        revocable: held.revoked.is_none() && may_revoke(by, unit, held),
        granted,
        revoked,
    })
}

/// "Donnée le 2 mars 2026 à 9 h 00 par RIO 9078003".
pub(super) async fn told(
    tx: &mut Tx,
    ctx: &Ctx,
    unit: &Unit,
    message: &str,
    at: Timestamp,
    actor: &str,
) -> Result<String, Fault> {
    let who = actor_in_words(tx, ctx, actor).await?;
    let when = wall::moment(ctx.lang, at, unit.zone());
    Ok(ctx.t2(message, "when", when, "who", who))
}

/// An actor of the journal as a page names them.
pub(super) async fn actor_in_words(tx: &mut Tx, ctx: &Ctx, actor: &str) -> Result<String, Fault> {
    Ok(match empowerments::rio_of_actor(tx, actor).await? {
        Some(rio) => format!("RIO {rio}"),
        None => ctx.t("admin-by-system"),
    })
}

/// What reaches further than one's own right, and one's own right itself, is
/// somebody else's to take back.
fn may_revoke(by: &SignedInOfficer, unit: &Unit, held: &Held) -> bool {
    held.officer_id != by.id && grantable(by, &unit.id, &unit.department).contains(&held.role)
}

async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let mut units = Vec::new();
    for unit in all_units_of(&mut tx, &officer).await? {
        let (mut live, mut past) = (Vec::new(), Vec::new());
        for held in empowerments::list(&mut tx, &app.keys, &unit.id).await? {
            let view = held_view(&mut tx, &ctx, &officer, &unit, &held).await?;
            match held.revoked {
                None => live.push(view),
                Some(_) => past.push(view),
            }
        }
        units.push(UnitView { unit, live, past });
    }
    let done = match query.get("fait").map(String::as_str) {
        Some("donnee") => ctx.t("admin-done-granted"),
        Some("retiree") => ctx.t("admin-done-revoked"),
        _ => String::new(),
    };
    render(&ListPage { ctx, units, done })
}

/// Who is to get which right.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct GrantForm {
    unite: String,
    /// A number of an officer, or the code of a request.
    agent: String,
    /// The number of whoever is new here.
    rio: String,
    role: String,
    /// Who was shown before it was confirmed.
    personne: String,
}

/// A field and what is wrong with it, for the summary of errors.
struct Field {
    field: &'static str,
    text: String,
}

#[derive(Default)]
struct Errors(Vec<Field>);

impl Errors {
    fn add(&mut self, field: &'static str, text: String) {
        self.0.push(Field { field, text });
    }

    fn of(&self, field: &str) -> String {
        let found = self.0.iter().find(|error| error.field == field);
        found.map_or_else(String::new, |error| error.text.clone())
    }
}

struct RoleOption {
    value: &'static str,
    label: String,
    hint: String,
}

#[derive(Template)]
#[template(path = "admin/empower.html")]
struct GrantPage {
    ctx: Ctx,
    unit: Unit,
    roles: Vec<RoleOption>,
    form: GrantForm,
    errors: Errors,
}

impl GrantPage {
    fn new(ctx: Ctx, by: &SignedInOfficer, unit: Unit, form: GrantForm, errors: Errors) -> Self {
        let roles = grantable(by, &unit.id, &unit.department);
        GrantPage {
            roles: roles
                .iter()
                .map(|role| RoleOption {
                    value: role.as_str(),
                    label: ctx.t(role.label()),
                    hint: ctx.t(&format!("{}-hint", role.label())),
                })
                .collect(),
            ctx,
            unit,
            form,
            errors,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/empower_confirm.html")]
struct ConfirmPage {
    ctx: Ctx,
    unit: Unit,
    name: String,
    email: String,
    rio: String,
    role: String,
    handle: String,
    form: GrantForm,
}

async fn wanted_unit(tx: &mut Tx, by: &SignedInOfficer, text: &str) -> Result<Unit, PageError> {
    let id = if text.is_empty() {
        by.unit_id.clone()
    } else {
        path::parse(text).ok_or_else(Refusal::not_found)?
    };
    unit_of(tx, by, &id).await
}

async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let wanted = query.get("unite").map_or("", String::as_str);
    let unit = wanted_unit(&mut tx, &officer, wanted).await?;
    let form = GrantForm::default();
    render(&GrantPage::new(
        ctx,
        &officer,
        unit,
        form,
        Errors::default(),
    ))
}

/// Who and what a form means, or what is wrong with it.
async fn read(
    tx: &mut Tx,
    app: &App,
    ctx: &Ctx,
    by: &SignedInOfficer,
    unit: &Unit,
    form: &GrantForm,
) -> Result<Result<(Candidate, Role), Errors>, PageError> {
    let mut errors = Errors::default();
    let candidate = find_candidate(tx, &app.keys, &form.agent, ctx.now).await?;
    match &candidate {
        None => errors.add("agent", ctx.t("admin-empower-error-who")),
        Some(Candidate::Known { id, .. }) if *id == by.id => {
            errors.add("agent", ctx.t("admin-empower-error-oneself"));
        }
        Some(Candidate::Asking(_)) if !is_rio(form.rio.trim()) => {
            errors.add("rio", ctx.t("admin-empower-error-rio"));
        }
        Some(_) => {}
    }
    let roles = grantable(by, &unit.id, &unit.department);
    let role = roles.iter().find(|role| role.as_str() == form.role);
    if role.is_none() {
        errors.add("role", ctx.t("admin-empower-error-role"));
    }
    Ok(match (candidate, role) {
        (Some(candidate), Some(role)) if errors.0.is_empty() => Ok((candidate, *role)),
        _ => Err(errors),
    })
}

/// What would be given to whom. Changes nothing.
async fn check(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<GrantForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let unit = wanted_unit(&mut tx, &officer, &form.unite).await?;
    let (candidate, role) = match read(&mut tx, &app, &ctx, &officer, &unit, &form).await? {
        Ok(read) => read,
        Err(errors) => {
            let page = GrantPage::new(ctx, &officer, unit, form, errors);
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let rio = match &candidate {
        Candidate::Known { rio, .. } => rio.clone(),
        Candidate::Asking(_) => form.rio.trim().to_owned(),
    };
    let page = ConfirmPage {
        unit,
        name: candidate.identity().display_name(),
        email: candidate.identity().email.clone(),
        rio,
        role: ctx.t(role.label()),
        handle: candidate.handle(),
        form,
        ctx,
    };
    Ok(render(&page)?.into_response())
}

async fn grant(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<GrantForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = wanted_unit(&mut tx, &officer, &form.unite).await?;
    let read = read(&mut tx, &app, &ctx, &officer, &unit, &form).await?;
    let mut errors = match read {
        // What is done is what was shown.
        Ok((candidate, _)) if candidate.handle() != form.personne => {
            let mut errors = Errors::default();
            errors.add("agent", ctx.t("admin-empower-error-who"));
            errors
        }
        Ok((candidate, role)) => {
            let place = (&unit.id, unit.department.as_str());
            let (by, rio) = (&officer, form.rio.trim());
            let given = empowerments::grant(
                &mut tx, &app.keys, by, place, role, &candidate, rio, ctx.now,
            )
            .await;
            match given {
                Ok(_) => {
                    tx.commit().await?;
                    return Ok(Redirect::to(&format!("{LIST}?fait=donnee")).into_response());
                }
                Err(error) => errors_of(error, &ctx)?,
            }
        }
        Err(errors) => errors,
    };
    drop(tx);
    let page = GrantPage::new(ctx, &officer, unit, form, std::mem::take(&mut errors));
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn errors_of(error: GrantError, ctx: &Ctx) -> Result<Errors, PageError> {
    let (field, message) = match error {
        GrantError::Fault(fault) => return Err(fault.into()),
        GrantError::Oneself => ("agent", "admin-empower-error-oneself"),
        GrantError::AlreadyHeld => ("role", "admin-empower-error-held"),
        GrantError::RequestOver => ("agent", "admin-empower-error-who"),
        GrantError::WrongRio => ("rio", "admin-empower-error-rio-taken"),
        GrantError::NotTheirs => ("role", "admin-empower-error-role"),
    };
    let mut errors = Errors::default();
    errors.add(field, ctx.t(message));
    Ok(errors)
}

#[derive(Template)]
#[template(path = "admin/revoke.html")]
struct RevokePage {
    ctx: Ctx,
    unit: Unit,
    held: HeldView,
}

/// An empowerment of a unit that this person administers.
async fn held_of(
    tx: &mut Tx,
    app: &App,
    by: &SignedInOfficer,
    id: &Id,
) -> Result<(Held, Unit), PageError> {
    // Whoever administers nothing learns nothing of what exists.
    let units = all_units_of(tx, by).await?;
    let held = empowerments::find(tx, &app.keys, id).await?;
    let held = held.ok_or_else(Refusal::not_found)?;
    let unit = units.into_iter().find(|unit| unit.id == held.unit_id);
    let unit = unit.ok_or_else(Refusal::not_found)?;
    if !may_revoke(by, &unit, &held) {
        return Err(not_yours().into());
    }
    Ok((held, unit))
}

fn not_yours() -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "admin-revoke-not-yours")
        .way_out(LIST, "admin-empowerments-back")
}

async fn ask_revoke(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (held, unit) = held_of(&mut tx, &app, &officer, &id).await?;
    if held.revoked.is_some() {
        return Ok(Redirect::to(&format!("{LIST}?fait=retiree")).into_response());
    }
    let held = held_view(&mut tx, &ctx, &officer, &unit, &held).await?;
    Ok(render(&RevokePage { ctx, unit, held })?.into_response())
}

#[derive(Deserialize)]
struct Nothing {}

async fn revoke(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, PageError> {
    let mut tx = app.db.begin().await?;
    let (held, _) = held_of(&mut tx, &app, &officer, &id).await?;
    match empowerments::revoke(&mut tx, &officer, &held, ctx.now).await {
        // Two who press the button take it back once.
        Ok(_) | Err(RevokeError::Already) => {}
        Err(RevokeError::Own) => return Err(not_yours().into()),
        Err(RevokeError::Fault(fault)) => return Err(fault.into()),
    }
    tx.commit().await?;
    app.live.changed(own_sessions::TOPIC);
    Ok(Redirect::to(&format!("{LIST}?fait=retiree")))
}
