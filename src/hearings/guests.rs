//! How a guest comes in: the link they were sent and the code they were told, judged
//! and used up in one transaction, give a seat in the waiting room that is bound to
//! this browser. From there the officer lets them in like anybody. Sent another link,
//! they wait again; taken back, they are out at once.

use super::entry::{EnterError, check_window};
use super::{Place, Seat, SeatRole, store};
use crate::audit::{self, Actor};
use crate::booking::guests::{self, GuestError, Knock};
use crate::booking::meeting_link::{LinkRole, MeetingLink};
use crate::booking::{self, Appointment};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::keys::Keys;

/// What came of knocking with a code. All but `Seated` say what to tell the guest.
#[derive(Debug)]
pub enum Entered {
    /// They sit in the waiting room.
    Seated(Box<Seat>),
    /// It was not the code.
    Wrong {
        /// How often it may still be typed.
        left: i64,
    },
    /// It was typed too often.
    Locked,
    /// Somebody came in with this link on another browser.
    Used,
    /// The link was replaced or taken back.
    Replaced,
}

/// A guest knocks. To be committed whatever comes of it: a wrong code is counted.
///
/// # Errors
/// [`EnterError::TooEarly`], [`EnterError::Over`] or a fault; then nothing is counted.
pub async fn enter(
    tx: &mut Tx,
    keys: &Keys,
    (appointment, link): (&Appointment, &MeetingLink),
    code: &str,
    browser_hash: &str,
    now: Timestamp,
) -> Result<Entered, EnterError> {
    let appointment = &booking::lock(tx, appointment).await?;
    check_window(appointment, now)?;
    let (guest_id, role) = match guests::knock(tx, keys, link, code, now).await? {
        Knock::In(guest_id, role) => (guest_id, role),
        Knock::Wrong { left: 0 } => {
            audit::append(
                tx,
                appointment.unit_id.as_str(),
                now,
                &Actor::System,
                "guest.lock",
                &format!("appointment/{}", appointment.id),
                &format!("role={} generation={}", link.role, link.generation),
            )
            .await?;
            return Ok(Entered::Locked);
        }
        Knock::Wrong { left } => return Ok(Entered::Wrong { left }),
        Knock::Locked => return Ok(Entered::Locked),
        Knock::Used => return Ok(Entered::Used),
        Knock::Replaced => return Ok(Entered::Replaced),
    };
    let actor = Actor::Guest(guest_id);
    let person = actor.to_string();
    let role = seat_role(role);
    let before = store::list_seats(tx, &appointment.id)
        .await?
        .into_iter()
        .find(|seat| seat.role == role && seat.person == person);
    // No session answers for a guest: their seat ends with the hearing or the invitation.
    let (id, waiting) = (&appointment.id, Place::Waiting);
    let seat = store::take_seat(tx, id, role, &person, browser_hash, "", waiting, now).await?;
    if seat.place != waiting {
        store::move_seat(tx, id, &seat.id, seat.place, waiting).await?;
    }
    let kind = if before.is_some() { "moved" } else { "entered" };
    store::raise_version(tx, id, &actor, now).await?;
    store::insert_event(tx, id, Some(&seat.id), kind, now, None, &actor).await?;
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        &actor,
        &format!("seat.{kind}"),
        &format!("appointment/{id}"),
        &format!("seat={} generation={}", seat.id, seat.generation),
    )
    .await?;
    Ok(Entered::Seated(Box::new(Seat {
        place: waiting,
        ..seat
    })))
}

/// Takes an invitation back, and the guest's seat with it: who is in is out at once.
///
/// # Errors
/// [`GuestError`].
pub async fn revoke(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    guest_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), GuestError> {
    let guest = guests::revoke(tx, keys, appointment, guest_id, actor, now).await?;
    give_up_seat(tx, appointment, &guest.id, actor, now).await?;
    Ok(())
}

/// Sends a guest another link. Whoever sits there with the former one is out: they may
/// be the reason why another was asked for.
///
/// # Errors
/// [`GuestError`].
pub async fn send_again(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    guest_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), GuestError> {
    let guest = guests::send_again(tx, keys, appointment, guest_id, actor, now).await?;
    give_up_seat(tx, appointment, &guest.id, actor, now).await?;
    Ok(())
}

async fn give_up_seat(
    tx: &mut Tx,
    appointment: &Appointment,
    guest_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let person = Actor::Guest(guest_id.clone()).to_string();
    for seat in store::list_seats(tx, &appointment.id).await? {
        if seat.person != person || !store::take_away(tx, &seat.id).await? {
            continue;
        }
        let id = &appointment.id;
        store::raise_version(tx, id, actor, now).await?;
        store::insert_event(tx, id, Some(&seat.id), "taken_away", now, None, actor).await?;
        audit::append(
            tx,
            appointment.unit_id.as_str(),
            now,
            actor,
            "seat.take_away",
            &format!("appointment/{id}"),
            &format!("seat={}", seat.id),
        )
        .await?;
    }
    Ok(())
}

/// The seat that a link leads to.
fn seat_role(role: LinkRole) -> SeatRole {
    match role {
        LinkRole::Citizen => SeatRole::Citizen,
        LinkRole::Lawyer => SeatRole::Lawyer,
        LinkRole::Companion => SeatRole::Companion,
        LinkRole::Interpreter => SeatRole::Interpreter,
    }
}
