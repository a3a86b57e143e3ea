//! Joining Janus' VideoRoom, over its WebSocket: for each participant one handle
//! that publishes and one that subscribes to everybody else, as its own pages do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SplitSink;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{Joiner, Rooms, Socket, Wish, credentials, hear, open, say};
use crate::clock::unix_ns;
use crate::sdp;

/// The subprotocol of Janus' API.
const SUBPROTOCOL: &str = "janus-protocol";
/// Sessions end after a minute without a word.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// An answer that takes longer is not coming.
const PATIENCE: Duration = Duration::from_secs(20);

/// The plugin's code for a publisher that is not, or not yet.
const NO_SUCH_FEED: &str = ": 428";
const TRIES: u32 = 100;
const AGAIN: Duration = Duration::from_millis(20);

/// One session; requests are told apart by their transaction.
struct Session {
    sink: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    waiting: Mutex<Waiting>,
    id: Mutex<Value>,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    by_transaction: HashMap<String, oneshot::Sender<Value>>,
}

impl Session {
    /// Asks, and waits for what is more than an acknowledgement.
    async fn ask(&self, mut request: Value) -> Result<Value, String> {
        let (answered, answer) = oneshot::channel();
        let transaction = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.last += 1;
            let transaction = waiting.last.to_string();
            waiting.by_transaction.insert(transaction.clone(), answered);
            transaction
        };
        request["transaction"] = json!(transaction);
        let id = self
            .id
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if !id.is_null() {
            request["session_id"] = id;
        }
        say(&mut *self.sink.lock().await, &request).await?;
        let answer = timeout(PATIENCE, answer)
            .await
            .map_err(|_| format!("no answer to {request}"))?
            .map_err(|_| "the session ended".to_owned())?;
        let error = answer
            .get("error")
            .or_else(|| answer["plugindata"]["data"].get("error"));
        match error {
            Some(error) => Err(format!(
                "{error}: {}",
                answer["plugindata"]["data"]["error_code"]
            )),
            None => Ok(answer),
        }
    }

    async fn attach(&self) -> Result<Value, String> {
        let answer = self
            .ask(json!({"janus": "attach", "plugin": "janus.plugin.videoroom"}))
            .await?;
        Ok(answer["data"]["id"].clone())
    }

    async fn message(
        &self,
        handle: &Value,
        body: Value,
        jsep: Option<Value>,
    ) -> Result<Value, String> {
        let mut request = json!({"janus": "message", "handle_id": handle, "body": body});
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        self.ask(request).await
    }

    fn deliver(&self, message: Value) {
        if message["janus"] == "ack" {
            return;
        }
        let Some(transaction) = message["transaction"].as_str() else {
            return;
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answered) = waiting.by_transaction.remove(transaction) {
            let _ = answered.send(message);
        }
    }
}

fn description(answer: &Value) -> Result<sdp::Remote, String> {
    answer["jsep"]["sdp"]
        .as_str()
        .and_then(sdp::parse)
        .ok_or_else(|| format!("no description that can be read in {answer}"))
}

