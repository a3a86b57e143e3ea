//! What a hostile peer does. Each attack goes on until it is told to stop, and
//! comes back when the node throws it out.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rtc::rtp::Header;
use rtc::shared::marshal::Unmarshal;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::intruder::{Intruder, MALLORY, TRUDY, Target, offer};
use crate::join::{hear, say};

/// How datagrams are spread over a second.
const TICK: Duration = Duration::from_millis(2);
/// Sources of the floods without any right.
const SOURCES: usize = 64;
/// Connections that say nothing.
const HALF_OPEN: usize = 1_000;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Attack {
    /// Encrypted with the right keys: RTCP that is cut, lies about its length, or is noise.
    Rtcp,
    /// Requests to send everything again.
    Nack,
    /// Requests for keyframes, as fast as they go.
    Keyframes,
    /// Lies about arrivals, rates and losses.
    Feedback,
    /// RTP with giant extensions, short repairs, jumps and ever new sources.
    Rtp,
    /// Datagrams of the attacker's address that no key made, handshakes among them.
    Forged,
    /// Checks with the right password from ever new addresses.
    Checks,
    /// No rights at all: STUN, DTLS and noise from many sources.
    Flood,
    /// Messages: too many, too large, no JSON, candidates, giant descriptions.
    Messages,
    /// The same token again and again.
    Reconnect,
    /// Connections that never say who they are, and such as never finish their request.
    HalfOpen,
    /// Asks for answers and reads none.
    SlowReader,
}

impl Attack {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::Rtcp,
        Self::Nack,
        Self::Keyframes,
        Self::Feedback,
        Self::Rtp,
        Self::Forged,
        Self::Checks,
        Self::Flood,
        Self::Messages,
        Self::Reconnect,
        Self::HalfOpen,
        Self::SlowReader,
    ];
}

/// Carries an attack out.
pub fn run(attack: Attack, target: &Target) -> Result<(), String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(async {
            target.open_room().await?;
            match attack {
                Attack::Flood => flood(target).await,
                Attack::Messages => messages(target).await,
                Attack::Reconnect => reconnect(target).await,
                Attack::HalfOpen => half_open(target).await,
                Attack::SlowReader => slow_reader(target).await,
                _ => with_keys(attack, target).await,
            }
        })
}

/// Numbers that look like chance and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.roll() as u8).collect()
    }
}

