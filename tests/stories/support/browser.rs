//! A browser without a screen: keeps cookies, follows redirects, submits forms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE, USER_AGENT};
use reqwest::{Client, Method, Response, StatusCode};

use super::page::{Form, Page};

const FORM: &str = "application/x-www-form-urlencoded";

/// No answer came: the service went away in between. Holds what was asked, as
/// a browser does that offers to send it again.
#[derive(Debug)]
pub struct Lost {
    pub method: Method,
    pub address: String,
    pub body: Vec<u8>,
}

impl Lost {
    /// Something other than a page did not come.
    pub fn line() -> Self {
        Lost {
            method: Method::GET,
            address: "/".to_owned(),
            body: Vec::new(),
        }
    }
}

/// Told of every request before it leaves and of every answer, with the time it
/// took; for whoever disturbs the service.
pub type Watcher = Arc<dyn Fn(&str, Option<Duration>) + Send + Sync>;

/// A browser of one person.
#[derive(Clone)]
pub struct Browser {
    /// Scheme, host and port of the service.
    pub site: String,
    http: Client,
    jar: Arc<Mutex<BTreeMap<String, String>>>,
    watcher: Option<Watcher>,
    /// What it says of itself; empty: nothing.
    agent: String,
    /// The address that the proxy sees it come from; empty: there is no proxy.
    address: String,
}

impl Browser {
    pub fn new(site: &str) -> Self {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(super::PATIENCE)
            // A connection kept open may be closed by the service at any moment;
            // without one, an answer that does not come was really lost.
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Browser {
            site: site.to_owned(),
            http,
            jar: Arc::default(),
            watcher: None,
            agent: String::new(),
            address: String::new(),
        }
    }

    /// The same with connections that it keeps, as a benchmark wants them.
    #[must_use]
    pub fn keeping_connections(mut self) -> Self {
        self.http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(super::PATIENCE)
            .build()
            .unwrap();
        self
    }

