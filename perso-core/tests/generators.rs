//! The generators make what they promise: valid policies, and calls that reach every kind of decision. What must hold
//! of the reference evaluator for any policy and call is tested on the way.

#![cfg(feature = "compile")]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a panic is a failed test")]

mod generate;

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use perso_core::check::check;
use perso_core::policy::{Policy, Root};
use perso_core::reference::{Call, Part, Step, Truth, Verdict, decide, explain, judge};
use perso_core::{CauseKind, Outcome};

#[track_caller]
fn valid_policy(u: &mut Unstructured<'_>) -> Result<(generate::Json, Policy)> {
    let document = generate::policy(u)?;
    let checked = check(&document.to_string());
    let policy = checked.policy.unwrap_or_else(|| panic!("{:?}\n{document}", checked.diagnostics));
    Ok((document, policy))
}

/// Always the same bytes for the same seed, so that shares do not differ from run to run.
fn noise(seed: u64) -> Vec<u8> {
    let mut next = generate::noise(seed);
    (0..512).flat_map(|_| next()).collect()
}

#[test]
fn calls_reach_every_kind_of_decision() -> Result<()> {
    const POLICIES: u64 = 1_000;
    const CALLS: usize = 8;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..POLICIES {
        let noise = noise(seed << 32);
        let mut u = Unstructured::new(&noise);
        let (document, policy) = valid_policy(&mut u)?;
        for _ in 0..CALLS {
            let call = generate::call(&mut u, &document)?;
            let Verdict { outcome, cause, problem, .. } = judge(&policy, call.as_bytes());
            *kinds.entry(format!("{outcome:?} {cause:?} {problem:?}")).or_default() += 1;
        }
    }
    let all: usize = kinds.values().sum();
    let share = |prefix: &str| {
        let count: usize = kinds.iter().filter(|(kind, _)| kind.starts_with(prefix)).map(|(_, count)| count).sum();
        count * 1000 / all
    };
    for (prefix, per_mille) in [
        ("Allow Rule", 50),
        ("Allow Default", 5),
        ("Ask Rule", 20),
        ("Ask Rule Some(Value)", 5),
        ("Ask Rule Some(Missing)", 1),
        ("Deny Rule", 50),
        ("Deny NoRule", 50),
        ("Deny UnknownTool", 5),
        ("Deny Malformed", 20),
        ("Deny NoRule Some(Value)", 20),
        ("Deny NoRule Some(Missing)", 10),
        ("Deny NoRule Some(Type)", 10),
        ("Deny NoRule Some(Null)", 5),
        ("Deny NoRule Some(OutOfRange)", 1),
    ] {
        assert!(share(prefix) >= per_mille, "{prefix}: {} of 1000 in {all}\n{kinds:#?}", share(prefix));
    }
    assert!(share("Deny Malformed") <= 150, "{kinds:#?}");
    Ok(())
}

/// A thousand copies of a list of a thousand copies were a thousand million values one list further in.
#[test]
fn calls_with_lists_in_lists_stay_small() -> Result<()> {
    let object = |key: &str, value: generate::Json| generate::Json::Object(vec![(key.to_owned(), value)]);
    let asked = object("every", object("some", object(".p", object("has", generate::Json::Bool(true)))));
    let rule = generate::Json::Object(vec![
        ("id".to_owned(), generate::Json::string("r")),
        ("allow".to_owned(), generate::Json::string("read")),
        ("when".to_owned(), object("args.items", asked)),
    ]);
    let policy = object("rules", generate::Json::List(vec![rule]));
    let mut most = 0;
    for seed in 0..20_000 {
        let noise = noise(seed << 24);
        let call = generate::call(&mut Unstructured::new(&noise), &policy)?;
        assert!(call.len() <= 1 << 18, "{} bytes from seed {seed}", call.len());
        most = most.max(call.len());
    }
    assert!(most > 1 << 12, "no list has a thousand elements: {most}");
    Ok(())
}

