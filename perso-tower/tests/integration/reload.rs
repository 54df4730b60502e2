//! A policy that is replaced while it is active.

use crate::support::server::Server;
use crate::support::wire::{Client, MODERN, text};
use crate::support::{Ran, allow_all, compiled, server};
use axum::Router;
use perso_tower::{BoxError, Guard, Policy, PolicyHandle, ResourceQuery};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::Notify;

fn nothing() -> Policy {
    compiled(&json!({ "perso": 1, "rules": [] }))
}

/// A policy that needs the resource, so that a test can pause a call while it is judged.
fn by_resource() -> Policy {
    compiled(&json!({ "perso": 1, "rules": [
        { "id": "open", "allow": "pay", "when": { "resource.open": true } }
    ] }))
}

#[tokio::test]
async fn calls_in_flight_finish_with_the_policy_they_began_with() {
    let handle = PolicyHandle::from(by_resource());
    let (asked, go): (Arc<Notify>, Arc<Notify>) = Default::default();
    let (asked_there, go_there) = (asked.clone(), go.clone());
    let resource = move |_: ResourceQuery| {
        let (asked, go) = (asked_there.clone(), go_there.clone());
        async move {
            asked.notify_one();
            go.notified().await;
            Ok::<_, BoxError>(Map::from_iter([("open".to_owned(), json!(true))]))
        }
    };
    let server = Server::default();
    let ran: Ran = server.ran.clone();
    let app = Router::new().nest_service("/mcp", server::http(server.guarded(handle.clone()).resource(resource)));
    let client = Arc::new(Client::connect(&app, MODERN, "x").await);

    let early = tokio::spawn({
        let client = client.clone();
        async move { client.call("x", "pay", json!({}), Value::Null).await }
    });
    asked.notified().await;
    handle.swap(nothing());
    let answer = client.call("x", "pay", json!({}), Value::Null).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(client.list("x").await.0.is_empty());
    ran.assert_nothing("the new policy is active");

    go.notify_one();
    assert!(text(&early.await.unwrap()).starts_with("pay ran"));
    assert_eq!(ran.take().len(), 1);

    handle.swap(allow_all());
    client.call("x", "pay", json!({}), Value::Null).await;
    assert_eq!(ran.take().len(), 1);
}

/// Watches a file, and returns the watch and its reports in order.
fn watched(handle: &PolicyHandle, path: &Path) -> (perso_tower::Watch, mpsc::Receiver<Result<(), String>>) {
    let (sender, told) = mpsc::channel();
    let tell = move |change: Result<(), &_>| {
        let _ = sender.send(change.map_err(|error: &perso_core::LoadError| error.to_string()));
    };
    (handle.watch_with(path, tell).unwrap(), told)
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.wasm");
    fs::write(&path, nothing().module()).unwrap();
    let handle = PolicyHandle::from(Policy::load(&path).unwrap());
    let (watch, told) = watched(&handle, &path);

    // Written in place.
    fs::write(&path, allow_all().module()).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(handle.current().module(), allow_all().module());

    // One that does not load changes nothing.
    fs::write(&path, b"\0asm").unwrap();
    assert!(told.recv_timeout(PATIENCE).unwrap().is_err());
    assert_eq!(handle.current().module(), allow_all().module());

    // Replaced.
    let next = folder.path().join("next");
    fs::write(&next, by_resource().module()).unwrap();
    fs::rename(&next, &path).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(handle.current().module(), by_resource().module());

    // Removed, and restored with the same bytes.
    fs::remove_file(&path).unwrap();
    assert!(told.recv_timeout(PATIENCE).unwrap().unwrap_err().contains("policy.wasm"));
    assert_eq!(handle.current().module(), by_resource().module());
    fs::write(&path, by_resource().module()).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));

    // Other files in the folder do not matter, nor does reading the file.
    fs::write(folder.path().join("other"), b"x").unwrap();
    fs::read(&path).unwrap();
    assert!(told.recv_timeout(Duration::from_millis(300)).is_err());

    // Dropping the watch stops it.
    drop(watch);
    fs::write(&path, nothing().module()).unwrap();
    assert!(told.recv_timeout(PATIENCE).is_err());
    assert_eq!(handle.current().module(), by_resource().module());
}

