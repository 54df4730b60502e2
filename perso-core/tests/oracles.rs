//! What perso reads off a string is what well-kept parsers of other people read off it.
//!
//! Strings are tried in their thousands: good ones, each known trick in each place of them, and random ones. Where a
//! reader accepts one, the other parsers must take it for the same; and where a policy allows one, they must place it
//! inside of what the policy says.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use serde_json::json;
use std::net::{IpAddr, Ipv6Addr};

use arbitrary::{Result, Unstructured};
use generate::tricks;
use perso_core::Policy;
use perso_core::policy::Facet;
use perso_core::reference::{Value, facet};
use typed_path::{Utf8UnixPath, Utf8WindowsPath};

/// Reads a facet off a string.
type Read = fn(Facet, &str) -> Option<Value>;

/// Everything that reads facets.
const READERS: [Read; 1] = [|facet, text| facet::read(facet, text).ok()];

/// Random strings of each kind.
const RANDOM: usize = 20_000;

/// Each trick in each place of some good strings, and random strings.
fn strings(good: &[&str], tricks: &[&str], random: impl Fn(&mut Unstructured<'_>) -> Result<String>) -> Vec<String> {
    let mut strings: Vec<String> = good.iter().map(|text| (*text).to_owned()).collect();
    strings.extend(good.iter().flat_map(|text| tricks::each(text, tricks)));
    let mut next = generate::noise(0);
    strings.extend((0..RANDOM).map(|_| {
        let noise: Vec<u8> = (0..32).flat_map(|_| next()).collect();
        random(&mut Unstructured::new(&noise)).expect("noise never ends")
    }));
    strings
}

/// Has each string looked at, which says whether it was accepted, and prints the counts.
fn count(what: &str, strings: Vec<String>, mut accepts: impl FnMut(&str) -> bool) {
    let (mut tried, mut accepted) = (0, 0);
    for text in strings {
        tried += 1;
        accepted += usize::from(accepts(&text));
    }
    println!("{what}: {tried} strings, {accepted} accepted, {} refused", tried - accepted);
    assert!(accepted * 50 > tried, "{what}: hardly any string is accepted");
    assert!(accepted * 10 < tried * 9, "{what}: hardly any string is refused");
}

fn string(value: Option<Value>) -> Option<String> {
    value.map(|value| match value {
        Value::String(text) => text,
        other => panic!("not a string: {other:?}"),
    })
}

/// What a server makes of a path: decoded, with one kind of slash, and without dot segments.
fn resolved(path: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    Utf8UnixPath::new(&decoded).normalize().to_string()
}

const URLS: [&str; 8] = [
    "https://api.acme.com/v1/a",
    "http://acme.com",
    "wss://a_b.acme.com:8443/",
    "HTTPS://Acme.COM/x?q=/../#f",
    "http://127.0.0.1:80/",
    "http://[2606:4700::1111]/x",
    "ftp://xn--bcher-kva.example/a%20b/",
    "http://localhost",
];

fn urls(host: &[&str]) -> Vec<String> {
    strings(&URLS, &tricks::URL_TRICKS, move |u| {
        let host = u.choose(host)?;
        tricks::url(u, host)
    })
}

#[test]
fn a_url_is_what_the_url_standard_says() {
    for read in READERS {
        count("URLs", urls(&tricks::HOSTS), |text| {
            let Some(host) = string(read(Facet::Host, text)) else {
                for facet in [Facet::Scheme, Facet::Port, Facet::UrlPath, Facet::Private, Facet::Query] {
                    assert_eq!(read(facet, text), None, "{text:?} has no host, but a {}", facet.name());
                }
                return false;
            };
            let theirs = match url::Url::parse(text) {
                Ok(theirs) => theirs,
                // The rest of such a label is decoded, and may make no sense.
                Err(_) if host.contains("xn--") => return true,
                Err(error) => panic!("{text:?}: {error}"),
            };
            assert_eq!(theirs.host_str(), Some(host.as_str()), "{text:?}");
            assert_eq!(Some(theirs.scheme()), string(read(Facet::Scheme, text)).as_deref(), "{text:?}");
            assert_eq!((theirs.username(), theirs.password()), ("", None), "{text:?}");
            let Some(Value::Number(port)) = read(Facet::Port, text) else { panic!("{text:?} has no port") };
            assert_eq!(theirs.port_or_known_default().map(|port| port.to_string()), Some(port.text), "{text:?}");
            if let Some(path) = string(read(Facet::UrlPath, text)) {
                assert_eq!(theirs.path(), path, "{text:?}");
                let directory = |path: &str| path.trim_end_matches('/').to_owned();
                let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
                assert_eq!(directory(&resolved(&path)), directory(&decoded), "{text:?}");
            }
            let has_query = theirs.query().is_some() || theirs.fragment().is_some();
            assert_eq!(read(Facet::Query, text), Some(Value::Bool(has_query)), "{text:?}");
            let Some(Value::Bool(private)) = read(Facet::Private, text) else { panic!("{text:?} is private or not") };
            assert!(private || !is_private(theirs.host().expect("there is a host")), "{text:?} is private");
            true
        });
    }
}

/// Whether the standard library knows that it is not a public address.
fn is_private(host: url::Host<&str>) -> bool {
    match host {
        url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        url::Host::Ipv4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
        }
        url::Host::Ipv6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.to_ipv4().is_some_and(|address| is_private(url::Host::Ipv4(address)))
        }
    }
}

