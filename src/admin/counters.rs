//! The counters of a unit or department: what became of appointments, how long people
//! wait, what is free. As a table, as bars beside it, and as a CSV file; no number of
//! them tells of a person.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{Days, NaiveDate};
use serde::Deserialize;

use super::all_units_of;
use crate::app::App;
use crate::booking::counters::{self, Offer, Period, Shown, Step, Tally};
use crate::calendar::recurrence::{Range, day_of, whole_day};
use crate::calendar::{Unit, hours, wall};
use crate::db::Tx;
use crate::error::{Fault, PageError, Refusal};
use crate::form::Asked;
use crate::identity::{Role, SignedInOfficer};
use crate::page::{Ctx, render_with};
use crate::routes::Routes;

/// What is asked for where the department as a whole is meant.
const DEPARTMENT: &str = "departement";
/// How many weeks are shown where nothing is asked for, this one included.
const WEEKS: u64 = 8;

pub(super) fn router() -> Routes {
    Routes::new()
        .route("/administration/compteurs", get(show))
        .route("/administration/compteurs/fichier", get(file))
}

/// What an address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    unite: String,
    par: String,
    du: String,
    au: String,
}

/// What is counted: where, and in which periods.
struct Scope {
    /// Whose clock days are of.
    unit: Unit,
    /// All units of the department, not only `unit`.
    whole: bool,
    units: Vec<Unit>,
    step: Step,
    first: NaiveDate,
    last: NaiveDate,
    /// None where that is no time to count.
    periods: Option<Vec<Period>>,
}

impl Scope {
    async fn read(
        tx: &mut Tx,
        officer: &SignedInOfficer,
        wish: &Wish,
        ctx: &Ctx,
    ) -> Result<Self, PageError> {
        let units = all_units_of(tx, officer).await?;
        let whole = wish.unite == DEPARTMENT && officer.role == Role::DepartmentAdmin;
        let wanted = if whole || wish.unite.is_empty() {
            officer.unit_id.as_str()
        } else {
            &wish.unite
        };
        let unit = units.iter().find(|unit| unit.id.as_str() == wanted);
        let unit = unit.ok_or_else(Refusal::not_found)?.clone();
        let today = day_of(ctx.now, unit.zone());
        let back = today.checked_sub_days(Days::new((WEEKS - 1) * 7));
        let usual = back.map_or(today, counters::monday_of);
        let first = hours::day_of(&wish.du).unwrap_or(usual);
        let last = hours::day_of(&wish.au).unwrap_or(today);
        let step = Step::parse(&wish.par).unwrap_or(Step::Week);
        Ok(Scope {
            periods: counters::periods(first, last, step),
            unit,
            whole,
            units,
            step,
            first,
            last,
        })
    }

    /// What is counted, by name.
    fn name(&self, ctx: &Ctx) -> String {
        if self.whole {
            ctx.t1("counters-department", "code", &self.unit.department)
        } else {
            self.unit.name.clone()
        }
    }

    fn query(&self) -> String {
        let unit = if self.whole {
            DEPARTMENT
        } else {
            self.unit.id.as_str()
        };
        format!(
            "unite={unit}&par={}&du={}&au={}",
            self.step, self.first, self.last
        )
    }

    async fn tallies(&self, tx: &mut Tx, periods: &[Period]) -> Result<Vec<Tally>, Fault> {
        let unit_id = (!self.whole).then_some(&self.unit.id);
        counters::tallies(tx, &self.unit, unit_id, periods).await
    }

    /// The places that were open in each period, as far as days were counted.
    async fn opened(&self, tx: &mut Tx, periods: &[Period]) -> Result<Vec<Option<i64>>, Fault> {
        let unit_id = (!self.whole).then_some(&self.unit.id);
        counters::opened(tx, &self.unit.department, unit_id, periods).await
    }

