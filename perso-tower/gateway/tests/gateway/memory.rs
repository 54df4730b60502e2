//! Limits, labels and approvals of a gateway, with real clients, the command and the page.

use crate::support::*;
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "add", "allow": "*add", "when": { "args.a": { "gte": 0, "lte": 100 } } },
    { "id": "add-large", "ask": "*add", "when": { "args.a": { "gt": 100 } }, "reason": "Large sums need approval." },
    { "id": "greet", "allow": "*greet" },
    { "id": "echo", "allow": "*echo" },
    { "id": "no-echo", "deny": "*echo", "when": { "session.labels": { "has": "greeted" } }, "reason": "Not after a greeting." } ],
  "limits": [{ "id": "sum", "of": "*add", "sum": "args.a", "max": 300, "window": "1h", "reason": "At most 300 an hour." }],
  "labels": [{ "id": "greeted", "of": "*greet", "add": "greeted" }] }"#;

fn world() -> World {
    let world = World::new(&["one"]);
    world.write("policy.json", POLICY);
    world
}

async fn add(client: &Client, a: u32) -> (bool, String) {
    call(client, "add", json!({ "a": a, "b": 1 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_outlasts_the_gateway_in_a_file() {
    let world = world();
    let kept = ["--ledger", "file:ledger"];
    for (amount, runs) in [(100, true), (100, true), (100, true), (1, false), (0, true)] {
        let client = world.client(&kept).await;
        let (is_done, text) = add(&client, amount).await;
        assert_eq!(is_done, runs, "{amount}: {text}");
        assert!(runs || text.starts_with("At most 300 an hour. Hint: there is room again in about "), "{text}");
        client.cancel().await.unwrap();
    }
    assert_eq!(world.ran("one").iter().filter(|line| line.contains("add")).count(), 4);
    // In memory, it lasts as long as the gateway.
    let client = world.client(&[]).await;
    for (amount, runs) in [(100, true), (100, true), (100, true), (1, false)] {
        assert_eq!(add(&client, amount).await.0, runs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_one_of_mcp_or_of_the_caller() {
    let world = world();
    let echo = async |client: &Client| call(client, "echo", json!({ "text": "x" })).await;
    let greet = async |client: &Client| call(client, "greet", json!({})).await;
    // Over standard input and output, and over HTTP in a session each.
    let gateway = world.listening(&["--user", "ann"]).await;
    for _ in 0..2 {
        for client in [world.client(&[]).await, gateway.client(LEGACY, None).await.unwrap()] {
            assert!(echo(&client).await.0);
            greet(&client).await;
            assert_eq!(echo(&client).await.1, "Not after a greeting.");
        }
    }
    // A newer client has no session, so that nothing can be known of it.
    let newer = gateway.client(modern(), None).await.unwrap();
    assert!(!echo(&newer).await.0);
    let gateway = world.listening(&["--user", "ann", "--session", "agent.id"]).await;
    let newer = gateway.client(modern(), None).await.unwrap();
    assert!(echo(&newer).await.0);
    greet(&gateway.client(LEGACY, None).await.unwrap()).await;
    assert_eq!(echo(&newer).await.1, "Not after a greeting.");
}

/// The `perso` command, which tests of the whole workspace build.
fn perso() -> Command {
    let command = example("../perso");
    assert!(command.exists(), "build it: cargo build --profile checked -p perso-core --features cli --bin perso");
    Command::new(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_approves_with_the_command() {
    let world = world();
    let address = format!("file:{}", world.path("ledger").display());
    let client = world.client(&["--ledger", &address, "--queue"]).await;
    let decide = async {
        loop {
            let list =
                perso().args(["approvals", "list", "--ledger", &address, "--format", "json"]).output().await.unwrap();
            let text = String::from_utf8(list.stdout).unwrap();
            if let Ok(record) = serde_json::from_str::<Value>(&text) {
                assert_eq!(record["call"]["args"], json!({ "a": 101, "b": 1 }));
                let id = record["id"].as_str().unwrap().to_owned();
                let args = ["approvals", "approve", &id, "--by", "max", "--ledger", &address];
                return perso().args(args).output().await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let ((is_done, text), decided) = tokio::join!(add(&client, 101), decide);
    assert!(is_done, "{text}");
    assert_eq!(String::from_utf8_lossy(&decided.stdout), "approved\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_said_at_the_start() {
    let world = world();
    for (arguments, words) in [
        (["--ledger", "nowhere"].as_slice(), "--ledger: not a ledger: write `memory:`"),
        (&["--queue"], "`perso approvals` does not see a ledger in memory"),
        (&["--approvals", "0.0.0.0:0"], "give a loopback address"),
        (&["--session", "agent"], "write `mcp`, or an attribute of the caller"),
    ] {
        let output = world.command(arguments).stdin(Stdio::null()).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(words), "{arguments:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_approves_on_the_page() {
    let world = world();
    let mut command = world.command(&["--approvals", "127.0.0.1:0", "--user", "ann"]);
    command.env("RUST_LOG", "off");
    let (process, log) = TokioChildProcess::builder(command).stderr(Stdio::piped()).spawn().unwrap();
    let client = rmcp::serve_client(Side::default(), process).await.unwrap();
    let line = BufReader::new(log.unwrap()).lines().next_line().await.unwrap().unwrap();
    let (page, secret) = line.strip_prefix("approvals: ").unwrap().split_once("/#").unwrap();

    let http = http();
    let html = http.get(format!("{page}/")).send().await.unwrap();
    assert!(html.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    // Nobody gets in without the secret.
    let list = || http.get(format!("{page}/approvals"));
    for request in [list(), list().bearer_auth("0".repeat(32)), list().header("authorization", secret)] {
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    let decide = async |id: &str, body: Value| {
        let request = http.post(format!("{page}/approvals/{id}")).bearer_auth(secret).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let approve = json!({ "verdict": "approve", "by": "max" });
    assert_eq!(decide("0000000000", approve.clone()).await, 404);
    assert_eq!(decide("nonsense", approve.clone()).await, 404);

    for (verdict, amount) in [("approve", 123), ("deny", 124)] {
        let person = async {
            loop {
                let waiting: Value = list().bearer_auth(secret).send().await.unwrap().json().await.unwrap();
                if let [call] = waiting.as_array().unwrap().as_slice() {
                    assert_eq!(call["call"]["reason"], "Large sums need approval.");
                    assert!(call["args"].as_str().unwrap().contains(&format!("\"a\": {amount}")), "{call}");
                    let id = call["id"].as_str().unwrap();
                    assert_eq!(decide(id, json!({ "verdict": verdict, "by": "" })).await, 400);
                    assert_eq!(decide(id, json!({ "verdict": verdict, "by": "max" })).await, 204);
                    assert_eq!(decide(id, approve.clone()).await, 409);
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ((is_done, text), ()) = tokio::join!(add(&client, amount), person);
        assert_eq!(is_done, verdict == "approve", "{text}");
        assert!(is_done || text.contains("a person has denied this call"), "{text}");
    }
}
