//! Policies that extend others: what the joined policy decides, what may be extended, and what of it is in the module. The
//! errors are in `tests/diagnostics/`.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use perso_core::check::check_with;
use perso_core::diagnostic::{Code, Source};
use perso_core::module::{Manifest, hex, sections, sha256};
use perso_core::{CompileError, Folder, Policy, ResolveError, Resolver, compile, compile_with, files, module};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

type Texts = BTreeMap<String, String>;

fn texts<const N: usize>(documents: [(&str, Value); N]) -> Texts {
    documents.into_iter().map(|(path, document)| (path.to_owned(), document.to_string())).collect()
}

fn codes(compiled: Result<perso_core::Compiled, CompileError>) -> Vec<Code> {
    compiled.map(|_| ()).unwrap_err().diagnostics.iter().map(|finding| finding.code).collect()
}

fn ids(module: &[u8]) -> Vec<String> {
    Manifest::read(module).unwrap().rules.into_iter().map(|rule| rule.id).collect()
}

fn empty() -> Value {
    json!({ "perso": 1, "rules": [] })
}

fn extending(paths: Value) -> String {
    json!({ "perso": 1, "extends": paths, "rules": [] }).to_string()
}

/// The sections of a module in which there is nothing of the texts themselves.
fn meaning(module: &[u8]) -> Vec<(String, &[u8])> {
    let all = sections(module).unwrap().into_iter().map(|section| (section.name, &module[section.range]));
    all.filter(|(name, _)| !name.starts_with("perso")).collect()
}

/// A policy that is split into documents becomes the code and the data that it becomes as one document.
#[test]
fn a_split_policy_means_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let mut policies = 0;
    for name in ["support-desk", "filesystem", "git-read-only", "mail-own-domain", "sqlite-read-only", "fetch-public"] {
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let whole: Value = serde_json::from_str(&text).unwrap();
        let rules = whole["rules"].as_array().unwrap();
        let (first, rest) = rules.split_at(rules.len() / 2);
        // Examples may rely on rules of the other half, which is checked without this one.
        let plain = |rules: &[Value]| -> Vec<Value> {
            let mut rules = rules.to_vec();
            rules.iter_mut().for_each(|rule| drop(rule.as_object_mut().unwrap().remove("examples")));
            rules
        };
        let mut shared = whole.clone();
        shared["rules"] = plain(first).into();
        let mut main = json!({ "perso": 1, "extends": "shared.json", "rules": plain(rest) });
        if let Some(description) = whole.get("description") {
            main["description"] = description.clone();
        }
        // Patterns must match a listed tool: the list is in both.
        if let Some(tools) = whole.get("tools") {
            main["tools"] = tools.clone();
        }
        let split = compile_with(&main.to_string(), &texts([("shared.json", shared)]))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        // Both from values, which have their keys in one order.
        let whole = compile(&whole.to_string()).unwrap();
        assert!(meaning(&split.module) == meaning(&whole.module), "{name}");
        let [split, whole] = [split.module, whole.module].map(|module| Manifest::read(&module).unwrap());
        assert_eq!(split.documents.len(), 2);
        assert_eq!(
            Manifest { documents: Vec::new(), policy_sha256: String::new(), ..split },
            Manifest { policy_sha256: String::new(), ..whole }
        );
        policies += 1;
    }
    assert_eq!(policies, 6);
}

#[test]
fn documents_come_before_those_that_extend_them_and_once() {
    let rule =
        |id: &str, extends: Value| json!({ "perso": 1, "extends": extends, "rules": [{ "id": id, "allow": id }] });
    let documents = texts([
        ("base.json", json!({ "perso": 1, "rules": [{ "id": "base", "allow": "base" }] })),
        ("left/left.json", rule("left", json!("../base.json"))),
        ("right.json", rule("right", json!(["./left/../base.json"]))),
    ]);
    let asked = RefCell::new(Vec::new());
    let resolver = |path: &str| {
        asked.borrow_mut().push(path.to_owned());
        documents.resolve(path)
    };
    let main = rule("main", json!(["left/left.json", "right.json", "base.json"])).to_string();
    let compiled = compile_with(&main, &resolver).unwrap();
    assert_eq!(ids(&compiled.module), ["base", "left", "right", "main"]);
    assert_eq!(*asked.borrow(), ["left/left.json", "base.json", "right.json"]);
    let paths: Vec<Option<&str>> = compiled.documents.iter().map(|document| document.path).collect();
    assert_eq!(paths, [Some("base.json"), Some("left/left.json"), Some("right.json"), None]);
}

