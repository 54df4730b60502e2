//! URLs (RFC 3986), as far as its readers agree: an authority with a plain host, ASCII only, none of the characters
//! that some readers repair.

use super::{address, is_label, special, Writer};
use core::net::{Ipv4Addr, Ipv6Addr};

/// The most bytes of a URL.
pub const MOST: usize = 8192;

/// A URL with one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'u> {
    scheme: &'u str,
    host: Host<'u>,
    port: u16,
    path: Option<&'u str>,
    has_query: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host<'u> {
    Name(&'u str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl<'u> Url<'u> {
    /// Reads a URL.
    #[must_use]
    pub fn read(text: &'u str) -> Option<Self> {
        let plain = |byte: u8| {
            matches!(byte, 0x21..=0x7e)
                && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if text.len() > MOST || !text.bytes().all(plain) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let default = default_port(scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at_checked(end)?;
        let (host, port) = split_authority(authority)?;
        let path = after.split(['?', '#']).next().unwrap_or_default();
        let has_query = path.len() < after.len();
        let path = if path.is_empty() { "/" } else { path };
        Some(Self {
            scheme,
            host: read_host(host)?,
            port: match port {
                Some(port) => read_port(port)?,
                None => default,
            },
            path: is_plain_path(path).then_some(path),
            has_query,
        })
    }

    /// The port: the scheme's own where the URL has none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, if it leads where it seems to.
    #[must_use]
    pub const fn path(&self) -> Option<&'u str> {
        self.path
    }

    /// Whether there is a query or a fragment, also an empty one.
    #[must_use]
    pub const fn has_query(&self) -> bool {
        self.has_query
    }

    /// Whether the host is special. Names are not resolved.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self.host {
            Host::V4(address) => special::is_special_v4(address),
            Host::V6(address) => special::is_special_v6(address),
            Host::Name(name) => special::is_special_name(name.as_bytes()),
        }
    }

    pub(crate) fn write_scheme(&self, to: &mut Writer<'_>) -> Option<()> {
        to.lower(self.scheme.as_bytes())
    }

    pub(crate) fn write_host(&self, to: &mut Writer<'_>) -> Option<()> {
        match self.host {
            Host::Name(name) => to.lower(name.as_bytes()),
            Host::V4(address) => address::write_v4(address, to),
            Host::V6(address) => address::write_v6(address, to),
        }
    }
}

/// The schemes that have hosts, and their ports.
fn default_port(scheme: &str) -> Option<u16> {
    const SCHEMES: [(&str, u16); 5] = [("https", 443), ("http", 80), ("wss", 443), ("ws", 80), ("ftp", 21)];
    SCHEMES.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name)).map(|(_, port)| *port)
}

/// The host and the port, if there is one. No user information: `@` is in neither.
fn split_authority(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let (host, after) = authority.split_at_checked(authority.find(']')? + 1)?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

fn read_port(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain {
        text.parse().ok()
    } else {
        None
    }
}

fn read_host(text: &str) -> Option<Host<'_>> {
    if let Some(inner) = text.strip_prefix('[') {
        return address::v6(inner.strip_suffix(']')?).map(Host::V6);
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    if numeric {
        return address::v4(text).map(Host::V4);
    }
    (text.len() <= 253 && text.split('.').all(|label| is_label(label.as_bytes()))).then_some(Host::Name(text))
}

/// Whether no reader resolves the path to another one.
fn is_plain_path(path: &str) -> bool {
    let bytes = path.as_bytes();
    let escapes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        let hex = |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_hexdigit()).map(u8::to_ascii_lowercase);
        match (hex(at + 1), hex(at + 2)) {
            (Some(b'2'), Some(b'f' | b'5')) | (Some(b'5'), Some(b'c')) | (Some(b'0'), Some(b'0')) => false,
            (first, second) => first.is_some() && second.is_some(),
        }
    });
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let last = segments.next_back().unwrap_or_default();
    escapes && !path.contains(';') && !is_dots(last) && segments.all(|segment| !segment.is_empty() && !is_dots(segment))
}

/// Whether a segment is `.` or `..`, in any notation.
fn is_dots(segment: &str) -> bool {
    let mut dots = 0;
    let mut rest = segment;
    while !rest.is_empty() {
        let after = rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E"));
        let Some(after) = after else { return false };
        dots += 1;
        rest = after;
    }
    dots == 1 || dots == 2
}
