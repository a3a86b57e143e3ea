//! Whether the relay lets people in, asked as a page would ask: by each way
//! that pages are told, with credentials made for a seat, up to an allocation,
//! which is given back. Each way has its own line, so that a certificate that
//! ran out or a port closed by a firewall is seen before it is needed. It also
//! asks for what the relay must refuse.
//!
//! It needs no database: it can be run from outside the operator's network,
//! where the people are.

mod allocation;
mod tls;
mod way;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use signaling::turn;
use tokio::net::{TcpStream, UdpSocket};

use self::allocation::Line;
use self::way::{Transport, Way};
use crate::clock::Timestamp;
use crate::config::Config;

/// What was examined, and how it went.
pub type Finding = (String, Result<String, String>);

/// How long a way may take from the first packet to the allocation.
const WITHIN: Duration = Duration::from_secs(5);
/// A certificate is renewed weeks before its end; one this near to it was not.
const WARN_DAYS: i64 = 14;

/// Tries every way of `turn_urls` at once.
pub async fn examine(config: &Config, now: Timestamp) -> Vec<Finding> {
    let one = |outcome| vec![("turn".to_owned(), outcome)];
    if config.turn_urls.is_empty() {
        return one(if config.on_localhost() {
            Ok("not needed on localhost".into())
        } else {
            Err("no relay: people on networks without UDP cannot come in".into())
        });
    }
    if config.turn_secret.is_empty() {
        return one(Err("turn_secret is empty".into()));
    }
    let ways: Vec<Result<Way, String>> =
        config.turn_urls.iter().map(|url| Way::parse(url)).collect();
    let mut findings = join_all(
        config
            .turn_urls
            .iter()
            .zip(&ways)
            .map(|(url, way)| async move {
                let outcome = match way {
                    Ok(way) => in_time(way, config, now).await,
                    Err(wrong) => Err(wrong.clone()),
                };
                (url.clone(), outcome)
            }),
    )
    .await;
    let last_resort = |way: &Way| way.transport == Transport::Tls && way.port == 443;
    if !ways.iter().flatten().any(last_resort) {
        findings.push((
            "turn".into(),
            Err("no turns: address on port 443, the one that closed networks leave open".into()),
        ));
    }
    findings
}

async fn in_time(way: &Way, config: &Config, now: Timestamp) -> Result<String, String> {
    tokio::time::timeout(WITHIN, try_way(way, config, now))
        .await
        .unwrap_or_else(|_| Err(format!("no answer in {} s", WITHIN.as_secs())))
}

async fn try_way(way: &Way, config: &Config, now: Timestamp) -> Result<String, String> {
    let words = |error: std::io::Error| error.to_string();
    let address = tokio::net::lookup_host((way.host.as_str(), way.port))
        .await
        .map_err(words)?
        .next()
        .ok_or("the name has no address")?;
    let mut certificate = None;
    let line = match way.transport {
        Transport::Udp => {
            let any = if address.is_ipv4() {
                "0.0.0.0:0"
            } else {
                "[::]:0"
            };
            let socket = UdpSocket::bind(any).await.map_err(words)?;
            socket.connect(address).await.map_err(words)?;
            Line::Datagrams(socket)
        }
        Transport::Tcp => Line::Stream(Box::new(TcpStream::connect(address).await.map_err(words)?)),
        Transport::Tls => {
            let tcp = TcpStream::connect(address).await.map_err(words)?;
            let roots = tls::roots(extra_roots(config).as_deref())?;
            let (stream, ends) = tls::connect(tcp, &way.host, roots).await?;
            certificate = Some(validity(ends, now)?);
            Line::Stream(Box::new(stream))
        }
    };
    let credentials = turn::credentials(config.turn_secret.as_bytes(), "check", now.seconds() + 60);
    allocation::try_out(line, address, credentials).await?;
    Ok(match certificate {
        None => "lets people in, to the media nodes only".into(),
        Some(validity) => format!("lets people in, to the media nodes only; {validity}"),
    })
}

fn extra_roots(config: &Config) -> Option<PathBuf> {
    Some(config.provider_roots.clone()).filter(|path| !path.as_os_str().is_empty())
}

/// Until when a certificate is good; an error when that is soon.
fn validity(ends: Timestamp, now: Timestamp) -> Result<String, String> {
    let days = (ends.seconds() - now.seconds()).div_euclid(24 * 60 * 60);
    let date = ends.utc().format("%Y-%m-%d");
    if days < WARN_DAYS {
        Err(format!(
            "the certificate ends in {days} days, on {date}: renew it and restart the relay"
        ))
    } else {
        Ok(format!("certificate until {date}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_complained_of_before_it_ends() {
        let now = Timestamp(1_790_000_000_000);
        let in_days = |days: i64| now.plus_minutes(days * 24 * 60);
        assert!(validity(in_days(14), now).is_ok());
        assert!(
            validity(in_days(13), now)
                .unwrap_err()
                .contains("in 13 days")
        );
        assert!(
            validity(in_days(-1), now)
                .unwrap_err()
                .contains("in -1 days")
        );
    }

    #[tokio::test]
    async fn what_is_missing_is_said() {
        let now = Timestamp(1_790_000_000_000);
        let mut config = Config::default();
        let outcome = |findings: &[Finding]| findings.last().unwrap().1.clone();
        assert!(outcome(&examine(&config, now).await).is_ok());
        config.listen = ([0, 0, 0, 0], 443).into();
        assert!(outcome(&examine(&config, now).await).is_err());
        config.turn_urls = vec!["stun:relais.exemple.fr".into()];
        assert!(
            outcome(&examine(&config, now).await)
                .unwrap_err()
                .contains("turn_secret")
        );
        config.turn_secret = "secret".into();
        let findings = examine(&config, now).await;
        assert_eq!(findings.len(), 2);
        assert!(findings[0].1.is_err());
        assert!(outcome(&findings).unwrap_err().contains("443"));
    }
}
