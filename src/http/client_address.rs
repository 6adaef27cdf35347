//! Where a request comes from, as far as that can be known. Whoever connects can write any `X-Forwarded-For`, so only what
//! trusted hops added to it counts. `X-Forwarded-Host` is another matter: Shopify's proxy sets it, and it is not read here.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The client of this request; `None` where the connection has no address.
pub(super) fn of_request(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let hops: Vec<&str> = request
        .headers()
        .get_all("X-Forwarded-For")
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .collect();
    Some(client_address(peer, &hops, trusted))
}

/// The rightmost address that is no trusted hop, starting at the peer's and going back through `forwarded`, which is in
/// the order of the headers. Where all are trusted, the farthest; an entry that is no address ends the way before it.
fn client_address(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.to_canonical();
    for hop in forwarded.iter().rev() {
        if !is_trusted(&client) {
            break;
        }
        let Some(address) = parse(hop.trim()) else { break };
        client = address;
    }
    client
}

/// An address, with or without a port, as proxies write it.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, forwarded: &str, trusted: &str) -> String {
        let trusted: Vec<IpNet> = trusted.split_whitespace().map(|net| net.parse().unwrap()).collect();
        let forwarded: Vec<&str> = if forwarded.is_empty() { vec![] } else { forwarded.split(',').collect() };
        client_address(peer.parse().unwrap(), &forwarded, &trusted).to_string()
    }

    #[test]
    fn only_trusted_hops_are_believed() {
        let hops = "10.0.0.0/8 2001:db8:1::/48";
        for (peer, forwarded, expected) in [
            ("203.0.113.9", "", "203.0.113.9"),
            ("203.0.113.9", "1.1.1.1", "203.0.113.9"),
            ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1,10.9.9.9,203.0.113.9,10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8:1::1", "[2001:db8:2::7]:443", "2001:db8:2::7"),
            ("2001:db8:1::1", "[2001:db8:2::7]", "2001:db8:2::7"),
            ("2001:db8:1::1", "2001:db8:2::7", "2001:db8:2::7"),
            ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
            // What is no address ends at the hop that passed it on.
            ("10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"),
            ("10.0.0.1", "1.1.1.1, , 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "_hidden", "10.0.0.1"),
        ] {
            assert_eq!(client(peer, forwarded, hops), expected, "{peer} {forwarded:?}");
        }
    }

    fn addresses() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 3]>().prop_map(|rest| IpAddr::from([10, rest[0], rest[1], rest[2]])),
        ]
    }

    proptest! {
        /// Whatever a client writes before the hops' own entries changes nothing.
        #[test]
        fn nobody_forges_an_address(
            real in addresses(),
            forged in prop::collection::vec("[ -~]{0,20}", 0..5),
            hops in prop::collection::vec(any::<[u8; 3]>().prop_map(|rest| [10, rest[0], rest[1], rest[2]]), 1..4),
        ) {
            let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
            prop_assume!(!trusted[0].contains(&real));
            let peer = IpAddr::from(hops[0]);
            let added: Vec<String> =
                std::iter::once(real.to_string()).chain(hops[1..].iter().rev().map(|hop| IpAddr::from(*hop).to_string())).collect();
            let all: Vec<&str> = forged.iter().flat_map(|text| text.split(',')).chain(added.iter().map(String::as_str)).collect();
            prop_assert_eq!(client_address(peer, &all, &trusted), real);
        }

        #[test]
        fn without_trusted_hops_it_is_the_peer(peer in addresses(), forwarded in prop::collection::vec("[ -~]{0,20}", 0..5)) {
            let all: Vec<&str> = forwarded.iter().map(String::as_str).collect();
            prop_assert_eq!(client_address(peer, &all, &[]), peer);
        }
    }
}
