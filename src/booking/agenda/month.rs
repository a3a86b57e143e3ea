//! A month of whole weeks: how many appointments each day holds, and the way to it.

use askama::Template;
use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::{Head, Shown, Span, Standing};
use crate::booking::view::monday_of;
use crate::calendar::recurrence::day_of;
use crate::calendar::wall;
use crate::db::Tx;
use crate::error::PageError;
use crate::identity::SignedInOfficer;
use crate::page::Ctx;

#[derive(Template)]
#[template(path = "agenda/month.html")]
pub(super) struct MonthPage {
    ctx: Ctx,
    head: Head,
    /// "Mars 2026".
    title: String,
    /// Monday to Sunday: whole name, and what a narrow screen has room for.
    weekdays: Vec<(String, String)>,
    weeks: Vec<Vec<Cell>>,
    total: String,
}

struct Cell {
    number: u32,
    href: String,
    /// "Mardi 3 mars : 4 rendez-vous".
    label: String,
    count: usize,
    in_month: bool,
    is_today: bool,
}

pub(super) async fn page(
    tx: &mut Tx,
    shown: &Shown,
    officer: &SignedInOfficer,
    ctx: Ctx,
) -> Result<MonthPage, PageError> {
    let (first, end) = shown.days();
    let zone = shown.unit.zone();
    let days = whole_weeks(first, end);
    let last = days.last().copied().unwrap_or(first);
    let after = last.succ_opt().unwrap_or(last);
    let range = shown.range((monday_of(first), after));
    let counted: Vec<NaiveDate> = shown
        .appointments(tx, officer, range)
        .await?
        .iter()
        .filter(|appointment| Standing::of(appointment, &ctx).takes_time())
        .map(|appointment| day_of(appointment.starts_at, zone))
        .collect();
    let cells: Vec<Cell> = days
        .iter()
        .map(|&date| cell(date, &counted, shown, (first, end), &ctx))
        .collect();
    let total = counted
        .iter()
        .filter(|date| (first..end).contains(date))
        .count();
    let weekdays = [
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ];
    Ok(MonthPage {
        head: Head::new(shown, officer, &ctx),
        title: wall::capitalised(&wall::month_of_year(ctx.lang, first)),
        weekdays: weekdays
            .into_iter()
            .map(|weekday| {
                let name = wall::capitalised(&wall::weekday(ctx.lang, weekday));
                let short = name.chars().take(2).collect();
                (name, short)
            })
            .collect(),
        weeks: cells_by_week(cells),
        total: ctx.t1("agenda-month-total", "count", total),
        ctx,
    })
}

/// Every day of the weeks that a month touches, Monday first.
fn whole_weeks(first: NaiveDate, end: NaiveDate) -> Vec<NaiveDate> {
    let last = end.pred_opt().unwrap_or(end);
    let sunday = monday_of(last)
        .checked_add_days(Days::new(6))
        .unwrap_or(last);
    monday_of(first)
        .iter_days()
        .take_while(|date| *date <= sunday)
        .collect()
}

fn cells_by_week(cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut weeks: Vec<Vec<Cell>> = Vec::new();
    for (index, cell) in cells.into_iter().enumerate() {
        if index % 7 == 0 {
            weeks.push(Vec::with_capacity(7));
        }
        if let Some(week) = weeks.last_mut() {
            week.push(cell);
        }
    }
    weeks
}

fn cell(
    date: NaiveDate,
    counted: &[NaiveDate],
    shown: &Shown,
    (first, end): (NaiveDate, NaiveDate),
    ctx: &Ctx,
) -> Cell {
    let count = counted.iter().filter(|day| **day == date).count();
    let day = wall::capitalised(&wall::short_day(ctx.lang, date));
    Cell {
        number: date.day(),
        href: shown.address(Span::Day, shown.whose, date),
        label: ctx.t2("agenda-month-day", "day", day, "count", count),
        count,
        in_month: (first..end).contains(&date),
        is_today: date == shown.today,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_month_is_shown_in_whole_weeks() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (first, end, from, to, weeks) in [
            ("2026-11-01", "2026-12-01", "2026-10-26", "2026-12-06", 6),
            ("2026-06-01", "2026-07-01", "2026-06-01", "2026-07-05", 5),
            ("2027-02-01", "2027-03-01", "2027-02-01", "2027-02-28", 4),
            ("2028-02-01", "2028-03-01", "2028-01-31", "2028-03-05", 5),
        ] {
            let days = whole_weeks(day(first), day(end));
            assert_eq!(days.len(), weeks * 7, "{first}");
            assert_eq!(
                (days[0], *days.last().unwrap()),
                (day(from), day(to)),
                "{first}"
            );
        }
    }
}
