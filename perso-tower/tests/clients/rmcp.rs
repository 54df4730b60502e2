//! Runs the scenes with rmcp's client: rmcp_client desk ERA URL | stdio ERA | gateway ERA |
//! everything ERA URL | gateway-http ERA URL

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::RunningService;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};
use std::env::var;
use std::fmt::Debug;

type Client = RunningService<RoleClient, ()>;

#[derive(Default)]
struct Play {
    passed: usize,
    failed: usize,
}

fn lifecycle(era: &str) -> ClientLifecycleMode {
    match era {
        "modern" => ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
        _ => ClientLifecycleMode::Initialize,
    }
}

async fn over_http(era: &str, url: &str, token: &str) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(var(token).unwrap());
    // In builds of the whole workspace reqwest comes with TLS, for which the process has to choose a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ().serve_with_lifecycle(StreamableHttpClientTransport::from_config(config), lifecycle(era)).await.unwrap()
}

async fn over_stdio(era: &str, agent: &[&str]) -> Client {
    let mut desk = tokio::process::Command::new(var("DESK_STDIO").unwrap());
    desk.arg(var("DESK_MODULE").unwrap()).args(agent);
    ().serve_with_lifecycle(TokioChildProcess::new(desk).unwrap(), lifecycle(era)).await.unwrap()
}

async fn tools(client: &Client) -> Vec<String> {
    let mut tools: Vec<_> =
        client.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.to_string()).collect();
    tools.sort();
    tools
}

/// Calls a tool. Returns whether it succeeded, and the text.
async fn call(client: &Client, name: &'static str, args: Value) -> (bool, String) {
    let call = CallToolRequestParams::new(name).with_arguments(args.as_object().cloned().unwrap());
    let result = client.call_tool(call).await.unwrap();
    let text = result.content.first().and_then(|content| content.as_text()).map(|text| text.text.clone());
    (result.is_error != Some(true), text.unwrap_or_default())
}

async fn view(client: &Client) -> Value {
    serde_json::from_str(&call(client, "view_customer", json!({})).await.1).unwrap()
}

fn text(went_well: bool, text: &str) -> (bool, String) {
    (went_well, text.to_owned())
}

impl Play {
    fn check<T: PartialEq<E> + Debug, E: Debug>(&mut self, what: &str, seen: T, expected: E) {
        if seen == expected {
            self.passed += 1;
        } else {
            self.failed += 1;
            eprintln!("{what}: {seen:?}, not {expected:?}");
        }
    }

    async fn agent(&mut self, client: &Client) {
        self.check("tools of an agent", tools(client).await, ["process_refund", "send_email", "view_customer"]);
        let small = call(client, "process_refund", json!({ "order_id": "1", "amount": 100 })).await;
        self.check("a small refund", small, text(true, "refunded $100 for 1"));
        let before = view(client).await;
        let large = call(client, "process_refund", json!({ "order_id": "1", "amount": 800 })).await;
        self.check("a large refund", large, text(false, "Agents may refund up to $500."));
        let mail = call(client, "send_email", json!({ "to": ["a@acme.com", "b@evil.example"], "text": "x" })).await;
        self.check("a mail", mail, text(false, "Agents may write to addresses at acme.com."));
        let hidden = call(client, "delete_record", json!({ "record_id": "rec-1" })).await;
        self.check("a hidden tool", hidden, text(false, "Managers may delete records they own."));
        let pii = call(client, "access_pii", json!({})).await;
        self.check("another one", pii, text(false, "Verify MFA before opening personal data."));
        self.check("what was refunded", before["refunded"].as_u64(), Some(100));
        self.check("what was done", view(client).await, before);
    }

    async fn manager(&mut self, client: &Client) {
        self.check("tools of a manager", tools(client).await.contains(&"delete_record".to_owned()), true);
        let other = call(client, "delete_record", json!({ "record_id": "rec-2" })).await;
        self.check("somebody else's record", other, text(false, "Managers may delete records they own."));
        let own = call(client, "delete_record", json!({ "record_id": "rec-1" })).await;
        self.check("one's own record", own, text(true, "deleted rec-1"));
        self.check("the records", view(client).await["records"].clone(), json!(["rec-2"]));
    }

    async fn verified(&mut self, client: &Client) {
        self.check("tools with MFA", tools(client).await.contains(&"access_pii".to_owned()), true);
        self.check("personal data", call(client, "access_pii", json!({})).await, text(true, "born 1 January 1970"));
    }

    async fn everything(&mut self, client: &Client) {
        let shown = ["echo", "get-sum", "gzip-file-as-resource", "simulate-research-query"];
        self.check("tools", tools(client).await, shown);
        self.check("echo", call(client, "echo", json!({ "message": "hello" })).await, text(true, "Echo: hello"));
        self.check("a small sum", call(client, "get-sum", json!({ "a": 1, "b": 2 })).await.0, true);
        let large = call(client, "get-sum", json!({ "a": 1, "b": 200 })).await;
        self.check("a large sum", large, text(false, "Agents may add numbers up to 100."));
        let packed = call(client, "gzip-file-as-resource", json!({ "name": "a.txt.gz", "data": "data:,a" })).await;
        self.check("a text", packed.0, true);
        let binary = call(client, "gzip-file-as-resource", json!({ "name": "b.exe.gz", "data": "data:,b" })).await;
        self.check("no text", binary, text(false, "Agents may pack texts."));
        let resources = client.list_all_resources().await.unwrap();
        let packed = resources.iter().map(|resource| &resource.name).filter(|name| name.ends_with(".gz"));
        self.check("what was packed", packed.collect::<Vec<_>>(), ["a.txt.gz"]);
        self.check("a hidden tool", call(client, "get-env", json!({})).await.0, false);
    }
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (scene, era) = (&*args[0], &*args[1]);
    let mut play = Play::default();
    match scene {
        "desk" => {
            play.agent(&over_http(era, &args[2], "AGENT").await).await;
            play.manager(&over_http(era, &args[2], "MANAGER").await).await;
            play.verified(&over_http(era, &args[2], "VERIFIED").await).await;
        }
        "gateway" => play.agent(&over_stdio(era, &["agt-099", "agent"]).await).await,
        "stdio" => {
            play.agent(&over_stdio(era, &["agt-099", "agent"]).await).await;
            play.manager(&over_stdio(era, &["mgr-001", "manager"]).await).await;
        }
        _ => play.everything(&over_http(era, &args[2], "AGENT").await).await,
    }
    println!("rmcp, {scene}, {era}: {} passed, {} failed", play.passed, play.failed);
    std::process::exit(i32::from(play.failed > 0 || play.passed == 0));
}
