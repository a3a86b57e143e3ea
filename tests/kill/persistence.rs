//! What must be true of the database whatever happened: read by the service's
//! own code, after the last process is gone.

use std::time::{Duration, Instant};

use visioplainte::config::Config;
use visioplainte::db::Db;
use visioplainte::{fetch_all, fetch_optional};

use crate::service::Service;
use crate::support::PATIENCE;

/// What was counted.
#[derive(Debug)]
pub struct Counts {
    pub messages: i64,
    pub deliveries: i64,
    /// Deliveries beyond the first of the same message.
    pub duplicates: i64,
}

pub async fn database(service: &Service) -> Db {
    let config = Config {
        database_url: service.database_url(),
        ..Config::default()
    };
    Db::connect(&config.database_url).await.unwrap()
}

/// Waits until no message is on its way any more.
pub async fn everything_is_sent(service: &Service) {
    let (db, began) = (database(service).await, Instant::now());
    loop {
        let mut tx = db.read().await.unwrap();
        let pending = fetch_all!(
            &mut tx,
            (String, String, i64, i64, Option<String>),
            "select event, channel, attempts, next_attempt_at, last_error from messages
             where state = 'pending'"
        );
        let pending = pending.unwrap();
        if pending.is_empty() {
            return;
        }
        service.is_alive();
        assert!(
            began.elapsed() < PATIENCE,
            "never sent: {pending:#?}\n{}",
            service.tail()
        );
        drop(tx);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Checks every invariant; gives the counts.
pub async fn holds(service: &Service, appointments: &[String]) -> Counts {
    let db = database(service).await;
    let mut tx = db.read().await.unwrap();

    // Nothing that a page confirmed is lost.
    for id in appointments {
        let row = fetch_optional!(
            &mut tx,
            (String, String),
            "select a.state, r.state from appointments a join complaint_records r on r.case_id = a.case_id
             where a.id = $1",
            id
        );
        assert_eq!(
            row.unwrap(),
            Some(("closed".to_owned(), "acknowledged".to_owned())),
            "{id}"
        );
        let documents = fetch_all!(
            &mut tx,
            (String,),
            "select d.kind from documents d join appointments a on a.case_id = d.case_id
             where a.id = $1 order by d.kind",
            id
        );
        let kinds: Vec<_> = documents.unwrap().into_iter().map(|(kind,)| kind).collect();
        assert_eq!(kinds, ["proces_verbal", "recepisse"], "{id}");
    }
    let booked = fetch_all!(
        &mut tx,
        (String,),
        "select id from appointments where state not in ('held', 'expired')"
    );
    assert_eq!(
        booked.unwrap().len(),
        appointments.len(),
        "appointments that nobody saw confirmed"
    );

    // One row for each event, recipient and channel; every one was sent, unless the
    // hearing that it told of was over before, in the act that ended it.
    let several = fetch_all!(
        &mut tx,
        (String, String, String),
        "select event, recipient, channel from messages group by event, recipient, channel having count(*) > 1"
    );
    assert_eq!(several.unwrap(), []);
    let unsent = fetch_all!(
        &mut tx,
        (String, String),
        "select m.event, m.state from messages m
         where m.state <> 'sent' and not (m.state = 'expired' and exists (
             select 1 from appointment_moves v
             where m.event = 'appointment/' || v.appointment_id || '/booked'
               and v.to_state = 'closed' and v.at = m.expires_at))"
    );
    assert_eq!(unsent.unwrap(), []);
    for id in appointments {
        let event = format!("appointment/{id}/booked");
        let rows = fetch_all!(
            &mut tx,
            (String,),
            "select channel from messages where event = $1 order by channel",
            event
        );
        let channels: Vec<_> = rows
            .unwrap()
            .into_iter()
            .map(|(channel,)| channel)
            .collect();
        assert_eq!(channels, ["email", "sms"], "{id}");
    }

    // A delivery belongs to a message, and a duplicate is the very same text.
    let strays = fetch_all!(
        &mut tx,
        (String,),
        "select message_id from sandbox_deliveries where message_id not in (select id from messages)"
    );
    assert_eq!(strays.unwrap(), []);
    let undelivered = fetch_all!(
        &mut tx,
        (String,),
        "select id from messages where state = 'sent' and id not in (select message_id from sandbox_deliveries)"
    );
    assert_eq!(undelivered.unwrap(), []);
    let unlike = fetch_all!(
        &mut tx,
        (String,),
        "select message_id from sandbox_deliveries group by message_id
         having count(distinct body) > 1 or count(distinct recipient) > 1 or count(distinct subject) > 1"
    );
    assert_eq!(unlike.unwrap(), []);

    // No desk is occupied twice, and every appointment has its time.
    let crossing = fetch_all!(
        &mut tx,
        (String, String),
        "select a.id, b.id from appointments a join appointments b on a.desk_id = b.desk_id and a.id < b.id
         where a.starts_at < b.ends_at and b.starts_at < a.ends_at
           and a.state not in ('held', 'expired') and b.state not in ('held', 'expired')"
    );
    assert_eq!(crossing.unwrap(), []);
    for id in appointments {
        let pieces = fetch_optional!(
            &mut tx,
            (i64,),
            "select count(*) from desk_occupancy where appointment_id = $1 and expires_at is null",
            id
        );
        assert_eq!(
            pieces.unwrap(),
            Some((6,)),
            "half an hour of a desk for {id}"
        );
    }

    // The journal is whole, and tells each decisive act once.
    let verified = service.command(&["journal", "verify"]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}");
    for (act, object) in [
        ("appointment.book", "appointment"),
        ("record.open", "record"),
        ("record.agreed", "record"),
        ("record.hand_off", "record"),
        ("record.acknowledged", "record"),
    ] {
        let rows = fetch_all!(
            &mut tx,
            (String, i64),
            "select object, count(*) from journal where act = $1 group by object",
            act
        );
        let rows = rows.unwrap();
        assert_eq!(rows.len(), appointments.len(), "{act}: {rows:?}");
        for (named, times) in rows {
            assert!(
                named.starts_with(object) && times == 1,
                "{act} {named}: {times}"
            );
        }
    }
    let messages = fetch_optional!(&mut tx, (i64,), "select count(*) from messages");
    let deliveries = fetch_optional!(
        &mut tx,
        (i64, i64),
        "select count(*), count(distinct message_id) from sandbox_deliveries"
    );
    let (deliveries, delivered) = deliveries.unwrap().unwrap();
    Counts {
        messages: messages.unwrap().unwrap().0,
        deliveries,
        duplicates: deliveries - delivered,
    }
}
