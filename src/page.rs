//! What every page needs: language, the person behind the request, the
//! anti-forgery token, addresses of assets; and the one place where refusals
//! and faults become pages. It knows no slice but identity's session.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::cookie::CookieJar;

use crate::app::App;
use crate::assets::Assets;
use crate::clock::Timestamp;
use crate::db::hex;
use crate::error::{Fault, FaultReference, PageError, Refusal, WayOut};
use crate::identity::session::{self, cookie_name};
use crate::identity::{Role, SignedInCitizen, SignedInOfficer, Who};
use crate::limits::{self, Kind};
use crate::messages::{self, Lang};

/// Cookie that keeps a language chosen by hand.
pub const LANG_COOKIE: &str = "vp_lang";

/// Everything a template may ask about the request it answers.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Language of the page.
    pub lang: Lang,
    /// Who asks.
    pub who: Who,
    /// Anti-forgery token; empty when nobody is signed in.
    pub csrf: String,
    /// Those a form may bring: also what a former key made for a page that is still open.
    pub csrf_accepted: Vec<String>,
    /// Path and query of the request.
    pub path: String,
    /// Whether this is the demonstration.
    pub sandbox: bool,
    /// Whether the page offers the quick exit.
    pub quick_exit: bool,
    /// The instant the request is answered at.
    pub now: Timestamp,
    /// What the officer's next hearing is, for the line above every page of theirs.
    pub next_hearing: Option<NextHearing>,
    /// What does not work at the moment, in words, for the strip above every page.
    pub incidents: Vec<String>,
    assets: Arc<Assets>,
}

/// An officer's next hearing in words; who comes is not among them.
#[derive(Clone, Debug)]
pub struct NextHearing {
    /// "Prochaine audition à 16 h 00, salle ouverte".
    pub words: String,
    /// The hour, for machines.
    pub instant: String,
    /// Where the banner leads.
    pub href: String,
    /// What is done there.
    pub action: String,
}

impl Ctx {
    /// A message without values.
    #[must_use]
    pub fn t(&self, id: &str) -> String {
        messages::text(self.lang, id)
    }

    /// A message with one value.
    #[must_use]
    pub fn t1(&self, id: &str, name: &str, value: impl std::fmt::Display) -> String {
        messages::text_with(self.lang, id, &[(name, &value.to_string())])
    }

    /// A message with two values.
    #[must_use]
    pub fn t2(
        &self,
        id: &str,
        name: &str,
        value: impl std::fmt::Display,
        other_name: &str,
        other: impl std::fmt::Display,
    ) -> String {
        let (value, other) = (value.to_string(), other.to_string());
        messages::text_with(self.lang, id, &[(name, &value), (other_name, &other)])
    }

    /// Address of a built asset, with its content hash.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        self.assets.url(name)
    }

    /// The same page in another language.
    #[must_use]
    pub fn switch_lang_url(&self, lang: &str) -> String {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("retour", &self.path)
            .finish();
        format!("/langue/{lang}?{query}")
    }

    /// Whether a citizen is signed in for whom no provider vouches.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        matches!(&self.who, Who::Citizen(citizen) if citizen.identity.is_declared())
    }

    /// Whether a citizen is signed in.
    #[must_use]
    pub fn is_citizen(&self) -> bool {
        matches!(self.who, Who::Citizen(_))
    }

    /// Whether an officer (of any role) is signed in.
    #[must_use]
    pub fn is_officer(&self) -> bool {
        matches!(self.who, Who::Officer(_))
    }

    /// Whether the officer administers a unit or department.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        matches!(&self.who, Who::Officer(officer)
            if matches!(officer.role, Role::UnitAdmin | Role::DepartmentAdmin))
    }

    /// Whether the officer reads journals, and nothing else.
    #[must_use]
    pub fn is_auditor(&self) -> bool {
        matches!(&self.who, Who::Officer(officer) if officer.role == Role::Auditor)
    }

    /// How the page names the person who is signed in.
    #[must_use]
    pub fn display_name(&self) -> String {
        match &self.who {
            Who::Nobody => String::new(),
            Who::Citizen(citizen) => citizen.identity.display_name(),
            Who::Officer(officer) => format!("RIO {}", officer.rio),
        }
    }

    /// Offers the quick exit on this page.
    #[must_use]
    pub fn with_quick_exit(mut self) -> Self {
        self.quick_exit = true;
        self
    }
}

