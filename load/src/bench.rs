//! The benchmark: what is compared is run by turns, each time with a fresh
//! server; figures are medians, and ratios medians of pairs that ran side by side.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::join::Rooms;
use crate::knee::{Knee, Verdict};
use crate::report::{self, median};
use crate::run::{Outcome, Plan, idle_participant, run};
use crate::subject::{FOLDER, Subject};

/// Participants joining at the same moment.
const AT_ONCE: usize = 16;
/// The share of its time at which a node takes no more rooms.
const ADMITTED: f64 = 0.8;

/// How much is run.
struct Effort {
    rounds: usize,
    measure: Duration,
    knee_runs: usize,
    knee_most: usize,
}

/// A point that is run in every round.
type Point = (Subject, usize, usize);

const POINTS: [Point; 10] = [
    (Subject::RelayPlain, 100, 2),
    (Subject::Relay, 100, 2),
    (Subject::Node, 100, 2),
    (Subject::Janus, 80, 2),
    (Subject::Node, 80, 2),
    (Subject::Node, 10, 2),
    (Subject::Node, 250, 2),
    (Subject::Relay, 20, 4),
    (Subject::Node, 20, 4),
    (Subject::Janus, 20, 4),
];

/// Everything that ran so far.
struct Bench {
    effort: Effort,
    runs: Vec<Outcome>,
    table: File,
    figures: File,
}

