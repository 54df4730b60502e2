//! IP addresses, as they are read in every place where one may stand: in one notation only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that a text is, or why it is none. An IPv6 address that stands for one of IPv4 is none: what it reaches
/// depends on who looks.
pub(super) fn read(text: &str) -> Result<IpAddr, String> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(IpAddr::V4(address));
    }
    let Ok(address) = text.parse::<Ipv6Addr>() else {
        return Err("expected an address such as `10.0.0.1` or `2001:4860::1`".to_owned());
    };
    match embedding(address) {
        Some(what) => Err(format!("it is {what}, which stands for an IPv4 address")),
        None => Ok(IpAddr::V6(address)),
    }
}

/// Which of the ways an IPv6 address carries one of IPv4, if it does.
fn embedding(address: Ipv6Addr) -> Option<&'static str> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0xffff, _, _] => Some("an IPv4-mapped address"),
        [0, 0, 0, 0, 0, 0, _, _] => Some("an IPv4-compatible address"),
        [0x2002, ..] => Some("a 6to4 address"),
        [0x64, 0xff9b, 0 | 1, ..] => Some("a NAT64 address"),
        [0x2001, 0, ..] => Some("a Teredo address"),
        _ => None,
    }
}
