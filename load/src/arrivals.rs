//! What a client keeps of what it receives: gaps to ask for, reports to send,
//! and when each packet of the transport came (transport-wide congestion control).

use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, RecvDelta, StatusChunkTypeTcc, StatusVectorChunk, SymbolSizeTypeTcc,
    SymbolTypeTcc, TransportLayerCc,
};

use crate::clock::ms;

/// As browsers: asked for at once, then again each round trip or so, ten times at most.
const ASK_AGAIN_NS: u64 = ms(20);
const TRIES: u8 = 10;
/// A larger jump is a new start and not a loss.
const LARGEST_GAP: u16 = 200;

/// One received SSRC.
pub struct Received {
    /// The SSRC.
    pub ssrc: u32,
    highest: u32,
    started: u32,
    count: u32,
    reported: (u32, u32),
    missing: Vec<Missing>,
}

struct Missing {
    sequence: u16,
    tries: u8,
    ask_at_ns: u64,
}

impl Received {
    /// Begins with its first packet.
    pub fn new(ssrc: u32, sequence: u16) -> Self {
        Self {
            ssrc,
            highest: u32::from(sequence),
            started: u32::from(sequence),
            count: 1,
            reported: (0, 0),
            missing: Vec::new(),
        }
    }

    /// Notes a further packet; true when it leaves a gap behind.
    pub fn note(&mut self, sequence: u16, repairs: bool, now_ns: u64) -> bool {
        self.count += 1;
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead == 0 || ahead >= 0x8000 {
            self.repaired(sequence);
            return false;
        }
        let before = self.highest as u16;
        self.highest = self.highest.wrapping_add(u32::from(ahead));
        let gap = repairs && ahead > 1 && ahead < LARGEST_GAP;
        if gap {
            self.missing.extend((1..ahead).map(|step| Missing {
                sequence: before.wrapping_add(step),
                tries: 0,
                ask_at_ns: now_ns,
            }));
        }
        gap
    }

    /// A packet came after all.
    pub fn repaired(&mut self, sequence: u16) {
        self.missing.retain(|missing| missing.sequence != sequence);
    }

    /// The sequence numbers to ask for now.
    pub fn due_for_asking(&mut self, now_ns: u64) -> Vec<u16> {
        let mut due = Vec::new();
        self.missing.retain_mut(|missing| {
            if missing.ask_at_ns > now_ns {
                return true;
            }
            due.push(missing.sequence);
            missing.tries += 1;
            missing.ask_at_ns = now_ns + ASK_AGAIN_NS;
            missing.tries < TRIES
        });
        due
    }

    /// Whether anything is still asked for.
    pub fn is_asking(&self) -> bool {
        !self.missing.is_empty()
    }

    /// The block for a receiver report.
    pub fn report(&mut self) -> ReceptionReport {
        let expected = self.highest.wrapping_sub(self.started).wrapping_add(1);
        let lost = expected.saturating_sub(self.count);
        let (expected_before, count_before) = self.reported;
        let expected_now = expected.wrapping_sub(expected_before);
        let lost_now = expected_now.saturating_sub(self.count - count_before);
        let fraction_lost = if expected_now == 0 {
            0
        } else {
            (u64::from(lost_now) * 256 / u64::from(expected_now)).min(255) as u8
        };
        self.reported = (expected, self.count);
        ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost,
            total_lost: lost.min(0x7f_ffff),
            last_sequence_number: self.highest,
            ..ReceptionReport::default()
        }
    }
}

/// When the packets of a transport came, since the last feedback.
#[derive(Default)]
pub struct TransportFeedback {
    arrived: Vec<(u16, u64)>,
    /// The first sequence number of the next feedback, so that losses between two are told.
    next: Option<u16>,
    count: u8,
}

/// The draft's resolutions.
const REFERENCE_NS: u64 = ms(64);
const DELTA_US: i64 = 250;

impl TransportFeedback {
    /// Notes a packet.
    pub fn note(&mut self, sequence: u16, at_ns: u64) {
        self.arrived.push((sequence, at_ns));
    }

