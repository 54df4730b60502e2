//! URLs: their schemes, hosts and ports.

use std::collections::BTreeSet;

use super::super::few::Few;
use super::super::json::{Members, list, member, object, texts};
use crate::policy::Facet;
use crate::reference::{Value, facet};

/// More hosts, or ports, are not listed.
const MOST: usize = 16;

#[derive(Debug, Clone)]
pub(in crate::learn) struct Urls {
    schemes: BTreeSet<String>,
    hosts: Few,
    ports: BTreeSet<u16>,
    /// Whether a host is special: an address inside, for example.
    is_private: bool,
    has_query: bool,
}

impl Urls {
    pub(super) fn new() -> Self {
        let (schemes, ports) = (BTreeSet::new(), BTreeSet::new());
        Self { schemes, hosts: Few::new(), ports, is_private: false, has_query: false }
    }

    pub(super) fn see(&mut self, text: &str) -> Option<()> {
        let Ok(Value::String(scheme)) = facet::read(Facet::Scheme, text) else { return None };
        let Ok(Value::String(host)) = facet::read(Facet::Host, text) else { return None };
        let Ok(Value::Number(port)) = facet::read(Facet::Port, text) else { return None };
        self.schemes.insert(scheme);
        self.hosts.add(&host);
        self.ports.insert(port.text.parse().ok()?);
        self.is_private |= facet::read(Facet::Private, text) == Ok(Value::Bool(true));
        self.has_query |= facet::read(Facet::Query, text) == Ok(Value::Bool(true));
        (self.ports.len() <= MOST).then_some(())
    }

    pub(super) fn append(&mut self, later: &Self) -> Option<()> {
        self.schemes.extend(later.schemes.iter().cloned());
        self.hosts.append(&later.hosts);
        self.ports.extend(&later.ports);
        self.is_private |= later.is_private;
        self.has_query |= later.has_query;
        (self.ports.len() <= MOST).then_some(())
    }

    pub(super) fn tests(&self) -> Option<Members> {
        let mut parts = Vec::new();
        if !self.schemes.iter().eq(["https"]) {
            parts.push(member("scheme", texts(&self.schemes)));
        }
        match self.hosts.up_to(MOST) {
            Some(hosts) => parts.push(member("host", texts(hosts))),
            None if !self.is_private => parts.push(member("private", "false")),
            None => return None,
        }
        let usual = |scheme: &String| match scheme.as_str() {
            "http" | "ws" => 80,
            "https" | "wss" => 443,
            _ => 21,
        };
        let usual: BTreeSet<u16> = self.schemes.iter().map(usual).collect();
        if !self.ports.is_subset(&usual) {
            parts.push(member("port", list(self.ports.iter().map(u16::to_string))));
        }
        if !self.has_query {
            parts.push(member("query", "false"));
        }
        Some(vec![member("url", object(&parts))])
    }
}
