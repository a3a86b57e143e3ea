//! Pages that show what the sandbox's supplier accepted: e-mails, with their
//! links and calendar object, and SMS. They read one table and change nothing.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::{Fault, PageError, Refusal};
use crate::notifications::Channel;
use crate::page::{Ctx, render};
use crate::routes::Routes;
use crate::{fetch_all, fetch_optional};

/// The mailbox's routes.
pub fn router() -> Routes {
    Routes::new()
        .route("/bac-a-sable/courrier", get(list))
        .route("/bac-a-sable/courrier/{id}", get(read))
        .route("/bac-a-sable/courrier/{id}/calendrier.ics", get(calendar))
        .route("/bac-a-sable/sms", get(sms))
}

/// A message the supplier accepted.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Delivery {
    /// Key of this acceptance.
    pub id: Id,
    /// The message; two acceptances of one message are a duplicate.
    pub message_id: String,
    /// Address or number.
    pub recipient: String,
    /// Subject of an e-mail.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// iCalendar object, or empty.
    pub calendar: String,
    /// When.
    pub accepted_at: Timestamp,
}

impl Delivery {
    /// When it was accepted, as read in Paris.
    #[must_use]
    pub fn accepted(&self) -> String {
        self.accepted_at
            .in_zone(chrono_tz::Europe::Paris)
            .format("%d/%m/%Y %H:%M:%S")
            .to_string()
    }

    /// The text, its addresses apart so that the page can make links of them.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        pieces(&self.body)
    }
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What is read.
    pub text: &'a str,
    /// Whether it is a web address.
    pub link: bool,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| rest.find(scheme))
        .min()
    {
        let tail = &rest[start..];
        let end = tail
            .find(|character: char| character.is_whitespace() || "<>\"".contains(character))
            .unwrap_or(tail.len());
        let address = tail[..end].trim_end_matches(['.', ',', ';', ')', '!', '?']);
        found.push(Piece {
            text: &rest[..start],
            link: false,
        });
        found.push(Piece {
            text: address,
            link: true,
        });
        rest = &tail[address.len()..];
    }
    found.push(Piece {
        text: rest,
        link: false,
    });
    found.retain(|piece| !piece.text.is_empty());
    found
}

async fn list_deliveries(tx: &mut Tx, channel: Channel) -> Result<Vec<Delivery>, Fault> {
    fetch_all!(
        tx,
        Delivery,
        "select id, message_id, recipient, subject, body, calendar, accepted_at
         from sandbox_deliveries where channel = $1
         order by accepted_at desc, id limit 200",
        channel
    )
}

async fn find_email(tx: &mut Tx, id: &Id) -> Result<Option<Delivery>, Fault> {
    fetch_optional!(
        tx,
        Delivery,
        "select id, message_id, recipient, subject, body, calendar, accepted_at
         from sandbox_deliveries where id = $1 and channel = 'email'",
        id
    )
}

#[derive(Template)]
#[template(path = "sandbox/mailbox.html")]
struct MailboxPage {
    ctx: Ctx,
    deliveries: Vec<Delivery>,
}

async fn list(State(app): State<App>, ctx: Ctx) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let deliveries = list_deliveries(&mut tx, Channel::Email).await?;
    render(&MailboxPage { ctx, deliveries })
}

#[derive(Template)]
#[template(path = "sandbox/email.html")]
struct EmailPage {
    ctx: Ctx,
    delivery: Delivery,
}

async fn read(
    State(app): State<App>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let delivery = find_email(&mut tx, &Id(id))
        .await?
        .ok_or_else(Refusal::not_found)?;
    render(&EmailPage { ctx, delivery })
}

async fn calendar(State(app): State<App>, Path(id): Path<String>) -> Result<Response, PageError> {
    let mut tx = app.db.read().await?;
    let delivery = find_email(&mut tx, &Id(id))
        .await?
        .filter(|delivery| !delivery.calendar.is_empty())
        .ok_or_else(Refusal::not_found)?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"rendez-vous.ics\"",
        ),
    ];
    Ok((headers, delivery.calendar).into_response())
}

#[derive(Template)]
#[template(path = "sandbox/sms.html")]
struct SmsPage {
    ctx: Ctx,
    deliveries: Vec<Delivery>,
}

async fn sms(State(app): State<App>, ctx: Ctx) -> Result<Html<String>, PageError> {
    let mut tx = app.db.read().await?;
    let deliveries = list_deliveries(&mut tx, Channel::Sms).await?;
    render(&SmsPage { ctx, deliveries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_text_are_found_without_their_punctuation() {
        for (text, expected) in [
            ("", vec![]),
            ("Bonjour", vec![("Bonjour", false)]),
            (
                "Voir https://a.example/lien/x. Merci",
                vec![
                    ("Voir ", false),
                    ("https://a.example/lien/x", true),
                    (". Merci", false),
                ],
            ),
            (
                "http://b.example:8080/é?x=1\nhttps://c.example",
                vec![
                    ("http://b.example:8080/é?x=1", true),
                    ("\n", false),
                    ("https://c.example", true),
                ],
            ),
            ("javascript:alert(1)", vec![("javascript:alert(1)", false)]),
            ("https:// .", vec![("https://", true), (" .", false)]),
        ] {
            let found: Vec<_> = pieces(text)
                .iter()
                .map(|piece| (piece.text, piece.link))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
