//! The control of the media nodes: which node carries which room, pushing every
//! live room's document there, again after each change and each reconnection,
//! and writing down the facts that come back. Losing a connection loses nothing:
//! the next one starts from the whole truth on both sides.
//!
//! Every process of the service does all of this; they agree in the database
//! (`nodes.rs`) and nowhere else.

mod facts;
mod link;
pub mod nodes;
mod placement;
mod quality;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use signaling::room_document::{self, NodeStatus, RoomDocument, ServiceMessage};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use self::link::examine;
use self::nodes::{LiveRoom, NodeRow, NodeState};
use self::placement::Standing;
use super::{Hearing, RoomState, orphans, room_document, store, tell};
use crate::app::App;
use crate::audit::Actor;
use crate::booking;
use crate::booking::meeting_link::OVERRUN_MINUTES;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::media::LEASE;

/// Rooms are compared with the database this often besides every notice, so
/// that a change made by another process is seen too.
const RECONCILE: Duration = Duration::from_secs(1);
/// A lease is renewed when it is this old, in milliseconds.
const RENEW_MS: i64 = 900;
/// How long after the end of a call its last facts may come.
const SETTLED_SECONDS: i64 = 5;
/// Rooms of appointments that ended longer ago than this are forgotten.
const FORGET_MINUTES: i64 = 120;
/// How long a page's token waits for a node to be ready for its seat. The page
/// tries again by itself if that is too short.
const PLACE_WITHIN: Duration = Duration::from_secs(2);

