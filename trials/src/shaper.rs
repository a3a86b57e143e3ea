//! A link between two network namespaces, with weather: a TUN device at each
//! end, and in between each packet's fate, told afterwards as it was, not as it
//! was asked for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use std::sync::Mutex;
use std::sync::PoisonError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tun_rs::{AsyncDevice, DeviceBuilder, Layer, SyncDevice};

use crate::namespace::Namespace;
use crate::weather::{Fate, Luck, Weather};

/// What fits into a packet of these links: as on a line with PPPoE.
const MTU: u16 = 1492;
/// Packets under way on one way; more are dropped, as a full queue does.
const QUEUE: usize = 4096;
/// Payload types that the node gives (RFC 3551 dynamic range).
const VP8: u8 = 96;
const RTX: u8 = 97;

/// What was measured of one way.
#[derive(Debug, Default)]
pub struct Tally {
    /// Packets that set out.
    pub sent: AtomicU64,
    /// Packets lost by chance.
    pub lost: AtomicU64,
    /// Packets that met a cut.
    pub cut: AtomicU64,
    /// Packets of image, first sendings, that set out; and those lost or cut.
    pub image: AtomicU64,
    /// See `image`.
    pub image_lost: AtomicU64,
    /// Retransmissions that set out; and those lost or cut.
    pub resent: AtomicU64,
    /// See `resent`.
    pub resent_lost: AtomicU64,
    /// How long packets took, in microseconds.
    delays: Mutex<Vec<u32>>,
}

impl Tally {
    /// The share of packets lost by chance.
    pub fn loss(&self) -> f64 {
        let sent = self.sent.load(Ordering::Relaxed);
        self.lost.load(Ordering::Relaxed) as f64 / (sent.max(1)) as f64
    }

