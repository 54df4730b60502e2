//! Measures how many decisions a second the decision service makes, and how long one takes at half of that.
//!
//! `make bench` runs this and writes the results to `target/perso-bench.json`:
//!
//! | result | meaning |
//! | --- | --- |
//! | `service_native_per_s`, `service_lines_per_s` | decisions a second over `/v1/decide`, one in a request and a hundred |
//! | `service_authzen_per_s` | the same over `/access/v1/evaluation` |
//! | `service_ext_authz_per_s` | the same over Envoy's `ext_authz` in gRPC, with the MCP message in each check |
//! | `service_…_p99_ms` | the 99th percentile at half of that, in milliseconds, counted from when a request should have been sent |
//! | `service_cerbos_per_s`, `service_cerbos_p99_ms` | the same decision by [Cerbos](https://www.cerbos.dev), in requests of its own |
//!
//! The services and the clients share the machine. Cerbos is measured if `GATEWAY_PEERS` names the folder that `benches/run.sh` installs
//! it in.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark on known data may panic"
)]

#[path = "../../../perso-core/benches/measure/mod.rs"]
#[expect(dead_code, reason = "requests are measured here")]
mod measure;

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use measure::Report;
use prost::Message;
use prost::bytes::Bytes;
use serde_json::json;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// How long each part of a measurement takes.
const TIME: Duration = Duration::from_secs(3);
/// How many requests are open at once when as many are made as can be.
const OPEN: usize = 32;

/// A kind of request.
struct Kind {
    name: &'static str,
    address: String,
    path: &'static str,
    form: &'static str,
    body: Bytes,
    is_h2: bool,
    /// How many decisions are in an answer.
    decisions: usize,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut report = Report::default();
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let call = json!({ "tool": "process_refund", "args": { "order_id": "ORD-8821", "amount": 120, "currency": "USD", "note": "damaged" },
                       "agent": { "id": "ann", "roles": ["agent"] } });
    let evaluation = json!({
        "subject": { "type": "user", "id": "ann", "properties": { "roles": ["agent"] } },
        "action": { "name": "process_refund", "properties": call["args"] },
        "resource": { "type": "order", "id": "ORD-8821" },
    });
    let kind = |name, path, form, body: Vec<u8>, is_h2, decisions| Kind {
        name,
        address: service.address.clone(),
        path,
        form,
        body: body.into(),
        is_h2,
        decisions,
    };
    let lines = format!("{call}\n").repeat(100);
    let kinds = [
        kind("native", "/v1/decide", "application/json", call.to_string().into(), false, 1),
        kind("lines", "/v1/decide", "application/jsonl", lines.into(), false, 100),
        kind("authzen", "/access/v1/evaluation", "application/json", evaluation.to_string().into(), false, 1),
        kind("ext_authz", "/envoy.service.auth.v3.Authorization/Check", "application/grpc", check(), true, 1),
    ];
    println!("\ndecisions of a service on this machine, with clients beside it");
    for kind in kinds {
        measure(&runtime, &mut report, kind);
    }
    drop(service);
    if let Some(installed) = std::env::var_os("GATEWAY_PEERS") {
        let cerbos = cerbos(Path::new(&installed), folder.path());
        let body = json!({
            "principal": { "id": "ann", "roles": ["agent"] },
            "resources": [{ "resource": { "kind": "order", "id": "ORD-8821", "attr": { "amount": 120 } }, "actions": ["process_refund"] }],
        });
        let kind = Kind {
            name: "cerbos",
            address: cerbos.address.clone(),
            path: "/api/check/resources",
            form: "application/json",
            body: body.to_string().into(),
            is_h2: false,
            decisions: 1,
        };
        measure(&runtime, &mut report, kind);
    }
    report.write();
}

fn measure(runtime: &tokio::runtime::Runtime, report: &mut Report, kind: Kind) {
    let kind = Arc::new(kind);
    let (most, p50, p99) = runtime.block_on(async {
        closed(&kind, Duration::from_millis(500)).await;
        let most = closed(&kind, TIME).await;
        let mut times = open(&kind, most / 2.0).await;
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
        (most, at(50), at(99))
    });
    let decisions = most * kind.decisions as f64;
    println!("  {:<12} {decisions:>10.0} a second   at half of it: p50 {p50:>6.2} ms   p99 {p99:>6.2} ms", kind.name);
    report.ratio(&format!("service_{}_per_s", kind.name), decisions);
    report.ratio(&format!("service_{}_p99_ms", kind.name), p99);
}

