//! Turns a message row into words. Templates are messages of
//! `web/messages/LANG/notifications.ftl`; the meeting link's secret is derived
//! here, at the last moment. Subjects and SMS never hold a fact of the case.

use std::collections::BTreeMap;

use askama::Template;
use lettre::message::Mailbox;

use super::segments::plain;
use super::{Channel, Values};
use crate::app::App;
use crate::booking::meeting_link;
use crate::codes;
use crate::messages::{Lang, has, text_with};

/// Every template of what people are told. What a unit's own mailbox is told goes by
/// mail alone.
pub const ALL: &[&str] = &[
    "contact-code",
    "entry-code",
    "booked",
    "reminder",
    "relinked",
    "moved",
    "moved-by-unit",
    "earlier",
    "late",
    "delayed",
    "cancelled",
    "cancelled-by-unit",
    "transferred",
    "no-show",
    "review",
    "ready",
    "guest",
    "guest-cancelled",
];

/// What the page of texts fills templates with: as long as what people are told.
#[must_use]
pub fn example(lang: Lang, public_url: &str) -> BTreeMap<String, String> {
    let when = match lang {
        Lang::Fr => "mercredi 30 septembre 2026 à 10 h 30",
        Lang::En => "Wednesday 30 September 2026 at 10:30",
    };
    [
        ("reference", "VP-7K3M-92QX".to_owned()),
        ("origin", crate::identity::Origin::FranceConnect.to_string()),
        ("when", when.to_owned()),
        ("before", when.to_owned()),
        ("begins", when.to_owned()),
        ("offered", when.to_owned()),
        ("until", when.to_owned()),
        ("reason", "…".to_owned()),
        ("role", crate::messages::text(lang, "guest-as-lawyer")),
        ("code", "123456".to_owned()),
        ("appointment", "0".repeat(32)),
        ("other_unit", "Brigade de Valombreuse".to_owned()),
        (
            "other_address",
            "12 rue de l’Exemple, 78114 Valombreuse".to_owned(),
        ),
        ("other_phone", "01 99 00 78 02".to_owned()),
        ("site", public_url.to_owned()),
        ("unit", "Commissariat de Fontclaire".to_owned()),
        (
            "unit_address",
            "1 place de l’Exemple, 78000 Fontclaire".to_owned(),
        ),
        ("unit_phone", "01 99 00 78 01".to_owned()),
        ("space", format!("{public_url}/espace")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// A personal link of nobody, as long as a real one.
#[must_use]
pub fn example_link(app: &App) -> String {
    let secret = meeting_link::secret(&app.keys, &"0".repeat(32), 0);
    format!("{}/lien/{secret}", app.config.public_url)
}

/// Whether a template has words for a channel.
#[must_use]
pub fn speaks(channel: Channel, template: &str) -> bool {
    has(
        Lang::Fr,
        &match channel {
            Channel::Sms => format!("sms-{template}"),
            Channel::Email => format!("mail-{template}-subject"),
        },
    )
}

/// A rendered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Subject of an e-mail; empty for an SMS.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML alternative of an e-mail; empty for an SMS.
    pub html: String,
    /// iCalendar attachment; empty for none.
    pub calendar: String,
}

#[derive(Template)]
#[template(path = "emails/message.html")]
struct Html<'a> {
    lang: Lang,
    subject: &'a str,
    paragraphs: Vec<&'a str>,
    link: &'a str,
}

/// Renders one message.
#[must_use]
pub fn render(
    app: &App,
    channel: Channel,
    template: &str,
    language: &str,
    values: &Values,
) -> Rendered {
    let lang = Lang::parse(language).unwrap_or_default();
    let link = values
        .link
        .as_ref()
        .map_or_else(String::new, |(id, generation)| {
            let secret = meeting_link::secret(&app.keys, id, *generation);
            format!("{}/lien/{secret}", app.config.public_url)
        });
    let mut told = values.values.clone();
    told.insert("site".to_owned(), app.config.public_url.clone());
    if let Some((id, generation)) = &values.code {
        let code = codes::of(&app.keys, codes::Purpose::Contact, id, *generation);
        told.insert("code".to_owned(), code);
    }
    let organizer = app.config.mail_from.parse().map_or_else(
        |_| String::new(),
        |mailbox: Mailbox| mailbox.email.to_string(),
    );
    let calendar = values
        .calendar
        .replace("{organizer}", &organizer)
        .replace("{attendee}", &values.address)
        .replace("{link}", &link);
    Rendered {
        calendar: match channel {
            Channel::Email => folded(&calendar),
            Channel::Sms => String::new(),
        },
        ..fill(channel, template, lang, &told, &link)
    }
}

/// Fills a template in, without what is attached; `link` is the address of the
/// personal link, or empty.
#[must_use]
pub fn fill(
    channel: Channel,
    template: &str,
    lang: Lang,
    values: &BTreeMap<String, String>,
    link: &str,
) -> Rendered {
    let mut args: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    args.push(("link", link));
    match channel {
        Channel::Sms => Rendered {
            subject: String::new(),
            text: plain(&text_with(lang, &format!("sms-{template}"), &args)),
            html: String::new(),
            calendar: String::new(),
        },
        Channel::Email => {
            let subject = text_with(lang, &format!("mail-{template}-subject"), &args);
            let text = text_with(lang, &format!("mail-{template}-body"), &args);
            let html = Html {
                lang,
                subject: &subject,
                paragraphs: text.split("\n\n").collect(),
                link,
            }
            .render()
            .unwrap_or_default();
            Rendered {
                calendar: String::new(),
                html,
                subject,
                text,
            }
        }
    }
}

/// Folds the lines of an iCalendar object that its link made longer than the
/// 75 octets of RFC 5545 section 3.1.
fn folded(calendar: &str) -> String {
    let mut text = String::with_capacity(calendar.len() + 8);
    for line in calendar.split_inclusive("\r\n") {
        let mut width = 0;
        for character in line.chars() {
            let ends_line = matches!(character, '\r' | '\n');
            if !ends_line && width + character.len_utf8() > 75 {
                text.push_str("\r\n ");
                width = 1;
            }
            text.push(character);
            width += character.len_utf8();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn long_lines_of_a_calendar_are_folded_and_short_ones_stay() {
        let short = format!("BEGIN:VCALENDAR\r\nURL:{}\r\n", "x".repeat(71));
        assert_eq!(folded(&short), short);
        let long = format!("URL:{}é\r\nEND:VCALENDAR\r\n", "x".repeat(200));
        let made = folded(&long);
        assert!(made.split("\r\n").all(|line| line.len() <= 75), "{made}");
        assert_eq!(made.replace("\r\n ", ""), long);
    }
}
