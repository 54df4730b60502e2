//! The answer to a denied caller, and the events for the host.

use crate::support::server::{Server, TOOLS};
use crate::support::wire::{Client, MODERN, REVISIONS, post, send, text};
use crate::support::{Claims, REASON, Ran, authenticate, compiled, policy, router, server};
use axum::{Router, middleware};
use perso_tower::{
    BoxError, Denial, Denied, Event, FromExtension, Guard, PersoLayer, Policy, ResourceQuery, RouterLayer,
};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};

/// Each adapter, with the same configuration.
macro_rules! adapters {
    (|$guard:ident| $setup:expr) => {
        adapters!(policy(), |$guard| $setup)
    };
    ($policy:expr, |$guard:ident| $setup:expr) => {{
        let mut adapters: Vec<(&str, Router, Ran)> = Vec::new();
        {
            let ran = Ran::default();
            let $guard = PersoLayer::new($policy).agent_source(FromExtension::<Claims>::new());
            let server = server::http(Server { ran: ran.clone() });
            adapters.push(("layer", Router::new().nest_service("/mcp", server).layer($setup), ran));
        }
        {
            let ran = Ran::default();
            let server = Server { ran: ran.clone() };
            let $guard = server.guarded($policy).agent_source(FromExtension::<Claims>::new());
            adapters.push(("rmcp", Router::new().nest_service("/mcp", server::http($setup)), ran));
        }
        {
            let ran = Ran::default();
            let $guard = RouterLayer::new($policy).agent_source(FromExtension::<Claims>::new());
            adapters.push(("tower-mcp", router::http(&ran).layer($setup).into_router_at("/mcp"), ran));
        }
        adapters.into_iter().map(|(name, app, ran)| (name, app.layer(middleware::from_fn(authenticate)), ran))
    }};
}

#[tokio::test]
async fn a_function_may_say_something_else() {
    let said = |denied: &Denied| format!("{} Ask a manager about {}.", denied.reason, denied.tool);
    for (adapter, app, ran) in adapters!(|guard| guard.denial(said)) {
        let client = Client::connect(&app, "2025-11-25", "agent").await;
        let answer = client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await;
        assert_eq!(text(&answer), format!("{REASON} Ask a manager about pay."), "{adapter}");
        assert_eq!(answer["result"]["isError"], true, "{adapter}");
        if adapter != "rmcp" {
            let task = json!({ "task": {} });
            let answer = client.call("agent", "pay", json!({ "amount": 501 }), task).await;
            assert_eq!(answer["error"]["message"], format!("{REASON} Ask a manager about pay."), "{adapter}");
        }
        ran.assert_nothing(adapter);
    }
}

/// A policy that asks about large payments, and about any `wipe`.
fn asks() -> Policy {
    compiled(&json!({
        "perso": 1,
        "rules": [
            { "id": "pay-small", "allow": "pay", "when": { "args.amount": { "lte": 500 } }, "reason": REASON },
            { "id": "pay-large", "ask": "pay", "when": { "args.amount": { "gt": 500, "lte": 1000 } },
              "reason": "Payments above 500 are large." },
            { "id": "wipe", "ask": "wipe" }
        ]
    }))
}

const APPROVAL: &str = "This call needs the approval of a person.";

#[tokio::test]
async fn a_call_that_needs_an_approval_does_not_run() {
    let large = format!("Payments above 500 are large. {APPROVAL}");
    let wipe = format!("wipe needs the approval of a person (rule `wipe`). {APPROVAL}");
    for revision in ["2025-11-25", MODERN] {
        for (adapter, app, ran) in adapters!(asks(), |guard| guard) {
            let client = Client::connect(&app, revision, "agent").await;
            for (tool, args, expected, rule) in
                [("pay", json!({ "amount": 501 }), &large, "pay-large"), ("wipe", json!({}), &wipe, "wipe")]
            {
                let answer = client.call("agent", tool, args, Value::Null).await;
                assert_eq!(text(&answer), *expected, "{adapter} {revision}");
                assert_eq!(answer["result"]["isError"], true, "{adapter} {revision}");
                let decision = &answer["result"]["_meta"]["dev.perso/decision"];
                assert_eq!((&decision["decision"], &decision["rule"]), (&json!("ask"), &json!(rule)), "{adapter}");
            }
            ran.assert_nothing(adapter);
            // Tools whose calls somebody could approve are listed.
            assert_eq!(client.list("agent").await.0, ["pay", "wipe"], "{adapter} {revision}");
            client.call("agent", "pay", json!({ "amount": 500 }), Value::Null).await;
            assert_eq!(ran.take(), [("pay".to_owned(), json!({ "amount": 500 }))], "{adapter} {revision}");
        }
    }
}

#[tokio::test]
async fn a_hidden_call_that_needs_an_approval_does_not_run_either() {
    for (adapter, app, ran) in adapters!(asks(), |guard| guard.hide()) {
        let client = Client::connect(&app, "2025-11-25", "agent").await;
        let answer = client.call("agent", "wipe", json!({}), Value::Null).await;
        assert_eq!(answer["error"]["code"], -32602, "{adapter}: {answer}");
        ran.assert_nothing(adapter);
    }
}

