//! The addresses that a node tells: both families on one port, and a public
//! address that is translated to the bound one.

#![allow(clippy::unwrap_used, missing_docs)]

mod hall;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;

use hall::{Hall, PATIENCE};
use participant::{Noticed, Participant};
use signaling::protocol::MediaKind;
use tokio::net::UdpSocket;
use tokio::time::timeout;

async fn hall(udp: &str, announce: &[&str]) -> Hall {
    let announce = announce.iter().map(|text| text.parse().unwrap()).collect();
    Hall::opens(udp, Some(announce)).await
}

fn enters(hall: &Hall, name: &str, bind: &str) -> Participant {
    hall.enters(name, bind, 1)
}

/// Waits until sound and image of the other come.
async fn hears(who: &mut Participant, what: &str) {
    let mut heard = [false; 2];
    let search = async {
        while heard != [true; 2] {
            if let Noticed::Heard { kind, .. } = who.next().await.unwrap() {
                heard[usize::from(kind == MediaKind::Video)] = true;
            }
        }
    };
    let found = timeout(PATIENCE, search).await;
    assert!(found.is_ok(), "{what}: nothing is heard");
}

#[tokio::test]
async fn one_port_serves_ipv4_and_ipv6() {
    let hall = hall("[::]:0", &["127.0.0.1", "::1"]).await;
    let mut angele = enters(&hall, "angele", "127.0.0.1:0");
    let mut jean = enters(&hall, "jean", "[::1]:0");
    hears(&mut angele, "over IPv4").await;
    hears(&mut jean, "over IPv6").await;
    hall.closes().await;
}

#[tokio::test]
async fn a_worker_may_have_ipv6_alone() {
    let hall = hall("[::1]:0", &[]).await;
    let mut angele = enters(&hall, "angele", "[::1]:0");
    let mut jean = enters(&hall, "jean", "[::1]:0");
    hears(&mut angele, "over IPv6").await;
    hears(&mut jean, "over IPv6").await;
    hall.closes().await;
}

#[tokio::test]
async fn media_comes_through_a_translated_address() {
    let hall = hall("127.0.0.1:0", &["127.0.0.1=127.0.0.42"]).await;
    assert_eq!(
        hall.ready.udp[0].ip().to_string(),
        "127.0.0.42",
        "what browsers are told"
    );
    let inside = SocketAddr::new("127.0.0.1".parse().unwrap(), hall.ready.udp[0].port());
    let outside = Arc::new(UdpSocket::bind(hall.ready.udp[0]).await.unwrap());
    let translated = tokio::spawn(translate(outside, inside));
    let mut angele = enters(&hall, "angele", "127.0.0.1:0");
    let mut jean = enters(&hall, "jean", "127.0.0.1:0");
    hears(&mut angele, "through the translation").await;
    hears(&mut jean, "through the translation").await;
    translated.abort();
    hall.closes().await;
}

/// A translator before the node: everybody who comes to the public address
/// comes to the node from a port of their own, and is answered from the public one.
async fn translate(outside: Arc<UdpSocket>, inside: SocketAddr) {
    let mut ways: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut datagram = [0; 2048];
    loop {
        let (length, from) = outside.recv_from(&mut datagram).await.unwrap();
        if let Entry::Vacant(unknown) = ways.entry(from) {
            let way = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
            way.connect(inside).await.unwrap();
            let (back, outside) = (Arc::clone(&way), Arc::clone(&outside));
            tokio::spawn(async move {
                let mut datagram = [0; 2048];
                while let Ok(length) = back.recv(&mut datagram).await {
                    let _ = outside.send_to(&datagram[..length], from).await;
                }
            });
            unknown.insert(way);
        }
        let _ = ways[&from].send(&datagram[..length]).await;
    }
}
