//! The next hearing, told on every page of an officer: one's own, or one that nobody
//! holds yet. It is asked for once a page, by one read of an index, and names neither
//! person nor reference.

use axum::extract::{Request, State as Shared};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use chrono_tz::Europe::Paris;
use chrono_tz::Tz;

use super::meeting_link::OPENS_MINUTES_BEFORE;
use super::{State, anonymous};
use crate::app::App;
use crate::calendar::recurrence::day_of;
use crate::calendar::wall;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::fetch_optional;
use crate::identity::{SignedInOfficer, Who};
use crate::page::{Ctx, NextHearing};

/// No slot is longer, in minutes: what began before that is over.
const LONGEST_SLOT: i64 = 240;

/// Middleware, inside `page::prepare`: puts the officer's next hearing where the
/// layout finds it. A page is not refused because the line above it cannot be had.
pub async fn announce(Shared(app): Shared<App>, mut request: Request, next: Next) -> Response {
    if *request.method() == Method::GET
        && let Some(ctx) = request.extensions().get::<Ctx>()
        && let Who::Officer(officer) = &ctx.who
        && officer.serves(&officer.unit_id)
    {
        match found(&app, officer, ctx).await {
            Ok(next_hearing) => {
                if let Some(ctx) = request.extensions_mut().get_mut::<Ctx>() {
                    ctx.next_hearing = next_hearing;
                }
            }
            Err(fault) => tracing::error!(%fault, "the next hearing could not be read: {fault}"),
        }
    }
    next.run(request).await
}

async fn found(
    app: &App,
    officer: &SignedInOfficer,
    ctx: &Ctx,
) -> Result<Option<NextHearing>, Fault> {
    let mut tx = app.db.read().await?;
    let upcoming = find_upcoming(&mut tx, officer, ctx.now).await?;
    Ok(upcoming.and_then(|upcoming| in_words(&upcoming, ctx)))
}

#[derive(sqlx::FromRow)]
struct Upcoming {
    id: Id,
    citizen_id: Id,
    starts_at: Timestamp,
    state: State,
    time_zone: String,
}

async fn find_upcoming(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    now: Timestamp,
) -> Result<Option<Upcoming>, Fault> {
    fetch_optional!(
        tx,
        Upcoming,
        "select a.id, a.citizen_id, a.starts_at, a.state, u.time_zone
         from appointments a join units u on u.id = a.unit_id
         where a.unit_id = $1 and a.starts_at >= $2 and a.starts_at < $3 and a.ends_at > $4
           and a.state in ('booked', 'open', 'in_hearing')
           and (a.officer_id is null or a.officer_id = $5)
         order by a.starts_at, a.reference limit 1",
        &officer.unit_id,
        now.plus_minutes(-LONGEST_SLOT),
        now.plus_minutes(24 * 60),
        now,
        &officer.id
    )
}

/// The banner; none on the hearing's own page, or when it is on another day.
fn in_words(upcoming: &Upcoming, ctx: &Ctx) -> Option<NextHearing> {
    let zone: Tz = upcoming.time_zone.parse().unwrap_or(Paris);
    let hearing = format!("/agent/audition/{}", upcoming.id);
    let opens = upcoming.starts_at.plus_minutes(-OPENS_MINUTES_BEFORE);
    let today = day_of(upcoming.starts_at, zone) == day_of(ctx.now, zone);
    // One that begins shortly after midnight is told as soon as its room may open.
    if ctx.path.starts_with(&hearing) || !(today || ctx.now >= opens) {
        return None;
    }
    let (words, action, href) = match upcoming.state {
        State::InHearing => ("banner-in-hearing", "banner-return", hearing),
        State::Open => ("banner-open", "banner-return", hearing),
        // Another service connects somebody unknown here: there is no room to open.
        _ if ctx.now >= opens && upcoming.citizen_id.as_str() != anonymous::PERSON => {
            ("banner-may-open", "banner-go", hearing)
        }
        _ => {
            let page = format!("/agent/rendez-vous/{}", upcoming.id);
            ("banner-later", "banner-see", page)
        }
    };
    let time = wall::time(ctx.lang, upcoming.starts_at, zone);
    let time = if zone == Paris {
        time
    } else {
        let zone = wall::zone_name(ctx.lang, zone);
        ctx.t2("booking-time-in-zone", "time", time, "zone", zone)
    };
    Some(NextHearing {
        words: ctx.t1(words, "time", time),
        instant: upcoming.starts_at.utc().to_rfc3339(),
        action: ctx.t(action),
        href,
    })
}
