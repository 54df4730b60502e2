//! `url`: the string is a URL, written in one way only, whose parts are as they should be.

use std::net::IpAddr;

use super::super::scope::{Scope, Subject, all_of};
use super::name::{self, Names};
use super::{Operator, Use, address, members, operators, refuse_on_name, scalar};
use crate::diagnostic::{Code, Diagnostic, quoted};
use crate::policy::Decimal;
use crate::policy::{self, Condition, Facet, Operand, Value};
use crate::span::Span;
use crate::syntax::did_you_mean;
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Member, Node};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "url", takes_roles: false, meaning }];

const KEYS: [&str; 6] = ["scheme", "host", "port", "path", "private", "query"];

/// What a path can be tested with.
const PATH_OPERATORS: [&str; 11] =
    ["eq", "ne", "in", "not_in", "starts_with", "ends_with", "contains", "glob", "matches", "length", "within"];

/// The schemes of the URLs that are read, and their ports.
const SCHEMES: [(&str, u16); 5] = [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];

/// The most ports in a list.
const MAX_PORTS: usize = 1024;

const HOSTS: Names = Names { what: "host", max: 253, underscore: true, exact: host };

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let members = members(scope, used, "an object", r#"{"url": {"host": ["api.acme.com"]}}"#)?;
    let mut broken = false;
    for (at, Member { key, .. }) in members.iter().enumerate() {
        // A definition can bring a key that is there already.
        if let Some(first) = members.iter().take(at).find(|first| first.key.value == key.value) {
            let message = format!("duplicate key {} in `url`", quoted(&key.value));
            let error = Diagnostic::new(Code::Duplicate, key.span, message).label(first.key.span, "first used here");
            scope.diagnostics.push(error.help("write one of them, or test the URL twice with `all`"));
            broken = true;
        }
        if !KEYS.contains(&key.value.as_ref()) {
            let help = did_you_mean(&key.value, KEYS);
            let help = help.unwrap_or_else(|| format!("expected one of {}", crate::syntax::document::listed(&KEYS)));
            scope.error(Code::UnknownKey, key.span, format!("unknown key {}", quoted(&key.value)), Some(help));
            broken = true;
        }
    }
    let find = |name: &str| members.iter().find(|member| member.key.value == name);
    if !broken && ["scheme", "host", "private"].into_iter().all(|name| find(name).is_none()) {
        let message = "`url` without `scheme`, `host` or `private` matches any host";
        scope.error(Code::Empty, used.operand.span, message, Some("list the hosts under `host`".to_owned()));
        return None;
    }
    let part = |facet: Facet| used.subject.facet(facet);
    // Broken parts do not keep the others from being looked at.
    let (schemes, scheme) = scheme(scope, &part(Facet::Scheme), find("scheme"), used.span).unzip();
    let mut parts = vec![scheme];
    parts.extend(find("host").map(|member| {
        let hosts = scope.texts("host", "a host pattern", &member.value)?;
        name::like(scope, &HOSTS, &part(Facet::Host), &hosts)
    }));
    parts.push(port(scope, &part(Facet::Port), find("port"), schemes.as_deref(), used.span));
    parts.extend(find("path").map(|member| path(scope, &part(Facet::UrlPath), &member.value)));
    for (key, facet, help) in [
        ("private", Facet::Private, "it refuses special hosts, such as loopback, private and metadata addresses"),
        ("query", Facet::Query, "it refuses URLs with a query or a fragment"),
    ] {
        parts.extend(find(key).map(|member| none(scope, &part(facet), member, help)));
    }
    let parts: Option<Vec<Condition>> = parts.into_iter().collect();
    parts.filter(|_| !broken).map(all_of)
}

