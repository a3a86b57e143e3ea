//! A node that drains, and a room that moves away: nobody new comes in, nobody
//! who is in is cut off, and whoever is sent away is told to come back.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use signaling::room_document::{LeftReason, NodeMessage, NodeState, Place, RoomRefusal, RoomState};
use support::{Seen, TestNode, room};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn health(node: &TestNode) -> String {
    let mut stream = tokio::net::TcpStream::connect(node.listen).await.unwrap();
    stream
        .write_all(b"GET /health HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_node_that_drains_takes_no_new_room_and_ends_with_its_last_hearing() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let first = control.status(|_| true).await;
    assert_eq!((first.state, first.load.len()), (NodeState::Ready, 1));
    assert_eq!(health(&node).await, "HTTP/1.1 200 OK");
    control.push(&room("r1", 1, &[("anne", Place::In)])).await;
    let mut anne = node.join("r1", "anne").await;
    anne.expect("offer").await;
    let told = control.status(|status| status.participants == 1).await;
    assert_eq!(told.rooms, 1);

    node.draining.cancel();
    control
        .status(|status| status.state == NodeState::Draining)
        .await;
    assert_eq!(health(&node).await, "HTTP/1.1 503 Service Unavailable");
    let refused = control.push(&room("r2", 1, &[("bo", Place::In)])).await;
    let reason = RoomRefusal::Draining;
    let room_id = "r2".into();
    assert_eq!(
        refused,
        NodeMessage::RoomRefused {
            room: room_id,
            reason
        }
    );
    // The hearing that is here goes on, and still follows its document.
    let two = [("anne", Place::In), ("bo", Place::In)];
    control.push(&room("r1", 2, &two)).await;
    let mut bo = node.join("r1", "bo").await;
    bo.expect("offer").await;
    control.status(|status| status.participants == 2).await;

    let leave = serde_json::json!({"type": "leave"});
    anne.say(&leave).await;
    assert_eq!(anne.closed().await, 1000);
    bo.say(&leave).await;
    assert_eq!(bo.closed().await, 1000);
    node.ended().await;
}

#[tokio::test]
async fn a_node_that_drains_does_not_wait_for_ever() {
    let limits = signaling::Limits {
        drain: std::time::Duration::from_millis(1),
        ..signaling::Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut control = node.control().await;
    control.push(&room("r1", 1, &[("anne", Place::In)])).await;
    let mut anne = node.join("r1", "anne").await;
    anne.expect("offer").await;
    control.status(|status| status.participants == 1).await;
    node.draining.cancel();
    assert_eq!(anne.closed().await, 1001);
    node.ended().await;
}

#[tokio::test]
async fn whoever_is_in_a_room_that_moves_away_is_told_to_come_back() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let open = room("r1", 1, &[("anne", Place::In), ("bo", Place::Waiting)]);
    control.push(&open).await;
    let mut anne = node.join("r1", "anne").await;
    anne.expect("offer").await;
    let mut bo = node.join("r1", "bo").await;
    bo.expect("waiting").await;

    let mut moved = open.clone();
    (moved.version, moved.state) = (2, RoomState::Moved);
    control.push(&moved).await;
    for client in [&mut anne, &mut bo] {
        loop {
            match client.next().await {
                // Neither the end of the hearing nor a refusal: only away.
                Seen::Message(message) => {
                    assert!(message["type"] != "ended" && message["type"] != "refused");
                }
                Seen::Closed(code) => {
                    assert_eq!(code, 1001);
                    break;
                }
            }
        }
    }
    // A late document and a late page change nothing.
    let late = control.push(&open).await;
    let (room_id, version) = ("r1".into(), 2);
    assert_eq!(
        late,
        NodeMessage::Applied {
            room: room_id,
            version
        }
    );
    assert_eq!(node.join("r1", "anne").await.closed().await, 1001);
    // A newer one brings the room back.
    let mut back = open;
    back.version = 3;
    control.push(&back).await;
    node.join("r1", "anne").await.expect("offer").await;
    node.stop().await;
}

#[tokio::test]
async fn a_room_that_is_elsewhere_may_be_told_before_it_was_ever_here() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let mut moved = room("r1", 4, &[("anne", Place::In)]);
    moved.state = RoomState::Moved;
    control.push(&moved).await;
    assert_eq!(node.join("r1", "anne").await.closed().await, 1001);
    let status = control.status(|_| true).await;
    assert_eq!((status.rooms, status.participants), (0, 0));
    node.stop().await;
}

#[tokio::test]
async fn those_who_are_sent_away_are_reported_as_moved() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let open = room("r1", 1, &[("anne", Place::In)]);
    control.push(&open).await;
    let mut anne = node.join("r1", "anne").await;
    anne.expect("offer").await;
    let mut moved = open;
    (moved.version, moved.state) = (2, RoomState::Moved);
    let message = signaling::room_document::ServiceMessage::Room(moved);
    use futures_util::SinkExt;
    let text = serde_json::to_string(&message).unwrap();
    let message = tokio_tungstenite::tungstenite::Message::text(text);
    control.0.send(message).await.unwrap();
    let left = control
        .event(|event| matches!(event.fact, signaling::room_document::Fact::Left { .. }))
        .await;
    let reason = LeftReason::Moved;
    assert_eq!(left.fact, signaling::room_document::Fact::Left { reason });
    node.stop().await;
}
