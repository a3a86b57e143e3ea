//! One participant as a process, to be run in a network namespace: talks,
//! listens, and prints what it heard until its standard input ends.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use participant::grant::Grants;
use participant::voice::unix_us;
use participant::{Noticed, Participant, Settings, Speech};
use signaling::protocol::MediaKind;
use tokio::io::{AsyncBufReadExt, BufReader};
use trials::report::{Listener, Report};

/// One participant.
#[derive(Parser)]
struct Arguments {
    /// Where tokens are asked for.
    #[arg(long)]
    service: SocketAddr,
    /// Path of the request.
    #[arg(long)]
    path: String,
    /// Packets of image in a frame of 1/30 s.
    #[arg(long, default_value_t = 1)]
    packets_per_frame: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments = Arguments::parse();
    let mut participant = Participant::join(Settings {
        grants: Grants::Service {
            service: arguments.service,
            path: arguments.path,
        },
        bind: SocketAddr::from(([0, 0, 0, 0], 0)),
        speech: Speech {
            packets_per_frame: arguments.packets_per_frame,
        },
    });
    let mut listener = Listener::default();
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            noticed = participant.next() => match noticed {
                Some(Noticed::Heard { kind: MediaKind::Audio, .. }) => {
                    if let Some(pause) = listener.voice(unix_us()) {
                        tell(&pause);
                    }
                }
                Some(Noticed::Heard { kind: MediaKind::Video, words, .. }) => {
                    listener.image(words.number);
                }
                Some(Noticed::Message(_)) => {}
                Some(other) => tell(&Report::Note {
                    at_us: unix_us(),
                    what: format!("{other:?}"),
                }),
                None => return,
            },
            _ = beat.tick() => tell(&listener.beat()),
            order = orders.next_line() => match order {
                // The system's own hint that the network changed.
                Ok(Some(order)) if order == "hint" => participant.hint(),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            },
        }
    }
}

fn tell(report: &Report) {
    match serde_json::to_string(report) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("talker: {error}"),
    }
}
