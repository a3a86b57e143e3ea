//! Pages of logging in and out. A handler parses, calls one act of `login`,
//! and answers; the words of refusals are in `refusals`.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::cookie::CookieJar;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::browser_kind::BrowserKind;
use super::confirmation_pages;
use super::login::{self, Former, Freshness, Given, Remembered};
use super::own_sessions;
use super::provider::{ProviderName, Verified};
use super::refusals::{LoginError, login_path};
use super::requests::TurnedAway;
use super::session::{self, cookie_name, private_cookie};
use super::store::Empowerment;
use super::{OfficerIdentity, Role, Who, claims, people, request_pages};
use crate::app::App;
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_hex};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Form;
use crate::page::{Ctx, render, safe_return};
use crate::routes::Routes;

/// Binds an answer to the browser that left. It stays between logins, so that
/// two tabs may be under way together.
const BROWSER_COOKIE: &str = "vp_login";
/// Who was turned away, sealed: for asking to be empowered, and for leaving the
/// provider, so that a shared computer can be given to a colleague.
pub(super) const HINT_COOKIE: &str = "vp_hint";
/// Expected back from the provider's logout; after a dot, who signs in next.
const LOGOUT_COOKIE: &str = "vp_logout";

/// Says on a login page that whoever was signed in before no longer is.
const LEFT: &str = "sortie";

/// The routes of logging in and out.
pub fn router() -> Routes {
    Routes::new()
        .route("/connexion", get(citizen_login))
        .route("/connexion/franceconnect", post(leave_for_franceconnect))
        .route(
            "/connexion/franceconnect/retour",
            get(back_from_franceconnect),
        )
        .route("/agent/connexion", get(officer_login))
        .route("/agent/connexion/proconnect", post(leave_for_proconnect))
        .route(
            "/agent/connexion/proconnect/retour",
            get(back_from_proconnect),
        )
        .route("/agent/connexion/autre-compte", get(other_account))
        .route("/agent/habilitation", get(choose_page).post(choose))
        .route("/deconnexion", post(leave))
        .route("/deconnexion/retour", get(left))
}

#[derive(Template)]
#[template(path = "identity/citizen_login.html")]
struct CitizenLoginPage {
    ctx: Ctx,
    next: String,
    /// Whoever was signed in before has just been signed out.
    left: bool,
}

async fn citizen_login(ctx: Ctx, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let next = return_in(query.as_deref())?;
    if ctx.is_citizen() {
        return Ok(Redirect::to(&home_or(&next, ProviderName::FranceConnect)).into_response());
    }
    let ctx = ctx.with_quick_exit();
    let left = parameter(query.as_deref(), LEFT)?.is_some();
    Ok(render(&CitizenLoginPage { ctx, next, left })?.into_response())
}

#[derive(Template)]
#[template(path = "identity/officer_login.html")]
struct OfficerLoginPage {
    ctx: Ctx,
    next: String,
    /// Whoever was signed in before has just been signed out.
    left: bool,
}

async fn officer_login(ctx: Ctx, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let next = return_in(query.as_deref())?;
    if ctx.is_officer() {
        return Ok(Redirect::to(&home_or(&next, ProviderName::ProConnect)).into_response());
    }
    let left = parameter(query.as_deref(), LEFT)?.is_some();
    Ok(render(&OfficerLoginPage { ctx, next, left })?.into_response())
}

#[derive(Deserialize)]
struct Leaving {
    #[serde(default)]
    retour: String,
}

async fn leave_for_franceconnect(
    State(app): State<App>,
    jar: CookieJar,
    Form(form): Form<Leaving>,
) -> Result<Response, PageError> {
    depart(&app, jar, ProviderName::FranceConnect, &form.retour).await
}

async fn leave_for_proconnect(
    State(app): State<App>,
    jar: CookieJar,
    Form(form): Form<Leaving>,
) -> Result<Response, PageError> {
    depart(&app, jar, ProviderName::ProConnect, &form.retour).await
}

