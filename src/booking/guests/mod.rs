//! Whom a hearing has besides the person who booked and the officer: their lawyer, an
//! adult of their choice, an interpreter. An officer of the unit declares who they are,
//! or the person themselves does; each gets one link, by e-mail or SMS, and a code by
//! another way: who invited them tells it to them, and no message holds it. Whoever has the link alone, as a mail scanner
//! or a wrong number has, neither comes in nor uses it up.
//!
//! It knows neither seats nor rooms: coming in is `hearings`' affair, and the officer
//! still lets everybody in, one by one.

mod letters;
pub(super) mod pages;
mod store;

use serde::{Deserialize, Serialize};

use super::meeting_link::{self, LinkRole, MeetingLink, OVERRUN_MINUTES};
use super::{Appointment, State};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::codes::{self, Purpose, TRIES};
use crate::db::{Id, Tx};
use crate::declaration::{contact_codes, phone, rules};
use crate::error::Fault;
use crate::keys::Keys;
use crate::messages::Lang;
use crate::notifications::{self, Channel};

/// Guests of one hearing at a time. With the person and the officer they are six, the
/// size of group that the call is made and measured for.
pub const MOST: usize = 4;

/// Whom the person who booked may bring: an interpreter is the unit's to find.
pub const OF_CITIZEN: &[LinkRole] = &[LinkRole::Lawyer, LinkRole::Companion];

/// The roles a guest may have.
pub const ROLES: &[LinkRole] = &[LinkRole::Lawyer, LinkRole::Companion, LinkRole::Interpreter];

/// Who a guest is, as declared by who invited them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestIdentity {
    /// What they are called.
    pub name: String,
    /// How their link is sent.
    pub channel: Channel,
    /// E-mail address or E.164 number.
    pub address: String,
}

/// A guest with the link they have.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Key; as an actor `guest/ID`.
    pub id: Id,
    /// As whom they come.
    pub role: LinkRole,
    /// Who they are.
    pub identity: GuestIdentity,
    /// Language of the message.
    pub language: Lang,
    /// Who invited them, as an actor.
    pub invited_by: String,
    /// How often a code was typed on the link they have.
    pub tries: i64,
    /// The link; its secret is in the message alone.
    pub link: MeetingLink,
}

/// Where a guest's link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can be used, from its hour on.
    Ready,
    /// The code was typed wrongly too often: another link is needed.
    Locked,
    /// They came in with it.
    Used,
}

impl Guest {
    /// Where their link stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        if self.link.used_at.is_some() {
            Standing::Used
        } else if self.tries >= TRIES {
            Standing::Locked
        } else {
            Standing::Ready
        }
    }

    /// What is told to them by whoever invited them.
    #[must_use]
    pub fn code(&self, keys: &Keys) -> String {
        let link = &self.link;
        codes::of(keys, Purpose::Guest, link.id.as_str(), link.generation)
    }
}

/// The guest a link is for, if it is one's.
#[must_use]
pub fn guest_of(link: &MeetingLink) -> Option<Id> {
    let id = link.person.strip_prefix("guest/")?;
    (link.role != LinkRole::Citizen).then(|| Id::from(id))
}

/// What an invitation says.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// As whom they come.
    pub role: LinkRole,
    /// Who they are.
    pub identity: GuestIdentity,
    /// Language of the message.
    pub language: Lang,
}

/// What is wrong with what was typed of somebody to invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongInvitation {
    /// No role, or none that may be given here.
    Role,
    /// No name, or one that is too long.
    Name,
    /// Neither an e-mail address nor a telephone number.
    Contact,
}

/// Longest name of a guest, in characters.
const MAX_NAME: usize = 100;

impl Invitation {
    /// Reads what was typed; `roles` are those that may be given.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(
        roles: &[LinkRole],
        (role, name, contact, language): (&str, &str, &str, &str),
    ) -> Result<Self, WrongInvitation> {
        let role = LinkRole::parse(role).filter(|role| roles.contains(role));
        let role = role.ok_or(WrongInvitation::Role)?;
        let name = rules::line(name);
        if name.is_empty() || rules::too_long(&name, MAX_NAME) {
            return Err(WrongInvitation::Name);
        }
        let email = rules::email(contact).map(|address| (Channel::Email, address));
        let reached = email.or_else(|| {
            let number = phone::e164(contact)?;
            Some((Channel::Sms, number))
        });
        let (channel, address) = reached.ok_or(WrongInvitation::Contact)?;
        Ok(Invitation {
            role,
            identity: GuestIdentity {
                name,
                channel,
                address,
            },
            language: Lang::parse(language).unwrap_or_default(),
        })
    }
}