/// Runs everything and prints the figures.
pub fn bench(quick: bool) -> Result<(), String> {
    let began = Instant::now();
    let effort = if quick {
        Effort {
            rounds: 1,
            measure: Duration::from_secs(3),
            knee_runs: 1,
            knee_most: 6,
        }
    } else {
        Effort {
            rounds: 3,
            measure: Duration::from_secs(5),
            knee_runs: 3,
            knee_most: 16,
        }
    };
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let create = |name: &str| File::create(folder.join(name)).map_err(|error| error.to_string());
    let mut bench = Bench {
        effort,
        runs: Vec::new(),
        table: create("sfu-runs.txt")?,
        figures: create("sfu.txt")?,
    };
    bench.line(report::HEADER);
    bench.rounds()?;
    bench.joins()?;
    bench.idle()?;
    bench.ratios();
    bench.capacity()?;
    bench.noise();
    bench.line(&format!(
        "all runs took {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

impl Bench {
    /// To the table and to whoever watches.
    fn line(&mut self, line: &str) {
        eprintln!("{line}");
        let _ = writeln!(self.table, "{line}");
    }

    /// A figure.
    fn figure(&mut self, name: &str, value: f64, unit: &str) {
        // Small numbers are ratios and want their digits.
        let digits = if value.abs() < 10.0 { 3 } else { 1 };
        let line = format!("bench: sfu.{name} {value:.digits$} {unit}");
        println!("{}", line.trim_end());
        let _ = writeln!(self.figures, "{}", line.trim_end());
    }

    /// One run; a server or its signaling that stalls is given a second chance.
    fn run(&mut self, (subject, rooms, people): Point) -> Result<Outcome, String> {
        let plan = Plan {
            subject,
            rooms: Rooms {
                rooms,
                people,
                at_once: AT_ONCE,
                waiting: false,
            },
            speak_at_once: false,
            settle: Duration::from_millis(1500),
            measure: self.effort.measure,
        };
        let outcome = match run(plan) {
            Ok(outcome) => outcome,
            Err(error) => {
                self.line(&format!(
                    "{} with {rooms} rooms is run again: {error}",
                    subject.name()
                ));
                run(plan)?
            }
        };
        self.line(&report::row(&outcome));
        self.runs.push(outcome.clone());
        Ok(outcome)
    }

    fn rounds(&mut self) -> Result<(), String> {
        for round in 0..self.effort.rounds {
            // Whoever is first one time is last another time.
            for at in 0..POINTS.len() {
                self.run(POINTS[(at + round * 3) % POINTS.len()])?;
            }
        }
        Ok(())
    }

    fn joins(&mut self) -> Result<(), String> {
        for subject in [Subject::Node, Subject::Janus] {
            let mut times = Vec::new();
            for _ in 0..self.effort.rounds {
                let outcome = run(Plan {
                    subject,
                    rooms: Rooms {
                        rooms: 10,
                        people: 2,
                        at_once: 1,
                        waiting: false,
                    },
                    speak_at_once: true,
                    settle: Duration::from_millis(300),
                    measure: Duration::from_millis(500),
                })?;
                times.extend(&outcome.join_ms);
            }
            let name = match subject {
                Subject::Node => "join_ms",
                _ => "join_ms_janus",
            };
            self.figure(name, median(times), "ms");
        }
        Ok(())
    }

    fn idle(&mut self) -> Result<(), String> {
        let rooms = Rooms {
            rooms: 300,
            people: 2,
            at_once: AT_ONCE,
            waiting: true,
        };
        let kb = (0..self.effort.rounds)
            .map(|_| idle_participant(rooms))
            .collect::<Result<Vec<f64>, String>>()?;
        self.figure("kb_per_idle_participant", median(kb), "kB");
        Ok(())
    }

    /// One measure of every run of a point, in the order of the rounds.
    fn all(&self, point: Point, measure: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        self.runs
            .iter()
            .filter(|run| {
                (
                    run.plan.subject,
                    run.plan.rooms.rooms,
                    run.plan.rooms.people,
                ) == point
            })
            .map(measure)
            .collect()
    }

    fn of(&self, point: Point, measure: impl Fn(&Outcome) -> f64) -> f64 {
        median(self.all(point, measure))
    }

    /// The median of the ratios of runs that were of the same round.
    fn ratio(&self, point: Point, other: Point) -> f64 {
        let (ours, theirs) = (
            self.all(point, Outcome::cpu_us_per_packet),
            self.all(other, Outcome::cpu_us_per_packet),
        );
        median(
            ours.iter()
                .zip(&theirs)
                .map(|(ours, theirs)| ours / theirs)
                .collect(),
        )
    }

    fn ratios(&mut self) {
        let node = |rooms, people| (Subject::Node, rooms, people);
        for rooms in [10, 100, 250] {
            let cpu = self.of(node(rooms, 2), Outcome::cpu_us_per_packet);
            self.figure(&format!("cpu_us_per_packet_{rooms}"), cpu, "us");
        }
        for (name, point) in [
            ("cpu_us_per_packet_relay", (Subject::Relay, 100, 2)),
            (
                "cpu_us_per_packet_relay_plain",
                (Subject::RelayPlain, 100, 2),
            ),
            ("cpu_us_per_packet_janus_80", (Subject::Janus, 80, 2)),
        ] {
            let cpu = self.of(point, Outcome::cpu_us_per_packet);
            self.figure(name, cpu, "us");
        }
        for (name, point, other) in [
            ("cpu_vs_janus", node(80, 2), (Subject::Janus, 80, 2)),
            ("cpu_vs_floor", node(100, 2), (Subject::Relay, 100, 2)),
            (
                "cpu_vs_plain_floor",
                node(100, 2),
                (Subject::RelayPlain, 100, 2),
            ),
            (
                "room_of_4_cpu_vs_floor",
                node(20, 4),
                (Subject::Relay, 20, 4),
            ),
            (
                "room_of_4_cpu_vs_janus",
                node(20, 4),
                (Subject::Janus, 20, 4),
            ),
        ] {
            let ratio = self.ratio(point, other);
            self.figure(name, ratio, "");
        }
        let p99 = self.of(node(100, 2), Outcome::p99_ms);
        self.figure("p99_ms", p99, "ms");
        let kb = self.of(node(100, 2), Outcome::kb_per_room);
        self.figure("kb_per_room", kb, "kB");
        let kb = self.of((Subject::Janus, 80, 2), Outcome::kb_per_room);
        self.figure("kb_per_room_janus", kb, "kB");
    }

    fn capacity(&mut self) -> Result<(), String> {
        // Where the core would be full if every packet cost what it costs below.
        let guess = |share: f64, rooms: usize| (rooms as f64 / share.max(0.01)) as usize;
        let node = guess(self.of((Subject::Node, 250, 2), Outcome::cpu_share), 250);
        let janus = guess(self.of((Subject::Janus, 80, 2), Outcome::cpu_share), 80);
        let effort = (self.effort.knee_runs, self.effort.knee_most);
        let mut knees = BTreeMap::from([
            (Subject::Node, Knee::new(node * 9 / 10, effort.0, effort.1)),
            (
                Subject::Janus,
                Knee::new(janus * 8 / 10, effort.0, effort.1),
            ),
        ]);
        loop {
            let mut is_over = true;
            for subject in [Subject::Janus, Subject::Node] {
                let Some(rooms) = knees[&subject].next() else {
                    continue;
                };
                is_over = false;
                let outcome = self.run((subject, rooms, 2))?;
                // An overloaded server makes clients ask and ask again, so that
                // they fall behind as well; one with time left does not.
                if outcome.is_generators_fault() && !outcome.keeps() && outcome.cpu_share() < 0.9 {
                    self.line("the clients were the limit: this capacity is too low");
                }
                if let Some(knee) = knees.get_mut(&subject) {
                    knee.note(
                        rooms,
                        Verdict {
                            loss: outcome.loss(),
                            p99_ms: outcome.p99_ms(),
                        },
                    );
                }
            }
            if is_over {
                break;
            }
        }
        for (subject, knee) in &knees {
            if !knee.is_decided() {
                let name = subject.name();
                self.line(&format!(
                    "{name}: the edge was not run often enough on both sides"
                ));
            }
        }
        let (node, janus) = (
            knees[&Subject::Node].answer(),
            knees[&Subject::Janus].answer(),
        );
        self.figure("rooms_per_core", node as f64, "rooms");
        self.figure("rooms_per_core_janus", janus as f64, "rooms");
        self.figure("rooms_vs_janus", node as f64 / janus.max(1) as f64, "");
        if let Some(rooms) = self.admitted() {
            self.figure("rooms_admitted", rooms, "rooms");
        }
        let most = self
            .runs
            .iter()
            .map(|run| run.generator)
            .fold(0.0, f64::max);
        self.line(&format!(
            "the generator worked at most {:.0} % of its core",
            most * 100.0
        ));
        Ok(())
    }

    /// The rooms at which the node's worker is so busy that it takes no more.
    fn admitted(&self) -> Option<f64> {
        let mut loads: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for run in &self.runs {
            if run.plan.subject == Subject::Node && run.plan.rooms.people == 2 {
                loads
                    .entry(run.plan.rooms.rooms)
                    .or_default()
                    .push(run.busiest_share());
            }
        }
        let loads: Vec<(f64, f64)> = loads
            .into_iter()
            .map(|(rooms, loads)| (rooms as f64, median(loads)))
            .collect();
        crossing(&loads, ADMITTED)
    }

    /// How much the same measure varied: what a difference must exceed to mean something.
    fn noise(&mut self) {
        for point in POINTS {
            let all = self.all(point, Outcome::cpu_us_per_packet);
            let (least, most) = all.iter().fold((f64::MAX, 0.0_f64), |(least, most), one| {
                (least.min(*one), most.max(*one))
            });
            let others = self.of(point, |run| run.others[0] + run.others[1]) / 2.0;
            self.line(&format!(
                "noise: {:<11} {:>3} rooms of {}: CPU per packet from {least:.2} to {most:.2} us; neighbours had {:.0} % of the cores",
                point.0.name(), point.1, point.2, others * 100.0
            ));
        }
    }
}

/// Where a rising line first reaches a height, between its points.
fn crossing(line: &[(f64, f64)], height: f64) -> Option<f64> {
    line.windows(2).find_map(|ends| {
        let [(from, low), (to, high)] = ends else {
            return None;
        };
        (*low < height && *high >= height)
            .then(|| from + (to - from) * (height - low) / (high - low))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_found_between_two_points() {
        let line = [(10.0, 0.1), (100.0, 0.4), (300.0, 1.0), (310.0, 0.9)];
        let found = crossing(&line, 0.8).unwrap();
        assert!((found - 233.33).abs() < 0.01, "{found}");
        assert_eq!(crossing(&line, 1.1), None);
        assert_eq!(crossing(&[], 0.8), None);
    }
}