#[test]
fn every_operator_comes_out_true_false_and_unknown() -> Result<()> {
    const POLICIES: u64 = 8_000;
    const CALLS: usize = 6;
    let mut truths: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for seed in 0..POLICIES {
        let noise = noise(seed << 16);
        let mut u = Unstructured::new(&noise);
        let (document, policy) = valid_policy(&mut u)?;
        for _ in 0..CALLS {
            let call = generate::call(&mut u, &document)?;
            for rule in explain(&policy, call.as_bytes()).rules {
                rule.condition.iter().for_each(|condition| count(condition, &mut truths));
            }
        }
    }
    let facets = perso_core::policy::Facet::ALL.len();
    assert!(truths.len() >= 18 + facets, "{truths:#?}");
    for (test, counts) in &truths {
        // What is not there is not of any type, so these are never unknown.
        let needed = if matches!(test.as_str(), "exists" | "type" | "strings of") { &counts[..2] } else { counts };
        assert!(needed.iter().all(|count| *count >= 10), "{test}: {counts:?}\n{truths:#?}");
    }
    Ok(())
}

/// How often each operator, and tests of each facet, are true, false and unknown.
fn count(step: &Step, truths: &mut BTreeMap<String, [usize; 3]>) {
    match step {
        Step::All { parts, .. } | Step::Any { parts, .. } => parts.iter().for_each(|part| count(part, truths)),
        Step::Not { part, .. } => count(part, truths),
        Step::Test(test) => {
            let facets = test.attribute.strip_prefix("an element of ").unwrap_or(&test.attribute);
            let facet = facets.split_once(" of ").map(|(facet, _)| format!("{facet} of"));
            for name in std::iter::once(test.operator.to_owned()).chain(facet) {
                let at = match test.truth {
                    Truth::True => 0,
                    Truth::False => 1,
                    Truth::Unknown | Truth::Open => 2,
                };
                truths.entry(name).or_default()[at] += 1;
            }
            test.elements.iter().for_each(|element| count(&element.asked, truths));
        }
    }
}

#[test]
fn open_denies_and_withheld_allows_are_final() {
    arbtest(|u| {
        let (document, policy) = valid_policy(u)?;
        for _ in 0..8 {
            let text = generate::call(u, &document)?;
            let Ok(call) = Call::read(text.as_bytes()) else { continue };
            let decided = decide(&policy, &call);
            let (mut open, mut withheld) = (call.clone(), call);
            for root in Root::PARTS {
                if u.arbitrary()? {
                    open = open.with(root, Part::Open);
                    withheld = withheld.with(root, Part::Withheld);
                }
            }
            let (open, withheld) = (decide(&policy, &open), decide(&policy, &withheld));
            let rank = |outcome| [Outcome::Deny, Outcome::Ask, Outcome::Allow].iter().position(|one| *one == outcome);
            assert!(rank(open.outcome) >= rank(decided.outcome), "{document}\n{text}");
            // A key that is doubtful in the part makes the call malformed, which withholding the part hides.
            let is_final = rank(withheld.outcome) <= rank(decided.outcome) || decided.cause == CauseKind::Malformed;
            assert!(is_final, "{document}\n{text}");
        }
        Ok(())
    })
    .size_min(1 << 12)
    .size_max(1 << 13)
    .budget_ms(1_000);
}

#[test]
fn a_trace_ends_in_the_decision_and_is_safe_to_show() {
    arbtest(|u| {
        let (document, policy) = valid_policy(u)?;
        for _ in 0..4 {
            let text = generate::call(u, &document)?;
            let (decided, told) = (judge(&policy, text.as_bytes()), explain(&policy, text.as_bytes()));
            let id = |rule: Option<usize>| rule.map(|rule| policy.rules[rule].id.clone());
            let expected = (decided.outcome, id(decided.rule), decided.cause, id(decided.nearest));
            let conclusion = told.conclusion.clone();
            assert_eq!((conclusion.outcome, conclusion.rule, conclusion.kind, conclusion.nearest), expected);
            let shown = told.to_string();
            assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        }
        Ok(())
    })
    .size_min(1 << 12)
    .size_max(1 << 13)
    .budget_ms(500);
}
