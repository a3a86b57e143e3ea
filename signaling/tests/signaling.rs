//! The WebSocket side of a node: who is let in, how the service rules a room,
//! and what every broken rule costs. No media flows here.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use signaling::Limits;
use signaling::protocol::{CloseCode, SIGNALING_SUBPROTOCOL};
use signaling::room_document::{
    CONTROL_SUBPROTOCOL, Fact, LeftReason, NodeMessage, Place, RoomRefusal, RoomState,
    ServiceMessage,
};
use support::{Client, Seen, TestNode, connect, room};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};

const ONE_WAITS: &[(&str, Place)] = &[("angele", Place::Waiting)];
const ONE_IN: &[(&str, Place)] = &[("angele", Place::In)];

#[tokio::test]
async fn the_service_lets_in_sends_back_and_removes() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, ONE_WAITS)).await;
    let mut angele = node.join("r", "angele").await;
    let waiting = angele.expect("waiting").await;
    assert_eq!(waiting["participant"], "angele");
    assert!(waiting["resume"].as_str().unwrap().len() >= 20);

    control.push(&room("r", 2, ONE_IN)).await;
    assert_eq!(angele.expect("joined").await["resume"], waiting["resume"]);
    let offer = angele.expect("offer").await;
    assert_eq!(offer["negotiation"], 1);
    assert_eq!(offer["fresh"], true);
    assert_eq!(
        offer["tracks"],
        json!({
            "0": {"participant": "angele", "kind": "audio"},
            "1": {"participant": "angele", "kind": "video"},
        })
    );
    let sdp = offer["sdp"].as_str().unwrap();
    for expected in [
        "a=ice-lite",
        "a=setup:actpass",
        "opus/48000/2",
        "VP8/90000",
        &format!("127.0.0.1 {} typ host", node.udp[0].port()),
    ] {
        assert!(sdp.contains(expected), "{expected} is missing in {sdp}");
    }
    assert_eq!(angele.expect("state").await["place"], "in");

    control.push(&room("r", 3, ONE_WAITS)).await;
    angele.expect("waiting").await;
    control.push(&room("r", 4, ONE_IN)).await;
    assert_eq!(angele.expect("offer").await["fresh"], true);

    control.push(&room("r", 5, &[("jean", Place::In)])).await;
    assert_eq!(angele.expect("refused").await["retry"], false);
    assert_eq!(angele.closed().await, CloseCode::NotInRoom.number());
    let left = control
        .event(|event| matches!(event.fact, Fact::Left { .. }))
        .await;
    assert_eq!(
        left.fact,
        Fact::Left {
            reason: LeftReason::Removed
        }
    );
    control
        .event(|event| event.fact == Fact::RoomEmptied {} && event.participant.is_none())
        .await;
    node.stop().await;
}

#[tokio::test]
async fn the_end_reaches_everybody_and_an_older_document_does_not_undo_it() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, ONE_IN)).await;
    let mut angele = node.join("r", "angele").await;
    angele.expect("joined").await;
    let mut ended = room("r", 9, ONE_IN);
    ended.state = RoomState::Ended;
    control.push(&ended).await;
    angele.expect("ended").await;
    assert_eq!(angele.closed().await, CloseCode::Ended.number());

    let held = control.push(&room("r", 8, ONE_IN)).await;
    assert_eq!(
        held,
        NodeMessage::Applied {
            room: "r".into(),
            version: 9
        }
    );
    assert_eq!(
        node.join("r", "angele").await.closed().await,
        CloseCode::Ended.number()
    );
    node.stop().await;
}

