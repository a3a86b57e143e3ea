//! The day on paper. Paper lies about: it holds hours, references, desks and
//! administrative numbers, by which everything else is found on the screen, and no
//! name and nothing of what happened to anybody.

use askama::Template;
use axum::extract::State as Shared;
use axum::response::Html;

use super::{Names, Shown, Span, Standing, Whose, Wish};
use crate::app::App;
use crate::booking::view;
use crate::calendar::wall;
use crate::error::PageError;
use crate::form::Asked;
use crate::identity::SignedInOfficer;
use crate::page::{Ctx, render};

#[derive(Template)]
#[template(path = "agenda/sheet.html")]
struct SheetPage {
    ctx: Ctx,
    unit: String,
    zone_note: String,
    /// "Mardi 3 mars 2026".
    title: String,
    whose: String,
    /// When it was made: paper grows old.
    made: String,
    back: String,
    rows: Vec<Row>,
}

struct Row {
    time: String,
    reference: String,
    desk: String,
    rio: String,
    standing: String,
}

pub(super) async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    officer: SignedInOfficer,
    Asked(wish): Asked<Wish>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let shown = Shown {
        span: Span::Day,
        ..Shown::read(&mut tx, &officer, &wish, &ctx).await?
    };
    let range = shown.range(shown.days());
    let names = Names::read(&mut tx, &shown.unit, range).await?;
    let appointments = shown.appointments(&mut tx, &officer, range).await?;
    let rows = appointments.iter().filter_map(|appointment| {
        let standing = Standing::of(appointment, &ctx);
        standing.takes_time().then(|| Row {
            time: view::span(appointment, &shown.unit, &ctx),
            reference: appointment.reference.clone(),
            desk: names.desk(appointment),
            rio: names.rio(appointment),
            standing: ctx.t(standing.words()),
        })
    });
    render(&SheetPage {
        rows: rows.collect(),
        unit: shown.unit.name.clone(),
        zone_note: view::zone_note(&shown.unit, &ctx),
        title: wall::capitalised(&wall::day(ctx.lang, shown.day)),
        whose: match shown.whose {
            Whose::Own => ctx.t1("agenda-sheet-own", "rio", &officer.rio),
            Whose::Unit => String::new(),
        },
        made: ctx.t1(
            "agenda-sheet-made",
            "moment",
            wall::moment(ctx.lang, ctx.now, shown.unit.zone()),
        ),
        back: shown.address(Span::Day, shown.whose, shown.day),
        ctx,
    })
}
