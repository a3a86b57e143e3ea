//! The integers that this interface shows beside our ids. A number is given to one
//! thing, once, and never again, whatever becomes of it; gaps mean nothing. It is taken
//! in a transaction of its own, so that bookings of different units never wait for one
//! another at a counter.

use std::collections::HashMap;

use crate::app::App;
use crate::booking::anonymous::Numbers;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional, text_enum};

text_enum! {
    /// What a number is of.
    Kind {
        /// A desk.
        Desk = "desk",
        /// A recurring range of opening hours.
        Hours = "hours",
        /// An appointment.
        Appointment = "appointment",
        /// The unknown person of an appointment.
        Person = "person",
    }
}

/// Numbers by what they are of.
pub type Map = HashMap<Id, i64>;

async fn next(tx: &mut Tx, kind: Kind) -> Result<i64, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "update scheduling_counters set last = last + 1 where kind = $1 returning last",
        kind
    )?;
    row.map(|(number,)| number)
        .ok_or_else(|| Fault::other(format!("there is no counter of {kind}")))
}

/// Numbers for an appointment that is about to be made.
///
/// # Errors
/// When the database fails.
pub async fn for_appointment(app: &App) -> Result<Numbers, Fault> {
    let mut tx = app.db.begin().await?;
    let numbers = Numbers {
        appointment: next(&mut tx, Kind::Appointment).await?,
        person: next(&mut tx, Kind::Person).await?,
    };
    tx.commit().await?;
    Ok(numbers)
}

/// The numbers of all desks of a unit, closed ones included; whichever has none yet is
/// given one.
///
/// # Errors
/// When the database fails.
pub async fn of_desks(app: &App, unit_id: &Id) -> Result<Map, Fault> {
    let mut tx = app.db.read().await?;
    let known = desks(&mut tx, unit_id).await?;
    drop(tx);
    let known = complete(app, Kind::Desk, known).await?;
    Ok(known)
}

/// The same for the opening hours of a unit's open desks.
///
/// # Errors
/// When the database fails.
pub async fn of_hours(app: &App, unit_id: &Id) -> Result<Map, Fault> {
    let mut tx = app.db.read().await?;
    let known = fetch_all!(
        &mut tx,
        (Id, Option<i64>),
        "select h.id, n.number
         from opening_hours h join desks d on d.id = h.desk_id
         left join scheduling_numbers n on n.kind = 'hours' and n.object_id = h.id
         where d.unit_id = $1 and d.closed_at is null and h.removed_at is null",
        unit_id
    )?;
    drop(tx);
    complete(app, Kind::Hours, known).await
}

async fn desks(tx: &mut Tx, unit_id: &Id) -> Result<Vec<(Id, Option<i64>)>, Fault> {
    fetch_all!(
        tx,
        (Id, Option<i64>),
        "select d.id, n.number
         from desks d left join scheduling_numbers n on n.kind = 'desk' and n.object_id = d.id
         where d.unit_id = $1 order by d.opened_at, d.id",
        unit_id
    )
}

async fn complete(app: &App, kind: Kind, known: Vec<(Id, Option<i64>)>) -> Result<Map, Fault> {
    let mut map = Map::new();
    let mut without = Vec::new();
    for (id, number) in known {
        match number {
            Some(number) => drop(map.insert(id, number)),
            None => without.push(id),
        }
    }
    if without.is_empty() {
        return Ok(map);
    }
    let mut tx = app.db.begin().await?;
    for id in without {
        let number = next(&mut tx, kind).await?;
        // Somebody may have given it one in between: that one holds.
        execute!(
            &mut tx,
            "insert into scheduling_numbers (kind, object_id, number) values ($1, $2, $3)
             on conflict do nothing",
            kind,
            &id,
            number
        )?;
        let row = fetch_optional!(
            &mut tx,
            (i64,),
            "select number from scheduling_numbers where kind = $1 and object_id = $2",
            kind,
            &id
        )?;
        map.extend(row.map(|(number,)| (id, number)));
    }
    tx.commit().await?;
    Ok(map)
}
