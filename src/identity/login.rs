//! The acts of logging in, each in one transaction. Talking to the provider
//! happens between two of them, so that no lock is held while it thinks.

use serde::{Deserialize, Serialize};

use super::provider::{ProviderName, Verified};
use super::refusals::LoginError;
use super::session::{self, Subject};
use super::store::{self, Empowerment};
use super::{PivotIdentity, claims};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_hex};
use crate::error::Fault;
use crate::keys::{Keys, sha256_hex};

/// A departure to a provider lives this long.
pub const ATTEMPT_MINUTES: i64 = 15;
/// Departures are forgotten this long after they expired.
const ATTEMPT_KEPT_MINUTES: i64 = 24 * 60;

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
    };
    let sealed = keys
        .service
        .seal_json(&format!("login-attempt/{state_hash}"), &remembered);
    store::delete_attempts_before(tx, now.plus_minutes(-ATTEMPT_KEPT_MINUTES)).await?;
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

/// Starts a citizen's session in place of whatever session the browser had.
/// The identity is kept as it was first told; gives the cookie's value.
///
/// # Errors
/// When the identity cannot be used, or the database fails.
pub async fn sign_in_citizen(
    tx: &mut Tx,
    keys: &Keys,
    issuer: &str,
    verified: &Verified,
    former_session: Option<&str>,
    now: Timestamp,
) -> Result<String, LoginError> {
    if claims::is_by_helper(&verified.claims) {
        return Err(LoginError::ByHelper);
    }
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
    let detail = match (new, same_person(&first, &identity)) {
        (true, _) => format!("acr={} first", verified.acr),
        (false, true) => format!("acr={}", verified.acr),
        // Corrected at the provider since: a person has to look into it.
        (false, false) => format!("acr={} identity-differs", verified.acr),
    };
    if let Some(former) = former_session {
        session::end(tx, keys, former, now).await?;
    }
    let cookie = session::start(
        tx,
        keys,
        Subject::Citizen(&citizen),
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
        &Actor::Citizen(citizen.clone()),
        "citizen.sign_in",
        &format!("citizen/{citizen}"),
        &detail,
    )
    .await?;
    Ok(cookie)
}

/// Whether two pivot identities are the same; the e-mail address and the used
/// name are no part of it.
fn same_person(one: &PivotIdentity, other: &PivotIdentity) -> bool {
    let pivot = |identity: &PivotIdentity| {
        [
            identity.given_name.clone(),
            identity.family_name.clone(),
            identity.gender.clone(),
            identity.birthdate.clone(),
            identity.birthplace.clone(),
            identity.birthcountry.clone(),
        ]
    };
    pivot(one) == pivot(other)
}

/// What an officer's browser is given.
#[derive(Debug)]
pub enum OfficerCookie {
    /// A session.
    Session(String),
    /// The right to choose among several empowerments, for a few minutes.
    Choice(String),
}

/// Starts an officer's session, or a choice where there are several
/// empowerments, in place of whatever session the browser had.
///
/// # Errors
/// When nobody empowered that officer, or the database fails.
pub async fn sign_in_officer(
    tx: &mut Tx,
    keys: &Keys,
    verified: &Verified,
    former_session: Option<&str>,
    now: Timestamp,
) -> Result<OfficerCookie, LoginError> {
    let (identity, idp_id) = claims::officer(&verified.claims)?;
    let officer = store::find_officer(tx, &verified.subject, &idp_id)
        .await?
        .ok_or(LoginError::NotEmpowered)?;
    let empowerments = store::list_live_empowerments(tx, &officer).await?;
    let subject = match empowerments.as_slice() {
        [] => return Err(LoginError::NotEmpowered),
        [only] => Subject::Officer(&officer, &only.id),
        _ => Subject::Choosing(&officer),
    };
    let choosing = matches!(subject, Subject::Choosing(_));
    // Names and addresses change with life; the officer is sub and idp_id.
    let sealed = keys
        .service
        .seal_json(&format!("officer/{officer}"), &identity);
    store::update_officer_identity(tx, &officer, sealed).await?;
    if let Some(former) = former_session {
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
        return Ok(OfficerCookie::Choice(cookie));
    }
    journal_officer(tx, &officer, &empowerments[0], &verified.acr, now).await?;
    Ok(OfficerCookie::Session(cookie))
}

/// The empowerments a choice cookie may choose from; none when it is over.
///
/// # Errors
/// When the database fails.
pub async fn choices(tx: &mut Tx, cookie: &str, now: Timestamp) -> Result<Vec<Empowerment>, Fault> {
    match session::find_choosing(tx, cookie, now).await? {
        Some(officer) => store::list_live_empowerments(tx, &officer).await,
        None => Ok(Vec::new()),
    }
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
    let empowerments = store::list_live_empowerments(tx, &chosen.officer).await?;
    let Some(empowerment) = empowerments
        .iter()
        .find(|candidate| candidate.id == *empowerment)
    else {
        return Err(LoginError::NotEmpowered);
    };
    let cookie = session::start(
        tx,
        keys,
        Subject::Officer(&chosen.officer, &empowerment.id),
        &chosen.acr,
        &chosen.amr,
        &chosen.id_token,
        now,
    )
    .await?;
    journal_officer(tx, &chosen.officer, empowerment, &chosen.acr, now).await?;
    Ok(cookie)
}

/// The empowerments an officer who is signed in may change to.
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
    let held = store::list_live_empowerments(tx, &chosen.officer).await?;
    let held = held.iter().find(|held| held.id == *empowerment);
    let held = held.ok_or(LoginError::NotEmpowered)?;
    journal_officer(tx, &chosen.officer, held, &chosen.acr, now).await?;
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
