//! Who carries messages: an SMTP server, an HTTP gateway for SMS, or the
//! sandbox's own mailbox. Each is asked with the message's id, so that a
//! repeated request is recognised as the same message.

use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::Channel;
use super::templates::Rendered;
use crate::app::App;
use crate::db::Id;

/// Why a supplier did not take a message. Holds no address and no text.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Trying again would be pointless.
    pub permanent: bool,
    /// For the operator.
    pub reason: String,
}

impl Refused {
    fn later(reason: impl Into<String>) -> Self {
        Refused {
            permanent: false,
            reason: reason.into(),
        }
    }

    fn for_good(reason: impl Into<String>) -> Self {
        Refused {
            permanent: true,
            reason: reason.into(),
        }
    }
}

/// The suppliers of this process, kept so that their connections are reused.
pub struct Suppliers {
    smtp: Option<AsyncSmtpTransport<Tokio1Executor>>,
    http: reqwest::Client,
}

impl std::fmt::Debug for Suppliers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Suppliers")
    }
}

impl Suppliers {
    /// Reads which suppliers the settings name. A wrong SMTP address is said
    /// once; messages then wait.
    #[must_use]
    pub fn new(app: &App) -> Self {
        let url = &app.config.smtp_url;
        let smtp = (!url.is_empty())
            .then(|| AsyncSmtpTransport::<Tokio1Executor>::from_url(url))
            .and_then(|builder| {
                builder
                    .map_err(|error| tracing::error!(%error, "smtp_url cannot be used"))
                    .ok()
            })
            .map(|builder| {
                builder
                    .timeout(Some(std::time::Duration::from_secs(15)))
                    .build()
            });
        Suppliers {
            smtp,
            http: reqwest::Client::new(),
        }
    }

    /// Hands one message over.
    ///
    /// # Errors
    /// When the supplier refuses it, for now or for good.
    pub async fn send(
        &self,
        app: &App,
        id: &Id,
        channel: Channel,
        address: &str,
        text: &Rendered,
    ) -> Result<(), Refused> {
        match channel {
            Channel::Email if self.smtp.is_some() => self.send_mail(app, id, address, text).await,
            Channel::Sms if !app.config.sms_url.is_empty() => {
                self.send_sms(app, id, address, text).await
            }
            _ => sandbox(app, id, channel, address, text).await,
        }
    }

    async fn send_mail(
        &self,
        app: &App,
        id: &Id,
        address: &str,
        text: &Rendered,
    ) -> Result<(), Refused> {
        let smtp = self
            .smtp
            .as_ref()
            .ok_or_else(|| Refused::later("no SMTP server"))?;
        let to: Mailbox = address
            .parse()
            .map_err(|_| Refused::for_good("the address is no e-mail address"))?;
        let from: Mailbox = app
            .config
            .mail_from
            .parse()
            .map_err(|_| Refused::later("mail_from is no e-mail address"))?;
        let domain = from.email.domain().to_owned();
        let mut body = MultiPart::mixed().multipart(MultiPart::alternative_plain_html(
            text.text.clone(),
            text.html.clone(),
        ));
        if !text.calendar.is_empty() {
            let kind = ContentType::parse("text/calendar; charset=utf-8; method=REQUEST")
                .map_err(|_| Refused::for_good("the calendar's content type"))?;
            let part: SinglePart =
                Attachment::new("rendez-vous.ics".to_owned()).body(text.calendar.clone(), kind);
            body = body.singlepart(part);
        }
        let message = Message::builder()
            .from(from)
            .to(to)
            .message_id(Some(format!("<{id}@{domain}>")))
            .subject(&text.subject)
            .multipart(body)
            .map_err(|error| Refused::for_good(format!("the message cannot be built: {error}")))?;
        match smtp.send(message).await {
            Ok(_) => Ok(()),
            // Neither permanent nor transient (a certificate nobody trusts, a
            // server that hangs up) may mend itself: tried again, and logged.
            Err(error) if error.is_permanent() => {
                Err(Refused::for_good(status_only(&error.to_string())))
            }
            Err(error) => Err(Refused::later(status_only(&error.to_string()))),
        }
    }

    async fn send_sms(
        &self,
        app: &App,
        id: &Id,
        number: &str,
        text: &Rendered,
    ) -> Result<(), Refused> {
        let answer = self
            .http
            .post(&app.config.sms_url)
            .bearer_auth(&app.config.sms_token)
            .header("idempotency-key", id.as_str())
            .timeout(std::time::Duration::from_secs(15))
            .json(&serde_json::json!({ "id": id.as_str(), "to": number, "text": text.text }))
            .send()
            .await
            .map_err(|error| Refused::later(error.without_url().to_string()))?;
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            400 | 404 | 410 | 422 => {
                Err(Refused::for_good(format!("gateway: {}", answer.status())))
            }
            _ => Err(Refused::later(format!("gateway: {}", answer.status()))),
        }
    }
}

/// An SMTP server may repeat the address in its answer; only its code is kept.
fn status_only(answer: &str) -> String {
    let code: String = answer
        .split(|character: char| !character.is_ascii_digit())
        .find(|digits| digits.len() == 3)
        .unwrap_or("no code")
        .to_owned();
    format!("SMTP server: {code}")
}

#[cfg(feature = "sandbox")]
async fn sandbox(
    app: &App,
    id: &Id,
    channel: Channel,
    address: &str,
    text: &Rendered,
) -> Result<(), Refused> {
    async fn keep(
        app: &App,
        id: &Id,
        channel: Channel,
        address: &str,
        text: &Rendered,
    ) -> Result<(), crate::error::Fault> {
        let mut tx = app.db.begin().await?;
        crate::execute!(
            &mut tx,
            "insert into sandbox_deliveries (id, message_id, channel, recipient, subject, body, calendar, accepted_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            Id::random(),
            id,
            channel,
            address,
            &text.subject,
            &text.text,
            &text.calendar,
            app.clock.now()
        )?;
        tx.commit().await
    }
    keep(app, id, channel, address, text)
        .await
        .map_err(|fault| Refused::later(fault.to_string()))
}

#[cfg(not(feature = "sandbox"))]
async fn sandbox(
    _app: &App,
    _id: &Id,
    channel: Channel,
    _address: &str,
    _text: &Rendered,
) -> Result<(), Refused> {
    Err(Refused::later(format!(
        "no supplier is configured for {channel}"
    )))
}

#[cfg(test)]
mod tests {
    use super::status_only;

    #[test]
    fn an_address_in_a_servers_answer_is_not_kept() {
        let kept = status_only("permanent error (550): 5.1.1 <angele@exemple.fr> unknown");
        assert_eq!(kept, "SMTP server: 550");
        assert_eq!(status_only("connection refused"), "SMTP server: no code");
    }
}