#[tokio::test]
async fn every_control_connection_sees_every_event_and_presence_tells_the_rest() {
    let node = TestNode::start().await;
    let mut first = node.control().await;
    let mut second = node.control().await;
    first.push(&room("r", 3, ONE_WAITS)).await;
    let mut angele = node.join("r", "angele").await;
    angele.expect("waiting").await;
    for control in [&mut first, &mut second] {
        let joined = control
            .event(|event| matches!(event.fact, Fact::Joined { .. }))
            .await;
        assert_eq!(joined.fact, Fact::Joined { resumed: false });
        assert_eq!(joined.participant.unwrap().as_str(), "angele");
    }

    let mut late = node.socket("/control", CONTROL_SUBPROTOCOL).await;
    let hello = ServiceMessage::Hello {
        token: node.control_token(),
    };
    let hello = serde_json::to_string(&hello).unwrap();
    late.send(Message::text(hello)).await.unwrap();
    let mut late = support::Control(late);
    assert_eq!(
        late.next().await,
        NodeMessage::Ready {
            node: "test".into(),
            udp: node.udp.clone()
        }
    );
    let presence = late.next().await;
    assert_eq!(
        serde_json::to_value(&presence).unwrap(),
        json!({"type": "presence", "rooms": [{
            "room": "r",
            "version": 3,
            "participants": [{"participant": "angele", "connected": true}],
        }]})
    );
    node.stop().await;
}

#[tokio::test]
async fn only_a_good_token_of_a_seat_opens_it() {
    let node = TestNode::start().await;
    let other_node = TestNode::start().await;
    let mut control = node.control().await;
    let mut document = room("r", 1, ONE_WAITS);
    document.seats[0].generation = 2;
    control.push(&document).await;
    for (case, token, code) in [
        (
            "forged",
            other_node.join_token("r", "angele", 2),
            CloseCode::TokenRefused,
        ),
        ("nonsense", "x.y.z".to_owned(), CloseCode::TokenRefused),
        (
            "a control token",
            node.control_token(),
            CloseCode::TokenRefused,
        ),
        (
            "of an older generation",
            node.join_token("r", "angele", 1),
            CloseCode::Replaced,
        ),
        (
            "of nobody here",
            node.join_token("r", "jean", 2),
            CloseCode::NotInRoom,
        ),
        (
            "of no room here",
            node.join_token("s", "angele", 2),
            CloseCode::UnknownRoom,
        ),
    ] {
        let mut client = node.signaling().await;
        client.say(&json!({"type": "join", "token": token})).await;
        let refused = client.expect("refused").await;
        assert_eq!(refused["code"], code.number(), "{case}");
        assert_eq!(refused["retry"], code.retry(), "{case}");
        assert_eq!(client.closed().await, code.number(), "{case}");
    }
    let mut client = node.signaling().await;
    let token = node.join_token("r", "angele", 2);
    client.say(&json!({"type": "join", "token": token})).await;
    client.expect("waiting").await;

    // The service moves the seat to another browser.
    document.version = 2;
    document.seats[0].generation = 3;
    control.push(&document).await;
    assert_eq!(client.closed().await, CloseCode::Replaced.number());
    node.stop().await;
    other_node.stop().await;
}

#[tokio::test]
async fn a_newer_connection_takes_the_seat() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, ONE_WAITS)).await;
    let mut first = node.join("r", "angele").await;
    first.expect("waiting").await;
    let mut second = node.join("r", "angele").await;
    second.expect("waiting").await;
    assert_eq!(first.closed().await, CloseCode::Replaced.number());
    second.say(&json!({"type": "ping", "t": 17})).await;
    assert_eq!(second.expect("pong").await["t"], 17);
    node.stop().await;
}

