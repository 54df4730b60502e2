//! Strings that tools take, and the tricks that are played with them: mostly nearly what a policy asks for.

use arbitrary::{Result, Unstructured};

pub(crate) const DIRECTORIES: [&str; 6] = ["/srv/share", "/srv", "/", "/srv/é x", "C:\\Data", "d:/"];

pub(crate) const HOSTS: [&str; 9] = [
    "api.acme.com",
    "**.acme.com",
    "*.acme.com",
    "a?i.acme.com",
    "localhost",
    "127.0.0.1",
    "[2606:4700::1111]",
    "a_b.Example",
    "**",
];

pub(crate) const DOMAINS: [&str; 4] = ["acme.com", "**.acme.com", "Mail.acme.com", "*.example.org"];

pub(crate) const NETWORKS: [&str; 8] =
    ["10.0.0.0/8", "192.168.1.128/25", "127.0.0.1", "0.0.0.0/0", "::1", "2000::/3", "fd00::/8", "::/0"];

pub(crate) const PROGRAMS: [&str; 4] = ["git", "ls", "/usr/bin/git", "npm"];

pub(crate) const SCOPES: [&str; 5] = ["log", "files:read", "a", "-m", "x"];

/// Words around one, mostly with single spaces between them.
pub(crate) fn scope(u: &mut Unstructured<'_>, word: &str) -> Result<String> {
    let mut words = vec![word];
    for _ in 0..u.int_in_range(0..=2)? {
        words.insert(u.int_in_range(0..=words.len())?, *u.choose(&SCOPES)?);
    }
    let separator = *u.choose(&[" ", " ", " ", "  ", "\t", "\n", ","])?;
    let around = *u.choose(&["", "", "", "", " ", "\"", "\\", "\u{e9}", "\0"])?;
    Ok(format!("{}{around}", words.join(separator)))
}

pub(crate) const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"];

/// Instants that clocks change at, and others; the last ones are one instant.
pub(crate) const INSTANTS: [&str; 10] = [
    "2026-03-29T00:59:59Z",
    "2026-03-29T01:00:00Z",
    "2026-03-29T03:30:00+02:00",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "1969-12-31T23:59:59.5Z",
    "2026-11-28T22:15:00Z",
    "2026-11-28T22:30:00Z",
    "2026-11-28T23:30:00+01:00",
    "2026-11-28T22:30:00.000000000-00:00",
];

/// A time near another one, or what is nearly a time.
pub(crate) fn time(u: &mut Unstructured<'_>, near: &str) -> Result<String> {
    Ok(match u.int_in_range(0..=7)? {
        0 | 1 => near.to_owned(),
        2..=4 => (*u.choose(&INSTANTS)?).to_owned(),
        5 => near.replace('Z', ".001Z"),
        6 => near.replace("2026", u.choose(&["0000", "9998", "9999", "1900", "2025", "2027"])?),
        _ => match u.int_in_range(0..=9)? {
            0 => near.replace('Z', ""),
            1 => near.replace('T', " "),
            2 => near.to_lowercase(),
            3 => near.replace(":00", ":60"),
            4 => near.replace('Z', "+24:00"),
            5 => near.replace('Z', ".1234567890Z"),
            6 => near.replace("11-28", "02-29"),
            7 => format!("{near} "),
            8 => "2026-11-28".to_owned(),
            _ => "1795905000".to_owned(),
        },
    })
}

/// A path that is read from a base, mostly.
pub(crate) fn relative(u: &mut Unstructured<'_>) -> Result<String> {
    let paths = [
        "x",
        "./x",
        "share/x",
        "files",
        "acme/files/x",
        ".",
        "./",
        "",
        "..",
        "../x",
        "a/../b",
        "~",
        "~/x",
        "$HOME/x",
        "%x%",
        "a//b",
        "c:/x",
        "file:x",
        "/srv/x",
        "/srv",
        "/",
        "a/",
        "./.",
        "././x",
        " x",
        " ~/x",
        "'~'",
        "x\\y",
        "x/%2e%2e",
        "\u{200b}~",
    ];
    Ok((*u.choose(&paths)?).to_owned())
}

