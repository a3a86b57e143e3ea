//! Which size of each image a participant receives, where its publisher's browser
//! sends several: as large as the page shows it and as the way there carries.
//!
//! A page says how high it shows an image; what it hides is not sent at all. The
//! estimate of the way is that of the transport, and it only knows what was tried:
//! so a line goes up when there is room, or after a while to see whether there
//! is, and comes down when there is not, more patient after each vain attempt.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Action, Moment, Room};
use crate::forwarding::{SeatIndex, Source};
use crate::protocol::MediaKind;
use crate::room_document::ParticipantId;
use crate::transport::LAYERS;

/// A picture shown no higher than this is well served by the smallest size.
const SMALL: u32 = 360;
/// What the sizes need, from the smallest, as pages bound them.
const BITS: [u32; LAYERS] = [250_000, 1_200_000];
/// Kept for each voice, which always comes first.
const VOICE_BITS: u32 = 80_000;
/// A size without packets for so long is not sent at present.
const ALIVE: Duration = Duration::from_secs(1);
/// Between a change and going up where there is room.
const REST: Duration = Duration::from_secs(3);
/// Going up is given so long to show in the estimate.
const TRIAL: Duration = Duration::from_secs(2);
/// Between a change and going up to see; doubled by each vain attempt.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_PATIENCE: Duration = Duration::from_secs(80);

/// What the last tick knew of one transport.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flow {
    /// When each size of the camera last came.
    pub(super) layers: [Option<Instant>; LAYERS],
    /// What the way down carries, in bits a second.
    pub(super) estimate_down: Option<u32>,
}

impl Flow {
    fn is_alive(&self, layer: u8, now: Instant) -> bool {
        self.layers[usize::from(layer)]
            .is_some_and(|last| now.saturating_duration_since(last) < ALIVE)
    }
}

/// How one image of one subscriber goes up and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ladder {
    layer: u8,
    changed_at: Instant,
    patience: Duration,
}

impl Ladder {
    fn new(layer: u8, now: Instant) -> Self {
        Self {
            layer,
            changed_at: now,
            patience: PATIENCE,
        }
    }

    /// The size to carry: `most` as the page shows it, `sent` those that come, and
    /// `budget` what is left of the way, if that is known.
    fn step(&mut self, most: u8, sent: &[u8], budget: Option<u32>, now: Instant) -> u8 {
        let Some(top) = sent
            .iter()
            .copied()
            .rfind(|layer| *layer <= most)
            .or(sent.first().copied())
        else {
            return self.layer;
        };
        let since = now.saturating_duration_since(self.changed_at);
        let below = |layer: u8| sent.iter().copied().rfind(|lower| *lower < layer);
        let need = |layer: u8| BITS[usize::from(layer)];
        let carries = |layer: u8, percent: u64| {
            budget.is_none_or(|budget| u64::from(budget) * 100 >= u64::from(need(layer)) * percent)
        };
        if !sent.contains(&self.layer) || self.layer > top {
            // It is not sent any more, or shown smaller: no judgement on the way.
            self.turn(top.min(self.layer.max(sent[0])), sent, now);
        } else if self.layer < top {
            let next = sent.iter().copied().find(|layer| *layer > self.layer);
            if let Some(next) = next
                && ((carries(next, 110) && since >= REST) || since >= self.patience)
            {
                self.turn(next, sent, now);
            }
        }
        let since = now.saturating_duration_since(self.changed_at);
        if let Some(lower) = below(self.layer)
            && !carries(self.layer, 80)
            && since >= TRIAL
        {
            self.patience = (self.patience * 2).min(MOST_PATIENCE);
            self.turn(lower, sent, now);
        } else if since >= 3 * PATIENCE {
            self.patience = PATIENCE;
        }
        self.layer
    }

    fn turn(&mut self, layer: u8, sent: &[u8], now: Instant) {
        // The nearest of those that come.
        let nearest = sent
            .iter()
            .copied()
            .min_by_key(|candidate| candidate.abs_diff(layer))
            .unwrap_or(layer);
        if nearest != self.layer {
            self.layer = nearest;
            self.changed_at = now;
        }
    }
}

/// What the way down to a seat has to carry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    pub voices: u32,
    /// Those that the page shows, be they held back at present or not.
    pub images: Vec<Source>,
}

impl Room {
    /// What a seat may receive and its page shows.
    pub fn demand(&self, seat: SeatIndex) -> Demand {
        let mut demand = Demand::default();
        let Some(occupant) = self
            .participant(seat)
            .and_then(|participant| self.occupants.get(participant))
        else {
            return demand;
        };
        for line in self.forwarding.lines_of(seat) {
            let Source { seat, kind } = line.source;
            let hidden = self.participant(seat).is_some_and(|of| {
                // An image that nobody looks at needs nothing of the way.
                occupant.wants.get(&(of.clone(), kind)) == Some(&0)
            });
            if !kind.is_image() {
                demand.voices += 1;
            } else if !hidden {
                demand.images.push(line.source);
            }
        }
        demand
    }

    /// Notes how high a page shows an image; 0 hides it.
    pub(super) fn want(
        &mut self,
        participant: &ParticipantId,
        of: ParticipantId,
        kind: MediaKind,
        height: u32,
    ) {
        // Only what can come is remembered, so that a page cannot fill memory.
        if self.document.seat(&of).is_some()
            && kind.is_image()
            && let Some(occupant) = self.occupants.get_mut(participant)
        {
            occupant.wants.insert((of, kind), height);
        }
    }

