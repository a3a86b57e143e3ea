//! An officer books for a person who has no FranceConnect. The person is written down
//! as they declare themselves, which stays said wherever they are shown; the appointment
//! is held and confirmed by the same rules as a citizen's own, on the same rows, and
//! what is told goes to the addresses they gave.
//!
//! From then on it is an appointment like any other: its person opens the link of their
//! message, types the code that is sent to one of those addresses, and has the same
//! pages as everybody. It knows nothing of that door: entering is `hearings`' affair.

mod form;
pub(super) mod pages;

use form::Told;

use super::{Appointment, Choice, HoldError, book_as};
use crate::audit::{self, Actor};
use crate::calendar::Unit;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration::{self, Assisted};
use crate::error::Fault;
use crate::identity::people;
use crate::keys::Keys;
use crate::{execute, fetch_optional};

/// Books a slot for a person whom an officer wrote down. `request` is drawn with the
/// form: sent again, it gives the appointment of the first time, whatever the form says.
///
/// # Errors
/// [`HoldError`]. The transaction must be dropped.
async fn book_for(
    tx: &mut Tx,
    keys: &Keys,
    (unit, starts_at, request): (&Unit, Timestamp, &Id),
    told: &Told,
    actor: &Actor,
    now: Timestamp,
) -> Result<Appointment, HoldError> {
    audit::lock(tx, unit.id.as_str()).await?;
    if let Some(before) = find_booked(tx, request, actor).await? {
        return Ok(before);
    }
    let content = &told.content;
    let addresses = [content.email.as_str(), content.phone.as_str()];
    let citizen_id = people::ensure_declared(tx, keys, &told.identity, addresses, now).await?;
    let assisted = Assisted {
        citizen_id: &citizen_id,
        unit_id: &unit.id,
        commune_code: &told.commune_code,
        offence: told.offence,
        language: told.language,
        content,
    };
    let case = declaration::open_assisted(tx, keys, assisted, actor, now).await?;
    let choice = Choice {
        citizen_id: &citizen_id,
        case_id: &case.case_id,
        unit,
        starts_at,
    };
    let booked = book_as(tx, keys, choice, actor, now).await?;
    execute!(
        tx,
        "insert into assisted_bookings (request, appointment_id, booked_by, booked_at)
         values ($1, $2, $3, $4)",
        request,
        &booked.id,
        actor.to_string(),
        now
    )?;
    Ok(booked)
}

/// What the same officer's form led to before, if it was sent before.
async fn find_booked(
    tx: &mut Tx,
    request: &Id,
    actor: &Actor,
) -> Result<Option<Appointment>, Fault> {
    let row = fetch_optional!(
        tx,
        (Id,),
        "select appointment_id from assisted_bookings where request = $1 and booked_by = $2",
        request,
        actor.to_string()
    )?;
    match row {
        Some((id,)) => super::store::find(tx, &id).await,
        None => Ok(None),
    }
}