/// What a segment is, and what is none.
pub(crate) const TENANTS: [&str; 12] =
    ["acme", "acme", "acme", "x", "files", "..", ".", "", "a/b", "\u{ff0e}\u{ff0e}", "a%2fb", "'..'"];

pub(crate) const GLOBS: [&str; 14] =
    ["*", "**", "?", "a*", "a?c", "*b*", "**b", "/srv/*", "/srv/**", "/srv/**/?.txt", "é*", "*@acme.com", "", "**/*"];

pub(crate) const EXPRESSIONS: [&str; 18] = [
    "a+",
    "(?i)ABC",
    "[a-c]*",
    "a|ab|abc",
    "[0-9]{1,3}",
    ".*",
    "(?-s).*",
    "(?R-s).*b",
    "(?m)^a$.*",
    ".*b.*",
    "a.b",
    "(a+)+$",
    "[^a]+",
    "(?i)é|e\u{301}",
    "/srv/([a-z]+/)*[a-z]+\\.txt",
    "--?[a-z]+",
    "",
    "(?-u:\\w+)@acme\\.com",
];

const SEGMENTS: [&str; 12] =
    ["a", "b.txt", "share", "share-evil", "etc", "passwd", "...", ".git", "é", "con", "a b", "nul.txt"];

pub(crate) const PATH_TRICKS: [&str; 34] = [
    "..", ".", "/../", "/./", "//", "/", "\\", "\\..\\", "%2e%2e", "%2E", "%2f", "%5c", "%00", "%252e", "%", "\0",
    "\n", "\t", " ", ". ", "~1", "~", ":", "::$DATA", "*", "?", "\u{ff0e}", "\u{ff0f}", "\u{2215}", "\u{2024}",
    "\u{85}", "\u{2028}", "\u{200b}", "-evil",
];

/// A path that is nearly below a directory.
pub(crate) fn path(u: &mut Unstructured<'_>, directory: &str) -> Result<String> {
    let separator = if directory.contains('\\') { *u.choose(&["\\", "\\", "/"])? } else { "/" };
    let mut path = match u.int_in_range(0..=15)? {
        0 => String::new(),
        1 => {
            (*u.choose(&["\\\\server\\share", "\\\\?\\C:", "//srv", "file://", "C:", "~", ".", "..", "\\"])?).to_owned()
        }
        2 => format!("{directory}-evil"),
        3 => directory.to_uppercase(),
        4 => directory.get(..directory.len() - 1).unwrap_or_default().to_owned(),
        _ => directory.to_owned(),
    };
    for _ in 0..u.int_in_range(0..=3)? {
        if !path.ends_with(['/', '\\']) {
            path.push_str(separator);
        }
        path.push_str(u.choose(&SEGMENTS)?);
    }
    if u.ratio(1, 6)? {
        path.push_str(separator);
    }
    mutated(u, path, &PATH_TRICKS)
}

pub(crate) const URL_TRICKS: [&str; 44] = [
    "@",
    ":",
    ":@",
    "user:pass@",
    "@evil.com",
    "\\",
    "\\@",
    "/",
    "//",
    "?",
    "#",
    ".",
    "..",
    "/../",
    "/./",
    "%2e",
    "%2F",
    "%00",
    "%25",
    "%",
    "%40",
    " ",
    "\t",
    "\n",
    "\0",
    "{id}",
    "${x}",
    "<",
    "|",
    "^",
    "`",
    "\"",
    ";",
    ":443",
    ":80",
    ":08",
    "[",
    "]",
    "é",
    "\u{3002}",
    "\u{ff0f}",
    "\u{200b}",
    "*",
    "0x",
];

