//! The media process of a call, seen from outside while it carries media: it
//! has nothing open but sockets and its own wake-ups, and no way to open more.

use std::fs;

use nix::unistd::Pid;

use crate::moves::hearing_on;
use crate::support::until;

#[tokio::test(flavor = "multi_thread")]
async fn the_media_process_of_a_call_holds_no_file_no_secret_and_no_right() {
    let mut hearing = hearing_on("1").await;
    hearing.both_hear("under load").await;
    let process = hearing.process("node-1");

    for entry in fs::read_dir(format!("/proc/{process}/fd")).unwrap() {
        let entry = entry.unwrap();
        let number = entry.file_name();
        let Ok(open) = fs::read_link(entry.path()) else {
            // Closed meanwhile.
            continue;
        };
        let open = open.to_string_lossy().into_owned();
        let own = [
            "socket:",
            "pipe:",
            "anon_inode:[eventfd]",
            "anon_inode:[eventpoll]",
        ]
        .iter()
        .any(|kind| open.starts_with(kind));
        // What the process says goes where its starter's words go; some starters
        // leave an open nothing behind.
        let harmless = number == "2" || open == "/dev/null";
        assert!(own || harmless, "descriptor {number:?} is {open}");
    }

    let threads: Vec<_> = fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .flatten()
        .collect();
    assert!(threads.len() > 1, "the worker has a thread of its own");
    for thread in threads {
        let Ok(status) = fs::read_to_string(thread.path().join("status")) else {
            continue;
        };
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.unwrap_or_default()[name.len()..].trim().to_owned()
        };
        let name = field("Name:");
        assert_eq!(field("Seccomp:"), "2", "{name}: a filter of system calls");
        assert_eq!(field("NoNewPrivs:"), "1", "{name}: no way to more rights");
    }
    let log = fs::read_to_string(hearing.service.log()).unwrap();
    assert!(
        log.contains("the media node is confined: no files"),
        "Landlock holds too"
    );

    let environment = fs::read(format!("/proc/{process}/environ")).unwrap();
    assert!(environment.is_empty(), "nothing is handed down");
    for mapping in fs::read_to_string(format!("/proc/{process}/maps"))
        .unwrap()
        .lines()
    {
        let mut fields = mapping.split_whitespace();
        let rights = fields.nth(1).unwrap();
        let shared_and_writable = rights.contains('w') && rights.contains('s');
        assert!(
            !shared_and_writable,
            "a file that is written by memory: {mapping}"
        );
    }
    // It was asked for nothing that it may not have: no refusal was needed.
    hearing.both_hear("after all that").await;
    until("the process of the beginning", async || {
        (hearing.process("node-1") == process && process != Pid::from_raw(0)).then_some(())
    })
    .await;
    hearing.ends_in_order().await;
}
