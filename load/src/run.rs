//! One run: a fresh server, everybody in, some seconds of media, the figures.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::clients::{Counts, Measured};
use crate::clock::{ms, thread_cpu};
use crate::dtls::Identity;
use crate::generator::{Generator, Ports};
use crate::join::{self, Joiner, Rooms};
use crate::knee::Verdict;
use crate::leg::Protection;
use crate::server::{CoreTicks, GENERATOR_CORE, SERVER_CORE, Usage, drops_at};
use crate::srtp::Srtp;
use crate::subject::{Entrance, Started, Subject, start};

/// Everybody must be in by then.
const JOINING: Duration = Duration::from_secs(90);
/// How long packets under way may still come after the window is closed.
const DRAIN: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Against what.
    pub subject: Subject,
    /// Who joins.
    pub rooms: Rooms,
    /// Whether participants speak as soon as they are connected.
    pub speak_at_once: bool,
    /// From the first packet to the window.
    pub settle: Duration,
    /// The window.
    pub measure: Duration,
}

/// What came of it.
#[derive(Clone)]
pub struct Outcome {
    /// What was run.
    pub plan: Plan,
    /// How long joining took.
    pub joining: Duration,
    /// Milliseconds from an offer to the first media, of those who joined others.
    pub join_ms: Vec<f64>,
    /// Deliveries that should have been.
    pub expected: u64,
    /// The generator's measure.
    pub measured: Measured,
    /// Streams of which nothing came at all: sound, image.
    pub silent: [usize; 2],
    /// What was counted in the window.
    pub counts: Counts,
    /// The server's work in the window.
    pub cpu: Duration,
    /// That of its busiest thread.
    pub busiest_thread: Duration,
    /// The window's real length.
    pub window: Duration,
    /// The server's memory before anybody joined, and at the end of the window.
    pub rss_kb: [u64; 2],
    /// The generator thread's share of its core.
    pub generator: f64,
    /// What else the two cores did, as shares: neighbours' noise.
    pub others: [f64; 2],
    /// Time that the machine was not given, as a share of both cores.
    pub stolen: f64,
    /// Datagrams that found no room at the generator, and at the server where known.
    pub drops: [u64; 2],
}

impl Outcome {
    /// Share of packets that did not come at their first sending.
    pub fn loss(&self) -> f64 {
        share(
            self.expected.saturating_sub(self.measured.came),
            self.expected,
        )
    }

    /// Share of packets that did not come at all.
    pub fn loss_after_repair(&self) -> f64 {
        let came = self.measured.came + self.measured.repaired;
        share(self.expected.saturating_sub(came), self.expected)
    }

    /// 99 of 100 packets came within so many milliseconds.
    pub fn p99_ms(&self) -> f64 {
        self.measured.latency.quantile_ms(0.99)
    }

    /// Server microseconds for each delivered packet.
    pub fn cpu_us_per_packet(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.counts.received.max(1) as f64
    }

