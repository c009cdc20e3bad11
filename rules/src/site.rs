//! What is inside, and what hosts are for.

use ipnet::IpNet;
use std::net::IpAddr;
use weir_model::Role;

/// The site that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The networks that are inside.
    pub home: Vec<IpNet>,
    /// Roles of hosts and networks; a host has every role of every prefix that contains it.
    pub roles: Vec<(Role, IpNet)>,
}

/// What is inside where nobody says: RFC 1918, RFC 6598 (carrier-grade NAT), loopback, link-local, RFC 4193.
const PRIVATE_RANGES: [IpNet; 9] = [
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v6(0, 1, 128),
    v6(0xfe80, 0, 10),
    v6(0xfc00, 0, 7),
];

impl Site {
    /// A site without roles whose inside is the private ranges.
    pub fn private_ranges() -> Self {
        Self { home: PRIVATE_RANGES.to_vec(), roles: Vec::new() }
    }

    /// Whether an address is inside.
    ///
    /// Multicast, broadcast and unspecified addresses name nobody outside: what is sent to them reaches hosts on the spot.
    /// They count as inside, so that a packet of an inside host to them is not taken for a contact with the Internet.
    pub fn is_inside(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let nobody_outside = match ip {
            IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified(),
            IpAddr::V6(v6) => v6.is_multicast() || v6.is_unspecified(),
        };
        nobody_outside || self.home.iter().any(|net| holds(*net, ip))
    }

    /// Which of the addresses of one end is the host's, where a translator gives it two: the one that is inside; of two inside, the
    /// one of private ranges, if it alone is; else the one that the flow has.
    pub fn host_of(&self, own: IpAddr, translated: Option<IpAddr>) -> IpAddr {
        let Some(other) = translated else { return own };
        let rank = |ip: IpAddr| match self.is_inside(ip) {
            false => 0,
            true if is_private(ip) => 2,
            true => 1,
        };
        if rank(other) > rank(own) { other } else { own }
    }

    /// Whether a host has a role.
    pub fn has_role(&self, ip: IpAddr, role: Role) -> bool {
        let ip = ip.to_canonical();
        self.roles.iter().any(|(other, net)| *other == role && holds(*net, ip))
    }

    /// All roles of a host, each once, in the order of [`Role::ALL`].
    pub fn roles_of(&self, ip: IpAddr) -> Vec<Role> {
        Role::ALL.iter().copied().filter(|role| self.has_role(ip, *role)).collect()
    }
}

pub(crate) fn is_private(ip: IpAddr) -> bool {
    PRIVATE_RANGES.iter().any(|net| holds(*net, ip.to_canonical()))
}

/// [`IpNet::contains`] in a few instructions: it is asked of both ends of every flow.
fn holds(net: IpNet, ip: IpAddr) -> bool {
    match (net, ip) {
        (IpNet::V4(net), IpAddr::V4(ip)) => {
            let behind = 32 - u32::from(net.prefix_len());
            (net.addr().to_bits() ^ ip.to_bits()).checked_shr(behind).unwrap_or(0) == 0
        }
        (IpNet::V6(net), IpAddr::V6(ip)) => {
            let behind = 128 - u32::from(net.prefix_len());
            (net.addr().to_bits() ^ ip.to_bits()).checked_shr(behind).unwrap_or(0) == 0
        }
        _ => false,
    }
}

const fn v4(octets: [u8; 4], len: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::new_assert(IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, d)), len)
}

const fn v6(first: u16, last: u16, len: u8) -> IpNet {
    IpNet::new_assert(IpAddr::V6(std::net::Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last)), len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
            any::<u128>().prop_map(|bits| IpAddr::V6(bits.into()))
        ]
    }

    proptest! {
        #[test]
        fn a_net_holds_what_it_contains(one in any_address(), other in any_address(), len in 0_u8..=128, bit in 0_u32..128) {
            let net = IpNet::new(one, len.min(if one.is_ipv4() { 32 } else { 128 })).unwrap();
            let near = match one {
                IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() ^ 1 << (bit % 32)).into()),
                IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() ^ 1 << bit).into()),
            };
            for ip in [one, other, near] {
                prop_assert_eq!(holds(net, ip), net.contains(&ip));
            }
        }
    }

    #[test]
    fn private_ranges_are_inside_and_the_rest_is_not() {
        let site = Site::private_ranges();
        for (text, inside) in [
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.168.0.1", true),
            ("192.169.0.1", false),
            ("100.64.0.1", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("127.0.0.1", true),
            ("169.254.1.1", true),
            ("::1", true),
            ("::2", false),
            ("fe80::1", true),
            ("fdff::1", true),
            ("2001:db8::1", false),
            ("8.8.8.8", false),
            ("::ffff:10.0.0.1", true),
            ("239.1.1.1", true),
            ("255.255.255.255", true),
            ("0.0.0.0", true),
            ("ff02::fb", true),
            ("::", true),
        ] {
            assert_eq!(site.is_inside(text.parse().unwrap()), inside, "{text}");
        }
    }

    #[test]
    fn the_host_behind_a_translator_is_inside() {
        let campus = Site { home: vec!["198.51.100.0/24".parse().unwrap()], roles: Vec::new() };
        let with_private =
            Site { home: [campus.home.clone(), Site::private_ranges().home].concat(), roles: Vec::new() };
        for (site, own, other, host) in [
            (&with_private, "10.0.0.1", "198.51.100.1", "10.0.0.1"),
            (&with_private, "198.51.100.1", "10.0.0.1", "10.0.0.1"),
            (&with_private, "198.51.100.1", "198.51.100.2", "198.51.100.1"),
            (&campus, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
            (&campus, "203.0.113.1", "203.0.113.2", "203.0.113.1"),
            (&campus, "203.0.113.1", "10.0.0.1", "203.0.113.1"),
        ] {
            let [own, other, host] = [own, other, host].map(|text| text.parse().unwrap());
            assert_eq!(site.host_of(own, Some(other)), host, "{own} {other}");
            assert_eq!(site.host_of(own, None), own);
        }
    }

    #[test]
    fn roles_come_from_every_prefix() {
        let roles = vec![
            (Role::Mail, "192.0.2.0/24".parse().unwrap()),
            (Role::Resolver, "192.0.2.53/32".parse().unwrap()),
            (Role::Mail, "192.0.2.53/32".parse().unwrap()),
        ];
        let site = Site { home: Vec::new(), roles };
        assert_eq!(site.roles_of("192.0.2.53".parse().unwrap()), [Role::Resolver, Role::Mail]);
        assert_eq!(site.roles_of("192.0.2.54".parse().unwrap()), [Role::Mail]);
        assert!(!site.has_role("192.0.3.1".parse().unwrap(), Role::Mail));
    }
}
