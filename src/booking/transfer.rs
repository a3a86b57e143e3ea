//! Giving a case to another unit of the department before its hearing. The case
//! goes there whole, with all that was told; the appointment ends, because its desk
//! is the former unit's, and the person chooses a slot of the new one. The journal
//! of both units has it.

use super::{
    Appointment, MoveError, State, assignment, calendar, claim, declaration, guests, messages,
    move_to,
};
use crate::audit::{self, Actor};
use crate::calendar::Unit;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::keys::Keys;

/// The units an appointment may be given to: the others of its department that
/// have a desk open.
///
/// # Errors
/// When the database fails.
pub async fn list_targets(tx: &mut Tx, unit: &Unit) -> Result<Vec<Unit>, Fault> {
    let mut targets = Vec::new();
    for other in calendar::list_open_units(tx, &unit.department).await? {
        if other.id != unit.id && !calendar::list_desks(tx, &other.id).await?.is_empty() {
            targets.push(other);
        }
    }
    Ok(targets)
}

/// Gives the case of a booked appointment to another unit and tells the person and
/// that unit. The caller has checked that the actor serves the present unit and that
/// the other one may receive it.
///
/// # Errors
/// [`MoveError`].
pub async fn transfer(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    target: &Unit,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, MoveError> {
    let units = vec![appointment.unit_id.clone(), target.id.clone()];
    claim::lock_units(tx, units).await?;
    // Read again under its lock: it may just have closed.
    let stands = calendar::find_unit(tx, &target.id).await?;
    if stands.is_none_or(|unit| unit.closed_at.is_some()) {
        return Err(MoveError::NotFound);
    }
    let given = move_to(tx, appointment, State::Transferred, actor, now).await?;
    if !declaration::reassign(tx, &given.case_id, &given.unit_id, &target.id).await? {
        return Err(MoveError::NotFound);
    }
    audit::append(
        tx,
        target.id.as_str(),
        now,
        actor,
        "case.receive",
        &format!("declaration/{}", given.case_id),
        &format!("appointment={} from={}", given.id, given.unit_id),
    )
    .await?;
    let declaration = super::declaration_of(tx, &given.case_id).await?;
    messages::transferred(tx, keys, &given, &declaration, target, now).await?;
    messages::tell_other_unit(tx, keys, &given, target, "unit-received", now).await?;
    guests::tell_cancelled(tx, keys, &given, now).await?;
    if let Some(officer_id) = &given.officer_id {
        let news = assignment::News::CalledOff;
        assignment::tell(tx, keys, &given, officer_id, news, actor, now).await?;
    }
    Ok(given)
}
