//! Tools that call and find other tools, and what servers say about their tools.

use crate::support::*;
use serde_json::{Value, json};

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "meta", "allow": ["*find_tool", "*call_tool"] },
    { "id": "look", "allow": "*look" },
    { "id": "pay", "allow": "*pay", "when": { "args.amount": { "lte": 500 } }, "reason": "At most 500 can be paid." }
] }"#;

fn meta_tools() -> Value {
    json!({
        "call_tool": { "calls": { "tool": "tool_name", "arguments": "parameters" } },
        "find_tool": { "finds": { "tools": "/tools" } },
    })
}

async fn judges(world: &World, client: &Client, prefix: &str) {
    let call_tool = format!("{prefix}call_tool");
    let inner = |tool: &str, parameters: Value| json!({ "tool_name": tool, "parameters": parameters });
    assert_eq!(
        call(client, &call_tool, inner("pay", json!({ "amount": 500 }))).await,
        (true, "pay is done".to_owned())
    );
    let before = world.ran("one");
    assert_eq!(before.last().unwrap(), r#"pay {"amount":500}"#);
    for (arguments, words) in [
        (inner("pay", json!({ "amount": 501 })), "At most 500 can be paid."),
        (inner("wipe", json!({})), "no rule allows this tool"),
        (inner(" pay", json!({ "amount": 1 })), "exactly as it was found"),
        (inner("pay", json!(null)), "must be an object"),
        (inner("call_tool", inner("wipe", json!({}))), "call it directly"),
        (json!({ "parameters": {} }), "\"tool_name\" is a required property"),
        // A server's name is not part of its tools' names.
        (inner("one__wipe", json!({})), "no rule allows this tool"),
    ] {
        let (is_done, text) = call(client, &call_tool, arguments.clone()).await;
        assert!(!is_done && text.contains(words), "{arguments}: {text}");
    }
    assert_eq!(world.ran("one"), before, "what is denied does not run");
    let (is_done, found) = call(client, &format!("{prefix}find_tool"), json!({})).await;
    let tools = ["look", "pay"].map(|name| json!({ "name": name, "description": "a tool" }));
    assert!(is_done, "{found}");
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), json!({ "tools": tools }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_inside_of_a_call_is_judged() {
    for names in [&["one"][..], &["one", "two"]] {
        let world = World::new(names);
        world.write("policy.json", POLICY);
        let mut servers = serde_json::Map::new();
        for name in names {
            let mut server = world.stdio(name);
            server["perso"] = json!({ "meta_tools": meta_tools() });
            servers.insert((*name).to_owned(), server);
        }
        world.servers(&Value::Object(servers));
        let prefix = if names.len() > 1 { "one__" } else { "" };
        let client = world.client(&[]).await;
        judges(&world, &client, prefix).await;
        client.cancel().await.unwrap();
        let client = world.client_of(modern(), &[]).await;
        judges(&world, &client, prefix).await;
        client.cancel().await.unwrap();
    }
}

const HINTS: &str = r#"{ "perso": 1, "rules": [
    { "id": "reads", "allow": "*", "when": { "context.tool.readOnlyHint": true }, "reason": "Only tools that read can be used." }
] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn rules_read_what_trusted_servers_say_about_their_tools() {
    let world = World::new(&[]);
    world.write("policy.json", HINTS);
    let mut trusted = world.stdio("one");
    trusted["perso"] = json!({ "trust_annotations": true });
    world.servers(&json!({ "one": trusted, "two": world.stdio("two") }));
    for era in [LEGACY, modern()] {
        // Not even a client that has listed no tools is denied what it may do.
        let client = world.client_of(era, &[]).await;
        assert_eq!(call(&client, "one__look", json!({})).await, (true, "looked".to_owned()));
        let before = (world.ran("one"), world.ran("two"));
        for tool in ["one__pay", "one__wipe", "one__none", "two__look", "three__look"] {
            let (is_done, text) = call(&client, tool, json!({})).await;
            assert!(!is_done && text.contains("Only tools that read"), "{tool}: {text}");
        }
        assert_eq!((world.ran("one"), world.ran("two")), before, "what is denied does not run");
        client.cancel().await.unwrap();
    }
}
