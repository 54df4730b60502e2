//! The messages under `policies/messages/` through both transports: what runs behind the gateway was judged, with exactly the
//! arguments that the server got.

use crate::corpus::{Case, messages};
use crate::support::*;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{
    "protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"line","version":"1"}}}"#;

/// The messages that are judged by a policy that covers resources and prompts, or by one that does not. The gateway cannot turn
/// resources and prompts off: cases about that in front of the covering policy are left out. Of the others, nothing runs.
fn cases(runner: &str, is_covered: bool) -> Vec<Case> {
    let mut cases = messages(runner);
    cases.retain(|case| case.is_covered() == is_covered && (!is_covered || case.settings.is_null()));
    cases
}

fn world(cases: &[Case]) -> World {
    let world = World::new(&["one"]);
    world.write("policy.json", &cases[0].policy());
    world
}

/// What the server has run of what the policy judges. Requests that it does not cover pass.
fn ran(world: &World, is_covered: bool) -> Vec<String> {
    let mut ran = world.ran("one");
    ran.retain(|line| is_covered || !line.starts_with("mcp:"));
    ran
}

/// What is wrong with a list that a policy filters, as the last event of a stream.
fn unlike(case: &Case, text: &str) -> Option<String> {
    let (list, shown) = case.expected["shows"].as_object()?.iter().next()?;
    let data = text.lines().rev().find_map(|line| line.strip_prefix("data: ").filter(|data| !data.is_empty()));
    let answer: Value = serde_json::from_str(data.unwrap_or_default()).unwrap_or_default();
    let entries = answer["result"][list].as_array().into_iter().flatten();
    let names = |entry: &Value| ["uriTemplate", "uri", "name"].iter().find_map(|key| entry.get(*key).cloned());
    let listed: Option<Vec<Value>> = entries.map(names).collect();
    (listed.as_ref() != shown.as_array()).then(|| format!("{}: {text}", case.name))
}

/// What is wrong with what has run after a message.
fn wrong(case: &Case, ran: &[String]) -> Option<String> {
    let expected: Vec<String> = match (case.does(), case.is_allowed()) {
        ("judges", true) => {
            let arguments = if case.expected["args"].is_null() { json!({}) } else { case.expected["args"].clone() };
            vec![format!("{} {arguments}", case.expected["tool"].as_str().unwrap())]
        }
        _ => Vec::new(),
    };
    (ran != expected).then(|| format!("{}: ran {ran:?}, not {expected:?}", case.name))
}

/// A client that writes lines as they are.
struct Line {
    _process: Child,
    read: Lines<BufReader<ChildStdout>>,
    write: ChildStdin,
}

impl Line {
    async fn open(world: &World) -> Self {
        let mut command = world.command(&["--role", "agent"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let read = BufReader::new(process.stdout.take().unwrap()).lines();
        let write = process.stdin.take().unwrap();
        let mut line = Self { _process: process, read, write };
        line.write(INITIALIZE.replace('\n', "").as_bytes()).await;
        assert_eq!(line.next().await.unwrap()["id"], "hello");
        line.write(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        line
    }

    async fn write(&mut self, message: &[u8]) {
        // The gateway may have closed the connection.
        let _ = self.write.write_all(&[message, b"\n"].concat()).await;
        let _ = self.write.flush().await;
    }

    async fn next(&mut self) -> Option<Value> {
        Some(serde_json::from_str(&self.read.next_line().await.ok()??).unwrap())
    }

    /// Sends a message and then a ping. Says whether the connection is still there when the ping is answered.
    async fn ask(&mut self, case: &Case) -> bool {
        self.write(&case.bytes).await;
        self.write(br#"{"jsonrpc":"2.0","id":"ping","method":"ping"}"#).await;
        loop {
            match self.next().await {
                Some(message) if message["id"] == "ping" => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }
}

async fn over_lines(is_covered: bool) {
    let cases = cases("rmcp", is_covered);
    let world = world(&cases);
    let mut line = Line::open(&world).await;
    let (mut wrongs, mut runs, mut seen) = (Vec::new(), 0, 0);
    for case in cases {
        let is_alive = line.ask(&case).await;
        if case.does() == "judges" && case.is_allowed() {
            runs += 1;
            until(&format!("{}: it runs", case.name), || ran(&world, is_covered).len() > seen).await;
        }
        // What runs later than this is one too many for the next message.
        let ran = ran(&world, is_covered);
        wrongs.extend(wrong(&case, &ran[seen..]));
        seen = ran.len();
        if !is_alive {
            line = Line::open(&world).await;
        }
    }
    assert!(runs > 0 && ran(&world, is_covered).len() == runs);
    assert!(wrongs.is_empty(), "{} cases:\n{}", wrongs.len(), wrongs.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_lines() {
    over_lines(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn covered_requests_over_lines() {
    over_lines(true).await;
}

async fn over_http(is_covered: bool) {
    let cases_over_http = cases("http", is_covered);
    let world = world(&cases_over_http);
    let gateway = world.listening(&["--role", "agent"]).await;
    let client = http();
    let post = |session: Option<String>, body: Vec<u8>| {
        let mut request = client
            .post(&gateway.url)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2025-11-25");
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        request.body(body).send()
    };
    let response = post(None, INITIALIZE.into()).await.unwrap();
    let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    response.text().await.unwrap();
    let (mut wrongs, mut seen) = (Vec::new(), 0);
    // Bytes in front of a message and line ends in it are for the transport: as before rmcp, or as in front of any server.
    for (case, over_http) in cases("rmcp", is_covered).into_iter().zip(cases_over_http) {
        let response = post(Some(session.clone()), case.bytes.clone()).await.unwrap();
        // A call has run when it is answered; whatever else runs, runs before the next one is.
        let text = response.text().await.unwrap_or_default();
        wrongs.extend(unlike(&case, &text));
        let ran = ran(&world, is_covered);
        wrongs.extend(wrong(&case, &ran[seen..]).filter(|_| wrong(&over_http, &ran[seen..]).is_some()));
        seen = ran.len();
    }
    assert!(seen > 0);
    assert!(wrongs.is_empty(), "{} cases:\n{}", wrongs.len(), wrongs.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_http() {
    over_http(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn covered_requests_over_http() {
    over_http(true).await;
}
