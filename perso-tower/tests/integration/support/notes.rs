//! Servers with the tools, notes and prompts that `policies/README.md` documents for messages about them. They record what
//! runs under the name that a policy has for it.

use super::{Ran, router};
use rmcp::handler::server::router::Router;
use rmcp::handler::server::router::prompt::PromptRoute;
use rmcp::handler::server::router::tool::ToolRoute;
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value, json};
use tower_mcp::protocol::{self, CompleteParams, ReadResourceResult as Read};
use tower_mcp::{McpRouter, PromptBuilder, ResourceBuilder, ResourceTemplateBuilder};

type Outcome<T> = Result<T, ErrorData>;
type Page = Option<PaginatedRequestParams>;
type Context = RequestContext<RoleServer>;

pub const NOTES: [&str; 2] = ["note://public/1", "note://private/1"];
pub const TEMPLATES: [&str; 2] = ["note://public/{id}", "note://private/{id}"];
pub const SKILLS: [&str; 2] = ["note://public/look/SKILL.md", "note://private/pay/SKILL.md"];
pub const PROMPTS: [&str; 3] = ["greet", "report", "payroll"];

/// An rmcp server.
#[derive(Debug, Clone, Default)]
pub struct Notes(pub Ran);

impl Notes {
    /// Records params, without those that are not arguments.
    fn note(&self, request: &str, params: impl serde::Serialize) {
        let mut args = serde_json::to_value(params).unwrap();
        args.as_object_mut().unwrap().remove("_meta");
        self.0.note(request, args);
    }
}

fn skill(uri: &str) -> Value {
    let name = uri.rsplit('/').nth(1).unwrap();
    let file = json!({ "uri": uri, "digest": format!("sha256:{}", "0".repeat(64)), "size": 0 });
    json!({ "uri": uri, "frontmatter": { "name": name, "description": "a skill" }, "resources": [file] })
}

fn of<T: serde::de::DeserializeOwned>(value: Value) -> Outcome<T> {
    Ok(serde_json::from_value(value).unwrap())
}

impl ServerHandler for Notes {
    fn get_info(&self) -> ServerConfig {
        let everything = json!({ "completions": {}, "prompts": {}, "tools": {},
            "resources": { "subscribe": true, "listChanged": true },
            "extensions": { "io.modelcontextprotocol/skills": { "directoryRead": true } } });
        ServerConfig::new(serde_json::from_value(everything).unwrap())
    }

    async fn list_tools(&self, _: Page, _: Context) -> Outcome<ListToolsResult> {
        let tools = ["pay", "wipe", "mcp:resources/read"];
        let tools = tools.map(|name| json!({ "name": name, "inputSchema": { "type": "object" } }));
        of(json!({ "tools": tools }))
    }

    async fn call_tool(&self, request: CallToolRequestParams, _: Context) -> Outcome<CallToolResponse> {
        self.0.note(&request.name, request.arguments.map_or(Value::Null, Value::Object));
        Ok(CallToolResult::success(Vec::new()).into())
    }

    async fn list_prompts(&self, _: Page, _: Context) -> Outcome<ListPromptsResult> {
        let prompts = PROMPTS.map(|name| json!({ "name": name }));
        of(json!({ "prompts": prompts, "cacheScope": "public", "ttlMs": 1000 }))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: Context) -> Outcome<GetPromptResponse> {
        self.note("mcp:prompts/get", request);
        Ok(GetPromptResult::new(Vec::new()).into())
    }

    async fn list_resources(&self, _: Page, _: Context) -> Outcome<ListResourcesResult> {
        let notes = NOTES.map(|uri| json!({ "uri": uri, "name": uri }));
        of(json!({ "resources": notes }))
    }

    async fn list_resource_templates(&self, _: Page, _: Context) -> Outcome<ListResourceTemplatesResult> {
        let templates = TEMPLATES.map(|text| json!({ "uriTemplate": text, "name": text }));
        of(json!({ "resourceTemplates": templates }))
    }

    async fn read_resource(&self, request: ReadResourceRequestParams, _: Context) -> Outcome<ReadResourceResponse> {
        self.note("mcp:resources/read", request);
        Ok(ReadResourceResult::new(Vec::new()).into())
    }

