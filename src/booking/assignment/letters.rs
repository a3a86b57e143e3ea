//! What an officer is told of the hearings they are to hold: given to them, moved, called
//! off, taken from them. Written in the act's own transaction, to the mailbox that
//! ProConnect last gave, with reference, hour and unit and nothing of the person. Whoever
//! did it themself is told nothing.

use crate::audit::Actor;
use crate::booking::{Appointment, messages};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::identity::OfficerIdentity;
use crate::keys::Keys;
use crate::notifications;

/// What became of a hearing for the officer who holds it, or held it until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It is theirs to hold.
    Given,
    /// It is at another hour, and still theirs.
    Moved,
    /// It does not take place in the unit.
    CalledOff,
    /// It is somebody else's, or nobody's yet.
    Taken,
}

impl News {
    /// The template that says so.
    fn template(self) -> &'static str {
        match self {
            News::Given => "officer-given",
            News::Moved => "officer-moved",
            News::CalledOff => "officer-called-off",
            News::Taken => "officer-taken",
        }
    }
}

/// Tells an officer what became of a hearing, in place of what they were told of it and
/// has not gone out.
///
/// # Errors
/// When the database fails or the sealed identity does not open.
pub(in crate::booking) async fn tell(
    tx: &mut Tx,
    keys: &Keys,
    appointment: &Appointment,
    officer_id: &Id,
    news: News,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    let recipient = Actor::Officer(officer_id.clone());
    // The subject is the officer's own: what people are told of the appointment is
    // withdrawn apart from this.
    let subject = format!("assignment/{}/{officer_id}", appointment.id);
    notifications::withdraw(tx, &subject, now).await?;
    if recipient == *actor {
        return Ok(());
    }
    let Some(sealed) = super::store::find_sealed_identity(tx, officer_id).await? else {
        return Ok(());
    };
    let identity: OfficerIdentity = keys
        .service
        .open_json(&format!("officer/{officer_id}"), &sealed)?;
    if identity.email.is_empty() {
        return Ok(());
    }
    // The same hearing may come and go more than once.
    let template = news.template();
    let event = format!("{subject}/{template}/{}", now.0);
    let to = (recipient.to_string(), identity.email);
    messages::tell_officer(tx, keys, appointment, to, (template, event), now).await
}
