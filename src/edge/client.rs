//! Who a request comes from, when proxies stand in between.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The bits of an IPv6 address that name a subscriber's network: whoever has one address of it has all of them
/// (RFC 6177, RFC 7421).
const SUBSCRIBER_BITS: u32 = 64;

/// One client, as far as counting goes: an IPv4 address, or the /64 that an IPv6 address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << (Ipv6Addr::BITS - SUBSCRIBER_BITS));
                IpAddr::V6(network.into())
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// The proxies whose word is taken on who their client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Where they are.
    pub networks: Vec<IpNet>,
    /// How many of them a request passes: each adds the address that it was called from to `X-Forwarded-For`.
    pub hops: usize,
}

impl TrustedProxies {
    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Who a request comes from: `peer`, or, where that is a trusted proxy, the address that stands `hops` places from
    /// the right. What stands further left is the client's own word and counts for nothing. (The crate `client-ip` reads
    /// the last place only.)
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let forwarded = || {
            let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
            let places = lines.flat_map(|line| line.as_bytes().rsplit(|octet| *octet == b','));
            address(places.into_iter().nth(self.hops.checked_sub(1)?)?)
        };
        let client = self.contains(peer).then(forwarded).flatten();
        client.unwrap_or(peer).into()
    }
}

/// An address, with or without a port.
fn address(place: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(place).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(hops: usize) -> TrustedProxies {
        TrustedProxies { networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()], hops }
    }

    fn client(hops: usize, peer: &str, lines: &[&str]) -> Client {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        proxies(hops).client(peer.parse().unwrap(), &headers)
    }

    fn one(address: &str) -> Client {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        for (peer, lines, expected) in [
            ("203.0.113.9", &["198.51.100.7"][..], "203.0.113.9"),
            ("10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["unknown"], "10.1.2.3"),
            ("10.1.2.3", &[""], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.1.2.3", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.1.2.3", &["[2001:db8::7]"], "2001:db8::7"),
        ] {
            assert_eq!(client(1, peer, lines), one(expected), "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_place_is_counted_from_the_right_over_all_lines() {
        for (hops, lines, expected) in [
            (1, &["1.1.1.1, 2.2.2.2, 198.51.100.7"][..], "198.51.100.7"),
            (2, &["1.1.1.1, 198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            (2, &["1.1.1.1", "2.2.2.2,198.51.100.7", "10.9.9.9"], "198.51.100.7"),
            (2, &["1.1.1.1, 198.51.100.7", " 10.9.9.9 "], "198.51.100.7"),
            // Fewer than there should be: somebody called the inner proxy directly. Nobody's word is taken.
            (2, &["198.51.100.7"], "10.1.2.3"),
            (3, &["198.51.100.7", "10.9.9.9"], "10.1.2.3"),
            // A forged place further left changes nothing, whatever it is.
            (1, &["garbage, , 7, 198.51.100.7"], "198.51.100.7"),
        ] {
            assert_eq!(client(hops, "10.1.2.3", lines), one(expected), "{hops} {lines:?}");
        }
    }

    #[test]
    fn a_subscriber_with_many_addresses_is_one_client() {
        assert_eq!(one("2001:db8:1:2:3:4:5:6"), one("2001:db8:1:2::1"));
        assert_ne!(one("2001:db8:1:2::1"), one("2001:db8:1:3::1"));
        assert_eq!(one("::ffff:198.51.100.7"), one("198.51.100.7"));
        assert_ne!(one("198.51.100.7"), one("198.51.100.8"));
    }
}
