//! What a node counts, as Prometheus reads it: right numbers, and nothing about
//! any person or room.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

#[path = "support/media.rs"]
mod media;

use media::Person;
use signaling::Limits;
use signaling::room_document::{NodeMessage, Place, RoomRefusal};
use support::{Seen, TestNode, room};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn scrape(node: &TestNode) -> String {
    let mut stream = tokio::net::TcpStream::connect(node.listen).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: node\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("openmetrics-text"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    body.to_owned()
}

/// A sample's value; none while it was never counted.
fn value(text: &str, sample: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(&format!("visioplainte_media_{sample} ")))
        .map(|value| value.parse().unwrap())
}

/// Scrapes until a sample fits: workers hand their numbers over now and then.
async fn until(node: &TestNode, sample: &str, fits: impl Fn(f64) -> bool) -> String {
    let search = async {
        loop {
            let text = scrape(node).await;
            if value(&text, sample).is_some_and(&fits) {
                return text;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, search)
        .await
        .unwrap_or_else(|_| panic!("{sample} never fits"))
}

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
