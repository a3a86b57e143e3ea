//! RTCP of one hop: what the browser tells of what it receives, and what it is
//! told of what it sends. RTCP ends here; nothing of it is passed on but the
//! wish for a keyframe and the publisher's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rtc_rtcp::packet::{Packet, unmarshal};
use rtc_rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};

use super::header::Outgoing;
use super::sending::ntp;
use super::{LeanTransport, USUAL_ROUND_TRIP};
use crate::protocol::MediaKind;
use crate::transport::payload_type::repair_of;
use crate::transport::{SenderClock, TransportEvent};

/// How many sent reports are remembered to measure the round trip with.
const REMEMBERED_REPORTS: usize = 64;
/// Sources that may speak RTCP on one transport.
pub(super) const MOST_SPEAKERS: usize = 64;
/// Packets that one request may ask for; a browser that misses more needs a keyframe.
pub(super) const MOST_RESENDS: usize = 128;
/// The same packet is not sent again sooner, however near a browser says that it is.
const LEAST_ROUND_TRIP: Duration = Duration::from_millis(10);
/// Publishers are asked for keyframes at half this pace; browsers repeat themselves.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(200);
/// From the era of NTP to that of Unix, in seconds.
const NTP_TO_UNIX: u64 = 2_208_988_800;
/// Reception reports in one packet (RFC 3550 section 6.4.1).
const MOST_REPORTS: usize = 31;

impl LeanTransport {
    pub(super) fn take_rtcp(&mut self, datagram: &[u8], now: Instant) {
        let Some(speaker) = datagram
            .get(4..8)
            .and_then(|ssrc| ssrc.try_into().ok())
            .map(u32::from_be_bytes)
        else {
            return;
        };
        let Some(keys) = &mut self.keys else {
            return;
        };
        // What comes too often is not even opened.
        if !self.rtcp_budget.take(now) {
            return;
        }
        // Each speaker costs memory before its packet is known to be good.
        if !self.speakers.contains(&speaker) {
            if self.speakers.len() == MOST_SPEAKERS {
                return;
            }
            self.speakers.push(speaker);
        }
        let Ok(opened) = keys.opening.decrypt_rtcp(datagram) else {
            return;
        };
        self.ice.heard(now);
        self.authenticated += 1;
        let Ok(packets) = unmarshal(&mut opened.freeze()) else {
            return;
        };
        // A compound is as many packets as it holds: some of them are dear.
        for (place, packet) in packets.iter().enumerate() {
            if place > 0 && !self.rtcp_budget.take(now) {
                return;
            }
            self.take_packet(packet.as_ref(), now);
        }
    }