async fn depart(
    app: &App,
    jar: CookieJar,
    provider: ProviderName,
    return_to: &str,
) -> Result<Response, PageError> {
    let return_to = safe_return(return_to);
    let now = app.clock.now();
    let browser = browser_of(app, &jar).unwrap_or_else(random_hex::<32>);
    let mut tx = app.db.begin().await?;
    let departure = login::depart(&mut tx, &app.keys, provider, &browser, &return_to, now).await?;
    tx.commit().await?;
    let address = app
        .providers
        .named(provider)
        .departure(&departure, now)
        .await
        .map_err(|error| error.page(provider, &return_to))?;
    let jar = jar.add(private_cookie(app, BROWSER_COOKIE, browser));
    Ok((jar, Redirect::to(&address)).into_response())
}

async fn back_from_franceconnect(
    State(app): State<App>,
    jar: CookieJar,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let provider = ProviderName::FranceConnect;
    let (remembered, verified) = arrive(&app, &jar, provider, query.as_deref()).await?;
    let page = |error: LoginError| error.page(provider, &remembered.return_to);
    let mut tx = app.db.begin().await?;
    let (jar, former) = forget_former(&mut tx, &app, jar).await?;
    let given = login::sign_in_citizen(
        &mut tx,
        &app.keys,
        app.providers.franceconnect.issuer(),
        &verified,
        claims::is_by_helper(&verified.claims, &app.config.franceconnect_helpers),
        &former,
        app.clock.now(),
    )
    .await
    .map_err(page)?;
    let (jar, next) = match given {
        Given::Session(cookie) => {
            own_sessions::note_kind(&mut tx, &cookie, BrowserKind::of(&headers)).await?;
            let jar = jar.add(private_cookie(&app, session::COOKIE, cookie));
            (jar, home_or(&remembered.return_to, provider))
        }
        Given::Choice(cookie) => {
            let jar = jar.add(removed(&app, session::COOKIE)).add(private_cookie(
                &app,
                session::CHOICE_COOKIE,
                cookie,
            ));
            (jar, confirmation_pages::path(&remembered.return_to))
        }
    };
    tx.commit().await?;
    Ok((jar, Redirect::to(&next)).into_response())
}

async fn back_from_proconnect(
    State(app): State<App>,
    jar: CookieJar,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let provider = ProviderName::ProConnect;
    let (remembered, verified) = arrive(&app, &jar, provider, query.as_deref()).await?;
    let now = app.clock.now();
    let freshness = remembered.freshness(&verified);
    if freshness == Freshness::Earlier {
        // It was told to authenticate and did not: whoever sits there may be anybody.
        tracing::warn!("ProConnect let somebody in by a session that was still open there");
        let mut tx = app.db.begin().await?;
        let (jar, former) = forget_former(&mut tx, &app, jar).await?;
        if let (Some(session), Some(actor)) = (&former.session, former.people.last()) {
            login::sign_out(&mut tx, &app.keys, actor, session, now).await?;
        }
        tx.commit().await?;
        let jar = jar.add(removed(&app, session::COOKIE));
        return leave_provider(&app, jar, provider, &verified.id_token, Some(provider)).await;
    }
    let mut tx = app.db.begin().await?;
    let (jar, former) = forget_former(&mut tx, &app, jar).await?;
    let signed_in =
        login::sign_in_officer(&mut tx, &app.keys, &verified, freshness, &former, now).await;
    let (name, cookie, next) = match signed_in {
        Ok(Given::Session(cookie)) => (
            session::COOKIE,
            cookie,
            home_or(&remembered.return_to, provider),
        ),
        Ok(Given::Choice(cookie)) => (
            session::CHOICE_COOKIE,
            cookie,
            choice_path(&remembered.return_to),
        ),
        Err(LoginError::NotEmpowered) => {
            drop(tx);
            return turn_away(&app, jar, &verified, now).await;
        }
        Err(error) => return Err(error.page(provider, &remembered.return_to)),
    };
    own_sessions::note_kind(&mut tx, &cookie, BrowserKind::of(&headers)).await?;
    tx.commit().await?;
    let mut jar = jar;
    if name == session::CHOICE_COOKIE {
        jar = jar.add(removed(&app, session::COOKIE));
    }
    let jar = jar.add(private_cookie(&app, name, cookie));
    Ok((jar, Redirect::to(&next)).into_response())
}

