//! What all calls of a run share, in a namespace of its own: the addresses of
//! the service and of the nodes, the service that gives tokens, and nodes with
//! their supervisor.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use participant::control::Control;
use participant::grant::{Grant, Mint};
use signaling::Ready;
use signaling::room_document::{NodeMessage, RoomDocument};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::namespace::Namespace;

/// Where the service and the nodes are, beyond every link.
pub const NODE: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 1);
/// How long the supervisor waits before it starts a node again, as the service does.
const RESTART_AFTER: Duration = Duration::from_millis(200);
/// How long a push may take before the next try.
const PUSH_AGAIN: Duration = Duration::from_millis(50);

/// Which node each room is on, for the service's answers; none while that node is down.
pub type Homes = Arc<Mutex<HashMap<String, Option<SocketAddr>>>>;

/// The stage.
pub struct Stage {
    /// Where it all is.
    pub namespace: Namespace,
    /// Who signs tokens.
    pub mint: Arc<Mint>,
    /// Where participants ask for tokens.
    pub service: SocketAddr,
    /// Which node each room is on.
    pub homes: Homes,
    program: PathBuf,
    serving: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Stage {
    /// Sets the stage. The calling thread, and the runtime on it, must be in the
    /// namespace already.
    ///
    /// # Errors
    /// When an address or a port cannot be had.
    pub async fn set(namespace: Namespace, program: PathBuf) -> io::Result<Self> {
        namespace.ip(&["addr", "add", &format!("{NODE}/32"), "dev", "lo"])?;
        let mint = Arc::new(Mint::new().map_err(|_| io::Error::other("no randomness"))?);
        let homes = Homes::default();
        let listener = TcpListener::bind((NODE, 0)).await?;
        let service = listener.local_addr()?;
        let serving = tokio::spawn(serve(listener, Arc::clone(&mint), Arc::clone(&homes)));
        Ok(Self {
            namespace,
            mint,
            service,
            homes,
            program,
            serving,
        })
    }

    /// Starts a node that is started again whenever it ends.
    pub fn node(&self) -> Node {
        let (ready, is_ready) = watch::channel(None);
        let (documents, to_push) = mpsc::unbounded_channel();
        let supervisor = tokio::spawn(supervise(
            self.program.clone(),
            Arc::clone(&self.mint),
            ready,
            to_push,
        ));
        Node {
            ready: is_ready,
            documents,
            supervisor,
        }
    }
}

/// A node that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Its process.
    pub pid: i32,
    /// Where it listens.
    pub listen: SocketAddr,
}

/// A supervised node. It is pushed the newest document of the room that it
/// holds, at each start as well.
pub struct Node {
    /// The node as it runs now; none while it does not.
    pub ready: watch::Receiver<Option<Running>>,
    documents: mpsc::UnboundedSender<Push>,
    supervisor: JoinHandle<()>,
}

struct Push {
    document: Option<RoomDocument>,
    applied: tokio::sync::oneshot::Sender<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        // The process goes with it: it is killed on drop.
        self.supervisor.abort();
    }
}

impl Node {
    /// Pushes a document, now and at each start; none forgets the room. Waits
    /// until the node said that it follows.
    pub async fn hold(&self, document: Option<RoomDocument>) {
        let (applied, is_applied) = tokio::sync::oneshot::channel();
        if self.documents.send(Push { document, applied }).is_ok() {
            // A supervisor that ended is the end of the run.
            let _ = is_applied.await;
        }
    }

    /// The node as it runs, once it does.
    ///
    /// # Errors
    /// When its supervisor has ended.
    pub async fn running(&self) -> io::Result<Running> {
        let mut ready = self.ready.clone();
        let running = ready
            .wait_for(Option::is_some)
            .await
            .map_err(io::Error::other)?;
        running.ok_or_else(|| io::Error::other("a node that runs is none that does not"))
    }
}

