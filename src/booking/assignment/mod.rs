//! Which officer of the unit is to hold which hearing. Desks are booked, officers
//! come later: by hand, several at once, or in place of a colleague who is away.
//! Nobody outside the unit is told, since nobody outside was told a name; the officer
//! is, by a message of their own. An officer's time is kept in `officer_occupancy`, whose primary key is the promise
//! that nobody is expected at two hearings at once, whatever unit they are of.
//!
//! It does not know who may assign whom: the pages do.

mod absences;
mod letters;
mod pages;
mod plan;
mod replacement_pages;
mod store;

use crate::audit::{self, Actor};
use crate::booking::{Appointment, State};
use crate::calendar::recurrence::Range;
use crate::calendar::slots;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::identity::{Role, empowerments};
use crate::keys::Keys;
use crate::routes::Routes;

pub(super) use letters::{News, tell};
pub(super) use pages::unit_of_admin;
pub(super) use store::{list_rio_of_unit, release, release_others};

/// An officer of a unit who may be given a hearing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colleague {
    /// Key.
    pub id: Id,
    /// Administrative number.
    pub rio: String,
    /// Name, for those who administer the unit.
    pub name: String,
}

/// Why an appointment is not given to somebody. The transaction must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum AssignError {
    /// Its room is open, or it is over.
    #[error("the appointment is {0}")]
    WrongState(State),
    /// The officer does not serve its unit.
    #[error("the officer does not serve the unit")]
    NotOfUnit,
    /// The officer is expected at another hearing at that time.
    #[error("the officer has another hearing at that time")]
    Busy,
    /// The officer is away at that time.
    #[error("the officer is away at that time")]
    Away,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Who may be given hearings of a unit, by administrative number.
///
/// # Errors
/// When the database fails or a sealed identity does not open.
pub async fn list_colleagues(
    tx: &mut Tx,
    keys: &Keys,
    unit_id: &Id,
) -> Result<Vec<Colleague>, Fault> {
    let mut colleagues: Vec<Colleague> = Vec::new();
    for held in empowerments::list(tx, keys, unit_id).await? {
        let serves = held.revoked.is_none() && held.role != Role::Auditor;
        // Two rights in one unit are one person.
        if serves && !colleagues.iter().any(|known| known.id == held.officer_id) {
            colleagues.push(Colleague {
                id: held.officer_id,
                rio: held.rio,
                name: held.name,
            });
        }
    }
    colleagues.sort_by(|left, right| left.rio.cmp(&right.rio));
    Ok(colleagues)
}

/// The hearings of a unit that an officer is to hold or is holding, in order.
///
/// # Errors
/// When the database fails.
pub(super) async fn list_to_hold(
    tx: &mut Tx,
    unit_id: &Id,
    officer_id: &Id,
) -> Result<Vec<Appointment>, Fault> {
    store::list_to_hold(tx, unit_id, officer_id).await
}

/// When an officer of a unit is away, as far as it is not over.
///
/// # Errors
/// When the database fails.
pub(super) async fn list_absences_of(
    tx: &mut Tx,
    unit_id: &Id,
    officer_id: &Id,
    now: Timestamp,
) -> Result<Vec<Range>, Fault> {
    let absences = store::list_absences(tx, unit_id, now).await?;
    let own = absences
        .into_iter()
        .filter(|absence| absence.officer_id == *officer_id);
    Ok(own
        .map(|absence| Range {
            from: absence.from_at,
            to: absence.to_at,
        })
        .collect())
}

