//! The language page, case by case, on policies built by hand.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod lists;

use arbitrary::Unstructured;
use arbtest::arbtest;

use perso_core::policy::{
    Attribute, AttributeId, Condition, Decimal, Effect, Facet, Operand, Operator, Places, Policy, Role, Root, Rule,
    Step, Test, ToolPattern, Type, Value as Literal,
};
use perso_core::reference::*;
use perso_core::span::Span;
use perso_core::{CauseKind, Problem};

// The attributes of every policy here.
const A: AttributeId = 0;
const B: AttributeId = 1;
const LENGTH: AttributeId = 2;
const DEEP: AttributeId = 3;
const OWNER: AttributeId = 4;
const TOOL: AttributeId = 5;
const COUNT: AttributeId = 6;

fn attributes() -> Vec<Attribute> {
    let attribute = |root, keys: &[&str], facet: Option<Facet>| Attribute {
        root,
        steps: keys.iter().map(|key| Step::Key((*key).to_owned())).chain(facet.map(Step::Facet)).collect(),
    };
    vec![
        attribute(Root::Args, &["a"], None),
        attribute(Root::Agent, &["b"], None),
        attribute(Root::Args, &["a"], Some(Facet::Length)),
        attribute(Root::Args, &["a", "x"], None),
        attribute(Root::Resource, &["owner"], None),
        attribute(Root::Tool, &[], None),
        attribute(Root::Args, &["a"], Some(Facet::Count)),
    ]
}

fn policy(rules: Vec<Rule>) -> Policy {
    let role = |name: &str, closure| Role { name: name.to_owned(), closure };
    Policy {
        description: None,
        default: Effect::Deny,
        roles: vec![role("clerk", vec![0]), role("manager", vec![0, 1]), role("auditor", vec![2])],
        tools: None,
        covers: Default::default(),
        rules,
        obligations: Vec::new(),
        attributes: attributes(),
        sums: Vec::new(),
        places: Places::default(),
    }
}

fn rule(id: &str, effect: Effect, condition: Condition) -> Rule {
    Rule {
        id: id.to_owned(),
        effect,
        tools: vec![ToolPattern { text: "t".to_owned(), span: Span::default() }],
        roles: None,
        condition,
        reason: None,
        span: Span::default(),
    }
}

fn allow(id: &str, condition: Condition) -> Rule {
    rule(id, Effect::Allow, condition)
}

fn deny(id: &str, condition: Condition) -> Rule {
    rule(id, Effect::Deny, condition)
}

fn for_roles(mut rule: Rule, roles: &[usize]) -> Rule {
    rule.roles = Some(roles.to_vec());
    rule
}

fn always() -> Condition {
    Condition::All(Vec::new())
}