    /// The server's share of its core.
    pub fn cpu_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.window.as_secs_f64()
    }

    /// The busiest thread's share of the core.
    pub fn busiest_share(&self) -> f64 {
        self.busiest_thread.as_secs_f64() / self.window.as_secs_f64()
    }

    /// Memory that came with each room.
    pub fn kb_per_room(&self) -> f64 {
        self.rss_kb[1].saturating_sub(self.rss_kb[0]) as f64 / self.plan.rooms.rooms as f64
    }

    /// Whether the server kept what it must: the criterion of capacity.
    pub fn keeps(&self) -> bool {
        Verdict {
            loss: self.loss(),
            p99_ms: self.p99_ms(),
        }
        .keeps()
    }

    /// Whether the generator was the limit, so that the run says nothing.
    pub fn is_generators_fault(&self) -> bool {
        self.drops[0] > 0
            || self.counts.unsent > 0
            || self.generator > 0.95
            || self.measured.lateness.quantile_ms(0.99) > 5.0
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Runs it.
pub fn run(plan: Plan) -> Result<Outcome, String> {
    let identity = Identity::new().map_err(|error| error.to_string())?;
    let (commands, inbox) = channel();
    let fingerprint = identity.fingerprint.clone();
    let mut generator =
        Generator::new(identity, inbox, plan.speak_at_once).map_err(|error| error.to_string())?;
    let mut started = start(plan.subject, plan.rooms, &generator.ports())?;
    let empty = started.server.usage();
    let joiner = Joiner {
        commands,
        ports: generator.ports(),
        fingerprint,
        shutdown: CancellationToken::new(),
    };
    let shutdown = joiner.shutdown.clone();
    let began = Instant::now();
    let (signaling, joined) = begin_joining(&started, plan.rooms, joiner, &mut generator)?;
    let outcome = wait_until_joined(&mut generator, &mut started, &joined, began)
        .and_then(|()| measure(plan, &mut generator, &mut started, empty, began.elapsed()));
    shutdown.cancel();
    started.server.stop();
    drop(generator);
    let _ = signaling.join();
    outcome
}

/// Whether everybody is in.
pub type Joined = Receiver<Result<(), String>>;

/// Lets everybody come in, on a thread of its own.
pub fn begin_joining(
    started: &Started,
    rooms: Rooms,
    joiner: Joiner,
    generator: &mut Generator,
) -> Result<(std::thread::JoinHandle<()>, Joined), String> {
    let (done, joined) = channel();
    let shutdown = joiner.shutdown.clone();
    let join: std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>> =
        match &started.entrance {
            Entrance::Node(listen, key) => {
                Box::pin(join::node::join(*listen, key.clone(), rooms, joiner))
            }
            Entrance::Janus(listen) => Box::pin(join::janus::join(*listen, rooms, joiner)),
            Entrance::Relay(address, srtp) => {
                add_floor_legs(generator, *address, rooms, *srtp)?;
                Box::pin(std::future::ready(Ok(())))
            }
        };
    let thread = std::thread::Builder::new()
        .name("signaling".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else {
                let _ = done.send(Err("no runtime".to_owned()));
                return;
            };
            runtime.block_on(async {
                let _ = done.send(join.await);
                shutdown.cancelled().await;
            });
        })
        .map_err(|error| error.to_string())?;
    Ok((thread, joined))
}

fn add_floor_legs(
    generator: &mut Generator,
    relay: SocketAddr,
    rooms: Rooms,
    srtp: bool,
) -> Result<(), String> {
    let SocketAddr::V4(relay) = relay else {
        return Err("the relay is not on IPv4".to_owned());
    };
    for leg in 0..rooms.everyone() {
        let protection = if srtp {
            let keys = Srtp::for_floor(leg, true).map_err(|error| error.to_string())?;
            Protection::Srtp(Box::new(keys))
        } else {
            Protection::Plain
        };
        generator.clients.add_floor_leg(
            leg,
            SocketAddrV4::new(*relay.ip(), relay.port()),
            protection,
        );
    }
    Ok(())
}

/// Goes on until everybody is in.
pub fn wait_until_joined(
    generator: &mut Generator,
    started: &mut Started,
    joined: &Joined,
    began: Instant,
) -> Result<(), String> {
    loop {
        match joined.try_recv() {
            Ok(outcome) => return outcome,
            Err(TryRecvError::Disconnected) => return Err("signaling ended".to_owned()),
            Err(TryRecvError::Empty) => {}
        }
        if began.elapsed() > JOINING {
            return Err(format!("not everybody was in after {JOINING:?}"));
        }
        if !started.server.lives() {
            return Err("the server ended while clients joined".to_owned());
        }
        generator
            .run_for(Duration::from_millis(5))
            .map_err(|error| error.to_string())?;
    }
}

