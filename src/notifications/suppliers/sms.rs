//! SMS by HTTP. Two suppliers may be set: the one that works is asked first,
//! the other in the same breath when it fails. A number that one of them knows
//! to be none is not tried at the other.
//!
//! | kind | request | a number that is none |
//! |---|---|---|
//! | `webhook` | `POST`, bearer token, `{"id", "to", "text"}` | 410 |
//! | `ovh` | `POST …/sms/ACCOUNT/jobs`, signed with application and consumer keys | 200 with the number among `invalidReceivers` |
//! | `brevo` | `POST …/v3/transactionalSMS/send`, `api-key` | 400 whose message names the recipient |

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use ring::digest;
use serde_json::{Value, json};

use super::{Parcel, Refused};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::hex;
use crate::notifications::Reason;
use crate::notifications::segments::{Alphabet, size_of};
use crate::text_enum;

/// A supplier that failed is asked second for this long.
const AVOIDED_SECONDS: i64 = 60;

text_enum! {
    /// What a supplier's interface looks like.
    SmsKind {
        /// The generic one.
        Webhook = "webhook",
        /// OVHcloud.
        Ovh = "ovh",
        /// Brevo.
        Brevo = "brevo",
    }
}

/// One supplier.
#[derive(Debug)]
pub(super) struct Sms {
    kind: SmsKind,
    url: String,
    token: Secret,
    sender: String,
    http: reqwest::Client,
    patience: Duration,
    /// Until when it is asked second.
    avoided_until: AtomicI64,
}

/// A text that is not printed.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

impl Sms {
    /// The suppliers that the settings name, in their order; each is waited for no longer
    /// than `patience`.
    pub(super) fn all(config: &Config, patience: Duration) -> Vec<Self> {
        // A key goes where the settings say, and nowhere an answer points to.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap_or_default();
        [
            (config.sms_kind, &config.sms_url, &config.sms_token),
            (
                config.sms_second_kind,
                &config.sms_second_url,
                &config.sms_second_token,
            ),
        ]
        .into_iter()
        .filter(|(_, url, _)| !url.is_empty())
        .map(|(kind, url, token)| Sms {
            kind,
            url: url.clone(),
            token: Secret(token.clone()),
            sender: config.sms_sender.clone(),
            http: http.clone(),
            patience,
            avoided_until: AtomicI64::new(i64::MIN),
        })
        .collect()
    }

    fn name(&self) -> &'static str {
        self.kind.as_str()
    }

    async fn send(&self, parcel: Parcel<'_>, now: Timestamp) -> Result<(), Refused> {
        let request = match self.kind {
            SmsKind::Webhook => self
                .http
                .post(&self.url)
                .bearer_auth(&self.token.0)
                .header("idempotency-key", parcel.id.as_str())
                .json(&json!({ "id": parcel.id, "to": parcel.address, "text": parcel.text.text })),
            SmsKind::Ovh => {
                let body = ovh_body(&self.sender, parcel).to_string();
                let (application, consumer, signature) =
                    ovh_signature(&self.token.0, &self.url, &body, now).ok_or_else(|| {
                        Refused::later(self.name(), "its token is not APPLICATION:SECRET:CONSUMER")
                    })?;
                self.http
                    .post(&self.url)
                    .header("content-type", "application/json")
                    .header("x-ovh-application", application)
                    .header("x-ovh-consumer", consumer)
                    .header("x-ovh-timestamp", now.seconds())
                    .header("x-ovh-signature", signature)
                    .body(body)
            }
            SmsKind::Brevo => self
                .http
                .post(&self.url)
                .header("api-key", &self.token.0)
                .json(&brevo_body(&self.sender, parcel)),
        };
        let answer = request
            .timeout(self.patience)
            .send()
            .await
            .map_err(|error| Refused::later(self.name(), kind_of(&error)))?;
        let status = answer.status();
        let body = json_of(answer).await;
        meaning(self.kind, status, &body)
    }
}

