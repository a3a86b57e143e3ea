//! The public pages.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::help::{self, Question};
use super::{legal, rights};
use crate::app::App;
use crate::calendar::{self, Unit};
use crate::error::PageError;
use crate::form::Asked;
use crate::messages::Lang;
use crate::page::{Ctx, LANG_COOKIE, render, safe_return};
use crate::path;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/", get(home))
        .route("/en-personne", get(in_person))
        .route("/aide", get(help_page))
        .route("/droits", get(rights_page))
        .route("/mentions-legales", get(legal_notice))
        .route("/cgu", get(terms))
        .route("/donnees-personnelles", get(privacy))
        .route("/cookies", get(cookies))
        .route("/accessibilite", get(accessibility))
        .route("/plan-du-site", get(site_map))
        .route("/langue/{lang}", get(switch_language))
}

/// A page that needs nothing but the request's context.
macro_rules! plain_page {
    ($handler:ident, $page:ident, $template:literal) => {
        #[derive(Template)]
        #[template(path = $template)]
        struct $page {
            ctx: Ctx,
        }

        async fn $handler(ctx: Ctx) -> Result<Html<String>, PageError> {
            render(&$page {
                ctx: ctx.with_quick_exit(),
            })
        }
    };
}

plain_page!(home, HomePage, "information/home.html");
plain_page!(cookies, CookiesPage, "information/cookies.html");
plain_page!(
    accessibility,
    AccessibilityPage,
    "information/accessibility.html"
);
plain_page!(site_map, SiteMapPage, "information/site_map.html");

#[derive(Template)]
#[template(path = "information/in_person.html")]
struct InPersonPage {
    ctx: Ctx,
    /// The unit somebody comes from a page of; none where the address names none.
    unit: Option<Unit>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfUnit {
    unite: String,
}

/// How to lodge a complaint in person, with the sheet of a unit that still receives.
async fn in_person(
    State(app): State<App>,
    ctx: Ctx,
    Asked(asked): Asked<OfUnit>,
) -> Result<Html<String>, PageError> {
    let unit = match path::parse(&asked.unite) {
        Some(id) => {
            let mut tx = app.db.read().await?;
            calendar::find_unit(&mut tx, &id).await?
        }
        None => None,
    };
    render(&InPersonPage {
        ctx: ctx.with_quick_exit(),
        unit: unit.filter(|unit| unit.closed_at.is_none()),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Search {
    q: String,
}

#[derive(Template)]
#[template(path = "information/help.html")]
struct HelpPage {
    ctx: Ctx,
    query: String,
    found: String,
    questions: Vec<Question>,
}

async fn help_page(ctx: Ctx, Asked(search): Asked<Search>) -> Result<Html<String>, PageError> {
    let query = help::query_of(&search.q);
    let questions = help::find(ctx.lang, &query);
    let found = match questions.len() {
        _ if query.is_empty() => String::new(),
        0 => ctx.t1("help-found-none", "query", &query),
        1 => ctx.t1("help-found-one", "query", &query),
        count => ctx.t2("help-found", "count", count, "query", &query),
    };
    render(&HelpPage {
        ctx: ctx.with_quick_exit(),
        query,
        found,
        questions,
    })
}

/// One right as the page shows it.
struct Line {
    title: String,
    text: String,
    citation: String,
}

#[derive(Template)]
#[template(path = "information/rights.html")]
struct RightsPage {
    ctx: Ctx,
    version: String,
    sections: Vec<(String, Vec<Line>)>,
}

async fn rights_page(ctx: Ctx) -> Result<Html<String>, PageError> {
    let sections = rights::Group::ALL
        .iter()
        .map(|&group| {
            let lines = rights::items_of(group)
                .into_iter()
                .map(|item| Line {
                    title: item.title(ctx.lang),
                    text: item.text(ctx.lang),
                    citation: item.citation(ctx.lang, ctx.now),
                })
                .collect();
            (ctx.t(&format!("rights-page-{group}")), lines)
        })
        .collect();
    render(&RightsPage {
        version: readable_day(ctx.lang, rights::version()),
        sections,
        ctx: ctx.with_quick_exit(),
    })
}

/// A date of a data file, for a person.
fn readable_day(lang: Lang, date: &str) -> String {
    chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").map_or_else(
        |_| date.to_owned(),
        |day| match lang {
            Lang::Fr => day.format("%d/%m/%Y").to_string(),
            Lang::En => day.format("%-d %B %Y").to_string(),
        },
    )
}

#[derive(Template)]
#[template(path = "information/legal_notice.html")]
struct LegalNoticePage {
    ctx: Ctx,
    articles: Vec<String>,
    updated: String,
}

async fn legal_notice(ctx: Ctx) -> Result<Html<String>, PageError> {
    let articles = [
        "complaint",
        "video",
        "video-scope",
        "rights-notice",
        "video-record",
        "video-data",
    ]
    .iter()
    .map(|key| legal::cite(ctx.lang, key, ctx.now))
    .collect();
    render(&LegalNoticePage {
        articles,
        updated: readable_day(ctx.lang, legal::version()),
        ctx: ctx.with_quick_exit(),
    })
}

#[derive(Template)]
#[template(path = "information/terms.html")]
struct TermsPage {
    ctx: Ctx,
    version: String,
    article: String,
}

async fn terms(ctx: Ctx) -> Result<Html<String>, PageError> {
    render(&TermsPage {
        version: readable_day(ctx.lang, rights::terms_version()),
        article: legal::cite(ctx.lang, "false-statement", ctx.now),
        ctx: ctx.with_quick_exit(),
    })
}

#[derive(Template)]
#[template(path = "information/privacy.html")]
struct PrivacyPage {
    ctx: Ctx,
    basis: String,
    rights: String,
}

async fn privacy(ctx: Ctx) -> Result<Html<String>, PageError> {
    render(&PrivacyPage {
        basis: legal::cite(ctx.lang, "video-data", ctx.now),
        rights: legal::cite(ctx.lang, "data-rights", ctx.now),
        ctx: ctx.with_quick_exit(),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Return {
    retour: String,
}

/// Remembers a language for a year and goes back to the page. A language that
/// does not exist changes nothing.
async fn switch_language(
    State(app): State<App>,
    lang: Result<Path<String>, PathRejection>,
    Asked(back): Asked<Return>,
) -> Response {
    let to = Redirect::to(&safe_return(&back.retour));
    let Some(lang) = lang.ok().and_then(|Path(lang)| Lang::parse(&lang)) else {
        return to.into_response();
    };
    let secure = if app.config.secure() { "; Secure" } else { "" };
    let cookie =
        format!("{LANG_COOKIE}={lang}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}");
    ([(header::SET_COOKIE, cookie)], to).into_response()
}