#[tokio::test]
async fn what_is_not_of_the_protocol_is_refused_or_ignored() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, ONE_IN)).await;
    let long = format!(r#"{{"type":"ping","t":1,"x":"{}"}}"#, "x".repeat(70_000));
    let token = node.join_token("r", "angele", 1);
    let join = json!({"type": "join", "token": token}).to_string();

    for (case, first, code) in [
        ("not JSON", "hello", CloseCode::Malformed),
        ("no object", "[]", CloseCode::Malformed),
        ("no type", "{}", CloseCode::Malformed),
        (
            "an unknown type",
            r#"{"type":"sing"}"#,
            CloseCode::Malformed,
        ),
        (
            "ping before join",
            r#"{"type":"ping","t":1}"#,
            CloseCode::Malformed,
        ),
        (
            "join without a token",
            r#"{"type":"join"}"#,
            CloseCode::Malformed,
        ),
        ("too large", long.as_str(), CloseCode::TooLarge),
    ] {
        let mut client = node.signaling().await;
        client.text(first).await;
        assert_eq!(client.closed().await, code.number(), "{case}, first");
    }

    for (case, then, code) in [
        ("not JSON", "hello", Some(CloseCode::Malformed)),
        (
            "wrong fields",
            r#"{"type":"answer","negotiation":-1,"sdp":""}"#,
            Some(CloseCode::Malformed),
        ),
        ("a second join", join.as_str(), Some(CloseCode::Malformed)),
        ("too large", long.as_str(), Some(CloseCode::TooLarge)),
        (
            "an answer that is none",
            r#"{"type":"answer","negotiation":OFFERED,"sdp":"v=0"}"#,
            Some(CloseCode::Malformed),
        ),
        (
            "an empty answer",
            r#"{"type":"answer","negotiation":OFFERED,"sdp":""}"#,
            Some(CloseCode::Malformed),
        ),
        (
            "an answer to nothing",
            r#"{"type":"answer","negotiation":77,"sdp":"x"}"#,
            None,
        ),
        ("an unknown type", r#"{"type":"sing"}"#, None),
        (
            "an unknown field",
            r#"{"type":"media","audio":true,"video":true,"mood":"good"}"#,
            None,
        ),
        (
            "a candidate",
            r#"{"type":"candidate","candidate":"candidate:1 1 udp 1 x.local 9 typ host"}"#,
            None,
        ),
    ] {
        let mut client = node.join("r", "angele").await;
        let offered = client.expect("offer").await["negotiation"].to_string();
        client.text(&then.replace("OFFERED", &offered)).await;
        match code {
            Some(code) => assert_eq!(client.closed().await, code.number(), "{case}"),
            None => {
                client.say(&json!({"type": "ping", "t": 1})).await;
                client.expect("pong").await;
            }
        }
    }

    let mut client = node.join("r", "angele").await;
    client.expect("joined").await;
    client.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.closed().await, CloseCode::Malformed.number());
    let left = control
        .event(|event| matches!(event.fact, Fact::Left { .. }))
        .await;
    assert_eq!(
        left.fact,
        Fact::Left {
            reason: LeftReason::Refused
        }
    );
    node.stop().await;
}

#[tokio::test]
async fn too_many_messages_close_the_connection() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, ONE_WAITS)).await;
    let mut client = node.join("r", "angele").await;
    client.expect("waiting").await;
    for t in 0..300 {
        let ping = json!({"type": "ping", "t": t}).to_string();
        if client.0.send(Message::text(ping)).await.is_err() {
            break;
        }
    }
    assert_eq!(client.closed().await, CloseCode::TooMany.number());
    node.stop().await;
}