async fn supervise(
    program: PathBuf,
    mint: Arc<Mint>,
    ready: watch::Sender<Option<Running>>,
    mut to_push: mpsc::UnboundedReceiver<Push>,
) {
    let mut held: Option<RoomDocument> = None;
    loop {
        match live(&program, &mint, &ready, &mut to_push, &mut held).await {
            Ok(Ended::Died) => {}
            Ok(Ended::Unwanted) => return,
            Err(error) => eprintln!("trials: a node: {error}"),
        }
        ready.send_replace(None);
        tokio::time::sleep(RESTART_AFTER).await;
    }
}

enum Ended {
    Died,
    Unwanted,
}

/// One life of a node's process.
async fn live(
    program: &PathBuf,
    mint: &Mint,
    ready: &watch::Sender<Option<Running>>,
    to_push: &mut mpsc::UnboundedReceiver<Push>,
    held: &mut Option<RoomDocument>,
) -> io::Result<Ended> {
    let key: String = mint
        .public_key()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut child = Command::new(program)
        .arg("media")
        .arg("--supervised")
        .args(["--listen", &format!("{NODE}:0")])
        .args(["--udp", &format!("{NODE}:0")])
        .args(["--token-key", &key])
        .args(["--log", "warn"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    // A closed input would tell the node that we are gone.
    let _alive = child.stdin.take();
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("no output"))?;
    let mut lines = BufReader::new(stdout).lines();
    let listen = lines
        .next_line()
        .await?
        .and_then(|line| Ready::parse(&line))
        .ok_or_else(|| io::Error::other("it did not say where it listens"))?
        .listen;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or_else(|| io::Error::other("it ended at once"))?;
    let mut control = Control::open(listen, mint)
        .await
        .map_err(io::Error::other)?;
    if let Some(document) = held.as_ref() {
        control.push(document).await.map_err(io::Error::other)?;
    }
    ready.send_replace(Some(Running { pid, listen }));
    loop {
        tokio::select! {
            _ = child.wait() => return Ok(Ended::Died),
            // Read, or it would lag behind; the connection's end is the node's.
            _ = next_event(&mut control) => {}
            push = to_push.recv() => {
                let Some(Push { document, applied }) = push else {
                    return Ok(Ended::Unwanted);
                };
                if let Some(document) = &document {
                    match control.push(document).await {
                        Ok(NodeMessage::Applied { .. }) => {}
                        Ok(other) => eprintln!("trials: a room was refused: {other:?}"),
                        // It is dying, and gets the document at its next start.
                        Err(_) => {}
                    }
                }
                *held = document;
                let _ = applied.send(());
            }
        }
    }
}

async fn next_event(control: &mut Control) {
    if control.next().await.is_err() {
        // The process's end, which follows, is what counts.
        tokio::time::sleep(PUSH_AGAIN).await;
    }
}

/// Answers token requests: `POST /<room>/<participant>`.
async fn serve(listener: TcpListener, mint: Arc<Mint>, homes: Homes) {
    while let Ok((stream, _)) = listener.accept().await {
        let (mint, homes) = (Arc::clone(&mint), Arc::clone(&homes));
        tokio::spawn(async move {
            let answer = service_fn(|request: Request<hyper::body::Incoming>| {
                let answer = grant(request.uri().path(), &mint, &homes);
                async move { Ok::<_, Infallible>(answer) }
            });
            // A participant that went away in the middle is no news.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

fn grant(path: &str, mint: &Mint, homes: &Homes) -> Response<Full<Bytes>> {
    let answer = |status, body: String| {
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        response
    };
    let Some((room, who)) = path.trim_start_matches('/').split_once('/') else {
        return answer(StatusCode::NOT_FOUND, String::new());
    };
    let home = homes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(room)
        .copied()
        .flatten();
    let Some(node) = home else {
        return answer(StatusCode::SERVICE_UNAVAILABLE, String::new());
    };
    let grant = Grant {
        token: mint.join_token(&room.into(), &who.into()),
        url: format!("ws://{node}/signaling"),
    };
    match serde_json::to_string(&grant) {
        Ok(body) => answer(StatusCode::OK, body),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
    }
}
