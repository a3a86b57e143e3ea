//! Going in. The link says which hearing, never who: whoever enters holds a
//! live FranceConnect session of the person who booked. Verifying that and
//! consuming the link are one transaction, so a scanner that follows links and
//! presses buttons neither enters nor burns the link.

use axum_extra::extract::cookie::CookieJar;

use super::seat_cookie::SeatCookie;
use super::{Place, Seat, SeatRole, declared, store};
use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::meeting_link::{
    self, LinkRole, MeetingLink, OPENS_MINUTES_BEFORE, OVERRUN_MINUTES,
};
use crate::booking::{self, Appointment, State};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::execute;
use crate::identity::{SignedInCitizen, Who};
use crate::keys::sha256_hex;
use crate::limits::Kind;

/// Why somebody does not come in.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The appointment was booked by somebody else.
    #[error("the appointment belongs to somebody else")]
    NotYours,
    /// The room is not open to them yet.
    #[error("too early")]
    TooEarly {
        /// From when on they may come in.
        opens_at: Timestamp,
    },
    /// The appointment is over, cancelled or past.
    #[error("over")]
    Over,
    /// The link was re-issued or taken back.
    #[error("the link was replaced")]
    Replaced,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The seat that this browser holds in an appointment. Whoever holds one draws on
/// budgets of their own from then on, although their session may have run out. A person
/// who is signed in as somebody else does not sit there: a shared computer kept the
/// cookie of whoever was there before.
///
/// # Errors
/// When the database fails.
pub async fn seat_of_browser(
    tx: &mut Tx,
    app: &App,
    jar: &CookieJar,
    who: &Who,
    appointment_id: &Id,
) -> Result<Option<Seat>, Fault> {
    let cookie = SeatCookie::of(app, jar);
    let is_theirs = |seat: &Seat| match who {
        Who::Citizen(citizen) if seat.role == SeatRole::Citizen => {
            seat.person == Actor::Citizen(citizen.id.clone()).to_string()
        }
        _ => true,
    };
    for secret in cookie.secrets() {
        let hash = sha256_hex(secret.as_bytes());
        let seat = store::find_seat_of_browser(tx, appointment_id, &hash).await?;
        if let Some(seat) = seat.filter(is_theirs) {
            // That secret alone: what else the cookie holds proved nothing.
            app.limits.proven.note(Kind::Seat, secret, true);
            return Ok(Some(seat));
        }
    }
    // A cookie that opens no seat here may open one elsewhere.
    Ok(None)
}

/// When an appointment's room lets people in.
///
/// # Errors
/// [`EnterError::TooEarly`] or [`EnterError::Over`].
pub fn check_window(appointment: &Appointment, now: Timestamp) -> Result<(), EnterError> {
    let opens_at = appointment.starts_at.plus_minutes(-OPENS_MINUTES_BEFORE);
    if !matches!(
        appointment.state,
        State::Booked | State::Open | State::InHearing
    ) {
        return Err(EnterError::Over);
    }
    if now < opens_at {
        return Err(EnterError::TooEarly { opens_at });
    }
    if now >= appointment.ends_at.plus_minutes(OVERRUN_MINUTES) {
        return Err(EnterError::Over);
    }
    Ok(())
}

/// The person who booked comes in: consumes the link, takes the seat for this
/// browser or moves it here, and puts it in the waiting room.
///
/// `generation` is that of the link's secret; none when the person came from
/// their own space, which needs no link.
///
/// # Errors
/// Why they do not come in; then nothing was consumed.
pub async fn enter(
    tx: &mut Tx,
    appointment: &Appointment,
    citizen: &SignedInCitizen,
    generation: Option<i64>,
    browser_hash: &str,
    now: Timestamp,
) -> Result<Seat, EnterError> {
    if appointment.citizen_id != citizen.id {
        return Err(EnterError::NotYours);
    }
    let appointment = &booking::lock(tx, appointment).await?;
    check_window(appointment, now)?;
    let actor = Actor::Citizen(citizen.id.clone());
    let person = actor.to_string();
    let before = store::list_seats(tx, &appointment.id)
        .await?
        .into_iter()
        .find(|seat| seat.role == SeatRole::Citizen && seat.person == person);
    let used = execute!(
        tx,
        "update meeting_links set used_at = coalesce(used_at, $4)
         where appointment_id = $1 and role = $2 and person = $3 and revoked_at is null
           and ($5 = 0 or generation = $5) and valid_from <= $4 and valid_until > $4",
        &appointment.id,
        LinkRole::Citizen,
        &person,
        now,
        generation.unwrap_or(0)
    )?;
    if used == 0 && generation.is_some() {
        return Err(EnterError::Replaced);
    }
    let seat = store::take_seat(
        tx,
        &appointment.id,
        SeatRole::Citizen,
        &person,
        browser_hash,
        &citizen.session,
        Place::Waiting,
        now,
    )
    .await?;
    let kind = match &before {
        None => "entered",
        Some(before) if before.generation != seat.generation => "moved",
        Some(before) if before.place == Place::Left => "returned",
        Some(_) => return Ok(seat),
    };
    store::raise_version(tx, &appointment.id, &actor, now).await?;
    store::insert_event(tx, &appointment.id, Some(&seat.id), kind, now, None, &actor).await?;
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        &actor,
        &format!("seat.{kind}"),
        &format!("appointment/{}", appointment.id),
        &format!("seat={} generation={}", seat.id, seat.generation),
    )
    .await?;
    Ok(seat)
}

/// The person takes their call up again with a seat from before the appointment was
/// moved: they have come, although by no link. Says so once.
///
/// # Errors
/// When the database fails.
pub async fn note_return(
    tx: &mut Tx,
    appointment: &Appointment,
    seat: &Seat,
    now: Timestamp,
) -> Result<(), Fault> {
    let appointment = booking::lock(tx, appointment).await?;
    if !meeting_link::note_came(tx, &appointment.id, now).await? {
        return Ok(());
    }
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        &Actor::Citizen(appointment.citizen_id.clone()),
        "seat.returned",
        &format!("appointment/{}", appointment.id),
        &format!("seat={} generation={}", seat.id, seat.generation),
    )
    .await
}

/// What a link's page may say without knowing who looks at it.
#[derive(Debug)]
pub enum LinkState {
    /// Not one of ours, or of an older generation.
    Unknown,
    /// Replaced by a newer link, or taken back.
    Replaced,
    /// Opens this hearing for this person.
    Of(Box<(Appointment, MeetingLink)>),
}

/// Reads what a link's secret stands for. Changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn read_link(tx: &mut Tx, app: &App, secret: &str) -> Result<LinkState, Fault> {
    let Some((id, generation)) = meeting_link::parse_secret(&app.keys, secret) else {
        return Ok(LinkState::Unknown);
    };
    let Some(link) = meeting_link::find(tx, &id).await? else {
        return Ok(LinkState::Unknown);
    };
    if link.generation != generation {
        return Ok(LinkState::Replaced);
    }
    let Some(appointment) = booking::find(tx, &link.appointment_id).await? else {
        return Ok(LinkState::Unknown);
    };
    // Where a link is all the person has to come back by, it opens their appointment's
    // page even when there is no hearing any more, and the code alone says who.
    if link.revoked_at.is_some() && !declared::is_for(tx, &app.keys, &appointment, &link).await? {
        return Ok(LinkState::Replaced);
    }
    Ok(LinkState::Of(Box::new((appointment, link))))
}