/// Attacks of somebody who is in, with a second one who gives them media.
async fn with_keys(attack: Attack, target: &Target) -> Result<(), String> {
    let mut dice = Dice(1);
    let mut trudy = Intruder::enter(target, TRUDY, 900_001).await?;
    while target.goes_on() {
        // The node may throw them out; they come back.
        let Ok(mut mallory) = Intruder::enter(target, MALLORY, 900_000).await else {
            sleep(Duration::from_millis(200)).await;
            continue;
        };
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let per_tick = (target.rate as usize / 500).max(1);
        let (mut number, mut image) = (0_u64, 0_u16);
        let mut buffer = [0; 2048];
        let mut connected = true;
        while target.goes_on() && connected {
            tokio::select! {
                heard = hear(&mut mallory.socket) => match heard {
                    // The line to Trudy comes with a later offer.
                    Ok(message) if message["type"] == "offer" => {
                        if mallory.answer(&message).await.is_err() {
                            connected = false;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => connected = false,
                },
                heard = hear(&mut trudy.socket) => match heard {
                    Ok(message) if message["type"] == "offer" => {
                        let _ = trudy.answer(&message).await;
                    }
                    Ok(_) => {}
                    Err(_) => return Err("the one who did nothing was thrown out".to_owned()),
                },
                _ = ticks.tick() => {
                    image = image.wrapping_add(1);
                    let packet = rtp(trudy.sends.media[1], 96, image, &[], b"an image of nothing");
                    if let Some(packet) = seal(&mut trudy, &packet) {
                        trudy.send(&packet).await;
                    }
                    for _ in 0..per_tick {
                        number += 1;
                        if let Some(datagram) = datagram(attack, &mut mallory, &mut dice, number) {
                            if attack == Attack::Checks && number % 8 != 0 {
                                from_elsewhere(&mallory, &datagram, number).await;
                            } else {
                                mallory.send(&datagram).await;
                            }
                            target.note(1);
                        }
                    }
                    // What the node sends is read, so that the kernel's buffers say nothing.
                    while mallory.udp.try_recv(&mut buffer).is_ok() {}
                    while trudy.udp.try_recv(&mut buffer).is_ok() {}
                }
            }
        }
    }
    Ok(())
}

async fn from_elsewhere(mallory: &Intruder, datagram: &[u8], number: u64) {
    let address = Ipv4Addr::new(127, 3, (number >> 8) as u8, number as u8);
    if let Ok(socket) = UdpSocket::bind((address, 0)).await {
        let _ = socket.send_to(datagram, mallory.server).await;
    }
}

fn datagram(
    attack: Attack,
    mallory: &mut Intruder,
    dice: &mut Dice,
    number: u64,
) -> Option<Vec<u8>> {
    match attack {
        Attack::Rtcp => {
            let plain = broken_rtcp(dice, number);
            seal_rtcp(mallory, &plain)
        }
        Attack::Nack => {
            // As many blocks as fit, each of them asking for 17 packets.
            let ssrc = *mallory
                .receives
                .get(dice.below(mallory.receives.len().max(1)))?;
            let mut body = ssrc.to_be_bytes().to_vec();
            for block in 0..300_u16 {
                body.extend((number as u16).wrapping_sub(block * 17).to_be_bytes());
                body.extend([0xff, 0xff]);
            }
            seal_rtcp(mallory, &rtcp(1, 205, &body))
        }
        Attack::Keyframes => {
            let mut plain = Vec::new();
            for ssrc in mallory.receives.iter().cycle().take(40) {
                plain.extend(rtcp(1, 206, &ssrc.to_be_bytes()));
                let mut body = vec![0; 4];
                body.extend(ssrc.to_be_bytes());
                body.extend([number as u8, 0, 0, 0]);
                plain.extend(rtcp(4, 206, &body));
            }
            (!plain.is_empty()).then(|| seal_rtcp(mallory, &plain))?
        }
        Attack::Feedback => {
            let plain = lies(mallory, dice, number);
            seal_rtcp(mallory, &plain)
        }
        Attack::Rtp => {
            let packet = broken_rtp(mallory, dice, number);
            seal(mallory, &packet)
        }
        Attack::Forged => Some(forged(dice, number)),
        _ => mallory.ice.check(),
    }
}

/// One RTCP packet of ours.
fn rtcp(count: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let words = (body.len() + 4) / 4;
    let mut packet = vec![0x80 | count, kind];
    packet.extend((words as u16).to_be_bytes());
    packet.extend(7_u32.to_be_bytes());
    packet.extend(body);
    packet
}

fn rtp(ssrc: u32, payload_type: u8, sequence: u16, extension: &[u8], payload: &[u8]) -> Vec<u8> {
    let first = if extension.is_empty() { 0x80 } else { 0x90 };
    let mut packet = vec![first, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 3_000).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    if !extension.is_empty() {
        packet.extend([0xbe, 0xde]);
        packet.extend(((extension.len() / 4) as u16).to_be_bytes());
        packet.extend(extension);
    }
    packet.extend(payload);
    packet
}

fn seal(of: &mut Intruder, packet: &[u8]) -> Option<Vec<u8>> {
    let header = Header::unmarshal(&mut &packet[..]).ok()?;
    of.srtp
        .protect(packet, &header)
        .ok()
        .map(|sealed| sealed.to_vec())
}

fn seal_rtcp(of: &mut Intruder, plain: &[u8]) -> Option<Vec<u8>> {
    of.srtp
        .protect_rtcp(plain)
        .ok()
        .map(|sealed| sealed.to_vec())
}

fn broken_rtcp(dice: &mut Dice, number: u64) -> Vec<u8> {
    let kind = 192 + dice.below(32) as u8;
    let length = 4 * dice.below(100);
    match number % 6 {
        // Says that it is longer than it is, or shorter, or empty.
        0 => [
            &[0x9f, kind, 0xff, 0xff, 0, 0, 0, 7],
            &dice.noise(length)[..],
        ]
        .concat(),
        1 => [&[0x81, kind, 0, 0, 0, 0, 0, 7], &dice.noise(length)[..]].concat(),
        2 => rtcp(31, kind, &dice.noise(length)),
        // Many in one, of every kind.
        3 => (0..60)
            .flat_map(|at| rtcp(at as u8 & 31, 200 + (at % 8) as u8, &dice.noise(8)))
            .collect(),
        // Padding without end.
        4 => [&[0xa0, kind, 0, 1, 0, 0, 0, 7][..], &[255; 4]].concat(),
        _ => {
            let mut noise = dice.noise(length + 8);
            noise[0] |= 0x80;
            noise
        }
    }
}

fn lies(mallory: &Intruder, dice: &mut Dice, number: u64) -> Vec<u8> {
    let ssrc = mallory.receives.first().copied().unwrap_or(7);
    match number % 4 {
        // Arrivals of packets that were never sent, a whole window at once.
        0 => {
            let mut body = ssrc.to_be_bytes().to_vec();
            body.extend(dice.noise(2));
            body.extend([0xff, 0xff]);
            body.extend(dice.noise(4));
            for _ in 0..8 {
                body.extend([0x3f, 0xff]);
            }
            body.extend(dice.noise(800));
            rtcp(15, 205, &body)
        }
        // A rate of nothing, and of more than there is.
        which @ (1 | 2) => {
            let mut body = vec![0; 4];
            body.extend(b"REMB");
            body.extend(if which == 1 {
                [1, 0, 0, 0]
            } else {
                [1, 0xff, 0xff, 0xff]
            });
            body.extend(ssrc.to_be_bytes());
            rtcp(15, 206, &body)
        }
        // Everything lost, of sources that nobody sends, and round trips of no time.
        _ => (0..2)
            .flat_map(|_| {
                let mut body = Vec::new();
                for _ in 0..28 {
                    body.extend(dice.noise(4));
                    body.extend([0xff; 8]);
                    body.extend(dice.noise(12));
                }
                rtcp(28, 201, &body)
            })
            .collect(),
    }
}

fn broken_rtp(mallory: &Intruder, dice: &mut Dice, number: u64) -> Vec<u8> {
    let image = mallory.sends.media[1];
    let sequence = number as u16;
    match number % 8 {
        // More header than a browser ever sends.
        0 => rtp(image, 96, sequence, &dice.noise(1_200), b"x"),
        // Elements that claim more than there is.
        1 => rtp(
            image,
            96,
            sequence,
            &[0x1f, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            b"x",
        ),
        // Repairs of nothing.
        2 => rtp(
            mallory.sends.rtx,
            97,
            sequence,
            &[],
            &[0; 4][..number as usize / 8 % 4],
        ),
        // Jumps: to and fro, and always just as far as is still believed.
        3 => rtp(image, 96, dice.roll() as u16, &[], b"x"),
        4 => rtp(image, 96, sequence.wrapping_mul(256), &[], b"x"),
        // Sources that nobody announced.
        5 => rtp(dice.roll() as u32, 96, sequence, &[], b"x"),
        // Padding longer than the packet.
        6 => {
            let mut packet = rtp(image, 96, sequence, &[], &[255]);
            packet[0] |= 0x20;
            packet
        }
        // Any payload type, of nothing.
        _ => rtp(image, dice.below(128) as u8, sequence, &[], b""),
    }
}

/// What no key made: it costs the node a look, perhaps a calculation.
fn forged(dice: &mut Dice, number: u64) -> Vec<u8> {
    match number % 5 {
        0 => client_hello(dice),
        1 => [&[22, 0xfe, 0xfd][..], &dice.noise(100)].concat(),
        2 => [
            &[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 40][..],
            &dice.noise(40),
        ]
        .concat(),
        3 => [&[0x90, 96][..], &dice.noise(1_000)].concat(),
        _ => [&[0x80, 200][..], &dice.noise(60)].concat(),
    }
}

/// A beginning of a handshake, well formed and fresh each time.
fn client_hello(dice: &mut Dice) -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend(dice.noise(32));
    // No session, no cookie, one cipher suite, no compression.
    hello.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 29][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
        &[0, 14, 0, 5, 0, 2, 0, 7, 0],
        &[0, 23, 0, 0],
    ]
    .concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let length = (hello.len() as u32).to_be_bytes();
    let mut handshake = vec![1];
    handshake.extend(&length[1..]);
    handshake.extend([0, 0, 0, 0, 0]);
    handshake.extend(&length[1..]);
    handshake.extend(hello);
    let mut record = vec![22, 0xfe, 0xff, 0, 0];
    record.extend(&dice.noise(6));
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

/// Nobody let these in: checks with a name that exists and a password that does
/// not fit, names that do not exist, handshakes, noise.
async fn flood(target: &Target) -> Result<(), String> {
    let mut socket = target.join(MALLORY).await?;
    let (_, remote) = offer(&mut socket).await?;
    let server = remote.address.ok_or("the node names no address")?;
    let mut sockets = Vec::new();
    for number in 0..SOURCES {
        let address = Ipv4Addr::new(127, 2, 0, number as u8 + 1);
        let bound = UdpSocket::bind((address, 0)).await;
        sockets.push(bound.map_err(|error| error.to_string())?);
    }
    let mut dice = Dice(2);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut number = 0_u64;
    while target.goes_on() {
        ticks.tick().await;
        for _ in 0..(target.rate as usize / 500).max(1) {
            number += 1;
            let ufrag = if number.is_multiple_of(2) {
                remote.credentials.ufrag.as_str()
            } else {
                "nobody"
            };
            let datagram = match number % 6 {
                0 | 1 => check_without_password(ufrag, &mut dice),
                2 => client_hello(&mut dice),
                3 => forged(&mut dice, number),
                4 => dice.noise(1_200),
                _ => Vec::new(),
            };
            let from = &sockets[number as usize % SOURCES];
            let _ = from.send_to(&datagram, server).await;
            target.note(1);
        }
    }
    Ok(())
}

fn check_without_password(ufrag: &str, dice: &mut Dice) -> Vec<u8> {
    let username = format!("{ufrag}:page");
    let mut attributes = vec![0, 6];
    attributes.extend((username.len() as u16).to_be_bytes());
    attributes.extend(username.as_bytes());
    attributes.resize(attributes.len().next_multiple_of(4), 0);
    attributes.extend([0, 8, 0, 20]);
    attributes.extend(dice.noise(20));
    let mut datagram = vec![0, 1];
    datagram.extend((attributes.len() as u16).to_be_bytes());
    datagram.extend([0x21, 0x12, 0xa4, 0x42]);
    datagram.extend(dice.noise(12));
    datagram.extend(attributes);
    datagram
}

/// Every kind of message, one connection after another: each ends with a refusal.
async fn messages(target: &Target) -> Result<(), String> {
    let giant = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(1_400);
    let lines = format!(
        "v=0\r\n{}",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n".repeat(1_200)
    );
    let mut round = 0_u64;
    while target.goes_on() {
        round += 1;
        let Ok(mut socket) = target.join(MALLORY).await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok((message, _)) = offer(&mut socket).await else {
            continue;
        };
        let negotiation = message["negotiation"].clone();
        let answer = |sdp: &str| json!({"type": "answer", "negotiation": negotiation, "sdp": sdp});
        let bad = match round % 6 {
            0 => answer(&giant),
            1 => answer(&lines),
            2 => answer("v=0\r\n"),
            3 => {
                json!({"type": "seal", "kind": "commit", "group": "g", "epoch": round, "payload": "A".repeat(60_000)})
            }
            4 => {
                json!({"type": "candidate", "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "mid": "0"})
            }
            _ => json!({"type": "restart_ice"}),
        };
        let raw = match round % 7 {
            0 => Message::text("{".repeat(60_000)),
            1 => Message::text("x".repeat(200_000)),
            2 => Message::binary(vec![0; 1_000]),
            _ => Message::text(bad.to_string()),
        };
        // More than any limit allows, until the node has had enough.
        for _ in 0..300 {
            let bounded = timeout(Duration::from_secs(2), socket.send(raw.clone()));
            if !target.goes_on() || !matches!(bounded.await, Ok(Ok(()))) {
                break;
            }
            target.note(1);
        }
    }
    Ok(())
}

/// Comes again as fast as it goes, each time without its transport.
async fn reconnect(target: &Target) -> Result<(), String> {
    while target.goes_on() {
        if let Ok(socket) = target.join(MALLORY).await {
            target.note(1);
            // The node has taken the seat away from the former one by then.
            drop(socket);
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn half_open(target: &Target) -> Result<(), String> {
    let mut silent = std::collections::VecDeque::new();
    let mut unfinished = std::collections::VecDeque::new();
    while target.goes_on() {
        if let Ok(Ok(socket)) = timeout(Duration::from_secs(1), target.knock()).await {
            silent.push_back(socket);
        }
        if let Ok(mut stream) = TcpStream::connect(target.listen).await {
            let _ = stream.write_all(b"GET /signaling HTTP/1.1\r\nhost: ").await;
            unfinished.push_back(stream);
        }
        target.note(2);
        if silent.len() > HALF_OPEN {
            silent.pop_front();
            unfinished.pop_front();
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Pings at the highest rate that is allowed, and reads nothing.
async fn slow_reader(target: &Target) -> Result<(), String> {
    while target.goes_on() {
        let Ok(socket) = target.join(MALLORY).await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (mut sink, _unread) = socket.split();
        let mut pace = interval(Duration::from_millis(50));
        // The largest number that comes back as it is.
        let ping = json!({"type": "ping", "t": u64::MAX}).to_string();
        while target.goes_on() {
            pace.tick().await;
            let bounded = timeout(
                Duration::from_secs(1),
                sink.send(Message::text(ping.clone())),
            );
            if !matches!(bounded.await, Ok(Ok(()))) {
                break;
            }
            target.note(1);
        }
    }
    Ok(())
}

impl Intruder {
    /// Answers a later offer on the same transport.
    async fn answer(&mut self, offer: &serde_json::Value) -> Result<(), String> {
        let sdp = offer["sdp"].as_str().unwrap_or_default();
        self.receives = sources(sdp);
        let answer = self.description(sdp)?;
        let message = json!({"type": "answer", "negotiation": offer["negotiation"], "sdp": answer});
        say(&mut self.socket, &message).await
    }
}

/// The sources that a description names.
pub fn sources(sdp: &str) -> Vec<u32> {
    let mut sources: Vec<u32> = sdp
        .lines()
        .filter_map(|line| {
            line.strip_prefix("a=ssrc:")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    sources.dedup();
    sources
}
