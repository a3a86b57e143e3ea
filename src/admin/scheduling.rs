//! Keys of the scheduling interface, unit by unit: made, rotated, taken back, each with
//! its history. A secret is shown once, by the answer to the form that made it; the same
//! form sent again says so and makes nothing.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::{Days, NaiveDate};
use serde::Deserialize;

use super::desks::{Errors, Field, lines_in_words};
use super::{unit_of, units_of};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::calendar::recurrence::{day_of, whole_day};
use crate::calendar::{Unit, hours, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::{self, PathId};
use crate::routes::Routes;
use crate::scheduling::description;
use crate::scheduling::keys::{self, Key, NewKey};
use crate::scheduling::webhooks::outbox::{self, Undelivered};
use crate::scheduling::webhooks::{self, OVERLAP_HOURS};

const LIST: &str = "/administration/planification";

/// Longest name of a key, in characters.
const LONGEST_NAME: usize = 80;
/// Farthest end of a key, in days.
const FARTHEST_END: u64 = 5 * 366;
/// How long a replaced secret may still hold, in days.
const OVERLAPS: [i64; 4] = [0, 1, 7, 30];

pub(super) fn router() -> Routes {
    Routes::new()
        .route(LIST, get(list))
        .route(
            "/administration/planification/nouvelle",
            get(ask).post(create),
        )
        .route("/administration/planification/{id}", get(show))
        .route(
            "/administration/planification/{id}/rotation",
            get(ask_rotation).post(rotate),
        )
        .route(
            "/administration/planification/{id}/revocation",
            get(ask_revocation).post(revoke),
        )
}

#[derive(Template)]
#[template(path = "admin/scheduling.html")]
struct ListPage {
    ctx: Ctx,
    units: Vec<UnitKeys>,
    description: &'static str,
    done: String,
}

struct UnitKeys {
    unit: Unit,
    live: Vec<KeyView>,
    past: Vec<KeyView>,
}

/// A key in words.
pub(super) struct KeyView {
    id: Id,
    name: String,
    created: String,
    used: String,
    ends: String,
    stands: bool,
}

impl KeyView {
    pub(super) fn of(key: &Key, unit: &Unit, ctx: &Ctx) -> Self {
        let when = |at: Timestamp| wall::moment(ctx.lang, at, unit.zone());
        KeyView {
            id: key.id.clone(),
            name: key.name.clone(),
            created: ctx.t1("scheduling-created", "when", when(key.created_at)),
            used: match key.last_used_at {
                Some(at) => ctx.t1("scheduling-used", "when", when(at)),
                None => ctx.t("scheduling-never-used"),
            },
            ends: match (key.revoked_at, key.expires_at) {
                (Some(at), _) => ctx.t1("scheduling-revoked", "when", when(at)),
                (None, Some(at)) if at <= ctx.now => ctx.t1("scheduling-expired", "when", when(at)),
                (None, Some(at)) => ctx.t1("scheduling-expires", "when", when(at)),
                (None, None) => ctx.t("scheduling-endless"),
            },
            stands: key.stands(ctx.now),
        }
    }
}

async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let mut units = Vec::new();
    for unit in units_of(&mut tx, &officer).await? {
        let keys = keys::list(&mut tx, &unit.id).await?;
        let views = keys.iter().map(|key| KeyView::of(key, &unit, &ctx));
        let (live, past) = views.partition(|view| view.stands);
        units.push(UnitKeys { unit, live, past });
    }
    let done = match query.get("fait").map(String::as_str) {
        Some("revoquee") => ctx.t("scheduling-done-revoked"),
        _ => String::new(),
    };
    render(&ListPage {
        ctx,
        units,
        description: description::PATH,
        done,
    })
}

/// What a new key is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NewForm {
    /// Id of the key to be: a form sent twice makes one.
    cle: String,
    unite: String,
    nom: String,
    /// Last day, included; empty for none.
    fin: String,
}

#[derive(Template)]
#[template(path = "admin/scheduling_new.html")]
struct NewPage {
    ctx: Ctx,
    unit: Unit,
    form: NewForm,
    errors: Errors,
}

