//! What a citizen is told of an appointment, by e-mail and by SMS, and what the
//! unit's mailbox is told of what the citizen did. None of it holds any fact of
//! the case: unit, day, hour, reference, link.
//!
//! Values given to every template: `reference`, `when` (day and hour on the unit's
//! clock, which is named where it is not Paris's), `unit`, `unit_address`,
//! `unit_phone`, `appointment` (its id, for the address of its page). People are also
//! told by `origin` who vouches for them: those without an account come back by `link`,
//! which then stands in every letter. Besides:
//! `begins` (the hour it is to begin at) where the unit is late, `before` (the former
//! hour) where it moved, `reason` where the unit called it off,
//! `offered` and `until` where an earlier slot is held, `other_unit`,
//! `other_address`, `other_phone` where the case went to another unit.

use std::collections::BTreeMap;

use super::calendar_file::{self, Happening, Occasion};
use super::earlier::Offer;
use super::meeting_link::{self, LinkRole, OVERRUN_MINUTES};
use super::{Appointment, Reason, unit_of};
use crate::audit::Actor;
use crate::calendar::{Unit, wall};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::declaration::{self, Declaration};
use crate::error::Fault;
use crate::identity::{Origin, people};
use crate::keys::Keys;
use crate::messages::{Lang, text, text_with};
use crate::notifications::{self, Channel, Outgoing, Values};

/// Takes back what was told of an appointment and has not gone out: its hour is
/// another now, or it is over.
pub(super) async fn withdraw(
    tx: &mut Tx,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<(), Fault> {
    notifications::withdraw(tx, &format!("appointment/{}", appointment.id), now).await
}

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
        link: Some((link.0.0, link.1)),
        happening: Some(Happening::Invited),
        ..Letter::of("booked", appointment.ends_at.plus_minutes(OVERRUN_MINUTES))
    };
    send(tx, keys, appointment, declaration, letter, now).await?;
    remind(tx, keys, appointment, declaration, now).await
}

/// Minutes before the start at which people are reminded, what tells the one from the
/// other, and how many minutes must lie between the booking and the reminder: whoever
/// booked a moment ago has not forgotten.
const REMINDERS: [(i64, &str, i64); 2] = [(48 * 60, "/days", 24 * 60), (60, "/hour", 2 * 60)];

/// What is told again before the hearing, written now and due then: taken back with
/// everything else that was told of an hour that is no more.
async fn remind(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    now: Timestamp,
) -> Result<(), Fault> {
    for (minutes, about, gap) in REMINDERS {
        let due_at = appointment.starts_at.plus_minutes(-minutes);
        if due_at < now.plus_minutes(gap) {
            continue;
        }
        let letter = Letter {
            link: link_of(tx, appointment).await?,
            about: about.to_owned(),
            due_at: Some(due_at),
            ..Letter::of("reminder", due_at.plus_minutes(minutes / 2))
        };
        send(tx, keys, appointment, declaration, letter, now).await?;
    }
    Ok(())
}

