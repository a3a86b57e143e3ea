//! The pages around a hearing of whoever comes to it: the link, the door, the room.
//! A guest's door is `guest_pages`.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use super::entry::{self, EnterError, LinkState, check_window};
use super::seat_cookie::SeatCookie;
use super::{SeatRole, declared, declared_pages, guest_pages, store, tell, token};
use crate::app::App;
use crate::booking::meeting_link::{self, LinkRole, MeetingLink};
use crate::booking::{self, Appointment};
use crate::calendar::wall;
use crate::calendar::{self, Unit};
use crate::db::Id;
use crate::error::{Fault, PageError, Refusal};
use crate::form::{Asked, Form};
use crate::identity::browser_kind::BrowserKind;
use crate::identity::session::{SEAT_COOKIE, private_cookie};
use crate::identity::{SignedInCitizen, Who};
use crate::page::{Ctx, render};
use crate::path::{PathId, PathText};

/// What the call component of a page needs.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Where a POST buys a join token.
    pub token_url: String,
    /// In which quality the page's person attends.
    pub role: &'static str,
    /// Where to go once it is over.
    pub back_url: String,
}

#[derive(Template)]
#[template(path = "hearings/link.html")]
struct LinkPage {
    ctx: Ctx,
    unit: Unit,
    when: String,
    /// When the door opens, if it is still shut.
    opens_at: String,
    /// Where a FranceConnect login leads back to; empty when not needed.
    login_return: String,
    /// Where the entering form posts; empty when a login is needed first.
    enter_action: String,
    /// Somebody already sits there, on another browser.
    moves: bool,
}

#[derive(Template)]
#[template(path = "hearings/room.html")]
struct RoomPage {
    ctx: Ctx,
    id: Id,
    unit: Unit,
    when: String,
    reference: String,
    /// When it is to begin, where the unit said that it is late.
    begins: String,
    call: CallView,
    /// Whether this is the person themselves: only they read the record here.
    own: bool,
}

pub(super) fn refusal_of(error: EnterError) -> PageError {
    match error {
        EnterError::NotYours => Refusal::new(StatusCode::FORBIDDEN, "refusal-link-foreign")
            .way_out("/espace", "way-out-space")
            .way_out("/", "way-out-home")
            .into(),
        EnterError::TooEarly { .. } => Refusal::new(StatusCode::FORBIDDEN, "refusal-link-early")
            .way_out("/espace", "way-out-space")
            .into(),
        EnterError::Over => gone("refusal-link-over").into(),
        EnterError::Replaced => gone("refusal-link-replaced").into(),
        EnterError::Fault(fault) => fault.into(),
    }
}

pub(super) fn gone(name: &'static str) -> Refusal {
    Refusal::new(StatusCode::GONE, name)
        .way_out("/espace", "way-out-space")
        .way_out("/en-personne", "way-out-in-person")
}

pub(super) async fn unit_of(
    tx: &mut crate::db::Tx,
    appointment: &Appointment,
) -> Result<Unit, PageError> {
    calendar::find_unit(tx, &appointment.unit_id)
        .await?
        .ok_or_else(|| PageError::Fault(Fault::other("an appointment's unit is gone")))
}

pub(super) async fn read_link(
    tx: &mut crate::db::Tx,
    app: &App,
    secret: &str,
) -> Result<(Appointment, MeetingLink), PageError> {
    match entry::read_link(tx, app, secret).await? {
        LinkState::Of(found) => Ok(*found),
        LinkState::Replaced => Err(gone("refusal-link-replaced").into()),
        LinkState::Unknown => Err(Refusal::new(StatusCode::NOT_FOUND, "refusal-link-unknown")
            .way_out("/espace", "way-out-space")
            .way_out("/en-personne", "way-out-in-person")
            .into()),
    }
}

/// GET `/lien/SECRET`: says what the link opens. Changes nothing, whoever asks
/// and however often.
pub async fn link(
    State(app): State<App>,
    PathText(secret): PathText,
    jar: CookieJar,
    ctx: Ctx,
    Asked(asked): Asked<Knocking>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let (appointment, link) = read_link(&mut tx, &app, &secret).await?;
    let action = format!("/lien/{secret}");
    if link.role != LinkRole::Citizen {
        let guest = guest_pages::Door {
            appointment: &appointment,
            link: &link,
            action,
        };
        return guest_pages::door(&mut tx, &app, guest, &jar, ctx).await;
    }
    if declared::is_for(&mut tx, &app.keys, &appointment, &link).await? {
        let at = (&appointment, &link);
        let again = asked.code == "oui";
        if let Some(page) = declared_pages::door(&mut tx, &app, at, again, &jar, &ctx).await? {
            return Ok(page);
        }
    }
    door(&mut tx, &app, &appointment, action, &jar, ctx).await
}

