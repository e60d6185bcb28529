//! Which addresses are somebody else's on the open internet. Everything not known to be that is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that lead nowhere, to ourselves, to our neighbours or to many at once: the first address and the length
/// of what all addresses in it have in common.
const CLOSED_V4: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared behind a carrier's translation
    ([127, 0, 0, 0], 8),     // this machine
    ([169, 254, 0, 0], 16),  // this link; clouds answer questions about their machines here
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 31, 196, 0], 24), // anycast sink
    ([192, 52, 193, 0], 24), // multicast relays
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // measuring devices
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// IPv6 networks within the global one that are not, or that carry an IPv4 address which would have to be looked at.
const CLOSED_V6: [([u16; 8], u32); 5] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),     // protocol assignments, Teredo and ORCHID among them
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),     // 6to4
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // anycast sink
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),     // documentation
];

/// Whether an address is one of the open internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !CLOSED_V4.iter().any(|(network, length)| {
            let (network, address) = (u32::from(Ipv4Addr::from(*network)), u32::from(address));
            (network ^ address) >> (32 - length) == 0
        }),
        // Of IPv6 only 2000::/3 is given out. Mapped and translated IPv4, links, sites and multicast all lie outside.
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let closed =
                CLOSED_V6.iter().any(|(network, length)| (u128::from(Ipv6Addr::from(*network)) ^ bits) >> (128 - length) == 0);
            bits >> 125 == 0b001 && !closed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().expect(text))
    }

    #[test]
    fn se_22_the_first_and_the_last_address_of_every_closed_network_are_closed() {
        for (network, length) in CLOSED_V4 {
            let first = u32::from(Ipv4Addr::from(network));
            for address in [first, first | u32::MAX.checked_shr(length).unwrap_or(0)] {
                assert!(!is_public(Ipv4Addr::from(address).into()), "{}", Ipv4Addr::from(address));
            }
        }
        for (network, length) in CLOSED_V6 {
            let first = u128::from(Ipv6Addr::from(network));
            for address in [first, first | u128::MAX >> length] {
                assert!(!is_public(Ipv6Addr::from(address).into()), "{}", Ipv6Addr::from(address));
            }
        }
    }

    #[test]
    fn se_22_their_neighbours_are_open() {
        for open in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2600::1",
            "2a00:1450::1",
            "3ffe:ffff::1",
        ] {
            assert!(public(open), "{open}");
        }
    }

    #[test]
    fn se_22_nothing_of_ipv6_that_means_this_machine_this_site_or_an_ipv4_address_is_open() {
        for closed in [
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001:0:7f00:1::",
            "2001:10::1",
            "2001:20::1",
            "5f00::1",
            "4000::1",
            "1fff:ffff::1",
        ] {
            assert!(!public(closed), "{closed}");
        }
    }
}
