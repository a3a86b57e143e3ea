//! Server-side sessions. The cookie is random; the database holds its hash.
//! A session starts afresh at every login, so that rights never change under
//! a cookie that somebody else may have planted.

use axum_extra::extract::cookie::{Cookie, SameSite};

use super::{OfficerIdentity, PivotIdentity, Role, SignedInCitizen, SignedInOfficer, Who};
use crate::app::App;
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_hex};
use crate::error::Fault;
use crate::keys::{Keys, sha256_hex};
use crate::{execute, fetch_optional};

/// A session nobody uses ends after this many minutes.
pub const IDLE_MINUTES: i64 = 60;
/// Any session ends after this many minutes.
pub const ABSOLUTE_MINUTES: i64 = 12 * 60;
/// A choice among empowerments is over after this many minutes.
pub const CHOICE_MINUTES: i64 = 10;

/// Name of a cookie: the `__Host-` prefix binds it to this host over TLS; on
/// http://localhost browsers refuse that prefix, so the plain name is used.
#[must_use]
pub fn cookie_name(secure: bool, name: &str) -> String {
    if secure {
        format!("__Host-{name}")
    } else {
        name.to_owned()
    }
}

/// A cookie only this server reads, for this browser session.
#[must_use]
pub fn private_cookie(app: &App, name: &str, value: String) -> Cookie<'static> {
    Cookie::build((cookie_name(app.config.secure(), name), value))
        .path("/")
        .http_only(true)
        .secure(app.config.secure())
        .same_site(SameSite::Lax)
        .build()
}

/// Cookie that binds a seat in a hearing to a browser. It ends with the session
/// at logout: a shared computer keeps nothing of the person.
pub const SEAT_COOKIE: &str = "vp_seat";

/// Level of a session that no provider vouched for: the person had the link of their
/// message and typed the code that was sent to the address an officer wrote down.
pub const BY_CODE: &str = "declared";

/// Name of the session cookie.
pub const COOKIE: &str = "vp_session";
/// Name of the cookie of whoever has yet to answer something before their session begins:
/// which empowerment an officer acts under, or whether they are who is signed in.
pub const CHOICE_COOKIE: &str = "vp_choice";

