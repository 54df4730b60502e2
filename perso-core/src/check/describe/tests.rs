//! What the texts themselves hold to; what they say is recorded in `tests/reasons`.

use super::*;
use crate::check::check;

/// The requirement of a rule given as JSON.
#[track_caller]
fn said(rule: &str) -> String {
    let text = format!(r#"{{ "perso": 1, "rules": [{rule}] }}"#);
    let checked = check(&text);
    let policy = checked.policy.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    requirement(&policy, &policy.rules[0])
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
