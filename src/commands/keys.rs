//! `keys`: prints the public key of join tokens, and puts another master key in the
//! place of one, in three steps between which the service runs.

use std::process::ExitCode;

use super::KeyStep;
use crate::app::App;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::{hex, random_bytes};
use crate::error::Fault;
use crate::keys::{Keys, Masters, reseal};

pub(super) async fn run(config: Config, step: Option<KeyStep>) -> Result<ExitCode, Fault> {
    match step {
        None => {
            let keys = Keys::from_masters(&Masters::of(&config)?);
            println!("{}", hex(&keys.join_public));
            Ok(ExitCode::SUCCESS)
        }
        Some(KeyStep::Rotate) => rotate(&config, Clock::System.now()),
        Some(KeyStep::Reseal) => seal_anew(config).await,
        Some(KeyStep::Forget { with_links }) => forget(config, with_links).await,
    }
}

/// Another first master key.
fn rotate(config: &Config, now: Timestamp) -> Result<ExitCode, Fault> {
    let masters = Masters::of(config)?;
    if masters.has_former() {
        println!(
            "keys: there is a former master key already; `keys reseal` and `keys forget` first"
        );
        return Ok(ExitCode::FAILURE);
    }
    let rotated = masters.rotated(random_bytes::<32>(), now);
    if config.master_key.is_empty() {
        rotated.write(&config.data_dir)?;
        println!(
            "keys: there is a new master key in {}",
            config.data_dir.display()
        );
    } else {
        let [current, former] =
            [rotated.current(), masters.current()].map(crate::keys::master::line_of);
        println!("keys: put these in the settings:");
        println!("master_key = \"{current}\"");
        println!("former_master_keys = [\"{former}\"]");
    }
    println!("keys: restart the service and its media nodes, then `visioplainte keys reseal`");
    Ok(ExitCode::SUCCESS)
}

/// Everything sealed anew; may run beside the service, and be begun again.
async fn seal_anew(config: Config) -> Result<ExitCode, Fault> {
    let app = App::open(config, Clock::System).await?;
    for done in reseal::reseal(&app.db, &app.keys).await? {
        println!(
            "keys: {}: {} values, {} sealed anew, {} that no key opens",
            done.column, done.seen, done.anew, done.lost
        );
    }
    println!(
        "keys: everything is sealed with the present master key; then `visioplainte keys forget`"
    );
    Ok(ExitCode::SUCCESS)
}

/// The former master key taken out, if nothing needs it any more.
async fn forget(config: Config, with_links: bool) -> Result<ExitCode, Fault> {
    let masters = Masters::of(&config)?;
    if !masters.has_former() {
        println!("keys: there is no former master key");
        return Ok(ExitCode::SUCCESS);
    }
    let in_settings = !config.master_key.is_empty();
    let app = App::open(config, Clock::System).await?;
    let anew: usize = reseal::reseal(&app.db, &app.keys)
        .await?
        .iter()
        .map(|done| done.anew)
        .sum();
    if anew > 0 {
        println!(
            "keys: {anew} values were sealed with a former key since `keys reseal`: a process \
             that was not restarted still runs. Restart it, then ask again"
        );
        return Ok(ExitCode::FAILURE);
    }
    if let Some(since) = masters.current().since {
        let mut tx = app.db.read().await?;
        let now = app.clock.now();
        let (links, until) = reseal::links_from_before(&mut tx, since, now).await?;
        if links > 0 && !with_links {
            println!(
                "keys: {links} personal links that were sent before would open nothing any \
                 more; the last of them is good until {}. Wait, or say --with-links and have \
                 them sent again",
                until.utc().to_rfc3339()
            );
            return Ok(ExitCode::FAILURE);
        }
    }
    let last = masters.without_former();
    if in_settings {
        println!("keys: take former_master_keys out of the settings, and put these in:");
        let publics: Vec<String> = last
            .journal_publics()
            .iter()
            .map(|key| format!("\"{}\"", hex(key)))
            .collect();
        println!("former_journal_keys = [{}]", publics.join(", "));
        if let Some(marks) = last.marks() {
            println!("mark_keys = \"{marks}\"");
        }
    } else {
        last.write(&app.config.data_dir)?;
        println!("keys: the former master key is gone");
    }
    println!("keys: restart the service");
    Ok(ExitCode::SUCCESS)
}
