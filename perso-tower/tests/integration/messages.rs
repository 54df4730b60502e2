//! Sends each message of the corpus through each adapter to a server that records what reaches it and what runs.

use crate::support::corpus::{Case, messages};
use crate::support::lax::{lax, lax_notes};
use crate::support::notes::{self, Notes};
use crate::support::server::Server;
use crate::support::wire::{Reply, post, send};
use crate::support::{Ran, router};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use perso_tower::{Event, Guard, PersoLayer, Policy, RouterLayer};
use rmcp::ServiceExt;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tower_mcp::McpRouter;

fn policy(case: &Case) -> Policy {
    Policy::compile(&case.policy()).unwrap()
}

/// The decisions since the last `take`: for each, the tool, whether it may run, and the arguments.
#[derive(Clone, Default)]
struct Decided(Arc<Mutex<Vec<(String, bool, Value)>>>);

impl Decided {
    fn observer(&self) -> impl Fn(&Event<'_>, &Value) + Send + Sync + 'static {
        let decided = self.0.clone();
        move |event, args| {
            decided.lock().unwrap().push((event.tool.to_owned(), event.decision.is_allowed(), args.clone()));
        }
    }

    fn take(&self) -> Vec<(String, bool, Value)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Turns off on any guard what a case turns off.
macro_rules! set {
    ($case:expr, $guard:expr) => {{
        let mut guard = $guard;
        if $case.denies("prompts") {
            guard = guard.deny_prompts();
        }
        if $case.denies("resources") {
            guard = guard.deny_resources();
        }
        guard
    }};
}

/// The outcome of a message.
struct Outcome {
    answer: Option<Value>,
    ran: Vec<(String, Value)>,
    decided: Vec<(String, bool, Value)>,
}

/// Returns how the outcome of a message differs from the expected one. `passed` checks a message that the server should
/// get.
fn wrong(case: &Case, outcome: &Outcome, passed: impl FnOnce() -> Option<String>) -> Option<String> {
    let Outcome { answer, ran, decided } = outcome;
    let expected = &case.expected;
    let judged = |is_allowed| {
        let call = (expected["tool"].as_str().unwrap().to_owned(), is_allowed);
        let [(tool, was_allowed, args)] = &**decided else { return false };
        call == (tool.clone(), *was_allowed) && (expected["args"].is_null() || !is_allowed || *args == expected["args"])
    };
    let is_as_expected = match case.does() {
        "lists" if !expected["shows"].is_null() => {
            let (list, shown) = expected["shows"].as_object().unwrap().iter().next().unwrap();
            let entries = answer.as_ref().and_then(|answer| answer["result"][list].as_array()).cloned();
            let names = ["uriTemplate", "uri", "name"];
            let name = |entry: Value| names.iter().find_map(|key| entry.get(*key).cloned()).unwrap();
            ran.is_empty()
                && entries.map(|all| all.into_iter().map(name).collect::<Vec<_>>()).as_ref() == shown.as_array()
        }
        "lists" => {
            let tools = answer.as_ref().and_then(|answer| answer["result"]["tools"].as_array());
            let shows = |tool: &Value| tool["name"] == "pay" || tool["name"] == "look";
            ran.is_empty() && tools.is_some_and(|tools| !tools.is_empty() && tools.iter().all(shows))
        }
        // The SDK answers by itself what is allowed.
        "judges" if expected["runs"] == false => ran.is_empty() && judged(case.is_allowed()),
        "judges" if case.is_allowed() => {
            let [(tool, args)] = &**ran else { return Some(format!("ran {ran:?}, decided {decided:?}, {answer:?}")) };
            let is_same =
                *args == expected["args"] || expected["args"].is_null() && (args.is_null() || *args == json!({}));
            judged(true) && *tool == expected["tool"] && is_same
        }
        "judges" => ran.is_empty() && judged(false),
        "refuses" => {
            let is_refusal = match (answer, expected.get("result")) {
                (Some(answer), Some(result)) => answer["result"] == *result,
                (Some(answer), None) => answer.get("error").is_some(),
                (None, result) => result.is_none(),
            };
            ran.is_empty() && is_refusal && decided.iter().all(|(_, is_allowed, _)| !is_allowed)
        }
        "passes" => {
            if let Some(wrong) = passed() {
                return Some(wrong);
            }
            ran.is_empty() && decided.is_empty()
        }
        other => panic!("{}: `{other}` is unknown", case.name),
    };
    (!is_as_expected).then(|| format!("{}: ran {ran:?}, decided {decided:?}, answered {answer:?}", case.does()))
}

/// Fails with all differences at once.
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Records the text of each message that reaches the server.
async fn note(State(reached): State<Ran>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    reached.note("", String::from_utf8_lossy(&bytes).into());
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

#[tokio::test]
async fn over_http() {
    let (ran, reached, decided) = (Ran::default(), Ran::default(), Decided::default());
    let mut apps = HashMap::new();
    let mut wrongs = Vec::new();
    for case in messages("http") {
        let app = apps.entry((case.settings.to_string(), case.is_covered())).or_insert_with(|| {
            let guard = set!(case, PersoLayer::new(policy(&case)).on_decision(decided.observer()));
            let server = if case.is_covered() { lax_notes(&ran) } else { lax(&ran) };
            server.layer(from_fn_with_state(reached.clone(), note)).layer(guard)
        });
        let mut request = post("agent", &[], "");
        *request.body_mut() = Body::from(case.bytes.clone());
        let Reply { messages, .. } = send(app, request).await;
        let outcome = Outcome { answer: messages.into_iter().next(), ran: ran.take(), decided: decided.take() };
        let reached = reached.take();
        let count = usize::from(matches!(case.does(), "lists" | "passes") || case.is_allowed());
        let found = wrong(&case, &outcome, || {
            let text = String::from_utf8_lossy(&case.bytes);
            reached.iter().any(|(_, reached)| *reached != *text).then(|| format!("reached {reached:?}"))
        });
        let found = found.or_else(|| (reached.len() != count).then(|| format!("reached {reached:?}")));
        wrongs.extend(found.map(|found| format!("{}: {found}", case.name)));
    }
    assert_none(&wrongs);
}

/// A connection to a server over a pipe. Lines are written unchanged.
struct Line {
    read: tokio::io::Lines<BufReader<tokio::io::ReadHalf<DuplexStream>>>,
    write: tokio::io::WriteHalf<DuplexStream>,
}

impl Line {
    async fn open(stream: DuplexStream) -> Self {
        let (read, write) = tokio::io::split(stream);
        let mut line = Self { read: BufReader::new(read).lines(), write };
        let params = json!({ "protocolVersion": "2025-11-25", "clientInfo": { "name": "line", "version": "1" }, "capabilities": {} });
        let hello = json!({ "jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params });
        line.write(hello.to_string().as_bytes()).await;
        assert_eq!(line.next().await.unwrap()["id"], "hello");
        line.write(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        line
    }

    async fn write(&mut self, message: &[u8]) {
        // Ignore errors: the server may have closed the connection.
        let _ = self.write.write_all(&[message, b"\n"].concat()).await;
        let _ = self.write.flush().await;
    }

    async fn next(&mut self) -> Option<Value> {
        Some(serde_json::from_str(&self.read.next_line().await.ok()??).unwrap())
    }

    /// Sends a message and then two pings. When the second ping is answered, the server has handled the message
    /// completely.
    async fn ask(&mut self, case: &Case) -> Option<Value> {
        self.write(&case.bytes).await;
        let mut answer = None;
        for ping in ["first", "second"] {
            self.write(json!({ "jsonrpc": "2.0", "id": ping, "method": "ping" }).to_string().as_bytes()).await;
            loop {
                let Some(message) = self.next().await else { return answer };
                if message["id"] == ping {
                    break;
                }
                answer = Some(message);
            }
        }
        answer
    }
}

/// Sends each message over lines to a guarded server and to one without a guard. Each message gets fresh servers.
async fn over_lines(
    runner: &str,
    ran: &Ran,
    decided: &Decided,
    guarded: impl Fn(&Case) -> DuplexStream,
    bare: impl Fn(&Case) -> DuplexStream,
) {
    let (mut wrongs, mut runs) = (Vec::new(), 0);
    for case in messages(runner) {
        let answer = Line::open(guarded(&case)).await.ask(&case).await;
        let outcome = Outcome { answer, ran: ran.take(), decided: decided.take() };
        let unguarded = if case.does() == "passes" { Line::open(bare(&case)).await.ask(&case).await } else { None };
        ran.take();
        let found = wrong(&case, &outcome, || {
            (outcome.answer != unguarded)
                .then(|| format!("answered {:?}, without a guard {unguarded:?}", outcome.answer))
        });
        runs += usize::from(case.is_allowed());
        wrongs.extend(found.map(|found| format!("{}: {found}", case.name)));
    }
    assert!(runs > 0);
    assert_none(&wrongs);
}

#[tokio::test]
async fn rmcp_over_lines() {
    let (server, decided) = (Server::default(), Decided::default());
    fn serve<S: rmcp::Service<rmcp::RoleServer>>(service: S) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move { service.serve(theirs).await.unwrap().waiting().await });
        ours
    }
    let notes = Notes(server.ran.clone());
    let guarded = |case: &Case| {
        let decided = decided.observer();
        match case.is_covered() {
            true => serve(set!(case, notes.clone().guarded(policy(case)).on_decision(decided))),
            false => serve(set!(case, server.clone().guarded(policy(case)).on_decision(decided))),
        }
    };
    let bare = |case: &Case| if case.is_covered() { serve(notes.clone()) } else { serve(server.clone()) };
    over_lines("rmcp", &server.ran, &decided, guarded, bare).await;
}

#[tokio::test]
async fn tower_mcp_over_lines() {
    let (ran, decided) = (Ran::default(), Decided::default());
    let make = |case: &Case| {
        if case.is_covered() {
            return notes::tower(&ran);
        }
        ["look", "pay", "wipe"]
            .into_iter()
            .fold(McpRouter::new(), |all, name| all.tool(router::tool(name, ran.clone())))
    };
    macro_rules! serve {
        ($transport:expr) => {{
            let mut transport = $transport;
            let (ours, theirs) = tokio::io::duplex(1 << 20);
            tokio::spawn(async move {
                let (read, write) = tokio::io::split(theirs);
                transport.run_with_streams(read, write).await
            });
            ours
        }};
    }
    let guarded = |case: &Case| {
        let guard = set!(case, RouterLayer::new(policy(case)).on_decision(decided.observer()));
        serve!(tower_mcp::StdioTransport::new(make(case)).layer(guard))
    };
    over_lines("tower-mcp", &ran, &decided, guarded, |case| {
        // Adding a layer changes the type of the transport.
        serve!(tower_mcp::StdioTransport::new(make(case)).layer(tower::layer::util::Identity::new()))
    })
    .await;
}
