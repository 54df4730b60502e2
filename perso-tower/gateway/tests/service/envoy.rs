//! A real Envoy in front of a real MCP server, which asks the service over gRPC and over HTTP.

use crate::clients::{self, Client, LEGACY, Side, call, modern};
use crate::support::{Running, World, installed};
use rmcp::service::{ClientLifecycleMode, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "add", "allow": "add", "roles": ["adder"], "when": { "args.a": { "lte": 100 } },
      "reason": "Adders may add up to 100." },
    { "id": "rest", "allow": ["echo", "greet"] }
] }"#;

fn address(url: &str) -> Value {
    let (host, port) = url.strip_prefix("http://").unwrap().split_once(':').unwrap();
    let port: u16 = port.trim_end_matches("/mcp").parse().unwrap();
    json!({ "socket_address": { "address": host, "port_value": port } })
}

fn cluster(name: &str, urls: &[&str], more: &Value) -> Value {
    let endpoints: Vec<Value> = urls.iter().map(|url| json!({ "endpoint": { "address": address(url) } })).collect();
    let mut cluster = json!({
        "name": name, "type": "STATIC", "connect_timeout": "1s",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] },
    });
    cluster.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    cluster
}

/// Services that speak HTTP/2, and which of them are healthy.
fn services(urls: &[&str]) -> Value {
    cluster(
        "perso",
        urls,
        &json!({
            "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} },
            } },
            "health_checks": [{ "timeout": "1s", "interval": "0.2s", "no_traffic_interval": "0.2s", "unhealthy_threshold": 1,
                                "healthy_threshold": 1, "http_health_check": { "path": "/healthz" } }],
            "common_lb_config": { "healthy_panic_threshold": { "value": 0 } },
        }),
    )
}

fn over_grpc() -> Value {
    json!({
        "grpc_service": { "envoy_grpc": { "cluster_name": "perso" }, "timeout": "10s" },
    })
}

fn over_http() -> Value {
    json!({
        "http_service": { "server_uri": { "uri": "http://perso", "cluster": "perso", "timeout": "10s" }, "path_prefix": "/ext-authz",
                          "authorization_request": { "allowed_headers": { "patterns": [{ "prefix": "content-" }] } } },
    })
}

/// Envoy.
struct Envoy {
    _process: Child,
    url: String,
}

