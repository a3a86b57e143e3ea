//! Verifies the two tokens that open a node: a participant's join token and the
//! service's control token, JWT signed with Ed25519 (RFC 7519, RFC 8037).
//!
//! The node holds only the public key: it can verify tokens and cannot mint
//! them. Whether the seat still exists is for the room document to say.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::room_document::{ParticipantId, Role, RoomId};

/// Audience of a join token.
pub const JOIN_AUDIENCE: &str = "visioplainte-media";

/// Audience of a control token.
pub const CONTROL_AUDIENCE: &str = "visioplainte-control";

/// How far the clocks of the service and of a node may differ, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 30;

/// Tokens longer than this are refused unread, in bytes.
const LONGEST_TOKEN: usize = 4096;

/// What a join token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinClaims {
    /// [`JOIN_AUDIENCE`].
    pub aud: String,
    /// Which room it opens.
    pub room: RoomId,
    /// Which seat.
    pub sub: ParticipantId,
    /// In which quality; shown by the page, the seat's own role is what counts.
    pub role: Role,
    /// Identifier of the token, for the service's journal.
    pub jti: String,
    /// Generation of the seat; older ones are refused once the seat has moved.
    #[serde(rename = "gen")]
    pub generation: u32,
    /// Issued at, in seconds since the Unix epoch.
    pub iat: i64,
    /// Expires at, in seconds since the Unix epoch.
    pub exp: i64,
}

/// What a control token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlClaims {
    /// [`CONTROL_AUDIENCE`].
    pub aud: String,
    /// Which instance of the service.
    pub sub: String,
    /// Issued at, in seconds since the Unix epoch.
    pub iat: i64,
    /// Expires at, in seconds since the Unix epoch.
    pub exp: i64,
}

/// Why a token does not open anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Forged, for another audience, signed in another way or not a token.
    #[error("the token is not one of ours")]
    Invalid,
    /// Its time has passed.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come, beyond what clocks may differ.
    #[error("the token is not valid yet")]
    NotYet,
}

/// The public half of the key that signs tokens.
#[derive(Clone)]
pub struct TokenKey(DecodingKey);

impl TokenKey {
    /// From the 32 bytes of an Ed25519 public key (RFC 8032).
    pub fn new(public_key: &[u8; 32]) -> Self {
        Self(DecodingKey::from_ed_der(public_key))
    }
}

/// Verifies a join token; `now` is in seconds since the Unix epoch.
pub fn verify_join(token: &str, key: &TokenKey, now: i64) -> Result<JoinClaims, TokenError> {
    let claims: JoinClaims = decode(token, key, JOIN_AUDIENCE)?;
    check_times(claims.iat, claims.exp, now)?;
    Ok(claims)
}

/// Verifies a control token; `now` is in seconds since the Unix epoch.
pub fn verify_control(token: &str, key: &TokenKey, now: i64) -> Result<ControlClaims, TokenError> {
    let claims: ControlClaims = decode(token, key, CONTROL_AUDIENCE)?;
    check_times(claims.iat, claims.exp, now)?;
    Ok(claims)
}

fn decode<C: DeserializeOwned>(
    token: &str,
    key: &TokenKey,
    audience: &str,
) -> Result<C, TokenError> {
    if token.len() > LONGEST_TOKEN {
        return Err(TokenError::Invalid);
    }
    // The library reads the system's clock; here time is an argument, so the
    // two dates are checked by `check_times`.
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["aud", "exp"]);
    validation.set_audience(&[audience]);
    jsonwebtoken::decode(token, &key.0, &validation)
        .map(|decoded| decoded.claims)
        .map_err(|_| TokenError::Invalid)
}

fn check_times(issued_at: i64, expires_at: i64, now: i64) -> Result<(), TokenError> {
    if expires_at <= now {
        return Err(TokenError::Expired);
    }
    if issued_at > now.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err(TokenError::NotYet);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jsonwebtoken::{EncodingKey, Header};
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    const NOW: i64 = 1_790_000_000;

    struct Signer {
        private: EncodingKey,
        public: TokenKey,
    }

    fn signer() -> Signer {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        Signer {
            private: EncodingKey::from_ed_der(pkcs8.as_ref()),
            public: TokenKey::new(pair.public_key().as_ref().try_into().unwrap()),
        }
    }

    fn claims() -> JoinClaims {
        JoinClaims {
            aud: JOIN_AUDIENCE.into(),
            room: "r1".into(),
            sub: "p1".into(),
            role: Role::Citizen,
            jti: "t1".into(),
            generation: 1,
            iat: NOW,
            exp: NOW + 120,
        }
    }

    fn mint(signer: &Signer, algorithm: Algorithm, claims: &JoinClaims) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &signer.private).unwrap()
    }

    #[test]
    fn a_join_token_opens_only_what_it_says_while_it_lasts() {
        let ours = signer();
        let other = signer();
        let good = mint(&ours, Algorithm::EdDSA, &claims());
        let control_audience = JoinClaims {
            aud: CONTROL_AUDIENCE.into(),
            ..claims()
        };
        let future = JoinClaims {
            iat: NOW + 31,
            ..claims()
        };
        let mut tampered = good.clone().into_bytes();
        let middle = tampered.len() / 2;
        tampered[middle] ^= 1;
        let tampered = String::from_utf8(tampered).unwrap();
        // {"alg":"none"} with an empty signature, and an HMAC keyed with what an
        // attacker knows: the two classic forgeries.
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
        let confused = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims(),
            &EncodingKey::from_secret(&[7; 32]),
        )
        .unwrap();

        for (case, token, now, expected) in [
            ("fresh", good.clone(), NOW, Ok(claims())),
            ("last second", good.clone(), NOW + 119, Ok(claims())),
            ("expired", good.clone(), NOW + 120, Err(TokenError::Expired)),
            (
                "from another service",
                mint(&other, Algorithm::EdDSA, &claims()),
                NOW,
                Err(TokenError::Invalid),
            ),
            (
                "a control token",
                mint(&ours, Algorithm::EdDSA, &control_audience),
                NOW,
                Err(TokenError::Invalid),
            ),
            (
                "issued in the future",
                mint(&ours, Algorithm::EdDSA, &future),
                NOW,
                Err(TokenError::NotYet),
            ),
            ("tampered", tampered, NOW, Err(TokenError::Invalid)),
            ("unsigned", unsigned, NOW, Err(TokenError::Invalid)),
            ("HMAC", confused, NOW, Err(TokenError::Invalid)),
            ("empty", String::new(), NOW, Err(TokenError::Invalid)),
            ("huge", "a".repeat(1 << 20), NOW, Err(TokenError::Invalid)),
        ] {
            assert_eq!(verify_join(&token, &ours.public, now), expected, "{case}");
        }
    }

    #[test]
    fn a_token_longer_than_any_is_not_read() {
        let ours = signer();
        for (padding, opens) in [(1_000, true), (LONGEST_TOKEN, false)] {
            let long = JoinClaims {
                jti: "x".repeat(padding),
                ..claims()
            };
            let token = mint(&ours, Algorithm::EdDSA, &long);
            let found = verify_join(&token, &ours.public, NOW);
            assert_eq!(found.is_ok(), opens, "{padding}");
        }
    }

    #[test]
    fn a_join_token_is_not_a_control_token() {
        let ours = signer();
        let token = mint(&ours, Algorithm::EdDSA, &claims());
        assert_eq!(
            verify_control(&token, &ours.public, NOW),
            Err(TokenError::Invalid)
        );
    }
}
