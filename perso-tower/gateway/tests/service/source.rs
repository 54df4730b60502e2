//! Where the policy comes from: real servers, signatures, and what goes wrong.

use crate::support::{Running, World};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use perso_core::Policy;
use perso_core::release::{self, Release, Signer};
use serde_json::json;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The status of an answer, and the token of the request.
type Answered = (u16, Option<String>);

/// What a server answers.
#[derive(Clone, Default)]
struct Served {
    body: Arc<Mutex<Vec<u8>>>,
    status: Arc<Mutex<u16>>,
    log: Arc<Mutex<Vec<Answered>>>,
}

impl Served {
    fn set(&self, body: Vec<u8>) {
        *self.body.lock().unwrap() = body;
        *self.status.lock().unwrap() = 200;
    }

    fn fails(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    fn statuses(&self) -> Vec<u16> {
        self.log.lock().unwrap().iter().map(|(status, _)| *status).collect()
    }

    /// A server at an address that is free.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/policy.wasm", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/policy.wasm", get(answer))
            .route("/moved", get(async || Redirect::temporary("/policy.wasm")))
            .route("/round", get(async || Redirect::temporary("/round")))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
}

async fn answer(State(served): State<Served>, headers: HeaderMap) -> Response {
    let (body, status) = (served.body.lock().unwrap().clone(), *served.status.lock().unwrap());
    let tag = format!("\"{}\"", perso_core::module::hex(&perso_core::module::sha256(&body)));
    let token = headers.get("authorization").map(|token| token.to_str().unwrap().to_owned());
    let is_known = headers.get("if-none-match").is_some_and(|known| known == tag.as_str());
    let status = if status == 200 && is_known { 304 } else { status };
    served.log.lock().unwrap().push((status, token));
    let code = StatusCode::from_u16(status).unwrap();
    if status == 200 { (code, [("etag", tag)], body).into_response() } else { code.into_response() }
}

struct Keys(tempfile::TempDir);

impl Keys {
    fn new(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["key", "stranger"] {
            let mut make = Command::new("ssh-keygen");
            make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join(name));
            assert!(make.status().expect("this test needs `ssh-keygen`: `make journal` installs it").success());
        }
        std::fs::copy(folder.path().join("key.pub"), world.path("keys.pub")).unwrap();
        Self(folder)
    }

    /// A policy that allows one tool, signed.
    fn release(&self, key: &str, name: &str, number: u64, tool: &str) -> Vec<u8> {
        let signer = Signer::read(&self.0.path().join(key)).unwrap();
        release::sign(&module(tool), &Release { name: name.to_owned(), number }, &signer).unwrap()
    }
}

fn module(tool: &str) -> Vec<u8> {
    let policy = json!({ "perso": 1, "rules": [{ "id": "one", "allow": tool }] });
    Policy::compile(&policy.to_string()).unwrap().module().to_vec()
}

/// Whether a tool is allowed.
async fn allows(service: &Running, tool: &str) -> bool {
    service.decide(&json!({ "tool": tool })).await["decision"] == "allow"
}

/// Waits until the service says something of its policy.
async fn until_ready_says(service: &Running, what: &str) {
    for _ in 0..400 {
        if service.get("/readyz").await.1.contains(what) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what}: {}", service.get("/readyz").await.1);
}

