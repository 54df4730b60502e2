//! The time of a call: `context.now`, which the host tells.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use perso_core::{Call, Decision, Part, PartName, Policy, Problem, Unknown};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::portable::Portable;

/// A policy with one allow rule for `pay`, and a rule for `look` that reads no time.
fn policy(when: Value) -> Policy {
    let rules = json!([{ "id": "pay", "allow": "pay", "when": when }, { "id": "look", "allow": "look" }]);
    Policy::compile(&json!({ "perso": 1, "rules": rules }).to_string()).unwrap()
}

/// 2026-11-28T22:30:00.123456789Z
fn late() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_795_905_000, 123_456_789)
}

const LATE: &str = "2026-11-28T22:30:00.123Z";

fn is_late() -> Policy {
    policy(json!({ "context.now": LATE }))
}

fn problem(decision: &Decision<'_>) -> Option<Problem> {
    decision.cause.problem
}

#[test]
fn a_policy_says_whether_it_reads_the_time() {
    for when in [
        json!({ "context.now": { "exists": true } }),
        json!({ "context[\"now\"]": { "starts_with": "2026" } }),
        json!({ "context.now": { "length": { "gt": 3 } } }),
        json!({ "args.day": { "eq": { "ref": "context.now" } } }),
        json!({ "not": { "any": [{ "agent.id": "ann" }, { "context.now": { "type": "string" } }] } }),
    ] {
        assert!(policy(when.clone()).reads_time(), "{when}");
    }
    for when in [
        json!({ "context.nowhere": 1 }),
        json!({ "context.site.now": 1 }),
        json!({ "args.now": 1, "agent.now": 1, "resource.now": 1 }),
        json!({ "args[\"context.now\"]": 1 }),
        json!({ "args[\"length of context.now\"]": 1 }),
    ] {
        assert!(!policy(when.clone()).reads_time(), "{when}");
    }
}

#[test]
fn the_time_is_text_in_utc() {
    let policy = is_late();
    assert!(policy.decide(&Call::new("pay").at(late())).is_allowed());
    let earlier = policy.decide(&Call::new("pay").at(late() - Duration::from_millis(1)));
    assert_eq!((earlier.cause.attribute, problem(&earlier)), (Some("context.now"), Some(Problem::Value)));
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (253_402_207_199, "9999-12-30T21:59:59.000Z"),
        (-62_167_219_200, "0000-01-01T00:00:00.000Z"),
    ] {
        let distance = Duration::from_secs(i64::unsigned_abs(seconds));
        let epoch = SystemTime::UNIX_EPOCH;
        let time = if seconds < 0 { epoch - distance } else { epoch + distance };
        let reads = self::policy(json!({ "context.now": text }));
        assert!(reads.decide(&Call::new("pay").at(time)).is_allowed(), "{text}");
    }
}

#[test]
fn a_time_that_has_no_such_text_is_missing() {
    let policy = policy(json!({ "context.now": { "type": "string" } }));
    let far = Duration::from_secs(1 << 40);
    for time in [SystemTime::UNIX_EPOCH + far, SystemTime::UNIX_EPOCH - far] {
        let call = Call::new("pay").at(late()).at(time);
        assert!(!policy.decide(&call).is_allowed());
    }
    // The year 0 begins 62 167 219 200 seconds before 1970.
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(62_167_219_201);
    assert!(!policy.decide(&Call::new("pay").at(before)).is_allowed());
}

