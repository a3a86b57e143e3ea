//! The provider's endpoints.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, RawForm, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use chrono::Datelike;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;

use super::grants::{self, Grant, Purpose, UsedCodes};
use super::request::{self, AuthorizationRequest, BadRequest};
use super::signing::SigningKey;
use super::{Registration, citizen_subject, issuer, officer_subject};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{PageError, Refusal};
use crate::form::Form;
use crate::identity::ProviderName;
use crate::page::{Ctx, render, render_with};
use crate::routes::Routes;
use crate::sandbox::people::{self, Birthdate, DemoCitizen};

/// The provider's routes.
pub fn router() -> Routes {
    Routes::new()
        .route(
            "/bac-a-sable/{face}/api/v2/.well-known/openid-configuration",
            get(discovery),
        )
        .route("/bac-a-sable/{face}/api/v2/jwks", get(jwks))
        .route(
            "/bac-a-sable/{face}/api/v2/authorize",
            get(authorize).post(authorize),
        )
        .route("/bac-a-sable/{face}/api/v2/identite", post(identify))
        .route("/bac-a-sable/{face}/api/v2/token", post(token))
        .route(
            "/bac-a-sable/{face}/api/v2/userinfo",
            get(userinfo).post(userinfo),
        )
        .route(
            "/bac-a-sable/{face}/api/v2/session/end",
            get(end_session).post(end_session),
        )
        .within(|router| router.layer(Extension(Arc::new(UsedCodes::default()))))
}

/// Which face the path names.
struct Face(ProviderName);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Face {
    type Rejection = PageError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, PageError> {
        let Path(face) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::not_found())?;
        let face = ProviderName::parse(&face).ok_or_else(Refusal::not_found)?;
        Ok(Face(face))
    }
}

async fn discovery(State(app): State<App>, Face(face): Face) -> Json<Value> {
    let issuer = issuer(&app, face);
    let (levels, scopes): (&[&str], &[&str]) = match face {
        ProviderName::FranceConnect => (
            &["eidas1", "eidas2", "eidas3"],
            &[
                "openid",
                "identite_pivot",
                "given_name",
                "family_name",
                "gender",
                "birthdate",
                "birthplace",
                "birthcountry",
                "birth",
                "profile",
                "preferred_username",
                "email",
                "amr",
                "idp_id",
            ],
        ),
        ProviderName::ProConnect => (
            &["eidas0-mfa", "eidas1", "eidas1-mfa", "eidas2", "eidas3"],
            &[
                "openid",
                "given_name",
                "usual_name",
                "email",
                "uid",
                "siret",
                "idp_id",
            ],
        ),
    };
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/session/end"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "userinfo_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "claims_parameter_supported": face == ProviderName::ProConnect,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "acr_values_supported": levels,
        "scopes_supported": scopes,
    }))
}

async fn jwks(State(app): State<App>, Face(face): Face) -> Json<Value> {
    Json(json!({ "keys": [SigningKey::of(&app.keys, face).public_jwk()] }))
}

struct Account {
    key: &'static str,
    name: String,
    note: &'static str,
}

#[derive(Template)]
#[template(path = "sandbox/authorize.html")]
struct AuthorizePage {
    ctx: Ctx,
    citizens: bool,
    action: String,
    asked: String,
    accounts: Vec<Account>,
}

#[derive(Template)]
#[template(path = "sandbox/provider_error.html")]
struct ProviderErrorPage {
    ctx: Ctx,
    code: &'static str,
    parameter: String,
}

fn error_page(ctx: Ctx, bad: BadRequest) -> Result<Response, PageError> {
    let page = ProviderErrorPage {
        ctx,
        code: bad.code,
        parameter: bad.parameter,
    };
    render_with(StatusCode::BAD_REQUEST, &page)
}

async fn authorize(
    State(app): State<App>,
    Face(face): Face,
    ctx: Ctx,
    RawForm(raw): RawForm,
) -> Result<Response, PageError> {
    let asked = match request::judge(face, &Registration::of(&app, face), &raw) {
        Ok(asked) => asked,
        Err(bad) => return error_page(ctx, bad),
    };
    if asked.silent {
        return Ok(answer_error(&app, face, &asked, "login_required"));
    }
    let accounts = match face {
        ProviderName::FranceConnect => people::CITIZENS
            .iter()
            .map(|citizen| Account {
                key: citizen.key,
                name: format!("{} {}", citizen.given_name, citizen.family_name),
                note: citizen.note,
            })
            .collect(),
        ProviderName::ProConnect => people::OFFICERS
            .iter()
            .map(|officer| Account {
                key: officer.key,
                name: format!("{} {}", officer.given_name, officer.usual_name),
                note: officer.note,
            })
            .collect(),
    };
    let page = AuthorizePage {
        ctx,
        citizens: face == ProviderName::FranceConnect,
        action: format!("/bac-a-sable/{face}/api/v2/identite"),
        asked: grants::seal(&app.keys, face, Purpose::Asked, asked, app.clock.now()),
        accounts,
    };
    Ok(render(&page)?.into_response())
}

