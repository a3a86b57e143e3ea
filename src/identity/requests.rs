//! An officer whom nobody has empowered asks for it: after their login was
//! refused, they get a code to tell their administrator. The code names who
//! ProConnect said they are, subject and provider, so that the right person is
//! empowered before their first session. Nothing is reconciled by an e-mail address.

use serde::{Deserialize, Serialize};

use super::OfficerIdentity;
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx, random_bytes};
use crate::error::Fault;
use crate::keys::{Keys, sha256_hex};
use crate::{execute, fetch_optional};

/// A code can be told for this long; then who asked is forgotten.
pub const CODE_MINUTES: i64 = 7 * 24 * 60;
/// A refused login can be turned into a request for this long.
pub const ASK_MINUTES: i64 = 15;

/// Digits and letters that are not taken for each other when read aloud.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code, without its first one: 49 bits.
const LETTERS: usize = 10;

/// Whom a provider vouched for and nobody empowered. Sealed in a cookie of that
/// browser until they ask or leave; kept nowhere else before they ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TurnedAway {
    /// Subject at ProConnect.
    pub sub: String,
    /// Which of its providers.
    pub idp_id: String,
    /// Who they are.
    pub identity: OfficerIdentity,
    /// For the logout at the provider.
    pub id_token: String,
    /// When they were turned away.
    pub at: Timestamp,
}

/// Somebody who asked.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Key of the request.
    pub id: Id,
    /// Subject at ProConnect.
    pub sub: String,
    /// Which of its providers.
    pub idp_id: String,
    /// Who they are.
    pub identity: OfficerIdentity,
}

/// `D-7K3M9-2QXTZ`.
fn random_code() -> String {
    let mut letters = String::with_capacity(LETTERS);
    while letters.len() < LETTERS {
        for byte in random_bytes::<16>() {
            // 240 is 8 × 30: every letter is as likely as the others.
            if byte < 240 && letters.len() < LETTERS {
                letters.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            }
        }
    }
    format!("D-{}-{}", &letters[..5], &letters[5..])
}

/// A code as it was typed: case, spaces and hyphens do not matter.
fn normalized(typed: &str) -> String {
    typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

fn hash_of(code: &str) -> String {
    sha256_hex(format!("empowerment-request/{}", normalized(code)).as_bytes())
}

/// Keeps a request; gives its code. Asking again replaces the former code.
///
/// # Errors
/// When the database fails.
pub async fn ask(
    tx: &mut Tx,
    keys: &Keys,
    turned_away: &TurnedAway,
    now: Timestamp,
) -> Result<String, Fault> {
    let (id, code) = (Id::random(), random_code());
    let sealed = keys.service.seal_json(
        &format!(
            "empowerment-request/{}/{}",
            turned_away.idp_id, turned_away.sub
        ),
        &turned_away.identity,
    );
    execute!(
        tx,
        "insert into empowerment_requests (id, sub, idp_id, code_hash, sealed_identity, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (sub, idp_id) do update set
             id = excluded.id, code_hash = excluded.code_hash, sealed_identity = excluded.sealed_identity,
             created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = null, used_by = null",
        &id,
        &turned_away.sub,
        &turned_away.idp_id,
        hash_of(&code),
        sealed,
        now,
        now.plus_minutes(CODE_MINUTES)
    )?;
    audit::append(
        tx,
        audit::SERVICE_CHAIN,
        now,
        &Actor::System,
        "empowerment.ask",
        &format!("empowerment-request/{id}"),
        "",
    )
    .await?;
    Ok(code)
}

/// Who asked with a code that still lives.
///
/// # Errors
/// When the database fails or the sealed identity does not open.
pub async fn find(
    tx: &mut Tx,
    keys: &Keys,
    typed: &str,
    now: Timestamp,
) -> Result<Option<Asking>, Fault> {
    let row = fetch_optional!(
        tx,
        (Id, String, String, Vec<u8>),
        "select id, sub, idp_id, sealed_identity from empowerment_requests
         where code_hash = $1 and used_at is null and expires_at > $2",
        hash_of(typed),
        now
    )?;
    let Some((id, sub, idp_id, sealed)) = row else {
        return Ok(None);
    };
    let place = format!("empowerment-request/{idp_id}/{sub}");
    Ok(Some(Asking {
        identity: keys.service.open_json(&place, &sealed)?,
        id,
        sub,
        idp_id,
    }))
}

/// Uses a request, once; false when somebody did before, or it has expired.
///
/// # Errors
/// When the database fails.
pub(super) async fn use_up(
    tx: &mut Tx,
    request: &Id,
    by: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update empowerment_requests set used_at = $2, used_by = $3
         where id = $1 and used_at is null and expires_at > $2",
        request,
        now,
        by.to_string()
    )?;
    Ok(rows == 1)
}

#[cfg(test)]
mod tests {
    use super::{hash_of, random_code};

    #[test]
    fn a_code_is_the_same_however_it_is_typed_and_never_a_number() {
        let code = random_code();
        assert_eq!(code.len(), 13);
        assert!(
            code.starts_with("D-") && code.as_bytes()[7] == b'-',
            "{code}"
        );
        let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
        assert_eq!(hash_of(&typed), hash_of(&code));
        assert_ne!(hash_of(&random_code()), hash_of(&code));
    }
}
