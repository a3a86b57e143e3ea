//! Appointments and their lifecycle. A desk is never occupied twice because
//! `desk_occupancy` has one row per desk and five minutes; a state moves only
//! along the table in [`lifecycle`]. It knows nothing of rooms or records.
//!
//! Operations that take or give back a unit's time first take the lock of the
//! unit's journal, then look, then act: so they follow one another within a
//! unit, and never wait for another unit. The primary key of `desk_occupancy`
//! keeps the promise even where somebody forgets. A person's own time is kept in
//! `citizen_occupancy` the same way.

mod absence;
mod agenda;
mod allowance;
pub mod anonymous;
mod anonymous_pages;
mod assignment;
pub mod assisted;
mod banner;
pub mod calendar_file;
mod cancellation;
mod claim;
pub mod counters;
mod delay;
pub mod earlier;
mod feeds;
pub mod guests;
pub mod lifecycle;
mod mass_cancellation;
pub mod meeting_link;
mod messages;
mod neighbours;
pub mod officers;
mod pages;
mod reasons;
mod reassign;
mod reference;
mod relink;
mod reschedule;
mod reschedule_pages;
mod store;
mod transfer;
pub mod unit_closing;
mod unit_pages;
mod view;

#[cfg(test)]
mod tests;

use crate::audit::{self, Actor};
use crate::calendar::{self, Slot, Unit};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration;
use crate::error::Fault;
use crate::keys::Keys;
use crate::routes::Routes;
use crate::text_enum;

pub use absence::{
    LATE_MINUTES, NO_SHOW_MINUTES, NoShowError, end_as_no_show, end_as_unheld, note_late,
    note_no_show, note_unheld,
};
pub use allowance::{ALLOWANCE_DAYS, ALLOWED_BOOKINGS};
pub use banner::announce;
pub use cancellation::{CancelError, cancel, cancel_by_unit, cancel_limit};
use claim::Taken;
pub use delay::{Delay, find_delay};
pub use reasons::Reason;
pub use reassign::{Displaced, list_displaced, list_displaced_without, list_uncovered, reassign};
pub use reschedule::{RescheduleError, reschedule};
pub use transfer::{list_targets, transfer};

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
    /// How often it was moved to another slot.
    pub sequence: i64,
    /// When it was noted that nobody had come, some minutes after the start.
    pub late_at: Option<Timestamp>,
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
    /// The person is expected in this appointment at that time.
    #[error("the person has another appointment at that time")]
    OwnTime(Id),
    /// The person has this live appointment for the same facts, told in another case.
    #[error("the person has an appointment for the same facts")]
    SameFacts(Id),
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
    /// No address or number of the person is confirmed: the link would go nowhere, or
    /// to a stranger.
    #[error("no way to reach the person is confirmed")]
    NotReachable,
    /// The person confirmed as many appointments lately as one may.
    #[error("the person confirmed {ALLOWED_BOOKINGS} appointments in {ALLOWANCE_DAYS} days")]
    TooMany,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an appointment does not change its state. The transaction must be dropped.
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
    keys: &Keys,
    choice: Choice<'_>,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    let actor = Actor::Citizen(choice.citizen_id.clone());
    hold_as(tx, keys, choice, &actor, now).await
}

/// The same, done by somebody.
async fn hold_as(
    tx: &mut Tx,
    keys: &Keys,
    choice: Choice<'_>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    let former = store::find_live(tx, choice.case_id).await?;
    let mut units = vec![choice.unit.id.clone()];
    units.extend(former.map(|former| former.unit_id));
    let lapsed = store::list_units_of_lapsed(tx, choice.citizen_id, now).await?;
    units.extend(lapsed.into_iter().map(|(unit_id,)| unit_id));
    claim::lock_units(tx, units).await?;
    claim::end_lapsed_holds(tx, choice.citizen_id, now).await?;
    if let Some(former) = store::find_live(tx, choice.case_id).await? {
        if former.state != State::Held {
            return Err(HoldError::AlreadyBooked(former.id));
        }
        if former.starts_at == choice.starts_at && former.unit_id == choice.unit.id {
            return Ok(former);
        }
        expire(tx, &former.id, actor, now).await?;
    }
    let slot = calendar::offered_at(tx, choice.unit, choice.starts_at, now)
        .await?
        .ok_or(HoldError::SlotTaken)?;
    let held = write_hold(tx, keys, choice, &slot, now).await?;
    store::insert_move(tx, &held.id, None, State::Held, None, actor, now).await?;
    audit::append(
        tx,
        held.unit_id.as_str(),
        now,
        actor,
        "appointment.hold",
        &format!("appointment/{}", held.id),
        &format!("desk={} start={}", held.desk_id, held.starts_at.0),
    )
    .await?;
    Ok(held)
}

