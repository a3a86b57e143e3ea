//! Load generator and capacity benchmark of the media node. README.md tells how
//! it measures and how to read it.

mod arrivals;
mod bench;
mod clients;
mod clock;
mod dtls;
mod generator;
mod histogram;
mod hostile;
mod ice;
mod join;
mod knee;
mod leg;
mod node;
mod publisher;
mod relay;
mod report;
mod run;
mod sdp;
mod server;
mod shape;
mod socket;
mod srtp;
mod subject;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::join::Rooms;
use crate::run::Plan;
use crate::subject::Subject;

/// Load generator and capacity benchmark of the media node.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The whole benchmark; figures on standard output, runs in target/bench.
    Bench {
        /// One round and a rough capacity, in three minutes.
        #[arg(long, env = "BENCH_QUICK", value_parser = clap::builder::BoolishValueParser::new())]
        quick: bool,
    },
    /// One or several runs of one subject, for developing and profiling: with
    /// `--seconds 60` there is time for `perf record -g -p PID`, and PID is printed.
    Run(RunArguments),
    /// The node's memory for each participant in a waiting room.
    Idle,
    /// A media node as production runs it, without admission control.
    Node(node::NodeArguments),
    /// What bystanders notice of a hostile peer.
    Hostile(hostile::HostileArguments),
    /// The relay floor.
    Relay(relay::RelayArguments),
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    /// Against what; several are interleaved.
    #[arg(long, default_value = "node")]
    subject: Vec<Subject>,
    /// Rooms.
    #[arg(long, default_value_t = 100)]
    rooms: usize,
    /// Participants in each room.
    #[arg(long, default_value_t = 2)]
    people: usize,
    /// Length of the measured window.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Runs of each subject.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Participants joining at the same moment.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Speak as soon as connected.
    #[arg(long)]
    speak_at_once: bool,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        What::Node(arguments) => node::run(arguments),
        What::Relay(arguments) => relay::run(&arguments),
        What::Run(arguments) => runs(&arguments),
        What::Idle => idle(),
        What::Hostile(arguments) => prepare().and_then(|()| hostile::run(&arguments)),
        What::Bench { quick } => prepare().and_then(|()| bench::bench(quick)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn prepare() -> Result<(), String> {
    server::pin(server::GENERATOR_CORE)
        .map_err(|error| format!("two cores are needed: {error}"))?;
    // Sleeps of a fraction of a millisecond are meant so.
    nix::sys::prctl::set_timerslack(1_000).map_err(|error| error.to_string())
}

fn runs(arguments: &RunArguments) -> Result<(), String> {
    prepare()?;
    eprintln!("{}", report::HEADER);
    for _ in 0..arguments.runs {
        for subject in &arguments.subject {
            let outcome = run::run(Plan {
                subject: *subject,
                rooms: Rooms {
                    rooms: arguments.rooms,
                    people: arguments.people,
                    at_once: arguments.at_once,
                    waiting: false,
                },
                speak_at_once: arguments.speak_at_once,
                settle: Duration::from_millis(1500),
                measure: Duration::from_secs(arguments.seconds),
            })?;
            eprintln!("{}", report::row(&outcome));
        }
    }
    Ok(())
}

fn idle() -> Result<(), String> {
    prepare()?;
    let kb = run::idle_participant(Rooms {
        rooms: 300,
        people: 2,
        at_once: 16,
        waiting: true,
    })?;
    println!("bench: sfu.kb_per_idle_participant {kb:.1} kB");
    Ok(())
}
