//! What receivers are still to be told. A change is a row that `booking` wrote in the
//! transaction of the change itself; here it is dealt out, once, to every receiver of its
//! unit, as a delivery with its body. A delivery is `pending` until it is taken
//! (`delivered`) or given up (`dead`), which the administrators see.

use serde_json::json;

use crate::app::App;
use crate::audit::{self, Actor};
use crate::booking::anonymous::Change;
use crate::calendar;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::scheduling::keys::Key;
use crate::scheduling::numbers;
use crate::scheduling::rdv::{Row, iso};
use crate::{execute, fetch_all, fetch_optional};

/// A delivery that nobody took is given up after this long.
pub const GIVEN_UP_AFTER_HOURS: i64 = 72;
/// What is over is kept this long.
pub const KEPT_DAYS: i64 = 30;
/// Most changes dealt out in one look.
const MOST: i64 = 50;

#[derive(sqlx::FromRow)]
struct Untold {
    unit_id: Id,
    seq: i64,
    kind: Change,
    at: Timestamp,
    #[sqlx(flatten)]
    row: Row,
}

/// Deals out the changes that nobody was told of yet; gives how many there were.
///
/// # Errors
/// When the database fails; what was dealt out before stays.
pub async fn deal(app: &App) -> Result<usize, Fault> {
    let mut tx = app.db.read().await?;
    let untold = fetch_all!(
        &mut tx,
        Untold,
        "select c.unit_id, c.seq, c.kind, c.at, c.number, c.person_number, c.booked_at, c.starts_at, c.ends_at,
                c.state, c.desk_id, d.label
         from anonymous_changes c join desks d on d.id = c.desk_id
         where c.told_at is null order by c.at, c.unit_id, c.seq limit $1",
        MOST
    )?;
    drop(tx);
    let count = untold.len();
    for change in untold {
        deal_one(app, change).await?;
    }
    Ok(count)
}

async fn deal_one(app: &App, change: Untold) -> Result<(), Fault> {
    let desks = numbers::of_desks(app, &change.unit_id).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mine = execute!(
        &mut tx,
        "update anonymous_changes set told_at = $3 where unit_id = $1 and seq = $2 and told_at is null",
        &change.unit_id,
        change.seq,
        now
    )?;
    if mine == 0 {
        return Ok(());
    }
    let unit = calendar::find_unit(&mut tx, &change.unit_id)
        .await?
        .ok_or_else(|| Fault::other(format!("unit {} is missing", change.unit_id)))?;
    let kind = format!("rdv.{}", change.kind);
    let body = json!({
        "type": kind,
        "timestamp": iso(change.at, unit.zone()),
        "data": change.row.written(&unit, &desks)?,
    });
    let receivers = fetch_all!(
        &mut tx,
        (Id,),
        "select w.key_id from scheduling_webhooks w join scheduling_keys k on k.id = w.key_id
         where k.unit_id = $1 and w.removed_at is null and w.set_at <= $2 and k.revoked_at is null
           and (k.expires_at is null or k.expires_at > $3)",
        &unit.id,
        change.at,
        now
    )?;
    for (key_id,) in receivers {
        execute!(
            &mut tx,
            "insert into scheduling_deliveries (id, key_id, seq, kind, body, state, attempts, next_attempt_at,
                 expires_at, created_at)
             values ($1, $2, $3, $4, $5, 'pending', 0, $6, $7, $6) on conflict do nothing",
            format!("msg_{}", Id::random()),
            key_id,
            change.seq,
            &kind,
            body.to_string(),
            now,
            now.plus_minutes(GIVEN_UP_AFTER_HOURS * 60)
        )?;
    }
    tx.commit().await
}

/// A delivery on its way.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Parcel {
    /// The receiver's idempotency key.
    pub id: Id,
    /// Whose receiver.
    pub key_id: Id,
    /// What it is told.
    pub body: String,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// When it is given up.
    pub expires_at: Timestamp,
}

