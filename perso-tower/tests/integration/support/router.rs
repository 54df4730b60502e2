//! A tower-mcp server that records what runs.

use super::{Claims, Ran};
use serde_json::Value;
use tower_mcp::protocol::TaskSupportMode;
use tower_mcp::{CallToolResult, HttpTransport, McpRouter, Tool, ToolBuilder};

pub fn router(ran: &Ran) -> McpRouter {
    let tools = ["ask", "pay", "t0", "wipe"].map(|name| tool(name, ran.clone()));
    tools.into_iter().fold(McpRouter::new().server_info("counting", "1"), McpRouter::tool)
}

pub fn tool(name: &'static str, ran: Ran) -> Tool {
    ToolBuilder::new(name)
        .description("a tool")
        .task_support(TaskSupportMode::Optional)
        .handler(move |args: Value| {
            let ran = ran.clone();
            async move {
                ran.note(name, args.clone());
                Ok(CallToolResult::text(format!("{name} ran with {args}")))
            }
        })
        .build()
}

/// Serves over HTTP. Requests carry the claims from the authentication layer.
pub fn http(ran: &Ran) -> HttpTransport {
    HttpTransport::new(router(ran)).bridge_extension::<Claims>()
}
