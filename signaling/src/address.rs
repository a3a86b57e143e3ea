//! Which addresses browsers are told to send media to: the bound one, or those
//! that stand for it before a 1:1 NAT, in both families where a socket has both.

use std::fmt;
use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::str::FromStr;

/// A public address that is translated, one to one and port for port, to a
/// bound one. Written `192.0.2.10`, or `10.0.0.7=192.0.2.10` where workers are
/// bound to several addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The bound address that it stands for; every one when absent.
    pub bound: Option<IpAddr>,
    /// What browsers are told.
    pub public: IpAddr,
}

impl FromStr for Announced {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (bound, public) = match text.split_once('=') {
            Some((bound, public)) => (Some(bound.trim().parse()?), public.trim().parse()?),
            None => (None, text.trim().parse()?),
        };
        Ok(Self { bound, public })
    }
}

impl fmt::Display for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bound {
            Some(bound) => write!(f, "{bound}={}", self.public),
            None => self.public.fmt(f),
        }
    }
}

/// The addresses that lead to a socket; none when it is bound to a wildcard and
/// nothing stands for it.
pub(crate) fn candidates(bound: SocketAddr, announced: &[Announced]) -> Vec<SocketAddr> {
    let own = bound.ip();
    let is_own = |announced: &&Announced| announced.bound == Some(own);
    let is_general = |announced: &&Announced| announced.bound.is_none();
    let named: Vec<&Announced> = if announced.iter().any(|other| is_own(&other)) {
        announced.iter().filter(is_own).collect()
    } else {
        announced.iter().filter(is_general).collect()
    };
    let found: Vec<SocketAddr> = named
        .into_iter()
        .filter(|announced| reaches(announced.public, own))
        .map(|announced| SocketAddr::new(announced.public, bound.port()))
        .collect();
    if found.is_empty() && !own.is_unspecified() {
        return vec![bound];
    }
    found
}

/// Whether packets to an address of that family arrive at a socket bound so. A
/// socket bound to `::` takes both families.
fn reaches(public: IpAddr, bound: IpAddr) -> bool {
    public.is_ipv4() == bound.is_ipv4() || (bound.is_ipv6() && bound.is_unspecified())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn browsers_are_told_what_leads_to_the_socket() {
        for (bound, announced, expected) in [
            ("10.0.0.7:4", vec![], vec!["10.0.0.7:4"]),
            ("10.0.0.7:4", vec!["192.0.2.1"], vec!["192.0.2.1:4"]),
            (
                "10.0.0.7:4",
                vec!["192.0.2.1", "2001:db8::1"],
                vec!["192.0.2.1:4"],
            ),
            (
                "[fd00::7]:4",
                vec!["192.0.2.1", "2001:db8::1"],
                vec!["[2001:db8::1]:4"],
            ),
            (
                "[::]:4",
                vec!["192.0.2.1", "2001:db8::1"],
                vec!["192.0.2.1:4", "[2001:db8::1]:4"],
            ),
            (
                "0.0.0.0:4",
                vec!["192.0.2.1", "2001:db8::1"],
                vec!["192.0.2.1:4"],
            ),
            ("[fd00::7]:4", vec!["192.0.2.1"], vec!["[fd00::7]:4"]),
            ("0.0.0.0:4", vec!["2001:db8::1"], vec![]),
            ("[::]:4", vec![], vec![]),
            (
                "10.0.0.7:4",
                vec!["10.0.0.7=192.0.2.7", "10.0.0.8=192.0.2.8", "192.0.2.9"],
                vec!["192.0.2.7:4"],
            ),
            (
                "10.0.0.9:4",
                vec!["10.0.0.7=192.0.2.7", "192.0.2.9"],
                vec!["192.0.2.9:4"],
            ),
            ("10.0.0.9:4", vec!["10.0.0.7=192.0.2.7"], vec!["10.0.0.9:4"]),
        ] {
            let announced: Vec<Announced> =
                announced.iter().map(|text| text.parse().unwrap()).collect();
            let expected: Vec<SocketAddr> =
                expected.iter().map(|text| text.parse().unwrap()).collect();
            let found = candidates(bound.parse().unwrap(), &announced);
            assert_eq!(found, expected, "{bound} {announced:?}");
        }
    }

    #[test]
    fn an_announced_address_is_written_as_it_is_read() {
        for text in ["192.0.2.1", "2001:db8::1", "10.0.0.7=192.0.2.1"] {
            assert_eq!(text.parse::<Announced>().unwrap().to_string(), text);
        }
        for text in ["", "=", "10.0.0.7=", "192.0.2.1:80", "media.exemple.fr"] {
            assert!(text.parse::<Announced>().is_err(), "{text}");
        }
    }
}