/// A connection.
enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn open(kind: &Kind) -> Self {
        let stream = TcpStream::connect(&kind.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if kind.is_h2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            Self::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            Self::Http1(sender)
        }
    }

    async fn ask(&mut self, kind: &Kind) {
        let uri = if kind.is_h2 { format!("http://{}{}", kind.address, kind.path) } else { kind.path.to_owned() };
        let request = Request::post(uri).header("host", &kind.address).header("content-type", kind.form);
        let request = if kind.is_h2 { request.header("te", "trailers") } else { request };
        let request = request.body(Full::new(kind.body.clone())).unwrap();
        let response = match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        };
        let response = response.unwrap();
        assert!(response.status().is_success(), "{}: {}", kind.name, response.status());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!body.is_empty(), "{} does not answer", kind.name);
    }
}

/// Makes as many requests as can be made, and returns how many a second that were.
async fn closed(kind: &Arc<Kind>, time: Duration) -> f64 {
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..OPEN {
        let kind = kind.clone();
        tasks.push(tokio::spawn(async move {
            let (mut connection, mut done) = (Connection::open(&kind).await, 0_u32);
            while begin.elapsed() < time {
                connection.ask(&kind).await;
                done += 1;
            }
            done
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    f64::from(done) / begin.elapsed().as_secs_f64()
}

/// Makes so many requests a second, and returns how long each took from when it should have been sent.
async fn open(kind: &Arc<Kind>, rate: f64) -> Vec<Duration> {
    let begin = Instant::now() + Duration::from_millis(100);
    let mut tasks = Vec::new();
    // Each connection has its share, so that a slow answer delays what comes after it on this connection, as it would for a host.
    for at in 0..OPEN {
        let kind = kind.clone();
        tasks.push(tokio::spawn(async move {
            let (mut connection, mut times) = (Connection::open(&kind).await, Vec::new());
            for round in 0.. {
                let due = begin + Duration::from_secs_f64((round * OPEN + at) as f64 / rate);
                if due > begin + TIME {
                    break;
                }
                tokio::time::sleep_until(due.into()).await;
                connection.ask(&kind).await;
                times.push(due.elapsed());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    times
}

/// A program that listens. It ends with this one.
struct Program {
    child: Child,
    address: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn service(folder: &Path) -> Program {
    let policy = json!({ "perso": 1, "rules": [
        { "id": "refund", "allow": "process_refund", "roles": ["agent"], "when": { "args.amount": { "gt": 0, "lte": 500 } } }
    ], "roles": { "agent": [] } });
    std::fs::write(folder.join("policy.json"), policy.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_perso-gateway"));
    command
        .args(["serve", "--policy", "policy.json", "--listen", "127.0.0.1:0", "--role", "agent"])
        .current_dir(folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    Program { child, address: url.trim().trim_start_matches("http://").to_owned() }
}

fn cerbos(installed: &Path, folder: &Path) -> Program {
    let policies = folder.join("policies");
    std::fs::create_dir_all(&policies).unwrap();
    let policy = json!({ "apiVersion": "api.cerbos.dev/v1", "resourcePolicy": { "resource": "order", "version": "default", "rules": [
        { "actions": ["process_refund"], "effect": "EFFECT_ALLOW", "roles": ["agent"],
          "condition": { "match": { "expr": "R.attr.amount > 0 && R.attr.amount <= 500" } } }] } });
    std::fs::write(policies.join("order.json"), policy.to_string()).unwrap();
    let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (http, grpc) = (port(), port());
    let config = json!({
        "server": { "httpListenAddr": http.to_string(), "grpcListenAddr": grpc.to_string(), "logRequestPayloads": false },
        "storage": { "driver": "disk", "disk": { "directory": policies, "watchForChanges": false } },
        "telemetry": { "disabled": true },
        "audit": { "enabled": false },
    });
    let file = folder.join("cerbos.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new(installed.join("node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64"));
    command.args(["server", "--log-level", "error", "--config"]).arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let begin = Instant::now();
    while std::net::TcpStream::connect(http).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(60), "Cerbos does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Program { child, address: http.to_string() }
}

#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
struct Attributes {
    #[prost(message, optional, tag = "4")]
    request: Option<Http>,
}

#[derive(Clone, PartialEq, Message)]
struct Http {
    #[prost(message, optional, tag = "2")]
    http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpRequest {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(map = "string, string", tag = "3")]
    headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(bytes = "vec", tag = "12")]
    raw_body: Vec<u8>,
}

/// The body of a gRPC request, as Envoy sends it.
fn check() -> Vec<u8> {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "process_refund", "arguments": {
        "order_id": "ORD-8821", "amount": 120, "currency": "USD", "note": "damaged" } } });
    let headers = [
        (":authority", "mcp.example.com"),
        (":method", "POST"),
        (":path", "/mcp"),
        (":scheme", "https"),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("user-agent", "client/1.0"),
        ("x-request-id", "a5c7d0ec-3b6e-4a0f-8d2e-7a3f3a3c1f10"),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let http = HttpRequest {
        method: "POST".to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        path: "/mcp".to_owned(),
        raw_body: message.to_string().into(),
    };
    let message =
        CheckRequest { attributes: Some(Attributes { request: Some(Http { http: Some(http) }) }) }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&message);
    frame
}