/// Controls the media nodes until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut notices = app.live.listen();
    let mut tick = tokio::time::interval(RECONCILE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut director = Director::new();
    let mut linked = BTreeSet::new();
    let stopped = shutdown.child_token();
    let _stop_links = stopped.clone().drop_guard();
    loop {
        let names: Vec<String> = app.media.nodes().borrow().keys().cloned().collect();
        for name in names {
            if linked.insert(name.clone()) {
                tokio::spawn(link::keep(app.clone(), name, stopped.clone()));
            }
        }
        if let Err(fault) = director.look(&app).await {
            tracing::error!(%fault, "media control: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = app.media.stirred() => {}
            _ = tick.tick() => {}
            () = a_hearing_changed(&mut notices) => {}
        }
    }
}

/// Waits for a notice about an appointment, and takes the others that are there.
async fn a_hearing_changed(notices: &mut tokio::sync::broadcast::Receiver<String>) {
    loop {
        match notices.recv().await {
            Ok(topic) if topic.starts_with("appointment/") => break,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => break,
            // The notice board lives as long as the process.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
    while !matches!(
        notices.try_recv(),
        Err(TryRecvError::Empty | TryRecvError::Closed)
    ) {}
}

/// Waits a moment until a node follows a hearing's room, and gives its name: a
/// page that was just given a seat would otherwise be told that it has none.
/// None when no node has a place for it.
///
/// # Errors
/// When the database fails.
pub async fn place_of(app: &App, hearing: &Hearing) -> Result<Option<String>, Fault> {
    let mut known = app.media.nodes();
    if known.borrow().is_empty() {
        return Ok(None);
    }
    let deadline = tokio::time::Instant::now() + PLACE_WITHIN;
    loop {
        let node = {
            let mut tx = app.db.read().await?;
            nodes::find_node_of(&mut tx, &hearing.appointment_id).await?
        };
        let (follows, takes) = {
            let known = known.borrow_and_update();
            let node = node.as_ref().and_then(|node| known.get(node));
            let node = node.filter(|node| node.is_heard());
            let held = node.and_then(|node| node.follows.get(&hearing.room).copied());
            (
                held.is_some_and(|held| held >= hearing.version),
                node.is_some_and(|node| !node.refuses(&hearing.room)),
            )
        };
        if follows {
            return Ok(node);
        }
        // Another process may be the one that gives the room to a node.
        let look_again = tokio::time::Instant::now() + Duration::from_millis(250);
        tokio::select! {
            _ = known.changed() => {}
            () = tokio::time::sleep_until(look_again.min(deadline)) => {}
        }
        if tokio::time::Instant::now() >= deadline {
            // A node that is slow to follow is found out at its door, where
            // the page waits.
            return Ok(node.filter(|_| takes));
        }
    }
}

/// Looks again and again, and makes what is into what should be.
struct Director {
    looked_at: Instant,
    /// Until then no node is taken for lost: this process has just begun to
    /// listen, or was itself away.
    patient_until: Instant,
    /// The rooms whose quality is on record.
    recorded: HashSet<String>,
}

impl Director {
    fn new() -> Self {
        let now = Instant::now();
        Director {
            looked_at: now,
            patient_until: now + LEASE,
            recorded: HashSet::new(),
        }
    }

    async fn look(&mut self, app: &App) -> Result<(), Fault> {
        if self.looked_at.elapsed() > 2 * RECONCILE {
            self.patient_until = Instant::now() + LEASE;
        }
        self.looked_at = Instant::now();
        let patient = self.looked_at < self.patient_until;

        let now = app.clock.now();
        let heard = heard(app);
        let since = now.plus_minutes(-FORGET_MINUTES);
        orphans::give_up(app, since, now).await?;
        let (rows, mut live) = {
            let mut tx = app.db.read().await?;
            (
                nodes::list_nodes(&mut tx).await?,
                nodes::list_live(&mut tx, since).await?,
            )
        };
        let any_open = live.iter().any(|room| room.is_open());
        let renewals: Vec<(&String, NodeState)> = heard
            .iter()
            .map(|(name, status)| (name, state_of(status)))
            .filter(|(name, state)| {
                let row = rows.iter().find(|row| row.name == **name);
                row.is_none_or(|row| {
                    let old = now.0 - row.heard_at.0 >= RENEW_MS;
                    row.state != *state || (any_open && old)
                })
            })
            .collect();
        let moves = moves(app, &rows, &heard, &live, patient, now);
        if !renewals.is_empty() || !moves.is_empty() {
            let mut moved = Vec::new();
            let mut tx = app.db.begin().await?;
            for (name, state) in renewals {
                nodes::mark_heard(&mut tx, name, state, now).await?;
            }
            for (room, node) in moves {
                if give(&mut tx, &room, &node, now).await? {
                    moved.push((room, node));
                }
            }
            live = nodes::list_live(&mut tx, since).await?;
            tx.commit().await?;
            for (room, node) in moved {
                room.log_given(&node);
                if room.node.is_some() {
                    app.metrics.moved();
                }
                if let Some(appointment) = find(app, &room.hearing.appointment_id).await? {
                    tell(app, &appointment);
                }
            }
        }
        push(app, &live).await?;
        self.record(app, &live, now).await
    }

    /// Makes the records of the calls that are over, a moment after their last facts.
    async fn record(&mut self, app: &App, live: &[LiveRoom], now: Timestamp) -> Result<(), Fault> {
        self.recorded
            .retain(|room| live.iter().any(|other| other.hearing.room == *room));
        let over = live
            .iter()
            .filter(|room| room.is_over_since(now.plus_seconds(-SETTLED_SECONDS)));
        for room in over {
            let name = &room.hearing.room;
            if !self.recorded.insert(name.clone()) {
                continue;
            }
            let mut tx = app.db.begin().await?;
            let roles = quality::record(&mut tx, &room.hearing.appointment_id, name, now).await?;
            tx.commit().await?;
            if roles > 0 {
                tracing::info!(
                    room = name,
                    roles,
                    "the quality of room {name} is on record"
                );
            }
        }
        Ok(())
    }
}

impl LiveRoom {
    fn is_open(&self) -> bool {
        self.hearing.state != RoomState::Ended
    }

    /// Whether the room ended, by somebody's hand or by its time, before an instant.
    fn is_over_since(&self, then: Timestamp) -> bool {
        let by_time = self.ends_at.plus_minutes(OVERRUN_MINUTES);
        self.hearing.ended_at.unwrap_or(by_time).min(by_time) < then
    }

    fn log_given(&self, node: &str) {
        let room = self.hearing.room.as_str();
        match &self.node {
            None => tracing::info!(room, node, "room {room} is on node {node}"),
            Some(former) => {
                tracing::warn!(room, node, former, "room {room} moves to node {node}");
            }
        }
    }
}

/// Gives a room to a node, and notes it when it was on another.
async fn give(tx: &mut Tx, room: &LiveRoom, node: &str, now: Timestamp) -> Result<bool, Fault> {
    let id = &room.hearing.appointment_id;
    let given = nodes::give(tx, id, room.node.as_deref(), node, now).await?;
    if given && room.node.is_some() {
        store::insert_event(tx, id, None, "media_moved", now, None, &Actor::System).await?;
    }
    Ok(given)
}

async fn find(app: &App, id: &Id) -> Result<Option<booking::Appointment>, Fault> {
    let mut tx = app.db.read().await?;
    booking::find(&mut tx, id).await
}

/// The nodes that this process hears, and what they last said.
fn heard(app: &App) -> BTreeMap<String, NodeStatus> {
    let known = app.media.nodes();
    let known = known.borrow();
    known
        .iter()
        .filter(|(_, node)| node.is_heard())
        .filter_map(|(name, node)| Some((name.clone(), node.heard.as_ref()?.1.clone())))
        .collect()
}

fn state_of(status: &NodeStatus) -> NodeState {
    match status.state {
        room_document::NodeState::Ready => NodeState::Ready,
        room_document::NodeState::Draining => NodeState::Draining,
    }
}

/// Which rooms should be on another node than they are, and on which.
fn moves(
    app: &App,
    rows: &[NodeRow],
    heard: &BTreeMap<String, NodeStatus>,
    live: &[LiveRoom],
    patient: bool,
    now: Timestamp,
) -> Vec<(LiveRoom, String)> {
    let names: BTreeSet<&str> = rows
        .iter()
        .map(|row| row.name.as_str())
        .chain(heard.keys().map(String::as_str))
        .collect();
    let standing = |name: &str| {
        let row = rows.iter().find(|row| row.name == name);
        let state = match (heard.get(name), row) {
            (Some(status), _) => state_of(status),
            (None, Some(row)) if row.may_live(patient, now) => row.state,
            _ => return Standing::Lost,
        };
        match state {
            NodeState::Ready => Standing::Ready,
            NodeState::Draining => Standing::Draining,
        }
    };
    let mut candidates: Vec<placement::Node<'_>> = names
        .iter()
        .map(|name| {
            let status = heard.get(*name);
            let load = status.map_or(0.0, |status| {
                status.load.iter().copied().fold(f32::INFINITY, f32::min)
            });
            placement::Node {
                name,
                standing: standing(name),
                reachable: status.is_some(),
                refuses: false,
                rooms: live
                    .iter()
                    .filter(|room| room.is_open() && room.node.as_deref() == Some(*name))
                    .count(),
                workers: status.map_or(1, |status| status.load.len()),
                load: if load.is_finite() { load } else { 0.0 },
            }
        })
        .collect();
    let known = app.media.nodes();
    let known = known.borrow();
    let mut moves = Vec::new();
    for room in live.iter().filter(|room| room.is_open()) {
        for candidate in &mut candidates {
            candidate.refuses = known
                .get(candidate.name)
                .is_some_and(|node| node.refuses(&room.hearing.room));
        }
        let Some(node) = placement::better(room.node.as_deref(), &candidates) else {
            continue;
        };
        let node = node.to_owned();
        if let Some(candidate) = candidates.iter_mut().find(|other| other.name == node) {
            candidate.rooms += 1;
        }
        moves.push((room.clone(), node));
    }
    moves
}

impl NodeRow {
    /// Whether the node may be alive although this process does not hear it:
    /// another one did a moment ago, or this one has hardly begun to listen. One
    /// that is known to be gone (heard at 0) is gone.
    fn may_live(&self, patient: bool, now: Timestamp) -> bool {
        let lease_ms = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
        self.heard_at.0 > 0 && (patient || now.0 - self.heard_at.0 <= lease_ms)
    }
}

/// Sends every document that a node has not got yet, and tells a node that
/// holds a room of another's that the room has moved.
async fn push(app: &App, live: &[LiveRoom]) -> Result<(), Fault> {
    let mut wanted: Vec<(String, &LiveRoom, bool)> = Vec::new();
    {
        let known = app.media.nodes();
        let known = known.borrow();
        for (name, node) in known.iter().filter(|(_, node)| node.is_heard()) {
            for room in live {
                let sent = node.sent.get(&room.hearing.room);
                let own = room.node.as_ref() == Some(name);
                let refused = node.refuses(&room.hearing.room);
                if own && !refused && sent != Some(&room.hearing.version) {
                    wanted.push((name.clone(), room, false));
                } else if !own && room.node.is_some() && sent.is_some() {
                    wanted.push((name.clone(), room, true));
                }
            }
        }
    }
    let names: BTreeSet<&String> = wanted.iter().map(|(name, _, _)| name).collect();
    for name in names {
        let gone = |room: &str| !live.iter().any(|other| other.hearing.room == room);
        app.media.forget_sent(name, gone);
    }
    let mut tx = app.db.read().await?;
    for (name, room, moved) in wanted {
        let (hearing, id) = (&room.hearing, &room.hearing.appointment_id);
        let Some(appointment) = booking::find(&mut tx, id).await? else {
            continue;
        };
        let seats = store::list_seats(&mut tx, id).await?;
        let mut document = room_document(&appointment, hearing, &seats);
        if moved {
            document = RoomDocument {
                state: room_document::RoomState::Moved,
                seats: Vec::new(),
                ..document
            };
        }
        let message = ServiceMessage::Room(document);
        let sent = app
            .media
            .send(&name, &hearing.room, hearing.version, message);
        if sent && moved {
            app.media.forget_sent(&name, |other| other == hearing.room);
        }
    }
    Ok(())
}
