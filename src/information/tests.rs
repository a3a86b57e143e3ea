//! The public pages through the whole router: all of them answer in both
//! languages, keep the promises the law asks for, and are well typeset.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use scraper::{Html, Selector};
use tower::ServiceExt;

use super::rights;
use crate::app::App;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;

const PAGES: [&str; 16] = [
    "/",
    "/en-personne",
    "/aide",
    "/aide?q=camera",
    "/droits",
    "/mentions-legales",
    "/cgu",
    "/donnees-personnelles",
    "/cookies",
    "/accessibilite",
    "/plan-du-site",
    "/orientation",
    "/orientation/resultat?danger=oui",
    "/orientation/resultat?danger=non&nature=violences-famille",
    "/orientation/resultat?danger=non&nature=vol&enligne=non&auteur=non",
    "/orientation/resultat?danger=non&nature=vol&enligne=non&auteur=oui",
];

async fn app() -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data_dir: folder.path().to_owned(),
        ..Config::default()
    };
    let clock = Clock::fixed(Timestamp(1_795_386_600_000));
    let app = App::open(config.completed().unwrap(), clock).await.unwrap();
    app.db.migrate().await.unwrap();
    (app, folder)
}

async fn get(app: &App, path: &str, lang: &str) -> (StatusCode, String, String, String) {
    let request = Request::get(path)
        .header(header::ACCEPT_LANGUAGE, lang)
        .body(Body::empty())
        .unwrap();
    let response = app.router().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let header = |name| {
        parts
            .headers
            .get(name)
            .map(|value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (
        parts.status,
        header(header::LOCATION),
        header(header::SET_COOKIE),
        String::from_utf8(bytes.to_vec()).unwrap(),
    )
}

fn count(html: &Html, selector: &str) -> usize {
    html.select(&Selector::parse(selector).unwrap()).count()
}

#[tokio::test]
async fn every_page_answers_in_every_language_with_the_ways_out() {
    let (app, _folder) = app().await;
    for path in PAGES {
        for lang in ["fr", "en"] {
            let (status, _, _, text) = get(&app, path, lang).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(!text.contains('⟦'), "{path} in {lang} lacks a message");
            let html = Html::parse_document(&text);
            assert_eq!(count(&html, "h1"), 1, "{path}");
            assert_eq!(count(&html, &format!("html[lang={lang}]")), 1, "{path}");
            // L1: the way to a complaint in person; L42: emergencies.
            assert!(count(&html, "a[href='/en-personne']") > 0, "{path}");
            assert!(count(&html, "a[href='tel:17']") > 0, "{path}");
            assert!(count(&html, "a[data-quick-exit]") == 1, "{path}");
            // L44: the mention of conformity.
            assert!(count(&html, "a[href='/accessibilite']") > 0, "{path}");
        }
    }
}

#[tokio::test]
async fn the_home_page_says_what_must_be_said_first() {
    let (app, _folder) = app().await;
    let (_, _, _, text) = get(&app, "/", "fr").await;
    let html = Html::parse_document(&text);
    for address in [
        "tel:17",
        "tel:112",
        "sms:114",
        "/orientation",
        "/en-personne",
        "/droits",
        "/aide",
    ] {
        assert!(
            count(&html, &format!("main a[href='{address}']")) > 0,
            "{address}"
        );
    }
    for words in [
        "C’est gratuit",
        "C’est facultatif",
        "pas fait pour les urgences",
        "jamais enregistrée",
        "non conforme",
    ] {
        assert!(text.contains(words), "{words}");
    }
}

#[tokio::test]
async fn the_rights_page_holds_every_item_with_its_article() {
    let (app, _folder) = app().await;
    let (_, _, _, text) = get(&app, "/droits", "fr").await;
    let html = Html::parse_document(&text);
    assert_eq!(count(&html, ".vp-rights > li"), rights::items().len());
    for article in ["10-2", "10-3", "10-4", "40-3", "R.\u{a0}2-27", "434-26"] {
        let plain = text.replace("R. 2", "R.\u{a0}2");
        assert!(plain.contains(article), "{article}");
    }
}

#[tokio::test]
async fn the_help_page_searches_without_a_script_and_trusts_nobody() {
    let (app, _folder) = app().await;
    let (_, _, _, text) = get(&app, "/aide?q=avocat", "fr").await;
    let html = Html::parse_document(&text);
    let found = count(&html, "details");
    assert!((1..10).contains(&found), "{found}");
    let (status, _, _, text) = get(&app, "/aide?q=%3Cscript%3Ealert(1)%3C/script%3E", "fr").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!text.contains("<script>alert"));
    assert!(text.contains("Aucune réponse"));
    for mangled in [
        "/aide?q=a&q=b",
        "/orientation?nature=a&nature=b",
        "/orientation?danger=%ff%00",
        "/aide?q=%ff",
    ] {
        assert_eq!(
            get(&app, mangled, "fr").await.0,
            StatusCode::OK,
            "{mangled}"
        );
    }
    let long = format!("/aide?q={}", "a".repeat(5_000));
    assert_eq!(get(&app, &long, "fr").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_language_is_kept_and_the_return_never_leaves_the_site() {
    let (app, _folder) = app().await;
    for (path, to, cookie) in [
        ("/langue/en?retour=/aide?q=a", "/aide?q=a", "vp_lang=en"),
        (
            "/langue/fr?retour=%2Forientation",
            "/orientation",
            "vp_lang=fr",
        ),
        ("/langue/en?retour=https://exemple.fr", "/", "vp_lang=en"),
        ("/langue/en?retour=//exemple.fr", "/", "vp_lang=en"),
        ("/langue/en", "/", "vp_lang=en"),
        ("/langue/xx?retour=/aide", "/aide", ""),
        ("/langue/en?retour=/aide&retour=/droits", "/", "vp_lang=en"),
    ] {
        let (status, location, set, _) = get(&app, path, "fr").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(location, to, "{path}");
        assert!(
            set.starts_with(cookie) && set.is_empty() == cookie.is_empty(),
            "{path}: {set}"
        );
    }
}

#[tokio::test]
async fn the_orientation_keeps_answers_and_says_what_is_missing() {
    let (app, _folder) = app().await;
    let (status, _, _, text) = get(&app, "/orientation/resultat?nature=vol", "fr").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let html = Html::parse_document(&text);
    for anchor in ["#danger", "#enligne", "#auteur"] {
        assert_eq!(
            count(&html, &format!("#erreurs a[href='{anchor}']")),
            1,
            "{anchor}"
        );
    }
    assert_eq!(count(&html, "input[name=nature][value=vol][checked]"), 1);
    // Another service is advised with its address, and video stays open.
    let advised =
        "/orientation/resultat?danger=non&nature=carte-bancaire&enligne=oui&auteur=non&carte=oui";
    let (_, _, _, text) = get(&app, advised, "fr").await;
    assert!(text.contains("R46526") && text.contains("/declaration/droits?nature=carte-bancaire"));
    // The way back carries the answers.
    let html = Html::parse_document(&text);
    let back = html
        .select(&Selector::parse("main a[href^='/orientation?']").unwrap())
        .next()
        .unwrap()
        .attr("href")
        .unwrap()
        .to_owned();
    let (_, _, _, text) = get(&app, &back, "fr").await;
    let html = Html::parse_document(&text);
    assert_eq!(count(&html, "input[checked]"), 5);
    // In danger, nothing but help.
    let (_, _, _, text) = get(&app, "/orientation/resultat?danger=oui&nature=vol", "fr").await;
    assert!(!text.contains("/declaration/"));
}

/// Before : ; ? ! » and after « a French reader expects a space that never
/// breaks; apostrophes are curly. The slices of this way only.
#[test]
fn the_words_are_well_typeset() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/messages");
    for (lang, slice) in [
        ("fr", "information"),
        ("fr", "orientation"),
        ("fr", "declaration"),
        ("en", "information"),
        ("en", "orientation"),
        ("en", "declaration"),
    ] {
        let text = std::fs::read_to_string(root.join(lang).join(format!("{slice}.ftl"))).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words = line.split_once(" = ").map_or("", |(_, words)| words);
            assert!(!words.contains('\''), "{lang}/{slice}: {line}");
            assert!(
                !words.contains("  ") && words == words.trim(),
                "{lang}/{slice}: {line}"
            );
            if lang == "fr" {
                for wrong in [" :", " ;", " ?", " !", " »", "« "] {
                    assert!(!words.contains(wrong), "{lang}/{slice}: {line}");
                }
            }
        }
    }
}

/// Names of the cookies that the code sets, read from its constants.
fn cookies_in(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cookies_in(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text
                .lines()
                .filter(|line| line.contains("COOKIE: &str = \""))
            {
                found.insert(line.split('"').nth(1).unwrap().to_owned());
            }
        }
    }
}

#[test]
fn the_page_on_cookies_names_every_cookie() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut set = std::collections::BTreeSet::new();
    cookies_in(&root.join("src"), &mut set);
    assert!(set.len() >= 6, "{set:?}");
    let page =
        std::fs::read_to_string(root.join("web/templates/information/cookies.html")).unwrap();
    for cookie in set {
        assert!(page.contains(&format!("<code>{cookie}</code>")), "{cookie}");
    }
}
