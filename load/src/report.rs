//! Runs as rows of a table.

use crate::run::Outcome;

/// The table's first line.
pub const HEADER: &str = "subject     rooms  of  join s  offer→media ms  loss %  after repair %  silent a/v  p50 ms  p99 ms  max ms  cpu %  busiest %  us/packet  kB/room  gen %  late p99 ms  drops gen/srv  asked srv/cli  repairs up/down  dups  refused  others srv/gen %  stolen %";

/// A run.
pub fn row(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let percent = |share: f64| share * 100.0;
    let latency = &outcome.measured.latency;
    let mut row = format!(
        "{:<11} {:>5} {:>3} {:>7.1} {:>15.1} {:>7.3} {:>15.3} {:>11} {:>7.2} {:>7.2} {:>7.1} {:>6.1} {:>10.1} {:>10.2} {:>8.0} {:>6.1} {:>12.2} {:>14} {:>14} {:>16} {:>5} {:>8} {:>17} {:>9.1}",
        outcome.plan.subject.name(),
        outcome.plan.rooms.rooms,
        outcome.plan.rooms.people,
        outcome.joining.as_secs_f64(),
        median(outcome.join_ms.clone()),
        percent(outcome.loss()),
        percent(outcome.loss_after_repair()),
        format!("{}/{}", outcome.silent[0], outcome.silent[1]),
        latency.quantile_ms(0.5),
        outcome.p99_ms(),
        latency.largest_ms(),
        percent(outcome.cpu_share()),
        percent(outcome.busiest_share()),
        outcome.cpu_us_per_packet(),
        outcome.kb_per_room(),
        percent(outcome.generator),
        outcome.measured.lateness.quantile_ms(0.99),
        format!("{}/{}", outcome.drops[0], outcome.drops[1]),
        format!("{}/{}", counts.asked_by_server, counts.asked_of_server),
        format!("{}/{}", counts.repairs_sent, counts.repairs_received),
        counts.duplicates,
        counts.refused,
        format!(
            "{:.0}/{:.0}",
            percent(outcome.others[0]),
            percent(outcome.others[1])
        ),
        percent(outcome.stolen),
    );
    row.push_str(match (outcome.is_generators_fault(), outcome.keeps()) {
        (true, _) => "  the generator was the limit",
        (false, true) => "  keeps",
        (false, false) => "  fails",
    });
    row
}

/// The middle of some numbers; of an even count the mean of the two.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => numbers[middle],
        _ => (numbers[middle - 1] + numbers[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (numbers, expected) in [
            (vec![], 0.0),
            (vec![3.0], 3.0),
            (vec![9.0, 1.0, 5.0], 5.0),
            (vec![4.0, 1.0, 2.0, 9.0], 3.0),
        ] {
            assert_eq!(median(numbers), expected);
        }
    }
}
