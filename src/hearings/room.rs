//! The officer's hand on the room: opening, admitting, sending back, closing;
//! and the room document that follows from it. Every change is a new version
//! of that document, never a command that could be lost.

use signaling::protocol::MediaKind;
use signaling::room_document::{self, RoomDocument};

use super::entry::{EnterError, check_window};
use super::{Hearing, Place, RoomState, Seat, SeatRole, may_hold, store};
use crate::audit::{self, Actor};
use crate::booking::meeting_link::{self, OVERRUN_MINUTES};
use crate::booking::{self, Appointment, MoveError, NO_SHOW_MINUTES, State};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::execute;
use crate::identity::SignedInOfficer;
use crate::keys::Keys;

/// Why an officer does not open a hearing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not a hearing of their unit.
    #[error("not a hearing of this officer's unit")]
    NotYours,
    /// It is cancelled, over, or not confirmed.
    #[error("the appointment is {0}")]
    WrongState(State),
    /// Its room opens later.
    #[error("the room opens later")]
    TooEarly {
        /// From when on it may be opened.
        opens_at: Timestamp,
    },
    /// The person has not come yet, and still may.
    #[error("the person may still come")]
    MayCome {
        /// Until when they are waited for.
        until: Timestamp,
    },
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why nobody was admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// It is not a hearing of their unit, or no such seat waits.
    #[error("nobody of that seat is waiting")]
    NobodyWaits,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<MoveError> for OpenError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::NotFound => OpenError::NotYours,
            MoveError::NotAllowed { from, .. } => OpenError::WrongState(from),
            MoveError::Fault(fault) => OpenError::Fault(fault),
        }
    }
}

impl From<MoveError> for AdmitError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::NotFound | MoveError::NotAllowed { .. } => AdmitError::NobodyWaits,
            MoveError::Fault(fault) => AdmitError::Fault(fault),
        }
    }
}

/// The officer opens the hearing, or comes back to it: takes the officer's
/// seat with this session and becomes the officer of the appointment.
///
/// # Errors
/// Why it does not open.
pub async fn open(
    tx: &mut Tx,
    appointment: &Appointment,
    officer: &SignedInOfficer,
    now: Timestamp,
) -> Result<Seat, OpenError> {
    if !may_hold(officer, appointment) {
        return Err(OpenError::NotYours);
    }
    let appointment = &booking::lock(tx, appointment).await?;
    if !matches!(
        appointment.state,
        State::Booked | State::Open | State::InHearing
    ) {
        return Err(OpenError::WrongState(appointment.state));
    }
    let actor = Actor::Officer(officer.id.clone());
    // An open room can be neither moved nor called off, so none is opened days ahead.
    if let Err(EnterError::TooEarly { opens_at }) = check_window(appointment, now) {
        return Err(OpenError::TooEarly { opens_at });
    }
    if appointment.state == State::Booked {
        booking::move_to(tx, appointment, State::Open, &actor, now).await?;
    }
    execute!(
        tx,
        "update appointments set officer_id = $2 where id = $1",
        &appointment.id,
        &officer.id
    )?;
    booking::taken_over(tx, &appointment.id, &officer.id).await?;
    let before = store::list_seats(tx, &appointment.id).await?;
    let person = actor.to_string();
    // One officer at a time: a colleague who takes over sits down, the former leaves.
    for seat in before
        .iter()
        .filter(|seat| seat.role == SeatRole::Officer && seat.person != person)
    {
        store::move_seat(tx, &appointment.id, &seat.id, seat.place, Place::Left).await?;
    }
    let seat = store::take_seat(
        tx,
        &appointment.id,
        SeatRole::Officer,
        &person,
        &officer.session,
        &officer.session,
        Place::In,
        now,
    )
    .await?;
    let unchanged = before.iter().any(|old| {
        old.id == seat.id && old.generation == seat.generation && old.place == seat.place
    });
    if !unchanged {
        store::raise_version(tx, &appointment.id, &actor, now).await?;
        store::insert_event(
            tx,
            &appointment.id,
            Some(&seat.id),
            "opened",
            now,
            None,
            &actor,
        )
        .await?;
        note(tx, appointment, &actor, "hearing.open", &seat.id, now).await?;
    }
    Ok(seat)
}

/// The officer lets somebody in from the waiting room.
///
/// # Errors
/// When nobody of that seat waits there.
pub async fn admit(
    tx: &mut Tx,
    appointment: &Appointment,
    officer: &SignedInOfficer,
    seat_id: &Id,
    now: Timestamp,
) -> Result<(), AdmitError> {
    let appointment = &booking::lock(tx, appointment).await?;
    if !matches!(appointment.state, State::Open | State::InHearing) {
        return Err(AdmitError::NobodyWaits);
    }
    shift(
        tx,
        appointment,
        officer,
        seat_id,
        (Place::Waiting, Place::In),
        "admitted",
        now,
    )
    .await?;
    // A lawyer who is let in first does not make it a hearing: the person does.
    let is_citizen = store::list_seats(tx, &appointment.id)
        .await?
        .iter()
        .any(|seat| seat.id == *seat_id && seat.role == SeatRole::Citizen);
    if appointment.state == State::Open && is_citizen {
        let actor = Actor::Officer(officer.id.clone());
        booking::move_to(tx, appointment, State::InHearing, &actor, now).await?;
    }
    Ok(())
}

