//! The reasons that the compiler writes: `reasons/NAME.txt` records one for each rule of the policy `reasons/NAME.json`.
//! After a change of wording, run `BLESS=1 cargo test -p perso-core --test reasons` and read the diff.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use perso_core::check::check;
use perso_core::describe;
use perso_core::policy::Effect;
use std::fmt::Write as _;
use std::fs;

#[test]
fn reasons_are_as_recorded() {
    let mut reasons = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reasons")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let checked = check(&fs::read_to_string(&path).unwrap());
        let policy = checked.policy.unwrap_or_else(|| panic!("{}: {:?}", path.display(), checked.diagnostics));
        let mut text = String::new();
        for rule in &policy.rules {
            reasons += 1;
            writeln!(text, "{}", describe::requirement(&policy, rule)).unwrap();
            if rule.effect == Effect::Ask {
                writeln!(text, "{}", describe::approval(&policy, rule)).unwrap();
            }
        }
        let recorded = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&recorded, text).unwrap();
        } else if fs::read_to_string(&recorded).unwrap_or_default() != text {
            wrong.push(format!("{}\n{text}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as recorded:\n{}", wrong.join("\n"));
    assert!(reasons >= 200, "{reasons} reasons");
}

/// The requirement of a rule given as JSON.
#[track_caller]
fn said(rule: &str) -> String {
    let text = format!(r#"{{ "perso": 1, "rules": [{rule}] }}"#);
    let checked = check(&text);
    let policy = checked.policy.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    describe::requirement(&policy, &policy.rules[0])
}

#[test]
fn texts_are_bounded_and_harmless() {
    let many: Vec<String> = (0..1000).map(|n| format!(r#"{{ "args.a{n}": {{ "gt": {n} }} }}"#)).collect();
    let text =
        said(&format!(r#"{{ "id": "{}", "allow": "t", "when": {{ "any": [{}] }} }}"#, "i".repeat(128), many.join(",")));
    assert!(text.len() <= describe::MAX_TEXT && text.ends_with("i`)") && text.contains('…'), "{text}");
    let text = said(&format!(r#"{{ "id": "r", "allow": "t", "when": {{ "args.a": "{}" }} }}"#, "ä".repeat(500)));
    assert!(text.len() <= describe::MAX_TEXT && text.contains("ää…\""), "{text}");
    let text = said(
        r#"{ "id": "a\u202eb", "allow": "t", "when": { "args.a": "\u0000\u001b\u0085\u00ad\u180e\u200b\u2028\ufff9\udb40\udc41", "args[\"\\u202e\"]": 1 } }"#,
    );
    assert!(!text.contains(|c: char| c.is_control() || c > '~'), "{text}");
}
