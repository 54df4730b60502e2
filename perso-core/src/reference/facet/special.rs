//! Hosts that are special: not of the public internet, or names that lead out of it. Names are not resolved.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::url::Host;

pub(super) fn is_special(host: &Host) -> bool {
    match host {
        Host::Name(name) => is_special_name(name),
        Host::V4(address) => is_special_v4(*address),
        Host::V6(address) => is_special_v6(*address),
    }
}

/// Special-use names, and the domain of the internet's own infrastructure.
const REGISTERED: [&str; 8] = ["alt", "arpa", "example", "invalid", "local", "localhost", "onion", "test"];

/// Top-level domains of private networks: `internal` is reserved for them, the others are in wide use.
const PRIVATE: [&str; 8] = ["corp", "home", "internal", "intranet", "lan", "localdomain", "mail", "private"];

/// Clusters, service discovery and virtual networks.
const CLUSTERS: [&str; 10] =
    ["consul", "default", "docker", "flycast", "mesos", "oraclevcn.com", "pod", "svc", "thisdcos.directory", "ts.net"];

/// Metadata and internal names of clouds.
const CLOUDS: [&str; 5] = [
    "internal.cloudapp.net",
    "metadata.goog",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "metadata.tencentyun.com",
];

/// Services whose names carry the address that they lead to.
const CARRIERS: [&str; 10] = [
    "1u.ms",
    "local-ip.co",
    "local-ip.sh",
    "nip.io",
    "plex.direct",
    "rbndr.us",
    "sslip.io",
    "traefik.me",
    "xip.io",
    "xip.name",
];

/// Public names that lead to the machine itself.
const LOOPBACK: [&str; 16] = [
    "127-0-0-1.org.uk",
    "colasloth.com",
    "ddev.site",
    "docksal.site",
    "fuf.me",
    "lacolhost.com",
    "lcl.host",
    "lndo.site",
    "local.gd",
    "localdev.me",
    "localho.st",
    "localhost.direct",
    "localhost.localstack.cloud",
    "localtest.me",
    "lvh.me",
    "vcap.me",
];

/// Names that routers answer for.
const ROUTERS: [&str; 5] = ["asusrouter.com", "fritz.box", "routerlogin.com", "routerlogin.net", "tplinkwifi.net"];

/// Whether a name, which is in lower case, or one that it is below, is special.
fn is_special_name(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let is_top = |label: &str| {
        label.starts_with("xn--") || (label.len() >= 2 && label.chars().all(|letter| letter.is_ascii_lowercase()))
    };
    let lists = [&REGISTERED[..], &PRIVATE, &CLUSTERS, &CLOUDS, &CARRIERS, &LOOPBACK, &ROUTERS];
    let known = lists.concat();
    labels.len() == 1
        || !labels.last().is_some_and(|last| is_top(last))
        || (1..=labels.len()).any(|count| {
            let end: Vec<&str> = labels.iter().skip(labels.len() - count).copied().collect();
            known.contains(&end.join(".").as_str())
        })
}

/// IANA's registry of special-purpose addresses, multicast, and the address of Azure's host in every virtual network.
const V4: [(&str, u32); 19] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("168.63.129.16", 32),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.31.196.0", 24),
    ("192.52.193.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("192.175.48.0", 24),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
];

fn is_special_v4(address: Ipv4Addr) -> bool {
    V4.iter().any(|(network, length)| {
        let network: Option<Ipv4Addr> = network.parse().ok();
        network.is_some_and(|network| (address.to_bits() ^ network.to_bits()).leading_zeros() >= *length)
    })
}

/// The same registry, as far as it is within the global unicast addresses.
const V6: [(&str, u32); 5] =
    [("2001::", 23), ("2001:db8::", 32), ("2002::", 16), ("2620:4f:8000::", 48), ("3fff::", 20)];

fn is_special_v6(address: Ipv6Addr) -> bool {
    let is_in = |network: &str, length: u32| {
        let network: Option<Ipv6Addr> = network.parse().ok();
        network.is_some_and(|network| (address.to_bits() ^ network.to_bits()).leading_zeros() >= length)
    };
    // `0:5efe` before an IPv4 address: ISATAP. Two bits of it say of what kind the address is.
    let marker = address.to_bits() >> 32 & 0xfcff_ffff;
    !is_in("2000::", 3) || V6.iter().any(|(network, length)| is_in(network, *length)) || marker == 0x5efe
}

