//! Sent packets, kept for a while to be sent again on request: one resend for
//! each loss and round trip, however often it is asked for.

use std::time::{Duration, Instant};

use crate::transport::RtpPacket;

/// Packets kept of one line: about two seconds at 130 packets a second.
const KEPT: usize = 256;
/// Older than this, nobody can use it.
const STALE: Duration = Duration::from_secs(3);

/// The packets of one line.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    packets: Vec<Option<Packet>>,
    newest: Option<u16>,
}

#[derive(Debug)]
struct Packet {
    packet: RtpPacket,
    sent: Instant,
    resent: Option<Instant>,
}

impl Kept {
    /// Keeps a packet; the oldest makes room.
    pub fn keep(&mut self, packet: &RtpPacket, now: Instant) {
        if self.packets.is_empty() {
            self.packets.resize_with(KEPT, || None);
        }
        // What comes to us late, repaired on the publisher's way, is asked for by
        // browsers before it leaves us: its first sending answers that already.
        let late = self
            .newest
            .is_some_and(|newest| (newest.wrapping_sub(packet.sequence) as i16) > 0);
        if !late {
            self.newest = Some(packet.sequence);
        }
        self.packets[usize::from(packet.sequence) % KEPT] = Some(Packet {
            packet: packet.clone(),
            sent: now,
            resent: late.then_some(now),
        });
    }

    /// The packet of that number, if it is to be sent again now.
    pub fn take_up(
        &mut self,
        sequence: u16,
        now: Instant,
        round_trip: Duration,
    ) -> Option<&RtpPacket> {
        let kept = self
            .packets
            .get_mut(usize::from(sequence) % KEPT)?
            .as_mut()
            .filter(|kept| kept.packet.sequence == sequence)?;
        if now.saturating_duration_since(kept.sent) > STALE {
            return None;
        }
        // The last one may still be under way.
        if kept
            .resent
            .is_some_and(|resent| now.saturating_duration_since(resent) < round_trip)
        {
            return None;
        }
        kept.resent = Some(now);
        Some(&kept.packet)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_packet_is_sent_again_once_a_round_trip_and_forgotten_in_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut kept = Kept::default();
        assert!(kept.take_up(5, start, Duration::ZERO).is_none());
        for sequence in 65_500..=65_535_u16 {
            kept.keep(&packet(sequence), start);
        }
        for (sequence, ms, expected) in [
            (65_520, 10, true),
            (65_520, 50, false),
            (65_520, 109, false),
            (65_520, 110, true),
            (65_499, 10, false),
            (0, 10, false),
            (65_521, 3_001, false),
        ] {
            let found = kept.take_up(sequence, at(ms), Duration::from_millis(100));
            assert_eq!(
                found.map(|packet| packet.sequence),
                expected.then_some(sequence)
            );
        }
        // As many again push them out.
        for sequence in 0..KEPT as u16 {
            kept.keep(&packet(sequence), at(20));
        }
        assert!(kept.take_up(65_521, at(30), Duration::ZERO).is_none());
    }

    #[test]
    fn what_was_late_itself_is_not_sent_twice_for_a_request_that_crossed_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let round_trip = Duration::from_millis(100);
        let mut kept = Kept::default();
        for sequence in [65_534, 65_535, 1, 2] {
            kept.keep(&packet(sequence), start);
        }
        assert!(
            kept.take_up(0, at(50), round_trip).is_none(),
            "not come yet"
        );
        kept.keep(&packet(0), at(60));
        assert!(kept.take_up(0, at(90), round_trip).is_none(), "under way");
        assert!(kept.take_up(0, at(160), round_trip).is_some(), "lost again");
        assert!(kept.take_up(2, at(90), round_trip).is_some());
    }

    fn packet(sequence: u16) -> RtpPacket {
        RtpPacket {
            payload_type: 96,
            marker: false,
            sequence,
            timestamp: 0,
            payload: Bytes::new(),
        }
    }
}