/// A URL that nearly has the host.
pub(crate) fn url(u: &mut Unstructured<'_>, host: &str) -> Result<String> {
    if u.ratio(2, 5)? {
        let scheme = u.choose(&["https", "https", "https", "http", "wss"])?;
        let port = u.choose(&["", "", "", ":443", ":8443"])?;
        let path = u.choose(&["", "/", "/v1", "/v1/a", "/a", "/a?x", "?", "/#", "/srv/x.txt#y"])?;
        return Ok(format!("{scheme}://{}{port}{path}", filled(u, host)?));
    }
    let scheme =
        *u.choose(&["https", "https", "https", "http", "HTTPS", "wss", "ws", "ftp", "file", "javascript", ""])?;
    let separator = if u.ratio(9, 10)? { "://" } else { *u.choose(&[":", "//", ":/", ":\\\\", "", ":///"])? };
    let user = if u.ratio(9, 10)? { "" } else { *u.choose(&["user@", "user:pw@", "@", "acme.com:443@", "a%40b@"])? };
    let host = match u.int_in_range(0..=9)? {
        0 => filled(u, "**")?,
        1 | 2 => address(u, "127.0.0.1")?,
        3 => format!("[{}]", address(u, "::1")?),
        4 => (*u.choose(&SPECIAL)?).to_owned(),
        5 => format!("{}{}", filled(u, host)?, u.choose(&[".", ".evil.com", "evil", "..", "-", "%2e", "\u{3002}com"])?),
        6 => filled(u, host)?.to_uppercase(),
        _ => filled(u, host)?,
    };
    let port = match u.int_in_range(0..=5)? {
        0 => *u.choose(&[":443", ":80", ":8443", ":0", ":", ":065", ":65536", ":+1", ":99999999999", ":1"])?,
        _ => "",
    };
    let mut path = String::new();
    for _ in 0..u.int_in_range(0..=3)? {
        path.push('/');
        path.push_str(u.choose(&["v1", "", "a", "..", "%2e%2e", "a%2fb", "%41", "a;b", ".", "x.txt", "%", "srv"])?);
    }
    let rest = if u.ratio(3, 4)? { "" } else { *u.choose(&["?", "#", "?a=/../", "?u=https://a@b/", "#@x", "?{}"])? };
    let url = format!("{scheme}{separator}{user}{host}{port}{path}{rest}");
    mutated(u, url, &URL_TRICKS)
}

const SPECIAL: [&str; 32] = [
    "localhost",
    "a.localhost",
    "metadata.google.internal",
    "printer.local",
    "intranet",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "0.0.0.0",
    "100.64.0.1",
    "localhost.localdomain",
    "kubernetes.default",
    "kubernetes.default.svc",
    "a.b-c",
    "a.c",
    "a.xn--c",
    "x.Onion",
    "1.0.0.127.in-addr.arpa",
    "127.0.0.1.nip.io",
    "Localtest.me",
    "a.localtest.me",
    "notlocaltest.me",
    "metadata.goog",
    "168.63.129.16",
    "168.63.129.17",
    "192.175.48.1",
    "[2620:4f:8000::1]",
    "[2a00:1450::5efe:7f00:1]",
    "[2a00:1450::300:5efe:127.0.0.1]",
];

