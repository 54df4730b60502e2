//! An MCP server for the gateway's tests: it writes down each call that it runs, and can be slow, ask, and fail.
//!
//! `upstream LOG` serves standard input and output, `upstream LOG 127.0.0.1:8001` Streamable HTTP. With `UPSTREAM_IS_OLD` in its
//! environment, it has only revisions with sessions.

#![allow(clippy::unwrap_used, reason = "it is for tests")]

use axum::serve::ListenerExt;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt, schemars, tool, tool_handler, tool_router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The notes and prompts that `policies/README.md` documents for messages about them.
const NOTES: [&str; 2] = ["note://public/1", "note://private/1"];
const TEMPLATES: [&str; 2] = ["note://public/{id}", "note://private/{id}"];
const SKILLS: [&str; 2] = ["note://public/look/SKILL.md", "note://private/pay/SKILL.md"];
const PROMPTS: [&str; 3] = ["greet", "report", "payroll"];

#[derive(Clone)]
struct Upstream {
    log: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Sum {
    a: f64,
    b: f64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Wait {
    milliseconds: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Region {
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Gather {
    text: String,
    of: usize,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Inner {
    tool_name: String,
    parameters: Option<JsonObject>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
struct Name {
    #[expect(dead_code, reason = "the client's answer has it")]
    name: String,
}

rmcp::elicit_safe!(Name);

#[tool_router]
impl Upstream {
    fn new(log: String) -> Self {
        Self { log }
    }

    /// Writes a line down: that a tool has run.
    fn ran(&self, what: &str) {
        let mut log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        // At once, so that lines of calls that run at the same time stay whole.
        log.write_all(format!("{what}\n").as_bytes()).unwrap();
    }

    /// Writes a line down: that a request has been answered, under the name that policies have for it.
    fn answered(&self, request: &str, params: impl Serialize) {
        let mut params = serde_json::to_value(params).unwrap();
        params.as_object_mut().unwrap().remove("_meta");
        self.ran(&format!("{request} {params}"));
    }

    #[tool(description = "Adds two numbers")]
    async fn add(&self, Parameters(sum): Parameters<Sum>) -> String {
        self.ran(&format!("add {} {}", sum.a, sum.b));
        (sum.a + sum.b).to_string()
    }

    #[tool(description = "Gives a text back")]
    async fn echo(&self, Parameters(echo): Parameters<Echo>) -> String {
        self.ran(&format!("echo {}", echo.text.len()));
        echo.text
    }

    #[tool(description = "Gives a region back, which clients repeat in the head of their request")]
    async fn region(&self, Parameters(region): Parameters<Region>) -> String {
        self.ran("region");
        region.region
    }

    #[tool(description = "Takes its time")]
    async fn wait(&self, Parameters(wait): Parameters<Wait>, context: RequestContext<RoleServer>) -> String {
        self.ran("wait");
        if let Some(token) = context.meta.get_progress_token() {
            let progress = ProgressNotificationParam::new(token, 0.5);
            let _ = context.peer.send_notification(ProgressNotification::new(progress).into()).await;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait.milliseconds)) => "done".to_owned(),
            () = context.ct.cancelled() => {
                self.ran("cancelled");
                "cancelled".to_owned()
            }
        }
    }

    #[tool(description = "Gives a text back when so many calls are there")]
    async fn gather(&self, Parameters(gather): Parameters<Gather>) -> String {
        static THERE: AtomicUsize = AtomicUsize::new(0);
        static ALL: Notify = Notify::const_new();
        let all = ALL.notified();
        if THERE.fetch_add(1, Ordering::SeqCst) + 1 < gather.of {
            all.await;
        } else {
            ALL.notify_waiters();
        }
        gather.text
    }

    #[tool(description = "Asks for a name")]
    async fn greet(&self, context: RequestContext<RoleServer>) -> String {
        self.ran("greet");
        match context.peer.elicit::<Name>("What is your name?").await {
            Ok(Some(_)) => "hello".to_owned(),
            Ok(None) => "no name".to_owned(),
            Err(error) => format!("cannot ask: {error}"),
        }
    }

    /// In the newer era: with an answer that asks.
    #[tool(description = "Asks for a name before it hands something over")]
    async fn hand(
        &self,
        responses: rmcp::handler::server::tool::InputResponses,
        state: rmcp::handler::server::tool::RequestState,
    ) -> CallToolResponse {
        self.ran(&format!("hand {} {}", json!(responses.0), json!(state.0)));
        if responses.0.is_some() {
            return CallToolResult::success(vec![ContentBlock::text("handed over")]).into();
        }
        let ask = json!({ "name": { "method": "elicitation/create", "params": {
            "mode": "form", "message": "What is your name?", "requestedSchema": { "type": "object", "properties": {} }
        } } });
        InputRequiredResult::new(serde_json::from_value(ask).ok(), Some("a state".to_owned())).into()
    }

    #[tool(description = "Ends the process")]
    async fn crash(&self) -> String {
        self.ran("crash");
        std::process::exit(3)
    }

    #[tool(description = "Gives the process's number")]
    async fn pid(&self) -> String {
        std::process::id().to_string()
    }

    #[tool(description = "Calls a tool by its name")]
    async fn call_tool(&self, Parameters(inner): Parameters<Inner>) -> String {
        self.ran(&format!("{} {}", inner.tool_name, Value::Object(inner.parameters.unwrap_or_default())));
        format!("{} is done", inner.tool_name)
    }

    #[tool(description = "Finds tools")]
    async fn find_tool(&self) -> CallToolResult {
        self.ran("find_tool");
        let tools = ["look", "pay", "wipe"].map(|name| json!({ "name": name, "description": "a tool" }));
        CallToolResult::structured(json!({ "tools": tools }))
    }

    #[tool(description = "Looks, with any arguments", annotations(read_only_hint = true))]
    async fn look(&self, Parameters(arguments): Parameters<JsonObject>) -> String {
        self.ran(&format!("look {}", Value::Object(arguments)));
        "looked".to_owned()
    }

    #[tool(description = "Pays, with any arguments", annotations(read_only_hint = false))]
    async fn pay(&self, Parameters(arguments): Parameters<JsonObject>) -> String {
        self.ran(&format!("pay {}", Value::Object(arguments)));
        "paid".to_owned()
    }

    #[tool(description = "Wipes, with any arguments")]
    async fn wipe(&self, Parameters(arguments): Parameters<JsonObject>) -> String {
        self.ran(&format!("wipe {}", Value::Object(arguments)));
        "wiped".to_owned()
    }

    #[tool(description = "What no rule is about")]
    async fn secret(&self) -> String {
        self.ran("secret");
        "secret".to_owned()
    }
}

#[tool_handler]
impl ServerHandler for Upstream {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .enable_skills()
            .build();
        let mut info = ServerConfig::new(capabilities);
        info.instructions = Some("Add before you echo.".to_owned());
        info
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let is_old = std::env::var_os("UPSTREAM_IS_OLD").is_some();
        let newest = if is_old { ProtocolVersion::V_2025_11_25 } else { ProtocolVersion::LATEST };
        Cow::Borrowed(ProtocolVersion::known_up_to(&newest))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let notes = NOTES.map(|uri| Resource::new(uri, uri));
        let log = Resource::new(format!("log://{}", self.log), "log");
        Ok(ListResourcesResult::with_all_items(notes.into_iter().chain([log]).collect()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = TEMPLATES.map(|text| ResourceTemplate::new(text, text));
        Ok(ListResourceTemplatesResult::with_all_items(templates.into()))
    }

    async fn read_resource(
        &self,
        read: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if NOTES.contains(&read.uri.as_str()) {
            let uri = read.uri.clone();
            self.answered("mcp:resources/read", read);
            return Ok(ReadResourceResult::new(vec![ResourceContents::text("a note", uri)]).into());
        }
        if read.uri != format!("log://{}", self.log) {
            return Err(ErrorData::resource_not_found("no such resource", None));
        }
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, read.uri)]).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompts = ["sum"].into_iter().chain(PROMPTS).map(|name| Prompt::new(name, Some("a prompt"), None));
        Ok(ListPromptsResult::with_all_items(prompts.collect()))
    }

    async fn get_prompt(
        &self,
        get: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        match get.name.as_str() {
            "sum" => Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, "Add!")]).into()),
            name if PROMPTS.contains(&name) => {
                self.answered("mcp:prompts/get", get);
                Ok(GetPromptResult::new(Vec::new()).into())
            }
            _ => Err(ErrorData::invalid_params("no such prompt", None)),
        }
    }

    async fn list_skills(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        Ok(ListSkillsResult::with_all_items(SKILLS.map(skill).into()))
    }

    async fn get_skill(
        &self,
        get: GetSkillRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        if !SKILLS.contains(&get.uri.as_str()) {
            return Err(ErrorData::resource_not_found("no such skill", None));
        }
        let skill = skill(&get.uri);
        self.answered("mcp:resources/read", get);
        Ok(GetSkillResult::new(skill))
    }

    async fn subscribe(
        &self,
        subscribe: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let updated = ResourceUpdatedNotificationParam::new(subscribe.uri.clone());
        let _ = context.peer.notify_resource_updated(updated).await;
        self.answered("mcp:resources/subscribe", subscribe);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        unsubscribe: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.answered("mcp:resources/subscribe", unsubscribe);
        Ok(())
    }

    async fn complete(
        &self,
        complete: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.answered("mcp:completion/complete", complete);
        Ok(serde_json::from_value(json!({ "completion": { "values": ["a"] } })).unwrap())
    }
}

fn skill(uri: &str) -> Skill {
    let name = uri.rsplit('/').nth(1).unwrap();
    let frontmatter = serde_json::from_value(json!({ "name": name, "description": "a skill" })).unwrap();
    Skill::new(uri, frontmatter, SkillResources::Files(vec![SkillResource::from_bytes(uri, b"")]))
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let log = arguments.next().unwrap();
    match arguments.next() {
        None => {
            let running = Upstream::new(log).serve(rmcp::transport::stdio()).await.unwrap();
            running.waiting().await.unwrap();
        }
        Some(address) => {
            let service = StreamableHttpService::new(
                move || Ok(Upstream::new(log.clone())),
                std::sync::Arc::new(LocalSessionManager::default()),
                StreamableHttpServerConfig::default(),
            );
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            println!("http://{}/mcp", listener.local_addr().unwrap());
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            axum::serve(listener, axum::Router::new().route_service("/mcp", service)).await.unwrap();
        }
    }
}
