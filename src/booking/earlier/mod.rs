//! The waiting list for an earlier slot. Whoever asked is offered, in the order of
//! asking, a slot that a person gives back: its desk is held for them until a
//! deadline, and what they leave goes to the next one. An offer is made in the very
//! transaction that frees the slot, so nobody else can take it in between. It offers
//! nothing that was already free when they booked.

mod job;
mod pages;
mod store;

pub use job::run;
pub(super) use pages::{EarlierView, router};

use super::{
    Appointment, Reason, RescheduleError, State, cancel_limit, claim, declaration_of, messages,
    reschedule, unit_of,
};
use crate::audit::{self, Actor};
use crate::calendar::{self, Unit, slots};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;

/// An offered slot is held this long.
pub const OFFER_MINUTES: i64 = 120;
/// A slot that would have to be answered sooner than this is offered to nobody: it
/// goes back to the list that everybody sees.
pub const SHORTEST_OFFER_MINUTES: i64 = 15;

/// A slot held for somebody on the waiting list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Offer {
    /// Whose appointment could move there.
    pub appointment_id: Id,
    /// Start of the slot.
    pub starts_at: Timestamp,
    /// Desk that is held.
    pub desk_id: Id,
    /// Until when.
    pub until_at: Timestamp,
}

/// Why an offered slot is not taken. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The deadline has passed, or the offer was answered.
    #[error("the offer is over")]
    Over,
    /// It could not be moved there after all.
    #[error(transparent)]
    NotMoved(RescheduleError),
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Until when an offer made now may be answered; none when that is too soon.
#[must_use]
pub fn deadline(starts_at: Timestamp, notice_minutes: i64, now: Timestamp) -> Option<Timestamp> {
    let last = starts_at.plus_minutes(-notice_minutes);
    let until = now.plus_minutes(OFFER_MINUTES).min(last);
    (until >= now.plus_minutes(SHORTEST_OFFER_MINUTES)).then_some(until)
}

/// Puts an appointment on the waiting list, at the end of it; asked again, its place
/// stays. False when the appointment can no longer move.
///
/// # Errors
/// When the database fails.
pub async fn ask(tx: &mut Tx, appointment: &Appointment, now: Timestamp) -> Result<bool, Fault> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let unit = unit_of(tx, &appointment.unit_id).await?;
    if now > cancel_limit(appointment, &unit) {
        return Ok(false);
    }
    match store::insert_wish(tx, &appointment.id, now).await? {
        store::Asked::Never => Ok(false),
        store::Asked::Before => Ok(true),
        store::Asked::Now => {
            note(tx, appointment, "appointment.ask_earlier", "", now).await?;
            Ok(true)
        }
    }
}

/// Takes an appointment off the list. What it was offered goes to the next one.
///
/// # Errors
/// When the database fails.
pub async fn renounce(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    if let Some(given_back) = end(tx, &appointment.id, now).await? {
        note(tx, appointment, "appointment.stop_earlier", "", now).await?;
        if let Some(starts_at) = given_back {
            freed(tx, keys, &appointment.unit_id, starts_at, now).await?;
        }
    }
    Ok(())
}

