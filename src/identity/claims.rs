//! From verified claims to a person. What a provider vouches for is taken as
//! it is, or refused when a record could not carry it; nothing is mended here.

use serde_json::{Map, Value};

use super::{OfficerIdentity, Origin, PivotIdentity};

/// Longest text taken from a claim, in characters.
const LONGEST: usize = 500;

/// A claim that is missing or cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim {0} is missing or cannot be used")]
pub struct UnusableClaim(pub &'static str);

/// *Identité pivot* from the claims of FranceConnect.
///
/// # Errors
/// When a claim the record needs is missing or out of shape.
pub fn citizen(claims: &Map<String, Value>) -> Result<PivotIdentity, UnusableClaim> {
    let identity = PivotIdentity {
        given_name: optional(claims, "given_name")?,
        family_name: optional(claims, "family_name")?,
        gender: required(claims, "gender")?,
        birthdate: required(claims, "birthdate")?,
        birthplace: optional(claims, "birthplace")?,
        birthcountry: required(claims, "birthcountry")?,
        preferred_username: optional(claims, "preferred_username")?,
        email: optional(claims, "email")?,
        origin: Origin::FranceConnect,
    };
    // Some people have a single name; nobody has none.
    if identity.given_name.is_empty() && identity.family_name.is_empty() {
        return Err(UnusableClaim("family_name"));
    }
    if !is_date(&identity.birthdate) {
        return Err(UnusableClaim("birthdate"));
    }
    if !matches!(identity.gender.as_str(), "male" | "female" | "unspecified") {
        return Err(UnusableClaim("gender"));
    }
    // Codes of INSEE: a commune may hold a letter (2A115), a country is 99xxx.
    if !identity.birthplace.is_empty() && !is_code(&identity.birthplace) {
        return Err(UnusableClaim("birthplace"));
    }
    if !is_code(&identity.birthcountry) || !identity.birthcountry.starts_with("99") {
        return Err(UnusableClaim("birthcountry"));
    }
    Ok(identity)
}

/// Whether a helper acts for the person by a mandate (Aidants Connect). FranceConnect
/// tells it by the scopes of the mandate, or by which of its providers vouched for the
/// person: `helpers` are those of helpers. Whoever is heard must be there themselves, so
/// the officer is told.
#[must_use]
pub fn is_by_helper(claims: &Map<String, Value>, helpers: &[String]) -> bool {
    let by_mandate = claims
        .get("rep_scope")
        .is_some_and(|scope| !scope.is_null());
    let provider = claims.get("idp_id").and_then(Value::as_str);
    by_mandate || provider.is_some_and(|id| helpers.iter().any(|helper| helper == id))
}

/// What ProConnect tells of an officer, and through which of its providers.
///
/// # Errors
/// When a claim we need is missing or out of shape.
pub fn officer(claims: &Map<String, Value>) -> Result<(OfficerIdentity, String), UnusableClaim> {
    let identity = OfficerIdentity {
        given_name: optional(claims, "given_name")?,
        usual_name: required(claims, "usual_name")?,
        email: required(claims, "email")?,
    };
    Ok((identity, required(claims, "idp_id")?))
}

/// A text; absent, null and empty are the same: providers differ there.
fn optional(claims: &Map<String, Value>, name: &'static str) -> Result<String, UnusableClaim> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text))
            if text.chars().count() <= LONGEST && !text.chars().any(char::is_control) =>
        {
            Ok(text.trim().to_owned())
        }
        Some(_) => Err(UnusableClaim(name)),
    }
}

fn required(claims: &Map<String, Value>, name: &'static str) -> Result<String, UnusableClaim> {
    let text = optional(claims, name)?;
    if text.is_empty() {
        return Err(UnusableClaim(name));
    }
    Ok(text)
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
        && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_code(text: &str) -> bool {
    text.len() == 5
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn with(changes: Value) -> Map<String, Value> {
        let mut claims = json!({
            "given_name": "Camille", "family_name": "BERTHELOT", "gender": "female",
            "birthdate": "1988-04-17", "birthplace": "78646", "birthcountry": "99100",
        })
        .as_object()
        .unwrap()
        .clone();
        claims.extend(changes.as_object().unwrap().clone());
        claims
    }

    #[test]
    fn awkward_but_true_identities_are_taken() {
        for changes in [
            json!({}),
            json!({ "birthplace": "2A115" }),
            json!({ "birthdate": "1970-01-01" }),
            json!({ "birthplace": "", "birthcountry": "99350" }),
            json!({ "birthplace": null, "birthcountry": "99350" }),
            json!({ "gender": "unspecified" }),
            json!({ "family_name": "L'HÉRIDEL", "given_name": "Zoé Maëlle" }),
            json!({ "given_name": "" }),
            json!({ "preferred_username": "TANGUY", "unknown": [1, 2] }),
        ] {
            assert!(citizen(&with(changes.clone())).is_ok(), "{changes}");
        }
    }

    #[test]
    fn an_identity_no_record_could_carry_is_refused_by_the_claim() {
        for (changes, claim) in [
            (
                json!({ "family_name": "", "given_name": null }),
                "family_name",
            ),
            (json!({ "family_name": "A\u{0}B" }), "family_name"),
            (json!({ "family_name": ["A"] }), "family_name"),
            (json!({ "family_name": "A".repeat(501) }), "family_name"),
            (json!({ "gender": "x" }), "gender"),
            (json!({ "birthdate": "1988-13-01" }), "birthdate"),
            (json!({ "birthdate": "17/04/1988" }), "birthdate"),
            (json!({ "birthdate": "" }), "birthdate"),
            (json!({ "birthplace": "2a115" }), "birthplace"),
            (json!({ "birthplace": 78646 }), "birthplace"),
            (json!({ "birthcountry": "FR" }), "birthcountry"),
            (json!({ "birthcountry": "78646" }), "birthcountry"),
        ] {
            assert_eq!(
                citizen(&with(changes.clone())),
                Err(UnusableClaim(claim)),
                "{changes}"
            );
        }
    }

    #[test]
    fn a_helper_is_told_by_their_mandate_or_their_provider() {
        let helpers = ["aidants".to_owned()];
        for (changes, by_helper) in [
            (json!({}), false),
            (json!({ "rep_scope": null, "idp_id": "impots" }), false),
            (json!({ "rep_scope": ["Justice"] }), true),
            (json!({ "idp_id": "aidants" }), true),
            (json!({ "idp_id": "Aidants" }), false),
            (json!({ "idp_id": ["aidants"] }), false),
        ] {
            let claims = with(changes.clone());
            assert_eq!(is_by_helper(&claims, &helpers), by_helper, "{changes}");
        }
        assert!(!is_by_helper(&with(json!({ "idp_id": "aidants" })), &[]));
    }

    #[test]
    fn an_officer_is_known_by_name_address_and_provider() {
        let claims = |value: Value| value.as_object().unwrap().clone();
        let whole = json!({ "usual_name": "Morel", "email": "a@b.example", "idp_id": "i" });
        let (identity, idp_id) = officer(&claims(whole.clone())).unwrap();
        assert_eq!(
            (identity.usual_name.as_str(), idp_id.as_str()),
            ("Morel", "i")
        );
        for name in ["usual_name", "email", "idp_id"] {
            let mut lacking = claims(whole.clone());
            lacking.remove(name);
            assert_eq!(officer(&lacking), Err(UnusableClaim(name)));
        }
    }
}
