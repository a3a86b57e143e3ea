//! The authorization request, judged as strictly as the real providers do.
//! Pure: parameters in, a request or the reason of a refusal out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Registration;
use crate::identity::ProviderName;

/// Shortest state and nonce, in characters.
const SHORTEST: usize = 32;

/// Levels of FranceConnect.
const CITIZEN_LEVELS: [&str; 3] = ["eidas1", "eidas2", "eidas3"];
/// Levels that ProConnect knows how to ask for.
const OFFICER_LEVELS: [&str; 6] = [
    "eidas0-mfa",
    "eidas1",
    "eidas1-mfa",
    "eidas2",
    "eidas3",
    "eidas0",
];
/// Parameters of ProConnect; any other is refused.
const OFFICER_PARAMETERS: [&str; 11] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "claims",
    "acr_values",
    "prompt",
    "idp_hint",
    "login_hint",
];

/// A request that was found good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AuthorizationRequest {
    pub redirect_uri: String,
    pub state: String,
    pub nonce: String,
    pub scopes: Vec<String>,
    /// Levels asked for; empty where ProConnect is not asked for any.
    pub levels: Vec<String>,
    /// Whether the means of authentication are asked for.
    pub wants_amr: bool,
    /// Whether nothing may be asked of the person.
    pub silent: bool,
}

/// A request that gets the provider's error page and never a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadRequest {
    /// Code as the real providers show it.
    pub code: &'static str,
    /// The parameter that is wrong.
    pub parameter: String,
}

fn bad(code: &'static str, parameter: &str) -> BadRequest {
    BadRequest {
        code,
        parameter: parameter.to_owned(),
    }
}

/// Parameters by name; one given twice is refused.
pub(super) fn parameters(raw: &[u8]) -> Result<BTreeMap<String, String>, BadRequest> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(raw) {
        if parameters
            .insert(name.to_string(), value.into_owned())
            .is_some()
        {
            return Err(bad("Y000400", &name));
        }
    }
    Ok(parameters)
}

/// Judges a request.
pub(super) fn judge(
    face: ProviderName,
    registration: &Registration,
    raw: &[u8],
) -> Result<AuthorizationRequest, BadRequest> {
    let parameters = parameters(raw)?;
    let given = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    if face == ProviderName::ProConnect
        && let Some(extra) = parameters
            .keys()
            .find(|name| !OFFICER_PARAMETERS.contains(&name.as_str()))
    {
        return Err(bad("Y000400", extra));
    }
    if given("client_id") != registration.client_id {
        return Err(bad("Y030106", "client_id"));
    }
    if given("redirect_uri") != registration.redirect_uri {
        return Err(bad("Y030031", "redirect_uri"));
    }
    if given("response_type") != "code" {
        return Err(bad("Y000400", "response_type"));
    }
    let scopes: Vec<String> = given("scope")
        .split_ascii_whitespace()
        .map(ToOwned::to_owned)
        .collect();
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err(bad("Y000400", "scope"));
    }
    for name in ["state", "nonce"] {
        if given(name).chars().count() < SHORTEST {
            return Err(bad("Y000400", name));
        }
    }
    let (levels, wants_amr) = match face {
        ProviderName::FranceConnect => (
            citizen_level(given("acr_values"))?,
            scopes.iter().any(|scope| scope == "amr"),
        ),
        ProviderName::ProConnect => officer_levels(given("acr_values"), given("claims"))?,
    };
    Ok(AuthorizationRequest {
        redirect_uri: registration.redirect_uri.clone(),
        state: given("state").to_owned(),
        nonce: given("nonce").to_owned(),
        scopes,
        levels,
        wants_amr,
        silent: given("prompt") == "none",
    })
}

fn citizen_level(asked: &str) -> Result<Vec<String>, BadRequest> {
    if CITIZEN_LEVELS.contains(&asked) {
        Ok(vec![asked.to_owned()])
    } else {
        Err(bad("Y000400", "acr_values"))
    }
}

