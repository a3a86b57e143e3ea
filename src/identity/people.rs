//! Reading who somebody is, for those who may know it. The caller has checked
//! that, and writes the consultation in the journal.

use ring::hmac;

use super::{OfficerIdentity, PivotIdentity, store};
use crate::clock::Timestamp;
use crate::db::{Id, Tx, hex};
use crate::error::Fault;
use crate::information::search::folded;
use crate::keys::Keys;
use crate::{execute, fetch_optional};

/// The issuer of those for whom no provider vouches.
const DECLARED: &str = "declared";

/// The identity FranceConnect vouched for, or the one that was declared.
///
/// # Errors
/// When the database fails or the sealed identity does not open.
pub async fn citizen_identity(
    tx: &mut Tx,
    keys: &Keys,
    citizen_id: &Id,
) -> Result<Option<PivotIdentity>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "select sealed_identity from citizens where id = $1",
        citizen_id
    )?;
    row.map(|(sealed,)| {
        keys.service
            .open_json(&format!("citizen/{citizen_id}"), &sealed)
    })
    .transpose()
}

/// What ProConnect said of an officer when they last signed in.
///
/// # Errors
/// When the database fails or the sealed identity does not open.
pub async fn officer_identity(
    tx: &mut Tx,
    keys: &Keys,
    officer_id: &Id,
) -> Result<Option<OfficerIdentity>, Fault> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "select sealed_identity from officers where id = $1",
        officer_id
    )?;
    row.map(|(sealed,)| {
        keys.service
            .open_json(&format!("officer/{officer_id}"), &sealed)
    })
    .transpose()
}

/// Whether nobody vouches for who a citizen is: an officer wrote them down.
///
/// # Errors
/// When the database fails or the sealed identity does not open.
pub async fn is_declared(tx: &mut Tx, keys: &Keys, citizen_id: &Id) -> Result<bool, Fault> {
    let identity = citizen_identity(tx, keys, citizen_id).await?;
    Ok(identity.is_some_and(|identity| identity.is_declared()))
}

/// Makes sure that there is the one citizen who stands for everybody unknown: without
/// a name, and without an account at any provider, so that nobody signs in as them.
///
/// # Errors
/// When the database fails.
pub async fn ensure_anonymous(
    tx: &mut Tx,
    keys: &Keys,
    id: &Id,
    now: Timestamp,
) -> Result<(), Fault> {
    let identity = PivotIdentity::default();
    execute!(
        tx,
        "insert into citizens (id, issuer, sub, sealed_identity, created_at)
         values ($1, 'scheduling-interface', 'anonymous', $2, $3) on conflict do nothing",
        id,
        keys.service.seal_json(&format!("citizen/{id}"), &identity),
        now
    )?;
    Ok(())
}

/// The citizen of an identity that was declared to an officer, who can be reached at
/// these addresses. The same person, told the same way with the same addresses, is the
/// same citizen, so that their own time is theirs once; somebody of the same name who is
/// reached elsewhere is another, and reads nothing of the first.
///
/// # Errors
/// When the database fails.
pub async fn ensure_declared(
    tx: &mut Tx,
    keys: &Keys,
    identity: &PivotIdentity,
    addresses: [&str; 2],
    now: Timestamp,
) -> Result<Id, Fault> {
    let fresh = Id::random();
    let mark = declared_mark(keys, identity, addresses);
    let sealed = keys
        .service
        .seal_json(&format!("citizen/{fresh}"), identity);
    store::insert_citizen(tx, &fresh, DECLARED, &mark, sealed, now).await?;
    let (id, _) = store::find_citizen(tx, DECLARED, &mark)
        .await?
        .ok_or_else(|| Fault::other("a citizen vanished within a transaction"))?;
    Ok(id)
}

/// By which a declared identity is recognised without being read. Accents and letters of
/// either case are one: people are written down as they are heard.
fn declared_mark(keys: &Keys, identity: &PivotIdentity, addresses: [&str; 2]) -> String {
    let fields = [
        folded(&identity.family_name),
        folded(&identity.given_name),
        identity.gender.clone(),
        identity.birthdate.clone(),
        folded(&identity.birthplace),
        folded(&identity.birthcountry),
        addresses[0].to_lowercase(),
        addresses[1].to_owned(),
    ];
    // Length-prefixed fields: no two different identities have the same text.
    let text: String = fields
        .iter()
        .map(|field| format!("{}:{field},", field.len()))
        .collect();
    let tag = hmac::sign(&keys.person, text.as_bytes());
    hex(&tag.as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_person_is_recognised_however_they_are_written_and_nobody_else_is() {
        let keys = Keys::from_master(&[1; 32]);
        let lucie = PivotIdentity {
            given_name: "Lucie Anne".into(),
            family_name: "Bénard".into(),
            gender: "female".into(),
            birthdate: "1951-06-02".into(),
            birthplace: "Oran".into(),
            birthcountry: "Algérie".into(),
            ..PivotIdentity::default()
        };
        let mark = |change: fn(&mut PivotIdentity), addresses| {
            let mut identity = lucie.clone();
            change(&mut identity);
            declared_mark(&keys, &identity, addresses)
        };
        let own = mark(|_| (), ["l@exemple.example", "+33600000000"]);
        for (same, change, addresses) in [
            (
                true,
                (|identity: &mut PivotIdentity| identity.family_name = "BENARD".into())
                    as fn(&mut PivotIdentity),
                ["L@exemple.example", "+33600000000"],
            ),
            (false, |_| (), ["", "+33600000000"]),
            (false, |_| (), ["l@exemple.example", "+33600000001"]),
            (
                false,
                |identity| identity.birthdate = "1951-06-03".into(),
                ["l@exemple.example", "+33600000000"],
            ),
            (
                false,
                |identity| {
                    identity.family_name = "Bénard Lucie".into();
                    identity.given_name = "Anne".into();
                },
                ["l@exemple.example", "+33600000000"],
            ),
        ] {
            assert_eq!(mark(change, addresses) == own, same);
        }
    }
}
