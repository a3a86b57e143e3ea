//! One way into the relay: a `turn:` or `turns:` address (RFC 7065), as browsers
//! read it.

/// What carries TURN's messages to the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `turn:` over UDP.
    Udp,
    /// `turn:` over TCP.
    Tcp,
    /// `turns:`, TLS over TCP.
    Tls,
}

/// Where, and by what.
#[derive(Debug, PartialEq, Eq)]
pub struct Way {
    /// Name or address, an IPv6 one without its brackets.
    pub host: String,
    /// 3478 unless given, 5349 for `turns:`.
    pub port: u16,
    /// What carries the messages.
    pub transport: Transport,
}

impl Way {
    /// Reads an address of `turn_urls`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = || format!("{url} is no turn: or turns: address");
        let (scheme, rest) = url.split_once(':').ok_or_else(wrong)?;
        let (authority, query) = match rest.split_once('?') {
            Some((authority, query)) => (authority, Some(query)),
            None => (rest, None),
        };
        let (transport, default_port) = match (scheme, query) {
            ("turn", None | Some("transport=udp")) => (Transport::Udp, 3478),
            ("turn", Some("transport=tcp")) => (Transport::Tcp, 3478),
            ("turns", None | Some("transport=tcp")) => (Transport::Tls, 5349),
            ("turns", Some("transport=udp")) => {
                return Err("TURN over DTLS is known to few browsers; take transport=tcp".into());
            }
            _ => return Err(wrong()),
        };
        let (host, port) = match authority.rsplit_once(':') {
            // A colon inside brackets is part of an address.
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (authority, default_port),
        };
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Way {
            host: host.to_owned(),
            port,
            transport,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_do() {
        let check = |url, host: &str, port, transport| {
            let host = host.to_owned();
            let way = Way {
                host,
                port,
                transport,
            };
            assert_eq!(Way::parse(url), Ok(way), "{url}");
        };
        check("turn:a.fr", "a.fr", 3478, Transport::Udp);
        check("turn:a.fr:53?transport=udp", "a.fr", 53, Transport::Udp);
        check("turn:a.fr?transport=tcp", "a.fr", 3478, Transport::Tcp);
        check("turns:a.fr", "a.fr", 5349, Transport::Tls);
        check("turns:a.fr:443?transport=tcp", "a.fr", 443, Transport::Tls);
        check("turn:192.0.2.1:3478", "192.0.2.1", 3478, Transport::Udp);
        check("turn:[2001:db8::1]", "2001:db8::1", 3478, Transport::Udp);
        check(
            "turns:[2001:db8::1]:443",
            "2001:db8::1",
            443,
            Transport::Tls,
        );
        for url in [
            "",
            "turn",
            "turn:",
            "turn::3478",
            "turn:[]",
            "stun:a.fr",
            "turn:a.fr:x",
            "turn:a.fr:70000",
            "turn:a.fr?transport=sctp",
            "turns:a.fr?transport=udp",
        ] {
            assert!(Way::parse(url).is_err(), "{url}");
        }
    }
}
