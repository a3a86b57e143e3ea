//! What happens to packets on a way: a seeded, pure rule. The kernel's own
//! (netem) is not to be had everywhere, and does not say what it did.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The weather of one way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// What every packet takes.
    pub delay: Duration,
    /// What it takes more at most, evenly spread; packets stay in order.
    pub jitter: Duration,
    /// Share of packets lost at random.
    pub loss: f64,
    /// Losses that come together.
    pub bursts: Option<Bursts>,
}

impl Weather {
    /// Nothing happens at all.
    pub const CLEAR: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
        bursts: None,
    };
}

/// The Gilbert-Elliott model: a good and a bad state, and chances to change
/// between them with every packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    /// From good to bad.
    pub begin: f64,
    /// From bad to good.
    pub end: f64,
    /// Share of packets lost in the bad state.
    pub loss: f64,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives then.
    Arrives(Instant),
    /// It is lost by chance.
    Lost,
}

/// One way's luck.
#[derive(Debug)]
pub struct Luck {
    chance: StdRng,
    bad: bool,
    /// When the last packet arrives: no later one overtakes it.
    last: Option<Instant>,
}

impl Luck {
    /// The same seed, the same luck.
    pub fn new(seed: u64) -> Self {
        Self {
            chance: StdRng::seed_from_u64(seed),
            bad: false,
            last: None,
        }
    }

    /// What becomes of a packet that sets out now.
    pub fn of(&mut self, weather: &Weather, now: Instant) -> Fate {
        let mut lost = self.chance.random_bool(weather.loss.clamp(0.0, 1.0));
        if let Some(bursts) = weather.bursts {
            let turns = if self.bad { bursts.end } else { bursts.begin };
            if self.chance.random_bool(turns.clamp(0.0, 1.0)) {
                self.bad = !self.bad;
            }
            lost |= self.bad && self.chance.random_bool(bursts.loss.clamp(0.0, 1.0));
        }
        let more = weather.jitter.mul_f64(self.chance.random());
        if lost {
            return Fate::Lost;
        }
        let at = now + weather.delay + more;
        let at = self.last.map_or(at, |last| last.max(at));
        self.last = Some(at);
        Fate::Arrives(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost_of(weather: &Weather, seed: u64, packets: u32) -> (u32, u32) {
        let now = Instant::now();
        let mut luck = Luck::new(seed);
        let (mut lost, mut runs, mut in_run) = (0, 0, false);
        for _ in 0..packets {
            let is_lost = luck.of(weather, now) == Fate::Lost;
            lost += u32::from(is_lost);
            runs += u32::from(is_lost && !in_run);
            in_run = is_lost;
        }
        (lost, runs)
    }

    #[test]
    fn losses_are_as_many_as_asked_for_and_the_same_for_the_same_seed() {
        let weather = Weather {
            loss: 0.02,
            ..Weather::CLEAR
        };
        let first = lost_of(&weather, 1, 100_000);
        assert!((1_850..2_150).contains(&first.0), "{first:?}");
        assert_eq!(lost_of(&weather, 1, 100_000), first);
        assert_ne!(lost_of(&weather, 2, 100_000), first);
        assert_eq!(lost_of(&Weather::CLEAR, 1, 1_000), (0, 0));
    }

    #[test]
    fn bursts_lose_packets_together() {
        // In the bad state a hundredth of the time, about ten packets long.
        let weather = Weather {
            bursts: Some(Bursts {
                begin: 0.001,
                end: 0.1,
                loss: 1.0,
            }),
            ..Weather::CLEAR
        };
        let (lost, runs) = lost_of(&weather, 3, 1_000_000);
        assert!((8_500..11_500).contains(&lost), "{lost}");
        let length = f64::from(lost) / f64::from(runs);
        assert!((9.0..11.0).contains(&length), "{length}");
    }

    #[test]
    fn packets_take_their_time_and_stay_in_order() {
        let weather = Weather {
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(10),
            ..Weather::CLEAR
        };
        let start = Instant::now();
        let mut luck = Luck::new(5);
        let mut last = start;
        for packet in 0..1_000 {
            let now = start + Duration::from_millis(packet);
            let Fate::Arrives(at) = luck.of(&weather, now) else {
                panic!("nothing is lost in this weather");
            };
            assert!(at >= last);
            assert!(at >= now + weather.delay);
            assert!(at <= now.max(last) + weather.delay + weather.jitter);
            last = at;
        }
    }
}
