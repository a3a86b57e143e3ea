//! The list of one's own sessions, for citizens in their space and for officers
//! in theirs: one list, one question before anything ends, one answer after.

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::login;
use super::own_sessions::{self, OwnSession};
use super::{SignedInCitizen, SignedInOfficer};
use crate::app::App;
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::error::PageError;
use crate::form::{Asked, Form};
use crate::page::{Ctx, render};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    let mut router = Routes::new();
    for base in [CITIZENS, OFFICERS] {
        router = router
            .route(base, get(list))
            .route(
                &format!("{base}/les-autres/fermer"),
                get(ask_others).post(end_others),
            )
            .route(&format!("{base}/{{id}}/fermer"), get(ask_one).post(end_one));
    }
    router
}

const CITIZENS: &str = "/espace/sessions";
const OFFICERS: &str = "/agent/sessions";

/// Whose sessions a page is about: those of whoever asks, and nobody else's.
struct Owner {
    actor: Actor,
    /// The session that asks.
    session: String,
    /// Where the list stands.
    base: &'static str,
}

impl<S: Sync> FromRequestParts<S> for Owner {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        if parts.uri.path().starts_with(OFFICERS) {
            let officer = SignedInOfficer::from_request_parts(parts, state).await?;
            return Ok(Owner {
                actor: Actor::Officer(officer.id),
                session: officer.session,
                base: OFFICERS,
            });
        }
        let citizen = SignedInCitizen::from_request_parts(parts, state).await?;
        Ok(Owner {
            actor: Actor::Citizen(citizen.id),
            session: citizen.session,
            base: CITIZENS,
        })
    }
}

/// A session in words.
struct Shown {
    handle: String,
    /// Where the question is asked that comes before its end.
    end_href: String,
    own: bool,
    /// "Firefox sur Windows".
    kind: String,
    /// "Enquêteur – Commissariat de Versailles"; empty for citizens.
    acts_for: String,
    since: String,
    seen: String,
}

impl Shown {
    fn new(ctx: &Ctx, base: &str, session: OwnSession) -> Self {
        let browser = ctx.t(&format!("session-browser-{}", session.kind.browser));
        let device = ctx.t(&format!("session-device-{}", session.kind.device));
        Shown {
            kind: ctx.t2("session-kind", "browser", browser, "device", device),
            acts_for: session.acts_for.map_or_else(String::new, |(unit, role)| {
                format!("{} – {unit}", ctx.t(role.label()))
            }),
            since: ctx.t1("session-since", "ago", ago(ctx, session.started_at)),
            seen: ctx.t1("session-seen", "ago", ago(ctx, session.last_seen_at)),
            end_href: format!("{base}/{}/fermer", session.handle),
            handle: session.handle,
            own: session.own,
        }
    }
}

/// How long ago something was. A time of day would need a zone, and a citizen's
/// is not known here; no session is older than a day.
fn ago(ctx: &Ctx, then: Timestamp) -> String {
    let minutes = (ctx.now.0 - then.0).max(0) / 60_000;
    match (minutes / 60, minutes % 60) {
        (0, 0) => ctx.t("session-ago-now"),
        (0, minutes) => ctx.t1("session-ago-minutes", "minutes", minutes),
        (hours, minutes) => ctx.t2(
            "session-ago-hours",
            "hours",
            hours,
            "minutes",
            format!("{minutes:02}"),
        ),
    }
}

/// What a list says of the act that led to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Done {
    #[default]
    #[serde(rename = "rien")]
    Nothing,
    #[serde(rename = "une")]
    One,
    #[serde(rename = "autres")]
    Others,
    #[serde(rename = "deja")]
    Already,
}