/// The refused-user page, which offers to leave ProConnect: otherwise its own
/// session would bring the same person back for hours.
async fn turn_away(
    app: &App,
    jar: CookieJar,
    verified: &Verified,
    now: Timestamp,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    login::journal_refused_officer(&mut tx, now).await?;
    tx.commit().await?;
    let (identity, idp_id) =
        claims::officer(&verified.claims).map_err(|error| PageError::Fault(Fault::other(error)))?;
    let turned_away = TurnedAway {
        sub: verified.subject.clone(),
        idp_id,
        identity,
        id_token: verified.id_token.clone(),
        at: now,
    };
    let sealed = app.keys.service.seal_json("login-hint", &turned_away);
    let cookie = private_cookie(app, HINT_COOKIE, URL_SAFE_NO_PAD.encode(sealed));
    let refusal = Refusal::new(axum::http::StatusCode::FORBIDDEN, "login-not-empowered")
        .way_out(request_pages::PATH, "login-way-out-ask")
        .way_out(
            "/agent/connexion/autre-compte",
            "login-way-out-other-account",
        )
        .way_out("/", "way-out-home");
    Ok((jar.add(cookie), PageError::from(refusal)).into_response())
}

/// Leaves the provider's session of an officer who was turned away.
async fn other_account(State(app): State<App>, jar: CookieJar) -> Result<Response, PageError> {
    let turned_away = turned_away(&app, &jar);
    let jar = jar.add(removed(&app, HINT_COOKIE));
    let Some(TurnedAway { id_token, .. }) = turned_away else {
        return Ok((jar, Redirect::to("/agent/connexion")).into_response());
    };
    let provider = ProviderName::ProConnect;
    leave_provider(&app, jar, provider, &id_token, Some(provider)).await
}

/// Who was turned away in this browser.
pub(super) fn turned_away(app: &App, jar: &CookieJar) -> Option<TurnedAway> {
    let sealed = cookie_of(app, jar, HINT_COOKIE)?;
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    app.keys.service.open_json("login-hint", &sealed).ok()
}

/// Reads an answer of the provider: departure used first, then the issuer,
/// the error or the code, and everything the tokens say.
async fn arrive(
    app: &App,
    jar: &CookieJar,
    provider: ProviderName,
    query: Option<&str>,
) -> Result<(Remembered, Verified), PageError> {
    let answer = Answer::read(query)?;
    let now = app.clock.now();
    let browser = browser_of(app, jar).unwrap_or_default();
    let mut tx = app.db.begin().await?;
    let arrived = login::arrive(&mut tx, &app.keys, provider, &browser, &answer.state, now).await;
    let remembered = match arrived {
        Ok(remembered) => remembered,
        Err(error) => {
            let return_to =
                login::return_path_of(&mut tx, &app.keys, provider, &browser, &answer.state)
                    .await?;
            return Err(error.page(provider, &return_to));
        }
    };
    tx.commit().await?;
    let verified = verify(app, provider, answer, &remembered, now)
        .await
        .map_err(|error| error.page(provider, &remembered.return_to))?;
    Ok((remembered, verified))
}

