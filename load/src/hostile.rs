//! A hostile peer in the midst: rooms of two in a call, and beside them, on the
//! same worker, somebody with a valid token who sends everything that hurts.
//!
//! The bystanders' loss and latency are measured without an attack and during
//! each; they are what counts, and the node must live through all of it with
//! bounded memory. Latency is from the real moment of sending to the kernel's
//! moment of receiving, so that the attack's own use of this machine's second
//! core does not count.

mod attacks;
mod intruder;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use self::attacks::Attack;
use self::intruder::Target;
use crate::dtls::Identity;
use crate::generator::Generator;
use crate::join::{Joiner, Rooms};
use crate::run::{begin_joining, wait_until_joined};
use crate::server::drops_at;
use crate::subject::{Entrance, Started, Subject, start};

/// Memory that the node may gain from all attacks together, in kB: what two
/// participants and the queues of their connections may hold, with room to spare.
const MOST_GROWTH_KB: u64 = 65_536;
/// How long what is under way may still come.
const DRAIN: Duration = Duration::from_millis(500);

/// Arguments of the trial.
#[derive(Debug, clap::Args)]
pub struct HostileArguments {
    /// Rooms of bystanders.
    #[arg(long, default_value_t = 20)]
    rooms: usize,
    /// Length of each attack and of each calm, in milliseconds.
    #[arg(long, default_value_t = 5_000)]
    window_ms: u64,
    /// What the attacker does; everything, by default.
    #[arg(long)]
    attack: Vec<Attack>,
    /// Datagrams a second of each attack that sends datagrams.
    #[arg(long, default_value_t = 6_000)]
    rate: u32,
}

/// What the bystanders noticed.
struct Noticed {
    expected: u64,
    lost: u64,
    p99_ms: f64,
    /// Datagrams that the kernel dropped: at the generator, at the node.
    drops: [u64; 2],
    rss_kb: u64,
    sent: u64,
}

impl Noticed {
    fn loss(&self) -> f64 {
        self.lost as f64 / self.expected.max(1) as f64
    }
}

/// Runs the trial; fails when the node fell, a bystander was cut off, or memory grew.
pub fn run(arguments: &HostileArguments) -> Result<(), String> {
    let rooms = Rooms {
        rooms: arguments.rooms,
        people: 2,
        at_once: 8,
        waiting: false,
    };
    let identity = Identity::new().map_err(|error| error.to_string())?;
    let (commands, inbox) = channel();
    let fingerprint = identity.fingerprint.clone();
    let mut generator =
        Generator::new(identity, inbox, false).map_err(|error| error.to_string())?;
    let mut started = start(Subject::Node, rooms, &generator.ports())?;
    let joiner = Joiner {
        commands,
        ports: generator.ports(),
        fingerprint,
        shutdown: CancellationToken::new(),
    };
    let shutdown = joiner.shutdown.clone();
    let (signaling, joined) = begin_joining(&started, rooms, joiner, &mut generator)?;
    let done = wait_until_joined(&mut generator, &mut started, &joined, Instant::now())
        .and_then(|()| trial(arguments, &mut generator, &mut started));
    shutdown.cancel();
    started.server.stop();
    drop(generator);
    let _ = signaling.join();
    done
}

