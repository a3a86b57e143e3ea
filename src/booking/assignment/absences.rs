//! When an officer is away, and handing over what they were to hold. Entering an
//! absence and handing everything over is one transaction: either nobody is asked for
//! twice and nothing is forgotten, or nothing has changed.

use super::{AssignError, Colleague, overlaps_any, plan, store};
use crate::audit::{self, Actor};
use crate::booking::Appointment;
use crate::calendar::recurrence::Range;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;

/// An officer's absence, for a unit.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AwayOfficer {
    /// Key.
    pub id: Id,
    /// Who is away.
    pub officer_id: Id,
    /// The unit that entered it; it holds for every unit.
    pub unit_id: Id,
    /// Start.
    pub from_at: Timestamp,
    /// End.
    pub to_at: Timestamp,
}

/// An absence as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct NewAbsence<'a> {
    /// The unit.
    pub unit_id: &'a Id,
    /// Who is away.
    pub officer_id: &'a Id,
    /// When.
    pub range: Range,
}

/// One appointment of an absent officer, with those who could take it.
#[derive(Clone, Debug)]
pub(super) struct Handover {
    pub(super) appointment: Appointment,
    /// Colleagues who are free then.
    pub(super) free: Vec<Id>,
    /// The one proposed: free, and with the fewest so far.
    pub(super) proposed: Option<Id>,
}

/// What an absence would leave without its officer, and who could take it.
///
/// # Errors
/// When the database fails.
pub(super) async fn review(
    tx: &mut Tx,
    absence: NewAbsence<'_>,
    colleagues: &[Colleague],
) -> Result<Vec<Handover>, Fault> {
    let NewAbsence {
        unit_id,
        officer_id,
        range,
    } = absence;
    let appointments = store::list_of_officer(tx, unit_id, officer_id, range).await?;
    // A hearing may reach past either end of the absence.
    let from = appointments
        .iter()
        .map(|a| a.starts_at)
        .min()
        .unwrap_or(range.from);
    let to = appointments
        .iter()
        .map(|a| a.ends_at)
        .max()
        .unwrap_or(range.to);
    let mut busy = Vec::new();
    for colleague in colleagues
        .iter()
        .filter(|colleague| colleague.id != *officer_id)
    {
        let times = store::list_busy(tx, &colleague.id, Range { from, to }).await?;
        busy.push((colleague.id.clone(), times));
    }
    let times: Vec<Range> = appointments.iter().map(time_of).collect();
    let proposed = plan::propose(&times, &busy);
    let handovers = appointments
        .into_iter()
        .zip(proposed)
        .map(|(appointment, proposed)| {
            let time = time_of(&appointment);
            let free = busy
                .iter()
                .filter(|(_, taken)| !overlaps_any(time, taken))
                .map(|(id, _)| id.clone())
                .collect();
            Handover {
                appointment,
                free,
                proposed,
            }
        });
    Ok(handovers.collect())
}

fn time_of(appointment: &Appointment) -> Range {
    Range {
        from: appointment.starts_at,
        to: appointment.ends_at,
    }
}

/// Enters an absence and hands over what falls into it: `to` says to whom, appointment
/// by appointment; what it does not name becomes nobody's. The caller holds the unit's
/// lock. Sent twice it is entered once.
///
/// # Errors
/// [`AssignError`], with the appointment it is about; then the transaction must be
/// dropped.
pub(super) async fn enter(
    tx: &mut Tx,
    keys: &Keys,
    absence: NewAbsence<'_>,
    to: &[(Id, Id)],
    actor: &Actor,
    now: Timestamp,
) -> Result<(), (Option<Appointment>, AssignError)> {
    let fault = |fault: Fault| (None, AssignError::Fault(fault));
    let NewAbsence {
        unit_id,
        officer_id,
        range,
    } = absence;
    let standing = store::list_absences(tx, unit_id, now)
        .await
        .map_err(fault)?;
    let again = standing.iter().any(|known| {
        known.officer_id == *officer_id && (known.from_at, known.to_at) == (range.from, range.to)
    });
    if !again {
        insert(tx, absence, actor, now).await.map_err(fault)?;
    }
    let left = store::list_of_officer(tx, unit_id, officer_id, range)
        .await
        .map_err(fault)?;
    for appointment in left {
        let wanted = to.iter().find(|(id, _)| *id == appointment.id);
        let colleague = wanted.map(|(_, colleague)| colleague);
        super::assign(tx, keys, &appointment.id, colleague, actor, now)
            .await
            .map_err(|error| (Some(appointment), error))?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    absence: NewAbsence<'_>,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let row = AwayOfficer {
        id: Id::random(),
        officer_id: absence.officer_id.clone(),
        unit_id: absence.unit_id.clone(),
        from_at: absence.range.from,
        to_at: absence.range.to,
    };
    store::insert_absence(tx, &row, &actor.to_string(), now).await?;
    audit::append(
        tx,
        row.unit_id.as_str(),
        now,
        actor,
        "officer-absence.add",
        &format!("officer-absence/{}", row.id),
        &format!(
            "officer={} from={} to={}",
            row.officer_id, row.from_at.0, row.to_at.0
        ),
    )
    .await
}

/// Takes an absence of a unit back; what was handed over stays with whom it is. Taken
/// back before, nothing happens; false when the unit has no such absence.
///
/// # Errors
/// When the database fails.
pub(super) async fn take_back(
    tx: &mut Tx,
    id: &Id,
    unit_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let removed = store::mark_absence_removed(tx, id, unit_id, &actor.to_string(), now).await?;
    let Some(removed) = removed else {
        return store::is_absence(tx, id, unit_id).await;
    };
    audit::append(
        tx,
        unit_id.as_str(),
        now,
        actor,
        "officer-absence.remove",
        &format!("officer-absence/{id}"),
        &format!("officer={}", removed.officer_id),
    )
    .await?;
    Ok(true)
}