/// Renders a page.
///
/// # Errors
/// When the template fails, which only a formatting value could cause.
pub fn render(template: &impl Template) -> Result<Html<String>, PageError> {
    template
        .render()
        .map(Html)
        .map_err(|error| PageError::Fault(Fault::other(format!("template: {error}"))))
}

/// Renders a page with another status, such as 422 for a form sent back.
///
/// # Errors
/// As [`render`].
pub fn render_with(status: StatusCode, template: &impl Template) -> Result<Response, PageError> {
    Ok((status, render(template)?).into_response())
}

#[derive(Template)]
#[template(path = "layout/refusal.html")]
struct RefusalPage {
    ctx: Ctx,
    title: String,
    text: String,
    /// When to try again, in words; empty where waiting is not what helps.
    wait: String,
    reference: String,
    ways_out: Vec<WayOut>,
}

/// Middleware: finds out who asks and in which language, refuses forged
/// submissions, and gives refusals and faults their page.
pub async fn prepare(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = std::time::Instant::now();
    let request_id = crate::db::random_hex::<6>();
    let method = request.method().clone();
    let path = request
        .uri()
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string);
    let headers = request.headers().clone();
    let wants_json = wants_json(&headers);
    let jar = CookieJar::from_headers(&headers);
    let stranger = stranger(&app, &jar, &headers, path);
    // Before anything is looked up: a flood of invented cookies ends here.
    let knocked = limits::knock(&app, &mut request);
    let found = match knocked {
        None => known(&app, &jar, headers.contains_key(REFRESH), stranger.clone()).await,
        Some(_) => Ok(stranger.clone()),
    };
    let ctx = match found {
        Ok(ctx) => ctx,
        Err(fault) => {
            let fault = PageError::Fault(fault).into_response();
            app.metrics.answered(fault.status(), started.elapsed());
            return worded(stranger, fault, wants_json);
        }
    };
    let foreign = changes_something(&method) && !same_origin(&app, &headers);
    let mangled = is_mangled(request.uri().path());
    request.extensions_mut().insert(ctx.clone());
    // The route, not the path: a path may hold a link's secret.
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let mut response = if let Some(refusal) = knocked {
        PageError::from(refusal).into_response()
    } else if foreign {
        PageError::from(
            Refusal::new(StatusCode::FORBIDDEN, "refusal-forged").way_out("/", "way-out-home"),
        )
        .into_response()
    } else if mangled {
        PageError::from(Refusal::not_found()).into_response()
    } else {
        next.run(request).await
    };
    app.metrics.answered(response.status(), started.elapsed());
    tracing::info!(
        request_id,
        %method,
        route,
        status = response.status().as_u16(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request {request_id}"
    );
    if let Some(refusal) = unworded(&response) {
        response.extensions_mut().insert(refusal);
    }
    worded(ctx, response, wants_json)
}

/// What stands behind an error that the framework answered by itself, in plain
/// English or in nothing at all: an unreadable query, a method that no route has.
fn unworded(response: &Response) -> Option<Refusal> {
    let status = response.status();
    let words = response.headers().get(header::CONTENT_TYPE);
    let plain = words.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let has_page = response.extensions().get::<Refusal>().is_some();
    if has_page || !plain || !status.is_client_error() {
        return None;
    }
    let refusal = match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Refusal::not_found(),
        _ => Refusal::malformed(),
    };
    Some(Refusal { status, ..refusal })
}

/// Whether a path, decoded, is no text or holds control characters, which no
/// header and partly no database takes: it names nothing of ours.
fn is_mangled(path: &str) -> bool {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes.iter().any(u8::is_ascii_control) || std::str::from_utf8(&bytes).is_err()
}

