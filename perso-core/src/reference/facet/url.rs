//! A URL that has one reading: `scheme "://" host [":" port] [path] ["?" query] ["#" fragment]`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{address, name};

/// The schemes, and the port of a URL that has none.
const SCHEMES: [(&str, u16); 5] = [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];

const LENGTH: usize = 8192;

/// The parts of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url<'t> {
    /// In lower case.
    pub(super) scheme: String,
    pub(super) host: Host,
    /// That of the scheme where there is none.
    pub(super) port: u16,
    /// As written; `/` where there is none.
    path: &'t str,
    /// Whether there is a query or a fragment, also an empty one.
    pub(super) has_query: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case.
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

pub(super) fn read(text: &str) -> Result<Url<'_>, &'static str> {
    if text.len() > LENGTH {
        return Err("not a plain URL: it is too long");
    }
    if text.chars().any(|c| !('\u{21}'..='\u{7e}').contains(&c) || "\\\"<>^`{|}".contains(c)) {
        return Err("not a plain URL: a character that no URL has");
    }
    let (scheme, rest) = text.split_once("://").ok_or("not a plain URL: it has no scheme")?;
    let scheme = scheme.to_ascii_lowercase();
    let default = SCHEMES.iter().find(|(known, _)| *known == scheme).map(|(_, port)| *port);
    let default = default.ok_or("not a plain URL: the scheme is not one that is read")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if authority.contains('@') {
        return Err("not a plain URL: an `@` before the host");
    }
    let (host, port) = split_port(authority)?;
    let port = match port {
        None => default,
        Some(port) => read_port(port).ok_or("not a plain URL: the port is none")?,
    };
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, query) = rest.split_at(end);
    let path = if path.is_empty() { "/" } else { path };
    Ok(Url { scheme, host: read_host(host)?, port, path, has_query: !query.is_empty() })
}

/// The host, and what is behind the colon that follows it.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if !authority.starts_with('[') {
        return Ok(match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        });
    }
    let end = authority.find(']').ok_or("not a plain URL: a bracket that does not end")? + 1;
    let (host, rest) = authority.split_at(end);
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err("not a plain URL: more than a port behind the host"),
    }
}

fn read_port(text: &str) -> Option<u16> {
    let only_digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if only_digits && !text.starts_with('0') { text.parse().ok() } else { None }
}

fn read_host(text: &str) -> Result<Host, &'static str> {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let host = address::v6(inner).map(Host::V6);
        return host.map_err(|_| "not a plain URL: the host is an IPv6 address that has no or another meaning");
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    if is_number {
        return address::v4(text).map(Host::V4).ok_or("not a plain URL: the host is a number, not `127.0.0.1`");
    }
    let name = name::read(text, true).ok_or("not a plain URL: the host is not a plain name")?;
    Ok(Host::Name(name))
}

impl Host {
    /// The one way to write it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::V4(address) => address.to_string(),
            Self::V6(address) => format!("[{address}]"),
        }
    }
}

