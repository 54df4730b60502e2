//! A gateway as users run it: the command, its files, and real servers behind it.

use rmcp::model::*;
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ErrorData, RoleClient};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub const POLICY: &str = r#"{ "perso": 1, "roles": { "adder": [] }, "rules": [
    { "id": "add", "allow": ["*add"], "roles": ["adder"], "when": { "args.a": { "lte": 100 } },
      "reason": "Adders may add up to 100." },
    { "id": "rest", "allow": ["*echo", "*wait", "*greet", "*crash", "*pid", "*region"] }
] }"#;

/// The client's side: it answers what a server asks, and keeps what a server tells.
#[derive(Clone, Default)]
pub struct Side {
    pub progress: Arc<Mutex<Vec<f64>>>,
    pub updated: Arc<Mutex<Vec<String>>>,
    /// What its user has been asked to approve, and what they say; by default, they approve.
    pub asked: Arc<Mutex<Vec<String>>>,
    pub says: Arc<Mutex<Option<Value>>>,
    pub is_silent: bool,
}

impl ClientHandler for Side {
    fn get_info(&self) -> ClientConfig {
        let capabilities = match self.is_silent {
            true => ClientCapabilities::default(),
            false => ClientCapabilities::builder().enable_elicitation().build(),
        };
        ClientConfig::new(capabilities, Implementation::new("test", "1"))
    }

    async fn create_elicitation(
        &self,
        asked: ElicitRequestParams,
        _: rmcp::service::RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        if let ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } = asked
            && requested_schema.properties.contains_key("approve")
        {
            self.asked.lock().unwrap().push(message);
            let said = self.says.lock().unwrap().clone();
            let said = said.unwrap_or_else(|| json!({ "action": "accept", "content": { "approve": true } }));
            return Ok(serde_json::from_value(said).unwrap());
        }
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "name": "Ann" })))
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: rmcp::service::NotificationContext<RoleClient>,
    ) {
        self.progress.lock().unwrap().push(progress.progress);
    }

    async fn on_resource_updated(
        &self,
        updated: ResourceUpdatedNotificationParam,
        _: rmcp::service::NotificationContext<RoleClient>,
    ) {
        self.updated.lock().unwrap().push(updated.uri);
    }
}

pub type Client = RunningService<RoleClient, Side>;

/// A folder with the files of a gateway.
pub struct World {
    pub folder: tempfile::TempDir,
}

pub fn example(name: &str) -> PathBuf {
    // `target/PROFILE/deps/gateway-…` is this test.
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples").join(name)
}

impl World {
    /// A world whose servers are upstreams on standard input and output.
    pub fn new(servers: &[&str]) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        world.write("policy.json", POLICY);
        let entries = servers.iter().map(|name| ((*name).to_owned(), world.stdio(name))).collect();
        world.servers(&Value::Object(entries));
        world
    }

    pub fn stdio(&self, name: &str) -> Value {
        json!({ "command": example("upstream"), "args": [self.path(&format!("{name}.log"))] })
    }

    pub fn servers(&self, servers: &Value) {
        self.write("mcp.json", &json!({ "mcpServers": servers }).to_string());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// An upstream that serves HTTP at an address, and its endpoint.
    pub async fn web(&self, name: &str, address: &str) -> (Child, String) {
        let mut upstream = Command::new(example("upstream"));
        upstream.arg(self.path(&format!("{name}.log"))).arg(address).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = upstream.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next_line().await.unwrap().unwrap();
        (child, url)
    }

    /// What a server has run.
    pub fn ran(&self, server: &str) -> Vec<String> {
        let log = fs::read_to_string(self.path(&format!("{server}.log"))).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
        command.args(["--policy", "policy.json", "--servers", "mcp.json"]).args(arguments);
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    /// A client that has started a gateway.
    pub async fn client(&self, arguments: &[&str]) -> Client {
        self.client_of(ClientLifecycleMode::Initialize, arguments).await
    }

    pub async fn client_of(&self, era: ClientLifecycleMode, arguments: &[&str]) -> Client {
        self.client_as(Side::default(), era, arguments).await
    }

    pub async fn client_as(&self, side: Side, era: ClientLifecycleMode, arguments: &[&str]) -> Client {
        let log = fs::File::options().create(true).append(true).open(self.path("gateway.log")).unwrap();
        let (process, _) = TokioChildProcess::builder(self.command(arguments)).stderr(log).spawn().unwrap();
        serve_client_with_lifecycle(side, process, era).await.unwrap()
    }

    /// A gateway that listens, and its endpoint.
    pub async fn listening(&self, arguments: &[&str]) -> Listening {
        let mut command = self.command(&[&["--listen", "127.0.0.1:0"], arguments].concat());
        let log = fs::File::options().create(true).append(true).open(self.path("gateway.log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next_line().await.unwrap();
        let log = || fs::read_to_string(self.path("gateway.log")).unwrap_or_default();
        Listening { child, url: url.unwrap_or_else(|| panic!("the gateway ended: {}", log())) }
    }
}

pub struct Listening {
    pub child: Child,
    pub url: String,
}

impl Listening {
    pub async fn client(&self, era: ClientLifecycleMode, token: Option<&str>) -> Result<Client, String> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        if let Some(token) = token {
            config = config.auth_header(token);
        }
        let transport = StreamableHttpClientTransport::with_client(http(), config);
        serve_client_with_lifecycle(Side::default(), transport, era).await.map_err(|error| error.to_string())
    }

    pub fn at(&self, path: &str) -> String {
        self.url.replace("/mcp", path)
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

/// A client for HTTP.
pub fn http() -> reqwest::Client {
    // A second one is not chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

pub fn modern() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

pub const LEGACY: ClientLifecycleMode = ClientLifecycleMode::Initialize;

/// Whether a call worked, and its text.
pub async fn call(client: &Client, tool: &str, arguments: Value) -> (bool, String) {
    let mut params = CallToolRequestParams::new(tool.to_owned());
    params.arguments = arguments.as_object().cloned();
    match client.call_tool(params).await {
        Ok(result) => {
            let text = result.content.first().and_then(|content| content.as_text()).map(|text| text.text.clone());
            (result.is_error != Some(true), text.unwrap_or_default())
        }
        Err(error) => (false, error.to_string()),
    }
}

pub async fn tools(client: &Client) -> Vec<String> {
    let mut names: Vec<String> =
        client.list_all_tools().await.unwrap().iter().map(|tool| tool.name.to_string()).collect();
    names.sort();
    names
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what} does not hold");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a process is there.
pub fn is_alive(pid: &str) -> bool {
    // One that has ended and that nobody has waited for is a zombie.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
