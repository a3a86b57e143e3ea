//! The question that a citizen answers before anything is shown to them, in a browser that
//! knew somebody else: FranceConnect may have let them in as whoever it still remembered
//! there. It knows nothing of what they came for.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use super::browser_kind::BrowserKind;
use super::pages::{cookie_of, home_or, removed, return_in};
use super::refusals::{LoginError, login_path};
use super::session::{self, private_cookie};
use super::{PivotIdentity, ProviderName, login, own_sessions};
use crate::app::App;
use crate::error::PageError;
use crate::form::Form;
use crate::page::{Ctx, render, safe_return};
use crate::routes::Routes;

const PATH: &str = "/connexion/personne";
const PROVIDER: ProviderName = ProviderName::FranceConnect;

pub(super) fn router() -> Routes {
    Routes::new().route(PATH, get(ask).post(confirm))
}

/// Where the question stands, coming back to `return_to` after a yes.
pub(super) fn path(return_to: &str) -> String {
    login_path(PROVIDER, return_to).replacen("/connexion", PATH, 1)
}

#[derive(Template)]
#[template(path = "identity/citizen_confirmation.html")]
struct ConfirmationPage {
    ctx: Ctx,
    next: String,
    identity: PivotIdentity,
}

async fn ask(
    State(app): State<App>,
    ctx: Ctx,
    jar: CookieJar,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, PageError> {
    let next = return_in(query.as_deref())?;
    let cookie = cookie_of(&app, &jar, session::CHOICE_COOKIE).unwrap_or_default();
    let mut tx = app.db.read().await?;
    let identity = login::unconfirmed(&mut tx, &app.keys, &cookie, ctx.now)
        .await?
        .ok_or_else(|| LoginError::ChoiceOver.page(PROVIDER, &next))?;
    let ctx = ctx.with_quick_exit();
    render(&ConfirmationPage {
        ctx,
        next,
        identity,
    })
}

#[derive(Deserialize)]
struct Confirming {
    #[serde(default)]
    retour: String,
}

async fn confirm(
    State(app): State<App>,
    jar: CookieJar,
    headers: HeaderMap,
    Form(form): Form<Confirming>,
) -> Result<Response, PageError> {
    let return_to = safe_return(&form.retour);
    let cookie = cookie_of(&app, &jar, session::CHOICE_COOKIE).unwrap_or_default();
    let mut tx = app.db.begin().await?;
    let session = login::confirm(&mut tx, &app.keys, &cookie, app.clock.now())
        .await
        .map_err(|error| error.page(PROVIDER, &return_to))?;
    own_sessions::note_kind(&mut tx, &session, BrowserKind::of(&headers)).await?;
    tx.commit().await?;
    let jar = jar
        .add(removed(&app, session::CHOICE_COOKIE))
        .add(private_cookie(&app, session::COOKIE, session));
    Ok((jar, Redirect::to(&home_or(&return_to, PROVIDER))).into_response())
}
