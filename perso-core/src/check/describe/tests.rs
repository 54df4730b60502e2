use super::*;
use crate::check::check;

/// The requirement of a rule given as JSON, in a policy with a table of roles.
#[track_caller]
fn said(rule: &str) -> String {
    let text = format!(r#"{{ "perso": 1, "rules": [{rule}] }}"#);
    let checked = check(&text);
    let policy = checked.policy.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    requirement(&policy, &policy.rules[0])
}

#[track_caller]
fn assert_needs(condition: &str, words: &str) {
    let text = said(&format!(r#"{{ "id": "r", "allow": "t", "when": {condition} }}"#));
    assert_eq!(text, format!("t needs {words} (rule `r`)"));
}

#[track_caller]
fn assert_denied(circumstances: &str, words: &str) {
    let text = said(&format!(r#"{{ "id": "r", "deny": "t"{circumstances} }}"#));
    assert_eq!(text, format!("t is denied{words} (rule `r`)"));
}

#[test]
fn what_an_allow_rule_needs() {
    assert_needs(r#"{ "args.amount": { "gt": 0, "lte": 500 } }"#, "args.amount more than 0 and at most 500");
    assert_needs(r#"{ "args.a": 5e2 }"#, "args.a equal to 500");
    assert_needs(r#"{ "args.a": { "ne": "x\ty" } }"#, r#"args.a other than "x\ty""#);
    assert_needs(r#"{ "args.a": { "in": [1, "a", true] } }"#, r#"args.a one of 1, "a", true"#);
    assert_needs(r#"{ "args.a": { "not_in": [1, 2] } }"#, "args.a not one of 1, 2");
    assert_needs(r#"{ "args.a": { "in": [1] } }"#, "args.a equal to 1");
    assert_needs(r#"{ "args.a": { "in": [1,2,3,4,5,6,7,8] } }"#, "args.a one of 1, 2, 3, 4, 5, 6 or 2 more");
    assert_needs(r#"{ "args.a": { "eq": { "ref": "agent.id" } } }"#, "args.a equal to agent.id");
    assert_needs(r#"{ "args.a": { "starts_with": "x" } }"#, r#"args.a starting with "x""#);
    assert_needs(r#"{ "not": { "args.a": { "contains": "x" } } }"#, r#"args.a not containing "x""#);
    assert_needs(r#"{ "args.a": { "length": { "lte": 5 } } }"#, "length of args.a at most 5");
    assert_needs(r#"{ "agent.roles": { "has": "admin" } }"#, "the role admin");
    assert_needs(r#"{ "not": { "agent.roles": { "has": "admin" } } }"#, "a caller without the role admin");
    assert_needs(r#"{ "args.a": { "has": "x" } }"#, r#"args.a having the element "x""#);
    assert_needs(r#"{ "args.a": { "count": { "lte": 5 } } }"#, "count of args.a at most 5");
    assert_needs(r#"{ "args.a": { "exists": true } }"#, "args.a present");
    assert_needs(r#"{ "args.a": { "exists": false } }"#, "args.a absent");
    assert_needs(r#"{ "args.a": { "type": ["string", "list"] } }"#, "args.a of type string or list");
    assert_needs(r#"{ "args[\"a b\"]": 1 }"#, r#"args["a b"] equal to 1"#);
}

#[test]
fn combinations_read_naturally() {
    assert_needs(r#"{ "any": [{ "args.a": 1 }, { "args.b": 2 }] }"#, "args.a equal to 1 or args.b equal to 2");
    assert_needs(
        r#"{ "args.c": 3, "any": [{ "args.a": 1 }, { "args.b": 2 }] }"#,
        "args.c equal to 3 and (args.a equal to 1 or args.b equal to 2)",
    );
    assert_needs(
        r#"{ "not": { "all": [{ "args.a": { "lt": 1 } }, { "args.b": { "gt": 2 } }] } }"#,
        "args.a at least 1 or args.b at most 2",
    );
    assert_needs(
        r#"{ "not": { "any": [{ "args.a": 1 }, { "args.b": 2 }] } }"#,
        "args.a other than 1 and args.b other than 2",
    );
    assert_needs(
        r#"{ "any": [{ "args.a": { "gt": 0, "lt": 9 } }, { "args.b": 2 }] }"#,
        "(args.a more than 0 and less than 9) or args.b equal to 2",
    );
    assert_needs(r#"{ "not": { "not": { "args.a": 1 } } }"#, "args.a equal to 1");
}

#[test]
fn what_a_deny_rule_forbids() {
    assert_denied("", "");
    assert_denied(r#", "unless": { "agent.mfa_verified": true }"#, " unless agent.mfa_verified is true");
    assert_denied(r#", "when": { "args.env": { "ne": "prod" } }"#, r#" unless args.env is "prod""#);
    assert_denied(r#", "when": { "args.a": { "gt": 1, "lt": 5 } }"#, " when args.a is more than 1 and less than 5");
    assert_denied(
        r#", "when": { "args.a": { "starts_with": "/" } }, "unless": { "agent.x": { "exists": true } }"#,
        r#" when args.a starts with "/" unless agent.x is present"#,
    );
    assert_denied(r#", "unless": { "agent.roles": { "has": "admin" } }"#, " unless the caller has the role admin");
    assert_denied(r#", "when": { "agent.roles": { "has": "admin" } }"#, " when the caller has the role admin");
    assert_denied(r#", "when": { "not": { "args.a": { "contains": "x" } } }"#, r#" unless args.a contains "x""#);
    assert_denied(
        r#", "when": { "all": [{ "args.b": 1 }, { "args.a": { "length": 3 } }] }"#,
        " when args.b is 1 and length of args.a is 3",
    );
    assert_denied(r#", "roles": ["intern"]"#, " for the role intern");
}

#[test]
fn roles_and_tools_are_named() {
    assert_eq!(
        said(
            r#"{ "id": "delete-own", "allow": "delete_record", "roles": ["manager"],
                "when": { "resource.owner_id": { "eq": { "ref": "agent.id" } } } }"#
        ),
        "delete_record needs the role manager and resource.owner_id equal to agent.id (rule `delete-own`)",
    );
    assert_eq!(
        said(
            r#"{ "id": "r", "allow": ["a", "b_*"], "roles": ["x", "y"],
                "when": { "any": [{ "args.a": 1 }, { "args.b": 2 }] } }"#
        ),
        "a or b_* needs one of the roles x, y and (args.a equal to 1 or args.b equal to 2) (rule `r`)",
    );
    assert_eq!(said(r#"{ "id": "r", "allow": ["a", "b", "c", "d"] }"#), "this tool is allowed (rule `r`)");
    assert_eq!(said(r#"{ "id": "r", "allow": "a", "roles": ["x"] }"#), "a needs the role x (rule `r`)");
}

#[test]
fn texts_are_bounded_and_harmless() {
    let many: Vec<String> = (0..1000).map(|n| format!(r#"{{ "args.a{n}": {{ "gt": {n} }} }}"#)).collect();
    let text =
        said(&format!(r#"{{ "id": "{}", "allow": "t", "when": {{ "any": [{}] }} }}"#, "i".repeat(128), many.join(",")));
    assert!(text.len() <= MAX_TEXT && text.ends_with("i`)") && text.contains('…'), "{text}");
    let text = said(&format!(r#"{{ "id": "r", "allow": "t", "when": {{ "args.a": "{}" }} }}"#, "ä".repeat(500)));
    assert!(text.len() <= MAX_TEXT && text.contains("ää…\""), "{text}");
    let text = said(
        r#"{ "id": "a\u202eb", "allow": "t", "when": { "args.a": "\u0000\u001b\u0085\u200b\u2028\udb40\udc41", "args[\"\\u202e\"]": 1 } }"#,
    );
    assert!(!text.contains(|c: char| c.is_control() || c > '~'), "{text}");
}

#[test]
fn elements_and_what_tools_take() {
    assert_needs(
        r#"{ "args.to": { "every": { "starts_with": "x" } } }"#,
        r#"every element of args.to starting with "x""#,
    );
    assert_needs(r#"{ "args.to": { "every": "a" } }"#, r#"every element of args.to equal to "a""#);
    assert_needs(
        r#"{ "args.to": { "every": { "email_domain": ["acme.com", "b.org"] } } }"#,
        "every element of args.to with the domain acme.com or b.org",
    );
    assert_needs(
        r#"{ "args.items": { "every": { ".price": { "gt": 0, "lte": { "ref": ".max" } }, ".n": 1 } } }"#,
        "every element of args.items with .price more than 0 and at most .max and .n equal to 1",
    );
    assert_needs(
        r#"{ "args.items": { "every": { ".price": 1, ".n": 2 } }, "args.b": true }"#,
        "every element of args.items with (.price equal to 1 and .n equal to 2) and args.b equal to true",
    );
    assert_needs(
        r#"{ "args.a": { "some": { ".b": { "length": { "gt": 1 } }, "type": "object" } } }"#,
        "an element of args.a with length of .b more than 1 and it of type object",
    );
    assert_needs(r#"{ "not": { "args.a": { "some": { "gt": 1 } } } }"#, "no element of args.a more than 1");
    assert_needs(r#"{ "not": { "args.a": { "every": { "gt": 1 } } } }"#, "an element of args.a at most 1");
    assert_needs(
        r#"{ "args.a": { "every": { "some": { "count": 3 } } } }"#,
        "every element of args.a with an element of it with count equal to 3",
    );
    assert_needs(r#"{ "args.a": { "in": { "ref": "agent.b" } } }"#, "args.a one of agent.b");
    assert_needs(
        r#"{ "args.a": { "glob": ["a*", "b*"], "matches": "x+" } }"#,
        r#"(args.a like "a*" or like "b*") and args.a matching "x+""#,
    );
    assert_needs(r#"{ "args.path": { "within": "/srv/share" } }"#, "args.path below /srv/share");
    assert_needs(
        r#"{ "args.path": { "within": ["/srv/a", "/srv/b c/", "/x"] } }"#,
        r#"args.path below /srv/a, "/srv/b c" or /x"#,
    );
    assert_needs(r#"{ "args.path": { "within": ["/"] } }"#, "args.path below /");
    assert_needs(r#"{ "args.path": { "within": ["C:\\", "D:\\x"] } }"#, "args.path below c:/ or d:/x");
    assert_needs(
        r#"{ "args.url": { "url": { "host": ["a.com", "**.b.com"], "private": false, "path": { "within": "/v1" } } } }"#,
        "args.url with the scheme https and the host a.com or **.b.com and the port 443 \
         and path of args.url below /v1 and args.url with a public host",
    );
    assert_needs(r#"{ "args.ip": { "cidr": ["10.0.0.0/8", "::1"] } }"#, "args.ip in 10.0.0.0/8 or ::1");
    assert_needs(
        r#"{ "args.cmd": { "command": { "program": ["git", "ls"], "args": { "every": { "glob": "a*" } } } } }"#,
        r#"args.cmd with the program git or ls and every argument of args.cmd like "a*""#,
    );
    assert_denied(r#", "unless": { "args.path": { "within": "/srv" } }"#, " unless args.path is below /srv");
    assert_denied(
        r#", "unless": { "args.url": { "url": { "host": "a.com" } } }"#,
        " unless args.url has the scheme https and the host a.com and the port 443",
    );
    assert_denied(
        r#", "when": { "args.to": { "some": { "email_domain": "a.com" } } }"#,
        " when an element of args.to has the domain a.com",
    );
    assert_denied(
        r#", "when": { "args.to": { "some": { ".n": { "gt": 5 } } } }"#,
        " when an element of args.to has .n more than 5",
    );
    assert_needs(r#"{ "not": { "args.to": { "email_domain": "a.com" } } }"#, "args.to with a domain other than a.com");
    assert_denied(
        r#", "when": { "args.n": { "every": { "gt": 5, "lt": 9 } } }"#,
        " when every element of args.n is more than 5 and less than 9",
    );
    assert_denied(r#", "when": { "args.n": { "matches": "a+" } }"#, r#" when args.n matches "a+""#);
}
