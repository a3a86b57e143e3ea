//! A link that lets one person into one hearing, once.
//!
//! Its secret is derived from the link's id and generation, rendered when a
//! message is sent and stored nowhere: confirmation and reminders carry the
//! same link, and a stolen database opens no hearing. Re-issuing raises the
//! generation and kills the former. The link says which hearing; it never
//! says who: using it is `hearings`' affair.

use crate::clock::Timestamp;
use crate::db::{Id, Tx, hex};
use crate::error::Fault;
use crate::keys::Keys;
use crate::{execute, fetch_optional, text_enum};

/// A link opens this long before the slot.
pub const OPENS_MINUTES_BEFORE: i64 = 30;
/// A link still opens this long after the slot's end: hearings overrun.
pub const OVERRUN_MINUTES: i64 = 60;

text_enum! {
    /// As whom a link lets in.
    LinkRole {
        /// The person who lodges the complaint.
        Citizen = "citizen",
        /// Their lawyer.
        Lawyer = "lawyer",
        /// An adult of their choice, or legal representative.
        Companion = "companion",
        /// An interpreter.
        Interpreter = "interpreter",
    }
}

/// A link as stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MeetingLink {
    /// Key; the public half of the link.
    pub id: Id,
    /// Which hearing.
    pub appointment_id: Id,
    /// As whom.
    pub role: LinkRole,
    /// For whom, as a journal actor.
    pub person: String,
    /// Only the secret of this generation works.
    pub generation: i64,
    /// Not before.
    pub valid_from: Timestamp,
    /// Not after.
    pub valid_until: Timestamp,
    /// When it let somebody in.
    pub used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// The secret text of a link: its id, generation and derived proof.
#[must_use]
pub fn secret(keys: &Keys, id: &str, generation: i64) -> String {
    let proof = keys.link.derive(&format!("{id}.{generation}"), proof);
    format!("{id}.{generation}.{proof}")
}

/// Half of a tag is what somebody would have to guess: 128 bits.
fn proof(tag: &[u8]) -> String {
    hex(tag.get(..16).unwrap_or(tag))
}

/// What a secret stands for, if it is one of ours. Says nothing of validity.
#[must_use]
pub fn parse_secret(keys: &Keys, text: &str) -> Option<(Id, i64)> {
    let (head, shown) = text.rsplit_once('.')?;
    let (id, digits) = head.split_once('.')?;
    let generation = digits.parse::<i64>().ok()?;
    // One way of writing a number, so that a link has one address.
    (digits == generation.to_string() && keys.link.recognises(head, proof, shown))
        .then(|| (Id::from(id), generation))
}

/// Issues the link of one person and role; issuing again (the slot moved, the
/// link was lost) raises the generation and gives the link a new life.
///
/// # Errors
/// When the database fails.
pub async fn issue(
    tx: &mut Tx,
    appointment: &super::Appointment,
    role: LinkRole,
    person: &str,
    now: Timestamp,
) -> Result<(Id, i64), Fault> {
    let row: Option<(Id, i64)> = fetch_optional!(
        tx,
        (Id, i64),
        "insert into meeting_links (id, appointment_id, role, person, generation, valid_from, valid_until, issued_at)
         values ($1, $2, $3, $4, 1, $5, $6, $7)
         on conflict (appointment_id, role, person) do update set generation = meeting_links.generation + 1,
             valid_from = excluded.valid_from, valid_until = excluded.valid_until, issued_at = excluded.issued_at,
             used_at = null, revoked_at = null
         returning id, generation",
        Id::random(),
        &appointment.id,
        role,
        person,
        appointment.starts_at.plus_minutes(-OPENS_MINUTES_BEFORE),
        appointment.ends_at.plus_minutes(OVERRUN_MINUTES),
        now
    )?;
    row.ok_or_else(|| Fault::other("issuing a link returned no row"))
}

/// Gives a link another secret: the former opens nothing any more, and whoever came in
/// by it has come in all the same. None where the link was issued after `before`, or
/// taken back.
///
/// # Errors
/// When the database fails.
pub async fn reissue(
    tx: &mut Tx,
    appointment_id: &Id,
    role: LinkRole,
    person: &str,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<(Id, i64)>, Fault> {
    fetch_optional!(
        tx,
        (Id, i64),
        "update meeting_links set generation = generation + 1, issued_at = $5
         where appointment_id = $1 and role = $2 and person = $3 and revoked_at is null and issued_at <= $4
         returning id, generation",
        appointment_id,
        role,
        person,
        before,
        now
    )
}

/// The generation of a link as it is now, which a message that waited is sent with.
///
/// # Errors
/// When the database fails.
pub async fn current_generation(tx: &mut Tx, id: &str) -> Result<Option<i64>, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select generation from meeting_links where id = $1",
        id
    )?;
    Ok(row.map(|(generation,)| generation))
}

