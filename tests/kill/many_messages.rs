//! Thousands of messages by mail and SMS, while the service is killed at random
//! instants and the suppliers fail in every way they have. Each message is taken
//! at least once, and every copy is accounted for: the supplier had taken the
//! message, and our note of it was not committed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use visioplainte::clock::Clock;
use visioplainte::db::Db;
use visioplainte::fetch_all;
use visioplainte::keys::Keys;
use visioplainte::notifications::{Channel, Outgoing, Values, enqueue};

use crate::chance::Chance;
use crate::service::Service;
use crate::suppliers::{Answer, Arrived, Suppliers};
use crate::support::PATIENCE;
use crate::{persistence, suppliers};

/// Written in one transaction; the outbox reads them one by one all the same.
const BATCH: usize = 500;
/// Of a hundred messages that come: how many are refused for now, and how many
/// are taken without the supplier being able to say so.
const REFUSED: u64 = 3;
const BROKEN: u64 = 2;
/// With this many left nobody is killed any more: what was on its way at the last
/// kill comes back when its lease is over.
const LEFT_IN_PEACE: usize = 40;

/// How many messages there are: `make bench-identity` asks for more.
fn messages() -> usize {
    let given = std::env::var("VISIOPLAINTE_MESSAGES").ok();
    given
        .and_then(|messages| messages.parse().ok())
        .unwrap_or(2_000)
}

/// What the suppliers know of one message.
#[derive(Debug, Default)]
struct Known {
    content: String,
    /// How often it was taken.
    taken: usize,
    /// How often of these our note of it cannot have been written: the answer
    /// never came, or the service was killed and the row still waits.
    unnoted: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_messages_arrive_and_every_copy_has_its_reason() {
    let chance = Chance::new("many messages");
    let wanted = messages();
    let (told, mut arrivals) = mpsc::unbounded_channel();
    let suppliers = Suppliers::start(told).await;
    let settings = [
        ("SMTP_URL", format!("smtp://{}", suppliers.smtp)),
        ("SMS_URL", format!("http://{}/sms", suppliers.sms)),
        ("SMS_TOKEN", "jeton".to_owned()),
    ];
    let service = Service::start_with(&settings).await;
    service.kill();
    let db = persistence::database(&service).await;
    write(&db, &service.keys(), wanted).await;
    service.start_again().await;

    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let (mut kills, mut refused, mut broken) = (0, 0, 0);
    let mut last = Instant::now();
    let mut next_kill = soon(&chance);
    loop {
        let left = pending(&db).await;
        if left.is_empty() {
            break;
        }
        assert!(
            last.elapsed() < PATIENCE,
            "{} messages never arrive: {}",
            left.len(),
            service.tail()
        );
        // Until the next kill, or a look at what is left.
        let until = match left.len() > LEFT_IN_PEACE {
            true => next_kill,
            false => Instant::now() + Duration::from_millis(100),
        };
        while let Some(arrived) = before(until, arrivals.recv()).await {
            last = Instant::now();
            let Arrived {
                id,
                content,
                answer,
            } = arrived;
            match chance.below(100) {
                hundredth if hundredth < REFUSED => {
                    refused += 1;
                    let _ = answer.send(Answer::NotNow);
                    continue;
                }
                hundredth => {
                    let known = known.entry(id).or_default();
                    assert!(
                        known.taken == 0 || known.content == content,
                        "a copy that differs: {known:?} {content}"
                    );
                    known.content = content;
                    known.taken += 1;
                    if hundredth < REFUSED + BROKEN {
                        broken += 1;
                        known.unnoted += 1;
                        let _ = answer.send(Answer::TakenAndBroken);
                    } else {
                        let _ = answer.send(Answer::Taken);
                    }
                }
            }
        }
        if left.len() > LEFT_IN_PEACE {
            service.kill();
            kills += 1;
            suppliers::cut(&mut arrivals).await;
            for id in pending(&db).await {
                if let Some(known) = known.get_mut(&id) {
                    known.unnoted = known.taken;
                }
            }
            service.start_again().await;
            next_kill = soon(&chance);
            last = Instant::now();
        }
    }
    service.kill();

    assert_eq!(known.len(), wanted, "messages that were never taken");
    let mut copies = 0;
    for (id, message) in &known {
        assert_eq!(
            message.taken,
            message.unnoted + 1,
            "{id}: a copy without a reason, or a note without a copy: {message:?}"
        );
        copies += message.unnoted;
    }
    println!("bench: messages.killed_lost 0 messages of {wanted} ({kills} kills of the service)");
    println!(
        "bench: messages.killed_copies {copies} messages taken again ({} of them killed between taking and note, \
         {broken} taken by a supplier that broke; {refused} refused for now)",
        copies - broken
    );
}

/// The next kill: from a tenth of a second to four seconds away, so that it
/// meets the start as well as the full run.
fn soon(chance: &Chance) -> Instant {
    Instant::now() + Duration::from_millis(100 + chance.below(3_900))
}

async fn before<T>(until: Instant, coming: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::select! {
        // A stream of arrivals must not keep the kill from coming.
        biased;
        () = sleep_until(until) => None,
        came = coming => came,
    }
}

/// Writes messages, half of them for each channel.
pub async fn write(db: &Db, keys: &Keys, wanted: usize) {
    let now = Clock::System.now();
    for batch in (0..wanted).collect::<Vec<_>>().chunks(BATCH) {
        let mut tx = db.begin().await.unwrap();
        for number in batch {
            let (channel, address) = match number % 2 {
                0 => (Channel::Email, format!("personne{number}@example.org")),
                _ => (Channel::Sms, format!("+336399{number:05}")),
            };
            let values = Values {
                address,
                values: [("reference".to_owned(), format!("VP-{number}"))].into(),
                ..Values::default()
            };
            let outgoing = Outgoing {
                event: &format!("many/{number}"),
                recipient: &format!("citizen/{number}"),
                unit: None,
                channel,
                template: "cancelled",
                language: "fr",
                values: &values,
                expires_at: now.plus_minutes(24 * 60),
                due_at: now,
            };
            enqueue(&mut tx, keys, &outgoing, now).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

/// The messages that still wait.
pub async fn pending(db: &Db) -> Vec<String> {
    let waiting = timeout(PATIENCE, async {
        let mut tx = db.read().await.unwrap();
        fetch_all!(
            &mut tx,
            (String,),
            "select id from messages where state <> 'sent'"
        )
    });
    let rows = waiting.await.unwrap().unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}
