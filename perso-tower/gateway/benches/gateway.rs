//! Measures how long a call takes through the gateway, compared with a plain reverse proxy in front of the same server.
//!
//! `make bench` runs this and writes the results to `target/perso-bench.json`:
//!
//! | result | meaning |
//! | --- | --- |
//! | `gateway_added_us` | the median time of a call through the gateway minus that through the proxy, in microseconds |
//! | `gateway_session_added_us` | the same in a session, as MCP had them before revision 2026-07-28 |
//! | `gateway_stdio_ns` | the median time of a call in a session through the gateway to a server on standard input and output |
//! | `gateway_mcp_proxy_ns`, `gateway_supergateway_ns` | the same through other programs that bring such a server to HTTP |
//!
//! Client, gateway, proxy and server are processes of their own. The client has one connection, and makes one call after
//! another. The other programs are measured if `GATEWAY_PEERS` names the folder that `benches/run.sh` installs them in.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark on known data may panic"
)]

#[path = "../../../perso-core/benches/measure/mod.rs"]
#[expect(dead_code, reason = "the calls are measured one by one here")]
mod measure;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use measure::Report;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, ServiceExt, schemars, tool, tool_handler, tool_router};
use serde_json::{Value, json};
use std::env::current_exe;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How often each candidate is called in turn.
const ROUNDS: usize = 2000;
const WARM: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => serve(server()),
        ["stdio"] => stdio(),
        ["proxy", upstream] => serve(proxy(upstream)),
        _ => {
            let mut report = Report::default();
            over_http(&mut report);
            if let Some(installed) = std::env::var_os("GATEWAY_PEERS") {
                over_stdio(&mut report, Path::new(&installed));
            }
            report.write();
        }
    }
}

fn over_http(report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let this = current_exe().unwrap();
    let server = Program::start(Command::new(&this).arg("server"));
    let proxy = Program::start(Command::new(&this).args(["proxy", &server.url]));
    let gateway = Program::start(&mut gateway(folder.path(), &json!({ "url": server.url })));
    let medians = medians([
        Caller::modern("revision 2026-07-28, behind a proxy", &proxy),
        Caller::modern("revision 2026-07-28, behind the gateway", &gateway),
        Caller::session("in a session, behind a proxy", &proxy),
        Caller::session("in a session, behind the gateway", &gateway),
    ]);
    report.ratio("gateway_added_us", (medians[1] - medians[0]) / 1e3);
    report.ratio("gateway_session_added_us", (medians[3] - medians[2]) / 1e3);
}

fn over_stdio(report: &mut Report, installed: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let this = current_exe().unwrap();
    let gateway = Program::start(&mut gateway(folder.path(), &json!({ "command": this, "args": ["stdio"] })));
    let ports = [free_port(), free_port()];
    let mut mcp_proxy = Command::new(installed.join("venv/bin/mcp-proxy"));
    mcp_proxy.args(["--port", &ports[0].to_string(), "--"]).arg(&this).arg("stdio");
    let mut supergateway = Command::new("node");
    supergateway.arg(installed.join("node_modules/supergateway/dist/index.js"));
    supergateway.args(["--stdio", &format!("{} stdio", this.display()), "--outputTransport", "streamableHttp"]);
    supergateway.args(["--stateful", "--logLevel", "none", "--port", &ports[1].to_string()]);
    let (mcp_proxy, supergateway) = (Program::at(&mut mcp_proxy, ports[0]), Program::at(&mut supergateway, ports[1]));
    let medians = medians([
        Caller::session("stdio behind the gateway", &gateway),
        Caller::session("stdio behind mcp-proxy", &mcp_proxy),
        Caller::session("stdio behind supergateway", &supergateway),
    ]);
    report.ratio("gateway_stdio_ns", medians[0]);
    report.ratio("gateway_mcp_proxy_ns", medians[1]);
    report.ratio("gateway_supergateway_ns", medians[2]);
}

/// Has each caller call in turn, and returns the medians in nanoseconds.
fn medians<const N: usize>(mut callers: [Caller; N]) -> [f64; N] {
    for round in 0..WARM + ROUNDS {
        for caller in &mut callers {
            let time = caller.call();
            if round >= WARM {
                caller.times.push(time);
            }
        }
    }
    println!("\na call of a tool over HTTP");
    callers.map(|mut caller| {
        caller.times.sort_unstable();
        let at = |share: usize| caller.times[caller.times.len() * share / 100].as_nanos() as f64;
        println!("  {:<42} {:>9.1} µs   p95 {:>9.1} µs", caller.name, at(50) / 1e3, at(95) / 1e3);
        at(50)
    })
}

