//! SQL of the addresses of calendars, and of what they tell.

use super::Feed;
use crate::booking::agenda::Whose;
use crate::booking::calendar_file::FeedEntry;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

pub(super) async fn insert(
    tx: &mut Tx,
    id: &Id,
    secret_hash: &str,
    owner_id: &Id,
    (unit_id, scope): (&Id, Whose),
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into calendar_feeds (id, secret_hash, owner_id, unit_id, scope, issued_at)
         values ($1, $2, $3, $4, $5, $6)",
        id,
        secret_hash,
        owner_id,
        unit_id,
        scope,
        now
    )?;
    Ok(())
}

/// Takes back the address that stands for the same calendar; gives which it was.
pub(super) async fn revoke_of(
    tx: &mut Tx,
    owner_id: &Id,
    unit_id: &Id,
    scope: Whose,
    now: Timestamp,
) -> Result<Option<(Id,)>, Fault> {
    fetch_optional!(
        tx,
        (Id,),
        "update calendar_feeds set revoked_at = $4
         where owner_id = $1 and unit_id = $2 and scope = $3 and revoked_at is null
         returning id",
        owner_id,
        unit_id,
        scope,
        now
    )
}

/// Takes one address of an officer back; gives its unit if it stood.
pub(super) async fn revoke(
    tx: &mut Tx,
    id: &Id,
    owner_id: &Id,
    now: Timestamp,
) -> Result<Option<(Id,)>, Fault> {
    fetch_optional!(
        tx,
        (Id,),
        "update calendar_feeds set revoked_at = $3
         where id = $1 and owner_id = $2 and revoked_at is null
         returning unit_id",
        id,
        owner_id,
        now
    )
}

/// Whether an address is an officer's, taken back or not.
pub(super) async fn is_of(tx: &mut Tx, id: &Id, owner_id: &Id) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select count(*) from calendar_feeds where id = $1 and owner_id = $2",
        id,
        owner_id
    )?;
    Ok(row.is_some_and(|(count,)| count > 0))
}

pub(super) async fn list_of(tx: &mut Tx, owner_id: &Id, unit_id: &Id) -> Result<Vec<Feed>, Fault> {
    fetch_all!(
        tx,
        Feed,
        "select id, owner_id, unit_id, scope, issued_at, read_day from calendar_feeds
         where owner_id = $1 and unit_id = $2 and revoked_at is null order by scope",
        owner_id,
        unit_id
    )
}

/// The feed behind a secret, as long as its owner serves the unit.
pub(super) async fn find_live(tx: &mut Tx, secret_hash: &str) -> Result<Option<Feed>, Fault> {
    fetch_optional!(
        tx,
        Feed,
        "select f.id, f.owner_id, f.unit_id, f.scope, f.issued_at, f.read_day from calendar_feeds f
         where f.secret_hash = $1 and f.revoked_at is null
           and exists (select 1 from empowerments e
                       where e.officer_id = f.owner_id and e.unit_id = f.unit_id and e.role <> 'auditor'
                         and e.revoked_at is null)",
        secret_hash
    )
}

/// Notes on which day a feed was read; once a day is enough to see whether it is in use.
pub(super) async fn mark_read(tx: &mut Tx, id: &Id, day: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "update calendar_feeds set read_day = $2 where id = $1",
        id,
        day
    )?;
    Ok(())
}

/// What a calendar tells of the appointments that start in a window and stand; of
/// everybody's, or of those one officer is to hold.
pub(super) async fn list_entries(
    tx: &mut Tx,
    unit_id: &Id,
    from: Timestamp,
    to: Timestamp,
    officer_id: Option<&Id>,
) -> Result<Vec<FeedEntry>, Fault> {
    fetch_all!(
        tx,
        FeedEntry,
        "select a.id, a.reference, d.label as desk, a.starts_at, a.ends_at, a.sequence,
                (select coalesce(max(m.at), a.created_at) from appointment_moves m
                 where m.appointment_id = a.id) as changed_at
         from appointments a join desks d on d.id = a.desk_id
         where a.unit_id = $1 and a.starts_at >= $2 and a.starts_at < $3
           and a.state in ('booked', 'open', 'in_hearing', 'closed')
           and (cast($4 as text) is null or a.officer_id = $4)
         order by a.starts_at, a.reference",
        unit_id,
        from,
        to,
        officer_id
    )
}