#[test]
fn a_change_before_anyone_watched_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.wasm");
    fs::write(&path, allow_all().module()).unwrap();
    let handle = PolicyHandle::from(nothing());
    let (_watch, told) = watched(&handle, &path);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(handle.current().module(), allow_all().module());
}

/// A file that is being written when the watch begins does not count as broken.
#[test]
fn a_half_written_file_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.wasm");
    let policy = allow_all();
    let (half, rest) = policy.module().split_at(policy.module().len() / 2);
    fs::write(&path, half).unwrap();
    let handle = PolicyHandle::from(nothing());
    let (_watch, told) = watched(&handle, &path);
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    for piece in rest.chunks(16) {
        file.write_all(piece).unwrap();
    }
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(handle.current().module(), policy.module());
}

/// Kubernetes updates a volume like this: the file is a link that goes through a link to a folder, and the latter
/// changes.
#[cfg(unix)]
#[test]
fn links_are_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, policy) in [("one", nothing()), ("two", allow_all())] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("policy.wasm"), policy.module()).unwrap();
    }
    symlink("one", at("..data")).unwrap();
    symlink("..data/policy.wasm", at("policy.wasm")).unwrap();
    let handle = PolicyHandle::from(Policy::load(at("policy.wasm")).unwrap());
    let (_watch, told) = watched(&handle, &at("policy.wasm"));
    symlink("two", at("..next")).unwrap();
    fs::rename(at("..next"), at("..data")).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(handle.current().module(), allow_all().module());
}

/// A policy that extends others follows their files, also those that come later.
#[test]
fn extended_documents_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("shared")).unwrap();
    let write = |name: &str, document: Value| fs::write(at(name), document.to_string()).unwrap();
    let org = |id: &str| json!({ "perso": 1, "rules": [{ "id": id, "deny": "delete" }] });
    let team = |paths: Value| json!({ "perso": 1, "extends": paths, "rules": [{ "id": "all", "allow": "*" }] });
    write("shared/org.json", org("one"));
    write("team.json", team(json!("shared/org.json")));
    let handle = PolicyHandle::from(Policy::load(at("team.json")).unwrap());
    let (watch, told) = watched(&handle, &at("team.json"));
    let decided = || handle.current().decide_json(br#"{"tool": "delete"}"#).rule.map(str::to_owned);
    // A text is loaded once in any case.
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(decided().as_deref(), Some("one"));

    write("shared/org.json", org("two"));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(decided().as_deref(), Some("two"));

    // One that breaks changes nothing.
    write("shared/org.json", json!({ "perso": 1 }));
    let error = told.recv_timeout(PATIENCE).unwrap().unwrap_err();
    assert!(error.contains("shared/org.json:1:1"), "{error}");
    assert_eq!(decided().as_deref(), Some("two"));
    write("shared/org.json", org("three"));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(decided().as_deref(), Some("three"));

    // A document that is not there yet, in a folder that is not there yet.
    write("team.json", team(json!(["later/org.json"])));
    assert!(told.recv_timeout(PATIENCE).unwrap().unwrap_err().contains("there is no such document"));
    fs::create_dir(at("later")).unwrap();
    // The folder is watched once its creation has been seen.
    std::thread::sleep(Duration::from_millis(500));
    write("later/org.json", org("four"));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(()));
    assert_eq!(decided().as_deref(), Some("four"));

    // Of no interest any more.
    write("shared/org.json", org("five"));
    assert!(told.recv_timeout(Duration::from_millis(300)).is_err());
    drop(watch);
    write("later/org.json", org("six"));
    assert!(told.recv_timeout(PATIENCE).is_err());
    assert_eq!(decided().as_deref(), Some("four"));
}

#[test]
fn what_can_not_be_watched_is_said() {
    let handle = PolicyHandle::from(nothing());
    let error = handle.watch("/no/such/folder/policy.wasm").unwrap_err();
    assert_eq!(error.to_string(), "`/no/such/folder/policy.wasm` cannot be watched");
    assert!(std::error::Error::source(&error).is_some());
}
