//! What a unit owes people when it closes: who is still expected there, whom a change of
//! coverage leaves untouched, and where the cases go that have no appointment yet. It
//! closes nothing.

use std::collections::BTreeMap;

use super::{Appointment, store};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration;
use crate::error::Fault;

/// Whoever is expected in a unit or being heard there, live holds included, in order.
///
/// # Errors
/// When the database fails.
pub async fn list_expected_in(
    tx: &mut Tx,
    unit_id: &Id,
    now: Timestamp,
) -> Result<Vec<Appointment>, Fault> {
    store::list_expected_in(tx, unit_id, now).await
}

/// How many appointments people of a department's communes have and keep, by INSEE code.
///
/// # Errors
/// When the database fails.
pub async fn count_kept(tx: &mut Tx, department: &str) -> Result<BTreeMap<String, i64>, Fault> {
    let rows = store::count_live_by_commune(tx, department).await?;
    Ok(rows.into_iter().collect())
}

/// How many cases of a unit still look for a time there.
///
/// # Errors
/// When the database fails.
pub async fn count_waiting_cases(tx: &mut Tx, unit_id: &Id) -> Result<i64, Fault> {
    let row = store::count_waiting_cases(tx, unit_id).await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Gives the cases of a unit that still look for a time to another one; with none they
/// are told that nobody receives them by video. Gives how many. The caller holds the lock
/// of the unit's journal and writes the line.
///
/// # Errors
/// When the database fails.
pub async fn send_on_waiting_cases(
    tx: &mut Tx,
    unit_id: &Id,
    heir: Option<&Id>,
) -> Result<usize, Fault> {
    let cases = store::list_waiting_cases(tx, unit_id).await?;
    for (case_id,) in &cases {
        declaration::send_on(tx, case_id, unit_id, heir).await?;
    }
    Ok(cases.len())
}
