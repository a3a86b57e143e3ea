//! A flood of what is no call's, from as many addresses as there are: the node
//! holds nothing of it. Told in counts, not in time: each round ends when the node
//! has read its datagrams.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

#[path = "support/scrape.rs"]
mod scrape;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use signaling::Limits;
use signaling::room_document::Place;
use support::{TestNode, room};

/// Datagrams that the node reads in each round; most of them from an address of their own.
const ROUND: u32 = 50_000;
const ROUNDS: u32 = 6;
/// What the process may gain after the first round, in bytes: eight for each
/// address, where the smallest table of addresses would need five times as many.
const MOST_GROWTH: u64 = 8 * (ROUND * (ROUNDS - 1)) as u64;

/// The memory of this process, node and flood together.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    1024 * kilobytes.parse::<u64>().unwrap()
}

/// One datagram of every kind that a stranger may send, spoilt in a new way each time.
fn malformed(number: u32, ufrag: &str) -> Vec<u8> {
    let mut noise = number.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        noise as u8
    };
    let mut datagram: Vec<u8> = (0..60 + number % 140).map(|_| next()).collect();
    match number % 5 {
        // A check of somebody who is there, with another password.
        0 => {
            let username = format!("{ufrag}:page");
            let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
            check.extend(&datagram[..12]);
            check.extend([0, 6]);
            check.extend((username.len() as u16).to_be_bytes());
            check.extend(username.as_bytes());
            check.resize(check.len().next_multiple_of(4), 0);
            check.extend([0, 8, 0, 20]);
            check.extend(&datagram[..20]);
            check.extend([0x80, 0x28, 0, 4]);
            check.extend(&datagram[..4]);
            let length = (check.len() as u16 - 20).to_be_bytes();
            check[2..4].copy_from_slice(&length);
            return check;
        }
        // The first message of a handshake.
        1 => datagram[..14].copy_from_slice(&[22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1]),
        // Media, reports, and anything.
        2 => datagram[..2].copy_from_slice(&[0x90, 96]),
        3 => datagram[..2].copy_from_slice(&[0x81, 201]),
        _ => {}
    }
    datagram
}

/// A socket at an address that was never used before.
fn stranger(number: u32) -> UdpSocket {
    let [_, b, c, d] = (number + 2).to_be_bytes();
    UdpSocket::bind((Ipv4Addr::new(127, 1 + b, c, d), 0)).unwrap()
}

#[tokio::test]
async fn memory_stays_flat_under_a_flood_from_many_addresses() {
    let limits = Limits {
        // Nobody reads pings while the flood is sent.
        heartbeat: Duration::from_secs(600),
        ..Limits::default()
    };
    let node = TestNode::with(limits, &["127.0.0.1:0"]).await;
    let mut control = node.control().await;
    control.push(&room("r", 1, &[("angele", Place::In)])).await;
    let mut angele = node.join("r", "angele").await;
    let offer = angele.expect("offer").await;
    let sdp = offer["sdp"].as_str().unwrap();
    let mut lines = sdp.lines();
    let ufrag = lines.find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    let ufrag = ufrag.unwrap().to_owned();

    let received = "datagrams_total{direction=\"received\"}";
    let mut number = 0;
    let mut after_first = 0;
    for round in 1..=ROUNDS {
        let wanted = f64::from(round * ROUND);
        // The kernel may drop some: more are sent until so many were read.
        while scrape::value(&scrape::scrape(&node).await, received).is_none_or(|read| read < wanted)
        {
            let (to, ufrag): (SocketAddr, String) = (node.udp[0], ufrag.clone());
            tokio::task::spawn_blocking(move || {
                for number in number..number + 2_000 {
                    let _ = stranger(number).send_to(&malformed(number, &ufrag), to);
                }
            })
            .await
            .unwrap();
            number += 2_000;
        }
        if round == 1 {
            after_first = resident();
        }
    }
    let growth = resident().saturating_sub(after_first);
    assert!(
        growth <= MOST_GROWTH,
        "{growth} bytes more after {number} datagrams, more than {MOST_GROWTH}"
    );
    // Nothing of it was anybody's, and the node still does its work.
    angele
        .say(&serde_json::json!({"type": "ping", "t": 7}))
        .await;
    assert_eq!(angele.expect("pong").await["t"], 7);
    node.stop().await;
}