#[test]
fn an_address_is_what_the_standard_library_says() {
    let good =
        ["10.0.0.1", "192.168.1.200", "255.255.255.255", "::1", "2606:4700::1111", "2001:db8:0:0:1::", "FE80::1"];
    let texts = || {
        strings(&good, &tricks::ADDRESS_TRICKS, |u| {
            let network = u.choose(&tricks::NETWORKS)?;
            tricks::address(u, network)
        })
    };
    for read in READERS {
        count("addresses", texts(), |text| {
            let Some(bits) = string(read(Facet::Address, text)) else { return false };
            let theirs: IpAddr = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let same = match theirs {
                IpAddr::V4(address) => format!("4:{:032b}", u32::from(address)),
                IpAddr::V6(address) => {
                    assert_eq!(address.to_ipv4_mapped(), None, "{text:?}");
                    format!("6:{:0128b}", u128::from(address))
                }
            };
            assert_eq!(bits, same, "{text:?}");
            true
        });
    }
}

#[test]
fn an_email_address_is_what_mail_readers_say() {
    let good = ["a@acme.com", "First.Last+tag@mail.Acme.com", "a_b-c/d='x'#@xn--bcher-kva.example"];
    let texts = || {
        strings(&good, &tricks::EMAIL_TRICKS, |u| {
            let domain = u.choose(&tricks::DOMAINS)?;
            tricks::email(u, domain)
        })
    };
    for read in READERS {
        count("e-mail addresses", texts(), |text| {
            let Some(domain) = string(read(Facet::Domain, text)) else { return false };
            let theirs: email_address::EmailAddress = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!(theirs.domain().to_ascii_lowercase(), domain, "{text:?}");
            let message = format!("From: x@x.example\r\nTo: {text}\r\nSubject: x\r\n\r\nx\r\n");
            let message = mail_parser::MessageParser::default().parse(&message).expect("it is a message");
            let recipients: Vec<_> = message.to().expect("it has a recipient").iter().collect();
            let [only] = recipients.as_slice() else { panic!("{text:?} is {recipients:?}") };
            assert_eq!((only.name(), only.address()), (None, Some(text)), "{text:?}");
            // To a shell it is a word, and to a program neither an option nor a file, but for quotes that do not end.
            assert!(!text.starts_with(['-', '/', '=']) && !text.contains("=?"), "{text:?}");
            let word = shlex::split(&text.replace('\'', "_")).expect("it is a word");
            assert_eq!(word, [text.replace('\'', "_")], "{text:?}");
            assert!(!text.contains(['|', '&', '$', '`', '*', '?', '{', '~', '^', '!', '%']), "{text:?}");
            true
        });
    }
}

#[test]
fn a_path_is_what_it_is_when_it_is_resolved() {
    let good = ["/srv/share/a.txt", "/srv/share/", "/", "/srv/share-evil/x y"];
    let texts = || {
        strings(&good, &tricks::PATH_TRICKS, |u| {
            let directory = u.choose(&tricks::DIRECTORIES)?;
            tricks::path(u, directory)
        })
    };
    for read in READERS {
        count("paths", texts(), |text| {
            let Some(path) = string(read(Facet::Path, text)) else { return false };
            assert!(Utf8UnixPath::new(text).is_absolute() && Utf8UnixPath::new(text).is_valid(), "{text:?}");
            assert_eq!(Utf8UnixPath::new(text).normalize(), path, "{text:?}");
            assert_eq!(resolved(text), path, "{text:?}");
            true
        });
    }
}