/// Why somebody is not invited, or their invitation not changed. The transaction must be
/// dropped.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// The appointment is over, called off or past.
    #[error("the appointment takes nobody in any more")]
    Over,
    /// The hearing has as many guests as it takes.
    #[error("there are {MOST} guests already")]
    TooMany,
    /// They are invited in that role already.
    #[error("invited already")]
    Already,
    /// As many messages went to that address, or were sent for that person, as a day
    /// allows.
    #[error("no more messages today")]
    TooOften,
    /// There is no such guest, or the invitation was taken back.
    #[error("no such guest")]
    NotFound,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The guests of an appointment whose invitation stands, in the order of inviting.
///
/// # Errors
/// When the database fails, or the case was erased.
pub async fn list(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
) -> Result<Vec<Guest>, Fault> {
    let rows = store::list(tx, &appointment.id).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = keys.case_key(tx, &appointment.case_id).await?;
    let mut guests = Vec::new();
    for row in rows {
        let person = person_of(&row.id);
        let link = meeting_link::find_of(tx, &appointment.id, row.role, &person)
            .await?
            .ok_or_else(|| Fault::other(format!("guest {} has no link", row.id)))?;
        guests.push(Guest {
            identity: key.open_json(&person, &row.sealed_identity)?,
            language: Lang::parse(&row.language).unwrap_or_default(),
            id: row.id,
            role: row.role,
            invited_by: row.invited_by,
            tries: row.tries,
            link,
        });
    }
    Ok(guests)
}

/// Invites somebody: their link is sent, and the officer reads their code on the page.
///
/// # Errors
/// [`GuestError`].
pub async fn invite(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    invitation: Invitation,
    actor: &Actor,
    now: Timestamp,
) -> Result<Guest, GuestError> {
    let appointment = &open_to_guests(tx, appointment, now).await?;
    if store::list(tx, &appointment.id).await?.len() >= MOST {
        return Err(GuestError::TooMany);
    }
    let id = Id::random();
    let Invitation {
        role,
        identity,
        language,
    } = invitation;
    let key = keys.case_key(tx, &appointment.case_id).await?;
    let address_mark = contact_codes::mark(keys, identity.channel, &identity.address);
    let row = store::New {
        id: &id,
        appointment_id: &appointment.id,
        role,
        sealed_identity: key.seal_json(&person_of(&id), &identity),
        address_mark: address_mark.clone(),
        language: language.as_str(),
    };
    if !store::insert(tx, row, actor, now).await? {
        return Err(GuestError::Already);
    }
    // Nobody's telephone is to be filled by inviting them again and again.
    let citizen_id = match actor {
        Actor::Citizen(id) => Some(id),
        _ => None,
    };
    if !contact_codes::spend_message(tx, &address_mark, citizen_id, now).await? {
        return Err(GuestError::TooOften);
    }
    let new = Guest {
        link: issue(tx, appointment, role, &id, now).await?,
        invited_by: actor.to_string(),
        tries: 0,
        id,
        role,
        identity,
        language,
    };
    let guest = send_link(tx, keys, appointment, new, now).await?;
    note(tx, appointment, actor, "guest.invite", &guest, now).await?;
    Ok(guest)
}

/// Sends a guest another link, with another code; the former ones are worth nothing.
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
) -> Result<Guest, GuestError> {
    let appointment = &open_to_guests(tx, appointment, now).await?;
    let guest = find(tx, keys, appointment, guest_id).await?;
    let GuestIdentity {
        channel, address, ..
    } = &guest.identity;
    let mark = contact_codes::mark(keys, *channel, address);
    if !contact_codes::spend_message(tx, &mark, None, now).await? {
        return Err(GuestError::TooOften);
    }
    let guest = renew(tx, keys, appointment, guest, now).await?;
    note(tx, appointment, actor, "guest.send_again", &guest, now).await?;
    Ok(guest)
}

/// Takes an invitation back, and says so to who had it.
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
) -> Result<Guest, GuestError> {
    let appointment = &super::lock(tx, appointment).await?;
    let guest = find(tx, keys, appointment, guest_id).await?;
    // Once they have come in, it is the officer who sends them out, seat and all.
    if matches!(actor, Actor::Citizen(_)) && guest.standing() == Standing::Used {
        return Err(GuestError::NotFound);
    }
    if !store::mark_revoked(tx, &appointment.id, guest_id, actor, now).await? {
        return Err(GuestError::NotFound);
    }
    meeting_link::revoke(tx, &guest.link.id, now).await?;
    letters::cancelled(tx, keys, appointment, &guest, now).await?;
    note(tx, appointment, actor, "guest.revoke", &guest, now).await?;
    Ok(guest)
}