/// Takes what is due longest at a receiver that is not being asked already, and the
/// address to ask. The receiver is this process's until [`release`], or for the lease.
///
/// # Errors
/// When the database fails.
pub async fn claim(app: &App, lease_seconds: i64) -> Result<Option<(Parcel, String)>, Fault> {
    let now = app.clock.now();
    let until = now.plus_seconds(lease_seconds);
    let mut tx = app.db.begin().await?;
    let Some((key_id, url)) = fetch_optional!(
        &mut tx,
        (Id, String),
        "update scheduling_webhooks set busy_until = $2
         where key_id = (select w.key_id from scheduling_deliveries d
                         join scheduling_webhooks w on w.key_id = d.key_id
                         where d.state = 'pending' and d.next_attempt_at <= $1
                           and (w.busy_until is null or w.busy_until <= $1)
                         order by d.next_attempt_at, d.seq limit 1)
           and (busy_until is null or busy_until <= $1)
         returning key_id, url",
        now,
        until
    )?
    else {
        return Ok(None);
    };
    let parcel = fetch_optional!(
        &mut tx,
        Parcel,
        "update scheduling_deliveries set attempts = attempts + 1, next_attempt_at = $3
         where id = (select id from scheduling_deliveries
                     where key_id = $1 and state = 'pending' and next_attempt_at <= $2
                     order by next_attempt_at, seq limit 1)
           and state = 'pending'
         returning id, key_id, body, attempts, expires_at",
        &key_id,
        now,
        until
    )?;
    if parcel.is_none() {
        // It was removed in between; the receiver is free again.
        return Ok(None);
    }
    tx.commit().await?;
    Ok(parcel.map(|parcel| (parcel, url)))
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// It did not; why, without any address. To be tried again then.
    Later(String, Timestamp),
    /// It never will.
    Dead(String),
}

/// Notes the outcome and lets go of the receiver.
///
/// # Errors
/// When the database fails.
pub async fn release(app: &App, parcel: &Parcel, outcome: &Outcome) -> Result<(), Fault> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    match outcome {
        Outcome::Delivered => {
            execute!(
                &mut tx,
                "update scheduling_deliveries set state = 'delivered', ended_at = $2, last_error = null
                 where id = $1 and state = 'pending'",
                &parcel.id,
                now
            )?;
        }
        Outcome::Later(why, next) => {
            execute!(
                &mut tx,
                "update scheduling_deliveries set next_attempt_at = $2, last_error = $3
                 where id = $1 and state = 'pending'",
                &parcel.id,
                *next,
                why
            )?;
        }
        Outcome::Dead(why) => {
            execute!(
                &mut tx,
                "update scheduling_deliveries set state = 'dead', ended_at = $2, last_error = $3
                 where id = $1 and state = 'pending'",
                &parcel.id,
                now,
                why
            )?;
        }
    }
    execute!(
        &mut tx,
        "update scheduling_webhooks set busy_until = null where key_id = $1",
        &parcel.key_id
    )?;
    tx.commit().await
}

/// A delivery that was given up, or is being tried again.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Undelivered {
    /// Its id.
    pub id: Id,
    /// What happened, such as `rdv.created`.
    pub kind: String,
    /// When.
    pub created_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was given up; none while it is tried again.
    pub ended_at: Option<Timestamp>,
    /// What the receiver answered.
    pub last_error: Option<String>,
}

/// What a receiver did not take: given up, the latest first, then what failed and waits.
///
/// # Errors
/// When the database fails.
pub async fn list_undelivered(tx: &mut Tx, key_id: &Id) -> Result<Vec<Undelivered>, Fault> {
    fetch_all!(
        tx,
        Undelivered,
        "select id, kind, created_at, attempts, ended_at, last_error from scheduling_deliveries
         where key_id = $1 and (state = 'dead' or (state = 'pending' and last_error is not null))
         order by case when state = 'dead' then 0 else 1 end, created_at desc, seq desc limit 200",
        key_id
    )
}

/// Sends one again that was given up, under the same id; gives whether it was.
///
/// # Errors
/// When the database fails.
pub async fn resend(
    tx: &mut Tx,
    key: &Key,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, key.unit_id.as_str()).await?;
    let rows = execute!(
        tx,
        "update scheduling_deliveries set state = 'pending', attempts = 0, next_attempt_at = $3, expires_at = $4,
             ended_at = null
         where id = $2 and key_id = $1 and state = 'dead'",
        &key.id,
        id,
        now,
        now.plus_minutes(GIVEN_UP_AFTER_HOURS * 60)
    )?;
    if rows == 1 {
        let (chain, act) = (key.unit_id.as_str(), "scheduling_webhook.resend");
        let detail = format!("delivery={id}");
        audit::append(tx, chain, now, actor, act, &key.object(), &detail).await?;
    }
    Ok(rows == 1)
}

/// Forgets what was over long ago.
///
/// # Errors
/// When the database fails.
pub async fn forget(app: &App) -> Result<(), Fault> {
    let before = app.clock.now().plus_minutes(-KEPT_DAYS * 24 * 60);
    let mut tx = app.db.begin().await?;
    execute!(
        &mut tx,
        "delete from scheduling_deliveries where state <> 'pending' and ended_at < $1",
        before
    )?;
    execute!(
        &mut tx,
        "delete from anonymous_changes where told_at < $1",
        before
    )?;
    tx.commit().await
}
