//! How [`Facet::Address`](super::Facet::Address) writes IP addresses and networks: `4:` or `6:`, and bits. The addresses
//! of a network all begin with the network's own text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bits of an address, as `0` and `1`.
pub(crate) fn bits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    }
}

/// The first address of the network whose bits begin so.
pub(crate) fn first_address(bits: &str, is_ipv4: bool) -> IpAddr {
    let from = |width: usize| u128::from_str_radix(&format!("{bits:0<width$}"), 2).unwrap_or_default();
    if is_ipv4 {
        IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(from(32)).unwrap_or_default()))
    } else {
        IpAddr::V6(Ipv6Addr::from_bits(from(128)))
    }
}

/// Whether a text is what the addresses of a network begin with.
pub(crate) fn is_network(text: &str) -> bool {
    text.starts_with("4:") || text.starts_with("6:")
}

/// The network whose addresses begin so, in CIDR notation; an address where it is only one.
pub(crate) fn in_cidr_notation(prefix: &str) -> String {
    let (version, bits) = prefix.split_once(':').unwrap_or_default();
    let (is_ipv4, whole) = if version == "4" { (true, 32) } else { (false, 128) };
    let address = first_address(bits, is_ipv4);
    if bits.len() == whole { address.to_string() } else { format!("{address}/{}", bits.len()) }
}