#[test]
fn what_an_extended_document_denies_stays_denied() {
    let org = json!({
        "perso": 1,
        "roles": { "employee": [], "admin": ["employee"] },
        "tools": ["read", "send", "delete"],
        "define": { "verified": { "agent.mfa": true } },
        "rules": [
            { "id": "no-delete", "deny": "delete", "unless": { "agent.roles": { "has": "admin" } } },
            { "id": "ask-send", "ask": "send", "unless": { "use": "verified" } },
            { "id": "read", "allow": "read", "roles": ["employee"],
              "examples": { "denies": [{ "tool": "send" }, { "tool": "read" }] } },
        ],
    });
    let team = json!({
        "perso": 1, "extends": "org.json", "description": "Team",
        "roles": { "mailer": ["employee"] },
        "tools": ["archive", "read"],
        "rules": [
            { "id": "all", "allow": "*", "roles": ["mailer"] },
            { "id": "verified-archive", "deny": "archive", "unless": { "use": "verified" } },
        ],
    });
    let compiled = compile_with(&team.to_string(), &texts([("org.json", org)])).unwrap();
    let policy = Policy::from_module(compiled.module.as_slice()).unwrap();
    let manifest = Manifest::read(&compiled.module).unwrap();
    assert_eq!(manifest.description.as_deref(), Some("Team"));
    let decided = |tool: &str, roles: &[&str], mfa: bool| {
        let call = json!({ "tool": tool, "agent": { "roles": roles, "mfa": mfa } });
        let decision = policy.decide_value(&call);
        (decision.outcome.name(), decision.rule.map(str::to_owned))
    };
    let by = |outcome: &'static str, rule: &str| (outcome, Some(rule.to_owned()));
    assert_eq!(decided("delete", &["mailer"], true), by("deny", "no-delete"));
    assert_eq!(decided("delete", &["mailer", "admin"], true), by("allow", "all"));
    assert_eq!(decided("send", &["mailer"], false), by("ask", "ask-send"));
    assert_eq!(decided("send", &["mailer"], true), by("allow", "all"));
    assert_eq!(decided("read", &["mailer"], true), by("allow", "read"));
    assert_eq!(decided("archive", &["mailer"], false), by("deny", "verified-archive"));
    assert_eq!(decided("archive", &["mailer"], true), by("allow", "all"));
    assert_eq!(decided("unlisted", &["mailer"], true), ("deny", None));
}

