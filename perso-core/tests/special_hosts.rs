//! `"private": false` lets no host pass that IANA has registered as special, and the page on `url` names every other one.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use perso_decode::facet::special;
use support::Both;

/// IANA's IPv4 and IPv6 Special-Purpose Address Registries, with multicast, which has a registry of its own.
const ADDRESSES: &str = "
    0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
    192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24
    192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4
    240.0.0.0/4 255.255.255.255/32
    ::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128
    2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28
    2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 ff00::/8";

/// IANA's registry of Special-Use Domain Names, and its Locally-Served DNS Zones, without the three that are public.
const NAMES: &str = "
    alt 6tisch.arpa eap-noob.arpa eap.arpa home.arpa 10.in-addr.arpa 254.169.in-addr.arpa 16.172.in-addr.arpa
    17.172.in-addr.arpa 18.172.in-addr.arpa 19.172.in-addr.arpa 20.172.in-addr.arpa 21.172.in-addr.arpa
    22.172.in-addr.arpa 23.172.in-addr.arpa 24.172.in-addr.arpa 25.172.in-addr.arpa 26.172.in-addr.arpa
    27.172.in-addr.arpa 28.172.in-addr.arpa 29.172.in-addr.arpa 30.172.in-addr.arpa 31.172.in-addr.arpa
    170.0.0.192.in-addr.arpa 171.0.0.192.in-addr.arpa 168.192.in-addr.arpa 8.e.f.ip6.arpa 9.e.f.ip6.arpa a.e.f.ip6.arpa
    b.e.f.ip6.arpa ipv4only.arpa resolver.arpa service.arpa example invalid local localhost onion test
    0.in-addr.arpa 127.in-addr.arpa 2.0.192.in-addr.arpa 100.51.198.in-addr.arpa 113.0.203.in-addr.arpa
    255.255.255.255.in-addr.arpa 64.100.in-addr.arpa 127.100.in-addr.arpa d.f.ip6.arpa 8.b.d.0.1.0.0.2.ip6.arpa";

fn policy() -> Both {
    support::compile(
        r#"{"perso": 1, "rules": [
            {"id": "r", "allow": "t", "when": {"args.u": {"url": {"scheme": ["http", "https"], "private": false}}}}]}"#,
    )
}

fn is_public(policy: &Both, host: &str) -> bool {
    let call = serde_json::json!({ "tool": "t", "args": { "u": format!("http://{host}/") } }).to_string();
    let by_module = policy.policy.decide_json(call.as_bytes()).is_allowed();
    assert_eq!(by_module, policy.by_reference_json(call.as_bytes()).is_allowed(), "{host}");
    by_module
}

#[test]
fn no_registered_address_is_public() {
    let policy = policy();
    let mut tried = 0;
    for block in ADDRESSES.split_whitespace() {
        let net: ipnet::IpNet = block.parse().unwrap();
        let host = |address: IpAddr| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        // The ends, and a hundred addresses between them.
        let within = |part: u128| match (net.network(), net.broadcast()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (first, last) = (u128::from(first.to_bits()), u128::from(last.to_bits()));
                IpAddr::V4((u32::try_from(first + (last - first) / 101 * part).unwrap()).into())
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                IpAddr::V6((first.to_bits() + (last.to_bits() - first.to_bits()) / 101 * part).into())
            }
            _ => panic!("{block}"),
        };
        for address in (0..=101).map(within).chain([net.broadcast()]) {
            tried += 1;
            assert!(!is_public(&policy, &host(address)), "{address} of {block}");
        }
    }
    println!("{tried} addresses");
    for public in ["1.1.1.1", "8.8.8.8", "[2606:4700::1111]", "[2a00:1450:4001::200e]", "[2001:4860:4860::8888]"] {
        assert!(is_public(&policy, public), "{public}");
    }
}

#[test]
fn no_registered_name_is_public() {
    let policy = policy();
    for name in NAMES.split_whitespace() {
        for host in [name.to_owned(), format!("a.{name}"), format!("A-b.c.{}", name.to_uppercase())] {
            assert!(!is_public(&policy, &host), "{host}");
        }
    }
    for public in ["example.com", "www.example.net", "example.org", "acme.com", "test.acme.com", "arpa.acme.com"] {
        assert!(is_public(&policy, public), "{public}");
    }
}

/// The names that the decoder knows.
fn known() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = special::TABLE.as_slice();
    while let Some((length, behind)) = rest.split_first() {
        let (name, behind) = behind.split_at(usize::from(*length));
        assert!(names.insert(String::from_utf8(name.to_vec()).unwrap()), "{name:?} is there twice");
        rest = behind;
    }
    names
}

#[test]
fn the_page_names_every_special_name() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operators/url.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## Special hosts\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let spans: BTreeSet<&str> = section.split('`').skip(1).step_by(2).collect();
    let policy = policy();
    for name in known() {
        assert!(spans.contains(name.as_str()), "the page does not name {name}");
        for host in [name.clone(), format!("a.{name}"), format!("A.B.{}", name.to_uppercase())] {
            assert!(!is_public(&policy, &host), "{host}");
        }
        // Only whole labels count, and only at the end.
        if name.contains('.') {
            assert!(is_public(&policy, &format!("not{name}")), "not{name}");
        }
        assert!(is_public(&policy, &format!("{name}.acme.com")), "{name}.acme.com");
    }
}
