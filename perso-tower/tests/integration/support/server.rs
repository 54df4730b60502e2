//! An rmcp server that records what runs.

use super::Ran;
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use std::sync::Arc;

/// A server with the tools `pay`, `wipe`, `ask` (which asks the client for input before it runs) and ten that only
/// admins may call, two tools per page.
#[derive(Debug, Clone, Default)]
pub struct Server {
    pub ran: Ran,
}

pub const TOOLS: [&str; 13] = ["ask", "pay", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "wipe"];
const PAGE: usize = 2;

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let at: usize = request.and_then(|page| page.cursor).map_or(0, |cursor| cursor.parse().unwrap());
        let schema = json!({ "type": "object" }).as_object().cloned().unwrap();
        let page = TOOLS.iter().skip(at).take(PAGE);
        let tools = page.map(|name| Tool::new(*name, "a tool", Arc::new(schema.clone()))).collect();
        let mut list = ListToolsResult::with_all_items(tools);
        list.next_cursor = (at + PAGE < TOOLS.len()).then(|| (at + PAGE).to_string());
        list.cache_scope = Some(CacheScope::Public);
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let args = Value::Object(request.arguments.unwrap_or_default());
        if request.name == "ask" && request.input_responses.is_none() {
            let ask = json!({ "answer": { "method": "elicitation/create", "params": {
                "mode": "form", "message": "Sure?", "requestedSchema": { "type": "object", "properties": {} }
            } } });
            let ask = serde_json::from_value(ask).unwrap();
            return Ok(InputRequiredResult::new(Some(ask), Some("state".to_owned())).into());
        }
        self.ran.note(&request.name, args.clone());
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("{} ran with {args}", request.name))]).into())
    }
}

/// Serves over HTTP, with sessions if the revision has them.
pub fn http<H: ServerHandler + Clone>(handler: H) -> StreamableHttpService<H, LocalSessionManager> {
    http_with(handler, StreamableHttpServerConfig::default())
}

pub fn http_with<H: ServerHandler + Clone>(
    handler: H,
    config: StreamableHttpServerConfig,
) -> StreamableHttpService<H, LocalSessionManager> {
    StreamableHttpService::new(move || Ok(handler.clone()), Default::default(), config)
}