/// The schemes that are named, or else `https`, with the test for them.
fn scheme(
    scope: &mut Scope<'_>,
    subject: &Subject,
    member: Option<&Member<'_>>,
    span: Span,
) -> Option<(Vec<(&'static str, u16)>, Condition)> {
    let schemes = match member {
        Some(member) => schemes(scope, &member.value)?,
        None => vec![("https", 443)],
    };
    let names = schemes.iter().map(|(name, _)| Value::String((*name).to_owned())).collect();
    let test = scope.test(subject, one_of(names, member)?, member.map_or(span, |member| member.key.span));
    Some((schemes, test))
}

/// One of some values. Those that nobody has written are presumed: another value is unknown, so that it does not free a
/// call from a deny rule.
fn one_of(values: Vec<Value>, member: Option<&Member<'_>>) -> Option<policy::Operator> {
    match member {
        Some(_) => name::one_of(values),
        None => Some(policy::Operator::Presumed(values)),
    }
}

fn schemes(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Vec<(&'static str, u16)>> {
    let texts = scope.texts("scheme", "a scheme", node)?;
    let mut schemes = Vec::with_capacity(texts.len());
    for text in &texts {
        match SCHEMES.into_iter().find(|(name, _)| text.value.eq_ignore_ascii_case(name)) {
            Some(scheme) if schemes.contains(&scheme) => {}
            Some(scheme) => schemes.push(scheme),
            None => {
                let message = format!("unsupported scheme {}", quoted(text.value));
                let help = "expected `http`, `https`, `ws`, `wss` or `ftp`".to_owned();
                scope.error(Code::Operand, text.span, message, Some(help));
                return None;
            }
        }
    }
    Some(schemes)
}

/// The ports that are named, or else those of the schemes.
fn port(
    scope: &mut Scope<'_>,
    subject: &Subject,
    member: Option<&Member<'_>>,
    schemes: Option<&[(&'static str, u16)]>,
    span: Span,
) -> Option<Condition> {
    let mut numbers: Vec<u16> = Vec::new();
    match member {
        None => numbers.extend(schemes?.iter().map(|(_, port)| *port)),
        Some(Member { value, .. }) => {
            let nodes = match &value.kind {
                Kind::List(nodes) => nodes.as_slice(),
                _ => std::slice::from_ref(value),
            };
            if nodes.is_empty() {
                scope.error(Code::Empty, value.span, "`port` is an empty list", None);
                return None;
            }
            if nodes.len() > MAX_PORTS {
                let message = format!("the list has {} ports; at most {MAX_PORTS} are allowed", nodes.len());
                scope.error(Code::Limit, first_of(value), message, None);
                return None;
            }
            for node in nodes {
                let Some(number) = port_number(node) else {
                    let message = "a port must be a whole number from 1 to 65535";
                    scope.error(Code::Operand, first_of(node), message, None);
                    return None;
                };
                numbers.push(number);
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    let values = numbers.iter().filter_map(|port| Decimal::parse(&port.to_string())).map(Value::Number).collect();
    Some(scope.test(subject, one_of(values, member)?, member.map_or(span, |member| member.key.span)))
}

fn port_number(node: &Node<'_>) -> Option<u16> {
    let Kind::Number(text) = &node.kind else { return None };
    Decimal::parse(text)?.to_string().parse().ok().filter(|port| *port > 0)
}

fn path(scope: &mut Scope<'_>, subject: &Subject, node: &Node<'_>) -> Option<Condition> {
    match &node.kind {
        Kind::Object(members) => operators(scope, subject, node, members, Some(&PATH_OPERATORS)),
        Kind::String(_) => scalar(scope, subject, node),
        _ => {
            let message = format!("`path` expects a string or tests of a string, found {}", node.describe());
            let help = "for example, `{\"path\": {\"starts_with\": \"/v1/\"}}`".to_owned();
            scope.error(Code::Operand, first_of(node), message, Some(help));
            None
        }
    }
}

/// A part that can only be asked not to be.
fn none(scope: &mut Scope<'_>, subject: &Subject, Member { key, value }: &Member<'_>, help: &str) -> Option<Condition> {
    if !matches!(value.kind, Kind::Bool(false)) {
        let (message, help) = (format!("`{}` must be `false`", key.value), format!("{help}; omit it otherwise"));
        scope.error(Code::Operand, first_of(value), message, Some(help));
        return None;
    }
    Some(scope.test(subject, policy::Operator::Eq(Operand::Literal(Value::Bool(false))), key.span))
}

/// The canonical form of a host without wildcards.
fn host(names: &Names, text: &str) -> Result<String, name::Refusal> {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return match address::read(inner) {
            Ok(IpAddr::V6(address)) => Ok(format!("[{address}]")),
            Ok(IpAddr::V4(address)) => {
                Err(("an IPv4 address cannot be in brackets".to_owned(), Some(format!("write `{address}`"))))
            }
            Err(why) => Err((why, None)),
        };
    }
    match address::read(text) {
        Ok(IpAddr::V4(address)) => return Ok(address.to_string()),
        Ok(IpAddr::V6(address)) => {
            return Err(("an IPv6 address must be in brackets".to_owned(), Some(format!("write `[{address}]`"))));
        }
        Err(_) => {}
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let help = (!host.is_empty()).then(|| format!("write only the host: `{host}`"));
        return Err(("it is a URL".to_owned(), help));
    }
    if let Some((_, port)) = text.split_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(("it contains a port".to_owned(), Some("list ports under `port`".to_owned())));
    }
    names.name(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_form() {
        for (written, canonical) in [
            ("API.acme.com", "api.acme.com"),
            ("localhost", "localhost"),
            ("a_b.xn--bcher-kva.example", "a_b.xn--bcher-kva.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host(&HOSTS, written), Ok(canonical.to_owned()));
        }
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a.com",
            "a-.com",
            "bücher.de",
            "a b",
            "a/b",
            "user@a.com",
            "a.com:443",
            "https://a.com/x",
            "::1",
            "[10.0.0.1]",
            "[::ffff:1.2.3.4]",
            "1.2.3",
            "127.1",
            "0x7f.1",
            "a.0x1",
            "a.1",
            "2130706433",
            "01.2.3.4",
            "a%2eb",
            "a\\b",
            "[::1%25eth0]",
            "[::1",
        ] {
            assert!(host(&HOSTS, text).is_err(), "{text:?}");
        }
    }
}