fn trial(
    arguments: &HostileArguments,
    generator: &mut Generator,
    started: &mut Started,
) -> Result<(), String> {
    let Entrance::Node(listen, key) = &started.entrance else {
        return Err("only the node is attacked".to_owned());
    };
    let (listen, key) = (*listen, Arc::clone(key));
    generator.clients.speak();
    generator
        .run_for(Duration::from_secs(1))
        .map_err(|error| error.to_string())?;
    let window = Duration::from_millis(arguments.window_ms);
    eprintln!("attack         sent      loss %  lost  p99 ms  drops here/node  node kB");
    let mut calm = watch(generator, started, window, None)?;
    row("none", &calm);
    let attacks = if arguments.attack.is_empty() {
        Attack::ALL.to_vec()
    } else {
        arguments.attack.clone()
    };
    let (mut worst_ratio, mut worst_loss, mut most_kb) = (0.0_f64, 0.0_f64, calm.rss_kb);
    for attack in attacks {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let target = Target {
            listen,
            key: Arc::clone(&key),
            rate: arguments.rate,
            stop: Arc::clone(&stop),
            sent: Arc::clone(&sent),
        };
        let attacker = std::thread::Builder::new()
            .name("attacker".to_owned())
            .spawn(move || attacks::run(attack, &target))
            .map_err(|error| error.to_string())?;
        // The attack begins once the attacker has come in.
        let begun = Instant::now();
        while sent.load(Ordering::Relaxed) == 0 && begun.elapsed() < Duration::from_secs(20) {
            generator
                .run_for(Duration::from_millis(5))
                .map_err(|error| error.to_string())?;
        }
        let noticed = watch(generator, started, window, Some(&sent));
        stop.store(true, Ordering::Relaxed);
        while !attacker.is_finished() {
            generator
                .run_for(Duration::from_millis(5))
                .map_err(|error| error.to_string())?;
        }
        let attacked = attacker
            .join()
            .map_err(|_| format!("{attack:?} could not be carried out"))?;
        let noticed = noticed.map_err(|error| format!("{attack:?}: {error}"))?;
        row(&format!("{attack:?}"), &noticed);
        attacked.map_err(|error| format!("{attack:?}: {error}"))?;
        if noticed.sent == 0 {
            return Err(format!("{attack:?} sent nothing, which shows nothing"));
        }
        worst_ratio = worst_ratio.max(noticed.p99_ms / calm.p99_ms.max(0.001));
        worst_loss = worst_loss.max(noticed.loss());
        most_kb = most_kb.max(noticed.rss_kb);
    }
    let after = watch(generator, started, window, None)?;
    row("none", &after);
    if after.loss() > calm.loss() {
        // Two calms say what the machine itself loses.
        calm = after;
    }
    println!("bench: sfu.bystander_p99_ratio {worst_ratio:.2} ratio");
    println!("bench: sfu.bystander_loss {worst_loss:.5} share");
    println!("bench: sfu.bystander_loss_calm {:.5} share", calm.loss());
    println!(
        "bench: sfu.attacked_growth {} kB",
        most_kb.saturating_sub(calm.rss_kb.min(most_kb))
    );
    if most_kb.saturating_sub(calm.rss_kb) > MOST_GROWTH_KB {
        return Err(format!(
            "the node grew from {} kB to {most_kb} kB",
            calm.rss_kb
        ));
    }
    Ok(())
}

fn row(name: &str, noticed: &Noticed) {
    eprintln!(
        "{name:<12} {:>7} {:>9.4} {:>5} {:>7.2} {:>16} {:>8}",
        noticed.sent,
        noticed.loss() * 100.0,
        noticed.lost,
        noticed.p99_ms,
        format!("{}/{}", noticed.drops[0], noticed.drops[1]),
        noticed.rss_kb,
    );
}

/// One window. Every bystander must hear the other one in it.
fn watch(
    generator: &mut Generator,
    started: &mut Started,
    window: Duration,
    sent: Option<&AtomicU64>,
) -> Result<Noticed, String> {
    let failed = |error: std::io::Error| error.to_string();
    let sent_now = || sent.map_or(0, |sent| sent.load(Ordering::Relaxed));
    let ports = generator.ports();
    let drops = |started: &Started| [drops_at(ports.all()), drops_at(&started.udp_ports)];
    let (before, sent_before) = (drops(started), sent_now());
    generator.clients.open_window();
    generator.run_for(window).map_err(failed)?;
    let counted = generator.clients.close_window();
    let used = started.server.usage();
    let sent = sent_now() - sent_before;
    generator.run_for(DRAIN).map_err(failed)?;
    if !started.server.lives() {
        return Err("the node fell".to_owned());
    }
    if let Some(deaf) = generator.clients.deaf_since_window() {
        let measured = generator.clients.measured();
        return Err(format!(
            "bystander {deaf} heard nothing; all heard {} of {counted:?}, and {} repaired",
            measured.came, measured.repaired
        ));
    }
    let measured = generator.clients.measured();
    let after = drops(started);
    let expected: u64 = counted.iter().sum();
    Ok(Noticed {
        expected,
        lost: expected.saturating_sub(measured.came + measured.repaired),
        p99_ms: measured.latency.quantile_ms(0.99),
        drops: [0, 1].map(|at| after[at].saturating_sub(before[at])),
        rss_kb: used.rss_kb,
        sent,
    })
}