/// The door of a hearing, for whoever stands before it.
async fn door(
    tx: &mut crate::db::Tx,
    app: &App,
    appointment: &Appointment,
    action: String,
    jar: &CookieJar,
    ctx: Ctx,
) -> Result<Response, PageError> {
    let seat = entry::seat_of_browser(tx, app, jar, &ctx.who, &appointment.id).await?;
    let opens_at = match check_window(appointment, ctx.now) {
        Ok(()) => None,
        Err(EnterError::TooEarly { opens_at }) => Some(opens_at),
        Err(other) => return Err(refusal_of(other)),
    };
    if seat.is_some() && opens_at.is_none() {
        return Ok(Redirect::to(&format!("/audition/{}", appointment.id)).into_response());
    }
    let owner = match &ctx.who {
        Who::Nobody => false,
        Who::Citizen(citizen) if citizen.id == appointment.citizen_id => true,
        Who::Citizen(_) => return Err(refusal_of(EnterError::NotYours)),
        Who::Officer(_) => {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "refusal-citizens-only")
                .way_out("/agent", "way-out-agenda")
                .into());
        }
    };
    let moves = owner
        && store::list_seats(tx, &appointment.id)
            .await?
            .iter()
            .any(|seat| seat.person == format!("citizen/{}", appointment.citizen_id));
    let unit = unit_of(tx, appointment).await?;
    let zone = unit.zone();
    let open = opens_at.is_none();
    let page = LinkPage {
        when: wall::moment(ctx.lang, appointment.starts_at, zone),
        opens_at: opens_at.map_or_else(String::new, |at| wall::moment(ctx.lang, at, zone)),
        login_return: if open && !owner {
            // Not the link's own address: its secret is not to be written anywhere.
            format!("/audition/{}", appointment.id)
        } else {
            String::new()
        },
        enter_action: if open && owner { action } else { String::new() },
        moves,
        unit,
        ctx: ctx.with_quick_exit(),
    };
    Ok(render(&page)?.into_response())
}

/// A form that holds nothing but the anti-forgery token.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// What is sent at the door of a link: a code, or nothing. In its address, the wish to
/// be asked for one although this browser has a seat.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Knocking {
    code: String,
}

/// POST `/lien/SECRET`: verifies whoever comes, the person by their login and a guest
/// by their code, and consumes the link at once.
pub async fn enter_by_link(
    State(app): State<App>,
    PathText(secret): PathText,
    jar: CookieJar,
    headers: HeaderMap,
    citizen: Result<SignedInCitizen, PageError>,
    ctx: Ctx,
    Form(Knocking { code }): Form<Knocking>,
) -> Result<Response, PageError> {
    let mut tx = app.db.begin().await?;
    let (appointment, link) = read_link(&mut tx, &app, &secret).await?;
    let unknown = matches!(ctx.who, Who::Nobody);
    if unknown && declared::is_for(&mut tx, &app.keys, &appointment, &link).await? {
        let at = (&appointment, &link);
        let kind = BrowserKind::of(&headers);
        return declared_pages::knock(&app, tx, at, &code, kind, (jar, ctx)).await;
    }
    if link.role == LinkRole::Citizen {
        let (citizen, generation) = (citizen?, Some(link.generation));
        let entered = enter(&app, tx, &appointment, &citizen, generation, jar).await?;
        return Ok(entered.into_response());
    }
    let guest = guest_pages::Door {
        appointment: &appointment,
        link: &link,
        action: format!("/lien/{secret}"),
    };
    guest_pages::knock(&app, tx, guest, &code, jar, ctx).await
}

/// POST `/audition/ID/entrer`: the person comes from their own space.
pub async fn enter_by_session(
    State(app): State<App>,
    PathId(id): PathId,
    jar: CookieJar,
    citizen: SignedInCitizen,
    Form(Nothing {}): Form<Nothing>,
) -> Result<(CookieJar, Redirect), PageError> {
    let mut tx = app.db.begin().await?;
    let appointment = own_appointment(&mut tx, &id, &citizen).await?;
    enter(&app, tx, &appointment, &citizen, None, jar).await
}

async fn own_appointment(
    tx: &mut crate::db::Tx,
    id: &Id,
    citizen: &SignedInCitizen,
) -> Result<Appointment, PageError> {
    booking::find(tx, id)
        .await?
        .filter(|appointment| appointment.citizen_id == citizen.id)
        .ok_or_else(|| Refusal::not_found().into())
}

