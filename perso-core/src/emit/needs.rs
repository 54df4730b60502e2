//! Which functions of the prelude a policy needs, of those that can be left out.

use crate::plan::{Places, Plan};
use perso_decode::layout::{facet, flag, op};
use std::collections::BTreeSet;

/// The functions that can be left out: those of `perso-core/decode` that have a name of their own on wasm32.
pub(super) const OPTIONAL: [&str; 18] = [
    "address",
    "cased",
    "contains",
    "count",
    "domain",
    "elements",
    "facets",
    "length",
    "matches",
    "pairs",
    "path",
    "program",
    "scope",
    "settle_kept",
    "tests",
    "url",
    "windows_path",
    "words",
];

/// Those that a policy needs.
pub(super) fn of(plan: &Plan) -> BTreeSet<&'static str> {
    let mut needed = BTreeSet::new();
    for view in &plan.views {
        add(&view.places, &mut needed);
    }
    needed
}

fn add(places: &Places, needed: &mut BTreeSet<&'static str>) {
    let mut need = |name, if_so| {
        if if_so {
            needed.insert(name);
        }
    };
    need("pairs", !places.pairs.is_empty());
    need("contains", places.pairs.iter().any(|pair| pair.op == op::CONTAINS));
    for place in &places.places {
        // Keys that differ from ASCII ones by case are told by their characters, others by the blocks of those.
        need("cased", place.keys.iter().any(|(key, _)| !key.is_ascii()));
        need("settle_kept", place.flags & flag::KEEP != 0);
        need("tests", !place.tests.is_empty() || !place.automata.is_empty());
        need("contains", place.tests.iter().any(|test| test.op == op::CONTAINS));
        need("matches", !place.automata.is_empty());
        need("elements", place.element.is_some());
        for (kind, _) in &place.facets {
            need("facets", true);
            let name = match *kind {
                facet::LENGTH => "length",
                facet::COUNT => "count",
                facet::SCHEME..=facet::PRIVATE | facet::QUERY => "url",
                facet::DOMAIN => "domain",
                facet::PATH => "path",
                facet::WINDOWS_PATH => "windows_path",
                facet::ADDRESS => "address",
                facet::WORDS => "words",
                facet::SCOPE => "scope",
                _ => "program",
            };
            need(name, true);
        }
    }
    for element in places.places.iter().filter_map(|place| place.element.as_deref()) {
        add(element, needed);
    }
}
