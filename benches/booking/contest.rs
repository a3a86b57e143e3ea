//! Many people at the same slots: how many are confirmed in a second, and that no
//! desk is ever given twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use visioplainte::app::App;
use visioplainte::booking::{self, Choice, HoldError};
use visioplainte::calendar::{self, Unit};
use visioplainte::clock::Timestamp;
use visioplainte::fetch_all;

use crate::country::{PEOPLE, person, unit};
use crate::kit::{seconds, tell, together};
use crate::{Country, quick};

/// People at a time.
const TASKS: i64 = 64;
/// Attempts at one slot that follow one another, by different people.
const RIVALS: i64 = 16;
/// Confirmations measured.
const CONFIRMED: i64 = 1_000;
/// Slots that everybody wants.
const SLOTS: usize = 1_000;

/// How often somebody tries to have one of them.
fn attempts() -> i64 {
    if quick() { 20_000 } else { 1_000_000 }
}

/// Units from `first` on, with their free starts, until there are enough.
async fn starts(app: &App, first: i64, wanted: usize) -> Vec<(Unit, Timestamp, usize)> {
    let mut tx = app.db.read().await.unwrap();
    let now = app.clock.now();
    let mut found = Vec::new();
    for number in first.. {
        let unit = calendar::find_unit(&mut tx, &unit(number))
            .await
            .unwrap()
            .unwrap();
        let to = now.plus_minutes(31 * 24 * 60);
        let slots = calendar::offered_slots(&mut tx, &unit, now, to, now)
            .await
            .unwrap();
        for slot in slots {
            found.push((unit.clone(), slot.starts_at, slot.desks.len()));
            if found.len() == wanted {
                return found;
            }
        }
    }
    unreachable!("there are units without end")
}

/// One attempt; tells whether it got the slot.
async fn book(app: &App, number: i64, unit: &Unit, starts_at: Timestamp) -> bool {
    let (citizen_id, case_id) = person(number);
    let mut tx = app.db.begin().await.unwrap();
    let choice = Choice {
        citizen_id: &citizen_id,
        case_id: &case_id,
        unit,
        starts_at,
    };
    match booking::book(&mut tx, &app.keys, choice, app.clock.now()).await {
        Ok(_) => {
            tx.commit().await.unwrap();
            true
        }
        Err(HoldError::Fault(fault)) => panic!("{fault}"),
        Err(_) => false,
    }
}

/// How many bookings, hold and confirmation, are durable in a second.
pub async fn confirm(country: &Country, engine: &str) {
    let wanted = Arc::new(starts(&country.app, 2_000, CONFIRMED as usize).await);
    let next = Arc::new(AtomicI64::new(0));
    let took = seconds(async {
        together((0..TASKS).map(|_| {
            let (app, wanted, next) = (country.app.clone(), wanted.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((unit, starts_at, _)) = wanted.get(number as usize) else {
                        return;
                    };
                    assert!(book(&app, number, unit, *starts_at).await, "{number}");
                }
            })
        }))
        .await;
    })
    .await;
    tell(
        &format!("booking.confirm_per_s.{engine}"),
        CONFIRMED as f64 / took,
        "bookings a second (64 people at a time, over the country)",
    );
}

/// Everybody tries the same slots, again and again.
pub async fn fight(country: &Country, engine: &str) {
    let slots = Arc::new(starts(&country.app, 0, SLOTS).await);
    let places: usize = slots.iter().map(|(_, _, desks)| desks).sum();
    let attempts = attempts();
    let (next, won) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let took = seconds(async {
        together((0..TASKS).map(|task| {
            let (app, slots) = (country.app.clone(), slots.clone());
            let (next, won) = (next.clone(), won.clone());
            tokio::spawn(async move {
                // Each has their own people, none of whom booked before; whoever gets
                // a slot is content, the others try on.
                let crowd = CONFIRMED..PEOPLE;
                let mut mine: Vec<i64> = crowd.filter(|number| number % TASKS == task).collect();
                loop {
                    let attempt = next.fetch_add(1, Ordering::Relaxed);
                    if attempt >= attempts || mine.is_empty() {
                        return;
                    }
                    let at = attempt as usize % mine.len();
                    // Neighbours in time want the same slot.
                    let (unit, starts_at, _) = &slots[(attempt / RIVALS) as usize % slots.len()];
                    if book(&app, mine[at], unit, *starts_at).await {
                        won.fetch_add(1, Ordering::Relaxed);
                        mine.swap_remove(at);
                    }
                }
            })
        }))
        .await;
    })
    .await;
    let won = won.load(Ordering::Relaxed);
    assert_eq!(won, places as i64, "every place is taken, and no more");
    let double = doubled(&country.app).await;
    tell(
        &format!("booking.double_bookings.{engine}"),
        double as f64,
        &format!(
            "desks given twice ({attempts} attempts at {SLOTS} slots with {places} desks, {:.0} a second)",
            attempts as f64 / took
        ),
    );
    assert_eq!(double, 0);
}

/// Pairs of live appointments that share a desk at some time.
async fn doubled(app: &App) -> usize {
    let mut tx = app.db.read().await.unwrap();
    let pairs = fetch_all!(
        &mut tx,
        (String, String),
        "select a.id, b.id from appointments a join appointments b
             on a.desk_id = b.desk_id and a.id < b.id and a.starts_at < b.ends_at and b.starts_at < a.ends_at
         where a.state in ('held', 'booked') and b.state in ('held', 'booked')"
    );
    pairs.unwrap().len()
}
