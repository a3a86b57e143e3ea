//! The door of a person without FranceConnect: it says when and where, sends a code on
//! request, and asks for it. Looking at it changes nothing.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use super::declared::{self, Shown};
use super::entry::{self, EnterError, check_window};
use super::pages::{read_link, refusal_of, to_the_room, unit_of};
use super::seat_cookie::SeatCookie;
use super::tell;
use crate::app::App;
use crate::booking::meeting_link::{self, MeetingLink};
use crate::booking::{Appointment, State as AppointmentState};
use crate::calendar::{Unit, wall};
use crate::codes;
use crate::db::Tx;
use crate::declaration::contact_codes::SendError;
use crate::declaration::{Content, phone};
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::browser_kind::BrowserKind;
use crate::identity::session::{self, private_cookie};
use crate::identity::{Who, own_sessions};
use crate::notifications::Channel;
use crate::orientation::Choice;
use crate::page::{Ctx, render_with};
use crate::path::PathText;

#[derive(Template)]
#[template(path = "hearings/declared_link.html")]
struct DeclaredLinkPage {
    ctx: Ctx,
    unit: Unit,
    when: String,
    /// Whether the room is open.
    open: bool,
    action: String,
    /// Where a code was sent to that can be typed now; empty for none.
    sent: String,
    /// The ways by which one may be sent.
    ways: Vec<Choice>,
    error: String,
}

fn path_of(app: &App, link: &MeetingLink) -> String {
    let secret = meeting_link::secret(&app.keys, link.id.as_str(), link.generation);
    format!("/lien/{secret}")
}

/// The page of the person's appointment, or of their documents once it is over.
fn own_page(appointment: &Appointment) -> String {
    match appointment.state {
        AppointmentState::Closed | AppointmentState::ConvertedInPerson => "/espace".to_owned(),
        _ => format!("/rendez-vous/{}", appointment.id),
    }
}

/// What stands before whoever opens such a link; nothing where the room is open and
/// they are known, who stand before the same door as everybody.
///
/// # Errors
/// When somebody else is signed in, or the database fails.
pub(super) async fn door(
    tx: &mut Tx,
    app: &App,
    (appointment, link): (&Appointment, &MeetingLink),
    again: bool,
    jar: &CookieJar,
    ctx: &Ctx,
) -> Result<Option<Response>, PageError> {
    let open = check_window(appointment, ctx.now).is_ok();
    match &ctx.who {
        Who::Citizen(citizen) if citizen.id == appointment.citizen_id => {
            let elsewhere = Redirect::to(&own_page(appointment)).into_response();
            return Ok((!open).then_some(elsewhere));
        }
        Who::Citizen(_) => return Err(refusal_of(EnterError::NotYours)),
        Who::Officer(_) => return Ok(None),
        Who::Nobody => {}
    }
    let seat = entry::seat_of_browser(tx, app, jar, &ctx.who, &appointment.id).await?;
    if seat.is_some() && open && !again {
        return Ok(None);
    }
    let page = shown(
        tx,
        app,
        (appointment, link),
        ctx.clone(),
        StatusCode::OK,
        String::new(),
    )
    .await?;
    Ok(Some(page))
}

async fn shown(
    tx: &mut Tx,
    app: &App,
    (appointment, link): (&Appointment, &MeetingLink),
    ctx: Ctx,
    status: StatusCode,
    error: String,
) -> Result<Response, PageError> {
    let unit = unit_of(tx, appointment).await?;
    let (case, content) = declared::case_of(tx, &app.keys, appointment).await?;
    let sent = declared::awaited(tx, &app.keys, &case, &content, ctx.now).await?;
    let page = DeclaredLinkPage {
        when: wall::moment(ctx.lang, appointment.starts_at, unit.zone()),
        open: check_window(appointment, ctx.now).is_ok(),
        action: path_of(app, link),
        sent: sent.map_or_else(String::new, |channel| {
            ctx.t(&format!("declared-sent-{channel}"))
        }),
        ways: declared::channels(&content)
            .into_iter()
            .map(|channel| Choice {
                value: channel.as_str().to_owned(),
                label: way(&ctx, channel, &content),
                hint: String::new(),
            })
            .collect(),
        error,
        unit,
        ctx: ctx.with_quick_exit(),
    };
    render_with(status, &page)
}

