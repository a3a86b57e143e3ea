//! Mail by SMTP: what is built of a message, how the line is secured, and what
//! the server's answers mean.

use std::error::Error as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::time::timeout;

use super::{Parcel, Refused};
use crate::config::Config;
use crate::error::Fault;
use crate::notifications::Reason;

const NAME: &str = "smtp";

/// A mail server.
pub(super) struct Mail {
    builder: AsyncSmtpTransportBuilder,
    /// With its open lines. Another takes its place when one of them is given up.
    transport: Mutex<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    patience: Duration,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Mail")
    }
}

impl Mail {
    /// The server that the settings name, if they do.
    ///
    /// # Errors
    /// When its address, the sender's or an authority cannot be read.
    pub(super) fn new(config: &Config, patience: Duration) -> Result<Option<Self>, Fault> {
        if config.smtp_url.is_empty() {
            return Ok(None);
        }
        // The address may hold a password: what is wrong with it is not repeated.
        let unusable = || Fault::other("smtp_url cannot be used");
        let url = url::Url::parse(&config.smtp_url).map_err(|_| unusable())?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.smtp_url)
            .map_err(|_| unusable())?
            .timeout(Some(patience));
        if !config.provider_roots.as_os_str().is_empty() {
            let wrapped = url.scheme() == "smtps";
            let asked = url.query_pairs().find(|(name, _)| name == "tls");
            let asked = asked.map(|(_, value)| value.into_owned());
            if let Some(tls) = with_roots(config, &url, wrapped, asked.as_deref())? {
                builder = builder.tls(tls);
            }
        }
        let from = config
            .mail_from
            .parse()
            .map_err(|_| Fault::other("mail_from is no e-mail address"))?;
        Ok(Some(Mail {
            transport: Mutex::new(builder.clone().build()),
            builder,
            from,
            patience,
        }))
    }

    pub(super) async fn send(&self, parcel: Parcel<'_>) -> Result<&'static str, Refused> {
        let message = self.build(parcel)?;
        // The library's own limit is on the connecting alone.
        let transport = self.transport().clone();
        match timeout(self.patience, transport.send(message)).await {
            Ok(Ok(_)) => Ok(NAME),
            Ok(Err(error)) => Err(meaning(&error)),
            Err(_) => {
                // The library keeps the line for the next message, which would wait for
                // this one's answer: all its lines are let go.
                *self.transport() = self.builder.clone().build();
                Err(Refused::later(NAME, "no answer in time"))
            }
        }
    }

    fn transport(&self) -> MutexGuard<'_, AsyncSmtpTransport<Tokio1Executor>> {
        self.transport
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn build(&self, parcel: Parcel<'_>) -> Result<Message, Refused> {
        let to: Mailbox = parcel
            .address
            .parse()
            .map_err(|_| Refused::for_good(NAME, Reason::Recipient, "no e-mail address"))?;
        let unbuilt = |error: &dyn ToString| {
            Refused::for_good(
                NAME,
                Reason::Content,
                format!("the message cannot be built: {}", error.to_string()),
            )
        };
        let text = parcel.text;
        let mut body = MultiPart::alternative_plain_html(text.text.clone(), text.html.clone());
        if !text.calendar.is_empty() {
            // As an alternative it is an invitation that calendars offer to take
            // over; the method said here is the one said inside (RFC 6047).
            let method = text
                .calendar
                .lines()
                .find_map(|line| line.strip_prefix("METHOD:"))
                .unwrap_or("PUBLISH");
            let kind = format!("text/calendar; charset=utf-8; method={method}");
            let kind = ContentType::parse(&kind).map_err(|error| unbuilt(&error))?;
            body = body.singlepart(
                SinglePart::builder()
                    .header(kind)
                    .body(text.calendar.clone()),
            );
        }
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .message_id(Some(format!(
                "<{}@{}>",
                parcel.id,
                self.from.email.domain()
            )))
            .subject(&text.subject)
            .multipart(body)
            .map_err(|error| unbuilt(&error))
    }
}

/// How the line is secured where a private authority vouches for the server.
fn with_roots(
    config: &Config,
    url: &url::Url,
    wrapped: bool,
    asked: Option<&str>,
) -> Result<Option<Tls>, Fault> {
    let path = &config.provider_roots;
    let unreadable =
        |error: &dyn ToString| Fault::other(format!("{}: {}", path.display(), error.to_string()));
    let pem = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let mut parameters = TlsParameters::builder(url.host_str().unwrap_or_default().to_owned());
    for der in certificates(&pem) {
        let root = Certificate::from_der(der).map_err(|error| unreadable(&error))?;
        parameters = parameters.add_root_certificate(root);
    }
    let parameters = parameters.build().map_err(|error| unreadable(&error))?;
    Ok(match asked {
        _ if wrapped => Some(Tls::Wrapper(parameters)),
        Some("required") => Some(Tls::Required(parameters)),
        Some("opportunistic") => Some(Tls::Opportunistic(parameters)),
        _ => None,
    })
}

/// The certificates of a PEM file.
fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::pem_slice_iter(pem)
        .filter_map(|found| found.ok().map(|der| der.as_ref().to_vec()))
        .collect()
}

fn meaning(error: &Error) -> Refused {
    let code = error.status().map(u16::from);
    // What the server said, behind the code.
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let enhanced = enhanced(&said);
    match code.and_then(|code| reason_of(code, enhanced)) {
        Some(reason) => Refused::for_good(NAME, reason, told(code, enhanced)),
        // Neither permanent nor transient (a certificate nobody trusts, a server
        // that hangs up) may mend itself: tried again, and logged.
        None => Refused::later(NAME, told(code, enhanced)),
    }
}

/// A server may repeat the address in its answer; only its codes are kept.
fn told(code: Option<u16>, enhanced: Option<Enhanced>) -> String {
    match (code, enhanced) {
        (None, _) => "no answer".to_owned(),
        (Some(code), None) => code.to_string(),
        (Some(code), Some((class, subject, detail))) => {
            format!("{code} {class}.{subject}.{detail}")
        }
    }
}

/// Class, subject and detail (RFC 3463).
pub(super) type Enhanced = (u8, u16, u16);

/// The enhanced code that an answer begins with, where its server gives one (RFC 2034).
pub(super) fn enhanced(said: &str) -> Option<Enhanced> {
    let mut parts = said.split_whitespace().next()?.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    match parts.next() {
        Some(_) => None,
        None => Some((
            class.parse().ok()?,
            subject.parse().ok()?,
            detail.parse().ok()?,
        )),
    }
}

/// What a final answer (RFC 5321 section 4.2.3) says of the message; none where
/// the fault is not the message's: our password, our right to send, our sender's
/// address, our being on somebody's list.
pub(super) fn reason_of(code: u16, enhanced: Option<Enhanced>) -> Option<Reason> {
    match (code, enhanced) {
        // Security and policy; the sender's own mailbox or system.
        (_, Some((_, 7, _) | (_, 1, 7 | 8))) | (530..=539, _) => None,
        // No mailbox, no mail taken there, no such name, not reachable by mail.
        (521 | 550 | 551 | 553 | 556, _) | (500..=599, Some((5, 1, _) | (5, 2, 1))) => {
            Some(Reason::Recipient)
        }
        (500..=599, _) => Some(Reason::Content),
        _ => None,
    }
}