fn officer_levels(acr_values: &str, claims: &str) -> Result<(Vec<String>, bool), BadRequest> {
    let mut levels: Vec<String> = acr_values
        .split_ascii_whitespace()
        .map(ToOwned::to_owned)
        .collect();
    let mut wants_amr = false;
    if !claims.is_empty() {
        let claims: Value = serde_json::from_str(claims).map_err(|_| bad("Y000400", "claims"))?;
        let token = &claims["id_token"];
        wants_amr = token.get("amr").is_some();
        let acr = &token["acr"];
        if let Some(values) = acr["values"].as_array() {
            for value in values {
                levels.push(value.as_str().ok_or(bad("Y000400", "claims"))?.to_owned());
            }
        }
        levels.extend(acr["value"].as_str().map(ToOwned::to_owned));
    }
    // The former names of the levels (…/assurance/consistency-checked-2fa) fail.
    if levels
        .iter()
        .any(|level| !OFFICER_LEVELS.contains(&level.as_str()))
    {
        return Err(bad("Y020032", "acr"));
    }
    Ok((levels, wants_amr))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "0123456789abcdef0123456789abcdef";

    fn registration() -> Registration {
        Registration {
            client_id: "client".into(),
            client_secret: "secret".into(),
            redirect_uri: "https://ici.example/retour".into(),
            after_logout: "https://ici.example/sortie".into(),
        }
    }

    /// The parameters of a good request, with some replaced (`None`: left out).
    fn query(changes: &[(&str, Option<&str>)]) -> Vec<u8> {
        let mut parameters = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", "client"),
            ("redirect_uri", "https://ici.example/retour"),
            ("scope", "openid given_name"),
            ("state", STATE),
            ("nonce", STATE),
            ("acr_values", "eidas1"),
        ]);
        for (name, value) in changes {
            match value {
                Some(value) => parameters.insert(name, value),
                None => parameters.remove(name),
            };
        }
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish()
            .into_bytes()
    }

    #[test]
    fn franceconnect_refuses_what_the_real_one_refuses() {
        for (changes, expected) in [
            (vec![], Ok(vec!["eidas1".to_owned()])),
            (vec![("unknown", Some("x"))], Ok(vec!["eidas1".to_owned()])),
            (vec![("acr_values", None)], Err(("Y000400", "acr_values"))),
            (
                vec![("acr_values", Some("eidas9"))],
                Err(("Y000400", "acr_values")),
            ),
            (
                vec![("acr_values", Some("eidas1 eidas2"))],
                Err(("Y000400", "acr_values")),
            ),
            (vec![("state", Some("short"))], Err(("Y000400", "state"))),
            (vec![("state", None)], Err(("Y000400", "state"))),
            (
                vec![("nonce", Some(&STATE[1..]))],
                Err(("Y000400", "nonce")),
            ),
            (
                vec![("client_id", Some("other"))],
                Err(("Y030106", "client_id")),
            ),
            (
                vec![("redirect_uri", Some("https://ici.example/retour/"))],
                Err(("Y030031", "redirect_uri")),
            ),
            (
                vec![("redirect_uri", Some("https://ailleurs.example/retour"))],
                Err(("Y030031", "redirect_uri")),
            ),
            (
                vec![("response_type", Some("token"))],
                Err(("Y000400", "response_type")),
            ),
            (
                vec![("scope", Some("given_name"))],
                Err(("Y000400", "scope")),
            ),
        ] {
            let judged = judge(
                ProviderName::FranceConnect,
                &registration(),
                &query(&changes),
            );
            let judged = judged
                .map(|request| request.levels)
                .map_err(|bad| (bad.code, bad.parameter));
            let expected = expected.map_err(|(code, name)| (code, name.to_owned()));
            assert_eq!(judged, expected, "{changes:?}");
        }
    }

    #[test]
    fn proconnect_refuses_unknown_parameters_and_former_levels() {
        let asked = r#"{"id_token":{"acr":{"essential":true,"values":["eidas1-mfa","eidas2"]},"amr":{"essential":true}}}"#;
        let former = r#"{"id_token":{"acr":{"values":["https://proconnect.gouv.fr/assurance/self-asserted-2fa"]}}}"#;
        let good = || vec!["eidas1-mfa".to_owned(), "eidas2".to_owned()];
        for (changes, expected) in [
            (
                vec![("acr_values", None), ("claims", Some(asked))],
                Ok(good()),
            ),
            (vec![("acr_values", None)], Ok(Vec::new())),
            (
                vec![("ui_locales", Some("fr"))],
                Err(("Y000400", "ui_locales")),
            ),
            (
                vec![("acr_values", None), ("claims", Some(former))],
                Err(("Y020032", "acr")),
            ),
            (vec![("claims", Some("{"))], Err(("Y000400", "claims"))),
            (
                vec![("claims", Some(r#"{"id_token":{"acr":{"values":[1]}}}"#))],
                Err(("Y000400", "claims")),
            ),
        ] {
            let judged = judge(ProviderName::ProConnect, &registration(), &query(&changes));
            let judged = judged
                .map(|request| request.levels)
                .map_err(|bad| (bad.code, bad.parameter));
            let expected = expected.map_err(|(code, name): (_, &str)| (code, name.to_owned()));
            assert_eq!(judged, expected, "{changes:?}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let mut twice = query(&[]);
        twice.extend_from_slice(b"&state=0123456789abcdef0123456789abcdef");
        let judged = judge(ProviderName::FranceConnect, &registration(), &twice);
        assert_eq!(judged, Err(bad("Y000400", "state")));
    }
}
