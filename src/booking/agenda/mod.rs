//! The unit's appointments on a calendar: a day, a week or a month, of the whole unit
//! or only what the officer is to hold. The day says who comes and about what; a week
//! and a month say hours and references, so that nobody's name is read for a look
//! ahead. A sheet of the day is for the printer.
//!
//! Everything is links and forms. A script may draw the week as a grid in which
//! appointments are dragged; it leads to the same form that asks before it moves.

mod day;
mod month;
mod sheet;
mod standing;
mod week;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use chrono::{Datelike, Days, Months, NaiveDate};
use serde::Deserialize;

use super::view::{monday_of, zone_note};
use super::{Appointment, assignment, unit_of};
use crate::app::App;
use crate::calendar::recurrence::{Range, day_of, whole_day};
use crate::calendar::{self, Desk, Unit, hours};
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::form::Asked;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render};
use crate::routes::Routes;
use crate::text_enum;
use standing::Standing;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/agent", get(agenda))
        .route("/agent/feuille", get(sheet::show))
}

text_enum! {
    /// How much of the calendar a page shows.
    Span {
        /// One day.
        Day = "jour",
        /// Monday to Sunday.
        Week = "semaine",
        /// The weeks of a month.
        Month = "mois",
    }
}

text_enum! {
    /// Whose appointments a page or a subscribed calendar shows.
    Whose {
        /// Everybody's of the unit.
        Unit = "unite",
        /// Those the officer is to hold.
        Own = "moi",
    }
}

/// What an address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    vue: String,
    qui: String,
    jour: String,
}

/// What a page shows, once it is known whose calendar it is.
#[derive(Clone, Debug)]
struct Shown {
    unit: Unit,
    span: Span,
    whose: Whose,
    day: NaiveDate,
    today: NaiveDate,
}

impl Shown {
    /// Reads a wish; what it leaves open, or asks for in vain, is today, the day, the unit.
    async fn read(
        tx: &mut Tx,
        officer: &SignedInOfficer,
        wish: &Wish,
        ctx: &Ctx,
    ) -> Result<Self, PageError> {
        if !officer.serves(&officer.unit_id) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "agenda-not-for-role")
                .way_out("/administration/journal", "way-out-journal")
                .into());
        }
        let unit = unit_of(tx, &officer.unit_id).await?;
        let today = day_of(ctx.now, unit.zone());
        Ok(Shown {
            span: Span::parse(&wish.vue).unwrap_or(Span::Day),
            whose: Whose::parse(&wish.qui).unwrap_or(Whose::Unit),
            day: hours::day_of(&wish.jour).unwrap_or(today),
            today,
            unit,
        })
    }

    /// The first day of the span and the first one after it.
    fn days(&self) -> (NaiveDate, NaiveDate) {
        let after = |day: NaiveDate, days| day.checked_add_days(Days::new(days)).unwrap_or(day);
        match self.span {
            Span::Day => (self.day, after(self.day, 1)),
            Span::Week => (monday_of(self.day), after(monday_of(self.day), 7)),
            Span::Month => {
                let first = self.day.with_day(1).unwrap_or(self.day);
                let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
                (first, next)
            }
        }
    }

    /// From the first midnight of some days to the last, on the unit's clock.
    fn range(&self, (first, end): (NaiveDate, NaiveDate)) -> Range {
        Range {
            from: whole_day(first, self.unit.zone()).from,
            to: whole_day(end, self.unit.zone()).from,
        }
    }

    fn address(&self, span: Span, whose: Whose, day: NaiveDate) -> String {
        format!("/agent?vue={span}&qui={whose}&jour={day}")
    }

    /// The appointments that start in a range, of whom is asked for.
    async fn appointments(
        &self,
        tx: &mut Tx,
        officer: &SignedInOfficer,
        range: Range,
    ) -> Result<Vec<Appointment>, Fault> {
        let all = super::list_of_unit(tx, &self.unit.id, range.from, range.to).await?;
        let shown = all.into_iter().filter(|appointment| match self.whose {
            Whose::Unit => true,
            Whose::Own => appointment.officer_id.as_ref() == Some(&officer.id),
        });
        Ok(shown.collect())
    }
}