/// The link of one person and role, if one was issued.
///
/// # Errors
/// When the database fails.
pub async fn find_of(
    tx: &mut Tx,
    appointment_id: &Id,
    role: LinkRole,
    person: &str,
) -> Result<Option<MeetingLink>, Fault> {
    fetch_optional!(
        tx,
        MeetingLink,
        "select id, appointment_id, role, person, generation, valid_from, valid_until, used_at, revoked_at
         from meeting_links where appointment_id = $1 and role = $2 and person = $3",
        appointment_id,
        role,
        person
    )
}

/// Uses a link up, if it still is as it was read, not used, and within its hours. A
/// guest's link lets in once; the person who booked is told from others by their login.
///
/// # Errors
/// When the database fails.
pub async fn use_once(tx: &mut Tx, link: &MeetingLink, now: Timestamp) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update meeting_links set used_at = $3
         where id = $1 and generation = $2 and used_at is null and revoked_at is null
           and valid_from <= $3 and valid_until > $3",
        &link.id,
        link.generation,
        now
    )?;
    Ok(rows == 1)
}

/// Takes one link back.
///
/// # Errors
/// When the database fails.
pub async fn revoke(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "update meeting_links set revoked_at = $2 where id = $1 and revoked_at is null",
        id,
        now
    )?;
    Ok(())
}

/// Takes back every link of an appointment.
///
/// # Errors
/// When the database fails.
pub async fn revoke_all(tx: &mut Tx, appointment_id: &Id, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "update meeting_links set revoked_at = $2 where appointment_id = $1 and revoked_at is null",
        appointment_id,
        now
    )?;
    Ok(())
}

/// Whether the person who booked has come in, by the link or from their space, since
/// the appointment is set for its present time; or is connected from before.
///
/// # Errors
/// When the database fails.
pub async fn citizen_came(tx: &mut Tx, appointment_id: &Id) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select (select count(*) from meeting_links
                 where appointment_id = $1 and role = 'citizen' and used_at is not null)
              + (select count(*) from seats
                 where appointment_id = $1 and role = 'citizen' and place <> 'left'
                   and connected_at is not null
                   and (disconnected_at is null or disconnected_at <= connected_at))",
        appointment_id
    )?;
    Ok(row.is_some_and(|(count,)| count > 0))
}

/// Notes that the person who booked is there, who held a seat from before the
/// appointment was moved and so came in by no link; false when that is known.
///
/// # Errors
/// When the database fails.
pub async fn note_came(tx: &mut Tx, appointment_id: &Id, now: Timestamp) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update meeting_links set used_at = $2
         where appointment_id = $1 and role = 'citizen' and used_at is null and revoked_at is null",
        appointment_id,
        now
    )?;
    Ok(rows > 0)
}

/// Reads a link.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, id: &Id) -> Result<Option<MeetingLink>, Fault> {
    fetch_optional!(
        tx,
        MeetingLink,
        "select id, appointment_id, role, person, generation, valid_from, valid_until, used_at, revoked_at
         from meeting_links where id = $1",
        id
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_secrets_are_read() {
        let keys = Keys::from_master(&[1; 32]);
        let text = secret(&keys, "abc123", 2);
        assert_eq!(parse_secret(&keys, &text), Some((Id::from("abc123"), 2)));
        assert_ne!(secret(&keys, "abc123", 3), text);
        let others = Keys::from_master(&[2; 32]);
        assert_eq!(parse_secret(&others, &text), None);
        for wrong in [
            "",
            ".",
            "..",
            "abc123",
            "abc123.2",
            "abc123.2.",
            "abc123.x.00",
            "é.1.é",
        ] {
            assert_eq!(parse_secret(&keys, wrong), None, "{wrong}");
        }
        let mut changed = text.clone().into_bytes();
        for index in 0..changed.len() {
            changed[index] ^= 1;
            let wrong = String::from_utf8_lossy(&changed).into_owned();
            assert_eq!(parse_secret(&keys, &wrong), None);
            changed[index] ^= 1;
        }
    }
}
