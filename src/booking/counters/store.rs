//! SQL of what is counted. Groups are of a fixed size in time, so that the rows that
//! come back do not grow with the people who came.

use crate::booking::State;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::fetch_all;

/// Every zone's midnight lies on a quarter of an hour.
pub(super) const QUARTER_MS: i64 = 900_000;

/// How many appointments of a state began in a quarter of an hour.
#[derive(sqlx::FromRow)]
pub(super) struct Count {
    pub(super) quarter: i64,
    pub(super) state: State,
    pub(super) count: i64,
    pub(super) waited_ms: i64,
}

pub(super) async fn count(
    tx: &mut Tx,
    department: &str,
    unit_id: Option<&Id>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Count>, Fault> {
    fetch_all!(
        tx,
        Count,
        "select starts_at / 900000 as quarter, state, count(*) as count,
                cast(sum(starts_at - coalesce(booked_at, created_at)) as bigint) as waited_ms
         from appointments
         where unit_id in (select id from units where department = $1 and (cast($2 as text) is null or id = $2))
           and starts_at >= $3 and starts_at < $4 and state not in ('held', 'expired')
         group by starts_at / 900000, state",
        department,
        unit_id,
        from,
        to
    )
}

/// How many appointments of a state a unit had.
#[derive(sqlx::FromRow)]
pub(super) struct UnitCount {
    pub(super) unit_id: Id,
    pub(super) state: State,
    pub(super) count: i64,
    pub(super) waited_ms: i64,
}

pub(super) async fn count_by_unit(
    tx: &mut Tx,
    department: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<UnitCount>, Fault> {
    fetch_all!(
        tx,
        UnitCount,
        "select unit_id, state, count(*) as count,
                cast(sum(starts_at - coalesce(booked_at, created_at)) as bigint) as waited_ms
         from appointments
         where unit_id in (select id from units where department = $1)
           and starts_at >= $2 and starts_at < $3 and state not in ('held', 'expired')
         group by unit_id, state",
        department,
        from,
        to
    )
}
