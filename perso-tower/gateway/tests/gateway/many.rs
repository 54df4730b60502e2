//! Several servers behind one gateway, and what clients see of them.

use crate::support::*;
use rmcp::model::*;
use serde_json::json;

/// What holds for every client, however it has come.
async fn works(world: &World, client: &Client) {
    assert_eq!(
        tools(client).await,
        [
            "one__add",
            "one__crash",
            "one__echo",
            "one__greet",
            "one__pid",
            "one__region",
            "one__wait",
            "two__add",
            "two__crash",
            "two__echo",
            "two__greet",
            "two__pid",
            "two__region",
            "two__wait"
        ]
    );
    assert_eq!(call(client, "one__add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
    assert_eq!(call(client, "two__echo", json!({ "text": "hi" })).await, (true, "hi".to_owned()));
    let before = (world.ran("one"), world.ran("two"));
    for (tool, arguments, words) in [
        ("one__add", json!({ "a": 101, "b": 2 }), "Adders may add up to 100."),
        ("one__secret", json!({}), "no rule allows this tool"),
        ("one__add", json!({ "a": "1", "b": 2 }), "number"),
        ("one__add", json!({ "a": 1 }), "\"b\" is a required property"),
        ("three__echo", json!({ "text": "hi" }), "no server has this tool"),
        ("echo", json!({ "text": "hi" }), "no server has this tool"),
        ("one__two__echo", json!({ "text": "hi" }), "no server has this tool"),
    ] {
        let (is_done, text) = call(client, tool, arguments.clone()).await;
        assert!(!is_done && text.contains(words), "{tool} {arguments}: {text}");
    }
    assert_eq!((world.ran("one"), world.ran("two")), before, "what is denied does not run");
    let prompts: Vec<String> = client.list_all_prompts().await.unwrap().into_iter().map(|prompt| prompt.name).collect();
    for prompt in ["one__sum", "one__greet", "two__sum", "two__greet"] {
        assert!(prompts.iter().any(|name| name == prompt), "{prompts:?}");
    }
    assert_eq!(client.get_prompt(GetPromptRequestParams::new("two__sum")).await.unwrap().messages.len(), 1);
    assert!(client.get_prompt(GetPromptRequestParams::new("two__nothing")).await.is_err());
    for server in ["two", "one"] {
        let uri = format!("log://{}", world.path(&format!("{server}.log")).display());
        assert!(client.list_all_resources().await.unwrap().iter().any(|resource| resource.uri == uri));
        assert_eq!(client.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap().contents.len(), 1);
    }
    assert!(client.read_resource(ReadResourceRequestParams::new("log:///nowhere")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_standard_input_and_output() {
    let world = World::new(&["one", "two"]);
    let client = world.client(&["--user", "ann", "--role", "adder"]).await;
    works(&world, &client).await;
    let info = client.peer_info().unwrap();
    assert_eq!(info.server_info.as_ref().unwrap().name, "perso-gateway");
    assert!(info.instructions.as_ref().unwrap().contains("# two\n\nOf the tools `two__…`:\n\nAdd before you echo."));
    assert_eq!(call(&client, "two__greet", json!({})).await, (true, "hello".to_owned()));
    client.cancel().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_standard_input_and_output_in_the_newer_era() {
    let world = World::new(&["one", "two"]);
    let client = world.client_of(modern(), &["--role", "adder"]).await;
    works(&world, &client).await;
    client.cancel().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_in_both_eras() {
    let world = World::new(&["one", "two"]);
    let gateway = world.listening(&["--role", "adder"]).await;
    for era in [LEGACY, modern()] {
        let client = gateway.client(era, None).await.unwrap();
        works(&world, &client).await;
        client.cancel().await.unwrap();
    }
    // A session's servers are its own, and newer clients share some.
    let one = gateway.client(LEGACY, None).await.unwrap();
    let other = gateway.client(LEGACY, None).await.unwrap();
    let pids = [call(&one, "one__pid", json!({})).await, call(&other, "one__pid", json!({})).await];
    assert_ne!(pids[0], pids[1]);
    assert_eq!(call(&one, "one__greet", json!({})).await, (true, "hello".to_owned()));
    let pid = pids[0].1.clone();
    one.cancel().await.unwrap();
    until("the servers of a session end with it", || !is_alive(&pid)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_keeps_its_names() {
    let world = World::new(&["one"]);
    let client = world.client(&["--role", "adder"]).await;
    assert_eq!(tools(&client).await, ["add", "crash", "echo", "greet", "pid", "region", "wait"]);
    assert_eq!(call(&client, "add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
    assert!(!call(&client, "add", json!({ "a": 101, "b": 2 })).await.0);
    assert_eq!(client.peer_info().unwrap().instructions.as_deref(), Some("Add before you echo."));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_can_share_a_server() {
    let world = World::new(&[]);
    let mut entry = world.stdio("one");
    entry["perso"] = json!({ "shared": true });
    world.servers(&json!({ "one": entry }));
    let gateway = world.listening(&[]).await;
    let one = gateway.client(LEGACY, None).await.unwrap();
    let other = gateway.client(modern(), None).await.unwrap();
    assert_eq!(call(&one, "pid", json!({})).await, call(&other, "pid", json!({})).await);
    // It cannot know which of them to ask.
    let (_, text) = call(&one, "greet", json!({})).await;
    assert!(text.contains("cannot ask"), "{text}");
}

/// Clients that share a server get no word of resources that only others have subscribed to.
#[tokio::test(flavor = "multi_thread")]
async fn updates_reach_those_who_have_subscribed() {
    let world = World::new(&[]);
    let mut entry = world.stdio("one");
    entry["perso"] = json!({ "shared": true });
    entry["env"] = json!({ "UPSTREAM_IS_OLD": "1" });
    world.servers(&json!({ "one": entry }));
    let gateway = world.listening(&[]).await;
    let one = gateway.client(LEGACY, None).await.unwrap();
    let other = gateway.client(LEGACY, None).await.unwrap();
    let updated = |client: &Client| client.service().updated.lock().unwrap().clone();
    #[expect(deprecated, reason = "older revisions have it")]
    let subscribes =
        async |client: &Client, uri: &str| client.subscribe(SubscribeRequestParams::new(uri)).await.unwrap();
    for uri in ["note://private/1", "note://public/1"] {
        subscribes(&other, uri).await;
        until("the other one hears of it", || updated(&other).iter().any(|seen| seen == uri)).await;
        assert_eq!(updated(&one), [""; 0], "{uri}");
    }
    subscribes(&one, "note://public/1").await;
    until("both hear of it", || updated(&one) == ["note://public/1"] && updated(&other).len() == 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_of_the_first_server_that_lists_it() {
    let world = World::new(&["one", "two"]);
    for era in [LEGACY, modern()] {
        let client = world.client_of(era, &[]).await;
        let request = ClientRequest::ListSkillsRequest(ListSkillsRequest::default());
        let ServerResult::ListSkillsResult(list) = client.send_request(request).await.unwrap() else {
            panic!("no list")
        };
        let uri = &list.skills[0].uri;
        assert_eq!((list.skills.len(), uri.as_str()), (2, "note://public/look/SKILL.md"));
        let resources = client.list_all_resources().await.unwrap();
        assert_eq!(resources.iter().filter(|resource| resource.uri == "note://public/1").count(), 1);
        let request = ClientRequest::GetSkillRequest(GetSkillRequest::new(GetSkillRequestParams::new(uri)));
        let ServerResult::GetSkillResult(got) = client.send_request(request).await.unwrap() else { panic!("no skill") };
        assert_eq!(got.skill, list.skills[0]);
        client.cancel().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_and_cancellation_reach_the_other_side() {
    let world = World::new(&["one", "two"]);
    let client = world.client(&[]).await;
    assert_eq!(call(&client, "two__wait", json!({ "milliseconds": 50 })).await, (true, "done".to_owned()));
    until("progress is seen", || *client.service().progress.lock().unwrap() == [0.5]).await;
    let mut params = CallToolRequestParams::new("two__wait");
    params.arguments = json!({ "milliseconds": 60_000 }).as_object().cloned();
    let handle = client
        .send_cancellable_request(CallToolRequest::new(params).into(), rmcp::service::PeerRequestOptions::no_options())
        .await
        .unwrap();
    until("it runs", || world.ran("two").iter().filter(|line| *line == "wait").count() == 2).await;
    handle.cancel(None).await.unwrap();
    until("it is cancelled", || world.ran("two").iter().any(|line| line == "cancelled")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_behind_http_and_old_names_of_the_list() {
    let world = World::new(&["one"]);
    let (_child, url) = world.web("web", "127.0.0.1:0").await;
    world.servers(&json!({ "one": world.stdio("one"), "web": { "url": url } }));
    for era in [LEGACY, modern()] {
        let client = world.client_of(era, &["--role", "adder"]).await;
        assert_eq!(call(&client, "web__add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
        assert_eq!(call(&client, "one__add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
        client.cancel().await.unwrap();
    }
}

/// Calls of newer clients to newer servers, both over HTTP, go past most of the gateway once their tools are known.
#[tokio::test(flavor = "multi_thread")]
async fn calls_go_straight_to_servers_behind_http() {
    let world = World::new(&["one"]);
    let (mut child, url) = world.web("web", "127.0.0.1:0").await;
    let web = json!({ "url": url, "perso": { "timeout_seconds": 1, "trust_annotations": true } });
    world.servers(&json!({ "one": world.stdio("one"), "web": web }));
    let looks = r#"{ "id": "look", "allow": "*look", "when": { "context.tool.readOnlyHint": true } },"#;
    world.write("policy.json", &POLICY.replace(r#"{ "id": "rest""#, &format!(r#"{looks} {{ "id": "rest""#)));
    let gateway = world.listening(&["--role", "adder"]).await;
    let client = gateway.client(modern(), None).await.unwrap();
    for at in 0..3 {
        assert_eq!(call(&client, "web__add", json!({ "a": at, "b": 2 })).await, (true, (at + 2).to_string()));
        assert_eq!(call(&client, "web__look", json!({})).await, (true, "looked".to_owned()));
        let before = world.ran("web");
        assert_eq!(before.len(), 2 * (at + 1));
        for (tool, arguments, words) in [
            ("web__add", json!({ "a": 101, "b": 2 }), "Adders may add up to 100."),
            ("web__add", json!({ "a": 1 }), "\"b\" is a required property"),
            ("web__pay", json!({}), "no rule allows this tool"),
        ] {
            let (is_done, text) = call(&client, tool, arguments.clone()).await;
            assert!(!is_done && text.contains(words), "{tool} {arguments}: {text}");
        }
        assert_eq!(world.ran("web"), before, "what is denied does not run");
    }
    let (is_done, text) = call(&client, "web__wait", json!({ "milliseconds": 60_000 })).await;
    assert!(!is_done && text.contains("the server `web` has not answered within 1 s"), "{text}");
    until("a call that takes too long is cancelled", || world.ran("web").iter().any(|line| line == "cancelled")).await;
    child.kill().await.unwrap();
    let (is_done, text) = call(&client, "web__add", json!({ "a": 1, "b": 2 })).await;
    assert!(!is_done && text.contains("the server `web`"), "{text}");
    let (_child, _) = world.web("web", url.trim_start_matches("http://").trim_end_matches("/mcp")).await;
    assert_eq!(call(&client, "web__add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_a_request_agrees_with_its_arguments() {
    let world = World::new(&["one", "two"]);
    let gateway = world.listening(&[]).await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "one__region", "arguments": { "region": "eu" }, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    } });
    // Nobody has listed the tools before.
    for (region, status, runs) in [(Some("us"), 400, 0), (None, 400, 0), (Some("eu"), 200, 1), (Some("us"), 400, 1)] {
        let mut request = http()
            .post(&gateway.url)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "one__region");
        if let Some(region) = region {
            request = request.header("mcp-param-region", region);
        }
        let response = request.json(&call).send().await.unwrap();
        assert_eq!(response.status(), status, "{region:?}");
        let text = response.text().await.unwrap();
        assert_eq!(text.contains("-32020"), status == 400, "{text}");
        assert_eq!(world.ran("one").len(), runs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gets_the_head_that_it_asks_for() {
    let world = World::new(&[]);
    let (mut child, url) = world.web("web", "127.0.0.1:0").await;
    world.servers(&json!({ "web": { "url": url } }));
    let client = world.client_of(modern(), &[]).await;
    assert_eq!(call(&client, "region", json!({ "region": "eu" })).await, (true, "eu".to_owned()));
    // The next connection has not seen its tools yet.
    child.kill().await.unwrap();
    assert!(!call(&client, "region", json!({ "region": "eu" })).await.0);
    let (_child, _) = world.web("web", url.trim_start_matches("http://").trim_end_matches("/mcp")).await;
    let begin = std::time::Instant::now();
    loop {
        let (is_done, text) = call(&client, "region", json!({ "region": "eu" })).await;
        assert!(!text.contains("Mcp-Param"), "{text}");
        if is_done {
            break;
        }
        assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{text}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