#[tokio::test]
async fn the_text_says_what_is_wrong_with_an_argument() {
    for (adapter, app, ran) in adapters!(asks(), |guard| guard) {
        let client = Client::connect(&app, MODERN, "agent").await;
        for (args, hint) in [
            (json!({ "amount": "450" }), "args.amount must be a number"),
            (json!({ "amount": null }), "args.amount must not be null"),
            (json!({}), "args.amount is missing"),
        ] {
            let answer = client.call("agent", "pay", args, Value::Null).await;
            assert_eq!(text(&answer), format!("{REASON} Hint: {hint}."), "{adapter}");
            let decision = &answer["result"]["_meta"]["dev.perso/decision"];
            assert_eq!((&decision["decision"], &decision["hint"]), (&json!("deny"), &json!(hint)), "{adapter}");
        }
        ran.assert_nothing(adapter);
    }
}

#[tokio::test]
async fn an_observer_sees_an_ask() {
    let seen: Arc<Mutex<Vec<(&str, bool)>>> = Arc::default();
    let observe = {
        let seen = seen.clone();
        move |event: &Event<'_>, _: &Value| {
            seen.lock().unwrap().push((event.decision.outcome.name(), event.decision.is_allowed()));
        }
    };
    for (adapter, app, ran) in adapters!(asks(), |guard| guard.on_decision(observe.clone())) {
        let client = Client::connect(&app, MODERN, "agent").await;
        client.call("agent", "wipe", json!({}), Value::Null).await;
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), [("ask", false)], "{adapter}");
        ran.assert_nothing(adapter);
    }
}

/// A denial that tries to claim success, with content that a client would trust.
struct Cheerful;

impl Denial for Cheerful {
    fn text(&self, _: &Denied) -> String {
        "no".to_owned()
    }

    fn result(&self, denied: &Denied) -> Map<String, Value> {
        let text = self.text(denied);
        let result = json!({
            "content": [{ "type": "text", "text": text }, { "type": "text", "text": "really" }],
            "isError": false,
            "structuredContent": { "paid": true }
        });
        result.as_object().cloned().unwrap()
    }
}

#[tokio::test]
async fn a_denial_stays_a_denial_whatever_is_said() {
    for (adapter, app, ran) in adapters!(|guard| guard.denial(Cheerful)) {
        for revision in ["2025-11-25", MODERN] {
            let client = Client::connect(&app, revision, "agent").await;
            let result = &client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await["result"];
            assert_eq!(result["content"][1]["text"], "really", "{adapter}");
            assert_eq!(result["isError"], true, "{adapter}");
            assert_eq!(result.get("structuredContent"), None, "{adapter}");
        }
        ran.assert_nothing(adapter);
    }
}

#[tokio::test]
async fn what_is_hidden_is_not_to_be_told_from_what_is_not_there() {
    for (adapter, app, ran) in adapters!(|guard| guard.hide()) {
        for revision in ["2025-11-25", MODERN] {
            let client = Client::connect(&app, revision, "agent").await;
            // An admin may call unknown tools, and gets the server's own answer.
            let unknown = client.call("admin", "nothing", json!({}), Value::Null).await;
            ran.take();
            for tool in ["wipe", "nothing"] {
                let answer = client.call("agent", tool, json!({}), Value::Null).await;
                assert_eq!(answer["error"]["code"], -32602, "{adapter}: {answer}");
                if adapter == "tower-mcp" {
                    let own = unknown["error"]["message"].as_str().unwrap().replace("nothing", tool);
                    assert_eq!(answer["error"]["message"], own, "{adapter}");
                }
            }
            ran.assert_nothing(adapter);
        }
    }
}

#[tokio::test]
async fn a_hidden_tool_of_a_router_is_answered_as_the_router_does() {
    use rmcp::handler::server::wrapper::Parameters;
    use rmcp::{ServerHandler, tool, tool_handler, tool_router};

    #[derive(Clone)]
    struct Tools;

    #[tool_router]
    impl Tools {
        #[tool(description = "pays")]
        fn pay(&self, Parameters(_): Parameters<Map<String, Value>>) -> String {
            "paid".to_owned()
        }
    }

    #[tool_handler]
    impl ServerHandler for Tools {}

    let guarded = Tools.guarded(policy()).agent_source(FromExtension::<Claims>::new()).hide();
    let app = Router::new().nest_service("/mcp", server::http(guarded)).layer(middleware::from_fn(authenticate));
    for revision in REVISIONS {
        let client = Client::connect(&app, revision, "agent").await;
        let unknown = client.call("admin", "nothing", json!({}), Value::Null).await;
        assert_eq!(client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await, unknown, "{revision}");
        assert_eq!(client.call("agent", "nothing", json!({}), Value::Null).await, unknown, "{revision}");
    }
}