#[derive(Deserialize)]
struct Identifying {
    demande: String,
    /// Key of a person; empty: the person gives up.
    #[serde(default)]
    personne: String,
}

async fn identify(
    State(app): State<App>,
    Face(face): Face,
    ctx: Ctx,
    Form(form): Form<Identifying>,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let opened = grants::open(&app.keys, face, Purpose::Asked, &form.demande, now);
    let Some((_, asked)): Option<(_, AuthorizationRequest)> = opened else {
        return error_page(
            ctx,
            BadRequest {
                code: "Y000400",
                parameter: "demande".into(),
            },
        );
    };
    if form.personne.is_empty() {
        return Ok(answer_error(&app, face, &asked, "access_denied"));
    }
    let acr = match face {
        ProviderName::FranceConnect if people::citizen(&form.personne).is_some() => {
            asked.levels.first().cloned()
        }
        ProviderName::ProConnect if people::officer(&form.personne).is_some() => {
            let enough = asked.levels.is_empty()
                || asked
                    .levels
                    .iter()
                    .any(|level| level == people::OFFICERS_ACR);
            enough.then(|| people::OFFICERS_ACR.to_owned())
        }
        _ => return Err(Refusal::malformed().into()),
    };
    let Some(acr) = acr else {
        let error = "unmet_authentication_requirements";
        return Ok(answer_error(&app, face, &asked, error));
    };
    let grant = Grant {
        person: form.personne,
        acr,
        request: asked.clone(),
    };
    let code = grants::seal(&app.keys, face, Purpose::Code, grant, now);
    Ok(answer(&app, face, &asked, &[("code", &code)]))
}

fn answer_error(
    app: &App,
    face: ProviderName,
    asked: &AuthorizationRequest,
    error: &str,
) -> Response {
    answer(app, face, asked, &[("error", error)])
}

fn answer(
    app: &App,
    face: ProviderName,
    asked: &AuthorizationRequest,
    parameters: &[(&str, &str)],
) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .append_pair("state", &asked.state)
        .append_pair("iss", &issuer(app, face))
        .finish();
    Redirect::to(&format!("{}?{query}", asked.redirect_uri)).into_response()
}

fn token_error(status: StatusCode, error: &str) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, Json(json!({ "error": error }))).into_response()
}

