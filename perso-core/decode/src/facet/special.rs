//! Special hosts: those that are not of the public internet, or that lead out of it. `docs/operators/url.md` says what
//! the lists are made of.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Names that are special with every name below them.
const NAMES: &[u8; 666] = b" localhost local internal arpa test example invalid onion alt\
    \x20lan home corp mail intranet private localdomain\
    \x20svc pod default consul mesos docker flycast thisdcos.directory\
    \x20metadata.goog metadata.tencentyun.com metadata.platformequinix.com metadata.packet.net internal.cloudapp.net\
    \x20oraclevcn.com ts.net\
    \x20nip.io sslip.io xip.io xip.name traefik.me local-ip.co local-ip.sh plex.direct rbndr.us 1u.ms\
    \x20localtest.me lvh.me vcap.me lacolhost.com fuf.me localho.st lcl.host local.gd localdev.me localhost.direct\
    \x20localhost.localstack.cloud ddev.site lndo.site docksal.site colasloth.com 127-0-0-1.org.uk\
    \x20fritz.box routerlogin.net routerlogin.com tplinkwifi.net asusrouter.com";

/// The same, with its length before each name instead of the space. A module without [`url`](super::url) goes without
/// these bytes: see `perso-core/src/emit/prelude.rs`.
pub static TABLE: [u8; NAMES.len()] = with_lengths(NAMES);

#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it, and stops at an index out of bounds")]
const fn with_lengths<const N: usize>(names: &[u8; N]) -> [u8; N] {
    let mut table = *names;
    let mut at = N;
    let mut length = 0;
    while at > 0 {
        at -= 1;
        if table[at] == b' ' {
            table[at] = length;
            length = 0;
        } else {
            length += 1;
        }
    }
    table
}

/// Whether a name of a host is special: one label, a last label that no public name ends in, or one of the list.
pub(crate) fn is_special_name(name: &[u8]) -> bool {
    let dot = name.iter().rposition(|byte| *byte == b'.');
    let Some(last) = dot.and_then(|dot| name.get(dot + 1..)) else { return true };
    // The top-level domains are of two letters or more, and otherwise begin with `xn--`.
    let is_top = last.len() > 1 && last.iter().all(u8::is_ascii_alphabetic);
    if !is_top && !last.first_chunk::<4>().is_some_and(|front| front.eq_ignore_ascii_case(b"xn--")) {
        return true;
    }
    let mut names = TABLE.as_slice();
    while let Some((length, rest)) = names.split_first() {
        let Some((special, rest)) = rest.split_at_checked(usize::from(*length)) else { return true };
        if name.len() >= special.len() {
            let (below, end) = name.split_at(name.len() - special.len());
            if below.last().is_none_or(|byte| *byte == b'.') && end.eq_ignore_ascii_case(special) {
                return true;
            }
        }
        names = rest;
    }
    false
}

/// Whether an IPv4 address is special: of IANA's special-purpose registry, multicast, or Azure's `168.63.129.16`.
pub(crate) const fn is_special_v4(address: Ipv4Addr) -> bool {
    matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [168, 63, 129, 16]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 31, 196, _]
            | [192, 52, 193, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [192, 175, 48, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Whether an IPv6 address is special: outside of global unicast, of IANA's special-purpose registry, or ISATAP, which
/// carries an IPv4 address (RFC 5214).
pub(crate) const fn is_special_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => true,
        [0x2620, 0x4f, 0x8000, ..] => true,
        [_, _, _, _, 0 | 0x100 | 0x200 | 0x300, 0x5efe, ..] => true,
        [first, ..] => first & 0xe000 != 0x2000,
    }
}
