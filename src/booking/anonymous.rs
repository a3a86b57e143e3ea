//! Appointments of a person whom this service does not know: the front end of
//! another service booked them and hears the person itself. They take desks from
//! everybody else exactly as a citizen's do, by the same rows of `desk_occupancy`, so
//! neither side books twice what the other has.
//!
//! All of them are one citizen's here, [`PERSON`], who has no login, no time of their
//! own and nothing to be told; each has an empty case of its own. No room opens for
//! them: the unit notes that the person was heard, or did not come. Each change is
//! also a row of `anonymous_changes`, from which others are told. This file knows
//! neither who asks nor how they are told.

use super::{
    Appointment, HoldError, MoveError, State, claim, earlier, messages, move_to, reference, store,
};
use crate::audit::{self, Actor};
use crate::calendar::{self, Unit};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::identity::people;
use crate::keys::Keys;
use crate::{declaration, execute, fetch_optional, text_enum};

/// The citizen who stands for everybody unknown.
pub const PERSON: &str = "anonymous";

text_enum! {
    /// What happened to such an appointment.
    Change {
        /// It was booked.
        Created = "created",
        /// It is at another time or another desk.
        Moved = "moved",
        /// Either side called it off.
        Cancelled = "cancelled",
        /// The person was heard.
        Seen = "seen",
        /// The person did not come.
        NoShow = "noshow",
        /// It was erased.
        Deleted = "deleted",
    }
}

/// The two integers by which others know such an appointment and its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The appointment's.
    pub appointment: i64,
    /// The person's.
    pub person: i64,
}

impl Appointment {
    /// Whether its person is unknown here.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.citizen_id.as_str() == PERSON
    }
}

/// Books a slot for somebody unknown. The numbers were given out for it alone.
///
/// # Errors
/// [`HoldError::SlotTaken`] when no desk is free then, or a fault. The transaction must
/// be dropped.
pub async fn book_anonymous(
    tx: &mut Tx,
    keys: &Keys,
    unit: &Unit,
    starts_at: Timestamp,
    numbers: Numbers,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    audit::lock(tx, unit.id.as_str()).await?;
    let slot = calendar::offered_at(tx, unit, starts_at, now)
        .await?
        .ok_or(HoldError::SlotTaken)?;
    let person = Id::from(PERSON);
    people::ensure_anonymous(tx, keys, &person, now).await?;
    let case_id = declaration::open_anonymous(tx, keys, &person, &unit.id, now).await?;
    let mut appointment = Appointment {
        id: Id::random(),
        reference: reference::random(),
        unit_id: unit.id.clone(),
        desk_id: slot.desks.first().ok_or(HoldError::SlotTaken)?.clone(),
        case_id,
        citizen_id: person,
        officer_id: None,
        starts_at: slot.starts_at,
        ends_at: slot.ends_at,
        state: State::Booked,
        held_until: None,
        sequence: 0,
        late_at: None,
    };
    while !insert_booked(tx, &appointment, now).await? {
        // The case is new, so it is the reference that exists.
        appointment.reference = reference::random();
    }
    let id = appointment.id.clone();
    let desk_id = claim::take_desk(tx, &id, unit, &slot, None, now)
        .await?
        .ok_or(HoldError::SlotTaken)?;
    store::set_desk(tx, &id, &desk_id).await?;
    appointment.desk_id = desk_id;
    insert_numbers(tx, &id, numbers, actor).await?;
    store::insert_move(tx, &id, None, State::Held, None, actor, now).await?;
    store::insert_move(tx, &id, Some(State::Held), State::Booked, None, actor, now).await?;
    audit::append(
        tx,
        unit.id.as_str(),
        now,
        actor,
        "appointment.book",
        &format!("appointment/{id}"),
        &format!(
            "desk={} start={} number={}",
            appointment.desk_id, appointment.starts_at.0, numbers.appointment
        ),
    )
    .await?;
    note(tx, &appointment, Change::Created, now).await?;
    Ok(appointment)
}

