//! Who could take over what: hearings are dealt out in order of time to colleagues who
//! are free, the one with the fewest first, so that nobody inherits a whole day. Pure.

use super::overlaps_any;
use crate::calendar::recurrence::Range;
use crate::db::Id;

/// For each time, a colleague who is free then and is given nothing else at that time;
/// none where there is nobody. `busy` says when each is not free.
#[must_use]
pub(super) fn propose(times: &[Range], busy: &[(Id, Vec<Range>)]) -> Vec<Option<Id>> {
    let mut given: Vec<Vec<Range>> = vec![Vec::new(); busy.len()];
    let mut proposed = Vec::with_capacity(times.len());
    for time in times {
        let free = (0..busy.len()).filter(|&index| {
            !overlaps_any(*time, &busy[index].1) && !overlaps_any(*time, &given[index])
        });
        let chosen = free.min_by_key(|&index| given[index].len());
        if let Some(index) = chosen {
            given[index].push(*time);
        }
        proposed.push(chosen.map(|index| busy[index].0.clone()));
    }
    proposed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn range((from, to): (i64, i64)) -> Range {
        Range {
            from: Timestamp(from),
            to: Timestamp(to),
        }
    }

    #[test]
    fn hearings_go_to_whoever_is_free_and_has_the_fewest() {
        type Busy<'a> = &'a [(&'a str, &'a [(i64, i64)])];
        /// What it is called, the hearings, who is busy when, and who gets which.
        type Case<'a> = (&'a str, &'a [(i64, i64)], Busy<'a>, &'a [&'a str]);
        let cases: [Case<'_>; 7] = [
            ("nobody else", &[(0, 30)], &[], &["-"]),
            ("one who is free", &[(0, 30)], &[("a", &[])], &["a"]),
            ("one who is busy", &[(0, 30)], &[("a", &[(20, 40)])], &["-"]),
            (
                "back to back is free",
                &[(30, 60)],
                &[("a", &[(0, 30), (60, 90)])],
                &["a"],
            ),
            (
                "shared out",
                &[(0, 30), (30, 60), (60, 90)],
                &[("a", &[]), ("b", &[])],
                &["a", "b", "a"],
            ),
            (
                "two at once",
                &[(0, 30), (0, 30), (0, 30)],
                &[("a", &[]), ("b", &[])],
                &["a", "b", "-"],
            ),
            (
                "fewest, but free",
                &[(0, 30), (30, 60)],
                &[("a", &[]), ("b", &[(30, 60)])],
                &["a", "a"],
            ),
        ];
        for (name, times, busy, expected) in cases {
            let times: Vec<Range> = times.iter().copied().map(range).collect();
            let busy: Vec<(Id, Vec<Range>)> = busy
                .iter()
                .map(|(id, taken)| (Id::from(*id), taken.iter().copied().map(range).collect()))
                .collect();
            let proposed: Vec<String> = propose(&times, &busy)
                .into_iter()
                .map(|id| id.map_or_else(|| "-".to_owned(), |id| id.to_string()))
                .collect();
            assert_eq!(proposed, expected, "{name}");
        }
    }
}