/// What a page that shows a secret once says around it.
#[derive(Template)]
#[template(path = "admin/scheduling_secret.html")]
pub(super) struct SecretPage {
    pub(super) ctx: Ctx,
    pub(super) title: String,
    /// What to do with it.
    pub(super) text: String,
    pub(super) key_id: Id,
    pub(super) name: String,
    /// None: this form was sent before, and its secret shown then.
    pub(super) secret: Option<String>,
}

async fn ask(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let unit = match query.get("unite").filter(|text| !text.is_empty()) {
        Some(text) => path::parse(text).ok_or_else(Refusal::not_found)?,
        None => officer.unit_id.clone(),
    };
    let unit = unit_of(&mut tx, &officer, &unit).await?;
    let form = NewForm {
        cle: Id::random().to_string(),
        unite: unit.id.to_string(),
        ..NewForm::default()
    };
    render(&NewPage {
        ctx,
        unit,
        form,
        errors: Errors::default(),
    })
}

impl NewForm {
    fn check(&self, unit: &Unit, ctx: &Ctx) -> Result<(String, Option<Timestamp>), Errors> {
        let mut wrong = Vec::new();
        let name = self.nom.trim().to_owned();
        let length = name.chars().count();
        if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
            wrong.push(("nom", "scheduling-error-name"));
        }
        let today = day_of(ctx.now, unit.zone());
        let farthest = today.checked_add_days(Days::new(FARTHEST_END));
        let in_time = |day: &NaiveDate| *day >= today && farthest.is_none_or(|end| *day <= end);
        let end = match self.fin.trim() {
            "" => None,
            text => {
                let day = hours::day_of(text).filter(in_time);
                if day.is_none() {
                    wrong.push(("fin", "scheduling-error-end"));
                }
                day
            }
        };
        if !wrong.is_empty() {
            let told = wrong.into_iter().map(|(field, text)| Field {
                field,
                text: ctx.t(text),
            });
            return Err(Errors(told.collect()));
        }
        Ok((name, end.map(|day| whole_day(day, unit.zone()).to)))
    }
}

async fn create(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<NewForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let unit = path::parse(&form.unite).ok_or_else(Refusal::not_found)?;
    let unit = unit_of(&mut tx, &officer, &unit).await?;
    let id = path::parse(&form.cle).ok_or_else(Refusal::malformed)?;
    let (name, expires_at) = match form.check(&unit, &ctx) {
        Ok(checked) => checked,
        Err(errors) => {
            let page = NewPage {
                ctx,
                unit,
                form,
                errors,
            };
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let new = NewKey {
        id: &id,
        name: &name,
        expires_at,
    };
    let actor = Actor::Officer(officer.id.clone());
    let secret = keys::create(&mut tx, &unit, new, &actor, ctx.now).await?;
    // Sent before: whose it is is asked again, since the form says what it likes.
    let (key, _) = key_of(&mut tx, &officer, &id).await?;
    tx.commit().await?;
    let page = SecretPage {
        title: ctx.t("scheduling-secret-title"),
        text: ctx.t("scheduling-secret-text"),
        key_id: key.id,
        name: key.name,
        secret,
        ctx,
    };
    Ok(render(&page)?.into_response())
}

/// A key of one of this administrator's units; another's does not exist.
///
/// # Errors
/// A refusal, or a fault of the database.
pub(super) async fn key_of(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
) -> Result<(Key, Unit), PageError> {
    let units = units_of(tx, officer).await?;
    let key = keys::find(tx, id).await?.ok_or_else(Refusal::not_found)?;
    let unit = units
        .into_iter()
        .find(|unit| unit.id == key.unit_id)
        .ok_or_else(Refusal::not_found)?;
    Ok((key, unit))
}

/// The same as long as it lets anybody in.
pub(super) async fn standing(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
    now: Timestamp,
) -> Result<(Key, Unit), PageError> {
    let (key, unit) = key_of(tx, officer, id).await?;
    if !key.stands(now) {
        return Err(over(id).into());
    }
    Ok((key, unit))
}

pub(super) fn over(id: &Id) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "scheduling-over")
        .way_out(path_of(id), "scheduling-way-out-key")
        .way_out(LIST, "scheduling-way-out-list")
}