/// Brings everybody in; answers once every leg is connected.
pub async fn join(listen: SocketAddr, rooms: Rooms, joiner: Joiner) -> Result<(), String> {
    let socket = open(&format!("ws://{listen}/"), SUBPROTOCOL).await?;
    let (sink, mut stream) = socket.split();
    let session = Arc::new(Session {
        sink: tokio::sync::Mutex::new(sink),
        waiting: Mutex::default(),
        id: Mutex::new(Value::Null),
    });
    let (reading, shutdown) = (Arc::clone(&session), joiner.shutdown.clone());
    tokio::spawn(async move {
        let read = async {
            while let Ok(message) = hear(&mut stream).await {
                reading.deliver(message);
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = read => {}
        }
    });
    let id = session.ask(json!({"janus": "create"})).await?["data"]["id"].clone();
    *session.id.lock().unwrap_or_else(PoisonError::into_inner) = id;
    let (living, shutdown) = (Arc::clone(&session), joiner.shutdown.clone());
    tokio::spawn(async move {
        let live = async {
            loop {
                tokio::time::sleep(KEEP_ALIVE).await;
                if living.ask(json!({"janus": "keepalive"})).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = live => {}
        }
    });

    let places = Arc::new(Semaphore::new((rooms.at_once / rooms.people).max(1)));
    let mut tasks = JoinSet::new();
    for room in 0..rooms.rooms {
        let place = Arc::clone(&places)
            .acquire_owned()
            .await
            .map_err(|e| e.to_string())?;
        let (session, joiner) = (Arc::clone(&session), joiner.clone());
        tasks.spawn(async move {
            let _place = place;
            join_room(room, rooms, &session, &joiner)
                .await
                .map_err(|error| format!("room {room}: {error}"))
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn join_room(
    room: usize,
    rooms: Rooms,
    session: &Session,
    joiner: &Joiner,
) -> Result<(), String> {
    let number = room + 1;
    let people = room * rooms.people..(room + 1) * rooms.people;
    let mut connecting = Vec::new();
    for participant in people.clone() {
        let handle = session.attach().await?;
        if participant == people.start {
            let body = json!({
                "request": "create", "room": number, "publishers": rooms.people,
                "audiocodec": "opus", "videocodec": "vp8", "notify_joining": false,
            });
            session.message(&handle, body, None).await?;
        }
        let body =
            json!({"request": "join", "ptype": "publisher", "room": number, "id": participant + 1});
        session.message(&handle, body, None).await?;
        let leg = 2 * participant;
        let local = joiner.local(leg, credentials(), Some(participant));
        let jsep = json!({"type": "offer", "sdp": sdp::offer(&local)});
        let answer = session
            .message(&handle, json!({"request": "publish"}), Some(jsep))
            .await?;
        connecting.push(joiner.connect(Wish {
            leg,
            publisher: Some(participant),
            remote: &description(&answer)?,
            local: local.credentials,
            controlling: true,
            described_ns: unix_ns(),
            timed: false,
        })?);
    }
    connected(connecting).await?;
    let mut connecting = Vec::new();
    for participant in people.clone() {
        let handle = session.attach().await?;
        let streams: Vec<Value> = people
            .clone()
            .filter(|other| *other != participant)
            .map(|other| json!({"feed": other + 1}))
            .collect();
        let body =
            json!({"request": "join", "ptype": "subscriber", "room": number, "streams": streams});
        let offer = subscribe(session, &handle, body).await?;
        let described_ns = unix_ns();
        let remote = description(&offer)?;
        let leg = 2 * participant + 1;
        let local = joiner.local(leg, credentials(), None);
        connecting.push(joiner.connect(Wish {
            leg,
            publisher: None,
            remote: &remote,
            local: local.credentials.clone(),
            controlling: false,
            described_ns,
            timed: true,
        })?);
        let jsep = json!({"type": "answer", "sdp": sdp::answer(&remote, &local)});
        session
            .message(&handle, json!({"request": "start"}), Some(jsep))
            .await?;
    }
    connected(connecting).await
}

/// Asks for an offer. Janus shows a publisher once its own end is up, which may be
/// a moment after ours is.
async fn subscribe(session: &Session, handle: &Value, body: Value) -> Result<Value, String> {
    let mut tries = 0;
    loop {
        match session.message(handle, body.clone(), None).await {
            Err(error) if error.ends_with(NO_SUCH_FEED) && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(AGAIN).await;
            }
            answer => return answer,
        }
    }
}

async fn connected(legs: Vec<oneshot::Receiver<()>>) -> Result<(), String> {
    for leg in legs {
        timeout(PATIENCE, leg)
            .await
            .map_err(|_| "a leg did not connect in time".to_owned())?
            .map_err(|_| "a leg was given up".to_owned())?;
    }
    Ok(())
}
