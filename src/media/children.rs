//! Media nodes that `serve` runs itself, each a process of its own: started
//! again when one dies, drained when the service is told to stop.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Config;
use crate::db::hex;
use crate::error::Fault;

/// A supervised node: its name, and the UDP ports of its workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// `node-1`, `node-2`…: the same after a restart, so rooms find it again.
    pub name: String,
    /// One port a worker.
    pub ports: Vec<u16>,
}

/// The children that the settings ask for; the ports are dealt out in order.
#[must_use]
pub fn children(config: &Config) -> Vec<Child> {
    if !config.media_nodes.is_empty() {
        return Vec::new();
    }
    let count = usize::from(config.media_children).max(1);
    let each = config.media_ports.len().div_ceil(count).max(1);
    config
        .media_ports
        .chunks(each)
        .enumerate()
        .map(|(number, ports)| Child {
            name: format!("node-{}", number + 1),
            ports: ports.to_vec(),
        })
        .collect()
}

/// Keeps a media child alive until `shutdown`: when it dies, another is started.
/// After `drain` it may end when its last hearing has, and then this returns.
pub async fn supervise(
    app: App,
    child: Child,
    drain: CancellationToken,
    shutdown: CancellationToken,
) {
    let name = child.name.as_str();
    app.media.set_address(name, None);
    while !shutdown.is_cancelled() && !drain.is_cancelled() {
        match start(&app.config, &app.keys.join_public, &child).await {
            Ok((mut process, ready)) => {
                // Held here, not in `process`: waiting for a child closes its
                // input, and a closed input tells the node that we are gone.
                let _alive = process.stdin.take();
                let pid = process.id();
                tracing::info!(node = name, listen = %ready.listen, udp = ?ready.udp, pid, "media node {name} is ready");
                app.media.set_address(name, Some(ready.listen.to_string()));
                let mut told_to_drain = false;
                loop {
                    tokio::select! {
                        () = shutdown.cancelled() => {
                            let _ = process.kill().await;
                            break;
                        }
                        () = drain.cancelled(), if !told_to_drain => {
                            told_to_drain = true;
                            if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
                                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
                            }
                        }
                        status = process.wait() => {
                            if told_to_drain {
                                tracing::info!(node = name, ?status, "media node {name} is drained");
                            } else {
                                tracing::error!(node = name, ?status, "media node {name} died, starting another");
                            }
                            break;
                        }
                    }
                }
                app.media.set_address(name, None);
            }
            Err(fault) => {
                tracing::error!(node = name, %fault, "media node {name} did not start: {fault}");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = drain.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

/// Starts a child with an empty environment: it is handed a public key and
/// addresses, and no secret. It ends when our end of its standard input closes.
async fn start(
    config: &Config,
    token_key: &[u8; 32],
    child: &Child,
) -> Result<(tokio::process::Child, signaling::Ready), Fault> {
    let program = std::env::current_exe().map_err(Fault::other)?;
    let mut command = Command::new(program);
    command
        .arg("media")
        .arg("--supervised")
        .args(["--listen", "127.0.0.1:0"])
        .args(["--token-key", &hex(token_key)])
        .args(["--node", &child.name])
        .args(["--drain-minutes", &config.media_drain_minutes.to_string()])
        .args(["--log", &config.log]);
    for port in &child.ports {
        let udp = SocketAddr::from((config.media_bind(), *port));
        command.args(["--udp", &udp.to_string()]);
    }
    for proxy in &config.proxies {
        command.args(["--proxy", proxy]);
    }
    for announce in &config.media_announce {
        command.args(["--announce", announce]);
    }
    let mut process = command
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Fault::other)?;
    let stdout = process
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
    Ok((process, ready))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_dealt_out_to_the_children() {
        let with = |children: u16, ports: &[u16]| {
            let config = Config {
                media_children: children,
                media_ports: ports.to_vec(),
                ..Config::default()
            };
            super::children(&config)
                .into_iter()
                .map(|child| child.ports)
                .collect::<Vec<_>>()
        };
        assert_eq!(with(1, &[1, 2]), [vec![1, 2]]);
        assert_eq!(with(2, &[1, 2]), [vec![1], vec![2]]);
        assert_eq!(with(2, &[1, 2, 3]), [vec![1, 2], vec![3]]);
        assert_eq!(with(3, &[1]), [vec![1]]);
        let apart = Config {
            media_nodes: vec!["ws://media:8090/control".into()],
            ..Config::default()
        };
        assert!(super::children(&apart).is_empty());
    }
}
