//! An IP address, in one notation only.

use std::net::{Ipv4Addr, Ipv6Addr};

/// `4:` or `6:` and the bits of the address.
pub(super) fn read(text: &str) -> Result<String, &'static str> {
    if let Some(address) = v4(text) {
        return Ok(format!("4:{:032b}", address.to_bits()));
    }
    Ok(format!("6:{:0128b}", v6(text)?.to_bits()))
}

/// Four decimal numbers without leading zeros.
pub(super) fn v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let [a, b, c, d] = parts.as_slice() else { return None };
    Some(Ipv4Addr::new(octet(a)?, octet(b)?, octet(c)?, octet(d)?))
}

fn octet(text: &str) -> Option<u8> {
    let only_digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if only_digits && !leading_zero { text.parse().ok() } else { None }
}

/// Any notation of an IPv6 address that has no zone, but of none that stands for an IPv4 address.
pub(super) fn v6(text: &str) -> Result<Ipv6Addr, &'static str> {
    let address: Ipv6Addr = text.parse().map_err(|_| "not a plain IP address")?;
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Ok(address),
        [0, 0, 0, 0, 0, 0, _, _] => Err("an IPv4-compatible IPv6 address"),
        [0, 0, 0, 0, 0, 0xffff, _, _] => Err("an IPv4-mapped IPv6 address"),
        [0x2002, ..] => Err("a 6to4 address"),
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 1, ..] => Err("a NAT64 address"),
        [0x2001, 0, ..] => Err("a Teredo address"),
        _ => Ok(address),
    }
}

/// The address or the network whose addresses begin so, as an author writes it.
pub(super) fn network(value: &str) -> String {
    let (version, bits) = value.split_once(':').unwrap_or_default();
    let first = |width: usize| u128::from_str_radix(&format!("{bits:0<width$}"), 2).unwrap_or_default();
    let (address, width) = match version {
        "4" => (Ipv4Addr::from_bits(u32::try_from(first(32)).unwrap_or_default()).to_string(), 32),
        _ => (Ipv6Addr::from_bits(first(128)).to_string(), 128),
    };
    if bits.len() == width { address } else { format!("{address}/{}", bits.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_value() {
        let zeros = |count| "0".repeat(count);
        for (text, value) in [
            ("0.0.0.0", format!("4:{}", zeros(32))),
            ("10.0.0.1", format!("4:00001010{}1", zeros(23))),
            ("255.255.255.255", format!("4:{}", "1".repeat(32))),
            ("::", format!("6:{}", zeros(128))),
            ("::1", format!("6:{}1", zeros(127))),
            ("0:0:0:0:0:0:0:1", format!("6:{}1", zeros(127))),
            ("2000::", format!("6:001{}", zeros(125))),
            ("2001:DB8::0.0.0.1", format!("6:00100000000000010000110110111000{}1", zeros(95))),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
        assert_eq!(read("FE80::1"), read("fe80:0::0001"));
    }

    #[test]
    fn other_notations_are_refused() {
        for text in [
            "",
            " ",
            "10.0.0",
            "10.1",
            "167772161",
            "0x0a000001",
            "0xa.0.0.1",
            "010.0.0.1",
            "10.0.0.01",
            "10.0.0.256",
            "10.0.0.1.",
            ".10.0.0.1",
            "10..0.1",
            "10.0.0.1 ",
            " 10.0.0.1",
            "10.0.0.1\n",
            "10.0.0.1\0",
            "10.0.0.1/32",
            "10.0.0.1:80",
            "+10.0.0.1",
            "1e1.0.0.1",
            "１０.0.0.1",
            "10。0.0.1",
            "1.2.3.4.5",
            "[::1]",
            "::1%lo",
            "::1%25lo",
            "fe80::1/64",
            ":::",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "12345::",
            "g::",
            "::ffff:10.0.0.1",
            "::ffff:a00:1",
            "::FFFF:0:0",
            "::10.0.0.1",
            "::2",
            "2002:a00:1::",
            "2002::",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "64:ff9b:1:2::10.0.0.1",
            "2001::1",
            "2001:0:4136::",
            "localhost",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(read("64:ff9b:2::1").is_ok() && read("2001:1::1").is_ok() && read("2003::1").is_ok());
    }

    #[test]
    fn a_value_is_shown_as_it_is_written() {
        for text in ["10.0.0.1", "::1", "2001:db8::1"] {
            assert_eq!(network(&read(text).unwrap()), text);
        }
        assert_eq!(network("4:00001010"), "10.0.0.0/8");
        assert_eq!(network("6:001"), "2000::/3");
        assert_eq!(network("4:"), "0.0.0.0/0");
    }
}