/// "Réessayez dans 2 min.", never too short.
fn wait_in_words(ctx: &Ctx, seconds: u64) -> String {
    if seconds < 60 {
        ctx.t1("refusal-wait-seconds", "seconds", seconds)
    } else {
        ctx.t1("refusal-wait-minutes", "minutes", seconds.div_ceil(60))
    }
}

/// Replaces a refusal or fault by its page, or by JSON where a script asked.
fn worded(ctx: Ctx, mut response: Response, wants_json: bool) -> Response {
    let status = response.status();
    let mut retry_after = None;
    let (title, text, reference, ways_out, code) =
        if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
            retry_after = refusal.retry_after.map(limits::seconds);
            (
                ctx.t(&format!("{}-title", refusal.name)),
                ctx.t(&format!("{}-text", refusal.name)),
                String::new(),
                refusal.ways_out,
                refusal.name,
            )
        } else if let Some(FaultReference(reference)) = response.extensions_mut().remove() {
            (
                ctx.t("fault-title"),
                ctx.t("fault-text"),
                reference,
                vec![WayOut {
                    href: "/".into(),
                    label: "way-out-home",
                }],
                "fault",
            )
        } else {
            return response;
        };
    let wait = retry_after.map_or_else(String::new, |seconds| wait_in_words(&ctx, seconds));
    let mut worded = if wants_json {
        let message = format!("{text} {wait}");
        let mut body = serde_json::json!({ "code": code, "title": title, "message": message.trim_end(), "reference": reference });
        if let Some(seconds) = retry_after {
            body["retry_after"] = seconds.into();
        }
        axum::Json(body).into_response()
    } else {
        match render(&RefusalPage {
            ctx,
            title,
            text,
            wait,
            reference,
            ways_out,
        }) {
            Ok(page) => page.into_response(),
            Err(_) => status.into_response(),
        }
    };
    *worded.status_mut() = status;
    if let Some(seconds) = retry_after {
        worded
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // Which methods there are instead is part of a 405.
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        worded.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    // Cookies set on the way to a refusal (a login just ended, say) are kept.
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        worded
            .headers_mut()
            .append(header::SET_COOKIE, cookie.clone());
    }
    worded
}

/// The request of somebody whom nobody looked up yet.
fn stranger(app: &App, jar: &CookieJar, headers: &HeaderMap, path: String) -> Ctx {
    let lang = jar
        .get(LANG_COOKIE)
        .and_then(|cookie| Lang::parse(cookie.value()))
        .unwrap_or_else(|| {
            Lang::accepted(
                headers
                    .get(header::ACCEPT_LANGUAGE)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default(),
            )
        });
    Ctx {
        lang,
        csrf: String::new(),
        csrf_accepted: Vec::new(),
        who: Who::Nobody,
        path,
        sandbox: cfg!(feature = "sandbox"),
        quick_exit: false,
        now: app.clock.now(),
        next_hearing: None,
        incidents: Vec::new(),
        assets: app.assets.clone(),
    }
}

/// Header of what a page fetches of itself while it merely stays open.
const REFRESH: &str = "x-refresh";

/// The same with the person behind the session, where there is one.
/// A page that fetches its own parts again is not somebody at work, unless it holds a
/// call: a forgotten one keeps no session alive.
async fn known(app: &App, jar: &CookieJar, refreshes: bool, mut ctx: Ctx) -> Result<Ctx, Fault> {
    let (secure, now) = (app.config.secure(), ctx.now);
    if let Some(cookie) = jar.get(&cookie_name(secure, session::COOKIE)) {
        let mut tx = app.db.read().await?;
        let (found, due) = session::find(&mut tx, &app.keys, cookie.value(), now).await?;
        drop(tx);
        ctx.who = found;
        let stands = session_of(&ctx.who).is_some();
        app.limits
            .proven
            .note(Kind::Session, cookie.value(), stands);
        if due
            && !refreshes
            && let Some(session) = session_of(&ctx.who)
        {
            let mut tx = app.db.begin().await?;
            session::mark_seen(&mut tx, session, now).await?;
            tx.commit().await?;
        }
    }
    if let Some(session) = session_of(&ctx.who) {
        ctx.csrf_accepted = app.keys.csrf.derive_all(session, hex);
        ctx.csrf = csrf_token(app, session);
    }
    Ok(ctx)
}

