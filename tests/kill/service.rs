//! The real program as a process: started, killed without warning, started
//! again on the same folder.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use visioplainte::keys::{Keys, Masters};

use crate::support::{Browser, PATIENCE, until};

pub struct Service {
    pub site: String,
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    child: Mutex<Option<Child>>,
    pub starts: AtomicU64,
    born: Instant,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Service {
    /// Migrated, seeded and started on free ports.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with some settings of its own.
    pub async fn start_with(settings: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let media = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let site = format!("http://127.0.0.1:{port}");
        let environment = [
            ("DATA_DIR", folder.path().display().to_string()),
            ("LISTEN", format!("127.0.0.1:{port}")),
            ("PUBLIC_URL", site.clone()),
            ("MEDIA_PORTS", format!("[{media}]")),
            ("MEDIA_BIND", "127.0.0.1".to_owned()),
            ("LOG", "info".to_owned()),
        ]
        .into_iter()
        .chain(settings.iter().cloned())
        .map(|(name, value)| (format!("VISIOPLAINTE_{name}"), value))
        .collect();
        let service = Service {
            site,
            folder,
            environment,
            child: Mutex::new(None),
            starts: AtomicU64::new(0),
            born: Instant::now(),
        };
        for command in ["migrate", "seed"] {
            let done = service.command(&[command]);
            assert!(
                done.status.success(),
                "{command}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        service.start_again().await;
        service
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_visioplainte"));
        // Nothing of the tests' own environment is a setting of the service.
        program.env_clear();
        program.envs(self.environment.iter().map(|(name, value)| (name, value)));
        program
    }

    /// Runs another subcommand on the same folder.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.program().args(arguments).output().unwrap()
    }

    pub fn inbox(&self) -> PathBuf {
        self.folder.path().join("handoff/inbox")
    }

    /// Where the processes keep everything: as told, or SQLite in the folder.
    pub fn database_url(&self) -> String {
        let told = self
            .environment
            .iter()
            .find(|(name, _)| name == "VISIOPLAINTE_DATABASE_URL");
        let file = self.folder.path().join("visioplainte.sqlite");
        told.map_or_else(
            || format!("sqlite:{}", file.display()),
            |(_, url)| url.clone(),
        )
    }

    /// The keys that the processes use.
    pub fn keys(&self) -> Keys {
        Keys::from_masters(&Masters::in_folder(self.folder.path()).unwrap())
    }

    /// Where the processes write their log, for whoever has to find out.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the process and waits until it answers.
    pub async fn start_again(&self) {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let child = self
            .program()
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
        self.starts.fetch_add(1, Ordering::Relaxed);
        let (browser, began) = (Browser::new(&self.site), Instant::now());
        while !browser
            .try_get("/ready")
            .await
            .is_ok_and(|page| page.status.is_success())
        {
            self.is_alive();
            assert!(
                began.elapsed() < PATIENCE,
                "serve never answers: {}",
                self.tail()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Fails when the process ended without having been killed by us.
    pub fn is_alive(&self) {
        let mut child = self.child.lock().unwrap();
        let ended = child.as_mut().and_then(|child| child.try_wait().unwrap());
        drop(child);
        assert!(
            ended.is_none(),
            "serve ended by itself ({ended:?}): {}",
            self.tail()
        );
    }

    /// How long ago the first process was started.
    pub fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// The last lines of the log.
    pub fn tail(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// SIGKILL, and nothing of the process is left when this returns.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn pid(&self) -> u32 {
        self.child.lock().unwrap().as_ref().unwrap().id()
    }

    /// The service's own process.
    pub fn process(&self) -> Pid {
        Pid::from_raw(self.pid().try_into().unwrap())
    }

    /// Waits until the service has ended by itself.
    pub async fn ends(&self) -> ExitStatus {
        loop {
            let ended = {
                let mut child = self.child.lock().unwrap();
                child.as_mut().unwrap().try_wait().unwrap()
            };
            if let Some(status) = ended {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A media node: a process whose parent is ours.
    pub fn media_child(&self) -> Option<Pid> {
        self.media_children().pop()
    }

    /// The media nodes: the processes whose parent is ours.
    pub fn media_children(&self) -> Vec<Pid> {
        let parent = self.pid();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else {
                continue;
            };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            // "pid (name) state parent …"; a name may hold anything but ends at the last ')'.
            let Some((_, rest)) = stat.rsplit_once(')') else {
                continue;
            };
            let mut fields = rest.split_whitespace();
            let (state, ppid) = (fields.next(), fields.next());
            if ppid == Some(&parent.to_string()) && state != Some("Z") {
                found.push(Pid::from_raw(pid));
            }
        }
        found
    }

    /// Kills the media node, whichever process that is by now.
    pub async fn kill_media(&self) -> Pid {
        until("a media child", async || {
            let pid = self.media_child()?;
            kill(pid, Signal::SIGKILL).ok().map(|()| pid)
        })
        .await
    }
}
