//! Arguments to subcommand; nothing else.

use std::process::ExitCode;

use clap::Parser;
use visioplainte::commands::{Command, run};

/// Lodge a complaint with an officer by video.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

fn main() -> ExitCode {
    run(Arguments::parse().command.unwrap_or(Command::Serve))
}
