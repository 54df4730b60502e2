//! Lists and patterns, on policies as they are written.

use perso_core::check::check;
use perso_core::policy::Root;
use perso_core::reference::*;
use perso_core::{CauseKind, Problem};

/// The truth of a condition, what a rule that needs it true blames, and what one that needs it false blames.
fn judged(condition: &str, call: &Call) -> (&'static str, String, String) {
    let rules = |rules: &str| {
        let text = format!(r#"{{"perso": 1, "rules": [{rules}]}}"#);
        let checked = check(&text);
        checked.policy.unwrap_or_else(|| panic!("{text}\n{:?}", checked.diagnostics))
    };
    let needs_true = decide(&rules(&format!(r#"{{"id": "r", "allow": "t", "when": {condition}}}"#)), call);
    let needs_false = decide(
        &rules(&format!(r#"{{"id": "r", "deny": "t", "when": {condition}}}, {{"id": "all", "allow": "t"}}"#)),
        call,
    );
    let truth = match (needs_true.is_allowed(), needs_false.is_allowed()) {
        (true, true) => "open",
        (true, false) => "true",
        (false, true) => "false",
        (false, false) => "unknown",
    };
    let blame = |verdict: Verdict| {
        let problem = |problem: Problem| serde_json::to_value(problem).unwrap().as_str().unwrap().to_owned();
        let (attribute, problem) = (verdict.attribute, verdict.problem.map(problem));
        attribute.into_iter().chain(problem).collect::<Vec<_>>().join(" ")
    };
    (truth, blame(needs_true), blame(needs_false))
}

fn args(json: &str) -> Call {
    let agent = r#"{"id": "x", "teams": ["x", "y"], "n": 5, "limits": [1, 2]}"#;
    Call::read(format!(r#"{{"tool": "t", "args": {json}, "agent": {agent}}}"#).as_bytes()).unwrap()
}

/// Cases of one condition: the arguments, the truth, the blame of what needs it true and of what needs it false.
#[track_caller]
fn assert_judged(condition: &str, cases: &[(&str, &str, &str, &str)]) {
    for (json, truth, needs_true, needs_false) in cases {
        let expected = (*truth, (*needs_true).to_owned(), (*needs_false).to_owned());
        assert_eq!(judged(condition, &args(json)), expected, "{condition} {json}");
    }
}

fn long(element: &str, count: usize) -> String {
    format!("[{}]", vec![element; count].join(","))
}

#[test]
fn every_is_unknown_for_an_empty_list() {
    let of_a = |problem: &str| format!("args.a {problem}");
    assert_judged(
        r#"{"args.a": {"every": {"lte": 5}}}"#,
        &[
            (r#"{"a": [1, 5]}"#, "true", "", "args.a[] value"),
            (r#"{"a": [1, 6, 2]}"#, "false", "args.a[] value", ""),
            (r#"{"a": [1, "2"]}"#, "unknown", "args.a[] type", "args.a[] type"),
            (r#"{"a": ["1", 6]}"#, "false", "args.a[] type", ""),
            (r#"{"a": [null]}"#, "unknown", "args.a[] null", "args.a[] null"),
            (r#"{"a": [1e9999]}"#, "unknown", "args.a[] out_of_range", "args.a[] out_of_range"),
            (r#"{"a": [[1]]}"#, "unknown", "args.a[] type", "args.a[] type"),
            (r#"{"a": []}"#, "unknown", &of_a("value"), &of_a("value")),
            (r#"{"a": 1}"#, "unknown", &of_a("type"), &of_a("type")),
            (r#"{"a": "1"}"#, "unknown", &of_a("type"), &of_a("type")),
            (r#"{"a": {"0": 1}}"#, "unknown", &of_a("type"), &of_a("type")),
            (r#"{"a": null}"#, "unknown", &of_a("null"), &of_a("null")),
            ("{}", "unknown", &of_a("missing"), &of_a("missing")),
            (&format!(r#"{{"a": {}}}"#, long("1", 1024)), "true", "", "args.a[] value"),
            (&format!(r#"{{"a": {}}}"#, long("1", 1025)), "unknown", &of_a("out_of_range"), &of_a("out_of_range")),
        ],
    );
    assert_judged(
        r#"{"args.a": {"every": {"lte": 5}, "count": {"lte": 2}}}"#,
        &[
            (r#"{"a": []}"#, "true", "", "count of args.a value"),
            (r#"{"a": [1, 2]}"#, "true", "", "count of args.a value"),
            (r#"{"a": [1, 2, 3]}"#, "false", "count of args.a value", ""),
        ],
    );
}

#[test]
fn some_is_false_for_an_empty_list() {
    assert_judged(
        r#"{"args.a": {"some": "x"}}"#,
        &[
            (r#"{"a": ["y", "x"]}"#, "true", "", "args.a[] value"),
            (r#"{"a": [1, "x"]}"#, "true", "", "args.a[] type"),
            (r#"{"a": ["y", "z"]}"#, "false", "args.a[] value", ""),
            (r#"{"a": ["y", 1]}"#, "unknown", "args.a[] type", "args.a[] type"),
            (r#"{"a": []}"#, "false", "args.a value", ""),
            (r#"{"a": "x"}"#, "unknown", "args.a type", "args.a type"),
        ],
    );
}

#[test]
fn fields_of_elements_are_attributes() {
    assert_judged(
        r#"{"args.a": {"every": {".price": {"lte": {"ref": ".max"}}, ".of.owner": {"eq": {"ref": "agent.id"}}}}}"#,
        &[
            (r#"{"a": [{"price": 1, "max": 2, "of": {"owner": "x"}}]}"#, "true", "", "args.a[].of.owner value"),
            (r#"{"a": [{"price": 3, "max": 2, "of": {"owner": "x"}}]}"#, "false", "args.a[].price value", ""),
            (r#"{"a": [{"price": 1, "max": 2, "of": {"owner": "y"}}]}"#, "false", "args.a[].of.owner value", ""),
            (
                r#"{"a": [{"price": 1, "of": {"owner": "x"}}]}"#,
                "unknown",
                "args.a[].max missing",
                "args.a[].of.owner value",
            ),
            (r#"{"a": [5]}"#, "unknown", "args.a[].price missing", "args.a[].of.owner missing"),
        ],
    );
    assert_judged(
        r#"{"args.a": {"some": {"any": [{".x": true}, {"not": {".y": {"exists": true}}}]}}}"#,
        &[
            (r#"{"a": [{"y": 1, "x": false}]}"#, "false", "args.a[].y value", ""),
            (r#"{"a": [{"y": 1, "x": false}, {"x": false}]}"#, "true", "", "args.a[].y missing"),
        ],
    );
}

#[test]
fn lists_nest_and_share_one_limit() {
    let inner = r#"{"args.a": {"every": {".b": {"every": {"lt": 5}}}}}"#;
    assert_judged(
        inner,
        &[
            (r#"{"a": [{"b": [1]}, {"b": [2, 3]}]}"#, "true", "", "args.a[].b[] value"),
            (r#"{"a": [{"b": [1]}, {"b": []}]}"#, "unknown", "args.a[].b value", "args.a[].b value"),
            (r#"{"a": [{"b": [1, 7]}, {"b": 1}]}"#, "false", "args.a[].b[] value", ""),
            (r#"{"a": [{"b": 1}, {"b": [7]}]}"#, "false", "args.a[].b type", ""),
        ],
    );
    let halves = |second| format!(r#"{{"a": [{{"b": {}}}, {{"b": {}}}]}}"#, long("1", 512), long("1", second));
    assert_judged(
        inner,
        &[
            (&halves(512), "true", "", "args.a[].b[] value"),
            (&halves(513), "unknown", "args.a[].b out_of_range", "args.a[].b out_of_range"),
        ],
    );
    assert_judged(
        r#"{"args.a": {"some": {"some": {"in": {"ref": "agent.limits"}}}}}"#,
        &[
            ("{\"a\": [[5], [3, 2]]}", "true", "", "args.a[][] value"),
            ("{\"a\": [[5], [3, 4], []]}", "false", "args.a[] value", ""),
            ("{\"a\": [5]}", "unknown", "args.a[] type", "args.a[] type"),
        ],
    );
}

#[test]
fn in_a_list_of_the_call() {
    assert_judged(
        r#"{"args.a": {"in": {"ref": "agent.teams"}}}"#,
        &[
            (r#"{"a": "y"}"#, "true", "", "args.a value"),
            (r#"{"a": "z"}"#, "false", "args.a value", ""),
            (r#"{"a": 1}"#, "unknown", "args.a value", "agent.teams type"),
            (r#"{"a": ["x"]}"#, "unknown", "args.a type", "args.a type"),
            ("{}", "unknown", "args.a missing", "args.a missing"),
        ],
    );
    assert_judged(
        r#"{"agent.id": {"in": {"ref": "args.l"}}}"#,
        &[
            (r#"{"l": ["x"]}"#, "true", "", "agent.id value"),
            (r#"{"l": [1, null, "x"]}"#, "true", "", "agent.id value"),
            (r#"{"l": [1, "y"]}"#, "unknown", "agent.id value", "args.l type"),
            (r#"{"l": []}"#, "false", "agent.id value", ""),
            (r#"{"l": "x"}"#, "unknown", "args.l type", "args.l type"),
            (r#"{"l": null}"#, "unknown", "args.l null", "args.l null"),
            (&format!(r#"{{"l": {}}}"#, long("\"x\"", 1025)), "unknown", "args.l out_of_range", "args.l out_of_range"),
        ],
    );
}

#[test]
fn contains_looks_into_strings_and_has_into_lists() {
    assert_judged(
        r#"{"args.a": {"contains": "x"}}"#,
        &[
            (r#"{"a": "axb"}"#, "true", "", "args.a value"),
            (r#"{"a": "ab"}"#, "false", "args.a value", ""),
            (r#"{"a": ["x"]}"#, "unknown", "args.a type", "args.a type"),
            (r#"{"a": 1}"#, "unknown", "args.a type", "args.a type"),
        ],
    );
    assert_judged(
        r#"{"args.a": {"contains": {"ref": "args.b"}}}"#,
        &[
            (r#"{"a": "axb", "b": "x"}"#, "true", "", "args.a value"),
            (r#"{"a": ["x"], "b": "x"}"#, "unknown", "args.a type", "args.a type"),
            (r#"{"a": "1", "b": 1}"#, "unknown", "args.b type", "args.b type"),
        ],
    );
    assert_judged(
        r#"{"args.a": {"has": "x"}}"#,
        &[
            (r#"{"a": "x"}"#, "unknown", "args.a type", "args.a type"),
            (r#"{"a": ["ax", "x"]}"#, "true", "", "args.a value"),
            (r#"{"a": ["ax"]}"#, "false", "args.a value", ""),
            (r#"{"a": []}"#, "false", "args.a value", ""),
            (r#"{"a": ["ax", 1]}"#, "unknown", "args.a value", "args.a type"),
        ],
    );
    assert_judged(
        r#"{"args.a": {"has": 1}}"#,
        &[
            (r#"{"a": "1"}"#, "unknown", "args.a type", "args.a type"),
            (r#"{"a": [1.0]}"#, "true", "", "args.a value"),
            (r#"{"a": {"1": 1}}"#, "unknown", "args.a type", "args.a type"),
        ],
    );
    assert_judged(
        r#"{"args.a": {"has": {"ref": "args.b"}}}"#,
        &[
            (r#"{"a": ["x"], "b": "x"}"#, "true", "", "args.a value"),
            (r#"{"a": "x", "b": "x"}"#, "unknown", "args.a type", "args.a type"),
            (r#"{"a": [1], "b": 1}"#, "true", "", "args.a value"),
            (r#"{"a": [1], "b": [1]}"#, "unknown", "args.b type", "args.b type"),
            (r#"{"a": [1]}"#, "unknown", "args.b missing", "args.b missing"),
            (r#"{"b": 1}"#, "unknown", "args.a missing", "args.a missing"),
            (
                &format!(r#"{{"a": {}, "b": 1}}"#, long("1", 1025)),
                "unknown",
                "args.a out_of_range",
                "args.a out_of_range",
            ),
        ],
    );
}

#[test]
fn what_is_open_can_be_true_and_can_be_false() {
    for condition in [
        r#"{"args.a": {"every": {"lte": 5}}}"#,
        r#"{"args.a": {"some": 5}}"#,
        r#"{"args.a": {"has": 5}}"#,
        r#"{"args.a": {"in": {"ref": "agent.teams"}}}"#,
        r#"{"agent.id": {"in": {"ref": "args.a"}}}"#,
        r#"{"agent.teams": {"has": {"ref": "args.a"}}}"#,
        r#"{"agent.id": {"contains": {"ref": "args.a"}}}"#,
        r#"{"agent.teams": {"every": {"eq": {"ref": "args.a"}}}}"#,
        r#"{"args.a": {"glob": "*"}}"#,
        r#"{"args.a": {"matches": "a"}}"#,
        r#"{"args.a": {"within": "/srv"}}"#,
        r#"{"args.a": {"length": {"lte": 1}}}"#,
        r#"{"args.a": {"count": {"lte": 1}}}"#,
    ] {
        assert_eq!(judged(condition, &args("{}").with(Root::Args, Part::Open)).0, "open", "{condition}");
        assert_eq!(judged(condition, &args("{}").with(Root::Args, Part::Withheld)).0, "unknown", "{condition}");
    }
}

#[test]
fn patterns_take_strings() {
    assert_judged(
        r#"{"args.a": {"glob": ["/a/*", "/b/**"]}}"#,
        &[
            (r#"{"a": "/a/x"}"#, "true", "", "args.a value"),
            (r#"{"a": "/b/x/y"}"#, "true", "", "args.a value"),
            (r#"{"a": "/a/x/y"}"#, "false", "args.a value", ""),
            (r#"{"a": ["/a/x"]}"#, "unknown", "args.a type", "args.a type"),
        ],
    );
    assert_judged(
        r#"{"args.a": {"matches": "(?i)ab|abc"}}"#,
        &[
            (r#"{"a": "aBC"}"#, "true", "", "args.a value"),
            (r#"{"a": "abc\n"}"#, "false", "args.a value", ""),
            (r#"{"a": 1}"#, "unknown", "args.a type", "args.a type"),
        ],
    );
}

#[test]
fn keys_of_elements_can_be_confused_too() {
    let text = r#"{"perso": 1, "rules": [{"id": "r", "allow": "t", "when": {"args.a": {"some": {".p": 1}}}}]}"#;
    let policy = check(text).policy.unwrap();
    for (a, malformed) in [
        (r#"[{"p": 1}]"#, false),
        (r#"[{"p": 1, "q": 1, "Q": 1, "q": 1}]"#, false),
        (r#"[{"p": 1}, {"p": 1, "P": 2}]"#, true),
        (r#"[{"p": 1}, {"p": 1, "p": 2}]"#, true),
        (r#"[[{"P": 1}]]"#, false),
    ] {
        let verdict = judge(&policy, format!(r#"{{"tool": "t", "args": {{"a": {a}}}}}"#).as_bytes());
        assert_eq!(verdict.cause == CauseKind::Malformed, malformed, "{a}");
    }
}

#[test]
fn a_trace_shows_the_elements() {
    let text = r#"{"perso": 1, "rules": [{"id": "r", "allow": "t", "when": {
        "args.to": {"every": {"matches": "[a-z]+"}, "count": {"lte": 20}},
        "args.items": {"some": {".price": {"lt": 5}, ".of": {"not_in": {"ref": "agent.teams"}}}},
        "args.ip": {"cidr": "10.0.0.0/8"}, "args.path": {"within": "/srv"}}}]}"#;
    let json = r#"{"tool": "t", "agent": {"teams": [1]}, "args": {"to": ["a", "B", "c", "c", "c", "c", "c", "c", "c",
        "c", "c", "c", "c", "c", "c", "c", "c", "c"], "items": [{"price": 7}, {"price": 1, "of": "x"}], "ip": "10.0.0.1",
        "path": "/srv/../etc"}}"#;
    let told = explain(&check(text).policy.unwrap(), json.as_bytes()).to_string();
    let expected = r#"  false    all of
  false      all of
  false        args.to every element; args.to is ["a", "B", "c", "c", "c", "c", "c", "c", "c", "c", "c", "c", "c", "c", "c", "c"…
  true           "a"
  true             args.to[] matches "[a-z]+"; args.to[] is "a"
  false          "B"
  false            args.to[] matches "[a-z]+"; args.to[] is "B"
"#;
    assert!(told.contains(expected), "{told}");
    let expected = r#"
                 and 2 more
  true         count of args.to lte 20; count of args.to is 18
  unknown    args.items some element; args.items is [{"price": 7}, {"price": 1, "of": "x"}]
  false        {"price": 7}
  false          all of
  false            args.items[].price lt 5; args.items[].price is 7
  unknown          args.items[].of not_in agent.teams; args.items[].of is missing, agent.teams is [1]
  unknown      {"price": 1, "of": "x"}
  unknown        all of
  true             args.items[].price lt 5; args.items[].price is 1
  unknown          args.items[].of not_in agent.teams; args.items[].of is "x", agent.teams is [1] (agent.teams has a type that the test does not accept)
  true       address of args.ip cidr "10.0.0.0/8"; address of args.ip is "10.0.0.1"
"#;
    assert!(told.contains(expected), "{told}");
}
