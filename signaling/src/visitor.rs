//! Which address a visitor comes from, also when a proxy stands between: the
//! word of a proxy is taken only if it is on this machine or was named to the
//! node, and nobody else's. Who stays unknown is not counted by address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The header in which each proxy appends whom it heard.
pub const FORWARDED_FOR: &str = "x-forwarded-for";
/// Hops looked at: more are nobody's real way.
const MOST_HOPS: usize = 8;

/// Addresses with the same beginning, written `192.0.2.0/24`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Debug, thiserror::Error)]
#[error("neither an address nor a network such as 192.0.2.0/24")]
pub struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| NoNetwork)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most)
            .then_some(Self { address, bits })
            .ok_or(NoNetwork)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Network {
    /// Whether an address is one of it.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && shortened(self.address, self.bits) == shortened(address, self.bits)
    }
}

/// The first `bits` of an address; the rest is zero.
fn shortened(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits));
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask.unwrap_or(0)))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits));
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask.unwrap_or(0)))
        }
    }
}

/// What is counted as one visitor: an IPv4 address, or the network of an IPv6
/// one, since every household has a whole /64 to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Visitor(IpAddr);

impl Visitor {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(_) => Self(shortened(address, 64)),
        }
    }
}

/// Whether what an address says of others is believed.
fn is_proxy(address: IpAddr, proxies: &[Network]) -> bool {
    address.is_loopback() || proxies.iter().any(|proxy| proxy.contains(address))
}

/// Who visits, by the address that the connection comes from alone; none if that
/// is a proxy's.
pub(crate) fn direct(peer: IpAddr, proxies: &[Network]) -> Option<Visitor> {
    let peer = peer.to_canonical();
    (!is_proxy(peer, proxies)).then(|| Visitor::of(peer))
}

/// Who visits, as the values of [`FORWARDED_FOR`] tell. Each proxy wrote behind
/// what it was given, so they are read from the end, and no further than the first
/// address that is no proxy's: what stands before it is that stranger's own word.
#[must_use]
pub fn visitor<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    proxies: &[Network],
) -> Option<Visitor> {
    let told = forwarded.rev().flat_map(|value| value.rsplit(','));
    std::iter::once(Some(peer))
        .chain(told.map(address_of))
        .take(MOST_HOPS)
        // What is no address ends it: who it was is not known.
        .map_while(|address| address)
        .find_map(|address| direct(address, proxies))
}

/// An address, with or without a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()))
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_proxies_are_believed_about_others() {
        let proxies: Vec<Network> = ["172.16.0.0/12", "2001:db8:5::/48"]
            .map(|network| network.parse().unwrap())
            .to_vec();
        for (peer, forwarded, expected) in [
            ("203.0.113.7", vec![], Some("203.0.113.7")),
            ("203.0.113.7", vec!["198.51.100.1"], Some("203.0.113.7")),
            ("::ffff:203.0.113.7", vec![], Some("203.0.113.7")),
            ("127.0.0.1", vec![], None),
            ("127.0.0.1", vec!["198.51.100.1"], Some("198.51.100.1")),
            ("172.18.0.4", vec!["198.51.100.1"], Some("198.51.100.1")),
            ("172.32.0.4", vec!["198.51.100.1"], Some("172.32.0.4")),
            // A page says that it is somebody else; the proxy says who it is.
            ("::1", vec!["192.0.2.9, 198.51.100.1"], Some("198.51.100.1")),
            (
                "::1",
                vec!["192.0.2.9", "198.51.100.1"],
                Some("198.51.100.1"),
            ),
            // Through two proxies of ours.
            (
                "::1",
                vec!["198.51.100.1, 172.18.0.4"],
                Some("198.51.100.1"),
            ),
            ("::1", vec!["198.51.100.1:4711"], Some("198.51.100.1")),
            ("::1", vec!["[2001:db8::1:2]:4711"], Some("2001:db8::")),
            ("2001:db8:5::7", vec!["2001:db8::1:2"], Some("2001:db8::")),
            ("::1", vec!["unknown"], None),
            ("::1", vec!["198.51.100.1, unknown"], None),
            ("::1", vec!["127.0.0.1"], None),
            ("::1", vec![""], None),
        ] {
            let found = visitor(peer.parse().unwrap(), forwarded.iter().copied(), &proxies);
            let expected = expected.map(|address| Visitor(address.parse().unwrap()));
            assert_eq!(found, expected, "{peer} {forwarded:?}");
        }
        let endless = vec!["127.0.0.1"; 1000].join(",");
        let all = format!("198.51.100.1,{endless}");
        assert_eq!(
            visitor("::1".parse().unwrap(), [all.as_str()].into_iter(), &proxies),
            None
        );
    }

    #[test]
    fn a_network_is_its_beginning() {
        for (network, address, contained) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "192.0.2.8", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(
                parsed.contains(address.parse().unwrap()),
                contained,
                "{network} {address}"
            );
        }
        for text in [
            "",
            "/",
            "192.0.2.0/33",
            "::/129",
            "192.0.2.0/-1",
            "exemple.fr",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
