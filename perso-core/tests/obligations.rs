//! What has to be remembered of a call, as hosts with a ledger get it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use perso_core::{Call, CauseKind, Outcome, Policy, Problem, Scalar, Window};
use serde_json::{Value, json};

const POLICY: &str = r#"{
    "perso": 1,
    "rules": [
        { "id": "refund", "allow": "refund" },
        { "id": "large", "ask": "transfer" },
        { "id": "read", "allow": ["read", "fetch"] }
    ],
    "limits": [
        { "id": "refunds", "of": ["refund", "transfer"], "per": ["agent.id", "args.to"], "sum": "args.amount", "max": 2000.5,
          "window": "24h", "over": "ask", "reason": "At most $2000.50 a day." },
        { "id": "calls", "of": "*", "max": 100, "window": "month", "zone": "Europe/Berlin" },
        { "id": "session", "of": "read", "max": 3, "window": "session" }
    ],
    "labels": [
        { "id": "strangers", "of": ["fetch", "read"], "add": ["untrusted", "seen"] },
        { "id": "customers", "of": "read", "add": ["private", "seen"] }
    ]
}"#;

const ONE: u128 = 10_u128.pow(18);

fn call(tool: &'static str, amount: Value) -> Call<'static> {
    let call = Call::new(tool).arg("amount", amount).arg("to", "Bob").agent_attribute("id", "ann");
    call.session(json!({ "id": "s1" }))
}

#[test]
fn a_call_counts_towards_each_limit_that_is_about_it() {
    let policy = Policy::compile(POLICY).unwrap();
    assert!(policy.needs_ledger() && policy.reads_session());
    let amount = call("refund", json!(19.5));
    let assessed = policy.assess(&amount);
    assert_eq!(assessed.decision.outcome, Outcome::Allow);
    let [refunds, calls] = assessed.obligations.charges.as_slice() else { unreachable!("{assessed:?}") };
    assert_eq!(refunds.account, [Scalar::Text("ann".to_owned()), Scalar::Text("Bob".to_owned())]);
    assert_eq!((refunds.amount, refunds.limit.max), (195 * ONE / 10, 20005 * ONE / 10));
    assert!(refunds.limit.asks && !calls.limit.asks);
    assert_eq!(&*refunds.limit.reason, "At most $2000.50 a day.");
    assert_eq!(&*calls.limit.reason, "every call is allowed at most 100 times in one month (limit `calls`)");
    assert_eq!(refunds.limit.window, Window::Last(86_400));
    let month = Window::Calendar { period: "month".into(), zone: "Europe/Berlin".into() };
    assert_eq!((calls.account.len(), calls.amount, &calls.limit.window), (0, ONE, &month));
    assert!(assessed.obligations.labels.is_empty());

    let asked = policy.assess(&call("transfer", json!(1)));
    assert_eq!((asked.decision.outcome, asked.obligations.charges.len()), (Outcome::Ask, 2));

    let read = call("read", json!(0));
    let read = policy.assess(&read);
    assert_eq!(read.obligations.labels, ["untrusted", "seen", "private"]);
    assert_eq!(read.obligations.session.as_deref(), Some("s1"));
    assert_eq!(read.obligations.charges[1].account, [Scalar::Text("s1".to_owned())]);
    assert!(policy.assess(&Call::new("nothing")).obligations.is_empty());
}

#[test]
fn what_cannot_be_counted_is_denied() {
    let policy = Policy::compile(POLICY).unwrap();
    for (amount, problem) in [
        (json!(null), Problem::Null),
        (json!("5"), Problem::Type),
        (json!([5]), Problem::Type),
        (json!(true), Problem::Type),
        (json!(-1), Problem::OutOfRange),
        (json!(-0.01), Problem::OutOfRange),
        (json!(1e18), Problem::OutOfRange),
        (json!(1e-19), Problem::OutOfRange),
        (json!(1e300), Problem::OutOfRange),
    ] {
        let assessed = policy.assess(&call("refund", amount.clone()));
        let cause = assessed.decision.cause;
        assert_eq!((assessed.decision.outcome, cause.kind), (Outcome::Deny, CauseKind::OverLimit), "{amount}");
        let expected = (Some("refunds"), Some("args.amount"), Some(problem));
        assert_eq!((cause.limit, cause.attribute, cause.problem), expected, "{amount}");
        assert!(assessed.obligations.is_empty());
    }
    for text in [
        r#"{"tool": "refund", "args": {"amount": 1e-400, "to": "x"}, "agent": {"id": "a"}}"#,
        r#"{"tool": "refund", "args": {"amount": 1e400, "to": "x"}, "agent": {"id": "a"}}"#,
        r#"{"tool": "refund", "args": {"amount": 1e99999, "to": "x"}, "agent": {"id": "a"}}"#,
        r#"{"tool": "refund", "args": {"amount": 5, "to": "x"}, "agent": {}}"#,
        r#"{"tool": "refund", "args": {"amount": 5, "to": ["x"]}, "agent": {"id": "a"}}"#,
        r#"{"tool": "refund", "args": {"amount": 5, "to": null}, "agent": {"id": "a"}}"#,
    ] {
        assert_eq!(policy.assess_json(text.as_bytes()).decision.cause.kind, CauseKind::OverLimit, "{text}");
    }
    let hint = policy.assess(&call("refund", json!("5"))).decision.hint.map(|hint| hint.to_string());
    assert_eq!(hint.as_deref(), Some("args.amount must be a number"));
    // A session that has no id cannot be labelled, nor counted.
    for text in [r#"{"tool": "fetch"}"#, r#"{"tool": "fetch", "session": {"id": 5}}"#] {
        let cause = policy.assess_json(text.as_bytes()).decision.cause;
        assert_eq!((cause.kind, cause.attribute), (CauseKind::Ledger, Some("session.id")), "{text}");
    }
}

#[test]
fn without_a_ledger_what_counts_is_denied() {
    let policy = Policy::compile(POLICY).unwrap();
    let decision = policy.decide(&call("refund", json!(5)));
    assert_eq!((decision.outcome, decision.cause.kind), (Outcome::Deny, CauseKind::Ledger));
    // A list shows what the rules allow.
    assert!(policy.could_allow(&Call::new("refund")));
}

#[test]
fn large_calls_keep_what_names_their_account() {
    let policy = Policy::compile(POLICY).unwrap();
    let name = "n".repeat(700_000);
    let call = call("refund", json!(5)).agent_attribute("id", name.as_str());
    let assessed = policy.assess(&call);
    assert_eq!(assessed.obligations.charges[0].account[0], Scalar::Text(name));
    // The instance is as before.
    assert_eq!(policy.assess(&self::call("refund", json!(5))).obligations.charges[0].amount, 5 * ONE);
}

#[test]
fn equal_values_name_one_account() {
    let policy = Policy::compile(POLICY).unwrap();
    let account = |to: &str| {
        let text = format!(r#"{{"tool": "refund", "args": {{"amount": 1, "to": {to}}}, "agent": {{"id": "a"}}}}"#);
        policy.assess_json(text.as_bytes()).obligations.charges[0].account[1].clone()
    };
    assert_eq!(account("500"), account("5.00e2"));
    assert_eq!(account("\"\\u0041\""), account("\"A\""));
    assert_ne!(account("1"), account("\"1\""));
    assert_ne!(account("1"), account("true"));
    assert_ne!(account("5"), account("-5"));
}

#[test]
fn a_limit_that_reads_the_resource_needs_it() {
    let limit = |per: &str| {
        format!(
            r#"{{ "perso": 1, "rules": [{{ "id": "refund", "allow": "refund" }}],
                 "limits": [{{ "id": "l", "of": "refund", "per": "{per}", "max": 5, "window": "1h" }}] }}"#
        )
    };
    let needs = |per: &str| Policy::compile(&limit(per)).unwrap().needs_resource(&Call::new("refund"));
    assert!(needs("resource.owner") && !needs("agent.id"));
}

#[test]
fn so_many_limits_can_be_about_one_tool() {
    let policy = |count: usize| {
        let limits: Vec<String> =
            (0..count).map(|n| format!(r#"{{ "id": "l{n}", "of": "*", "max": 5, "window": "1h" }}"#)).collect();
        let limits = limits.join(", ");
        format!(r#"{{ "perso": 1, "rules": [{{ "id": "all", "allow": "*" }}], "limits": [{limits}] }}"#)
    };
    let most = Policy::compile(&policy(64)).unwrap();
    assert_eq!(most.assess(&Call::new("t")).obligations.charges.len(), 64);
    let error = Policy::compile(&policy(65)).unwrap_err().to_string();
    assert!(error.contains("more than 64 limits and labels are about one tool"), "{error}");
}
