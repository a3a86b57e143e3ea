//! `check`: examines a deployment and says, line by line, what is well and
//! what is not. It changes nothing.

use std::process::ExitCode;
use std::time::Duration;

use super::relay;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, TlsMode};
use crate::error::Fault;
use crate::fetch_optional;

struct Report {
    wrong: usize,
}

impl Report {
    fn line(&mut self, what: &str, outcome: Result<String, String>) {
        match outcome {
            Ok(detail) => println!("ok     {what}: {detail}"),
            Err(detail) => {
                self.wrong += 1;
                println!("WRONG  {what}: {detail}");
            }
        }
    }

    fn lines(&mut self, findings: Vec<relay::Finding>) {
        for (what, outcome) in findings {
            self.line(&what, outcome);
        }
    }

    fn end(self) -> ExitCode {
        if self.wrong == 0 {
            return ExitCode::SUCCESS;
        }
        println!("{} to mend", self.wrong);
        ExitCode::FAILURE
    }
}

/// Runs every examination, or that of the relay alone; fails when one of them does.
///
/// # Errors
/// When the service cannot even be opened.
pub async fn check(config: Config, relay_alone: bool) -> Result<ExitCode, Fault> {
    let mut report = Report { wrong: 0 };
    if relay_alone {
        report.lines(relay::examine(&config, Clock::System.now()).await);
        return Ok(report.end());
    }
    report.line("sandbox", sandbox(&config));
    report.line("tls", tls(&config));
    report.line("keys", keys(&config));
    report.line("proxies", proxies(&config));
    let app = App::open(config, Clock::System).await?;
    report.line("database", database(&app).await);
    for (name, issuer) in [
        ("franceconnect", app.config.franceconnect_issuer()),
        ("proconnect", app.config.proconnect_issuer()),
    ] {
        report.line(name, provider(&issuer).await);
    }
    report.line("mail", reachable(&app.config.smtp_url).await);
    report.line("mail's line", mail_line(&app.config));
    report.line("sms", reachable(&app.config.sms_url).await);
    if !app.config.sms_second_url.is_empty() {
        report.line("second sms", reachable(&app.config.sms_second_url).await);
    }
    for address in &app.config.media_nodes {
        let examined = crate::hearings::control::examine(&app, address).await;
        report.line("media node", examined);
    }
    if app.config.media_nodes.is_empty() {
        let supervised = crate::media::children(&app.config).len();
        let detail = format!("{supervised} supervised by `serve`");
        report.line("media node", Ok(detail));
    }
    report.lines(relay::examine(&app.config, app.clock.now()).await);
    Ok(report.end())
}

fn sandbox(config: &Config) -> Result<String, String> {
    match (cfg!(feature = "sandbox"), config.on_localhost()) {
        (false, _) => Ok("absent from this build".into()),
        (true, true) => Ok("present, on localhost only".into()),
        (true, false) => Err("present on an address that others can reach".into()),
    }
}

fn tls(config: &Config) -> Result<String, String> {
    match config.tls {
        _ if config.on_localhost() && !config.secure() => Ok("not needed on localhost".into()),
        TlsMode::Off if config.secure() => Ok("left to a proxy in front".into()),
        TlsMode::Files => Ok("own certificate".into()),
        TlsMode::SelfSigned => Err("self-signed: for a local network only".into()),
        TlsMode::Off => Err("public_url is not https".into()),
    }
}

fn proxies(config: &Config) -> Result<String, String> {
    let elsewhere = config.tls == TlsMode::Off && config.secure() && !config.on_localhost();
    if elsewhere && config.proxies.is_empty() {
        return Err("none is named, so that nothing is counted by address: set proxies".into());
    }
    Ok(format!(
        "{} named besides this machine",
        config.proxies.len()
    ))
}

fn keys(config: &Config) -> Result<String, String> {
    if config.master_key.is_empty() && !config.on_localhost() {
        return Err("the master secret lies beside the data: set master_key".into());
    }
    Ok("master secret present".into())
}

async fn database(app: &App) -> Result<String, String> {
    let count = async {
        let mut tx = app.db.read().await?;
        fetch_optional!(&mut tx, (i64,), "select count(*) from units")
    };
    match count.await {
        Ok(units) => Ok(format!(
            "{}, {} units",
            app.db.engine(),
            units.map_or(0, |(count,)| count)
        )),
        Err(fault) => Err(fault.to_string()),
    }
}

async fn provider(issuer: &str) -> Result<String, String> {
    let address = format!("{issuer}/.well-known/openid-configuration");
    let answer = reqwest::Client::new()
        .get(&address)
        .timeout(Duration::from_secs(10))
        .send()
        .await
        .map_err(|error| format!("{issuer}: {}", error.without_url()))?;
    if answer.status().is_success() {
        Ok(issuer.to_owned())
    } else {
        Err(format!("{issuer} answers {}", answer.status()))
    }
}

/// Whether a password for mail would go over an open line.
fn mail_line(config: &Config) -> Result<String, String> {
    let Ok(url) = url::Url::parse(&config.smtp_url) else {
        return Ok("none".into());
    };
    let asked = url.query_pairs().find(|(name, _)| name == "tls");
    let required = asked.is_some_and(|(_, value)| value == "required");
    match url.scheme() {
        "smtps" => Ok("TLS".into()),
        _ if required => Ok("STARTTLS, required".into()),
        _ if url.password().is_some() => {
            Err("the password would go over an open line: smtps://, or ?tls=required".into())
        }
        // Personal links go over it.
        _ if !is_this_machine(&url) => {
            Err("mail would go over an open line: smtps://, or ?tls=required".into())
        }
        _ => Ok("open, to this machine".into()),
    }
}

fn is_this_machine(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn reachable(address: &str) -> Result<String, String> {
    if address.is_empty() {
        return if cfg!(feature = "sandbox") {
            Ok("the sandbox's page".into())
        } else {
            Err("no supplier is configured".into())
        };
    }
    let url = url::Url::parse(address).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(match url.scheme() {
        "smtps" => 465,
        _ => 587,
    });
    tokio::time::timeout(
        Duration::from_secs(5),
        tokio::net::TcpStream::connect((host.as_str(), port)),
    )
    .await
    .map_err(|_| format!("{host}:{port} does not answer"))?
    .map_err(|error| format!("{host}:{port}: {error}"))?;
    Ok(format!("{host}:{port}"))
}
