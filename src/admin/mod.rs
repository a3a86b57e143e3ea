//! Pages where an administrator sets up a unit: desks, their hours and absences, the
//! rules of its slots, who is empowered, the messages it sends, which other services
//! book there; and where an auditor reads its journal. It decides who may; what is done is the other slices' affair.

mod absences;
mod counters;
mod coverage;
mod desks;
mod empowerments;
mod exceptions;
mod hours_removal;
mod incidents;
mod journal;
mod looked_at;
mod messages;
mod neighbours;
mod officers;
mod rules;
mod scheduling;
mod scheduling_webhooks;
#[cfg(test)]
mod tests;
mod unit_closing;
mod units;

use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;

use crate::calendar::{self, Desk, Unit};
use crate::db::{Id, Tx};
use crate::error::{PageError, Refusal};
use crate::identity::{Role, SignedInOfficer, Who};
use crate::page::Ctx;
use crate::routes::Routes;

/// The open units an administrator may set up; a person of another role is refused.
///
/// # Errors
/// A refusal, or a fault of the database.
async fn units_of(tx: &mut Tx, officer: &SignedInOfficer) -> Result<Vec<Unit>, PageError> {
    let mut units = all_units_of(tx, officer).await?;
    units.retain(|unit| unit.closed_at.is_none());
    Ok(units)
}

/// The same with those that are closed: their figures, their messages and the rights in
/// them are still somebody's affair.
///
/// # Errors
/// A refusal, or a fault of the database.
async fn all_units_of(tx: &mut Tx, officer: &SignedInOfficer) -> Result<Vec<Unit>, PageError> {
    if !matches!(officer.role, Role::UnitAdmin | Role::DepartmentAdmin) {
        let (href, label) = match officer.role {
            Role::Auditor => ("/administration/journal", "way-out-journal"),
            _ => ("/agent", "way-out-agenda"),
        };
        return Err(Refusal::new(StatusCode::FORBIDDEN, "admin-not-for-role")
            .way_out(href, label)
            .into());
    }
    let units = calendar::list_units(tx, &officer.department).await?;
    Ok(units
        .into_iter()
        .filter(|unit| officer.may_administer(&unit.id, &unit.department))
        .collect())
}

/// One of the open units. Another unit does not exist for this administrator.
///
/// # Errors
/// A refusal, or a fault of the database.
async fn unit_of(tx: &mut Tx, officer: &SignedInOfficer, id: &Id) -> Result<Unit, PageError> {
    units_of(tx, officer)
        .await?
        .into_iter()
        .find(|unit| unit.id == *id)
        .ok_or_else(|| Refusal::not_found().into())
}

/// An open desk of one of these units.
///
/// # Errors
/// A refusal, or a fault of the database.
async fn desk_of(
    tx: &mut Tx,
    officer: &SignedInOfficer,
    id: &Id,
) -> Result<(Desk, Unit), PageError> {
    let units = units_of(tx, officer).await?;
    let desk = calendar::find_desk(tx, id)
        .await?
        .filter(|desk| desk.closed_at.is_none())
        .ok_or_else(Refusal::not_found)?;
    let unit = units
        .into_iter()
        .find(|unit| unit.id == desk.unit_id)
        .ok_or_else(Refusal::not_found)?;
    Ok((desk, unit))
}

/// Where each role's work begins; who nobody is yet signs in there.
async fn begin(ctx: Ctx) -> Redirect {
    let audits = matches!(&ctx.who, Who::Officer(officer) if officer.role == Role::Auditor);
    Redirect::to(if audits {
        "/administration/journal"
    } else {
        "/administration/guichets"
    })
}

/// The slice's routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/administration", get(begin))
        .merge(
            desks::router()
                .merge(absences::router())
                .merge(counters::router())
                .merge(coverage::router())
                .merge(exceptions::router())
                .merge(hours_removal::router())
                .merge(neighbours::router())
                .merge(rules::router())
                .merge(unit_closing::router())
                .merge(units::router()),
        )
        .merge(empowerments::router())
        .merge(journal::router())
        .merge(messages::router())
        .merge(officers::router())
        .merge(incidents::router())
        .merge(scheduling::router().merge(scheduling_webhooks::router()))
}
