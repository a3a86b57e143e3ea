//! A week, day under day: hours, references, desks and who holds what, without a name.
//! Each entry tells the script that draws the grid where it lies on the unit's wall.

use askama::Template;
use chrono::{Days, NaiveDate};

use super::{Head, Names, Shown, Standing};
use crate::booking::{Appointment, State};
use crate::calendar::recurrence::day_of;
use crate::calendar::wall;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::PageError;
use crate::identity::SignedInOfficer;
use crate::page::Ctx;

#[derive(Template)]
#[template(path = "agenda/week.html")]
pub(super) struct WeekPage {
    ctx: Ctx,
    head: Head,
    /// "Semaine du lundi 2 mars au dimanche 8 mars 2026".
    title: String,
    /// Its Monday, `YYYY-MM-DD`.
    monday: String,
    /// Today, `YYYY-MM-DD`.
    today: String,
    /// Length of a slot in minutes: by how much a key moves an entry.
    slot_minutes: i64,
    days: Vec<Day>,
}

struct Day {
    /// "Mardi 3 mars".
    title: String,
    href: String,
    is_today: bool,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    /// "10 h 00".
    time: String,
    instant: String,
    reference: String,
    standing: String,
    kind: &'static str,
    desk: String,
    rio: String,
    /// `2026-03-03T10:00:00` on the unit's wall.
    starts: String,
    ends: String,
    /// Whether the unit may move it.
    movable: bool,
    /// Whether it takes its time; what was called off does not.
    takes_time: bool,
}

pub(super) async fn page(
    tx: &mut Tx,
    shown: &Shown,
    officer: &SignedInOfficer,
    ctx: Ctx,
) -> Result<WeekPage, PageError> {
    let (monday, end) = shown.days();
    let range = shown.range((monday, end));
    let appointments = shown.appointments(tx, officer, range).await?;
    let names = Names::read(tx, &shown.unit, range).await?;
    let days: Vec<Day> = (0..7)
        .filter_map(|later| monday.checked_add_days(Days::new(later)))
        .map(|date| Day {
            title: wall::capitalised(&wall::short_day(ctx.lang, date)),
            href: shown.address(super::Span::Day, shown.whose, date),
            is_today: date == shown.today,
            entries: entries_of(date, &appointments, shown, &names, &ctx),
        })
        .collect();
    let sunday = end.pred_opt().unwrap_or(end);
    Ok(WeekPage {
        head: Head::new(shown, officer, &ctx),
        title: ctx.t2(
            "agenda-week-title",
            "from",
            wall::short_day(ctx.lang, monday),
            "to",
            wall::day(ctx.lang, sunday),
        ),
        monday: monday.to_string(),
        today: shown.today.to_string(),
        slot_minutes: shown.unit.slot_minutes,
        days,
        ctx,
    })
}

fn entries_of(
    date: NaiveDate,
    appointments: &[Appointment],
    shown: &Shown,
    names: &Names,
    ctx: &Ctx,
) -> Vec<Entry> {
    let zone = shown.unit.zone();
    let on_wall = |at: Timestamp| at.in_zone(zone).format("%Y-%m-%dT%H:%M:%S").to_string();
    appointments
        .iter()
        .filter(|appointment| day_of(appointment.starts_at, zone) == date)
        .map(|appointment| {
            let standing = Standing::of(appointment, ctx);
            Entry {
                id: appointment.id.to_string(),
                time: wall::time(ctx.lang, appointment.starts_at, zone),
                instant: appointment.starts_at.utc().to_rfc3339(),
                reference: appointment.reference.clone(),
                standing: ctx.t(standing.words()),
                kind: standing.kind(),
                desk: names.desk(appointment),
                rio: names.rio(appointment),
                starts: on_wall(appointment.starts_at),
                ends: on_wall(appointment.ends_at),
                movable: appointment.state == State::Booked && ctx.now <= appointment.ends_at,
                takes_time: standing.takes_time(),
            }
        })
        .collect()
}
