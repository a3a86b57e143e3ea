//! Places that were open in the past. A job counts each unit's day once it is over; a
//! day that was missed while no process ran is counted later, for a week, by what is
//! open then.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use tokio_util::sync::CancellationToken;

use super::Period;
use crate::app::App;
use crate::calendar::recurrence::day_of;
use crate::calendar::{self, Unit};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(600);
/// How many days back a missed day is still counted.
const CATCH_UP_DAYS: u64 = 7;

/// Counts until `shutdown`. Several processes may: each day of a unit is written once.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(fault) = count(&app, app.clock.now()).await {
            tracing::error!(%fault, "open places: {fault}");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

#[derive(sqlx::FromRow)]
struct Counted {
    unit_id: Id,
    last_day: Option<String>,
}

/// Counts every day that is over and was not counted.
///
/// # Errors
/// When the database fails.
pub async fn count(app: &App, now: Timestamp) -> Result<(), Fault> {
    let units = {
        let mut tx = app.db.read().await?;
        fetch_all!(
            &mut tx,
            Counted,
            "select u.id as unit_id, (select max(p.day) from open_places p where p.unit_id = u.id) as last_day
             from units u order by u.id"
        )?
    };
    for unit in units {
        // One unit's rules that cannot be read must not keep the others waiting.
        if let Err(fault) = count_unit(app, &unit, now).await {
            tracing::error!(unit = %unit.unit_id, %fault, "places of a unit are not counted: {fault}");
        }
    }
    Ok(())
}

async fn count_unit(app: &App, counted: &Counted, now: Timestamp) -> Result<(), Fault> {
    let mut tx = app.db.read().await?;
    let Some(unit) = calendar::find_unit(&mut tx, &counted.unit_id).await? else {
        return Ok(());
    };
    let last_day = counted.last_day.as_deref().and_then(|day| day.parse().ok());
    let mut found = Vec::new();
    for day in missing(last_day, day_of(now, unit.zone())) {
        found.push((day, calendar::places_on(&mut tx, &unit, day).await?));
    }
    drop(tx);
    if found.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    for (day, places) in found {
        insert(&mut tx, &unit, day, places, now).await?;
    }
    tx.commit().await
}

/// The days to count: those after the last one that was, up to yesterday; at first
/// yesterday alone.
fn missing(last: Option<NaiveDate>, today: NaiveDate) -> Vec<NaiveDate> {
    let oldest = match last {
        Some(_) => CATCH_UP_DAYS,
        None => 1,
    };
    (1..=oldest)
        .rev()
        .filter_map(|back| today.checked_sub_days(Days::new(back)))
        .filter(|day| last.is_none_or(|last| *day > last))
        .collect()
}

async fn insert(
    tx: &mut Tx,
    unit: &Unit,
    day: NaiveDate,
    places: usize,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into open_places (unit_id, day, places, counted_at) values ($1, $2, $3, $4)
         on conflict do nothing",
        &unit.id,
        day.to_string(),
        i64::try_from(places).map_err(Fault::other)?,
        now
    )?;
    Ok(())
}

/// The places that were open in each period, for the units of a department or for one
/// of them; none where no day of it was counted.
///
/// # Errors
/// When the database fails.
pub async fn opened(
    tx: &mut Tx,
    department: &str,
    unit_id: Option<&Id>,
    periods: &[Period],
) -> Result<Vec<Option<i64>>, Fault> {
    let mut sums = vec![None; periods.len()];
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else {
        return Ok(sums);
    };
    let days = fetch_all!(
        tx,
        (String, i64),
        "select day, cast(sum(places) as bigint) from open_places
         where unit_id in (select id from units where department = $1 and (cast($2 as text) is null or id = $2))
           and day >= $3 and day < $4
         group by day order by day",
        department,
        unit_id,
        first.first.to_string(),
        last.end.to_string()
    )?;
    for (day, places) in days {
        let Ok(day) = day.parse::<NaiveDate>() else {
            continue;
        };
        // Periods follow one another without a gap.
        let index = periods.partition_point(|period| period.end <= day);
        if let Some(sum) = sums.get_mut(index) {
            *sum = Some(sum.unwrap_or(0) + places);
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn days_are_counted_once_they_are_over_and_missed_ones_for_a_week() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let today = day("2026-03-10");
        for (last, expected) in [
            (None, vec!["2026-03-09"]),
            (Some("2026-03-09"), vec![]),
            (Some("2026-03-10"), vec![]),
            (Some("2026-03-08"), vec!["2026-03-09"]),
            (
                Some("2026-03-06"),
                vec!["2026-03-07", "2026-03-08", "2026-03-09"],
            ),
        ] {
            let expected: Vec<NaiveDate> = expected.into_iter().map(day).collect();
            assert_eq!(missing(last.map(day), today), expected, "{last:?}");
        }
        let long = missing(Some(day("2026-01-01")), today);
        assert_eq!((long.len(), long[0]), (7, day("2026-03-03")));
    }
}
