//! The acts of logging in, each in one transaction. Talking to the provider
//! happens between two of them, so that no lock is held while it thinks.

use serde::{Deserialize, Serialize};

use super::provider::{LEEWAY_SECONDS, ProviderName, Verified};
use super::refusals::LoginError;
use super::session::{self, Subject};
use super::store::{self, Empowerment};
use super::{PivotIdentity, claims, notes, people};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_hex};
use crate::error::Fault;
use crate::keys::{Keys, sha256_hex};

/// A departure to a provider lives this long.
pub const ATTEMPT_MINUTES: i64 = 15;

/// What the provider must be sent.
#[derive(Debug)]
pub struct Departure {
    /// Comes back with the answer.
    pub state: String,
    /// Comes back inside the id token.
    pub nonce: String,
    /// Proves to the provider that whoever redeems the code is whoever left (PKCE);
    /// sent as a hash, where it is sent at all.
    pub verifier: String,
}

/// What is remembered of a departure, sealed: a return path may hold a secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// Expected in the id token.
    pub nonce: String,
    /// Where the person wanted to go; a safe path of this site.
    pub return_to: String,
    /// Sent with the code. Departures from before an update have none.
    #[serde(default)]
    pub verifier: String,
    /// When the browser left. Departures from before an update do not know.
    #[serde(default)]
    pub left_at: Option<Timestamp>,
}

/// What a provider says of when whoever answers authenticated there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Since they left us for it.
    Fresh,
    /// Before: its session was still open, theirs or somebody else's.
    Earlier,
    /// It does not say.
    Untold,
}

impl Remembered {
    /// Whether whoever answers this departure authenticated for it. Clocks differ, so
    /// a minute before is not before.
    #[must_use]
    pub fn freshness(&self, verified: &Verified) -> Freshness {
        match (verified.authenticated_at, self.left_at) {
            (Some(then), Some(left)) if then < left.plus_seconds(-LEEWAY_SECONDS) => {
                Freshness::Earlier
            }
            (Some(_), Some(_)) => Freshness::Fresh,
            _ => Freshness::Untold,
        }
    }
}

/// Notes that a browser leaves for a provider.
///
/// # Errors
/// When the database fails.
pub async fn depart(
    tx: &mut Tx,
    keys: &Keys,
    provider: ProviderName,
    browser: &str,
    return_to: &str,
    now: Timestamp,
) -> Result<Departure, Fault> {
    let departure = Departure {
        state: random_hex::<32>(),
        nonce: random_hex::<32>(),
        verifier: random_hex::<32>(),
    };
    let state_hash = sha256_hex(departure.state.as_bytes());
    let remembered = Remembered {
        nonce: departure.nonce.clone(),
        return_to: return_to.to_owned(),
        verifier: departure.verifier.clone(),
        left_at: Some(now),
    };
    let sealed = keys
        .service
        .seal_json(&format!("login-attempt/{state_hash}"), &remembered);
    store::insert_attempt(
        tx,
        &state_hash,
        provider,
        &sha256_hex(browser.as_bytes()),
        sealed,
        now,
        now.plus_minutes(ATTEMPT_MINUTES),
    )
    .await?;
    Ok(departure)
}

/// Uses a departure, once, when its answer arrives in the browser that left.
/// An answer that arrives elsewhere does not use it up.
///
/// # Errors
/// Unknown, used, expired, or another browser's.
pub async fn arrive(
    tx: &mut Tx,
    keys: &Keys,
    provider: ProviderName,
    browser: &str,
    state: &str,
    now: Timestamp,
) -> Result<Remembered, LoginError> {
    let state_hash = sha256_hex(state.as_bytes());
    let browser_hash = sha256_hex(browser.as_bytes());
    if let Some(sealed) = store::use_attempt(tx, &state_hash, provider, &browser_hash, now).await? {
        return Ok(opened(keys, &state_hash, &sealed)?);
    }
    let attempt = store::find_attempt(tx, &state_hash, provider).await?;
    Err(match attempt {
        None => LoginError::StateUnknown,
        Some(attempt) if attempt.browser_hash != browser_hash => LoginError::OtherBrowser,
        Some(attempt) if attempt.used_at.is_some() => LoginError::Used,
        Some(_) => LoginError::Expired,
    })
}

