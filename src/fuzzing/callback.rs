//! What a browser brings back from a provider, and where it says that it was
//! going: nothing given twice counts, nothing unreadable reaches the log, and
//! nobody is led to another site.

use url::Url;

use crate::identity::pages::{Answer, known_code};
use crate::page::safe_return;

const SITE: &str = "https://visioplainte.example/";

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let named = |name: &str| {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        pairs.filter(|(key, _)| key == name).count()
    };
    let twice = ["state", "code", "iss", "error"]
        .iter()
        .any(|name| named(name) > 1);
    match Answer::read(Some(&text)) {
        Err(_) => assert!(twice, "refused for nothing"),
        Ok(answer) => {
            assert!(!twice, "read although something was given twice");
            let code = known_code(&answer.error.unwrap_or_default());
            assert!(code.len() <= 64 && code.bytes().all(|byte| (b' '..=b'z').contains(&byte)));
        }
    }
    let site = Url::parse(SITE).expect("the site has an address");
    let next = safe_return(&text);
    assert!(!next.chars().any(char::is_control), "a header of two lines");
    let led = site.join(&next).expect("a path of this site");
    assert_eq!(led.origin(), site.origin(), "led away by {next:?}");
}
