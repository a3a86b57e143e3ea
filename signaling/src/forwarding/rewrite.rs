//! Header arithmetic: a line's numbers go on in a row whoever stands behind it.
//! Nothing here knows who that is, nor who may receive it.

use std::time::{Duration, Instant};

use super::{Arrivals, is_before};
use crate::protocol::MediaKind;
use crate::transport::SenderClock;

/// Keeps sequence numbers and timestamps of one line continuous while what
/// stands behind it changes.
#[derive(Debug, Default)]
pub(super) struct Rewrite {
    /// Added to the source's numbers; none until the next packet fixes it.
    pub(super) offsets: Option<(u16, u32)>,
    /// The first source number since the offsets were fixed.
    start: u16,
    /// The highest numbers sent on this line, and when.
    sent: Option<(u16, u32, Instant)>,
}

/// A longer silence of a line says no more about its timestamps, which go round.
const LONGEST_SILENCE: Duration = Duration::from_secs(3 * 60 * 60);

impl Rewrite {
    pub(super) fn change_source(&mut self) {
        self.offsets = None;
    }

    /// The source's clock in the timestamps of the line.
    pub(super) fn clock(&self, clock: SenderClock) -> Option<SenderClock> {
        let (_, by_timestamp) = self.offsets?;
        Some(SenderClock {
            timestamp: clock.timestamp.wrapping_add(by_timestamp),
            ..clock
        })
    }

    /// The numbers to send with; none for a packet from before the source was taken.
    ///
    /// At a change of source the timestamps move on by the time that passed: a
    /// browser plays sound and image together by how their timestamps and the
    /// clocks of sender reports go along, and would delay one of them by every
    /// second that a line's timestamps did not know of.
    pub(super) fn apply(
        &mut self,
        sequence: u16,
        timestamp: u32,
        kind: MediaKind,
        now: Instant,
    ) -> Option<(u16, u32)> {
        let mut offsets = match self.offsets {
            Some(offsets) => offsets,
            None => self.begin(sequence, timestamp, kind, now),
        };
        if let Some((highest, ..)) = self.sent {
            if is_before(sequence, self.start) && self.start.wrapping_sub(sequence) < Arrivals::SIZE
            {
                // Late, from before the switch: its number has gone out already.
                return None;
            }
            let out = sequence.wrapping_add(offsets.0);
            if !is_before(highest, out) && highest.wrapping_sub(out) >= Arrivals::SIZE {
                // Nothing as late as that is let in, so the source jumped, half the
                // circle of numbers or more (half of it is neither before nor after).
                // A number is never used again: it is part of what each packet is
                // encrypted with.
                offsets = self.begin(sequence, timestamp, kind, now);
            }
        }
        let out = (
            sequence.wrapping_add(offsets.0),
            timestamp.wrapping_add(offsets.1),
        );
        if self
            .sent
            .is_none_or(|(highest, ..)| is_before(highest, out.0))
        {
            self.sent = Some((out.0, out.1, now));
            // Once far from the start, the guard above would wrap around.
            if sequence.wrapping_sub(self.start) > 0x4000 {
                self.start = sequence.wrapping_sub(0x2000);
            }
        }
        Some(out)
    }

    /// Begins with these numbers of a source: answers what is added to them, so that
    /// the line's go on after its last.
    fn begin(
        &mut self,
        sequence: u16,
        timestamp: u32,
        kind: MediaKind,
        now: Instant,
    ) -> (u16, u32) {
        let offsets = match self.sent {
            None => (0, 0),
            Some((last_sequence, last_timestamp, at)) => {
                let rate = u64::from(kind.clock_rate());
                // One frame further at least: 20 ms of sound, 33 ms of image.
                let frame = if kind.is_image() {
                    rate / 30
                } else {
                    rate / 50
                };
                let silence = now.saturating_duration_since(at).min(LONGEST_SILENCE);
                let passed = silence.as_micros() as u64 * rate / 1_000_000;
                let step = passed.max(frame) as u32;
                (
                    last_sequence.wrapping_add(1).wrapping_sub(sequence),
                    last_timestamp.wrapping_add(step).wrapping_sub(timestamp),
                )
            }
        };
        self.start = sequence;
        self.offsets = Some(offsets);
        offsets
    }
}
