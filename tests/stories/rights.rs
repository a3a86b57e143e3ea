//! Who may do what: every route of the service, asked by everybody there is, with
//! the answer that `rights/table.txt` says. The routes come from the service itself; the
//! expected answers were written by hand. A route without a line fails, and so
//! does a line without a route.
//!
//! On every engine. Whoever was let in may have changed something, so the service is
//! started anew from a copy of its database some hundred times.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::header::{ALLOW, LOCATION};
use reqwest::{Method, StatusCode};

use self::world::{ACTORS, STAGES, World};
use crate::support::people::{EMAIL, PHONE_DIALLED, STATEMENT};
use crate::support::{Browser, TestApp};

const TABLE: &str = include_str!("rights/table.txt");

/// Who is signed in as nobody, whatever cookie they have: no token is theirs to show.
const SIGNED_OUT: &[&str] = &["nobody", "guest", "ended"];

/// What of Camille's case nobody reads on a page that refuses.
const HERS: &[&str] = &[STATEMENT, EMAIL, PHONE_DIALLED, "BERTHELOT", "rue Royale"];

/// Whether a route's form must hold the anti-forgery token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// It changes nothing.
    None,
    /// It must.
    Asked,
    /// It need not: something else proves who asks, or nobody in particular does.
    Spared,
    /// Cookies are not looked at: a key in a header is, which no page of another site
    /// can make a browser send, and which nobody of the table has.
    Key,
}

/// A route and what each actor is answered.
#[derive(Debug)]
struct Row {
    method: String,
    path: String,
    token: Token,
    /// How far Camille's case is when it is asked.
    stage: String,
    cells: Vec<String>,
}

fn rows() -> Vec<Row> {
    let mut lines = TABLE.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(head[..4], ["method", "path", "token", "stage"]);
    assert_eq!(head[4..], ACTORS);
    lines
        .map(|line| {
            let words: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
            assert_eq!(words.len(), 4 + ACTORS.len(), "{line}");
            let row = Row {
                method: words[0].clone(),
                path: words[1].clone(),
                token: match words[2].as_str() {
                    "-" => Token::None,
                    "asked" => Token::Asked,
                    "spared" => Token::Spared,
                    "key" => Token::Key,
                    other => panic!("{other} in {line}"),
                },
                stage: words[3].clone(),
                cells: words[4..].to_vec(),
            };
            assert!(STAGES.contains(&row.stage.as_str()), "{line}");
            let changes = !matches!(row.method.as_str(), "GET" | "ANY");
            let none = [Token::None, Token::Key].contains(&row.token);
            assert!(changes != none || row.token == Token::Key, "{line}");
            row
        })
        .collect()
}

/// Every route, by asking each path with a method that none has.
async fn routes(app: &TestApp) -> BTreeSet<(String, String)> {
    let browser = app.browser();
    let list = Method::from_bytes(b"LIST").unwrap();
    let mut routes = BTreeSet::new();
    for path in visioplainte::app::paths() {
        let sample = path.replace("{*", "{").replace(['{', '}'], "");
        let (status, headers, _) = browser
            .asks(list.clone(), &sample, &app.site, String::new())
            .await;
        if status != StatusCode::METHOD_NOT_ALLOWED {
            routes.insert(("ANY".to_owned(), path));
            continue;
        }
        let allowed = headers.get(ALLOW).unwrap().to_str().unwrap();
        let methods = allowed.split(',').map(str::trim);
        // HEAD is answered by what answers GET.
        for method in methods.filter(|method| *method != "HEAD") {
            routes.insert((method.to_owned(), path.clone()));
        }
    }
    routes
}

/// An answer as the table writes it.
fn as_cell(status: StatusCode, location: &str) -> String {
    let to_login = ["/connexion?", "/agent/connexion?"]
        .iter()
        .any(|login| location.starts_with(login));
    if status.is_redirection() && to_login {
        return "login".to_owned();
    }
    if status.is_redirection() && location.ends_with("?fait=deja") {
        return "nothing".to_owned();
    }
    status.as_u16().to_string()
}

/// One actor's question.
struct Asked {
    browser: Browser,
    method: Method,
    address: String,
    body: String,
}

impl Asked {
    async fn answer(&self, origin: &str) -> (StatusCode, String, String) {
        let (status, headers, text) = self
            .browser
            .asks(
                self.method.clone(),
                &self.address,
                origin,
                self.body.clone(),
            )
            .await;
        let location = headers
            .get(LOCATION)
            .map(|value| value.to_str().unwrap().to_owned());
        (status, location.unwrap_or_default(), text)
    }
}