    fn take_packet(&mut self, packet: &dyn Packet, now: Instant) {
        let packet = packet.as_any();
        if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
            self.estimate.take(feedback, now);
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            self.take_reports(&report.reports, now);
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            self.take_clock(report, now);
            self.take_reports(&report.reports, now);
        } else if let Some(request) = packet.downcast_ref::<TransportLayerNack>() {
            self.resend(request, now);
        } else if let Some(request) = packet.downcast_ref::<PictureLossIndication>() {
            self.want_keyframe(request.media_ssrc, now);
        } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
            for entry in request.fir.iter().take(MOST_REPORTS) {
                self.want_keyframe(entry.ssrc, now);
            }
        }
    }

    fn want_keyframe(&mut self, ssrc: u32, now: Instant) {
        let asked = self
            .sending_lines()
            .find(|(_, line)| line.ssrc == ssrc && line.open && line.kind.is_image());
        if let Some((id, line)) = asked
            && line
                .keyframe_wanted
                .is_none_or(|last| now.saturating_duration_since(last) >= KEYFRAME_PAUSE)
        {
            line.keyframe_wanted = Some(now);
            self.events.push_back(TransportEvent::KeyframeWanted(id));
        }
    }

    fn take_clock(&mut self, report: &SenderReport, now: Instant) {
        if let Some(place) = self.streams.find(report.ssrc) {
            let stream = &mut self.streams.all[place];
            stream.reception.note_report(report.ntp_time, now);
            if !stream.repair {
                let ahead = *self
                    .clock_ahead
                    .get_or_insert_with(|| report.ntp_time.wrapping_sub(own_ntp()));
                let clock = SenderClock {
                    ntp: report.ntp_time.wrapping_sub(ahead),
                    timestamp: report.rtp_time,
                    at: now,
                };
                let event = TransportEvent::Clock(stream.kind, stream.layer, clock);
                self.events.push_back(event);
            }
        }
    }

    fn take_reports(&mut self, reports: &[ReceptionReport], now: Instant) {
        for report in reports {
            let sent = self
                .sent_reports
                .iter()
                .find(|(middle, _)| *middle == report.last_sender_report);
            if let Some((_, sent)) = sent {
                // The delay is in units of 1/65536 s (RFC 3550 section 6.4.1).
                let held = Duration::from_micros(u64::from(report.delay) * 1_000_000 / 65_536);
                let round_trip = now.saturating_duration_since(*sent).saturating_sub(held);
                self.round_trip = Some(round_trip);
            }
            if let Some((_, line)) = self
                .sending_lines()
                .find(|(_, line)| line.ssrc == report.ssrc)
            {
                line.lost = f32::from(report.fraction_lost) / 256.0;
            }
        }
    }

    /// Sends again what the browser misses and was not sent again a moment ago.
    fn resend(&mut self, request: &TransportLayerNack, now: Instant) {
        // A browser that claims to be nearer than any is not sent more for it.
        let round_trip = self
            .round_trip
            .unwrap_or(USUAL_ROUND_TRIP)
            .max(LEAST_ROUND_TRIP);
        let Some(id) = self
            .sending_lines()
            .find(|(_, line)| line.ssrc == request.media_ssrc && line.taken)
            .map(|(id, _)| id)
        else {
            return;
        };
        let asked: Vec<u16> = request
            .nacks
            .iter()
            .flat_map(|pair| pair.packet_list())
            .take(MOST_RESENDS)
            .collect();
        for sequence in asked {
            self.stats.nacks += 1;
            let Some(line) = self.sending(id) else {
                return;
            };
            let Some(repair_ssrc) = line.repair_ssrc else {
                return;
            };
            let Some(packet) = line.kept.take_up(sequence, now, round_trip).cloned() else {
                continue;
            };
            if !self.resend_budget.take(now) {
                return;
            }
            let Some(line) = self.sending(id) else {
                return;
            };
            line.repair_sequence = line.repair_sequence.wrapping_add(1);
            let outgoing = Outgoing {
                padding: false,
                marker: packet.marker,
                payload_type: repair_of(packet.payload_type),
                sequence: line.repair_sequence,
                timestamp: packet.timestamp,
                ssrc: repair_ssrc,
                transport_sequence: 0,
            };
            let original = packet.sequence.to_be_bytes();
            if self.send_rtp(outgoing, &[&original, &packet.payload], now) {
                self.stats.resends += 1;
            }
        }
    }

    /// Asks for what is missing and due; answers whether anything is left to ask for.
    pub(super) fn ask_again(&mut self, now: Instant) -> bool {
        let round_trip = self.round_trip.unwrap_or(USUAL_ROUND_TRIP);
        let sender_ssrc = self.own_ssrc;
        let mut requests: Vec<Box<dyn Packet>> = Vec::new();
        let left = self.streams.ask(now, round_trip, |media_ssrc, missing| {
            requests.push(Box::new(TransportLayerNack {
                sender_ssrc,
                media_ssrc,
                nacks: nack_pairs_from_sequence_numbers(missing),
            }));
        });
        self.send_rtcp(&requests);
        left
    }

    /// Tells the browser when its packets came.
    pub(super) fn tell_arrivals(&mut self) {
        let media_ssrc = self.streams.all.first().map_or(0, |stream| stream.ssrc);
        if let Some(feedback) = self.arrivals.feedback(self.own_ssrc, media_ssrc) {
            self.send_rtcp(&[Box::new(feedback)]);
        }
    }

    pub(super) fn ask_for_keyframe(&mut self, kind: MediaKind, layer: u8) {
        let Some(place) = self.streams.of(kind, layer, false) else {
            return;
        };
        let request = PictureLossIndication {
            sender_ssrc: self.own_ssrc,
            media_ssrc: self.streams.all[place].ssrc,
        };
        self.send_rtcp(&[Box::new(request)]);
    }

    /// Tells the browser to send no more than this in all.
    pub(super) fn tell_limit(&mut self, bits_per_second: u32) {
        let limit = ReceiverEstimatedMaximumBitrate {
            sender_ssrc: self.own_ssrc,
            bitrate: bits_per_second as f32,
            ssrcs: self
                .streams
                .all
                .iter()
                .filter(|stream| !stream.repair)
                .map(|stream| stream.ssrc)
                .collect(),
        };
        self.send_rtcp(&[Box::new(limit)]);
    }

    /// The reports that are due every second, in both directions.
    pub(super) fn report(&mut self, now: Instant) {
        if self.keys.is_none() {
            return;
        }
        let own_ntp = own_ntp();
        let mut packets: Vec<Box<dyn Packet>> = Vec::new();
        let mut middles = Vec::new();
        for (_, line) in self.sending_lines() {
            if line.taken
                && let Some(report) = line.report(now, own_ntp)
            {
                middles.push((report.ntp_time >> 16) as u32);
                packets.push(Box::new(report));
            }
        }
        for middle in middles {
            if self.sent_reports.len() == REMEMBERED_REPORTS {
                self.sent_reports.pop_front();
            }
            self.sent_reports.push_back((middle, now));
        }
        let reports: Vec<ReceptionReport> = self
            .streams
            .all
            .iter_mut()
            .filter(|stream| !stream.repair)
            .filter_map(|stream| stream.reception.report(stream.ssrc, now))
            .take(MOST_REPORTS)
            .collect();
        if !reports.is_empty() {
            packets.push(Box::new(ReceiverReport {
                ssrc: self.own_ssrc,
                reports,
                ..ReceiverReport::default()
            }));
        }
        // One packet each: several together might not fit a datagram.
        for packet in packets {
            self.send_rtcp(&[packet]);
        }
    }

    fn send_rtcp(&mut self, packets: &[Box<dyn Packet>]) {
        let (Some(keys), Some(remote)) = (&mut self.keys, self.ice.remote()) else {
            return;
        };
        if packets.is_empty() {
            return;
        }
        let mut plain = Vec::new();
        for packet in packets {
            let start = plain.len();
            plain.resize(start + packet.marshal_size(), 0);
            if let Err(error) = packet.marshal_to(&mut plain[start..]) {
                tracing::debug!(%error, "a report could not be written");
                return;
            }
        }
        match keys.sealing.encrypt_rtcp(&plain) {
            Ok(sealed) => self.outgoing.push_back((remote, sealed)),
            Err(error) => tracing::debug!(%error, "a report could not be sealed"),
        }
    }
}

/// The wall clock in the format of NTP.
fn own_ntp() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    ntp(since).wrapping_add(NTP_TO_UNIX << 32)
}
