//! Step 2, its second half: the codes that were sent to the addresses just given. One
//! confirmed address is enough to go on; nothing is sent to the other then.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Tz;
use serde::Deserialize;

use super::{Errors, Stepper, draft_ready_for, refused, zone_of};
use crate::app::App;
use crate::calendar::wall;
use crate::codes;
use crate::db::Tx;
use crate::declaration::contact_codes::{self, MINUTES, SendError, Tried};
use crate::declaration::{Content, Declaration, MissingStep, phone};
use crate::error::{PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::SignedInCitizen;
use crate::notifications::Channel;
use crate::page::{Ctx, render_with};

/// Where the page is.
const HERE: &str = "/declaration/verification";
/// "Where was I?": on to what is missing, or to the slots.
const ON: &str = "/declaration";

/// What the page says of one address.
struct Way {
    /// The field of its code: `code_courriel` or `code_telephone`.
    field: &'static str,
    /// What the form that sends another code calls it.
    name: &'static str,
    /// Message identifiers end with this: `email` or `sms`.
    kind: &'static str,
    address: String,
    confirmed: bool,
    /// A code was sent that can be typed.
    live: bool,
    /// Until when, as an hour.
    until: String,
    /// From when on another may be sent, as an hour; empty for now.
    again: String,
    /// Another may be sent, but not today.
    tomorrow: bool,
    /// It could not be delivered.
    refused: bool,
    error: String,
}

#[derive(Template)]
#[template(path = "declaration/codes.html")]
struct CodesPage {
    ctx: Ctx,
    stepper: Stepper,
    saved: String,
    /// How long a code is good.
    minutes: i64,
    ways: Vec<Way>,
    /// Some address is confirmed: the way on is open.
    enough: bool,
    /// Some code can be typed.
    typing: bool,
    errors: Errors,
}

/// What has just been done, to say so once.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    envoye: String,
}

