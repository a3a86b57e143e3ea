//! One line to a participant: its sources, what was sent on it, and what its
//! sender reports say.

use std::time::{Duration, Instant};

use rtc_rtcp::sender_report::SenderReport;

use super::resend::Kept;
use crate::protocol::MediaKind;
use crate::transport::SenderClock;

/// A line on which the node sends.
pub(super) struct SendingLine {
    pub kind: MediaKind,
    pub mid: String,
    pub open: bool,
    /// The line stands in an offer that the browser took.
    pub taken: bool,
    pub group: u32,
    pub ssrc: u32,
    pub repair_ssrc: Option<u32>,
    pub repair_sequence: u16,
    pub kept: Kept,
    /// Share lost, in the browser's last report.
    pub lost: f32,
    pub packets: u32,
    pub octets: u32,
    /// What was sent last, and when.
    pub last: Option<(u32, Instant)>,
    /// When the browser's wish for a keyframe was last passed on.
    pub keyframe_wanted: Option<Instant>,
    clock: Option<SenderClock>,
    reported: u32,
}

impl SendingLine {
    pub fn new(kind: MediaKind, mid: String, group: u32, random: impl Fn() -> u32) -> Self {
        Self {
            kind,
            mid,
            open: true,
            taken: false,
            group,
            ssrc: random(),
            repair_ssrc: kind.is_image().then(&random),
            repair_sequence: random() as u16,
            kept: Kept::default(),
            lost: 0.0,
            packets: 0,
            octets: 0,
            last: None,
            keyframe_wanted: None,
            clock: None,
            reported: 0,
        }
    }

    /// What stands behind the line tells its clock.
    pub fn set_clock(&mut self, clock: SenderClock) {
        self.clock = Some(clock);
    }

    /// A sender report, if anything was sent since the last. Sound and image of
    /// one publisher tell the same clock, the publisher's, so that browsers play
    /// them together; before it is known, the node's own has to do.
    pub fn report(&mut self, now: Instant, own_ntp: u64) -> Option<SenderReport> {
        let (timestamp, sent) = self.last?;
        if self.reported == self.packets {
            return None;
        }
        self.reported = self.packets;
        let rate = f64::from(self.kind.clock_rate());
        let (ntp, rtp, since) = match self.clock {
            Some(clock) => (clock.ntp, clock.timestamp, clock.at),
            None => (own_ntp.wrapping_sub(ntp_span(now, sent)), timestamp, sent),
        };
        let passed = now.saturating_duration_since(since);
        Some(SenderReport {
            ssrc: self.ssrc,
            ntp_time: ntp.wrapping_add(ntp_span(now, since)),
            rtp_time: rtp.wrapping_add((passed.as_secs_f64() * rate) as u64 as u32),
            packet_count: self.packets,
            octet_count: self.octets,
            ..SenderReport::default()
        })
    }
}

/// The time between two instants in the format of NTP: units of 2^-32 s.
fn ntp_span(now: Instant, since: Instant) -> u64 {
    ntp(now.saturating_duration_since(since))
}

/// A duration in the format of NTP.
pub(super) fn ntp(duration: Duration) -> u64 {
    (duration.as_secs() << 32) + ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reports_tell_the_publishers_clock_and_are_silent_when_nothing_was_sent() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut line = SendingLine::new(MediaKind::Video, "0".to_owned(), 0, || 7);
        assert!(line.report(start, 0).is_none());
        line.packets = 1;
        line.octets = 100;
        line.last = Some((90_000, at(0)));
        let report = line.report(at(500), 10 << 32).unwrap();
        assert_eq!(report.ntp_time, 10 << 32, "its own clock");
        assert_eq!(report.rtp_time, 90_000 + 45_000);
        assert!(line.report(at(600), 0).is_none());

        line.packets = 2;
        line.set_clock(SenderClock {
            ntp: 1_000 << 32,
            timestamp: 50,
            at: at(1_000),
        });
        let report = line.report(at(1_250), 10 << 32).unwrap();
        assert_eq!(report.ntp_time, (1_000 << 32) + (1 << 30));
        assert_eq!(report.rtp_time, 50 + 22_500);
        assert_eq!((report.packet_count, report.octet_count), (2, 100));
    }
}
