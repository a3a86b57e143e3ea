//! Mail by a real SMTP server (npm `smtp-server`, `tests/mail-server.mjs`) that
//! refuses, is away, hangs up, dies and wants TLS.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::{Channel, MONDAY, Suppliers, Values, rows, send, to, write};
use crate::config::Config;
use crate::notifications::suppliers::PATIENCE;
use crate::testing::{TestApp, on_every_engine_with};

/// The server's process.
struct MailServer {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
    port: u16,
    certificate: String,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl MailServer {
    /// `kind`: empty for an open line, `tls` for STARTTLS, `smtps`.
    fn start(kind: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail-server.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = told.next().unwrap().unwrap().parse().unwrap();
        let certificate = if kind.is_empty() {
            String::new()
        } else {
            told.next().unwrap().unwrap()
        };
        MailServer {
            child,
            told,
            port,
            certificate,
        }
    }

    /// The next message it took.
    fn took(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.told.next().unwrap().unwrap()).unwrap()
    }
}

async fn states(app: &TestApp) -> Vec<(String, i64, Option<String>)> {
    rows(app)
        .await
        .into_iter()
        .map(|row| (row.state, row.attempts, row.reason))
        .collect()
}

#[tokio::test]
async fn a_mail_server_that_refuses_is_away_or_hangs_up_loses_nothing() {
    let mut server = MailServer::start("");
    let url = format!("smtp://127.0.0.1:{}", server.port);
    for app in on_every_engine_with(MONDAY, |config| config.smtp_url.clone_from(&url)).await {
        let suppliers = Suppliers::new(&app);
        let calendar = "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n";
        for (event, name) in [
            ("1", "angele"),
            ("2", "unknown"),
            ("3", "away"),
            ("4", "full"),
            ("5", "drops"),
        ] {
            let values = Values {
                calendar: calendar.to_owned(),
                ..to(&format!("{name}@exemple.example"))
            };
            write(&app, event, Channel::Email, &values).await;
        }
        send(&app, &suppliers).await;
        let some = |reason: &str| Some(reason.to_owned());
        assert_eq!(
            states(&app).await,
            [
                ("sent".to_owned(), 1, None),
                ("dead".to_owned(), 1, some("recipient")),
                ("pending".to_owned(), 1, None),
                ("dead".to_owned(), 1, some("content")),
                ("pending".to_owned(), 1, None),
            ]
        );
        app.clock.set(app.clock.now().plus_minutes(1));
        send(&app, &suppliers).await;
        let found = states(&app).await;
        assert_eq!(found[2].0, "pending");
        assert_eq!(found[4], ("sent".to_owned(), 2, None));

        // The one that was hung up on came twice, as the same message.
        let mut took = Vec::new();
        for _ in 0..3 {
            took.push(server.took());
        }
        took.sort_by_key(|mail| mail["to"].to_string());
        let of = |index: usize| took[index]["to"].as_str().unwrap();
        assert_eq!(
            (of(0), of(1), of(2)),
            (
                "angele@exemple.example",
                "drops@exemple.example",
                "drops@exemple.example"
            )
        );
        assert_eq!(took[1]["id"], took[2]["id"]);
        assert_ne!(took[0]["id"], took[1]["id"]);
        let text = took[0]["text"].as_str().unwrap();
        assert!(
            text.contains("text/calendar; charset=utf-8; method=CANCEL"),
            "{text}"
        );
        let subject = text.lines().find(|line| line.starts_with("Subject:"));
        assert!(!subject.unwrap().contains("angele"));
    }
}

#[tokio::test]
async fn mail_waits_while_the_server_is_dead_and_goes_when_it_is_back() {
    let mut server = MailServer::start("");
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let apps = on_every_engine_with(MONDAY, |config| config.smtp_url.clone_from(&url));
    let app = &apps.await.remove(0);
    let suppliers = Suppliers::new(app);
    write(app, "1", Channel::Email, &to("dies@exemple.example")).await;
    // The server dies in the middle of the message, and is not there after.
    send(app, &suppliers).await;
    assert_eq!(states(app).await, [("pending".to_owned(), 1, None)]);
    server.child.wait().unwrap();
    app.clock.set(app.clock.now().plus_minutes(1));
    send(app, &suppliers).await;
    assert_eq!(states(app).await, [("pending".to_owned(), 2, None)]);
    // Another one, at another port: the settings name it after a restart.
    server = MailServer::start("");
    let settings = Config {
        smtp_url: format!("smtp://127.0.0.1:{}", server.port),
        ..app.config.clone()
    };
    let back = Suppliers::for_settings(&settings, PATIENCE);
    let mut tx = app.db.begin().await.unwrap();
    let (id,) = crate::fetch_optional!(&mut tx, (String,), "select id from messages")
        .unwrap()
        .unwrap();
    let values = app
        .keys
        .service
        .seal_json(&format!("message/{id}"), &to("angele@exemple.example"));
    crate::execute!(&mut tx, "update messages set sealed_values = $1", values).unwrap();
    tx.commit().await.unwrap();
    app.clock.set(app.clock.now().plus_minutes(2));
    send(app, &back).await;
    assert_eq!(states(app).await, [("sent".to_owned(), 3, None)]);
    assert_eq!(server.took()["id"], id);
}

