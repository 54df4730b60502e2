//! Hidden tools and unknown tools get the same answer, byte for byte, even where rmcp and tower-mcp check a tool's
//! schema before the call is judged.

use crate::support::{Claims, Ran, authenticate, policy, server, tcp};
use axum::{Router, middleware};
use perso_tower::{FromExtension, Guard, PersoLayer, RouterLayer};
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The schema of every tool: one argument, with a header that repeats it.
fn schema() -> Value {
    json!({ "type": "object", "properties": { "region": { "type": "string", "x-mcp-header": "Region" } } })
}

#[derive(Clone, Default)]
struct Tools {
    ran: Ran,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let schema = schema().as_object().cloned().unwrap();
        ["pay", "wipe"].contains(&name).then(|| Tool::new(name.to_owned(), "a tool", std::sync::Arc::new(schema)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.get_tool(&request.name).is_none() {
            return Err(ErrorData::invalid_params("tool not found", None));
        }
        self.ran.note(&request.name, Value::Object(request.arguments.unwrap_or_default()));
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

fn router(ran: &Ran) -> tower_mcp::McpRouter {
    ["pay", "wipe"].into_iter().fold(tower_mcp::McpRouter::new(), |router, name| {
        let ran = ran.clone();
        let tool = tower_mcp::ToolBuilder::new(name).description("a tool").input_schema(schema());
        router.tool(
            tool.handler(move |args: Value| {
                let ran = ran.clone();
                async move {
                    ran.note(name, args);
                    Ok(tower_mcp::CallToolResult::text("ran"))
                }
            })
            .build(),
        )
    })
}

/// Sends a call of the stateless revision, with these headers in addition to the required ones.
async fn call(address: SocketAddr, token: &str, tool: &str, args: Value, headers: &[&str]) -> tcp::Raw {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": args, "_meta": meta } });
    let (token, name) = (format!("Authorization: {token}"), format!("Mcp-Name: {tool}"));
    let head = [
        "POST /mcp HTTP/1.1",
        &token,
        &name,
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        "Mcp-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call",
    ];
    tcp::exchange(address, &[&head[..], headers].concat(), &call.to_string()).await
}

/// Returns an answer without its date and length, and with a placeholder for the tool's name.
fn shape(answer: &tcp::Raw, tool: &str) -> (u16, Vec<String>, String) {
    let head = answer.head.lines().filter(|line| !line.starts_with("date:") && !line.starts_with("content-length:"));
    (answer.status, head.map(str::to_owned).collect(), answer.body.replace(tool, "TOOL"))
}

#[tokio::test]
async fn headers_do_not_tell_a_hidden_tool_from_none() {
    let who = FromExtension::<Claims>::new;
    let json = || StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let mut servers = Vec::new();
    let tools = Tools::default();
    let guarded = tools.clone().guarded(policy()).agent_source(who()).hide();
    servers.push(("rmcp", Router::new().nest_service("/mcp", server::http_with(guarded, json())), tools.ran));
    let tools = Tools::default();
    let layer = PersoLayer::new(policy()).agent_source(who()).hide();
    let app = Router::new().nest_service("/mcp", server::http_with(tools.clone(), json())).layer(layer);
    servers.push(("layer", app, tools.ran));
    let ran = Ran::default();
    let service = RouterLayer::new(policy()).agent_source(who()).hide().around(router(&ran));
    let transport = tower_mcp::HttpTransport::from_service(service).bridge_extension::<Claims>();
    servers.push(("tower-mcp", transport.into_router_at("/mcp"), ran));

    for (at, app, ran) in servers {
        let address = tcp::serve(app.layer(middleware::from_fn(authenticate))).await;
        for (args, headers) in [
            (json!({ "region": "eu" }), &[][..]),
            (json!({ "region": "eu" }), &["Mcp-Param-Region: us"][..]),
            (json!({ "region": "eu" }), &["Mcp-Param-Region: eu"][..]),
            (json!({}), &[][..]),
            (json!({}), &["Mcp-Param-Other: x"][..]),
        ] {
            let hidden = call(address, "agent", "wipe", args.clone(), headers).await;
            let unknown = call(address, "agent", "nothing", args.clone(), headers).await;
            assert_eq!(shape(&hidden, "wipe"), shape(&unknown, "nothing"), "{at}: {args}, {headers:?}");
            ran.assert_nothing(at);
        }
        // The headers of allowed calls are still checked, where the server knows the schema.
        let args = json!({ "amount": 5, "region": "eu" });
        let allowed = call(address, "agent", "pay", args.clone(), &["Mcp-Param-Region: eu"]).await;
        assert_eq!((allowed.status, ran.take().len()), (200, 1), "{at}: {allowed:?}");
        let headers: [&[&str]; 3] = [&["Mcp-Param-Region: us"], &["Mcp-Param-Region: eu", "Mcp-Param-Region: eu"], &[]];
        for headers in headers.into_iter().take(if at == "tower-mcp" { 0 } else { 3 }) {
            let refused = call(address, "agent", "pay", args.clone(), headers).await;
            assert!(refused.body.contains("-32020"), "{at}, {headers:?}: {refused:?}");
            ran.assert_nothing(at);
        }
    }
}
