//! An officer who was turned away asks to be empowered: what would be kept, one
//! button, and the code to tell their administrator.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use super::pages::turned_away;
use super::requests::{self, ASK_MINUTES, CODE_MINUTES, TurnedAway};
use crate::app::App;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::page::{Ctx, render};
use crate::routes::Routes;

/// Where it is asked.
pub(super) const PATH: &str = "/agent/habilitation/demande";

pub(super) fn router() -> Routes {
    Routes::new().route(PATH, get(show).post(ask))
}

#[derive(Template)]
#[template(path = "identity/request.html")]
struct RequestPage {
    ctx: Ctx,
    name: String,
    email: String,
    days: i64,
    /// To tell the administrator; empty before it is asked for.
    code: String,
}

impl RequestPage {
    fn new(ctx: Ctx, who: &TurnedAway, code: String) -> Self {
        RequestPage {
            ctx,
            name: who.identity.display_name(),
            email: who.identity.email.clone(),
            days: CODE_MINUTES / (24 * 60),
            code,
        }
    }
}

/// Who was turned away here a moment ago.
fn lately(app: &App, jar: &CookieJar, ctx: &Ctx) -> Result<TurnedAway, Refusal> {
    turned_away(app, jar)
        .filter(|who| who.at.plus_minutes(ASK_MINUTES) > ctx.now)
        .ok_or_else(|| {
            Refusal::new(StatusCode::GONE, "empowerment-request-over")
                .way_out("/agent/connexion", "login-way-out-again")
                .way_out("/", "way-out-home")
        })
}

async fn show(State(app): State<App>, jar: CookieJar, ctx: Ctx) -> Result<Html<String>, PageError> {
    let who = lately(&app, &jar, &ctx)?;
    render(&RequestPage::new(ctx, &who, String::new()))
}

#[derive(Deserialize)]
struct Nothing {}

async fn ask(
    State(app): State<App>,
    jar: CookieJar,
    ctx: Ctx,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Html<String>, PageError> {
    let who = lately(&app, &jar, &ctx)?;
    let mut tx = app.db.begin().await?;
    let code = requests::ask(&mut tx, &app.keys, &who, ctx.now).await?;
    tx.commit().await?;
    render(&RequestPage::new(ctx, &who, code))
}