/// One of several ways to look, as a link.
struct Tab {
    label: String,
    href: String,
    current: bool,
}

/// What stands above every view: where one is, and the ways elsewhere.
struct Head {
    zone_note: String,
    unit: String,
    day: String,
    span: Span,
    whose: Whose,
    is_now: bool,
    previous: String,
    previous_label: String,
    next: String,
    next_label: String,
    now: String,
    spans: Vec<Tab>,
    whoses: Vec<Tab>,
    sheet: String,
    /// Whether the officer says who holds what.
    assigns: bool,
}

impl Head {
    fn new(shown: &Shown, officer: &SignedInOfficer, ctx: &Ctx) -> Self {
        let Shown {
            unit,
            span,
            whose,
            day,
            today,
        } = shown;
        let (first, end) = shown.days();
        let last_before = first.checked_sub_days(Days::new(1)).unwrap_or(first);
        let tab = |label: String, span, whose, current| Tab {
            label,
            href: shown.address(span, whose, *day),
            current,
        };
        Head {
            zone_note: zone_note(unit, ctx),
            unit: unit.name.clone(),
            day: day.to_string(),
            span: *span,
            whose: *whose,
            is_now: (first..end).contains(today),
            previous: shown.address(*span, *whose, last_before),
            previous_label: ctx.t(&format!("agenda-previous-{span}")),
            next: shown.address(*span, *whose, end),
            next_label: ctx.t(&format!("agenda-next-{span}")),
            now: shown.address(*span, *whose, *today),
            spans: Span::ALL
                .iter()
                .map(|other| {
                    let label = ctx.t(&format!("agenda-span-{other}"));
                    tab(label, *other, *whose, other == span)
                })
                .collect(),
            whoses: Whose::ALL
                .iter()
                .map(|other| {
                    let label = ctx.t(&format!("agenda-whose-{other}"));
                    tab(label, *span, *other, other == whose)
                })
                .collect(),
            sheet: format!("/agent/feuille?qui={whose}&jour={day}"),
            assigns: officer.may_administer(&unit.id, &unit.department),
        }
    }
}

/// Desks and officers by the names that a calendar shows.
struct Names {
    desks: Vec<Desk>,
    officers: Vec<(Id, String)>,
}

impl Names {
    async fn read(tx: &mut Tx, unit: &Unit, range: Range) -> Result<Self, Fault> {
        Ok(Names {
            desks: calendar::list_desks(tx, &unit.id).await?,
            officers: assignment::list_rio_of_unit(tx, &unit.id, range.from, range.to).await?,
        })
    }

    /// The desk's label; empty once it is closed for good.
    fn desk(&self, appointment: &Appointment) -> String {
        let desk = self
            .desks
            .iter()
            .find(|desk| desk.id == appointment.desk_id);
        desk.map_or_else(String::new, |desk| desk.label.clone())
    }

    /// The administrative number of whoever is to hold it; empty where nobody is.
    fn rio(&self, appointment: &Appointment) -> String {
        let wanted = appointment.officer_id.as_ref();
        let found = self.officers.iter().find(|(id, _)| Some(id) == wanted);
        found.map_or_else(String::new, |(_, rio)| rio.clone())
    }
}

async fn agenda(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(wish): Asked<Wish>,
) -> Result<Html<String>, PageError> {
    // Only the day is read by name, and reading names writes.
    let mut tx = match Span::parse(&wish.vue) {
        Some(Span::Week | Span::Month) => app.db.read().await?,
        Some(Span::Day) | None => app.db.begin().await?,
    };
    let shown = Shown::read(&mut tx, &officer, &wish, &ctx).await?;
    match shown.span {
        Span::Day => {
            let page = day::page(&mut tx, &app, &shown, &officer, ctx).await?;
            tx.commit().await?;
            render(&page)
        }
        Span::Week => render(&week::page(&mut tx, &shown, &officer, ctx).await?),
        Span::Month => render(&month::page(&mut tx, &shown, &officer, ctx).await?),
    }
}
