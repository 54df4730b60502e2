//! `cidr`: the string is an IP address, in one notation only, of one of some networks.

use super::super::scope::{Scope, any_of};
use super::{Operator, Use, address, refuse_on_name};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Facet, Operand, Value, network};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "cidr", takes_roles: false, meaning }];

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let networks = scope.texts(used.name, "a network", used.operand)?;
    let subject = used.subject.facet(Facet::Address);
    let mut tests = Vec::with_capacity(networks.len());
    for network in &networks {
        match prefix(network.value) {
            Ok(prefix) => {
                let operand = Operand::Literal(Value::String(prefix));
                tests.push(scope.test(&subject, policy::Operator::StartsWith(operand), used.span));
            }
            Err((why, help)) => {
                let message = format!("{} is not a valid network: {why}", quoted(network.value));
                scope.error(Code::Operand, network.span, message, help);
            }
        }
    }
    (tests.len() == networks.len()).then(|| any_of(tests))
}

/// What the facet of each address of a network begins with, or why a text is none, and what to write.
fn prefix(text: &str) -> Result<String, (String, Option<String>)> {
    let plain = |why: &str| (why.to_owned(), None);
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address = address::read(address).map_err(|why| (why, None))?;
    let bits = network::bits(address);
    let length = match length {
        None => bits.len(),
        Some(length) if length.len() > 1 && length.starts_with('0') => {
            return Err(plain("the prefix length has a leading zero"));
        }
        Some(length) => length
            .bytes()
            .all(|digit| digit.is_ascii_digit())
            .then(|| length.parse().ok())
            .flatten()
            .filter(|length| *length <= bits.len())
            .ok_or_else(|| (format!("the prefix length must be a number from 0 to {}", bits.len()), None))?,
    };
    let (prefix, host) = bits.split_at(length);
    let version = if address.is_ipv4() { '4' } else { '6' };
    if host.contains('1') {
        let help = format!("did you mean `{}/{length}`?", network::first_address(prefix, address.is_ipv4()));
        return Err((format!("bits after the first {length} are set"), Some(help)));
    }
    Ok(format!("{version}:{prefix}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::in_cidr_notation;

    #[test]
    fn networks_are_prefixes() {
        for (text, expected) in [
            ("10.0.0.0/8", "4:00001010"),
            ("0.0.0.0/0", "4:"),
            ("192.168.1.128/25", "4:1100000010101000000000011"),
            ("::/0", "6:"),
            ("2000::/3", "6:001"),
        ] {
            assert_eq!(prefix(text).as_deref(), Ok(expected));
            assert_eq!(in_cidr_notation(expected), text);
        }
        assert_eq!(prefix("::1").unwrap(), format!("6:{}1", "0".repeat(127)));
        assert_eq!(prefix("::1"), prefix("::1/128"));
        assert_eq!(in_cidr_notation(&prefix("127.0.0.1").unwrap()), "127.0.0.1");
        assert_eq!(in_cidr_notation(&prefix("2606:4700::1111/128").unwrap()), "2606:4700::1111");
    }

    #[test]
    fn other_texts_are_no_networks() {
        for text in [
            "",
            "/",
            "10",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "010.0.0.0/8",
            "0x0a.0.0.0/8",
            "10.0.0.1/8",
            " 10.0.0.0/8",
            "10.0.0.0 /8",
            "10.0.0.0/8/8",
            "[::1]",
            "::1%eth0",
            "::1/129",
            "::ffff:10.0.0.0/104",
            "::ffff:0:0/96",
            "::10.0.0.1",
            "2002::/16",
            "64:ff9b::/96",
            "2001::/32",
            "localhost",
            "10.0.0.0/99999999999999999999",
        ] {
            assert!(prefix(text).is_err(), "{text:?}");
        }
        let help = |text| prefix(text).unwrap_err().1.unwrap();
        assert_eq!(help("10.1.2.3/8"), "did you mean `10.0.0.0/8`?");
        assert_eq!(help("2001:4860::1/32"), "did you mean `2001:4860::/32`?");
        assert!(help("1.2.3.4/0").contains("0.0.0.0/0"));
    }
}