/// Calls one off for the person, at any time before it was held. Called off before, it
/// is left alone.
///
/// # Errors
/// [`MoveError`].
pub async fn cancel_anonymous(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, MoveError> {
    let found = super::lock(tx, appointment).await?;
    if found.state == State::CancelledByCitizen {
        return Ok(found);
    }
    let cancelled = move_to(tx, &found, State::CancelledByCitizen, actor, now).await?;
    earlier::freed(tx, keys, &cancelled.unit_id, cancelled.starts_at, now).await?;
    Ok(cancelled)
}

/// Notes that the unit heard the person, elsewhere than in a room of this service.
/// Noted before, it is left alone.
///
/// # Errors
/// [`MoveError`]; an appointment that is not anonymous is as if there were none.
pub async fn note_heard(
    tx: &mut Tx,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, MoveError> {
    let found = super::lock(tx, appointment).await?;
    if !found.is_anonymous() || now < found.starts_at {
        return Err(MoveError::NotFound);
    }
    if found.state == State::Closed {
        return Ok(found);
    }
    move_to(tx, &found, State::Closed, actor, now).await
}

/// Erases one as if it had never been: appointment, case and key. What stays is a line
/// of the journal and the row that others are told from.
///
/// # Errors
/// When the database fails.
pub async fn erase_anonymous(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let found = super::lock(tx, appointment).await?;
    let (id, case_id) = (&found.id, &found.case_id);
    if !found.is_anonymous() || !note(tx, &found, Change::Deleted, now).await? {
        // Erased while this act waited for the lock.
        return Ok(());
    }
    messages::withdraw(tx, &found, now).await?;
    store::delete_occupancy(tx, id).await?;
    execute!(
        tx,
        "delete from appointment_moves where appointment_id = $1",
        id
    )?;
    execute!(
        tx,
        "delete from anonymous_appointments where appointment_id = $1",
        id
    )?;
    execute!(tx, "delete from appointments where id = $1", id)?;
    declaration::forget_anonymous(tx, case_id).await?;
    let (chain, object) = (found.unit_id.as_str(), format!("appointment/{id}"));
    let detail = format!("state={} start={}", found.state, found.starts_at.0);
    audit::append(tx, chain, now, actor, "appointment.erase", &object, &detail).await?;
    if found.state.is_live() && found.starts_at > now {
        earlier::freed(tx, keys, &found.unit_id, found.starts_at, now).await?;
    }
    Ok(())
}

/// What a step means to those who are told; nothing where it is none of their affair.
#[must_use]
pub(super) fn meaning(to: State) -> Option<Change> {
    match to {
        State::CancelledByCitizen | State::CancelledByUnit | State::Transferred => {
            Some(Change::Cancelled)
        }
        State::Closed | State::ConvertedInPerson => Some(Change::Seen),
        State::NoShow => Some(Change::NoShow),
        State::Held | State::Booked | State::Open | State::InHearing | State::Expired => None,
    }
}

/// Writes what happened, as the appointment stands now; gives whether there was
/// anything to write, which for a citizen's appointment there is not. The caller holds
/// the lock of the unit, so the numbers follow one another.
///
/// # Errors
/// When the database fails.
pub(super) async fn note(
    tx: &mut Tx,
    appointment: &Appointment,
    change: Change,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into anonymous_changes (unit_id, seq, kind, number, person_number, desk_id, starts_at, ends_at,
             state, booked_at, at)
         select a.unit_id,
                (select coalesce(max(c.seq), 0) + 1 from anonymous_changes c where c.unit_id = a.unit_id),
                cast($2 as text), n.number, n.person_number, a.desk_id, a.starts_at, a.ends_at, a.state,
                a.created_at, cast($3 as bigint)
         from anonymous_appointments n join appointments a on a.id = n.appointment_id
         where n.appointment_id = $1",
        &appointment.id,
        change,
        now
    )?;
    Ok(rows == 1)
}

/// The anonymous appointment of a unit that has this number.
///
/// # Errors
/// When the database fails.
pub async fn find_by_number(
    tx: &mut Tx,
    unit_id: &Id,
    number: i64,
) -> Result<Option<Appointment>, Fault> {
    let row = fetch_optional!(
        tx,
        (Id,),
        "select n.appointment_id from anonymous_appointments n join appointments a on a.id = n.appointment_id
         where n.number = $1 and a.unit_id = $2",
        number,
        unit_id
    )?;
    match row {
        Some((id,)) => store::find(tx, &id).await,
        None => Ok(None),
    }
}

async fn insert_booked(
    tx: &mut Tx,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into appointments (id, reference, unit_id, desk_id, case_id, citizen_id, starts_at, ends_at,
             state, booked_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'booked', $9, $9)
         on conflict do nothing",
        &appointment.id,
        &appointment.reference,
        &appointment.unit_id,
        &appointment.desk_id,
        &appointment.case_id,
        &appointment.citizen_id,
        appointment.starts_at,
        appointment.ends_at,
        now
    )?;
    Ok(rows == 1)
}

async fn insert_numbers(
    tx: &mut Tx,
    id: &Id,
    numbers: Numbers,
    actor: &Actor,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into anonymous_appointments (appointment_id, number, person_number, booked_by)
         values ($1, $2, $3, $4)",
        id,
        numbers.appointment,
        numbers.person,
        actor.to_string()
    )?;
    Ok(())
}
