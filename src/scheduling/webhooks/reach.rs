//! Which addresses a webhook may have. An administrator types them, and this service
//! stands where others cannot: what it asks must be on the public Internet, by TLS, and
//! is looked up anew each time, so that a name that leads elsewhere tomorrow leads
//! nowhere. The demonstration also asks this machine, without TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::error::Fault;
use crate::text_enum;

text_enum! {
    /// What may be asked.
    Reach {
        /// The public Internet, by HTTPS.
        Public = "public",
        /// Anything: only the demonstration and its tests.
        Anything = "anything",
    }
}

impl Reach {
    /// That of this build.
    #[must_use]
    pub fn of_this_build() -> Self {
        if cfg!(feature = "sandbox") {
            Reach::Anything
        } else {
            Reach::Public
        }
    }
}

text_enum! {
    /// Why an address is refused.
    UrlError {
        /// It is none, or far too long.
        Unreadable = "unreadable",
        /// It is not HTTPS.
        NotHttps = "not_https",
        /// It holds a password, which would be kept and shown in clear.
        Credentials = "credentials",
        /// It is no address of the public Internet.
        NotPublic = "not_public",
    }
}

/// Longest address, in characters.
const LONGEST: usize = 500;

/// Reads an address as it was typed.
///
/// # Errors
/// Why it is refused.
pub fn check(text: &str, reach: Reach) -> Result<Url, UrlError> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(UrlError::Unreadable);
    }
    let url = Url::parse(text).map_err(|_| UrlError::Unreadable)?;
    let host = url.host().ok_or(UrlError::Unreadable)?;
    match url.scheme() {
        "https" => {}
        "http" if reach == Reach::Anything => {}
        "http" => return Err(UrlError::NotHttps),
        _ => return Err(UrlError::Unreadable),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    let public = match host {
        Host::Ipv4(address) => is_public(address.into()),
        Host::Ipv6(address) => is_public(address.into()),
        // A name without a point is one of our own network.
        Host::Domain(name) => name.trim_end_matches('.').contains('.'),
    };
    if !public && reach == Reach::Public {
        return Err(UrlError::NotPublic);
    }
    Ok(url)
}

/// Whether an address is of the public Internet, by IANA's registries of special-purpose
/// addresses (RFC 6890 and its successors).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Network and length of its prefix.
const NOT_PUBLIC_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared by carriers
    ([127, 0, 0, 0], 8),     // this machine
    ([169, 254, 0, 0], 16),  // this link; clouds keep their secrets there
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 31, 196, 0], 24), // AS112
    ([192, 52, 193, 0], 24), // multicast relays
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([192, 175, 48, 0], 24), // AS112
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 3),     // multicast, reserved, broadcast
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !NOT_PUBLIC_V4.iter().any(|(network, length)| {
        let shift = 32 - length;
        bits >> shift == u32::from(Ipv4Addr::from(*network)) >> shift
    })
}

/// Of the addresses given out for global use (2000::/3), those that are not: tunnels and
/// protocol assignments (2001::/23), documentation, 6to4, benchmarks of routing.
const NOT_PUBLIC_V6: &[([u16; 2], u32)] = &[
    ([0x2001, 0x0000], 23),
    ([0x2001, 0x0db8], 32),
    ([0x2002, 0x0000], 16),
    ([0x3fff, 0x0000], 20),
];

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let segments = address.segments();
    let head = u32::from(segments[0]) << 16 | u32::from(segments[1]);
    let global = head >> 29 == 0b001;
    global
        && !NOT_PUBLIC_V6.iter().any(|(network, length)| {
            let network = u32::from(network[0]) << 16 | u32::from(network[1]);
            let shift = 32 - length;
            head >> shift == network >> shift
        })
}

/// Looks names up and gives only public addresses. It is asked by the connection itself,
/// so there is no moment between the look and the connection.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err("the name leads to no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// What asks receivers: follows no redirect, uses no proxy (which would look names up by
/// itself), and waits so long.
///
/// # Errors
/// When TLS cannot be had.
pub fn client(reach: Reach, patience: Duration) -> Result<reqwest::Client, Fault> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(patience)
        .user_agent("VisioPlainte-webhooks/1");
    let builder = match reach {
        Reach::Public => builder.https_only(true).dns_resolver(Arc::new(PublicNames)),
        Reach::Anything => builder,
    };
    builder.build().map_err(Fault::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_asked() {
        for (address, public) in [
            ("192.0.3.1", true),
            ("8.8.8.8", true),
            ("172.15.255.255", true),
            ("172.32.0.1", true),
            ("100.63.255.255", true),
            ("223.255.255.255", true),
            ("2a01:e0a::1", true),
            ("2606:4700::1111", true),
            ("::ffff:8.8.8.8", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.19.255.255", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn an_address_is_read_as_it_is_typed_or_refused_by_name() {
        use UrlError::{Credentials, NotHttps, NotPublic, Unreadable};
        for (text, public, anything) in [
            ("https://planning.example/retours", None, None),
            (" https://planning.example:8443/a?b=c ", None, None),
            ("http://planning.example/", Some(NotHttps), None),
            ("http://127.0.0.1:9/", Some(NotHttps), None),
            ("https://127.0.0.1/", Some(NotPublic), None),
            ("https://0x7f.1/", Some(NotPublic), None),
            ("https://2130706433/", Some(NotPublic), None),
            ("https://[::1]/", Some(NotPublic), None),
            ("https://[::ffff:a00:1]/", Some(NotPublic), None),
            ("https://localhost/", Some(NotPublic), None),
            ("https://localhost./", Some(NotPublic), None),
            ("https://intranet/", Some(NotPublic), None),
            (
                "https://169.254.169.254/latest/meta-data",
                Some(NotPublic),
                None,
            ),
            (
                "https://u:p@planning.example/",
                Some(Credentials),
                Some(Credentials),
            ),
            (
                "https://u@planning.example/",
                Some(Credentials),
                Some(Credentials),
            ),
            (
                "ftp://planning.example/",
                Some(Unreadable),
                Some(Unreadable),
            ),
            ("file:///etc/passwd", Some(Unreadable), Some(Unreadable)),
            (
                "gopher://planning.example/",
                Some(Unreadable),
                Some(Unreadable),
            ),
            ("planning.example", Some(Unreadable), Some(Unreadable)),
            ("", Some(Unreadable), Some(Unreadable)),
            ("https://", Some(Unreadable), Some(Unreadable)),
        ] {
            assert_eq!(check(text, Reach::Public).err(), public, "{text}");
            assert_eq!(check(text, Reach::Anything).err(), anything, "{text}");
        }
        let long = format!("https://planning.example/{}", "a".repeat(LONGEST));
        assert_eq!(check(&long, Reach::Public), Err(Unreadable));
    }

    /// A receiver on this machine that would be glad to answer.
    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = client(Reach::Public, Duration::from_secs(10)).unwrap();
        // RFC 6761 keeps the name for the loopback.
        let asked = client.post(format!("https://localhost:{port}/")).send();
        let error = asked.await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert!(
            format!("{error:?}").contains("no public address"),
            "{error:?}"
        );
        let plain = client.post(format!("http://localhost:{port}/")).send();
        assert!(plain.await.unwrap_err().is_builder());
    }
}