#[test]
fn a_windows_path_is_what_it_is_when_it_is_resolved() {
    let good = ["C:\\Data\\a.txt", "c:/data/x", "D:\\", "c:\\Data-evil\\x y\\"];
    let texts = || {
        strings(&good, &tricks::PATH_TRICKS, |u| {
            let directory = u.choose(&["C:\\Data", "d:/", "c:/data/X"])?;
            tricks::path(u, directory)
        })
    };
    for read in READERS {
        count("Windows paths", texts(), |text| {
            let Some(path) = string(read(Facet::WindowsPath, text)) else { return false };
            let theirs = Utf8WindowsPath::new(text);
            assert!(theirs.is_absolute() && theirs.is_valid(), "{text:?}");
            let resolved = theirs.normalize().to_string().to_ascii_lowercase().replace('\\', "/");
            assert_eq!(resolved, path, "{text:?}");
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
            assert_eq!(decoded, text);
            true
        });
    }
}

#[test]
fn a_command_is_the_words_that_shells_split_it_into() {
    let good = [
        "git log --oneline",
        "ls  'a b' \"c d\" ''",
        "/usr/bin/git -c a=b",
        "npm",
        "git show HEAD~3 HEAD^ --format='%H %s'",
    ];
    let texts = || {
        strings(&good, &tricks::COMMAND_TRICKS, |u| {
            let program = u.choose(&tricks::PROGRAMS)?;
            tricks::command(u, program)
        })
    };
    for read in READERS {
        count("commands", texts(), |text| {
            let (program, arguments) = (string(read(Facet::Program, text)), read(Facet::Words, text));
            let (Some(program), Some(Value::List(arguments))) = (program, arguments) else {
                assert_eq!((read(Facet::Program, text), read(Facet::Words, text)), (None, None), "{text:?}");
                return false;
            };
            let arguments = arguments.into_iter().map(|argument| string(Some(argument)).expect("there is one"));
            let words: Vec<String> = std::iter::once(program).chain(arguments).collect();
            assert_eq!(shlex::split(text), Some(words.clone()), "{text:?}");
            assert_eq!(shell_words::split(text).ok(), Some(words), "{text:?}");
            // Outside of quotes there is nothing that a shell acts on.
            let mut quote = None;
            let mut before = ' ';
            for c in text.chars() {
                match quote {
                    None if c == '\'' || c == '"' => quote = Some(c),
                    None if "#~^=".contains(c) && " '\"".contains(before) => panic!("{text:?}"),
                    None if c == '~' && "=:".contains(before) => panic!("{text:?}"),
                    None => assert!(!"|&;<>()$`\\\n*?[]{}!".contains(c), "{text:?}"),
                    Some('"') if "$`\\!".contains(c) => panic!("{text:?}"),
                    Some(open) if open == c => quote = None,
                    Some(_) => {}
                }
                before = c;
            }
            true
        });
    }
}

