//! Where an officer makes, replaces and takes back the addresses of their calendars;
//! and the addresses themselves, which calendar programs ask without a session.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::{Feed, issue, list_of, read, revoke, store};
use crate::app::App;
use crate::booking::agenda::Whose;
use crate::booking::unit_of;
use crate::calendar::recurrence::day_of;
use crate::calendar::{Unit, wall};
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::SignedInOfficer;
use crate::keys::sha256_hex;
use crate::page::{Ctx, render};
use crate::path::{PathId, PathText};
use crate::routes::Routes;

const PAGE: &str = "/agent/calendriers";
/// How long an answer may be kept by the program that asked, in seconds.
const FRESH: &str = "private, max-age=300";

pub(super) fn router() -> Routes {
    Routes::new()
        .route(PAGE, get(list).post(give))
        .route("/agent/calendriers/{id}/revocation", post(take_back))
        .route("/calendrier/{secret}", get(calendar))
}

#[derive(Template)]
#[template(path = "agenda/feeds.html")]
struct FeedsPage {
    ctx: Ctx,
    unit: String,
    /// The address, this once.
    address: String,
    done: String,
    kinds: Vec<Kind>,
}

/// One calendar that can be subscribed to.
struct Kind {
    scope: Whose,
    title: String,
    /// Its address's key; empty while there is none.
    feed: String,
    /// "Adresse donnée le … "; empty while there is none.
    since: String,
    read: String,
}

fn kind(scope: Whose, feeds: &[Feed], unit: &Unit, ctx: &Ctx) -> Kind {
    let feed = feeds.iter().find(|feed| feed.scope == scope);
    let since = feed.map(|feed| wall::day(ctx.lang, day_of(feed.issued_at, unit.zone())));
    let read = feed.and_then(|feed| feed.read_day.as_deref());
    let read = read.and_then(|day| day.parse().ok());
    Kind {
        scope,
        title: ctx.t(&format!("agenda-whose-{scope}")),
        feed: feed.map_or_else(String::new, |feed| feed.id.to_string()),
        since: since.map_or_else(String::new, |day| ctx.t1("feed-since", "day", day)),
        read: read.map_or_else(
            || ctx.t("feed-never-read"),
            |day| ctx.t1("feed-read", "day", wall::day(ctx.lang, day)),
        ),
    }
}

async fn page(
    app: &App,
    ctx: Ctx,
    officer: &SignedInOfficer,
    (address, done): (String, &str),
) -> Result<FeedsPage, PageError> {
    let mut tx = app.db.read().await?;
    let unit = unit_of(&mut tx, &officer.unit_id).await?;
    let feeds = list_of(&mut tx, officer).await?;
    let kinds = [Whose::Own, Whose::Unit].map(|scope| kind(scope, &feeds, &unit, &ctx));
    Ok(FeedsPage {
        unit: unit.name,
        address,
        done: if done.is_empty() {
            String::new()
        } else {
            ctx.t(done)
        },
        kinds: kinds.into(),
        ctx,
    })
}

/// Only who reads the agenda subscribes to it.
fn check(officer: &SignedInOfficer) -> Result<(), Refusal> {
    if officer.serves(&officer.unit_id) {
        return Ok(());
    }
    let refusal = Refusal::new(StatusCode::FORBIDDEN, "agenda-not-for-role");
    Err(refusal.way_out("/administration/journal", "way-out-journal"))
}

async fn list(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Html<String>, PageError> {
    check(&officer)?;
    let done = match query.get("fait").map(String::as_str) {
        Some("revoque") => "feed-done-revoked",
        _ => "",
    };
    render(&page(&app, ctx, &officer, (String::new(), done)).await?)
}

#[derive(Deserialize)]
struct ScopeForm {
    #[serde(default)]
    portee: String,
}

/// Makes an address and shows it. It is the answer itself, since a page to go to
/// could not show again what is kept nowhere.
async fn give(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Form(form): Form<ScopeForm>,
) -> Result<Response, PageError> {
    check(&officer)?;
    let Some(scope) = Whose::parse(&form.portee) else {
        return Ok(Redirect::to(PAGE).into_response());
    };
    let mut tx = app.db.begin().await?;
    let secret = issue(&mut tx, &officer, scope, ctx.now).await?;
    tx.commit().await?;
    let address = format!("{}/calendrier/{secret}", app.config.public_url);
    Ok(render(&page(&app, ctx, &officer, (address, "")).await?)?.into_response())
}

#[derive(Deserialize)]
struct NoFields {}

async fn take_back(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    PathId(id): PathId,
    Form(NoFields {}): Form<NoFields>,
) -> Result<Response, PageError> {
    check(&officer)?;
    let mut tx = app.db.begin().await?;
    if !revoke(&mut tx, &officer, &id, ctx.now).await? {
        return Err(Refusal::not_found().into());
    }
    tx.commit().await?;
    Ok(Redirect::to(&format!("{PAGE}?fait=revoque")).into_response())
}

/// The calendar behind a secret. A program that has it already is told so.
async fn calendar(
    Shared(app): Shared<App>,
    ctx: Ctx,
    headers: HeaderMap,
    PathText(secret): PathText,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let Some((feed, text)) = read(&mut tx, &secret, ctx.now).await? else {
        return Err(Refusal::not_found().into());
    };
    drop(tx);
    let today = ctx.now.utc().format("%Y-%m-%d").to_string();
    if feed.read_day.as_ref() != Some(&today) {
        let mut tx = app.db.begin().await?;
        store::mark_read(&mut tx, &feed.id, &today).await?;
        tx.commit().await?;
    }
    // Weak: the answer may be compressed on its way.
    let tag = format!("W/\"{}\"", &sha256_hex(text.as_bytes())[..32]);
    let known = headers.get_all(header::IF_NONE_MATCH);
    let known = known.iter().filter_map(|value| value.to_str().ok());
    if known
        .flat_map(|tags| tags.split(','))
        .any(|known| same_tag(known, &tag))
    {
        let kept = [
            (header::ETAG, tag),
            (header::CACHE_CONTROL, FRESH.to_owned()),
        ];
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    let fresh = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, FRESH.to_owned()),
        (
            header::CONTENT_TYPE,
            "text/calendar; charset=utf-8".to_owned(),
        ),
        (
            header::CONTENT_DISPOSITION,
            "inline; filename=\"visioplainte.ics\"".to_owned(),
        ),
    ];
    Ok((fresh, text).into_response())
}

/// Whether two tags name the same text, as RFC 9110 compares them weakly.
fn same_tag(known: &str, tag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || plain(known) == plain(tag)
}
