//! Typed settings, from the environment (`VISIOPLAINTE_…`) and one TOML file
//! with the same names in lower case (`VISIOPLAINTE_CONFIG` names it). Every
//! setting has a default for a laptop; README lists the production values.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::Fault;
use crate::media::node_name;
use crate::notifications::suppliers::SmsKind;

/// How `serve` speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// Plain HTTP: on localhost, or behind a named proxy.
    Off,
    /// A certificate made at first start, for phones on the local network.
    SelfSigned,
    /// The files `tls_certificate` and `tls_key`.
    Files,
}

/// All settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the one HTTP port.
    pub listen: SocketAddr,
    /// What people type; no trailing slash.
    pub public_url: String,
    /// Where the service keeps its files.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; empty means a SQLite file in `data_dir`.
    pub database_url: String,
    /// `off`, `self_signed` or `files`.
    pub tls: TlsMode,
    /// PEM certificate chain when `tls` is `files`.
    pub tls_certificate: PathBuf,
    /// PEM private key when `tls` is `files`.
    pub tls_key: PathBuf,
    /// Proxies, or their networks, that are believed about whom they speak for.
    pub proxies: Vec<String>,
    /// 64 hexadecimal digits; empty means a file made in `data_dir`.
    pub master_key: String,
    /// Former ones, the newest first, until `keys forget` says that nothing needs them.
    pub former_master_keys: Vec<String>,
    /// Public journal keys of those that are forgotten, the newest first.
    pub former_journal_keys: Vec<String>,
    /// Keys of the marks, once the master key they follow from is forgotten.
    pub mark_keys: String,
    /// Filter of the log, e.g. `info,visioplainte=debug`.
    pub log: String,
    /// `text` or `json`.
    pub log_format: String,

    /// Where Prometheus asks what the service counts; unset: nowhere.
    pub metrics_listen: Option<SocketAddr>,

    /// UDP ports of the media workers, one each.
    pub media_ports: Vec<u16>,
    /// Supervised media nodes, among which the ports are dealt out.
    pub media_children: u16,
    /// How long a supervised node waits for its hearings to end once it is to stop.
    pub media_drain_minutes: u16,
    /// Address the media workers bind; unset: the machine's main address.
    pub media_bind: Option<IpAddr>,
    /// Addresses told to browsers when they differ (NAT 1:1): one for each family,
    /// or `BOUND=PUBLIC`.
    pub media_announce: Vec<String>,
    /// Control addresses (`ws://…/control`) of media nodes run apart; empty: supervised children.
    pub media_nodes: Vec<String>,
    /// Signaling address told to browsers, with `{node}` for a node's name; empty: through this site.
    pub media_signaling_url: String,
    /// `turn:` and `turns:` addresses offered to browsers; by UDP, TCP and TLS on 443.
    pub turn_urls: Vec<String>,
    /// Secret shared with the TURN server (coturn's `static-auth-secret`).
    pub turn_secret: String,

    /// Issuer of FranceConnect; empty: the sandbox's.
    pub franceconnect_issuer: String,
    /// Client id at FranceConnect.
    pub franceconnect_client_id: String,
    /// Client secret at FranceConnect.
    pub franceconnect_client_secret: String,
    /// Level asked of FranceConnect: `eidas1`, or `eidas2`/`eidas3` at FranceConnect+.
    pub franceconnect_acr: String,
    /// Whether a login is bound by PKCE as well. FranceConnect refuses parameters it
    /// does not name, although it says that it can.
    pub franceconnect_pkce: bool,
    /// The providers behind FranceConnect by which helpers with a mandate come (Aidants
    /// Connect), by their `idp_id`. Where there are some, FranceConnect is asked which
    /// provider vouched for a person.
    pub franceconnect_helpers: Vec<String>,
    /// Issuer of ProConnect; empty: the sandbox's.
    pub proconnect_issuer: String,
    /// Client id at ProConnect.
    pub proconnect_client_id: String,
    /// Client secret at ProConnect.
    pub proconnect_client_secret: String,
    /// Levels accepted from ProConnect, all of them with a second factor.
    pub proconnect_acr: Vec<String>,
    /// Whether a login is bound by PKCE as well.
    pub proconnect_pkce: bool,
    /// PEM certificates trusted besides the public ones when the providers are
    /// asked and `check` tries the relay (a private network's authority, our own
    /// self-signed certificate); empty: none.
    pub provider_roots: PathBuf,

    /// `smtp://` or `smtps://user:password@host:port`; empty: the sandbox's mailbox.
    pub smtp_url: String,
    /// Sender of messages.
    pub mail_from: String,
    /// Interface of the SMS supplier: `webhook`, `ovh` or `brevo`.
    pub sms_kind: SmsKind,
    /// Its address; empty: the sandbox's page.
    pub sms_url: String,
    /// Its bearer token or key; for `ovh`, `APPLICATION:SECRET:CONSUMER`.
    pub sms_token: String,
    /// Interface of a second supplier, for when the first fails.
    pub sms_second_kind: SmsKind,
    /// Its address; empty: there is none.
    pub sms_second_url: String,
    /// Its token or key.
    pub sms_second_token: String,
    /// Who SMS say they come from, as declared at the suppliers; may be empty for `webhook` and `ovh`.
    pub sms_sender: String,
    /// What one segment of an SMS costs, in thousandths of a euro; 0: not shown.
    pub sms_segment_price: u32,

    /// Folder the hand-off packages are delivered to; empty: `data_dir/handoff`.
    pub handoff_dir: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: String::new(),
            data_dir: PathBuf::from("data"),
            database_url: String::new(),
            tls: TlsMode::Off,
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            master_key: String::new(),
            former_master_keys: Vec::new(),
            former_journal_keys: Vec::new(),
            mark_keys: String::new(),
            // The DTLS library warns of every extension it does not know.
            log: "info,rtc_dtls=error".into(),
            log_format: "text".into(),
            metrics_listen: None,
            proxies: Vec::new(),
            media_ports: vec![41000],
            media_children: 1,
            media_drain_minutes: 60,
            media_bind: None,
            media_announce: Vec::new(),
            media_nodes: Vec::new(),
            media_signaling_url: String::new(),
            turn_urls: Vec::new(),
            turn_secret: String::new(),
            franceconnect_issuer: String::new(),
            franceconnect_client_id: "visioplainte".into(),
            franceconnect_client_secret: String::new(),
            franceconnect_acr: "eidas1".into(),
            franceconnect_pkce: false,
            franceconnect_helpers: Vec::new(),
            proconnect_issuer: String::new(),
            proconnect_client_id: "visioplainte-agents".into(),
            proconnect_client_secret: String::new(),
            proconnect_acr: ["eidas0-mfa", "eidas1-mfa", "eidas2", "eidas3"]
                .map(String::from)
                .to_vec(),
            proconnect_pkce: false,
            provider_roots: PathBuf::new(),
            smtp_url: String::new(),
            mail_from: "VisioPlainte <ne-pas-repondre@visioplainte.example>".into(),
            sms_kind: SmsKind::Webhook,
            sms_url: String::new(),
            sms_token: String::new(),
            sms_second_kind: SmsKind::Webhook,
            sms_second_url: String::new(),
            sms_second_token: String::new(),
            sms_sender: String::new(),
            sms_segment_price: 60,
            handoff_dir: String::new(),
        }
    }
}

