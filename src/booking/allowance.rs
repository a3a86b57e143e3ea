//! How many appointments one identity may confirm in a month: enough for anybody who was
//! a victim, few for whoever books to resell or to spoil. One identity of FranceConnect is
//! one person, so a fleet of bots needs as many people.
//!
//! Each confirmation uses up a place under a primary key, whatever becomes of the
//! appointment; the place is free again after thirty days. Moving an appointment needs
//! none, and what an officer books for a person counts for nobody.

use super::store;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// How many appointments a person may confirm in [`ALLOWANCE_DAYS`].
pub const ALLOWED_BOOKINGS: i64 = 10;
/// How long a confirmation counts, in days.
pub const ALLOWANCE_DAYS: i64 = 30;

/// Uses up a place of a person; gives whether there was one. Two confirmations at the same
/// moment never share one: the one that comes second is told there is none, or finds
/// another.
///
/// # Errors
/// When the database fails.
pub(super) async fn take(tx: &mut Tx, citizen_id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let free_since = now.plus_minutes(-ALLOWANCE_DAYS * 24 * 60);
    // Each turn that finds its place taken meanwhile looks at one place less.
    for _ in 0..ALLOWED_BOOKINGS {
        let Some((place,)) =
            store::find_place(tx, citizen_id, free_since, ALLOWED_BOOKINGS).await?
        else {
            return Ok(false);
        };
        if store::take_place(tx, citizen_id, place, free_since, now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
