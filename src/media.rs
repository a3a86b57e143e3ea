//! The service's side of the media plane: a supervised child process (or nodes
//! run apart), the address where it listens, and the WebSocket passed through
//! to it on the one HTTP port. What a room is, `hearings` knows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, Header};
use signaling::join_token::{CONTROL_AUDIENCE, ControlClaims};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Config;
use crate::db::hex;
use crate::error::Fault;

/// What the service knows of its media node: where the supervised one listens,
/// once it does, and which version of each room's document it follows.
#[derive(Debug)]
pub struct Media {
    listen: watch::Sender<Option<SocketAddr>>,
    /// By room; none while no control connection stands.
    follows: watch::Sender<Option<HashMap<String, i64>>>,
}

/// How long a token waits for the node to know the seat it is for. The page
/// tries again by itself if it is still too early then.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(2);

impl Default for Media {
    fn default() -> Self {
        Media {
            listen: watch::channel(None).0,
            follows: watch::channel(None).0,
        }
    }
}

impl Media {
    /// The address of signaling and control, now and whenever it changes.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.listen.subscribe()
    }

    /// Says where the node listens; for the supervisor, and for tests that run
    /// a node of their own.
    pub fn set_listen(&self, to: Option<SocketAddr>) {
        self.listen.send_replace(to);
    }

    /// A control connection begins or ends: nothing is known any more of what
    /// the node follows.
    pub fn set_controlled(&self, stands: bool) {
        self.follows.send_replace(stands.then(HashMap::new));
    }

    /// Notes which version of a room's document the node says it follows.
    pub fn set_follows(&self, room: &str, version: i64) {
        self.follows.send_modify(|follows| {
            if let Some(follows) = follows {
                follows.insert(room.to_owned(), version);
            }
        });
    }

    /// Waits a moment until the node follows a room's document: a page that was
    /// just given a seat would otherwise be told that it has none.
    pub async fn wait_until_follows(&self, room: &str, version: i64) {
        let mut follows = self.follows.subscribe();
        let known = follows.wait_for(|follows| match follows {
            None => true,
            Some(follows) => follows.get(room).is_some_and(|held| *held >= version),
        });
        // Too late or not at all: the page finds out at the door, and waits there.
        let _ = tokio::time::timeout(FOLLOWS_WITHIN, known).await;
    }
}

/// The signaling address on the one HTTP port.
pub fn router() -> Router<App> {
    Router::new().route("/signaling", any(pass_through))
}

/// Keeps a media child alive until `shutdown`: when it dies, another is started.
pub async fn supervise(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match start_child(&app.config, &app.keys.join_public).await {
            Ok((mut child, ready)) => {
                // Held here, not in `child`: waiting for a child closes its input,
                // and a closed input tells the node that we are gone.
                let _alive = child.stdin.take();
                tracing::info!(listen = %ready.listen, udp = ?ready.udp, pid = child.id(), "media node is ready");
                app.media.set_listen(Some(ready.listen));
                tokio::select! {
                    () = shutdown.cancelled() => {
                        let _ = child.kill().await;
                    }
                    status = child.wait() => {
                        tracing::error!(?status, "media node died, starting another");
                    }
                }
                app.media.set_listen(None);
            }
            Err(fault) => tracing::error!(%fault, "media node did not start: {fault}"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

/// Starts a child with an empty environment: it is handed a public key and
/// addresses, and no secret. It ends when our end of its standard input closes.
async fn start_child(
    config: &Config,
    token_key: &[u8; 32],
) -> Result<(Child, signaling::Ready), Fault> {
    let program = std::env::current_exe().map_err(Fault::other)?;
    let mut command = Command::new(program);
    command
        .arg("media")
        .arg("--supervised")
        .args(["--listen", "127.0.0.1:0"])
        .args(["--token-key", &hex(token_key)])
        .args(["--log", &config.log]);
    for port in &config.media_ports {
        let udp = SocketAddr::from((config.media_bind(), *port));
        command.args(["--udp", &udp.to_string()]);
    }
    if let Some(announce) = config.media_announce {
        command.args(["--announce", &announce.to_string()]);
    }
    let mut child = command
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Fault::other)?;
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| Fault::other("the media node has no output"))?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(Duration::from_secs(10), lines.next_line())
        .await
        .map_err(|_| Fault::other("the media node said nothing in ten seconds"))?
        .map_err(Fault::other)?
        .ok_or_else(|| Fault::other("the media node ended before it was ready"))?;
    let ready = signaling::Ready::parse(&line)
        .ok_or_else(|| Fault::other("the media node's first line cannot be read"))?;
    Ok((child, ready))
}

/// A token that lets this service speak on the control channel for a minute.
///
/// # Errors
/// When it cannot be signed.
pub fn control_token(app: &App) -> Result<String, Fault> {
    let now = app.clock.now().seconds();
    let claims = ControlClaims {
        aud: CONTROL_AUDIENCE.to_owned(),
        sub: "service".to_owned(),
        iat: now,
        exp: now + 60,
    };
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &app.keys.join)
        .map_err(Fault::other)
}

/// Passes a WebSocket through to the media node, byte for byte. The control
/// channel is not reachable this way: the path is fixed.
async fn pass_through(State(app): State<App>, mut request: Request) -> Response {
    let Some(listen) = *app.media.listen().borrow() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let Some(browser) = request
        .extensions_mut()
        .remove::<hyper::upgrade::OnUpgrade>()
    else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    let headers = request.headers().clone();
    drop(request);
    match connect(listen, &headers).await {
        Ok((mut response, node)) => {
            tokio::spawn(async move {
                if let (Ok(browser), Ok(node)) = tokio::join!(browser, node) {
                    let (mut browser, mut node) = (TokioIo::new(browser), TokioIo::new(node));
                    // Either side closing ends the other; there is nothing to tell.
                    let _ = tokio::io::copy_bidirectional(&mut browser, &mut node).await;
                }
            });
            response.headers_mut().remove("transfer-encoding");
            response
        }
        Err(fault) => {
            tracing::warn!(%fault, "signaling was not passed through: {fault}");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

async fn connect(
    listen: SocketAddr,
    headers: &axum::http::HeaderMap,
) -> Result<(Response, hyper::upgrade::OnUpgrade), Fault> {
    let stream = TcpStream::connect(listen).await.map_err(Fault::other)?;
    stream.set_nodelay(true).map_err(Fault::other)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Fault::other)?;
    tokio::spawn(connection.with_upgrades());
    let mut outgoing = hyper::Request::get("/signaling").header("host", listen.to_string());
    for (name, value) in headers {
        let wanted = matches!(name.as_str(), "upgrade" | "connection")
            || name.as_str().starts_with("sec-websocket-");
        if wanted {
            outgoing = outgoing.header(name, value);
        }
    }
    let outgoing = outgoing.body(Body::empty()).map_err(Fault::other)?;
    let mut answer = sender.send_request(outgoing).await.map_err(Fault::other)?;
    let upgrade = hyper::upgrade::on(&mut answer);
    Ok((answer.map(Body::new), upgrade))
}