#[tokio::test]
async fn somebody_who_does_not_read_is_dropped_and_harms_nobody() {
    let limits = Limits {
        queue: 4,
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut control = node.control().await;
    let people = |version: u64| {
        let mut document = room(
            "r",
            version,
            &[("angele", Place::Waiting), ("jean", Place::Waiting)],
        );
        document.seats[0].label = format!("{version} {}", "x".repeat(100_000));
        document
    };
    control.push(&people(1)).await;
    let _deaf = node.join("r", "angele").await;
    let mut jean = node.join("r", "jean").await;
    jean.expect("state").await;
    // Until the system's own buffers for her are full, and then the node's queue.
    let mut version = 1;
    loop {
        version += 1;
        control.push(&people(version)).await;
        let mut late = support::Control(node.socket("/control", CONTROL_SUBPROTOCOL).await);
        let hello = json!({"type": "hello", "token": node.control_token()}).to_string();
        late.0.send(Message::text(hello)).await.unwrap();
        late.next().await;
        let NodeMessage::Presence { rooms } = late.next().await else {
            panic!("presence comes second");
        };
        let angele = &rooms[0].participants[0];
        assert_eq!(angele.participant.as_str(), "angele");
        if !angele.connected {
            break;
        }
        assert!(version < 2_000, "the deaf connection is never dropped");
    }
    jean.say(&json!({"type": "ping", "t": 1})).await;
    jean.expect("pong").await;
    node.stop().await;
}

#[tokio::test]
async fn silence_loses_the_connection_and_then_the_seat() {
    let limits = Limits {
        heartbeat: Duration::from_millis(300),
        grace: Duration::from_millis(300),
        join_within: Duration::from_millis(300),
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    // Says nothing at all.
    assert_eq!(
        node.signaling().await.closed().await,
        CloseCode::HeartbeatLost.number()
    );

    let control = node.control().await;
    // The service's channel is not read while we wait, so a watcher of its own is.
    let watcher = tokio::spawn(async move {
        let mut control = control;
        control.push(&room("r", 1, ONE_WAITS)).await;
        control
            .event(|event| matches!(event.fact, Fact::Left { .. }))
            .await
            .fact
    });
    // A room that is not there yet: the page comes back until it is.
    let mut silent = loop {
        let mut client = node.join("r", "angele").await;
        match client.next().await {
            Seen::Message(message) if message["type"] == "waiting" => break client,
            Seen::Message(message) => assert_eq!(message["code"], 4404),
            Seen::Closed(code) => panic!("closed with {code}"),
        }
    };
    // Not reading, this client answers no ping either.
    assert_eq!(
        watcher.await.unwrap(),
        Fact::Left {
            reason: LeftReason::Lost
        }
    );
    assert_eq!(silent.closed().await, CloseCode::HeartbeatLost.number());
    node.stop().await;
}

#[tokio::test]
async fn a_full_node_says_so() {
    let limits = Limits {
        connections: 1,
        rooms: 1,
        seats: 2,
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut control = node.control().await;
    let mut client = node.signaling().await;
    assert_eq!(client.expect("refused").await["retry"], true);
    assert_eq!(client.closed().await, CloseCode::Full.number());

    let crowded = room(
        "r",
        1,
        &[("a", Place::In), ("b", Place::In), ("c", Place::In)],
    );
    let twice = room("r", 1, &[("a", Place::In), ("a", Place::In)]);
    for (case, document, reason) in [
        ("three seats", crowded, RoomRefusal::BadSeats),
        ("one seat twice", twice, RoomRefusal::BadSeats),
    ] {
        assert_eq!(
            control.push(&document).await,
            NodeMessage::RoomRefused {
                room: "r".into(),
                reason
            },
            "{case}"
        );
    }
    control.push(&room("r", 1, ONE_IN)).await;
    assert_eq!(
        control.push(&room("s", 1, ONE_IN)).await,
        NodeMessage::RoomRefused {
            room: "s".into(),
            reason: RoomRefusal::Full
        }
    );
    node.stop().await;
}

#[tokio::test]
async fn only_known_doors_open_and_only_by_their_subprotocol() {
    let node = TestNode::start().await;
    for (path, subprotocol, status) in [
        ("/signaling", "", 400),
        ("/signaling", CONTROL_SUBPROTOCOL, 400),
        ("/control", SIGNALING_SUBPROTOCOL, 400),
        ("/elsewhere", SIGNALING_SUBPROTOCOL, 404),
    ] {
        match connect(node.listen, path, subprotocol).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), status, "{path} {subprotocol}");
            }
            other => panic!("{path} {subprotocol}: {other:?}"),
        }
    }

    let mut probe = TcpStream::connect(node.listen).await.unwrap();
    probe
        .write_all(b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    probe.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let mut forged = Client(node.socket("/control", CONTROL_SUBPROTOCOL).await);
    let token = node.join_token("r", "angele", 1);
    forged.say(&json!({"type": "hello", "token": token})).await;
    assert_eq!(forged.closed().await, CloseCode::TokenRefused.number());
    node.stop().await;
}

#[tokio::test]
async fn a_node_that_stops_says_goodbye() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    control.push(&room("r", 1, ONE_IN)).await;
    let mut angele = node.join("r", "angele").await;
    angele.expect("offer").await;
    node.begin_stop();
    assert_eq!(angele.closed().await, CloseCode::GoingAway.number());
    node.stop().await;
}
