//! Who stands in the door of a node and for how long, over real sockets.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use signaling::Limits;
use signaling::protocol::CloseCode;
use signaling::room_document::{CONTROL_SUBPROTOCOL, Place};
use support::{Client, Seen, TestNode, room};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// Says nothing of a room, and is told what a wrong token is told.
async fn fail(client: &mut Client) -> u16 {
    client.say(&json!({"type": "join", "token": "x"})).await;
    client.closed().await
}

#[tokio::test]
async fn the_oldest_who_has_not_joined_makes_room() {
    let limits = Limits {
        connections: 3,
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut control = node.control().await;
    control
        .push(&room("r", 1, &[("angele", Place::Waiting)]))
        .await;
    let mut angele = node.join("r", "angele").await;
    angele.expect("waiting").await;
    let mut silent = node.signaling().await;
    // The last place is the silent one's; nobody waits until it gives up.
    let mut next = node.signaling().await;
    assert!(matches!(silent.next().await, Seen::Message(refused) if refused["code"] == 4503));
    assert_eq!(silent.closed().await, CloseCode::Full.number());
    assert_eq!(fail(&mut next).await, CloseCode::TokenRefused.number());
    // Whoever joined stays, however many knock.
    for _ in 0..20 {
        node.signaling().await;
    }
    angele.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(angele.expect("pong").await["t"], 1);
    node.stop().await;
}

#[tokio::test]
async fn one_address_has_so_many_sockets_and_leaves_the_others_theirs() {
    let limits = Limits {
        connections_per_address: 2,
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut held = vec![
        node.signaling_from("203.0.113.7").await,
        node.signaling_from("203.0.113.7").await,
    ];
    for refused in ["203.0.113.7", "198.51.100.1, 203.0.113.7"] {
        let mut third = node.signaling_from(refused).await;
        assert_eq!(third.expect("refused").await["retry"], true);
        assert_eq!(third.closed().await, CloseCode::TooMany.number());
    }
    let mut other = node.signaling_from("203.0.113.8").await;
    assert_eq!(fail(&mut other).await, CloseCode::TokenRefused.number());
    let mut gone = held.remove(0);
    assert_eq!(fail(&mut gone).await, CloseCode::TokenRefused.number());
    drop(gone);
    // Its place comes back as soon as the node has noticed.
    let again = async {
        loop {
            let mut again = node.signaling_from("203.0.113.7").await;
            if fail(&mut again).await == CloseCode::TokenRefused.number() {
                return;
            }
        }
    };
    tokio::time::timeout(support::PATIENCE, again)
        .await
        .unwrap();
    node.stop().await;
}

#[tokio::test]
async fn who_fails_to_join_too_often_is_sent_away_for_a_while() {
    let limits = Limits {
        failed_join_burst: 3,
        // None comes back while the test lasts.
        failed_joins_per_second: 0,
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    for _ in 0..3 {
        let mut client = node.signaling_from("203.0.113.7").await;
        assert_eq!(fail(&mut client).await, CloseCode::TokenRefused.number());
    }
    let mut client = node.signaling_from("203.0.113.7").await;
    assert_eq!(client.closed().await, CloseCode::TooMany.number());
    // Neither others, nor anybody of whom a proxy says nothing.
    for mut client in [
        node.signaling_from("203.0.113.8").await,
        node.signaling().await,
    ] {
        assert_eq!(fail(&mut client).await, CloseCode::TokenRefused.number());
    }
    node.stop().await;
}

#[tokio::test]
async fn a_message_of_the_service_is_bounded_too() {
    let node = TestNode::start().await;
    let mut control = node.socket("/control", CONTROL_SUBPROTOCOL).await;
    let long = "x".repeat(Limits::default().control_message_bytes + 1);
    // The node may close before it has read all of it.
    let _ = control.send(Message::text(long)).await;
    let closed = async {
        while let Some(Ok(message)) = control.next().await {
            if let Message::Close(Some(frame)) = message {
                return Some(u16::from(frame.code));
            }
        }
        None
    };
    let code = tokio::time::timeout(support::PATIENCE, closed)
        .await
        .unwrap();
    assert!(matches!(code, Some(4413) | None), "{code:?}");
    let mut again = node.control().await;
    let answer = again
        .push(&room("r", 1, &[("angele", Place::Waiting)]))
        .await;
    assert!(format!("{answer:?}").contains("Applied"), "{answer:?}");
    node.stop().await;
}

#[tokio::test]
async fn who_only_connects_is_dropped_and_beyond_some_unheard() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut control = node.control().await;
    // Sixty-four would be told that there is no place, if they asked.
    let mut mute = Vec::new();
    for _ in 0..64 {
        mute.push(TcpStream::connect(node.listen).await.unwrap());
    }
    let mut beyond = TcpStream::connect(node.listen).await.unwrap();
    let ended = async |stream: &mut TcpStream| {
        let mut byte = [0; 1];
        let read = tokio::time::timeout(support::PATIENCE, stream.read(&mut byte));
        matches!(read.await.unwrap(), Ok(0) | Err(_))
    };
    assert!(ended(&mut beyond).await, "no room even for a refusal");
    for stream in &mut mute {
        assert!(ended(stream).await, "nobody may take longer to ask");
    }
    control
        .push(&room("r", 1, &[("angele", Place::Waiting)]))
        .await;
    node.stop().await;
}
