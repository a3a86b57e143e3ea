//! A transport in the hands of a fuzzer that holds the browser's keys: what it
//! writes is sealed and signed before it goes in, so that it comes past the
//! encryption to everything that stands behind. Whatever comes, the transport
//! keeps to its limits and speaks only to who proved the password.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_rtp::header::Header;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType, RawAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter};

use super::dtls::{Identity, Keys};
use super::header::RtpHeader;
use super::{LeanTransport, Line, MOST_LINES};
use crate::fuzzing::input::Input;
use crate::protocol::MediaKind;
use crate::transport::{
    Codecs, LineId, RtpPacket, SenderClock, Transport, TransportConfig, TransportEvent,
};

/// Steps of one input; more teach nothing new.
const STEPS: usize = 48;
/// What one step may make: a second of packets sent again, and reports of every line.
const MOST_DATAGRAMS: usize = 600;
const PASSWORD: &str = "node-password-of-24-chars";

thread_local! {
    /// A certificate is dear, and the same serves every input.
    static IDENTITY: Arc<Identity> = LeanTransport::share().expect("a certificate can be made");
}

/// Runs one input.
pub(crate) fn drive(data: &[u8]) {
    run(data);
}

fn run(data: &[u8]) -> Driver {
    let mut driver = IDENTITY.with(Driver::new);
    let mut input = Input::new(data);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        driver.step(&mut input);
        driver.check();
    }
    driver
}

pub(super) struct Driver {
    pub(super) transport: LeanTransport,
    /// The browser's end of the keys.
    pub(super) sealing: Context,
    header: Header,
    ufrag: String,
    restarts: u8,
    lines: Vec<LineId>,
    sequence: u16,
    pub(super) now: Instant,
    /// Those who showed the password.
    proven: Vec<SocketAddr>,
    /// Packets of media that came through.
    heard: usize,
}

pub(super) fn somewhere(number: u8) -> SocketAddr {
    let ip = IpAddr::V6(Ipv6Addr::LOCALHOST);
    SocketAddr::new(ip, 1000 + u16::from(number & 7))
}

fn kind(number: u8) -> MediaKind {
    MediaKind::ALL[usize::from(number) % MediaKind::ALL.len()]
}

impl Driver {
    pub(super) fn new(identity: &Arc<Identity>) -> Self {
        let now = Instant::now();
        let ufrag = "nodeufrg".to_owned();
        let config = TransportConfig {
            candidates: vec!["192.0.2.1:9".parse().expect("an address")],
            ufrag: ufrag.clone(),
            password: PASSWORD.to_owned(),
            publish: vec![MediaKind::Audio, MediaKind::Video],
            codecs: Codecs::default(),
            simulcast: true,
        };
        let mut transport =
            LeanTransport::open(identity, config, now).expect("a transport can be made");
        let context = || {
            let crypto = identity.crypto.crypto();
            let profile = ProtectionProfile::AeadAes128Gcm;
            Context::new(&[0; 16], &[0; 12], profile, None, None, crypto)
                .expect("the key is as long as the profile wants it")
        };
        transport.keys = Some(Box::new(Keys {
            sealing: context(),
            opening: context(),
        }));
        transport.own_ssrc = 1;
        let mut driver = Self {
            transport,
            sealing: context(),
            header: Header::default(),
            ufrag,
            restarts: 0,
            lines: Vec::new(),
            sequence: 0,
            now,
            proven: Vec::new(),
            heard: 0,
        };
        driver.open_line(MediaKind::Audio);
        driver.open_line(MediaKind::Video);
        driver
            .transport
            .offer(driver.now)
            .expect("an offer can be made");
        driver.take_lines();
        driver
    }

    /// Opens a line whose sources an input can name: numbers that look random
    /// would never be guessed.
    pub(super) fn open_line(&mut self, kind: MediaKind) {
        let Ok(id) = self.transport.open_line(kind, 1) else {
            assert_eq!(self.transport.lines.len(), MOST_LINES);
            return;
        };
        let number = u32::from(id.0);
        if let Some(line) = self.transport.sending(id) {
            line.ssrc = 0x100 + number;
            line.repair_ssrc = kind.is_image().then_some(0x200 + number);
        }
        if !self.lines.contains(&id) {
            self.lines.push(id);
        }
    }

