//! What a browser shows: a page's text, its links and its forms.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName};
use scraper::{ElementRef, Html, Selector};

/// A page as it was answered, after any redirects.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: StatusCode,
    /// Path and query of the page that answered in the end.
    pub address: String,
    /// Every address on the way there.
    pub via: Vec<String>,
    /// Where a redirect leads that was not followed.
    pub location: String,
    pub kind: String,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl Page {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header of the answer; empty when it has none of that name.
    pub fn header(&self, name: HeaderName) -> String {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    }

    pub fn html(&self) -> Html {
        Html::parse_document(&self.text())
    }

    pub fn has(&self, what: &str) -> bool {
        self.html().select(&selector(what)).next().is_some()
    }

    /// How many elements there are of a kind.
    pub fn count(&self, what: &str) -> usize {
        self.html().select(&selector(what)).count()
    }

    /// An attribute of the first such element.
    pub fn attribute(&self, what: &str, name: &str) -> Option<String> {
        let html = self.html();
        let element = html.select(&selector(what)).next()?;
        element.attr(name).map(ToOwned::to_owned)
    }

    /// An attribute of every such element.
    pub fn attributes(&self, what: &str, name: &str) -> Vec<String> {
        self.html()
            .select(&selector(what))
            .filter_map(|element| element.attr(name).map(ToOwned::to_owned))
            .collect()
    }

    /// The words of every such element, white space made one.
    pub fn words(&self, what: &str) -> Vec<String> {
        self.html()
            .select(&selector(what))
            .map(|element| {
                let text: String = element.text().collect();
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    /// The page's one heading.
    pub fn title(&self) -> String {
        self.words("h1").join(" | ")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:.300}"))
    }

    #[track_caller]
    pub fn is(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{self:.2000}");
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.is(StatusCode::OK)
    }

    /// Refused with a page that says what to do next: a title and a way out.
    #[track_caller]
    pub fn refused(self, status: StatusCode, title: &str) -> Self {
        let page = self.is(status);
        assert_eq!(page.title(), title);
        let ways = page.count("main a[href]") + page.count("main form");
        assert!(ways > 0, "a refusal without a way out: {page:.2000}");
        page
    }

    /// The form that such a selector finds, as the page fills it.
    #[track_caller]
    pub fn form(&self, what: &str) -> Form {
        let html = self.html();
        let Some(form) = html.select(&selector(what)).next() else {
            panic!("no form {what} on {self:.3000}");
        };
        Form::read(form)
    }

    /// Every form that a selector finds.
    pub fn forms(&self, what: &str) -> Vec<Form> {
        self.html()
            .select(&selector(what))
            .map(Form::read)
            .collect()
    }
}

impl std::fmt::Display for Page {
    /// Status, address and the words of the page, cut at the precision.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let most = formatter.precision().unwrap_or(usize::MAX);
        let words = self.words("main").join(" ");
        let words = if words.is_empty() { self.text() } else { words };
        let words: String = words.chars().take(most).collect();
        write!(formatter, "{} {}: {words}", self.status, self.address)
    }
}

/// A form with what is typed and chosen in it.
#[derive(Clone, Debug)]
pub struct Form {
    pub action: String,
    pub post: bool,
    /// What is sent as it stands.
    pub fields: Vec<(String, String)>,
    /// Everything that could be chosen, by name; free text is `None`.
    offered: Vec<(String, Option<String>)>,
}

impl Form {
    fn read(form: ElementRef<'_>) -> Self {
        let attribute = |name: &str| form.attr(name).unwrap_or_default().to_owned();
        let mut read = Form {
            action: attribute("action"),
            post: attribute("method").eq_ignore_ascii_case("post"),
            fields: Vec::new(),
            offered: Vec::new(),
        };
        for control in form.select(&selector("input, select, textarea, button")) {
            let name = control.attr("name").unwrap_or_default().to_owned();
            if name.is_empty() || control.attr("disabled").is_some() {
                continue;
            }
            let value = control.attr("value").map(ToOwned::to_owned);
            match (
                control.value().name(),
                control.attr("type").unwrap_or("text"),
            ) {
                ("button", _) | ("input", "submit") => read.offered.push((name, value)),
                ("input", "radio" | "checkbox") => {
                    let value = value.unwrap_or_else(|| "on".to_owned());
                    read.offered.push((name.clone(), Some(value.clone())));
                    if control.attr("checked").is_some() {
                        read.fields.push((name, value));
                    }
                }
                ("select", _) => read.read_select(&name, control),
                ("textarea", _) => {
                    let text: String = control.text().collect();
                    // HTML drops one line end after the opening tag.
                    let text = text.strip_prefix('\n').unwrap_or(&text).to_owned();
                    read.offered.push((name.clone(), None));
                    read.fields.push((name, text));
                }
                (_, "hidden") => read.fields.push((name, value.unwrap_or_default())),
                _ => {
                    read.offered.push((name.clone(), None));
                    read.fields.push((name, value.unwrap_or_default()));
                }
            }
        }
        read
    }

    fn read_select(&mut self, name: &str, control: ElementRef<'_>) {
        let mut chosen = None;
        for option in control.select(&selector("option")) {
            let value = option.attr("value").unwrap_or_default().to_owned();
            if option.attr("selected").is_some() || chosen.is_none() {
                chosen = Some(value.clone());
            }
            self.offered.push((name.to_owned(), Some(value)));
        }
        self.fields
            .push((name.to_owned(), chosen.unwrap_or_default()));
    }

    fn offers(&self, name: &str, value: &str) -> bool {
        self.offered.iter().any(|(offered, choice)| {
            offered == name && choice.as_ref().is_none_or(|choice| choice == value)
        })
    }

    /// What can be chosen for a name, in order.
    pub fn choices(&self, name: &str) -> Vec<String> {
        let of_name = self.offered.iter().filter(|(offered, _)| offered == name);
        of_name.filter_map(|(_, choice)| choice.clone()).collect()
    }

    /// Types or chooses; only what the form offers can be.
    #[track_caller]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        assert!(
            self.offers(name, value),
            "the form {} offers no {name}={value}, only {:?}",
            self.action,
            self.offered
        );
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Chooses one more of several boxes of a name.
    #[track_caller]
    pub fn also(mut self, name: &str, value: &str) -> Self {
        assert!(
            self.offers(name, value),
            "the form {} offers no {name}={value}",
            self.action
        );
        let chosen = (name.to_owned(), value.to_owned());
        if !self.fields.contains(&chosen) {
            self.fields.push(chosen);
        }
        self
    }

    /// Puts a value there whatever the form offers: what a hostile page would do.
    pub fn forge(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn field(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value)
    }

    pub fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish()
    }
}