async fn token(
    State(app): State<App>,
    Face(face): Face,
    Extension(used): Extension<Arc<UsedCodes>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, PageError> {
    // Only client_secret_post, as at the real providers.
    if headers.contains_key(header::AUTHORIZATION) {
        return Ok(token_error(StatusCode::UNAUTHORIZED, "invalid_client"));
    }
    let Ok(parameters) = request::parameters(&body) else {
        return Ok(token_error(StatusCode::BAD_REQUEST, "invalid_request"));
    };
    let given = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let registration = Registration::of(&app, face);
    let known = given("client_id") == registration.client_id
        && bool::from(
            given("client_secret")
                .as_bytes()
                .ct_eq(registration.client_secret.as_bytes()),
        );
    if !known {
        return Ok(token_error(StatusCode::UNAUTHORIZED, "invalid_client"));
    }
    if given("grant_type") != "authorization_code" {
        return Ok(token_error(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
        ));
    }
    let now = app.clock.now();
    let opened: Option<(String, Grant)> =
        grants::open(&app.keys, face, Purpose::Code, given("code"), now);
    let Some((id, grant)) = opened else {
        return Ok(token_error(StatusCode::BAD_REQUEST, "invalid_grant"));
    };
    if grant.request.redirect_uri != given("redirect_uri") || !used.first_use(&id, now) {
        return Ok(token_error(StatusCode::BAD_REQUEST, "invalid_grant"));
    }
    let seconds = Purpose::Access.seconds();
    let mut claims = json!({
        "iss": issuer(&app, face),
        "sub": subject(&app, face, &grant.person),
        "aud": registration.client_id,
        "iat": now.seconds(),
        "exp": now.seconds() + seconds,
        "auth_time": now.seconds(),
        "nonce": grant.request.nonce,
        "acr": grant.acr,
    });
    if grant.request.wants_amr {
        claims["amr"] = match face {
            ProviderName::FranceConnect => json!(["pwd"]),
            ProviderName::ProConnect => json!(people::OFFICERS_AMR),
        };
    }
    let id_token = SigningKey::of(&app.keys, face).sign(&claims)?;
    let scope = grant.request.scopes.join(" ");
    let access_token = grants::seal(&app.keys, face, Purpose::Access, grant, now);
    let body = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": seconds,
        "id_token": id_token,
        "scope": scope,
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

fn subject(app: &App, face: ProviderName, person: &str) -> String {
    match face {
        ProviderName::FranceConnect => {
            citizen_subject(&app.keys, &app.config.franceconnect_client_id, person)
        }
        ProviderName::ProConnect => officer_subject(&app.keys, person),
    }
}

async fn userinfo(
    State(app): State<App>,
    Face(face): Face,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let granted: Option<(String, Grant)> = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .and_then(|access| grants::open(&app.keys, face, Purpose::Access, access, now));
    let Some((_, grant)) = granted else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
        return Ok((StatusCode::UNAUTHORIZED, challenge).into_response());
    };
    let mut claims = match face {
        ProviderName::FranceConnect => people::citizen(&grant.person)
            .map(|citizen| citizen_claims(citizen, &grant.request.scopes, now)),
        ProviderName::ProConnect => people::officer(&grant.person).map(officer_claims),
    }
    .unwrap_or_default();
    claims.insert("iss".into(), issuer(&app, face).into());
    claims.insert("aud".into(), Registration::of(&app, face).client_id.into());
    claims.insert("sub".into(), subject(&app, face, &grant.person).into());
    claims.insert("iat".into(), now.seconds().into());
    let jwt = SigningKey::of(&app.keys, face).sign(&Value::Object(claims))?;
    Ok(([(header::CONTENT_TYPE, "application/jwt")], jwt).into_response())
}

/// The claims of the scopes asked for, and no other.
fn citizen_claims(citizen: &DemoCitizen, scopes: &[String], now: Timestamp) -> Map<String, Value> {
    let birthdate = match citizen.birthdate {
        Birthdate::Day(day) => day.to_owned(),
        Birthdate::YearsAgo(years) => format!("{:04}-06-15", now.utc().year() - years),
    };
    let all = [
        ("given_name", Some(citizen.given_name)),
        ("family_name", Some(citizen.family_name)),
        ("gender", Some(citizen.gender)),
        ("birthdate", Some(birthdate.as_str())),
        ("birthplace", citizen.birthplace),
        ("birthcountry", Some(citizen.birthcountry)),
        ("preferred_username", citizen.preferred_username),
        ("email", Some(citizen.email)),
        (
            "idp_id",
            Some(if citizen.helped {
                people::HELPERS_PROVIDER
            } else {
                people::CITIZENS_PROVIDER
            }),
        ),
    ];
    let asked = |claim: &str| {
        scopes.iter().any(|scope| match scope.as_str() {
            "identite_pivot" => !matches!(claim, "preferred_username" | "email" | "idp_id"),
            "profile" => matches!(
                claim,
                "given_name" | "family_name" | "gender" | "birthdate" | "preferred_username"
            ),
            "birth" => matches!(claim, "birthplace" | "birthcountry"),
            scope => scope == claim,
        })
    };
    let mut claims: Map<String, Value> = all
        .into_iter()
        .filter(|(claim, _)| asked(claim))
        .filter_map(|(claim, value)| Some((claim.to_owned(), value?.into())))
        .collect();
    if citizen.helped {
        claims.insert("rep_scope".into(), json!(["Justice"]));
    }
    claims
}

fn officer_claims(officer: &people::DemoOfficer) -> Map<String, Value> {
    [
        ("given_name", officer.given_name),
        ("usual_name", officer.usual_name),
        ("email", officer.email),
        ("uid", officer.key),
        ("idp_id", people::OFFICERS_PROVIDER),
    ]
    .into_iter()
    .map(|(claim, value)| (claim.to_owned(), value.into()))
    .collect()
}

async fn end_session(
    State(app): State<App>,
    Face(face): Face,
    ctx: Ctx,
    RawForm(raw): RawForm,
) -> Result<Response, PageError> {
    let bad = |code, parameter: &str| BadRequest {
        code,
        parameter: parameter.to_owned(),
    };
    let parameters = match request::parameters(&raw) {
        Ok(parameters) => parameters,
        Err(bad) => return error_page(ctx, bad),
    };
    let given = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let registration = Registration::of(&app, face);
    let issuer = issuer(&app, face);
    let key = SigningKey::of(&app.keys, face);
    if !key.made(given("id_token_hint"), &issuer, &registration.client_id) {
        return error_page(ctx, bad("Y000400", "id_token_hint"));
    }
    if given("post_logout_redirect_uri") != registration.after_logout {
        return error_page(ctx, bad("Y030111", "post_logout_redirect_uri"));
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("state", given("state"))
        .finish();
    Ok(Redirect::to(&format!("{}?{query}", registration.after_logout)).into_response())
}
