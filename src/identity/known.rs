//! What a provider last said about itself, and for how long it is believed. A provider
//! whose discovery or keys are out of reach for an hour would otherwise keep everybody out
//! who could log in there all the same. Pure but for the job that asks in good time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock::Timestamp;

/// Asked again by a login once it is this old.
const KEPT_MINUTES: i64 = 60;
/// Asked again by the job once it is this old, so that no login waits for it.
const REFRESHED_MINUTES: i64 = 45;
/// Believed for this long while the provider does not answer. Keys that were taken back
/// meanwhile are believed as well, so not for ever.
const BELIEVED_MINUTES: i64 = 24 * 60;
/// A provider that did not answer is not asked again for this long.
const PAUSE_SECONDS: i64 = 5;
/// Pause between two looks of the job.
const LOOK: Duration = Duration::from_secs(60);

/// What is known of a provider, and since when.
#[derive(Debug)]
pub(super) struct Known<T> {
    said: Option<(T, Timestamp)>,
    /// Why the last question had no answer; none once there was one.
    failed: Option<(String, Timestamp)>,
}

/// What to go by at an instant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Belief<T> {
    /// What it said.
    Good(T),
    /// What it said, if it does not answer now.
    Old(T),
    /// It did not answer, and nothing it said still counts.
    Down(String),
    /// Nothing: it must be asked.
    Nothing,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Known {
            said: None,
            failed: None,
        }
    }
}

impl<T: Clone> Known<T> {
    pub(super) fn at(&self, now: Timestamp) -> Belief<T> {
        let paused = self
            .failed
            .as_ref()
            .filter(|(_, at)| now < at.plus_seconds(PAUSE_SECONDS));
        match (&self.said, paused) {
            (Some((said, at)), _) if now < at.plus_minutes(KEPT_MINUTES) => {
                Belief::Good(said.clone())
            }
            (Some((said, at)), paused) if now < at.plus_minutes(BELIEVED_MINUTES) => match paused {
                Some(_) => Belief::Good(said.clone()),
                None => Belief::Old(said.clone()),
            },
            (_, Some((why, _))) => Belief::Down(why.clone()),
            _ => Belief::Nothing,
        }
    }

    /// It answered.
    pub(super) fn said(&mut self, said: T, now: Timestamp) {
        *self = Known {
            said: Some((said, now)),
            failed: None,
        };
    }

    /// It did not.
    pub(super) fn failed(&mut self, why: String, now: Timestamp) {
        self.failed = Some((why, now));
    }

    /// Whether it should be asked before a login has to wait for it. One that nobody has
    /// logged in at is left alone.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.said
            .as_ref()
            .is_some_and(|(_, at)| now >= at.plus_minutes(REFRESHED_MINUTES))
    }

    /// Whether the last question was answered, and how many seconds ago; none before the
    /// first.
    pub(super) fn state(&self, now: Timestamp) -> Option<(bool, i64)> {
        let age = |at: &Timestamp| now.seconds() - at.seconds();
        match (&self.said, &self.failed) {
            (None, None) => None,
            (Some((_, at)), failed) => Some((failed.is_none(), age(at))),
            (None, Some(_)) => Some((false, 0)),
        }
    }
}

/// Asks in good time until `shutdown`. Each process asks for itself: it is kept in memory.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        for provider in [&app.providers.franceconnect, &app.providers.proconnect] {
            provider.refresh(app.clock.now()).await;
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_said_is_believed_for_an_hour_and_for_a_day_while_it_is_down() {
        let start = Timestamp(1_772_438_400_000);
        let minutes = |minutes| start.plus_minutes(minutes);
        let good = Belief::Good("keys");
        for (said, failed, at, belief, due) in [
            (false, None, start, Belief::Nothing, false),
            (false, Some(start), start, Belief::Down("why".into()), false),
            (
                false,
                Some(start),
                start.plus_seconds(PAUSE_SECONDS - 1),
                Belief::Down("why".into()),
                false,
            ),
            (
                false,
                Some(start),
                start.plus_seconds(PAUSE_SECONDS),
                Belief::Nothing,
                false,
            ),
            (true, None, start, Belief::Good("keys"), false),
            (true, None, minutes(44), Belief::Good("keys"), false),
            (true, None, minutes(45), Belief::Good("keys"), true),
            (true, None, minutes(59), Belief::Good("keys"), true),
            (true, None, minutes(60), Belief::Old("keys"), true),
            // It does not answer: left alone for a moment, believed meanwhile.
            (true, Some(minutes(60)), minutes(60), good, true),
            (
                true,
                Some(minutes(60)),
                minutes(60).plus_seconds(PAUSE_SECONDS),
                Belief::Old("keys"),
                true,
            ),
            (
                true,
                None,
                minutes(24 * 60).plus_seconds(-1),
                Belief::Old("keys"),
                true,
            ),
            (true, None, minutes(24 * 60), Belief::Nothing, true),
            (
                true,
                Some(minutes(24 * 60)),
                minutes(24 * 60),
                Belief::Down("why".into()),
                true,
            ),
        ] {
            let mut known = Known::default();
            if said {
                known.said("keys", start);
            }
            if let Some(failed) = failed {
                known.failed("why".into(), failed);
            }
            let name = format!("said {said}, failed {failed:?}, at {at:?}");
            assert_eq!(known.at(at), belief, "{name}");
            assert_eq!(known.is_due(at), due, "{name}");
        }
    }

    #[test]
    fn an_answer_ends_the_failure_and_starts_the_hour_anew() {
        let start = Timestamp(1_772_438_400_000);
        let mut known = Known::default();
        assert_eq!(known.state(start), None);
        known.said(1, start);
        let later = start.plus_minutes(90);
        known.failed("why".into(), later);
        assert_eq!(known.state(later), Some((false, 5400)));
        known.said(2, later);
        assert_eq!(known.state(later), Some((true, 0)));
        assert_eq!(known.at(later), Belief::Good(2));
    }
}
