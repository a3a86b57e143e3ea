//! Appointments and their lifecycle. A desk is never occupied twice because
//! `desk_occupancy` has one row per desk and five minutes; a state moves only
//! along the table in [`lifecycle`]. It knows nothing of rooms or records.
//!
//! Operations that take or give back a unit's time first take the lock of the
//! unit's journal, then look, then act: so they follow one another within a
//! unit, and never wait for another unit. The primary key of `desk_occupancy`
//! keeps the promise even where somebody forgets.

mod agenda;
pub mod calendar_file;
pub mod lifecycle;
pub mod meeting_link;
mod messages;
mod pages;
mod reference;
mod store;
mod view;

#[cfg(test)]
mod tests;

use crate::audit::{self, Actor};
use crate::calendar::{self, Slot, Unit, slots};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration;
use crate::error::Fault;
use crate::keys::Keys;
use crate::routes::Routes;
use crate::text_enum;

/// A chosen slot is kept this long while the person checks and confirms.
pub const HOLD_MINUTES: i64 = 5;

text_enum! {
    /// State of an appointment.
    State {
        /// Held while the form is filled.
        Held = "held",
        /// Confirmed.
        Booked = "booked",
        /// The officer opened the room.
        Open = "open",
        /// The person was admitted.
        InHearing = "in_hearing",
        /// The hearing is over.
        Closed = "closed",
        /// Called off by the person.
        CancelledByCitizen = "cancelled_by_citizen",
        /// Called off by the unit.
        CancelledByUnit = "cancelled_by_unit",
        /// The person never came.
        NoShow = "no_show",
        /// The hold ran out.
        Expired = "expired",
        /// Given to another unit.
        Transferred = "transferred",
        /// Goes on in person.
        ConvertedInPerson = "converted_in_person",
    }
}

/// A slot taken by a person.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Appointment {
    /// Key.
    pub id: Id,
    /// What a person reads aloud.
    pub reference: String,
    /// Unit.
    pub unit_id: Id,
    /// Desk.
    pub desk_id: Id,
    /// Case it is about.
    pub case_id: Id,
    /// Who booked.
    pub citizen_id: Id,
    /// Officer, assigned late.
    pub officer_id: Option<Id>,
    /// Start.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// State.
    pub state: State,
    /// End of the hold, while held.
    pub held_until: Option<Timestamp>,
}

/// A slot as a citizen chose it.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Who books.
    pub citizen_id: &'a Id,
    /// About which case.
    pub case_id: &'a Id,
    /// Where.
    pub unit: &'a Unit,
    /// When.
    pub starts_at: Timestamp,
}

/// Why a slot is not held. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Somebody has it, or it is not offered (any more).
    #[error("the slot is not free")]
    SlotTaken,
    /// The case has an appointment already: this one.
    #[error("the case has an appointment already")]
    AlreadyBooked(Id),
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an appointment is not confirmed. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// There is none, or not this person's.
    #[error("no such appointment")]
    NotFound,
    /// The hold ran out before.
    #[error("the hold ran out")]
    HoldExpired(Box<Appointment>),
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an appointment is not called off. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is none, or not this person's.
    #[error("no such appointment")]
    NotFound,
    /// The notice has passed, or the hearing has begun.
    #[error("too late to call off")]
    TooLate,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an appointment does not move. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is none.
    #[error("no such appointment")]
    NotFound,
    /// The table has no such step.
    #[error("an appointment does not go from {from} to {to}")]
    NotAllowed {
        /// Where it is.
        from: State,
        /// Where it was to go.
        to: State,
    },
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Reads an appointment.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, id: &Id) -> Result<Option<Appointment>, Fault> {
    store::find(tx, id).await
}

/// Reads an appointment of that citizen; another's is as if there were none.
///
/// # Errors
/// When the database fails.
pub async fn find_of_citizen(
    tx: &mut Tx,
    id: &Id,
    citizen_id: &Id,
) -> Result<Option<Appointment>, Fault> {
    let found = store::find(tx, id).await?;
    Ok(found.filter(|appointment| appointment.citizen_id == *citizen_id))
}

/// A citizen's appointments, the latest booking first.
///
/// # Errors
/// When the database fails.
pub async fn list_of_citizen(tx: &mut Tx, citizen_id: &Id) -> Result<Vec<Appointment>, Fault> {
    store::list_of_citizen(tx, citizen_id).await
}

