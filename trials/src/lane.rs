//! One call of a run, apart from all others: two participants, each in a
//! namespace behind a link of its own, two nodes, and what is done to them.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use participant::voice::unix_us;
use signaling::protocol::MediaKind;
use signaling::room_document::{Place, Role, RoomDocument, RoomState, Seat};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::namespace::Namespace;
use crate::report::{Listening, Report};
use crate::shaper::Link;
use crate::stage::{Node, Stage};
use crate::weather::Weather;

/// How long a call may take to come back before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the voice must flow both ways for a call to be well.
const WELL_FOR: Duration = Duration::from_millis(1500);
/// A voice heard so lately flows.
const FLOWS_US: u64 = 200_000;

/// What a participant told.
#[derive(Debug, Default)]
struct Told {
    listening: Listening,
    pauses: Vec<(u64, u64)>,
    notes: Vec<(u64, String)>,
}

/// A participant in its namespace.
struct Person {
    namespace: Namespace,
    link: Link,
    told: Arc<Mutex<Told>>,
    input: ChildStdin,
    listening: JoinHandle<()>,
    _process: Child,
    /// The third byte of the address: which network it is in.
    network: u8,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Person {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a trial is made.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The weather of every link.
    pub weather: Weather,
    /// Where chance begins.
    pub seed: u64,
    /// Packets of image in a frame of 1/30 s.
    pub packets_per_frame: u32,
}

/// What a call is put through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordeal {
    /// One participant's network is another one, and nobody says so.
    Address,
    /// Nothing passes between one participant and the world for a while.
    Cut(Duration),
    /// The node is killed, and started again by its supervisor.
    Kill,
    /// The room moves to the other node.
    Move,
}

/// One call.
pub struct Lane {
    room: String,
    number: u8,
    version: u64,
    people: [Person; 2],
    nodes: [Node; 2],
    home: usize,
    trials: u32,
}

const NAMES: [&str; 2] = ["citizen", "officer"];

impl Lane {
    /// Prepares a call; its participants join at once. Lanes count from 0 to 99.
    ///
    /// # Errors
    /// When namespaces, links, nodes or processes cannot be had.
    pub async fn new(
        stage: &Stage,
        number: u8,
        talker: &Path,
        setting: &Setting,
    ) -> io::Result<Self> {
        let room = format!("room{number}");
        let nodes = [stage.node(), stage.node()];
        let people = [
            person(stage, &room, number, 0, talker, setting)?,
            person(stage, &room, number, 1, talker, setting)?,
        ];
        let mut lane = Self {
            room,
            number,
            version: 0,
            people,
            nodes,
            home: 0,
            trials: 0,
        };
        lane.open_at_home(stage).await?;
        Ok(lane)
    }

    /// The next version of the room's document.
    fn document(&mut self, state: RoomState) -> RoomDocument {
        self.version += 1;
        let seat = |me: usize| Seat {
            participant: NAMES[me].into(),
            role: Role::Citizen,
            generation: 1,
            place: Place::In,
            label: NAMES[me].into(),
            publish: vec![MediaKind::Audio, MediaKind::Video],
            hears: vec![NAMES[1 - me].into()],
        };
        RoomDocument {
            room: self.room.as_str().into(),
            version: self.version,
            expires_at_ms: i64::MAX,
            state,
            seats: vec![seat(0), seat(1)],
        }
    }

    /// Opens the room on the node that is its home, and says so to whoever asks.
    async fn open_at_home(&mut self, stage: &Stage) -> io::Result<()> {
        let document = self.document(RoomState::Open);
        let node = &self.nodes[self.home];
        node.running().await?;
        node.hold(Some(document)).await;
        let listen = node.running().await?.listen;
        self.at(stage, Some(listen));
        Ok(())
    }

    fn at(&self, stage: &Stage, listen: Option<std::net::SocketAddr>) {
        stage
            .homes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(self.room.clone(), listen);
    }

    /// Waits until the voice has flowed both ways for a while. False when it does not.
    pub async fn well(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        let mut since = Instant::now();
        while Instant::now() < until {
            sleep(Duration::from_millis(50)).await;
            let now = unix_us();
            let flows = self
                .people
                .iter()
                .all(|person| now.saturating_sub(person.told().listening.heard_us) < FLOWS_US);
            if !flows {
                since = Instant::now();
            } else if since.elapsed() >= WELL_FOR {
                return true;
            }
        }
        false
    }