/// Where a browser wanted to go when it left, for the ways out of a refusal;
/// nothing is told to another browser.
///
/// # Errors
/// When the database fails.
pub async fn return_path_of(
    tx: &mut Tx,
    keys: &Keys,
    provider: ProviderName,
    browser: &str,
    state: &str,
) -> Result<String, Fault> {
    let state_hash = sha256_hex(state.as_bytes());
    match store::find_attempt(tx, &state_hash, provider).await? {
        Some(attempt) if attempt.browser_hash == sha256_hex(browser.as_bytes()) => {
            Ok(opened(keys, &state_hash, &attempt.sealed_request)?.return_to)
        }
        _ => Ok(String::new()),
    }
}

fn opened(keys: &Keys, state_hash: &str, sealed: &[u8]) -> Result<Remembered, Fault> {
    keys.service
        .open_json(&format!("login-attempt/{state_hash}"), sealed)
}

/// What a browser still held of whoever was there before.
#[derive(Debug, Default)]
pub struct Former {
    /// The session that the login ends.
    pub session: Option<String>,
    /// Whose sessions there were.
    pub people: Vec<Actor>,
    /// Whom ProConnect vouched for and nobody had empowered: subject and provider.
    pub turned_away: Option<(String, String)>,
}

impl Former {
    /// Whether somebody other than this person was there.
    fn knew_another_than(&self, actor: &Actor) -> bool {
        self.people.iter().any(|person| person != actor)
    }
}

/// Starts a citizen's session in place of whatever session the browser had. Where that was
/// somebody else's, they are asked first whether it is them: FranceConnect may have let
/// them in as whoever it still knew there. The identity is kept as it was first told; what
/// the officer must know of this login is noted.
///
/// # Errors
/// When the identity cannot be used, or the database fails.
pub async fn sign_in_citizen(
    tx: &mut Tx,
    keys: &Keys,
    issuer: &str,
    verified: &Verified,
    by_helper: bool,
    former: &Former,
    now: Timestamp,
) -> Result<Given, LoginError> {
    let identity = claims::citizen(&verified.claims)?;
    let fresh = Id::random();
    let sealed = keys
        .service
        .seal_json(&format!("citizen/{fresh}"), &identity);
    let new = store::insert_citizen(tx, &fresh, issuer, &verified.subject, sealed, now).await?;
    let (citizen, sealed) = store::find_citizen(tx, issuer, &verified.subject)
        .await?
        .ok_or_else(|| Fault::other("a citizen vanished within a transaction"))?;
    let first: PivotIdentity = keys
        .service
        .open_json(&format!("citizen/{citizen}"), &sealed)?;
    let actor = Actor::Citizen(citizen.clone());
    let ask = former.knew_another_than(&actor) || former.turned_away.is_some();
    let same = notes::is_same(&first, &identity);
    let differing = (!same).then_some(&identity);
    notes::note(tx, keys, &citizen, by_helper, differing, now).await?;
    let mut detail = match (new, same) {
        (true, _) => format!("acr={} first", verified.acr),
        (false, true) => format!("acr={}", verified.acr),
        // Corrected at the provider since: the officer is told, and looks into it.
        (false, false) => format!("acr={} identity-differs", verified.acr),
    };
    if by_helper {
        detail.push_str(" by-helper");
    }
    if let Some(former) = &former.session {
        session::end(tx, keys, former, now).await?;
    }
    let cookie = session::start(
        tx,
        keys,
        if ask {
            Subject::Unconfirmed(&citizen)
        } else {
            Subject::Citizen(&citizen)
        },
        &verified.acr,
        &verified.amr,
        &verified.id_token,
        now,
    )
    .await?;
    audit::append(
        tx,
        audit::SERVICE_CHAIN,
        now,
        &actor,
        if ask {
            "citizen.ask"
        } else {
            "citizen.sign_in"
        },
        &format!("citizen/{citizen}"),
        &detail,
    )
    .await?;
    Ok(if ask {
        Given::Choice(cookie)
    } else {
        Given::Session(cookie)
    })
}

