//! Two media nodes, each a process, and a call between two participants who
//! send and receive: the node that carries it is told to end, or is killed, and
//! both are in the same room on the other one, hearing each other, without a click.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use participant::grant::Grants;
use participant::{Noticed, Participant, Phase, Settings, Speech};
use signaling::protocol::MediaKind;
use tokio::net::TcpListener;
use tokio::time::timeout;
use visioplainte::{fetch_all, fetch_optional};

use crate::opened::Opened;
use crate::persistence;
use crate::service::Service;
use crate::support::people::token_of;
use crate::support::{Browser, Officer, PATIENCE, Page, until};

/// A hearing that two people are in.
pub struct Hearing {
    pub service: Service,
    id: String,
    citizen: Person,
    officer: Person,
    // What the officer's hands are on.
    sarah: Officer,
}

/// A participant, and whose it is.
struct Person {
    name: &'static str,
    participant: Participant,
}

impl Person {
    /// Lets a page's participant buy its tokens as the page does: by the cookies
    /// of its browser.
    async fn joins(name: &'static str, browser: &Browser, page: &Page) -> Self {
        let (url, csrf) = token_of(page);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let service = listener.local_addr().unwrap();
        let shop = Router::new()
            .route("/", post(buy))
            .with_state((browser.clone(), url, csrf));
        tokio::spawn(async move { axum::serve(listener, shop).await });
        let grants = Grants::Service {
            service,
            path: "/".to_owned(),
        };
        let settings = Settings {
            grants,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            speech: Speech {
                packets_per_frame: 1,
            },
        };
        let participant = Participant::join(settings);
        Person { name, participant }
    }

    /// Waits until both kinds come whose numbers are beyond what was said so far.
    async fn hears(&mut self, said: [u64; 2], what: &str) {
        let mut heard = [false; 2];
        let mut phases = Vec::new();
        let search = async {
            while heard != [true; 2] {
                match self.participant.next().await {
                    Some(Noticed::Heard { kind, words, .. }) => {
                        heard[kind as usize] |= words.number > said[kind as usize];
                    }
                    Some(Noticed::Phase(Phase::Over(code))) => {
                        panic!("{} is out: {code}", self.name)
                    }
                    Some(Noticed::Phase(phase)) => phases.push(phase),
                    Some(_) => {}
                    None => panic!("{} is gone", self.name),
                }
            }
        };
        let found = timeout(PATIENCE, search).await;
        assert!(
            found.is_ok(),
            "{what}: {} heard nothing, {phases:?}",
            self.name
        );
    }

    fn said(&self) -> [u64; 2] {
        [MediaKind::Audio, MediaKind::Video].map(|kind| self.participant.said(kind))
    }
}

/// One token, and the whole address of the node that it is for.
async fn buy(
    State((browser, url, csrf)): State<(Browser, String, String)>,
) -> axum::response::Response {
    let Ok(answer) = browser.ask_json(&url, &csrf).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    if !answer.status.is_success() {
        return answer.status.into_response();
    }
    let mut grant = answer.json();
    let path = grant["url"].as_str().unwrap();
    grant["url"] = format!("{}{path}", browser.site.replacen("http", "ws", 1)).into();
    Json(grant).into_response()
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All held until all are chosen, or one could be chosen twice.
    let held = [(); N].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|socket| socket.local_addr().unwrap().port())
}

pub async fn hearing_on(children: &str) -> Hearing {
    hearing_with(children, &[]).await
}

async fn hearing_with(children: &str, more: &[(&str, String)]) -> Hearing {
    let ports = free_ports::<2>();
    let mut settings = vec![
        ("MEDIA_PORTS", format!("[{}, {}]", ports[0], ports[1])),
        ("MEDIA_CHILDREN", children.to_owned()),
    ];
    settings.extend_from_slice(more);
    let service = Service::start_with(&settings).await;
    let Opened {
        id,
        camille,
        room,
        sarah,
        workspace,
    } = Opened::at(&service).await;
    let mut hearing = Hearing {
        citizen: Person::joins("the citizen", &camille.browser, &room).await,
        officer: Person::joins("the officer", &sarah.browser, &workspace).await,
        service,
        id,
        sarah,
    };
    hearing.both_hear("at first").await;
    hearing
}

