//! When somebody does not come. Some minutes after the start the person is told
//! that they are waited for; a while later the unit may note that they did not
//! come; and what nobody ever held is closed by a job, which says who was missing.

use super::meeting_link::{self, OVERRUN_MINUTES};
use super::{
    Appointment, MoveError, Reason, State, declaration_of, delay, lock, messages, move_because,
    store,
};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::keys::Keys;

/// So long after the start a person who has not come is told so.
pub const LATE_MINUTES: i64 = 10;
/// So long after the start the unit may note that the person did not come.
pub const NO_SHOW_MINUTES: i64 = 15;

/// Why it is not noted that nobody came. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum NoShowError {
    /// The person may still come.
    #[error("too early")]
    TooEarly,
    /// The person has come.
    #[error("the person has come")]
    Came,
    /// It is over, or the hearing goes on.
    #[error("the appointment is {0}")]
    WrongState(State),
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Notes that nobody has come so long after the start, and tells the person that
/// they may still join. Once for each time the appointment is set for.
///
/// # Errors
/// When the database fails.
pub async fn note_late(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Option<Appointment>, Fault> {
    let appointment = lock(tx, appointment).await?;
    let start = delay::expected_start(tx, &appointment).await?;
    if now < start.plus_minutes(LATE_MINUTES)
        || meeting_link::citizen_came(tx, &appointment.id).await?
    {
        return Ok(None);
    }
    let Some(late) = store::mark_late(tx, &appointment.id, now).await? else {
        return Ok(None);
    };
    audit::append(
        tx,
        late.unit_id.as_str(),
        now,
        &Actor::System,
        "appointment.late",
        &format!("appointment/{}", late.id),
        "",
    )
    .await?;
    let declaration = declaration_of(tx, &late.case_id).await?;
    messages::late(tx, keys, &late, &declaration, now).await?;
    Ok(Some(late))
}

/// Notes that the person did not come: gives the time back, takes the link back,
/// and tells them how to take another slot. Noted before, it is left alone.
///
/// # Errors
/// [`NoShowError`].
pub async fn note_no_show(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, NoShowError> {
    let appointment = &lock(tx, appointment).await?;
    if appointment.state == State::NoShow {
        return Ok(appointment.clone());
    }
    let start = delay::expected_start(tx, appointment).await?;
    if now < start.plus_minutes(NO_SHOW_MINUTES) {
        return Err(NoShowError::TooEarly);
    }
    // Whoever comes in takes the same lock: nobody is called absent at the door.
    if meeting_link::citizen_came(tx, &appointment.id).await? {
        return Err(NoShowError::Came);
    }
    match end_as_no_show(tx, keys, appointment, actor, now).await {
        Ok(absent) => Ok(absent),
        Err(MoveError::NotAllowed {
            from: State::NoShow,
            ..
        }) => Ok(appointment.clone()),
        Err(MoveError::NotAllowed { from, .. }) => Err(NoShowError::WrongState(from)),
        Err(MoveError::NotFound) => Err(NoShowError::WrongState(appointment.state)),
        Err(MoveError::Fault(fault)) => Err(NoShowError::Fault(fault)),
    }
}

/// Ends an appointment as one to which the person did not come, and tells them. The
/// caller has seen that nobody did.
///
/// # Errors
/// [`MoveError`].
pub async fn end_as_no_show(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, MoveError> {
    let reason = Some(Reason::Absent);
    let absent = move_because(tx, appointment, State::NoShow, reason, actor, now).await?;
    let declaration = declaration_of(tx, &absent.case_id).await?;
    messages::no_show(tx, keys, &absent, &declaration, now).await?;
    Ok(absent)
}

/// Closes an appointment that nobody held although its time is over: the person did
/// not come, or the unit left them waiting. Either way they are told, with the way
/// to another slot. None when it was closed in between.
///
/// # Errors
/// When the database fails.
pub async fn note_unheld(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Option<Appointment>, Fault> {
    let actor = Actor::System;
    let appointment = &lock(tx, appointment).await?;
    if now < appointment.ends_at.plus_minutes(OVERRUN_MINUTES) {
        return Ok(None);
    }
    if !meeting_link::citizen_came(tx, &appointment.id).await? {
        return match note_no_show(tx, keys, appointment, &actor, now).await {
            Ok(absent) => Ok(Some(absent)),
            Err(NoShowError::Fault(fault)) => Err(fault),
            Err(_) => Ok(None),
        };
    }
    match end_as_unheld(tx, keys, appointment, &actor, now).await {
        Ok(closed) => Ok(Some(closed)),
        Err(MoveError::Fault(fault)) => Err(fault),
        Err(MoveError::NotFound | MoveError::NotAllowed { .. }) => Ok(None),
    }
}

/// Ends an appointment to which the person came and nobody let them in, and tells
/// them how to take another slot.
///
/// # Errors
/// [`MoveError`].
pub async fn end_as_unheld(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, MoveError> {
    let (to, reason) = (State::CancelledByUnit, Reason::NotOpened);
    let closed = move_because(tx, appointment, to, Some(reason), actor, now).await?;
    messages::cancelled_by_unit(tx, keys, &closed, reason, now).await?;
    Ok(closed)
}