    async fn read_resource_directory(
        &self,
        request: ReadResourceDirectoryRequestParams,
        _: Context,
    ) -> Outcome<ReadResourceDirectoryResult> {
        self.note("resources/directory/read", request);
        of(json!({ "resources": [] }))
    }

    async fn list_skills(&self, _: Page, _: Context) -> Outcome<ListSkillsResult> {
        of(json!({ "skills": SKILLS.map(skill) }))
    }

    async fn get_skill(&self, request: GetSkillRequestParams, _: Context) -> Outcome<GetSkillResult> {
        let skill = skill(&request.uri);
        self.note("mcp:resources/read", request);
        of(json!({ "skill": skill }))
    }

    async fn subscribe(&self, request: SubscribeRequestParams, _: Context) -> Outcome<()> {
        self.note("mcp:resources/subscribe", request);
        Ok(())
    }

    async fn unsubscribe(&self, request: UnsubscribeRequestParams, _: Context) -> Outcome<()> {
        self.note("mcp:resources/subscribe", request);
        Ok(())
    }

    async fn complete(&self, request: CompleteRequestParams, _: Context) -> Outcome<CompleteResult> {
        self.note("mcp:completion/complete", request);
        of(json!({ "completion": { "values": ["a"] } }))
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn on_custom_request(&self, request: CustomRequest, _: Context) -> Outcome<CustomResult> {
        self.0.note(&request.method, Value::Null);
        Ok(CustomResult(json!({})))
    }
}

/// rmcp's `Router` around that server. It answers lists of tools and of prompts itself, so it has these.
pub fn routed(notes: Notes) -> Router<Notes> {
    let router = ["pay", "mcp:resources/read"].into_iter().fold(Router::new(notes.clone()), |router, name| {
        let notes = notes.clone();
        let tool = Tool::new(name, "a tool", std::sync::Arc::new(JsonObject::new()));
        router.with_tool(ToolRoute::new_dyn(tool, move |context| {
            notes.0.note(name, Value::Object(context.arguments.unwrap_or_default()));
            Box::pin(async { Ok(CallToolResult::success(Vec::new()).into()) })
        }))
    });
    PROMPTS.into_iter().fold(router, |router, name| {
        let notes = notes.clone();
        router.with_prompt(PromptRoute::new_dyn(Prompt::new(name, Some("a prompt"), None), move |context| {
            let args = Value::Object(context.arguments.unwrap_or_default());
            notes.0.note("mcp:prompts/get", json!({ "name": context.name, "arguments": args }));
            Box::pin(async { Ok(GetPromptResult::new(Vec::new()).into()) })
        }))
    })
}

/// A tower-mcp router. tower-mcp itself answers lists and subscriptions.
pub fn tower(ran: &Ran) -> McpRouter {
    let mut all = McpRouter::new().server_info("notes", "1");
    for name in ["pay", "wipe"] {
        all = all.tool(router::tool(name, ran.clone()));
    }
    for name in PROMPTS {
        let ran = ran.clone();
        all = all.prompt(
            PromptBuilder::new(name)
                .optional_arg("team", "a team")
                .handler(move |args| {
                    let args = args.into_iter().map(|(key, value)| (key, Value::from(value))).collect::<Map<_, _>>();
                    ran.note("mcp:prompts/get", json!({ "name": name, "arguments": args }));
                    async { Ok(protocol::GetPromptResult::user_message("hello")) }
                })
                .build(),
        );
    }
    for uri in NOTES {
        let ran = ran.clone();
        all = all.resource(
            ResourceBuilder::new(uri)
                .name(uri)
                .handler(move || {
                    ran.note("mcp:resources/read", json!({ "uri": uri }));
                    async move { Ok(Read::text(uri, "text")) }
                })
                .build(),
        );
    }
    for text in TEMPLATES {
        let ran = ran.clone();
        all = all.resource_template(ResourceTemplateBuilder::new(text).name(text).handler(move |uri, _| {
            ran.note("mcp:resources/read", json!({ "uri": uri }));
            async { Ok(Read::text(uri, "text")) }
        }));
    }
    let ran = ran.clone();
    all.completion_handler(move |mut params: CompleteParams| {
        params.meta = None;
        ran.note("mcp:completion/complete", serde_json::to_value(params).unwrap());
        async { Ok(protocol::CompleteResult::new(vec!["a".to_owned()])) }
    })
}
