//! Moving an appointment to another slot of its unit, by either side. It stays the
//! same appointment with the same reference; its link is issued anew, because the
//! former one opens at the former hour.

use super::anonymous::{self, Change};
use super::claim::{self, Taken};
use super::lifecycle::Party;
use super::{
    Appointment, Reason, State, assignment, cancel_limit, declaration_of, earlier, guests,
    lifecycle, meeting_link, messages, store, unit_of,
};
use crate::audit::{self, Actor};
use crate::calendar;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;

/// Why an appointment does not move to another slot. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum RescheduleError {
    /// There is none.
    #[error("no such appointment")]
    NotFound,
    /// The notice has passed, the hearing has begun, or it is over.
    #[error("too late to move")]
    TooLate,
    /// Somebody has that slot, or it is not offered (any more).
    #[error("the slot is not free")]
    SlotTaken,
    /// The person is expected in this appointment at that time.
    #[error("the person has another appointment at that time")]
    OwnTime(Id),
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Moves an appointment and tells everybody. The caller has checked that the actor
/// may act on it. Moved there before, it is left alone.
///
/// # Errors
/// [`RescheduleError`].
pub async fn reschedule(
    tx: &mut Tx,
    keys: &Keys,
    appointment_id: &Id,
    starts_at: Timestamp,
    reason: Option<Reason>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, RescheduleError> {
    let unit_id = store::find(tx, appointment_id)
        .await?
        .ok_or(RescheduleError::NotFound)?
        .unit_id;
    audit::lock(tx, unit_id.as_str()).await?;
    // Read again under the lock: it may have changed while this act waited.
    let former = store::find(tx, appointment_id)
        .await?
        .ok_or(RescheduleError::NotFound)?;
    if !lifecycle::allows_actor(former.state, State::Booked, actor) || former.state == State::Held {
        return Err(RescheduleError::TooLate);
    }
    if former.starts_at == starts_at {
        return Ok(former);
    }
    let unit = unit_of(tx, &unit_id).await?;
    let by_citizen = Party::of(actor) == Some(Party::Citizen);
    let limit = if by_citizen {
        cancel_limit(&former, &unit)
    } else {
        former.ends_at
    };
    if now > limit {
        return Err(RescheduleError::TooLate);
    }
    let offered = earlier::end(tx, &former.id, now).await?.flatten();
    // Its own time is free for the new slot, which may overlap the former.
    store::delete_occupancy(tx, &former.id).await?;
    let offering = if by_citizen {
        unit.clone()
    } else {
        unit.for_officers()
    };
    let slot = calendar::offered_at(tx, &offering, starts_at, now)
        .await?
        .ok_or(RescheduleError::SlotTaken)?;
    let who = (&former.id, &former.citizen_id);
    let desk_id = match claim::take(tx, who, &unit, &slot, None, now).await? {
        Taken::Desk(desk_id) => desk_id,
        Taken::OwnTime(other) => return Err(RescheduleError::OwnTime(other)),
        Taken::Nothing => return Err(RescheduleError::SlotTaken),
    };
    let moved = store::mark_rescheduled(tx, &former, &desk_id, slot.starts_at, slot.ends_at)
        .await?
        .ok_or(RescheduleError::TooLate)?;
    let (from, to) = (Some(State::Booked), State::Booked);
    store::insert_move(tx, &moved.id, from, to, reason, actor, now).await?;
    assignment::follow(tx, keys, &moved, actor, now).await?;
    audit::append(
        tx,
        unit_id.as_str(),
        now,
        actor,
        "appointment.reschedule",
        &format!("appointment/{}", moved.id),
        &format!(
            "desk={} start={} former-desk={} former-start={} reason={}",
            moved.desk_id,
            moved.starts_at.0,
            former.desk_id,
            former.starts_at.0,
            reason.map_or("-", Reason::as_str)
        ),
    )
    .await?;
    if moved.is_anonymous() {
        // Nobody here is told, and nobody of theirs waits for an earlier slot.
        anonymous::note(tx, &moved, Change::Moved, now).await?;
        return Ok(moved);
    }
    let person = Actor::Citizen(moved.citizen_id.clone()).to_string();
    let role = meeting_link::LinkRole::Citizen;
    let link = meeting_link::issue(tx, &moved, role, &person, now).await?;
    let declaration = declaration_of(tx, &moved.case_id).await?;
    let template = if by_citizen { "moved" } else { "moved-by-unit" };
    messages::moved(
        tx,
        keys,
        (&former, &moved),
        &declaration,
        template,
        link,
        now,
    )
    .await?;
    guests::tell_moved(tx, keys, &moved, now).await?;
    if by_citizen {
        messages::tell_unit(tx, keys, &moved, "unit-moved", now).await?;
        earlier::freed(tx, keys, &unit_id, former.starts_at, now).await?;
    }
    if let Some(offered) = offered.filter(|offered| *offered != moved.starts_at) {
        earlier::freed(tx, keys, &unit_id, offered, now).await?;
    }
    Ok(moved)
}
