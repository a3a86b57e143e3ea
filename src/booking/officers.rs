//! What one officer has to do with a unit, for those who administer it: hearings to come,
//! absences, calendars they subscribed to. Hours and references; nobody who comes.

use super::{Appointment, assignment, feeds};
use crate::calendar::recurrence::Range;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// An officer's part in a unit's calendar.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Hearings they are to hold or are holding, in order.
    pub hearings: Vec<Appointment>,
    /// When they are away, as far as it is not over.
    pub absences: Vec<Range>,
    /// Secret addresses of calendars that still answer.
    pub feeds: Vec<FeedInUse>,
}

/// A calendar's secret address, without the secret.
#[derive(Clone, Debug)]
pub struct FeedInUse {
    /// When it was given.
    pub issued_at: Timestamp,
    /// The day it was last read, `YYYY-MM-DD`; none while nobody did.
    pub read_day: Option<String>,
}

/// An officer's part in a unit's calendar.
///
/// # Errors
/// When the database fails.
pub async fn work_in(
    tx: &mut Tx,
    unit_id: &Id,
    officer_id: &Id,
    now: Timestamp,
) -> Result<Work, Fault> {
    let feeds = feeds::list_of_owner(tx, officer_id, unit_id).await?;
    Ok(Work {
        hearings: assignment::list_to_hold(tx, unit_id, officer_id).await?,
        absences: assignment::list_absences_of(tx, unit_id, officer_id, now).await?,
        feeds: feeds
            .into_iter()
            .map(|feed| FeedInUse {
                issued_at: feed.issued_at,
                read_day: feed.read_day,
            })
            .collect(),
    })
}
