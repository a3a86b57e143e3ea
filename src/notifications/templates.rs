//! Turns a message row into words. Templates are messages of
//! `web/messages/LANG/notifications.ftl`; the meeting link's secret is derived
//! here, at the last moment. Subjects and SMS never hold a fact of the case.

use askama::Template;

use super::{Channel, Values};
use crate::app::App;
use crate::booking::meeting_link;
use crate::messages::{Lang, text_with};

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
    let mut args: Vec<(&str, &str)> = values
        .values
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    args.push(("link", &link));
    match channel {
        Channel::Sms => Rendered {
            subject: String::new(),
            text: text_with(lang, &format!("sms-{template}"), &args),
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
                link: &link,
            }
            .render()
            .unwrap_or_default();
            Rendered {
                calendar: values.calendar.replace("{link}", &link),
                html,
                subject,
                text,
            }
        }
    }
}