#[cfg(test)]
mod tests {
    use super::is_special;
    use crate::reference::facet::url;

    fn host(host: &str) -> bool {
        let url = format!("http://{host}/");
        is_special(&url::read(&url).unwrap_or_else(|why| panic!("{host}: {why}")).host)
    }

    #[test]
    fn special_hosts() {
        for name in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "intranet",
            "metadata.google.internal",
            "printer.local",
            "a.intranet",
            "nas.lan",
            "x.home",
            "x.corp",
            "x.private",
            "router.home.arpa",
            "localhost.localdomain",
            "0.0.0.0",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[fec0::1]",
            "[100::1]",
            "[64:ff9b:2::1]",
            "[5f00::1]",
            "[2001:db8::1]",
            "[3fff:fff::1]",
            "[2001:1::1]",
            "[2001:1ff::1]",
            "a",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "coredns.kube-system",
            "1-2-3-4.default.pod",
            "vault.service.consul",
            "leader.mesos",
            "web.docker",
            "app.flycast",
            "x.onion",
            "x.invalid",
            "x.test",
            "x.example",
            "x.alt",
            "www.arpa",
            "1.0.0.127.in-addr.arpa",
            "resolver.arpa",
            "metadata.goog",
            "x.metadata.goog",
            "METADATA.tencentyun.com",
            "metadata.platformequinix.com",
            "vm.internal.cloudapp.net",
            "a.b.oraclevcn.com",
            "127.0.0.1.nip.io",
            "7f000001.nip.io",
            "10-0-0-1.sslip.io",
            "nip.io",
            "LocalTest.Me",
            "x.y.localtest.me",
            "lvh.me",
            "localhost.localstack.cloud",
            "192-168-1-2.0123456789abcdef.plex.direct",
            "laptop.tail1234.ts.net",
            "fritz.box",
            "acme.c",
            "acme.co2",
            "acme.my-corp",
            "acme._tcp",
            "x.mail",
            "168.63.129.16",
            "192.31.196.1",
            "192.52.193.1",
            "192.175.48.1",
            "192.0.0.9",
            "192.0.0.171",
            "[2001:4:112::1]",
            "[2001:3::1]",
            "[2001:20::1]",
            "[2001:30::1]",
            "[2620:4f:8000::1]",
            "[5f00::1]",
            "[64:ff9b:2::1]",
            "[2a00:1450::5efe:7f00:1]",
            "[2a00:1450::200:5efe:7f00:1]",
            "[2a00:1450::300:5efe:8.8.8.8]",
            "[4000::1]",
        ] {
            assert!(host(name), "{name}");
        }
        for name in [
            "acme.com",
            "localhost.acme.com",
            "local.org",
            "mylocalhost.org",
            "xn--local.org",
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.0",
            "223.255.255.255",
            "[2606:4700::1111]",
            "[2001:200::1]",
            "[2001:4860:4860::8888]",
            "[2003::1]",
            "[3fff:1000::1]",
            "[2001:db9::1]",
            "example.com",
            "www.example.org",
            "example.net",
            "my-localhost.com",
            "notlocaltest.me",
            "xlvh.me",
            "nip.io.acme.com",
            "localtest.me.acme.com",
            "onion.acme.com",
            "metadata.google.com",
            "svc.acme.com",
            "xn--bcher-kva.xn--p1ai",
            "acme.XN--P1AI",
            "a_b.acme.com",
            "tencentyun.com",
            "localstack.cloud",
            "168.63.129.15",
            "168.63.129.17",
            "192.31.195.1",
            "192.52.192.1",
            "192.175.47.1",
            "[2620:4f:8001::1]",
            "[2a00:1450::400:5efe:7f00:1]",
            "[2a00:1450::5eff:7f00:1]",
            "[2a00:1450:0:0:5efe::1]",
            "[2001:4860::5efe]",
        ] {
            assert!(!host(name), "{name}");
        }
    }
}