#[tokio::test]
async fn a_mail_server_that_takes_too_long_holds_nobody_up() {
    // It answers after twelve seconds; nobody waits for that here.
    let server = MailServer::start("");
    let url = format!("smtp://127.0.0.1:{}", server.port);
    for app in on_every_engine_with(MONDAY, |config| config.smtp_url.clone_from(&url)).await {
        let suppliers = Suppliers::for_settings(&app.config, Duration::from_secs(4));
        write(&app, "1", Channel::Email, &to("slow@exemple.example")).await;
        write(&app, "2", Channel::Email, &to("angele@exemple.example")).await;
        send(&app, &suppliers).await;
        let found = rows(&app).await;
        assert_eq!((found[0].state.as_str(), found[0].attempts), ("pending", 1));
        assert_eq!(found[1].state, "sent");
        let mut tx = app.db.read().await.unwrap();
        let why = crate::fetch_optional!(
            &mut tx,
            (String,),
            "select last_error from messages where event = '1'"
        );
        let (why,) = why.unwrap().unwrap();
        assert_eq!(why, "no answer in time");
    }
}

#[tokio::test]
async fn mail_goes_by_starttls_to_whom_a_named_authority_vouches_for_and_by_no_open_line() {
    let mut server = MailServer::start("tls");
    let authority = std::path::PathBuf::from(&server.certificate);
    let port = server.port;
    for (user, tls, known, sent) in [
        ("visioplainte:mot-de-passe", "?tls=required", true, true),
        ("visioplainte:mot-de-passe", "?tls=required", false, false),
        ("visioplainte:faux", "?tls=required", true, false),
        // The server offers no login over an open line; ours would refuse too.
        ("visioplainte:mot-de-passe", "", true, false),
    ] {
        let url = format!("smtp://{user}@localhost:{port}{tls}");
        let apps = on_every_engine_with(MONDAY, |config| {
            config.smtp_url.clone_from(&url);
            if known {
                config.provider_roots.clone_from(&authority);
            }
        });
        let app = apps.await.remove(0);
        let suppliers = Suppliers::new(&app);
        write(&app, "1", Channel::Email, &to("angele@exemple.example")).await;
        send(&app, &suppliers).await;
        let state = if sent { "sent" } else { "pending" };
        assert_eq!(states(&app).await[0].0, state, "{user} {tls} {known}");
        if sent {
            assert_eq!(server.took()["secure"], true);
        }
    }
}

#[tokio::test]
async fn mail_goes_by_tls_from_the_first_byte_in_plain_words_in_html_and_as_an_invitation() {
    let mut server = MailServer::start("smtps");
    let authority = std::path::PathBuf::from(&server.certificate);
    let port = server.port;
    for known in [false, true] {
        let apps = on_every_engine_with(MONDAY, |config| {
            config.smtp_url = format!("smtps://visioplainte:mot-de-passe@localhost:{port}");
            if known {
                config.provider_roots.clone_from(&authority);
            }
        });
        let app = apps.await.remove(0);
        let suppliers = Suppliers::new(&app);
        let values = Values {
            calendar: "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n".to_owned(),
            ..to("angele@exemple.example")
        };
        write(&app, "1", Channel::Email, &values).await;
        send(&app, &suppliers).await;
        let state = if known { "sent" } else { "pending" };
        assert_eq!(states(&app).await[0].0, state);
    }
    let took = server.took();
    assert_eq!(took["secure"], true);
    let text = took["text"].as_str().unwrap();
    assert!(
        text.contains("Content-Type: multipart/alternative"),
        "{text}"
    );
    // In this order: what a program understands last, it shows.
    let mut rest = text;
    for part in [
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "<html",
        "Content-Type: text/calendar; charset=utf-8; method=REQUEST",
    ] {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("{part}: {text}"));
        rest = after;
    }
}
