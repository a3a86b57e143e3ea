//! `admin create`: the first administrator of a department or unit. Everybody else is
//! empowered on the pages, by somebody; the first has nobody, so whoever runs the
//! service does it, and the journal says so.

use std::process::ExitCode;

use crate::app::App;
use crate::calendar;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Id;
use crate::error::Fault;
use crate::identity::Role;
use crate::identity::empowerments::{self, GrantError};

/// Empowers whoever asked with a code.
pub(super) async fn create(
    config: Config,
    told: (&str, &str),
    unit: &str,
    role: &str,
) -> Result<ExitCode, Fault> {
    let Some(role) =
        Role::parse(role).filter(|role| matches!(role, Role::DepartmentAdmin | Role::UnitAdmin))
    else {
        return Ok(refused("--role is department_admin or unit_admin"));
    };
    let app = App::open(config, Clock::System).await?;
    let unit = Id::from(unit);
    let mut tx = app.db.begin().await?;
    let Some(found) = calendar::find_unit(&mut tx, &unit).await? else {
        return Ok(refused("no unit has this identifier"));
    };
    let now = app.clock.now();
    match empowerments::grant_by_operator(&mut tx, &app.keys, &unit, role, told, now).await {
        Ok(id) => {
            tx.commit().await?;
            println!("admin: {role} of {} ({unit}), empowerment {id}", found.name);
            println!("admin: it holds from their next login on");
            Ok(ExitCode::SUCCESS)
        }
        Err(GrantError::RequestOver) => Ok(refused(
            "nobody asked with this code in the last seven days: let them sign in, ask again, and tell the new one",
        )),
        Err(GrantError::AlreadyHeld) => Ok(refused("they hold this right already")),
        Err(GrantError::WrongRio) => Ok(refused(
            "--rio is five to ten digits, and no other officer's",
        )),
        Err(GrantError::Fault(fault)) => Err(fault),
        Err(other) => Ok(refused(&other.to_string())),
    }
}

fn refused(why: &str) -> ExitCode {
    eprintln!("admin: nothing was changed: {why}");
    ExitCode::FAILURE
}
