//! Transport-wide feedback for what we receive: when each packet of the whole
//! transport came, told to the sender's congestion control
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::time::{Duration, Instant};

use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, RecvDelta, StatusChunkTypeTcc, StatusVectorChunk, SymbolSizeTypeTcc,
    SymbolTypeTcc, TransportLayerCc,
};

/// How often the sender is told.
pub(crate) const INTERVAL: Duration = Duration::from_millis(50);
/// The unit of the reference time, and of the differences.
const REFERENCE_TICK_US: i64 = 64_000;
const DELTA_TICK_US: i64 = 250;
/// Packets told of at once; a sender that skips more has lost its count.
const WIDEST: u16 = 512;
/// So many late packets and no other are no accident.
const RESTARTED: usize = 8;

/// The arrivals since the last feedback.
#[derive(Debug)]
pub(crate) struct Arrivals {
    epoch: Instant,
    came: Vec<(u16, Instant)>,
    /// The number after the last one that was told.
    next: Option<u16>,
    count: u8,
}

impl Arrivals {
    pub fn new(now: Instant) -> Self {
        Self {
            // The reference time is unsigned, and a packet may be told before it.
            epoch: now.checked_sub(Duration::from_secs(1)).unwrap_or(now),
            came: Vec::new(),
            next: None,
            count: 0,
        }
    }

    /// Notes a packet.
    pub fn note(&mut self, sequence: u16, now: Instant) {
        if self.came.len() < usize::from(WIDEST) {
            self.came.push((sequence, now));
        }
    }

    /// What to tell the sender now.
    pub fn feedback(&mut self, sender_ssrc: u32, media_ssrc: u32) -> Option<TransportLayerCc> {
        if let Some(next) = self.next {
            // What is late was told as missing already; many at once are a sender
            // that counts anew.
            let is_late = |sequence: u16| sequence.wrapping_sub(next) >= 0x8000;
            let late = self.came.iter().filter(|(one, _)| is_late(*one)).count();
            if late < self.came.len() || late < RESTARTED {
                self.came.retain(|(sequence, _)| !is_late(*sequence));
            }
        }
        let first = self.came.first()?.0;
        let base = match self.next {
            // What did not come since the last feedback is told as missing.
            Some(next) if first.wrapping_sub(next) < WIDEST => next,
            _ => first,
        };
        self.came
            .retain(|(sequence, _)| sequence.wrapping_sub(base) < WIDEST);
        self.came
            .sort_unstable_by_key(|(sequence, _)| sequence.wrapping_sub(base));
        self.came.dedup_by_key(|(sequence, _)| *sequence);
        let last = self.came.last()?.0;
        let told = last.wrapping_sub(base) + 1;

        let first_us = self.micros(self.came[0].1);
        let reference = first_us.div_euclid(REFERENCE_TICK_US);
        let mut before = reference * REFERENCE_TICK_US;
        let mut symbols = vec![SymbolTypeTcc::PacketNotReceived; usize::from(told)];
        let mut recv_deltas = Vec::with_capacity(self.came.len());
        for (sequence, at) in &self.came {
            let ticks = (self.micros(*at) - before).div_euclid(DELTA_TICK_US);
            let ticks = ticks.clamp(i64::from(i16::MIN), i64::from(i16::MAX));
            before += ticks * DELTA_TICK_US;
            let symbol = if (0..256).contains(&ticks) {
                SymbolTypeTcc::PacketReceivedSmallDelta
            } else {
                SymbolTypeTcc::PacketReceivedLargeDelta
            };
            symbols[usize::from(sequence.wrapping_sub(base))] = symbol;
            recv_deltas.push(RecvDelta {
                type_tcc_packet: symbol,
                delta: ticks * DELTA_TICK_US,
            });
        }
        let packet_chunks = symbols
            .chunks(7)
            .map(|symbols| {
                let mut symbol_list = symbols.to_vec();
                symbol_list.resize(7, SymbolTypeTcc::PacketNotReceived);
                PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
                    type_tcc: StatusChunkTypeTcc::StatusVectorChunk,
                    symbol_size: SymbolSizeTypeTcc::TwoBit,
                    symbol_list,
                })
            })
            .collect();
        let feedback = TransportLayerCc {
            sender_ssrc,
            media_ssrc,
            base_sequence_number: base,
            packet_status_count: told,
            // 24 bits, as the format has it.
            reference_time: (reference & 0xff_ffff) as u32,
            fb_pkt_count: self.count,
            packet_chunks,
            recv_deltas,
        };
        self.count = self.count.wrapping_add(1);
        self.next = Some(last.wrapping_add(1));
        self.came.clear();
        Some(feedback)
    }

    fn micros(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.epoch).as_micros();
        i64::try_from(since).unwrap_or(i64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rtc_interceptor::convert_twcc;
    use rtc_shared::marshal::{Marshal, Unmarshal};

    use super::*;

    /// What a sender reads out of a feedback: number, and milliseconds since the first.
    fn read(feedback: &TransportLayerCc) -> Vec<(u16, Option<u64>)> {
        let bytes = feedback.marshal().unwrap();
        let feedback = TransportLayerCc::unmarshal(&mut bytes.freeze()).unwrap();
        let mut read = convert_twcc(&feedback);
        read.truncate(usize::from(feedback.packet_status_count));
        let first = read.iter().find_map(|one| one.arrival).unwrap();
        read.iter()
            .map(|one| {
                let since = one.arrival.map(|at| (at - first).as_millis() as u64);
                (one.sequence_number, since)
            })
            .collect()
    }

    #[test]
    fn every_packet_is_told_once_with_its_time_or_as_missing() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        assert_eq!(arrivals.feedback(1, 2), None);
        for (sequence, ms) in [(65_534, 0), (0, 3), (65_535, 5), (2, 400)] {
            arrivals.note(sequence, start + Duration::from_millis(ms));
        }
        let feedback = arrivals.feedback(1, 2).unwrap();
        assert_eq!(
            read(&feedback),
            [
                (65_534, Some(0)),
                (65_535, Some(5)),
                (0, Some(3)),
                (1, None),
                (2, Some(400))
            ]
        );

        // Missing ones at the beginning are told; late ones are not told again.
        arrivals.note(1, start + Duration::from_millis(419));
        arrivals.note(5, start + Duration::from_millis(420));
        let feedback = arrivals.feedback(1, 2).unwrap();
        assert_eq!(feedback.fb_pkt_count, 1);
        assert_eq!(read(&feedback), [(3, None), (4, None), (5, Some(0))]);

        arrivals.note(4, start + Duration::from_millis(430));
        assert_eq!(arrivals.feedback(1, 2), None, "only late ones");
        // Whoever jumps begins anew.
        arrivals.note(30_000, start + Duration::from_millis(440));
        assert_eq!(read(&arrivals.feedback(1, 2).unwrap()), [(30_000, Some(0))]);
    }
}
