//! Bots that hoard slots, with the release policy on and off: figures, and who is better
//! off. What is simulated is in `benches/booking/hoarding.rs`, which measures it too.

#[path = "../../benches/booking/hoarding.rs"]
mod simulation;

use simulation::{Fleet, Habit, STAGED, served};
use visioplainte::calendar::release::ReleaseRule;

/// Mean of a few seeds.
fn share(release: ReleaseRule, identities: i64, habit: Habit) -> f64 {
    let fleet = Fleet { identities, habit };
    let seeds = [1, 2, 3];
    let sum: f64 = seeds.iter().map(|seed| served(*seed, release, fleet)).sum();
    sum / seeds.len() as f64
}

#[test]
fn people_find_a_slot_although_bots_take_all_that_appears_at_the_edge() {
    let off = ReleaseRule::default();
    // Enough identities to take every slot of the unit, fewer, and none.
    for (identities, habit) in [
        (0, Habit::AtTheEdge),
        (40, Habit::AtTheEdge),
        (200, Habit::AtTheEdge),
        (40, Habit::Always),
        (200, Habit::Always),
    ] {
        let without = share(off, identities, habit);
        let with = share(STAGED, identities, habit);
        println!(
            "{identities} identities, {habit:?}: {:.0} % of people served without the policy, {:.0} % with it",
            100.0 * without,
            100.0 * with
        );
        match (identities, habit) {
            // Without bots nobody is worse off for it.
            (0, _) => assert!(without > 0.99 && with > 0.99),
            (200, Habit::AtTheEdge) => {
                assert!(without < 0.05, "bots could take everything");
                assert!(with > without + 0.4, "{with} against {without}");
            }
            // Bots that are few, or always there, are bounded by what one identity may
            // confirm alone: the policy does not help then, and costs people something,
            // which is why it is off unless a unit needs it.
            _ => assert!(with > without - 0.1, "{with} against {without}"),
        }
    }
}