/// Who is asked, with that cookie, whether they are this person; none when it is over.
///
/// # Errors
/// When the database fails, or the sealed identity does not open.
pub async fn unconfirmed(
    tx: &mut Tx,
    keys: &Keys,
    cookie: &str,
    now: Timestamp,
) -> Result<Option<PivotIdentity>, Fault> {
    match session::find_unconfirmed(tx, cookie, now).await? {
        Some(citizen) => people::citizen_identity(tx, keys, &citizen).await,
        None => Ok(None),
    }
}

/// Starts the session of a citizen who says that it is them; gives its cookie.
///
/// # Errors
/// When the question is over, or the database fails.
pub async fn confirm(
    tx: &mut Tx,
    keys: &Keys,
    cookie: &str,
    now: Timestamp,
) -> Result<String, LoginError> {
    let asked = session::end_unconfirmed(tx, keys, cookie, now)
        .await?
        .ok_or(LoginError::ChoiceOver)?;
    let subject = Subject::Citizen(&asked.person);
    let (acr, amr, id_token) = (&asked.acr, &asked.amr, &asked.id_token);
    let cookie = session::start(tx, keys, subject, acr, amr, id_token, now).await?;
    audit::append(
        tx,
        audit::SERVICE_CHAIN,
        now,
        &Actor::Citizen(asked.person.clone()),
        "citizen.sign_in",
        &format!("citizen/{}", asked.person),
        &format!("acr={acr} confirmed"),
    )
    .await?;
    Ok(cookie)
}

/// What the browser of whoever signed in is given.
#[derive(Debug)]
pub enum Given {
    /// A session.
    Session(String),
    /// The right to answer, for a few minutes: which empowerment, or whether it is them.
    Choice(String),
}

/// Starts an officer's session in place of whatever session the browser had. Where there
/// are several empowerments they choose first; where somebody else was there before, or
/// the provider does not say that it has just authenticated them, they are asked first
/// whether it is them.
///
/// # Errors
/// When nobody empowered that officer, or the database fails.
pub async fn sign_in_officer(
    tx: &mut Tx,
    keys: &Keys,
    verified: &Verified,
    freshness: Freshness,
    former: &Former,
    now: Timestamp,
) -> Result<Given, LoginError> {
    let (identity, idp_id) = claims::officer(&verified.claims)?;
    let officer = store::find_officer(tx, &verified.subject, &idp_id)
        .await?
        .ok_or(LoginError::NotEmpowered)?;
    let empowerments = store::list_live_empowerments(tx, &officer).await?;
    let themselves = (verified.subject.clone(), idp_id);
    let ask = former.knew_another_than(&Actor::Officer(officer.clone()))
        || former
            .turned_away
            .as_ref()
            .is_some_and(|turned_away| *turned_away != themselves)
        || freshness != Freshness::Fresh;
    let subject = match empowerments.as_slice() {
        [] => return Err(LoginError::NotEmpowered),
        [only] if !ask => Subject::Officer(&officer, &only.id),
        _ => Subject::Choosing(&officer),
    };
    let choosing = matches!(subject, Subject::Choosing(_));
    // Names and addresses change with life; the officer is sub and idp_id.
    let sealed = keys
        .service
        .seal_json(&format!("officer/{officer}"), &identity);
    store::update_officer_identity(tx, &officer, sealed).await?;
    if let Some(former) = &former.session {
        session::end(tx, keys, former, now).await?;
    }
    let cookie = session::start(
        tx,
        keys,
        subject,
        &verified.acr,
        &verified.amr,
        &verified.id_token,
        now,
    )
    .await?;
    if choosing {
        return Ok(Given::Choice(cookie));
    }
    journal_officer(tx, &officer, &empowerments[0], &verified.acr, now).await?;
    Ok(Given::Session(cookie))
}

