//! The signed user information (`application/jwt`) of FranceConnect and
//! ProConnect. The OpenID library reads only RS256 there, while both providers
//! advise ES256, so the JWT is taken apart here; the signature itself is
//! checked by the library's keys. Pure: bytes, keys and `now` in, claims out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, JsonWebKeyAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::provider::LEEWAY_SECONDS;
use crate::clock::Timestamp;

/// What the JWT must say about itself.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Issuer of the provider.
    pub issuer: &'a str,
    /// Our client id: the only audience.
    pub client_id: &'a str,
    /// Subject of the id token of the same login.
    pub subject: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Why user information was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// Not a JWT that can be read.
    #[error("the user information is not a readable JWT")]
    Malformed,
    /// Unsigned, or signed with an algorithm that is not allowed.
    #[error("the user information is not signed with an allowed algorithm")]
    Algorithm,
    /// No key of the provider goes by that id: fetch the keys again, once.
    #[error("the user information is signed with an unknown key")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the user information is wrong")]
    Signature,
    /// Another provider's.
    #[error("the user information comes from another issuer")]
    Issuer,
    /// Meant for another service.
    #[error("the user information is meant for another client")]
    Audience,
    /// About somebody else.
    #[error("the user information is about another subject")]
    Subject,
    /// Out of date.
    #[error("the user information has expired")]
    Expired,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// Checks a signed JWT and gives its claims.
///
/// # Errors
/// The first thing found wrong. Nothing is read from the claims before the
/// signature has been checked.
pub fn verify(
    jwt: &str,
    keys: &CoreJsonWebKeySet,
    expected: &Expected<'_>,
) -> Result<Map<String, Value>, UserinfoError> {
    let jwt = jwt.trim();
    let (signed, signature) = jwt.rsplit_once('.').ok_or(UserinfoError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(UserinfoError::Malformed)?;
    let header: Header = decoded(header)?;
    if header.crit.is_some() {
        return Err(UserinfoError::Algorithm);
    }
    let algorithm = match header.alg.as_str() {
        "ES256" => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        "RS256" => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        _ => return Err(UserinfoError::Algorithm),
    };
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| UserinfoError::Malformed)?;
    key_for(keys, header.kid.as_deref(), &algorithm)?
        .verify_signature(&algorithm, signed.as_bytes(), &signature)
        .map_err(|_| UserinfoError::Signature)?;
    claims(payload, expected)
}

/// The claims of a payload whose signature is right, once they are meant for us,
/// in date and about the person expected.
///
/// # Errors
/// The first thing found wrong.
pub(crate) fn claims(
    payload: &str,
    expected: &Expected<'_>,
) -> Result<Map<String, Value>, UserinfoError> {
    let claims: Map<String, Value> = decoded(payload)?;
    check(&claims, expected)?;
    Ok(claims)
}

fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, UserinfoError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| UserinfoError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| UserinfoError::Malformed)
}

/// The one key that fits; a header without `kid` is accepted only where there
/// is no choice, as OpenID Connect Core 10.1 says.
fn key_for<'a>(
    keys: &'a CoreJsonWebKeySet,
    kid: Option<&str>,
    algorithm: &CoreJwsSigningAlgorithm,
) -> Result<&'a CoreJsonWebKey, UserinfoError> {
    let mut fitting = keys.keys().iter().filter(|key| {
        let same_id = kid.is_none() || kid == key.key_id().map(|id| id.as_str());
        let same_algorithm = match key.signing_alg() {
            JsonWebKeyAlgorithm::Unspecified => true,
            JsonWebKeyAlgorithm::Algorithm(of_key) => of_key == algorithm,
            JsonWebKeyAlgorithm::Unsupported => false,
        };
        same_id && same_algorithm
    });
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(UserinfoError::UnknownKey),
    }
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), UserinfoError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(UserinfoError::Issuer);
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(audience)) => audience == expected.client_id,
        Some(Value::Array(audiences)) => {
            !audiences.is_empty()
                && audiences
                    .iter()
                    .all(|audience| audience.as_str() == Some(expected.client_id))
        }
        _ => false,
    };
    if !for_us {
        return Err(UserinfoError::Audience);
    }
    if text("sub") != Some(expected.subject) {
        return Err(UserinfoError::Subject);
    }
    match claims.get("exp") {
        None => Ok(()),
        Some(exp) => match exp.as_f64() {
            #[allow(clippy::cast_precision_loss)] // seconds fit a double until long after us
            Some(exp) if exp > (expected.now.seconds() - LEEWAY_SECONDS) as f64 => Ok(()),
            _ => Err(UserinfoError::Expired),
        },
    }
}