/// An IP address in or near a network, in any notation.
pub(crate) fn address(u: &mut Unstructured<'_>, network: &str) -> Result<String> {
    let first = network.split('/').next().unwrap_or_default();
    let random = u32::from_be_bytes(u.arbitrary()?);
    if let Ok(v6) = first.parse::<std::net::Ipv6Addr>() {
        let near = std::net::Ipv6Addr::from(u128::from(v6) ^ u128::from(random >> u.int_in_range(8..=31)?));
        let groups = near.segments();
        let text = match u.int_in_range(0..=7)? {
            0 => groups.map(|group| format!("{group:x}")).join(":"),
            1 => groups.map(|group| format!("{group:04X}")).join(":"),
            2 => format!("{near}%eth0"),
            3 => format!("::ffff:{}", std::net::Ipv4Addr::from(random)),
            4 => format!("::{}", std::net::Ipv4Addr::from(random)),
            5 => format!(
                "{}::{:x}",
                u.choose(&["2002:a00:1", "64:ff9b", "64:ff9b:1", "2001:0:1", "fe80"])?,
                random >> 16
            ),
            _ => near.to_string(),
        };
        return mutated(u, text, &ADDRESS_TRICKS);
    }
    let first: std::net::Ipv4Addr = first.parse().unwrap_or(std::net::Ipv4Addr::LOCALHOST);
    let near = u32::from(first) ^ (random >> u.int_in_range(2..=31)?);
    let [a, b, c, d] = near.to_be_bytes();
    let text = match u.int_in_range(0..=11)? {
        0 => near.to_string(),
        1 => format!("0x{near:x}"),
        2 => format!("0{near:o}"),
        3 => format!("0{a:o}.{b}.{c}.{d}"),
        4 => format!("0x{a:x}.{b}.{c}.{d}"),
        5 => format!("{a}.{b}.{}", u32::from(c) * 256 + u32::from(d)),
        6 => format!("{a}.{}", near & 0x00ff_ffff),
        7 => format!("::ffff:{a}.{b}.{c}.{d}"),
        8 => format!("{a}.{b}.{c}.{d:03}"),
        _ => format!("{a}.{b}.{c}.{d}"),
    };
    mutated(u, text, &ADDRESS_TRICKS)
}

pub(crate) const ADDRESS_TRICKS: [&str; 18] =
    [".", "..", "0", "0x", ":", "::", "/8", "/128", "%lo", " ", "\n", "\0", "[", "]", "+", "-", "１", "。"];

/// An e-mail address that nearly is of the domain.
pub(crate) fn email(u: &mut Unstructured<'_>, domain: &str) -> Result<String> {
    let locals = [
        "a",
        "first.last+tag",
        "a_b",
        "o'neil",
        "b+c=d.e",
        "",
        ".a",
        "a..b",
        "-oQx",
        "/tmp/a",
        "|id",
        "a&b",
        "\"a b\"",
        "\"a@b.c\"",
        "a%evil.com",
        "evil.com!a",
    ];
    let local = u.choose(&locals)?;
    let domain = filled(u, domain)?;
    let email = match u.int_in_range(0..=13)? {
        0 => format!("Ann <{local}@{domain}>"),
        1 => format!("{local}@{domain}, b@evil.com"),
        2 => format!("{local}@evil.com ({domain})"),
        3 => format!("{local}@evil.com@{domain}"),
        4 => format!("\"{local}@{domain}\" <b@evil.com>"),
        5 => format!("{local}@{domain}."),
        6 => format!("{local}@{}", domain.to_uppercase()),
        7 => format!("{local}@evil{domain}"),
        _ => format!("{local}@{domain}"),
    };
    mutated(u, email, &EMAIL_TRICKS)
}

pub(crate) const EMAIL_TRICKS: [&str; 38] = [
    "@",
    ".",
    "..",
    ",",
    ";",
    " ",
    "<",
    ">",
    "(x)",
    "\"",
    "\\",
    "%",
    "!",
    ":",
    "\n",
    "\r\nBcc: b@evil.com",
    "\0",
    "é",
    "\u{ff20}",
    "\u{3002}",
    "\u{200b}",
    "_",
    "-",
    "[127.0.0.1]",
    "=?utf-8?q?b=40evil.com=3e?=",
    "=?",
    "|",
    "`",
    "$",
    "&",
    "*",
    "{",
    "~",
    "^",
    "'",
    "/",
    "=",
    "#",
];

