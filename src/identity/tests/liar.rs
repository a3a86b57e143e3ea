//! An OpenID provider that lies in one chosen way, and is honest otherwise.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::NOW;

/// The one thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    None,
    /// Discovery answers 503.
    Down,
    /// Discovery names another issuer.
    DiscoveryOfAnother,
    /// The key set changes between discovery and the token, honestly.
    KeyRotated,
    /// Its clock is almost a minute behind ours, honestly.
    AMinuteSlow,
    /// Its clock is so many seconds before ours, honestly.
    Skewed(i64),
    // The token endpoint.
    CodeRefused,
    TokenNotJson,
    TokenEndless,
    TokenRedirects,
    NoIdToken,
    // The id token.
    WrongNonce,
    NoNonce,
    WrongIssuer,
    WrongAudience,
    SecondAudience,
    Expired,
    IssuedLongAgo,
    IssuedInFuture,
    /// Issued so many seconds from now, and good for a minute from now.
    IssuedAt(i64),
    WrongLevel,
    NoLevel,
    /// Honestly: the person authenticated so many seconds from now.
    AuthenticatedAt(i64),
    /// It does not say when the person authenticated.
    AuthenticatedWhenever,
    AlgNone,
    Hs256WithPublicPoint,
    Hs256WithPublicJwk,
    Hs256WithClientSecret,
    OtherKey,
    UnknownKeyId,
    CriticalHeader,
    // The user information.
    UserinfoUnsigned,
    UserinfoMislabelled,
    UserinfoAlgNone,
    UserinfoHs256,
    UserinfoOtherKey,
    UserinfoUnknownKeyId,
    UserinfoOtherSubject,
    UserinfoWrongIssuer,
    UserinfoWrongAudience,
    UserinfoNoAudience,
    UserinfoExpired,
    UserinfoGarbage,
    UserinfoRefused,
    IdentityIncomplete,
    /// An officer without a name, or without the provider they come from.
    OfficerNameless,
    OfficerOfNoProvider,
    /// Honestly: a helper with a mandate is at the keyboard.
    ByHelper,
    /// Honestly: which of its providers vouched for them.
    ByProviderOf(&'static str),
    /// Honestly: the person was renamed since they first came.
    RenamedSince,
}

impl Lie {
    /// The provider's time, in seconds.
    fn clock(self) -> i64 {
        match self {
            Lie::Skewed(seconds) => NOW.seconds() + seconds,
            _ => NOW.seconds(),
        }
    }
}

struct Key {
    der: Vec<u8>,
    point: Vec<u8>,
    kid: &'static str,
}

impl Key {
    fn new(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random)
                .unwrap();
        Key {
            der: der.as_ref().to_vec(),
            point: pair.public_key().as_ref().to_vec(),
            kid,
        }
    }

    fn jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(&self.point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&self.point[33..65]),
        })
    }

    fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&self.der)).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(self.kid, claims)
    }
}

