//! A server under measure: a process of its own on a core of its own, and what
//! the kernel says of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The server's core.
pub const SERVER_CORE: usize = 0;
/// The generator's core.
pub const GENERATOR_CORE: usize = 1;
/// How long a server may take to stop by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// Keeps the calling thread, and what it starts from now on, on one core.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
}

/// A running server.
pub struct Server {
    child: Child,
}

/// Work and memory of a process.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// The work of each thread, by its number.
    threads: BTreeMap<String, Duration>,
    /// Resident memory.
    pub rss_kb: u64,
}

impl Usage {
    /// The work since an earlier look: of all threads, and of the busiest one.
    pub fn since(&self, before: &Self) -> (Duration, Duration) {
        let worked = self.threads.iter().map(|(thread, spent)| {
            spent.saturating_sub(before.threads.get(thread).copied().unwrap_or_default())
        });
        (worked.clone().sum(), worked.max().unwrap_or_default())
    }
}

impl Server {
    /// Starts a program on the server's core, from a thread of the generator's.
    pub fn start(mut command: Command) -> io::Result<Self> {
        pin(SERVER_CORE)?;
        let child = command.stdin(Stdio::null()).spawn();
        pin(GENERATOR_CORE)?;
        Ok(Self { child: child? })
    }

    /// Starts a program that prints one line once it is ready; answers the line.
    pub fn start_and_read(mut command: Command) -> io::Result<(Self, String)> {
        command.stdout(Stdio::piped());
        let mut server = Self::start(command)?;
        let mut line = String::new();
        if let Some(output) = server.child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        Ok((server, line.trim().to_owned()))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it used so far.
    pub fn usage(&self) -> Usage {
        let process = Path::new("/proc").join(self.pid().to_string());
        let mut usage = Usage::default();
        for task in fs::read_dir(process.join("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            // Threads may end meanwhile.
            let schedstat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let on_cpu = schedstat.split(' ').next().and_then(|ns| ns.parse().ok());
            let spent = Duration::from_nanos(on_cpu.unwrap_or_default());
            let thread = task.file_name().to_string_lossy().into_owned();
            usage.threads.insert(thread, spent);
        }
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        usage.rss_kb = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or_default();
        usage
    }

    /// Stops it, politely first.
    pub fn stop(mut self) {
        let _ = kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGTERM);
        let end = Instant::now() + FAREWELL;
        while self.lives() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a core did since the system started, in the kernel's ticks.
#[derive(Debug, Clone, Copy, Default)]
pub struct CoreTicks {
    busy: u64,
    stolen: u64,
    all: u64,
}

impl CoreTicks {
    /// Of one core, now.
    pub fn of(core: usize) -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let name = format!("cpu{core} ");
        let Some(rest) = stat.lines().find_map(|line| line.strip_prefix(&name)) else {
            return Self::default();
        };
        let ticks: Vec<u64> = rest
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal
        let at = |index: usize| ticks.get(index).copied().unwrap_or_default();
        let idle = at(3) + at(4);
        let all = (0..8).map(at).sum();
        Self {
            busy: all - idle,
            stolen: at(7),
            all,
        }
    }

    /// Shares of busy and stolen time since an earlier look.
    pub fn since(self, before: Self) -> (f64, f64) {
        let all = (self.all - before.all).max(1) as f64;
        let share = |now: u64, before: u64| now.saturating_sub(before) as f64 / all;
        (
            share(self.busy, before.busy),
            share(self.stolen, before.stolen),
        )
    }
}

/// Datagrams that found no room in the buffer of a UDP port of this machine.
pub fn drops_at(ports: &[u16]) -> u64 {
    let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let port = fields.get(1)?.split(':').nth(1)?;
            let port = u16::from_str_radix(port, 16).ok()?;
            ports
                .contains(&port)
                .then(|| fields.last()?.parse::<u64>().ok())?
        })
        .sum()
}