/// A command that nearly runs the program.
pub(crate) fn command(u: &mut Unstructured<'_>, program: &str) -> Result<String> {
    let words = [
        "log",
        "--oneline",
        "-m",
        "a=b",
        "'a b'",
        "\"a b\"",
        "''",
        "/srv/a.txt",
        "a,b:c",
        "../x",
        "'$(x)'",
        "'a'b",
        "--x='a'",
        "--x=\"a b\"",
        "'a'\"b\"''c",
        "HEAD~3",
        "HEAD^",
        "''=ls",
        ".#x",
    ];
    let refused = ["\"$HOME\"", "\"a!b\"", "*.txt", "~", "a=~", "a:~", "=ls", "#x", "@{0}", "a\\ b", "if"];
    let mut command = match u.int_in_range(0..=9)? {
        0 => format!("A=b {program}"),
        1 => format!(
            "{} {program}",
            u.choose(&["eval", "exec", "time", "if", ".", "command", "!", "{", "sudo", "-", "noglob", "test"])?
        ),
        2 => format!("'{program}'"),
        _ => program.to_owned(),
    };
    for _ in 0..u.int_in_range(0..=4)? {
        command.push_str(u.choose(&[" ", " ", " ", "  "])?);
        command.push_str(if u.ratio(1, 8)? { u.choose(&refused)? } else { u.choose(&words)? });
    }
    mutated(u, command, &COMMAND_TRICKS)
}

pub(crate) const COMMAND_TRICKS: [&str; 45] = [
    ";",
    "; rm -rf /",
    " && rm",
    "||",
    "|",
    " | sh",
    "&",
    ">",
    ">>x",
    "<",
    "$(rm)",
    "`rm`",
    "$HOME",
    "${x}",
    "\n",
    "\r",
    "\t",
    "\0",
    " ",
    "\\",
    "\\\n",
    "'",
    "\"",
    "!",
    "!!",
    "*",
    "?",
    "[a]",
    "{a,b}",
    "~",
    "#",
    "^",
    "(",
    ")",
    "=",
    "=~",
    ":~",
    "''",
    "\"\"",
    "'a b'",
    "\"a b\"",
    " =",
    "é",
    "\u{a0}",
    "\u{1b}",
];

/// The text with each of the tricks in each of its places: between two characters, and instead of one.
pub(crate) fn each<'t>(text: &'t str, tricks: &'t [&'t str]) -> impl Iterator<Item = String> + 't {
    let places = text.char_indices().map(|(at, c)| (at, c.len_utf8())).chain([(text.len(), 0)]);
    places.flat_map(move |(at, length)| {
        let (before, behind) = text.split_at(at);
        let shorter = behind.get(length..).unwrap_or_default();
        tricks.iter().flat_map(move |trick| [format!("{before}{trick}{behind}"), format!("{before}{trick}{shorter}")])
    })
}

/// A string that nearly matches a glob.
pub(crate) fn like_glob(u: &mut Unstructured<'_>, glob: &str) -> Result<String> {
    let text = filled(u, glob)?;
    mutated(u, text, &["/", ".", "a", "b", "\n", "é", "", "ab"])
}

/// A pattern with something for its wildcards.
fn filled(u: &mut Unstructured<'_>, pattern: &str) -> Result<String> {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let (fillers, length): (&[&str], usize) = match c {
            '*' if rest.starts_with("**") => (&["api", "a.b", "a/b", "", "x.y.z", "é", "evil.com/"], 2),
            '*' => (&["api", "b", "", "a.b", "a/b", "é"], 1),
            '?' => (&["p", "b", "", ".", "/", "é", "ab"], 1),
            _ => (&[], c.len_utf8()),
        };
        let (whole, behind) = rest.split_at(length);
        text.push_str(if fillers.is_empty() { whole } else { u.choose(fillers)? });
        rest = behind;
    }
    Ok(text)
}

/// The text itself, or with one or two tricks in it, or without one of its characters.
fn mutated(u: &mut Unstructured<'_>, text: String, tricks: &[&str]) -> Result<String> {
    let mut characters: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..*u.choose(&[0, 0, 0, 1, 1, 2])? {
        let at = u.int_in_range(0..=characters.len())?;
        match u.int_in_range(0..=7)? {
            0 if at < characters.len() => {
                characters.remove(at);
            }
            1 | 2 if at < characters.len() => characters[at] = (*u.choose(tricks)?).to_owned(),
            3 => characters.push((*u.choose(tricks)?).to_owned()),
            4 => characters.insert(0, (*u.choose(tricks)?).to_owned()),
            _ => characters.insert(at, (*u.choose(tricks)?).to_owned()),
        }
    }
    Ok(characters.concat())
}