/// Asks the suppliers in turn, those that worked lately first.
pub(super) async fn send(
    suppliers: &[Sms],
    parcel: Parcel<'_>,
    now: Timestamp,
) -> Result<&'static str, Refused> {
    let mut order: Vec<&Sms> = suppliers.iter().collect();
    // Stable: where both are as good, the first set is asked first.
    order.sort_by_key(|sms| sms.avoided_until.load(Ordering::Relaxed) > now.0);
    let mut last = Refused::later("sms", "no supplier");
    for sms in order {
        match sms.send(parcel, now).await {
            Ok(()) => {
                sms.avoided_until.store(i64::MIN, Ordering::Relaxed);
                return Ok(sms.name());
            }
            Err(refused) if refused.for_good == Some(Reason::Recipient) => return Err(refused),
            Err(refused) => {
                if refused.for_good.is_none() {
                    let until = now.plus_seconds(AVOIDED_SECONDS);
                    sms.avoided_until.store(until.0, Ordering::Relaxed);
                }
                tracing::warn!(message_id = %parcel.id, supplier = refused.supplier, why = refused.why,
                    "message {} was not taken", parcel.id);
                // A refusal that may pass is worth another try by whoever comes first.
                if last.for_good.is_none() || refused.for_good.is_none() {
                    last = refused;
                }
            }
        }
    }
    Err(last)
}

pub(super) fn ovh_body(sender: &str, parcel: Parcel<'_>) -> Value {
    let coding = match size_of(&parcel.text.text).alphabet {
        Alphabet::Gsm7 => "7bit",
        Alphabet::Ucs2 => "8bit",
    };
    let mut body = json!({
        "message": parcel.text.text,
        "receivers": [parcel.address],
        "charset": "UTF-8",
        "coding": coding,
        "noStopClause": true,
        "priority": "high",
        "tag": parcel.id,
    });
    if sender.is_empty() {
        body["senderForResponse"] = true.into();
    } else {
        body["sender"] = sender.into();
    }
    body
}

/// Application key, consumer key and `$1$` with the SHA-1 that OVHcloud's
/// interface asks for.
pub(super) fn ovh_signature(
    token: &str,
    url: &str,
    body: &str,
    now: Timestamp,
) -> Option<(String, String, String)> {
    let mut parts = token.split(':');
    let (application, secret, consumer) = (parts.next()?, parts.next()?, parts.next()?);
    let text = format!("{secret}+{consumer}+POST+{url}+{body}+{}", now.seconds());
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    Some((
        application.to_owned(),
        consumer.to_owned(),
        format!("$1${}", hex(hash.as_ref())),
    ))
}

pub(super) fn brevo_body(sender: &str, parcel: Parcel<'_>) -> Value {
    json!({
        "sender": sender,
        "recipient": parcel.address.trim_start_matches('+'),
        "content": parcel.text.text,
        "type": "transactional",
        "tag": parcel.id,
        "unicodeEnabled": size_of(&parcel.text.text).alphabet == Alphabet::Ucs2,
    })
}

/// Longest answer read, in bytes.
const LONGEST: usize = 64 * 1024;

async fn json_of(mut answer: Response) -> Value {
    let mut bytes = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        if bytes.len() + piece.len() > LONGEST {
            return Value::Null;
        }
        bytes.extend_from_slice(&piece);
    }
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// What a supplier's answer says of the message.
pub(super) fn meaning(kind: SmsKind, status: StatusCode, body: &Value) -> Result<(), Refused> {
    let name = kind.as_str();
    let code = status.as_u16();
    let for_good = |reason| Err(Refused::for_good(name, reason, status.to_string()));
    let later = || Err(Refused::later(name, status.to_string()));
    match (kind, code) {
        (SmsKind::Ovh, 200..=299) => {
            let listed = |list: &str| body[list].as_array().map_or(0, Vec::len);
            if listed("invalidReceivers") > 0 {
                for_good(Reason::Recipient)
            } else if listed("validReceivers") > 0 || listed("ids") > 0 {
                Ok(())
            } else {
                // An answer that says nothing of the number took nothing on.
                later()
            }
        }
        (_, 200..=299) => Ok(()),
        // Not 404: that is also what a gateway says that was moved.
        (SmsKind::Webhook, 410) => for_good(Reason::Recipient),
        (SmsKind::Brevo, 400) => {
            let said = body["message"].as_str().unwrap_or_default().to_lowercase();
            let of_number = ["recipient", "phone", "mobile", "number"]
                .iter()
                .any(|word| said.contains(word));
            for_good(if of_number {
                Reason::Recipient
            } else {
                Reason::Content
            })
        }
        (SmsKind::Ovh | SmsKind::Webhook, 400) | (SmsKind::Webhook, 422) => {
            for_good(Reason::Content)
        }
        _ => later(),
    }
}

/// What went wrong on the way, without the address asked.
fn kind_of(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the line broke"
    }
}
