//! Which address a request comes from: the connection's other end, or whoever a proxy that is trusted says it is.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Each proxy appends the address that it was asked from; what stands left of that was sent to it.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address.
///
/// The header is read from its right end, as far as those who wrote it are `trusted`: the first that is not is the client.
/// So nobody can put words into it that count, and where no proxy is trusted nobody is asked.
pub(super) fn of(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = peer.ip().to_canonical();
    if !is_trusted(&peer) {
        return peer;
    }
    let mut client = peer;
    for value in headers.get_all(FORWARDED_FOR).iter().rev() {
        for entry in value.as_bytes().rsplit(|&byte| byte == b',') {
            // A proxy that writes what cannot be read is not one to go by.
            let Some(address) = parse(entry) else { return peer };
            if !is_trusted(&address) {
                return address;
            }
            client = address;
        }
    }
    client
}

/// Reads an address; some proxies write the port too.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let address = text.parse().or_else(|_| text.parse().map(|it: SocketAddr| it.ip()));
    let address = address.or_else(|_| text.trim_matches(['[', ']']).parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|it| it.parse().unwrap()).collect();
        of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_first_from_the_right_that_is_not_trusted_is_the_client() {
        let trusted = &["10.0.0.0/8", "2001:db8::/32"];
        for (forwarded, expected) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["192.0.2.66, 198.51.100.7"], "198.51.100.7"),
            (&["192.0.2.66", "198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (&["198.51.100.7", "2001:db8::2,10.0.0.2"], "198.51.100.7"),
            (&["nonsense, 198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["[2001:1::7]:4711"], "2001:1::7"),
            (&["[2001:1::7]"], "2001:1::7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            // All of them are trusted: the one that began.
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // What cannot be read makes nobody else of the peer.
            (&["198.51.100.7, unknown"], "10.0.0.1"),
            (&["198.51.100.7,"], "10.0.0.1"),
            (&["\u{e9}"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1:1", forwarded, trusted), expected, "{forwarded:?}");
            assert_eq!(client("[::ffff:10.0.0.1]:1", forwarded, trusted), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_header_says_a_peer_that_is_not_trusted_is_the_client(
            header in "[ -~]{0,60}", octet in 1..255_u8
        ) {
            let peer = format!("192.0.2.{octet}");
            let headers = [&*header, "198.51.100.7"];
            for trusted in [&[][..], &["10.0.0.0/8"], &["198.51.100.0/24"]] {
                let found = client(&format!("{peer}:1"), &headers, trusted);
                prop_assert_eq!(&found, &peer);
            }
        }

        #[test]
        fn what_a_client_sends_does_not_change_what_a_proxy_appends(header in "[ -~]{0,60}") {
            let both = client("10.0.0.1:1", &[&header, "198.51.100.7"], &["10.0.0.0/8"]);
            let joined = format!("{header},198.51.100.7");
            let joined = client("10.0.0.1:1", &[&joined], &["10.0.0.0/8"]);
            prop_assert_eq!((&*both, &*joined), ("198.51.100.7", "198.51.100.7"));
        }
    }
}