async fn enter(
    app: &App,
    mut tx: crate::db::Tx,
    appointment: &Appointment,
    citizen: &SignedInCitizen,
    generation: Option<i64>,
    jar: CookieJar,
) -> Result<(CookieJar, Redirect), PageError> {
    // A secret of our own making, unless this browser holds the person's seat already:
    // one that somebody planted, or that the last person left, opens nothing.
    let who = Who::Citizen(Box::new(citizen.clone()));
    let held = entry::seat_of_browser(&mut tx, app, &jar, &who, &appointment.id).await?;
    let held = held.filter(|seat| seat.role == SeatRole::Citizen);
    let cookie = SeatCookie::of(app, &jar);
    let (cookie, hash) = match held {
        Some(seat) => (cookie, seat.browser_hash),
        None => cookie.with_fresh(),
    };
    let now = app.clock.now();
    entry::enter(&mut tx, appointment, citizen, generation, &hash, now)
        .await
        .map_err(refusal_of)?;
    tx.commit().await?;
    tell(app, appointment);
    Ok(to_the_room(app, appointment, jar, &cookie))
}

/// On to the room, with the cookie that holds the seat. It is kept when the browser
/// crashes: coming back needs no second login. A day is longer than any room stays open.
pub(super) fn to_the_room(
    app: &App,
    appointment: &Appointment,
    jar: CookieJar,
    seats: &SeatCookie,
) -> (CookieJar, Redirect) {
    let mut cookie = private_cookie(app, SEAT_COOKIE, seats.value());
    cookie.set_max_age(time::Duration::days(1));
    let to = Redirect::to(&format!("/audition/{}", appointment.id));
    (jar.add(cookie), to)
}

/// GET `/audition/ID`: the room for a browser that holds a seat, else its door.
pub async fn room(
    State(app): State<App>,
    PathId(id): PathId,
    jar: CookieJar,
    ctx: Ctx,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let Some(seat) = entry::seat_of_browser(&mut tx, &app, &jar, &ctx.who, &id).await? else {
        // Somebody unknown learns nothing of whether such a hearing exists.
        let citizen = match &ctx.who {
            Who::Citizen(citizen) => citizen.clone(),
            Who::Officer(_) => return Err(Refusal::not_found().into()),
            Who::Nobody => {
                // A guest has no account: a login would only puzzle them.
                for hash in SeatCookie::of(&app, &jar).hashes() {
                    if store::was_guest_of(&mut tx, &id, &hash).await? {
                        return Err(Refusal::new(StatusCode::GONE, "refusal-guest-out")
                            .way_out("/", "way-out-home")
                            .into());
                    }
                }
                return Err(PageError::Redirect(format!(
                    "/connexion?retour=%2Faudition%2F{id}"
                )));
            }
        };
        let appointment = own_appointment(&mut tx, &id, &citizen).await?;
        let action = format!("/audition/{id}/entrer");
        return door(&mut tx, &app, &appointment, action, &jar, ctx).await;
    };
    let appointment = booking::find(&mut tx, &id)
        .await?
        .ok_or_else(Refusal::not_found)?;
    let unit = unit_of(&mut tx, &appointment).await?;
    let own = seat.role == SeatRole::Citizen;
    let delay = booking::find_delay(&mut tx, &appointment).await?;
    let page = RoomPage {
        begins: delay
            .filter(|delay| delay.until_at > ctx.now)
            .map_or_else(String::new, |delay| {
                wall::time(ctx.lang, delay.until_at, unit.zone())
            }),
        when: wall::moment(ctx.lang, appointment.starts_at, unit.zone()),
        reference: appointment.reference.clone(),
        call: CallView {
            token_url: format!("/audition/{id}/jeton"),
            role: seat.role.as_str(),
            back_url: if own { "/espace" } else { "/" }.to_owned(),
        },
        own,
        unit,
        id,
        ctx: ctx.with_quick_exit(),
    };
    Ok(render(&page)?.into_response())
}

/// POST `/audition/ID/jeton`: a fresh join token for the seat of this browser.
/// The seat's cookie is the proof; a session may have ended meanwhile.
pub async fn token(
    State(app): State<App>,
    PathId(id): PathId,
    jar: CookieJar,
    ctx: Ctx,
) -> Result<Json<token::Grant>, PageError> {
    let mut tx = app.db.read().await?;
    let seat = entry::seat_of_browser(&mut tx, &app, &jar, &ctx.who, &id)
        .await?
        .ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, "refusal-seat-elsewhere"))?;
    let (appointment, hearing) = (
        booking::find(&mut tx, &id).await?,
        store::find_hearing(&mut tx, &id).await?,
    );
    let (Some(appointment), Some(hearing)) = (appointment, hearing) else {
        return Err(Refusal::not_found().into());
    };
    check_window(&appointment, ctx.now).map_err(refusal_of)?;
    if hearing.ended_at.is_some() {
        return Err(refusal_of(EnterError::Over));
    }
    let came = seat.role != SeatRole::Citizen || meeting_link::citizen_came(&mut tx, &id).await?;
    drop(tx);
    if !came {
        let mut tx = app.db.begin().await?;
        entry::note_return(&mut tx, &appointment, &seat, ctx.now).await?;
        tx.commit().await?;
    }
    Ok(Json(token::grant(&app, &hearing, &seat, ctx.now).await?))
}