/// The confirmed appointments of a unit that start in a window, in order.
///
/// # Errors
/// When the database fails.
pub async fn list_of_unit(
    tx: &mut Tx,
    unit_id: &Id,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Appointment>, Fault> {
    store::list_of_unit(tx, unit_id, from, to).await
}

/// How many people still expect a hearing at a desk, live holds included.
///
/// # Errors
/// When the database fails.
pub async fn count_expected(
    tx: &mut Tx,
    desk: &calendar::Desk,
    now: Timestamp,
) -> Result<i64, Fault> {
    store::count_expected(tx, &desk.id, &desk.unit_id, now).await
}

/// The case for which a citizen may choose a slot: the draft, else the latest
/// case whose appointments all fell through.
///
/// # Errors
/// When the database fails.
pub async fn case_to_book(
    tx: &mut Tx,
    citizen_id: &Id,
) -> Result<Option<declaration::Declaration>, Fault> {
    if let Some(draft) = declaration::find_draft(tx, citizen_id).await? {
        return Ok(Some(draft));
    }
    match store::find_case_without_appointment(tx, citizen_id).await? {
        Some((case_id,)) => declaration::find(tx, &case_id).await,
        None => Ok(None),
    }
}

/// Keeps a slot for a few minutes. Asked again for the same slot, gives the
/// same hold without prolonging it; asked for another, gives the first back.
///
/// # Errors
/// [`HoldError`].
pub async fn hold(
    tx: &mut Tx,
    choice: Choice<'_>,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    let actor = Actor::Citizen(choice.citizen_id.clone());
    let former = store::find_live(tx, choice.case_id).await?;
    lock_units(tx, &choice.unit.id, former.as_ref()).await?;
    if let Some(former) = store::find_live(tx, choice.case_id).await? {
        if former.state != State::Held {
            return Err(HoldError::AlreadyBooked(former.id));
        }
        let same = former.starts_at == choice.starts_at && former.unit_id == choice.unit.id;
        if same && former.held_until.is_some_and(|until| until > now) {
            return Ok(former);
        }
        expire(tx, &former.id, &actor, now).await?;
    }
    let slot = calendar::offered_at(tx, choice.unit, choice.starts_at, now)
        .await?
        .ok_or(HoldError::SlotTaken)?;
    let held = claim(tx, choice, &slot, now).await?;
    store::insert_move(tx, &held.id, None, State::Held, &actor, now).await?;
    audit::append(
        tx,
        held.unit_id.as_str(),
        now,
        &actor,
        "appointment.hold",
        &format!("appointment/{}", held.id),
        &format!("desk={} start={}", held.desk_id, held.starts_at.0),
    )
    .await?;
    Ok(held)
}

/// Locks the units whose time an act may touch, always in the same order, so
/// that two acts never wait for each other.
async fn lock_units(tx: &mut Tx, unit_id: &Id, former: Option<&Appointment>) -> Result<(), Fault> {
    let mut units = vec![unit_id];
    units.extend(former.map(|former| &former.unit_id));
    units.sort();
    units.dedup();
    for unit in units {
        audit::lock(tx, unit.as_str()).await?;
    }
    Ok(())
}

/// Writes the hold at the first desk that gives all the time it needs.
async fn claim(
    tx: &mut Tx,
    choice: Choice<'_>,
    slot: &Slot,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    let held_until = now.plus_minutes(HOLD_MINUTES);
    let mut appointment = Appointment {
        id: Id::random(),
        reference: reference::random(),
        unit_id: choice.unit.id.clone(),
        desk_id: slot.desks.first().ok_or(HoldError::SlotTaken)?.clone(),
        case_id: choice.case_id.clone(),
        citizen_id: choice.citizen_id.clone(),
        officer_id: None,
        starts_at: slot.starts_at,
        ends_at: slot.ends_at,
        state: State::Held,
        held_until: Some(held_until),
    };
    while !store::insert_held(tx, &appointment, now).await? {
        // Either the case has just taken another slot, or the reference exists.
        if let Some(other) = store::find_live(tx, choice.case_id).await? {
            return Err(HoldError::AlreadyBooked(other.id));
        }
        appointment.reference = reference::random();
    }
    let (first, last) = slots::quanta(slot.starts_at, slot.ends_at, choice.unit.buffer_minutes);
    let wanted = u64::try_from(last - first + 1).unwrap_or_default();
    for desk_id in &slot.desks {
        for (expired,) in store::mark_expired_at(tx, desk_id, first, last, now).await? {
            note_expired(tx, &expired, &choice.unit.id, &Actor::System, now).await?;
        }
        let taken =
            store::insert_occupancy(tx, desk_id, first, last, &appointment.id, held_until).await?;
        if taken == wanted {
            store::set_desk(tx, &appointment.id, desk_id).await?;
            appointment.desk_id = desk_id.clone();
            return Ok(appointment);
        }
        store::delete_occupancy(tx, &appointment.id).await?;
    }
    Err(HoldError::SlotTaken)
}

/// Ends a hold whose time ran out, or that its owner gives up.
async fn expire(tx: &mut Tx, id: &Id, actor: &Actor, now: Timestamp) -> Result<(), Fault> {
    if let Some(expired) = store::mark_moved(tx, id, State::Held, State::Expired).await? {
        note_expired(tx, id, &expired.unit_id, actor, now).await?;
    }
    Ok(())
}

async fn note_expired(
    tx: &mut Tx,
    id: &Id,
    unit_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    store::delete_occupancy(tx, id).await?;
    store::insert_move(tx, id, Some(State::Held), State::Expired, actor, now).await?;
    let object = format!("appointment/{id}");
    audit::append(
        tx,
        unit_id.as_str(),
        now,
        actor,
        "appointment.expire",
        &object,
        "",
    )
    .await
}

/// Confirms a hold: appointment, declaration, link, messages and journal in one
/// transaction. Asked again, gives the same appointment and does nothing.
///
/// # Errors
/// [`ConfirmError`].
pub async fn confirm(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Appointment, ConfirmError> {
    let found = find_of_citizen(tx, appointment_id, citizen_id)
        .await?
        .ok_or(ConfirmError::NotFound)?;
    audit::lock(tx, found.unit_id.as_str()).await?;
    let Some(booked) = store::mark_booked(tx, appointment_id, citizen_id, now).await? else {
        // Confirmed before, called off since, or never in time: read again, for
        // it may have changed while this transaction waited.
        let found = store::find(tx, appointment_id)
            .await?
            .ok_or(ConfirmError::NotFound)?;
        return match found.state {
            State::Held | State::Expired => Err(ConfirmError::HoldExpired(Box::new(found))),
            _ => Ok(found),
        };
    };
    if store::keep_occupancy(tx, appointment_id).await? == 0 {
        return Err(Fault::other(format!("hold {appointment_id} occupies nothing")).into());
    }
    let actor = Actor::Citizen(citizen_id.clone());
    store::insert_move(
        tx,
        appointment_id,
        Some(State::Held),
        State::Booked,
        &actor,
        now,
    )
    .await?;
    let declaration = declaration::find(tx, &booked.case_id)
        .await?
        .ok_or_else(|| Fault::other(format!("case {} has no declaration", booked.case_id)))?;
    if declaration.submitted_at.is_none() {
        declaration::submit(tx, &booked.case_id, now).await?;
    }
    audit::append(
        tx,
        booked.unit_id.as_str(),
        now,
        &actor,
        "appointment.book",
        &format!("appointment/{appointment_id}"),
        &format!(
            "case={} desk={} start={}",
            booked.case_id, booked.desk_id, booked.starts_at.0
        ),
    )
    .await?;
    let link = meeting_link::issue(
        tx,
        &booked,
        meeting_link::LinkRole::Citizen,
        &actor.to_string(),
        now,
    )
    .await?;
    messages::booked(tx, keys, &booked, &declaration, link, now).await?;
    Ok(booked)
}

/// Holds and confirms in one go, for a person whose choice needs no second look.
///
/// # Errors
/// [`HoldError`].
pub async fn book(
    tx: &mut Tx,
    keys: &Keys,
    choice: Choice<'_>,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    let held = hold(tx, choice, now).await?;
    match confirm(tx, keys, choice.citizen_id, &held.id, now).await {
        Ok(booked) => Ok(booked),
        Err(ConfirmError::Fault(fault)) => Err(fault.into()),
        // The hold was written by this very transaction: nobody else saw it.
        Err(ConfirmError::NotFound | ConfirmError::HoldExpired(_)) => Err(HoldError::SlotTaken),
    }
}

/// Until when a citizen may call an appointment off.
#[must_use]
pub fn cancel_limit(appointment: &Appointment, unit: &Unit) -> Timestamp {
    appointment.starts_at.plus_minutes(-unit.notice_minutes)
}

/// Calls an appointment off for the person who booked it: gives the time back,
/// kills the links, tells the person. Asked again, does nothing.
///
/// # Errors
/// [`CancelError`].
pub async fn cancel(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Appointment, CancelError> {
    let found = find_of_citizen(tx, appointment_id, citizen_id)
        .await?
        .ok_or(CancelError::NotFound)?;
    let unit = calendar::find_unit(tx, &found.unit_id)
        .await?
        .ok_or_else(|| Fault::other(format!("unit {} is missing", found.unit_id)))?;
    if found.state == State::CancelledByCitizen {
        return Ok(found);
    }
    if found.state == State::Booked && now > cancel_limit(&found, &unit) {
        return Err(CancelError::TooLate);
    }
    let actor = Actor::Citizen(citizen_id.clone());
    let cancelled = match move_to(tx, &found, State::CancelledByCitizen, &actor, now).await {
        Ok(cancelled) => cancelled,
        Err(MoveError::NotFound) => return Err(CancelError::NotFound),
        Err(MoveError::NotAllowed {
            from: State::CancelledByCitizen,
            ..
        }) => {
            return Ok(found);
        }
        Err(MoveError::NotAllowed { .. }) => return Err(CancelError::TooLate),
        Err(MoveError::Fault(fault)) => return Err(fault.into()),
    };
    if let Some(declaration) = declaration::find(tx, &cancelled.case_id).await? {
        messages::cancelled(tx, keys, &cancelled, &declaration, now).await?;
    }
    Ok(cancelled)
}

/// Moves an appointment along the table: the one way its state changes once it
/// is booked. Where the new state takes no desk, its time is given back and its
/// links are taken back. Tells nobody: the caller knows what to say.
///
/// # Errors
/// [`MoveError`].
pub async fn move_to(
    tx: &mut Tx,
    appointment: &Appointment,
    to: State,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, MoveError> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let from = store::find(tx, &appointment.id)
        .await?
        .ok_or(MoveError::NotFound)?
        .state;
    if !lifecycle::allows(from, to) {
        return Err(MoveError::NotAllowed { from, to });
    }
    let moved = store::mark_moved(tx, &appointment.id, from, to)
        .await?
        .ok_or(MoveError::NotAllowed { from, to })?;
    store::insert_move(tx, &moved.id, Some(from), to, actor, now).await?;
    if !to.occupies_desk() {
        store::delete_occupancy(tx, &moved.id).await?;
        meeting_link::revoke_all(tx, &moved.id, now).await?;
    }
    audit::append(
        tx,
        moved.unit_id.as_str(),
        now,
        actor,
        "appointment.move",
        &format!("appointment/{}", moved.id),
        &format!("from={from} to={to}"),
    )
    .await?;
    Ok(moved)
}

/// The free slots nearest to an instant, in order of time.
///
/// # Errors
/// When the database fails.
pub async fn nearest_slots(
    tx: &mut Tx,
    unit: &Unit,
    wanted: Timestamp,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Slot>, Fault> {
    // Most often the same week will do; the whole horizon only when it does not.
    let week = 7 * 24 * 60;
    let near = (wanted.plus_minutes(-week), wanted.plus_minutes(week));
    let far = (now, calendar::end_of_horizon(unit, now));
    let mut slots = Vec::new();
    for (from, to) in [near, far] {
        slots = calendar::offered_slots(tx, unit, from, to, now).await?;
        if slots.len() >= count {
            break;
        }
    }
    slots.sort_by_key(|slot| slot.starts_at.0.abs_diff(wanted.0));
    slots.truncate(count);
    slots.sort_by_key(|slot| slot.starts_at);
    Ok(slots)
}

/// The slice's routes.
pub fn router() -> Routes {
    pages::router().merge(agenda::router())
}
