//! What conditions become that are written with the operators of lists, patterns and what tools take.

use super::super::check;
use crate::policy::{Attribute, Condition, Operand, Operator, Pattern, Policy, Quantified, Value};

fn policy(condition: &str) -> Policy {
    let text = format!(r#"{{ "perso": 1, "rules": [{{ "id": "r", "allow": "t", "when": {condition} }}] }}"#);
    let checked = check(&text);
    checked.policy.unwrap_or_else(|| panic!("{condition}\n{:?}", checked.diagnostics))
}

#[track_caller]
fn assert_becomes(condition: &str, expected: &str) {
    let policy = policy(condition);
    let text = shown(&policy, &policy.rules[0].condition);
    assert_eq!(text, expected, "{condition}");
}

#[track_caller]
fn assert_refused(condition: &str, message: &str) {
    let text = format!(r#"{{ "perso": 1, "rules": [{{ "id": "r", "allow": "t", "when": {condition} }}] }}"#);
    let messages: Vec<String> = check(&text).diagnostics.into_iter().map(|finding| finding.message).collect();
    assert_eq!(messages, [message], "{condition}");
}

fn shown(policy: &Policy, condition: &Condition) -> String {
    let list = |parts: &[Condition]| parts.iter().map(|part| shown(policy, part)).collect::<Vec<_>>().join(", ");
    match condition {
        Condition::All(parts) => format!("all[{}]", list(parts)),
        Condition::Any(parts) => format!("any[{}]", list(parts)),
        Condition::Not(part) => format!("not {}", shown(policy, part)),
        Condition::Test(test) => {
            format!("{} {}", policy.attributes[test.attribute], operator(policy, &test.operator))
        }
    }
}

fn operator(policy: &Policy, operator: &Operator) -> String {
    let name = |id: usize| Attribute::to_string(&policy.attributes[id]);
    let operand = |operand: &Operand| match operand {
        Operand::Literal(literal) => value(literal),
        Operand::Ref(id) => name(*id),
    };
    let asked = |asked: &Quantified| {
        format!("{}({})", if asked.bounded { "bounded" } else { "" }, shown(policy, &asked.condition))
    };
    match operator {
        Operator::Eq(with) => format!("= {}", operand(with)),
        Operator::In(values) => format!("in {}", values.iter().map(value).collect::<Vec<_>>().join(" ")),
        Operator::Presumed(values) => format!("presumed {}", values.iter().map(value).collect::<Vec<_>>().join(" ")),
        Operator::Lt(with) => format!("< {}", operand(with)),
        Operator::Lte(with) => format!("<= {}", operand(with)),
        Operator::Gt(with) => format!("> {}", operand(with)),
        Operator::Gte(with) => format!(">= {}", operand(with)),
        Operator::StartsWith(with) => format!("starts {}", operand(with)),
        Operator::Inside { base, directory } => format!(
            "inside {} from {}",
            directory.iter().map(operand).collect::<Vec<_>>().join("/"),
            base.map_or_else(|| "/".to_owned(), name)
        ),
        Operator::EndsWith(with) => format!("ends {}", operand(with)),
        Operator::Contains(with) => format!("contains {}", operand(with)),
        Operator::Has(with) => format!("has {}", operand(with)),
        Operator::HasRole(role) => format!("has the role {role}"),
        Operator::Matches(Pattern::Glob { text, separator }) => format!("glob{separator} {text}"),
        Operator::Matches(Pattern::Regex(text)) => format!("regex {text}"),
        Operator::Every(inner) => format!("every{}", asked(inner)),
        Operator::Some(inner) => format!("some{}", asked(inner)),
        Operator::At(place, inner) => format!("at {place}{}", asked(inner)),
        Operator::InList(list) => format!("in list {}", name(*list)),
        Operator::Exists => "exists".to_owned(),
        Operator::Type(types) => format!("type {types:?}"),
        Operator::Only(keys) => format!("only {}", keys.iter().map(|key| name(*key)).collect::<Vec<_>>().join(" ")),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => format!("{value:?}"),
    }
}

#[test]
fn elements() {
    assert_becomes(r#"{ "args.to": { "every": "a" } }"#, r#"args.to every(args.to[] = "a")"#);
    assert_becomes(
        r#"{ "args.items": { "count": { "lte": 9 }, "every": { ".price": { "gt": 0, "lte": { "ref": ".max" } } } } }"#,
        "all[count of args.items <= 9, \
         args.items everybounded(all[args.items[].price > 0, args.items[].price <= args.items[].max])]",
    );
    assert_becomes(
        r#"{ "args.a": { "some": { "type": "object", ".[\"x y\"].z": true, "not": { ".k": { "in": { "ref": "agent.ks" } } } } } }"#,
        r#"args.a some(all[args.a[] type [Object], args.a[]["x y"].z = true, not args.a[].k in list agent.ks])"#,
    );
    assert_becomes(
        r#"{ "args.a": { "every": { "any": [{ "starts_with": "x" }, { "All": [{ ".b": { "eq": { "ref": "agent.id" } } }] }] } } }"#,
        r#"args.a every(any[args.a[] starts "x", all[args.a[].b = agent.id]])"#,
    );
    assert_becomes(
        r#"{ "args.a": { "every": { ".b": { "some": { ".c": { "eq": { "ref": ".d" } } } } } } }"#,
        "args.a every(args.a[].b some(args.a[].b[].c = args.a[].b[].d))",
    );
    assert_becomes(r#"{ "args.a": { "every": { "every": 1 } } }"#, "args.a every(args.a[] every(args.a[][] = 1))");
    // Behind the elements, references are to attributes again.
    assert_refused(r#"{ "args.a": { "every": { ".b": 1 }, "eq": { "ref": ".b" } } }"#, "unknown attribute `.b`");
    assert_refused(
        r#"{ "args.a": { "every": { "every": { "some": 1 } } } }"#,
        "tests of elements are nested more than 2 levels deep",
    );
    assert_refused(r#"{ "tool": { "some": "x" } }"#, "`some` cannot be used on `tool`, which is a string");
    assert_refused(
        r#"{ "agent.roles": { "some": "admin" } }"#,
        "`agent.roles` can only be tested with `has`, `exists` and `type`",
    );
    assert_refused(
        r#"{ "args.a": { "in": { "ref": "agent.roles" } } }"#,
        "`agent.roles` can only be tested with `has`, `exists` and `type`",
    );
}

#[test]
fn combinations_inside_of_elements_count_for_depth() {
    let nested = |inner: usize, outer: usize| {
        let test = format!("{}{{ \"eq\": 1 }}{}", "{ \"not\": ".repeat(inner), " }".repeat(inner));
        let test = format!("{{ \"args.a\": {{ \"every\": {test} }} }}");
        format!("{}{test}{}", "{ \"not\": ".repeat(outer), " }".repeat(outer))
    };
    policy(&nested(16, 16));
    assert_refused(&nested(17, 16), "`all`, `any` and `not` are nested more than 32 levels deep");
}

#[test]
fn lists() {
    assert_becomes(r#"{ "args.a": { "has": 5 } }"#, "args.a has 5");
    assert_becomes(r#"{ "args.a": { "has": { "ref": "agent.id" } } }"#, "args.a has agent.id");
    assert_becomes(r#"{ "args.a": { "count": 2 } }"#, "count of args.a = 2");
    assert_refused(r#"{ "args.a": { "contains": 5 } }"#, "`contains` expects a string, found a number");
    assert_becomes(r#"{ "args.a": { "contains": { "ref": "agent.id" } } }"#, "args.a contains agent.id");
    assert_becomes(r#"{ "agent.team": { "in": { "ref": "args.teams" } } }"#, "agent.team in list args.teams");
    assert_becomes(r#"{ "args.a": { "not_in": { "ref": "agent.no" } } }"#, "not args.a in list agent.no");
    assert_refused(
        r#"{ "args.a": { "length": { "in": { "ref": "agent.n" } } } }"#,
        "`in` expects a list, found an object",
    );
    assert_refused(
        r#"{ "args.a": { "in": { "ref": "tool" } } }"#,
        "`in` cannot compare with `tool`: `tool` is a string",
    );
    assert_refused(r#"{ "tool": { "has": 5 } }"#, "`has` is for lists, but `tool` is a string");
}

#[test]
fn patterns() {
    assert_becomes(r#"{ "args.a": { "glob": "/srv/**/*.t?t" } }"#, "args.a glob/ /srv/**/*.t?t");
    assert_becomes(r#"{ "tool": { "glob": ["a*", "b"] } }"#, "any[tool glob/ a*, tool glob/ b]");
    assert_becomes(r#"{ "args.a": { "matches": "(?i)[a-z]+\\d{2,4}" } }"#, r"args.a regex (?i)[a-z]+\d{2,4}");
    assert_becomes(
        r#"{ "args.a": { "every": { "matches": ["a|b", "^c$"] } } }"#,
        "args.a every(any[args.a[] regex a|b, args.a[] regex ^c$])",
    );
}

#[test]
fn directories() {
    assert_becomes(
        r#"{ "args.path": { "within": "/srv/share/" } }"#,
        r#"any[location of args.path = "/srv/share", location of args.path starts "/srv/share/"]"#,
    );
    assert_becomes(r#"{ "args.path": { "within": ["/"] } }"#, r#"location of args.path starts "/""#);
    assert_becomes(
        r#"{ "args.path": { "within": ["C:\\Data", "D:/"] } }"#,
        r#"any[Windows location of args.path = "c:/data", Windows location of args.path starts "c:/data/", Windows location of args.path starts "d:/"]"#,
    );
}

#[test]
fn urls() {
    assert_becomes(
        r#"{ "args.url": { "url": { "host": ["API.acme.com", "**.acme.org", "[::1]"] } } }"#,
        r#"all[scheme of args.url presumed "https", any[host of args.url in "api.acme.com" "[::1]", host of args.url glob. **.acme.org], port of args.url presumed 443]"#,
    );
    assert_becomes(
        r#"{ "args.url": { "url": { "scheme": ["https", "http", "HTTP"], "private": false } } }"#,
        r#"all[scheme of args.url in "https" "http", port of args.url presumed 80 443, privateness of args.url = false]"#,
    );
    assert_becomes(
        r#"{ "args.url": { "url": { "host": "a.b", "port": [8443.0, 443], "path": { "within": "/v1", "length": { "lt": 9 } } } } }"#,
        r#"all[scheme of args.url presumed "https", host of args.url = "a.b", port of args.url in 443 8443, all[any[location of path of args.url = "/v1", location of path of args.url starts "/v1/"], length of path of args.url < 9]]"#,
    );
    assert_becomes(
        r#"{ "args.url": { "url": { "host": "**", "path": "/" } } }"#,
        r#"all[scheme of args.url presumed "https", host of args.url glob. **, port of args.url presumed 443, path of args.url = "/"]"#,
    );
    assert_becomes(
        r#"{ "args.url": { "url": { "scheme": "wss", "port": 443, "query": false } } }"#,
        r#"all[scheme of args.url = "wss", port of args.url = 443, query of args.url = false]"#,
    );
}

#[test]
fn domains_and_networks() {
    assert_becomes(r#"{ "args.to": { "email_domain": "Acme.COM" } }"#, r#"domain of args.to = "acme.com""#);
    assert_becomes(
        r#"{ "args.to": { "every": { "email_domain": ["acme.com", "b.org", "**.acme.com"] } } }"#,
        r#"args.to every(any[domain of args.to[] in "acme.com" "b.org", domain of args.to[] glob. **.acme.com])"#,
    );
    assert_becomes(
        r#"{ "args.ip": { "cidr": ["10.0.0.0/8", "::/0"] } }"#,
        r#"any[address of args.ip starts "4:00001010", address of args.ip starts "6:"]"#,
    );
}

#[test]
fn commands() {
    assert_becomes(
        r#"{ "args.cmd": { "command": { "args": { "every": { "not": { "starts_with": "-" } } }, "program": ["git", "ls"], "shell": false } } }"#,
        r#"all[program of args.cmd in "git" "ls", words of args.cmd everybounded(not words of args.cmd[] starts "-")]"#,
    );
    assert_becomes(
        r#"{ "args.cmd": { "command": { "program": "/usr/bin/git", "args": { "count": 1, "has": "status" } } } }"#,
        r#"all[program of args.cmd = "/usr/bin/git", all[count of words of args.cmd = 1, words of args.cmd has "status"]]"#,
    );
    assert_refused(
        r#"{ "args.cmd": { "command": { "program": "git", "args": { "some": { ".a": 1 } } } } }"#,
        "an argument of a command is a string, which has no fields",
    );
}

#[test]
fn hostile_lists_are_bounded() {
    let many = |count: usize| vec!["\"/a\""; count].join(",");
    policy(&format!(r#"{{ "args.a": {{ "within": [{}] }} }}"#, many(1024)));
    for name in ["glob", "matches", "within", "email_domain", "cidr"] {
        let condition = format!(r#"{{ "args.a": {{ "{name}": [{}] }} }}"#, many(1025));
        assert_refused(&condition, "the list has 1025 strings; at most 1024 are allowed");
    }
    for name in ["glob", "matches"] {
        policy(&format!(r#"{{ "args.a": {{ "{name}": "{}" }} }}"#, "a".repeat(1024)));
        let condition = format!(r#"{{ "args.a": {{ "{name}": "{}" }} }}"#, "a".repeat(1025));
        assert_refused(&condition, "a pattern is 1025 bytes long; at most 1024 are allowed");
    }
}