fn hs256(kid: &str, secret: &[u8], claims: &Value) -> String {
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

struct Shared {
    issuer: String,
    lie: Mutex<Lie>,
    nonce: Mutex<String>,
    /// What level an honest token vouches for.
    level: &'static str,
    key: Key,
    next_key: Key,
    foreign_key: Key,
    key_sets: AtomicUsize,
    discoveries: AtomicUsize,
}

pub(super) struct Liar {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Liar {
    /// In FranceConnect's place.
    pub(super) async fn start() -> Self {
        Self::vouching("eidas1").await
    }

    /// In ProConnect's place.
    pub(super) async fn of_officers() -> Self {
        Self::vouching("eidas1-mfa").await
    }

    async fn vouching(level: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let shared = Arc::new(Shared {
            issuer: format!("http://{}/api/v2", listener.local_addr().unwrap()),
            lie: Mutex::new(Lie::None),
            nonce: Mutex::default(),
            level,
            key: Key::new("one"),
            next_key: Key::new("two"),
            foreign_key: Key::new("one"),
            key_sets: AtomicUsize::new(0),
            discoveries: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/api/v2/.well-known/openid-configuration", get(discovery))
            .route("/api/v2/jwks", get(jwks))
            .route("/api/v2/token", post(token))
            .route("/api/v2/elsewhere", get(token).post(token))
            .route("/api/v2/userinfo", get(userinfo))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Liar { shared, server }
    }

    pub(super) fn issuer(&self) -> String {
        self.shared.issuer.clone()
    }

    pub(super) fn tells(&self, lie: Lie) {
        *self.shared.lie.lock().unwrap() = lie;
    }

    /// The nonce that an honest token answers with.
    pub(super) fn heard(&self, nonce: String) {
        *self.shared.nonce.lock().unwrap() = nonce;
    }

    /// How many times the key set was fetched.
    pub(super) fn key_sets(&self) -> usize {
        self.shared.key_sets.load(Ordering::SeqCst)
    }

    /// How many times discovery was asked for.
    pub(super) fn discoveries(&self) -> usize {
        self.shared.discoveries.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn lie(&self) -> Lie {
        *self.lie.lock().unwrap()
    }
}

type Provider = State<Arc<Shared>>;

async fn discovery(State(shared): Provider) -> Response {
    shared.discoveries.fetch_add(1, Ordering::SeqCst);
    if shared.lie() == Lie::Down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let issuer = &shared.issuer;
    let named = if shared.lie() == Lie::DiscoveryOfAnother {
        "https://ailleurs.example/api/v2"
    } else {
        issuer
    };
    Json(json!({
        "issuer": named,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/session/end"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    }))
    .into_response()
}

async fn jwks(State(shared): Provider) -> Json<Value> {
    let before = shared.key_sets.fetch_add(1, Ordering::SeqCst);
    let key = if shared.lie() == Lie::KeyRotated && before > 0 {
        &shared.next_key
    } else {
        &shared.key
    };
    Json(json!({ "keys": [key.jwk()] }))
}

async fn token(State(shared): Provider) -> Response {
    let lie = shared.lie();
    match lie {
        Lie::CodeRefused => {
            let body = json!({ "error": "invalid_grant", "error_description": "<b>no</b>" });
            return (StatusCode::BAD_REQUEST, Json(body)).into_response();
        }
        Lie::TokenNotJson => return "good morning".into_response(),
        Lie::TokenEndless => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            return (kind, " ".repeat(2 * 1024 * 1024)).into_response();
        }
        Lie::TokenRedirects => {
            return axum::response::Redirect::temporary("/api/v2/elsewhere").into_response();
        }
        _ => {}
    }
    let mut body = json!({
        "access_token": "access", "token_type": "Bearer", "expires_in": 60,
        "id_token": id_token(&shared, lie),
    });
    if lie == Lie::NoIdToken {
        body.as_object_mut().unwrap().remove("id_token");
    }
    Json(body).into_response()
}

fn id_token(shared: &Shared, lie: Lie) -> String {
    let now = lie.clock();
    let mut claims = json!({
        "iss": shared.issuer, "sub": "somebody", "aud": "visioplainte",
        "iat": now, "exp": now + 60, "acr": shared.level, "auth_time": now,
        "nonce": *shared.nonce.lock().unwrap(),
    });
    let (name, value) = match lie {
        Lie::WrongNonce => ("nonce", json!("0".repeat(64))),
        Lie::NoNonce => ("nonce", Value::Null),
        Lie::WrongIssuer => ("iss", json!("https://ailleurs.example/api/v2")),
        Lie::WrongAudience => ("aud", json!("another-service")),
        Lie::SecondAudience => ("aud", json!(["visioplainte", "another-service"])),
        Lie::Expired => ("exp", json!(now - 60)),
        Lie::AMinuteSlow => ("exp", json!(now - 59)),
        Lie::IssuedLongAgo => ("iat", json!(now - 3600)),
        Lie::IssuedInFuture => ("iat", json!(now + 3600)),
        Lie::IssuedAt(seconds) => ("iat", json!(now + seconds)),
        Lie::WrongLevel => ("acr", json!("eidas0")),
        Lie::NoLevel => ("acr", Value::Null),
        Lie::AuthenticatedAt(seconds) => ("auth_time", json!(now + seconds)),
        Lie::AuthenticatedWhenever => ("auth_time", Value::Null),
        _ => ("sub", json!("somebody")),
    };
    claims[name] = value;
    let key = &shared.key;
    match lie {
        Lie::KeyRotated => shared.next_key.sign(&claims),
        Lie::AlgNone => unsigned(&json!({ "alg": "none", "typ": "JWT" }), &claims, ""),
        Lie::Hs256WithPublicPoint => hs256(key.kid, &key.point, &claims),
        Lie::Hs256WithPublicJwk => hs256(key.kid, key.jwk().to_string().as_bytes(), &claims),
        Lie::Hs256WithClientSecret => hs256(key.kid, b"known-to-both", &claims),
        Lie::OtherKey => shared.foreign_key.sign(&claims),
        Lie::UnknownKeyId => shared.foreign_key.sign_as("nobody-knows", &claims),
        Lie::CriticalHeader => unsigned(
            &json!({ "alg": "ES256", "kid": key.kid, "crit": ["b64"], "b64": false }),
            &claims,
            "AAAA",
        ),
        _ => key.sign(&claims),
    }
}

async fn userinfo(State(shared): Provider) -> Response {
    let lie = shared.lie();
    let now = lie.clock();
    let mut claims = json!({
        "iss": shared.issuer, "sub": "somebody", "aud": "visioplainte", "iat": now,
        "given_name": "Angèle", "family_name": "DUPRÉ", "gender": "female",
        "birthdate": "1990-02-03", "birthplace": "35238", "birthcountry": "99100",
        "usual_name": "DUPRÉ", "email": "angele.dupre@interieur.example", "idp_id": "one-of-them",
    });
    let (name, value) = match lie {
        Lie::UserinfoOtherSubject => ("sub", json!("somebody-else")),
        Lie::UserinfoWrongIssuer => ("iss", json!("https://ailleurs.example/api/v2")),
        Lie::UserinfoWrongAudience => ("aud", json!(["visioplainte", "another-service"])),
        Lie::UserinfoNoAudience => ("aud", Value::Null),
        Lie::UserinfoExpired => ("exp", json!(now - 60)),
        Lie::AMinuteSlow => ("exp", json!(now - 59)),
        Lie::Skewed(_) => ("exp", json!(now + 60)),
        Lie::IdentityIncomplete => ("birthdate", json!("")),
        Lie::OfficerNameless => ("usual_name", json!("")),
        Lie::OfficerOfNoProvider => ("idp_id", Value::Null),
        Lie::ByHelper => ("rep_scope", json!(["Justice"])),
        Lie::ByProviderOf(provider) => ("idp_id", json!(provider)),
        Lie::RenamedSince => ("family_name", json!("MARTIN")),
        _ => ("sub", json!("somebody")),
    };
    claims[name] = value;
    let key = &shared.key;
    let jwt = match lie {
        Lie::UserinfoRefused => return StatusCode::UNAUTHORIZED.into_response(),
        Lie::UserinfoUnsigned => return Json(claims).into_response(),
        Lie::UserinfoAlgNone => unsigned(&json!({ "alg": "none" }), &claims, ""),
        Lie::UserinfoHs256 => hs256(key.kid, &key.point, &claims),
        Lie::UserinfoOtherKey => shared.foreign_key.sign(&claims),
        Lie::UserinfoUnknownKeyId => shared.foreign_key.sign_as("nobody-knows", &claims),
        Lie::UserinfoGarbage => "é.é.é".into(),
        Lie::KeyRotated => shared.next_key.sign(&claims),
        _ => key.sign(&claims),
    };
    let kind = match lie {
        Lie::UserinfoMislabelled => "application/json",
        _ => "application/jwt",
    };
    ([(header::CONTENT_TYPE, kind)], jwt).into_response()
}
