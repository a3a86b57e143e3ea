//! What the way to a participant can carry: sent packets, joined with what the
//! browser's transport-wide feedback says of them, judged by the congestion
//! control of the `rtc-interceptor` crate (Google's: delay and loss).
//!
//! The feedback is a stranger's: it is walked within the number of packets that
//! it says it is about, and a packet counts once.

use std::time::{Duration, Instant};

use rtc_interceptor::{BandwidthEstimator, Gcc, PacketReport};
use rtc_rtcp::transport_feedbacks::cc_feedback_report::Ecn;
use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};

/// Packets remembered: two seconds of a busy participant.
const REMEMBERED: usize = 1024;
/// Where the estimate begins: more than one image needs, so that nothing is held
/// back before the way has shown that it is narrow.
const INITIAL: f64 = 2_500_000.0;
const LEAST: f64 = 50_000.0;
const MOST: f64 = 20_000_000.0;
const REFERENCE_TICK: Duration = Duration::from_millis(64);

/// The estimate of one transport.
pub(crate) struct Estimate {
    gcc: Gcc,
    sent: Vec<Option<Sent>>,
    next: u16,
    next_id: u64,
    reports: Vec<PacketReport>,
    /// Whether any feedback came yet.
    known: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    sequence: u16,
    id: u64,
    size: u16,
    at: Instant,
}

impl Estimate {
    pub fn new() -> Self {
        Self {
            gcc: Gcc::new(INITIAL, LEAST, MOST),
            sent: Vec::new(),
            next: 0,
            next_id: 0,
            reports: Vec::new(),
            known: false,
        }
    }

    /// Numbers a packet that leaves now.
    pub fn number(&mut self, size: usize, now: Instant) -> u16 {
        if self.sent.is_empty() {
            self.sent.resize(REMEMBERED, None);
        }
        let sequence = self.next;
        self.next = self.next.wrapping_add(1);
        self.sent[usize::from(sequence) % REMEMBERED] = Some(Sent {
            sequence,
            id: self.next_id,
            size: u16::try_from(size).unwrap_or(u16::MAX),
            at: now,
        });
        self.next_id += 1;
        sequence
    }

    /// Takes a feedback.
    pub fn take(&mut self, feedback: &TransportLayerCc, now: Instant) {
        let mut arrival = REFERENCE_TICK * feedback.reference_time;
        let mut deltas = feedback.recv_deltas.iter();
        let mut sequence = feedback.base_sequence_number;
        self.reports.clear();
        let symbols = feedback
            .packet_chunks
            .iter()
            .flat_map(|chunk| {
                let (run, list): (u16, &[SymbolTypeTcc]) = match chunk {
                    PacketStatusChunk::RunLengthChunk(run) => (
                        run.run_length,
                        std::slice::from_ref(&run.packet_status_symbol),
                    ),
                    PacketStatusChunk::StatusVectorChunk(vector) => (1, &vector.symbol_list),
                };
                (0..run).flat_map(move |_| list.iter().copied())
            })
            .take(usize::from(feedback.packet_status_count).min(REMEMBERED));
        for symbol in symbols {
            let arrived = match symbol {
                SymbolTypeTcc::PacketNotReceived => None,
                SymbolTypeTcc::PacketReceivedSmallDelta
                | SymbolTypeTcc::PacketReceivedLargeDelta
                | SymbolTypeTcc::PacketReceivedWithoutDelta => {
                    let Some(delta) = deltas.next() else {
                        break;
                    };
                    let micros = Duration::from_micros(delta.delta.unsigned_abs());
                    arrival = if delta.delta < 0 {
                        arrival.saturating_sub(micros)
                    } else {
                        arrival.saturating_add(micros)
                    };
                    Some(arrival)
                }
            };
            self.report(sequence, arrived);
            sequence = sequence.wrapping_add(1);
        }
        // The newest packets may be under way: what is missing behind the last
        // one that came is not lost yet.
        let told = self
            .reports
            .iter()
            .rposition(|report| report.arrived)
            .map_or(0, |last| last + 1);
        for report in self.reports.drain(told..) {
            let place = usize::from(report.twcc_sequence_number) % REMEMBERED;
            self.sent[place] = Some(Sent {
                sequence: report.twcc_sequence_number,
                id: report.id,
                size: report.size as u16,
                at: report.departure,
            });
        }
        if !self.reports.is_empty() {
            self.known = true;
            self.gcc.on_reports(now, &self.reports);
        }
    }