    /// The same of each unit, where the department is counted.
    async fn by_unit(&self, tx: &mut Tx) -> Result<Vec<(String, Tally)>, Fault> {
        if !self.whole {
            return Ok(Vec::new());
        }
        let zone = self.unit.zone();
        let range = Range {
            from: whole_day(self.first, zone).from,
            to: whole_day(self.last, zone).to,
        };
        let tallies = counters::tallies_by_unit(tx, &self.unit.department, range).await?;
        let named = self.units.iter().map(|unit| {
            let tally = tallies.get(&unit.id).copied().unwrap_or_default();
            (unit.name.clone(), tally)
        });
        Ok(named.collect())
    }
}

/// What is counted of a tally, in the order of the columns, with its message and the
/// class of its bar; none has a bar that is a sum of the others.
type Column = (&'static str, &'static str, fn(&Tally) -> i64);
const COLUMNS: [Column; 8] = [
    ("booked", "", |tally| tally.booked),
    ("held", "vp-bar--held", |tally| tally.held),
    ("no-show", "vp-bar--no-show", |tally| tally.no_show),
    ("by-citizen", "vp-bar--by-citizen", |tally| tally.by_citizen),
    ("by-unit", "vp-bar--by-unit", |tally| tally.by_unit),
    ("in-person", "vp-bar--in-person", |tally| tally.in_person),
    ("transferred", "vp-bar--transferred", |tally| {
        tally.transferred
    }),
    ("expected", "vp-bar--expected", |tally| tally.expected),
];

/// Rows of numbers under the columns, and their totals.
struct Table {
    rows: Vec<Row>,
    total: Vec<Shown>,
    total_wait: String,
}

struct Row {
    label: String,
    cells: Vec<Shown>,
    wait: String,
}

/// Days on average, with one decimal of the language; a dash where it is not told.
fn wait_of(tally: &Tally, ctx: &Ctx) -> String {
    tally.mean_wait_tenths().map_or_else(
        || "–".to_owned(),
        |tenths| ctx.t2("counters-days", "whole", tenths / 10, "tenth", tenths % 10),
    )
}

fn table(labelled: &[(String, Tally)], ctx: &Ctx) -> Table {
    let mut rows: Vec<Row> = labelled
        .iter()
        .map(|(label, tally)| Row {
            label: label.clone(),
            cells: Vec::with_capacity(COLUMNS.len()),
            wait: wait_of(tally, ctx),
        })
        .collect();
    let mut total = Vec::with_capacity(COLUMNS.len());
    for (_, _, count) in COLUMNS {
        let counts: Vec<i64> = labelled.iter().map(|(_, tally)| count(tally)).collect();
        let (cells, sum) = counters::column(&counts);
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.cells.push(cell);
        }
        total.push(sum);
    }
    let all = labelled
        .iter()
        .fold(Tally::default(), |all, (_, tally)| Tally {
            booked: all.booked + tally.booked,
            waited_ms: all.waited_ms + tally.waited_ms,
            ..all
        });
    Table {
        total_wait: wait_of(&all, ctx),
        rows,
        total,
    }
}

/// One piece of a bar, in the units of the plot's box.
struct Piece {
    class: &'static str,
    x: String,
    y: String,
    width: String,
    height: String,
}

/// Bars over a table's rows: a thousand wide and a hundred high, stretched by the page.
struct Plot {
    pieces: Vec<Piece>,
    /// What the whole height stands for; about, where part of it is few.
    top: String,
    first: String,
    last: String,
}