impl Config {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// When a value cannot be read, or a name is unknown.
    pub fn load() -> Result<Self, Fault> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Ok(file) = std::env::var("VISIOPLAINTE_CONFIG") {
            figment = figment.merge(Toml::file_exact(file));
        }
        figment
            // The others of our prefix speak to the tests and to the build.
            .merge(Env::prefixed("VISIOPLAINTE_").ignore(&["config", "test_postgres", "identity"]))
            .extract::<Config>()
            .map_err(|error| Fault::other(format!("configuration: {error}")))
            .and_then(Config::completed)
    }

    /// Fills what depends on other settings and refuses what cannot be.
    ///
    /// # Errors
    /// When the public address is no http(s) address.
    pub fn completed(mut self) -> Result<Self, Fault> {
        if self.public_url.is_empty() {
            let scheme = if self.tls == TlsMode::Off {
                "http"
            } else {
                "https"
            };
            let host = if self.listen.ip().is_loopback() {
                "localhost".to_owned()
            } else if self.listen.ip().is_unspecified() {
                main_address().to_string()
            } else {
                self.listen.ip().to_string()
            };
            self.public_url = format!("{scheme}://{host}:{}", self.listen.port());
        }
        let url = Url::parse(&self.public_url)
            .map_err(|error| Fault::other(format!("public_url: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(Fault::other("public_url is not an http(s) address"));
        }
        self.public_url = self.public_url.trim_end_matches('/').to_owned();
        let names: Option<BTreeSet<String>> = self
            .media_nodes
            .iter()
            .map(|address| node_name(address))
            .collect();
        if names.is_none_or(|names| names.len() != self.media_nodes.len()) {
            return Err(Fault::other(
                "media_nodes: an address that is none, or the same twice",
            ));
        }
        for proxy in &self.proxies {
            proxy
                .parse::<signaling::Network>()
                .map_err(|error| Fault::other(format!("proxies: {proxy}: {error}")))?;
        }
        for announced in &self.media_announce {
            announced
                .parse::<signaling::Announced>()
                .map_err(|error| Fault::other(format!("media_announce: {announced}: {error}")))?;
        }
        let several = self.media_nodes.len() > 1 || self.media_children > 1;
        if several
            && !self.media_signaling_url.is_empty()
            && !self.media_signaling_url.contains("{node}")
        {
            return Err(Fault::other(
                "media_signaling_url: several media nodes need {node} in it",
            ));
        }
        if self.database_url.is_empty() {
            let file = self.data_dir.join("visioplainte.sqlite");
            self.database_url = format!("sqlite:{}", file.display());
        }
        if self.handoff_dir.is_empty() {
            self.handoff_dir = self.data_dir.join("handoff").display().to_string();
        }
        if cfg!(feature = "sandbox") {
            // A secret of a demonstration, made at random by whoever wants it
            // stable; the providers run in this very process.
            for secret in [
                &mut self.franceconnect_client_secret,
                &mut self.proconnect_client_secret,
            ] {
                if secret.is_empty() {
                    *secret = "sandbox-client-secret".into();
                }
            }
        }
        Ok(self)
    }

    /// Whether browsers reach us by TLS, so that cookies must be `Secure`.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    /// Whether only this machine can reach the service.
    #[must_use]
    pub fn on_localhost(&self) -> bool {
        self.listen.ip().is_loopback()
    }

    /// Issuer of FranceConnect.
    #[must_use]
    pub fn franceconnect_issuer(&self) -> String {
        self.issuer_or_sandbox(&self.franceconnect_issuer, "franceconnect")
    }

    /// Issuer of ProConnect.
    #[must_use]
    pub fn proconnect_issuer(&self) -> String {
        self.issuer_or_sandbox(&self.proconnect_issuer, "proconnect")
    }

    fn issuer_or_sandbox(&self, issuer: &str, name: &str) -> String {
        if issuer.is_empty() {
            format!("{}/bac-a-sable/{name}/api/v2", self.public_url)
        } else {
            issuer.trim_end_matches('/').to_owned()
        }
    }

    /// Address the media workers bind.
    #[must_use]
    pub fn media_bind(&self) -> IpAddr {
        self.media_bind.unwrap_or_else(main_address)
    }
}

/// The machine's first address that others can reach, else the loopback.
#[must_use]
pub fn main_address() -> IpAddr {
    if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback())
        .map(|interface| interface.ip())
        .find(IpAddr::is_ipv4)
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_follows_the_listening_one() {
        let config = Config::default().completed().unwrap();
        assert_eq!(config.public_url, "http://localhost:8080");
        assert!(!config.secure());
        assert!(config.database_url.ends_with("data/visioplainte.sqlite"));
        let given = Config {
            public_url: "https://exemple.fr/".into(),
            ..Config::default()
        };
        let given = given.completed().unwrap();
        assert_eq!(given.public_url, "https://exemple.fr");
        assert!(given.secure());
        let wrong = Config {
            public_url: "ftp://exemple.fr".into(),
            ..Config::default()
        };
        assert!(wrong.completed().is_err());
    }
}
