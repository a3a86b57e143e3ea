//! One officer, for those who administer a unit of theirs: rights in these units, hearings
//! to come, absences, calendars subscribed to, and how many sessions are open. Nothing of
//! the people they hear, and nothing of units that are somebody else's to administer.

use askama::Template;
use axum::extract::State as Shared;
use axum::response::Html;
use axum::routing::get;

use super::all_units_of;
use crate::app::App;
use crate::audit::Actor;
use crate::booking::officers::{self, Work};
use crate::calendar::{Unit, hours, wall};
use crate::db::Tx;
use crate::error::{Fault, PageError, Refusal};
use crate::identity::empowerments::{self, Held};
use crate::identity::{SignedInOfficer, own_sessions};
use crate::page::{Ctx, render};
use crate::path::PathId;
use crate::routes::Routes;

pub(super) fn router() -> Routes {
    Routes::new().route("/administration/agents/{id}", get(show))
}

#[derive(Template)]
#[template(path = "admin/officer.html")]
struct OfficerPage {
    ctx: Ctx,
    name: String,
    rio: String,
    units: Vec<UnitView>,
    sessions: usize,
}

/// What the officer has to do with one unit.
struct UnitView {
    unit: Unit,
    /// "Agent – donnée le … par …", those taken back last.
    rights: Vec<String>,
    hearings: Vec<HearingView>,
    absences: Vec<String>,
    feeds: Vec<String>,
}

struct HearingView {
    /// "Mardi 3 mars 2026 à 10 h 00 · VP-7K3M-92QX".
    words: String,
    /// Where it is read and given to somebody else; empty where this person may not.
    href: String,
}

async fn show(
    Shared(app): Shared<App>,
    ctx: Ctx,
    by: SignedInOfficer,
    PathId(id): PathId,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let (mut units, mut who) = (Vec::new(), None);
    for unit in all_units_of(&mut tx, &by).await? {
        let held = empowerments::list(&mut tx, &app.keys, &unit.id).await?;
        let held: Vec<Held> = held
            .into_iter()
            .filter(|held| held.officer_id == id)
            .collect();
        // Whoever never had a right here does not exist here.
        let Some(first) = held.first() else {
            continue;
        };
        who = Some((first.name.clone(), first.rio.clone()));
        let work = officers::work_in(&mut tx, &unit.id, &id, ctx.now).await?;
        units.push(unit_view(&mut tx, &ctx, &by, unit, &held, work).await?);
    }
    let (name, rio) = who.ok_or_else(Refusal::not_found)?;
    let sessions = own_sessions::list(&mut tx, &Actor::Officer(id), "", ctx.now).await?;
    render(&OfficerPage {
        sessions: sessions.len(),
        ctx,
        name,
        rio,
        units,
    })
}

async fn unit_view(
    tx: &mut Tx,
    ctx: &Ctx,
    by: &SignedInOfficer,
    unit: Unit,
    held: &[Held],
    work: Work,
) -> Result<UnitView, Fault> {
    let moment = |at| wall::moment(ctx.lang, at, unit.zone());
    let mut rights = Vec::with_capacity(held.len());
    for held in held {
        let mut words = vec![
            ctx.t(held.role.label()),
            super::empowerments::told(
                tx,
                ctx,
                &unit,
                "admin-granted",
                held.granted_at,
                &held.granted_by,
            )
            .await?,
        ];
        if let Some((at, actor)) = &held.revoked {
            let id = "admin-revoked";
            words.push(super::empowerments::told(tx, ctx, &unit, id, *at, actor).await?);
        }
        rights.push(words.join(" – "));
    }
    let hearings = work.hearings.iter().map(|hearing| HearingView {
        words: format!(
            "{} · {}",
            wall::capitalised(&moment(hearing.starts_at)),
            hearing.reference
        ),
        href: if by.serves(&unit.id) {
            format!("/agent/rendez-vous/{}", hearing.id)
        } else {
            String::new()
        },
    });
    let absences = work.absences.iter().map(|range| {
        let when = ctx.t2(
            "admin-away-when",
            "from",
            moment(range.from),
            "to",
            moment(range.to),
        );
        wall::capitalised(&when)
    });
    let feeds = work.feeds.iter().map(|feed| {
        let read = feed.read_day.as_deref().and_then(hours::day_of);
        let read = read.map_or_else(
            || ctx.t("officer-feed-unread"),
            |day| ctx.t1("officer-feed-read", "day", wall::day(ctx.lang, day)),
        );
        let issued = moment(feed.issued_at);
        ctx.t2("officer-feed", "when", issued, "read", read)
    });
    Ok(UnitView {
        rights,
        hearings: hearings.collect(),
        absences: absences.collect(),
        feeds: feeds.collect(),
        unit,
    })
}