/// The appointment moves, or is over: it waits for nothing any more. Gives whether
/// it did wait, and the slot it was offered, which the caller passes on.
pub(super) async fn end(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Option<Option<Timestamp>>, Fault> {
    if !store::mark_wish_ended(tx, appointment_id, now).await? {
        return Ok(None);
    }
    let open = store::mark_offer_ended(tx, appointment_id, "void", now).await?;
    if let Some(offer) = &open {
        store::delete_held(tx, offer).await?;
    }
    Ok(Some(open.map(|offer| offer.starts_at)))
}

/// Offers a slot that has just become free to the first who asked, if there is
/// somebody whom it helps. The caller holds the lock of the unit.
///
/// # Errors
/// When the database fails.
pub(super) async fn freed(
    tx: &mut Tx,
    keys: &Keys,
    unit_id: &Id,
    starts_at: Timestamp,
    now: Timestamp,
) -> Result<(), Fault> {
    // Somebody had it and gave it back: it is released, whatever its share.
    let unit = unit_of(tx, unit_id).await?.for_officers();
    let Some(until_at) = deadline(starts_at, unit.notice_minutes, now) else {
        return Ok(());
    };
    let Some(slot) = calendar::offered_at(tx, &unit, starts_at, now).await? else {
        return Ok(());
    };
    let (first, last) = slots::quanta(slot.starts_at, slot.ends_at, 0);
    let Some(next) = store::find_next(tx, unit_id, starts_at, (first, last)).await? else {
        return Ok(());
    };
    let desk_id = claim::take_desk(tx, &next.id, &unit, &slot, Some(until_at), now).await?;
    let Some(desk_id) = desk_id else {
        return Ok(());
    };
    let offer = Offer {
        appointment_id: next.id.clone(),
        starts_at,
        desk_id,
        until_at,
    };
    if !store::insert_offer(tx, &offer, now).await? {
        return Err(Fault::other(
            "an offer was made twice under the unit's lock",
        ));
    }
    note_by(
        tx,
        &next,
        &Actor::System,
        "appointment.offer_earlier",
        &offer,
        now,
    )
    .await?;
    let declaration = declaration_of(tx, &next.case_id).await?;
    messages::earlier(tx, keys, &next, &declaration, &offer, now).await
}

/// Moves an appointment to the slot that it was offered. Taken before, it is left
/// where it is.
///
/// # Errors
/// [`TakeError`].
pub async fn take(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Appointment, TakeError> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let Some(offer) = store::mark_offer_taken(tx, &appointment.id, now).await? else {
        let taken = store::was_taken(tx, &appointment.id).await?;
        let present = super::store::find(tx, &appointment.id).await?;
        return match present {
            Some(present) if taken == Some(present.starts_at) => Ok(present),
            _ => Err(TakeError::Over),
        };
    };
    let actor = Actor::Citizen(appointment.citizen_id.clone());
    let reason = Some(Reason::Earlier);
    let id = &appointment.id;
    match reschedule(tx, keys, id, offer.starts_at, reason, &actor, now).await {
        Ok(moved) => Ok(moved),
        Err(RescheduleError::Fault(fault)) => Err(fault.into()),
        Err(other) => Err(TakeError::NotMoved(other)),
    }
}

/// Leaves the offered slot to the next one, and stays on the list.
///
/// # Errors
/// When the database fails.
pub async fn decline(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let offer = store::mark_offer_ended(tx, &appointment.id, "declined", now).await?;
    let by = Actor::Citizen(appointment.citizen_id.clone());
    pass_on(tx, keys, appointment, offer, &by, now).await
}

/// Ends an offer whose deadline passed, and passes it on.
pub(super) async fn lapse(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let offer = store::mark_offer_lapsed(tx, &appointment.id, now).await?;
    let lapsed = offer.is_some();
    pass_on(tx, keys, appointment, offer, &Actor::System, now).await?;
    Ok(lapsed)
}

async fn pass_on(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    offer: Option<Offer>,
    by: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(offer) = offer else {
        return Ok(());
    };
    store::delete_held(tx, &offer).await?;
    note_by(
        tx,
        appointment,
        by,
        "appointment.leave_earlier",
        &offer,
        now,
    )
    .await?;
    freed(tx, keys, &appointment.unit_id, offer.starts_at, now).await
}

/// The slot held for an appointment at this moment.
///
/// # Errors
/// When the database fails.
pub async fn find_offer(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<Option<Offer>, Fault> {
    store::find_open(tx, appointment_id, now).await
}

async fn note(
    tx: &mut Tx,
    appointment: &Appointment,
    act: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let actor = Actor::Citizen(appointment.citizen_id.clone());
    let object = format!("appointment/{}", appointment.id);
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        &actor,
        act,
        &object,
        detail,
    )
    .await
}

async fn note_by(
    tx: &mut Tx,
    appointment: &Appointment,
    actor: &Actor,
    act: &str,
    offer: &Offer,
    now: Timestamp,
) -> Result<(), Fault> {
    let object = format!("appointment/{}", appointment.id);
    let detail = format!(
        "desk={} start={} until={}",
        offer.desk_id, offer.starts_at.0, offer.until_at.0
    );
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        actor,
        act,
        &object,
        &detail,
    )
    .await
}

/// Whether the page may offer the list at all.
fn may_wait(appointment: &Appointment, unit: &Unit, now: Timestamp) -> bool {
    appointment.state == State::Booked && now <= cancel_limit(appointment, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_held_two_hours_or_until_the_notice_and_never_for_minutes() {
        let now = Timestamp(0);
        for (starts_in, notice, expected) in [
            (600, 0, Some(120)),
            (600, 480, Some(120)),
            (600, 500, Some(100)),
            (90, 0, Some(90)),
            (15, 0, Some(15)),
            (14, 0, None),
            (60, 46, None),
            (60, 45, Some(15)),
            (-10, 0, None),
        ] {
            let until = deadline(now.plus_minutes(starts_in), notice, now);
            let expected = expected.map(|minutes| now.plus_minutes(minutes));
            assert_eq!(until, expected, "{starts_in} {notice}");
        }
    }
}
