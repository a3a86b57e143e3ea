//! The service is killed exactly while a supplier holds a message: before the
//! supplier takes it, between its taking and the answer, and right after the
//! answer. Every message arrives; a second copy is the same message, and has its
//! reason: it was taken, and the kill came before our note of it was committed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use visioplainte::fetch_all;

use crate::chance::Chance;
use crate::service::Service;
use crate::suppliers::{Answer, Arrived, Suppliers};
use crate::support::PATIENCE;
use crate::{many_messages, persistence, suppliers};

/// Half of them by mail, half by SMS.
const MESSAGES: usize = 12;

/// When the service dies, seen from the supplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    BeforeTaking,
    BeforeTheAnswer,
    AfterTheAnswer,
}

/// What the supplier knows of one message.
#[derive(Debug)]
struct Known {
    killed: Killed,
    content: String,
    /// How often it was taken.
    taken: usize,
    /// How often of these our note of it was not written when a kill came, the
    /// kill of this message or of another that was on its way at the same time.
    unnoted: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_twice_only_when_killed_between_acceptance_and_note_and_then_as_itself() {
    let chance = Chance::new("messages");
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
    many_messages::write(&db, &service.keys(), MESSAGES).await;
    service.start_again().await;

    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    while !all_sent(&service).await {
        let arrived = timeout(Duration::from_millis(100), arrivals.recv()).await;
        let Ok(Some(Arrived {
            id,
            content,
            answer,
        })) = arrived
        else {
            continue;
        };
        assert_eq!(id.len(), 32, "a message is known by its row's id: {id}");
        if let Some(before) = known.get_mut(&id) {
            // Tried again after a kill: the same message.
            assert_eq!(before.content, content);
            before.taken += 1;
            let _ = answer.send(Answer::Taken);
            continue;
        }
        let killed = match chance.below(3) {
            0 => Killed::BeforeTaking,
            1 => Killed::BeforeTheAnswer,
            _ => Killed::AfterTheAnswer,
        };
        let taken = usize::from(killed != Killed::BeforeTaking);
        known.insert(
            id,
            Known {
                killed,
                content,
                taken,
                unnoted: 0,
            },
        );
        if killed == Killed::AfterTheAnswer {
            let _ = answer.send(Answer::Taken);
            tokio::time::sleep(Duration::from_micros(chance.below(12_000))).await;
            service.kill();
        } else {
            service.kill();
            drop(answer);
        }
        suppliers::cut(&mut arrivals).await;
        for id in many_messages::pending(&db).await {
            if let Some(known) = known.get_mut(&id) {
                known.unnoted = known.taken;
            }
        }
        service.start_again().await;
    }
    service.kill();

    assert_eq!(known.len(), MESSAGES, "{known:#?}");
    let mut twice = 0;
    for (id, message) in &known {
        assert_eq!(
            message.taken,
            message.unnoted + 1,
            "{id}: a copy without a reason, or a note without a copy: {message:?}"
        );
        if message.killed == Killed::BeforeTheAnswer {
            assert!(message.taken > 1, "{id}: nobody could know: {message:?}");
        }
        twice += usize::from(message.taken > 1);
    }
    println!("{MESSAGES} messages, a kill at each: {twice} were taken twice, each under one id");
    let db = persistence::database(&service).await;
    let mut tx = db.read().await.unwrap();
    let rows = fetch_all!(&mut tx, (String,), "select id from messages order by id");
    let rows: Vec<_> = rows.unwrap().into_iter().map(|(id,)| id).collect();
    assert_eq!(
        rows,
        known.into_keys().collect::<Vec<_>>(),
        "one row for each message that was seen"
    );
}

/// Whether every message is noted as sent; fails when that takes too long.
async fn all_sent(service: &Service) -> bool {
    assert!(
        service.age() < 4 * PATIENCE,
        "messages that never arrive: {}",
        service.tail()
    );
    let db = persistence::database(service).await;
    let mut tx = db.read().await.unwrap();
    let sent = fetch_all!(
        &mut tx,
        (String,),
        "select id from messages where state = 'sent'"
    );
    sent.unwrap().len() == MESSAGES
}
