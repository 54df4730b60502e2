//! The files of clients: `wrap` and `unwrap`.

use crate::support::*;
use serde_json::{Value, json};
use std::fs;

fn gateway(world: &World, arguments: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
    command.args(arguments).current_dir(world.folder.path()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_file_is_wrapped_and_unwrapped() {
    let world = World::new(&[]);
    let servers = json!({ "one": world.stdio("one"), "two": world.stdio("two") });
    let before =
        format!("{{\n  // mine\n  \"theme\": \"dark\",\n  \"mcpServers\": {servers:#},\n  \"last\": 1.50\n}}\n");
    world.write("client.json", &before);
    let output = gateway(&world, &["wrap", "client.json", "--policy", "policy.json", "--role", "adder"]);
    assert!(output.status.success(), "{output:?}");
    let wrapped = fs::read_to_string(world.path("client.json")).unwrap();
    assert!(
        wrapped.contains("// mine") && wrapped.contains("\"last\": 1.50") && !wrapped.contains("upstream"),
        "{wrapped}"
    );
    // Again would lose the servers.
    assert!(!gateway(&world, &["wrap", "client.json", "--policy", "policy.json"]).status.success());
    // A client starts what stands there.
    let bare: Value = serde_json::from_str(&wrapped.replace("// mine", "")).unwrap();
    let entry = &bare["mcpServers"]["perso"];
    let mut command = tokio::process::Command::new(entry["command"].as_str().unwrap());
    command.args(entry["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap())).current_dir("/");
    let process = rmcp::transport::TokioChildProcess::new(command).unwrap();
    let client = rmcp::ServiceExt::serve(Side::default(), process).await.unwrap();
    assert_eq!(call(&client, "one__add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
    assert!(!call(&client, "one__add", json!({ "a": 101, "b": 2 })).await.0);
    client.cancel().await.unwrap();
    let output = gateway(&world, &["unwrap", "client.json"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(world.path("client.json")).unwrap(), before);
    assert!(!world.path("client.servers.json").exists());
    assert!(!gateway(&world, &["unwrap", "client.json"]).status.success());
}

#[test]
fn what_is_wrong_with_files_is_said() {
    let world = World::new(&["one"]);
    let fails = |arguments: &[&str], words: &str| {
        let output = gateway(&world, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{arguments:?}: {said}");
    };
    fails(&[], "required");
    fails(&["--policy", "policy.json", "--servers", "nowhere.json"], "`nowhere.json` cannot be read");
    fails(&["--policy", "nowhere.json", "--servers", "mcp.json"], "nowhere.json");
    world.write("broken.json", "{ \"perso\": 1, \"rules\": [{ \"id\": \"a\", \"allow\": 7 }] }");
    fails(&["--policy", "broken.json", "--servers", "mcp.json"], "broken.json");
    fails(&["--policy", "policy.json", "--servers", "policy.json"], "is not a file of MCP servers");
    fails(&["--policy", "policy.json", "--servers", "mcp.json", "--issuer", "https://a.example"], "--audience");
    fails(
        &[
            "--policy",
            "policy.json",
            "--servers",
            "mcp.json",
            "--listen",
            "127.0.0.1:0",
            "--issuer",
            "http://a.example",
            "--audience",
            "x",
        ],
        "must begin with `https://`",
    );
    fails(&["wrap", "policy.json", "--policy", "policy.json"], "has no `mcpServers`");
}