    /// Every line carries the size that suits its subscriber.
    pub(super) fn settle_layers(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let flows: BTreeMap<_, _> = self
            .occupants
            .values()
            .filter_map(|occupant| Some((occupant.index, occupant.peer.as_ref()?.flow)))
            .collect();
        let names: BTreeMap<_, _> = self
            .numbers
            .iter()
            .map(|(participant, number)| (*number, participant.clone()))
            .collect();
        for occupant in self.occupants.values_mut() {
            let Some(own) = flows.get(&occupant.index) else {
                continue;
            };
            let narrow = occupant.peer.as_ref().is_some_and(|peer| peer.narrow);
            let seated = |of: &ParticipantId| self.document.seat(of).is_some();
            occupant.wants.retain(|(of, _), _| seated(of));
            let lines = self.forwarding.lines_of(occupant.index);
            occupant
                .ladders
                .retain(|source, _| lines.iter().any(|line| line.source == *source));
            let voices = lines.iter().filter(|line| !line.source.kind.is_image());
            let voices = u32::try_from(voices.count()).unwrap_or(u32::MAX);
            let mut budget = own
                .estimate_down
                .map(|bits| bits.saturating_sub(VOICE_BITS.saturating_mul(voices)));
            let mut images: Vec<_> = lines
                .into_iter()
                .filter(|line| line.source.kind.is_image())
                .map(|line| {
                    let of = names.get(&line.source.seat).cloned();
                    let shown = of.and_then(|of| {
                        let wanted = occupant.wants.get(&(of, line.source.kind));
                        wanted.copied()
                    });
                    (shown.unwrap_or(u32::MAX), line)
                })
                .collect();
            // What is shown largest has the first claim.
            images.sort_by_key(|(shown, line)| (u32::MAX - shown, line.source));
            for (shown, line) in images {
                // Whoever's way carries no image now gets none, however it is shown.
                let hidden = shown == 0 || narrow;
                if hidden != line.withheld {
                    let owed = self.forwarding.withhold(occupant.index, line.line, hidden);
                    actions.extend(owed.map(|(source, layer)| Action::Keyframe { source, layer }));
                }
                let sent = sent_layers(line.source, flows.get(&line.source.seat), now.instant);
                if hidden || sent.is_empty() {
                    continue;
                }
                let most = if shown <= SMALL { 0 } else { u8::MAX };
                let ladder = occupant
                    .ladders
                    .entry(line.source)
                    .or_insert_with(|| Ladder::new(line.wanted, now.instant));
                let layer = ladder.step(most, &sent, budget, now.instant);
                budget = budget.map(|bits| bits.saturating_sub(BITS[usize::from(layer)]));
                if layer != line.wanted {
                    let owed = self.forwarding.want_layer(occupant.index, line.line, layer);
                    actions.extend(owed.map(|(source, layer)| Action::Keyframe { source, layer }));
                }
            }
        }
    }
}

/// The sizes of an image that come at present, the smallest first.
fn sent_layers(source: Source, flow: Option<&Flow>, now: Instant) -> Vec<u8> {
    let Some(flow) = flow.filter(|_| source.kind == MediaKind::Video) else {
        return Vec::new();
    };
    (0..)
        .take(LAYERS)
        .filter(|layer| flow.is_alive(*layer, now))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = &[0, 1];

    /// Seconds, the most that is shown, what is sent, the way down, what is carried.
    type At<'a> = (u64, u8, &'a [u8], Option<u32>, u8);

    fn climbs(start: u8, moments: &[At<'_>]) {
        let begun = Instant::now();
        let mut ladder = Ladder::new(start, begun);
        for (second, most, sent, budget, expected) in moments {
            let now = begun + Duration::from_secs(*second);
            let layer = ladder.step(*most, sent, *budget, now);
            assert_eq!(layer, *expected, "after {second} s");
        }
    }

    #[test]
    fn an_image_is_as_large_as_it_is_shown_and_as_it_comes() {
        climbs(
            0,
            &[
                (0, u8::MAX, &[], None, 0),
                (0, u8::MAX, &[1], None, 1),
                (1, u8::MAX, TWO, None, 1),
                (2, 0, TWO, None, 0),
                (3, u8::MAX, TWO, None, 0),
                (5, u8::MAX, TWO, None, 1),
                (6, u8::MAX, &[0], None, 0),
                (7, 0, &[1], None, 1),
                (8, u8::MAX, &[], None, 1),
            ],
        );
    }

    #[test]
    fn a_narrow_way_brings_it_down_and_room_brings_it_up() {
        let (narrow, wide) = (Some(500_000), Some(1_500_000));
        climbs(
            1,
            &[
                (1, u8::MAX, TWO, narrow, 1),
                (2, u8::MAX, TWO, narrow, 0),
                (4, u8::MAX, TWO, wide, 0),
                (5, u8::MAX, TWO, wide, 1),
                // Little less than it needs is no reason.
                (9, u8::MAX, TWO, Some(1_000_000), 1),
            ],
        );
    }

    #[test]
    fn it_tries_from_time_to_time_and_ever_more_rarely() {
        let narrow = Some(500_000);
        climbs(
            1,
            &[
                (2, u8::MAX, TWO, narrow, 0),
                (21, u8::MAX, TWO, narrow, 0),
                (22, u8::MAX, TWO, narrow, 1),
                (23, u8::MAX, TWO, narrow, 1),
                (24, u8::MAX, TWO, narrow, 0),
                (63, u8::MAX, TWO, narrow, 0),
                (64, u8::MAX, TWO, narrow, 1),
            ],
        );
    }
}
