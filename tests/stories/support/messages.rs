//! The sandbox's mailbox and telephone, read on their pages.

use super::{Browser, until};

/// A message as its recipient reads it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub recipient: String,
    pub subject: String,
    pub text: String,
    /// The personal link, where there is one.
    pub link: Option<String>,
    /// The attached calendar object, or empty.
    pub calendar: String,
}

/// The newest e-mail to an address whose subject holds some words.
pub async fn mail_to(site: &str, address: &str, about: &str) -> Letter {
    let browser = Browser::new(site);
    let page = until(&format!("an e-mail about {about}"), async || {
        let list = browser.get("/bac-a-sable/courrier").await.ok();
        for path in list.attributes("main a[href^='/bac-a-sable/courrier/']", "href") {
            let mail = browser.get(&path).await.ok();
            let to_them = mail.words("main dd").iter().any(|word| word == address);
            if to_them && mail.title().contains(about) {
                return Some(mail);
            }
        }
        None
    })
    .await;
    let calendar = match page.attribute("main a[href$='calendrier.ics']", "href") {
        Some(path) => browser.get(&path).await.ok().text(),
        None => String::new(),
    };
    Letter {
        recipient: address.to_owned(),
        subject: page.title(),
        text: page.words(".vp-message").join("\n"),
        link: page.attribute(".vp-message a[href*='/lien/']", "href"),
        calendar,
    }
}

/// The newest SMS to a number that holds some words.
pub async fn sms_to(site: &str, number: &str, about: &str) -> Letter {
    let browser = Browser::new(site);
    until(&format!("an SMS about {about}"), async || {
        let list = browser.get("/bac-a-sable/sms").await.ok();
        let (numbers, texts) = (list.words("main li h2"), list.words("main li .vp-message"));
        let text = std::iter::zip(numbers, texts)
            .find(|(to, text)| to == number && text.contains(about))?
            .1;
        let link = list
            .attributes("main li .vp-message a[href*='/lien/']", "href")
            .into_iter()
            .find(|link| text.contains(link.as_str()));
        Some(Letter {
            recipient: number.to_owned(),
            subject: String::new(),
            text,
            link,
            calendar: String::new(),
        })
    })
    .await
}

/// The six digits of a message.
pub fn code_in(text: &str) -> String {
    let mut runs = text
        .split(|one: char| !one.is_ascii_digit())
        .filter(|run| run.len() == 6);
    let code = runs.next().unwrap_or_else(|| panic!("no code in {text}"));
    code.to_owned()
}