async fn verify(
    app: &App,
    provider: ProviderName,
    answer: Answer,
    remembered: &Remembered,
    now: Timestamp,
) -> Result<Verified, LoginError> {
    let provider = app.providers.named(provider);
    provider.check_issuer(answer.iss.as_deref(), now).await?;
    match (answer.error.as_deref(), answer.code) {
        (Some("access_denied"), _) => Err(LoginError::Cancelled),
        (Some(error), _) => Err(LoginError::ProviderRefused(known_code(error))),
        (None, Some(code)) => provider.redeem(code, remembered, now).await,
        (None, None) => Err(LoginError::ProviderRefused("neither code nor error".into())),
    }
}

/// An error code as the log may hold it: what follows no rule is free text.
pub(crate) fn known_code(error: &str) -> String {
    if error.len() <= 64
        && error
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    {
        error.to_owned()
    } else {
        "an unreadable error".to_owned()
    }
}

/// What comes back on the callback's query.
pub(crate) struct Answer {
    state: String,
    code: Option<String>,
    iss: Option<String>,
    pub(crate) error: Option<String>,
}

impl Answer {
    /// A parameter given twice is refused: which one would count is a guess.
    pub(crate) fn read(query: Option<&str>) -> Result<Self, Refusal> {
        let mut answer = Answer {
            state: String::new(),
            code: None,
            iss: None,
            error: None,
        };
        let mut state = None;
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let place = match &*name {
                "state" => &mut state,
                "code" => &mut answer.code,
                "iss" => &mut answer.iss,
                "error" => &mut answer.error,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(Refusal::malformed());
            }
        }
        answer.state = state.unwrap_or_default();
        Ok(answer)
    }
}

#[derive(Template)]
#[template(path = "identity/choose_empowerment.html")]
struct ChoosePage {
    ctx: Ctx,
    next: String,
    /// Who is signed in.
    identity: OfficerIdentity,
    empowerments: Vec<Empowerment>,
}