fn measure(
    plan: Plan,
    generator: &mut Generator,
    started: &mut Started,
    empty: Usage,
    joining: Duration,
) -> Result<Outcome, String> {
    let failed = |error: std::io::Error| error.to_string();
    generator.clients.speak();
    generator.run_for(plan.settle).map_err(failed)?;

    let cores = || [SERVER_CORE, GENERATOR_CORE].map(CoreTicks::of);
    let ports = generator.ports();
    let drops = |started: &Started| [drops_at(ports.all()), drops_at(&started.udp_ports)];
    let drops_before = drops(started);
    let before = generator.clients.counts.clone();
    let (cores_before, thread_before) = (cores(), thread_cpu());
    let (usage_before, opened) = (started.server.usage(), Instant::now());
    generator.clients.open_window();
    generator.run_for(plan.measure).map_err(failed)?;
    let counted = generator.clients.close_window();
    let (usage, window) = (started.server.usage(), opened.elapsed());
    let (cores_after, thread_after) = (cores(), thread_cpu());
    let counts = generator.clients.counts.since(&before);
    generator.run_for(DRAIN).map_err(failed)?;
    if !started.server.lives() {
        return Err("the server ended during the measure".to_owned());
    }
    let drops_after = drops(started);

    let streams = plan.rooms.everyone() * (plan.rooms.people - 1);
    let silent = generator
        .clients
        .heard_streams()
        .map(|heard| streams.saturating_sub(heard));
    let (cpu, busiest_thread) = usage.since(&usage_before);
    let seconds = window.as_secs_f64();
    let own = [
        cpu.as_secs_f64() / seconds,
        (thread_after - thread_before).as_secs_f64() / seconds,
    ];
    let busy = [0, 1].map(|at| cores_after[at].since(cores_before[at]));
    Ok(Outcome {
        plan,
        joining,
        join_ms: if plan.speak_at_once {
            join_times(generator)
        } else {
            Vec::new()
        },
        expected: counted.iter().sum::<u64>() * (plan.rooms.people as u64 - 1),
        measured: generator.clients.measured(),
        silent,
        counts,
        cpu,
        busiest_thread,
        window,
        rss_kb: [empty.rss_kb, usage.rss_kb],
        generator: own[1],
        others: [0, 1].map(|at| (busy[at].0 - own[at]).max(0.0)),
        stolen: (busy[0].1 + busy[1].1) / 2.0,
        drops: [0, 1].map(|at| drops_after[at].saturating_sub(drops_before[at])),
    })
}

/// From the server's description to the first media, of the legs where somebody
/// spoke already.
fn join_times(generator: &Generator) -> Vec<f64> {
    generator
        .clients
        .legs()
        .filter(|leg| leg.timed)
        .filter_map(|leg| Some(leg.first_media_ns?.saturating_sub(leg.described_ns)))
        .map(|took| took as f64 / ms(1) as f64)
        .collect()
}

/// Memory that each waiting participant costs, in kB.
pub fn idle_participant(rooms: Rooms) -> Result<f64, String> {
    let identity = Identity::new().map_err(|error| error.to_string())?;
    let (commands, inbox) = channel();
    let fingerprint = identity.fingerprint.clone();
    let mut generator =
        Generator::new(identity, inbox, false).map_err(|error| error.to_string())?;
    let ports: Ports = generator.ports();
    let mut started = start(Subject::Node, rooms, &ports)?;
    let empty = started.server.usage();
    let joiner = Joiner {
        commands,
        ports,
        fingerprint,
        shutdown: CancellationToken::new(),
    };
    let shutdown = joiner.shutdown.clone();
    let (signaling, joined) = begin_joining(&started, rooms, joiner, &mut generator)?;
    let waited = wait_until_joined(&mut generator, &mut started, &joined, Instant::now());
    let full = started.server.usage();
    shutdown.cancel();
    started.server.stop();
    let _ = signaling.join();
    waited?;
    Ok(full.rss_kb.saturating_sub(empty.rss_kb) as f64 / rooms.everyone() as f64)
}
