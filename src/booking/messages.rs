//! What a citizen is told of an appointment, by e-mail and by SMS. Neither
//! holds any fact of the case: unit, day, hour, reference, link.
//!
//! Values given to the templates `booked` and `cancelled`: `reference`, `when`
//! (day and hour on the unit's clock, which is named where it is not Paris's),
//! `unit`, `unit_address`, `unit_phone`.

use std::collections::BTreeMap;

use super::meeting_link::OVERRUN_MINUTES;
use super::{Appointment, calendar_file, calendar_file::Happening};
use crate::calendar::{self, Unit, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration::{self, Content, Declaration};
use crate::error::Fault;
use crate::keys::Keys;
use crate::messages::{Lang, text_with};
use crate::notifications::{self, Channel, Outgoing, Values};

/// Confirmation, with the personal link and a calendar file.
pub(super) async fn booked(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    link: (Id, i64),
    now: Timestamp,
) -> Result<(), Fault> {
    let letter = Letter {
        what: "booked",
        happening: Happening::Invited,
        address: "{link}",
        link: Some((link.0.0, link.1)),
        expires_at: appointment.ends_at.plus_minutes(OVERRUN_MINUTES),
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

/// Cancellation, with what removes it from the person's calendar.
pub(super) async fn cancelled(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    now: Timestamp,
) -> Result<(), Fault> {
    let letter = Letter {
        what: "cancelled",
        happening: Happening::Cancelled,
        address: "",
        link: None,
        expires_at: appointment.ends_at.plus_minutes(24 * 60),
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

struct Letter {
    what: &'static str,
    happening: Happening,
    address: &'static str,
    link: Option<(String, i64)>,
    expires_at: Timestamp,
}

async fn send(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    letter: Letter,
    now: Timestamp,
) -> Result<(), Fault> {
    let unit = calendar::find_unit(tx, &appointment.unit_id)
        .await?
        .ok_or_else(|| Fault::other(format!("unit {} is missing", appointment.unit_id)))?;
    let Content { email, phone, .. } =
        declaration::open_content(tx, keys, &appointment.case_id).await?;
    let lang = Lang::parse(&declaration.language).unwrap_or_default();
    let event = format!("appointment/{}/{}", appointment.id, letter.what);
    let recipient = format!("citizen/{}", appointment.citizen_id);
    let calendar = calendar_file::render(appointment, letter.happening, letter.address, lang, now);
    for (channel, address, calendar) in [
        (Channel::Email, email, calendar),
        (Channel::Sms, phone, String::new()),
    ] {
        if address.is_empty() {
            continue;
        }
        let values = Values {
            address,
            values: told(appointment, &unit, lang),
            link: letter.link.clone(),
            calendar,
            // Both channels are used anyway.
            fallback: String::new(),
        };
        let outgoing = Outgoing {
            event: &event,
            recipient: &recipient,
            unit: Some(&unit.id),
            channel,
            template: letter.what,
            language: lang.as_str(),
            values: &values,
            expires_at: letter.expires_at,
            due_at: now,
        };
        notifications::enqueue(tx, keys, &outgoing, now).await?;
    }
    Ok(())
}

fn told(appointment: &Appointment, unit: &Unit, lang: Lang) -> BTreeMap<String, String> {
    let zone = unit.zone();
    let mut when = wall::moment(lang, appointment.starts_at, zone);
    if zone != chrono_tz::Europe::Paris {
        let values = [
            ("time", when.as_str()),
            ("zone", &wall::zone_name(lang, zone)),
        ];
        when = text_with(lang, "booking-time-in-zone", &values);
    }
    [
        ("reference", appointment.reference.clone()),
        ("when", when),
        ("unit", unit.name.clone()),
        (
            "unit_address",
            format!("{}, {} {}", unit.address, unit.postal_code, unit.city),
        ),
        ("unit_phone", unit.phone.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