#[tokio::test]
async fn who_only_observes_changes_nothing() {
    for (adapter, app, ran) in adapters!(|guard| guard.observe()) {
        let client = Client::connect(&app, "2025-11-25", "agent").await;
        let answer = client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await;
        assert!(text(&answer).starts_with("pay ran"), "{adapter}: {answer}");
        client.call("agent", "wipe", json!({}), Value::Null).await;
        assert_eq!(ran.take().len(), 2, "{adapter}");
        let tools = client.list("agent").await.0;
        assert!(tools == TOOLS || tools == ["ask", "pay", "t0", "wipe"], "{adapter}: {tools:?}");
    }
    let ran = Ran::default();
    let app = crate::support::lax::lax(&ran).layer(PersoLayer::new(policy()).observe());
    send(&app, post("agent", &[], r#"[{"method":"tools/call","params":{"name":"wipe"}}]"#)).await;
    assert_eq!(ran.take().len(), 1);
}

type Record = (String, Option<String>, bool, bool, String, Value);

/// Records each event.
fn recorder(records: &Arc<Mutex<Vec<Record>>>) -> impl Fn(&Event<'_>, &Value) + Send + Sync + 'static {
    let records = records.clone();
    move |event, args| {
        records.lock().unwrap().push((
            event.tool.to_owned(),
            event.rule().map(str::to_owned),
            event.decision.is_allowed(),
            event.enforced,
            event.failure.map(ToString::to_string).unwrap_or_default(),
            args.clone(),
        ));
    }
}

#[tokio::test]
async fn the_host_is_told_of_each_decision() {
    let records: Arc<Mutex<Vec<Record>>> = Arc::default();
    let broken = |_: ResourceQuery| async { Err::<Map<String, Value>, BoxError>("no database".into()) };
    for (adapter, app, _) in adapters!(|guard| guard.on_decision(recorder(&records)).resource(broken)) {
        let client = Client::connect(&app, "2025-11-25", "agent").await;
        client.call("agent", "pay", json!({ "amount": 5 }), Value::Null).await;
        client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await;
        client.call("manager", "wipe", json!({ "id": 1 }), Value::Null).await;
        client.list("agent").await;
        let record = |tool: &str, rule: &str, allowed, failure: &str, args| {
            (tool.to_owned(), Some(rule.to_owned()), allowed, true, failure.to_owned(), args)
        };
        let expected = [
            record("pay", "pay-small", true, "", json!({ "amount": 5 })),
            record("pay", "pay-small", false, "", json!({ "amount": 501 })),
            record("wipe", "wipe-own", false, "no database", json!({ "id": 1 })),
        ];
        assert_eq!(std::mem::take(&mut *records.lock().unwrap()), expected, "{adapter}");
    }
    for (adapter, app, _) in adapters!(|guard| guard.observe().on_decision(recorder(&records))) {
        let client = Client::connect(&app, "2025-11-25", "agent").await;
        client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await;
        let recorded = std::mem::take(&mut *records.lock().unwrap());
        let [(_, _, allowed, enforced, ..)] = &recorded[..] else { panic!("{adapter}: {recorded:?}") };
        // The record has the decision, although it was not enforced.
        assert_eq!((*allowed, *enforced), (false, false), "{adapter}");
    }
}

/// Collects the text that `tracing` writes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_decision_is_traced_without_values_of_arguments() {
    let log = Log::default();
    let written = log.clone();
    // Subscribe globally: a thread's own subscriber would miss events while other tests trace at the same time. Their
    // events are in the log as well, under other rule ids.
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).init();
    let policy = compiled(&json!({ "perso": 1, "rules": [
        { "id": "traced", "allow": "pay", "when": { "args.amount": { "lte": 500 } }, "reason": "Up to 500." }
    ] }));
    let app = Router::new().nest_service("/mcp", server::http(Server::default())).layer(PersoLayer::new(policy));
    let client = Client::connect(&app, "2025-11-25", "x").await;
    client.call("x", "pay", json!({ "amount": 5, "card": "4111-secret" }), Value::Null).await;
    let answer = client.call("x", "pay", json!({ "amount": 501, "card": "4111-secret" }), Value::Null).await;
    let id = answer["result"]["_meta"]["dev.perso/decision"]["decision_id"].as_str().unwrap().to_owned();
    client.call("x", "\u{1b}[31mroot\nINFO perso: allowed", json!({}), Value::Null).await;

    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let with = |word| log.lines().filter(|line| line.contains(word)).collect::<Vec<_>>();
    let [allowed, denied] = with("rule=\"traced\"")[..] else { panic!("{log}") };
    for word in ["INFO perso:", "tool=pay", "decision=\"allow\"", "cause=\"rule\"", "enforced=true", "duration_us="] {
        assert!(allowed.contains(word), "{word}: {allowed}");
    }
    for word in [
        "WARN perso:",
        &id,
        "tool=pay",
        "decision=\"deny\"",
        "cause=\"no_rule\"",
        "attribute=\"args.amount\"",
        "Up to 500.",
    ] {
        assert!(denied.contains(word), "{word}: {denied}");
    }
    // Line ends and colour codes are escaped, so a name cannot forge a log line.
    let [forged] = with("31mroot")[..] else { panic!("{log}") };
    assert!(forged.contains("\\u001b[31mroot\\u000aINFO perso: allowed"), "{forged}");
    assert!(!log.contains("secret"), "{log}");
}
