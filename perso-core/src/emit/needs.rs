//! Which functions of the prelude a policy needs, of those that can be left out.

use crate::plan::{Pair, Places, Plan};
use perso_decode::layout::{facet, flag, op};
use std::collections::BTreeSet;

/// The functions that can be left out: those of `perso-core/decode` that have a name of their own on wasm32.
pub(super) const OPTIONAL: [&str; 32] = [
    "address",
    "age",
    "any_path",
    "cased",
    "clock",
    "contains",
    "count",
    "derive",
    "domain",
    "elements",
    "facets",
    "folded",
    "inside",
    "instant",
    "later_facet",
    "length",
    "matches",
    "open_time",
    "pairs",
    "path",
    "program",
    "scope",
    "segment",
    "settle_kept",
    "shell",
    "sql",
    "strings",
    "sum",
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
        if view.places.has_time() {
            needed.insert("open_time");
        }
    }
    needed
}

fn add(places: &Places, needed: &mut BTreeSet<&'static str>) {
    let mut need = |name, if_so| {
        if if_so {
            needed.insert(name);
        }
    };
    for pair in &places.pairs {
        need("pairs", true);
        need("settle_kept", true);
        match pair {
            Pair::Text { op, .. } => need("contains", *op == op::CONTAINS),
            Pair::Inside { .. } => need("inside", true),
            Pair::Age { .. } => need("age", true),
            Pair::Sum { .. } => need("sum", true),
        }
        need("derive", !matches!(pair, Pair::Text { .. }));
    }
    for place in &places.places {
        // Keys that differ from ASCII ones by case are told by their characters, others by the blocks of those.
        need("cased", place.keys.iter().any(|(key, _)| !key.is_ascii()));
        need("settle_kept", place.flags & flag::KEEP != 0);
        need("tests", !place.tests.is_empty() || !place.automata.is_empty());
        need("contains", place.tests.iter().any(|test| test.op == op::CONTAINS));
        need("matches", !place.automata.is_empty());
        need("elements", place.element.is_some());
        for (kind, ..) in &place.facets {
            need("facets", true);
            need("later_facet", *kind >= facet::INSTANT);
            let name = match *kind & ((1 << facet::BITS) - 1) {
                facet::LENGTH => "length",
                facet::COUNT => "count",
                facet::SCHEME..=facet::PRIVATE | facet::QUERY => "url",
                facet::DOMAIN => "domain",
                facet::PATH => "path",
                facet::WINDOWS_PATH => "windows_path",
                facet::ADDRESS => "address",
                facet::WORDS => "words",
                facet::SCOPE => "scope",
                facet::INSTANT => "instant",
                facet::WEEKDAY..=facet::DATE => {
                    need("instant", true);
                    "clock"
                }
                facet::FOLDED => "folded",
                facet::SEGMENT => "segment",
                facet::ANY_PATH => {
                    need("path", true);
                    "any_path"
                }
                facet::STRINGS => "strings",
                // What is read off a command is read with the line, and likewise of a statement.
                facet::SHELL | facet::COMMAND_PROGRAM..=facet::COMMAND_READS => "shell",
                facet::SQL | facet::SQL_STATEMENT..=facet::SQL_LIMIT => "sql",
                _ => "program",
            };
            need(name, true);
        }
    }
    for element in places.places.iter().filter_map(|place| place.element.as_deref()) {
        add(element, needed);
    }
}
