//! What depends on earlier calls: limits, labels and approvals, through each adapter.

use crate::support::server::Server;
use crate::support::wire::{Client, MODERN, assert_denied, text};
use crate::support::{Claims, Ran, authenticate, compiled, router, server};
use axum::{Router, middleware};
use http::request::Parts;
use perso_core::journal;
use perso_tower::{
    Answer, Approval, BoxError, Event, FromExtension, Guard, PersoLayer, Policy, PolicyHandle, Question, Queue,
    RouterLayer, ledger,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tower_mcp::RouterRequest;

fn policy() -> Policy {
    compiled(&json!({
        "perso": 1,
        "rules": [
            { "id": "pay", "allow": "pay", "when": { "args.amount": { "gt": 0, "lte": 500 } } },
            { "id": "pay-large", "ask": "pay", "when": { "args.amount": { "gt": 500, "lte": 600 } }, "reason": "Large payments need approval." },
            { "id": "read", "allow": "t0" },
            { "id": "wipe", "allow": "wipe" },
            { "id": "no-wipe", "deny": "wipe", "when": { "session.labels": { "has": "untrusted" } }, "reason": "Not after reading." }
        ],
        "limits": [{ "id": "a-day", "of": "pay", "per": "agent.id", "sum": "args.amount", "max": 1000, "window": "24h",
                     "reason": "At most 1000 a day." }],
        "labels": [{ "id": "reads", "of": "t0", "add": "untrusted" }]
    }))
}

/// Sets the same things on the guard of any adapter. The session is the token's part after the last `@`.
macro_rules! settings {
    ($guard:expr, $session:expr) => {{
        let ledger = ledger::open("memory:").unwrap();
        $guard.agent_source(FromExtension::<Claims>::new()).session($session).ledger(ledger)
    }};
}

fn session(claims: Option<&Claims>) -> Option<String> {
    Some(claims?.id.rsplit_once('@')?.1.to_owned())
}

fn of_parts(parts: &Parts) -> Option<String> {
    session(parts.extensions.get())
}

fn of_context(context: &RequestContext<RoleServer>) -> Option<String> {
    of_parts(context.extensions.get::<Parts>()?)
}

fn of_router(request: &RouterRequest) -> Option<String> {
    session(request.extensions.get())
}

fn served<H: ServerHandler + Clone>(handler: H) -> Router {
    Router::new().nest_service("/mcp", server::http(handler))
}

/// A server behind each adapter, and what it runs.
fn each(set: impl Fn(Settings) -> Settings) -> Vec<(&'static str, Router, Ran)> {
    let apps = [
        ("layer", {
            let ran = Ran::default();
            let Settings::Layer(layer) = set(Settings::Layer(settings!(PersoLayer::new(policy()), of_parts))) else {
                panic!()
            };
            (served(Server { ran: ran.clone() }).layer(layer), ran)
        }),
        ("rmcp", {
            let server = Server::default();
            let ran = server.ran.clone();
            let guarded = Settings::Rmcp(settings!(server.guarded(policy()), of_context));
            let Settings::Rmcp(guarded) = set(guarded) else { panic!() };
            (served(guarded), ran)
        }),
        ("tower-mcp", {
            let ran = Ran::default();
            let layer = Settings::TowerMcp(settings!(RouterLayer::new(policy()), of_router));
            let Settings::TowerMcp(layer) = set(layer) else { panic!() };
            (Router::new().nest_service("/mcp", router::http(&ran).layer(layer).into_router()), ran)
        }),
    ];
    apps.into_iter().map(|(name, (app, ran))| (name, app.layer(middleware::from_fn(authenticate)), ran)).collect()
}

/// The guard of an adapter.
enum Settings {
    Layer(PersoLayer),
    Rmcp(perso_tower::Guarded<Server>),
    TowerMcp(RouterLayer),
}

macro_rules! with {
    ($settings:expr, $guard:ident => $set:expr) => {
        match $settings {
            Settings::Layer($guard) => Settings::Layer($set),
            Settings::Rmcp($guard) => Settings::Rmcp($set),
            Settings::TowerMcp($guard) => Settings::TowerMcp($set),
        }
    };
}

async fn pay(client: &Client, token: &str, amount: u32) -> Value {
    client.call(token, "pay", json!({ "amount": amount }), Value::Null).await
}

#[tokio::test]
async fn a_limit_stops_what_does_not_fit() {
    for (name, app, ran) in each(|guard| guard) {
        let client = Client::connect(&app, MODERN, "agent:ann").await;
        for (token, amount) in [("agent:ann", 500), ("agent:ann", 499), ("agent:bob", 500)] {
            assert!(text(&pay(&client, token, amount).await).starts_with("pay ran"), "{name}");
        }
        let over = pay(&client, "agent:ann", 2).await;
        assert_denied(&over, "At most 1000 a day. Hint: there is room again in about 24 hours.", MODERN);
        pay(&client, "agent:ann", 1).await;
        assert_eq!(ran.take().len(), 4, "{name}");
    }
}

#[tokio::test]
async fn calls_at_once_do_not_pass_a_limit_together() {
    for (name, app, ran) in each(|guard| guard) {
        let client = Client::connect(&app, MODERN, "agent:ann").await;
        futures::future::join_all((0..40).map(|_| pay(&client, "agent:ann", 70))).await;
        assert_eq!(ran.take().len(), 14, "{name}");
    }
}

#[tokio::test]
async fn a_session_keeps_what_it_has_seen() {
    for (name, app, ran) in each(|guard| guard) {
        let client = Client::connect(&app, MODERN, "agent:ann@a").await;
        let call = async |token: &str, tool: &str| client.call(token, tool, json!({}), Value::Null).await;
        let lists = async |token: &str| client.list(token).await.0.contains(&"wipe".to_owned());
        assert!(lists("agent:ann@a").await, "{name}");
        call("agent:ann@a", "wipe").await;
        call("agent:ann@a", "t0").await;
        assert_denied(&call("agent:ann@a", "wipe").await, "Not after reading.", MODERN);
        assert!(!lists("agent:ann@a").await && lists("agent:ann@b").await, "{name}");
        call("agent:ann@b", "wipe").await;
        assert_eq!(ran.take().len(), 3, "{name}");
        // Without a session, nobody knows what has been seen.
        call("agent:ann", "wipe").await;
        call("agent:ann", "t0").await;
        ran.assert_nothing(name);
    }
}

#[tokio::test]
async fn a_person_is_asked() {
    let approve = |question: Question| async move {
        assert_eq!((question.tool.as_str(), question.agent.as_str()), ("pay", "ann"));
        Ok(match question.args["amount"].as_u64() {
            Some(501) => Answer::Approved(Approval::by("max")),
            Some(502) => Answer::Denied { by: "max".to_owned() },
            Some(503) => return Err(BoxError::from("the chat is down")),
            Some(504) => panic!("the host's code panics"),
            _ => std::future::pending().await,
        })
    };
    let time = Duration::from_millis(50);
    for (name, app, ran) in each(|guard| with!(guard, guard => guard.approver(approve).approval_time(time))) {
        let client = Client::connect(&app, MODERN, "agent:ann").await;
        assert!(text(&pay(&client, "agent:ann", 501).await).starts_with("pay ran"), "{name}");
        assert_eq!(ran.take().len(), 1, "{name}");
        let refused = "Large payments need approval. Hint: a person has denied this call: do not repeat it.";
        assert_denied(&pay(&client, "agent:ann", 502).await, refused, MODERN);
        for amount in [503, 504] {
            let failed =
                "Large payments need approval. Hint: nobody could be asked: repeat the same call later to try again.";
            assert_denied(&pay(&client, "agent:ann", amount).await, failed, MODERN);
        }
        let late =
            "Large payments need approval. Hint: nobody has decided in time: repeat the same call later to ask again.";
        assert_denied(&pay(&client, "agent:ann", 505).await, late, MODERN);
        // What a person approves counts, and what they do not approve does not.
        assert!(text(&pay(&client, "agent:ann", 499).await).starts_with("pay ran"), "{name}");
        assert!(text(&pay(&client, "agent:ann", 501).await).starts_with("At most 1000"), "{name}");
    }
}

#[tokio::test]
async fn a_call_waits_in_the_ledger_for_a_person() {
    let ledger = ledger::open("memory:").unwrap();
    let queue = || Queue::new(ledger.clone()).wait(Duration::from_secs(20));
    for (name, app, ran) in each(|guard| with!(guard, guard => guard.ledger(ledger.clone()).approver(queue()))) {
        let client = Client::connect(&app, MODERN, "agent:ann").await;
        let amount = 510 + name.len() as u32;
        let decide = async {
            loop {
                if let [approval] = ledger.pending().await.unwrap().as_slice() {
                    return ledger.decide(approval.id, ledger::Verdict::Approve, "max").await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let user = format!("agent:{name}");
        let (answer, ()) = tokio::join!(pay(&client, &user, amount), decide);
        assert!(text(&answer).starts_with("pay ran"), "{name}: {answer}");
        assert_eq!(ran.take().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_approval_is_void_if_the_policy_has_changed_meanwhile() {
    let (ran, handle) = (Ran::default(), PolicyHandle::from(policy()));
    let changed = handle.clone();
    let layer = settings!(PersoLayer::new(handle), of_parts).approver(move |question: Question| {
        // To one that denies the call, or to the same one.
        let same = question.args["amount"] == 502;
        changed.swap(if same { policy() } else { compiled(&json!({ "perso": 1, "rules": [] })) });
        async { Ok(Answer::Approved(Approval::by("max"))) }
    });
    let app = served(Server { ran: ran.clone() }).layer(layer).layer(middleware::from_fn(authenticate));
    let client = Client::connect(&app, MODERN, "agent:ann").await;
    pay(&client, "agent:ann", 502).await;
    assert_eq!(ran.take().len(), 1);
    let void =
        "Large payments need approval. Hint: the approval has expired or was used: repeat the same call to ask again.";
    assert_denied(&pay(&client, "agent:bob", 501).await, void, MODERN);
    ran.assert_nothing("the policy has changed");
}

#[tokio::test]
async fn what_does_not_run_after_all_is_given_back() {
    let observer = |event: &Event<'_>, args: &Value| {
        assert!(args["amount"] != 400 || !event.decision.is_allowed(), "the host's code panics");
    };
    for (name, app, ran) in each(|guard| with!(guard, guard => guard.on_decision(observer))) {
        let client = Client::connect(&app, MODERN, "agent:ann").await;
        for _ in 0..5 {
            pay(&client, "agent:ann", 400).await;
        }
        ran.assert_nothing(name);
        pay(&client, "agent:ann", 500).await;
        pay(&client, "agent:ann", 500).await;
        assert_eq!(ran.take().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn without_a_ledger_nothing_is_let_through_that_needs_one() {
    let ran = Ran::default();
    let layer = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    let app = served(Server { ran: ran.clone() }).layer(layer).layer(middleware::from_fn(authenticate));
    let client = Client::connect(&app, MODERN, "agent:ann").await;
    let denied = "the policy limits this call, and what was done before is not known";
    assert_denied(&pay(&client, "agent:ann", 1).await, denied, MODERN);
    ran.assert_nothing("there is no ledger");
}

#[tokio::test]
async fn who_has_approved_is_reported() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (ran, noted) = (Ran::default(), seen.clone());
    let observer = move |event: &Event<'_>, _: &Value| {
        noted.lock().unwrap().push((event.decision.is_allowed(), event.approved_by.map(str::to_owned)));
    };
    let layer = settings!(PersoLayer::new(policy()), of_parts)
        .approver(|_: Question| async { Ok(Answer::Approved(Approval::by("max"))) })
        .on_decision(observer);
    let app = served(Server { ran }).layer(layer).layer(middleware::from_fn(authenticate));
    let client = Client::connect(&app, MODERN, "agent:ann").await;
    pay(&client, "agent:ann", 501).await;
    pay(&client, "agent:ann", 1).await;
    assert_eq!(*seen.lock().unwrap(), [(true, Some("max".to_owned())), (true, None)]);
}

/// The lines of a journal that are about decisions.
fn decisions(folder: &Path) -> Vec<Value> {
    let lines = journal::entries(folder).unwrap().map(|line| serde_json::from_slice(&line.unwrap().text).unwrap());
    lines.filter(|line: &Value| line.get("decision").is_some()).collect()
}

#[tokio::test]
async fn decisions_are_in_the_journal_before_calls_run() {
    for adapter in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = journal::Settings::default();
        settings.args = journal::Arguments::Read;
        settings.agent = vec!["id".to_owned()];
        settings.required = true;
        let recorder = Arc::new(journal::Recorder::open(folder.path(), settings).unwrap());
        let apps = each(|guard| with!(guard, guard => guard.journal(recorder.clone())));
        let (name, app, ran) = apps.into_iter().nth(adapter).unwrap();
        let client = Client::connect(&app, MODERN, "agent:ann").await;
        for amount in [20, 800] {
            pay(&client, "agent:ann", amount).await;
        }
        client.call("agent:ann", "unknown", json!({ "text": "marker" }), Value::Null).await;
        assert_eq!(ran.take().len(), 1, "{name}");
        // Nothing waits for denials.
        while recorder.counts().written < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let lines = decisions(folder.path());
        let decided: Vec<_> = lines.iter().map(|line| line["decision"].as_str().unwrap()).collect();
        assert_eq!(decided, ["allow", "deny", "deny"], "{name}: {lines:?}");
        assert_eq!(lines[0]["args"], json!({ "amount": 20 }), "{name}");
        assert_eq!(lines[0]["agent"], json!({ "id": "ann" }), "{name}");
        assert_eq!(lines[0]["policy"], policy().sha256(), "{name}");
        assert!(lines[2]["args"].get("text").is_none(), "{name}");

        // The journal's directory is gone, and something else is in its place.
        fs::rename(folder.path(), folder.path().with_extension("away")).unwrap();
        fs::write(folder.path(), "").unwrap();
        let denied = pay(&client, "agent:ann", 20).await;
        assert_denied(&denied, "the call cannot be recorded", MODERN);
        ran.assert_nothing(name);
        fs::remove_file(folder.path()).unwrap();
        fs::rename(folder.path().with_extension("away"), folder.path()).unwrap();
        // What was charged for the call that did not run has been given back: there is room for 980 more.
        for amount in [500, 480] {
            assert!(text(&pay(&client, "agent:ann", amount).await).starts_with("pay ran"), "{name}");
        }
        assert_eq!(journal::verify(folder.path(), &Default::default()).unwrap().findings, [], "{name}");
    }
}

#[tokio::test]
async fn what_need_not_be_recorded_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Arc::new(journal::Recorder::open(folder.path(), journal::Settings::default()).unwrap());
    fs::remove_dir_all(folder.path()).unwrap();
    for (name, app, ran) in each(|guard| with!(guard, guard => guard.journal(recorder.clone()))) {
        let client = Client::connect(&app, MODERN, "agent:ann").await;
        assert!(text(&pay(&client, "agent:ann", 20).await).starts_with("pay ran"), "{name}");
        assert_eq!(ran.take().len(), 1, "{name}");
    }
}
