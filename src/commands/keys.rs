//! `keys`: prints the public key of join tokens, and puts another master key in the
//! place of one, in three steps between which the service runs.

use std::process::ExitCode;

use super::KeyStep;
use crate::app::App;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::{hex, random_bytes};
use crate::error::Fault;
use crate::keys::{Keys, Masters, reseal, running};

pub(super) async fn run(config: Config, step: Option<KeyStep>) -> Result<ExitCode, Fault> {
    match step {
        None => {
            let keys = Keys::from_masters(&Masters::of(&config)?);
            println!("{}", hex(&keys.join_public));
            Ok(ExitCode::SUCCESS)
        }
        Some(KeyStep::Rotate) => rotate(&config, Clock::System.now()),
        Some(KeyStep::Reseal) => seal_anew(config).await,
        Some(KeyStep::Forget {
            with_links,
            with_lost,
        }) => forget(config, with_links, with_lost).await,
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
        // Read again under the lock: of two that rotate together, one does.
        Masters::replace(&config.data_dir, |held| {
            if held.has_former() {
                held.clone()
            } else {
                rotated
            }
        })?;
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
    let columns = reseal::reseal(&app.db, &app.keys).await?;
    for done in &columns {
        println!(
            "keys: {}: {} values, {} sealed anew, {} that no key opens",
            done.column, done.seen, done.anew, done.lost
        );
    }
    if lost(&columns) > 0 {
        println!(
            "keys: something opens with no master key that is known here. Look whether the \
             former ones are set as they were; nothing was changed of it"
        );
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "keys: everything is sealed with the present master key; then `visioplainte keys forget`"
    );
    Ok(ExitCode::SUCCESS)
}

fn lost(columns: &[reseal::Resealed]) -> usize {
    columns.iter().map(|done| done.lost).sum()
}

/// The former master key taken out, if nothing needs it any more.
async fn forget(config: Config, with_links: bool, with_lost: bool) -> Result<ExitCode, Fault> {
    let masters = Masters::of(&config)?;
    if !masters.has_former() {
        println!("keys: there is no former master key");
        return Ok(ExitCode::SUCCESS);
    }
    let in_settings = !config.master_key.is_empty();
    let app = App::open(config, Clock::System).await?;
    if let Some(refusal) = refusal_of(&app, &masters, with_links, with_lost).await? {
        println!("keys: {refusal}");
        return Ok(ExitCode::FAILURE);
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
        Masters::replace(&app.config.data_dir, Masters::without_former)?;
        println!("keys: the former master key is gone");
    }
    println!("keys: restart the service");
    Ok(ExitCode::SUCCESS)
}

/// Why the former key is still needed; none when it is not.
async fn refusal_of(
    app: &App,
    masters: &Masters,
    with_links: bool,
    with_lost: bool,
) -> Result<Option<String>, Fault> {
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let others = running::others(&mut tx, &app.keys, now).await?;
    drop(tx);
    if others > 0 {
        return Ok(Some(format!(
            "{others} processes ran with another master key in the last {} minutes: restart \
             them, wait, and ask again",
            running::GONE_MINUTES
        )));
    }
    let columns = reseal::reseal(&app.db, &app.keys).await?;
    let anew: usize = columns.iter().map(|done| done.anew).sum();
    if anew > 0 {
        return Ok(Some(format!(
            "{anew} values were sealed with a former key since `keys reseal`, and are sealed \
             anew now: ask again"
        )));
    }
    let lost = lost(&columns);
    if lost > 0 && !with_lost {
        return Ok(Some(format!(
            "{lost} values open with no master key that is known here. Look whether the former \
             ones are set as they were; say --with-lost if nothing can be done for them"
        )));
    }
    if with_links {
        return Ok(None);
    }
    let Some(since) = masters.current().since else {
        return Ok(Some(
            "since when the present master key is in use is not said behind it, so nobody \
             knows which links were sent before: say --with-links if none matters"
                .to_owned(),
        ));
    };
    let mut tx = app.db.read().await?;
    let (links, until) = reseal::links_from_before(&mut tx, since, now).await?;
    Ok((links > 0).then(|| {
        format!(
            "{links} personal links that were sent before would open nothing any more; the \
             last of those with an end is good until {}. Wait, or have them sent again, or \
             say --with-links",
            until.utc().to_rfc3339()
        )
    }))
}
