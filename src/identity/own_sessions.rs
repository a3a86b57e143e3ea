//! The sessions somebody has, and ending those they do not want: the browser
//! of a library, a lost telephone. A session is named by a handle that opens
//! nothing, so that pages, addresses and the journal may hold it.

use super::Role;
use super::browser_kind::{BrowserKind, BrowserName, Device};
use super::session::IDLE_MINUTES;
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::sha256_hex;
use crate::{execute, fetch_all, fetch_optional};

/// The topic of notices that some session was ended: whoever keeps a page fed
/// looks again whether it still may.
pub const TOPIC: &str = "sessions";

/// A live session, as its owner sees it.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// What names it.
    pub handle: String,
    /// Whether it is the one that asks.
    pub own: bool,
    /// Kind of browser it began in.
    pub kind: BrowserKind,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// Unit and role it acts under, if an officer's.
    pub acts_for: Option<(String, Role)>,
}

/// The public name of a session; nobody finds the session's key from it.
#[must_use]
pub fn handle(session: &str) -> String {
    let mut hash = sha256_hex(format!("session-handle/{session}").as_bytes());
    hash.truncate(16);
    hash
}

/// Notes in which kind of browser a session begins.
///
/// # Errors
/// When the database fails.
pub async fn note_kind(tx: &mut Tx, cookie: &str, kind: BrowserKind) -> Result<(), Fault> {
    execute!(
        tx,
        "update sessions set browser = $2, device = $3 where id = $1",
        sha256_hex(cookie.as_bytes()),
        kind.browser,
        kind.device
    )?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    browser: BrowserName,
    device: Device,
    started_at: Timestamp,
    last_seen_at: Timestamp,
    unit_name: Option<String>,
    role: Option<Role>,
}

/// Whose sessions are meant: a citizen's or an officer's, never both.
fn columns(owner: &Actor) -> (Option<&Id>, Option<&Id>) {
    match owner {
        Actor::Citizen(id) => (Some(id), None),
        Actor::Officer(id) => (None, Some(id)),
        Actor::Guest(_) | Actor::SchedulingKey(_) | Actor::System => (None, None),
    }
}

async fn rows(tx: &mut Tx, owner: &Actor, now: Timestamp) -> Result<Vec<Row>, Fault> {
    let (citizen, officer) = columns(owner);
    fetch_all!(
        tx,
        Row,
        "select s.id, s.browser, s.device, s.started_at, s.last_seen_at, u.name as unit_name, e.role
         from sessions s
         left join empowerments e on e.id = s.empowerment_id
         left join units u on u.id = e.unit_id
         where (s.citizen_id = $1 or s.officer_id = $2)
           and s.ended_at is null and s.expires_at > $3 and s.last_seen_at > $4
           and not s.unconfirmed
           and (s.officer_id is null or (e.id is not null and e.revoked_at is null))
         order by s.last_seen_at desc, s.started_at desc, s.id",
        citizen,
        officer,
        now,
        now.plus_minutes(-IDLE_MINUTES)
    )
}

/// The live sessions of somebody, the one that asks first, then as last used.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx,
    owner: &Actor,
    asking: &str,
    now: Timestamp,
) -> Result<Vec<OwnSession>, Fault> {
    let mut sessions: Vec<OwnSession> = rows(tx, owner, now)
        .await?
        .into_iter()
        .map(|row| OwnSession {
            handle: handle(&row.id),
            own: row.id == asking,
            kind: BrowserKind {
                browser: row.browser,
                device: row.device,
            },
            started_at: row.started_at,
            last_seen_at: row.last_seen_at,
            acts_for: row.unit_name.zip(row.role),
        })
        .collect();
    sessions.sort_by_key(|session| !session.own);
    Ok(sessions)
}

/// Ends one other session of the same person. False when there is none of that
/// handle: it ended meanwhile, was never theirs, or is the one that asks, which
/// ends by signing out.
///
/// # Errors
/// When the database fails.
pub async fn end_one(
    tx: &mut Tx,
    owner: &Actor,
    asking: &str,
    named: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let found = rows(tx, owner, now)
        .await?
        .into_iter()
        .find(|row| row.id != asking && handle(&row.id) == named);
    let Some(row) = found else {
        return Ok(false);
    };
    let (citizen, officer) = columns(owner);
    // Two tabs that both press the button end it once.
    let ended = fetch_optional!(
        tx,
        (String,),
        "update sessions set ended_at = $4, ended_by = $5
         where id = $1 and (citizen_id = $2 or officer_id = $3) and ended_at is null
         returning id",
        &row.id,
        citizen,
        officer,
        now,
        handle(asking)
    )?;
    if let Some((session,)) = &ended {
        journal(tx, owner, session, asking, now).await?;
    }
    Ok(ended.is_some())
}

/// Ends every session of a person but the one that asks, also those in which an
/// officer has yet to choose an empowerment; gives how many.
///
/// # Errors
/// When the database fails.
pub async fn end_others(
    tx: &mut Tx,
    owner: &Actor,
    asking: &str,
    now: Timestamp,
) -> Result<usize, Fault> {
    let (citizen, officer) = columns(owner);
    let ended = fetch_all!(
        tx,
        (String,),
        "update sessions set ended_at = $4, ended_by = $5
         where id <> $1 and (citizen_id = $2 or officer_id = $3)
           and ended_at is null and expires_at > $4 and last_seen_at > $6
         returning id",
        asking,
        citizen,
        officer,
        now,
        handle(asking),
        now.plus_minutes(-IDLE_MINUTES)
    )?;
    for (session,) in &ended {
        journal(tx, owner, session, asking, now).await?;
    }
    Ok(ended.len())
}

async fn journal(
    tx: &mut Tx,
    owner: &Actor,
    session: &str,
    asking: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::append(
        tx,
        audit::SERVICE_CHAIN,
        now,
        owner,
        "session.revoke",
        &format!("session/{}", handle(session)),
        &format!("by=session/{}", handle(asking)),
    )
    .await
}
