//! What a receiver reports of one source (RFC 3550 section 6.4 and appendix A):
//! how many packets should have come, how many did, and how evenly.

use std::time::{Duration, Instant};

use rtc_rtcp::reception_report::ReceptionReport;

/// The reception of one source.
#[derive(Debug)]
pub(crate) struct Reception {
    clock_rate: u32,
    /// The first and the highest number, unwrapped.
    numbers: Option<(u64, u64)>,
    received: u64,
    told: (u64, u64),
    /// In units of the timestamp.
    jitter: f64,
    transit: Option<(Instant, u32)>,
    /// The middle of the last sender report's clock, and when it came.
    report: Option<(u32, Instant)>,
}

impl Reception {
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            numbers: None,
            received: 0,
            told: (0, 0),
            jitter: 0.0,
            transit: None,
            report: None,
        }
    }

    /// Notes a packet.
    pub fn note(&mut self, sequence: u16, timestamp: u32, now: Instant) {
        self.received += 1;
        let (first, highest) = *self
            .numbers
            .get_or_insert((u64::from(sequence), u64::from(sequence)));
        let ahead = sequence.wrapping_sub(highest as u16);
        if ahead < 0x8000 {
            self.numbers = Some((first, highest + u64::from(ahead)));
            if let Some((before, last)) = self.transit {
                let passed = now.saturating_duration_since(before).as_secs_f64()
                    * f64::from(self.clock_rate);
                // The difference on the circle, as a signed number.
                let meant = f64::from(timestamp.wrapping_sub(last) as i32);
                self.jitter += ((passed - meant).abs() - self.jitter) / 16.0;
            }
            self.transit = Some((now, timestamp));
        }
    }

    /// Notes a sender report.
    pub fn note_report(&mut self, ntp: u64, now: Instant) {
        self.report = Some(((ntp >> 16) as u32, now));
    }

    /// The report to send, about what came since the last one.
    pub fn report(&mut self, ssrc: u32, now: Instant) -> Option<ReceptionReport> {
        let (first, highest) = self.numbers?;
        let expected = highest - first + 1;
        let (told_expected, told_received) =
            std::mem::replace(&mut self.told, (expected, self.received));
        let lately = expected - told_expected;
        let lost = lately.saturating_sub(self.received - told_received);
        let fraction = (lost * 256).checked_div(lately).unwrap_or(0).min(255);
        let (last_sender_report, delay) = self.report.map_or((0, 0), |(middle, at)| {
            (middle, units(now.saturating_duration_since(at)))
        });
        Some(ReceptionReport {
            ssrc,
            fraction_lost: fraction as u8,
            total_lost: expected.saturating_sub(self.received).min(0x7f_ffff) as u32,
            last_sequence_number: highest as u32,
            jitter: self.jitter.min(f64::from(u32::MAX)) as u32,
            last_sender_report,
            delay,
        })
    }
}

/// A duration in units of 1/65536 s.
fn units(duration: Duration) -> u32 {
    (duration.as_secs_f64() * 65_536.0).min(f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_report_tells_what_came_since_the_last() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut reception = Reception::new(90_000);
        assert!(reception.report(1, start).is_none());
        for step in 0..8_u16 {
            // Two of eight are lost, across the wrap.
            if step != 3 && step != 4 {
                let timestamp = u32::from(step) * 3_000;
                reception.note(
                    65_532_u16.wrapping_add(step),
                    timestamp,
                    at(u64::from(step) * 33),
                );
            }
        }
        reception.note_report(0x0001_0002_0003_0004, at(300));
        let report = reception.report(7, at(800)).unwrap();
        assert_eq!(report.ssrc, 7);
        assert_eq!(report.fraction_lost, 64);
        assert_eq!(report.total_lost, 2);
        assert_eq!(report.last_sequence_number, 0x1_0003);
        assert_eq!(report.last_sender_report, 0x0002_0003);
        assert_eq!(report.delay, 32_768);
        assert!(report.jitter < 90, "evenly sent: {}", report.jitter);

        reception.note(5, 30_000, at(900));
        // One more that was late.
        reception.note(4, 27_000, at(901));
        let report = reception.report(7, at(1_000)).unwrap();
        assert_eq!((report.fraction_lost, report.total_lost), (0, 2));
        assert!(report.jitter > 90, "{}", report.jitter);
    }
}
