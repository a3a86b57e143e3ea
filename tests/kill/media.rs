//! The media child is killed while two people are in a hearing: both come back
//! by themselves, and the service never notices more than that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::chance::{Chance, kills};
use crate::opened::Opened;
use crate::persistence;
use crate::service::Service;
use crate::support::call::{Call, Said};
use crate::support::people::token_of;
use crate::support::{Browser, Page, until};

/// What the script of a hearing's page does about its connection: joins, stays,
/// and when the line breaks fetches a fresh token and joins again.
struct Caller {
    /// How often this one was in the hearing with an offer to answer.
    joined: Arc<AtomicU64>,
    /// Which life of the connection that was.
    running: tokio::task::JoinHandle<()>,
}

impl Caller {
    fn start(browser: Browser, page: &Page, leave: CancellationToken) -> Self {
        let (url, csrf) = token_of(page);
        let joined = Arc::new(AtomicU64::new(0));
        let count = joined.clone();
        let running = tokio::spawn(async move {
            while !leave.is_cancelled() {
                tokio::select! {
                    () = leave.cancelled() => {}
                    () = one_connection(&browser, &url, &csrf, &count) => {}
                }
                // The page's back-off; what is waited for is the next joining.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Caller { joined, running }
    }

    fn times(&self) -> u64 {
        self.joined.load(Ordering::SeqCst)
    }

    async fn is_back(&self, since: u64, who: &str, service: &Service) {
        until(
            &format!("{who} back in the hearing\n{}", service.tail()),
            async || (self.times() > since).then_some(()),
        )
        .await;
    }
}

async fn one_connection(browser: &Browser, url: &str, csrf: &str, joined: &AtomicU64) {
    let Ok(grant) = browser.ask_json(url, csrf).await else {
        return;
    };
    // While no node has a place, or after more joins than any person needs, the
    // page is told to try again.
    let again = [
        reqwest::StatusCode::SERVICE_UNAVAILABLE,
        reqwest::StatusCode::TOO_MANY_REQUESTS,
    ];
    if again.contains(&grant.status) {
        return;
    }
    let grant = grant.ok().json();
    let token = grant["token"].clone();
    let url = grant["url"].as_str().unwrap();
    let Ok(mut call) = Call::connect_to(&browser.site, url).await else {
        return;
    };
    if call
        .say(&json!({ "type": "join", "token": token }))
        .await
        .is_err()
    {
        return;
    }
    let mut is_in = false;
    loop {
        match call.next().await {
            Said::Message(message) => match message["type"].as_str() {
                Some("joined") => is_in = true,
                Some("offer") if is_in => {
                    assert!(message["sdp"].as_str().unwrap().contains("a=ice-lite"));
                    joined.fetch_add(1, Ordering::SeqCst);
                    // One joining, one count: later offers of it are not counted.
                    is_in = false;
                }
                Some("refused") => {
                    assert_eq!(message["retry"], true, "refused for good: {message}")
                }
                _ => {}
            },
            Said::Closed(_) => return,
        }
        let ping = json!({ "type": "ping", "t": 0 });
        if call.say(&ping).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_come_back_by_themselves_when_the_media_child_is_killed() {
    let began = Instant::now();
    let chance = Chance::new("media");
    let service = Service::start().await;
    let Opened {
        id,
        camille,
        room,
        sarah,
        workspace,
    } = Opened::at(&service).await;

    let leave = CancellationToken::new();
    let citizen = Caller::start(camille.browser.clone(), &room, leave.clone());
    let officer = Caller::start(sarah.browser.clone(), &workspace, leave.clone());
    citizen.is_back(0, "the citizen", &service).await;
    officer.is_back(0, "the officer", &service).await;
    let wanted = kills();
    let mut slowest = Duration::ZERO;
    let mut victims = std::collections::BTreeSet::new();
    for _ in 0..wanted {
        // At once, or somewhere in the middle of what follows a joining.
        std::thread::sleep(Duration::from_micros(chance.below(30_000)));
        let before = (citizen.times(), officer.times());
        let killed = Instant::now();
        victims.insert(service.kill_media().await);
        citizen.is_back(before.0, "the citizen", &service).await;
        officer.is_back(before.1, "the officer", &service).await;
        slowest = slowest.max(killed.elapsed());
    }
    assert_eq!(
        victims.len() as u64,
        wanted,
        "each kill met a process of its own"
    );
    assert_eq!(
        service.starts.load(Ordering::SeqCst),
        1,
        "the service itself lived on"
    );

    // The hearing is where it was, and still ends in order.
    let page = sarah.workspace(&id).await;
    assert!(
        page.has("form[action$='/renvoyer']"),
        "the citizen is in: {page:.500}"
    );
    // First they stop coming back: who asks for a token once it is over is refused.
    leave.cancel();
    citizen.running.await.unwrap();
    officer.running.await.unwrap();
    sarah
        .submit(&page.form("form[action$='/terminer']"))
        .await
        .ok();
    let verified = service.command(&["journal", "verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    let db = persistence::database(&service).await;
    let mut tx = db.read().await.unwrap();
    let moves = visioplainte::fetch_all!(
        &mut tx,
        (String,),
        "select to_state from appointment_moves where appointment_id = $1 order by seq",
        &id
    );
    let moves: Vec<_> = moves.unwrap().into_iter().map(|(state,)| state).collect();
    assert_eq!(
        moves,
        ["held", "booked", "open", "in_hearing", "closed"],
        "losing the line moves nothing"
    );
    println!(
        "{wanted} kills of the media child in {:?}; both were back within {slowest:?}",
        began.elapsed()
    );
}