/// Another link, in place of the former, also in the person's calendar.
pub(super) async fn relinked(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    link: (Id, i64),
    now: Timestamp,
) -> Result<(), Fault> {
    let letter = Letter {
        about: format!("/{}", link.1),
        link: Some((link.0.0, link.1)),
        happening: Some(Happening::Invited),
        ..Letter::of(
            "relinked",
            appointment.ends_at.plus_minutes(OVERRUN_MINUTES),
        )
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

/// The new hour, with the former one, the new link, and what moves the entry in
/// the person's calendar, in place of what was told of the former. `template` says
/// who moved it.
pub(super) async fn moved(
    tx: &mut Tx,
    keys: &Keys,
    (former, moved): (&Appointment, &Appointment),
    declaration: &Declaration,
    template: &'static str,
    link: (Id, i64),
    now: Timestamp,
) -> Result<(), Fault> {
    withdraw(tx, moved, now).await?;
    let unit = unit_of(tx, &moved.unit_id).await?;
    let letter = Letter {
        link: Some((link.0.0, link.1)),
        happening: Some(Happening::Invited),
        more: vec![("before", when(former, &unit, language(declaration)))],
        ..Letter::of(template, moved.ends_at.plus_minutes(OVERRUN_MINUTES))
    };
    send(tx, keys, moved, declaration, letter, now).await?;
    remind(tx, keys, moved, declaration, now).await
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
        happening: Some(Happening::Cancelled),
        ..Letter::of("cancelled", a_day_after(appointment))
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

/// The same when the unit called it off: why, and how to take another slot.
pub(super) async fn cancelled_by_unit(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    reason: Reason,
    now: Timestamp,
) -> Result<(), Fault> {
    let declaration = super::declaration_of(tx, &appointment.case_id).await?;
    let words = text(
        language(&declaration),
        &format!("booking-told-reason-{}", reason.as_str().replace('_', "-")),
    );
    let letter = Letter {
        happening: Some(Happening::Cancelled),
        more: vec![("reason", words)],
        ..Letter::of("cancelled-by-unit", a_day_after(appointment))
    };
    send(tx, keys, appointment, &declaration, letter, now).await
}

/// Nobody has come yet: the person may still join.
pub(super) async fn late(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    now: Timestamp,
) -> Result<(), Fault> {
    let letter = Letter::of("late", appointment.ends_at);
    send(tx, keys, appointment, declaration, letter, now).await
}

/// The unit is running late: when the hearing is to begin.
pub(super) async fn delayed(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    until_at: Timestamp,
    now: Timestamp,
) -> Result<(), Fault> {
    let unit = unit_of(tx, &appointment.unit_id).await?;
    let letter = Letter {
        about: format!("/{}", until_at.0),
        more: vec![("begins", instant(until_at, &unit, language(declaration)))],
        ..Letter::of("delayed", appointment.ends_at.plus_minutes(OVERRUN_MINUTES))
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

/// The hearing did not take place: how to take another slot.
pub(super) async fn no_show(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    now: Timestamp,
) -> Result<(), Fault> {
    let letter = Letter {
        happening: Some(Happening::Cancelled),
        ..Letter::of(
            "no-show",
            a_day_after(appointment).max(now.plus_minutes(24 * 60)),
        )
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

/// A slot is held for somebody who asked for an earlier one: which, and until when.
pub(super) async fn earlier(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    offer: &Offer,
    now: Timestamp,
) -> Result<(), Fault> {
    let unit = unit_of(tx, &appointment.unit_id).await?;
    let lang = language(declaration);
    let letter = Letter {
        about: format!("/{}", offer.starts_at.0),
        more: vec![
            ("offered", instant(offer.starts_at, &unit, lang)),
            ("until", instant(offer.until_at, &unit, lang)),
        ],
        ..Letter::of("earlier", offer.until_at)
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

/// The case is another unit's now: which, and how to choose a slot there.
pub(super) async fn transferred(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    target: &Unit,
    now: Timestamp,
) -> Result<(), Fault> {
    let address = format!("{}, {} {}", target.address, target.postal_code, target.city);
    let letter = Letter {
        happening: Some(Happening::Cancelled),
        more: vec![
            ("other_unit", target.name.clone()),
            ("other_address", address),
            ("other_phone", target.phone.clone()),
        ],
        ..Letter::of("transferred", a_day_after(appointment))
    };
    send(tx, keys, appointment, declaration, letter, now).await
}

/// Tells the mailbox of the appointment's unit what a person changed.
pub(super) async fn tell_unit(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    template: &'static str,
    now: Timestamp,
) -> Result<(), Fault> {
    let unit = unit_of(tx, &appointment.unit_id).await?;
    tell_other_unit(tx, keys, appointment, &unit, template, now).await
}

/// Tells a unit's own mailbox of an appointment: reference and hour, no name.
pub(super) async fn tell_other_unit(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    unit: &Unit,
    template: &'static str,
    now: Timestamp,
) -> Result<(), Fault> {
    if unit.email.is_empty() {
        return Ok(());
    }
    let event = event_of(appointment, template);
    let recipient = format!("unit/{}", unit.id);
    let values = Values {
        address: unit.email.clone(),
        values: told(appointment, unit, Lang::Fr, &[]),
        ..Values::default()
    };
    let outgoing = Outgoing {
        event: &event,
        recipient: &recipient,
        unit: Some(&unit.id),
        channel: Channel::Email,
        template,
        language: Lang::Fr.as_str(),
        values: &values,
        expires_at: a_day_after(appointment),
        due_at: now,
    };
    notifications::enqueue(tx, keys, &outgoing, now).await
}

/// Tells an officer's own mailbox of a hearing: reference, hour and unit, no name. `to`
/// is their pseudonym and their address; `news` the template and the event.
pub(super) async fn tell_officer(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    (recipient, address): (String, String),
    (template, event): (&'static str, String),
    now: Timestamp,
) -> Result<(), Fault> {
    let unit = unit_of(tx, &appointment.unit_id).await?;
    let values = Values {
        address,
        values: told(appointment, &unit, Lang::Fr, &[]),
        ..Values::default()
    };
    let outgoing = Outgoing {
        event: &event,
        recipient: &recipient,
        unit: Some(&unit.id),
        channel: Channel::Email,
        template,
        language: Lang::Fr.as_str(),
        values: &values,
        expires_at: a_day_after(appointment),
        due_at: now,
    };
    notifications::enqueue(tx, keys, &outgoing, now).await
}

/// What happened, and to which of its hours: the same thing told of another hour
/// is another message.
fn event_of(appointment: &Appointment, what: &str) -> String {
    match appointment.sequence {
        0 => format!("appointment/{}/{what}", appointment.id),
        moves => format!("appointment/{}/{what}/{moves}", appointment.id),
    }
}

fn a_day_after(appointment: &Appointment) -> Timestamp {
    appointment.ends_at.plus_minutes(24 * 60)
}

fn language(declaration: &Declaration) -> Lang {
    Lang::parse(&declaration.language).unwrap_or_default()
}

struct Letter {
    what: &'static str,
    happening: Option<Happening>,
    link: Option<(String, i64)>,
    expires_at: Timestamp,
    /// What tells this message from another of the same kind, if that can be.
    about: String,
    /// Values besides those of every letter.
    more: Vec<(&'static str, String)>,
    /// When it is to go; none for at once.
    due_at: Option<Timestamp>,
}

impl Letter {
    fn of(what: &'static str, expires_at: Timestamp) -> Self {
        Letter {
            what,
            happening: None,
            link: None,
            expires_at,
            about: String::new(),
            more: Vec::new(),
            due_at: None,
        }
    }
}

async fn send(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    declaration: &Declaration,
    letter: Letter,
    now: Timestamp,
) -> Result<(), Fault> {
    let unit = unit_of(tx, &appointment.unit_id).await?;
    let content = declaration::open_content(tx, keys, &appointment.case_id).await?;
    let lang = language(declaration);
    let event = event_of(appointment, letter.what) + &letter.about;
    let recipient = format!("citizen/{}", appointment.citizen_id);
    let address = if letter.link.is_some() { "{link}" } else { "" };
    let calendar = letter.happening.map_or_else(String::new, |happening| {
        calendar_file::render(&Occasion::own(appointment), happening, address, lang, now)
    });
    let declared = people::is_declared(tx, keys, &appointment.citizen_id).await?;
    let origin = if declared {
        Origin::Declared
    } else {
        Origin::FranceConnect
    };
    let link = match letter.link {
        // Whoever has no account comes back by their link alone.
        None if declared => link_of(tx, appointment).await?,
        link => link,
    };
    let mut more = letter.more;
    more.push(("origin", origin.to_string()));
    for (channel, calendar) in [(Channel::Email, calendar), (Channel::Sms, String::new())] {
        let Some(address) = content.reachable_by(channel) else {
            continue;
        };
        let values = Values {
            address: address.to_owned(),
            values: told(appointment, &unit, lang, &more),
            link: link.clone(),
            calendar,
            // Both channels are used anyway.
            ..Values::default()
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
            due_at: letter.due_at.unwrap_or(now),
        };
        notifications::enqueue(tx, keys, &outgoing, now).await?;
    }
    Ok(())
}

/// The link of the person who comes, as values hold it.
async fn link_of(tx: &mut Tx, appointment: &Appointment) -> Result<Option<(String, i64)>, Fault> {
    let person = Actor::Citizen(appointment.citizen_id.clone()).to_string();
    let link = meeting_link::find_of(tx, &appointment.id, LinkRole::Citizen, &person).await?;
    Ok(link.map(|link| (link.id.0, link.generation)))
}

/// Day and hour on the unit's clock, which is named where it is not Paris's.
pub(super) fn when(appointment: &Appointment, unit: &Unit, lang: Lang) -> String {
    instant(appointment.starts_at, unit, lang)
}

fn instant(at: Timestamp, unit: &Unit, lang: Lang) -> String {
    let zone = unit.zone();
    let when = wall::moment(lang, at, zone);
    if zone == chrono_tz::Europe::Paris {
        return when;
    }
    let values = [
        ("time", when.as_str()),
        ("zone", &wall::zone_name(lang, zone)),
    ];
    text_with(lang, "booking-time-in-zone", &values)
}

fn told(
    appointment: &Appointment,
    unit: &Unit,
    lang: Lang,
    more: &[(&'static str, String)],
) -> BTreeMap<String, String> {
    [
        ("reference", appointment.reference.clone()),
        ("when", when(appointment, unit, lang)),
        ("unit", unit.name.clone()),
        (
            "unit_address",
            format!("{}, {} {}", unit.address, unit.postal_code, unit.city),
        ),
        ("unit_phone", unit.phone.clone()),
        ("appointment", appointment.id.to_string()),
    ]
    .into_iter()
    .chain(more.iter().cloned())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