    /// The feedback on everything since the last one; none when nothing came.
    pub fn take(&mut self, sender_ssrc: u32, media_ssrc: u32) -> Option<TransportLayerCc> {
        let mut arrived = std::mem::take(&mut self.arrived);
        let first = self.next.unwrap_or(arrived.first()?.0);
        arrived.retain(|(sequence, _)| sequence.wrapping_sub(first) < 0x8000);
        arrived.sort_by_key(|(sequence, _)| sequence.wrapping_sub(first));
        arrived.dedup_by_key(|(sequence, _)| *sequence);
        let last = arrived.last()?.0;
        let earliest = arrived.iter().map(|(_, at)| *at).min()?;
        self.next = Some(last.wrapping_add(1));
        self.count = self.count.wrapping_add(1);

        let reference = earliest / REFERENCE_NS;
        let mut symbols = Vec::new();
        let mut deltas = Vec::new();
        let mut before_ns = reference * REFERENCE_NS;
        let mut arrivals = arrived.iter().peekable();
        let status_count = last.wrapping_sub(first).wrapping_add(1);
        for step in 0..status_count {
            let sequence = first.wrapping_add(step);
            let Some((_, at_ns)) = arrivals.next_if(|(arrived, _)| *arrived == sequence) else {
                symbols.push(SymbolTypeTcc::PacketNotReceived);
                continue;
            };
            let ticks = (*at_ns as i64 - before_ns as i64) / 1000 / DELTA_US;
            // Rounding is not carried on.
            before_ns = before_ns.saturating_add_signed(ticks * DELTA_US * 1000);
            let symbol = if (0..256).contains(&ticks) {
                SymbolTypeTcc::PacketReceivedSmallDelta
            } else {
                SymbolTypeTcc::PacketReceivedLargeDelta
            };
            symbols.push(symbol);
            deltas.push(RecvDelta {
                type_tcc_packet: symbol,
                delta: ticks * DELTA_US,
            });
        }
        let chunks = symbols.chunks(7).map(|symbols| {
            let mut symbol_list = symbols.to_vec();
            symbol_list.resize(7, SymbolTypeTcc::PacketNotReceived);
            PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
                type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
                symbol_size: SymbolSizeTypeTcc::TwoBit,
                symbol_list,
            })
        });
        Some(TransportLayerCc {
            sender_ssrc,
            media_ssrc,
            base_sequence_number: first,
            packet_status_count: status_count,
            reference_time: (reference & 0xff_ffff) as u32,
            fb_pkt_count: self.count,
            packet_chunks: chunks.collect(),
            recv_deltas: deltas,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::rtcp::packet::{marshal, unmarshal};

    use super::*;

    #[test]
    fn a_gap_is_asked_for_until_it_is_repaired() {
        let mut received = Received::new(7, 65_534);
        assert!(!received.note(65_535, true, 0));
        assert!(received.note(2, true, ms(1)));
        assert_eq!(received.due_for_asking(ms(1)), [0, 1]);
        assert!(received.due_for_asking(ms(2)).is_empty());
        received.repaired(0);
        assert_eq!(received.due_for_asking(ms(21)), [1]);
        assert!(!received.note(1, true, ms(22)), "late, not lost");
        assert!(!received.is_asking());
        let report = received.report();
        assert_eq!(
            (report.total_lost, report.last_sequence_number),
            (1, 65_538)
        );
        assert_eq!(report.fraction_lost, 51, "one of five");
        assert!(!received.note(9, false, ms(30)), "sound is not asked for");
        assert!(received.note(11, true, ms(30)));
        let asked: Vec<_> = (0..20)
            .flat_map(|at| received.due_for_asking(ms(100 + at * 20)))
            .collect();
        assert_eq!(asked, [10; 10], "not for ever");
    }

    #[test]
    fn feedback_tells_when_each_packet_came_and_which_did_not() {
        let mut feedback = TransportFeedback::default();
        assert_eq!(feedback.take(1, 2), None);
        let start = 1_790_000_000_000_000_000;
        for (sequence, after_us) in [(65_535, 0), (1, 750), (0, 500), (3, 100_000)] {
            feedback.note(sequence, start + after_us * 1000);
        }
        let made = feedback.take(1, 2).unwrap();
        assert_eq!(
            (made.base_sequence_number, made.packet_status_count),
            (65_535, 5)
        );
        let steps: Vec<i64> = made.recv_deltas.iter().map(|delta| delta.delta).collect();
        assert_eq!(steps[1..], [500, 250, 99_250]);
        let bytes = marshal(&[Box::new(made.clone())]).unwrap();
        let read = unmarshal(&mut Bytes::from(bytes)).unwrap();
        let read = read[0].as_any().downcast_ref::<TransportLayerCc>().unwrap();
        assert_eq!(read.recv_deltas, made.recv_deltas);
        assert_eq!(read.packet_status_count, 5);

        feedback.note(5, start);
        let made = feedback.take(1, 2).unwrap();
        assert_eq!(
            (made.base_sequence_number, made.packet_status_count),
            (4, 2)
        );
    }
}
