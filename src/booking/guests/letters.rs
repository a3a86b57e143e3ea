//! What a guest is told: which hour, which unit, as whom, and their link, with the entry
//! for their calendar. Neither who invited them to what nor the code: who reads the
//! message alone learns no name.

use std::collections::BTreeMap;

use super::Guest;
use crate::booking::calendar_file::{self, Happening, Occasion};
use crate::booking::meeting_link::OVERRUN_MINUTES;
use crate::booking::{Appointment, messages, unit_of};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Fault;
use crate::keys::Keys;
use crate::messages::text;
use crate::notifications::{self, Outgoing, Values};

/// How the events of one guest of one appointment begin.
pub(super) fn subject(appointment: &Appointment, guest: &Guest) -> String {
    format!("appointment/{}/guest/{}", appointment.id, guest.id)
}

/// The link.
pub(super) async fn invited(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    guest: &Guest,
    now: Timestamp,
) -> Result<(), Fault> {
    let link = Some((guest.link.id.0.clone(), guest.link.generation));
    let expires_at = appointment.ends_at.plus_minutes(OVERRUN_MINUTES);
    send(
        tx,
        keys,
        (appointment, guest),
        ("guest", link, Happening::Invited),
        expires_at,
        now,
    )
    .await
}

/// They need not come.
pub(super) async fn cancelled(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    guest: &Guest,
    now: Timestamp,
) -> Result<(), Fault> {
    notifications::withdraw(tx, &subject(appointment, guest), now).await?;
    let about = (appointment, guest);
    send(
        tx,
        keys,
        about,
        ("guest-cancelled", None, Happening::Cancelled),
        appointment.ends_at,
        now,
    )
    .await
}

async fn send(
    tx: &mut Tx,
    keys: &Keys,
    (appointment, guest): (&Appointment, &Guest),
    (template, link, happening): (&str, Option<(String, i64)>, Happening),
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), Fault> {
    let unit = unit_of(tx, &appointment.unit_id).await?;
    let told: BTreeMap<String, String> = [
        ("when", messages::when(appointment, &unit, guest.language)),
        ("unit", unit.name.clone()),
        ("unit_phone", unit.phone.clone()),
        (
            "role",
            text(guest.language, &format!("guest-as-{}", guest.role)),
        ),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let calendar = calendar_file::render(
        &Occasion::of_guest(appointment, &guest.id, guest.link.generation),
        happening,
        "{link}",
        guest.language,
        now,
    );
    let values = Values {
        calendar,
        address: guest.identity.address.clone(),
        values: told,
        link,
        ..Values::default()
    };
    let subject = match happening {
        // Not to be withdrawn with the rest when the appointment moves or ends: whoever
        // was told to come is told not to.
        Happening::Cancelled => format!("guest/{}", guest.id),
        _ => subject(appointment, guest),
    };
    let outgoing = Outgoing {
        event: &format!("{subject}/{template}/{}", guest.link.generation),
        recipient: &super::person_of(&guest.id),
        unit: Some(&unit.id),
        channel: guest.identity.channel,
        template,
        language: guest.language.as_str(),
        values: &values,
        expires_at,
        due_at: now,
    };
    notifications::enqueue(tx, keys, &outgoing, now).await
}