    /// The delays so far, in microseconds.
    pub fn delays_us(&self) -> Vec<u32> {
        self.delays
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note_delay(&self, took: std::time::Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.delays
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(took);
    }
}

/// One way of a link.
#[derive(Debug)]
struct Way {
    weather: Mutex<Weather>,
    cut: AtomicBool,
    tally: Tally,
}

/// A link; it ends when dropped.
#[derive(Debug)]
pub struct Link {
    up: Arc<Way>,
    down: Arc<Way>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Link {
    /// Joins two namespaces; `up` is from the first to the second. The devices
    /// have these names there, and no address yet.
    ///
    /// # Errors
    /// When a device cannot be had.
    pub fn new(
        first: (&Namespace, &str),
        second: (&Namespace, &str),
        weather: Weather,
        seed: u64,
    ) -> io::Result<Self> {
        let way = || {
            Arc::new(Way {
                weather: Mutex::new(weather),
                cut: AtomicBool::new(false),
                tally: Tally::default(),
            })
        };
        let (up, down) = (way(), way());
        let near = Arc::new(AsyncDevice::new(device(first)?)?);
        let far = Arc::new(AsyncDevice::new(device(second)?)?);
        let mut tasks = Vec::new();
        for (from, to, way, seed) in [
            (&near, &far, &up, seed),
            (&far, &near, &down, seed.wrapping_add(1)),
        ] {
            let (under_way, arrivals) = mpsc::channel(QUEUE);
            tasks.push(tokio::spawn(take(
                Arc::clone(from),
                Arc::clone(way),
                Luck::new(seed),
                under_way,
            )));
            tasks.push(tokio::spawn(deliver(
                Arc::clone(to),
                Arc::clone(way),
                arrivals,
            )));
        }
        Ok(Self { up, down, tasks })
    }

    /// Cuts both ways, or lets packets through again.
    pub fn cut(&self, cut: bool) {
        self.up.cut.store(cut, Ordering::Relaxed);
        self.down.cut.store(cut, Ordering::Relaxed);
    }

    /// Changes the weather of both ways.
    pub fn weather(&self, weather: Weather) {
        for way in [&self.up, &self.down] {
            *way.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
        }
    }

    /// What was measured, up and down.
    pub fn tallies(&self) -> [&Tally; 2] {
        [&self.up.tally, &self.down.tally]
    }
}

fn device((namespace, name): (&Namespace, &str)) -> io::Result<SyncDevice> {
    let device = namespace.inside(|| {
        DeviceBuilder::new()
            .name(name)
            .layer(Layer::L3)
            .mtu(MTU)
            .build_sync()
    })?;
    namespace.ip(&["link", "set", name, "mtu", &MTU.to_string(), "up"])?;
    Ok(device)
}

struct UnderWay {
    set_out: Instant,
    arrives: Instant,
    packet: Vec<u8>,
}

async fn take(
    from: Arc<AsyncDevice>,
    way: Arc<Way>,
    mut luck: Luck,
    under_way: mpsc::Sender<UnderWay>,
) {
    let mut buffer = vec![0; usize::from(MTU) + 64];
    loop {
        let length = match from.recv(&mut buffer).await {
            Ok(length) => length,
            // A device that is gone, with its namespace.
            Err(_) => return,
        };
        let set_out = Instant::now();
        let packet = &buffer[..length];
        let weather = *way.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = luck.of(&weather, set_out);
        let tally = &way.tally;
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        count(&tally.sent);
        let counters = match payload_type(packet) {
            Some(VP8) => Some((&tally.image, &tally.image_lost)),
            Some(RTX) => Some((&tally.resent, &tally.resent_lost)),
            _ => None,
        };
        if let Some((sent, _)) = counters {
            count(sent);
        }
        let is_cut = way.cut.load(Ordering::Relaxed);
        match fate {
            Fate::Arrives(arrives) if !is_cut => {
                let packet = packet.to_vec();
                let sent = under_way.try_send(UnderWay {
                    set_out,
                    arrives,
                    packet,
                });
                if sent.is_ok() {
                    continue;
                }
                count(&tally.lost);
            }
            _ => {
                count(if is_cut { &tally.cut } else { &tally.lost });
            }
        }
        if let Some((_, lost)) = counters {
            count(lost);
        }
    }
}

async fn deliver(to: Arc<AsyncDevice>, way: Arc<Way>, mut arrivals: mpsc::Receiver<UnderWay>) {
    while let Some(under_way) = arrivals.recv().await {
        sleep_until(under_way.arrives.into()).await;
        if to.send(&under_way.packet).await.is_err() {
            // The other end refuses what it cannot take, such as IPv6 chatter of
            // a device without an address.
            continue;
        }
        way.tally.note_delay(under_way.set_out.elapsed());
    }
}

/// The payload type of an RTP packet over UDP over IPv4 (its header is never
/// encrypted); none for anything else, RTCP included (RFC 5761).
fn payload_type(packet: &[u8]) -> Option<u8> {
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || *packet.get(9)? != 17 {
        return None;
    }
    let rtp = packet.get(header + 8..)?;
    let second = *rtp.get(1)?;
    (rtp.len() >= 12 && rtp[0] >> 6 == 2 && !(192..=223).contains(&second)).then_some(second & 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retransmissions_are_told_from_images_voice_and_reports() {
        let udp = |protocol: u8, payload: &[u8]| {
            let mut packet = vec![0; 28];
            packet[0] = 0x45;
            packet[9] = protocol;
            packet.extend_from_slice(payload);
            packet
        };
        let rtp = |second| {
            let mut rtp = vec![0x80, second];
            rtp.resize(12, 0);
            rtp
        };
        for (packet, expected) in [
            (udp(17, &rtp(97)), Some(RTX)),
            (udp(17, &rtp(0x80 | 96)), Some(VP8)),
            (udp(17, &rtp(111)), Some(111)),
            (udp(17, &rtp(201)), None),
            (udp(6, &rtp(97)), None),
            (udp(17, &[0; 12]), None),
            (udp(17, &[0x80, 97]), None),
            (vec![0x45], None),
            (Vec::new(), None),
        ] {
            assert_eq!(payload_type(&packet), expected, "{packet:?}");
        }
    }
}