pub(super) fn path_of(id: &Id) -> String {
    format!("{LIST}/{id}")
}

/// One key: its secrets, where its changes go, what could not be delivered, its history.
#[derive(Template)]
#[template(path = "admin/scheduling_key.html")]
pub(super) struct KeyPage {
    ctx: Ctx,
    unit: Unit,
    key: KeyView,
    secrets: Vec<String>,
    /// Where its changes go; what was typed while it is refused.
    url: String,
    has_webhook: bool,
    signatures: String,
    undelivered: Vec<DeliveryView>,
    history: Vec<String>,
    errors: Errors,
    done: String,
    /// Id of the secret that the webhook's button makes.
    fresh: String,
}

/// A delivery that was not taken, in words.
struct DeliveryView {
    id: Id,
    what: String,
    why: String,
    dead: bool,
}

impl DeliveryView {
    fn of(delivery: &Undelivered, unit: &Unit, ctx: &Ctx) -> Self {
        let when = |at: Timestamp| wall::moment(ctx.lang, at, unit.zone());
        let answer = delivery.last_error.as_deref().unwrap_or_default();
        let tried = ctx.t2(
            "scheduling-delivery-tried",
            "attempts",
            delivery.attempts,
            "answer",
            answer,
        );
        DeliveryView {
            id: delivery.id.clone(),
            what: format!("{} – {}", delivery.kind, when(delivery.created_at)),
            why: match delivery.ended_at {
                Some(at) => {
                    let given_up = ctx.t1("scheduling-delivery-dead", "when", when(at));
                    format!("{tried} {given_up}")
                }
                None => format!("{tried} {}", ctx.t("scheduling-delivery-later")),
            },
            dead: delivery.ended_at.is_some(),
        }
    }
}

impl KeyPage {
    pub(super) async fn read(
        tx: &mut Tx,
        app: &App,
        ctx: Ctx,
        key: &Key,
        unit: Unit,
        typed: Option<(String, Errors)>,
        done: String,
    ) -> Result<Self, Fault> {
        let when = |at: Timestamp| wall::moment(ctx.lang, at, unit.zone());
        let mut secrets = Vec::new();
        for secret in keys::list_secrets(tx, &key.id, ctx.now).await? {
            let used = match secret.last_used_at {
                Some(at) => ctx.t1("scheduling-used", "when", when(at)),
                None => ctx.t("scheduling-never-used"),
            };
            let since = ctx.t1("scheduling-secret-since", "when", when(secret.created_at));
            let until = secret.until_at.map_or_else(String::new, |at| {
                format!(" {}", ctx.t1("scheduling-secret-until", "when", when(at)))
            });
            secrets.push(format!("{since}{until} {used}"));
        }
        let webhook = webhooks::find(tx, &key.id).await?;
        let signing = webhooks::secrets(tx, &app.keys, &key.id, ctx.now).await?;
        let undelivered = outbox::list_undelivered(tx, &key.id).await?;
        let lines = audit::lines_about(tx, &key.object()).await?;
        let has_webhook = webhook.is_some();
        let stored = webhook.map_or_else(String::new, |webhook| webhook.url);
        let (url, errors) = typed.unwrap_or((stored, Errors::default()));
        let history = lines_in_words(tx, &lines, &unit, &ctx).await?;
        Ok(KeyPage {
            secrets,
            url,
            has_webhook,
            signatures: match signing.len() {
                0 => ctx.t("scheduling-webhook-no-secret"),
                1 => ctx.t("scheduling-webhook-one-secret"),
                _ => ctx.t1("scheduling-webhook-two-secrets", "hours", OVERLAP_HOURS),
            },
            undelivered: undelivered
                .iter()
                .map(|delivery| DeliveryView::of(delivery, &unit, &ctx))
                .collect(),
            history,
            errors,
            done,
            fresh: Id::random().to_string(),
            key: KeyView::of(key, &unit, &ctx),
            unit,
            ctx,
        })
    }
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (key, unit) = key_of(&mut tx, &officer, &id).await?;
    let done = match query.get("fait").map(String::as_str) {
        Some("adresse") => ctx.t("scheduling-done-webhook"),
        Some("sans-adresse") => ctx.t("scheduling-done-no-webhook"),
        Some("renvoye") => ctx.t("scheduling-done-resent"),
        _ => String::new(),
    };
    render(&KeyPage::read(&mut tx, &app, ctx, &key, unit, None, done).await?)
}