/// Who starts a session.
#[derive(Debug)]
pub enum Subject<'a> {
    /// A citizen.
    Citizen(&'a Id),
    /// A citizen who has yet to say that they are who the provider says they are. Such a
    /// session opens nothing but that question.
    Unconfirmed(&'a Id),
    /// An officer under an empowerment.
    Officer(&'a Id, &'a Id),
    /// An officer who has yet to choose among several empowerments. Such a
    /// session opens nothing but that choice.
    Choosing(&'a Id),
}

/// Starts a session; gives the cookie's value.
///
/// # Errors
/// When the database fails.
pub async fn start(
    tx: &mut Tx,
    keys: &Keys,
    subject: Subject<'_>,
    acr: &str,
    amr: &str,
    id_token: &str,
    now: Timestamp,
) -> Result<String, Fault> {
    let cookie = random_hex::<32>();
    let id = sha256_hex(cookie.as_bytes());
    let sealed = keys
        .service
        .seal(&format!("session/{id}"), id_token.as_bytes());
    let (citizen, officer, empowerment, minutes) = match subject {
        Subject::Citizen(citizen) => (Some(citizen), None, None, ABSOLUTE_MINUTES),
        Subject::Unconfirmed(citizen) => (Some(citizen), None, None, CHOICE_MINUTES),
        Subject::Officer(officer, empowerment) => {
            (None, Some(officer), Some(empowerment), ABSOLUTE_MINUTES)
        }
        Subject::Choosing(officer) => (None, Some(officer), None, CHOICE_MINUTES),
    };
    execute!(
        tx,
        "insert into sessions (id, citizen_id, officer_id, empowerment_id, acr, amr, sealed_id_token,
             started_at, authenticated_at, last_seen_at, expires_at, unconfirmed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $9, $10)",
        &id,
        citizen,
        officer,
        empowerment,
        acr,
        amr,
        sealed,
        now,
        now.plus_minutes(minutes),
        matches!(subject, Subject::Unconfirmed(_))
    )?;
    Ok(cookie)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    citizen_id: Option<Id>,
    officer_id: Option<Id>,
    acr: String,
    last_seen_at: Timestamp,
    sealed_citizen: Option<Vec<u8>>,
    sealed_officer: Option<Vec<u8>>,
    rio: Option<String>,
    role: Option<Role>,
    unit_id: Option<Id>,
    department: Option<String>,
}

/// The person a cookie stands for, and whether the session is due to be marked seen.
///
/// # Errors
/// When the database fails or a sealed identity does not open.
pub async fn find(
    tx: &mut Tx,
    keys: &Keys,
    cookie: &str,
    now: Timestamp,
) -> Result<(Who, bool), Fault> {
    let id = sha256_hex(cookie.as_bytes());
    let row = fetch_optional!(
        tx,
        Row,
        "select s.id, s.citizen_id, s.officer_id, s.acr, s.last_seen_at,
                c.sealed_identity as sealed_citizen, o.sealed_identity as sealed_officer,
                o.rio, e.role, e.unit_id, u.department
         from sessions s
         left join citizens c on c.id = s.citizen_id
         left join officers o on o.id = s.officer_id
         left join empowerments e on e.id = s.empowerment_id
         left join units u on u.id = e.unit_id
         where s.id = $1 and s.ended_at is null and s.expires_at > $2 and s.last_seen_at > $3
           and not s.unconfirmed
           and (s.officer_id is null or (e.id is not null and e.revoked_at is null))",
        &id,
        now,
        now.plus_minutes(-IDLE_MINUTES)
    )?;
    let Some(row) = row else {
        return Ok((Who::Nobody, false));
    };
    let due = row.last_seen_at < now.plus_minutes(-1);
    if let (Some(id), Some(sealed)) = (row.citizen_id, row.sealed_citizen) {
        let identity: PivotIdentity = keys.service.open_json(&format!("citizen/{id}"), &sealed)?;
        return Ok((
            Who::Citizen(Box::new(SignedInCitizen {
                id,
                session: row.id,
                acr: row.acr,
                identity,
            })),
            due,
        ));
    }
    if let (Some(id), Some(sealed), Some(rio), Some(role), Some(unit_id), Some(department)) = (
        row.officer_id,
        row.sealed_officer,
        row.rio,
        row.role,
        row.unit_id,
        row.department,
    ) {
        let identity: OfficerIdentity =
            keys.service.open_json(&format!("officer/{id}"), &sealed)?;
        return Ok((
            Who::Officer(Box::new(SignedInOfficer {
                id,
                session: row.id,
                unit_id,
                department,
                role,
                rio,
                identity,
            })),
            due,
        ));
    }
    Ok((Who::Nobody, false))
}

/// Whether a session still stands for somebody: not ended, not run out, and its
/// empowerment, if it has one, not taken back. Pages that are kept fed ask
/// this again and again.
///
/// # Errors
/// When the database fails.
pub async fn is_live(tx: &mut Tx, session: &str, now: Timestamp) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (String,),
        "select s.id from sessions s
         left join empowerments e on e.id = s.empowerment_id
         where s.id = $1 and s.ended_at is null and s.expires_at > $2 and s.last_seen_at > $3
           and not s.unconfirmed
           and (s.officer_id is null or (e.id is not null and e.revoked_at is null))",
        session,
        now,
        now.plus_minutes(-IDLE_MINUTES)
    )?;
    Ok(row.is_some())
}

/// Notes that a session is in use.
///
/// # Errors
/// When the database fails.
pub async fn mark_seen(tx: &mut Tx, session: &str, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "update sessions set last_seen_at = $2 where id = $1 and ended_at is null",
        session,
        now
    )?;
    Ok(())
}

/// Whose session a cookie began and nobody ended, run out or not. Its provider may know
/// the person longer than we do.
///
/// # Errors
/// When the database fails.
pub async fn find_unended(tx: &mut Tx, cookie: &str) -> Result<Option<(String, Actor)>, Fault> {
    let row = fetch_optional!(
        tx,
        (String, Option<Id>, Option<Id>),
        "select id, citizen_id, officer_id from sessions where id = $1 and ended_at is null",
        sha256_hex(cookie.as_bytes())
    )?;
    Ok(row.and_then(|row| match row {
        (id, Some(citizen), _) => Some((id, Actor::Citizen(citizen))),
        (id, None, Some(officer)) => Some((id, Actor::Officer(officer))),
        _ => None,
    }))
}

/// Ends a session; gives the provider's id token, for its logout.
///
/// # Errors
/// When the database fails.
pub async fn end(
    tx: &mut Tx,
    keys: &Keys,
    session: &str,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "update sessions set ended_at = $2 where id = $1 and ended_at is null returning sealed_id_token",
        session,
        now
    )?;
    let Some((sealed,)) = row else {
        return Ok(None);
    };
    let plain = keys.service.open(&format!("session/{session}"), &sealed)?;
    Ok(String::from_utf8(plain).ok())
}