/// "SMS, au numéro qui finit par 01": enough for the person to know which, and of no use
/// to whoever has the link alone.
fn way(ctx: &Ctx, channel: Channel, content: &Content) -> String {
    match channel {
        Channel::Email => ctx.t("declared-way-email"),
        Channel::Sms => {
            let number = phone::readable(&content.phone);
            let end: String = number
                .chars()
                .skip(number.chars().count().saturating_sub(2))
                .collect();
            ctx.t1("declared-way-sms", "end", end)
        }
    }
}

/// The way a code is to be sent by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SendForm {
    canal: String,
}

/// POST `/lien/SECRET/code`: sends a code, if the link is of somebody who needs one.
pub(super) async fn send_code(
    State(app): State<App>,
    PathText(secret): PathText,
    ctx: Ctx,
    Form(form): Form<SendForm>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, link) = read_link(&mut tx, &app, &secret).await?;
    if !declared::is_for(&mut tx, &app.keys, &appointment, &link).await? {
        return Err(Refusal::not_found().into());
    }
    let (_, content) = declared::case_of(&mut tx, &app.keys, &appointment).await?;
    let ways = declared::channels(&content);
    let wanted = Channel::parse(&form.canal).filter(|channel| ways.contains(channel));
    let Some(channel) = wanted.or_else(|| ways.first().copied()) else {
        return Err(Refusal::not_found().into());
    };
    let error = match declared::send_code(&mut tx, &app.keys, &appointment, channel, ctx.now).await
    {
        Ok(()) => {
            tx.commit().await?;
            return Ok(Redirect::to(&path_of(&app, &link)).into_response());
        }
        Err(SendError::TooSoon { again_at }) => {
            let unit = unit_of(&mut tx, &appointment).await?;
            let hour = wall::time(ctx.lang, again_at, unit.zone());
            ctx.t1("declared-too-soon", "when", hour)
        }
        Err(SendError::TooMany) => ctx.t("declared-too-many"),
        Err(SendError::Fault(fault)) => return Err(fault.into()),
    };
    drop(tx);
    let mut tx = app.db.read().await?;
    let at = (&appointment, &link);
    shown(&mut tx, &app, at, ctx, StatusCode::TOO_MANY_REQUESTS, error).await
}

/// Judges the code that was typed at the link; the right one lets in, or to the person's
/// own page.
pub(super) async fn knock(
    app: &App,
    mut tx: Tx,
    (appointment, link): (&Appointment, &MeetingLink),
    code: &str,
    kind: BrowserKind,
    (jar, ctx): (CookieJar, Ctx),
) -> Result<Response, PageError> {
    let at = (appointment, link);
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    // What cannot be a code is no try: a scanner that presses buttons uses none up.
    let Some(code) = codes::read(code) else {
        let error = ctx.t("guest-link-code-form-error");
        return shown(&mut tx, app, at, ctx, unprocessable, error).await;
    };
    let (seats, hash) = SeatCookie::of(app, &jar).with_fresh();
    let outcome = declared::show(&mut tx, &app.keys, at, &code, &hash, ctx.now).await?;
    if let Shown::Known { cookie, .. } = &outcome {
        own_sessions::note_kind(&mut tx, cookie, kind).await?;
    }
    tx.commit().await?;
    let error = match outcome {
        Shown::Known { cookie, seat } => {
            let jar = jar.add(private_cookie(app, session::COOKIE, cookie));
            if seat.is_none() {
                return Ok((jar, Redirect::to(&own_page(appointment))).into_response());
            }
            tell(app, appointment);
            return Ok(to_the_room(app, appointment, jar, &seats).into_response());
        }
        Shown::Wrong { left } => ctx.t1("declared-code-wrong", "left", left),
        Shown::Over => ctx.t("declared-code-over"),
    };
    let mut tx = app.db.read().await?;
    shown(&mut tx, app, at, ctx, unprocessable, error).await
}