/// The list of tools of any document closes the policy: a document that is joined never opens it.
#[test]
fn one_list_of_tools_closes_the_policy() {
    let listed = json!({ "perso": 1, "tools": ["read"], "rules": [] });
    let any = json!({ "perso": 1, "rules": [{ "id": "any", "allow": "*" }] });
    for (main, other) in [(&listed, &any), (&any, &listed)] {
        let mut main = main.clone();
        main["extends"] = json!("other.json");
        let policy = Policy::compile_with(&main.to_string(), &texts([("other.json", other.clone())])).unwrap();
        assert!(policy.decide_json(br#"{"tool": "read"}"#).is_allowed());
        assert!(!policy.decide_json(br#"{"tool": "write"}"#).is_allowed());
    }
    // A rule of the one for a tool that only the other could have meant is an error, not a hole.
    let main = json!({ "perso": 1, "extends": "other.json", "rules": [{ "id": "w", "allow": "write" }] });
    assert_eq!(codes(compile_with(&main.to_string(), &texts([("other.json", listed)]))), [Code::UnmatchedTool]);
}

#[test]
fn only_the_main_document_opens_the_default() {
    let with = |default: Option<&str>, extends: Option<&str>| {
        let mut document = json!({ "perso": 1, "rules": [{ "id": "d", "deny": "never" }] });
        if let Some(path) = extends {
            document = json!({ "perso": 1, "extends": path, "rules": [] });
        }
        if let Some(default) = default {
            document["default"] = default.into();
        }
        document
    };
    let joined = |main, other| {
        compile_with(&with(main, Some("o.json")).to_string(), &texts([("o.json", with(other, None))]))
            .map(|compiled| Manifest::read(&compiled.module).unwrap().default)
            .map_err(|error| error.diagnostics[0].code)
    };
    assert_eq!(joined(None, None).as_deref(), Ok("deny"));
    assert_eq!(joined(None, Some("deny")).as_deref(), Ok("deny"));
    assert_eq!(joined(Some("deny"), None).as_deref(), Ok("deny"));
    assert_eq!(joined(Some("allow"), None).as_deref(), Ok("allow"));
    assert_eq!(joined(Some("allow"), Some("allow")).as_deref(), Ok("allow"));
    assert_eq!(joined(None, Some("allow")), Err(Code::Conflict));
    assert_eq!(joined(Some("deny"), Some("allow")), Err(Code::Conflict));
    assert_eq!(joined(Some("allow"), Some("deny")), Err(Code::Conflict));
}

#[test]
fn limits_hold() {
    let numbered =
        |count: usize| -> Texts { (0..count).map(|at| (format!("{at}.json"), empty().to_string())).collect() };
    let paths = |count: usize| (0..count).map(|at| json!(format!("{at}.json"))).collect::<Vec<_>>();
    assert!(compile_with(&extending(paths(63).into()), &numbered(63)).is_ok());
    assert_eq!(codes(compile_with(&extending(paths(64).into()), &numbered(64))), [Code::Limit]);
    assert_eq!(codes(compile_with(&extending(paths(100_000).into()), &numbered(0))), [Code::Limit]);

    let chain = |length: usize| -> Texts {
        let link =
            |at| if at + 1 == length { empty().to_string() } else { extending(json!(format!("{}.json", at + 1))) };
        (0..length).map(|at| (format!("{at}.json"), link(at))).collect()
    };
    assert!(compile_with(&extending(json!("0.json")), &chain(15)).is_ok());
    assert_eq!(codes(compile_with(&extending(json!("0.json")), &chain(16))), [Code::Limit]);
    // Each document is new, without an end.
    let endless = |path: &str| Ok::<_, ResolveError>(extending(json!([format!("a/{}", path.len()), "b", "c/c"])));
    assert!(
        codes(compile_with(&extending(json!("a")), &endless))
            .iter()
            .all(|code| *code == Code::Limit || *code == Code::ExtendsCycle)
    );

    let long = |bytes: usize| {
        let document = json!({ "perso": 1, "description": "x".repeat(bytes), "rules": [] }).to_string();
        move |_: &str| Ok::<_, ResolveError>(document.clone())
    };
    assert!(compile_with(&extending(json!(["a", "b"])), &long((16 << 20) - 100)).is_ok());
    assert_eq!(codes(compile_with(&extending(json!(["a", "b"])), &long(16 << 20))), [Code::Limit]);
    let many = |_: &str| {
        Ok::<_, ResolveError>(format!(
            r#"{{ "perso": 1, "rules": [], "define": {{ "d": [{}0] }} }}"#,
            "0,".repeat(3_000_000)
        ))
    };
    assert_eq!(codes(compile_with(&extending(json!(["a", "b"])), &many)), [Code::Limit]);
    assert_eq!(codes(compile_with(&extending(json!("a".repeat(1025))), &numbered(0))), [Code::Limit]);
}

#[test]
fn what_a_resolver_says_is_shown_safely() {
    let long = "x".repeat(100_000);
    let says = |text: String| move |_: &str| Err::<String, _>(ResolveError::new(text.clone()).help("ask\u{1b}[31m"));
    let error = compile_with(&extending(json!("a.json")), &says(format!("no\n\u{1b}[31m{long}"))).unwrap_err();
    assert!(error.diagnostics[0].message.starts_with(r"`a.json` cannot be extended: no\u000a\u001b[31mxxx"));
    assert!(error.diagnostics[0].message.len() < 1000);
    assert!(!error.to_string().contains('\u{1b}'));
}

#[test]
fn a_key_that_is_escaped_extends_too() {
    let main = extending(json!("org.json")).replace("extends", r"e\u0078tends");
    let org = json!({ "perso": 1, "rules": [{ "id": "org", "deny": "x" }] });
    assert_eq!(ids(&compile_with(&main, &texts([("org.json", org)])).unwrap().module), ["org"]);
    assert_eq!(codes(compile(&main)), [Code::Extends]);
}

#[test]
fn the_module_has_every_document() {
    let org = "{ \"perso\": 1,\n\"rules\": [{ \"id\": \"org\", \"deny\": \"x\" }] }\n";
    let main = extending(json!(["a/org.json", "b.json"]));
    let documents = BTreeMap::from([
        ("a/org.json".to_owned(), org.to_owned()),
        ("b.json".to_owned(), empty().to_string()),
        ("not-extended.json".to_owned(), "?".to_owned()),
    ]);
    let compiled = compile_with(&main, &documents).unwrap();
    let manifest = Manifest::read(&compiled.module).unwrap();
    let listed: Vec<(Option<&str>, u64, &str)> =
        manifest.documents.iter().map(|it| (it.path.as_deref(), it.bytes, it.sha256.as_str())).collect();
    let hash = |text: &str| hex(&sha256(text.as_bytes()));
    let b = empty().to_string();
    assert_eq!(
        listed,
        [
            (Some("a/org.json"), org.len() as u64, hash(org).as_str()),
            (Some("b.json"), b.len() as u64, hash(&b).as_str()),
            (None, main.len() as u64, hash(&main).as_str()),
        ]
    );
    let text = module::policy(&compiled.module).unwrap();
    assert_eq!(text, compiled.documents.text());
    assert_eq!(manifest.policy_sha256, hash(&text));
    let (own, others) = manifest.split(&text).unwrap();
    assert_eq!(own, main);
    assert_eq!(others.keys().collect::<Vec<_>>(), ["a/org.json", "b.json"]);
    // From there, it compiles to the same bytes.
    assert_eq!(compile_with(own, &others).unwrap().module, compiled.module);
    let hash_map: HashMap<String, String> = others.clone().into_iter().collect();
    assert_eq!(compile_with(own, &hash_map).unwrap().module, compiled.module);
    for broken in ["", &text[1..], &text[..text.len() - 1], &text.replace("org", "ogr"), &text.replace('\n', " ")] {
        assert!(manifest.split(broken).is_err(), "{broken}");
    }
    // One document: the manifest does not list it.
    let single = compile(&b).unwrap().module;
    assert!(Manifest::read(&single).unwrap().documents.is_empty());
    assert!(!String::from_utf8_lossy(&single).contains("\"documents\""));
}

/// Spans at the very end of one document and at the very beginning of the next are told apart.
#[test]
fn places_are_in_their_document() {
    let documents = BTreeMap::from([
        ("x/one.json".to_owned(), "{\n".to_owned()),
        ("x/two.json".to_owned(), String::new()),
        ("x/three.json".to_owned(), "ä".to_owned()),
    ]);
    let main = "\u{feff}";
    let error = compile_with(&extending(json!(["x/one.json", "x/two.json", "x/three.json"])), &documents).unwrap_err();
    let source = Source::of("teams/mail.json", &error.documents);
    let places: Vec<(&str, usize, usize)> = error
        .diagnostics
        .iter()
        .map(|finding| source.record(finding))
        .map(|record| (record.file, record.line, record.column))
        .collect();
    assert_eq!(places, [("teams/x/one.json", 1, 1), ("teams/x/two.json", 1, 1), ("teams/x/three.json", 1, 1)]);
    assert!(error.to_string().contains("--> x/three.json:1:1"));
    let checked = check_with(main, &documents);
    assert_eq!(Source::of("p.json", &checked.documents).record(&checked.diagnostics[0]).line, 1);
}

mod in_files {
    use super::*;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(files: &[(&str, Value)]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for (path, document) in files {
                fs::create_dir_all(tree.at(path).parent().unwrap()).unwrap();
                fs::write(tree.at(path), document.to_string()).unwrap();
            }
            tree
        }

        fn at(&self, path: &str) -> std::path::PathBuf {
            self.0.path().join(path)
        }
    }

    fn org() -> Value {
        json!({ "perso": 1, "rules": [{ "id": "org", "deny": "x" }] })
    }

    fn team(path: &str) -> Value {
        json!({ "perso": 1, "extends": path, "rules": [{ "id": "team", "allow": "*" }] })
    }

    fn loaded(path: &Path) -> Result<Vec<String>, String> {
        Policy::load(path).map(|policy| ids(policy.module())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_policy_loads_what_is_below_its_folder() {
        let tree = Tree::new(&[
            ("policies/team.json", team("shared/team.json")),
            ("policies/shared/team.json", json!({ "perso": 1, "extends": "../org.json", "rules": [] })),
            ("policies/org.json", org()),
            ("org.json", org()),
            ("policies/outside.json", team("../org.json")),
        ]);
        assert_eq!(loaded(&tree.at("policies/team.json")).unwrap(), ["org", "team"]);
        let error = loaded(&tree.at("policies/outside.json")).unwrap_err();
        assert!(error.contains("`../org.json` cannot be extended: it is outside of the policy's folder"), "{error}");
        let text = fs::read_to_string(tree.at("policies/outside.json")).unwrap();
        let including = |folder: &str| {
            let folder = Folder::of(tree.at("policies/outside.json")).include(tree.at(folder));
            compile_with(&text, &folder).map(|compiled| ids(&compiled.module)).map_err(|error| error.to_string())
        };
        assert_eq!(including("").unwrap(), ["org", "team"]);
        assert!(including("no-such-folder").is_err());
        assert!(including("policies/shared").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_outside() {
        use std::os::unix::fs::symlink;
        let tree = Tree::new(&[
            ("policies/by-file.json", team("linked.json")),
            ("policies/by-folder.json", team("folder/org.json")),
            ("policies/inside.json", team("inside-link.json")),
            ("policies/own.json", org()),
            ("elsewhere/org.json", org()),
            // A folder whose name begins like the policy's.
            ("policies-too/org.json", org()),
            ("policies/similar.json", team("similar-link.json")),
            ("policies/endless.json", team("self/endless.json")),
            ("policies/loop.json", team("loop-link.json")),
        ]);
        symlink("../elsewhere/org.json", tree.at("policies/linked.json")).unwrap();
        symlink("../elsewhere", tree.at("policies/folder")).unwrap();
        symlink("own.json", tree.at("policies/inside-link.json")).unwrap();
        symlink("../policies-too/org.json", tree.at("policies/similar-link.json")).unwrap();
        symlink(".", tree.at("policies/self")).unwrap();
        symlink("loop-link.json", tree.at("policies/loop-link.json")).unwrap();
        for name in ["by-file", "by-folder", "similar"] {
            let path = tree.at(&format!("policies/{name}.json"));
            let error = loaded(&path).unwrap_err();
            assert!(error.contains("it is outside of the policy's folder"), "{name}: {error}");
            let text = fs::read_to_string(&path).unwrap();
            let folder = Folder::of(&path).include(tree.at("elsewhere")).include(tree.at("policies-too"));
            assert!(compile_with(&text, &folder).is_ok(), "{name}");
        }
        assert_eq!(loaded(&tree.at("policies/inside.json")).unwrap(), ["org", "team"]);
        assert!(loaded(&tree.at("policies/endless.json")).unwrap_err().contains("in a row"));
        assert!(loaded(&tree.at("policies/loop.json")).unwrap_err().contains("cannot be extended"));
        // As Kubernetes mounts volumes: the folder itself is reached through a link.
        symlink("policies", tree.at("mounted")).unwrap();
        assert_eq!(loaded(&tree.at("mounted/inside.json")).unwrap(), ["org", "team"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_files_are_read() {
        let tree = Tree::new(&[("pipe.json", team("pipe")), ("device.json", team("zero"))]);
        assert!(std::process::Command::new("mkfifo").arg(tree.at("pipe")).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", tree.at("zero")).unwrap();
        assert!(loaded(&tree.at("pipe.json")).unwrap_err().contains("it is not a file"));
        let text = fs::read_to_string(tree.at("device.json")).unwrap();
        let error = compile_with(&text, &Folder::of(tree.at("device.json")).include("/dev")).unwrap_err();
        assert!(error.to_string().contains("it is not a file"), "{error}");
        fs::write(tree.at("huge"), vec![b' '; (32 << 20) + 1]).unwrap();
        fs::write(tree.at("large.json"), team("huge").to_string()).unwrap();
        assert!(loaded(&tree.at("large.json")).unwrap_err().contains("it has more than 33554432 bytes"));
    }

    #[test]
    fn the_same_documents_give_the_same_bytes_everywhere() {
        let documents = [("a/team.json", team("../shared/org.json")), ("shared/org.json", org())];
        let [one, other] = [Tree::new(&documents), Tree::new(&documents)];
        let module = |tree: &Tree| {
            let path = tree.at("a/team.json");
            compile_with(&fs::read_to_string(&path).unwrap(), &Folder::of(path).include(tree.at(""))).unwrap().module
        };
        assert_eq!(module(&one), module(&other));
        let by_map = compile_with(&documents[0].1.to_string(), &texts([("../shared/org.json", org())])).unwrap();
        assert_eq!(module(&one), by_map.module);
        let shown = String::from_utf8_lossy(&by_map.module).into_owned();
        assert!(shown.contains(r#""path":"../shared/org.json""#));
    }

    #[test]
    fn files_to_watch_are_listed() {
        let tree = Tree::new(&[
            ("team.json", json!({ "perso": 1, "extends": ["org.json", "later/new.json"], "rules": [] })),
            ("org.json", json!({ "perso": 1, "extends": "base.json", "rules": [] })),
            ("base.json", org()),
        ]);
        let listed = |path: &str| files(tree.at(path));
        assert_eq!(
            listed("team.json"),
            ["team.json", "org.json", "base.json", "later/new.json"].map(|path| tree.at(path))
        );
        assert_eq!(listed("base.json"), [tree.at("base.json")]);
        assert_eq!(listed("missing.json"), [tree.at("missing.json")]);
        fs::write(tree.at("p.wasm"), compile(&empty().to_string()).unwrap().module).unwrap();
        assert_eq!(listed("p.wasm"), [tree.at("p.wasm")]);
    }
}

/// What one document covers, the joined policy covers, and another document cannot take it back.
#[test]
fn what_a_document_covers_stays_covered() {
    let org = texts([(
        "org.json",
        json!({ "perso": 1, "covers": ["tools", "resources"],
                "rules": [{ "id": "secret", "deny": "mcp:*", "when": { "args.uri": { "contains": "secret" } } }] }),
    )]);
    let rules = json!([{ "id": "read", "allow": "mcp:resources/read" }]);
    for (own, covers) in [
        (None, ["tools", "resources"].as_slice()),
        (Some(json!(["tools"])), &["tools", "resources"]),
        (Some(json!(["resources", "prompts"])), &["tools", "resources", "prompts"]),
    ] {
        let mut main = json!({ "perso": 1, "extends": "org.json", "rules": rules });
        main.as_object_mut().unwrap().extend(own.map(|own| ("covers".to_owned(), own)));
        let module = compile_with(&main.to_string(), &org).unwrap().module;
        assert_eq!(Manifest::read(&module).unwrap().covers, covers);
        let policy = Policy::from_module(module).unwrap();
        let decide = |uri: &str| policy.decide(&perso_core::Call::new("mcp:resources/read").arg("uri", uri)).rule;
        assert_eq!((decide("note://a"), decide("note://secret")), (Some("read"), Some("secret")));
    }
}
