//! How a person without FranceConnect shows that they are the one an officer wrote
//! down: they have the link of their message, and type the code that is then sent to an
//! address they gave. Where they gave two, the code goes by the other way than most
//! open links by. What it gives is a session like any citizen's, which says of itself
//! that nobody vouched for it; a code is good once and for ten minutes, so a link alone,
//! read in whatever mailbox, opens nothing.

use super::entry::{self, EnterError};
use super::{Seat, check_window};
use crate::audit::{self, Actor};
use crate::booking::Appointment;
use crate::booking::meeting_link::{self, LinkRole, MeetingLink};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::declaration::contact_codes::{self, SendError, Tried};
use crate::declaration::{self, Content, Declaration};
use crate::error::Fault;
use crate::identity::session::{self, BY_CODE, Subject};
use crate::identity::{SignedInCitizen, people};
use crate::keys::{Keys, sha256_hex};
use crate::notifications::Channel;

/// Whether a link is that of a person whom an officer wrote down.
///
/// # Errors
/// When the database fails.
pub(super) async fn is_for(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    link: &MeetingLink,
) -> Result<bool, Fault> {
    Ok(link.role == LinkRole::Citizen
        && people::is_declared(tx, keys, &appointment.citizen_id).await?)
}

/// The path of the link by which such a person comes back to their appointment; none
/// for anybody whom FranceConnect knows.
///
/// # Errors
/// When the database fails.
pub async fn own_link(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
) -> Result<Option<String>, Fault> {
    if !people::is_declared(tx, keys, &appointment.citizen_id).await? {
        return Ok(None);
    }
    let person = Actor::Citizen(appointment.citizen_id.clone()).to_string();
    let link = meeting_link::find_of(tx, &appointment.id, LinkRole::Citizen, &person).await?;
    Ok(link.map(|link| {
        let secret = meeting_link::secret(keys, link.id.as_str(), link.generation);
        format!("/lien/{secret}")
    }))
}

/// The case of an appointment, with the addresses that a code may go to.
pub(super) async fn case_of(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
) -> Result<(Declaration, Content), Fault> {
    let case_id = &appointment.case_id;
    let case = declaration::find(tx, case_id)
        .await?
        .ok_or_else(|| Fault::other(format!("case {case_id} has no declaration")))?;
    let content = declaration::open_content(tx, keys, case_id).await?;
    Ok((case, content))
}

/// The channels a code may go by: the telephone where there is one, since whoever reads
/// the mailbox has the link already.
pub(super) fn channels(content: &Content) -> Vec<Channel> {
    [Channel::Sms, Channel::Email]
        .into_iter()
        .find(|channel| content.reachable_by(*channel).is_some())
        .into_iter()
        .collect()
}

/// The channel by which the latest code went that can still be typed.
pub(super) async fn awaited(
    tx: &mut Tx,
    keys: &Keys,
    case: &Declaration,
    content: &Content,
    now: Timestamp,
) -> Result<Option<Channel>, Fault> {
    let mut latest = None;
    for channel in channels(content) {
        let to = (channel, content.address_of(channel));
        let code = contact_codes::find(tx, keys, &case.citizen_id, to).await?;
        if let Some(code) = code.filter(|code| code.is_live(now)) {
            latest = latest.max(Some((code.sent_at, channel)));
        }
    }
    Ok(latest.map(|(_, channel)| channel))
}

/// Sends a code to one of the person's addresses.
///
/// # Errors
/// [`SendError`]; nothing is sent where the person gave no such address.
pub(super) async fn send_code(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    channel: Channel,
    now: Timestamp,
) -> Result<(), SendError> {
    let (case, content) = case_of(tx, keys, appointment).await?;
    let Some(address) = content.reachable_by(channel) else {
        return Ok(());
    };
    contact_codes::send_for_entry(tx, keys, &case, (channel, address), now).await
}

/// What came of a typed code.
#[derive(Debug)]
pub(super) enum Shown {
    /// It was the right one: the cookie of a session, and the seat where the room is open.
    Known {
        /// Value of the session's cookie.
        cookie: String,
        /// Their place in the waiting room.
        seat: Option<Box<Seat>>,
    },
    /// It was not.
    Wrong {
        /// How often it may still be typed.
        left: i64,
    },
    /// There is none to type any more.
    Over,
}

/// Judges a code, begins a session and takes the seat, as one. To be committed whatever
/// comes of it: a wrong code is counted.
///
/// # Errors
/// When the database fails.
pub(super) async fn show(
    tx: &mut Tx,
    keys: &Keys,
    (appointment, link): (&Appointment, &MeetingLink),
    code: &str,
    browser_hash: &str,
    now: Timestamp,
) -> Result<Shown, Fault> {
    audit::lock(tx, appointment.unit_id.as_str()).await?;
    let (case, content) = case_of(tx, keys, appointment).await?;
    let Some(channel) = awaited(tx, keys, &case, &content, now).await? else {
        return Ok(Shown::Over);
    };
    let citizen_id = &appointment.citizen_id;
    let to = (channel, content.address_of(channel));
    match contact_codes::try_for_entry(tx, keys, citizen_id, to, code, now).await? {
        Tried::Wrong { left } => return Ok(Shown::Wrong { left }),
        Tried::Over => return Ok(Shown::Over),
        Tried::Right => {}
    }
    let subject = Subject::Citizen(citizen_id);
    let cookie = session::start(tx, keys, subject, BY_CODE, "code", "", now).await?;
    audit::append(
        tx,
        appointment.unit_id.as_str(),
        now,
        &Actor::Citizen(citizen_id.clone()),
        "citizen.sign_in",
        &format!("citizen/{citizen_id}"),
        &format!("acr={BY_CODE} channel={channel}"),
    )
    .await?;
    let identity = people::citizen_identity(tx, keys, citizen_id).await?;
    let citizen = SignedInCitizen {
        id: citizen_id.clone(),
        session: sha256_hex(cookie.as_bytes()),
        acr: BY_CODE.to_owned(),
        identity: identity.unwrap_or_default(),
    };
    let mut seat = None;
    if link.revoked_at.is_none() && check_window(appointment, now).is_ok() {
        let generation = Some(link.generation);
        seat = match entry::enter(tx, appointment, &citizen, generation, browser_hash, now).await {
            Ok(seat) => Some(Box::new(seat)),
            Err(EnterError::Fault(fault)) => return Err(fault),
            // It ended or moved meanwhile: their page says so.
            Err(_) => None,
        };
    }
    Ok(Shown::Known { cookie, seat })
}