/// The officer who may choose an empowerment with that cookie.
///
/// # Errors
/// When the database fails.
pub async fn find_choosing(tx: &mut Tx, cookie: &str, now: Timestamp) -> Result<Option<Id>, Fault> {
    let id = sha256_hex(cookie.as_bytes());
    let row = fetch_optional!(
        tx,
        (Id,),
        "select officer_id from sessions
         where id = $1 and officer_id is not null and empowerment_id is null
           and ended_at is null and expires_at > $2",
        &id,
        now
    )?;
    Ok(row.map(|(officer,)| officer))
}

/// The citizen who may say with that cookie that it is them.
///
/// # Errors
/// When the database fails.
pub async fn find_unconfirmed(
    tx: &mut Tx,
    cookie: &str,
    now: Timestamp,
) -> Result<Option<Id>, Fault> {
    let row = fetch_optional!(
        tx,
        (Id,),
        "select citizen_id from sessions
         where id = $1 and citizen_id is not null and unconfirmed
           and ended_at is null and expires_at > $2",
        sha256_hex(cookie.as_bytes()),
        now
    )?;
    Ok(row.map(|(citizen,)| citizen))
}

/// Ends the question whether a citizen is who is signed in, once.
///
/// # Errors
/// When the database fails.
pub async fn end_unconfirmed(
    tx: &mut Tx,
    keys: &Keys,
    cookie: &str,
    now: Timestamp,
) -> Result<Option<Chosen>, Fault> {
    let id = sha256_hex(cookie.as_bytes());
    let row = fetch_optional!(
        tx,
        (Id, String, String, Vec<u8>),
        "update sessions set ended_at = $2
         where id = $1 and citizen_id is not null and unconfirmed
           and ended_at is null and expires_at > $2
         returning citizen_id, acr, amr, sealed_id_token",
        &id,
        now
    )?;
    row.map(|row| Chosen::opened(keys, &id, row)).transpose()
}

/// What a choice carries over into the session it becomes.
#[derive(Debug)]
pub struct Chosen {
    /// The officer, or the citizen.
    pub person: Id,
    /// Level the provider vouched for.
    pub acr: String,
    /// Means used.
    pub amr: String,
    /// The provider's id token.
    pub id_token: String,
}

impl Chosen {
    fn opened(
        keys: &Keys,
        session: &str,
        (person, acr, amr, sealed): (Id, String, String, Vec<u8>),
    ) -> Result<Self, Fault> {
        let plain = keys.service.open(&format!("session/{session}"), &sealed)?;
        Ok(Chosen {
            person,
            acr,
            amr,
            id_token: String::from_utf8(plain).unwrap_or_default(),
        })
    }
}

/// Ends a choice, once.
///
/// # Errors
/// When the database fails.
pub async fn end_choosing(
    tx: &mut Tx,
    keys: &Keys,
    cookie: &str,
    now: Timestamp,
) -> Result<Option<Chosen>, Fault> {
    let id = sha256_hex(cookie.as_bytes());
    let row = fetch_optional!(
        tx,
        (Id, String, String, Vec<u8>),
        "update sessions set ended_at = $2
         where id = $1 and officer_id is not null and empowerment_id is null
           and ended_at is null and expires_at > $2
         returning officer_id, acr, amr, sealed_id_token",
        &id,
        now
    )?;
    row.map(|row| Chosen::opened(keys, &id, row)).transpose()
}

/// Puts a session under another empowerment of its officer in place of one; none
/// when that one is over or was never theirs. The cookie is new, since rights never
/// change under a cookie that somebody may have copied; the end stays where it was.
///
/// # Errors
/// When the database fails.
pub async fn rotate(
    tx: &mut Tx,
    keys: &Keys,
    session: &str,
    empowerment: &Id,
    now: Timestamp,
) -> Result<Option<(String, Chosen)>, Fault> {
    let row = fetch_optional!(
        tx,
        (Id, String, String, Vec<u8>, Timestamp),
        "update sessions set ended_at = $2
         where id = $1 and ended_at is null and expires_at > $2 and empowerment_id is not null
           and exists (select 1 from empowerments e
               where e.id = $3 and e.officer_id = sessions.officer_id and e.revoked_at is null)
         returning officer_id, acr, amr, sealed_id_token, expires_at",
        session,
        now,
        empowerment
    )?;
    let Some((officer, acr, amr, sealed, expires_at)) = row else {
        return Ok(None);
    };
    let chosen = Chosen::opened(keys, session, (officer, acr, amr, sealed))?;
    let subject = Subject::Officer(&chosen.person, empowerment);
    let (acr, amr, id_token) = (&chosen.acr, &chosen.amr, &chosen.id_token);
    let cookie = start(tx, keys, subject, acr, amr, id_token, now).await?;
    execute!(
        tx,
        "update sessions set expires_at = $2 where id = $1",
        sha256_hex(cookie.as_bytes()),
        expires_at
    )?;
    Ok(Some((cookie, chosen)))
}
