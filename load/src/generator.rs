//! The generator: every client of a run on one thread.
//!
//! It works in ticks, as a network card does that gathers interrupts: what is
//! due is sent, what came is received, and then it sleeps. It never waits *on* a
//! socket, so the server pays for its own sending and not for waking us; when a
//! packet came is the kernel's word.

use std::io;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::clients::{Clients, Command};
use crate::clock::unix_ns;
use crate::dtls::Identity;
use crate::socket::{BATCH, BatchSocket};

/// How long interrupts are gathered.
const TICK: Duration = Duration::from_micros(200);
/// Several, for the room in their receive buffers.
const SOCKETS: usize = 8;
/// Batches taken from one socket in a tick.
const BATCHES: usize = 16;
/// Datagrams gathered before they are sent; sending times must not lie.
const GATHERED: usize = 32;

/// The thread's sockets and clients.
pub struct Generator {
    sockets: Vec<BatchSocket>,
    ports: Vec<u16>,
    commands: Receiver<Command>,
    /// The clients.
    pub clients: Clients,
    batch: Vec<Bytes>,
}

/// The place of a leg's socket and port.
fn socket_of(leg: usize) -> usize {
    leg % SOCKETS
}

/// The ports that legs send from, to be told to servers.
#[derive(Clone)]
pub struct Ports(Vec<u16>);

impl Ports {
    /// Of one leg.
    pub fn of(&self, leg: usize) -> u16 {
        self.0[socket_of(leg)]
    }

    /// All of them, by turns.
    pub fn all(&self) -> &[u16] {
        &self.0
    }
}

impl Generator {
    /// With no client yet; participants may speak as soon as they are connected.
    pub fn new(
        identity: Identity,
        commands: Receiver<Command>,
        speaks_at_once: bool,
    ) -> io::Result<Self> {
        let mut sockets = Vec::new();
        let mut ports = Vec::new();
        for _ in 0..SOCKETS {
            let socket = BatchSocket::for_many_clients()?;
            ports.push(socket.local_address()?.port());
            sockets.push(socket);
        }
        Ok(Self {
            sockets,
            ports,
            commands,
            clients: Clients::new(identity, speaks_at_once),
            batch: Vec::new(),
        })
    }

    /// Where legs send from.
    pub fn ports(&self) -> Ports {
        Ports(self.ports.clone())
    }

    /// Goes on for so long.
    pub fn run_for(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.tick()?;
        }
        Ok(())
    }

    /// One tick; it takes longer than its interval only when there is too much to do.
    pub fn tick(&mut self) -> io::Result<()> {
        let began_ns = unix_ns();
        while let Ok(Command::Connect(plan)) = self.commands.try_recv() {
            self.clients.begin(*plan);
        }
        while self.clients.act_if_due(began_ns) {
            if self.clients.out.len() >= GATHERED {
                self.send();
            }
        }
        self.send();
        for index in 0..SOCKETS {
            for _ in 0..BATCHES {
                let clients = &mut self.clients;
                let count = self.sockets[index].receive(|arrival| clients.take(arrival))?;
                if count < BATCH {
                    break;
                }
            }
        }
        let ports = &self.ports;
        self.clients.connect(began_ns, |leg| ports[socket_of(leg)]);
        self.clients.ask(began_ns);
        self.send();
        let spent = Duration::from_nanos(unix_ns().saturating_sub(began_ns));
        if let Some(rest) = TICK.checked_sub(spent) {
            std::thread::sleep(rest);
        }
        Ok(())
    }

    /// Sends what clients have ready: neighbours of the same leg in one call.
    fn send(&mut self) {
        let mut out = std::mem::take(&mut self.clients.out);
        let mut waiting = out.drain(..).peekable();
        while let Some((leg, datagram)) = waiting.next() {
            self.batch.push(datagram);
            if waiting.peek().is_some_and(|(next, _)| *next == leg) {
                continue;
            }
            if let Some((from, to)) = self.clients.route(leg) {
                let taken = self.sockets[socket_of(leg)].send_from(from, to, &self.batch);
                self.clients.counts.unsent += (self.batch.len() - taken) as u64;
            }
            self.batch.clear();
        }
        drop(waiting);
        self.clients.out = out;
    }
}
