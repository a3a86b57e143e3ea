//! What is measured, and how each is started.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::generator::Ports;
use crate::join::Rooms;
use crate::join::node::TokenKey;
use crate::leg::server_address;
use crate::server::Server;

/// How long Janus may take to start: it makes a certificate.
const JANUS_START: Duration = Duration::from_secs(30);

/// Where figures, runs and the node's log are left.
pub const FOLDER: &str = "target/bench";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Subject {
    /// Our media node.
    Node,
    /// Debian's Janus with its VideoRoom.
    Janus,
    /// The relay floor that opens and seals every packet.
    Relay,
    /// The relay floor without cryptography.
    RelayPlain,
}

impl Subject {
    /// As tables show it.
    pub fn name(self) -> &'static str {
        match self {
            Subject::Node => "node",
            Subject::Janus => "janus",
            Subject::Relay => "relay",
            Subject::RelayPlain => "relay-plain",
        }
    }
}

/// A started subject, and how to join it.
pub struct Started {
    /// Its process.
    pub server: Server,
    /// How.
    pub entrance: Entrance,
    /// Its media ports, where they are known.
    pub udp_ports: Vec<u16>,
    /// Removed at the end.
    _folder: Option<Folder>,
}

/// Where clients come in.
pub enum Entrance {
    /// Our signaling.
    Node(SocketAddr, Arc<TokenKey>),
    /// Janus' API.
    Janus(SocketAddr),
    /// None: the relay knows who is there. True with cryptography.
    Relay(SocketAddr, bool),
}

/// A folder of a run.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts a subject.
pub fn start(subject: Subject, rooms: Rooms, ports: &Ports) -> Result<Started, String> {
    match subject {
        Subject::Node => node(),
        Subject::Janus => janus().map_err(|error| error.to_string()),
        Subject::Relay => relay(rooms, ports, true),
        Subject::RelayPlain => relay(rooms, ports, false),
    }
}

fn this_program() -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(Command::new(program))
}

fn node() -> Result<Started, String> {
    let key = TokenKey::generate()?;
    let public: String = key
        .public
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut command = this_program()?;
    let udp = SocketAddr::from((server_address(), 0)).to_string();
    command.args(["node", "--udp", &udp, "--token-key", &public]);
    // It logs as in production, beside the figures.
    let log = fs::create_dir_all(FOLDER)
        .and_then(|()| fs::File::create(Path::new(FOLDER).join("node.log")))
        .map_err(|error| error.to_string())?;
    command.stderr(Stdio::from(log));
    let (server, line) = Server::start_and_read(command).map_err(|error| error.to_string())?;
    let ready = signaling::Ready::parse(&line).ok_or("the node did not become ready")?;
    Ok(Started {
        server,
        entrance: Entrance::Node(ready.listen, Arc::new(key)),
        udp_ports: ready.udp.iter().map(SocketAddr::port).collect(),
        _folder: None,
    })
}

fn relay(rooms: Rooms, ports: &Ports, srtp: bool) -> Result<Started, String> {
    let mut command = this_program()?;
    command.arg("relay");
    command.args(["--clients", &rooms.everyone().to_string()]);
    command.args(["--people", &rooms.people.to_string()]);
    for port in ports.all() {
        command.args(["--port", &port.to_string()]);
    }
    if srtp {
        command.arg("--srtp");
    }
    let (server, line) = Server::start_and_read(command).map_err(|error| error.to_string())?;
    let address: SocketAddr = line.parse().map_err(|_| "the relay did not become ready")?;
    Ok(Started {
        server,
        entrance: Entrance::Relay(address, srtp),
        udp_ports: vec![address.port()],
        _folder: None,
    })
}

fn janus() -> io::Result<Started> {
    // A port that was free a moment ago; Janus cannot be asked to choose one.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let folder =
        Folder(std::env::temp_dir().join(format!("load-janus-{}-{port}", std::process::id())));
    fs::create_dir_all(folder.0.join("empty"))?;
    write_janus_settings(&folder.0, port)?;
    let log = fs::File::create(folder.0.join("log"))?;
    let mut command = Command::new("janus");
    command
        .args(["--config", &folder.0.join("janus.jcfg").to_string_lossy()])
        .args(["--configs-folder", &folder.0.to_string_lossy()])
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log));
    let mut server = Server::start(command)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let end = Instant::now() + JANUS_START;
    while TcpStream::connect(address).is_err() {
        if !server.lives() || Instant::now() > end {
            let log = fs::read_to_string(folder.0.join("log")).unwrap_or_default();
            return Err(io::Error::other(format!("Janus did not start:\n{log}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(Started {
        server,
        entrance: Entrance::Janus(address),
        udp_ports: Vec::new(),
        _folder: Some(folder),
    })
}

/// Debian's defaults, but for what must be: the plugin and transport that are
/// needed, loopback, and no log of every call.
fn write_janus_settings(folder: &Path, port: u16) -> io::Result<()> {
    let debian = Path::new("/usr/lib/x86_64-linux-gnu/janus");
    let settings = format!(
        "general: {{
    configs_folder = \"{folder}\"
    plugins_folder = \"{plugins}\"
    transports_folder = \"{transports}\"
    events_folder = \"{folder}/empty\"
    loggers_folder = \"{folder}/empty\"
    debug_level = 3
    debug_timestamps = false
    debug_colors = false
}}
media: {{
    ipv6 = false
}}
nat: {{
    ice_enforce_list = \"{address}\"
}}
plugins: {{
    disable = \"libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so\"
}}
transports: {{
    disable = \"libjanus_http.so,libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so\"
}}
",
        folder = folder.display(),
        address = server_address(),
        plugins = debian.join("plugins").display(),
        transports = debian.join("transports").display(),
    );
    fs::write(folder.join("janus.jcfg"), settings)?;
    fs::write(
        folder.join("janus.transport.websockets.jcfg"),
        format!(
            "general: {{\n    json = \"compact\"\n    ws = true\n    ws_port = {port}\n    ws_ip = \"127.0.0.1\"\n    wss = false\n}}\n"
        ),
    )?;
    fs::write(
        folder.join("janus.plugin.videoroom.jcfg"),
        "general: {\n}\n",
    )
}
