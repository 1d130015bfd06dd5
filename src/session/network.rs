//! Where a request comes from, as far as limits go by it.

use std::net::IpAddr;

/// The bits of an IPv6 address that name a network; its owner chooses the rest at will, 2^64 times over.
const IPV6_NETWORK_BITS: u32 = 64;

/// What counts as one client where nobody has shown who they are: an IPv4 address, or the /64 network of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl From<IpAddr> for ClientNetwork {
    /// An IPv4 address that is written as an IPv6 one counts as what it is.
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let network = u128::MAX << (u128::BITS - IPV6_NETWORK_BITS);
                IpAddr::V6((address.to_bits() & network).into())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> ClientNetwork {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn ipv4_addresses_differ_by_every_bit_and_not_by_how_they_are_written() {
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
    }
}
