//! Approvals by elicitation: the gateway asks the person at its client, in both eras and over both transports.

use crate::support::*;
use perso_tower::ledger::{self, Verdict};
use serde_json::{Value, json};
use std::time::Duration;

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "add", "allow": "*add", "when": { "args.a": { "lte": 100 } } },
    { "id": "add-large", "ask": "*add", "when": { "args.a": { "gt": 100 } }, "reason": "Large sums need approval." },
    { "id": "ask", "ask": ["*greet", "*hand", "*call_tool", "*pay"], "reason": "This needs approval." }
] }"#;

fn world(servers: &[&str]) -> World {
    let world = World::new(servers);
    world.write("policy.json", POLICY);
    world
}

fn asked(client: &Client) -> Vec<String> {
    std::mem::take(&mut *client.service().asked.lock().unwrap())
}

/// What holds for every client that has elicitation, of a server's tool `add`.
async fn asks(world: &World, client: &Client, server: &str, tool: &str) {
    // Once its tools are known, calls go straight to a newer server behind HTTP.
    assert_eq!(call(client, tool, json!({ "a": 1, "b": 1 })).await, (true, "2".to_owned()));
    for (at, (said, words)) in [
        (None, ""),
        (Some(json!({ "action": "decline" })), "a person has denied this call"),
        (Some(json!({ "action": "cancel" })), "nobody has decided in time"),
        (Some(json!({ "action": "accept", "content": { "approve": false } })), "a person has denied this call"),
        (None, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let before = world.ran(server).len();
        client.service().says.lock().unwrap().clone_from(&said);
        let (is_done, text) = call(client, tool, json!({ "a": 501 + at, "b": 1 })).await;
        assert_eq!(
            (is_done, world.ran(server).len() - before),
            (said.is_none(), usize::from(said.is_none())),
            "{text}"
        );
        assert!(is_done || text.starts_with("Large sums need approval. Hint: ") && text.contains(words), "{text}");
        let message =
            format!("Large sums need approval.\n\nTool: \"{tool}\"\nArguments: {{\"a\":{},\"b\":1}}", 501 + at);
        assert_eq!(asked(client), [message]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_at_the_client_decides() {
    let world = world(&["one"]);
    let (_child, url) = world.web("web", "127.0.0.1:0").await;
    world.servers(&json!({ "one": world.stdio("one"), "web": { "url": url } }));
    let gateway = world.listening(&["--user", "ann", "--elicit"]).await;
    for era in [LEGACY, modern()] {
        let over_stdio = world.client_of(era.clone(), &["--user", "ann", "--elicit"]).await;
        let over_http = gateway.client(era, None).await.unwrap();
        for client in [over_stdio, over_http] {
            asks(&world, &client, "one", "one__add").await;
            asks(&world, &client, "web", "web__add").await;
            client.cancel().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_nobody_is_asked() {
    let world = world(&["one"]);
    for era in [LEGACY, modern()] {
        let client = world.client_of(era, &[]).await;
        let (is_done, text) = call(&client, "add", json!({ "a": 501, "b": 1 })).await;
        assert!(!is_done && text.ends_with("This call needs the approval of a person."), "{text}");
        assert_eq!((asked(&client).len(), world.ran("one").len()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_elicitation_waits_in_the_queue_if_there_is_one() {
    let world = world(&["one"]);
    let silent = || Side { is_silent: true, ..Side::default() };
    let address = format!("file:{}", world.path("ledger").display());
    let ledger = ledger::open(&address).unwrap();
    for era in [LEGACY, modern()] {
        let client = world.client_as(silent(), era.clone(), &["--elicit"]).await;
        let (is_done, text) = call(&client, "add", json!({ "a": 501, "b": 1 })).await;
        assert!(!is_done && text.contains("nobody could be asked"), "{text}");
        client.cancel().await.unwrap();
        assert_eq!(world.ran("one").iter().filter(|line| line.contains("501")).count(), 0);
        let queued = ["--elicit", "--queue", "--ledger", &address];
        let client = world.client_as(silent(), era.clone(), &queued).await;
        let decide = async {
            loop {
                if let [approval] = ledger.pending().await.unwrap().as_slice() {
                    return ledger.decide(approval.id, Verdict::Approve, "max").await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ((is_done, text), ()) = tokio::join!(call(&client, "add", json!({ "a": 502, "b": 1 })), decide);
        assert!(is_done, "{text}");
        client.cancel().await.unwrap();
        // One with elicitation does not wait there.
        let client = world.client_of(era, &queued).await;
        assert!(call(&client, "add", json!({ "a": 503, "b": 1 })).await.0);
        assert_eq!((asked(&client).len(), ledger.pending().await.unwrap().len()), (1, 0));
        client.cancel().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_asks_reaches_the_person_too() {
    let world = world(&["one"]);
    let (_child, url) = world.web("web", "127.0.0.1:0").await;
    world.servers(&json!({ "one": world.stdio("one"), "web": { "url": url } }));
    let gateway = world.listening(&["--elicit"]).await;
    let hand = |server: &str| {
        let lines = world.ran(server);
        lines.into_iter().filter(|line| line.starts_with("hand ")).collect::<Vec<_>>()
    };
    for era in [LEGACY, modern()] {
        let is_modern = matches!(era, rmcp::service::ClientLifecycleMode::Discover { .. });
        let over_stdio = world.client_of(era.clone(), &["--elicit"]).await;
        for client in [over_stdio, gateway.client(era, None).await.unwrap()] {
            tools(&client).await;
            // In the older era, the server asks with a request of its own.
            if !is_modern {
                assert_eq!(call(&client, "one__greet", json!({})).await, (true, "hello".to_owned()));
                assert_eq!(asked(&client).len(), 1);
                continue;
            }
            for server in ["one", "web"] {
                let before = hand(server).len();
                assert_eq!(
                    call(&client, &format!("{server}__hand"), json!({})).await,
                    (true, "handed over".to_owned())
                );
                // Each round is judged, so that the person approves each.
                assert_eq!(asked(&client).len(), 2);
                let given = r#"{"name":{"action":"accept","content":{"name":"Ann"}}}"#;
                let lines = ["hand null null".to_owned(), format!("hand {given} \"a state\"")];
                assert_eq!(hand(server)[before..], lines);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_inside_of_calls_are_asked_about() {
    let world = world(&[]);
    let mut server = world.stdio("one");
    server["perso"] =
        json!({ "meta_tools": { "call_tool": { "calls": { "tool": "tool_name", "arguments": "parameters" } } } });
    world.servers(&json!({ "one": server }));
    let gateway = world.listening(&["--elicit"]).await;
    for (at, era) in [LEGACY, modern()].into_iter().enumerate() {
        for (more, client) in
            [world.client_of(era.clone(), &["--elicit"]).await, gateway.client(era, None).await.unwrap()]
                .into_iter()
                .enumerate()
        {
            let amount = 10 * at + more;
            let before = world.ran("one").len();
            let inner = json!({ "tool_name": "pay", "parameters": { "amount": amount } });
            assert_eq!(call(&client, "call_tool", inner).await, (true, "pay is done".to_owned()));
            assert_eq!(world.ran("one")[before..], [format!("pay {{\"amount\":{amount}}}")]);
            let tools: Vec<bool> =
                asked(&client).iter().map(|message| message.contains("Tool: \"call_tool\"")).collect();
            // Between rounds, the outer call is judged again, and an approval is for one run.
            let expected: &[bool] = if at == 0 { &[true, false] } else { &[true, false, true] };
            assert_eq!(tools, expected);
        }
    }
}

/// A call of revision 2026-07-28, as a message.
async fn send(url: &str, tool: &str, a: u32, more: &Value) -> Value {
    let mut params = json!({ "name": tool, "arguments": { "a": a, "b": 1 }, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
    } });
    params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let request = http()
        .post(url)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let text = request.json(&call).send().await.unwrap().text().await.unwrap();
    let json = text.lines().find_map(|line| line.strip_prefix("data:").filter(|data| !data.trim().is_empty()));
    serde_json::from_str::<Value>(json.unwrap_or(&text)).unwrap()["result"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_between_rounds_is_for_the_same_call_once() {
    let world = world(&["one"]);
    let (_child, url) = world.web("web", "127.0.0.1:0").await;
    world.servers(&json!({ "one": world.stdio("one"), "web": { "url": url } }));
    let gateway = world.listening(&["--elicit"]).await;
    let next = |required: &Value| {
        let key = required["inputRequests"].as_object().unwrap().keys().next().unwrap();
        let yes = json!({ "action": "accept", "content": { "approve": true } });
        json!({ "inputResponses": { key: yes }, "requestState": required["requestState"] })
    };
    for server in ["one", "web"] {
        let tool = format!("{server}__add");
        let round = async |a: u32, more: &Value| send(&gateway.url, &tool, a, more).await;
        let is_asked = |result: &Value| result["resultType"] == "input_required";
        // Now the tool is known.
        assert_eq!(round(1, &json!({})).await["content"][0]["text"], "2");
        let first = round(501, &json!({})).await;
        assert!(is_asked(&first), "{first}");
        assert!(is_asked(&round(502, &next(&first)).await), "other arguments");
        assert!(is_asked(&round(501, &next(&first)).await), "used up by that");
        let mut forged = next(&first);
        forged["requestState"] = json!(format!("{}0", first["requestState"].as_str().unwrap()));
        assert!(is_asked(&round(501, &forged).await), "forged");
        let right = round(501, &json!({})).await;
        assert_eq!(round(501, &next(&right)).await["content"][0]["text"], "502");
        assert!(is_asked(&round(501, &next(&right)).await), "replayed");
        // The policy changes meanwhile.
        let old = round(501, &json!({})).await;
        world.write("policy.json", &POLICY.replace("Large sums", "Very large sums"));
        let begin = std::time::Instant::now();
        loop {
            let result = round(503, &json!({})).await;
            if result.to_string().contains("Very large sums") {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "the policy is not read again: {result}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(is_asked(&round(501, &next(&old)).await), "another policy");
        let ran: Vec<String> = world.ran(server).into_iter().filter(|line| line.starts_with("add ")).collect();
        assert_eq!(ran, ["add 1 1", "add 501 1"]);
        world.write("policy.json", POLICY);
        let begin = std::time::Instant::now();
        while round(503, &json!({})).await.to_string().contains("Very large sums") {
            assert!(begin.elapsed() < Duration::from_secs(20), "the policy is not read again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
