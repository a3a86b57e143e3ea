//! What a node counts, as Prometheus reads it: right numbers, and nothing about
//! any person or room.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

#[path = "support/media.rs"]
mod media;

#[path = "support/scrape.rs"]
mod scrape;

use media::Person;
use scrape::{until, value};
use signaling::Limits;
use signaling::room_document::{NodeMessage, Place, RoomRefusal};
use support::{Seen, TestNode, room};

#[tokio::test]
async fn a_call_is_counted_without_saying_whose() {
    let node = TestNode::start().await;
    let mut control = node.control().await;
    let people = [("angele-secret", Place::In), ("jean-secret", Place::In)];
    control.push(&room("salle-secrete", 1, &people)).await;
    let mut angele = Person::join(&node, "salle-secrete", "angele-secret").await;
    let mut jean = Person::join(&node, "salle-secrete", "jean-secret").await;
    angele.repeat("bonjour");
    jean.hears("bonjour").await;
    jean.repeat("oui");
    angele.hears("oui").await;

    let text = until(&node, "participants", |people| people == 2.0).await;
    assert_eq!(value(&text, "rooms"), Some(1.0));
    assert_eq!(value(&text, "joins_total"), Some(2.0));
    assert_eq!(value(&text, "draining"), Some(0.0));
    assert!(
        value(&text, "worker_load{worker=\"0\"}").is_some_and(|load| (0.0..=1.0).contains(&load))
    );
    assert!(value(&text, "rooms_admissible").is_some_and(|rooms| rooms >= 1.0));
    let forwarded = "packets_total{direction=\"sent\"}";
    let text = until(&node, forwarded, |packets| packets > 2.0).await;
    for sample in [
        "datagrams_total{direction=\"received\"}",
        "datagrams_total{direction=\"sent\"}",
        "packets_total{direction=\"received\"}",
        "udp_bytes_total{direction=\"received\"}",
        "connections",
    ] {
        assert!(
            value(&text, sample).is_some_and(|value| value > 0.0),
            "{sample}: {text}"
        );
    }

    // A stranger's datagram is nobody's.
    let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    stranger.send_to(&[7; 40], node.udp[0]).await.unwrap();
    let unknown = "datagrams_dropped_total{reason=\"unknown\"}";
    until(&node, unknown, |datagrams| datagrams >= 1.0).await;

    // Quality is measured every five seconds.
    let text = until(&node, "loss_ratios_count{direction=\"up\"}", |count| {
        count >= 2.0
    })
    .await;
    assert!(value(&text, "loss_ratios_sum{direction=\"up\"}").is_some());
    assert!(
        !text.contains("secret") && !text.contains("127.0.0.1"),
        "{text}"
    );
    node.stop().await;
}

#[tokio::test]
async fn refusals_are_counted_by_code_and_reason() {
    let limits = Limits {
        rooms: 1,
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut control = node.control().await;
    control.push(&room("r1", 1, &[("anne", Place::In)])).await;
    let refused = control.push(&room("r2", 1, &[("bo", Place::In)])).await;
    assert!(matches!(
        refused,
        NodeMessage::RoomRefused {
            reason: RoomRefusal::Full,
            ..
        }
    ));
    let mut late = node.join("r2", "bo").await;
    assert_eq!(late.closed().await, 4404);
    let mut forger = node.signaling().await;
    forger
        .say(&serde_json::json!({"type": "join", "token": "x"}))
        .await;
    assert!(matches!(forger.next().await, Seen::Message(_)));
    assert_eq!(forger.closed().await, 4401);
    let text = until(&node, "closes_total{code=\"4401\"}", |count| count == 1.0).await;
    assert_eq!(value(&text, "closes_total{code=\"4404\"}"), Some(1.0));
    assert_eq!(
        value(&text, "rooms_refused_total{reason=\"full\"}"),
        Some(1.0)
    );
    node.stop().await;
}
