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
                calendar: folded(&values.calendar.replace("{link}", &link)),
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
