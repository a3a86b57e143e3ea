//! SQL of incidents, and which departments a person's cases lie in.

use super::{Incident, Plan};
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

pub(super) async fn insert(
    tx: &mut Tx,
    id: &Id,
    plan: &Plan,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into incidents (id, department, audience, message_fr, message_en, begins_at, ends_at,
             created_at, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id,
        &plan.department,
        plan.audience,
        &plan.message_fr,
        &plan.message_en,
        plan.begins_at,
        plan.ends_at,
        now,
        actor.to_string()
    )?;
    Ok(())
}

/// Gives whether it stood or was to.
pub(super) async fn mark_withdrawn(
    tx: &mut Tx,
    id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update incidents set withdrawn_at = $2, withdrawn_by = $3
         where id = $1 and withdrawn_at is null and ends_at > $2",
        id,
        now,
        actor.to_string()
    )?;
    Ok(rows == 1)
}

pub(super) async fn find(tx: &mut Tx, id: &Id) -> Result<Option<Incident>, Fault> {
    fetch_optional!(
        tx,
        Incident,
        "select id, department, audience, message_fr, message_en, begins_at, ends_at, created_at, created_by,
                withdrawn_at, withdrawn_by
         from incidents where id = $1",
        id
    )
}

pub(super) async fn list(tx: &mut Tx, department: &str, most: i64) -> Result<Vec<Incident>, Fault> {
    fetch_all!(
        tx,
        Incident,
        "select id, department, audience, message_fr, message_en, begins_at, ends_at, created_at, created_by,
                withdrawn_at, withdrawn_by
         from incidents where department is null or department = $1
         order by created_at desc, id limit $2",
        department,
        most
    )
}

pub(super) async fn list_all(tx: &mut Tx, most: i64) -> Result<Vec<Incident>, Fault> {
    fetch_all!(
        tx,
        Incident,
        "select id, department, audience, message_fr, message_en, begins_at, ends_at, created_at, created_by,
                withdrawn_at, withdrawn_by
         from incidents order by created_at desc, id limit $1",
        most
    )
}

/// What stands or will, in order of its beginning.
pub(super) async fn list_coming(tx: &mut Tx, now: Timestamp) -> Result<Vec<Incident>, Fault> {
    fetch_all!(
        tx,
        Incident,
        "select id, department, audience, message_fr, message_en, begins_at, ends_at, created_at, created_by,
                withdrawn_at, withdrawn_by
         from incidents where ends_at > $1 and withdrawn_at is null order by begins_at, id",
        now
    )
}

/// The departments whose units receive a person's cases.
pub(super) async fn list_departments_of(
    tx: &mut Tx,
    citizen_id: &Id,
) -> Result<Vec<(String,)>, Fault> {
    fetch_all!(
        tx,
        (String,),
        "select distinct u.department from declarations d join units u on u.id = d.unit_id
         where d.citizen_id = $1",
        citizen_id
    )
}
