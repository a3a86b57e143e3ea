//! A guest's door: it says when and where, and asks for the code they were told. Looking
//! at it changes nothing, and pressing its button without the code neither.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;

use super::entry::{self, EnterError, check_window};
use super::guests::{self, Entered};
use super::pages::{gone, refusal_of, to_the_room, unit_of};
use super::seat_cookie::SeatCookie;
use super::tell;
use crate::app::App;
use crate::booking::Appointment;
use crate::booking::meeting_link::MeetingLink;
use crate::calendar::{Unit, wall};
use crate::codes;
use crate::db::Tx;
use crate::error::{PageError, Refusal};
use crate::page::{Ctx, render_with};

/// What stands before a guest.
pub(super) struct Door<'a> {
    pub appointment: &'a Appointment,
    pub link: &'a MeetingLink,
    /// Where the code is sent to: the link's own address.
    pub action: String,
}

#[derive(Template)]
#[template(path = "hearings/guest_link.html")]
struct GuestLinkPage {
    ctx: Ctx,
    unit: Unit,
    when: String,
    /// As whom they are invited, in words.
    role: String,
    /// When the door opens, if it is still shut.
    opens_at: String,
    action: String,
    error: String,
}

pub(super) async fn door(
    tx: &mut Tx,
    app: &App,
    door: Door<'_>,
    jar: &CookieJar,
    ctx: Ctx,
) -> Result<Response, PageError> {
    let id = &door.appointment.id;
    let seat = entry::seat_of_browser(tx, app, jar, &ctx.who, id).await?;
    match check_window(door.appointment, ctx.now) {
        // Whoever sits there already, be it as somebody else, goes on sitting there.
        Ok(()) if seat.is_some() => {
            return Ok(Redirect::to(&format!("/audition/{id}")).into_response());
        }
        Ok(()) | Err(EnterError::TooEarly { .. }) => {}
        Err(other) => return Err(refusal_of(other)),
    }
    if door.link.used_at.is_some() {
        return Err(used().into());
    }
    shown(tx, door, ctx, StatusCode::OK, String::new()).await
}

/// Judges the code that was typed, and lets the guest into the waiting room.
pub(super) async fn knock(
    app: &App,
    mut tx: Tx,
    door: Door<'_>,
    code: &str,
    jar: CookieJar,
    ctx: Ctx,
) -> Result<Response, PageError> {
    let appointment = door.appointment;
    let id = &appointment.id;
    if entry::seat_of_browser(&mut tx, app, &jar, &ctx.who, id)
        .await?
        .is_some()
    {
        return Ok(Redirect::to(&format!("/audition/{id}")).into_response());
    }
    // What cannot be a code is no try: a scanner that presses buttons uses none up.
    let Some(code) = codes::read(code) else {
        let error = ctx.t("guest-link-code-form-error");
        return shown(&mut tx, door, ctx, StatusCode::UNPROCESSABLE_ENTITY, error).await;
    };
    let (cookie, hash) = SeatCookie::of(app, &jar).with_fresh();
    let (keys, now) = (&app.keys, app.clock.now());
    let at = (appointment, door.link);
    let entered = guests::enter(&mut tx, keys, at, &code, &hash, now)
        .await
        .map_err(refusal_of)?;
    tx.commit().await?;
    match entered {
        Entered::Seated(_) => {
            tell(app, appointment);
            Ok(to_the_room(app, appointment, jar, &cookie).into_response())
        }
        Entered::Wrong { left } => {
            let error = ctx.t1("guest-link-code-wrong-error", "left", left);
            let mut tx = app.db.read().await?;
            shown(&mut tx, door, ctx, StatusCode::UNPROCESSABLE_ENTITY, error).await
        }
        Entered::Locked => {
            tell(app, appointment);
            Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-guest-locked")
                .way_out("/", "way-out-home")
                .into())
        }
        Entered::Used => Err(used().into()),
        Entered::Replaced => Err(gone("refusal-link-replaced").into()),
    }
}

fn used() -> Refusal {
    Refusal::new(StatusCode::GONE, "refusal-guest-used").way_out("/", "way-out-home")
}

async fn shown(
    tx: &mut Tx,
    door: Door<'_>,
    ctx: Ctx,
    status: StatusCode,
    error: String,
) -> Result<Response, PageError> {
    let unit = unit_of(tx, door.appointment).await?;
    let zone = unit.zone();
    let opens_at = match check_window(door.appointment, ctx.now) {
        Err(EnterError::TooEarly { opens_at }) => wall::moment(ctx.lang, opens_at, zone),
        _ => String::new(),
    };
    let page = GuestLinkPage {
        when: wall::moment(ctx.lang, door.appointment.starts_at, zone),
        role: ctx.t(&format!("guest-as-{}", door.link.role)),
        opens_at,
        action: door.action,
        error,
        unit,
        ctx: ctx.with_quick_exit(),
    };
    render_with(status, &page)
}