async fn choose_page(
    State(app): State<App>,
    ctx: Ctx,
    jar: CookieJar,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, PageError> {
    let next = return_in(query.as_deref())?;
    let cookie = cookie_of(&app, &jar, session::CHOICE_COOKIE).unwrap_or_default();
    let mut tx = app.db.read().await?;
    let over = || LoginError::ChoiceOver.page(ProviderName::ProConnect, &next);
    let chooser = match (login::chooser(&mut tx, &cookie, ctx.now).await?, &ctx.who) {
        (Some(officer), _) => officer,
        (None, Who::Officer(officer)) => officer.id.clone(),
        (None, _) => return Err(over()),
    };
    let empowerments = login::empowerments_of(&mut tx, &chooser).await?;
    let identity = people::officer_identity(&mut tx, &app.keys, &chooser).await?;
    let (false, Some(identity)) = (empowerments.is_empty(), identity) else {
        return Err(over());
    };
    render(&ChoosePage {
        ctx,
        next,
        identity,
        empowerments,
    })
}

#[derive(Deserialize)]
struct Choosing {
    habilitation: String,
    #[serde(default)]
    retour: String,
}

/// Chooses after a login, or changes while signed in; either way the session's
/// cookie is a new one.
async fn choose(
    State(app): State<App>,
    ctx: Ctx,
    jar: CookieJar,
    headers: HeaderMap,
    Form(form): Form<Choosing>,
) -> Result<Response, PageError> {
    let return_to = safe_return(&form.retour);
    let cookie = cookie_of(&app, &jar, session::CHOICE_COOKIE).unwrap_or_default();
    let mut tx = app.db.begin().await?;
    let empowerment = Id(form.habilitation);
    let now = app.clock.now();
    let session = match &ctx.who {
        Who::Officer(officer) if cookie.is_empty() => {
            login::change(&mut tx, &app.keys, &officer.session, &empowerment, now).await
        }
        _ => login::choose(&mut tx, &app.keys, &cookie, &empowerment, now).await,
    }
    .map_err(|error| error.page(ProviderName::ProConnect, &return_to))?;
    own_sessions::note_kind(&mut tx, &session, BrowserKind::of(&headers)).await?;
    tx.commit().await?;
    // The former session is over, and what it kept fed with it.
    app.live.changed(own_sessions::TOPIC);
    let jar = jar
        .add(removed(&app, session::CHOICE_COOKIE))
        .add(private_cookie(&app, session::COOKIE, session));
    let next = home_or(&return_to, ProviderName::ProConnect);
    Ok((jar, Redirect::to(&next)).into_response())
}

/// What the button says that leads out.
#[derive(Deserialize)]
struct Parting {
    /// Provider at which somebody else signs in next; empty: nobody does.
    #[serde(default)]
    suite: String,
}

/// Ends our session, then the provider's: on a shared computer the second
/// matters as much as the first, also when ours ran out before.
async fn leave(
    State(app): State<App>,
    jar: CookieJar,
    Form(form): Form<Parting>,
) -> Result<Response, PageError> {
    let next = ProviderName::parse(&form.suite);
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut left = None;
    // A choice that was never made is a session at the provider as well.
    for name in [session::CHOICE_COOKIE, session::COOKIE] {
        let cookie = cookie_of(&app, &jar, name).unwrap_or_default();
        let Some((session, actor)) = session::find_unended(&mut tx, &cookie).await? else {
            continue;
        };
        let provider = match actor {
            Actor::Officer(_) => ProviderName::ProConnect,
            _ => ProviderName::FranceConnect,
        };
        let id_token = login::sign_out(&mut tx, &app.keys, &actor, &session, now).await?;
        left = id_token.map(|id_token| (provider, id_token));
    }
    tx.commit().await?;
    app.live.changed(own_sessions::TOPIC);
    let jar = [
        session::COOKIE,
        session::CHOICE_COOKIE,
        session::SEAT_COOKIE,
        HINT_COOKIE,
    ]
    .into_iter()
    .fold(jar, |jar, name| jar.add(removed(&app, name)));
    // Whoever came by a code has no session at any provider.
    match left.filter(|(_, id_token)| !id_token.is_empty()) {
        Some((provider, id_token)) => leave_provider(&app, jar, provider, &id_token, next).await,
        None => Ok((jar, Redirect::to("/deconnexion/retour")).into_response()),
    }
}

/// Ends the provider's session, then lets somebody else sign in at `next`, if anybody.
async fn leave_provider(
    app: &App,
    jar: CookieJar,
    provider: ProviderName,
    id_token: &str,
    next: Option<ProviderName>,
) -> Result<Response, PageError> {
    let state = random_hex::<32>();
    let address = app
        .providers
        .named(provider)
        .logout(id_token, &state, app.clock.now())
        .await;
    match address {
        Ok(address) => {
            let expected = match next {
                Some(next) => format!("{state}.{next}"),
                None => state,
            };
            let jar = jar.add(private_cookie(app, LOGOUT_COOKIE, expected));
            Ok((jar, Redirect::to(&address)).into_response())
        }
        // Our session is over all the same; the page says what is left to do.
        Err(error) => {
            tracing::warn!(%provider, "logout at the provider failed: {error}");
            Ok((jar, Redirect::to("/deconnexion/retour?fournisseur=non")).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "identity/signed_out.html")]
struct SignedOutPage {
    ctx: Ctx,
    /// The provider did not confirm that its session is over as well.
    unconfirmed: bool,
}

async fn left(
    State(app): State<App>,
    ctx: Ctx,
    jar: CookieJar,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let expected = cookie_of(&app, &jar, LOGOUT_COOKIE);
    let (expected, next) = match expected.as_deref().map(|value| value.split_once('.')) {
        Some(Some((state, next))) => (Some(state.to_owned()), ProviderName::parse(next)),
        _ => (expected, None),
    };
    let state = parameter(query.as_deref(), "state")?;
    let failed = parameter(query.as_deref(), "fournisseur")?.is_some();
    // Without a departure of ours there is nothing a state could confirm.
    let unconfirmed = failed || expected.is_some() && expected != state;
    let jar = jar.add(removed(&app, LOGOUT_COOKIE));
    if let (Some(provider), false, true) = (next, unconfirmed, state.is_some()) {
        let login = format!("{}?{LEFT}=1", login_path(provider, "/"));
        return Ok((jar, Redirect::to(&login)).into_response());
    }
    let page = render(&SignedOutPage { ctx, unconfirmed })?;
    Ok((jar, page).into_response())
}

/// What a browser still holds of whoever signed in before: ended, whoever signs in now.
/// The session itself is left for the login to end.
async fn forget_former(
    tx: &mut Tx,
    app: &App,
    jar: CookieJar,
) -> Result<(CookieJar, Former), Fault> {
    let now = app.clock.now();
    let mut former = Former {
        turned_away: turned_away(app, &jar).map(|person| (person.sub, person.idp_id)),
        ..Former::default()
    };
    let choice = cookie_of(app, &jar, session::CHOICE_COOKIE).unwrap_or_default();
    if let Some((session, actor)) = session::find_unended(tx, &choice).await? {
        login::sign_out(tx, &app.keys, &actor, &session, now).await?;
        former.people.push(actor);
    }
    let cookie = cookie_of(app, &jar, session::COOKIE).unwrap_or_default();
    if let Some((session, actor)) = session::find_unended(tx, &cookie).await? {
        former.session = Some(session);
        former.people.push(actor);
    }
    let jar = jar
        .add(removed(app, session::CHOICE_COOKIE))
        .add(removed(app, HINT_COOKIE));
    Ok((jar, former))
}

/// Where to go once signed in: home is the person's own space.
pub(super) fn home_or(return_to: &str, provider: ProviderName) -> String {
    match (safe_return(return_to).as_str(), provider) {
        ("/", ProviderName::FranceConnect) => "/espace".to_owned(),
        ("/", ProviderName::ProConnect) => "/agent".to_owned(),
        (path, _) => path.to_owned(),
    }
}

fn choice_path(return_to: &str) -> String {
    login_path(ProviderName::ProConnect, return_to).replacen(
        "/agent/connexion",
        "/agent/habilitation",
        1,
    )
}

pub(super) fn return_in(query: Option<&str>) -> Result<String, Refusal> {
    let given = parameter(query, "retour")?.unwrap_or_default();
    Ok(safe_return(&given))
}

fn parameter(query: Option<&str>, wanted: &str) -> Result<Option<String>, Refusal> {
    let mut values = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .filter(|(name, _)| name == wanted)
        .map(|(_, value)| value.into_owned());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Refusal::malformed()),
    }
}

pub(super) fn cookie_of(app: &App, jar: &CookieJar, name: &str) -> Option<String> {
    jar.get(&cookie_name(app.config.secure(), name))
        .map(|cookie| cookie.value().to_owned())
}

/// The browser's binding, if it holds one that we may have given.
fn browser_of(app: &App, jar: &CookieJar) -> Option<String> {
    cookie_of(app, jar, BROWSER_COOKIE)
        .filter(|value| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn removed(app: &App, name: &str) -> axum_extra::extract::cookie::Cookie<'static> {
    let mut cookie = private_cookie(app, name, String::new());
    cookie.make_removal();
    cookie
}

impl Role {
    /// Message identifier of its name; with `-hint` after it, of what it allows.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Role::Officer => "role-officer",
            Role::UnitAdmin => "role-unit-admin",
            Role::DepartmentAdmin => "role-department-admin",
            Role::Auditor => "role-auditor",
        }
    }
}

impl Empowerment {
    /// Message identifier of what the empowerment allows.
    #[must_use]
    pub fn role_label(&self) -> &'static str {
        self.role.label()
    }
}