/// Writes the hold and takes its time.
async fn write_hold(
    tx: &mut Tx,
    keys: &Keys,
    choice: Choice<'_>,
    slot: &Slot,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    let facts_mark = facts_mark(tx, keys, choice.case_id).await?;
    let facts_mark = facts_mark.as_deref();
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
        sequence: 0,
        late_at: None,
    };
    while !store::insert_held(tx, &appointment, facts_mark, now).await? {
        // The case has just taken another slot, its facts have one, or the
        // reference exists.
        if let Some(other) = store::find_live(tx, choice.case_id).await? {
            return Err(HoldError::AlreadyBooked(other.id));
        }
        let same = store::find_live_for_facts(tx, choice.citizen_id, facts_mark).await?;
        if let Some((other,)) = same {
            return Err(HoldError::SameFacts(other));
        }
        appointment.reference = reference::random();
    }
    let who = (&appointment.id, &appointment.citizen_id);
    match claim::take(tx, who, choice.unit, slot, Some(held_until), now).await? {
        Taken::Desk(desk_id) => {
            store::set_desk(tx, &appointment.id, &desk_id).await?;
            appointment.desk_id = desk_id;
            Ok(appointment)
        }
        Taken::OwnTime(other) => Err(HoldError::OwnTime(other)),
        Taken::Nothing => Err(HoldError::SlotTaken),
    }
}

async fn facts_mark(tx: &mut Tx, keys: &Keys, case_id: &Id) -> Result<Option<String>, Fault> {
    let declaration = declaration_of(tx, case_id).await?;
    let content = declaration::open_content(tx, keys, case_id).await?;
    Ok(declaration::facts_mark(keys, &declaration, &content))
}

async fn declaration_of(tx: &mut Tx, case_id: &Id) -> Result<declaration::Declaration, Fault> {
    declaration::find(tx, case_id)
        .await?
        .ok_or_else(|| Fault::other(format!("case {case_id} has no declaration")))
}

async fn unit_of(tx: &mut Tx, unit_id: &Id) -> Result<Unit, Fault> {
    calendar::find_unit(tx, unit_id)
        .await?
        .ok_or_else(|| Fault::other(format!("unit {unit_id} is missing")))
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
    let from = Some(State::Held);
    store::insert_move(tx, id, from, State::Expired, None, actor, now).await?;
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
    let actor = Actor::Citizen(citizen_id.clone());
    confirm_as(tx, keys, (citizen_id, appointment_id), &actor, now).await
}

