//! The provider's signing key (ES256), derived from the master secret so that
//! it outlives a restart, and the JWTs made with it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::EncodePrivateKey;
use serde_json::{Value, json};

use crate::error::Fault;
use crate::identity::ProviderName;
use crate::keys::{Keys, sha256_hex};

/// The key of one face.
pub(super) struct SigningKey {
    secret: SecretKey,
    x: String,
    y: String,
    kid: String,
}

impl SigningKey {
    pub(super) fn of(keys: &Keys, face: ProviderName) -> Self {
        let secret = (0..=u8::MAX)
            .find_map(|attempt| {
                let bytes = super::digest(keys, &format!("{face}/es256/{attempt}"));
                SecretKey::from_slice(&bytes).ok()
            })
            .expect(
                "one draw in four thousand million is no scalar of the curve, never 256 in a row",
            );
        let point = secret.public_key().to_encoded_point(false);
        let coordinate = |bytes: Option<&p256::FieldBytes>| {
            URL_SAFE_NO_PAD
                .encode(bytes.expect("an uncompressed public point has both coordinates"))
        };
        let (x, y) = (coordinate(point.x()), coordinate(point.y()));
        SigningKey {
            kid: sha256_hex(format!("{x}.{y}").as_bytes())[..16].to_owned(),
            secret,
            x,
            y,
        }
    }

    /// The public half, as the key set shows it.
    pub(super) fn public_jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "kid": self.kid, "x": self.x, "y": self.y,
        })
    }

    /// A signed JWT.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, Fault> {
        let der = self.secret.to_pkcs8_der().map_err(Fault::other)?;
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(der.as_bytes()))
            .map_err(Fault::other)
    }

    /// Whether an id token was made here for that client; an old one is as
    /// good as a fresh one, since it only says whose session ends.
    pub(super) fn made(&self, id_token: &str, issuer: &str, client_id: &str) -> bool {
        let Ok(key) = DecodingKey::from_ec_components(&self.x, &self.y) else {
            return false;
        };
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["iss", "aud"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[client_id]);
        jsonwebtoken::decode::<Value>(id_token, &key, &validation).is_ok()
    }
}
