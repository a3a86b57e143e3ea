//! What every answer tells a browser, whoever asks, on every route there is: nothing
//! runs but our own scripts, nobody frames us, no address is told on, camera and
//! microphone are ours alone, and cookies are kept from scripts and other sites.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use reqwest::header::{HeaderMap, SET_COOKIE};

use crate::support::TestApp;

const MONDAY: &str = "2026-11-23T08:00:00Z";

/// The directives of a policy, each with its sources.
fn directives(policy: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    policy
        .split(';')
        .map(|directive| {
            let mut words = directive.split_whitespace();
            (words.next().unwrap_or_default(), words.collect())
        })
        .collect()
}

/// What is wrong with the headers of an answer; empty for nothing.
fn wrong_with(headers: &HeaderMap) -> Vec<String> {
    let one = |name: &str| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (Some(value), None) => value.to_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        }
    };
    let mut wrong = Vec::new();
    let policy = one("content-security-policy");
    let told = directives(&policy);
    for (directive, sources) in [
        ("default-src", "'none'"),
        ("script-src", "'self'"),
        ("style-src", "'self'"),
        ("worker-src", "'self'"),
        ("frame-ancestors", "'none'"),
        ("base-uri", "'none'"),
    ] {
        if told.get(directive) != Some(&BTreeSet::from([sources])) {
            wrong.push(format!("{directive} in {policy}"));
        }
    }
    for word in ["unsafe", "*", "http:", "https: "] {
        let loose = told.values().flatten().any(|source| match word {
            "*" => source.contains('*'),
            "unsafe" => source.contains("unsafe"),
            scheme => *source == scheme.trim(),
        });
        if loose {
            wrong.push(format!("{word} in {policy}"));
        }
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        if one(name) != value {
            wrong.push(format!("{name}: {}", one(name)));
        }
    }
    let permissions = one("permissions-policy");
    let allowed: Vec<&str> = permissions.split(", ").collect();
    for ours in ["camera=(self)", "microphone=(self)"] {
        if !allowed.contains(&ours) {
            wrong.push(format!("permissions-policy: {permissions}"));
        }
    }
    if !allowed
        .iter()
        .all(|one| one.ends_with("=(self)") || one.ends_with("=()"))
    {
        wrong.push(format!("others in permissions-policy: {permissions}"));
    }
    let transport = one("strict-transport-security");
    let seconds = transport
        .strip_prefix("max-age=")
        .and_then(|rest| rest.split(';').next())
        .and_then(|seconds| seconds.parse::<u64>().ok());
    if seconds.is_none_or(|seconds| seconds < 31_536_000) {
        wrong.push(format!("strict-transport-security: {transport}"));
    }
    if one("content-type").starts_with("text/html") && one("cache-control") != "no-store" {
        wrong.push(format!(
            "a page with cache-control: {}",
            one("cache-control")
        ));
    }
    for cookie in headers.get_all(SET_COOKIE) {
        let cookie = cookie.to_str().unwrap_or_default();
        let says = |what: &str| cookie.split("; ").any(|one| one.starts_with(what));
        if !says("HttpOnly") || !says("SameSite=Lax") && !says("SameSite=Strict") {
            wrong.push(format!("a cookie without protection: {cookie}"));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let app = TestApp::at(MONDAY).await;
    let camille = app.citizen("camille");
    camille.logs_in("/espace").await.ok();
    let stranger = app.browser();
    let mut wrong = Vec::new();
    let mut asked = 0;
    let beside = ["/nothing/there", "/static/nothing.js", "/lien/é"];
    let paths = visioplainte::app::paths();
    for path in paths.iter().map(String::as_str).chain(beside) {
        let address = path.replace("{*", "{").replace(['{', '}'], "");
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
            for browser in [&stranger, &camille.browser] {
                let (status, headers, _) = browser
                    .asks(method.clone(), &address, &app.site, String::new())
                    .await;
                asked += 1;
                for what in wrong_with(&headers) {
                    wrong.push(format!("{method} {path}: {status}: {what}"));
                }
            }
        }
        // Whoever signs out on the way signs in again.
        if camille.get("/espace").await.address != "/espace" {
            camille.logs_in("/espace").await.ok();
        }
    }
    assert!(asked > 500, "only {asked} answers");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_would_be_wrong_is_found() {
    let good = [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(self), microphone=(self), geolocation=()",
        ),
        (
            "strict-transport-security",
            "max-age=63072000; includeSubDomains",
        ),
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("set-cookie", "a=b; HttpOnly; SameSite=Lax; Path=/"),
    ];
    let headers = |changed: &str, value: &str| {
        let mut map = HeaderMap::new();
        for (name, good) in good {
            let value = if name == changed { value } else { good };
            map.insert(name, value.parse().unwrap());
        }
        map
    };
    assert_eq!(wrong_with(&headers("", "")), Vec::<String>::new());
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; img-src *; frame-ancestors 'none'; base-uri 'none'",
        ),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; base-uri 'none'",
        ),
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "origin"),
        ("permissions-policy", "camera=*, microphone=(self)"),
        ("permissions-policy", "camera=(self)"),
        ("strict-transport-security", "max-age=60"),
        ("cache-control", "public"),
        ("set-cookie", "a=b; SameSite=Lax"),
        ("set-cookie", "a=b; HttpOnly"),
        ("set-cookie", "a=b; HttpOnly; SameSite=None"),
    ] {
        assert!(
            !wrong_with(&headers(name, value)).is_empty(),
            "{name}: {value}"
        );
    }
}
