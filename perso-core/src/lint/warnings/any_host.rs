//! A URL of which only scheme, port or path are tested: any host passes.

use std::collections::HashSet;

use super::super::grants::granting;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Attribute, Facet, Policy, Step};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in &policy.rules {
        let tests = granting(rule);
        let facets = || {
            tests.iter().filter_map(|test| {
                let attribute = policy.attributes.get(test.attribute)?;
                match attribute.steps.split_last() {
                    Some((Step::Facet(facet), url)) => Some((*test, attribute.root, url, *facet)),
                    _ => None,
                }
            })
        };
        let mut warned = HashSet::new();
        for (test, root, url, facet) in facets() {
            let has_host = || {
                facets().any(|(_, other, steps, facet)| {
                    (other, steps) == (root, url) && matches!(facet, Facet::Host | Facet::Private)
                })
            };
            if facet == Facet::Scheme && !has_host() && warned.insert((root, url)) {
                let name = Attribute { root, steps: url.to_vec() };
                let message = format!("any host, path and query of {} pass", quoted(&name.to_string()));
                let help = "list the hosts under `host`, or write `\"private\": false`";
                diagnostics.push(Diagnostic::new(Code::AnyHost, test.span, message).help(help));
            }
        }
    }
}
