//! Codes, access tokens and pending requests, all of them sealed values that
//! carry what they grant; and the memory of the codes already used.

use std::collections::BTreeMap;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::request::AuthorizationRequest;
use crate::clock::Timestamp;
use crate::db::random_hex;
use crate::identity::ProviderName;
use crate::keys::Keys;

/// What a sealed value is for, and how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The page that asks who one is.
    Asked,
    /// The authorization code.
    Code,
    /// The access token.
    Access,
}

impl Purpose {
    /// Lifetime in seconds, as FranceConnect documents it for the last two.
    pub(super) fn seconds(self) -> i64 {
        match self {
            Purpose::Asked => 30 * 60,
            Purpose::Code => 30,
            Purpose::Access => 60,
        }
    }

    fn place(self, face: ProviderName) -> String {
        format!("sandbox-openid/{face}/{self:?}")
    }
}

/// Who consented to what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Grant {
    /// Key of the demonstration person.
    pub person: String,
    /// Level vouched for.
    pub acr: String,
    /// The request it answers.
    pub request: AuthorizationRequest,
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    id: String,
    made_at: Timestamp,
    value: T,
}

/// Seals a value as text for an address or a header.
pub(super) fn seal<T: Serialize>(
    keys: &Keys,
    face: ProviderName,
    purpose: Purpose,
    value: T,
    now: Timestamp,
) -> String {
    let sealed = Sealed {
        id: random_hex::<16>(),
        made_at: now,
        value,
    };
    URL_SAFE_NO_PAD.encode(keys.service.seal_json(&purpose.place(face), &sealed))
}

/// Opens a value of that purpose which still lives; gives its id too.
pub(super) fn open<T: DeserializeOwned>(
    keys: &Keys,
    face: ProviderName,
    purpose: Purpose,
    text: &str,
    now: Timestamp,
) -> Option<(String, T)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let sealed: Sealed<T> = keys.service.open_json(&purpose.place(face), &bytes).ok()?;
    let alive = now < sealed.made_at.plus_seconds(purpose.seconds());
    alive.then_some((sealed.id, sealed.value))
}

/// The codes already used, for as long as they would live.
#[derive(Debug, Default)]
pub(super) struct UsedCodes(Mutex<BTreeMap<String, Timestamp>>);

impl UsedCodes {
    /// Whether this is the first use of a code.
    pub(super) fn first_use(&self, id: &str, now: Timestamp) -> bool {
        let mut used = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let horizon = now.plus_seconds(-2 * Purpose::Code.seconds());
        used.retain(|_, at| *at > horizon);
        used.insert(id.to_owned(), now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_serves_one_purpose_for_a_while() {
        let keys = Keys::from_master(&[3; 32]);
        let now = Timestamp(1_000_000);
        let face = ProviderName::FranceConnect;
        let code = seal(&keys, face, Purpose::Code, "x".to_owned(), now);
        let read = |face, purpose, text: &str, at| {
            open::<String>(&keys, face, purpose, text, at).map(|(_, value)| value)
        };
        for (face, purpose, text, at, expected) in [
            (face, Purpose::Code, code.as_str(), now, Some("x")),
            (face, Purpose::Code, &code, now.plus_seconds(29), Some("x")),
            (face, Purpose::Code, &code, now.plus_seconds(30), None),
            (face, Purpose::Access, &code, now, None),
            (ProviderName::ProConnect, Purpose::Code, &code, now, None),
            (face, Purpose::Code, "", now, None),
            (face, Purpose::Code, "é", now, None),
            (face, Purpose::Code, &code[1..], now, None),
        ] {
            assert_eq!(read(face, purpose, text, at).as_deref(), expected);
        }
    }

    #[test]
    fn a_code_is_used_once() {
        let used = UsedCodes::default();
        let now = Timestamp(1_000_000);
        assert!(used.first_use("a", now));
        assert!(!used.first_use("a", now.plus_seconds(29)));
        assert!(used.first_use("b", now));
    }
}
