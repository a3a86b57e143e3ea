//! The demonstration's outside world, behind the feature `sandbox`: a small
//! real OpenID provider with both faces (FranceConnect, ProConnect) and pages
//! that show the mail and SMS a supplier would have delivered. The production
//! image is built without it.
//!
//! The service has no shortcut to it: it logs people in over HTTP at its own
//! public address, exactly as with a real provider.

pub mod mailbox;
pub mod openid;
pub mod people;
pub mod receiver;
pub mod supplier;

use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::execute;
use crate::identity::OfficerIdentity;
use crate::keys::Keys;
use crate::routes::Routes;

/// The slice's routes.
pub fn router() -> Routes {
    Routes::new()
        .merge(openid::router())
        .merge(mailbox::router())
}

/// Inserts the demonstration's officers and their empowerments for the seeded
/// units. Run again, it changes nothing: a revoked empowerment stays revoked.
///
/// # Errors
/// When the database fails or the units are not there yet.
pub async fn seed_officers(tx: &mut Tx, keys: &Keys, now: Timestamp) -> Result<(), Fault> {
    for officer in people::OFFICERS {
        if officer.empowerments.is_empty() {
            continue;
        }
        let id = format!("o-{}", officer.key);
        let identity = OfficerIdentity {
            given_name: officer.given_name.to_owned(),
            usual_name: officer.usual_name.to_owned(),
            email: officer.email.to_owned(),
        };
        let sealed = keys.service.seal_json(&format!("officer/{id}"), &identity);
        execute!(
            tx,
            "insert into officers (id, sub, idp_id, sealed_identity, rio, created_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict do nothing",
            &id,
            openid::officer_subject(keys, officer.key),
            people::OFFICERS_PROVIDER,
            sealed,
            officer.rio,
            now
        )?;
        for (unit, role) in officer.empowerments {
            execute!(
                tx,
                "insert into empowerments (id, officer_id, unit_id, role, granted_at, granted_by)
                 values ($1, $2, $3, $4, $5, 'system')
                 on conflict do nothing",
                format!("e-{}-{unit}-{role}", officer.key),
                &id,
                *unit,
                *role,
                now
            )?;
        }
    }
    Ok(())
}
