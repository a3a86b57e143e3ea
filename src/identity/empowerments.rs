//! Individual empowerments: who has which right in a unit, given by whom and when,
//! taken back by whom and when. Nothing is deleted. It decides who may give what;
//! where the pages are is not its affair.

use super::requests::{self, Asking};
use super::{OfficerIdentity, Role, SignedInOfficer, own_sessions};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;
use crate::{execute, fetch_all, fetch_optional};

/// An empowerment, live or taken back.
#[derive(Clone, Debug)]
pub struct Held {
    /// Key.
    pub id: Id,
    /// Where it holds.
    pub unit_id: Id,
    /// Who holds it.
    pub officer_id: Id,
    /// Their administrative number.
    pub rio: String,
    /// Their name, as ProConnect last gave it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// When it was given.
    pub granted_at: Timestamp,
    /// By whom, as an actor.
    pub granted_by: String,
    /// When and by whom it was taken back.
    pub revoked: Option<(Timestamp, String)>,
}

/// Who is to be empowered.
#[derive(Clone, Debug)]
pub enum Candidate {
    /// An officer of this service, here or elsewhere.
    Known {
        /// Our own id.
        id: Id,
        /// Administrative number.
        rio: String,
        /// As ProConnect last gave it.
        identity: OfficerIdentity,
    },
    /// Somebody who asked after a refused login.
    Asking(Asking),
}

impl Candidate {
    /// What names them between the question and the act.
    #[must_use]
    pub fn handle(&self) -> String {
        match self {
            Candidate::Known { id, .. } => format!("officer/{id}"),
            Candidate::Asking(asking) => format!("request/{}", asking.id),
        }
    }

    /// Who they are.
    #[must_use]
    pub fn identity(&self) -> &OfficerIdentity {
        match self {
            Candidate::Known { identity, .. } => identity,
            Candidate::Asking(asking) => &asking.identity,
        }
    }
}

/// Why nothing was given.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// Nobody gives rights to themselves.
    #[error("an administrator cannot empower themselves")]
    Oneself,
    /// Not a role this administrator gives, or not in that unit.
    #[error("this role is not theirs to give")]
    NotTheirs,
    /// The officer has it already.
    #[error("the officer holds that empowerment already")]
    AlreadyHeld,
    /// The request was used or has expired meanwhile.
    #[error("the request is used or has expired")]
    RequestOver,
    /// Another officer has this number, or it is none.
    #[error("the administrative number is taken or malformed")]
    WrongRio,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why nothing was taken back.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// One's own: somebody else has to do it, so that none locks a unit out unseen.
    #[error("an administrator cannot revoke their own empowerment")]
    Own,
    /// Taken back already.
    #[error("the empowerment is revoked already")]
    Already,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The roles that an administrator gives and takes back in a unit: never one that
/// reaches further than their own.
#[must_use]
pub fn grantable(by: &SignedInOfficer, unit: &Id, department: &str) -> &'static [Role] {
    if !by.may_administer(unit, department) {
        return &[];
    }
    match by.role {
        Role::DepartmentAdmin => &[
            Role::Officer,
            Role::UnitAdmin,
            Role::Auditor,
            Role::DepartmentAdmin,
        ],
        Role::UnitAdmin => &[Role::Officer, Role::UnitAdmin],
        Role::Officer | Role::Auditor => &[],
    }
}