    fn report(&mut self, sequence: u16, arrival: Option<Duration>) {
        let Some(place) = self.sent.get_mut(usize::from(sequence) % REMEMBERED) else {
            return;
        };
        let Some(sent) = place.take_if(|sent| sent.sequence == sequence) else {
            return;
        };
        self.reports.push(PacketReport {
            ssrc: 0,
            id: sent.id,
            rtp_sequence_number: sequence,
            is_twcc: true,
            twcc_sequence_number: sequence,
            size: usize::from(sent.size),
            arrived: arrival.is_some(),
            departure: sent.at,
            arrival,
            ecn: Ecn::NotEct,
        });
    }

    /// Bits a second, once feedback has come.
    pub fn bits_per_second(&self) -> Option<u32> {
        self.known.then(|| self.gcc.target_bitrate() as u32)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
        RecvDelta, RunLengthChunk, StatusChunkTypeTcc,
    };

    use super::*;
    use crate::lean::arrivals::Arrivals;

    /// A way that carries so many bits a second, with a queue in front of it.
    fn played(bits_per_second: f64, capacity: f64, seconds: u64) -> u32 {
        let start = Instant::now();
        let mut estimate = Estimate::new();
        let mut arrivals = Arrivals::new(start);
        let size = 1_200;
        let gap = Duration::from_secs_f64(f64::from(size) * 8.0 / bits_per_second);
        let carry = Duration::from_secs_f64(f64::from(size) * 8.0 / capacity);
        let (mut now, mut free, mut told) = (start, start, start);
        while now < start + Duration::from_secs(seconds) {
            let sequence = estimate.number(size as usize, now);
            free = free.max(now) + carry;
            // A queue longer than half a second loses.
            if free < now + Duration::from_millis(500) {
                arrivals.note(sequence, free + Duration::from_millis(20));
            } else {
                free -= carry;
            }
            if now - told > Duration::from_millis(100) {
                told = now;
                if let Some(feedback) = arrivals.feedback(1, 2) {
                    estimate.take(&feedback, now);
                }
            }
            now += gap;
        }
        estimate.bits_per_second().unwrap()
    }

    #[test]
    fn a_narrow_way_is_found_narrow_and_a_wide_one_wide() {
        let narrow = played(1_300_000.0, 400_000.0, 10);
        assert!((50_000..600_000).contains(&narrow), "{narrow}");
        let wide = played(1_300_000.0, 20_000_000.0, 10);
        assert!(wide >= 1_300_000, "{wide}");
    }

    #[test]
    fn a_feedback_counts_within_what_it_says_it_is_about() {
        let now = Instant::now();
        let mut estimate = Estimate::new();
        for _ in 0..10 {
            estimate.number(1_000, now);
        }
        let run = PacketStatusChunk::RunLengthChunk(RunLengthChunk {
            type_tcc: StatusChunkTypeTcc::RunLengthChunk,
            packet_status_symbol: SymbolTypeTcc::PacketReceivedSmallDelta,
            run_length: 8_191,
        });
        let mut feedback = TransportLayerCc {
            packet_status_count: u16::MAX,
            reference_time: 0xff_ffff,
            packet_chunks: vec![run; 600],
            recv_deltas: vec![
                RecvDelta {
                    type_tcc_packet: SymbolTypeTcc::PacketReceivedSmallDelta,
                    delta: i64::MIN,
                };
                3
            ],
            ..TransportLayerCc::default()
        };
        estimate.take(&feedback, now);
        assert_eq!(estimate.reports.len(), 3, "there is a time for three");
        estimate.take(&feedback, now);
        assert_eq!(estimate.reports.len(), 0, "each counts once");
        feedback.base_sequence_number = 40_000;
        estimate.take(&feedback, now);
        assert_eq!(estimate.reports.len(), 0, "nothing was sent so");
    }
}