    /// The browser takes what is open.
    pub(super) fn take_lines(&mut self) {
        for (_, line) in self.transport.sending_lines() {
            line.taken = line.open;
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let step = input.byte();
        match step % 12 {
            0 => {
                let from = somewhere(input.byte());
                self.arrive(from, &mut input.piece().to_vec());
            }
            1 | 2 => {
                let from = somewhere(input.byte());
                if let Some(mut packet) = self.sealed_rtp(input.piece()) {
                    self.arrive(from, &mut packet);
                }
            }
            3 | 4 => {
                let from = somewhere(input.byte());
                if let Ok(mut packet) = self.sealing.encrypt_rtcp(input.piece()) {
                    self.arrive(from, &mut packet);
                }
            }
            5 => self.check_of_ice(input),
            6 => {
                self.now += Duration::from_millis(u64::from(input.number()));
                if self.transport.deadline().is_some_and(|at| at <= self.now) {
                    self.transport.handle_deadline(self.now);
                }
            }
            7 => {
                let sdp = String::from_utf8_lossy(input.piece()).into_owned();
                let _ = self.transport.answer(&sdp, self.now);
            }
            8 => self.change_lines(input),
            9 => {
                if let Some(line) = self.line(input.byte()) {
                    let payload = vec![0; usize::from(input.byte()) * 5];
                    self.sequence = self.sequence.wrapping_add(1);
                    let packet = RtpPacket {
                        payload_type: 96,
                        marker: step & 0x80 != 0,
                        sequence: self.sequence,
                        timestamp: 0,
                        payload: Bytes::from(payload),
                    };
                    self.transport.write_rtp(line, &packet, self.now);
                }
            }
            10 => {
                let (which, layer) = (input.byte(), input.byte());
                self.transport
                    .request_keyframe(kind(which), layer, self.now);
                self.transport
                    .set_send_limit(u32::from(input.number()), self.now);
                if let Some(line) = self.line(which) {
                    let clock = SenderClock {
                        ntp: u64::from(layer) << 56,
                        timestamp: u32::MAX,
                        at: self.now,
                    };
                    self.transport.set_clock(line, clock);
                }
            }
            _ => {
                self.restarts = self.restarts.wrapping_add(1);
                self.ufrag = format!("ufrag{}", self.restarts);
                if self.transport.restart_ice(&self.ufrag, PASSWORD) {
                    let _ = self.transport.offer(self.now);
                }
            }
        }
    }

    fn line(&self, which: u8) -> Option<LineId> {
        let count = self.lines.len().max(1);
        self.lines.get(usize::from(which) % count).copied()
    }

    fn change_lines(&mut self, input: &mut Input<'_>) {
        let (step, which) = (input.byte(), input.byte());
        match step % 4 {
            0 => self.open_line(kind(which)),
            1 => {
                if let Some(line) = self.line(which) {
                    self.transport.close_line(line);
                }
            }
            2 => {
                let kinds: Vec<MediaKind> = MediaKind::ALL
                    .into_iter()
                    .filter(|kind| which >> kind.index() & 1 == 1)
                    .collect();
                let _ = self.transport.set_publish(&kinds);
            }
            _ => {
                self.transport.set_codecs(Codecs {
                    vp9: which & 1 == 1,
                    av1: which & 2 == 2,
                    h264: which & 4 == 4,
                    red: which & 8 == 8,
                });
            }
        }
        self.transport
            .offer(self.now)
            .expect("an offer can be made of any lines");
        if step & 0x80 == 0 {
            self.take_lines();
        }
    }

    pub(super) fn arrive(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        self.transport.handle_datagram(from, datagram, self.now);
    }

    /// Seals a packet as the browser would.
    fn sealed_rtp(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let parsed = RtpHeader::parse(plain)?;
        parsed.describe(&mut self.header);
        let sealed = self.sealing.encrypt_rtp_with_header(plain, &self.header);
        Some(sealed.ok()?.to_vec())
    }

    /// A check with the right password, and anything else in it.
    pub(super) fn check_of_ice(&mut self, input: &mut Input<'_>) {
        let from = somewhere(input.byte());
        let nominates = input.byte() & 1 == 1;
        let more = RawAttribute {
            typ: AttrType(input.number()),
            value: input.piece().iter().copied().take(64).collect(),
            ..RawAttribute::default()
        };
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            PASSWORD.to_owned(),
            self.transport.identity.crypto.crypto(),
        );
        let mut message = Message::new();
        message.set_type(BINDING_REQUEST);
        message.write_header();
        message.add(ATTR_USERNAME, format!("{}:page", self.ufrag).as_bytes());
        if nominates {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        message.add(more.typ, &more.value);
        let finishing: [&dyn Setter; 2] = [&integrity, &FINGERPRINT];
        if finishing
            .iter()
            .all(|attribute| attribute.add_to(&mut message).is_ok())
        {
            self.proven.push(from);
            self.arrive(from, &mut message.raw.clone());
        }
    }

    /// Takes what the transport has to tell and to send, and holds it against its limits.
    fn check(&mut self) {
        let mut events = 0;
        while let Some(event) = self.transport.next_event() {
            events += 1;
            match event {
                TransportEvent::KeyframeWanted(line) => {
                    assert!(self.lines.contains(&line), "a keyframe of no line");
                }
                TransportEvent::Rtp { .. } => self.heard += 1,
                _ => {}
            }
        }
        assert!(events <= 128, "one step told {events} things");
        let mut datagrams = 0;
        while let Some((to, datagram)) = self.transport.next_datagram() {
            datagrams += 1;
            assert!(
                self.proven.contains(&to),
                "sent to one who showed no password"
            );
            assert!(!datagram.is_empty() && datagram.len() < 2048);
        }
        assert!(datagrams <= MOST_DATAGRAMS, "{datagrams} datagrams at once");
        let transport = &self.transport;
        assert!(transport.lines.len() <= MOST_LINES);
        assert!(transport.streams.all.len() <= 24 && transport.speakers.len() <= 64);
        assert!(transport.sent_reports.len() <= 64);
        assert!(
            transport
                .ice
                .remote()
                .is_none_or(|to| self.proven.contains(&to))
        );
        let kept = transport.lines.iter().filter_map(|line| match line {
            Line::Sending(line) => Some(line.lost),
            Line::Receiving(_) => None,
        });
        assert!(kept.fold(0.0, f32::max) < 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_come_past_the_encryption() {
        let sound = run(include_bytes!("../../fuzz/seeds/transport/sound"));
        assert_eq!(sound.heard, 6);
        let image = run(include_bytes!("../../fuzz/seeds/transport/image"));
        assert_eq!(image.heard, 5, "one of them as a repair");
        assert_eq!(image.transport.stats().repaired, 1);
        let receiver = run(include_bytes!("../../fuzz/seeds/transport/receiver"));
        assert!(receiver.transport.stats().resends > 0);
    }
}
