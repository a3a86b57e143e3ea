//! Network namespaces: made, entered and removed with `ip`, their names begun
//! with the process's own number, so that two runs on one machine do not meet.

use std::fs::File;
use std::io;
use std::process::Command;

use nix::sched::{CloneFlags, setns};

/// A namespace that is removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one.
    ///
    /// # Errors
    /// When `ip` refuses, mostly for want of rights.
    pub fn new(name: &str) -> io::Result<Self> {
        let name = format!("trials-{}-{name}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn ip(&self, arguments: &[&str]) -> io::Result<()> {
        ip(&[&["-n", &self.name], arguments].concat())
    }

    /// Does something on a thread that is in it. What is opened there stays
    /// there, whoever uses it later.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or what `act` answers.
    pub fn inside<T: Send>(&self, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    enter(&self.name)?;
                    act()
                })
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread in a namespace failed")))
        })
    }

    /// Moves this thread, and those it starts from now on, into it.
    ///
    /// # Errors
    /// When it cannot be entered.
    pub fn enter(&self) -> io::Result<()> {
        enter(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A name that is left behind is in nobody's way.
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn enter(name: &str) -> io::Result<()> {
    let file = File::open(format!("/run/netns/{name}"))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "ip {}: {}",
        arguments.join(" "),
        complaint.trim()
    )))
}