/// The officer sends somebody back to the waiting room.
///
/// # Errors
/// When nobody of that seat is in.
pub async fn send_back(
    tx: &mut Tx,
    appointment: &Appointment,
    officer: &SignedInOfficer,
    seat_id: &Id,
    now: Timestamp,
) -> Result<(), AdmitError> {
    shift(
        tx,
        appointment,
        officer,
        seat_id,
        (Place::In, Place::Waiting),
        "sent_back",
        now,
    )
    .await
}

async fn shift(
    tx: &mut Tx,
    appointment: &Appointment,
    officer: &SignedInOfficer,
    seat_id: &Id,
    (from, to): (Place, Place),
    kind: &str,
    now: Timestamp,
) -> Result<(), AdmitError> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    if !may_hold(officer, appointment)
        || !store::move_seat(tx, &appointment.id, seat_id, from, to).await?
    {
        return Err(AdmitError::NobodyWaits);
    }
    let actor = Actor::Officer(officer.id.clone());
    store::raise_version(tx, &appointment.id, &actor, now).await?;
    store::insert_event(tx, &appointment.id, Some(seat_id), kind, now, None, &actor).await?;
    note(
        tx,
        appointment,
        &actor,
        &format!("seat.{kind}"),
        seat_id,
        now,
    )
    .await?;
    Ok(())
}

/// The officer ends the hearing. Ending it twice changes nothing.
///
/// # Errors
/// When it is not theirs or the database fails.
pub async fn close(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    officer: &SignedInOfficer,
    now: Timestamp,
) -> Result<(), OpenError> {
    if !may_hold(officer, appointment) {
        return Err(OpenError::NotYours);
    }
    let actor = Actor::Officer(officer.id.clone());
    let appointment = &booking::lock(tx, appointment).await?;
    match appointment.state {
        // Nobody was let in: the case may take another slot, whoever was missing.
        State::Open if meeting_link::citizen_came(tx, &appointment.id).await? => {
            booking::end_as_unheld(tx, keys, appointment, &actor, now).await?;
        }
        State::Open => {
            let until = appointment.starts_at.plus_minutes(NO_SHOW_MINUTES);
            if now < until {
                return Err(OpenError::MayCome { until });
            }
            booking::end_as_no_show(tx, keys, appointment, &actor, now).await?;
        }
        State::InHearing => {
            booking::move_to(tx, appointment, State::Closed, &actor, now).await?;
        }
        State::Closed | State::NoShow | State::CancelledByUnit => return Ok(()),
        other => return Err(OpenError::WrongState(other)),
    }
    if !store::mark_ended(tx, &appointment.id, &actor, now).await? {
        return Ok(());
    }
    store::insert_event(tx, &appointment.id, None, "closed", now, None, &actor).await?;
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        &actor,
        "hearing.close",
        &format!("appointment/{}", appointment.id),
        "",
    )
    .await?;
    Ok(())
}

async fn note(
    tx: &mut Tx,
    appointment: &Appointment,
    actor: &Actor,
    act: &str,
    seat_id: &Id,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        actor,
        act,
        &format!("appointment/{}", appointment.id),
        &format!("seat={seat_id}"),
    )
    .await
}

/// The whole truth about a room, as the media node needs it.
#[must_use]
pub fn room_document(appointment: &Appointment, hearing: &Hearing, seats: &[Seat]) -> RoomDocument {
    let present: Vec<&Seat> = seats
        .iter()
        .filter(|seat| seat.place != Place::Left)
        .collect();
    RoomDocument {
        room: hearing.room.as_str().into(),
        version: u64::try_from(hearing.version).unwrap_or(0),
        expires_at_ms: appointment.ends_at.plus_minutes(OVERRUN_MINUTES).0,
        state: match hearing.state {
            RoomState::Open => room_document::RoomState::Open,
            RoomState::Paused => room_document::RoomState::Paused,
            RoomState::Ended => room_document::RoomState::Ended,
        },
        seats: present
            .iter()
            .map(|seat| room_document::Seat {
                participant: seat.id.as_str().into(),
                role: signaling_role(seat.role),
                generation: u32::try_from(seat.generation).unwrap_or(u32::MAX),
                place: match seat.place {
                    Place::In => room_document::Place::In,
                    Place::Aside => room_document::Place::Aside,
                    Place::Waiting | Place::Left => room_document::Place::Waiting,
                },
                label: label(seat.role).to_owned(),
                publish: vec![MediaKind::Audio, MediaKind::Video],
                hears: present
                    .iter()
                    .filter(|other| other.id != seat.id)
                    .map(|other| other.id.as_str().into())
                    .collect(),
            })
            .collect(),
    }
}

/// How the others see a seat. No name goes to the media node.
fn label(role: SeatRole) -> &'static str {
    match role {
        SeatRole::Citizen => "Usager",
        SeatRole::Officer => "Agent",
        SeatRole::Lawyer => "Avocat",
        SeatRole::Companion => "Accompagnant",
        SeatRole::Interpreter => "Interprète",
    }
}

/// The same word in signaling's vocabulary.
#[must_use]
pub fn signaling_role(role: SeatRole) -> room_document::Role {
    match role {
        SeatRole::Citizen => room_document::Role::Citizen,
        SeatRole::Officer => room_document::Role::Officer,
        SeatRole::Lawyer => room_document::Role::Lawyer,
        SeatRole::Companion => room_document::Role::Companion,
        SeatRole::Interpreter => room_document::Role::Interpreter,
    }
}
