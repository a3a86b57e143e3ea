//! Time-limited TURN credentials, in the form that coturn checks with
//! `use-auth-secret` (draft-uberti-behave-turn-rest): the user name carries the
//! expiry, the password is its HMAC-SHA1 under a secret shared with the relay.
//!
//! A relay only sees encrypted media. The user name carries an opaque identifier
//! and never a name, because relays log it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// What a page gives to `RTCPeerConnection` for a relay.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnCredentials {
    /// `expiry:subject`, where expiry is in seconds since the Unix epoch.
    pub username: String,
    /// Base64 of HMAC-SHA1(secret, username).
    pub credential: String,
}

/// Credentials for `subject` until `expires_at`, in seconds since the Unix epoch.
///
/// `subject` must be opaque: relays write it in their logs.
pub fn credentials(secret: &[u8], subject: &str, expires_at: i64) -> TurnCredentials {
    let username = format!("{expires_at}:{subject}");
    // SHA-1 is what coturn and the draft ask for; HMAC does not rest on its
    // resistance to collisions.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let credential = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    TurnCredentials {
        username,
        credential,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_coturn_computes() {
        // Expected value: printf '1790000000:k7' | openssl dgst -sha1 -hmac north -binary | base64
        let made = credentials(b"north", "k7", 1_790_000_000);
        assert_eq!(made.username, "1790000000:k7");
        assert_eq!(made.credential, "fWq8+oS6Qrr+XG4ITS/EqPZ2dcg=");
    }
}
