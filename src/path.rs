//! Reading an identifier from an address. What cannot be one of ours names
//! nothing: the answer is the page for what does not exist, never a fault.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::db::Id;
use crate::error::{PageError, Refusal};

/// The one identifier of a route such as `/rendez-vous/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathId(pub Id);

/// Longest identifier looked up, in characters.
const LONGEST: usize = 64;

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::not_found())?;
        parse(&text)
            .map(PathId)
            .ok_or_else(|| Refusal::not_found().into())
    }
}

/// The one text of a route such as `/lien/{secret}`. Bytes that are no text
/// read as nothing, which is the secret of nothing.
#[derive(Clone, Debug)]
pub struct PathText(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        Ok(PathText(
            Path::<String>::from_request_parts(parts, state)
                .await
                .map_or_else(|_| String::new(), |Path(text)| text),
        ))
    }
}

/// An identifier as typed in an address or a form, if it can be one of ours.
#[must_use]
pub fn parse(text: &str) -> Option<Id> {
    let sound = !text.is_empty()
        && text.len() <= LONGEST
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    sound.then(|| Id::from(text))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_what_can_be_an_identifier_is_looked_up() {
        for good in [
            "u-78-police",
            "e-auditor-unit_admin",
            "0123456789abcdef",
            "A",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for wrong in [
            "",
            "a b",
            "a/b",
            "é",
            "a\0",
            "a'--",
            "../..",
            &"a".repeat(65),
        ] {
            assert!(parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
