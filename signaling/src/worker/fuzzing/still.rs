//! A transport that believes everybody: any check is answered, any handshake
//! connects, any packet is media.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::protocol::MediaKind;
use crate::transport::{
    Codecs, LineId, Offer, RtpPacket, SenderClock, Transport, TransportConfig, TransportError,
    TransportEvent, TransportStats,
};

pub(crate) struct Still {
    heard: u64,
    publish: Vec<MediaKind>,
    lines: Vec<bool>,
    events: VecDeque<TransportEvent>,
    datagrams: VecDeque<(SocketAddr, BytesMut)>,
    from: Option<SocketAddr>,
    deadline: Option<Instant>,
}

impl Transport for Still {
    type Shared = ();

    fn share() -> Result<(), TransportError> {
        Ok(())
    }

    fn open((): &(), config: TransportConfig, now: Instant) -> Result<Self, TransportError> {
        Ok(Self {
            heard: 0,
            publish: config.publish,
            lines: Vec::new(),
            events: VecDeque::new(),
            datagrams: VecDeque::new(),
            from: None,
            deadline: Some(now + Duration::from_secs(1)),
        })
    }

    fn set_publish(&mut self, kinds: &[MediaKind]) -> Result<(), TransportError> {
        self.publish = kinds.to_vec();
        Ok(())
    }

    fn set_codecs(&mut self, _codecs: Codecs) {}

    fn open_line(&mut self, _kind: MediaKind, _group: u32) -> Result<LineId, TransportError> {
        let free = self.lines.iter().position(|open| !open);
        let index = free.unwrap_or(self.lines.len());
        self.lines.resize(self.lines.len().max(index + 1), false);
        self.lines[index] = true;
        Ok(LineId(index as u16))
    }

    fn close_line(&mut self, line: LineId) {
        self.lines[usize::from(line.0)] = false;
    }

    fn restart_ice(&mut self, _ufrag: &str, _password: &str) -> bool {
        true
    }

    fn offer(&mut self, _now: Instant) -> Result<Offer, TransportError> {
        let mids = |from: usize| (from..).map(|mid| mid.to_string());
        let open = (0..).zip(&self.lines).filter(|(_, open)| **open);
        Ok(Offer {
            sdp: "v=0".to_owned(),
            publish: mids(0).zip(self.publish.clone()).collect(),
            lines: mids(9).zip(open.map(|(line, _)| LineId(line))).collect(),
        })
    }

    fn answer(&mut self, sdp: &str, _now: Instant) -> Result<(), TransportError> {
        if sdp.starts_with('!') {
            return Err(TransportError::Answer("it is none".to_owned()));
        }
        Ok(())
    }

    fn handle_datagram(&mut self, from: SocketAddr, datagram: &mut [u8], now: Instant) {
        match datagram {
            [0..4, ..] => self.datagrams.push_back((from, BytesMut::from(&[1][..]))),
            [20..64, ..] => {
                self.from = Some(from);
                self.events.push_back(TransportEvent::Connected);
            }
            [128, 200, line, ..] => {
                let line = LineId(u16::from(*line));
                self.events.push_back(TransportEvent::KeyframeWanted(line));
            }
            [128, 202, kind, layer, ..] => {
                let kind = MediaKind::ALL[usize::from(*kind) % 3];
                let clock = SenderClock {
                    ntp: 1,
                    timestamp: 2,
                    at: now,
                };
                self.events
                    .push_back(TransportEvent::Clock(kind, *layer, clock));
            }
            [128, 203, kind, layer, ..] => {
                let kind = MediaKind::ALL[usize::from(*kind) % 3];
                self.events
                    .push_back(TransportEvent::SourceChanged(kind, *layer));
            }
            [129, ..] => self.events.push_back(TransportEvent::Failed),
            [130, ..] => self.events.push_back(TransportEvent::Disconnected),
            [first, kind, layer, high, low, payload @ ..] => {
                self.heard += 1;
                self.events.push_back(TransportEvent::Rtp {
                    kind: MediaKind::ALL[usize::from(*kind) % 3],
                    layer: *layer,
                    keyframe: *first & 1 == 1,
                    packet: RtpPacket {
                        payload_type: 96,
                        marker: false,
                        sequence: u16::from_be_bytes([*high, *low]),
                        timestamp: 0,
                        payload: Bytes::copy_from_slice(payload),
                    },
                });
            }
            _ => {}
        }
        self.deadline = Some(now + Duration::from_millis(datagram.len() as u64));
    }

    fn authenticated(&self) -> u64 {
        self.heard
    }

    fn handle_deadline(&mut self, now: Instant) {
        self.deadline = Some(now + Duration::from_secs(1));
    }

    fn next_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    fn next_datagram(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.datagrams.pop_front()
    }

    fn deadline(&mut self) -> Option<Instant> {
        self.deadline
    }

    fn write_rtp(&mut self, line: LineId, packet: &RtpPacket, _now: Instant) {
        assert!(
            usize::from(line.0) < self.lines.len(),
            "a line that was never opened"
        );
        if let Some(to) = self.from {
            self.datagrams
                .push_back((to, BytesMut::from(&packet.payload[..])));
        }
    }

    fn set_clock(&mut self, line: LineId, _clock: SenderClock) {
        assert!(
            usize::from(line.0) < self.lines.len(),
            "a line that was never opened"
        );
    }

    fn request_keyframe(&mut self, _kind: MediaKind, _layer: u8, _now: Instant) {}

    fn set_send_limit(&mut self, _bits_per_second: u32, _now: Instant) {}

    fn stats(&self) -> TransportStats {
        TransportStats::default()
    }

    fn close(&mut self, _now: Instant) {}
}
