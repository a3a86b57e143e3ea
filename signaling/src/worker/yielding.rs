//! Voice before image: what the way to a participant cannot carry is taken from
//! the images, never from the sound.
//!
//! The estimate of each way down says what is left for images. The worst of an
//! image's receivers decides what its publisher is asked to send at most: by RTCP,
//! which not every browser minds, and by a message to the page, which any page can
//! follow. Where even the least image is too much, it is withheld from that one
//! receiver, and tried again after a while, ever more patiently.
//!
//! The rules are pure; time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Worker;
use super::rooms::RoomKey;
use crate::forwarding::Source;
use crate::protocol::MediaKind;
use crate::room::{Demand, Event};
use crate::transport::Transport;

/// Kept for each voice, with its headers and repairs.
const VOICE: u32 = 80_000;
/// An image of less is no image.
const LEAST: u32 = 100_000;
/// A limit beyond this is none: pages send no more anyway.
const MOST: u32 = 2_500_000;
/// A share of packets lost at which little room is none.
const LOSING: f32 = 0.1;
/// Less than the least for so long is no passing trouble.
const ENDURED: Duration = Duration::from_secs(2);
/// Between withholding and trying again; doubled by each vain attempt.
const PATIENCE: Duration = Duration::from_secs(8);
const MOST_PATIENCE: Duration = Duration::from_secs(64);
/// Once there was room for so long, the next want of it is a new one.
const FORGIVEN: Duration = Duration::from_secs(60);

/// What one publisher is asked to send at most, of one image.
#[derive(Debug, Default)]
pub(super) struct Limit {
    present: Option<u32>,
    told: Option<u32>,
    told_at: Option<Instant>,
    bytes: u64,
    rate: Option<(Instant, u32)>,
}

/// What is to be told of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Send no more than that.
    AtMost(u32),
    /// Send what you like.
    Anything,
}

impl Limit {
    /// Counts what the publisher sends.
    pub fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Looks at what the worst receiver has left for the image; called regularly.
    /// Answers what is to be told, if anything.
    fn step(&mut self, share: Option<u32>, now: Instant) -> Option<Told> {
        let bytes = std::mem::take(&mut self.bytes);
        let (at, before) = self.rate.unwrap_or((now, 0));
        let elapsed = now.saturating_duration_since(at).as_secs_f64();
        let lately = if elapsed > 0.0 {
            (bytes as f64 * 8.0 / elapsed).min(f64::from(u32::MAX)) as u32
        } else {
            0
        };
        // Frames come in bursts: half of what was, half of what is.
        let rate = before / 2 + lately / 2;
        self.rate = Some((now, rate));

        let share = share.unwrap_or(u32::MAX);
        if share < percent(rate, 95) {
            let wanted = percent(share, 95).max(LEAST);
            self.present = Some(self.present.map_or(wanted, |present| present.min(wanted)));
        } else if let Some(present) = self.present
            && share > percent(present, 105)
        {
            // A little more each time: five per cent are a fifth in a second.
            let more = percent(present, 105);
            self.present = (more < MOST).then_some(more);
        }
        self.tell(now)
    }

    fn tell(&mut self, now: Instant) -> Option<Told> {
        let changed = match (self.told, self.present) {
            (None, None) => false,
            (Some(told), Some(present)) => {
                let rested = self
                    .told_at
                    .is_none_or(|at| now.saturating_duration_since(at) >= Duration::from_secs(1));
                present < percent(told, 90) || (present > percent(told, 110) && rested)
            }
            _ => true,
        };
        if !changed {
            return None;
        }
        self.told = self.present;
        self.told_at = Some(now);
        Some(self.present.map_or(Told::Anything, Told::AtMost))
    }
}

fn percent(bits: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(bits) * u64::from(percent) / 100).unwrap_or(u32::MAX)
}

/// Whether a receiver's images are withheld.
#[derive(Debug, Default)]
pub(super) struct Withholding {
    narrow_since: Option<Instant>,
    /// Until when, and how patient the last one was.
    until: Option<Instant>,
    patience: Option<Duration>,
    wide_since: Option<Instant>,
}

