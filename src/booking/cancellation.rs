//! Calling an appointment off, by either side: the desk's time is given back, the
//! links are taken back, the other side is told, and the reason is kept as a code.

use super::{
    Appointment, MoveError, Reason, State, assignment, declaration_of, earlier, find_of_citizen,
    guests, lock, messages, move_because, store, unit_of,
};
use crate::audit::{self, Actor};
use crate::calendar::Unit;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;

/// Why an appointment is not called off. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is none, or not this person's.
    #[error("no such appointment")]
    NotFound,
    /// The notice has passed, the hearing has begun, or it is over.
    #[error("too late to call off")]
    TooLate,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Until when a citizen may call an appointment off or move it: the unit's notice
/// before the start.
#[must_use]
pub fn cancel_limit(appointment: &Appointment, unit: &Unit) -> Timestamp {
    appointment.starts_at.plus_minutes(-unit.notice_minutes)
}

/// Calls an appointment off for the person who booked it, and tells them and the
/// unit. Asked again, does nothing.
///
/// # Errors
/// [`CancelError`].
pub async fn cancel(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    appointment_id: &Id,
    reason: Reason,
    now: Timestamp,
) -> Result<Appointment, CancelError> {
    let found = find_of_citizen(tx, appointment_id, citizen_id)
        .await?
        .ok_or(CancelError::NotFound)?;
    let unit = unit_of(tx, &found.unit_id).await?;
    if found.state == State::Booked && now > cancel_limit(&found, &unit) {
        return Err(CancelError::TooLate);
    }
    let actor = Actor::Citizen(citizen_id.clone());
    let to = State::CancelledByCitizen;
    let Some((cancelled, offered)) = call_off(tx, keys, &found, to, reason, &actor, now).await?
    else {
        return Ok(found);
    };
    let declaration = declaration_of(tx, &cancelled.case_id).await?;
    messages::cancelled(tx, keys, &cancelled, &declaration, now).await?;
    guests::tell_cancelled(tx, keys, &cancelled, now).await?;
    messages::tell_unit(tx, keys, &cancelled, "unit-cancelled", now).await?;
    for starts_at in offered.into_iter().chain([cancelled.starts_at]) {
        earlier::freed(tx, keys, &cancelled.unit_id, starts_at, now).await?;
    }
    Ok(cancelled)
}

/// Calls an appointment off for the unit, as long as nobody opened its room, and
/// tells the person why and how to take another slot. The caller has checked that
/// the actor serves the unit. Asked again, does nothing.
///
/// # Errors
/// [`CancelError`].
pub async fn cancel_by_unit(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    reason: Reason,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, CancelError> {
    let appointment = &lock(tx, appointment).await?;
    // A room that is open is closed by the officer who opened it.
    if appointment.state == State::Open {
        return Err(CancelError::TooLate);
    }
    let to = State::CancelledByUnit;
    let done = call_off(tx, keys, appointment, to, reason, actor, now).await?;
    let Some((cancelled, offered)) = done else {
        return Ok(appointment.clone());
    };
    messages::cancelled_by_unit(tx, keys, &cancelled, reason, now).await?;
    guests::tell_cancelled(tx, keys, &cancelled, now).await?;
    // For every other reason the unit could hold nobody else's hearing either.
    let own = (reason == Reason::AskedByPerson).then_some(cancelled.starts_at);
    for starts_at in offered.into_iter().chain(own) {
        earlier::freed(tx, keys, &cancelled.unit_id, starts_at, now).await?;
    }
    Ok(cancelled)
}

/// Takes the step, and gives the earlier slot that was held for the appointment, if
/// one was; none when the step was taken before.
async fn call_off(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    to: State,
    reason: Reason,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<(Appointment, Option<Timestamp>)>, CancelError> {
    if appointment.state == to {
        return Ok(None);
    }
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let offered = earlier::end(tx, &appointment.id, now).await?.flatten();
    match move_because(tx, appointment, to, Some(reason), actor, now).await {
        Ok(cancelled) => {
            if let Some(officer_id) = &cancelled.officer_id {
                let news = assignment::News::CalledOff;
                assignment::tell(tx, keys, &cancelled, officer_id, news, actor, now).await?;
            }
            Ok(Some((cancelled, offered)))
        }
        Err(MoveError::NotFound) => Err(CancelError::NotFound),
        // Two requests met: the other one did it.
        Err(MoveError::NotAllowed { from, .. }) if from == to => Ok(None),
        Err(MoveError::NotAllowed { .. }) => Err(CancelError::TooLate),
        Err(MoveError::Fault(fault)) => Err(fault.into()),
    }
}

/// The reason an appointment's present state was given, if one was.
///
/// # Errors
/// When the database fails.
pub(super) async fn last_reason(tx: &mut Tx, id: &Id) -> Result<Option<Reason>, Fault> {
    let row = store::find_last_reason(tx, id).await?;
    Ok(row.and_then(|(reason,)| reason))
}