fn session_of(who: &Who) -> Option<&str> {
    match who {
        Who::Nobody => None,
        Who::Citizen(citizen) => Some(&citizen.session),
        Who::Officer(officer) => Some(&officer.session),
    }
}

/// The anti-forgery token of a session.
#[must_use]
pub fn csrf_token(app: &App, session: &str) -> String {
    app.keys.csrf.derive(session, hex)
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a submission comes from our own pages. Browsers say so themselves
/// (`Sec-Fetch-Site`, else `Origin`); a client that sends neither is no browser
/// and carries no cookie that a foreign page could misuse.
fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None => true,
        Some(Ok(origin)) => origin == app.config.public_url,
        Some(Err(_)) => false,
    }
}

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        parts
            .extensions
            .get::<Ctx>()
            .cloned()
            .ok_or_else(|| PageError::Fault(Fault::other("a route lies outside page::prepare")))
    }
}

/// Whether a script asks, which wants its answer as JSON.
fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"))
}

/// Leads to the login and back to the page; what was posted cannot be asked for
/// again, so it leads back to `home` instead. A script is told in its own terms.
fn login_with_return(parts: &Parts, path: &str, login: &str, home: &str) -> PageError {
    if parts.method != Method::GET && wants_json(&parts.headers) {
        return Refusal::new(StatusCode::UNAUTHORIZED, "refusal-session-over").into();
    }
    let path = if parts.method == Method::GET {
        path
    } else {
        home
    };
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("retour", path)
        .finish();
    PageError::Redirect(format!("{login}?{query}"))
}

impl<S: Sync> FromRequestParts<S> for SignedInCitizen {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let ctx = Ctx::from_request_parts(parts, state).await?;
        match ctx.who {
            Who::Citizen(citizen) => Ok(*citizen),
            Who::Officer(_) => Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-citizens-only")
                .way_out("/agent", "way-out-agenda")
                .into()),
            Who::Nobody => Err(login_with_return(parts, &ctx.path, "/connexion", "/espace")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for SignedInOfficer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let ctx = Ctx::from_request_parts(parts, state).await?;
        match ctx.who {
            Who::Officer(officer) => Ok(*officer),
            Who::Citizen(_) => Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-officers-only")
                .way_out("/", "way-out-home")
                .into()),
            Who::Nobody => Err(login_with_return(
                parts,
                &ctx.path,
                "/agent/connexion",
                "/agent",
            )),
        }
    }
}

/// Only a local path is followed after a login or a language switch: anything
/// that a browser could read as another host leads home instead.
#[must_use]
pub fn safe_return(path: &str) -> String {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control);
    if local && path.len() <= 512 {
        path.to_owned()
    } else {
        "/".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{is_mangled, safe_return};

    #[test]
    fn a_path_that_no_text_can_be_read_from_is_told_apart() {
        for (path, mangled) in [
            ("/", false),
            ("/audition/0123", false),
            ("/lien/%C3%A9", false),
            ("/lien/%", false),
            ("/lien/%2", false),
            ("/lien/%zz", false),
            ("/lien/%c3", true),
            ("/lien/%ff%fe", true),
            ("/audition/%00", true),
            ("/audition/%0d%0ax", true),
        ] {
            assert_eq!(is_mangled(path), mangled, "{path}");
        }
    }

    #[test]
    fn a_return_path_never_leaves_this_site() {
        for (given, expected) in [
            ("/espace", "/espace"),
            ("/espace?x=1", "/espace?x=1"),
            ("", "/"),
            ("https://exemple.fr", "/"),
            ("//exemple.fr", "/"),
            ("/\\exemple.fr", "/"),
            ("\\\\exemple.fr", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\nSet-Cookie: x", "/"),
        ] {
            assert_eq!(safe_return(given), expected, "{given}");
        }
    }
}
