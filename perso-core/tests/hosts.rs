//! What hosts in other languages know of a module by heart is what this crate says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use perso_core::policy::Facet;
use perso_core::{CauseKind, Expected, Hint, Outcome, Problem};
use perso_decode::Code;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const KINDS: [CauseKind; 8] = [
    CauseKind::Rule,
    CauseKind::Default,
    CauseKind::NoRule,
    CauseKind::UnknownTool,
    CauseKind::Malformed,
    CauseKind::Limit,
    CauseKind::Engine,
    CauseKind::Ledger,
];
const OUTCOMES: [Outcome; 3] = [Outcome::Deny, Outcome::Allow, Outcome::Ask];
const PROBLEMS: [Problem; 6] =
    [Problem::Missing, Problem::Null, Problem::Type, Problem::OutOfRange, Problem::Value, Problem::Withheld];

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn names(values: impl IntoIterator<Item = impl Serialize>) -> Vec<String> {
    values.into_iter().map(|value| serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()).collect()
}

/// The details by their number; nothing where there is none.
fn details() -> Vec<Option<&'static str>> {
    let most = Code::ALL.iter().map(|code| *code as usize).max().unwrap();
    let detail = |number| Code::ALL.iter().find(|code| **code as usize == number).map(|code| code.message());
    (0..=most).map(detail).collect()
}

/// What stands between two marks.
#[track_caller]
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("there is no `{from}`"));
    rest.split_once(to).unwrap_or_else(|| panic!("there is no `{to}` behind `{from}`")).0
}

/// The strings of a list or a union of them in JavaScript.
fn strings(list: &str) -> Vec<String> {
    list.split(['|', ',']).map(|item| item.trim().trim_matches('\'').to_owned()).collect()
}

#[test]
fn the_names_are_those_of_the_record() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Names {
        kinds: Vec<String>,
        problems: Vec<Option<String>>,
        details: Vec<Option<String>>,
        decisions: Vec<String>,
        hints: BTreeMap<String, String>,
        types: Vec<(u8, String)>,
        facets: BTreeMap<String, String>,
    }
    let told: Names = serde_json::from_str(&read("perso-core/examples/hosts/names.json")).unwrap();
    assert_eq!(told.kinds, names(KINDS));
    let problems: Vec<Option<String>> = [None].into_iter().chain(names(PROBLEMS).into_iter().map(Some)).collect();
    assert_eq!(told.problems, problems);
    assert_eq!(told.decisions, names(OUTCOMES));
    // Hints composed of these words are this crate's.
    let hint = |attribute: &str, problem, expected: u8| {
        Hint::new(attribute, problem, Expected::from_bits(expected)).unwrap().to_string()
    };
    for (problem, words) in
        [(Problem::Missing, "missing"), (Problem::Null, "null"), (Problem::OutOfRange, "out_of_range")]
    {
        assert_eq!(hint("args.a", problem, 0), format!("args.a{}", told.hints[words]));
    }
    assert_eq!(hint("limit of args.a", Problem::Missing, 0), format!("args.a{}", told.hints["limit missing"]));
    let withheld = hint("program of a command of args.a", Problem::Withheld, 0);
    assert_eq!(withheld, format!("args.a{}", told.hints["a command withheld"]));
    assert_eq!(told.hints.len(), 5);
    for (bits, name) in &told.types {
        assert_eq!(hint("args.a", Problem::Type, *bits), format!("args.a must be {name}"));
    }
    assert_eq!(told.types.iter().fold(0, |all, (bits, _)| all | bits), 0b1_1111);
    let facets: Vec<&str> = Facet::ALL.iter().map(|(_, name)| *name).collect();
    assert!(facets.iter().all(|facet| told.facets.contains_key(*facet)) && told.facets.len() == facets.len());
    for (facet, what) in &told.facets {
        let number = Expected::NUMBER.bits();
        assert_eq!(hint(&format!("{facet} of args.a"), Problem::Type, number), format!("args.a must be {what}"));
    }
    let told: Vec<Option<&str>> = told.details.iter().map(Option::as_deref).collect();
    assert_eq!(told, details());
}

#[test]
fn the_kit_is_small_and_knows_the_same() {
    let kit = read("perso-node/host/perso.mjs");
    assert!(kit.len() < 27 << 8, "{} bytes", kit.len());
    assert_eq!(strings(between(&kit, "const KINDS = [", "]")), names(KINDS));
    let problems = strings(between(&kit, "const PROBLEMS = [", "]"));
    assert_eq!(problems[0], "");
    assert_eq!(problems[1..], names(PROBLEMS));
    let told: Vec<&str> = between(&kit, "const DETAILS = `", "`.split('\\n')").split('\n').collect();
    let details: Vec<&str> = details().into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(told, details);
    for name in Facet::ALL.iter().map(|(facet, _)| facet.name()) {
        let is_known = ["'", "\t"].iter().any(|before| kit.contains(&format!("{before}{name}:")))
            || kit.contains(&format!("'{name}'"));
        assert!(is_known, "the kit does not know the facet `{name}`");
    }
}

#[test]
fn the_types_of_the_kit_know_the_same() {
    let types = read("perso-node/host/perso.d.mts");
    assert_eq!(strings(between(&types, "export type Kind = ", ";")), names(KINDS));
    assert_eq!(strings(between(&types, "export type Problem = ", ";")), names(PROBLEMS));
}
