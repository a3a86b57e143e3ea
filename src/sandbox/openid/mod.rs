//! A small real OpenID provider with two faces: FranceConnect for citizens and
//! ProConnect for officers, under `/bac-a-sable/{face}/api/v2`.
//!
//! It keeps nothing: requests, codes and access tokens are sealed values, so a
//! service killed between two steps goes on where it was; only the set of codes
//! already used is in memory, and codes live thirty seconds. It keeps no
//! session of its own either, so every login asks who one is.

mod grants;
mod pages;
mod request;
mod signing;

use crate::app::App;
use crate::db::hex;
use crate::identity::ProviderName;
use crate::keys::Keys;

pub use pages::router;

/// Issuer of one face.
#[must_use]
pub fn issuer(app: &App, face: ProviderName) -> String {
    format!("{}/bac-a-sable/{face}/api/v2", app.config.public_url)
}

/// Subject of an officer: one for each identity provider, as at ProConnect.
#[must_use]
pub fn officer_subject(keys: &Keys, officer: &str) -> String {
    let digest = digest(keys, &format!("proconnect/{officer}"));
    let text = hex(&digest);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..32]
    )
}

/// Subject of a citizen: pairwise, 64 hexadecimal digits and `v1`.
fn citizen_subject(keys: &Keys, client_id: &str, citizen: &str) -> String {
    let digest = digest(keys, &format!("franceconnect/{client_id}/{citizen}"));
    format!("{}v1", hex(&digest))
}

/// 32 bytes that only this installation derives.
fn digest(keys: &Keys, label: &str) -> [u8; 32] {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &keys.signing_seed);
    let tag = ring::hmac::sign(&key, format!("sandbox-openid/{label}").as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// What the one client of each face is registered with.
struct Registration {
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    after_logout: String,
}

impl Registration {
    fn of(app: &App, face: ProviderName) -> Self {
        let config = &app.config;
        let (client_id, client_secret, callback) = match face {
            ProviderName::FranceConnect => (
                &config.franceconnect_client_id,
                &config.franceconnect_client_secret,
                "/connexion/franceconnect/retour",
            ),
            ProviderName::ProConnect => (
                &config.proconnect_client_id,
                &config.proconnect_client_secret,
                "/agent/connexion/proconnect/retour",
            ),
        };
        Registration {
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            redirect_uri: format!("{}{callback}", config.public_url),
            after_logout: format!("{}/deconnexion/retour", config.public_url),
        }
    }
}
