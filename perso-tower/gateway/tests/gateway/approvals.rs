//! Tools that change after someone has approved them.

use crate::support::*;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};

async fn approve(world: &World, more: &[&str]) -> std::process::Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
    command.args(["approve", "--servers", "mcp.json", "--pins", "pins.json"]).args(more);
    command.current_dir(world.folder.path()).stdin(std::process::Stdio::null()).output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_has_changed_is_withheld_until_someone_approves_it() {
    let world = World::new(&["one", "two"]);
    let pinned = ["--role", "adder", "--pins", "pins.json"];
    // Nothing is approved yet.
    let client = world.client(&pinned).await;
    assert!(tools(&client).await.is_empty());
    let (is_done, text) = call(&client, "one__echo", json!({ "text": "hi" })).await;
    assert!(!is_done && text.contains("nobody has approved it yet"), "{text}");
    client.cancel().await.unwrap();
    assert!(!approve(&world, &[]).await.status.success(), "nobody has been asked");
    assert!(!world.path("pins.json").exists());
    let output = approve(&world, &["--yes"]).await;
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("new one__add\n    Adds two numbers"), "{output:?}");
    let client = world.client(&pinned).await;
    assert_eq!(tools(&client).await.len(), 14);
    assert!(call(&client, "one__echo", json!({ "text": "hi" })).await.0);
    client.cancel().await.unwrap();
    // The server's text changes: as here, in what has been approved.
    let pins = std::fs::read_to_string(world.path("pins.json")).unwrap();
    let mut changed: Value = serde_json::from_str(&pins).unwrap();
    changed["tools"]["one__echo"]["description"] = json!("0".repeat(64));
    world.write("pins.json", &changed.to_string());
    let client = world.client(&pinned).await;
    assert_eq!(tools(&client).await.len(), 13);
    let before = world.ran("one");
    assert!(client.call_tool(CallToolRequestParams::new("one__echo")).await.unwrap().is_error == Some(true));
    let (is_done, text) = call(&client, "one__echo", json!({ "text": "hi" })).await;
    assert!(!is_done && text.contains("nobody has approved it yet"), "{text}");
    assert_eq!(world.ran("one"), before);
    let output = approve(&world, &["--yes"]).await;
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("changed one__echo\n"), "{output:?}");
}