pub(super) async fn show(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Asked(asked): Asked<Done>,
) -> Result<Response, PageError> {
    let (draft, content) = draft_ready_for(&app, &citizen, MissingStep::Code).await?;
    if !awaits_any(&content) {
        return Ok(Redirect::to(ON).into_response());
    }
    let saved = match channel_named(&asked.envoye) {
        Some(channel) => ctx.t(&format!("declaration-code-sent-{}", kind(channel))),
        None => String::new(),
    };
    let told = Told {
        saved,
        ..Told::default()
    };
    page(&app, ctx, &draft, &content, told).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CodesForm {
    code_courriel: String,
    code_telephone: String,
}

pub(super) async fn confirm(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Form(form): Form<CodesForm>,
) -> Result<Response, PageError> {
    let (draft, content) = draft_ready_for(&app, &citizen, MissingStep::Code).await?;
    let mut errors = Errors::default();
    let mut typed = Vec::new();
    for (channel, text) in [
        (Channel::Email, &form.code_courriel),
        (Channel::Sms, &form.code_telephone),
    ] {
        if !content.awaits_code(channel) || text.trim().is_empty() {
            continue;
        }
        // What cannot be a code is no try.
        match codes::read(text) {
            Some(code) => typed.push((channel, code)),
            None => errors.add(field(channel), ctx.t("declaration-code-form-error")),
        }
    }
    let mut tx = app.db.begin().await?;
    let told = contact_codes::confirm(&mut tx, &app.keys, &citizen.id, &typed, ctx.now)
        .await
        .map_err(|error| refused(error, None))?;
    tx.commit().await?;
    let mut confirmed = content.is_reachable();
    for (channel, tried) in told {
        match tried {
            Tried::Right => confirmed = true,
            Tried::Wrong { left } => errors.add(
                field(channel),
                ctx.t1("declaration-code-wrong-error", "left", left),
            ),
            Tried::Over => errors.add(
                name(channel),
                ctx.t(&format!("declaration-code-over-error-{}", kind(channel))),
            ),
        }
    }
    if errors.is_empty() && confirmed {
        return Ok(Redirect::to(ON).into_response());
    }
    if errors.is_empty() {
        let first = Channel::ALL
            .iter()
            .find(|channel| content.awaits_code(**channel));
        let first = first.copied().unwrap_or(Channel::Email);
        errors.add(field(first), ctx.t("declaration-code-missing-error"));
    }
    // Read again: one of the two may have been right.
    let content = read_content(&app, &draft).await?;
    let told = Told {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        errors,
        ..Told::default()
    };
    page(&app, ctx, &draft, &content, told).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ResendForm {
    canal: String,
}

pub(super) async fn resend(
    State(app): State<App>,
    ctx: Ctx,
    citizen: SignedInCitizen,
    Form(form): Form<ResendForm>,
) -> Result<Response, PageError> {
    let (draft, content) = draft_ready_for(&app, &citizen, MissingStep::Code).await?;
    let channel = channel_named(&form.canal).ok_or_else(Refusal::malformed)?;
    let mut tx = app.db.begin().await?;
    let sent = contact_codes::send_again(&mut tx, &app.keys, &citizen.id, channel, ctx.now).await;
    let (text, tomorrow) = match sent {
        Ok(()) => {
            tx.commit().await?;
            let to = format!("{HERE}?envoye={}", name(channel));
            return Ok(Redirect::to(&to).into_response());
        }
        Err(SendError::TooSoon { again_at }) => {
            let zone = zone_of(&app, &draft).await?;
            let hour = hour(&ctx, again_at, zone);
            (ctx.t1("declaration-code-soon-error", "hour", hour), None)
        }
        Err(SendError::TooMany) => (ctx.t("declaration-code-many-error"), Some(channel)),
        Err(SendError::Fault(fault)) => return Err(fault.into()),
    };
    drop(tx);
    let mut errors = Errors::default();
    errors.add(name(channel), text);
    let told = Told {
        status: StatusCode::TOO_MANY_REQUESTS,
        errors,
        tomorrow,
        ..Told::default()
    };
    page(&app, ctx, &draft, &content, told).await
}

/// What the page says besides how things stand.
struct Told {
    status: StatusCode,
    saved: String,
    errors: Errors,
    /// The channel whose budget of the day is spent.
    tomorrow: Option<Channel>,
}

impl Default for Told {
    fn default() -> Self {
        Told {
            status: StatusCode::OK,
            saved: String::new(),
            errors: Errors::default(),
            tomorrow: None,
        }
    }
}

async fn page(
    app: &App,
    ctx: Ctx,
    draft: &Declaration,
    content: &Content,
    told: Told,
) -> Result<Response, PageError> {
    let zone = zone_of(app, draft).await?;
    let mut tx = app.db.read().await?;
    let mut ways = Vec::new();
    for &channel in Channel::ALL {
        if content.address_of(channel).is_empty() {
            continue;
        }
        let mut way = read_way(&mut tx, app, &ctx, (draft, content), channel, zone).await?;
        way.error = told.errors.of(way.field).to_owned();
        way.tomorrow = told.tomorrow == Some(channel);
        ways.push(way);
    }
    let page = CodesPage {
        stepper: Stepper::at(&ctx, 2),
        saved: told.saved,
        minutes: MINUTES,
        enough: content.is_reachable(),
        typing: ways.iter().any(|way| way.live),
        ways,
        errors: told.errors,
        ctx: ctx.with_quick_exit(),
    };
    render_with(told.status, &page)
}

async fn read_way(
    tx: &mut Tx,
    app: &App,
    ctx: &Ctx,
    (draft, content): (&Declaration, &Content),
    channel: Channel,
    zone: Tz,
) -> Result<Way, PageError> {
    let to = (channel, content.address_of(channel));
    let code = contact_codes::find(tx, &app.keys, &draft.citizen_id, to).await?;
    let refused = match &code {
        Some(code) => contact_codes::was_refused(tx, &draft.citizen_id, channel, code).await?,
        None => false,
    };
    let awaits = content.awaits_code(channel);
    let live = code.as_ref().filter(|code| awaits && code.is_live(ctx.now));
    let again = code.as_ref().map(|code| code.again_at());
    Ok(Way {
        field: field(channel),
        name: name(channel),
        kind: kind(channel),
        address: match channel {
            Channel::Email => content.email.clone(),
            Channel::Sms => phone::readable(&content.phone),
        },
        confirmed: !awaits,
        live: live.is_some(),
        until: live.map_or_else(String::new, |code| {
            wall::time(ctx.lang, code.expires_at, zone)
        }),
        again: again
            .filter(|at| *at > ctx.now)
            .map_or_else(String::new, |at| hour(ctx, at, zone)),
        tomorrow: false,
        refused,
        error: String::new(),
    })
}

/// From when on something may be done: the minute that is shown is rounded up.
fn hour(ctx: &Ctx, at: crate::clock::Timestamp, zone: Tz) -> String {
    wall::time(ctx.lang, at.plus_millis(59_999), zone)
}

async fn read_content(app: &App, draft: &Declaration) -> Result<Content, PageError> {
    let mut tx = app.db.read().await?;
    Ok(super::open_content(&mut tx, &app.keys, &draft.case_id).await?)
}

fn awaits_any(content: &Content) -> bool {
    Channel::ALL
        .iter()
        .any(|channel| content.awaits_code(*channel))
}

fn field(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "code_courriel",
        Channel::Sms => "code_telephone",
    }
}

fn name(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "courriel",
        Channel::Sms => "telephone",
    }
}

fn kind(channel: Channel) -> &'static str {
    channel.as_str()
}

fn channel_named(text: &str) -> Option<Channel> {
    Channel::ALL
        .iter()
        .copied()
        .find(|channel| name(*channel) == text)
}
