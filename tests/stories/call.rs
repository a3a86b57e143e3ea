//! The call's door as a page meets it, through the one HTTP port: who is let
//! in, and with which code everybody else is told to do what.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use signaling::join_token::{JOIN_AUDIENCE, JoinClaims};
use tokio_tungstenite::tungstenite::Message;

use crate::support::call::{Call, Said};
use crate::support::people::token_of;
use crate::support::{Citizen, Officer, Page, TestApp, until};

/// A citizen at the door of a hearing that begins within half an hour.
async fn at_the_door(app: &TestApp) -> (Citizen, Officer, String, Page) {
    let nadia = app.officer("admin-78");
    nadia.logs_in("/administration").await.ok();
    nadia
        .opens_a_desk("u-78-police", "Guichet de nuit")
        .await
        .ok();
    let (camille, sarah) = (app.citizen("camille"), app.officer("78-police"));
    let id = camille.has_an_appointment().await;
    let room = camille.enters(&id).await;
    sarah.logs_in("/agent").await.ok();
    (camille, sarah, id, room)
}

async fn grant(citizen: &Citizen, room: &Page) -> Value {
    let (url, csrf) = token_of(room);
    citizen.ask_json(&url, &csrf).await.unwrap().ok().json()
}

/// The claims of a token, unverified: what somebody who steals it reads.
fn claims_of(token: &str) -> JoinClaims {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn signed(claims: &JoinClaims, key: &jsonwebtoken::EncodingKey) -> String {
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

async fn refused_with(app: &TestApp, token: &str) -> u16 {
    let mut call = Call::connect(&app.site).await.unwrap();
    call.say(&json!({ "type": "join", "token": token }))
        .await
        .unwrap();
    let refused = call.expect("refused").await;
    let code = call.closed().await;
    assert_eq!(refused["code"], code);
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_of_a_seat_opens_the_call() {
    let app = TestApp::live_on_every_engine()
        .await
        .remove(0)
        .with_media()
        .await;
    let (camille, _, _, room) = at_the_door(&app).await;
    let good = grant(&camille, &room).await["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut call = Call::connect(&app.site).await.unwrap();
    call.say(&json!({ "type": "join", "token": good }))
        .await
        .unwrap();
    call.expect("waiting").await;

    let own = claims_of(&good);
    assert_eq!(own.aud, JOIN_AUDIENCE);
    assert!((own.exp - own.iat) <= 600, "a token lives minutes");
    assert!(
        !good.contains("camille") && !own.sub.as_str().contains("citizen"),
        "no name goes to the node"
    );
    let foreign = visioplainte::keys::Keys::from_master(&[7; 32]);
    let with = |change: fn(&mut JoinClaims)| {
        let mut claims = own.clone();
        change(&mut claims);
        claims
    };
    for (what, token, code) in [
        ("nonsense", "x.y.z".to_owned(), 4401),
        ("nothing", String::new(), 4401),
        ("cut", good[..good.len() - 2].to_owned(), 4401),
        ("of another service", signed(&own, &foreign.join), 4401),
        (
            "expired",
            signed(
                &with(|claims| {
                    claims.iat -= 900;
                    claims.exp -= 900;
                }),
                &app.keys.join,
            ),
            4401,
        ),
        (
            "for another use",
            signed(
                &with(|claims| claims.aud = "visioplainte-control".into()),
                &app.keys.join,
            ),
            4401,
        ),
        (
            "of a room that is not",
            signed(
                &with(|claims| claims.room = "nowhere".into()),
                &app.keys.join,
            ),
            4404,
        ),
        (
            "of nobody there",
            signed(
                &with(|claims| claims.sub = "somebody".into()),
                &app.keys.join,
            ),
            4403,
        ),
    ] {
        assert_eq!(refused_with(&app, &token).await, code, "{what}");
    }
    // The one who is in is still in.
    call.say(&json!({ "type": "ping", "t": 7 })).await.unwrap();
    assert_eq!(call.expect("pong").await["t"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_line_closes_that_line_with_its_code_and_no_other() {
    let app = TestApp::live_on_every_engine()
        .await
        .remove(0)
        .with_media()
        .await;
    let (camille, sarah, id, room) = at_the_door(&app).await;
    sarah.opens(&id).await;
    let mut officer_call = sarah.joins(&sarah.workspace(&id).await).await.unwrap();
    officer_call.expect("joined").await;

    let deep = "[".repeat(30_000);
    let big = format!(r#"{{"type":"ping","t":1,"x":"{}"}}"#, "x".repeat(70_000));
    let before_joining = [
        ("no JSON", Message::text("bonjour"), 4400),
        ("no object", Message::text("[1,2,3]"), 4400),
        ("deep", Message::text(deep), 4400),
        ("out of turn", Message::text(r#"{"type":"leave"}"#), 4400),
        ("without a token", Message::text(r#"{"type":"join"}"#), 4400),
        ("binary", Message::binary(vec![0_u8, 159, 146, 150]), 4400),
        ("too large", Message::text(big.clone()), 4413),
    ];
    for (what, message, code) in before_joining {
        let mut call = Call::connect(&app.site).await.unwrap();
        call.send(message).await.unwrap();
        assert_eq!(call.closed().await, code, "{what}, before joining");
    }
    let after_joining = [
        ("no JSON", Message::text("bonjour"), 4400),
        (
            "no session description",
            Message::text(r#"{"type":"answer","negotiation":1}"#),
            4400,
        ),
        (
            "wrong kinds",
            Message::text(r#"{"type":"media","audio":"yes","video":1}"#),
            4400,
        ),
        ("too large", Message::text(big), 4413),
    ];
    for (what, message, code) in after_joining {
        let mut call = camille.joins(&room).await.unwrap();
        call.expect("waiting").await;
        call.send(message).await.unwrap();
        assert_eq!(call.closed().await, code, "{what}, after joining");
    }
    // Too many messages: the line is cut, and the seat can be taken again.
    let mut flood = camille.joins(&room).await.unwrap();
    flood.expect("waiting").await;
    for number in 0..500 {
        if flood
            .say(&json!({ "type": "ping", "t": number }))
            .await
            .is_err()
        {
            break;
        }
    }
    assert_eq!(flood.closed().await, 4429);
    // A type that a newer page may know is passed over.
    let mut call = camille.joins(&room).await.unwrap();
    call.expect("waiting").await;
    call.say(&json!({ "type": "newer", "than": "this" }))
        .await
        .unwrap();
    call.say(&json!({ "type": "ping", "t": 1 })).await.unwrap();
    call.expect("pong").await;
    // The officer heard nothing of all this but people coming and going.
    officer_call
        .say(&json!({ "type": "ping", "t": 2 }))
        .await
        .unwrap();
    assert_eq!(officer_call.expect("pong").await["t"], 2);
    sarah.admits(&id).await;
    call.expect("joined").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seat_follows_the_person_and_the_former_line_is_told() {
    for app in TestApp::live_on_every_engine().await {
        let app = app.with_media().await;
        let (camille, sarah, id, room) = at_the_door(&app).await;
        let mut first = camille.joins(&room).await.unwrap();
        first.expect("waiting").await;
        let stolen = grant(&camille, &room).await["token"]
            .as_str()
            .unwrap()
            .to_owned();

        // A second tab of the same browser: the newer line counts.
        let mut second = camille.joins(&room).await.unwrap();
        second.expect("waiting").await;
        assert_eq!(first.closed().await, 4409);

        // Another telephone, with a login: the seat moves there.
        let telephone = camille.elsewhere();
        telephone.logs_in("/espace").await.ok();
        let there = telephone.enters(&id).await;
        let mut third = telephone.joins(&there).await.unwrap();
        third.expect("waiting").await;
        assert_eq!(second.closed().await, 4409);
        assert_eq!(
            refused_with(&app, &stolen).await,
            4409,
            "a token bought before the move"
        );
        let (url, csrf) = token_of(&room);
        let refused = camille.ask_json(&url, &csrf).await.unwrap();
        assert_eq!(refused.status, StatusCode::FORBIDDEN);

        // The officer lets in, sends back, lets in; the page follows each time.
        let workspace = format!("/agent/audition/{id}");
        sarah.opens(&id).await;
        sarah.admits(&id).await;
        third.expect("joined").await;
        let page = sarah.get(&workspace).await.ok();
        sarah
            .submit(&page.form("form[action$='/renvoyer']"))
            .await
            .ok();
        third.expect("waiting").await;
        sarah.admits(&id).await;
        third.expect("joined").await;
        third.say(&json!({ "type": "leave" })).await.unwrap();
        assert_eq!(third.closed().await, 1000);
        until("the citizen shown as gone", async || {
            let page = sarah.get(&workspace).await.ok();
            page.has("ul.vp-people .fr-badge--warning").then_some(())
        })
        .await;
        let mut back = telephone.joins(&there).await.unwrap();
        back.expect("joined").await;
        app.journal_holds();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signaling_that_cannot_be_reached_is_said_in_http() {
    let app = TestApp::live_on_every_engine().await.remove(0);
    let browser = app.browser();
    let page = browser.get_here("/signaling/node-1").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "no node yet");
    assert!(Call::connect(&app.site).await.is_err());
    app.media.set_address("node-1", None);
    let page = browser.get_here("/signaling/node-1").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "not running");
    let app = app.with_media().await;
    let page = browser
        .send(Method::GET, "/signaling/node-1", &[], Vec::new())
        .await
        .unwrap();
    assert_eq!(page.status, StatusCode::UPGRADE_REQUIRED);
    // The service's own channel is not reachable from outside.
    let page = browser
        .send(Method::GET, "/control", &[], Vec::new())
        .await
        .unwrap();
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let mut call = Call::connect(&app.site).await.unwrap();
    call.say(&json!({ "type": "hello", "token": "x" }))
        .await
        .unwrap();
    assert!(matches!(
        call.next().await,
        Said::Message(_) | Said::Closed(4400)
    ));
    assert_eq!(call.closed().await, 4400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_node_sends_the_room_to_another_and_with_none_left_the_page_is_told() {
    let full = signaling::Limits {
        rooms: 0,
        ..signaling::Limits::default()
    };
    for app in TestApp::live_on_every_engine().await {
        let app = app.with_media_node("node-1", full.clone()).await;
        let (camille, _, _, room) = at_the_door(&app).await;
        let (url, csrf) = token_of(&room);
        let page = camille.ask_json(&url, &csrf).await.unwrap();
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:.300}");
        let told = page.json();
        assert_eq!(told["code"], "refusal-no-media-place");
        assert!(told["message"].as_str().unwrap().contains("d’elle-même"));

        // Another node comes up; the page, which tries again, is led there.
        let limits = signaling::Limits::default();
        let app = app.with_media_node("node-2", limits).await;
        let there = until("a place on the other node", async || {
            let page = camille.ask_json(&url, &csrf).await.unwrap();
            page.status.is_success().then(|| page.json())
        })
        .await;
        assert_eq!(there["url"], "/signaling/node-2");
        let mut call = Call::join(&camille, &url, &csrf).await.unwrap();
        call.expect("waiting").await;
        app.journal_holds();
    }
}
