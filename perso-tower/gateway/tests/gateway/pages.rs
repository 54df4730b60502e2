//! What the documentation shows: its commands run, and its files are read.

use crate::support::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap().replace("\\\n", " ")).collect()
}

/// The text of a file in a ConfigMap.
fn file(yaml: &str, name: &str) -> String {
    let (_, rest) = yaml.split_once(&format!("  {name}: |\n")).unwrap();
    rest.lines().take_while(|line| line.starts_with("    ")).map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_page_run() {
    let page = fs::read_to_string(repository().join("docs/gateway.md")).unwrap();
    let world = World::new(&["one"]);
    world.write("policy.json", &blocks(&page, "json")[0]);
    let before = fs::read_to_string(world.path("mcp.json")).unwrap();
    let mut run = 0;
    for block in blocks(&page, "sh") {
        for line in block.lines().filter(|line| line.starts_with("perso-gateway")) {
            let gateway = env!("CARGO_BIN_EXE_perso-gateway");
            let line = line.replacen("perso-gateway", &format!("exec '{gateway}'"), 1).replace(":8000", ":0");
            let mut command = tokio::process::Command::new("sh");
            command.args(["-c", &line]).current_dir(world.folder.path()).kill_on_drop(true);
            if line.contains("--listen") {
                let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
                let url = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap();
                assert!(url.unwrap().ends_with("/mcp"), "{line}");
                child.kill().await.unwrap();
            } else {
                let output = command.output().await.unwrap();
                assert!(output.status.success(), "{line}: {output:?}");
                // As the reader does before the next command.
                let undo = format!("'{gateway}' unwrap mcp.json");
                assert!(
                    tokio::process::Command::new("sh")
                        .args(["-c", &undo])
                        .current_dir(world.folder.path())
                        .status()
                        .await
                        .unwrap()
                        .success()
                );
            }
            run += 1;
        }
    }
    assert_eq!(run, 4);
    assert_eq!(fs::read_to_string(world.path("mcp.json")).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_example_for_kubernetes_are_read() {
    let yaml = fs::read_to_string(repository().join("perso-tower/gateway/kubernetes.yaml")).unwrap();
    let world = World::new(&[]);
    world.write("policy.json", &file(&yaml, "policy.json"));
    world.write("mcp.json", &file(&yaml, "mcp.json"));
    let arguments: Vec<&str> = yaml.lines().filter_map(|line| line.trim().strip_prefix("- --")).collect();
    assert_eq!(arguments.len(), 5);
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
    command.args(arguments.iter().map(|argument| {
        let local = argument.replace("/etc/perso/", "").replace("0.0.0.0:8000", "127.0.0.1:0");
        format!("--{local}")
    }));
    command.env("CRM_TOKEN", "x").current_dir(world.folder.path()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let url = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let gateway = Listening { child, url };
    assert_eq!(http().post(&gateway.url).body("{}").send().await.unwrap().status(), 401);
    // Its server is not here.
    assert_eq!(http().get(gateway.at("/readyz")).send().await.unwrap().status(), 503);
}