    /// Puts the call through an ordeal; answers how long the one who missed more
    /// was without the other's voice, and why that may be.
    ///
    /// # Errors
    /// When a program or a process fails.
    pub async fn suffer(&mut self, stage: &Stage, ordeal: Ordeal) -> io::Result<Outcome> {
        for person in &self.people {
            let mut told = person.told();
            told.pauses.clear();
            told.notes.clear();
        }
        // By turns the one and the other.
        let who = usize::from(self.trials % 2 == 1);
        self.trials += 1;
        let mut from_us = unix_us();
        match ordeal {
            Ordeal::Address => change_address(&mut self.people[who], self.number, who)?,
            Ordeal::Cut(length) => {
                self.people[who].link.cut(true);
                sleep(length).await;
                self.people[who].link.cut(false);
                from_us = unix_us();
            }
            Ordeal::Kill => {
                let running = self.nodes[self.home].running().await?;
                self.at(stage, None);
                from_us = unix_us();
                kill(Pid::from_raw(running.pid), Signal::SIGKILL)?;
                let mut ready = self.nodes[self.home].ready.clone();
                let back = ready
                    .wait_for(|ready| ready.is_some_and(|ready| ready.pid != running.pid))
                    .await
                    .map_err(io::Error::other)?
                    .map(|ready| ready.listen);
                self.at(stage, back);
            }
            Ordeal::Move => {
                let former = self.home;
                self.home = 1 - former;
                self.open_at_home(stage).await?;
                // As the service does it: the next version at the former node
                // says that the room is elsewhere.
                let document = self.document(RoomState::Moved);
                from_us = unix_us();
                self.nodes[former].hold(Some(document)).await;
            }
        }
        let well = self.well().await;
        let mut outcome = Outcome {
            well,
            ..Outcome::default()
        };
        for (person, name) in self.people.iter().zip(NAMES) {
            let told = person.told();
            let without_us: u64 = told
                .pauses
                .iter()
                .map(|(from, to)| to.saturating_sub(*from.max(&from_us)))
                .sum();
            outcome.without_ms = outcome.without_ms.max(without_us as f64 / 1000.0);
            outcome.story.extend(told.notes.iter().map(|(at, what)| {
                let after = *at as f64 / 1000.0 - from_us as f64 / 1000.0;
                (after, format!("{name} {what}"))
            }));
            outcome.story.extend(told.pauses.iter().map(|(from, to)| {
                let after = |at: u64| at as f64 / 1000.0 - from_us as f64 / 1000.0;
                (
                    after(*to),
                    format!(
                        "{name} hears again after {:.0} ms",
                        after(*to) - after(*from)
                    ),
                )
            }));
        }
        outcome
            .story
            .sort_by(|(one, _), (two, _)| one.total_cmp(two));
        if !well {
            outcome.without_ms = PATIENCE.as_secs_f64() * 1000.0;
        }
        Ok(outcome)
    }

    /// A hint of the system to a participant, as `online` is to a page.
    ///
    /// # Errors
    /// When its process is gone.
    pub async fn hint(&mut self, who: usize) -> io::Result<()> {
        self.people[who].input.write_all(b"hint\n").await
    }

    /// What each participant heard so far.
    pub fn listening(&self) -> [Listening; 2] {
        [0, 1].map(|who| self.people[who].told().listening.clone())
    }

    /// What the participants told, to explain what went wrong.
    pub fn story(&self) -> String {
        let told = self.people.iter().zip(NAMES).map(|(person, name)| {
            let told = person.told();
            format!("{name}: {:?}\n{:#?}", told.listening, told.notes)
        });
        told.collect::<Vec<_>>().join("\n")
    }

    /// The links of the participants.
    pub fn links(&self) -> [&Link; 2] {
        [&self.people[0].link, &self.people[1].link]
    }
}

/// What came of an ordeal.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Milliseconds without voice, of the one who missed more.
    pub without_ms: f64,
    /// Whether the call came back at all.
    pub well: bool,
    /// What happened, in milliseconds after the beginning.
    pub story: Vec<(f64, String)>,
}

fn person(
    stage: &Stage,
    room: &str,
    number: u8,
    who: usize,
    talker: &Path,
    setting: &Setting,
) -> io::Result<Person> {
    let namespace = Namespace::new(&format!("{number}{}", ["a", "b"][who]))?;
    let device = format!("lane{number}{}", ["a", "b"][who]);
    let seed = setting.seed + u64::from(number) * 4 + who as u64 * 2;
    let link = Link::new(
        (&namespace, "up0"),
        (&stage.namespace, &device),
        setting.weather,
        seed,
    )?;
    let network = who as u8;
    namespace.ip(&["addr", "add", &address(number, network), "dev", "up0"])?;
    namespace.ip(&["route", "add", "default", "dev", "up0"])?;
    // Both networks that the participant will ever be in.
    for network in [network, network + 100] {
        let route = format!("10.{number}.{network}.0/24");
        stage
            .namespace
            .ip(&["route", "add", &route, "dev", &device])?;
    }
    let mut process = Command::new("ip")
        .args(["netns", "exec", namespace.name()])
        .arg(talker)
        .args(["--service", &stage.service.to_string()])
        .args(["--path", &format!("/{room}/{}", NAMES[who])])
        .args([
            "--packets-per-frame",
            &setting.packets_per_frame.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let missing = || io::Error::other("a participant's process has no pipes");
    let input = process.stdin.take().ok_or_else(missing)?;
    let output = process.stdout.take().ok_or_else(missing)?;
    let told = Arc::new(Mutex::new(Told::default()));
    let listening = tokio::spawn(listen(output, Arc::clone(&told)));
    Ok(Person {
        namespace,
        link,
        told,
        input,
        listening,
        _process: process,
        network,
    })
}

fn address(number: u8, network: u8) -> String {
    format!("10.{number}.{network}.2/24")
}

/// The interface loses its address and its route, and gets others.
fn change_address(person: &mut Person, number: u8, who: usize) -> io::Result<()> {
    let former = address(number, person.network);
    person.network = if person.network >= 100 {
        who as u8
    } else {
        who as u8 + 100
    };
    let next = address(number, person.network);
    let namespace = &person.namespace;
    namespace.ip(&["addr", "del", &former, "dev", "up0"])?;
    namespace.ip(&["addr", "add", &next, "dev", "up0"])?;
    namespace.ip(&["route", "replace", "default", "dev", "up0"])
}

async fn listen(output: tokio::process::ChildStdout, told: Arc<Mutex<Told>>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(report) = serde_json::from_str(&line) else {
            eprintln!("trials: a participant said: {line}");
            continue;
        };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::Beat(listening) => told.listening = listening,
            Report::Pause { from_us, to_us } => told.pauses.push((from_us, to_us)),
            Report::Note { at_us, what } => told.notes.push((at_us, what)),
        }
    }
}
