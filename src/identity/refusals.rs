//! Why a login did not succeed, and how each reason is told to a person. What
//! an attacker could learn from is in the log; the person reads what to do next.

use axum::http::StatusCode;

use super::claims::UnusableClaim;
use super::provider::ProviderName;
use super::userinfo::UserinfoError;
use crate::error::{Fault, PageError, Refusal};

/// Why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No departure of ours has that state.
    #[error("the state is unknown")]
    StateUnknown,
    /// The answer arrived in another browser than the one that left.
    #[error("the answer arrived in another browser")]
    OtherBrowser,
    /// The answer was already used.
    #[error("the answer was already used")]
    Used,
    /// The person took longer than a departure lives.
    #[error("the departure has expired")]
    Expired,
    /// The person gave up at the provider.
    #[error("the person gave up at the provider")]
    Cancelled,
    /// The provider refused, with this error code.
    #[error("the provider answered {0}")]
    ProviderRefused(String),
    /// The provider could not be reached, or its answer made no sense.
    #[error("the provider is out of reach: {0}")]
    ProviderDown(String),
    /// The provider refused the code, with this error code.
    #[error("the provider refused the code: {0}")]
    CodeRefused(String),
    /// The token cannot be read, or is missing.
    #[error("the id token is missing or cannot be read")]
    UnreadableToken,
    /// The answer or the token names another issuer.
    #[error("another issuer is named")]
    WrongIssuer,
    /// The token is meant for another service.
    #[error("the id token is meant for another client")]
    WrongAudience,
    /// The token answers another departure.
    #[error("the id token answers another departure")]
    WrongNonce,
    /// The token is out of date.
    #[error("the id token has expired")]
    TokenExpired,
    /// No key of the provider goes by the token's key id; asked again once.
    #[error("the id token is signed with an unknown key")]
    UnknownKey,
    /// The token is unsigned, wrongly signed, or signed as we never accept.
    #[error("the signature of the id token is refused")]
    BadSignature,
    /// The level of assurance is not one we asked for.
    #[error("the level of assurance is too low or unknown")]
    LevelTooLow,
    /// The user information was refused.
    #[error(transparent)]
    Userinfo(UserinfoError),
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] UnusableClaim),
    /// A known or unknown officer whom nobody empowered.
    #[error("the officer has no live empowerment")]
    NotEmpowered,
    /// The choice among empowerments was made too late, or twice.
    #[error("the choice of an empowerment is over")]
    ChoiceOver,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LoginError {
    /// An unknown key that is still unknown after the keys were fetched again
    /// is a wrong signature.
    #[must_use]
    pub fn after_refetch(self) -> Self {
        match self {
            LoginError::UnknownKey => LoginError::BadSignature,
            other => other,
        }
    }

    fn told(&self) -> (StatusCode, &'static str) {
        match self {
            LoginError::StateUnknown => (StatusCode::BAD_REQUEST, "login-state-unknown"),
            LoginError::OtherBrowser => (StatusCode::FORBIDDEN, "login-other-browser"),
            LoginError::Used => (StatusCode::CONFLICT, "login-used"),
            LoginError::Expired => (StatusCode::GONE, "login-expired"),
            LoginError::Cancelled => (StatusCode::FORBIDDEN, "login-cancelled"),
            LoginError::ProviderRefused(_) => (StatusCode::BAD_GATEWAY, "login-provider-refused"),
            LoginError::ProviderDown(_) => (StatusCode::SERVICE_UNAVAILABLE, "login-provider-down"),
            LoginError::CodeRefused(_) => (StatusCode::BAD_REQUEST, "login-code-refused"),
            LoginError::UnreadableToken => (StatusCode::BAD_GATEWAY, "login-token-unreadable"),
            LoginError::WrongIssuer => (StatusCode::FORBIDDEN, "login-wrong-issuer"),
            LoginError::WrongAudience => (StatusCode::FORBIDDEN, "login-wrong-audience"),
            LoginError::WrongNonce => (StatusCode::FORBIDDEN, "login-wrong-nonce"),
            LoginError::TokenExpired => (StatusCode::FORBIDDEN, "login-token-expired"),
            LoginError::UnknownKey | LoginError::BadSignature => {
                (StatusCode::FORBIDDEN, "login-bad-signature")
            }
            LoginError::LevelTooLow => (StatusCode::FORBIDDEN, "login-level-too-low"),
            LoginError::Userinfo(_) => (StatusCode::FORBIDDEN, "login-userinfo-refused"),
            LoginError::Identity(_) => (StatusCode::FORBIDDEN, "login-identity-unusable"),
            LoginError::NotEmpowered => (StatusCode::FORBIDDEN, "login-not-empowered"),
            LoginError::ChoiceOver => (StatusCode::GONE, "login-choice-over"),
            LoginError::Fault(_) => (StatusCode::INTERNAL_SERVER_ERROR, "fault"),
        }
    }

    /// The page a person gets, with ways out: again, then without us.
    #[must_use]
    pub fn page(self, provider: ProviderName, return_to: &str) -> PageError {
        if let LoginError::Fault(fault) = self {
            return PageError::Fault(fault);
        }
        let (status, name) = self.told();
        tracing::warn!(%provider, refusal = name, "login refused, {name}: {self}");
        let refusal = Refusal::new(status, name);
        let again = login_path(provider, return_to);
        match provider {
            ProviderName::FranceConnect => refusal
                .way_out(again, "login-way-out-again")
                .way_out("/en-personne", "way-out-in-person"),
            ProviderName::ProConnect => refusal
                .way_out(again, "login-way-out-again")
                .way_out("/", "way-out-home"),
        }
        .into()
    }
}

/// Our page with the provider's button, coming back to `return_to`.
#[must_use]
pub fn login_path(provider: ProviderName, return_to: &str) -> String {
    let page = match provider {
        ProviderName::FranceConnect => "/connexion",
        ProviderName::ProConnect => "/agent/connexion",
    };
    if return_to.is_empty() || return_to == "/" {
        return page.to_owned();
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("retour", return_to)
        .finish();
    format!("{page}?{query}")
}
