//! A confined process can neither open, write, create nor run anything, nor
//! connect anywhere, and yet serves. Confinement is for ever, so the test runs
//! itself again and confines that.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{File, OpenOptions};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::Command;

use nix::sys::ptrace;
use nix::sys::socket::{AddressFamily, SockFlag, SockType};

const CONFINED: &str = "SIGNALING_TEST_CONFINED";

#[test]
fn a_confined_node_has_no_files_no_programs_and_still_its_sockets() {
    if std::env::var_os(CONFINED).is_some() {
        in_confinement();
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "a_confined_node_has_no_files_no_programs_and_still_its_sockets",
            "--exact",
            "--nocapture",
        ])
        .env(CONFINED, "yes")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("confined and well"), "{told}");
}

fn in_confinement() {
    let directory = std::env::temp_dir();
    let own = std::env::current_exe().unwrap();
    let before = UdpSocket::bind("127.0.0.1:0").unwrap();
    // All of this works before, so that what fails after fails for the right reason.
    drop(File::open(&own).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(TcpStream::connect(address).unwrap());
    drop(UnixDatagram::unbound().unwrap());

    let held = signaling::confine::confine().unwrap();
    assert!(held.landlock && held.seccomp, "{held:?}");

    let created = directory.join(format!("signaling-confined-{}", std::process::id()));
    for (what, refused) in [
        ("reading", File::open(&own).is_err()),
        (
            "reading what everybody may",
            File::open("/etc/passwd").is_err(),
        ),
        ("creating", File::create(&created).is_err()),
        (
            "appending",
            OpenOptions::new().append(true).open(&own).is_err(),
        ),
        ("listing", std::fs::read_dir(&directory).is_err()),
        ("removing", std::fs::remove_file(&own).is_err()),
        ("running", Command::new("/bin/true").status().is_err()),
        ("connecting", TcpStream::connect(address).is_err()),
        ("linking", std::fs::hard_link(&own, &created).is_err()),
        ("making a folder", std::fs::create_dir(&created).is_err()),
        ("a socket of the machine", UnixDatagram::unbound().is_err()),
        (
            "listening to the machine",
            UnixListener::bind(&created).is_err(),
        ),
        ("a raw socket", raw(AddressFamily::Inet, SockType::Raw)),
        (
            "a socket of the kernel",
            raw(AddressFamily::Netlink, SockType::Raw),
        ),
        (
            "a socket of the network card",
            raw(AddressFamily::Packet, SockType::Raw),
        ),
        (
            "looking into its parent",
            ptrace::attach(nix::unistd::getppid()).is_err(),
        ),
        ("being looked into", ptrace::traceme().is_err()),
        (
            "becoming another program",
            nix::unistd::execv(c"/bin/true", &[c"/bin/true"]).is_err(),
        ),
        (
            "another root",
            std::os::unix::fs::chroot(&directory).is_err(),
        ),
    ] {
        assert!(refused, "{what} is still possible");
    }

    // What a node does goes on: threads, time, randomness, sockets.
    let after = UdpSocket::bind("127.0.0.1:0").unwrap();
    before
        .send_to(b"hello", after.local_addr().unwrap())
        .unwrap();
    let mut buffer = [0; 8];
    assert_eq!(after.recv(&mut buffer).unwrap(), 5);
    std::thread::spawn(std::time::Instant::now).join().unwrap();
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut buffer).unwrap();

    a_whole_node_serves();
    println!("confined and well");
}

fn raw(family: AddressFamily, kind: SockType) -> bool {
    nix::sys::socket::socket(family, kind, SockFlag::empty(), None).is_err()
}

/// The node starts, answers a probe that was connected to it from outside, and stops.
fn a_whole_node_serves() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = signaling::NodeConfig {
            node: "confined".into(),
            udp: vec!["127.0.0.1:0".parse().unwrap()],
            announce: None,
            token_key: [7; 32],
            limits: signaling::Limits::default(),
        };
        let node = signaling::Node::start(listener, config).unwrap();
        assert!(node.ready().line().starts_with(r#"{"listen":"127.0.0.1:"#));
        let shutdown = tokio_util::sync::CancellationToken::new();
        let running = tokio::spawn(node.run(shutdown.clone()));
        shutdown.cancel();
        running.await.unwrap().unwrap();
    });
}
