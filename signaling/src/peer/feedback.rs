//! Feedback of one hop: restores retransmitted packets before loss is judged,
//! and lets the transport see the reports and keyframe requests of the browser.
//!
//! It stands between the arrival recorder of congestion control, which must see
//! every packet as it came, and the NACK generator, which must see a restored
//! packet as the one it asked for. It knows nothing of who is in the room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// How many sent reports are remembered to measure the round trip with.
const REMEMBERED_REPORTS: usize = 16;

/// Sources of which losses are remembered: more than a room has lines.
const REPORTED_SOURCES: usize = 64;

/// What the interceptor has seen, for the transport to take.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// SSRCs of ours for which the browser asked for a keyframe.
    pub keyframes: Vec<u32>,
    /// Share lost of each of our SSRCs, in the browser's last report.
    pub lost: HashMap<u32, f32>,
    /// The last measure of the round trip.
    pub rtt: Option<Duration>,
}

/// The same, shared between the interceptor and its transport. They are driven
/// by one thread; the lock is never contended and only there because the stack
/// wants its interceptors to be `Sync`.
#[derive(Clone, Default)]
pub(super) struct SharedSeen(Arc<Mutex<Seen>>);

impl SharedSeen {
    /// Runs `look` on what was seen.
    pub fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The interceptor.
pub(super) struct Feedback {
    seen: SharedSeen,
    /// From the SSRC of a retransmission stream to the stream that it repairs.
    repairs: HashMap<u32, Repaired>,
    /// Middle bits of the sender reports that left, and when.
    sent_reports: VecDeque<(u32, Instant)>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

#[derive(Clone, Copy)]
struct Repaired {
    ssrc: u32,
    payload_type: u8,
}

impl Feedback {
    pub fn new(seen: SharedSeen) -> Self {
        Self {
            seen,
            repairs: HashMap::new(),
            sent_reports: VecDeque::with_capacity(REMEMBERED_REPORTS),
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }

    fn note_report(&self, report: &ReceptionReport, now: Instant) {
        let rtt = self
            .sent_reports
            .iter()
            .find(|(middle, _)| *middle == report.last_sender_report)
            .map(|(_, sent)| {
                // RFC 3550 section 6.4.1: the delay is in units of 1/65536 s.
                let held = Duration::from_micros(u64::from(report.delay) * 1_000_000 / 65_536);
                now.saturating_duration_since(*sent).saturating_sub(held)
            });
        self.seen.with(|seen| {
            // Reports may name sources that nobody sends.
            if seen.lost.len() < REPORTED_SOURCES || seen.lost.contains_key(&report.ssrc) {
                seen.lost
                    .insert(report.ssrc, f32::from(report.fraction_lost) / 256.0);
            }
            if rtt.is_some() {
                seen.rtt = rtt;
            }
        });
    }
}

/// RFC 4588: turns a retransmission into the packet it repeats. False when it
/// carries none, as the padding of a bandwidth probe does not.
fn restore(packet: &mut rtc::rtp::Packet, repaired: Repaired) -> bool {
    if packet.payload.len() < 2 {
        return false;
    }
    let original = packet.payload.split_to(2);
    packet.header.sequence_number = u16::from_be_bytes([original[0], original[1]]);
    packet.header.ssrc = repaired.ssrc;
    packet.header.payload_type = repaired.payload_type;
    packet.header.padding = false;
    true
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Feedback {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut message: TaggedPacket) -> Result<(), Error> {
        match &mut message.message.packet {
            Packet::Rtp(packet) => {
                if let Some(repaired) = self.repairs.get(&packet.header.ssrc)
                    && !restore(packet, *repaired)
                {
                    return Ok(());
                }
            }
            Packet::Rtcp(packets) => {
                for packet in packets.iter() {
                    let packet = packet.as_any();
                    if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
                        self.seen.with(|seen| seen.keyframes.push(pli.media_ssrc));
                    } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
                        self.seen.with(|seen| {
                            seen.keyframes
                                .extend(fir.fir.iter().map(|entry| entry.ssrc));
                        });
                    } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                        for block in &report.reports {
                            self.note_report(block, message.now);
                        }
                    } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
                        for block in &report.reports {
                            self.note_report(block, message.now);
                        }
                    }
                }
            }
            _ => {}
        }
        self.reads.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &message.message.packet {
            for packet in packets {
                if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                    if self.sent_reports.len() == REMEMBERED_REPORTS {
                        self.sent_reports.pop_front();
                    }
                    // The middle 32 bits of the NTP time come back in receiver reports.
                    let middle = (report.ntp_time >> 16) as u32;
                    self.sent_reports.push_back((middle, message.now));
                }
            }
        }
        self.writes.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Error> {
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }
}

impl Interceptor for Feedback {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        if let Some(rtx) = info.ssrc_rtx {
            self.repairs.insert(
                rtx,
                Repaired {
                    ssrc: info.ssrc,
                    payload_type: info.payload_type,
                },
            );
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.repairs
            .retain(|_, repaired| repaired.ssrc != info.ssrc);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::rtp::Header;

    use super::*;

    #[test]
    fn a_retransmission_becomes_the_packet_it_repeats() {
        let repaired = Repaired {
            ssrc: 7,
            payload_type: 96,
        };
        let rtx = |payload: &'static [u8]| rtc::rtp::Packet {
            header: Header {
                ssrc: 8,
                payload_type: 97,
                sequence_number: 500,
                timestamp: 9,
                marker: true,
                padding: true,
                ..Header::default()
            },
            payload: Bytes::from_static(payload),
        };

        let mut packet = rtx(&[0x12, 0x34, 0xaa]);
        assert!(restore(&mut packet, repaired));
        assert_eq!(packet.header.ssrc, 7);
        assert_eq!(packet.header.payload_type, 96);
        assert_eq!(packet.header.sequence_number, 0x1234);
        assert_eq!(packet.header.timestamp, 9);
        assert!(packet.header.marker && !packet.header.padding);
        assert_eq!(&packet.payload[..], &[0xaa]);

        for probe in [&[][..], &[0][..]] {
            assert!(!restore(&mut rtx(probe), repaired));
        }
    }
}