/// Whether a text can be an administrative number: five to ten digits.
#[must_use]
pub fn is_rio(text: &str) -> bool {
    (5..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Id,
    unit_id: Id,
    officer_id: Id,
    rio: String,
    sealed_identity: Vec<u8>,
    role: Role,
    granted_at: Timestamp,
    granted_by: String,
    revoked_at: Option<Timestamp>,
    revoked_by: Option<String>,
}

impl Row {
    fn opened(self, keys: &Keys) -> Result<Held, Fault> {
        let place = format!("officer/{}", self.officer_id);
        let identity: OfficerIdentity = keys.service.open_json(&place, &self.sealed_identity)?;
        Ok(Held {
            name: identity.display_name(),
            revoked: self.revoked_at.zip(self.revoked_by),
            id: self.id,
            unit_id: self.unit_id,
            officer_id: self.officer_id,
            rio: self.rio,
            role: self.role,
            granted_at: self.granted_at,
            granted_by: self.granted_by,
        })
    }
}

/// Every empowerment a unit ever gave: the live ones first, then those taken
/// back, the latest first.
///
/// # Errors
/// When the database fails or a sealed identity does not open.
pub async fn list(tx: &mut Tx, keys: &Keys, unit: &Id) -> Result<Vec<Held>, Fault> {
    let rows = fetch_all!(
        tx,
        Row,
        "select e.id, e.unit_id, e.officer_id, o.rio, o.sealed_identity, e.role, e.granted_at, e.granted_by,
                e.revoked_at, e.revoked_by
         from empowerments e join officers o on o.id = e.officer_id
         where e.unit_id = $1
         order by case when e.revoked_at is null then 0 else 1 end, e.revoked_at desc, o.rio, e.role, e.id",
        unit
    )?;
    rows.into_iter().map(|row| row.opened(keys)).collect()
}

/// One empowerment, live or not.
///
/// # Errors
/// As [`list`].
pub async fn find(tx: &mut Tx, keys: &Keys, id: &Id) -> Result<Option<Held>, Fault> {
    let row = fetch_optional!(
        tx,
        Row,
        "select e.id, e.unit_id, e.officer_id, o.rio, o.sealed_identity, e.role, e.granted_at, e.granted_by,
                e.revoked_at, e.revoked_by
         from empowerments e join officers o on o.id = e.officer_id
         where e.id = $1",
        id
    )?;
    row.map(|row| row.opened(keys)).transpose()
}

/// The administrative number behind an actor of the journal, if an officer's.
///
/// # Errors
/// When the database fails.
pub async fn rio_of_actor(tx: &mut Tx, actor: &str) -> Result<Option<String>, Fault> {
    let Some(id) = actor.strip_prefix("officer/") else {
        return Ok(None);
    };
    let row = fetch_optional!(tx, (String,), "select rio from officers where id = $1", id)?;
    Ok(row.map(|(rio,)| rio))
}

/// Who is meant by an administrative number, or by the code of a request; none
/// where nobody is, or where a number is not one person's.
///
/// # Errors
/// When the database fails or a sealed identity does not open.
pub async fn find_candidate(
    tx: &mut Tx,
    keys: &Keys,
    typed: &str,
    now: Timestamp,
) -> Result<Option<Candidate>, Fault> {
    let typed = typed.trim();
    if !is_rio(typed) {
        let asking = requests::find(tx, keys, typed, now).await?;
        return Ok(asking.map(Candidate::Asking));
    }
    let rows = fetch_all!(
        tx,
        (Id, Vec<u8>),
        "select id, sealed_identity from officers where rio = $1 order by id limit 2",
        typed
    )?;
    let [(id, sealed)] = rows.as_slice() else {
        return Ok(None);
    };
    Ok(Some(Candidate::Known {
        id: id.clone(),
        rio: typed.to_owned(),
        identity: keys.service.open_json(&format!("officer/{id}"), sealed)?,
    }))
}

/// Gives somebody a role in a unit; gives the empowerment's key. It is used at
/// their next login: no session gains a right while it lasts.
///
/// # Errors
/// Why not, or a fault.
#[allow(clippy::too_many_arguments)]
pub async fn grant(
    tx: &mut Tx,
    keys: &Keys,
    by: &SignedInOfficer,
    (unit, department): (&Id, &str),
    role: Role,
    candidate: &Candidate,
    rio: &str,
    now: Timestamp,
) -> Result<Id, GrantError> {
    if !grantable(by, unit, department).contains(&role) {
        return Err(GrantError::NotTheirs);
    }
    let actor = Actor::Officer(by.id.clone());
    give(tx, keys, (&actor, unit), role, candidate, rio, now).await
}

/// The operator of the service gives the first administrator of a unit their right: there
/// is nobody yet who could. They asked after a refused login like anybody, and tell the
/// operator their code.
///
/// # Errors
/// [`GrantError::RequestOver`] where the code names nobody; else as [`grant`].
pub async fn grant_by_operator(
    tx: &mut Tx,
    keys: &Keys,
    unit: &Id,
    role: Role,
    (code, rio): (&str, &str),
    now: Timestamp,
) -> Result<Id, GrantError> {
    let candidate = find_candidate(tx, keys, code, now)
        .await?
        .ok_or(GrantError::RequestOver)?;
    give(tx, keys, (&Actor::System, unit), role, &candidate, rio, now).await
}

async fn give(
    tx: &mut Tx,
    keys: &Keys,
    (actor, unit): (&Actor, &Id),
    role: Role,
    candidate: &Candidate,
    rio: &str,
    now: Timestamp,
) -> Result<Id, GrantError> {
    audit::lock(tx, unit.as_str()).await?;
    let officer = match candidate {
        Candidate::Known { id, .. } => id.clone(),
        Candidate::Asking(asking) => {
            if !requests::use_up(tx, &asking.id, actor, now).await? {
                return Err(GrantError::RequestOver);
            }
            welcome(tx, keys, asking, rio, now).await?
        }
    };
    if *actor == Actor::Officer(officer.clone()) {
        return Err(GrantError::Oneself);
    }
    let id = Id::random();
    let rows = execute!(
        tx,
        "insert into empowerments (id, officer_id, unit_id, role, granted_at, granted_by)
         values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing",
        &id,
        &officer,
        unit,
        role,
        now,
        actor.to_string()
    )?;
    if rows == 0 {
        return Err(GrantError::AlreadyHeld);
    }
    audit::append(
        tx,
        unit.as_str(),
        now,
        actor,
        "empowerment.grant",
        &format!("empowerment/{id}"),
        &format!("officer={officer} role={role}"),
    )
    .await?;
    Ok(id)
}

/// The officer behind a request: one whose empowerments were all taken back, or a
/// new one with the number that their administrator knows.
async fn welcome(
    tx: &mut Tx,
    keys: &Keys,
    asking: &Asking,
    rio: &str,
    now: Timestamp,
) -> Result<Id, GrantError> {
    if let Some(known) = super::store::find_officer(tx, &asking.sub, &asking.idp_id).await? {
        return Ok(known);
    }
    if !is_rio(rio) {
        return Err(GrantError::WrongRio);
    }
    let id = Id::random();
    let sealed = keys
        .service
        .seal_json(&format!("officer/{id}"), &asking.identity);
    // A number that another officer has would name two people.
    let rows = execute!(
        tx,
        "insert into officers (id, sub, idp_id, sealed_identity, rio, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing",
        &id,
        &asking.sub,
        &asking.idp_id,
        sealed,
        rio,
        now
    )?;
    if rows == 0 {
        return Err(GrantError::WrongRio);
    }
    Ok(id)
}

/// Takes an empowerment back and ends the sessions that act under it; gives how
/// many. Their seats in hearings are given up as for any session that was ended.
///
/// # Errors
/// Why not, or a fault.
pub async fn revoke(
    tx: &mut Tx,
    by: &SignedInOfficer,
    held: &Held,
    now: Timestamp,
) -> Result<usize, RevokeError> {
    if held.officer_id == by.id {
        return Err(RevokeError::Own);
    }
    let actor = Actor::Officer(by.id.clone());
    audit::lock(tx, held.unit_id.as_str()).await?;
    let rows = execute!(
        tx,
        "update empowerments set revoked_at = $2, revoked_by = $3 where id = $1 and revoked_at is null",
        &held.id,
        now,
        actor.to_string()
    )?;
    if rows == 0 {
        return Err(RevokeError::Already);
    }
    let ended = fetch_all!(
        tx,
        (String,),
        "update sessions set ended_at = $2, ended_by = $3
         where empowerment_id = $1 and ended_at is null
         returning id",
        &held.id,
        now,
        own_sessions::handle(&by.session)
    )?;
    audit::append(
        tx,
        held.unit_id.as_str(),
        now,
        &actor,
        "empowerment.revoke",
        &format!("empowerment/{}", held.id),
        &format!(
            "officer={} role={} sessions={}",
            held.officer_id,
            held.role,
            ended.len()
        ),
    )
    .await?;
    Ok(ended.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(role: Role) -> SignedInOfficer {
        SignedInOfficer {
            id: "o".into(),
            session: "s".into(),
            unit_id: "u-78-police".into(),
            department: "78".into(),
            role,
            rio: "1234567".into(),
            identity: OfficerIdentity {
                given_name: "Camille".into(),
                usual_name: "Agent".into(),
                email: "agent@exemple.example".into(),
            },
        }
    }

    #[test]
    fn nobody_gives_more_than_they_hold_or_elsewhere() {
        use Role::{Auditor, DepartmentAdmin, Officer, UnitAdmin};
        for (role, own, same_department, other_department) in [
            (Officer, vec![], vec![], vec![]),
            (Auditor, vec![], vec![], vec![]),
            (UnitAdmin, vec![Officer, UnitAdmin], vec![], vec![]),
            (
                DepartmentAdmin,
                vec![Officer, UnitAdmin, Auditor, DepartmentAdmin],
                vec![Officer, UnitAdmin, Auditor, DepartmentAdmin],
                vec![],
            ),
        ] {
            let by = by(role);
            for (unit, department, expected) in [
                ("u-78-police", "78", &own),
                ("u-78-gendarmerie", "78", &same_department),
                ("u-974-police", "974", &other_department),
            ] {
                let given = grantable(&by, &unit.into(), department);
                assert_eq!(given, expected.as_slice(), "{role} in {unit}");
            }
        }
    }

    #[test]
    fn an_administrative_number_is_told_from_a_code() {
        for (text, number) in [
            ("9078001", true),
            ("12345", true),
            ("1234567890", true),
            ("1234", false),
            ("12345678901", false),
            ("907800A", false),
            ("D-7K3M9-2QXTZ", false),
            ("", false),
            ("９０７８００１", false),
        ] {
            assert_eq!(is_rio(text), number, "{text}");
        }
    }
}