/// The service at a stage, started anew whenever somebody was let in and may have
/// changed something.
struct Ground<'a> {
    world: &'a World,
    apps: BTreeMap<String, TestApp>,
}

impl Ground<'_> {
    async fn at(&mut self, stage: &str) -> &TestApp {
        if !self.apps.contains_key(stage) {
            let app = self.world.at(stage).await;
            self.apps.insert(stage.to_owned(), app);
        }
        &self.apps[stage]
    }

    /// Something may have changed there.
    async fn is_spent(&mut self, stage: &str) {
        if let Some(app) = self.apps.remove(stage) {
            app.ends_for_good().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_answered_on_every_route_as_the_table_says() {
    for app in TestApp::on_every_engine(world::MONDAY).await {
        let world = World::on(app).await;
        is_answered_as_the_table_says(&world).await;
        world.ends().await;
    }
}

async fn is_answered_as_the_table_says(world: &World) {
    let mut ground = Ground {
        world,
        apps: BTreeMap::new(),
    };
    let rows = rows();
    let told: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| (row.method.clone(), row.path.clone()))
        .collect();
    assert_eq!(
        told.len(),
        rows.len(),
        "a route stands twice in rights/table.txt"
    );
    let routes = routes(ground.at(STAGES[0]).await).await;
    let without: Vec<_> = routes.difference(&told).collect();
    assert!(without.is_empty(), "not in rights/table.txt: {without:#?}");
    let invented: Vec<_> = told.difference(&routes).collect();
    assert!(invented.is_empty(), "no such route: {invented:#?}");

    let (mut asserted, mut wrong) = (0, Vec::new());
    for row in &rows {
        for (actor, expected) in std::iter::zip(ACTORS, &row.cells) {
            asserted += 1;
            let app = ground.at(&row.stage).await;
            let (status, location, text) =
                ask(world, app, row, actor, true).answer(&app.site).await;
            let got = as_cell(status, &location);
            let name = format!("{} {} by {actor}", row.method, row.path);
            if got != *expected {
                wrong.push(format!("{name}: {got} {location}, not {expected}"));
            }
            let refused = !status.is_success();
            if let Some(hers) = HERS.iter().find(|hers| text.contains(**hers))
                && refused
                && actor != "owner"
            {
                wrong.push(format!("{name}: refused, and reads {hers:?}"));
            }
            if row.method == "POST" && !status.is_client_error() {
                ground.is_spent(&row.stage).await;
            }
            if [Token::None, Token::Key].contains(&row.token) {
                continue;
            }
            // Without the token: nobody signed in is let in, nor asked for more.
            asserted += 1;
            let app = ground.at(&row.stage).await;
            let (status, location, _) = ask(world, app, row, actor, false).answer(&app.site).await;
            let forged = as_cell(status, &location);
            let as_usual = row.token == Token::Spared || SIGNED_OUT.contains(&actor);
            let expected = if as_usual { expected } else { "403" };
            if forged != *expected {
                wrong.push(format!("{name} without token: {forged}, not {expected}"));
            }
            if !status.is_client_error() {
                ground.is_spent(&row.stage).await;
            }
            // From another site's page: nobody at all.
            asserted += 1;
            let app = ground.at(&row.stage).await;
            let (status, ..) = ask(world, app, row, actor, true)
                .answer("https://ailleurs.example")
                .await;
            if status != StatusCode::FORBIDDEN {
                wrong.push(format!("{name} from another site: {status}"));
                ground.is_spent(&row.stage).await;
            }
        }
    }
    let asked_thrice = |row: &Row| ![Token::None, Token::Key].contains(&row.token);
    let cells: usize = rows
        .iter()
        .map(|row| ACTORS.len() * if asked_thrice(row) { 3 } else { 1 })
        .sum();
    println!(
        "bench: roles.cells_asserted_share {:.2} share ({asserted} of {cells} cells, {} routes)",
        asserted as f64 / cells as f64,
        routes.len()
    );
    for (_, app) in ground.apps {
        app.ends_for_good().await;
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(asserted, cells);
}

/// What an actor sends to a route: the form as the page that leads there fills it.
fn ask(world: &World, app: &TestApp, row: &Row, actor: &str, with_token: bool) -> Asked {
    let browser = world.browser(actor, &app.site);
    let address = world.address(&row.path);
    let mut fields = world.fields(&row.path, &address);
    if with_token {
        fields.push(("csrf".to_owned(), world::csrf_of(app, &browser)));
    }
    let post = row.method == "POST";
    Asked {
        browser,
        method: match row.method.as_str() {
            "ANY" => Method::GET,
            named => Method::from_bytes(named.as_bytes()).unwrap(),
        },
        address,
        body: if post {
            url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish()
        } else {
            String::new()
        },
    }
}