/// The gateway as users run it, with a policy that reads the arguments.
fn gateway(folder: &Path, desk: &Value) -> Command {
    let policy = json!({ "perso": 1, "rules": [
        { "id": "refund", "allow": "process_refund", "roles": ["agent"], "when": { "args.amount": { "gt": 0, "lte": 500 } } }
    ], "roles": { "agent": [] } });
    let servers = json!({ "mcpServers": { "desk": desk } });
    std::fs::write(folder.join("policy.json"), policy.to_string()).unwrap();
    std::fs::write(folder.join("mcp.json"), servers.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
    command.args(["--policy", "policy.json", "--servers", "mcp.json", "--listen", "127.0.0.1:0", "--role", "agent"]);
    command.current_dir(folder).stderr(Stdio::null());
    command
}

/// A program that prints its endpoint. It ends with this one.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }

    /// Starts a program that listens at a port, and waits until it does.
    fn at(command: &mut Command, port: u16) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, url: format!("http://127.0.0.1:{port}/mcp") }
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client with one connection, which sends the same call again and again.
struct Caller {
    name: &'static str,
    stream: TcpStream,
    request: Vec<u8>,
    times: Vec<Duration>,
}

const CALL: &str =
    r#""name":"process_refund","arguments":{"order_id":"ORD-8821","amount":120,"currency":"USD","note":"damaged"}"#;

impl Caller {
    fn connect(name: &'static str, program: &Program) -> Self {
        let stream = TcpStream::connect(program.url.trim_start_matches("http://").trim_end_matches("/mcp")).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { name, stream, request: Vec::new(), times: Vec::new() }
    }

    fn modern(name: &'static str, program: &Program) -> Self {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut caller = Self::connect(name, program);
        let headers = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: process_refund\r\n";
        caller.request = post(
            headers,
            &format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{CALL},"_meta":{meta}}}}}"#),
        );
        caller
    }

    fn session(name: &'static str, program: &Program) -> Self {
        let mut caller = Self::connect(name, program);
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } } });
        let answer = caller.exchange(&post("", &hello.to_string()));
        let id = answer.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap().to_owned();
        let headers = format!("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {id}\r\n");
        caller.exchange(&post(&headers, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#));
        caller.request =
            post(&headers, &format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{CALL}}}}}"#));
        caller
    }

    fn call(&mut self) -> Duration {
        let request = std::mem::take(&mut self.request);
        let begin = Instant::now();
        let answer = self.exchange(&request);
        let time = begin.elapsed();
        self.request = request;
        assert!(answer.contains("refunded 120"), "{}: {answer}", self.name);
        time
    }

    /// Sends a request, and reads its response to the end.
    fn exchange(&mut self, request: &[u8]) -> String {
        self.stream.write_all(request).unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 1 << 14]);
        loop {
            let read = self.stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the connection has ended");
            bytes.extend_from_slice(&buffer[..read]);
            if is_whole(&bytes) {
                return String::from_utf8(bytes).unwrap();
            }
        }
    }
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Whether a response is all there.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        Some(length) => bytes.len() >= end + 4 + length.parse::<usize>().unwrap(),
        None => bytes.ends_with(b"0\r\n\r\n"),
    }
}

#[tokio::main]
async fn serve(router: Router) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/mcp", listener.local_addr().unwrap());
    // Without it, the kernel may wait for more to send.
    use axum::serve::ListenerExt;
    axum::serve(listener.tap_io(|stream| drop(stream.set_nodelay(true))), router).await.unwrap();
}

#[derive(Clone)]
struct Desk;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[expect(dead_code, reason = "a real tool would read all of it")]
struct Refund {
    order_id: String,
    amount: f64,
    currency: String,
    note: String,
}

#[tool_router]
impl Desk {
    #[tool(description = "Gives money back")]
    async fn process_refund(&self, Parameters(refund): Parameters<Refund>) -> String {
        format!("refunded {}", refund.amount)
    }
}

#[tool_handler]
impl ServerHandler for Desk {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

fn server() -> Router {
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    Router::new().route_service(
        "/mcp",
        StreamableHttpService::new(|| Ok(Desk), Arc::new(LocalSessionManager::default()), config),
    )
}

#[tokio::main]
async fn stdio() {
    Desk.serve(rmcp::transport::stdio()).await.unwrap().waiting().await.unwrap();
}

type Upstream = (Uri, Client<HttpConnector, Body>);

fn proxy(upstream: &str) -> Router {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    Router::new().fallback(pass).with_state((upstream.parse().unwrap(), client))
}

async fn pass(State((upstream, client)): State<Upstream>, mut request: Request) -> Result<Response, StatusCode> {
    *request.uri_mut() = upstream;
    request.headers_mut().remove(header::HOST);
    let response = client.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(response.map(Body::new))
}