#[tokio::test]
async fn a_new_release_is_taken_over_and_nothing_else() {
    let world = World::new("{");
    let (keys, served) = (Keys::new(&world), Served::default());
    served.set(keys.release("key", "team", 12, "view"));
    let url = served.start().await;
    let service = world.serve_at(&url, &["--policy-keys", "keys.pub", "--policy-poll", "1"]).await;
    assert!(allows(&service, "view").await && !allows(&service, "edit").await);
    until_ready_says(&service, "policy team 12, confirmed").await;
    served.set(keys.release("key", "team", 13, "edit"));
    until_ready_says(&service, "policy team 13").await;
    assert!(!allows(&service, "view").await && allows(&service, "edit").await);
    let (_, metrics) = service.get("/metrics").await;
    assert!(metrics.contains("perso_policy_release 13") && metrics.contains("perso_policy_failed 0"), "{metrics}");
    let whole = keys.release("key", "team", 14, "other");
    let refused: [(Vec<u8>, &str); 7] = [
        (keys.release("stranger", "team", 14, "other"), "none of the accepted keys"),
        (module("other"), "not signed"),
        (keys.release("key", "others", 14, "other"), "a release of `others`, and not of `team`"),
        (keys.release("key", "team", 11, "other"), "release 11 is older than 13"),
        (whole[..whole.len() / 2].to_vec(), "since then"),
        (br#"{ "perso": 1, "default": "allow", "rules": [] }"#.to_vec(), "not a module"),
        (Vec::new(), "not a module"),
    ];
    for (body, why) in refused {
        served.set(body);
        until_ready_says(&service, why).await;
        assert!(allows(&service, "edit").await && !allows(&service, "other").await, "{why}");
    }
    assert!(service.get("/metrics").await.1.contains("perso_policy_failed 1"));
    served.fails(500);
    until_ready_says(&service, "the server answers 500").await;
    assert!(allows(&service, "edit").await);
    served.set(whole);
    until_ready_says(&service, "policy team 14, confirmed").await;
    assert!(allows(&service, "other").await);
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::new("{");
    let served = Served::default();
    served.set(module("view"));
    let url = served.start().await;
    let mut command = world.command_at(&url, &["--listen", "127.0.0.1:0", "--policy-poll", "1"]);
    command.env("PERSO_POLICY_TOKEN", "a-token");
    let service = world.spawn(command).await;
    for _ in 0..400 {
        if served.statuses().len() > 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(served.statuses()[..3], [200, 304, 304]);
    assert!(served.log.lock().unwrap().iter().all(|(_, token)| token.as_deref() == Some("Bearer a-token")));
    assert!(allows(&service, "view").await);
    assert!(!world.log().contains("a-token"));
}

#[tokio::test]
async fn the_last_policy_is_there_without_its_source() {
    let world = World::new("{");
    let (keys, served) = (Keys::new(&world), Served::default());
    served.set(keys.release("key", "team", 12, "view"));
    let url = served.start().await;
    let arguments = ["--policy-keys", "keys.pub", "--policy-cache", "cache", "--policy-poll", "1"];
    drop(world.serve_at(&url, &arguments).await);
    served.fails(503);
    let service = world.serve_at(&url, &arguments).await;
    assert!(allows(&service, "view").await);
    until_ready_says(&service, "policy team 12, from the cache; since then: the server answers 503").await;
    drop(service);
    // What is on disk is verified, too.
    std::fs::write(world.path("cache/policy"), keys.release("stranger", "team", 12, "edit")).unwrap();
    let why = world.fails_at(&url, &arguments).await;
    assert!(why.contains("503") && why.contains("none of the accepted keys"), "{why}");
    // And that an older release was put there, or is at the source, is seen.
    drop(std::fs::remove_file(world.path("cache/policy")));
    served.set(keys.release("key", "team", 11, "edit"));
    let why = world.fails_at(&url, &arguments).await;
    assert!(why.contains("release 11 is older than 12"), "{why}");
    let rollback = [&arguments[..], &["--allow-rollback"]].concat();
    let service = world.serve_at(&url, &rollback).await;
    assert!(allows(&service, "edit").await);
}

#[tokio::test]
async fn a_signed_file_is_followed() {
    let world = World::new("{");
    let keys = Keys::new(&world);
    std::fs::write(world.path("policy.wasm"), keys.release("key", "team", 1, "view")).unwrap();
    let arguments = ["--policy-keys", "keys.pub", "--policy-name", "team", "--policy-poll", "1"];
    let service = world.serve_at("policy.wasm", &arguments).await;
    assert!(allows(&service, "view").await);
    std::fs::write(world.path("policy.wasm"), keys.release("key", "team", 2, "edit")).unwrap();
    until_ready_says(&service, "policy team 2").await;
    assert!(allows(&service, "edit").await);
    let other = ["--policy-keys", "keys.pub", "--policy-name", "others"];
    assert!(world.fails_at("policy.wasm", &other).await.contains("a release of `team`, and not of `others`"));
    std::fs::write(world.path("policy.wasm"), module("edit")).unwrap();
    assert!(world.fails_at("policy.wasm", &arguments).await.contains("it is not signed"));
}

#[tokio::test]
async fn urls_that_are_not_taken() {
    let world = World::new("{");
    let served = Served::default();
    served.set(module("view"));
    let url = served.start().await;
    let at = |path: &str| url.replace("/policy.wasm", path);
    let service = world.serve_at(&at("/moved"), &[]).await;
    assert!(allows(&service, "view").await);
    assert!(world.fails_at(&at("/round"), &[]).await.contains("redirect"));
    assert!(world.fails_at(&at("/none"), &[]).await.contains("404"));
    assert!(world.fails_at("http://example.com/policy.wasm", &[]).await.contains("without https, give --policy-keys"));
    assert!(world.fails_at("gopher://example.com/", &[]).await.contains("`gopher://` is not known"));
    let secret = url.replace("http://", "http://ann:PLANTED@").replace("policy.wasm", "none?signature=PLANTED");
    let why = world.fails_at(&secret, &[]).await;
    assert!(why.contains("404") && !why.contains("PLANTED"), "{why}");
}

/// The programs that the script installs: a container registry, and an S3 server.
fn installed() -> [std::path::PathBuf; 2] {
    let paths = crate::support::installed("tests/service/source/run.sh");
    paths.try_into().unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until_listens(port: u16) {
    for _ in 0..1_200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nothing listens at {port}");
}

#[tokio::test]
async fn from_an_oci_registry() {
    let world = World::new("{");
    let (keys, port) = (Keys::new(&world), free_port());
    let config = json!({
        "version": 0.1, "storage": { "filesystem": { "rootdirectory": world.path("registry") } },
        "http": { "addr": format!("127.0.0.1:{port}") },
    });
    world.write("registry.yml", &config.to_string());
    let start = || {
        let mut registry = tokio::process::Command::new(&installed()[0]);
        registry.arg("serve").arg(world.path("registry.yml")).kill_on_drop(true);
        registry.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut registry = start();
    until_listens(port).await;
    let url = format!("oci://127.0.0.1:{port}/policies/team:latest");
    let push = async |module: Vec<u8>| {
        std::fs::write(world.path("policy.wasm"), module).unwrap();
        let mut push = tokio::process::Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
        let pushed = push.args(["push", "policy.wasm", &url]).current_dir(world.folder.path()).output().await.unwrap();
        assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    };
    push(keys.release("key", "team", 1, "view")).await;
    let arguments = ["--policy-keys", "keys.pub", "--policy-poll", "1", "--policy-cache", "cache"];
    let service = world.serve_at(&url, &arguments).await;
    assert!(allows(&service, "view").await);
    push(keys.release("key", "team", 2, "edit")).await;
    until_ready_says(&service, "policy team 2, confirmed").await;
    assert!(allows(&service, "edit").await);
    push(keys.release("stranger", "team", 3, "other")).await;
    until_ready_says(&service, "none of the accepted keys").await;
    registry.kill().await.unwrap();
    until_ready_says(&service, "error sending request").await;
    assert!(allows(&service, "edit").await && !allows(&service, "other").await);
    drop(service);
    // A start without the registry, and its return.
    let service = world.serve_at(&url, &arguments).await;
    assert!(allows(&service, "edit").await);
    let _registry = start();
    until_listens(port).await;
    push(keys.release("key", "team", 4, "other")).await;
    until_ready_says(&service, "policy team 4, confirmed").await;
    let none = url.replace("team:latest", "none:latest");
    assert!(world.fails_at(&none, &[]).await.contains("oci://127.0.0.1"));
    assert!(world.fails_at("oci://BAD REFERENCE", &[]).await.contains("is not a reference"));
}

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request";

#[tokio::test]
async fn from_an_object_store() {
    let world = World::new("{");
    let (keys, port) = (Keys::new(&world), free_port());
    let mut server = tokio::process::Command::new(&installed()[1]);
    server.args(["-H", "127.0.0.1", "-p", &port.to_string()]).kill_on_drop(true);
    let mut server = server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    until_listens(port).await;
    let put = async |path: &str, body: Vec<u8>| {
        let request = crate::support::client().put(format!("http://127.0.0.1:{port}/{path}")).body(body);
        // Without a type, the server reads a form; what a signature says, it does not check.
        let put =
            request.header("content-type", "application/wasm").header("authorization", SIGNED).send().await.unwrap();
        assert!(put.status().is_success(), "{path}: {}", put.status());
    };
    put("policies", Vec::new()).await;
    put("policies/team.wasm", keys.release("key", "team", 1, "view")).await;
    let start = async || {
        let arguments =
            ["--listen", "127.0.0.1:0", "--policy-keys", "keys.pub", "--policy-poll", "1", "--policy-cache", "cache"];
        let mut command = world.command_at("s3://policies/team.wasm", &arguments);
        command.env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "PLANTED").env("AWS_REGION", "us-east-1");
        world.spawn(command).await
    };
    let service = start().await;
    assert!(allows(&service, "view").await);
    put("policies/team.wasm", keys.release("key", "team", 2, "edit")).await;
    until_ready_says(&service, "policy team 2, confirmed").await;
    assert!(allows(&service, "edit").await);
    put("policies/team.wasm", keys.release("key", "team", 1, "view")).await;
    until_ready_says(&service, "release 1 is older than 2").await;
    server.kill().await.unwrap();
    until_ready_says(&service, "since then").await;
    assert!(allows(&service, "edit").await);
    drop(service);
    let service = start().await;
    assert!(allows(&service, "edit").await);
    assert!(!world.log().contains("PLANTED"));
}