/// Gives a booked appointment to an officer, or to nobody; gives whether that changed
/// anything. Whoever gets it or loses it is told. The caller holds the lock of the unit.
///
/// # Errors
/// [`AssignError`].
pub async fn assign(
    tx: &mut Tx,
    keys: &Keys,
    appointment_id: &Id,
    officer_id: Option<&Id>,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, AssignError> {
    let appointment = super::find(tx, appointment_id)
        .await?
        .ok_or_else(|| Fault::other(format!("appointment {appointment_id} is missing")))?;
    if appointment.state != State::Booked {
        return Err(AssignError::WrongState(appointment.state));
    }
    if appointment.officer_id.as_ref() == officer_id {
        return Ok(false);
    }
    if let Some(officer_id) = officer_id {
        if !store::serves(tx, officer_id, &appointment.unit_id).await? {
            return Err(AssignError::NotOfUnit);
        }
        if store::is_away(tx, officer_id, appointment.starts_at, appointment.ends_at).await? {
            return Err(AssignError::Away);
        }
    }
    store::release(tx, appointment_id).await?;
    if let Some(officer_id) = officer_id
        && !take(tx, &appointment, officer_id).await?
    {
        return Err(AssignError::Busy);
    }
    store::set_officer(tx, appointment_id, officer_id).await?;
    if let Some(former) = &appointment.officer_id {
        tell(tx, keys, &appointment, former, News::Taken, actor, now).await?;
    }
    if let Some(officer_id) = officer_id {
        tell(tx, keys, &appointment, officer_id, News::Given, actor, now).await?;
    }
    let word = |id: Option<&Id>| id.map_or("-", Id::as_str).to_owned();
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        actor,
        "appointment.assign",
        &format!("appointment/{appointment_id}"),
        &format!(
            "officer={} former-officer={}",
            word(officer_id),
            word(appointment.officer_id.as_ref())
        ),
    )
    .await?;
    Ok(true)
}

/// The same for several; gives those it was refused for, and then the transaction must
/// be dropped: either all of them are given or none.
///
/// # Errors
/// When the database fails.
pub async fn assign_all(
    tx: &mut Tx,
    keys: &Keys,
    appointments: &[Appointment],
    officer_id: Option<&Id>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Vec<(Id, AssignError)>, Fault> {
    let mut refused = Vec::new();
    for Appointment { id, .. } in appointments {
        match assign(tx, keys, id, officer_id, actor, now).await {
            Ok(_) => {}
            Err(AssignError::Fault(fault)) => return Err(fault),
            Err(error) => {
                // What was taken of its time says nothing about the next one.
                store::release(tx, id).await?;
                refused.push((id.clone(), error));
            }
        }
    }
    Ok(refused)
}

/// After an appointment was moved: its officer goes with it if they are free then,
/// else it is nobody's until somebody says whose; they are told which. The caller holds the unit's lock.
///
/// # Errors
/// When the database fails.
pub(super) async fn follow(
    tx: &mut Tx,
    keys: &Keys,
    moved: &Appointment,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(officer_id) = &moved.officer_id else {
        return Ok(());
    };
    let away = store::is_away(tx, officer_id, moved.starts_at, moved.ends_at).await?;
    if !away && take(tx, moved, officer_id).await? {
        return tell(tx, keys, moved, officer_id, News::Moved, actor, now).await;
    }
    store::release(tx, &moved.id).await?;
    store::set_officer(tx, &moved.id, None).await?;
    tell(tx, keys, moved, officer_id, News::Taken, actor, now).await?;
    audit::append(
        tx,
        moved.unit_id.as_str(),
        now,
        actor,
        "appointment.assign",
        &format!("appointment/{}", moved.id),
        &format!("officer=- former-officer={officer_id}"),
    )
    .await
}

/// Takes an officer's time for an appointment; false where they are expected elsewhere,
/// and then the rows it left must be released or the transaction dropped.
async fn take(tx: &mut Tx, appointment: &Appointment, officer_id: &Id) -> Result<bool, Fault> {
    let (first, last) = slots::quanta(appointment.starts_at, appointment.ends_at, 0);
    let taken = store::insert_occupancy(tx, officer_id, first, last, &appointment.id).await?;
    Ok(i64::try_from(taken) == Ok(last - first + 1))
}

/// Whether a time shares an instant with one of several.
fn overlaps_any(range: Range, others: &[Range]) -> bool {
    others.iter().any(|other| range.overlaps(other))
}

pub(super) fn router() -> Routes {
    pages::router().merge(replacement_pages::router())
}
