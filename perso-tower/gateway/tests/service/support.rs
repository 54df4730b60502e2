//! A service as users run it: the command and its files.

use prost::Message;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

pub const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "refund", "allow": "process_refund", "roles": ["agent"], "when": { "args.amount": { "gt": 0, "lte": 500 } },
      "reason": "Agents may refund up to $500." },
    { "id": "large", "ask": "process_refund", "roles": ["agent"], "when": { "args.amount": { "gt": 500, "lte": 900 } },
      "reason": "Refunds over $500 need approval." },
    { "id": "look", "allow": ["view_*", "add"] }
] }"#;

/// A folder with the files of a service.
pub struct World {
    pub folder: tempfile::TempDir,
}

/// A service.
pub struct Running {
    pub child: Child,
    pub url: String,
    pub lines: Lines<BufReader<ChildStdout>>,
}

impl World {
    pub fn new(policy: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        world.write("policy.json", policy);
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_at("policy.json", arguments)
    }

    pub fn command_at(&self, policy: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
        command.args(["serve", "--policy", policy]).args(arguments);
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    /// A service whose policy is somewhere else.
    pub async fn serve_at(&self, policy: &str, arguments: &[&str]) -> Running {
        let arguments: Vec<&str> = ["--listen", "127.0.0.1:0"].iter().chain(arguments).copied().collect();
        self.spawn(self.command_at(policy, &arguments)).await
    }

    pub async fn fails_at(&self, policy: &str, arguments: &[&str]) -> String {
        failed(self.command_at(policy, arguments)).await
    }

    /// A service at an address that is free.
    pub async fn serve(&self, arguments: &[&str]) -> Running {
        let arguments: Vec<&str> = ["--listen", "127.0.0.1:0"].iter().chain(arguments).copied().collect();
        self.start(&arguments).await
    }

    pub async fn start(&self, arguments: &[&str]) -> Running {
        self.spawn(self.command(arguments)).await
    }

    pub async fn spawn(&self, mut command: Command) -> Running {
        let log = fs::File::options().create(true).append(true).open(self.path("service.log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next_line().await.unwrap();
        let url = url.unwrap_or_else(|| panic!("it did not start: {}", self.log()));
        Running { child, url, lines }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("service.log")).unwrap_or_default()
    }

    /// Why it does not start.
    pub async fn fails(&self, arguments: &[&str]) -> String {
        failed(self.command(arguments)).await
    }
}

async fn failed(mut command: Command) -> String {
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.expect("it starts").unwrap();
    assert!(!output.status.success(), "it starts");
    String::from_utf8(output.stderr).unwrap()
}

impl Running {
    /// Sends a body, and returns the status and the answer.
    pub async fn post(&self, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        let request = client().post(format!("{}{path}", self.url)).header("content-type", kind).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Sends JSON, and returns the status and the JSON of the answer, or its text.
    pub async fn json(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, text) = self.post(path, "application/json", body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn decide(&self, call: &Value) -> Value {
        let (status, decision) = self.json("/v1/decide", call).await;
        assert_eq!(status, 200, "{decision}");
        decision
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = client().get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Calls a method over gRPC.
    pub async fn grpc<Q, A>(&self, path: &'static str, request: Q) -> Result<A, tonic::Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        self.grpc_with(path, request, "").await
    }

    /// The same, with a token.
    pub async fn grpc_with<Q, A>(&self, path: &'static str, request: Q, token: &str) -> Result<A, tonic::Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let channel = tonic::transport::Endpoint::from_shared(self.url.clone()).unwrap().connect().await.unwrap();
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<Q, A>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        let mut request = tonic::Request::new(request);
        request.metadata_mut().insert("x-perso-token", token.parse().unwrap());
        grpc.unary(request, path, codec).await.map(tonic::Response::into_inner)
    }
}

/// What a script of the tests prints, a line each.
pub fn installed(script: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let output = std::process::Command::new(path).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{script} failed");
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// A client without a proxy.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
