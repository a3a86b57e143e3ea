//! Taking a recurring range of a desk back, and giving it again. The row stays, with who
//! took it back and when, so that the last change can be undone: giving it again only
//! opens, and so harms nobody.

use super::recurrence::{Range, day_of};
use super::{Desk, OpeningHours, Unit, openings, store};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// A recurring range with its desk, as long as the desk is open.
///
/// # Errors
/// When the database fails.
pub async fn find_hours(
    tx: &mut Tx,
    id: &Id,
) -> Result<Option<(OpeningHours, Option<Timestamp>)>, Fault> {
    let Some(hours) = store::find_opening_hours(tx, id).await? else {
        return Ok(None);
    };
    let removed_at = store::find_hours_removed_at(tx, id).await?;
    Ok(Some((hours, removed_at.and_then(|(at,)| at))))
}

/// Takes a range back; gives whether it held until now. The caller has seen to the
/// appointments within it: this slice knows none.
///
/// # Errors
/// When the database fails.
pub async fn remove_hours(
    tx: &mut Tx,
    desk: &Desk,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, desk.unit_id.as_str()).await?;
    let removed = store::mark_hours_removed(tx, id, actor, now).await?;
    if removed {
        note(tx, desk, id, "desk.remove_hours", actor, now).await?;
    }
    Ok(removed)
}

/// Gives a range again that was taken back; gives whether it had been.
///
/// # Errors
/// When the database fails.
pub async fn restore_hours(
    tx: &mut Tx,
    desk: &Desk,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, desk.unit_id.as_str()).await?;
    let restored = store::mark_hours_restored(tx, id).await?;
    if restored {
        note(tx, desk, id, "desk.restore_hours", actor, now).await?;
    }
    Ok(restored)
}

async fn note(
    tx: &mut Tx,
    desk: &Desk,
    id: &Id,
    act: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let (object, detail) = (format!("desk/{}", desk.id), format!("hours={id}"));
    audit::append(tx, desk.unit_id.as_str(), now, actor, act, &object, &detail).await
}

/// What a unit's desks are open for, with one range and without it.
#[derive(Debug)]
pub struct Without {
    hours: Vec<OpeningHours>,
    exceptions: Vec<(Id, String)>,
    removed: Id,
}

impl Without {
    /// Reads what decides it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(tx: &mut Tx, unit: &Unit, removed: &Id) -> Result<Self, Fault> {
        Ok(Without {
            hours: store::list_opening_hours(tx, &unit.id).await?,
            exceptions: store::list_exceptions(tx, &unit.id).await?,
            removed: removed.clone(),
        })
    }

    /// Whether a time of a desk is open with the range and no more without it.
    #[must_use]
    pub fn needs_it(&self, unit: &Unit, desk_id: &Id, time: Range) -> bool {
        let zone = unit.zone();
        let days = (day_of(time.from, zone), day_of(time.to, zone));
        let open = |with_it: bool| {
            let ranges = self
                .hours
                .iter()
                .filter(|hours| hours.desk_id == *desk_id)
                .filter(|hours| with_it || hours.id != self.removed)
                .flat_map(|hours| openings(hours, &self.exceptions, zone, days));
            covered(time, ranges.collect())
        };
        open(true) && !open(false)
    }
}

/// Whether ranges, one after the other, leave no gap within a time.
fn covered(time: Range, mut ranges: Vec<Range>) -> bool {
    ranges.sort();
    let mut reached = time.from;
    for range in ranges {
        if range.from <= reached {
            reached = reached.max(range.to);
        }
    }
    reached >= time.to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_covered_when_ranges_together_leave_no_gap_in_it() {
        let range = |from, to| Range {
            from: Timestamp(from),
            to: Timestamp(to),
        };
        for (ranges, expected) in [
            (vec![], false),
            (vec![range(10, 20)], true),
            (vec![range(0, 30)], true),
            (vec![range(11, 30)], false),
            (vec![range(0, 19)], false),
            (vec![range(15, 20), range(10, 15)], true),
            (vec![range(10, 14), range(15, 20)], false),
            (vec![range(0, 12), range(11, 18), range(16, 40)], true),
            (vec![range(20, 30)], false),
        ] {
            assert_eq!(
                covered(range(10, 20), ranges.clone()),
                expected,
                "{ranges:?}"
            );
        }
    }
}