/// The appointment was moved: every guest gets a link for its new hour.
pub(super) async fn tell_moved(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<(), Fault> {
    for guest in list(tx, keys, appointment).await? {
        renew(tx, keys, appointment, guest, now).await?;
    }
    Ok(())
}

/// The appointment will not be: its guests need not come.
pub(super) async fn tell_cancelled(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<(), Fault> {
    for guest in list(tx, keys, appointment).await? {
        letters::cancelled(tx, keys, appointment, &guest, now).await?;
    }
    Ok(())
}

/// What came of a code typed at a guest's door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knock {
    /// It was the right one, and the link is used: this guest, as that role.
    In(Id, LinkRole),
    /// It was not; how often may it still be typed?
    Wrong {
        /// Tries left; none after the last one.
        left: i64,
    },
    /// It was typed too often before: another link is needed.
    Locked,
    /// Somebody came in with this link, on another browser.
    Used,
    /// The link was replaced or taken back, or it is not its hour.
    Replaced,
}

/// Judges a code and uses the link up, as one: a wrong code is counted by the statement
/// that allows it, and the right one lets in whoever's statement finds the link unused.
/// To be committed whatever comes of it.
///
/// # Errors
/// When the database fails.
pub async fn knock(
    tx: &mut Tx,
    keys: &Keys,
    link: &MeetingLink,
    code: &str,
    now: Timestamp,
) -> Result<Knock, Fault> {
    let Some(guest_id) = guest_of(link) else {
        return Ok(Knock::Replaced);
    };
    let Some(link) = meeting_link::find(tx, &link.id)
        .await?
        .filter(|found| found.generation == link.generation && found.revoked_at.is_none())
    else {
        return Ok(Knock::Replaced);
    };
    if link.used_at.is_some() {
        return Ok(Knock::Used);
    }
    let Some(tries) = store::count_try(tx, &guest_id).await? else {
        return Ok(Knock::Locked);
    };
    let (id, generation) = (link.id.as_str(), link.generation);
    if !codes::matches(keys, Purpose::Guest, id, generation, code) {
        let left = TRIES - tries;
        return Ok(Knock::Wrong { left });
    }
    Ok(if meeting_link::use_once(tx, &link, now).await? {
        Knock::In(guest_id, link.role)
    } else {
        Knock::Replaced
    })
}

/// Where guests may be invited to, read again under its unit's lock.
async fn open_to_guests(
    tx: &mut Tx,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Appointment, GuestError> {
    let appointment = super::lock(tx, appointment).await?;
    let live = matches!(
        appointment.state,
        State::Booked | State::Open | State::InHearing
    );
    if !live || now >= appointment.ends_at.plus_minutes(OVERRUN_MINUTES) {
        return Err(GuestError::Over);
    }
    Ok(appointment)
}

async fn find(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    guest_id: &Id,
) -> Result<Guest, GuestError> {
    list(tx, keys, appointment)
        .await?
        .into_iter()
        .find(|guest| guest.id == *guest_id)
        .ok_or(GuestError::NotFound)
}

async fn renew(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    guest: Guest,
    now: Timestamp,
) -> Result<Guest, Fault> {
    store::forget_tries(tx, &guest.id).await?;
    let renewed = Guest {
        link: issue(tx, appointment, guest.role, &guest.id, now).await?,
        tries: 0,
        ..guest
    };
    send_link(tx, keys, appointment, renewed, now).await
}

/// A link of the next generation, for the appointment's present hour.
async fn issue(
    tx: &mut Tx,
    appointment: &Appointment,
    role: LinkRole,
    guest_id: &Id,
    now: Timestamp,
) -> Result<MeetingLink, Fault> {
    let person = person_of(guest_id);
    meeting_link::issue(tx, appointment, role, &person, now).await?;
    meeting_link::find_of(tx, &appointment.id, role, &person)
        .await?
        .ok_or_else(|| Fault::other("a link that was just issued is missing"))
}

/// Enqueues a guest's link, in place of what waits to be sent to them.
async fn send_link(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    guest: Guest,
    now: Timestamp,
) -> Result<Guest, Fault> {
    notifications::withdraw(tx, &letters::subject(appointment, &guest), now).await?;
    letters::invited(tx, keys, appointment, &guest, now).await?;
    Ok(guest)
}

fn person_of(guest_id: &Id) -> String {
    Actor::Guest(guest_id.clone()).to_string()
}

async fn note(
    tx: &mut Tx,
    appointment: &Appointment,
    actor: &Actor,
    act: &str,
    guest: &Guest,
    now: Timestamp,
) -> Result<(), Fault> {
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        actor,
        act,
        &format!("appointment/{}", appointment.id),
        &format!(
            "guest={} role={} generation={}",
            guest.id, guest.role, guest.link.generation
        ),
    )
    .await
}