impl Done {
    /// What is appended to the list's address.
    fn query(self) -> &'static str {
        match self {
            Done::Nothing => "",
            Done::One => "?fait=une",
            Done::Others => "?fait=autres",
            Done::Already => "?fait=deja",
        }
    }

    /// Message of the notice; empty when there is nothing to say.
    fn words(self) -> &'static str {
        match self {
            Done::Nothing => "",
            Done::One => "sessions-done-one",
            Done::Others => "sessions-done-others",
            Done::Already => "sessions-done-already",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Led {
    #[serde(default)]
    fait: Done,
}

/// What both lists show; citizens and officers differ in the frame around it.
struct List {
    /// Where all the others are ended.
    others_href: String,
    done: String,
    sessions: Vec<Shown>,
    /// Whether there is another empowerment to act under.
    may_change: bool,
}

#[derive(Template)]
#[template(path = "identity/citizen_sessions.html")]
struct CitizenPage {
    ctx: Ctx,
    list: List,
}

#[derive(Template)]
#[template(path = "identity/officer_sessions.html")]
struct OfficerPage {
    ctx: Ctx,
    list: List,
}

async fn list(
    State(app): State<App>,
    owner: Owner,
    ctx: Ctx,
    Asked(led): Asked<Led>,
) -> Result<Html<String>, PageError> {
    let list = List {
        others_href: format!("{}/les-autres/fermer", owner.base),
        done: match led.fait.words() {
            "" => String::new(),
            words => ctx.t(words),
        },
        sessions: shown(&app, &owner, &ctx).await?,
        may_change: may_change(&app, &owner).await?,
    };
    if owner.base == OFFICERS {
        return render(&OfficerPage { ctx, list });
    }
    let ctx = ctx.with_quick_exit();
    render(&CitizenPage { ctx, list })
}

async fn may_change(app: &App, owner: &Owner) -> Result<bool, PageError> {
    let Actor::Officer(officer) = &owner.actor else {
        return Ok(false);
    };
    let mut tx = app.db.read().await?;
    Ok(login::empowerments_of(&mut tx, officer).await?.len() > 1)
}

async fn shown(app: &App, owner: &Owner, ctx: &Ctx) -> Result<Vec<Shown>, PageError> {
    let mut tx = app.db.read().await?;
    let sessions = own_sessions::list(&mut tx, &owner.actor, &owner.session, ctx.now).await?;
    Ok(sessions
        .into_iter()
        .map(|session| Shown::new(ctx, owner.base, session))
        .collect())
}

/// The question before something ends.
struct Question {
    base: &'static str,
    /// Where the answer goes.
    action: String,
    /// Message of the heading.
    title: &'static str,
    /// What ends.
    sessions: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "identity/citizen_end_session.html")]
struct CitizenQuestionPage {
    ctx: Ctx,
    question: Question,
}

#[derive(Template)]
#[template(path = "identity/officer_end_session.html")]
struct OfficerQuestionPage {
    ctx: Ctx,
    question: Question,
}

fn ask(owner: &Owner, ctx: Ctx, question: Question) -> Result<Response, PageError> {
    if question.sessions.is_empty() {
        return Ok(back(owner, Done::Already).into_response());
    }
    Ok(if owner.base == OFFICERS {
        render(&OfficerQuestionPage { ctx, question })?.into_response()
    } else {
        let ctx = ctx.with_quick_exit();
        render(&CitizenQuestionPage { ctx, question })?.into_response()
    })
}

async fn ask_one(
    State(app): State<App>,
    PathId(id): PathId,
    owner: Owner,
    ctx: Ctx,
) -> Result<Response, PageError> {
    let mut sessions = shown(&app, &owner, &ctx).await?;
    sessions.retain(|session| !session.own && session.handle == id.as_str());
    let question = Question {
        base: owner.base,
        action: format!("{}/{id}/fermer", owner.base),
        title: "session-end-title",
        sessions,
    };
    ask(&owner, ctx, question)
}

async fn ask_others(State(app): State<App>, owner: Owner, ctx: Ctx) -> Result<Response, PageError> {
    let mut sessions = shown(&app, &owner, &ctx).await?;
    sessions.retain(|session| !session.own);
    let question = Question {
        base: owner.base,
        action: format!("{}/les-autres/fermer", owner.base),
        title: "session-end-others-title",
        sessions,
    };
    ask(&owner, ctx, question)
}

fn back(owner: &Owner, done: Done) -> Redirect {
    Redirect::to(&format!("{}{}", owner.base, done.query()))
}

/// A form that holds nothing but the anti-forgery token.
#[derive(Debug, Deserialize)]
struct Nothing {}

async fn end_one(
    State(app): State<App>,
    PathId(id): PathId,
    owner: Owner,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (actor, session) = (&owner.actor, &owner.session);
    let ended = own_sessions::end_one(&mut tx, actor, session, id.as_str(), now).await?;
    tx.commit().await?;
    if ended {
        app.live.changed(own_sessions::TOPIC);
    }
    Ok(back(&owner, if ended { Done::One } else { Done::Already }))
}

async fn end_others(
    State(app): State<App>,
    owner: Owner,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, PageError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let ended = own_sessions::end_others(&mut tx, &owner.actor, &owner.session, now).await?;
    tx.commit().await?;
    let done = if ended > 0 {
        app.live.changed(own_sessions::TOPIC);
        Done::Others
    } else {
        Done::Already
    };
    Ok(back(&owner, done))
}
