//! IP addresses: dotted quads as every reader takes them (`010.0.0.1`, `0x7f.1` and `127.1` are refused), and IPv6
//! (RFC 4291), but for addresses that carry an IPv4 address inside, which readers take for the one or the other.

use super::Writer;
use core::net::{Ipv4Addr, Ipv6Addr};

/// An address with one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// IPv4.
    V4(Ipv4Addr),
    /// IPv6.
    V6(Ipv6Addr),
}

impl Address {
    /// Reads an address.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.contains(':') {
            v6(text).map(Self::V6)
        } else {
            v4(text).map(Self::V4)
        }
    }

    /// Writes the canonical form: `4:` or `6:` and the address's bits.
    pub(crate) fn write(self, to: &mut Writer<'_>) -> Option<()> {
        let bits = |to: &mut Writer<'_>, bytes: &[u8]| {
            bytes.iter().try_for_each(|byte| (0..8).rev().try_for_each(|bit| to.byte(b'0' + (byte >> bit & 1))))
        };
        match self {
            Self::V4(address) => {
                to.text("4:")?;
                bits(to, &address.octets())
            }
            Self::V6(address) => {
                to.text("6:")?;
                bits(to, &address.octets())
            }
        }
    }
}

/// Reads a strict dotted quad.
pub(crate) fn v4(text: &str) -> Option<Ipv4Addr> {
    text.parse().ok()
}

/// Reads an IPv6 address that has no IPv4 address inside.
pub(crate) fn v6(text: &str) -> Option<Ipv6Addr> {
    let address: Ipv6Addr = text.parse().ok()?;
    let s = address.segments();
    let embeds = match s {
        // Mapped, and compatible but for `::` and `::1`.
        [0, 0, 0, 0, 0, 0xffff, _, _] => true,
        [0, 0, 0, 0, 0, 0, high, low] => high != 0 || low > 1,
        // NAT64, Teredo, 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] | [0x2002, ..] => true,
        _ => false,
    };
    (!embeds).then_some(address)
}

/// Writes a dotted quad.
pub(crate) fn write_v4(address: Ipv4Addr, to: &mut Writer<'_>) -> Option<()> {
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            to.byte(b'.')?;
        }
        for unit in [100, 10, 1] {
            if octet >= unit || unit == 1 {
                to.byte(b'0' + octet / unit % 10)?;
            }
        }
    }
    Some(())
}

/// Writes an IPv6 address as hosts of URLs are written: in brackets, in the form of RFC 5952. By hand, because the
/// standard library's formatting is larger than all the rest that a module carries.
pub(crate) fn write_v6(address: Ipv6Addr, to: &mut Writer<'_>) -> Option<()> {
    let segments = address.segments();
    // The longest run of zeros, the first of several; one zero is no run.
    let run = |start: usize| segments.iter().skip(start).take_while(|segment| **segment == 0).count();
    let (mut skip, mut skipped) = (usize::MAX, 1);
    for start in 0..segments.len() {
        if run(start) > skipped {
            (skip, skipped) = (start, run(start));
        }
    }
    to.byte(b'[')?;
    for (index, segment) in segments.into_iter().enumerate() {
        if index == skip {
            to.byte(b':')?;
        }
        if index >= skip && index < skip + skipped {
            // What follows puts the second colon; at the end there is nothing that does.
            if index == 7 {
                to.byte(b':')?;
            }
            continue;
        }
        if index > 0 {
            to.byte(b':')?;
        }
        for shift in [12, 8, 4, 0] {
            if segment >> shift != 0 || shift == 0 {
                let digit = (segment >> shift & 0xf) as u8;
                to.byte(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })?;
            }
        }
    }
    to.byte(b']')
}
