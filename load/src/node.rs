//! Our media node, as `visioplainte media` runs it: the same crate, the same
//! confinement, the same runtime, and no admission control unless asked for.

use std::io::Write;
use std::net::SocketAddr;

use signaling::{Limits, Node, NodeConfig};
use tokio_util::sync::CancellationToken;

/// Arguments of the node.
#[derive(Debug, clap::Args)]
pub struct NodeArguments {
    /// Address of signaling and control.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// UDP address of a worker; once for each.
    #[arg(long, required = true)]
    udp: Vec<SocketAddr>,
    /// Public key of tokens, 64 hexadecimal digits.
    #[arg(long)]
    token_key: String,
    /// Leave admission control as in production.
    #[arg(long)]
    admission: bool,
}

fn key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(key)
}

/// Runs a node until it is told to stop.
pub fn run(arguments: NodeArguments) -> Result<(), String> {
    tracing_subscriber::fmt()
        .with_env_filter("info")
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let mut limits = Limits::default();
    if !arguments.admission {
        limits.busy = f32::INFINITY;
    }
    let config = NodeConfig {
        node: "load".to_owned(),
        udp: arguments.udp,
        announce: None,
        token_key: key(&arguments.token_key).ok_or("the token key is not 64 hexadecimal digits")?,
        limits,
    };
    let listener = std::net::TcpListener::bind(arguments.listen).map_err(|e| e.to_string())?;
    listener.set_nonblocking(true).map_err(|e| e.to_string())?;
    signaling::confine::confine().map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| e.to_string())?;
        let node = Node::start(listener, config).map_err(|e| e.to_string())?;
        println!("{}", node.ready().line());
        let _ = std::io::stdout().flush();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            use tokio::signal::unix::{SignalKind, signal};
            if let Ok(mut terminate) = signal(SignalKind::terminate()) {
                terminate.recv().await;
            }
            stop.cancel();
        });
        node.run(shutdown).await.map_err(|e| e.to_string())
    })
}