fn plot(table: &Table) -> Plot {
    let height = |row: &Row| {
        row.cells
            .iter()
            .skip(1)
            .map(|cell| cell.drawn())
            .sum::<i64>()
    };
    let highest = table.rows.iter().max_by_key(|row| height(row));
    let top = highest.map_or(0, height).max(1);
    let few = highest.is_some_and(|row| row.cells.iter().skip(1).any(|cell| *cell == Shown::Few));
    #[allow(clippy::cast_precision_loss)] // Counts and places are far below 2^52.
    let share = |part: i64, whole: i64, of: f64| of * part as f64 / whole.max(1) as f64;
    let count = i64::try_from(table.rows.len()).unwrap_or(i64::MAX);
    let step = share(1, count, 1000.0);
    let mut pieces = Vec::new();
    for (place, row) in (0..count).zip(&table.rows) {
        let mut below = 0;
        for (cell, (_, class, _)) in row.cells.iter().zip(COLUMNS).skip(1) {
            let drawn = cell.drawn();
            if drawn == 0 {
                continue;
            }
            below += drawn;
            pieces.push(Piece {
                class,
                x: format!("{:.2}", share(place, count, 1000.0) + step * 0.1),
                y: format!("{:.2}", 100.0 - share(below, top, 100.0)),
                width: format!("{:.2}", step * 0.8),
                height: format!("{:.2}", share(drawn, top, 100.0)),
            });
        }
    }
    let label = |row: Option<&Row>| row.map_or_else(String::new, |row| row.label.clone());
    Plot {
        pieces,
        top: format!("{}{top}", if few { "≈ " } else { "" }),
        first: label(table.rows.first()),
        last: label(table.rows.last()),
    }
}

struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

struct OfferView {
    unit: String,
    next: String,
    wait: String,
    week: usize,
    horizon: usize,
}

fn offer_view(offer: &Offer, ctx: &Ctx) -> OfferView {
    let day = 24 * 60 * 60_000;
    let wait = offer.next.map(|next| (next.0 - ctx.now.0) * 10 / day);
    OfferView {
        next: offer.next.map_or_else(
            || ctx.t("counters-no-slot"),
            |next| wall::capitalised(&wall::moment(ctx.lang, next, offer.unit.zone())),
        ),
        wait: wait.map_or_else(
            || "–".to_owned(),
            |tenths| ctx.t2("counters-days", "whole", tenths / 10, "tenth", tenths % 10),
        ),
        unit: offer.unit.name.clone(),
        week: offer.within_a_week,
        horizon: offer.within_horizon,
    }
}

