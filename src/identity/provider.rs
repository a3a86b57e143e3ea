//! Relying party of one OpenID provider: FranceConnect or ProConnect.
//!
//! What the provider says about itself is asked at the first login and again when a key
//! is unknown; `known` says how long it is believed. It knows neither database nor pages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{StatusCode, header};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType,
    CoreClient, CoreClientAuthMethod, CoreGrantType, CoreIdToken, CoreIdTokenClaims,
    CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthenticationContextClass, AuthorizationCode,
    ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, LogoutProviderMetadata, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadata, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LoginError;
use super::http::Http;
use super::known::{Belief, Known};
use super::level::Levels;
use super::login::{Departure, Remembered};
use super::userinfo::{self, Expected, UserinfoError};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::Fault;
use crate::text_enum;

/// How long after its end something signed still passes: their clocks and ours are
/// never quite the same, and an id token lives for a minute alone.
pub(super) const LEEWAY_SECONDS: i64 = 60;
/// An id token issued this long ago is refused, whatever it says of its end; one issued in
/// the future only passes as a clock that goes a minute before ours.
const ISSUED_WITHIN_SECONDS: i64 = 300;

text_enum! {
    /// Which provider.
    ProviderName {
        /// Citizens.
        FranceConnect = "franceconnect",
        /// Officers.
        ProConnect = "proconnect",
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct SaysIssuer {
    /// RFC 9207: every answer carries `iss`.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}
impl AdditionalProviderMetadata for SaysIssuer {}

type Metadata = ProviderMetadata<
    LogoutProviderMetadata<SaysIssuer>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// One provider, as this service is registered there.
#[derive(Debug)]
pub struct Provider {
    name: ProviderName,
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    redirect_uri: RedirectUrl,
    after_logout: PostLogoutRedirectUrl,
    scopes: Vec<&'static str>,
    levels: Levels,
    pkce: bool,
    http: Http,
    /// Never held while the provider is asked.
    known: Mutex<Known<Arc<Metadata>>>,
    /// Held by whoever asks.
    asking: tokio::sync::Mutex<()>,
}

/// What the provider vouches for, all of it verified.
#[derive(Debug)]
pub struct Verified {
    /// Subject, as this provider knows the person.
    pub subject: String,
    /// Level.
    pub acr: String,
    /// Means used, parted by spaces; empty when the provider does not tell.
    pub amr: String,
    /// When the person authenticated there, if the provider says so.
    pub authenticated_at: Option<Timestamp>,
    /// The raw id token, for the provider's logout.
    pub id_token: String,
    /// Claims of the signed user information.
    pub claims: Map<String, Value>,
}

impl Provider {
    /// The provider as the settings describe it. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(name: ProviderName, config: &Config) -> Result<Self, Fault> {
        let unusable = |error: openidconnect::url::ParseError| {
            Fault::other(format!("address of {name}: {error}"))
        };
        let (issuer, given, client_id, client_secret, pkce) = match name {
            ProviderName::FranceConnect => (
                config.franceconnect_issuer(),
                &config.franceconnect_issuer,
                &config.franceconnect_client_id,
                &config.franceconnect_client_secret,
                config.franceconnect_pkce,
            ),
            ProviderName::ProConnect => (
                config.proconnect_issuer(),
                &config.proconnect_issuer,
                &config.proconnect_client_id,
                &config.proconnect_client_secret,
                config.proconnect_pkce,
            ),
        };
        // The least that a complaint, or an officer's empowerment, needs.
        let (mut scopes, levels, callback) = match name {
            ProviderName::FranceConnect => (
                vec![
                    "given_name",
                    "family_name",
                    "gender",
                    "birthdate",
                    "birthplace",
                    "birthcountry",
                    "preferred_username",
                    "email",
                ],
                Levels::AtLeast(config.franceconnect_acr.clone()),
                "/connexion/franceconnect/retour",
            ),
            ProviderName::ProConnect => (
                vec!["given_name", "usual_name", "email", "uid", "idp_id"],
                Levels::OneOf(config.proconnect_acr.clone()),
                "/agent/connexion/proconnect/retour",
            ),
        };
        // Which provider vouched for a citizen is nobody's business but to tell a helper.
        if name == ProviderName::FranceConnect && !config.franceconnect_helpers.is_empty() {
            scopes.push("idp_id");
        }
        let roots = (!config.provider_roots.as_os_str().is_empty())
            .then_some(config.provider_roots.as_path());
        Ok(Provider {
            name,
            issuer: IssuerUrl::new(issuer).map_err(unusable)?,
            client_id: ClientId::new(client_id.clone()),
            client_secret: ClientSecret::new(client_secret.clone()),
            redirect_uri: RedirectUrl::new(format!("{}{callback}", config.public_url))
                .map_err(unusable)?,
            after_logout: PostLogoutRedirectUrl::new(format!(
                "{}/deconnexion/retour",
                config.public_url
            ))
            .map_err(unusable)?,
            scopes,
            levels,
            pkce,
            http: Http::new(roots, given.is_empty())?,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// Which provider this is.
    #[must_use]
    pub fn name(&self) -> ProviderName {
        self.name
    }

    /// Its issuer, exactly as configured.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Where the browser goes to log in.
    ///
    /// # Errors
    /// When the provider cannot be reached.
    pub async fn departure(
        &self,
        departure: &Departure,
        now: Timestamp,
    ) -> Result<String, LoginError> {
        let metadata = self.metadata(now).await?;
        let client = self.client(&metadata);
        let state = CsrfToken::new(departure.state.clone());
        let nonce = Nonce::new(departure.nonce.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .add_scopes(self.scopes.iter().map(|scope| Scope::new((*scope).into())));
        if self.pkce {
            let verifier = PkceCodeVerifier::new(departure.verifier.clone());
            request =
                request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        }
        request = match &self.levels {
            Levels::AtLeast(level) => {
                request.add_auth_context_value(AuthenticationContextClass::new(level.clone()))
            }
            // ProConnect takes the levels as an essential claim, and tells the
            // means of authentication only when they are asked for.
            Levels::OneOf(levels) => {
                // A station is shared, and ProConnect remembers whoever was there for
                // half a day: whoever comes authenticates anew. `max_age` is a
                // parameter it refuses.
                request = request.add_prompt(CoreAuthPrompt::Login);
                let claims = serde_json::json!({ "id_token": {
                    "acr": { "essential": true, "values": levels },
                    "amr": { "essential": true },
                }});
                request.add_extra_param("claims", claims.to_string())
            }
        };
        Ok(request.url().0.to_string())
    }

    /// Checks the `iss` of an answer before anything else in it is believed.
    ///
    /// # Errors
    /// When it names another provider, or is missing where it was promised.
    pub async fn check_issuer(&self, iss: Option<&str>, now: Timestamp) -> Result<(), LoginError> {
        match iss {
            Some(iss) if iss == self.issuer.as_str() => Ok(()),
            Some(_) => Err(LoginError::WrongIssuer),
            None => {
                let metadata = self.metadata(now).await?;
                let promised = metadata
                    .additional_metadata()
                    .additional_metadata
                    .authorization_response_iss_parameter_supported;
                if promised {
                    Err(LoginError::WrongIssuer)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Buys the tokens with the code and verifies everything they say.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub async fn redeem(
        &self,
        code: String,
        remembered: &Remembered,
        now: Timestamp,
    ) -> Result<Verified, LoginError> {
        let metadata = self.metadata(now).await?;
        let client = self.client(&metadata);
        let mut request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| LoginError::ProviderDown(error.to_string()))?;
        if self.pkce {
            let verifier = PkceCodeVerifier::new(remembered.verifier.clone());
            request = request.set_pkce_verifier(verifier);
        }
        let answer = request
            .request_async(&self.http)
            .await
            .map_err(|error| match error {
                // The description is the provider's free text: not for our log.
                RequestTokenError::ServerResponse(answer) => {
                    LoginError::CodeRefused(answer.error().to_string())
                }
                RequestTokenError::Request(error) => LoginError::ProviderDown(error.to_string()),
                RequestTokenError::Parse(_, _) | RequestTokenError::Other(_) => {
                    LoginError::UnreadableToken
                }
            })?;
        let token = answer.id_token().ok_or(LoginError::UnreadableToken)?;
        let nonce = Nonce::new(remembered.nonce.clone());
        let verified = match self.claims_of(token, &metadata, &nonce, now) {
            Err(LoginError::UnknownKey) => {
                let fresh = self.metadata_afresh(now).await?;
                self.claims_of(token, &fresh, &nonce, now)
            }
            known => known,
        };
        let claims = verified.map_err(LoginError::after_refetch)?;
        let subject = claims.subject().as_str().to_owned();
        let userinfo = self
            .userinfo(answer.access_token().secret(), &subject, now)
            .await?;
        Ok(Verified {
            acr: claims
                .auth_context_ref()
                .map(|acr| acr.as_str().to_owned())
                .unwrap_or_default(),
            amr: claims
                .auth_method_refs()
                .map(|means| {
                    let means: Vec<_> = means.iter().map(|mean| mean.as_str()).collect();
                    means.join(" ")
                })
                .unwrap_or_default(),
            authenticated_at: claims
                .auth_time()
                .map(|time| Timestamp(time.timestamp_millis())),
            id_token: token.to_string(),
            subject,
            claims: userinfo,
        })
    }

    /// Where the browser goes to end the provider's session too.
    ///
    /// # Errors
    /// When the provider cannot be reached or has no logout.
    pub async fn logout(
        &self,
        id_token: &str,
        state: &str,
        now: Timestamp,
    ) -> Result<String, LoginError> {
        let metadata = self.metadata(now).await?;
        let address = metadata
            .additional_metadata()
            .end_session_endpoint
            .clone()
            .ok_or_else(|| LoginError::ProviderDown("no end_session_endpoint".into()))?;
        let hint: CoreIdToken = id_token.parse().map_err(|_| LoginError::UnreadableToken)?;
        let request = LogoutRequest::from(address)
            .set_id_token_hint(&hint)
            .set_post_logout_redirect_uri(self.after_logout.clone())
            .set_state(CsrfToken::new(state.to_owned()));
        Ok(request.http_get_url().to_string())
    }

    fn client(&self, metadata: &Metadata) -> Client {
        CoreClient::from_provider_metadata(
            metadata.clone(),
            self.client_id.clone(),
            Some(self.client_secret.clone()),
        )
        .set_auth_type(AuthType::RequestBody)
        .set_redirect_uri(self.redirect_uri.clone())
    }

    fn claims_of(
        &self,
        token: &CoreIdToken,
        metadata: &Metadata,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<CoreIdTokenClaims, LoginError> {
        let levels = self.levels.clone();
        let verifier = CoreIdTokenVerifier::new_public_client(
            self.client_id.clone(),
            self.issuer.clone(),
            metadata.jwks().clone(),
        )
        .set_allowed_algs([
            CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        ])
        .set_time_fn(move || now.plus_seconds(-LEEWAY_SECONDS).utc())
        .set_issue_time_verifier_fn(move |issued| {
            let age = now.seconds() - issued.timestamp();
            if (-LEEWAY_SECONDS..ISSUED_WITHIN_SECONDS).contains(&age) {
                Ok(())
            } else {
                Err(format!("issued {age} seconds ago"))
            }
        })
        .set_auth_context_verifier_fn(move |acr| {
            if levels.accept(acr.map(|acr| acr.as_str())) {
                Ok(())
            } else {
                Err("not a level asked for".into())
            }
        });
        token
            .claims(&verifier, nonce)
            .cloned()
            .map_err(|error| match error {
                ClaimsVerificationError::InvalidIssuer(_) => LoginError::WrongIssuer,
                ClaimsVerificationError::InvalidAudience(_) => LoginError::WrongAudience,
                ClaimsVerificationError::InvalidNonce(_) => LoginError::WrongNonce,
                ClaimsVerificationError::InvalidAuthContext(_) => LoginError::LevelTooLow,
                ClaimsVerificationError::Expired(_) => LoginError::TokenExpired,
                ClaimsVerificationError::SignatureVerification(
                    SignatureVerificationError::NoMatchingKey,
                ) => LoginError::UnknownKey,
                ClaimsVerificationError::SignatureVerification(_) => LoginError::BadSignature,
                _ => LoginError::UnreadableToken,
            })
    }

    async fn userinfo(
        &self,
        access_token: &str,
        subject: &str,
        now: Timestamp,
    ) -> Result<Map<String, Value>, LoginError> {
        let metadata = self.metadata(now).await?;
        let address = metadata
            .userinfo_endpoint()
            .ok_or_else(|| LoginError::ProviderDown("no userinfo_endpoint".into()))?;
        let request = axum::http::Request::get(address.as_str())
            .header(header::ACCEPT, "application/jwt")
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
            .body(Vec::new())
            .map_err(|error| LoginError::ProviderDown(error.to_string()))?;
        let answer = self
            .http
            .send(request)
            .await
            .map_err(|error| LoginError::ProviderDown(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(LoginError::ProviderDown(format!(
                "userinfo answered {}",
                answer.status()
            )));
        }
        let signed = answer
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/jwt"));
        if !signed {
            return Err(LoginError::Userinfo(UserinfoError::Algorithm));
        }
        let jwt = std::str::from_utf8(answer.body())
            .map_err(|_| LoginError::Userinfo(UserinfoError::Malformed))?;
        let expected = Expected {
            issuer: self.issuer.as_str(),
            client_id: self.client_id.as_str(),
            subject,
            now,
        };
        match userinfo::verify(jwt, metadata.jwks(), &expected) {
            Err(UserinfoError::UnknownKey) => {
                let fresh = self.metadata_afresh(now).await?;
                userinfo::verify(jwt, fresh.jwks(), &expected)
            }
            known => known,
        }
        .map_err(LoginError::Userinfo)
    }

    /// Asks what the provider says about itself, if it will soon be too old.
    pub(super) async fn refresh(&self, now: Timestamp) {
        if self.known().is_due(now)
            && let Ok(_asking) = self.asking.try_lock()
        {
            // What went wrong is logged there, and nobody waits for it here.
            let _ = self.discover(now).await;
        }
    }

    /// Whether it answered when it was last asked about itself, and how many seconds ago
    /// it last did; none before the first login.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> Option<(bool, i64)> {
        self.known().state(now)
    }

    fn known(&self) -> MutexGuard<'_, Known<Arc<Metadata>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn belief(&self, now: Timestamp) -> Belief<Arc<Metadata>> {
        self.known().at(now)
    }

    /// Asks where it must, one question at a time, so that a hundred people who log in
    /// together ask a provider once. Nobody waits for somebody else's question while
    /// there is something to go by.
    async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, LoginError> {
        let (_asking, old) = match self.belief(now) {
            Belief::Good(metadata) => return Ok(metadata),
            Belief::Down(why) => return Err(LoginError::ProviderDown(why)),
            Belief::Old(old) => match self.asking.try_lock() {
                Ok(asking) => (asking, Some(old)),
                Err(_) => return Ok(old),
            },
            Belief::Nothing => (self.asking.lock().await, None),
        };
        match (self.belief(now), old) {
            // Asked by somebody else meanwhile.
            (Belief::Good(metadata), _) => Ok(metadata),
            (Belief::Down(why), _) => Err(LoginError::ProviderDown(why)),
            (_, Some(old)) => Ok(self.discover(now).await.unwrap_or(old)),
            (_, None) => self.discover(now).await,
        }
    }

    async fn metadata_afresh(&self, now: Timestamp) -> Result<Arc<Metadata>, LoginError> {
        let _asking = self.asking.lock().await;
        self.discover(now).await
    }

    /// Asks, and remembers what came of it.
    async fn discover(&self, now: Timestamp) -> Result<Arc<Metadata>, LoginError> {
        match Metadata::discover_async(self.issuer.clone(), &self.http).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                self.known().said(metadata.clone(), now);
                Ok(metadata)
            }
            Err(error) => {
                let why = format!("discovery: {error}");
                self.known().failed(why.clone(), now);
                tracing::warn!(provider = %self.name, "{} does not say who it is: {why}", self.name);
                Err(LoginError::ProviderDown(why))
            }
        }
    }
}
