//! The worker that delivers: signs a body as Standard Webhooks has it, asks the receiver
//! once, notes what became of it. At least once: a crash between the receiver's answer
//! and our note sends the same delivery again, under the same `webhook-id`.
//!
//! A receiver that hangs keeps nobody waiting but itself: one attempt at a time goes to
//! each, and several receivers are asked at once.

use std::sync::Arc;
use std::time::Duration;

use standardwebhooks::Webhook as Signer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outbox::{self, Outcome, Parcel};
use super::reach::{self, Reach};
use super::secrets;
use crate::app::App;
use crate::db::random_bytes;
use crate::error::Fault;
use crate::notifications::outbox::back_off_ms;

/// How long a receiver may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// A receiver is another process's to ask after this long; longer than it may take.
const LEASE_SECONDS: i64 = 25;
/// Pause between two looks.
const IDLE: Duration = Duration::from_millis(500);
/// Receivers asked at once.
const AT_ONCE: usize = 8;
/// Looks between two clearings of what is over: about an hour.
const FORGET_EVERY: u64 = 7_200;

/// What asks receivers.
#[derive(Clone, Debug)]
pub struct Carrier {
    reach: Reach,
    client: reqwest::Client,
}

impl Carrier {
    /// One that may ask so much and waits so long.
    ///
    /// # Errors
    /// When TLS cannot be had.
    pub fn new(reach: Reach, patience: Duration) -> Result<Self, Fault> {
        let client = reach::client(reach, patience)?;
        Ok(Carrier { reach, client })
    }
}

/// Delivers what is due until `shutdown`. Several processes may.
pub async fn run(app: App, shutdown: CancellationToken) {
    let carrier = match Carrier::new(Reach::of_this_build(), PATIENCE) {
        Ok(carrier) => Arc::new(carrier),
        Err(fault) => return tracing::error!(%fault, "webhooks are not delivered: {fault}"),
    };
    let mut flying = JoinSet::new();
    let mut looks: u64 = 0;
    while !shutdown.is_cancelled() {
        if let Err(fault) = look(&app, &carrier, &mut flying, looks).await {
            tracing::error!(%fault, "webhooks: {fault}");
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(IDLE) => {}
            Some(_) = flying.join_next() => {}
        }
    }
}

async fn look(
    app: &App,
    carrier: &Arc<Carrier>,
    flying: &mut JoinSet<()>,
    looks: u64,
) -> Result<(), Fault> {
    if looks.is_multiple_of(FORGET_EVERY) {
        outbox::forget(app).await?;
    }
    outbox::deal(app).await?;
    while flying.len() < AT_ONCE {
        let Some((parcel, url)) = outbox::claim(app, LEASE_SECONDS).await? else {
            break;
        };
        let (app, carrier) = (app.clone(), Arc::clone(carrier));
        flying.spawn(async move {
            if let Err(fault) = carry(&app, &carrier, parcel, &url).await {
                tracing::error!(%fault, "webhooks: {fault}");
            }
        });
    }
    Ok(())
}

/// Deals out what happened and makes one attempt at one delivery that is due; gives what
/// became of it, or none when nothing is due.
///
/// # Errors
/// When the database fails; a receiver's failure is an outcome, not an error.
pub async fn deliver_next(app: &App, carrier: &Carrier) -> Result<Option<Outcome>, Fault> {
    outbox::deal(app).await?;
    match outbox::claim(app, LEASE_SECONDS).await? {
        None => Ok(None),
        Some((parcel, url)) => carry(app, carrier, parcel, &url).await.map(Some),
    }
}

async fn carry(app: &App, carrier: &Carrier, parcel: Parcel, url: &str) -> Result<Outcome, Fault> {
    let outcome = match ask(app, carrier, &parcel, url).await? {
        Ok(()) => Outcome::Delivered,
        Err(Refused { why, for_good }) => {
            let chance = u16::from_be_bytes(random_bytes());
            let next = app
                .clock
                .now()
                .plus_millis(back_off_ms(parcel.attempts, chance));
            if for_good || next >= parcel.expires_at {
                Outcome::Dead(why)
            } else {
                Outcome::Later(why, next)
            }
        }
    };
    outbox::release(app, &parcel, &outcome).await?;
    let id = &parcel.id;
    match &outcome {
        Outcome::Delivered => tracing::info!(delivery = %id, "webhook {id} delivered"),
        Outcome::Later(why, _) => {
            tracing::warn!(delivery = %id, why, "webhook {id} will be tried again");
        }
        Outcome::Dead(why) => tracing::warn!(delivery = %id, why, "webhook {id} is given up"),
    }
    Ok(outcome)
}

/// Why a receiver did not take a delivery.
struct Refused {
    why: String,
    for_good: bool,
}

impl Refused {
    fn later(why: impl Into<String>) -> Self {
        let why = why.into();
        Refused {
            why,
            for_good: false,
        }
    }
}

async fn ask(
    app: &App,
    carrier: &Carrier,
    parcel: &Parcel,
    url: &str,
) -> Result<Result<(), Refused>, Fault> {
    // What was an address when it was typed is looked at again: the rules may be others.
    let url = match reach::check(url, carrier.reach) {
        Ok(url) => url,
        Err(why) => return Ok(Err(Refused::later(format!("the address is {why}")))),
    };
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let secrets = secrets(&mut tx, &app.keys, &parcel.key_id, now).await?;
    drop(tx);
    if secrets.is_empty() {
        // Nobody could know it from what somebody else sends.
        return Ok(Err(Refused::later("there is no secret to sign with")));
    }
    let signature = sign(&secrets, parcel, now.seconds())?;
    let sent = carrier
        .client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", parcel.id.as_str())
        .header("webhook-timestamp", now.seconds())
        .header("webhook-signature", signature)
        .body(parcel.body.clone())
        .send()
        .await;
    Ok(match sent {
        // Nothing it says besides is read.
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) if answer.status().is_redirection() => Err(Refused::later(format!(
            "{}, and redirects are not followed",
            answer.status().as_u16()
        ))),
        Ok(answer) => Err(Refused {
            why: answer.status().as_u16().to_string(),
            // Gone: the receiver asks for nothing more of it.
            for_good: answer.status() == reqwest::StatusCode::GONE,
        }),
        Err(error) => Err(Refused::later(kind_of(&error))),
    })
}

/// One signature for each secret that holds, parted by spaces.
fn sign(secrets: &[String], parcel: &Parcel, seconds: i64) -> Result<String, Fault> {
    let signed: Result<Vec<String>, Fault> = secrets
        .iter()
        .map(|secret| {
            let signer = Signer::new(secret).map_err(Fault::other)?;
            signer
                .sign(parcel.id.as_str(), seconds, parcel.body.as_bytes())
                .map_err(Fault::other)
        })
        .collect();
    Ok(signed?.join(" "))
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
