//! What the service's processes agree on about media nodes, in SQL.

use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::hearings::Hearing;
use crate::{execute, fetch_all, fetch_optional, text_enum};

text_enum! {
    /// What a node last said of itself.
    NodeState {
        /// Takes new rooms.
        Ready = "ready",
        /// Does not.
        Draining = "draining",
    }
}

/// A node that some process hears, or heard.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// What it last said of itself.
    pub state: NodeState,
    /// When any process last heard it.
    pub heard_at: Timestamp,
}

/// A hearing that is not over for long, and the node that carries its room.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LiveRoom {
    /// The hearing.
    #[sqlx(flatten)]
    pub hearing: Hearing,
    /// When the appointment ends.
    pub ends_at: Timestamp,
    /// The node, once it was given one.
    pub node: Option<String>,
}

/// Every node there ever was.
///
/// # Errors
/// When the database fails.
pub async fn list_nodes(tx: &mut Tx) -> Result<Vec<NodeRow>, Fault> {
    fetch_all!(
        tx,
        NodeRow,
        "select name, state, heard_at from media_nodes order by name"
    )
}

/// Renews a node's lease.
///
/// # Errors
/// When the database fails.
pub async fn mark_heard(
    tx: &mut Tx,
    name: &str,
    state: NodeState,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into media_nodes (name, state, heard_at) values ($1, $2, $3)
         on conflict (name) do update set state = excluded.state, heard_at = excluded.heard_at",
        name,
        state,
        now
    )?;
    Ok(())
}

/// Ends a node's lease at once: nothing listens at its address. Who heard it
/// later than this process knows of wins.
///
/// # Errors
/// When the database fails.
pub async fn mark_lost(tx: &mut Tx, name: &str, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "update media_nodes set heard_at = 0 where name = $1 and heard_at <= $2",
        name,
        now
    )?;
    Ok(())
}

/// Hearings whose room the media nodes should know of.
///
/// # Errors
/// When the database fails.
pub async fn list_live(tx: &mut Tx, since: Timestamp) -> Result<Vec<LiveRoom>, Fault> {
    fetch_all!(
        tx,
        LiveRoom,
        "select h.appointment_id, h.room, h.version, h.state, h.opened_at, h.ended_at, a.ends_at, n.node
         from hearings h join appointments a on a.id = h.appointment_id
              left join room_nodes n on n.appointment_id = h.appointment_id
         where (h.state <> 'ended' and a.ends_at > $1) or h.ended_at > $1",
        since
    )
}

/// The node of a hearing's room.
///
/// # Errors
/// When the database fails.
pub async fn find_node_of(tx: &mut Tx, appointment_id: &Id) -> Result<Option<String>, Fault> {
    let row = fetch_optional!(
        tx,
        (String,),
        "select node from room_nodes where appointment_id = $1",
        appointment_id
    )?;
    Ok(row.map(|(node,)| node))
}

/// Gives a room to a node, if it still is where it was thought to be; of several
/// processes that try, one succeeds. A room that moves has a newer document, and
/// nobody is connected to it any more. Gives whether this one did it.
///
/// # Errors
/// When the database fails.
pub async fn give(
    tx: &mut Tx,
    appointment_id: &Id,
    former: Option<&str>,
    node: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let given = fetch_optional!(
        tx,
        (i64,),
        "insert into room_nodes (appointment_id, node, turn, given_at) values ($1, $2, 1, $3)
         on conflict (appointment_id) do update set node = excluded.node,
             turn = room_nodes.turn + 1, given_at = excluded.given_at
         where room_nodes.node = $4
         returning turn",
        appointment_id,
        node,
        now,
        former.unwrap_or_default()
    )?;
    let Some((turn,)) = given else {
        return Ok(false);
    };
    if turn > 1 {
        execute!(
            tx,
            "update hearings set version = version + 1 where appointment_id = $1",
            appointment_id
        )?;
        disconnect_all(tx, appointment_id, now).await?;
    }
    Ok(true)
}

/// Notes that nobody is connected to a room: its node is gone or knows nobody.
/// Gives whether anybody was thought to be.
///
/// # Errors
/// When the database fails.
pub async fn disconnect_all(
    tx: &mut Tx,
    appointment_id: &Id,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update seats set disconnected_at = $2
         where appointment_id = $1 and connected_at is not null
           and (disconnected_at is null or disconnected_at <= connected_at)",
        appointment_id,
        now
    )?;
    Ok(rows > 0)
}
