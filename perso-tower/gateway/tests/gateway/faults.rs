//! What goes wrong with servers and clients, and what becomes of calls then.

use crate::support::*;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_started_again() {
    let world = World::new(&["one", "two"]);
    let client = world.client(&[]).await;
    let pid = call(&client, "one__pid", json!({})).await;
    let (is_done, text) = call(&client, "one__crash", json!({})).await;
    assert!(!is_done && text.contains("the server `one` stopped before it answered"), "{text}");
    assert_eq!(world.ran("one"), ["crash"], "a call that may have run is not made again");
    assert_eq!(call(&client, "two__echo", json!({ "text": "hi" })).await, (true, "hi".to_owned()));
    let again = call(&client, "one__pid", json!({})).await;
    assert!(again.0 && again != pid, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_start_takes_nothing_from_the_others() {
    let world = World::new(&["one"]);
    world.servers(&json!({
        "one": world.stdio("one"),
        "dead": { "command": "/nowhere/server", "env": { "TOKEN": "planted-secret" } },
        "ends": { "command": "false" },
        "gone": { "url": "http://127.0.0.1:9/mcp", "headers": { "Authorization": "Bearer planted-secret" } },
    }));
    let client = world.client(&[]).await;
    assert_eq!(tools(&client).await, ["one__crash", "one__echo", "one__greet", "one__pid", "one__region", "one__wait"]);
    assert_eq!(call(&client, "one__echo", json!({ "text": "hi" })).await, (true, "hi".to_owned()));
    for server in ["dead", "ends", "gone"] {
        let (is_done, text) = call(&client, &format!("{server}__echo"), json!({ "text": "hi" })).await;
        assert!(!is_done && !text.contains("planted"), "{text}");
    }
    let log = std::fs::read_to_string(world.path("gateway.log")).unwrap();
    assert!(log.contains("the server cannot be reached") && !log.contains("planted-secret"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_when_the_gateway_ends() {
    let world = World::new(&["one", "two"]);
    let client = world.client(&[]).await;
    let pids = [call(&client, "one__pid", json!({})).await.1, call(&client, "two__pid", json!({})).await.1];
    assert!(pids.iter().all(|pid| is_alive(pid)));
    client.cancel().await.unwrap();
    until("the servers have ended", || !pids.iter().any(|pid| is_alive(pid))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_finish_when_the_gateway_stops() {
    let world = World::new(&["one"]);
    let mut gateway = world.listening(&[]).await;
    for era in [LEGACY, modern()] {
        let _ = gateway.client(era, None).await.unwrap();
    }
    let client = gateway.client(modern(), None).await.unwrap();
    let waiting = tokio::spawn(async move { call(&client, "wait", json!({ "milliseconds": 1500 })).await });
    until("it runs", || world.ran("one") == ["wait"]).await;
    gateway.signal("-TERM");
    assert_eq!(waiting.await.unwrap(), (true, "done".to_owned()));
    let ended = tokio::time::timeout(Duration::from_secs(10), gateway.child.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_server_has_forgotten_begins_again() {
    let world = World::new(&[]);
    let (mut child, url) = world.web("web", "127.0.0.1:0").await;
    world.servers(&json!({ "web": { "url": url } }));
    let client = world.client(&[]).await;
    assert!(call(&client, "echo", json!({ "text": "hi" })).await.0);
    child.kill().await.unwrap();
    let (is_done, _) = call(&client, "echo", json!({ "text": "hi" })).await;
    assert!(!is_done);
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
    let (_child, _) = world.web("web", address).await;
    let begin = std::time::Instant::now();
    while !call(&client, "echo", json!({ "text": "hi" })).await.0 {
        assert!(begin.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_server_may_take_its_time_to_start() {
    let world = World::new(&[]);
    // It is quicker the second time, as one is that has to be downloaded first.
    let script = "mkdir started && sleep 10.5; exec \"$0\" one.log";
    world.servers(&json!({ "one": { "command": "sh", "args": ["-c", script, example("upstream")] } }));
    let client = world.client_of(modern(), &[]).await;
    assert_eq!(call(&client, "echo", json!({ "text": "hi" })).await, (true, "hi".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused() {
    let world = World::new(&["one"]);
    let gateway = world.listening(&["--max-sessions", "1", "--max-body", "2000", "--max-requests", "2"]).await;
    let first = gateway.client(LEGACY, None).await.unwrap();
    let error = gateway.client(LEGACY, None).await.err().unwrap();
    assert!(error.contains("as many sessions as it may have"), "{error}");
    let (is_done, text) = call(&first, "echo", json!({ "text": "a".repeat(3000) })).await;
    assert!(!is_done && world.ran("one").is_empty(), "{text}");
    first.cancel().await.unwrap();
    let slow = [gateway.client(modern(), None).await.unwrap(), gateway.client(modern(), None).await.unwrap()];
    let waiting =
        slow.map(|client| tokio::spawn(async move { call(&client, "wait", json!({ "milliseconds": 1000 })).await }));
    until("both run", || world.ran("one").iter().filter(|line| *line == "wait").count() == 2).await;
    let response = http().post(&gateway.url).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 503);
    for one in waiting {
        assert_eq!(one.await.unwrap(), (true, "done".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_machine_and_its_pages_get_in_without_a_token() {
    let world = World::new(&["one"]);
    let gateway = world.listening(&[]).await;
    let post = |name: &'static str, value: &'static str| {
        http()
            .post(&gateway.url)
            .header(name, value)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
            .send()
    };
    assert_eq!(post("host", "evil.example").await.unwrap().status(), 403);
    assert_eq!(post("origin", "http://evil.example").await.unwrap().status(), 403);
    let output = world.command(&["--listen", "0.0.0.0:0"]).output().await.unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("without --issuer"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_can_ask() {
    let world = World::new(&["one"]);
    let gateway = world.listening(&["--role", "adder"]).await;
    let client = gateway.client(modern(), None).await.unwrap();
    assert!(call(&client, "add", json!({ "a": 1, "b": 2 })).await.0);
    assert!(!call(&client, "add", json!({ "a": 101, "b": 2 })).await.0);
    let text = async |path: &str| http().get(gateway.at(path)).send().await.unwrap().text().await.unwrap();
    assert_eq!(text("/healthz").await, "ok\n");
    assert_eq!(text("/readyz").await, "1 of 1 servers can be reached\n");
    let metrics = text("/metrics").await;
    for line in [
        r#"perso_decisions_total{outcome="allow"} 1"#,
        r#"perso_decisions_total{outcome="deny"} 1"#,
        r#"perso_server_up{server="one"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_read_again_when_it_changes() {
    let world = World::new(&["one"]);
    let client = world.client(&["--role", "adder"]).await;
    let over = async || call(&client, "add", json!({ "a": 500, "b": 2 })).await.0;
    assert!(!over().await);
    world.write("policy.json", &POLICY.replace("100", "1000"));
    let begin = std::time::Instant::now();
    while !over().await {
        assert!(begin.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // One with errors changes nothing.
    world.write("policy.json", "{");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(over().await);
}
