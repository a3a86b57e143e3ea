//! Datagrams of one transport, each after its kind: what comes in is answered or
//! opened, what leaves is sealed.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;

use super::dtls::Progress;
use super::header::{Outgoing, RtpHeader, SENT, extension};
use super::receiving::PublishedLine;
use super::{LeanTransport, Line, TAG, arrivals, nack, vp8};
use crate::protocol::MediaKind;
use crate::transport::payload_type::repair_of;
use crate::transport::{RtpPacket, TransportEvent};

impl LeanTransport {
    pub(super) fn take_stun(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        if let Some(answer) = self.ice.handle(from, datagram, now) {
            self.outgoing
                .push_back((from, BytesMut::from(answer.as_slice())));
        }
    }

    pub(super) fn take_dtls(&mut self, datagram: &[u8], now: Instant) {
        match self.dtls.handle(datagram, now) {
            Progress::Going => {}
            Progress::Over => self.fail(),
            Progress::Done { keys, certificate } => {
                self.unproven = Some((keys, certificate));
                self.prove(now);
            }
        }
        self.send_dtls();
    }

    pub(super) fn send_dtls(&mut self) {
        let Some(remote) = self.ice.remote() else {
            return;
        };
        while let Some(datagram) = self.dtls.next_datagram() {
            self.outgoing.push_back((remote, datagram));
        }
    }

    /// Lets media flow once the keys are known to be shared with the browser
    /// whose answer came over the signaling connection, and with nobody else.
    pub(super) fn prove(&mut self, now: Instant) {
        // In this order: keys that come before the answer must wait for it.
        let Some(fingerprint) = &self.fingerprint else {
            return;
        };
        let Some((keys, certificate)) = self.unproven.take() else {
            return;
        };
        if !fingerprint.fits(&certificate) {
            tracing::info!("a certificate is not the one of the answer");
            self.fail();
            return;
        }
        self.keys = Some(keys);
        self.events.push_back(TransportEvent::Connected);
        // At once, so that whoever drives the transport hears of it.
        self.next_report = Some(now);
    }

    pub(super) fn fail(&mut self) {
        if !std::mem::replace(&mut self.failed, true) {
            self.keys = None;
            self.events.push_back(TransportEvent::Failed);
        }
    }

    pub(super) fn take_rtp(&mut self, packet: &[u8], now: Instant) {
        let Some(header) = RtpHeader::parse(packet) else {
            return;
        };
        let Some(keys) = &mut self.keys else {
            return;
        };
        let place = self.streams.find(header.ssrc);
        if place.is_none() && !self.streams.may_meet() {
            return;
        }
        header.describe(&mut self.scratch.opened);
        let Ok(mut opened) = keys
            .opening
            .decrypt_rtp_with_header(packet, &self.scratch.opened)
        else {
            return;
        };
        let place = match place {
            Some(place) => place,
            None => {
                let lines: Vec<PublishedLine> = self.published().collect();
                let met = self
                    .streams
                    .meet(&lines, self.codecs, &header, &opened, now);
                let Some(place) = met else {
                    return;
                };
                place
            }
        };
        self.ice.heard(now);
        self.authenticated += 1;
        if let Some(value) = header.extension(&opened, extension::TRANSPORT_CC)
            && let [high, low] = *value
        {
            self.arrivals.note(u16::from_be_bytes([high, low]), now);
            self.next_feedback.get_or_insert(now + arrivals::INTERVAL);
        }
        let Some(end) = header.payload_end(&opened) else {
            return;
        };
        opened.truncate(end);
        let mut packet = RtpPacket {
            payload_type: header.payload_type,
            marker: header.marker,
            sequence: header.sequence,
            timestamp: header.timestamp,
            payload: opened.split_off(header.length).freeze(),
        };
        let stream = &mut self.streams.all[place];
        let (kind, layer, repair) = (stream.kind, stream.layer, stream.repair);
        stream.last = now;
        stream
            .reception
            .note(packet.sequence, packet.timestamp, now);
        if repair {
            // What is shorter carries no packet, as the padding of a probe does not.
            if packet.payload.len() < 2 {
                return;
            }
            let original = packet.payload.split_to(2);
            packet.sequence = u16::from_be_bytes([original[0], original[1]]);
            packet.payload_type = packet.payload_type.wrapping_sub(repair_of(0));
        }
        if !self.codecs.of(kind).contains(&packet.payload_type) {
            return;
        }
        if kind.is_image() {
            let Some(place) = self.streams.of(kind, layer, false) else {
                return;
            };
            let missing = &mut self.streams.all[place].missing;
            let before = missing.repaired();
            let waited = missing.note(packet.sequence, now);
            if !missing.is_empty() {
                self.next_request.get_or_insert(now + nack::PACE);
            }
            self.stats.repaired += missing.repaired() - before;
            if let Some(waited) = waited {
                // Until a report tells better.
                self.round_trip.get_or_insert(waited);
            }
        }
        self.stats.bytes_up += packet.payload.len() as u64;
        for (kind, layer) in self.streams.changed.drain(..) {
            let event = TransportEvent::SourceChanged(kind, layer);
            self.events.push_back(event);
        }
        let keyframe = self.simulcast && vp8::begins_keyframe(&packet);
        self.events.push_back(TransportEvent::Rtp {
            kind,
            layer,
            keyframe,
            packet,
        });
    }

    pub(super) fn published(&self) -> impl Iterator<Item = PublishedLine> {
        self.lines.iter().filter_map(|line| match line {
            Line::Receiving(line) => Some(PublishedLine {
                kind: line.kind,
                mid: line.mid.clone(),
                open: line.open,
                simulcast: line.simulcast,
            }),
            Line::Sending(_) => None,
        })
    }

    pub(super) fn is_simulcast(&self, kind: MediaKind) -> bool {
        self.simulcast && kind == MediaKind::Video
    }

    /// Seals a packet whose header is `outgoing` and whose payload is `parts`.
    pub(super) fn send_rtp(
        &mut self,
        mut outgoing: Outgoing,
        parts: &[&[u8]],
        now: Instant,
    ) -> bool {
        let (Some(keys), Some(remote)) = (&mut self.keys, self.ice.remote()) else {
            return false;
        };
        let payload: usize = parts.iter().map(|part| part.len()).sum();
        outgoing.transport_sequence = self.estimate.number(SENT + payload + TAG, now);
        let packet = &mut self.scratch.packet;
        packet.clear();
        outgoing.write(packet);
        for part in parts {
            packet.extend_from_slice(part);
        }
        outgoing.describe(&mut self.scratch.sealed);
        match keys
            .sealing
            .encrypt_rtp_with_header(packet, &self.scratch.sealed)
        {
            Ok(sealed) => {
                self.outgoing.push_back((remote, sealed));
                true
            }
            Err(error) => {
                tracing::debug!(%error, "a packet could not be sealed");
                false
            }
        }
    }
}

/// The header of a packet as it leaves.
pub(super) fn outgoing(packet: &RtpPacket, ssrc: u32) -> Outgoing {
    Outgoing {
        // A packet of padding only keeps the numbers in a row.
        padding: packet.payload.is_empty(),
        marker: packet.marker,
        payload_type: packet.payload_type,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        ssrc,
        transport_sequence: 0,
    }
}
