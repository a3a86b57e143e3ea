//! What a participant in a namespace tells the trials, a line of JSON each, and
//! the listening behind it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A pause in the voice longer than this is one: five packets in a row.
const PAUSE_US: u64 = 100_000;
/// Images this far behind the newest are no longer repaired.
const REPAIRED_WITHIN: u64 = 90;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// Ten times a second: what was heard so far.
    Beat(Listening),
    /// There was no voice for a while, and now there is again.
    Pause {
        /// When it was last heard, in microseconds since the Unix epoch.
        from_us: u64,
        /// When it was heard again.
        to_us: u64,
    },
    /// Something that explains a figure.
    Note {
        /// When, in microseconds since the Unix epoch.
        at_us: u64,
        /// What.
        what: String,
    },
}

/// What was heard so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// When a voice was last heard, in microseconds since the Unix epoch.
    pub heard_us: u64,
    /// Packets of voice.
    pub voice: u64,
    /// Packets of image, each once.
    pub images: u64,
    /// Packets of image that came again although they had come.
    pub images_twice: u64,
    /// Packets of image that are missing for good.
    pub images_missing: u64,
    /// Packets of image that came late, as retransmissions do.
    pub images_repaired: u64,
}

/// Listens to one other participant.
#[derive(Debug, Default)]
pub struct Listener {
    heard: Listening,
    next_image: Option<u64>,
    awaited: BTreeSet<u64>,
}

impl Listener {
    /// A packet of voice; the pause that it ends, if there was one.
    pub fn voice(&mut self, now_us: u64) -> Option<Report> {
        let last = std::mem::replace(&mut self.heard.heard_us, now_us);
        self.heard.voice += 1;
        (last != 0 && now_us.saturating_sub(last) > PAUSE_US).then_some(Report::Pause {
            from_us: last,
            to_us: now_us,
        })
    }

    /// A packet of image.
    pub fn image(&mut self, number: u64) {
        let next = self.next_image.get_or_insert(number);
        if number < *next {
            if self.awaited.remove(&number) {
                self.heard.images_repaired += 1;
                self.heard.images += 1;
            } else {
                self.heard.images_twice += 1;
            }
            return;
        }
        self.awaited.extend(*next..number);
        *next = number + 1;
        self.heard.images += 1;
        while let Some(oldest) = self.awaited.first().copied()
            && oldest + REPAIRED_WITHIN < number
        {
            self.awaited.pop_first();
            self.heard.images_missing += 1;
        }
    }

    /// What was heard so far.
    pub fn beat(&self) -> Report {
        Report::Beat(self.heard.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_told_when_they_end() {
        let mut listener = Listener::default();
        assert_eq!(listener.voice(1_000_000), None);
        assert_eq!(listener.voice(1_020_000), None);
        assert_eq!(listener.voice(1_120_000), None);
        assert_eq!(
            listener.voice(1_220_001),
            Some(Report::Pause {
                from_us: 1_120_000,
                to_us: 1_220_001
            })
        );
    }

    #[test]
    fn repaired_repeated_and_missing_images_are_told_apart() {
        let mut listener = Listener::default();
        for number in [10, 11, 13, 14, 12, 12, 16] {
            listener.image(number);
        }
        for number in 17..=16 + REPAIRED_WITHIN {
            listener.image(number);
        }
        let heard = &listener.heard;
        assert_eq!(
            (
                heard.images_repaired,
                heard.images_twice,
                heard.images_missing
            ),
            (1, 1, 1)
        );
        assert_eq!(heard.images, 6 + REPAIRED_WITHIN);
    }
}
