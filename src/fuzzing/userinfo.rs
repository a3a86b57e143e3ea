//! User information: as bytes of a stranger, which never pass; and as any content
//! of the provider, which passes only when it is meant for us and about the person
//! who logs in. Some of these are really signed, and must be judged like the rest:
//! not all, for then nine tenths of the time would go into the curve's arithmetic.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::CoreJsonWebKeySet;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::identity::claims;
use crate::identity::userinfo::{self, Expected, UserinfoError, verify};

const EXPECTED: Expected<'_> = Expected {
    issuer: "https://fc.example/api/v2",
    client_id: "visioplainte",
    subject: "camille",
    now: Timestamp(1_772_438_400_000),
};

/// One content in that many is signed: chosen by the content itself, so that an
/// input that fell falls again.
const SIGNED_ONE_IN: usize = 64;

struct Provider {
    pair: EcdsaKeyPair,
    keys: CoreJsonWebKeySet,
    random: SystemRandom,
}

static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("our own key");
    // An uncompressed point: 4, x, y (SEC 1 section 2.3.3).
    let point = pair.public_key().as_ref();
    let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
    let keys = serde_json::json!({"keys": [
        {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k", "x": x, "y": y}
    ]});
    let keys = serde_json::from_value(keys).expect("a set of keys");
    Provider { pair, keys, random }
});

impl Provider {
    /// What we make of that payload once the provider has signed it.
    fn signed(&self, payload: &str) -> Result<Map<String, Value>, UserinfoError> {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"k"}"#);
        let signed = format!("{header}.{payload}");
        let signature = self.pair.sign(&self.random, signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("a signature"));
        verify(&format!("{signed}.{signature}"), &self.keys, &EXPECTED)
    }
}

pub fn run(data: &[u8]) {
    let provider = &*PROVIDER;
    let text = String::from_utf8_lossy(data);
    assert!(verify(&text, &provider.keys, &EXPECTED).is_err());

    let payload = URL_SAFE_NO_PAD.encode(data);
    let read = userinfo::claims(&payload, &EXPECTED);
    let sum: usize = data.iter().map(|byte| usize::from(*byte)).sum();
    if sum.is_multiple_of(SIGNED_ONE_IN) {
        assert_eq!(provider.signed(&payload), read);
    }
    let Ok(read) = read else {
        return;
    };
    assert_eq!(read["iss"], EXPECTED.issuer);
    assert_eq!(read["sub"], EXPECTED.subject);
    if let Ok(person) = claims::citizen(&read) {
        assert!(!person.given_name.is_empty() || !person.family_name.is_empty());
    }
    let _ = claims::is_by_helper(&read, &[]);
    if let Ok((officer, idp)) = claims::officer(&read) {
        let _ = (officer, idp);
    }
}