/// The same, done by somebody whom the table lets.
async fn confirm_as(
    tx: &mut Tx,
    keys: &Keys,
    (citizen_id, appointment_id): (&Id, &Id),
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, ConfirmError> {
    if !lifecycle::allows_actor(State::Held, State::Booked, actor) {
        return Err(ConfirmError::NotFound);
    }
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
    // What an officer books for a person counts for nobody.
    let own = lifecycle::Party::of(actor) == Some(lifecycle::Party::Citizen);
    if own && !allowance::take(tx, citizen_id, now).await? {
        return Err(ConfirmError::TooMany);
    }
    store::insert_move(
        tx,
        appointment_id,
        Some(State::Held),
        State::Booked,
        None,
        actor,
        now,
    )
    .await?;
    let declaration = declaration_of(tx, &booked.case_id).await?;
    // Before it is submitted: that is a line of the receiving unit's journal, whose lock
    // this transaction has.
    declaration::received_by(tx, &booked.case_id, &booked.unit_id).await?;
    if declaration.submitted_at.is_none() {
        declaration::submit(tx, &booked.case_id, now).await?;
    }
    // Looked at only now: submitting has taken the declaration's lock, so that another
    // tab cannot change the address in between.
    let content = declaration::open_content(tx, keys, &booked.case_id).await?;
    if !content.is_reachable() {
        return Err(ConfirmError::NotReachable);
    }
    audit::append(
        tx,
        booked.unit_id.as_str(),
        now,
        actor,
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
        &Actor::Citizen(citizen_id.clone()).to_string(),
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
    let actor = Actor::Citizen(choice.citizen_id.clone());
    book_as(tx, keys, choice, &actor, now).await
}

/// The same, done by somebody.
async fn book_as(
    tx: &mut Tx,
    keys: &Keys,
    choice: Choice<'_>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    let held = hold_as(tx, keys, choice, actor, now).await?;
    match confirm_as(tx, keys, (choice.citizen_id, &held.id), actor, now).await {
        Ok(booked) => Ok(booked),
        Err(ConfirmError::Fault(fault)) => Err(fault.into()),
        // The hold was written by this very transaction: nobody else saw it.
        Err(ConfirmError::NotFound | ConfirmError::HoldExpired(_)) => Err(HoldError::SlotTaken),
        Err(ConfirmError::NotReachable | ConfirmError::TooMany) => {
            Err(Fault::other("a slot was chosen for a person who cannot have it").into())
        }
    }
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
    move_because(tx, appointment, to, None, actor, now).await
}

/// Takes the lock of an appointment's unit, and reads the appointment again: what was
/// read before may have changed while the lock was waited for.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, appointment: &Appointment) -> Result<Appointment, Fault> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let found = store::find(tx, &appointment.id).await?;
    Ok(found.unwrap_or_else(|| appointment.clone()))
}

/// Notes that an officer holds the hearing, whoever was to: that one's time is free.
///
/// # Errors
/// When the database fails.
pub async fn taken_over(tx: &mut Tx, appointment_id: &Id, officer_id: &Id) -> Result<(), Fault> {
    assignment::release_others(tx, appointment_id, officer_id).await
}

/// The same with the reason, where there is one.
async fn move_because(
    tx: &mut Tx,
    appointment: &Appointment,
    to: State,
    reason: Option<Reason>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, MoveError> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let from = store::find(tx, &appointment.id)
        .await?
        .ok_or(MoveError::NotFound)?
        .state;
    if !lifecycle::allows_actor(from, to, actor) {
        return Err(MoveError::NotAllowed { from, to });
    }
    let moved = store::mark_moved(tx, &appointment.id, from, to)
        .await?
        .ok_or(MoveError::NotAllowed { from, to })?;
    store::insert_move(tx, &moved.id, Some(from), to, reason, actor, now).await?;
    if !to.is_live() {
        earlier::end(tx, &moved.id, now).await?;
        store::delete_own_time(tx, &moved.id).await?;
        messages::withdraw(tx, &moved, now).await?;
    }
    if let (true, Some(change)) = (moved.is_anonymous(), anonymous::meaning(to)) {
        anonymous::note(tx, &moved, change, now).await?;
    }
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
        &reason.map_or_else(
            || format!("from={from} to={to}"),
            |reason| format!("from={from} to={to} reason={reason}"),
        ),
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
    pages::router()
        .merge(reschedule_pages::router())
        .merge(earlier::router())
        .merge(guests::pages::router())
        .merge(agenda::router())
        .merge(unit_pages::router())
        .merge(relink::router())
        .merge(assignment::router())
        .merge(delay::router())
        .merge(feeds::router())
        .merge(anonymous_pages::router())
        .merge(assisted::pages::router())
        .merge(mass_cancellation::router())
}