#[test]
fn what_the_context_says_stands() {
    let policy = is_late();
    let early = SystemTime::UNIX_EPOCH;
    for context in [Part::from(json!({ "now": LATE })), Part::Json(br#"{ "n\u006fw": "2026-11-28T22:30:00.123Z" }"#)] {
        assert!(policy.decide(&Call::new("pay").context(context.clone()).at(early)).is_allowed(), "{context:?}");
    }
    for context in [json!({ "now": null }), json!({ "now": 5 }), json!({ "now": [LATE] })] {
        assert!(!policy.decide(&Call::new("pay").context(context.clone()).at(late())).is_allowed(), "{context}");
    }
    assert!(!policy.decide(&Call::new("pay").context(Part::Withheld).at(late())).is_allowed());
    assert!(policy.decide(&Call::new("pay").context(Part::Open).at(early)).is_allowed());
    // Elsewhere it is only a name.
    let call = Call::new("pay").arg("now", LATE).arg("context", json!({ "now": LATE })).agent(json!({ "now": LATE }));
    assert!(!policy.decide(&call).is_allowed());
    // A key that could be taken for it makes the call malformed, as ever.
    let decision = policy.decide(&Call::new("pay").context(json!({ "Now": LATE })).at(late()));
    assert_eq!(decision.cause.detail, Some("a key differs only by case from one that the policy reads"));
}

#[test]
fn a_call_with_a_time_is_judged_as_one_whose_context_has_it() {
    let conditions = [
        json!({ "context.now": { "starts_with": "2026-11-28T22" } }),
        json!({ "context.now": { "length": 24 }, "context.site": "berlin" }),
        json!({ "context.now": { "eq": { "ref": "args.now" } } }),
        json!({ "not": { "context.now": { "exists": true } } }),
        json!({ "context.now": { "exists": true }, "context": { "only": ["now", "site"] } }),
        json!({ "context.site": "berlin" }),
        json!({ "context": { "only": ["site"] } }),
        json!({ "context": { "type": "null" } }),
        json!({ "context": { "exists": true } }),
    ];
    let contexts =
        [None, Some(json!(null)), Some(json!({})), Some(json!({ "site": "berlin" })), Some(json!({ "other": [1] }))];
    let mut judged = 0;
    for when in conditions {
        // What is not of the language, such as `type` of a whole part, is left out.
        let rules = json!([{ "id": "pay", "allow": "pay", "when": when }]);
        let Ok(policy) = Policy::compile(&json!({ "perso": 1, "rules": rules }).to_string()) else { continue };
        for context in &contexts {
            for tool in ["pay", "none"] {
                let args = json!({ "now": LATE });
                let mut call = Call::new(tool).args(&args).at(late());
                let mut text = Call::new(tool).args(&args).at(late());
                if let Some(context) = context {
                    call = call.context(context);
                }
                let source = context.as_ref().map(Value::to_string);
                if let Some(source) = &source {
                    text = text.context(Part::Json(source.as_bytes()));
                }
                let mut with = context.clone().filter(|context| !context.is_null()).unwrap_or_else(|| json!({}));
                with["now"] = json!(LATE);
                let expected = json!({ "tool": tool, "args": args, "context": with }).to_string();
                let expected = policy.decide_json(expected.as_bytes());
                assert_eq!(policy.decide(&call), expected, "{when} {context:?}");
                assert_eq!(policy.decide(&text), expected, "{when} {context:?}");
                judged += 1;
            }
        }
    }
    assert!(judged >= 70, "{judged}");
}

/// Whether a call to `pay` with this context could be allowed, by each way to ask.
#[track_caller]
fn could_allow(policy: &Policy, context: Option<&Value>) -> bool {
    let mut call = Call::new("pay");
    let mut text = json!({ "tool": "pay" });
    if let Some(context) = context {
        call = call.context(context);
        text["context"] = context.clone();
    }
    let text = text.to_string();
    let unknown = Unknown::default().open(PartName::Args).open(PartName::Resource).open_time();
    assert_eq!(unknown.bits(), 1 << 16 | 0b101);
    let could = policy.could_allow(&call);
    let decision = policy.decide_json_partial(text.as_bytes(), unknown);
    assert_eq!(decision.outcome != perso_core::Outcome::Deny, could);
    let portable = Portable::new(policy.module()).decide_partial(text.as_bytes(), unknown.bits());
    assert_eq!(portable, serde_json::to_value(decision).unwrap());
    could
}

#[test]
fn a_list_is_made_for_any_time() {
    let policy = is_late();
    assert!(could_allow(&policy, None));
    assert!(could_allow(&policy, Some(&json!(null))));
    assert!(could_allow(&policy, Some(&json!({ "site": "berlin" }))));
    // A time that the host tells stands.
    assert!(could_allow(&policy, Some(&json!({ "now": LATE }))));
    assert!(!could_allow(&policy, Some(&json!({ "now": "2026-11-29T00:00:00.000Z" }))));
    assert!(!could_allow(&policy, Some(&json!({ "now": null }))));
    assert!(policy.could_allow(&Call::new("pay").at(late())));
    assert!(!policy.could_allow(&Call::new("pay").at(SystemTime::UNIX_EPOCH)));
    assert!(policy.could_allow(&Call::new("pay").context(Part::Open)));
    assert!(!policy.could_allow(&Call::new("pay").context(Part::Withheld)));
}

#[test]
fn only_the_time_is_open() {
    let policy = policy(json!({ "context.now": { "starts_with": "2" }, "context.site": "berlin" }));
    assert!(could_allow(&policy, Some(&json!({ "site": "berlin" }))));
    assert!(!could_allow(&policy, Some(&json!({ "site": "paris" }))));
    assert!(!could_allow(&policy, None));
    let closed = self::policy(json!({ "context.now": { "exists": true }, "context": { "only": ["now"] } }));
    assert!(could_allow(&closed, None));
    assert!(!could_allow(&closed, Some(&json!({ "site": "berlin" }))));
    // Where the time is no key that is allowed, it need not be there.
    let without = self::policy(json!({ "context": { "only": ["site"] } }));
    assert!(could_allow(&without, None));
    assert!(could_allow(&without, Some(&json!({ "site": "berlin" }))));
    assert!(!could_allow(&without, Some(&json!({ "site": "berlin", "now": LATE }))));
    assert!(!could_allow(&without, Some(&json!({ "site": "berlin", "other": 1 }))));
    // A policy that does not read the time is not changed by it.
    let elsewhere = self::policy(json!({ "context.site": "berlin" }));
    assert!(could_allow(&elsewhere, Some(&json!({ "site": "berlin" }))));
    assert!(!could_allow(&elsewhere, None));
}

#[test]
fn a_deny_rule_on_the_time_hides_no_tool() {
    let policy = Policy::compile(
        r#"{ "perso": 1, "rules": [
            { "id": "pay", "allow": "pay" },
            { "id": "night", "deny": "pay", "when": { "context.now": { "contains": "T22:" } } }
        ] }"#,
    )
    .unwrap();
    assert!(could_allow(&policy, None));
    assert!(!could_allow(&policy, Some(&json!({ "now": LATE }))));
    // A call without a time is denied.
    assert!(!policy.decide(&Call::new("pay")).is_allowed());
    assert!(!policy.decide(&Call::new("pay").at(late())).is_allowed());
    assert!(policy.decide(&Call::new("pay").at(SystemTime::UNIX_EPOCH)).is_allowed());
}

#[test]
fn an_open_time_is_one_bit_of_the_abi() {
    let open = Unknown::default().open_time();
    assert_eq!(open.bits(), 1 << 16);
    for part in [PartName::Args, PartName::Agent, PartName::Resource, PartName::Context, PartName::Session] {
        for unknown in [open.open(part), open.withheld(part)] {
            assert_eq!(Unknown::from_bits(unknown.bits()), Ok(unknown));
        }
    }
    let mut portable = Portable::new(is_late().module());
    for bits in [1 << 5, 1 << 13, 1 << 17, 1 << 31, 1 << 16 | 0b1_0000_0001] {
        assert!(Unknown::from_bits(bits).is_err(), "{bits}");
        let decision = portable.decide_partial(br#"{ "tool": "pay" }"#, bits);
        assert_eq!(decision["cause"]["kind"], "engine", "{bits}");
    }
    // The context as a whole wins.
    let text = format!(r#"{{ "tool": "pay", "context": {{ "now": "{LATE}" }} }}"#);
    let withheld = open.withheld(PartName::Context);
    assert!(!is_late().decide_json_partial(text.as_bytes(), withheld).is_allowed());
}