impl Hearing {
    pub async fn both_hear(&mut self, what: &str) {
        let (one, two) = (self.citizen.said(), self.officer.said());
        let what = format!("{what}\n{}", self.service.tail());
        self.citizen.hears(two, &what).await;
        self.officer.hears(one, &what).await;
    }

    /// The node that carries the room.
    async fn node(&self) -> String {
        let db = persistence::database(&self.service).await;
        let mut tx = db.read().await.unwrap();
        let row = fetch_optional!(
            &mut tx,
            (String,),
            "select node from room_nodes where appointment_id = $1",
            &self.id
        );
        row.unwrap().expect("the room has a node").0
    }

    /// The process of a node, by the name it was started with.
    pub fn process(&self, node: &str) -> Pid {
        let found = self.find_process(node);
        found.unwrap_or_else(|| panic!("no process of {node}"))
    }

    fn find_process(&self, node: &str) -> Option<Pid> {
        let processes = self.service.media_children();
        processes.into_iter().find(|pid| {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut arguments = arguments.split(|byte| *byte == 0);
            arguments.any(|argument| argument == node.as_bytes())
        })
    }

    /// Kills a node, and again each time that it is started, until its room is
    /// elsewhere: one that is back at once may keep its rooms.
    async fn is_driven_from(&self, node: &str) {
        let moved = timeout(PATIENCE, async {
            while self.node().await == node {
                if let Some(process) = self.find_process(node) {
                    // It may have ended meanwhile.
                    let _ = kill(process, Signal::SIGKILL);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            moved.await.is_ok(),
            "still on {node}: {}",
            self.service.tail()
        );
    }

    async fn moves_from(&self, node: &str) {
        let moved = timeout(PATIENCE, async {
            while self.node().await == node {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            moved.await.is_ok(),
            "still on {node}: {}",
            self.service.tail()
        );
    }

    /// The hearing is where it was, everybody is seen in it, and it ends in order.
    pub async fn ends_in_order(self) {
        let page = until("both shown as connected", async || {
            let page = self.sarah.workspace(&self.id).await;
            (!page.has("ul.vp-people .fr-badge--warning")).then_some(page)
        })
        .await;
        assert!(page.has("form[action$='/renvoyer']"), "{page:.500}");
        self.sarah_ends().await;
        let verified = self.service.command(&["journal", "verify"]);
        assert!(verified.status.success());
    }

    async fn sarah_ends(&self) {
        let page = self.sarah.workspace(&self.id).await;
        let form = page.form("form[action$='/terminer']");
        self.sarah.submit(&form).await.ok();
    }
}

/// What a listener of numbers says; none while it is not there or says no.
async fn scrape(listen: SocketAddr, path: &str) -> Option<String> {
    let answer = reqwest::get(format!("http://{listen}{path}")).await.ok()?;
    answer.error_for_status().ok()?.text().await.ok()
}

fn is_alive(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_moves_to_the_other_node_when_its_own_is_told_to_end() {
    let mut hearing = hearing_on("2").await;
    let node = hearing.node().await;
    let process = hearing.process(&node);
    kill(process, Signal::SIGTERM).unwrap();
    hearing.moves_from(&node).await;
    hearing.both_hear("after the node drained").await;
    // A supervised node is started again, as another process; this one ended.
    until("the end of the drained node", async || {
        (!is_alive(process)).then_some(())
    })
    .await;
    hearing.ends_in_order().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_moves_to_the_other_node_when_its_own_is_killed() {
    let mut hearing = hearing_on("2").await;
    let node = hearing.node().await;
    hearing.is_driven_from(&node).await;
    hearing.both_hear("after the node was killed").await;
    hearing.ends_in_order().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_told_to_end_waits_for_the_call_and_then_ends() {
    let mut hearing = hearing_on("1").await;
    kill(hearing.service.process(), Signal::SIGTERM).unwrap();
    let browser = Browser::new(&hearing.service.site);
    until("a service that is not ready any more", async || {
        let page = browser.try_get("/ready").await.ok()?;
        (page.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    // Long enough for whatever would cut the call: it takes no longer to say so.
    for _ in 0..3 {
        hearing.both_hear("while the service waits for them").await;
    }
    hearing.citizen.participant.leave();
    hearing.officer.participant.leave();
    let status = timeout(PATIENCE, hearing.service.ends()).await;
    let status = status.expect("the service ends once nobody is in a call");
    assert!(status.success(), "{status:?} {}", hearing.service.tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_calls_ends_at_once() {
    let service = Service::start().await;
    until("a media node", async || service.media_child()).await;
    kill(service.process(), Signal::SIGTERM).unwrap();
    let status = timeout(Duration::from_secs(30), service.ends()).await;
    assert!(status.expect("nothing to wait for").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_leaves_its_quality_on_record_and_is_counted_without_saying_whose() {
    let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let more = [("METRICS_LISTEN", listen.to_string())];
    let hearing = hearing_with("1", &more).await;
    let service_text = until("both measured", async || {
        let text = scrape(listen, "/metrics").await?;
        let measured = text.lines().find_map(|line| {
            line.strip_prefix("visioplainte_hearing_facts_total{kind=\"quality\"} ")
        });
        measured
            .is_some_and(|times| times.parse::<u64>().unwrap() >= 2)
            .then_some(text)
    })
    .await;
    for line in [
        "visioplainte_node_up{node=\"node-1\"} 1",
        "visioplainte_node_rooms{node=\"node-1\"} 1",
        "visioplainte_join_tokens_total{outcome=\"granted\"} 2",
    ] {
        assert!(service_text.contains(line), "{line}: {service_text}");
    }
    let node_text = scrape(listen, "/metrics/node-1").await.unwrap();
    assert!(
        node_text.contains("visioplainte_media_participants 2"),
        "{node_text}"
    );
    assert_eq!(scrape(listen, "/metrics/node-9").await, None);
    let public = Browser::new(&hearing.service.site);
    let page = public.try_get("/metrics").await.unwrap();
    assert_eq!(page.status, StatusCode::NOT_FOUND, "not on the public port");

    let db = persistence::database(&hearing.service).await;
    let mut tx = db.read().await.unwrap();
    let names = fetch_all!(
        &mut tx,
        (String, String),
        "select h.room, s.id from hearings h join seats s on s.appointment_id = h.appointment_id"
    );
    for (room, seat) in names.unwrap() {
        for text in [&service_text, &node_text] {
            assert!(!text.contains(&room) && !text.contains(&seat), "{text}");
        }
    }
    drop(tx);
    let id = hearing.id.clone();
    hearing.sarah_ends().await;
    let rows = until("the record of the call", async || {
        let mut tx = db.read().await.unwrap();
        let rows = fetch_all!(
            &mut tx,
            (String, i64, i64, i64, i64),
            "select role, connected_seconds, bits_up, interruptions, moves from hearing_quality order by role"
        );
        Some(rows.unwrap()).filter(|rows| !rows.is_empty())
    })
    .await;
    let roles: Vec<&str> = rows.iter().map(|(role, ..)| role.as_str()).collect();
    assert_eq!(roles, ["citizen", "officer"], "{id}");
    for (role, seconds, bits, _, moves) in &rows {
        assert!(
            *seconds >= 5 && *bits > 0 && *moves == 0,
            "{role}: {rows:?}"
        );
    }
    let mut tx = db.read().await.unwrap();
    let left = fetch_all!(
        &mut tx,
        (String,),
        "select room from hearing_quality_minutes"
    );
    assert_eq!(left.unwrap(), [], "the minutes are summed up");
}