impl Withholding {
    /// Whether images are held back now.
    const fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Looks at what is left for each image, and at the share of packets that is
    /// lost on the way. Answers a change only.
    fn step(&mut self, share: u32, loss: f32, now: Instant) -> Option<bool> {
        if let Some(until) = self.until {
            if now < until {
                return None;
            }
            self.until = None;
            self.narrow_since = None;
            return Some(false);
        }
        // The estimate climbs from time to time to see whether there is room: what is
        // lost meanwhile says that there is none.
        let in_vain = loss >= LOSING && share < 4 * LEAST;
        if share >= LEAST && !in_vain {
            self.narrow_since = None;
            let since = *self.wide_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= FORGIVEN {
                self.patience = None;
            }
            return None;
        }
        self.wide_since = None;
        let since = *self.narrow_since.get_or_insert(now);
        if now.saturating_duration_since(since) < ENDURED {
            return None;
        }
        let patience = self
            .patience
            .map_or(PATIENCE, |patience| (patience * 2).min(MOST_PATIENCE));
        self.patience = Some(patience);
        self.until = Some(now + patience);
        Some(true)
    }
}

impl<T: Transport> Worker<T> {
    /// Lets images yield where the ways down are narrow.
    pub(super) fn yield_images(&mut self, room: RoomKey, now: Instant) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        let mut shares: BTreeMap<Source, u32> = BTreeMap::new();
        let mut turned = Vec::new();
        for (seat, key) in &entry.by_seat {
            let Some(peer) = self.peers.get_mut(*key).filter(|peer| peer.connected) else {
                continue;
            };
            let Demand { voices, images } = entry.room.demand(*seat);
            let stats = peer.transport.stats();
            let Some(estimate) = stats.estimate_down else {
                continue;
            };
            if images.is_empty() {
                continue;
            }
            let voices = VOICE.saturating_mul(voices);
            let share = estimate.saturating_sub(voices) / images.len() as u32;
            if let Some(narrow) = peer.withholding.step(share, stats.loss_down, now) {
                turned.push((peer.id, narrow));
            }
            // The next try begins with the least.
            let share = if peer.withholding.is_on() {
                share.min(LEAST)
            } else {
                share
            };
            for source in images {
                let worst = shares.entry(source).or_insert(share);
                *worst = share.min(*worst);
            }
        }
        let publishers = entry.by_seat.clone();
        // The room holds the images back, beside those that nobody looks at.
        for (peer, narrow) in turned {
            self.handle(room, Event::Narrow { peer, narrow });
        }
        for (seat, key) in publishers {
            for kind in [MediaKind::Video, MediaKind::Screen] {
                let share = shares.get(&Source { seat, kind }).copied();
                self.limit(key, kind, share, now);
            }
        }
    }

    fn limit(&mut self, key: usize, kind: MediaKind, share: Option<u32>, now: Instant) {
        let Some(entry) = self.peers.get_mut(key).filter(|entry| entry.connected) else {
            return;
        };
        // Whoever sends several sizes is limited no longer: each receiver gets one that fits.
        let layers = entry.sends_layers(now) && kind == MediaKind::Video;
        let share = share.filter(|_| !layers);
        let Some(told) = entry.limits[kind.index()].step(share, now) else {
            return;
        };
        // RTCP limits all that the participant sends together.
        let all: u32 = entry
            .limits
            .iter()
            .filter_map(|limit| limit.told)
            .fold(VOICE, u32::saturating_add);
        let bits_per_second = match told {
            Told::AtMost(bits) => Some(bits),
            Told::Anything => None,
        };
        let all = if entry.limits.iter().all(|limit| limit.told.is_none()) {
            2 * MOST
        } else {
            all
        };
        self.driving = Some(key);
        entry.transport.set_send_limit(all, now);
        self.driving = None;
        let (room, peer) = (entry.room, entry.id);
        self.peers.touch(key);
        self.handle(
            room,
            Event::Limit {
                peer,
                kind,
                bits_per_second,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 250;

    /// A publisher who minds the limit, and a share by second. Answers what was told.
    fn played(seconds: u64, wish: u32, share: impl Fn(u64) -> u32) -> Vec<Told> {
        let start = Instant::now();
        let mut limit = Limit::default();
        let mut told = Vec::new();
        let mut sends = wish;
        for tick in 0..seconds * 1_000 / TICK {
            limit.count((u64::from(sends) * TICK / 8_000) as usize);
            let now = start + Duration::from_millis(tick * TICK);
            if let Some(news) = limit.step(Some(share(tick * TICK / 1_000)), now) {
                told.push(news);
                sends = match news {
                    Told::AtMost(bits) => wish.min(bits),
                    Told::Anything => wish,
                };
            }
        }
        told
    }

    #[test]
    fn a_wide_way_limits_nobody() {
        assert_eq!(played(20, 1_300_000, |_| 2_000_000), []);
        // Less than what could be sent, more than what is.
        assert_eq!(played(20, 300_000, |_| 400_000), []);
    }

    #[test]
    fn a_narrow_way_limits_and_a_wide_one_frees() {
        let told = played(40, 1_300_000, |second| {
            if (5..10).contains(&second) {
                500_000
            } else {
                3_000_000
            }
        });
        assert_eq!(told.first(), Some(&Told::AtMost(475_000)));
        assert_eq!(told.last(), Some(&Told::Anything));
        let rising: Vec<u32> = told
            .iter()
            .filter_map(|told| match told {
                Told::AtMost(bits) => Some(*bits),
                Told::Anything => None,
            })
            .collect();
        assert!(rising.is_sorted(), "{rising:?}");
        assert!(rising.len() > 3, "step by step: {rising:?}");
    }

    #[test]
    fn whoever_has_no_receiver_to_mind_is_freed() {
        let start = Instant::now();
        let mut limit = Limit::default();
        let mut told = Vec::new();
        for tick in 0..80 {
            limit.count(25_000);
            let now = start + Duration::from_millis(tick * TICK);
            let share = (tick < 8).then_some(200_000);
            told.extend(limit.step(share, now));
        }
        assert_eq!(told.first(), Some(&Told::AtMost(190_000)));
        assert_eq!(told.last(), Some(&Told::Anything));
    }

    #[test]
    fn no_image_is_limited_below_the_least() {
        assert_eq!(played(5, 1_300_000, |_| 0), [Told::AtMost(LEAST)]);
    }

    #[test]
    fn images_are_withheld_after_a_while_and_tried_again_ever_later() {
        let start = Instant::now();
        let mut withholding = Withholding::default();
        let mut changes = Vec::new();
        for second in 0..50 {
            let now = start + Duration::from_secs(second);
            if let Some(withheld) = withholding.step(LEAST - 1, 0.0, now) {
                changes.push((second, withheld));
            }
        }
        assert_eq!(
            changes,
            [(2, true), (10, false), (13, true), (29, false), (32, true)]
        );
        let mut passing = Withholding::default();
        for (second, share) in [(0, 0), (1, 0), (2, LEAST), (3, 0), (4, 0)] {
            let now = start + Duration::from_secs(second);
            assert_eq!(passing.step(share, 0.0, now), None);
        }
    }

    #[test]
    fn a_long_time_with_room_makes_the_next_wait_short_again() {
        let start = Instant::now();
        for (wide_for, waited) in [(10, 2 * PATIENCE), (90, PATIENCE)] {
            let mut withholding = Withholding::default();
            let mut held = Vec::new();
            // Narrow for 3 s, held back for 8 s, wide, and narrow again.
            for second in 0..200 {
                let share = match second {
                    0..3 => 0,
                    second if second < 11 + wide_for => LEAST,
                    _ => 0,
                };
                let now = start + Duration::from_secs(second);
                if let Some(withheld) = withholding.step(share, 0.0, now) {
                    held.push((now, withheld));
                }
            }
            assert_eq!(held[3].0 - held[2].0, waited, "wide for {wide_for} s");
        }
    }

    #[test]
    fn loss_says_that_little_room_is_none() {
        let start = Instant::now();
        for (case, share, loss, withheld) in [
            ("room", 2 * LEAST, 0.0, None),
            ("little room, and all comes", LEAST, 0.09, None),
            ("little room, and much is lost", 2 * LEAST, 0.3, Some(true)),
            ("much room on a lossy way", 10 * LEAST, 0.3, None),
        ] {
            let mut withholding = Withholding::default();
            assert_eq!(withholding.step(share, loss, start), None, "{case}");
            let later = start + ENDURED;
            assert_eq!(withholding.step(share, loss, later), withheld, "{case}");
            assert_eq!(withholding.is_on(), withheld.is_some(), "{case}");
        }
    }
}