impl<'t> Url<'t> {
    /// The path, where every server takes it for the same.
    pub(super) fn path(&self) -> Result<&'t str, &'static str> {
        let Self { path, .. } = self;
        if path.contains(';') {
            return Err("not a plain path of a URL: it has a `;`");
        }
        for (at, _) in path.match_indices('%') {
            let digits = path.get(at + 1..at + 3).filter(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
            match digits.map(str::to_ascii_lowercase).as_deref() {
                None => return Err("not a plain path of a URL: a `%` that encodes nothing"),
                Some("2f" | "5c" | "00" | "25") => {
                    return Err("not a plain path of a URL: an encoded slash, backslash, percent sign or NUL");
                }
                Some(_) => {}
            }
        }
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        for (index, segment) in segments.iter().enumerate() {
            if segment.is_empty() && index + 1 < segments.len() {
                return Err("not a plain path of a URL: it has an empty segment");
            }
            let dots = segment.replace("%2e", ".").replace("%2E", ".");
            if dots == "." || dots == ".." {
                return Err("not a plain path of a URL: it has a `.` or `..` segment");
            }
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn url(text: &str) -> Url<'_> {
        read(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn a_url_has_parts() {
        for (text, scheme, host, port, path) in [
            ("https://acme.com", "https", "acme.com", 443, "/"),
            ("http://acme.com/", "http", "acme.com", 80, "/"),
            ("HTTPS://API.Acme.COM:8443/V1/x?y=/../@z#f?", "https", "api.acme.com", 8443, "/V1/x"),
            ("ws://a_b.c-d.example/%20/a.b/..c/", "ws", "a_b.c-d.example", 80, "/%20/a.b/..c/"),
            ("wss://localhost?x", "wss", "localhost", 443, "/"),
            ("ftp://1.2.3.4#x", "ftp", "1.2.3.4", 21, "/"),
            ("https://xn--bcher-kva.example", "https", "xn--bcher-kva.example", 443, "/"),
            ("http://[2606:4700:0::1111]:1/", "http", "[2606:4700::1111]", 1, "/"),
            ("http://[::1]", "http", "[::1]", 80, "/"),
            ("http://a:65535", "http", "a", 65535, "/"),
            ("http://1.2.3.4.example", "http", "1.2.3.4.example", 80, "/"),
            ("http://0x7f.1.example", "http", "0x7f.1.example", 80, "/"),
            ("https://a/?u=https://b@c:1/", "https", "a", 443, "/"),
            ("https://a:443/%", "https", "a", 443, "%"),
        ] {
            let url = url(text);
            assert_eq!((url.scheme.as_str(), url.host.text().as_str(), url.port), (scheme, host, port), "{text}");
            if path != "%" {
                assert_eq!(url.path(), Ok(path), "{text}");
            }
        }
    }

    #[test]
    fn what_readers_read_differently_is_refused() {
        let long = format!("https://{}.example", "a".repeat(64));
        let longer = format!("https://{}example", "a.".repeat(124));
        let longest = format!("https://a/{}", "a".repeat(LENGTH));
        for text in [
            "",
            "acme.com",
            "//acme.com",
            "/x",
            "https:acme.com",
            "https:/acme.com",
            "https:///acme.com",
            "https://",
            "https://?x",
            "https://#",
            "https://:443",
            "://acme.com",
            " https://acme.com",
            "https://acme.com ",
            "https://acme.com\n",
            "\thttps://acme.com",
            "https://ac\tme.com",
            "https://acme.com/a b",
            "https://acme.com\0",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "gopher://acme.com",
            "mailto:a@acme.com",
            "httpss://acme.com",
            "https+x://acme.com",
            "h\u{fb00}ps://acme.com",
            "https://user@acme.com",
            "https://user:pass@acme.com",
            "https://acme.com@evil.com",
            "https://acme.com%40evil.com",
            "https://acme.com:443@evil.com",
            "https://@acme.com",
            "https://acme.com:@evil.com/",
            "https://evil.com\\@acme.com",
            "https://evil.com\\.acme.com",
            "https:\\\\acme.com",
            "https:/\\acme.com",
            "https://evil.com\\acme.com",
            "https://acme.com.",
            "https://acme.com./",
            "https://.acme.com",
            "https://acme..com",
            "https://.",
            "https://-acme.com",
            "https://acme-.com",
            "https://b\u{fc}cher.example",
            "https://acme\u{3002}com",
            "https://acme.com\u{ff0f}x",
            "https://\u{ff41}cme.com",
            "https://acme%2ecom",
            "https://%61cme.com",
            "https://acme.com:",
            "https://acme.com:/x",
            "https://acme.com:0",
            "https://acme.com:080",
            "https://acme.com:65536",
            "https://acme.com:443443",
            "https://acme.com:+443",
            "https://acme.com:4a3",
            "https://acme.com:443:443",
            "https://a,b.com",
            "https://a;b.com",
            "https://a!b",
            "https://a*b",
            "https://(a)",
            "https://{host}/",
            "https://${HOST}/",
            "https://{{host}}/",
            "https://<host>/",
            "https://a/{id}",
            "https://a/|x",
            "https://a/^",
            "https://a/`",
            "https://a/\"",
            "https://a?q={x}",
            "https://a#{x}",
            "http://2130706433",
            "http://0x7f000001",
            "http://0x7f.0.0.1",
            "http://0X7F.1",
            "http://017700000001",
            "http://0177.0.0.1",
            "http://127.1",
            "http://127.0.1",
            "http://127.0.0.01",
            "http://127.0.0.1.",
            "http://1.2.3.4.5",
            "http://256.1.1.1",
            "http://127.0.0.0x1",
            "http://1e1",
            "http://a.1",
            "http://a.0x",
            "http://0x",
            "http://0",
            "http://127.0.0.1:0",
            "http://::1",
            "http://::1/",
            "http://[::1",
            "http://::1]",
            "http://[::1]x",
            "http://[::1]:",
            "http://[::1]80",
            "http://[]",
            "http://[::1%25lo]",
            "http://[::1%lo]",
            "http://[127.0.0.1]",
            "http://[::ffff:127.0.0.1]",
            "http://[::ffff:7f00:1]",
            "http://[::127.0.0.1]",
            "http://[0:0:0:0:0:ffff:a9fe:a9fe]",
            "http://[2002:7f00:1::]",
            "http://[64:ff9b::7f00:1]",
            "http://[64:ff9b:1::1]",
            "http://[2001:0:1::1]",
            "http://[v1.a]",
            "http://a[::1]",
            "http://[::1].com",
            &long,
            &longer,
            &longest,
        ] {
            // `1e1` is a name of one label.
            assert_eq!(read(text).is_err(), text != "http://1e1", "{text:?}");
        }
    }

    #[test]
    fn an_ambiguous_path_is_none() {
        for path in [
            "//",
            "//evil.com",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e",
            "/%2E%2e/",
            "/.%2e/x",
            "/%2e./x",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5C",
            "/a%00",
            "/%252e",
            "/a%25",
            "/%",
            "/%2",
            "/%zz",
            "/a%",
            "/a;b",
            "/..;/x",
            "/a/;/b",
        ] {
            let text = format!("https://a{path}");
            assert!(url(&text).path().is_err(), "{path}");
            assert!(url(&format!("https://a/?{path}")).path().is_ok(), "{path}");
        }
        for path in ["/", "/a", "/a/", "/...", "/..a/.b", "/%41", "/a%2e", "/%2e%2e%2e", "/~u/a+b=c&d,e:f@g!h*i(j)$'k"]
        {
            assert_eq!(url(&format!("https://a{path}")).path(), Ok(path));
        }
    }
}
