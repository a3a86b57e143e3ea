//! `incident publish`, `list`, `withdraw`: what the operator tells the whole country, or a
//! department, while something does not work. A department's administrator does the same
//! for theirs on the pages.

use std::process::ExitCode;

use chrono::DateTime;

use super::Incident;
use crate::app::App;
use crate::audit::Actor;
use crate::calendar;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::Id;
use crate::error::Fault;
use crate::incidents::{self, Audience, Plan};

/// Messages listed.
const LISTED: i64 = 50;

/// Does what was asked for.
pub(super) async fn run(config: Config, command: Incident) -> Result<ExitCode, Fault> {
    let app = App::open(config, Clock::System).await?;
    match command {
        Incident::Publish {
            fr,
            en,
            from,
            to,
            department,
            audience,
        } => {
            let Some(audience) = Audience::parse(&audience) else {
                return Ok(refused("--audience is everybody, citizens or officers"));
            };
            let times = (instant(&from), instant(&to));
            publish(&app, (department, audience), (&fr, &en), times).await
        }
        Incident::List => list(&app).await,
        Incident::Withdraw { id } => withdraw(&app, &Id::from(id.as_str())).await,
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    let read = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Timestamp(read.timestamp_millis()))
}

async fn publish(
    app: &App,
    (department, audience): (Option<String>, Audience),
    words: (&str, &str),
    times: (Option<Timestamp>, Option<Timestamp>),
) -> Result<ExitCode, Fault> {
    let now = app.clock.now();
    let plan = match Plan::check((department.as_deref(), audience), words, times, now) {
        Ok(plan) => plan,
        Err(errors) => {
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Ok(refused(&told.join(", ")));
        }
    };
    let mut tx = app.db.begin().await?;
    if let Some(code) = &department
        && calendar::coverage::find(&mut tx, code).await?.is_none()
    {
        return Ok(refused("no department has this INSEE code"));
    }
    let id = incidents::publish(&mut tx, &plan, &Actor::System, now).await?;
    tx.commit().await?;
    println!("incident: {id} is published; pages show it within half a minute of its beginning");
    Ok(ExitCode::SUCCESS)
}

async fn list(app: &App) -> Result<ExitCode, Fault> {
    let mut tx = app.db.read().await?;
    let now = app.clock.now();
    for incident in incidents::list_all(&mut tx, LISTED).await? {
        let state = match (incident.withdrawn_at, incident.stands_at(now)) {
            (Some(_), _) => "withdrawn",
            (None, true) => "stands",
            (None, false) if incident.is_coming_at(now) => "to come",
            (None, false) => "over",
        };
        println!(
            "{} {state} {} {} {} .. {}: {}",
            incident.id,
            incident.department.as_deref().unwrap_or("country"),
            incident.audience,
            incident.begins_at.utc().to_rfc3339(),
            incident.ends_at.utc().to_rfc3339(),
            incident.message_fr
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn withdraw(app: &App, id: &Id) -> Result<ExitCode, Fault> {
    let mut tx = app.db.begin().await?;
    if !incidents::withdraw(&mut tx, id, &Actor::System, app.clock.now()).await? {
        return Ok(refused(
            "no message of this identifier stands or is to come",
        ));
    }
    tx.commit().await?;
    println!("incident: {id} is taken back; pages drop it within half a minute");
    Ok(ExitCode::SUCCESS)
}

fn refused(why: &str) -> ExitCode {
    eprintln!("incident: nothing was changed: {why}");
    ExitCode::FAILURE
}
