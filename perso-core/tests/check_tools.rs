//! Every file in `tests/check_tools/` is a policy and the tools of a server. `perso check` finds exactly what stands beside it in its
//! `.stderr` file: `BLESS=1 cargo test -p perso-core --test check_tools` writes those files.
//!
//! | key | what |
//! | --- | --- |
//! | `policy` | the policy |
//! | `tools` | the tools, as in the answer to `tools/list` |
//! | `extends` | optional: the texts of documents, by path |
//! | `left_out` | optional: the tools that are left out on purpose |
//! | `approved` | optional: the tools as they were when they were approved |

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use perso_core::analyze::Rules;
use perso_core::diagnostic::{Code, Source};
use perso_core::{Catalog, CatalogError, Pins};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check_tools");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn catalog(tools: &str) -> Catalog {
    let mut catalog = Catalog::default();
    catalog.add(tools, None).unwrap();
    catalog
}

/// A case. Texts are as they stand in the file, whatever order a JSON library would give their keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    policy: Box<RawValue>,
    tools: Box<RawValue>,
    #[serde(default)]
    extends: HashMap<String, Box<RawValue>>,
    #[serde(default)]
    left_out: Vec<String>,
    approved: Option<Box<RawValue>>,
}

#[test]
fn findings_are_as_recorded() {
    let (mut wrong, mut drawn) = (Vec::new(), BTreeSet::new());
    for path in cases() {
        let case: Case = serde_json::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut catalog = case.left_out.into_iter().fold(catalog(case.tools.get()), Catalog::leave_out);
        if let Some(approved) = case.approved {
            catalog = catalog.approved_as(self::catalog(approved.get()).pins());
        }
        let documents = case.extends.into_iter().map(|(path, document)| (path, document.get().to_owned()));
        let documents: HashMap<String, String> = documents.collect();
        let (found, documents) = match Rules::read(case.policy.get(), &documents) {
            Ok(rules) => (rules.check(&catalog), rules.documents().clone()),
            Err(refused) => (refused.diagnostics, refused.documents),
        };
        drawn.extend(found.iter().map(|finding| finding.code));
        let source = Source::of("policy.json", &documents);
        let shown: Vec<String> = found.iter().map(|finding| source.render(finding, false)).collect();
        let actual = if shown.is_empty() { String::new() } else { format!("{}\n", shown.join("\n\n")) };
        let expected = path.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_else(|_| "not there".to_owned()) != actual {
            wrong.push(format!("{}\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as recorded:\n{}", wrong.join("\n"));
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| code.is_about_tools() && !drawn.contains(code)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn lists_are_read_in_every_form() {
    let tools = json!([{ "name": "a", "inputSchema": {} }, { "name": "b", "inputSchema": {}, "title": null }]);
    for form in [
        tools.clone(),
        json!({ "tools": tools }),
        json!({ "server": "s", "tools": tools, "nextCursor": null }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }),
    ] {
        assert_eq!(catalog(&form.to_string()).pins().names().collect::<Vec<_>>(), ["a", "b"]);
    }
    let mut both = Catalog::default();
    both.add(&tools.to_string(), Some("one")).unwrap();
    both.add(&tools.to_string(), Some("two")).unwrap();
    assert_eq!(both.pins().names().collect::<Vec<_>>(), ["one__a", "one__b", "two__a", "two__b"]);
    let again = both.add(&tools.to_string(), Some("two")).unwrap_err();
    assert_eq!(again, CatalogError::Duplicate { tool: "two__a".to_owned() });
    assert_eq!(both.len(), 4);
}

#[test]
fn what_is_no_list_of_tools_is_refused() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let many: Vec<Value> = (0..10_001).map(|at| json!({ "name": format!("t{at}"), "inputSchema": {} })).collect();
    for (text, why) in [
        ("", "the text is empty, at line 1, column 1"),
        ("[\n 1,", "unclosed list, at line 1, column 1"),
        (r#"{ "tools": [], "tools": [] }"#, "duplicate key `tools` in an object, at line 1, column 16"),
        (&deep, "nested more than 128 levels deep, at line 1, column 129"),
        ("{}", "expected the answer to `tools/list`, its `result`, or a list of tools"),
        (r#"{ "error": { "message": "no\u001b" } }"#, "the server answered with an error: `no\\u001b`"),
        (
            r#"{ "tools": [], "nextCursor": "x" }"#,
            "it is one page of several (`nextCursor`): put the tools of all pages into one list",
        ),
        (r#"[{ "inputSchema": {} }]"#, "tool 1 of the list has no `name`"),
        (r#"[{ "name": "a" }]"#, "the tool `a` has no `inputSchema`"),
        (r#"[{ "name": "a", "inputSchema": [] }]"#, "the `inputSchema` of `a` is not an object"),
        (r#"[{ "name": "a", "inputSchema": {}, "description": 1 }]"#, "the `description` of `a` is not a string"),
        (&Value::from(many).to_string(), "there are more than 10000 tools"),
    ] {
        let error = Catalog::default().add(text, None).unwrap_err();
        assert_eq!(error, CatalogError::Malformed(why.to_owned()));
    }
    let twice = r#"[{ "name": "a", "inputSchema": {} }, { "name": "a", "inputSchema": {} }]"#;
    let error = Catalog::default().add(twice, None).unwrap_err();
    assert_eq!(error.to_string(), "has a tool with the same name as another: `a`");
}

fn tool(more: &str) -> String {
    format!(r#"{{ "name": "a", "inputSchema": {{ "type": "object", "maximum": 1 }}{more} }}"#)
}

#[test]
fn pins_are_about_values_and_not_about_how_they_are_written() {
    let mut pins = Pins::default();
    pins.approve(&tool(r#", "description": "ä", "annotations": { "readOnlyHint": true }"#)).unwrap();
    for same in [
        r#"{"name":"a","inputSchema":{"maximum":1.0,"type":"object"},"description":"ä","annotations":{"readOnlyHint":true},"title":null}"#,
        r#"{"name":"a","inputSchema":{"maximum":10e-1,"type":"\u006fbject"},"description":"\u00e4","annotations":{"readOnlyHint":true,"x":1}}"#,
        r#"{"name":"a","inputSchema":{"maximum":1,"type":"object"},"description":"ä","annotations":{"readOnlyHint":true},"_meta":{},"icons":[]}"#,
    ] {
        assert!(pins.approves(same), "{same}");
        for (from, to) in [
            (r#""ä""#, r#""a""#),
            (r#""\u00e4""#, r#""\u00e5""#),
            ("true", "false"),
            ("\"a\"", "\"b\""),
            ("maximum", "minimum"),
        ] {
            let other = same.replace(from, to);
            assert!(other == same || !pins.approves(&other), "{other}");
        }
        assert!(!pins.approves(&same.replace("\"name\"", "\"outputSchema\":{},\"name\"")));
        assert!(!pins.approves(&format!("{same} ,")));
    }
    let exact = |number: &str| {
        let mut pins = Pins::default();
        pins.approve(&tool("").replace('1', number)).unwrap();
        pins
    };
    assert_ne!(exact("18446744073709551616"), exact("18446744073709551617"));
    assert_ne!(exact("0.1"), exact("0.10000000000000000001"));
    assert_eq!(exact("500"), exact("5.0E+2"));
}

#[test]
fn pins_have_a_line_for_each_tool_and_are_read_again() {
    let tools = json!([{ "name": "b\"\n", "inputSchema": {} }, { "name": "a", "title": "A", "inputSchema": {} }]);
    let pins = catalog(&tools.to_string()).pins();
    let text = pins.text();
    assert_eq!(Pins::read(&text).unwrap(), pins);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6);
    assert!(lines[2].starts_with(
        r#"    "a": { "inputSchema": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "title": ""#
    ));
    assert_eq!(Pins::read(&Pins::default().text()).unwrap(), Pins::default());
    for broken in ["", "{}", r#"{ "tools": { "a": "0" } }"#, r#"{ "tools": {}, "more": 1 }"#] {
        assert!(Pins::read(broken).unwrap_err().to_string().starts_with("is not a file of pinned tools: "), "{broken}");
    }
}

/// Schemas that lead to themselves, or to very much, are looked at for so long and no longer; what is not looked at is not reported.
#[test]
fn hostile_schemas_are_bounded() {
    let choice = |of: &str| json!({ "anyOf": vec![json!({ "$ref": of }); 20] });
    let each = |of: &str| json!({ "allOf": vec![json!({ "$ref": of }); 20] });
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "type": "object", "properties": { "a": { "$ref": "#/properties/a" } } }),
        json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }], "properties": { "a": choice("#") } }),
        json!({ "properties": { "a": choice("#/$defs/x") }, "$defs": { "x": choice("#/$defs/y"), "y": choice("#/$defs/x") } }),
        json!({ "properties": { "a": each("#/$defs/x") }, "$defs": { "x": each("#/$defs/y"), "y": each("#/$defs/x") } }),
        json!({ "properties": { "a": { "$ref": "https://example.com/schema.json" } } }),
        json!({ "properties": { "a": { "$ref": "#/nothing" } }, "required": 7, "type": 7, "enum": 7 }),
        json!({ "properties": [], "anyOf": {}, "allOf": "x", "items": 3 }),
    ] {
        let catalog = catalog(&json!([{ "name": "t", "inputSchema": schema }]).to_string());
        let policy = r#"{ "perso": 1, "rules": [{ "id": "r", "allow": "t", "when": { "args.a": { "gt": 1 } } }] }"#;
        let found = Rules::read(policy, &HashMap::new()).unwrap().check(&catalog);
        assert!(found.iter().all(|finding| finding.code != Code::ArgumentType), "{schema}: {found:?}");
    }
}

/// Rules about many tools are checked up to a limit, and going beyond it is a finding.
#[test]
fn the_work_is_bounded() {
    let tools = |count: usize| -> Value {
        let schema = json!({ "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] });
        (0..count).map(|at| json!({ "name": format!("t{at}"), "inputSchema": schema })).collect()
    };
    let policy = |rules: usize, tool: &dyn Fn(usize) -> String| {
        let rules: Vec<Value> = (0..rules)
            .map(|at| json!({ "id": format!("r{at}"), "allow": tool(at), "when": { "args.path": { "within": "/srv" } } }))
            .collect();
        json!({ "perso": 1, "rules": rules }).to_string()
    };
    let found = |policy: &str, tools: &Value| {
        let found = Rules::read(policy, &HashMap::new()).unwrap().check(&catalog(&tools.to_string()));
        found.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(found(&policy(1000, &|at| format!("t{at}")), &tools(1000)), []);
    assert_eq!(found(&policy(1000, &|_| "*".to_owned()), &tools(1000)), []);
    assert_eq!(found(&policy(1000, &|_| "*".to_owned()), &tools(10_000)), [Code::Limit]);
}