/// Whose choice a cookie is; none when it is over.
///
/// # Errors
/// When the database fails.
pub async fn chooser(tx: &mut Tx, cookie: &str, now: Timestamp) -> Result<Option<Id>, Fault> {
    session::find_choosing(tx, cookie, now).await
}

/// Turns a choice into a session under the chosen empowerment; gives its cookie.
///
/// # Errors
/// When the choice is over, or the empowerment is not one of the officer's.
pub async fn choose(
    tx: &mut Tx,
    keys: &Keys,
    cookie: &str,
    empowerment: &Id,
    now: Timestamp,
) -> Result<String, LoginError> {
    let chosen = session::end_choosing(tx, keys, cookie, now)
        .await?
        .ok_or(LoginError::ChoiceOver)?;
    let empowerments = store::list_live_empowerments(tx, &chosen.person).await?;
    let Some(empowerment) = empowerments
        .iter()
        .find(|candidate| candidate.id == *empowerment)
    else {
        return Err(LoginError::NotEmpowered);
    };
    let cookie = session::start(
        tx,
        keys,
        Subject::Officer(&chosen.person, &empowerment.id),
        &chosen.acr,
        &chosen.amr,
        &chosen.id_token,
        now,
    )
    .await?;
    journal_officer(tx, &chosen.person, empowerment, &chosen.acr, now).await?;
    Ok(cookie)
}

/// The empowerments an officer may choose among, or change to.
///
/// # Errors
/// When the database fails.
pub async fn empowerments_of(tx: &mut Tx, officer: &Id) -> Result<Vec<Empowerment>, Fault> {
    store::list_live_empowerments(tx, officer).await
}

/// Goes on under another empowerment; gives the cookie of the session that takes
/// the place of the former.
///
/// # Errors
/// When the session is over, or the empowerment is not one of the officer's.
pub async fn change(
    tx: &mut Tx,
    keys: &Keys,
    session: &str,
    empowerment: &Id,
    now: Timestamp,
) -> Result<String, LoginError> {
    let (cookie, chosen) = session::rotate(tx, keys, session, empowerment, now)
        .await?
        .ok_or(LoginError::NotEmpowered)?;
    let held = store::list_live_empowerments(tx, &chosen.person).await?;
    let held = held.iter().find(|held| held.id == *empowerment);
    let held = held.ok_or(LoginError::NotEmpowered)?;
    journal_officer(tx, &chosen.person, held, &chosen.acr, now).await?;
    Ok(cookie)
}

async fn journal_officer(
    tx: &mut Tx,
    officer: &Id,
    empowerment: &Empowerment,
    acr: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::append(
        tx,
        audit::SERVICE_CHAIN,
        now,
        &Actor::Officer(officer.clone()),
        "officer.sign_in",
        &format!("officer/{officer}"),
        &format!("acr={acr} empowerment={}", empowerment.id),
    )
    .await
}

/// Notes that an officer was turned away: who it was is not kept, since
/// nobody empowered them; how often it happens is.
///
/// # Errors
/// When the database fails.
pub async fn journal_refused_officer(tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
    audit::append(
        tx,
        audit::SERVICE_CHAIN,
        now,
        &Actor::System,
        "officer.refuse",
        "provider/proconnect",
        "not-empowered",
    )
    .await
}

/// Ends a session; gives the id token for the provider's logout.
///
/// # Errors
/// When the database fails.
pub async fn sign_out(
    tx: &mut Tx,
    keys: &Keys,
    actor: &Actor,
    session: &str,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let id_token = session::end(tx, keys, session, now).await?;
    if id_token.is_some() {
        audit::append(
            tx,
            audit::SERVICE_CHAIN,
            now,
            actor,
            "session.end",
            &actor.to_string(),
            "",
        )
        .await?;
    }
    Ok(id_token)
}
