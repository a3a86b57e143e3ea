//! A browser as far as logging in needs one: cookies, forms, redirects that
//! are followed one by one.

use std::collections::BTreeMap;

use scraper::{Html, Selector};

use crate::identity::session;
use crate::messages::{Lang, text};

pub(super) struct Browser {
    http: reqwest::Client,
    origin: String,
    pub cookies: BTreeMap<String, String>,
}

pub(super) struct Answer {
    pub status: u16,
    /// Where it redirects to; empty if nowhere.
    pub location: String,
    pub body: String,
    /// Whether it gives a session.
    pub gives_session: bool,
}

impl Browser {
    pub(super) fn at(origin: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Browser {
            http,
            origin: origin.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// A browser whose user trusts one more certificate.
    pub(super) fn trusting(origin: &str, pem: &str) -> Self {
        let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .add_root_certificate(certificate)
            .build()
            .unwrap();
        Browser {
            http,
            ..Browser::at(origin)
        }
    }

    pub(super) async fn get(&mut self, address: &str) -> Answer {
        let request = self.http.get(self.absolute(address));
        self.send(request).await
    }

    pub(super) async fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self
            .http
            .post(self.absolute(address))
            .header("origin", &self.origin)
            .form(fields);
        self.send(request).await
    }

    /// The session's cookie, if the browser has one.
    pub(super) fn session(&self) -> Option<&String> {
        self.cookies.get(session::COOKIE)
    }

    fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') {
            format!("{}{address}", self.origin)
        } else {
            address.to_owned()
        }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let jar: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| {
                let secure = self.origin.starts_with("https:");
                format!("{}={value}", session::cookie_name(secure, name))
            })
            .collect();
        let answer = request
            .header("cookie", jar.join("; "))
            .send()
            .await
            .unwrap();
        let mut gives_session = false;
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(attributes.contains("HttpOnly"), "{name} is open to scripts");
            assert!(attributes.contains("SameSite=Lax"), "{name}");
            let secure = self.origin.starts_with("https:");
            assert_eq!(attributes.contains("Secure"), secure, "{name}");
            assert_eq!(name.starts_with("__Host-"), secure, "{name}");
            let name = name.trim_start_matches("__Host-");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                gives_session |= name == session::COOKIE;
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer {
            status: answer.status().as_u16(),
            location: answer
                .headers()
                .get("location")
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default(),
            body: answer.text().await.unwrap(),
            gives_session,
        }
    }
}

impl Answer {
    /// Value of the first field of that name.
    pub(super) fn field(&self, name: &str) -> String {
        let selector = Selector::parse(&format!("input[name={name}]")).unwrap();
        Html::parse_document(&self.body)
            .select(&selector)
            .next()
            .unwrap_or_else(|| panic!("no field {name} in {}", self.body))
            .value()
            .attr("value")
            .unwrap()
            .to_owned()
    }

    /// The page's one title.
    pub(super) fn heading(&self) -> String {
        let selector = Selector::parse("h1").unwrap();
        let page = Html::parse_document(&self.body);
        let headings: Vec<_> = page
            .select(&selector)
            .map(|heading| heading.text().collect::<String>())
            .collect();
        assert_eq!(headings.len(), 1, "{}", self.body);
        headings[0].trim().to_owned()
    }

    /// A parameter of the address it redirects to.
    pub(super) fn sent(&self, name: &str) -> String {
        url::Url::parse(&self.location)
            .unwrap()
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    }

    /// Asserts a refusal: its status, its words, a way out, and no session.
    pub(super) fn is_refused(&self, status: u16, name: &str, what: &str) {
        assert_eq!(self.status, status, "{what}: {}", self.body);
        assert_eq!(
            self.heading(),
            text(Lang::Fr, &format!("{name}-title")),
            "{what}"
        );
        assert!(!self.gives_session, "{what}: a session was given");
        let ways_out = Selector::parse("main a.fr-btn").unwrap();
        let page = Html::parse_document(&self.body);
        assert!(page.select(&ways_out).count() > 0, "{what}: no way out");
    }
}
