//! A calendar to subscribe to: an address that holds a secret, which an officer gives
//! to their own calendar program. It tells hours, references and desks, and nothing of
//! anybody; whoever finds it learns no more than that the unit receives people.
//!
//! The secret is shown once and only its hash is kept. It dies when it is taken back,
//! when another takes its place, and when its owner no longer serves the unit: asked
//! at each read, so that no job has to remember it.

mod pages;
mod store;

use crate::audit::{self, Actor};
use crate::booking::agenda::Whose;
use crate::booking::calendar_file::{self, FeedEntry};
use crate::calendar::{self, Unit};
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_hex};
use crate::error::Fault;
use crate::identity::SignedInOfficer;
use crate::keys::sha256_hex;
use crate::routes::Routes;

/// How far back a feed reaches, in days: yesterday is still looked at.
const DAYS_BACK: i64 = 7;
/// How far ahead, in days: as far as any unit takes bookings.
const DAYS_AHEAD: i64 = 366;

/// An address that was given out and still works.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Feed {
    /// Key; not the secret.
    pub id: Id,
    /// Whose address it is.
    pub owner_id: Id,
    /// The unit whose appointments it tells.
    pub unit_id: Id,
    /// All of the unit's, or those its owner is to hold.
    pub scope: Whose,
    /// When it was given out.
    pub issued_at: Timestamp,
    /// Day of the last read, `YYYY-MM-DD` in UTC.
    pub read_day: Option<String>,
}

/// Gives an officer an address for a calendar; a former one for the same dies. What it
/// returns is shown once and kept nowhere.
///
/// # Errors
/// When the database fails.
pub async fn issue(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    scope: Whose,
    now: Timestamp,
) -> Result<String, Fault> {
    let secret = random_hex::<32>();
    let unit_id = &officer.unit_id;
    let actor = Actor::Officer(officer.id.clone());
    // The lock of the unit's journal makes two presses follow one another.
    audit::lock(tx, unit_id.as_str()).await?;
    let former = store::revoke_of(tx, &officer.id, unit_id, scope, now).await?;
    let id = Id::random();
    let hash = sha256_hex(secret.as_bytes());
    store::insert(tx, &id, &hash, &officer.id, (unit_id, scope), now).await?;
    let former = former.map_or_else(|| "-".to_owned(), |(id,)| id.to_string());
    audit::append(
        tx,
        unit_id.as_str(),
        now,
        &actor,
        "calendar-feed.issue",
        &format!("calendar-feed/{id}"),
        &format!("scope={scope} former={former}"),
    )
    .await?;
    Ok(secret)
}

/// Takes an officer's address back; taken back before, nothing happens. False when they
/// have no such address.
///
/// # Errors
/// When the database fails.
pub async fn revoke(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, officer.unit_id.as_str()).await?;
    let Some((unit_id,)) = store::revoke(tx, id, &officer.id, now).await? else {
        return store::is_of(tx, id, &officer.id).await;
    };
    audit::append(
        tx,
        unit_id.as_str(),
        now,
        &Actor::Officer(officer.id.clone()),
        "calendar-feed.revoke",
        &format!("calendar-feed/{id}"),
        "",
    )
    .await?;
    Ok(true)
}

/// The live addresses of an officer's calendars in a unit.
///
/// # Errors
/// When the database fails.
pub(super) async fn list_of_owner(
    tx: &mut Tx,
    owner_id: &Id,
    unit_id: &Id,
) -> Result<Vec<Feed>, Fault> {
    store::list_of(tx, owner_id, unit_id).await
}

/// The addresses of an officer in a unit that work.
///
/// # Errors
/// When the database fails.
pub async fn list_of(tx: &mut Tx, officer: &SignedInOfficer) -> Result<Vec<Feed>, Fault> {
    list_of_owner(tx, &officer.id, &officer.unit_id).await
}

/// What a secret opens now: the feed, its unit, and the calendar as RFC 5545 text. None
/// for a secret that is none, or no longer.
///
/// # Errors
/// When the database fails.
pub async fn read(
    tx: &mut Tx,
    secret: &str,
    now: Timestamp,
) -> Result<Option<(Feed, String)>, Fault> {
    let Some(feed) = store::find_live(tx, &sha256_hex(secret.as_bytes())).await? else {
        return Ok(None);
    };
    let Some(unit) = calendar::find_unit(tx, &feed.unit_id).await? else {
        return Ok(None);
    };
    let text = text_of(tx, &feed, &unit, now).await?;
    Ok(Some((feed, text)))
}

async fn text_of(tx: &mut Tx, feed: &Feed, unit: &Unit, now: Timestamp) -> Result<String, Fault> {
    let day = 24 * 60;
    // By whole days, so that the text stays the same while nothing happens.
    let today = Timestamp(now.0 - now.0.rem_euclid(day * 60_000));
    let from = today.plus_minutes(-DAYS_BACK * day);
    let to = today.plus_minutes(DAYS_AHEAD * day);
    let owner = match feed.scope {
        Whose::Own => Some(&feed.owner_id),
        Whose::Unit => None,
    };
    let entries: Vec<FeedEntry> = store::list_entries(tx, &unit.id, from, to, owner).await?;
    Ok(calendar_file::feed(&unit.name, &entries))
}

pub(super) fn router() -> Routes {
    pages::router()
}
