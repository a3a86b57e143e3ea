//! The webhook of a key: its address, its secret, what could not be delivered.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;

use super::desks::{Errors, Field};
use super::scheduling::{KeyPage, SecretPage, over, path_of, standing};
use crate::app::App;
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render, render_with};
use crate::path::{self, PathId};
use crate::routes::Routes;
use crate::scheduling::keys::Key;
use crate::scheduling::webhooks::reach::{self, Reach};
use crate::scheduling::webhooks::{self, outbox};

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/planification/{id}/webhook", post(save))
        .route(
            "/administration/planification/{id}/webhook/secret",
            post(rotate),
        )
        .route("/administration/planification/{id}/renvoi", post(resend))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AddressForm {
    /// Empty: no webhook.
    adresse: String,
    /// Id of the first secret, if there is none.
    secret: String,
}

/// Sets where the key's changes go, or takes it back.
async fn save(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<AddressForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (key, unit) = standing(&mut tx, &officer, &id, ctx.now).await?;
    let actor = Actor::Officer(officer.id);
    let typed = form.adresse.trim();
    if typed.is_empty() {
        webhooks::remove(&mut tx, &key, &actor, ctx.now).await?;
        tx.commit().await?;
        return Ok(Redirect::to(&format!("{}?fait=sans-adresse", path_of(&id))).into_response());
    }
    match reach::check(typed, Reach::of_this_build()) {
        Ok(url) => webhooks::set(&mut tx, &key, url.as_str(), &actor, ctx.now).await?,
        Err(why) => {
            let name = why.as_str().replace('_', "-");
            let errors = Errors(vec![Field {
                field: "adresse",
                text: ctx.t(&format!("scheduling-error-url-{name}")),
            }]);
            let typed = Some((typed.to_owned(), errors));
            let page = KeyPage::read(&mut tx, &app, ctx, &key, unit, typed, String::new()).await?;
            return render_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    }
    let signing = webhooks::secrets(&mut tx, &app.keys, &key.id, ctx.now).await?;
    if signing.is_empty() {
        let secret = fresh_secret(&mut tx, &app, &key, &form.secret, &actor, ctx.now).await?;
        tx.commit().await?;
        return Ok(render(&secret_page(ctx, key, secret))?.into_response());
    }
    tx.commit().await?;
    Ok(Redirect::to(&format!("{}?fait=adresse", path_of(&id))).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecretForm {
    /// Id of the secret to be.
    secret: String,
}

/// Gives the webhook a new secret and shows it.
async fn rotate(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<SecretForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (key, _) = standing(&mut tx, &officer, &id, ctx.now).await?;
    if webhooks::find(&mut tx, &key.id).await?.is_none() {
        return Err(over(&id).into());
    }
    let actor = Actor::Officer(officer.id);
    let secret = fresh_secret(&mut tx, &app, &key, &form.secret, &actor, ctx.now).await?;
    tx.commit().await?;
    Ok(render(&secret_page(ctx, key, secret))?.into_response())
}

async fn fresh_secret(
    tx: &mut Tx,
    app: &App,
    key: &Key,
    form: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<String>, PageError> {
    let fresh = path::parse(form).ok_or_else(Refusal::malformed)?;
    Ok(webhooks::rotate(tx, &app.keys, key, &fresh, actor, now).await?)
}

fn secret_page(ctx: Ctx, key: Key, secret: Option<String>) -> SecretPage {
    SecretPage {
        title: ctx.t("scheduling-webhook-secret-title"),
        text: ctx.t("scheduling-webhook-secret-text"),
        key_id: key.id,
        name: key.name,
        secret,
        ctx,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResendForm {
    livraison: String,
}

async fn resend(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(form): Form<ResendForm>,
) -> Result<Redirect, PageError> {
    let mut tx = app.db.begin().await?;
    let (key, _) = standing(&mut tx, &officer, &id, ctx.now).await?;
    let delivery = path::parse(&form.livraison).ok_or_else(Refusal::malformed)?;
    let actor = Actor::Officer(officer.id);
    // Pressed twice, or delivered meanwhile: the same page, which shows what is left.
    outbox::resend(&mut tx, &key, &delivery, &actor, ctx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("{}?fait=renvoye", path_of(&id))))
}
