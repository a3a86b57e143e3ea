//! Who carries messages: an SMTP server, one or two suppliers of SMS, or the
//! sandbox's own mailbox. Each is asked with the message's id, so that a
//! repeated request is recognised as the same message.

mod sms;
mod smtp;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::templates::Rendered;
use super::{Channel, Reason};
use crate::app::App;
use crate::config::Config;
use crate::db::Id;

pub use sms::SmsKind;

/// How long a supplier may take. Two of them fit into the outbox's lease.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Why a supplier did not take a message. Holds no address and no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why trying again would be pointless; none where it would not.
    pub for_good: Option<Reason>,
    /// Who refused.
    pub supplier: &'static str,
    /// For the operator.
    pub why: String,
}

impl Refused {
    fn later(supplier: &'static str, why: impl Into<String>) -> Self {
        Refused {
            for_good: None,
            supplier,
            why: why.into(),
        }
    }

    fn for_good(supplier: &'static str, reason: Reason, why: impl Into<String>) -> Self {
        Refused {
            for_good: Some(reason),
            supplier,
            why: why.into(),
        }
    }
}

/// One message on its way.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The row's id.
    pub id: &'a Id,
    /// How it travels.
    pub channel: Channel,
    /// E-mail address or E.164 number.
    pub address: &'a str,
    /// What it says.
    pub text: &'a Rendered,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// The suppliers of this process, kept so that their connections are reused.
#[derive(Debug)]
pub struct Suppliers {
    mail: Option<smtp::Mail>,
    sms: Vec<sms::Sms>,
}

impl Suppliers {
    /// Reads which suppliers the settings name. A wrong SMTP address is said
    /// once; messages then wait.
    #[must_use]
    pub fn new(app: &App) -> Self {
        Self::for_settings(&app.config, PATIENCE)
    }

    /// The same for settings alone, with as much patience for a mail server.
    pub(super) fn for_settings(config: &Config, patience: Duration) -> Self {
        Suppliers {
            mail: smtp::Mail::new(config, patience)
                .inspect_err(|fault| tracing::error!(%fault, "mail: {fault}"))
                .ok()
                .flatten(),
            sms: sms::Sms::all(config, PATIENCE),
        }
    }

    /// Hands one message over; gives the name of who took it.
    ///
    /// # Errors
    /// When every supplier refuses it, for now, or one of them for good.
    pub async fn send(&self, app: &App, parcel: Parcel<'_>) -> Result<&'static str, Refused> {
        match parcel.channel {
            Channel::Email if !app.config.smtp_url.is_empty() => match &self.mail {
                Some(mail) => mail.send(parcel).await,
                None => Err(Refused::later("smtp", "smtp_url cannot be used")),
            },
            Channel::Sms if !self.sms.is_empty() => {
                sms::send(&self.sms, parcel, app.clock.now()).await
            }
            _ => sandbox(app, parcel).await,
        }
    }
}

#[cfg(feature = "sandbox")]
async fn sandbox(app: &App, parcel: Parcel<'_>) -> Result<&'static str, Refused> {
    crate::sandbox::supplier::take(app, parcel).await
}

#[cfg(not(feature = "sandbox"))]
async fn sandbox(_app: &App, parcel: Parcel<'_>) -> Result<&'static str, Refused> {
    Err(Refused::later(
        "none",
        format!("no supplier is configured for {}", parcel.channel),
    ))
}