/// A policy that allows `t` where `args.x` passes a test.
fn policy(test: &str) -> support::Both {
    let text = format!(r#"{{"perso": 1, "rules": [{{"id": "r", "allow": "t", "when": {{"args.x": {test}}}}}]}}"#);
    support::compile(&text)
}

/// What is allowed must be inside.
fn assert_inside(test: &str, texts: Vec<String>, is_inside: impl Fn(&str) -> bool) {
    let policy = policy(test);
    let (mut tried, mut allowed) = (0, 0);
    for text in texts {
        let call = serde_json::json!({ "tool": "t", "args": { "x": text } }).to_string();
        let by_module = policy.policy.decide_json(call.as_bytes()).is_allowed();
        let by_reference = policy.by_reference_json(call.as_bytes()).is_allowed();
        assert_eq!(by_module, by_reference, "{test} on {text:?}");
        tried += 1;
        if by_module {
            allowed += 1;
            assert!(is_inside(&text), "{test} allows {text:?}");
        }
    }
    println!("{test}: {tried} strings, {allowed} allowed");
    assert!(allowed > 20, "{test}: hardly any string is allowed");
}

#[test]
fn nothing_is_allowed_that_a_tool_places_outside() {
    let paths = |directory: &'static str| {
        let good = [&*format!("{directory}/a.txt"), directory].map(str::to_owned);
        let good: Vec<&str> = good.iter().map(String::as_str).collect();
        strings(&good, &tricks::PATH_TRICKS, move |u| tricks::path(u, directory))
    };
    assert_inside(r#"{"within": "/srv/share"}"#, paths("/srv/share"), |text| {
        Utf8UnixPath::new(&resolved(text)).starts_with("/srv/share")
            && Utf8UnixPath::new(text).normalize().starts_with("/srv/share")
    });
    assert_inside(r#"{"within": "C:\\Data"}"#, paths("C:\\Data"), |text| {
        let resolved = Utf8WindowsPath::new(text).normalize().to_string().to_ascii_lowercase();
        Utf8WindowsPath::new(&resolved).starts_with("c:\\data")
    });
    let host = |text: &str| url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    let acme = &["**.acme.com", "api.acme.com"];
    assert_inside(r#"{"url": {"host": ["acme.com", "**.acme.com"]}}"#, urls(acme), |text| {
        let url = url::Url::parse(text).expect("it is a URL");
        let host = url.host_str().expect("it has a host");
        (host == "acme.com" || host.ends_with(".acme.com"))
            && (url.scheme(), url.port_or_known_default()) == ("https", Some(443))
    });
    assert_inside(r#"{"url": {"scheme": ["http", "https"], "private": false}}"#, urls(&tricks::HOSTS), |text| {
        let url = url::Url::parse(text);
        url.is_ok_and(|url| !is_private(url.host().expect("it has a host")))
            || host(text).is_none() && text.to_ascii_lowercase().contains("xn--")
    });
    assert_inside(r#"{"url": {"host": "**", "path": {"within": "/v1"}}}"#, urls(&["api.acme.com"]), |text| {
        let url = url::Url::parse(text).expect("it is a URL");
        Utf8UnixPath::new(&resolved(url.path())).starts_with("/v1")
    });
    let emails = strings(&["a@acme.com"], &tricks::EMAIL_TRICKS, |u| tricks::email(u, "acme.com"));
    assert_inside(r#"{"email_domain": "acme.com"}"#, emails, |text| {
        text.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case("acme.com"))
            && text.matches('@').count() == 1
    });
    for network in tricks::NETWORKS {
        let inside: ipnet::IpNet =
            network.parse().or_else(|_| network.parse::<IpAddr>().map(ipnet::IpNet::from)).expect("it is a network");
        let good = inside.addr().to_string();
        let texts = strings(&[&good], &tricks::ADDRESS_TRICKS, |u| tricks::address(u, network));
        let test = serde_json::json!({ "cidr": network }).to_string();
        assert_inside(&test, texts, |text| text.parse::<IpAddr>().is_ok_and(|address| inside.contains(&address)));
    }
    let commands = strings(&["git log"], &tricks::COMMAND_TRICKS, |u| tricks::command(u, "git"));
    let test = r#"{"command": {"program": "git", "args": {"every": {"not": {"starts_with": "-"}}}}}"#;
    assert_inside(test, commands, |text| {
        let words = shlex::split(text).expect("they are words");
        words[0] == "git" && words[1..].iter().all(|word| !word.starts_with('-'))
    });
}

/// Every pattern of zero groups: the decoder writes a URL's host as the standard library writes the address.
#[test]
fn ipv6_hosts_have_the_form_of_rfc_5952() {
    let mut judged = 0;
    for other in [0x1_u16, 0x10, 0x123, 0xabcd] {
        let addresses: Vec<Ipv6Addr> = (0..=u8::MAX)
            .map(|zeros| {
                Ipv6Addr::from(std::array::from_fn::<u16, 8, _>(|at| if zeros >> at & 1 == 1 { 0 } else { other }))
            })
            // Addresses with an IPv4 address inside are refused: see the page on `url`.
            .filter(|address| address.segments()[..6].iter().any(|group| *group != 0))
            .filter(|address| address.segments()[..5].iter().any(|group| *group != 0))
            .collect();
        for hosts in addresses.chunks(1000) {
            let hosts: Vec<String> = hosts.iter().map(|address| format!("[{address}]")).collect();
            let policy = json!({ "perso": 1, "rules": [
                { "id": "r", "allow": "t", "when": { "args.u": { "url": { "host": hosts } } } }
            ] });
            let policy = Policy::compile(&policy.to_string()).unwrap_or_else(|error| panic!("{error}"));
            for address in &addresses {
                let long = address.segments().map(|group| format!("{group:04X}")).join(":");
                let call = json!({ "tool": "t", "args": { "u": format!("https://[{long}]/") } });
                assert!(policy.decide_value(&call).is_allowed(), "{address}");
                judged += 1;
            }
        }
    }
    println!("{judged} addresses");
    assert!(judged > 900);
}
