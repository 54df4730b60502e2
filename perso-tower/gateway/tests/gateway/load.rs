//! A thousand clients at once, with ten thousand calls in flight: all are answered, and when the clients are gone, nothing is left.

use crate::support::*;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

const CLIENTS: usize = 1000;
/// How many calls each client has in flight.
const CALLS: usize = 10;
/// How much memory the gateway may need for each call in flight, in bytes.
const MEMORY_OF_A_CALL: u64 = 128 << 10;
/// How long a session lasts that nobody uses, in seconds.
const IDLE: &str = "3";

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "gather", "allow": ["gather", "wait", "pid"] },
    { "id": "add", "allow": "add", "when": { "args.a": { "lte": 100 } }, "reason": "Up to 100." }
] }"#;

/// Sets how many files this process and those that it starts may open: as many as they can have, or the usual number.
fn limit_files(to: Option<u64>) {
    let mut limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(CLIENTS * (CALLS + 2) + 1000).unwrap();
    assert!(limit.maximum.is_none_or(|most| most >= needed), "the hard limit of open files must be at least {needed}");
    limit.current = to.or(limit.maximum);
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// A world with a server, of which each session has its own process if it is not shared.
fn world(is_shared: bool) -> World {
    let world = World::new(&[]);
    world.write("policy.json", POLICY);
    let mut server = world.stdio("one");
    server["perso"] = json!({ "shared": is_shared });
    world.servers(&json!({ "one": server }));
    world
}

/// A client: where the gateway is, and its session if it has one.
#[derive(Clone)]
struct Caller {
    address: Arc<str>,
    session: Option<Arc<str>>,
}

impl Caller {
    async fn modern(address: Arc<str>) -> Self {
        Self { address, session: None }
    }

    async fn legacy(address: Arc<str>) -> Self {
        let mut caller = Self { address, session: None };
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "load", "version": "1" } } });
        let answer = caller.exchange("POST", "", &hello.to_string()).await;
        let id = answer.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
        caller.session = Some(id.unwrap_or_else(|| panic!("no session: {answer}")).into());
        let begun = caller.exchange("POST", "", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert!(begun.starts_with("HTTP/1.1 202"), "{begun}");
        caller
    }

    /// Opens a connection, and sends a request.
    async fn send(&self, method: &str, headers: &str, body: &str) -> TcpStream {
        let session = match &self.session {
            Some(id) => format!("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {id}\r\n"),
            None => String::new(),
        };
        let request = format!(
            "{method} /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{session}{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&*self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn exchange(&self, method: &str, headers: &str, body: &str) -> String {
        let mut answer = String::new();
        self.send(method, headers, body).await.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn begin(&self, tool: &str, arguments: Value) -> TcpStream {
        let mut params = json!({ "name": tool, "arguments": arguments });
        let mut headers = String::new();
        if self.session.is_none() {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "load", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            headers = format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: {tool}\r\n");
        }
        static ID: AtomicUsize = AtomicUsize::new(2);
        let id = ID.fetch_add(1, Ordering::Relaxed);
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        self.send("POST", &headers, &call.to_string()).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> String {
        let mut answer = String::new();
        self.begin(tool, arguments).await.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn address(gateway: &Listening) -> Arc<str> {
    gateway.url.trim_start_matches("http://").trim_end_matches("/mcp").into()
}

/// A number of the gateway's metrics.
async fn metric(gateway: &Listening, name: &str) -> usize {
    let caller = Caller { address: address(gateway), session: None };
    let mut stream = TcpStream::connect(&*caller.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    value.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
}

/// Waits until the gateway has nothing left of its clients.
async fn until_nothing_is_left(gateway: &Listening, tasks: usize, sessions: usize, requests: usize) {
    let begin = Instant::now();
    loop {
        let now = (
            metric(gateway, "perso_sessions_left").await,
            metric(gateway, "perso_requests_left").await,
            metric(gateway, "perso_tasks").await,
        );
        if now.0 == sessions && now.1 == requests && now.2 <= tasks {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "left: {now:?}, before: {sessions}, {requests}, {tasks}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The most memory that a process has needed, in bytes.
fn most_memory(gateway: &Listening) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.child.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_with_ten_thousand_calls_in_flight() {
    let begin = Instant::now();
    let all = CLIENTS * CALLS;
    let world = world(true);
    let requests = (all + CLIENTS).to_string();
    // The gateway raises its limit by itself.
    limit_files(Some(1024));
    let gateway = world.listening(&["--max-requests", &requests, "--idle", IDLE]).await;
    limit_files(None);
    let address = address(&gateway);
    let first = Caller::modern(address.clone()).await;
    assert!(first.call("add", json!({ "a": 1, "b": 2 })).await.contains(r#""text":"3""#));
    let (before, tasks) = (most_memory(&gateway), metric(&gateway, "perso_tasks").await);

    let (mut clients, door) = (JoinSet::new(), Arc::new(Semaphore::new(50)));
    for client in 0..CLIENTS {
        let (address, door) = (address.clone(), door.clone());
        clients.spawn(async move {
            let is_legacy = client % 2 == 0;
            // Not all come in the same moment: a session that nobody uses soon ends.
            let door = door.acquire().await.unwrap();
            let caller = if is_legacy { Caller::legacy(address).await } else { Caller::modern(address).await };
            // A stream on which it listens, as clients keep one.
            let listening = if is_legacy { Some(caller.send("GET", "", "").await) } else { None };
            drop(door);
            let mut calls = JoinSet::new();
            for call in 0..CALLS {
                let (caller, text) = (caller.clone(), format!("<{client}.{call}>"));
                calls.spawn(async move {
                    let answer = caller.call("gather", json!({ "text": text, "of": all })).await;
                    assert!(answer.contains(&format!(r#""text":"{text}""#)), "{text}: {answer}");
                });
            }
            let denied = caller.call("add", json!({ "a": 101, "b": 2 })).await;
            assert!(denied.contains("Up to 100."), "{denied}");
            let mut answered = 0;
            while let Some(done) = calls.join_next().await {
                done.unwrap();
                answered += 1;
            }
            drop(listening);
            // Some clients end their sessions, and some just go away.
            if is_legacy && client % 4 == 0 {
                let ended = caller.exchange("DELETE", "", "").await;
                assert!(ended.starts_with("HTTP/1.1 202"), "{ended}");
            }
            answered
        });
    }
    let mut answered = 0;
    while let Some(done) = timeout(Duration::from_secs(60), clients.join_next()).await.expect("all are answered") {
        answered += done.unwrap();
    }
    let took = begin.elapsed();
    assert_eq!(answered, all);
    let memory = most_memory(&gateway) - before;
    println!("{all} calls of {CLIENTS} clients in {took:?}, with {} KiB each", memory / all as u64 / 1024);
    assert!(memory < MEMORY_OF_A_CALL * all as u64, "{memory} bytes for {all} calls");
    until_nothing_is_left(&gateway, tasks, 1000, all + CLIENTS).await;
    assert_eq!(world.ran("one"), ["add 1 2"], "nothing that is denied has run");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_vanish_leave_nothing() {
    const MANY: usize = 20;
    let world = world(false);
    let gateway = world.listening(&["--idle", IDLE]).await;
    let address = address(&gateway);
    let shared = Caller::modern(address.clone()).await.call("pid", json!({})).await;
    let tasks = metric(&gateway, "perso_tasks").await;
    let (mut pids, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        let (old, new) = (Caller::legacy(address.clone()).await, Caller::modern(address.clone()).await);
        let answer = old.call("pid", json!({})).await;
        let pid = answer.split_once(r#""text":""#).and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
        assert!(is_alive(pid) && !shared.contains(pid), "each session has its own process");
        pids.push(pid.to_owned());
        streams.push(old.send("GET", "", "").await);
        streams.push(old.begin("wait", json!({ "milliseconds": 100_000 })).await);
        streams.push(new.begin("wait", json!({ "milliseconds": 100_000 })).await);
    }
    let ran = |what: &str| world.ran("one").iter().filter(|line| *line == what).count();
    until("all calls run", || ran("wait") == 2 * MANY).await;
    assert_eq!(metric(&gateway, "perso_sessions_left").await, 1000 - MANY);
    assert_eq!(metric(&gateway, "perso_requests_left").await, 10_000 - 2 * MANY);
    // A session in which a call takes long is not idle.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(pids.iter().all(|pid| is_alive(pid)) && ran("cancelled") == 0);
    drop(streams);
    until_nothing_is_left(&gateway, tasks, 1000, 10_000).await;
    until("the processes of sessions have ended", || !pids.iter().any(|pid| is_alive(pid))).await;
    until("calls of clients without a session are cancelled", || ran("cancelled") >= MANY).await;
}