impl Envoy {
    async fn start(world: &World, server: &str, services: Value, asks: &Value) -> Self {
        let mut filter = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "failure_mode_allow": false,
            "status_on_error": { "code": "ServiceUnavailable" },
            "with_request_body": { "max_request_bytes": 1_048_576, "allow_partial_message": false, "pack_as_bytes": true },
        });
        filter.as_object_mut().unwrap().extend(asks.as_object().unwrap().clone());
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "mcp", "stream_idle_timeout": "0s",
            "route_config": { "virtual_hosts": [{ "name": "mcp", "domains": ["*"], "routes": [
                { "match": { "prefix": "/" }, "route": { "cluster": "mcp", "timeout": "0s" } }] }] },
            "http_filters": [
                { "name": "envoy.filters.http.ext_authz", "typed_config": filter },
                { "name": "envoy.filters.http.router", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
            ],
        });
        let any = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
        let config = json!({
            "admin": { "address": any },
            "static_resources": {
                "listeners": [{ "name": "mcp", "address": any, "filter_chains": [{ "filters": [
                    { "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }] }] }],
                "clusters": [cluster("mcp", &[server], &json!({})), services],
            },
        });
        world.write("envoy.json", &config.to_string());
        Self::run(world, "envoy.json").await
    }

    async fn run(world: &World, config: &str) -> Self {
        let log = std::fs::File::create(world.path("envoy.log")).unwrap();
        let mut command = Command::new(&installed("tests/service/envoy/run.sh")[0]);
        command.args(["-c", config, "--admin-address-path", "envoy.address", "--concurrency", "2"]);
        command.args(["--disable-hot-restart", "-l", "warning"]).current_dir(world.folder.path());
        let process = command.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap();
        let log = || std::fs::read_to_string(world.path("envoy.log")).unwrap_or_default();
        for _ in 0..400 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let Ok(admin) = std::fs::read_to_string(world.path("envoy.address")) else { continue };
            let get = async |path: &str| {
                let answer = crate::support::client().get(format!("http://{admin}{path}")).send().await.ok()?;
                answer.error_for_status().ok()?.text().await.ok()
            };
            if get("/ready").await.is_none() {
                continue;
            }
            let listeners = get("/listeners?format=json").await.unwrap();
            let listeners: Value = serde_json::from_str(&listeners).unwrap();
            let port = &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
            return Self { _process: process, url: format!("http://127.0.0.1:{port}/mcp") };
        }
        panic!("Envoy did not start: {}", log());
    }

    async fn client(&self, era: ClientLifecycleMode) -> Result<Client, String> {
        let config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        let transport = StreamableHttpClientTransport::with_client(crate::support::client(), config);
        serve_client_with_lifecycle(Side::default(), transport, era).await.map_err(|error| error.to_string())
    }
}

/// A server without perso, and what it has run.
struct Server {
    _process: Child,
    url: String,
    files: clients::World,
}

impl Server {
    async fn start() -> Self {
        let files = clients::World::new(&[]);
        let (process, url) = files.web("server", "127.0.0.1:0").await;
        Self { _process: process, url, files }
    }

    fn ran(&self) -> Vec<String> {
        self.files.ran("server")
    }
}

async fn in_front(asks: Value) {
    let (world, server) = (World::new(POLICY), Server::start().await);
    let mut service = world.serve(&["--role", "adder"]).await;
    let envoy = Envoy::start(&world, &server.url, services(&[&service.url]), &asks).await;
    for era in [LEGACY, modern()] {
        let client = envoy.client(era).await.unwrap();
        assert!(!client.list_all_tools().await.unwrap().is_empty());
        assert_eq!(call(&client, "add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
        let before = server.ran();
        let (worked, text) = call(&client, "add", json!({ "a": 101, "b": 2 })).await;
        // Over HTTP, a denial has a status that clients take for an error of the connection.
        assert!(!worked && (asks.get("http_service").is_some() || text == "Adders may add up to 100."), "{text}");
        assert!(!call(&client, "crash", json!({})).await.0);
        assert_eq!(server.ran(), before, "a denied call ran");
        client.cancel().await.unwrap();
    }
    // Without the service, nothing passes.
    let client = envoy.client(LEGACY).await.unwrap();
    service.child.kill().await.unwrap();
    let before = server.ran();
    assert!(!call(&client, "add", json!({ "a": 1, "b": 2 })).await.0);
    assert_eq!(server.ran(), before, "a call ran that nobody has judged");
    drop(client);
    assert!(envoy.client(LEGACY).await.is_err());
    // When it is there again, it is asked again.
    let port = service.url.rsplit_once(':').unwrap().1;
    let _again = world.start(&["--listen", &format!("127.0.0.1:{port}"), "--role", "adder"]).await;
    let mut worked = false;
    for _ in 0..100 {
        if let Ok(client) = envoy.client(LEGACY).await
            && call(&client, "add", json!({ "a": 1, "b": 2 })).await.0
        {
            worked = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(worked, "the service is there again, and not asked");
}

#[tokio::test]
async fn envoy_asks_over_grpc() {
    in_front(over_grpc()).await;
}

#[tokio::test]
async fn envoy_asks_over_http() {
    in_front(over_http()).await;
}

/// The configuration in `docs/service.md`, at other ports.
#[tokio::test]
async fn the_documented_configuration() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/service.md")).unwrap();
    let config = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let (world, server) = (World::new(POLICY), Server::start().await);
    let service = world.serve(&["--role", "adder"]).await;
    let port = |url: &str| url.trim_end_matches("/mcp").rsplit_once(':').unwrap().1.to_owned();
    let mut ported =
        format!("admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }} }}\n{config}");
    for (documented, real) in [("8080", "0"), ("8000", &port(&server.url)), ("8181", &port(&service.url))] {
        let before = format!("port_value: {documented} ");
        assert_eq!(ported.matches(&before).count(), 1, "{documented}");
        ported = ported.replace(&before, &format!("port_value: {real} "));
    }
    world.write("envoy.yaml", &ported.replace("0.0.0.0", "127.0.0.1"));
    let envoy = Envoy::run(&world, "envoy.yaml").await;
    let client = envoy.client(modern()).await.unwrap();
    assert_eq!(call(&client, "add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
    assert_eq!(
        call(&client, "add", json!({ "a": 101, "b": 2 })).await,
        (false, "Adders may add up to 100.".to_owned())
    );
}

const LIMITED: &str = r#"{ "perso": 1, "rules": [
    { "id": "add", "allow": "add", "when": { "args.a": { "lte": 100 } }, "reason": "Up to 100." }
], "limits": [{ "id": "two-hundred", "of": "add", "per": "agent.id", "max": 200, "window": "24h", "reason": "Up to 200 calls a day." }] }"#;

/// Three replicas with what they remember in Valkey; one is killed while eight clients call.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_can_be_killed() {
    let (world, server) = (World::new(LIMITED), Server::start().await);
    let socket = tempfile::Builder::new().prefix("valkey").tempdir_in("/tmp").unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut valkey = Command::new(&installed("../../perso-core/ledger/tests/servers.sh")[0]);
    valkey.args([
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ]);
    valkey.current_dir(socket.path()).stdout(Stdio::null()).kill_on_drop(true);
    let _valkey = valkey.spawn().unwrap();
    let ledger = format!("valkey://127.0.0.1:{port}");
    let mut replicas: Vec<Running> = Vec::new();
    for _ in 0..3 {
        replicas.push(world.serve(&["--user", "ann", "--ledger", &ledger]).await);
    }
    let urls: Vec<&str> = replicas.iter().map(|replica| replica.url.as_str()).collect();
    let envoy = Arc::new(Envoy::start(&world, &server.url, services(&urls), &over_grpc()).await);
    let (answered, repeated) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for worker in 0..8 {
        let (envoy, answered, repeated) = (envoy.clone(), answered.clone(), repeated.clone());
        tasks.push(tokio::spawn(async move {
            let client = envoy.client(LEGACY).await.unwrap();
            let mut texts = Vec::new();
            for at in 0..60 {
                // Every fifth call is one that no rule allows.
                let a = if at % 5 == 4 { 101 } else { worker };
                let mut answer = call(&client, "add", json!({ "a": a, "b": at })).await;
                // The replica that was asked has just been killed, so that Envoy has let nothing pass. It finds that out within 0.2 s.
                repeated.fetch_add(usize::from(answer.1.contains("HTTP 503")), Ordering::Relaxed);
                for _ in 0..20 {
                    if !answer.1.contains("HTTP 503") {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    answer = call(&client, "add", json!({ "a": a, "b": at })).await;
                }
                texts.push((a, answer));
                answered.fetch_add(1, Ordering::Relaxed);
            }
            texts
        }));
    }
    clients::until("a hundred calls are answered", || answered.load(Ordering::Relaxed) > 100).await;
    replicas[0].child.kill().await.unwrap();
    let (mut worked, mut limited, mut denied) = (0, 0, 0);
    for task in tasks {
        for (a, (is_done, text)) in task.await.unwrap() {
            match &*text {
                "Up to 100." => denied += 1,
                _ if is_done => worked += 1,
                _ => {
                    assert!(text.starts_with("Up to 200 calls a day."), "{a}: {text}");
                    limited += 1;
                }
            }
        }
    }
    assert_eq!((denied, worked + limited), (96, 384), "no call is lost, and none passes that no rule allows");
    let ran = server.ran().iter().filter(|line| line.starts_with("add")).count();
    assert_eq!(ran, worked);
    assert!(ran <= 200, "{ran} calls ran");
    // What was in flight at the replica that was killed may have been counted, and asked again elsewhere.
    assert!(ran >= 192, "{ran} calls ran");
    let repeated = repeated.load(Ordering::Relaxed);
    println!("{worked} ran, {limited} were over the limit, {denied} were not allowed, {repeated} had to be repeated");
}
