//! The cookie that binds seats to a browser: for each a secret of its own, the newest
//! first, since a lawyer hears two clients in one day. None of another's making opens
//! anything: whoever sits down gets a fresh one, and of each the hash alone is stored.

use axum_extra::extract::cookie::CookieJar;

use crate::app::App;
use crate::db::random_hex;
use crate::identity::session::{SEAT_COOKIE, cookie_name};
use crate::keys::sha256_hex;

/// As many seats as one browser holds; the oldest gives way.
const MOST: usize = 4;
const SECRET_LENGTH: usize = 64;

/// The secrets in a browser's cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeatCookie(Vec<String>);

impl SeatCookie {
    /// What a browser brought; what is no secret of a seat is left out.
    #[must_use]
    pub fn of(app: &App, jar: &CookieJar) -> Self {
        jar.get(&cookie_name(app.config.secure(), SEAT_COOKIE))
            .map_or_else(Self::default, |cookie| Self::parse(cookie.value()))
    }

    fn parse(value: &str) -> Self {
        let is_secret = |part: &&str| {
            part.len() == SECRET_LENGTH && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let parts = value.split('.').filter(is_secret).take(MOST);
        SeatCookie(parts.map(ToOwned::to_owned).collect())
    }

    /// The secrets, the newest first.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Hashes of the secrets, by which seats are found.
    #[must_use]
    pub fn hashes(&self) -> Vec<String> {
        let secrets = self.0.iter();
        secrets
            .map(|secret| sha256_hex(secret.as_bytes()))
            .collect()
    }

    /// The same with a fresh secret before the others; and the hash of that one.
    #[must_use]
    pub fn with_fresh(&self) -> (Self, String) {
        let fresh = random_hex::<32>();
        let hash = sha256_hex(fresh.as_bytes());
        let mut secrets = vec![fresh];
        secrets.extend(self.0.iter().take(MOST - 1).cloned());
        (SeatCookie(secrets), hash)
    }

    /// What the browser keeps.
    #[must_use]
    pub fn value(&self) -> String {
        self.0.join(".")
    }
}

#[cfg(test)]
mod tests {
    use super::SeatCookie;

    #[test]
    fn a_browser_keeps_its_newest_seats_and_nothing_that_is_none() {
        let mut cookie = SeatCookie::default();
        let mut hashes = Vec::new();
        for _ in 0..6 {
            let (next, hash) = cookie.with_fresh();
            cookie = SeatCookie::parse(&next.value());
            assert_eq!(cookie, next);
            hashes.insert(0, hash);
        }
        assert_eq!(cookie.hashes(), hashes[..4]);
        for nonsense in ["", ".", "a.b", "é", &"0".repeat(63), &"g".repeat(64)] {
            assert_eq!(SeatCookie::parse(nonsense), SeatCookie::default());
        }
        let endless = vec!["0".repeat(64); 1000].join(".");
        assert_eq!(SeatCookie::parse(&endless).hashes().len(), 4);
    }
}