#[derive(Template)]
#[template(path = "admin/counters.html")]
struct CountersPage {
    ctx: Ctx,
    name: String,
    units: Vec<Choice>,
    steps: Vec<Choice>,
    first: String,
    last: String,
    query: String,
    error: String,
    columns: Vec<(String, &'static str)>,
    by_period: Table,
    by_unit: Table,
    plot: Plot,
    offers: Vec<OfferView>,
    opened: Vec<OpenedView>,
}

/// Places that were open in a period.
struct OpenedView {
    label: String,
    places: i64,
}

fn period_label(period: &Period, step: Step, ctx: &Ctx) -> String {
    match step {
        Step::Day => wall::capitalised(&wall::short_day(ctx.lang, period.first)),
        Step::Week => ctx.t1(
            "counters-week-of",
            "day",
            wall::short_day(ctx.lang, period.first),
        ),
        Step::Month => wall::capitalised(&wall::month_of_year(ctx.lang, period.first)),
    }
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(wish): Asked<Wish>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let scope = Scope::read(&mut tx, &officer, &wish, &ctx).await?;
    let (periods, error) = match &scope.periods {
        Some(periods) => (periods.as_slice(), String::new()),
        None => (&[][..], ctx.t("counters-error")),
    };
    let tallies = scope.tallies(&mut tx, periods).await?;
    let labels = periods
        .iter()
        .map(|period| period_label(period, scope.step, &ctx));
    let by_period = table(&labels.zip(tallies).collect::<Vec<_>>(), &ctx);
    let opened = scope.opened(&mut tx, periods).await?;
    let opened = periods.iter().zip(opened).filter_map(|(period, places)| {
        Some(OpenedView {
            label: period_label(period, scope.step, &ctx),
            places: places?,
        })
    });
    let opened: Vec<OpenedView> = opened.collect();
    let by_unit = if error.is_empty() {
        scope.by_unit(&mut tx).await?
    } else {
        Vec::new()
    };
    let mut offers = Vec::new();
    for unit in scope
        .units
        .iter()
        .filter(|unit| scope.whole || unit.id == scope.unit.id)
    {
        let offer = counters::offer(&mut tx, unit, ctx.now).await?;
        offers.push(offer_view(&offer, &ctx));
    }
    let status = if error.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let whole = Choice {
        value: DEPARTMENT.to_owned(),
        label: ctx.t1("counters-department", "code", &scope.unit.department),
        chosen: scope.whole,
    };
    let units = scope.units.iter().map(|unit| Choice {
        value: unit.id.to_string(),
        label: unit.name.clone(),
        chosen: !scope.whole && unit.id == scope.unit.id,
    });
    let page = CountersPage {
        name: scope.name(&ctx),
        units: (officer.role == Role::DepartmentAdmin)
            .then_some(whole)
            .into_iter()
            .chain(units)
            .collect(),
        steps: Step::ALL
            .iter()
            .map(|step| Choice {
                value: step.to_string(),
                label: ctx.t(&format!("counters-by-{step}")),
                chosen: *step == scope.step,
            })
            .collect(),
        first: scope.first.to_string(),
        last: scope.last.to_string(),
        query: scope.query(),
        error,
        columns: COLUMNS
            .iter()
            .map(|(name, class, _)| (ctx.t(&format!("counters-{name}")), *class))
            .collect(),
        plot: plot(&by_period),
        by_period,
        by_unit: table(&by_unit, &ctx),
        offers,
        opened,
        ctx,
    };
    render_with(status, &page)
}

/// The same numbers as a file. Its columns have fixed English names, for programs.
async fn file(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(wish): Asked<Wish>,
) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let scope = Scope::read(&mut tx, &officer, &wish, &ctx).await?;
    let Some(periods) = &scope.periods else {
        let to = format!("/administration/compteurs?{}", scope.query());
        return Err(PageError::Redirect(to));
    };
    let tallies = scope.tallies(&mut tx, periods).await?;
    let labelled: Vec<(String, Tally)> = std::iter::repeat(String::new()).zip(tallies).collect();
    let by_period = table(&labelled, &ctx);
    let by_unit = table(&scope.by_unit(&mut tx).await?, &ctx);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut head = vec!["place", "first_day", "last_day"];
    let names: Vec<String> = COLUMNS
        .iter()
        .map(|(name, _, _)| name.replace('-', "_"))
        .collect();
    head.extend(names.iter().map(String::as_str));
    head.push("mean_days_to_appointment");
    head.push("open_places");
    writer.write_record(&head).map_err(Fault::other)?;
    let name = scope.name(&ctx);
    let days = periods.iter().map(|period| {
        let last = period.end.pred_opt().unwrap_or(period.first);
        (name.as_str(), period.first, last)
    });
    let units = by_unit
        .rows
        .iter()
        .map(|row| (row.label.as_str(), scope.first, scope.last));
    let rows = by_period.rows.iter().chain(&by_unit.rows);
    // Of units no day is told; an empty field is a number that is not known.
    let opened = scope.opened(&mut tx, periods).await?.into_iter();
    let opened = opened.chain(std::iter::repeat(None));
    for (((place, first, last), row), places) in days.chain(units).zip(rows).zip(opened) {
        let mut fields = vec![place.to_owned(), first.to_string(), last.to_string()];
        fields.extend(row.cells.iter().map(ToString::to_string));
        fields.push(row.wait.clone());
        fields.push(places.map_or_else(String::new, |places| places.to_string()));
        writer.write_record(&fields).map_err(Fault::other)?;
    }
    let text = writer
        .into_inner()
        .map_err(|error| Fault::other(error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"compteurs.csv\"",
        ),
    ];
    Ok((headers, text).into_response())
}