struct OverlapOption {
    value: String,
    label: String,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "admin/scheduling_rotate.html")]
struct RotatePage {
    ctx: Ctx,
    unit: Unit,
    key: KeyView,
    overlaps: Vec<OverlapOption>,
    form: RotateForm,
    errors: Errors,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RotateForm {
    /// Id of the secret to be.
    secret: String,
    /// Days for which the former one still holds.
    delai: String,
}

impl RotatePage {
    fn new(ctx: Ctx, key: &Key, unit: Unit, form: RotateForm, errors: Errors) -> Self {
        let option = |days: &i64| OverlapOption {
            value: days.to_string(),
            label: match days {
                0 => ctx.t("scheduling-overlap-none"),
                1 => ctx.t("scheduling-overlap-day"),
                days => ctx.t1("scheduling-overlap-days", "days", days),
            },
            hint: "",
        };
        RotatePage {
            overlaps: OVERLAPS.iter().map(option).collect(),
            key: KeyView::of(key, &unit, &ctx),
            unit,
            form,
            errors,
            ctx,
        }
    }
}

async fn ask_rotation(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (key, unit) = standing(&mut tx, &officer, &id, ctx.now).await?;
    let form = RotateForm {
        secret: Id::random().to_string(),
        delai: "7".into(),
    };
    render(&RotatePage::new(ctx, &key, unit, form, Errors::default()))
}

async fn rotate(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<RotateForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (key, unit) = standing(&mut tx, &officer, &id, ctx.now).await?;
    let fresh = path::parse(&form.secret).ok_or_else(Refusal::malformed)?;
    let days = OVERLAPS
        .iter()
        .find(|days| days.to_string() == form.delai.trim());
    let Some(days) = days else {
        let errors = Errors(vec![Field {
            field: "delai",
            text: ctx.t("scheduling-error-overlap"),
        }]);
        let page = RotatePage::new(ctx, &key, unit, form, errors);
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let actor = Actor::Officer(officer.id);
    let overlap = days * 24 * 60;
    let secret = keys::rotate(&mut tx, &key, &fresh, overlap, &actor, ctx.now).await?;
    tx.commit().await?;
    let page = SecretPage {
        title: ctx.t("scheduling-rotated-title"),
        text: ctx.t("scheduling-rotated-text"),
        key_id: key.id,
        name: key.name,
        secret,
        ctx,
    };
    Ok(render(&page)?.into_response())
}

#[derive(Template)]
#[template(path = "admin/scheduling_revoke.html")]
struct RevokePage {
    ctx: Ctx,
    unit: Unit,
    key: KeyView,
}

async fn ask_revocation(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (key, unit) = key_of(&mut tx, &officer, &id).await?;
    if key.revoked_at.is_some() {
        return Err(over(&id).into());
    }
    render(&RevokePage {
        key: KeyView::of(&key, &unit, &ctx),
        unit,
        ctx,
    })
}

#[derive(Deserialize)]
struct NoFields {}

async fn revoke(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Redirect, PageError> {
    let mut tx = app.db.begin().await?;
    let (key, _) = key_of(&mut tx, &officer, &id).await?;
    let actor = Actor::Officer(officer.id);
    // Pressed twice: the same page.
    keys::revoke(&mut tx, &key, &actor, ctx.now).await?;
    webhooks::remove(&mut tx, &key, &actor, ctx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("{LIST}?fait=revoquee")))
}