fn test(attribute: AttributeId, operator: Operator) -> Condition {
    Condition::Test(Test { attribute, operator, span: Span::default() })
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn number(text: &str) -> Literal {
    Literal::Number(Decimal::parse(text).unwrap())
}

fn string(text: &str) -> Literal {
    Literal::String(text.to_owned())
}

fn eq(literal: Literal) -> Operator {
    Operator::Eq(Operand::Literal(literal))
}

fn lte(text: &str) -> Operator {
    Operator::Lte(Operand::Literal(number(text)))
}

fn call(json: &str) -> Call {
    Call::read(json.as_bytes()).unwrap()
}

/// A call of `t` whose `args.a` is this JSON; missing where it is empty.
fn with_a(json: &str) -> Call {
    match json {
        "" => call(r#"{"tool": "t", "args": {}}"#),
        "open" => Call::new("t").with(Root::Args, Part::Open),
        "withheld" => Call::new("t").with(Root::Args, Part::Withheld),
        _ => call(&format!(r#"{{"tool": "t", "args": {{"a": {json}}}}}"#)),
    }
}

/// `T` and `F` of a condition, seen from outside: an allow rule applies if `T`, a deny rule applies unless `F`.
fn halves(condition: &Condition, call: &Call) -> (bool, bool) {
    let can_be_true = decide(&policy(vec![allow("r", condition.clone())]), call).is_allowed();
    let everything = allow("everything", always());
    let can_be_false = decide(&policy(vec![deny("r", condition.clone()), everything]), call).is_allowed();
    (can_be_true, can_be_false)
}

/// The problem that a rule names which needs the condition to be true, and one which needs it to be false.
fn problems(condition: &Condition, call: &Call) -> (Option<Problem>, Option<Problem>) {
    let needs_true = decide(&policy(vec![allow("r", condition.clone())]), call).problem;
    let needs_false = decide(&policy(vec![deny("r", condition.clone())]), call).problem;
    (needs_true, needs_false)
}

#[track_caller]
fn assert_truth(operator: Operator, cases: &[(&str, &str)]) {
    let condition = test(A, operator);
    for (a, expected) in cases {
        let truth = match halves(&condition, &with_a(a)) {
            (true, true) => "open",
            (true, false) => "true",
            (false, true) => "false",
            (false, false) => "unknown",
        };
        assert_eq!(truth, *expected, "args.a is {a:?}");
        let opposite = match *expected {
            "true" => (false, true),
            "false" => (true, false),
            "open" => (true, true),
            _ => (false, false),
        };
        assert_eq!(halves(&not(condition.clone()), &with_a(a)), opposite, "not, args.a is {a:?}");
    }
}

#[test]
fn eq_is_unknown_where_types_differ() {
    assert_truth(
        eq(number("500")),
        &[
            ("500", "true"),
            ("500.0", "true"),
            ("5e2", "true"),
            ("500.00000000000000000001", "false"),
            ("-500", "false"),
            ("\"500\"", "unknown"),
            ("true", "unknown"),
            ("null", "unknown"),
            ("", "unknown"),
            ("[500]", "unknown"),
            ("{}", "unknown"),
            ("1e400000", "unknown"),
            ("open", "open"),
            ("withheld", "unknown"),
        ],
    );
    assert_truth(eq(Literal::Bool(true)), &[("true", "true"), ("false", "false"), ("1", "unknown"), ("", "unknown")]);
    assert_truth(
        eq(string("é")),
        &[(r#""é""#, "true"), (r#""\u00e9""#, "true"), (r#""e\u0301""#, "false"), (r#""É""#, "false")],
    );
}

#[test]
fn in_takes_the_types_of_its_list() {
    let values = vec![number("1"), string("a")];
    assert_truth(
        Operator::In(values),
        &[
            ("1.0", "true"),
            ("\"a\"", "true"),
            ("2", "false"),
            ("\"1\"", "false"),
            ("true", "unknown"),
            ("null", "unknown"),
            ("", "unknown"),
            ("[1]", "unknown"),
            ("1e9999", "unknown"),
            ("open", "open"),
            ("withheld", "unknown"),
        ],
    );
}

#[test]
fn order_takes_numbers_only() {
    let cases = [("\"5\"", "unknown"), ("true", "unknown"), ("null", "unknown"), ("", "unknown"), ("[]", "unknown")];
    let ends = [("1e9999", "unknown"), ("open", "open"), ("withheld", "unknown")];
    let operand = || Operand::Literal(number("5"));
    for (operator, below, same, above) in [
        (Operator::Lt(operand()), "true", "false", "false"),
        (Operator::Lte(operand()), "true", "true", "false"),
        (Operator::Gt(operand()), "false", "false", "true"),
        (Operator::Gte(operand()), "false", "true", "true"),
    ] {
        assert_truth(operator.clone(), &[("4.999", below), ("5.0", same), ("50", above), ("-6", below)]);
        assert_truth(operator.clone(), &cases);
        assert_truth(operator, &ends);
    }
}

#[test]
fn text_takes_strings_only() {
    let operand = || Operand::Literal(string("ab"));
    for (operator, at_start, at_end, within) in [
        (Operator::StartsWith(operand()), "true", "false", "false"),
        (Operator::EndsWith(operand()), "false", "true", "false"),
        (Operator::Contains(operand()), "true", "true", "true"),
    ] {
        assert_truth(
            operator,
            &[
                ("\"abc\"", at_start),
                ("\"cab\"", at_end),
                ("\"cabc\"", within),
                ("\"ab\"", "true"),
                ("\"AB\"", "false"),
                ("\"a\"", "false"),
                ("\"\"", "false"),
                ("5", "unknown"),
                ("{\"ab\": 1}", "unknown"),
                ("null", "unknown"),
                ("", "unknown"),
                ("open", "open"),
                ("withheld", "unknown"),
            ],
        );
    }
    assert_truth(Operator::Contains(Operand::Literal(string(""))), &[("\"\"", "true"), ("1", "unknown")]);
}

#[test]
fn exists_and_type_are_never_unknown() {
    assert_truth(
        Operator::Exists,
        &[
            ("0", "true"),
            ("false", "true"),
            ("\"\"", "true"),
            ("[]", "true"),
            ("1e9999", "true"),
            ("null", "false"),
            ("", "false"),
            ("open", "open"),
            ("withheld", "unknown"),
        ],
    );
    assert_truth(
        Operator::Type(vec![Type::Number, Type::Null]),
        &[
            ("0", "true"),
            ("1e9999", "true"),
            ("null", "true"),
            ("\"0\"", "false"),
            ("{}", "false"),
            ("", "false"),
            ("open", "open"),
            ("withheld", "unknown"),
        ],
    );
}

#[test]
fn length_counts_code_points_and_count_elements() {
    let length = test(LENGTH, eq(number("2")));
    let count = test(COUNT, eq(number("2")));
    for (a, of_length, of_count) in [
        ("\"ab\"", (true, false), (false, false)),
        ("\"é😀\"", (true, false), (false, false)),
        ("\"a\"", (false, true), (false, false)),
        ("[1, 2]", (false, false), (true, false)),
        ("[]", (false, false), (false, true)),
        ("2", (false, false), (false, false)),
        ("{}", (false, false), (false, false)),
        ("null", (false, false), (false, false)),
        ("", (false, false), (false, false)),
        ("open", (true, true), (true, true)),
        ("withheld", (false, false), (false, false)),
    ] {
        assert_eq!(halves(&length, &with_a(a)), of_length, "length of {a}");
        assert_eq!(halves(&count, &with_a(a)), of_count, "count of {a}");
    }
    assert_eq!(problems(&length, &with_a("2")).0, Some(Problem::Type));
    assert_eq!(problems(&length, &with_a("null")).0, Some(Problem::Null));
    assert_eq!(problems(&length, &with_a("\"\"")).0, Some(Problem::Value));
    assert_eq!(problems(&count, &with_a("[]")).0, Some(Problem::Value));
}

#[test]
fn a_path_through_something_else_is_missing() {
    for a in ["1", "null", "[{\"x\": 1}]", "\"x\"", "", "{}"] {
        assert_eq!(problems(&test(DEEP, eq(number("1"))), &with_a(a)).0, Some(Problem::Missing), "{a}");
    }
    assert_eq!(halves(&test(DEEP, eq(number("1"))), &with_a("{\"x\": 1}")), (true, false));
    let nothing = call(r#"{"tool": "t", "args": null}"#);
    assert_eq!(problems(&test(A, Operator::Exists), &nothing).0, Some(Problem::Missing));
}

#[test]
fn all_and_any_keep_unknown() {
    // One test each: true, false, unknown, open.
    let yes = test(TOOL, eq(string("t")));
    let no = test(TOOL, eq(string("u")));
    let unknown = test(A, lte("5"));
    let open = test(OWNER, lte("5"));
    let call = Call::new("t").with(Root::Resource, Part::Open);
    let (t, f, u, o) = ((true, false), (false, true), (false, false), (true, true));
    let parts = [yes, no, unknown, open];
    for (part, truth) in parts.iter().zip([t, f, u, o]) {
        assert_eq!(halves(part, &call), truth);
    }
    for (a, b, all, any) in [
        (0, 0, t, t),
        (0, 1, f, t),
        (0, 2, u, t),
        (0, 3, o, t),
        (1, 1, f, f),
        (1, 2, f, u),
        (1, 3, f, o),
        (2, 2, u, u),
        // Open may turn out false under `all`, true under `any`, and can do nothing else beside unknown.
        (2, 3, f, t),
        (3, 3, o, o),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            let pair = || vec![parts[a].clone(), parts[b].clone()];
            assert_eq!(halves(&Condition::All(pair()), &call), all, "all {a} {b}");
            assert_eq!(halves(&Condition::Any(pair()), &call), any, "any {a} {b}");
        }
    }
    assert_eq!(halves(&always(), &call), t);
    assert_eq!(halves(&Condition::Any(Vec::new()), &call), f);
}

#[test]
fn references_need_two_readable_sides_of_one_type() {
    let owns = test(A, Operator::Eq(Operand::Ref(B)));
    let judged = |a: &str, b: &str| {
        let json = format!(r#"{{"tool": "t", "args": {{"a": {a}}}, "agent": {{"b": {b}}}}}"#);
        let verdict = decide(&policy(vec![allow("r", owns.clone())]), &call(&json));
        (verdict.is_allowed(), verdict.attribute, verdict.problem)
    };
    let blamed = |attribute: &str, problem| (false, Some(attribute.to_owned()), Some(problem));
    assert_eq!(judged("\"x\"", "\"x\""), (true, None, None));
    assert_eq!(judged("5e2", "500"), (true, None, None));
    assert_eq!(judged("false", "false"), (true, None, None));
    assert_eq!(judged("\"x\"", "\"y\""), blamed("args.a", Problem::Value));
    assert_eq!(judged("\"1\"", "1"), blamed("args.a", Problem::Type));
    assert_eq!(judged("null", "null"), blamed("args.a", Problem::Null));
    assert_eq!(judged("[]", "null"), blamed("args.a", Problem::Type));
    assert_eq!(judged("1e9999", "1"), blamed("args.a", Problem::OutOfRange));
    assert_eq!(judged("\"x\"", "null"), blamed("agent.b", Problem::Null));
    assert_eq!(judged("\"x\"", "{}"), blamed("agent.b", Problem::Type));

    let open_left = |b: Part| Call::new("t").with(Root::Args, Part::Open).with(Root::Agent, b);
    assert_eq!(halves(&owns, &open_left(Part::Known(Value::read(r#"{"b": 1}"#).unwrap()))), (true, true));
    assert_eq!(halves(&owns, &open_left(Part::Open)), (true, true));
    assert_eq!(halves(&owns, &open_left(Part::Absent)), (false, false));
    assert_eq!(halves(&owns, &open_left(Part::Withheld)), (false, false));
    let below = test(A, Operator::Lt(Operand::Ref(B)));
    assert_eq!(halves(&below, &open_left(Part::Known(Value::read(r#"{"b": "x"}"#).unwrap()))), (false, false));
}

#[test]
fn blame_names_what_is_wrong() {
    use Problem::{Missing, Null, OutOfRange, Type as Mistyped, Value as Unfit, Withheld};
    let bound = test(A, lte("500"));
    for (a, needs_true, needs_false) in [
        ("800", Some(Unfit), None),
        ("500", None, Some(Unfit)),
        ("", Some(Missing), Some(Missing)),
        ("null", Some(Null), Some(Null)),
        ("\"800\"", Some(Mistyped), Some(Mistyped)),
        ("1e9999", Some(OutOfRange), Some(OutOfRange)),
        ("withheld", Some(Withheld), Some(Withheld)),
    ] {
        assert_eq!(problems(&bound, &with_a(a)), (needs_true, needs_false), "lte, {a}");
    }
    for (a, needs_true, needs_false) in [
        ("1", None, Some(Unfit)),
        ("1e9999", None, Some(Unfit)),
        ("", Some(Missing), None),
        ("null", Some(Null), None),
        ("withheld", Some(Withheld), Some(Withheld)),
    ] {
        assert_eq!(problems(&test(A, Operator::Exists), &with_a(a)), (needs_true, needs_false), "exists, {a}");
    }
    for (a, needs_true, needs_false) in [
        ("\"x\"", None, Some(Unfit)),
        ("1", Some(Mistyped), None),
        ("1e9999", Some(OutOfRange), None),
        ("", Some(Missing), None),
        ("null", Some(Null), None),
        ("withheld", Some(Withheld), Some(Withheld)),
    ] {
        let is_string = test(A, Operator::Type(vec![Type::String]));
        assert_eq!(problems(&is_string, &with_a(a)), (needs_true, needs_false), "type, {a}");
    }
}

#[test]
fn blame_is_the_last_test_looked_at() {
    let a = || test(A, lte("500"));
    let b = || test(B, eq(Literal::Bool(true)));
    let owner = || test(OWNER, eq(string("me")));
    let blamed =
        |condition: Condition, json: &str| decide(&policy(vec![allow("r", condition)]), &call(json)).attribute.unwrap();
    let first = r#"{"tool": "t", "args": {"a": 800}, "agent": {"b": false}}"#;
    assert_eq!(blamed(Condition::All(vec![a(), b()]), first), "args.a");
    assert_eq!(blamed(Condition::Any(vec![a(), b()]), first), "agent.b");
    assert_eq!(blamed(not(Condition::All(vec![not(a()), not(b())])), first), "agent.b");
    assert_eq!(blamed(not(Condition::Any(vec![not(a()), not(b())])), first), "args.a");
    let second = r#"{"tool": "t", "args": {"a": 5}, "agent": {"b": false}}"#;
    assert_eq!(blamed(Condition::All(vec![a(), b(), owner()]), second), "agent.b");
    assert_eq!(blamed(Condition::All(vec![a(), Condition::Any(vec![b(), owner()])]), second), "resource.owner");
}

#[test]
fn roles_are_read_from_both_keys() {
    let needs_clerk = policy(vec![for_roles(allow("r", always()), &[0])]);
    let judged = |agent: &str| {
        let verdict = decide(&needs_clerk, &call(&format!(r#"{{"tool": "t", "agent": {agent}}}"#)));
        assert_eq!(verdict.attribute.is_some(), !verdict.is_allowed());
        assert!(verdict.attribute.as_ref().is_none_or(|attribute| attribute == "agent.roles"));
        (verdict.is_allowed(), verdict.problem)
    };
    for agent in [
        r#"{"roles": ["clerk"]}"#,
        r#"{"role": "clerk"}"#,
        r#"{"role": "manager"}"#,
        r#"{"role": "auditor", "roles": ["clerk"]}"#,
        r#"{"role": "clerk", "roles": null}"#,
        r#"{"role": null, "roles": ["x", "manager"]}"#,
    ] {
        assert_eq!(judged(agent), (true, None), "{agent}");
    }
    for (agent, problem) in [
        ("null", Problem::Missing),
        ("{}", Problem::Missing),
        (r#"{"roles": null}"#, Problem::Null),
        (r#"{"role": null, "roles": null}"#, Problem::Null),
        (r#"{"roles": []}"#, Problem::Value),
        (r#"{"roles": ["auditor", "Clerk"]}"#, Problem::Value),
        (r#"{"roles": "clerk"}"#, Problem::Type),
        (r#"{"role": ["clerk"]}"#, Problem::Type),
        (r#"{"role": 1, "roles": ["clerk"]}"#, Problem::Type),
        (r#"{"roles": ["clerk", null]}"#, Problem::Type),
    ] {
        assert_eq!(judged(agent), (false, Some(problem)), "{agent}");
    }
    let many = |last: &str| format!(r#"{{"roles": [{}{last}]}}"#, "\"clerk\",".repeat(1024));
    assert_eq!(judged(&many("\"clerk\"")), (false, Some(Problem::OutOfRange)));
    assert_eq!(judged(&many("1")), (false, Some(Problem::Type)));
}

#[test]
fn a_deny_rule_with_roles_spares_only_those_who_surely_lack_them() {
    let rules = policy(vec![for_roles(deny("r", test(A, Operator::Exists)), &[1]), allow("everything", always())]);
    let allowed = |json: &str| decide(&rules, &call(json)).is_allowed();
    assert!(allowed(r#"{"tool": "t", "args": {"a": 1}, "agent": {"roles": ["clerk"]}}"#));
    assert!(!allowed(r#"{"tool": "t", "args": {"a": 1}, "agent": {"roles": ["manager"]}}"#));
    assert!(!allowed(r#"{"tool": "t", "args": {"a": 1}}"#));
    assert!(allowed(r#"{"tool": "t"}"#));
}

#[test]
fn the_nearest_rule_is_the_first_whose_roles_the_caller_has() {
    let rules = policy(vec![
        for_roles(allow("managers", test(A, lte("500"))), &[1]),
        for_roles(allow("clerks", test(A, lte("100"))), &[0]),
        allow("everyone", test(A, lte("5"))),
    ]);
    let judged = |role: &str, a: &str| {
        let json = format!(r#"{{"tool": "t", "args": {{"a": {a}}}, "agent": {{"role": "{role}"}}}}"#);
        decide(&rules, &call(&json))
    };
    assert_eq!(judged("clerk", "200").nearest, Some(1));
    assert_eq!(judged("manager", "200").rule, Some(0));
    assert_eq!(judged("manager", "800").nearest, Some(0));
    assert_eq!(judged("auditor", "6").nearest, Some(2));
    let only_managers = policy(vec![for_roles(allow("managers", always()), &[1])]);
    let verdict = decide(&only_managers, &call(r#"{"tool": "t", "agent": {"role": "clerk"}}"#));
    assert_eq!((verdict.nearest, verdict.problem), (Some(0), Some(Problem::Value)));
    assert_eq!(verdict.attribute.as_deref(), Some("agent.roles"));
    let verdict = decide(&only_managers, &Call::new("another"));
    assert_eq!((verdict.cause, verdict.nearest, verdict.problem), (CauseKind::NoRule, None, None));
}

#[test]
fn deny_wins_and_the_default_comes_last() {
    let mut rules = policy(vec![allow("yes", always()), deny("no", test(A, Operator::Exists))]);
    assert_eq!(decide(&rules, &with_a("1")).rule, Some(1));
    assert_eq!(decide(&rules, &with_a("")).rule, Some(0));
    rules.default = Effect::Allow;
    assert_eq!(decide(&rules, &Call::new("another")).cause, CauseKind::Default);
    rules.tools = Some(vec!["t".to_owned()]);
    assert_eq!(decide(&rules, &Call::new("another")).cause, CauseKind::UnknownTool);
    let bare = decide(&policy(vec![deny("no", always())]), &Call::new("t"));
    assert_eq!((bare.cause, bare.attribute, bare.problem), (CauseKind::Rule, None, None));
}

#[test]
fn what_is_no_call_is_malformed() {
    let rules = policy(vec![allow("yes", always())]);
    for json in [
        "",
        "[]",
        "{}",
        r#"{"tool": 1}"#,
        r#"{"tool": "t", "args": []}"#,
        r#"{"tool": "t", "agent": "clerk"}"#,
        r#"{"tool": "t", "arguments": {}}"#,
        r#"{"tool": "t", "tool": "t"}"#,
        r#"{"tool": "t", "args": {}, "ar\u0067s": {}}"#,
        r#"{"tool": "t"} x"#,
        r#"{"tool": "t",}"#,
        r#"{"tool": "t" /* */}"#,
        "{\"tool\": \"t\u{1}\"}",
        "{\"tool\":\u{c}\"t\"}",
        "{\"tool\":\u{a0}\"t\"}",
        "\u{feff}{\"tool\": \"t\"}",
        r#"{"tool": "\ud800"}"#,
        r#"{"tool": "t", "args": {"a": 01}}"#,
        r#"{"tool": "t", "args": {"a": NaN}}"#,
        r#"{"tool": "t", "args": {"a": +1}}"#,
        r#"{"tool": "t", "args": {"a": .5}}"#,
        r#"{"tool": "t", "args": {"a": 5.}}"#,
        r#"{"tool": "t", "args": {"a": 0x5}}"#,
        r#"{"tool": "t", "args": {a: 5}}"#,
        r#"{'tool': "t"}"#,
    ] {
        assert_eq!(judge(&rules, json.as_bytes()).cause, CauseKind::Malformed, "{json}");
    }
    assert_eq!(judge(&rules, b"{\"tool\": \"\xff\"}").cause, CauseKind::Malformed);
    let deep = format!(r#"{{"tool": "t", "args": {{"a": {}{}}}}}"#, "[".repeat(1000), "]".repeat(1000));
    assert_eq!(judge(&rules, deep.as_bytes()).cause, CauseKind::Limit);
    let part = Call::new("t").with(Root::Args, Part::Known(Value::List(Vec::new())));
    assert_eq!(decide(&rules, &part).cause, CauseKind::Malformed);
}

#[test]
fn keys_that_readers_may_confuse_are_malformed_where_the_policy_reads() {
    let deep = policy(vec![allow("deep", test(DEEP, Operator::Exists))]);
    let kind = |args: &str| judge(&deep, format!(r#"{{"tool": "t", "args": {args}}}"#).as_bytes()).cause;
    for args in [
        r#"{"a": {"x": 1}, "a": {"x": 1}}"#,
        r#"{"a": {"x": 1}, "\u0061": {"x": 1}}"#,
        r#"{"a": {"x": 1}, "A": {"x": 1}}"#,
        r#"{"A": {"x": 1}}"#,
        r#"{"a": {"x": 1, "x": 1}}"#,
        r#"{"a": {"x": 1, "X": 1}}"#,
    ] {
        assert_eq!(kind(args), CauseKind::Malformed, "{args}");
    }
    for args in [
        r#"{"a": {"x": 1}, "b": {"x": 1, "x": 1}}"#,
        r#"{"a": {"x": {"x": 1, "X": 1, "x": 1}}}"#,
        r#"{"a": {"x": [{"x": 1, "x": 1}]}}"#,
        r#"{"a": {"x": 1, "y": 1, "Y": 1}}"#,
        r#"{"a": {"x": 1, "y": 1, "y": 1}}"#,
    ] {
        assert_eq!(kind(args), CauseKind::Rule, "{args}");
    }
    let roles = policy(vec![for_roles(allow("roles", always()), &[0])]);
    let json = br#"{"tool": "t", "args": {"a": 1, "a": 1}, "agent": {"role": "clerk", "Roles": []}}"#;
    assert_eq!(judge(&roles, json).cause, CauseKind::Malformed);
    let other = br#"{"tool": "t", "args": {"a": 1, "a": 1}, "agent": {"role": "clerk"}}"#;
    assert_eq!(judge(&roles, other).cause, CauseKind::Rule);
}

#[test]
fn a_call_from_rust_values_is_the_same() {
    let json = r#"{"tool": "t", "args": {"a": 1.5, "l": [null, true, "x"]}, "resource": null}"#;
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(Call::from_json(&value).unwrap(), call(json));
    let mut deep = serde_json::Value::Null;
    for _ in 0..600 {
        deep = serde_json::Value::Array(vec![deep]);
    }
    let too_deep = Call::from_json(&serde_json::json!({ "tool": "t", "args": { "a": deep } }));
    assert!(matches!(too_deep, Err(Unreadable::Limit(_))));
}

#[test]
fn a_trace_tells_every_test() {
    let condition = Condition::All(vec![
        test(A, Operator::Gt(Operand::Literal(number("0")))),
        test(A, lte("500")),
        not(test(OWNER, Operator::Eq(Operand::Ref(B)))),
        Condition::Any(vec![test(LENGTH, lte("3")), not(test(B, Operator::StartsWith(Operand::Literal(string("x")))))]),
    ]);
    let rules = policy(vec![
        for_roles(allow("refund", condition), &[0, 2]),
        deny("mfa", not(test(B, Operator::Exists))),
        Rule { tools: Vec::new(), ..allow("another", always()) },
    ]);
    let json = r#"{"tool": "t", "args": {"a": 800}, "agent": {"roles": ["manager", "\u001b[2J"], "b": 5}}"#;
    let told = explain(&rules, json.as_bytes());
    assert_eq!(
        told.to_string(),
        r#"call of "t"

allow `refund` does not apply: it is false
  true     roles `clerk` or `auditor`; agent.roles is ["manager", "\u001b[2J"]
  false    all of
  true       args.a gt 0; args.a is 800
  false      args.a lte 500; args.a is 800
  unknown    resource.owner ne agent.b; resource.owner is missing, agent.b is 5
  unknown    any of
  unknown      length of args.a lte 3; length of args.a is 800 (length of args.a has a type that the test does not accept)
  unknown      not
  unknown        agent.b starts_with "x"; agent.b is 5 (agent.b has a type that the test does not accept)

deny `mfa` does not apply: it is false
  false    agent.b exists false; agent.b is 5

1 other rule does not match this tool

deny: no rule applies; the nearest is `refund`; args.a does not have the required value"#
    );
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["decision"], "deny");
    assert_eq!(json["cause"]["rule"], "refund");
    assert_eq!(json["rules"][0]["condition"]["parts"][2]["problem"], "missing");
    assert_eq!(json["rules"][1]["condition"]["operand"], "false");
}

#[test]
fn a_trace_of_what_cannot_be_judged_says_why() {
    let rules = policy(vec![allow("yes", always())]);
    let told = explain(&rules, br#"{"tool": "t", "\u001b]": 1}"#).to_string();
    assert_eq!(told, "\ndeny: the call is malformed: a call has no key `\\u001b]`");
}

/// A random condition over the attributes of this file.
fn condition(u: &mut Unstructured<'_>, depth: u32) -> arbitrary::Result<Condition> {
    let parts = |u: &mut Unstructured<'_>| {
        (0..u.int_in_range(1..=3)?).map(|_| condition(u, depth - 1)).collect::<arbitrary::Result<Vec<_>>>()
    };
    let shape = if depth == 0 { 0 } else { u.int_in_range(0..=5)? };
    Ok(match shape {
        1 => Condition::All(parts(u)?),
        2 => Condition::Any(parts(u)?),
        3 => not(condition(u, depth - 1)?),
        _ => {
            let reference = Operand::Ref(*u.choose(&[A, B, DEEP, OWNER])?);
            let operator = match u.int_in_range(0..=10)? {
                0 => eq(number("5")),
                1 => eq(string("x")),
                2 => Operator::In(vec![number("5"), string("x"), Literal::Bool(true)]),
                3 => lte("5"),
                4 => Operator::StartsWith(Operand::Literal(string("x"))),
                5 => Operator::Exists,
                6 => Operator::Type(vec![Type::Number]),
                7 => Operator::Lt(reference),
                8 => Operator::Contains(reference),
                9 => Operator::Has(reference),
                _ => Operator::Eq(reference),
            };
            test(*u.choose(&[A, B, LENGTH, COUNT, DEEP, OWNER])?, operator)
        }
    })
}

fn value(u: &mut Unstructured<'_>) -> arbitrary::Result<Value> {
    let text = u.choose(&["null", "true", "4", "5", "6", "\"x\"", "\"xy\"", "[]", "{\"x\": 5}", "1e9999"])?;
    Ok(Value::read(text).unwrap())
}

fn part(u: &mut Unstructured<'_>) -> arbitrary::Result<Part> {
    let mut members = Vec::new();
    for key in ["a", "b", "owner"] {
        if u.ratio(4, 5)? {
            members.push((key.to_owned(), value(u)?));
        }
    }
    if u.ratio(4, 5)? {
        let roles = ["clerk", "manager", "auditor"].map(|role| Value::String(role.to_owned()));
        members.push(("roles".to_owned(), Value::List(vec![u.choose(&roles)?.clone()])));
    }
    Ok(if u.ratio(1, 10)? { Part::Absent } else { Part::Known(Value::Object(members)) })
}

/// Random rules, a random call, and the same call with some parts replaced.
fn with_and_without(u: &mut Unstructured<'_>, replacement: &Part) -> arbitrary::Result<(Policy, Call, Call)> {
    let mut rules = Vec::new();
    for index in 0..u.int_in_range(1..=4)? {
        let effect = *u.choose(&[Effect::Allow, Effect::Allow, Effect::Deny])?;
        let mut rule = rule(&format!("r{index}"), effect, condition(u, 3)?);
        if u.ratio(1, 4)? {
            rule.roles = Some(vec![u.int_in_range(0..=2)?]);
        }
        rules.push(rule);
    }
    let (mut known, mut replaced) = (Call::new("t"), Call::new("t"));
    for root in Root::PARTS {
        let part = part(u)?;
        known = known.with(root, part.clone());
        replaced = replaced.with(root, if u.arbitrary()? { part } else { replacement.clone() });
    }
    Ok((policy(rules), known, replaced))
}

#[test]
fn a_deny_with_parts_open_is_final() {
    arbtest(|u| {
        let (policy, known, open) = with_and_without(u, &Part::Open)?;
        assert!(
            decide(&policy, &open).is_allowed() || !decide(&policy, &known).is_allowed(),
            "{policy:?} {known:?} {open:?}"
        );
        Ok(())
    })
    .budget_ms(300);
}

#[test]
fn an_allow_with_parts_withheld_is_final() {
    arbtest(|u| {
        let (policy, known, withheld) = with_and_without(u, &Part::Withheld)?;
        let (known, withheld) = (decide(&policy, &known), decide(&policy, &withheld));
        assert!(known.is_allowed() || !withheld.is_allowed(), "{policy:?} {known:?}");
        Ok(())
    })
    .budget_ms(300);
}

#[test]
fn a_trace_agrees_with_the_decision() {
    arbtest(|u| {
        let replacement = u.choose(&[Part::Open, Part::Withheld, Part::Absent])?.clone();
        let (policy, _, call) = with_and_without(u, &replacement)?;
        let told = trace(&policy, &call);
        let decided = decide(&policy, &call);
        assert_eq!(told.conclusion.outcome, decided.outcome);
        let applying = told.rules.iter().find(|rule| rule.applies && rule.effect == Effect::Deny);
        let applying = applying.or_else(|| told.rules.iter().find(|rule| rule.applies));
        assert_eq!(applying.map(|rule| rule.id.as_str()), told.conclusion.rule.as_deref());
        Ok(())
    })
    .budget_ms(300);
}