    /// The same behind an address.
    #[must_use]
    pub fn behind(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// The same with a name of its own, as browsers give theirs.
    #[must_use]
    pub fn calls_itself(mut self, agent: &str) -> Self {
        agent.clone_into(&mut self.agent);
        self
    }

    #[must_use]
    pub fn watched_by(mut self, watcher: Watcher) -> Self {
        self.watcher = Some(watcher);
        self
    }

    /// The same machine after a crash: what the browser kept on disk is there,
    /// what lived as long as the browser is gone.
    #[must_use]
    pub fn after_a_crash(&self, kept: &[&str]) -> Self {
        let fresh = Browser::new(&self.site);
        let jar = self.jar.lock().unwrap();
        let kept = jar.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        fresh
            .jar
            .lock()
            .unwrap()
            .extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        fresh
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar
            .lock()
            .unwrap()
            .insert(name.to_owned(), value.to_owned());
    }

    fn cookies(&self) -> String {
        let jar = self.jar.lock().unwrap();
        jar.iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn keep(&self, header: &str) {
        let mut parts = header.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            panic!("an unreadable cookie: {header}");
        };
        let mut jar = self.jar.lock().unwrap();
        if parts.any(|part| part.trim().eq_ignore_ascii_case("max-age=0")) {
            jar.remove(name.trim());
        } else {
            jar.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }

    /// One request and its answer; redirects are not followed.
    pub async fn send(
        &self,
        method: Method,
        address: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Page, Lost> {
        let lost = |_| Lost {
            method: method.clone(),
            address: address.to_owned(),
            body: body.clone(),
        };
        let label = format!("{method} {}", shape(address));
        let tell = |took| {
            if let Some(watcher) = &self.watcher {
                watcher(&label, took);
            }
        };
        tell(None);
        let began = Instant::now();
        let url = url::Url::parse(&self.site).unwrap().join(address).unwrap();
        assert!(url.as_str().starts_with(&self.site), "led away to {url}");
        let mut request = self
            .http
            .request(method.clone(), url.clone())
            .header(COOKIE, self.cookies())
            .header(USER_AGENT, &self.agent);
        if !self.address.is_empty() {
            request = request.header("x-forwarded-for", &self.address);
        }
        if method == Method::POST {
            request = request
                .header(ORIGIN, &self.site)
                .header(CONTENT_TYPE, FORM);
        }
        let mut request = request.body(body.clone()).build().unwrap();
        for (name, value) in headers {
            let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = self.http.execute(request).await.map_err(lost)?;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        let header = |name| {
            let value = answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap());
            value.unwrap_or_default().to_owned()
        };
        let shown = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let (location, kind) = (header(LOCATION), header(CONTENT_TYPE));
        let page = Page {
            status: answer.status(),
            address: shown,
            via: Vec::new(),
            location,
            kind,
            headers: answer.headers().clone(),
            bytes: answer.bytes().await.map_err(lost)?.to_vec(),
        };
        tell(Some(began.elapsed()));
        // A page asks for every word of it: none may be missing.
        assert!(!page.text().contains('⟦'), "a message is missing: {page}");
        Ok(page)
    }

    /// The same cookies at another site: a service that was started from what was
    /// kept of this one.
    #[must_use]
    pub fn at(&self, site: &str) -> Self {
        let cookies = self.jar.lock().unwrap().clone();
        Browser {
            site: site.to_owned(),
            jar: Arc::new(Mutex::new(cookies)),
            ..self.clone()
        }
    }

    /// Whether somebody is let in, without what a browser would do next: status,
    /// where it leads, and the words of it. An answer that goes on for ever has
    /// no words. Nothing is kept of it, so that it can be asked again.
    pub async fn asks(
        &self,
        method: Method,
        address: &str,
        origin: &str,
        body: String,
    ) -> (StatusCode, HeaderMap, String) {
        let url = url::Url::parse(&self.site).unwrap().join(address).unwrap();
        let mut request = self.http.request(method.clone(), url);
        if method != Method::GET {
            request = request.header(ORIGIN, origin).header(CONTENT_TYPE, FORM);
        }
        let request = request.header(COOKIE, self.cookies()).body(body);
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
        if kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
            return (status, headers, String::new());
        }
        (status, headers, answer.text().await.unwrap())
    }

    /// An answer that goes on: server-sent events, say. Gives it once it has begun.
    pub async fn open_stream(&self, address: &str) -> Response {
        let url = url::Url::parse(&self.site).unwrap().join(address).unwrap();
        let request = self.http.get(url).header(COOKIE, self.cookies());
        let stream = request.send().await.unwrap();
        assert_eq!(stream.status(), 200, "{address}");
        stream
    }

    /// A request and everything it redirects to.
    async fn follow(&self, method: Method, address: &str, body: Vec<u8>) -> Result<Page, Lost> {
        let mut page = self.send(method, address, &[], body).await?;
        let mut via = Vec::new();
        while page.status.is_redirection() {
            assert!(via.len() < 15, "a loop of redirects: {via:?}");
            via.push(page.address.clone());
            let next = page.location.clone();
            page = self.send(Method::GET, &next, &[], Vec::new()).await?;
        }
        page.via = via;
        Ok(page)
    }

    pub async fn try_get(&self, address: &str) -> Result<Page, Lost> {
        self.follow(Method::GET, address, Vec::new()).await
    }

    pub async fn get(&self, address: &str) -> Page {
        self.try_get(address)
            .await
            .unwrap_or_else(|_| panic!("no answer to GET {address}"))
    }

    /// A page that must answer with itself, not with a redirect.
    pub async fn get_here(&self, address: &str) -> Page {
        self.send(Method::GET, address, &[], Vec::new())
            .await
            .unwrap()
    }

    pub async fn try_submit(&self, form: &Form) -> Result<Page, Lost> {
        if form.post {
            self.follow(Method::POST, &form.action, form.encoded().into_bytes())
                .await
        } else {
            self.try_get(&format!("{}?{}", form.action, form.encoded()))
                .await
        }
    }

    /// Sends once more what was not answered, as "reload" does.
    pub async fn again(&self, lost: &Lost) -> Result<Page, Lost> {
        self.follow(lost.method.clone(), &lost.address, lost.body.clone())
            .await
    }

    pub async fn submit(&self, form: &Form) -> Page {
        self.try_submit(form)
            .await
            .unwrap_or_else(|_| panic!("no answer to {}", form.action))
    }

    /// A POST as it comes, without a form of ours behind it.
    pub async fn post(&self, address: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.send(Method::POST, address, &[], body.into_bytes())
            .await
            .unwrap()
    }

    /// What a script of the page asks for.
    pub async fn ask_json(&self, address: &str, csrf: &str) -> Result<Page, Lost> {
        let body = format!("csrf={csrf}").into_bytes();
        self.send(
            Method::POST,
            address,
            &[(ACCEPT.as_str(), "application/json")],
            body,
        )
        .await
    }
}

/// An address with its ids and query left out, to count requests by kind.
pub fn shape(address: &str) -> String {
    let path = address.split('?').next().unwrap_or_default();
    path.split('/')
        .map(|part| if part.len() >= 24 { "…" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}
