//! Addresses inside of networks: whoever may name a login provider must not reach through this service what only it can
//! reach. A name is judged by the addresses that it has at the moment of the connection, so it cannot change in between.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// Where login providers may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProviderAddresses {
    /// At public addresses only.
    #[default]
    Public,
    /// Also inside of the operator's own networks.
    Any,
}

/// A provider's name, or its description, leads into a network.
#[derive(Debug, thiserror::Error)]
#[error("an internal address")]
pub(super) struct InternalAddress;

/// The address that a host is, if it is no name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether an address is nobody's on the internet (RFC 6890).
pub(super) fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_internal_v4(address),
        IpAddr::V6(address) => embedded(address).map_or_else(|| is_internal_v6(address), is_internal_v4),
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    // This network and what is kept for later, carriers' own, protocol assignments, and benchmarks.
    let reserved =
        matches!(address.octets(), [0 | 240..=255, ..] | [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18 | 19, ..]);
    reserved || address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    // Site-local addresses, and a network's own translation to IPv4 (RFC 8215).
    let reserved = matches!(address.segments(), [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..]);
    reserved
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.is_multicast()
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, translated (RFC 6052), or by 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let ([0, 0, 0, 0, 0, 0xffff, high, low]
    | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
    | [0, 0, 0, 0, 0, 0, high @ 1..=0xffff, low]
    | [0x2002, high, low, ..]) = address.segments()
    else {
        return None;
    };
    Some(Ipv4Addr::from(u32::from(high) << u16::BITS | u32::from(low)))
}

/// Looks names up, and gives no address that may not be asked.
#[derive(Clone)]
pub(super) struct Resolver {
    system: GaiResolver,
    allowed: ProviderAddresses,
}

impl Resolver {
    pub(super) fn of(allowed: ProviderAddresses) -> Self {
        Self { system: GaiResolver::new(), allowed }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (asked, allowed) = (self.system.call(name), self.allowed);
        Box::pin(async move {
            let found: Vec<SocketAddr> = asked.await?.collect();
            if allowed == ProviderAddresses::Public && found.iter().any(|address| is_internal(address.ip())) {
                return Err(io::Error::other(InternalAddress));
            }
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_known_in_every_form() {
        for internal in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.8",
            "198.19.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
        ] {
            assert!(is_internal(internal.parse().unwrap()), "{internal}");
        }
        for public in [
            "1.1.1.1",
            "172.15.255.255",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert!(!is_internal(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_host_that_is_an_address_is_judged_without_a_look_up() {
        assert_eq!(literal("[::1]"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(literal("127.0.0.1"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(literal("login.example"), None);
    }

    #[tokio::test]
    async fn a_name_is_judged_by_its_addresses() {
        let mut guarded = Resolver::of(ProviderAddresses::Public);
        let refused = guarded.call("localhost".parse().unwrap()).await.unwrap_err();
        assert!(refused.get_ref().unwrap().is::<InternalAddress>(), "{refused}");
        let mut open = Resolver::of(ProviderAddresses::Any);
        assert!(open.call("localhost".parse().unwrap()).await.unwrap().count() > 0);
    }
}
